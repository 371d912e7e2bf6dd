package ssoplugin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

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
	segment, err := providerSegment(provider)
	if err != nil {
		return samlmsg.AuthnRequest{}, err
	}
	resp, err := p.client.Do(ctx, jellyfin.Request{
		Method: http.MethodGet, Path: "/sso/SAML/start/" + segment, RawQuery: "isLinking=true", Anonymous: true,
	})
	if err != nil {
		return samlmsg.AuthnRequest{}, fmt.Errorf("starting a sign-in: %w", err)
	}
	if resp.Status < 300 || resp.Status > 399 {
		if p.verdict(starting, resp) == badProvider {
			return samlmsg.AuthnRequest{}, p.absent(ctx, api.SAML, provider)
		}
		return samlmsg.AuthnRequest{}, refusal(resp, "starting")
	}
	location, err := externalAddress(resp.Header.Get("Location"))
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
