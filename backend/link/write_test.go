package link_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
)

// TestReadingBackFails: a write that was answered but cannot be read back stays intended. It can be undone once it is seen.
func TestReadingBackFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.Flavour9p4, api.CredentialAdmin)
	account := w.account(t, demo.TourName)
	w.intercepting(nil, "GET /oid/links/")
	change, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
		person{login: demo.NewcomerLogin})
	if !api.IsCode(err, api.CodeOutcomeUnknown) || whyOf(err) != "outcome-unknown" {
		t.Fatalf("got %v (%s)", err, api.CodeOf(err))
	}
	if got := w.changes(t); change.State != api.ChangeIntended || got[0].State != api.ChangeIntended {
		t.Errorf("the journal says %+v", got)
	}
	w.intercepting(nil, "")
	if len(w.account(t, demo.TourName).Identities) != 1 {
		t.Fatal("the server has not stored it")
	}
	if _, err := w.Undo(t.Context(), change.ID); err != nil {
		t.Errorf("undo: %v", err)
	}
	if left := w.account(t, demo.TourName).Identities; len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestRebuildingIsReadBack: the error names links that were dropped and could not be written again.
func TestRebuildingIsReadBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialKey)
	w.intercepting(yesTo(http.MethodPost, "/Preprovision/"), "")
	account := w.account(t, "tomas")
	gone, lost := account.Identities[0], account.Identities[1]
	_, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: gone, UserID: account.ID}}, ViaUnregister: true,
	}, quiet)
	if !api.IsCode(err, api.CodeHalfDone) || !strings.Contains(err.Error(), lost.Name) {
		t.Errorf("got %v, want %s in it", err, lost.Name)
	}
}

// TestRebuildingWhileTheServerRestarts: no link is lost while the server starts, asks for a pause and loads its plugins.
func TestRebuildingWhileTheServerRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialKey)
	account := w.account(t, "tomas")
	w.intercepting(failing("/Preprovision/", http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusNotFound), "")
	_, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: account.Identities[0], UserID: account.ID}}, ViaUnregister: true,
	}, quiet)
	if err != nil {
		t.Error(err)
	}
	if left := w.account(t, "tomas").Identities; !slices.Equal(left, account.Identities[1:]) {
		t.Errorf("left: %v", left)
	}
}

// TestMoveWithoutAnswer: on Flowfin a move takes two steps. If the answer to one of them is lost, the error says what the
// server has. While the server starts, the identity goes back to the account that had it.
func TestMoveWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(http.ResponseWriter, *http.Request) bool
		lose   string
		answer int // what is answered instead of the lost answer
		code   api.Code
	}{
		"removed":      {lose: "DELETE /Link/"},
		"removed, 500": {lose: "DELETE /Link/", answer: http.StatusInternalServerError},
		"stored":       {lose: "POST /Preprovision/"},
		"stored, 500":  {lose: "POST /Preprovision/", answer: http.StatusInternalServerError},
		"never stored": {before: cutting("/Preprovision/", 1), code: api.CodeLinkNotStored},
		"a restart": {
			before: failing("/Preprovision/", http.StatusServiceUnavailable, http.StatusServiceUnavailable),
			code:   api.CodeServerStarting,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
			taken := w.account(t, "noah").Identities[0]
			w.answer = c.answer
			w.intercepting(c.before, c.lose)
			change, err := w.Link(t.Context(), api.LinkRequest{
				UserID: w.account(t, demo.TourName).ID, Protocol: taken.Protocol, Provider: taken.Provider, Name: taken.Name,
				Strategy: api.StrategySubject, Move: true,
			}, person{})
			owner, state := "noah", api.ChangeFailed
			if c.code == "" {
				owner, state = demo.TourName, api.ChangeConfirmed
			}
			if api.CodeOf(err) != c.code || change.State != state {
				t.Errorf("got %v, %+v", err, change)
			}
			if o := roster.Owner(w.roster(t), taken); o == nil || o.Name != owner {
				t.Errorf("it opens %+v, want %s", o, owner)
			}
		})
	}
}

// TestMoveThatStopsHalfway: Flowfin moves an identity in two steps. When the second one fails, and the way back too, the
// error says that it opens no account, and undo gives it back.
func TestMoveThatStopsHalfway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	taken := w.account(t, "noah").Identities[0]
	w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/Preprovision/") {
			return false
		}
		http.Error(rw, "", http.StatusInternalServerError)
		return true
	}, "")
	change, err := w.Link(t.Context(), api.LinkRequest{
		UserID: w.account(t, demo.TourName).ID, Protocol: taken.Protocol, Provider: taken.Provider, Name: taken.Name,
		Strategy: api.StrategySubject, Move: true,
	}, person{})
	if !api.IsCode(err, api.CodeHalfDone) || whyOf(err) != "move-lost" {
		t.Errorf("got %v (%s)", err, api.CodeOf(err))
	}
	if o := roster.Owner(w.roster(t), taken); o != nil || change.State != api.ChangeIntended {
		t.Errorf("it opens %+v, %+v", o, change)
	}
	w.intercepting(nil, "")
	if _, err := w.Undo(t.Context(), change.ID); err != nil {
		t.Error(err)
	}
	if o := roster.Owner(w.roster(t), taken); o == nil || o.Name != "noah" {
		t.Errorf("afterwards it opens %+v", o)
	}
}

// TestLinkThatIsStoredAllTheSame: a link that was stored in spite of a warning can be undone.
func TestLinkThatIsStoredAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialKey)
	plugin := w.Plugin
	w.Plugin = meddled{plugin}
	account := w.account(t, demo.TourName)
	change, err := w.Link(t.Context(), api.LinkRequest{
		UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "n",
	}, person{})
	if !api.IsCode(err, api.CodeConfigChanged) || change.State != api.ChangeConfirmed {
		t.Errorf("%v, %+v", err, change)
	}
	w.Plugin = plugin
	if _, err := w.Undo(t.Context(), change.ID); err != nil {
		t.Errorf("undo: %v", err)
	}
}
