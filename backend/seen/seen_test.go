package seen_test

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/jellybind/jellybind/backend/seen"
)

func TestSave(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "seen")
	s := seen.Open(dir)
	load := func(server, user string) map[string]uint64 {
		t.Helper()
		got, err := seen.Open(dir).Load(server, user)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if load("home", "") != nil {
		t.Error("something was seen before anything was saved")
	}
	want := map[string]uint64{"a": 1, "b": math.MaxUint64}
	for _, digests := range []map[string]uint64{{"c": 3}, want} {
		if err := s.Save("home", "", digests); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Save("../../other", "lena", map[string]uint64{}); err != nil {
		t.Fatal(err)
	}
	if got := load("home", ""); !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if load("home", "lena") != nil || load("../../other", "") != nil {
		t.Error("what another person saw counts as seen")
	}
	if got := load("../../other", "lena"); got == nil || len(got) != 0 {
		t.Errorf("no accounts: %v", got)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", f.Name(), info.Mode())
		}
	}
	for range 2 { // what is gone already is no error
		if err := s.Forget("home"); err != nil {
			t.Fatal(err)
		}
	}
	if load("home", "") != nil || load("../../other", "lena") == nil {
		t.Error("another server was forgotten")
	}
}

func TestDamagedLookIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := seen.Open(dir)
	if err := s.Save("home", "", map[string]uint64{"a": 1}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for _, content := range []string{"", "{", `{"accounts":[]}`, `{"accounts":{"a":-1}}`} {
		if err := os.WriteFile(files[0], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load("home", ""); err == nil {
			t.Errorf("%q: %v", content, got)
		}
	}
	if err := s.Save("home", "", map[string]uint64{"a": 2}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Load("home", ""); err != nil || got["a"] != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWithoutFolderNothingIsKept(t *testing.T) {
	t.Parallel()
	s := seen.Open("")
	if err := s.Save("home", "", map[string]uint64{"a": 1}); err != nil {
		t.Error(err)
	}
	if got, err := s.Load("home", ""); got != nil || err != nil {
		t.Error(got, err)
	}
	if err := s.Forget("home"); err != nil {
		t.Error(err)
	}
}
