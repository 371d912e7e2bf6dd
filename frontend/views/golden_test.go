package views_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
	"github.com/jellybind/jellybind/frontend/views"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

var now = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)

const hostile = "<img src=x onerror=alert(1)>\u202Egnp.exe\n"

func fresh(settings api.Settings) *state.State {
	s := state.New(now)
	s.Update(state.Booted{Boot: api.Bootstrap{
		Version: "0.1.0", OS: "linux", Locale: "en-GB", Settings: settings,
		DemoFlavours: []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin},
	}})
	s.Update(state.KeyringChecked{Keyring: api.Keyring{OK: true}})
	s.Update(state.Found{})
	return s
}

func accounts() api.RosterPage {
	return api.RosterPage{
		Rows: []api.RosterRow{
			{Account: api.Account{
				User: api.User{
					ID:            "01",
					Name:          "Ada Lovelace",
					Administrator: true,
					HasPassword:   true,
					LastActivity:  now.Add(-3 * time.Hour),
					AuthProvider:  "Jellyfin.Plugin.SSO_Auth.Api.SSOController",
				},
				Exists: true,
				Identities: []api.Identity{
					{
						Protocol: api.OIDC,
						Provider: "authelia",
						Name:     "ada",
					},
					{Protocol: api.SAML, Provider: "keycloak", Name: "ada@example.org"},
					{Protocol: api.OIDC, Provider: "google", Name: "10841"},
				},
			}},
			{Account: api.Account{User: api.User{ID: "02", Name: "bob"}, Exists: true, AtRisk: true}, Changed: true},
			{Account: api.Account{
				User: api.User{ID: "03", Name: hostile, Disabled: true}, Exists: true,
				Identities: []api.Identity{{Protocol: api.OIDC, Provider: hostile, Name: hostile}},
			}},
			{
				Account: api.Account{
					User:       api.User{ID: "04"},
					Identities: []api.Identity{{Protocol: api.OIDC, Provider: "authelia", Name: "left"}},
				},
			},
		},
		Total: 4,
		Taken: now.Add(-2 * time.Minute),
		Counts: api.RosterCounts{
			All:           4,
			Linked:        3,
			Unlinked:      1,
			Several:       1,
			Orphan:        1,
			AtRisk:        1,
			Disabled:      1,
			Administrator: 1,
			Identities:    5,
		},
	}
}

var can = api.Capabilities{
	Flavour:         api.Flavour9p4,
	Adopts:          true,
	DefaultClaim:    "preferred_username",
	PageSignsIn:     true,
	Credential:      api.CredentialAdmin,
	ReadRoster:      api.Ability{OK: true},
	PostLink:        api.Ability{OK: true},
	DeleteLink:      api.Ability{OK: true},
	WriteConfig:     api.Ability{OK: true},
	Unregister:      api.Ability{OK: true},
	UnregisterDrops: true,
	UnregisterKept:  true,
}

func opened(settings api.Settings, demo bool) *state.State {
	s := fresh(settings)
	session := api.Session{Profile: api.Profile{Name: "Home", URL: "https://jf.example", Demo: demo}, Capabilities: can}
	if demo {
		session.DemoPeople = []string{"ada", "bob"}
	}
	for _, c := range s.Update(state.Connected{Session: session}) {
		if page, ok := c.(state.CallPage); ok {
			s.Update(state.PageLoaded{Generation: page.Generation, Rows: accounts()})
		}
	}
	s.Update(state.ProvidersLoaded{List: []api.ProviderDetail{
		{
			Provider: api.Provider{
				Protocol:  api.OIDC,
				Name:      "authelia",
				Known:     true,
				Enabled:   true,
				Endpoint:  "https://auth.example/x",
				ClientID:  "jf",
				Scopes:    []string{"openid"},
				NameClaim: "preferred_username",
				Links:     2,
			},
			AppRedirects: []string{
				"http://127.0.0.1:8787/sso/OID/redirect/authelia",
			},
			ServerRedirects: []string{"https://jf.example/sso/OID/redirect/authelia"},
			Relay:           api.Ability{OK: true},
		},
		{
			Provider: api.Provider{Protocol: api.SAML, Name: "keycloak", Known: true, Enabled: true, AutoAdopt: true, Links: 1},
			Relay:    api.Ability{Reason: "An override leads elsewhere."},
		},
	}})
	return s
}

