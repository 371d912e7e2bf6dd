package state_test

import (
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

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
	noBrowser := api.FlowEvent{ID: "f", Step: "progress", Progress: &api.Progress{Step: "browser-failed"}}
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
	s.Update(state.ReturnToLink{UserID: "Aa"})
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

// TestWrittenLinkIsTakenBack: a no to a link that is written already is not the end of it. What became of it comes later.
func TestWrittenLinkIsTakenBack(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Link = state.Link{Step: state.LinkWriting, FlowID: "f", Account: api.User{ID: "Aa"}, Confirm: &api.Confirmation{}}
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "confirm", Confirmation: &api.Confirmation{Written: true}}})
	if c := want[state.CallConfirm](t, s.Update(state.Answer{})); c.Yes || s.Link.Step != state.LinkWriting || s.Link.Error != nil {
		t.Errorf("afterwards %+v", s.Link)
	}
	left := &api.Error{Code: api.CodeHalfDone, Why: "unconfirmed-left"}
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "failed", Error: left}})
	if s.Link.Step != state.LinkFailed || s.Link.Error != left {
		t.Errorf("in the end %+v", s.Link)
	}
}

// TestSignInTellsWhatHappens: what is told while the sign-in waits is shown, and gone with the next sign-in.
func TestSignInTellsWhatHappens(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Link = state.Link{Step: state.LinkSignIn, FlowID: "f", Account: api.User{ID: "Aa"}}
	begun := state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "sign-in", SignIn: &api.SignIn{}}}
	s.Update(begun)
	told := &api.Progress{Step: "waiting-for-sign-in", Why: "address-again"}
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "progress", Progress: told}})
	if s.Link.Warning != told {
		t.Errorf("told %+v", s.Link.Warning)
	}
	if s.Update(begun); s.Link.Warning != nil {
		t.Errorf("still told %+v", s.Link.Warning)
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

// Trying the ways again asks the backend not to take what it remembers, once.
func TestFindWayAgain(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.StartLinking{Account: api.User{ID: "01", Name: "ada"}})
	retries := func(m state.Msg) []bool {
		var list []bool
		for _, c := range s.Update(m) {
			if plan, ok := c.(state.CallPlanLink); ok {
				list = append(list, plan.Request.Retry)
			}
		}
		return list
	}
	for _, test := range []struct {
		msg  state.Msg
		want bool
	}{
		{state.PickProvider{Protocol: api.OIDC, Name: "authelia"}, false},
		{state.FindWay{}, true},
		{state.PickStrategy{Strategy: api.StrategyOwnClient}, false},
	} {
		if got := retries(test.msg); !slices.Equal(got, []bool{test.want}) {
			t.Errorf("%T asks with retry %v, want %t", test.msg, got, test.want)
		}
	}
}

// TestAsksAboutTheLocalAddress: the question has its own answer, and does not confirm the link.
func TestAsksAboutTheLocalAddress(t *testing.T) {
	t.Parallel()
	for _, yes := range []bool{true, false} {
		s := opened(t)
		s.Link = state.Link{Step: state.LinkSignIn, FlowID: "f", Account: api.User{ID: "Aa"}}
		s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "local", Address: "http://192.168.1.20:8096"}})
		if s.Link.Local == "" {
			t.Fatal("nothing is asked")
		}
		if c := want[state.CallConfirm](t, s.Update(state.Answer{Yes: yes})); c.ID != "f" || c.Yes != yes {
			t.Errorf("answers %+v", c)
		}
		if s.Link.Step != state.LinkSignIn || s.Link.Local != "" || s.Link.Error != nil {
			t.Errorf("afterwards %+v", s.Link)
		}
		none[state.CallConfirm](t, s.Update(state.Answer{Yes: true})) // a second click
	}
}

// TestLinkAtHome watches until the link has come, also after a failure and while something else is shown.
func TestLinkAtHome(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.OpenAccount{Index: 0})
	old := s.Drawer.Row.Identities[0]
	s.Update(state.StartLinking{Account: s.Drawer.Row.User})
	cmds := s.Update(state.LinkAtHome{})
	want[state.CallSelf](t, cmds)
	next := func(cmds []state.Cmd) state.WatchLink {
		t.Helper()
		after := want[state.After](t, cmds)
		watch, ok := after.Msg.(state.WatchLink)
		if !ok || after.Delay <= 0 {
			t.Fatalf("goes on with %+v", after)
		}
		return watch
	}
	watch := next(cmds)
	s.Update(state.Go{Screen: state.ScreenHistory})
	if len(s.Links()) != 1 || len(s.Pending()) != 1 {
		t.Fatal("the watch is not shown")
	}
	account := api.Account{Identities: []api.Identity{old}}
	for _, answer := range []state.Watched{{Account: account}, {Err: &api.Error{Code: api.CodeServerUnreachable}}} {
		call := want[state.CallWatch](t, s.Update(watch))
		answer.Number = call.Number
		watch = next(s.Update(answer))
	}
	call := want[state.CallWatch](t, s.Update(watch))
	account.Identities = append(account.Identities, api.Identity{Protocol: api.OIDC, Provider: "idp", Name: "new"})
	s.Update(state.Watched{Number: call.Number, Account: account})
	if s.Link.Step != state.LinkDone || !toasted(s, "toast.linkedAtHome") {
		t.Errorf("step %q", s.Link.Step)
	}
	none[state.CallWatch](t, s.Update(watch)) // it has ended
	s = opened(t)
	s.Session.Capabilities.PageSignsIn = true
	s.Update(state.StartLinking{Account: api.User{ID: "Aa"}})
	if s.Update(state.LinkAtHome{}); s.Link.Step != state.LinkChoose {
		t.Error("offered where the page signs in instead")
	}
}

// TestRememberThePerson writes down who signed in, if that is wanted, once the link is made.
func TestRememberThePerson(t *testing.T) {
	t.Parallel()
	id := api.Identity{Protocol: api.OIDC, Provider: "idp", Name: "5f0c"}
	for _, on := range []bool{true, false} {
		s := opened(t)
		s.Link = state.Link{Step: state.LinkConfirm, FlowID: "f", Account: api.User{ID: "Aa"}, Confirm: &api.Confirmation{
			Identity: id, NameKnown: true, DisplayName: "Maria", Email: "maria@example.org",
		}}
		s.Update(state.RememberPerson{On: on})
		cmds := s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "done", Change: &api.Change{Identities: []api.Identity{id}}}})
		if !on {
			none[state.CallSaveNote](t, cmds)
			continue
		}
		note := want[state.CallSaveNote](t, cmds).Note
		if note.Identity != id || note.Text != "Maria · maria@example.org" {
			t.Errorf("writes down %+v", note)
		}
		s.Update(state.NoteSaved{Notes: []api.IdentityNote{note}})
		s.Update(state.AskNote{Identity: id})
		if s.Form[state.FieldNote] != note.Text {
			t.Errorf("shows %q", s.Form[state.FieldNote])
		}
		want[state.CallSaveNote](t, s.Update(state.DialogYes{}))
		if s.Update(state.NoteSaved{Err: &api.Error{Code: api.CodeUsage}}); s.Dialog.Error == nil {
			t.Error("a refusal is not shown")
		}
	}
}
