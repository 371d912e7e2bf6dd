package state_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

func TestTypingAsksOnceAtATime(t *testing.T) {
	t.Parallel()
	s := opened(t)
	first := want[state.CallPage](t, s.Update(state.Edit{Field: state.FieldSearch, Value: "a"}))
	for _, v := range []string{"ab", "abc"} {
		none[state.CallPage](t, s.Update(state.Edit{Field: state.FieldSearch, Value: v}))
	}
	if _, ok := s.Roster.Row(0); !ok || !s.Roster.Stale() {
		t.Error("the old rows do not stay until new ones come")
	}
	second := want[state.CallPage](t, s.Update(state.PageLoaded{Generation: first.Generation, Rows: rows(0, 3, 3)}))
	if second.Query.Search != "abc" {
		t.Errorf("asks for %q", second.Query.Search)
	}
	// The first answer once more, late, changes nothing.
	s.Update(state.PageLoaded{Generation: first.Generation, Rows: rows(0, 9, 9)})
	s.Update(state.PageLoaded{Generation: second.Generation, Rows: rows(0, 1, 1)})
	if s.Roster.Total != 1 || s.Roster.Stale() {
		t.Errorf("total %d", s.Roster.Total)
	}
}

// A frame waits for the rows of a new query, but not for long, and not for the first rows of all.
func TestFrameWaitsForRows(t *testing.T) {
	t.Parallel()
	if s := state.New(now); s.Hold() != 0 {
		t.Error("waits where there are no rows yet")
	}
	s := opened(t)
	if s.Hold() != 0 {
		t.Error("waits while the rows are right")
	}
	page := want[state.CallPage](t, s.Update(state.Edit{Field: state.FieldSearch, Value: "a"}))
	began := s.Hold()
	if began <= 0 || began > 100*time.Millisecond {
		t.Errorf("waits %v", began)
	}
	s.Now = s.Now.Add(10 * time.Millisecond)
	s.Update(state.Edit{Field: state.FieldSearch, Value: "ab"})
	if s.Hold() != began-10*time.Millisecond {
		t.Errorf("the next letter makes it wait %v more", s.Hold())
	}
	s.Now = s.Now.Add(time.Second)
	if s.Hold() != 0 {
		t.Error("waits on and on")
	}
	page = want[state.CallPage](t, s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows(0, 1, 1)}))
	s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows(0, 1, 1)})
	s.Update(state.Edit{Field: state.FieldSearch, Value: "a"})
	if s.Hold() != began {
		t.Errorf("waits %v for the next query", s.Hold())
	}
}

// The person who waits can call off what takes long, and hears nothing about it.
func TestStopReading(t *testing.T) {
	t.Parallel()
	cancelled := &api.Error{Code: api.CodeCancelled}
	s := state.New(now)
	s.Update(state.Booted{})
	none[state.CallStopReading](t, s.Update(state.Leave{}))
	s.Update(state.Try{Address: "media"})
	want[state.CallStopReading](t, s.Update(state.Leave{}))
	s.Update(state.Open{Name: "home"})
	want[state.CallStopReading](t, s.Update(state.Leave{}))

	s.Update(state.Open{Name: "home"})
	first := want[state.CallPage](t, s.Update(state.Connected{Name: "home", Session: api.Session{Capabilities: full}}))
	if !s.Reading() {
		t.Fatal("the first rows are not being read")
	}
	want[state.CallStopReading](t, s.Update(state.StopReading{}))
	cmds := s.Update(state.PageLoaded{Generation: first.Generation, Err: cancelled})
	if want[state.Focus](t, cmds).ID != "title" || s.Reading() || s.Roster.Error == nil {
		t.Error("after calling it off there is no way on")
	}
	again := want[state.CallPage](t, s.Update(state.Retry{}))
	if !s.Reading() {
		t.Error("it is not read again")
	}
	s.Update(state.PageLoaded{Generation: again.Generation, Rows: rows(0, state.PageSize, 250)})
	if s.Reading() {
		t.Error("it is still read")
	}

	want[state.CallRefresh](t, s.Update(state.Refresh{}))
	if !s.Reading() {
		t.Error("a refresh is no reading")
	}
	s.Update(state.Refreshed{Err: cancelled})
	if s.Reading() || len(s.Toasts) > 0 || s.Roster.Total != 250 {
		t.Errorf("after calling a refresh off: %v, %d rows", s.Toasts, s.Roster.Total)
	}

	// Somebody who went on meanwhile keeps the focus where he writes.
	s.Update(state.Refresh{})
	s.Update(state.Go{Screen: state.ScreenSettings})
	none[state.Focus](t, s.Update(state.Refreshed{Err: cancelled}))
	s = state.New(now)
	s.Update(state.Open{Name: "home"})
	first = want[state.CallPage](t, s.Update(state.Connected{Name: "home", Session: api.Session{Capabilities: full}}))
	s.Update(state.Go{Screen: state.ScreenSettings})
	none[state.Focus](t, s.Update(state.PageLoaded{Generation: first.Generation, Err: &api.Error{Code: api.CodeTimeout}}))
}

