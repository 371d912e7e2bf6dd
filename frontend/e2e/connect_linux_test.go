package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

const password = "correct horse battery staple"

// world is a demo world outside the app. Its administrator's password is no common word, so that it can be searched for.
func world(t *testing.T) *demo.World {
	t.Helper()
	d, err := demo.Start(t.Context(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	d.Server().AddUser(server.UserSpec{Name: "root", Password: password, Administrator: true})
	return d
}

// try enters an address on the welcome screen.
func (p *tab) try(address string) {
	p.t.Helper()
	p.do("the address "+address, until(`document.getElementById('address')`), fill("address", address), key(kb.Enter))
}

// holds fails if a secret is in a file of the app's folder or in its output.
func (a *app) holds(t *testing.T, secrets ...string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(filepath.Dir(a.config), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !d.Type().IsRegular() {
			return nil //nolint:nilerr // sockets, and what WebKit removes meanwhile
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // the same
		}
		files++
		for _, s := range secrets {
			if strings.Contains(string(b), s) {
				t.Errorf("a secret is in %s", path)
			}
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("read %d files: %v", files, err)
	}
	for _, s := range secrets {
		if strings.Contains(a.output.String(), s) {
			t.Error("a secret was printed")
		}
	}
}

// TestConnect adds servers by each kind of credential, with a real keyring, and forgets them again.
func TestConnect(t *testing.T) {
	keyring := secrettest.Start(t, secrettest.Unlocked)
	a := start(t, "DBUS_SESSION_BUS_ADDRESS="+keyring.Address)
	p := a.open(t)
	d := world(t)
	apiKey := d.APIKey().Reveal()

	p.try(d.URL() + "/web/#/home.html")
	p.do("the ways to sign in", sees(english.T("connect.how")), sees(english.T("connect.flavour", "flavour", "9p4 or K0lin")))
	p.nameless("connecting")
	p.do("no key", focused("user"), byKey, clickOn("#sign-in"), sees(english.T("connect.key.empty")), focused("key"))
	p.do("a wrong key", fill("key", strings.Repeat("0", 32)), key(kb.Enter), gone(english.T("connect.key.empty")), until(`document.querySelector('form .banner.bad')`))
	p.told()
	p.do("a pasted key", clickOn("#key"), paste("  "+apiKey[:9]+" "+apiKey[9:]+"\n"), clickOn("#sign-in"),
		until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`))
	if kept := ask[string](p, `document.documentElement.outerHTML`); strings.Contains(kept, apiKey) {
		t.Error("the key is in the page")
	}
	p.do("another start", chromedp.Reload(), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`))

	forget := func() {
		t.Helper()
		p.screen(english, "settings")
		p.do("forgetting", clickOn(`.server-row .icon-button:last-child`), click(english.T("forget.yes")), sees(english.T("welcome.lead")))
	}
	forget()

	p.try(d.URL())
	p.do("a password", sees(english.T("connect.how")), clickOn(`input[value=password]`), fill("user", "root"), fill("password", "wrong"),
		key(kb.Enter), until(`document.querySelector('form .banner.bad')`), fill("password", password), key(kb.Enter),
		until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`))
	forget()

	p.try(d.URL())
	p.do("Quick Connect", sees(english.T("connect.how")), clickOn(`input[value=quick]`), clickOn("#sign-in"), until(`document.querySelector('#quick-code output')`))
	p.nameless("Quick Connect")
	approve(t, d, strings.ReplaceAll(ask[string](p, `document.querySelector('#quick-code output').textContent`), " ", ""))
	p.do("approved", until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`))
	p.do("signing out", clickOn("#servers"), click(english.T("server.signout")), sees(english.T("welcome.lead")))
	a.holds(t, apiKey, password)
}

// told checks that the page shows an error, with its sentence and hint.
func (p *tab) told() {
	p.t.Helper()
	said := ask[[]string](p, `[...document.querySelectorAll('.banner.bad p')].map(e => e.innerText)`)
	for _, words := range said {
		if len(words) < 10 || strings.ContainsAny(words, "<>{}[]") {
			p.t.Errorf("the person is told %q", words)
		}
	}
	if len(said) < 2 {
		p.t.Errorf("the person is told only %q", said)
	}
}

// paste puts a text into the field with the focus, as the clipboard does.
func paste(text string) action {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => { const e = document.activeElement; e.value = '';
		if (!document.execCommand('insertText', false, %q)) throw new Error('nothing was pasted'); })()`, text))
}

// approve types a Quick Connect code on another device.
func approve(t *testing.T, d *demo.World, code string) {
	t.Helper()
	c, err := jellyfin.New(jellyfin.Options{URL: d.URL(), DeviceID: "phone", Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.SignIn(t.Context(), "root", secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.WithCredential(in.Token).Do(t.Context(), jellyfin.Request{
		Method: http.MethodPost, Path: "/QuickConnect/Authorize", Query: url.Values{"code": {code}},
	})
	if err != nil || res.Status != http.StatusOK {
		t.Fatalf("approving %q: %v", code, err)
	}
}
