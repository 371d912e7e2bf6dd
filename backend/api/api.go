// Package api holds the types that cross from the backend to the window, to the command line's --json and between the
// backend's own layers. It imports nothing of Jellybind, and nothing that is heavy in WebAssembly.
package api

import (
	"slices"
	"strings"
	"time"
)

// Protocol is the sign-in protocol of a provider.
type Protocol string

// The protocols of the SSO plugin.
const (
	OIDC Protocol = "oidc" // OpenID Connect Core 1.0
	SAML Protocol = "saml" // SAML 2.0 Web Browser SSO
)

// Flavour names which of the SSO plugin's lines a server runs.
type Flavour string

// The flavours in use. All three share one plugin id.
const (
	Flavour9p4     Flavour = "9p4"
	FlavourK0lin   Flavour = "K0lin"
	FlavourFlowfin Flavour = "Flowfin"
	// FlavourBySubject is a fork of 9p4's plugin that links OIDC identities by subject.
	FlavourBySubject Flavour = "fork-by-subject"
	// FlavourUnknown is a plugin that Jellybind does not know. Only what is safe on any of them is done there.
	FlavourUnknown Flavour = "unknown-fork"
)

// CredentialKind says what kind of credential is in use.
type CredentialKind string

// The kinds of credential. An API key has no user; the other two are access tokens.
const (
	CredentialNone  CredentialKind = "none"
	CredentialKey   CredentialKind = "api-key"
	CredentialAdmin CredentialKind = "administrator"
	CredentialUser  CredentialKind = "user"
)

// Server is a Jellyfin server as it describes itself.
type Server struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"`
	// URL is the base URL, with the base path and without a trailing slash.
	URL string `json:"url"`
	// WizardCompleted is false until somebody has finished the first-run wizard.
	WizardCompleted bool `json:"wizardCompleted"`
}

