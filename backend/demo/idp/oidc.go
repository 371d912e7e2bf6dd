package idp

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/jellybind/jellybind/backend/secret"
)

// Secrets are the confidential clients' secrets. A zero one is replaced by a random one.
type Secrets struct {
	Jellyfin secret.Value // ClientJellyfin
	App      secret.Value // ClientAppSecret
}

// OIDCOptions describes an OpenID Connect provider.
type OIDCOptions struct {
	// Issuer is the provider's address as clients see it: http on a loopback host, with or without a path.
	Issuer string
	// Name is the provider's name on its pages.
	Name string
	// People can sign in, in this order on the page. Logins and subjects must differ.
	People []Person
	// Secrets of the confidential clients.
	Secrets Secrets
	// Pushed says what becomes of pushed authorization requests.
	Pushed PushMode
	// NoResponseIssuer leaves the issuer out of authorization responses (RFC 9207).
	NoResponseIssuer bool
	// NoDeviceFlow switches the device authorization grant off, NoDeviceClients for these clients only.
	NoDeviceFlow    bool
	NoDeviceClients []string
	// DeviceLife and DeviceInterval are how long a device code lives and how often a device may ask; zero means ten minutes
	// and five seconds.
	DeviceLife, DeviceInterval time.Duration
	// Now is the clock that sign-ins, codes and access tokens run out by; nil means time.Now. ID tokens carry the system's
	// time always.
	Now func() time.Time
}

// OIDC is an OpenID Connect provider as an http.Handler: authorization code flow with PKCE S256 (RFC 7636), the issuer in
// the authorization response (RFC 9207), pushed requests (RFC 9126), the device grant (RFC 8628), ES256 ID tokens, and a
// sign-in page on which people pick who they are. Nobody stays signed in. It must be served at its issuer's address.
type OIDC struct {
	issuer  string // without trailing slash
	prefix  string // the issuer's path
	site    site
	mode    PushMode
	pushed  *pending[pushedRequest]
	silent  bool // about its issuer in authorization responses
	alone   bool // without the device grant
	storage *storage
	op      *provider
	routes  *http.ServeMux
}

// provider is op's provider with checks of our own on the authorization request. It implements op.AuthorizeValidator.
type provider struct {
	*op.Provider
	clients map[string]*client
}

// tokenCrypto seals codes and access tokens. op puts the subject behind the token's id and a colon, and cannot read it back
// when the subject has a colon too, as "http://idp.example/u/1" has; the storage knows the subject by the id, so it is left
// out.
type tokenCrypto struct{ op.Crypto }

func (c tokenCrypto) Encrypt(s string) (string, error) {
	if id, _, ok := strings.Cut(s, ":"); ok {
		s = id + ":"
	}
	sealed, err := c.Crypto.Encrypt(s)
	if err != nil {
		return "", fmt.Errorf("sealing a token: %w", err)
	}
	return sealed, nil
}

// The endpoints below the issuer.
const (
	authorizePath = "/auth"
	callbackPath  = authorizePath + "/callback" // op's name for its own way back from the sign-in page
	signInPath    = "/sign-in"
)

