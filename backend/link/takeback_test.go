package link_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/roster"
)

// TestTwoLinksAtOnce: if the account gains two identities between two reads, it is not known which one signed in.
func TestTwoLinksAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	account := w.account(t, demo.TourName)
	w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/OID/Link/") {
			w.Server().AddLink(api.Link{
				Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "another"}, UserID: account.ID,
			})
		}
		return false
	}, "")
	change, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
		person{login: demo.NewcomerLogin})
	if !api.IsCode(err, api.CodeHalfDone) || len(change.Identities) != 2 || change.State != api.ChangeFailed {
		t.Errorf("%+v, %v", change, err)
	}
}

// TestAnotherIdentityThanTheConfirmedOne: somebody who knows the state can sign in first; what the account gained goes back.
func TestAnotherIdentityThanTheConfirmedOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ owned, meddled bool }{
		"nobody's": {}, "somebody's": {owned: true},
		"nobody's, with a warning": {meddled: true}, "somebody's, with a warning": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, owned := newWorld(t, api.FlavourK0lin, api.CredentialAdmin), c.owned
			if c.meddled {
				w.Plugin = meddled{w.Plugin}
			}
			account, owner := w.account(t, demo.TourName), w.account(t, "priya")
			other := api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "other"}
			if owned {
				w.Server().AddLink(api.Link{Identity: other, UserID: owner.ID})
			}
			w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "/OID/Link/") {
					return false
				}
				w.Server().AddLink(api.Link{Identity: other, UserID: account.ID})
				rw.WriteHeader(http.StatusNoContent)
				return true
			}, "")
			change, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
				person{login: demo.NewcomerLogin})
			want := api.CodeSignInInvalid
			if owned {
				want = api.CodeLinkOwned
			}
			if !api.IsCode(err, want) || !strings.Contains(err.Error(), "other") || strings.Contains(err.Error(), "could not") ||
				change.State != api.ChangeFailed {
				t.Errorf("%+v, %v", change, err)
			}
			o := roster.Owner(w.roster(t), other)
			if owned != (o != nil) || owned && o.ID != owner.ID {
				t.Errorf("it opens %+v", o)
			}
		})
	}
}

// TestPuttingBackIsReadBack: a server that answers success and stores nothing is detected.
func TestPuttingBackIsReadBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	w.intercepting(yesTo(http.MethodPost, "/Preprovision/"), "")
	account := w.account(t, demo.TourName)
	_, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
		person{login: "jonas"})
	if !api.IsCode(err, api.CodeHalfDone) || whyOf(err) != "removed-only" {
		t.Errorf("got %v", err)
	}
}

// TestPuttingBackWhatDELETECannotAddress: Unregister is used, also while the server restarts. The account keeps its other
// links, or the error names them.
func TestPuttingBackWhatDELETECannotAddress(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"whole": false, "the others are lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
			account, owner := w.account(t, "tomas"), w.account(t, "priya")
			id := api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "https://idp.example/u/1"}
			w.Server().AddLink(api.Link{Identity: id, UserID: owner.ID})
			starting := failing("/Preprovision/oid/"+demo.Keycloak+"/"+owner.ID, http.StatusServiceUnavailable)
			w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
				if starting(rw, r) {
					return true
				}
				if lost && strings.Contains(r.URL.Path, "/Preprovision/") && strings.HasSuffix(r.URL.Path, account.ID) {
					rw.WriteHeader(http.StatusInternalServerError)
					return true
				}
				if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "/OID/Link/") {
					return false
				}
				w.Server().AddLink(api.Link{Identity: id, UserID: account.ID})
				rw.WriteHeader(http.StatusNoContent)
				return true
			}, "")
			change, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Keycloak},
				person{login: demo.NewcomerLogin})
			code, left := api.CodeLinkOwned, account.Identities
			if lost {
				code, left = api.CodeHalfDone, nil
			}
			if !api.IsCode(err, code) || whyOf(err) != "put-back" ||
				change.State != api.ChangeFailed ||
				lost != strings.Contains(err.Error(), "because links-lost") || lost != strings.Contains(err.Error(), account.Identities[0].Name) {
				t.Errorf("got %v, %+v", err, change)
			}
			if o := roster.Owner(w.roster(t), id); o == nil || o.ID != owner.ID {
				t.Errorf("it opens %+v", o)
			}
			if after := w.account(t, "tomas").Identities; len(after) != len(left) {
				t.Errorf("tomas has %v, want %v", after, left)
			}
		})
	}
}

// TestAnOrphansIdentityIsNotPutBack: its account is deleted, and the error names the account that has the identity now.
func TestAnOrphansIdentityIsNotPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	id := w.identity(api.OIDC, demo.Authelia)
	gone := strings.Repeat("ab", 16)
	w.Server().AddLink(api.Link{Identity: id, UserID: gone})
	account := w.account(t, demo.TourName)
	_, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
		person{login: demo.NewcomerLogin})
	if !api.IsCode(err, api.CodeLinkOwned) || whyOf(err) != "put-nowhere" {
		t.Errorf("got %v", err)
	}
	if o := roster.Owner(w.roster(t), id); o != nil {
		t.Errorf("it opens %+v", o)
	}
}
