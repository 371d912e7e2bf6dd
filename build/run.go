package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// terminalTour is the main job where no window can be opened: who is linked to what, how an account would be linked, and
// the link by the name that the identity provider sends. Each command has a demo world of its own.
var terminalTour = [][]string{
	{"--demo", "links", "list"},
	{"--demo", "links", "add", "maria", "--provider", "authelia", "--plan"},
	{"--demo", "links", "add", "maria", "--provider", "authelia", "--name", "maria", "--yes"},
}

// runApp builds Jellybind and starts it: the window, or the main job in the terminal where there is no display.
func runApp(ctx context.Context, t *task) error {
	if err := runBinary(ctx, t); err != nil {
		return err
	}
	path := executable("jellybind", runtime.GOOS)
	if len(t.args) > 0 || hasDisplay(runtime.GOOS, os.Getenv) {
		return t.attach(ctx, path, t.args)
	}
	_, _ = fmt.Fprintln(t.out, "There is no display for the window, so this shows the main job in the terminal.")
	for _, args := range terminalTour {
		_, _ = fmt.Fprintf(t.out, "\n$ %s %s\n", path, strings.Join(args, " "))
		if err := t.attach(ctx, path, args); err != nil {
			return err
		}
	}
	return nil
}

// attach starts a program with this terminal as its own and waits for it.
func (t *task) attach(ctx context.Context, path string, args []string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(t.root, path), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), t.env...)
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
