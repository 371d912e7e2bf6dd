package window_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

func TestRemoveUnregister(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	ctx, elif := t.Context(), w.row("elif")
	links := make([]api.Link, len(elif.Identities))
	for i, id := range elif.Identities {
		links[i] = api.Link{Identity: id, UserID: elif.ID}
	}
	changes, err := w.remove(ctx, links, false)
	if changes = must(w, changes, err); len(changes) != len(links) {
		t.Fatalf("removed %+v", changes)
	}
	if got := w.row("elif"); len(got.Identities) != 0 || got.Changed {
		t.Errorf("after removing %+v", got)
	}
	_, err = w.remove(ctx, links, false)
	w.refused(api.CodeLinkNotFound, err)
	w.undo(ids(changes)...)
	if got := w.row("elif"); len(got.Identities) != len(links) {
		t.Errorf("after undoing %+v", got)
	}

	plan, err := w.PlanUnregister(ctx, elif.ID)
	plan = must(w, plan, err)
	if len(plan.Remarks) == 0 || len(plan.Providers) == 0 || plan.Account.ID != elif.ID {
		t.Fatalf("the plan %+v", plan)
	}
	_, err = w.Unregister(ctx, elif.ID, "no such provider")
	w.refused(api.CodeUsage, err)
	change, err := w.Unregister(ctx, elif.ID, plan.Providers[0].ID)
	if must(w, change, err).State != api.ChangeConfirmed {
		t.Errorf("unregistered %+v", change)
	}
}

// TestUndoChanges says which changes were undone when one of them fails, and reads the roster once for all of them.
func TestUndoChanges(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	elif := w.row("elif")
	if len(elif.Identities) != 2 {
		t.Fatalf("elif has %d identities", len(elif.Identities))
	}
	var links []api.Link
	for _, i := range elif.Identities {
		links = append(links, api.Link{Identity: i, UserID: elif.ID})
	}
	changes, err := w.remove(t.Context(), links, false)
	removed := ids(must(w, changes, err))

	before := w.heard(api.EventRoster)
	r := w.UndoChanges(t.Context(), []string{removed[1], "no such change", removed[0]})
	w.refused(api.CodeChangeNotFound, r.Error)
	if len(r.Changes) != 1 || r.Changes[0].Undoes != removed[1] || r.Failed != "no such change" {
		t.Errorf("undone: %+v", r)
	}
	if got := w.row("elif").Identities; !slices.Equal(got, elif.Identities[1:]) {
		t.Errorf("after the failure: %+v", got)
	}

	stopped, stop := context.WithCancel(t.Context())
	stop()
	if r := w.UndoChanges(stopped, removed); !api.IsCode(r.Error, api.CodeCancelled) || r.Failed != removed[0] || r.Changes == nil {
		t.Errorf("stopped: %+v", r)
	}

	if undone := w.undo(removed[0]); len(undone) != 1 || undone[0].Undoes != removed[0] {
		t.Errorf("undone: %+v", undone)
	}
	if got := w.row("elif").Identities; !slices.Equal(got, elif.Identities) {
		t.Errorf("after all: %+v", got)
	}
	if n := w.heard(api.EventRoster) - before; n != 2 {
		t.Errorf("the page heard of %d rosters, want one for each call that changed something", n)
	}
}

// TestStopsARemoval stops a removal between two links. A later removal is not stopped.
func TestStopsARemoval(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	reached, released := w.heldBack(d, func(r *http.Request) bool {
		return r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/OID/Add/")
	})
	elif := w.row("elif")
	var links []api.Link
	for _, i := range elif.Identities {
		links = append(links, api.Link{Identity: i, UserID: elif.ID})
	}
	var group sync.WaitGroup
	group.Go(func() {
		if changes, err := w.remove(t.Context(), links, false); !api.IsCode(err, api.CodeCancelled) || len(changes) != 1 {
			t.Errorf("removed %d links: %v", len(changes), err)
		}
	})
	<-reached
	w.StopChanges()
	close(released)
	group.Wait()
	if left := w.row("elif").Identities; !slices.Equal(left, elif.Identities[1:]) {
		t.Errorf("left: %v", left)
	}
	if _, err := w.remove(t.Context(), links[1:], false); err != nil {
		t.Error(err)
	}
}

