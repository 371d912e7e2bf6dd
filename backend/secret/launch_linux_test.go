package secret_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

// TestKeyringStartsNoBus: without a session bus, the libraries would start one by dbus-launch and leave it running.
func TestKeyringStartsNoBus(t *testing.T) {
	t.Parallel()
	if os.Getenv("JELLYBIND_STEP") == "no bus" {
		k := secret.Open()
		if got := k.Check(t.Context()); got.Code != api.CodeSecretUnavailable {
			t.Errorf("Check = %+v", got)
		}
		failsWith(t, k, secret.ErrUnavailable, api.CodeSecretUnavailable)
		return
	}
	if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err == nil {
		t.Skip("this person has a session bus, which would be found without its variable")
	}
	dir := t.TempDir()
	marker := filepath.Join(dir, "launched")
	script := "#!/bin/sh\necho >'" + marker + "'\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "dbus-launch"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKeyringStartsNoBus$", "-test.count=1")
	cmd.Env = append(os.Environ(), "JELLYBIND_STEP=no bus", "PATH="+dir, "DBUS_SESSION_BUS_ADDRESS=", "HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(marker); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a bus was launched: %v", err)
	}
}
