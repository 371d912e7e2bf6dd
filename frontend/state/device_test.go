package state_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

// elsewhere starts a link on another device, whose flow has the account's id.
func elsewhere(t *testing.T, s *state.State, u api.User) {
	t.Helper()
	plan := want[state.CallPlanLink](t, s.Update(state.StartLinking{Account: u}))
	s.Update(state.Planned{Number: plan.Number, Plan: api.Plan{Option: api.Option{OK: true, Strategy: api.StrategyRelay}}})
	start := want[state.CallStartLink](t, s.Update(state.RunLink{Device: true}))
	if start.Request.Strategy != api.StrategyDevice || start.Request.UserID != u.ID {
		t.Errorf("starts %+v", start.Request)
	}
	s.Update(state.FlowStarted{Number: start.Number, ID: u.ID})
	happens(s, u.ID, api.FlowEvent{Step: "device", Device: &api.DeviceSignIn{Code: "C-" + u.ID, Deadline: s.Now.Add(time.Minute)}})
}

func happens(s *state.State, flow string, e api.FlowEvent) []state.Cmd {
	e.ID = flow
	return s.Update(state.FlowMoved{Event: e})
}

// names are the ids of the accounts whose links are kept.
func names(s *state.State) string {
	var list []string
	for _, l := range s.Links() {
		list = append(list, l.Account.ID)
	}
	return strings.Join(list, " ")
}

func TestSeveralDevices(t *testing.T) {
	t.Parallel()
	s := opened(t)
	a, b := api.User{ID: "Aa", Name: "user Aa"}, api.User{ID: "Ab", Name: "user Ab"}
	elsewhere(t, s, a)
	elsewhere(t, s, b)
	if s.Link.Account.ID != "Ab" || s.Link.Device.Code != "C-Ab" || names(s) != "Aa" || !s.Waiting() {
		t.Fatalf("shows %+v, keeps %s", s.Link, names(s))
	}
	// A question that comes while another account is open waits, and the open one stays.
	happens(s, "Aa", api.FlowEvent{Step: "confirm", Confirmation: &api.Confirmation{Account: a}})
	if s.Link.Account.ID != "Ab" || s.Link.Step != state.LinkSignIn || s.Links()[0].Step != state.LinkConfirm {
		t.Fatalf("shows %+v", s.Link)
	}
	s.Update(state.ReturnToLink{UserID: "Aa"})
	if s.Link.Account.ID != "Aa" || s.Link.Confirm == nil || !s.LinkShown() || names(s) != "Ab" {
		t.Fatalf("shows %+v, keeps %s", s.Link, names(s))
	}
	if c := want[state.CallConfirm](t, s.Update(state.Answer{Yes: true})); c.ID != "Aa" {
		t.Errorf("confirms %q", c.ID)
	}
	happens(s, "Aa", api.FlowEvent{Step: "done", Change: &api.Change{ID: "c"}})
	if s.Link.Step != state.LinkDone {
		t.Errorf("step %q", s.Link.Step)
	}
	// Starting again at an account whose link waits shows that one.
	none[state.CallPlanLink](t, s.Update(state.StartLinking{Account: b}))
	if s.Link.Account.ID != "Ab" || !s.LinkShown() || names(s) != "" {
		t.Errorf("shows %+v, keeps %s", s.Link, names(s))
	}
	if c := want[state.CallCancelFlow](t, s.Update(state.CancelLink{})); c.ID != "Ab" || s.Link.Elsewhere() {
		t.Errorf("cancels %q", c.ID)
	}
}

// TestDeviceFailsUnseen: how a link failed stays until the person has seen it.
func TestDeviceFailsUnseen(t *testing.T) {
	t.Parallel()
	s := opened(t)
	a, b := api.User{ID: "Aa", Name: "user Aa"}, api.User{ID: "Ab", Name: "user Ab"}
	elsewhere(t, s, a)
	elsewhere(t, s, b)
	s.Update(state.CloseDrawer{})
	s.Toasts = nil
	happens(s, "Ab", api.FlowEvent{Step: "failed", Error: &api.Error{Code: api.CodeTimeout, Why: "device-expired"}})
	happens(s, "Aa", api.FlowEvent{Step: "failed", Error: &api.Error{Code: api.CodeSignInRefused, Why: "device-denied"}})
	if names(s) != "Aa Ab" || len(s.Toasts) != 2 || s.Waiting() {
		t.Fatalf("keeps %s, %d toasts", names(s), len(s.Toasts))
	}
	for _, u := range []api.User{a, b} {
		s.Update(state.OpenUser{ID: u.ID})
		if s.Link.Account.ID != u.ID || s.Link.Error == nil || !s.LinkShown() {
			t.Errorf("%s: shows %+v", u.ID, s.Link)
		}
		s.Update(state.CloseDrawer{})
	}
	if names(s) != "" {
		t.Errorf("keeps %s", names(s))
	}
}

// TestLeavingEndsEveryLink: with the session, whatever waits for a person ends.
func TestLeavingEndsEveryLink(t *testing.T) {
	t.Parallel()
	s := opened(t)
	elsewhere(t, s, api.User{ID: "Aa", Name: "user Aa"})
	elsewhere(t, s, api.User{ID: "Ab", Name: "user Ab"})
	cancelled := 0
	s.Update(state.Leave{})
	for _, c := range s.Update(state.DialogYes{}) {
		if _, ok := c.(state.CallCancelFlow); ok {
			cancelled++
		}
	}
	if cancelled != 2 || len(s.Links()) != 0 {
		t.Errorf("%d cancelled, keeps %s", cancelled, names(s))
	}
}
