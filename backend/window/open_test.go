package window_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
)

// TestLeavesOneWorldForAnother: a world's flows end when another world is opened.
func TestLeavesOneWorldForAnother(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	first := w.startDemo(api.Flavour9p4)
	id, err := w.StartLink(t.Context(), api.LinkRequest{UserID: w.row(demo.TourName).ID, Protocol: api.OIDC, Provider: demo.Authelia})
	w.flow(must(w, id, err), "sign-in")
	second := w.startDemo(api.FlavourFlowfin)
	if second.Capabilities.Flavour != api.FlavourFlowfin {
		t.Errorf("the second world: %+v", second.Capabilities)
	}
	if e := w.flow(id, "failed").Error; e.Code != api.CodeCancelled {
		t.Errorf("the first world's flow ended with %+v", e)
	}
	_, err = w.ProbeServer(t.Context(), first.Server.URL)
	w.refused(api.CodeServerUnreachable, err)
}

// TestLatestRequestWins: a server that opens slowly does not replace one that was requested later.
func TestLatestRequestWins(t *testing.T) {
	t.Parallel()
	w, quick := newWindow(t), world(t, demo.Options{})
	slow := world(t, demo.Options{})
	ctx := t.Context()
	for name, d := range map[string]*demo.World{"quick": quick, "slow": slow} {
		w.secret(d.APIKey().Reveal())
		s, err := w.ConnectKey(ctx, d.URL(), name, d.APIKey().Reveal())
		must(w, s, err)
	}
	slow.Server().SetPhase(server.PhaseEarly)
	result := make(chan error, 1)
	go func() {
		_, err := w.OpenProfile(ctx, "slow")
		result <- err
	}()
	for deadline := time.Now().Add(patience); w.heard(api.EventProgress) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not say that it waits")
		}
	}
	s, err := w.OpenProfile(ctx, "quick")
	must(w, s, err)
	slow.Server().SetPhase(server.PhaseReady)
	w.refused(api.CodeCancelled, <-result)
	if kit, err := w.SelfService(ctx); err != nil || !strings.HasPrefix(kit.PageURL, quick.URL()) {
		t.Errorf("the open server is at %s, %v; want %s", kit.PageURL, err, quick.URL())
	}
}

// TestUnusedCodeIsNoRequest: a Quick Connect without a sign-in does not replace the server that is being opened.
func TestUnusedCodeIsNoRequest(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx := t.Context()
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	q, err := w.StartQuickConnect(ctx, d.URL(), "other")
	must(w, q, err)
	d.Server().SetPhase(server.PhaseEarly)
	result := make(chan error, 1)
	go func() {
		_, err := w.OpenProfile(ctx, "home")
		result <- err
	}()
	for deadline := time.Now().Add(patience); w.heard(api.EventProgress) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not say that it waits")
		}
	}
	if err := w.CancelFlow(q.ID); err != nil {
		t.Fatal(err)
	}
	w.flow(q.ID, "failed")
	d.Server().SetPhase(server.PhaseReady)
	if err := <-result; err != nil {
		t.Errorf("opening the server: %v", err)
	}
}

// TestShowsTheLatestReading: a slow reading of the roster does not replace one that began later.
func TestShowsTheLatestReading(t *testing.T) {
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

	// After a change, what was read ahead is outdated, too.
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
