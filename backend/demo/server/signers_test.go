package server_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/jellybind/jellybind/backend/api"
)

// signer is a provider's key with its certificate, in the form of the plugin's settings.
type signer struct {
	key  *rsa.PrivateKey
	der  []byte
	text string
}

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, der, base64.StdEncoding.EncodeToString(der)}
}

// response signs an assertion about ann, from issuer, with a statement in it that may be empty. The response around it is from
// https://idp.example.
func (s signer) response(t *testing.T, issuer, statement string) string {
	t.Helper()
	now := time.Now().UTC()
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	document := etree.NewDocument()
	err := document.ReadFromString(fmt.Sprintf(`<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"`+
		` xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r" Version="2.0" IssueInstant="%[1]s">`+
		`<a:Issuer>https://idp.example</a:Issuer>`+
		`<p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></p:Status>`+
		`<a:Assertion xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a" Version="2.0" IssueInstant="%[1]s"><a:Issuer>%[4]s</a:Issuer>`+
		`<a:Subject><a:NameID>ann</a:NameID><a:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">`+
		`<a:SubjectConfirmationData NotOnOrAfter="%[3]s"/></a:SubjectConfirmation></a:Subject>`+
		`<a:Conditions NotBefore="%[2]s" NotOnOrAfter="%[3]s"><a:AudienceRestriction><a:Audience>urn:jellyfin:contract</a:Audience>`+
		`</a:AudienceRestriction></a:Conditions>%[5]s</a:Assertion></p:Response>`,
		at(0), at(-time.Minute), at(time.Minute), issuer, statement))
	if err != nil {
		t.Fatal(err)
	}
	signing, err := dsig.NewSigningContext(s.key, [][]byte{s.der})
	if err != nil {
		t.Fatal(err)
	}
	signing.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	assertion := document.Root().SelectElement("Assertion")
	signature, err := signing.ConstructSignature(assertion, true)
	if err != nil {
		t.Fatal(err)
	}
	assertion.InsertChildAt(1, signature)
	text, err := document.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

// TestWhatAResponseNeeds: no flavour asks for an AuthnStatement or compares the two issuers. Flowfin takes a second signer.
func TestWhatAResponseNeeds(t *testing.T) {
	t.Parallel()
	shared, first, second, third := startProviders(t, people), newSigner(t), newSigner(t), newSigner(t)
	const statement = `<a:AuthnStatement AuthnInstant="2026-11-24T12:00:00Z"><a:AuthnContext>` +
		`<a:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</a:AuthnContextClassRef></a:AuthnContext></a:AuthnStatement>`
	for name, c := range map[string]struct {
		response string
		taken    []api.Flavour
	}{
		"as it should be":        {first.response(t, "https://idp.example", statement), flavours},
		"no statement":           {first.response(t, "https://idp.example", ""), flavours},
		"two issuers":            {first.response(t, "https://other.example", statement), flavours},
		"the second certificate": {second.response(t, "https://idp.example", statement), []api.Flavour{api.FlavourFlowfin}},
		"a third certificate":    {third.response(t, "https://idp.example", statement), nil},
	} {
		for _, flavour := range flavours {
			t.Run(name+" "+string(flavour), func(t *testing.T) {
				t.Parallel()
				w := newWorldAt(t, shared, flavour, nil)
				w.addSAML("samlp", first.text, map[string]any{"SamlSecondaryCertificate": second.text})
				status, body := w.link("SAML", "samlp", "bob", login{}, c.response)
				if taken := slices.Contains(c.taken, flavour); taken != (status == http.StatusNoContent) {
					t.Errorf("answered %d %s", status, body)
				}
			})
		}
	}
}
