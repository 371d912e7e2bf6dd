package window

import (
	"log/slog"
	"maps"
	"sync"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/seen"
)

// lastSeen knows the state in which the person has seen each server's accounts, so that the roster marks what has changed
// since.
type lastSeen struct {
	store      *seen.Store
	background func(func()) bool // see tasks.background

	writing sync.Mutex // held while a file is written or removed; taken before mu

	mu      sync.Mutex
	marked  map[string]accounts // what changes are marked against, by the profile's device id
	unsaved map[string]accounts // what is to be written, by the profile's device id
}

// accounts are digests of accounts by id; nil if none were seen.
type accounts struct {
	user    string // see onlySelf
	digests map[string]uint64
}

func newLastSeen(store *seen.Store, background func(func()) bool) *lastSeen {
	return &lastSeen{
		store: store, background: background, marked: make(map[string]accounts), unsaved: make(map[string]accounts),
	}
}

// onlySelf returns the user's id if the session sees no other account, and "" otherwise.
func onlySelf(s *backend.Session) string {
	if s.Kind == api.CredentialUser {
		return s.User.ID
	}
	return ""
}

// load reads what was seen in an earlier run, unless the server was open in this run. If it cannot be read, nothing is
// marked.
func (l *lastSeen) load(s *backend.Session) {
	key, user := s.Entry().DeviceID, onlySelf(s)
	l.mu.Lock()
	a, known := l.marked[key]
	l.mu.Unlock()
	if known && a.user == user {
		return
	}
	digests, err := l.store.Load(key, user)
	if err != nil {
		slog.Warn("reading which accounts were seen", "error", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marked[key] = accounts{user, digests}
}

// before returns the digests that changes are marked against.
func (l *lastSeen) before(s *backend.Session) map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.marked[s.Entry().DeviceID].digests
}

// mark makes later changes be marked against these digests.
func (l *lastSeen) mark(s *backend.Session, digests map[string]uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marked[s.Entry().DeviceID] = accounts{onlySelf(s), digests}
}

// accept makes some accounts seen as they are now, and reports whether that changed anything. now returns everybody's digests.
func (l *lastSeen) accept(s *backend.Session, ids []string, now func() map[string]uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := s.Entry().DeviceID
	marked := l.marked[key]
	if marked.digests == nil || len(ids) == 0 {
		return false
	}
	digests := maps.Clone(marked.digests)
	all := now()
	for _, id := range ids {
		if d, there := all[id]; there {
			digests[id] = d
		}
	}
	l.marked[key] = accounts{marked.user, digests}
	return true
}

// markFirst is mark for a server whose accounts were never seen before.
func (l *lastSeen) markFirst(s *backend.Session, digests map[string]uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := s.Entry().DeviceID; l.marked[key].digests == nil {
		l.marked[key] = accounts{onlySelf(s), digests}
	}
}

// save writes what was seen for the next run, in the background. If several calls wait, only the last one's digests are
// written.
func (l *lastSeen) save(s *backend.Session, digests map[string]uint64) {
	key := s.Entry().DeviceID
	l.mu.Lock()
	l.unsaved[key] = accounts{onlySelf(s), digests}
	l.mu.Unlock()
	l.background(func() {
		l.writing.Lock()
		defer l.writing.Unlock()
		l.mu.Lock()
		a, unsaved := l.unsaved[key]
		delete(l.unsaved, key)
		l.mu.Unlock()
		if !unsaved {
			return
		}
		if err := l.store.Save(key, a.user, a.digests); err != nil {
			slog.Warn("writing which accounts were seen", "error", err)
		}
	})
}

// drop ends the marks of a server that is gone, such as a demo world.
func (l *lastSeen) drop(s *backend.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.marked, s.Entry().DeviceID)
}

// forget removes what was seen of a server, including what waits to be written.
func (l *lastSeen) forget(deviceID string) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	delete(l.unsaved, deviceID)
	delete(l.marked, deviceID)
	l.mu.Unlock()
	return l.store.Forget(deviceID)
}
