package dom

import (
	"strconv"
	"unicode/utf8"
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
			b = quote(append(b, ','), o.Name)
		case OpText, OpSetText:
			b = quote(append(b, ','), o.Value)
		case OpSetAttr, OpSetProp:
			b = quote(append(b, ','), o.Name)
			b = quote(append(b, ','), o.Value)
		case OpInsert:
			b = strconv.AppendInt(append(b, ','), int64(o.Parent), 10)
			b = strconv.AppendInt(append(b, ','), int64(o.Before), 10)
		case OpRemove:
		}
	}
	return append(b, ']')
}

// quote appends a JSON string (RFC 8259 section 7). Bytes that are no UTF-8 become U+FFFD.
func quote(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
		}
	}
	return append(b, '"')
}
