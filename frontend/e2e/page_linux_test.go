package e2e_test

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

type action = chromedp.Action[chromedp.Void]

// tab is a page of the app, seen by one person. Everything that the page complains about fails the test.
type tab struct {
	t   testing.TB
	ctx context.Context

	closed bool // the app was closed, and the page's connection with it

	mu         sync.Mutex
	complaints []string
}

// violations collects violations of the page's policy, starting before its first script.
const violations = `window.e2eViolations = [];
document.addEventListener('securitypolicyviolation', e => e2eViolations.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile));`

// open opens the app's page.
func (a *app) open(t testing.TB) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	p := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		if !p.closed {
			p.complain()
		}
		cancel()
	})
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatal(err)
	}
	p.do("opening the page", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument,
			page.AddScriptToEvaluateOnNewDocumentParams{Source: violations})
		return err
	}), chromedp.Navigate(a.url))
	return p
}

func (p *tab) listen(ev any) {
	text := ""
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			said := []string{}
			for _, a := range e.Args {
				said = append(said, string(a.Value), a.Description)
			}
			text = strings.Join(said, " ")
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.URL, "favicon.ico") {
			text = e.Entry.Text + " " + e.Entry.URL
		}
	}
	// Wails' own script for development looks for an overlay that is not there.
	if text == "" || strings.Contains(text, "/wails/ipc.js") {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, text)
}

// complain reports what the page has complained about.
func (p *tab) complain() {
	p.t.Helper()
	broken, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](`window.e2eViolations || ['the page is gone']`))
	if err != nil {
		p.t.Errorf("asking for violations: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range append(p.complaints, broken...) {
		p.t.Errorf("the page complains: %s", c)
	}
	p.complaints = nil
}

// do runs actions, and shows the page when one of them fails.
func (p *tab) do(what string, actions ...action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`'focus: ' + document.activeElement.outerHTML.slice(0, 300) +
			' value: ' + document.activeElement.value + '\n' + document.body.innerText.slice(0, 3000)`))
		p.t.Fatalf("%s: %v\nthe page shows:\n%s", what, err, text)
	}
}

// ask evaluates an expression.
func ask[T any](p *tab, js string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%.200s: %v", js, err)
	}
	return v
}

func until(js string) action {
	return chromedp.Poll[chromedp.Void](js, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(patience))
}

// sees waits until the page shows a text. Some headings are set in capitals, so case does not matter.
func sees(text string) action {
	return until(fmt.Sprintf(`document.body.innerText.toLowerCase().includes(%q)`, strings.ToLower(text)))
}

func gone(text string) action {
	return until(fmt.Sprintf(`!document.body.innerText.toLowerCase().includes(%q)`, strings.ToLower(text)))
}

func focused(id string) action {
	return until(fmt.Sprintf(`document.activeElement && document.activeElement.id === %q`, id))
}

func key(keys string, modifiers ...chromedp.Modifier) action {
	return chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...))
}

// taken presses a key that the page handles. A browser then neither types it nor presses what has the focus, but an event of the
// remote control would do both.
func taken(key string) action {
	return chromedp.Evaluate[chromedp.Void](
		`void document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: '` + key + `', bubbles: true, cancelable: true}))`)
}

// The middle of an element on which a click would land. An element that is covered, disabled or moving has none.
const middle = `(find => { const e = find(); if (!e || e.disabled) return null; e.scrollIntoView({block: 'nearest', inline: 'nearest'});
	const r = e.getBoundingClientRect(); if (!r.width || !r.height) return null; const x = r.x + r.width / 2, y = r.y + r.height / 2;
	const at = document.elementFromPoint(x, y); return at && (e === at || e.contains(at) || at.contains(e) && e.tagName === 'INPUT' || (e.labels && [...e.labels].some(l => l.contains(at)))) ? [x, y] : null; })`

// clickAt clicks with the mouse on what a function of JavaScript finds.
func clickAt(what, find string) action {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		var last []float64
		for {
			at, err := chromedp.Evaluate[[]float64](middle+`(`+find+`)`)(ctx, target)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			if len(at) == 2 && len(last) == 2 && at[0] == last[0] && at[1] == last[1] {
				_, err := chromedp.MouseClickXY(at[0], at[1])(ctx, target)
				return err
			}
			last = at
			select {
			case <-ctx.Done():
				return fmt.Errorf("nothing to click: %s: %w", what, ctx.Err())
			case <-time.After(30 * time.Millisecond):
			}
		}
	})
}

// click clicks on the control with that name, the last one where there are several.
func click(name string) action {
	return clickAt(name, fmt.Sprintf(`() => [...document.querySelectorAll('button,[role=menuitem],label,summary,a')].filter(e =>
		e.offsetParent !== null && (e.innerText.trim() === %[1]q || e.getAttribute('aria-label') === %[1]q)).at(-1)`, name))
}

// clickOn clicks on what a selector finds.
func clickOn(selector string) action {
	return clickAt(selector, fmt.Sprintf(`() => document.querySelector(%q)`, selector))
}

// fill puts a text into a field, in place of what was there.
func fill(id, text string) action {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		for _, a := range []action{
			clickOn("#" + id),
			chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.getElementById(%q).select()`, id)),
			key(cmp.Or(text, kb.Delete)),
		} {
			if _, err := a(ctx, target); err != nil {
				return err
			}
		}
		return nil
	})
}

// choose picks an option of a list.
func choose(id, value string) action {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %q;
		if (e.value !== %[2]q) throw new Error('no option ' + %[2]q); e.dispatchEvent(new Event('change', {bubbles: true})); })()`, id, value))
}

// nameless lists the controls and landmarks of Chromium's accessibility tree that have no name.
func (p *tab) nameless(where string) {
	p.t.Helper()
	needs := map[string]bool{}
	for _, role := range []string{
		"button", "checkbox", "radio", "textbox", "searchbox", "combobox", "listbox", "option", "link", "menu", "menuitem", "tab",
		"tablist", "tabpanel", "dialog", "grid", "row", "columnheader", "rowheader", "navigation", "complementary", "region", "timer",
		"radiogroup", "heading", "img", "switch", "progressbar",
	} {
		needs[role] = true
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		tree, err := cdp.Call(ctx, target, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			return err
		}
		value := func(v *accessibility.Value) string {
			if v == nil {
				return ""
			}
			return strings.Trim(string(v.Value), `"`)
		}
		controls := 0
		for _, n := range tree.Nodes {
			role := value(n.Role)
			if n.Ignored || !needs[role] {
				continue
			}
			controls++
			if strings.TrimSpace(value(n.Name)) == "" {
				p.t.Errorf("%s has a %s without a name (%s)", where, role, describe(ctx, target, n.BackendDOMNodeID))
			}
		}
		if controls < 3 {
			p.t.Errorf("%s has only %d controls", where, controls)
		}
		return nil
	}))
	if err != nil {
		p.t.Fatalf("reading the accessibility tree of %s: %v", where, err)
	}
}

// describe is the beginning of an element's tag, to find it by.
func describe(ctx context.Context, target *chromedp.Target, id cdp.BackendNodeID) string {
	got, err := cdp.Call(ctx, target, dom.DescribeNode, dom.DescribeNodeParams{BackendNodeID: id})
	if err != nil || got.Node == nil {
		return "?"
	}
	return strings.ToLower(got.Node.NodeName) + " " + strings.Join(got.Node.Attributes, " ")
}
