package state_test

import (
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

// TestUndoOfTheLastChangeOnly is offered: what was before it may not be as it was.
func TestUndoOfTheLastChangeOnly(t *testing.T) {
	t.Parallel()
	s := opened(t)
	c := api.Change{
		ID: "1", Kind: api.ChangeUnlink, State: api.ChangeConfirmed, UserID: "u", UserName: "n", Undoable: true,
		Identities: []api.Identity{{Protocol: api.OIDC, Provider: "p", Name: "i"}},
	}
	offers := func() (n int) {
		for _, toast := range s.Toasts {
			n += len(toast.Undo)
		}
		return n
	}
	for range 2 {
		if s.Update(state.Removed{Changes: []api.Change{c}}); offers() != 1 {
			t.Fatalf("%d offers", offers())
		}
	}
	final := c
	final.Undoable = false
	if s.Update(state.Removed{Changes: []api.Change{final}}); offers() != 0 {
		t.Error("offers to undo what was before something that cannot be undone")
	}
	if s.Update(state.Removed{Changes: []api.Change{c, final}}); offers() != 0 {
		t.Error("offers to undo a part of what was done")
	}
	s.Update(state.Removed{Changes: []api.Change{c}})
	if s.Update(state.Leave{}); offers() != 0 {
		t.Error("offers to undo at another server")
	}
}

func TestSecondClickUndoesNothingMore(t *testing.T) {
	t.Parallel()
	s := opened(t)
	undo := state.Undo{Changes: []string{"1"}}
	want[state.CallUndo](t, s.Update(undo))
	none[state.CallUndo](t, s.Update(undo))
	s.Update(state.Undone{Done: 1, Of: 1})
	want[state.CallUndo](t, s.Update(undo))
}

// TestUndoneInPart says how many changes were undone before one failed, and why that failed.
func TestUndoneInPart(t *testing.T) {
	t.Parallel()
	refused := &api.Error{Code: api.CodeChangeNotUndoable}
	for name, c := range map[string]struct {
		undone state.Undone
		want   []string // the keys of the messages; "error" for the failure
	}{
		"all":                {state.Undone{Done: 3, Of: 3}, []string{"toast.undone"}},
		"some":               {state.Undone{Done: 2, Of: 3, Err: refused}, []string{"toast.undone.some", "error"}},
		"some, then stopped": {state.Undone{Done: 2, Of: 3, Err: &api.Error{Code: api.CodeCancelled}}, []string{"toast.undone.some"}},
		"none":               {state.Undone{Of: 3, Err: refused}, []string{"error"}},
		"with a warning":     {state.Undone{Done: 1, Of: 1, Err: refused}, []string{"toast.undone", "error"}},
	} {
		s := opened(t)
		before := len(s.Toasts)
		s.Update(c.undone)
		var said []string
		for _, toast := range s.Toasts[before:] {
			key := toast.Key
			if toast.Error != nil {
				key = "error"
			}
			said = append(said, key)
		}
		if !slices.Equal(said, c.want) {
			t.Errorf("%s: said %q, want %q", name, said, c.want)
		}
	}
}
