package german

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// spoken is what the backend's sources say to a person: each reason that they name, and each error of theirs.
type spoken struct {
	reasons   map[string]token.Position
	fragments map[string]token.Position // what stands in a sentence at {why} or {doing}
	errors    []spokenError
	codes     map[string]string // by their names in package api
	names     map[string]bool   // the keys of all Params
}

// spokenError is a literal of api.Error. Keys are those of its Params, where they stand in it.
type spokenError struct {
	at             token.Position
	code, sentence string
	reason         string
	told           bool // by a reason, which may come from elsewhere
	keys           []string
	openKeys       bool // some come from elsewhere
}

// listen reads the backend's packages that the window reaches, one by one: a reason is the value of a field Why, or an
// argument for a parameter of the type api.Why of a function of the same package; a fragment is one for a parameter of the
// name why or doing.
func listen(t *testing.T) spoken {
	t.Helper()
	heard := spoken{reasons: map[string]token.Position{}, fragments: map[string]token.Position{}, codes: map[string]string{}, names: map[string]bool{}}
	root := ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		switch d.Name() {
		case "cli", "demo", "archtest", "e2e", "german", "testdata":
			return fs.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(path, "*.go"))
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		var parsed []*ast.File
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			parsed = append(parsed, file)
		}
		heard.hear(set, parsed)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return heard
}

func (s *spoken) hear(set *token.FileSet, files []*ast.File) {
	takes := map[string]int{"Why": 0} // functions that take a reason, and where
	parts := map[string]int{}         // and those that take a fragment
	each := func(visit func(ast.Node)) {
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool { visit(n); return true })
		}
	}
	each(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.FuncDecl:
			params(n.Name.Name, n.Type, takes, parts)
		case *ast.AssignStmt:
			if f, ok := n.Rhs[0].(*ast.FuncLit); ok && len(n.Rhs) == 1 {
				if name, ok := n.Lhs[0].(*ast.Ident); ok {
					params(name.Name, f.Type, takes, parts)
				}
			}
		case *ast.ValueSpec:
			if len(n.Values) == 1 && n.Type != nil && called(n.Type) == "Code" {
				s.codes[n.Names[0].Name] = text(n.Values[0])
			}
			if typed(n.Type) && len(n.Values) == 1 {
				reason, _ := word(n.Values[0])
				s.reasons[reason] = set.Position(n.Pos())
			}
		}
	})
	say := func(e ast.Expr) {
		if reason, ok := word(e); ok && reason != "" {
			s.reasons[reason] = set.Position(e.Pos())
		}
	}
	part := func(e ast.Expr) {
		if words, ok := word(e); ok {
			s.fragments[words] = set.Position(e.Pos())
		}
	}
	each(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			if at, ok := takes[called(n.Fun)]; ok && at < len(n.Args) {
				say(n.Args[at])
			}
			if at, ok := parts[called(n.Fun)]; ok && at < len(n.Args) {
				part(n.Args[at])
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				switch name := called(left); {
				case i >= len(n.Rhs):
				case name == "Why", name == "why" && !strings.Contains(text(n.Rhs[i]), " "):
					say(n.Rhs[i])
				case name == "why":
					part(n.Rhs[i])
				}
			}
		case *ast.IndexExpr:
			if called(n.X) == "Params" {
				s.names[text(n.Index)] = true
			}
		case *ast.CompositeLit:
			if _, ok := n.Type.(*ast.MapType); ok {
				list, _ := keys(n)
				for _, key := range list {
					s.names[key] = true
				}
			}
			e := spokenError{at: set.Position(n.Pos())}
			for _, element := range n.Elts {
				if kv, ok := element.(*ast.KeyValueExpr); ok {
					name, _ := kv.Key.(*ast.Ident)
					if name == nil {
						continue
					}
					switch name.Name {
					case "Why":
						say(kv.Value)
						e.told = true
						e.reason, _ = word(kv.Value)
					case "Code":
						e.code = called(kv.Value)
					case "Sentence":
						e.sentence, _ = word(kv.Value)
					case "Params":
						e.keys, e.openKeys = keys(kv.Value)
					}
				}
			}
			if called(n.Type) == "Error" && e.code != "" {
				s.errors = append(s.errors, e)
			}
		}
	})
}

