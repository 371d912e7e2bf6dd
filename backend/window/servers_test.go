package window_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

// removal matches requests that remove a link.
func removal(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/OID/Add/")
}

// TestSignsOutAfterALink: signing out waits for a link that is being written, because that needs the token.
func TestSignsOutAfterALink(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*testWindow) error{
		"sign out": func(w *testWindow) error { return w.SignOut(t.Context(), "home") },
		"forget":   func(w *testWindow) error { return w.ForgetProfile(t.Context(), "home") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, d := newWindow(t), world(t, demo.Options{Flavour: api.FlavourK0lin})
			reached, released := w.heldBack(d, removal)
			tour := w.row(demo.TourName)
			id, err := w.StartLink(t.Context(), api.LinkRequest{
				UserID: tour.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "maria",
			})
			must(w, id, err)
			w.flow(id, "confirm")
			if err := w.ConfirmFlow(id, true); err != nil {
				t.Fatal(err)
			}
			<-reached
			left := make(chan error)
			go func() { left <- leave(w) }()
			select {
			case err := <-left:
				t.Errorf("the sign-in was taken away from a write: %v", err)
			case <-time.After(100 * time.Millisecond):
			}
			close(released)
			w.flow(id, "done")
			if err := <-left; err != nil {
				t.Error(err)
			}
			if held := w.keyring.held(); len(held) != 0 {
				t.Errorf("%q stayed in the keyring", held)
			}
		})
	}
}

// TestSignsOutOnceALinkIsWritten: signing out does not wait until the accounts are read again.
func TestSignsOutOnceALinkIsWritten(t *testing.T) {
	t.Parallel()
	ctx, w, d := t.Context(), newWindow(t), world(t, demo.Options{Flavour: api.FlavourK0lin})
	reached, released := w.heldBack(d, func(r *http.Request) bool {
		changes, err := w.journal.Changes(ctx, d.Server().ID())
		return err == nil && len(changes) > 0 && changes[0].State == api.ChangeConfirmed && r.URL.Path == "/Users"
	})
	tour := w.row(demo.TourName)
	id, err := w.StartLink(ctx, api.LinkRequest{
		UserID: tour.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "maria",
	})
	must(w, id, err)
	w.flow(id, "confirm")
	if err := w.ConfirmFlow(id, true); err != nil {
		t.Fatal(err)
	}
	<-reached
	soon, cancel := context.WithTimeout(ctx, patience/2)
	defer cancel()
	if err := w.SignOut(soon, "home"); err != nil {
		t.Error(err)
	}
	close(released)
	w.flow(id, "done")
}

// TestForgetEndsTheSignInFirst: a sign-in that is under way ends before the server has answered.
func TestForgetEndsTheSignInFirst(t *testing.T) {
	t.Parallel()
	ctx, w, d := t.Context(), newWindow(t), world(t, demo.Options{})
	var answered atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Sessions/Logout") {
			answered.Store(true)
		}
		d.Server().ServeHTTP(rw, r)
	}))
	t.Cleanup(front.Close)
	s, err := w.ConnectPassword(ctx, front.URL, "home", "root", password)
	must(w, s, err)
	w.credential("home")
	id, err := w.StartVerify(ctx, api.OIDC, demo.Authelia, "")
	w.flow(must(w, id, err), "sign-in")
	early := false
	w.mu.Lock()
	w.listen = func(e told) {
		if f, ok := e.data.(api.FlowEvent); ok && f.Step == "failed" {
			early = !answered.Load()
		}
	}
	w.mu.Unlock()
	if err := w.ForgetProfile(ctx, "home"); err != nil {
		t.Fatal(err)
	}
	w.flow(id, "failed")
	if !early || !answered.Load() {
		t.Errorf("the sign-in ended before the token: %t, the token ended: %t", early, answered.Load())
	}
}

