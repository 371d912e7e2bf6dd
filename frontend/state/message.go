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

// What happens by itself.
type (
	// Rested comes a moment after the first rows of a query.
	Rested struct{ Generation int }
	// Copied answers Copy.
	Copied struct{ Err *api.Error }
	// Working is what the backend is doing.
	Working struct{ Progress api.Progress }
	// Tick is the time, once a second while a clock is on the screen and once a minute otherwise.
	Tick struct{ Now time.Time }
)
