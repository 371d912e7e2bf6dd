package link

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// VerifyRequest asks which account an identity opens.
type VerifyRequest struct {
	Protocol api.Protocol
	Provider string
	// Strategy is the person's choice; empty takes the first that works.
	Strategy api.Strategy
	// Port overrides the provider's loopback port.
	Port int
	// Retry tries the ways again instead of using what was found earlier.
	Retry bool
}

// agree asks the person whether the server may sign in, if that changes the account. If the person says no, it returns what
// would have changed.
func (l *Linker) agree(
	ctx context.Context, p api.Provider, v api.Verified, proved proof, person Person,
) (declined []api.Remark, err error) {
	effects, err := l.effects(ctx, p, v.Account, proved)
	if err != nil || len(effects) == 0 {
		return nil, err
	}
	err = person.Confirm(ctx, api.Confirmation{Account: v.Account, Identity: v.Identity, NameKnown: true, Effects: effects})
	if api.IsCode(err, api.CodeCancelled) && ctx.Err() == nil {
		return effects, nil
	}
	return nil, err
}

// Verify signs in once with an identity, tells which account it opens, and ends that session. It takes the last step only if
// the identity is known and linked, because for an unlinked identity the server would create an account.
//
// Some plugins do not tell who signed in before the last step (OIDC), or finish it only on their own page (SAML), and a proxy may
// hide the server's own sign-in. Then our own sign-in or the checked assertion proves the identity without the server, and the
// links tell the account; Verified.SignedIn is false. So it is if the sign-in would change the account, as 9p4 and K0lin do, and
// the person does not agree to that.
//
// The way is found as for a link, with the errors of MakePlan. It fails with CodeLinkNotFound if the identity is not linked.
func (l *Linker) Verify(ctx context.Context, req VerifyRequest, person Person) (api.Verified, error) {
	providers, err := l.Plugin.Providers(ctx)
	if err != nil {
		return api.Verified{}, err
	}
	p := roster.Provider(api.Roster{Providers: providers}, req.Protocol, req.Provider)
	if p == nil {
		return api.Verified{}, noSuchProvider(req.Provider)
	}
	signIn := false
	plan, proved, err := l.prove(ctx, func(retry bool) (f Facts, plan api.Plan, err error) {
		f = l.facts(*p, providers, api.LinkRequest{Strategy: req.Strategy, Port: req.Port, Retry: req.Retry || retry})
		f.Verifying = true
		if err := l.findWay(ctx, &f, person); err != nil {
			return f, plan, err
		}
		plan, err = MakePlan(f)
		for _, w := range ways(p.Protocol) {
			if w.strategy == plan.Strategy {
				signIn, _ = w.proves(f)
			}
		}
		return f, plan, err
	}, person)
	if err != nil {
		return api.Verified{}, err
	}
	verified := api.Verified{
		Identity: api.Identity{Protocol: p.Protocol, Provider: p.Name, Name: proved.name}, Strategy: plan.Strategy,
	}
	r, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return api.Verified{}, err
	}
	owner := roster.Owner(r, verified.Identity)
	if owner == nil || !owner.Exists {
		return api.Verified{}, &api.Error{
			Code: api.CodeLinkNotFound, Why: "signed-in-unlinked",
			Params: map[string]string{"name": proved.name, "provider": p.Name},
		}
	}
	verified.Account, verified.Remarks = owner.User, proved.remarks
	if !signIn {
		return verified, nil
	}
	if verified.Effects, err = l.agree(ctx, *p, verified, proved, person); err != nil || len(verified.Effects) > 0 {
		return verified, err
	}
	person.Progress(api.Progress{Step: "verifying"})
	if err := ctx.Err(); err != nil {
		return api.Verified{}, &api.Error{Code: api.CodeCancelled, Err: err}
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
			Params: map[string]string{"name": proved.name, "provider": p.Name, "account": in.User.Name}, Err: err,
		}
		left.Because(err)
		return verified, left
	}
	return verified, nil
}
