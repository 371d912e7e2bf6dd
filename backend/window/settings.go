package window

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
)

// SaveSettings stores the person's choices. The error is CodeUsage if one of them is not allowed.
func (w *Window) SaveSettings(ctx context.Context, s api.Settings) error {
	s.Browser = strings.TrimSpace(s.Browser)
	if err := checkSettings(s); err != nil {
		return err
	}
	err := w.backend.Profiles.Update(ctx, func(d *profile.Data) error {
		if s.Browser != d.Settings.Browser && !slices.Contains(browsers, s.Browser) {
			return &api.Error{
				Code: api.CodeUsage, Why: "browser-name", Sentence: "The window takes a browser by its name only.",
				Params: map[string]string{"field": "browser", "browsers": strings.Join(browsers[1:], ", ")},
				Hint:   "Take one of " + strings.Join(browsers[1:], ", ") + ". A command of your own goes into servers.json.",
			}
		}
		d.Settings = s
		return nil
	})
	if err != nil {
		return err
	}
	if open, b, err := w.current(); err == nil && b == w.backend {
		open.Linker.SetPorts(s.Ports)
	}
	return nil
}

// browsers are the browsers that the window may choose; "" is the system's default. It may not choose a command: the page
// must not decide which program runs, and a browser's own options can name programs, too.
var browsers = []string{
	"", "firefox", "firefox-esr", "librewolf", "chromium", "chromium-browser", "google-chrome", "brave-browser",
	"microsoft-edge", "vivaldi", "opera", "epiphany",
}

func checkSettings(s api.Settings) error {
	bad := func(why api.Why, value, hint, format string) error {
		return &api.Error{
			Code: api.CodeUsage, Why: why, Sentence: fmt.Sprintf(format, value), Hint: hint, Params: map[string]string{"value": value},
		}
	}
	const portsMost = 20
	for i, p := range s.Ports {
		if err := profile.CheckPort(p); err != nil {
			return err
		}
		switch {
		case slices.Contains(s.Ports[:i], p):
			return bad("ports-twice", strconv.Itoa(p), "Name each port once.", "The port %s is there twice.")
		case i == portsMost:
			return bad("ports-many", strconv.Itoa(portsMost),
				"The first free one is taken, so a few are enough.", "There are more than %s ports.")
		}
	}
	if !slices.Contains([]string{"", "system", "light", "dark"}, s.Theme) {
		return bad("no-theme", api.Printable(s.Theme), "Take system, light or dark.", "There is no theme %q.")
	}
	if !slices.Contains([]string{"", "system", "en", "de"}, s.Language) {
		return bad("no-language", api.Printable(s.Language), "Take system, en or de.", "There is no language %q.")
	}
	return nil
}
