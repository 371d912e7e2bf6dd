package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jellybind/jellybind/backend/cli"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/process"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

// TestMain makes the test binary three more programs, which the scripts find in their PATH: jellybind, visit, a browser
// that signs in by itself, and stored, which prints the first profile's credential in the keyring.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"jellybind": jellybind, "visit": visit, "stored": stored})
}

// hearHangups catches hangups till the test ends, for what is started under nohup ignores them, and so does what it starts.
func hearHangups(t *testing.T) {
	t.Helper()
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(caught) })
}

// jellybind does what main.go does when there is a command.
func jellybind() {
	ctx, stop := process.Ending(context.Background())
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
// presses the provider's Cancel; the login nobody leaves the page as it is, and writes the file opened. The file arguments
// gets its arguments, and the file sent what the application was sent in the end.
func visit() {
	if err := signIn(os.Args[1], os.Args[len(os.Args)-1], os.Getenv("EXIT_CODES")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func signIn(login, address, dir string) error {
	if err := add(filepath.Join(dir, "arguments"), strings.Join(os.Args, "\n")); err != nil {
		return err
	}
	switch login {
	case "nobody":
		return add(filepath.Join(dir, "opened"), "")
	case "cancel":
		login = visitor.Cancel
	}
	back, err := visitor.New().Choose(context.Background(), address, login)
	if err != nil {
		return err
	}
	values := back.URL.Query()
	if back.GetBody != nil {
		body, err := back.GetBody()
		if err != nil {
			return err
		}
		b, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		form, err := url.ParseQuery(string(b))
		if err != nil {
			return err
		}
		maps.Copy(values, form)
	}
	for name := range values {
		if err := add(filepath.Join(dir, "sent"), name+" "+values.Get(name)); err != nil {
			return err
		}
	}
	response, err := (&http.Client{Transport: unpooled}).Do(back)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// add writes a line to the end of a file.
func add(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

func stored() {
	var data profile.Data
	b, err := os.ReadFile(filepath.Join(os.Getenv("JELLYBIND_CONFIG_DIR"), "servers.json"))
	if err == nil {
		err = json.Unmarshal(b, &data)
	}
	if err == nil {
		var v secret.Value
		v, err = secret.Open().Get(context.Background(), "credential:"+data.Profiles[0].DeviceID)
		fmt.Println(v.Reveal())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
