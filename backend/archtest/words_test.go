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

// TestSentencesStandInTheCatalogue: below the window and the command line an error, an ability, an option or a remark has codes
// and facts. Their sentences and hints are in package words. What the page itself says is marked so.
func TestSentencesStandInTheCatalogue(t *testing.T) {
	t.Parallel()
	base, literals := root(t), 0
	for _, dir := range []string{"backend", "frontend"} {
		err := filepath.WalkDir(filepath.Join(base, dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				lit, ok := n.(*ast.CompositeLit)
				if !ok || !spoken(lit) {
					return true
				}
				literals++
				if field := sentenceIn(lit); field != "" {
					t.Errorf("%s: a literal with a %s, which belongs into package words", set.Position(lit.Pos()), field)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if literals < 150 {
		t.Errorf("only %d literals were found: the test looks in the wrong place", literals)
	}
}

// spoken reports whether a literal is of a type of package api that has a sentence.
func spoken(lit *ast.CompositeLit) bool {
	of, ok := lit.Type.(*ast.SelectorExpr)
	return ok && slices.Contains([]string{"Error", "Ability", "Option", "Remark"}, of.Sel.Name)
}

// sentenceIn returns the field of a literal that holds a sentence, unless the page says it.
func sentenceIn(lit *ast.CompositeLit) (field string) {
	for _, element := range lit.Elts {
		kv, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, _ := kv.Key.(*ast.Ident)
		value, _ := kv.Value.(*ast.SelectorExpr)
		switch {
		case key == nil:
		case key.Name == "Why" && value != nil && value.Sel.Name == "WhyWindow":
			return ""
		case slices.Contains([]string{"Sentence", "Hint", "Reason"}, key.Name):
			field = key.Name
		}
	}
	return field
}
