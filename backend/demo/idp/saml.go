package idp

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

// NameIDFormat says what kind of NameID the identity provider gives (SAML core section 8.3).
type NameIDFormat string

// The formats that the demo provider can give.
const (
	// NameIDPersistent and NameIDUnspecified give the person's login.
	NameIDPersistent  NameIDFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	NameIDUnspecified NameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	// NameIDTransient gives another random value at each sign-in, as many providers do unless they are told not to.
	NameIDTransient NameIDFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
)

// How long an AuthnRequest may have been under way, how far clocks may be apart, and how long an assertion is valid. A
// person may take the address to another browser, so the first is longer than crewjam's minute and a half.
const (
	requestLife   = 10 * time.Minute
	clockSkew     = 2 * time.Minute
	assertionLife = 5 * time.Minute
)

// SAMLOptions describes a SAML identity provider.
type SAMLOptions struct {
	// BaseURL is the provider's address as browsers see it: http on a loopback host, with or without a path.
	BaseURL string
	// Name is the provider's name on its pages.
	Name string
	// People can sign in, in this order on the page.
	People []Person
	// ServiceProviders are the entity ids that may ask. Their assertion consumer services must be on loopback addresses.
	ServiceProviders []string
	// Application is what the pages call the application; empty means the entity id.
	Application string
	// NameIDFormat is NameIDPersistent when empty.
	NameIDFormat NameIDFormat
	// Now is the clock of sign-ins, responses and assertions; nil means time.Now.
	Now func() time.Time
}

// SAML is a SAML 2.0 identity provider as an http.Handler: AuthnRequests by HTTP-Redirect or HTTP-POST, answers by
// HTTP-POST, response and assertion signed with RSA-SHA256, and a sign-in page on which people pick who they are.
// Nobody stays signed in. It must be served at its base address.
type SAML struct {
	base, prefix string
	sso          url.URL
	metadata     url.URL
	site         site
	people       []Person
	providers    []string
	application  string
	format       NameIDFormat
	now          func() time.Time
	requests     *pending[samlRequest]
	routes       *http.ServeMux
}

// samlRequest is a sign-in under way.
type samlRequest struct {
	id, issuer, acs, relayState string
}

// NewSAML makes a provider and begins to make its key in the background. It returns an error when the address is not on the
// loopback or a login cannot stand in XML.
func NewSAML(o SAMLOptions) (*SAML, error) {
	base := strings.TrimSuffix(o.BaseURL, "/")
	u, err := checkLoopback(base)
	if err != nil {
		return nil, fmt.Errorf("making a SAML provider for %q: %w", base, err)
	}
	if err := distinct(o.People); err != nil {
		return nil, fmt.Errorf("making a SAML provider: %w", err)
	}
	for _, p := range o.People {
		if xmlText(p.Login) != p.Login {
			return nil, fmt.Errorf("making a SAML provider: the login %q cannot stand in XML", p.Login)
		}
	}
	switch o.NameIDFormat {
	case "":
		o.NameIDFormat = NameIDPersistent
	case NameIDPersistent, NameIDUnspecified, NameIDTransient:
	default:
		return nil, fmt.Errorf("making a SAML provider: the NameID format %q is not known", o.NameIDFormat)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	go samlKey()
	s := &SAML{
		base: base, prefix: u.EscapedPath(), sso: *u.JoinPath("sso"), metadata: *u.JoinPath("metadata"),
		site:   site{provider: o.Name, protocol: "SAML"},
		people: slices.Clone(o.People), providers: slices.Clone(o.ServiceProviders), application: o.Application,
		format: o.NameIDFormat, now: o.Now, requests: newPending[samlRequest](o.Now, pendingLife),
	}
	s.routes = http.NewServeMux()
	s.routes.HandleFunc("GET /{$}", s.site.home)
	s.routes.HandleFunc("GET /metadata", s.serveMetadata)
	s.routes.HandleFunc("GET /sso", s.begin)
	s.routes.HandleFunc("POST /sso", s.begin)
	s.routes.HandleFunc("GET /sign-in", s.showPeople)
	s.routes.HandleFunc("POST /sign-in", s.choose)
	return s, nil
}

// SSOURL returns the single sign-on address, for both bindings.
func (s *SAML) SSOURL() string { return s.sso.String() }

// EntityID returns the provider's entity id, which is the address of its metadata.
func (s *SAML) EntityID() string { return s.metadata.String() }

// Certificate returns the signing certificate as the SSO plugin's settings hold it: base64 of its DER form. It waits for the key;
// it is empty only when the key could not be made.
func (s *SAML) Certificate() string {
	pair := samlKey()
	if pair.err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(pair.certificate.Raw)
}

// ServeHTTP serves the provider below its base address.
func (s *SAML) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	http.StripPrefix(s.prefix, s.routes).ServeHTTP(w, r)
}

