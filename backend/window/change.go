package window

import (
	"context"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/link"
)

// StopChanges lets a removal of many links end with the one in hand. It does not wait for that.
func (w *Window) StopChanges() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop(func(t *task) bool { return t.change })
}

// change runs what changes the open server, and reads the roster afterwards. Close waits for it; its context ends when it
// shall stop, at the next place where nothing is half done.
func (w *Window) change(ctx context.Context, run func(context.Context, *backend.Session) error) error {
	stoppable, cancel := context.WithCancel(ctx)
	defer cancel()
	w.mu.Lock()
	s, _, err := w.open()
	if err != nil {
		w.mu.Unlock()
		return err
	}
	t := &task{device: s.Entry().DeviceID, stop: cancel, change: true}
	err = w.begin(t)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	defer w.running.Done()
	err = run(stoppable, s)
	w.end(t)
	w.changed(ctx)
	return err
}

// RemoveLinks removes links. The result holds what was removed before a failure. viaUnregister allows the detour of
// link.RemoveRequest.
func (w *Window) RemoveLinks(ctx context.Context, links []api.Link, viaUnregister bool) api.Removal {
	var result api.Removal
	err := w.change(ctx, func(ctx context.Context, s *backend.Session) (err error) {
		result.Changes, err = s.Linker.Remove(ctx, link.RemoveRequest{Links: links, ViaUnregister: viaUnregister},
			func(p api.Progress) { w.emit(api.EventProgress, p) })
		return err
	})
	if err != nil {
		result.Error = forPage(err)
	}
	return result
}

// PlanUnregister says what Unregister would do.
func (w *Window) PlanUnregister(ctx context.Context, userID string) (api.UnregisterPlan, error) {
	return read(ctx, w, func(s *backend.Session) (api.UnregisterPlan, error) { return s.Linker.PlanUnregister(ctx, userID) })
}

// Unregister gives an account another sign-in provider.
func (w *Window) Unregister(ctx context.Context, userID, authProvider string) (api.Change, error) {
	var c api.Change
	err := w.change(ctx, func(ctx context.Context, s *backend.Session) (err error) {
		c, err = s.Linker.Unregister(ctx, userID, authProvider)
		return err
	})
	return c, err
}

// Undo takes a change back.
func (w *Window) Undo(ctx context.Context, changeID string) (api.Change, error) {
	var c api.Change
	err := w.change(ctx, func(ctx context.Context, s *backend.Session) (err error) {
		c, err = s.Linker.Undo(ctx, changeID)
		return err
	})
	return c, err
}

// UndoChanges undoes changes in the order given, and stops at the first error.
func (w *Window) UndoChanges(ctx context.Context, ids []string) api.UndoResult {
	result := api.UndoResult{Changes: []api.Change{}}
	err := w.change(ctx, func(ctx context.Context, s *backend.Session) error {
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				result.Failed = id
				return err
			}
			c, err := s.Linker.Undo(ctx, id)
			if c.State == api.ChangeConfirmed {
				result.Changes = append(result.Changes, c)
			}
			if err != nil {
				result.Failed = id
				return err
			}
		}
		return nil
	})
	if err != nil {
		result.Error = forPage(err)
	}
	return result
}

// changed reads the roster anew after a change, and tells the page. A failure to read is not the change's: the next look
// reads again.
func (w *Window) changed(ctx context.Context) {
	w.mu.Lock()
	s := w.session
	gone := w.closed || s == nil || w.leaving[s.Entry().DeviceID] > 0
	if gone {
		w.index = nil
	}
	w.mu.Unlock()
	if gone { // nobody looks at it
		return
	}
	ix, err := w.refresh(ctx)
	if err != nil {
		w.mu.Lock()
		w.index = nil
		w.mu.Unlock()
		return
	}
	w.emit(api.EventRoster, ix.Counts())
}
