package api

import (
	"strconv"
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
			b.WriteString(strings.Trim(strconv.QuoteToASCII(s[i:i+1]), `"`))
			r, changed = 0, true
		} else if !hidden(r, prev) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			r, changed = 0, true
		}
		prev = r
	}
	if !changed {
		return s
	}
	return b.String()
}

// shortMost is how many letters Short keeps. The plugin's longest sentences have a few more than 200.
const shortMost = 300

// Short makes what a server or an identity provider says fit for a sentence: on one line, without blanks or full stops at its
// end, printable, and cut after 300 letters.
func Short(s string) string {
	s = strings.TrimRight(strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " "), ". ")
	if utf8.RuneCountInString(s) > shortMost {
		s = string([]rune(s)[:shortMost]) + "…"
	}
	return Printable(s)
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

// ShowEnds marks the blanks at both ends of a name. They count, and would be lost in a table.
func ShowEnds(name string) string {
	inner := strings.Trim(name, " ")
	if len(inner) == len(name) {
		return name
	}
	start := strings.Index(name, inner)
	return strings.Repeat("␣", start) + inner + strings.Repeat("␣", len(name)-start-len(inner))
}
