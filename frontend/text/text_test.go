package text

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func TestLines(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`^([A-Za-z0-9. -]+ = \S.*\S|[a-z.-]+ = \S|# .+)?\n$`)
	for name, lines := range map[string]string{"en.txt": englishLines, "de.txt": germanLines} {
		seen := map[string]bool{}
		for l := range strings.Lines(lines) {
			key, _, found := strings.Cut(l, " = ")
			if !line.MatchString(l) || found && seen[key] && l[0] != '#' {
				t.Errorf("%s: %q is no text, or its second one", name, l)
			}
			seen[key] = true
		}
	}
}

func TestCataloguesAreComplete(t *testing.T) {
	t.Parallel()
	for key, words := range en {
		other, ok := de[key]
		if !ok {
			t.Errorf("German has no %q", key)
			continue
		}
		a, b := placeholder.FindAllString(words, -1), placeholder.FindAllString(other, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%q: placeholders %v in English, %v in German", key, a, b)
		}
		if strings.TrimSpace(words) == "" || strings.TrimSpace(other) == "" {
			t.Errorf("%q is empty", key)
		}
	}
	for key := range de {
		if _, ok := en[key]; !ok && !strings.HasPrefix(key, "why.") { // the backend's own sentence is the English
			t.Errorf("English has no %q", key)
		}
	}
	for key := range en {
		if base, ok := strings.CutSuffix(key, ".one"); ok && base != "allow.oidc" && base != "allow.saml" {
			if _, ok := en[base+".other"]; !ok {
				t.Errorf("%q has no other form", key)
			}
		}
	}
}

// TestEveryCodeIsTranslated reads the codes out of the source, so that a new one cannot be forgotten.
func TestEveryCodeIsTranslated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, prefix, key string
		least             int
	}{{"error.go", "Code", "error.", 40}, {"api.go", "Why", "why.", 15}} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "backend", "api", c.file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, c.prefix) {
				return true
			}
			lit, ok := spec.Values[0].(*ast.BasicLit)
			if !ok {
				return true
			}
			code, _ := strconv.Unquote(lit.Value)
			found++
			if _, ok := en[c.key+code]; !ok {
				t.Errorf("no text for %s%q", c.key, code)
			}
			return true
		})
		if found < c.least {
			t.Errorf("only %d of %s found in the source", found, c.prefix)
		}
	}
}