func linking(demo bool) *state.State {
	s := opened(api.Settings{}, demo)
	s.Update(state.StartLinking{Account: api.User{ID: "02", Name: "bob"}})
	for _, c := range s.Update(state.PickProvider{Protocol: api.OIDC, Name: "authelia"}) {
		if plan, ok := c.(state.CallPlanLink); ok {
			s.Update(state.Planned{Number: plan.Number, Plan: api.Plan{
				Provider:         api.Provider{Protocol: api.OIDC, Name: "authelia", NameClaim: "preferred_username"},
				Option:           api.Option{Strategy: api.StrategyRelay, OK: true, Why: api.WhyRelay, Reason: "A token may store links."},
				Allow:            []string{"http://127.0.0.1:8787/sso/OID/redirect/authelia"},
				KnownBeforeWrite: true,
				Options: []api.Option{
					{Strategy: api.StrategyRelay, OK: true},
					{Strategy: api.StrategySubject, OK: true, Reason: "Always possible."},
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

func after(s *state.State, msgs ...state.Msg) *state.State {
	for _, m := range msgs {
		s.Update(m)
	}
	return s
}

// choosing is a server that was found, before somebody signs in.
func choosing() *state.State {
	return after(fresh(api.Settings{}), state.Try{Address: "jf"}, state.Probed{Address: "jf", Probe: api.Probe{
		Plugin: true, QuickConnect: true, Flavours: []api.Flavour{api.Flavour9p4, api.FlavourK0lin},
		Server: api.Server{ID: "i", Name: "Home", URL: "https://jf", Version: "10.11", WizardCompleted: true},
	}})
}

// plain is the window of somebody who is no administrator.
func plain(identities []api.Identity) *state.State {
	user := api.User{ID: "07", Name: "noah"}
	own := api.Capabilities{Flavour: api.FlavourK0lin, Credential: api.CredentialUser, PostLink: api.Ability{OK: true}, DeleteLink: api.Ability{OK: true}}
	return after(fresh(api.Settings{}), state.Connected{Session: api.Session{
		Profile: api.Profile{Name: "Home", URL: "https://jf.example"}, Server: api.Server{Name: "Home"}, Capabilities: own, User: &user,
	}}, state.AccountLoaded{UserID: user.ID, Row: api.RosterRow{Account: api.Account{User: user, Exists: true, Identities: identities}}})
}

// stored adds two servers, of which the first is open.
func stored(s *state.State) *state.State {
	s.Boot.Profiles = []api.Profile{
		{Name: "Home", URL: "https://jf.example", Credential: api.CredentialAdmin},
		{Name: hostile, URL: "https://other.example", Credential: api.CredentialKey},
	}
	return s
}

var german = api.Settings{Language: "de"}

var cases = map[string]func() *state.State{
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
	"connect": choosing,
	"connect-nowhere": func() *state.State {
		return after(fresh(api.Settings{}), state.Try{Address: "jf"}, state.Probed{Address: "jf", Err: &api.Error{
			Code: api.CodeServerNotFound, Sentence: "No Jellyfin answers at jf.", Hint: "Copy its address.",
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
	"connect-unknown-plugin": func() *state.State {
		return after(fresh(api.Settings{}), state.Try{Address: "jf"}, state.Probed{Address: "jf", Probe: api.Probe{
			Plugin: true, Server: api.Server{ID: "i", Name: "Home", URL: "https://jf", Version: "10.11", WizardCompleted: true},
		}}, state.Connected{Address: "jf", Err: &api.Error{Code: api.CodePluginUnknown, Sentence: "Unknown.", Hint: "Update."}})
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
			state.Connected{Name: "Home", Err: &api.Error{Code: api.CodeSecretLocked, Sentence: "Locked."}},
		)
	},
	"roster":      func() *state.State { return opened(api.Settings{}, false) },
	"roster-demo": func() *state.State { return opened(api.Settings{}, true) },
	"roster-de":   func() *state.State { return opened(german, false) },
	"roster-nothing": func() *state.State {
		s := opened(api.Settings{}, false)
		for _, c := range s.Update(state.Edit{Field: state.FieldSearch, Value: hostile}) {
			if page, ok := c.(state.CallPage); ok {
				s.Update(state.PageLoaded{Generation: page.Generation, Rows: api.RosterPage{Counts: accounts().Counts}})
			}
		}
		return s
	},
	"roster-selected": func() *state.State {
		return after(opened(api.Settings{}, false), state.Select{Index: 0}, state.Select{Index: 2, Range: true})
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
	"link-plan":    func() *state.State { return after(linking(false), state.ToggleMore{}) },
	"link-demo":    func() *state.State { return linking(true) },
	"link-subject": func() *state.State { return after(linking(false), state.LinkTab{Subject: true}) },
	"link-subject-blank": func() *state.State {
		return after(linking(false), state.LinkTab{Subject: true}, state.Edit{Field: state.FieldSubject, Value: "ada "})
	},
	"link-pairwise": func() *state.State {
		s := linking(false)
		s.Link.Plan.Strategy = api.StrategyOwnClient
		s.Link.Plan.Remarks = []api.Remark{{Why: "warn-pairwise", Sentence: "The link would open nothing."}}
		return s
	},
	"link-signin": signingIn,
	"link-no-browser": func() *state.State {
		return after(signingIn(), state.FlowMoved{Event: api.FlowEvent{
			ID: "f", Step: "progress", Progress: &api.Progress{Step: string(api.CodeBrowserFailed)},
		}})
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
					Error: &api.Error{Code: api.CodeSignInRefused, Sentence: "Refused."},
				},
			},
		)
	},
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
	"self-service": func() *state.State {
		return after(
			opened(api.Settings{}, false),
			state.Go{Screen: state.ScreenOwn},
			state.SelfLoaded{Kit: api.SelfService{PageURL: "https://jf.example/p", MenuLink: `{"name": "Links"}`, MenuName: "Links"}},
		)
	},
	"history": func() *state.State {
		id := []api.Identity{{Protocol: api.OIDC, Provider: "authelia", Name: hostile}}
		return after(
			opened(api.Settings{}, false),
			state.Go{Screen: state.ScreenHistory},
			state.ChangesLoaded{List: []api.Change{
				{
					ID:         "4",
					Time:       now,
					Kind:       api.ChangeUnlink,
					State:      api.ChangeConfirmed,
					Undoes:     "3",
					UserName:   "bob",
					Identities: id,
					Undoable:   true,
				},
				{
					ID:         "3",
					Time:       now,
					Kind:       api.ChangeLink,
					State:      api.ChangeUndone,
					UserName:   "bob",
					Identities: id,
					Strategy:   api.StrategyRelay,
				},
				{
					ID:         "2",
					Time:       now,
					Kind:       api.ChangeMove,
					State:      api.ChangeFailed,
					UserName:   "bob",
					FromName:   "Ada",
					Identities: id,
					Error:      api.CodeLinkNotStored,
				},
				{ID: "1", Time: now, Kind: api.ChangeUnregister, State: api.ChangeIntended, UserName: "bob", Undoable: true},
				{
					ID:         "0",
					Time:       now,
					Kind:       api.ChangeUnregister,
					State:      api.ChangeConfirmed,
					UserName:   "bob",
					Identities: id,
					Write:      api.WritePreprovision,
				},
			}},
		)
	},
	"settings": func() *state.State {
		return after(opened(api.Settings{Ports: []int{8787}}, false), state.Go{Screen: state.ScreenSettings})
	},
	"remove": func() *state.State {
		return after(opened(german, false), state.Select{Index: 0}, state.AskRemoveSelected{})
	},
	"remove-detour": func() *state.State {
		s := opened(api.Settings{}, false)
		s.Session.Capabilities.WriteConfig, s.Session.Capabilities.DeleteLink = api.Ability{}, api.Ability{}
		s.Session.Capabilities.Preprovision = api.Ability{OK: true}
		return after(s, state.Select{Index: 0}, state.AskRemoveSelected{})
	},
	"link-no-sign-in": func() *state.State {
		p := api.Provider{Protocol: api.OIDC, Name: "authelia", Known: true, Enabled: true}
		subject := api.Option{Strategy: api.StrategySubject, Write: api.WritePreprovision, OK: true, Reason: "Type it."}
		return after(
			opened(api.Settings{}, false),
			state.OpenAccount{Index: 0},
			state.StartLinking{Account: api.User{ID: "01", Name: "Ada"}},
			state.PickProvider{Protocol: p.Protocol, Name: p.Name},
			state.Planned{Number: 1, Plan: api.Plan{Provider: p, Option: subject, Options: []api.Option{
				subject,
				{Strategy: api.StrategyRelay, Reason: "No key may do that."},
				{Strategy: api.StrategyOwnClient, Reason: "jellybind providers set", Code: api.CodeClientMissing, Why: api.WhyClientMissing},
			}}},
		)
	},
	"remove-running": func() *state.State {
		gone := func(id string) api.Link {
			return api.Link{UserID: id, Identity: api.Identity{Provider: "authelia", Name: id}}
		}
		return after(
			opened(api.Settings{}, false),
			state.AskRemove{Links: []api.Link{gone("01"), gone("02")}, Accounts: map[string]api.Account{}},
			state.DialogYes{},
			state.Working{Progress: api.Progress{Step: "removing", Text: "Removing links…", Done: 1, Total: 2}},
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
				Err: &api.Error{Code: api.CodeCancelled, Sentence: "Cancelled: 1 of 2 links were removed."},
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
				Remarks:    []api.Remark{{Why: "keeps-several", Sentence: "The account keeps its 3 links."}},
				NoPassword: true,
			}},
		)
	},
	"settings-keys-off": func() *state.State {
		return after(opened(api.Settings{NoSingleKeys: true}, false), state.Go{Screen: state.ScreenSettings})
	},
	"shortcuts-off": func() *state.State {
		return after(opened(api.Settings{NoSingleKeys: true}, false), state.ShowDialog{Kind: state.DialogShortcuts})
	},
	"secret": func() *state.State {
		s := opened(api.Settings{}, false)
		s.Providers.List[0].Settings.HasSecret = true
		return after(s, state.Go{Screen: state.ScreenProviders}, state.EditProvider{ID: "oidc/authelia"}, state.AskDeleteSecret{})
	},
	"link-running": func() *state.State { return after(signingIn(), state.CloseDrawer{}) },
	"link-running-confirm": func() *state.State {
		return after(confirming(api.Confirmation{Account: api.User{ID: "02", Name: "bob"}}), state.CloseDrawer{})
	},
	"roster-changed": func() *state.State {
		s := fresh(api.Settings{})
		for _, c := range s.Update(state.Connected{Session: api.Session{Profile: api.Profile{Name: "Home"}, Capabilities: can}}) {
			if page, ok := c.(state.CallPage); ok {
				rows := accounts()
				rows.Counts.Changed = 1
				s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows})
			}
		}
		return s
	},
	"roster-reading": func() *state.State {
		s := fresh(api.Settings{})
		return after(s, state.Connected{Session: api.Session{Profile: api.Profile{Name: "Home"}, Capabilities: can}},
			state.Working{Progress: api.Progress{Step: "reading-roster", Text: "Reading accounts and links…", Done: 1250}})
	},
	"roster-failed": func() *state.State {
		s := fresh(api.Settings{})
		for _, c := range s.Update(state.Connected{Session: api.Session{Profile: api.Profile{Name: "Home"}, Capabilities: can}}) {
			if page, ok := c.(state.CallPage); ok {
				s.Update(state.PageLoaded{Generation: page.Generation, Err: &api.Error{Code: api.CodeTimeout, Sentence: "Late."}})
			}
		}
		return s
	},
	"connect-nokeyring": func() *state.State {
		s := fresh(api.Settings{})
		s.Keyring = &api.Keyring{Code: api.CodeSecretUnavailable, Sentence: "No keyring.", Hint: "Start one."}
		return after(s, state.Try{Address: "jf"}, state.Probed{Address: "jf", Probe: api.Probe{
			Plugin: true, Server: api.Server{ID: "i", Name: "Home", URL: "https://jf", Version: "10.11", WizardCompleted: true},
		}})
	},
	"connect-password": func() *state.State { return after(choosing(), state.PickMethod{Method: state.MethodPassword}) },
	"connect-quick": func() *state.State {
		return after(choosing(), state.PickMethod{Method: state.MethodQuick}, state.SignIn{},
			state.QuickStarted{Address: "jf", Quick: api.QuickConnect{ID: "q", Code: "493 027"}})
	},
	"own":       func() *state.State { return plain(accounts().Rows[0].Identities) },
	"own-empty": func() *state.State { return plain(nil) },
	"servers-menu": func() *state.State {
		return after(stored(opened(api.Settings{}, false)), state.OpenMenu{ID: "servers"})
	},
	"forget": func() *state.State {
		return after(stored(opened(api.Settings{}, false)), state.Go{Screen: state.ScreenSettings}, state.AskForget{Name: hostile})
	},
	"rename": func() *state.State {
		return after(stored(opened(german, false)), state.Go{Screen: state.ScreenSettings}, state.AskRename{Name: hostile})
	},
	"providers-failed": func() *state.State {
		return after(opened(api.Settings{}, false), state.Go{Screen: state.ScreenProviders},
			state.ProvidersLoaded{Err: &api.Error{Code: api.CodeForbidden, Sentence: "No.", Hint: "Ask."}})
	},
	"history-failed": func() *state.State {
		return after(opened(api.Settings{}, false), state.Go{Screen: state.ScreenHistory},
			state.ChangesLoaded{Err: &api.Error{Code: api.CodeInternal, Sentence: "No file.", Hint: "Look."}})
	},
	"link-owned": func() *state.State {
		return after(signingIn(), state.FlowMoved{Event: api.FlowEvent{ID: "f", Step: "failed", Error: &api.Error{
			Code: api.CodeLinkOwned, Sentence: "It opens Ada now.", Hint: "Allow moving it.",
		}}})
	},
	"account-unverified": func() *state.State {
		return after(opened(api.Settings{}, false), state.OpenAccount{Index: 0},
			state.VerifyLink{UserID: "01", Identity: accounts().Rows[0].Identities[0]}, state.VerifyStarted{Number: 1, ID: "v"},
			state.FlowMoved{Event: api.FlowEvent{ID: "v", Step: "failed", Error: &api.Error{
				Code: api.CodeSignInRefused, Sentence: "Refused.", Hint: "Look there.",
			}}})
	},
	"palette": func() *state.State {
		return after(opened(api.Settings{}, false), state.ShowDialog{Kind: state.DialogPalette})
	},
	"shortcuts": func() *state.State {
		return after(opened(german, false), state.ShowDialog{Kind: state.DialogShortcuts})
	},
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, build := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := views.Window(build())
			inspect(t, tree)
			got := dom.HTML(tree)
			path := filepath.Join("testdata", "golden", name+".html")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf(
					"differs from %s (go test ./frontend/views -update writes it anew): %s",
					path,
					firstDifference(got, string(want)),
				)
			}
		})
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "\n got " + a[i] + "\nwant " + b[i]
		}
	}
	return "one is longer"
}

