//go:build !js

package look_test

import (
	"slices"
	"testing"
)

// faint lists the texts on the page whose contrast with their ground is under 4.5. What is disabled may be faint (WCAG
// 1.4.3); a ground that is a gradient counts by its ends.
const faint = `(() => {
	const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m };
	const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
	const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b };
	const grounds = e => {
		if (!e) return [[255, 255, 255]];
		const s = getComputedStyle(e), own = parse(s.backgroundColor);
		if (s.backgroundImage.includes('gradient')) return (s.backgroundImage.match(/rgba?\([^)]*\)/g) || []).map(c => parse(c).slice(0, 3));
		if (own[3] === 1) return [own.slice(0, 3)];
		return grounds(e.parentElement).map(g => over(own, g));
	};
	const found = new Set();
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; (n = walk.nextNode());) {
		const e = n.parentElement;
		if (!n.data.trim() || !e.offsetParent || e.closest(':disabled, .hidden-words, option, script')) continue;
		let seen = 1;
		for (let a = e; a; a = a.parentElement) seen *= Number(getComputedStyle(a).opacity);
		if (seen === 0) continue;
		const ink = parse(getComputedStyle(e).color);
		for (const g of grounds(e)) {
			const [a, b] = [light(over([...ink.slice(0, 3), ink[3] * seen], g)), light(g)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
			if (ratio < 4.5) found.add(ratio.toFixed(2) + ' ' + e.className + ': ' + n.data.trim().slice(0, 40));
		}
	}
	return [...found].join('\n') })()`

// atRest is whether nothing moves on the page but what turns for ever. What has just begun to appear is faint.
const atRest = `document.getAnimations().every(a => a.effect.getComputedTiming().iterations === Infinity)`

// TestContrast reads every screen in both themes.
func TestContrast(t *testing.T) {
	for _, s := range all {
		if !slices.Contains([]string{
			"welcome", "welcome-error", "connect-nowhere", "welcome-damaged", "connect-key", "connect-quick", "connect-certificate", "connect-noplugin", "roster-server",
			"roster-selected", "roster-error", "account", "link-ways", "link-signin", "link-device", "link-devices", "link-confirm", "link-done", "link-failed", "link-owned", "link-running", "noway",
			"remove-detour", "unregister", "providers-test", "self-service", "history", "settings", "palette", "shortcuts", "servers-menu",
		}, s.name) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			ctx := tab(t)
			do(ctx, t, "open", window(1440, 900), open(s.query))
			do(ctx, t, s.name, s.steps...)
			for _, theme := range []string{"light", "dark"} {
				do(ctx, t, theme, script(`document.documentElement.dataset.theme = '`+theme+`'`), until(atRest))
				if found := ask[string](ctx, t, faint); found != "" {
					t.Errorf("under 4.5 in the %s theme:\n%s", theme, found)
				}
			}
		})
	}
}
