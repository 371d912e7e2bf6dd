package link_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/link"
)

// signsIn signs a person in to Jellyfin by an OIDC provider, as the web client's login page does.
func (w *world) signsIn(t *testing.T, provider, login string) {
	t.Helper()
	client := &http.Client{
		Transport:     unpooled,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	send := func(r *http.Request, err error) *http.Response {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", `MediaBrowser Client="web", Device="web", DeviceId="web", Version="1"`)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	const sso = "/sso/OID/"
	begun := send(http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL()+sso+"start/"+provider, nil))
	back, err := visitor.New().Choose(t.Context(), begun.Header.Get("Location"), login)
	if resp := send(back, err); resp.StatusCode != http.StatusOK {
		t.Fatalf("the callback answers %s", resp.Status)
	}
	body, err := json.Marshal(map[string]string{
		"DeviceID": "web", "DeviceName": "web", "AppName": "web", "AppVersion": "1", "Data": back.URL.Query().Get("state"),
	})
	if err != nil {
		t.Fatal(err)
	}
	in := send(http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+sso+"Auth/"+provider, strings.NewReader(string(body))))
	if in.StatusCode != http.StatusOK {
		t.Fatalf("signing in answers %s", in.Status)
	}
}

// TestUndoOfALinkThatWasRekeyed: the fork turned the link by user name into one by subject. Undo says so, removes nothing by
// itself, and the link that it names can be removed.
func TestUndoOfALinkThatWasRekeyed(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, demo.Options{Fork: true}, api.CredentialAdmin)
	account := w.account(t, "kids")
	linked, err := w.Link(t.Context(), api.LinkRequest{
		UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: demo.NewcomerLogin,
	}, person{})
	if err != nil {
		t.Fatal(err)
	}
	undo := func(why api.Why) *api.Error {
		t.Helper()
		_, err := w.Undo(t.Context(), linked.ID)
		e, ok := errors.AsType[*api.Error](err)
		if !ok || e.Code != api.CodeChangeNotUndoable || e.Why != why {
			t.Fatalf("undo: %v, want %s", err, why)
		}
		return e
	}
	w.signsIn(t, demo.Authelia, demo.NewcomerLogin)
	now := w.account(t, "kids").Identities
	if len(now) != 1 || now[0].Name == demo.NewcomerLogin {
		t.Fatalf("the fork has left %v", now)
	}
	e := undo("undo-rekeyed")
	if e.Params["now"] != now[0].Name || e.Params["name"] != demo.NewcomerLogin || e.Params["account"] != "kids" {
		t.Errorf("told %v", e.Params)
	}
	if left := w.account(t, "kids").Identities; len(left) != 1 {
		t.Fatalf("undo has removed a link that nobody named: %v", left)
	}
	removed, err := w.Remove(t.Context(), link.RemoveRequest{Links: []api.Link{{Identity: now[0], UserID: account.ID}}}, quiet)
	if err != nil || removed[0].State != api.ChangeConfirmed {
		t.Fatalf("%+v, %v", removed, err)
	}
	undo("undo-unlinked")
	if _, err := w.Undo(t.Context(), removed[0].ID); err != nil { // now the journal knows it, so it is no candidate
		t.Fatal(err)
	}
	undo("undo-unlinked")
}
