package text

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/words"
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
		if _, ok := en[key]; !ok {
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

// TestError: errors are told by the backend's words. What the window itself says stays as it is, and so does what came before
// those words.
func TestError(t *testing.T) {
	t.Parallel()
	told := german.With(words.Parse("de", "error.forbidden = Verboten.\nerror.forbidden.hint = Anmelden.\nwhy.no = Nein, {name}.\n"))
	for _, c := range []struct {
		l              *Catalogue
		e              api.Error
		sentence, hint string
	}{
		{told, api.Error{Code: api.CodeForbidden}, "Verboten.", "Anmelden."},
		{told, api.Error{Code: api.CodeForbidden, Why: "no", Params: map[string]string{"name": "Björn"}}, "Nein, Björn.", "Anmelden."},
		{told, api.Error{Code: api.CodeForbidden, Why: WhyWindow, Sentence: "Zu kurz."}, "Zu kurz.", ""},
		{german, api.Error{Code: api.CodeForbidden, Sentence: "Zu früh.", Hint: "Warten."}, "Zu früh.", "Warten."},
	} {
		if sentence, hint := c.l.Error(&c.e); sentence != c.sentence || hint != c.hint {
			t.Errorf("%+v: %q, %q", c.e, sentence, hint)
		}
	}
}
