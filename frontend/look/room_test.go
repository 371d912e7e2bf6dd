//go:build !js

package look_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func window(w, h int64) action { return chromedp.EmulateViewport(w, h, chromedp.EmulateScale(1)) }

// TestRosterUsesItsRoom counts the identities that a row shows, and looks for names that stick out of their cells.
func TestRosterUsesItsRoom(t *testing.T) {
	const (
		seen = `(() => { const ada = [...document.querySelectorAll('.rows > .row')].find(r => r.innerText.includes('Ada Lovelace'));
			const shown = e => e.offsetParent !== null;
			return [...ada.querySelectorAll('.chip')].filter(shown).length + ' ' +
				[...ada.querySelectorAll('.chip-more')].filter(shown).map(e => e.innerText).join() })()`
		cut = `(() => { const ada = [...document.querySelectorAll('.rows > .row')].find(r => r.innerText.includes('Ada Lovelace'));
			const name = ada.querySelector('.chip-name'); return name.scrollWidth > name.clientWidth })()`
		out = `[...document.querySelectorAll('.rows .cell')].filter(c => c.offsetParent && c.clientWidth > 0 &&
			(c.scrollWidth > c.clientWidth + 1 || [...c.children].some(k => k.getBoundingClientRect().right > c.getBoundingClientRect().right + 1)))
			.map(c => c.className + ': ' + c.innerText.slice(0, 60)).join('\n')`
	)
	for _, c := range []struct {
		width int64
		want  string
	}{{800, "1 +2 more"}, {1024, "1 +2 more"}, {1440, "2 +1 more"}, {1920, "3 "}} {
		t.Run(strconv.FormatInt(c.width, 10), func(t *testing.T) {
			ctx := tab(t)
			do(ctx, t, "start", window(c.width, 700), open(""), sees("See which identities"))
			do(ctx, t, "demo", toRoster...)
			if got := ask[string](ctx, t, seen); got != c.want {
				t.Errorf("a row with three identities shows %q, want %q", got, c.want)
			}
			if c.width >= 1440 && ask[bool](ctx, t, cut) {
				t.Error("a short name is cut next to a long one")
			}
			for _, scenario := range []string{"", "s=long"} {
				do(ctx, t, "start "+scenario, open(scenario), sees("See which identities"), click(startDemo), sees("24 accounts"))
				if found := ask[string](ctx, t, out); found != "" {
					t.Errorf("%s: sticks out of its cell:\n%s", scenario, found)
				}
			}
		})
	}
}

// TestRowsFitEveryWidth makes the window wider, with and without a drawer: what a row shows always finds room in it.
func TestRowsFitEveryWidth(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", window(1440, 700), open("s=long"), sees("See which identities"), click(startDemo), sees("24 accounts"))
	for _, drawer := range []bool{false, true} {
		if drawer {
			do(ctx, t, "an account", script(`document.getElementById('row-1').click()`), until(`document.querySelector('.drawer')`))
		}
		for w := int64(500); w < 1900; w += 7 {
			do(ctx, t, strconv.FormatInt(w, 10), window(w, 700), until(fmt.Sprintf(`(() => { const r = document.getElementById('rows');
				return innerWidth === %d && r.clientWidth > 0 && r.scrollWidth <= r.clientWidth })()`, w)))
		}
	}
}

// TestWholeCellSelects: a click next to a small box would open the account.
func TestWholeCellSelects(t *testing.T) {
	const box = `(() => { const input = document.querySelector('#row-2 input'), row = document.getElementById('row-2').getBoundingClientRect(),
		next = document.querySelector('#row-2 .c-name').getBoundingClientRect();
		return [[row.left + 3, row.top + 3], [next.left - 6, row.top + 3], [row.left + 3, row.bottom - 4], [next.left - 6, row.bottom - 4]].
			filter(([x, y]) => document.elementFromPoint(x, y) !== input).join(' and ') + (document.elementFromPoint(next.left + 2, row.top + 9) === input ? ' the name' : '') })()`
	ctx := tab(t)
	do(ctx, t, "start", window(1440, 700), open(""), sees("See which identities"))
	do(ctx, t, "roster", toRoster...)
	if missed := ask[string](ctx, t, box); missed != "" {
		t.Errorf("the box is missed, or hit, at %s", missed)
	}
}

