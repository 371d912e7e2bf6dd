package desktop_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/desktop"
)

func TestCheckDisplay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		goos string
		env  map[string]string
		ok   bool
	}{
		"Linux, nothing":        {"linux", nil, false},
		"Linux, dead X display": {"linux", map[string]string{"DISPLAY": ":64123.0"}, false},
		"Linux, X elsewhere":    {"linux", map[string]string{"DISPLAY": "desk.example:0"}, true},
		"Linux, Wayland":        {"linux", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, true},
		"Windows":               {"windows", nil, true},
		"macOS":                 {"darwin", nil, true},
	} {
		err := desktop.CheckDisplay(t.Context(), c.goos, func(key string) string { return c.env[key] })
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && api.CodeOf(err) == api.CodeInternal {
			t.Errorf("%s: not fit for a person: %v", name, err)
		}
	}
}
