package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

const loaded = `document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`

// comes waits for the roster of the server that is opened by itself. A development build's own window is a second page of the
// same backend, and may ask for it at the same moment; of two wishes the later one counts, and the earlier one can be repeated.
func (p *tab) comes(what string, do ...action) {
	p.t.Helper()
	const pushed = `document.querySelector('main')?.innerText.includes('Another server was opened meanwhile.')`
	p.do(what, append(do, until(`(`+loaded+`) || `+pushed))...)
	if ask[bool](p, `!!(`+pushed+`)`) {
		p.do(what+", once more", click(english.T("again")), until(loaded))
	}
}

// TestSecondRun starts the window a second time: what has changed on the server meanwhile is marked, what was chosen is
// kept, and a client secret can be deleted.
func TestSecondRun(t *testing.T) {
	keyring := secrettest.Start(t, secrettest.Unlocked)
	bus := "DBUS_SESSION_BUS_ADDRESS=" + keyring.Address
	d, dir := world(t), t.TempDir()
	id, client := d.Client(demo.Authelia, true)

	a := launch(t, dir, bus)
	p := a.open(t)
	p.try(d.URL())
	p.do("connecting", sees(english.T("connect.how")), fill("key", d.APIKey().Reveal()), key(kb.Enter), until(loaded))
	if ask[bool](p, `[...document.querySelectorAll('.filter')].some(f => f.innerText.startsWith('`+english.T("filter.changed")+`'))`) {
		t.Error("something is marked at the first look")
	}
	p.screen(english, "settings")
	p.do("single keys off", clickOn("#single-keys"))
	p.screen(english, "providers")
	p.do("a secret", click(english.T("providers.settings")+": "+demo.Authelia), fill("client-id", id), fill("secret", client.Reveal()),
		key(kb.Enter), sees(english.T("toast.saved")))
	a.holds(t, d.APIKey().Reveal(), client.Reveal())
	p.complain()
	p.closed = true
	p.do("closing", chromedp.Evaluate[chromedp.Void](`void go.main.App.Quit()`))
	a.wait(t)
	seen, err := filepath.Glob(filepath.Join(a.config, "seen", "*"))
	if err != nil || len(seen) != 1 {
		t.Fatalf("what was seen: %q, %v", seen, err)
	}
	if b, err := os.ReadFile(seen[0]); err != nil || strings.Contains(string(b), demo.TourName) {
		t.Errorf("names are kept, or %v", err)
	}

	d.Server().AddUser(server.UserSpec{Name: "newcomer"})
	a = launch(t, dir, bus)
	p = a.open(t)
	p.comes("the second run")
	p.do("what has changed", sees(english.N("toast.changed", 1)), click(english.T("toast.show")),
		until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length === 1`), sees("newcomer"), sees(english.T("badge.changed")))
	p.nameless("what has changed")
	p.do("no single keys", until(`document.activeElement.id !== 'search'`), key("?"), key(kb.Escape))
	if ask[bool](p, `!!document.querySelector('dialog')`) {
		t.Error("a single key opened a dialog")
	}
	p.screen(english, "providers")
	p.do("deleting the secret", click(english.T("providers.settings")+": "+demo.Authelia), sees(english.T("providers.secret.stored")),
		click(english.T("secret.delete")), click(english.T("secret.yes")), sees(english.T("providers.secret.none")))
	p.nameless("a provider without a secret")

	p.screen(english, "settings")
	p.do("forgetting", clickOn(`.server-row .icon-button:last-child`), click(english.T("forget.yes")), sees(english.T("welcome.lead")))
	if _, err := os.Stat(seen[0]); !os.IsNotExist(err) {
		t.Errorf("what was seen outlives the server: %v", err)
	}
}
