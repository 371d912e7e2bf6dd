package oidcflow_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/words"
)

var people = []idp.Person{
	{Login: "maria", Subject: "6f1c2a9e-maria", Name: "Maria Lindqvist", Email: "maria@home.example"},
	{Login: "team/ops", Subject: "http://idp.example/u/1", Name: "Ops", Email: "ops@home.example"},
}

// bySubject is Flowfin's rule.
var bySubject = api.NameRule{Claim: "sub", Fallback: "sub"}

// serve starts the demo world's provider, whose issuer has this path.
func serve(t *testing.T, path string, change ...func(*idp.OIDCOptions)) *idp.OIDC {
	t.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	options := idp.OIDCOptions{Issuer: "http://" + listener.Addr().String() + path, Name: "authelia", People: people}
	for _, f := range change {
		f(&options)
	}
	p, err := idp.NewOIDC(options)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(server.Close)
	return p
}

// signIn is a person who opens the address and signs in as login.
func signIn(t *testing.T, login string) func(context.Context, api.SignIn) error {
	t.Helper()
	return func(_ context.Context, s api.SignIn) error {
		if s.Host == "" || !strings.Contains(s.URL, s.Host) || s.Deadline.IsZero() {
			t.Errorf("sign-in %+v", s)
		}
		// The short address leads to the same place, as a person would copy it.
		if _, err := visitor.New().SignIn(t.Context(), s.ShortURL, login); err != nil {
			t.Errorf("the visitor: %v", err)
		}
		return nil
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, suffix, client, claim, login, host string
		scopes                                         []string
		want                                           oidcflow.Identity
	}{
		{
			name: "public client by subject", client: idp.ClientApp, login: "maria",
			want: oidcflow.Identity{
				Name: "6f1c2a9e-maria", Claim: "sub", Subject: "6f1c2a9e-maria", DisplayName: "Maria Lindqvist",
			},
		},
		{
			name: "confidential client by user name, with a path", path: "/realms/home", client: idp.ClientAppSecret,
			claim: "preferred_username", login: "team/ops", scopes: []string{"openid", "profile"},
			want: oidcflow.Identity{
				Name: "team/ops", Claim: "preferred_username", Subject: "http://idp.example/u/1", DisplayName: "Ops",
			},
		},
		{
			name: "discovery address", path: "/realms/home", suffix: "/.well-known/openid-configuration", client: idp.ClientApp,
			claim: "email", login: "maria", scopes: []string{"openid", "email"}, host: "localhost",
			want: oidcflow.Identity{
				Name: "maria@home.example", Claim: "email", Subject: "6f1c2a9e-maria", Email: "maria@home.example",
			},
		},
		{
			name: "absent claim, slash at the end", suffix: "/", client: idp.ClientApp, claim: "nickname", login: "maria",
			want: oidcflow.Identity{
				Name: "6f1c2a9e-maria", Claim: "sub", Subject: "6f1c2a9e-maria", DisplayName: "Maria Lindqvist",
			},
		},
		{
			name: "scopes that do not bring the claim", client: idp.ClientApp, claim: "email", login: "maria",
			scopes: []string{"openid", "profile"},
			want: oidcflow.Identity{
				Name: "6f1c2a9e-maria", Claim: "sub", Subject: "6f1c2a9e-maria", DisplayName: "Maria Lindqvist",
			},
		},
		{
			name: "openid alone", client: idp.ClientApp, claim: "preferred_username", login: "maria", scopes: []string{"openid"},
			want: oidcflow.Identity{Name: "6f1c2a9e-maria", Claim: "sub", Subject: "6f1c2a9e-maria"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, c.path)
			got, err := oidcflow.Run(t.Context(), oidcflow.Client{
				Issuer: p.Issuer() + c.suffix, ClientID: c.client, Secret: p.ClientSecret(c.client), Scopes: c.scopes,
				Rule: api.NameRule{Claim: c.claim, Fallback: "sub"},
			}, oidcflow.Options{Listen: loopback.Options{Host: c.host}}, signIn(t, c.login))
			if err != nil {
				t.Fatal(err)
			}
			c.want.Issuer = p.Issuer()
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	p := serve(t, "")
	wrong := secret.New("wrong-client-secret")
	for _, c := range []struct {
		name   string
		client oidcflow.Client
		login  string
		want   api.Code
		hint   string
	}{
		{"no client", oidcflow.Client{Issuer: p.Issuer()}, "", api.CodeClientMissing, "client-id"},
		{
			"cancelled at the provider",
			oidcflow.Client{Issuer: p.Issuer(), ClientID: idp.ClientApp},
			visitor.Cancel,
			api.CodeSignInRefused, "cancelled",
		},
		{
			"wrong secret",
			oidcflow.Client{Issuer: p.Issuer(), ClientID: idp.ClientAppSecret, Secret: wrong},
			"maria",
			api.CodeSignInRefused, "Compare both with",
		},
		{
			"no secret",
			oidcflow.Client{Issuer: p.Issuer(), ClientID: idp.ClientAppSecret},
			"maria",
			api.CodeSignInRefused, "no secret here",
		},
		{
			"other issuer",
			oidcflow.Client{Issuer: p.Issuer() + "/realms/x", ClientID: "c"},
			"",
			api.CodeProviderUnreachable, "endpoint",
		},
		{"no issuer", oidcflow.Client{Issuer: "auth.example.com", ClientID: "c"}, "", api.CodeAddressInvalid, "https://"},
		{"file", oidcflow.Client{Issuer: "file:///etc", ClientID: "c"}, "", api.CodeAddressInvalid, "https://"},
		{
			"with a user",
			oidcflow.Client{Issuer: "https://u:p@auth.example", ClientID: "c"},
			"",
			api.CodeAddressInvalid, "https://",
		},
		{"closed port", oidcflow.Client{Issuer: "http://127.0.0.1:1", ClientID: "c"}, "", api.CodeProviderUnreachable, "runs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.client.Rule = bySubject
			_, err := oidcflow.Run(t.Context(), c.client, oidcflow.Options{}, signIn(t, c.login))
			checkError(t, err, c.want, c.hint)
		})
	}
}

// checkError looks at the code, the hint, and that the error tells no secret.
func checkError(t *testing.T, err error, code api.Code, hint string) {
	t.Helper()
	if !api.IsCode(err, code) {
		t.Fatalf("error %q (%s), want %s", err, api.CodeOf(err), code)
	}
	var all strings.Builder
	var walk func(error)
	walk = func(err error) {
		fmt.Fprintf(&all, "%v %+v\n", err, err)
		switch u := err.(type) { //nolint:errorlint // it walks the tree by itself
		case interface{ Unwrap() error }:
			if inner := u.Unwrap(); inner != nil {
				walk(inner)
			}
		case interface{ Unwrap() []error }:
			for _, inner := range u.Unwrap() {
				walk(inner)
			}
		}
	}
	walk(err)
	e, _ := errors.AsType[*api.Error](err)
	if _, said := words.For("en").Error(e, words.Terminal); !strings.Contains(said, hint) {
		t.Errorf("hint %q, want %q in it", said, hint)
	}
	for _, s := range []string{"wrong-client-secret", "state=", "code=", "eyJ", "code_verifier"} {
		if strings.Contains(all.String(), s) {
			t.Errorf("the error tells %q: %s", s, all.String())
		}
	}
}

// TestForeignAnswers sends answers of other sign-ins, which must neither end nor spoil the wait.
func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	p := serve(t, "")
	client := oidcflow.Client{Issuer: p.Issuer(), ClientID: idp.ClientApp, Rule: bySubject, RedirectPath: "/oidc/cb"}
	got, err := oidcflow.Run(t.Context(), client, oidcflow.Options{},
		func(ctx context.Context, s api.SignIn) error {
			u, err := url.Parse(s.URL)
			if err != nil {
				return err
			}
			q := u.Query()
			for name, want := range map[string]string{
				"response_type": "code", "client_id": idp.ClientApp, "code_challenge_method": "S256",
				"redirect_uri": origin(t, s.ShortURL) + "/oidc/cb", "scope": "openid profile",
			} {
				if q.Get(name) != want {
					t.Errorf("%s: %q, want %q", name, q.Get(name), want)
				}
			}
			if len(q.Get("state")) < 22 || len(q.Get("nonce")) < 22 || len(q.Get("code_challenge")) != 43 {
				t.Errorf("state %q, nonce %q, challenge %q", q.Get("state"), q.Get("nonce"), q.Get("code_challenge"))
			}
			state := q.Get("state")
			for _, query := range []string{
				"", "code=c", "code=c&state=x", "state=" + state, "code=c&error=e&state=" + state,
				"code=c&code=d&state=" + state, "code=c&state=" + state + "&state=" + state,
			} {
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, q.Get("redirect_uri")+"?"+query, nil)
				if err != nil {
					return err
				}
				resp, err := (&http.Client{Transport: unpooled}).Do(req)
				if err != nil {
					return err
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusBadRequest {
					t.Errorf("%q: status %d", query, resp.StatusCode)
				}
			}
			return signIn(t, "maria")(ctx, s)
		})
	if err != nil || got.Name != "6f1c2a9e-maria" {
		t.Errorf("%+v, %v", got, err)
	}
}

