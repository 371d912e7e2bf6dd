package production_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/jellybind/jellybind/backend/demo/visitor"
)

// patience is how long one thing may take: the machine may be busy, and the window starts a browser engine.
const patience = 90 * time.Second

// The screen is as large as the window at its first start.
const width, height = 1200, 800

// visitAs makes this test's own program the window's "browser", which signs in as the person that it names.
const visitAs = "JELLYBIND_TEST_VISIT_AS"

func TestMain(m *testing.M) {
	if login := os.Getenv(visitAs); login != "" {
		if _, err := visitor.New().SignIn(context.Background(), os.Args[len(os.Args)-1], login); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// desk is a screen with a session and accessibility bus, and the window on it.
type desk struct {
	t     testing.TB
	env   []string
	dir   string
	bus   *dbus.Conn // the accessibility bus
	app   *exec.Cmd
	ended chan error
}

// newDesk starts the screen, and the session bus unless one is given.
func newDesk(t testing.TB, bus string) *desk {
	t.Helper()
	for _, tool := range []string{"Xvfb", "xdotool", "dbus-daemon", "import"} {
		if _, err := exec.LookPath(tool); err != nil {
			skip(t, tool+" is not here; go run ./build test installs it")
		}
	}
	dir, err := os.MkdirTemp("", "jb") // short: sockets lie in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &desk{t: t, dir: dir, ended: make(chan error, 1)}
	for _, e := range os.Environ() {
		switch name, _, _ := strings.Cut(e, "="); name {
		case "PATH", "TMPDIR", "LD_LIBRARY_PATH":
			d.env = append(d.env, e)
		}
	}
	d.env = append(d.env, "HOME="+dir, "XDG_RUNTIME_DIR="+dir, "LANG=C.UTF-8", "GDK_BACKEND=x11",
		"JELLYBIND_CONFIG_DIR="+filepath.Join(dir, "config"))
	d.env = append(d.env, "DISPLAY=:"+d.starts("Xvfb", "-displayfd", "3", "-screen", "0",
		fmt.Sprintf("%dx%dx24", width, height), "-fbdir", dir, "-nolisten", "tcp", "-noreset"))
	if bus == "" {
		bus = d.starts("dbus-daemon", "--session", "--nofork", "--print-address=3")
	}
	d.env = append(d.env, "DBUS_SESSION_BUS_ADDRESS="+bus)
	return d
}

// skip leaves a test out, which is a failure where CI is set: nobody would see it there.
func skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// starts starts a program that ends with the test, and returns the line that it writes to descriptor 3 when it is ready.
func (d *desk) starts(name string, args ...string) string {
	d.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	cmd := d.command(name, args...)
	cmd.ExtraFiles = []*os.File{w}
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	_ = r.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(r).ReadString('\n')
	if line = strings.TrimSpace(line); err != nil || line == "" {
		d.t.Fatalf("%s did not say that it is ready: %v", name, err)
	}
	return line
}

func (d *desk) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = d.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// open starts the window, in the light theme and in English, with this test as its browser.
func (d *desk) open(binary, login string) {
	d.t.Helper()
	self, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	config := filepath.Join(d.dir, "config")
	if err := os.MkdirAll(config, 0o700); err != nil {
		d.t.Fatal(err)
	}
	settings := fmt.Sprintf(`{"version": 1, "profiles": [], "settings": {"theme": "light", "language": "en", "browser": %q}}`,
		self)
	if err := os.WriteFile(filepath.Join(config, "servers.json"), []byte(settings), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.listen()
	d.start(binary, visitAs+"="+login)
}

// start starts the window with what is in the folder of its settings.
func (d *desk) start(binary string, env ...string) {
	d.t.Helper()
	d.app = d.command(binary)
	d.app.Env = append(d.app.Env, env...)
	var output bytes.Buffer
	app := d.app
	app.Stdout, app.Stderr = &output, &output
	if err := app.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		err := app.Wait()
		close(ended)
		d.ended <- err
	}()
	d.t.Cleanup(func() {
		if d.t.Failed() {
			d.keep()
		}
		_ = app.Process.Kill()
		if <-ended; d.t.Failed() {
			d.t.Logf("the window printed:\n%s", &output)
		}
	})
}

// keep leaves a picture of a failure, in a folder that the caller of the tests names.
func (d *desk) keep() {
	folder := os.Getenv("JELLYBIND_TEST_PICTURES")
	if folder == "" {
		return
	}
	if out, err := d.command("import", "-window", "root", filepath.Join(folder, d.t.Name()+".png")).CombinedOutput(); err != nil {
		d.t.Logf("taking a picture: %v %s", err, out)
	}
}

// listen connects to the accessibility bus, which the session bus starts.
func (d *desk) listen() {
	d.t.Helper()
	address := strings.TrimPrefix(d.env[len(d.env)-1], "DBUS_SESSION_BUS_ADDRESS=")
	session, err := dbus.Connect(address)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = session.Close() })
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	a11y := session.Object("org.a11y.Bus", "/org/a11y/bus")
	if err := a11y.CallWithContext(ctx, "org.a11y.Bus.GetAddress", 0).Store(&address); err != nil {
		skip(d.t, "there is no accessibility bus; go run ./build test installs it: "+err.Error())
	}
	if err := a11y.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Set", 0, "org.a11y.Status", "IsEnabled",
		dbus.MakeVariant(true)).Err; err != nil {
		d.t.Fatal(err)
	}
	if d.bus, err = dbus.Connect(address); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = d.bus.Close() })
}