func params(name string, f *ast.FuncType, takes, parts map[string]int) {
	at := 0
	for _, p := range f.Params.List {
		switch {
		case typed(p.Type):
			takes[name] = at
		case len(p.Names) > 0 && (p.Names[0].Name == "why" || p.Names[0].Name == "doing"):
			parts[name] = at
		}
		at += max(1, len(p.Names))
	}
}

func typed(e ast.Expr) bool { return e != nil && called(e) == "Why" }

// called is the last name of an expression: of a function, a type or a constant.
func called(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func word(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

func text(e ast.Expr) string { s, _ := word(e); return s }

func keys(e ast.Expr) (list []string, open bool) {
	lit, ok := e.(*ast.CompositeLit)
	if !ok {
		return nil, true
	}
	for _, element := range lit.Elts {
		kv, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, ok := word(kv.Key)
		open = open || !ok
		list = append(list, key)
	}
	return list, open
}

// texts are the lines of Reasons, by key.
func texts(t *testing.T) map[string]string {
	t.Helper()
	german := map[string]string{}
	for line := range strings.Lines(strings.TrimPrefix(Reasons, "\n")) {
		key, words, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
		if !ok || words == "" || german[key] != "" {
			t.Errorf("line %q: no text, or a second one", line)
		}
		german[key] = words
	}
	return german
}

var placeholder = regexp.MustCompile(`\{[A-Za-z]+\}`)

// TestEveryReasonIsGerman reads the reasons and fragments out of the backend's sources. Those of package api are in the
// window's catalogues, in both languages.
func TestEveryReasonIsGerman(t *testing.T) {
	t.Parallel()
	heard, german := listen(t), texts(t)
	for reason, at := range heard.reasons {
		if reason != "" && german[reason] == "" && filepath.Base(filepath.Dir(at.Filename)) != "api" {
			t.Errorf("%s: no German for %q", at, reason)
		}
	}
	for words, at := range heard.fragments {
		if german[words] == "" {
			t.Errorf("%s: no German for %q", at, words)
		}
	}
	codes := slices.Collect(maps.Values(heard.codes))
	for key := range german {
		base := strings.TrimSuffix(key, ".hint")
		if heard.reasons[base].Line == 0 && heard.fragments[base].Line == 0 && !slices.Contains(codes, base) {
			t.Errorf("nobody says %q", key)
		}
		for _, hole := range placeholder.FindAllString(german[key], -1) {
			if !heard.names[strings.Trim(hole, "{}")] {
				t.Errorf("the German of %q needs %s, which nobody gives", key, hole)
			}
		}
	}
	for _, e := range heard.errors {
		if !e.told {
			e.reason = heard.codes[e.code]
		}
		if e.reason == "" || e.openKeys {
			continue
		}
		for _, hole := range placeholder.FindAllString(german[e.reason]+german[e.reason+".hint"], -1) {
			if !slices.Contains(e.keys, strings.Trim(hole, "{}")) {
				t.Errorf("%s: the German of %q needs %s", e.at, e.reason, hole)
			}
		}
	}
	if len(heard.reasons) < 150 || len(heard.fragments) < 80 {
		t.Errorf("only %d reasons and %d fragments found", len(heard.reasons), len(heard.fragments))
	}
}

// TestNoErrorIsToldByAnothersSentence: where the errors of a code have no reason, they name the same.
func TestNoErrorIsToldByAnothersSentence(t *testing.T) {
	t.Parallel()
	first := map[string]spokenError{}
	for _, e := range listen(t).errors {
		switch {
		case e.told || e.code == "CodeInternal" || e.code == "CodeCancelled": // Jellybind's own fault, and nobody's
		case first[e.code].code == "":
			first[e.code] = e
		case !slices.Equal(first[e.code].keys, e.keys):
			t.Errorf("%s: without a reason, %s is told as at %s", e.at, e.code, first[e.code].at)
		}
	}
	if len(first) < 30 {
		t.Errorf("only %d codes found", len(first))
	}
}
