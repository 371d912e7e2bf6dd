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

// leave goes back to the welcome screen; the server stays in the list.
func (v *visit) leave() {
	v.t.Helper()
	v.do("leaving", clickOn("#servers"), click(english.T("command.add")), sees(english.T("welcome.lead")))
}

// in is the same visit, whose failures are those of a subtest.
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

// signs is the person who signs in, once the page shows the address.
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

// opens looks whether the server has the link to that account, "" for none.
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

// undoing presses the button of the message that something is done, and waits for what is said then.
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

// linkAndBack links an identity, proves it, removes it and brings it back, each as far as this world and credential can.
func (v *visit) linkAndBack(id api.Identity) {
	v.t.Helper()
	flowfin, plain := v.d.Flavour() == api.FlavourFlowfin, v.as == api.CredentialUser
	account := demo.TourName
	if plain {
		account = demo.UserName
	}
	v.account(account)
	if flowfin && v.as == api.CredentialKey && id.Protocol == api.OIDC {
		v.byName(id, account)
		v.pick(id.Protocol, id.Provider)
		v.do("to the settings", clickOn("#enter-client"), sees(english.T("providers.lead")))
		v.ownClient(id.Provider)
		v.do("back to the accounts", clickOn("#nav-roster"), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length`))
		v.account(account)
	}
	v.bySignIn(id, account)

	v.do("verifying", press("verify.do.of", id))
	switch {
	case flowfin && plain, plain && id.Protocol == api.OIDC:
		v.refused("Only an administrator", "sign in to Jellyfin", "The provider's certificate", "own page")
	case flowfin && !plain && id.Protocol == api.OIDC && v.as != api.CredentialKey:
		v.refused("a client of Jellybind's own", english.T("error.client-missing.hint"))
	default:
		v.signs(newcomer)
		v.do("the proof", until(`document.querySelector('.verification .banner.good')`))
		how := english.T("verify.signedIn")
		if flowfin {
			how = english.T("verify.read")
		}
		v.do("how it was proved", sees(how))
	}
	v.shot("verified")

	v.removeAndBack(id, account)
	v.closeDrawer()
}

// bySignIn links an identity to the account in the drawer by signing in with it.
func (v *visit) bySignIn(id api.Identity, account string) {
	v.t.Helper()
	v.pick(id.Protocol, id.Provider)
	v.shot("plan")
	v.do("going to sign in", clickOn("#run-link"))
	v.signs(newcomer)
	v.do("the question", sees(english.T("confirm.title")))
	v.shot("confirm")
	v.do("yes", clickOn("#confirm-yes"), until(`document.getElementById('link-close')`))
	v.shot("done")
	v.do("done", clickOn("#link-close"), has(id, true))
	v.opens(id, account)
}

// byName is what is left where nobody can sign in: the window says why, and takes the name.
func (v *visit) byName(id api.Identity, account string) {
	v.t.Helper()
	v.pick(id.Protocol, id.Provider)
	v.do("why nobody can sign in", sees(english.T("link.noSignIn")), sees(english.T("why.needs-token")),
		sees(english.T("why.no-client")))
	if said := ask[string](v.tab, `document.querySelector('.drawer').innerText`); strings.Contains(said, "jellybind ") {
		v.t.Errorf("the window names a command: %s", said)
	}
	v.nameless("a link that needs the name")
	v.shot("by-name")
	v.do("the name", clickOn("#by-name"), fill("subject", id.Name), key(kb.Enter), sees(english.T("confirm.title")),
		clickOn("#confirm-yes"), until(`document.getElementById('link-close')`), clickOn("#link-close"), has(id, true))
	v.opens(id, account)
	v.removeAndBack(id, account)
	v.do("removing again", press("remove.do.of", id), clickOn("#remove-yes"), has(id, false))
}

// ownClient enters Jellybind's own client for a provider, on the providers' screen.
func (v *visit) ownClient(provider string) {
	v.t.Helper()
	id, _ := v.d.Client(provider, false)
	settings := clickAt("the settings", fmt.Sprintf(`() => [...document.querySelectorAll('.provider')].find(p => p.querySelector('h2').textContent === %q)
		?.querySelector('button[aria-expanded]')`, provider))
	v.do("the own client", settings, fill("client-id", id), key(kb.Enter),
		sees(english.T("toast.saved")), until(`!document.getElementById('client-id')`))
}

// removeAndBack removes the identity of the account in the drawer, and undoes that where the server lets it.
func (v *visit) removeAndBack(id api.Identity, account string) {
	v.t.Helper()
	v.do("removing", press("remove.do.of", id), until(`document.querySelector('dialog[open] #remove-yes')`))
	v.shot("remove")
	undo, how := "remove.undo", "remove.text.one"
	switch {
	case v.as == api.CredentialUser:
		undo = "remove.undo.signin"
	case v.as == api.CredentialKey && v.d.Flavour() == api.FlavourFlowfin:
		undo, how = "remove.undo.sessions", "remove.detour.text"
	}
	v.do("what will happen", sees(english.T(how)), sees(english.T(undo)), clickOn("#remove-yes"), has(id, false))
	v.opens(id, "")
	if v.as == api.CredentialUser {
		v.do("no offer to undo", sees(english.N("toast.removed", 1)))
		if ask[bool](v.tab, `[...document.querySelectorAll('.toast .button, .change .button')].length > 0`) {
			v.t.Error("offers to undo what this person cannot undo")
		}
		return
	}
	v.undo(english.N("toast.removed", 1))
	v.do("back again", has(id, true))
	v.opens(id, account)
}

// refused waits for the reason why an identity cannot be verified: one of the sentences, and what can be done.
func (v *visit) refused(sentences ...string) {
	v.t.Helper()
	v.do("the reason", until(`document.querySelector('.verification .banner.bad')`))
	v.told()
	said, found := ask[string](v.tab, `document.querySelector('.verification .banner.bad').innerText`), 0
	for _, s := range sentences {
		if strings.Contains(said, s) {
			found++
		}
	}
	if found != 2 || strings.Contains(said, "jellybind ") {
		v.t.Errorf("the person is told %q", said)
	}
	v.do("closing it", clickOn(".verification .button"), until(`!document.querySelector('.verification')`))
}

// rewrites reports whether this plugin can remove a link only by dropping all of its account's.
func (v *visit) rewrites() bool {
	return v.as == api.CredentialKey && v.d.Flavour() == api.FlavourFlowfin
}

// linked are the identities of an account as the world began.
func (v *visit) linked(account string) []api.Identity {
	v.t.Helper()
	a, ok := v.d.Account(account)
	if !ok || len(a.Identities) == 0 {
		v.t.Fatalf("%s has no identities", account)
	}
	return a.Identities
}

// oneOfSeveral removes one of two identities: the other one stays, or is there again.
func (v *visit) oneOfSeveral() {
	v.t.Helper()
	ids := v.linked("tomas")
	v.account("tomas")
	v.do("both are there", has(ids[0], true), has(ids[1], true))
	v.removeAndKeep(ids[0], ids[1], "tomas")
	v.closeDrawer()
	v.screen(english, "history")
	first := english.T("change.undo.link", "identity", ids[0].Name, "provider", ids[0].Provider, "account", "tomas")
	v.do("the history", sees(first))
	if v.rewrites() {
		rewritten := english.T("change.rewrite", "account", "tomas", "n", "1")
		v.do("how it was done", sees(rewritten))
		if ask[bool](v.tab, fmt.Sprintf(`[...document.querySelectorAll('.change')].some(c => c.innerText.includes(%q) && c.querySelector('.button'))`, rewritten)) {
			v.t.Error("offers to undo what was written again")
		}
	}
	v.shot("history")
	v.roster()
}

// removeAndKeep is removeAndBack that looks after the account's other identity.
func (v *visit) removeAndKeep(id, other api.Identity, account string) {
	v.t.Helper()
	v.removeAndBack(id, account)
	v.do("the other one is there", has(other, true))
	v.opens(other, account)
}

// roster goes back to the accounts.
func (v *visit) roster() {
	v.t.Helper()
	v.do("the accounts", clickOn("#nav-roster"), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length`))
}

