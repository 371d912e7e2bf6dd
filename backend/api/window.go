package api

import "time"

// Profile is a server that the person added, without any secret.
type Profile struct {
	// Name is the profile's name, unique in the file, chosen by the person.
	Name string `json:"name"`
	URL  string `json:"url"`
	// ServerID is the server's own id, once known.
	ServerID   string         `json:"serverId,omitempty"`
	Credential CredentialKind `json:"credential"`
	// UserID and UserName are set for an access token.
	UserID   string `json:"userId,omitempty"`
	UserName string `json:"userName,omitempty"`
	// PinnedSHA256 is the fingerprint of the one certificate that the person trusts for this server.
	PinnedSHA256 string `json:"pinnedSha256,omitempty"`
	// LocalAddress is the server's address in the local network, which the person gave or agreed to; empty for none. Only the
	// anonymous requests of a sign-in go there.
	LocalAddress string `json:"localAddress,omitempty"`
	// LocalDeclined is an address that Jellybind found there and the person does not want to be used.
	LocalDeclined string `json:"localDeclined,omitempty"`
	// Default marks the profile that is used when none is named.
	Default bool `json:"default"`
	// Demo is true for the demo world, which is never stored.
	Demo bool `json:"demo,omitempty"`
}

// ProviderSettings is what the app itself needs to know of a provider: the loopback port and its own OIDC client. The
// client's secret is in the keyring.
type ProviderSettings struct {
	Protocol Protocol `json:"protocol"`
	Provider string   `json:"provider"`
	// Port is the fixed loopback port; 0 takes the first free one of the list.
	Port int `json:"port,omitempty"`
	// ListenHost is "127.0.0.1" (the default) or "localhost".
	ListenHost string   `json:"listenHost,omitempty"`
	ClientID   string   `json:"clientId,omitempty"`
	Scopes     []string `json:"scopes,omitempty"`
	// HasSecret tells whether a client secret is in the keyring.
	HasSecret bool `json:"hasSecret"`
	// AllowSHA1 accepts SAML signatures made with SHA-1.
	AllowSHA1 bool `json:"allowSha1,omitempty"`
	// PinnedSHA256 is the fingerprint of the one TLS certificate that the person trusts for this provider (OIDC).
	PinnedSHA256 string `json:"pinnedSha256,omitempty"`
}

// MinPort and MaxPort bound the loopback ports that people may choose. Lower ports need special rights.
const (
	MinPort = 1024
	MaxPort = 65535
)

// Settings are the person's choices for the window.
type Settings struct {
	Theme    string `json:"theme"`    // "system", "light" or "dark"
	Language string `json:"language"` // "system", "en" or "de"
	// Browser is the command that opens addresses; empty means the system's default.
	Browser string `json:"browser,omitempty"`
	// Ports are the loopback ports to try, in order; empty means the default ones.
	Ports []int `json:"ports,omitempty"`
	// NoSingleKeys switches off the shortcuts of one letter or sign: who dictates, or hits keys unmeant, is in their way.
	NoSingleKeys bool `json:"noSingleKeys,omitempty"`
}

// WindowState is the window's place and size, in the system's logical pixels.
type WindowState struct {
	X         int  `json:"x"`
	Y         int  `json:"y"`
	Width     int  `json:"width"`
	Height    int  `json:"height"`
	Maximised bool `json:"maximised"`
}

// Keyring is whether the system's keyring can be used.
type Keyring struct {
	OK bool `json:"ok"`
	// Code and Why say why not, as in an Error.
	Code Code `json:"code,omitempty"`
	Why  Why  `json:"why,omitempty"`
}

