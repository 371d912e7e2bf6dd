package state_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

// TestKeysOfOtherPrograms do here what they do there, and never what the browser would do with them.
func TestKeysOfOtherPrograms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key      string
		editable bool
		on       state.Screen
		want     state.Msg // nil: the field's own business
	}{
		{"a", false, state.ScreenRoster, state.SelectAll{}},
		{"a", true, state.ScreenRoster, nil},
		{"a", false, state.ScreenHistory, state.Nothing{}},
		{"f", true, state.ScreenRoster, state.FocusSearch{}},
		{"F", false, state.ScreenHistory, state.FocusSearch{}},
		{"r", true, state.ScreenRoster, state.Refresh{}},
		{"F5", false, state.ScreenRoster, state.Refresh{}},
		{"F5", false, state.ScreenProviders, state.Retry{}},
		{"F5", false, state.ScreenSettings, state.Nothing{}},
		{"F5", true, state.ScreenAdd, state.Nothing{}},
		{"z", false, state.ScreenRoster, state.UndoLast{}},
		{"z", true, state.ScreenRoster, nil},
		{"Z", false, state.ScreenRoster, nil}, // with Shift: redo
		{"k", true, state.ScreenAdd, state.ShowDialog{Kind: state.DialogPalette}},
		{"c", false, state.ScreenRoster, nil},
	} {
		s := opened(t)
		s.Update(state.Go{Screen: c.on})
		msg, ok := s.GlobalKey(c.key, c.key != "F5", false, c.editable)
		if msg != c.want || ok != (c.want != nil) {
			t.Errorf("%+v: %#v", c, msg)
		}
	}
}

// TestUndoLast goes back one step after the other, and stops where one cannot be undone.
func TestUndoLast(t *testing.T) {
	t.Parallel()
	s := opened(t)
	removed := func(undoable bool, ids ...string) {
		var list []api.Change
		for _, id := range ids {
			list = append(list, api.Change{ID: id, State: api.ChangeConfirmed, Undoable: undoable})
		}
		s.Update(state.Removed{Changes: list})
	}
	none[state.CallUndo](t, s.Update(state.UndoLast{}))
	if !toasted(s, "toast.nothingToUndo") {
		t.Error("says nothing")
	}
	removed(false, "x")
	removed(true, "a")
	removed(true, "b", "c")
	for _, first := range []string{"b", "a"} {
		if c := want[state.CallUndo](t, s.Update(state.UndoLast{})); c.Changes[0] != first {
			t.Errorf("undoes %v, want %s first", c.Changes, first)
		}
		none[state.CallUndo](t, s.Update(state.UndoLast{})) // it is under way
		s.Update(state.Undone{Done: 1, Of: 1})
	}
	none[state.CallUndo](t, s.Update(state.UndoLast{}))
	if !toasted(s, "toast.notUndoable") {
		t.Error("does not say that the rest stays")
	}
}

// TestSelectShown selects all that is shown, then none.
func TestSelectShown(t *testing.T) {
	t.Parallel()
	s := opened(t)
	page := want[state.CallPage](t, s.Update(state.SelectShown{}))
	s.Update(state.PageLoaded{Generation: page.Generation, Page: page.Page, Rows: rows(0, 250, 250)})
	if n := len(s.Roster.Selected); n != 250 {
		t.Fatalf("%d selected", n)
	}
	if f := want[state.Focus](t, s.Update(state.SelectShown{})); len(s.Roster.Selected) != 0 || f.ID != "select-shown" {
		t.Errorf("%d selected, focus on %q", len(s.Roster.Selected), f.ID)
	}
}

// TestRowMenu does what is chosen, and returns the focus otherwise.
func TestRowMenu(t *testing.T) {
	t.Parallel()
	s := opened(t)
	if f := want[state.Focus](t, s.Update(state.OpenRowMenu{Index: 2, X: 3, Y: 4})); f.ID != "row-menu" || s.RowMenu.Row.ID == "" {
		t.Errorf("focus on %q, row %+v", f.ID, s.RowMenu.Row)
	}
	if f := want[state.Focus](t, s.Update(state.Escape{})); f.ID != state.RowID(2) || s.Menu != "" {
		t.Errorf("focus on %q", f.ID)
	}
	s.Update(state.OpenRowMenu{Index: 2})
	if c := want[state.Copy](t, s.Update(state.RunInMenu{Msg: state.CopyText{Text: "x"}})); c.Text != "x" || s.Menu != "" {
		t.Error("the menu stays")
	}
}

// TestLikelyProvider is chosen at once, so that Enter goes on.
func TestLikelyProvider(t *testing.T) {
	t.Parallel()
	provider := func(name string, links int, adopts bool) api.ProviderDetail {
		return api.ProviderDetail{Provider: api.Provider{
			Protocol: api.OIDC, Name: name, Known: true, Enabled: true, Links: links, AutoAdopt: adopts,
		}}
	}
	list := []api.ProviderDetail{provider("few", 1, true), provider("many", 9, false), provider("some", 5, false)}
	for name, c := range map[string]struct {
		at     []string
		atRisk bool
		last   string
		want   string
	}{
		"the most links":           {want: "many"},
		"linked there already":     {at: []string{"many"}, want: "some"},
		"linked everywhere":        {at: []string{"many", "few", "some"}, want: "many"},
		"the gap of a name":        {atRisk: true, want: "few"},
		"where one was linked now": {last: "some", want: "some"},
	} {
		s := opened(t)
		s.Update(state.ProvidersLoaded{List: list})
		row, _ := s.Roster.Row(3)
		row.AtRisk, row.Identities = c.atRisk, nil
		for _, p := range c.at {
			row.Identities = append(row.Identities, api.Identity{Protocol: api.OIDC, Provider: p})
		}
		page := rows(0, state.PageSize, 250)
		page.Rows[3] = row
		s.Update(state.PageLoaded{Generation: want[state.CallPage](t, s.Update(state.RosterChanged{})).Generation, Rows: page})
		if c.last != "" {
			s.Link = state.Link{Step: state.LinkWriting, FlowID: "f", Request: api.LinkRequest{Protocol: api.OIDC, Provider: c.last}}
			s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "done", Change: &api.Change{ID: "1"}}})
		}
		plan := want[state.CallPlanLink](t, s.Update(state.StartLinking{Account: row.User}))
		if plan.Request.Provider != c.want {
			t.Errorf("%s: %q", name, plan.Request.Provider)
		}
		f := want[state.Focus](t, s.Update(state.Planned{Number: plan.Number, Plan: api.Plan{Option: api.Option{OK: true}}}))
		if f.ID != "run-link" || f.From != "link-step" {
			t.Errorf("%s: focus %+v", name, f)
		}
	}
}
