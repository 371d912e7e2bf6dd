package views_test

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var providersCases = map[string]func() *state.State{
	"providers": func() *state.State {
		return after(
			opened(api.Settings{}, false),
			state.Go{Screen: state.ScreenProviders},
			state.EditProvider{ID: "oidc/authelia"},
			state.ProviderTested{
				ID:     "oidc/authelia",
				Result: api.ProviderTest{OK: true, Facts: []api.Fact{{Name: "Issuer", Value: hostile}}},
			},
		)
	},
	"providers-failed": func() *state.State {
		return after(opened(api.Settings{}, false), state.Go{Screen: state.ScreenProviders},
			state.ProvidersLoaded{Err: &api.Error{Code: api.CodeForbidden}})
	},
}
