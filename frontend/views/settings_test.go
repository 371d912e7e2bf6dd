package views_test

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var settingsCases = map[string]func() *state.State{
	"settings": func() *state.State {
		return after(opened(api.Settings{Ports: []int{8787}}, false), state.Go{Screen: state.ScreenSettings})
	},
	"settings-keys-off": func() *state.State {
		return after(opened(api.Settings{NoSingleKeys: true}, false), state.Go{Screen: state.ScreenSettings})
	},
}
