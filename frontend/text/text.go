// Package text holds every text of the window, in English and German, and writes dates and numbers the way each language
// does. Two languages need two small tables; the locale data of x/text would add a third to the WebAssembly file.
package text

import (
	"cmp"
	_ "embed" // the texts
	"strconv"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// Catalogue is the window's texts in one language.
type Catalogue struct {
	Tag   string // BCP 47
	texts map[string]string
	group string // between thousands
	// reasons are the backend's, each after a line end as “key = text”: see package german there.
	reasons string
}

// With returns the catalogue with the backend's reasons in this language. In English it tells them itself.
func (c *Catalogue) With(reasons string) *Catalogue {
	if c.Tag == "en" {
		return c
	}
	with := *c
	with.reasons = reasons
	return &with
}

// reason is the text of a reason or a fragment of one; empty where the backend gave none.
func (c *Catalogue) reason(key string) string {
	_, rest, found := strings.Cut(c.reasons, "\n"+key+" = ")
	if key == "" || !found {
		return ""
	}
	words, _, _ := strings.Cut(rest, "\n")
	return words
}

// The texts are lines of a key, an equals sign and a text; what begins with # is a comment. Map literals would
// take more room in the WebAssembly file. Placeholders are in braces; both files have the same.
var (
	//go:embed en.txt
	englishLines string
	//go:embed de.txt
	germanLines string

	en, de = texts(englishLines), texts(germanLines)
)

func texts(lines string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(lines) {
		if key, words, ok := strings.Cut(strings.TrimSpace(line), " = "); ok && key[0] != '#' {
			m[key] = words
		}
	}
	return m
}

var (
	english = &Catalogue{Tag: "en", texts: en, group: ","}
	german  = &Catalogue{Tag: "de", texts: de, group: "."}
)

// For returns the catalogue for a setting ("system", "en", "de") and the system's language (BCP 47).
func For(setting, system string) *Catalogue {
	tag := setting
	if tag == "" || tag == "system" {
		tag = system
	}
	if lang, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(tag), "_", "-"), "-"); lang == "de" {
		return german
	}
	return english
}

// T returns the text of a key. The pairs are placeholders' names and values.
func (c *Catalogue) T(key string, pairs ...string) string {
	s, ok := c.texts[key]
	if !ok {
		return "‹" + key + "›"
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		s = strings.ReplaceAll(s, "{"+pairs[i]+"}", pairs[i+1])
	}
	return s
}

// Why returns a reason in this language. Known is false where the catalogue does not have it; then the sentence is English.
func (c *Catalogue) Why(why api.Why, params map[string]string, sentence string) (words string, known bool) {
	if words = c.reason(string(why)); words == "" {
		words = c.known("why." + string(why))
	}
	if words, known = c.fill(words, params); known {
		return words, true
	}
	return api.Printable(sentence), false
}

// fill puts what the backend says at a text's placeholders. Known is false where there is no text, or where something is
// missing for it: a deleted account has no name.
func (c *Catalogue) fill(words string, params map[string]string) (filled string, known bool) {
	var s strings.Builder
	for _, p := range parts(words) {
		value := params[p.Name]
		if p.Name != "" && value == "" {
			return "", false
		}
		if p.Name == "why" || p.Name == "doing" {
			value = cmp.Or(c.reason(value), value)
		}
		s.WriteString(p.Words)
		s.WriteString(api.Printable(value))
	}
	return s.String(), words != ""
}

// Has reports whether there is a text for the key.
func (c *Catalogue) Has(key string) bool { _, ok := c.texts[key]; return ok }

// N returns the text for a number: KEY.one for exactly one, KEY.other for any other, with {n} in it. Both languages have
// these two forms (CLDR plural rules) for whole numbers.
func (c *Catalogue) N(key string, n int, pairs ...string) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return c.T(key+form, append(pairs, "n", c.Number(n))...)
}

