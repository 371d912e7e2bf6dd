package state_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

func TestStartOpensTheLastServer(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	cmds := s.Update(state.Booted{Boot: api.Bootstrap{Last: "b", Profiles: []api.Profile{{Name: "a", Default: true}, {Name: "b"}}}})
	if c := want[state.CallOpenProfile](t, cmds); c.Name != "b" || s.Screen != state.ScreenOpening {
		t.Errorf("opens %q on %q", c.Name, s.Screen)
	}
	cmds = s.Update(state.Connected{Name: "b", Err: &api.Error{Code: api.CodeSecretLocked}})
	if want[state.Focus](t, cmds).ID != "title" || s.Opening.Error == nil || s.Screen != state.ScreenOpening {
		t.Error("a failed opening is not shown")
	}
	// An answer for a server that the person has left is dropped.
	s.Update(state.Leave{})
	s.Update(state.Connected{Name: "b"})
	if s.Session != nil || s.Screen != state.ScreenWelcome {
		t.Error("a late answer opened a session")
	}
}

func TestSecretsLeaveTheForm(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.Try{Address: "jf.example"})
	s.Update(
		state.Probed{
			Address: "jf.example",
			Probe:   api.Probe{Plugin: true, Server: api.Server{Name: "Home", WizardCompleted: true}},
		},
	)
	s.Update(state.PickMethod{Method: state.MethodKey})
	s.Update(state.Edit{Field: state.FieldKey, Value: "  ab cd\n"})
	call := want[state.CallConnectKey](t, s.Update(state.SignIn{}))
	if call.Key != "abcd" || call.Name != "Home" {
		t.Errorf("connects with %+v", call)
	}
	none[state.CallConnectKey](t, s.Update(state.SignIn{})) // busy
	f := want[state.Focus](t, s.Update(state.Connected{Err: &api.Error{Code: api.CodeCredentialRefused}}))
	if s.Form[state.FieldKey] == "" || f.ID != "key" {
		t.Errorf("a refused key: %q, focus on %q", s.Form[state.FieldKey], f.ID)
	}
	s.Update(state.PickMethod{Method: state.MethodPassword})
	s.Update(state.Edit{Field: state.FieldUser, Value: " ada "})
	s.Update(state.Edit{Field: state.FieldPassword, Value: " blanks count "})
	password := want[state.CallConnectPassword](t, s.Update(state.SignIn{}))
	if password.User != "ada" || password.Password != " blanks count " || s.Form[state.FieldPassword] != "" {
		t.Errorf("connects with %+v", password)
	}
	f = want[state.Focus](t, s.Update(state.Connected{Err: &api.Error{Code: api.CodeCredentialRefused}}))
	if f.ID != "password" {
		t.Errorf("after a wrong password the focus is on %q", f.ID)
	}
	s.Update(state.Connected{Session: api.Session{Capabilities: full}})
	if s.Form[state.FieldKey] != "" || s.Form[state.FieldPassword] != "" {
		t.Error("a secret stays in the form")
	}
}

func TestQuickConnect(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.Try{Address: "a"})
	s.Update(state.Probed{Address: "a", Probe: api.Probe{Plugin: true, QuickConnect: true}})
	s.Update(state.PickMethod{Method: state.MethodQuick})
	want[state.CallQuickConnect](t, s.Update(state.SignIn{}))
	s.Update(state.QuickStarted{Address: "a", Quick: api.QuickConnect{ID: "q", Code: "1"}})
	s.Update(
		state.FlowMoved{
			Event: api.FlowEvent{
				ID:      "q",
				Step:    "connected",
				Session: &api.Session{Profile: api.Profile{Name: "n"}, Capabilities: full},
			},
		},
	)
	if s.Session == nil || s.Screen != state.ScreenRoster || len(s.Boot.Profiles) != 1 {
		t.Errorf("screen %q", s.Screen)
	}
}

