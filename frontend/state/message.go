package state

import (
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// Msg is something that happened. Each is one of the types below.
type Msg any

// What a person does.
type (
	// Edit is a form field that changed.
	Edit struct {
		Field Field
		Value string
	}
	// Go shows a screen of the open session, or, where none is open, the welcome screen or the settings.
	Go struct{ Screen Screen }
	// Look searches the local network again.
	Look struct{}
	// Try takes the address field, or the given address.
	Try struct{ Address string }
	// LookAgain looks again at a server that was starting.
	LookAgain struct{ Address string }
	// Trust pins the certificate that was shown.
	Trust struct{}
	// PickMethod chooses how to sign in at a server.
	PickMethod struct{ Method Method }
	// SignIn sends the chosen method's fields.
	SignIn struct{}
	// StartDemo starts the demo world.
	StartDemo struct{}
	// Open opens a stored server.
	Open struct{ Name string }
	// Reconnect signs in again at a stored server.
	Reconnect struct{ Name string }
	// Leave ends the session in the window; the credential stays stored.
	Leave struct{}
	// SignOut ends the session at the server and deletes its credential.
	SignOut struct{ Name string }
	// Filter shows one kind of account.
	Filter struct{ Filter api.RosterFilter }
	// FilterProvider shows the accounts of one provider, or of all.
	FilterProvider struct {
		Protocol api.Protocol
		Name     string
	}
	// Sort orders by a column, and the other way round the second time.
	Sort struct{ By api.RosterSort }
	// ClearSearch empties search and filters.
	ClearSearch struct{}
	// Scrolled is where the roster's viewport is, in rem.
	Scrolled struct{ Top, Height float64 }
	// Resized is how high it is.
	Resized struct{ Height float64 }
	// Refresh reads the server again.
	Refresh struct{}
	// Activate moves the keyboard's row by steps, or to a row.
	Activate struct {
		By int
		To int // used when By is 0
	}
	// Select marks or unmarks a row; with Range all rows from the one before.
	Select struct {
		Index int
		Range bool
	}
	// SelectAll marks all rows of the query.
	SelectAll struct{}
	// SelectNone unmarks all.
	SelectNone struct{}
	// OpenAccount opens the drawer.
	OpenAccount struct{ Index int }
	// OpenUser opens the drawer for an account by its id.
	OpenUser struct{ ID string }
	// CloseDrawer closes it.
	CloseDrawer struct{}
	// StartLinking opens the link panel for an account.
	StartLinking struct{ Account api.User }
	// LeaveLink goes back from the link panel to the account; a running flow goes on.
	LeaveLink struct{}
	// ReturnToLink shows the running link.
	ReturnToLink struct{}
	// LinkTab chooses between signing in and typing the name.
	LinkTab struct{ Subject bool }
	// PickProvider chooses the provider of the link.
	PickProvider struct {
		Protocol api.Protocol
		Name     string
	}
	// PickStrategy chooses another way.
	PickStrategy struct{ Strategy api.Strategy }
	// AllowMove allows taking the identity from another account.
	AllowMove struct{ On bool }
	// ToggleMore shows or hides the other ways.
	ToggleMore struct{}
	// RunLink starts the planned link.
	RunLink struct{}
	// Answer says yes or no to the confirmation.
	Answer struct{ Yes bool }
	// CancelLink ends the running flow.
	CancelLink struct{}
	// LinkAgain goes back to the plan after a failure.
	LinkAgain struct{}
	// MoveHere makes the link anew and takes the identity from the account that it opens now.
	MoveHere struct{}
	// OpenBrowser opens the sign-in address once more.
	OpenBrowser struct{ ID string }
	// VerifyLink proves an identity.
	VerifyLink struct {
		UserID   string
		Identity api.Identity
	}
	// CancelVerify ends the verification, or takes its result away.
	CancelVerify struct{}
	// AskRemove asks before links are removed.
	AskRemove struct {
		Links    []api.Link
		Accounts map[string]api.Account // by id
	}
	// AskRemoveSelected asks before all links of the selected accounts are removed.
	AskRemoveSelected struct{}
	// StopRemoval lets a removal of many links end with the one in hand.
	StopRemoval struct{}
	// AskUnregister asks before an account is unregistered.
	AskUnregister struct{ UserID string }
	// AskForget asks before a stored server is forgotten.
	AskForget struct{ Name string }
	// AskDeleteSecret asks before the stored client secret of the provider that is edited is deleted.
	AskDeleteSecret struct{}
	// AskRename asks for a stored server's new name.
	AskRename struct{ Name string }
	// DialogYes does what the dialog asked.
	DialogYes struct{}
	// CloseDialog closes it.
	CloseDialog struct{}
	// ShowDialog opens the shortcuts' sheet or the palette.
	ShowDialog struct{ Kind DialogKind }
	// PaletteMove moves the palette's choice.
	PaletteMove struct{ By int }
	// PaletteRun runs the choice, or the given line.
	PaletteRun struct{ Index int }
	// Undo undoes changes.
	Undo struct{ Changes []string }
	// CloseToast takes a message away; after a while it goes by itself.
	CloseToast struct{ ID int }
	// OpenMenu opens a menu, or closes it when it is open.
	OpenMenu struct{ ID string }
	// CloseMenu closes the open menu.
	CloseMenu struct{}
	// CopyText copies to the clipboard.
	CopyText struct{ Text string }
	// TestProvider asks the identity provider.
	TestProvider struct {
		Protocol api.Protocol
		Name     string
	}
	// EditProvider opens a provider's settings, or closes them.
	EditProvider struct{ ID string }
	// PickHost chooses the loopback's name for the provider's settings.
	PickHost struct{ Host string }
	// AllowSHA1 changes the provider's settings.
	AllowSHA1 struct{ On bool }
	// SaveProvider saves them.
	SaveProvider struct{}
	// SetTheme changes the colours.
	SetTheme struct{ Theme string }
	// SetLanguage changes the language.
	SetLanguage struct{ Language string }
	// SetSingleKeys switches the shortcuts of a single key on or off.
	SetSingleKeys struct{ On bool }
	// SaveSettings saves browser and ports.
	SaveSettings struct{}
	// CheckKeyring looks at the keyring again.
	CheckKeyring struct{}
	// StopReading ends the reading of the accounts.
	StopReading struct{}
	// Retry does the failed loading of the screen again.
	Retry struct{}
	// Escape closes what is on top.
	Escape struct{}
	// FocusSearch goes to the search field.
	FocusSearch struct{}
	// Quit ends the app.
	Quit struct{}
)

// What the backend answers. Err is nil on success.
type (
	// Booted answers CallBootstrap.
	Booted struct {
		Boot api.Bootstrap
		Err  *api.Error
	}
	// Found answers CallDiscover.
	Found struct {
		Servers []api.DiscoveredServer
		Err     *api.Error
	}
	// Probed answers CallProbe and CallTrust.
	Probed struct {
		Address string
		Probe   api.Probe
		Err     *api.Error
	}
	// Connected answers everything that opens a session.
	Connected struct {
		Session api.Session
		Err     *api.Error
		// Name is the stored server that was opened, Address the one that a key or password was sent to; Demo is true for the
		// demo world.
		Name    string
		Address string
		Demo    bool
	}
	// Renewed is the event of a session: the open server was opened anew with what another Jellybind has stored.
	Renewed struct{ Session api.Session }
	// QuickStarted answers CallQuickConnect.
	QuickStarted struct {
		Address string
		Quick   api.QuickConnect
		Err     *api.Error
	}
	// SignedOut answers CallSignOut.
	SignedOut struct {
		Name string
		Err  *api.Error
	}
	// ProfilesChanged answers CallForget and CallRename with the servers that are stored now.
	ProfilesChanged struct {
		Boot api.Bootstrap
		Err  *api.Error
		// Old and New are the names of a renamed server; New is empty for a forgotten one.
		Old, New string
	}
	// PageLoaded answers CallPage.
	PageLoaded struct {
		Generation int
		Page       int
		Rows       api.RosterPage
		Err        *api.Error
	}
	// Rested comes a moment after the first rows of a query.
	Rested struct{ Generation int }
	// Refreshed answers CallRefresh.
	Refreshed struct {
		Counts api.RosterCounts
		Err    *api.Error
	}
	// RosterChanged is the event of the same name.
	RosterChanged struct{ Counts api.RosterCounts }
	// AccountLoaded answers CallAccount.
	AccountLoaded struct {
		UserID string
		Row    api.RosterRow
		Err    *api.Error
	}
	// ChangesLoaded answers CallChanges.
	ChangesLoaded struct {
		UserID string
		List   []api.Change
		Err    *api.Error
	}
	// ProvidersLoaded answers CallProviders.
	ProvidersLoaded struct {
		List []api.ProviderDetail
		Err  *api.Error
	}
	// ProviderTested answers CallTestProvider.
	ProviderTested struct {
		ID     string
		Result api.ProviderTest
		Err    *api.Error
	}
	// ProviderSaved answers CallSaveProvider.
	ProviderSaved struct{ Err *api.Error }
	// SecretDeleted answers CallDeleteSecret.
	SecretDeleted struct{ Err *api.Error }
	// Planned answers CallPlanLink.
	Planned struct {
		Number int
		Plan   api.Plan
		Err    *api.Error
	}
	// FlowStarted answers CallStartLink.
	FlowStarted struct {
		Number int
		ID     string
		Err    *api.Error
	}
	// VerifyStarted answers CallStartVerify.
	VerifyStarted struct {
		Number int
		ID     string
		Err    *api.Error
	}
	// FlowMoved is the event of a flow.
	FlowMoved struct{ Event api.FlowEvent }
	// Removed answers CallRemove.
	Removed struct {
		Changes []api.Change
		Err     *api.Error
	}
	// UnregisterPlanned answers CallPlanUnregister.
	UnregisterPlanned struct {
		UserID string
		Plan   api.UnregisterPlan
		Err    *api.Error
	}
	// Unregistered answers CallUnregister.
	Unregistered struct {
		Change api.Change
		Err    *api.Error
	}
	// Undone answers CallUndo, once for all the changes.
	Undone struct{ Err *api.Error }
	// SelfLoaded answers CallSelf.
	SelfLoaded struct {
		Kit api.SelfService
		Err *api.Error
	}
	// SettingsSaved answers CallSaveSettings.
	SettingsSaved struct {
		Settings api.Settings
		Err      *api.Error
	}
	// WordsLoaded answers CallWords.
	WordsLoaded struct {
		Boot api.Bootstrap
		Err  *api.Error
	}
	// KeyringChecked answers CallKeyring.
	KeyringChecked struct {
		Keyring api.Keyring
		Err     *api.Error
	}
	// Copied answers Copy.
	Copied struct{ Err *api.Error }
	// Called answers commands whose success changes nothing.
	Called struct{ Err *api.Error }
	// Working is what the backend is doing.
	Working struct{ Progress api.Progress }
	// Tick is the time, once a second while somebody watches a clock and once a minute otherwise.
	Tick struct{ Now time.Time }
)
