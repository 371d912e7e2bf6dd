package window_test

import (
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
)

func TestOpenAhead(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx, g := t.Context(), newGate(t, d)
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, g.URL, "home", d.APIKey().Reveal())
	must(w, s, err)
	open := func() {
		t.Helper()
		s, err := w.OpenProfile(ctx, "home")
		if must(w, s, err).Profile.Name != "home" {
			t.Errorf("%q is open", s.Profile.Name)
		}
		page, err := w.RosterPage(ctx, api.RosterQuery{Limit: 50})
		if must(w, page, err).Counts.All < 20 {
			t.Errorf("there are %d accounts", page.Counts.All)
		}
	}
	// providers lists the providers, and returns how often their configurations were read for it.
	providers := func() int32 {
		t.Helper()
		before := g.configurations.Load()
		list, err := w.Providers(ctx)
		if len(must(w, list, err)) < 3 || len(list[0].ServerRedirects) == 0 {
			t.Errorf("the providers are %v", list)
		}
		return g.configurations.Load() - before
	}

	w.OpenAhead(ctx)
	g.read(t, 1)
	if n := w.heard(api.EventProgress); n != 0 {
		t.Errorf("%d events went to a page that is not there yet", n)
	}
	boot, err := w.Bootstrap(ctx, "")
	must(w, boot, err)
	open()
	if n := g.readings.Load(); n != 1 {
		t.Errorf("the accounts were read %d times", n)
	}
	if first, next := providers(), providers(); first != 0 || next != 1 {
		t.Errorf("for the first list of providers they were read %d times again, for the next %d times", first, next)
	}
	counts, err := w.RefreshRoster(ctx)
	must(w, counts, err)
	if n := g.readings.Load(); n != 2 {
		t.Errorf("after a refresh they were read %d times", n)
	}

	// An error is reported when the page asks, and once: the next call tries again.
	g.refuses.Store(true)
	w.OpenAhead(ctx)
	_, err = w.OpenProfile(ctx, "home")
	w.refused(api.CodeCredentialRefused, err)
	g.refuses.Store(false)
	open()
}

// TestOpenAheadOfASignOut: a server is not shown if its credential has ended since it was opened ahead.
func TestOpenAheadOfASignOut(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx, g := t.Context(), newGate(t, d)
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, g.URL, "home", d.APIKey().Reveal())
	must(w, s, err)
	w.startDemo(api.FlavourK0lin) // so that it is not the open one
	w.OpenAhead(ctx)
	g.read(t, 1)
	if err := w.SignOut(ctx, "home"); err != nil {
		t.Fatal(err)
	}
	_, err = w.OpenProfile(ctx, "home")
	w.refused(api.CodeCredentialMissing, err)
}

// TestOpenAheadOfAnother: opening another server cancels the one that is being opened ahead.
func TestOpenAheadOfAnother(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	w.OpenAhead(t.Context()) // no server was added yet
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(t.Context(), d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	for range 2 {
		d.Server().SetPhase(server.PhaseEarly) // it answers but is not ready
		w.OpenAhead(t.Context())
		w.startDemo(api.FlavourK0lin)
		if row := w.row("maria"); row.Name != "maria" {
			t.Errorf("the demo shows %q", row.Name)
		}
		d.Server().SetPhase(server.PhaseReady)
		s, err := w.OpenProfile(t.Context(), "home")
		must(w, s, err)
	}
	d.Server().SetPhase(server.PhaseEarly)
	w.OpenAhead(t.Context())
	// The page asks for it, and the window is closed while it waits.
	go func() { _, _ = w.OpenProfile(t.Context(), "home") }()
	time.Sleep(50 * time.Millisecond) // whether it waits already or not, closing is quick
	begun := time.Now()
	if err := w.Close(); err != nil || time.Since(begun) > 5*time.Second {
		t.Errorf("closing took %v, %v", time.Since(begun), err)
	}
}
