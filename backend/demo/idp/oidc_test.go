package idp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/visitor"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

var people = []idp.Person{
	{Login: "maria", Subject: "6f1c2a9e-maria", Name: "Maria Lindqvist", Email: "maria@home.example"},
	{Login: "team/ops", Subject: "http://idp.example/u/1", Name: `<b>Bold</b> "Betty" & Sons`, Email: "ops@home.example"},
	{Login: "rtl", Subject: "sub-rtl", Name: "evil\u202egnp.exe", Email: "rtl@home.example"},
}

// serveOIDC serves a provider at an issuer with the given path.
func serveOIDC(t *testing.T, path string, now func() time.Time) *idp.OIDC {
	t.Helper()
	return serveOptions(t, path, idp.OIDCOptions{Now: now})
}

// serveOptions serves a provider with more options.
func serveOptions(t *testing.T, path string, o idp.OIDCOptions) *idp.OIDC {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Issuer, o.Name = "http://"+listener.Addr().String()+path, "authelia"
	if o.People == nil {
		o.People = people
	}
	p, err := idp.NewOIDC(o)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(server.Close)
	return p
}

// party is a relying party by go-oidc.
type party struct {
	provider *oidc.Provider
	config   oauth2.Config
	verifier string
}

func newParty(t *testing.T, p *idp.OIDC, client, redirect string, scopes ...string) party {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), p.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	if len(scopes) == 0 {
		scopes = []string{"openid", "profile", "email"}
	}
	return party{provider, oauth2.Config{
		ClientID: client, ClientSecret: p.ClientSecret(client).Reveal(), Endpoint: provider.Endpoint(),
		RedirectURL: redirect, Scopes: scopes,
	}, oauth2.GenerateVerifier()}
}

func (p party) address() string {
	return p.config.AuthCodeURL("state-1", oidc.Nonce("nonce-1"), oauth2.S256ChallengeOption(p.verifier))
}

// redeem trades a code for the verified claims of the ID token.
func (p party) redeem(ctx context.Context, code string, options ...oauth2.AuthCodeOption) (map[string]any, error) {
	token, err := p.config.Exchange(ctx, code, append(options, oauth2.VerifierOption(p.verifier))...)
	if err != nil {
		return nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.provider.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		return nil, err
	}
	info, err := p.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, err
	}
	if info.Subject != id.Subject {
		return nil, errors.New("userinfo is about somebody else")
	}
	claims := map[string]any{}
	return claims, id.Claims(&claims)
}

func TestOIDCSignIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ client, issuerPath, redirect string }{
		{idp.ClientJellyfin, "", "http://127.0.0.1:18701/sso/OID/redirect/authelia"},
		{idp.ClientJellyfin, "/realms/home", "http://localhost:1/jf/sso/OID/r/keycloak"},
		{idp.ClientApp, "", "http://127.0.0.1:54321/callback"},
		{idp.ClientApp, "/realms/home", "http://[::1]:54321/"},
		{idp.ClientAppSecret, "", "http://127.0.0.1:54321/callback?x=1"},
	} {
		t.Run(c.client+" "+c.redirect, func(t *testing.T) {
			t.Parallel()
			p := serveOIDC(t, c.issuerPath, nil)
			rp := newParty(t, p, c.client, c.redirect)
			back, err := visitor.New().Choose(t.Context(), rp.address(), "team/ops")
			if err != nil {
				t.Fatal(err)
			}
			at, _, _ := strings.Cut(c.redirect, "?")
			if !strings.HasPrefix(back.URL.String(), at+"?") || back.Method != http.MethodGet {
				t.Fatalf("led back by %s to %s", back.Method, back.URL)
			}
			q := back.URL.Query()
			if q.Get("state") != "state-1" || q.Get("iss") != p.Issuer() || q.Get("error") != "" {
				t.Errorf("answer %v", q)
			}
			claims, err := rp.redeem(t.Context(), q.Get("code"))
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{
				"sub": "http://idp.example/u/1", "preferred_username": "team/ops", "name": people[1].Name,
				"email": "ops@home.example", "nonce": "nonce-1",
			} {
				if claims[name] != want {
					t.Errorf("claim %s is %v, want %q", name, claims[name], want)
				}
			}
			if _, err := rp.redeem(t.Context(), q.Get("code")); err == nil {
				t.Error("the code was taken twice")
			}
		})
	}
}

