package server

import (
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// The XML namespaces of SAML 2.0.
const (
	protocolNamespace  = "urn:oasis:names:tc:SAML:2.0:protocol"
	assertionNamespace = "urn:oasis:names:tc:SAML:2.0:assertion"
)

// samlLogin is a SAML sign-in that Flowfin's page refers to by a handle.
type samlLogin struct {
	identity
	created time.Time
}

// relayLinking is the relay state of a sign-in that links.
const relayLinking = "linking"

func startSAML(c *call) answer {
	s := c.s
	p := s.usable(&s.saml, c.vars["provider"])
	if p == nil {
		return s.flavour.noProvider
	}
	if hostile := s.startLocation(); hostile != "" {
		return redirect(hostile)
	}
	id := s.requestID()
	location := p.text("SamlEndpoint")
	location += querySeparator(location) + "SAMLRequest=" + escapeData(c.authnRequest(p, id))
	if strings.EqualFold(c.URL.Query().Get("isLinking"), "true") {
		location += "&RelayState=" + relayLinking
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.requests, func(_ string, made time.Time) bool { return s.now().Sub(made) > s.flavour.pendingLife })
	s.requests[id] = s.now()
	return redirect(location)
}

// requestID is an underscore and a GUID.
func (s *Server) requestID() string {
	h := s.randomHex(16)
	return "_" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (c *call) consumerService(p *provider) string {
	path := "/sso/SAML/p/"
	if p.enabled("NewPath") {
		path = "/sso/SAML/post/"
	}
	return c.baseURL(p) + path + url.PathEscape(p.name)
}

// authnRequest is an AuthnRequest (SAML Core section 3.4.1) in the encoding of the redirect binding (SAML Bindings section
// 3.4.4.1), not escaped yet.
func (c *call) authnRequest(p *provider, id string) string {
	document := fmt.Sprintf(`<samlp:AuthnRequest ID="%s" Version="2.0" IssueInstant="%s"`+
		` ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" AssertionConsumerServiceURL="%s"`+
		` xmlns:samlp="%s"><saml:Issuer xmlns:saml="%s">%s</saml:Issuer>`+
		`<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified" AllowCreate="true" />`+
		`</samlp:AuthnRequest>`, id, c.s.now().UTC().Format("2006-01-02T15:04:05Z"), escapeXML(c.consumerService(p)),
		protocolNamespace, assertionNamespace, escapeXML(p.text("SamlClientId")))
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.DefaultCompression) // the level is one that exists
	_, _ = w.Write([]byte(document))                      // a Buffer takes everything
	_ = w.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

func callbackSAML(c *call) answer {
	s, f := c.s, c.s.flavour
	p := s.usable(&s.saml, c.vars["provider"])
	if p == nil {
		return f.samlPostNoProvider
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return failed(http.StatusBadRequest)
	}
	response := form.Get("SAMLResponse")
	linking := c.URL.Query().Get("relayState") == relayLinking
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := c.checkSAML(p, response, true)
	switch {
	case errors.Is(err, errNoResponse):
		return f.unreadableSAML(c, linking)
	case errors.Is(err, errRoles):
		return text(http.StatusUnauthorized, string(errRoles))
	case err != nil:
		return f.badSAML(c, linking)
	}
	// Flowfin signs in with a handle, and uses the response up already here unless it links.
	if f.once && !linking {
		s.consumed[found.id] = true
		handle := s.randomText(32)
		s.handles[handle] = samlLogin{found.identity, s.now()}
		return c.resultPage("SAML", handle, false)
	}
	return c.resultPage("SAML", response, linking)
}

func authenticateSAML(c *call) answer {
	if c.s.flavour.once {
		return c.authenticate(c.handedSAML)
	}
	return c.authenticate(c.checkedSAML)
}

// handedSAML takes up the sign-in of a handle. The caller holds the lock.
func (c *call) handedSAML(p *provider, handle string, _ bool) (identity, answer, bool) {
	login, exists := c.s.handles[handle]
	delete(c.s.handles, handle)
	if !exists || login.provider != p.name || c.s.now().Sub(login.created) > c.s.flavour.pendingLife {
		return identity{}, c.s.flavour.badState(c, false), false
	}
	return login.identity, answer{}, true
}

// checkedSAML takes up a SAML response. It need not answer a start of this server. The caller holds the lock.
func (c *call) checkedSAML(p *provider, response string, linking bool) (identity, answer, bool) {
	found, err := c.checkSAML(p, response, false)
	switch {
	case errors.Is(err, errNoResponse):
		return identity{}, c.s.flavour.unreadableSAML(c, linking), false
	case err != nil:
		return identity{}, c.s.flavour.badSAML(c, linking), false
	}
	if c.s.flavour.once {
		c.s.consumed[found.id] = true
	}
	return found.identity, answer{}, true
}

// assertion is what a checked response says.
type assertion struct {
	identity
	id string
}

// errNoResponse is the error of something that is no SAML response, or of a certificate that is none.
var errNoResponse = errors.New("no SAML response")

// checkSAML checks a SAML response as the real plugin does: the signature of the response or of its assertion against the
// provider's certificate, and that its confirmation has not expired; Flowfin also checks conditions, audience, and on
// request the recipient, and takes every assertion once. At the callback the roles must be right too, and on request the
// response must answer an AuthnRequest of this server. No flavour asks for an AuthnStatement or compares the issuers of
// response and assertion. What is read is read from the elements that the signature covers. The caller holds the lock.
func (c *call) checkSAML(p *provider, response string, atCallback bool) (assertion, error) {
	certificates, err := p.certificates()
	if err != nil {
		return assertion{}, fmt.Errorf("%w: %w", errNoResponse, err)
	}
	document, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		return assertion{}, fmt.Errorf("%w: %w", errNoResponse, err)
	}
	root, err := readXML(document)
	if err != nil || root.Tag != "Response" {
		return assertion{}, fmt.Errorf("%w: %w", errNoResponse, err)
	}
	signed, err := signedByOneOf(root, certificates)
	if err != nil {
		return assertion{}, err
	}
	subject := signed.FindElement("./Subject/NameID")
	if subject == nil {
		return assertion{}, errors.New("checking a SAML response: no NameID")
	}
	name := innerText(subject)
	if err := c.checkConditions(p, signed, atCallback && p.enabled("ValidateInResponseTo")); err != nil {
		return assertion{}, err
	}
	id := signed.SelectAttrValue("ID", "")
	if c.s.flavour.once && c.s.consumed[id] {
		return assertion{}, errors.New("checking a SAML response: used before")
	}
	given, may := p.rights(samlRoles(signed))
	if atCallback && !may {
		c.s.deny(p, name)
		return assertion{}, errRoles
	}
	return assertion{identity{name: name, account: name, provider: p.name, rights: given}, id}, nil
}

// samlRoles are the values of the attribute Role.
func samlRoles(signed *etree.Element) (roles []string) {
	for _, value := range signed.FindElements("./AttributeStatement/Attribute[@Name='Role']/AttributeValue") {
		roles = append(roles, innerText(value))
	}
	return roles
}

// readXML reads a document with one root element. White space, comments and processing instructions may stand around it, as
// in .NET; text may not.
func readXML(document []byte) (*etree.Element, error) {
	d := xml.NewDecoder(bytes.NewReader(document))
	for {
		_, err := d.Token() // finds what is not well-formed, which etree does not
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading XML: %w", err)
		}
	}
	tree := etree.NewDocument()
	if err := tree.ReadFromBytes(document); err != nil {
		return nil, fmt.Errorf("reading XML: %w", err)
	}
	if len(tree.ChildElements()) != 1 || strings.TrimSpace(innerText(&tree.Element)) != "" {
		return nil, errors.New("reading XML: not exactly one element")
	}
	return tree.Root(), nil
}

