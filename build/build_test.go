package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDispatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "usage:"},
		{[]string{"help"}, 0, "usage:"},
		{[]string{"--help"}, 0, "usage:"},
		{[]string{"nonsense"}, 2, `no command "nonsense"`},
		{[]string{"screenshots", "--help"}, 0, "usage:"},
		{[]string{"screenshots", "-folder"}, 2, `screenshots takes no flag "-folder"`},
	} {
		var out bytes.Buffer
		if code := dispatch(t.Context(), test.args, &out, &out); code != test.code {
			t.Errorf("%q: exit code %d, want %d", test.args, code, test.code)
		}
		if test.args != nil && test.args[0] == "--help" {
			for _, c := range commands() {
				if !strings.Contains(out.String(), "  "+c.name+" ") || c.summary == "" {
					t.Errorf("the usage does not tell of %s", c.name)
				}
			}
			continue
		}
		if !strings.Contains(out.String(), test.says) {
			t.Errorf("%q says %q, want it to contain %q", test.args, out.String(), test.says)
		}
	}
}

// fixture is a task in an empty folder, with what it prints.
func fixture(t *testing.T) (*task, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	return newTask(t.TempDir(), nil, &out), &out
}

func TestFailedStepSaysHowToRepeatIt(t *testing.T) {
	t.Parallel()
	task, out := fixture(t)
	err := task.program(t.Context(), "go nonsense", program{
		args: []string{"go", "nonsense", "two words"}, env: []string{"JELLYBIND_X=a b"},
	})
	if err == nil {
		t.Fatal("go knows the command nonsense")
	}
	var told bytes.Buffer
	if code := task.failed(&told, "test", err); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	for _, want := range []string{`the step "go nonsense" failed`, "to repeat it: JELLYBIND_X='a b' go nonsense 'two words'"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("%q does not contain %q", told.String(), want)
		}
	}
	if !strings.Contains(out.String(), "unknown command") || !strings.Contains(out.String(), "✗ go nonsense") {
		t.Errorf("the program's own output is missing: %q", out.String())
	}
}

func TestGoodStepIsOneLine(t *testing.T) {
	t.Parallel()
	task, out := fixture(t)
	if err := task.program(t.Context(), "go version", program{args: []string{"go", "version"}}); err != nil {
		t.Fatal(err)
	}
	if line := out.String(); strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, "✓ go version") || !strings.HasSuffix(line, " s\n") {
		t.Errorf("printed %q", line)
	}
}

func TestCheckRefusesOutput(t *testing.T) {
	t.Parallel()
	task, _ := fixture(t)
	p := program{args: []string{"go", "version"}, check: nothingListed}
	if err := task.program(t.Context(), "gofumpt", p); err == nil {
		t.Error("output was taken for none")
	}
	if err := nothingListed("go: downloading mvdan.cc/gofumpt v0.12.0\n\n"); err != nil {
		t.Errorf("a download was taken for a file: %v", err)
	}
}

