package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// task is one run of a command: it prints a line with the time for every step, and remembers the steps that failed.
type task struct {
	root string
	args []string
	out  io.Writer
	// env is added to the environment of every program that a step starts.
	env []string
	// live is true where a line may be overwritten: on a terminal.
	live     bool
	failures []*stepError
}

func newTask(root string, args []string, out io.Writer) *task {
	t := &task{root: root, args: args, out: out}
	if f, ok := out.(*os.File); ok && runtime.GOOS != "windows" && os.Getenv("CI") == "" {
		info, err := f.Stat()
		t.live = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

// stepError says which step failed and how to repeat it.
type stepError struct {
	step   string
	repeat string
	err    error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// program is something that a step starts.
type program struct {
	args []string
	env  []string // added to the task's
	// clean starts it without the rest of the environment, but for what Go and the system need.
	clean bool
	// show passes its output on while it runs; otherwise it is printed only when the program fails.
	show bool
	// tee gets the output too.
	tee io.Writer
	// check refuses the output of a program that ended with 0.
	check func(output string) error
}

// repeat is the command line that runs the program again from the root.
func (p program) repeat() string {
	var b strings.Builder
	for _, e := range p.env {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(&b, "%s=%s ", name, quote(value))
	}
	for i, a := range p.args {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quote(a))
	}
	return b.String()
}

// quote makes an argument safe to paste into a POSIX shell.
func quote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=,:@+%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// step runs f and prints one line: the name, whether it went well, and the time it took.
func (t *task) step(ctx context.Context, name, repeat string, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.live {
		_, _ = fmt.Fprintf(t.out, "… %s", name)
	}
	start := time.Now()
	err := f(ctx)
	took := time.Since(start).Seconds()
	if t.live {
		_, _ = io.WriteString(t.out, "\r\x1b[K")
	}
	if err == nil {
		_, _ = fmt.Fprintf(t.out, "✓ %-34s %7.1f s\n", name, took)
		return nil
	}
	_, _ = fmt.Fprintf(t.out, "✗ %-34s %7.1f s\n", name, took)
	failure := &stepError{step: name, repeat: repeat, err: err}
	t.failures = append(t.failures, failure)
	return failure
}

// program runs one program as a step.
func (t *task) program(ctx context.Context, name string, p program) error {
	return t.step(ctx, name, p.repeat(), func(ctx context.Context) error { return t.start(ctx, p) })
}

// start runs a program to its end.
func (t *task) start(ctx context.Context, p program) error {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Dir = t.root
	cmd.Env = os.Environ()
	if p.clean {
		cmd.Env = essential(cmd.Env)
	}
	cmd.Env = append(append(cmd.Env, t.env...), p.env...)
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = 10 * time.Second

	var kept bytes.Buffer
	writers := []io.Writer{&kept}
	if p.show {
		if t.live {
			_, _ = io.WriteString(t.out, "\n")
		}
		writers = []io.Writer{t.out}
		if p.check != nil {
			writers = append(writers, &kept)
		}
	}
	if p.tee != nil {
		writers = append(writers, p.tee)
	}
	cmd.Stdout = io.MultiWriter(writers...)
	cmd.Stderr = cmd.Stdout
	err := cmd.Run()
	if err == nil && p.check != nil {
		err = p.check(kept.String())
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !p.show {
		if t.live {
			_, _ = io.WriteString(t.out, "\r\x1b[K")
		}
		_, _ = t.out.Write(kept.Bytes())
	}
	return fmt.Errorf("%s: %w", filepath.Base(p.args[0]), err)
}

// output runs a program and returns what it printed, without the blanks around it.
func (t *task) output(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = t.root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// interrupt asks a program to end; Windows knows no such request.
func interrupt(p *os.Process) error {
	if runtime.GOOS == "windows" {
		return p.Kill()
	}
	return p.Signal(os.Interrupt)
}

// essential keeps of an environment what Go, Node.js and the system need. Go's WASM loader has room for 12 KB of
// arguments and environment together, and refuses to start with more.
func essential(environ []string) []string {
	keep := []string{
		"PATH", "HOME", "USER", "TMPDIR", "TMP", "TEMP", "LANG", "XDG_CACHE_HOME",
		"USERPROFILE", "LOCALAPPDATA", "APPDATA", "SYSTEMROOT", "PATHEXT", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE",
	}
	var kept []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		name = strings.ToUpper(name)
		wanted := strings.HasPrefix(name, "GO")
		for _, k := range keep {
			wanted = wanted || name == k
		}
		if wanted {
			kept = append(kept, e)
		}
	}
	return kept
}

// failed tells what failed, how to repeat it, and returns the exit code.
func (t *task) failed(w io.Writer, name string, err error) int {
	if errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintf(w, "build %s: stopped\n", name)
		return 1
	}
	if len(t.failures) == 0 {
		_, _ = fmt.Fprintf(w, "build %s: %v\n", name, err)
		return 1
	}
	for _, f := range t.failures {
		_, _ = fmt.Fprintf(w, "\nbuild %s: the step %q failed: %v\n", name, f.step, f.err)
		if f.repeat != "" {
			_, _ = fmt.Fprintf(w, "  to repeat it: %s\n", f.repeat)
		}
	}
	return 1
}
