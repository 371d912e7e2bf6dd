package oidcflow_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
)

// hostile is an OpenID provider that signs everybody in at once, and does one thing wrong.
type hostile struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	metadata func(map[string]any)                          // changes the metadata
	answer   func(url.Values)                              // changes the authorization response
	claims   func(map[string]any)                          // changes the ID token
	userinfo map[string]any                                // what userinfo says
	sign     func(*testing.T, *hostile, []byte) string     // signs the ID token otherwise
	token    func(http.ResponseWriter, *http.Request) bool // answers at the token endpoint instead; false lets it pass
	keys     func(http.ResponseWriter, *http.Request) bool // the same for the key set
	leaked   atomic.Bool                                   // something secret went where it must not
	asked    atomic.Int32                                  // how often userinfo was asked
	nonce    atomic.Pointer[string]
}

func (h *hostile) start(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h.key = key
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		m := map[string]any{
			"issuer": h.URL, "authorization_endpoint": h.URL + "/auth", "token_endpoint": h.URL + "/token",
			"jwks_uri": h.URL + "/keys", "userinfo_endpoint": h.URL + "/userinfo",
			"response_types_supported": []string{"code"}, "id_token_signing_alg_values_supported": []string{"ES256", "none", "HS256"},
		}
		if h.metadata != nil {
			h.metadata(m)
		}
		writeJSON(w, m)
	})
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		nonce := q.Get("nonce")
		h.nonce.Store(&nonce)
		back := url.Values{"code": {"code-1"}, "state": {q.Get("state")}}
		if h.answer != nil {
			h.answer(back)
		}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if h.token != nil && h.token(w, r) {
			return
		}
		sum := sha256.Sum256([]byte("access-1"))
		c := map[string]any{
			"iss": h.URL, "sub": "subject-1", "aud": "app", "nonce": *h.nonce.Load(), "iat": time.Now().Unix(),
			"exp": time.Now().Add(time.Hour).Unix(), "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
		}
		if h.claims != nil {
			h.claims(c)
		}
		payload, err := json.Marshal(c)
		if err != nil {
			t.Error(err)
		}
		sign := h.sign
		if sign == nil {
			sign = signES256
		}
		writeJSON(w, map[string]any{
			"access_token": "access-1", "token_type": "Bearer", "expires_in": 300, "id_token": sign(t, h, payload),
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		if h.keys != nil && h.keys(w, r) {
			return
		}
		writeJSON(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		if r.Header.Get("Authorization") != "Bearer access-1" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if h.userinfo == nil {
			writeJSON(w, map[string]any{"sub": "subject-1"})
			return
		}
		writeJSON(w, h.userinfo)
	})
	mux.HandleFunc("/elsewhere", func(_ http.ResponseWriter, _ *http.Request) { h.leaked.Store(true) })
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func signES256(t *testing.T, h *hostile, payload []byte) string {
	return signWith(t, jose.ES256, h.key, "k1", payload)
}

func signWith(t *testing.T, alg jose.SignatureAlgorithm, key any, kid string, payload []byte) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Error(err)
		return ""
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Error(err)
	}
	return compact
}

func (h *hostile) run(t *testing.T, client oidcflow.Client, now func() time.Time) (oidcflow.Identity, error) {
	t.Helper()
	client.ClientID = "app"
	if client.Issuer == "" {
		client.Issuer = h.URL
	}
	return oidcflow.Run(t.Context(), client, oidcflow.Options{Now: now}, func(_ context.Context, s api.SignIn) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Errorf("the browser: %v", err)
		}
		if ok := resp.StatusCode == http.StatusOK; ok != strings.Contains(string(page), `id="done"`) {
			t.Errorf("page of status %d: %s", resp.StatusCode, page)
		}
		return nil
	})
}

