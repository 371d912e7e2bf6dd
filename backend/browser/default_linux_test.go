package browser_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// TestOnlyAbsoluteFoldersOfPath puts browsers into the current folder, which PATH names as well: neither Jellybind nor the
// opener may run one.
func TestOnlyAbsoluteFoldersOfPath(t *testing.T) {
	here, bin, home := t.TempDir(), t.TempDir(), t.TempDir()
	script := func(dir, name, body string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	planted := filepath.Join(here, "planted")
	for _, name := range []string{"xdg-open", "www-browser", "firefox"} {
		script(here, name, ": > '"+planted+"'")
	}
	out := filepath.Join(bin, "out")
	script(bin, "xdg-open", "pwd -P > '"+out+"'; echo \"$PATH\" >> '"+out+"'; www-browser 2>/dev/null; true")
	t.Chdir(here)
	t.Setenv("HOME", home)
	inHome, err := filepath.EvalSymlinks(home)
	if err != nil {
		t.Fatal(err)
	}
	for _, entries := range [][]string{{".", bin}, {"", bin}, {bin, "../" + filepath.Base(here)}, {bin, ""}} {
		t.Setenv("PATH", strings.Join(entries, ":"))
		if err := browser.Open(t.Context(), "https://idp.example/", ""); err != nil {
			t.Errorf("%q: %v", entries, err)
		}
		said, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if want := inHome + "\n" + bin + "\n"; string(said) != want {
			t.Errorf("%q: the opener ran with\n%s, want\n%s", entries, said, want)
		}
		if err := browser.Open(t.Context(), "https://idp.example/", "firefox"); !api.IsCode(err, api.CodeBrowserFailed) {
			t.Errorf("%q: firefox of the current folder: %v", entries, err)
		}
	}
	if _, err := os.Stat(planted); err == nil {
		t.Error("a program of the current folder was run")
	}
	t.Setenv("HOME", filepath.Join(home, "missing"))
	if err := browser.Open(t.Context(), "https://idp.example/", ""); err != nil {
		t.Errorf("without a home folder: %v", err)
	}
	// A path that the person gives is theirs, from the folder that they are in.
	if err := browser.Open(t.Context(), "https://idp.example/", "./firefox"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(planted); err != nil {
		t.Error("./firefox was not run")
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

// TestLaunch: the sign-in's address stands neither on a command line nor in a file that others can read.
func TestLaunch(t *testing.T) {
	const address = "https://idp.example/auth?state=SECRET&x='\"<"
	if err := browser.Launch(t.Context(), address, nil, "no-such-browser"); !api.IsCode(err, api.CodeAddressRefused) {
		t.Errorf("an address that is none: %v", err)
	}
	out := filepath.Join(t.TempDir(), "out")
	command := fmt.Sprintf("%q record %q", os.Args[0], out)
	short := func() string { return "http://127.0.0.1:18701/go/X" }
	if err := browser.Launch(t.Context(), "https://idp.example/auth?state=SECRET", short, command); err != nil {
		t.Fatal(err)
	}
	if said, err := os.ReadFile(out); err != nil || strings.Contains(string(said), "SECRET") || !strings.Contains(string(said), short()) {
		t.Errorf("started with %s, %v", said, err)
	}
}

// TestArgument: where a command line is not guarded, the short address stands in a file, which leads to the loopback: a pushed
// request that has expired is renewed there.
func TestArgument(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const short = "http://127.0.0.1:18701/go/X"
	if shown, err := browser.Argument(t.Context(), short, true); err != nil || shown != short {
		t.Errorf("guarded: %s, %v", shown, err)
	}
	shown, err := browser.Argument(t.Context(), short, false)
	path, ok := strings.CutPrefix(shown, "file://")
	if err != nil || !ok || strings.Contains(shown, "/go/") {
		t.Fatalf("not guarded: %s, %v", shown, err)
	}
	if page, err := os.ReadFile(path); err != nil || strings.Count(string(page), short) != 2 {
		t.Errorf("%s, %v", page, err)
	}
	if shown, err := browser.Argument(t.Context(), "file:///etc/passwd", false); !api.IsCode(err, api.CodeAddressRefused) {
		t.Errorf("%s, %v", shown, err)
	}
}

func TestPageForOneUser(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	page, err := browser.WritePage(ctx, "https://idp.example/auth?a=1&state=S'")
	if err != nil {
		t.Fatal(err)
	}
	path, ok := strings.CutPrefix(page, "file://")
	info, err := os.Stat(path)
	if !ok || err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%s: %v, %v", page, info, err)
	}
	content, err := os.ReadFile(path)
	if err != nil || strings.Count(string(content), "https://idp.example/auth?a=1&amp;state=S&#39;\"") != 2 {
		t.Errorf("%s, %v", content, err)
	}
	cancel()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
			return
		} else if time.Now().After(end) {
			t.Fatalf("the page stays: %v", err)
		}
	}
}
