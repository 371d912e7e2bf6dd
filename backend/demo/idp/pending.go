package idp

import (
	"crypto/rand"
	"sync"
	"time"
)

// Sign-ins that nobody finishes are dropped after pendingLife, and the oldest one when there are more than pendingMost: a
// provider that runs for days must not grow with every closed tab. What one sign-in can bring, a state or a relay state, is
// bounded by maxBody; a signed AuthnRequest is some 5 kB.
const (
	pendingLife = 15 * time.Minute
	pendingMost = 1000
	maxBody     = 64 << 10 // bytes
)

// pending holds what waits for somebody, under a random key. It is safe for concurrent use.
type pending[T any] struct {
	now  func() time.Time
	life time.Duration

	mu    sync.Mutex
	items map[string]waiting[T]
	order []string // keys, oldest first; may name keys that are gone
}

type waiting[T any] struct {
	value T
	until time.Time
}

func newPending[T any](now func() time.Time, life time.Duration) *pending[T] {
	return &pending[T]{now: now, life: life, items: make(map[string]waiting[T])}
}

// add keeps value under a new random key and returns the key.
func (p *pending[T]) add(value T) string {
	key := rand.Text()
	p.put(key, value)
	return key
}

// put keeps value under key.
func (p *pending[T]) put(key string, value T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for len(p.order) > 0 {
		oldest, ok := p.items[p.order[0]]
		if ok && len(p.order) < pendingMost && now.Before(oldest.until) {
			break
		}
		delete(p.items, p.order[0])
		p.order = p.order[1:]
	}
	p.items[key] = waiting[T]{value: value, until: now.Add(p.life)}
	p.order = append(p.order, key)
}

// get returns what waits under key.
func (p *pending[T]) get(key string) (T, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lookup(key)
}

// take returns what waits under key and forgets it: the second one to ask gets nothing.
func (p *pending[T]) take(key string) (T, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	value, ok := p.lookup(key)
	delete(p.items, key)
	return value, ok
}

func (p *pending[T]) lookup(key string) (T, bool) {
	item, ok := p.items[key]
	if !ok || !p.now().Before(item.until) {
		var none T
		return none, false
	}
	return item.value, true
}