// Part is a piece of a text: words, or the name of a placeholder.
type Part struct{ Words, Name string }

// Parts returns the text cut at its placeholders, so that a view can put elements there.
func (c *Catalogue) Parts(key string) []Part { return parts(c.T(key)) }

func parts(s string) []Part {
	var parts []Part
	for s != "" {
		before, rest, found := strings.Cut(s, "{")
		if before != "" {
			parts = append(parts, Part{Words: before})
		}
		if !found {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		parts = append(parts, Part{Name: name})
		s = after
	}
	return parts
}

// Number writes a whole number with its thousands apart.
func (c *Catalogue) Number(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + c.group + s[i:]
	}
	return sign + s
}

// Date writes a day: 5 Mar 2026, or 05.03.2026.
func (c *Catalogue) Date(t time.Time) string {
	if c.Tag == "de" {
		return t.Format("02.01.2006")
	}
	return t.Format("2 Jan 2006")
}

// Moment writes a day with the time.
func (c *Catalogue) Moment(t time.Time) string { return c.Date(t) + ", " + t.Format("15:04") }

// Ago writes how long ago a time was, seen from now, in the largest unit that fits; after a month it is the day.
func (c *Catalogue) Ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return c.T("time.never")
	case d < time.Minute:
		return c.T("time.now")
	case d < time.Hour:
		return c.N("time.minutes", int(d/time.Minute))
	case d < 24*time.Hour:
		return c.N("time.hours", int(d/time.Hour))
	case d < 30*24*time.Hour:
		return c.N("time.days", int(d/(24*time.Hour)))
	}
	return c.Date(t)
}

// Left writes the time until a deadline as minutes and seconds.
func (c *Catalogue) Left(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	s := int((d + time.Second - 1) / time.Second)
	sec := strconv.Itoa(s % 60)
	if len(sec) == 1 {
		sec = "0" + sec
	}
	return strconv.Itoa(s/60) + ":" + sec
}

// Error returns what a person is told about an error: the sentence and what to do next. English errors come from the
// backend, which names hosts and accounts; other languages have a text for each reason and code, and fall back on English.
func (c *Catalogue) Error(e *api.Error) (sentence, hint string) {
	if e == nil {
		return "", ""
	}
	key := "error." + string(e.Code)
	if c.Tag != "en" && e.Why != WhyWindow && c.Has(key) || e.Sentence == "" {
		return c.because(key, e)
	}
	for _, word := range forTerminals {
		if strings.Contains(e.Hint, word) {
			return e.Sentence, c.hint(key)
		}
	}
	return e.Sentence, e.Hint
}

// because is an error's sentence and hint: of its reason, or of its code where that names something, as far as everything for
// it is said; otherwise the code's own. What led to it follows.
func (c *Catalogue) because(key string, e *api.Error) (sentence, hint string) {
	tell := func(why api.Why) string {
		words, known := c.Why(why, e.Params, "")
		if !known {
			return c.known("error." + string(why))
		}
		return words
	}
	of := cmp.Or(e.Why, api.Why(e.Code))
	sentence = cmp.Or(tell(of), c.known(key))
	if because := e.Params["because"]; because != "" {
		sentence += " " + tell(api.Why(because))
	}
	for _, of := range []api.Why{api.Why(e.Params["why"]), of} {
		if hint, known := c.Why(of+".hint", e.Params, ""); known {
			return sentence, hint
		}
	}
	return sentence, c.hint(key)
}

// WhyWindow is the reason of an error that the window itself tells, in the person's language.
const WhyWindow api.Why = "window"

// forTerminals are in hints that name a command or its flags, which are no help in a window.
var forTerminals = []string{"jellybind ", "--move", "--name", "--credential-stdin", "--via-unregister"}

func (c *Catalogue) known(key string) string {
	if !c.Has(key) {
		return ""
	}
	return c.T(key)
}

func (c *Catalogue) hint(key string) string {
	return c.known(key + ".hint")
}
