package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/loopback/loopbacktest"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

var pictures = flag.String("shots", "", "leave pictures of what the tests of the worlds pass through in this folder")

// shot leaves a picture of the window in both themes.
func (p *tab) shot(name string) {
	p.t.Helper()
	if *pictures == "" {
		return
	}
	for _, theme := range []string{"dark", "light"} {
		p.do("a picture", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
			})
			if err != nil {
				return err
			}
			time.Sleep(300 * time.Millisecond) // colours fade
			png, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{})
			if err != nil {
				return err
			}
			file := strings.NewReplacer("/", "-", " ", "-").Replace(p.t.Name() + "-" + name + "-" + theme + ".png")
			return os.WriteFile(filepath.Join(*pictures, file), png.Data, 0o600)
		}))
	}
}

// clock is a world's clock that tests put forward.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// visit is a person at the window, signed in to a world outside the app.
type visit struct {
	*tab
	a     *app
	d     *demo.World
	clock *clock
	as    api.CredentialKind
}

// newcomer is somebody whom no account knows yet.
const newcomer = demo.NewcomerLogin

// desk starts the window with a keyring, and a loopback port of its own, so that tests may run side by side.
func desk(t *testing.T) (*app, *tab) {
	t.Helper()
	keyring := secrettest.Start(t, secrettest.Unlocked)
	a := start(t, "DBUS_SESSION_BUS_ADDRESS="+keyring.Address)
	p := a.open(t)
	p.do("a port of its own", sees(english.T("welcome.lead")), click(english.T("nav.settings")),
		fill("ports", strconv.Itoa(loopbacktest.FreePort(t))),
		key(kb.Enter), sees(english.T("toast.saved")), click(english.T("back")), sees(english.T("welcome.lead")))
	return a, p
}

// visits opens a world of that flavour in the window, from the welcome screen, with that credential.
func visits(t *testing.T, a *app, p *tab, flavour api.Flavour, as api.CredentialKind) *visit {
	t.Helper()
	v := &visit{tab: p, a: a, clock: &clock{}, as: as}
	var err error
	// Another seed makes another server, which has a history of its own.
	o := demo.Options{Flavour: flavour, Now: v.clock.now, Seed: uint64(len(as))}
	if v.d, err = demo.Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.d.Close(); err != nil {
			t.Error(err)
		}
	})
	v.d.Server().AddUser(server.UserSpec{Name: "root", Password: password, Administrator: true})
	p.try(v.d.URL())
	p.do("the ways to sign in", sees(english.T("connect.how")))
	switch {
	case as == api.CredentialKey:
		p.do("the key", clickOn(`input[value=key]`), fill("key", v.d.APIKey().Reveal()), key(kb.Enter))
	case as == api.CredentialUser:
		name, secret := v.d.User()
		p.do("name and password", clickOn(`input[value=password]`), fill("user", name), fill("password", secret.Reveal()), key(kb.Enter))
	case flavour == api.FlavourK0lin:
		p.do("Quick Connect", clickOn(`input[value=quick]`), clickOn("#sign-in"), until(`document.querySelector('#quick-code output')`))
		approve(t, v.d, strings.ReplaceAll(ask[string](p, `document.querySelector('#quick-code output').textContent`), " ", ""))
	default:
		p.do("name and password", clickOn(`input[value=password]`), fill("user", "root"), fill("password", password), key(kb.Enter))
	}
	if as == api.CredentialUser {
		p.do("the own account", until(`document.querySelector('.own-card')`))
	} else {
		p.do("the roster", until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`))
	}
	return v
}

// leave asks for another server; this one stays open until then.
func (v *visit) leave() {
	v.t.Helper()
	v.do("leaving", clickOn("#servers"), click(english.T("command.add")), focused("address"))
}

// in is the same visit, whose failures belong to a subtest.
func (v *visit) in(t *testing.T) *visit {
	inner := *v
	inner.tab = &tab{t: t, ctx: v.ctx, closed: true}
	return &inner
}

// identity is who a person is at a provider of this world.
func (v *visit) identity(protocol api.Protocol, provider, login string) api.Identity {
	person, ok := v.d.Person(login)
	if !ok {
		v.t.Fatalf("nobody is called %q", login)
	}
	return v.d.Identity(protocol, provider, person)
}

// account opens an account's drawer.
func (v *visit) account(name string) {
	v.t.Helper()
	if v.as == api.CredentialUser {
		v.do("the own account", until(`document.querySelector('.drawer') || document.querySelector('.own-card .button')`))
		if !ask[bool](v.tab, `!!document.querySelector('.drawer')`) {
			v.do("opening it", click(english.T("own.show")))
		}
	} else {
		v.do("looking for "+name, fill("search", name), until(fmt.Sprintf(`document.querySelector('#grid[aria-busy="false"]') &&
			document.querySelector('#row-0 .account-name')?.textContent === %q`, name)), clickOn(`#row-0 .account-name`))
	}
	v.do("the account "+name, until(fmt.Sprintf(`document.getElementById('drawer-title')?.textContent === %q && document.getElementById('link-identity')`, name)))
}

