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
	claimed      atomic.Bool // the page has asked for it

	opened  chan struct{} // closed when session and err are set
	session *backend.Session
	err     error

	read    chan struct{} // closed when index and readErr are set
	index   *roster.Index
	readErr error
}

// end cancels the opening. It may be nil.
func (o *opening) end() {
	if o != nil {
		o.cancel()
	}
}

// wait waits for the roster.
func (o *opening) wait(ctx context.Context) (*roster.Index, error) {
	select {
	case <-o.read:
		return o.index, o.readErr
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// OpenAhead starts to open the server that was open last, which the page asks for first, while the browser engine starts. With
// many accounts that saves half of the start. It also reads the roster and sorts it as the page shows it first. It returns once
// it knows which server that is. Errors are reported when the page asks.
func (w *Window) OpenAhead(ctx context.Context) {
	data, err := w.backend.Profiles.Load(ctx)
	if err != nil {
		return
	}
	first, err := data.LastUsed()
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	o := &opening{
		name: first.Name, device: first.DeviceID, cancel: cancel, opened: make(chan struct{}), read: make(chan struct{}),
	}
	begun := w.tasks.background(func() {
		defer cancel()
		w.open(ctx, o)
	})
	if !begun || !w.server.openAhead(o) {
		cancel()
	}
}

// open opens a server and reads its roster.
func (w *Window) open(ctx context.Context, o *opening) {
	defer close(o.read)
	progress := func(p api.Progress) {
		if o.claimed.Load() {
			w.emit(api.EventProgress, p)
		}
	}
	o.session, o.err = w.backend.Open(ctx, backend.Target{Name: o.name, Progress: progress})
	if o.err == nil {
		w.seen.load(o.session)
	}
	close(o.opened)
	if o.err == nil {
		o.index, o.readErr = w.readAhead(ctx, o.session, progress)
	}
}

// readAhead reads the roster, and sorts it by name as the page does first.
func (w *Window) readAhead(ctx context.Context, s *backend.Session, progress func(api.Progress)) (*roster.Index, error) {
	r, err := s.Roster.Stream(ctx, progress, func(r api.Roster) { w.showPartial(s, 0, r) })
	if err != nil {
		return nil, err
	}
	ix := roster.NewIndex(r, w.seen.before(s))
	if tag := w.backend.Language(); tag != "" { // else only the page knows it
		ix.Page(api.RosterQuery{Sort: api.SortName, Language: loopback.Language(tag), Limit: 1})
	}
	return ix, nil
}

// showOpening waits for a server that was opened ahead, and shows it.
func (w *Window) showOpening(ctx context.Context, request int, o *opening) (api.Session, error) {
	select {
	case <-o.opened:
	case <-ctx.Done():
	}
	w.server.removeAhead(o)
	if ctx.Err() != nil {
		o.cancel()
		return api.Session{}, ctx.Err()
	}
	if o.err != nil {
		return api.Session{}, o.err
	}
	info, err := w.show(request, o.session, nil)
	if err != nil {
		o.cancel()
		return api.Session{}, err
	}
	if !w.server.prefetch(o) {
		o.cancel()
	}
	return info, nil
}
