package main

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

func TestShrinkKeepsWhatIsSeen(t *testing.T) {
	t.Parallel()
	picture := image.NewRGBA(image.Rect(0, 0, 40, 40))
	for y := range 40 {
		for x := range 40 {
			picture.SetRGBA(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: 200, A: 255}) // 1,600 colours
			if y < 20 {
				picture.SetRGBA(x, y, color.RGBA{R: 255, A: 255})
			}
		}
	}
	from, to := filepath.Join(t.TempDir(), "from.png"), filepath.Join(t.TempDir(), "to.png")
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, picture); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	size, err := shrink(from, to)
	if err != nil || size == 0 {
		t.Fatal(size, err)
	}
	g, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	got, err := png.Decode(g)
	if err != nil {
		t.Fatal(err)
	}
	small, ok := got.(*image.Paletted)
	if !ok || len(small.Palette) > 256 {
		t.Fatalf("it is %T", got)
	}
	if c := color.RGBAModel.Convert(got.At(3, 3)); c != (color.RGBA{R: 255, A: 255}) {
		t.Errorf("the most frequent colour became %v", c)
	}
	for y := 20; y < 40; y++ {
		for x := range 40 {
			r, g, b, _ := got.At(x, y).RGBA()
			if r>>8 > 60 || g>>8 > 60 || b>>8 != 200 {
				t.Fatalf("at %d, %d there is %v", x, y, got.At(x, y))
			}
		}
	}
}

// The pictures are part of every clone.
func TestPicturesStaySmall(t *testing.T) {
	t.Parallel()
	var all int64
	for name := range pictured {
		info, err := os.Stat(filepath.Join("..", ".github", "images", name+".png"))
		if err != nil {
			t.Error(err)
			continue
		}
		all += info.Size()
	}
	if all >= 1e6 {
		t.Errorf("they are %d bytes together", all)
	}
}
