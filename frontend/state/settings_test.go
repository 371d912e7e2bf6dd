package state_test

import (
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

func TestPortsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typed string
		want  []int
		bad   bool
	}{
		{"", nil, false},
		{" 8080 ,8443;9000", []int{8080, 8443, 9000}, false},
		{"80", nil, true},
		{"x", nil, true},
		{"70000", nil, true},
		{"99999999999999999999999", nil, true},
		{"-8080", nil, true},
		{"８０８０", nil, true},
	} {
		s := opened(t)
		s.Update(state.Edit{Field: state.FieldPorts, Value: c.typed})
		cmds := s.Update(state.SaveSettings{})
		if c.bad {
			none[state.CallSaveSettings](t, cmds)
			continue
		}
		if got := want[state.CallSaveSettings](t, cmds).Settings.Ports; !slices.Equal(got, c.want) {
			t.Errorf("%q: %v", c.typed, got)
		}
	}
}

// TestRefusedBrowserIsForgotten: what is chosen next is saved without it.
func TestRefusedBrowserIsForgotten(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Form[state.FieldBrowser] = "sh -c evil"
	wanted := want[state.CallSaveSettings](t, s.Update(state.SaveSettings{})).Settings
	s.Update(state.SettingsSaved{Settings: wanted, Err: &api.Error{Code: api.CodeUsage}})
	if next := want[state.CallSaveSettings](t, s.Update(state.SetTheme{Theme: "dark"})).Settings; next.Browser != "" {
		t.Errorf("the next choice is saved with the browser %q", next.Browser)
	}
	s.Form[state.FieldBrowser] = "firefox"
	wanted = want[state.CallSaveSettings](t, s.Update(state.SaveSettings{})).Settings
	s.Update(state.SettingsSaved{Settings: wanted})
	if next := want[state.CallSaveSettings](t, s.Update(state.SetTheme{Theme: "light"})).Settings; next.Browser != "firefox" {
		t.Errorf("the next choice is saved with the browser %q", next.Browser)
	}
}

func TestSavedIsToldOnceItIs(t *testing.T) {
	t.Parallel()
	for _, err := range []*api.Error{nil, {Code: api.CodeProfileUnwritable}} {
		s := opened(t)
		s.Toasts = nil
		want[state.CallSaveSettings](t, s.Update(state.SaveSettings{}))
		if toasted(s, "toast.saved") {
			t.Error("told before it was saved")
		}
		if s.Update(state.SettingsSaved{Err: err}); toasted(s, "toast.saved") != (err == nil) || len(s.Toasts) != 1 {
			t.Errorf("%v: %+v", err, s.Toasts)
		}
		if s.Update(state.SettingsSaved{}); len(s.Toasts) != 1 {
			t.Error("a theme is announced")
		}
	}
}

// TestRefusedSettingStandsBesideItsField: for what the button saved, and nowhere else.
func TestRefusedSettingStandsBesideItsField(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Toasts = nil
	refused := &api.Error{Code: api.CodeUsage, Why: "browser-name", Params: map[string]string{"field": "browser"}}
	want[state.CallSaveSettings](t, s.Update(state.SaveSettings{}))
	if f := want[state.Focus](t, s.Update(state.SettingsSaved{Err: refused})); f.ID != "browser" || s.Settings.Error != refused {
		t.Errorf("focus on %q, error %v", f.ID, s.Settings.Error)
	}
	if len(s.Toasts) != 0 {
		t.Errorf("told elsewhere: %+v", s.Toasts)
	}
	want[state.CallSaveSettings](t, s.Update(state.SaveSettings{}))
	if s.Settings.Error != nil {
		t.Error("the refusal stays while it is saved again")
	}
}
