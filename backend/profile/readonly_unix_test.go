//go:build unix

package profile_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
)

// TestReadOnlyFolder runs its second half in a process without privileges, for root may write anywhere.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	const good, bad = `{"version":1,"profiles":[{"name":"a","url":"http://a"}]}`, `{"version":`
	if dir := os.Getenv("JELLYBIND_READONLY"); dir != "" {
		s := profile.Open(filepath.Join(dir, "good"))
		if d := load(t, s); len(d.Profiles) != 1 {
			t.Errorf("profiles: %+v", d.Profiles)
		}
		wantCode(t, s.Update(t.Context(), func(d *profile.Data) error { return d.Add(entry("b")) }), api.CodeProfileUnwritable)

		s = profile.Open(filepath.Join(dir, "bad"))
		_, err := s.Load(t.Context())
		if e := wantCode(t, err, api.CodeProfileDamaged); e.Params["file"] != "" || !errors.Is(e, profile.ErrDamaged) {
			t.Errorf("%+v", e)
		}
		wantCode(t, s.Update(t.Context(), func(*profile.Data) error { return nil }), api.CodeProfileUnwritable)

		wantCode(t, profile.Open(filepath.Join(dir, "good", "sub")).Update(t.Context(), func(*profile.Data) error { return nil }),
			api.CodeProfileUnwritable)
		return
	}
	dir, err := os.MkdirTemp("", "jellybind-readonly-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	files := map[string]string{"good": good, "bad": bad}
	for name, content := range files {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "servers.json"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{filepath.Join(dir, "good"), filepath.Join(dir, "bad"), dir} {
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
	}
	// The test's binary is where that user may run it.
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	bin, err := os.MkdirTemp("", "jellybind-bin-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(bin) })
	if err := errors.Join(os.Chmod(bin, 0o755), os.WriteFile(filepath.Join(bin, "test"), binary, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "test"), "-test.run=^TestReadOnlyFolder$", "-test.count=1", "-test.v")
	cmd.Dir = bin
	cmd.Env = append(os.Environ(), "JELLYBIND_READONLY="+dir)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for name, content := range files {
		if b, err := os.ReadFile(filepath.Join(dir, name, "servers.json")); err != nil || string(b) != content {
			t.Errorf("%s is now %q, %v", name, b, err)
		}
	}
}
