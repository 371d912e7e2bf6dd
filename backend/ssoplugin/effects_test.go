package ssoplugin_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// told returns remarks as text.
func told(remarks []api.Remark) []string {
	list := []string{}
	for _, r := range remarks {
		words := []string{string(r.Why)}
		for _, name := range slices.Sorted(maps.Keys(r.Params)) {
			words = append(words, name+"="+r.Params[name])
		}
		list = append(list, strings.Join(words, " "))
	}
	return list
}

func TestEffects(t *testing.T) {
	t.Parallel()
	const (
		folderA = "0c41907140d802bb58430fed7e2cd79e"
		folderB = "f137a2dd-21bb-c1b9-9aa5-c0f6bf02a805"
	)
	plain := api.Rights{Name: "maria", AllFolders: true, LiveTV: true, AuthProvider: api.AuthProviderDefault}
	admin := plain
	admin.Administrator, admin.LiveTVManagement, admin.Downloads = true, true, true
	narrow := plain
	narrow.AllFolders, narrow.Folders = false, []string{folderA}

	const everything = `"EnableAuthorization":true,"EnableAllFolders":true,"EnableLiveTv":true`
	for name, c := range map[string]struct {
		flavour  api.Flavour
		settings string
		now      api.Rights
		roles    []string // nil: not known
		want     []string
	}{
		"9p4 takes Live TV":            {api.Flavour9p4, ``, admin, nil, []string{"effect-live-tv-off", "effect-live-tv-manage-off"}},
		"9p4 leaves the rest":          {api.Flavour9p4, `"EnableLiveTv":true`, plain, nil, nil},
		"Flowfin leaves everything":    {api.FlavourFlowfin, ``, admin, nil, nil},
		"Flowfin sets rights":          {api.FlavourFlowfin, `"EnableAuthorization":true`, plain, nil, []string{"effect-folders n=0", "effect-live-tv-off"}},
		"no role makes administrators": {api.Flavour9p4, everything, admin, nil, []string{"effect-admin-off", "effect-live-tv-manage-off"}},
		"no claim brings roles":        {api.Flavour9p4, everything + `,"AdminRoles":["jf"]`, admin, nil, []string{"effect-admin-off", "effect-live-tv-manage-off"}},
		"a role keeps an administrator": {
			api.Flavour9p4, everything + `,"AdminRoles":["jf","op"],"RoleClaim":"groups","EnableLiveTvManagement":true`, admin, nil,
			[]string{"effect-admin-off-without claim=groups roles=jf, op"},
		},
		"a role makes one": {
			api.Flavour9p4, everything + `,"AdminRoles":["jf"],"RoleClaim":"groups"`, plain, nil,
			[]string{"effect-admin-on-with claim=groups roles=jf"},
		},
		"a role is there": {
			api.Flavour9p4, everything + `,"AdminRoles":["jf"],"RoleClaim":"groups"`, plain, []string{"jf"}, []string{"effect-admin-on"},
		},
		"case of roles": {
			api.Flavour9p4, everything + `,"AdminRoles":["JF"],"RoleClaim":"groups","EnableLiveTvManagement":true`, admin,
			[]string{"jf"},
			[]string{"effect-admin-off"},
		},
		"K0lin preserves an administrator": {
			api.FlavourK0lin, everything + `,"PreserveAdminPermissions":true,"EnableLiveTvManagement":true`, admin, []string{}, nil,
		},
		"all libraries":   {api.Flavour9p4, everything, narrow, nil, []string{"effect-folders-all"}},
		"the same ones":   {api.Flavour9p4, `"EnableAuthorization":true,"EnableLiveTv":true,"EnabledFolders":["` + folderA + `"]`, narrow, nil, nil},
		"other libraries": {api.Flavour9p4, `"EnableAuthorization":true,"EnableLiveTv":true,"EnabledFolders":["` + folderB + `"]`, narrow, nil, []string{"effect-folders n=1"}},
		"libraries by role": {
			api.Flavour9p4, `"EnableAuthorization":true,"EnableLiveTv":true,"EnableFolderRoles":true,"RoleClaim":"groups",` +
				`"FolderRoleMapping":[{"Role":" kids ","Folders":["` + folderB + `"]}]`, narrow, []string{"kids"}, []string{"effect-folders n=1"},
		},
		"libraries by a role not known": {
			api.Flavour9p4, `"EnableAuthorization":true,"EnableLiveTv":true,"EnableFolderRoles":true,"RoleClaim":"groups"`, narrow, nil,
			[]string{"effect-folders-roles claim=groups"},
		},
		"Live TV by role": {
			api.Flavour9p4, `"EnableLiveTvRoles":true,"LiveTvRoles":["tv"],"RoleClaim":"groups"`, plain, nil,
			[]string{"effect-live-tv-roles claim=groups roles=tv"},
		},
		"Live TV by a role that is there": {api.Flavour9p4, `"EnableLiveTvRoles":true,"LiveTvRoles":["tv"],"RoleClaim":"groups"`, plain, []string{"tv"}, nil},
		"K0lin's downloads":               {api.FlavourK0lin, `"EnableLiveTv":true,"EnableContentDownloading":true,"ApplyContentDownloadPermissionOnEveryLogin":true`, plain, nil, []string{"effect-downloads-on"}},
		"K0lin's downloads, at first":     {api.FlavourK0lin, `"EnableLiveTv":true,"EnableContentDownloading":true`, plain, nil, nil},
		"another sign-in provider":        {api.Flavour9p4, `"EnableLiveTv":true,"DefaultProvider":" X.Y "`, plain, nil, []string{"effect-auth-provider signIn=X.Y"}},
		"the same sign-in provider":       {api.Flavour9p4, `"EnableLiveTv":true,"DefaultProvider":"` + api.AuthProviderDefault + `"`, plain, nil, nil},
		"Flowfin renames and disables": {
			api.FlavourFlowfin, `"SyncUsernameFromProvider":true,"DisableAccountOnRoleDenied":true,"Roles":["jf"],"RoleClaim":"groups","AccountExpiryClaim":"until"`,
			plain, nil,
			[]string{"effect-renames", "effect-disables claim=groups roles=jf", "effect-expires claim=until"},
		},
		"Flowfin disables no administrator": {api.FlavourFlowfin, `"DisableAccountOnRoleDenied":true,"Roles":["jf"]`, admin, nil, nil},
		"Flowfin's other rights": {
			api.FlavourFlowfin, everything + `,"EnablePermissionRoles":true`, plain, nil, []string{"effect-other-rights"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := c.settings
			if settings == "" {
				settings = `"Enabled":true`
			}
			p, err := configured(t, c.flavour, api.OIDC, settings).Provider(t.Context(), api.OIDC, "idp")
			if err != nil {
				t.Fatal(err)
			}
			var granted *api.Granted
			if c.roles != nil {
				g, _ := ssoplugin.Grant(p.Admission, c.roles)
				granted = &g
			}
			got := told(ssoplugin.Effects(p.Admission, c.now, granted))
			if diff := cmp.Diff(append([]string{}, c.want...), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGrantAdmits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wanted, has []string
		want        bool
	}{
		"everybody": {nil, nil, true},
		"one":       {[]string{"a", "b"}, []string{"b"}, true},
		"case":      {[]string{"a"}, []string{"A"}, false},
		"none":      {[]string{"a"}, nil, false},
	} {
		if _, got := ssoplugin.Grant(api.Admission{Roles: c.wanted}, c.has); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
