package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// pendingLogin is an OIDC sign-in that was started and, once valid, waits for what is to be done with it.
type pendingLogin struct {
	provider              string
	linking               bool
	created               time.Time
	verifier, redirectURI string
	startURL              string
	binding               string     // the cookie's value, where the flavour binds
	answer                url.Values // what the identity provider answered, where it is redeemed late
	valid                 bool
	identity
}

// bindingCookie is the cookie that ties a sign-in to the browser that started it.
const bindingCookie = "__Host-sso_oid_state_binding"

// asked returns the scheme and host that the request was sent to: from a known proxy's headers, or else the request's own.
func (c *call) asked() (scheme, host string) {
	scheme, host = "http", c.Host
	if c.TLS != nil {
		scheme = "https"
	}
	peer, err := netip.ParseAddrPort(c.RemoteAddr)
	known := func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) }
	if err != nil || !slices.ContainsFunc(c.s.opts.KnownProxies, known) {
		return scheme, host
	}
	last := func(header string) string {
		values := strings.Split(c.Header.Get(header), ",")
		return strings.TrimSpace(values[len(values)-1])
	}
	return cmp.Or(last("X-Forwarded-Proto"), scheme), cmp.Or(last("X-Forwarded-Host"), host)
}

// baseURL is the address of the server as a provider's redirect URIs and consumer services begin with: as the request asked
// for it, but for what the provider's configuration overrides.
func (c *call) baseURL(p *provider) string {
	if base := p.text("BaseUrlOverride"); base != "" {
		return strings.TrimRight(base, "/")
	}
	scheme, host := c.asked()
	scheme = cmp.Or(p.text("SchemeOverride"), scheme)
	var override int
	if p.read("PortOverride", &override); override != 0 {
		name := host
		if h, _, err := net.SplitHostPort(host); err == nil {
			name = h
		}
		host = net.JoinHostPort(strings.Trim(name, "[]"), strconv.Itoa(override))
	}
	return scheme + "://" + host + c.s.opts.BasePath
}

func (c *call) redirectURI(p *provider) string {
	path := "/sso/OID/r/"
	if p.enabled("NewPath") {
		path = "/sso/OID/redirect/"
	}
	return c.baseURL(p) + path + url.PathEscape(p.name)
}

// usable finds a provider that is there and enabled.
func (s *Server) usable(providers *providers, name string) *provider {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, exists := providers.get(name); exists && p.enabled("Enabled") {
		return p
	}
	return nil
}

// discover reads a provider's discovery document (OpenID Connect Discovery 1.0 section 4).
func (s *Server) discover(ctx context.Context, p *provider) (*oidc.Provider, context.Context, error) {
	endpoint := strings.TrimSuffix(p.text("OidEndpoint"), "/.well-known/openid-configuration")
	u, err := url.Parse(endpoint)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, nil, errors.New("discovering a provider: not an http address")
	}
	if u.Scheme == "http" && !p.enabled("DisableHttps") && !isLoopback(u.Hostname()) {
		return nil, nil, errors.New("discovering a provider: https is required")
	}
	ctx = oidc.ClientContext(ctx, s.opts.HTTP)
	look := ctx
	if p.enabled("DoNotValidateIssuerName") || p.enabled("DoNotValidateEndpoints") {
		look = oidc.InsecureIssuerURLContext(ctx, endpoint)
	}
	found, err := oidc.NewProvider(look, endpoint)
	if err != nil {
		return nil, nil, fmt.Errorf("discovering a provider: %w", err)
	}
	if !p.enabled("DoNotValidateEndpoints") && !endpointsBelow(found, endpoint) {
		return nil, nil, errors.New("discovering a provider: an endpoint is somewhere else")
	}
	return found, ctx, nil
}

