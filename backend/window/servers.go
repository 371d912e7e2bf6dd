package window

import (
	"context"
	"log/slog"
	"strings"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
)

// OpenProfile opens a stored server with its stored credential.
func (w *Window) OpenProfile(ctx context.Context, name string) (api.Session, error) {
	ctx, done := w.tasks.reading(ctx)
	defer done()
	request := w.server.nextRequest()
	if o := w.server.claim(name); o != nil {
		return w.showOpening(ctx, request, o)
	}
	s, err := w.backend.Open(ctx, backend.Target{Name: name, Progress: w.progress})
	if err != nil {
		return api.Session{}, err
	}
	return w.show(request, s, nil)
}

// progress tells the page what a call is doing.
func (w *Window) progress(p api.Progress) { w.emit(api.EventProgress, p) }

// show makes a session the open one, and ends what belonged to the server before. The error is CodeCancelled if another
// server was requested since: then that one stays.
func (w *Window) show(request int, s *backend.Session, world *backend.Demo) (api.Session, error) {
	if world == nil {
		w.seen.load(s)
	}
	before, ok := w.server.show(request, s, world)
	if !ok {
		closeDemo(world)
		return api.Session{}, openedAnother()
	}
	w.flows.cancel()
	closeDemo(before)
	if world == nil {
		w.rememberLast(s.Entry().DeviceID)
	}
	info := s.Info()
	info.Stored = world == nil
	if world != nil {
		info.Profile.Demo = true
		for _, p := range world.World.People() {
			info.DemoPeople = append(info.DemoPeople, p.Name)
		}
	}
	return info, nil
}

// rememberLast notes in the background which server is open, for the next start.
func (w *Window) rememberLast(deviceID string) {
	w.last.Store(&deviceID)
	w.tasks.background(func() {
		ctx := context.Background()
		if data, err := w.backend.Profiles.Load(ctx); err != nil || data.Last == *w.last.Load() {
			return
		}
		err := w.backend.Profiles.Update(ctx, func(d *profile.Data) error {
			d.Last = *w.last.Load() // the latest, whichever write comes last
			return nil
		})
		if err != nil {
			slog.Warn("storing which server was open last", "error", err)
		}
	})
}

// MakeDefault makes a server the one that the command line uses where none is named.
func (w *Window) MakeDefault(ctx context.Context, name string) error {
	return w.backend.Profiles.Update(ctx, func(d *profile.Data) error { return d.SetDefault(name) })
}

// closeDemo ends a demo world, if there is one.
func closeDemo(world *backend.Demo) {
	if world == nil {
		return
	}
	if err := world.Close(); err != nil {
		slog.Warn("ending the demo world", "error", err)
	}
}

func openedAnother() *api.Error {
	return &api.Error{Code: api.CodeCancelled, Why: "opened-another"}
}

// leave closes a stored server if it is open.
func (w *Window) leave(e profile.Entry) {
	if w.server.leave(e.DeviceID) {
		w.flows.cancel()
	}
}

// SignOut ends the session at the server and removes the credential from the keyring. It waits for a change that is being
// written there. The error is CodeChangeRunning if that takes too long; then nothing was ended. It is CodeTokenLeft if the
// credential was removed but the server could not be told.
func (w *Window) SignOut(ctx context.Context, name string) error {
	e, err := w.backend.Entry(ctx, name)
	if err != nil {
		return err
	}
	release, err := w.tasks.withdraw(ctx, e)
	if err != nil {
		return err
	}
	defer release()
	err = w.backend.Logout(ctx, e)
	if err == nil || api.IsCode(err, api.CodeTokenLeft) {
		w.leave(e)
	}
	return err
}

// ForgetProfile removes a server and its secrets. It waits like SignOut, and returns the same errors.
func (w *Window) ForgetProfile(ctx context.Context, name string) error {
	e, err := w.backend.Entry(ctx, name)
	if err != nil {
		return err
	}
	release, err := w.tasks.withdraw(ctx, e)
	if err != nil {
		return err
	}
	defer release()
	forgotten := w.backend.Forget(ctx, e.Name)
	if forgotten != nil && !api.IsCode(forgotten, api.CodeTokenLeft) {
		return forgotten
	}
	w.leave(e)
	if err := w.seen.forget(e.DeviceID); err != nil {
		return err
	}
	return forgotten
}

// SetLocalAddress sets a server's address in the local network; see backend.Backend.SetLocalAddress.
func (w *Window) SetLocalAddress(ctx context.Context, name, address string) error {
	if err := w.backend.SetLocalAddress(ctx, name, strings.TrimSpace(address)); err != nil {
		return err
	}
	if s, b, err := w.current(); err == nil && b == w.backend {
		return b.Refresh(ctx, s)
	}
	return nil
}

// RenameProfile gives a server another name.
func (w *Window) RenameProfile(ctx context.Context, from, to string) error {
	if err := w.backend.Rename(ctx, from, strings.TrimSpace(to)); err != nil {
		return err
	}
	if s, b, err := w.current(); err == nil && b == w.backend {
		return b.Refresh(ctx, s)
	}
	return nil
}
