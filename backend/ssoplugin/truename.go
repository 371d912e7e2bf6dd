package ssoplugin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/samlmsg"
)

// StartTrueName starts a SAML sign-in under the server's own name and returns what its AuthnRequest says. It needs no
// credential, so it names endpoint and issuer even where the provider's settings cannot be read. The sign-in itself is left
// alone.
//
// Errors: CodeProviderNotFound, CodeProviderDisabled, CodeAddressRefused, CodeServerAnswer.
func (p *Plugin) StartTrueName(ctx context.Context, provider string) (samlmsg.AuthnRequest, error) {
	location, err := p.startTrueName(ctx, api.SAML, provider)
	if err != nil {
		return samlmsg.AuthnRequest{}, err
	}
	request, err := samlmsg.ReadAuthnRequest(location)
	if err == nil && request.Issuer == "" {
		err = errors.New("it names no issuer")
	}
	if err != nil {
		return samlmsg.AuthnRequest{}, unreadableRequest(err)
	}
	return request, nil
}

// SignInPage is where people sign in at an OIDC provider, and as which client.
type SignInPage struct {
	// Address has no query.
	Address  string
	ClientID string
}

// Check makes sure that a sign-in leads to this page with this client. The error is CodeAddressRefused.
func (s SignInPage) Check(location string) error {
	got, err := url.Parse(location)
	own, ownErr := url.Parse(s.Address)
	if err != nil || ownErr != nil {
		return &api.Error{
			Code: api.CodeAddressRefused, Why: "address-foreign", Params: map[string]string{"to": "-", "address": s.Address},
		}
	}
	clients := got.Query()["client_id"]
	switch {
	case got.Scheme != own.Scheme, !strings.EqualFold(got.Host, own.Host), got.Path != own.Path:
		return &api.Error{Code: api.CodeAddressRefused, Why: "address-foreign", Params: map[string]string{
			"to": got.Scheme + "://" + got.Host, "address": s.Address,
		}}
	case len(clients) != 1 || clients[0] != s.ClientID:
		return &api.Error{Code: api.CodeAddressRefused, Why: "client-foreign", Params: map[string]string{"client": s.ClientID}}
	}
	return nil
}

// SignInPage starts an OIDC sign-in under the server's own name and returns where it leads. It needs no credential, so it names
// the page even where the provider's settings cannot be read. The sign-in itself is left alone.
//
// Errors: CodeProviderNotFound, CodeProviderDisabled, CodeAddressRefused, CodeServerAnswer.
func (p *Plugin) SignInPage(ctx context.Context, provider string) (SignInPage, error) {
	location, err := p.startTrueName(ctx, api.OIDC, provider)
	if err != nil {
		return SignInPage{}, err
	}
	page := SignInPage{ClientID: location.Query().Get("client_id")}
	location.RawQuery, location.Fragment = "", ""
	page.Address = location.String()
	return page, nil
}

// startTrueName starts a sign-in under the server's own name and returns the address at the identity provider.
func (p *Plugin) startTrueName(ctx context.Context, protocol api.Protocol, provider string) (*url.URL, error) {
	r, err := route(protocol)
	if err != nil {
		return nil, err
	}
	segment, err := providerSegment(provider)
	if err != nil {
		return nil, err
	}
	resp, err := p.client.Do(ctx, jellyfin.Request{
		Method: http.MethodGet, Path: "/sso/" + r + "/start/" + segment, RawQuery: "isLinking=true", Anonymous: true,
	})
	if err != nil {
		return nil, fmt.Errorf("starting a sign-in: %w", err)
	}
	if resp.Status < 300 || resp.Status > 399 {
		if p.verdict(starting, resp) == badProvider {
			return nil, p.absent(ctx, protocol, provider)
		}
		return nil, refusal(resp, "starting")
	}
	return externalAddress(resp.Header.Get("Location"))
}