// Bootstrap is what the window needs to draw its first frame.
type Bootstrap struct {
	Version  string    `json:"version"`
	OS       string    `json:"os"`
	Locale   string    `json:"locale"` // the system's language, BCP 47; empty where it does not say
	Settings Settings  `json:"settings"`
	Profiles []Profile `json:"profiles"`
	// Last is the name of the server that the window opens at its start: the one that was open last, or else the default;
	// empty if there is none.
	Last string `json:"last,omitempty"`
	// Browsers are the programs of the browsers that are installed, as Settings.Browser takes them.
	Browsers []string `json:"browsers"`
	// DemoFlavours lists the plugin's flavours that the demo world can run, its default first.
	DemoFlavours []Flavour `json:"demoFlavours"`
	// Language is the language of Words, BCP 47.
	Language string `json:"language"`
	// Words are the texts for errors and reasons, as package words parses them.
	Words string `json:"words"`
	// Damaged is the path's base name of a profile file that was kept aside because it could not be read.
	Damaged string `json:"damaged,omitempty"`
}

// Probe is what an address turned out to be, before any credential is given.
type Probe struct {
	Server Server `json:"server"`
	// Plugin is whether the SSO plugin answers.
	Plugin bool `json:"plugin"`
	// Flavours lists the flavours that the plugin may be, as far as anybody can tell without a credential. It is empty where
	// the plugin behaves like none of them; signing in tells more.
	Flavours []Flavour `json:"flavours,omitempty"`
	// Starting is true while the server starts.
	Starting bool `json:"starting"`
	// QuickConnect is whether Quick Connect is switched on.
	QuickConnect bool `json:"quickConnect"`
	// Certificate is set when nobody known has signed the server's certificate, or when it is not the trusted one; nothing
	// else is known then.
	Certificate *Certificate `json:"certificate,omitempty"`
	// Pinned is the fingerprint of the certificate that was trusted, when the server shows another one now.
	Pinned string `json:"pinned,omitempty"`
	// Tried lists the addresses that were asked.
	Tried []string `json:"tried,omitempty"`
}

// Session is a server that is open in the window.
type Session struct {
	Profile      Profile      `json:"profile"`
	Server       Server       `json:"server"`
	Capabilities Capabilities `json:"capabilities"`
	// User is whose access token it is; nil for an API key.
	User *User `json:"user,omitempty"`
	// Stored is whether the credential is in the keyring.
	Stored bool `json:"stored"`
	// Ways are what was found by trying at the identity providers.
	Ways []FoundWays `json:"ways,omitempty"`
	// Notes are what the person wrote down about identities.
	Notes []IdentityNote `json:"notes,omitempty"`
	// DemoPeople are the names of those who can sign in at the demo world's providers; empty for a real server.
	DemoPeople []string `json:"demoPeople,omitempty"`
	// Warning says that the sign-in worked, but the token that it replaced could not be ended. It is nil otherwise.
	Warning *Error `json:"warning,omitempty"`
}

// QuickConnect is a running Quick Connect sign-in.
type QuickConnect struct {
	ID   string `json:"id"`
	Code string `json:"code"`
}

// RosterFilter keeps a kind of account.
type RosterFilter string

// The roster's filters.
const (
	FilterAll           RosterFilter = ""
	FilterLinked        RosterFilter = "linked"
	FilterUnlinked      RosterFilter = "unlinked"
	FilterSeveral       RosterFilter = "several"
	FilterOrphan        RosterFilter = "orphan"
	FilterAtRisk        RosterFilter = "at-risk"
	FilterDisabled      RosterFilter = "disabled"
	FilterAdministrator RosterFilter = "administrator"
	FilterChanged       RosterFilter = "changed" // since the last look
)

// RosterSort is a column to sort by.
type RosterSort string

// The roster's orders.
const (
	SortName     RosterSort = "name"
	SortActivity RosterSort = "activity" // the latest first
	SortLinks    RosterSort = "links"    // the most first
)

// RosterQuery asks for one window of rows.
type RosterQuery struct {
	// Search is matched against account names and identities' names, without regard to case or accents.
	Search string `json:"search"`
	// Filters are passed by the accounts that pass each of them.
	Filters  []RosterFilter `json:"filters,omitempty"`
	Protocol Protocol       `json:"protocol,omitempty"` // with Provider: only accounts linked there
	Provider string         `json:"provider,omitempty"`
	// Without is true for the accounts that are not linked at Provider instead.
	Without bool       `json:"without,omitempty"`
	Sort    RosterSort `json:"sort"`
	Reverse bool       `json:"reverse"`
	Offset  int        `json:"offset"`
	Limit   int        `json:"limit"`
	// Language is the BCP 47 tag to sort names by.
	Language string `json:"language,omitempty"`
}

