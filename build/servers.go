package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// reverseProxies are the programs that tests put in front of a server, and the Debian packages that bring them.
var reverseProxies = []systemPackage{
	{name: "nginx", programs: []string{"nginx"}},
	{name: "haproxy", programs: []string{"haproxy"}},
	{name: "caddy", programs: []string{"caddy"}},
	{name: "apache2-bin", programs: []string{"apache2"}},
}

// unpackedServers is where the reverse proxies are unpacked, relative to the root. Tests look for them there.
var unpackedServers = filepath.Join("build", "bin", "servers")

// unpackProxies makes the reverse proxies available to the tests. Installing their packages would start them on this
// computer's port 80, so their files and the libraries that they lack are unpacked into a folder instead, which needs no
// root. Without apt the tests that need them skip themselves.
func (t *task) unpackProxies(ctx context.Context) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	names := missing(reverseProxies, probe{
		installed: func(string) bool { return false },
		onPath:    t.hasProxy,
	})
	if len(names) == 0 {
		return nil
	}
	if apt, _ := exec.LookPath("apt-get"); apt == "" {
		_, _ = fmt.Fprintf(t.out, "  missing: %s; tests that need them skip themselves\n", strings.Join(names, " "))
		return nil
	}
	step := "unpack " + strings.Join(names, " ")
	repeat := "apt-get download " + strings.Join(names, " ")
	return t.step(ctx, step, repeat, func(ctx context.Context) error {
		if t.unpack(ctx, names) == nil {
			return nil
		}
		// The package lists are missing or out of date.
		update := aptCommands(names, os.Geteuid() == 0)[0]
		if err := t.start(ctx, program{args: update}); err != nil {
			return err
		}
		return t.unpack(ctx, names)
	})
}

// hasProxy reports whether a program is on PATH or was unpacked before.
func (t *task) hasProxy(program string) bool {
	for _, dir := range []string{"sbin", "bin"} {
		if _, err := os.Stat(filepath.Join(t.root, unpackedServers, "usr", dir, program)); err == nil {
			return true
		}
	}
	_, err := exec.LookPath(program)
	return err == nil
}

// unpack downloads packages with what they need and this system lacks, and unpacks them.
func (t *task) unpack(ctx context.Context, names []string) error {
	simulated, err := t.output(ctx, slices.Concat(
		[]string{"apt-get", "install", "--simulate", "--no-install-recommends"}, names)...)
	if err != nil {
		return err
	}
	downloads, err := os.MkdirTemp("", "jellybind-servers-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(downloads) }()
	download := exec.CommandContext(ctx, "apt-get", slices.Concat([]string{"download", "-q"}, toInstall(simulated))...)
	download.Dir = downloads
	if out, err := download.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get download: %w: %s", err, out)
	}
	packages, err := filepath.Glob(filepath.Join(downloads, "*.deb"))
	if err != nil {
		return err
	}
	target := filepath.Join(t.root, unpackedServers)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	for _, p := range packages {
		if _, err := t.output(ctx, "dpkg-deb", "-x", p, target); err != nil {
			return err
		}
	}
	return nil
}

// toInstall reads the names of packages from what apt-get install --simulate prints.
func toInstall(simulated string) []string {
	var names []string
	for line := range strings.Lines(simulated) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Inst" {
			names = append(names, fields[1])
		}
	}
	return names
}
