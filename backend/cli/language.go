package cli

import (
	_ "embed" // the German texts
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/words"
)

// The command line's own texts (help, prompts, headers, results) are English in the code, and German in de.txt by the
// English. What errors and reasons say is in package words.

//go:embed de.txt
var germanLines string

// speak chooses the language: that of --language, or the one chosen in the window's settings, or the system's. It is called
// before the flags are parsed, for their help needs it.
func (a *app) speak(args []string) {
	a.words = words.For(words.Choose(
		flagValue(args, "--language"), storedLanguage(), os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG"),
	))
	a.german = nil
	if a.words.Language == "de" {
		a.german = translations()
	}
}

// translations are the lines of de.txt, by the English.
func translations() map[string]string {
	german := map[string]string{}
	for line := range strings.Lines(germanLines) {
		if english, text, found := strings.Cut(strings.TrimSuffix(line, "\n"), " = "); found {
			german[english] = text
		}
	}
	return german
}

// flagValue returns a flag's value, wherever it stands.
func flagValue(args []string, flag string) string {
	for i, arg := range args {
		switch {
		case arg == "--":
			return ""
		case arg == flag && i+1 < len(args):
			return args[i+1]
		case strings.HasPrefix(arg, flag+"="):
			return strings.TrimPrefix(arg, flag+"=")
		}
	}
	return ""
}

// storedLanguage reads the language of the settings, and leaves a file that cannot be read to the command.
func storedLanguage() string {
	dir, err := profile.Dir()
	if err != nil {
		return ""
	}
	b, err := os.ReadFile(filepath.Join(dir, "servers.json"))
	if err != nil {
		return ""
	}
	var stored struct{ Settings api.Settings }
	if json.Unmarshal(b, &stored) != nil {
		return ""
	}
	return stored.Settings.Language
}

// translate puts the help of a command, and of the commands below it, into the person's language.
func (a *app) translate(c *cobra.Command) {
	if a.german == nil {
		return
	}
	c.Use = a.placeholders(c.Use)
	c.Short, c.Long, c.Example = a.t(c.Short), a.lines(c.Long), a.lines(c.Example)
	for _, flags := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) {
			f.Usage = a.t(f.Usage)
			if takes, ok := f.Value.(*choice); ok {
				takes.what = a.t(takes.what)
			}
		})
	}
	for _, g := range c.Groups() {
		g.Title = a.t(g.Title)
	}
	for _, sub := range c.Commands() {
		a.translate(sub)
	}
}

// lines translates a longer text: its paragraphs one by one, and the lines of what is indented.
func (a *app) lines(text string) string {
	blocks := strings.Split(text, "\n\n")
	for i, block := range blocks {
		if !indented(block) {
			blocks[i] = a.t(strings.ReplaceAll(block, "\n", " "))
			continue
		}
		list := strings.Split(block, "\n")
		for j, line := range list {
			english := strings.TrimLeft(line, " ")
			list[j] = line[:len(line)-len(english)] + a.t(english)
		}
		blocks[i] = strings.Join(list, "\n")
	}
	return strings.Join(blocks, "\n\n")
}

// indented reports whether a block of help has lines of its own, which are not wrapped.
func indented(block string) bool {
	return strings.HasPrefix(block, " ") || strings.Contains(block, "\n ")
}

// placeholders translates what stands for a value in a command's usage, as ACCOUNT.
func (a *app) placeholders(use string) string {
	return placeholder.ReplaceAllStringFunc(use, func(word string) string { return a.t(word) })
}

var placeholder = regexp.MustCompile(`\b[A-Z][A-Z-]+\b`)

// template puts the words of cobra's help into the person's language.
func (a *app) template(template string) string {
	if a.german == nil {
		return template
	}
	pairs := []string{
		"{{.UseLine}}", fmt.Sprintf("{{.UseLine | swap %q %q}}", "[flags]", a.t("[flags]")),
		"| optional", fmt.Sprintf("| optional | swap %q %q", "(default ", a.t("(default ")),
	}
	for _, english := range templateTexts {
		pairs = append(pairs, english, a.t(english))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

// templateTexts are the words of cobra's help.
var templateTexts = []string{
	"Usage:", "Aliases:", "Examples:", "Commands:", "Flags:",
	"Flags of every command, such as --server and --json: jellybind help flags",
	"Additional help topics:", "COMMAND",
	`Use "{{.CommandPath}} COMMAND --help" for more information about a command.`,
}

// headers are the headers of a table's columns.
func (a *app) headers(english ...string) []string {
	texts := make([]string, len(english))
	for i, header := range english {
		texts[i] = a.t(header)
	}
	return texts
}

// t returns a text of the command line in the person's language. The pairs are the names in braces, and their values, which
// are made printable.
func (a *app) t(english string, pairs ...string) string {
	text := english
	if german, ok := a.german[english]; ok {
		text = german
	}
	if len(pairs) == 0 {
		return text
	}
	values := make([]string, 0, len(pairs))
	for pair := range slices.Chunk(pairs, 2) {
		values = append(values, "{"+pair[0]+"}", api.Printable(pair[1]))
	}
	return strings.NewReplacer(values...).Replace(text)
}
