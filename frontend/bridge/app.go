// Package bridge connects the window to the backend: it calls the bound methods, decodes their errors and passes events
// on. What is called when stands in package state, next to the screens.
package bridge

import (
	"context"
	"errors"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/wire"
)

// Caller calls one of the app's bound methods. Arguments and results cross as JSON; a result that is not wanted is empty.
// A method's own error is a *Rejection. Call blocks until the promise is settled, so it needs a goroutine of its own.
type Caller interface {
	Call(ctx context.Context, method string, args ...any) ([]byte, error)
	// AtHand reads one of the app's own files while the page waits. The answer is empty if the backend does not have it in
	// memory.
	AtHand(file string, query any) []byte
}

// App is the backend as package state calls it.
type App struct{ caller Caller }

// New returns the app behind a caller.
func New(c Caller) *App { return &App{caller: c} }

// Call calls a method and decodes its result into what into points to, unless that is nil.
func (a *App) Call(ctx context.Context, method string, into any, args ...any) *api.Error {
	raw, err := a.caller.Call(ctx, method, args...)
	if err != nil {
		return DecodeError(err)
	}
	if into == nil || len(raw) == 0 {
		return nil
	}
	if err := wire.Decode(raw, into); err != nil {
		return &api.Error{Code: api.CodeInternal, Err: err}
	}
	return nil
}

// AtHand reads one of the app's own files into what into points to, and reports whether the backend had it in memory.
func (a *App) AtHand(file string, query, into any) bool {
	raw := a.caller.AtHand(file, query)
	return len(raw) > 0 && wire.Decode(raw, into) == nil
}

// Rejection is what a bound method's promise was rejected with: an api.Error as JSON, or any other text.
type Rejection struct{ Reason string }

// Error returns the reason as it came.
func (r *Rejection) Error() string { return r.Reason }

// DecodeError turns the error of a call into one for a person. A reason that is not an api.Error gets CodeInternal.
func DecodeError(err error) *api.Error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*api.Error](err); ok {
		return known
	}
	if r, ok := errors.AsType[*Rejection](err); ok {
		if e := decodeReason(r.Reason, 2); e != nil {
			return e
		}
	}
	if errors.Is(err, context.Canceled) {
		return &api.Error{Code: api.CodeCancelled, Err: err}
	}
	return &api.Error{Code: api.CodeInternal, Err: err}
}

// decodeReason reads an api.Error from JSON, or from a JSON string that holds one.
func decodeReason(reason string, depth int) *api.Error {
	var e api.Error
	if wire.Decode([]byte(reason), &e) == nil && e.Code != "" {
		return &e
	}
	var inner string
	if depth > 0 && wire.Decode([]byte(reason), &inner) == nil {
		return decodeReason(inner, depth-1)
	}
	return nil
}
