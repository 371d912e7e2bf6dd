package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// systemPackage is a Debian package, and how to tell on any system that what it brings is there already.
type systemPackage struct {
	name string
	// programs: any one of them on PATH will do.
	programs []string
	// module is a pkg-config module that will do.
	module string
}

// buildPackages are needed to compile the window.
var buildPackages = []systemPackage{
	{name: "build-essential", programs: []string{"cc", "gcc", "clang"}},
	{name: "pkg-config", programs: []string{"pkg-config", "pkgconf"}},
	{name: "libgtk-3-dev", module: "gtk+-3.0"},
	{name: "libwebkit2gtk-4.1-dev", module: "webkit2gtk-4.1"},
}

// testPackages are needed by the tests: a display, a browser, a keyring and Node.js for the WASM tests.
var testPackages = []systemPackage{
	{name: "xvfb", programs: []string{"Xvfb"}},
	{name: "xdotool", programs: []string{"xdotool"}},
	{name: "imagemagick", programs: []string{"import"}},
	{name: "dbus", programs: []string{"dbus-run-session"}},
	{name: "dbus-x11", programs: []string{"dbus-launch"}},
	{name: "at-spi2-core"},
	{name: "gnome-keyring", programs: []string{"gnome-keyring-daemon"}},
	{name: "libsecret-1-0"},
	{name: "chromium", programs: []string{"chromium", "chromium-browser", "google-chrome"}},
	{name: "fonts-dejavu-core"},
	{name: "nodejs", programs: []string{"node"}},
}

// probe answers what is on this system.
type probe struct {
	// installed reports whether Debian's package manager has the package.
	installed func(name string) bool
	onPath    func(program string) bool
	module    func(name string) bool
}

// missing returns the names of the packages that nothing on this system stands in for.
func missing(wanted []systemPackage, p probe) []string {
	var names []string
	for _, w := range wanted {
		there := p.installed(w.name) ||
			slices.ContainsFunc(w.programs, p.onPath) ||
			w.module != "" && p.module(w.module)
		if !there {
			names = append(names, w.name)
		}
	}
	return names
}

// aptCommands are the commands that install the packages: the lists are fetched once, and only when something is missing.
func aptCommands(names []string, root bool) [][]string {
	if len(names) == 0 {
		return nil
	}
	var prefix []string
	if !root {
		prefix = []string{"sudo", "--preserve-env=DEBIAN_FRONTEND"}
	}
	install := append([]string{"apt-get", "install", "-y", "-q", "--no-install-recommends"}, names...)
	return [][]string{
		slices.Concat(prefix, []string{"apt-get", "update", "-q"}),
		slices.Concat(prefix, install),
	}
}

// install brings what is missing. Where there is no apt it says what to install, and goes on when only tests' packages
// are missing: their tests skip themselves.
func (t *task) install(ctx context.Context, build, test bool) error {
	var wanted []systemPackage
	switch runtime.GOOS {
	case "linux":
		if build {
			wanted = append(wanted, buildPackages...)
		}
		if test {
			wanted = append(wanted, testPackages...)
		}
	case "darwin":
		if build {
			if _, err := exec.LookPath("clang"); err != nil {
				return errors.New("the C compiler is missing: run xcode-select --install")
			}
		}
		return nil
	default:
		return nil // Windows needs nothing to compile: Wails loads WebView2 without cgo.
	}

	names := missing(wanted, t.probe(ctx))
	if len(names) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return t.advise(names)
	}
	root := os.Geteuid() == 0
	if _, err := exec.LookPath("sudo"); err != nil && !root {
		return fmt.Errorf("packages are missing and there is no sudo; as root: apt-get install %s", strings.Join(names, " "))
	}
	for _, args := range aptCommands(names, root) {
		name := "apt-get update"
		if slices.Contains(args, "install") {
			name = "apt-get install " + ellipsis(strings.Join(names, " "), 60)
		}
		if err := t.program(ctx, name, program{args: args, env: []string{"DEBIAN_FRONTEND=noninteractive"}}); err != nil {
			return err
		}
	}
	return nil
}

// advise says what to install on a Linux without apt.
func (t *task) advise(names []string) error {
	need := func(all []systemPackage) bool {
		return slices.ContainsFunc(all, func(p systemPackage) bool { return slices.Contains(names, p.name) })
	}
	_, _ = fmt.Fprintf(t.out, "missing, by Debian's names: %s\n", strings.Join(names, " "))
	if !need(buildPackages) {
		_, _ = fmt.Fprintln(t.out, "tests that need them skip themselves")
		return nil
	}
	_, _ = fmt.Fprintln(t.out, "  Fedora: dnf install gcc pkgconf-pkg-config gtk3-devel webkit2gtk4.1-devel")
	_, _ = fmt.Fprintln(t.out, "  Arch:   pacman -S base-devel pkgconf gtk3 webkit2gtk-4.1")
	return errors.New("packages are missing, and only apt can be used to install them")
}

// probe looks at this system.
func (t *task) probe(ctx context.Context) probe {
	run := func(args ...string) (string, bool) {
		out, err := t.output(ctx, args...)
		return out, err == nil
	}
	return probe{
		installed: func(name string) bool {
			status, ok := run("dpkg-query", "-W", "-f", "${db:Status-Status}", name)
			return ok && status == "installed"
		},
		onPath: func(name string) bool {
			_, err := exec.LookPath(name)
			return err == nil
		},
		module: func(name string) bool {
			_, ok := run("pkg-config", "--exists", name)
			return ok
		},
	}
}

func ellipsis(s string, limit int) string {
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}
