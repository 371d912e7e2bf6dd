package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNobodySharesATransport keeps http.DefaultTransport out of the code and its tests. httptest.Server.Close closes that
// transport's idle connections, so a test that ends breaks a request of another test which has just taken one.
func TestNobodySharesATransport(t *testing.T) {
	t.Parallel()
	base, read := root(t), 0
	err := filepath.WalkDir(base, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		read++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for pos, what := range sharing(file) {
			t.Errorf("%s: %s uses http.DefaultTransport; give it a Transport of its own", set.Position(pos), what)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 300 {
		t.Errorf("only %d files were read: the test looks in the wrong place", read)
	}
}

func TestSharing(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		"var _ = http.DefaultClient":                                      1,
		"var _ = http.DefaultTransport":                                   1,
		`var _, _ = http.Get("")`:                                         1,
		"var _ = httputil.NewSingleHostReverseProxy(nil)":                 1,
		"var _ = http.Client{}":                                           1,
		"var _ = &httputil.ReverseProxy{}":                                1,
		"var _ = &httputil.ReverseProxy{Transport: &http.Transport{}}":    0,
		"var _ = http.Client{Timeout: 1, Transport: &http.Transport{}}":   0,
		"var _ = http.Transport{}":                                        0,
		"var _ = &http.Client{Transport: http.DefaultTransport}":          1,
		"func _(c *http.Client, p httputil.ReverseProxy) { c.Get(\"\") }": 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(sharing(file)); got != want {
			t.Errorf("%s: %d, want %d", source, got, want)
		}
	}
}

// sharing finds what uses http.DefaultTransport, by its name or because nothing else is said.
func sharing(file *ast.File) map[token.Pos]string {
	found := map[token.Pos]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			name := qualified(n)
			if slices.Contains([]string{
				"http.DefaultClient", "http.DefaultTransport", "http.Get", "http.Head", "http.Post", "http.PostForm",
				"httputil.NewSingleHostReverseProxy",
			}, name) {
				found[n.Pos()] = name
			}
		case *ast.CompositeLit:
			name := qualified(n.Type)
			if (name == "http.Client" || name == "httputil.ReverseProxy") && !sets(n, "Transport") {
				found[n.Pos()] = name
			}
		}
		return true
	})
	return found
}

// qualified returns a name with its package's name, or "" for another expression.
func qualified(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return x.Name + "." + s.Sel.Name
}

// sets reports whether a composite literal names the field.
func sets(lit *ast.CompositeLit, field string) bool {
	return slices.ContainsFunc(lit.Elts, func(e ast.Expr) bool {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		key, ok := kv.Key.(*ast.Ident)
		return ok && key.Name == field
	})
}
