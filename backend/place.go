package backend

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
)

// The limits of a window, in the system's logical pixels.
const (
	WindowMinWidth  = 800
	WindowMinHeight = 560
	windowMost      = 16384 // wider and higher than any screen
	windowFarthest  = 32000 // Windows puts minimised windows at -32000
	windowInSight   = 100   // of a window must be on the screen, or nobody finds it
)

// Screen is a screen's size in logical pixels.
type Screen struct{ Width, Height int }

// WindowState returns where the window was when it was closed last, as far as that makes sense, and the theme. The size is
// 1200 × 800 by default. The profile file may be damaged or locked: the window opens all the same.
func (w *Window) WindowState(ctx context.Context) (state api.WindowState, theme string) {
	state = api.WindowState{Width: 1200, Height: 800}
	data, err := w.stored.Profiles.Load(ctx)
	if err != nil {
		return state, ""
	}
	if kept := data.Window; kept != nil && sensible(*kept) {
		state = *kept
	}
	return state, data.Settings.Theme
}

// SaveWindow keeps where the window is. A maximised one keeps the size and place to which it returns. What makes no sense
// is not kept, and no error: the window is closing.
func (w *Window) SaveWindow(ctx context.Context, now api.WindowState) error {
	before, _ := w.WindowState(ctx)
	if now.Maximised {
		before.Maximised = true
		now = before
	}
	if !sensible(now) {
		return nil
	}
	return w.stored.Profiles.Update(ctx, func(d *profile.Data) error { d.Window = &now; return nil })
}

func sensible(s api.WindowState) bool {
	within := func(n, least, most int) bool { return n >= least && n <= most }
	return within(s.Width, WindowMinWidth, windowMost) && within(s.Height, WindowMinHeight, windowMost) &&
		within(s.X, -windowFarthest+1, windowFarthest) && within(s.Y, -windowFarthest+1, windowFarthest)
}

// InSight reports whether a window would be seen on one of the screens: enough of it to be grabbed, its title bar too.
// (0, 0) is where systems say that a window is which do not tell (Wayland).
func InSight(s api.WindowState, screens []Screen) bool {
	if s.X == 0 && s.Y == 0 {
		return false
	}
	for _, screen := range screens {
		if s.X > -s.Width+windowInSight && s.X < screen.Width-windowInSight && s.Y >= 0 && s.Y < screen.Height-windowInSight {
			return true
		}
	}
	return false
}
