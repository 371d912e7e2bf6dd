package e2e_test

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

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

// removeAndKeep is removeAndBack, and checks the account's other identity.
func (v *visit) removeAndKeep(id, other api.Identity, account string) {
	v.t.Helper()
	v.removeAndBack(id, account)
	v.do("the other one is there", has(other, true))
	v.opens(other, account)
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
	how, beware := english.N("remove.text", n), english.N("remove.adopts", len(accounts), "name", accounts[0])
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

// orphan removes the links of a deleted account, which nothing brings back. A key cannot on Flowfin, and says so.
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

// unregister returns an account to password sign-in. The window says what that does on this flavour, and it happens. It is
// undone from the message.
func (v *visit) unregister() {
	v.t.Helper()
	flowfin := v.d.Flavour() == api.FlavourFlowfin
	ids := v.linked("tomas")
	v.account("tomas")
	nothing := func(what string, why api.Why, name string) {
		v.t.Helper()
		v.do(what, sees(english.Why(why, map[string]string{"account": name})), until(fmt.Sprintf(
			`[...document.querySelectorAll('.drawer .danger')].some(b => b.innerText === %q && b.disabled)`, english.T("unregister.do"))))
	}
	if v.d.Flavour() == api.Flavour9p4 {
		nothing("a yes without a deed", "unregister-none", "tomas")
		v.closeDrawer()
		return
	}
	ask1 := []action{click(english.T("unregister.do")), until(`document.querySelector('dialog[open] #auth')`)}
	undo := "remove.undo"
	switch v.d.Flavour() {
	case api.FlavourFlowfin:
		ask1 = append(ask1, sees("loses its 2 links, and its sessions end on every device"), sees(english.T("unregister.what")))
		undo = "remove.undo.sessions"
	default:
		ask1 = append(ask1, sees("keeps its 2 links, and its sessions continue"), gone("answers yes"), sees(english.T("unregister.what")))
	}
	v.do("the question", append(ask1, sees(english.T(undo)))...)
	v.shot("question")
	before := ask[string](v.tab, `document.querySelector('.drawer .facts dd').textContent`)
	if !flowfin { // the links stay, and it is the account's provider already
		v.do("nothing to do", until(`document.querySelector('dialog .danger').disabled`), key(kb.Escape), until(`!document.querySelector('dialog[open]')`))
		v.closeDrawer()
		v.account("kids")
		nothing("neither a link nor another provider", "unregister-same", "kids")
		v.closeDrawer()
		return
	}
	v.do("yes", clickOn("dialog .danger"), sees(english.T("toast.unregistered", "name", "tomas")))
	v.do("what became of the links", has(ids[0], !flowfin), has(ids[1], !flowfin))
	v.shot("done")
	if flowfin { // elsewhere nothing changed, so there is nothing to undo
		v.undo(english.T("toast.unregistered", "name", "tomas"))
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
		nothing("the own account", "unregister-same", "root")
		v.closeDrawer()
	}
	v.account("kids")
	nothing("neither a link nor another provider", "unregister-same", "kids")
	v.closeDrawer()
}
