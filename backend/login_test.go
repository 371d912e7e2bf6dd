package backend_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// full is a profile store on a full disk.
type full struct{ backend.Profiles }

var errFull = errors.New("no space left")

func (full) Update(context.Context, func(*profile.Data) error) error { return errFull }

// giveUp is a keyring whose prompt the person cancels.
type giveUp struct {
	backend.Keyring
	cancel context.CancelFunc
}

func (k giveUp) Set(ctx context.Context, _ string, _ secret.Value) error {
	k.cancel()
	return ctx.Err()
}

// TestKeyThatNobodyStores: a key that Jellybind made and could not store is removed from the server.
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

// TestKeyInPlaceOfATokenThatStays: if the token cannot be ended, the key is used all the same, and the error says so.
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
	if err == nil || !strings.HasPrefix(err.Error(), "token-left (token-key)") {
		t.Errorf("got %v", err)
	}
	d.World.Server().SetPhase(server.PhaseReady)
	if s, err = d.Open(t.Context(), backend.Target{}); err != nil || s.Kind != api.CredentialKey {
		t.Errorf("afterwards: %v", err)
	}
}

// thenDown is a keyring after whose write the server is down.
type thenDown struct {
	backend.Keyring
	server *server.Server
}

func (k thenDown) Set(ctx context.Context, account string, v secret.Value) error {
	k.server.SetPhase(server.PhaseEarly)
	return k.Keyring.Set(ctx, account, v)
}

// TestTokenThatNobodyKeeps: a token that cannot be stored is ended if it is new. A token that a person gave stays.
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

// TestLoginThatCannotBeStored: the keyring keeps the earlier credential, or stays empty.
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

// TestReplacedTokenEnds: a token that another credential replaces is ended, because nobody could do that later.
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

// TestSignInAgainThatCannotBeStored: the server has ended the earlier token, so the new one stays in the keyring.
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

// signedIn returns a demo world's backend, with the profile and the token of the administrator.
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

// refusesSignOut is a proxy in front of the world that refuses to end tokens.
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

// TestTokenThatCannotBeEnded: signing in again, or in vain, reports a token that is left at the server.
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
	d.Keyring = lockedKeyring{d.Keyring}
	_, err = d.Login(t.Context(), profile.Entry{Profile: e.Profile, DeviceID: e.DeviceID}, in)
	if told, ok := errors.AsType[*api.Error](err); !ok || told.Code != api.CodeSecretLocked || told.Params["because"] != "token-left-too" {
		t.Errorf("signed in in vain: %#v", err)
	}
}

// lockedKeyring is a keyring that stores nothing.
type lockedKeyring struct{ backend.Keyring }

func (lockedKeyring) Set(context.Context, string, secret.Value) error {
	return &api.Error{Code: api.CodeSecretLocked}
}

// repins is a keyring. During its write, another Jellybind pins another certificate.
type repins struct {
	backend.Keyring
	pin func()
}

func (k repins) Set(ctx context.Context, account string, v secret.Value) error {
	k.pin()
	return k.Keyring.Set(ctx, account, v)
}

// TestSignInLeavesTheCertificateAlone: a certificate that was pinned during a sign-in stays.
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
