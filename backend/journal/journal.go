// Package journal remembers every change before and after it is made, so that a person can prove what was done, see what
// was cut short, and undo it.
//
// Each server has one file of JSON lines, and a folder with a file for each run of many changes, of which the main file has
// only the beginning and the end. A change is written first as "intended", and again under the same id with how it ended; the
// last line of an id counts. A change that stays "intended" was cut short, or the server's answer was lost: whether the server
// stored it is not known until the roster is read. Lines are only appended and synced, so a crash can tear only the last one,
// which is dropped. Other lines that are no change were damaged by somebody or something else: they are set aside, and Damaged
// tells of them. The journal holds names and ids, never a secret.
package journal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/jellybind/jellybind/backend/api"
)

// How long to wait for another process, and how often to try its lock.
const (
	lockTimeout   = 5 * time.Second // while it writes a line
	changeTimeout = time.Minute     // while it changes links, which is slow if the server restarts meanwhile
	lockPace      = 20 * time.Millisecond
)

// Journal is safe for concurrent use, also by several processes.
type Journal struct {
	dir string
	now func() time.Time

	mu     sync.Mutex
	memory map[string][]byte // the files, without a folder
	alone  map[string]chan struct{}
	left   map[string]int   // damaged lines that could not be set aside
	walks  map[string]*walk // by server: where the last page ended
}

// Open returns the journal in a folder, which is made at the first write. An empty dir keeps the journal in memory.
func Open(dir string, now func() time.Time) *Journal {
	return &Journal{
		dir: dir, now: now,
		memory: make(map[string][]byte), alone: make(map[string]chan struct{}), left: make(map[string]int),
		walks: make(map[string]*walk),
	}
}

// Intend writes down a change that is about to be made, and returns it with ID, Time and State set. If it fails, nothing may
// be changed on the server. A change with Run set is added to that run.
func (j *Journal) Intend(ctx context.Context, c api.Change) (api.Change, error) {
	id, err := newID()
	if err != nil {
		return c, err
	}
	if c.Run != "" {
		id = c.Run + "-" + id
	}
	c.ID, c.Time, c.State = id, j.now().UTC(), api.ChangeIntended
	return c, j.Finish(ctx, c)
}

func newID() (string, error) {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", fmt.Errorf("making an id: %w", err)
	}
	return hex.EncodeToString(id[:]), nil
}

// Finish writes down how a change ended.
func (j *Journal) Finish(ctx context.Context, c api.Change) error {
	path, err := j.path(c.Server)
	if err == nil && c.Run != "" {
		path, err = j.runPath(c.Server, c.Run)
	}
	if err != nil {
		return err
	}
	c.Undoable = false
	line, err := joined([]api.Change{c})
	if err != nil {
		return fmt.Errorf("encoding a change: %w", err)
	}
	return j.appendTo(ctx, c.Server, path, line)
}

// Alone waits until no other Jellybind on this computer, window or command, changes links on the server; done ends the turn.
// The plugin takes a provider's links as a whole: if two processes read, change and write them at once, one overwrites what the
// other wrote. If the lock file cannot be written, the journal could not be written either, and nothing is changed.
//
// Errors: CodeServerBusy after a minute, CodeCancelled, CodeInternal.
func (j *Journal) Alone(ctx context.Context, server string) (done func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	if j.dir == "" {
		done, err = j.aloneHere(waiting, server)
	} else {
		done, err = j.aloneByFile(waiting, server)
	}
	switch {
	case err == nil:
		return done, nil
	case ctx.Err() != nil:
		return nil, &api.Error{Code: api.CodeCancelled, Err: ctx.Err()}
	case waiting.Err() != nil:
		return nil, &api.Error{Code: api.CodeServerBusy, Err: waiting.Err()}
	}
	return nil, unwritable(err)
}

func (j *Journal) aloneHere(ctx context.Context, server string) (done func(), err error) {
	j.mu.Lock()
	turn, ok := j.alone[server]
	if !ok {
		turn = make(chan struct{}, 1)
		j.alone[server] = turn
	}
	j.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (j *Journal) aloneByFile(ctx context.Context, server string) (done func(), err error) {
	path, err := j.path(server)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(path, ".jsonl")
	// The process that waits holds next, so that a process that changes many links, and asks again at once, cannot overtake it.
	next := flock.New(base + ".next.lock")
	defer func() { _ = next.Close() }()
	turn := flock.New(base + ".changing.lock")
	for _, lock := range []*flock.Flock{next, turn} {
		if _, err := lock.TryLockContext(ctx, lockPace); err != nil {
			return nil, fmt.Errorf("locking: %w", err)
		}
	}
	return func() { _ = turn.Close() }, nil
}

// Changes returns a server's changes, newest first; the changes of a run in its place, but for the ones that were never begun
// because the run was stopped before.
//
// A change is undone while a later change that undoes it stands: when that one is undone in turn, this one stands again. So
// the states of changes that were undone are worked out here, and not stored.
func (j *Journal) Changes(_ context.Context, server string) ([]api.Change, error) {
	lines, err := j.readMain(server)
	if err != nil {
		return nil, err
	}
	last := make(map[string]int, len(lines))
	var entries []entry
	for _, e := range lines {
		if i, ok := last[e.id()]; ok {
			entries[i] = e
			continue
		}
		last[e.id()] = len(entries)
		entries = append(entries, e)
	}
	var changes []api.Change
	for _, e := range entries {
		if e.run == nil {
			changes = append(changes, e.change)
			continue
		}
		of, err := j.readRun(server, e.run.ID)
		if err != nil {
			return nil, err
		}
		changes = append(changes, slices.DeleteFunc(of, func(c api.Change) bool {
			return e.run.State == api.RunStopped && c.State == api.ChangeIntended && c.Error == ""
		})...)
	}
	slices.Reverse(changes)
	follow(changes)
	return changes, nil
}

// follow sets the state of each change that has been undone, from the newest to the oldest.
func follow(newestFirst []api.Change) {
	undone := map[string]bool{} // by a change that stands; false: all of them were undone in turn
	for i := range newestFirst {
		c := &newestFirst[i]
		if stands, known := undone[c.ID]; known {
			c.State = api.ChangeConfirmed
			if stands {
				c.State = api.ChangeUndone
			}
		}
		if c.Undoes != "" && (c.State == api.ChangeConfirmed || c.State == api.ChangeUndone) {
			undone[c.Undoes] = undone[c.Undoes] || c.State == api.ChangeConfirmed
		}
	}
}

// Change returns one change by its id or an unambiguous beginning of it, or CodeChangeNotFound.
func (j *Journal) Change(ctx context.Context, server, id string) (api.Change, error) {
	missing := &api.Error{Code: api.CodeChangeNotFound, Params: map[string]string{"id": id}}
	if run := runOf(id); run != "" {
		r, err := j.Run(ctx, server, run)
		if err != nil {
			return api.Change{}, err
		}
		if i := slices.IndexFunc(r.Changes, func(c api.Change) bool { return c.ID == id }); i >= 0 {
			return r.Changes[i], nil
		}
		return api.Change{}, missing
	}
	e, err := j.find(server, id, func(e entry) bool { return e.run == nil })
	if err != nil {
		return api.Change{}, err
	}
	if e == nil {
		return api.Change{}, missing
	}
	return e.change, nil
}

func unwritable(err error) error {
	return &api.Error{Code: api.CodeInternal, Why: "journal", Err: err}
}
