// Package oidcflow finds out who signs in at an OpenID provider, without the Jellyfin server: by the authorization code flow
// of a native app (RFC 8252) with PKCE (RFC 7636) in this computer's browser, or by the device authorization grant
// (RFC 8628) on any other device. The client is the plugin's or one of Jellybind's own.
//
// Nothing that comes through the browser is trusted. The answer must have our state and, where the provider announces it,
// the provider's issuer (RFC 9207), so that another provider's answer is not taken for this one's; the code is redeemed with
// a verifier that only Jellybind knows; and the name comes from an ID token whose signature, issuer, audience, nonce and
// times are right (OpenID Connect Core 1.0, section 3.1.3.7), and from userinfo about the same subject. The device flow has
// neither state nor nonce; there the token must be made for this client by this issuer.
//
// The name must be the one that the server would gain from the same person, to the letter. So the scopes and parameters that
// are sent are exactly the ones that the caller gives, and canonicalName alone turns claims into a name.
package oidcflow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/oauth2"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/secret"
)

// DefaultRedirectPath is the path of the redirect URI when Client.RedirectPath is empty.
const DefaultRedirectPath = "/callback"

// Client is a client at an OpenID provider: the plugin's, or one of Jellybind's own.
type Client struct {
	// Issuer is the provider's issuer, or its discovery address, as the plugin's settings have it.
	Issuer string
	// ClientID is the client's id there. Secret is zero for a public client.
	ClientID string
	Secret   secret.Value
	// Scopes are sent exactly as they are, in this order; nothing is added. Empty means "openid profile".
	Scopes []string
	// Parameters are added to the authorization request, such as acr_values. One that would replace a parameter that this
	// package sets, or the whole request, is left out.
	Parameters map[string]string
	// Rule is how the server turns claims into the canonical name. Without it nobody can sign in: a guess would link a name
	// that opens nothing.
	Rule api.NameRule
	// NoUserinfo is true where the server does not ask the userinfo endpoint, so that its claims do not count.
	NoUserinfo bool
	// RoleClaim is a claim, or a path into one, whose roles are read for Identity.Roles; empty reads none. RoleKeys is true where
	// the roles are the names in an object.
	RoleClaim string
	RoleKeys  bool
	// RedirectPath is the exact escaped path of the redirect URI on the loopback, such as "/jf/sso/OID/redirect/my%20idp";
	// empty means DefaultRedirectPath.
	RedirectPath string
	// Push sends the authorization request to the provider ahead of the browser (RFC 9126) wherever the provider offers it.
	// A provider that requires it gets it anyway.
	Push bool
	// AcceptPublishedIssuer takes the issuer that the discovery document names, though it is not the address that was asked
	// (the plugin's setting DoNotValidateIssuerName). ID tokens must then be of the published issuer.
	AcceptPublishedIssuer bool
	// PinnedSHA256 is the fingerprint of the TLS certificate that the issuer's host must show, instead of one that the
	// system trusts; see tlspin.Config. Endpoints on other hosts are not affected.
	PinnedSHA256 string
	// Transport is used for every request to the provider, within this package's limits; nil means the default. A pin does
	// not apply to it.
	Transport http.RoundTripper
}

