package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// terminalJob is what `run` shows where no window can be opened: who is linked to what, in the demo world.
var terminalJob = []string{"--demo", "links", "list"}

// runApp builds Jellybind and starts it: the window, or the main job in the terminal where there is no display.
func runApp(ctx context.Context, t *task) error {
	if err := runBinary(ctx, t); err != nil {
		return err
	}
	args := t.args
	if len(args) == 0 && !hasDisplay(runtime.GOOS, os.Getenv) {
		_, _ = fmt.Fprintf(t.out, "There is no display, so this runs in the terminal: jellybind %s %s %s\n",
			terminalJob[0], terminalJob[1], terminalJob[2])
		args = terminalJob
	}
	return t.attach(ctx, executable("jellybind", runtime.GOOS), args)
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
