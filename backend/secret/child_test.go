package secret_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

// child runs the calling test in a process of its own within the session.
func child(t *testing.T, s *secrettest.Session, step string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(append(os.Environ(), s.Env...), "JELLYBIND_SECRETTEST=child", "JELLYBIND_STEP="+step)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// searchFor fails the test when any file under dir holds the text.
func searchFor(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(b), text) {
			t.Errorf("%s holds the secret in the clear", path)
		}
		return err
	})
	if err != nil {
		t.Errorf("searching %s: %v", dir, err)
	}
}
