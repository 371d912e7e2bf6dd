package state

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/words"
)

// CallBootstrap asks for what the first frame needs, and says the page's language.
type CallBootstrap struct{ Language string }

// Booted answers CallBootstrap.
type Booted struct {
	Boot api.Bootstrap
	Err  *api.Error
}

// Do calls Bootstrap.
func (c CallBootstrap) Do(ctx context.Context, b Backend) Msg {
	boot, err := get[api.Bootstrap](ctx, b, "Bootstrap", c.Language)
	return Booted{Boot: boot, Err: err}
}

// CallDiscover looks for servers on the local network.
type CallDiscover struct{}

// Found answers CallDiscover.
type Found struct {
	Servers []api.DiscoveredServer
	Err     *api.Error
}

// Do calls DiscoverServers.
func (CallDiscover) Do(ctx context.Context, b Backend) Msg {
	servers, err := get[[]api.DiscoveredServer](ctx, b, "DiscoverServers")
	return Found{Servers: servers, Err: err}
}

// CallProbe finds out what is at an address.
type CallProbe struct{ Address string }

// CallTrust pins a certificate and probes the address again.
type CallTrust struct{ Address, SHA256 string }

// Probed answers CallProbe and CallTrust.
type Probed struct {
	Address string
	Probe   api.Probe
	Err     *api.Error
}

// Do calls ProbeServer.
func (c CallProbe) Do(ctx context.Context, b Backend) Msg {
	probe, err := get[api.Probe](ctx, b, "ProbeServer", c.Address)
	return Probed{Address: c.Address, Probe: probe, Err: err}
}

// Do calls TrustCertificate.
func (c CallTrust) Do(ctx context.Context, b Backend) Msg {
	probe, err := get[api.Probe](ctx, b, "TrustCertificate", c.Address, c.SHA256)
	return Probed{Address: c.Address, Probe: probe, Err: err}
}

// CallDemo starts the demo world and opens it.
type CallDemo struct {
	Flavour api.Flavour
	Users   int
}

// CallConnectKey signs in with an API key.
type CallConnectKey struct{ Address, Name, Key string }

// CallConnectPassword signs in with a user name and a password.
type CallConnectPassword struct{ Address, Name, User, Password string }

// CallOpenProfile opens a stored server.
type CallOpenProfile struct{ Name string }

// Connected answers each call that opens a session.
type Connected struct {
	Session api.Session
	Err     *api.Error
	// Name is the stored server that was opened. Address is where a key or a password was sent. Demo is true for the demo
	// world.
	Name    string
	Address string
	Demo    bool
}

// Renewed is the event of a session: the open server was opened again with what another Jellybind has stored.
type Renewed struct{ Session api.Session }

// Do calls StartDemo.
func (c CallDemo) Do(ctx context.Context, b Backend) Msg {
	session, err := get[api.Session](ctx, b, "StartDemo", c.Flavour, c.Users)
	return Connected{Session: session, Err: err, Demo: true}
}

// Do calls ConnectKey.
func (c CallConnectKey) Do(ctx context.Context, b Backend) Msg {
	session, err := get[api.Session](ctx, b, "ConnectKey", c.Address, c.Name, c.Key)
	return Connected{Session: session, Err: err, Address: c.Address}
}

// Do calls ConnectPassword.
func (c CallConnectPassword) Do(ctx context.Context, b Backend) Msg {
	session, err := get[api.Session](ctx, b, "ConnectPassword", c.Address, c.Name, c.User, c.Password)
	return Connected{Session: session, Err: err, Address: c.Address}
}

// Do calls OpenProfile.
func (c CallOpenProfile) Do(ctx context.Context, b Backend) Msg {
	session, err := get[api.Session](ctx, b, "OpenProfile", c.Name)
	return Connected{Session: session, Err: err, Name: c.Name}
}

// CallQuickConnect asks the server for a code. Events of the flow say how it goes on.
type CallQuickConnect struct{ Address, Name string }

