package samlflow_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	"github.com/crewjam/saml/xmlenc"
	"github.com/google/go-cmp/cmp"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/words"
)

func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	ec, short, old := ecKey(), shortKey(), expired()
	want := samlflow.Assertion{
		NameID: signedAs, Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", ID: "_assertion-1", Issuer: issuer,
		Attributes: map[string][]string{"mail": {"ada@example.org", "ada@example.net"}},
	}
	for name, c := range map[string]struct {
		spec   spec
		expect func(*samlflow.Expect)
		want   func(*samlflow.Assertion)
	}{
		"signed assertion":        {},
		"signed response":         {spec: spec{response: true}},
		"both signed":             {spec: spec{response: true, assertion: true}},
		"SHA-512":                 {spec: spec{algorithm: dsig.RSASHA512SignatureMethod}},
		"ECDSA":                   {spec: spec{by: &ec, algorithm: dsig.ECDSASHA384SignatureMethod}, expect: func(x *samlflow.Expect) { x.Certificate = ec.base64() }},
		"ECDSA over the response": {spec: spec{by: &ec, response: true, algorithm: dsig.ECDSASHA256SignatureMethod}, expect: func(x *samlflow.Expect) { x.Certificate = ec.base64() }},
		"default namespace": {spec: spec{elements: func(_, a *etree.Element) {
			a.CreateAttr("xmlns", "urn:oasis:names:tc:SAML:2.0:assertion")
			a.Space = ""
		}}},
		"odd letters": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				a.Subject.NameID.Value = "  <&>\"'ü 漢字\n\u202Ex "
			}},
			want: func(a *samlflow.Assertion) { a.NameID = "  <&>\"'ü 漢字\n\u202Ex " },
		},
		"no destination, unsigned response": {spec: spec{change: func(r *saml.Response, _ *saml.Assertion) { r.Destination = "" }}},
		"no issuer of the response":         {spec: spec{change: func(r *saml.Response, _ *saml.Assertion) { r.Issuer = nil }}},
		"no format": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { a.Subject.NameID.Format = "" }},
			want: func(a *samlflow.Assertion) { a.Format = "" },
		},
		"the second confirmation fits": {spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
			other := a.Subject.SubjectConfirmations[0]
			data := *other.SubjectConfirmationData
			data.Recipient = "https://elsewhere"
			other.SubjectConfirmationData = &data
			a.Subject.SubjectConfirmations = append([]saml.SubjectConfirmation{other}, a.Subject.SubjectConfirmations...)
		}}},
		"late by less than the skew": {expect: func(x *samlflow.Expect) { x.Now = now.Add(6*time.Minute + 59*time.Second) }},
		"early by less than the skew": {expect: func(x *samlflow.Expect) {
			x.Now = now.Add(-2 * time.Minute)
		}},
		"exclusive canonicalization with comments": {
			spec: spec{canonicalizer: dsig.MakeC14N10ExclusiveWithCommentsCanonicalizerWithPrefixList("")},
		},
		"SHA-1 allowed": {
			spec: spec{algorithm: dsig.RSASHA1SignatureMethod}, expect: func(x *samlflow.Expect) { x.AllowSHA1 = true },
			want: func(a *samlflow.Assertion) {
				a.Remarks = []api.Remark{{Why: "saml-sha1"}}
			},
		},
		"short key": {
			spec: spec{by: &short}, expect: func(x *samlflow.Expect) { x.Certificate = short.base64() },
			want: func(a *samlflow.Assertion) {
				a.Remarks = []api.Remark{{Why: "saml-key", Params: map[string]string{"bits": "1024"}}}
			},
		},
		"the second certificate": {
			spec:   spec{by: &ec, response: true, assertion: true, algorithm: dsig.ECDSASHA256SignatureMethod},
			expect: func(x *samlflow.Expect) { x.Second = ec.base64() },
		},
		"the first of two certificates": {expect: func(x *samlflow.Expect) { x.Second = ec.base64() }},
		"expired certificate": {
			spec: spec{by: &old}, expect: func(x *samlflow.Expect) { x.Certificate = old.base64() },
			want: func(a *samlflow.Assertion) {
				a.Remarks = []api.Remark{{Why: "saml-expired", Params: map[string]string{"date": "2026-11-23"}}}
			},
		},
		"a thousand groups": {
			spec: spec{response: true, change: func(_ *saml.Response, a *saml.Assertion) {
				a.AttributeStatements[0].Attributes[0].Values = make([]saml.AttributeValue, 3000)
			}},
			want: func(a *samlflow.Assertion) { a.Attributes = map[string][]string{"mail": make([]string, 3000)} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, want := expect(), want
			if c.expect != nil {
				c.expect(&x)
			}
			if c.want != nil {
				c.want(&want)
			}
			xml := c.spec.build(t)
			got, err := check(xml, x)
			if err != nil {
				t.Fatalf("Check: %v (%v)", err, errors.Unwrap(err))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if name, err := samlflow.NameID(posted(xml)); err != nil || name != want.NameID {
				t.Errorf("NameID = %q, %v", name, err)
			}
			if id, err := samlflow.InResponseTo(posted(xml)); err != nil || id != requestID {
				t.Errorf("InResponseTo = %q, %v", id, err)
			}
		})
	}
}

