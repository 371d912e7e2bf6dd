package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// hasDisplay reports whether windows can be shown to somebody.
func hasDisplay(goos string, env func(string) string) bool {
	switch goos {
	case "windows", "darwin":
		return true
	}
	return env("DISPLAY") != "" || env("WAYLAND_DISPLAY") != ""
}

// virtualDisplay starts an Xvfb on a free display, for tests, and adds it to the environment of what follows. Without
// Xvfb nothing happens: tests that need a display skip themselves. stop ends it.
func (t *task) virtualDisplay(ctx context.Context) (stop func(), err error) {
	none := func() {}
	if runtime.GOOS != "linux" {
		return none, nil
	}
	if _, err := exec.LookPath("Xvfb"); err != nil {
		_, _ = fmt.Fprintln(t.out, "  no Xvfb: tests that need a display skip themselves")
		return none, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return none, fmt.Errorf("starting Xvfb: %w", err)
	}
	defer r.Close()
	// The server chooses a free display and writes its number to descriptor 3, once it accepts clients.
	cmd := exec.CommandContext(ctx, "Xvfb", "-displayfd", "3", "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return none, fmt.Errorf("starting Xvfb: %w", err)
	}
	stop = func() {
		_ = interrupt(cmd.Process)
		_ = cmd.Wait()
	}
	_ = r.SetReadDeadline(time.Now().Add(30 * time.Second))
	number, err := bufio.NewReader(r).ReadString('\n')
	number = strings.TrimSpace(number)
	if err != nil || number == "" {
		stop()
		return none, errors.New("starting Xvfb: it did not name its display")
	}
	// GTK would prefer a Wayland session to the display that was just started.
	t.env = append(t.env, "DISPLAY=:"+number, "WAYLAND_DISPLAY=", "GDK_BACKEND=x11")
	return stop, nil
}
