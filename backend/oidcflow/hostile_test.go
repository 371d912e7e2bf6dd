package oidcflow_test

import (
	"bytes"
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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
)

// hostile is an OpenID provider that signs everybody in at once, and does one thing wrong.
type hostile struct {
	base string // its address
	key  *ecdsa.PrivateKey

	metadata func(map[string]any)                      // changes the metadata
	answer   func(url.Values)                          // changes the authorization response
	claims   func(map[string]any)                      // changes the ID token
	token    func(map[string]any)                      // changes the token response
	userinfo map[string]any                            // what userinfo says; nil means the subject alone
	sign     func(*testing.T, *hostile, []byte) string // signs the ID token otherwise

	// These answer at an endpoint instead; false lets the request pass.
	begin, redeem, keys, info, push, device func(http.ResponseWriter, *http.Request) bool

	leaked atomic.Bool  // something secret went where it must not
	asked  atomic.Int32 // how often userinfo was asked
	nonce  atomic.Pointer[string]

	mu     sync.Mutex
	pushed []url.Values // the pushed requests
	polled []time.Time  // when the token endpoint was asked
	client []string     // how the client proved itself, at each POST
}

// start serves the provider on the loopback.
func (h *hostile) start(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(h.mux(t))
	t.Cleanup(server.Close)
	h.base = server.URL
	h.makeKey(t)
}

// inMemory serves the provider without a network, for tests in which time must pass at once.
func (h *hostile) inMemory(t *testing.T) http.RoundTripper {
	t.Helper()
	h.base = "https://idp.example"
	h.makeKey(t)
	mux := h.mux(t)
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
		w := httptest.NewRecorder()
		got := req.Clone(req.Context())
		if got.Body == nil {
			got.Body = http.NoBody
		}
		mux.ServeHTTP(w, got)
		resp := w.Result()
		resp.Request = req
		return resp, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func (h *hostile) makeKey(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h.key = key
}

func (h *hostile) mux(t *testing.T) *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern string, instead func(http.ResponseWriter, *http.Request) bool, usual http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				h.note(t, r)
			}
			if instead == nil || !instead(w, r) {
				usual(w, r)
			}
		})
	}
	handle("GET /.well-known/openid-configuration", nil, h.serveMetadata)
	handle("GET /auth", h.begin, h.authorize)
	handle("POST /token", h.redeem, func(w http.ResponseWriter, _ *http.Request) { h.issue(t, w) })
	handle("GET /keys", h.keys, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: h.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"},
		}})
	})
	handle("GET /userinfo", h.info, h.serveUserinfo)
	handle("POST /par", h.push, func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.pushed = append(h.pushed, r.PostForm)
		w.WriteHeader(http.StatusCreated)
		writeJSON(w, map[string]any{"request_uri": fmt.Sprintf("urn:request:%d", len(h.pushed)), "expires_in": 60})
	})
	handle("POST /device", h.device, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, h.deviceAnswer()) })
	mux.HandleFunc("/elsewhere", func(_ http.ResponseWriter, _ *http.Request) { h.leaked.Store(true) })
	return mux
}

// note keeps what the tests want to know of a request.
func (h *hostile) note(t *testing.T, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		t.Error(err)
	}
	proof := "none"
	if id, password, ok := r.BasicAuth(); ok {
		proof = "basic " + id + " " + password
	} else if r.PostForm.Has("client_secret") {
		proof = "post " + r.PostForm.Get("client_id") + " " + r.PostForm.Get("client_secret")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.client = append(h.client, proof)
	if r.URL.Path == "/token" {
		h.polled = append(h.polled, time.Now())
	}
}

func (h *hostile) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	m := map[string]any{
		"issuer": h.base, "authorization_endpoint": h.base + "/auth", "token_endpoint": h.base + "/token",
		"jwks_uri": h.base + "/keys", "userinfo_endpoint": h.base + "/userinfo",
		"pushed_authorization_request_endpoint": h.base + "/par", "device_authorization_endpoint": h.base + "/device",
		"response_types_supported": []string{"code"}, "id_token_signing_alg_values_supported": []string{"ES256", "none", "HS256"},
	}
	if h.metadata != nil {
		h.metadata(m)
	}
	writeJSON(w, m)
}

