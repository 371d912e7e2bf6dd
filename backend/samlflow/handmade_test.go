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

const (
	exclusive   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	inclusive10 = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	inclusive11 = "http://www.w3.org/2006/12/xml-c14n11"
)

// TestHandmade checks a response whose canonical form is written down here by hand, while the response itself is written
// quite differently: prefixes declared far above, attributes in another order, short empty elements, CDATA, single quotes,
// blanks in tags. It is how identity providers in Java and .NET write (InclusiveNamespaces PrefixList="xs" included), and
// needs no code that could share a mistake with the code under test.
func TestHandmade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ info, transform string }{
		"exclusive":                             {exclusive, exclusive},
		"exclusive with comments":               {exclusive + "WithComments", exclusive + "WithComments"},
		"inclusive 1.0":                         {inclusive10, inclusive10},
		"inclusive 1.0 with comments":           {inclusive10 + "#WithComments", inclusive10 + "#WithComments"},
		"inclusive 1.1":                         {inclusive11, inclusive11},
		"inclusive 1.1 with comments":           {inclusive11 + "#WithComments", inclusive11 + "#WithComments"},
		"inclusive over SignedInfo only":        {inclusive10, exclusive},
		"only the transform is inclusive":       {exclusive, inclusive11},
		"inclusive, since nothing else is said": {exclusive, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := handmade(t, "rsa-sha256", c.info, c.transform)
			a, err := check([]byte(response), expect())
			if err != nil {
				t.Fatalf("%v\n%s", err, response)
			}
			if a.NameID != `a<b>&"c"` || a.Attributes["n"][0] != "v" {
				t.Errorf("read %+v", a)
			}
			// The blank between two elements is signed too, and so is the name.
			for old, by := range map[string]string{"\r\n  <s:Subject>": "\r\n <s:Subject>", "a<![CDATA[": "b<![CDATA["} {
				a, err := check([]byte(strings.Replace(response, old, by, 1)), expect())
				refused(t, a, err, api.CodeSignInInvalid, "changed on the way")
			}
		})
	}
	// A false statement about the key is refused, even if the key itself is right.
	a, err := check([]byte(handmade(t, "ecdsa-sha256", exclusive, exclusive)), expect())
	refused(t, a, err, api.CodeSignInInvalid, "does not fit")
}

// handmade signs a response by hand. info and transform name the canonicalizations; an empty transform is none.
func handmade(t *testing.T, algorithm, info, transform string) string {
	t.Helper()
	const (
		nsS  = `xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion"`
		nsXS = `xmlns:xs="http://www.w3.org/2001/XMLSchema"`
		nsXI = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
		nsD  = `xmlns:d="http://www.w3.org/2000/09/xmldsig#"`
		nsP  = `xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"`
		// all that stands above, in the order of an inclusive canonicalization
		all = nsD + ` ` + nsP + ` ` + nsS + ` xmlns:unused="urn:x" ` + nsXS + ` ` + nsXI
	)
	assertionNS, typeNS, infoNS := nsS+` `+nsXS, ` `+nsXI, nsD
	if !strings.HasPrefix(transform, exclusive) {
		assertionNS, typeNS = all, ""
	}
	if !strings.HasPrefix(info, exclusive) {
		infoNS = all
	}
	canonical := `<s:Assertion ` + assertionNS + ` ID="_a" IssueInstant="2026-11-24T12:00:00Z" Version="2.0">` +
		`<s:Issuer>` + issuer + `</s:Issuer>` + "\n  " +
		`<s:Subject><s:NameID>a&lt;b&gt;&amp;"c"</s:NameID><s:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
		`<s:SubjectConfirmationData InResponseTo="` + requestID + `" NotOnOrAfter="2026-11-24T12:05:00.123+00:00" Recipient="` + acs + `">` +
		`</s:SubjectConfirmationData></s:SubjectConfirmation></s:Subject>` +
		`<s:Conditions><s:AudienceRestriction><s:Audience>` + audience + `</s:Audience></s:AudienceRestriction></s:Conditions>` +
		`<s:AuthnStatement AuthnInstant="2026-11-24T12:00:00Z"></s:AuthnStatement>` +
		`<s:AttributeStatement><s:Attribute Name="n"><s:AttributeValue` + typeNS + ` xsi:type="xs:string">v</s:AttributeValue>` +
		`</s:Attribute></s:AttributeStatement></s:Assertion>`
	digest := sha256.Sum256([]byte(canonical))
	canonicalization := ""
	switch {
	case strings.HasPrefix(transform, exclusive):
		canonicalization = `<d:Transform Algorithm="` + transform + `"><ec:InclusiveNamespaces xmlns:ec="` + exclusive + `" PrefixList="xs">` +
			`</ec:InclusiveNamespaces></d:Transform>`
	case transform != "":
		canonicalization = `<d:Transform Algorithm="` + transform + `"></d:Transform>`
	}
	signedInfo := `<d:SignedInfo ` + infoNS + `><d:CanonicalizationMethod Algorithm="` + info + `"></d:CanonicalizationMethod>` +
		`<d:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#` + algorithm + `"></d:SignatureMethod>` +
		`<d:Reference URI="#_a"><d:Transforms><d:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></d:Transform>` +
		canonicalization + `</d:Transforms><d:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></d:DigestMethod>` +
		`<d:DigestValue>` + base64.StdEncoding.EncodeToString(digest[:]) + `</d:DigestValue></d:Reference></d:SignedInfo>`
	sum := sha256.Sum256([]byte(signedInfo))
	signature, err := provider().key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}

	written := strings.NewReplacer(
		` `+assertionNS+` ID="_a" IssueInstant="2026-11-24T12:00:00Z" Version="2.0"`,
		` Version='2.0'   ID = "_a"`+"\n\t"+`IssueInstant="2026-11-24T12:00:00Z" `,
		`a&lt;b&gt;&amp;"c"`, `a<![CDATA[<b>&]]>&quot;&#99;"`, "\n  ", "\r\n  ",
		`></s:SubjectConfirmationData>`, `/>`, `></s:AuthnStatement>`, ` />`, typeNS+` xsi:type`, ` xsi:type`,
		`</s:Issuer>`, `</s:Issuer><d:Signature>`+strings.NewReplacer(` `+infoNS, ``, `></d:SignatureMethod>`, `/>`).Replace(signedInfo)+
			"<d:SignatureValue>\n"+base64.StdEncoding.EncodeToString(signature)+"\n</d:SignatureValue></d:Signature>",
	).Replace(canonical)
	return `<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<p:Response ` + nsP + ` ` +
		nsXI + ` ` + nsXS + ` ` + nsS + ` ` + nsD + ` xmlns:unused="urn:x" ID="_r" Version="2.0" IssueInstant="2026-11-24T12:00:00Z" InResponseTo="` +
		requestID + `"><p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></p:Status>` + written + `</p:Response>`
}
