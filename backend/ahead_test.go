package backend_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
)

// gate stands in front of a world: it counts the readings of all accounts, and can refuse everything.
type gate struct {
	*httptest.Server
	readings atomic.Int32
	refuses  atomic.Bool
}

func newGate(t *testing.T, d *demo.World) *gate {
	t.Helper()
	to, err := url.Parse(d.URL())
	if err != nil {
		t.Fatal(err)
	}
	g, proxy := &gate{}, httputil.NewSingleHostReverseProxy(to)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/Users" {
			g.readings.Add(1)
		}
		if g.refuses.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

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

	w.OpenAhead(ctx)
	for deadline := time.Now().Add(patience); g.readings.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is read before the page asks")
		}
	}
	if n := w.heard(api.EventProgress); n != 0 {
		t.Errorf("%d events went to a page that is not there yet", n)
	}
	boot, err := w.Bootstrap(ctx)
	must(w, boot, err)
	open()
	if n := g.readings.Load(); n != 1 {
		t.Errorf("the accounts were read %d times", n)
	}
	counts, err := w.RefreshRoster(ctx)
	must(w, counts, err)
	if n := g.readings.Load(); n != 2 {
		t.Errorf("after a refresh they were read %d times", n)
	}

	// What fails is told when the page asks, and once: the next try is a new one.
	g.refuses.Store(true)
	w.OpenAhead(ctx)
	_, err = w.OpenProfile(ctx, "home")
	w.refused(api.CodeCredentialRefused, err)
	g.refuses.Store(false)
	open()
}

// TestOpenAheadOfAnother opens ahead what is not asked for then: it is given up.
func TestOpenAheadOfAnother(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	w.OpenAhead(t.Context()) // no server was added yet
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(t.Context(), d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	for range 2 {
		d.Server().SetPhase(server.PhaseEarly) // it answers and is not ready for a long time
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
	begun := time.Now()
	if err := w.Close(); err != nil || time.Since(begun) > 5*time.Second {
		t.Errorf("closing took %v, %v", time.Since(begun), err)
	}
}
