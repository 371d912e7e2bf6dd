package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/jellybind/jellybind/backend/words"
	"github.com/jellybind/jellybind/frontend/text"
)

var english, german = text.For("en", "en").With(words.For("en")), text.For("de", "de").With(words.For("de"))

// byKey chooses the API key as the way to sign in.
var byKey = clickOn(`input[value=key]`)

// demo starts the demo world from the welcome screen.
func (p *tab) demo(l *text.Catalogue, flavour, users string) {
	p.t.Helper()
	p.do("the first start", sees(l.T("welcome.lead")))
	if flavour != "" || users != "" {
		p.do("the demo's options", click(l.T("demo.options")), until(`document.getElementById('flavour').offsetParent`))
		if flavour != "" {
			p.do("the flavour", choose("flavour", flavour))
		}
		if users != "" {
			p.do("the number of accounts", choose("users", users))
		}
	}
	p.do("the demo", clickOn("#demo"), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`))
}

// signIn signs in at an identity provider in another tab, as the person with that login.
func signIn(t testing.TB, address, login string) {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	id := "cancel"
	if login != "" {
		id = "person-" + login
	}
	err := chromedp.Do(ctx, chromedp.Navigate(address), chromedp.Click(chromedp.CSS(fmt.Sprintf(`[id=%q]`, id))),
		chromedp.WaitVisible(chromedp.CSS(`main#done, main#failed`)))
	if err != nil {
		t.Fatalf("signing in as %s: %v", login, err)
	}
}

// identity is one at a provider of the demo.
type identity struct{ protocol, provider, name string }

func (i identity) chip() string {
	return fmt.Sprintf(`[...document.querySelectorAll('.rows .chip')].some(c => c.innerText.includes(%q) && c.innerText.includes(%q))`,
		i.provider, i.name)
}

// link links an identity to maria's account, from the roster to the end. The address to sign in at is taken from the page
// or, with fromBrowser, from what the app has opened as the n-th address.
func (p *tab) link(l *text.Catalogue, a *app, i identity, fromBrowser bool, n int) {
	p.t.Helper()
	p.do("opening the account", fill("search", "maria"), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length === 1`),
		clickOn(`#row-0 .account-name`), sees(l.T("drawer.unlinked")))
	p.do("beginning to link", clickOn("#link-identity"), sees(l.T("link.choose")))
	p.do("choosing the provider", clickOn(fmt.Sprintf(`input[value=%q]`, i.protocol+"/"+i.provider)),
		sees(l.T("link.more")), until(`(() => { const more = document.querySelector('[aria-controls=ways]');
			if (more && more.getAttribute('aria-expanded') === 'false') more.click(); return document.querySelector('#ways .why') })()`))
	p.speaks(l, "the ways of linking")
	p.do("going to sign in", clickOn("#run-link"), until(`document.querySelector('.signin .copy-value')`))
	address := ask[string](p, `document.querySelector('.signin .copy-value').textContent`)
	if opened := a.lastOpened(p.t, n); fromBrowser {
		address = opened
	}
	signIn(p.t, address, i.name)
	p.do("the question", sees(l.T("confirm.title")), sees(i.name))
	p.speaks(l, "the question")
	p.do("confirming", clickOn("#confirm-yes"))
	p.do("the end", until(`document.getElementById('link-close')`), clickOn("#link-close"), until(i.chip()))
}

// verify signs in with the identity once more.
func (p *tab) verify(l *text.Catalogue, i identity) {
	p.t.Helper()
	p.do("verifying", click(l.T("verify.do.of", "name", i.name, "provider", i.provider)),
		until(`document.querySelector('.verification .copy-value')`))
	signIn(p.t, ask[string](p, `document.querySelector('.verification .copy-value').textContent`), i.name)
	p.do("the proof", until(`document.querySelector('.verification .banner.good')`))
}

// remove takes the link away again.
func (p *tab) remove(l *text.Catalogue, i identity) {
	p.t.Helper()
	p.do("removing", click(l.T("remove.do.of", "name", i.name, "provider", i.provider)), clickOn("#remove-yes"),
		sees(l.T("drawer.unlinked")), until(`!(`+i.chip()+`)`))
}

var (
	byOIDC = identity{"oidc", "authelia", "maria"}
	bySAML = identity{"saml", "adfs", "maria"}
)

// TestFirstLink is the first minutes of somebody who has never seen the window: the demo, a link by OpenID Connect and one
// by SAML, each with the sign-in page really filled in, proved, and taken back.
func TestFirstLink(t *testing.T) {
	a := start(t)
	p := a.open(t)
	p.demo(english, "", "")
	p.link(english, a, byOIDC, false, 1)
	p.verify(english, byOIDC)
	p.remove(english, byOIDC)
	p.do("back to the roster", clickOn(".drawer-head > :last-child"), until(`!document.querySelector('.drawer')`))
	p.link(english, a, bySAML, true, 3)
	p.verify(english, bySAML)
	p.remove(english, bySAML)
}

// TestGerman does the same in German, chosen in the settings, on another flavour. No English word of the
// catalogue may be left on the screens that it passes.
func TestGerman(t *testing.T) {
	a := start(t)
	p := a.open(t)
	p.do("the settings", sees(english.T("welcome.lead")), click(english.T("nav.settings")),
		until(`document.getElementById('language')`), choose("language", "de"), sees(german.T("settings.look")))
	p.english("the settings")
	p.do("back", click(german.T("back")))
	p.english("the welcome screen")
	p.do("an address where nobody is", fill("address", "http://127.0.0.1:1"), key(kb.Enter),
		sees("127.0.0.1:1 lehnt die Verbindung ab."), sees("ob der Server läuft und der Port stimmt"))
	p.english("the screen of the wrong address")
	p.do("back", clickOn(".outside-head .button"), sees(german.T("welcome.lead")))
	p.demo(german, "9p4", "")
	p.english("the roster")
	p.link(german, a, byOIDC, false, 1)
	p.english("the account")
	p.verify(german, byOIDC)
	p.remove(german, byOIDC)
	p.do("nothing to unregister", sees("Das bewirkt bei maria nichts"), until(fmt.Sprintf(`[...document.querySelectorAll('.drawer .danger')].some(b =>
		b.innerText === %q && b.disabled)`, german.T("unregister.do"))))
	p.do("closing the account", clickOn(".drawer-head > :last-child"), until(`!document.querySelector('.drawer')`))
	for _, screen := range []string{"own", "history", "settings", "providers"} {
		p.screen(german, screen)
		p.english(screen)
	}
	p.do("testing a provider", click(german.T("providers.test.oidc")), sees(german.FactName("authorization endpoint")),
		until(`[...document.querySelectorAll('dd')].some(d => d.innerText === 'ja' || d.innerText === 'nein')`))
	p.english("the test of a provider")
	// It is kept.
	p.do("another start", chromedp.Reload(), sees(german.T("welcome.lead")))
	if lang := ask[string](p, `document.documentElement.lang`); lang != "de" {
		t.Errorf("the page says that it is in %q", lang)
	}
}

// TestSystemInGerman starts on a system that speaks German, with nothing chosen.
func TestSystemInGerman(t *testing.T) {
	t.Parallel()
	p := start(t, "LC_ALL=", "LANG=de_DE.UTF-8").open(t)
	p.do("the first screen", sees(german.T("welcome.lead")), until(`document.documentElement.lang === 'de'`))
	p.english("the first screen")
}

// screen goes to a screen by the navigation.
func (p *tab) screen(l *text.Catalogue, name string) {
	p.t.Helper()
	title := l.T("nav." + name)
	if name == "own" {
		title = l.T("nav.self")
	}
	p.do("the screen "+name, clickOn("#nav-"+name), until(fmt.Sprintf(`document.getElementById('title').textContent === %q`, title)),
		until(`!document.querySelector('.content .loading')`))
}

// speaks checks that a German window is in German.
func (p *tab) speaks(l *text.Catalogue, where string) {
	p.t.Helper()
	if l == german {
		p.english(where)
	}
}

// english reports English words on the page for which German has others.
func (p *tab) english(where string) {
	p.t.Helper()
	for _, words := range ask[[]string](p, `[...document.querySelectorAll('[lang=en]')].filter(e => e.offsetParent !== null).map(e => e.innerText)`) {
		p.t.Errorf("%s has no German for %q", where, words)
	}
	shown := ask[[]string](p, `[...new Set([...document.querySelectorAll('h1,h2,h3,button,label,legend,dt,summary,.badge,.muted,[role=tab]')]
		.filter(e => e.offsetParent !== null && !e.closest('[lang=en]')).map(e => e.innerText.trim()))]`)
	for _, words := range shown {
		for _, key := range []string{
			"back", "cancel", "close", "save", "again", "undo", "nav.roster", "nav.providers", "nav.history", "nav.settings", "nav.self",
			"welcome.connect", "welcome.go", "welcome.network", "demo.options", "demo.leave", "roster.refresh", "link.do", "row.link",
			"column.identities", "column.account", "column.activity", "filter.linked", "filter.unlinked", "badge.administrator",
			"drawer.facts", "fact.provider", "unregister.do", "verify.do", "remove.do", "settings.look", "settings.theme", "settings.about",
			"row.unlinked", "time.never", "settings.servers", "keyring.title", "self.copy",
		} {
			if e := english.T(key); words == e && e != german.T(key) {
				p.t.Errorf("%s shows the English %q", where, words)
			}
		}
	}
}

// TestKeyboardOnly does the main job without a pointer: demo, search, account, link, confirm, verify by the palette's
// neighbours, remove, and Escape on the way.
func TestKeyboardOnly(t *testing.T) {
	a := start(t)
	p := a.open(t)
	p.do("the first start", sees(english.T("welcome.lead")))
	palette := func(where, typed string) {
		t.Helper()
		p.do("the palette: "+where, key("k", chromedp.ModifierCtrl), focused("command"), key(typed), until(`document.querySelectorAll('.command').length === 1`),
			taken("Enter"))
	}
	p.tabTo(`e.id === 'demo'`)
	p.do("the sheet of keys", key("?"), sees(english.T("keys.anywhere")), key(kb.Escape), gone(english.T("keys.anywhere")))
	palette("the settings", "settin")
	p.do("the settings", focused("title"), sees(english.T("settings.look")))
	palette("back", "add a")
	p.do("a server", focused("address"), key(world(t).URL()), key(kb.Enter), sees("SSO plugin: "), focused("title"))
	palette("another server", "add a")
	p.do("the address is asked for again", focused("address"), until(`document.getElementById('address').value === ''`))
	p.do("back to the first screen", key(kb.Escape), sees(english.T("welcome.lead")))
	p.tabTo(`e.id === 'demo'`)
	p.do("the demo", key(kb.Enter), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`))
	p.do("searching", focused("search"), key("maria"), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length === 1`),
		until(`document.querySelector('#grid[aria-busy="false"]') && document.getElementById('row-0').innerText.includes('maria')`),
		key(kb.ArrowDown), focused("row-0"), key("/"), focused("search"))
	// Chromium's remote control sends the key and its character apart. A character that comes after the frame in which the
	// focus has moved is typed, so the search is filled again.
	p.do("the search again", key("a", chromedp.ModifierCtrl), key("maria"),
		until(`document.getElementById('search').value === 'maria' && document.querySelector('#grid[aria-busy="false"]') &&
			document.getElementById('row-0').innerText.includes('maria')`))
	p.do("back to the rows", key(kb.ArrowDown), focused("row-0"))
	p.do("the account and back", key(kb.Enter), focused("drawer-title"), key(kb.Escape), focused("row-0"))
	p.do("selecting", key(" "), sees(english.N("selection.count", 1)), key(kb.Escape), gone(english.N("selection.count", 1)), focused("row-0"))
	p.do("linking", key("l"), focused("run-link"), until(`document.querySelector('input[name=provider]:checked')`))
	p.do("back to the providers", chromedp.Evaluate[chromedp.Void](`document.getElementById('drawer-close').focus()`))
	p.tabTo(`e.name === 'provider' && e.checked`)
	for range 4 { // the arrows choose
		if ask[bool](p, `document.querySelector('input[value="oidc/authelia"]').checked`) {
			break
		}
		p.do("another provider", key(kb.ArrowDown))
	}
	p.do("the provider", until(`document.querySelector('input[value="oidc/authelia"]').checked`), until(`document.getElementById('run-link') && !document.getElementById('run-link').disabled`))
	p.do("to the browser", taken("Enter"), until(`document.querySelector('.signin .copy-value')`))
	signIn(t, a.lastOpened(t, 1), "maria")
	p.do("the question", sees(english.T("confirm.title")), focused("link-step"))
	p.tabTo(`e.id === 'confirm-yes'`)
	p.do("yes", key(kb.Enter), until(`document.getElementById('link-close')`))
	p.tabTo(`e.id === 'link-close'`)
	p.do("done", key(kb.Enter), until(byOIDC.chip()))
	p.tabTo(fmt.Sprintf(`e.getAttribute('aria-label') === %q`, english.T("verify.do.of", "name", "maria", "provider", "authelia")))
	p.do("verifying", key(kb.Enter), until(`document.querySelector('.verification .copy-value')`))
	signIn(t, a.lastOpened(t, 2), "maria")
	p.do("the proof", until(`document.querySelector('.verification .banner.good')`))
	p.tabTo(fmt.Sprintf(`e.getAttribute('aria-label') === %q`, english.T("remove.do.of", "name", "maria", "provider", "authelia")))
	p.do("asking for the removal", key(kb.Enter), until(`document.querySelector('dialog[open]')`))
	p.do("Enter alone takes nothing away", key(kb.Enter), until(`!document.querySelector('dialog[open]')`), until(byOIDC.chip()))
	p.tabTo(fmt.Sprintf(`e.getAttribute('aria-label') === %q`, english.T("remove.do.of", "name", "maria", "provider", "authelia")))
	p.do("asking again", key(kb.Enter), until(`document.querySelector('dialog[open]')`))
	p.tabTo(`e.id === 'remove-yes'`)
	p.do("removing", key(kb.Enter), until(`!(`+byOIDC.chip()+`)`), sees(english.T("drawer.unlinked")))
	p.do("the sheet", key(kb.Escape), until(`!document.querySelector('.drawer')`), key("?"), sees(english.T("keys.anywhere")),
		key(kb.Escape), gone(english.T("keys.anywhere")))
	p.tabTo(`e.id === 'servers'`)
	const on = `document.activeElement === [...document.querySelectorAll('[role=menu] button')]`
	p.do("the arrows in a menu", key(kb.Enter), focused("servers-menu"), key(kb.ArrowDown), until(on+`[0]`), key(kb.ArrowUp),
		until(on+`.at(-1)`), key(kb.Escape), focused("servers"))
	p.do("the palette", key("k", chromedp.ModifierCtrl), focused("command"), key("provid"), key(kb.Enter),
		until(fmt.Sprintf(`document.getElementById('title').textContent === %q`, english.T("nav.providers"))))
}

// TestMariaWithinAMinute is the first minute of somebody who has never seen it: maria is linked with the keyboard alone, and
// each key is one that the window itself asks for.
func TestMariaWithinAMinute(t *testing.T) {
	a := start(t)
	p := a.open(t)
	p.do("the first start", sees(english.T("welcome.lead")), focused("demo"))
	begun := time.Now()
	p.do("the demo", key(kb.Enter), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`), focused("search"))
	p.do("whom to link", sees(english.T("demo.badge")), key("maria"), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length === 1 &&
		document.querySelector('#grid[aria-busy="false"]') && document.getElementById('row-0').innerText.includes('maria')`))
	p.do("the account", key(kb.ArrowDown), focused("row-0"), key(kb.Enter), focused("drawer-title"))
	p.tabTo(`e.id === 'link-identity'`)
	p.do("the likely provider", key(kb.Enter), focused("run-link"))
	p.do("to the browser", key(kb.Enter), until(`document.querySelector('.signin .copy-value')`))
	signIn(t, a.lastOpened(t, 1), "maria")
	p.do("the question", until(`document.getElementById('confirm-yes')`), focused("link-step"))
	p.tabTo(`e.id === 'confirm-yes'`)
	p.do("yes", key(kb.Enter), until(`document.getElementById('link-close')`), sees(english.T("done.read")))
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("it took %s", took)
	}
	p.do("and back", key("z", chromedp.ModifierCtrl), sees(english.T("toast.undone")))
}

