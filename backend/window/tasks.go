package window

import (
	"context"
	"sync"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
)

// closing is how long Close, SignOut and ForgetProfile wait for a write that has begun, so that the journal is right and an
// account does not lose links that are about to be written again. A server that is away may delay a write longer. The
// journal then says what was to be written, and Undo can use that.
const closing = 30 * time.Second

// tasks are the readings, changes and sign-ins that are under way.
type tasks struct {
	all sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	reads   map[context.Context]context.CancelFunc
	running map[*task]bool
	ended   chan struct{}  // closed and replaced when a task writes no more
	leaving map[string]int // how many calls take a sign-in away, by the profile's device id
}

// task is a change or a sign-in.
type task struct {
	tasks  *tasks
	device string             // the device id of the server's profile
	cancel context.CancelFunc // stops it at the next point where nothing is half done
	change bool               // StopChanges stops it
}

func newTasks() *tasks {
	return &tasks{
		reads: make(map[context.Context]context.CancelFunc), running: make(map[*task]bool), ended: make(chan struct{}),
		leaving: make(map[string]int),
	}
}

// background runs a function that Close waits for. It returns false, and runs nothing, if the window was closed.
func (t *tasks) background(run func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.all.Go(run)
	return true
}

// reading returns a context for work that only reads. It ends with StopReading and Close, too. Call done afterwards.
func (t *tasks) reading(ctx context.Context) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads[ctx] = cancel
	if t.closed {
		cancel()
	}
	return ctx, func() {
		t.mu.Lock()
		delete(t.reads, ctx)
		t.mu.Unlock()
		cancel()
	}
}

// stopReading cancels what reading returned.
func (t *tasks) stopReading() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, cancel := range t.reads {
		cancel()
	}
}

// begin begins a change or a sign-in at a server. The error is CodeCancelled if the window was closed or the server is being
// signed out of. Call end afterwards.
func (t *tasks) begin(deviceID string, cancel context.CancelFunc, change bool) (*task, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return nil, &api.Error{Code: api.CodeCancelled, Why: "closing"}
	case t.leaving[deviceID] > 0:
		return nil, &api.Error{Code: api.CodeCancelled, Why: "leaving"}
	}
	begun := &task{tasks: t, device: deviceID, cancel: cancel, change: change}
	t.running[begun] = true
	t.all.Add(1)
	return begun, nil
}

// written says that the task writes no more.
func (t *task) written() {
	t.tasks.mu.Lock()
	defer t.tasks.mu.Unlock()
	delete(t.tasks.running, t)
	close(t.tasks.ended)
	t.tasks.ended = make(chan struct{})
}

// end ends the task.
func (t *task) end() {
	t.written()
	t.tasks.all.Done()
}

// stopChanges cancels the changes.
func (t *tasks) stopChanges() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := range t.running {
		if r.change {
			r.cancel()
		}
	}
}

// signingOut reports whether a server is being signed out of.
func (t *tasks) signingOut(deviceID string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leaving[deviceID] > 0
}

// cancelAt cancels the tasks at a server. It returns whether any of them may still write, and a channel that is closed when
// one of all tasks writes no more.
func (t *tasks) cancelAt(deviceID string) (writes bool, ended <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := range t.running {
		if r.device == deviceID {
			r.cancel()
			writes = true
		}
	}
	return writes, t.ended
}

// withdraw cancels the tasks at a server whose sign-in is to be taken away, and waits until they write no more, because they
// need the sign-in for that. No task begins there until release is called. Tasks at other servers go on. The error is
// CodeChangeRunning if it takes too long.
func (t *tasks) withdraw(ctx context.Context, e profile.Entry) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	t.mu.Lock()
	t.leaving[e.DeviceID]++
	t.mu.Unlock()
	release = func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.leaving[e.DeviceID]--
	}
	for {
		writes, ended := t.cancelAt(e.DeviceID)
		if !writes {
			return release, nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			release()
			return nil, &api.Error{
				Code:   api.CodeChangeRunning,
				Params: map[string]string{"name": e.Name},
				Err:    ctx.Err(),
			}
		}
	}
}

// close cancels everything. Nothing begins afterwards.
func (t *tasks) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, cancel := range t.reads {
		cancel()
	}
	for r := range t.running {
		r.cancel()
	}
}

// wait waits until everything has ended. It returns false after the time that closing gives.
func (t *tasks) wait() bool {
	ended := make(chan struct{})
	go func() {
		t.all.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-time.After(closing):
		return false
	}
}

// StopReading cancels the calls that only read: the search for a server at an address, the opening of one, and reading the
// roster. They return CodeCancelled.
func (w *Window) StopReading() { w.tasks.stopReading() }

// StopChanges stops a removal or an undoing of several changes after the one that is being written. It does not wait.
func (w *Window) StopChanges() { w.tasks.stopChanges() }
