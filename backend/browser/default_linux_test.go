package browser_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
)

// TestDefaultBrowserOutlivesUs makes sure that a browser that was not running yet is not ours: neither Ctrl-C nor the end of
// a pipe reaches it.
func TestDefaultBrowserOutlivesUs(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "pid")
	script := fmt.Sprintf("#!/bin/sh\necho $$ \"$@\" > '%s.part' && mv '%[1]s.part' '%[1]s'\nexec sleep 1\n", out)
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	const address = "https://idp.example/auth?state=s&x=$(y)"
	done := make(chan error, 1)
	go func() { done <- browser.Open(t.Context(), address, "") }()
	var said []byte
	for end := time.Now().Add(10 * time.Second); said == nil; time.Sleep(5 * time.Millisecond) {
		var err error
		if said, err = os.ReadFile(out); err != nil && time.Now().After(end) {
			t.Fatal(err)
		}
	}
	first, rest, _ := strings.Cut(strings.TrimSpace(string(said)), " ")
	pid, err := strconv.Atoi(first)
	if err != nil || rest != address {
		t.Fatalf("started with %q", said)
	}
	if group, err := syscall.Getpgid(pid); err != nil || group == syscall.Getpgrp() {
		t.Errorf("in our process group: %d, %v", group, err)
	}
	for fd := range 3 {
		to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
		if err != nil || to != os.DevNull {
			t.Errorf("its descriptor %d is %s, %v", fd, to, err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestNoDefaultBrowser(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := browser.Open(t.Context(), "https://idp.example/?state=SECRET", "")
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Why != "browser-missing" || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("error %v", err)
	}
}
