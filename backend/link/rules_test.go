package link_test

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/link"
)

var update = flag.Bool("update", false, "write the golden files")

// TestProxyRules holds what a person copies. That the rules work is tested with the real proxies, in package e2e.
func TestProxyRules(t *testing.T) {
	t.Parallel()
	for name, base := range map[string]string{
		"https": "https://media.example.com", "http": "http://media.example.com:8080/jf", "localhost": "https://localhost:8443",
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, r := range link.ProxyRules(u) {
			got.WriteString("== " + r.Proxy + "\n" + r.Text)
		}
		file := filepath.Join("testdata", "golden", "rules-"+name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got.String()); d != "" {
			t.Errorf("%s: %s", base, d)
		}
	}
}