// inspect checks what holds for every tree: no text without a translation, nothing that the page's policy forbids, no
// hidden character of a stranger's name, no double id, and a name for every button.
func inspect(t *testing.T, tree *dom.Node) {
	t.Helper()
	ids := map[string]bool{}
	var walk func(n *dom.Node, hidden bool)
	walk = func(n *dom.Node, hidden bool) {
		bad := func(s string) {
			if strings.ContainsAny(s, "\u202e\n‹›") && n.Tag != "pre" {
				t.Errorf("%q is shown", s)
			}
		}
		if n.Tag == "" {
			bad(n.Text)
			return
		}
		named := false
		for _, a := range n.Attrs {
			if a.Prop {
				continue
			}
			if strings.HasPrefix(a.Name, "on") || a.Name == "style" || a.Name == "href" && !strings.HasPrefix(a.Value, "#") {
				t.Errorf("<%s> has %s=%q", n.Tag, a.Name, a.Value)
			}
			if a.Name == "title" || strings.HasPrefix(a.Name, "aria-") {
				bad(a.Value)
			}
			if a.Name == "aria-label" && a.Value != "" {
				named = true
			}
			if a.Name == "id" {
				if ids[a.Value] {
					t.Errorf("id %q appears twice", a.Value)
				}
				ids[a.Value] = true
			}
		}
		if n.Tag == "button" && !named && strings.TrimSpace(words(n)) == "" {
			t.Errorf("a button has no name: %s", dom.HTML(n))
		}
		for _, k := range n.Kids {
			walk(k, hidden)
		}
	}
	walk(tree, false)
}