func (v *visit) closeDrawer() {
	v.t.Helper()
	v.do("closing the account", clickOn(`.drawer-head > :last-child`), until(`!document.querySelector('.drawer')`))
}

// pick opens the link panel at a provider.
func (v *visit) pick(protocol api.Protocol, provider string) {
	v.t.Helper()
	v.do("choosing the provider", clickOn("#link-identity"), clickOn(fmt.Sprintf(`input[value=%q]`, string(protocol)+"/"+provider)),
		until(`document.querySelector('#link-panel .plan, #link-panel .banner, #link-panel form')`))
}

// signs signs a person in once the page shows the address.
func (v *visit) signs(login string) {
	v.t.Helper()
	v.do("the address", until(`document.querySelector('.signin .copy-value')`))
	signIn(v.t, ask[string](v.tab, `document.querySelector('.signin .copy-value').textContent`), login)
}

// has waits until the drawer shows an identity, or does not.
func has(id api.Identity, want bool) action {
	return until(fmt.Sprintf(`[...document.querySelectorAll('.drawer .identity')].some(i => i.querySelector('.identity-provider').textContent === %q &&
		i.querySelector('.copy-value').textContent === %q) === %t`, id.Provider, id.Name, want))
}

// owner is the name of the account that an identity opens, as the server tells an API key; "" for nobody's.
func (v *visit) owner(id api.Identity) string {
	v.t.Helper()
	c, err := jellyfin.New(jellyfin.Options{URL: v.d.URL(), DeviceID: "test", Version: "test"})
	if err != nil {
		v.t.Fatal(err)
	}
	plugin, err := ssoplugin.Detect(v.t.Context(), c.WithCredential(v.d.APIKey()), api.CredentialKey, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	snap, err := plugin.Read(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	for _, l := range snap.Links {
		if l.Identity != id {
			continue
		}
		for _, a := range v.d.Accounts() {
			if a.ID == l.UserID {
				return a.Name
			}
		}
		return l.UserID
	}
	return ""
}

// opens checks which account the identity opens on the server; "" means none.
func (v *visit) opens(id api.Identity, account string) {
	v.t.Helper()
	if got := v.owner(id); got != account {
		v.t.Errorf("%s at %s opens %q, want %q", id.Name, id.Provider, got, account)
	}
}

// press clicks on Verify or Remove of an identity.
func press(name string, id api.Identity) action {
	return click(english.T(name, "name", id.Name, "provider", id.Provider))
}

// undo clicks on the Undo of the message that says what was done.
func (v *visit) undo(done string) {
	v.t.Helper()
	v.undoing(done, english.T("toast.undone"))
}

// undoing presses Undo in the message about a change, and waits for the next message.
func (v *visit) undoing(done, said string) {
	v.t.Helper()
	v.do("closing what was said before", chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`[...document.querySelectorAll('.toast')].filter(t =>
		t.innerText.includes(%q)).forEach(t => t.querySelector('.icon-button').click())`, said)), gone(said))
	v.do("undoing", sees(done), clickAt("undo", fmt.Sprintf(`() => [...document.querySelectorAll('.toast')].findLast(t => t.innerText.includes(%q))
		?.querySelector('.button')`, done)), sees(said))
}

var flavours = []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin}