// refusals are responses that somebody signed rightly and that must not be believed all the same.
func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	other, old := stranger(), expired()
	data := func(a *saml.Assertion) *saml.SubjectConfirmationData {
		return a.Subject.SubjectConfirmations[0].SubjectConfirmationData
	}
	for name, c := range map[string]struct {
		spec   spec
		expect func(*samlflow.Expect)
		// edit changes the signed document.
		edit   func(*testing.T, []byte) []byte
		code   api.Code // CodeSignInInvalid when empty
		reason string   // part of the sentence
	}{
		"unsigned":    {spec: spec{unsigned: true}, reason: "not signed"},
		"another key": {spec: spec{by: &other}, reason: "does not fit the provider's certificate"},
		"another key in the response, the right one in the assertion": {
			edit: func(t *testing.T, xml []byte) []byte {
				return edit(t, xml, func(root *etree.Element) { spec{}.sign(t, other, root) })
			}, reason: "does not fit the provider's certificate",
		},
		"another key in the assertion, the right one in the response": {
			spec:   spec{response: true, elements: func(_, a *etree.Element) { spec{}.sign(t, other, a) }},
			reason: "does not fit the provider's certificate",
		},
		"neither of two certificates": {
			spec: spec{by: &other}, expect: func(x *samlflow.Expect) { x.Second = old.base64() },
			reason: "does not fit the provider's certificate",
		},
		"the second certificate in the response, the first in the assertion": {
			expect: func(x *samlflow.Expect) { x.Second = other.base64() },
			edit: func(t *testing.T, xml []byte) []byte {
				return edit(t, xml, func(root *etree.Element) { spec{}.sign(t, other, root) })
			}, reason: "does not fit the provider's certificate",
		},
		"a second certificate that cannot be read": {
			expect: func(x *samlflow.Expect) { x.Second = "MII" }, reason: "certificate",
		},
		"the same name in another certificate": {
			spec: spec{by: &old}, reason: "does not fit the provider's certificate",
		},
		"KeyInfo names the stranger, the key is his": {
			spec: spec{by: &other, response: true}, reason: "does not fit the provider's certificate",
		},
		"KeyInfo names the provider, the key is the stranger's": {
			spec: spec{by: &identity{other.key, provider().cert}}, reason: "does not fit the provider's certificate",
		},
		"SHA-1":          {spec: spec{algorithm: dsig.RSASHA1SignatureMethod}, reason: "SHA-1"},
		"SHA-1 response": {spec: spec{algorithm: dsig.RSASHA1SignatureMethod, response: true}, reason: "SHA-1"},
		"an unknown canonicalization": {
			spec:   spec{canonicalizer: named{dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(""), "http://www.w3.org/2010/xml-c14n2"}},
			reason: "canonicalization that Jellybind does not know",
		},
		"no canonicalization, which SAML does not know": {
			spec: spec{canonicalizer: dsig.MakeNullCanonicalizer()}, reason: "canonicalization that Jellybind does not know",
		},
		"tampered name": {
			edit: func(t *testing.T, xml []byte) []byte { return replace(t, xml, ">"+signedAs, ">"+evilName) }, reason: "changed on the way",
		},
		"tampered name, both signed": {
			spec: spec{response: true, assertion: true},
			edit: func(t *testing.T, xml []byte) []byte { return replace(t, xml, ">"+signedAs, ">"+evilName) }, reason: "changed on the way",
		},
		"signature value of another document": {
			edit: func(t *testing.T, xml []byte) []byte {
				foreign := spec{change: func(_ *saml.Response, a *saml.Assertion) { a.Subject.NameID.Value = "x" }}.build(t)
				return edit(t, xml, func(root *etree.Element) {
					doc := etree.NewDocument()
					if err := doc.ReadFromBytes(foreign); err != nil {
						t.Fatal(err)
					}
					root.FindElement("//ds:SignatureValue").SetText(doc.FindElement("//ds:SignatureValue").Text())
				})
			}, reason: "changed on the way",
		},
		"digest changed": {
			edit: func(t *testing.T, xml []byte) []byte {
				return edit(t, xml, func(root *etree.Element) {
					root.FindElement("//ds:DigestValue").SetText(base64.StdEncoding.EncodeToString(make([]byte, 32)))
				})
			}, reason: "changed on the way",
		},
		"HMAC with the certificate as the key": {
			edit: func(t *testing.T, xml []byte) []byte {
				return replace(t, xml, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
			}, reason: "algorithm that is unknown",
		},
		"encrypted assertion": {
			edit: encrypt, reason: "encrypted",
		},
		"encrypted name": {
			spec: spec{elements: func(_, a *etree.Element) {
				subject := a.FindElement("./saml:Subject")
				subject.RemoveChild(subject.FindElement("./saml:NameID"))
				subject.CreateElement("saml:EncryptedID").CreateElement("xenc:EncryptedData").CreateAttr("xmlns:xenc", "http://www.w3.org/2001/04/xmlenc#")
			}}, reason: "encrypted",
		},

		"status of a refusal": {
			spec: spec{change: func(r *saml.Response, _ *saml.Assertion) {
				r.Status = saml.Status{
					StatusCode: saml.StatusCode{
						Value: saml.StatusResponder, StatusCode: &saml.StatusCode{Value: "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"},
					},
					StatusMessage: &saml.StatusMessage{Value: "Not \x1b[2Jin the group"},
				}
			}, elements: func(r, a *etree.Element) {
				r.FindElement("//samlp:StatusMessage").SetText("Not in the\u202E group")
				_ = a
			}},
			code: api.CodeSignInRefused, reason: `RequestDenied: Not in the\u202e group`,
		},
		"status unknown": {
			spec: spec{change: func(r *saml.Response, _ *saml.Assertion) { r.Status.StatusCode.Value = "success" }},
			code: api.CodeSignInRefused, reason: ": success",
		},
		"no status": {
			spec: spec{elements: func(r, _ *etree.Element) { r.RemoveChild(r.FindElement("./samlp:Status")) }}, reason: "no status",
		},
		"no assertion": {
			spec: spec{unsigned: true, response: true, elements: func(r, a *etree.Element) { r.RemoveChild(a) }}, reason: "no assertion",
		},

		"response to another request": {
			spec: spec{change: func(r *saml.Response, _ *saml.Assertion) { r.InResponseTo = "_other" }}, reason: "different request",
		},
		"response to no request": {
			spec: spec{change: func(r *saml.Response, _ *saml.Assertion) { r.InResponseTo = "" }}, reason: "different request",
		},
		"assertion for another request": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { data(a).InResponseTo = "_other" }}, reason: "different request",
		},
		"assertion for no request": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { data(a).InResponseTo = "" }}, reason: "different request",
		},
		"wrong destination": {
			spec:   spec{change: func(r *saml.Response, _ *saml.Assertion) { r.Destination = acs + "/" }},
			reason: `its Destination is ` + acs + `/, but the sign-in was started for ` + acs,
		},
		"no destination in a signed response": {
			spec: spec{response: true, change: func(r *saml.Response, _ *saml.Assertion) { r.Destination = "" }}, reason: "its Destination is",
		},
		"wrong recipient": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				data(a).Recipient = "https://jf.example.org/sso/SAML/post/idp"
			}}, reason: "its Recipient is",
		},
		"no recipient": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { data(a).Recipient = "" }}, reason: "its Recipient is",
		},
		"recipient that poses": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				data(a).Recipient = "https://jf\u202e.example/" + strings.Repeat("x", 900)
			}}, reason: "its Recipient is",
		},
		"wrong audience": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				a.Conditions.AudienceRestrictions[0].Audience.Value = "other"
			}},
			reason: `meant for other, but this provider's client is jellyfin-saml`,
		},
		"two restrictions, one of them another's": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				a.Conditions.AudienceRestrictions = append(a.Conditions.AudienceRestrictions, saml.AudienceRestriction{Audience: saml.Audience{Value: "other"}})
			}}, reason: `meant for other`,
		},
		"no audience": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { a.Conditions.AudienceRestrictions = nil }}, reason: "no audience",
		},
		"no conditions": {
			spec: spec{elements: func(_, a *etree.Element) { a.RemoveChild(a.FindElement("./saml:Conditions")) }}, reason: "no conditions",
		},
		"unknown condition": {
			spec: spec{elements: func(_, a *etree.Element) { a.FindElement("./saml:Conditions").CreateElement("saml:Condition") }}, reason: "does not know",
		},
		"holder of key": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				a.Subject.SubjectConfirmations[0].Method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"
			}}, reason: "no bearer",
		},
		"no confirmation": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { a.Subject.SubjectConfirmations = nil }}, reason: "no bearer",
		},
		"endless confirmation": {
			spec: spec{elements: func(_, a *etree.Element) { a.FindElement("//saml:SubjectConfirmationData").RemoveAttr("NotOnOrAfter") }}, reason: "no end",
		},
		"nobody signed in": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { a.AuthnStatements = nil }}, reason: "somebody signed in",
		},
		"session over": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				end := now.Add(-3 * time.Minute)
				a.AuthnStatements[0].SessionNotOnOrAfter = &end
			}}, reason: "session has ended",
		},
		"ends before it begins": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				data(a).NotBefore, data(a).NotOnOrAfter = now.Add(30*time.Second), now.Add(-30*time.Second)
			}}, reason: "ends before it begins",
		},
		"conditions end before they begin": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				a.Conditions.NotBefore, a.Conditions.NotOnOrAfter = now.Add(30*time.Second), now.Add(-30*time.Second)
			}}, reason: "ends before it begins",
		},
		"issued after its end": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				a.IssueInstant, data(a).NotOnOrAfter = now.Add(30*time.Second), now.Add(-30*time.Second)
			}}, reason: "ends before it begins",
		},
		"expired": {expect: func(x *samlflow.Expect) { x.Now = now.Add(7 * time.Minute) }, reason: "no longer valid"},
		"expired confirmation": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { data(a).NotOnOrAfter = now.Add(-2 * time.Minute) }}, reason: "no longer valid",
		},
		"not yet valid": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				a.Conditions.NotBefore = now.Add(2*time.Minute + time.Second)
			}}, reason: "not valid yet",
		},
		"confirmation not yet valid": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { data(a).NotBefore = now.Add(3 * time.Minute) }}, reason: "not valid yet",
		},
		"issued in the future": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { a.IssueInstant = now.Add(3 * time.Minute) }}, reason: "issued in the future",
		},
		"response issued in the future": {
			spec: spec{change: func(r *saml.Response, _ *saml.Assertion) { r.IssueInstant = now.Add(3 * time.Minute) }}, reason: "issued in the future",
		},
		"no time": {
			spec: spec{elements: func(_, a *etree.Element) { a.FindElement("./saml:Conditions").CreateAttr("NotOnOrAfter", "tomorrow") }}, reason: "is not a time",
		},
		"no time zone": {
			spec: spec{elements: func(_, a *etree.Element) {
				a.FindElement("./saml:Conditions").CreateAttr("NotOnOrAfter", "2026-11-24T13:00:00")
			}}, reason: "is not a time",
		},
		"different issuers": {
			spec: spec{change: func(r *saml.Response, _ *saml.Assertion) { r.Issuer.Value = "https://other" }}, reason: "different issuers",
		},
		"SAML 1.1": {
			spec: spec{change: func(r *saml.Response, _ *saml.Assertion) { r.Version = "1.1" }}, reason: "not SAML 2.0",
		},
		"assertion of SAML 1.1": {
			spec: spec{elements: func(_, a *etree.Element) { a.CreateAttr("Version", "1.1") }}, reason: "not SAML 2.0",
		},
		"transient": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) {
				a.Subject.NameID.Format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
			}}, code: api.CodeNameIDTransient, reason: "different name",
		},
		"empty name": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { a.Subject.NameID.Value = " \t" }}, code: api.CodeNameInvalid, reason: "empty NameID",
		},
		"no name": {
			spec: spec{change: func(_ *saml.Response, a *saml.Assertion) { a.Subject.NameID = nil }}, reason: "no NameID",
		},
		"two names": {
			spec: spec{elements: func(_, a *etree.Element) {
				a.FindElement("./saml:Subject").CreateElement("saml:NameID").SetText(evilName)
			}}, reason: "no NameID",
		},
		"name with elements": {
			spec: spec{elements: func(_, a *etree.Element) { a.FindElement("//saml:NameID").CreateElement("b").SetText("x") }}, reason: "more in it than text",
		},
		"two subjects": {
			spec: spec{elements: func(_, a *etree.Element) { a.AddChild(a.FindElement("./saml:Subject").Copy()) }}, reason: "no subject",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := expect()
			if c.expect != nil {
				c.expect(&x)
			}
			xml := c.spec.build(t)
			if c.edit != nil {
				xml = c.edit(t, xml)
			}
			if c.code == "" {
				c.code = api.CodeSignInInvalid
			}
			got, err := check(xml, x)
			refused(t, got, err, c.code, c.reason)
		})
	}
}

