package oidcflow

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

// authorization is one sign-in in the browser.
type authorization struct {
	*provider
	redirectURI            string
	state, nonce, verifier secret.Value
	silent                 bool // asks for an answer without a person

	mu      sync.Mutex // guards what follows: the short address may be opened twice at once
	pushed  string     // the address that leads to the pushed request
	renewAt time.Time  // when that is too old to be opened
}

func newAuthorization(p *provider, redirectURI string) *authorization {
	return &authorization{
		provider: p, redirectURI: redirectURI,
		state: secret.New(rand.Text()), nonce: secret.New(rand.Text()), verifier: secret.New(oauth2.GenerateVerifier()),
	}
}

// replacing are parameters that would replace the request or its answer's form. They cannot be added.
var replacing = []string{"request", "request_uri", "response_mode", "client_secret", "client_assertion", "client_assertion_type"}

// request is the authorization request (OpenID Connect Core 1.0, section 3.1.2.1).
func (a *authorization) request() url.Values {
	form := url.Values{
		"response_type":         {"code"},
		"client_id":             {a.client.ClientID},
		"redirect_uri":          {a.redirectURI},
		"scope":                 {a.client.scope()},
		"state":                 {a.state.Reveal()},
		"nonce":                 {a.nonce.Reveal()},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(a.verifier.Reveal())},
		"code_challenge_method": {"S256"},
	}
	for name, value := range a.client.Parameters {
		if !form.Has(name) && !slices.Contains(replacing, name) {
			form.Set(name, value)
		}
	}
	if a.silent {
		form.Set("prompt", "none")
	}
	return form
}

// pushes reports whether the request is sent to the provider ahead of the browser.
func (a *authorization) pushes() bool {
	return a.meta.PushEndpoint != "" && (a.meta.PushRequired || a.client.Push)
}

// address returns where to sign in. A pushed request is pushed again when the provider is about to forget it, so that a
// person may take as long as the wait allows before opening the address.
func (a *authorization) address(ctx context.Context) (string, error) {
	if !a.pushes() {
		return withQuery(a.meta.AuthorizationEndpoint, a.request())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pushed != "" && a.now().Before(a.renewAt) {
		return a.pushed, nil
	}
	uri, life, err := a.push(ctx)
	if err != nil {
		return "", err
	}
	address, err := withQuery(a.meta.AuthorizationEndpoint, url.Values{
		"client_id": {a.client.ClientID}, "request_uri": {uri},
	})
	if err != nil {
		return "", err
	}
	a.pushed, a.renewAt = address, a.now().Add(life/2)
	return address, nil
}

// push sends the request to the provider and returns the reference to it (RFC 9126, section 2) and how long that lives.
func (a *authorization) push(ctx context.Context) (uri string, life time.Duration, err error) {
	var answer struct {
		RequestURI string      `json:"request_uri"`
		ExpiresIn  json.Number `json:"expires_in"`
	}
	if err := a.post(ctx, a.meta.PushEndpoint, a.request(), &answer); err != nil {
		return "", 0, a.pushError(ctx, err)
	}
	if answer.RequestURI == "" {
		return "", 0, invalid("no-pushed-request")
	}
	return answer.RequestURI, seconds(answer.ExpiresIn), nil
}

// withQuery adds parameters to an endpoint, which may have a query already (RFC 6749, section 3.1).
func withQuery(endpoint string, form url.Values) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", misconfigured("malformed-endpoint")
	}
	query := form.Encode()
	if u.RawQuery != "" {
		query = u.RawQuery + "&" + query
	}
	u.RawQuery = query
	return u.String(), nil
}

// redeem turns an authorization response into an identity.
func (a *authorization) redeem(ctx context.Context, v url.Values) (Identity, error) {
	// RFC 9207, section 2.4: before anything else of the response is used, an error included.
	if iss, given := v["iss"]; given || a.meta.IssuerInResponse {
		if len(iss) != 1 || iss[0] != a.meta.Issuer {
			return Identity{}, &api.Error{
				Code: api.CodeSignInInvalid, Why: "answer-issuer", Params: map[string]string{"issuer": a.meta.Issuer},
			}
		}
	}
	if v.Get("error") != "" {
		return Identity{}, refusal(v)
	}
	config := a.config()
	config.RedirectURL = a.redirectURI
	token, err := config.Exchange(oidc.ClientContext(ctx, a.http), v.Get("code"), oauth2.VerifierOption(a.verifier.Reveal()))
	if err != nil {
		return Identity{}, a.exchangeError(ctx, err)
	}
	return a.identify(ctx, token, a.nonce)
}
