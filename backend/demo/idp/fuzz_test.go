package idp

import (
	"encoding/base64"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzCheckLoopback: what is let through leads a browser to this computer and nowhere else.
func FuzzCheckLoopback(f *testing.F) {
	for _, s := range []string{
		"http://127.0.0.1:1/sso/", "http://localhost/x?y#z", "http://[::1]:9/", "http://127.0.0.1@evil.example/", "HTTP://LOCALHOST/",
		`http://127.0.0.1\@evil.example/`, "http://127.0.0.1\t.evil.example/", "//127.0.0.1/", "http:127.0.0.1", "http://2130706433/",
		"http://[::ffff:127.0.0.1]/", "http://localhost.evil.example/", "http://[::1%25lo]/", "http:///evil.example",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := checkLoopback(s)
		if err != nil {
			return
		}
		// The string goes into a Location header or a form's action, so look at it as text, not as we parsed it.
		rest, ok := strings.CutPrefix(strings.ToLower(s), "http://")
		if !ok {
			t.Fatalf("%q is not http", s)
		}
		host := rest
		if i := strings.IndexAny(rest, "/\\?#"); i >= 0 {
			host = rest[:i]
		}
		parsed := url.URL{Host: host}
		if host != u.Host && strings.ToLower(u.Host) != host {
			t.Fatalf("%q: host %q, read as %q", s, host, u.Host)
		}
		name := parsed.Hostname()
		if ip, err := netip.ParseAddr(name); name != "localhost" && (err != nil || !ip.IsLoopback()) {
			t.Fatalf("%q leads to %q", s, name)
		}
		if strings.ContainsAny(s, "\r\n\t") {
			t.Fatalf("%q has a line break", s)
		}
	})
}

// FuzzAuthnRequest: whatever is sent as an AuthnRequest is refused or names an issuer that is registered and a loopback ACS.
func FuzzAuthnRequest(f *testing.F) {
	p, err := NewSAML(SAMLOptions{
		BaseURL: "http://127.0.0.1:1", ServiceProviders: []string{"urn:sp"}, People: []Person{{Login: "a", Subject: "a"}},
		Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC) },
	})
	if err != nil {
		f.Fatal(err)
	}
	const good = `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0" ` +
		`IssueInstant="2026-01-01T00:00:00Z" AssertionConsumerServiceURL="http://127.0.0.1:1/sso/">` +
		`<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">urn:sp</saml:Issuer></samlp:AuthnRequest>`
	f.Add([]byte("nonsense"))
	f.Add([]byte(good))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		form := url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString(data)}}
		r := httptest.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1:1/sso", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got, err := p.read(r)
		if err != nil {
			if !utf8.ValidString(err.Error()) || string(data) == good {
				t.Errorf("error %q", err)
			}
			return
		}
		if _, err := checkLoopback(got.acs); err != nil || got.issuer != "urn:sp" || got.id == "" {
			t.Errorf("let through %+v", got)
		}
	})
}