// The first call waits until all links are read. Meanwhile the rows that are there are shown.
func TestRowsOfARosterThatIsRead(t *testing.T) {
	t.Parallel()
	begin := func() (s *state.State, first int) {
		s = state.New(now)
		s.Update(state.Open{Name: "home"})
		call := want[state.CallPage](t, s.Update(state.Connected{Name: "home", Session: api.Session{Capabilities: full}}))
		some := want[state.CallPage](t, s.Update(state.RosterChanged{}))
		part := rows(0, state.PageSize, 250)
		part.Rows[0].Unread = true
		s.Update(state.PageLoaded{Generation: some.Generation, Rows: part})
		s.Update(state.Working{Progress: api.Progress{Step: "reading-links", Done: 1, Total: 250}})
		if !s.Roster.Loaded || !s.Reading() || s.Progress == nil || len(s.Toasts) > 0 {
			t.Fatalf("the rows are not shown as those of a reading that goes on: %+v", s.Roster)
		}
		if s.Update(state.Select{Index: 0}); len(s.Roster.Selected) > 0 {
			t.Error("an account is selected whose links are not known")
		}
		s.Update(state.OpenAccount{Index: 0})
		return s, call.Generation
	}

	s, first := begin()
	more := want[state.CallPage](t, s.Update(state.RosterChanged{}))
	none[state.CallPage](t, s.Update(state.RosterChanged{})) // one call at a time
	next := want[state.CallPage](t, s.Update(state.PageLoaded{Generation: more.Generation, Rows: rows(0, state.PageSize, 250)}))
	whole := rows(0, state.PageSize, 250)
	whole.Counts.Changed = 2
	cmds := s.Update(state.PageLoaded{Generation: first, Rows: whole})
	if s.Reading() || s.Progress != nil {
		t.Error("it is still being read")
	}
	none[state.CallPage](t, cmds) // the call that is running may still bring a part
	last := want[state.CallPage](t, s.Update(state.PageLoaded{Generation: next.Generation, Rows: rows(0, state.PageSize, 250)}))
	s.Update(state.PageLoaded{Generation: last.Generation, Rows: whole})
	if s.Roster.Counts.Changed != 2 || s.Drawer.Row == nil || s.Drawer.Row.Unread {
		t.Errorf("the whole roster is not shown: %+v, %+v", s.Roster.Counts, s.Drawer.Row)
	}

	s, first = begin()
	s.Update(state.PageLoaded{Generation: first, Err: &api.Error{Code: api.CodeTimeout}})
	if s.Reading() || s.Roster.Error == nil || s.Roster.Loaded {
		t.Errorf("after a failure: %+v", s.Roster)
	}
	want[state.CallPage](t, s.Update(state.Retry{}))
	if !s.Reading() {
		t.Error("it is not read again")
	}
}

func TestRowsAtHand(t *testing.T) {
	t.Parallel()
	for _, system := range []string{"linux", "windows", "darwin"} {
		s := state.New(now)
		s.Update(state.Booted{Boot: api.Bootstrap{OS: system}})
		first := want[state.CallPage](t, s.Update(state.Connected{Session: api.Session{Capabilities: full}}))
		if first.AtHand {
			t.Errorf("%s: the page waits for the first rows, which the server must send", system)
		}
		s.Update(state.PageLoaded{Generation: first.Generation, Rows: rows(0, state.PageSize, 250)})
		cmds := s.Update(state.Edit{Field: state.FieldSearch, Value: "a"})
		none[state.ScrollTo](t, cmds)
		if next := want[state.CallPage](t, cmds); next.AtHand != (system == "linux") {
			t.Errorf("%s: at hand %v", system, next.AtHand)
		}
		s.Update(state.Scrolled{Top: 70, Height: 35})
		if to := want[state.ScrollTo](t, s.Update(state.Edit{Field: state.FieldSearch, Value: "ab"})); to.Top != 0 {
			t.Errorf("%s: scrolls to %v", system, to.Top)
		}
	}
}

