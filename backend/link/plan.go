package link

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// DefaultPorts are the loopback ports that are tried, in order, where neither the person nor the provider's settings name
// one. They are few and fixed, because many identity providers allow registered redirect URIs only.
var DefaultPorts = []int{18701, 18702, 18703}

// Facts is what a plan is made from.
type Facts struct {
	Request      api.LinkRequest
	Account      api.User
	Provider     api.Provider
	Settings     api.ProviderSettings
	Capabilities api.Capabilities
	// Self is the id of the account that the access token belongs to; empty for an API key.
	Self string
	// Base is the server's base URL.
	Base *url.URL
	// Ports is the person's list of loopback ports; see the function Ports.
	Ports []int
	// Pairwise is true where the identity provider is known to give each client another subject for the same person.
	Pairwise bool
}

// ports are the loopback ports to try. The server's PortOverride changes the redirect URI that the plugin makes, and has no
// say in that of a client of our own.
func (f Facts) ports(s api.Strategy) []int {
	p := f.Provider
	if s == api.StrategyOwnClient {
		p.PortOverride = 0
	}
	return Ports(f.Request.Port, f.Settings, p, f.Ports)
}

// MakePlan chooses how a link is made.
//
// Four strategies learn which identity signed in: the relay (the plugin's own sign-in, whose answer is caught on the
// loopback and passed on), the own client (OIDC, with a client of ours at the identity provider), the assertion (SAML, the
// response checked in the app) and the subject (a name that the person gives). Three methods write the link: POST Link,
// which takes only the proof of a relay, Preprovision, and the provider's configuration. The first strategy of the list
// that this flavour and credential allow is chosen, unless the request names another one that they allow; every one comes
// with a sentence that says why, or why not.
//
// It fails with CodeUnsupported when the wanted strategy, or every one, is out of reach.
func MakePlan(f Facts) (api.Plan, error) {
	plan := api.Plan{Account: f.Account, Provider: f.Provider, Options: options(f)}
	want := slices.IndexFunc(plan.Options, func(o api.Option) bool {
		if f.Request.Strategy != "" {
			return o.Strategy == f.Request.Strategy
		}
		// A typed name proves nothing, so that it is taken only when it was asked for, or when nothing else works.
		return o.OK
	})
	if want < 0 {
		none := plan.Options[0]
		if f.Request.Strategy != "" {
			none.Why, none.Params = "no-strategy", map[string]string{"protocol": strings.ToUpper(string(f.Provider.Protocol))}
			none.Reason = fmt.Sprintf("The strategy %q does not exist for %s.", f.Request.Strategy, f.Provider.Protocol)
		}
		return plan, unsupported(none)
	}
	plan.Option = plan.Options[want]
	if !plan.OK {
		return plan, unsupported(plan.Option)
	}
	plan.Options = slices.Concat(plan.Options[want:want+1], plan.Options[:want], plan.Options[want+1:])
	plan.KnownBeforeWrite = plan.Strategy != api.StrategyRelay || f.Provider.Protocol == api.SAML ||
		f.Capabilities.NameBeforeWrite.OK
	switch plan.Strategy {
	case api.StrategyRelay, api.StrategyAssertion:
		plan.Allow = AppRedirects(f.Base, f.Provider, f.Settings, f.ports(plan.Strategy))
	case api.StrategyOwnClient:
		plan.Allow = loopbackURLs(f.Settings, f.ports(plan.Strategy), oidcflow.DefaultRedirectPath)
	case api.StrategySubject:
	}
	plan.Pairwise = f.Pairwise && bySubjectOfOurs(f, plan)
	plan.Remarks = warnings(f, plan)
	plan.Warnings = sentences(plan.Remarks)
	return plan, nil
}

// Ways is the plan for a provider of a protocol that lacks nothing, neither a client of our own nor the certificate: what
// the flavour and the credential allow at best. Self is whose token it is, for whom the link is then; empty for an API key.
// Where nothing is allowed, OK is false and Reason says why.
func Ways(c api.Capabilities, protocol api.Protocol, self string) api.Plan {
	const set = "set"
	plan, err := MakePlan(Facts{
		Provider: api.Provider{
			Protocol: protocol, Name: "PROVIDER", Known: true, Enabled: true, NewPath: true, Certificate: set, ClientID: set,
		},
		Settings: api.ProviderSettings{ClientID: set}, Capabilities: c, Account: api.User{ID: self}, Self: self, Base: &url.URL{},
	})
	if err != nil {
		plan.Reason, plan.Why, plan.Params = plan.Options[0].Reason, plan.Options[0].Why, plan.Options[0].Params
	}
	return plan
}

func unsupported(o api.Option) error {
	return &api.Error{
		Code: api.CodeUnsupported, Why: o.Why, Sentence: o.Reason, Params: o.Params,
		Hint: "“jellybind links add --plan” shows every way and what each one needs.",
	}
}

