package state_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var now = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)

// full is what an administrator's token can do.
var full = api.Capabilities{
	Flavour:     api.Flavour9p4,
	Credential:  api.CredentialAdmin,
	ReadRoster:  api.Ability{OK: true},
	PostLink:    api.Ability{OK: true},
	DeleteLink:  api.Ability{OK: true},
	WriteConfig: api.Ability{OK: true},
	Unregister:  api.Ability{OK: true},
}

func opened(t *testing.T) *state.State {
	t.Helper()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.KeyringChecked{Keyring: api.Keyring{OK: true}})
	cmds := s.Update(state.Connected{Session: api.Session{Profile: api.Profile{Name: "home"}, Capabilities: full}})
	page := want[state.CallPage](t, cmds)
	s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows(0, state.PageSize, 250)})
	s.Update(
		state.ProvidersLoaded{
			List: []api.ProviderDetail{
				{Provider: api.Provider{Protocol: api.OIDC, Name: "idp", Known: true, Enabled: true}},
			},
		},
	)
	return s
}

func rows(offset, n, total int) api.RosterPage {
	p := api.RosterPage{Offset: offset, Total: total, Counts: api.RosterCounts{All: total}}
	for i := range n {
		id := string(rune('A'+(offset+i)/26%26)) + string(rune('a'+(offset+i)%26))
		p.Rows = append(p.Rows, api.RosterRow{Account: api.Account{
			User: api.User{ID: id, Name: "user " + id}, Exists: true,
			Identities: []api.Identity{{Protocol: api.OIDC, Provider: "idp", Name: id}},
		}})
	}
	return p
}

// want returns the one command of a type.
func want[T any](t *testing.T, cmds []state.Cmd) T {
	t.Helper()
	var found []T
	for _, c := range cmds {
		if c, ok := c.(T); ok {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d commands of type %T among %#v", len(found), *new(T), cmds)
	}
	return found[0]
}

func none[T any](t *testing.T, cmds []state.Cmd) {
	t.Helper()
	for _, c := range cmds {
		if c, ok := c.(T); ok {
			t.Fatalf("unwanted command %#v", c)
		}
	}
}

func TestStartOpensTheDefaultServer(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	cmds := s.Update(state.Booted{Boot: api.Bootstrap{Profiles: []api.Profile{{Name: "a"}, {Name: "b", Default: true}}}})
	if c := want[state.CallOpenProfile](t, cmds); c.Name != "b" || s.Screen != state.ScreenOpening {
		t.Errorf("opens %q on %q", c.Name, s.Screen)
	}
	cmds = s.Update(state.Connected{Name: "b", Err: &api.Error{Code: api.CodeSecretLocked}})
	if want[state.Focus](t, cmds).ID != "title" || s.Opening.Error == nil || s.Screen != state.ScreenOpening {
		t.Error("a failed opening is not shown")
	}
	// An answer for a server that the person has left is dropped.
	s.Update(state.Leave{})
	s.Update(state.Connected{Name: "b"})
	if s.Session != nil || s.Screen != state.ScreenWelcome {
		t.Error("a late answer opened a session")
	}
}

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

// What takes long is called off by whoever waits for it, and nothing is told that he knows.
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

// TestViewportComesFirst draws the viewport's rows of a search at once, and those around them when nobody types.
func TestViewportComesFirst(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.Resized{Height: 35})
	drawn := func(what string, want int) {
		t.Helper()
		if from, to := s.Roster.Window(); from != 0 || to != want {
			t.Errorf("%s: draws %d to %d", what, from, to)
		}
	}
	drawn("before", 14)
	search := func(words string) state.After {
		page := want[state.CallPage](t, s.Update(state.Edit{Field: state.FieldSearch, Value: words}))
		return want[state.After](t, s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows(0, state.PageSize, 250)}))
	}
	first := search("m")
	drawn("a letter", 11)
	second := search("ma")
	s.Update(first.Msg)
	drawn("the next letter", 11)
	s.Update(second.Msg)
	drawn("at rest", 14)
	search("mar")
	s.Update(state.Scrolled{Height: 35})
	drawn("scrolled", 14)
}

// TestLettersTakenBack shows the rows of what was typed before without asking for them again, until the accounts change.
func TestLettersTakenBack(t *testing.T) {
	t.Parallel()
	s := opened(t)
	edit := func(words string) []state.Cmd { return s.Update(state.Edit{Field: state.FieldSearch, Value: words}) }
	asks := func(words string, total int) {
		t.Helper()
		page := want[state.CallPage](t, edit(words))
		s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows(0, min(state.PageSize, total), total)})
	}
	knows := func(words string, total int) {
		t.Helper()
		none[state.CallPage](t, edit(words))
		if s.Roster.Stale() || s.Roster.Total != total {
			t.Errorf("%q: %d rows", words, s.Roster.Total)
		}
		if _, ok := s.Roster.Row(total); ok {
			t.Errorf("%q: shows rows of another search", words)
		}
	}
	asks("m", 40)
	asks("ma", 20)
	asks("mar", 3)
	knows("ma", 20)
	asks("mar", 3) // a longer search is not kept
	late := want[state.CallPage](t, edit("mart"))
	knows("mar", 3)
	s.Update(state.PageLoaded{Generation: late.Generation, Rows: rows(0, 1, 1)})
	if s.Roster.Total != 3 {
		t.Errorf("an answer that came late shows %d rows", s.Roster.Total)
	}
	knows("m", 40)
	asks("e", 7)
	asks("m", 41) // nor one that is no beginning
	knows("", 250)

	asks("m", 41)
	page := want[state.CallPage](t, s.Update(state.Sort{By: api.SortActivity}))
	s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows(0, state.PageSize, 41)})
	asks("", 250) // nor those in another order

	asks("m", 41)
	page = want[state.CallPage](t, s.Update(state.RosterChanged{}))
	s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows(0, state.PageSize, 42)})
	asks("", 251)
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

// What could not be removed stays in the question, with the reason.
func TestRemovedHalf(t *testing.T) {
	t.Parallel()
	s := opened(t)
	first := api.Link{UserID: "u1", Identity: api.Identity{Protocol: api.OIDC, Provider: "p", Name: "a"}}
	second := api.Link{UserID: "u2", Identity: api.Identity{Protocol: api.OIDC, Provider: "p", Name: "b"}}
	s.Update(state.AskRemove{Links: []api.Link{first, second}, Accounts: map[string]api.Account{"u1": {Exists: true}, "u2": {Exists: true}}})
	s.Update(state.DialogYes{})
	s.Update(state.Removed{
		Changes: []api.Change{{ID: "1", State: api.ChangeConfirmed, UserID: "u1", Identities: []api.Identity{first.Identity}}},
		Err:     &api.Error{Code: api.CodeUnsupported, Sentence: "No."},
	})
	if s.Dialog.Error == nil || !slices.Equal(s.Dialog.Links, []api.Link{second}) || !toasted(s, "toast.removed") {
		t.Errorf("it shows %+v and %+v", s.Dialog, s.Toasts)
	}
}

