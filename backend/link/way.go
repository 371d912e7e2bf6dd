package link

import (
	"context"
	"fmt"

	"github.com/jellybind/jellybind/backend/api"
)

// A link is made in two steps that do not depend on each other: a way learns the name of the identity, and a write stores the
// link. A new way is one more entry in ways.

// way is one way to learn which identity is to be linked.
type way struct {
	strategy api.Strategy
	// works reports whether the name can become known this way.
	works func(Facts) api.Ability
	// write chooses how a link whose name became known this way is stored, and reports whether it can be.
	write func(Facts) (api.WriteMethod, api.Ability)
	// reason says why this way and this write fit together.
	reason func(Facts, api.WriteMethod) api.Remark
	// learn learns the name. linking is false when the sign-in is to open a session instead.
	learn func(l *Linker, ctx context.Context, f Facts, linking bool, person Person) (proof, error)
}

// ways returns the ways of a protocol, the best first.
func ways(p api.Protocol) []way {
	relay := way{api.StrategyRelay, relayWorks, relayWrite, relayReason, (*Linker).relay}
	ownClient := way{api.StrategyOwnClient, ownClientWorks, directWrite, ownClientReason, (*Linker).ownClient}
	assertion := way{api.StrategyAssertion, assertionWorks, directWrite, assertionReason, (*Linker).assertion}
	subject := way{api.StrategySubject, subjectWorks, directWrite, subjectReason, (*Linker).subject}
	switch p {
	case api.OIDC:
		return []way{relay, ownClient, subject}
	case api.SAML:
		return []way{relay, assertion, subject}
	}
	return []way{subject}
}

// option joins a way with its write.
func (w way) option(f Facts) api.Option {
	write, able := w.write(f)
	if able.OK {
		able = w.works(f)
	}
	if !able.OK {
		o := api.Option{Strategy: w.strategy, Why: able.Why, Params: able.Params, Reason: able.Reason}
		if able.Why == api.WhyClientMissing {
			o.Code = api.CodeClientMissing
		}
		return o
	}
	r := w.reason(f, write)
	return api.Option{Strategy: w.strategy, Write: write, OK: true, Why: r.Why, Params: r.Params, Reason: r.Sentence}
}

// directWrite writes a link without the plugin's own sign-in.
func directWrite(f Facts) (api.WriteMethod, api.Ability) { return f.Capabilities.DirectWrite() }

// switchedOff is why nobody can sign in through a provider.
const switchedOff = "The provider is switched off on the server, so that nobody can sign in through it."

func relayWorks(f Facts) api.Ability {
	if !f.Provider.Enabled && f.Provider.Known {
		return api.Ability{Why: api.WhySwitchedOff, Reason: switchedOff}
	}
	return RelayAbility(f.Provider)
}

// relayWrite uses POST Link, which takes only the proof of a relay. An API key may not use it, but where the plugin tells who
// signed in, the configuration can be written instead.
func relayWrite(f Facts) (api.WriteMethod, api.Ability) {
	c := f.Capabilities
	own := f.Self != "" && f.Account.ID == f.Self
	switch {
	case c.PostLink.OK:
		return api.WritePostLink, c.PostLink
	case own && c.PostLinkOwn.OK:
		return api.WritePostLink, c.PostLinkOwn
	case f.Provider.Protocol == api.OIDC && c.NameBeforeWrite.OK && c.WriteConfig.OK:
		return api.WriteConfig, c.WriteConfig
	case f.Self != "" && !own:
		return "", c.PostLink
	}
	return "", api.Ability{
		Why:    api.WhyNeedsToken,
		Reason: "The plugin's link endpoint needs the access token of an administrator: " + c.PostLink.Reason,
	}
}

func relayReason(_ Facts, write api.WriteMethod) api.Remark {
	if write == api.WriteConfig {
		return api.Remark{
			Why: api.WhyRelayByConfig,
			Sentence: "An API key cannot use the plugin's link endpoint. The server still checks the sign-in and tells who it " +
				"was; the link is then written into the provider's configuration.",
		}
	}
	return api.Remark{
		Why: api.WhyRelay,
		Sentence: "The server itself signs the person in at the identity provider and writes the link; Jellybind only " +
			"passes the answer on. The identity provider needs no second client.",
	}
}

func ownClientWorks(f Facts) api.Ability {
	if f.Settings.ClientID != "" {
		return api.Ability{OK: true}
	}
	return api.Ability{
		Why: api.WhyClientMissing,
		Reason: fmt.Sprintf("Jellybind has no client of its own at this identity provider. Register a public client "+
			"there, then: jellybind providers set %s --client-id ID", f.Provider.Name),
	}
}

func ownClientReason(Facts, api.WriteMethod) api.Remark {
	return api.Remark{
		Why: api.WhyOwnClient,
		Sentence: "Jellybind signs the person in with its own client at the identity provider, learns the name that the " +
			"plugin would use, and writes the link without the plugin's sign-in.",
	}
}

// assertionWorks reports whether a SAML response can be caught and checked in the app.
func assertionWorks(f Facts) api.Ability {
	reach := relayWorks(f)
	switch {
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

func assertionReason(Facts, api.WriteMethod) api.Remark {
	return api.Remark{
		Why: api.WhyAssertion,
		Sentence: "Jellybind checks the identity provider's answer against the provider's certificate and writes the name in " +
			"it; the plugin's link endpoint is not used.",
	}
}

func subjectWorks(Facts) api.Ability { return api.Ability{OK: true} }

func subjectReason(f Facts, _ api.WriteMethod) api.Remark {
	r := api.Remark{Why: api.WhyNameID}
	what := "the NameID"
	if f.Provider.Protocol == api.OIDC {
		r.Why, r.Params = api.WhyClaim, map[string]string{"claim": f.Provider.NameClaim}
		what = "the claim “" + f.Provider.NameClaim + "”"
	}
	r.Sentence = "You give the name that the identity provider will send (" + what + "). Nobody signs in, so nothing proves " +
		"that the name is this person's."
	return r
}
