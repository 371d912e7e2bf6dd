package cli

import (
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/demo"
)

// TestDemoFacts tells how to reach the world through each proxy and behind it.
func TestDemoFacts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "name", "https", "redirect"} {
		front, known := proxies[name]
		if known != (name != "") {
			t.Fatalf("%q stands for %+v", name, front)
		}
		w, err := demo.Start(t.Context(), demo.Options{Proxy: front})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Close() })
		facts := factsOf(w)
		scheme, _, _ := strings.Cut(facts.URL, "://localhost:")
		if name == "" && (facts.LocalURL != "" || facts.Certificate != "") {
			t.Errorf("without a proxy: %+v", facts)
		}
		if name != "" && (facts.LocalURL != w.LocalURL() || (scheme == "https") != (len(facts.Certificate) == 64)) {
			t.Errorf("%s: %+v", name, facts)
		}
	}
}