func TestStopIsNoFailure(t *testing.T) {
	t.Parallel()
	task, _ := fixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := task.program(ctx, "go version", program{args: []string{"go", "version"}})
	if !errors.Is(err, context.Canceled) || len(task.failures) != 0 {
		t.Errorf("got %v and %d failures", err, len(task.failures))
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":             "''",
		"./...":        "./...",
		"-ldflags=-s":  "-ldflags=-s",
		"a b":          "'a b'",
		"it's":         `'it'\''s'`,
		"$(rm -rf /)":  "'$(rm -rf /)'",
		"^$":           "'^$'",
		"ü":            "'ü'",
		"m@v1.2.3+x":   "m@v1.2.3+x",
		"a\nb":         "'a\nb'",
		`back\slash`:   `'back\slash'`,
		"A=1,B=2:3%4_": "A=1,B=2:3%4_",
	} {
		if got := quote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestEssentialLeavesTheRestOut(t *testing.T) {
	t.Parallel()
	got := essential([]string{
		"PATH=/bin", "Path=C:\\bin", "GOFLAGS=-x", "GOPROXY=p", "SECRET=1", "GITHUB_TOKEN=2", "HOME=/root",
		"LONG=" + strings.Repeat("x", 20000),
	})
	if want := []string{"PATH=/bin", "Path=C:\\bin", "GOFLAGS=-x", "GOPROXY=p", "HOME=/root"}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
}

func TestCounter(t *testing.T) {
	t.Parallel()
	const output = "=== RUN   TestX\n" +
		"ok  \tgithub.com/jellybind/jellybind/backend/api\t0.003s\n" +
		"ok  \tgithub.com/jellybind/jellybind/backend/secret\t(cached)\r\n" +
		"?   \tgithub.com/jellybind/jellybind/backend/api\t[no test files]\n" +
		"--- FAIL: TestY (0.00s)\n    y_test.go:3: ok\n\t/usr/local/go/src/testing/testing.go:1\n" +
		"FAIL\nFAIL\tgithub.com/jellybind/jellybind/build\t0.1s\n" +
		"ok then\nFAIL: no package\nFAIL\tgithub.com/jellybind/jellybind/last [build failed]"
	want := "packages: 2 passed, 2 failed, 1 skipped"
	for _, size := range []int{1, 7, len(output)} {
		var c testCounter
		for piece := range slices.Chunk([]byte(output), size) {
			if n, err := c.Write(piece); n != len(piece) || err != nil {
				t.Fatalf("took %d bytes: %v", n, err)
			}
		}
		c.flush()
		if got := c.summary(); got != want {
			t.Errorf("in pieces of %d: %s, want %s", size, got, want)
		}
	}
}

func TestBinaryArgs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ goos, want string }{
		{"linux", "go build -trimpath -tags desktop,production,webkit2_41 -ldflags -s -w -X main.version=1.2 -o build/bin/jellybind ."},
		{"darwin", "go build -trimpath -tags desktop,production -ldflags -s -w -X main.version=1.2 -o build/bin/jellybind ."},
		{
			"windows",
			"go build -trimpath -tags desktop,production -ldflags -s -w -X main.version=1.2 -H windowsgui -o build/bin/jellybind.exe .",
		},
	} {
		if got := filepath.ToSlash(strings.Join(binaryArgs(test.goos, "1.2"), " ")); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.goos, got, test.want)
		}
	}
}

func TestSemantic(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"v1.2.0":            "1.2.0",
		"v1.2.0-3-gabcdef0": "1.2.0-3-gabcdef0",
		"abcdef0":           unreleased + "+abcdef0",
		"abcdef0-dirty":     unreleased + "+abcdef0.dirty",
	} {
		if got := semantic(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// The frontend must be linted for its own platform, by a linter that is built for this one.
func TestWASMLintKeepsTheLinterNative(t *testing.T) {
	t.Parallel()
	found := false
	for _, c := range lintChecks("linux") {
		if strings.Contains(c.name, "golangci-lint (WASM)") {
			found = true
			if len(c.env) != 0 || !slices.Contains(c.args, "env GOOS=js GOARCH=wasm") {
				t.Errorf("runs %s", c.repeat())
			}
		}
	}
	if !found {
		t.Error("the frontend is not linted")
	}
}

func TestReplaceTree(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(to, ".gitkeep", "")
	write(to, "stale.js", "old")
	write(to, "icons/stale.svg", "old")
	write(to, "index.html", "old")
	static := t.TempDir()
	write(static, "index.html", "new")
	write(static, "icons/a.svg", "new")
	if err := copyTree(static, from); err != nil {
		t.Fatal(err)
	}
	if err := replaceTree(from, to, ".gitkeep"); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			data, readErr := os.ReadFile(path)
			rel, _ := filepath.Rel(to, path)
			got = append(got, filepath.ToSlash(rel)+"="+string(data))
			return readErr
		}
		return err
	})
	if want := []string{".gitkeep=", "icons/a.svg=new", "index.html=new"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