// endpointsBelow reports whether all endpoints stand below the provider's address, as the plugin wants it by default.
func endpointsBelow(found *oidc.Provider, authority string) bool {
	var metadata struct {
		Keys string `json:"jwks_uri"`
	}
	if found.Claims(&metadata) != nil {
		return false
	}
	for _, e := range []string{found.Endpoint().AuthURL, found.Endpoint().TokenURL, found.UserInfoEndpoint(), metadata.Keys} {
		if e != "" && !strings.HasPrefix(e, authority) {
			return false
		}
	}
	return true
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func startOIDC(c *call) answer {
	s := c.s
	s.prune()
	p := s.usable(&s.oidc, c.vars["provider"])
	if p == nil {
		return s.flavour.noProvider
	}
	if hostile := s.startLocation(); hostile != "" {
		return redirect(hostile)
	}
	found, _, err := s.discover(c.Context(), p)
	if err != nil {
		return s.flavour.startFailed
	}
	login := &pendingLogin{
		provider: p.name, linking: strings.EqualFold(c.URL.Query().Get("isLinking"), "true"), created: s.now(),
		verifier: s.randomText(32), redirectURI: c.redirectURI(p),
	}
	state := s.randomText(32)
	challenge := sha256.Sum256([]byte(login.verifier)) // RFC 7636 section 4.2
	more, err := p.moreParameters()
	if err != nil {
		return s.flavour.startFailed
	}
	request := append(parameters{
		"response_type", "code", "state", state, "code_challenge", base64.RawURLEncoding.EncodeToString(challenge[:]),
		"code_challenge_method", "S256", "client_id", p.text("OidClientId"), "scope", scopes(p), "redirect_uri", login.redirectURI,
	}, more...)
	if endpoint := pushEndpoint(found); endpoint != "" && !p.enabled("DisablePushedAuthorization") {
		if request, err = s.push(c.Context(), endpoint, p, request); err != nil {
			return s.flavour.startFailed
		}
	}
	endpoint := found.Endpoint().AuthURL
	login.startURL = endpoint + querySeparator(endpoint) + request.query()
	a := redirect(login.startURL)
	if s.flavour.binds {
		login.binding = s.randomText(32)
		a.header["Set-Cookie"] = []string{
			bindingCookie + "=" + login.binding + "; max-age=900; path=/; secure; samesite=lax; httponly",
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending[state] = login
	return a
}

// pushEndpoint is where a provider takes pushed requests, if it does.
func pushEndpoint(found *oidc.Provider) string {
	var metadata struct {
		Push string `json:"pushed_authorization_request_endpoint"`
	}
	_ = found.Claims(&metadata) // one that cannot be read has none
	return metadata.Push
}

func scopes(p *provider) string {
	var more []string
	p.read("OidScopes", &more)
	if !p.enabled("OverrideDefaultScopes") {
		return strings.Join(append([]string{"openid profile"}, more...), " ")
	}
	more = slices.DeleteFunc(more, func(s string) bool { return s == "openid" })
	return strings.Join(append([]string{"openid"}, more...), " ")
}

// prune drops the sign-ins that have expired. On 9p4 and K0lin they would still serve: see flavour.pendingLife.
func (s *Server) prune() {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.pending, func(_ string, p *pendingLogin) bool { return s.now().Sub(p.created) > s.flavour.pendingLife })
}

func (s *Server) startLocation() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hostile.StartLocation
}

// querySeparator is what stands between an address and more of its query.
func querySeparator(address string) string {
	if strings.Contains(address, "?") {
		return "&"
	}
	return "?"
}

// escapeData escapes as .NET's Uri.EscapeDataString does.
func escapeData(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// waiting finds a sign-in that may go on. The caller holds the lock.
func (c *call) waiting(state string) *pendingLogin {
	login, exists := c.s.pending[state]
	f := c.s.flavour
	switch {
	case !exists, !f.prunes && c.s.now().Sub(login.created) > f.pendingLife:
		return nil
	case !f.binds:
		return login
	}
	cookie, err := c.Cookie(bindingCookie)
	if err != nil || login.provider != c.vars["provider"] ||
		subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(login.binding)) == 0 {
		return nil
	}
	return login
}

func callbackOIDC(c *call) answer {
	s, f := c.s, c.s.flavour
	p := s.usable(&s.oidc, c.vars["provider"])
	if p == nil {
		return value(http.StatusBadRequest, noMatchingProvider)
	}
	query := c.URL.Query()
	state := query.Get("state")
	if state == "" {
		return f.missingState(c)
	}
	s.mu.Lock()
	login := c.waiting(state)
	s.mu.Unlock()
	if login == nil {
		return value(http.StatusBadRequest, "Invalid or expired state")
	}
	if code := query.Get("error"); code != "" {
		return f.callbackFailed(code, query.Get("error_description"))
	}
	if f.redeemsLate {
		s.mu.Lock()
		login.answer = query
		s.mu.Unlock()
	} else if err := s.redeem(c.Context(), p, login, query); errors.Is(err, errRoles) {
		return text(http.StatusUnauthorized, string(errRoles))
	} else if err != nil {
		return f.callbackFailed(err.Error(), "")
	}
	return c.resultPage("OID", state, login.linking)
}

// redeemLate redeems the code of a sign-in that is about to be used, where the callback did not. A sign-in whose code is
// refused does not become valid.
func (c *call) redeemLate(state string) {
	s := c.s
	if !s.flavour.redeemsLate {
		return
	}
	p := s.usable(&s.oidc, c.vars["provider"])
	s.mu.Lock()
	login := c.waiting(state)
	if p == nil || login == nil || login.answer == nil {
		s.mu.Unlock()
		return
	}
	query := login.answer
	login.answer = nil
	s.mu.Unlock()
	_ = s.redeem(c.Context(), p, login, query)
}

// loginError is what went wrong at a callback, in the words that 9p4 and K0lin answer.
type loginError string

func (e loginError) Error() string { return string(e) }

// redeem finds out who signed in and makes the sign-in valid. Its errors are loginErrors.
func (s *Server) redeem(ctx context.Context, p *provider, login *pendingLogin, query url.Values) error {
	found, err := s.whoSignedIn(ctx, p, login, query)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	login.identity, login.valid = found, true
	return nil
}

// whoSignedIn exchanges the code for tokens with the verifier of this sign-in (RFC 7636 section 4.5), checks the ID token
// (OpenID Connect Core section 3.1.3.7) and names the identity. Its errors are loginErrors.
func (s *Server) whoSignedIn(ctx context.Context, p *provider, login *pendingLogin, query url.Values) (identity, error) {
	found, ctx, err := s.discover(ctx, p)
	if err != nil {
		return identity{}, loginError("Error loading discovery document")
	}
	var issuer struct {
		Issuer string `json:"issuer"`
	}
	if err := found.Claims(&issuer); err != nil {
		return identity{}, loginError("Error loading discovery document")
	}
	// RFC 9207 section 2.4.
	if from := query.Get("iss"); from != "" && from != issuer.Issuer && !p.enabled("DoNotValidateResponseIssuer") {
		return identity{}, loginError("Invalid issuer")
	}
	endpoint := found.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	config := oauth2.Config{
		ClientID: p.text("OidClientId"), ClientSecret: p.text("OidSecret"), Endpoint: endpoint, RedirectURL: login.redirectURI,
	}
	tokens, err := config.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(login.verifier))
	if refused, is := errors.AsType[*oauth2.RetrieveError](err); is {
		return identity{}, loginError("Error redeeming code: " + refused.ErrorCode + " / " + refused.ErrorDescription)
	} else if err != nil {
		return identity{}, loginError("Error redeeming code: no error code / no description")
	}
	raw, _ := tokens.Extra("id_token").(string)
	idToken, err := found.Verifier(&oidc.Config{
		ClientID: config.ClientID, Now: s.now, SkipIssuerCheck: p.enabled("DoNotValidateIssuerName"),
	}).Verify(ctx, raw)
	if err != nil {
		return identity{}, loginError("Error validating identity token")
	}
	all := claims{}
	if err := all.add(idToken); err != nil {
		return identity{}, loginError("Error validating identity token")
	}
	if !p.enabled("DoNotLoadProfile") && found.UserInfoEndpoint() != "" {
		profile, err := found.UserInfo(ctx, config.TokenSource(ctx, tokens))
		// OpenID Connect Core section 5.3.2: the subjects must be the same.
		if err != nil || profile.Subject != idToken.Subject || all.add(profile) != nil {
			return identity{}, loginError("Error contacting userinfo endpoint")
		}
	}
	i := s.identify(p, idToken, all)
	given, may := p.rights(all.roles(p.text("RoleClaim")))
	if !may {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.deny(p, i.name)
		return identity{}, errRoles
	}
	i.rights = given
	return i, nil
}