// TestEveryFactIsTranslated reads the names of what a test of a provider finds out of the source.
func TestEveryFactIsTranslated(t *testing.T) {
	t.Parallel()
	name, found := regexp.MustCompile(`\{Name: "([^"]+)", Value:`), 0
	for _, dir := range []string{"oidcflow", "."} {
		for _, m := range name.FindAllStringSubmatch(sources(t, filepath.Join("..", "..", "backend", dir)), -1) {
			if found++; en["tested."+m[1]] == "" {
				t.Errorf("no text for the fact %q", m[1])
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d facts found in the source", found)
	}
}

// TestEveryStepIsTranslated reads the steps that are reported out of the source. What goes wrong with the browser is told
// as an error.
func TestEveryStepIsTranslated(t *testing.T) {
	t.Parallel()
	step := regexp.MustCompile(`api\.Progress\{Step: "([^"]+)"`)
	found := map[string]bool{"count": true}
	for _, dir := range []string{"jellyfin", "link", "ssoplugin", "roster", "."} {
		for _, m := range step.FindAllStringSubmatch(sources(t, filepath.Join("..", "..", "backend", dir)), -1) {
			if found[m[1]] = true; en["progress."+m[1]] == "" && m[1] != "browser-failed" {
				t.Errorf("no text for the step %q", m[1])
			}
		}
	}
	for key := range en {
		if name, ok := strings.CutPrefix(key, "progress."); ok && !found[name] {
			t.Errorf("%q is reported by nobody", key)
		}
	}
}

// sources are the Go files of a folder, without their tests.
func sources(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// TestEveryKeyIsUsed looks for each key as it is, as a beginning that a value completes, or as two parts put together.
func TestEveryKeyIsUsed(t *testing.T) {
	t.Parallel()
	words := map[string]bool{}
	for _, dir := range []string{".", "state", "views", "components", "text"} {
		for _, m := range regexp.MustCompile(`"([A-Za-z0-9.-]+)"`).FindAllStringSubmatch(sources(t, filepath.Join("..", dir)), -1) {
			words[m[1]] = true
		}
	}
	for key := range en {
		used := words[key]
		for i := range len(key) {
			used = used || key[i] == '.' && (words[key[:i+1]] || words[key[:i]] && words[key[i:]])
		}
		if !used {
			t.Errorf("nothing uses %q", key)
		}
	}
}

// TestEveryUsedKeyExists looks for the keys in the sources of views, components and state.
func TestEveryUsedKeyExists(t *testing.T) {
	t.Parallel()
	used := regexp.MustCompile(
		`\.(T|N)\("([^"]+)"|Key: "([a-z]+\.[^"]+)"|fact\("([^"]+)"|column\("[^"]+", "([^"]+)"|Sentence\(l, "([^"]+)"`,
	)
	count := 0
	for _, dir := range []string{"views", "components", "state"} {
		err := filepath.WalkDir(filepath.Join("..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			src, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range used.FindAllStringSubmatch(string(src), -1) {
				key := strings.Join(m[2:], "")
				if strings.HasSuffix(key, ".") { // completed by a value
					continue
				}
				count++
				if _, ok := en[key]; ok {
					continue
				}
				if _, ok := en[key+".other"]; !ok {
					t.Errorf("%s uses %q, which no catalogue has", path, key)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if count < 200 {
		t.Errorf("only %d uses found", count)
	}
}

func TestFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ setting, system, want string }{
		{"system", "de_AT.UTF-8", "de"},
		{"", "de", "de"},
		{"en", "de-DE", "en"},
		{"de", "en-US", "de"},
		{"system", "fr-FR", "en"},
		{"", "", "en"},
		{"system", "den", "en"},
	} {
		if got := For(c.setting, c.system).Tag; got != c.want {
			t.Errorf("For(%q, %q) = %q, want %q", c.setting, c.system, got, c.want)
		}
	}
}

func TestNumbersAndTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 5, 14, 7, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{english.Number(0), "0"},
		{english.Number(999), "999"},
		{english.Number(10000), "10,000"},
		{german.Number(1234567), "1.234.567"},
		{german.Number(-1234), "-1.234"},
		{english.Date(now), "5 Mar 2026"},
		{german.Moment(now), "05.03.2026, 14:07"},
		{english.Ago(time.Time{}, now), "Never"},
		{english.Ago(now.Add(-30*time.Second), now), "Just now"},
		{english.Ago(now.Add(time.Hour), now), "Just now"},
		{english.Ago(now.Add(-time.Minute), now), "1 minute ago"},
		{german.Ago(now.Add(-49*time.Hour), now), "vor 2 Tagen"},
		{english.Ago(now.AddDate(0, -3, 0), now), "5 Dec 2025"},
		{english.N("roster.accounts", 1), "1 account"},
		{english.N("roster.accounts", 0), "0 accounts"},
		{english.Left(272 * time.Second), "4:32"},
		{english.Left(-time.Second), "0:00"},
		{english.Left(500 * time.Millisecond), "0:01"},
		{english.T("no.such"), "‹no.such›"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	got := english.Parts("verify.good")
	want := []Part{{Words: "Verified: "}, {Name: "identity"}, {Words: " opens "}, {Name: "account"}, {Words: "."}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	e := &api.Error{Code: api.CodeServerUnreachable, Sentence: "host.example cannot be reached.", Hint: "Check it."}
	if s, h := english.Error(e); s != e.Sentence || h != e.Hint {
		t.Errorf("English: %q %q", s, h)
	}
	if s, h := german.Error(e); s != de["error.server-unreachable"] || h != de["error.server-unreachable.hint"] {
		t.Errorf("German: %q %q", s, h)
	}
	if s, _ := english.Error(&api.Error{Code: api.CodeServerUnreachable}); s != en["error.server-unreachable"] {
		t.Errorf("without a sentence: %q", s)
	}
	e = &api.Error{Code: api.CodeForbidden, Sentence: "No.", Hint: "Sign in as an administrator: jellybind auth login"}
	if s, h := english.Error(e); s != e.Sentence || h != en["error.forbidden.hint"] {
		t.Errorf("a hint for the terminal: %q %q", s, h)
	}
	if s, _ := german.Error(&api.Error{Code: "never-heard", Sentence: "New."}); s != "New." {
		t.Errorf("unknown code: %q", s)
	}
}

// TestReasons: an error is told by its reason, with its names and what led to it.
func TestReasons(t *testing.T) {
	t.Parallel()
	l := german.With("\nport-taken = Port {ports} ist belegt.\nport-taken.hint = Einen anderen als {ports} nehmen.\n" +
		"link-owned = {name} öffnet jetzt {owner}.\nanswer = Abgelehnt: {why}.\nit is odd = sie ist seltsam\nit is odd.hint = Nachsehen.\n")
	for _, c := range []struct {
		e              api.Error
		sentence, hint string
	}{
		{
			api.Error{Code: api.CodePortTaken, Why: "port-taken", Params: map[string]string{"ports": "1{2}"}},
			"Port 1{2} ist belegt.", "Einen anderen als 1{2} nehmen.",
		},
		{
			api.Error{Code: api.CodeSignInInvalid, Why: "answer", Params: map[string]string{"why": "it is odd"}},
			"Abgelehnt: sie ist seltsam.", "Nachsehen.",
		},
		{
			api.Error{Code: api.CodeSignInInvalid, Why: "answer", Params: map[string]string{"why": "x", "because": "forbidden"}},
			"Abgelehnt: x. " + de["error.forbidden"], de["error.sign-in-invalid.hint"],
		},
		{
			api.Error{Code: api.CodeLinkOwned, Params: map[string]string{"name": "m{owner}", "owner": "Björn"}},
			"m{owner} öffnet jetzt Björn.", de["error.link-owned.hint"],
		},
		{api.Error{Code: api.CodeLinkOwned, Params: map[string]string{"name": "m"}}, de["error.link-owned"], de["error.link-owned.hint"]},
		{ // without its value the code says it
			api.Error{Code: api.CodePortTaken, Why: "port-taken", Params: map[string]string{"ports": ""}},
			de["error.port-taken"], de["error.port-taken.hint"],
		},
		{api.Error{Code: api.CodePortTaken, Why: "ort-taken"}, de["error.port-taken"], de["error.port-taken.hint"]},
		{api.Error{Code: api.CodeUsage, Why: WhyWindow, Sentence: "Zu kurz."}, "Zu kurz.", ""},
	} {
		c.e.Sentence = cmp.Or(c.e.Sentence, "In English.")
		if sentence, hint := l.Error(&c.e); sentence != c.sentence || hint != c.hint {
			t.Errorf("%+v: %q, %q", c.e, sentence, hint)
		}
	}
	if english.With("x") != english {
		t.Error("English was given German reasons")
	}
}
