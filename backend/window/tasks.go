package window

import (
	"context"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
)

// closing is how long Close, and whoever takes a sign-in away, waits for a write that has begun, so that the journal tells the
// truth and an account does not lose the links that are about to be written again. A server that is away may keep a write
// longer; what it was to write stands in the journal then, for Undo.
const closing = 30 * time.Second

// reading returns a context for what only reads, which ends with StopReading and Close as well; done gives it free.
func (w *Window) reading(ctx context.Context) (_ context.Context, done func()) {
	ctx, stop := context.WithCancel(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads[ctx] = stop
	if w.closed {
		stop()
	}
	return ctx, func() {
		w.mu.Lock()
		delete(w.reads, ctx)
		w.mu.Unlock()
		stop()
	}
}

// StopReading ends the looks at addresses, the openings and the readings of the roster that are under way; their calls end
// with CodeCancelled.
func (w *Window) StopReading() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopReading()
}

// stopReading is StopReading for a caller who holds mu.
func (w *Window) stopReading() {
	for _, stop := range w.reads {
		stop()
	}
}

// task is a change or a sign-in that is under way.
type task struct {
	device string             // the device id of the server's profile
	stop   context.CancelFunc // ends it at the next place where nothing is half done
	change bool               // it is a change, which StopChanges stops
}

// begin notes a task, unless the window is closed or the sign-in that it needs is being taken away. The caller holds mu, and
// calls end and running.Done afterwards.
func (w *Window) begin(t *task) error {
	switch {
	case w.closed:
		return &api.Error{Code: api.CodeCancelled, Why: "closing", Sentence: "The window is being closed: nothing was changed."}
	case w.leaving[t.device] > 0:
		return &api.Error{Code: api.CodeCancelled, Why: "leaving", Sentence: "This server is being signed out of: nothing was changed."}
	}
	w.tasks[t] = true
	w.running.Add(1)
	return nil
}

// end notes that a task writes no more.
func (w *Window) end(t *task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tasks, t)
	close(w.ended)
	w.ended = make(chan struct{})
}

// stop stops the tasks that match. The caller holds mu.
func (w *Window) stop(match func(*task) bool) {
	for t := range w.tasks {
		if match(t) {
			t.stop()
		}
	}
}

// withdraw stops what is under way at a server whose sign-in is to be taken away, and waits until what it writes is written,
// for which it needs the sign-in. Nothing begins there until release is called. What is under way at another server goes on.
func (w *Window) withdraw(ctx context.Context, e profile.Entry) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	here := func(t *task) bool { return t.device == e.DeviceID }
	w.mu.Lock()
	w.leaving[e.DeviceID]++
	w.stop(here)
	w.mu.Unlock()
	release = func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.leaving[e.DeviceID]--
	}
	for {
		w.mu.Lock()
		ended, writes := w.ended, false
		for t := range w.tasks {
			writes = writes || here(t)
		}
		w.mu.Unlock()
		if !writes {
			return release, nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			release()
			return nil, &api.Error{
				Code:     api.CodeChangeRunning,
				Sentence: "A change is still being written at " + api.Printable(e.Name) + ", which needs the sign-in: it stays.",
				Hint:     "Wait until the change has ended, then try again.",
				Params:   map[string]string{"name": e.Name},
				Err:      ctx.Err(),
			}
		}
	}
}
