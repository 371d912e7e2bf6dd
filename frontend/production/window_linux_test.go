package production_test

import (
	"flag"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
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
	d.click("button", "Leave") // its changes are gone then
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
	d.closes()
}

// closes expects that the window closes in good order.
func (d *desk) closes() {
	d.t.Helper()
	select {
	case err := <-d.ended:
		if err != nil {
			d.t.Errorf("the window ended badly: %v", err)
		}
	case <-time.After(patience):
		d.t.Error("the window does not close")
	}
}

// TestSignals close the window as a person would, so that what is being written is written.
func TestSignals(t *testing.T) {
	// What is started under nohup ignores this one, and so does what it starts, unless it listens to it.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangups) })
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			d := newDesk(t, "")
			d.open(production(t), "maria")
			d.named("button", "Try the demo")
			if err := d.app.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			d.closes()
		})
	}
}

// A picture is cut into tiles, whose mean grey is stored. Tiles are compared in blocks, about as large as a row's chip:
// another font moves the ink in a block, but hardly changes how much there is. A button that is missing changes more.
const (
	tilesAcross, tilesDown  = 96, 64
	blockWidth, blockHeight = 8, 4 // tiles
	blockMost               = 8    // of 255
)

// looksLike compares a picture with the stored one.
func looksLike(t *testing.T, picture image.Image, name string) {
	t.Helper()
	got, file := tiles(picture), filepath.Join("testdata", name+".png")
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
	if off, at := apart(got, stored(t, name)); off > blockMost {
		t.Errorf("the %s differs from %s by %.1f of 255 in the block at %v", name, file, off, at)
	}
}

// stored are the tiles in testdata.
func stored(t *testing.T, name string) *image.Gray {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	grey, ok := picture.(*image.Gray)
	if !ok || grey.Bounds() != image.Rect(0, 0, tilesAcross, tilesDown) {
		t.Fatalf("%s is %T of %v", name, picture, picture.Bounds())
	}
	return grey
}

func tiles(picture image.Image) *image.Gray {
	all, bounds := image.NewGray(image.Rect(0, 0, tilesAcross, tilesDown)), picture.Bounds()
	for y := range tilesDown {
		for x := range tilesAcross {
			sum, n := 0, 0
			for py := bounds.Dy() * y / tilesDown; py < bounds.Dy()*(y+1)/tilesDown; py++ {
				for px := bounds.Dx() * x / tilesAcross; px < bounds.Dx()*(x+1)/tilesAcross; px++ {
					grey, _ := color.GrayModel.Convert(picture.At(bounds.Min.X+px, bounds.Min.Y+py)).(color.Gray)
					sum += int(grey.Y)
					n++
				}
			}
			all.SetGray(x, y, color.Gray{Y: uint8(sum / n)})
		}
	}
	return all
}

// apart is how far the block is off that differs most, and where on the screen it is.
func apart(got, want *image.Gray) (most float64, at image.Point) {
	for y := 0; y < tilesDown; y += blockHeight {
		for x := 0; x < tilesAcross; x += blockWidth {
			sum := 0
			for i := range blockWidth * blockHeight {
				tx, ty := x+i%blockWidth, y+i/blockWidth
				sum += int(got.GrayAt(tx, ty).Y) - int(want.GrayAt(tx, ty).Y)
			}
			if off := math.Abs(float64(sum)) / (blockWidth * blockHeight); off > most {
				most, at = off, image.Pt(x*width/tilesAcross, y*height/tilesDown)
			}
		}
	}
	return most, at
}

// TestMissingPartsAreSeen takes parts out of the stored picture, each of which makes another picture of it.
func TestMissingPartsAreSeen(t *testing.T) {
	t.Parallel()
	const card, ground = 255, 246
	for name, c := range map[string]struct {
		part  image.Rectangle // on the screen
		paint uint8
	}{
		"rows":              {image.Rect(266, 262, 1160, 800), card},
		"one row":           {image.Rect(266, 486, 1160, 541), card},
		"identities":        {image.Rect(520, 262, 870, 800), card},
		"navigation":        {image.Rect(0, 80, 238, 275), card},
		"filters":           {image.Rect(262, 126, 1180, 170), ground},
		"search and choice": {image.Rect(262, 176, 1180, 212), ground},
		"refresh":           {image.Rect(1050, 75, 1180, 115), ground},
	} {
		want := stored(t, "roster")
		got := image.NewGray(want.Bounds())
		copy(got.Pix, want.Pix)
		for y := range tilesDown {
			for x := range tilesAcross {
				if image.Pt((2*x+1)*width/tilesAcross/2, (2*y+1)*height/tilesDown/2).In(c.part) {
					got.SetGray(x, y, color.Gray{Y: c.paint})
				}
			}
		}
		if off, _ := apart(got, want); off <= blockMost {
			t.Errorf("without %s the picture differs by %.1f only", name, off)
		}
	}
}
