package samlflow_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
)

// TestHandmade checks a response whose canonical form is written down here by hand, and which itself is written quite
// differently: prefixes declared far above, attributes in another order, empty elements in short, CDATA, single quotes, blanks in
// tags. It is how identity providers in Java and .NET write (InclusiveNamespaces PrefixList="xs" included), and needs no
// code that could share a mistake with the one under test.
func TestHandmade(t *testing.T) {
	t.Parallel()
	response := handmade(t, "rsa-sha256")
	a, err := check([]byte(response), expect())
	if err != nil {
		t.Fatalf("%v\n%s", err, response)
	}
	if a.NameID != `a<b>&"c"` || a.Attributes["n"][0] != "v" {
		t.Errorf("read %+v", a)
	}
	// The blank between two elements is signed too.
	if _, err := check([]byte(strings.Replace(response, "\r\n  <s:Subject>", "\r\n <s:Subject>", 1)), expect()); err == nil {
		t.Error("a changed blank passes")
	}
	// What is said of the key must be true, even where the key itself is right.
	a, err = check([]byte(handmade(t, "ecdsa-sha256")), expect())
	refused(t, a, err, api.CodeSignInInvalid, "does not fit")
}

func handmade(t *testing.T, algorithm string) string {
	t.Helper()
	const (
		nsS  = `xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion"`
		nsXS = `xmlns:xs="http://www.w3.org/2001/XMLSchema"`
		nsXI = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
		nsD  = `xmlns:d="http://www.w3.org/2000/09/xmldsig#"`
		excl = "http://www.w3.org/2001/10/xml-exc-c14n#"
	)
	canonical := `<s:Assertion ` + nsS + ` ` + nsXS + ` ID="_a" IssueInstant="2026-11-24T12:00:00Z" Version="2.0">` +
		`<s:Issuer>` + issuer + `</s:Issuer>` + "\n  " +
		`<s:Subject><s:NameID>a&lt;b&gt;&amp;"c"</s:NameID><s:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
		`<s:SubjectConfirmationData InResponseTo="` + requestID + `" NotOnOrAfter="2026-11-24T12:05:00.123+00:00" Recipient="` + acs + `">` +
		`</s:SubjectConfirmationData></s:SubjectConfirmation></s:Subject>` +
		`<s:Conditions><s:AudienceRestriction><s:Audience>` + audience + `</s:Audience></s:AudienceRestriction></s:Conditions>` +
		`<s:AuthnStatement AuthnInstant="2026-11-24T12:00:00Z"></s:AuthnStatement>` +
		`<s:AttributeStatement><s:Attribute Name="n"><s:AttributeValue ` + nsXI + ` xsi:type="xs:string">v</s:AttributeValue>` +
		`</s:Attribute></s:AttributeStatement></s:Assertion>`
	digest := sha256.Sum256([]byte(canonical))
	signedInfo := `<d:SignedInfo ` + nsD + `><d:CanonicalizationMethod Algorithm="` + excl + `"></d:CanonicalizationMethod>` +
		`<d:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#` + algorithm + `"></d:SignatureMethod>` +
		`<d:Reference URI="#_a"><d:Transforms><d:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></d:Transform>` +
		`<d:Transform Algorithm="` + excl + `"><ec:InclusiveNamespaces xmlns:ec="` + excl + `" PrefixList="xs"></ec:InclusiveNamespaces>` +
		`</d:Transform></d:Transforms><d:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></d:DigestMethod>` +
		`<d:DigestValue>` + base64.StdEncoding.EncodeToString(digest[:]) + `</d:DigestValue></d:Reference></d:SignedInfo>`
	sum := sha256.Sum256([]byte(signedInfo))
	signature, err := provider().key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}

	written := strings.NewReplacer(
		` `+nsS+` `+nsXS+` ID="_a" IssueInstant="2026-11-24T12:00:00Z" Version="2.0"`,
		` Version='2.0'   ID = "_a"`+"\n\t"+`IssueInstant="2026-11-24T12:00:00Z" `,
		`a&lt;b&gt;&amp;"c"`, `a<![CDATA[<b>&]]>&quot;&#99;"`, "\n  ", "\r\n  ",
		`></s:SubjectConfirmationData>`, `/>`, `></s:AuthnStatement>`, ` />`, ` `+nsXI+` xsi:type`, ` xsi:type`,
		`</s:Issuer>`, `</s:Issuer><d:Signature>`+strings.NewReplacer(` `+nsD, ``, `></d:SignatureMethod>`, `/>`).Replace(signedInfo)+
			"<d:SignatureValue>\n"+base64.StdEncoding.EncodeToString(signature)+"\n</d:SignatureValue></d:Signature>",
	).Replace(canonical)
	return `<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" ` +
		nsXI + ` ` + nsXS + ` ` + nsS + ` ` + nsD + ` xmlns:unused="urn:x" ID="_r" Version="2.0" IssueInstant="2026-11-24T12:00:00Z" InResponseTo="` +
		requestID + `"><p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></p:Status>` + written + `</p:Response>`
}
