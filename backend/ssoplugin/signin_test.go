package ssoplugin_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

const loopback = "127.0.0.1:18701"

func TestStart(t *testing.T) {
	t.Parallel()
	oidc := func(name string) ssoplugin.StartRequest {
		return ssoplugin.StartRequest{Protocol: api.OIDC, Provider: name, Host: loopback, Linking: true}
	}
	saml := func(name string) ssoplugin.StartRequest {
		return ssoplugin.StartRequest{Protocol: api.SAML, Provider: name, Host: loopback, Linking: true}
	}
	with := func(r ssoplugin.StartRequest, change func(*ssoplugin.StartRequest)) ssoplugin.StartRequest {
		change(&r)
		return r
	}
	oldPath := func(r *ssoplugin.StartRequest) { r.OldPath = true }
	tests := []struct {
		name             string
		req              ssoplugin.StartRequest
		callback         string
		classic, flowfin api.Code
	}{
		{"oid start host 127.0.0.1:18701", oidc("npm"), "/sso/OID/redirect/npm", "", ""},
		{
			"oid start host localhost:18701", with(oidc("npm"), func(r *ssoplugin.StartRequest) { r.Host = "localhost:18701" }),
			"/sso/OID/redirect/npm", "", "",
		},
		{
			"oid start host [::1]:18701", with(oidc("npm"), func(r *ssoplugin.StartRequest) { r.Host = "[::1]:18701" }),
			"/sso/OID/redirect/npm", "", "",
		},
		{"oid start p", with(oidc("npm"), oldPath), "/sso/OID/redirect/npm", "", ""},
		{"oid start on NewPath=false provider", oidc("second"), "/sso/OID/r/second", "", ""},
		{"oid start p on NewPath=false", with(oidc("second"), oldPath), "/sso/OID/r/second", "", ""},
		{"oid start unknown", oidc("ghost"), "", api.CodeProviderNotFound, api.CodeProviderNotFound},
		{"oid start disabled", oidc("off"), "", api.CodeProviderDisabled, api.CodeProviderDisabled},
		{"oid start dead idp", oidc("dead"), "", api.CodeProviderUnreachable, api.CodeProviderUnreachable},
		{"saml start", saml("samlp"), "/sso/SAML/post/samlp", "", ""},
		{"saml start NewPath=false", saml("samlold"), "/sso/SAML/p/samlold", "", ""},
		{"saml p NewPath=false", with(saml("samlold"), oldPath), "/sso/SAML/p/samlold", "", ""},
		{"saml start unknown", saml("ghost"), "", api.CodeProviderNotFound, api.CodeProviderNotFound},
		{"overrides: start", oidc("npm"), "", api.CodeLoopbackUnreachable, api.CodeLoopbackUnreachable},
	}
	everyPair(t, everybody, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		for _, tt := range tests {
			r.seek("start", tt.name, "none")
			want := tt.classic
			if p.Capabilities().Flavour == api.FlavourFlowfin {
				want = tt.flowfin
			}
			s, err := p.Start(t.Context(), tt.req)
			if api.CodeOf(err) != want {
				t.Errorf("%s: %v, want %q", tt.name, err, want)
			}
			noGibberish(t, err)
			if err != nil {
				continue
			}
			location, err := url.Parse(s.Location.Reveal())
			if err != nil {
				t.Fatal(err)
			}
			if s.Callback != tt.callback || s.RedirectURI != "http://"+tt.req.Host+tt.callback || s.Host != tt.req.Host {
				t.Errorf("%s: %q, %q, %q", tt.name, s.Callback, s.RedirectURI, s.Host)
			}
			if tt.req.Protocol == api.OIDC && (s.State.Reveal() != location.Query().Get("state") || s.RequestID != "") {
				t.Errorf("%s: state differs, or a request id %q", tt.name, s.RequestID)
			}
			if tt.req.Protocol == api.SAML && (s.RequestID != requestID || !s.State.IsZero()) {
				t.Errorf("%s: request id %q", tt.name, s.RequestID)
			}
			bound := tt.req.Protocol == api.OIDC && p.Capabilities().Flavour == api.FlavourFlowfin
			if bound != (len(s.Cookies) == 1 && s.Cookies[0].Name == "__Host-sso_oid_state_binding" && s.Cookies[0].Value != "") {
				t.Errorf("%s: cookies of %d", tt.name, len(s.Cookies))
			}
		}
	})
}