// tabTo presses Tab until the focus is on a wanted element e. On the way every focus must be seen, but for that on a
// heading to which the page itself goes.
func (p *tab) tabTo(wanted string) {
	p.t.Helper()
	p.do("the element "+wanted, until(`[...document.querySelectorAll('button,input,select,a')].some(e => e.offsetParent !== null && !e.disabled && (`+wanted+`))`))
	var way []string
	for i := range 120 {
		if i > 0 {
			p.do("Tab", key(kb.Tab))
		}
		type focus struct {
			There bool   `json:"there"`
			Seen  bool   `json:"seen"`
			Tag   string `json:"tag"`
		}
		at := ask[focus](p, `(() => { const e = document.activeElement; const s = getComputedStyle(e), box = e.closest('label,.search') || e, b = getComputedStyle(box);
			return {there: !!(`+wanted+`), tag: e.outerHTML.slice(0, 150),
				seen: e === document.body || e.tabIndex < 0 || s.outlineStyle !== 'none' || s.boxShadow !== 'none' || b.outlineStyle !== 'none' || b.boxShadow !== 'none'}; })()`)
		if !at.Seen {
			p.t.Errorf("the focus cannot be seen on %s", at.Tag)
		}
		if at.There {
			return
		}
		way = append(way, at.Tag)
	}
	p.t.Fatalf("Tab does not lead to %s, but over\n%s", wanted, strings.Join(way[:20], "\n"))
}

