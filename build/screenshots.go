package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pictured are the screens that README and the project's page show, as the look tests name them.
var pictured = map[string]string{
	"welcome":     "welcome-light-1024",
	"roster":      "roster-light-1024",
	"roster-dark": "roster-dark-1440",
	"account":     "account-dark-1440",
	"link":        "link-choose-light-1024",
	"confirm":     "link-confirm-light-1024",
	"providers":   "providers-light-1024",
}

// runScreenshots takes the pictures again and writes them into .github/images; with a folder as argument it takes those of
// every screen instead, in both themes and several sizes, and writes them there.
func runScreenshots(ctx context.Context, t *task) error {
	if len(t.args) > 0 {
		folder, err := filepath.Abs(t.args[0])
		if err != nil {
			return fmt.Errorf("taking screenshots: %w", err)
		}
		return t.takePictures(ctx, folder, "")
	}
	taken, err := os.MkdirTemp("", "jellybind-shots-*")
	if err != nil {
		return fmt.Errorf("taking screenshots: %w", err)
	}
	defer func() { _ = os.RemoveAll(taken) }()
	names := slices.Sorted(maps.Values(pictured))
	if err := t.takePictures(ctx, taken, "^("+strings.Join(names, "|")+")$"); err != nil {
		return err
	}
	to := filepath.Join(t.root, ".github", "images")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("keeping screenshots: %w", err)
	}
	var all int64
	for _, name := range slices.Sorted(maps.Keys(pictured)) {
		size, err := shrink(filepath.Join(taken, pictured[name]+".png"), filepath.Join(to, name+".png"))
		if err != nil {
			return fmt.Errorf("keeping the picture %s: %w", name, err)
		}
		all += size
	}
	_, _ = fmt.Fprintf(t.out, "  %d pictures in .github/images, %d kB\n", len(pictured), all/1000)
	return nil
}

// takePictures leaves those pictures in a folder whose name matches.
func (t *task) takePictures(ctx context.Context, folder, only string) error {
	err := t.program(ctx, "pictures of the window", program{args: []string{
		"go", "test", "./frontend/look", "-run", "^TestShots$", "-count=1", "-timeout", unitTimeout, "-shots", folder, "-only", only,
	}})
	if err != nil {
		return err
	}
	taken, err := filepath.Glob(filepath.Join(folder, "*.png"))
	if err == nil && len(taken) == 0 {
		err = errors.New("the look tests took no pictures: they need Chromium; go run ./build test installs it")
	}
	return err
}

// shrink writes a picture with at most 256 colours, which a window seldom has more of, and returns the file's size.
func shrink(from, to string) (int64, error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	picture, err := png.Decode(in)
	_ = in.Close()
	if err != nil {
		return 0, err
	}
	out, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := errors.Join(encoder.Encode(out, paletted(picture)), out.Close()); err != nil {
		return 0, err
	}
	info, err := os.Stat(to)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// paletted returns the picture in its 256 most frequent colours; every other becomes the nearest of them.
func paletted(picture image.Image) *image.Paletted {
	bounds := picture.Bounds()
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA {
		c, _ := color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)
		return c
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		if n := count[b] - count[a]; n != 0 {
			return n
		}
		return (int(a.R)<<16 | int(a.G)<<8 | int(a.B)) - (int(b.R)<<16 | int(b.G)<<8 | int(b.B))
	})
	var palette color.Palette
	for _, c := range colours[:min(len(colours), 256)] {
		palette = append(palette, c)
	}
	index := make(map[color.RGBA]uint8, len(colours))
	for _, c := range colours {
		index[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			small.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	return small
}
