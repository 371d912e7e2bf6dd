package e2e_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

// rowsShown waits for the roster's rows.
func rowsShown() action {
	return until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`)
}

// BenchmarkStart measures from the process' start to the roster's rows in the page, for a server that was added before and
// whose key is in the keyring, and the process' resident memory then. It is a development build whose page is shown by
// Chromium, so the sizes compare with each other and not with a stopwatch at the window.
func BenchmarkStart(b *testing.B) {
	for _, users := range []int{24, 1_000, 10_000} {
		b.Run(strconv.Itoa(users), func(b *testing.B) {
			keyring := secrettest.Start(b, secrettest.Unlocked)
			bus := "DBUS_SESSION_BUS_ADDRESS=" + keyring.Address
			d, err := demo.Start(b.Context(), demo.Options{Users: users})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			dir := b.TempDir()
			a := launch(b, dir, bus)
			p := a.open(b)
			p.try(d.URL())
			p.do("the key", clickOn("#key"), fill("key", d.APIKey().Reveal()), key(kb.Enter), rowsShown())
			quit := func() {
				p.complain()
				p.closed = true
				p.do("closing", chromedp.Evaluate[chromedp.Void](`void go.main.App.Quit()`))
				a.wait(b)
			}
			quit()
			var took time.Duration
			var memory float64
			starts := 0
			for b.Loop() {
				begun := time.Now()
				a = launch(b, dir, bus)
				p = a.open(b)
				p.do("the roster", rowsShown())
				took += time.Since(begun)
				memory = max(memory, resident(b, a.pid))
				starts++
				quit()
			}
			b.ReportMetric(float64(took.Milliseconds())/float64(starts), "ms/start")
			b.ReportMetric(memory, "MB-resident")
		})
	}
}

// resident returns a process' resident memory in MB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kilobytes) / 1024
}
