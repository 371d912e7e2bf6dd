package link

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/relayflow"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// The relay: the server itself signs the person in, and Jellybind catches the answer on the loopback and passes it on. The
// server must see the loopback as the request's Host, and a proxy may not let that through.

func relayWorks(f Facts) api.Ability {
	if able := signInWorks(f); !able.OK {
		return able
	}
	return RelayAbility(f.Provider)
}

// postLinkWrite uses POST Link, which needs an access token.
func postLinkWrite(f Facts) (api.WriteMethod, api.Ability) {
	c := f.Capabilities
	own := f.Self != "" && f.Account.ID == f.Self
	switch {
	case c.PostLink.OK:
		return api.WritePostLink, c.PostLink
	case own && c.PostLinkOwn.OK:
		return api.WritePostLink, c.PostLinkOwn
	case f.Self != "" && !own:
		return "", c.PostLink
	}
	return "", api.Ability{Why: api.WhyNeedsToken}
}

// relayWrite uses POST Link. An API key may not, but where the plugin tells who signed in, the configuration can be written
// instead.
func relayWrite(f Facts) (api.WriteMethod, api.Ability) {
	write, able := postLinkWrite(f)
	if c := f.Capabilities; !able.OK && c.NameBeforeWrite.OK && c.WriteConfig.OK {
		return api.WriteConfig, c.WriteConfig
	}
	return write, able
}

// relayProves: the server must say who signed in before the last step, which would make an account for an identity that
// nobody has linked.
func relayProves(f Facts) (signIn bool, able api.Ability) {
	return true, f.Capabilities.NameBeforeWrite
}

func relayReason(_ Facts, write api.WriteMethod) api.Remark {
	if write == api.WriteConfig {
		return api.Remark{Why: api.WhyRelayByConfig}
	}
	return api.Remark{Why: api.WhyRelay}
}

// relay runs the plugin's own sign-in, and works out the name as far as this flavour and credential tell it.
func (l *Linker) relay(ctx context.Context, f Facts, person Person) (proof, error) {
	return l.relayed(ctx, f, l.relayRequest(f), person)
}

func (l *Linker) relayRequest(f Facts) relayflow.Request {
	return relayflow.Request{
		Protocol: f.Provider.Protocol, Provider: f.Provider.Name, Linking: !f.Verifying, ServerID: l.ServerID,
		OldPath: f.Provider.Known && !f.Provider.NewPath,
	}
}

func (l *Linker) relayed(ctx context.Context, f Facts, req relayflow.Request, person Person) (proof, error) {
	result, err := relayflow.Run(ctx, l.Plugin, req, relayflow.Options{Listen: l.listen(f, api.StrategyRelay, person), Now: l.Now},
		func(ctx context.Context, s api.SignIn) error {
			kept := f.Capabilities.PendingSeconds
			if l.Now().Add(time.Duration(kept) * time.Second).Before(s.Deadline) {
				s.KeptSeconds = kept
			}
			return person.SignIn(ctx, s)
		})
	if err != nil {
		return proof{}, l.whyAway(ctx, f, err)
	}
	p := proof{data: result.Data, cookies: result.Cookies}
	if f.Capabilities.NameBeforeWrite.OK {
		p.name, err = l.Plugin.PendingName(ctx, result.State)
	}
	return p, err
}

// tryRelay starts a sign-in and leaves it alone, to see whether its answer would come to the loopback.
func (l *Linker) tryRelay(ctx context.Context, f Facts) (address string, err error) {
	address = l.Client.URL().String()
	started, err := l.Plugin.Start(ctx, l.startRequest(f))
	err = l.whyAway(ctx, f, err)
	if err != nil || f.Provider.Protocol == api.SAML || !started.State.IsZero() {
		return address, err
	}
	// The request was pushed, and its redirect URI cannot be seen. What a proxy does to the Host shows at another provider.
	for _, other := range f.Others {
		if !other.SwitchedOff() && RelayAbility(other).OK {
			elsewhere := f
			elsewhere.Provider = other
			started, err := l.Plugin.Start(ctx, l.startRequest(elsewhere))
			switch {
			case api.IsCode(err, api.CodeLoopbackUnreachable):
				return address, err
			case err == nil && (other.Protocol == api.SAML || !started.State.IsZero()):
				return address, nil
			}
		}
	}
	return address, nil
}

func (l *Linker) startRequest(f Facts) ssoplugin.StartRequest {
	return ssoplugin.StartRequest{
		Protocol: f.Provider.Protocol, Provider: f.Provider.Name, Linking: true, ServerID: l.ServerID,
		OldPath: f.Provider.Known && !f.Provider.NewPath, Host: f.loopback(api.StrategyRelay),
	}
}

// loopback is the host and port at which a sign-in would listen.
func (f Facts) loopback(s api.Strategy) string {
	port := f.ports(s)[0]
	if port == 0 { // any free port
		port = DefaultPorts[0]
	}
	return net.JoinHostPort(cmp.Or(f.Settings.ListenHost, "127.0.0.1"), strconv.Itoa(port))
}

func settingsHidden() *api.Error {
	return &api.Error{Code: api.CodeForbidden, Why: "provider-hidden"}
}

// ofTheWay reports whether an error of a try says something about this way only, so that the next one may work.
func ofTheWay(err error) bool {
	switch api.CodeOf(err) { //nolint:exhaustive // the others say that one way does not work
	case api.CodeCancelled, api.CodeServerUnreachable, api.CodeServerStarting, api.CodePluginMissing, api.CodePluginRestart,
		api.CodeRateLimited, api.CodeProviderNotFound, api.CodeCredentialRefused, api.CodeInternal:
		return false
	}
	return !errors.Is(err, context.Canceled)
}
