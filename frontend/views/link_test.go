package views_test

import (
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var linkCases = map[string]func() *state.State{
	"link-home": func() *state.State {
		s := opened(german, false)
		s.Session.Capabilities.PageSignsIn = false
		s.Update(state.StartLinking{Account: api.User{ID: "02", Name: hostile}})
		s.Update(state.PickProvider{Protocol: api.OIDC, Name: "authelia"})
		return after(s, state.LinkAtHome{}, state.SelfLoaded{Kit: api.SelfService{PageURL: "https://jf.example/SSOViews/linking"}})
	},
	"link-plan-home": func() *state.State {
		s := linking(false)
		s.Session.Capabilities.PageSignsIn = false
		return s
	},
	"link-unseen": func() *state.State {
		return asking(german, api.Confirmation{Account: api.User{ID: "02", Name: "bob"}, Identity: api.Identity{Protocol: api.OIDC, Provider: "authelia"}})
	},
	"link-namesake": func() *state.State {
		return asking(api.Settings{}, api.Confirmation{
			Account: api.User{ID: "02", Name: "bob"}, Identity: api.Identity{Protocol: api.OIDC, Provider: "authelia", Name: "maria"},
			NameKnown: true, DisplayName: "Maria Lindqvist", Namesake: &api.User{ID: "01", Name: hostile},
		})
	},
	"link-plan":    func() *state.State { return after(linking(false), state.ToggleMore{}) },
	"link-demo":    func() *state.State { return linking(true) },
	"link-subject": func() *state.State { return after(linking(false), state.LinkTab{Subject: true}) },
	"link-subject-blank": func() *state.State {
		return after(linking(false), state.LinkTab{Subject: true}, state.Edit{Field: state.FieldSubject, Value: "ada "})
	},
	"link-pairwise": func() *state.State {
		s := linking(false)
		s.Link.Plan.Strategy = api.StrategyOwnClient
		s.Link.Plan.Remarks = []api.Remark{{Why: "warn-pairwise"}}
		return s
	},
	"link-signin": signingIn,
	"link-local": func() *state.State {
		s := signingIn()
		s.Link.SignIn, s.Link.Local = nil, "http://192.168.1.20:8096"
		return s
	},
	"link-no-browser": func() *state.State {
		return after(signingIn(), state.FlowMoved{Event: api.FlowEvent{
			ID: "f", Step: "progress", Progress: &api.Progress{Step: string(api.CodeBrowserFailed)},
		}})
	},
	"link-signin-warned": func() *state.State {
		return after(signingIn(), state.FlowMoved{Event: api.FlowEvent{
			ID: "f", Step: "progress", Progress: &api.Progress{Step: "waiting-for-sign-in", Why: "address-again"},
		}})
	},
	"link-written": func() *state.State {
		return confirming(api.Confirmation{
			Account: api.User{ID: "02", Name: "bob"}, Identity: api.Identity{Protocol: api.OIDC, Provider: "authelia", Name: "sub-1"},
			NameKnown: true, Written: true, Moves: true, Owner: &api.User{ID: "03", Name: "carol"},
		})
	},
	"link-confirm": func() *state.State {
		return confirming(api.Confirmation{
			Account: api.User{
				ID:   "02",
				Name: "bob",
			},
			Identity:    api.Identity{Protocol: api.OIDC, Provider: "authelia", Name: hostile},
			NameKnown:   true,
			Owner:       &api.User{ID: "01", Name: "Ada Lovelace"},
			Moves:       true,
			DisplayName: hostile,
			Email:       "b@example.org",
		})
	},
	"link-done": func() *state.State {
		return after(
			confirming(api.Confirmation{}),
			state.Answer{Yes: true},
			state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "done", Change: &api.Change{
				ID:         "c",
				Kind:       api.ChangeLink,
				State:      api.ChangeConfirmed,
				UserName:   "bob",
				Identities: []api.Identity{{Protocol: api.OIDC, Provider: "authelia", Name: "bob"}},
				Undoable:   true,
			}}},
		)
	},
	"link-failed": func() *state.State {
		return after(
			signingIn(),
			state.FlowMoved{
				Event: api.FlowEvent{
					ID:    "f",
					Step:  "failed",
					Error: &api.Error{Code: api.CodeSignInRefused},
				},
			},
		)
	},
	"link-no-sign-in": func() *state.State {
		p := api.Provider{Protocol: api.OIDC, Name: "authelia", Known: true, Enabled: true}
		subject := api.Option{Strategy: api.StrategySubject, Write: api.WritePreprovision, OK: true, Why: api.WhyNameID}
		return after(
			opened(api.Settings{}, false),
			state.OpenAccount{Index: 0},
			state.StartLinking{Account: api.User{ID: "01", Name: "Ada"}},
			state.PickProvider{Protocol: p.Protocol, Name: p.Name},
			state.Planned{Number: 2, Plan: api.Plan{Provider: p, Option: subject, Options: []api.Option{
				subject,
				{Strategy: api.StrategyRelay, Why: "key-sign-in"},
				{Strategy: api.StrategyOwnClient, Code: api.CodeClientMissing, Why: api.WhyClientMissing},
			}}},
		)
	},
	"link-running": func() *state.State { return after(signingIn(), state.CloseDrawer{}) },
	"link-running-confirm": func() *state.State {
		return after(confirming(api.Confirmation{Account: api.User{ID: "02", Name: "bob"}}), state.CloseDrawer{})
	},
	"link-owned": func() *state.State {
		return after(signingIn(), state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "failed", Error: &api.Error{
			Code: api.CodeLinkOwned, Params: map[string]string{"name": "grace", "provider": "keycloak", "owner": "Ada", "account": "Grace"},
		}}})
	},
}