// refused checks that the response was refused for the expected reason, and that the person reads that reason.
func refused(t *testing.T, got samlflow.Assertion, err error, code api.Code, reason string) {
	t.Helper()
	if got.NameID != "" {
		t.Errorf("a name came out: %q", got.NameID)
	}
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		t.Fatalf("error is %T: %v", err, err)
	}
	e = inWords(e)
	if e.Code != code || !strings.Contains(e.Sentence, reason) || e.Hint == "" {
		t.Errorf("error is %s: %s (%s)\nwant %s: …%s…", e.Code, e.Sentence, e.Hint, code, reason)
	}
	if strings.Contains(e.Sentence+e.Hint, evilName) || strings.ContainsAny(e.Sentence, "\x1b\u202e") {
		t.Errorf("the error repeats what a stranger sent: %s", e.Sentence)
	}
	for name, value := range e.Params {
		if strings.ContainsAny(value, "\x1b\u202e") || len(value) > 300 {
			t.Errorf("the parameter %s is what a stranger sent: %q", name, value)
		}
	}
}

// encrypt turns the assertion into an encrypted one, as crewjam's identity provider does it.
func encrypt(t *testing.T, xml []byte) []byte {
	t.Helper()
	return edit(t, xml, func(root *etree.Element) {
		assertion := root.FindElement("./saml:Assertion")
		doc := etree.NewDocument()
		doc.SetRoot(assertion.Copy())
		plain, err := doc.WriteToBytes()
		if err != nil {
			t.Fatal(err)
		}
		encryptor := xmlenc.OAEP()
		encryptor.BlockCipher = xmlenc.AES128CBC
		encryptor.DigestMethod = &xmlenc.SHA1
		data, err := encryptor.Encrypt(stranger().cert, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		root.RemoveChild(assertion)
		root.CreateElement("saml:EncryptedAssertion").AddChild(data)
		root.CreateAttr("xmlns:saml", "urn:oasis:names:tc:SAML:2.0:assertion")
	})
}

func TestCheckRefusesAReplay(t *testing.T) {
	t.Parallel()
	var seen samlflow.Replay
	response, x := posted(spec{}.build(t)), expect()
	var wg sync.WaitGroup
	var mu sync.Mutex
	accepted := 0
	for range 8 {
		wg.Go(func() {
			a, err := samlflow.Check(response, x, &seen)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				accepted++
				return
			}
			refused(t, a, err, api.CodeSignInInvalid, "used before")
		})
	}
	wg.Wait()
	if accepted != 1 {
		t.Errorf("accepted %d times", accepted)
	}
	// Around another, unsigned response the same assertion is still the same.
	around := spec{change: func(r *saml.Response, _ *saml.Assertion) { r.ID = "_response-2" }}.build(t)
	a, err := samlflow.Check(posted(around), x, &seen)
	refused(t, a, err, api.CodeSignInInvalid, "used before")
	// To the very end of its validity, skew included, it is remembered.
	x.Now = now.Add(7*time.Minute - time.Nanosecond)
	a, err = samlflow.Check(response, x, &seen)
	refused(t, a, err, api.CodeSignInInvalid, "used before")
	// What was refused for another reason is not used up.
	x, fresh := expect(), samlflow.Replay{}
	wrong := x
	wrong.Audience = "other"
	if _, err := samlflow.Check(response, wrong, &fresh); err == nil {
		t.Error("accepted for another audience")
	}
	if _, err := samlflow.Check(response, x, &fresh); err != nil {
		t.Errorf("used up by a refusal: %v", err)
	}
}