func TestMoveHere(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.StartLinking{Account: api.User{ID: "u1", Name: "n"}})
	s.Update(state.PickProvider{Protocol: api.OIDC, Name: "p"})
	none[state.CallStartLink](t, s.Update(state.MoveHere{}))
	s.Link.Step, s.Link.Error = state.LinkFailed, &api.Error{Code: api.CodeLinkOwned}
	s.Link.Plan = &api.Plan{Option: api.Option{OK: true}, Provider: api.Provider{Protocol: api.OIDC, Name: "p"}}
	if call := want[state.CallStartLink](t, s.Update(state.MoveHere{})); !call.Request.Move || call.Request.UserID != "u1" {
		t.Errorf("starts %+v", call.Request)
	}
	if s.Link.Error != nil || s.Link.Step != state.LinkSignIn {
		t.Errorf("stays at %+v", s.Link)
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	s := opened(t)
	user := api.User{ID: "Aa", Name: "user Aa"}
	plan := want[state.CallPlanLink](t, s.Update(state.StartLinking{Account: user}))
	if plan.Request.Provider != "idp" { // the only one is chosen at once
		t.Errorf("plans %+v", plan.Request)
	}
	none[state.CallStartLink](t, s.Update(state.RunLink{})) // not planned yet
	s.Update(state.Planned{Number: plan.Number, Plan: api.Plan{Option: api.Option{OK: true, Strategy: api.StrategyRelay}}})
	start := want[state.CallStartLink](t, s.Update(state.RunLink{}))
	// The first event overtakes the answer with the id.
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "sign-in", SignIn: &api.SignIn{Host: "idp.example"}}})
	s.Update(state.FlowStarted{Number: start.Number, ID: "f"})
	if s.Link.SignIn == nil || !s.Waiting() {
		t.Fatal("the early event is lost")
	}
	noBrowser := api.FlowEvent{ID: "f", Step: "progress", Progress: &api.Progress{Step: "browser-failed", Text: "why"}}
	if s.Update(state.FlowMoved{Event: noBrowser}); !s.Link.NoBrowser || s.Link.Progress != nil {
		t.Errorf("a browser that did not open: %+v", s.Link)
	}
	want[state.CallOpenSignIn](t, s.Update(state.OpenBrowser{ID: "f"}))
	if s.Link.NoBrowser {
		t.Error("still says that no browser opened")
	}
	s.Update(state.CloseDrawer{})
	if !s.Link.Running() {
		t.Fatal("closing the drawer ended the link")
	}
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "other", Step: "failed"}})
	s.Update(state.ReturnToLink{})
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "confirm", Confirmation: &api.Confirmation{}}})
	if s.Link.Step != state.LinkConfirm || !s.Drawer.Linking {
		t.Fatalf("step %q", s.Link.Step)
	}
	if c := want[state.CallConfirm](t, s.Update(state.Answer{Yes: true})); c.ID != "f" || !c.Yes {
		t.Errorf("confirms %+v", c)
	}
	none[state.CallConfirm](t, s.Update(state.Answer{Yes: true})) // a second click
	cmds := s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "done", Change: &api.Change{ID: "c"}}})
	if s.Link.Step != state.LinkDone || s.Link.Running() {
		t.Errorf("step %q", s.Link.Step)
	}
	want[state.CallPage](t, cmds)
}

func TestLinkRefusedByThePerson(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Link = state.Link{Step: state.LinkConfirm, FlowID: "f", Account: api.User{ID: "Aa"}, Confirm: &api.Confirmation{}}
	if c := want[state.CallConfirm](t, s.Update(state.Answer{})); c.Yes {
		t.Error("confirmed")
	}
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "failed", Error: &api.Error{Code: api.CodeInternal}}})
	if s.Link.Error == nil || s.Link.Error.Code != api.CodeCancelled {
		t.Errorf("error %+v", s.Link.Error)
	}
}

func TestCancelBeforeTheIDCame(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Link = state.Link{Step: state.LinkSignIn, Starting: true, Account: api.User{ID: "Aa"}}
	none[state.CallCancelFlow](t, s.Update(state.CancelLink{}))
	if c := want[state.CallCancelFlow](t, s.Update(state.FlowStarted{ID: "late"})); c.ID != "late" {
		t.Errorf("cancels %q", c.ID)
	}
}

func TestSecretsLeaveTheForm(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.Try{Address: "jf.example"})
	s.Update(
		state.Probed{
			Address: "jf.example",
			Probe:   api.Probe{Plugin: true, Server: api.Server{Name: "Home", WizardCompleted: true}},
		},
	)
	s.Update(state.Edit{Field: state.FieldKey, Value: "  ab cd\n"})
	call := want[state.CallConnectKey](t, s.Update(state.SignIn{}))
	if call.Key != "abcd" || call.Name != "Home" {
		t.Errorf("connects with %+v", call)
	}
	if s.Form[state.FieldKey] != "" {
		t.Error("the key stays in the form")
	}
	none[state.CallConnectKey](t, s.Update(state.SignIn{})) // busy
	s.Update(state.Connected{Err: &api.Error{Code: api.CodeCredentialRefused}})
	s.Update(state.PickMethod{Method: state.MethodPassword})
	s.Update(state.Edit{Field: state.FieldUser, Value: " ada "})
	s.Update(state.Edit{Field: state.FieldPassword, Value: " blanks count "})
	password := want[state.CallConnectPassword](t, s.Update(state.SignIn{}))
	if password.User != "ada" || password.Password != " blanks count " || s.Form[state.FieldPassword] != "" {
		t.Errorf("connects with %+v", password)
	}
}

func TestQuickConnect(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.Try{Address: "a"})
	s.Update(state.Probed{Address: "a", Probe: api.Probe{Plugin: true, QuickConnect: true}})
	s.Update(state.PickMethod{Method: state.MethodQuick})
	want[state.CallQuickConnect](t, s.Update(state.SignIn{}))
	s.Update(state.QuickStarted{Address: "a", Quick: api.QuickConnect{ID: "q", Code: "1"}})
	s.Update(
		state.FlowMoved{
			Event: api.FlowEvent{
				ID:      "q",
				Step:    "connected",
				Session: &api.Session{Profile: api.Profile{Name: "n"}, Capabilities: full},
			},
		},
	)
	if s.Session == nil || s.Screen != state.ScreenRoster || len(s.Boot.Profiles) != 1 {
		t.Errorf("screen %q", s.Screen)
	}
}

func TestAddressProblemsStayWhereTheyAreTyped(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	none[state.CallProbe](t, s.Update(state.Try{}))
	if s.Welcome.Error == nil {
		t.Error("an empty address is not answered")
	}
	s.Update(state.Try{Address: " x "})
	s.Update(state.Probed{Address: "x", Err: &api.Error{Code: api.CodeAddressInvalid}})
	if s.Screen != state.ScreenWelcome || s.Welcome.Error == nil {
		t.Errorf("screen %q", s.Screen)
	}
	s.Update(state.Try{Address: "y"})
	s.Update(state.Probed{Address: "x"}) // an address before
	if s.Screen != state.ScreenWelcome {
		t.Error("a late answer was taken")
	}
	s.Update(state.Probed{Address: "y", Err: &api.Error{Code: api.CodeServerAnswer}})
	if s.Screen != state.ScreenConnect || s.Connect.Error == nil {
		t.Errorf("screen %q", s.Screen)
	}
}