// QuickStarted answers CallQuickConnect.
type QuickStarted struct {
	Address string
	Quick   api.QuickConnect
	Err     *api.Error
}

// Do calls StartQuickConnect.
func (c CallQuickConnect) Do(ctx context.Context, b Backend) Msg {
	quick, err := get[api.QuickConnect](ctx, b, "StartQuickConnect", c.Address, c.Name)
	return QuickStarted{Address: c.Address, Quick: quick, Err: err}
}

// CallSignOut ends the session at the server and deletes the stored credential.
type CallSignOut struct{ Name string }

// SignedOut answers CallSignOut.
type SignedOut struct {
	Name string
	Err  *api.Error
}

// Do calls SignOut.
func (c CallSignOut) Do(ctx context.Context, b Backend) Msg {
	return SignedOut{Name: c.Name, Err: do(ctx, b, "SignOut", c.Name)}
}

// CallForget deletes a stored server with its secrets.
type CallForget struct{ Name string }

// CallRename gives a stored server another name.
type CallRename struct{ Old, New string }

// CallSetLocal sets a stored server's address in the local network; an empty one forgets it.
type CallSetLocal struct{ Name, Address string }

// CallMakeDefault makes a stored server the default one.
type CallMakeDefault struct{ Name string }

// Do calls MakeDefault, then Bootstrap.
func (c CallMakeDefault) Do(ctx context.Context, b Backend) Msg {
	return profilesNow(ctx, b, c.Name, c.Name, do(ctx, b, "MakeDefault", c.Name))
}

// ProfilesChanged answers CallForget, CallRename, CallSetLocal and CallMakeDefault with the servers that are stored now.
type ProfilesChanged struct {
	Boot api.Bootstrap
	Err  *api.Error
	// Old and New are the names of a renamed server. New is empty for a forgotten one, and the same where the name stays.
	Old, New string
}

// Do calls ForgetProfile, then Bootstrap.
func (c CallForget) Do(ctx context.Context, b Backend) Msg {
	return profilesNow(ctx, b, c.Name, "", do(ctx, b, "ForgetProfile", c.Name))
}

// Do calls RenameProfile, then Bootstrap.
func (c CallRename) Do(ctx context.Context, b Backend) Msg {
	return profilesNow(ctx, b, c.Old, c.New, do(ctx, b, "RenameProfile", c.Old, c.New))
}

// Do calls SetLocalAddress, then Bootstrap.
func (c CallSetLocal) Do(ctx context.Context, b Backend) Msg {
	return profilesNow(ctx, b, c.Name, c.Name, do(ctx, b, "SetLocalAddress", c.Name, c.Address))
}

// profilesNow reads the stored servers after a change of them.
func profilesNow(ctx context.Context, b Backend, from, to string, err *api.Error) Msg {
	if err != nil && err.Code != api.CodeTokenLeft {
		return ProfilesChanged{Err: err, Old: from, New: to}
	}
	boot, failed := get[api.Bootstrap](ctx, b, "Bootstrap", "")
	return ProfilesChanged{Boot: boot, Err: cmp.Or(failed, err), Old: from, New: to}
}