// errRoles is the error of somebody who has none of the roles that the provider wants.
const errRoles loginError = "Error. Check permissions."

// finishedOIDC takes up a sign-in that is valid. The caller holds the lock.
func (c *call) finishedOIDC(_ *provider, state string, linking bool) (identity, answer, bool) {
	login := c.waiting(state)
	if login == nil || !login.valid {
		return identity{}, c.s.flavour.badState(c, linking), false
	}
	if c.s.flavour.once || !linking {
		delete(c.s.pending, state)
	}
	return login.identity, answer{}, true
}

func authenticateOIDC(c *call) answer { return c.authenticate(c.finishedOIDC) }

// authenticate signs in to Jellyfin with what a finished sign-in says.
func (c *call) authenticate(finished func(*provider, string, bool) (identity, answer, bool)) answer {
	var in authRequest
	if a, valid := c.decode(&in, c.parameter("authResponse")); !valid {
		return a
	}
	s, k := c.s, c.routeKind()
	if k.segment == "oid" {
		c.redeemLate(in.Data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, exists := k.providers.get(c.vars["provider"])
	if !exists || !p.enabled("Enabled") {
		return value(http.StatusBadRequest, noMatchingProvider)
	}
	found, a, valid := finished(p, in.Data, false)
	if !valid {
		return a
	}
	return s.authenticate(p, found, in.client())
}
