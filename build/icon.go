package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
)

// The icon is two links of a chain on a rounded tile: an account and an identity. It is drawn on a square of 512 units,
// the links lying flat and then turned by 45 degrees. Each link is a stadium: all points at iconRadius from a segment.
const (
	iconUnits  = 512.0
	iconCorner = 112.0 // the tile's corner radius
	iconRadius = 78.0  // from a link's segment to the middle of its stroke
	iconStroke = 40.0
	iconGap    = 11.0 // around the upper link where the two cross
)

var (
	iconTop    = color.NRGBA{0x4a, 0x3a, 0xa8, 0xff}
	iconBottom = color.NRGBA{0x12, 0x7c, 0x86, 0xff}
	iconLeft   = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	iconRight  = color.NRGBA{0xff, 0xcf, 0x70, 0xff}

	// The links' segments lie on y = 256.
	iconLeftSegment  = [2]float64{138, 218}
	iconRightSegment = [2]float64{294, 374}
)

// runIcon draws appicon.png, appicon.svg and the Windows icon from the same numbers.
func runIcon(ctx context.Context, t *task) error {
	return t.step(ctx, "icons", "go run ./build icon", func(context.Context) error {
		files, err := icons()
		if err != nil {
			return err
		}
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(t.root, "build", filepath.FromSlash(name)), data, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

// icons returns the files by their path under build/.
func icons() (map[string][]byte, error) {
	big, err := encodeIcon(512)
	if err != nil {
		return nil, err
	}
	ico, err := windowsIcon(16, 24, 32, 48, 64, 128, 256)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"appicon.png":      big,
		"appicon.svg":      []byte(vectorIcon()),
		"windows/icon.ico": ico,
	}, nil
}

func encodeIcon(size int) ([]byte, error) {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	if err := e.Encode(&b, drawIcon(size)); err != nil {
		return nil, fmt.Errorf("drawing the icon: %w", err)
	}
	return b.Bytes(), nil
}

// drawIcon paints with signed distances: a shape covers a pixel as far as the pixel's centre is inside its edge, which
// gives smooth edges at every size.
func drawIcon(size int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	unit := iconUnits / float64(size)
	cover := func(distance float64) float64 { return min(max(0.5-distance/unit, 0), 1) }
	for py := range size {
		for px := range size {
			x, y := (float64(px)+0.5)*unit, (float64(py)+0.5)*unit
			c := mix(iconTop, iconBottom, y/iconUnits)

			u, v := turned(x, y)
			left, right := stadium(u, v, iconLeftSegment), stadium(u, v, iconRightSegment)
			// The left link is the upper one at one crossing, the right one at the other.
			upper, lower, upperColor, lowerColor := left, right, iconLeft, iconRight
			if v > iconUnits/2 {
				upper, lower, upperColor, lowerColor = right, left, iconRight, iconLeft
			}
			c = mix(c, lowerColor, cover(lower-iconStroke/2)*(1-cover(upper-iconStroke/2-iconGap)))
			c = mix(c, upperColor, cover(upper-iconStroke/2))

			c.A = uint8(math.Round(255 * cover(tile(x, y))))
			img.SetNRGBA(px, py, c)
		}
	}
	return img
}

// turned turns a point by 45 degrees around the middle.
func turned(x, y float64) (u, v float64) {
	dx, dy := x-iconUnits/2, y-iconUnits/2
	return (dx-dy)*math.Sqrt2/2 + iconUnits/2, (dx+dy)*math.Sqrt2/2 + iconUnits/2
}

// stadium is the distance to the middle of a link's stroke.
func stadium(u, v float64, segment [2]float64) float64 {
	nearest := min(max(u, segment[0]), segment[1])
	return math.Abs(math.Hypot(u-nearest, v-iconUnits/2) - iconRadius)
}

// tile is the signed distance to the rounded square's edge, negative inside.
func tile(x, y float64) float64 {
	half := iconUnits / 2
	qx, qy := math.Abs(x-half)-half+iconCorner, math.Abs(y-half)-half+iconCorner
	return math.Hypot(max(qx, 0), max(qy, 0)) + min(max(qx, qy), 0) - iconCorner
}

// mix goes from one colour to another.
func mix(from, to color.NRGBA, share float64) color.NRGBA {
	part := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*share)) }
	return color.NRGBA{part(from.R, to.R), part(from.G, to.G), part(from.B, to.B), 0xff}
}

