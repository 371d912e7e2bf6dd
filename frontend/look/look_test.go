//go:build !js

// Package look_test drives the compiled window in a headless browser, with the backend replaced by testdata/stub.js. With
// -shots DIR it also leaves a picture of every screen there, to be looked at.
package look_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

type action = chromedp.Action[chromedp.Void]

var (
	shots = flag.String("shots", "", "write pictures of every screen into this folder")
	only  = flag.String("only", "", "take only the pictures whose name matches this regular expression")
)

var (
	site    *httptest.Server
	browser context.Context
	program string // the WebAssembly file
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
	program = filepath.Join(dir, "app.wasm")
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

// taken presses a key that the page takes. That keeps a browser from typing it, or from pressing what has the focus by then;
// the protocol's own event does so all the same.
func taken(key string) action {
	return script(`document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: '` + key + `', bubbles: true, cancelable: true}))`)
}

const (
	startDemo = "Try the demo"
	lastFlow  = `Object.keys(stub.flows).at(-1)`
)

var confirmEvent = `stub.emit('flow', {id: ` + lastFlow + `, step: 'confirm', confirmation: {account: stub.users.find(u => u.id === stub.flows[` + lastFlow + `].userId),
	identity: {protocol: 'oidc', provider: 'authelia', name: 'bjorn'}, nameKnown: true, displayName: 'Björn Borg', email: 'bjorn@example.org'}})`

var toRoster = []action{click(startDemo), sees("24 accounts")}

// TestFirstLink goes the way of somebody who has never seen the window: demo, account, link, verify, remove, undo.
func TestFirstLink(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", open(""), sees("See which identities"))
	do(ctx, t, "demo", toRoster...)
	do(ctx, t, "open an unlinked account", click("Link an identity to Björn Borg"), sees("Where is the identity?"))
	do(
		ctx,
		t,
		"choose a provider",
		script(`document.querySelector('input[value="oidc/authelia"]').click()`),
		sees("Sign-in through the plugin"),
	)
	do(ctx, t, "sign in", click("Open browser and sign in"), sees("auth.example.org"), sees("4:3"))
	do(
		ctx,
		t,
		"confirm",
		script(confirmEvent),
		sees("Is this right?"),
		focused("link-step"),
		click("Link"),
		sees("now opens Björn Borg"),
	)
	do(
		ctx,
		t,
		"verify",
		click("Verify"),
		sees("Sign in with this identity once"),
		script(
			`stub.emit('flow', {id: 'v2', step: 'verified', verified: {identity: {protocol: 'oidc', provider: 'authelia', name: 'bjorn'}, account: stub.users[1], signedIn: true}})`,
		),
		sees("Verified: bjorn opens Björn Borg"),
	)
	do(ctx, t, "back", click("Done"), sees("Account ID"), sees("Linked bjorn at authelia to Björn Borg"))
	do(
		ctx,
		t,
		"remove",
		click("Remove bjorn at authelia"),
		sees("Remove this link?"),
		click("Remove link"),
		sees("1 link removed."),
		sees("No identity opens this account yet."),
	)
	do(ctx, t, "undo", click("Undo"), sees("Undone, and read back"), gone("No identity opens this account yet."))
}

// TestOwnedIdentityIsMoved goes on from a refusal without starting anew by hand.
func TestOwnedIdentityIsMoved(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", open(""), sees("See which identities"))
	do(ctx, t, "link", link(click("Open browser and sign in"), sees("4:3"))...)
	do(ctx, t, "refused", script(
		`stub.emit('flow', {id: `+lastFlow+`, step: 'failed', error: {code: 'link-owned', sentence: 'ada opens Ada Lovelace now.', hint: ''}})`,
	), click("Move it here"), sees("4:3"), until(lastFlow+` && stub.flows[`+lastFlow+`].move`))
	do(ctx, t, "moved", script(confirmEvent), click("Link"), sees("now opens Björn Borg"))
}

// TestStubbornLinkGoesByTheWayRound removes a link that the plugin cannot remove singly.
func TestStubbornLinkGoesByTheWayRound(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", open("s=stubborn"), sees("See which identities"))
	do(ctx, t, "demo", toRoster...)
	do(ctx, t, "ask", openAda[0], click("Remove ada/lovelace at authelia"), sees("sessions end on every device"))
	do(ctx, t, "the way round", click("Remove this way"), sees("1 link removed."),
		until(`stub.wayRound === 1`))
}

// TestKeyboardOnly does the main job without a pointer.
func TestKeyboardOnly(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", open(""), sees("See which identities"))
	do(ctx, t, "demo", toRoster...)
	do(
		ctx,
		t,
		"search",
		focused("search"),
		chromedp.KeyEvent("born"),
		sees("Nothing matches"),
		chromedp.KeyEvent(kb.Escape),
		sees("identities · "),
		chromedp.KeyEvent(kb.ArrowDown),
		focused("row-0"),
		chromedp.KeyEvent(kb.ArrowDown),
		focused("row-1"),
		taken("/"),
		focused("search"),
		chromedp.KeyEvent("bjorn"),
		sees("1 of 25"),
		chromedp.KeyEvent(kb.ArrowDown),
		focused("row-0"),
	)
	do(ctx, t, "open", chromedp.KeyEvent(kb.Enter), focused("drawer-title"), chromedp.KeyEvent(kb.Escape), focused("row-0"))
	do(
		ctx,
		t,
		"link",
		chromedp.KeyEvent("l"),
		focused("link-step"),
		chromedp.KeyEvent(kb.Escape),
		focused("link-identity"),
		chromedp.KeyEvent(kb.Escape),
		focused("row-0"),
	)
	do(
		ctx,
		t,
		"select",
		chromedp.KeyEvent(" "),
		sees("1 account selected"),
		chromedp.KeyEvent(kb.Escape),
		gone("1 account selected"),
	)
	do(
		ctx,
		t,
		"sheet",
		chromedp.KeyEvent("?"),
		sees("Keyboard shortcuts"),
		chromedp.KeyEvent(kb.Escape),
		gone("Close what is on top"),
		focused("row-0"),
	)
	do(
		ctx,
		t,
		"palette",
		chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)),
		focused("command"),
		chromedp.KeyEvent("provid"),
		chromedp.KeyEvent(kb.Enter),
		sees("Where people sign in"),
	)
}