func (s *State) updateConnect(msg Msg) ([]Cmd, bool) {
	switch m := msg.(type) {
	case Booted:
		return s.booted(m), true
	case Look:
		s.Welcome.Looking = true
		return []Cmd{CallDiscover{}}, true
	case Found:
		s.Welcome.Looking, s.Welcome.Looked = false, true
		if m.Err == nil {
			s.Welcome.Found = m.Servers
		}
	case Try:
		return s.try(m.Address), true
	case Probed:
		return s.probed(m), true
	case LookAgain:
		if c := &s.Connect; s.Screen == ScreenConnect && c.Address == m.Address && c.Again > 0 {
			return []Cmd{CallProbe(m)}, true
		}
	case Trust:
		p := s.Connect.Probe
		if p == nil || p.Certificate == nil {
			return nil, true
		}
		s.Connect.Busy, s.Connect.Error = true, nil
		return []Cmd{CallTrust{Address: s.Connect.Address, SHA256: p.Certificate.SHA256}}, true
	case PickMethod:
		s.Connect.Method, s.Connect.Error = m.Method, nil
		return append(s.cancelQuick(), Focus{ID: s.firstField()}), true
	case SignIn:
		return s.signIn(), true
	case QuickStarted:
		return s.quickStarted(m), true
	case StartDemo:
		if s.Welcome.Demo || !s.mayLeave(m) {
			return nil, true
		}
		users, err := strconv.Atoi(s.Form[FieldUsers])
		if err != nil || users < 1 {
			users = 24
		}
		s.Welcome.Demo, s.Welcome.DemoError = true, nil
		return []Cmd{CallDemo{Flavour: api.Flavour(s.Form[FieldFlavour]), Users: users}}, true
	case Open:
		if !s.mayLeave(m) {
			return nil, true
		}
		return s.open(m.Name), true
	case Connected:
		return s.connected(m), true
	case Renewed:
		return s.renewed(m.Session), true
	case Reconnect:
		return s.reconnect(m.Name), true
	case AddServer:
		return s.addServer(), true
	case Back:
		return s.back(), true
	case Leave:
		if !s.mayLeave(m) {
			return nil, true
		}
		return append(s.away(), s.show(ScreenWelcome)...), true
	case SignOut:
		cmds := s.closeMenu()
		if s.Session != nil && s.Session.Profile.Name == m.Name && !s.mayLeave(m) {
			return cmds, true
		}
		return append(cmds, CallSignOut(m)), true
	case SignedOut:
		return s.signedOut(m), true
	case MakeDefault:
		return []Cmd{CallMakeDefault(m)}, true
	case ProfilesChanged:
		return s.profilesChanged(m), true
	default:
		return nil, false
	}
	return nil, true
}

func (s *State) booted(m Booted) []Cmd {
	s.Booted = true
	if m.Err != nil {
		s.Fatal = m.Err
		return nil
	}
	s.Boot, s.words = m.Boot, words.Parse(m.Boot.Language, m.Boot.Words)
	if flavours := s.Boot.DemoFlavours; len(flavours) > 0 {
		s.Form[FieldFlavour] = string(flavours[0])
	}
	if s.Boot.Last != "" {
		return s.open(s.Boot.Last)
	}
	if len(s.Boot.Profiles) > 0 {
		return s.open(s.Boot.Profiles[0].Name)
	}
	return s.show(ScreenWelcome)
}

func (s *State) open(name string) []Cmd {
	cmds := s.cancelFlows()
	s.leave()
	s.Screen, s.Opening = ScreenOpening, Opening{Name: name}
	return append(cmds, CallOpenProfile{Name: name})
}

// reconnect probes a stored server, to sign in again.
func (s *State) reconnect(name string) []Cmd {
	for _, p := range s.Boot.Profiles {
		if p.Name == name {
			s.Form[FieldProfile] = p.Name
			s.Form[FieldUser] = p.UserName
			s.Connect = Connect{Reconnect: p.Name, Method: MethodPassword}
			if p.Credential == api.CredentialKey {
				s.Connect.Method = MethodKey
			}
			return s.try(p.URL)
		}
	}
	return nil
}

// away leaves the session or the attempt to open one, and cancels what that waited for.
func (s *State) away() []Cmd {
	cmds := s.cancelFlows()
	if s.Welcome.Probing || s.Screen == ScreenConnect || s.Screen == ScreenOpening || s.Reading() {
		cmds = append(cmds, CallStopReading{})
	}
	s.leave()
	return cmds
}