func words(n *dom.Node) string {
	all := []string{n.Text}
	for _, k := range n.Kids {
		all = append(all, words(k))
	}
	return strings.Join(all, "")
}

// TestRowsAreFew keeps the roster drawn by windows: ten thousand accounts must not make more nodes than a screen needs.
func TestRowsAreFew(t *testing.T) {
	t.Parallel()
	s := opened(api.Settings{}, false)
	page := accounts()
	page.Total = 10000
	for len(page.Rows) < state.PageSize {
		row := page.Rows[0]
		row.ID += string(rune('a' + len(page.Rows)%26))
		page.Rows = append(page.Rows, row)
	}
	for _, c := range s.Update(state.Edit{Field: state.FieldSearch, Value: "a"}) {
		if call, ok := c.(state.CallPage); ok {
			s.Update(state.PageLoaded{Generation: call.Generation, Rows: page})
		}
	}
	rows := 0
	var walk func(*dom.Node)
	walk = func(n *dom.Node) {
		for _, a := range n.Attrs {
			if a.Name == "role" && a.Value == "row" {
				rows++
			}
		}
		for _, k := range n.Kids {
			walk(k)
		}
	}
	walk(views.Window(s))
	if rows < 10 || rows > 40 {
		t.Errorf("%d rows are drawn", rows)
	}
}

