package bridge

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
	"github.com/jellybind/jellybind/frontend/wire"
)

// Events are the names that the window listens to.
var Events = []string{api.EventFlow, api.EventRoster, api.EventProgress, api.EventSession}

// Event turns an event's JSON into a message, or nil when it cannot be read.
func Event(name string, data []byte) state.Msg {
	switch name {
	case api.EventFlow:
		var e api.FlowEvent
		if wire.Decode(data, &e) == nil {
			return state.FlowMoved{Event: e}
		}
	case api.EventRoster:
		var c api.RosterCounts
		if wire.Decode(data, &c) == nil {
			return state.RosterChanged{Counts: c}
		}
	case api.EventProgress:
		var p api.Progress
		if wire.Decode(data, &p) == nil {
			return state.Working{Progress: p}
		}
	case api.EventSession:
		var session api.Session
		if wire.Decode(data, &session) == nil {
			return state.Renewed{Session: session}
		}
	}
	return nil
}
