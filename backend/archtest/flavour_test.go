package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// mayNameFlavours are the only folders that may name one of the plugin's flavours, besides the constants in package api.
// Everything else asks api.Capabilities, so that a new flavour touches these folders alone.
var mayNameFlavours = of("backend/ssoplugin", "backend/demo")

// flavourName matches the constants' identifiers, and a string that is one of their values.
var flavourName = regexp.MustCompile(`^(Flavour)?(9p4|K0lin|Flowfin)$`)

func TestFlavoursAreNamedInTheirOwnFolders(t *testing.T) {
	t.Parallel()
	base, named := root(t), 0
	err := filepath.WalkDir(base, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(base, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, at := range flavoursIn(file) {
			named++
			if !namesFlavours(rel) {
				t.Errorf("%s:%d names a flavour of the plugin: ask api.Capabilities instead", rel, fset.Position(at).Line)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if named < 10 {
		t.Errorf("only %d names were found: the test looks in the wrong place", named)
	}
}

func namesFlavours(file string) bool {
	if file == "backend/api/api.go" { // the constants
		return true
	}
	for _, dir := range mayNameFlavours {
		if strings.HasPrefix(file, dir+"/") {
			return true
		}
	}
	return false
}

// flavoursIn returns where a file names a flavour.
func flavoursIn(file *ast.File) []token.Pos {
	var found []token.Pos
	ast.Inspect(file, func(n ast.Node) bool {
		name := ""
		switch n := n.(type) {
		case *ast.Ident:
			name = n.Name
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				name = s
			}
		}
		if flavourName.MatchString(name) {
			found = append(found, n.Pos())
		}
		return true
	})
	return found
}