func TestAddressProblemsStayWhereTheyAreTyped(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	none[state.CallProbe](t, s.Update(state.Try{}))
	if s.Welcome.Error == nil {
		t.Error("an empty address is not answered")
	}
	s.Update(state.Try{Address: " x "})
	s.Update(state.Probed{Address: "x", Err: &api.Error{Code: api.CodeAddressInvalid}})
	if s.Screen != state.ScreenWelcome || s.Welcome.Error == nil {
		t.Errorf("screen %q", s.Screen)
	}
	s.Update(state.Try{Address: "y"})
	s.Update(state.Probed{Address: "x"}) // an address before
	if s.Screen != state.ScreenWelcome {
		t.Error("a late answer was taken")
	}
	s.Update(state.Probed{Address: "y", Err: &api.Error{Code: api.CodeServerAnswer}})
	if s.Screen != state.ScreenConnect || s.Connect.Error == nil {
		t.Errorf("screen %q", s.Screen)
	}
}

func TestForgetTheOpenServer(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.AskForget{Name: "home"})
	want[state.CallForget](t, s.Update(state.DialogYes{}))
	s.Update(state.ProfilesChanged{Old: "home"})
	if s.Session != nil || s.Screen != state.ScreenWelcome || len(s.Boot.Profiles) != 0 {
		t.Errorf("screen %q", s.Screen)
	}
}

// connecting is a window that has asked for an address.
func connecting(t *testing.T, p api.Probe) *state.State {
	t.Helper()
	s := state.New(now)
	s.Update(state.Booted{})
	want[state.CallProbe](t, s.Update(state.Try{Address: "jf"}))
	s.Update(state.Probed{Address: "jf", Probe: p})
	return s
}

var ready = api.Probe{Plugin: true, Server: api.Server{ID: "i", WizardCompleted: true}}

func TestStartWaitsForNoKeyring(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	want[state.CallKeyring](t, s.Start())
	s.Update(state.Booted{})
	if s.Screen != state.ScreenWelcome || s.KeyringFault() != nil {
		t.Error("an unknown keyring is reported as a broken one")
	}
	s.Update(state.KeyringChecked{Keyring: api.Keyring{Code: api.CodeSecretLocked}})
	if fault := s.KeyringFault(); fault == nil || fault.Code != api.CodeSecretLocked {
		t.Errorf("the fault is %+v", fault)
	}
}

func TestWrongAddressHasItsOwnScreen(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.Try{Address: "x"})
	s.Update(state.Probed{Address: "x", Err: &api.Error{Code: api.CodeServerNotFound}})
	if s.Screen != state.ScreenConnect || s.Connect.Error == nil || s.Welcome.Error != nil {
		t.Fatalf("screen %q", s.Screen)
	}
	s.Update(state.Edit{Field: state.FieldAddress, Value: " "})
	if none[state.CallProbe](t, s.Update(state.Try{})); s.Connect.Error == nil || s.Connect.Error.Code != api.CodeAddressInvalid {
		t.Error("an empty address is not answered there")
	}
	s.Update(state.Edit{Field: state.FieldAddress, Value: " y "})
	if call := want[state.CallProbe](t, s.Update(state.Try{})); call.Address != "y" || s.Connect.Error != nil {
		t.Errorf("looks at %q", call.Address)
	}
}

func TestStartingServerIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	starting := api.Probe{Starting: true, Server: ready.Server}
	s := connecting(t, starting)
	next := func(msg state.Msg) state.Msg { return want[state.After](t, s.Update(msg)).Msg }
	for _, seen := range []state.Probed{
		{Address: "jf", Probe: starting},
		{Address: "jf", Err: &api.Error{Code: api.CodeServerUnreachable}}, // between the phases
		{Address: "jf", Probe: api.Probe{Server: ready.Server}},           // its plugin is not there yet
	} {
		again := next(seen)
		if !s.Connect.Probe.Starting || s.Screen != state.ScreenConnect {
			t.Errorf("%+v ends the waiting", seen)
		}
		want[state.CallProbe](t, s.Update(again))
	}
	none[state.After](t, s.Update(state.Probed{Address: "jf", Probe: ready}))
	none[state.CallProbe](t, s.Update(state.LookAgain{Address: "jf"})) // a late one
	if s.Connect.Probe.Starting || s.Connect.Method == "" {
		t.Error("the ways to sign in are not shown")
	}
	// A plugin that does not come, and a server that has gone, are told in the end.
	for _, seen := range []state.Probed{
		{Address: "jf", Probe: api.Probe{Server: ready.Server}},
		{Address: "jf", Err: &api.Error{Code: api.CodeServerUnreachable}},
	} {
		s = connecting(t, starting)
		for looks := 0; s.Connect.Probe != nil && s.Connect.Probe.Starting; looks++ {
			if looks == 10 {
				t.Fatalf("waits for good for %+v", seen)
			}
			s.Update(seen)
		}
		if c := s.Connect; s.Screen != state.ScreenConnect || c.Error == nil && c.Probe.Plugin {
			t.Errorf("shows %+v", c)
		}
	}
	// Nobody looks again for a person who has left.
	s = connecting(t, starting)
	s.Update(state.Leave{})
	none[state.CallProbe](t, s.Update(state.LookAgain{Address: "jf"}))
}

