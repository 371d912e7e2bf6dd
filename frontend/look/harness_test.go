//go:build !js

// Package look_test drives the compiled window in a headless browser, with the backend replaced by testdata/stub.js. With
// -shots DIR it also leaves a picture of every screen there, to be looked at.
package look_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	ways "github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/words"
)

type action = chromedp.Action[chromedp.Void]

var (
	shots = flag.String("shots", "", "write pictures of every screen into this folder")
	only  = flag.String("only", "", "take only the pictures whose name matches this regular expression")
)

var (
	site    *httptest.Server
	browser context.Context
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		fmt.Println("no Chromium here: the look tests are skipped")
		if goruntime.GOOS == "linux" && os.Getenv("CI") != "" {
			return 1 // go run ./build test installs one there, and nobody would see that it failed
		}
		return 0
	}
	dir, err := os.MkdirTemp("", "look")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "app.wasm")
	build := exec.Command(
		"go",
		"build",
		"-trimpath",
		"-ldflags=-s -w",
		"-o",
		program,
		"github.com/jellybind/jellybind/frontend",
	)
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Printf("building the window: %v\n%s", err, out)
		return 1
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	site = httptest.NewServer(serve(dir, strings.TrimSpace(string(root))))
	defer site.Close()
	options := append(
		chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("hide-scrollbars", false), // they take their room in the window as well
		chromedp.Flag(
			"disable-background-networking",
			true,
		),
		chromedp.NoFirstRun,
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	var cancel context.CancelFunc
	browser, cancel = chromedp.NewContext(allocator) //nolint:fatcontext // one browser for all tests
	defer cancel()
	if err := chromedp.Do(browser, chromedp.Navigate("about:blank")); err != nil {
		fmt.Println("starting Chromium:", err)
		return 1
	}
	return m.Run()
}

// serve answers with the static files, the program, and the stub put into the page where Wails puts its runtime.
func serve(dir, goroot string) http.Handler {
	static := filepath.Join("..", "static")
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(static)))
	file := func(pattern, path, kind string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			http.ServeFile(w, r, path)
		})
	}
	file("/app.wasm", filepath.Join(dir, "app.wasm"), "application/wasm")
	file("/wasm_exec.js", filepath.Join(goroot, "lib", "wasm", "wasm_exec.js"), "text/javascript")
	file("/stub.js", filepath.Join("testdata", "stub.js"), "text/javascript")
	mux.HandleFunc("/rows.json", func(w http.ResponseWriter, _ *http.Request) { // the stub has no rows at hand
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/backend.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(fromBackend()) // it fails if the page is gone
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		page, err := os.ReadFile(filepath.Join(static, "index.html"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(
			bytes.Replace(
				page,
				[]byte("<script src=\"theme.js\">"),
				[]byte("<script src=\"stub.js\"></script><script src=\"theme.js\">"),
				1,
			),
		)
	})
	return mux
}

// fromBackend returns what the stub takes from the backend instead of making it up: the texts for errors and reasons, and
// the rules for proxies.
func fromBackend() map[string]any {
	return map[string]any{
		"words": map[string]string{"en": words.Lines("en"), "de": words.Lines("de")},
		"rules": ways.ProxyRules(&url.URL{Scheme: "https", Host: "media.example.com"}),
	}
}

// tab opens a tab that fails the test for every console error and every violation of the policy.
func tab(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	ctx, stop := context.WithTimeout(ctx, 60*time.Second)
	t.Cleanup(func() { stop(); cancel() })
	var mu sync.Mutex
	var complaints []string
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Listen(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Text+" "+fmt.Sprint(e.ExceptionDetails.Exception))
		case *runtime.EventConsoleAPICalled:
			if e.Type == "error" || e.Type == "warning" {
				for _, a := range e.Args {
					complaints = append(complaints, string(a.Value))
				}
			}
		case *log.EventEntryAdded:
			if e.Entry.Level == "error" && !strings.Contains(fmt.Sprint(e.Entry), "favicon") {
				complaints = append(complaints, e.Entry.Text)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range complaints {
			t.Errorf("the page complains: %s", c)
		}
	})
	return ctx
}

func do(ctx context.Context, t *testing.T, what string, actions ...action) {
	t.Helper()
	limited, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := chromedp.Do(limited, actions...); err != nil {
		text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText.slice(0, 1500)`))
		t.Fatalf("%s: %v\nthe page shows:\n%s", what, err, text)
	}
}

func open(query string) action { return chromedp.Navigate(site.URL + "/?" + query) }

// click clicks the button with the label, the last one where there are several.
func click(label string) action {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		script := fmt.Sprintf(
			`(() => { const all = [...document.querySelectorAll('button,[role=menuitem],label,summary')].filter(b => !b.disabled && b.offsetParent !== null &&
			(b.innerText.trim() === %[1]q || b.getAttribute('aria-label') === %[1]q)); const b = all.at(-1); if (b) b.click(); return !!b })()`,
			label,
		)
		for {
			done, err := chromedp.Evaluate[bool](script)(ctx, tab)
			if err != nil {
				return err
			}
			if done {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("no button %q: %w", label, ctx.Err())
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

// sees waits until the page shows a text.
func sees(text string) action {
	return until(fmt.Sprintf(`document.body.innerText.includes(%q)`, text))
}

func gone(text string) action {
	return until(fmt.Sprintf(`!document.body.innerText.includes(%q)`, text))
}

func script(js string) action { return chromedp.Evaluate[chromedp.Void](js) }

// until waits until an expression is true. chromedp.Poll would do, but fails when the page is replaced while it waits.
func until(js string) action {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		for {
			done, err := chromedp.Evaluate[bool](`!!(`+js+`)`)(ctx, tab)
			replaced := err != nil && (strings.Contains(err.Error(), "context") || strings.Contains(err.Error(), "navigated"))
			if done || err != nil && !replaced {
				return err
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("never: %s: %w", js, ctx.Err())
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

// ask evaluates an expression.
func ask[T any](ctx context.Context, t *testing.T, js string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func focused(id string) action {
	return until(fmt.Sprintf(`document.activeElement && document.activeElement.id === %q`, id))
}

const (
	startDemo = "Try the demo"
	lastFlow  = `Object.keys(stub.flows).at(-1)`
)

var confirmEvent = `stub.emit('flow', {id: ` + lastFlow + `, step: 'confirm', confirmation: {account: stub.users.find(u => u.id === stub.flows[` + lastFlow + `].userId),
	identity: {protocol: 'oidc', provider: 'authelia', name: 'bjorn'}, nameKnown: true, displayName: 'Björn Borg', email: 'bjorn@example.org'}})`

var toRoster = []action{click(startDemo), sees("24 accounts")}