func TestEscapeClosesOneThingAtATime(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.Select{Index: 1})
	s.Update(state.OpenAccount{Index: 3})
	s.Update(state.ShowDialog{Kind: state.DialogShortcuts})
	s.Update(state.Escape{})
	if s.Dialog.Kind != state.DialogNone || s.Drawer.UserID == "" {
		t.Fatal("first")
	}
	if f := want[state.Focus](t, s.Update(state.Escape{})); f.ID != state.RowID(3) || s.Drawer.UserID != "" {
		t.Fatalf("second: focus on %q", f.ID)
	}
	if len(s.Roster.Selected) != 1 {
		t.Fatal("too much")
	}
	s.Update(state.Escape{})
	if len(s.Roster.Selected) != 0 {
		t.Fatal("third")
	}
}

func TestGlobalKeys(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for _, c := range []struct {
		key            string
		ctrl, editable bool
		want           state.Msg
	}{
		{"/", false, false, state.FocusSearch{}},
		{"/", false, true, nil},
		{"?", false, false, state.ShowDialog{Kind: state.DialogShortcuts}},
		{"k", true, true, state.ShowDialog{Kind: state.DialogPalette}},
		{"k", false, false, nil},
		{"Escape", false, true, state.Escape{}},
		{"c", true, false, nil},
	} {
		if got, ok := s.GlobalKey(c.key, c.ctrl, false, c.editable); got != c.want || ok != (c.want != nil) {
			t.Errorf("%+v: %#v", c, got)
		}
	}
}

// Keys and commands work where no server is open, and leave out what needs one.
func TestKeysWithoutASession(t *testing.T) {
	t.Parallel()
	starting := state.New(now)
	if msg, ok := starting.GlobalKey("k", true, false, false); ok {
		t.Errorf("while it starts: %#v", msg)
	}
	boot := state.Booted{Boot: api.Bootstrap{Profiles: []api.Profile{{Name: "home"}}}}
	welcome, opening := state.New(now), state.New(now)
	welcome.Update(boot)
	opening.Update(boot)
	opening.Update(state.Open{Name: "home"})
	opening.Update(state.Connected{Name: "home", Err: &api.Error{Code: api.CodeSecretLocked}})
	failed := state.New(now)
	failed.Update(state.Booted{Err: &api.Error{Code: api.CodeProfileNewer}})
	usual := []string{"nav.settings", "command.open", "command.add", "command.light", "command.dark", "command.shortcuts", "command.quit"}
	for name, c := range map[string]struct {
		s    *state.State
		keys []string
	}{
		"welcome": {welcome, usual}, "connect": {connecting(t, ready), slices.Delete(slices.Clone(usual), 1, 2)},
		"opening": {opening, usual}, "failed": {failed, []string{"again", "command.shortcuts", "command.quit"}},
	} {
		if msg, _ := c.s.GlobalKey("k", true, false, true); msg != (state.ShowDialog{Kind: state.DialogPalette}) {
			t.Errorf("%s: Ctrl-K gives %#v", name, msg)
		}
		if msg, _ := c.s.GlobalKey("?", false, false, false); msg != (state.ShowDialog{Kind: state.DialogShortcuts}) {
			t.Errorf("%s: ? gives %#v", name, msg)
		}
		if msg, ok := c.s.GlobalKey("/", false, false, false); ok {
			t.Errorf("%s: / gives %#v", name, msg)
		}
		var keys []string
		for _, line := range c.s.Commands() {
			keys = append(keys, line.Key)
		}
		if !slices.Equal(keys, c.keys) {
			t.Errorf("%s offers %q, want %q", name, keys, c.keys)
		}
	}
	// Who goes to the settings on the way to a server has left it.
	want[state.CallStopReading](t, opening.Update(state.Go{Screen: state.ScreenSettings}))
	opening.Update(state.Connected{Name: "home"})
	if opening.Session != nil || opening.Screen != state.ScreenSettings {
		t.Errorf("a late answer shows %q", opening.Screen)
	}
}

func TestPaletteRuns(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.ShowDialog{Kind: state.DialogPalette})
	s.Update(state.Edit{Field: state.FieldCommand, Value: "SETT"})
	if n := len(s.Commands()); n != 1 {
		t.Fatalf("%d commands", n)
	}
	s.Update(state.PaletteMove{By: -3})
	s.Update(state.PaletteRun{Index: -1})
	if s.Screen != state.ScreenSettings || s.Dialog.Kind != state.DialogNone {
		t.Errorf("screen %q", s.Screen)
	}
}

func TestPlainUserSeesHisOwn(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	cmds := s.Update(state.Connected{Session: api.Session{
		Profile: api.Profile{Name: "n"},
		User:    &api.User{ID: "me"},
		Capabilities: api.Capabilities{
			Credential:  api.CredentialUser,
			PostLinkOwn: api.Ability{OK: true},
			PostLink:    api.Ability{Reason: "no"},
		},
	}})
	none[state.CallPage](t, cmds)
	if c := want[state.CallAccount](t, cmds); c.UserID != "me" || s.Screen != state.ScreenOwn {
		t.Errorf("loads %q on %q", c.UserID, s.Screen)
	}
	if !s.CanLink("me").OK || s.CanLink("other").OK {
		t.Error("abilities")
	}
}

func TestSingleKeysAreSwitchedOff(t *testing.T) {
	t.Parallel()
	s := opened(t)
	if c := want[state.CallSaveSettings](t, s.Update(state.SetSingleKeys{})); !c.Settings.NoSingleKeys || s.SingleKeys() {
		t.Errorf("stored %+v", c.Settings)
	}
	for _, key := range []string{"/", "?"} {
		if msg, ok := s.GlobalKey(key, false, false, false); ok {
			t.Errorf("%s: %#v", key, msg)
		}
	}
	for key, ctrl := range map[string]bool{"k": true, "Escape": false} {
		if _, ok := s.GlobalKey(key, ctrl, false, false); !ok {
			t.Errorf("%s does nothing any more", key)
		}
	}
	s.Update(state.Go{Screen: state.ScreenSettings})
	if c := want[state.CallSaveSettings](t, s.Update(state.SaveSettings{})); !c.Settings.NoSingleKeys {
		t.Error("saving the ports switches them on")
	}
	want[state.CallSaveSettings](t, s.Update(state.SetSingleKeys{On: true}))
	if msg, _ := s.GlobalKey("/", false, false, false); msg != (state.FocusSearch{}) {
		t.Errorf("switched on again: %#v", msg)
	}
}

func TestUnregisterBeginsAtTheHarmlessButton(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.AskUnregister{UserID: "Aa"})
	if f := want[state.Focus](t, s.Update(state.UnregisterPlanned{UserID: "Aa"})); f.ID != "dialog-cancel" {
		t.Errorf("focus on %q", f.ID)
	}
}

// edited is a session with the settings of its one provider open.
func edited(t *testing.T) *state.State {
	t.Helper()
	s := opened(t)
	s.Update(state.ProvidersLoaded{List: secretive(true)})
	s.Update(state.EditProvider{ID: "oidc/idp"})
	return s
}

