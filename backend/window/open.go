package window

import (
	"sync"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/roster"
)

// openServer is the server that is open, with its roster. A lock is taken in the order openServer, lastSeen, tasks.
type openServer struct {
	seen *lastSeen

	mu       sync.Mutex
	closed   bool
	requests int      // how many requests to open a server were made
	ahead    *opening // what is being opened before the page asks for it
	now      openState
}

// openState is what belongs to one session. The zero value means that no server is open.
type openState struct {
	session *backend.Session
	demo    *backend.Demo // the session's demo world; nil for a stored server
	index   *roster.Index // the roster that is shown; nil until it was read
	partial bool          // index is of a roster that is still being read
	// prefetched is what was read before the page asked for it. Each part is nil once the page has it.
	prefetched struct{ roster, providers *opening }
	readings   int // how many readings of the roster have begun
	shown      int // which of them index is from
}

// end ends what was read ahead for the session.
func (o *openState) end(seen *lastSeen) {
	o.prefetched.roster.end()
	if o.demo != nil {
		seen.drop(o.session)
	}
}

// nextRequest numbers a request to open a server. The latest request wins, however long each takes.
func (o *openServer) nextRequest() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests++
	return o.requests
}

// current returns the open session and its demo world; nil if no server is open or if it is not a demo.
func (o *openServer) current() (*backend.Session, *backend.Demo) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now.session, o.now.demo
}

// show makes a session the open one, and returns the demo world that was open before, for the caller to close. It does
// nothing and returns false if a later request was made, or the window was closed.
func (o *openServer) show(request int, s *backend.Session, world *backend.Demo) (before *backend.Demo, ok bool) {
	o.mu.Lock()
	if o.closed || request != o.requests {
		o.mu.Unlock()
		return nil, false
	}
	left, ahead := o.now, o.ahead
	o.now, o.ahead = openState{session: s, demo: world}, nil
	o.mu.Unlock()
	left.end(o.seen)
	ahead.end()
	return left.demo, true
}

// replace puts a session in the place of another one of the same server, and reports whether that one was still open. What
// was read is dropped: the credential may be another account's, which sees other things.
func (o *openServer) replace(before, now *backend.Session) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now.session != before {
		return false
	}
	o.now = openState{session: now}
	return true
}

// leave closes a stored server if it is open or being opened ahead, and reports whether it was open.
func (o *openServer) leave(deviceID string) bool {
	var left openState
	var ahead *opening
	o.mu.Lock()
	if o.now.demo == nil && o.now.session != nil && o.now.session.Entry().DeviceID == deviceID {
		left, o.now = o.now, openState{}
	}
	if o.ahead != nil && o.ahead.device == deviceID {
		ahead, o.ahead = o.ahead, nil
	}
	o.mu.Unlock()
	left.end(o.seen)
	ahead.end()
	return left.session != nil
}

// close closes the open server for good, and returns its demo world for the caller to close.
func (o *openServer) close() *backend.Demo {
	o.mu.Lock()
	left, ahead := o.now, o.ahead
	o.closed, o.now, o.ahead = true, openState{}, nil
	o.mu.Unlock()
	left.end(o.seen)
	ahead.end()
	return left.demo
}

// openAhead notes a server that is being opened before the page asks for it. It returns false if the window was closed.
func (o *openServer) openAhead(p *opening) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.ahead = p
	return true
}

// claim returns what was opened ahead if it is the server with this name, once. It stays in ahead until it is shown, so that
// leaving the server or closing the window ends it.
func (o *openServer) claim(name string) *opening {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ahead == nil || o.ahead.name != name || o.ahead.claimed.Swap(true) {
		return nil
	}
	return o.ahead
}

// removeAhead removes an opening that is about to be shown or has failed.
func (o *openServer) removeAhead(p *opening) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ahead == p {
		o.ahead = nil
	}
}

// prefetch keeps an opening for what it reads, and reports whether its session is still the open one.
func (o *openServer) prefetch(p *opening) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now.session != p.session {
		return false
	}
	o.now.prefetched.roster, o.now.prefetched.providers = p, p
	return true
}

// prefetchedProviders returns the opening that has read the providers, once; nil if there is none.
func (o *openServer) prefetchedProviders() *opening {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.now.prefetched.providers
	o.now.prefetched.providers = nil
	return p
}

// roster returns the index that is shown, or nil. If there is none yet, it returns the opening that reads one ahead, once,
// and the number of that reading for show.
func (o *openServer) roster() (ix *roster.Index, ahead *opening, reading int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ahead = o.now.prefetched.roster
	o.now.prefetched.roster = nil
	return o.now.index, ahead, o.now.readings
}

// index returns the index that is shown; nil if the roster must be read first.
func (o *openServer) index() *roster.Index {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now.index
}

// beginReading numbers a reading of the roster, and drops what was read before.
func (o *openServer) beginReading() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now.prefetched.roster, o.now.prefetched.providers = nil, nil
	o.now.readings++
	return o.now.readings
}

// showRoster shows what a session's reading gave, unless a later reading is shown already. It returns the index that is
// shown.
func (o *openServer) showRoster(s *backend.Session, reading int, ix *roster.Index) *roster.Index {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now.session != s {
		return ix
	}
	if reading < o.now.shown && o.now.index != nil && !o.now.partial {
		return o.now.index
	}
	o.now.shown, o.now.index, o.now.partial = reading, ix, false
	o.seen.markFirst(s, ix.Seen())
	if o.now.demo == nil {
		o.seen.save(s, ix.Seen())
	}
	return ix
}

// showPartial shows what a session's reading gave so far, and reports whether it did. A roster that was read to its end stays.
func (o *openServer) showPartial(s *backend.Session, reading int, ix *roster.Index) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now.session != s || reading < o.now.shown || o.now.index != nil && !o.now.partial {
		return false
	}
	o.now.shown, o.now.index, o.now.partial = reading, ix, true
	return true
}

// dropRoster makes the next call read the roster.
func (o *openServer) dropRoster() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now.index, o.now.partial = nil, false
}

// dropPartial is dropRoster if the roster that is shown was not read to its end.
func (o *openServer) dropPartial() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now.partial {
		o.now.index, o.now.partial = nil, false
	}
}

// markSeen makes the roster that is shown the one that changes are marked against.
func (o *openServer) markSeen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now.index != nil && !o.now.partial {
		o.seen.mark(o.now.session, o.now.index.Seen())
	}
}