// DiscoveredServer answered the discovery on the local network.
type DiscoveredServer struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Certificate describes a TLS certificate that no known authority has signed.
type Certificate struct {
	// SHA256 is the fingerprint of the DER form, upper-case hexadecimal with colons.
	SHA256    string    `json:"sha256"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// User is a Jellyfin account.
type User struct {
	// ID is the undashed lower-case hexadecimal id.
	ID            string `json:"id"`
	Name          string `json:"name"`
	Administrator bool   `json:"administrator"`
	Disabled      bool   `json:"disabled"`
	// HasPassword is what the server says. With another sign-in provider than Jellyfin's own it is no sign of a password: the
	// server says true of a provider that it does not know.
	HasPassword bool `json:"hasPassword"`
	// AuthProvider is the id of the account's sign-in provider on the server, a .NET type name, such as
	// AuthProviderDefault and AuthProviderPlugin.
	AuthProvider string `json:"authProvider"`
	// LastActivity is zero when the account was never used.
	LastActivity time.Time `json:"lastActivity,omitzero"`
}

// The sign-in providers that every server with the plugin knows.
const (
	// AuthProviderDefault is Jellyfin's own: name and password. An account without a password is opened by its name alone.
	AuthProviderDefault = "Jellyfin.Server.Implementations.Users.DefaultAuthenticationProvider"
	// AuthProviderPlugin is what the plugin gives to the accounts that it makes. The server does not list it, and takes no
	// password by it.
	AuthProviderPlugin = "Jellyfin.Plugin.SSO_Auth.Api.SSOController"
)

// AuthProvider is one of the server's sign-in providers.
type AuthProvider struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// APIKey is one of the server's API keys, without its value.
type APIKey struct {
	App     string    `json:"app"`
	Created time.Time `json:"created"`
	// Own is true for the key that this profile uses.
	Own bool `json:"own"`
	// Tail is the last four characters, to tell keys with the same name apart.
	Tail string `json:"tail"`
}

// Provider is an identity provider as the plugin knows it. Fields that the credential may not read are empty; then
// Known is false.
type Provider struct {
	Protocol Protocol `json:"protocol"`
	Name     string   `json:"name"`
	// Known is false when only the name could be read.
	Known   bool `json:"known"`
	Enabled bool `json:"enabled"`
	// Endpoint is the OIDC issuer or discovery address, or the SAML single sign-on address.
	Endpoint string `json:"endpoint,omitempty"`
	// ClientID is the OIDC client id, or the SAML service provider's entity id.
	ClientID string `json:"clientId,omitempty"`
	// Scopes are exactly those that the plugin asks for, "openid" among them.
	Scopes []string `json:"scopes,omitempty"`
	// NameClaim is the claim that is said to become the canonical name: the rule's claim, or its fallback (OIDC only).
	NameClaim string `json:"nameClaim,omitempty"`
	// OIDC and SAML are the settings of the provider's protocol that shape a sign-in; the other one is zero.
	OIDC OIDCSettings `json:"oidc,omitzero"`
	SAML SAMLSettings `json:"saml,omitzero"`
	// NewPath is true when the plugin answers at /redirect/ and /post/, false for /r/ and /p/.
	NewPath bool `json:"newPath"`
	// SchemeOverride, PortOverride and BaseURLOverride change the redirect URI that the plugin makes.
	SchemeOverride  string `json:"schemeOverride,omitempty"`
	PortOverride    int    `json:"portOverride,omitempty"`
	BaseURLOverride string `json:"baseUrlOverride,omitempty"`
	// Certificate is the SAML signing certificate, base64 of its DER form as the plugin holds it.
	Certificate string `json:"certificate,omitempty"`
	// AutoAdopt is true where an unlinked identity with an account's name signs in to that account.
	AutoAdopt bool `json:"autoAdopt"`
	// SparesAdministrators is true where that does not hold for an administrator's account.
	SparesAdministrators bool `json:"sparesAdministrators,omitempty"`
	// Admission is whom the provider lets in, and what a sign-in changes in the account.
	Admission Admission `json:"admission,omitzero"`
	// Links is the number of links of this provider. LinksUnknown is true where it was not counted.
	Links        int  `json:"links"`
	LinksUnknown bool `json:"linksUnknown,omitempty"`
}

// NameRule says which claim of a sign-in becomes the canonical name on the server. The plugin looks for the claim in the ID
// token and in the answer of the userinfo endpoint (OpenID Connect Core 1.0, sections 2 and 5.3); case matters.
type NameRule struct {
	// Claim is tried first; empty where the plugin takes none, because its settings name none.
	Claim string `json:"claim,omitempty"`
	// Fallback is the claim that is taken where Claim did not come at all: "sub". A Claim that came with an empty text is not
	// replaced: the server then refuses to link.
	Fallback string `json:"fallback,omitempty"`
}

// OIDCSettings are the settings of an OIDC provider that shape the plugin's own sign-in.
type OIDCSettings struct {
	// Rule is how the claims become the canonical name. It is set even where the settings cannot be read, if no setting can
	// change it; otherwise it is zero.
	Rule NameRule `json:"rule,omitzero"`
	// Parameters are added to the authorization request, such as acr_values.
	Parameters map[string]string `json:"parameters,omitempty"`
	// NoPush is DisablePushedAuthorization: without it the plugin pushes the authorization request (RFC 9126) wherever the
	// provider advertises the endpoint.
	NoPush bool `json:"noPush,omitempty"`
	// AnyIssuer is DoNotValidateIssuerName: the discovery document may name another issuer than its address.
	AnyIssuer bool `json:"anyIssuer,omitempty"`
	// AnyEndpoint is DoNotValidateEndpoints: the discovery document may name endpoints on other hosts.
	AnyEndpoint bool `json:"anyEndpoint,omitempty"`
	// NoUserinfo is DoNotLoadProfile: the plugin does not ask the userinfo endpoint.
	NoUserinfo bool `json:"noUserinfo,omitempty"`
	// PlainHTTP is DisableHttps: the plugin takes a provider without TLS.
	PlainHTTP bool `json:"plainHttp,omitempty"`
	// NeedsPKCE is RequirePkce: the plugin refuses a provider that does not announce PKCE with S256 (RFC 7636).
	NeedsPKCE bool `json:"needsPkce,omitempty"`
}

// SAMLSettings are the settings of a SAML provider that shape what the plugin sends and checks.
type SAMLSettings struct {
	// Audience is what the plugin demands as the audience of an assertion; empty where it checks none.
	Audience string `json:"audience,omitempty"`
	// ValidateRecipient makes the plugin refuse a response that was made out to another address than its own.
	ValidateRecipient bool `json:"validateRecipient,omitempty"`
	// ValidateInResponseTo makes the plugin check which request a response answers.
	ValidateInResponseTo bool `json:"validateInResponseTo,omitempty"`
	// SignRequests is SignAuthnRequests: the plugin signs its AuthnRequests.
	SignRequests bool `json:"signRequests,omitempty"`
	// SecondCertificate is another signing certificate, in the form of Provider.Certificate, that a response may be signed with
	// while the provider changes its key. It is empty where there is none.
	SecondCertificate string `json:"secondCertificate,omitempty"`
}

// Identity is an account at an identity provider, as the plugin names it.
type Identity struct {
	Protocol Protocol `json:"protocol"`
	Provider string   `json:"provider"`
	// Name is the canonical name, raw: it comes from strangers. Show it through Printable.
	Name string `json:"name"`
}

// Addressable reports whether a route of the plugin can hold a name as its last segment, as DELETE Link holds the canonical
// name: the server's routing takes a slash, also an encoded one, and the segments "." and ".." for itself.
func Addressable(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.Contains(name, "/")
}

// IdentityNote is what the person wrote down about an identity, such as who a subject is. It stays on this computer.
type IdentityNote struct {
	Identity
	Text string `json:"text"`
}

// Person names who signed in, as far as the sign-in told more than the identity's name; empty for nothing.
func (c Confirmation) Person() string {
	var parts []string
	for _, p := range []string{c.DisplayName, c.Email} {
		if p != "" && p != c.Identity.Name {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " · ")
}

// Link says that an identity opens an account.
type Link struct {
	Identity
	UserID string `json:"userId"`
}

// Account is one row of the roster.
type Account struct {
	User
	// Exists is false for an orphan: links whose account was deleted. Then only ID is set in User.
	Exists     bool       `json:"exists"`
	Identities []Identity `json:"identities"`
	// Unread is true while the account's links have not been read yet. Identities is empty then, and says nothing.
	Unread bool `json:"unread,omitempty"`
	// AtRisk is true when an unlinked identity with this account's name would open it (see Provider.AutoAdopt).
	AtRisk bool `json:"atRisk"`
	// Gaps are those identities. Accepted is true if the person accepts them; then AtRisk is false.
	Gaps     []Identity `json:"gaps,omitempty"`
	Accepted bool       `json:"accepted,omitempty"`
	// Uses says when its identities signed in last, where the plugin tells (Flowfin), to the hour.
	Uses []Use `json:"uses,omitempty"`
}

// Use says when an identity signed in last.
type Use struct {
	Identity
	At time.Time `json:"at"`
}

// LastUse returns when an identity of the account signed in last; zero where that is not known.
func (a Account) LastUse(id Identity) time.Time {
	for _, u := range a.Uses {
		if u.Identity == id {
			return u.At
		}
	}
	return time.Time{}
}

// ShutOutWithout reports whether nobody could sign in to the account any more without these identities: no other one is
// left, and its sign-in provider takes no password.
func (a Account) ShutOutWithout(removed []Identity) bool {
	return a.AuthProvider == AuthProviderPlugin && a.lastWithout(removed)
}

// lastWithout reports whether these identities are all that the account has.
func (a Account) lastWithout(removed []Identity) bool {
	left := func(i Identity) bool { return !slices.Contains(removed, i) }
	return a.Exists && len(a.Identities) > 0 && !slices.ContainsFunc(a.Identities, left)
}

// TakesBack reports whether one of these identities would still open the account after its link is removed. That is so where
// the plugin adopts (Capabilities.Adopts): it lets an unlinked identity into the account of the same name.
func (a Account) TakesBack(adopts bool, removed []Identity) bool {
	own := func(i Identity) bool { return strings.EqualFold(i.Name, a.Name) }
	return adopts && a.Exists && slices.ContainsFunc(removed, own)
}

// Roster is who is linked to what, at one moment.
type Roster struct {
	Taken     time.Time  `json:"taken"`
	Accounts  []Account  `json:"accounts"`
	Providers []Provider `json:"providers"`
	// Own is true when the credential shows only its own account.
	Own bool `json:"own"`
}

// Ability is whether something can be done, and why not.
type Ability struct {
	OK bool `json:"ok"`
	// Why and Params say why not.
	Why    Why               `json:"why,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// Reason is their sentence, for --json only.
	Reason string `json:"reason,omitempty"`
}

