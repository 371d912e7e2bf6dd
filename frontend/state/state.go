// Package state is the window's one store: what views draw, the messages that change it, and the commands that a change
// asks for. It reaches the backend through a small interface and does not know the page, so its tests run natively.
package state

import (
	"cmp"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/words"
	"github.com/jellybind/jellybind/frontend/text"
)

// Screen is what the window shows.
type Screen string

// The screens.
const (
	ScreenStarting  Screen = ""
	ScreenWelcome   Screen = "welcome"
	ScreenAdd       Screen = "add" // asks for the address of another server; the open one stays open
	ScreenConnect   Screen = "connect"
	ScreenOpening   Screen = "opening" // opens a stored server, or says why that failed
	ScreenRoster    Screen = "roster"
	ScreenProviders Screen = "providers"
	ScreenOwn       Screen = "own" // my account, and the self-service kit
	ScreenHistory   Screen = "history"
	ScreenSettings  Screen = "settings"
)

// Field names a form field.
type Field string

// The form fields.
const (
	FieldAddress  Field = "address"
	FieldProfile  Field = "profile"
	FieldKey      Field = "key"
	FieldUser     Field = "user"
	FieldPassword Field = "password"
	FieldSubject  Field = "subject"
	FieldRename   Field = "rename"
	FieldLocal    Field = "local"
	FieldBrowser  Field = "browser"
	FieldPorts    Field = "ports"
	FieldPort     Field = "port"
	FieldClientID Field = "client-id"
	FieldScopes   Field = "scopes"
	FieldSecret   Field = "secret"
	FieldFlavour  Field = "flavour"
	FieldUsers    Field = "users"
	FieldCommand  Field = "command"
	FieldAuth     Field = "auth"
	FieldSearch   Field = "search"
	FieldNote     Field = "note"
)

// State is all that views draw from.
type State struct {
	Boot api.Bootstrap
	// words are the backend's texts for errors and reasons; nil until they are there.
	words *words.Catalogue
	// PageLanguage is the browser engine's preferred language, BCP 47.
	PageLanguage string
	Booted       bool
	// Keyring is the state of the system's keyring. It is nil until known, which may be after the first frame.
	Keyring *api.Keyring
	// Fatal says why the window could not start.
	Fatal   *api.Error
	Now     time.Time
	Screen  Screen
	Form    map[Field]string
	Session *api.Session

	Welcome   Welcome
	Connect   Connect
	Opening   Opening
	Roster    Roster
	Drawer    Drawer
	Link      Link   // the one that is shown, or was last
	Behind    []Link // others that are kept, the oldest first
	Verify    Verify
	Providers Providers
	History   History
	Self      Self
	Settings  Settings
	Dialog    Dialog
	// Menu is the id of the open menu; RowMenu says of which row the menu "row" is.
	Menu    string
	RowMenu RowMenu
	Toasts  []Toast
	// Progress says what the backend is doing in a long call.
	Progress *api.Progress
	// Epoch counts the sessions; see Answer.
	Epoch int
	// DemoChanged is true once something was changed in the open demo world.
	DemoChanged bool

	made       [][]string // the changes that were made at this server, in order; nil for one that cannot be undone
	lastLinked string     // the ProviderID of the last link that was made

	sure    bool // the person was asked about what leaving the server loses
	toastID int
	calls   int             // the number of the last numbered call
	early   []api.FlowEvent // events of a flow whose id is not known yet
}

// Welcome is the first screen.
type Welcome struct {
	Looking bool
	Looked  bool
	Found   []api.DiscoveredServer
	Probing bool
	Error   *api.Error
	// Demo is true while the demo world starts.
	Demo      bool
	DemoError *api.Error
}

// Method is how a person signs in at a server.
type Method string

// The methods.
const (
	MethodKey      Method = "key"
	MethodPassword Method = "password"
	MethodQuick    Method = "quick"
)

// Connect is the screen between address and session.
type Connect struct {
	Address string
	Probe   *api.Probe
	Method  Method
	Busy    bool
	Error   *api.Error
	Quick   *api.QuickConnect
	// Reconnect is the stored server that is signed in to again, or "".
	Reconnect string
	// From is the screen on which the address was given, or "".
	From Screen
	// Again counts the automatic retries that are left: while the server starts, and shortly afterwards.
	Again int
}

// Opening is a stored server that is being opened.
type Opening struct {
	Name  string
	Error *api.Error
}

// RowMenu is the menu of a row, and its place in rem.
type RowMenu struct {
	Index int
	Row   api.RosterRow
	X, Y  float64
}

