package state_test

import (
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

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
		Err:     &api.Error{Code: api.CodeUnsupported},
	})
	if s.Dialog.Error == nil || !slices.Equal(s.Dialog.Links, []api.Link{second}) || !toasted(s, "toast.removed") {
		t.Errorf("it shows %+v and %+v", s.Dialog, s.Toasts)
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
			PostLink:    api.Ability{Why: "key-link"},
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

// TestDeletedAccountGoesWithItsLastLink closes the drawer; any other account that is not found is reported.
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
		Err: &api.Error{Code: api.CodeCancelled, Why: "stopped-between"},
	})
	if s.Dialog.Kind != state.DialogNone || len(s.Toasts) == 0 {
		t.Fatalf("it ends with %+v and %+v", s.Dialog, s.Toasts)
	}
	if told := s.Toasts[len(s.Toasts)-1]; told.Error == nil || !slices.Equal(told.Undo, []string{"1"}) {
		t.Errorf("it tells %+v", told)
	}
}

// TestCloseGap plans a link of the free name at once; AcceptRisk asks the backend, and the row is read again.
func TestCloseGap(t *testing.T) {
	t.Parallel()
	s := opened(t)
	u := api.User{ID: "Ab", Name: "user Ab"}
	gap := api.Identity{Protocol: api.SAML, Provider: "free", Name: "user Ab"}
	var last state.CallPlanLink
	for _, c := range s.Update(state.CloseGap{Account: u, Gap: gap}) {
		if plan, ok := c.(state.CallPlanLink); ok {
			last = plan
		}
	}
	want := api.LinkRequest{UserID: "Ab", Protocol: api.SAML, Provider: "free", Strategy: api.StrategySubject, Name: "user Ab"}
	if last.Request != want || s.Form[state.FieldSubject] != "user Ab" || !s.Link.Subject {
		t.Errorf("plans %+v", last.Request)
	}
}

func TestAcceptRisk(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.OpenAccount{Index: 1})
	if c := want[state.CallAcceptRisk](t, s.Update(state.AcceptRisk{UserID: "Ab", On: true})); c.UserID != "Ab" || !c.On {
		t.Errorf("%+v", c)
	}
	if c := want[state.CallAccount](t, s.Update(state.RiskAccepted{UserID: "Ab"})); c.UserID != "Ab" {
		t.Errorf("%+v", c)
	}
	s.Toasts = nil
	if s.Update(state.RiskAccepted{UserID: "Ab", Err: &api.Error{Code: api.CodeInternal}}); len(s.Toasts) != 1 {
		t.Error("a failure is not told")
	}
}
