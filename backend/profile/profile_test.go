package profile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
)

var sameData = cmp.Options{cmpopts.IgnoreUnexported(profile.Data{}, profile.Entry{})}

func entry(name string) profile.Entry {
	return profile.Entry{Profile: api.Profile{Name: name, URL: "https://" + name + ".example.org/jf", Credential: api.CredentialAdmin}}
}

func wantCode(t *testing.T, err error, code api.Code) *api.Error {
	t.Helper()
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Code != code {
		t.Fatalf("error is %T %+v, want code %q", err, err, code)
	}
	return e
}

func load(t *testing.T, s *profile.Store) profile.Data {
	t.Helper()
	d, err := s.Load(t.Context())
	if err != nil {
		t.Fatalf("Load: %v (%v)", err, errors.Unwrap(err))
	}
	return d
}

func update(t *testing.T, s *profile.Store, change func(*profile.Data) error) {
	t.Helper()
	if err := s.Update(t.Context(), change); err != nil {
		t.Fatalf("Update: %v (%v)", err, errors.Unwrap(err))
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "by", "update")
	s := profile.Open(dir, profile.WithRandom(bytes.NewReader(bytes.Repeat([]byte{0xAB}, 64))))
	if diff := cmp.Diff(profile.Empty(), load(t, s), sameData); diff != "" {
		t.Errorf("before anything was stored: %s", diff)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load made the folder: %v", err)
	}
	full := profile.Entry{
		Profile: api.Profile{
			Name: "Zuhause <&> ü 漢字", URL: "https://jf.example.org:8920/base", ServerID: "7c1f", Credential: api.CredentialAdmin,
			UserID: "aa", UserName: "Ada", PinnedSHA256: "AA:BB", Default: true,
		},
		Providers: []api.ProviderSettings{{
			Protocol: api.OIDC, Provider: "authelia", Port: 49152, ListenHost: "localhost", ClientID: "jellybind",
			Scopes: []string{"openid", "groups"}, HasSecret: true, AllowSHA1: true,
		}},
	}
	want := profile.Data{
		Version: profile.Version,
		Profiles: []profile.Entry{
			full,
			{Profile: api.Profile{Name: "second", URL: "http://[fe80::1%25eth0]:8096", Credential: api.CredentialKey}, DeviceID: "kept"},
		},
		Settings: api.Settings{Theme: "dark", Language: "de", Browser: "firefox -P x", Ports: []int{1, 2}},
		Window:   &api.WindowState{X: -10, Y: 20, Width: 1200, Height: 800, Maximised: true},
	}
	update(t, s, func(d *profile.Data) error { *d = want; return nil })
	want.Profiles[0].DeviceID = strings.Repeat("ab", 16)
	got := load(t, profile.Open(dir))
	if diff := cmp.Diff(want, got, sameData); diff != "" {
		t.Errorf("read back: %s", diff)
	}
	update(t, s, func(*profile.Data) error { return nil })
	if diff := cmp.Diff(want, load(t, s), sameData); diff != "" {
		t.Errorf("a second write changed it, the device id perhaps: %s", diff)
	}
	b, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "\n      \"name\": \"Zuhause <&> ü 漢字\",\n") {
		t.Errorf("the file is not readable:\n%s", b)
	}
	if runtime.GOOS != "windows" {
		for path, mode := range map[string]os.FileMode{s.Path(): 0o600, dir: 0o700} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s has mode %v, want %v (%v)", path, info.Mode().Perm(), mode, err)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 2 {
		t.Errorf("files in the folder: %v, want the file and its lock", left)
	}
}

func TestModeOfAnEarlierFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	s := profile.Open(t.TempDir())
	if err := os.WriteFile(s.Path(), []byte(`{"version":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(d *profile.Data) error { return d.Add(entry("a")) })
	if info, err := os.Stat(s.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestSymbolicLinkOutlivesAWrite(t *testing.T) {
	t.Parallel()
	dir, target := t.TempDir(), filepath.Join(t.TempDir(), "dotfiles.json")
	if err := os.WriteFile(target, []byte(`{"version":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := profile.Open(dir)
	if err := os.Symlink(target, s.Path()); err != nil {
		t.Skipf("this system makes no symbolic links: %v", err)
	}
	update(t, s, func(d *profile.Data) error { return d.Add(entry("a")) })
	if info, err := os.Lstat(s.Path()); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v %v", info.Mode(), err)
	}
	if b, _ := os.ReadFile(target); !strings.Contains(string(b), "a.example.org") {
		t.Errorf("the target was not written: %s", b)
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	s := profile.Open(t.TempDir())
	defaults := func() string {
		var out []string
		for _, p := range load(t, s).Profiles {
			mark := p.Name
			if p.Default {
				mark += "*"
			}
			out = append(out, mark)
		}
		return strings.Join(out, " ")
	}
	d := load(t, s)
	_, err := d.Find("")
	wantCode(t, err, api.CodeProfileNotFound)

	for _, name := range []string{"a", "b", "c"} {
		update(t, s, func(d *profile.Data) error { return d.Add(entry(name)) })
	}
	if got := defaults(); got != "a* b c" {
		t.Errorf("after adding: %s", got)
	}
	update(t, s, func(d *profile.Data) error { return d.SetDefault("b") })
	if got := defaults(); got != "a b* c" {
		t.Errorf("after SetDefault: %s", got)
	}
	late := entry("d")
	late.Default = true
	update(t, s, func(d *profile.Data) error { return d.Add(late) })
	if got := defaults(); got != "a b c d*" {
		t.Errorf("after adding a default: %s", got)
	}
	update(t, s, func(d *profile.Data) error { return d.Remove("d") })
	if got := defaults(); got != "a* b c" {
		t.Errorf("after removing the default: %s", got)
	}
	before, _ := os.ReadFile(s.Path())
	wantCode(t, s.Update(t.Context(), func(d *profile.Data) error { return d.Add(entry("b")) }), api.CodeProfileExists)
	wantCode(t, s.Update(t.Context(), func(d *profile.Data) error { return d.Remove("z") }), api.CodeProfileNotFound)
	wantCode(t, s.Update(t.Context(), func(d *profile.Data) error { return d.SetDefault("z\x1b[2J") }), api.CodeProfileNotFound)
	own := errors.New("the caller's own")
	if err := s.Update(t.Context(), func(d *profile.Data) error { d.Profiles = nil; return own }); !errors.Is(err, own) {
		t.Errorf("the caller's error became %v", err)
	}
	if after, _ := os.ReadFile(s.Path()); !bytes.Equal(before, after) {
		t.Error("a failed update wrote the file")
	}

	d = load(t, s)
	ids := map[string]bool{}
	for _, p := range d.Profiles {
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(p.DeviceID) || ids[p.DeviceID] {
			t.Errorf("device id %q", p.DeviceID)
		}
		ids[p.DeviceID] = true
	}
	e, err := d.Find("b")
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Provider(api.SAML, "x"); cmp.Diff(got, api.ProviderSettings{Protocol: api.SAML, Provider: "x"}) != "" {
		t.Errorf("a provider never set: %+v", got)
	}
	for _, port := range []int{1, 2} {
		e.SetProvider(api.ProviderSettings{Protocol: api.SAML, Provider: "x", Port: port})
	}
	e.SetProvider(api.ProviderSettings{Protocol: api.OIDC, Provider: "x", Port: 3})
	if len(e.Providers) != 2 || e.Provider(api.SAML, "x").Port != 2 || e.Provider(api.OIDC, "x").Port != 3 {
		t.Errorf("providers: %+v", e.Providers)
	}
}

func TestFindByAddress(t *testing.T) {
	t.Parallel()
	d := profile.Data{}
	for name, url := range map[string]string{
		"home": "https://media.example.com/jf", "one": "http://192.168.1.20:8096", "two": "http://192.168.1.20:8096",
		"other.example": "https://elsewhere.example", "elsewhere": "https://other.example",
	} {
		d.Profiles = append(d.Profiles, profile.Entry{Profile: api.Profile{Name: name, URL: url}})
	}
	for typed, want := range map[string]string{
		"https://media.example.com/jf": "home", "https://Media.Example.com/jf/": "home", "media.example.com/jf": "home",
		"other.example": "other.example", "https://other.example": "elsewhere", "HOME": "home",
	} {
		e, err := d.Find(typed)
		if err != nil || e.Name != want {
			t.Errorf("%s: %v, %v", typed, e, err)
		}
	}
	for typed, code := range map[string]api.Code{
		"media.example.com": api.CodeProfileNotFound, "http://media.example.com/jf": api.CodeProfileNotFound,
		"192.168.1.20:8096": api.CodeUsage, "": api.CodeProfileNotFound,
	} {
		_, err := d.Find(typed)
		wantCode(t, err, code)
	}
	if err := d.SetDefault("media.example.com/jf"); err != nil {
		t.Fatal(err)
	}
	if e, err := d.Find(""); err != nil || e.Name != "home" {
		t.Errorf("the default is %v: %v", e, err)
	}
}

// TestNote: what is written down of an identity is replaced as a whole, and dropped by an empty text.
func TestNote(t *testing.T) {
	t.Parallel()
	maria := api.Identity{Protocol: api.OIDC, Provider: "keycloak", Name: "3f0c1a62"}
	noah := api.Identity{Protocol: api.OIDC, Provider: "keycloak", Name: "noah"}
	var e profile.Entry
	for _, n := range []api.IdentityNote{
		{Identity: maria, Text: "Maria"}, {Identity: noah, Text: "at work"}, {Identity: maria, Text: "Maria, at home"},
	} {
		e.SetNote(n)
	}
	if got := e.Note(maria); got != "Maria, at home" || len(e.Notes) != 2 {
		t.Errorf("got %q of %v", got, e.Notes)
	}
	e.SetNote(api.IdentityNote{Identity: noah})
	if got := e.Note(noah); got != "" || len(e.Notes) != 1 {
		t.Errorf("not forgotten: %q, %v", got, e.Notes)
	}
}

func TestWhatMustNotBeStored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*profile.Entry)
		code   api.Code
	}{
		"no name":          {func(e *profile.Entry) { e.Name = "" }, api.CodeUsage},
		"escapes":          {func(e *profile.Entry) { e.Name = "a\x1b[2J" }, api.CodeUsage},
		"long name":        {func(e *profile.Entry) { e.Name = strings.Repeat("n", 201) }, api.CodeUsage},
		"invalid UTF-8":    {func(e *profile.Entry) { e.Name = "a\xff" }, api.CodeUsage},
		"demo":             {func(e *profile.Entry) { e.Demo = true }, api.CodeUsage},
		"password":         {func(e *profile.Entry) { e.URL = "https://ada:pw@host" }, api.CodeAddressInvalid},
		"user":             {func(e *profile.Entry) { e.URL = "https://ada@host" }, api.CodeAddressInvalid},
		"key in the query": {func(e *profile.Entry) { e.URL = "https://host/?ApiKey=1" }, api.CodeAddressInvalid},
		"fragment":         {func(e *profile.Entry) { e.URL = "https://host/#t=1" }, api.CodeAddressInvalid},
		"scheme":           {func(e *profile.Entry) { e.URL = "file:///etc/passwd" }, api.CodeAddressInvalid},
		"no host":          {func(e *profile.Entry) { e.URL = "https:///x" }, api.CodeAddressInvalid},
		"no address":       {func(e *profile.Entry) { e.URL = "" }, api.CodeAddressInvalid},
		"no URL":           {func(e *profile.Entry) { e.URL = "https://ho st" }, api.CodeAddressInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := profile.Open(t.TempDir())
			e := entry("a")
			c.change(&e)
			err := wantCode(t, s.Update(t.Context(), func(d *profile.Data) error { return d.Add(e) }), c.code)
			if strings.Contains(fmt.Sprintf("%+v", err), "ada:pw") {
				t.Errorf("the error holds the password: %+v", err)
			}
			if _, err := os.Stat(s.Path()); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the file was written: %v", err)
			}
		})
	}
}

