package oidcflow

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path     string
		keys     bool
		id, more string
		want     []string
	}{
		"a list":                  {"groups", false, `{"groups":["b","a"]}`, ``, []string{"a", "b"}},
		"a text":                  {"groups", false, `{"groups":"a b"}`, ``, []string{"a b"}},
		"of userinfo":             {"groups", false, `{}`, `{"groups":["a"]}`, []string{"a"}},
		"of both":                 {"groups", false, `{"groups":["a","b"]}`, `{"groups":["a"]}`, []string{"a", "b"}},
		"in an object":            {"resource_access.jf.roles", false, `{"resource_access":{"jf":{"roles":["a"]}}}`, ``, []string{"a"}},
		"a text in an object":     {"realm.role", false, `{"realm":{"role":"a"}}`, ``, nil},
		"a dot in a name":         {`https://x\.y/z`, false, `{"https://x.y/z":["a"]}`, ``, []string{"a"}},
		"names in an object":      {"roles", true, `{"roles":{"a":{"1":"x"},"b":{}}}`, ``, []string{"a", "b"}},
		"a list where names were": {"roles", true, `{"roles":["a"]}`, ``, []string{"a"}},
		"another claim":           {"groups", false, `{"Groups":["a"]}`, ``, nil},
		"not there":               {"a.b.c", false, `{"a":{"b":1}}`, ``, nil},
		"no claim":                {" ", false, `{"":["a"]}`, ``, nil},
	} {
		var sources []claims
		for _, document := range []string{c.id, c.more} {
			var source claims
			if document != "" && json.Unmarshal([]byte(document), &source) != nil {
				t.Fatal(name)
			}
			sources = append(sources, source)
		}
		if diff := cmp.Diff(c.want, roles(c.path, c.keys, sources...)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