func secretive(has bool) []api.ProviderDetail {
	return []api.ProviderDetail{{
		Provider: api.Provider{Protocol: api.OIDC, Name: "idp", Known: true, Enabled: true},
		Settings: api.ProviderSettings{Protocol: api.OIDC, Provider: "idp", HasSecret: has},
	}}
}

func TestStoredSecretIsDeletedOnceAsked(t *testing.T) {
	t.Parallel()
	s := edited(t)
	none[state.CallDeleteSecret](t, s.Update(state.AskDeleteSecret{}))
	if s.Dialog.Kind != state.DialogSecret {
		t.Fatalf("dialog %q", s.Dialog.Kind)
	}
	if c := want[state.CallDeleteSecret](t, s.Update(state.DialogYes{})); c.Protocol != api.OIDC || c.Name != "idp" {
		t.Errorf("deletes %+v", c)
	}
	none[state.CallDeleteSecret](t, s.Update(state.DialogYes{})) // a second click
	s.Update(state.SecretDeleted{Err: &api.Error{Code: api.CodeSecretLocked}})
	if s.Dialog.Error == nil || s.Dialog.Busy {
		t.Fatal("the failure is not told")
	}
	want[state.CallDeleteSecret](t, s.Update(state.DialogYes{}))
	cmds := s.Update(state.SecretDeleted{})
	want[state.CallProviders](t, cmds)
	if want[state.Focus](t, cmds).ID != "secret" || s.Dialog.Kind != state.DialogNone || !toasted(s, "toast.secretDeleted") {
		t.Errorf("afterwards %+v, told %+v", s.Dialog, s.Toasts)
	}
}

// TestReloadKeepsWhatIsBeingEdited: providers are read anew after every change of a link, too.
func TestReloadKeepsWhatIsBeingEdited(t *testing.T) {
	t.Parallel()
	s := edited(t)
	s.Update(state.PickHost{Host: "localhost"})
	s.Update(state.AllowSHA1{On: true})
	s.Update(state.ProvidersLoaded{List: secretive(false)})
	set := want[state.CallSaveProvider](t, s.Update(state.SaveProvider{})).Settings
	if set.ListenHost != "localhost" || !set.AllowSHA1 || set.HasSecret {
		t.Errorf("saves %+v", set)
	}
	s.Update(state.EditProvider{ID: "oidc/idp"})
	if s.Providers.Edit == "" {
		t.Error("closed while they are saved")
	}
	s.Update(state.ProviderSaved{Err: &api.Error{Code: api.CodeProfileBusy}})
	// What is not saved is gone once the settings are closed.
	s.Update(state.Edit{Field: state.FieldSecret, Value: "s3cret"})
	s.Update(state.EditProvider{ID: "oidc/idp"})
	if s.Form[state.FieldSecret] != "" {
		t.Error("the secret stays in the form")
	}
	s.Update(state.EditProvider{ID: "oidc/idp"})
	if d := s.Providers.Draft; d.ListenHost != "" || d.AllowSHA1 {
		t.Errorf("cancelled, and still %+v", d)
	}
	// A provider that is gone closes its settings.
	s = edited(t)
	s.Update(state.ProvidersLoaded{})
	none[state.CallSaveProvider](t, s.Update(state.SaveProvider{}))
}

func toasted(s *state.State, key string) bool {
	return slices.ContainsFunc(s.Toasts, func(t state.Toast) bool { return t.Key == key })
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
	call = want[state.CallPage](t, s.Update(state.Filter{Filter: api.FilterChanged}))
	s.Update(state.PageLoaded{Generation: call.Generation, Rows: page})
	if call.Query.Filter != api.FilterChanged || toasted(s, state.ToastChanged) {
		t.Errorf("told again: %+v", s.Toasts)
	}
}

func TestPortsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typed string
		want  []int
		bad   bool
	}{
		{"", nil, false},
		{" 8080 ,8443;9000", []int{8080, 8443, 9000}, false},
		{"80", nil, true},
		{"x", nil, true},
		{"70000", nil, true},
		{"99999999999999999999999", nil, true},
		{"-8080", nil, true},
		{"８０８０", nil, true},
	} {
		s := opened(t)
		s.Update(state.Edit{Field: state.FieldPorts, Value: c.typed})
		cmds := s.Update(state.SaveSettings{})
		if c.bad {
			none[state.CallSaveSettings](t, cmds)
			continue
		}
		if got := want[state.CallSaveSettings](t, cmds).Settings.Ports; !slices.Equal(got, c.want) {
			t.Errorf("%q: %v", c.typed, got)
		}
	}
}

func TestForgetTheOpenServer(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.AskForget{Name: "home"})
	want[state.CallForget](t, s.Update(state.DialogYes{}))
	s.Update(state.ProfilesChanged{Old: "home"})
	if s.Session != nil || s.Screen != state.ScreenWelcome || len(s.Boot.Profiles) != 0 {
		t.Errorf("screen %q", s.Screen)
	}
}

// TestDetourIsAskedAtOnce where nothing else removes a link, and never for an account that was deleted.
func TestDetourIsAskedAtOnce(t *testing.T) {
	t.Parallel()
	s := opened(t)
	yes := api.Ability{OK: true}
	singly := api.Capabilities{DeleteLink: yes, Preprovision: yes, Unregister: yes, UnregisterDrops: true}
	never, config := singly, singly
	never.DeleteLink, config.WriteConfig = api.Ability{Reason: "No single links."}, yes
	link := func(user, name string) api.Link {
		return api.Link{UserID: user, Identity: api.Identity{Protocol: api.OIDC, Provider: "p", Name: name}}
	}
	plain, slash, gone, goneSlash, own := link("u", "a"), link("u", "a/b"), link("deleted", "a"), link("deleted", "a/b"), link("me", "a/b")
	s.Session.User = &api.User{ID: "me"}
	for _, c := range []struct {
		can   api.Capabilities
		links []api.Link
		want  bool
	}{
		{never, []api.Link{plain}, true},
		{never, []api.Link{plain, gone}, false},
		{never, []api.Link{gone}, false},
		{singly, []api.Link{plain}, false},
		{singly, []api.Link{slash}, true},
		{singly, []api.Link{plain, gone, slash}, true},
		{singly, []api.Link{slash, goneSlash}, false},
		{singly, []api.Link{own}, false},
		{config, []api.Link{slash}, false},
	} {
		s.Session.Capabilities = c.can
		s.Update(state.AskRemove{Links: c.links, Accounts: map[string]api.Account{"u": {Exists: true}, "me": {Exists: true}}})
		call := want[state.CallRemove](t, s.Update(state.DialogYes{}))
		if s.Dialog.Detour != c.want || call.Detour != c.want {
			t.Errorf("%v, config %t: %t, calls %t", c.links, c.can.WriteConfig.OK, s.Dialog.Detour, call.Detour)
		}
		s.Update(state.Removed{})
	}
	s.Session.Capabilities = never
	if can := s.CanRemove(api.Account{User: api.User{ID: "deleted"}}); can.OK || can.Reason == "" {
		t.Errorf("a deleted account's links: %+v", can)
	}
}

