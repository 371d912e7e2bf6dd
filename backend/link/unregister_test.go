package link_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/link"
)

// TestOwnAccountIsNotUnregistered: that would end the session that has to write the links again.
func TestOwnAccountIsNotUnregistered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	own := w.account(t, demo.AdminName)
	id := api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "a/b"}
	w.Server().AddLink(api.Link{Identity: id, UserID: own.ID})
	before := w.account(t, demo.AdminName).Identities
	_, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: id, UserID: own.ID}}, ViaUnregister: true,
	}, quiet)
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeUnsupported || e.Params["next"] != "other-administrator" {
		t.Errorf("removing: %v", err)
	}
	if _, err := w.Unregister(t.Context(), own.ID, defaultProvider); !api.IsCode(err, api.CodeUnsupported) {
		t.Errorf("unregistering: %v", err)
	}
	if after := w.account(t, demo.AdminName).Identities; !slices.Equal(after, before) {
		t.Errorf("it has %v, want %v", after, before)
	}
}
