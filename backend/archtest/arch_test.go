package archtest_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/jellybind/jellybind"

// root is the module's folder.
func root(t *testing.T) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("the test does not know where it is")
	}
	dir := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Skipf("the sources are not here: %v", err)
	}
	return dir
}

// use is an import in a file that is not a test.
type use struct {
	dir     string // the importing package's folder, relative, with slashes; "." at the top
	file    string
	imports string
}

// uses reads the imports of every Go file, for all systems and build tags.
func uses(t *testing.T) []use {
	t.Helper()
	base := root(t)
	var found []use
	err := filepath.WalkDir(base, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")
			if name != base && (hidden || d.Name() == "testdata" || d.Name() == "dist") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(d.Name(), ".go") || strings.HasSuffix(d.Name(), "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(base, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		found = append(found, use{path.Dir(rel), rel, ""})
		for _, i := range file.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			found = append(found, use{path.Dir(rel), rel, p})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 50 {
		t.Fatalf("only %d imports were found: the test looks in the wrong place", len(found))
	}
	return found
}

// ours returns the folder of an import path of this module.
func ours(imports string) (dir string, ok bool) {
	if imports == module {
		return ".", true
	}
	return strings.CutPrefix(imports, module+"/")
}

// within reports whether dir is base or below it. Nothing counts as below the module's top.
func within(dir, base string) bool {
	return dir == base || base != "." && strings.HasPrefix(dir, base+"/")
}

// ruleFor returns the rule of the nearest folder.
func ruleFor(dir string) (layer, bool) {
	var best layer
	found := false
	for _, l := range layers {
		if within(dir, l.dir) && (!found || len(l.dir) > len(best.dir)) {
			best, found = l, true
		}
	}
	return best, found
}

// allowed reports whether a package under the rule may import the folder. "backend" is only the composition root: the
// packages below it have their own rules.
func allowed(l layer, imported string) bool {
	target, ok := ruleFor(imported)
	if !ok {
		return false
	}
	return target.dir == l.dir || slices.Contains(l.may, target.dir)
}

func TestLayersPointDown(t *testing.T) {
	t.Parallel()
	for _, u := range uses(t) {
		rule, ok := ruleFor(u.dir)
		// The root's rule does not cover the packages below it. Each needs its own.
		if !ok || rule.dir == "backend" && u.dir != "backend" {
			if u.imports == "" {
				t.Errorf("%s: the package %s has no layer; give it a line in layers_test.go", u.file, u.dir)
			}
			continue
		}
		if dir, our := ours(u.imports); our && !allowed(rule, dir) {
			t.Errorf("%s imports %s, which %s may not: %s", u.file, dir, rule.dir, rule.reason)
		}
		if u.dir == "build" && strings.Contains(u.imports, ".") {
			t.Errorf("%s imports %s: %s", u.file, u.imports, rule.reason)
		}
	}
}

// A rule without a folder is left over from a move. It would apply to a new package of that name.
func TestLayersExist(t *testing.T) {
	t.Parallel()
	exists := func(dir string) bool {
		info, err := os.Stat(filepath.Join(root(t), filepath.FromSlash(dir)))
		return err == nil && info.IsDir()
	}
	for _, l := range layers {
		if !exists(l.dir) {
			t.Errorf("there is a rule for %s, and no such folder", l.dir)
		}
	}
	for _, o := range onlies {
		for _, dir := range o.in {
			if !exists(dir) {
				t.Errorf("%s may import %s, and there is no such folder", dir, o.imports)
			}
		}
	}
}

func TestLayersHaveNoCycle(t *testing.T) {
	t.Parallel()
	const visiting, done = 1, 2
	state := map[string]int{}
	var visit func(dir string, trail []string)
	visit = func(dir string, trail []string) {
		trail = append(trail, dir)
		switch state[dir] {
		case visiting:
			t.Errorf("the rules allow a cycle: %s", strings.Join(trail, " → "))
			return
		case done:
			return
		}
		state[dir] = visiting
		for _, l := range layers {
			if l.dir != dir {
				continue
			}
			if l.reason == "" {
				t.Errorf("the rule of %s has no reason", dir)
			}
			for _, m := range l.may {
				if !slices.ContainsFunc(layers, func(l layer) bool { return l.dir == m }) {
					t.Errorf("the rule of %s names %s, which has no rule", dir, m)
				}
				visit(m, slices.Clone(trail))
			}
		}
		state[dir] = done
	}
	for _, l := range layers {
		visit(l.dir, nil)
	}
}

// forTests reports whether a package is only for tests. Its name ends with test, as httptest does.
func forTests(dir string) bool { return strings.HasSuffix(dir, "test") }

func TestNothingShippedImportsTestPackages(t *testing.T) {
	t.Parallel()
	for _, u := range uses(t) {
		if dir, our := ours(u.imports); our && forTests(dir) && !forTests(u.dir) {
			t.Errorf("%s imports %s, which is for tests", u.file, dir)
		}
	}
}

func TestOnlyOnePlaceDoesIt(t *testing.T) {
	t.Parallel()
	for _, u := range uses(t) {
		for _, o := range onlies {
			base, below := strings.CutSuffix(o.imports, "/...")
			if u.imports != base && (!below || !strings.HasPrefix(u.imports, base+"/")) {
				continue
			}
			if forTests(u.dir) || slices.ContainsFunc(o.in, func(in string) bool { return within(u.dir, in) }) {
				continue
			}
			t.Errorf("%s imports %s, which only %s may: %s", u.file, u.imports, cmp.Or(strings.Join(o.in, ", "), "tests"), o.reason)
		}
	}
}

// The go command lists the frontend's dependencies, because the dependencies of other modules count, too.
func TestFrontendStaysSmall(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./frontend/...")
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, problem.String())
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"/frontend") {
		t.Fatal("go list did not name the frontend itself")
	}
	for _, heavy := range []string{"net/http", "crypto/tls", "os/exec", "html/template", "text/template", "go/ast"} {
		if slices.Contains(deps, heavy) {
			t.Errorf("the frontend depends on %s: net/http alone makes the WebAssembly three times as large", heavy)
		}
	}
}

