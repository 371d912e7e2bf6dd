package state_test

import (
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

// TestVerifyAsks: the page asks before the server signs in, and answers once.
func TestVerifyAsks(t *testing.T) {
	t.Parallel()
	for _, yes := range []bool{true, false} {
		s := opened(t)
		call := want[state.CallStartVerify](t, s.Update(state.VerifyLink{
			UserID: "Aa", Identity: api.Identity{Protocol: api.OIDC, Provider: "idp", Name: "a"},
		}))
		s.Update(state.VerifyStarted{Number: call.Number, ID: "v"})
		s.Update(state.FlowMoved{Event: api.FlowEvent{
			ID: "v", Step: "confirm", Confirmation: &api.Confirmation{Effects: []api.Remark{{Why: "effect-admin-off"}}},
		}})
		if s.Verify.Asks == nil || !s.Verify.Running() {
			t.Fatalf("%+v", s.Verify)
		}
		if c := want[state.CallConfirm](t, s.Update(state.AnswerVerify{Yes: yes})); c.ID != "v" || c.Yes != yes {
			t.Errorf("%+v", c)
		}
		if again := s.Update(state.AnswerVerify{Yes: yes}); len(again) > 0 {
			t.Errorf("answers again: %+v", again)
		}
	}
}

// TestVerifyAsksAboutTheLocalAddress: a verification asks as a link does, before the sign-in begins.
func TestVerifyAsksAboutTheLocalAddress(t *testing.T) {
	t.Parallel()
	for _, yes := range []bool{true, false} {
		s := opened(t)
		call := want[state.CallStartVerify](t, s.Update(state.VerifyLink{UserID: "Aa", Identity: api.Identity{Protocol: api.OIDC, Provider: "idp"}}))
		s.Update(state.VerifyStarted{Number: call.Number, ID: "v"})
		s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "v", Step: "local", Address: "http://192.168.1.10:8096"}})
		if s.Verify.Local == "" || !s.Verify.Running() {
			t.Fatalf("%+v", s.Verify)
		}
		if c := want[state.CallConfirm](t, s.Update(state.AnswerVerify{Yes: yes})); c.ID != "v" || c.Yes != yes || s.Verify.Local != "" {
			t.Errorf("%+v, %+v", c, s.Verify)
		}
	}
}

// TestVerifyElsewhere: the sign-in goes on another device, and the one that waited here is cancelled.
func TestVerifyElsewhere(t *testing.T) {
	t.Parallel()
	s, id := opened(t), api.Identity{Protocol: api.OIDC, Provider: "idp", Name: "a"}
	call := want[state.CallStartVerify](t, s.Update(state.VerifyLink{UserID: "Aa", Identity: id}))
	s.Update(state.VerifyStarted{Number: call.Number, ID: "here"})
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "here", Step: "sign-in", SignIn: &api.SignIn{}}})
	cmds := s.Update(state.VerifyLink{UserID: "Aa", Identity: id, Device: true})
	if c := want[state.CallCancelFlow](t, cmds); c.ID != "here" {
		t.Errorf("%+v", c)
	}
	call = want[state.CallStartVerify](t, cmds)
	if call.Strategy != api.StrategyDevice {
		t.Errorf("%+v", call)
	}
	s.Update(state.VerifyStarted{Number: call.Number, ID: "there"})
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "there", Step: "device", Device: &api.DeviceSignIn{Code: "AB"}}})
	if s.Verify.Device == nil || !s.Waiting() {
		t.Errorf("%+v", s.Verify)
	}
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "there", Step: "verified", Verified: &api.Verified{}}})
	if s.Verify.Device != nil || s.Verify.Result == nil || s.Waiting() {
		t.Errorf("%+v", s.Verify)
	}
}

// TestUnregisterWithoutPassword: the name alone may open the account only once the person has accepted that.
func TestUnregisterWithoutPassword(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plan api.UnregisterPlan
		kept bool
		ask  bool
	}{
		"a directory's":     {api.UnregisterPlan{Account: api.User{AuthProvider: "LDAP"}, PasswordUnknown: true}, true, true},
		"none":              {api.UnregisterPlan{Account: api.User{AuthProvider: "LDAP"}, NoPassword: true}, true, true},
		"open already":      {api.UnregisterPlan{Account: api.User{AuthProvider: api.AuthProviderDefault}, NoPassword: true}, true, false},
		"nothing will come": {api.UnregisterPlan{Account: api.User{AuthProvider: "LDAP"}, PasswordUnknown: true}, false, false},
	} {
		s := opened(t)
		s.Session.Capabilities.UnregisterKept, s.Session.Capabilities.UnregisterDrops = c.kept, true
		c.plan.Links = 1 // so that there is something to do
		c.plan.Providers = []api.AuthProvider{{ID: api.AuthProviderDefault}}
		s.Update(state.AskUnregister{UserID: "Aa"})
		s.Update(state.UnregisterPlanned{UserID: "Aa", Plan: c.plan})
		calls := func() bool {
			return slices.ContainsFunc(s.Update(state.DialogYes{}), func(c state.Cmd) bool { _, ok := c.(state.CallUnregister); return ok })
		}
		if c.ask {
			if s.Update(state.AcceptNoPassword{On: false}); calls() {
				t.Errorf("%s: unregistered unasked", name)
			}
			s.Update(state.AcceptNoPassword{On: true})
		}
		if !calls() {
			t.Errorf("%s: not unregistered", name)
		}
	}
}

// TestUnregisterOfNothing is not sent.
func TestUnregisterOfNothing(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Session.Capabilities.UnregisterKept, s.Session.Capabilities.UnregisterDrops = true, true
	s.Update(state.AskUnregister{UserID: "Aa"})
	s.Update(state.UnregisterPlanned{UserID: "Aa", Plan: api.UnregisterPlan{
		Account: api.User{AuthProvider: "LDAP"}, Providers: []api.AuthProvider{{ID: "LDAP"}, {ID: api.AuthProviderDefault}},
	}})
	none[state.CallUnregister](t, s.Update(state.DialogYes{}))
	s.Update(state.Edit{Field: state.FieldAuth, Value: api.AuthProviderDefault})
	want[state.CallUnregister](t, s.Update(state.DialogYes{}))
}