// awkwardName removes an identity that the plugin's address for removing cannot name.
func (v *visit) awkwardName() {
	v.t.Helper()
	id := api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "a/b/c"}
	v.account("archive")
	how := "remove.text.one"
	if v.d.Flavour() == api.FlavourFlowfin {
		how = "remove.detour.text"
	}
	v.do("removing", has(id, true), press("remove.do.of", id), sees(english.T(how)))
	v.shot("question")
	v.do("yes", clickOn("#remove-yes"), has(id, false))
	v.opens(id, "")
	for _, other := range v.linked("archive") {
		if other != id {
			v.opens(other, "archive")
		}
	}
	v.undo(english.N("toast.removed", 1))
	v.do("back again", has(id, true))
	v.opens(id, "archive")
	v.closeDrawer()
}

// pickRow selects an account.
func (v *visit) pickRow(name string) {
	v.t.Helper()
	v.do("selecting "+name, fill("search", name), until(fmt.Sprintf(`document.querySelector('#grid[aria-busy="false"]') &&
		document.querySelector('#row-0 .account-name')?.textContent === %q`, name)), clickOn(`#row-0 input[type=checkbox]`))
}

// manyAtOnce removes all identities of several accounts, and brings them back.
func (v *visit) manyAtOnce() {
	v.t.Helper()
	accounts, n := []string{"elif", "priya", "yuki"}, 0
	for _, name := range accounts {
		n += len(v.linked(name))
		v.pickRow(name)
	}
	v.do("the selection", sees(english.N("selection.count", len(accounts))), click(english.N("selection.remove", n)),
		until(`document.querySelector('dialog[open] #remove-yes')`))
	v.nameless("the question before many are removed")
	v.shot("question")
	how, beware := english.N("remove.text", n), english.T("remove.adopts", "name", accounts[0])
	if v.d.Flavour() == api.FlavourFlowfin {
		beware = english.N("remove.shutOut", 1, "name", "priya")
	}
	if v.rewrites() {
		how = english.T("remove.detour.text")
	}
	v.do("yes", sees(english.N("remove.title", n)), sees(how), sees(beware), clickOn("#remove-yes"), sees(english.N("toast.removed", n)),
		until(`!document.querySelector('.selection')`))
	v.shot("removed")
	for _, name := range accounts {
		for _, id := range v.linked(name) {
			v.opens(id, "")
		}
	}
	v.undo(english.N("toast.removed", n))
	for _, name := range accounts {
		for _, id := range v.linked(name) {
			v.opens(id, name)
		}
	}
}