// TestLeavesTheOtherServerAlone: a removal goes on while the person signs out of another server or forgets it.
func TestLeavesTheOtherServerAlone(t *testing.T) {
	t.Parallel()
	ctx, w, d, other := t.Context(), newWindow(t), world(t, demo.Options{}), world(t, demo.Options{})
	w.secret(other.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, other.URL(), "other", other.APIKey().Reveal())
	must(w, s, err)
	reached, released := w.heldBack(d, removal)
	elif := w.row("elif")
	var links []api.Link
	for _, i := range elif.Identities {
		links = append(links, api.Link{Identity: i, UserID: elif.ID})
	}
	var group sync.WaitGroup
	group.Go(func() {
		if changes, err := w.remove(ctx, links, false); err != nil || len(changes) != len(links) {
			t.Errorf("removed %d of %d links: %v", len(changes), len(links), err)
		}
	})
	<-reached
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := w.SignOut(soon, "other"); err != nil {
		t.Error(err)
	}
	if err := w.ForgetProfile(soon, "other"); err != nil {
		t.Error(err)
	}
	close(released)
	group.Wait()
}

// TestSignOutGivesUp: if a write does not end, signing out fails and says why.
func TestSignOutGivesUp(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	reached, released := w.heldBack(d, removal)
	elif := w.row("elif")
	var group sync.WaitGroup
	group.Go(func() {
		_, _ = w.remove(t.Context(), []api.Link{{Identity: elif.Identities[0], UserID: elif.ID}}, false)
	})
	<-reached
	for _, leave := range []func(context.Context, string) error{w.SignOut, w.ForgetProfile} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		w.refused(api.CodeChangeRunning, leave(ctx, "home"))
		cancel()
	}
	if w.credential("home") == "" {
		t.Error("the sign-in was taken away")
	}
	close(released)
	group.Wait()
	if got := w.row("elif"); len(got.Identities) != len(elif.Identities)-1 {
		t.Errorf("afterwards: %+v", got)
	}
	if err := w.SignOut(t.Context(), "home"); err != nil {
		t.Error(err)
	}
}

// TestSignOutFails: if the credential cannot be removed from the keyring, the server stays open.
func TestSignOutFails(t *testing.T) {
	t.Parallel()
	ctx, w, d := t.Context(), newWindow(t), world(t, demo.Options{})
	s, err := w.ConnectPassword(ctx, d.URL(), "home", "root", password)
	must(w, s, err)
	w.keyring.lock(true)
	w.refused(api.CodeSecretLocked, w.SignOut(ctx, "home"))
	counts, err := w.RefreshRoster(ctx)
	must(w, counts, err)
	w.keyring.lock(false)
	if err := w.SignOut(ctx, "home"); err != nil {
		t.Error(err)
	}
	_, err = w.RefreshRoster(ctx)
	w.refused(api.CodeProfileNotFound, err)
}

// TestOpensTheLastAgain: the next window opens the server that was open last, whichever is the default.
func TestOpensTheLastAgain(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	worlds := map[string]*demo.World{"home": world(t, demo.Options{}), "grandma": world(t, demo.Options{})}
	for _, name := range []string{"grandma", "home"} {
		dir := t.TempDir()
		w := windowIn(t, dir)
		for _, name := range []string{"home", "grandma"} {
			key := worlds[name].APIKey().Reveal()
			w.secret(key)
			s, err := w.ConnectKey(ctx, worlds[name].URL(), name, key)
			must(w, s, err)
		}
		s, err := w.OpenProfile(ctx, name)
		must(w, s, err)
		w.startDemo(api.FlavourK0lin) // is never stored
		if err := w.MakeDefault(ctx, "grandma"); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		w = windowIn(t, dir)
		boot, err := w.Bootstrap(ctx, "")
		if got := must(w, boot, err).Last; got != name {
			t.Errorf("opens %q, want %q", got, name)
		}
		for _, e := range w.stored() {
			if e.Default != (e.Name == "grandma") {
				t.Errorf("%s is the default: %t", e.Name, e.Default)
			}
		}
	}
}
