package server

import (
	"net/http"

	"github.com/jellybind/jellybind/backend/api"
)

// flavourK0lin is K0lin/jellyfin-plugin-sso 5.0.0.0, the fork whose wiki describes linking.
func flavourK0lin() flavour {
	f := classic()
	f.name, f.pluginVersion, f.setsPassword, f.blankMeansDefault = api.FlavourK0lin, "5.0.0.0", true, true
	f.unregister = func(_ *Server, u *user, authProvider string) {
		u.policy.AuthenticationProviderId = authProvider
		u.save()
	}
	f.unregisterNoUser = func(*call) answer { return value(http.StatusNotFound, "User not found") }
	return f
}
