package bridge

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
	"github.com/jellybind/jellybind/frontend/wire"
)

// Events are the names of the events that the window listens to.
var Events = []string{api.EventFlow, api.EventRoster, api.EventProgress, api.EventSession}

// Event turns an event's JSON into a message. It returns nil for an unknown event, or JSON of another shape.
func Event(name string, data []byte) state.Msg {
	switch name {
	case api.EventFlow:
		return message(data, func(e api.FlowEvent) state.Msg { return state.FlowMoved{Event: e} })
	case api.EventRoster:
		return message(data, func(c api.RosterCounts) state.Msg { return state.RosterChanged{Counts: c} })
	case api.EventProgress:
		return message(data, func(p api.Progress) state.Msg { return state.Working{Progress: p} })
	case api.EventSession:
		return message(data, func(s api.Session) state.Msg { return state.Renewed{Session: s} })
	}
	return nil
}

func message[T any](data []byte, of func(T) state.Msg) state.Msg {
	var v T
	if wire.Decode(data, &v) != nil {
		return nil
	}
	return of(v)
}
