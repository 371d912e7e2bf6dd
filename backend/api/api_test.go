package api_test

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"testing"
	"unicode"

	"github.com/jellybind/jellybind/backend/api"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"alice", "alice"},
		{"Zoë 漢字 😀", "Zoë 漢字 😀"},
		{"👩‍🚀", "👩‍🚀"},
		{"bo\u200db", `bo\u200db`},
		{"a\x1b[31mred", `a\x1b[31mred`},
		{"a\nb\tc", `a\nb\tc`},
		{"user\u202egnp.exe", `user\u202egnp.exe`},
		{"x\u2066y\u2069", `x\u2066y\u2069`},
		{"soft\u00adhyphen", `soft\u00adhyphen`},
		{"bad\xffbyte", `bad\xffbyte`},
		{"line\u2028sep", `line\u2028sep`},
		{" lead and tail ", " lead and tail "},
		{"\U000E0041tag", `\U000e0041tag`},
	} {
		if got := api.Printable(c.in); got != c.want {
			t.Errorf("Printable(%+q) = %+q, want %+q", c.in, got, c.want)
		}
	}
}

// TestEscapesAreGo holds every rune that is escaped against the standard library.
func TestEscapesAreGo(t *testing.T) {
	t.Parallel()
	for r := range rune(unicode.MaxRune + 1) {
		got := api.Printable(string(r))
		if want := strconv.QuoteRuneToASCII(r); got != string(r) && got != want[1:len(want)-1] {
			t.Fatalf("%U: %s, want %s", r, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b]0;x\x07")
	f.Add("\u202e\u200d")
	f.Fuzz(func(t *testing.T, s string) {
		got := api.Printable(s)
		for _, r := range got {
			if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
				t.Fatalf("Printable(%+q) = %+q still holds %U", s, got, r)
			}
		}
		if api.Printable(got) != got {
			t.Fatalf("Printable is not idempotent for %+q", s)
		}
	})
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	known := fmt.Errorf("linking: %w", &api.Error{Code: api.CodeLinkOwned})
	for _, c := range []struct {
		err  error
		want api.Code
	}{{nil, ""}, {errors.New("x"), api.CodeInternal}, {known, api.CodeLinkOwned}} {
		if got := api.CodeOf(c.err); got != c.want {
			t.Errorf("CodeOf(%v) = %q, want %q", c.err, got, c.want)
		}
	}
}

// TestBecauseNamesTheCause, with what it names, and not what led to that in turn; what the error itself names stays.
func TestBecauseNamesTheCause(t *testing.T) {
	t.Parallel()
	cause := &api.Error{
		Why: "proxy", Params: map[string]string{"host": "h", "name": "n", "because": "said", "said": "s"},
	}
	e := &api.Error{Params: map[string]string{"name": "maria"}}
	e.Because(fmt.Errorf("writing: %w", cause))
	want := map[string]string{"host": "h", "name": "maria", "because": "proxy", "said": "s"}
	if !maps.Equal(e.Params, want) || cause.Params["because"] != "said" {
		t.Errorf("%+v of %+v", e, cause)
	}
}
