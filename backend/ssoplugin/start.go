package ssoplugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/samlmsg"
	"github.com/jellybind/jellybind/backend/secret"
)

// StartRequest asks the plugin to start a sign-in whose answer is caught on the loopback.
type StartRequest struct {
	Protocol api.Protocol
	Provider string
	// Host is the loopback listener as the browser sees it: "127.0.0.1:PORT" or "localhost:PORT".
	Host string
	// Linking starts a sign-in that links instead of opening a session.
	Linking bool
	// ServerID is the id that the server must have under its own name before its proxy is blamed for a start that fails. Empty
	// takes any Jellyfin.
	ServerID string
	// Via sends the start, and later its answer, over another address of the server, without a credential; nil means the
	// server's own name.
	Via *jellyfin.Local
	// OldPath starts at /p/ instead of /start/. Which callback the plugin then names is its own choice; see
	// Started.Callback.
	OldPath bool
}

// Started is a sign-in that waits at the server. It shows nothing of itself but the provider.
type Started struct {
	Protocol api.Protocol
	Provider string
	Linking  bool
	// Location is the address to open at the identity provider, http or https. It contains the state.
	Location secret.Value
	// State is the OIDC state; empty for SAML, and where it comes with the answer only, see Start.
	State secret.Value
	// RequestID is the ID of the SAML AuthnRequest, which the response's InResponseTo names; empty for OIDC.
	RequestID string
	// Callback is the escaped path at which the answer comes to the loopback, base path included.
	Callback string
	// RedirectURI is the redirect URI, or the ACS, that the identity provider must allow.
	RedirectURI string
	// Cookies are to be sent with everything that belongs to this sign-in.
	Cookies []*http.Cookie
	// Host is the loopback host and port, which stays the Host of every request of this sign-in.
	Host string

	via *jellyfin.Local // StartRequest.Via
	// relayed is set once the answer has been passed on. It is shared by all copies.
	relayed *atomic.Bool
}

// Format implements fmt.Formatter for every verb: cookies would print themselves.
func (s Started) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// String names the provider.
func (s Started) String() string {
	return fmt.Sprintf("[sign-in at %s provider %s]", string(s.Protocol), api.Printable(s.Provider))
}

// MarshalText returns the same as String, which encoding/json uses too.
func (s Started) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns the same as String.
func (s Started) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Start asks the plugin to start a sign-in, once. The plugin makes the redirect URI from the request's Host header, so that
// naming the loopback there leads the identity provider's answer to the loopback. The redirect to the identity provider
// is not followed but read: its address must be http or https, and the redirect URI in it (OIDC: redirect_uri; SAML: the
// AuthnRequest's AssertionConsumerServiceURL) must be on the loopback. Whatever else comes back while the server answers under
// its own name is a proxy's doing; see unusualAnswers.
//
// Where the plugin pushes the authorization request (RFC 9126), the address holds a request_uri only. State and redirect
// URI are then looked up in the plugin's list of pending sign-ins, by this address. Flowfin's list has neither, but its start
// sets a cookie, and the server takes a state only together with the cookie of its own start. So there the state may come with
// the answer, and the redirect URI is taken to be the one that was asked for: whether a proxy changes the Host shows only at a
// provider without pushed requests. Elsewhere the sign-in is refused: nobody could tell its answer from a foreign one.
//
// Errors: CodeProviderNotFound, CodeProviderDisabled, CodeProviderUnreachable, CodeAddressRefused,
// CodeLoopbackUnreachable, CodeUnsupported, CodeServerAnswer.
func (p *Plugin) Start(ctx context.Context, req StartRequest) (Started, error) {
	if err := checkLoopback(req.Host); err != nil {
		return Started{}, err
	}
	r, err := route(req.Protocol)
	if err != nil {
		return Started{}, err
	}
	segment, err := providerSegment(req.Provider)
	if err != nil {
		return Started{}, err
	}
	start := "/start/"
	if req.OldPath {
		start = "/p/"
	}
	query := ""
	if req.Linking {
		query = "isLinking=true"
	}
	limited, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	resp, err := p.over(req.Via).Do(limited, jellyfin.Request{
		Method: http.MethodGet, Path: "/sso/" + r + start + segment, RawQuery: query, Host: req.Host, Anonymous: true,
	})
	if err != nil {
		return Started{}, p.unanswered(ctx, req, err)
	}
	if resp.Status < 300 || resp.Status > 399 {
		return Started{}, p.notStarted(ctx, req, resp)
	}
	s := Started{
		Protocol: req.Protocol, Provider: req.Provider, Linking: req.Linking, Host: req.Host, Cookies: resp.Cookies,
		via: req.Via, relayed: new(atomic.Bool),
	}
	location, err := identityProvider(resp.Header.Get("Location"), req.Host)
	if err == nil {
		s.Location = secret.New(resp.Header.Get("Location"))
		if req.Protocol == api.SAML {
			err = s.readSAML(location)
		} else {
			err = p.readOIDC(ctx, &s, location)
		}
	}
	if errors.Is(err, errNoSignIn) {
		to, _ := url.Parse(resp.Header.Get("Location")) // identityProvider has parsed it
		return Started{}, p.explain(ctx, req, unusual{to: to}, err)
	}
	if err != nil {
		return Started{}, err
	}
	if err := p.checkCallback(ctx, req, &s); err != nil {
		return Started{}, err
	}
	return s, nil
}

