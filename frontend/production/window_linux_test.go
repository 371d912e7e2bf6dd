package production_test

import (
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestMainJob goes once through what the window is for, in the program that people get: the demo, an account, a real
// sign-in at the demo's provider, the question, the link, its proof, its removal, and back.
func TestMainJob(t *testing.T) {
	d := newDesk(t, "")
	d.open(production(t), "maria")

	d.named("button", "Try the demo")
	for _, control := range [][2]string{{"", "Server address"}, {"button", "Continue"}, {"button", "Settings"}} {
		d.named(control[0], control[1])
	}
	d.click("button", "Try the demo")

	d.named("", "Search accounts and identities")
	d.named("button", "Link an identity to bastian") // one of those that are in sight
	for _, control := range []string{"Accounts", "Providers", "Self-service", "History", "Settings", "Refresh", "Who can sign in?"} {
		d.saying("button", control)
	}
	looksLike(t, d.screenshot(), "roster")

	d.types("maria")
	d.gone("button", "Link an identity to noah")
	d.click("button", "Link an identity to maria")
	d.click("radio", "authelia OIDC…")
	d.click("button", "Open browser and sign in")
	d.named("heading", "Is this right?")
	d.click("button", "Link")
	d.named("heading", "Linked")
	d.click("button", "Done")
	d.click("button", "Verify maria at authelia")
	d.saying("", "Verified: maria opens maria")
	d.click("button", "Remove maria at authelia")
	d.click("button", "Remove link")
	d.gone("button", "Verify maria at authelia")
	d.click("button", "Undo")
	d.named("button", "Verify maria at authelia")
	d.keys("Escape")
	d.gone("button", "Verify maria at authelia")

	d.click("button", "Leave the demo")
	d.click("button", "Try the demo")
	d.named("", "Search accounts and identities")
	d.startAgain()
	d.quit()
}

// startAgain starts the app a second time: it ends at once, and the first window comes forward.
func (d *desk) startAgain() {
	d.t.Helper()
	window := strings.TrimSpace(d.xdotool("search", "--onlyvisible", "--name", "Jellybind"))
	d.xdotool("windowunmap", "--sync", window)
	ended := make(chan error, 1)
	go func() { ended <- d.command(d.app.Path).Run() }()
	select {
	case <-ended: // with 1, whatever we do: Wails ends it so on Linux
	case <-time.After(patience):
		d.t.Fatal("the second start does not end")
	}
	if now := strings.TrimSpace(d.xdotool("search", "--sync", "--onlyvisible", "--name", "Jellybind")); now != window {
		d.t.Errorf("the windows are %q, and were %q", now, window)
	}
}

// quit ends the app by its own command, from the keyboard: without a window manager there is no frame to close it by.
func (d *desk) quit() {
	d.t.Helper()
	d.keys("ctrl+k")
	d.named("", "Type a command")
	d.types("quit")
	d.gone("", "Settings")
	d.keys("Return")
	select {
	case err := <-d.ended:
		if err != nil {
			d.t.Errorf("the window ended badly: %v", err)
		}
	case <-time.After(patience):
		d.t.Error("the window does not close")
	}
}

// looksLike compares a picture with the stored one. Both are cut into tiles of which only the mean counts, so that another
// font or another time of day is no difference; a missing part, another theme or a broken style sheet is.
func looksLike(t *testing.T, picture image.Image, name string) {
	t.Helper()
	const across, down = 24, 16
	got := image.NewGray(image.Rect(0, 0, across, down))
	bounds := picture.Bounds()
	for y := range down {
		for x := range across {
			sum, n := 0, 0
			for py := bounds.Dy() * y / down; py < bounds.Dy()*(y+1)/down; py++ {
				for px := bounds.Dx() * x / across; px < bounds.Dx()*(x+1)/across; px++ {
					gray, _ := color.GrayModel.Convert(picture.At(bounds.Min.X+px, bounds.Min.Y+py)).(color.Gray)
					sum += int(gray.Y)
					n++
				}
			}
			got.SetGray(x, y, color.Gray{Y: uint8(sum / n)})
		}
	}
	file := filepath.Join("testdata", name+".png")
	if *update {
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		if err := png.Encode(f, got); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	total, far := 0, 0
	for y := range down {
		for x := range across {
			gray, _ := color.GrayModel.Convert(want.At(x, y)).(color.Gray)
			off := max(int(gray.Y), int(got.GrayAt(x, y).Y)) - min(int(gray.Y), int(got.GrayAt(x, y).Y))
			total += off
			if off > 32 {
				far++
			}
		}
	}
	if mean := float64(total) / (across * down); mean > 5 || far > across*down/20 {
		t.Errorf("the %s differs from %s by %.1f of 255 in the mean, and much in %d of %d tiles", name, file, mean, far, across*down)
	}
}