// innerText is all text of an element, as .NET's InnerText gives it: a comment inside does not end it.
func innerText(e *etree.Element) string {
	var b strings.Builder
	for _, child := range e.Child {
		if text, is := child.(*etree.CharData); is {
			b.WriteString(text.Data)
		}
	}
	return b.String()
}

// certificates are those that a response may be signed with: the provider's, and a second one where it is set.
func (p *provider) certificates() ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, text := range []string{p.text("SamlCertificate"), p.text("SamlSecondaryCertificate")} {
		if text == "" && all != nil {
			break
		}
		certificate, err := parseCertificate(text)
		if err != nil {
			return nil, err
		}
		all = append(all, certificate)
	}
	return all, nil
}

// signedByOneOf is signedAssertion with the first certificate that fits.
func signedByOneOf(root *etree.Element, certificates []*x509.Certificate) (signed *etree.Element, err error) {
	for _, certificate := range certificates {
		if signed, err = signedAssertion(root.Copy(), certificate); err == nil {
			return signed, nil
		}
	}
	return nil, err
}

// signedAssertion returns the one assertion of a response, out of what the signature covers: of the response when that is
// signed, else of the assertion itself. The certificate's dates do not matter, as they do not to the real plugin.
func signedAssertion(root *etree.Element, certificate *x509.Certificate) (*etree.Element, error) {
	check := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
	check.Clock = dsig.NewFakeClockAt(certificate.NotBefore)
	covered := root
	if root.SelectElement("Signature") != nil {
		valid, err := check.Validate(root)
		if err != nil {
			return nil, fmt.Errorf("checking a SAML response: %w", err)
		}
		covered = valid
	}
	found := covered.SelectElements("Assertion")
	if len(found) != 1 || found[0].NamespaceURI() != assertionNamespace {
		return nil, errors.New("checking a SAML response: not exactly one assertion")
	}
	if covered != root {
		return found[0], nil
	}
	context, err := etreeutils.NSBuildParentContext(found[0])
	if err != nil {
		return nil, fmt.Errorf("checking a SAML assertion: %w", err)
	}
	alone, err := etreeutils.NSDetatch(context, found[0])
	if err != nil {
		return nil, fmt.Errorf("checking a SAML assertion: %w", err)
	}
	valid, err := check.Validate(alone)
	if err != nil {
		return nil, fmt.Errorf("checking a SAML assertion: %w", err)
	}
	return valid, nil
}

