package window

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/qr"
)

// flows are the sign-ins that are under way, by id.
type flows struct {
	mu   sync.Mutex
	last int
	byID map[string]*flow
}

// flow is a sign-in that is under way.
type flow struct {
	id     string
	window *Window
	cancel context.CancelFunc
	task   *task

	mu     sync.Mutex
	signIn string        // the address to open
	launch func() string // api.SignIn.Launch
	device bool          // the person signs in on another device
	asked  bool
	answer chan bool // to the question that was asked last; nil if it has its answer
}

var _ link.Person = (*flow)(nil)

// add gives a flow its id.
func (fs *flows) add(f *flow) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.last++
	f.id = fmt.Sprintf("flow-%d", fs.last)
	if fs.byID == nil {
		fs.byID = make(map[string]*flow)
	}
	fs.byID[f.id] = f
}

func (fs *flows) remove(f *flow) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.byID, f.id)
}

// find returns a flow. The error is CodeCancelled if it has ended.
func (fs *flows) find(id string) (*flow, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.byID[id]
	if f == nil {
		return nil, &api.Error{Code: api.CodeCancelled, Why: "flow-ended"}
	}
	return f, nil
}

// cancel cancels all flows.
func (fs *flows) cancel() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.byID {
		f.cancel()
	}
}

// run starts a sign-in at a server and returns its id. It reports by flow events until it ends or is cancelled. It ends with
// the window, not with the call that started it.
func (w *Window) run(ctx context.Context, at profile.Entry, work func(context.Context, *flow) error) string {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flow{window: w, cancel: cancel}
	w.flows.add(f)
	t, err := w.tasks.begin(at.DeviceID, cancel, false)
	f.task = t
	go func() {
		defer func() {
			cancel()
			w.flows.remove(f)
			if t != nil {
				t.end()
			}
		}()
		if err == nil {
			err = work(ctx, f)
		}
		if err != nil {
			f.fail(ctx, err)
		}
	}()
	return f.id
}

// fail tells the page why the flow has failed.
func (f *flow) fail(ctx context.Context, err error) {
	told := forPage(err)
	if _, ours := errors.AsType[*api.Error](err); !ours && ctx.Err() != nil {
		told = cancelledUnchanged()
	}
	f.send(api.FlowEvent{Step: "failed", Error: told})
}

func (f *flow) send(e api.FlowEvent) {
	e.ID = f.id
	f.window.emit(api.EventFlow, e)
}

// SignIn opens the address in the browser, and tells the page.
func (f *flow) SignIn(ctx context.Context, s api.SignIn) error {
	f.mu.Lock()
	f.signIn, f.launch = s.URL, s.Launch
	f.mu.Unlock()
	f.send(api.FlowEvent{Step: "sign-in", SignIn: &s})
	return f.open(ctx)
}

// SignInElsewhere tells the page what to enter on another device. Nothing is opened here unless the page asks for it.
func (f *flow) SignInElsewhere(_ context.Context, d api.DeviceSignIn) error {
	f.mu.Lock()
	f.signIn, f.launch, f.device = d.Scan(), nil, true
	f.mu.Unlock()
	e := api.FlowEvent{Step: "device", Device: &d}
	if code, err := qr.Matrix(d.Scan()); err == nil { // otherwise it is too long, and code and address must do
		e.QR = code
	}
	f.send(e)
	return nil
}

// open opens the address. If no browser opens, the flow goes on: the page shows the address to copy.
func (f *flow) open(ctx context.Context) error {
	f.mu.Lock()
	address, launch := f.signIn, f.launch
	f.mu.Unlock()
	data, err := f.window.backend.Profiles.Load(ctx)
	if err != nil {
		data = profile.Empty()
	}
	if err := browser.Launch(ctx, address, launch, data.Settings.Browser); err != nil {
		f.send(api.FlowEvent{Step: "progress", Progress: &api.Progress{Step: string(api.CodeBrowserFailed)}})
	}
	return nil
}

// Confirm asks the page.
func (f *flow) Confirm(ctx context.Context, c api.Confirmation) error {
	f.mu.Lock()
	device := f.device
	f.mu.Unlock()
	if !device {
		// The sign-in may expire at the server, so a person who comes back later has to start again. A sign-in on another device
		// needs nothing of the server any more, and its person may be far away: the question stays.
		limited, cancel := context.WithTimeout(ctx, 10*time.Minute)
		defer cancel()
		ctx = limited
	}
	if yes, answered := f.ask(ctx, api.FlowEvent{Step: "confirm", Confirmation: &c}); !yes || !answered {
		return cancelledUnchanged()
	}
	return nil
}

