package e2e_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

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
		v.refused("Only an administrator", "sign in to Jellyfin", "The provider’s certificate", "own page")
	case flowfin && !plain && id.Protocol == api.OIDC && v.as != api.CredentialKey:
		v.refused(english.Error(&api.Error{Code: api.CodeClientMissing, Why: "verify-client"}))
	default:
		v.signs(newcomer)
		if plain { // may not read what the sign-in changes in the account, so the window asks
			v.do("the question", click(english.T("verify.yes")))
		}
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
	v.do("the question", until(`document.getElementById('confirm-yes')`))
	v.shot("confirm")
	v.yes(id)
	v.shot("done")
	v.do("done", clickOn("#link-close"), has(id, true))
	v.opens(id, account)
}

// yes confirms a link. Where the name is known only after the write, the window asks once more.
func (v *visit) yes(id api.Identity) {
	v.t.Helper()
	v.do("yes", clickOn("#confirm-yes"), until(`document.getElementById('link-close') || document.body.innerText.includes(`+
		strconv.Quote(english.T("confirm.written"))+`)`))
	again := ask[bool](v.tab, `!document.getElementById('link-close')`)
	unseen := v.d.Flavour() == api.FlavourFlowfin && id.Protocol == api.OIDC
	if v.as == api.CredentialAdmin && again != unseen {
		v.t.Errorf("the window asks after the write: %t, want %t", again, unseen)
	}
	if again {
		v.do("the name that is known now", clickOn("#confirm-yes"), until(`document.getElementById('link-close')`))
	}
}

// byName links by a typed name where nobody can sign in: the window says why.
func (v *visit) byName(id api.Identity, account string) {
	v.t.Helper()
	v.pick(id.Protocol, id.Provider)
	v.do("why nobody can sign in", sees(english.T("link.noSignIn")), sees(english.Why(api.WhyNeedsToken, nil)),
		sees(english.Why(api.WhyClientMissing, nil)))
	if said := ask[string](v.tab, `document.querySelector('.drawer').innerText`); strings.Contains(said, "jellybind ") {
		v.t.Errorf("the window names a command: %s", said)
	}
	v.nameless("a link that needs the name")
	v.shot("by-name")
	v.do("the name", clickOn("#by-name"), fill("subject", id.Name), key(kb.Enter), until(`document.getElementById('confirm-yes')`),
		clickOn("#confirm-yes"), until(`document.getElementById('link-close')`), clickOn("#link-close"), has(id, true))
	v.opens(id, account)
	v.removeAndBack(id, account)
	v.do("removing again", press("remove.do.of", id), clickOn("#remove-yes"), has(id, false))
}

// ownClient enters Jellybind's own client for a provider, on the providers' screen.
func (v *visit) ownClient(provider string) {
	v.t.Helper()
	id, _ := v.d.Client(provider, false)
	v.do("the own client", click(english.T("providers.settings")+": "+provider), fill("client-id", id), key(kb.Enter),
		sees(english.T("toast.saved")), until(`!document.getElementById('client-id')`))
}

// move signs in with an identity that opens another account: the window names that account and asks, and the history
// tells where it came from.
func (v *visit) move() {
	v.t.Helper()
	id := v.identity(api.OIDC, demo.Authelia, "jonas")
	v.account(demo.TourName)
	if v.rewrites() {
		// Only Unregister can remove a link here, and it is not used on another account in passing.
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
		v.do("a name that is not known", until(`document.getElementById('confirm-yes')`), clickOn("#confirm-yes"))
	}
	v.do("whose it is", sees(english.T("failed.title")), sees(demo.AdminName), sees(english.T("failed.owned")))
	v.told()
	v.nameless("an identity of another account")
	v.shot("owned")
	v.opens(id, demo.AdminName)
	v.do("moving it", clickOn("#move-here"))
	v.signs("jonas")
	v.do("the question", until(`document.getElementById('confirm-yes')`))
	if known {
		v.do("what it warns of", sees(english.T("confirm.moves", "owner", demo.AdminName, "account", demo.TourName)), sees(english.T("confirm.move")))
	} else {
		v.do("what it warns of", sees(english.T("confirm.moveAllowed")))
	}
	v.shot("confirm")
	v.yes(id)
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
	again := v.a.lastOpened(v.t, opened+1)
	if again == now {
		v.t.Errorf("the browser was opened again at %q, which serves once", again)
	}
	signIn(v.t, again, login)
	v.do("saying no", until(`document.getElementById('confirm-yes')`), clickOn("#confirm-no"), sees(english.T("failed.cancelled")),
		sees(english.T("link.refusedByPerson")))
	v.shot("no")
	v.do("again", clickOn("#link-again"), until(`document.getElementById('run-link')`))

	signIn(v.t, address(), login)
	v.do("the question", until(`document.getElementById('confirm-yes')`))
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

// opened counts the addresses that the browser has opened.
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
