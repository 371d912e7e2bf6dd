package backend_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// stuck is a keyring that fails to delete or to return secrets.
type stuck struct {
	*secret.Memory
	err, get error
}

func (s stuck) Get(ctx context.Context, account string) (secret.Value, error) {
	if s.get != nil {
		return secret.Value{}, s.get
	}
	return s.Memory.Get(ctx, account)
}

func (s stuck) Delete(ctx context.Context, account string) error {
	if s.err != nil {
		return s.err
	}
	return s.Memory.Delete(ctx, account)
}

// TestForgetLeavesNoSecretBehind: a profile is removed only together with its secrets, whatever the server answers.
func TestForgetLeavesNoSecretBehind(t *testing.T) {
	t.Parallel()
	unreadable := &api.Error{Code: api.CodeSecretUnavailable}
	for name, c := range map[string]struct {
		kind     api.CredentialKind
		err, get error
		want     api.Code
	}{
		"key":                        {kind: api.CredentialKey},
		"token, server out of reach": {kind: api.CredentialAdmin, want: api.CodeTokenLeft},
		"token that cannot be read":  {kind: api.CredentialUser, get: unreadable, want: api.CodeTokenLeft},
		"key that cannot be read":    {kind: api.CredentialKey, get: unreadable},
		"keyring does not answer": {
			kind: api.CredentialKey, err: &api.Error{Code: api.CodeTimeout}, want: api.CodeTimeout,
		},
		"keyring is locked": {
			kind: api.CredentialAdmin, err: &api.Error{Code: api.CodeSecretLocked}, want: api.CodeSecretLocked,
		},
		"person gives up": {
			kind: api.CredentialKey, err: &api.Error{Code: api.CodeCancelled}, want: api.CodeCancelled,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyring := stuck{&secret.Memory{}, c.err, c.get}
			b := backend.New(backend.Options{Profiles: &profile.Memory{}, Keyring: keyring})
			err := b.Profiles.Update(t.Context(), func(d *profile.Data) error {
				return d.Add(profile.Entry{
					Profile:  api.Profile{Name: "home", URL: "http://127.0.0.1:1", Credential: c.kind},
					DeviceID: "device",
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := keyring.Set(t.Context(), "credential:device", secret.New("k")); err != nil {
				t.Fatal(err)
			}
			if err := b.Forget(t.Context(), "home"); api.CodeOf(err) != c.want {
				t.Errorf("forget: %v, want %q", err, c.want)
			}
			data, err := b.Profiles.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, kept := keyring.Memory.Get(t.Context(), "credential:device")
			if forgotten := len(data.Profiles) == 0; forgotten != (c.want == "" || c.want == api.CodeTokenLeft) || forgotten != (kept != nil) {
				t.Errorf("profiles %v, secret: %v", data.Profiles, kept)
			}
		})
	}
}

// TestClientSecretOfALongName: a provider's name of 36 Cyrillic letters is too long for the keyring when escaped.
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