// NewOIDC makes a provider. It returns an error when the issuer is not on a loopback address or two people cannot be told
// apart. Nothing runs in the background.
func NewOIDC(o OIDCOptions) (*OIDC, error) {
	issuer := strings.TrimSuffix(o.Issuer, "/")
	u, err := checkLoopback(issuer)
	if err != nil {
		return nil, fmt.Errorf("making an OpenID provider for %q: %w", issuer, err)
	}
	if err := distinct(o.People); err != nil {
		return nil, fmt.Errorf("making an OpenID provider: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Secrets.Jellyfin.IsZero() {
		o.Secrets.Jellyfin = secret.New(rand.Text())
	}
	if o.Secrets.App.IsZero() {
		o.Secrets.App = secret.New(rand.Text())
	}
	p := &OIDC{
		issuer: issuer, prefix: u.EscapedPath(),
		site: site{provider: o.Name, protocol: "OpenID Connect"},
		mode: o.Pushed, pushed: newPending[pushedRequest](o.Now, pushLife), silent: o.NoResponseIssuer, alone: o.NoDeviceFlow,
	}
	registered := clients(o.Secrets, func(id string) string {
		return p.prefix + signInPath + "?id=" + url.QueryEscape(id)
	})
	for id, c := range registered {
		c.devices = !o.NoDeviceFlow && !slices.Contains(o.NoDeviceClients, id)
	}
	if p.storage, err = newStorage(slices.Clone(o.People), registered, o.Now); err != nil {
		return nil, fmt.Errorf("making an OpenID provider: %w", err)
	}
	life, interval := cmp.Or(o.DeviceLife, deviceLife), cmp.Or(o.DeviceInterval, deviceInterval)
	p.storage.devices = newDevices(o.Now, life, interval)
	config := &op.Config{
		DeviceAuthorization: op.DeviceAuthorizationConfig{
			Lifetime: life, PollInterval: interval, UserFormPath: p.prefix + devicePath, UserCode: op.UserCodeBase20,
		},
		CodeMethodS256: true, AuthMethodPost: true,
		SupportedScopes: []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail},
		SupportedClaims: []string{
			"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "azp", "preferred_username", "name", "email",
			"email_verified",
		},
	}
	_, _ = rand.Read(config.CryptoKey[:]) // never fails
	made, err := op.NewProvider(config, p.storage, op.StaticIssuer(issuer),
		op.WithAllowInsecure(), // http, since it is a loopback address
		op.WithCORSOptions(nil),
		op.WithCrypto(tokenCrypto{op.NewAES256GCMCrypto(config.CryptoKey, "")}),
		op.WithCustomAuthEndpoint(op.NewEndpoint(authorizePath)),
		op.WithCustomTokenEndpoint(op.NewEndpoint("/token")),
		op.WithCustomDeviceAuthorizationEndpoint(op.NewEndpoint(deviceAuthorizationPath)),
	)
	if err != nil {
		return nil, fmt.Errorf("making an OpenID provider: %w", err)
	}
	p.op = &provider{Provider: made, clients: registered}
	p.route(op.CreateRouter(p.op))
	return p, nil
}

// route serves the endpoints that are offered here. op, which is inside, has more.
func (p *OIDC) route(inner http.Handler) {
	p.routes = http.NewServeMux()
	p.routes.HandleFunc("GET /{$}", p.site.home)
	p.routes.HandleFunc("GET "+oidc.DiscoveryEndpoint, p.discovery)
	p.routes.HandleFunc(authorizePath, p.authorize(inner))
	p.routes.HandleFunc("GET "+callbackPath, p.callback(inner))
	p.routes.HandleFunc("GET "+signInPath, p.showPeople)
	p.routes.HandleFunc("POST "+signInPath, p.choose)
	p.routes.HandleFunc(p.op.TokenEndpoint().Relative(), p.token(inner))
	p.routes.Handle(p.op.UserinfoEndpoint().Relative(), inner)
	p.routes.Handle(p.op.KeysEndpoint().Relative(), inner)
	if p.mode != PushedOff {
		p.routes.HandleFunc("POST "+pushPath, p.push)
	}
	if !p.alone {
		p.routes.HandleFunc("POST "+deviceAuthorizationPath, p.beginDevice(inner))
		p.routes.HandleFunc("GET "+devicePath, p.askCode)
		p.routes.HandleFunc("POST "+devicePath, p.decideDevice)
	}
}

// Issuer returns the issuer identifier.
func (p *OIDC) Issuer() string { return p.issuer }

// ClientSecret returns a registered client's secret; it is zero for the public client and for unknown ones.
func (p *OIDC) ClientSecret(id string) secret.Value {
	if c, ok := p.storage.clients[id]; ok {
		return c.secret
	}
	return secret.Value{}
}

// ServeHTTP serves the provider below its issuer's path.
func (p *OIDC) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	http.StripPrefix(p.prefix, p.routes).ServeHTTP(w, r)
}

// ValidateAuthRequest decides on an authorization request in place of op, which does not know redirect URIs with any port
// and path. authorize has checked everything before; the address is checked again here, since it decides who gets the code.
func (p *provider) ValidateAuthRequest(
	_ context.Context, asked *oidc.AuthRequest, _ op.Storage, _ *op.IDTokenHintVerifier,
) (string, error) {
	c, ok := p.clients[asked.ClientID]
	if !ok {
		return "", oidc.ErrInvalidRequestRedirectURI().WithDescription("The client is not known.")
	}
	if err := c.checkRedirect(asked.RedirectURI); err != nil {
		return "", oidc.ErrInvalidRequestRedirectURI().WithDescription("The redirect URI is not allowed.")
	}
	asked.Scopes = slices.DeleteFunc(asked.Scopes, func(scope string) bool {
		return scope != oidc.ScopeOpenID && scope != oidc.ScopeProfile && scope != oidc.ScopeEmail
	})
	return "", nil
}

// refusedRequest is an authorization error that the client gets (RFC 6749 section 4.1.2.1).
type refusedRequest struct{ code, description string }

