//go:build !js

package look_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func ctrl(key string) action {
	return chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierCtrl))
}

// TestKeysOfOtherPrograms are the page's, not the browser's.
func TestKeysOfOtherPrograms(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", append([]action{window(1440, 900), open(""), script(`window.firstPage = true`)}, toRoster...)...)
	do(ctx, t, "all in a row", script(`document.getElementById('row-2').focus()`), ctrl("a"), sees("25 accounts selected"), focused("row-2"),
		until(`getSelection().toString() === ''`), chromedp.KeyEvent(kb.Escape), gone("accounts selected"))
	do(ctx, t, "find", ctrl("f"), focused("search"), chromedp.KeyEvent("lena"), until(`document.querySelectorAll('.rows > .row').length === 1`),
		ctrl("a"), chromedp.KeyEvent("kim"), until(`document.getElementById('search').value === 'kim'`))
	do(ctx, t, "refresh", chromedp.KeyEvent(kb.F5), sees("Refreshing…"), gone("Refreshing…"), ctrl("r"), sees("Refreshing…"), until(`window.firstPage`))
	do(ctx, t, "nothing to undo", script(`document.getElementById('row-0').focus()`), ctrl("z"), sees("Nothing was changed here"))
}

// TestSelectShown is a box in the table's head that stays under the pointer.
func TestSelectShown(t *testing.T) {
	const place = `(() => { const r = document.getElementById('select-shown').getBoundingClientRect(); return Math.round(r.left) + ' ' + Math.round(r.top / 4) })()`
	ctx := tab(t)
	do(ctx, t, "start", append([]action{window(1440, 900), open("")}, toRoster...)...)
	before := ask[string](ctx, t, place)
	do(ctx, t, "one", script(`document.querySelector('#row-2 input').click()`), sees("1 account selected"), until(`document.getElementById('select-shown').indeterminate`))
	if now := ask[string](ctx, t, place); now != before {
		t.Errorf("the box is at %s, and was at %s", now, before)
	}
	do(ctx, t, "none", script(`document.getElementById('select-shown').click()`), gone("account selected"), focused("select-shown"))
	do(ctx, t, "all", chromedp.KeyEvent(" "), sees("25 accounts selected"), until(`document.getElementById('select-shown').checked`), focused("select-shown"))
}

// TestRowMenu by pointer and by key.
func TestRowMenu(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", append([]action{window(1024, 700), open("")}, toRoster...)...)
	right := func(x, y int) action {
		return script(fmt.Sprintf(`document.elementFromPoint(%[1]d, %[2]d).dispatchEvent(new MouseEvent('contextmenu', {bubbles: true, cancelable: true, clientX: %[1]d, clientY: %[2]d}))`, x, y))
	}
	do(ctx, t, "by pointer", right(400, 480), until(`document.getElementById('row-menu')`), focused("row-menu"),
		until(`(() => { const r = document.getElementById('row-menu').getBoundingClientRect(); return Math.abs(r.left - 400) < 3 && Math.abs(r.top - 480) < 40 })()`),
		chromedp.KeyEvent(kb.ArrowDown), until(`document.activeElement.innerText === 'Open account'`), chromedp.KeyEvent(kb.Escape),
		until(`!document.getElementById('row-menu') && document.activeElement.id.startsWith('row-')`))
	do(ctx, t, "in the corner", right(980, 690), until(`(() => { const m = document.getElementById('row-menu'); if (!m) return false; const r = m.getBoundingClientRect();
		return r.right <= innerWidth && r.bottom <= innerHeight })()`), chromedp.KeyEvent(kb.Escape), until(`!document.getElementById('row-menu')`))
	do(ctx, t, "by key", script(`document.getElementById('row-1').focus()`), chromedp.KeyEvent(kb.F10, chromedp.KeyModifiers(chromedp.ModifierShift)),
		focused("row-menu"), click("Copy name"), until(`window.stub.clipboard === 'Ada Lovelace'`), focused("row-1"))
}

// TestEnterLinks: the likely provider is chosen, the button to go on is in sight, and Enter is enough.
func TestEnterLinks(t *testing.T) {
	ctx := tab(t)
	do(ctx, t, "start", append([]action{window(1024, 700), open("")}, toRoster...)...)
	do(ctx, t, "l", script(`document.getElementById('row-2').focus()`), chromedp.KeyEvent("l"), focused("run-link"),
		until(`document.querySelector('input[value="oidc/authelia"]').checked`),
		until(`(() => { const e = document.getElementById('run-link'), r = e.getBoundingClientRect(); return r.bottom <= innerHeight && e.contains(document.elementFromPoint(r.left + 9, r.top + 9)) })()`))
	do(ctx, t, "another provider", script(`document.querySelector('input[value="oidc/authelia"]').focus()`), chromedp.KeyEvent(kb.ArrowDown),
		until(`document.querySelector('input[value="oidc/google"]').checked`),
		// Enter goes on once it is planned.
		until(`(document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true})),
			document.body.innerText.includes('Sign in in your browser'))`))
}
