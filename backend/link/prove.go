package link

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/relayflow"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/secret"
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
	switch plan.Strategy {
	case api.StrategyRelay:
		return l.relay(ctx, f, true, person)
	case api.StrategyOwnClient:
		return l.ownClient(ctx, f, person)
	case api.StrategyAssertion:
		a, err := samlflow.Run(ctx, l.Plugin, samlflow.Request{
			Provider: f.Provider.Name, OldPath: f.Provider.Known && !f.Provider.NewPath,
			Certificate: f.Provider.Certificate, Audience: f.Provider.ClientID, AllowSHA1: f.Settings.AllowSHA1,
		}, samlflow.Options{Listen: l.listen(f), Now: l.Now, Seen: &l.seen}, person.SignIn)
		return proof{name: a.NameID}, err
	case api.StrategySubject:
		name := f.Request.Name
		if strings.TrimSpace(name) == "" {
			return proof{}, &api.Error{
				Code: api.CodeNameInvalid, Sentence: "Linking by subject needs the name that the identity provider will send.",
				Hint: "For example: --name 8f14e45f-ceea-467f-a9d4-2d3c5a1b7e90",
			}
		}
		return proof{name: name}, nil
	}
	return proof{}, fmt.Errorf("unknown strategy %q", plan.Strategy)
}

// relay runs the plugin's own sign-in, and works out the name as far as this flavour and credential tell it.
func (l *Linker) relay(ctx context.Context, f Facts, linking bool, person Person) (proof, error) {
	result, err := relayflow.Run(ctx, l.Plugin, relayflow.Request{
		Protocol: f.Provider.Protocol, Provider: f.Provider.Name, Linking: linking,
		OldPath: f.Provider.Known && !f.Provider.NewPath,
	}, relayflow.Options{Listen: l.listen(f), Now: l.Now}, person.SignIn)
	if err != nil {
		return proof{}, err
	}
	p := proof{data: result.Data, cookies: result.Cookies}
	switch {
	case f.Provider.Protocol == api.OIDC && f.Capabilities.NameBeforeWrite.OK:
		p.name, err = l.Plugin.PendingName(ctx, result.State)
	case f.Provider.Protocol == api.SAML && f.Provider.Certificate != "":
		var a samlflow.Assertion
		a, err = samlflow.Check(result.Response, samlflow.Expect{
			Certificate: f.Provider.Certificate, Audience: f.Provider.ClientID, Recipient: result.ACS,
			RequestID: result.RequestID, AllowSHA1: f.Settings.AllowSHA1, Now: l.Now(),
		}, &l.seen)
		p.name = a.NameID
	case f.Provider.Protocol == api.SAML:
		// A plain user may not read the certificate. The server checks the signature before it writes, and the name is
		// read back after; here it only tells the person what he is about to confirm.
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
		NameClaim: f.Provider.NameClaim,
	}, oidcflow.Options{Listen: l.listen(f), Now: l.Now}, person.SignIn)
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
// It fails with CodeUnsupported where the name is not known before the last step, and with CodeLinkNotFound when the
// identity is not linked.
func (l *Linker) Verify(ctx context.Context, req VerifyRequest, person Person) (api.Verified, error) {
	r, err := l.Roster(ctx, nil)
	if err != nil {
		return api.Verified{}, err
	}
	p := roster.Provider(r, req.Protocol, req.Provider)
	if p == nil {
		_, _, err := l.plan(r, api.LinkRequest{UserID: r.Accounts[0].ID, Protocol: req.Protocol, Provider: req.Provider})
		return api.Verified{}, err
	}
	caps := l.Plugin.Capabilities()
	if p.Protocol == api.OIDC && !caps.NameBeforeWrite.OK {
		return api.Verified{}, &api.Error{
			Code: api.CodeUnsupported, Sentence: caps.NameBeforeWrite.Reason,
			Hint: "Signing in with an identity that is not linked would create an account, so Jellybind does not try.",
		}
	}
	if reach := RelayAbility(*p); !reach.OK {
		return api.Verified{}, &api.Error{Code: api.CodeLoopbackUnreachable, Sentence: reach.Reason}
	}
	settings := l.Settings(p.Protocol, p.Name)
	facts := Facts{
		Provider: *p, Settings: settings, Capabilities: caps, Base: l.Client.URL(),
		Ports: Ports(req.Port, settings, *p, l.Ports),
	}
	person.Progress(api.Progress{Step: "waiting-for-sign-in", Text: "Waiting for the sign-in at the identity provider…"})
	proved, err := l.relay(ctx, facts, false, person)
	if err != nil {
		return api.Verified{}, err
	}
	id := api.Identity{Protocol: p.Protocol, Provider: p.Name, Name: proved.name}
	if r, err = l.Roster(ctx, nil); err != nil {
		return api.Verified{}, err
	}
	owner := roster.Owner(r, id)
	if owner == nil || !owner.Exists {
		return api.Verified{}, &api.Error{
			Code: api.CodeLinkNotFound,
			Sentence: fmt.Sprintf("%s of %s signed in, and is linked to no account. Jellybind stopped there: the server "+
				"would have created one.", api.Printable(id.Name), api.Printable(p.Name)),
			Hint: "Link it first.", Params: map[string]string{"name": id.Name, "provider": p.Name},
		}
	}
	person.Progress(api.Progress{Step: "verifying", Text: "Signing in to Jellyfin…"})
	in, err := l.Plugin.Authenticate(ctx, p.Protocol, p.Name, proved.data, proved.cookies)
	if err != nil {
		return api.Verified{}, err
	}
	if err := l.Client.WithCredential(in.Token).SignOut(ctx); err != nil {
		return api.Verified{}, fmt.Errorf("ending the session of the verification: %w", err)
	}
	return api.Verified{Identity: id, Account: in.User, SignedIn: true}, nil
}