func TestShutOut(t *testing.T) {
	t.Parallel()
	a, b := api.Identity{Provider: "p", Name: "a"}, api.Identity{Provider: "p", Name: "b"}
	account := func(provider string, exists bool) api.Account {
		return api.Account{User: api.User{AuthProvider: provider}, Exists: exists, Identities: []api.Identity{a, b}}
	}
	for _, c := range []struct {
		name    string
		account api.Account
		removed []api.Identity
		want    int
	}{
		{"both links", account(api.AuthProviderPlugin, true), []api.Identity{b, a}, 1},
		{"one of two", account(api.AuthProviderPlugin, true), []api.Identity{a}, 0},
		{"with a password", account(api.AuthProviderDefault, true), []api.Identity{a, b}, 0},
		{"an orphan", account(api.AuthProviderPlugin, false), []api.Identity{a, b}, 0},
	} {
		d := state.Dialog{Accounts: map[string]api.Account{"u": c.account}}
		for _, i := range c.removed {
			d.Links = append(d.Links, api.Link{Identity: i, UserID: "u"})
		}
		if got := d.ShutOut(); len(got) != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// connecting is a window that has asked for an address.
func connecting(t *testing.T, p api.Probe) *state.State {
	t.Helper()
	s := state.New(now)
	s.Update(state.Booted{})
	want[state.CallProbe](t, s.Update(state.Try{Address: "jf"}))
	s.Update(state.Probed{Address: "jf", Probe: p})
	return s
}

var ready = api.Probe{Plugin: true, Server: api.Server{ID: "i", WizardCompleted: true}}

func TestStartWaitsForNoKeyring(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	want[state.CallKeyring](t, s.Start())
	s.Update(state.Booted{})
	if s.Screen != state.ScreenWelcome || s.KeyringFault() != nil {
		t.Error("an unknown keyring is told as a broken one")
	}
	s.Update(state.KeyringChecked{Keyring: api.Keyring{Code: api.CodeSecretLocked}})
	if fault := s.KeyringFault(); fault == nil || fault.Code != api.CodeSecretLocked {
		t.Errorf("the fault is %+v", fault)
	}
}

func TestWrongAddressHasItsOwnScreen(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.Try{Address: "x"})
	s.Update(state.Probed{Address: "x", Err: &api.Error{Code: api.CodeServerNotFound}})
	if s.Screen != state.ScreenConnect || s.Connect.Error == nil || s.Welcome.Error != nil {
		t.Fatalf("screen %q", s.Screen)
	}
	s.Update(state.Edit{Field: state.FieldAddress, Value: " "})
	if none[state.CallProbe](t, s.Update(state.Try{})); s.Connect.Error == nil || s.Connect.Error.Code != api.CodeAddressInvalid {
		t.Error("an empty address is not answered there")
	}
	s.Update(state.Edit{Field: state.FieldAddress, Value: " y "})
	if call := want[state.CallProbe](t, s.Update(state.Try{})); call.Address != "y" || s.Connect.Error != nil {
		t.Errorf("looks at %q", call.Address)
	}
}

func TestStartingServerIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	starting := api.Probe{Starting: true, Server: ready.Server}
	s := connecting(t, starting)
	next := func(msg state.Msg) state.Msg { return want[state.After](t, s.Update(msg)).Msg }
	for _, seen := range []state.Probed{
		{Address: "jf", Probe: starting},
		{Address: "jf", Err: &api.Error{Code: api.CodeServerUnreachable}}, // between the phases
		{Address: "jf", Probe: api.Probe{Server: ready.Server}},           // its plugin is not there yet
	} {
		again := next(seen)
		if !s.Connect.Probe.Starting || s.Screen != state.ScreenConnect {
			t.Errorf("%+v ends the waiting", seen)
		}
		want[state.CallProbe](t, s.Update(again))
	}
	none[state.After](t, s.Update(state.Probed{Address: "jf", Probe: ready}))
	none[state.CallProbe](t, s.Update(state.LookAgain{Address: "jf"})) // a late one
	if s.Connect.Probe.Starting || s.Connect.Method == "" {
		t.Error("the ways to sign in are not shown")
	}
	// A plugin that does not come, and a server that has gone, are told in the end.
	for _, seen := range []state.Probed{
		{Address: "jf", Probe: api.Probe{Server: ready.Server}},
		{Address: "jf", Err: &api.Error{Code: api.CodeServerUnreachable}},
	} {
		s = connecting(t, starting)
		for looks := 0; s.Connect.Probe != nil && s.Connect.Probe.Starting; looks++ {
			if looks == 10 {
				t.Fatalf("waits for good for %+v", seen)
			}
			s.Update(seen)
		}
		if c := s.Connect; s.Screen != state.ScreenConnect || c.Error == nil && c.Probe.Plugin {
			t.Errorf("shows %+v", c)
		}
	}
	// Nobody looks again for a person who has left.
	s = connecting(t, starting)
	s.Update(state.Leave{})
	none[state.CallProbe](t, s.Update(state.LookAgain{Address: "jf"}))
}

func TestChangedCertificateIsCompared(t *testing.T) {
	t.Parallel()
	changed := &api.Error{Code: api.CodeCertificateChanged}
	shown := api.Probe{Certificate: &api.Certificate{SHA256: "B"}, Pinned: "A"}
	s := connecting(t, ready)
	want[state.CallProbe](t, s.Update(state.Connected{Address: "jf", Err: changed}))
	s.Update(state.Probed{Address: "jf", Probe: shown})
	want[state.CallTrust](t, s.Update(state.Trust{}))
	none[state.CallOpenProfile](t, s.Update(state.Probed{Address: "jf", Probe: ready})) // nothing is stored yet

	s = state.New(now)
	s.Update(state.Booted{Boot: api.Bootstrap{Profiles: []api.Profile{{Name: "home", URL: "jf"}}}})
	want[state.CallProbe](t, s.Update(state.Connected{Name: "home", Err: changed}))
	s.Update(state.Probed{Address: "jf", Probe: shown})
	want[state.CallTrust](t, s.Update(state.Trust{}))
	if c := want[state.CallOpenProfile](t, s.Update(state.Probed{Address: "jf", Probe: ready})); c.Name != "home" {
		t.Errorf("opens %q", c.Name)
	}
}

func TestLeavingWhileItWorks(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.Try{Address: "jf"})
	s.Update(state.Leave{})
	s.Update(state.Probed{Address: "jf", Probe: ready})
	if s.Screen != state.ScreenWelcome || s.Welcome.Probing {
		t.Errorf("after leaving: %q, %+v", s.Screen, s.Welcome)
	}
	s.Update(state.Try{Address: "jf"})
	s.Update(state.Go{Screen: state.ScreenSettings})
	s.Update(state.Probed{Address: "jf", Probe: ready})
	if s.Screen != state.ScreenSettings || s.Welcome.Probing {
		t.Errorf("in the settings: %q, %+v", s.Screen, s.Welcome)
	}
	s = connecting(t, ready)
	s.Update(state.Edit{Field: state.FieldKey, Value: "abc"})
	want[state.CallConnectKey](t, s.Update(state.SignIn{}))
	s.Update(state.Leave{})
	s.Update(state.Connected{Address: "jf", Session: api.Session{Profile: api.Profile{Name: "home"}}})
	if s.Session != nil || s.Screen != state.ScreenWelcome || len(s.Boot.Profiles) != 1 {
		t.Errorf("a late session: %q with %v", s.Screen, s.Boot.Profiles)
	}
}

