package ssoplugin_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

func TestSelfService(t *testing.T) {
	t.Parallel()
	const entry = `{
      "name": "Linked accounts",
      "icon": "link",
      "url": "https://media.example.com/jf/SSOViews/linking"
    }`
	for name, c := range map[string]struct{ in, want string }{
		"none":         {``, "{\n  \"menuLinks\": [\n    " + entry + "\n  ]\n}\n"},
		"empty object": {`{}`, "{\n  \"menuLinks\": [\n    " + entry + "\n  ]\n}\n"},
		"order and other entries stay": {
			`{"z":1.50,"menuLinks":[{"url":"https://a"}],"a":"\u00e9"}`,
			"{\n  \"z\": 1.50,\n  \"menuLinks\": [\n    {\n      \"url\": \"https://a\"\n    },\n    " + entry +
				"\n  ],\n  \"a\": \"\\u00e9\"\n}\n",
		},
		"ours is replaced, not doubled": {
			`{"menuLinks":[{"name":"old","url":"https://media.example.com/jf/SSOViews/linking"}]}`,
			"{\n  \"menuLinks\": [\n    " + entry + "\n  ]\n}\n",
		},
		"byte order mark": {"\uFEFF{}", "{\n  \"menuLinks\": [\n    " + entry + "\n  ]\n}\n"},
	} {
		got, err := ssoplugin.SelfService("https://media.example.com/jf/", []byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, got.MenuLink); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for _, in := range []string{`[]`, `{"menuLinks":{}}`, `{"a":`, `<html>`, `{} {}`} {
		if got, err := ssoplugin.SelfService("https://a", []byte(in)); !api.IsCode(err, api.CodeUsage) {
			t.Errorf("%q was taken: %s, %v", in, got.MenuLink, err)
		}
	}
}
