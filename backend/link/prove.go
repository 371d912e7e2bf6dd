package link

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/relayflow"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// proof is what a strategy learned: the canonical name, empty where only the write tells it, and what POST Link needs.
type proof struct {
	name               string
	displayName, email string
	data               secret.Value
	cookies            []*http.Cookie
}

// prove learns by the plan's strategy which identity signed in.
func (l *Linker) prove(ctx context.Context, f Facts, plan api.Plan, person Person) (proof, error) {
	person.Progress(api.Progress{Step: "waiting-for-sign-in", Text: "Waiting for the sign-in at the identity provider…"})
	return l.proveBy(ctx, plan.Strategy, f, true, person)
}

func (l *Linker) proveBy(
	ctx context.Context, strategy api.Strategy, f Facts, linking bool, person Person,
) (proof, error) {
	switch strategy {
	case api.StrategyRelay:
		return l.relay(ctx, f, linking, person)
	case api.StrategyOwnClient:
		return l.ownClient(ctx, f, person)
	case api.StrategyAssertion:
		a, err := samlflow.Run(ctx, samlflow.Request{
			Endpoint: f.Provider.Endpoint, ClientID: f.Provider.ClientID, Audience: f.Provider.SAML.Audience,
			Certificate: f.Provider.Certificate, Callback: f.Base.EscapedPath() + ssoplugin.CallbackPath(f.Provider), AllowSHA1: f.Settings.AllowSHA1,
		}, samlflow.Options{Listen: l.listen(f, strategy), Now: l.Now, Seen: &l.seen}, person.SignIn)
		return proof{name: a.NameID}, err
	case api.StrategySubject:
		name := f.Request.Name
		if strings.TrimSpace(name) == "" {
			return proof{}, &api.Error{
				Code: api.CodeNameInvalid, Why: "name-missing",
				Sentence: "Linking by subject needs the name that the identity provider will send.",
				Hint:     "On 9p4 and K0lin that is the user name, on Flowfin the subject: “jellybind providers show” names the claim.",
			}
		}
		return proof{name: name}, nil
	}
	return proof{}, fmt.Errorf("unknown strategy %q", strategy)
}

// relay runs the plugin's own sign-in, and works out the name as far as this flavour and credential tell it.
func (l *Linker) relay(ctx context.Context, f Facts, linking bool, person Person) (proof, error) {
	result, err := relayflow.Run(ctx, l.Plugin, relayflow.Request{
		Protocol: f.Provider.Protocol, Provider: f.Provider.Name, Linking: linking,
		OldPath: f.Provider.Known && !f.Provider.NewPath,
	}, relayflow.Options{Listen: l.listen(f, api.StrategyRelay), Now: l.Now}, func(ctx context.Context, s api.SignIn) error {
		// The server keeps nothing of a SAML sign-in.
		kept := f.Capabilities.PendingSeconds
		if f.Provider.Protocol == api.OIDC && l.Now().Add(time.Duration(kept)*time.Second).Before(s.Deadline) {
			s.KeptSeconds = kept
		}
		return person.SignIn(ctx, s)
	})
	if err != nil {
		return proof{}, err
	}
	p := proof{data: result.Data, cookies: result.Cookies}
	switch {
	case f.Provider.Protocol == api.OIDC && f.Capabilities.NameBeforeWrite.OK:
		p.name, err = l.Plugin.PendingName(ctx, result.State)
	case f.Provider.Protocol == api.SAML && assertionProof(f).OK:
		var a samlflow.Assertion
		a, err = samlflow.Check(result.Response, samlflow.Expect{
			Certificate: f.Provider.Certificate, Audience: f.Provider.ClientID, Recipient: result.ACS,
			RequestID: result.RequestID, AllowSHA1: f.Settings.AllowSHA1, Now: l.Now(),
		}, &l.seen)
		p.name = a.NameID
	case f.Provider.Protocol == api.SAML:
		// A plain user may not read the certificate, and some servers have no client id. The server checks the signature
		// before it writes, and the name is read back after; here it only tells the person what he is about to confirm.
		p.name, err = samlflow.NameID(result.Response)
	}
	return p, err
}

