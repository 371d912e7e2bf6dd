package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
)

// TestMain is also the browser that the tests start: "record FILE …" writes down how it was called.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "record":
			b, err := json.Marshal(called{Args: os.Args[3:], Env: os.Environ()})
			if err == nil {
				err = os.WriteFile(os.Args[2]+".part", b, 0o600)
			}
			if err == nil {
				err = os.Rename(os.Args[2]+".part", os.Args[2])
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			if slices.Contains(os.Args, "--stay") {
				time.Sleep(5 * time.Second)
			}
			os.Exit(0)
		case "fail":
			os.Exit(3)
		}
	}
	os.Exit(m.Run())
}

type called struct{ Args, Env []string }

func TestOpenPassesTheAddressAsOneArgument(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "with blank")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, address := range []string{
		"https://idp.example/auth?state=s&x=$(touch%20/tmp/pwned);reboot&y='z'#f",
		"http://127.0.0.1:9100/auth?redirect_uri=http%3A%2F%2F127.0.0.1%3A18701%2F&a=1&&b=%PATH%25",
	} {
		out := filepath.Join(dir, strconv.Itoa(i))
		command := fmt.Sprintf(`"%s" record '%s' --new-window "a b" ''`, os.Args[0], out)
		if err := browser.Open(t.Context(), address, command); err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		var got called
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"--new-window", "a b", "", address}, got.Args); diff != "" {
			t.Errorf("arguments: %s", diff)
		}
		own := os.Environ()
		for _, e := range got.Env {
			if strings.Contains(e, "idp.example") || (!slices.Contains(own, e) && !strings.HasPrefix(e, "GOCOVERDIR=")) {
				t.Errorf("environment grew by %q", e)
			}
		}
	}
}