func TestOIDCScopes(t *testing.T) {
	t.Parallel()
	p := serveOIDC(t, "", nil)
	rp := newParty(t, p, idp.ClientApp, "http://127.0.0.1:1/", "openid", "profile")
	back, err := visitor.New().Choose(t.Context(), rp.address(), "maria")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := rp.redeem(t.Context(), back.URL.Query().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	if claims["preferred_username"] != "maria" || claims["email"] != nil {
		t.Errorf("claims %v", claims)
	}
}

func TestOIDCDiscovery(t *testing.T) {
	t.Parallel()
	p := serveOIDC(t, "/realms/home", nil)
	_, body := get(t, p.Issuer()+"/.well-known/openid-configuration")
	var d struct {
		Issuer        string   `json:"issuer"`
		Authorization string   `json:"authorization_endpoint"`
		InResponse    bool     `json:"authorization_response_iss_parameter_supported"`
		Challenges    []string `json:"code_challenge_methods_supported"`
		Algorithms    []string `json:"id_token_signing_alg_values_supported"`
		Types         []string `json:"response_types_supported"`
		Introspection string   `json:"introspection_endpoint"`
	}
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatal(err)
	}
	if d.Issuer != p.Issuer() || !strings.HasPrefix(d.Authorization, p.Issuer()+"/") || !d.InResponse ||
		len(d.Challenges) != 1 || d.Challenges[0] != "S256" || d.Algorithms[0] != "ES256" || len(d.Types) != 1 ||
		d.Introspection != "" {
		t.Errorf("discovery %s", body)
	}
}

func TestOIDCCancel(t *testing.T) {
	t.Parallel()
	p := serveOIDC(t, "", nil)
	rp := newParty(t, p, idp.ClientApp, "http://127.0.0.1:9/cb")
	back, err := visitor.New().Choose(t.Context(), rp.address(), visitor.Cancel)
	if err != nil {
		t.Fatal(err)
	}
	q := back.URL.Query()
	if q.Get("error") != "access_denied" || q.Get("state") != "state-1" || q.Get("iss") != p.Issuer() || q.Has("code") {
		t.Errorf("answer %v", q)
	}
}

// TestOIDCErrorsSentBack are errors that the client gets at its redirect URI.
func TestOIDCErrorsSentBack(t *testing.T) {
	t.Parallel()
	p := serveOIDC(t, "", nil)
	for name, c := range map[string]struct {
		change url.Values
		want   string
	}{
		"no PKCE":         {url.Values{"code_challenge": nil}, "invalid_request"},
		"plain PKCE":      {url.Values{"code_challenge_method": {"plain"}}, "invalid_request"},
		"no PKCE method":  {url.Values{"code_challenge_method": nil}, "invalid_request"},
		"implicit flow":   {url.Values{"response_type": {"id_token"}}, "unsupported_response_type"},
		"no openid":       {url.Values{"scope": {"profile"}}, "invalid_scope"},
		"fragment":        {url.Values{"response_mode": {"fragment"}}, "invalid_request"},
		"request object":  {url.Values{"request": {"e30."}}, "request_not_supported"},
		"without a login": {url.Values{"prompt": {"none"}}, "login_required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, client := range []string{idp.ClientJellyfin, idp.ClientApp, idp.ClientAppSecret} {
				rp := newParty(t, p, client, "http://127.0.0.1:9/sso/cb")
				response, _ := get(t, changed(t, rp.address(), c.change))
				location, err := response.Location()
				if err != nil {
					t.Fatal(err)
				}
				q := location.Query()
				if location.Host != "127.0.0.1:9" || q.Get("error") != c.want || q.Get("state") != "state-1" ||
					q.Get("iss") != p.Issuer() || location.Fragment != "" {
					t.Errorf("%s: sent to %s", client, location)
				}
			}
		})
	}
}

