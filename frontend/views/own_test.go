package views_test

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var ownCases = map[string]func() *state.State{
	"self-service": func() *state.State {
		return after(
			opened(api.Settings{}, false),
			state.Go{Screen: state.ScreenOwn},
			state.SelfLoaded{Kit: api.SelfService{PageURL: "https://jf.example/p", MenuLink: `{"name": "Links"}`, MenuName: "Links"}},
		)
	},
	"own":       func() *state.State { return plain(accounts().Rows[0].Identities) },
	"own-empty": func() *state.State { return plain(nil) },
}

// plain is the window of somebody who is no administrator.
func plain(identities []api.Identity) *state.State {
	user := api.User{ID: "07", Name: "noah"}
	own := api.Capabilities{Flavour: api.FlavourK0lin, Credential: api.CredentialUser, PostLink: api.Ability{OK: true}, DeleteLink: api.Ability{OK: true}}
	return after(fresh(api.Settings{}), state.Connected{Session: api.Session{
		Profile: api.Profile{Name: "Home", URL: "https://jf.example"}, Server: api.Server{Name: "Home"}, Capabilities: own, User: &user,
	}}, state.AccountLoaded{UserID: user.ID, Row: api.RosterRow{Account: api.Account{User: user, Exists: true, Identities: identities}}})
}
