package link

import (
	"context"
	"net/http"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

// A link is made in two steps that do not depend on each other: a way learns the name of the identity, and a write stores the
// link. A new way is one more entry in ways.

// way is one way to learn which identity is to be linked.
type way struct {
	strategy api.Strategy
	// asked is true if the way is only used when the person asks for it.
	asked bool
	// works reports whether the name can become known this way, as far as the facts tell.
	works func(Facts) api.Ability
	// write chooses how a link whose name became known this way is stored, and reports whether it can be.
	write func(Facts) (api.WriteMethod, api.Ability)
	// proves reports whether this way can verify a link. signIn is true if the server then signs in with the identity.
	proves func(Facts) (signIn bool, able api.Ability)
	// reason says why this way and this write fit together.
	reason func(Facts, api.WriteMethod) api.Remark
	// try finds out whether the way works, without a person, and returns the address that was asked. Nil means that nothing
	// but a sign-in tells.
	try func(l *Linker, ctx context.Context, f Facts) (address string, err error)
	// learn learns the name. Where Facts.Verifying is set, the sign-in is to open a session instead of linking.
	learn func(l *Linker, ctx context.Context, f Facts, person Person) (proof, error)
}

// ways returns the ways of a protocol, the best first.
func ways(p api.Protocol) []way {
	subject := way{
		strategy: api.StrategySubject, asked: true, works: subjectWorks, write: directWrite, proves: provesNothing,
		reason: subjectReason, learn: (*Linker).subject,
	}
	switch p {
	case api.OIDC:
		return []way{
			{
				strategy: api.StrategyRelay, works: relayWorks, write: relayWrite, proves: relayProves, reason: relayReason,
				try: (*Linker).tryRelay, learn: (*Linker).relay,
			},
			{
				strategy: api.StrategyRelayLocal, works: relayLocalWorks, write: relayWrite, proves: relayProves,
				reason: relayLocalReason, try: (*Linker).tryRelayLocal, learn: (*Linker).relayLocal,
			},
			{
				strategy: api.StrategyPluginClient, works: pluginClientWorks, write: directWrite, proves: clientProves,
				reason: pluginClientReason, try: (*Linker).tryPluginClient, learn: (*Linker).pluginClient,
			},
			{
				strategy: api.StrategyOwnClient, works: ownClientWorks, write: directWrite, proves: clientProves,
				reason: ownClientReason, try: (*Linker).tryOwnClient, learn: (*Linker).ownClient,
			},
			{
				strategy: api.StrategyDevice, asked: true, works: deviceWorks, write: directWrite, proves: clientProves,
				reason: deviceReason, try: (*Linker).tryDevice, learn: (*Linker).device,
			},
			subject,
		}
	case api.SAML:
		return []way{
			{
				strategy: api.StrategyRelay, works: samlRelayWorks, write: postLinkWrite, proves: samlRelayProves,
				reason: samlRelayReason, try: (*Linker).trySAML, learn: (*Linker).samlRelay,
			},
			{
				strategy: api.StrategyAssertion, works: assertionWorks, write: directWrite, proves: assertionProves,
				reason: assertionReason, learn: (*Linker).assertion,
			},
			{
				strategy: api.StrategyServerStart, works: serverStartWorks, write: serverStartWrite, proves: assertionProves,
				reason: serverStartReason, try: (*Linker).tryRelay, learn: (*Linker).serverStart,
			},
			subject,
		}
	}
	return []way{subject}
}

// option says whether a way can be used, and with which write. What was tried counts more than what the facts say.
func (w way) option(f Facts) api.Option {
	o := api.Option{Strategy: w.strategy}
	var able api.Ability
	if f.Verifying {
		_, able = w.proves(f)
	} else {
		o.Write, able = w.write(f)
	}
	if able.OK {
		able = w.works(f)
	}
	if able.OK && w.strategy != api.StrategySubject && f.Certificate == "certificate-pem" {
		able = api.Ability{Why: f.Certificate} // the server refuses every sign-in
	}
	if !able.OK {
		o.Write, o.Why, o.Params = "", able.Why, able.Params
		switch able.Why { //nolint:exhaustive // the others are nothing that a person can enter
		case api.WhyClientMissing:
			o.Code = api.CodeClientMissing
		case api.WhySecretMissing:
			o.Code = api.CodeClientSecretMissing
		}
		return o
	}
	if tried, ok := f.Tried[w.strategy]; ok && !tried.OK {
		return api.Option{
			Strategy: w.strategy, Code: tried.Code, Why: tried.Why, Params: tried.Params,
		}
	}
	r := w.reason(f, o.Write)
	o.OK, o.Why, o.Params = true, r.Why, r.Params
	return o
}

// directWrite writes a link without the plugin's own sign-in.
func directWrite(f Facts) (api.WriteMethod, api.Ability) { return f.Capabilities.DirectWrite() }

// signInWorks reports whether anybody can sign in through the provider.
func signInWorks(f Facts) api.Ability {
	if !f.Provider.Enabled && f.Provider.Known {
		return api.Ability{Why: api.WhySwitchedOff}
	}
	return api.Ability{OK: true}
}

// subjectWorks reports whether a typed name can be linked. A provider that is switched off takes it too, with a remark, unless
// the plugin refuses everything there.
func subjectWorks(f Facts) api.Ability {
	if able := signInWorks(f); !able.OK && f.Capabilities.EnabledOnly {
		return able
	}
	return api.Ability{OK: true}
}

func provesNothing(Facts) (signIn bool, able api.Ability) {
	return false, api.Ability{Why: "proves-nothing"}
}

func subjectReason(f Facts, _ api.WriteMethod) api.Remark {
	if f.Provider.Protocol == api.OIDC {
		return api.Remark{Why: api.WhyClaim, Params: map[string]string{"claim": f.Provider.NameClaim}}
	}
	return api.Remark{Why: api.WhyNameID}
}

// proof is what a way has learned: the canonical name, empty where only the write tells it, and what POST Link needs.
type proof struct {
	name               string
	displayName, email string
	data               secret.Value
	cookies            []*http.Cookie
	remarks            []api.Remark
	roles              []string // of a SAML response
}

// subject takes the name that the person gives.
func (*Linker) subject(_ context.Context, f Facts, _ Person) (proof, error) {
	if strings.TrimSpace(f.Request.Name) == "" {
		return proof{}, &api.Error{Code: api.CodeNameInvalid, Why: "name-missing"}
	}
	return proof{name: f.Request.Name}, nil
}