func TestScrollingFetchesPages(t *testing.T) {
	t.Parallel()
	s := opened(t)
	cmds := s.Update(state.Scrolled{Top: 220 * state.RowHeight, Height: 35})
	page := want[state.CallPage](t, cmds)
	if page.Page != 216/state.PageSize || page.Query.Offset != 216 || page.Query.Limit != state.PageSize {
		t.Errorf("asks for %+v", page)
	}
	none[state.CallPage](t, s.Update(state.Scrolled{Top: 221 * state.RowHeight, Height: 35}))
	s.Update(state.PageLoaded{Generation: page.Generation, Page: page.Page, Rows: rows(page.Query.Offset, state.PageSize, 250)})
	if _, ok := s.Roster.Row(215 + state.PageSize); !ok {
		t.Error("the last row of the page is not there")
	}
	from, to := s.Roster.Window()
	if from > 221 || to < 231 || to-from > 30 {
		t.Errorf("draws %d to %d", from, to)
	}
}

func TestKeyboardMovesIntoView(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.Resized{Height: 35})
	cmds := s.Update(state.Activate{To: 50})
	if f := want[state.Focus](t, cmds); f.ID != state.RowID(50) {
		t.Errorf("focus on %q", f.ID)
	}
	if to := want[state.ScrollTo](t, cmds); to.Top != 51*state.RowHeight-35 {
		t.Errorf("scrolls to %v", to.Top)
	}
	s.Update(state.Activate{By: 1000})
	if s.Roster.Active != 249 {
		t.Errorf("active %d", s.Roster.Active)
	}
}

func TestSelectionWithShift(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.Select{Index: 5})
	s.Update(state.Select{Index: 2, Range: true})
	s.Update(state.Select{Index: 4})
	links, accounts := s.Roster.SelectedLinks()
	if len(links) != 3 || len(accounts) != 3 {
		t.Fatalf("%d links, %d accounts", len(links), len(accounts))
	}
	s.Update(state.AskRemoveSelected{})
	call := want[state.CallRemove](t, s.Update(state.DialogYes{}))
	if !slices.Equal(call.Links, links) {
		t.Errorf("removes %v", call.Links)
	}
	none[state.CallRemove](t, s.Update(state.DialogYes{})) // a second click while it runs
	none[state.CallRemove](t, s.Update(state.Escape{}))
	s.Update(state.CloseDialog{})
	if s.Dialog.Kind != state.DialogRemove {
		t.Error("a dialog was closed whose work is under way")
	}
	id := []api.Identity{{Protocol: api.OIDC, Provider: "idp", Name: "x"}}
	s.Update(state.Removed{Changes: []api.Change{
		{ID: "1", Kind: api.ChangeUnlink, State: api.ChangeConfirmed, UserName: "x", Identities: id, Undoable: true},
		{ID: "2", Kind: api.ChangeUnlink, State: api.ChangeFailed, UserName: "x", Identities: id},
	}})
	if s.Dialog.Kind != state.DialogNone || len(s.Roster.Selected) != 0 {
		t.Error("dialog or selection stays")
	}
	if u := s.Toasts[len(s.Toasts)-1].Undo; !slices.Equal(u, []string{"1"}) {
		t.Errorf("offers to undo %v", u)
	}
}