// TestOIDCErrorsShown are errors that must not be sent to the redirect URI.
func TestOIDCErrorsShown(t *testing.T) {
	t.Parallel()
	p := serveOIDC(t, "", nil)
	for name, c := range map[string]struct{ client, redirect string }{
		"unknown client":         {"somebody", "http://127.0.0.1:9/sso/cb"},
		"no redirect URI":        {idp.ClientApp, ""},
		"another host":           {idp.ClientApp, "http://jellyfin.example.com/sso/cb"},
		"https":                  {idp.ClientApp, "https://127.0.0.1:9/sso/cb"},
		"a name that poses":      {idp.ClientApp, "http://127.0.0.1.example.com/sso/cb"},
		"user part":              {idp.ClientApp, "http://127.0.0.1@example.com/sso/cb"},
		"all interfaces":         {idp.ClientApp, "http://0.0.0.0:9/sso/cb"},
		"another loopback":       {idp.ClientApp, "http://127.0.0.2:9/sso/cb"},
		"fragment":               {idp.ClientApp, "http://127.0.0.1:9/sso/cb#x"},
		"script":                 {idp.ClientApp, "javascript:alert(1)//sso/"},
		"Jellyfin outside /sso/": {idp.ClientJellyfin, "http://127.0.0.1:9/callback"},
		"dot segments":           {idp.ClientJellyfin, "http://127.0.0.1:9/sso/../callback"},
		"encoded dot segments":   {idp.ClientJellyfin, "http://127.0.0.1:9/sso/%2e%2e/callback"},
		"/sso/ in the query":     {idp.ClientJellyfin, "http://127.0.0.1:9/callback?x=/sso/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rp := newParty(t, p, c.client, c.redirect)
			response, body := get(t, rp.address())
			if response.StatusCode != http.StatusBadRequest || response.Header.Get("Location") != "" {
				t.Errorf("answered %s to %q", response.Status, response.Header.Get("Location"))
			}
			if !strings.Contains(body, "This sign-in cannot begin") {
				t.Errorf("page %s", body)
			}
		})
	}
}

func TestOIDCTokenRefusals(t *testing.T) {
	t.Parallel()
	p := serveOIDC(t, "", nil)
	for name, c := range map[string]struct {
		client string
		spoil  func(*party)
	}{
		"wrong secret":       {idp.ClientJellyfin, func(rp *party) { rp.config.ClientSecret = "guess" }},
		"no secret":          {idp.ClientAppSecret, func(rp *party) { rp.config.ClientSecret = "" }},
		"wrong verifier":     {idp.ClientApp, func(rp *party) { rp.verifier = oauth2.GenerateVerifier() }},
		"wrong redirect URI": {idp.ClientApp, func(rp *party) { rp.config.RedirectURL = "http://127.0.0.1:10/sso/" }},
		"another client": {idp.ClientJellyfin, func(rp *party) {
			rp.config.ClientID, rp.config.ClientSecret = idp.ClientApp, ""
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rp := newParty(t, p, c.client, "http://127.0.0.1:9/sso/")
			back, err := visitor.New().Choose(t.Context(), rp.address(), "maria")
			if err != nil {
				t.Fatal(err)
			}
			c.spoil(&rp)
			if claims, err := rp.redeem(t.Context(), back.URL.Query().Get("code")); err == nil {
				t.Errorf("got %v", claims)
			}
		})
	}
}

func TestOIDCSignInsRunOut(t *testing.T) {
	t.Parallel()
	clock := newClock()
	p := serveOIDC(t, "", clock.Now)
	rp := newParty(t, p, idp.ClientApp, "http://127.0.0.1:9/")
	response, _ := get(t, rp.address())
	page, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
	if response, _ := get(t, page.String()); response.StatusCode != http.StatusOK {
		t.Fatalf("fresh sign-in: %s", response.Status)
	}
	clock.add(16 * time.Minute)
	if response, body := get(t, page.String()); response.StatusCode != http.StatusGone {
		t.Errorf("late sign-in: %s %s", response.Status, body)
	}
}

