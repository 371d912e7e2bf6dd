package link

import (
	"context"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// What the provider's settings say about a sign-in: whom the server lets in, and what it changes in the account.

// roleRemarks says that the server will turn a person away for want of a role. The roles are those that our own sign-in
// brought; the server's link endpoint does not look at them.
func roleRemarks(p api.Provider, roles []string) []api.Remark {
	if _, admitted := ssoplugin.Grant(p.Admission, roles); admitted || !p.Known {
		return nil
	}
	facts := map[string]string{
		"provider": p.Name, "roles": strings.Join(p.Admission.Roles, ", "), "claim": p.Admission.RoleClaim,
		"came": strings.Join(roles, ", "),
	}
	switch {
	case p.Admission.RoleClaim == "":
		return []api.Remark{{Why: "warn-role-claimless", Params: facts}}
	case len(roles) == 0:
		return []api.Remark{{Why: "warn-role-none", Params: facts}}
	}
	return []api.Remark{{Why: "warn-role", Params: facts}}
}

// nextSignIn says what the next sign-in through the provider changes in the account, as far as it matters before a link is
// made: that it stops being an administrator's, gets another name or sign-in provider, or may be disabled.
func nextSignIn(p api.Provider, u api.User) []api.Remark {
	a := p.Admission
	a.AllFolders, a.SetsLiveTV, a.Downloads, a.OtherRights = true, false, nil, false
	a.Rights = a.Rights && u.Administrator
	effects := ssoplugin.Effects(a, api.Rights{
		Name: u.Name, Administrator: u.Administrator, AllFolders: true, AuthProvider: u.AuthProvider,
	}, nil)
	if len(effects) == 0 {
		return nil
	}
	return append([]api.Remark{{Why: "next-sign-in", Params: map[string]string{"provider": p.Name}}}, effects...)
}

// effects says what the server's sign-in would change in an account now.
func (l *Linker) effects(ctx context.Context, p api.Provider, account api.User, proved proof) ([]api.Remark, error) {
	if !p.Known {
		return []api.Remark{{Why: "effect-unknown"}}, nil
	}
	now, err := l.Client.Rights(ctx, account.ID)
	if err != nil {
		return nil, err
	}
	var granted api.Granted
	if p.Protocol == api.OIDC {
		if granted, err = l.Plugin.PendingGrant(ctx, proved.data); err != nil {
			return nil, err
		}
	} else {
		granted, _ = ssoplugin.Grant(p.Admission, proved.roles)
	}
	return ssoplugin.Effects(p.Admission, now, &granted), nil
}

// whyAway looks for the reason why the server cannot use an identity provider: it asks the provider itself, as the server
// would. Where it finds none, the error stays.
func (l *Linker) whyAway(ctx context.Context, f Facts, err error) error {
	e, ok := asError(err)
	if !ok || e.Why != "server-idp-away" || f.Provider.Endpoint == "" {
		return err
	}
	c := client(f)
	meta, found := c.Inspect(ctx)
	if found == nil {
		found = meta.ServerRefuses(f.Provider)
	}
	if found == nil || ctx.Err() != nil {
		return err
	}
	return found
}
