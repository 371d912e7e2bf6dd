package window_test

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

// gate stands in front of a world: it counts the readings of all accounts and of the plugin's providers, and can refuse
// everything.
type gate struct {
	*httptest.Server
	readings, configurations atomic.Int32

	refuses atomic.Bool
	// hold keeps the next answer with all accounts, as it is, until it is closed.
	hold atomic.Pointer[chan struct{}]
}

func newGate(t *testing.T, d *demo.World) *gate {
	t.Helper()
	to, err := url.Parse(d.URL())
	if err != nil {
		t.Fatal(err)
	}
	g, proxy := &gate{}, httputil.NewSingleHostReverseProxy(to)
	proxy.ModifyResponse = func(r *http.Response) error {
		switch r.Request.URL.Path {
		case "/sso/OID/Get":
			g.configurations.Add(1)
		case "/Users":
			g.readings.Add(1)
			if hold := g.hold.Swap(nil); hold != nil {
				<-*hold
			}
		}
		return nil
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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

	// What fails is told when the page asks, and once: the next try is a new one.
	g.refuses.Store(true)
	w.OpenAhead(ctx)
	_, err = w.OpenProfile(ctx, "home")
	w.refused(api.CodeCredentialRefused, err)
	g.refuses.Store(false)
	open()
}

// TestOpenAheadOfASignOut: what was opened ahead with a credential that has ended since is not shown.
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

// read waits until the accounts have been read n times.
func (g *gate) read(t *testing.T, n int32) {
	t.Helper()
	for deadline := time.Now().Add(patience); g.readings.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the accounts were read %d times, not %d", g.readings.Load(), n)
		}
	}
}

// TestWindowShowsTheLatestReading has a reading that takes so long that another one, which began later, ends before it.
func TestWindowShowsTheLatestReading(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx, g := t.Context(), newGate(t, d)
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, g.URL, "home", d.APIKey().Reveal())
	must(w, s, err)
	hold := make(chan struct{})
	g.hold.Store(&hold)
	slow := make(chan error, 1)
	go func() {
		_, err := w.RefreshRoster(ctx)
		slow <- err
	}()
	g.read(t, 1)
	d.Server().AddUser(server.UserSpec{Name: "newcomer"})
	counts, err := w.RefreshRoster(ctx)
	must(w, counts, err)
	close(hold)
	if err := <-slow; err != nil {
		t.Fatal(err)
	}
	page, err := w.RosterPage(ctx, api.RosterQuery{Search: "newcomer"})
	if len(must(w, page, err).Rows) != 1 {
		t.Error("the older reading is shown")
	}

	// The reading that was made ahead is old, too, once there was a change.
	w.OpenAhead(ctx)
	g.read(t, 3)
	s, err = w.OpenProfile(ctx, "home")
	must(w, s, err)
	d.Server().AddUser(server.UserSpec{Name: "latecomer"})
	counts, err = w.RefreshRoster(ctx)
	must(w, counts, err)
	page, err = w.RosterPage(ctx, api.RosterQuery{Search: "latecomer"})
	if len(must(w, page, err).Rows) != 1 {
		t.Error("what was read ahead is shown after a refresh")
	}
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
	// The page asks for it, and the window is closed while it waits.
	go func() { _, _ = w.OpenProfile(t.Context(), "home") }()
	time.Sleep(50 * time.Millisecond) // whether it waits already or not, closing is quick
	begun := time.Now()
	if err := w.Close(); err != nil || time.Since(begun) > 5*time.Second {
		t.Errorf("closing took %v, %v", time.Since(begun), err)
	}
}