func (l *Linker) ownClient(ctx context.Context, f Facts, person Person) (proof, error) {
	clientSecret, err := l.ClientSecret(ctx, f.Provider.Protocol, f.Provider.Name)
	if err != nil {
		return proof{}, err
	}
	scopes := f.Settings.Scopes
	if len(scopes) == 0 {
		scopes = f.Provider.Scopes
	}
	id, err := oidcflow.Run(ctx, oidcflow.Client{
		Issuer: f.Provider.Endpoint, ClientID: f.Settings.ClientID, Secret: clientSecret, Scopes: scopes,
		Rule: f.Provider.OIDC.Rule, NoUserinfo: f.Provider.OIDC.NoUserinfo,
		AcceptPublishedIssuer: f.Provider.OIDC.AnyIssuer,
	}, oidcflow.Options{Listen: l.listen(f, api.StrategyOwnClient), Now: l.Now}, person.SignIn)
	return proof{name: id.Name, displayName: id.DisplayName, email: id.Email}, err
}

// VerifyRequest asks which account an identity opens.
type VerifyRequest struct {
	Protocol api.Protocol
	Provider string
	// Port overrides the provider's loopback port.
	Port int
}

// Verify signs in once with an identity and tells which account it opens, then ends that session. The last step is taken
// only when the identity is known and linked: for an identity that nobody has linked, the server would create an account.
//
// Flowfin does not tell who signed in before the last step (OIDC), or finishes it on its own page only (SAML). There the
// identity is proved without the server, by the own client or by the checked assertion, and the account is read from the
// links; Verified.SignedIn is false then.
//
// It fails with CodeUnsupported where neither works, and with CodeLinkNotFound when the identity is not linked.
func (l *Linker) Verify(ctx context.Context, req VerifyRequest, person Person) (api.Verified, error) {
	snap, err := l.Plugin.Read(ctx)
	if err != nil {
		return api.Verified{}, err
	}
	p := roster.Provider(api.Roster{Providers: snap.Providers}, req.Protocol, req.Provider)
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
	person.Progress(api.Progress{Step: "waiting-for-sign-in", Text: "Waiting for the sign-in at the identity provider…"})
	proved, err := l.proveBy(ctx, strategy, facts, !signIn, person)
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
	// From here on there may be a session on the server, and Ctrl-C must not leave it open.
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
	relay, assertion, own := RelayAbility(f.Provider), assertionProof(f), f.Settings.ClientID != ""
	oidc := f.Provider.Protocol == api.OIDC
	switch {
	case oidc && f.Capabilities.NameBeforeWrite.OK && relay.OK, !oidc && !f.Capabilities.StateOnce && relay.OK:
		return api.StrategyRelay, true, nil
	case oidc && own && f.Provider.Endpoint != "":
		return api.StrategyOwnClient, false, nil
	case !oidc && assertion.OK:
		return api.StrategyAssertion, false, nil
	case !relay.OK:
		return "", false, relay.Refused(api.CodeLoopbackUnreachable, "Sign in through the server's own page to try the link.")
	case oidc && f.Provider.Endpoint == "":
		return "", false, &api.Error{
			Code: api.CodeUnsupported, Why: "verify-admin",
			Sentence: "Only an administrator can verify this identity: the plugin tells nobody else " +
				"who signed in, and signing in with an identity that is not linked would create an account.",
			Hint: "To try the link, sign in to Jellyfin with it.",
		}
	case oidc:
		return "", false, &api.Error{
			Code: api.CodeClientMissing, Why: "verify-client",
			Sentence: "The plugin does not tell who signed in, and signing in with an identity that is " +
				"not linked would create an account, so that verifying needs a client of Jellybind's own at the identity provider.",
			Hint: "Register one there, then: jellybind providers set " + f.Provider.Name + " --client-id ID",
		}
	}
	return "", false, assertion.Refused(api.CodeUnsupported, "Sign in through the server's own page to try the link.")
}
