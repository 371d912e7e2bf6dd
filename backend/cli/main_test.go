package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jellybind/jellybind/backend/cli"
	"github.com/jellybind/jellybind/backend/demo/visitor"
)

// TestMain makes the test binary two more programs, which the scripts find in their PATH: jellybind, and visit, a browser
// that signs in by itself.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"jellybind": jellybind, "visit": visit})
}

// jellybind does what main.go does when there is a command.
func jellybind() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, "1.2.3", os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	// The scripts' commands know done and failed only.
	if dir := os.Getenv("EXIT_CODES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "code"), []byte(strconv.Itoa(code)), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

// visit signs in as the person whose login is its first argument, at the address that is its last. The login cancel
// presses the provider's Cancel; the login nobody leaves the page as it is, and writes opened into the folder.
func visit() {
	login, address := os.Args[1], os.Args[len(os.Args)-1]
	if login == "nobody" {
		if err := os.WriteFile(filepath.Join(os.Getenv("EXIT_CODES"), "opened"), nil, 0o644); err != nil {
			os.Exit(1)
		}
		return
	}
	if login == "cancel" {
		login = visitor.Cancel
	}
	if _, err := visitor.New().SignIn(context.Background(), address, login); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
