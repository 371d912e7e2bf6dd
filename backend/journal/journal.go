// Package journal remembers every change before and after it is made, so that a person can prove what was done, see what
// was cut short, and undo it.
//
// Each server has one file of JSON lines. A change is written first as "intended", and again under the same id with how it
// ended; the last line of an id counts. A change that stays "intended" was cut short, or the server's answer was lost: whether
// the server stored it is not known until the roster is read. Lines are only appended and synced, so a crash can tear only the
// last one, which is dropped. Other lines that are no change were damaged by somebody or something else: they are set aside,
// and Damaged tells of them. The journal holds names and ids, never a secret.
package journal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	memory map[string][]api.Change // without a folder
	alone  map[string]chan struct{}
	left   map[string]int // damaged lines that could not be set aside
}

// Open returns the journal in a folder, which is made at the first write. An empty dir keeps the journal in memory.
func Open(dir string, now func() time.Time) *Journal {
	return &Journal{
		dir: dir, now: now,
		memory: make(map[string][]api.Change), alone: make(map[string]chan struct{}), left: make(map[string]int),
	}
}

// Intend writes down a change that is about to be made, and returns it with ID, Time and State set. If it fails, nothing may
// be changed on the server.
func (j *Journal) Intend(ctx context.Context, c api.Change) (api.Change, error) {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return c, fmt.Errorf("making an id: %w", err)
	}
	c.ID, c.Time, c.State = hex.EncodeToString(id[:]), j.now().UTC(), api.ChangeIntended
	return c, j.append(ctx, c)
}

// Finish writes down how a change ended.
func (j *Journal) Finish(ctx context.Context, c api.Change) error { return j.append(ctx, c) }

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

// Changes returns a server's changes, newest first.
//
// A change is undone while a later change that undoes it stands: when that one is undone in turn, this one stands again. So
// the states of changes that were undone are worked out here, and not stored.
func (j *Journal) Changes(_ context.Context, server string) ([]api.Change, error) {
	lines, err := j.read(server)
	if err != nil {
		return nil, err
	}
	last := make(map[string]int, len(lines))
	var changes []api.Change
	for _, c := range lines {
		if i, ok := last[c.ID]; ok {
			changes[i] = c
			continue
		}
		last[c.ID] = len(changes)
		changes = append(changes, c)
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
	changes, err := j.Changes(ctx, server)
	if err != nil {
		return api.Change{}, err
	}
	var found []api.Change
	for _, c := range changes {
		if c.ID == id {
			return c, nil
		}
		if len(id) >= 4 && len(c.ID) > len(id) && c.ID[:len(id)] == id {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return api.Change{}, &api.Error{Code: api.CodeChangeNotFound, Params: map[string]string{"id": id}}
	}
	return found[0], nil
}

func (j *Journal) path(server string) (string, error) {
	for _, r := range server {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' {
			return "", fmt.Errorf("unusable server id %q", server)
		}
	}
	if server == "" {
		return "", errors.New("empty server id")
	}
	return filepath.Join(j.dir, server+".jsonl"), nil
}

func (j *Journal) append(ctx context.Context, c api.Change) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dir == "" {
		j.memory[c.Server] = append(j.memory[c.Server], c)
		return nil
	}
	line, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding a change: %w", err)
	}
	path, err := j.path(c.Server)
	if err != nil {
		return err
	}
	if err := appendLine(ctx, path, line); err != nil {
		return unwritable(err)
	}
	return nil
}

func unwritable(err error) error {
	return &api.Error{Code: api.CodeInternal, Why: "journal", Err: err}
}

func appendLine(ctx context.Context, path string, line []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock := flock.New(path + ".lock")
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, lockPace); err != nil {
		return fmt.Errorf("locking: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if end, err = endLine(f, end); err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return errors.Join(err, f.Truncate(end))
	}
	return f.Sync()
}

func (j *Journal) read(server string) ([]api.Change, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dir == "" {
		return slices.Clone(j.memory[server]), nil
	}
	path, err := j.path(server)
	if err != nil {
		return nil, err
	}
	content, err := readFile(path)
	if err != nil || len(content.damaged) == 0 {
		return content.changes, err
	}
	j.left[server] = 0
	if err := setAside(path); err != nil { // such as in a folder that cannot be written: the lines stay where they are
		j.left[server] = len(content.damaged)
	}
	return content.changes, nil
}