// leave forgets the session and all typed secrets.
func (s *State) leave() {
	fresh := New(s.Now)
	height := s.Roster.Height
	generation := s.Roster.generation
	s.Session, s.Progress, s.Menu = nil, nil, ""
	s.Roster, s.Drawer, s.Link, s.Behind, s.Verify = fresh.Roster, Drawer{}, Link{}, nil, Verify{}
	s.Roster.Height, s.Roster.generation = height, generation+1
	s.Providers, s.History, s.Self, s.Dialog = fresh.Providers, History{}, Self{}, Dialog{}
	s.Connect, s.Welcome.Demo, s.Welcome.Probing = Connect{}, false, false
	s.DemoChanged, s.lastLinked, s.made = false, "", nil
	s.Epoch++
	s.early, s.Toasts = nil, nil
	s.Form[FieldKey], s.Form[FieldPassword], s.Form[FieldSecret] = "", "", ""
}

// addServer asks for the address of another server. What waits at the open one goes on.
func (s *State) addServer() []Cmd {
	var cmds []Cmd
	if s.Session == nil {
		cmds = s.away()
	}
	s.Drawer = Drawer{}
	s.dropLink()
	s.Form[FieldAddress] = ""
	return append(cmds, s.show(ScreenAdd)...)
}

// back returns from the screens that add a server: first to the address, then to what was open before.
func (s *State) back() []Cmd {
	to := ScreenWelcome
	switch from := s.Connect.From; {
	case s.Welcome.Probing && s.Screen == ScreenAdd:
		to = ScreenAdd // it only ends the search
	case s.Screen == ScreenConnect && (from == ScreenAdd || from == ScreenWelcome && s.Session == nil):
		to = from
	case s.Session != nil:
		to = s.first()
	}
	var cmds []Cmd
	if s.Session == nil {
		cmds = s.away()
	}
	return append(cmds, s.show(to)...)
}

// stopConnecting ends the attempt to add a server, and forgets the typed secrets.
func (s *State) stopConnecting() []Cmd {
	cmds := s.cancelQuick()
	if s.Welcome.Probing || s.Connect.Busy {
		cmds = append(cmds, CallStopReading{})
	}
	s.Connect, s.Welcome.Probing = Connect{}, false
	s.Form[FieldKey], s.Form[FieldPassword] = "", ""
	return cmds
}

// mayLeave reports whether the open server may be left for what the message opens. If something would be lost, it asks and
// returns false.
func (s *State) mayLeave(then Msg) bool {
	if s.sure || len(s.Pending()) == 0 && !s.DemoChanged {
		return true
	}
	s.openDialog(Dialog{Kind: DialogLeave, Then: then})
	return false
}

// Pending returns the links that leaving the open server would cancel, the oldest first.
func (s *State) Pending() []Link {
	list := slices.DeleteFunc(slices.Clone(s.Behind), func(l Link) bool { return !l.Running() })
	if s.Link.Running() {
		list = append(list, s.Link)
	}
	return list
}

func (s *State) try(address string) []Cmd {
	if address == "" {
		address = s.Form[FieldAddress]
	}
	address = strings.TrimSpace(address)
	s.Form[FieldAddress] = address
	if address == "" {
		empty := s.says(api.CodeAddressInvalid, "welcome.address.empty")
		if s.Screen == ScreenConnect {
			s.Connect.Error = empty
		} else {
			s.Welcome.Error = empty
		}
		return []Cmd{Focus{ID: "address"}}
	}
	s.Welcome.Probing, s.Welcome.Error = true, nil
	before := s.Connect
	s.Connect = Connect{Address: address, Reconnect: before.Reconnect, From: before.From, Busy: true}
	if before.Reconnect != "" {
		s.Connect.Method = before.Method
	}
	if s.Screen == ScreenWelcome || s.Screen == ScreenAdd {
		s.Connect.From = s.Screen
	}
	if s.Screen == ScreenOpening {
		s.Screen = ScreenConnect
	}
	return []Cmd{CallProbe{Address: address}}
}