// checkRequest says what is wrong with an authorization request whose client and redirect URI are right, or nil.
func checkRequest(form url.Values) *refusedRequest {
	scopes, prompts := strings.Fields(form.Get("scope")), strings.Fields(form.Get("prompt"))
	mode, challenge := form.Get("response_mode"), form.Get("code_challenge")
	switch {
	case form.Get("request") != "":
		return &refusedRequest{"request_not_supported", "Request objects are not supported."}
	case form.Get("request_uri") != "":
		return &refusedRequest{"request_uri_not_supported", "Request objects are not supported."}
	case mode != "" && mode != string(oidc.ResponseModeQuery):
		return &refusedRequest{"invalid_request", "The response mode is not supported."}
	case form.Get("response_type") != string(oidc.ResponseTypeCode):
		return &refusedRequest{"unsupported_response_type", "Only the authorization code flow is supported."}
	case !slices.Contains(scopes, oidc.ScopeOpenID):
		return &refusedRequest{"invalid_scope", "The scope openid is missing."}
	case challenge == "":
		return &refusedRequest{"invalid_request", "PKCE is required: code_challenge is missing."}
	case form.Get("code_challenge_method") != string(oidc.CodeChallengeMethodS256):
		return &refusedRequest{"invalid_request", "PKCE is required with the method S256."}
	case slices.Contains(prompts, oidc.PromptNone):
		return &refusedRequest{"login_required", "Nobody stays signed in at this provider."}
	}
	return nil
}

// discovery answers the provider's metadata (OpenID Connect Discovery section 3), op's without what is switched off here
// and with what op does not know.
func (p *OIDC) discovery(w http.ResponseWriter, r *http.Request) {
	c := op.CreateDiscoveryConfig(op.ContextWithIssuer(r.Context(), p.issuer), p.op, p.storage)
	c.ResponseTypesSupported = []string{string(oidc.ResponseTypeCode)}
	c.ResponseModesSupported = []string{string(oidc.ResponseModeQuery)}
	c.GrantTypesSupported = []oidc.GrantType{oidc.GrantTypeCode}
	if p.alone {
		c.DeviceAuthorizationEndpoint = ""
	} else {
		c.GrantTypesSupported = append(c.GrantTypesSupported, oidc.GrantTypeDeviceCode)
	}
	c.CodeChallengeMethodsSupported = []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256}
	c.IntrospectionEndpoint, c.RevocationEndpoint, c.EndSessionEndpoint = "", "", ""
	c.IntrospectionEndpointAuthMethodsSupported, c.IntrospectionEndpointAuthSigningAlgValuesSupported = nil, nil
	c.RevocationEndpointAuthMethodsSupported, c.RevocationEndpointAuthSigningAlgValuesSupported = nil, nil
	c.TokenEndpointAuthMethodsSupported = []oidc.AuthMethod{
		oidc.AuthMethodBasic, oidc.AuthMethodPost, oidc.AuthMethodNone,
	}
	c.TokenEndpointAuthSigningAlgValuesSupported = nil
	push := ""
	if p.mode != PushedOff {
		push = p.issuer + pushPath
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct {
		*oidc.DiscoveryConfiguration
		IssuerInResponse bool   `json:"authorization_response_iss_parameter_supported,omitempty"` // RFC 9207 section 3
		Push             string `json:"pushed_authorization_request_endpoint,omitempty"`          // RFC 9126 section 5
		PushRequired     bool   `json:"require_pushed_authorization_requests,omitempty"`
	}{c, !p.silent, push, p.mode == PushedRequired})
}