func TestUnknownFieldsAreKept(t *testing.T) {
	t.Parallel()
	s := profile.Open(t.TempDir())
	const content = "\uFEFF" + `{"version":1,"later":{"a":[1,2.50,"<x>"]},"profiles":[
		{"name":"a","url":"http://a","credential":"api-key","default":true,"deviceId":"d","colour":"red","deep":{"x":null}}],
		"settings":{"theme":"dark","language":"en"},"zoom":125}`
	if err := os.WriteFile(s.Path(), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(d *profile.Data) error {
		d.Profiles[0].UserName = "Ada"
		return d.Add(entry("b"))
	})
	var got map[string]any
	b, _ := os.ReadFile(s.Path())
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	first := got["profiles"].([]any)[0].(map[string]any)
	if got["zoom"] != 125.0 || first["colour"] != "red" || first["userName"] != "Ada" || first["deviceId"] != "d" ||
		!strings.Contains(string(b), "2.50") || !strings.Contains(string(b), `"x": null`) {
		t.Errorf("lost:\n%s", b)
	}
	if d := load(t, s); len(d.Profiles) != 2 || d.Settings.Theme != "dark" {
		t.Errorf("read back: %+v", d)
	}
}

var damagedFiles = map[string]string{
	"empty":         "",
	"half":          `{"version":1,"profiles":[{"na`,
	"not JSON":      "servers:\n  - a\n",
	"two objects":   `{"version":1}{"version":1}`,
	"array":         `[]`,
	"null":          `null`,
	"no version":    `{"profiles":[]}`,
	"wrong type":    `{"version":1,"profiles":{"a":1}}`,
	"same name":     `{"version":1,"profiles":[{"name":"a","url":"http://a"},{"name":"a","url":"http://b"}]}`,
	"bad address":   `{"version":1,"profiles":[{"name":"a","url":"javascript:alert(1)"}]}`,
	"zero bytes":    "\x00\x00\x00\x00",
	"invalid UTF-8": "{\"version\":1,\"x\":\"\xff\"}",
	"too large":     `{"version":1,"x":"` + strings.Repeat("x", 8<<20) + `"}`,
}

