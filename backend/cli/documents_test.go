package cli

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend/words"
)

// TestEveryCommandHasItsDocument: whoever adds a command says what it prints with --json.
func TestEveryCommandHasItsDocument(t *testing.T) {
	t.Parallel()
	a := &app{words: words.For("en"), out: newPrinter(io.Discard), err: newPrinter(io.Discard)}
	root := a.root()
	var commands []string
	var each func(*cobra.Command)
	each = func(c *cobra.Command) {
		if c.Name() == "completion" || c.Name() == "help" {
			return // they print scripts for shells, and help
		}
		if c.Runnable() && c != root && !(c.HasSubCommands() && c.Name() != "users" && c.Name() != "providers") {
			commands = append(commands, strings.TrimPrefix(c.CommandPath(), "jellybind "))
		}
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(root)
	documented := []string{}
	for _, d := range documents {
		command, _, _ := strings.Cut(d.command, " --")
		documented = append(documented, command)
	}
	for _, c := range commands {
		if !slices.Contains(documented, c) {
			t.Errorf("jellybind help json does not know %q", c)
		}
	}
	for _, d := range documented {
		if !slices.Contains(commands, d) {
			t.Errorf("jellybind help json knows %q, which is no command", d)
		}
	}
}