// Why is a reason's stable name. Package words has its sentence.
type Why string

// Remark is what a person should read before going on.
type Remark struct {
	Why    Why               `json:"why"`
	Params map[string]string `json:"params,omitempty"`
	// Sentence is for --json only.
	Sentence string `json:"sentence"`
}

// WhySignedOut is the reason of a CodeCredentialRefused after a removal that went well: the account's last link is gone, and the
// plugin has ended its sessions, our own too.
const WhySignedOut Why = "signed-out"

// The reasons of a plan's options. What the plugin's capabilities do not allow has a name of its own, where it is told.
const (
	WhyRelay         Why = "relay"           // the plugin's own sign-in, and its link endpoint
	WhyRelayByConfig Why = "relay-by-config" // the plugin's own sign-in; an API key writes the configuration
	WhyDevice        Why = "device"
	WhyRelayLocal    Why = "relay-local" // the same over {address}
	WhyPluginClient  Why = "plugin-client"
	WhyOwnClient     Why = "own-client"
	// The same two, because something in front of the server hides the relay.
	WhyHiddenPluginClient Why = "hidden-plugin-client"
	WhyHiddenOwnClient    Why = "hidden-own-client"
	WhySAMLRelay          Why = "saml-relay"
	WhyServerStart        Why = "server-start"
	WhyAssertion          Why = "assertion"
	WhyClaim              Why = "claim"          // a typed name, of the claim {claim}
	WhyNameID             Why = "name-id"        // a typed name, of the NameID
	WhyClientMissing      Why = "no-client"      // no client of our own at the provider
	WhySecretMissing      Why = "no-secret"      // of the plugin's client, which the plugin keeps to itself
	WhyNoCertificate      Why = "no-certificate" // the SAML provider's
	WhyNoClientID         Why = "no-client-id"   // the SAML provider's, in the plugin's settings
	WhySwitchedOff        Why = "switched-off"   // the provider, on the server
	WhyOverrideHost       Why = "override-host"  // BaseUrlOverride leads to {host}
	WhyOverrideHTTPS      Why = "override-https"
	WhyBlank              Why = "warn-blank"   // a warning: of a typed name with a blank at its end
	WhyUnknown            Why = "warn-unknown" // another: who signed in is known after the write only
	WhyNeedsToken         Why = "needs-token"  // the plugin's link endpoint, an administrator's
)

