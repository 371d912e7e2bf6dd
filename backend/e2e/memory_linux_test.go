package e2e_test

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

// BenchmarkMemory runs “links list” against a demo server of 24 and of 10,000 accounts. "MB-above" is how much more memory
// the second needs at its peak; 120 is the most that is allowed.
func BenchmarkMemory(b *testing.B) {
	peak := func(users int) int64 {
		w, err := demo.Start(b.Context(), demo.Options{Flavour: api.Flavour9p4, Users: users})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = w.Close() }()
		var most []int64
		for range 3 {
			cmd := exec.CommandContext(b.Context(), binary, "--server", w.URL(), "--credential-stdin", "links", "list")
			cmd.Stdin = strings.NewReader(w.APIKey().Reveal() + "\n")
			if out, err := cmd.Output(); err != nil || bytes.Count(out, []byte("\n")) < users {
				b.Fatalf("%v, %d lines", err, bytes.Count(out, []byte("\n")))
			}
			most = append(most, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		}
		slices.Sort(most)
		return most[1]
	}
	var small, large int64
	for b.Loop() {
		small, large = peak(24), peak(10_000)
	}
	b.ReportMetric(float64(large-small)/1024, "MB-above")
	b.ReportMetric(float64(small)/1024, "MB-small")
}
