package window_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
)

// TestMarksWhatChangedSinceTheLastRun: marks last from one run to the next, leave out the person's own changes, and end when
// the server is forgotten.
func TestMarksWhatChangedSinceTheLastRun(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), world(t, demo.Options{})
	ctx, key := t.Context(), d.APIKey().Reveal()
	start := func() *testWindow {
		t.Helper()
		w := windowIn(t, dir)
		w.secret(key)
		s, err := w.ConnectKey(ctx, d.URL(), "home", key)
		must(w, s, err)
		return w
	}
	changed := func(w *testWindow, want ...string) {
		t.Helper()
		p, err := w.RosterPage(ctx, api.RosterQuery{Filters: []api.RosterFilter{api.FilterChanged}, Sort: api.SortName})
		got := []string{}
		for _, r := range must(w, p, err).Rows {
			got = append(got, r.Name)
		}
		if !slices.Equal(got, want) || p.Counts.Changed != len(want) {
			t.Errorf("marked are %q (%d), want %q", got, p.Counts.Changed, want)
		}
	}
	files := func() int {
		t.Helper()
		all, err := filepath.Glob(filepath.Join(dir, "seen", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}

	w := start()
	changed(w) // there is nothing to compare with yet
	d.Server().AddUser(server.UserSpec{Name: "aaron"})
	changed(w) // not read again yet
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if files() != 1 {
		t.Fatalf("%d files of what was seen", files())
	}

	w = start()
	changed(w, "aaron")
	linked := slices.IndexFunc(rows(w), func(r api.RosterRow) bool { return len(r.Identities) > 0 && r.Exists })
	row := rows(w)[linked]
	changes, err := w.remove(ctx, []api.Link{{Identity: row.Identities[0], UserID: row.ID}}, false)
	must(w, changes, err)
	changed(w, "aaron") // the person's own change is not marked, and hides no other
	undone := w.undo(changes[0].ID)
	if len(undone) != 1 {
		t.Errorf("undone %v", undone)
	}
	changed(w, "aaron")
	s, err := w.OpenProfile(ctx, "home")
	must(w, s, err)
	changed(w, "aaron") // nor does opening another server
	counts, err := w.RefreshRoster(ctx)
	must(w, counts, err)
	changed(w) // all of that was seen
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	w = start()
	changed(w)
	if err := w.ForgetProfile(ctx, "home"); err != nil {
		t.Fatal(err)
	}
	if files() != 0 {
		t.Error("what was seen outlives the server")
	}
	d.Server().AddUser(server.UserSpec{Name: "abel"})
	w = start()
	changed(w)
}

// TestDemoRemembersNothing: a demo world has no marks from an earlier one.
func TestDemoRemembersNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := windowIn(t, dir)
	w.startDemo(api.FlavourK0lin)
	w.row(demo.TourName)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "seen")); !os.IsNotExist(err) {
		t.Errorf("something was kept: %v", err)
	}
}
