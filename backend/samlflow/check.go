// Package samlflow lets a person sign in at a SAML identity provider with a request of Jellybind's own. The response is caught
// on the loopback and checked here, against the certificate that the plugin holds for the provider. The caller then writes
// the link: with the response itself, which the plugin checks once more, or with the name alone.
package samlflow

import (
	"cmp"
	"crypto/rsa"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

// DefaultSkew is how far the identity provider's clock may differ from ours.
const DefaultSkew = 2 * time.Minute

// The identifiers of SAML 2.0 that are compared here.
const (
	statusSuccess   = "urn:oasis:names:tc:SAML:2.0:status:Success"
	methodBearer    = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	formatTransient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
)

// Judge says who decides whether a response is good.
type Judge int

const (
	// Ours means that nobody else checks the response before a link is written. Everything must be right.
	Ours Judge = iota
	// ServersToo means that the response is posted to the server, which checks it by its own settings. Our check is as strict,
	// except for the audience: the plugins compare it with different things, and some never look. Another audience is a remark.
	ServersToo
	// ServersAlone means that the provider's certificate cannot be read, so only the server can check the signature. Our check
	// covers the form, and that the response answers our request at our address, in time. The assertion proves nothing.
	ServersAlone
)

// Expect is what a response must fit.
type Expect struct {
	Judge Judge
	// Certificate is the provider's signing certificate, as ParseCertificate takes it. It is not used by ServersAlone.
	Certificate string
	// Second is another certificate that is allowed while the provider changes its key; empty where there is none.
	Second string
	// Audience is the service provider's entity id: the plugin's SamlAudience where it is set, else its SamlClientId. It may
	// be empty except for the judge Ours; then it is not compared.
	Audience string
	// Recipient is the ACS that the AuthnRequest named.
	Recipient string
	// RequestID is the AuthnRequest's ID.
	RequestID string
	// AllowSHA1 accepts signatures and digests made with SHA-1.
	AllowSHA1 bool
	Now       time.Time
	// Skew is allowed on all times; zero means DefaultSkew.
	Skew time.Duration
}

// Assertion is what a checked response says. With the judge ServersAlone, it is what an unchecked response says.
type Assertion struct {
	// NameID is the canonical name, raw, as the plugin takes it. Format is its format's URI; it may be empty.
	NameID string
	Format string
	// ID and Issuer are the assertion's.
	ID     string
	Issuer string
	// Attributes are the attributes' values by name.
	Attributes map[string][]string
	// Remarks are about what was accepted and could be better: SHA-1, a short key, an expired certificate, another audience.
	Remarks []api.Remark
}

// Check believes a response, base64 as it was posted, only if everything about it is right. In this order:
//
//  1. Its form: bounded UTF-8 XML without DTD, entities, comments; exactly one assertion, in its place; signatures in
//     their places only. See parse and locate.
//  2. Its status is Success (Core, section 3.2.2.2).
//  3. Response, assertion or both are signed by exactly the given certificate, or all by the second one, and every
//     signature that is there is right.
//     From here on, only what was read from signed bytes is believed of the assertion. See verifier.verify.
//  4. The response answers our request, at our address: InResponseTo, Destination (Core, section 3.2.2; Bindings, section
//     3.5.5.2).
//  5. The assertion is for us, for this request, and now: Conditions with AudienceRestriction (Core, section 2.5.1), and a
//     bearer SubjectConfirmation with Recipient, InResponseTo and NotOnOrAfter (Profiles, section 4.1.4.2).
//  6. Its NameID is there in the clear, and will be the same at the next sign-in: not transient (Core, section 8.3.8).
//  7. It was not accepted before (Profiles, section 4.1.4.5).
//
// What is left out where the server decides as well, Judge says.
//
// Errors: CodeSignInRefused with the identity provider's status, CodeNameIDTransient, CodeNameInvalid for an empty NameID,
// CodeSignInInvalid for all else.
func Check(response secret.Value, expect Expect, seen *Replay) (Assertion, error) {
	if expect.Recipient == "" || expect.RequestID == "" || expect.Now.IsZero() || seen == nil ||
		expect.Judge == Ours && expect.Audience == "" {
		return Assertion{}, errors.New("checking a SAML response: audience, recipient, request, time and memory must be given")
	}
	if expect.Skew == 0 {
		expect.Skew = DefaultSkew
	}
	v, err := newVerifier(expect)
	if err != nil {
		return Assertion{}, err
	}
	m, err := read(response)
	if err != nil {
		return Assertion{}, err
	}
	signed := m
	if v != nil {
		if signed, err = v.message(m); err != nil {
			return Assertion{}, err
		}
	}
	if err := expect.response(signed.root, m.rootSignature != nil); err != nil {
		return Assertion{}, err
	}
	a, until, err := expect.assertion(signed.assertion)
	if err != nil {
		return Assertion{}, err
	}
	if err := sameIssuer(signed.root, a.Issuer); err != nil {
		return Assertion{}, err
	}
	if !seen.first(a.Issuer+"\x00"+a.ID, expect.Now, until.Add(expect.Skew)) {
		return Assertion{}, refuse("used-before")
	}
	if v != nil {
		a.Remarks = append(a.Remarks, v.remarks(expect.Now)...)
	}
	return a, nil
}

// newVerifier returns what checks the signatures, nil where only the server can.
func newVerifier(expect Expect) (*verifier, error) {
	if expect.Judge == ServersAlone {
		return nil, nil
	}
	certificate, err := ParseCertificate(expect.Certificate)
	if err != nil {
		return nil, err
	}
	v := &verifier{certificate: certificate, allowSHA1: expect.AllowSHA1}
	if expect.Second != "" {
		v.second, err = ParseCertificate(expect.Second)
	}
	return v, err
}

// NameID returns the name in a response without believing it: signature, times and addresses are not checked. It shows a person
// what is about to be sent where the certificate cannot be read and the server does the checking.
// Errors: as Check.
func NameID(response secret.Value) (string, error) {
	m, err := read(response)
	if err != nil {
		return "", err
	}
	name, _, err := nameID(m.assertion)
	return name, err
}

// InResponseTo returns the ID of the request that a response says to answer, without believing anything else of it.
func InResponseTo(response secret.Value) (string, error) {
	b, err := decode(response)
	if err != nil {
		return "", err
	}
	root, err := parse(b)
	if err != nil {
		return "", err
	}
	if !is(root, nsProtocol, "Response") {
		return "", refuse("no-response")
	}
	return attr(root, "InResponseTo"), nil
}

// read takes a response apart, as far as that needs no key: form, status, one assertion that is not encrypted.
func read(response secret.Value) (message, error) {
	b, err := decode(response)
	if err != nil {
		return message{}, err
	}
	root, err := parse(b)
	if err != nil {
		return message{}, err
	}
	m, err := locate(root)
	if err != nil {
		return message{}, err
	}
	if attr(root, "Version") != "2.0" {
		return message{}, refuse("not-saml-2")
	}
	if err := status(root); err != nil {
		return message{}, err
	}
	if m.encrypted {
		return message{}, refuse("encrypted")
	}
	if m.assertion == nil {
		return message{}, refuse("no-assertion")
	}
	return m, nil
}

// status reports what the identity provider says about the sign-in (Core, section 3.2.2.1).
func status(root *etree.Element) error {
	s, ok := child(root, nsProtocol, "Status")
	if !ok {
		return refuse("no-status")
	}
	top, ok := child(s, nsProtocol, "StatusCode")
	if !ok {
		return refuse("no-status")
	}
	if attr(top, "Value") == statusSuccess {
		return nil
	}
	code := attr(top, "Value")
	if second, ok := child(top, nsProtocol, "StatusCode"); ok {
		code = attr(second, "Value")
	}
	code = shown(code[strings.LastIndexByte(code, ':')+1:])
	said := code
	if m, ok := child(s, nsProtocol, "StatusMessage"); ok {
		if t, ok := text(m); ok && strings.TrimSpace(t) != "" {
			said += ": " + shown(strings.TrimSpace(t))
		}
	}
	return &api.Error{
		Code: api.CodeSignInRefused, Why: "refused", Params: map[string]string{"status": code, "reason": said},
	}
}

// message checks every signature, at least one, and returns the message as it was signed. Where only the assertion is
// signed, the response around it is returned as it came: it proves nothing, but what it says must fit too.
func (v *verifier) message(m message) (message, error) {
	if m.rootSignature == nil && m.assertionSignature == nil {
		return message{}, refuse("unsigned")
	}
	signed := message{root: m.root}
	if m.assertionSignature != nil {
		a, err := v.verify(m.assertion, m.assertionSignature)
		if err != nil {
			return message{}, err
		}
		if !is(a, nsAssertion, "Assertion") {
			return message{}, badSignature()
		}
		signed.assertion = a
	}
	if m.rootSignature != nil {
		root, err := v.verify(m.root, m.rootSignature)
		if err != nil {
			return message{}, err
		}
		again, err := locate(root)
		if err != nil {
			return message{}, err
		}
		if again.assertion == nil {
			return message{}, badSignature()
		}
		signed = again
	}
	return signed, nil
}

// response checks the message around the assertion (Core, section 3.2.2).
func (x Expect) response(root *etree.Element, signed bool) error {
	if got := attr(root, "InResponseTo"); got != x.RequestID {
		return refuse("other-request")
	}
	// Bindings, section 3.5.5.2: a signed message must say where it was sent.
	if got := attr(root, "Destination"); got != x.Recipient && (got != "" || signed) {
		return wrongAddress("Destination", got, x.Recipient)
	}
	return x.issued(root)
}

// issued refuses what was made in the future.
func (x Expect) issued(e *etree.Element) error {
	t, err := instant(e, "IssueInstant")
	if err != nil {
		return err
	}
	if t.IsZero() || t.After(x.Now.Add(x.Skew)) {
		return refuse("future")
	}
	return nil
}

func wrongAddress(what, got, want string) error {
	got = cmp.Or(shown(got), "–")
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "answer-address",
		Params: map[string]string{"what": what, "got": got, "want": want},
	}
}

