package window

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/words"
)

// FormatError returns what a failed call gives to the page: the code, the reason and the facts as JSON in a string, because
// Wails' runtime makes it the message of a JavaScript Error. An error without a code is a fault of the app. Its text may hold
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
		return &api.Error{Code: api.CodeCancelled}
	}
	return &api.Error{Code: api.CodeInternal}
}

// inWords returns the error with its sentence and hint: the page has no words yet when it starts.
func inWords(language string, err error) error {
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		return err
	}
	told := *e
	told.Sentence, told.Hint = words.For(language).Error(e, words.Window)
	return &told
}
