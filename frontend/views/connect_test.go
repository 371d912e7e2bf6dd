package views_test

import (
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var connectCases = map[string]func() *state.State{
	"starting": func() *state.State { return state.New(now) },
	"fatal": func() *state.State {
		return after(
			state.New(now),
			state.Booted{Err: &api.Error{Code: api.CodeInternal, Sentence: "No folder.", Hint: "Make one."}},
		)
	},
	"welcome":    func() *state.State { return fresh(api.Settings{}) },
	"welcome-de": func() *state.State { return fresh(german) },
	"welcome-found": func() *state.State {
		return after(
			fresh(api.Settings{}),
			state.Found{Servers: []api.DiscoveredServer{{ID: "1", Name: hostile, URL: "http://10.0.0.2:8096"}}},
		)
	},
	"connect":     choosing,
	"connect-key": func() *state.State { return after(choosing(), state.PickMethod{Method: state.MethodKey}) },
	"add": func() *state.State {
		return after(pending(opened(api.Settings{}, true)), state.AddServer{})
	},
	"add-connect": func() *state.State {
		return after(pending(opened(german, false)), state.AddServer{}, state.Try{Address: "jf"}, state.Probed{Address: "jf", Probe: api.Probe{
			Plugin: true, Server: api.Server{ID: "i", Name: "Two", WizardCompleted: true},
		}})
	},
	"leave": func() *state.State {
		s := pending(opened(api.Settings{}, true))
		s.DemoChanged = true
		return after(s, state.Leave{})
	},
	"connect-nowhere": func() *state.State {
		return after(fresh(api.Settings{}), state.Try{Address: "jf"}, state.Probed{Address: "jf", Err: &api.Error{
			Code: api.CodeServerNotFound, Why: "no-jellyfin", Params: map[string]string{"typed": "jf", "list": "jf"},
		}})
	},
	"connect-certificate": func() *state.State {
		return after(fresh(api.Settings{}), state.Try{Address: "jf"}, state.Probed{Address: "jf", Probe: api.Probe{
			Certificate: &api.Certificate{
				SHA256:    "AB:CD",
				Subject:   "CN=jf",
				Issuer:    "CN=jf",
				NotBefore: now,
				NotAfter:  now.AddDate(1, 0, 0),
			},
		}})
	},
	"connect-changed": func() *state.State {
		return after(fresh(german), state.Try{Address: "jf"}, state.Probed{Address: "jf", Probe: api.Probe{
			Certificate: &api.Certificate{
				SHA256: strings.Repeat("A7:", 31) + "A7", Subject: "CN=" + hostile, Issuer: "CN=jf", NotBefore: now, NotAfter: now,
			},
			Pinned: strings.Repeat("0B:", 31) + "0B",
		}})
	},
	"connect-starting": func() *state.State {
		return after(fresh(api.Settings{}), state.Try{Address: "jf"}, state.Probed{Address: "jf", Probe: api.Probe{
			Starting: true, Server: api.Server{ID: "i", Name: "Home", URL: "https://jf", Version: "10.11"},
		}})
	},
	"connect-noplugin": func() *state.State {
		return after(
			fresh(german),
			state.Try{Address: "jf"},
			state.Probed{Address: "jf", Probe: api.Probe{Server: api.Server{ID: "i", WizardCompleted: true}}},
		)
	},
	"opening-failed": func() *state.State {
		return after(
			fresh(api.Settings{}),
			state.Open{Name: "Home"},
			state.Connected{Name: "Home", Err: &api.Error{Code: api.CodeSecretLocked}},
		)
	},
	"connect-nokeyring": func() *state.State {
		s := fresh(api.Settings{})
		s.Keyring = &api.Keyring{Code: api.CodeSecretUnavailable}
		return after(s, state.Try{Address: "jf"}, state.Probed{Address: "jf", Probe: api.Probe{
			Plugin: true, Server: api.Server{ID: "i", Name: "Home", URL: "https://jf", Version: "10.11", WizardCompleted: true},
		}})
	},
	"connect-password": func() *state.State { return after(choosing(), state.PickMethod{Method: state.MethodPassword}) },
	"connect-quick": func() *state.State {
		return after(choosing(), state.PickMethod{Method: state.MethodQuick}, state.SignIn{},
			state.QuickStarted{Address: "jf", Quick: api.QuickConnect{ID: "q", Code: "493 027"}})
	},
}

// choosing is a server that was found, before somebody signs in.
func choosing() *state.State {
	return after(fresh(api.Settings{}), state.Try{Address: "jf"}, state.Probed{Address: "jf", Probe: api.Probe{
		Plugin: true, QuickConnect: true, Flavours: []api.Flavour{api.Flavour9p4, api.FlavourK0lin},
		Server: api.Server{ID: "i", Name: "Home", URL: "https://jf", Version: "10.11", WizardCompleted: true},
	}})
}

// pending has a link that waits for its confirmation.
func pending(s *state.State) *state.State {
	s.Link = state.Link{Step: state.LinkConfirm, Account: api.User{ID: "02", Name: hostile}, FlowID: "f"}
	return s
}