// provider returns crewjam's identity provider for one request of a service provider at one ACS. crewjam looks the ACS up
// in the service provider's metadata; ours is made to measure, after begin has checked the address.
func (s *SAML) provider(entityID, acs string) (*saml.IdentityProvider, error) {
	pair := samlKey()
	if pair.err != nil {
		return nil, pair.err
	}
	return &saml.IdentityProvider{
		Key: pair.key, Certificate: pair.certificate, SignatureMethod: dsig.RSASHA256SignatureMethod,
		MetadataURL: s.metadata, SSOURL: s.sso, LoginURL: s.sso,
		ServiceProviderProvider: serviceProvider{entityID: entityID, acs: acs},
	}, nil
}

// serviceProvider is the metadata of the one service provider that a request came from. It implements
// saml.ServiceProviderProvider.
type serviceProvider struct{ entityID, acs string }

func (p serviceProvider) GetServiceProvider(_ *http.Request, id string) (*saml.EntityDescriptor, error) {
	if id != p.entityID {
		return nil, os.ErrNotExist
	}
	return &saml.EntityDescriptor{
		EntityID: id,
		SPSSODescriptors: []saml.SPSSODescriptor{{
			AssertionConsumerServices: []saml.IndexedEndpoint{{Binding: saml.HTTPPostBinding, Location: p.acs, Index: 1}},
		}},
	}, nil
}

