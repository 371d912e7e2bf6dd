package demo_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/demo"
)

// coldStart is set in a process that is there to start one world and say how long that took.
const coldStart = "JELLYBIND_TEST_COLD_START"

func TestMain(m *testing.M) {
	if os.Getenv(coldStart) == "" {
		os.Exit(m.Run())
	}
	begun := time.Now()
	w, err := demo.Start(context.Background(), demo.Options{})
	took := time.Since(begun)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(took)
	if err := w.Close(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// BenchmarkColdStart measures the first world of a process, which has the SAML key to make; later ones share it. The figure
// is cold-ms, and slowest-ms is the worst of them.
func BenchmarkColdStart(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	var all, slowest time.Duration
	for b.Loop() {
		run := exec.CommandContext(b.Context(), self)
		run.Env = append(os.Environ(), coldStart+"=1")
		out, err := run.CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		took, err := time.ParseDuration(strings.TrimSpace(string(out)))
		if err != nil {
			b.Fatal(err)
		}
		all += took
		slowest = max(slowest, took)
	}
	b.ReportMetric(float64(all.Microseconds())/1000/float64(b.N), "cold-ms")
	b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
}
