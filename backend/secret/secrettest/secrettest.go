// Package secrettest gives tests a keyring of their own: a real gnome-keyring on a private session bus, in folders that are
// removed afterwards. Nothing of the person's own session is touched.
//
// The keyring library remembers the bus that a process connected to first, so whatever uses the keyring runs in a
// child process: hand it Session.Env, or let Rerun start the test once more inside the session.
package secrettest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// State is what the session's keyring is like.
type State string

// The states of a session.
const (
	Unlocked  State = "unlocked"   // a login keyring that is open
	Locked    State = "locked"     // a login keyring that is locked, and nobody who could be asked
	NoKeyring State = "no-keyring" // the service, but no keyring in it
	NoService State = "no-service" // a session bus without a Secret Service
	NoBus     State = "no-bus"     // no session bus at all
)

// password opens the login keyring.
const password = "a password of the tests"

// insideVar tells a rerun test its state.
const insideVar = "JELLYBIND_SECRETTEST"

// Session is a private session bus with its keyring. It ends with the test.
type Session struct {
	// Env is the environment for child processes: NAME=VALUE, to be put behind os.Environ().
	Env []string
	// Address is the bus; empty for NoBus.
	Address string

	t testing.TB
}

// Start starts a session. On systems other than Linux it skips the test; on Linux dbus-daemon and gnome-keyring-daemon
// must be installed.
func Start(t testing.TB, state State) *Session {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the private keyring of the tests is gnome-keyring on a session bus, which only Linux has")
	}
	// Not t.TempDir: a socket's path has at most 107 bytes.
	dir, err := os.MkdirTemp("", "jellybind-keyring-")
	if err != nil {
		t.Fatalf("making the session's folder: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Session{t: t}
	for name, sub := range map[string]string{
		"HOME": "home", "XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "cache",
		"XDG_STATE_HOME": "state", "XDG_RUNTIME_DIR": "run",
	} {
		path := filepath.Join(dir, sub)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatalf("making the session's folders: %v", err)
		}
		s.Env = append(s.Env, name+"="+path)
	}
	s.Env = append(s.Env, "GNOME_KEYRING_CONTROL=", "DISPLAY=", "WAYLAND_DISPLAY=")
	s.Address = "unix:path=" + filepath.Join(dir, "bus")
	s.Env = append(s.Env, "DBUS_SESSION_BUS_ADDRESS="+s.Address)
	if state == NoBus {
		s.Address = ""
		return s
	}
	s.startBus(dir)
	if state == NoService {
		return s
	}
	// Without --unlock there is no login keyring. The password comes on stdin, to its end.
	args := []string{"--foreground", "--components=secrets"}
	if state != NoKeyring {
		args = append(args, "--unlock")
	}
	daemon := s.command("gnome-keyring-daemon", args...)
	if state != NoKeyring {
		daemon.Stdin = strings.NewReader(password)
	}
	s.start(daemon)
	conn := s.Connect()
	s.await("gnome-keyring", func() bool {
		var owned bool
		err := conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.freedesktop.secrets").Store(&owned)
		return err == nil && owned && (state == NoKeyring || s.hasLogin(conn))
	})
	if state == Locked {
		s.Lock()
	}
	return s
}

// Lock locks the login keyring.
func (s *Session) Lock() {
	s.t.Helper()
	conn := s.Connect()
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets").
		Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{login}).Store(&locked, &prompt)
	if err != nil || len(locked) != 1 {
		s.t.Fatalf("locking the keyring: %v, locked %v", err, locked)
	}
}

// Unlock unlocks the login keyring, as a person does who is asked for its password.
func (s *Session) Unlock() {
	s.t.Helper()
	service := s.Connect().Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
	var none dbus.Variant
	var session dbus.ObjectPath
	err := service.Call("org.freedesktop.Secret.Service.OpenSession", 0, "plain", dbus.MakeVariant("")).Store(&none, &session)
	if err != nil {
		s.t.Fatalf("opening a session with the keyring: %v", err)
	}
	secret := struct {
		Session           dbus.ObjectPath
		Parameters, Value []byte
		ContentType       string
	}{session, []byte{}, []byte(password), "text/plain"}
	const unlock = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface.UnlockWithMasterPassword"
	if err := service.Call(unlock, 0, login, secret).Err; err != nil {
		s.t.Fatalf("unlocking the keyring: %v", err)
	}
}

// Connect opens a connection to the bus, which ends with the test.
func (s *Session) Connect() *dbus.Conn {
	s.t.Helper()
	conn, err := dbus.Connect(s.Address)
	if err != nil {
		s.t.Fatalf("connecting to the private bus: %v", err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Rerun runs the calling test once more inside a session of that state, in a child process, and reports what it
// reported. It returns true in the child, where the caller goes on with its test, and false in the parent, where it
// returns:
//
//	func TestSomething(t *testing.T) {
//		if !secrettest.Rerun(t, secrettest.Unlocked) {
//			return
//		}
//		… secret.Open() …
//	}
func Rerun(t *testing.T, state State) bool {
	t.Helper()
	if os.Getenv(insideVar) == string(state) {
		return true
	}
	s := Start(t, state)
	args := []string{"-test.run=" + pattern(t.Name()), "-test.count=1", "-test.v"}
	for _, a := range os.Args[1:] {
		if strings.HasPrefix(a, "-test.gocoverdir=") || strings.HasPrefix(a, "-test.timeout=") {
			args = append(args, a)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), s.Env...), insideVar+"="+string(state))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("inside the session (%s): %v\n%s", state, err, out)
	}
	// A pattern that matches nothing passes too.
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("inside the session (%s) the test did not run:\n%s", state, out)
	}
	return false
}

// pattern matches exactly one test of that name, subtests included.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + p + "$"
	}
	return strings.Join(parts, "/")
}

const login = dbus.ObjectPath("/org/freedesktop/secrets/collection/login")

func (s *Session) hasLogin(conn *dbus.Conn) bool {
	var v dbus.Variant
	err := conn.Object("org.freedesktop.secrets", login).
		Call("org.freedesktop.DBus.Properties.Get", 0, "org.freedesktop.Secret.Collection", "Locked").Store(&v)
	locked, ok := v.Value().(bool)
	return err == nil && ok && !locked
}

// startBus starts a bus that starts no services by itself: what is on it is what the test put there.
func (s *Session) startBus(dir string) {
	s.t.Helper()
	config := filepath.Join(dir, "bus.conf")
	err := os.WriteFile(config, []byte(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>`+s.Address+`</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`), 0o600)
	if err != nil {
		s.t.Fatalf("configuring the private bus: %v", err)
	}
	s.start(s.command("dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile"))
	s.await("dbus-daemon", func() bool {
		conn, err := dbus.Connect(s.Address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}

func (s *Session) command(name string, args ...string) *exec.Cmd {
	s.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		s.t.Fatalf("%v: install the Debian packages dbus and gnome-keyring", err)
	}
	cmd := exec.CommandContext(s.t.Context(), path, args...)
	cmd.Env = append(os.Environ(), s.Env...)
	endWithParent(cmd)
	return cmd
}

// start runs a daemon until the test ends.
func (s *Session) start(cmd *exec.Cmd) {
	s.t.Helper()
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("starting %s: %v", cmd.Path, err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func (s *Session) await(what string, ready func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ready() {
			return
		}
	}
	s.t.Fatalf("%s was not ready within 20 s", what)
}