func TestHostileProvider(t *testing.T) {
	t.Parallel()
	unsigned := func(_ *testing.T, _ *hostile, payload []byte) string {
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "."
	}
	set := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) {
			if value == nil {
				delete(m, name)
			} else {
				m[name] = value
			}
		}
	}
	redirectTo := func(status int, target string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			to := target
			switch to {
			case "other host":
				to = "http://" + strings.Replace(r.Host, "127.0.0.1", "localhost", 1) + "/elsewhere"
			case "same host":
				to = "/elsewhere"
			}
			http.Redirect(w, r, to, status)
			return true
		}
	}
	announce := func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = true }
	answers := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	for _, c := range []struct {
		name string
		h    *hostile
		want api.Code
		says string // in sentence or hint
	}{
		// The answer in the browser (RFC 9207).
		{
			"foreign iss", &hostile{answer: func(v url.Values) { v.Set("iss", "https://other.example") }},
			api.CodeSignInInvalid, "does not come from",
		},
		{"iss announced and missing", &hostile{metadata: announce}, api.CodeSignInInvalid, "does not come from"},
		{"foreign iss with an error", &hostile{answer: func(v url.Values) {
			v.Del("code")
			v.Set("error", "access_denied")
			v.Set("iss", "https://other.example")
		}}, api.CodeSignInInvalid, "does not come from"},
		{"error with escapes", &hostile{answer: func(v url.Values) {
			v.Del("code")
			v.Set("error", "access_denied")
			v.Set("error_description", "no\x1b[31m\u202e"+strings.Repeat("x", 900))
		}}, api.CodeSignInRefused, `\x1b`},

		// The ID token.
		{"alg none", &hostile{sign: unsigned}, api.CodeSignInInvalid, "signature"},
		{"signed by the client's secret", &hostile{sign: func(t *testing.T, _ *hostile, p []byte) string {
			return signWith(t, jose.HS256, []byte(strings.Repeat("k", 32)), "k1", p)
		}}, api.CodeSignInInvalid, "signature"},
		{"another key", &hostile{sign: func(t *testing.T, _ *hostile, p []byte) string {
			other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Error(err)
			}
			return signWith(t, jose.ES256, other, "k1", p)
		}}, api.CodeSignInInvalid, "signature"},
		{"mixed-up issuer", &hostile{claims: set("iss", "https://other.example")}, api.CodeSignInInvalid, "issuer"},
		{
			"issuer with a slash", &hostile{claims: func(m map[string]any) { m["iss"] = fmt.Sprint(m["iss"], "/") }},
			api.CodeSignInInvalid, "issuer",
		},
		{"wrong audience", &hostile{claims: set("aud", "other")}, api.CodeSignInInvalid, "audience"},
		{
			"several audiences, no azp", &hostile{claims: set("aud", []string{"app", "other"})},
			api.CodeSignInInvalid, "another client",
		},
		{"foreign azp", &hostile{claims: set("azp", "other")}, api.CodeSignInInvalid, "another client"},
		{"wrong nonce", &hostile{claims: set("nonce", "x")}, api.CodeSignInInvalid, "nonce"},
		{"no nonce", &hostile{claims: set("nonce", nil)}, api.CodeSignInInvalid, "nonce"},
		{"no subject", &hostile{claims: set("sub", nil)}, api.CodeSignInInvalid, "subject"},
		{"expired", &hostile{claims: set("exp", time.Now().Add(-3*time.Minute).Unix())}, api.CodeSignInInvalid, "clocks"},
		{"never expires", &hostile{claims: set("exp", nil)}, api.CodeSignInInvalid, "ran out"},
		{
			"from the future", &hostile{claims: set("iat", time.Now().Add(3*time.Minute).Unix())},
			api.CodeSignInInvalid, "clocks",
		},
		{"from beyond the calendar", &hostile{claims: set("iat", 1e300)}, api.CodeSignInInvalid, "times"},
		{"not yet", &hostile{claims: set("nbf", time.Now().Add(3*time.Minute).Unix())}, api.CodeSignInInvalid, "clocks"},
		{"no iat", &hostile{claims: set("iat", nil)}, api.CodeSignInInvalid, "when it was made"},
		{
			"another access token", &hostile{claims: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
			api.CodeSignInInvalid, "access token",
		},
		{
			"userinfo about somebody else", &hostile{userinfo: map[string]any{"sub": "subject-2", "preferred_username": "root"}},
			api.CodeSignInInvalid, "somebody else",
		},
		{
			"userinfo without subject", &hostile{userinfo: map[string]any{"preferred_username": "root"}},
			api.CodeSignInInvalid, "somebody else",
		},

		// The token endpoint and the key set.
		{
			"token endpoint redirects", &hostile{token: redirectTo(http.StatusTemporaryRedirect, "other host")},
			api.CodeRedirectRefused, "travel on",
		},
		{
			"token endpoint redirects to its own", &hostile{token: redirectTo(http.StatusTemporaryRedirect, "same host")},
			api.CodeRedirectRefused, "travel on",
		},
		{
			"no ID token", &hostile{token: answers(200, `{"access_token":"a","token_type":"Bearer"}`)},
			api.CodeSignInInvalid, "no ID token",
		},
		{"no JSON", &hostile{token: answers(200, `<html>`)}, api.CodeSignInInvalid, "redeemed"},
		{
			"too much", &hostile{token: answers(200, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`)},
			api.CodeSignInInvalid, "redeemed",
		},
		{"server error", &hostile{token: answers(500, `oops state=1`)}, api.CodeProviderUnreachable, "500"},
		{
			"old code", &hostile{token: answers(400, `{"error":"invalid_grant","error_description":"state=1"}`)},
			api.CodeSignInRefused, "/callback",
		},
		{
			"other error", &hostile{token: answers(400, `{"error":"slow\u001b_down"}`)},
			api.CodeSignInRefused, `slow\x1b_down`,
		},
		{
			"keys lead elsewhere", &hostile{keys: redirectTo(http.StatusFound, "http://192.0.2.1/")},
			api.CodeRedirectRefused, "travel on",
		},

		// The metadata.
		{
			"other issuer", &hostile{metadata: set("issuer", "https://other.example")},
			api.CodeProviderUnreachable, "calls itself https://other.example",
		},
		{"no issuer", &hostile{metadata: set("issuer", nil)}, api.CodeProviderUnreachable, "calls itself"},
		{
			"no token endpoint", &hostile{metadata: set("token_endpoint", nil)},
			api.CodeProviderUnreachable, "token endpoint",
		},
		{
			"authorization endpoint with a scheme", &hostile{metadata: set("authorization_endpoint", "javascript:alert(1)")},
			api.CodeProviderUnreachable, "authorization endpoint",
		},
		{
			"authorization endpoint with a user", &hostile{metadata: set("authorization_endpoint", "https://bank@evil.example/")},
			api.CodeProviderUnreachable, "authorization endpoint",
		},
		{
			"no code flow", &hostile{metadata: set("response_types_supported", []string{"id_token"})},
			api.CodeProviderUnreachable, "code flow",
		},
		{
			"symmetric only", &hostile{metadata: set("id_token_signing_alg_values_supported", []string{"HS256", "none"})},
			api.CodeProviderUnreachable, "public key",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.h.start(t)
			_, err := c.h.run(t, oidcflow.Client{Rule: api.NameRule{Claim: "preferred_username", Fallback: "sub"}}, nil)
			checkError(t, err, c.want, "")
			e, ok := errors.AsType[*api.Error](err)
			if !ok || !strings.Contains(e.Sentence+" "+e.Hint, c.says) {
				t.Errorf("%q, %q; want %q in it", e.Sentence, e.Hint, c.says)
			}
			if strings.ContainsAny(e.Sentence+e.Hint, "\x1b\u202e") || len(e.Sentence) > 1000 {
				t.Errorf("sentence %q", e.Sentence)
			}
			if c.h.leaked.Load() {
				t.Error("the code was sent elsewhere")
			}
		})
	}
}

// TestHarmlessProvider does the same with what must be accepted, so that the cases above fail for their own reason.
func TestHarmlessProvider(t *testing.T) {
	t.Parallel()
	late := func() time.Time { return time.Now().Add(time.Hour + time.Minute) }
	for _, c := range []struct {
		name  string
		h     *hostile
		claim string
		now   func() time.Time
		want  string
		asked int32
	}{
		{name: "plain", h: &hostile{}, want: "subject-1", asked: 1},
		{name: "iss given", h: &hostile{metadata: func(m map[string]any) {
			m["authorization_response_iss_parameter_supported"] = true
		}}, want: "subject-1", asked: 1},
		{name: "several audiences", h: &hostile{claims: func(m map[string]any) {
			m["aud"], m["azp"] = []string{"app", "other"}, "app"
		}}, want: "subject-1", asked: 1},
		{name: "no at_hash", h: &hostile{claims: func(m map[string]any) { delete(m, "at_hash") }}, want: "subject-1", asked: 1},
		{name: "clock a minute late", h: &hostile{}, now: late, want: "subject-1", asked: 1},
		{
			name: "name in the ID token", h: &hostile{
				claims:   func(m map[string]any) { m["preferred_username"] = "maria" },
				userinfo: map[string]any{"sub": "subject-1"},
			},
			claim: "preferred_username", want: "maria", asked: 1,
		},
		{
			name: "another name in userinfo", h: &hostile{
				claims:   func(m map[string]any) { m["preferred_username"] = "maria" },
				userinfo: map[string]any{"sub": "subject-1", "preferred_username": "root"},
			},
			claim: "preferred_username", want: "root", asked: 1,
		},
		{
			name: "name in userinfo", h: &hostile{userinfo: map[string]any{"sub": "subject-1", "preferred_username": "maria"}},
			claim: "preferred_username", want: "maria", asked: 1,
		},
		{
			name: "name nowhere", h: &hostile{userinfo: map[string]any{"sub": "subject-1"}},
			claim: "preferred_username", want: "subject-1", asked: 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.h.start(t)
			if c.name == "iss given" {
				c.h.answer = func(v url.Values) { v.Set("iss", c.h.URL) }
			}
			got, err := c.h.run(t, oidcflow.Client{Rule: api.NameRule{Claim: c.claim, Fallback: "sub"}}, c.now)
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != c.want || got.Subject != "subject-1" {
				t.Errorf("%+v", got)
			}
			if n := c.h.asked.Load(); n != c.asked {
				t.Errorf("userinfo was asked %d times", n)
			}
		})
	}
}
