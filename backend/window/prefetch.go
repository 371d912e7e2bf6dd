package window

import (
	"context"
	"sync/atomic"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/roster"
)

// opening is a server that is opened, and its roster read, before the page asks for it.
type opening struct {
	name, device string // the profile's name and device id
	cancel       context.CancelFunc
	taken        atomic.Bool // the page has asked for it

	opened  chan struct{} // closed when session and err are there
	session *backend.Session
	err     error

	read    chan struct{} // closed when index and readErr are there
	index   *roster.Index
	readErr error
}

// firsts is what was read ahead of the server that is open, as long as the page has not had it.
type firsts struct{ roster, providers *opening }

// OpenAhead begins to open the server that the page opens first, the default one, so that it answers while the browser
// engine starts; with many accounts that is half of the start. It goes as far as the order that the page shows first. It
// returns once it knows which server that is. What fails is told when the page asks.
func (w *Window) OpenAhead(ctx context.Context) {
	data, err := w.stored.Profiles.Load(ctx)
	if err != nil {
		return
	}
	first, err := data.Find("")
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	o := &opening{
		name: first.Name, device: first.DeviceID, cancel: cancel, opened: make(chan struct{}), read: make(chan struct{}),
	}
	w.ahead = o
	progress := func(p api.Progress) {
		if o.taken.Load() {
			w.emit(api.EventProgress, p)
		}
	}
	w.running.Go(func() {
		defer cancel()
		defer close(o.read)
		o.session, o.err = w.stored.Open(ctx, backend.Target{Name: o.name, Progress: progress})
		if o.err == nil {
			w.lastLook(o.session)
		}
		close(o.opened)
		if o.err == nil {
			o.index, o.readErr = w.readAhead(ctx, o.session, progress)
		}
	})
}

// opening returns what was opened ahead, once, if it is the server with this name.
func (w *Window) opening(name string) *opening {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.ahead
	if o == nil || o.name != name || o.taken.Swap(true) {
		return nil
	}
	return o // it stays in ahead until it is shown, so that leaving or closing ends it
}

// showOpening waits for what was opened ahead, and shows it.
func (w *Window) showOpening(ctx context.Context, number int, o *opening) (api.Session, error) {
	select {
	case <-o.opened:
	case <-ctx.Done():
	}
	w.mu.Lock()
	if w.ahead == o {
		w.ahead = nil
	}
	w.mu.Unlock()
	if ctx.Err() != nil {
		o.cancel()
		return api.Session{}, ctx.Err()
	}
	if o.err != nil {
		return api.Session{}, o.err
	}
	info, err := w.show(number, o.session, nil)
	if err != nil {
		o.cancel()
		return api.Session{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.session == o.session {
		w.first = firsts{roster: o, providers: o}
	} else {
		o.cancel()
	}
	return info, nil
}

func (w *Window) readAhead(ctx context.Context, s *backend.Session, progress func(api.Progress)) (*roster.Index, error) {
	r, err := s.Roster.Read(ctx, progress)
	if err != nil {
		return nil, err
	}
	ix := w.newIndex(s, r)
	if tag := w.stored.Language(); tag != "" { // else the page alone knows it
		ix.Page(api.RosterQuery{Sort: api.SortName, Language: loopback.Language(tag), Limit: 1})
	}
	return ix, nil
}

// wait waits for the roster that is read ahead.
func (o *opening) wait(ctx context.Context) (*roster.Index, error) {
	select {
	case <-o.read:
		return o.index, o.readErr
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