// authorize checks an authorization request and leaves good ones to op. Of the others, those whose client or redirect URI is
// wrong end on an error page, since their redirect URI must not be used (RFC 6749 section 4.1.2.1). All of it is done before
// op, because op writes refused requests to the log, with their state.
func (p *OIDC) authorize(inner http.Handler) http.HandlerFunc {
	next := p.addIssuer(inner)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			w.Header().Set("Allow", "GET, POST")
			p.cannotBegin(w, r, http.StatusMethodNotAllowed, wrongMethod)
			return
		}
		if err := r.ParseForm(); err != nil {
			p.cannotBegin(w, r, http.StatusBadRequest, unreadable)
			return
		}
		// Otherwise we might check one value and op use the other.
		if repeats(r.Form) {
			p.cannotBegin(w, r, http.StatusBadRequest, repeated)
			return
		}
		c, ok := p.storage.clients[r.Form.Get("client_id")]
		if !ok {
			p.cannotBegin(w, r, http.StatusBadRequest, unknown)
			return
		}
		if !p.unpush(r) {
			p.cannotBegin(w, r, http.StatusBadRequest, notPushed)
			return
		}
		target := r.Form.Get("redirect_uri")
		if err := c.checkRedirect(target); err != nil {
			p.cannotBegin(w, r, http.StatusBadRequest, notAllowed.with(err.Error()+"."))
			return
		}
		if refused := checkRequest(r.Form); refused != nil {
			p.sendBack(w, r, target, r.Form.Get("state"), *refused)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// callback leads sign-ins whose person has chosen on to op, which sends them back with a code. Of the others it would write
// the state to the log, as of refused requests.
func (p *OIDC) callback(inner http.Handler) http.HandlerFunc {
	next := p.addIssuer(inner)
	return func(w http.ResponseWriter, r *http.Request) {
		if request, ok := p.storage.requests.get(r.FormValue("id")); !ok || !request.Done() {
			p.site.over(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}
}

func (p *OIDC) cannotBegin(w http.ResponseWriter, r *http.Request, status int, text phrase) {
	p.site.fail(w, r, status, cannotBegin, text)
}

// sendBack tells the client an error at its redirect URI, which was checked before.
func (p *OIDC) sendBack(w http.ResponseWriter, r *http.Request, target, state string, refused refusedRequest) {
	u, err := url.Parse(target)
	if err != nil {
		p.cannotBegin(w, r, http.StatusBadRequest, badAddress)
		return
	}
	add := url.Values{"error": {refused.code}, "error_description": {refused.description}}
	if !p.silent {
		add.Set("iss", p.issuer)
	}
	if state != "" {
		add.Set("state", state)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, withParameters(u, add), http.StatusSeeOther)
}

// addIssuer adds the parameter iss to authorization responses (RFC 9207 section 2), which op does not. Redirects within
// the provider are relative or begin with the issuer; those are left alone.
func (p *OIDC) addIssuer(inner http.Handler) http.Handler {
	if p.silent {
		return inner
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(&issuerWriter{ResponseWriter: w, issuer: p.issuer}, r)
	})
}

type issuerWriter struct {
	http.ResponseWriter
	issuer string
}

func (w *issuerWriter) WriteHeader(status int) {
	h := w.Header()
	if u, err := url.Parse(h.Get("Location")); err == nil && u.IsAbs() {
		h.Set("Location", withParameters(u, url.Values{"iss": {w.issuer}}))
		h.Del("Content-Length")
	}
	h.Set("Cache-Control", "no-store")
	w.ResponseWriter.WriteHeader(status)
}

// withParameters returns u with parameters added after those it has.
func withParameters(u *url.URL, add url.Values) string {
	next := *u
	if next.RawQuery != "" {
		next.RawQuery += "&"
	}
	next.RawQuery += add.Encode()
	return next.String()
}

// showPeople draws the sign-in page.
func (p *OIDC) showPeople(w http.ResponseWriter, r *http.Request) {
	request, ok := p.waiting(w, r)
	if !ok {
		return
	}
	title := request.GetClientID()
	if c, ok := p.storage.clients[title]; ok {
		title = c.title
	}
	p.site.signIn(w, r, p.storage.people, asker{
		action: p.prefix + signInPath, id: request.id, application: title, host: hostOf(request.GetRedirectURI()),
	})
}

// waiting returns the sign-in that the request is about, or draws an error page.
func (p *OIDC) waiting(w http.ResponseWriter, r *http.Request) (*authRequest, bool) {
	request, ok := p.storage.requests.get(r.FormValue("id"))
	if !ok || request.Done() {
		p.site.over(w, r)
		return nil, false
	}
	return request, true
}

// choose takes the person's choice: one of the people, or Cancel.
func (p *OIDC) choose(w http.ResponseWriter, r *http.Request) {
	request, ok := p.waiting(w, r)
	if !ok {
		return
	}
	if r.PostFormValue("cancel") != "" {
		p.storage.requests.take(request.id)
		p.sendBack(w, r, request.GetRedirectURI(), request.GetState(),
			refusedRequest{"access_denied", "The person cancelled the sign-in."})
		return
	}
	person, ok := find(p.storage.people, r.PostFormValue("person"))
	if !ok {
		p.site.fail(w, r, http.StatusBadRequest, nobody, chooseAgain)
		return
	}
	p.storage.finish(request, person)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, p.prefix+callbackPath+"?id="+url.QueryEscape(request.id), http.StatusSeeOther)
}

// distinct returns an error when two people have the same login or subject.
func distinct(people []Person) error {
	logins, subjects := make(map[string]bool, len(people)), make(map[string]bool, len(people))
	for _, p := range people {
		if p.Login == "" || p.Subject == "" || logins[p.Login] || subjects[p.Subject] {
			return errSubjectRepeats
		}
		logins[p.Login], subjects[p.Subject] = true, true
	}
	return nil
}
