package link_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// TestRemovingSeveralByUnregister: each removal writes the account's other links again, but not those that were just
// removed.
func TestRemovingSeveralByUnregister(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialKey)
	account := w.account(t, "tomas")
	if len(account.Identities) != 2 {
		t.Fatalf("tomas has %v", account.Identities)
	}
	extra := api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "stays"}
	w.Server().AddLink(api.Link{Identity: extra, UserID: account.ID})
	var req link.RemoveRequest
	req.ViaUnregister = true
	for _, id := range account.Identities {
		req.Links = append(req.Links, api.Link{Identity: id, UserID: account.ID})
	}
	changes, err := w.Remove(t.Context(), req, quiet)
	if err != nil || len(changes) != 2 {
		t.Fatalf("%v, %v", changes, err)
	}
	if left := w.account(t, "tomas").Identities; len(left) != 1 || left[0] != extra {
		t.Errorf("left: %v, want %v", left, extra)
	}
}

// TestUnregisterWithoutAnswer: on the detour to remove one link, the other links are written again, and the error says what
// the server has.
func TestUnregisterWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]int{"the answer is lost": 0, "500": http.StatusInternalServerError, "the request is lost": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, arrives := newWorld(t, api.FlavourFlowfin, api.CredentialKey), answer >= 0
			account := w.account(t, "tomas")
			left := account.Identities
			if arrives {
				left, w.answer = left[1:], answer
				w.intercepting(nil, "POST /Unregister/")
			} else {
				w.intercepting(cutting("/Unregister/", 1), "")
			}
			changes, err := w.Remove(t.Context(), link.RemoveRequest{
				Links: []api.Link{{Identity: account.Identities[0], UserID: account.ID}}, ViaUnregister: true,
			}, quiet)
			if arrives && err != nil || !arrives && (!api.IsCode(err, api.CodeOutcomeUnknown) ||
				whyOf(err) != "outcome-unknown") {
				t.Errorf("got %v", err)
			}
			if now := w.account(t, "tomas").Identities; !slices.Equal(now, left) {
				t.Errorf("left: %v, want %v", now, left)
			}
			for _, c := range slices.Concat(changes, w.changes(t)) {
				if arrives != (c.State == api.ChangeConfirmed) || arrives == (c.State == api.ChangeIntended) {
					t.Errorf("the journal says %+v", c)
				}
			}
		})
	}
}

// TestWhatCannotBeRemovedIsKnownBefore: nothing is removed where one of the names does not fit into the plugin's address.
func TestWhatCannotBeRemovedIsKnownBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	account := w.account(t, "tomas")
	for _, name := range []string{"a/b", ".."} {
		w.Server().AddLink(api.Link{
			Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: name}, UserID: account.ID,
		})
	}
	account = w.account(t, "tomas")
	var req link.RemoveRequest
	for _, id := range account.Identities {
		req.Links = append(req.Links, api.Link{Identity: id, UserID: account.ID})
	}
	told := w.CheckRemoval(account, req)
	changes, err := w.Remove(t.Context(), req, quiet)
	for _, err := range []error{told, err} {
		e, ok := errors.AsType[*api.Error](err)
		if !ok || e.Code != api.CodeUnsupported || e.Why != "name-in-path" || e.Params["next"] != "via-unregister" {
			t.Fatalf("got %v", err)
		}
		if names := strings.Split(e.Params["name"], ", "); len(names) != 2 || !slices.Contains(names, "a/b") || !slices.Contains(names, "..") {
			t.Errorf("named: %q", names)
		}
	}
	if left := w.account(t, "tomas").Identities; len(changes) != 0 || len(left) != len(account.Identities) {
		t.Errorf("%d changes, left %v", len(changes), left)
	}
	req.ViaUnregister = true
	if err := w.CheckRemoval(account, req); err != nil {
		t.Errorf("by the detour: %v", err)
	}
}

// TestRemovingTheOwnLastLink ends the session that would read the removal back. It is done all the same, and can be undone by
// the next credential.
func TestRemovingTheOwnLastLink(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		as     api.CredentialKind
		answer int // to the last removal; 0 passes the server's on
		cut    bool
	}{
		{as: api.CredentialUser},
		{as: api.CredentialAdmin},
		{as: api.CredentialUser, answer: http.StatusInternalServerError},
		{as: api.CredentialAdmin, answer: http.StatusBadGateway},
		{as: api.CredentialUser, cut: true},
	} {
		t.Run(fmt.Sprint(c.as, c.answer, c.cut), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, api.FlavourFlowfin, c.as)
			w.Server().AddLink(api.Link{
				Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "one-more"}, UserID: w.Self.ID,
			})
			var req link.RemoveRequest
			for _, id := range w.account(t, w.Self.Name).Identities {
				req.Links = append(req.Links, api.Link{Identity: id, UserID: w.Self.ID})
			}
			if c.answer != 0 || c.cut {
				w.lose, w.answer = "DELETE "+req.Links[len(req.Links)-1].Name, c.answer
			}
			changes, err := w.Remove(t.Context(), req, quiet)
			e, ok := errors.AsType[*api.Error](err)
			if !ok || e.Code != api.CodeCredentialRefused || e.Why != api.WhySignedOut {
				t.Errorf("told: %v", err)
			}
			last := changes[len(changes)-1]
			if len(changes) != len(req.Links) || last.State != api.ChangeConfirmed || last.Error != "" {
				t.Fatalf("changes: %+v", changes)
			}
			client := w.connect(t, w.World.URL(), w.APIKey())
			plugin, err := ssoplugin.Detect(t.Context(), client, api.CredentialKey, nil)
			if err != nil {
				t.Fatal(err)
			}
			next := link.Linker{
				Client: client, Plugin: plugin, Roster: &roster.Reader{Users: client, Links: plugin, Now: time.Now},
				ServerID: "demo", Journal: w.Journal, Now: time.Now,
			}
			undone, err := next.Undo(t.Context(), last.ID)
			if err != nil || undone.State != api.ChangeConfirmed {
				t.Errorf("undo: %+v, %v", undone, err)
			}
		})
	}
}

// TestMovingTheOwnLastLink would end the session before the link is written to the other account.
func TestMovingTheOwnLastLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	own := w.account(t, w.Self.Name).Identities
	if len(own) == 0 {
		own = []api.Identity{{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "own"}}
		w.Server().AddLink(api.Link{Identity: own[0], UserID: w.Self.ID})
	}
	for _, more := range own[1:] {
		if _, err := w.Remove(t.Context(), link.RemoveRequest{Links: []api.Link{{Identity: more, UserID: w.Self.ID}}}, quiet); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Link(t.Context(), api.LinkRequest{
		UserID: w.account(t, demo.TourName).ID, Protocol: own[0].Protocol, Provider: own[0].Provider, Name: own[0].Name,
		Strategy: api.StrategySubject, Move: true,
	}, person{})
	if !api.IsCode(err, api.CodeUnsupported) || whyOf(err) != "own-last-link" {
		t.Errorf("moving: %v", err)
	}
	if left := w.account(t, w.Self.Name).Identities; len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}
