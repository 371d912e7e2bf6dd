package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tokens reads the declarations of the rule that begins so.
func tokens(t *testing.T, sheet, rule string) map[string]string {
	t.Helper()
	_, rest, found := strings.Cut(sheet, "\n"+rule+" {\n")
	block, _, closed := strings.Cut(rest, "}")
	if !found || !closed {
		t.Fatalf("the style sheet has no rule %s", rule)
	}
	all := map[string]string{}
	for line := range strings.Lines(block) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			all[name] = strings.TrimSuffix(value, ";")
		}
	}
	return all
}

func styleSheet(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "frontend", "static", "app.css"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n") // a checkout on Windows
}

// TestThemesHaveTheSameTokens: the dark ones stand twice, and each has its light one.
func TestThemesHaveTheSameTokens(t *testing.T) {
	t.Parallel()
	sheet := styleSheet(t)
	light, dark := tokens(t, sheet, ":root"), tokens(t, sheet, `:root[data-theme="dark"]`)
	if system := tokens(t, sheet, `  :root:not([data-theme="light"])`); !maps.Equal(dark, system) || len(dark) < 20 {
		t.Errorf("dark by choice is\n%v\nand dark by the system\n%v", dark, system)
	}
	colour := regexp.MustCompile(`#|rgb\(|^(light|dark)$`)
	for name, value := range light {
		if _, ok := dark[name]; ok != colour.MatchString(value) {
			t.Errorf("%s: %s is in the dark theme: %t", name, value, ok)
		}
	}
	for name := range dark {
		if _, ok := light[name]; !ok {
			t.Errorf("%s is in the dark theme only", name)
		}
	}
}

// TestSizesAreTokens: nothing below the tokens names a colour or a size of text of its own, or a token that is not there.
func TestSizesAreTokens(t *testing.T) {
	t.Parallel()
	sheet := styleSheet(t)
	light := tokens(t, sheet, ":root")
	_, rules, found := strings.Cut(sheet, "/* Ground */")
	if !found {
		t.Fatal("the style sheet has no ground")
	}
	for _, own := range regexp.MustCompile(`font(-size)?:[^;}]*\d(rem|px)[^;}]*|#[0-9a-f]{3,8}\b|rgb\([^)]*\)`).FindAllString(rules, -1) {
		if !strings.HasPrefix(own, "font") || !regexp.MustCompile(`^font: [^;]*var\(--t-\w+\)/`).MatchString(own) {
			t.Errorf("%q is no token", own)
		}
	}
	for _, used := range regexp.MustCompile(`var\((--[\w-]+)`).FindAllStringSubmatch(sheet, -1) {
		if _, ok := light[used[1]]; !ok {
			t.Errorf("%s is no token", used[1])
		}
	}
}

// TestWindowBeginsInThePagesColour: what the window shows before the page is --ground of the theme.
func TestWindowBeginsInThePagesColour(t *testing.T) {
	t.Parallel()
	sheet := styleSheet(t)
	source, err := os.ReadFile(filepath.Join("..", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, ground, _ := strings.Cut(string(source), "func ground(theme string)")
	want := []string{tokens(t, sheet, ":root")["--ground"], tokens(t, sheet, `:root[data-theme="dark"]`)["--ground"]}
	got := regexp.MustCompile(`NewRGB\(0x(..), 0x(..), 0x(..)\)`).FindAllStringSubmatch(ground, -1)
	if len(got) != len(want) {
		t.Fatalf("main.go has %d grounds", len(got))
	}
	for i := range want {
		if c := fmt.Sprintf("#%s%s%s", got[i][1], got[i][2], got[i][3]); c != want[i] {
			t.Errorf("the window begins in %s, the page has %s", c, want[i])
		}
	}
}
