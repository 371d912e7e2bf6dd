package views_test

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var settingsCases = map[string]func() *state.State{
	"settings": func() *state.State {
		return after(opened(api.Settings{Ports: []int{8787}}, false), state.Go{Screen: state.ScreenSettings})
	},
	"settings-earlier-plugin": func() *state.State {
		s := opened(api.Settings{}, false)
		s.Session.Capabilities.Flavour, s.Session.Capabilities.Version = api.FlavourFlowfin, "4.3.0.0"
		s.Session.Capabilities.Remarks = []api.Remark{
			{Why: "version-preprovision", Params: map[string]string{"since": "4.3.0-beta.40"}},
		}
		return after(s, state.Go{Screen: state.ScreenSettings})
	},
	"settings-servers": func() *state.State {
		s := stored(opened(german, false))
		s.Boot.Profiles[1].Default = true
		s.Boot.Browsers = []string{"firefox", "chromium"}
		s.Boot.Settings.Browser = "my-browser --private"
		return after(s, state.Go{Screen: state.ScreenSettings})
	},
	"settings-keys-off": func() *state.State {
		return after(opened(api.Settings{NoSingleKeys: true}, false), state.Go{Screen: state.ScreenSettings})
	},
}