func (s *SAML) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	idp, err := s.provider("", "")
	if err != nil {
		http.Error(w, "The provider has no key.", http.StatusInternalServerError)
		return
	}
	m := idp.Metadata()
	m.ValidUntil = s.now().Add(saml.DefaultValidDuration)
	d := &m.IDPSSODescriptors[0]
	d.NameIDFormats = []saml.NameIDFormat{saml.NameIDFormat(s.format)}
	d.KeyDescriptors = slices.DeleteFunc(d.KeyDescriptors, func(k saml.KeyDescriptor) bool { return k.Use == "encryption" })
	data, err := xml.MarshalIndent(m, "", "  ")
	if err != nil {
		http.Error(w, "The metadata could not be written.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	_, _ = w.Write(append([]byte(xml.Header), data...))
}

// begin takes an AuthnRequest (SAML profiles section 4.1.4.1) and leads to the sign-in page.
func (s *SAML) begin(w http.ResponseWriter, r *http.Request) {
	request, err := s.read(r)
	if err != nil {
		s.site.fail(w, r, http.StatusBadRequest, cannotBegin, refusedHere.with(err.Error()+"."))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, s.prefix+"/sign-in?id="+url.QueryEscape(s.requests.add(request)), http.StatusSeeOther)
}

// read checks an AuthnRequest. Its errors are sentences without a full stop, for the person.
func (s *SAML) read(r *http.Request) (samlRequest, error) {
	bare := &saml.IdentityProvider{MetadataURL: s.metadata, SSOURL: s.sso}
	parsed, err := saml.NewIdpAuthnRequest(bare, r)
	if err != nil || len(parsed.RequestBuffer) == 0 {
		return samlRequest{}, errors.New("it cannot be read")
	}
	// The issuer and the ACS must be known before crewjam validates, since it validates against them.
	var asked saml.AuthnRequest
	if err := xml.NewDecoder(bytes.NewReader(parsed.RequestBuffer)).Decode(&asked); err != nil {
		return samlRequest{}, errors.New("it is no AuthnRequest")
	}
	if asked.Issuer == nil || !slices.Contains(s.providers, asked.Issuer.Value) {
		return samlRequest{}, errors.New("its issuer is not registered here")
	}
	if asked.ID == "" {
		return samlRequest{}, errors.New("it has no ID")
	}
	if _, err := checkLoopback(asked.AssertionConsumerServiceURL); err != nil {
		return samlRequest{}, fmt.Errorf("it wants the answer at an address that is not allowed (%w)", err)
	}
	if age := s.now().Sub(asked.IssueInstant); age > requestLife || age < -clockSkew {
		return samlRequest{}, errors.New("it is too old, or the clocks differ")
	}
	idp, err := s.provider(asked.Issuer.Value, asked.AssertionConsumerServiceURL)
	if err != nil {
		return samlRequest{}, errors.New("the provider has no key")
	}
	parsed.IDP, parsed.Now = idp, asked.IssueInstant
	if err := parsed.Validate(); err != nil {
		return samlRequest{}, errors.New("it is not valid")
	}
	return samlRequest{
		id: asked.ID, issuer: asked.Issuer.Value, acs: asked.AssertionConsumerServiceURL, relayState: parsed.RelayState,
	}, nil
}

func (s *SAML) showPeople(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("id")
	request, ok := s.requests.get(id)
	if !ok {
		s.site.over(w, r)
		return
	}
	s.site.signIn(w, r, s.people, asker{
		action: s.prefix + "/sign-in", id: id, application: cmp.Or(s.application, request.issuer), host: hostOf(request.acs),
	})
}

// choose takes the person's choice and answers the service provider through the browser.
func (s *SAML) choose(w http.ResponseWriter, r *http.Request) {
	cancelled := r.PostFormValue("cancel") != ""
	person, ok := find(s.people, r.PostFormValue("person"))
	if !ok && !cancelled {
		s.site.fail(w, r, http.StatusBadRequest, nobody, chooseAgain)
		return
	}
	request, ok := s.requests.take(r.PostFormValue("id"))
	if !ok {
		s.site.over(w, r)
		return
	}
	idp, err := s.provider(request.issuer, request.acs)
	var response *etree.Element
	heading := signedIn
	switch {
	case err != nil:
	case cancelled:
		heading = cancelledSignIn
		response, err = s.refuse(idp, request)
	default:
		response, err = s.answer(idp, request, person)
	}
	if err != nil {
		s.site.fail(w, r, http.StatusInternalServerError, cannotEnd, notSigned)
		return
	}
	doc := etree.NewDocument()
	doc.SetRoot(response)
	data, err := doc.WriteToBytes()
	if err != nil {
		s.site.fail(w, r, http.StatusInternalServerError, cannotEnd, notWritten)
		return
	}
	s.site.write(w, r, http.StatusOK, "post", page{
		Heading: heading.in(r), Action: request.acs, Host: hostOf(request.acs), Script: loadAssets().script,
		Response: base64.StdEncoding.EncodeToString(data), RelayState: request.relayState,
	})
}

// answer makes the signed response with its signed assertion (SAML profiles section 4.1.4.2).
func (s *SAML) answer(idp *saml.IdentityProvider, request samlRequest, p Person) (*etree.Element, error) {
	now := s.now().UTC()
	nameID := p.Login
	if s.format == NameIDTransient {
		nameID = "_" + rand.Text()
	}
	req := &saml.IdpAuthnRequest{
		IDP: idp, Now: now,
		Request:                 saml.AuthnRequest{ID: request.id},
		ServiceProviderMetadata: &saml.EntityDescriptor{EntityID: request.issuer},
		SPSSODescriptor:         &saml.SPSSODescriptor{}, // no certificate: the assertion is not encrypted
		ACSEndpoint:             &saml.IndexedEndpoint{Binding: saml.HTTPPostBinding, Location: request.acs},
		Assertion: &saml.Assertion{
			ID: "_" + rand.Text(), IssueInstant: now, Version: "2.0",
			Issuer: saml.Issuer{Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:entity", Value: s.metadata.String()},
			Subject: &saml.Subject{
				NameID: &saml.NameID{Format: string(s.format), Value: nameID},
				SubjectConfirmations: []saml.SubjectConfirmation{{
					Method: "urn:oasis:names:tc:SAML:2.0:cm:bearer",
					SubjectConfirmationData: &saml.SubjectConfirmationData{
						InResponseTo: request.id, Recipient: request.acs, NotOnOrAfter: now.Add(assertionLife),
					},
				}},
			},
			Conditions: &saml.Conditions{
				NotBefore: now.Add(-clockSkew), NotOnOrAfter: now.Add(assertionLife),
				AudienceRestrictions: []saml.AudienceRestriction{{Audience: saml.Audience{Value: request.issuer}}},
			},
			AuthnStatements: []saml.AuthnStatement{{
				AuthnInstant: now, SessionIndex: "_" + rand.Text(),
				AuthnContext: saml.AuthnContext{AuthnContextClassRef: &saml.AuthnContextClassRef{
					Value: "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
				}},
			}},
			AttributeStatements: []saml.AttributeStatement{{Attributes: attributes(p)}},
		},
	}
	if err := req.MakeResponse(); err != nil {
		return nil, fmt.Errorf("signing the response: %w", err)
	}
	return req.ResponseEl, nil
}

// attributes returns what the provider tells of a person, under the names of the LDAP attributes (profiles, section 8.2).
func attributes(p Person) []saml.Attribute {
	list := make([]saml.Attribute, 0, 3)
	for _, a := range []struct{ oid, friendly, value string }{
		{"urn:oid:0.9.2342.19200300.100.1.1", "uid", p.Login},
		{"urn:oid:2.16.840.1.113730.3.1.241", "displayName", p.Name},
		{"urn:oid:0.9.2342.19200300.100.1.3", "mail", p.Email},
	} {
		if a.value == "" {
			continue
		}
		list = append(list, saml.Attribute{
			Name: a.oid, FriendlyName: a.friendly, NameFormat: "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
			Values: []saml.AttributeValue{{Type: "xs:string", Value: xmlText(a.value)}},
		})
	}
	return list
}

// refuse makes the signed response of a person who cancelled (SAML core section 3.2.2.2).
func (s *SAML) refuse(idp *saml.IdentityProvider, request samlRequest) (*etree.Element, error) {
	response := &saml.Response{
		ID: "_" + rand.Text(), InResponseTo: request.id, Version: "2.0",
		IssueInstant: s.now().UTC(), Destination: request.acs,
		Issuer: &saml.Issuer{Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:entity", Value: s.metadata.String()},
		Status: saml.Status{
			StatusCode: saml.StatusCode{
				Value: saml.StatusResponder, StatusCode: &saml.StatusCode{Value: saml.StatusRequestDenied},
			},
			StatusMessage: &saml.StatusMessage{Value: "The person cancelled the sign-in."},
		},
	}
	pair := samlKey()
	signing, err := dsig.NewSigningContext(pair.key, [][]byte{idp.Certificate.Raw})
	if err != nil {
		return nil, fmt.Errorf("signing the refusal: %w", err)
	}
	signing.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := signing.SetSignatureMethod(dsig.RSASHA256SignatureMethod); err != nil {
		return nil, fmt.Errorf("signing the refusal: %w", err)
	}
	signed, err := signing.SignEnveloped(response.Element())
	if err != nil {
		return nil, fmt.Errorf("signing the refusal: %w", err)
	}
	// The schema wants the signature right after the issuer; enveloped signatures may stand anywhere.
	children := signed.ChildElements()
	response.Signature = children[len(children)-1]
	return response.Element(), nil
}

// xmlText returns s without the characters that XML 1.0 cannot hold (section 2.2), each replaced by U+FFFD.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 {
			return r
		}
		return '\uFFFD'
	}, s)
}

// hostOf returns the host and port of an address that was checked before.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
