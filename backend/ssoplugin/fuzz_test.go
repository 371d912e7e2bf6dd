package ssoplugin

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jellybind/jellybind/backend/api"
)

// FuzzIdentityProvider checks that no address but http and https, with a host, is ever opened.
func FuzzIdentityProvider(f *testing.F) {
	for _, s := range []string{
		"https://idp.example/auth?state=s", "javascript:alert(1)", "JAVASCRIPT://x/%0aalert(1)", "//evil.example", "https:x",
		"https://a@b/", "http://[::1]:80/", " https://x", "\thttps://x", "https:\\\\x", "file:///etc/passwd", "http://:80",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, location string) {
		u, err := identityProvider(location, "127.0.0.1:1")
		if err != nil {
			if api.CodeOf(err) == api.CodeInternal || !utf8.ValidString(err.Error()) {
				t.Errorf("%q: %v", location, err)
			}
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
			t.Errorf("%q is taken as %q", location, u)
		}
		if lower := strings.ToLower(location); !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") {
			t.Errorf("%q would be opened as it stands", location)
		}
	})
}
