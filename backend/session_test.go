package backend_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// TestCertificatesAsTheServerReadsThem: a certificate that the server cannot read is reported before anybody signs in.
func TestCertificatesAsTheServerReadsThem(t *testing.T) {
	t.Parallel()
	d, err := backend.NewDemo(t.Context(), backend.Options{Version: "test"}, demo.Options{}, api.CredentialKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	s, err := d.Open(t.Context(), backend.Target{})
	if err != nil {
		t.Fatal(err)
	}
	bare := d.World.Certificate()
	lines := bare[:64] + "\r\n" + bare[64:]
	for name, c := range map[string]struct {
		certificate string
		ok          bool
		second      string
	}{
		"two":      {bare, true, bare},
		"no other": {bare, false, "certificate"},
		"bare":     {bare, true, ""},
		"PEM":      {"-----BEGIN CERTIFICATE-----\r\n" + lines + "\r\n-----END CERTIFICATE-----\r\n", false, ""},
		"blanks":   {" " + bare[:10] + " \n" + bare[10:], true, ""},
		"none":     {"", false, ""},
		"cut off":  {bare[:len(bare)/2], false, ""},
		"no paper": {"certificate", false, ""},
	} {
		test := s.TestProvider(t.Context(), api.Provider{
			Protocol: api.SAML, Known: true, Certificate: c.certificate,
			SAML: api.SAMLSettings{SecondCertificate: c.second},
		})
		if test.OK != c.ok || test.OK != (test.Error == nil) || !test.OK && test.Error.Why == "" {
			t.Errorf("%s: %+v", name, test)
		}
		shown := false
		for _, f := range test.Facts {
			shown = shown || f.Why == "rsa-bits" && f.Params["bits"] == "2048"
		}
		if shown != (c.ok || c.second != "") {
			t.Errorf("%s: facts %+v", name, test.Facts)
		}
	}
}

// TestCredentialGoesToItsServerOnly: a credential is not sent to another server that answers at the profile's address.
func TestCredentialGoesToItsServerOnly(t *testing.T) {
	t.Parallel()
	d, e, token := signedIn(t)
	var sent atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), token.Reveal()) {
			sent.Add(1)
		}
		d.World.Server().ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	err := d.Profiles.Update(t.Context(), func(p *profile.Data) error { p.Profiles[0].URL = front.URL; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(t.Context(), backend.Target{}); err != nil || sent.Swap(0) == 0 {
		t.Fatalf("the same server: %v", err)
	}
	d.World.Server().NewID()
	if _, err := d.Open(t.Context(), backend.Target{}); !api.IsCode(err, api.CodeServerChanged) || sent.Load() > 0 {
		t.Errorf("another server got the token %d times: %v", sent.Load(), err)
	}
	e.URL = front.URL
	if _, err := d.Login(t.Context(), e, jellyfin.SignedIn{Token: d.World.APIKey()}); err != nil || sent.Load() > 0 {
		t.Errorf("signing in again sent the earlier token %d times: %v", sent.Load(), err)
	}
	if _, err := d.Open(t.Context(), backend.Target{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestStoredCredentialGoesToItsServerOnly: signing out, forgetting and checking do not send it to another server either.
func TestStoredCredentialGoesToItsServerOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(context.Context, *backend.Demo, profile.Entry) error
		want api.Code
	}{
		"status": {func(ctx context.Context, d *backend.Demo, e profile.Entry) error {
			return d.TryCredential(ctx, e)
		}, api.CodeServerChanged},
		"logout": {func(ctx context.Context, d *backend.Demo, e profile.Entry) error {
			return d.Logout(ctx, e)
		}, api.CodeTokenLeft},
		"forget": {func(ctx context.Context, d *backend.Demo, e profile.Entry) error {
			return d.Forget(ctx, e.Name)
		}, api.CodeTokenLeft},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _, token := signedIn(t)
			var sent atomic.Int32
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.Header.Get("Authorization"), token.Reveal()) {
					sent.Add(1)
				}
				d.World.Server().ServeHTTP(w, r)
			}))
			t.Cleanup(front.Close)
			var e profile.Entry
			err := d.Profiles.Update(t.Context(), func(p *profile.Data) error {
				p.Profiles[0].URL = front.URL
				e = p.Profiles[0]
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.TryCredential(t.Context(), e); err != nil || sent.Swap(0) == 0 {
				t.Fatalf("the same server: %v", err)
			}
			d.World.Server().NewID()
			if err := c.do(t.Context(), d, e); api.CodeOf(err) != c.want || sent.Load() > 0 {
				t.Errorf("another server got the token %d times: %v", sent.Load(), err)
			}
			_, err = d.Keyring.Get(t.Context(), "credential:"+e.DeviceID)
			if kept := err == nil; kept != (name == "status") {
				t.Errorf("kept: %t, %v", kept, err)
			}
		})
	}
}

