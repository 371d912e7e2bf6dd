package link_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/secret"
)

// TestUnregisterMayOpenByName: of an account of a directory the server says that it has a password, and its name alone opens it
// once it signs in by Jellyfin's own provider.
func TestUnregisterMayOpenByName(t *testing.T) {
	t.Parallel()
	const directory = "Jellyfin.Plugin.LDAP_Auth.LdapAuthenticationProviderPlugin"
	for _, flavour := range []api.Flavour{api.FlavourK0lin, api.FlavourFlowfin} {
		w := newWorld(t, flavour, api.CredentialKey)
		for name, c := range map[string]struct {
			provider, password string
			unknown, may       bool
		}{
			"ldap":   {directory, "", true, true},
			"plugin": {api.AuthProviderPlugin, "pw", true, true},
			"made":   {api.AuthProviderPlugin, "", false, true},
			"own":    {api.AuthProviderDefault, "pw", false, false},
			"open":   {api.AuthProviderDefault, "", false, false}, // it opens by name already
		} {
			id := w.Server().AddUser(server.UserSpec{Name: name, Password: c.password, AuthProvider: c.provider})
			plan, err := w.PlanUnregister(t.Context(), id)
			if err != nil || plan.MayOpenByName(defaultProvider) != c.may || plan.MayOpenByName(directory) ||
				plan.PasswordUnknown != c.unknown || plan.NoPassword != (name == "open" || name == "made") {
				t.Errorf("%s %s: %+v, %v", flavour, name, plan, err)
			}
			if name != "ldap" {
				continue
			}
			if _, err := w.Unregister(t.Context(), id, defaultProvider); err != nil {
				t.Fatal(err)
			}
			if _, err := w.connect(t, w.World.URL(), secret.Value{}).SignIn(t.Context(), name, secret.Value{}); err != nil {
				t.Errorf("%s: the name alone does not open it: %v", flavour, err)
			}
		}
	}
}