// RosterRow is an account in a window of rows.
type RosterRow struct {
	Account
	// Changed is true when its links or its state differ from the last look.
	Changed bool `json:"changed"`
}

// RosterCounts counts the accounts of each filter, before search.
type RosterCounts struct {
	All           int `json:"all"`
	Linked        int `json:"linked"`
	Unlinked      int `json:"unlinked"`
	Several       int `json:"several"`
	Orphan        int `json:"orphan"`
	AtRisk        int `json:"atRisk"`
	Disabled      int `json:"disabled"`
	Administrator int `json:"administrator"`
	Identities    int `json:"identities"`
	Changed       int `json:"changed"`
}

// RosterPage is one window of rows.
type RosterPage struct {
	Rows   []RosterRow  `json:"rows"`
	Offset int          `json:"offset"`
	Total  int          `json:"total"` // rows that match
	Counts RosterCounts `json:"counts"`
	Taken  time.Time    `json:"taken"`
}

// ProviderDetail is a provider with what its identity provider must allow.
type ProviderDetail struct {
	Provider
	Settings ProviderSettings `json:"settings"`
	// AppRedirects are the redirect URIs (or ACS addresses) for sign-ins through this app.
	AppRedirects []string `json:"appRedirects"`
	// ServerRedirects are those for the server's own sign-in page.
	ServerRedirects []string `json:"serverRedirects"`
	// Relay is whether the loopback can be reached through this provider.
	Relay Ability `json:"relay"`
}

// ProviderTest is the result of asking the identity provider itself.
type ProviderTest struct {
	OK bool `json:"ok"`
	// Facts are lines of key and value: issuer, endpoints, certificate subject, expiry.
	Facts []Fact `json:"facts"`
	// Error says what is wrong when OK is false.
	Error *Error `json:"error,omitempty"`
	// Certificate is the TLS certificate that was refused; nil if the error is another one. Pinned is the fingerprint of the
	// one that the person trusts; empty for none.
	Certificate *Certificate `json:"certificate,omitempty"`
	Pinned      string       `json:"pinned,omitempty"`
	// Server is what the server itself finds out; nil where the plugin does not test providers.
	Server *ServerTest `json:"server,omitempty"`
}

// Fact is a named value. Where there are words for the value, Why and Params name them.
type Fact struct {
	Name   string            `json:"name"`
	Value  string            `json:"value"`
	Why    Why               `json:"why,omitempty"`
	Params map[string]string `json:"params,omitempty"`
}

// LinkRequest asks for a link.
type LinkRequest struct {
	UserID   string   `json:"userId"`
	Protocol Protocol `json:"protocol"`
	Provider string   `json:"provider"`
	// Strategy is the person's choice; empty lets the plan choose.
	Strategy Strategy `json:"strategy,omitempty"`
	// Name is the canonical name, for StrategySubject only.
	Name string `json:"name,omitempty"`
	// Move allows taking the identity from another account.
	Move bool `json:"move,omitempty"`
	// Port overrides the provider's loopback port.
	Port int `json:"port,omitempty"`
	// Retry tries the strategies again instead of using what was found earlier.
	Retry bool `json:"retry,omitempty"`
}

// FlowEvent reports on a running link, verification or Quick Connect to the window.
type FlowEvent struct {
	ID string `json:"id"`
	// Step is one of "progress", "local", "sign-in", "device", "confirm", "done", "verified", "connected", "failed".
	Step     string    `json:"step"`
	Progress *Progress `json:"progress,omitempty"`
	SignIn   *SignIn   `json:"signIn,omitempty"`
	// Device is the sign-in on another device, and QR its address as a QR code: the modules row by row, true for a dark one,
	// without a quiet zone. QR is empty if the address is too long for one.
	Device       *DeviceSignIn `json:"device,omitempty"`
	QR           [][]bool      `json:"qr,omitempty"`
	Confirmation *Confirmation `json:"confirmation,omitempty"`
	// Address is the server's address in the local network. The step "local" asks whether the sign-in may run over it.
	Address  string    `json:"address,omitempty"`
	Change   *Change   `json:"change,omitempty"`
	Verified *Verified `json:"verified,omitempty"`
	Session  *Session  `json:"session,omitempty"`
	Error    *Error    `json:"error,omitempty"`
}