func TestChangedCertificateIsCompared(t *testing.T) {
	t.Parallel()
	changed := &api.Error{Code: api.CodeCertificateChanged}
	shown := api.Probe{Certificate: &api.Certificate{SHA256: "B"}, Pinned: "A"}
	s := connecting(t, ready)
	want[state.CallProbe](t, s.Update(state.Connected{Address: "jf", Err: changed}))
	s.Update(state.Probed{Address: "jf", Probe: shown})
	want[state.CallTrust](t, s.Update(state.Trust{}))
	none[state.CallOpenProfile](t, s.Update(state.Probed{Address: "jf", Probe: ready})) // nothing is stored yet

	s = state.New(now)
	s.Update(state.Booted{Boot: api.Bootstrap{Profiles: []api.Profile{{Name: "home", URL: "jf"}}}})
	want[state.CallProbe](t, s.Update(state.Connected{Name: "home", Err: changed}))
	s.Update(state.Probed{Address: "jf", Probe: shown})
	want[state.CallTrust](t, s.Update(state.Trust{}))
	if c := want[state.CallOpenProfile](t, s.Update(state.Probed{Address: "jf", Probe: ready})); c.Name != "home" {
		t.Errorf("opens %q", c.Name)
	}
}

func TestLeavingWhileItWorks(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.Try{Address: "jf"})
	s.Update(state.Leave{})
	s.Update(state.Probed{Address: "jf", Probe: ready})
	if s.Screen != state.ScreenWelcome || s.Welcome.Probing {
		t.Errorf("after leaving: %q, %+v", s.Screen, s.Welcome)
	}
	s.Update(state.Try{Address: "jf"})
	s.Update(state.Go{Screen: state.ScreenSettings})
	s.Update(state.Probed{Address: "jf", Probe: ready})
	if s.Screen != state.ScreenSettings || s.Welcome.Probing {
		t.Errorf("in the settings: %q, %+v", s.Screen, s.Welcome)
	}
	s = connecting(t, ready)
	s.Update(state.PickMethod{Method: state.MethodKey})
	s.Update(state.Edit{Field: state.FieldKey, Value: "abc"})
	want[state.CallConnectKey](t, s.Update(state.SignIn{}))
	s.Update(state.Leave{})
	s.Update(state.Connected{Address: "jf", Session: api.Session{Profile: api.Profile{Name: "home"}}})
	if s.Session != nil || s.Screen != state.ScreenWelcome || len(s.Boot.Profiles) != 1 {
		t.Errorf("a late session: %q with %v", s.Screen, s.Boot.Profiles)
	}
}

// TestLateDemo comes after the person has opened a server.
func TestLateDemo(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	want[state.CallDemo](t, s.Update(state.StartDemo{}))
	none[state.CallDemo](t, s.Update(state.StartDemo{})) // a second click
	s.Update(state.Open{Name: "home"})
	s.Update(state.Connected{Demo: true, Session: api.Session{Profile: api.Profile{Demo: true}}})
	s.Update(state.Connected{Demo: true, Err: &api.Error{Code: api.CodeCancelled}})
	if s.Session != nil || s.Screen != state.ScreenOpening || s.Welcome.DemoError != nil {
		t.Errorf("on %q with %+v", s.Screen, s.Welcome)
	}
}

