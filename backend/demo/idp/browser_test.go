package idp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jellybind/jellybind/backend/demo/idp"
)

// browser starts a headless Chromium, or skips the test where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium here")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("no-sandbox", true),
		chromedp.Flag("disable-background-networking", true))
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// application is where sign-ins come back to.
func application(t *testing.T) (address string, came <-chan url.Values) {
	t.Helper()
	answers := make(chan url.Values, 8)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/sso/cb" {
			http.NotFound(w, r)
			return
		}
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		answers <- r.Form
		_, _ = w.Write([]byte(`<!DOCTYPE html><title>Back</title><p id="back">Back`))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/sso/cb", answers
}

// TestInABrowser goes through the pages as a person does: the pages' policy must let the answer through, and the SAML page
// must go on by itself.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	address, came := application(t)
	p := serveOIDC(t, "/realms/home", nil)
	s := serveSAML(t, "", nil)
	rp := newParty(t, p, idp.ClientApp, address)
	sp := newSP(t, s, address)
	saml, _ := ask(t, sp, s, nil)
	again, _ := ask(t, sp, s, nil)
	for _, c := range []struct{ name, address, button, want string }{
		{"OIDC", rp.address(), "#person-maria", "code"},
		{"OIDC cancelled", rp.address(), "#cancel", "error"},
		{"SAML", saml, "#person-maria", "SAMLResponse"},
		{"SAML cancelled", again, "#cancel", "SAMLResponse"},
	} {
		if err := chromedp.Do(ctx,
			chromedp.Navigate(c.address), chromedp.Click(chromedp.CSS(c.button)), chromedp.WaitVisible(chromedp.CSS("#back")),
		); err != nil {
			where, _ := chromedp.Run(ctx, chromedp.Location())
			t.Fatalf("%s: %v, at %s", c.name, err, strings.SplitN(where, "?", 2)[0])
		}
		if got := <-came; !got.Has(c.want) {
			t.Errorf("%s: came back with %v", c.name, got)
		}
	}
}
