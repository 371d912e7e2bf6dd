package samlflow_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/secret"
)

// What every response of the tests is made for.
const (
	audience  = "jellyfin-saml"
	acs       = "http://127.0.0.1:49152/jf/sso/SAML/post/idp"
	requestID = "_request-1"
	issuer    = "https://idp.example.org/metadata"
	signedAs  = "ada@example.org"
	evilName  = "root@example.org"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// identity is a key with its certificate.
type identity struct {
	key  crypto.Signer
	cert *x509.Certificate
}

// base64 is the certificate as the plugin holds it.
func (i identity) base64() string { return base64.StdEncoding.EncodeToString(i.cert.Raw) }

func makeIdentity(key crypto.Signer, err error, until time.Time) identity {
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return identity{key, cert}
}

func rsaIdentity(bits int, until time.Time) func() identity {
	return sync.OnceValue(func() identity {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		return makeIdentity(key, err, until)
	})
}

var (
	provider = rsaIdentity(2048, now.AddDate(1, 0, 0))
	stranger = rsaIdentity(2048, now.AddDate(1, 0, 0))
	shortKey = rsaIdentity(1024, now.AddDate(1, 0, 0))
	expired  = rsaIdentity(2048, now.AddDate(0, 0, -1))
	ecKey    = sync.OnceValue(func() identity {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		return makeIdentity(key, err, now.AddDate(1, 0, 0))
	})
)

// spec says how a response is made; the zero value makes a right one, whose assertion is signed.
type spec struct {
	by *identity
	// algorithm of the signatures; empty means RSA-SHA256.
	algorithm string
	// response and assertion tell which of them is signed; both false means the assertion.
	response, assertion, unsigned bool
	canonicalizer                 dsig.Canonicalizer
	// change works on what is signed afterwards.
	change func(*saml.Response, *saml.Assertion)
	// elements works on the elements, also before they are signed.
	elements func(response, assertion *etree.Element)
}

// response makes a response with crewjam's types and goxmldsig's signer.
func (s spec) build(t testing.TB) []byte {
	t.Helper()
	by := provider()
	if s.by != nil {
		by = *s.by
	}
	r := &saml.Response{
		ID: "_response-1", InResponseTo: requestID, Version: "2.0", IssueInstant: now.Add(-time.Second), Destination: acs,
		Issuer: &saml.Issuer{Value: issuer}, Status: saml.Status{StatusCode: saml.StatusCode{Value: saml.StatusSuccess}},
	}
	a := &saml.Assertion{
		ID: "_assertion-1", IssueInstant: now.Add(-time.Second), Version: "2.0", Issuer: saml.Issuer{Value: issuer},
		Subject: &saml.Subject{
			NameID: &saml.NameID{Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", Value: signedAs},
			SubjectConfirmations: []saml.SubjectConfirmation{{
				Method: "urn:oasis:names:tc:SAML:2.0:cm:bearer",
				SubjectConfirmationData: &saml.SubjectConfirmationData{
					InResponseTo: requestID, Recipient: acs, NotOnOrAfter: now.Add(5 * time.Minute),
				},
			}},
		},
		Conditions: &saml.Conditions{
			NotBefore: now.Add(-time.Minute), NotOnOrAfter: now.Add(5 * time.Minute),
			AudienceRestrictions: []saml.AudienceRestriction{{Audience: saml.Audience{Value: audience}}},
		},
		AuthnStatements: []saml.AuthnStatement{{
			AuthnInstant: now, SessionIndex: "1",
			AuthnContext: saml.AuthnContext{AuthnContextClassRef: &saml.AuthnContextClassRef{Value: "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"}},
		}},
		AttributeStatements: []saml.AttributeStatement{{Attributes: []saml.Attribute{
			{Name: "mail", Values: []saml.AttributeValue{{Value: "ada@example.org"}, {Value: "ada@example.net"}}},
		}}},
	}
	if s.change != nil {
		s.change(r, a)
	}
	root, assertion := r.Element(), a.Element()
	root.AddChild(assertion)
	if s.elements != nil {
		s.elements(root, assertion)
	}
	doc := etree.NewDocument()
	doc.SetRoot(root)
	if !s.unsigned && (s.assertion || !s.response) {
		s.sign(t, by, assertion)
	}
	if s.response {
		s.sign(t, by, root)
	}
	b, err := doc.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sign puts the signature where the schema wants it: behind the issuer.
func (s spec) sign(t testing.TB, by identity, e *etree.Element) {
	t.Helper()
	ctx, err := dsig.NewSigningContext(by.key, [][]byte{by.cert.Raw})
	if err != nil {
		t.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if s.canonicalizer != nil {
		ctx.Canonicalizer = s.canonicalizer
	}
	algorithm := s.algorithm
	if algorithm == "" {
		algorithm = dsig.RSASHA256SignatureMethod
	}
	if err := ctx.SetSignatureMethod(algorithm); err != nil {
		t.Fatal(err)
	}
	sig, err := ctx.ConstructSignature(e, true)
	if err != nil {
		t.Fatal(err)
	}
	if key, ok := by.key.(*ecdsa.PrivateKey); ok {
		fixECDSA(t, sig, (key.Curve.Params().BitSize+7)/8)
	}
	e.InsertChildAt(1, sig)
}

// fixECDSA writes the signature value as XML Signature wants it, r and s one behind the other; goxmldsig leaves ASN.1.
func fixECDSA(t testing.TB, sig *etree.Element, size int) {
	t.Helper()
	value := sig.FindElement("./SignatureValue")
	der, err := base64.StdEncoding.DecodeString(value.Text())
	var v struct{ R, S *big.Int }
	if err == nil {
		_, err = asn1.Unmarshal(der, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	raw := append(v.R.FillBytes(make([]byte, size)), v.S.FillBytes(make([]byte, size))...)
	value.SetText(base64.StdEncoding.EncodeToString(raw))
}

// named is a canonicalizer under another name.
type named struct {
	dsig.Canonicalizer
	algorithm dsig.AlgorithmID
}

func (n named) Algorithm() dsig.AlgorithmID { return n.algorithm }

// expect is what a right response fits.
func expect() samlflow.Expect {
	return samlflow.Expect{
		Certificate: provider().base64(), Audience: audience, Recipient: acs, RequestID: requestID, Now: now,
	}
}

func posted(xml []byte) secret.Value { return secret.New(base64.StdEncoding.EncodeToString(xml)) }

func check(xml []byte, x samlflow.Expect) (samlflow.Assertion, error) {
	return samlflow.Check(posted(xml), x, &samlflow.Replay{})
}

// edit parses a document, changes it and writes it again, with signatures untouched.
func edit(t testing.TB, xml []byte, change func(root *etree.Element)) []byte {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(xml); err != nil {
		t.Fatal(err)
	}
	change(doc.Root())
	b, err := doc.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func replace(t testing.TB, xml []byte, old, by string) []byte {
	t.Helper()
	if !bytes.Contains(xml, []byte(old)) {
		t.Fatalf("nothing to replace: %s", old)
	}
	return bytes.Replace(xml, []byte(old), []byte(by), 1)
}

func publicKey(t testing.TB) *rsa.PublicKey {
	t.Helper()
	key, ok := provider().cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		t.Fatal("no RSA key")
	}
	return key
}
