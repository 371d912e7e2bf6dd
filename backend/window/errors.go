package window

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
	e := crossing(err)
	text, err := json.Marshal(e)
	if err != nil {
		return string(e.Code)
	}
	return string(text)
}

// CrossRemoval is what a removal gives to the page. Its error is a part of it, for a failed call would drop what was removed.
func CrossRemoval(changes []api.Change, err error) api.Removal {
	if err == nil {
		return api.Removal{Changes: changes}
	}
	return api.Removal{Changes: changes, Error: crossing(err)}
}

func crossing(err error) *api.Error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) {
		return &api.Error{Code: api.CodeCancelled, Sentence: "It was cancelled."}
	}
	return &api.Error{
		Code:     api.CodeInternal,
		Sentence: "Something in Jellybind went wrong.",
		Hint:     "Try again; when it stays so, report it with what you did.",
	}
}
