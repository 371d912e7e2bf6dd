package state_test

import (
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
	s.Update(state.Undone{})
	want[state.CallUndo](t, s.Update(undo))
}
