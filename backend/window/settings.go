package window

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/profile"
)

// SaveSettings stores the person's choices. The error is CodeUsage if one of them is not allowed.
func (w *Window) SaveSettings(ctx context.Context, s api.Settings) error {
	s.Browser = strings.TrimSpace(s.Browser)
	if err := checkSettings(s); err != nil {
		return err
	}
	err := w.backend.Profiles.Update(ctx, func(d *profile.Data) error {
		// The page may not choose a command: it must not decide which program runs, and a browser's own options can name
		// programs, too.
		if s.Browser != d.Settings.Browser && s.Browser != "" && !slices.Contains(browser.Known, s.Browser) {
			return &api.Error{
				Code: api.CodeUsage, Why: "browser-name",
				Params: map[string]string{"field": "browser", "browsers": strings.Join(browser.Known, ", ")},
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

func checkSettings(s api.Settings) error {
	bad := func(why api.Why, value string) error {
		return &api.Error{Code: api.CodeUsage, Why: why, Params: map[string]string{"value": value}}
	}
	const portsMost = 20
	for i, p := range s.Ports {
		if err := profile.CheckPort(p); err != nil {
			return err
		}
		switch {
		case slices.Contains(s.Ports[:i], p):
			return bad("ports-twice", strconv.Itoa(p))
		case i == portsMost:
			return bad("ports-many", strconv.Itoa(portsMost))
		}
	}
	if !slices.Contains([]string{"", "system", "light", "dark"}, s.Theme) {
		return bad("no-theme", api.Printable(s.Theme))
	}
	if !slices.Contains([]string{"", "system", "en", "de"}, s.Language) {
		return bad("no-language", api.Printable(s.Language))
	}
	return nil
}