// PageSize is how many rows one call fetches. It is as many as a window shows on a screen of 1440 lines, so that one call
// serves a search. It is not more, because each keystroke decodes a page.
const PageSize = 24

// RowHeight is the height of a roster row in rem; app.css has the same number.
const RowHeight = 3.5

// Roster holds the accounts that were loaded.
type Roster struct {
	Query  api.RosterQuery // Offset and Limit unused
	Search string          // as typed
	Total  int
	Counts api.RosterCounts
	Taken  time.Time
	Loaded bool
	Error  *api.Error
	// Refreshing is true while the server is read again. Outdated says why that failed last; the rows are older then.
	Refreshing bool
	Outdated   *api.Error
	// Partial is true while the first reading goes on and the rows that are there are shown.
	Partial bool
	// Scroll and Height give the viewport in rem.
	Scroll, Height float64
	// Active is the row with the keyboard's focus.
	Active   int
	Selected map[string]api.RosterRow
	anchor   int
	order    []string // ids in the order of selection
	picking  *picking // a selection that waits for rows

	generation int
	reading    int  // the generation of the call that waits for the first reading, while Partial
	announced  bool // what has changed since the last run was said
	pages      map[int][]api.RosterRow
	pending    map[int]bool
	asked      bool      // the query changed while a call was running
	stale      bool      // the rows belong to the previous query
	since      time.Time // when stale became true
}

// Drawer shows one account.
type Drawer struct {
	UserID  string
	Row     *api.RosterRow
	Error   *api.Error
	Changes []api.Change
	// Linking is true while the drawer shows the link panel.
	Linking bool
}

// LinkStep is the current step of a link.
type LinkStep string

// The steps of a link.
const (
	LinkChoose  LinkStep = "choose"
	LinkHome    LinkStep = "home" // somebody links on the server's own page, and Jellybind watches
	LinkSignIn  LinkStep = "sign-in"
	LinkConfirm LinkStep = "confirm"
	LinkWriting LinkStep = "writing"
	LinkDone    LinkStep = "done"
	LinkFailed  LinkStep = "failed"
)

// Link is the link that is planned or in progress.
type Link struct {
	Step    LinkStep
	Account api.User
	// Subject is true on the tab for typing the name.
	Subject  bool
	Request  api.LinkRequest
	Plan     *api.Plan
	Planning bool
	FlowID   string
	Starting bool
	Progress *api.Progress
	SignIn   *api.SignIn
	// Device is what to enter on another device, and QR its address as a QR code.
	Device *api.DeviceSignIn
	QR     [][]bool
	// NoBrowser is true when no browser opened.
	NoBrowser bool
	// Warning tells what happened while the sign-in waits, such as an answer that was refused.
	Warning *api.Progress
	// Local is an address that Jellybind found in the local network. The person is asked whether the sign-in may run over it.
	Local   string
	Confirm *api.Confirmation
	Change  *api.Change
	Error   *api.Error
	// Unseen is true if it failed while the person looked at something else.
	Unseen bool
	// More shows the other strategies.
	More bool
	// Remember is set if who signed in is to be written down with the identity, on this computer.
	Remember bool
	// Before are the identities that the account had when somebody was asked to link at home.
	Before []api.Identity

	fresh       bool // nobody has chosen anything yet
	plan, start int  // the numbers of the calls it waits for
}

// Running reports whether a link waits for a person or the server.
func (l *Link) Running() bool {
	return l.Starting || l.Step == LinkHome || l.Step == LinkSignIn || l.Step == LinkConfirm || l.Step == LinkWriting
}

// Kept reports whether a link stays while something else is shown: it runs, or the person has not seen yet how it failed.
func (l *Link) Kept() bool { return l.Running() || l.Unseen }

// Elsewhere reports whether the person signs in on another device.
func (l *Link) Elsewhere() bool { return l.Request.Strategy == api.StrategyDevice }

// awaited reports whether a person has to sign in now.
func (l *Link) awaited() bool { return l.Step == LinkSignIn && (l.SignIn != nil || l.Device != nil) }

// Deadline returns until when the person can sign in; zero if nobody is awaited.
func (l *Link) Deadline() time.Time {
	switch {
	case !l.awaited():
		return time.Time{}
	case l.Device != nil:
		return l.Device.Deadline
	}
	return l.SignIn.Deadline
}