func TestDamagedFileIsKeptAside(t *testing.T) {
	t.Parallel()
	when := func() time.Time { return time.Date(2026, 11, 24, 7, 1, 48, 0, time.FixedZone("", 3600)) }
	const kept = "servers.json.damaged-20261124T060148Z"
	for name, content := range damagedFiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := profile.Open(dir, profile.WithClock(when))
			for round, call := range []func() error{
				func() error { _, err := s.Load(t.Context()); return err },
				func() error {
					return s.Update(t.Context(), func(*profile.Data) error { t.Error("changed a damaged file"); return nil })
				},
			} {
				if err := os.WriteFile(s.Path(), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
				want := kept
				if round > 0 {
					want += "-2"
				}
				err := wantCode(t, call(), api.CodeProfileDamaged)
				if !errors.Is(err, profile.ErrDamaged) || err.Params["file"] != want {
					t.Errorf("round %d: %+v", round, err)
				}
				if b, err := os.ReadFile(filepath.Join(dir, want)); err != nil || string(b) != content {
					t.Errorf("round %d: kept %q, %v", round, b[:min(len(b), 80)], err)
				}
			}
			// Reported once.
			if diff := cmp.Diff(profile.Empty(), load(t, s), sameData); diff != "" {
				t.Errorf("after the report: %s", diff)
			}
			update(t, s, func(d *profile.Data) error { return d.Add(entry("new")) })
			if b, _ := os.ReadFile(filepath.Join(dir, kept)); string(b) != content {
				t.Error("the kept file was touched")
			}
		})
	}
}

func TestNewerFileIsRefused(t *testing.T) {
	t.Parallel()
	s := profile.Open(t.TempDir())
	const content = `{"version":2,"profiles":{"shape":"new"}}`
	if err := os.WriteFile(s.Path(), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.Load(t.Context())
	if e := wantCode(t, err, api.CodeProfileNewer); !errors.Is(e, profile.ErrNewer) {
		t.Errorf("cause %v", e.Err)
	}
	wantCode(t, s.Update(t.Context(), func(d *profile.Data) error { return d.Add(entry("a")) }), api.CodeProfileNewer)
	if b, _ := os.ReadFile(s.Path()); string(b) != content {
		t.Errorf("the file is now %s", b)
	}
}

func TestSecondWriterWaitsAndGivesUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, impatient := profile.Open(dir), profile.Open(dir, profile.WithLockTimeout(100*time.Millisecond))
	update(t, s, func(*profile.Data) error {
		wantCode(t, impatient.Update(t.Context(), func(*profile.Data) error { t.Error("two writers"); return nil }), api.CodeProfileBusy)
		_, err := impatient.Load(t.Context())
		wantCode(t, err, api.CodeProfileBusy)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Update(ctx, func(*profile.Data) error { return nil }); !api.IsCode(err, api.CodeCancelled) {
			t.Errorf("cancelled: %v", err)
		}
		return nil
	})
	update(t, impatient, func(*profile.Data) error { return nil })
}

func TestWritersInOneProcess(t *testing.T) {
	t.Parallel()
	s := profile.Open(t.TempDir(), profile.WithLockTimeout(time.Minute))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { update(t, s, func(d *profile.Data) error { return d.Add(entry(fmt.Sprintf("s%d", i))) }) })
		wg.Go(func() { load(t, s) })
	}
	wg.Wait()
	if n := len(load(t, s).Profiles); n != 16 {
		t.Errorf("%d profiles, want 16", n)
	}
}