// place is where the anonymous requests of a sign-in go.
type place interface {
	Do(ctx context.Context, req jellyfin.Request) (*jellyfin.Response, error)
	URL() *url.URL
	PublicInfoNow(ctx context.Context) (api.Server, error)
}

func (p *Plugin) over(via *jellyfin.Local) place {
	if via != nil {
		return via
	}
	return p.client
}

// startLimit is how long a start may take. The plugin may have to read the identity provider's discovery document first.
const startLimit = 20 * time.Second

// errNoSignIn is the cause of the error for a redirect that starts no sign-in.
var errNoSignIn = errors.New("a redirect that starts no sign-in")

// checkLoopback makes sure that the Host header names this computer and a port.
func checkLoopback(host string) error {
	name, port, err := net.SplitHostPort(host)
	_, portErr := strconv.ParseUint(port, 10, 16)
	if err == nil && portErr == nil && (name == "127.0.0.1" || name == "localhost" || name == "::1") {
		return nil
	}
	return &api.Error{Code: api.CodeUsage, Why: "no-loopback"}
}

// notStarted explains an answer that is no redirect.
func (p *Plugin) notStarted(ctx context.Context, req StartRequest, resp *jellyfin.Response) error {
	otherwise := p.refusedStart(ctx, req, resp)
	if pluginsOwn(resp) || resp.Status == http.StatusTooManyRequests {
		return otherwise
	}
	return p.explain(ctx, req, unusual{resp: resp}, otherwise)
}

// refusedStart is what an answer means when it comes from the server.
func (p *Plugin) refusedStart(ctx context.Context, req StartRequest, resp *jellyfin.Response) error {
	switch p.verdict(starting, resp) {
	case badProvider:
		return p.absent(ctx, req.Protocol, req.Provider)
	case providerUnavailable:
		if req.Protocol == api.OIDC {
			return &api.Error{
				Code: api.CodeProviderUnreachable, Why: "server-idp-away",
				Params: map[string]string{"provider": req.Provider, "said": resp.Text()},
				Err:    resp.Err(),
			}
		}
	case inconclusive, badUser, badName, stateExpired, responseInvalid, notLinked, ownedByAnother:
	}
	switch resp.Status {
	case http.StatusNotFound, http.StatusMisdirectedRequest, http.StatusForbidden, http.StatusUnauthorized, http.StatusOK:
		// The plugin was there under the server's own name: something in between chooses by the Host header.
		return proxied(req.Host, resp.Err())
	}
	return refusal(resp, "starting")
}

// proxied says that a proxy does not pass on requests that name the loopback, without knowing more.
func proxied(host string, err error) error {
	return &api.Error{
		Code:   api.CodeLoopbackUnreachable,
		Why:    "proxied",
		Params: map[string]string{"host": host},
		Err:    err,
	}
}

