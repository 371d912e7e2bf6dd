package journal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/jellybind/jellybind/backend/api"
)

// openRuns finds the runs whose last line says that they are open. It looks only at the lines of runs.
func openRuns(data []byte) []api.Run {
	var order []string
	last := map[string]api.Run{}
	for at := 0; ; {
		i := bytes.Index(data[at:], runMark)
		if i < 0 {
			break
		}
		start := bytes.LastIndexByte(data[:at+i], '\n') + 1
		end := len(data)
		if n := bytes.IndexByte(data[at+i:], '\n'); n >= 0 {
			end = at + i + n
		}
		if e, ok := decode(data[start:end]); ok && e.run != nil {
			if _, known := last[e.run.ID]; !known {
				order = append(order, e.run.ID)
			}
			last[e.run.ID] = e.run.Run
		}
		at = end
	}
	var open []api.Run
	for _, id := range slices.Backward(order) {
		if last[id].State == api.RunOpen {
			open = append(open, last[id])
		}
	}
	return open
}

const defaultLimit = 100

// Page returns a part of a server's history, newest first. Runs have their changes only where the query names an account: the
// account's. A page costs what lies between it and the end of the file, or the page before it.
func (j *Journal) Page(_ context.Context, server string, q api.HistoryQuery) (api.HistoryPage, error) {
	page, err := j.page(server, q)
	if errors.Is(err, errDamaged) {
		w, done, err := j.walkPast(server)
		if err != nil {
			return page, err
		}
		defer done()
		return j.fill(w, q, q.Before)
	}
	return page, err
}

func (j *Journal) page(server string, q api.HistoryQuery) (api.HistoryPage, error) {
	w, done, err := j.walk(server)
	if err != nil {
		return api.HistoryPage{}, err
	}
	defer done()
	j.mu.Lock()
	old := j.walks[server]
	delete(j.walks, server)
	j.mu.Unlock()
	if old != nil && q.Before != "" && old.cursor == q.Before && old.query == filterOf(q) && old.size == w.size {
		old.lines.r, w = w.lines.r, old
		return j.fill(w, q, "")
	}
	return j.fill(w, q, q.Before)
}

// filterOf is what of a query chooses entries.
func filterOf(q api.HistoryQuery) api.HistoryQuery {
	q.Before, q.Limit = "", 0
	return q
}

// fill takes a page's entries from a walk, those after the entry with the id after.
func (j *Journal) fill(w *walk, q api.HistoryQuery, after string) (api.HistoryPage, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	page := api.HistoryPage{Entries: []api.HistoryEntry{}}
	if w.ahead != nil {
		page.Entries, w.ahead = append(page.Entries, *w.ahead), nil
	}
	for {
		e, err := w.next()
		if errors.Is(err, io.EOF) {
			return page, nil
		}
		if err != nil {
			return page, err
		}
		if after != "" {
			w.stands(e)
			if e.id() == after {
				after = ""
			}
			continue
		}
		shown, err := w.show(e, q)
		if err != nil {
			return page, err
		}
		switch {
		case shown == nil:
		case len(page.Entries) == limit:
			w.ahead, w.cursor, w.query = shown, idOf(page.Entries[limit-1]), filterOf(q)
			page.Next = w.cursor
			j.mu.Lock()
			j.walks[w.server] = w
			j.mu.Unlock()
			return page, nil
		default:
			page.Entries = append(page.Entries, *shown)
		}
	}
}

func idOf(e api.HistoryEntry) string {
	if e.Run != nil {
		return e.Run.ID
	}
	return e.Change.ID
}

// show returns an entry as the page has it, or nil where the query leaves it out.
func (w *walk) show(e entry, q api.HistoryQuery) (*api.HistoryEntry, error) {
	stands := w.stands(e)
	if e.run == nil {
		if !matches(e.change, q) {
			return nil, nil
		}
		e.change.Undoable = stands
		return &api.HistoryEntry{Change: &e.change}, nil
	}
	run := e.run.Run
	if filterOf(q) == (api.HistoryQuery{}) {
		return &api.HistoryEntry{Run: &run}, nil
	}
	changes, err := w.changes(e.run)
	if err != nil {
		return nil, err
	}
	matching := slices.DeleteFunc(slices.Clone(changes), func(c api.Change) bool { return !matches(c, q) })
	if len(matching) == 0 {
		return nil, nil
	}
	if q.UserID != "" {
		run.Changes = matching
	}
	return &api.HistoryEntry{Run: &run}, nil
}

// matches reports whether a query without Before and Limit asks for a change.
func matches(c api.Change, q api.HistoryQuery) bool {
	at := func(id api.Identity) bool {
		return (q.Protocol == "" || id.Protocol == q.Protocol) && (q.Provider == "" || id.Provider == q.Provider)
	}
	return (q.UserID == "" || c.UserID == q.UserID || c.FromID == q.UserID) &&
		(q.Kind == "" || c.Kind == q.Kind) && (q.State == "" || c.State == q.State) &&
		(q.Protocol == "" && q.Provider == "" || slices.ContainsFunc(c.Identities, at))
}