// TestEveryControlHasAName reads the accessibility tree of each screen.
func TestEveryControlHasAName(t *testing.T) {
	a := start(t)
	p := a.open(t)
	p.do("the first start", sees(english.T("welcome.lead")))
	p.nameless("the welcome screen")
	p.demo(english, "", "")
	p.nameless("the roster")
	p.do("selecting", clickOn(`#row-0 input[type=checkbox]`), until(`document.querySelector('.selection')`))
	p.nameless("the roster with a selection")
	p.do("the switcher", clickOn("#servers"), until(`document.querySelector('[role=menu]')`))
	p.nameless("the menu of servers")
	p.do("an account", key(kb.Escape), fill("search", "elif"), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length === 1`),
		clickOn("#row-0 .account-name"), until(`document.querySelector('.identity')`))
	p.nameless("an account")
	p.do("a removal", click(english.T("remove.do.of", "name", "elif", "provider", "authelia")), until(`document.querySelector('dialog[open]')`))
	p.nameless("the question before a removal")
	p.do("linking", key(kb.Escape), clickOn("#link-identity"), clickOn(`input[value="oidc/authelia"]`), until(`document.getElementById('run-link')`))
	p.nameless("linking")
	p.do("by name", clickOn("#tab-subject"), until(`document.getElementById('subject')`))
	p.nameless("linking by name")
	p.do("the sign-in", clickOn("#tab-signin"), clickOn("#run-link"), until(`document.querySelector('.signin .copy-value')`))
	p.nameless("a sign-in that is waited for")
	signIn(t, ask[string](p, `document.querySelector('.signin .copy-value').textContent`), "")
	p.do("a refusal", sees(english.T("failed.title")))
	p.told()
	p.nameless("a link that failed")
	p.do("once more", click(english.T("again")), clickOn("#run-link"), until(`document.querySelector('.signin .copy-value')`))
	p.do("cancelling", click(english.T("cancel")), until(`document.getElementById('run-link')`))
	p.do("closing", clickOn(".drawer-head > :last-child"), until(`!document.querySelector('.drawer')`))
	for _, screen := range []string{"providers", "own", "history", "settings"} {
		p.screen(english, screen)
		p.nameless(screen)
	}
	p.do("the palette", key("k", chromedp.ModifierCtrl), focused("command"))
	p.nameless("the palette")
	p.do("the sheet", key(kb.Escape), until(`!document.querySelector('dialog[open]')`), clickOn("#title"), key("?"), sees(english.T("keys.anywhere")))
	p.nameless("the sheet of keys")
}

// TestTenThousandAccounts scrolls and searches the largest demo world.
func TestTenThousandAccounts(t *testing.T) {
	a := start(t)
	p := a.open(t)
	p.demo(english, "K0lin", "10000")
	p.do("the count", sees("10,00")) // the deleted account's links make one row more
	if rows := ask[int](p, `document.querySelectorAll('.rows > .row').length`); rows > 80 {
		t.Errorf("%d rows are in the page", rows)
	}
	p.do("to the end", chromedp.Evaluate[chromedp.Void](`document.getElementById('rows').scrollTop = 1e9`),
		until(`(() => { const r = [...document.querySelectorAll('.rows > .row')].at(-1), g = document.getElementById('grid');
			return r && !r.classList.contains('skeleton') && r.getAttribute('aria-rowindex') === g.getAttribute('aria-rowcount'); })()`))
	p.do("scrolling", chromedp.Evaluate[chromedp.Void](scrolling, chromedp.EvalAwaitPromise),
		until(`document.querySelectorAll('.rows > .row.skeleton').length === 0`))
	if rows := ask[int](p, `document.querySelectorAll('.rows > .row').length`); rows < 8 || rows > 80 {
		t.Errorf("%d rows are in the page", rows)
	}
	p.do("searching", fill("search", "maria"), until(`document.getElementById('row-0')?.querySelector('.account-name')?.textContent === 'maria'`))
	if !ask[bool](p, `performance.getEntriesByType('resource').some((e) => e.name.includes('rows.json') && e.responseStatus === 200)`) {
		t.Error("the rows of a typed letter take the long way")
	}
	p.do("nothing", fill("search", "no such account anywhere"), sees(english.T("roster.nothing")))
	p.do("everything", key(kb.Escape), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 8`))
}