func TestOIDCPageEscapes(t *testing.T) {
	t.Parallel()
	p := serveOIDC(t, "", nil)
	rp := newParty(t, p, idp.ClientApp, "http://127.0.0.1:9/")
	first, _ := get(t, rp.address())
	page, err := first.Location()
	if err != nil {
		t.Fatal(err)
	}
	response, body := get(t, page.String())
	checkPage(t, response, body)
}

// checkPage checks a sign-in page of the people above.
func checkPage(t *testing.T, response *http.Response, body string) {
	t.Helper()
	if strings.Contains(body, "<b>Bold") || strings.Contains(body, "\u202e") || strings.Contains(body, "<script") {
		t.Errorf("unescaped: %s", body)
	}
	for _, want := range []string{
		"&lt;b&gt;Bold&lt;/b&gt;", `evil\u202egnp.exe`, `id="person-maria"`, `id="person-team/ops"`,
		`id="cancel"`, "Maria Lindqvist",
		"maria@home.example", "authelia", ">ML<",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
}

func TestOIDCOptionsRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]idp.OIDCOptions{
		"public issuer":   {Issuer: "http://idp.example.com", People: people},
		"no issuer":       {People: people},
		"the same person": {Issuer: "http://127.0.0.1:1", People: []idp.Person{people[0], people[0]}},
		"no subject":      {Issuer: "http://127.0.0.1:1", People: []idp.Person{{Login: "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := idp.NewOIDC(o); err == nil {
				t.Error("no error")
			}
		})
	}
}

// get fetches an address without following redirects.
func get(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: unpooled, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// changed returns an address with query parameters replaced; nil removes one.
func changed(t *testing.T, address string, change url.Values) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, values := range change {
		if values == nil {
			q.Del(name)
		} else {
			q[name] = values
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// TestOIDCUnfinishedCallback makes sure that op does not see a sign-in before its person has chosen: it would write the
// refusal to the log, with the state.
func TestOIDCUnfinishedCallback(t *testing.T) {
	t.Parallel()
	p := serveOIDC(t, "/realms/home", nil)
	rp := newParty(t, p, idp.ClientApp, "http://127.0.0.1:9/cb")
	page, _ := get(t, rp.address())
	at, err := page.Location()
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{"nobody has chosen": at.Query().Get("id"), "never begun": "x"} {
		response, body := get(t, p.Issuer()+"/auth/callback?id="+id)
		if response.StatusCode != http.StatusGone || !strings.Contains(body, "This sign-in is over") {
			t.Errorf("%s: answered %s to %q", name, response.Status, response.Header.Get("Location"))
		}
	}
}

// endless is a body without end that counts what was read of it.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	e.read += len(b)
	if e.read > 8<<20 {
		return 0, io.EOF
	}
	return len(b), nil
}

// TestBodiesAreBounded makes sure that both providers read little of a request that does not end, in whichever form.
func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	o, s := serveOIDC(t, "", nil), serveSAML(t, "", nil)
	for _, c := range []struct {
		handler http.Handler
		path    string
	}{
		{o, "/auth"}, {o, "/sign-in"}, {o, "/token"}, {o, "/userinfo"}, {s, "/sso"}, {s, "/sign-in"},
	} {
		for kind, begin := range map[string]string{
			"application/x-www-form-urlencoded": "id=", "multipart/form-data; boundary=b": "--b\r\nContent-Disposition: form-data; " +
				"name=\"id\"; filename=\"f\"\r\n\r\n",
		} {
			rest := &endless{}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.path, io.MultiReader(strings.NewReader(begin), rest))
			r.Header.Set("Content-Type", kind)
			answer := httptest.NewRecorder()
			c.handler.ServeHTTP(answer, r)
			if rest.read > 1<<20 || answer.Code < http.StatusBadRequest {
				t.Errorf("%s, %s: answered %d, read %d bytes", c.path, kind, answer.Code, rest.read)
			}
		}
	}
}
