package window_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

func TestRoster(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	s := w.startDemo(api.FlavourK0lin)
	if !s.Profile.Demo || s.Stored || len(s.DemoPeople) == 0 || s.Capabilities.Credential != api.CredentialAdmin {
		t.Errorf("the demo's session: %+v", s)
	}
	if len(w.stored()) != 0 {
		t.Error("the demo world was stored")
	}
	ctx := t.Context()
	p, err := w.RosterPage(ctx, api.RosterQuery{Search: "MARI", Limit: 10})
	p = must(w, p, err)
	if len(p.Rows) != 1 || p.Rows[0].Name != demo.TourName || p.Total != 1 || p.Counts.All < 24 {
		t.Errorf("searching: %+v", p)
	}
	row, err := w.Account(ctx, p.Rows[0].ID)
	if must(w, row, err).Name != demo.TourName {
		t.Errorf("the account %+v", row)
	}
	_, err = w.Account(ctx, "0000")
	w.refused(api.CodeUserNotFound, err)
	counts, err := w.RefreshRoster(ctx)
	if c := must(w, counts, err); c != p.Counts {
		t.Errorf("refreshing counts %+v, before %+v", c, p.Counts)
	}
	providers, err := w.Providers(ctx)
	if list := must(w, providers, err); len(list) != 4 {
		t.Errorf("%d providers", len(list))
	}
	for _, p := range providers {
		tested, err := w.TestProvider(ctx, p.Protocol, p.Name)
		if tested = must(w, tested, err); !tested.OK {
			t.Errorf("testing %s: %+v", p.Name, tested)
		}
	}
	_, err = w.TestProvider(ctx, api.OIDC, "nobody")
	w.refused(api.CodeProviderNotFound, err)
	kit, err := w.SelfService(ctx)
	if k := must(w, kit, err); !strings.HasSuffix(k.PageURL, "/SSOViews/linking") || !json.Valid([]byte(k.MenuLink)) {
		t.Errorf("self-service %+v", k)
	}
	if w.heard(api.EventProgress) == 0 {
		t.Error("reading the roster told no progress")
	}
}

func TestLoadedRows(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	get := func(method, address string) *httptest.ResponseRecorder {
		got := httptest.NewRecorder()
		w.LoadedRows().ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), method, address, nil))
		return got
	}
	q := api.RosterQuery{Search: "ma ü&", Filters: []api.RosterFilter{api.FilterUnlinked}, Limit: 50}
	text, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	rows := "/rows.json?" + url.PathEscape(string(text))
	if got := get(http.MethodGet, rows); got.Code != http.StatusNoContent {
		t.Errorf("no server is open, and it answers %d", got.Code)
	}
	w.startDemo(api.Flavour9p4)
	if got := get(http.MethodGet, rows); got.Code != http.StatusNoContent {
		t.Errorf("no roster was read, and it answers %d: the page would wait for the server", got.Code)
	}
	for _, q := range []api.RosterQuery{{Search: "ma", Limit: 50}, {Search: "ma ü&"}, {Sort: api.SortLinks, Offset: 3, Limit: 4}} {
		want, err := w.RosterPage(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		answer := get(http.MethodGet, "/rows.json?"+url.PathEscape(string(text)))
		var got api.RosterPage
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is answered %d, %v\n%+v\nnot as the bound method does:\n%+v", text, answer.Code, err, got, want)
		}
	}
	for address, want := range map[string]int{
		"/rows.json?{": http.StatusBadRequest, "/rows.json?%zz": http.StatusBadRequest, "/rows.json": http.StatusBadRequest,
		"/other": http.StatusNotFound,
	} {
		if got := get(http.MethodGet, address); got.Code != want {
			t.Errorf("%s: %d", address, got.Code)
		}
	}
	if got := get(http.MethodPost, rows); got.Code != http.StatusNotFound {
		t.Errorf("POST: %d", got.Code)
	}
}

// TestWatchAccount sees a link that comes from elsewhere, and tells the page once.
func TestWatchAccount(t *testing.T) {
	t.Parallel()
	ctx, d, w := t.Context(), world(t, demo.Options{Flavour: api.FlavourFlowfin}), newWindow(t)
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	maria := w.row(demo.TourName)
	watch := func(links, events int) {
		t.Helper()
		a, err := w.WatchAccount(ctx, maria.ID)
		if got := len(must(w, a, err).Identities); got != links || w.heard(api.EventRoster) != events {
			t.Errorf("%d links after %d events, want %d and %d", got, w.heard(api.EventRoster), links, events)
		}
	}
	before, told := len(maria.Identities), w.heard(api.EventRoster)
	watch(before, told)
	d.Server().AddLink(api.Link{Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "from-home"}, UserID: maria.ID})
	watch(before+1, told+1)
	watch(before+1, told+1)
	a, err := w.WatchAccount(ctx, strings.Repeat("0", 32))
	_, err = answered(w, a, err)
	w.refused(api.CodeUserNotFound, err)
}
