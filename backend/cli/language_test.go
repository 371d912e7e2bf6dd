package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jellybind/jellybind/backend/words"
)

// said collects the texts that the package's sources pass to the app's t, count and headers, as they are or by a variable or
// constant.
func said(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	texts, named, values := map[string]bool{}, map[string]bool{}, map[string][]string{}
	take := func(args ...ast.Expr) {
		for _, arg := range args {
			if text, ok := constant(arg); ok {
				texts[text] = true
			} else if id, ok := arg.(*ast.Ident); ok {
				named[id.Name] = true
			}
		}
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name := ""
				switch f := n.Fun.(type) {
				case *ast.SelectorExpr:
					name = f.Sel.Name
				case *ast.Ident:
					name = f.Name
				}
				switch {
				case name == "t" && len(n.Args) > 0, name == "say":
					take(n.Args[0])
				case name == "count" && len(n.Args) == 3:
					take(n.Args[1:]...)
				case name == "headers":
					take(n.Args...)
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if id, ok := left.(*ast.Ident); ok && i < len(n.Rhs) {
						if text, ok := constant(n.Rhs[i]); ok {
							values[id.Name] = append(values[id.Name], text)
						}
					}
				}
			case *ast.ValueSpec:
				for i, id := range n.Names {
					if i < len(n.Values) {
						if text, ok := constant(n.Values[i]); ok {
							values[id.Name] = append(values[id.Name], text)
						}
					}
				}
			}
			return true
		})
	}
	for name := range named {
		for _, text := range values[name] {
			texts[text] = true
		}
	}
	delete(texts, "")
	return texts
}

// constant is the value of a string literal, or of several that are added.
func constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok := constant(e.X)
		right, also := constant(e.Y)
		return left + right, ok && also
	}
	return "", false
}

// helped collects the texts of help, as translate takes them apart. What cobra says of completion, and the types of help json,
// stay as they are.
func helped() map[string]bool {
	texts := map[string]bool{}
	add := func(text string) {
		if strings.TrimSpace(text) != "" && !strings.HasPrefix(text, "jellybind ") {
			texts[text] = true
		}
	}
	long := func(text string) {
		for block := range strings.SplitSeq(text, "\n\n") {
			if !indented(block) {
				add(strings.ReplaceAll(block, "\n", " "))
				continue
			}
			for line := range strings.SplitSeq(block, "\n") {
				add(strings.TrimLeft(line, " "))
			}
		}
	}
	a := &app{words: words.For("en"), version: "1.2.3", out: newPrinter(io.Discard), err: newPrinter(io.Discard)}
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		add(c.Short)
		if c.Name() == "json" {
			for block := range strings.SplitSeq(c.Long, "\n\n") {
				if !indented(block) {
					add(strings.ReplaceAll(block, "\n", " "))
				}
			}
			return
		}
		if c.Name() == "completion" {
			return
		}
		long(c.Long)
		for line := range strings.SplitSeq(c.Example, "\n") {
			if strings.Contains(line, "   ") && !strings.HasPrefix(line, "   ") {
				texts[strings.TrimLeft(line, " ")] = true
			}
		}
		visit := func(f *pflag.Flag) {
			add(f.Usage)
			if takes, ok := f.Value.(*choice); ok {
				add(takes.what)
			}
		}
		for _, word := range placeholder.FindAllString(c.Use, -1) {
			add(word)
		}
		c.Flags().VisitAll(visit)
		c.PersistentFlags().VisitAll(visit)
		for _, g := range c.Groups() {
			add(g.Title)
		}
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	// English is what is left of the commands where no language is set.
	each(a.root())
	for _, text := range templateTexts {
		add(text)
	}
	return texts
}

// TestEverythingIsGerman: each text of the command line has a German one with the same values, and no German is left over.
func TestEverythingIsGerman(t *testing.T) {
	t.Parallel()
	german, texts := translations(), helped()
	for text := range said(t) {
		texts[text] = true
	}
	values := regexp.MustCompile(`\{[a-z]+\}`)
	sorted := func(s string) []string { return slices.Sorted(slices.Values(values.FindAllString(s, -1))) }
	for text := range texts {
		if german[text] == "" {
			t.Errorf("no German for %q", text)
		} else if !slices.Equal(sorted(text), sorted(german[text])) {
			t.Errorf("%q: values %v in English, %v in German", text, sorted(text), sorted(german[text]))
		}
	}
	for text := range german {
		if !texts[text] {
			t.Errorf("nothing says %q", text)
		}
	}
	if len(texts) < 200 {
		t.Errorf("only %d texts found", len(texts))
	}
}
