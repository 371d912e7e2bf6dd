package window_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
)

func TestLoadedRows(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	get := func(method, address string) *httptest.ResponseRecorder {
		got := httptest.NewRecorder()
		w.LoadedRows().ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), method, address, nil))
		return got
	}
	q := api.RosterQuery{Search: "ma ü&", Filter: api.FilterUnlinked, Limit: 50}
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