// A selection over rows that were never looked at fetches them first, in parts, and takes all or none.
func TestSelectionFetchesItsRows(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.Select{Index: 0})
	last := s.Update(state.Scrolled{Top: 249 * state.RowHeight, Height: 40})
	page := want[state.CallPage](t, last)
	s.Update(state.PageLoaded{Generation: page.Generation, Page: page.Page, Rows: rows(page.Query.Offset, state.PageSize, 250)})
	s.Update(state.Select{Index: 3})
	s.Update(state.Select{Index: 3}) // off again, and where the range begins
	call := want[state.CallPage](t, s.Update(state.Select{Index: 240, Range: true}))
	if call.Query.Offset != 3 || call.Query.Limit != 238 || len(s.Roster.Selected) != 1 {
		t.Fatalf("asks for %+v with %d selected", call.Query, len(s.Roster.Selected))
	}
	answer := func(c state.CallPage, most int) []state.Cmd {
		return s.Update(state.PageLoaded{
			Generation: c.Generation, Page: c.Page, Rows: rows(c.Query.Offset, min(c.Query.Limit, most), 250),
		})
	}
	second := want[state.CallPage](t, answer(call, 200)) // the backend may give fewer at once
	if second.Query.Offset != 203 || second.Query.Limit != 38 || len(s.Roster.Selected) != 1 {
		t.Fatalf("goes on with %+v and %d selected", second.Query, len(s.Roster.Selected))
	}
	none[state.CallPage](t, answer(call, 200)) // the same answer again
	none[state.CallPage](t, answer(second, 200))
	links, accounts := s.Roster.SelectedLinks()
	if n := s.Roster.SelectedCount(); len(links) != 239 || len(accounts) != 239 || n != 239 {
		t.Errorf("%d links of %d accounts, counted %d", len(links), len(accounts), n)
	}
	all := want[state.CallPage](t, s.Update(state.SelectAll{}))
	answer(all, 500)
	s.Update(state.AskRemoveSelected{})
	if remove := want[state.CallRemove](t, s.Update(state.DialogYes{})); len(remove.Links) != 250 {
		t.Errorf("removes %d links", len(remove.Links))
	}
	s.Update(state.Removed{})

	late := want[state.CallPage](t, s.Update(state.SelectAll{}))
	s.Update(state.SelectNone{})
	answer(late, 500)
	late = want[state.CallPage](t, s.Update(state.SelectAll{}))
	s.Update(state.PageLoaded{Generation: late.Generation, Page: late.Page, Rows: api.RosterPage{Taken: now, Rows: rows(0, 9, 9).Rows}})
	answer(late, 500)
	late = want[state.CallPage](t, s.Update(state.SelectAll{}))
	s.Update(state.Filter{Filter: api.FilterLinked})
	answer(late, 500)
	if n := len(s.Roster.Selected); n != 0 {
		t.Errorf("%d are selected of what was given up or has changed", n)
	}
}

func TestChangesSinceTheLastRunAreTold(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	call := want[state.CallPage](t, s.Update(state.Connected{Session: api.Session{Capabilities: full}}))
	page := rows(0, 3, 3)
	page.Counts.Changed = 2
	s.Update(state.PageLoaded{Generation: call.Generation, Rows: page})
	if !toasted(s, state.ToastChanged) {
		t.Fatalf("told %+v", s.Toasts)
	}
	s.Toasts = nil
	call = want[state.CallPage](t, s.Update(state.Filter{Filter: api.FilterChanged, Only: true}))
	s.Update(state.PageLoaded{Generation: call.Generation, Rows: page})
	if !slices.Equal(call.Query.Filters, []api.RosterFilter{api.FilterChanged}) || toasted(s, state.ToastChanged) {
		t.Errorf("told again: %+v", s.Toasts)
	}
}

// TestFiltersCombine, but for those that no account passes together.
func TestFiltersCombine(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for _, c := range []struct {
		choose state.Filter
		want   []api.RosterFilter
	}{
		{state.Filter{Filter: api.FilterLinked}, []api.RosterFilter{api.FilterLinked}},
		{state.Filter{Filter: api.FilterDisabled}, []api.RosterFilter{api.FilterLinked, api.FilterDisabled}},
		{state.Filter{Filter: api.FilterUnlinked}, []api.RosterFilter{api.FilterDisabled, api.FilterUnlinked}},
		{state.Filter{Filter: api.FilterDisabled}, []api.RosterFilter{api.FilterUnlinked}},
		{state.Filter{Filter: api.FilterAtRisk, Only: true}, []api.RosterFilter{api.FilterAtRisk}},
		{state.Filter{Filter: api.FilterOrphan}, []api.RosterFilter{api.FilterOrphan}},
		{state.Filter{Filter: api.FilterAll}, nil},
	} {
		if s.Update(c.choose); !slices.Equal(s.Roster.Query.Filters, c.want) {
			t.Errorf("after %v: %v", c.choose, s.Roster.Query.Filters)
		}
	}
	s.Update(state.FilterProvider{Protocol: api.OIDC, Name: "idp", Without: true})
	if q := s.Roster.Query; q.Provider != "idp" || !q.Without || !s.Roster.Narrowed() {
		t.Errorf("asks for %+v", q)
	}
	if s.Update(state.ClearSearch{}); s.Roster.Narrowed() {
		t.Error("the filters stay")
	}
}
