package window

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jellybind/jellybind/backend/api"
)

// FormatError returns what a failed call gives to the page: code, sentence and hint as JSON in a string, because Wails'
// runtime makes it the message of a JavaScript Error. An error without a code is a fault of the app. Its text may hold
// anything, so it does not reach the page.
func FormatError(err error) any {
	e := forPage(err)
	text, err := json.Marshal(e)
	if err != nil {
		return string(e.Code)
	}
	return string(text)
}

// forPage returns err as the page may see it.
func forPage(err error) *api.Error {
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
