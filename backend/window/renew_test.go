package window_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
)

// TestTakesTheTokenOfAnotherJellybind: the command line signs in again while the window is open, which ends the window's
// token at the server. Reading goes on with the new token. A change fails, and the person repeats it.
func TestTakesTheTokenOfAnotherJellybind(t *testing.T) {
	t.Parallel()
	ctx, w, d := t.Context(), newWindow(t), world(t, demo.Options{})
	s, err := w.ConnectPassword(ctx, d.URL(), "home", "root", password)
	must(w, s, err)
	elif, tour := w.row("elif"), w.row(demo.TourName)
	other := backend.New(backend.Options{Version: "test", Profiles: w.store, Keyring: w.keyring, Journal: w.journal})
	signInAgain := func() {
		t.Helper()
		e := w.stored()[0]
		client, err := other.Client(e, secret.Value{})
		if err != nil {
			t.Fatal(err)
		}
		in, err := client.SignIn(ctx, "root", secret.New(password))
		if err != nil {
			t.Fatal(err)
		}
		w.secret(in.Token.Reveal())
		if _, err := other.Login(ctx, e, in); err != nil {
			t.Fatal(err)
		}
	}
	for name, read := range map[string]func() error{
		"the roster":    func() error { _, err := w.RefreshRoster(ctx); return err },
		"the providers": func() error { _, err := w.Providers(ctx); return err },
		"a test":        func() error { _, err := w.TestProvider(ctx, api.OIDC, demo.Authelia); return err },
		"a plan": func() error {
			_, err := w.PlanLink(ctx, api.LinkRequest{UserID: tour.ID, Protocol: api.OIDC, Provider: demo.Authelia})
			return err
		},
		"leaving":  func() error { _, err := w.PlanUnregister(ctx, elif.ID); return err },
		"an entry": func() error { _, err := w.Account(ctx, elif.ID); return err },
	} {
		signInAgain()
		if err := read(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	signInAgain()
	links := []api.Link{{Identity: elif.Identities[0], UserID: elif.ID}}
	_, err = w.remove(ctx, links, false)
	w.refused(api.CodeCredentialRefused, err)
	if got := w.row("elif"); len(got.Identities) != len(elif.Identities) {
		t.Errorf("a refused change was repeated: %+v", got)
	}
	changes, err := w.remove(ctx, links, false)
	must(w, changes, err)

	before := w.heard(api.EventSession)
	opened, err := other.Open(ctx, backend.Target{Name: "home"})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.CreateKey(ctx, opened, true); err != nil {
		t.Fatal(err)
	}
	w.credential("home")
	counts, err := w.RefreshRoster(ctx)
	must(w, counts, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	kinds := []api.CredentialKind{}
	for _, e := range w.told {
		if s, ok := e.data.(api.Session); ok {
			kinds = append(kinds, s.Profile.Credential)
		}
	}
	if got := kinds[before:]; !slices.Equal(got, []api.CredentialKind{api.CredentialKey}) {
		t.Errorf("the page was told of %q", got)
	}
}

// TestStaysRefused: if the keyring has no other credential, the refusal is reported.
func TestStaysRefused(t *testing.T) {
	t.Parallel()
	ctx, w, d := t.Context(), newWindow(t), world(t, demo.Options{})
	s, err := w.ConnectPassword(ctx, d.URL(), "home", "root", password)
	must(w, s, err)
	client, err := jellyfin.New(jellyfin.Options{URL: d.URL(), DeviceID: "test", Credential: secret.New(w.credential("home"))})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SignOut(ctx); err != nil {
		t.Fatal(err)
	}
	_, err = w.RefreshRoster(ctx)
	w.refused(api.CodeCredentialRefused, err)
	if n := w.heard(api.EventSession); n != 0 {
		t.Errorf("told of %d sessions", n)
	}
}

// TestRenewsAtItsServerOnly: another server may answer at the address now, and the stored credential may be for that one.
func TestRenewsAtItsServerOnly(t *testing.T) {
	t.Parallel()
	ctx, w, d, other := t.Context(), newWindow(t), world(t, demo.Options{}), world(t, demo.Options{})
	var answers atomic.Pointer[demo.World]
	var sent atomic.Int32
	foreign := other.APIKey().Reveal()
	w.secret(foreign)
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if answers.Load() == d && strings.Contains(r.Header.Get("Authorization"), foreign) {
			sent.Add(1)
		}
		answers.Load().Server().ServeHTTP(rw, r)
	}))
	t.Cleanup(front.Close)
	answers.Store(d)
	s, err := w.ConnectPassword(ctx, front.URL, "home", "root", password)
	must(w, s, err)
	client, err := jellyfin.New(jellyfin.Options{URL: front.URL, DeviceID: "test", Credential: secret.New(w.credential("home"))})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SignOut(ctx); err != nil {
		t.Fatal(err)
	}

	answers.Store(other)
	elsewhere := backend.New(backend.Options{Version: "test", Profiles: w.store, Keyring: w.keyring, Journal: w.journal})
	if _, err := elsewhere.Login(ctx, w.stored()[0], jellyfin.SignedIn{Token: other.APIKey()}); err != nil {
		t.Fatal(err)
	}
	answers.Store(d)
	_, err = w.RefreshRoster(ctx)
	w.refused(api.CodeCredentialRefused, err)
	if n := sent.Load(); n != 0 {
		t.Errorf("the other server's key was sent %d times", n)
	}
}
