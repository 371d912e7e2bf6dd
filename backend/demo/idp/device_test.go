package idp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/visitor"
)

// hands is a clock that the test moves.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) read() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// deviceAuth begins a sign-in on a device. A confidential client sends its secret (RFC 8628 section 3.1), which oauth2 leaves
// to its caller.
func (p party) deviceAuth(t *testing.T) (*oauth2.DeviceAuthResponse, error) {
	t.Helper()
	var options []oauth2.AuthCodeOption
	if p.config.ClientSecret != "" {
		options = append(options, oauth2.SetAuthURLParam("client_secret", p.config.ClientSecret))
	}
	return p.config.DeviceAuth(t.Context(), options...)
}

// poll asks for the tokens of a device code once and returns them, or the error code.
func poll(t *testing.T, p party, code string) (map[string]any, string) {
	t.Helper()
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {code}, "client_id": {p.config.ClientID},
	}
	if p.config.ClientSecret != "" {
		form.Set("client_secret", p.config.ClientSecret)
	}
	return post(t, p.config.Endpoint.TokenURL, form)
}

// post sends a form to an endpoint of the back channel and returns the answer, or the error code.
func post(t *testing.T, address string, form url.Values) (map[string]any, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := (&http.Client{Transport: unpooled}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	code, _ := out["error"].(string)
	if (code == "") != (answer.StatusCode < 300) {
		t.Errorf("%s with %v", answer.Status, out)
	}
	return out, code
}

func TestDevice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ client, path string }{
		{idp.ClientJellyfin, ""}, {idp.ClientApp, "/realms/home"}, {idp.ClientAppSecret, ""},
	} {
		t.Run(c.client, func(t *testing.T) {
			t.Parallel()
			p := serveOptions(t, c.path, idp.OIDCOptions{DeviceInterval: time.Second})
			rp := newParty(t, p, c.client, "")
			code, err := rp.deviceAuth(t)
			if err != nil {
				t.Fatal(err)
			}
			if code.VerificationURI != p.Issuer()+"/device" || code.Interval != 1 ||
				code.VerificationURIComplete != code.VerificationURI+"?user_code="+code.UserCode {
				t.Errorf("asked to go to %+v", code)
			}
			typed := strings.ToLower(strings.ReplaceAll(code.UserCode, "-", " "))
			if err := visitor.New().Approve(t.Context(), code.VerificationURI, typed, "team/ops"); err != nil {
				t.Fatal(err)
			}
			token, err := rp.config.DeviceAccessToken(t.Context(), code)
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := token.Extra("id_token").(string)
			id, err := rp.provider.Verifier(&oidc.Config{ClientID: c.client}).Verify(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			var claims struct {
				Name string `json:"preferred_username"`
			}
			if err := id.Claims(&claims); err != nil || id.Subject != people[1].Subject || claims.Name != "team/ops" {
				t.Errorf("%s signed in as %+v, %v", id.Subject, claims, err)
			}
			info, err := rp.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
			if err != nil || info.Subject != id.Subject {
				t.Errorf("userinfo is %+v, %v", info, err)
			}
			if _, refused := poll(t, rp, code.DeviceCode); refused != "invalid_grant" {
				t.Errorf("the code was taken twice: %q", refused)
			}
		})
	}
}