// thing is something on the accessibility bus.
type thing struct {
	Bus  string
	Path dbus.ObjectPath
}

// roles are the words for the AT-SPI roles that the tests look for. WebKit gives their numbers only.
var roles = map[uint32]string{
	7: "checkbox", 11: "choice", 37: "tab", 43: "button", 44: "radio", 62: "toggle", 79: "entry", 83: "heading", 88: "link",
}

// told is what a screen reader says of a thing.
type told struct {
	thing
	name, role string
}

func (d *desk) ask(ctx context.Context, of thing, method string, args ...any) *dbus.Call {
	return d.bus.Object(of.Bus, of.Path).CallWithContext(ctx, "org.a11y.atspi."+method, 0, args...)
}

// walk visits everything that is on the accessibility bus, until visit says that it has seen enough. What vanishes
// meanwhile is passed over.
func (d *desk) walk(ctx context.Context, visit func(told) (enough bool)) {
	todo := []thing{{"org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root"}}
	for len(todo) > 0 && ctx.Err() == nil {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		var name dbus.Variant
		seen := told{thing: at}
		// A thing that just went answers with an error, or never.
		one, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := d.bus.Object(at.Bus, at.Path).CallWithContext(one, "org.freedesktop.DBus.Properties.Get", 0,
			"org.a11y.atspi.Accessible", "Name").Store(&name)
		if err == nil {
			seen.name, _ = name.Value().(string)
			var role uint32
			err = d.ask(one, at, "Accessible.GetRole").Store(&role)
			seen.role = roles[role]
		}
		var kids []thing
		if err == nil {
			err = d.ask(one, at, "Accessible.GetChildren").Store(&kids)
		}
		if err == nil && len(kids) == 0 {
			// GTK does not count the page among the children of the view that it is in, but gives it when asked for.
			var page thing
			if d.ask(one, at, "Accessible.GetChildAtIndex", int32(0)).Store(&page) == nil && page.Path != "/org/a11y/atspi/null" {
				kids = append(kids, page)
			}
		}
		cancel()
		if err != nil {
			continue
		}
		if visit(seen) {
			return
		}
		for i := len(kids) - 1; i >= 0; i-- {
			todo = append(todo, kids[i])
		}
	}
}

