package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromium is one headless browser for all tests; each sign-in gets a context of its own, without anybody's cookies.
var chromium = sync.OnceValues(func() (context.Context, error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return nil, errors.New("no Chromium is installed; go run ./build test installs one")
	}
	dir, err := os.MkdirTemp("", "jellybind-chromium")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true), chromedp.WSURLReadTimeout(time.Minute),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ = chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		cancel()
		return nil, fmt.Errorf("starting Chromium: %w", err)
	}
	closeChromium = func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		_ = os.RemoveAll(dir)
	}
	return ctx, nil
})

var closeChromium = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	closeChromium()
	os.Exit(code)
}

// tab opens a tab with cookies of its own; it is closed with the test.
func tab(t *testing.T) context.Context {
	t.Helper()
	browser, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(stop)
	return ctx
}

// press opens an address and presses the button with that id at the identity provider; it returns what the page says
// that the person sees at the end.
func press(ctx context.Context, address, id string) (string, error) {
	err := chromedp.Do(ctx,
		chromedp.Navigate(address),
		chromedp.Click(fmt.Sprintf(`[id=%q]`, id)),
		chromedp.WaitVisible(`main#done, main#failed`),
	)
	if err != nil {
		return "", err
	}
	return chromedp.Run(ctx, chromedp.Text(`main`))
}
