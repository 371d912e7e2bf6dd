package link

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// POST Link links the identity that signed in last with the sign-in's state, and moves it without asking if another account
// has it. So the account's links before and after are compared: an identity that was not confirmed is taken back.

// takeBack is the step after a POST Link that did not link the confirmed identity; o is the write's outcome. If the account
// has gained another identity instead, that one is removed, or put back where it was.
func (l *Linker) takeBack(
	ctx context.Context, before api.Roster, plan api.Plan, confirmed api.Identity, o outcome,
) outcome {
	gained, err := l.gains(ctx, before, plan)
	if err != nil {
		return outcome{how: unread, err: err}
	}
	switch {
	case len(gained) == 0:
		return o
	case slices.Contains(gained, confirmed): // it came late
		return outcome{how: made}
	}
	if err := onlyGain(before, plan, gained); err != nil {
		return failure(err)
	}
	taken := api.Link{Identity: gained[0], UserID: plan.Account.ID}
	if owner := roster.Owner(before, taken.Identity); owner != nil {
		back := l.putBack(ctx, taken, plan.Account, owner)
		back.how = failed // whatever is left over is another identity than the change's
		return back
	}
	params := map[string]string{"name": taken.Name, "confirmed": confirmed.Name, "account": plan.Account.Name}
	dropped := l.drop(ctx, api.Account{User: plan.Account, Exists: true}, taken)
	if dropped.how != made {
		return failure(&api.Error{
			Code: api.CodeHalfDone, Why: "linked-another-left",
			Params: params, Err: dropped.told(),
		})
	}
	return outcome{how: failed, lost: dropped.lost, err: &api.Error{
		Code: api.CodeSignInInvalid, Why: "linked-another",
		Params: params,
	}}
}

// onlyGain fails unless the account has gained exactly one identity, because only then it is the one that signed in.
func onlyGain(before api.Roster, plan api.Plan, gained []api.Identity) error {
	params := map[string]string{"account": plan.Account.Name, "n": strconv.Itoa(len(gained))}
	account := roster.Account(before, plan.Account.ID)
	switch {
	case len(gained) == 1:
		return nil
	case len(gained) > 1:
		return &api.Error{Code: api.CodeHalfDone, Why: "gained-several", Params: params}
	case account == nil || len(identitiesAt(account.Identities, plan)) == 0:
		return notStored(plan.Account.Name)
	}
	return &api.Error{Code: api.CodeLinkExists, Why: "gained-nothing", Params: params}
}

// gains reads the account's links, and returns the identities of the plan's provider that it had not before. The other accounts
// need not be read: who has lost an identity is who had it before.
func (l *Linker) gains(ctx context.Context, before api.Roster, plan api.Plan) ([]api.Identity, error) {
	now, err := l.Plugin.UserLinks(ctx, plan.Account.ID)
	if err != nil {
		return []api.Identity{}, err
	}
	var had []api.Identity
	if a := roster.Account(before, plan.Account.ID); a != nil {
		had = a.Identities
	}
	return slices.DeleteFunc(identitiesAt(now, plan), func(id api.Identity) bool { return slices.Contains(had, id) }), nil
}

// identitiesAt returns the identities at the plan's provider.
func identitiesAt(all []api.Identity, plan api.Plan) []api.Identity {
	ids := []api.Identity{}
	for _, id := range all {
		if id.Protocol == plan.Provider.Protocol && id.Provider == plan.Provider.Name {
			ids = append(ids, id)
		}
	}
	return ids
}

// putBack returns an identity to the account that lost it. The outcome is never made: the wanted link does not stand. It is
// half when the identity still opens the other account, or nobody's.
func (l *Linker) putBack(ctx context.Context, taken api.Link, now api.User, owner *api.Account) outcome {
	told := func(code api.Code, why api.Why, cause error) *api.Error {
		return &api.Error{
			Code: code, Why: why, Err: cause, Params: map[string]string{
				"name": taken.Name, "owner": cmp.Or(owner.Name, owner.ID), "ownerId": owner.ID, "account": now.Name,
			},
		}
	}
	dropped := l.drop(ctx, api.Account{User: now, Exists: true}, taken)
	if dropped.how != made {
		return outcome{how: half, err: told(api.CodeHalfDone, "not-put-back", dropped.told())}
	}
	if !owner.Exists {
		return outcome{how: failed, lost: dropped.lost, err: told(api.CodeLinkOwned, "put-nowhere", nil)}
	}
	link := api.Link{Identity: taken.Identity, UserID: owner.ID}
	back := l.insist(ctx, func(ctx context.Context) outcome { return l.add(ctx, link, "") })
	if back.how != made {
		return outcome{how: half, lost: dropped.lost, err: told(api.CodeHalfDone, "removed-only", back.told())}
	}
	return outcome{how: failed, lost: dropped.lost, err: told(api.CodeLinkOwned, "put-back", nil)}
}