// TestWritersInTwoProcesses starts the test's binary twice; both add servers to one file while it is read.
func TestWritersInTwoProcesses(t *testing.T) {
	t.Parallel()
	const each = 25
	if who := os.Getenv("JELLYBIND_PROFILE_WRITER"); who != "" {
		s := profile.Open(os.Getenv("JELLYBIND_PROFILE_DIR"), profile.WithLockTimeout(time.Minute))
		for i := range each {
			update(t, s, func(d *profile.Data) error { return d.Add(entry(fmt.Sprintf("%s%d", who, i))) })
		}
		return
	}
	dir := t.TempDir()
	var wg sync.WaitGroup
	done := make(chan struct{})
	for _, who := range []string{"x", "y"} {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWritersInTwoProcesses$", "-test.count=1")
			cmd.Env = append(os.Environ(), "JELLYBIND_PROFILE_WRITER="+who, "JELLYBIND_PROFILE_DIR="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	s := profile.Open(dir, profile.WithLockTimeout(time.Minute))
	seen := 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(time.Millisecond):
		}
		n := len(load(t, s).Profiles)
		if n < seen {
			t.Fatalf("a reader saw %d profiles after %d", n, seen)
		}
		seen = n
	}
	d := load(t, s)
	ids := map[string]bool{}
	for _, p := range d.Profiles {
		ids[p.DeviceID] = true
	}
	if len(d.Profiles) != 2*each || len(ids) != 2*each {
		t.Errorf("%d profiles with %d device ids, want %d", len(d.Profiles), len(ids), 2*each)
	}
}

func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := profile.Open(dir)
	wantCode(t, s.Update(t.Context(), func(*profile.Data) error { return nil }), api.CodeProfileUnwritable)

	// The file's place is taken by a folder.
	s = profile.Open(t.TempDir())
	if err := os.Mkdir(s.Path(), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := s.Load(t.Context())
	wantCode(t, err, api.CodeProfileUnwritable)
	wantCode(t, s.Update(t.Context(), func(*profile.Data) error { return nil }), api.CodeProfileUnwritable)
}

func TestDir(t *testing.T) {
	t.Setenv(profile.DirEnv, "/somewhere/else")
	if dir, err := profile.Dir(); err != nil || dir != "/somewhere/else" {
		t.Errorf("Dir = %q, %v", dir, err)
	}
	t.Setenv(profile.DirEnv, "")
	want, err := os.UserConfigDir()
	if err != nil {
		t.Skip("no configuration folder here")
	}
	if dir, err := profile.Dir(); err != nil || dir != filepath.Join(want, "jellybind") {
		t.Errorf("Dir = %q, %v", dir, err)
	}
}

// FuzzLoad: whatever is in the file, either it is understood and survives a write unchanged, or it is refused, and not
// a byte of it is lost.
func FuzzLoad(f *testing.F) {
	for _, content := range damagedFiles {
		if len(content) < 1000 {
			f.Add([]byte(content))
		}
	}
	f.Add([]byte(`{"version":1,"VERSION":1,"later":1,"profiles":[{"name":"a","url":"http://a","x":[{}]}],"window":{"x":1}}`))
	f.Add([]byte(`{"version":99}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		s := profile.Open(t.TempDir())
		if err := os.WriteFile(s.Path(), content, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := s.Load(t.Context())
		switch api.CodeOf(err) {
		case "":
			update(t, s, func(*profile.Data) error { return nil })
			again := load(t, s)
			for i := range d.Profiles {
				if d.Profiles[i].DeviceID == "" {
					again.Profiles[i].DeviceID = ""
				}
			}
			if diff := cmp.Diff(d, again, sameData, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("a write changed it: %s", diff)
			}
		case api.CodeProfileNewer:
			if b, _ := os.ReadFile(s.Path()); !bytes.Equal(b, content) {
				t.Error("a newer file was changed")
			}
		case api.CodeProfileDamaged:
			e, _ := errors.AsType[*api.Error](err)
			if b, err := os.ReadFile(filepath.Join(e.Params["folder"], e.Params["file"])); err != nil || !bytes.Equal(b, content) {
				t.Errorf("the damaged file was not kept: %v", err)
			}
		default:
			t.Errorf("Load: %v", err)
		}
	})
}
