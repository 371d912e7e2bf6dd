package main

import (
	"slices"
	"strings"
	"testing"
)

func TestMissing(t *testing.T) {
	t.Parallel()
	all := func(string) bool { return true }
	none := func(string) bool { return false }
	wanted := []systemPackage{
		{name: "build-essential", programs: []string{"cc", "clang"}},
		{name: "libgtk-3-dev", module: "gtk+-3.0"},
		{name: "at-spi2-core"},
	}
	for _, test := range []struct {
		name string
		probe
		want []string
	}{
		{"a bare machine", probe{none, none, none}, []string{"build-essential", "libgtk-3-dev", "at-spi2-core"}},
		{"Debian has them", probe{all, none, none}, nil},
		{"built from source", probe{none, all, all}, []string{"at-spi2-core"}},
		{"another compiler", probe{none, func(p string) bool { return p == "clang" }, none}, []string{"libgtk-3-dev", "at-spi2-core"}},
		{"one of them", probe{func(p string) bool { return p == "libgtk-3-dev" }, none, none}, []string{"build-essential", "at-spi2-core"}},
	} {
		if got := missing(wanted, test.probe); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q is missing, want %q", test.name, got, test.want)
		}
	}
}

func TestAptCommands(t *testing.T) {
	t.Parallel()
	join := func(commands [][]string) string {
		var lines []string
		for _, c := range commands {
			lines = append(lines, strings.Join(c, " "))
		}
		return strings.Join(lines, "; ")
	}
	for _, test := range []struct {
		names []string
		root  bool
		want  string
	}{
		{nil, true, ""},
		{nil, false, ""},
		{
			[]string{"xvfb", "nodejs"},
			true,
			"apt-get update -q; apt-get install -y -q --no-install-recommends xvfb nodejs",
		},
		{
			[]string{"xvfb"},
			false,
			"sudo --preserve-env=DEBIAN_FRONTEND apt-get update -q; " +
				"sudo --preserve-env=DEBIAN_FRONTEND apt-get install -y -q --no-install-recommends xvfb",
		},
	} {
		if got := join(aptCommands(test.names, test.root)); got != test.want {
			t.Errorf("%q as root %t:\n got %s\nwant %s", test.names, test.root, got, test.want)
		}
	}
}

func TestHasDisplay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		goos, variable string
		want           bool
	}{
		{"linux", "", false},
		{"linux", "DISPLAY", true},
		{"linux", "WAYLAND_DISPLAY", true},
		{"freebsd", "", false},
		{"windows", "", true},
		{"darwin", "", true},
	} {
		env := func(name string) string {
			if name == test.variable {
				return ":0"
			}
			return ""
		}
		if got := hasDisplay(test.goos, env); got != test.want {
			t.Errorf("%s with %q: %t, want %t", test.goos, test.variable, got, test.want)
		}
	}
}