// scrolling turns the wheel through the list for two hundred frames.
const scrolling = `(async () => { const rows = document.getElementById('rows');
	for (let i = 0; i < 200; i++) { rows.scrollTop = (i * 7919) % rows.scrollHeight; await new Promise(r => requestAnimationFrame(r)); } })()`

// TestSelectingThousands selects rows that the page has never seen: exactly the range between two of them, and all.
func TestSelectingThousands(t *testing.T) {
	t.Parallel()
	p := start(t).open(t)
	p.demo(english, "K0lin", "10000")
	links := func(rows int) int {
		t.Helper()
		return ask[int](p, fmt.Sprintf(`(async () => { let n = 0;
			for (let at = 0; at < %[1]d; at += 500) (await go.main.App.RosterPage({search: '', filter: '', sort: 'name', reverse: false, offset: at,
				limit: Math.min(500, %[1]d - at), language: 'en'})).rows.forEach(r => n += r.identities.length);
			return n; })()`, rows))
	}
	p.do("the first", clickOn(`#row-0 input[type=checkbox]`), sees(english.N("selection.count", 1)))
	p.do("the other end", chromedp.Evaluate[chromedp.Void](`document.getElementById('rows').scrollTop = document.getElementById('row-0').offsetHeight * 1249`),
		until(`document.querySelector('#row-1249:not(.skeleton)')`), chromedp.Evaluate[chromedp.Void](`document.getElementById('row-1249').focus()`),
		key(" ", chromedp.ModifierShift), sees(english.N("selection.count", 1250)), sees(english.N("selection.remove", links(1250))))
	total := ask[int](p, `+document.getElementById('grid').getAttribute('aria-rowcount') - 1`)
	p.do("all", clickOn("#select-all"), sees(english.N("selection.count", total)), until(`!document.getElementById('select-all')`))
	n := links(total)
	p.do("what would be removed", click(english.N("selection.remove", n)), sees(english.N("remove.title", n)), key(kb.Escape),
		until(`!document.querySelector('dialog')`))
	p.do("a filter", click(english.T("selection.none")), fill("search", "maria"), until(`document.getElementById('row-0')?.innerText.includes('maria')`))
}

// TestWindowIsKept closes the window and opens it again: it is as large as it was.
func TestWindowIsKept(t *testing.T) {
	dir := t.TempDir()
	a := launch(t, dir)
	p := a.open(t)
	p.do("resizing", sees(english.T("welcome.lead")), chromedp.Evaluate[chromedp.Void](`runtime.WindowSetSize(1010, 710)`), sized(1010, 710))
	p.complain()
	p.closed = true
	p.do("closing", chromedp.Evaluate[chromedp.Void](`void go.main.App.Quit()`))
	a.wait(t)
	again := launch(t, dir)
	p = again.open(t)
	p.do("the second start", sees(english.T("welcome.lead")), sized(1010, 710))
}

// sized waits until the app's own window has a size.
func sized(width, height int) action {
	return until(fmt.Sprintf(`runtime.WindowGetSize().then(s => s.w === %d && s.h === %d)`, width, height))
}
