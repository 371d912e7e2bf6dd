package secret_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

// slowService is a Secret Service that tells its collections and its state, when it has been told to, and then never
// answers again.
type slowService struct{ tells bool }

func (s slowService) Get(_, name string) (dbus.Variant, *dbus.Error) {
	switch {
	case s.tells && name == "Collections":
		return dbus.MakeVariant([]dbus.ObjectPath{"/org/freedesktop/secrets/collection/login"}), nil
	case s.tells && name == "Locked":
		return dbus.MakeVariant(false), nil
	}
	select {}
}

func (s slowService) Unlock([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	select {}
}

func (s slowService) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	select {}
}

func TestKeyringThatHangs(t *testing.T) {
	t.Parallel()
	for name, tells := range map[string]bool{"at once": false, "after the first answers": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !secrettest.Rerun(t, secrettest.NoService) {
				return
			}
			serve(t, slowService{tells})
			const limit = 300 * time.Millisecond
			k := secret.Open(secret.WithTimeout(limit))
			for range 3 {
				start := time.Now()
				_, err := k.Get(t.Context(), "server/x")
				wantError(t, err, secret.ErrUnavailable, api.CodeSecretUnavailable)
				// One more question, for the state of the collection, is allowed after the limit.
				if d := time.Since(start); d < limit || d > 3*limit {
					t.Errorf("Get took %v with a limit of %v", d, limit)
				}
			}
			if got := k.Check(t.Context()); got.OK || got.Code != api.CodeSecretUnavailable {
				t.Errorf("Check = %+v", got)
			}

			k = secret.Open(secret.WithTimeout(time.Minute))
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(50*time.Millisecond, func() { cancel(os.ErrClosed) })
			start := time.Now()
			_, err := k.Get(ctx, "server/x")
			if !api.IsCode(err, api.CodeCancelled) || !errors.Is(err, os.ErrClosed) {
				t.Errorf("cancelled Get: %v", err)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("cancelling took %v", d)
			}
			ctx, cancelDeadline := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancelDeadline()
			if err := k.Set(ctx, "server/x", secret.New(plain)); !api.IsCode(err, api.CodeTimeout) {
				t.Errorf("Set past the caller's deadline: %v", err)
			}
		})
	}
}

// serve puts the service on the session's bus, from within the test's own process.
func serve(t *testing.T, s any) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(os.Getenv("DBUS_SESSION_BUS_ADDRESS"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	for _, path := range []dbus.ObjectPath{"/org/freedesktop/secrets", "/org/freedesktop/secrets/collection/login"} {
		if err := conn.Export(s, path, "org.freedesktop.DBus.Properties"); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Export(s, "/org/freedesktop/secrets", "org.freedesktop.Secret.Service"); err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName("org.freedesktop.secrets", 0); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	return conn
}