// TestWholeNames are told to who points at them.
func TestWholeNames(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", window(1440, 700), open(""), sees("See which identities"))
	do(ctx, t, "roster", toRoster...)
	titles := ask[string](ctx, t, `(() => { const ada = [...document.querySelectorAll('.rows > .row')].find(r => r.innerText.includes('Ada Lovelace'));
		return [...ada.querySelectorAll('.account-name, .chip > .chip-name')].map(e => {
			e.dispatchEvent(new MouseEvent('mousemove', { bubbles: true })); return e.closest('[data-whole]').title }).join('\n') })()`)
	want := "Ada Lovelace\nOIDC · authelia · ada.lovelace\n"
	if !strings.HasPrefix(titles, want) {
		t.Errorf("titles:\n%s\nwant first:\n%s", titles, want)
	}
}

// TestNarrowNavigationKeepsItsWords: icons alone have names too, and a running link says that it runs.
func TestNarrowNavigationKeepsItsWords(t *testing.T) {
	const (
		nameless = `[...document.querySelectorAll('.nav button')].filter(b => !b.innerText.trim() || b.title).map(b => b.outerHTML).join('\n')`
		words    = `getComputedStyle(document.activeElement.querySelector('.nav-label')).opacity`
	)
	ctx := tab(t)
	do(ctx, t, "start", window(800, 600), open(""), sees("See which identities"))
	do(ctx, t, "link", link(click("Open browser and sign in"), sees("4:3"), click("Close"), until(`document.querySelector('.running')`))...)
	if found := ask[string](ctx, t, nameless); found != "" {
		t.Errorf("without words, or with a tooltip over the next one:\n%s", found)
	}
	pill := ask[string](ctx, t, `document.querySelector('.running').innerText.replace(/\s+/g, ' ')`)
	if width := ask[float64](ctx, t, `document.querySelector('.running-left').getBoundingClientRect().width`); width < 10 {
		t.Errorf("the time left is not seen; the pill says %q", pill)
	}
	do(ctx, t, "words next to the icon", script(`document.getElementById('nav-roster').focus()`), chromedp.KeyEvent(kb.Tab),
		focused("nav-providers"), until(words+` === '1'`))
	do(ctx, t, "confirming", script(confirmEvent), sees("Please confirm:"), sees("OK?"))
}

// TestLinkHelpIsInSight: what belongs to the button is seen with it at the size at which the window starts.
func TestLinkHelpIsInSight(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", window(1024, 700), open(""), sees("See which identities"))
	do(ctx, t, "link", link()...)
	do(ctx, t, "button and help", until(`(() => { const foot = document.querySelector('.link-panel > .actions'), help = foot.querySelector('.muted');
		const r = help.getBoundingClientRect(), at = document.elementFromPoint(r.left + 5, r.bottom - 3);
		return r.bottom <= innerHeight && foot.contains(at) && foot.contains(document.getElementById('run-link')) })()`))
	do(ctx, t, "nothing lies behind at the end", script(`document.querySelector('.drawer-body').scrollTop = 1e6`),
		until(`(() => { const more = [...document.querySelectorAll('.link-panel button')].find(b => b.innerText === 'Other ways');
		const r = more.getBoundingClientRect(); return more.contains(document.elementFromPoint(r.left + 9, r.top + r.height / 2)) })()`))
}

// TestNothingCoversTheWayOn: the button to go on is in sight at the size at which the window starts, whole, and clickable.
func TestNothingCoversTheWayOn(t *testing.T) {
	const free = `(() => { const b = document.activeElement.closest('main, .window').querySelector(%q), r = b.getBoundingClientRect();
		return [[r.left + 3, r.top + 3], [r.right - 3, r.bottom - 3], [r.left + r.width / 2, r.top + r.height / 2]]
			.every(([x, y]) => b.contains(document.elementFromPoint(x, y))) && r.bottom <= innerHeight })()`
	for name, c := range map[string]struct {
		w, h          int64
		query, button string
		steps         []action
	}{
		"connecting":            {1024, 700, "", ".foot .button", connect("jellyfin.lan", sees("How should"))},
		"connecting, narrow":    {640, 560, "", ".foot .button", connect("jellyfin.lan", sees("How should"))},
		"a message is there":    {1024, 700, "s=stored", "#run-link", nil},
		"a message is, narrow":  {680, 560, "s=stored", "#run-link", nil},
		"a message is, sidebar": {1440, 900, "s=stored", "#run-link", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if c.steps == nil {
				c.steps = []action{
					sees("24 accounts"), click("Link an identity to Björn Borg"), until(`document.querySelector('input[value="oidc/authelia"]')`),
					script(`document.querySelector('input[value="oidc/authelia"]').click()`), sees("Sign-in through the plugin"),
					sees("changed since the last look"),
				}
			}
			ctx := tab(t)
			do(ctx, t, "start", window(c.w, c.h), open(c.query))
			do(ctx, t, "the way there", c.steps...)
			do(ctx, t, "the button", until(fmt.Sprintf(free, c.button)))
		})
	}
}

