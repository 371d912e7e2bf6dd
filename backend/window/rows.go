package window

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/jellybind/jellybind/backend/api"
)

// RowsAtHand answers GET /rows.json?QUERY, an api.RosterQuery as JSON, with its api.RosterPage; with 204 where the roster
// must first be read, for the page waits for the answer. The answer of a bound method comes through the browser engine's
// queue, behind the drawing of the letter that asked for it; with this one the rows are drawn together with their letter.
func (w *Window) RowsAtHand() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/rows.json" {
			http.NotFound(rw, r)
			return
		}
		w.mu.Lock()
		ix := w.index
		w.mu.Unlock()
		if ix == nil {
			rw.WriteHeader(http.StatusNoContent)
			return
		}
		var q api.RosterQuery
		text, err := url.QueryUnescape(r.URL.RawQuery)
		if err == nil {
			err = json.Unmarshal([]byte(text), &q)
		}
		if err != nil {
			http.Error(rw, "the query is no JSON", http.StatusBadRequest)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(rw).Encode(ix.Page(q)) // a page that is gone reads nothing
	})
}
