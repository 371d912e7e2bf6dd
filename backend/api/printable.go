package api

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns s fit for a terminal or a window. Names come from strangers: control characters, terminal escapes,
// bidirectional overrides (Trojan Source) and invisible format characters are replaced by their Go escape, so that a name
// can neither move the cursor nor pose as another one. Invalid UTF-8 becomes \x escapes. Everything else, other scripts
// and emoji with their joiners included, stays as it is.
func Printable(s string) string {
	var b strings.Builder
	prev, changed := rune(0), false
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			hexadecimal(&b, 'x', rune(s[i]), 2)
			r, changed = 0, true
		} else if !hidden(r, prev) {
			b.WriteRune(r)
		} else {
			escape(&b, r)
			r, changed = 0, true
		}
		prev = r
	}
	if !changed {
		return s
	}
	return b.String()
}

// escape writes a rune as strconv.QuoteRuneToASCII does, which would make the window's WebAssembly larger.
func escape(b *strings.Builder, r rune) {
	switch {
	case r >= '\a' && r <= '\r':
		b.WriteByte('\\')
		b.WriteByte("abtnvfr"[r-'\a'])
	case r < utf8.RuneSelf:
		hexadecimal(b, 'x', r, 2)
	case r < 0x10000:
		hexadecimal(b, 'u', r, 4)
	default:
		hexadecimal(b, 'U', r, 8)
	}
}

func hexadecimal(b *strings.Builder, kind byte, r rune, digits int) {
	b.WriteByte('\\')
	b.WriteByte(kind)
	for shift := (digits - 1) * 4; shift >= 0; shift -= 4 {
		b.WriteByte("0123456789abcdef"[r>>shift&15])
	}
}

// hidden reports whether a rune is shown escaped. The zero-width joiners stay where emoji and Indic scripts need them,
// which is never behind a Latin letter.
func hidden(r, prev rune) bool {
	const zwnj, zwj, ideographicSpace, noBreakSpace = 0x200C, 0x200D, 0x3000, 0x00A0
	switch {
	case r == ' ' || r == ideographicSpace || r == noBreakSpace:
		return false
	case r == zwnj || r == zwj:
		return prev < 0x0300
	case r == utf8.RuneError || unicode.IsSpace(r):
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}
