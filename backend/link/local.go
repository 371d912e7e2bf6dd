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
	switch {
	case f.Local != nil:
		return api.Ability{OK: true}
	case f.LocalFound != "":
		return api.Ability{Why: whyLocalAsk, Params: map[string]string{"address": f.LocalFound}}
	}
	return api.Ability{Why: whyNoLocal}
}

const (
	whyNoLocal  api.Why = "no-local"
	whyLocalAsk api.Why = "local-ask" // nobody has agreed to {address} yet
)

func relayLocalReason(f Facts, _ api.WriteMethod) api.Remark {
	return api.Remark{Why: api.WhyRelayLocal, Params: map[string]string{"address": f.Local.String()}}
}

// locate looks for the server in the local network where a proxy hides the relay and no address is known, and asks the person
// about what it finds. Without a person, and if nobody answers, it only notes the address.
func (l *Linker) locate(ctx context.Context, f *Facts, person Person) error {
	if l.Local == nil || f.Local != nil || !f.hidden() && f.Request.Strategy != api.StrategyRelayLocal {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	found, err := l.Local.Find(limited)
	if err != nil {
		return l.unlocated(ctx, f, "", err)
	}
	at := found.URL()
	address := at.String()
	if _, declined := l.Local.Address(); declined == address {
		return l.unlocated(ctx, f, address, localDeclined(address))
	}
	f.LocalFound = address
	if person == nil {
		return nil
	}
	answer, err := person.UseLocal(ctx, address)
	if err != nil || answer == api.ConsentOpen {
		return err
	}
	if err := l.Local.Decide(ctx, address, answer == api.ConsentYes); err != nil {
		return err
	}
	f.LocalFound = ""
	if answer != api.ConsentYes {
		return l.unlocated(ctx, f, address, localDeclined(address))
	}
	f.Local = at
	return nil
}

func localDeclined(address string) error {
	return &api.Error{Code: api.CodeLocalAddress, Why: "local-declined", Params: map[string]string{"address": address}}
}

// unlocated notes why the relay has no address in the local network.
func (l *Linker) unlocated(ctx context.Context, f *Facts, address string, err error) error {
	e, ok := asError(err)
	if !ok || ctx.Err() != nil {
		return err
	}
	f.Tried[api.StrategyRelayLocal] = api.Attempt{
		Strategy: api.StrategyRelayLocal, Code: e.Code, Why: e.Why, Params: e.Params, At: l.Now().UTC(), Address: address,
	}
	return nil
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
