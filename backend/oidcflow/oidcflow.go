// Package oidcflow learns who signs in at an OpenID provider by a client of the app's own: the authorization code flow of
// a native app (RFC 8252) with PKCE (RFC 7636), for servers that cannot tell who signed in before a link is written.
//
// Nothing that the browser brings is believed. The answer must have our state and, where the provider announces it, its
// issuer (RFC 9207), so that another provider's answer is not taken for this one's; the code is redeemed with the verifier
// that only we know; and the name comes from an ID token whose signature, issuer, audience, nonce and times are right
// (OpenID Connect Core 1.0, section 3.1.3.7), or, where it lacks the claim, from userinfo about the same subject.
package oidcflow

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/secret"
)

// DefaultRedirectPath is the redirect URI's path when Client.RedirectPath is empty.
const DefaultRedirectPath = "/callback"

// Client is the app's own client at an OpenID provider.
type Client struct {
	// Issuer is the provider's issuer, or its discovery address, as the plugin's settings have it.
	Issuer string
	// ClientID is the client's id there. Secret is zero for a public client.
	ClientID string
	Secret   secret.Value
	// Scopes are asked for, with "openid" always, and with the standard scope that brings NameClaim; empty means profile
	// and email.
	Scopes []string
	// NameClaim is the claim whose value is the canonical name; empty means "sub". An identity without that claim is
	// named by its "sub", as the plugin names it.
	NameClaim string
	// RedirectPath is the exact path of the redirect URI on the loopback; empty means DefaultRedirectPath.
	RedirectPath string
	// HTTPClient's Transport is used for every request to the provider, within limits of our own; nil means the default.
	HTTPClient *http.Client
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
}

// Run discovers the provider, listens, shows the address to sign in at, waits for the answer and redeems it. show runs
// beside the wait; its context ends with it.
//
// Errors: api.CodeClientMissing without a client id; api.CodeProviderUnreachable, api.CodeCertificateUntrusted and
// api.CodeRedirectRefused when the provider cannot be asked; api.CodeSignInRefused when it said no to the person or to the
// client; api.CodeSignInInvalid when an answer fails a check; api.CodeAddressRefused, api.CodePortTaken, api.CodeTimeout,
// api.CodeCancelled; and those of show.
func Run(
	ctx context.Context, client Client, opts Options, show func(context.Context, api.SignIn) error,
) (Identity, error) {
	if client.ClientID == "" {
		return Identity{}, &api.Error{
			Code:     api.CodeClientMissing,
			Why:      api.WhyClientMissing,
			Sentence: "Jellybind has no client of its own at this provider yet.",
			Hint:     "Register a client for Jellybind at the identity provider and enter its client id.",
		}
	}
	if opts.Now == nil {
		opts.Now = time.Now //nolint:forbidigo // the default of a clock that is passed in
	}
	meta, err := client.Discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	style, err := authStyle(client, meta)
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
	e := exchange{
		client: client, meta: meta, now: opts.Now,
		http:     client.httpClient(),
		state:    secret.New(rand.Text()),
		nonce:    secret.New(rand.Text()),
		verifier: secret.New(oauth2.GenerateVerifier()),
		config: oauth2.Config{
			ClientID: client.ClientID, ClientSecret: client.Secret.Reveal(),
			Endpoint:    oauth2.Endpoint{AuthURL: meta.AuthorizationEndpoint, TokenURL: meta.TokenEndpoint, AuthStyle: style},
			RedirectURL: "http://" + listener.HostPort() + path,
			Scopes:      scopes(client.Scopes, client.NameClaim),
		},
	}
	address := e.config.AuthCodeURL(e.state.Reveal(), oidc.Nonce(e.nonce.Reveal()),
		oauth2.S256ChallengeOption(e.verifier.Reveal()))
	host, err := browser.Check(address)
	if err != nil {
		return Identity{}, err
	}
	signIn := api.SignIn{
		URL: address, Host: host, ShortURL: listener.URL(), Deadline: opts.Now().Add(listener.Timeout()),
	}
	var identity Identity
	err = listener.Attend(ctx,
		loopback.Expect{
			Method: http.MethodGet, Path: path, Match: loopback.MatchState(e.state), Target: address, Host: host,
			RedirectURI: e.config.RedirectURL,
		},
		func(ctx context.Context) error { return show(ctx, signIn) },
		func(ctx context.Context, callback loopback.Callback) (loopback.Page, error) {
			var err error
			identity, err = e.redeem(ctx, callback.Values)
			return loopback.Page{OK: err == nil}, err
		})
	if err != nil {
		return Identity{}, err
	}
	return identity, nil
}

