package server

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func keys(d *dictionary[int]) string {
	var all []string
	for k := range d.all() {
		all = append(all, k)
	}
	return strings.Join(all, " ")
}

// TestDictionaryOrder is .NET's Dictionary, tried out: a new entry takes the place that was freed last.
func TestDictionaryOrder(t *testing.T) {
	t.Parallel()
	var d dictionary[int]
	for i, k := range []string{"a", "b", "c", "d"} {
		d.set(k, i)
	}
	d.set("b", 9)
	d.remove("a")
	d.remove("c")
	d.remove("nobody")
	for _, step := range []struct{ add, want string }{
		{"e", "b e d"}, {"f", "f b e d"}, {"g", "f b e d g"},
	} {
		d.set(step.add, 0)
		if got := keys(&d); got != step.want {
			t.Errorf("after adding %s: %s, want %s", step.add, got, step.want)
		}
	}
	d.remove("f")
	d.compact()
	d.set("h", 0)
	if got := keys(&d); got != "b e d g h" {
		t.Errorf("after reading it back: %s", got)
	}
	if v, is := d.get("b"); !is || v != 9 || d.len() != 5 {
		t.Errorf("b is %d, %t, of %d", v, is, d.len())
	}
}

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