// TestUndoOfTheLastChangeOnly is offered: what was before it may not be as it was.
func TestUndoOfTheLastChangeOnly(t *testing.T) {
	t.Parallel()
	s := opened(t)
	c := api.Change{
		ID: "1", Kind: api.ChangeUnlink, State: api.ChangeConfirmed, UserID: "u", UserName: "n", Undoable: true,
		Identities: []api.Identity{{Protocol: api.OIDC, Provider: "p", Name: "i"}},
	}
	offers := func() (n int) {
		for _, toast := range s.Toasts {
			n += len(toast.Undo)
		}
		return n
	}
	for range 2 {
		if s.Update(state.Removed{Changes: []api.Change{c}}); offers() != 1 {
			t.Fatalf("%d offers", offers())
		}
	}
	final := c
	final.Undoable = false
	if s.Update(state.Removed{Changes: []api.Change{final}}); offers() != 0 {
		t.Error("offers to undo what was before something that cannot be undone")
	}
	if s.Update(state.Removed{Changes: []api.Change{c, final}}); offers() != 0 {
		t.Error("offers to undo a part of what was done")
	}
	s.Update(state.Removed{Changes: []api.Change{c}})
	if s.Update(state.Leave{}); offers() != 0 {
		t.Error("offers to undo at another server")
	}
}

// TestDeletedAccountGoesWithItsLastLink closes the drawer; that any other account is not found is told.
func TestDeletedAccountGoesWithItsLastLink(t *testing.T) {
	t.Parallel()
	for _, exists := range []bool{false, true} {
		s := opened(t)
		s.Update(state.OpenAccount{Index: 0})
		s.Drawer.Row.Exists = exists
		s.Update(state.AccountLoaded{UserID: s.Drawer.UserID, Err: &api.Error{Code: api.CodeUserNotFound}})
		if open := s.Drawer.UserID != ""; open != exists || exists && s.Drawer.Error == nil {
			t.Errorf("exists %t: the drawer is %+v", exists, s.Drawer)
		}
	}
}

// TestLateAnswersHitNoNewerQuestion answers what was asked before something else was.
func TestLateAnswersHitNoNewerQuestion(t *testing.T) {
	t.Parallel()
	s := opened(t)
	old := want[state.CallPlanLink](t, s.Update(state.StartLinking{Account: api.User{ID: "Aa"}}))
	s.Update(state.LeaveLink{})
	plan := want[state.CallPlanLink](t, s.Update(state.StartLinking{Account: api.User{ID: "Ab"}}))
	good := api.Plan{Option: api.Option{OK: true, Strategy: api.StrategyRelay}}
	if s.Update(state.Planned{Number: old.Number, Plan: good}); s.Link.Plan != nil {
		t.Error("took the plan of another account")
	}
	s.Update(state.Planned{Number: plan.Number, Plan: good})
	first := want[state.CallStartLink](t, s.Update(state.RunLink{}))
	s.Update(state.CancelLink{})
	second := want[state.CallStartLink](t, s.Update(state.RunLink{}))
	if c := want[state.CallCancelFlow](t, s.Update(state.FlowStarted{Number: first.Number, ID: "1"})); c.ID != "1" || !s.Link.Starting {
		t.Errorf("cancels %+v, link %+v", c, s.Link)
	}
	s.Update(state.FlowStarted{Number: first.Number, Err: &api.Error{Code: api.CodeInternal}})
	s.Update(state.FlowStarted{Number: second.Number, ID: "2"})
	if s.Link.FlowID != "2" || s.Link.Step != state.LinkSignIn {
		t.Errorf("link %+v", s.Link)
	}

	identity := func(name string) state.VerifyLink {
		return state.VerifyLink{UserID: "Aa", Identity: api.Identity{Protocol: api.OIDC, Provider: "idp", Name: name}}
	}
	late := want[state.CallStartVerify](t, s.Update(identity("a")))
	s.Update(state.CancelVerify{})
	now := want[state.CallStartVerify](t, s.Update(identity("b")))
	want[state.CallCancelFlow](t, s.Update(state.VerifyStarted{Number: late.Number, ID: "va"}))
	s.Update(state.VerifyStarted{Number: now.Number, ID: "vb"})
	if s.Verify.FlowID != "vb" {
		t.Errorf("verifies by %q", s.Verify.FlowID)
	}

	s = connecting(t, api.Probe{Plugin: true, QuickConnect: true})
	s.Update(state.PickMethod{Method: state.MethodQuick})
	want[state.CallQuickConnect](t, s.Update(state.SignIn{}))
	s.Update(state.Leave{})
	s.Update(state.Try{Address: "other"})
	s.Update(state.Probed{Address: "other", Probe: ready})
	s.Update(state.PickMethod{Method: state.MethodQuick})
	want[state.CallQuickConnect](t, s.Update(state.SignIn{}))
	want[state.CallCancelFlow](t, s.Update(state.QuickStarted{Address: "jf", Quick: api.QuickConnect{ID: "q"}}))
	s.Update(state.QuickStarted{Address: "jf", Err: &api.Error{Code: api.CodeTimeout}})
	if c := s.Connect; c.Quick != nil || c.Error != nil || !c.Busy {
		t.Errorf("another server's code: %+v", c)
	}
}

// TestLateDemo comes after the person has opened a server.
func TestLateDemo(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	want[state.CallDemo](t, s.Update(state.StartDemo{}))
	none[state.CallDemo](t, s.Update(state.StartDemo{})) // a second click
	s.Update(state.Open{Name: "home"})
	s.Update(state.Connected{Demo: true, Session: api.Session{Profile: api.Profile{Demo: true}}})
	s.Update(state.Connected{Demo: true, Err: &api.Error{Code: api.CodeCancelled}})
	if s.Session != nil || s.Screen != state.ScreenOpening || s.Welcome.DemoError != nil {
		t.Errorf("on %q with %+v", s.Screen, s.Welcome)
	}
}

