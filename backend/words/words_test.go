package words

import (
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
)

var placeholder = regexp.MustCompile(`\{[A-Za-z]+\}`)

// entries returns a catalogue's lines by key, and fails for a line that is none, and for a second one of a key.
func entries(t *testing.T, language string) map[string]string {
	t.Helper()
	line := regexp.MustCompile(`^((error|why|part|next|step|fact)\.[A-Za-z0-9 -]+(\.hint)?(\.cli|\.window|\.administrator)? = \S.*\S|# .+)?$`)
	all := map[string]string{}
	for l := range strings.Lines(source(language)) {
		l = strings.TrimSuffix(l, "\n")
		if !line.MatchString(l) {
			t.Errorf("%s: %q is not a line of a catalogue", language, l)
		}
		key, text, found := strings.Cut(l, " = ")
		if !found || l[0] == '#' {
			continue
		}
		if all[key] != "" {
			t.Errorf("%s: %q twice", language, key)
		}
		all[key] = text
	}
	return all
}

func TestLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	en, de := entries(t, "en"), entries(t, "de")
	facts := func(s string) []string {
		return slices.Compact(slices.Sorted(slices.Values(placeholder.FindAllString(s, -1))))
	}
	for key, text := range en {
		if de[key] == "" {
			t.Errorf("no German for %q", key)
		} else if !slices.Equal(facts(text), facts(de[key])) {
			t.Errorf("%q: facts %v in English, %v in German", key, facts(text), facts(de[key]))
		}
		if strings.ContainsAny(text, "'") {
			t.Errorf("%q: a straight apostrophe", key)
		}
	}
	for key := range de {
		if en[key] == "" {
			t.Errorf("no English for %q", key)
		}
	}
}

// TestEverythingNamedIsSaid: each code, reason, part and hint that the sources name has its text, and no text is left over.
func TestEverythingNamedIsSaid(t *testing.T) {
	t.Parallel()
	s, en := listen(t), entries(t, "en")
	used := map[string]bool{}
	for _, code := range s.codes {
		if en["error."+code] == "" {
			t.Errorf("no text for the code %q", code)
		}
		used["error."+code], used["why."+code] = true, true
	}
	for why, at := range s.whys {
		if _, also := s.parts[why]; en["why."+why] == "" && (!also || en["part."+why] == "") {
			t.Errorf("%s: no text for the reason %q", at, why)
		}
		used["why."+why] = true
	}
	for part, at := range s.parts {
		if _, also := s.whys[part]; en["part."+part] == "" && !also {
			t.Errorf("%s: no text for the part %q", at, part)
		}
		used["part."+part] = true
	}
	for next, at := range s.nexts {
		if en["next."+next] == "" && en["next."+next+".cli"] == "" {
			t.Errorf("%s: no hint %q", at, next)
		}
		used["next."+next] = true
	}
	for key := range en {
		for _, end := range []string{".administrator", ".cli", ".window", ".hint"} {
			key = strings.TrimSuffix(key, end)
		}
		if !used[key] && !strings.HasPrefix(key, "step.") && !strings.HasPrefix(key, "fact.") {
			t.Errorf("nothing names %q", key)
		}
	}
	if len(s.whys) < 200 || len(s.parts) < 80 {
		t.Errorf("only %d reasons and %d parts found", len(s.whys), len(s.parts))
	}
}

// TestAHintIsForBothFaces: where one face has a hint of its own, so has the other, or there is one for both.
func TestAHintIsForBothFaces(t *testing.T) {
	t.Parallel()
	s, en := listen(t), entries(t, "en")
	terminal := func(key string) bool { // what the command line alone names
		kind, name, _ := strings.Cut(key, ".")
		name, _, _ = strings.Cut(name, ".")
		at := map[string]map[string]token.Position{"why": s.whys, "next": s.nexts}[kind][name]
		return filepath.Base(filepath.Dir(at.Filename)) == "cli"
	}
	for key := range en {
		base, cli := strings.CutSuffix(key, ".cli")
		base, window := strings.CutSuffix(base, ".window")
		if !cli && !window || strings.HasPrefix(key, "why.") || terminal(key) {
			continue // a reason may leave it to its code
		}
		if en[base] == "" && (en[base+".cli"] == "" || en[base+".window"] == "") && !onlyTerminal[base] {
			t.Errorf("%q has no counterpart", key)
		}
	}
	for key, text := range en {
		if strings.Contains(text, "jellybind ") || strings.Contains(text, " --") {
			if !strings.HasSuffix(key, ".cli") && !terminal(key) && key != "why.no-display.hint" && key != "why.browser-command.hint" {
				t.Errorf("%q names a command or a flag, which is no help in the window", key)
			}
		}
	}
}

// onlyTerminal are hints that lead to a command; the window shows what they speak of by itself.
var onlyTerminal = map[string]bool{"error.profile-not-found.hint": true, "error.change-not-found.hint": true, "error.profile-newer.hint": true}

