package api_test

import (
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
)

func TestShortName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, url, want string }{
		{"media", "https://jf.example.com", "media"},
		{" Living  Room ", "https://jf.example.com", "Living-Room"},
		{"", "https://jf.example.com/jellyfin", "jf.example.com"},
		{" ", "http://192.0.2.1:8096", "192.0.2.1"},
		{"", "http://[2001:db8::1]:8096/", "2001:db8::1"},
		{"", "http://[2001:db8::1]", "2001:db8::1"},
	} {
		if got := (api.Server{Name: c.name, URL: c.url}).ShortName(); got != c.want {
			t.Errorf("%q at %s: %q, want %q", c.name, c.url, got, c.want)
		}
	}
}

func TestFreeName(t *testing.T) {
	t.Parallel()
	taken := []string{"media", "media-2", "attic"}
	for name, want := range map[string]string{"media": "media-3", "attic": "attic-2", "cellar": "cellar"} {
		if got := api.FreeName(name, func(s string) bool { return slices.Contains(taken, s) }); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
