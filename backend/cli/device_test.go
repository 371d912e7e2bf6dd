package cli

import (
	"image"
	"image/color"
	"strings"
	"testing"

	decoder "github.com/piglig/go-qr"

	"github.com/jellybind/jellybind/backend/qr"
)

// TestHalfBlocks reads what the terminal shows with a decoder, as a phone would.
func TestHalfBlocks(t *testing.T) {
	t.Parallel()
	const address, scale = "https://auth.example.com/realms/home/device?user_code=WDJB-MJHT", 4
	modules, err := qr.Matrix(address)
	if err != nil {
		t.Fatal(err)
	}
	lines := halfBlocks(modules)
	side := (len(modules) + 2*qr.QuietZone) * scale
	img := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		line := []rune(lines[y/scale/2])
		for x := range side {
			half := '▀'
			if y/scale%2 == 1 {
				half = '▄'
			}
			if r := line[x/scale]; r != '█' && r != half {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	if got, err := decoder.Decode(img); err != nil || got != address {
		t.Errorf("read %q, %v", got, err)
	}
}

// TestQRCodeNeedsRoom: a code is drawn only where it fits, and where its colours can be set.
func TestQRCodeNeedsRoom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		width  int
		colour bool
		drawn  bool
	}{{33, true, true}, {28, true, false}, {0, true, false}, {80, false, false}} {
		var b strings.Builder
		p := &printer{w: &b, width: c.width, colour: c.colour}
		p.qrCode("https://a.example/d")
		if drawn := b.Len() > 0; drawn != c.drawn {
			t.Errorf("%d columns, colour %t: drawn %t", c.width, c.colour, drawn)
		}
	}
}