// windowsIcon packs PNG images into the ICO format: a header, one 16-byte entry an image, then the images.
func windowsIcon(sizes ...int) ([]byte, error) {
	const header, entry = 6, 16
	out := binary.LittleEndian.AppendUint16(nil, 0)              // reserved
	out = binary.LittleEndian.AppendUint16(out, 1)               // icons, not cursors
	out = binary.LittleEndian.AppendUint16(out, u16(len(sizes))) // how many
	var images []byte
	for _, size := range sizes {
		data, err := encodeIcon(size)
		if err != nil {
			return nil, err
		}
		edge := byte(size % 256)                        // 0 stands for 256
		out = append(out, edge, edge, 0, 0)             // no palette
		out = binary.LittleEndian.AppendUint16(out, 1)  // colour planes
		out = binary.LittleEndian.AppendUint16(out, 32) // bits a pixel
		out = binary.LittleEndian.AppendUint32(out, u32(len(data)))
		out = binary.LittleEndian.AppendUint32(out, u32(header+entry*len(sizes)+len(images)))
		images = append(images, data...)
	}
	return append(out, images...), nil
}

func u16(n int) uint16 { return uint16(n & math.MaxUint16) }
func u32(n int) uint32 { return uint32(n & math.MaxUint32) }

// vectorIcon is the same drawing as SVG. Where the links cross, the lower one is masked around the upper one.
func vectorIcon() string {
	link := func(s [2]float64, width float64, rest string) string {
		return fmt.Sprintf(`<rect x="%g" y="%g" width="%g" height="%g" rx="%g" fill="none" stroke-width="%g" %s/>`,
			s[0]-iconRadius, iconUnits/2-iconRadius, s[1]-s[0]+2*iconRadius, 2*iconRadius, iconRadius, width, rest)
	}
	mask := func(id string, over [2]float64, top float64) string {
		return fmt.Sprintf(`<clipPath id="%[1]s-half"><rect y="%[2]g" width="%[3]g" height="%[4]g"/></clipPath>
    <mask id="%[1]s" maskUnits="userSpaceOnUse" width="%[3]g" height="%[3]g">
      <rect width="%[3]g" height="%[3]g" fill="#fff"/>
      %[5]s
    </mask>`, id, top, iconUnits, iconUnits/2,
			link(over, iconStroke+2*iconGap, fmt.Sprintf(`stroke="#000" clip-path="url(#%s-half)"`, id)))
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]g %[1]g" width="%[1]g" height="%[1]g">
  <title>Jellybind</title>
  <defs>
    <linearGradient id="tile" x2="0" y2="1"><stop stop-color="%[2]s"/><stop offset="1" stop-color="%[3]s"/></linearGradient>
    %[4]s
    %[5]s
  </defs>
  <rect width="%[1]g" height="%[1]g" rx="%[6]g" fill="url(#tile)"/>
  <g transform="rotate(-45 %[7]g %[7]g)">
    %[8]s
    %[9]s
  </g>
</svg>
`,
		iconUnits, hex(iconTop), hex(iconBottom),
		mask("under-right", iconRightSegment, iconUnits/2), mask("under-left", iconLeftSegment, 0),
		iconCorner, iconUnits/2,
		link(iconLeftSegment, iconStroke, fmt.Sprintf(`stroke="%s" mask="url(#under-right)"`, hex(iconLeft))),
		link(iconRightSegment, iconStroke, fmt.Sprintf(`stroke="%s" mask="url(#under-left)"`, hex(iconRight))))
}

func hex(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
