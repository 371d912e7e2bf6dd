package window_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/proxy"
	"github.com/jellybind/jellybind/backend/demo/visitor"
)

// TestLink links, confirms, verifies and undoes by both protocols.
func TestLink(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protocol api.Protocol
		provider string
	}{{api.OIDC, demo.Authelia}, {api.SAML, demo.ADFS}} {
		t.Run(string(c.protocol), func(t *testing.T) {
			t.Parallel()
			w := newWindow(t)
			w.startDemo(api.FlavourK0lin)
			ctx, maria := t.Context(), w.row(demo.TourName)
			req := api.LinkRequest{UserID: maria.ID, Protocol: c.protocol, Provider: c.provider}
			plan, err := w.PlanLink(ctx, req)
			if !must(w, plan, err).OK {
				t.Fatalf("the plan: %+v", plan)
			}
			started, err := w.StartLink(ctx, req)
			id := must(w, started, err)
			if err := w.ConfirmFlow(id, true); err == nil {
				t.Error("an answer was taken before the question")
			}
			if in := w.flow(id, "sign-in").SignIn; in.Host == "" || in.ShortURL == "" || !in.Deadline.After(time.Now()) {
				t.Errorf("the sign-in: %+v", in)
			}
			w.signIn(id, demo.TourName)
			asked := w.flow(id, "confirm").Confirmation
			if asked.Account.ID != maria.ID || !asked.NameKnown || asked.Identity.Provider != c.provider || asked.Owner != nil {
				t.Errorf("asked %+v", asked)
			}
			if got := w.row(demo.TourName); len(got.Identities) != 0 {
				t.Errorf("written before it was confirmed: %v", got.Identities)
			}
			if err := w.ConfirmFlow(id, true); err != nil {
				t.Fatal(err)
			}
			done := w.flow(id, "done").Change
			if w.heard(api.EventRoster) != 1 {
				t.Errorf("%d roster events", w.heard(api.EventRoster))
			}
			if got := w.row(demo.TourName); !slices.Equal(got.Identities, []api.Identity{asked.Identity}) || got.Changed {
				t.Errorf("after linking %+v", got)
			}
			changes, err := w.Changes(ctx, maria.ID)
			if list := must(w, changes, err).Changes; len(list) != 1 || list[0].ID != done.ID || list[0].State != api.ChangeConfirmed {
				t.Errorf("the journal: %+v", list)
			}
			if other, err := w.Changes(ctx, "somebody else"); err != nil || len(other.Changes) != 0 {
				t.Errorf("somebody else's journal: %+v, %v", other, err)
			}

			verifying, err := w.StartVerify(ctx, c.protocol, c.provider, "")
			id = must(w, verifying, err)
			w.signIn(id, demo.TourName)
			if v := w.flow(id, "verified").Verified; v.Account.ID != maria.ID || v.Identity != asked.Identity {
				t.Errorf("verified %+v", v)
			}

			if undone := w.undo(done.ID); undone[0].Undoes != done.ID {
				t.Errorf("undone %+v", undone)
			}
			if got := w.row(demo.TourName); len(got.Identities) != 0 {
				t.Errorf("after undoing %+v", got)
			}
			w.refused(api.CodeChangeNotUndoable, w.UndoChanges(ctx, []string{done.ID}).Error)
			w.refused(api.CodeChangeNotFound, w.UndoChanges(ctx, []string{"no such change"}).Error)
		})
	}
}

func TestDeclineAndCancel(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	ctx := t.Context()
	req := api.LinkRequest{UserID: w.row(demo.TourName).ID, Protocol: api.OIDC, Provider: demo.Authelia}
	start := func() string {
		t.Helper()
		id, err := w.StartLink(ctx, req)
		return must(w, id, err)
	}
	ended := func(id string, code api.Code) {
		t.Helper()
		if e := w.flow(id, "failed").Error; e.Code != code {
			t.Errorf("%s ended with %+v, want %s", id, e, code)
		}
		if got := w.row(demo.TourName); len(got.Identities) != 0 {
			t.Fatalf("it was linked: %+v", got)
		}
	}

	declined := start()
	w.signIn(declined, demo.TourName)
	w.flow(declined, "confirm")
	if err := w.ConfirmFlow(declined, false); err != nil {
		t.Fatal(err)
	}
	ended(declined, api.CodeCancelled)

	waiting := start()
	w.flow(waiting, "sign-in")
	if err := w.OpenSignIn(ctx, waiting); err != nil {
		t.Errorf("opening the browser again: %v", err)
	}
	if err := w.CancelFlow(waiting); err != nil {
		t.Fatal(err)
	}
	ended(waiting, api.CodeCancelled)

	asked := start()
	w.signIn(asked, demo.TourName)
	w.flow(asked, "confirm")
	if err := w.CancelFlow(asked); err != nil {
		t.Fatal(err)
	}
	ended(asked, api.CodeCancelled)

	refused := start()
	w.signIn(refused, visitor.Cancel)
	ended(refused, api.CodeSignInRefused)

	owned := start()
	w.signIn(owned, demo.UserName)
	ended(owned, api.CodeLinkOwned)

	// A flow ends a moment after its last event.
	for deadline := time.Now().Add(patience); w.ConfirmFlow(owned, true) == nil || !api.IsCode(w.ConfirmFlow(owned, true), api.CodeCancelled); {
		if time.Now().After(deadline) {
			t.Fatal("a flow that has ended takes answers")
		}
	}
	w.refused(api.CodeCancelled, w.OpenSignIn(ctx, owned))
	if err := w.CancelFlow(owned); err != nil {
		t.Errorf("cancelling a flow that has ended: %v", err)
	}
	if changes, err := w.Changes(ctx, ""); err != nil || len(changes.Changes) != 0 {
		t.Errorf("the journal: %+v, %v", changes, err)
	}
}