// Verified tells which account an identity opens.
type Verified struct {
	Identity Identity `json:"identity"`
	Account  User     `json:"account"`
	// SignedIn is true when the server was asked to sign in and that session was ended again; false when the link was
	// only read.
	SignedIn bool `json:"signedIn"`
	// Effects are what signing in would have changed in the account, where that is why the server was not asked.
	Effects []Remark `json:"effects,omitempty"`
	// Remarks are about the sign-in that proved the identity, such as a role that the server will miss.
	Remarks []Remark `json:"remarks,omitempty"`
	// Strategy is how the name was proved.
	Strategy Strategy `json:"strategy,omitempty"`
}

// Removal is what became of a removal of links.
type Removal struct {
	Changes []Change `json:"changes"`
	// Error says why not all were removed: it failed, or was stopped (CodeCancelled).
	Error *Error `json:"error,omitempty"`
}

// History is the journal of a server, newest change first.
type History struct {
	Changes []Change `json:"changes"`
	// Damaged tells of lines of the journal that could not be read; nil if there are none.
	Damaged *Error `json:"damaged,omitempty"`
}

// UndoResult says what became of undoing several changes, one after the other.
type UndoResult struct {
	// Changes are the changes that were made, in order. Undoes names what each of them undid.
	Changes []Change `json:"changes"`
	// Failed is the id of the change at which it stopped; empty if all were undone. A change that was undone with a warning is
	// named here and its undoing is in Changes.
	Failed string `json:"failed,omitempty"`
	// Error says why it stopped: it failed, or was stopped (CodeCancelled).
	Error *Error `json:"error,omitempty"`
}

// UnregisterPlan says what Unregister will do to an account.
type UnregisterPlan struct {
	Account User `json:"account"`
	// Providers are the server's sign-in providers, the default one first.
	Providers []AuthProvider `json:"providers"`
	Links     int            `json:"links"`
	// Remarks are what happens to links and sessions on this flavour, and Effects their sentences, for --json only.
	Remarks []Remark `json:"remarks"`
	Effects []string `json:"effects"`
	// NoPassword is true when the account has no password: with AuthProviderDefault, anybody who knows its name can sign in.
	NoPassword bool `json:"noPassword"`
	// PasswordUnknown is true when only the account's present sign-in provider says that it has a password, and that is not
	// Jellyfin's own: an account of a directory has none, as a rule.
	PasswordUnknown bool `json:"passwordUnknown,omitempty"`
}

// MayOpenByName reports whether the account's name alone may open it once it has that sign-in provider, and does not now.
func (p UnregisterPlan) MayOpenByName(authProvider string) bool {
	changes := authProvider == AuthProviderDefault && p.Account.AuthProvider != AuthProviderDefault
	return changes && (p.NoPassword || p.PasswordUnknown)
}

// SelfService is what an administrator gives to the users.
type SelfService struct {
	// PageURL is the plugin's own linking page.
	PageURL string `json:"pageUrl"`
	// MenuLink is a config.json of the web client that holds nothing but the menuLinks entry for that page.
	MenuLink string `json:"menuLink"`
	// MenuName is the entry's name in it, which may as well be another one.
	MenuName string `json:"menuName"`
}

// The names of the events that the backend sends to the window.
const (
	EventFlow     = "flow"     // FlowEvent
	EventRoster   = "roster"   // RosterCounts: the roster has changed
	EventProgress = "progress" // Progress of a call that is under way
	EventSession  = "session"  // Session: the open server was opened again, with what another Jellybind stored
)
