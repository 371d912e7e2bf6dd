package views_test

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var accountCases = map[string]func() *state.State{
	"account-at-risk":  func() *state.State { return gaps(german, false) },
	"account-accepted": func() *state.State { return gaps(api.Settings{}, true) },
	"account-nothing-to-unregister": func() *state.State {
		s := opened(api.Settings{}, false)
		s.Session.Capabilities.UnregisterKept, s.Session.Capabilities.UnregisterDrops = false, false
		return after(s, state.OpenAccount{Index: 1})
	},
	"account":         func() *state.State { return after(opened(api.Settings{}, false), state.OpenAccount{Index: 0}) },
	"account-hostile": func() *state.State { return after(opened(api.Settings{}, false), state.OpenAccount{Index: 2}) },
	"account-orphan":  func() *state.State { return after(opened(api.Settings{}, false), state.OpenAccount{Index: 3}) },
	"account-verified": func() *state.State {
		return after(opened(api.Settings{}, false), state.OpenAccount{Index: 0},
			state.VerifyLink{UserID: "01", Identity: accounts().Rows[0].Identities[0]}, state.VerifyStarted{Number: 1, ID: "v"},
			state.FlowMoved{Event: api.FlowEvent{ID: "v", Step: "verified", Verified: &api.Verified{
				Identity: api.Identity{Name: "ada"}, Account: api.User{ID: "02", Name: "bob"}, SignedIn: true,
			}}})
	},
	"account-verify-signin": func() *state.State {
		return verifying(api.FlowEvent{ID: "v", Step: "sign-in", SignIn: &api.SignIn{Host: "auth.example.org", URL: "https://auth.example.org/a"}})
	},
	"account-verify-device": func() *state.State {
		return verifying(api.FlowEvent{ID: "v", Step: "device", Device: &api.DeviceSignIn{
			Code: "WDJB-MJHT", URL: "https://auth.example.org/device", Host: "auth.example.org",
		}})
	},
	"account-verify-local": func() *state.State {
		return verifying(api.FlowEvent{ID: "v", Step: "local", Address: "http://192.168.1.10:8096"})
	},
	"account-unverified": func() *state.State {
		return after(opened(api.Settings{}, false), state.OpenAccount{Index: 0},
			state.VerifyLink{UserID: "01", Identity: accounts().Rows[0].Identities[0]}, state.VerifyStarted{Number: 1, ID: "v"},
			state.FlowMoved{Event: api.FlowEvent{ID: "v", Step: "failed", Error: &api.Error{
				Code: api.CodeSignInRefused,
			}}})
	},
}

// verifying is a verification of the first account's first identity, with an event.
func verifying(e api.FlowEvent) *state.State {
	return after(opened(api.Settings{}, false), state.OpenAccount{Index: 0},
		state.VerifyLink{UserID: "01", Identity: accounts().Rows[0].Identities[0]}, state.VerifyStarted{Number: 1, ID: "v"},
		state.FlowMoved{Event: e})
}

// gaps shows an account whose name is free at two providers.
func gaps(settings api.Settings, accepted bool) *state.State {
	s := after(opened(settings, false), state.OpenAccount{Index: 1})
	row := *s.Drawer.Row
	row.AtRisk, row.Accepted = !accepted, accepted
	row.Gaps = []api.Identity{{Protocol: api.OIDC, Provider: "authelia", Name: "bob"}, {Protocol: api.SAML, Provider: hostile, Name: "bob"}}
	return after(s, state.AccountLoaded{UserID: row.ID, Row: row})
}
