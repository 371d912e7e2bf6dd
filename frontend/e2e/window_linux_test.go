package e2e_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jellybind/jellybind/frontend/text"
)

var english, german = text.For("en", "en"), text.For("de", "de")

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
func signIn(t *testing.T, address, login string) {
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
	return fmt.Sprintf(`[...document.querySelectorAll('.rows .chip')].some(c => c.title.includes(%q) && c.title.includes(%q))`,
		i.provider, i.name)
}

// link links an identity to maria's account, from the roster to the end. The address to sign in at is taken from the page
// or, with fromBrowser, from what the app has opened as the n-th address.
func (p *tab) link(l *text.Catalogue, a *app, i identity, fromBrowser bool, n int) {
	p.t.Helper()
	p.do("opening the account", fill("search", "maria"), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length === 1`),
		clickOn(`#row-0 .account-name`), sees(l.T("drawer.unlinked")))
	p.do("beginning to link", clickOn("#link-identity"), sees(l.T("link.choose")))
	p.do("choosing the provider", clickOn(fmt.Sprintf(`input[value=%q]`, i.protocol+"/"+i.provider)))
	p.do("going to sign in", clickOn("#run-link"), until(`document.querySelector('.signin .copy-value')`))
	address := ask[string](p, `document.querySelector('.signin .copy-value').textContent`)
	if opened := a.lastOpened(p.t, n); fromBrowser {
		address = opened
	}
	signIn(p.t, address, i.name)
	p.do("confirming", sees(l.T("confirm.title")), sees(i.name), clickOn("#confirm-yes"))
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
