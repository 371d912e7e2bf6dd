package link

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
)

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
	// Local is the server's address in the local network, nil if none is known or the person has not agreed to use it.
	Local *url.URL
	// Others are the server's other providers.
	Others []api.Provider
	// Tried is what was found by trying. A way that is not in it was not tried.
	Tried map[api.Strategy]api.Attempt
	// Verifying is true if a link is to be verified instead of made. Then nothing is written, and Account is empty.
	Verifying bool
	// Certificate is what is wrong with a SAML provider's certificate; empty if nothing is, or there is none.
	Certificate api.Why
	// recalled is true if Tried comes from memory.
	recalled bool
	// Pairwise is true if the identity provider is known to give each client another subject for the same person.
	Pairwise bool
}

// MakePlan chooses how a link is made. It asks nobody; what was found by trying is in the facts.
//
// A way learns which identity signed in, and a write stores the link; see ways. POST Link takes only the proof of a sign-in
// that the server checks, Preprovision and the provider's configuration take any name. The plan takes the first way that the
// flavour, the credential and what was tried allow, or the one that the request names. Each option has a sentence that says why
// it can be used, or why not.
//
// It fails with CodeUnsupported if the requested way, or every way, is out of reach, and with CodeLoopbackUnreachable or the
// code of the first attempt if it was tried. Then Plan.NoWay says what would help.
func MakePlan(f Facts) (api.Plan, error) {
	plan := api.Plan{Account: f.Account, Provider: f.Provider, Attempts: f.attempts()}
	chosen := -1
	for i, w := range ways(f.Provider.Protocol) {
		o := w.option(f)
		plan.Options = append(plan.Options, o)
		if chosen < 0 && (w.strategy == f.Request.Strategy || f.Request.Strategy == "" && o.OK && !w.asked) {
			chosen = i
		}
	}
	switch {
	case chosen < 0 && f.Request.Strategy != "":
		none := plan.Options[0]
		none.Why, none.Params = "no-strategy", map[string]string{"protocol": strings.ToUpper(string(f.Provider.Protocol))}
		return plan, unsupported(none)
	case chosen < 0:
		plan.NoWay = noWay(f)
		return plan, stuck(f, plan.Options)
	}
	plan.Option = plan.Options[chosen]
	if !plan.OK {
		return plan, unsupported(plan.Option)
	}
	plan.Options = slices.Concat(plan.Options[chosen:chosen+1], plan.Options[:chosen], plan.Options[chosen+1:])
	plan.KnownBeforeWrite = f.Provider.Protocol == api.SAML || f.Capabilities.NameBeforeWrite.OK || !relays(plan.Strategy)
	switch plan.Strategy {
	case api.StrategyOwnClient:
		plan.Allow = loopbackURLs(f.Settings, f.ports(plan.Strategy), oidcflow.DefaultRedirectPath)
	case api.StrategyRelay, api.StrategyRelayLocal, api.StrategyPluginClient, api.StrategyAssertion, api.StrategyServerStart:
		plan.Allow = AppRedirects(f.Base, f.Provider, f.Settings, f.ports(plan.Strategy))
	case api.StrategyDevice, api.StrategySubject:
	}
	plan.Pairwise = f.Pairwise && bySubjectOfOurs(f, plan)
	plan.Remarks = warnings(f, plan)
	return plan, nil
}

// relays reports whether the server itself signs the person in at an OpenID provider.
func relays(s api.Strategy) bool { return s == api.StrategyRelay || s == api.StrategyRelayLocal }

// Ways is the plan for a provider that has everything, our own client and the certificate included: the best that the flavour
// and the credential allow. self is the account of the access token, to which the link is then made; it is empty for an API
// key. If nothing is allowed, OK is false and Why says why.
func Ways(c api.Capabilities, protocol api.Protocol, self string) api.Plan {
	const set = "set"
	plan, err := MakePlan(Facts{
		Provider: api.Provider{
			Protocol: protocol, Name: "PROVIDER", Known: true, Enabled: true, NewPath: true, Certificate: set, ClientID: set,
			Endpoint: set, OIDC: api.OIDCSettings{Rule: api.NameRule{Fallback: "sub"}},
		},
		Settings: api.ProviderSettings{ClientID: set}, Capabilities: c, Account: api.User{ID: self}, Self: self, Base: &url.URL{},
	})
	if err != nil {
		plan.Why, plan.Params = plan.Options[0].Why, plan.Options[0].Params
	}
	return plan
}

func unsupported(o api.Option) *api.Error {
	return &api.Error{Code: cmp.Or(o.Code, api.CodeUnsupported), Why: o.Why, Params: o.Params}
}

// bySubjectOfOurs reports whether a plan links the subject that our own client learns, while the server uses another client.
func bySubjectOfOurs(f Facts, plan api.Plan) bool {
	ours := plan.Strategy == api.StrategyOwnClient || plan.Strategy == api.StrategyDevice && !pluginClientWorks(f).OK
	return ours && otherSubject(f)
}

func warnings(f Facts, plan api.Plan) []api.Remark {
	var w []api.Remark
	warn := func(on bool, why api.Why) {
		if on {
			w = append(w, api.Remark{Why: why})
		}
	}
	name := f.Request.Name
	blind := f.Self != "" && !f.Capabilities.ReadRoster.OK
	_, direct := directWrite(f)
	unknown := !plan.KnownBeforeWrite
	warn(!f.Provider.Enabled && f.Provider.Known, "warn-switched-off")
	warn(f.Account.Disabled, "warn-disabled")
	warn(plan.Strategy == api.StrategySubject && strings.TrimSpace(name) != name, api.WhyBlank)
	warn(plan.Pairwise, "warn-pairwise")
	warn(unknown && !blind && direct.OK, api.WhyUnknown)
	warn(unknown && !blind && !direct.OK, "warn-unreturned")
	warn(unknown && blind, "warn-blind")
	return append(w, nextSignIn(f.Provider, f.Account)...)
}