// TestNothingIsTakenToTheNextServer: neither what was typed, nor a message that belongs to this one.
func TestNothingIsTakenToTheNextServer(t *testing.T) {
	t.Parallel()
	s := connecting(t, ready)
	for _, f := range []state.Field{state.FieldKey, state.FieldPassword, state.FieldSecret} {
		s.Update(state.Edit{Field: f, Value: "s3cret"})
	}
	s.Update(state.Leave{})
	for f, value := range s.Form {
		if value == "s3cret" {
			t.Errorf("%s keeps a secret", f)
		}
	}
	s = opened(t)
	s.Update(state.Refreshed{Counts: api.RosterCounts{Changed: 3}})
	s.Update(state.Leave{})
	if toasted(s, state.ToastChanged) {
		t.Error("tells of the accounts of a server that was left")
	}
}

// TestRenewedSession: the same account goes on where it is, another one starts from its first screen.
func TestRenewedSession(t *testing.T) {
	t.Parallel()
	admin := api.Session{
		Profile: api.Profile{Name: "home", Credential: api.CredentialAdmin}, Server: api.Server{ID: "s"}, Capabilities: full,
		User: &api.User{ID: "root"},
	}
	key, plain, elsewhere := admin, admin, admin
	key.Profile.Credential, key.User = api.CredentialKey, nil
	plain.Profile.Credential, plain.Capabilities, plain.User = api.CredentialUser,
		api.Capabilities{Credential: api.CredentialUser}, &api.User{ID: "maria"}
	elsewhere.Server.ID = "another"
	for name, c := range map[string]struct {
		now    api.Session
		screen state.Screen
		kind   api.CredentialKind
	}{
		"the same":       {admin, state.ScreenHistory, api.CredentialAdmin},
		"a key":          {key, state.ScreenRoster, api.CredentialKey},
		"somebody else":  {plain, state.ScreenOwn, api.CredentialUser},
		"another server": {elsewhere, state.ScreenHistory, api.CredentialAdmin},
	} {
		s := state.New(now)
		s.Update(state.Booted{Boot: api.Bootstrap{Profiles: []api.Profile{admin.Profile}}})
		s.Update(state.Connected{Name: "home", Session: admin})
		s.Update(state.Go{Screen: state.ScreenHistory})
		s.Update(state.Renewed{Session: c.now})
		if s.Screen != c.screen || s.Session.Profile.Credential != c.kind || s.Boot.Profiles[0].Credential != c.kind {
			t.Errorf("%s: screen %q, %+v", name, s.Screen, s.Session)
		}
	}
}

// TestSignedOutHereOnly: that the server could not be told keeps nobody signed in.
func TestSignedOutHereOnly(t *testing.T) {
	t.Parallel()
	for code, out := range map[api.Code]bool{api.CodeTokenLeft: true, api.CodeChangeRunning: false} {
		s := state.New(now)
		s.Update(state.Booted{})
		s.Session = &api.Session{Profile: api.Profile{Name: "home"}, Capabilities: full}
		s.Update(state.SignedOut{Name: "home", Err: &api.Error{Code: code}})
		if (s.Session == nil) != out || len(s.Toasts) != 1 || s.Toasts[0].Error == nil {
			t.Errorf("%s: session %+v, %+v", code, s.Session, s.Toasts)
		}
		s.Session, s.Toasts = &api.Session{Profile: api.Profile{Name: "home"}, Capabilities: full}, nil
		s.Update(state.AskForget{Name: "home"})
		s.Update(state.DialogYes{})
		s.Update(state.ProfilesChanged{Old: "home", Err: &api.Error{Code: code}})
		if (s.Session == nil) != out || (len(s.Toasts) == 1) != out || (s.Dialog.Error == nil) != out {
			t.Errorf("forgotten, %s: session %+v, %+v, dialog %+v", code, s.Session, s.Toasts, s.Dialog)
		}
	}
}

// TestSignInWithAWarning: who is signed in learns what is left at the server.
func TestSignInWithAWarning(t *testing.T) {
	t.Parallel()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.Try{Address: "a"})
	s.Update(state.Probed{Address: "a", Probe: api.Probe{Plugin: true}})
	s.Update(state.Connected{Address: "a", Session: api.Session{
		Profile: api.Profile{Name: "home"}, Capabilities: full, Stored: true, Warning: &api.Error{Code: api.CodeTokenLeft},
	}})
	if n := len(s.Toasts); s.Session == nil || n == 0 || s.Toasts[n-1].Error == nil {
		t.Errorf("told %+v", s.Toasts)
	}
}
