package window_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/window"
)

// Wails' runtime makes an Error of what a call failed with, and an object in an Error is "[object Object]".
func TestErrorsCrossAsText(t *testing.T) {
	t.Parallel()
	known := &api.Error{
		Code: api.CodeLinkOwned, Sentence: "It is somebody's.", Hint: "Ask him.", Params: map[string]string{"owner": "maria"},
		Err: errors.New("token 12345"),
	}
	for name, c := range map[string]struct {
		err  error
		want api.Code
	}{
		"one of ours":  {fmt.Errorf("linking: %w", known), api.CodeLinkOwned},
		"cancelled":    {fmt.Errorf("waiting: %w", context.Canceled), api.CodeCancelled},
		"without code": {errors.New("dial tcp: token 12345"), api.CodeInternal},
	} {
		text, ok := window.CrossError(c.err).(string)
		var got api.Error
		if !ok || json.Unmarshal([]byte(text), &got) != nil || got.Code != c.want || got.Sentence == "" {
			t.Errorf("%s crosses as %v", name, window.CrossError(c.err))
		}
		if strings.Contains(text, "12345") {
			t.Errorf("%s carries its cause: %s", name, text)
		}
	}
}

// What was removed before a failure reaches the page with it.
func TestRemovalsCrossWhole(t *testing.T) {
	t.Parallel()
	made := []api.Change{{ID: "1"}}
	if r := window.CrossRemoval(made, nil); len(r.Changes) != 1 || r.Error != nil {
		t.Errorf("crosses as %+v", r)
	}
	if r := window.CrossRemoval(made, fmt.Errorf("removing: %w", context.Canceled)); len(r.Changes) != 1 || r.Error.Code != api.CodeCancelled {
		t.Errorf("a stopped one crosses as %+v", r)
	}
	r := window.CrossRemoval(made, errors.New("dial tcp: token 12345"))
	if len(r.Changes) != 1 || r.Error.Code != api.CodeInternal || strings.Contains(r.Error.Sentence, "12345") {
		t.Errorf("a failed one crosses as %+v", r)
	}
}