// TestMenuByArrows opens the server switcher and moves in it with the arrows alone.
func TestMenuByArrows(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", open("s=stored"), sees("24 accounts"), focused("search"))
	do(ctx, t, "open", script(`document.getElementById('servers').focus()`), chromedp.KeyEvent(kb.Enter), focused("servers-menu"))
	const on = `document.activeElement.innerText.trim() === `
	do(ctx, t, "move", chromedp.KeyEvent(kb.ArrowDown), until(on+`'Grandma'`), chromedp.KeyEvent(kb.ArrowUp),
		until(on+`'Sign out of this server'`), chromedp.KeyEvent(kb.Escape), focused("servers"))
}

// TestGerman does the main job in German.
func TestGerman(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", open("lang=de"), sees("Sehen, welche Identitäten"), focused("demo"))
	do(ctx, t, "demo", click("Demo starten"), sees("24 Konten"))
	do(
		ctx,
		t,
		"link",
		click("Identität mit Björn Borg verknüpfen"),
		until(`document.querySelector('input[value="oidc/authelia"]')`),
		script(
			`document.querySelector('input[value="oidc/authelia"]').click()`,
		),
		click("Browser öffnen und anmelden"),
		sees("Anmeldung bei"),
	)
	do(
		ctx,
		t,
		"confirm",
		script(confirmEvent),
		sees("Stimmt das?"),
		click("Verknüpfen"),
		sees("öffnet jetzt Björn Borg"),
		click("Fertig"),
		sees("Konto-ID"),
	)
	if lang := ask[string](ctx, t, `document.documentElement.lang`); lang != "de" {
		t.Errorf("the page says its language is %q", lang)
	}
}