// parts are what is done in each world, and with which credentials.
var parts = []struct {
	name string
	as   []api.CredentialKind
	do   func(*visit)
}{
	{"oidc", []api.CredentialKind{api.CredentialAdmin, api.CredentialKey, api.CredentialUser}, func(v *visit) {
		v.linkAndBack(v.identity(api.OIDC, demo.Keycloak, newcomer))
	}},
	{"saml", []api.CredentialKind{api.CredentialAdmin, api.CredentialKey, api.CredentialUser}, func(v *visit) {
		v.linkAndBack(v.identity(api.SAML, demo.ADFS, newcomer))
	}},
	{"own account", []api.CredentialKind{api.CredentialUser}, (*visit).ownAccount},
	{"one of several", []api.CredentialKind{api.CredentialAdmin, api.CredentialKey}, (*visit).oneOfSeveral},
	{"awkward name", []api.CredentialKind{api.CredentialAdmin, api.CredentialKey}, (*visit).awkwardName},
	{"many at once", []api.CredentialKind{api.CredentialAdmin, api.CredentialKey}, (*visit).manyAtOnce},
	{"move", []api.CredentialKind{api.CredentialAdmin, api.CredentialKey}, (*visit).move},
	{"unregister", []api.CredentialKind{api.CredentialAdmin, api.CredentialKey}, (*visit).unregister},
	{"orphan", []api.CredentialKind{api.CredentialAdmin, api.CredentialKey}, (*visit).orphan},
	{"troubles", []api.CredentialKind{api.CredentialAdmin}, (*visit).troubles},
}

// TestEveryWorld goes with each credential through each flavour of the plugin: an identity is linked by OpenID Connect and
// one by SAML, each with the provider's page filled in, proved, removed, and brought back where that can be. Where a
// flavour and credential cannot do it, the window says why and what can be done.
func TestEveryWorld(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			a, p := desk(t)
			for _, as := range []api.CredentialKind{api.CredentialAdmin, api.CredentialKey, api.CredentialUser} {
				v := visits(t, a, p, flavour, as)
				for _, part := range parts {
					if slices.Contains(part.as, as) && !t.Run(string(as)+"/"+part.name, func(t *testing.T) { part.do(v.in(t)) }) {
						return // the page is where that part left it
					}
				}
				v.leave()
			}
		})
	}
}

// roster goes back to the accounts.
func (v *visit) roster() {
	v.t.Helper()
	v.do("the accounts", clickOn("#nav-roster"), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length`))
}

// ownAccount checks that a plain user sees only the own account.
func (v *visit) ownAccount() {
	v.t.Helper()
	name, _ := v.d.User()
	v.do("the own account", clickOn("#nav-own"), until(`document.querySelector('.own-card')`), sees(name), sees(english.T("own.limits")))
	v.shot("own")
	v.nameless("the own account")
	v.account(name)
	for _, words := range []string{"nav.roster", "nav.self", "unregister.title", "roster.search", "roster.refresh"} {
		if ask[bool](v.tab, fmt.Sprintf(`document.body.innerText.includes(%q)`, english.T(words))) {
			v.t.Errorf("a plain user sees %q", english.T(words))
		}
	}
	v.closeDrawer()
	v.do("the commands", key("k", chromedp.ModifierCtrl), focused("command"))
	for _, words := range []string{"nav.roster", "nav.self", "command.search", "command.refresh", "command.unlinked", "command.atRisk"} {
		if ask[bool](v.tab, fmt.Sprintf(`[...document.querySelectorAll('.command')].some(c => c.innerText.trim() === %q)`, english.T(words))) {
			v.t.Errorf("a plain user is offered %q", english.T(words))
		}
	}
	v.do("closing them", key(kb.Escape), until(`!document.querySelector('dialog[open]')`))
	v.screen(english, "providers")
	v.shot("providers")
	for _, login := range []string{"elif", "tomas"} {
		if ask[bool](v.tab, fmt.Sprintf(`document.body.innerText.includes(%q)`, login)) {
			v.t.Errorf("a plain user sees %q", login)
		}
	}
	v.screen(english, "history")
	v.do("the history", until(`document.querySelector('.history .change')`))
	if ask[bool](v.tab, `!!document.querySelector('.history .change .button')`) {
		v.t.Error("offers to undo links that were removed since")
	}
	v.shot("history")
	v.do("back", clickOn("#nav-own"), until(`document.querySelector('.own-card')`))
}
