package cli_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
	"github.com/jellybind/jellybind/backend/wanted"
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

// TestREADMERebuild runs the story of a server that is rebuilt from the plugin's file word for word, in each flavour: some links
// are lost, and only the question is answered.
func TestREADMERebuild(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only there can a test have a keyring of its own")
	}
	hearHangups(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, story, found := strings.Cut(string(readme), "**Rebuild a server")
	story, _, ends := strings.Cut(story, "\n`jellybind server show`")
	if !found || !ends {
		t.Fatal("README.md has no such story any more")
	}
	var commands []string
	for line := range strings.Lines(story) {
		if command, is := strings.CutPrefix(strings.TrimRight(line, "\n"), "    jellybind "); is {
			command, _, _ = strings.Cut(command, "#")
			commands = append(commands, strings.TrimSpace(command))
		}
	}
	if len(commands) != 3 {
		t.Fatalf("the story has the commands %q", commands)
	}
	session := secrettest.Start(t, secrettest.Unlocked)
	for flavour, lose := range map[string]string{
		"9p4":     "yuki --all --yes\njellybind links remove lukas --all --yes",
		"K0lin":   "yuki --all --yes\njellybind links remove lukas --all --yes",
		"Flowfin": "yuki --all --via-unregister --yes\njellybind links remove noah --all --via-unregister --yes",
	} {
		script := fmt.Sprintf(`keyring
world %s
jellybind server add $SERVER --name home
stdin key
jellybind auth login --api-key
jellybind links export before.json
backup before.json SSO-Auth.xml
jellybind links remove %s
! jellybind %s
code 5
stdout ' add +yuki '
stdin yes
jellybind %s
stdout '^\d of \d changes made\.$'
jellybind %s
stderr '^Nothing to do, \d+ there already\.$'
jellybind links diff before.json --prune
stderr '^Nothing to do'

-- yes --
y
`, flavour, lose, commands[0], commands[1], commands[2])
		file := filepath.Join(t.TempDir(), "rebuild-"+flavour+".txtar")
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		testscript.Run(t, testscript.Params{
			Files: []string{file},
			Setup: func(env *testscript.Env) error {
				env.Setenv("JELLYBIND_CONFIG_DIR", filepath.Join(env.WorkDir, "config"))
				env.Setenv("EXIT_CODES", env.WorkDir)
				env.Setenv("COLUMNS", "100")
				env.Values[stateKey{}] = &state{keyring: session.Env}
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"code": code, "world": world, "keyring": keyring, "backup": backup,
			},
		})
	}
}

// backup writes the links of a document as the plugin's own file has them: backup DOCUMENT FILE.
func backup(ts *testscript.TestScript, _ bool, args []string) {
	var d wanted.Document
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &d))
	var b bytes.Buffer
	text := func(s string) string {
		var escaped bytes.Buffer
		ts.Check(xml.EscapeText(&escaped, []byte(s)))
		return escaped.String()
	}
	b.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<PluginConfiguration>\n")
	for _, list := range []struct {
		name     string
		protocol api.Protocol
	}{{"SamlConfigs", api.SAML}, {"OidConfigs", api.OIDC}} {
		fmt.Fprintf(&b, "<%s>\n", list.name)
		for _, p := range d.Providers {
			if p.Protocol != list.protocol {
				continue
			}
			fmt.Fprintf(&b, "<item><key><string>%s</string></key><value><PluginConfiguration><CanonicalLinks>\n", text(p.Provider))
			for _, l := range d.Links {
				if l.Protocol != p.Protocol || l.Provider != p.Provider || strings.ContainsRune(text(l.Name), '\uFFFD') {
					continue // XML has no way to write most control characters
				}
				id := l.UserID
				fmt.Fprintf(&b, "<item><key><string>%s</string></key><value><guid>%s-%s-%s-%s-%s</guid></value></item>\n",
					text(l.Name), id[:8], id[8:12], id[12:16], id[16:20], id[20:])
			}
			b.WriteString("</CanonicalLinks></PluginConfiguration></value></item>\n")
		}
		fmt.Fprintf(&b, "</%s>\n", list.name)
	}
	b.WriteString("</PluginConfiguration>\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o600))
}
