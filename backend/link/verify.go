package link

import (
	"context"
	"fmt"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// VerifyRequest asks which account an identity opens.
type VerifyRequest struct {
	Protocol api.Protocol
	Provider string
	// Port overrides the provider's loopback port.
	Port int
}

// Verify signs in once with an identity, tells which account it opens, and ends that session. It takes the last step only if
// the identity is known and linked, because for an unlinked identity the server would create an account.
//
// Some plugins do not tell who signed in before the last step (OIDC), or finish it only on their own page (SAML). Then our own
// client or the checked assertion proves the identity without the server, and the links tell the account;
// Verified.SignedIn is false.
//
// It fails with CodeUnsupported if neither works, and with CodeLinkNotFound if the identity is not linked.
func (l *Linker) Verify(ctx context.Context, req VerifyRequest, person Person) (api.Verified, error) {
	providers, err := l.Plugin.Providers(ctx)
	if err != nil {
		return api.Verified{}, err
	}
	p := roster.Provider(api.Roster{Providers: providers}, req.Protocol, req.Provider)
	if p == nil {
		return api.Verified{}, noSuchProvider(req.Protocol, req.Provider)
	}
	settings := l.Settings(p.Protocol, p.Name)
	facts := Facts{
		Provider: *p, Settings: settings, Capabilities: l.Plugin.Capabilities(), Base: l.Client.URL(),
		Ports: l.ListenPorts(), Request: api.LinkRequest{Port: req.Port},
	}
	strategy, signIn, err := verification(facts)
	if err != nil {
		return api.Verified{}, err
	}
	proved, err := l.learn(ctx, strategy, facts, !signIn, person)
	if err != nil {
		return api.Verified{}, err
	}
	verified := api.Verified{Identity: api.Identity{Protocol: p.Protocol, Provider: p.Name, Name: proved.name}}
	r, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return api.Verified{}, err
	}
	owner := roster.Owner(r, verified.Identity)
	if owner == nil || !owner.Exists {
		return api.Verified{}, &api.Error{
			Code: api.CodeLinkNotFound, Why: "signed-in-unlinked",
			Sentence: fmt.Sprintf("%s of %s signed in, and is linked to no account that you may see. Jellybind stopped there: "+
				"the server would have created one, or let it into one of the same name.", api.Printable(proved.name), api.Printable(p.Name)),
			Hint: "Link it to an account first.", Params: map[string]string{"name": proved.name, "provider": p.Name},
		}
	}
	verified.Account = owner.User
	if !signIn {
		return verified, nil
	}
	person.Progress(api.Progress{Step: "verifying", Text: "Signing in to Jellyfin…"})
	if err := ctx.Err(); err != nil {
		return api.Verified{}, &api.Error{Code: api.CodeCancelled, Sentence: "The verification was cancelled.", Err: err}
	}
	// From here on the server may have a session, and Ctrl-C must not leave it open.
	ctx = context.WithoutCancel(ctx)
	in, err := l.Plugin.Authenticate(ctx, p.Protocol, p.Name, proved.data, proved.cookies)
	if err != nil {
		return api.Verified{}, err
	}
	verified.Account, verified.SignedIn = in.User, true
	if err := l.Client.WithCredential(in.Token).SignOut(ctx); err != nil {
		left := &api.Error{
			Code: api.CodeOf(err), Why: "session-left",
			Sentence: fmt.Sprintf("%s of %s opens %s, but the session that proved it could not be ended.",
				api.Printable(proved.name), api.Printable(p.Name), api.Printable(in.User.Name)),
			Hint:   "End the session “Jellybind” in the server's dashboard, under Devices.",
			Params: map[string]string{"name": proved.name, "provider": p.Name, "account": in.User.Name}, Err: err,
		}
		left.Because(err)
		return verified, left
	}
	return verified, nil
}

// verification chooses how an identity is proved for Verify, and whether the server can be asked to sign in with it.
func verification(f Facts) (strategy api.Strategy, signIn bool, err error) {
	relay, assertion, own := RelayAbility(f.Provider), assertionWorks(f), f.Settings.ClientID != ""
	oidc := f.Provider.Protocol == api.OIDC
	switch {
	case oidc && f.Capabilities.NameBeforeWrite.OK && relay.OK, !oidc && !f.Capabilities.StateOnce && relay.OK:
		return api.StrategyRelay, true, nil
	case oidc && own && f.Provider.Endpoint != "":
		return api.StrategyOwnClient, false, nil
	case !oidc && assertion.OK:
		return api.StrategyAssertion, false, nil
	case !relay.OK:
		return "", false, relay.Refused(api.CodeLoopbackUnreachable, "server-page")
	case oidc && f.Provider.Endpoint == "":
		return "", false, &api.Error{
			Code: api.CodeUnsupported, Why: "verify-admin",
			Sentence: "Only an administrator can verify this identity: the plugin tells nobody else " +
				"who signed in, and signing in with an identity that is not linked would create an account.",
			Hint: "To try the link, sign in to Jellyfin with it.",
		}
	case oidc:
		return "", false, &api.Error{
			Code: api.CodeClientMissing, Why: "verify-client", Params: map[string]string{"provider": f.Provider.Name},
			Sentence: "The plugin does not tell who signed in, and signing in with an identity that is " +
				"not linked would create an account, so that verifying needs a client of Jellybind's own at the identity provider.",
			Hint: "Register one there, then: jellybind providers set " + f.Provider.Name + " --client-id ID",
		}
	}
	return "", false, assertion.Refused(api.CodeUnsupported, "server-page")
}
