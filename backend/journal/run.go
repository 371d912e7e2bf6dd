package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"github.com/jellybind/jellybind/backend/api"
)

// Begin writes down a run that is about to begin, with all its changes, and returns it with the ids set. Changes that have a
// State already keep it; the others are intended. If it fails, nothing may be changed on the server.
func (j *Journal) Begin(ctx context.Context, run api.Run) (api.Run, error) {
	id, err := newID()
	if err != nil {
		return run, err
	}
	run.ID, run.Time, run.State = id, j.now().UTC(), api.RunOpen
	for i := range run.Changes {
		c := &run.Changes[i]
		c.ID, c.Run, c.Time, c.Server, c.Undoable = id+"-"+strconv.Itoa(i+1), id, run.Time, run.Server, false
		if c.State == "" {
			c.State = api.ChangeIntended
		}
	}
	lines, err := joined(run.Changes)
	if err != nil {
		return run, fmt.Errorf("encoding changes: %w", err)
	}
	path, err := j.runPath(run.Server, id)
	if err != nil {
		return run, err
	}
	if err := j.appendTo(ctx, run.Server, path, lines); err != nil {
		return run, err
	}
	return run, j.writeRun(ctx, run)
}

// Settle writes down how some changes of a run ended.
func (j *Journal) Settle(ctx context.Context, server, run string, changes []api.Change) error {
	if len(changes) == 0 {
		return nil
	}
	endings := make([]ending, len(changes))
	for i, c := range changes {
		endings[i] = ending{c.ID, c.State, c.Error, c.Why, c.Params}
	}
	lines, err := joined(endings)
	if err != nil {
		return fmt.Errorf("encoding changes: %w", err)
	}
	path, err := j.runPath(server, run)
	if err != nil {
		return err
	}
	return j.appendTo(ctx, server, path, lines)
}

// End writes down that a run has ended, with its counts. A run that was stopped may end again, after it was resumed.
func (j *Journal) End(ctx context.Context, run api.Run) (api.Run, error) {
	run.Ended = j.now().UTC()
	return run, j.writeRun(ctx, run)
}

func (j *Journal) writeRun(ctx context.Context, run api.Run) error {
	line := runLine{Run: run}
	for _, c := range run.Changes {
		if c.Undoes != "" && (c.State == api.ChangeConfirmed || run.State == api.RunOpen && c.State == api.ChangeIntended) {
			if line.Of == nil {
				line.Of = map[string]int{}
			}
			if of := runOf(c.Undoes); c.State == api.ChangeConfirmed {
				line.Of[of]++
			} else {
				line.Of[of] += 0 // as long as the run is open, its file says which
			}
		}
	}
	line.Changes, line.Undoable = nil, false
	data, err := joined([]runLine{line})
	if err != nil {
		return fmt.Errorf("encoding a run: %w", err)
	}
	path, err := j.path(run.Server)
	if err != nil {
		return err
	}
	return j.appendTo(ctx, run.Server, path, data)
}

// Run returns a run with its changes, by its id or an unambiguous beginning of it, or CodeChangeNotFound.
func (j *Journal) Run(_ context.Context, server, id string) (api.Run, error) {
	var changes []api.Change
	w, e, err := j.search(server, id, func(e entry) bool { return e.run != nil })
	if err == nil && e == nil {
		err = &api.Error{Code: api.CodeChangeNotFound, Params: map[string]string{"id": id}}
	}
	if err != nil {
		return api.Run{}, err
	}
	if changes, err = w.changes(e.run); err != nil {
		return api.Run{}, err
	}
	run := e.run.Run
	run.Changes = slices.Clone(changes)
	return run, nil
}

// find returns the entry with an id, or with an unambiguous beginning of it, among the wanted ones; nil if there is none.
func (j *Journal) find(server, id string, wanted func(entry) bool) (*entry, error) {
	_, e, err := j.search(server, id, wanted)
	return e, err
}

// shortestID is how long a beginning of an id must be.
const shortestID = 4

func (j *Journal) search(server, id string, wanted func(entry) bool) (*walk, *entry, error) {
	w, done, err := j.walk(server)
	if err != nil {
		return nil, nil, err
	}
	defer func() { done() }()
	var found []entry
	for {
		e, err := w.next()
		switch {
		case errors.Is(err, errDamaged):
			done()
			if w, done, err = j.walkPast(server); err != nil {
				return nil, nil, err
			}
			found = nil
		case errors.Is(err, io.EOF):
			if len(found) == 1 {
				return w, &found[0], nil
			}
			return w, nil, nil
		case err != nil:
			return nil, nil, err
		case !wanted(e):
		case e.id() == id:
			return w, &e, nil
		case len(id) >= shortestID && strings.HasPrefix(e.id(), id):
			found = append(found, e)
		}
	}
}

// walk begins a walk at the end of a server's main file; done closes it.
func (j *Journal) walk(server string) (w *walk, done func(), err error) {
	path, err := j.path(server)
	if err != nil {
		return nil, nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	f, err := j.open(path)
	if err != nil {
		return nil, nil, err
	}
	return j.newWalk(server, f), func() { _ = f.Close() }, nil
}

// walkPast begins a walk after it has set damaged lines aside. It passes over the ones that stay.
func (j *Journal) walkPast(server string) (*walk, func(), error) {
	if _, err := j.readMain(server); err != nil {
		return nil, nil, err
	}
	w, done, err := j.walk(server)
	if err == nil {
		w.skip = true
	}
	return w, done, err
}

// OpenRuns returns the runs that have begun and not ended, newest first: one that is under way, or runs that were cut short.
func (j *Journal) OpenRuns(_ context.Context, server string) ([]api.Run, error) {
	path, err := j.path(server)
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	data, err := j.readAll(path)
	j.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return openRuns(data), nil
}

// Idle reports whether no Jellybind on this computer is changing links on the server.
func (j *Journal) Idle(server string) bool {
	if j.dir == "" {
		j.mu.Lock()
		defer j.mu.Unlock()
		return len(j.alone[server]) == 0
	}
	path, err := j.path(server)
	if err != nil {
		return true
	}
	turn := strings.TrimSuffix(path, ".jsonl") + ".changing.lock"
	if _, err := os.Stat(turn); err != nil {
		return true
	}
	lock := flock.New(turn)
	defer func() { _ = lock.Close() }()
	free, err := lock.TryLock()
	return free && err == nil
}