// TestAnswersOfAnEarlierSession would show one server's accounts, and offer to undo its changes, at another.
func TestAnswersOfAnEarlierSession(t *testing.T) {
	t.Parallel()
	refused := &api.Error{Code: api.CodeForbidden}
	for _, c := range []struct {
		answer state.Msg
		told   bool
	}{
		{answer: state.Refreshed{Counts: api.RosterCounts{Changed: 3}}},
		{answer: state.ChangesLoaded{List: []api.Change{{ID: "old"}}}},
		{answer: state.ProvidersLoaded{List: []api.ProviderDetail{{Provider: api.Provider{Name: "old"}}}}},
		{answer: state.SelfLoaded{Kit: api.SelfService{PageURL: "old"}}},
		{answer: state.Undone{}},
		{answer: state.Removed{Changes: []api.Change{{ID: "old", State: api.ChangeConfirmed}}}},
		{answer: state.AccountLoaded{UserID: "me", Row: api.RosterRow{Changed: true}}},
		{answer: state.Removed{Err: refused}, told: true},
		{answer: state.Unregistered{Err: refused}, told: true},
		{answer: state.Undone{Err: refused}, told: true},
		{answer: state.ProviderSaved{Err: refused}, told: true},
		{answer: state.SecretDeleted{Err: refused}, told: true},
		{answer: state.Undone{Err: &api.Error{Code: api.CodeCancelled}}},
	} {
		s := opened(t)
		before := s.Epoch
		s.Update(state.Leave{})
		s.Update(state.Connected{Session: api.Session{User: &api.User{ID: "me"}, Capabilities: full}})
		s.Toasts = nil
		none[state.CallPage](t, s.Answer(before, c.answer))
		if h, p := s.History, s.Providers; h.Loaded || p.Loaded || s.Self.Kit != nil || s.Self.Own != nil {
			t.Errorf("%#v was taken", c.answer)
		}
		if told := len(s.Toasts) == 1 && s.Toasts[0].Error == refused; told != c.told || len(s.Toasts) > 1 {
			t.Errorf("%#v is told as %+v", c.answer, s.Toasts)
		}
		if s.Answer(s.Epoch, state.ChangesLoaded{}); !s.History.Loaded {
			t.Error("a present answer was dropped")
		}
	}
}

// TestNothingIsTakenToTheNextServer: neither what was typed, nor a message that belongs to this one.
func TestNothingIsTakenToTheNextServer(t *testing.T) {
	t.Parallel()
	s := connecting(t, ready)
	for _, f := range []state.Field{state.FieldKey, state.FieldPassword, state.FieldSecret} {
		s.Update(state.Edit{Field: f, Value: "s3cret"})
	}
	s.Update(state.Leave{})
	for f, value := range s.Form {
		if value == "s3cret" {
			t.Errorf("%s keeps a secret", f)
		}
	}
	s = opened(t)
	s.Update(state.Refreshed{Counts: api.RosterCounts{Changed: 3}})
	s.Update(state.Leave{})
	if toasted(s, state.ToastChanged) {
		t.Error("tells of the accounts of a server that was left")
	}
}

// TestFailureIsToldWhereverThePersonIs, also beside the account that the link was for.
func TestFailureIsToldWhereverThePersonIs(t *testing.T) {
	t.Parallel()
	for _, linking := range []bool{true, false} {
		s := opened(t)
		s.Toasts = nil
		s.Link = state.Link{Step: state.LinkSignIn, FlowID: "f", Account: api.User{ID: "Aa"}}
		s.Update(state.ReturnToLink{})
		if !linking {
			s.Update(state.LeaveLink{})
		}
		s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "failed", Error: &api.Error{Code: api.CodeTimeout}}})
		if told := len(s.Toasts) == 1; told == linking {
			t.Errorf("linking %t: %+v", linking, s.Toasts)
		}
	}
}

func TestSecondClickUndoesNothingMore(t *testing.T) {
	t.Parallel()
	s := opened(t)
	undo := state.Undo{Changes: []string{"1"}}
	want[state.CallUndo](t, s.Update(undo))
	none[state.CallUndo](t, s.Update(undo))
	s.Update(state.Undone{})
	want[state.CallUndo](t, s.Update(undo))
}

// TestRefusedBrowserIsForgotten: what is chosen next is saved without it.
func TestRefusedBrowserIsForgotten(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Form[state.FieldBrowser] = "sh -c evil"
	wanted := want[state.CallSaveSettings](t, s.Update(state.SaveSettings{})).Settings
	s.Update(state.SettingsSaved{Settings: wanted, Err: &api.Error{Code: api.CodeUsage}})
	if next := want[state.CallSaveSettings](t, s.Update(state.SetTheme{Theme: "dark"})).Settings; next.Browser != "" {
		t.Errorf("the next choice is saved with the browser %q", next.Browser)
	}
	s.Form[state.FieldBrowser] = "firefox"
	wanted = want[state.CallSaveSettings](t, s.Update(state.SaveSettings{})).Settings
	s.Update(state.SettingsSaved{Settings: wanted})
	if next := want[state.CallSaveSettings](t, s.Update(state.SetTheme{Theme: "light"})).Settings; next.Browser != "firefox" {
		t.Errorf("the next choice is saved with the browser %q", next.Browser)
	}
}

func TestSavedIsToldOnceItIs(t *testing.T) {
	t.Parallel()
	for _, err := range []*api.Error{nil, {Code: api.CodeProfileUnwritable}} {
		s := opened(t)
		s.Toasts = nil
		want[state.CallSaveSettings](t, s.Update(state.SaveSettings{}))
		if toasted(s, "toast.saved") {
			t.Error("told before it was saved")
		}
		if s.Update(state.SettingsSaved{Err: err}); toasted(s, "toast.saved") != (err == nil) || len(s.Toasts) != 1 {
			t.Errorf("%v: %+v", err, s.Toasts)
		}
		if s.Update(state.SettingsSaved{}); len(s.Toasts) != 1 {
			t.Error("a theme is told of")
		}
	}
}

// TestFocusFindsAPlace when what had it goes.
func TestFocusFindsAPlace(t *testing.T) {
	t.Parallel()
	s := opened(t)
	focus := func(want string, msgs ...state.Msg) {
		t.Helper()
		var cmds []state.Cmd
		for _, m := range msgs {
			cmds = s.Update(m)
		}
		got := ""
		for _, c := range cmds {
			if f, ok := c.(state.Focus); ok {
				got = f.ID
			}
		}
		if got != want {
			t.Errorf("%#v: focus on %q, want %q", msgs, got, want)
		}
	}
	two := []api.Link{{UserID: "Aa"}, {UserID: "Ab"}}
	focus("remove-stop", state.AskRemove{Links: two}, state.DialogYes{})
	focus("dialog-cancel", state.Removed{Err: &api.Error{Code: api.CodeTimeout}})
	focus("", state.CloseDialog{})
	focus("servers", state.OpenMenu{ID: "servers"}, state.CloseMenu{})
	focus("servers", state.OpenMenu{ID: "servers"}, state.SignOut{Name: "home"})
	if s.Menu != "" {
		t.Error("the menu stays open, for a second click")
	}
	focus(state.RowID(7), state.Activate{To: 7}, state.Select{Index: 7}, state.SelectNone{})
	focus(state.RowID(7), state.Select{Index: 7}, state.AskRemoveSelected{}, state.DialogYes{}, state.Removed{})
	focus("drawer-title", state.OpenAccount{Index: 2}, state.AskRemove{}, state.DialogYes{}, state.Removed{})
	focus(state.RowID(2), state.CloseDrawer{})
	focus(state.RowID(97), state.OpenAccount{Index: 2}, state.Scrolled{Top: 100 * state.RowHeight, Height: 35}, state.CloseDrawer{})
	s.Update(state.Scrolled{Height: 35})
	focus(state.RowID(4), state.StartLinking{Account: api.User{ID: "Ae"}}, state.CloseDrawer{}) // by the row's button
	s.Update(state.StartLinking{Account: api.User{ID: "Ae"}})
	if s.Drawer.Row == nil || s.Drawer.Row.ID != "Ae" {
		t.Error("back from linking there is nothing that could have the focus until the account is read")
	}
	focus("link-identity", state.LeaveLink{})
	focus("tab-subject", state.StartLinking{Account: api.User{ID: "Aa"}}, state.LinkTab{Subject: true})
	focus("tab-signin", state.LinkTab{})
	focus("title", state.Go{Screen: state.ScreenSettings}, state.AskForget{Name: "x"}, state.DialogYes{}, state.ProfilesChanged{Old: "x"})
}

