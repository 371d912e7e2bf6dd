package backend_test

import (
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

// TestCertificatesAsTheServerReadsThem: what the server cannot read is told before anybody signs in.
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
	}{
		"bare":     {bare, true},
		"PEM":      {"-----BEGIN CERTIFICATE-----\r\n" + lines + "\r\n-----END CERTIFICATE-----\r\n", false},
		"blanks":   {" " + bare[:10] + " \n" + bare[10:], true},
		"none":     {"", false},
		"cut off":  {bare[:len(bare)/2], false},
		"no paper": {"certificate", false},
	} {
		test := s.TestProvider(t.Context(), api.Provider{Protocol: api.SAML, Known: true, Certificate: c.certificate})
		if test.OK != c.ok || test.OK != (test.Error == nil) || !test.OK && test.Error.Hint == "" {
			t.Errorf("%s: %+v", name, test)
		}
		shown := false
		for _, f := range test.Facts {
			shown = shown || strings.HasPrefix(f.Value, "RSA, ")
		}
		if shown != c.ok {
			t.Errorf("%s: facts %+v", name, test.Facts)
		}
	}
}