func linking(demo bool) *state.State {
	s := opened(api.Settings{}, demo)
	s.Update(state.StartLinking{Account: api.User{ID: "02", Name: "bob"}})
	for _, c := range s.Update(state.PickProvider{Protocol: api.OIDC, Name: "authelia"}) {
		if plan, ok := c.(state.CallPlanLink); ok {
			s.Update(state.Planned{Number: plan.Number, Plan: api.Plan{
				Provider:         api.Provider{Protocol: api.OIDC, Name: "authelia", NameClaim: "preferred_username"},
				Option:           api.Option{Strategy: api.StrategyRelay, OK: true, Why: api.WhyRelay},
				Allow:            []string{"http://127.0.0.1:8787/sso/OID/redirect/authelia"},
				KnownBeforeWrite: true,
				Options: []api.Option{
					{Strategy: api.StrategyRelay, OK: true},
					{Strategy: api.StrategySubject, OK: true, Why: api.WhyNameID},
				},
				Account: api.User{ID: "01", Name: "Ada", Disabled: true},
			}})
		}
	}
	return s
}

func signingIn() *state.State {
	s := linking(false)
	for _, c := range s.Update(state.RunLink{}) {
		if start, ok := c.(state.CallStartLink); ok {
			s.Update(state.FlowStarted{Number: start.Number, ID: "f"})
		}
	}
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "sign-in", SignIn: &api.SignIn{
		URL:      "https://auth.example/a?b",
		Host:     "auth.example",
		ShortURL: "http://127.0.0.1:8787/",
		Deadline: now.Add(272 * time.Second), KeptSeconds: 60,
	}}})
	return s
}

func confirming(c api.Confirmation) *state.State {
	s := signingIn()
	s.Update(state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "confirm", Confirmation: &c}})
	return s
}

// asking asks what a link's confirmation asks.
func asking(settings api.Settings, c api.Confirmation) *state.State {
	s := opened(settings, false)
	s.Drawer = state.Drawer{UserID: c.Account.ID, Linking: true}
	s.Link = state.Link{Step: state.LinkConfirm, Account: c.Account, Confirm: &c, FlowID: "f"}
	return s
}
