package window

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// LoadedRows answers GET /rows.json?QUERY, an api.RosterQuery as JSON, with its api.RosterPage. It answers 204 if the roster
// must be read first, because the page waits for the answer. The answer of a bound method comes through the browser engine's
// queue, after the letter that asked for it was drawn. With this handler the letter and its rows are drawn together.
func (w *Window) LoadedRows() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/rows.json" {
			http.NotFound(rw, r)
			return
		}
		ix := w.server.index()
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
			http.Error(rw, "the query is not JSON", http.StatusBadRequest)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(rw).Encode(ix.Page(q)) // it fails if the page is gone
	})
}

// RosterPage returns a window of rows.
func (w *Window) RosterPage(ctx context.Context, q api.RosterQuery) (api.RosterPage, error) {
	ix, err := w.index(ctx)
	if err != nil {
		return api.RosterPage{}, err
	}
	return ix.Page(q), nil
}

// Account returns one account.
func (w *Window) Account(ctx context.Context, userID string) (api.RosterRow, error) {
	ix, err := w.index(ctx)
	if err != nil {
		return api.RosterRow{}, err
	}
	row, ok := ix.Row(userID)
	if !ok {
		return row, &api.Error{Code: api.CodeUserNotFound, Params: map[string]string{"user": userID}}
	}
	return row, nil
}

// WatchAccount reads one account's links, for a link that somebody else makes. If they differ from those that are shown, the
// roster is read and the page gets an event.
func (w *Window) WatchAccount(ctx context.Context, userID string) (api.Account, error) {
	ix, err := w.index(ctx)
	if err != nil {
		return api.Account{}, err
	}
	a, err := read(ctx, w, func(s *backend.Session) (api.Account, error) {
		r, err := s.Roster.Reread(ctx, ix.Roster(), userID)
		if err != nil {
			return api.Account{}, err
		}
		a := roster.Account(r, userID)
		if a == nil {
			return api.Account{}, &api.Error{Code: api.CodeUserNotFound, Params: map[string]string{"user": userID}}
		}
		return *a, nil
	})
	if shown, known := ix.Row(userID); err == nil && known && !slices.Equal(shown.Identities, a.Identities) {
		w.changed(ctx)
	}
	return a, err
}

// RefreshRoster reads the roster, and marks what has changed since the one that is shown.
func (w *Window) RefreshRoster(ctx context.Context) (api.RosterCounts, error) {
	w.server.markSeen()
	ix, err := w.refresh(ctx)
	if err != nil {
		return api.RosterCounts{}, err
	}
	return ix.Counts(), nil
}

// refresh reads the roster. Marks stay, but for those accounts that the person has changed, whose ids are given.
func (w *Window) refresh(ctx context.Context, own ...string) (*roster.Index, error) {
	ctx, done := w.tasks.reading(ctx)
	defer done()
	return read(ctx, w, func(s *backend.Session) (*roster.Index, error) {
		reading := w.server.beginReading()
		r, err := s.Roster.Stream(ctx, w.progress, func(r api.Roster) { w.showPartial(s, reading, r) })
		if err != nil {
			w.server.dropPartial()
			return nil, err
		}
		ix := roster.NewIndex(r, w.seen.before(s))
		if w.seen.accept(s, own, ix.Seen) {
			ix = roster.NewIndex(r, w.seen.before(s))
		}
		return w.server.showRoster(s, reading, ix), nil
	})
}

// showPartial shows a roster that is being read, and tells the page. It marks nothing as changed.
func (w *Window) showPartial(s *backend.Session, reading int, r api.Roster) {
	ix := roster.NewIndex(r, nil)
	if w.server.showPartial(s, reading, ix) {
		w.emit(api.EventRoster, ix.Counts())
	}
}

// index returns the roster's index, which may be of a roster that another call is still reading. The first call waits for the
// roster that was read ahead, or reads it.
func (w *Window) index(ctx context.Context) (*roster.Index, error) {
	ix, ahead, reading := w.server.roster()
	switch {
	case ahead == nil && ix != nil:
		return ix, nil
	case ahead == nil:
		return w.refresh(ctx)
	case ix != nil: // a part of what is read ahead; the page now has a call that waits for the rest
		w.emit(api.EventRoster, ix.Counts())
	}
	ctx, done := w.tasks.reading(ctx)
	defer done()
	ix, err := ahead.wait(ctx)
	if err != nil {
		w.server.dropPartial()
	}
	switch {
	case ctx.Err() != nil:
		ahead.cancel()
		return nil, ctx.Err()
	case api.IsCode(err, api.CodeCredentialRefused):
		return w.refresh(ctx)
	case err != nil:
		return nil, err
	}
	return w.server.showRoster(ahead.session, reading, ix), nil
}

// Changes returns the journal of the open server, newest first, of one account or of all.
func (w *Window) Changes(ctx context.Context, userID string) (api.History, error) {
	s, _, err := w.current()
	if err != nil {
		return api.History{}, err
	}
	changes, err := s.Linker.History(ctx)
	kept := []api.Change{}
	for _, c := range changes {
		if userID == "" || c.UserID == userID || c.FromID == userID {
			kept = append(kept, c)
		}
	}
	return api.History{Changes: kept, Damaged: s.Linker.Journal.Damaged(s.Server.ID)}, err
}
