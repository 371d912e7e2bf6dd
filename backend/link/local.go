package link

import (
	"context"
	"net/url"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// The relay over the server's address in the local network goes around a proxy. Only start and answer of the sign-in go there,
// without a credential; the link is written under the server's own name. Nothing vouches for the server there but its id, so
// the sign-in must lead to the provider's own page, and an address that Jellybind found is used only after a person agreed.

// LocalNetwork knows where the server is in the local network, and what the person decided about it.
type LocalNetwork interface {
	// Address returns the address that the person gave or agreed to, or nil, and the one that the person does not want.
	Address() (use *url.URL, declined string)
	// Open opens the first of the two, after the server there has named its id.
	Open(ctx context.Context) (*jellyfin.Local, error)
	// Find looks for the server. The error is CodeLocalAddress if it is not there.
	Find(ctx context.Context) (*jellyfin.Local, error)
	// Decide keeps what the person decided about an address that was found.
	Decide(ctx context.Context, address string, use bool) error
}

func relayLocalWorks(f Facts) api.Ability {
	if able := relayWorks(f); !able.OK {
		return able
	}
	if f.Local != nil {
		return api.Ability{OK: true}
	}
	if tried := f.Tried[api.StrategyRelayLocal]; tried.Why != "" {
		return api.Ability{Why: tried.Why, Params: tried.Params}
	}
	return api.Ability{Why: whyNoLocal}
}

const (
	whyNoLocal  api.Why = "no-local"
	whyLocalAsk api.Why = "local-ask" // nobody has decided about {address} yet
)

func relayLocalReason(f Facts, _ api.WriteMethod) api.Remark {
	return api.Remark{Why: api.WhyRelayLocal, Params: map[string]string{"address": f.Local.String()}}
}

// locate looks for the server in the local network where a proxy hides the relay and no address is known, and asks the person
// about what it finds. What keeps the relay from running there is noted as an attempt.
func (l *Linker) locate(ctx context.Context, f *Facts, person Person) error {
	if l.Local == nil || f.Local != nil || !f.hidden() && f.Request.Strategy != api.StrategyRelayLocal {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	found, err := l.Local.Find(limited)
	if err != nil {
		e, ok := asError(err)
		if !ok || ctx.Err() != nil {
			return err
		}
		l.unlocated(f, e)
		return nil
	}
	address := found.URL().String()
	if _, declined := l.Local.Address(); declined == address {
		l.unlocated(f, localRefused("local-declined", address))
		return nil
	}
	l.unlocated(f, localRefused(whyLocalAsk, address))
	_, err = l.askLocal(ctx, f, person)
	return err
}

// askLocal asks the person about an address that was found, if nobody has decided about it yet. It reports whether the person
// has decided now.
func (l *Linker) askLocal(ctx context.Context, f *Facts, person Person) (decided bool, err error) {
	open := f.Tried[api.StrategyRelayLocal]
	if person == nil || l.Local == nil || f.Local != nil || open.Why != whyLocalAsk {
		return false, nil
	}
	address := open.Params["address"]
	answer, err := person.UseLocal(ctx, address)
	if err != nil || answer == api.ConsentOpen {
		return false, err
	}
	if err := l.Local.Decide(ctx, address, answer == api.ConsentYes); err != nil {
		return false, err
	}
	f.Local, _ = l.Local.Address()
	f.recalled = false
	if delete(f.Tried, api.StrategyRelayLocal); f.Local == nil {
		l.unlocated(f, localRefused("local-declined", address))
	}
	return true, nil
}

func localRefused(why api.Why, address string) *api.Error {
	return &api.Error{Code: api.CodeLocalAddress, Why: why, Params: map[string]string{"address": address}}
}

// unlocated notes why the relay does not run over an address in the local network.
func (l *Linker) unlocated(f *Facts, e *api.Error) {
	f.Tried[api.StrategyRelayLocal] = api.Attempt{
		Strategy: api.StrategyRelayLocal, Code: e.Code, Why: e.Why, Params: e.Params, At: l.Now().UTC(), Address: e.Params["address"],
	}
}

// relayLocal is relay over the server's address in the local network.
func (l *Linker) relayLocal(ctx context.Context, f Facts, person Person) (proof, error) {
	via, page, err := l.overLocal(ctx, f)
	if err != nil {
		return proof{}, err
	}
	req := l.relayRequest(f)
	req.Via, req.Page = via, page
	return l.relayed(ctx, f, req, person)
}

func (l *Linker) tryRelayLocal(ctx context.Context, f Facts) (address string, err error) {
	address = f.Local.String()
	via, page, err := l.overLocal(ctx, f)
	if err != nil {
		return address, err
	}
	req := l.startRequest(f)
	req.Via = via
	started, err := l.Plugin.Start(ctx, req)
	if err != nil {
		return address, l.whyAway(ctx, f, err)
	}
	return address, page.Check(started.Location.Reveal())
}

// overLocal opens the server's address in the local network, and finds out where a sign-in that starts there must lead: to the
// page that the provider itself publishes, or, where the provider's settings cannot be read, to the page to which the server
// leads under its own name.
func (l *Linker) overLocal(ctx context.Context, f Facts) (*jellyfin.Local, ssoplugin.SignInPage, error) {
	via, err := l.Local.Open(ctx)
	if err != nil {
		return nil, ssoplugin.SignInPage{}, err
	}
	if f.Provider.Endpoint == "" {
		page, err := l.Plugin.SignInPage(ctx, f.Provider.Name)
		return via, page, err
	}
	c := client(f)
	meta, err := c.Discover(ctx)
	return via, ssoplugin.SignInPage{Address: meta.AuthorizationEndpoint, ClientID: f.Provider.ClientID}, err
}