func (s *State) probed(m Probed) []Cmd {
	if m.Address != s.Connect.Address {
		return nil // the answer for an earlier address
	}
	s.Welcome.Probing, s.Connect.Busy, s.Progress = false, false, nil
	if c := &s.Connect; m.Err != nil && c.Again > 1 {
		c.Again-- // between the two phases of its start the server does not answer
		return []Cmd{After{Delay: lookPace, Msg: LookAgain{Address: c.Address}}}
	}
	if m.Err != nil {
		// A malformed address is an error of the field. Any other error gets its own screen.
		switch {
		case (s.Screen == ScreenWelcome || s.Screen == ScreenAdd) && m.Err.Code == api.CodeAddressInvalid:
			s.Welcome.Error = m.Err
			return []Cmd{Focus{ID: "address"}}
		default:
			s.Screen, s.Connect.Probe, s.Connect.Error = ScreenConnect, nil, m.Err
			return []Cmd{Focus{ID: "title"}}
		}
	}
	c := &s.Connect
	trusted := c.Probe != nil && c.Probe.Certificate != nil && m.Probe.Certificate == nil
	if trusted && c.Reconnect != "" {
		return s.open(c.Reconnect) // its credential is stored; only the certificate was missing
	}
	if again := s.waitForStart(&m.Probe); again != nil {
		return again
	}
	s.Screen, s.Connect.Probe, s.Connect.Error = ScreenConnect, &m.Probe, nil
	if s.Connect.Reconnect == "" {
		s.Form[FieldProfile] = s.freeName(m.Probe.Server)
	}
	if s.Connect.Method == "" {
		s.Connect.Method = MethodPassword // it can do more than a key
	}
	fault := s.KeyringFault()
	noKeyring := fault != nil && fault.Code == api.CodeSecretUnavailable
	if noKeyring || m.Probe.Certificate != nil || !m.Probe.Plugin || !m.Probe.Server.WizardCompleted {
		return []Cmd{Focus{ID: "title"}}
	}
	return []Cmd{Focus{ID: s.firstField()}}
}

// lookPace is the time between two probes of a starting server.
const lookPace = 3 * time.Second

// waitForStart probes a starting server until it is ready. Its plugins may load a few seconds after its API.
func (s *State) waitForStart(p *api.Probe) []Cmd {
	const after = 5 // probes for the plugin once the server is up
	c := &s.Connect
	first := c.Probe == nil || !c.Probe.Starting
	switch {
	case p.Certificate != nil:
		return nil
	case p.Starting:
		c.Again = after
	case !p.Plugin && p.Server.WizardCompleted && c.Again > 1:
		c.Again--
		p.Starting = true
	default:
		c.Again = 0
		return nil
	}
	s.Screen, c.Probe, c.Error = ScreenConnect, p, nil
	cmds := []Cmd{After{Delay: lookPace, Msg: LookAgain{Address: c.Address}}}
	if first {
		cmds = append(cmds, Focus{ID: "title"})
	}
	return cmds
}

// freeName returns an unused name for a new server.
func (s *State) freeName(server api.Server) string {
	return api.FreeName(server.ShortName(), func(name string) bool {
		return slices.ContainsFunc(s.Boot.Profiles, func(p api.Profile) bool { return p.Name == name })
	})
}

// firstField is the field of the chosen method that is to be filled next.
func (s *State) firstField() string {
	switch s.Connect.Method {
	case MethodPassword:
		if strings.TrimSpace(s.Form[FieldUser]) != "" {
			return "password"
		}
		return "user"
	case MethodQuick:
		return "sign-in"
	default:
		return "key"
	}
}