// Verify is the verification that is in progress or done.
type Verify struct {
	Protocol api.Protocol
	Provider string
	UserID   string
	Name     string // the identity to prove
	FlowID   string
	Starting bool
	SignIn   *api.SignIn
	// NoBrowser is true when no browser opened.
	NoBrowser bool
	// Warning, Device, QR and Local are as a link's.
	Warning *api.Progress
	Device  *api.DeviceSignIn
	QR      [][]bool
	Local   string
	// Asks is set while the person decides whether the sign-in may change the account.
	Asks   *api.Confirmation
	Result *api.Verified
	Error  *api.Error

	start int // the number of the call it waits for
}

// Running reports whether the verification waits for a sign-in.
func (v *Verify) Running() bool {
	return v.Starting || v.FlowID != "" && v.Result == nil && v.Error == nil
}

// Providers is the providers' screen.
type Providers struct {
	List    []api.ProviderDetail
	Loaded  bool
	Loading bool
	Error   *api.Error
	Tests   map[string]ProviderTest // by ProviderID
	// Unfolded are the ProviderIDs of those whose facts are shown.
	Unfolded map[string]bool
	// Edit is the ProviderID of the open settings. Draft holds choices that are not saved yet.
	Edit   string
	Draft  api.ProviderSettings
	Saving bool
	// Problem says why the settings could not be saved.
	Problem *api.Error
}

// ProviderTest is a test of a provider.
type ProviderTest struct {
	Running bool
	Result  *api.ProviderTest
	Error   *api.Error
}

// ProviderID identifies a provider in maps and element ids.
func ProviderID(p api.Protocol, name string) string { return string(p) + "/" + name }

// History is the journal's screen.
type History struct {
	List   []api.Change
	Loaded bool
	Error  *api.Error
	// Damaged tells of lines of the journal that could not be read.
	Damaged *api.Error
	// Undoing is the id of the first change that is being undone.
	Undoing string
}

// Self is the self-service screen: the kit for administrators, their own account for other users.
type Self struct {
	Kit   *api.SelfService
	Own   *api.RosterRow
	Error *api.Error
}

// Settings is the settings' screen.
type Settings struct {
	Checking bool
	Saving   bool
	Error    *api.Error
}

// DialogKind is which dialog is open.
type DialogKind string

// The dialogs.
const (
	DialogNone       DialogKind = ""
	DialogRemove     DialogKind = "remove"
	DialogUnregister DialogKind = "unregister"
	DialogForget     DialogKind = "forget"
	DialogSecret     DialogKind = "secret"
	DialogRename     DialogKind = "rename"
	DialogLocal      DialogKind = "local"
	DialogShortcuts  DialogKind = "shortcuts"
	DialogPalette    DialogKind = "palette"
	DialogLeave      DialogKind = "leave"
	DialogNote       DialogKind = "note"
)

// Dialog is the open dialog.
type Dialog struct {
	Kind     DialogKind
	Links    []api.Link
	Accounts map[string]api.Account // the accounts of Links, by id
	// Profile is the server to forget, to rename, or whose local address is set.
	Profile string
	// Protocol and Provider name the provider whose client secret is to be deleted.
	Protocol api.Protocol
	Provider string
	Plan     *api.UnregisterPlan
	UserID   string
	// NoPassword is set once the person has accepted that the account's name alone may open it.
	NoPassword bool
	Busy       bool
	Stopping   bool // a removal is being stopped
	Error      *api.Error
	// Detour is set if the links cannot be removed one by one, but all links of their accounts can be dropped.
	Detour bool
	// Choice is the chosen line of the palette. Found are the accounts that match what was typed there.
	Choice int
	Found  []api.RosterRow
	// Identity is what a note is about (DialogNote).
	Identity api.Identity
	// Then is what leaves the open server, if the person agrees (DialogLeave).
	Then Msg
}

// Toast is a short message that disappears by itself.
type Toast struct {
	ID    int
	Key   string
	Pairs []string
	N     int
	Error *api.Error
	// Undo lists the changes that its button undoes.
	Undo []string
}

// ToastChanged is the Key of the message that accounts have changed since the last visit.
const ToastChanged = "toast.changed"

// New returns the state before anything is known.
func New(now time.Time) *State {
	return &State{
		Now:  now,
		Form: map[Field]string{FieldUsers: "24"},
		Roster: Roster{
			Height: 40, Selected: map[string]api.RosterRow{},
			pages: map[int][]api.RosterRow{}, pending: map[int]bool{},
		},
		Providers: Providers{Tests: map[string]ProviderTest{}, Unfolded: map[string]bool{}},
	}
}

