package backend_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// full is a disk that takes nothing more.
type full struct{ backend.Profiles }

var errFull = errors.New("no space left")

func (full) Update(context.Context, func(*profile.Data) error) error { return errFull }

// giveUp is a keyring before which the person gives up.
type giveUp struct {
	backend.Keyring
	cancel context.CancelFunc
}

func (k giveUp) Set(ctx context.Context, _ string, _ secret.Value) error {
	k.cancel()
	return ctx.Err()
}

// TestKeyThatNobodyStores: a key that Jellybind made and could not store is none's, and does not stay at the server.
func TestKeyThatNobodyStores(t *testing.T) {
	t.Parallel()
	d, err := backend.NewDemo(t.Context(), backend.Options{Version: "test"}, demo.Options{}, api.CredentialAdmin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	s, err := d.Open(t.Context(), backend.Target{})
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.Client.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(context.CancelFunc){
		"cancelled": func(cancel context.CancelFunc) { d.Keyring = giveUp{d.Keyring, cancel} },
		"full":      func(context.CancelFunc) { d.Profiles = full{d.Profiles} },
	} {
		keyring, profiles := d.Keyring, d.Profiles
		ctx, cancel := context.WithCancel(t.Context())
		spoil(cancel)
		if err := d.CreateKey(ctx, s, true); err == nil {
			t.Errorf("%s: no error", name)
		}
		cancel()
		d.Keyring, d.Profiles = keyring, profiles
		after, err := s.Client.Keys(t.Context())
		if err != nil || len(after) != len(before) {
			t.Errorf("%s: the server has %+v, %v", name, after, err)
		}
	}
}

// TestKeyInPlaceOfATokenThatStays: that the token could not be ended does not hide that the key is used.
func TestKeyInPlaceOfATokenThatStays(t *testing.T) {
	t.Parallel()
	d, err := backend.NewDemo(t.Context(), backend.Options{Version: "test"}, demo.Options{}, api.CredentialAdmin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	s, err := d.Open(t.Context(), backend.Target{})
	if err != nil {
		t.Fatal(err)
	}
	d.Keyring = thenDown{d.Keyring, d.World.Server()}
	err = d.CreateKey(t.Context(), s, true)
	if err == nil || !strings.HasPrefix(err.Error(), "The API key is in the keyring") {
		t.Errorf("got %v", err)
	}
	d.World.Server().SetPhase(server.PhaseReady)
	if s, err = d.Open(t.Context(), backend.Target{}); err != nil || s.Kind != api.CredentialKey {
		t.Errorf("afterwards: %v", err)
	}
}

// thenDown is a keyring after whose write the server restarts.
type thenDown struct {
	backend.Keyring
	server *server.Server
}

func (k thenDown) Set(ctx context.Context, account string, v secret.Value) error {
	k.server.SetPhase(server.PhaseEarly)
	return k.Keyring.Set(ctx, account, v)
}

// TestTokenThatNobodyKeeps is ended when the server has just made it; one that a person gave is his.
func TestTokenThatNobodyKeeps(t *testing.T) {
	t.Parallel()
	d, err := backend.NewDemo(t.Context(), backend.Options{Version: "test"}, demo.Options{}, api.CredentialKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	e, err := d.Entry(t.Context(), backend.DemoName)
	if err != nil {
		t.Fatal(err)
	}
	client, err := d.Client(e, secret.Value{})
	if err != nil {
		t.Fatal(err)
	}
	name, password := d.World.Admin()
	in, err := client.SignIn(t.Context(), name, password)
	if err != nil {
		t.Fatal(err)
	}
	d.Profiles = full{d.Profiles}
	for _, c := range []struct {
		in   jellyfin.SignedIn
		want api.Code
	}{{jellyfin.SignedIn{Token: in.Token}, ""}, {in, api.CodeCredentialRefused}} {
		if _, err := d.Login(t.Context(), e, c.in); !errors.Is(err, errFull) {
			t.Errorf("login: %v", err)
		}
		if _, err := client.WithCredential(in.Token).Me(t.Context()); api.CodeOf(err) != c.want {
			t.Errorf("the token afterwards: %v, want %q", err, c.want)
		}
	}
}

// TestLoginThatCannotBeStored leaves the keyring as it was: with the earlier credential, or without any.
func TestLoginThatCannotBeStored(t *testing.T) {
	t.Parallel()
	for name, earlier := range map[string]secret.Value{"replaced": secret.New("earlier"), "first": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := backend.NewDemo(t.Context(), backend.Options{Version: "test"}, demo.Options{}, api.CredentialKey)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			e, err := d.Entry(t.Context(), backend.DemoName)
			if err != nil {
				t.Fatal(err)
			}
			account := "credential:" + e.DeviceID
			if err := d.Keyring.Delete(t.Context(), account); err != nil {
				t.Fatal(err)
			}
			if !earlier.IsZero() {
				if err := d.Keyring.Set(t.Context(), account, earlier); err != nil {
					t.Fatal(err)
				}
			}
			d.Profiles = full{d.Profiles}
			if _, err := d.Login(t.Context(), e, jellyfin.SignedIn{Token: d.World.APIKey()}); !errors.Is(err, errFull) {
				t.Errorf("login: %v", err)
			}
			got, err := d.Keyring.Get(t.Context(), account)
			if got != earlier || earlier.IsZero() != errors.Is(err, secret.ErrNotFound) {
				t.Errorf("the keyring has the earlier one: %t, %v", got == earlier, err)
			}
		})
	}
}

// TestReplacedTokenEnds: a token whose place another credential takes could be ended by nobody later.
func TestReplacedTokenEnds(t *testing.T) {
	t.Parallel()
	d, e, admin := signedIn(t)
	if _, err := d.Login(t.Context(), e, jellyfin.SignedIn{Token: d.World.APIKey()}); err != nil {
		t.Fatal(err)
	}
	client, err := d.Client(e, admin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Me(t.Context()); !api.IsCode(err, api.CodeCredentialRefused) {
		t.Errorf("the replaced token: %v", err)
	}
}

// TestSignInAgainThatCannotBeStored: the server has ended the earlier token, so the new one is kept.
func TestSignInAgainThatCannotBeStored(t *testing.T) {
	t.Parallel()
	d, e, _ := signedIn(t)
	client, err := d.Client(e, secret.Value{})
	if err != nil {
		t.Fatal(err)
	}
	name, password := d.World.Admin()
	again, err := client.SignIn(t.Context(), name, password)
	if err != nil {
		t.Fatal(err)
	}
	profiles := d.Profiles
	d.Profiles = full{profiles}
	if _, err := d.Login(t.Context(), e, again); !errors.Is(err, errFull) {
		t.Errorf("login: %v", err)
	}
	d.Profiles = profiles
	if _, err := d.Open(t.Context(), backend.Target{}); err != nil {
		t.Errorf("the person is signed out: %v", err)
	}
}

// TestCredentialGoesToItsServerOnly: at the address of a profile another server may answer one day.
func TestCredentialGoesToItsServerOnly(t *testing.T) {
	t.Parallel()
	d, e, token := signedIn(t)
	var sent atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), token.Reveal()) {
			sent.Add(1)
		}
		d.World.Server().ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	err := d.Profiles.Update(t.Context(), func(p *profile.Data) error { p.Profiles[0].URL = front.URL; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(t.Context(), backend.Target{}); err != nil || sent.Swap(0) == 0 {
		t.Fatalf("the same server: %v", err)
	}
	d.World.Server().NewID()
	if _, err := d.Open(t.Context(), backend.Target{}); !api.IsCode(err, api.CodeServerChanged) || sent.Load() > 0 {
		t.Errorf("another server got the token %d times: %v", sent.Load(), err)
	}
	e.URL = front.URL
	if _, err := d.Login(t.Context(), e, jellyfin.SignedIn{Token: d.World.APIKey()}); err != nil || sent.Load() > 0 {
		t.Errorf("signing in again sent the earlier token %d times: %v", sent.Load(), err)
	}
	if _, err := d.Open(t.Context(), backend.Target{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// signedIn is a demo world's backend where the administrator has signed in, with his token.
func signedIn(t *testing.T) (*backend.Demo, profile.Entry, secret.Value) {
	t.Helper()
	d, err := backend.NewDemo(t.Context(), backend.Options{Version: "test"}, demo.Options{}, api.CredentialAdmin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	e, err := d.Entry(t.Context(), backend.DemoName)
	if err != nil {
		t.Fatal(err)
	}
	token, err := d.Credential(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return d, e, token
}

// refusesSignOut is a way to the world on which no token can be ended.
func refusesSignOut(t *testing.T, d *backend.Demo) *httptest.Server {
	t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Sessions/Logout") {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		d.World.Server().ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front
}

// TestTokenThatCannotBeEnded: whoever signs in again, or in vain, is told of the one that is left at the server.
func TestTokenThatCannotBeEnded(t *testing.T) {
	t.Parallel()
	d, e, _ := signedIn(t)
	e.URL = refusesSignOut(t, d).URL
	if s, err := d.Login(t.Context(), e, jellyfin.SignedIn{Token: d.World.APIKey()}); err != nil || s.Warning == nil ||
		s.Warning.Code != api.CodeTokenLeft || s.Info().Warning != s.Warning {
		t.Errorf("signed in, %+v, %v", s, err)
	}
	client, err := d.Client(e, secret.Value{})
	if err != nil {
		t.Fatal(err)
	}
	name, password := d.World.Admin()
	in, err := client.SignIn(t.Context(), name, password)
	if err != nil {
		t.Fatal(err)
	}
	const hint = "end the session “Jellybind”"
	d.Keyring = lockedKeyring{d.Keyring}
	_, err = d.Login(t.Context(), profile.Entry{Profile: e.Profile, DeviceID: e.DeviceID}, in)
	if told, ok := errors.AsType[*api.Error](err); !ok || told.Code != api.CodeSecretLocked || !strings.Contains(told.Hint, hint) {
		t.Errorf("signed in in vain: %#v", err)
	}
}

// lockedKeyring takes nothing.
type lockedKeyring struct{ backend.Keyring }

func (lockedKeyring) Set(context.Context, string, secret.Value) error {
	return &api.Error{Code: api.CodeSecretLocked, Sentence: "The keyring is locked.", Hint: "Unlock it."}
}

// repins is a keyring during whose write another Jellybind trusts another certificate.
type repins struct {
	backend.Keyring
	pin func()
}

func (k repins) Set(ctx context.Context, account string, v secret.Value) error {
	k.pin()
	return k.Keyring.Set(ctx, account, v)
}

// TestSignInLeavesTheCertificateAlone: what was trusted meanwhile stays.
func TestSignInLeavesTheCertificateAlone(t *testing.T) {
	t.Parallel()
	d, e, _ := signedIn(t)
	pin := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	d.Keyring = repins{d.Keyring, func() {
		if err := d.Pin(t.Context(), e.Name, pin); err != nil {
			t.Error(err)
		}
	}}
	if _, err := d.Login(t.Context(), e, jellyfin.SignedIn{Token: d.World.APIKey()}); err != nil {
		t.Fatal(err)
	}
	if now, err := d.Entry(t.Context(), e.Name); err != nil || now.PinnedSHA256 != pin {
		t.Errorf("it is %q, %v", now.PinnedSHA256, err)
	}
}

// TestClientSecretOfALongName: a provider's name of 36 Cyrillic letters is longer than the keyring's names when escaped.
func TestClientSecretOfALongName(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d, e, _ := signedIn(t)
	s, err := d.Open(ctx, backend.Target{})
	if err != nil {
		t.Fatal(err)
	}
	for n, letters := range []int{3, 36, 37, 300} {
		provider, value := strings.Repeat("Ж", letters), secret.New(strings.Repeat("s", n+1))
		if _, err := d.SetProvider(ctx, e.Name, api.OIDC, provider, func(*api.ProviderSettings) {}, &value); err != nil {
			t.Errorf("%d letters: %v", letters, err)
		}
	}
	if err := d.Refresh(ctx, s); err != nil {
		t.Fatal(err)
	}
	for n, letters := range []int{3, 36, 37, 300} {
		got, err := s.Linker.ClientSecret(ctx, api.OIDC, strings.Repeat("Ж", letters))
		if err != nil || got.Reveal() != strings.Repeat("s", n+1) {
			t.Errorf("%d letters: the secret is not the one that was given: %v", letters, err)
		}
	}
	d.Keyring = &secret.Memory{}
	_, err = s.Linker.ClientSecret(ctx, api.OIDC, "ЖЖЖ")
	if told, ok := errors.AsType[*api.Error](err); !ok || told.Code != api.CodeClientSecretMissing || strings.Contains(told.Hint, "Sign in") {
		t.Errorf("a client secret that is gone: %#v", err)
	}
	if none, err := s.Linker.ClientSecret(ctx, api.OIDC, "nobody"); err != nil || !none.IsZero() {
		t.Errorf("one that was never given: %v", err)
	}
}

// TestStoredCredentialGoesToItsServerOnly: signing out, forgetting and asking for its state send it nowhere else.
func TestStoredCredentialGoesToItsServerOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(context.Context, *backend.Demo, profile.Entry) error
		want api.Code
	}{
		"status": {func(ctx context.Context, d *backend.Demo, e profile.Entry) error {
			return d.TryCredential(ctx, e)
		}, api.CodeServerChanged},
		"logout": {func(ctx context.Context, d *backend.Demo, e profile.Entry) error {
			return d.Logout(ctx, e)
		}, api.CodeTokenLeft},
		"forget": {func(ctx context.Context, d *backend.Demo, e profile.Entry) error {
			return d.Forget(ctx, e.Name)
		}, api.CodeTokenLeft},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _, token := signedIn(t)
			var sent atomic.Int32
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.Header.Get("Authorization"), token.Reveal()) {
					sent.Add(1)
				}
				d.World.Server().ServeHTTP(w, r)
			}))
			t.Cleanup(front.Close)
			var e profile.Entry
			err := d.Profiles.Update(t.Context(), func(p *profile.Data) error {
				p.Profiles[0].URL = front.URL
				e = p.Profiles[0]
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.TryCredential(t.Context(), e); err != nil || sent.Swap(0) == 0 {
				t.Fatalf("the same server: %v", err)
			}
			d.World.Server().NewID()
			if err := c.do(t.Context(), d, e); api.CodeOf(err) != c.want || sent.Load() > 0 {
				t.Errorf("another server got the token %d times: %v", sent.Load(), err)
			}
			_, err = d.Keyring.Get(t.Context(), "credential:"+e.DeviceID)
			if kept := err == nil; kept != (name == "status") {
				t.Errorf("kept: %t, %v", kept, err)
			}
		})
	}
}