// Options say where to listen and what the time is.
type Options struct {
	Listen loopback.Options
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Identity is who signed in, as the provider vouches for it.
type Identity struct {
	// Name is the canonical name, raw, and Claim the claim that it came from.
	Name, Claim string
	// Issuer and Subject identify the account at the provider for good.
	Issuer, Subject string
	// DisplayName and Email are empty where the provider did not tell.
	DisplayName, Email string
	// Roles are what Client.RoleClaim brought.
	Roles []string
}

// Run discovers the provider, listens, shows the address to sign in at, waits for the answer and redeems it. show runs
// during the wait; its context ends with the wait.
//
// Errors: api.CodeClientMissing without a client id; api.CodeProviderUnreachable, api.CodeCertificateUntrusted,
// api.CodeCertificateChanged (both with a *CertificateError) and api.CodeRedirectRefused when the provider cannot be asked;
// api.CodeSignInRefused when it refuses the person or the client; api.CodeSignInInvalid when an answer fails a check;
// api.CodeNameInvalid when the server would refuse to link the name; api.CodeAddressRefused, api.CodePortTaken,
// api.CodeTimeout, api.CodeCancelled; and the errors of show.
func Run(
	ctx context.Context, client Client, opts Options, show func(context.Context, api.SignIn) error,
) (Identity, error) {
	p, err := client.connect(ctx, opts.Now)
	if err != nil {
		return Identity{}, err
	}
	listener, err := loopback.Listen(ctx, opts.Listen)
	if err != nil {
		return Identity{}, err
	}
	defer func() { _ = listener.Close() }() // a port that cannot be closed is gone with the process

	path := client.RedirectPath
	if path == "" {
		path = DefaultRedirectPath
	}
	a := newAuthorization(p, "http://"+listener.HostPort()+path)
	address, err := a.address(ctx)
	if err != nil {
		return Identity{}, err
	}
	host, err := browser.Check(address)
	if err != nil {
		return Identity{}, err
	}
	signIn := api.SignIn{
		URL: address, Host: host, ShortURL: listener.URL(), Launch: listener.URL, Deadline: p.now().Add(listener.Timeout()),
	}
	var identity Identity
	err = listener.Attend(ctx,
		loopback.Expect{
			Method: http.MethodGet, Path: path, Match: loopback.MatchState(a.state), Target: address, Renew: a.address,
			Host: host, RedirectURI: a.redirectURI,
		},
		func(ctx context.Context) error { return show(ctx, signIn) },
		func(ctx context.Context, callback loopback.Callback) (loopback.Page, error) {
			var err error
			identity, err = a.redeem(ctx, callback.Values)
			return loopback.Page{OK: err == nil}, err
		})
	if err != nil {
		return Identity{}, err
	}
	return identity, nil
}

// provider is an OpenID provider as one sign-in talks to it.
type provider struct {
	client Client
	meta   Metadata
	style  oauth2.AuthStyle
	http   *http.Client
	now    func() time.Time
}

// connect discovers the provider and makes sure that the client can be used there.
func (c Client) connect(ctx context.Context, now func() time.Time) (*provider, error) {
	if c.ClientID == "" {
		return nil, &api.Error{Code: api.CodeClientMissing, Why: api.WhyClientMissing}
	}
	if c.Rule == (api.NameRule{}) {
		return nil, errors.New("signing in at an OpenID provider: nothing says which claim the server takes as the name")
	}
	if now == nil {
		now = time.Now //nolint:forbidigo // the default of a clock that is passed in
	}
	client, err := c.httpClient()
	if err != nil {
		return nil, err
	}
	meta, err := c.discover(ctx, client)
	if err != nil {
		return nil, err
	}
	style, err := authStyle(c, meta)
	if err != nil {
		return nil, err
	}
	return &provider{client: c, meta: meta, style: style, http: client, now: now}, nil
}

// config is the client for golang.org/x/oauth2.
func (p *provider) config() oauth2.Config {
	return oauth2.Config{
		ClientID: p.client.ClientID, ClientSecret: p.client.Secret.Reveal(),
		Endpoint: oauth2.Endpoint{TokenURL: p.meta.TokenEndpoint, AuthStyle: p.style},
	}
}

// scope is the request's scope parameter.
func (c Client) scope() string {
	if len(c.Scopes) == 0 {
		return "openid profile"
	}
	return strings.Join(c.Scopes, " ")
}

// authStyle chooses how the client proves itself at the token endpoint. It is not found by trying, since a code that was
// sent once may be spent.
func authStyle(client Client, meta Metadata) (oauth2.AuthStyle, error) {
	methods := meta.TokenAuthMethods
	switch {
	case client.Secret.IsZero():
		return oauth2.AuthStyleInParams, nil // method "none": the client id alone
	case len(methods) == 0 || slices.Contains(methods, "client_secret_basic"):
		return oauth2.AuthStyleInHeader, nil // the default (OpenID Connect Discovery 1.0, section 3)
	case slices.Contains(methods, "client_secret_post"):
		return oauth2.AuthStyleInParams, nil
	}
	return 0, &api.Error{Code: api.CodeUnsupported, Why: "no-client-secret"}
}

// identify checks a token response and reads who signed in. nonce is zero where none was sent.
func (p *provider) identify(ctx context.Context, token *oauth2.Token, nonce secret.Value) (Identity, error) {
	// RFC 6749, section 7.1. Another type, such as DPoP, cannot be used as a bearer token.
	if !strings.EqualFold(token.Type(), "bearer") {
		return Identity{}, invalid("token-type")
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return Identity{}, invalid("no-id-token")
	}
	id, err := p.verify(ctx, raw, nonce)
	if err != nil {
		return Identity{}, err
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return Identity{}, invalid("other-access-token")
		}
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return Identity{}, invalid("claims-unreadable")
	}
	more, err := p.userinfo(ctx, secret.New(token.AccessToken), id.Subject, c)
	if err != nil {
		return Identity{}, err
	}
	name, claim, err := canonicalName(p.client.Rule, c, more)
	if err != nil {
		return Identity{}, err
	}
	return Identity{
		Name: name, Claim: claim, Issuer: id.Issuer, Subject: id.Subject,
		DisplayName: shown("name", more, c), Email: shown("email", more, c),
		Roles: roles(p.client.RoleClaim, p.client.RoleKeys, c, more),
	}, nil
}

// userinfo asks the userinfo endpoint about the subject (OpenID Connect Core 1.0, section 5.3), as the plugin does, unless
// the name cannot depend on it.
func (p *provider) userinfo(ctx context.Context, token secret.Value, subject string, id claims) (claims, error) {
	bySubject := cmp.Or(p.client.Rule.Claim, p.client.Rule.Fallback) == subjectClaim
	if p.meta.UserInfoEndpoint == "" || p.client.NoUserinfo || bySubject && shown("name", id) != "" && p.client.RoleClaim == "" {
		return nil, nil
	}
	more, err := p.askUserinfo(ctx, token)
	switch {
	case err != nil && bySubject && ctx.Err() == nil:
		return nil, nil // it would only have been shown
	case err != nil:
		return nil, err
	}
	if raw, ok := more[subjectClaim]; ok && jsontext.Value(raw).Kind() != '"' {
		return nil, wrongClaim(subjectClaim)
	}
	// Section 5.3.2.
	if about := shown(subjectClaim, more); about != subject {
		return nil, invalid("userinfo-other")
	}
	return more, nil
}

func (p *provider) askUserinfo(ctx context.Context, token secret.Value) (claims, error) {
	body, kind, err := get(ctx, p.http, p.meta.UserInfoEndpoint, token)
	if err != nil {
		return nil, err
	}
	if kind == "application/jwt" {
		// Section 5.3.2: signed as the provider signs its ID tokens.
		if body, err = p.keys(ctx).VerifySignature(ctx, string(body)); err != nil {
			return nil, p.askError(ctx, err, "userinfo-unreadable")
		}
	}
	var c claims
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, invalid("userinfo-unreadable")
	}
	return c, nil
}