// TestSearchFieldStays: whoever types in it when the accounts come at last goes on typing in the same field.
func TestSearchFieldStays(t *testing.T) {
	t.Parallel()
	s, tree := fresh(api.Settings{}), dom.NewTree()
	show := func() {
		for _, o := range tree.Replace(views.Window(s)) {
			if s.Roster.Loaded && o.Kind == dom.OpElement && o.Name == "input" {
				t.Error("a field is made anew")
			}
		}
	}
	answer := func(cmds []state.Cmd, rows api.RosterPage, err *api.Error) {
		for _, c := range cmds {
			if page, ok := c.(state.CallPage); ok {
				s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows, Err: err})
			}
		}
		show()
	}
	session := api.Session{Profile: api.Profile{Name: "Home", URL: "https://jf.example"}, Capabilities: can}
	answer(s.Update(state.Connected{Session: session}), api.RosterPage{}, &api.Error{Code: api.CodeServerUnreachable})
	answer(s.Update(state.Edit{Field: state.FieldSearch, Value: "a"}), api.RosterPage{Rows: []api.RosterRow{}}, nil)
	if !s.Roster.Loaded {
		t.Error("no accounts have come")
	}
}

func BenchmarkWindow(b *testing.B) {
	s := opened(api.Settings{}, false)
	tree := dom.NewTree()
	for b.Loop() {
		tree.Replace(views.Window(s))
	}
}

// TestOnlyWhatIsUndoableIsOfferedToUndo: the backend says which changes are.
func TestOnlyWhatIsUndoableIsOfferedToUndo(t *testing.T) {
	t.Parallel()
	for _, undoable := range []bool{false, true} {
		s := after(opened(api.Settings{}, false), state.Go{Screen: state.ScreenHistory}, state.ChangesLoaded{List: []api.Change{{
			ID: "1", Kind: api.ChangeLink, State: api.ChangeConfirmed, UserID: "u", UserName: "ada", Undoable: undoable,
		}}})
		if got := strings.Contains(dom.HTML(views.Window(s)), `"#i-undo"`); got != undoable {
			t.Errorf("undoable %t: offered %t", undoable, got)
		}
	}
}