func (h *hostile) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Has("request_uri") {
		h.mu.Lock()
		var at int
		if _, err := fmt.Sscanf(q.Get("request_uri"), "urn:request:%d", &at); err == nil && at <= len(h.pushed) {
			q = h.pushed[at-1]
		}
		h.mu.Unlock()
	}
	nonce := q.Get("nonce")
	h.nonce.Store(&nonce)
	back := url.Values{"code": {"code-1"}, "state": {q.Get("state")}}
	if h.answer != nil {
		h.answer(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

// issue answers with tokens.
func (h *hostile) issue(t *testing.T, w http.ResponseWriter) {
	sum := sha256.Sum256([]byte("access-1"))
	c := map[string]any{
		"iss": h.base, "sub": "subject-1", "aud": "app", "iat": time.Now().Unix(),
		"exp": time.Now().Add(time.Hour).Unix(), "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
	}
	if nonce := h.nonce.Load(); nonce != nil {
		c["nonce"] = *nonce
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
	answer := map[string]any{
		"access_token": "access-1", "token_type": "Bearer", "expires_in": 300, "id_token": sign(t, h, payload),
	}
	if h.token != nil {
		h.token(answer)
	}
	writeJSON(w, answer)
}

func (h *hostile) serveUserinfo(w http.ResponseWriter, r *http.Request) {
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
}

func (h *hostile) deviceAnswer() map[string]any {
	return map[string]any{
		"device_code": "device-1", "user_code": "WDJB-MJHT", "verification_uri": h.base + "/device",
		"verification_uri_complete": h.base + "/device?user_code=WDJB-MJHT", "expires_in": 600, "interval": 5,
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func signES256(t *testing.T, h *hostile, payload []byte) string {
	return signWith(t, jose.ES256, h.key, "k1", payload)
}

func signWith(t *testing.T, alg jose.SignatureAlgorithm, key any, kid string, payload []byte) string {
	compact, err := signedAs(t, jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil, payload).
		CompactSerialize()
	if err != nil {
		t.Error(err)
	}
	return compact
}

func signedAs(t *testing.T, key jose.SigningKey, options *jose.SignerOptions, payload []byte) *jose.JSONWebSignature {
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		t.Error(err)
		return &jose.JSONWebSignature{}
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Error(err)
		return &jose.JSONWebSignature{}
	}
	return signed
}

// signUnencoded signs a payload that is not encoded (RFC 7797). Its dots are escaped, as its section 5.2 asks.
func signUnencoded(t *testing.T, h *hostile, payload []byte) string {
	payload = bytes.ReplaceAll(payload, []byte("."), []byte(`\u002e`))
	options := new(jose.SignerOptions).WithBase64(false).WithCritical("b64")
	signed, err := signedAs(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: h.key, KeyID: "k1"}}, options,
		payload).CompactSerialize()
	if err != nil {
		t.Error(err)
	}
	return signed
}

func (h *hostile) run(t *testing.T, client oidcflow.Client, now func() time.Time) (oidcflow.Identity, error) {
	t.Helper()
	client.ClientID = "app"
	if client.Issuer == "" {
		client.Issuer = h.base
	}
	return oidcflow.Run(t.Context(), client, oidcflow.Options{Now: now}, func(_ context.Context, s api.SignIn) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		if err != nil {
			return err
		}
		resp, err := (&http.Client{Transport: unpooled}).Do(req)
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

func unsigned(_ *testing.T, _ *hostile, payload []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "."
}

// set sets or, with nil, removes a member.
func set(name string, value any) func(map[string]any) {
	return func(m map[string]any) {
		if value == nil {
			delete(m, name)
		} else {
			m[name] = value
		}
	}
}

func announce(m map[string]any) { m["authorization_response_iss_parameter_supported"] = true }

func redirectTo(status int, target string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		to := target
		switch to {
		case "other host":
			to = "http://" + strings.Replace(r.Host, "127.0.0.1", "localhost", 1) + "/elsewhere"
		case "same host":
			to = "/elsewhere"
		case "itself":
			to = r.URL.Path
		}
		http.Redirect(w, r, to, status)
		return true
	}
}

func answers(status int, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

func TestHostileProvider(t *testing.T) {
	t.Parallel()
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
		{"never expires", &hostile{claims: set("exp", nil)}, api.CodeSignInInvalid, "and here it is"},
		{
			"from the future", &hostile{claims: set("iat", time.Now().Add(3*time.Minute).Unix())},
			api.CodeSignInInvalid, "clocks",
		},
		{"from beyond the calendar", &hostile{claims: set("iat", 1e300)}, api.CodeSignInInvalid, "times"},
		{"not yet", &hostile{claims: set("nbf", time.Now().Add(3*time.Minute).Unix())}, api.CodeSignInInvalid, "clocks"},
		{
			"ends before it begins", &hostile{claims: func(m map[string]any) {
				m["exp"], m["iat"] = time.Now().Add(-time.Minute).Unix(), time.Now().Add(time.Minute).Unix()
			}}, api.CodeSignInInvalid, "ends before it begins",
		},
		{
			"ends before it is valid", &hostile{claims: func(m map[string]any) {
				m["exp"], m["nbf"] = time.Now().Add(-time.Minute).Unix(), time.Now().Add(time.Minute).Unix()
			}}, api.CodeSignInInvalid, "ends before it begins",
		},
		{
			"expiry as text", &hostile{claims: set("exp", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10))},
			api.CodeSignInInvalid, "times",
		},
		{"iat as text", &hostile{claims: set("iat", strconv.FormatInt(time.Now().Unix(), 10))}, api.CodeSignInInvalid, "times"},
		{"nbf as text", &hostile{claims: set("nbf", strconv.FormatInt(time.Now().Unix(), 10))}, api.CodeSignInInvalid, "times"},
		{"expires beyond the calendar", &hostile{claims: set("exp", 1e300)}, api.CodeSignInInvalid, "times"},
		{"unencoded payload", &hostile{sign: signUnencoded}, api.CodeSignInInvalid, "signature"},
		{"JSON serialization", &hostile{sign: func(t *testing.T, h *hostile, p []byte) string {
			return signedAs(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: h.key, KeyID: "k1"}}, nil, p).
				FullSerialize()
		}}, api.CodeSignInInvalid, "signature"},
		{"subject of another type", &hostile{claims: set("sub", 7)}, api.CodeSignInInvalid, "“sub” has the wrong type"},
		{"issuer of another type", &hostile{claims: set("iss", true)}, api.CodeSignInInvalid, "“iss” has the wrong type"},
		{
			"audience of another type", &hostile{claims: set("aud", map[string]any{"a": "app"})},
			api.CodeSignInInvalid, "“aud” has the wrong type",
		},
		{"party of another type", &hostile{claims: set("azp", []string{"app"})}, api.CodeSignInInvalid, "“azp” has the wrong type"},
		{"nonce of another type", &hostile{claims: set("nonce", 1)}, api.CodeSignInInvalid, "“nonce” has the wrong type"},
		{
			"userinfo with a subject of another type",
			&hostile{userinfo: map[string]any{"sub": 1, "preferred_username": "root"}},
			api.CodeSignInInvalid, "“sub” has the wrong type",
		},
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
			"token endpoint redirects", &hostile{redeem: redirectTo(http.StatusTemporaryRedirect, "other host")},
			api.CodeRedirectRefused, "must not be redirected",
		},
		{
			"token endpoint redirects to its own", &hostile{redeem: redirectTo(http.StatusTemporaryRedirect, "same host")},
			api.CodeRedirectRefused, "must not be redirected",
		},
		{
			"no ID token", &hostile{redeem: answers(200, `{"access_token":"a","token_type":"Bearer"}`)},
			api.CodeSignInInvalid, "no ID token",
		},
		{"no JSON", &hostile{redeem: answers(200, `<html>`)}, api.CodeSignInInvalid, "redeemed"},
		{
			"too much", &hostile{redeem: answers(200, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`)},
			api.CodeSignInInvalid, "redeemed",
		},
		{"server error", &hostile{redeem: answers(500, `oops state=1`)}, api.CodeProviderUnreachable, "500"},
		{
			"old code", &hostile{redeem: answers(400, `{"error":"invalid_grant","error_description":"state=1"}`)},
			api.CodeSignInRefused, "/callback",
		},
		{
			"other error", &hostile{redeem: answers(400, `{"error":"slow\u001b_down"}`)},
			api.CodeSignInRefused, `slow\x1b_down`,
		},
		{
			"keys lead elsewhere", &hostile{keys: redirectTo(http.StatusFound, "http://192.0.2.1/")},
			api.CodeRedirectRefused, "must not be redirected",
		},

		{
			"keys lead in a circle", &hostile{keys: redirectTo(http.StatusFound, "itself")},
			api.CodeRedirectRefused, "must not be redirected",
		},
		{
			"access token of another type", &hostile{token: set("token_type", "DPoP")},
			api.CodeSignInInvalid, "unknown type",
		},

		// Userinfo, which the name may come from.
		{"userinfo refuses", &hostile{info: answers(401, `{}`)}, api.CodeProviderUnreachable, "401"},
		{"userinfo is a list", &hostile{info: answers(200, `[]`)}, api.CodeSignInInvalid, "userinfo"},
		{"userinfo is null", &hostile{info: answers(200, `null`)}, api.CodeSignInInvalid, "somebody else"},
		{
			"userinfo is too much", &hostile{info: answers(200, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`)},
			api.CodeProviderUnreachable, "far more",
		},
		{
			"userinfo leads elsewhere", &hostile{info: redirectTo(http.StatusFound, "other host")},
			api.CodeRedirectRefused, "must not be redirected",
		},
		{
			"userinfo signed by another key", &hostile{info: func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "application/jwt")
				encode := base64.RawURLEncoding.EncodeToString
				_, _ = io.WriteString(w, encode([]byte(`{"alg":"none"}`))+"."+encode([]byte(`{"sub":"subject-1"}`))+".")
				return true
			}}, api.CodeSignInInvalid, "userinfo cannot be read",
		},
		{
			"empty name", &hostile{userinfo: map[string]any{"sub": "subject-1", "preferred_username": ""}},
			api.CodeNameInvalid, "is empty",
		},

		// The metadata.
		{
			"other issuer", &hostile{metadata: set("issuer", "https://other.example")},
			api.CodeProviderUnreachable, "calls itself https://other.example",
		},
		{"no issuer", &hostile{metadata: set("issuer", nil)}, api.CodeProviderUnreachable, "calls itself"},
		{
			"endpoint of another type", &hostile{metadata: set("token_endpoint", 5)},
			api.CodeProviderUnreachable, "“token_endpoint” has the wrong type",
		},
		{
			"list of another type", &hostile{metadata: set("scopes_supported", "openid profile")},
			api.CodeProviderUnreachable, "“scopes_supported” has the wrong type",
		},
		{
			"no token endpoint", &hostile{metadata: set("token_endpoint", nil)},
			api.CodeProviderUnreachable, "token_endpoint",
		},
		{
			"authorization endpoint with a scheme", &hostile{metadata: set("authorization_endpoint", "javascript:alert(1)")},
			api.CodeProviderUnreachable, "authorization_endpoint",
		},
		{
			"authorization endpoint with a user", &hostile{metadata: set("authorization_endpoint", "https://bank@evil.example/")},
			api.CodeProviderUnreachable, "authorization_endpoint",
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
			e = inWords(e)
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
				c.h.answer = func(v url.Values) { v.Set("iss", c.h.base) }
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