func (s *State) signIn() []Cmd {
	c := &s.Connect
	if c.Busy || c.Probe == nil {
		return nil
	}
	name := strings.TrimSpace(s.Form[FieldProfile])
	if name == "" {
		name = s.freeName(c.Probe.Server)
	}
	missing := func(field, key string) []Cmd {
		c.Error = s.says(api.CodeCredentialMissing, key)
		return []Cmd{Focus{ID: field}}
	}
	c.Error = nil
	switch c.Method {
	case MethodPassword:
		user := strings.TrimSpace(s.Form[FieldUser])
		if user == "" {
			return missing("user", "connect.user.empty")
		}
		if !s.mayLeave(SignIn{}) {
			return nil
		}
		password := s.Form[FieldPassword]
		c.Busy, s.Form[FieldPassword] = true, ""
		return []Cmd{CallConnectPassword{Address: c.Address, Name: name, User: user, Password: password}}
	case MethodQuick:
		if !s.mayLeave(SignIn{}) {
			return nil
		}
		c.Busy = true
		return []Cmd{CallQuickConnect{Address: c.Address, Name: name}}
	default:
		// Copied keys may have spaces and line breaks around or in them.
		key := strings.Join(strings.Fields(s.Form[FieldKey]), "")
		if key == "" {
			return missing("key", "connect.key.empty")
		}
		if !s.mayLeave(SignIn{}) {
			return nil
		}
		c.Busy = true // the key stays in its field, in case the server refuses it
		return []Cmd{CallConnectKey{Address: c.Address, Name: name, Key: key}}
	}
}

func (s *State) quickStarted(m QuickStarted) []Cmd {
	c := &s.Connect
	if m.Address != c.Address || s.Screen != ScreenConnect {
		return cancelLate(m.Quick.ID) // the person has left the screen
	}
	c.Busy = false
	if c.Method != MethodQuick {
		return cancelLate(m.Quick.ID)
	}
	if m.Err != nil {
		c.Error = m.Err
		return nil
	}
	c.Quick = &m.Quick
	return append([]Cmd{Focus{ID: "quick-code"}}, s.replay(m.Quick.ID)...)
}

func (s *State) cancelQuick() []Cmd {
	q := s.Connect.Quick
	if q == nil {
		return nil
	}
	s.Connect.Quick = nil
	return []Cmd{CallCancelFlow{ID: q.ID}}
}

// elsewhere reports whether the person has left the screen that asked for the session.
func (s *State) elsewhere(m *Connected) bool {
	switch {
	case m.Demo:
		return !s.Welcome.Demo
	case m.Name != "":
		return s.Screen != ScreenOpening || s.Opening.Name != m.Name
	}
	return m.Address != "" && (s.Screen != ScreenConnect || s.Connect.Address != m.Address)
}

func (s *State) connected(m Connected) []Cmd {
	if s.elsewhere(&m) {
		if m.Err == nil && m.Address != "" {
			s.remember(m.Session.Profile)
			if s.Session != nil { // the backend has left the server that is shown
				return s.enter(m.Session)
			}
		}
		return nil
	}
	s.Progress, s.Connect.Busy, s.Welcome.Demo = nil, false, false
	if m.Err != nil {
		return s.refused(&m)
	}
	cmds := s.enter(m.Session)
	if m.Name == "" && !m.Session.Profile.Demo {
		key := "toast.stored"
		if !m.Session.Stored {
			key = "toast.notStored"
		}
		cmds = append(cmds, s.toast(&Toast{Key: key})...)
	}
	return append(cmds, s.tell(m.Session.Warning)...)
}

// enter shows the first screen of a session.
func (s *State) enter(session api.Session) []Cmd {
	s.leave()
	s.Session = &session
	if p := session.Profile; !p.Demo {
		s.remember(p)
	}
	return append([]Cmd{CallProviders{}}, s.show(s.first())...)
}

// first is the first screen of the open session.
func (s *State) first() Screen {
	if s.Plain() {
		return ScreenOwn
	}
	return ScreenRoster
}