func TestStopRemoval(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.AskRemove{Links: []api.Link{{UserID: "u"}, {UserID: "v"}}, Accounts: map[string]api.Account{}})
	none[state.CallStopChanges](t, s.Update(state.StopRemoval{})) // nothing runs yet
	s.Update(state.DialogYes{})
	want[state.CallStopChanges](t, s.Update(state.StopRemoval{}))
	none[state.CallStopChanges](t, s.Update(state.StopRemoval{}))
	id := []api.Identity{{Protocol: api.OIDC, Provider: "idp", Name: "x"}}
	s.Update(state.Removed{
		Changes: []api.Change{{
			ID: "1", Kind: api.ChangeUnlink, State: api.ChangeConfirmed, UserName: "u", Identities: id, Undoable: true,
		}},
		Err: &api.Error{Code: api.CodeCancelled, Sentence: "Cancelled: 1 of 2 links were removed."},
	})
	if s.Dialog.Kind != state.DialogNone || len(s.Toasts) == 0 {
		t.Fatalf("it ends with %+v and %+v", s.Dialog, s.Toasts)
	}
	if told := s.Toasts[len(s.Toasts)-1]; told.Error == nil || !slices.Equal(told.Undo, []string{"1"}) {
		t.Errorf("it tells %+v", told)
	}
}

func TestLanguageOfTheSystem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ chosen, locale, page, want string }{
		{"", "", "de-AT", "de"}, {"system", "", "fr", "en"}, {"", "en-GB", "de", "en"}, {"de", "en", "en", "de"}, {"en", "", "de", "en"},
	} {
		s := state.New(now)
		s.PageLanguage, s.Boot.Locale, s.Boot.Settings.Language = c.page, c.locale, c.chosen
		if got := s.Text().Tag; got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestRenewedSession: the same account goes on where it is, another one starts from its first screen.
func TestRenewedSession(t *testing.T) {
	t.Parallel()
	admin := api.Session{
		Profile: api.Profile{Name: "home", Credential: api.CredentialAdmin}, Server: api.Server{ID: "s"}, Capabilities: full,
		User: &api.User{ID: "root"},
	}
	key, plain, elsewhere := admin, admin, admin
	key.Profile.Credential, key.User = api.CredentialKey, nil
	plain.Profile.Credential, plain.Capabilities, plain.User = api.CredentialUser,
		api.Capabilities{Credential: api.CredentialUser}, &api.User{ID: "maria"}
	elsewhere.Server.ID = "another"
	for name, c := range map[string]struct {
		now    api.Session
		screen state.Screen
		kind   api.CredentialKind
	}{
		"the same":       {admin, state.ScreenHistory, api.CredentialAdmin},
		"a key":          {key, state.ScreenRoster, api.CredentialKey},
		"somebody else":  {plain, state.ScreenOwn, api.CredentialUser},
		"another server": {elsewhere, state.ScreenHistory, api.CredentialAdmin},
	} {
		s := state.New(now)
		s.Update(state.Booted{Boot: api.Bootstrap{Profiles: []api.Profile{admin.Profile}}})
		s.Update(state.Connected{Name: "home", Session: admin})
		s.Update(state.Go{Screen: state.ScreenHistory})
		s.Update(state.Renewed{Session: c.now})
		if s.Screen != c.screen || s.Session.Profile.Credential != c.kind || s.Boot.Profiles[0].Credential != c.kind {
			t.Errorf("%s: screen %q, %+v", name, s.Screen, s.Session)
		}
	}
}

// TestSignedOutHereOnly: that the server could not be told keeps nobody signed in.
func TestSignedOutHereOnly(t *testing.T) {
	t.Parallel()
	for code, out := range map[api.Code]bool{api.CodeTokenLeft: true, api.CodeChangeRunning: false} {
		s := state.New(now)
		s.Update(state.Booted{})
		s.Session = &api.Session{Profile: api.Profile{Name: "home"}, Capabilities: full}
		s.Update(state.SignedOut{Name: "home", Err: &api.Error{Code: code, Sentence: "Told."}})
		if (s.Session == nil) != out || len(s.Toasts) != 1 || s.Toasts[0].Error == nil {
			t.Errorf("%s: session %+v, %+v", code, s.Session, s.Toasts)
		}
		s.Session, s.Toasts = &api.Session{Profile: api.Profile{Name: "home"}, Capabilities: full}, nil
		s.Update(state.AskForget{Name: "home"})
		s.Update(state.DialogYes{})
		s.Update(state.ProfilesChanged{Old: "home", Err: &api.Error{Code: code, Sentence: "Told."}})
		if (s.Session == nil) != out || (len(s.Toasts) == 1) != out || (s.Dialog.Error == nil) != out {
			t.Errorf("forgotten, %s: session %+v, %+v, dialog %+v", code, s.Session, s.Toasts, s.Dialog)
		}
	}
}

// TestSignInWithAWarning: who is signed in learns what is left at the server.
func TestSignInWithAWarning(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.Try{Address: "a"})
	s.Update(state.Probed{Address: "a", Probe: api.Probe{Plugin: true}})
	s.Update(state.Connected{Address: "a", Session: api.Session{
		Profile: api.Profile{Name: "home"}, Capabilities: full, Stored: true, Warning: &api.Error{Code: api.CodeTokenLeft, Sentence: "Left."},
	}})
	if n := len(s.Toasts); s.Session == nil || n == 0 || s.Toasts[n-1].Error == nil {
		t.Errorf("told %+v", s.Toasts)
	}
}

// TestRefusedSettingStandsBesideItsField: of what was saved by the button, and nothing of it is told elsewhere.
func TestRefusedSettingStandsBesideItsField(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Toasts = nil
	refused := &api.Error{Code: api.CodeUsage, Why: "browser-name", Params: map[string]string{"field": "browser"}}
	want[state.CallSaveSettings](t, s.Update(state.SaveSettings{}))
	if f := want[state.Focus](t, s.Update(state.SettingsSaved{Err: refused})); f.ID != "browser" || s.Settings.Error != refused {
		t.Errorf("focus on %q, error %v", f.ID, s.Settings.Error)
	}
	if len(s.Toasts) != 0 {
		t.Errorf("told elsewhere: %+v", s.Toasts)
	}
	want[state.CallSaveSettings](t, s.Update(state.SaveSettings{}))
	if s.Settings.Error != nil {
		t.Error("the refusal stays while it is saved again")
	}
}
