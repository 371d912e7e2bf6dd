package backend_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
)

func TestMergeMenuLink(t *testing.T) {
	t.Parallel()
	const entry = `{
      "name": "Linked accounts",
      "icon": "link",
      "url": "https://media.example.com/jf/SSOViews/linking"
    }`
	for name, c := range map[string]struct{ in, want string }{
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
		got, err := backend.MergeMenuLink([]byte(c.in), "https://media.example.com/jf/")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, string(got)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for _, in := range []string{``, `[]`, `{"menuLinks":{}}`, `{"a":`, `<html>`, `{} {}`} {
		if got, err := backend.MergeMenuLink([]byte(in), "https://a"); !api.IsCode(err, api.CodeUsage) {
			t.Errorf("%q was taken: %s, %v", in, got, err)
		}
	}
}
