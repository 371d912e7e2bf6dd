package backend_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// full is a disk that takes nothing more.
type full struct{ backend.Profiles }

var errFull = errors.New("no space left")

func (full) Update(context.Context, func(*profile.Data) error) error { return errFull }

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
			if _, err := d.Login(t.Context(), e, d.World.APIKey()); !errors.Is(err, errFull) {
				t.Errorf("login: %v", err)
			}
			got, err := d.Keyring.Get(t.Context(), account)
			if got != earlier || earlier.IsZero() != errors.Is(err, secret.ErrNotFound) {
				t.Errorf("the keyring has the earlier one: %t, %v", got == earlier, err)
			}
		})
	}
}
