package link_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
)

// TestServerStoresAndFails: a server that stores a write and answers 5xx, or not at all, has made the change. Reading back
// shows it, the journal confirms it, and it can be undone.
func TestServerStoresAndFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flavour api.Flavour
		as      api.CredentialKind
		write   string // the request that fails
	}{
		"9p4 by sign-in":  {api.Flavour9p4, api.CredentialAdmin, "POST /OID/Link/"},
		"K0lin by config": {api.FlavourK0lin, api.CredentialKey, "POST /OID/Add/"},
		"Flowfin by name": {api.FlavourFlowfin, api.CredentialKey, "POST /Preprovision/"},
		"Flowfin unseen":  {api.FlavourFlowfin, api.CredentialAdmin, "POST /OID/Link/"},
	} {
		for _, status := range []int{0, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable} {
			t.Run(name+" "+strconv.Itoa(status), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, c.flavour, c.as)
				req := api.LinkRequest{UserID: w.account(t, demo.TourName).ID, Protocol: api.OIDC, Provider: demo.Authelia}
				if strings.Contains(c.write, "Preprovision") {
					req.Strategy, req.Name = api.StrategySubject, "somebody"
				}
				w.answer = status
				w.intercepting(nil, c.write)
				change, err := w.Link(t.Context(), req, person{login: demo.NewcomerLogin})
				w.intercepting(nil, "")
				if err != nil || change.State != api.ChangeConfirmed || len(change.Identities) != 1 {
					t.Fatalf("%+v, %v", change, err)
				}
				if o := roster.Owner(w.roster(t), change.Identities[0]); o == nil || o.Name != demo.TourName {
					t.Errorf("it opens %+v", o)
				}
				if c.as == api.CredentialKey && c.flavour == api.FlavourFlowfin {
					return // an API key cannot remove a single link there
				}
				if _, err := w.Undo(t.Context(), change.ID); err != nil {
					t.Errorf("undo: %v", err)
				}
			})
		}
	}
}

// TestServerRemovesAndFails: the same for a removal. 9p4 and K0lin answer 500 for a name that is not linked, too.
func TestServerRemovesAndFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flavour api.Flavour
		as      api.CredentialKind
		write   string
	}{
		"9p4":       {api.Flavour9p4, api.CredentialAdmin, "DELETE /Link/"},
		"K0lin":     {api.FlavourK0lin, api.CredentialAdmin, "DELETE /Link/"},
		"K0lin key": {api.FlavourK0lin, api.CredentialKey, "POST /Add/"},
		"Flowfin":   {api.FlavourFlowfin, api.CredentialAdmin, "DELETE /Link/"},
	} {
		for _, status := range []int{0, http.StatusInternalServerError, http.StatusGatewayTimeout} {
			t.Run(name+" "+strconv.Itoa(status), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, c.flavour, c.as)
				noah := w.account(t, "noah")
				gone := api.Link{Identity: noah.Identities[0], UserID: noah.ID}
				w.answer = status
				w.intercepting(nil, c.write)
				changes, err := w.Remove(t.Context(), link.RemoveRequest{Links: []api.Link{gone}}, quiet)
				w.intercepting(nil, "")
				if err != nil || len(changes) != 1 || changes[0].State != api.ChangeConfirmed {
					t.Fatalf("%+v, %v", changes, err)
				}
				if slices.Contains(w.account(t, "noah").Identities, gone.Identity) {
					t.Error("the link is still there")
				}
				if _, err := w.Undo(t.Context(), changes[0].ID); err != nil {
					t.Errorf("undo: %v", err)
				}
				if !slices.Contains(w.account(t, "noah").Identities, gone.Identity) {
					t.Error("the link did not come back")
				}
			})
		}
	}
}

// TestServerFailsAndStoresNothing: a whole answer of 5xx and a link that is not there mean that the change failed. Without an
// answer the write may still arrive, so the change stays intended and can be undone once it has arrived.
func TestServerFailsAndStoresNothing(t *testing.T) {
	t.Parallel()
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourFlowfin} {
		for status, state := range map[int]api.ChangeState{
			http.StatusInternalServerError: api.ChangeFailed,
			http.StatusServiceUnavailable:  api.ChangeFailed,
			http.StatusBadGateway:          api.ChangeIntended,
			0:                              api.ChangeIntended,
		} {
			t.Run(string(flavour)+" "+strconv.Itoa(status), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, flavour, api.CredentialAdmin)
				account := w.account(t, demo.TourName)
				w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "/OID/Link/") {
						return false
					}
					if status == 0 {
						panic(http.ErrAbortHandler)
					}
					http.Error(rw, "Error processing request.", status)
					return true
				}, "")
				change, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
					person{login: demo.NewcomerLogin})
				w.intercepting(nil, "")
				unknown := state == api.ChangeIntended
				if change.State != state || err == nil || unknown != api.IsCode(err, api.CodeOutcomeUnknown) {
					t.Fatalf("%+v, %v (%s)", change, err, api.CodeOf(err))
				}
				if !unknown || flavour == api.FlavourFlowfin { // the plugin does not say who signed in
					return
				}
				w.Server().AddLink(api.Link{Identity: change.Identities[0], UserID: account.ID})
				if _, err := w.Undo(t.Context(), change.ID); err != nil {
					t.Errorf("undo: %v", err)
				}
			})
		}
	}
}

// TestUnregisterIsDoneAndFails: a server that unregisters an account and answers 500 has done it.
func TestUnregisterIsDoneAndFails(t *testing.T) {
	t.Parallel()
	for _, flavour := range []api.Flavour{api.FlavourK0lin, api.FlavourFlowfin} {
		w := newWorld(t, flavour, api.CredentialAdmin)
		if err := w.Plugin.Unregister(t.Context(), "tomas", "Another.Provider"); err != nil {
			t.Fatal(err)
		}
		w.answer = http.StatusInternalServerError
		w.intercepting(nil, "POST /Unregister/")
		change, err := w.Unregister(t.Context(), w.account(t, "tomas").ID, defaultProvider)
		w.intercepting(nil, "")
		if err != nil || change.State != api.ChangeConfirmed {
			t.Errorf("%s: %+v, %v", flavour, change, err)
		}
	}
}

// TestUndoneRedoneAndUndoneAgain: the state of a change follows the last change.
func TestUndoneRedoneAndUndoneAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	account := w.account(t, demo.TourName)
	linked, err := w.Link(t.Context(), api.LinkRequest{
		UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "n",
	}, person{})
	if err != nil {
		t.Fatal(err)
	}
	undo := func(c api.Change) api.Change {
		t.Helper()
		undone, err := w.Undo(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return undone
	}
	is := func(want api.ChangeState, links int) {
		t.Helper()
		c, err := w.Journal.Change(t.Context(), w.ServerID, linked.ID)
		if n := len(w.account(t, demo.TourName).Identities); err != nil || c.State != want || n != links {
			t.Errorf("the link is %s, want %s; %d links, want %d; %v", c.State, want, n, links, err)
		}
	}
	is(api.ChangeConfirmed, 1)
	undone := undo(linked)
	is(api.ChangeUndone, 0)
	if _, err := w.Undo(t.Context(), linked.ID); !api.IsCode(err, api.CodeChangeNotUndoable) {
		t.Errorf("undoing what is undone: %v", err)
	}
	redone := undo(undone)
	is(api.ChangeConfirmed, 1)
	undo(redone) // undoing the redo takes the link back as well
	is(api.ChangeUndone, 0)
	undo(undone)
	is(api.ChangeConfirmed, 1)
	undo(linked)
	is(api.ChangeUndone, 0)
}
