package server

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestRouteSegments(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"/":                nil,
		"/a/b/":            {"a", "b"},
		"/a//b":            {"a", "b"},
		"/a/./b":           {"a", "b"},
		"/a/%2E/b":         {"a", "b"},
		"/a/../b":          {"b"},
		"/a/%2e%2E":        nil,
		"/../../a":         {"a"},
		"/a%2Fb/c":         {"a%2Fb", "c"},
		"/a%2fb%20c%2Bd+e": {"a%2fb c+d+e"},
		"/a%252Fb":         {"a%2Fb"},
		"/%252E":           {"%2E"},
		"/100%25":          {"100%"},
		"/%zz":             {"%zz"},
	} {
		if got := routeSegments(path); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func FuzzEncode(f *testing.F) {
	f.Add("Zoë <b>&amp;\"'+` \\ 漢字 😀\u2028\x7f\x00\n")
	f.Add("bad \xff byte")
	f.Fuzz(func(t *testing.T, s string) {
		b := encode(s)
		for _, c := range b {
			if c < ' ' || c > '~' {
				t.Fatalf("%q is written as %s", s, b)
			}
		}
		if strings.ContainsAny(string(b[1:len(b)-1]), "<>&'+`\"") {
			t.Fatalf("%q is written as %s", s, b)
		}
		var back string
		if err := json.Unmarshal(b, &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && len(back) < len(strings.ToValidUTF8(s, "")) {
			t.Fatalf("%q comes back as %q, %v", s, back, err)
		}
	})
}
