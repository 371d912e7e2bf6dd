package cli_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestREADMETour runs the tour of README.md word for word, in each flavour: what it says to type is typed, the system's
// browser opens, and the question is answered with y.
func TestREADMETour(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only there is the system's browser a program that a test can put in its place")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tour, found := strings.Cut(string(readme), "## The first three minutes")
	tour, _, ends := strings.Cut(tour, "\n## ")
	if !found || !ends {
		t.Fatal("README.md has no tour any more")
	}
	var script strings.Builder
	commands := 0
	for _, flavour := range []string{"9p4", "K0lin", "Flowfin"} {
		for line := range strings.Lines(tour) {
			command, is := strings.CutPrefix(strings.TrimRight(line, "\n"), "    jellybind ")
			if !is {
				continue
			}
			commands++
			command = strings.Replace(command, "--demo ", "--demo="+flavour+" ", 1)
			command = strings.Replace(command, "demo --tour", "demo --tour --flavour "+flavour, 1)
			fmt.Fprintf(&script, "stdin yes\njellybind %s\n", command)
			if strings.HasSuffix(command, "links add maria --provider authelia") {
				script.WriteString("stdout '^Linked: .* opens maria now'\n")
			}
		}
	}
	if commands < 3*6 {
		t.Fatalf("the tour has %d commands", commands/3)
	}
	script.WriteString("\n-- yes --\ny\ny\n") // Flowfin asks once more when it knows the name
	file := filepath.Join(t.TempDir(), "readme.txtar")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: []string{file},
		Setup: func(env *testscript.Env) error {
			env.Setenv("JELLYBIND_CONFIG_DIR", filepath.Join(env.WorkDir, "config"))
			env.Setenv("EXIT_CODES", env.WorkDir)
			// What the system opens addresses with; the person in front of it is maria.
			bin := filepath.Join(env.WorkDir, "bin")
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			program := []byte("#!/bin/sh\nexec visit maria \"$1\"\n")
			return errors.Join(os.Mkdir(bin, 0o700), os.WriteFile(filepath.Join(bin, "xdg-open"), program, 0o700))
		},
	})
}
