package loopback_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jellybind/jellybind/backend/loopback"
)

// TestChromium lets a page of another site attack the listener in a real browser, with the right state in its hands, and
// signs in afterwards by the short address.
func TestChromium(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no Chromium here")
	}
	l, err := loopback.Listen(t.Context(), loopback.Options{})
	if err != nil {
		t.Fatal(err)
	}
	callback := "http://" + l.HostPort() + "/cb?code=c&state=s"
	var probes atomic.Int32
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth" {
			http.Redirect(w, r, callback, http.StatusSeeOther)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>hostile</title><img src=%[1]q><iframe src=%[1]q></iframe>
<link rel=stylesheet href=%[1]q><script src=%[1]q></script>
<script>
const tell = () => { document.title = "over" }
Promise.allSettled([
	fetch(%[1]q, {mode: "no-cors"}), fetch(%[1]q), fetch(%[1]q, {method: "POST", mode: "no-cors", body: "state=s"}),
	fetch(%[2]q, {mode: "no-cors"}),
]).then(() => setTimeout(tell, 300))
</script>`, callback, l.URL())
	}))
	defer site.Close()

	expect := expectState(http.MethodGet, "/cb", "s")
	expect.Target = site.URL + "/auth"
	done := make(chan error, 1)
	go func() {
		done <- l.Wait(t.Context(), expect, func(context.Context, loopback.Callback) (loopback.Page, error) {
			probes.Add(1)
			return loopback.Page{OK: true, Title: "Signed in", Text: "as <b>maria</b>"}, nil
		})
	}()

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.Flag("no-sandbox", true),
		chromedp.Flag("disable-background-networking", true))
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(site.URL)); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.title === "over"`)); err != nil {
		t.Fatal(err)
	}
	if n := probes.Load(); n != 0 {
		t.Fatalf("a page of another site answered the sign-in %d times", n)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(l.URL()), chromedp.WaitVisible(chromedp.CSS("#done"))); err != nil {
		t.Fatal(err)
	}
	type look struct{ Heading, Text, Corners string }
	got, err := chromedp.Run(ctx, chromedp.Evaluate[look](`({
		heading: document.querySelector("h1").textContent, text: document.querySelector("p").textContent,
		corners: getComputedStyle(document.querySelector("main")).borderTopLeftRadius,
	})`))
	// Corners that are not round mean that the policy refused the page's own style.
	if want := (look{"Signed in", "as <b>maria</b>", "12px"}); err != nil || got != want {
		t.Errorf("the page is %+v, %v; want %+v", got, err, want)
	}
	if err := <-done; err != nil || probes.Load() != 1 {
		t.Errorf("%v, answered %d times", err, probes.Load())
	}
}
