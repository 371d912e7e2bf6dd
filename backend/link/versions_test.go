package link_test

import (
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/link"
)

// TestMainJobOnEachJellyfin links, verifies, removes, undoes, moves and unregisters on each version of Jellyfin with each
// flavour. The other tests of this package run on 10.11 alone.
func TestMainJobOnEachJellyfin(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", server.Jellyfin12} {
		for _, flavour := range demo.Flavours() {
			for _, as := range []api.CredentialKind{api.CredentialAdmin, api.CredentialKey} {
				t.Run(string(flavour)+" "+version+" "+string(as), func(t *testing.T) {
					t.Parallel()
					w := newWorldOf(t, demo.Options{Flavour: flavour, Jellyfin: version}, as)
					w.typed(flavour)
					mainJob(t, w)
				})
			}
		}
	}
}

func mainJob(t *testing.T, w *world) {
	t.Helper()
	maria, bastian := w.account(t, demo.TourName), w.account(t, "bastian")
	confirmed := func(what string, c api.Change, err error) api.Change {
		t.Helper()
		if err != nil || c.State != api.ChangeConfirmed {
			t.Fatalf("%s: %+v, %v", what, c, err)
		}
		return c
	}
	has := func(user api.Account, id api.Identity, want bool) {
		t.Helper()
		if got := slices.Contains(w.account(t, user.Name).Identities, id); got != want {
			t.Errorf("%s has %v: %t", user.Name, id, got)
		}
	}
	newcomer := person{login: demo.NewcomerLogin}
	for provider, protocol := range map[string]api.Protocol{demo.Authelia: api.OIDC, demo.ADFS: api.SAML} {
		id := w.identity(protocol, provider)
		req := api.LinkRequest{UserID: maria.ID, Protocol: protocol, Provider: provider}
		if _, direct := w.Plugin.Capabilities().DirectWrite(); direct.OK && !w.Plugin.Capabilities().PostLink.OK &&
			!w.Plugin.Capabilities().NameBeforeWrite.OK && protocol == api.OIDC {
			req.Strategy, req.Name = api.StrategySubject, id.Name // this key cannot link by signing in
		}
		change, err := w.Link(t.Context(), req, newcomer)
		linked := confirmed("linking", change, err)
		has(maria, id, true)
		if req.Strategy == "" {
			v, err := w.Verify(t.Context(), link.VerifyRequest{Protocol: protocol, Provider: provider}, newcomer)
			if err != nil || v.Account.ID != maria.ID || v.Identity != id {
				t.Errorf("verifying: %+v, %v", v, err)
			}
		}
		if w.Plugin.Capabilities().MoveFrom("", maria.ID, id.Name).OK {
			change, err = w.Link(t.Context(), api.LinkRequest{
				UserID: bastian.ID, Protocol: protocol, Provider: provider, Strategy: api.StrategySubject, Name: id.Name, Move: true,
			}, newcomer)
			moved := confirmed("moving", change, err)
			has(bastian, id, true)
			change, err = w.Undo(t.Context(), moved.ID)
			confirmed("undoing the move", change, err)
			has(maria, id, true)
		}
		remove := link.RemoveRequest{Links: []api.Link{{Identity: id, UserID: maria.ID}}}
		remove.ViaUnregister = w.CheckRemoval(w.account(t, maria.Name), remove) != nil
		removed, err := w.Remove(t.Context(), remove, quiet)
		if err != nil {
			t.Fatal(err)
		}
		has(maria, id, false)
		change, err = w.Undo(t.Context(), removed[0].ID)
		confirmed("undoing the removal", change, err)
		has(maria, id, true)
		if _, err = w.Undo(t.Context(), linked.ID); err == nil {
			has(maria, id, false)
		} else if able := w.Plugin.Capabilities().RemoveLink("", maria.ID, id.Name); able.OK {
			t.Errorf("undoing the link: %v", err)
		}
	}
	priya := w.account(t, "priya")
	change, err := w.Unregister(t.Context(), priya.ID, defaultProvider)
	if !w.Plugin.Capabilities().UnregisterKept {
		if whyOf(err) != "unregister-nothing" {
			t.Errorf("unregistering: %+v, %v", change, err)
		}
		return
	}
	confirmed("unregistering", change, err)
	change, err = w.Undo(t.Context(), change.ID)
	confirmed("undoing that", change, err)
	if after := w.account(t, "priya"); after.AuthProvider != priya.AuthProvider || len(after.Identities) != len(priya.Identities) {
		t.Errorf("priya was %+v, is %+v", priya, after)
	}
}