func origin(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Scheme + "://" + u.Host
}

func TestNobodySignsIn(t *testing.T) {
	t.Parallel()
	p := serve(t, "")
	client := oidcflow.Client{Issuer: p.Issuer(), ClientID: idp.ClientApp, Rule: bySubject}
	var redirect string
	_, err := oidcflow.Run(t.Context(), client, oidcflow.Options{Listen: loopback.Options{Timeout: 100 * time.Millisecond}},
		func(_ context.Context, s api.SignIn) error {
			redirect = origin(t, s.ShortURL) + "/callback"
			return nil
		})
	checkError(t, err, api.CodeTimeout, redirect)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = oidcflow.Run(ctx, client, oidcflow.Options{}, func(context.Context, api.SignIn) error { cancel(); return nil })
	checkError(t, err, api.CodeCancelled, "")
	_, err = oidcflow.Run(ctx, client, oidcflow.Options{}, nil)
	checkError(t, err, api.CodeCancelled, "")
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	p := serve(t, "/realms/home")
	client := oidcflow.Client{Issuer: p.Issuer()}
	m, err := client.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m.Keys != 1 || !m.IssuerInResponse || m.Issuer != p.Issuer() {
		t.Errorf("%+v", m)
	}
	facts := map[string]string{}
	for _, f := range m.Facts() {
		facts[f.Name] = f.Value
	}
	for name, want := range map[string]string{
		"issuer": p.Issuer(), "PKCE": "S256", "keys": "1", "signatures": "ES256", "issuer in the answer": "true",
		"token endpoint": p.Issuer() + "/token",
	} {
		if facts[name] != want {
			t.Errorf("%s: %q, want %q", name, facts[name], want)
		}
	}
}

// inWords returns the error with the sentence and the hint that a person reads.
func inWords(e *api.Error) *api.Error {
	told := &api.Error{}
	if e != nil {
		*told = *e
		told.Sentence, told.Hint = words.For("en").Error(e, words.Terminal)
		told.Sentence, told.Hint = strings.ReplaceAll(told.Sentence, "’", "'"), strings.ReplaceAll(told.Hint, "’", "'")
	}
	return told
}