// assertion checks the signed assertion and returns what it says, and until when it can be used.
func (x Expect) assertion(e *etree.Element) (a Assertion, until time.Time, err error) {
	a.ID = attr(e, "ID")
	if attr(e, "Version") != "2.0" || a.ID == "" {
		return Assertion{}, until, refuse("assertion-not-saml-2")
	}
	if err := x.issued(e); err != nil {
		return Assertion{}, until, err
	}
	issuer, ok := child(e, nsAssertion, "Issuer")
	if ok {
		a.Issuer, ok = text(issuer)
		a.Issuer = strings.TrimSpace(a.Issuer)
	}
	if !ok || a.Issuer == "" {
		return Assertion{}, until, refuse("no-issuer")
	}
	if until, err = x.confirmation(e); err != nil {
		return Assertion{}, until, err
	}
	if made, err := instant(e, "IssueInstant"); err != nil || !made.Before(until) {
		return Assertion{}, until, refuse("ends-before-begin")
	}
	if x.Judge != ServersAlone {
		if a.Remarks, err = x.conditions(e); err != nil {
			return Assertion{}, until, err
		}
		if err := x.authentication(e); err != nil {
			return Assertion{}, until, err
		}
	}
	if a.NameID, a.Format, err = nameID(e); err != nil {
		return Assertion{}, until, err
	}
	a.Attributes = attributes(e)
	return a, until, nil
}