// TestFactsAreGiven: an error names what its texts need.
func TestFactsAreGiven(t *testing.T) {
	t.Parallel()
	s, en := listen(t), entries(t, "en")
	for key, text := range en {
		for _, hole := range placeholder.FindAllString(text, -1) {
			if !s.facts[strings.Trim(hole, "{}")] {
				t.Errorf("%q needs %s, which nobody gives", key, hole)
			}
		}
	}
	for _, e := range s.errors {
		why := e.why
		if !e.named {
			why = s.codes[e.code]
		}
		if why == "" || e.open {
			continue
		}
		for _, key := range []string{"why." + why, "why." + why + ".hint", "why." + why + ".hint.cli", "why." + why + ".hint.window"} {
			for _, hole := range placeholder.FindAllString(en[key], -1) {
				if name := strings.Trim(hole, "{}"); !slices.Contains(e.facts, name) {
					t.Errorf("%s: %q needs %s", e.at, key, hole)
				}
			}
		}
	}
	if len(s.errors) < 100 {
		t.Errorf("only %d errors found", len(s.errors))
	}
}

// TestErrorsWithoutReasonAreAlike: where the errors of a code have no reason, they give the same facts.
func TestErrorsWithoutReasonAreAlike(t *testing.T) {
	t.Parallel()
	first := map[string]saidError{}
	for _, e := range listen(t).errors {
		switch {
		case e.named || e.code == "CodeInternal" || e.code == "CodeCancelled": // Jellybind's own fault, and nobody's
		case first[e.code].code == "":
			first[e.code] = e
		case !slices.Equal(first[e.code].facts, e.facts):
			t.Errorf("%s: without a reason, %s is told as at %s", e.at, e.code, first[e.code].at)
		}
	}
	if len(first) < 15 {
		t.Errorf("only %d codes found", len(first))
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	c := Parse("de", strings.Join([]string{
		"error.port-taken = Ports belegt.", "error.port-taken.hint.cli = --port", "error.port-taken.hint.window = Unten.",
		"error.forbidden = Verboten.", "error.sign-in-invalid = Abgelehnt.",
		"why.ports-taken = Port {ports} ist belegt.", "why.ports-taken.hint = Einen anderen als {ports} nehmen.",
		"why.link-owned = {name} öffnet jetzt {owner}.", "error.link-owned = Ein anderes Konto hat sie.",
		"why.answer = Abgelehnt: {why}.", "part.odd = sie ist seltsam", "part.odd.hint = Nachsehen.",
		"why.tried = Versucht: {list}.", "next.ask = Fragen.",
	}, "\n"))
	for _, e := range []struct {
		e              api.Error
		face           Face
		sentence, hint string
	}{
		{api.Error{Code: "port-taken"}, Terminal, "Ports belegt.", "--port"},
		{api.Error{Code: "port-taken"}, Window, "Ports belegt.", "Unten."},
		{ // a fact is never read as a placeholder
			api.Error{Code: "port-taken", Why: "ports-taken", Params: map[string]string{"ports": "1{2}"}},
			Window, "Port 1{2} ist belegt.", "Einen anderen als 1{2} nehmen.",
		},
		{ // without its fact the code says it
			api.Error{Code: "port-taken", Why: "ports-taken", Params: map[string]string{"ports": ""}}, Window, "Ports belegt.", "Unten.",
		},
		{api.Error{Code: "port-taken", Why: "unknown"}, Window, "Ports belegt.", "Unten."},
		{ // a part has a hint of its own
			api.Error{Code: "sign-in-invalid", Why: "answer", Params: map[string]string{"why": "odd"}},
			Window, "Abgelehnt: sie ist seltsam.", "Nachsehen.",
		},
		{
			api.Error{Code: "sign-in-invalid", Why: "answer", Params: map[string]string{"why": "x", "because": "forbidden"}},
			Window, "Abgelehnt: x. Verboten.", "",
		},
		{api.Error{Code: "link-owned", Params: map[string]string{"name": "m{owner}", "owner": "Björn"}}, Window, "m{owner} öffnet jetzt Björn.", ""},
		{api.Error{Code: "link-owned", Params: map[string]string{"name": "m"}}, Window, "Ein anderes Konto hat sie.", ""},
		{api.Error{Code: "forbidden", Params: map[string]string{"next": "ask"}}, Terminal, "Verboten.", "Fragen."},
		{
			api.Error{Code: "x", Why: "tried", Params: map[string]string{"list": "http://a odd\nhttp://b status\nhttp://c"}},
			Window, "Versucht: http://a (sie ist seltsam), http://b (status), http://c.", "",
		},
		{api.Error{Code: "link-owned", Params: map[string]string{"name": "\x1b[2J", "owner": "o"}}, Window, `\x1b[2J öffnet jetzt o.`, ""},
		{api.Error{Code: "new"}, Window, "new", ""},
	} {
		if sentence, hint := c.Error(&e.e, e.face); sentence != e.sentence || hint != e.hint {
			t.Errorf("%v on %s: %q, %q", &e.e, e.face, sentence, hint)
		}
	}
}

// TestAnAdministratorIsNotToldToBecomeOne: a hint that leads to an administrator's sign-in has another text for one, unless only
// others get it.
func TestAnAdministratorIsNotToldToBecomeOne(t *testing.T) {
	t.Parallel()
	en := entries(t, "en")
	others := regexp.MustCompile(`^why\.(admin-|key-|provider-hidden)`)
	asked := 0
	for key, text := range en {
		if !strings.HasPrefix(key, "next.") && !strings.Contains(key, ".hint") ||
			!strings.Contains(text, "s an administrator") && !strings.Contains(text, "administrator’s sign-in") {
			continue
		}
		asked++
		base := strings.TrimSuffix(strings.TrimSuffix(key, ".cli"), ".window")
		if !others.MatchString(key) && en[base+".administrator"] == "" {
			t.Errorf("%q tells an administrator to sign in as one: %s", key, text)
		}
	}
	if asked < 8 {
		t.Errorf("only %d hints were looked at", asked)
	}
	refused := &api.Error{Code: api.CodeForbidden, Why: "status-403", Params: map[string]string{"host": "h"}}
	for kind, told := range map[api.CredentialKind]bool{
		api.CredentialAdmin: false, api.CredentialUser: true, api.CredentialKey: true, api.CredentialNone: true,
	} {
		for _, face := range []Face{Terminal, Window} {
			if _, hint := For("en").For(kind).Error(refused, face); hint == "" || strings.Contains(hint, "administrator") != told {
				t.Errorf("%s on %s: %q", kind, face, hint)
			}
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wishes []string
		want   string
	}{
		{nil, "en"},
		{[]string{"", "system", "de_AT.UTF-8"}, "de"},
		{[]string{"de"}, "de"},
		{[]string{"en", "de-DE"}, "en"},
		{[]string{"fr-FR", "de"}, "en"},
		{[]string{"den"}, "en"},
		{[]string{"DE-ch"}, "de"},
	} {
		if got := Choose(c.wishes...); got != c.want {
			t.Errorf("Choose(%q) = %q, want %q", c.wishes, got, c.want)
		}
	}
}

// TestFill fills what a document holds, however deep, and leaves the rest.
func TestFill(t *testing.T) {
	t.Parallel()
	c := For("en")
	plan := api.Plan{
		Option:  api.Option{Why: api.WhyRelay},
		Options: []api.Option{{Why: api.WhyClaim, Params: map[string]string{"claim": "sub"}}},
		Remarks: []api.Remark{{Why: "warn-disabled"}},
	}
	c.Fill(&plan, Terminal)
	if plan.Reason == "" || !strings.Contains(plan.Options[0].Reason, "“sub”") || len(plan.Warnings) != 1 ||
		plan.Warnings[0] != plan.Remarks[0].Sentence || plan.Warnings[0] == "" {
		t.Errorf("%+v", plan)
	}
	list := []struct{ Error *api.Error }{{&api.Error{Code: api.CodeForbidden}}, {nil}}
	c.Fill(list, Terminal)
	if list[0].Error.Sentence == "" || list[0].Error.Hint == "" {
		t.Errorf("%+v", list[0].Error)
	}
	session := api.Session{Capabilities: api.Capabilities{ReadOwn: api.Ability{OK: true}, PostLink: api.Ability{Why: "key-link"}}}
	c.Fill(&session, Terminal)
	if session.Capabilities.PostLink.Reason == "" || session.Capabilities.ReadOwn.Reason != "" {
		t.Errorf("%+v", session.Capabilities)
	}
	roster := api.Roster{Accounts: []api.Account{{User: api.User{Name: "a"}}}}
	c.Fill(&roster, Terminal)
	if roster.Accounts[0].Name != "a" {
		t.Errorf("%+v", roster)
	}
	c.Fill(nil, Terminal)
}

// TestLines: the page gets its language's texts without comments and without the command line's hints.
func TestLines(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "de"} {
		page, all := Parse(language, Lines(language)).texts(), maps.Clone(For(language).texts())
		maps.DeleteFunc(all, func(key, _ string) bool { return strings.HasSuffix(key, ".cli") })
		if !maps.Equal(page, all) || strings.Contains(Lines(language), "\n#") || strings.Contains(Lines(language), "\n\n") {
			t.Errorf("%s: %d texts for the page, want %d", language, len(page), len(all))
		}
	}
}

// TestStepsAndFactsAreNamed: each step and each fact that the sources report has a text, and no text is left over.
func TestStepsAndFactsAreNamed(t *testing.T) {
	t.Parallel()
	s, en := listen(t), entries(t, "en")
	for prefix, named := range map[string]map[string]token.Position{"step.": s.steps, "fact.": s.names} {
		for name, at := range named {
			if en[prefix+name] == "" && name != "browser-failed" { // which is told as an error
				t.Errorf("%s: no text for %q", at, prefix+name)
			}
		}
		for key := range en {
			if name, ok := strings.CutPrefix(key, prefix); ok && named[name].Line == 0 {
				t.Errorf("nothing names %q", key)
			}
		}
		if len(named) < 8 {
			t.Errorf("only %d of %s found", len(named), prefix)
		}
	}
}