// find waits for something whose role and name match; an empty role matches all.
func (d *desk) find(role string, match func(name string) bool, what string) told {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	var names []string
	for ctx.Err() == nil {
		var found told
		names = names[:0]
		d.walk(ctx, func(seen told) bool {
			if seen.name != "" {
				names = append(names, seen.role+" "+strconv.Quote(seen.name))
			}
			if (role == "" || strings.Contains(seen.role, role)) && match(seen.name) {
				found = seen
			}
			return found.Path != ""
		})
		if found.Path != "" {
			return found
		}
		select {
		case err := <-d.ended:
			d.t.Fatalf("the window ended while %s was awaited: %v", what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	d.t.Fatalf("%s did not come; there was\n%s", what, strings.Join(names, "\n"))
	return told{}
}

// named waits for a thing by its exact name.
func (d *desk) named(role, name string) told {
	d.t.Helper()
	return d.find(role, func(n string) bool { return n == name }, role+" "+strconv.Quote(name))
}

// saying waits for a thing whose name contains words.
func (d *desk) saying(role, words string) told {
	d.t.Helper()
	return d.find(role, func(n string) bool { return strings.Contains(n, words) }, role+" with "+strconv.Quote(words))
}

// gone waits until nothing has the name.
func (d *desk) gone(role, name string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	for ctx.Err() == nil {
		there := false
		d.walk(ctx, func(seen told) bool {
			there = there || strings.Contains(seen.role, role) && seen.name == name
			return there
		})
		if !there && ctx.Err() == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	d.t.Fatalf("%s %q stays", role, name)
}

// click waits for a thing with a name, or one that begins so and ends with "…", and clicks into its middle, once it stands
// still.
func (d *desk) click(role, name string) {
	d.t.Helper()
	start, open := strings.CutSuffix(name, "…")
	match := func(n string) bool { return n == name || open && strings.HasPrefix(n, start) }
	deadline := time.Now().Add(patience)
	var last image.Rectangle
	for time.Now().Before(deadline) {
		box := d.box(d.find(role, match, role+" "+strconv.Quote(name)).thing)
		if box == last && !box.Empty() {
			x, y := (box.Min.X+box.Max.X)/2, (box.Min.Y+box.Max.Y)/2
			d.xdotool("mousemove", strconv.Itoa(x), strconv.Itoa(y), "click", "1")
			return
		}
		last = box
	}
	d.t.Fatalf("%q does not stand still", name)
}

// box is where a thing is on the screen, empty when that cannot be told now.
func (d *desk) box(of thing) image.Rectangle {
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	var r struct{ X, Y, W, H int32 }
	const onScreen = uint32(0)
	if err := d.ask(ctx, of, "Component.GetExtents", onScreen).Store(&r); err != nil {
		return image.Rectangle{}
	}
	return image.Rect(int(r.X), int(r.Y), int(r.X+r.W), int(r.Y+r.H)).Intersect(image.Rect(0, 0, width, height))
}

// keys presses keys, by X's names.
func (d *desk) keys(names ...string) {
	d.xdotool(append([]string{"key", "--delay", "40"}, names...)...)
}

// types types words.
func (d *desk) types(words string) { d.xdotool("type", "--delay", "40", words) }

// xdotool moves, clicks, presses or asks, and returns what it says.
func (d *desk) xdotool(args ...string) string {
	d.t.Helper()
	out, err := d.command("xdotool", args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("xdotool %s: %v %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// screenshot is a picture of the screen.
func (d *desk) screenshot() image.Image {
	d.t.Helper()
	data, err := d.command("import", "-window", "root", "png:-").Output()
	if err != nil {
		d.t.Fatalf("taking a picture: %v", err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		d.t.Fatal(err)
	}
	return picture
}

// production returns the program, built again if it is missing or older than its sources.
func production(t testing.TB) string {
	t.Helper()
	if given := os.Getenv("JELLYBIND_PRODUCTION_BINARY"); given != "" {
		return given
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(root, "build", "bin", "jellybind")
	if info, err := os.Stat(binary); err == nil && info.ModTime().After(youngest(t, root)) {
		return binary
	}
	build := exec.Command("go", "run", "./build", "binary")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the window: %v\n%s", err, out)
	}
	return binary
}

// youngest is when a source of the window was changed last.
func youngest(t testing.TB, root string) time.Time {
	t.Helper()
	var last time.Time
	for _, dir := range []string{"backend", "frontend", "app.go", "main.go", "go.mod"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist): // another test's file
				return nil
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "dist" || entry.Name() == "testdata"):
				return filepath.SkipDir
			case entry.IsDir() || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			info, err := entry.Info()
			if err == nil && info.ModTime().After(last) {
				last = info.ModTime()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return last
}