// identityProvider checks the address that a person is about to open, to which a start with the loopback's Host led.
func identityProvider(location, host string) (*url.URL, error) {
	u, err := url.Parse(location)
	if err == nil && location != "" && (u.Scheme == "" || u.Opaque == "" && strings.EqualFold(u.Host, host)) {
		// A redirect within the server, or to this very host under another scheme: no identity provider is there.
		return nil, proxied(host, errNoSignIn)
	}
	return externalAddress(location)
}

// externalAddress checks an address to which the server redirects for a sign-in.
func externalAddress(location string) (*url.URL, error) {
	u, err := url.Parse(location)
	switch {
	case err != nil || location == "" || u.Scheme == "":
		return nil, &api.Error{Code: api.CodeServerAnswer, Why: "redirect-nowhere"}
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, &api.Error{
			Code: api.CodeAddressRefused, Why: "address-scheme",
			Params: map[string]string{"scheme": u.Scheme},
		}
	case u.Hostname() == "" || u.User != nil || u.Opaque != "":
		return nil, &api.Error{Code: api.CodeAddressRefused, Why: "address-hostless"}
	}
	return u, nil
}

// readOIDC takes state and redirect URI from the authorization request (OpenID Connect Core 1.0, section 3.1.2.1).
func (p *Plugin) readOIDC(ctx context.Context, s *Started, location *url.URL) error {
	q := location.Query()
	states, redirects := q["state"], q["redirect_uri"]
	switch {
	case len(states) == 1 && states[0] != "" && len(redirects) == 1:
		s.State, s.RedirectURI = secret.New(states[0]), redirects[0]
		return nil
	case len(redirects) == 0 && len(states) == 0 && len(q["request_uri"]) == 1:
		return p.readPushed(ctx, s)
	case len(redirects) == 0 && len(states) == 0:
		return proxied(s.Host, errNoSignIn)
	}
	return &api.Error{Code: api.CodeServerAnswer, Why: "redirect-state"}
}

// readPushed looks up a pushed authorization request in the plugin's list of pending sign-ins.
func (p *Plugin) readPushed(ctx context.Context, s *Started) error {
	unreadable := &api.Error{
		Code: api.CodeUnsupported, Why: "pushed",
		Params: map[string]string{"provider": s.Provider},
	}
	if !p.Capabilities().NameBeforeWrite.OK {
		if !s.bound() {
			return unreadable
		}
		s.RedirectURI = "http://" + s.Host + p.over(s.via).URL().EscapedPath() +
			callbackRoutes[api.OIDC][0] + url.PathEscape(s.Provider)
		return nil
	}
	location := s.Location.Reveal()
	found := false
	err := p.pending(ctx, func(state string, e pendingEntry) bool {
		if e.State.StartURL != location {
			return false
		}
		s.State, s.RedirectURI, found = secret.New(state), e.State.RedirectURI, true
		return true
	})
	if err == nil && !found {
		return unreadable
	}
	return err
}

// bindingCookie ties a state to the start that made it (Flowfin).
const bindingCookie = "__Host-sso_oid_state_binding"

// bound reports whether the server takes this sign-in's state only together with this sign-in's cookie.
func (s Started) bound() bool {
	return slices.ContainsFunc(s.Cookies, func(c *http.Cookie) bool { return c.Name == bindingCookie && c.Value != "" })
}

// readSAML takes the request's ID and its ACS from the redirect.
func (s *Started) readSAML(location *url.URL) error {
	request, err := samlmsg.ReadAuthnRequest(location)
	switch {
	case errors.Is(err, samlmsg.ErrNoRequest):
		return proxied(s.Host, errNoSignIn)
	case err != nil:
		return unreadableRequest(err)
	case request.ID == "" || request.ACS == "":
		return &api.Error{Code: api.CodeServerAnswer, Why: "request-address"}
	}
	s.RequestID, s.RedirectURI = request.ID, request.ACS
	return nil
}

func unreadableRequest(err error) error {
	return &api.Error{Code: api.CodeServerAnswer, Why: "request-unreadable", Err: err}
}

// callbackRoutes are the routes at which the plugin takes the identity provider's answer, the newer one first.
var callbackRoutes = map[api.Protocol][2]string{
	api.OIDC: {"/sso/OID/redirect/", "/sso/OID/r/"},
	api.SAML: {"/sso/SAML/post/", "/sso/SAML/p/"},
}

