package samlflow

import (
	"sync"
	"time"
)

// Replay remembers the assertions that were accepted, for as long as they are valid, so that none is accepted twice
// (SAML 2.0 Profiles, section 4.1.4.5). The zero value is ready; it is safe for concurrent use.
type Replay struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// first reports whether an assertion comes for the first time, and remembers it until then.
func (r *Replay) first(id string, now, until time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, t := range r.seen {
		if now.After(t) {
			delete(r.seen, k)
		}
	}
	if _, ok := r.seen[id]; ok {
		return false
	}
	if r.seen == nil {
		r.seen = map[string]time.Time{}
	}
	r.seen[id] = until
	return true
}