func options(f Facts) []api.Option {
	switch f.Provider.Protocol {
	case api.OIDC:
		return []api.Option{relayOption(f), ownClientOption(f), subjectOption(f)}
	case api.SAML:
		return []api.Option{relayOption(f), assertionOption(f), subjectOption(f)}
	}
	return []api.Option{subjectOption(f)}
}

func relayOption(f Facts) api.Option {
	o := api.Option{Strategy: api.StrategyRelay}
	c := f.Capabilities
	own := f.Self != "" && f.Account.ID == f.Self
	reach := RelayAbility(f.Provider)
	switch {
	case !f.Provider.Enabled && f.Provider.Known:
		o.Why, o.Reason = api.WhySwitchedOff, switchedOff
	case !reach.OK:
		lacks(&o, reach)
	case c.PostLink.OK || own && c.PostLinkOwn.OK:
		o.OK, o.Write, o.Why = true, api.WritePostLink, api.WhyRelay
		o.Reason = "The server itself signs the person in at the identity provider and writes the link; Jellybind only " +
			"passes the answer on. The identity provider needs no second client."
	case f.Provider.Protocol == api.OIDC && c.NameBeforeWrite.OK && c.WriteConfig.OK:
		o.OK, o.Write, o.Why = true, api.WriteConfig, api.WhyRelayByConfig
		o.Reason = "An API key cannot use the plugin's link endpoint. The server still checks the sign-in and tells who it " +
			"was; the link is then written into the provider's configuration."
	case f.Self != "" && !own:
		lacks(&o, c.PostLink)
	default:
		o.Why = api.WhyNeedsToken
		o.Reason = "The plugin's link endpoint needs the access token of an administrator: " + c.PostLink.Reason
	}
	return o
}

// lacks says why an option cannot work here.
func lacks(o *api.Option, a api.Ability) { o.Why, o.Params, o.Reason = a.Why, a.Params, a.Reason }

func ownClientOption(f Facts) api.Option {
	o := api.Option{Strategy: api.StrategyOwnClient}
	write, able := f.Capabilities.DirectWrite()
	switch {
	case write == "":
		lacks(&o, able)
	case f.Settings.ClientID == "":
		o.Code, o.Why = api.CodeClientMissing, api.WhyClientMissing
		o.Reason = fmt.Sprintf("Jellybind has no client of its own at this identity provider. Register a public client "+
			"there, then: jellybind providers set %s --client-id ID", f.Provider.Name)
	default:
		o.OK, o.Write, o.Why = true, write, api.WhyOwnClient
		o.Reason = "Jellybind signs the person in with its own client at the identity provider, learns the name that the " +
			"plugin would use, and writes the link without the plugin's sign-in."
	}
	return o
}

func assertionOption(f Facts) api.Option {
	o := api.Option{Strategy: api.StrategyAssertion}
	write, able := f.Capabilities.DirectWrite()
	if write == "" {
		lacks(&o, able)
		return o
	}
	if proof := assertionProof(f); !proof.OK {
		lacks(&o, proof)
		return o
	}
	o.OK, o.Write, o.Why = true, write, api.WhyAssertion
	o.Reason = "Jellybind checks the identity provider's answer against the provider's certificate and writes the name in " +
		"it; the plugin's link endpoint is not used."
	return o
}

// assertionProof tells whether a SAML response can be caught and checked in the app.
func assertionProof(f Facts) api.Ability {
	switch reach := RelayAbility(f.Provider); {
	case !f.Provider.Enabled && f.Provider.Known:
		return api.Ability{Why: api.WhySwitchedOff, Reason: switchedOff}
	case !reach.OK:
		return reach
	case f.Provider.Certificate == "":
		return api.Ability{
			Why:    api.WhyNoCertificate,
			Reason: "The provider's certificate cannot be read, so that Jellybind cannot check the identity provider's answer.",
		}
	case f.Provider.ClientID == "":
		return api.Ability{
			Why: api.WhyNoClientID,
			Reason: "The provider has no client id in the plugin's settings, so that Jellybind cannot check for whom the identity " +
				"provider's answer is meant.",
		}
	}
	return api.Ability{OK: true}
}

// switchedOff is why nobody can sign in through a provider.
const switchedOff = "The provider is switched off on the server, so that nobody can sign in through it."

func subjectOption(f Facts) api.Option {
	o := api.Option{Strategy: api.StrategySubject}
	write, able := f.Capabilities.DirectWrite()
	if write == "" {
		lacks(&o, able)
		return o
	}
	o.OK, o.Write, o.Why = true, write, api.WhyNameID
	what := "the NameID"
	if f.Provider.Protocol == api.OIDC {
		o.Why, o.Params = api.WhyClaim, map[string]string{"claim": f.Provider.NameClaim}
		what = "the claim “" + f.Provider.NameClaim + "”"
	}
	o.Reason = "You give the name that the identity provider will send (" + what + "). Nobody signs in, so nothing proves " +
		"that the name is this person's."
	return o
}

