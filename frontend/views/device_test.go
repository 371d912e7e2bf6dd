package views_test

import (
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var deviceCases = map[string]func() *state.State{
	"device-plan":   func() *state.State { return offered(api.Settings{}) },
	"device":        func() *state.State { return onDevice(api.Settings{}, hostile) },
	"device-german": func() *state.State { return onDevice(german, "WDJB-MJHT") },
	"device-no-browser": func() *state.State {
		return after(onDevice(api.Settings{}, "A"), state.FlowMoved{Event: api.FlowEvent{
			ID: "f", Step: "progress", Progress: &api.Progress{Step: string(api.CodeBrowserFailed)},
		}})
	},
	"device-several": several,
	"device-missing": func() *state.State {
		s := offered(api.Settings{})
		last := len(s.Link.Plan.Options) - 1
		s.Link.Plan.Options[last] = api.Option{
			Strategy: api.StrategyDevice, Why: "device-missing", Params: map[string]string{"host": "auth.example"},
		}
		return after(s, state.ToggleMore{})
	},
}

// offered is a plan that offers a sign-in on another device.
func offered(settings api.Settings) *state.State {
	s := linking(false)
	s.Boot.Settings = settings
	s.Link.Plan.Options = append(s.Link.Plan.Options, api.Option{Strategy: api.StrategyDevice, OK: true, Why: api.WhyDevice})
	return s
}

func onDevice(settings api.Settings, code string) *state.State {
	s := offered(settings)
	startDevice(s, "f", code)
	return s
}

func startDevice(s *state.State, flow, code string) {
	for _, c := range s.Update(state.RunLink{Device: true}) {
		if start, ok := c.(state.CallStartLink); ok {
			s.Update(state.FlowStarted{Number: start.Number, ID: flow})
		}
	}
	s.Update(state.FlowMoved{Event: api.FlowEvent{
		ID: flow, Step: "device", QR: [][]bool{{true, true, false}, {false, true, false}, {true, false, true}},
		Device: &api.DeviceSignIn{
			Code: code, Host: "auth.example", URL: "https://auth.example/device",
			CompleteURL: "https://auth.example/device?user_code=x", Deadline: now.Add(272 * time.Second),
		},
	}})
}

// several are links that wait, ask and have failed while another account is open.
func several() *state.State {
	s := opened(api.Settings{}, false)
	for i, name := range []string{"ada", "bob", hostile} {
		id := string(rune('1' + i))
		s.Update(state.StartLinking{Account: api.User{ID: id, Name: name}})
		s.Update(state.PickProvider{Protocol: api.OIDC, Name: "authelia"})
		startDevice(s, "f"+id, "CODE")
	}
	return after(
		s, state.CloseDrawer{},
		state.FlowMoved{Event: api.FlowEvent{ID: "f1", Step: "confirm", Confirmation: &api.Confirmation{}}},
		state.FlowMoved{Event: api.FlowEvent{ID: "f2", Step: "failed", Error: &api.Error{Code: api.CodeTimeout, Why: "device-denied"}}},
	)
}
