package backend_test

import (
	"context"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// stuck is a keyring that gives secrets and does not let go of them.
type stuck struct {
	*secret.Memory
	err error
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
	for name, c := range map[string]struct {
		kind api.CredentialKind
		err  error
		want api.Code
	}{
		"key":                        {api.CredentialKey, nil, ""},
		"token, server out of reach": {api.CredentialAdmin, nil, api.CodeTokenLeft},
		"keyring does not answer":    {api.CredentialKey, &api.Error{Code: api.CodeTimeout, Sentence: "late"}, api.CodeTimeout},
		"keyring is locked":          {api.CredentialAdmin, &api.Error{Code: api.CodeSecretLocked, Sentence: "x"}, api.CodeSecretLocked},
		"person gives up":            {api.CredentialKey, &api.Error{Code: api.CodeCancelled, Sentence: "no"}, api.CodeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyring := stuck{&secret.Memory{}, c.err}
			b := backend.New(backend.Options{Profiles: &backend.ProfilesInMemory{}, Keyring: keyring})
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
			_, kept := keyring.Get(t.Context(), "credential:device")
			if forgotten := len(data.Profiles) == 0; forgotten != (c.want == "" || c.want == api.CodeTokenLeft) || forgotten != (kept != nil) {
				t.Errorf("profiles %v, secret: %v", data.Profiles, kept)
			}
		})
	}
}
