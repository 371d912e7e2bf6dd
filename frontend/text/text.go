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
	"github.com/jellybind/jellybind/backend/words"
)

// Catalogue is the window's texts in one language.
type Catalogue struct {
	Tag   string // BCP 47
	texts map[string]string
	group string           // between thousands
	words *words.Catalogue // what errors and reasons say
}

// With returns the catalogue with the backend's words in its language, which may be nil until they are there.
func (c *Catalogue) With(w *words.Catalogue) *Catalogue {
	with := *c
	with.words = w
	return &with
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

// Why returns the sentence of a reason; it is empty where there is none.
func (c *Catalogue) Why(why api.Why, params map[string]string) string {
	if c.words == nil {
		return ""
	}
	return c.words.Why(why, params)
}

// Fact returns the value of a fact, in words where there are some.
func (c *Catalogue) Fact(f api.Fact) string {
	if c.words == nil {
		return f.Value
	}
	return c.words.Fact(f)
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

// Clock writes the time of day, and the day as well if it is another one than now.
func (c *Catalogue) Clock(t, now time.Time) string {
	if c.Date(t) == c.Date(now.In(t.Location())) {
		return t.Format("15:04")
	}
	return c.Moment(t)
}

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

// FactName returns what a fact is called.
func (c *Catalogue) FactName(name string) string {
	if c.words == nil {
		return name
	}
	return c.words.FactName(name)
}

// Step returns what is going on.
func (c *Catalogue) Step(p api.Progress) string {
	if c.words == nil {
		return ""
	}
	return c.words.Step(p)
}

// Error returns what a person reads about an error: the sentence and what to do next. An error of the window's own words
// has them, and so has one that came before the backend's words were there.
func (c *Catalogue) Error(e *api.Error) (sentence, hint string) {
	switch {
	case e == nil:
		return "", ""
	case e.Why == WhyWindow || c.words == nil:
		return cmp.Or(e.Sentence, string(e.Code)), e.Hint
	}
	return c.words.Error(e, words.Window)
}

// WhyWindow is the reason of an error that the window itself tells, in the person's language.
const WhyWindow api.Why = "window"
