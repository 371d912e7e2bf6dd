package desktop

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
)

// The limits of a window, in the system's logical pixels.
const (
	MinWidth  = 800
	MinHeight = 560
	mostSize  = 16384 // larger than any screen
	farthest  = 32000 // Windows puts minimised windows at -32000
	grabbable = 100   // this much must be on a screen, so that people can reach it
)

// Screen is a screen's size in logical pixels.
type Screen struct{ Width, Height int }

// Profiles is where the window's place is stored.
type Profiles interface {
	Load(ctx context.Context) (profile.Data, error)
	Update(ctx context.Context, change func(*profile.Data) error) error
}

// Place returns the window's last place and size, and the theme. A place that makes no sense is replaced by 1200 × 800
// pixels. A profile file that is damaged or locked does not keep the window from opening.
func Place(ctx context.Context, profiles Profiles) (state api.WindowState, theme string) {
	state = api.WindowState{Width: 1200, Height: 800}
	data, err := profiles.Load(ctx)
	if err != nil {
		return state, ""
	}
	if stored := data.Window; stored != nil && sensible(*stored) {
		state = *stored
	}
	return state, data.Settings.Theme
}

// SavePlace stores the window's place and size. A maximised window stores the place and size that it returns to. A state
// that makes no sense is ignored without an error: the window is closing.
func SavePlace(ctx context.Context, profiles Profiles, now api.WindowState) error {
	before, _ := Place(ctx, profiles)
	if now.Maximised {
		before.Maximised = true
		now = before
	}
	if !sensible(now) {
		return nil
	}
	return profiles.Update(ctx, func(d *profile.Data) error { d.Window = &now; return nil })
}

func sensible(s api.WindowState) bool {
	within := func(n, least, most int) bool { return n >= least && n <= most }
	return within(s.Width, MinWidth, mostSize) && within(s.Height, MinHeight, mostSize) &&
		within(s.X, -farthest+1, farthest) && within(s.Y, -farthest+1, farthest)
}

// InSight reports whether enough of a window would be visible on one of the screens to drag it by its title bar.
// (0, 0) means that the system does not report positions (Wayland).
func InSight(s api.WindowState, screens []Screen) bool {
	if s.X == 0 && s.Y == 0 {
		return false
	}
	for _, screen := range screens {
		if s.X > -s.Width+grabbable && s.X < screen.Width-grabbable && s.Y >= 0 && s.Y < screen.Height-grabbable {
			return true
		}
	}
	return false
}
