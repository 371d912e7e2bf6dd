package oidcflow_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/secret"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

// browse opens an address as a browser does, and returns where it ended.
func browse(t *testing.T, address string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: unpooled}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// TestRequest looks at the authorization request: scopes, redirect URI and parameters are exactly the plugin's, and nothing
// that is added replaces what protects the sign-in.
func TestRequest(t *testing.T) {
	t.Parallel()
	h := &hostile{}
	h.start(t)
	client := oidcflow.Client{
		Issuer: h.base, ClientID: "app", Rule: bySubject, Scopes: []string{"openid", "profile", "groups", "groups"},
		RedirectPath: "/jf/sso/OID/redirect/my%20idp",
		Parameters: map[string]string{
			"acr_values": "mfa gold", "prompt": "login", "ui_locales": "",
			"state": "fixed", "nonce": "fixed", "redirect_uri": "https://evil.example", "client_id": "other", "scope": "all",
			"response_type": "token", "code_challenge": "x", "code_challenge_method": "plain", "response_mode": "form_post",
			"request": "eyJ", "request_uri": "https://evil.example", "client_secret": "x", "client_assertion": "x",
		},
	}
	_, err := oidcflow.Run(t.Context(), client, oidcflow.Options{}, func(_ context.Context, s api.SignIn) error {
		q := query(t, s.URL)
		for name, want := range map[string]string{
			"acr_values": "mfa gold", "prompt": "login", "ui_locales": "", "client_id": "app", "response_type": "code",
			"scope": "openid profile groups groups", "code_challenge_method": "S256",
			"redirect_uri": origin(t, s.ShortURL) + "/jf/sso/OID/redirect/my%20idp",
		} {
			if diff := cmp.Diff([]string{want}, q[name]); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			q.Del(name)
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if len(q[name]) != 1 || len(q.Get(name)) < 22 {
				t.Errorf("%s: %q", name, q[name])
			}
			q.Del(name)
		}
		if len(q) > 0 {
			t.Errorf("also sent: %v", slices.Sorted(maps.Keys(q)))
		}
		browse(t, s.URL)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestEndpointWithQuery keeps the query that an authorization endpoint has (RFC 6749, section 3.1).
func TestEndpointWithQuery(t *testing.T) {
	t.Parallel()
	h := &hostile{metadata: func(m map[string]any) {
		m["authorization_endpoint"] = m["authorization_endpoint"].(string) + "?tenant=a%20b"
	}}
	h.start(t)
	client := oidcflow.Client{Issuer: h.base, ClientID: "app", Rule: bySubject}
	_, err := oidcflow.Run(t.Context(), client, oidcflow.Options{}, func(_ context.Context, s api.SignIn) error {
		if q := query(t, s.URL); q.Get("tenant") != "a b" || q.Get("client_id") != "app" {
			t.Errorf("%v", q)
		}
		browse(t, s.URL)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestUnknownRule signs nobody in while nothing says which claim is the name.
func TestUnknownRule(t *testing.T) {
	t.Parallel()
	h := &hostile{}
	h.start(t)
	_, err := oidcflow.Run(t.Context(), oidcflow.Client{Issuer: h.base, ClientID: "app"}, oidcflow.Options{}, nil)
	if err == nil || !strings.Contains(err.Error(), "which claim") {
		t.Error(err)
	}
}

func TestPush(t *testing.T) {
	t.Parallel()
	required := set("require_pushed_authorization_requests", true)
	for _, c := range []struct {
		name     string
		metadata func(map[string]any)
		push     bool
		pushed   int
	}{
		{"offered", nil, false, 0},
		{"offered and wanted", nil, true, 1},
		{"required", required, false, 1},
		{"wanted and not offered", set("pushed_authorization_request_endpoint", nil), true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := &hostile{metadata: c.metadata}
			h.start(t)
			client := oidcflow.Client{
				Issuer: h.base, ClientID: "app", Secret: secret.New("the-secret"), Rule: bySubject, Push: c.push,
				Parameters: map[string]string{"prompt": "login"},
			}
			got, err := oidcflow.Run(t.Context(), client, oidcflow.Options{}, func(_ context.Context, s api.SignIn) error {
				q := query(t, s.URL)
				if c.pushed > 0 {
					if diff := cmp.Diff(url.Values{"client_id": {"app"}, "request_uri": {"urn:request:1"}}, q); diff != "" {
						t.Error(diff)
					}
					q = h.pushed[0]
				}
				if q.Get("redirect_uri") != origin(t, s.ShortURL)+"/callback" || len(q.Get("state")) < 22 ||
					q.Get("prompt") != "login" || q.Has("client_secret") {
					t.Errorf("%v", q)
				}
				browse(t, s.URL)
				return nil
			})
			if err != nil || got.Name != "subject-1" || len(h.pushed) != c.pushed {
				t.Errorf("%+v, %v, pushed %d times", got, err, len(h.pushed))
			}
			for _, proof := range h.client {
				if proof != "basic app the-secret" {
					t.Error(proof)
				}
			}
		})
	}
}

// TestPushedAgain opens the short address when the provider has forgotten the request, as a person does who was away.
func TestPushedAgain(t *testing.T) {
	t.Parallel()
	h := &hostile{}
	h.start(t)
	var late atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	client := oidcflow.Client{Issuer: h.base, ClientID: "app", Rule: bySubject, Push: true}
	_, err := oidcflow.Run(t.Context(), client, oidcflow.Options{Now: now}, func(_ context.Context, s api.SignIn) error {
		opened := func() string {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Launch(), nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := unpooled.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			return resp.Header.Get("Location")
		}
		if at := opened(); at != s.URL {
			t.Errorf("at once: %s", at)
		}
		late.Store(int64(time.Minute))
		at := opened()
		if query(t, at).Get("request_uri") != "urn:request:2" {
			t.Errorf("after a minute: %s", at)
		}
		if h.pushed[0].Get("state") != h.pushed[1].Get("state") {
			t.Error("another state")
		}
		browse(t, at)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestHostilePush(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		h    *hostile
		want api.Code
		why  api.Why
		says string
	}{
		{"redirect URI", &hostile{push: answers(400, `{"error":"invalid_request","error_description":"redirect_uri\u001b"}`)}, api.CodeSignInRefused, "push-refused", "/callback"},
		{"client", &hostile{push: answers(401, `{"error":"invalid_client"}`)}, api.CodeSignInRefused, "client-refused", "app"},
		{"fault", &hostile{push: answers(500, ``)}, api.CodeProviderUnreachable, "unusable-status", "500"},
		{"no reference", &hostile{push: answers(201, `{"expires_in":60}`)}, api.CodeSignInInvalid, "answer", "names no pushed request"},
		{"no JSON", &hostile{push: answers(201, `<html>`)}, api.CodeSignInInvalid, "answer", "names no pushed request"},
		{"too much", &hostile{push: answers(201, strings.Repeat(" ", 2<<20))}, api.CodeProviderUnreachable, "idp-too-much", "far more"},
		{"redirect", &hostile{push: redirectTo(http.StatusTemporaryRedirect, "same host")}, api.CodeRedirectRefused, "idp-redirects", "must not be redirected"},
		{"it tells the secret", &hostile{push: answers(400, `{"error":"x","error_description":"not wrong-client-secret"}`)}, api.CodeSignInRefused, "push-refused", "request: x."},
		{"required and nowhere", &hostile{metadata: func(m map[string]any) {
			m["require_pushed_authorization_requests"] = true
			delete(m, "pushed_authorization_request_endpoint")
		}}, api.CodeProviderUnreachable, "unusable-endpoint", "pushed_authorization_request_endpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.h.start(t)
			client := oidcflow.Client{
				Issuer: c.h.base, ClientID: "app", Secret: secret.New("wrong-client-secret"), Rule: bySubject, Push: true,
			}
			_, err := oidcflow.Run(t.Context(), client, oidcflow.Options{}, func(context.Context, api.SignIn) error {
				t.Error("a person was asked")
				return nil
			})
			checkError(t, err, c.want, "")
			e, ok := errors.AsType[*api.Error](err)
			e = inWords(e)
			if !ok || e.Why != c.why || !strings.Contains(e.Sentence+" "+e.Hint, c.says) {
				t.Errorf("%s: %q, %q; want %s and %q", e.Why, e.Sentence, e.Hint, c.why, c.says)
			}
			if strings.Contains(e.Sentence+e.Hint, "\x1b") || c.h.leaked.Load() {
				t.Errorf("%q, leaked: %t", e.Sentence, c.h.leaked.Load())
			}
		})
	}
}

// TestPublishedIssuer takes another issuer only where the plugin does, and then only that one.
func TestPublishedIssuer(t *testing.T) {
	t.Parallel()
	const published = "https://auth.example/application/o/jellyfin/"
	for _, c := range []struct {
		name   string
		issuer any
		token  any
		answer string
		accept bool
		want   api.Code
	}{
		{"refused", published, published, "", false, api.CodeProviderUnreachable},
		{"accepted", published, published, "", true, ""},
		{"accepted, named in the answer", published, published, published, true, ""},
		{"accepted, another in the token", published, "https://other.example", "", true, api.CodeSignInInvalid},
		{"accepted, the address in the token", published, "base", "", true, api.CodeSignInInvalid},
		{"accepted, another in the answer", published, published, "https://other.example", true, api.CodeSignInInvalid},
		{"none", nil, published, "", true, api.CodeProviderUnreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := &hostile{metadata: set("issuer", c.issuer)}
			if c.token != "base" {
				h.claims = set("iss", c.token)
			}
			if c.answer != "" {
				h.answer = func(v url.Values) { v.Set("iss", c.answer) }
			}
			h.start(t)
			got, err := h.run(t, oidcflow.Client{Rule: bySubject, AcceptPublishedIssuer: c.accept}, nil)
			switch {
			case c.want != "":
				checkError(t, err, c.want, "")
			case err != nil || got.Issuer != published || got.Name != "subject-1":
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestNoUserinfo leaves userinfo alone where the plugin does.
func TestNoUserinfo(t *testing.T) {
	t.Parallel()
	h := &hostile{userinfo: map[string]any{"sub": "subject-1", "preferred_username": "maria"}}
	h.start(t)
	got, err := h.run(t, oidcflow.Client{
		Rule: api.NameRule{Claim: "preferred_username", Fallback: "sub"}, NoUserinfo: true,
	}, nil)
	if err != nil || got.Name != "subject-1" || h.asked.Load() != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestSignedUserinfo reads userinfo that is a JWT (OpenID Connect Core 1.0, section 5.3.2).
func TestSignedUserinfo(t *testing.T) {
	t.Parallel()
	h := &hostile{}
	h.info = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/jwt; charset=utf-8")
		_, _ = io.WriteString(w, signES256(t, h, []byte(`{"sub":"subject-1","preferred_username":"maria"}`)))
		return true
	}
	h.start(t)
	got, err := h.run(t, oidcflow.Client{Rule: api.NameRule{Claim: "preferred_username", Fallback: "sub"}}, nil)
	if err != nil || got.Name != "maria" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestShownUserinfo: where the name is the subject, userinfo is only shown, and may fail.
func TestShownUserinfo(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]*hostile{
		"told":    {userinfo: map[string]any{"sub": "subject-1", "name": "Maria", "email": 7}},
		"refused": {info: answers(403, `{}`)},
	} {
		h.start(t)
		got, err := h.run(t, oidcflow.Client{Rule: bySubject}, nil)
		if err != nil || got.Name != "subject-1" || (got.DisplayName == "Maria") != (name == "told") || got.Email != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestPinnedProvider walks the way of a person whose provider has a certificate of its own: refused with the fingerprint,
// signed in with it, and refused again when the certificate changes.
func TestPinnedProvider(t *testing.T) {
	t.Parallel()
	h := &hostile{}
	h.makeKey(t)
	server := httptest.NewUnstartedServer(h.mux(t))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	h.base = server.URL
	trusting := server.Client()
	run := func(pin string) (oidcflow.Identity, error) {
		client := oidcflow.Client{Issuer: h.base, ClientID: "app", Rule: bySubject, PinnedSHA256: pin, Push: true}
		return oidcflow.Run(t.Context(), client, oidcflow.Options{Listen: loopback.Options{Timeout: 10 * time.Second}},
			func(_ context.Context, s api.SignIn) error {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
				if err != nil {
					return err
				}
				resp, err := trusting.Do(req)
				if err == nil {
					err = resp.Body.Close()
				}
				return err
			})
	}
	_, err := run("")
	checkError(t, err, api.CodeCertificateUntrusted, "certificate authority")
	untrusted, ok := errors.AsType[*oidcflow.CertificateError](err)
	if !ok || untrusted.Host != server.Listener.Addr().String() || untrusted.Certificate.SHA256 == "" || untrusted.Pinned != "" {
		t.Fatalf("%+v", untrusted)
	}
	if !strings.Contains(err.Error(), untrusted.Certificate.SHA256) {
		t.Errorf("%q names no fingerprint", err)
	}
	if got, err := run(untrusted.Certificate.SHA256); err != nil || got.Name != "subject-1" {
		t.Fatalf("%+v, %v", got, err)
	}
	other := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	_, err = run(other)
	checkError(t, err, api.CodeCertificateChanged, "listening in")
	if changed, ok := errors.AsType[*oidcflow.CertificateError](err); !ok || changed.Pinned != other {
		t.Errorf("%+v", changed)
	}
	_, err = run("nonsense")
	checkError(t, err, api.CodeUsage, "64 hexadecimal digits")

	// The pin is for the issuer's host alone.
	elsewhere := httptest.NewUnstartedServer(http.NotFoundHandler())
	elsewhere.TLS = &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12}
	elsewhere.Config.ErrorLog = log.New(io.Discard, "", 0)
	elsewhere.StartTLS()
	defer elsewhere.Close()
	h.metadata = set("pushed_authorization_request_endpoint", elsewhere.URL)
	_, err = run(untrusted.Certificate.SHA256)
	checkError(t, err, api.CodeCertificateUntrusted, "")
	if bad, ok := errors.AsType[*oidcflow.CertificateError](err); !ok || bad.Host != elsewhere.Listener.Addr().String() {
		t.Errorf("%+v", bad)
	}
}
