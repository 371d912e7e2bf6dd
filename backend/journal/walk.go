package journal

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// walk goes through a server's main file from the newest entry to the oldest. What has become of an entry depends on later
// lines only, so it knows each entry's state when it comes to it.
//
// A change is undone while a later change that undoes it stands: when that one is undone in turn, it stands again. A run is
// undone while all that it made is. These states are worked out here, and not stored.
type walk struct {
	j      *Journal
	server string
	lines  backward
	size   int64 // of the file, when the walk began
	skip   bool  // over damaged lines

	last    map[string]entry // by id: the last lines of entries whose first one was not reached yet
	shown   map[string]bool  // the entries that next has returned
	orphans []entry          // at the end of the walk: entries without a first line
	ended   bool

	// Of pages: an entry that was read ahead, and which page asks for it.
	ahead  *api.HistoryEntry
	cursor string
	query  api.HistoryQuery

	undone map[string]bool       // changes that were undone, and whether a change that did so stands
	single map[string][]string   // of them, the ones of a run that changes of their own undid
	later  map[string][]*runLine // by a run's id: the later runs that take back some of its changes, with their states
	opened map[string][]api.Change

	standing Standing
	passed   []*runLine // runs that standing has not seen yet
	read     int        // changes of runs, for standing
}

var errDamaged = errors.New("a damaged line")

func (j *Journal) newWalk(server string, f file) *walk {
	return &walk{
		j: j, server: server, lines: backward{r: f, at: f.size}, size: f.size,
		last: map[string]entry{}, shown: map[string]bool{}, undone: map[string]bool{}, single: map[string][]string{},
		later: map[string][]*runLine{}, opened: map[string][]api.Change{},
	}
}

// next returns the entry before the last one, or io.EOF. errDamaged is for a line that must be set aside first.
func (w *walk) next() (entry, error) {
	for !w.ended {
		line, whole, err := w.lines.next()
		if errors.Is(err, io.EOF) {
			w.end()
			break
		}
		if err != nil {
			return entry{}, err
		}
		e, ok := decode(line)
		if !ok {
			if empty(line) || !whole && torn(line) || w.skip {
				continue
			}
			return entry{}, errDamaged
		}
		id := e.id()
		if w.shown[id] {
			continue
		}
		known, seen := w.last[id]
		if !seen {
			if known, err = w.resolve(e); err != nil {
				return entry{}, err
			}
		}
		if e.opens() {
			delete(w.last, id)
			w.shown[id] = true
			return known, nil
		}
		w.last[id] = known
	}
	if len(w.orphans) == 0 {
		return entry{}, io.EOF
	}
	e := w.orphans[0]
	w.orphans = w.orphans[1:]
	return e, nil
}

// end takes over the entries whose first line was lost.
func (w *walk) end() {
	w.ended = true
	for _, e := range w.last {
		w.orphans = append(w.orphans, e)
	}
	slices.SortFunc(w.orphans, func(a, b entry) int {
		if c := b.time().Compare(a.time()); c != 0 {
			return c
		}
		return strings.Compare(a.id(), b.id())
	})
}

// resolve sets an entry's state, and remembers what it does to older ones.
func (w *walk) resolve(e entry) (entry, error) {
	if e.run == nil {
		c := &e.change
		w.follow(c, w.undone)
		if c.Undoes != "" && (c.State == api.ChangeConfirmed || c.State == api.ChangeUndone) {
			w.mark(c.Undoes, c.State == api.ChangeConfirmed)
		}
		return e, nil
	}
	r := e.run
	n, err := w.taken(r)
	if err != nil {
		return e, err
	}
	if made := r.Made; made > 0 && n >= made {
		r.State = api.RunUndone
	}
	for of := range r.Of {
		if of == r.ID {
			continue
		}
		if of != "" {
			w.later[of] = append(w.later[of], r)
			continue
		}
		changes, err := w.changes(r)
		if err != nil {
			return e, err
		}
		for _, c := range changes {
			if c.Undoes != "" && runOf(c.Undoes) == "" && (c.State == api.ChangeConfirmed || c.State == api.ChangeUndone) {
				w.mark(c.Undoes, c.State == api.ChangeConfirmed)
			}
		}
	}
	return e, nil
}

// follow sets the state of a change that was undone.
func (w *walk) follow(c *api.Change, undone map[string]bool) {
	if stands, known := undone[c.ID]; known {
		c.State = api.ChangeConfirmed
		if stands {
			c.State = api.ChangeUndone
		}
	}
}

func (w *walk) mark(id string, stands bool) {
	if run := runOf(id); run != "" && !w.undone[id] && stands {
		w.single[run] = append(w.single[run], id)
	}
	w.undone[id] = w.undone[id] || stands
}

// taken counts the changes of a run that were taken back and not made again.
func (w *walk) taken(r *runLine) (int, error) {
	n := len(w.single[r.ID])
	for _, l := range w.later[r.ID] {
		switch {
		case l.State == api.RunUndone:
		case len(w.later[l.ID]) == 0 && len(w.single[l.ID]) == 0:
			n += l.Of[r.ID]
		default:
			changes, err := w.changes(l)
			if err != nil {
				return 0, err
			}
			for _, c := range changes {
				if c.State == api.ChangeConfirmed && runOf(c.Undoes) == r.ID {
					n++
				}
			}
		}
	}
	return n, nil
}

// changes reads a run's changes, with their states.
func (w *walk) changes(r *runLine) ([]api.Change, error) {
	if changes, ok := w.opened[r.ID]; ok {
		return changes, nil
	}
	changes, err := w.j.readRun(w.server, r.ID)
	if err != nil {
		return nil, err
	}
	w.opened[r.ID] = changes // a damaged journal may have runs that take back each other
	undone := map[string]bool{}
	for _, id := range w.single[r.ID] {
		undone[id] = true
	}
	for _, l := range w.later[r.ID] {
		takenBack, err := w.changes(l)
		if err != nil {
			return nil, err
		}
		for _, c := range takenBack {
			if runOf(c.Undoes) == r.ID && (c.State == api.ChangeConfirmed || c.State == api.ChangeUndone) {
				undone[c.Undoes] = undone[c.Undoes] || c.State == api.ChangeConfirmed
			}
		}
	}
	for i := range changes {
		w.follow(&changes[i], undone)
	}
	return changes, nil
}

// runOf returns the run that a change is a part of, by the change's id; empty for a change of its own.
func runOf(change string) string {
	run, _, found := strings.Cut(change, "-")
	if !found {
		return ""
	}
	return run
}