// conditions checks times and audience. Every AudienceRestriction must name us; a condition that is not understood leaves
// the assertion's validity open, so it is refused (Core, sections 2.5.1.1 and 2.5.1.4).
func (x Expect) conditions(assertion *etree.Element) (remarks []api.Remark, err error) {
	c, ok := child(assertion, nsAssertion, "Conditions")
	if !ok {
		return nil, refuse("no-conditions")
	}
	if err := x.window(c); err != nil {
		return nil, err
	}
	restricted := false
	for _, e := range c.ChildElements() {
		switch {
		case is(e, nsAssertion, "AudienceRestriction"):
			restricted = true
			if got, ok := x.audience(e); !ok {
				if x.Judge == Ours {
					return nil, wrongAudience(got, x.Audience)
				}
				remarks = append(remarks, otherAudience(got, x.Audience))
			}
		case is(e, nsAssertion, "OneTimeUse"), is(e, nsAssertion, "ProxyRestriction"):
			// Used once, here, and not handed on: both hold.
		default:
			return nil, refuse("unknown-condition")
		}
	}
	if !restricted && x.Judge == Ours {
		return nil, refuse("no-audience")
	}
	return remarks, nil
}

// audience reports whether a restriction names us, and otherwise whom it names.
func (x Expect) audience(restriction *etree.Element) (got string, ok bool) {
	var named []string
	for _, e := range children(restriction, nsAssertion, "Audience") {
		if t, ok := text(e); ok {
			named = append(named, strings.TrimSpace(t))
		}
	}
	if slices.Contains(named, x.Audience) || x.Audience == "" && x.Judge != Ours {
		return "", true
	}
	return cmp.Or(shown(strings.Join(named, ", ")), "–"), false
}

func wrongAudience(got, want string) error {
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "answer-audience",
		Params: map[string]string{"got": got, "want": want},
	}
}

func otherAudience(got, want string) api.Remark {
	return api.Remark{Why: "saml-audience", Params: map[string]string{"got": got, "want": want}}
}

// window checks NotBefore and NotOnOrAfter, with the skew to both sides. One clock has written both of them, so the skew does
// not help where the end is before the beginning.
func (x Expect) window(e *etree.Element) error {
	from, err := instant(e, "NotBefore")
	if err != nil {
		return err
	}
	if !from.IsZero() && x.Now.Add(x.Skew).Before(from) {
		return refuse("not-yet")
	}
	until, err := instant(e, "NotOnOrAfter")
	if err != nil {
		return err
	}
	if !until.IsZero() && !x.Now.Add(-x.Skew).Before(until) {
		return refuse("no-longer")
	}
	if !from.IsZero() && !until.IsZero() && !from.Before(until) {
		return refuse("ends-before-begin")
	}
	return nil
}

