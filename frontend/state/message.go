package state

import (
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// Msg is something that happened: one of the types below, an event, or the answer to a Call.
type Msg any

// What a person does.
type (
	// Edit is a form field that changed.
	Edit struct {
		Field Field
		Value string
	}
	// Go shows a screen of the open session; without one, the welcome screen or the settings.
	Go struct{ Screen Screen }
	// Look searches the local network for servers again.
	Look struct{}
	// Try probes the given address, or the one in the address field.
	Try struct{ Address string }
	// LookAgain probes a starting server again.
	LookAgain struct{ Address string }
	// Trust pins the certificate that was shown.
	Trust struct{}
	// PickMethod chooses how to sign in at a server.
	PickMethod struct{ Method Method }
	// SignIn signs in with the fields of the chosen method.
	SignIn struct{}
	// StartDemo starts the demo world.
	StartDemo struct{}
	// Open opens a stored server.
	Open struct{ Name string }
	// Reconnect signs in again at a stored server.
	Reconnect struct{ Name string }
	// AddServer asks for the address of another server. The open one stays open until somebody signs in there.
	AddServer struct{}
	// Back returns from the screens that add a server.
	Back struct{}
	// MakeDefault makes a stored server the one that the command line uses where none is named.
	MakeDefault struct{ Name string }
	// Leave closes the session in the window. The credential stays stored.
	Leave struct{}
	// SignOut ends the session at the server and deletes its credential.
	SignOut struct{ Name string }
	// Filter adds a kind of account to the filters, or takes it away; with Only it is the only one. FilterAll takes all away.
	Filter struct {
		Filter api.RosterFilter
		Only   bool
	}
	// FilterProvider shows the accounts that are linked at one provider or, with Without, are not. An empty name shows all.
	FilterProvider struct {
		Protocol api.Protocol
		Name     string
		Without  bool
	}
	// Sort sorts by a column; the second time, in reverse.
	Sort struct{ By api.RosterSort }
	// ClearSearch empties search and filters.
	ClearSearch struct{}
	// Scrolled gives the roster's viewport in rem.
	Scrolled struct{ Top, Height float64 }
	// Resized gives the height of the viewport in rem.
	Resized struct{ Height float64 }
	// Refresh reads the server again.
	Refresh struct{}
	// Activate moves the active row by steps, or to a position.
	Activate struct {
		By int
		To int // used when By is 0
	}
	// Select selects or deselects a row; with Range, all rows since the last one.
	Select struct {
		Index int
		Range bool
	}
	// SelectAll selects all rows of the query.
	SelectAll struct{}
	// SelectShown selects all rows of the query, or none if any is selected: the checkbox of the table's head.
	SelectShown struct{}
	// SelectNone deselects all rows.
	SelectNone struct{}
	// OpenAccount opens the drawer.
	OpenAccount struct{ Index int }
	// OpenUser opens the drawer for an account by its id.
	OpenUser struct{ ID string }
	// CloseDrawer closes it.
	CloseDrawer struct{}
	// StartLinking opens the link panel for an account.
	StartLinking struct{ Account api.User }
	// CloseGap opens the link panel with a name that is free at a provider.
	CloseGap struct {
		Account api.User
		Gap     api.Identity
	}
	// AcceptRisk accepts, or not, that an account's name is free at a provider.
	AcceptRisk struct {
		UserID string
		On     bool
	}
	// LeaveLink returns from the link panel to the account. A running flow goes on.
	LeaveLink struct{}
	// ReturnToLink shows the running link of an account.
	ReturnToLink struct{ UserID string }
	// LinkTab switches between signing in and typing the name.
	LinkTab struct{ Subject bool }
	// PickProvider chooses the provider of the link.
	PickProvider struct {
		Protocol api.Protocol
		Name     string
	}
	// PickStrategy chooses another strategy.
	PickStrategy struct{ Strategy api.Strategy }
	// AllowMove allows moving the identity from another account.
	AllowMove struct{ On bool }
	// ToggleMore shows or hides the other strategies.
	ToggleMore struct{}
	// RunLink starts the planned link. With Device the person signs in on another device.
	RunLink struct{ Device bool }
	// Answer answers the confirmation, or the question about the server's local address.
	Answer struct{ Yes bool }
	// LinkAtHome shows what to send to somebody who links on the server's own page, and watches for the link.
	LinkAtHome struct{}
	// WatchLink looks whether that link has come.
	WatchLink struct{ Number int }
	// CancelLink ends the running flow.
	CancelLink struct{}
	// FindWay tries the ways to sign in again.
	FindWay struct{}
	// LinkAgain returns to the plan after a failure.
	LinkAgain struct{}
	// MoveHere starts the link again and moves the identity from the account that it opens now.
	MoveHere struct{}
	// OpenBrowser opens the sign-in address again.
	OpenBrowser struct{ ID string }
	// VerifyLink proves an identity, with Device by a sign-in on another device.
	VerifyLink struct {
		UserID   string
		Identity api.Identity
		Device   bool
	}
	// AcceptNoPassword accepts, or not, that the account may have no password.
	AcceptNoPassword struct{ On bool }
	// AnswerVerify answers whether the sign-in may change the account, or run over an address in the local network.
	AnswerVerify struct{ Yes bool }
	// CancelVerify cancels the verification, or hides its result.
	CancelVerify struct{}
	// AskRemove asks before links are removed.
	AskRemove struct {
		Links    []api.Link
		Accounts map[string]api.Account // by id
	}
	// AskRemoveSelected asks before all links of the selected accounts are removed.
	AskRemoveSelected struct{}
	// StopRemoval stops a removal of several links after the current one.
	StopRemoval struct{}
	// AskUnregister asks before an account is unregistered.
	AskUnregister struct{ UserID string }
	// AskForget asks before a stored server is forgotten.
	AskForget struct{ Name string }
	// AskDeleteSecret asks before the client secret of the edited provider is deleted.
	AskDeleteSecret struct{}
	// AskLocal asks for a stored server's address in the local network.
	AskLocal struct{ Name string }
	// AskNote asks for what is known about an identity.
	AskNote struct{ Identity api.Identity }
	// RememberPerson chooses whether who signed in is written down with the identity.
	RememberPerson struct{ On bool }
	// AskRename asks for a stored server's new name.
	AskRename struct{ Name string }
	// DialogYes confirms the dialog.
	DialogYes struct{}
	// CloseDialog closes it.
	CloseDialog struct{}
	// ShowDialog opens the list of shortcuts or the palette.
	ShowDialog struct{ Kind DialogKind }
	// PaletteMove moves the palette's choice.
	PaletteMove struct{ By int }
	// PaletteRun runs the chosen line, or the given one.
	PaletteRun struct{ Index int }
	// Undo undoes changes.
	Undo struct{ Changes []string }
	// CloseToast closes a message. After a while it closes by itself.
	CloseToast struct{ ID int }
	// OpenMenu opens a menu, or closes it if it is open.
	OpenMenu struct{ ID string }
	// CloseMenu closes the open menu.
	CloseMenu struct{}
	// OpenRowMenu opens the menu of a row, at a place in rem.
	OpenRowMenu struct {
		Index int
		X, Y  float64
	}
	// RunInMenu closes the menu and does what was chosen.
	RunInMenu struct{ Msg Msg }
	// ShowProvider shows one provider on its screen.
	ShowProvider struct {
		Protocol api.Protocol
		Name     string
	}
	// UndoLast undoes the last change that was made in this window.
	UndoLast struct{}
	// Nothing does nothing: a key that the browser must not answer.
	Nothing struct{}
	// CopyText copies to the clipboard.
	CopyText struct{ Text string }
	// TestProvider asks the identity provider.
	TestProvider struct {
		Protocol api.Protocol
		Name     string
	}
	// TrustProvider trusts the TLS certificate that the last test of a provider was shown.
	TrustProvider struct {
		Protocol api.Protocol
		Name     string
	}
	// UnfoldProvider shows a provider's facts, or hides them.
	UnfoldProvider struct{ ID string }
	// EditProvider opens a provider's settings, or closes them.
	EditProvider struct{ ID string }
	// PickHost chooses the loopback host in the provider's settings.
	PickHost struct{ Host string }
	// AllowSHA1 changes the provider's settings.
	AllowSHA1 struct{ On bool }
	// SaveProvider saves the provider's settings.
	SaveProvider struct{}
	// SetTheme changes the colours.
	SetTheme struct{ Theme string }
	// SetLanguage changes the language.
	SetLanguage struct{ Language string }
	// SetSingleKeys turns shortcuts of a single key on or off.
	SetSingleKeys struct{ On bool }
	// SaveSettings saves browser and ports.
	SaveSettings struct{}
	// CheckKeyring checks the keyring again.
	CheckKeyring struct{}
	// StopReading stops reading the accounts.
	StopReading struct{}
	// Retry loads the screen again after a failure.
	Retry struct{}
	// Escape closes the topmost thing.
	Escape struct{}
	// FocusSearch focuses the search field.
	FocusSearch struct{}
	// Quit ends the app.
	Quit struct{}
)

// What happens by itself.
type (
	// Copied answers Copy.
	Copied struct{ Err *api.Error }
	// Working is the event that says what the backend is doing.
	Working struct{ Progress api.Progress }
	// Tick gives the time, once a second while a countdown is visible and once a minute otherwise.
	Tick struct{ Now time.Time }
)
