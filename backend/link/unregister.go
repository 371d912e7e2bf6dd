package link

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// PlanUnregister says what Unregister would do to an account.
func (l *Linker) PlanUnregister(ctx context.Context, userID string) (api.UnregisterPlan, error) {
	a, err := l.account(ctx, userID)
	if err != nil {
		return api.UnregisterPlan{}, err
	}
	return l.planUnregister(ctx, a)
}

func (l *Linker) planUnregister(ctx context.Context, a api.Account) (api.UnregisterPlan, error) {
	c := l.Plugin.Capabilities()
	if !c.Unregister.OK {
		return api.UnregisterPlan{}, c.Unregister.Refused(api.CodeForbidden, "administrator")
	}
	if l.endsOwnSession(a.ID) {
		return api.UnregisterPlan{}, ownSession()
	}
	providers, err := l.Client.AuthProviders(ctx)
	if err != nil {
		return api.UnregisterPlan{}, fmt.Errorf("reading the server's sign-in providers: %w", err)
	}
	plan := api.UnregisterPlan{
		Account: a.User, Providers: providers, Links: len(a.Identities), NoPassword: !a.HasPassword,
		PasswordUnknown: a.HasPassword && a.AuthProvider != api.AuthProviderDefault,
	}
	plan.Remarks = append(plan.Remarks, effect(c.UnregisterDrops, len(a.Identities)))
	if !c.UnregisterKept {
		plan.Remarks = append(plan.Remarks, api.Remark{Why: "unregister-lost"})
	}
	if c.PasswordsOff.ShutsOut(a.User) && c.UnregisterDrops && len(a.Identities) > 0 {
		shutOut := api.Remark{Why: "sso-only-shut-out", Params: map[string]string{"accounts": a.Name}}
		plan.Remarks = append(plan.Remarks, shutOut, c.PasswordsOff.Remark())
	}
	return plan, nil
}

// effect is what Unregister does to an account's links and sessions.
func effect(drops bool, links int) api.Remark {
	remark := func(why api.Why) api.Remark {
		return api.Remark{Why: why, Params: map[string]string{"n": strconv.Itoa(links)}}
	}
	switch {
	case drops && links == 0:
		return remark("drops-none")
	case drops && links == 1:
		return remark("drops-one")
	case drops:
		return remark("drops-several")
	case links == 0:
		return remark("keeps-none")
	case links == 1:
		return remark("keeps-one")
	}
	return remark("keeps-several")
}

func (l *Linker) account(ctx context.Context, userID string) (api.Account, error) {
	r, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return api.Account{}, err
	}
	a := roster.Account(r, userID)
	if a == nil || !a.Exists {
		return api.Account{}, noSuchAccount(userID)
	}
	return *a, nil
}

// Unregister gives an account another of the server's sign-in providers, by its id, and reads it back. If that drops the
// links (Capabilities.UnregisterDrops), the change lists them, and Undo writes them again.
func (l *Linker) Unregister(ctx context.Context, userID, authProvider string) (api.Change, error) {
	done, err := l.Journal.Alone(ctx, l.ServerID)
	if err != nil {
		return api.Change{}, err
	}
	defer done()
	a, err := l.account(ctx, userID)
	if err != nil {
		return api.Change{}, err
	}
	plan, err := l.planUnregister(ctx, a)
	if err != nil {
		return api.Change{}, err
	}
	if !slices.ContainsFunc(plan.Providers, func(p api.AuthProvider) bool { return p.ID == authProvider }) {
		return api.Change{}, &api.Error{
			Code: api.CodeUsage, Why: "no-sign-in-provider", Params: map[string]string{"provider": authProvider},
		}
	}
	change := api.Change{
		Server: l.ServerID, Kind: api.ChangeUnregister, UserID: a.ID, UserName: a.Name,
		AuthProviderBefore: a.AuthProvider, AuthProviderAfter: authProvider, Identities: []api.Identity{},
	}
	if l.Plugin.Capabilities().UnregisterDrops {
		change.Identities = a.Identities
	}
	o := l.record(ctx, &change, func(ctx context.Context) outcome {
		return l.settleUnregister(ctx, l.Plugin.Unregister(ctx, a.Name, authProvider), a, authProvider, true)
	})
	return change, o.told()
}

// settleUnregister resolves an Unregister by reading the account back. sent is the request's error; bare is whether the
// account should have no links now, where Unregister drops them.
func (l *Linker) settleUnregister(ctx context.Context, sent error, a api.Account, authProvider string, bare bool) outcome {
	if sent != nil && !uncertain(sent) {
		return failure(sent)
	}
	c := l.Plugin.Capabilities()
	var now api.Account
	err := l.reading(ctx, sent, func(ctx context.Context) (err error) {
		now, err = l.account(ctx, a.ID)
		return err
	})
	switch {
	case err != nil:
		return outcome{how: unread, err: cmp.Or(sent, err)}
	case now.AuthProvider == authProvider && !(bare && c.UnregisterDrops && len(now.Identities) > 0):
		return outcome{how: made}
	case answerLost(sent):
		return outcome{how: unclear, err: sent}
	case sent != nil:
		return failure(sent)
	}
	if !c.UnregisterKept && now.AuthProvider == a.AuthProvider { // it says yes to everything
		return failure(&api.Error{
			Code: api.CodeLinkNotStored, Why: "unregister-nothing", Params: map[string]string{"account": a.Name},
		})
	}
	return failure(&api.Error{
		Code: api.CodeLinkNotStored, Why: "unregister-not-stored",
		Params: map[string]string{"account": a.Name},
	})
}

func ownSession() error {
	return &api.Error{Code: api.CodeUnsupported, Why: "own-session"}
}