// orphan removes the links of a deleted account, which nothing brings back. A key cannot on Flowfin, and is told so.
func (v *visit) orphan() {
	v.t.Helper()
	person, _ := v.d.Person(demo.GoneName)
	id := v.d.Identity(api.OIDC, demo.Authelia, person)
	filter := func(key string) action {
		return clickAt(key, fmt.Sprintf(`() => [...document.querySelectorAll('.filters button')].find(b => b.innerText.startsWith(%q))`, english.T(key)))
	}
	v.do("the orphan", clickOn("#search"), key("a", chromedp.ModifierCtrl), key(kb.Backspace), filter("filter.orphan"), until(fmt.Sprintf(`document.querySelector('#grid[aria-busy="false"]') &&
		document.querySelector('#row-0 .account-name')?.textContent === %q`, english.T("row.deleted"))), clickOn("#row-0 .account-name"),
		sees(english.T("drawer.orphan")), has(id, true))
	v.nameless("a deleted account")
	v.shot("orphan")
	if v.rewrites() {
		v.do("why not", sees("This plugin lets no API key remove a single link"), until(`document.querySelector('.identity .danger-text').disabled`))
		v.closeDrawer()
	} else {
		v.do("removing", press("remove.do.of", id), sees(english.T("remove.undo.orphan")), clickOn("#remove-yes"),
			sees(english.N("toast.removed", 1)), until(`!document.querySelector('dialog[open]')`))
		v.shot("removed")
		v.opens(id, "")
		if ask[bool](v.tab, `!!document.querySelector('.toast:last-child .button')`) {
			v.t.Error("offers to bring back a link of nobody")
		}
		v.do("it is gone with its last link", until(`!document.querySelector('.drawer')`), sees(english.T("roster.nothing")))
	}
	v.do("all accounts", filter("filter.all"), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length`))
}

// move signs in with an identity that opens another account: the window names that account and asks, and the history
// tells whence it came.
func (v *visit) move() {
	v.t.Helper()
	id := v.identity(api.OIDC, demo.Authelia, "jonas")
	v.account(demo.TourName)
	if v.rewrites() {
		// Nothing but Unregister takes a link away here, and that is not done to another account on the way.
		v.pick(id.Protocol, id.Provider)
		v.do("the name", clickOn("#by-name"), fill("subject", id.Name), key(kb.Enter), sees(english.T("failed.title")),
			sees("opens "+demo.AdminName), sees(english.T("failed.stuck")), until(`!document.getElementById('move-here')`))
		v.told()
		v.shot("refused")
		v.opens(id, demo.AdminName)
		v.closeDrawer()
		return
	}
	v.pick(id.Protocol, id.Provider)
	v.do("going to sign in", clickOn("#run-link"))
	v.signs("jonas")
	known := v.d.Flavour() != api.FlavourFlowfin
	if !known {
		v.do("a name that is not known", sees(english.T("confirm.title")), clickOn("#confirm-yes"))
	}
	v.do("whose it is", sees(english.T("failed.title")), sees(demo.AdminName), sees(english.T("failed.owned")))
	v.told()
	v.nameless("an identity of another account")
	v.shot("owned")
	v.opens(id, demo.AdminName)
	v.do("moving it", clickOn("#move-here"))
	v.signs("jonas")
	v.do("the question", sees(english.T("confirm.title")))
	if known {
		v.do("what it warns of", sees(english.T("confirm.moves", "owner", demo.AdminName, "account", demo.TourName)), sees(english.T("confirm.move")))
	} else {
		v.do("what it warns of", sees(english.T("confirm.moveAllowed")))
	}
	v.shot("confirm")
	v.do("yes", clickOn("#confirm-yes"), until(`document.getElementById('link-close')`))
	v.shot("done")
	v.do("done", sees(english.T("done.moved", "from", demo.AdminName)), clickOn("#link-close"), has(id, true))
	v.opens(id, demo.TourName)
	v.closeDrawer()
	v.screen(english, "history")
	moved := english.T("change.move", "identity", id.Name, "provider", id.Provider, "from", demo.AdminName, "account", demo.TourName)
	v.do("whence and whither", sees(moved))
	v.shot("history")
	v.do("undoing it", clickAt("undo", `() => document.querySelector('.history .change .button')`), sees(english.T("toast.undone")),
		sees(english.T("change.undo.move", "identity", id.Name, "provider", id.Provider, "from", demo.TourName, "account", demo.AdminName)))
	v.opens(id, demo.AdminName)
	v.shot("undone")
	v.roster()
}

// unregister takes an account off single sign-on. The window says what that does on this flavour, and it is so; it is
// undone from the message.
func (v *visit) unregister() {
	v.t.Helper()
	flowfin := v.d.Flavour() == api.FlavourFlowfin
	ids := v.linked("tomas")
	v.account("tomas")
	ask1 := []action{click(english.T("unregister.do")), until(`document.querySelector('dialog[open] #auth')`)}
	undo := "remove.undo"
	switch v.d.Flavour() {
	case api.FlavourFlowfin:
		ask1 = append(ask1, sees("loses its 2 links, and its sessions end on every device"), sees(english.T("unregister.what")))
		undo = "remove.undo.sessions"
	case api.Flavour9p4:
		ask1 = append(ask1, sees("keeps its 2 links, and its sessions go on"), sees("the account keeps its sign-in provider"))
	default:
		ask1 = append(ask1, sees("keeps its 2 links, and its sessions go on"), gone("keeps its sign-in provider"), sees(english.T("unregister.what")))
	}
	v.do("the question", append(ask1, sees(english.T(undo)))...)
	v.shot("question")
	before := ask[string](v.tab, `document.querySelector('.drawer .facts dd').textContent`)
	last := ask[string](v.tab, `[...document.querySelectorAll('#auth option')].at(-1).value`)
	if !flowfin {
		v.do("another provider", choose("auth", last))
	}
	v.do("yes", clickOn("dialog .danger"), sees(english.T("toast.unregistered", "name", "tomas")))
	v.do("what became of the links", has(ids[0], !flowfin), has(ids[1], !flowfin))
	v.shot("done")
	if done := english.T("toast.unregistered", "name", "tomas"); v.d.Flavour() == api.FlavourK0lin {
		v.undoing(done, "tomas is as it was before the change") // it signed in by that provider before, and kept its links
	} else {
		v.undo(done)
		v.do("the change", sees(english.T("change.undo.unregister", "account", "tomas")))
	}
	v.do("back again", has(ids[0], true), has(ids[1], true),
		until(fmt.Sprintf(`document.querySelector('.drawer .facts dd').textContent === %q`, before)))
	for _, id := range ids {
		v.opens(id, "tomas")
	}
	v.closeDrawer()
	if flowfin && v.as == api.CredentialAdmin {
		v.account("root")
		v.do("the own account", click(english.T("unregister.do")), until(`document.querySelector('dialog[open] .banner.bad')`))
		v.told()
		v.shot("own account")
		v.do("closing it", key(kb.Escape), until(`!document.querySelector('dialog[open]')`))
		v.closeDrawer()
	}
	v.account("kids")
	v.do("an account without a password", click(english.T("unregister.do")), sees(english.T("unregister.noPassword")))
	v.do("closing it", key(kb.Escape), until(`!document.querySelector('dialog[open]')`))
	v.closeDrawer()
}

// troubles are sign-ins that do not end well: each says what happened, changes nothing, and the next step works.
func (v *visit) troubles() {
	v.t.Helper()
	const login = demo.RiskName
	id := v.identity(api.OIDC, demo.Keycloak, login)
	v.account(demo.TourName)
	v.pick(id.Protocol, id.Provider)
	address := func() string {
		v.t.Helper()
		v.do("to sign in", clickOn("#run-link"), until(`document.querySelector('.signin .copy-value')`))
		return ask[string](v.tab, `document.querySelector('.signin .copy-value').textContent`)
	}

	old := address()
	v.do("cancelled in the window", click(english.T("cancel")), until(`document.getElementById('run-link')`))

	now := address()
	if now == old {
		v.t.Error("the address is that of the cancelled sign-in")
	}
	signIn(v.t, now, "")
	v.do("refused at the provider", sees(english.T("failed.title")), sees("refused"))
	v.told()
	v.shot("refused")
	v.do("again", clickOn("#link-again"), until(`document.getElementById('run-link')`))

	now = address()
	opened := v.opened()
	closeTab(v.t, now)
	left := ask[string](v.tab, `document.querySelector('.signin .left').textContent`)
	v.do("the tab was closed, and the clock goes on", until(fmt.Sprintf(`document.querySelector('.signin .left').textContent < %q`, left)),
		sees(english.T("link.waiting")), click(english.T("signin.again")))
	v.shot("waiting")
	if again := v.a.lastOpened(v.t, opened+1); again != now {
		v.t.Errorf("the browser was opened again at %q, want %q", again, now)
	}
	signIn(v.t, now, login)
	v.do("saying no", sees(english.T("confirm.title")), click(english.T("confirm.no")), sees(english.T("failed.cancelled")),
		sees(english.T("link.refusedByPerson")))
	v.shot("no")
	v.do("again", clickOn("#link-again"), until(`document.getElementById('run-link')`))

	signIn(v.t, address(), login)
	v.do("the question", sees(english.T("confirm.title")))
	v.clock.forward(16 * time.Minute)
	v.d.Server().Restart()
	v.do("too late", clickOn("#confirm-yes"), sees(english.T("failed.title")))
	v.told()
	v.shot("expired")
	v.opens(id, "")
	v.do("again", clickOn("#link-again"), until(`document.getElementById('run-link')`))
	v.do("back to the account", clickOn(".drawer-head > :first-child"), until(`document.getElementById('link-identity')`), has(id, false))
	v.closeDrawer()

	if v.d.Flavour() == api.FlavourFlowfin {
		return // an OIDC identity is not verified there without an own client
	}
	elif := v.linked("elif")[0]
	v.account("elif")
	v.do("verifying", press("verify.do.of", elif))
	v.signs("noah")
	v.do("somebody else has signed in", until(`document.querySelector('.verification .banner.bad')`), sees("noah opens noah, another account"))
	v.shot("somebody else")
	v.do("once more", press("verify.do.of", elif))
	v.signs("mallory")
	v.do("somebody whom nobody knows", until(`document.querySelector('.verification .banner.bad')`), sees("linked to no account"))
	v.told()
	v.shot("nobody")
	v.do("once more", press("verify.do.of", elif))
	v.signs("")
	v.do("refused", until(`document.querySelector('.verification .banner.bad')`), sees("refused"))
	v.told()
	v.closeDrawer()
}

// opened is how many addresses the browser was given.
func (v *visit) opened() int {
	b, err := os.ReadFile(v.a.opened)
	if err != nil {
		v.t.Fatal(err)
	}
	return len(strings.Fields(string(b)))
}

// closeTab goes to a sign-in page, and away again.
func closeTab(t testing.TB, address string) {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS(`#cancel`))); err != nil {
		t.Fatal(err)
	}
}

// ownAccount is all that a person sees who is no administrator: himself.
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
