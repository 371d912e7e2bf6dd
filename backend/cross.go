package backend

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jellybind/jellybind/backend/api"
)

// CrossError is what a failed call gives to the page: code, sentence and hint as JSON in a string, for Wails' runtime makes
// an Error of it, whose message is a string. What carries no code is a fault of the app; its text is kept from the page, for
// it may hold anything.
func CrossError(err error) any {
	e, ok := errors.AsType[*api.Error](err)
	switch {
	case ok:
	case errors.Is(err, context.Canceled):
		e = &api.Error{Code: api.CodeCancelled, Sentence: "It was cancelled."}
	default:
		e = &api.Error{
			Code:     api.CodeInternal,
			Sentence: "Something in Jellybind went wrong.",
			Hint:     "Try again; when it stays so, report it with what you did.",
		}
	}
	text, err := json.Marshal(e)
	if err != nil {
		return string(e.Code)
	}
	return string(text)
}
