package samlflow

import (
	"cmp"
	"fmt"
	"net/url"
	"time"

	"github.com/crewjam/saml"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/samlmsg"
)

// Request says where to sign in, and what the response must fit.
type Request struct {
	// Endpoint is the identity provider's single sign-on address, the plugin's SamlEndpoint. It may have a query.
	Endpoint string
	// ClientID is the service provider's entity id, the plugin's SamlClientId.
	ClientID string
	// NameIDFormat is the format of NameID to ask for. Empty means unspecified, which the plugins ask for.
	NameIDFormat string
	// Callback is the escaped path at which the response is caught, with the server's base path. It is the plugin's own, so
	// that the identity provider need not allow another.
	Callback string
	// The next five go into Expect. An empty Audience means ClientID.
	Judge       Judge
	Certificate string
	Second      string
	Audience    string
	AllowSHA1   bool
}

// FromServer is the request for a provider whose settings cannot be read, after a request that the server made under its own
// name. It asks the same provider for the same, with an answer to us. Only the server can check the response.
//
// A request that the server signed cannot be replaced by ours: CodeUnsupported.
func FromServer(server samlmsg.AuthnRequest) (Request, error) {
	acs, err := url.Parse(server.ACS)
	switch {
	case server.Signed:
		return Request{}, &api.Error{Code: api.CodeUnsupported, Why: "saml-signed"}
	case err != nil || acs.EscapedPath() == "":
		return Request{}, &api.Error{Code: api.CodeServerAnswer, Why: "request-address"}
	}
	return Request{
		Endpoint: server.Endpoint, ClientID: server.Issuer, NameIDFormat: server.NameIDFormat, Callback: acs.EscapedPath(),
		Judge: ServersAlone,
	}, nil
}

// address makes the address that starts a sign-in: an AuthnRequest (SAML 2.0 Core, section 3.4.1) by the HTTP-Redirect
// binding (Bindings, section 3.4.4.1). It asks for what the plugins ask for. There is no Destination, because theirs have
// none either, and a provider behind a proxy may not know its own address.
func (r Request) address(id, acs string, now time.Time) (string, error) {
	endpoint, err := url.Parse(r.Endpoint)
	if err != nil || r.Endpoint == "" {
		return "", &api.Error{Code: api.CodeAddressRefused, Why: "saml-endpoint"}
	}
	format, create := cmp.Or(r.NameIDFormat, string(saml.UnspecifiedNameIDFormat)), true
	request := saml.AuthnRequest{
		ID: id, Version: "2.0", IssueInstant: now.UTC().Truncate(time.Second), Issuer: &saml.Issuer{Value: r.ClientID},
		ProtocolBinding: saml.HTTPPostBinding, AssertionConsumerServiceURL: acs,
		NameIDPolicy: &saml.NameIDPolicy{Format: &format, AllowCreate: &create},
	}
	message, err := request.Redirect("", &saml.ServiceProvider{})
	if err != nil {
		return "", fmt.Errorf("making an AuthnRequest: %w", err)
	}
	if endpoint.RawQuery != "" {
		endpoint.RawQuery += "&"
	}
	endpoint.RawQuery += message.RawQuery
	return endpoint.String(), nil
}