// TestFormsStayWhereTheyAre when the keyring answers late: a click must not miss.
func TestFormsStayWhereTheyAre(t *testing.T) {
	const place = `JSON.stringify([...document.querySelectorAll('form input, form button')].map(e => e.getBoundingClientRect().top))`
	for _, c := range []struct {
		name string
		way  []action
	}{
		{"the first screen", []action{sees("See which identities"), sees("None found")}},
		{"connecting", connect("jellyfin.lan", sees("How should"), focused("user"))},
	} {
		ctx := tab(t)
		do(ctx, t, c.name, append([]action{window(1200, 800), open("s=locked")}, c.way...)...)
		before := ask[string](ctx, t, place)
		if ask[bool](ctx, t, `document.body.innerText.includes('keyring is locked')`) {
			t.Fatal("the keyring has answered already")
		}
		do(ctx, t, "the keyring answers", sees("keyring is locked"))
		if now := ask[string](ctx, t, place); now != before {
			t.Errorf("%s: the form jumps from %s to %s", c.name, before, now)
		}
	}
}

// TestNothingCoversTheFocus: a footer that stays in sight does not lie over the field that has the focus.
func TestNothingCoversTheFocus(t *testing.T) {
	const covered = `(() => { const e = document.activeElement, box = e.closest('label') || e, r = box.getBoundingClientRect(), at = document.elementFromPoint(r.left + r.width / 2, r.bottom - 3);
		return at && (box.contains(at) || at.contains(box)) && r.top >= 0 && r.bottom <= innerHeight ? '' : (e.id || e.outerHTML.slice(0, 80)) + ' is covered by ' + (at ? at.className : 'nothing') })()`
	for name, c := range map[string]struct {
		w, h  int64
		query string
		steps []action
	}{
		"connecting":           {1200, 800, "", connect("jellyfin.lan", focused("user"))},
		"connecting, low":      {1024, 500, "", connect("jellyfin.lan", focused("user"))},
		"linking by name":      {1024, 600, "", link(click("By name"), sees("Link this name"), script(`document.getElementById('drawer-close').focus()`))},
		"linking by name, 200": {600, 420, "", link(click("By name"), sees("Link this name"), script(`document.getElementById('drawer-close').focus()`))},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := tab(t)
			do(ctx, t, "start", window(c.w, c.h), open(c.query))
			do(ctx, t, "the way there", c.steps...)
			for range 12 {
				do(ctx, t, "Tab", chromedp.KeyEvent(kb.Tab), script(`new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))`), chromedp.Sleep(40*time.Millisecond))
				if found := ask[string](ctx, t, covered); found != "" {
					t.Error(found)
				}
			}
		})
	}
}

// TestWrongPasswordGoesOn: the emptied password has the focus, and is seen.
func TestWrongPasswordGoesOn(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", window(1200, 800), open("s=wrong"))
	do(ctx, t, "the form", connect("jellyfin.lan", focused("user"))...)
	do(ctx, t, "a wrong password", chromedp.KeyEvent("root"), chromedp.KeyEvent(kb.Tab), focused("password"), chromedp.KeyEvent("nope"), chromedp.KeyEvent(kb.Enter),
		until(`document.querySelector('form .banner.bad')`), focused("password"), until(`document.getElementById('password').value === ''`),
		until(`(() => { const e = document.getElementById('password'), r = e.getBoundingClientRect();
			return [r.top + 3, r.bottom - 3].every(y => document.elementFromPoint(r.left + 9, y) === e) })()`))
}
