package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// said is what the backend's packages name: reasons, parts, hints and facts, and each literal of an api.Error.
type said struct {
	codes  map[string]string // values by their names in package api
	whys   map[string]token.Position
	parts  map[string]token.Position // at {why} and {doing}
	nexts  map[string]token.Position
	steps  map[string]token.Position // of an api.Progress
	names  map[string]token.Position // of an api.Fact
	facts  map[string]bool           // the keys of all Params
	errors []saidError
}

type saidError struct {
	at        token.Position
	code, why string
	named     bool // its reason may come from elsewhere
	facts     []string
	open      bool // some facts come from elsewhere
}

// listen reads the backend's packages, but for the simulated servers and the tests. A reason is a value of the type api.Why
// by its place: a field or a parameter of that type, or a variable named why. A part is a value of a table whose name ends in Parts, or an argument for a parameter named
// why or doing of the type string, a hint one named next, and facts are pairs for one named pairs.
func listen(t *testing.T) *said {
	t.Helper()
	s := &said{
		codes: map[string]string{}, whys: map[string]token.Position{}, parts: map[string]token.Position{},
		nexts: map[string]token.Position{}, steps: map[string]token.Position{}, names: map[string]token.Position{}, facts: map[string]bool{},
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if slices.Contains([]string{"demo", "archtest", "e2e", "testdata", "words"}, d.Name()) {
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
		s.hear(set, parsed)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// takes are a package's functions, and which of their parameters are reasons, parts and hints.
type takes map[string]map[int]string

func (s *said) hear(set *token.FileSet, files []*ast.File) {
	functions := takes{"Why": {0: "reason"}, "Refused": {1: "next"}}
	each := func(visit func(ast.Node)) {
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool { visit(n); return true })
		}
	}
	each(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.FuncDecl:
			functions.add(n.Name.Name, n.Type)
		case *ast.AssignStmt:
			if f, ok := n.Rhs[0].(*ast.FuncLit); ok && len(n.Rhs) == 1 {
				functions.add(nameOf(n.Lhs[0]), f.Type)
			}
		case *ast.ValueSpec:
			s.hearConstant(set, n)
		}
	})
	each(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			for i, kind := range functions[nameOf(n.Fun)] {
				switch {
				case i >= len(n.Args):
				case kind == "pairs":
					for j := i; j+1 < len(n.Args); j += 2 {
						s.hearFact(set, n.Args[j], n.Args[j+1])
					}
				default:
					s.name(kind, n.Args[i], set)
				}
			}
		case *ast.AssignStmt:
			s.hearAssignment(set, n)
		case *ast.CompositeLit:
			s.hearLiteral(set, n)
		}
	})
}

func (f takes) add(name string, t *ast.FuncType) {
	at := 0
	for _, p := range t.Params.List {
		for _, id := range p.Names {
			kind := ""
			switch {
			case nameOf(p.Type) == "Why":
				kind = "reason"
			case nameOf(p.Type) == "string" && (id.Name == "why" || id.Name == "doing"):
				kind = "part"
			case id.Name == "next":
				kind = "next"
			case id.Name == "pairs":
				kind = "pairs"
			}
			if kind != "" {
				if f[name] == nil {
					f[name] = map[int]string{}
				}
				f[name][at] = kind
			}
			at++
		}
	}
}

// name notes a literal.
func (s *said) name(kind string, e ast.Expr, set *token.FileSet) {
	word, ok := literal(e)
	if !ok || word == "" {
		return
	}
	kinds := map[string]map[string]token.Position{
		"reason": s.whys, "part": s.parts, "next": s.nexts, "step": s.steps, "fact": s.names,
	}
	kinds[kind][word] = set.Position(e.Pos())
}