// checkConditions checks what a signed assertion says about when and for whom it is (SAML Core sections 2.4.1.2 and 2.5.1).
func (c *call) checkConditions(p *provider, signed *etree.Element, asked bool) error {
	now := c.s.now()
	confirmation := signed.FindElement("./Subject/SubjectConfirmation/SubjectConfirmationData")
	if confirmation != nil && ended(confirmation, now) {
		return errors.New("checking a SAML assertion: expired")
	}
	if !c.s.flavour.checksConditions {
		return nil
	}
	conditions := signed.SelectElement("Conditions")
	if confirmation == nil || conditions == nil {
		return errors.New("checking a SAML assertion: no conditions")
	}
	const skew = 5 * time.Minute
	begins, err := time.Parse(time.RFC3339Nano, conditions.SelectAttrValue("NotBefore", ""))
	if ended(conditions, now) || (err == nil && now.Add(skew).Before(begins)) {
		return errors.New("checking a SAML assertion: not at this time")
	}
	audiences := conditions.FindElements("./AudienceRestriction/Audience")
	audience := cmp.Or(p.text("SamlAudience"), p.text("SamlClientId"))
	mine := func(e *etree.Element) bool { return strings.TrimSpace(innerText(e)) == audience }
	if !p.enabled("DoNotValidateAudience") && !slices.ContainsFunc(audiences, mine) {
		return errors.New("checking a SAML assertion: for somebody else")
	}
	if p.enabled("ValidateRecipient") && confirmation.SelectAttrValue("Recipient", "") != c.consumerService(p) {
		return errors.New("checking a SAML assertion: sent elsewhere")
	}
	if _, ours := c.s.requests[confirmation.SelectAttrValue("InResponseTo", "")]; asked && !ours {
		return errors.New("checking a SAML assertion: not asked for")
	}
	return nil
}

// ended reports whether an element's NotOnOrAfter has passed.
func ended(e *etree.Element, now time.Time) bool {
	end, err := time.Parse(time.RFC3339Nano, e.SelectAttrValue("NotOnOrAfter", ""))
	return err == nil && !now.Before(end)
}

// parseCertificate reads a certificate as the plugin's configuration holds it: base64, in one line or many, of its DER form or
// of a PEM file, whose first certificate counts. A PEM file as it is is not one.
func parseCertificate(s string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	for block, rest := pem.Decode(der); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			der = block.Bytes
			break
		}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	return certificate, nil
}