// RelayAbility tells whether a sign-in that the plugin starts for the loopback comes back to it. The plugin makes the
// redirect URI from the request's host, but its provider's overrides win.
func RelayAbility(p api.Provider) api.Ability {
	switch {
	case p.BaseURLOverride != "":
		host := hostOf(p.BaseURLOverride)
		return api.Ability{
			Why: api.WhyOverrideHost, Params: map[string]string{"host": host},
			Reason: fmt.Sprintf("The provider's BaseUrlOverride leads every sign-in to %s, so that its answer never reaches "+
				"Jellybind.", host),
		}
	case p.SchemeOverride == "https":
		return api.Ability{
			Why: api.WhyOverrideHTTPS,
			Reason: "The provider's SchemeOverride makes the answer come back by https, which the loopback does not " +
				"speak.",
		}
	}
	return api.Ability{OK: true}
}

func hostOf(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host
	}
	return api.Printable(raw)
}

// bySubjectOfOurs reports whether a plan links the subject that a client of our own learns, while the server asks with
// another one.
func bySubjectOfOurs(f Facts, plan api.Plan) bool {
	return plan.Strategy == api.StrategyOwnClient && f.Provider.NameClaim == "sub" && f.Settings.ClientID != f.Provider.ClientID
}

// sentences are those of remarks.
func sentences(remarks []api.Remark) []string {
	var list []string
	for _, r := range remarks {
		list = append(list, r.Sentence)
	}
	return list
}

func warnings(f Facts, plan api.Plan) []api.Remark {
	var w []api.Remark
	warn := func(on bool, why api.Why, sentence string) {
		if on {
			w = append(w, api.Remark{Why: why, Sentence: sentence})
		}
	}
	name := f.Request.Name
	blind := f.Self != "" && !f.Capabilities.ReadRoster.OK
	warn(!f.Provider.Enabled && f.Provider.Known, "warn-switched-off",
		"The provider is switched off on the server: the link opens nothing until it is switched on.")
	warn(f.Account.Disabled, "warn-disabled", "The account is disabled: the link opens nothing until it is enabled.")
	warn(plan.Strategy == api.StrategySubject && strings.TrimSpace(name) != name, api.WhyBlank,
		"The name begins or ends with a blank. It is linked as it is, and opens the account only if the identity provider sends "+
			"the blank as well.")
	warn(plan.Pairwise, "warn-pairwise",
		"This identity provider gives every client another subject for the same person, and Jellybind's client is another one "+
			"than the server's: the link would open nothing. Give Jellybind the server's client id, or sign in as an "+
			"administrator, so that the plugin's own sign-in makes the link.")
	warn(!plan.KnownBeforeWrite && !blind, api.WhyUnknown,
		"This flavour of the plugin does not tell who signed in before the link is written. Jellybind compares the links "+
			"before and after, and puts an identity back that was taken from another account unasked.")
	warn(!plan.KnownBeforeWrite && blind, "warn-blind",
		"Your account may not see who has which identity: signing in with one that belongs to another account moves it to yours.")
	return w
}

// Ports returns the loopback ports to try for a provider: the request's, the one of the provider's settings, the one that
// the server's PortOverride forces, the person's list, or DefaultPorts.
func Ports(req int, settings api.ProviderSettings, p api.Provider, list []int) []int {
	switch {
	case req != 0:
		return []int{req}
	case p.PortOverride > 0:
		return []int{p.PortOverride}
	case settings.Port != 0:
		return []int{settings.Port}
	case len(list) > 0:
		return list
	}
	return DefaultPorts
}

// AppRedirects returns the redirect URIs, or assertion consumer service addresses, that the identity provider gets to see
// when a sign-in is started from this app, one for each port.
func AppRedirects(base *url.URL, p api.Provider, s api.ProviderSettings, ports []int) []string {
	return loopbackURLs(s, ports, base.EscapedPath()+ssoplugin.CallbackPath(p))
}

// ServerRedirects returns those for the server's own sign-in page.
func ServerRedirects(base *url.URL, p api.Provider) []string {
	u := *base
	if p.SchemeOverride != "" {
		u.Scheme = p.SchemeOverride
	}
	if p.PortOverride > 0 {
		u.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(p.PortOverride))
	}
	root := u.Scheme + "://" + u.Host + u.EscapedPath()
	if p.BaseURLOverride != "" {
		root = p.BaseURLOverride
	}
	return []string{root + ssoplugin.CallbackPath(p)}
}

func loopbackURLs(s api.ProviderSettings, ports []int, path string) []string {
	host := s.ListenHost
	if host == "" {
		host = "127.0.0.1"
	}
	urls := make([]string, 0, len(ports))
	for _, port := range ports {
		if port == 0 { // any free port: only tests and identity providers that ignore the port
			urls = append(urls, "http://"+host+":*"+path)
			continue
		}
		urls = append(urls, "http://"+net.JoinHostPort(host, strconv.Itoa(port))+path)
	}
	return urls
}
