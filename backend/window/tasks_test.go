package window_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/window"
)

// removal matches the writing of a removal.
func removal(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/OID/Add/")
}

// TestWindowSignsOutAfterALink: the link that is being written needs the token.
func TestWindowSignsOutAfterALink(t *testing.T) {
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

// TestWindowSignsOutOnceALinkIsWritten, and not only once the accounts are read again, for which nobody waits then.
func TestWindowSignsOutOnceALinkIsWritten(t *testing.T) {
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

// TestWindowForgetEndsTheSignInFirst, and not only when the server has answered.
func TestWindowForgetEndsTheSignInFirst(t *testing.T) {
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
	id, err := w.StartVerify(ctx, api.OIDC, demo.Authelia)
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

// TestWindowLeavesTheOtherServerAlone: a removal goes on while another server is signed out of, or forgotten.
func TestWindowLeavesTheOtherServerAlone(t *testing.T) {
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

// TestWindowSignOutGivesUp: a write that does not end keeps its sign-in, and the person learns why.
func TestWindowSignOutGivesUp(t *testing.T) {
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

// TestWindowSignOutFails: where the keyring keeps the credential, the window keeps the server open, as the page does.
func TestWindowSignOutFails(t *testing.T) {
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

// TestWindowReadsNothingOnceClosed: nobody would call that off any more.
func TestWindowReadsNothingOnceClosed(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err := w.ProbeServer(t.Context(), d.URL()); err == nil {
		t.Errorf("looked at %+v", p)
	}
}

// TestStopReading calls off what only reads: the answer comes at once though the server does not answer, and the next try
// reads as if nothing had been.
func TestStopReading(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	var hold atomic.Bool
	var asked, released chan struct{}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if hold.Load() {
			select {
			case asked <- struct{}{}:
			default:
			}
			select {
			case <-released:
			case <-r.Context().Done():
			}
			return
		}
		d.Server().ServeHTTP(rw, r)
	}))
	released = make(chan struct{})
	t.Cleanup(front.Close)
	t.Cleanup(func() { close(released) })
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(t.Context(), front.URL, "home", d.APIKey().Reveal())
	must(w, s, err)
	for name, read := range map[string]func() error{
		"a look at an address": func() error { _, err := w.ProbeServer(t.Context(), front.URL); return err },
		"an opening":           func() error { _, err := w.OpenProfile(t.Context(), "home"); return err },
		"the roster":           func() error { _, err := w.RefreshRoster(t.Context()); return err },
		"the first rows":       func() error { _, err := w.RosterPage(t.Context(), api.RosterQuery{}); return err },
	} {
		if name == "the first rows" { // they are read once
			s, err := w.OpenProfile(t.Context(), "home")
			must(w, s, err)
		}
		asked = make(chan struct{}, 1)
		hold.Store(true)
		ended := make(chan error, 1)
		go func() { ended <- read() }()
		<-asked
		w.StopReading()
		select {
		case err := <-ended:
			var crossed struct{ Code api.Code }
			if e := json.Unmarshal([]byte(window.FormatError(err).(string)), &crossed); e != nil || crossed.Code != api.CodeCancelled {
				t.Errorf("%s: the page is told %v", name, window.FormatError(err))
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: goes on after it was called off", name)
		}
		hold.Store(false)
		if err := read(); err != nil {
			t.Errorf("%s, once more: %v", name, err)
		}
	}
}
