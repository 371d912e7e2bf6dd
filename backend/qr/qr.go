// Package qr makes QR codes (ISO/IEC 18004), so that a person can open an address on a phone without typing it.
package qr

import (
	"fmt"

	"rsc.io/qr"
)

// QuietZone is how many light modules must surround a code on each side for a camera to find it.
const QuietZone = 4

// Matrix returns the modules of a QR code for text, row by row from the top, true for a dark one. It is square, and has no
// quiet zone. Error correction is level L, which keeps the code small: a screen has no stains.
//
// The error is for a text that no QR code can hold: more than 2953 bytes.
func Matrix(text string) ([][]bool, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return nil, fmt.Errorf("making a QR code of %d bytes: %w", len(text), err)
	}
	rows := make([][]bool, code.Size)
	for y := range rows {
		rows[y] = make([]bool, code.Size)
		for x := range rows[y] {
			rows[y][x] = code.Black(x, y)
		}
	}
	return rows, nil
}
