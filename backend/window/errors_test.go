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

// Wails' runtime puts what a call failed with into a JavaScript Error, where an object would read "[object Object]".
func TestErrorsCrossAsText(t *testing.T) {
	t.Parallel()
	known := &api.Error{
		Code: api.CodeLinkOwned, Params: map[string]string{"owner": "maria"},
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
		text, ok := window.FormatError(c.err).(string)
		var got api.Error
		if !ok || json.Unmarshal([]byte(text), &got) != nil || got.Code != c.want {
			t.Errorf("%s crosses as %v", name, window.FormatError(c.err))
		}
		if strings.Contains(text, "12345") {
			t.Errorf("%s carries its cause: %s", name, text)
		}
	}
}
