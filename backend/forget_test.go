package backend_test

import (
	"context"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// stuck is a keyring that does not let go of its secrets, or does not give them.
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

// TestForgetLeavesNoSecretBehind: a server is forgotten only together with its secrets, whatever the server says.
func TestForgetLeavesNoSecretBehind(t *testing.T) {
	t.Parallel()
	unreadable := &api.Error{Code: api.CodeSecretUnavailable, Sentence: "damaged"}
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
			kind: api.CredentialKey, err: &api.Error{Code: api.CodeTimeout, Sentence: "late"}, want: api.CodeTimeout,
		},
		"keyring is locked": {
			kind: api.CredentialAdmin, err: &api.Error{Code: api.CodeSecretLocked, Sentence: "x"}, want: api.CodeSecretLocked,
		},
		"person gives up": {
			kind: api.CredentialKey, err: &api.Error{Code: api.CodeCancelled, Sentence: "no"}, want: api.CodeCancelled,
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