// Capabilities is what a server's plugin can do with one credential.
type Capabilities struct {
	Flavour Flavour `json:"flavour"`
	// MayBe lists the flavours that it may be, where nothing that this credential can read tells them apart. It is empty where
	// Flavour is certain.
	MayBe      []Flavour      `json:"mayBe,omitempty"`
	Version    string         `json:"version"`
	Credential CredentialKind `json:"credential"`

	ReadRoster      Ability `json:"readRoster"`      // everybody's links
	ReadOwn         Ability `json:"readOwn"`         // the credential's own links
	ReadConfig      Ability `json:"readConfig"`      // the providers' configuration
	NameBeforeWrite Ability `json:"nameBeforeWrite"` // OID/States tells who signed in before POST Link
	PostLink        Ability `json:"postLink"`        // POST Link for any account
	PostLinkOwn     Ability `json:"postLinkOwn"`     // POST Link for the own account
	DeleteLink      Ability `json:"deleteLink"`      // DELETE Link for any account
	DeleteLinkOwn   Ability `json:"deleteLinkOwn"`   // DELETE Link for the own account
	WriteConfig     Ability `json:"writeConfig"`     // links written by the provider's configuration
	Preprovision    Ability `json:"preprovision"`    // links written by Links/Preprovision
	Unregister      Ability `json:"unregister"`      // Unregister
	UnregisterDrops bool    `json:"unregisterDrops"` // Unregister removes the links and ends the sessions
	UnregisterKept  bool    `json:"unregisterKept"`  // Unregister outlives a restart of the server
	StateOnce       bool    `json:"stateOnce"`       // a sign-in's state serves one write only
	// Adopts is true where an identity that nobody has linked opens the account of its own name, whatever the settings.
	Adopts bool `json:"adopts"`
	// LinksInConfig is true where the links are part of the providers' configuration.
	LinksInConfig bool `json:"linksInConfig"`
	// SecretsReadable is true where the providers' configuration shows the plugin's client secrets.
	SecretsReadable bool `json:"secretsReadable"`
	// DefaultClaim is the claim that names an OIDC identity unless the provider's settings name another.
	DefaultClaim string `json:"defaultClaim"`
	// RemovalEndsSessions is true where removing an account's last link ends all its sessions.
	RemovalEndsSessions bool `json:"removalEndsSessions"`
	// PasswordsOff is whether the server lets people in by password at all.
	PasswordsOff PasswordsOff `json:"passwordsOff,omitzero"`
	// EnabledOnly is true where nothing is linked at a provider that is switched off.
	EnabledOnly bool `json:"enabledOnly,omitempty"`
	// PageSignsIn is true where the plugin's own linking page may sign in with the new identity instead of linking it.
	PageSignsIn bool `json:"pageSignsIn"`
	// RosterByAccount is true where everybody's links can be read only one account at a time, which takes some 20 ms each.
	RosterByAccount bool `json:"rosterByAccount"`
	// Rekeys is true where the server turns a link by user name into one by subject at the person's next sign-in.
	Rekeys bool `json:"rekeys"`
	// Remarks say what this version of the plugin cannot do and later ones can (Params: since, a version), and whether it is
	// known at all.
	Remarks []Remark `json:"remarks,omitempty"`
	// PendingSeconds is how long a pending OIDC sign-in lives on the server, at least: what is older goes when the next one
	// starts.
	PendingSeconds int `json:"pendingSeconds"`
}