// TestProviderTestSaysWhatTheServerDoes: discovery takes the issuer as the plugin takes it, and what the server would refuse
// is named with its setting. Flowfin's own test is there too.
func TestProviderTestSaysWhatTheServerDoes(t *testing.T) {
	t.Parallel()
	d, err := backend.NewDemo(t.Context(), backend.Options{Version: "test"}, demo.Options{Flavour: api.FlavourFlowfin}, api.CredentialKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	s, err := d.Open(t.Context(), backend.Target{})
	if err != nil {
		t.Fatal(err)
	}
	var document string
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(strings.ReplaceAll(document, "OWN", "http://"+r.Host)))
	}))
	t.Cleanup(idp.Close)
	const all = `{"issuer":"ISSUER","authorization_endpoint":"OWN/a","token_endpoint":"TOKEN/t","jwks_uri":"OWN/k",` +
		`"keys":[{"use":"sig"}],"userinfo_endpoint":"OWN/u"}`
	for name, c := range map[string]struct {
		issuer, token string
		settings      api.OIDCSettings
		want          api.Why
	}{
		"all well":                  {"OWN", "OWN", api.OIDCSettings{}, ""},
		"another issuer":            {"OWN/application/o/jellyfin/", "OWN", api.OIDCSettings{}, "unusable-issuer"},
		"another issuer, let":       {"OWN/application/o/jellyfin/", "OWN", api.OIDCSettings{AnyIssuer: true}, ""},
		"a token address elsewhere": {"OWN", "http://127.0.0.1:1", api.OIDCSettings{}, "server-refuses-endpoint"},
		"elsewhere, let":            {"OWN", "http://127.0.0.1:1", api.OIDCSettings{AnyEndpoint: true}, ""},
	} {
		document = strings.NewReplacer("ISSUER", c.issuer, "TOKEN", c.token).Replace(all)
		test := s.TestProvider(t.Context(), api.Provider{
			Protocol: api.OIDC, Name: demo.Keycloak, Known: true, Endpoint: idp.URL, OIDC: c.settings,
		})
		var why api.Why
		if test.Error != nil {
			why = test.Error.Why
		}
		if why != c.want || test.OK != (c.want == "") {
			t.Errorf("%s: %+v", name, test.Error)
		}
		if test.Server == nil || !test.Server.OK || len(test.Server.Details) == 0 {
			t.Errorf("%s: the server says %+v", name, test.Server)
		}
	}
	// The server may be unable to do what this computer does.
	document = strings.NewReplacer("ISSUER", "OWN", "TOKEN", "OWN").Replace(all)
	if err := d.World.Server().AddOIDCProvider("dead", map[string]any{"Enabled": true, "OidEndpoint": "http://127.0.0.1:1", "OidClientId": "x"}); err != nil {
		t.Fatal(err)
	}
	test := s.TestProvider(t.Context(), api.Provider{Protocol: api.OIDC, Name: "dead", Known: true, Endpoint: idp.URL})
	if test.OK || test.Error == nil || test.Error.Why != "server-test-failed" || test.Server.OK {
		t.Errorf("%+v", test)
	}
}

// TestCredentialDecides: of several profiles at one address the one of the given credential is opened.
func TestCredentialDecides(t *testing.T) {
	t.Parallel()
	d, e, token := signedIn(t)
	err := d.Profiles.Update(t.Context(), func(p *profile.Data) error {
		key := e
		key.Name, key.DeviceID, key.Profile.Credential, key.UserName, key.Default = "by key", "", api.CredentialKey, "", false
		return p.Add(key)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		credential secret.Value
		want       string
	}{{token, e.Name}, {d.World.APIKey(), "by key"}} {
		s, err := d.Open(t.Context(), backend.Target{Name: e.URL, Credential: c.credential})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Entry().Name; got != c.want {
			t.Errorf("opened %q, want %q", got, c.want)
		}
	}
	if _, err := d.Open(t.Context(), backend.Target{Name: e.URL}); !api.IsCode(err, api.CodeUsage) {
		t.Errorf("without a credential: %v", err)
	}
}
