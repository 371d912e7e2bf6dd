package state

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/jellybind/jellybind/backend/api"
)

// CallChanges asks for the journal of one account, or for all of it, newest first.
type CallChanges struct{ UserID string }

// ChangesLoaded answers CallChanges.
type ChangesLoaded struct {
	UserID string
	List   []api.Change
	// Damaged tells of lines of the journal that could not be read.
	Damaged *api.Error
	Err     *api.Error
}

// Do calls Changes.
func (c CallChanges) Do(ctx context.Context, b Backend) Msg {
	h, err := get[api.History](ctx, b, "Changes", c.UserID)
	return ChangesLoaded{UserID: c.UserID, List: h.Changes, Damaged: h.Damaged, Err: err}
}

// CallUndo undoes changes in their order, until one fails.
type CallUndo struct{ Changes []string }

// Undone answers CallUndo.
type Undone struct {
	Done, Of int // how many changes were undone, and how many were to be
	Err      *api.Error
}

// Do calls UndoChanges.
func (c CallUndo) Do(ctx context.Context, b Backend) Msg {
	result, err := get[api.UndoResult](ctx, b, "UndoChanges", c.Changes)
	return Undone{Done: len(result.Changes), Of: len(c.Changes), Err: cmp.Or(err, result.Error)}
}

func (s *State) updateHistory(msg Msg) ([]Cmd, bool) {
	switch m := msg.(type) {
	case ChangesLoaded:
		s.changesLoaded(m)
		return nil, true
	case Undo:
		return s.undo(m), true
	case UndoLast:
		return s.undoLast(), true
	case Undone:
		return s.undone(m), true
	}
	return nil, false
}

func (s *State) changesLoaded(m ChangesLoaded) {
	switch {
	case m.UserID == "":
		s.History.Loaded, s.History.Error = true, m.Err
		if m.Err == nil {
			s.History.List, s.History.Damaged = m.List, m.Damaged
		}
	case m.UserID == s.Drawer.UserID && m.Err == nil:
		s.Drawer.Changes = m.List
	}
}

// undoLast undoes the last change that was made here and is not undone yet.
func (s *State) undoLast() []Cmd {
	n := len(s.made)
	switch {
	case s.History.Undoing != "":
		return nil
	case n == 0:
		return s.toast(&Toast{Key: "toast.nothingToUndo"})
	case len(s.made[n-1]) == 0:
		return s.toast(&Toast{Key: "toast.notUndoable"})
	}
	return s.undo(Undo{Changes: s.made[n-1]})
}

func (s *State) undo(m Undo) []Cmd {
	if len(m.Changes) == 0 || s.History.Undoing == m.Changes[0] {
		return nil
	}
	s.made = slices.DeleteFunc(s.made, func(ids []string) bool { return len(ids) > 0 && slices.Contains(m.Changes, ids[0]) })
	s.History.Undoing = m.Changes[0]
	s.Toasts = slices.DeleteFunc(s.Toasts, func(t Toast) bool { return slices.Equal(t.Undo, m.Changes) })
	return []Cmd{CallUndo(m)}
}

func (s *State) undone(m Undone) []Cmd {
	s.History.Undoing = ""
	if s.Link.Step == LinkDone { // it may no longer be so
		s.Link, s.Drawer.Linking = Link{}, false
	}
	cmds := s.afterChange()
	switch {
	case m.Err == nil || m.Done == m.Of:
		cmds = append(cmds, s.toast(&Toast{Key: "toast.undone"})...)
	case m.Done > 0:
		of := strconv.Itoa(m.Of)
		cmds = append(cmds, s.toast(&Toast{Key: "toast.undone.some", N: m.Done, Pairs: []string{"of", of}})...)
	}
	return append(cmds, s.tell(m.Err)...)
}
