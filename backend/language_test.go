package backend

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
)

func TestSystemLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, ""}, // Windows, or a program started from the Finder
		{map[string]string{"LANG": "de_AT.UTF-8"}, "de-AT"},
		{map[string]string{"LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8"}, "en"},
		{map[string]string{"LC_MESSAGES": "en_GB", "LANG": "de_DE.UTF-8"}, "en-GB"},
		{map[string]string{"LANG": "POSIX"}, "en"},
		{map[string]string{"LANG": "C"}, "en"},
		{map[string]string{"LANG": "de_DE@euro"}, "de-DE"},
	} {
		if got := systemLanguage(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %q, want %q", c.env, got, c.want)
		}
	}
}

// TestPageLanguage: where the environment names no language, the browser's page is in that of the window, in the demo too,
// unless the person has chosen another one.
func TestPageLanguage(t *testing.T) { //nolint:paralleltest // it changes the environment
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		t.Setenv(name, "")
	}
	w := NewWindow(New(Options{Profiles: &ProfilesInMemory{}}), func(string, any) {})
	if got := w.stored.Language(); got != "" {
		t.Errorf("before the page has said so: %q", got)
	}
	for _, page := range []string{"de-AT", ""} {
		boot, err := w.Bootstrap(t.Context(), page)
		if err != nil || boot.Locale != "de-AT" || New(w.stored.Options).Language() != "de-AT" {
			t.Errorf("the page says %q: locale %q, page %q, %v", page, boot.Locale, w.stored.Language(), err)
		}
	}
	if err := w.SaveSettings(t.Context(), api.Settings{Language: "en"}); err != nil || w.stored.Language() != "en" {
		t.Errorf("chosen: %q, %v", w.stored.Language(), err)
	}
	t.Setenv("LANG", "fr_FR.UTF-8")
	if err := w.SaveSettings(t.Context(), api.Settings{}); err != nil || w.stored.Language() != "fr-FR" {
		t.Errorf("of the environment: %q, %v", w.stored.Language(), err)
	}
}
