package samlmsg

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// deflated is a message as the HTTP-Redirect binding carries it.
func deflated(t *testing.T, message string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(message)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return url.QueryEscape(base64.StdEncoding.EncodeToString(b.Bytes()))
}

// recorded is the request that a real server made (misc-K0lin.jsonl, "decoded AuthnRequest").
const recorded = `<samlp:AuthnRequest ID="_0f921fc6-0281-4858-84d8-57a5bf9d2828" Version="2.0" IssueInstant="2026-11-24T12:00:00Z"` +
	` ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"` +
	` AssertionConsumerServiceURL="http://127.0.0.1:18701/jf/sso/SAML/post/samlp" xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">` +
	`<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">urn:jellyfin:contract</saml:Issuer>` +
	`<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified" AllowCreate="true" /></samlp:AuthnRequest>`

func TestReadAuthnRequest(t *testing.T) {
	t.Parallel()
	asked := AuthnRequest{
		ID: "_0f921fc6-0281-4858-84d8-57a5bf9d2828", Issuer: "urn:jellyfin:contract",
		ACS:          "http://127.0.0.1:18701/jf/sso/SAML/post/samlp",
		NameIDFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
	}
	query := "SAMLRequest=" + deflated(t, recorded)
	for _, c := range []struct {
		address, endpoint string
		signed            bool
	}{
		{"https://idp.example/sso?" + query + "&RelayState=linking", "https://idp.example/sso", false},
		{"https://idp.example/sso?realm=a%20b&" + query + "&x=%2f", "https://idp.example/sso?realm=a%20b&x=%2f", false},
		{"https://idp.example/sso?" + query + "&SigAlg=x&Signature=y", "https://idp.example/sso", true},
		{"https://idp.example/#/sso", "", false},
	} {
		u, err := url.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadAuthnRequest(u)
		if c.endpoint == "" {
			if !errors.Is(err, ErrNoRequest) {
				t.Errorf("%s: %v", c.address, err)
			}
			continue
		}
		want := asked
		want.Endpoint, want.Signed = c.endpoint, c.signed
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", c.address, err, diff)
		}
	}
}

func TestReadAuthnRequestRefuses(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"twice":           "SAMLRequest=" + deflated(t, recorded) + "&SAMLRequest=x",
		"no base64":       "SAMLRequest=%25",
		"not deflated":    "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(recorded))),
		"a response":      "SAMLRequest=" + deflated(t, strings.ReplaceAll(recorded, "AuthnRequest", "Response")),
		"a document type": "SAMLRequest=" + deflated(t, `<!DOCTYPE x [<!ENTITY a "b">]>`+recorded),
		"cut off":         "SAMLRequest=" + deflated(t, recorded[:len(recorded)-5]),
		"without end":     "SAMLRequest=" + deflated(t, strings.Repeat(" ", 64<<20)),
		"too deep":        "SAMLRequest=" + deflated(t, strings.Replace(recorded, "<saml:Issuer", strings.Repeat("<a>", 100_000)+"<saml:Issuer", 1)),
	} {
		if got, err := ReadAuthnRequest(&url.URL{Scheme: "https", Host: "idp.example", RawQuery: query}); err == nil || got.ID != "" {
			t.Errorf("%s: read %+v", name, got)
		}
	}
}

// FuzzOpen checks that a SAML message is read to its root, whatever it is, and never past a document type.
func FuzzOpen(f *testing.F) {
	const ns = `xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"`
	f.Add(`<p:Response ` + ns + ` InResponseTo="a"/>`)
	f.Add(`<?xml version="1.0" encoding="utf-16"?><!-- c --><p:Response ` + ns + `>`)
	f.Add(`<!DOCTYPE a [<!ENTITY b "c">]><p:Response ` + ns + ` InResponseTo="&b;"/>`)
	f.Fuzz(func(t *testing.T, message string) {
		_, root, err := open(strings.NewReader(message), "Response")
		if err != nil {
			return
		}
		if root.Name.Local != "Response" || root.Name.Space != "urn:oasis:names:tc:SAML:2.0:protocol" {
			t.Errorf("%q: %v", message, root.Name)
		}
		if before, _, _ := strings.Cut(message, "Response"); strings.Contains(before, "<!DOCTYPE") &&
			!strings.Contains(before, "<!--") && !strings.Contains(before, "<?") {
			t.Errorf("%q has a document type", message)
		}
	})
}