func TestCheckNeedsEverything(t *testing.T) {
	t.Parallel()
	response := posted(spec{}.build(t))
	for name, change := range map[string]func(*samlflow.Expect){
		"audience":  func(x *samlflow.Expect) { x.Audience = "" },
		"recipient": func(x *samlflow.Expect) { x.Recipient = "" },
		"request":   func(x *samlflow.Expect) { x.RequestID = "" },
		"time":      func(x *samlflow.Expect) { x.Now = time.Time{} },
	} {
		x := expect()
		change(&x)
		if a, err := samlflow.Check(response, x, &samlflow.Replay{}); err == nil || a.NameID != "" {
			t.Errorf("believed without the %s", name)
		}
	}
	if _, err := samlflow.Check(response, expect(), nil); err == nil {
		t.Error("believed without a memory")
	}
	for name, certificate := range map[string]string{
		"empty": "", "no base64": "***", "no certificate": "AAAA", "key only": base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(publicKey(t))),
	} {
		x := expect()
		x.Certificate = certificate
		_, err := samlflow.Check(response, x, &samlflow.Replay{})
		if !api.IsCode(err, api.CodeSignInInvalid) || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBase64(t *testing.T) {
	t.Parallel()
	xml := spec{}.build(t)
	b64 := posted(xml).Reveal()
	var folded strings.Builder
	for i := 0; i < len(b64); i += 76 {
		folded.WriteString(b64[i:min(i+76, len(b64))] + "\r\n")
	}
	if a, err := samlflow.Check(secret.New(folded.String()), expect(), &samlflow.Replay{}); err != nil || a.NameID != signedAs {
		t.Errorf("in lines: %v", err)
	}
	noise := make([]byte, 1<<20+1)
	_, _ = rand.Read(noise)
	for name, in := range map[string]string{
		"empty": "", "no base64": "<xml/>", "URL alphabet": "_-_-", "half": b64[:len(b64)/2+1],
		"too large": base64.StdEncoding.EncodeToString(noise), "far too large": strings.Repeat("A", 10<<20),
	} {
		got, err := samlflow.Check(secret.New(in), expect(), &samlflow.Replay{})
		refused(t, got, err, api.CodeSignInInvalid, "refused")
		if _, err := samlflow.NameID(secret.New(in)); err == nil {
			t.Errorf("%s: NameID accepts it", name)
		}
		if _, err := samlflow.InResponseTo(secret.New(in)); err == nil {
			t.Errorf("%s: InResponseTo accepts it", name)
		}
	}
}

// inWords returns the error with the sentence and the hint that a person reads.
func inWords(e *api.Error) *api.Error {
	told := &api.Error{}
	if e != nil {
		*told = *e
		told.Sentence, told.Hint = words.For("en").Error(e, words.Terminal)
		told.Sentence, told.Hint = strings.ReplaceAll(told.Sentence, "’", "'"), strings.ReplaceAll(told.Hint, "’", "'")
	}
	return told
}
