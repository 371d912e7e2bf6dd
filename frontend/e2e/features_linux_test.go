package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

const loaded = `document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`

// comes waits for the roster of the server that is opened by itself. A development build's own window is a second page of the
// same backend, and may ask for it at the same moment; of two requests the later one counts, and the earlier one can be repeated.
func (p *tab) comes(what string, do ...action) {
	p.t.Helper()
	const pushed = `document.querySelector('main')?.innerText.includes('Another server was opened meanwhile.')`
	p.do(what, append(do, until(`(`+loaded+`) || `+pushed))...)
	if ask[bool](p, `!!(`+pushed+`)`) {
		p.do(what+", once more", click(english.T("again")), until(loaded))
	}
}

// TestStopRemoval stops a removal of many links: the one in hand is finished, and what was removed can be brought back.
func TestStopRemoval(t *testing.T) {
	t.Parallel()
	a, p := desk(t)
	d := world(t)
	pass := before(t, d.URL(), nil)
	var writes atomic.Int32
	reached, released := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	address := site(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/Add/") {
			if writes.Add(1) == 2 {
				close(reached)
				<-released
			}
		}
		pass.ServeHTTP(w, r)
	}))
	p.try(address)
	v := &visit{tab: p, a: a, d: d, clock: &clock{}, as: api.CredentialKey}
	p.do("connecting", sees(english.T("connect.how")), byKey, fill("key", d.APIKey().Reveal()), key(kb.Enter), until(loaded))
	names := []string{"elif", "priya", "yuki"}
	links, n := map[string][]api.Identity{}, 0
	for _, name := range names {
		links[name] = v.linked(name)
		n += len(links[name])
		v.pickRow(name)
	}
	p.do("removing", click(english.N("selection.remove", n)), clickOn("#remove-yes"))
	<-reached
	v.shot("running")
	p.do("stopping", until(`document.querySelector('dialog[open] .loading')`), clickOn("#remove-stop"),
		until(`document.getElementById('remove-stop').disabled`))
	release()
	// One write may remove several links.
	words := "document.body.innerText.match(/Stopped: \\d of " + english.Number(n) + " links were removed\\./)"
	p.do("stopped", until(words), until(`!document.querySelector('dialog') && !document.querySelector('.selection')`))
	stopped := ask[string](p, words+"[0]")
	v.shot("stopped")
	left := 0
	for _, name := range names {
		for _, id := range links[name] {
			if v.owner(id) == name {
				left++
			}
		}
	}
	if left == 0 || !strings.HasPrefix(stopped, fmt.Sprintf("Stopped: %d of", n-left)) {
		t.Errorf("%d of %d links are left, and the window says %q", left, n, stopped)
	}
	v.undo(stopped)
	for _, name := range names {
		for _, id := range links[name] {
			v.opens(id, name)
		}
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
	p.do("connecting", sees(english.T("connect.how")), byKey, fill("key", d.APIKey().Reveal()), key(kb.Enter), until(loaded))
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
