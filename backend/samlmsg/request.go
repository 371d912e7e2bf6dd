package samlmsg

import (
	"compress/flate"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// AuthnRequest is what an address of the HTTP-Redirect binding asks an identity provider for (SAML 2.0 Core, section 3.4.1).
// A field that the request leaves out is empty.
type AuthnRequest struct {
	// Endpoint is the address without the parameters of the binding. Its own query stays.
	Endpoint string
	ID       string
	// Issuer is the service provider's entity id.
	Issuer string
	// ACS is where the response is to be posted.
	ACS string
	// NameIDFormat is the format in the NameIDPolicy.
	NameIDFormat string
	// Signed is true where the address is signed. Nobody else can make such a request.
	Signed bool
}

// ErrNoRequest is the error of ReadAuthnRequest for an address without an AuthnRequest.
var ErrNoRequest = errors.New("an address without an AuthnRequest")

// ReadAuthnRequest reads the request in an address of the HTTP-Redirect binding (SAML 2.0 Bindings, section 3.4.4.1: raw
// DEFLATE, then base64). The error is ErrNoRequest, or a clause about the message. It never quotes the message.
func ReadAuthnRequest(address *url.URL) (AuthnRequest, error) {
	query := address.Query()
	messages := query["SAMLRequest"]
	switch {
	case len(messages) == 0:
		return AuthnRequest{}, ErrNoRequest
	case len(messages) > 1 || len(messages[0]) > maxBytes:
		return AuthnRequest{}, unfit("unusual-size")
	}
	deflated, err := base64.StdEncoding.DecodeString(messages[0])
	if err != nil {
		return AuthnRequest{}, unfit("not-base64")
	}
	dec, root, err := open(flate.NewReader(strings.NewReader(string(deflated))), "AuthnRequest")
	if err != nil {
		return AuthnRequest{}, err
	}
	var inside struct {
		Issuer string `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
		Policy struct {
			Format string `xml:"Format,attr"`
		} `xml:"urn:oasis:names:tc:SAML:2.0:protocol NameIDPolicy"`
	}
	if err := dec.DecodeElement(&inside, &root); err != nil {
		return AuthnRequest{}, malformed()
	}
	return AuthnRequest{
		Endpoint: endpoint(*address), ID: attribute(root, "ID"), Issuer: inside.Issuer,
		ACS: attribute(root, "AssertionConsumerServiceURL"), NameIDFormat: inside.Policy.Format, Signed: query.Has("Signature"),
	}, nil
}

// endpoint removes the binding's parameters from an address.
func endpoint(address url.URL) string {
	rest := slices.DeleteFunc(strings.Split(address.RawQuery, "&"), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		switch name {
		case "", "SAMLRequest", "RelayState", "SigAlg", "Signature", "SAMLEncoding":
			return true
		}
		return false
	})
	address.RawQuery = strings.Join(rest, "&")
	return address.String()
}
