package window

import (
	"context"
	"slices"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/link"
)

// change runs a function that changes the open server, and reads the roster afterwards. Close waits for it. The function's
// context ends at StopChanges, Close and signing out; it stops at the next point where nothing is half done.
func (w *Window) change(ctx context.Context, run func(context.Context, *backend.Session) ([]api.Change, error)) error {
	stoppable, cancel := context.WithCancel(ctx)
	defer cancel()
	s, t, err := w.beginChange(cancel)
	if err != nil {
		return err
	}
	defer t.end()
	made, err := run(stoppable, s)
	t.written()
	w.changed(ctx, made...)
	return err
}

// beginChange begins a change at the open server.
func (w *Window) beginChange(cancel context.CancelFunc) (*backend.Session, *task, error) {
	s, _, err := w.current()
	if err != nil {
		return nil, nil, err
	}
	device := s.Entry().DeviceID
	t, err := w.tasks.begin(device, cancel, true)
	if err != nil {
		return nil, nil, err
	}
	// A sign-out that ended before the task began has not waited for it, so the open server is read again.
	s, _, err = w.current()
	if err == nil && s.Entry().DeviceID != device {
		err = openedAnother()
	}
	if err != nil {
		t.end()
		return nil, nil, err
	}
	return s, t, nil
}

// changed reads the roster after changes that the person made, and tells the page. Their accounts are not marked as changed.
// If it cannot be read, the change has not failed: the page's next call reads it.
func (w *Window) changed(ctx context.Context, made ...api.Change) {
	s, _, err := w.current()
	if err != nil || w.tasks.signingOut(s.Entry().DeviceID) {
		w.server.dropRoster()
		return
	}
	var own []string
	for _, c := range made {
		own = append(own, c.UserID, c.FromID)
	}
	ix, err := w.refresh(ctx, own...)
	if err != nil {
		w.server.dropRoster()
		return
	}
	w.emit(api.EventRoster, ix.Counts())
}

// RemoveLinks removes links. The result holds what was removed before a failure. viaUnregister allows the detour of
// link.RemoveRequest.
func (w *Window) RemoveLinks(ctx context.Context, links []api.Link, viaUnregister bool) api.Removal {
	var result api.Removal
	err := w.change(ctx, func(ctx context.Context, s *backend.Session) (_ []api.Change, err error) {
		result.Changes, err = s.Linker.Remove(ctx, link.RemoveRequest{Links: links, ViaUnregister: viaUnregister}, w.progress)
		return result.Changes, err
	})
	if err != nil {
		result.Error = forPage(err)
	}
	return result
}

// AcceptRisk notes whether the person accepts that an account's name is free at a provider. The roster is read again.
func (w *Window) AcceptRisk(ctx context.Context, userID string, on bool) error {
	s, b, err := w.current()
	if err != nil {
		return err
	}
	if err := b.AcceptRisk(ctx, s, userID, on); err != nil {
		return err
	}
	w.changed(ctx, api.Change{UserID: userID})
	return nil
}

// SaveNote writes down what the person knows about an identity, and returns all notes of the open server.
func (w *Window) SaveNote(ctx context.Context, n api.IdentityNote) ([]api.IdentityNote, error) {
	s, b, err := w.current()
	if err != nil {
		return nil, err
	}
	err = b.SetNote(ctx, s, n)
	return slices.Clone(s.Entry().Notes), err
}

// PlanUnregister returns what Unregister would do.
func (w *Window) PlanUnregister(ctx context.Context, userID string) (api.UnregisterPlan, error) {
	return read(ctx, w, func(s *backend.Session) (api.UnregisterPlan, error) { return s.Linker.PlanUnregister(ctx, userID) })
}

// Unregister gives an account another sign-in provider.
func (w *Window) Unregister(ctx context.Context, userID, authProvider string) (api.Change, error) {
	var c api.Change
	err := w.change(ctx, func(ctx context.Context, s *backend.Session) (_ []api.Change, err error) {
		c, err = s.Linker.Unregister(ctx, userID, authProvider)
		return []api.Change{c}, err
	})
	return c, err
}

// UndoChanges undoes changes in the order given, and stops at the first error.
func (w *Window) UndoChanges(ctx context.Context, ids []string) api.UndoResult {
	result := api.UndoResult{Changes: []api.Change{}}
	err := w.change(ctx, func(ctx context.Context, s *backend.Session) ([]api.Change, error) {
		for _, id := range ids {
			err := ctx.Err()
			if err == nil {
				var c api.Change
				c, err = s.Linker.Undo(ctx, id)
				if c.State == api.ChangeConfirmed {
					result.Changes = append(result.Changes, c)
				}
			}
			if err != nil {
				result.Failed = id
				return result.Changes, err
			}
		}
		return result.Changes, nil
	})
	if err != nil {
		result.Error = forPage(err)
	}
	return result
}
