package views_test

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var noWayCases = map[string]func() *state.State{
	"noway":        func() *state.State { return behindProxy(api.Settings{}) },
	"noway-german": func() *state.State { return behindProxy(german) },
	"noway-failed": func() *state.State {
		return after(signingIn(), state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "failed", Error: &api.Error{
			Code: api.CodeLoopbackUnreachable, Why: "no-way", Params: map[string]string{"provider": "authelia"},
			NoWay: hiddenByProxy(),
		}}})
	},
}

// hiddenByProxy is what a person needs on a server whose proxy chooses by name.
func hiddenByProxy() *api.NoWay {
	return &api.NoWay{
		Attempts: []api.Attempt{{
			Strategy: api.StrategyRelay, Code: api.CodeLoopbackUnreachable, Why: "proxied-closed",
			Params: map[string]string{"host": "127.0.0.1:18701", "server": "media.example.com", "provider": "authelia"},
		}},
		Client: "jellyfin", Secret: true, Local: true,
		Allow: []string{"http://127.0.0.1:18701/sso/OID/redirect/authelia"},
		Rules: []api.ProxyRule{{Proxy: "nginx", Text: "server {\n  listen 443 ssl;\n}\n"}, {Proxy: "Caddy", Text: "https://127.0.0.1 {\n}\n"}},
	}
}

func behindProxy(settings api.Settings) *state.State {
	s := linking(false)
	s.Boot.Settings = settings
	subject := api.Option{Strategy: api.StrategySubject, OK: true, Why: api.WhyNameID}
	s.Link.Plan.Option, s.Link.Plan.NoWay, s.Link.Plan.Allow = subject, hiddenByProxy(), nil
	s.Link.Plan.Options = []api.Option{
		subject,
		{
			Strategy: api.StrategyRelay, Why: "proxied-closed",
			Params: map[string]string{"host": "127.0.0.1:18701", "server": "media.example.com", "provider": "authelia"},
		},
		{Strategy: api.StrategyPluginClient, Code: api.CodeClientSecretMissing, Why: api.WhySecretMissing},
		{Strategy: api.StrategyOwnClient, Code: api.CodeClientMissing, Why: api.WhyClientMissing},
	}
	return s
}
