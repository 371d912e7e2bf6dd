package cli

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/words"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text  string
		width int
		want  []string
	}{
		"short":    {"one two", 20, []string{"one two"}},
		"empty":    {"", 20, []string{""}},
		"words":    {"aaaaaaaaaa bbbbbbbbbb ccccc", 21, []string{"aaaaaaaaaa bbbbbbbbbb", "ccccc"}},
		"no width": {strings.Repeat("word ", 50), 0, []string{strings.Repeat("word ", 50)}},
		"a long word stays whole": {
			"see http://media.home.example/a/long/path now", 20,
			[]string{"see", "http://media.home.example/a/long/path", "now"},
		},
		"a quoted command stays whole": {
			"Run “jellybind auth login”, or do it by hand.", 24,
			[]string{"Run", "“jellybind auth login”,", "or do it by hand."},
		},
		"a German quotation stays whole, and ends": {
			"Erst „jellybind auth login“, dann weiter im Text.", 24,
			[]string{"Erst", "„jellybind auth login“,", "dann weiter im Text."},
		},
		"a command at the end stays whole": {
			"Sign in first: jellybind auth login --server home", 20,
			[]string{"Sign in first:", "jellybind auth login --server home"},
		},
		"wide letters count twice": {"漢字漢字漢字 漢字漢字漢字", 20, []string{"漢字漢字漢字", "漢字漢字漢字"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := wrap(tc.text, tc.width); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		natural []int
		room    int
		want    []int
	}{
		"room enough":              {[]int{10, 5}, 20, []int{10, 5}},
		"the widest gives way":     {[]int{10, 300, 8}, 40, []int{10, 22, 8}},
		"two give way alike":       {[]int{100, 8, 100}, 58, []int{25, 8, 25}},
		"no narrower than five":    {[]int{9, 9, 9}, 3, []int{5, 5, 5}},
		"a narrow one stays as is": {[]int{2, 50}, 10, []int{2, 8}},
		"a short one stays as is":  {[]int{20, 20, 22, 0}, 52, []int{15, 15, 22, 0}},
		"as long as it can":        {[]int{20, 20, 22, 0}, 30, []int{8, 8, 14, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fit(tc.natural, tc.room, func(i int) bool { return i == 2 && len(tc.natural) == 4 }); !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestTruncateKeepsLettersWhole(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"short":           "short",
		"exactly-10":      "exactly-10",
		"one-letter-more": "one-lette…",
		"漢字漢字漢字":          "漢字漢字…",
		"12345678👩‍👩‍👧":   "12345678👩‍👩‍👧",
		"123456789👩‍👩‍👧":  "123456789…",
		"a\u0301b\u0301c\u0301d\u0301e\u0301f\u0301g\u0301h\u0301i\u0301j\u0301k\u0301": "a\u0301b\u0301c\u0301d\u0301e\u0301f\u0301g\u0301h\u0301i\u0301…",
	} {
		got := truncate(s, 10)
		if got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
		if w := displaywidth.String(got); w > 10 {
			t.Errorf("%q is %d columns wide", got, w)
		}
	}
}

func TestTableLinesFit(t *testing.T) {
	t.Parallel()
	names := []string{
		"plain", strings.Repeat("x", 300), "漢字 😀 漢字 漢字 漢字 漢字 漢字", "مستخدم طويل جدا جدا جدا", " blanks ", "\x1b[31mred\x07",
		"user\u202egnp.exe", "line\nbreak", "a\tb", "\xff\xfe", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦",
	}
	for width := 20; width <= 200; width++ {
		var b bytes.Buffer
		p := &printer{w: &b, aligned: true, width: width}
		rows := [][]string{}
		for _, n := range names {
			rows = append(rows, []string{n, "oidc", n})
		}
		if err := p.table([]string{"A", "B", "C"}, rows); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != len(rows)+1 {
			t.Fatalf("%d lines for %d rows", len(lines), len(rows))
		}
		for _, line := range lines {
			if displaywidth.String(line) > width {
				t.Fatalf("at %d columns a line has %d: %q", width, displaywidth.String(line), line)
			}
			if strings.ContainsAny(line, "\x1b\x07\t\u202e") || strings.HasSuffix(line, " ") {
				t.Fatalf("an unfit line: %q", line)
			}
		}
	}
}

// TestNothingOverwritesAQuestion asks right after a step began, as it does when somebody signs in at once.
func TestNothingOverwritesAQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in, answer := io.Pipe()
		var shown bytes.Buffer
		a := &app{words: words.For("en"), in: in, err: newPrinter(&shown)}
		progress, stop := a.progress()
		progress(api.Progress{Step: "waiting-for-sign-in"})
		time.Sleep(2 * time.Second)
		progress(api.Progress{Step: "writing"})
		time.Sleep(time.Second / 2)
		go func() {
			time.Sleep(2 * time.Second)
			progress(api.Progress{Step: "removing"}) // of another goroutine
			time.Sleep(2 * time.Second)
			_, _ = io.WriteString(answer, "y\n")
		}()
		if err := a.ask(t.Context(), "Link it?"); err != nil {
			t.Fatal(err)
		}
		progress(api.Progress{Step: "reading-roster", Done: 1, Total: 2})
		time.Sleep(2 * time.Second)
		stop()
		if got, want := shown.String(), "Waiting for the sign-in…\nLink it? [y/N] Reading accounts and links… 1/2\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestIDsGiveWay has an id of 32 digits beside notes that matter more: it is whole where there is room for it.
func TestIDsGiveWay(t *testing.T) {
	t.Parallel()
	const id = "d50f51f96e722347d72b59b8227d4506"
	rows := [][]string{{"grace", "", "administrator, at-risk"}, {id, id, "orphan"}}
	for width, want := range map[int]string{
		92: "A                                 B                                 NOTES\n" +
			"grace                                                               administrator, at-risk\n" +
			id + "  " + id + "  orphan\n",
		70: "A          B                                 NOTES\n" +
			"grace                                        administrator, at-risk\n" +
			"d50f51f9…  " + id + "  orphan\n",
		50: "A          B                NOTES\n" +
			"grace                       administrator, at-risk\n" +
			"d50f51f9…  d50f51f96e7223…  orphan\n",
	} {
		var b bytes.Buffer
		p := &printer{w: &b, aligned: true, width: width}
		if err := p.table([]string{"A", "B", "NOTES"}, rows, "NOTES"); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("at %d columns:\n%swant:\n%s", width, b.String(), want)
		}
	}
}

func TestShellWord(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"home": "home", "my home": "'my home'", "": "''", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "Küche": "Küche",
		"http://[::1]:8096/jf": "'http://[::1]:8096/jf'", "https://media.example/jf": "https://media.example/jf",
	} {
		if got := shellWord(s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}

// TestHelpIsWordedAlike keeps Go's types out of help, its sentences in one tone, and its lists within 80 columns.
func TestHelpIsWordedAlike(t *testing.T) {
	t.Parallel()
	a := &app{words: words.For("en"), version: "1.2.3", out: newPrinter(io.Discard), err: newPrinter(io.Discard)}
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		if first, _ := utf8.DecodeRuneInString(c.Short); !unicode.IsUpper(first) || strings.HasSuffix(c.Short, ".") ||
			c.HasParent() && len(c.Short) > 80-14 {
			t.Errorf("%s: %s", c.CommandPath(), c.Short)
		}
		check := func(f *pflag.Flag) {
			value, usage := pflag.UnquoteUsage(f)
			first, _ := utf8.DecodeRuneInString(usage)
			if value != strings.ToUpper(value) || strings.HasSuffix(usage, ".") || !unicode.IsLower(first) &&
				!strings.HasPrefix(usage, value) {
				t.Errorf("%s --%s %s: %s", c.CommandPath(), f.Name, value, usage)
			}
		}
		c.PersistentFlags().VisitAll(check)
		c.LocalFlags().VisitAll(check)
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(a.root())
}

// BenchmarkTable shows that the time of a table grows with its rows only: 36,000 are 36 times 1,000.
func BenchmarkTable(b *testing.B) {
	for _, aligned := range []bool{true, false} {
		for _, n := range []int{1000, 36_000} {
			rows := make([][]string, n)
			for i := range rows {
				rows[i] = []string{fmt.Sprintf("account-%d", i), "authelia", "oidc", fmt.Sprintf("8f14e45f-ceea-467f-%d", i), "at-risk"}
			}
			b.Run(fmt.Sprintf("aligned=%t/rows=%d", aligned, n), func(b *testing.B) {
				p := &printer{w: io.Discard, aligned: aligned, width: 100}
				for b.Loop() {
					if err := p.table([]string{"ACCOUNT", "PROVIDER", "PROTOCOL", "IDENTITY", "NOTES"}, rows); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
