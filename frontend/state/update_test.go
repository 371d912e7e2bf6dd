package state_test

import (
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

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
		{answer: state.Undone{Done: 1, Of: 1}},
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
			t.Errorf("%#v is reported as %+v", c.answer, s.Toasts)
		}
		if s.Answer(s.Epoch, state.ChangesLoaded{}); !s.History.Loaded {
			t.Error("a present answer was dropped")
		}
	}
}

// TestFailureIsToldWhereverThePersonIs: also next to the account that the link was for.
func TestFailureIsToldWhereverThePersonIs(t *testing.T) {
	t.Parallel()
	for _, linking := range []bool{true, false} {
		s := opened(t)
		s.Toasts = nil
		s.Link = state.Link{Step: state.LinkSignIn, FlowID: "f", Account: api.User{ID: "Aa"}}
		s.Update(state.ReturnToLink{UserID: "Aa"})
		if !linking {
			s.Update(state.LeaveLink{})
		}
		s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "failed", Error: &api.Error{Code: api.CodeTimeout}}})
		if told := len(s.Toasts) == 1; told == linking {
			t.Errorf("linking %t: %+v", linking, s.Toasts)
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
