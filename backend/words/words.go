// Package words holds what Jellybind tells people about errors, reasons and facts, one catalogue per language. Everything
// below the window and the command line names a situation by its api.Code, its api.Why and the facts in Params; both faces
// render them here, in the language that they chose.
//
// A catalogue is a text file with lines of a key, an equals sign and a text. Lines that begin with # are comments.
//
//	error.CODE         the general sentence of an api.Code
//	why.WHY            the sentence of an api.Why; also of a Code whose errors have no Why but name something
//	part.PART          words at {why}, {doing} or within {list} in another text
//	next.NEXT          what to do next, chosen by the fact “next”
//	step.STEP          the text of an api.Progress
//	fact.NAME          the name of an api.Fact
//	KEY.hint           what to do next, on both faces
//	KEY.hint.cli       … on the command line only
//	KEY.hint.window    … in the window only
//	KEY.administrator  instead of a hint that says to sign in as an administrator, for one
//
// Facts stand in braces in a text: {host}. A text is used only if all its facts are given, so that a general text follows
// where one is missing.
package words

import (
	"cmp"
	_ "embed" // the catalogues
	"strings"
	"sync"

	"github.com/jellybind/jellybind/backend/api"
)

// Face is where a person reads a text.
type Face string

// The faces.
const (
	Terminal Face = "cli"
	Window   Face = "window"
)

// Catalogue is the texts of one language. It is safe for concurrent use.
type Catalogue struct {
	// Language is the BCP 47 tag: "en" or "de".
	Language string
	admin    bool                     // for an administrator
	texts    func() map[string]string // parses when the first text is asked for
}

//go:embed en.txt
var english string

//go:embed de.txt
var german string

// catalogues holds those that For has made. Nothing refers to the texts at the start of the program: the window's page is
// linked without them.
var catalogues sync.Map

// For returns the catalogue of a language that Choose returned.
func For(language string) *Catalogue {
	c, ok := catalogues.Load(language)
	if !ok {
		c, _ = catalogues.LoadOrStore(language, Parse(language, source(language)))
	}
	return c.(*Catalogue) //nolint:errcheck,forcetypeassert // nothing else is stored
}

func source(language string) string {
	if language == "de" {
		return german
	}
	return english
}

// Lines returns the catalogue of a language for the window's page, which parses it: without comments and without the
// command line's hints.
func Lines(language string) string {
	var b strings.Builder
	for line := range strings.Lines(source(language)) {
		if key, _, found := strings.Cut(line, " = "); found && line[0] != '#' && !strings.HasSuffix(key, "."+string(Terminal)) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Parse returns the catalogue with these lines.
func Parse(language, lines string) *Catalogue {
	return &Catalogue{Language: language, texts: sync.OnceValue(func() map[string]string {
		texts := make(map[string]string, strings.Count(lines, "\n"))
		for line := range strings.Lines(lines) {
			if key, text, found := strings.Cut(strings.TrimSuffix(line, "\n"), " = "); found && key[0] != '#' {
				texts[key] = text
			}
		}
		return texts
	})}
}

// For returns the catalogue for a person with this credential, whose hints fit: an administrator is not told to sign in as one.
func (c *Catalogue) For(kind api.CredentialKind) *Catalogue {
	if c == nil || c.admin == (kind == api.CredentialAdmin) {
		return c
	}
	fitting := *c
	fitting.admin = !c.admin
	return &fitting
}

// Choose returns the language for the first wish that is one: "de" for German in any spelling ("de", "de-AT",
// "de_DE.UTF-8"), "en" for every other language and when there is no wish. The wishes "" and "system" are none.
func Choose(wishes ...string) string {
	for _, wish := range wishes {
		if wish == "" || wish == "system" {
			continue
		}
		language, _, _ := strings.Cut(strings.ToLower(wish), "-")
		language, _, _ = strings.Cut(language, "_")
		language, _, _ = strings.Cut(language, ".")
		if language == "de" {
			return "de"
		}
		return "en"
	}
	return "en"
}

// Why returns the sentence of a reason. It is empty where the catalogue has none, or where a fact for it is missing: a
// deleted account has no name.
func (c *Catalogue) Why(why api.Why, facts map[string]string) string {
	return c.fill("why."+string(why), facts)
}

// Fact returns the value of a fact: the words for it, or what it is.
func (c *Catalogue) Fact(f api.Fact) string { return cmp.Or(c.Why(f.Why, f.Params), f.Value) }

// FactName returns what a fact is called.
func (c *Catalogue) FactName(name string) string { return cmp.Or(c.texts()["fact."+name], name) }

// Step returns what is going on, after its reason if it has one.
func (c *Catalogue) Step(p api.Progress) string {
	return strings.TrimSpace(c.Why(p.Why, p.Params) + " " + c.texts()["step."+p.Step])
}

// Error returns the sentence and the hint for an error: those of its reason, or else those of its code.
//
// The fact “because” names the reason or the code of what led to the error; its sentence follows. The fact “next” names a
// hint that fits better than the reason's.
func (c *Catalogue) Error(e *api.Error, face Face) (sentence, hint string) {
	if e == nil {
		return "", ""
	}
	reason := "why." + cmp.Or(string(e.Why), string(e.Code))
	general := "error." + string(e.Code)
	sentence = cmp.Or(c.fill(reason, e.Params), c.texts()[general], string(e.Code))
	if because := e.Params["because"]; because != "" {
		if led := cmp.Or(c.fill("why."+because, e.Params), c.texts()["error."+because]); led != "" {
			sentence += " " + led
		}
	}
	hint = cmp.Or(
		c.forFace("next."+e.Params["next"], face, e.Params),
		c.forFace("part."+e.Params["why"]+".hint", face, e.Params),
		c.forFace(reason+".hint", face, e.Params),
		c.ledHint(e, face),
		c.forFace(general+".hint", face, e.Params),
	)
	return sentence, hint
}

// ledHint is the hint for what led to an error, whose own reason has none.
func (c *Catalogue) ledHint(e *api.Error, face Face) string {
	return c.forFace("why."+e.Params["because"]+".hint", face, e.Params)
}

// forFace is the text of a key for a face, or the one for both.
func (c *Catalogue) forFace(key string, face Face, facts map[string]string) string {
	if _, own := c.texts()[key+".administrator"]; own && c.admin {
		return c.fill(key+".administrator", facts)
	}
	return cmp.Or(c.fill(key+"."+string(face), facts), c.fill(key, facts))
}

// fill returns a text with its facts, or nothing where the text or one of them is missing.
func (c *Catalogue) fill(key string, facts map[string]string) string {
	text := c.texts()[key]
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		value := facts[name]
		if value == "" {
			return ""
		}
		b.WriteString(api.Printable(c.fact(name, value)))
		text = after
	}
}

// fact returns what stands for a fact in a text: at {why} and {doing} the words of a part; at {list}, which has a line for each
// address that was tried and what came of it, both.
func (c *Catalogue) fact(name, value string) string {
	part := func(key string) string { return cmp.Or(c.texts()["part."+key], key) }
	switch name {
	case "why", "doing":
		return part(value)
	case "list":
		var tried []string
		for line := range strings.Lines(value) {
			address, result, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if result != "" {
				address += " (" + part(result) + ")"
			}
			tried = append(tried, address)
		}
		return strings.Join(tried, ", ")
	}
	return value
}
