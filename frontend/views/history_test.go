package views_test

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var historyCases = map[string]func() *state.State{
	"history": func() *state.State {
		id := []api.Identity{{Protocol: api.OIDC, Provider: "authelia", Name: hostile}}
		return after(
			opened(api.Settings{}, false),
			state.Go{Screen: state.ScreenHistory},
			state.ChangesLoaded{List: []api.Change{
				{
					ID:         "4",
					Time:       now,
					Kind:       api.ChangeUnlink,
					State:      api.ChangeConfirmed,
					Undoes:     "3",
					UserName:   "bob",
					Identities: id,
					Undoable:   true,
				},
				{
					ID:         "3",
					Time:       now,
					Kind:       api.ChangeLink,
					State:      api.ChangeUndone,
					UserName:   "bob",
					Identities: id,
					Strategy:   api.StrategyRelay,
				},
				{
					ID:         "2",
					Time:       now,
					Kind:       api.ChangeMove,
					State:      api.ChangeFailed,
					UserName:   "bob",
					FromName:   "Ada",
					Identities: id,
					Error:      api.CodeLinkNotStored,
				},
				{ID: "1", Time: now, Kind: api.ChangeUnregister, State: api.ChangeIntended, UserName: "bob", Undoable: true},
				{
					ID:         "0",
					Time:       now,
					Kind:       api.ChangeUnregister,
					State:      api.ChangeConfirmed,
					UserName:   "bob",
					Identities: id,
					Write:      api.WritePreprovision,
				},
			}},
		)
	},
	"history-damaged": func() *state.State {
		return after(opened(api.Settings{}, false), state.Go{Screen: state.ScreenHistory},
			state.ChangesLoaded{Damaged: &api.Error{
				Code: api.CodeJournalDamaged, Why: "journal-kept", Params: map[string]string{"n": "3", "file": "/home/a/journal/1.damaged"},
			}})
	},
	"history-failed": func() *state.State {
		return after(opened(api.Settings{}, false), state.Go{Screen: state.ScreenHistory},
			state.ChangesLoaded{Err: &api.Error{Code: api.CodeInternal, Why: "journal"}})
	},
}