func TestTopLevel(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s stands at the top; only these may: %s", e.Name(), strings.Join(topLevel, " "))
		}
	}
}

// The page is the least trusted part, because it shows names from strangers. So bound methods take and return only basic
// types and types of package api, which imports no other package of ours and therefore cannot hold a secret.Value.
func TestBoundMethods(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root(t), "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no Go file at the top: %v", err)
	}
	bound := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			method, ok := d.(*ast.FuncDecl)
			if !ok || method.Recv == nil || !method.Name.IsExported() || receiver(method) != "App" {
				continue
			}
			bound++
			for _, problem := range boundProblems(method) {
				t.Errorf("App.%s %s", method.Name.Name, problem)
			}
		}
	}
	if bound == 0 {
		t.Error("App has no bound method: the test looks in the wrong place")
	}
}

func receiver(f *ast.FuncDecl) string {
	e := f.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// boundProblems returns what is wrong with a method that the page can call.
func boundProblems(f *ast.FuncDecl) []string {
	var problems []string
	for _, p := range f.Type.Params.List {
		if !crosses(p.Type) {
			problems = append(problems, "takes a type that is neither basic nor of package api")
		}
		for _, n := range p.Names {
			name := strings.ToLower(n.Name)
			for _, word := range []string{"path", "file", "folder", "dir", "command", "cmd", "exec", "argv"} {
				if strings.Contains(name, word) {
					problems = append(problems, "takes "+n.Name+": the page may name no file and no program")
				}
			}
		}
	}
	if f.Type.Results == nil {
		return problems
	}
	for i, r := range f.Type.Results.List {
		id, isIdent := r.Type.(*ast.Ident)
		last := i == len(f.Type.Results.List)-1
		if !crosses(r.Type) && (!last || !isIdent || id.Name != "error") {
			problems = append(problems, "returns a type that is neither basic nor of package api")
		}
	}
	return problems
}

// crosses reports whether a type consists of basic types and types of package api.
func crosses(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return slices.Contains([]string{"bool", "string", "int", "int64", "float64"}, e.Name)
	case *ast.SelectorExpr:
		pkg, ok := e.X.(*ast.Ident)
		return ok && pkg.Name == "api"
	case *ast.ArrayType:
		return crosses(e.Elt)
	case *ast.StarExpr:
		return crosses(e.X)
	case *ast.MapType:
		return crosses(e.Key) && crosses(e.Value)
	}
	return false
}

// TestBoundProblems shows that the rule for bound methods can fail, which app.go does not.
func TestBoundProblems(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		signature string
		problems  int
	}{
		{"()", 0},
		{"() error", 0},
		{"(q api.RosterQuery) (*api.RosterPage, error)", 0},
		{"(ids []string, all map[string]api.User) ([]api.Change, error)", 0},
		{"() secret.Value", 1},
		{"() (map[string]secret.Value, error)", 1},
		{"(key secret.Value) error", 1},
		{"(path string) error", 1},
		{"(browserCommand string) error", 1},
		{"(ctx context.Context, fileName string) ([]byte, error)", 3},
		{"() any", 1},
		{"() (error, string)", 1},
	} {
		src := "package p\nfunc (a *App) M" + test.signature + " { panic(0) }"
		file, err := parser.ParseFile(token.NewFileSet(), "m.go", src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		method, ok := file.Decls[0].(*ast.FuncDecl)
		if !ok {
			t.Fatalf("%s is no function", test.signature)
		}
		if got := boundProblems(method); len(got) != test.problems {
			t.Errorf("%s: %d problems, want %d: %q", test.signature, len(got), test.problems, got)
		}
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from, to string
		want     bool
	}{
		{"backend/ssoplugin", "backend/jellyfin", true},
		{"backend/jellyfin", "backend/ssoplugin", false},
		{"backend/api", "backend/secret", false},
		{"backend/demo/idp", "backend/demo", true},
		{"backend/demo", "backend/jellyfin", false},
		{"backend/cli", "backend", true},
		{"backend/cli", "backend/ssoplugin", false},
		{"backend/cli", "backend/relayflow", false},
		{"backend", "backend/cli", false},
		{"backend", "backend/window", false},
		{"backend", "backend/desktop", false},
		{"backend/window", "backend", true},
		{"backend/window", "backend/relayflow", false},
		{"backend/window", "backend/cli", false},
		{"backend/cli", "backend/window", false},
		{"backend/link", "backend", false},
		{"frontend/views", "frontend/dom", true},
		{"frontend/views", "backend/secret", false},
		{".", "backend/cli", true},
		{".", "backend/link", false},
		{"backend/relayflow", "backend/samlflow", false},
	} {
		rule, ok := ruleFor(test.from)
		if !ok {
			t.Errorf("%s has no rule", test.from)
			continue
		}
		if got := allowed(rule, test.to); got != test.want {
			t.Errorf("%s imports %s: allowed is %t, want %t", test.from, test.to, got, test.want)
		}
	}
}
