//go:build !js

package look_test

import (
	"context"
	"regexp"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// unfit lists what does not fit the window: what is wider than its room, and every control that cannot be brought into
// sight whole, or is covered there.
const unfit = `(() => {
	const found = [], name = e => e.tagName.toLowerCase() + '.' + e.className + ' ' + (e.innerText || e.getAttribute('aria-label') || e.id).slice(0, 40);
	const over = document.querySelector('dialog[open]') || document.querySelector('.menu') || document.querySelector('.drawer') || document.body;
	for (const e of [document.documentElement, ...document.querySelectorAll('body *')]) {
		const s = getComputedStyle(e), cut = s.overflowX !== 'visible' && s.textOverflow !== 'ellipsis' && e.clientWidth > 0;
		if (cut && e.scrollWidth > e.clientWidth + 1 && !e.matches('pre, input, .hidden-words, .chip, .toasts, .row > *')) found.push('wider than its room: ' + name(e));
	}
	const nav = document.querySelector('.nav');
	if (nav && nav.scrollHeight > nav.clientHeight) found.push('the navigation scrolls: ' + nav.scrollHeight + ' in ' + nav.clientHeight);
	for (const e of over.querySelectorAll('button, input, select, summary, a')) {
		if (!e.checkVisibility() || e.disabled || e.matches('.skip')) continue;
		e.scrollIntoView({block: 'center', inline: 'nearest'});
		const r = e.getBoundingClientRect();
		if (r.left < -1 || r.right > innerWidth + 1 || r.top < -1 || r.bottom > innerHeight + 1) { found.push('out of sight: ' + name(e)); continue }
		const at = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
		if (!at || !(e.contains(at) || at.contains(e) || [...(e.labels || [])].some(l => l.contains(at)))) found.push('covered: ' + name(e) + ' by ' + (at ? name(at) : 'nothing'));
	}
	return found.join('\n') })()`

// TestTwiceTheText shows the screens at 200 % in the smallest window: everything fits, and every control can be reached.
func TestTwiceTheText(t *testing.T) {
	t.Parallel()
	const shown = `^(welcome-(damaged|german)|connect-(key|nowhere|refused|huge|quick|certificate|changed|noplugin|huge)|roster-(server|long|selected|nothing|error|german)|` +
		`account-(long|german)|link-(german|ways|subject|confirm|done|failed|owned|running)|noway(-rule)?(-german)?|demo-people|remove|remove-detour|unregister|` +
		`providers-(test|german|empty|error)|secret|settings-german|self-service-german|own|history|forget|rename|palette|shortcuts|servers-menu)$`
	names := regexp.MustCompile(shown)
	for _, s := range all {
		if !names.MatchString(s.name) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := tab(t)
			do(ctx, t, "open", chromedp.EmulateViewport(512, 350, chromedp.EmulateScale(2)), open(s.query))
			do(ctx, t, s.name, s.steps...)
			if found := ask[string](ctx, t, unfit); found != "" {
				t.Errorf("does not fit:\n%s", found)
			}
		})
	}
}

// moving lists what moves on the page: what turns faster than once in four seconds, and what rises, slides or fades.
const moving = `[...document.querySelectorAll('body *')].filter(e => { const s = getComputedStyle(e);
	return s.animationName !== 'none' && !(s.animationIterationCount === 'infinite' && parseFloat(s.animationDuration) >= 4) || s.transitionDuration.split(',').some(d => parseFloat(d) > 0) ||
		s.scrollBehavior === 'smooth' }).map(e => e.className.baseVal ?? e.className).join('\n')`

// TestReducedMotionIsRespected where something waits and a message comes. Without the wish, both move.
func TestReducedMotionIsRespected(t *testing.T) {
	ctx := tab(t)
	waiting := link(click("Open browser and sign in"), sees("4:3"), click("Close"), until(`document.querySelector('.running .spinner')`))
	for _, wish := range []string{"no-preference", "reduce"} {
		do(ctx, t, wish, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: wish}},
			})
			return err
		}), open(""), sees("See which identities"))
		for what, steps := range [][]action{
			waiting,
			{script(confirmEvent), script(`document.querySelector('.running').click()`), click("Link"), until(`document.querySelector('.toast')`)},
		} {
			do(ctx, t, []string{"waiting", "a message"}[what], steps...)
			if found := ask[string](ctx, t, moving); (found == "") != (wish == "reduce") {
				t.Errorf("with %s, this moves: %q", wish, found)
			}
		}
	}
}
