package roster_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/roster"
)

func TestClosest(t *testing.T) {
	t.Parallel()
	names := roster.NewNames([]string{"maria", "mario", "Marie Curie", "björn", "zoe", "al", "marla2"})
	for name, want := range map[string][]string{
		"maria\u0020":        {"maria", "mario", "marla2"},
		"MARIA@example.org":  {"maria", "mario", "marla2"},
		`EXAMPLE\mariecurie`: {"Marie Curie"},
		"bjorn":              {"björn"},
		"zeo":                nil, // two of three letters
		"Zoë":                {"zoe"},
		"a":                  nil,
		"":                   nil,
		"somebody":           nil,
	} {
		if d := cmp.Diff(want, names.Closest(name)); d != "" {
			t.Errorf("%q (-want +got):\n%s", name, d)
		}
	}
}

func BenchmarkClosest(b *testing.B) {
	all := make([]string, 10_000)
	for i := range all {
		all[i] = fmt.Sprintf("person-%d", i*7919%10_000)
	}
	names := roster.NewNames(all)
	for b.Loop() {
		names.Closest("persom-4711")
	}
}
