package state

import (
	"context"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// Cmd is what a change of the state asks for: a Call, or one of the types below.
type Cmd any

// Call is a command that calls the backend.
type Call interface {
	// Do calls the backend and returns its answer, or nil if there is none. It blocks until then.
	Do(ctx context.Context, b Backend) Msg
}

// Backend calls the app's bound methods.
type Backend interface {
	// Call calls a method and decodes its result into what into points to, unless that is nil.
	Call(ctx context.Context, method string, into any, args ...any) *api.Error
	// AtHand reads one of the app's own files into what into points to, and reports whether the backend had it in memory.
	// The page waits meanwhile.
	AtHand(file string, query, into any) bool
}

// get calls a method that returns a T.
func get[T any](ctx context.Context, b Backend, method string, args ...any) (result T, err *api.Error) {
	err = b.Call(ctx, method, &result, args...)
	return result, err
}

// do calls a method that returns nothing of use.
func do(ctx context.Context, b Backend, method string, args ...any) *api.Error {
	return b.Call(ctx, method, nil, args...)
}

// CallQuit ends the app.
type CallQuit struct{}

// Called answers calls whose success changes nothing.
type Called struct{ Err *api.Error }

// Do calls Quit.
func (CallQuit) Do(ctx context.Context, b Backend) Msg { return Called{Err: do(ctx, b, "Quit")} }

// Commands for the page itself.
type (
	// Focus moves the keyboard's focus once the page is drawn. With From, it does so only from that element.
	Focus struct{ ID, From string }
	// ScrollTo scrolls the roster, in rem.
	ScrollTo struct{ Top float64 }
	// Copy puts a text on the clipboard.
	Copy struct{ Text string }
	// After sends a message later.
	After struct {
		Delay time.Duration
		Msg   Msg
	}
)
