package state_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

// inDemo has the demo world open.
func inDemo(t *testing.T) *state.State {
	t.Helper()
	s := state.New(now)
	s.Update(state.Booted{})
	want[state.CallDemo](t, s.Update(state.StartDemo{}))
	s.Update(state.Connected{Demo: true, Session: api.Session{Profile: api.Profile{Name: "demo", Demo: true}, Capabilities: full}})
	return s
}

// TestAddServerKeepsTheOpenOne until somebody has signed in at the new one: its field is empty and has the focus, and both
// Back and Escape return.
func TestAddServerKeepsTheOpenOne(t *testing.T) {
	t.Parallel()
	s := inDemo(t)
	s.Form[state.FieldAddress] = "old.example"
	if f := want[state.Focus](t, s.Update(state.AddServer{})); f.ID != "address" || s.Form[state.FieldAddress] != "" || s.Session == nil {
		t.Fatalf("focus on %q, field %q, session %v", f.ID, s.Form[state.FieldAddress], s.Session)
	}
	s.Update(state.Edit{Field: state.FieldAddress, Value: "jf"})
	want[state.CallProbe](t, s.Update(state.Try{}))
	want[state.CallStopReading](t, s.Update(state.Escape{})) // ends the search only
	if s.Screen != state.ScreenAdd || s.Form[state.FieldAddress] != "jf" {
		t.Fatalf("on %q with %q", s.Screen, s.Form[state.FieldAddress])
	}
	s.Update(state.Try{})
	s.Update(state.Probed{Address: "jf", Probe: ready})
	if s.Screen != state.ScreenConnect || s.Session == nil {
		t.Fatalf("on %q", s.Screen)
	}
	if f := want[state.Focus](t, s.Update(state.Back{})); s.Screen != state.ScreenAdd || f.ID != "address" {
		t.Fatalf("back on %q at %q", s.Screen, f.ID)
	}
	s.Update(state.Escape{})
	if s.Screen != state.ScreenRoster || !s.Demo() {
		t.Errorf("at the end on %q", s.Screen)
	}
}

// TestBackToTheTypedAddress: a first server has no open one to return to.
func TestBackToTheTypedAddress(t *testing.T) {
	t.Parallel()
	s := connecting(t, ready)
	if f := want[state.Focus](t, s.Update(state.Escape{})); s.Screen != state.ScreenWelcome || f.ID != "address" ||
		s.Form[state.FieldAddress] != "jf" {
		t.Errorf("on %q at %q with %q", s.Screen, f.ID, s.Form[state.FieldAddress])
	}
}

// TestLeavingAsksWhatItLoses: a link that somebody waits for, and what was changed in the demo.
func TestLeavingAsksWhatItLoses(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*state.State){
		"nothing": func(*state.State) {},
		"a link": func(s *state.State) {
			s.Link = state.Link{Step: state.LinkConfirm, Account: api.User{ID: "Aa", Name: "maria"}, FlowID: "f"}
		},
		"changes": func(s *state.State) { s.Update(state.Removed{Changes: []api.Change{{State: api.ChangeConfirmed}}}) },
	} {
		asks := name != "nothing"
		for _, msg := range []state.Msg{state.Leave{}, state.Open{Name: "home"}, state.StartDemo{}, state.SignOut{Name: "demo"}} {
			s := inDemo(t)
			lose(s)
			cmds := s.Update(msg)
			if got := s.Dialog.Kind == state.DialogLeave; got != asks {
				t.Fatalf("%s, %T: asks %t", name, msg, got)
			}
			if !asks {
				continue
			}
			none[state.CallCancelFlow](t, cmds)
			s.Update(state.CloseDialog{})
			if !s.Demo() || s.Screen != state.ScreenRoster {
				t.Errorf("%s, %T: a no leaves", name, msg)
			}
			s.Update(msg)
			if cmds := s.Update(state.DialogYes{}); len(cmds) == 0 {
				t.Errorf("%s, %T: a yes does nothing", name, msg)
			}
			if s.Update(state.ShowDialog{Kind: state.DialogShortcuts}); s.Dialog.Kind != state.DialogShortcuts {
				t.Errorf("%s, %T: asks again", name, msg)
			}
		}
	}
}

// TestPendingLinkStaysWhileAServerIsAdded, and is asked about before the sign-in there.
func TestPendingLinkStaysWhileAServerIsAdded(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Link = state.Link{Step: state.LinkConfirm, Account: api.User{ID: "Aa", Name: "maria"}, FlowID: "f"}
	none[state.CallCancelFlow](t, s.Update(state.AddServer{}))
	s.Update(state.Try{Address: "jf"})
	s.Update(state.Probed{Address: "jf", Probe: ready})
	if len(s.Links()) != 1 {
		t.Fatal("the pill is gone")
	}
	s.Update(state.PickMethod{Method: state.MethodKey})
	s.Update(state.Edit{Field: state.FieldKey, Value: "abc"})
	none[state.CallConnectKey](t, s.Update(state.SignIn{}))
	if s.Dialog.Kind != state.DialogLeave {
		t.Fatal("nothing is asked")
	}
	s.Update(state.CloseDialog{})
	s.Update(state.ReturnToLink{UserID: "Aa"})
	if s.Screen != state.ScreenRoster || !s.LinkShown() || s.Form[state.FieldKey] != "" {
		t.Fatalf("on %q, shown %t", s.Screen, s.LinkShown())
	}
	s.Update(state.AddServer{})
	s.Update(state.Try{Address: "jf"})
	s.Update(state.Probed{Address: "jf", Probe: ready})
	s.Update(state.PickMethod{Method: state.MethodKey})
	s.Update(state.Edit{Field: state.FieldKey, Value: "abc"})
	s.Update(state.SignIn{})
	want[state.CallConnectKey](t, s.Update(state.DialogYes{}))
	s.Update(state.Connected{Address: "jf", Session: api.Session{Profile: api.Profile{Name: "two"}, Capabilities: full}})
	if s.Session.Profile.Name != "two" || len(s.Links()) != 0 {
		t.Errorf("%q is open with %d links", s.Session.Profile.Name, len(s.Links()))
	}
}

// TestOutdatedRowsSaySo until they were read again.
func TestOutdatedRowsSaySo(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.Refresh{})
	s.Toasts = nil
	s.Update(state.Refreshed{Err: &api.Error{Code: api.CodeServerUnreachable}})
	if s.Roster.Outdated == nil || len(s.Toasts) != 0 {
		t.Fatalf("outdated %v, told %v", s.Roster.Outdated, s.Toasts)
	}
	s.Update(state.Refresh{})
	if s.Roster.Outdated == nil {
		t.Error("it goes before the answer")
	}
	s.Update(state.Refreshed{})
	if s.Roster.Outdated != nil {
		t.Error("it stays")
	}
}