// TestEveryControlHasAName looks at the accessibility of each screen.
func TestEveryControlHasAName(t *testing.T) {
	const nameless = `[...document.querySelectorAll('button,input,select,a,[role=grid],dialog,aside,nav')].filter(e => {
		const by = e.getAttribute('aria-labelledby');
		return !(e.getAttribute('aria-label') || e.title || e.innerText.trim() || (e.labels && e.labels.length) || (by && document.getElementById(by))) }).map(e => e.outerHTML.slice(0, 200)).join('\n')`
	ctx := tab(t)
	do(ctx, t, "start", open(""), sees("See which identities"))
	do(ctx, t, "demo", toRoster...)
	check := func(where string) {
		t.Helper()
		if found := ask[string](ctx, t, nameless); found != "" {
			t.Errorf("%s has controls without a name:\n%s", where, found)
		}
		if found := ask[string](ctx, t, `(stub.violations || []).join('\n')`); found != "" {
			t.Errorf("%s violates the policy: %s", where, found)
		}
		if found := ask[string](ctx, t,
			`[...document.querySelectorAll('[style]')].filter(e => !e.closest('.rows')).map(e => e.outerHTML.slice(0, 99)).join('\n')`,
		); found != "" {
			t.Errorf("%s has inline styles: %s", where, found)
		}
	}
	check("roster")
	for _, screen := range []string{"providers", "own", "history", "settings"} {
		do(ctx, t, screen, script(`document.getElementById('nav-`+screen+`').click()`), chromedp.Sleep(60*time.Millisecond))
		check(screen)
	}
}

// TestWindowStaysSmall holds the file that the window starts from to 4 MB.
func TestWindowStaysSmall(t *testing.T) {
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the window is %d bytes", info.Size())
	if info.Size() >= 4e6 {
		t.Error("that is 4 MB or more")
	}
}

