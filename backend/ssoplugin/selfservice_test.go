package ssoplugin_test

import (
	"encoding/json"
	"strings"
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
		"null is no menu yet": {`{"menuLinks":null}`, "{\n  \"menuLinks\": [\n    " + entry + "\n  ]\n}\n"},
		"only one of ours stays": {
			`{"menuLinks":[{"url":"/jf/SSOViews/linking"},{"url":"https://a"},{"url":"../ssoviews/Linking/"}]}`,
			"{\n  \"menuLinks\": [\n    " + entry + ",\n    {\n      \"url\": \"https://a\"\n    }\n  ]\n}\n",
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
	for _, in := range []string{
		`[]`, `{"menuLinks":{}}`, `{"a":`, `<html>`, `{} {}`, `null`,
		`{"menuLinks":[],"menuLinks":[]}`, `{"a":{"b":1,"b":2}}`, `{"menuLinks":[{"url":"x","url":"y"}]}`,
	} {
		if got, err := ssoplugin.SelfService("https://a", []byte(in)); !api.IsCode(err, api.CodeUsage) {
			t.Errorf("%q was taken: %s, %v", in, got.MenuLink, err)
		}
	}
}

// TestSelfServiceKnowsItsEntry writes the address of the same page in other ways: there is one entry afterwards.
func TestSelfServiceKnowsItsEntry(t *testing.T) {
	t.Parallel()
	for address, same := range map[string]bool{
		"https://media.example.com/jf/SSOViews/linking":      true,
		"https://media.example.com/jf/SSOViews/linking/":     true,
		"HTTPS://Media.Example.com/JF/ssoviews/LINKING":      true,
		"https://media.example.com:443/jf/SSOViews/linking":  true,
		"https://media.example.com/jf//SSOViews/./linking":   true,
		"//media.example.com/jf/SSOViews/linking":            true,
		"/jf/SSOViews/linking":                               true,
		"../SSOViews/linking":                                true,
		"\t../SSOViews/linking\t":                            true,
		"https://media.example.com/SSOViews/linking":         false,
		"https://media.example.com:8920/jf/SSOViews/linking": false,
		"https://other.example.com/jf/SSOViews/linking":      false,
		"SSOViews/linking":                                   false,
		"/jf/SSOViews/linking/more":                          false,
		"":                                                   false,
		"%zz":                                                false,
	} {
		config, err := json.Marshal(map[string]any{"menuLinks": []any{map[string]string{"name": "old", "url": address}}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := ssoplugin.SelfService("https://media.example.com/jf", config)
		if err != nil {
			t.Errorf("%q: %v", address, err)
		}
		if replaced := !strings.Contains(got.MenuLink, "old"); replaced != same {
			t.Errorf("%q was replaced: %v, want %v", address, replaced, same)
		}
	}
}
