package api

import "time"

// Strategy is how the app learns which identity signed in.
type Strategy string

// The strategies. Each protocol tries its own in this order; the device flow and the subject are used only if they are asked
// for.
const (
	// StrategyRelay is a sign-in whose answer the server takes. OIDC: the plugin's own sign-in, its answer caught on the
	// loopback and passed on. SAML: a request of our own, and the response goes to the plugin's link endpoint.
	StrategyRelay Strategy = "relay"
	// StrategyRelayLocal is the relay over the server's address in the local network (OIDC).
	StrategyRelayLocal Strategy = "relay-local"
	// StrategyPluginClient is our own sign-in with the plugin's client and the relay's redirect URI (OIDC).
	StrategyPluginClient Strategy = "plugin-client"
	// StrategyOwnClient is our own sign-in with a client of our own (OIDC).
	StrategyOwnClient Strategy = "own-client"
	// StrategyDevice is our own sign-in on another device (OIDC, RFC 8628).
	StrategyDevice Strategy = "device"
	// StrategyAssertion is a request of our own, and the response is checked in the app alone (SAML).
	StrategyAssertion Strategy = "assertion"
	// StrategyServerStart is a request that the server makes, because only the server can sign it (SAML).
	StrategyServerStart Strategy = "server-start"
	// StrategySubject takes a name that is typed, pasted or imported.
	StrategySubject Strategy = "subject"
)

// Attempt is what one try of a strategy gave, before anybody was asked to sign in.
type Attempt struct {
	Strategy Strategy `json:"strategy"`
	OK       bool     `json:"ok"`
	// Code, Why and Params say why it does not work, as in an Error.
	Code   Code              `json:"code,omitempty"`
	Why    Why               `json:"why,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// Reason is the sentence for them. It is empty until a document for --json is written.
	Reason string `json:"reason,omitempty"`
	// At is when it was tried.
	At time.Time `json:"at"`
	// Address is what was asked: the server's address, or the identity provider's.
	Address string `json:"address,omitempty"`
}

// Error is why it does not work.
func (a Attempt) Error() *Error { return &Error{Code: a.Code, Why: a.Why, Params: a.Params} }

// FoundWays is what was found by trying at one provider. The profile keeps it, so that not every link begins with a search.
type FoundWays struct {
	Protocol Protocol  `json:"protocol"`
	Provider string    `json:"provider"`
	Attempts []Attempt `json:"attempts"`
}

// NoWay is what a person needs if no sign-in works: what was tried, and what would help.
type NoWay struct {
	Attempts []Attempt `json:"attempts"`
	// Device is true if the person can sign in on another device.
	Device bool `json:"device,omitempty"`
	// Client is the plugin's client id at the identity provider. If Secret is true, entering its secret would help.
	Client string `json:"client,omitempty"`
	Secret bool   `json:"secret,omitempty"`
	// Allow lists the redirect URIs of which the identity provider must allow one for that client.
	Allow []string `json:"allow,omitempty"`
	// Local is true if the server's address in the local network would help.
	Local bool `json:"local,omitempty"`
	// Rules let the relay through a proxy; empty if no proxy is in the way.
	Rules []ProxyRule `json:"rules,omitempty"`
}

// ProxyRule is a piece of configuration for a reverse proxy.
type ProxyRule struct {
	// Proxy is the program's name, such as "nginx".
	Proxy string `json:"proxy"`
	Text  string `json:"text"`
}

// Consent is what a person answers to the question whether something may be used.
type Consent string

// The answers. An open question may be asked again.
const (
	ConsentYes  Consent = "yes"
	ConsentNo   Consent = "no"
	ConsentOpen Consent = "open" // nobody was there to answer
)
