// Command build is Jellybind's only task runner: it installs what is missing, builds, checks, tests and starts the app.
// It uses the standard library alone, so that it compiles before anything is downloaded.
//
//	go run ./build COMMAND [ARGUMENT…]
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// command is one word after `go run ./build`. A new one is a file of its own and a line in commands.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, t *task) error
	// passes is whether the arguments are passed on to Jellybind; all other commands take no flags.
	passes bool
}

func commands() []command {
	return []command{
		{"run", "install what is missing, build and start Jellybind (arguments are passed on)", runApp, true},
		{"test", "install what tests need and run every check (arguments: only these packages' unit tests)", runTests, false},
		{"bench", "run the benchmarks (arguments: only these packages)", runBenchmarks, false},
		{"soak", "kill runs of many changes at any instant, a thousand times", runSoak, false},
		{"lint", "formatting, go vet and golangci-lint, native and WASM", runLint, false},
		{"wasm", "build the frontend into frontend/dist", runWASM, false},
		{"binary", "build build/bin/jellybind", runBinary, false},
		{"dev", "build with Wails' development server and start it (arguments are passed on)", runDev, true},
		{"cross", "build for Windows and type-check for macOS", runCross, false},
		{"icons", "make the icons again from build/appicon.svg", runIcons, false},
		{"screenshots", "take README's pictures again (argument: a folder for pictures of all screens)", runScreenshots, false},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := dispatch(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// dispatch runs one command and returns the exit code: 0 done, 1 failed, 2 wrong use.
func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stdout)
		return 2
	}
	asksHelp := func(arg string) bool { return arg == "-h" || arg == "--help" }
	if args[0] == "help" || asksHelp(args[0]) {
		usage(stdout)
		return 0
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		switch {
		case c.passes || len(args) == 1 || !strings.HasPrefix(args[1], "-"):
		case asksHelp(args[1]):
			usage(stdout)
			return 0
		default:
			_, _ = fmt.Fprintf(stderr, "build: %s takes no flag %q\n", c.name, args[1])
			usage(stderr)
			return 2
		}
		root, err := moduleRoot()
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "build:", err)
			return 1
		}
		t := newTask(root, args[1:], stdout)
		if err := c.run(ctx, t); err != nil {
			return t.failed(stderr, c.name, err)
		}
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "build: there is no command %q\n", args[0])
	usage(stderr)
	return 2
}

func usage(w io.Writer) {
	_, _ = fmt.Fprintln(w, "usage: go run ./build COMMAND [ARGUMENT…]")
	for _, c := range commands() {
		_, _ = fmt.Fprintf(w, "  %-11s %s\n", c.name, c.summary)
	}
}

// moduleRoot finds the folder with go.mod at or above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("there is no go.mod here or above; start it inside the repository")
		}
		dir = parent
	}
}