// TestOpenDoesNotWait starts a browser that stays, as a first Firefox does.
func TestOpenDoesNotWait(t *testing.T) {
	t.Parallel()
	began := time.Now()
	out := filepath.Join(t.TempDir(), "out")
	command := fmt.Sprintf(`"%s" record "%s" --stay`, os.Args[0], out)
	if err := browser.Open(t.Context(), "https://idp.example/", command); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("waited %s", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := browser.Open(ctx, "https://idp.example/", command)
	if !api.IsCode(err, api.CodeCancelled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	const secret = "https://idp.example/auth?state=SECRET"
	for _, c := range []struct {
		name, address, command string
		want                   api.Code
	}{
		{"no such program", secret, "no-such-browser-anywhere", api.CodeBrowserFailed},
		{"fails at once", secret, `"` + os.Args[0] + `" fail x`, api.CodeBrowserFailed},
		{"quote without end", secret, `"` + os.Args[0], api.CodeUsage},
		{"only quotes", secret, `""`, api.CodeUsage},
		{"refused before anything starts", "file:///etc/passwd", "no-such-browser-anywhere", api.CodeAddressRefused},
		{"refused for the default browser", "javascript:alert(1)", "", api.CodeAddressRefused},
	} {
		err := browser.Open(t.Context(), c.address, c.command)
		if !api.IsCode(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, err), "SECRET") {
			t.Errorf("%s: the error tells the address: %v", c.name, err)
		}
	}
	shell := filepath.Join(t.TempDir(), "CMD.EXE")
	if err := os.WriteFile(shell, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := browser.Open(t.Context(), secret, shell+" /c start"); !api.IsCode(err, api.CodeUsage) {
		t.Errorf("a shell: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://idp.example/auth?a=b":            "idp.example",
		"HTTP://IDP.Example:8080":                 "idp.example:8080",
		"http://127.0.0.1:9100/auth":              "127.0.0.1:9100",
		"http://[::1]:9100/":                      "[::1]:9100",
		"https://my_nas.lan/":                     "my_nas.lan",
		"https://bücher.example/ä?q=ö":            "xn--bcher-kva.example",
		"https://\u0430pple.com/":                 "xn--pple-43d.com",
		"https://idp.example/?u=https://x@y.test": "idp.example",
	} {
		if got, err := browser.Check(address); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", address, got, err, want)
		}
	}
	for _, address := range []string{
		"", "idp.example", "/auth", "//idp.example/", "file:///etc/passwd", "javascript:alert(1)", "data:text/html,x",
		"ms-msdt:/id", "vscode://x", "ftp://idp.example/", "https:", "https:///x", "https:idp.example", "https://:443/",
		"https://idp.example:/", "https://idp.example:99999999/x y",
		"https://bank.example@evil.example/", "https://u:p@evil.example/", "https://@evil.example/",
		`https://good.example\@evil.example/`, "https://good.example\t.evil.example/", "https://a b/", " https://idp.example/",
		"https://idp.example/\nx", "https://idp.example/\u202egpj", `https://idp.example/"x`, "https://idp.example/<x>",
		"https://%65vil.example/%zz", "https://[::1/", "https://[127.0.0.1]/", "https://a'b/", "https://a;b/", "https://a$b/",
		"https://idp.example/" + strings.Repeat("x", 17<<10), "-flag",
	} {
		if host, err := browser.Check(address); !api.IsCode(err, api.CodeAddressRefused) {
			t.Errorf("%q: %q, %v", address, host, err)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for command, want := range map[string][]string{
		`firefox`:                             {"firefox"},
		"  firefox \t-P  work ":               {"firefox", "-P", "work"},
		`"C:\Program Files\F\f.exe" -new`:     {`C:\Program Files\F\f.exe`, "-new"},
		`open -a 'Google Chrome'`:             {"open", "-a", "Google Chrome"},
		`x --user-data-dir="/tmp/a b"/c`:      {"x", "--user-data-dir=/tmp/a b/c"},
		`x 'a"b' "c'd" $HOME *`:               {"x", `a"b`, "c'd", "$HOME", "*"},
		`x "" ''`:                             {"x", "", ""},
		`C:\Windows\System32\x.exe --flag=\n`: {`C:\Windows\System32\x.exe`, `--flag=\n`},
	} {
		got, err := browser.Split(command)
		if err != nil {
			t.Errorf("%s: %v", command, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", command, diff)
		}
	}
	for _, command := range []string{"", "  ", `"`, `x 'y`, `'' x`} {
		if got, err := browser.Split(command); !api.IsCode(err, api.CodeUsage) {
			t.Errorf("%q: %q, %v", command, got, err)
		}
	}
	// A program whose path has a blank needs no quotes.
	program := filepath.Join(t.TempDir(), "my browser.exe")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := browser.Split(program); err != nil || len(got) != 1 || got[0] != program {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		"https://idp.example/?a=b", "http://[::1]:1", "javascript:x", "https://a@b", "https://ä.example",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		host, err := browser.Check(address)
		if err != nil {
			return
		}
		lower := strings.ToLower(address)
		if !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") {
			t.Fatalf("%q was accepted", address)
		}
		foreign := func(r rune) bool { return r > 0x7e || strings.ContainsRune("@/\\ \"'", r) }
		if host == "" || strings.ContainsFunc(host, foreign) {
			t.Fatalf("%q has the host %q", address, host)
		}
		authority := address[strings.Index(address, "//")+2:]
		if i := strings.IndexAny(authority, "/?#"); i >= 0 {
			authority = authority[:i]
		}
		if strings.Contains(authority, "@") {
			t.Fatalf("%q with a user was accepted", address)
		}
	})
}

// TestBrowserOfTheEnvironment: BROWSER comes before the default browser. Of its commands the first is taken that is installed
// and no shell, and %s stands for the address.
func TestBrowserOfTheEnvironment(t *testing.T) {
	const address = "https://idp.example/auth?state=s"
	for i, args := range []string{"", " --new-window=%s"} {
		out := filepath.Join(t.TempDir(), strconv.Itoa(i))
		t.Setenv("BROWSER", strings.Join([]string{
			"no-such-browser-anywhere", "sh", fmt.Sprintf(`"%s" record '%s'%s`, os.Args[0], out, args),
		}, string(os.PathListSeparator)))
		if err := browser.Open(t.Context(), address, ""); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		want := `["` + strings.TrimSuffix(strings.TrimSpace(args), "%s") + address + `"]`
		if !strings.Contains(string(b), `"Args":`+want) {
			t.Errorf("got %.200s, want %s", b, want)
		}
	}
}
