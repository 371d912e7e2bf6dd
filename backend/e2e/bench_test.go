package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

// The binary that the task runner builds.
const binary = "../../build/bin/jellybind"

// BenchmarkRoster reads the roster of 10,000 accounts, and downloads the same answers without looking at them, in turn.
// "ratio" is the median of the first by the median of the second; 1.5 is the most that is allowed.
func BenchmarkRoster(b *testing.B) {
	for _, f := range flavours {
		b.Run(string(f), func(b *testing.B) {
			d, err := backend.NewDemo(b.Context(), backend.Options{Version: "bench"},
				demo.Options{Flavour: f, Users: 10_000}, api.CredentialAdmin)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			s, err := d.Open(b.Context(), backend.Target{})
			if err != nil {
				b.Fatal(err)
			}
			paths := []string{"/Users", "/sso/OID/Get", "/sso/SAML/Get"}
			if f == api.FlavourFlowfin {
				paths = append(paths, "/sso/Links/Roster")
			}
			var read, plain []time.Duration
			for b.Loop() {
				start := time.Now()
				r, err := s.Roster.Read(b.Context(), nil)
				if err != nil {
					b.Fatal(err)
				}
				if len(r.Accounts) < 10_000 {
					b.Fatalf("%d accounts", len(r.Accounts))
				}
				read = append(read, time.Since(start))
				start = time.Now()
				// At the same time, as the roster's reader does.
				done := make(chan error, len(paths))
				for _, p := range paths {
					go func() { done <- download(d.World.URL()+p, d.World.APIKey().Reveal()) }()
				}
				for range paths {
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
				plain = append(plain, time.Since(start))
			}
			b.ReportMetric(float64(median(read))/float64(median(plain)), "ratio")
			b.ReportMetric(float64(median(plain).Milliseconds()), "download-ms")
		})
	}
}

// reused keeps its connections, which no other test closes.
var reused = &http.Client{Transport: &http.Transport{}}

func download(address, key string) error {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", `MediaBrowser Client="bench", Device="bench", DeviceId="bench", Version="1", Token="`+key+`"`)
	res, err := reused.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// BenchmarkStart runs “jellybind version” and an empty program linked with the same system libraries, in turn. "ms-above"
// is the difference of the medians from start to first output (the empty program's: its end); 20 is the most that is allowed.
func BenchmarkStart(b *testing.B) {
	empty := emptyProgram(b)
	var ours, theirs []time.Duration
	for b.Loop() {
		ours = append(ours, firstOutput(b, binary, "version"))
		theirs = append(theirs, firstOutput(b, empty))
	}
	b.ReportMetric(float64(median(ours)-median(theirs))/1e6, "ms-above")
	b.ReportMetric(float64(median(ours))/1e6, "ms")
}

func firstOutput(b *testing.B, program string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), program, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 64)); err != nil && !errors.Is(err, io.EOF) {
		b.Fatal(err)
	}
	took := time.Since(start)
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return took
}

// emptyProgram builds a C program that does nothing, with the libraries that the binary needs.
func emptyProgram(b *testing.B) string {
	b.Helper()
	if runtime.GOOS != "linux" {
		b.Skip("the system libraries are listed the Linux way")
	}
	libs, err := exec.CommandContext(b.Context(), "pkg-config", "--libs", "gtk+-3.0", "webkit2gtk-4.1").Output()
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	source, program := filepath.Join(dir, "empty.c"), filepath.Join(dir, "empty")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	args := append([]string{"-o", program, source, "-Wl,--no-as-needed"}, strings.Fields(string(libs))...)
	if out, err := exec.CommandContext(b.Context(), "cc", args...).CombinedOutput(); err != nil {
		b.Fatal(fmt.Errorf("%w: %s", err, out))
	}
	return program
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
