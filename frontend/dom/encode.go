package dom

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Encode writes operations as one flat JSON array, which static/dom.js reads. One call into JavaScript a frame, and not
// one an operation, keeps a keystroke within a frame.
func Encode(b []byte, ops []Op) []byte {
	number := func(n int) { b = strconv.AppendInt(append(b, ','), int64(n), 10) }
	text := func(s string) { b, _ = jsontext.AppendQuote(append(b, ','), s) } // invalid UTF-8 becomes U+FFFD
	b = append(b, '[')
	for i, o := range ops {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(o.Kind), 10)
		number(o.ID)
		switch o.Kind {
		case OpElement, OpDelAttr, OpDelProp:
			text(o.Name)
		case OpText, OpSetText:
			text(o.Value)
		case OpSetAttr, OpSetProp:
			text(o.Name)
			text(o.Value)
		case OpInsert:
			number(o.Parent)
			number(o.Before)
		case OpRemove:
		}
	}
	return append(b, ']')
}