// TestDeviceErrors asks too fast, for what was denied, for what ran out, and as somebody else.
func TestDeviceErrors(t *testing.T) {
	t.Parallel()
	clock := &hands{now: time.Now()}
	p := serveOptions(t, "", idp.OIDCOptions{Now: clock.read, NoDeviceClients: []string{idp.ClientAppSecret}})
	rp, other, barred := newParty(t, p, idp.ClientApp, ""), newParty(t, p, idp.ClientJellyfin, ""), newParty(t, p, idp.ClientAppSecret, "")
	begin := func() *oauth2.DeviceAuthResponse {
		code, err := rp.deviceAuth(t)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	want := func(p party, code, want string) {
		t.Helper()
		if _, got := poll(t, p, code); got != want {
			t.Errorf("answered %q, want %q", got, want)
		}
	}
	code := begin()
	want(rp, code.DeviceCode, "authorization_pending")
	want(rp, code.DeviceCode, "slow_down") // from now on it is ten seconds
	clock.advance(6 * time.Second)
	want(rp, code.DeviceCode, "slow_down")
	clock.advance(15 * time.Second)
	want(rp, code.DeviceCode, "authorization_pending")
	want(other, code.DeviceCode, "invalid_grant")
	want(rp, "never given", "invalid_grant")
	want(barred, code.DeviceCode, "unauthorized_client")
	if err := visitor.New().Approve(t.Context(), code.VerificationURIComplete, "", visitor.Cancel); err != nil {
		t.Fatal(err)
	}
	want(rp, code.DeviceCode, "access_denied")
	if err := visitor.New().Approve(t.Context(), code.VerificationURIComplete, "", "maria"); err == nil {
		t.Error("approved after it was denied")
	}

	late := begin()
	clock.advance(11 * time.Minute)
	want(rp, late.DeviceCode, "expired_token")
	if err := visitor.New().Approve(t.Context(), late.VerificationURI, late.UserCode, "maria"); err == nil {
		t.Error("approved after it had run out")
	}
	if _, err := barred.deviceAuth(t); !isOAuthError(err, "unauthorized_client") {
		t.Errorf("a client that may not begin: %v", err)
	}
	wrong := other
	wrong.config.ClientSecret = "guessed"
	if _, err := wrong.deviceAuth(t); !isOAuthError(err, "invalid_client") {
		t.Errorf("a wrong secret: %v", err)
	}
	wrong.config.ClientSecret = ""
	if _, err := wrong.deviceAuth(t); !isOAuthError(err, "invalid_client") {
		t.Errorf("no secret: %v", err)
	}
}

func isOAuthError(err error, code string) bool {
	refused, is := errors.AsType[*oauth2.RetrieveError](err)
	return is && refused.ErrorCode == code
}

func TestNoDeviceFlow(t *testing.T) {
	t.Parallel()
	rp := newParty(t, serveOptions(t, "", idp.OIDCOptions{NoDeviceFlow: true}), idp.ClientApp, "")
	if rp.config.Endpoint.DeviceAuthURL != "" {
		t.Errorf("it advertises %s", rp.config.Endpoint.DeviceAuthURL)
	}
	rp.config.Endpoint.DeviceAuthURL = strings.Replace(rp.config.Endpoint.TokenURL, "/token", "/device_authorization", 1)
	if _, err := rp.deviceAuth(t); err == nil {
		t.Error("it begins")
	}
}

// TestPushed signs in by a request that was sent ahead.
func TestPushed(t *testing.T) {
	t.Parallel()
	const back = "http://127.0.0.1:18701/sso/OID/redirect/authelia"
	p := serveOptions(t, "/realms/home", idp.OIDCOptions{Pushed: idp.PushedRequired})
	rp := newParty(t, p, idp.ClientJellyfin, back)
	var metadata struct {
		Push     string `json:"pushed_authorization_request_endpoint"`
		Required bool   `json:"require_pushed_authorization_requests"`
	}
	if err := rp.provider.Claims(&metadata); err != nil || metadata.Push != p.Issuer()+"/par" || !metadata.Required {
		t.Fatalf("it advertises %+v, %v", metadata, err)
	}
	request := func() url.Values {
		u, err := url.Parse(rp.address())
		if err != nil {
			t.Fatal(err)
		}
		form := u.Query()
		form.Set("client_secret", rp.config.ClientSecret)
		return form
	}
	push := func(change func(url.Values)) (string, string) {
		form := request()
		change(form)
		out, refused := post(t, metadata.Push, form)
		uri, _ := out["request_uri"].(string)
		return rp.config.Endpoint.AuthURL + "?" + url.Values{"client_id": {rp.config.ClientID}, "request_uri": {uri}}.Encode(), refused
	}
	address, refused := push(func(url.Values) {})
	if refused != "" {
		t.Fatal(refused)
	}
	answer, err := visitor.New().Choose(t.Context(), address, "maria")
	if err != nil {
		t.Fatal(err)
	}
	if q := answer.URL.Query(); !strings.HasPrefix(answer.URL.String(), back) || q.Get("state") != "state-1" {
		t.Errorf("led back to %s", answer.URL)
	} else if claims, err := rp.redeem(t.Context(), q.Get("code")); err != nil || claims["sub"] != people[0].Subject {
		t.Errorf("signed in as %v, %v", claims, err)
	}
	for name, address := range map[string]string{
		"again": address, "not pushed": rp.address(),
		"another client's": strings.Replace(address, "client_id=jellyfin", "client_id=jellybind", 1),
		"made up":          rp.config.Endpoint.AuthURL + "?client_id=jellyfin&request_uri=urn:ietf:params:oauth:request_uri:x",
	} {
		if _, err := visitor.New().Choose(t.Context(), address, "maria"); err == nil {
			t.Errorf("%s: signed in", name)
		}
	}
	for name, change := range map[string]func(url.Values){
		"invalid_client":            func(f url.Values) { f.Set("client_secret", "guessed") },
		"invalid_request":           func(f url.Values) { f.Set("redirect_uri", "https://evil.example/") },
		"unsupported_response_type": func(f url.Values) { f.Set("response_type", "token") },
	} {
		if _, refused := push(change); refused != name {
			t.Errorf("%s: answered %q", name, refused)
		}
	}
}

// TestPushedOffered leaves it to the client, and TestOIDCDiscovery knows of no endpoint without the option.
func TestPushedOffered(t *testing.T) {
	t.Parallel()
	rp := newParty(t, serveOptions(t, "", idp.OIDCOptions{Pushed: idp.PushedOffered}), idp.ClientApp, "http://127.0.0.1:1/")
	if _, err := visitor.New().Choose(t.Context(), rp.address(), "maria"); err != nil {
		t.Error(err)
	}
}

func TestNoResponseIssuer(t *testing.T) {
	t.Parallel()
	rp := newParty(t, serveOptions(t, "", idp.OIDCOptions{NoResponseIssuer: true}), idp.ClientApp, "http://127.0.0.1:1/")
	for _, login := range []string{"maria", visitor.Cancel} {
		back, err := visitor.New().Choose(t.Context(), rp.address(), login)
		if err != nil {
			t.Fatal(err)
		}
		if q := back.URL.Query(); q.Has("iss") || q.Get("state") != "state-1" {
			t.Errorf("led back to %s", back.URL)
		}
	}
}

// TestClaims gives claims of every type, in ID token and userinfo, as they were given.
func TestClaims(t *testing.T) {
	t.Parallel()
	odd := []idp.Person{
		{Login: "true", Subject: "1", Claims: map[string]any{"preferred_username": true}},
		{Login: "list", Subject: "2", Claims: map[string]any{"preferred_username": []string{"a", "b"}}},
		{Login: "number", Subject: "3", Claims: map[string]any{"preferred_username": json.RawMessage("1.50")}},
		{Login: "object", Subject: "4", Claims: map[string]any{"preferred_username": map[string]any{"a": 1}}},
		{Login: "empty", Subject: "5", Claims: map[string]any{"preferred_username": ""}},
		{Login: "none", Subject: "6", Claims: map[string]any{"preferred_username": nil}},
		{Login: "mail", Subject: "7", Email: "x@home.example", Claims: map[string]any{"email": []string{}, "nickname": "n"}},
	}
	p := serveOptions(t, "", idp.OIDCOptions{People: odd})
	for login, want := range map[string]string{
		"true": `"preferred_username":true`, "list": `"preferred_username":["a","b"]`, "number": `"preferred_username":1.50`,
		"object": `"preferred_username":{"a":1}`, "empty": `"preferred_username":""`, "none": "", "mail": `"email":[]`,
	} {
		rp := newParty(t, p, idp.ClientApp, "http://127.0.0.1:1/")
		back, err := visitor.New().Choose(t.Context(), rp.address(), login)
		if err != nil {
			t.Fatal(err)
		}
		token, err := rp.config.Exchange(t.Context(), back.URL.Query().Get("code"), oauth2.VerifierOption(rp.verifier))
		if err != nil {
			t.Fatal(err)
		}
		info := read(t.Context(), t, rp.provider.UserInfoEndpoint(), "Authorization", "Bearer "+token.AccessToken)
		raw, _ := token.Extra("id_token").(string)
		id, err := rp.provider.Verifier(&oidc.Config{ClientID: idp.ClientApp}).Verify(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		var inToken json.RawMessage
		if err := id.Claims(&inToken); err != nil {
			t.Fatal(err)
		}
		for _, claims := range []string{info, string(inToken)} {
			if !strings.Contains(claims, want) || want == "" && strings.Contains(claims, "preferred_username") {
				t.Errorf("%s: %s", login, claims)
			}
		}
	}
	rp := newParty(t, p, idp.ClientApp, "http://127.0.0.1:1/", "openid")
	back, err := visitor.New().Choose(t.Context(), rp.address(), "mail")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := rp.redeem(t.Context(), back.URL.Query().Get("code"))
	if err != nil || claims["email"] != nil || claims["nickname"] != nil {
		t.Errorf("without the scopes: %v, %v", claims, err)
	}
}

// TestGerman reads each page in both languages.
func TestGerman(t *testing.T) {
	t.Parallel()
	p := serveOIDC(t, "", nil)
	rp := newParty(t, p, idp.ClientApp, "http://127.0.0.1:1/")
	code, err := rp.deviceAuth(t)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string][2]string{
		p.Issuer() + "/":                      {"A demo provider", "Ein Demo-Anbieter"},
		rp.address():                          {"Who is signing in?", "Wer meldet sich an?"},
		code.VerificationURI:                  {"Type the code", "Tippen Sie den Code ein"},
		code.VerificationURIComplete:          {"on another device", "auf einem anderen Gerät"},
		p.Issuer() + "/sign-in?id=x":          {"This sign-in is over", "Diese Anmeldung ist vorbei"},
		p.Issuer() + "/auth":                  {"is not registered here", "ist hier nicht eingetragen"},
		code.VerificationURI + "?user_code=x": {"is not known", "gibt es nicht"},
	} {
		for i, language := range []string{"en-GB,de;q=0.5", "de-AT,en;q=0.5"} {
			body := read(t.Context(), t, address, "Accept-Language", language)
			if !strings.Contains(body, want[i]) || !strings.Contains(body, `<html lang="`+language[:2]+`">`) {
				t.Errorf("%s in %s:\n%s", address, language, body)
			}
		}
	}
}

func read(ctx context.Context, t *testing.T, address, header, value string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(header, value)
	answer, err := (&http.Client{Transport: unpooled}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
