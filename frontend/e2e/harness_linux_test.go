package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jellybind/jellybind/backend/loopback/loopbacktest"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

const (
	// patience is how long a step in the page may take: the machine may be busy.
	patience = 2 * time.Minute
	// startup is how long a program may take to start; every app starts a browser engine.
	startup = 2 * time.Minute
)

// What TestMain prepares.
var (
	binary  string          // the development build
	assets  string          // a copy of its page, which a development build reads from the disk
	display []string        // environment that names the display
	browser context.Context // the headless Chromium
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		return untested("no Chromium here; go run ./build test installs one")
	}
	stop, err := startDisplay()
	if err != nil {
		return untested(err.Error())
	}
	defer stop()
	if err := prepare(); err != nil {
		fmt.Println("building the window:", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "jellybind-e2e")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	assets = filepath.Join(dir, "page")
	if err := os.CopyFS(assets, os.DirFS(filepath.Join("..", "dist"))); err != nil {
		fmt.Println("copying the page:", err)
		return 1
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(filepath.Join(dir, "chromium")), chromedp.WSURLReadTimeout(startup), chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("lang", "en-US"))
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	defer end()
	ctx, cancel := chromedp.NewContext(allocator)
	defer cancel()
	browser = ctx //nolint:fatcontext // one browser for all tests
	if err := chromedp.Do(browser, chromedp.Navigate("about:blank")); err != nil {
		fmt.Println("starting Chromium:", err)
		return 1
	}
	return m.Run()
}

// untested says why no test can run. In CI that is a failure, because nobody would notice it.
func untested(why string) (code int) {
	fmt.Println("the window is not tested:", why)
	if os.Getenv("CI") != "" {
		return 1
	}
	return 0
}

// startDisplay uses the present display, or starts an Xvfb.
func startDisplay() (stop func(), err error) {
	if name := os.Getenv("DISPLAY"); name != "" {
		display = []string{"DISPLAY=" + name, "WAYLAND_DISPLAY=", "GDK_BACKEND=x11"}
		return func() {}, nil
	}
	path, err := exec.LookPath("Xvfb")
	if err != nil {
		return nil, errors.New("there is no display, and no Xvfb")
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	// It chooses a free display and writes its number to descriptor 3, once it accepts clients.
	cmd := exec.Command(path, "-displayfd", "3", "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return nil, fmt.Errorf("starting Xvfb: %w", err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	_ = r.SetReadDeadline(time.Now().Add(startup))
	number, err := bufio.NewReader(r).ReadString('\n')
	if number = strings.TrimSpace(number); err != nil || number == "" {
		stop()
		return nil, errors.New("xvfb did not name its display")
	}
	display = []string{"DISPLAY=:" + number, "WAYLAND_DISPLAY=", "GDK_BACKEND=x11"}
	return stop, nil
}

// prepare builds the development binary when there is none that is younger than its sources.
func prepare() error {
	if binary = os.Getenv("JELLYBIND_E2E_BINARY"); binary != "" {
		return nil
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	binary = filepath.Join(root, "build", "bin", "jellybind-dev")
	fresh, err := youngest(root)
	if err != nil {
		return err
	}
	if info, err := os.Stat(binary); err == nil && info.ModTime().After(fresh) {
		return nil
	}
	for _, args := range [][]string{
		{"go", "run", "./build", "wasm"},
		{"go", "build", "-tags", "dev,webkit2_41", "-o", binary, "."},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// youngest returns when a source of the window was last changed.
func youngest(root string) (time.Time, error) {
	var last time.Time
	for _, dir := range []string{"backend", "frontend", "app.go", "main.go", "go.mod"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "dist" || d.Name() == "testdata"):
				return filepath.SkipDir
			case d.IsDir() || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			info, err := d.Info()
			if err == nil && info.ModTime().After(last) {
				last = info.ModTime()
			}
			return err
		})
		if err != nil {
			return last, err
		}
	}
	return last, nil
}

// app is a running development build.
type app struct {
	url    string
	config string // its folder
	opened string // the file in which its "browser" writes the addresses that it gets
	output *output
	pid    int
	ended  chan error // gets how it ended
}

// output collects what the app prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// told is the output without Wails' notes about the served files.
func (o *output) told() string {
	var kept []string
	for line := range strings.Lines(o.String()) {
		if !strings.HasPrefix(line, "DEB |") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// start starts the window with a configuration folder of its own. Its browser is a program that writes down the address.
// env is added to its environment; without one there is no session bus, and so no keyring.
func start(t testing.TB, env ...string) *app {
	t.Helper()
	return launch(t, t.TempDir(), env...)
}

// launch is start in a folder that may have been used before.
func launch(t testing.TB, dir string, env ...string) *app {
	t.Helper()
	port := loopbacktest.FreePort(t)
	a := &app{
		url: fmt.Sprintf("http://127.0.0.1:%d/", port), config: filepath.Join(dir, "config"),
		opened: filepath.Join(dir, "opened"), output: &output{},
		ended: make(chan error, 1),
	}
	bin := filepath.Join(dir, "bin")
	script := "#!/bin/sh\nprintf '%s\\n' \"$1\" >> '" + a.opened + "'\n"
	if err := errors.Join(os.MkdirAll(bin, 0o700), os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(script), 0o700)); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-devserver", fmt.Sprintf("127.0.0.1:%d", port), "-assetdir", assets)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, ".config"),
		"XDG_CACHE_HOME="+filepath.Join(home, ".cache"), "XDG_DATA_HOME="+filepath.Join(home, ".local"),
		"JELLYBIND_CONFIG_DIR="+a.config, "PATH="+bin+":"+os.Getenv("PATH"), "LC_ALL=C.UTF-8", "LANG=", "NO_AT_BRIDGE=1",
		"DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(dir, "no-bus"))
	cmd.Env = append(append(cmd.Env, env...), display...)
	cmd.Stdout, cmd.Stderr = a.output, a.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a.pid = cmd.Process.Pid
	go func() { a.ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-a.ended:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			<-a.ended
		}
		if t.Failed() {
			t.Logf("the app printed:\n%s", a.output.told())
		}
	})
	for deadline := time.Now().Add(startup); ; time.Sleep(50 * time.Millisecond) {
		res, err := (&http.Client{Transport: unpooled}).Get(a.url)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return a
			}
		}
		select {
		case err := <-a.ended:
			a.ended <- err
			t.Fatalf("the app ended: %v\n%s", err, a.output)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the page is not served: %v\n%s", err, a.output)
		}
	}
}

// wait waits until the app has ended by itself.
func (a *app) wait(t testing.TB) {
	t.Helper()
	select {
	case err := <-a.ended:
		a.ended <- err
		if err != nil {
			t.Errorf("the app ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the app does not end")
	}
}

// lastOpened waits until the app has opened n addresses in its browser, and returns the last one.
func (a *app) lastOpened(t testing.TB, n int) string {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		b, err := os.ReadFile(a.opened)
		if lines := strings.Fields(string(b)); err == nil && len(lines) >= n {
			return lines[len(lines)-1]
		}
	}
	t.Fatalf("the browser was not opened %d times", n)
	return ""
}