// exchange is one sign-in under way.
type exchange struct {
	client                 Client
	meta                   Metadata
	config                 oauth2.Config
	http                   *http.Client
	now                    func() time.Time
	state, nonce, verifier secret.Value
}

// redeem turns an authorization response into an identity.
func (e *exchange) redeem(ctx context.Context, v url.Values) (Identity, error) {
	// RFC 9207, section 2.4: before anything else of the response is used, an error included.
	if iss, given := v["iss"]; given || e.meta.IssuerInResponse {
		if len(iss) != 1 || iss[0] != e.meta.Issuer {
			foreign := invalid("it does not come from " + api.Printable(e.meta.Issuer))
			foreign.Why, foreign.Params = "answer-issuer", map[string]string{"issuer": e.meta.Issuer}
			return Identity{}, foreign
		}
	}
	if v.Get("error") != "" {
		return Identity{}, refusal(v)
	}
	ctx = oidc.ClientContext(ctx, e.http)
	token, err := e.config.Exchange(ctx, v.Get("code"), oauth2.VerifierOption(e.verifier.Reveal()))
	if err != nil {
		return Identity{}, e.exchangeError(ctx, err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return Identity{}, invalid("it has no ID token")
	}
	id, err := e.verify(ctx, raw)
	if err != nil {
		return Identity{}, err
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return Identity{}, invalid("the ID token belongs to another access token")
		}
	}
	return e.identity(ctx, id, token)
}

// identity reads the name. The plugin takes the claims of the ID token and of userinfo together; userinfo is asked here
// only when the ID token lacks the name.
func (e *exchange) identity(ctx context.Context, id *oidc.IDToken, token *oauth2.Token) (Identity, error) {
	claim := e.client.NameClaim
	if claim == "" {
		claim = "sub"
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return Identity{}, invalid("the ID token's claims cannot be read")
	}
	name, err := c.text(claim)
	if err != nil {
		return Identity{}, err
	}
	if name == "" && e.meta.UserInfoEndpoint != "" {
		info, err := e.meta.provider(ctx).UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return Identity{}, e.askError(ctx, err, "the provider's userinfo cannot be read")
		}
		// OpenID Connect Core 1.0, section 5.3.2.
		if info.Subject != id.Subject {
			return Identity{}, invalid("userinfo is about somebody else")
		}
		var more claims
		if err := info.Claims(&more); err != nil {
			return Identity{}, invalid("the claims of userinfo cannot be read")
		}
		for name, value := range more {
			if _, known := c[name]; !known {
				c[name] = value
			}
		}
		if name, err = c.text(claim); err != nil {
			return Identity{}, err
		}
	}
	if name == "" {
		claim, name = "sub", id.Subject
	}
	identity := Identity{Name: name, Claim: claim, Issuer: id.Issuer, Subject: id.Subject}
	// What is only shown may be of any form; then it is not shown.
	identity.DisplayName, _ = c.text("name")
	identity.Email, _ = c.text("email")
	return identity, nil
}

// standardScopes are the scopes that bring standard claims (OpenID Connect Core 1.0, section 5.4).
var standardScopes = map[string]string{
	"preferred_username": oidcProfile, "name": oidcProfile, "nickname": oidcProfile, "given_name": oidcProfile,
	"family_name": oidcProfile, "profile": oidcProfile, "email": oidcEmail, "phone_number": "phone",
}

const (
	oidcProfile = "profile"
	oidcEmail   = "email"
)

func scopes(asked []string, nameClaim string) []string {
	list := []string{oidc.ScopeOpenID}
	add := func(scope string) {
		if scope != "" && !slices.Contains(list, scope) {
			list = append(list, scope)
		}
	}
	if len(asked) == 0 {
		asked = []string{oidcProfile, oidcEmail}
	}
	for _, s := range asked {
		for scope := range strings.FieldsSeq(s) {
			add(scope)
		}
	}
	add(standardScopes[nameClaim])
	return list
}

// authStyle chooses how the client proves itself at the token endpoint. It is not tried out, since a code that was sent
// once may be spent.
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
	return 0, &api.Error{
		Code: api.CodeUnsupported, Why: "no-client-secret",
		Sentence: "The identity provider takes no client secret, and Jellybind has no other way to prove its client.",
		Hint:     "Register Jellybind there as a public client, without a secret.",
	}
}
