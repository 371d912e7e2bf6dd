package qr_test

import (
	"image"
	"image/color"
	"strings"
	"testing"

	decoder "github.com/piglig/go-qr"

	"github.com/jellybind/jellybind/backend/qr"
)

// TestMatrix reads the codes with a decoder of another hand, as a phone would.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"address":     "https://auth.example.com/realms/home/device?user_code=WDJB-MJHT",
		"short":       "A",
		"not ASCII":   "https://auth.example.com/gerät?code=ÄÖ",
		"digits":      "0123456789",
		"long":        "https://auth.example.com/?user_code=" + strings.Repeat("WDJB-", 60),
		"longest":     strings.Repeat("x", 2953),
		"upper case":  "HTTPS://AUTH.EXAMPLE/DEVICE",
		"with a NUL":  "a\x00b",
		"empty lines": "\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := qr.Matrix(text)
			if err != nil {
				t.Fatal(err)
			}
			const scale = 4
			side := (len(rows) + 2*qr.QuietZone) * scale
			img := image.NewGray(image.Rect(0, 0, side, side))
			for y := range side {
				for x := range side {
					row, column := y/scale-qr.QuietZone, x/scale-qr.QuietZone
					dark := row >= 0 && row < len(rows) && column >= 0 && column < len(rows[row]) && rows[row][column]
					if !dark {
						img.SetGray(x, y, color.Gray{Y: 255})
					}
				}
			}
			got, err := decoder.Decode(img)
			if err != nil || got != text {
				t.Errorf("read %q, %v; want %q", got, err, text)
			}
		})
	}
	if rows, err := qr.Matrix(strings.Repeat("x", 2954)); err == nil {
		t.Errorf("a code of %d rows for more than fits", len(rows))
	}
}
