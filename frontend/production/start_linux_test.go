package production_test

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// prefer writes the settings that the window starts with, before its first start.
func (d *desk) prefer(settings string) {
	d.t.Helper()
	config := filepath.Join(d.dir, "config")
	if err := os.MkdirAll(config, 0o700); err != nil {
		d.t.Fatal(err)
	}
	file := `{"version": 1, "profiles": [], "settings": ` + settings + `}`
	if err := os.WriteFile(filepath.Join(config, "servers.json"), []byte(file), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// TestNoWhiteAtStart looks at the screen from the second start of the program, which knows its dark theme, until the page
// is there: nothing as large as a button is white.
func TestNoWhiteAtStart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "")
	d.listen()
	d.prefer(`{"theme": "dark", "language": "en"}`)
	d.start(production(t))
	d.click("button", "Try the demo")
	d.named("", "Search accounts and identities")
	d.quit()
	s, whole := d.screen(), image.Rect(0, 0, width, height)
	d.start(production(t))
	var now []byte
	looks, shown := 0, time.Time{} // when the page was there first
	for deadline := time.Now().Add(patience); shown.IsZero() || time.Since(shown) < 2*time.Second; time.Sleep(time.Millisecond) {
		now = s.look(whole, now)
		looks++
		white := 0
		for i := 0; i < len(now); i += 4 {
			if min(now[i], now[i+1], now[i+2]) > 240 {
				white++
			}
		}
		if share := float64(white) * 4 / float64(len(now)); share > .01 {
			t.Fatalf("look %d: %.0f %% of the screen are white", looks, 100*share)
		}
		if shown.IsZero() && coloured(now) {
			shown = time.Now()
		}
		if time.Now().After(deadline) {
			t.Fatal("the page does not come")
		}
	}
	if !coloured(now) || looks < 50 {
		t.Errorf("%d looks end at a page of a few colours", looks)
	}
}

// coloured reports whether a picture has as many colours as a page with words on it.
func coloured(picture []byte) bool {
	colours := map[[3]byte]bool{}
	for i := 0; i < len(picture) && len(colours) < 30; i += 4 {
		colours[[3]byte(picture[i:i+3])] = true
	}
	return len(colours) == 30
}

// TestPlaceIsKept moves the window, closes it and starts it again: it is where it was, as large as it was. There is no
// window manager here, so this shows what Jellybind keeps and asks for, not what a desktop makes of it.
func TestPlaceIsKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "")
	d.listen()
	d.prefer(`{"theme": "light", "language": "en"}`)
	d.start(production(t))
	d.named("button", "Try the demo")
	d.xdotool("windowsize", "--sync", d.shownWindow(), "910", "620")
	d.xdotool("windowmove", "--sync", d.shownWindow(), "170", "60")
	want := image.Rect(170, 60, 170+910, 60+620)
	d.placed(want)
	d.click("button", "Try the demo") // the palette, by which it is quit, belongs to an open server
	d.named("", "Search accounts and identities")
	d.quit()
	d.start(production(t))
	d.named("button", "Try the demo")
	d.placed(want)
}

// shownWindow is X's number of the window.
func (d *desk) shownWindow() string {
	d.t.Helper()
	return strings.TrimSpace(d.xdotool("search", "--sync", "--onlyvisible", "--name", "Jellybind"))
}

// placed waits until the window is at a place of the screen.
func (d *desk) placed(want image.Rectangle) {
	d.t.Helper()
	var got image.Rectangle
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var number, x, y, w, h, screen int
		said := d.xdotool("getwindowgeometry", "--shell", d.shownWindow())
		if _, err := fmt.Sscanf(said, "WINDOW=%d\nX=%d\nY=%d\nWIDTH=%d\nHEIGHT=%d\nSCREEN=%d", &number, &x, &y, &w, &h, &screen); err != nil {
			d.t.Fatalf("%q: %v", said, err)
		}
		if got = image.Rect(x, y, x+w, y+h); got == want {
			return
		}
	}
	d.t.Fatalf("the window is at %v, want %v", got, want)
}
