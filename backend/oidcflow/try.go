package oidcflow

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/jellybind/jellybind/backend/api"
)

// awaitingPerson are the errors of a provider that would have let a person sign in (OpenID Connect Core 1.0, section
// 3.1.2.6), and access_denied, which some send instead.
var awaitingPerson = []string{
	"login_required", "interaction_required", "account_selection_required", "consent_required", "access_denied",
}

// Try finds out, without a person, whether the provider would take a sign-in with this redirect URI. It sends an
// authorization request with prompt=none (OpenID Connect Core 1.0, section 3.1.2.1), which must be answered at once: at the
// redirect URI where that is allowed, and with an error page where it is not. A pushed request is only pushed.
//
// The error says why the sign-in cannot work, as from Run. Without an error, sure is whether the provider answered at the
// redirect URI; many providers do not, and then only a sign-in will tell.
func (c Client) Try(ctx context.Context, redirectURI string) (sure bool, err error) {
	p, err := c.connect(ctx, nil)
	if err != nil {
		return false, err
	}
	a := newAuthorization(p, redirectURI)
	if a.pushes() {
		// The provider checks a pushed request as it would check it in the browser (RFC 9126, section 2.1), and some answer
		// prompt=none at once.
		_, err := a.address(ctx)
		return err == nil, err
	}
	a.silent = true
	address, err := a.address(ctx)
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, misconfigured("malformed-endpoint")
	}
	asking := *p.http
	asking.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := asking.Do(req)
	if err != nil {
		return false, p.askError(ctx, err, "no-sign-in-page")
	}
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusBadRequest {
		return false, a.notAllowed()
	}
	answer, err := resp.Location()
	if err != nil {
		return false, nil //nolint:nilerr // a page of its own, such as for signing in
	}
	values := answer.Query()
	answer.RawQuery, answer.Fragment = "", ""
	if answer.String() != redirectURI || values.Get("state") != a.state.Reveal() {
		return false, nil
	}
	if code := values.Get("error"); code != "" && !slices.Contains(awaitingPerson, code) {
		return false, refusal(values)
	}
	return true, nil
}

func (a *authorization) notAllowed() error {
	return &api.Error{
		Code: api.CodeSignInRefused, Why: "redirect-refused",
		Params: map[string]string{"client": a.client.ClientID, "redirectUri": a.redirectURI},
		Err:    errors.New("trying a sign-in: the provider answers with an error page"),
	}
}
