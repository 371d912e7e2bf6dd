package window_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/window"
)

// TestPageLanguage: where the environment names no language, the browser's page is in that of the window, in the demo too,
// unless the person has chosen another one.
func TestPageLanguage(t *testing.T) { //nolint:paralleltest // it changes the environment
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		t.Setenv(name, "")
	}
	b := backend.New(backend.Options{Profiles: &profile.Memory{}})
	w := window.New(b, func(string, any) {})
	if got := b.Language(); got != "" {
		t.Errorf("before the page has said so: %q", got)
	}
	for _, page := range []string{"de-AT", ""} {
		boot, err := w.Bootstrap(t.Context(), page)
		if err != nil || boot.Locale != "de-AT" || backend.New(b.Options).Language() != "de-AT" {
			t.Errorf("the page says %q: locale %q, page %q, %v", page, boot.Locale, b.Language(), err)
		}
	}
	if err := w.SaveSettings(t.Context(), api.Settings{Language: "en"}); err != nil || b.Language() != "en" {
		t.Errorf("chosen: %q, %v", b.Language(), err)
	}
	t.Setenv("LANG", "fr_FR.UTF-8")
	if err := w.SaveSettings(t.Context(), api.Settings{}); err != nil || b.Language() != "fr-FR" {
		t.Errorf("of the environment: %q, %v", b.Language(), err)
	}
}