// confirmation looks for a bearer SubjectConfirmation that fits, and returns its end.
func (x Expect) confirmation(assertion *etree.Element) (until time.Time, err error) {
	subject, ok := child(assertion, nsAssertion, "Subject")
	if !ok {
		return until, refuse("no-subject")
	}
	var reason error = refuse("no-bearer")
	for _, e := range children(subject, nsAssertion, "SubjectConfirmation") {
		if attr(e, "Method") != methodBearer {
			continue
		}
		data, ok := child(e, nsAssertion, "SubjectConfirmationData")
		if !ok {
			continue
		}
		until, err = instant(data, "NotOnOrAfter")
		switch {
		case err != nil:
			reason = err
		case attr(data, "Recipient") != x.Recipient:
			reason = wrongAddress("Recipient", attr(data, "Recipient"), x.Recipient)
		case attr(data, "InResponseTo") != x.RequestID:
			reason = refuse("assertion-other-request")
		case until.IsZero():
			reason = refuse("endless")
		default:
			if reason = x.window(data); reason == nil {
				return until, nil
			}
		}
	}
	return time.Time{}, reason
}

// authentication requires a statement that somebody signed in, and a session that has not ended (Profiles, section 4.1.4.2).
func (x Expect) authentication(assertion *etree.Element) error {
	statements := children(assertion, nsAssertion, "AuthnStatement")
	if len(statements) == 0 {
		return refuse("nobody-signed-in")
	}
	for _, e := range statements {
		end, err := instant(e, "SessionNotOnOrAfter")
		if err != nil {
			return err
		}
		if !end.IsZero() && !x.Now.Add(-x.Skew).Before(end) {
			return refuse("session-over")
		}
	}
	return nil
}

// nameID reads the subject's name.
func nameID(assertion *etree.Element) (name, format string, err error) {
	subject, ok := child(assertion, nsAssertion, "Subject")
	if !ok {
		return "", "", refuse("no-subject")
	}
	e, ok := child(subject, nsAssertion, "NameID")
	if !ok {
		return "", "", refuse("no-name-id")
	}
	if name, ok = text(e); !ok {
		return "", "", refuse("name-id-markup")
	}
	if strings.TrimSpace(name) == "" {
		return "", "", &api.Error{Code: api.CodeNameInvalid, Why: "nameid-empty"}
	}
	format = attr(e, "Format")
	if format == formatTransient {
		return "", "", &api.Error{Code: api.CodeNameIDTransient}
	}
	return name, format, nil
}

func attributes(assertion *etree.Element) map[string][]string {
	out := map[string][]string{}
	for _, statement := range children(assertion, nsAssertion, "AttributeStatement") {
		for _, a := range children(statement, nsAssertion, "Attribute") {
			for _, v := range children(a, nsAssertion, "AttributeValue") {
				if t, ok := text(v); ok {
					out[attr(a, "Name")] = append(out[attr(a, "Name")], t)
				}
			}
		}
	}
	return out
}

// sameIssuer compares the response's issuer, where it names one, with the assertion's.
func sameIssuer(root *etree.Element, issuer string) error {
	all := children(root, nsAssertion, "Issuer")
	if len(all) == 0 {
		return nil
	}
	if t, ok := text(all[0]); len(all) != 1 || !ok || strings.TrimSpace(t) != issuer {
		return refuse("two-issuers")
	}
	return nil
}

// instant reads a time, zero when it is not there. SAML's times are UTC (Core, section 1.3.3).
func instant(e *etree.Element, key string) (time.Time, error) {
	s := attr(e, key)
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.IsZero() {
		return time.Time{}, &api.Error{
			Code: api.CodeSignInInvalid, Why: "answer-moment", Params: map[string]string{"what": key},
		}
	}
	return t, nil
}

// remarks says what was accepted and could be better.
func (v *verifier) remarks(now time.Time) []api.Remark {
	var out []api.Remark
	if v.sha1Used {
		out = append(out, api.Remark{Why: "saml-sha1"})
	}
	if key, ok := v.certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		bits := strconv.Itoa(key.N.BitLen())
		out = append(out, api.Remark{Why: "saml-key", Params: map[string]string{"bits": bits}})
	}
	if now.After(v.certificate.NotAfter) {
		date := v.certificate.NotAfter.UTC().Format(time.DateOnly)
		out = append(out, api.Remark{Why: "saml-expired", Params: map[string]string{"date": date}})
	}
	return out
}
