package window_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/window"
)

func TestWithoutServer(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	ctx := t.Context()
	boot, err := w.Bootstrap(ctx, "")
	if b := must(w, boot, err); b.Version != "test" || b.Profiles == nil || len(b.Profiles) != 0 {
		t.Errorf("bootstrap %+v", b)
	}
	for name, call := range map[string]func() error{
		"RosterPage":    func() error { _, err := w.RosterPage(ctx, api.RosterQuery{}); return err },
		"RefreshRoster": func() error { _, err := w.RefreshRoster(ctx); return err },
		"Account":       func() error { _, err := w.Account(ctx, "x"); return err },
		"Changes":       func() error { _, err := w.Changes(ctx, ""); return err },
		"Providers":     func() error { _, err := w.Providers(ctx); return err },
		"TestProvider":  func() error { _, err := w.TestProvider(ctx, api.OIDC, "x"); return err },
		"PlanLink":      func() error { _, err := w.PlanLink(ctx, api.LinkRequest{}); return err },
		"StartLink":     func() error { _, err := w.StartLink(ctx, api.LinkRequest{}); return err },
		"StartVerify":   func() error { _, err := w.StartVerify(ctx, api.OIDC, "x", ""); return err },
		"RemoveLinks":   func() error { _, err := w.remove(ctx, nil, false); return err },
		"Unregister":    func() error { _, err := w.Unregister(ctx, "x", "y"); return err },
		"UndoChanges":   func() error { return w.UndoChanges(ctx, []string{"x"}).Error },
		"SelfService":   func() error { _, err := w.SelfService(ctx); return err },
		"OpenProfile":   func() error { _, err := w.OpenProfile(ctx, "x"); return err },
		"SignOut":       func() error { return w.SignOut(ctx, "x") },
		"ForgetProfile": func() error { return w.ForgetProfile(ctx, "x") },
		"RenameProfile": func() error { return w.RenameProfile(ctx, "x", "y") },
		"SaveSecret":    func() error { return w.SaveProviderSecret(ctx, api.OIDC, "x", "y") },
	} {
		if err := call(); !api.IsCode(err, api.CodeProfileNotFound) {
			t.Errorf("%s without a server: %v", name, err)
		}
	}
}

// TestClosesAfterAWrite: closing the window does not lose links that were dropped and are about to be written again.
func TestClosesAfterAWrite(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{Flavour: api.FlavourFlowfin})
	reached, released := w.heldBack(d, func(r *http.Request) bool {
		// Detection asks for the route without a token.
		return strings.Contains(r.URL.Path, "/Preprovision/") && strings.Contains(r.Header.Get("Authorization"), "Token=")
	})
	tomas, priya := w.row("tomas"), w.row("priya")
	var group sync.WaitGroup
	group.Go(func() {
		links := []api.Link{{Identity: tomas.Identities[0], UserID: tomas.ID}, {Identity: priya.Identities[0], UserID: priya.ID}}
		if changes, err := w.remove(t.Context(), links, true); !api.IsCode(err, api.CodeCancelled) || len(changes) != 1 {
			t.Errorf("removed %d links: %v", len(changes), err)
		}
	})
	<-reached
	closed := make(chan struct{})
	group.Go(func() {
		defer close(closed)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-closed:
		t.Error("closed while a change was being written")
	case <-time.After(100 * time.Millisecond):
	}
	close(released)
	group.Wait()
	w.refused(api.CodeProfileNotFound, w.UndoChanges(t.Context(), []string{"x"}).Error)
	after := newWindow(t)
	after.secret(d.APIKey().Reveal())
	s, err := after.ConnectKey(t.Context(), d.URL(), "home", d.APIKey().Reveal())
	must(after, s, err)
	if left := after.row("tomas").Identities; !slices.Equal(left, tomas.Identities[1:]) {
		t.Errorf("left: %v, want %v", left, tomas.Identities[1:])
	}
}

// brokenKeyring is a keyring that is locked.
type brokenKeyring struct{ secret.Memory }

func (*brokenKeyring) Set(context.Context, string, secret.Value) error {
	return &api.Error{Code: api.CodeSecretLocked, Err: secret.ErrLocked}
}

func (*brokenKeyring) Check(context.Context) api.Keyring {
	return api.Keyring{Code: api.CodeSecretLocked}
}

// TestLockedKeyring: if the credential cannot be stored, nothing is stored.
func TestLockedKeyring(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	locked := window.New(backend.New(backend.Options{
		Version: "test", Profiles: w.store, Keyring: &brokenKeyring{}, Journal: w.journal,
	}), w.hear)
	if k := locked.CheckKeyring(t.Context()); k.OK || k.Code != api.CodeSecretLocked {
		t.Errorf("the check says %+v", k)
	}
	_, err := locked.ConnectPassword(t.Context(), d.URL(), "home", "root", password)
	w.refused(api.CodeSecretLocked, err)
	w.empty()
}

// TestBootstrapWaitsForNoKeyring: a keyring that hangs does not delay the first frame.
func TestBootstrapWaitsForNoKeyring(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	asked := window.New(backend.New(backend.Options{
		Version: "test", Profiles: w.store, Keyring: &hangingKeyring{}, Journal: w.journal,
	}), w.hear)
	boot, err := asked.Bootstrap(t.Context(), "")
	must(w, boot, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if k := asked.CheckKeyring(ctx); k.OK || k.Code != api.CodeTimeout {
		t.Errorf("the check says %+v", k)
	}
}

// hangingKeyring is a keyring that does not answer.
type hangingKeyring struct{ secret.Memory }

func (*hangingKeyring) Check(ctx context.Context) api.Keyring {
	<-ctx.Done()
	return api.Keyring{Code: api.CodeTimeout}
}