// TestTenThousandAccounts scrolls through a long list.
func TestTenThousandAccounts(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", open("n=10001"), sees("See which identities"), click(startDemo), sees("10,000 accounts"))
	rows := ask[int](ctx, t, `document.querySelectorAll('.rows > .row').length`)
	if rows == 0 || rows > 60 {
		t.Errorf("%d rows are in the page", rows)
	}
	do(
		ctx,
		t,
		"scroll",
		script(`document.getElementById('rows').scrollTop = 1e9`),
		until(`document.querySelector('.rows > .row[aria-rowindex="10002"]')`),
		script(
			`document.getElementById('rows').scrollTop = 250000`,
		),
		until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 8`),
	)
}

// shot is one picture: a page and the way there.
type shot struct {
	name  string
	query string
	steps []action
}

func link(more ...action) []action {
	return append(
		append([]action{}, toRoster...),
		append([]action{
			click("Link an identity to Björn Borg"),
			sees("Where is the identity?"),
			script(
				`document.querySelector('input[value="oidc/authelia"]').click()`,
			),
			sees("Sign-in through the plugin"),
		}, more...)...)
}

func roster(more ...action) []action {
	return append(append([]action{}, toRoster...), more...)
}

// selected goes on from a selection of the first four accounts that exist.
func selected(more ...action) []action {
	return roster(append([]action{
		script(`document.querySelectorAll('.rows input')[1].click()`),
		script(`document.querySelectorAll('.rows input')[4].dispatchEvent(new MouseEvent('click', {bubbles: true, shiftKey: true}))`),
		sees("4 accounts selected"),
	}, more...)...)
}

// removing goes on from a selection to a removal that is under way.
var removing = []action{
	script(`document.querySelector('.selection .danger').click()`), until(`document.querySelector('dialog[open] #remove-yes')`),
	script(`document.getElementById('remove-yes').click()`), sees("(2 of "),
}

func screen(name string, more ...action) []action {
	return roster(
		append(
			[]action{script(`document.getElementById('nav-` + name + `').click()`), chromedp.Sleep(80 * time.Millisecond)},
			more...)...)
}

func german(name string, more ...action) []action {
	return append([]action{
		click("Demo starten"), sees("24 Konten"), until(`document.getElementById('nav-settings')`),
		script(`document.getElementById('nav-` + name + `').click()`),
		chromedp.Sleep(80 * time.Millisecond),
	}, more...)
}

func connect(address string, more ...action) []action {
	way := []action{
		sees("See which identities"),
		chromedp.SendKeys(chromedp.CSS("#address"), address),
		click("Continue"),
		chromedp.Sleep(100 * time.Millisecond),
	}
	return append(way, more...)
}

var openAda = []action{
	script(`document.querySelectorAll('.rows > .row')[1].click()`),
	sees("Account ID"),
	chromedp.Sleep(50 * time.Millisecond),
}

var all = []shot{
	{"welcome", "", []action{sees("None found")}},
	{"welcome-german", "lang=de", []action{sees("Keine gefunden")}},
	{"roster-german", "lang=de", []action{click("Demo starten"), sees("24 Konten")}},
	{
		"link-german",
		"lang=de",
		[]action{
			click("Demo starten"),
			sees("24 Konten"),
			click("Identität mit Björn Borg verknüpfen"),
			until(
				`document.querySelector('input[value="oidc/authelia"]')`,
			),
			script(`document.querySelector('input[value="oidc/authelia"]').click()`),
			sees("Anmeldung über das Plugin"),
		},
	},
	{"welcome-found", "s=found,nokeyring", []action{sees("192.168.1.10")}},
	{"welcome-error", "", connect("ftp://nowhere", sees("only http and https"))},
	{"connect-nowhere", "", connect("nowhere", sees("nowhere cannot be reached"))},
	{
		"welcome-damaged",
		"s=damaged,demofail",
		[]action{sees("could not be read"), click(startDemo), sees("could not open a port")},
	},
	{"connect-key", "", connect("jellyfin.lan", sees("How should"))},
	{"connect-password", "", connect("jellyfin.lan", script(`document.querySelector('input[value=password]').click()`), sees("Jellyfin user name"))},
	{
		"connect-refused",
		"",
		connect(
			"jellyfin.lan",
			sees("How should"),
			chromedp.SendKeys(chromedp.CSS("#key"), " ba d "),
			click("Connect"),
			sees("does not know"),
		),
	},
	{
		"connect-quick",
		"",
		connect(
			"jellyfin.lan",
			sees("How should"),
			script(`document.querySelector('input[value=quick]').click()`),
			click("Get a code"),
			sees("493 027"),
		),
	},
	{"connect-certificate", "", connect("cert", sees("Is this your server"))},
	{"connect-changed", "", connect("changed", sees("certificate has changed"))},
	{"connect-noplugin", "", connect("noplugin", sees("plugin is missing"))},
	{"connect-wizard", "", connect("wizard", sees("first setup"))},
	{"connect-starting", "", connect("starting", sees("still starting"))},
	{"connect-huge", "", connect("huge", sees("10 MB"))},
	{"opening", "s=opening", []action{sees("Opening Living room")}},
	{"opening-failed", "s=openfail", []action{sees("keyring is locked")}},
	{"fatal", "s=bootfail", []action{sees("settings folder")}},
	{"roster", "", roster()},
	{"roster-server", "s=stored", []action{sees("24 accounts")}},
	{"roster-loading", "s=loading", []action{click(startDemo), sees("Who can sign in?")}},
	{"roster-error", "s=rosterfail", []action{click(startDemo), sees("stopped answering")}},
	{"roster-empty", "s=empty", []action{click(startDemo), sees("No accounts yet")}},
	{"roster-nothing", "", roster(chromedp.SendKeys(chromedp.CSS("#search"), "zzz"), sees("Nothing matches"))},
	{
		"roster-selected",
		"",
		selected(script(`document.querySelector('.selection').scrollIntoView({block: 'center'})`)),
	},
	{"roster-long", "s=long", []action{click(startDemo), sees("24 accounts")}},
	{"account", "", roster(openAda...)},
	{"account-long", "s=long", append([]action{click(startDemo), sees("24 accounts")}, openAda...)},
	{"link-choose", "", link()},
	{
		"link-ways",
		"s=stored",
		[]action{
			sees("24 accounts"),
			click("Link an identity to Björn Borg"),
			until(`document.querySelector('input[value="oidc/authelia"]')`),
			script(`document.querySelector('input[value="oidc/authelia"]').click()`),
			click("Other ways"),
			sees("Name typed in"),
		},
	},
	{"link-subject", "", link(click("By name"), sees("preferred_username"))},
	{"link-signin", "", link(click("Open browser and sign in"), sees("4:3"))},
	{"link-confirm", "", link(click("Open browser and sign in"), sees("4:3"), script(confirmEvent), sees("Is this right?"))},
	{
		"link-done",
		"",
		link(click("Open browser and sign in"), sees("4:3"), script(confirmEvent), click("Link"), sees("now opens")),
	},
	{
		"link-failed",
		"",
		link(
			click("Open browser and sign in"),
			sees("4:3"),
			script(
				`stub.emit('flow', {id: `+lastFlow+`, step: 'failed', error: {code: 'sign-in-refused', sentence: 'auth.example.org refused the sign-in: access_denied.', hint: 'Check that this person may use Jellyfin there.'}})`,
			),
			sees("refused the sign-in"),
		),
	},
	{
		"link-owned",
		"",
		link(
			click("Open browser and sign in"),
			sees("4:3"),
			script(
				`stub.emit('flow', {id: `+lastFlow+`, step: 'failed', error: {code: 'link-owned', sentence: 'ada opens Ada Lovelace now.', hint: 'Allow moving it.'}})`,
			),
			sees("Move it here"),
		),
	},
	{"demo-people", "", roster(click("Who can sign in?"), sees("Mallory Moss"))},
	{
		"remove-detour",
		"s=stubborn",
		[]action{
			click(startDemo),
			sees("24 accounts"),
			openAda[0],
			click("Remove ada/lovelace at authelia"),
			sees("Remove this way"),
		},
	},
	{"remove-many", "s=stubborn", selected(script(`document.querySelector('.selection .danger').click()`), sees("Remove this way"))},
	{"remove-running", "s=slow", selected(removing...)},
	{"remove-stopped", "s=slow", selected(append(removing, click("Stop"), sees("Cancelled: 2 of"), gone("Removing links"))...)},
	{"link-running", "", link(click("Open browser and sign in"), sees("4:3"), click("Close"), sees("Waiting for sign-in"))},
	{"remove", "", roster(append(openAda, click("Remove ada.lovelace at authelia"), sees("Remove this link?"))...)},
	{"unregister", "", roster(append(openAda, click("Unregister…"), sees("no password"))...)},
	{"providers", "", screen("providers", sees("authelia"))},
	{
		"providers-test",
		"",
		screen(
			"providers",
			click("Test discovery: authelia"),
			click("Test discovery: google"),
			sees("does not answer"),
			click("Settings for Jellybind: authelia"),
			sees("Own client"),
		),
	},
	{
		"providers-empty",
		"s=noproviders",
		[]action{
			click(startDemo),
			sees("24 accounts"),
			script(`document.getElementById('nav-providers').click()`),
			sees("No providers yet"),
		},
	},
	{"providers-loading", "s=providersslow", screen("providers", sees("Reading providers"))},
	{"providers-error", "s=providersfail", screen("providers", sees("may not read"))},
	{"providers-german", "lang=de", german("providers", click("Discovery testen: authelia"), click("Einstellungen für Jellybind: authelia"),
		sees("Eigener Client"))},
	{"secret", "", screen("providers", click("Settings for Jellybind: authelia"), click("Delete the stored secret…"), sees("Nothing changes"))},
	{"account-german", "lang=de", []action{click("Demo starten"), sees("24 Konten"), openAda[0], sees("Konto-ID")}},
	{"settings-german", "s=stored&lang=de", german("settings", sees("Loopback-Ports"))[2:]},
	{"self-service-german", "lang=de", german("own", sees("menuLinks"))},
	{"shortcuts-off", "s=nokeys", roster(script(`document.querySelectorAll('.nav-foot button')[1].click()`), sees("switched off"))},
	{"self-service", "", screen("own", sees("menuLinks"))},
	{"own", "s=plain", []action{sees("The identities that open your account")}},
	{"history-empty", "", screen("history", sees("Nothing changed"))},
	{
		"history",
		"",
		link(
			click("Open browser and sign in"),
			sees("4:3"),
			script(confirmEvent),
			click("Link"),
			sees("now opens"),
			click("Undo"),
			sees("read back"),
			script(`document.getElementById('nav-history').click()`),
			chromedp.Sleep(80*time.Millisecond),
			click("Close"),
		),
	},
	{
		"settings",
		"s=stored",
		[]action{sees("24 accounts"), script(`document.getElementById('nav-settings').click()`), sees("Loopback ports")},
	},
	{"settings-outside", "", []action{sees("None found"), click("Settings"), sees("Loopback ports")}},
	{"forget", "s=stored", []action{
		sees("24 accounts"), script(`document.getElementById('nav-settings').click()`), click("Forget Grandma"),
		sees("Forget Grandma?"),
	}},
	{"rename", "s=stored", []action{
		sees("24 accounts"), script(`document.getElementById('nav-settings').click()`), click("Rename Grandma"),
		sees("Rename server"),
	}},
	{"palette", "", roster(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)), sees("Light theme"))},
	{"shortcuts", "", roster(chromedp.KeyEvent(kb.ArrowDown), focused("row-0"), chromedp.KeyEvent("?"), sees("Anywhere"))},
	{
		"servers-menu",
		"s=stored",
		[]action{sees("24 accounts"), script(`document.getElementById('servers').click()`), sees("Add a server")},
	},
}

// TestShots takes the pictures: every screen light and dark, in a small and a large window, and some of them at twice the
// text size, in German and from right to left.
func TestShots(t *testing.T) {
	if *shots == "" {
		t.Skip("no -shots")
	}
	if err := os.MkdirAll(*shots, 0o755); err != nil {
		t.Fatal(err)
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	sizes := []struct {
		suffix, query string
		w, h          int64
		scale         float64
	}{
		{"light-1024", "&theme=light", 1024, 700, 1},
		{"dark-1440", "&theme=dark", 1440, 900, 1},
		{"dark-1024", "&theme=dark", 1024, 700, 1},
		{"light-1440", "&theme=light", 1440, 900, 1},
	}
	for _, s := range all {
		for _, z := range sizes {
			if !wanted.MatchString(s.name + "-" + z.suffix) {
				continue
			}
			t.Run(s.name+"-"+z.suffix, func(t *testing.T) { picture(t, s, z.suffix, z.query, z.w, z.h, z.scale, "") })
		}
	}
	for _, s := range all {
		switch s.name {
		case "welcome", "roster", "account", "link-choose", "link-confirm", "link-running", "providers-test", "connect-key",
			"palette", "settings", "self-service", "secret", "roster-long", "roster-selected", "shortcuts",
			"remove-many", "remove-running", "remove-stopped":
			if wanted.MatchString(s.name + "-text200") {
				t.Run(s.name+"-200", func(t *testing.T) { picture(t, s, "text200", "&theme=light", 512, 350, 2, "") })
			}
			if wanted.MatchString(s.name + "-rtl") {
				t.Run(s.name+"-rtl", func(t *testing.T) {
					picture(t, s, "rtl", "&theme=light", 1280, 800, 1, `document.documentElement.dir = 'rtl'`)
				})
			}
		}
	}
}

func picture(t *testing.T, s shot, suffix, query string, w, h int64, scale float64, after string) {
	ctx := tab(t)
	do(ctx, t, "open", chromedp.EmulateViewport(w, h, chromedp.EmulateScale(scale)), open(s.query+query))
	do(ctx, t, s.name, s.steps...)
	if after != "" {
		do(ctx, t, s.name, script(after))
	}
	do(ctx, t, "picture", chromedp.Sleep(150*time.Millisecond))
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, s.name+"-"+suffix+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