// WriteMethod is how a link reaches the plugin.
type WriteMethod string

// The write methods.
const (
	WritePostLink     WriteMethod = "post-link"
	WriteConfig       WriteMethod = "config"
	WritePreprovision WriteMethod = "preprovision"
)

// Option is one strategy of a plan.
type Option struct {
	Strategy Strategy    `json:"strategy"`
	Write    WriteMethod `json:"write,omitempty"`
	// OK is false when it cannot work here.
	OK bool `json:"ok"`
	// Why and Params say why this strategy is the right one here, or cannot work.
	Why    Why               `json:"why,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// Reason is their sentence, for --json only.
	Reason string `json:"reason"`
	// Code is set where it cannot work because of something that the person can enter: CodeClientMissing.
	Code Code `json:"code,omitempty"`
}

// Plan says how a link will be made, before anything happens.
type Plan struct {
	Account  User     `json:"account"`
	Provider Provider `json:"provider"`
	Option
	// Allow lists the redirect URIs, or the ACS addresses, of which the identity provider must allow one.
	Allow []string `json:"allow,omitempty"`
	// KnownBeforeWrite is false when only the roster after the write tells who signed in.
	KnownBeforeWrite bool `json:"knownBeforeWrite"`
	// Pairwise is true where our own client is another one than the server's, and the identity provider gives each client
	// another subject for the same person: such a link opens nothing.
	Pairwise bool `json:"pairwise,omitempty"`
	// Options lists every strategy, the chosen one first.
	Options []Option `json:"options"`
	// Attempts lists what was tried, in order.
	Attempts []Attempt `json:"attempts,omitempty"`
	// NoWay is set if no sign-in works.
	NoWay *NoWay `json:"noWay,omitempty"`
	// Remarks are what a person should read before going on, and Warnings their sentences, for --json only.
	Remarks  []Remark `json:"remarks,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// SignIn is the address that a person opens to sign in at his identity provider.
type SignIn struct {
	// URL is http or https, always.
	URL string `json:"url"`
	// Host is the identity provider's host, to be shown before the address is opened.
	Host string `json:"host"`
	// ShortURL on the loopback leads to URL, once; it is easier to copy.
	ShortURL string `json:"shortUrl"`
	// Launch returns another address as short, for a browser's command line. Each works once. It may be nil.
	Launch func() string `json:"-"`
	// Deadline is when Jellybind stops waiting.
	Deadline time.Time `json:"deadline"`
	// KeptSeconds is for how long the server is sure to know the sign-in, where that is less: afterwards it forgets it as
	// soon as anybody starts another one. 0 where the deadline comes first.
	KeptSeconds int `json:"keptSeconds,omitempty"`
}

// Confirmation is what a person confirms before anything is written.
type Confirmation struct {
	Account  User     `json:"account"`
	Identity Identity `json:"identity"`
	// NameKnown is false when the flavour does not tell the name before the write.
	NameKnown bool `json:"nameKnown"`
	// Written is true when the link is stored already, because the name became known only then. A no removes it again.
	Written bool `json:"written,omitempty"`
	// Owner is the account that has this identity now; nil when nobody has. If Written, it had it before.
	Owner *User `json:"owner,omitempty"`
	// Namesake is another account that is called like the identity or its e-mail address, while Account is not; nil
	// for none. Somebody else may have signed in.
	Namesake *User `json:"namesake,omitempty"`
	// Moves is true when the write takes the identity away from Owner.
	Moves bool `json:"moves"`
	// MayMove is true when nobody can tell whether the identity belongs to another account now, and the write would take it
	// from there: the name is not known, and the credential does not see other accounts.
	MayMove bool `json:"mayMove"`
	// DisplayName and Email are what the provider told of the person, where it did.
	DisplayName string `json:"displayName,omitempty"`
	Email       string `json:"email,omitempty"`
	// Remarks are the plan's, and those on the sign-in itself.
	Remarks []Remark `json:"remarks,omitempty"`
	// Effects is set before a verification signs in to the account: what that changes there. Then nothing is linked.
	Effects []Remark `json:"effects,omitempty"`
}

// ChangeKind is what a change did.
type ChangeKind string

// The kinds of change.
const (
	ChangeLink       ChangeKind = "link"
	ChangeUnlink     ChangeKind = "unlink"
	ChangeMove       ChangeKind = "move"
	ChangeUnregister ChangeKind = "unregister"
)

// ChangeState is how far a change got.
type ChangeState string

// The states of a change. Intended that never became anything else means that it is not known, or not whole: the app ended in
// between, the server's answer was lost, or only a part was made. What there is of it can be taken back.
const (
	ChangeIntended  ChangeState = "intended"
	ChangeConfirmed ChangeState = "confirmed"
	ChangeFailed    ChangeState = "failed"
	ChangeUndone    ChangeState = "undone"
	// ChangeUnchanged is a change that was not made, since there was nothing to do. The journal has none.
	ChangeUnchanged ChangeState = "unchanged"
)

// Change is one entry of the journal.
type Change struct {
	ID     string      `json:"id"`
	Time   time.Time   `json:"time"`
	Server string      `json:"server"` // the server's id
	Kind   ChangeKind  `json:"kind"`
	State  ChangeState `json:"state"`
	// UserID and UserName are the account that gained or lost the identities.
	UserID   string `json:"userId"`
	UserName string `json:"userName"`
	// Identities are those that were linked or removed.
	Identities []Identity `json:"identities"`
	// FromID and FromName are the account that a move took the identity from.
	FromID   string `json:"fromId,omitempty"`
	FromName string `json:"fromName,omitempty"`
	// AuthProviderBefore and AuthProviderAfter are set for ChangeUnregister. Where Write is set as well, the account was
	// unregistered only to remove one of its links, and Identities are the others, which were written again.
	AuthProviderBefore string      `json:"authProviderBefore,omitempty"`
	AuthProviderAfter  string      `json:"authProviderAfter,omitempty"`
	Strategy           Strategy    `json:"strategy,omitempty"`
	Write              WriteMethod `json:"write,omitempty"`
	// Undoes is the id of the change that this one undid.
	Undoes string `json:"undoes,omitempty"`
	// Run is the id of the run that the change is a part of, and Line the line of the run's source; empty and 0 for a change of
	// its own.
	Run  string `json:"run,omitempty"`
	Line int    `json:"line,omitempty"`
	// Error is the code of what went wrong: of a failed change, of one whose outcome is not known, and of one that was made
	// where something else was lost or noticed on the way.
	Error Code `json:"error,omitempty"`
	// Why and Params say more of the error of a change in a run; Why is empty where there is no more to say.
	Why    Why               `json:"why,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// Undoable is true where the change can be undone with the present sign-in, as far as the journal and the capabilities
	// tell. The journal does not store it.
	Undoable bool `json:"undoable,omitempty"`
}

// Progress says what is going on during long work.
type Progress struct {
	// Step is a short stable word, such as "waiting-for-server", "reading-users", "waiting-for-sign-in", "writing".
	Step string `json:"step"`
	// Why and Params name a reason that is shown with the step; Why is empty for most.
	Why    Why               `json:"why,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// Done and Total count, where counting makes sense; Total is 0 otherwise.
	Done  int `json:"done,omitempty"`
	Total int `json:"total,omitempty"`
	// SecondsLeft is about how long the rest takes, judged by the last steps; 0 where that is not known.
	SecondsLeft int `json:"secondsLeft,omitempty"`
}
