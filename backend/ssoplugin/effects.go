package ssoplugin

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// Grant works out what a person's roles give to the account, and whether the provider lets the person in at all.
func Grant(a api.Admission, roles []string) (g api.Granted, admitted bool) {
	has := func(wanted []string) bool {
		return slices.ContainsFunc(wanted, func(r string) bool { return slices.Contains(roles, r) })
	}
	g = api.Granted{
		Administrator: has(a.AdminRoles), Folders: slices.Clone(a.Folders),
		LiveTV: a.LiveTV || has(a.LiveTVRoles), LiveTVManagement: a.LiveTVManagement || has(a.LiveTVManagementRoles),
	}
	for _, role := range roles {
		g.Folders = append(g.Folders, a.FolderRoles[role]...)
	}
	return g, len(a.Roles) == 0 || has(a.Roles)
}

// Effects says what a sign-in through a provider changes in an account. granted is what the person's roles give, nil where that
// is not known: then the effects that depend on roles are said with the roles that they depend on. What the sign-in leaves as
// it is, is left out.
func Effects(a api.Admission, now api.Rights, granted *api.Granted) []api.Remark {
	var e effects
	if a.Rights {
		e.administrator(a, now, granted)
		e.folders(a, now, granted)
	}
	if a.SetsLiveTV {
		e.liveTV(a, now, granted)
	}
	if a.Downloads != nil {
		e.set(now.Downloads, *a.Downloads, "effect-downloads-on", "effect-downloads-off")
	}
	if a.OtherRights {
		e.add("effect-other-rights", nil)
	}
	if a.AuthProvider != "" && a.AuthProvider != now.AuthProvider {
		e.add("effect-auth-provider", map[string]string{"signIn": a.AuthProvider})
	}
	if a.Renames {
		e.add("effect-renames", nil)
	}
	if a.DisablesRefused && !now.Administrator && granted == nil {
		e.add("effect-disables", roleParams(a, a.Roles))
	}
	if a.ExpiryClaim != "" {
		e.add("effect-expires", map[string]string{"claim": a.ExpiryClaim})
	}
	return e
}

// effects is a list that grows.
type effects []api.Remark

func (e *effects) add(why api.Why, params map[string]string) {
	*e = append(*e, api.Remark{Why: why, Params: params})
}

// set says that a right changes, if it does.
func (e *effects) set(now, then bool, on, off api.Why) {
	switch {
	case then && !now:
		e.add(on, nil)
	case now && !then:
		e.add(off, nil)
	}
}

func (e *effects) administrator(a api.Admission, now api.Rights, granted *api.Granted) {
	switch {
	case granted != nil:
		e.set(now.Administrator, granted.Administrator || now.Administrator && a.KeepsAdministrator,
			"effect-admin-on", "effect-admin-off")
	case now.Administrator && a.KeepsAdministrator:
	case len(a.AdminRoles) == 0 || a.RoleClaim == "":
		e.set(now.Administrator, false, "", "effect-admin-off")
	case now.Administrator:
		e.add("effect-admin-off-without", roleParams(a, a.AdminRoles))
	default:
		e.add("effect-admin-on-with", roleParams(a, a.AdminRoles))
	}
}

func (e *effects) folders(a api.Admission, now api.Rights, granted *api.Granted) {
	if a.AllFolders {
		e.set(now.AllFolders, true, "effect-folders-all", "")
		return
	}
	if granted == nil && a.FolderRoles != nil {
		e.add("effect-folders-roles", map[string]string{"claim": cmp.Or(a.RoleClaim, "–")})
		return
	}
	then := a.Folders
	if granted != nil {
		then = granted.Folders
	}
	if now.AllFolders || !slices.Equal(ids(now.Folders), ids(then)) {
		e.add("effect-folders", map[string]string{"n": strconv.Itoa(len(ids(then)))})
	}
}

func (e *effects) liveTV(a api.Admission, now api.Rights, granted *api.Granted) {
	watch, manage := a.LiveTV, a.LiveTVManagement
	if granted != nil {
		watch, manage = granted.LiveTV, granted.LiveTVManagement
	}
	if granted == nil && !watch && len(a.LiveTVRoles) > 0 {
		e.add("effect-live-tv-roles", roleParams(a, a.LiveTVRoles))
	} else {
		e.set(now.LiveTV, watch, "effect-live-tv-on", "effect-live-tv-off")
	}
	if granted == nil && !manage && len(a.LiveTVManagementRoles) > 0 {
		e.add("effect-live-tv-manage-roles", roleParams(a, a.LiveTVManagementRoles))
	} else {
		e.set(now.LiveTVManagement, manage, "effect-live-tv-manage-on", "effect-live-tv-manage-off")
	}
}

// ids are ids in one form, in order, each once.
func ids(list []string) []string {
	out := make([]string, 0, len(list))
	for _, id := range list {
		out = append(out, normalID(id))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// roleParams are the facts of a sentence about roles.
func roleParams(a api.Admission, roles []string) map[string]string {
	return map[string]string{"roles": strings.Join(roles, ", "), "claim": cmp.Or(a.RoleClaim, "–")}
}
