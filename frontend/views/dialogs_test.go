package views_test

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var dialogsCases = map[string]func() *state.State{
	"remove": func() *state.State {
		return after(opened(german, false), state.Select{Index: 0}, state.AskRemoveSelected{})
	},
	"note": func() *state.State {
		s := noted(german)
		return after(s, state.OpenAccount{Index: 0}, state.AskNote{Identity: s.Session.Notes[0].Identity})
	},
	"noted": func() *state.State { return after(noted(api.Settings{}), state.OpenAccount{Index: 0}) },
	"remove-both-warnings": func() *state.State {
		s := opened(api.Settings{}, false)
		accounts, links := map[string]api.Account{}, []api.Link{}
		for _, name := range []string{"maria", "noah", hostile} {
			id := api.Identity{Protocol: api.OIDC, Provider: "authelia", Name: name}
			if name != "maria" {
				id.Name += "-at-work"
			}
			accounts[name] = api.Account{
				User: api.User{ID: name, Name: name, AuthProvider: api.AuthProviderPlugin}, Exists: true, Identities: []api.Identity{id},
			}
			links = append(links, api.Link{Identity: id, UserID: name})
		}
		return after(s, state.AskRemove{Links: links, Accounts: accounts})
	},
	"palette-found": func() *state.State {
		s := stored(opened(german, false))
		return after(s, state.ShowDialog{Kind: state.DialogPalette}, state.Edit{Field: state.FieldCommand, Value: "b"},
			state.AccountsFound{Typed: "b", Rows: accounts().Rows})
	},
	"shortcuts-mac": func() *state.State {
		s := opened(api.Settings{}, false)
		s.Boot.OS = "darwin"
		return after(s, state.ShowDialog{Kind: state.DialogShortcuts})
	},
	"remove-detour": func() *state.State {
		s := opened(api.Settings{}, false)
		s.Session.Capabilities.WriteConfig, s.Session.Capabilities.DeleteLink = api.Ability{}, api.Ability{}
		s.Session.Capabilities.Preprovision = api.Ability{OK: true}
		return after(s, state.Select{Index: 0}, state.AskRemoveSelected{})
	},
	"remove-running": func() *state.State {
		gone := func(id string) api.Link {
			return api.Link{UserID: id, Identity: api.Identity{Provider: "authelia", Name: id}}
		}
		return after(
			opened(api.Settings{}, false),
			state.AskRemove{Links: []api.Link{gone("01"), gone("02")}, Accounts: map[string]api.Account{}},
			state.DialogYes{},
			state.Working{Progress: api.Progress{Step: "removing", Done: 1, Total: 2}},
		)
	},
	"remove-stopped": func() *state.State {
		links := []api.Link{{UserID: "01"}, {UserID: "02"}}
		return after(
			opened(api.Settings{}, false), state.AskRemove{Links: links}, state.DialogYes{}, state.StopRemoval{},
			state.Removed{
				Changes: []api.Change{{
					ID: "1", Kind: api.ChangeUnlink, State: api.ChangeConfirmed, UserName: "Ada",
					Identities: []api.Identity{{Provider: "authelia", Name: "01"}}, Undoable: true,
				}},
				Err: &api.Error{Code: api.CodeCancelled, Why: "stopped-between", Params: map[string]string{"done": "1", "total": "2"}},
			},
		)
	},
	"unregister": func() *state.State {
		return after(
			opened(api.Settings{}, false),
			state.AskUnregister{UserID: "01"},
			state.UnregisterPlanned{UserID: "01", Plan: api.UnregisterPlan{
				Account: api.User{
					Name: "Ada",
				},
				Providers:  []api.AuthProvider{{ID: "d", Name: "Default"}},
				Links:      3,
				Remarks:    []api.Remark{{Why: "keeps-several", Params: map[string]string{"n": "3"}}},
				NoPassword: true,
			}},
		)
	},
	"shortcuts-off": func() *state.State {
		return after(opened(api.Settings{NoSingleKeys: true}, false), state.ShowDialog{Kind: state.DialogShortcuts})
	},
	"secret": func() *state.State {
		s := opened(api.Settings{}, false)
		s.Providers.List[0].Settings.HasSecret = true
		return after(s, state.Go{Screen: state.ScreenProviders}, state.EditProvider{ID: "oidc/authelia"}, state.AskDeleteSecret{})
	},
	"forget": func() *state.State {
		return after(stored(opened(api.Settings{}, false)), state.Go{Screen: state.ScreenSettings}, state.AskForget{Name: hostile})
	},
	"rename": func() *state.State {
		return after(stored(opened(german, false)), state.Go{Screen: state.ScreenSettings}, state.AskRename{Name: hostile})
	},
	"local-address": func() *state.State {
		s := stored(opened(german, false))
		s.Boot.Profiles[0].LocalAddress = "http://192.168.1.20:8096"
		return after(s, state.Go{Screen: state.ScreenSettings}, state.AskLocal{Name: s.Boot.Profiles[0].Name})
	},
	"palette": func() *state.State {
		return after(opened(api.Settings{}, false), state.ShowDialog{Kind: state.DialogPalette})
	},
	"shortcuts": func() *state.State {
		return after(opened(german, false), state.ShowDialog{Kind: state.DialogShortcuts})
	},
}

// noted has a note on an identity.
func noted(settings api.Settings) *state.State {
	s := opened(settings, false)
	return after(s, state.NoteSaved{Notes: []api.IdentityNote{{
		Identity: api.Identity{Protocol: api.OIDC, Provider: "google", Name: "10841"}, Text: "Ada · " + hostile,
	}}})
}
