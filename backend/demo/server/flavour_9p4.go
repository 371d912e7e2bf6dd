package server

import (
	"net/http"
	"slices"

	"github.com/jellybind/jellybind/backend/api"
)

// flavour9p4 is 9p4/jellyfin-plugin-sso 4.0.0.4, archived, the one that most servers run.
func flavour9p4() flavour {
	f := classic()
	f.name, f.pluginVersion = api.Flavour9p4, "4.0.0.4"
	added := func(x field) bool { return slices.Contains(addedByK0lin, x.name) }
	f.oidcFields, f.samlFields = slices.DeleteFunc(f.oidcFields, added), slices.DeleteFunc(f.samlFields, added)
	// The plugin changes a copy of the account that nobody saves: it answers success and nothing happens.
	f.unregister = func(*Server, *user, string) {}
	f.unregisterNoUser = func(*call) answer { return failed(http.StatusInternalServerError) }
	return f
}
