package ssoplugin

import (
	"cmp"
	"context"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
)

// PendingGrant says what a sign-in gives to the account, after Relay and before Authenticate. It is for a sign-in that
// PendingName can tell of. Errors: CodeUnsupported, CodeSignInExpired.
func (p *Plugin) PendingGrant(ctx context.Context, state secret.Value) (api.Granted, error) {
	if err := allowed(p.Capabilities().NameBeforeWrite, ""); err != nil {
		return api.Granted{}, err
	}
	var granted *api.Granted
	err := p.pending(ctx, func(key string, e pendingEntry) bool {
		if subtle.ConstantTimeCompare([]byte(key), []byte(state.Reveal())) != 1 {
			return false
		}
		granted = &api.Granted{
			Administrator: e.Admin, Folders: e.Folders, LiveTV: e.EnableLiveTV, LiveTVManagement: e.EnableLiveTVManagement,
		}
		return true
	})
	switch {
	case err != nil:
		return api.Granted{}, err
	case granted == nil:
		return api.Granted{}, signInExpired(nil)
	}
	return *granted, nil
}

// roleRefused says that a person was refused for want of a role, if that is what an answer to a callback means. Only the
// settings tell which roles there are.
func (p *Plugin) roleRefused(ctx context.Context, s Started, resp *jellyfin.Response) error {
	if resp.Status != http.StatusUnauthorized && resp.Status != http.StatusForbidden {
		return nil
	}
	if !p.Capabilities().ReadConfig.OK {
		if resp.Status != http.StatusUnauthorized {
			return nil
		}
		return &api.Error{
			Code: api.CodeSignInRefused, Why: "role-hidden", Params: map[string]string{"provider": s.Provider}, Err: resp.Err(),
		}
	}
	facts, err := p.Provider(ctx, s.Protocol, s.Provider)
	if err != nil || len(facts.Admission.Roles) == 0 {
		return nil //nolint:nilerr // the refusal itself is told
	}
	a := facts.Admission
	e := &api.Error{
		Code: api.CodeSignInRefused, Why: "role-missing", Err: resp.Err(), Params: map[string]string{
			"provider": s.Provider, "roles": strings.Join(a.Roles, ", "), "claim": cmp.Or(a.RoleClaim, "–"),
		},
	}
	if a.RoleClaim == "" {
		e.Why = "role-claimless"
	}
	return e
}