// CallbackPath returns the escaped path, below the base URL, at which the plugin takes the identity provider's answer. It is
// the newer of the two where the provider's settings are not known.
func CallbackPath(p api.Provider) string {
	routes := callbackRoutes[p.Protocol]
	if p.Known && !p.NewPath {
		return routes[1] + url.PathEscape(p.Name)
	}
	return routes[0] + url.PathEscape(p.Name)
}

// checkCallback makes sure that the answer comes to the loopback, at the plugin's own route for this provider.
func (p *Plugin) checkCallback(ctx context.Context, req StartRequest, s *Started) error {
	u, err := url.Parse(s.RedirectURI)
	if err != nil || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return &api.Error{Code: api.CodeServerAnswer, Why: "redirect-unusable"}
	}
	route := p.callbackRoute(*s, u)
	switch {
	case u.Scheme != "http" || !sameHost(u, s.Host):
		return p.ledAway(ctx, req, u, route)
	case !route:
		return &api.Error{
			Code: api.CodeServerAnswer, Why: "redirect-route",
			Params: map[string]string{"path": api.Printable(u.Path)},
		}
	}
	s.Callback = u.EscapedPath()
	return nil
}

// callbackRoute reports whether an address is one of the plugin's routes for the provider, whatever its host.
func (p *Plugin) callbackRoute(s Started, u *url.URL) bool {
	path, ok := relative(p.over(s.via).URL(), u.EscapedPath())
	decoded, err := url.PathUnescape(path)
	if !ok || err != nil {
		return false
	}
	for _, r := range callbackRoutes[s.Protocol] {
		if len(decoded) > len(r) && strings.EqualFold(decoded[:len(r)], r) && decoded[len(r):] == s.Provider {
			return true
		}
	}
	return false
}

// sameHost compares host and port; http's default port may be left out.
func sameHost(u *url.URL, host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return false
	}
	have := u.Port()
	if have == "" {
		have = "80"
	}
	return strings.EqualFold(u.Hostname(), name) && have == port
}

// relative returns a path below the base URL. A proxy may add the base path without the server knowing of it; then the
// server's paths begin at /sso.
func relative(server *url.URL, path string) (string, bool) {
	const root = "/sso/"
	if base := server.EscapedPath(); base != "" {
		if below, ok := strings.CutPrefix(path, base); ok && len(below) > len(root) && strings.EqualFold(below[:len(root)], root) {
			return below, true
		}
	}
	return path, len(path) > len(root) && strings.EqualFold(path[:len(root)], root)
}

// ledAway says what leads the answer away from the loopback: the provider's settings, a proxy, or, where the settings cannot
// be read, one of the two.
func (p *Plugin) ledAway(ctx context.Context, req StartRequest, to *url.URL, route bool) error {
	origin := api.Printable(to.Scheme + "://" + to.Host)
	overrides, err := p.overrides(ctx, req)
	if len(overrides) > 0 {
		return &api.Error{
			Code: api.CodeLoopbackUnreachable, Why: "led-away-by",
			Params: map[string]string{"provider": req.Provider, "to": origin, "override": strings.Join(overrides, ", ")},
		}
	}
	unknown := &api.Error{
		Code: api.CodeLoopbackUnreachable, Why: "led-away",
		Params: map[string]string{"provider": req.Provider, "to": origin, "host": req.Host}, Err: err,
	}
	if err != nil && route {
		return unknown
	}
	return p.explain(ctx, req, unusual{led: to, route: route}, unknown)
}

// overrides names the provider's settings that replace the address by which the plugin was reached.
func (p *Plugin) overrides(ctx context.Context, req StartRequest) ([]string, error) {
	if can := p.Capabilities().ReadConfig; !can.OK {
		return nil, can.Refused(api.CodeUnsupported, "")
	}
	facts, err := p.Provider(ctx, req.Protocol, req.Provider)
	if err != nil {
		return nil, err
	}
	var set []string
	if facts.BaseURLOverride != "" {
		set = append(set, "BaseUrlOverride")
	}
	if facts.SchemeOverride != "" {
		set = append(set, "SchemeOverride")
	}
	if facts.PortOverride > 0 {
		set = append(set, "PortOverride")
	}
	return set, nil
}