func (s *said) hearConstant(set *token.FileSet, n *ast.ValueSpec) {
	if len(n.Values) != 1 {
		return
	}
	switch nameOf(n.Type) {
	case "Code":
		s.codes[n.Names[0].Name], _ = literal(n.Values[0])
	case "Why":
		s.name("reason", n.Values[0], set)
	}
	if table, ok := n.Values[0].(*ast.CompositeLit); ok && strings.HasSuffix(n.Names[0].Name, "Parts") {
		for _, element := range table.Elts {
			if kv, ok := element.(*ast.KeyValueExpr); ok {
				s.name("part", kv.Value, set)
			}
		}
	}
	for i, id := range n.Names {
		if strings.HasSuffix(id.Name, "Why") && i < len(n.Values) {
			s.name("reason", n.Values[i], set)
		}
	}
}

func (s *said) hearAssignment(set *token.FileSet, n *ast.AssignStmt) {
	for i, left := range n.Lhs {
		if i >= len(n.Rhs) {
			return
		}
		if index, ok := left.(*ast.IndexExpr); ok && nameOf(index.X) == "Params" {
			s.hearFact(set, index.Index, n.Rhs[i])
		}
		switch nameOf(left) {
		case "Why":
			s.name("reason", n.Rhs[i], set)
		case "next":
			s.name("next", n.Rhs[i], set)
		case "why": // a reason or a part: the catalogue decides
			s.name("reason", n.Rhs[i], set)
			s.name("part", n.Rhs[i], set)
		case "part":
			s.name("part", n.Rhs[i], set)
		}
	}
}

func (s *said) hearFact(set *token.FileSet, key, value ast.Expr) {
	name, _ := literal(key)
	s.facts[name] = true
	switch name {
	case "why", "doing":
		s.name("part", value, set)
	case "next":
		s.name("next", value, set)
	}
}

func (s *said) hearLiteral(set *token.FileSet, n *ast.CompositeLit) {
	if _, ok := n.Type.(*ast.MapType); ok {
		for _, element := range n.Elts {
			if kv, ok := element.(*ast.KeyValueExpr); ok {
				s.hearFact(set, kv.Key, kv.Value)
			}
		}
		return
	}
	e := saidError{at: set.Position(n.Pos())}
	for _, element := range n.Elts {
		kv, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		switch nameOf(kv.Key) {
		case "Why":
			s.name("reason", kv.Value, set)
			e.named = true
			e.why, _ = literal(kv.Value)
		case "Step":
			if nameOf(n.Type) == "Progress" {
				s.name("step", kv.Value, set)
			}
		case "Name":
			if name := nameOf(n.Type); name == "Fact" || name == "" {
				s.name("fact", kv.Value, set)
			}
		case "Code":
			e.code = nameOf(kv.Value)
		case "Params":
			e.facts, e.open = keys(kv.Value)
		}
	}
	s.hearTable(set, n)
	if nameOf(n.Type) == "Error" && e.code != "" {
		s.errors = append(s.errors, e)
	}
}

// nameOf is the last name of an expression: of a function, a type or a variable.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func literal(e ast.Expr) (string, bool) {
	if call, ok := e.(*ast.CallExpr); ok && nameOf(call.Fun) == "Why" && len(call.Args) == 1 {
		e = call.Args[0]
	}
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

func keys(e ast.Expr) (list []string, open bool) {
	lit, ok := e.(*ast.CompositeLit)
	if !ok {
		return nil, true
	}
	for _, element := range lit.Elts {
		if kv, ok := element.(*ast.KeyValueExpr); ok {
			key, _ := literal(kv.Key)
			list = append(list, key)
		}
	}
	return list, false
}

// hearTable hears the rows of a table whose first column is a reason.
func (s *said) hearTable(set *token.FileSet, n *ast.CompositeLit) {
	list, ok := n.Type.(*ast.ArrayType)
	if !ok {
		return
	}
	row, ok := list.Elt.(*ast.StructType)
	if !ok || len(row.Fields.List) == 0 || nameOf(row.Fields.List[0].Type) != "Why" {
		return
	}
	for _, element := range n.Elts {
		if lit, ok := element.(*ast.CompositeLit); ok && len(lit.Elts) > 0 {
			s.name("reason", lit.Elts[0], set)
		}
	}
}
