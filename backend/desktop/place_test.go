package desktop_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/desktop"
	"github.com/jellybind/jellybind/backend/profile"
)

func TestPlace(t *testing.T) {
	t.Parallel()
	profiles := profile.Open(t.TempDir())
	ctx := t.Context()
	first := api.WindowState{Width: 1200, Height: 800}
	if got, _ := desktop.Place(ctx, profiles); got != first {
		t.Errorf("at first %+v", got)
	}
	kept := api.WindowState{X: 40, Y: 30, Width: 1000, Height: 700}
	if err := desktop.SavePlace(ctx, profiles, kept); err != nil {
		t.Fatal(err)
	}
	for _, absurd := range []api.WindowState{
		{},
		{X: 1, Y: 1, Width: 10, Height: 700},
		{Width: 1 << 30, Height: 700},
		{X: -32000, Y: -32000, Width: 1000, Height: 700},
		{X: 1 << 40, Width: 1000, Height: 700},
		{Width: -1000, Height: -700},
	} {
		if err := desktop.SavePlace(ctx, profiles, absurd); err != nil {
			t.Fatal(err)
		}
		if got, _ := desktop.Place(ctx, profiles); got != kept {
			t.Errorf("%+v was kept", absurd)
		}
		// Somebody may have edited the file.
		other := profile.Open(t.TempDir())
		if err := other.Update(ctx, func(d *profile.Data) error { d.Window = &absurd; return nil }); err != nil {
			t.Fatal(err)
		}
		if got, _ := desktop.Place(ctx, other); got != first {
			t.Errorf("%+v in the file gives %+v", absurd, got)
		}
	}
	if err := desktop.SavePlace(ctx, profiles, api.WindowState{Width: 2560, Height: 1400, Maximised: true}); err != nil {
		t.Fatal(err)
	}
	kept.Maximised = true
	if got, _ := desktop.Place(ctx, profiles); got != kept {
		t.Errorf("maximised: %+v, want %+v", got, kept)
	}
}

func TestInSight(t *testing.T) {
	t.Parallel()
	screens := []desktop.Screen{{Width: 1920, Height: 1080}}
	for _, c := range []struct {
		x, y int
		want bool
	}{
		{0, 0, false},
		{10, 10, true},
		{-800, 10, true},
		{-950, 10, false},
		{1800, 10, true},
		{1900, 10, false},
		{10, -5, false},
		{10, 1000, false},
		{2500, 10, false},
	} {
		if got := desktop.InSight(api.WindowState{X: c.x, Y: c.y, Width: 1000, Height: 700}, screens); got != c.want {
			t.Errorf("%d, %d: %v", c.x, c.y, got)
		}
	}
	if desktop.InSight(api.WindowState{X: 10, Y: 10, Width: 1000, Height: 700}, nil) {
		t.Error("in sight without a screen")
	}
}