func TestFlowsInParallel(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	flows := map[string]string{}
	for account, login := range map[string]string{demo.TourName: demo.TourName, "kids": demo.NewcomerLogin} {
		id, err := w.StartLink(t.Context(), api.LinkRequest{UserID: w.row(account).ID, Protocol: api.OIDC, Provider: demo.Authelia})
		flows[must(w, id, err)] = login
	}
	for id, login := range flows {
		w.signIn(id, login)
	}
	for id := range flows {
		w.flow(id, "confirm")
		if err := w.ConfirmFlow(id, true); err != nil {
			t.Fatal(err)
		}
	}
	for id := range flows {
		w.flow(id, "done")
	}
	for _, account := range []string{demo.TourName, "kids"} {
		if got := w.row(account); len(got.Identities) != 1 {
			t.Errorf("%s has %v", account, got.Identities)
		}
	}
}

// TestLinkAsksAboutTheLocalAddress: behind a proxy, the page is asked before the sign-in runs over the local network.
func TestLinkAsksAboutTheLocalAddress(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{Proxy: demo.Proxy{Kind: proxy.NginxName}})
	w.secret(d.APIKey().Reveal())
	ctx := t.Context()
	_, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	must(w, api.Session{}, err)
	req := api.LinkRequest{UserID: w.row(demo.TourName).ID, Protocol: api.OIDC, Provider: demo.Authelia}
	started, err := w.StartLink(ctx, req)
	id := must(w, started, err)
	if address := w.flow(id, "local").Address; address != d.LocalURL() {
		t.Errorf("asked about %q", address)
	}
	if err := w.ConfirmFlow(id, true); err != nil {
		t.Fatal(err)
	}
	if err := w.ConfirmFlow(id, true); err != nil { // a second click
		t.Error(err)
	}
	w.signIn(id, demo.TourName)
	w.flow(id, "confirm")
	if got := w.row(demo.TourName); len(got.Identities) != 0 {
		t.Errorf("the second click has confirmed the link: %v", got.Identities)
	}
	if err := w.ConfirmFlow(id, true); err != nil {
		t.Fatal(err)
	}
	if change := w.flow(id, "done").Change; change.Strategy != api.StrategyRelayLocal {
		t.Errorf("linked by %s", change.Strategy)
	}
	if e := w.stored()[0]; e.LocalAddress != d.LocalURL() {
		t.Errorf("kept %q", e.LocalAddress)
	}
	if err := w.SetLocalAddress(ctx, "home", ""); err != nil {
		t.Fatal(err)
	}
	verifying, err := w.StartVerify(ctx, api.OIDC, demo.Authelia, "")
	id = must(w, verifying, err)
	if address := w.flow(id, "local").Address; address != d.LocalURL() {
		t.Errorf("the verification asked about %q", address)
	}
	if err := w.ConfirmFlow(id, true); err != nil {
		t.Fatal(err)
	}
	w.signIn(id, demo.TourName)
	if v := w.flow(id, "verified").Verified; v.Strategy != api.StrategyRelayLocal {
		t.Errorf("verified by %s", v.Strategy)
	}
	if err := w.SetLocalAddress(ctx, "home", "http://203.0.113.5"); !api.IsCode(err, api.CodeLocalAddress) {
		t.Error(err)
	}
	if err := w.SetLocalAddress(ctx, "home", ""); err != nil || w.stored()[0].LocalAddress != "" {
		t.Errorf("%v, %q", err, w.stored()[0].LocalAddress)
	}
}
