//go:build unix

package cli_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

// TestSignalsDuringAWrite: a closed terminal lets the link in hand be written to its end, and stops before the next one. That
// nobody reads the output any more, as behind “| head”, stops nothing.
func TestSignalsDuringAWrite(t *testing.T) {
	t.Parallel()
	hearHangups(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		disturb       func(*testing.T, *exec.Cmd, *os.File)
		code, removed int
	}{
		"terminal closed": {func(t *testing.T, cmd *exec.Cmd, _ *os.File) {
			t.Helper()
			for range 2 { // the system's and the shell's
				if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
					t.Error(err)
				}
				time.Sleep(200 * time.Millisecond)
			}
		}, 4, 1},
		"output closed": {func(t *testing.T, _ *exec.Cmd, out *os.File) {
			t.Helper()
			_ = out.Close()
			time.Sleep(1500 * time.Millisecond) // what is going on is printed after a second
		}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world, err := demo.Start(t.Context(), demo.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = world.Close() })
			reached, released := make(chan struct{}), make(chan struct{})
			var once sync.Once
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/OID/Add/") {
					once.Do(func() { close(reached); <-released })
				}
				world.Server().ServeHTTP(w, r)
			}))
			t.Cleanup(front.Close)
			config := t.TempDir()
			command := func(args ...string) *exec.Cmd {
				cmd := exec.CommandContext(t.Context(), self)
				cmd.Args = append([]string{"jellybind", "--server", front.URL, "--credential-stdin"}, args...)
				cmd.Env = append(os.Environ(), "JELLYBIND_CONFIG_DIR="+config)
				cmd.Stdin = strings.NewReader(world.APIKey().Reveal() + "\n")
				return cmd
			}
			out, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = out.Close() })
			cmd := command("links", "remove", "elif", "--all", "--yes")
			cmd.Stdout, cmd.Stderr = in, in
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = in.Close()
			select {
			case <-reached:
			case <-time.After(time.Minute):
				t.Fatal("nothing is written")
			}
			c.disturb(t, cmd, out)
			close(released)
			if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != c.code {
				t.Errorf("it ended with %v, want %d", cmd.ProcessState, c.code)
			}
			history, err := command("history", "list", "--json").Output()
			var changes []api.Change
			if err == nil {
				err = json.Unmarshal(history, &changes)
			}
			if err != nil || len(changes) != c.removed {
				t.Fatalf("the history: %s, %v", history, err)
			}
			for _, change := range changes {
				if change.State != api.ChangeConfirmed {
					t.Errorf("%+v", change)
				}
			}
		})
	}
}

// TestOutputThatNobodyReads ends a command that only prints, without a word and as done: “| head” is no failure.
func TestOutputThatNobodyReads(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = out.Close()
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = []string{"jellybind", "--demo", "links", "list", "--json"}
	cmd.Env = append(os.Environ(), "JELLYBIND_CONFIG_DIR="+t.TempDir())
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = in, &said
	_ = cmd.Run()
	_ = in.Close()
	if cmd.ProcessState.ExitCode() != 0 || said.String() != "" {
		t.Errorf("it ended with %v and said %q", cmd.ProcessState, said.String())
	}
}