// Text returns the catalogue of the chosen language. Without a choice it is the language of the system or the page.
func (s *State) Text() *text.Catalogue {
	return text.For(s.Boot.Settings.Language, cmp.Or(s.Boot.Locale, s.PageLanguage)).With(s.words.For(s.Can().Credential))
}

// says returns an error with a text of the window.
func (s *State) says(code api.Code, key string) *api.Error {
	return &api.Error{Code: code, Why: text.WhyWindow, Sentence: s.Text().T(key)}
}

// Can returns the capabilities of the open session.
func (s *State) Can() api.Capabilities {
	if s.Session == nil {
		return api.Capabilities{}
	}
	return s.Session.Capabilities
}

// Note returns what is written down about an identity; empty for nothing.
func (s *State) Note(i api.Identity) string {
	if s.Session == nil {
		return ""
	}
	for _, n := range s.Session.Notes {
		if n.Identity == i {
			return n.Text
		}
	}
	return ""
}

// Plain reports whether the signed-in person is not an administrator and sees only their own links.
func (s *State) Plain() bool { return s.Session != nil && s.Can().Credential == api.CredentialUser }

// SingleKeys reports whether shortcuts of a single key are on.
func (s *State) SingleKeys() bool { return !s.Boot.Settings.NoSingleKeys }

// Demo reports whether the open session is the demo world.
func (s *State) Demo() bool { return s.Session != nil && s.Session.Profile.Demo }

// CanLink reports whether the account can be linked, and why not.
func (s *State) CanLink(userID string) api.Ability {
	c := s.Can()
	for _, a := range []api.Ability{c.PostLink, c.WriteConfig, c.Preprovision} {
		if a.OK {
			return a
		}
	}
	if s.IsSelf(userID) {
		return c.PostLinkOwn
	}
	return c.PostLink
}

// IsSelf reports whether an account is the signed-in one.
func (s *State) IsSelf(userID string) bool {
	return s.Session != nil && s.Session.User != nil && s.Session.User.ID == userID
}

// self returns the id of the signed-in account; empty for an API key.
func (s *State) self() string {
	if s.Session == nil || s.Session.User == nil {
		return ""
	}
	return s.Session.User.ID
}

// CanRemove reports whether links of the account can be removed, and why not.
func (s *State) CanRemove(a api.Account) api.Ability {
	if a.Exists && s.Can().RebuildLinks(s.self(), a.ID) {
		return api.Ability{OK: true}
	}
	return s.Can().RemoveLinks(s.self(), a.ID)
}

// CanWrite reports whether links can be written without a sign-in, which brings removed ones back.
func (s *State) CanWrite() bool {
	_, able := s.Can().DirectWrite()
	return able.OK
}

// record notes changes that were made as one step, for UndoLast. It returns their ids if all can be undone.
func (s *State) record(changes ...api.Change) []string {
	ids := undoable(changes...)
	s.made = append(s.made, ids)
	return ids
}

// undoable returns the ids of the changes if all of them can be undone, and none otherwise.
func undoable(changes ...api.Change) []string {
	var ids []string
	for _, c := range changes {
		if !c.Undoable {
			return nil
		}
		ids = append(ids, c.ID)
	}
	return ids
}

// Row returns the row at a position, if it is loaded.
func (r *Roster) Row(i int) (api.RosterRow, bool) {
	page := r.pages[i/PageSize]
	if at := i % PageSize; at >= 0 && at < len(page) {
		return page[at], true
	}
	return api.RosterRow{}, false
}

// Stale reports whether the rows still belong to the previous query.
func (r *Roster) Stale() bool { return r.stale }

// Hold returns how long a frame may wait for the rows of a new query. The browser shows the typed letter by itself, and one
// frame with the rows is cheaper than two.
func (s *State) Hold() time.Duration {
	const patience = 50 * time.Millisecond
	if r := &s.Roster; r.Loaded && r.stale {
		return max(patience-s.Now.Sub(r.since), 0)
	}
	return 0
}

// Window returns the first row to draw and the one after the last: the viewport and a few rows around it, so that scrolling
// shows rows at once.
func (r *Roster) Window() (from, to int) {
	const around = 3
	from = int(r.Scroll/RowHeight) - around
	to = int((r.Scroll+r.Height)/RowHeight) + 1 + around
	return min(max(from, 0), r.Total), min(max(to, 0), r.Total)
}

// Tabbed returns the row that the Tab key leads to: the active one where it is drawn.
func (r *Roster) Tabbed() int {
	from, to := r.Window()
	if r.Active < from || r.Active >= to {
		return from
	}
	return r.Active
}