// renewed replaces the session of the open server. Another account or kind of credential sees and may do other things, so
// nothing of the earlier session stays on the screen.
func (s *State) renewed(now api.Session) []Cmd {
	before := s.Session
	if before == nil || s.Demo() || before.Server.ID != now.Server.ID {
		return nil
	}
	if now.Profile.Credential == before.Profile.Credential && (now.User == nil || s.IsSelf(now.User.ID)) {
		s.Session = &now
		s.remember(now.Profile)
		return nil
	}
	return append(s.cancelFlows(), s.enter(now)...)
}

// refused shows why opening a session failed, on the screen that asked for it.
func (s *State) refused(m *Connected) []Cmd {
	// A probe shows the certificate, to compare it.
	certificate := m.Err.Code == api.CodeCertificateChanged || m.Err.Code == api.CodeCertificateUntrusted
	switch {
	case m.Demo:
		s.Welcome.DemoError = m.Err
		return []Cmd{Focus{ID: "demo"}}
	case m.Name != "":
		s.Opening.Error = m.Err
		if certificate {
			return s.reconnect(m.Name)
		}
		return []Cmd{Focus{ID: "title"}}
	case certificate:
		return s.try(s.Connect.Address)
	}
	s.Connect.Error = m.Err
	if Obstacle(m.Err) {
		return []Cmd{Focus{ID: "title"}}
	}
	return []Cmd{Focus{ID: s.firstField()}}
}

// Obstacle reports whether an error affects every credential. Such an error gets its own screen.
func Obstacle(e *api.Error) bool {
	switch e.Code {
	case api.CodePluginMissing, api.CodePluginRestart, api.CodeWizardIncomplete, api.CodeSecretUnavailable:
		return true
	default:
		return false
	}
}

// KeyringFault says why no sign-in can be stored. It is nil if one can be, or if that is not known yet.
func (s *State) KeyringFault() *api.Error {
	k := s.Keyring
	if k == nil || k.OK {
		return nil
	}
	return &api.Error{Code: k.Code, Why: k.Why}
}

// remember adds a server that was just opened to the stored ones.
func (s *State) remember(p api.Profile) {
	for i := range s.Boot.Profiles {
		if s.Boot.Profiles[i].Name == p.Name {
			s.Boot.Profiles[i] = p
			return
		}
	}
	s.Boot.Profiles = append(s.Boot.Profiles, p)
}

func (s *State) signedOut(m SignedOut) []Cmd {
	if m.Err != nil && !tokenLeft(m.Err) {
		return s.tell(m.Err)
	}
	var cmds []Cmd
	if s.Session != nil && s.Session.Profile.Name == m.Name {
		s.leave()
		cmds = s.show(ScreenWelcome)
	}
	if m.Err != nil {
		return append(cmds, s.tell(m.Err)...)
	}
	return append(cmds, s.toast(&Toast{Key: "toast.signedOut"})...)
}

func (s *State) profilesChanged(m ProfilesChanged) []Cmd {
	s.Dialog.Busy = false
	if m.Err != nil && !tokenLeft(m.Err) {
		s.Dialog.Error = m.Err
		return nil
	}
	s.closeDialog()
	s.Boot.Profiles = m.Boot.Profiles
	open := s.Session != nil && s.Session.Profile.Name == m.Old
	var cmds []Cmd
	switch {
	case m.New == "" && open:
		s.leave()
		cmds = s.show(ScreenWelcome)
	case m.New == "" && s.Screen == ScreenOpening:
		cmds = s.show(ScreenWelcome)
	default:
		cmds = []Cmd{s.home()}
		if open {
			s.Session.Profile.Name = m.New
		}
	}
	if m.Err != nil {
		return append(cmds, s.tell(m.Err)...)
	}
	key := "toast.forgotten"
	switch m.New {
	case "":
	case m.Old:
		key = "toast.saved"
	default:
		key = "toast.renamed"
	}
	return append(cmds, s.toast(&Toast{Key: key})...)
}

// tokenLeft reports whether the sign-in was deleted here although the server could not end its token.
func tokenLeft(e *api.Error) bool { return e != nil && e.Code == api.CodeTokenLeft }
