package archtest_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	markdownLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	markdownHeading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	notInAnchor     = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors returns the fragments under which GitHub shows a document's headings.
func anchors(document string) []string {
	var all []string
	for _, m := range markdownHeading.FindAllStringSubmatch(document, -1) {
		plain := notInAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}

// documents are what a new contributor reads: README and the documents in .github.
func documents(t *testing.T) []string {
	t.Helper()
	base := root(t)
	found, err := filepath.Glob(filepath.Join(base, ".github", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	return append(found, filepath.Join(base, "README.md"))
}

// Every link from one document to another, or to a file or folder, leads somewhere.
func TestDocumentLinks(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range markdownLink.FindAllStringSubmatch(string(text), -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(name), m[1], err)
				continue
			}
			if u.IsAbs() {
				continue
			}
			target := name
			if u.Path != "" {
				target = filepath.Join(filepath.Dir(name), filepath.FromSlash(u.Path))
			}
			data, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr == nil && info.IsDir() {
				continue
			}
			switch {
			case err != nil:
				t.Errorf("%s links to %s, which is not there", filepath.Base(name), m[1])
			case u.Fragment != "" && !slices.Contains(anchors(string(data)), u.Fragment):
				t.Errorf("%s links to %s, which has no such heading", filepath.Base(name), m[1])
			}
		}
	}
}

// sourcePath is a file or folder of the repository, as the documents name it.
var sourcePath = regexp.MustCompile("`((?:backend|frontend|build)/[A-Za-z0-9_./*-]+)`")

// The files and folders that the documents name exist, so that the map stays right when something moves.
func TestDocumentPaths(t *testing.T) {
	t.Parallel()
	base, named := root(t), 0
	for _, name := range documents(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range sourcePath.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "build/bin/") || strings.HasPrefix(m[1], "frontend/dist") {
				continue // made by the build
			}
			named++
			found, err := filepath.Glob(filepath.Join(base, filepath.FromSlash(m[1])))
			if err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which is not there", filepath.Base(name), m[1])
			}
		}
	}
	if named < 10 {
		t.Errorf("the documents name only %d files", named)
	}
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	got := anchors("# What it keeps, and where\n\ntext\n\n## Add a screen\n")
	if want := []string{"what-it-keeps-and-where", "add-a-screen"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