// UseLocal asks the page. Without an answer the question stays open, and the flow goes on.
func (f *flow) UseLocal(ctx context.Context, address string) (api.Consent, error) {
	limited, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	switch yes, answered := f.ask(limited, api.FlowEvent{Step: "local", Address: address}); {
	case ctx.Err() != nil:
		return "", cancelledUnchanged()
	case !answered:
		return api.ConsentOpen, nil
	case yes:
		return api.ConsentYes, nil
	}
	return api.ConsentNo, nil
}

// ask sends a question and waits for its answer. An answer counts for one question.
func (f *flow) ask(ctx context.Context, question api.FlowEvent) (yes, answered bool) {
	answer := make(chan bool, 1)
	f.mu.Lock()
	f.asked, f.answer = true, answer
	f.mu.Unlock()
	f.send(question)
	select {
	case yes = <-answer:
		return yes, true
	case <-ctx.Done():
		return false, false
	}
}

func cancelledUnchanged() *api.Error {
	return &api.Error{Code: api.CodeCancelled, Why: "cancelled-unchanged"}
}

// Progress tells the page what the flow is doing.
func (f *flow) Progress(p api.Progress) { f.send(api.FlowEvent{Step: "progress", Progress: &p}) }

// PlanLink returns how a link would be made. Where no sign-in works, the plan says so by Plan.NoWay, without an error, as long
// as the name can be typed instead.
func (w *Window) PlanLink(ctx context.Context, req api.LinkRequest) (api.Plan, error) {
	return read(ctx, w, func(s *backend.Session) (api.Plan, error) {
		plan, err := s.Linker.Plan(ctx, req)
		byName := func(o api.Option) bool { return o.OK && o.Strategy == api.StrategySubject }
		if plan.NoWay != nil && slices.ContainsFunc(plan.Options, byName) {
			return plan, nil
		}
		return plan, err
	})
}

// StartLink starts to link an account, and returns the id of its flow events.
func (w *Window) StartLink(ctx context.Context, req api.LinkRequest) (string, error) {
	s, _, err := w.current()
	if err != nil {
		return "", err
	}
	return w.run(ctx, s.Entry(), func(ctx context.Context, f *flow) error {
		change, err := s.Linker.Link(ctx, req, f)
		f.task.written()
		if change.ID != "" {
			w.changed(context.WithoutCancel(ctx), change)
		}
		if err != nil {
			return err
		}
		f.send(api.FlowEvent{Step: "done", Change: &change})
		return nil
	}), nil
}

// StartVerify starts to verify a provider, and returns the id of its flow events. An empty strategy takes the first that works.
func (w *Window) StartVerify(ctx context.Context, protocol api.Protocol, provider string, strategy api.Strategy) (string, error) {
	s, _, err := w.current()
	if err != nil {
		return "", err
	}
	return w.run(ctx, s.Entry(), func(ctx context.Context, f *flow) error {
		v, err := s.Linker.Verify(ctx, link.VerifyRequest{Protocol: protocol, Provider: provider, Strategy: strategy}, f)
		if err != nil {
			return err
		}
		f.send(api.FlowEvent{Step: "verified", Verified: &v})
		return nil
	}), nil
}

// ConfirmFlow answers a flow's question. The error is CodeUsage if nothing was asked yet.
func (w *Window) ConfirmFlow(id string, yes bool) error {
	f, err := w.flows.find(id)
	if err != nil {
		return err
	}
	f.mu.Lock()
	asked, answer := f.asked, f.answer
	f.answer = nil
	f.mu.Unlock()
	switch {
	case !asked:
		return &api.Error{Code: api.CodeUsage, Why: "nothing-asked"}
	case answer != nil: // not answered already
		answer <- yes
	}
	return nil
}

// CancelFlow cancels a flow. It is no error if the flow has ended.
func (w *Window) CancelFlow(id string) error {
	if f, err := w.flows.find(id); err == nil {
		f.cancel()
	}
	return nil
}

// OpenSignIn opens a flow's address in the browser again.
func (w *Window) OpenSignIn(ctx context.Context, id string) error {
	f, err := w.flows.find(id)
	if err != nil {
		return err
	}
	return f.open(ctx)
}
