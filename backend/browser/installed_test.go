package browser_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/browser"
)

func TestInstalled(t *testing.T) {
	dir, end := t.TempDir(), ""
	if runtime.GOOS == "windows" {
		end = ".exe"
	}
	for name, mode := range map[string]os.FileMode{"vivaldi": 0o755, "firefox": 0o755, "not-one": 0o755} {
		if err := os.WriteFile(filepath.Join(dir, name+end), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	if got := browser.Installed(); !slices.Equal(got, []string{"firefox", "vivaldi"}) {
		t.Errorf("finds %v", got)
	}
}
