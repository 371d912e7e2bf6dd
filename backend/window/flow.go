package window

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/profile"
)

// flow is a sign-in that is under way.
type flow struct {
	id     string
	window *Window
	cancel context.CancelFunc
	task   *task

	mu     sync.Mutex
	signIn api.SignIn
	asked  bool // the question was put
	answer chan bool
}

var _ link.Person = (*flow)(nil)

// run starts work at a server that reports by flow events under an id, until it ends or is cancelled. It ends with the window,
// not with the call that started it.
func (w *Window) run(ctx context.Context, at profile.Entry, work func(context.Context, *flow) error) string {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.mu.Lock()
	w.nextID++
	t := &task{device: at.DeviceID, stop: cancel}
	f := &flow{id: fmt.Sprintf("flow-%d", w.nextID), window: w, cancel: cancel, task: t, answer: make(chan bool, 1)}
	w.flows[f.id] = f
	refused := w.begin(t)
	if refused != nil {
		cancel()
	}
	w.mu.Unlock()
	go func() {
		defer func() {
			cancel()
			w.mu.Lock()
			delete(w.flows, f.id)
			w.mu.Unlock()
			if refused == nil {
				w.end(t)
				w.running.Done()
			}
		}()
		if err := work(ctx, f); err != nil {
			told, ok := errors.AsType[*api.Error](err)
			switch {
			case ok:
			case ctx.Err() != nil:
				told = cancelledUnchanged()
			default:
				told = &api.Error{Code: api.CodeInternal, Sentence: "Something in Jellybind went wrong.", Hint: "Try again."}
			}
			f.send(api.FlowEvent{Step: "failed", Error: told})
		}
	}()
	return f.id
}

func (f *flow) send(e api.FlowEvent) {
	e.ID = f.id
	f.window.emit(api.EventFlow, e)
}

// SignIn opens the address in the browser and tells the page.
func (f *flow) SignIn(ctx context.Context, s api.SignIn) error {
	f.mu.Lock()
	f.signIn = s
	f.mu.Unlock()
	f.send(api.FlowEvent{Step: "sign-in", SignIn: &s})
	return f.open(ctx)
}

// open opens the address. That no browser opens is not the flow's end: the page shows the address to copy.
func (f *flow) open(ctx context.Context) error {
	f.mu.Lock()
	s := f.signIn
	f.mu.Unlock()
	data, err := f.window.stored.Profiles.Load(ctx)
	if err != nil {
		data = profile.Empty()
	}
	// The short address keeps the sign-in's state out of the browser's command line, which other users may see.
	if err := browser.Open(ctx, s.ShortURL, data.Settings.Browser); err != nil {
		f.send(api.FlowEvent{Step: "progress", Progress: &api.Progress{Step: string(api.CodeBrowserFailed), Text: err.Error()}})
	}
	return nil
}

// Confirm asks the page.
func (f *flow) Confirm(ctx context.Context, c api.Confirmation) error {
	f.mu.Lock()
	f.asked = true
	f.mu.Unlock()
	f.send(api.FlowEvent{Step: "confirm", Confirmation: &c})
	// What signed in may expire at the server; a person who went for lunch starts anew.
	wait, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	select {
	case yes := <-f.answer:
		if !yes {
			return cancelledUnchanged()
		}
		return nil
	case <-wait.Done():
		return cancelledUnchanged()
	}
}

func cancelledUnchanged() *api.Error {
	return &api.Error{Code: api.CodeCancelled, Why: "cancelled-unchanged", Sentence: "Cancelled: nothing was changed."}
}

// Progress tells the page what is going on.
func (f *flow) Progress(p api.Progress) { f.send(api.FlowEvent{Step: "progress", Progress: &p}) }

// StartLink starts linking, and returns the id under which flow events report.
func (w *Window) StartLink(ctx context.Context, req api.LinkRequest) (string, error) {
	s, _, err := w.current()
	if err != nil {
		return "", err
	}
	return w.run(ctx, s.Entry(), func(ctx context.Context, f *flow) error {
		change, err := s.Linker.Link(ctx, req, f)
		w.end(f.task)
		if change.ID != "" {
			w.changed(context.WithoutCancel(ctx))
		}
		if err != nil {
			return err
		}
		f.send(api.FlowEvent{Step: "done", Change: &change})
		return nil
	}), nil
}

// StartVerify starts a verification, and returns the id under which flow events report.
func (w *Window) StartVerify(ctx context.Context, protocol api.Protocol, provider string) (string, error) {
	s, _, err := w.current()
	if err != nil {
		return "", err
	}
	return w.run(ctx, s.Entry(), func(ctx context.Context, f *flow) error {
		v, err := s.Linker.Verify(ctx, link.VerifyRequest{Protocol: protocol, Provider: provider}, f)
		if err != nil {
			return err
		}
		f.send(api.FlowEvent{Step: "verified", Verified: &v})
		return nil
	}), nil
}

func (w *Window) flow(id string) (*flow, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.flows[id]
	if f == nil {
		return nil, &api.Error{
			Code: api.CodeCancelled, Why: "flow-ended",
			Sentence: "This sign-in has ended already.", Hint: "Start anew.",
		}
	}
	return f, nil
}

// ConfirmFlow answers a flow's question. An answer before the question is none.
func (w *Window) ConfirmFlow(id string, yes bool) error {
	f, err := w.flow(id)
	if err != nil {
		return err
	}
	f.mu.Lock()
	asked := f.asked
	f.mu.Unlock()
	if !asked {
		return &api.Error{
			Code: api.CodeUsage, Why: "nothing-asked",
			Sentence: "Nothing has been asked yet.", Hint: "Wait for the sign-in.",
		}
	}
	select {
	case f.answer <- yes:
	default: // answered already
	}
	return nil
}

// CancelFlow ends a flow. One that has ended already is no error.
func (w *Window) CancelFlow(id string) error {
	if f, err := w.flow(id); err == nil {
		f.cancel()
	}
	return nil
}

// OpenSignIn opens a flow's address in the browser again.
func (w *Window) OpenSignIn(ctx context.Context, id string) error {
	f, err := w.flow(id)
	if err != nil {
		return err
	}
	return f.open(ctx)
}