// TestAcceptRisk: an accepted risk counts no more, also in the next window, until it is taken back.
func TestAcceptRisk(t *testing.T) {
	t.Parallel()
	ctx, dir, d := t.Context(), t.TempDir(), world(t, demo.Options{Flavour: api.FlavourK0lin})
	w := windowIn(t, dir)
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	atRisk := func() api.RosterPage {
		t.Helper()
		p, err := w.RosterPage(ctx, api.RosterQuery{Filters: []api.RosterFilter{api.FilterAtRisk}})
		return must(w, p, err)
	}
	before := atRisk()
	if before.Total < 2 || len(before.Rows[0].Gaps) == 0 || before.Rows[0].Gaps[0].Name != before.Rows[0].Name {
		t.Fatalf("at risk are %+v", before)
	}
	ordinary := slices.IndexFunc(before.Rows, func(r api.RosterRow) bool { return !r.Administrator })
	if slices.ContainsFunc(before.Rows[max(ordinary, 0):], func(r api.RosterRow) bool { return r.Administrator }) {
		t.Error("administrators do not come first")
	}
	id := before.Rows[0].ID
	if err := w.AcceptRisk(ctx, id, true); err != nil {
		t.Fatal(err)
	}
	row, err := w.Account(ctx, id)
	if row = must(w, row, err); row.AtRisk || !row.Accepted || row.Changed || atRisk().Total != before.Total-1 {
		t.Errorf("accepted: %+v", row)
	}
	if kept := w.stored()[0].AcceptedRisks; !slices.Equal(kept, []string{id}) {
		t.Errorf("stored %v", kept)
	}
	if err := w.AcceptRisk(ctx, id, false); err != nil {
		t.Fatal(err)
	}
	if row = w.row(row.Name); !row.AtRisk || row.Accepted {
		t.Errorf("taken back: %+v", row)
	}
}

// TestNotes stay on this computer, one line an identity, and go with an empty text.
func TestNotes(t *testing.T) {
	t.Parallel()
	ctx, d, w := t.Context(), world(t, demo.Options{}), newWindow(t)
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	id := api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "5f0c"}
	for _, c := range []struct{ typed, kept string }{{" Maria\n Lindqvist ", "Maria Lindqvist"}, {"other", "other"}, {" ", ""}} {
		notes, err := w.SaveNote(ctx, api.IdentityNote{Identity: id, Text: c.typed})
		notes = must(w, notes, err)
		got := ""
		if len(notes) > 0 {
			got = notes[0].Text
		}
		if got != c.kept || len(notes) > 1 || !slices.Equal(w.stored()[0].Notes, notes) {
			t.Errorf("%q: %+v, stored %+v", c.typed, notes, w.stored()[0].Notes)
		}
	}
	if s, err := w.OpenProfile(ctx, "home"); len(must(w, s, err).Notes) != 0 {
		t.Errorf("opened with %+v", s.Notes)
	}
	_, err = w.SaveNote(ctx, api.IdentityNote{Identity: id, Text: strings.Repeat("x", 501)})
	w.refused(api.CodeUsage, err)
}

// TestSeveralRemovedCanBeUndone: each change of a removal says whether it can be undone, as the message's button needs it.
func TestSeveralRemovedCanBeUndone(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	var links []api.Link
	for _, name := range []string{"elif", "priya", "yuki"} {
		row := w.row(name)
		for _, i := range row.Identities {
			links = append(links, api.Link{Identity: i, UserID: row.ID})
		}
	}
	changes, err := w.remove(t.Context(), links, false)
	changes = must(w, changes, err)
	if len(changes) != len(links) || slices.ContainsFunc(changes, func(c api.Change) bool { return !c.Undoable }) {
		t.Errorf("removed %+v", changes)
	}
	w.undo(ids(changes)...)
}
