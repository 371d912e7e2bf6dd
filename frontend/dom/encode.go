package dom

import (
	"strconv"

	"github.com/jellybind/jellybind/frontend/wire"
)

// Encode writes operations as one flat JSON array, the form that static/dom.js reads. Crossing into JavaScript once a
// frame instead of once an operation is what keeps a keystroke within a frame.
func Encode(b []byte, ops []Op) []byte {
	b = append(b, '[')
	for i, o := range ops {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(o.Kind), 10)
		b = append(b, ',')
		b = strconv.AppendInt(b, int64(o.ID), 10)
		switch o.Kind {
		case OpElement, OpDelAttr, OpDelProp:
			b = wire.AppendText(append(b, ','), o.Name)
		case OpText, OpSetText:
			b = wire.AppendText(append(b, ','), o.Value)
		case OpSetAttr, OpSetProp:
			b = wire.AppendText(append(b, ','), o.Name)
			b = wire.AppendText(append(b, ','), o.Value)
		case OpInsert:
			b = strconv.AppendInt(append(b, ','), int64(o.Parent), 10)
			b = strconv.AppendInt(append(b, ','), int64(o.Before), 10)
		case OpRemove:
		}
	}
	return append(b, ']')
}
