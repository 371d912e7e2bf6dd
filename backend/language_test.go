package backend

import (
	"testing"
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