// Linking from start to read back, as an administrator did it when it was recorded.
func TestRelayAndLink(t *testing.T) {
	t.Parallel()
	everyPair(t, admins, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		r.seek("oidc link by relay", "start", "none")
		s, err := p.Start(t.Context(), ssoplugin.StartRequest{Protocol: api.OIDC, Provider: "npm", Host: loopback, Linking: true})
		if err != nil {
			t.Fatal(err)
		}
		iss := "127.0.0.1"
		if p.Capabilities().Flavour == api.FlavourFlowfin {
			iss = "10.77.0.1"
		}
		cb := ssoplugin.Callback{
			Method: http.MethodGet, Path: "/sso/OID/redirect/npm",
			RawQuery: "code=code-&state=state-12&iss=http%3A%2F%2F" + iss + "%3A9100",
		}
		for name, bad := range map[string]ssoplugin.Callback{
			"method":     {Method: http.MethodPost, Path: cb.Path, RawQuery: cb.RawQuery},
			"path":       {Method: cb.Method, Path: "/sso/OID/redirect/second", RawQuery: cb.RawQuery},
			"slash":      {Method: cb.Method, Path: "/sso/OID/redirect%2Fnpm", RawQuery: cb.RawQuery},
			"state":      {Method: cb.Method, Path: cb.Path, RawQuery: "code=code-&state=state-11"},
			"no state":   {Method: cb.Method, Path: cb.Path, RawQuery: "code=code-"},
			"two states": {Method: cb.Method, Path: cb.Path, RawQuery: cb.RawQuery + "&state=state-12"},
		} {
			if err := p.Relay(t.Context(), s, bad); !api.IsCode(err, api.CodeSignInInvalid) {
				t.Errorf("another %s: %v", name, err)
			}
		}
		if err := p.Relay(t.Context(), s, cb); err != nil {
			t.Fatal(err)
		}
		before := len(r.requests())
		if err := p.Relay(t.Context(), s, cb); !api.IsCode(err, api.CodeSignInInvalid) || len(r.requests()) != before {
			t.Errorf("relayed twice: %v", err)
		}
		if err := p.PostLink(t.Context(), api.OIDC, "npm", user("alice"), s.State, s.Cookies); err != nil {
			t.Fatal(err)
		}
		got, err := p.UserLinks(t.Context(), user("alice"))
		want := api.Identity{Protocol: api.OIDC, Provider: "npm", Name: "pn-alice-at-idp"}
		if p.Capabilities().Flavour == api.FlavourFlowfin {
			want.Name = "alice-at-idp"
		}
		if err != nil || len(got) == 0 || got[0] != want {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestRelaySAML(t *testing.T) {
	t.Parallel()
	everyPair(t, admins, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		start := func(linking bool) ssoplugin.Started {
			r.seek("saml link by relay", "start", "none")
			s, err := p.Start(t.Context(), ssoplugin.StartRequest{Protocol: api.SAML, Provider: "samlp", Host: loopback, Linking: true})
			if err != nil {
				t.Fatal(err)
			}
			s.Linking = linking
			return s
		}
		cb := func(response string) ssoplugin.Callback {
			return ssoplugin.Callback{
				Method: http.MethodPost, Path: "/sso/SAML/post/samlp",
				Form: url.Values{"SAMLResponse": {response}, "RelayState": {"linking"}},
			}
		}
		response := func(in string) string {
			return base64.StdEncoding.EncodeToString([]byte(in))
		}
		const ns = ` xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"`
		good := response(`<?xml version="1.0"?><p:Response` + ns + ` ID="r" InResponseTo="` + requestID + `"></p:Response>`)
		s := start(true)
		for name, bad := range map[string]ssoplugin.Callback{
			"another request":   cb(response(`<p:Response` + ns + ` InResponseTo="_other"/>`)),
			"unsolicited":       cb(response(`<p:Response` + ns + `/>`)),
			"document type":     cb(response(`<!DOCTYPE a><p:Response` + ns + ` InResponseTo="` + requestID + `"/>`)),
			"another namespace": cb(response(`<Response InResponseTo="` + requestID + `"/>`)),
			"another message":   cb(response(`<p:LogoutResponse` + ns + ` InResponseTo="` + requestID + `"/>`)),
			"no XML":            cb(response("hello")),
			"no base64":         cb("@@@"),
			"none":              {Method: http.MethodPost, Path: "/sso/SAML/post/samlp"},
			"get":               {Method: http.MethodGet, Path: "/sso/SAML/post/samlp", RawQuery: "SAMLResponse=" + good},
			"two": {
				Method: http.MethodPost, Path: "/sso/SAML/post/samlp", Form: url.Values{"SAMLResponse": {good, good}},
			},
		} {
			if err := p.Relay(t.Context(), s, bad); !api.IsCode(err, api.CodeSignInInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := p.Relay(t.Context(), s, cb(good)); err != nil {
			t.Error(err)
		}
		if err := p.Relay(t.Context(), s, cb(good)); !api.IsCode(err, api.CodeSignInInvalid) {
			t.Errorf("relayed twice: %v", err)
		}
		// Signing in instead of linking leaves relayState out; base64 may come in lines.
		s = start(false)
		if err := p.Relay(t.Context(), s, cb(good[:20]+"\r\n"+good[20:])); err != nil {
			t.Error(err)
		}
		if sent := r.requests(); sent[len(sent)-1] != "POST /sso/SAML/post/samlp" {
			t.Errorf("sent %v", sent)
		}
	})
}

func TestRelayRefused(t *testing.T) {
	t.Parallel()
	everyPair(t, admins, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		flowfin := p.Capabilities().Flavour == api.FlavourFlowfin
		tests := []struct{ start, state, query, says string }{
			{
				"start for idp error", "state-19", "error=access_denied&error_description=User+said+no&state=state-19",
				"access_denied (User said no)",
			},
			{"start for bad code", "state-20", "code=bad&state=state-20", map[bool]string{
				false: "Error logging in: Error redeeming code: invalid_grant / grant request is invalid -",
				true:  "Error logging in",
			}[flowfin && r.recording != "Flowfin-4.2.1"]},
		}
		for _, tt := range tests {
			r.seek("oidc link variants", tt.start, "none")
			s, err := p.Start(t.Context(), ssoplugin.StartRequest{Protocol: api.OIDC, Provider: "npm", Host: loopback, Linking: true})
			if err != nil {
				t.Fatal(err)
			}
			err = p.Relay(t.Context(), s, ssoplugin.Callback{Method: http.MethodGet, Path: s.Callback, RawQuery: tt.query})
			e, _ := errors.AsType[*api.Error](err)
			if e = inWords(e); e.Why != "refused-on-server" || e.Params["reason"] != tt.says {
				t.Errorf("%s: %v", tt.start, err)
			}
			noGibberish(t, err)
		}
		// Without the cookie of the start, Flowfin does not know the state.
		if flowfin {
			r.seek("oidc link variants", "start without cookie", "none")
			s, err := p.Start(t.Context(), ssoplugin.StartRequest{Protocol: api.OIDC, Provider: "npm", Host: loopback, Linking: true})
			if err != nil {
				t.Fatal(err)
			}
			s.Cookies = nil
			err = p.Relay(t.Context(), s, ssoplugin.Callback{
				Method: http.MethodGet, Path: s.Callback, RawQuery: "code=code-&state=state-15&iss=http%3A%2F%2F10.77.0.1%3A9100",
			})
			if !api.IsCode(err, api.CodeSignInExpired) {
				t.Errorf("without the cookie: %v", err)
			}
		}
	})
	// Nothing that was not started here is relayed.
	p := newReplay(t, "9p4").plugin(api.CredentialAdmin)
	err := p.Relay(t.Context(), ssoplugin.Started{Protocol: api.OIDC, Callback: "/sso/OID/r/x"}, ssoplugin.Callback{})
	if !api.IsCode(err, api.CodeInternal) {
		t.Errorf("not started: %v", err)
	}
}

// Who signed in, before the link is written (the recordings "seeing who signed in before linking").
func TestPendingName(t *testing.T) {
	t.Parallel()
	for _, flavour := range []string{"9p4", "K0lin"} {
		r := newReplay(t, "signin-"+flavour)
		p := detected(t, r.URL, flavour, api.CredentialKey)
		r.seek("seeing who signed in before linking", "one entry of OID/States, its State left out", "apikey")
		name, err := p.PendingName(t.Context(), secret.New("state-1"))
		if err != nil || name != "pn-alice-idp" {
			t.Errorf("%s: %q, %v", flavour, name, err)
		}
		if _, err := p.PendingName(t.Context(), secret.New("state-2")); !api.IsCode(err, api.CodeSignInExpired) {
			t.Errorf("%s, another state: %v", flavour, err)
		}
	}
}

func TestAuthenticateRefused(t *testing.T) {
	t.Parallel()
	for _, flavour := range []string{"9p4", "K0lin", "Flowfin"} {
		r := newReplay(t, "signin-"+flavour)
		p := detected(t, r.URL, flavour, api.CredentialKey)
		var cookies []*http.Cookie
		if flavour == "Flowfin" {
			cookies = []*http.Cookie{{Name: "__Host-sso_oid_state_binding", Value: "binding-2"}}
		}
		r.seek("signing in with a linked identity", "auth twice", "none")
		_, err := p.Authenticate(t.Context(), api.OIDC, "npm", secret.New("state-2"), cookies)
		if !api.IsCode(err, api.CodeSignInExpired) {
			t.Errorf("%s, twice: %v", flavour, err)
		}
		noGibberish(t, err)
		if flavour != "Flowfin" {
			continue
		}
		r.seek("signing in with an identity that is not linked", "auth as bob by name", "none")
		cookies[0].Value = "binding-4"
		_, err = p.Authenticate(t.Context(), api.OIDC, "npm", secret.New("state-4"), cookies)
		if !api.IsCode(err, api.CodeSignInRefused) || !strings.Contains(err.Error(), "SSO login is not permitted for this account") {
			t.Errorf("not permitted: %v", err)
		}
	}
}

// detected is a plugin of the flavour at an address whose answers do not show the flavour.
func detected(t *testing.T, address, flavour string, kind api.CredentialKind) *ssoplugin.Plugin {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	base := target.Path
	target.Path = ""
	proxy := &httputil.ReverseProxy{Transport: unpooled, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	return current(api.Flavour(flavour)).inFront(t, proxy, base, kind)
}

// A server that may be hostile answers the start.
func TestHostileStart(t *testing.T) {
	t.Parallel()
	const callback = "http%3A%2F%2F127.0.0.1%3A18701%2Fjf%2Fsso%2FOID%2Fr%2Fnpm"
	saml := func(request string) string { return "https://idp.example/sso?SAMLRequest=" + url.QueryEscape(request) }
	authn := func(attributes string) string {
		return `<p:AuthnRequest xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" ` + attributes + `/>`
	}
	const acs = `AssertionConsumerServiceURL="http://127.0.0.1:18701/jf/sso/SAML/p/npm"`
	tests := []struct {
		name, location string
		proto          api.Protocol
		want           api.Code
	}{
		{"good", "https://idp.example/auth?state=s&redirect_uri=" + callback, api.OIDC, ""},
		{"the proxy adds the base path", "https://idp.example/auth?state=s&redirect_uri=" +
			strings.Replace(callback, "%2Fjf", "", 1), api.OIDC, ""},
		{"file", "file:///etc/passwd", api.OIDC, api.CodeAddressRefused},
		{"file with a host", "file://x/y?state=s&redirect_uri=" + callback, api.OIDC, api.CodeAddressRefused},
		{"javascript", "javascript:alert(1)", api.OIDC, api.CodeAddressRefused},
		{"javascript in capitals", "JavaScript:alert(1)", api.SAML, api.CodeAddressRefused},
		{"data", "data:text/html,x", api.OIDC, api.CodeAddressRefused},
		{"application", "ms-settings:x?state=s&redirect_uri=" + callback, api.OIDC, api.CodeAddressRefused},
		{"opaque", "https:idp.example", api.OIDC, api.CodeAddressRefused},
		{"no host", "https:///x", api.OIDC, api.CodeAddressRefused},
		{"user name", "https://bank.example@evil.example/?state=s&redirect_uri=" + callback, api.OIDC, api.CodeAddressRefused},
		{"unreadable", "https://idp.example/%zz", api.OIDC, api.CodeServerAnswer},
		{"empty", "", api.OIDC, api.CodeServerAnswer},
		{"relative", "/web/", api.OIDC, api.CodeLoopbackUnreachable},
		{"to https by a proxy", "https://127.0.0.1:18701/jf/sso/OID/start/npm", api.OIDC, api.CodeLoopbackUnreachable},
		{"a proxy's own sign-in", "https://auth.example/?rd=x", api.OIDC, api.CodeLoopbackUnreachable},
		{"two states", "https://idp.example/?state=s&state=t&redirect_uri=" + callback, api.OIDC, api.CodeServerAnswer},
		{
			"two redirect URIs", "https://idp.example/?state=s&redirect_uri=" + callback + "&redirect_uri=x", api.OIDC,
			api.CodeServerAnswer,
		},
		{"no state", "https://idp.example/?redirect_uri=" + callback, api.OIDC, api.CodeServerAnswer},
		{
			"pushed, and the list does not have it", "https://idp.example/?client_id=j&request_uri=urn:x:other", api.OIDC,
			api.CodeUnsupported,
		},
		{"pushed", "https://idp.example/?client_id=j&request_uri=urn:x:1", api.OIDC, ""},
		{
			"another host", "https://idp.example/?state=s&redirect_uri=https%3A%2F%2Fevil.example%2Fsso%2FOID%2Fr%2Fnpm", api.OIDC,
			api.CodeLoopbackUnreachable,
		},
		{
			"another port", "https://idp.example/?state=s&redirect_uri=" + strings.Replace(callback, "18701", "18702", 1), api.OIDC,
			api.CodeLoopbackUnreachable,
		},
		{"another provider", "https://idp.example/?state=s&redirect_uri=" + callback + "2", api.OIDC, api.CodeServerAnswer},
		{
			"another route", "https://idp.example/?state=s&redirect_uri=http%3A%2F%2F127.0.0.1%3A18701%2FSessions%2FLogout", api.OIDC,
			api.CodeServerAnswer,
		},
		{"saml", saml(deflated(authn(`ID="_1" ` + acs))), api.SAML, ""},
		{"saml without ID", saml(deflated(authn(acs))), api.SAML, api.CodeServerAnswer},
		{"saml without ACS", saml(deflated(authn(`ID="_1"`))), api.SAML, api.CodeServerAnswer},
		{
			"saml with a document type", saml(deflated(`<!DOCTYPE x [<!ENTITY a "b">]>` + authn(`ID="_1" `+acs))), api.SAML,
			api.CodeServerAnswer,
		},
		{
			"saml of another kind", saml(deflated(`<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" ` + acs + `/>`)),
			api.SAML, api.CodeServerAnswer,
		},
		{"saml that inflates without end", saml(deflated(strings.Repeat(" ", 64<<20))), api.SAML, api.CodeServerAnswer},
		{
			"saml that is not deflated", saml(base64.StdEncoding.EncodeToString([]byte(authn(`ID="_1" ` + acs)))), api.SAML,
			api.CodeServerAnswer,
		},
		{"saml twice", saml("x") + "&SAMLRequest=y", api.SAML, api.CodeServerAnswer},
		{"no saml", "https://idp.example/", api.SAML, api.CodeLoopbackUnreachable},
		{
			"saml elsewhere", saml(deflated(authn(`ID="_1" AssertionConsumerServiceURL="https://media.example/sso/SAML/p/npm"`))), api.SAML,
			api.CodeLoopbackUnreachable,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var followed atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				switch {
				case strings.Contains(req.URL.Path, "/start/"):
					w.Header().Set("Location", tt.location)
					w.WriteHeader(http.StatusFound)
				case req.URL.Path == "/jf/sso/OID/States":
					fmt.Fprintf(w, `{"pushed":{"State":{"StartUrl":%q,"RedirectUri":%q,"CodeVerifier":"v"},"Valid":false}}`,
						"https://idp.example/?client_id=j&request_uri=urn:x:1", "http://127.0.0.1:18701/jf/sso/OID/r/npm")
				case req.URL.Path == "/jf/sso/OID/Get" || req.URL.Path == "/jf/sso/SAML/Get":
					_, _ = io.WriteString(w, `{"npm":{"BaseUrlOverride":"https://media.example","PortOverride":"1"}}`)
				case req.URL.Path == "/jf/System/Info/Public": // asked whether the server is there under its own name
				default:
					followed.Add(1)
				}
			}))
			t.Cleanup(srv.Close)
			p := detected(t, srv.URL+"/jf", "9p4", api.CredentialAdmin)
			s, err := p.Start(t.Context(), ssoplugin.StartRequest{Protocol: tt.proto, Provider: "npm", Host: loopback})
			if api.CodeOf(err) != tt.want {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if followed.Load() > 0 {
				t.Error("a redirect was followed")
			}
			if tt.name == "pushed" && s.State.Reveal() != "pushed" {
				t.Error("the state of a pushed request is not that of the list")
			}
			if tt.name == "another port" && !strings.Contains(err.Error(), "BaseUrlOverride, PortOverride") {
				t.Errorf("the override is not named: %v", err)
			}
			for _, leak := range []string{"state=s", "urn:x"} {
				if err != nil && strings.Contains(fmt.Sprintf("%+v", err), leak) {
					t.Errorf("%v holds %q", err, leak)
				}
			}
		})
	}
	p := detected(t, "http://127.0.0.1:1", "9p4", api.CredentialAdmin)
	for _, host := range []string{"", "127.0.0.1", "evil.example:80", "127.0.0.2:80", "127.0.0.1:80\r\nX: y"} {
		_, err := p.Start(t.Context(), ssoplugin.StartRequest{Protocol: api.OIDC, Provider: "npm", Host: host})
		if err == nil {
			t.Errorf("started for %q", host)
		}
	}
}

// A proxy in front of the server, or a server in trouble, answers what the plugin would not.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status         int
		kind, body     string
		start, relayed api.Code
	}{
		{http.StatusOK, "text/html", "<html>a login page</html>", api.CodeLoopbackUnreachable, ""},
		{http.StatusNotFound, "text/html", "<html>default site</html>", api.CodeLoopbackUnreachable, api.CodeLoopbackUnreachable},
		{http.StatusNotFound, "", "", api.CodeLoopbackUnreachable, api.CodeLoopbackUnreachable},
		{http.StatusMisdirectedRequest, "", "", api.CodeLoopbackUnreachable, api.CodeLoopbackUnreachable},
		{http.StatusForbidden, "text/plain", "No entry", api.CodeLoopbackUnreachable, api.CodeSignInRefused},
		{http.StatusTooManyRequests, "", "", api.CodeRateLimited, api.CodeRateLimited},
		{http.StatusServiceUnavailable, "", "", api.CodeServerStarting, api.CodeServerStarting},
		{http.StatusBadGateway, "text/html", "<html>", api.CodeServerUnreachable, api.CodeServerUnreachable},
		{http.StatusTeapot, "", "", api.CodeServerRefused, api.CodeServerRefused},
		{http.StatusInternalServerError, "text/plain", "Error processing request.", api.CodeProviderUnreachable, api.CodeSignInRefused},
		{
			http.StatusBadRequest, "text/plain", "Error logging in: the code secret-code and the state the-state are bad",
			api.CodeServerRefused, api.CodeSignInRefused,
		},
		{
			http.StatusBadRequest, "application/problem+json", `{"type":"https://tools.ietf.org/html/rfc9110","traceId":"00"}`,
			api.CodeServerRefused, api.CodeSignInRefused,
		},
		{http.StatusBadRequest, "text/plain", "\x1b[2J\u202eevil", api.CodeServerRefused, api.CodeSignInRefused},
	}
	for _, tt := range tests {
		var strange atomic.Bool
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strange.Load() {
				w.Header().Set("Content-Type", tt.kind)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
				return
			}
			w.Header().Set("Location", "https://idp.example/auth?state=the-state&redirect_uri="+
				url.QueryEscape("http://"+req.Host+"/sso/OID/redirect/npm"))
			w.WriteHeader(http.StatusFound)
		}))
		t.Cleanup(srv.Close)
		p := detected(t, srv.URL, "9p4", api.CredentialAdmin)
		start := ssoplugin.StartRequest{Protocol: api.OIDC, Provider: "npm", Host: loopback}
		s, err := p.Start(t.Context(), start)
		if err != nil {
			t.Fatal(err)
		}
		strange.Store(true)
		_, startErr := p.Start(t.Context(), start)
		relayErr := p.Relay(t.Context(), s, ssoplugin.Callback{
			Method: http.MethodGet, Path: s.Callback, RawQuery: "code=secret-code&state=the-state",
		})
		if api.CodeOf(startErr) != tt.start || api.CodeOf(relayErr) != tt.relayed {
			t.Errorf("%d %q: start %v, want %q; relay %v, want %q", tt.status, tt.body, startErr, tt.start, relayErr, tt.relayed)
		}
		for _, err := range []error{startErr, relayErr} {
			noGibberish(t, err)
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\u202e") {
				t.Errorf("%q", err)
			}
		}
		if relayErr != nil && (strings.Contains(relayErr.Error(), "secret-code") || strings.Contains(relayErr.Error(), "the-state")) {
			t.Errorf("%v holds the code or the state", relayErr)
		}
	}
}

func TestStartedShowsNothing(t *testing.T) {
	t.Parallel()
	s := ssoplugin.Started{
		Protocol: api.OIDC, Provider: "npm\x1b[2J", Location: secret.New("https://x/?state=hidden"), State: secret.New("hidden"),
		Cookies: []*http.Cookie{{Name: "__Host-x", Value: "hidden"}},
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb, s)
		fmt.Fprintf(&out, verb, &s)
	}
	asJSON, err := json.Marshal([]ssoplugin.Started{s})
	if err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", s, "p", &s)
	if shown := out.String() + string(asJSON); strings.Contains(shown, "hidden") || strings.Contains(shown, "\x1b") {
		t.Error(shown)
	}
	if diff := cmp.Diff(`["[sign-in at oidc provider npm\\x1b[2J]"]`, string(asJSON)); diff != "" {
		t.Error(diff)
	}
}
