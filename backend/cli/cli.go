// Package cli is the command line: it parses, calls the backend, and shows what came of it.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/words"
)

// The exit codes.
const (
	exitDone      = 0
	exitFailed    = 1
	exitUsage     = 2
	exitRefused   = 3
	exitCancelled = 4
	exitFound     = 5
)

// app is one run of the command line.
type app struct {
	version string
	in      io.Reader
	out     *printer // answers
	err     *printer // questions, progress, errors

	words    *words.Catalogue  // what errors and reasons say
	german   map[string]string // the command line's own texts, by the English; nil in English
	language choice

	server          string
	json            bool
	yes             bool
	credentialStdin bool
	credentialFD    int
	demo            choice
	demoAs          choice
	demoUsers       accountsNumber

	steps  steps
	world  *backend.Demo
	opened *backend.Session // the server that was opened; nil for none
	began  bool             // the words on the command line were right
}

// Run runs one command and returns the exit code: 0 done, 1 failed, 2 wrong use, 3 refused by the server, 4 cancelled, 5 there
// are differences or findings.
// When ctx ends, the command does.
func Run(ctx context.Context, version string, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{version: version, in: in, out: newPrinter(out), err: newPrinter(errOut)}
	a.speak(args)
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	c, err := root.ExecuteContextC(ctx)
	if _, told := errors.AsType[*api.Error](err); err != nil && !told && !a.began {
		err = misuse(c, err)
	}
	// A complaint about a flag may come before --json was read.
	a.json = a.json || err != nil && slices.Contains(args, "--json")
	if a.world != nil {
		err = errors.Join(err, a.world.Close())
	}
	if err == nil || errors.Is(err, syscall.EPIPE) && api.CodeOf(err) == api.CodeInternal { // nobody reads the rest: “| head”
		return exitDone
	}
	if errors.Is(err, errDifferences) {
		return exitFound
	}
	err = interrupted(ctx, err)
	a.fail(err)
	return exitCode(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "jellybind",
		Short: "See and change which identity-provider accounts open which Jellyfin account",
		Long: `Jellybind shows which accounts of your identity providers (OIDC and SAML) open
which Jellyfin account, and links and unlinks them through Jellyfin's SSO plugin.

Without a command it opens its window.`,
		Example: `  jellybind --demo links list               without a server: what it looks like
  jellybind demo --tour                     the main job, in a demo world
  jellybind server add media.example.com    then: jellybind auth login`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       a.version,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	width := a.out.width
	if width == 0 {
		width = 100
	}
	helpFunctions()
	root.SetUsageTemplate(a.template(strings.NewReplacer(
		".FlagUsages", ".FlagUsagesWrapped "+strconv.Itoa(width)+" | optional",
		"Global Flags:\n{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}",
		"Flags of every command, such as --server and --json: jellybind help flags",
		"[command]", "COMMAND", "Available Commands:", "Commands:",
		// What needs a command after it is no command.
		"{{if .Runnable}}", `{{if and .Runnable (not (index .Annotations "group"))}}`,
		// It takes no flags without a command, only --help and --version.
		"{{.UseLine}}", "{{if .HasParent}}{{.UseLine}}{{else}}{{.CommandPath}}{{end}}",
	).Replace(root.UsageTemplate())))
	root.SetVersionTemplate("jellybind {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	f := root.PersistentFlags()
	f.StringVarP(&a.server, "server", "s", "",
		"the `NAME` of a server that was added, or any server's address (default: the default server)")
	a.language.what, a.language.allowed = "LANGUAGE", []string{"en", "de"}
	f.Var(&a.language, "language", "the language: en or de (default: the settings', or the system's)")
	f.BoolVar(&a.json, "json", false, "print JSON for programs; “jellybind help json” lists the fields")
	f.BoolVarP(&a.yes, "yes", "y", false, "ask nothing: answer every question with yes")
	f.BoolVar(&a.credentialStdin, "credential-stdin", false,
		"take an API key or access token from standard input's first line, for this run only")
	f.IntVar(&a.credentialFD, "credential-fd", -1,
		"take an API key or access token from the file descriptor of this `NUMBER`, for this run only")
	f.Lookup("credential-fd").DefValue = "0" // so that help names no default
	a.demo.what, a.demo.allowed = "FLAVOUR", flavours
	f.Var(&a.demo, "demo",
		"run the command in a fresh demo world with the plugin's flavour "+listed(flavours)+" (default "+flavours[0]+")")
	f.Lookup("demo").NoOptDefVal = flavours[0]
	a.demoAs = choice{what: "WHO", value: string(api.CredentialAdmin), allowed: []string{
		string(api.CredentialAdmin), string(api.CredentialKey), string(api.CredentialUser),
	}}
	f.Var(&a.demoAs, "demo-as", "who you are in the demo world: "+listed(a.demoAs.allowed))
	f.Var(&a.demoUsers, "demo-users", "how many accounts the demo world has (default 24)")
	root.MarkFlagsMutuallyExclusive("credential-stdin", "credential-fd")
	root.MarkFlagsMutuallyExclusive("demo", "server")
	root.AddGroup(&cobra.Group{ID: groupUse, Title: "Commands:"}, &cobra.Group{ID: groupMore, Title: "More:"})
	for _, c := range []*cobra.Command{
		a.serverCommand(), a.authCommand(), a.usersCommand(), a.linksCommand(), a.providersCommand(), a.checkCommand(),
		a.historyCommand(),
		a.selfServiceCommand(),
	} {
		c.GroupID = groupUse
		root.AddCommand(c)
	}
	for _, c := range []*cobra.Command{a.demoCommand(), a.versionCommand()} {
		c.GroupID = groupMore
		root.AddCommand(c)
	}
	flagsHelp := &cobra.Command{Use: "flags", Short: "The flags of every command"}
	root.AddCommand(helpJSON(), helpExitCodes(), flagsHelp)
	root.SetHelpCommandGroupID(groupMore)
	root.SetCompletionCommandGroupID(groupMore)
	root.InitDefaultCompletionCmd()
	a.complete(root)
	a.wrap(root)
	root.InitDefaultHelpCmd()
	describeHelp(root)
	a.translate(root)
	fill(root, width)
	flagsHelp.SetHelpFunc(func(*cobra.Command, []string) {
		a.out.line(a.t("These flags work with every command:") + "\n")
		a.out.line(optionalFlags(f.FlagUsagesWrapped(width), a.t("(default ")))
	})
	return root
}

// optionalFlags words the flags of every command as the other help does.
func optionalFlags(usages, german string) string {
	usages = optionalValue.ReplaceAllString(usages, "--demo[=$1]    ")
	return strings.TrimRight(strings.ReplaceAll(usages, "(default ", german), "\n")
}

// helpCommand shows the help of a command, and says so where there is none of that name.
func helpCommand(c *cobra.Command, args []string) error {
	at := c.Root()
	for _, name := range args {
		i := slices.IndexFunc(at.Commands(), func(sub *cobra.Command) bool { return sub.Name() == name || sub.HasAlias(name) })
		if i < 0 {
			return unknownCommand(at, name)
		}
		at = at.Commands()[i]
	}
	at.InitDefaultHelpFlag()
	return at.Help()
}

// helpFunctions adds to cobra's templates what ours need, once for all.
var helpFunctions = sync.OnceFunc(func() {
	cobra.AddTemplateFunc("optional", func(flags string) string {
		// Pflag's way to say that a flag's value may be missing makes people type a blank where there must be a “=”.
		return optionalValue.ReplaceAllString(flags, "--demo[=$1]    ")
	})
	cobra.AddTemplateFunc("swap", func(old, by, text string) string { return strings.ReplaceAll(text, old, by) })
})

var optionalValue = regexp.MustCompile(`--demo (\S+)\[=` + flavours[0] + `\]`)

// describeHelp words what cobra adds as the rest is worded.
func describeHelp(c *cobra.Command) {
	c.InitDefaultHelpFlag()
	c.Flag("help").Usage = "show this help"
	if c.InitDefaultVersionFlag(); c.Version != "" {
		c.Flag("version").Usage = "print the version"
	}
	switch c.Name() {
	case "completion":
		c.Short = "Print the script that completes commands in your shell"
	case "help":
		c.Use, c.Short, c.Long = "help COMMAND", "Show the help of a command", ""
		c.Run, c.RunE = nil, helpCommand
	}
	for _, sub := range c.Commands() {
		describeHelp(sub)
	}
}

// fill wraps the long texts of help to a width, but for what is indented.
func fill(c *cobra.Command, width int) {
	blocks := strings.Split(c.Long, "\n\n")
	for i, block := range blocks {
		if !indented(block) {
			blocks[i] = strings.Join(wrap(strings.ReplaceAll(block, "\n", " "), width), "\n")
		}
	}
	c.Long = strings.Join(blocks, "\n\n")
	for _, sub := range c.Commands() {
		fill(sub, width)
	}
}

const (
	groupUse  = "use"
	groupMore = "more"
)

func helpExitCodes() *cobra.Command {
	return &cobra.Command{
		Use: "exit-codes", Short: "What the exit codes mean",
		Long: `Jellybind ends with one of these exit codes:

  0  done
  1  failed: the server cannot be reached, an account or link is not there, …
  2  wrong use: an unknown command or flag, a missing or unusable value
  3  refused: by the server, its plugin or the identity provider
  4  cancelled: by an answer, Ctrl-C or the end of standard input
  5  found: “links diff” has differences, “check” has findings`,
	}
}

// wrap makes cobra's complaints about arguments usage errors with the right way as a hint, names the sub-commands where
// one is missing or unknown, and notes when a command begins.
func (a *app) wrap(c *cobra.Command) {
	args := c.Args
	if args == nil {
		args = cobra.NoArgs
	}
	c.Args = func(c *cobra.Command, given []string) error {
		if flavour := a.flavourOf(given); flavour != "" {
			return advise(usage("demo-value", "value", flavour), usageCode, "mean", "names", "--demo="+flavour)
		}
		if c.HasAvailableSubCommands() && len(given) > 0 {
			return unknownCommand(c, given[0])
		}
		if err := args(c, given); err != nil {
			e := usage("takes-nothing", "command", c.CommandPath())
			if _, takes, found := strings.Cut(c.Use, " "); found {
				e = usage("takes", "command", c.CommandPath(), "takes", takes)
			}
			return seeHelp(e, c)
		}
		return nil
	}
	if list := listOf(c); c.RunE == nil && list != nil {
		c.Flags().AddFlagSet(list.Flags())
		c.RunE = func(c *cobra.Command, _ []string) error { return list.RunE(c, nil) }
	}
	run := c.RunE
	switch {
	case run != nil:
		c.RunE = func(c *cobra.Command, args []string) error {
			if name := emptyFlag(c.Flags()); name != "" {
				return seeHelp(flagEmpty(name), c)
			}
			if f := c.Flags().Lookup("format"); f != nil && f.Value.String() == formatJSON {
				a.json = true
			}
			a.began = true
			return run(c, args)
		}
	case c.HasAvailableSubCommands() && c.HasParent():
		c.Annotations = map[string]string{"group": "yes"}
		c.RunE = func(c *cobra.Command, _ []string) error {
			return usage("needs-command", "command", c.CommandPath(), "commands", verbs(c))
		}
	}
	for _, sub := range c.Commands() {
		a.wrap(sub)
	}
}

// listOf is the command that a bare noun stands for; nil for none.
func listOf(c *cobra.Command) *cobra.Command {
	for _, sub := range c.Commands() {
		if c.HasParent() && (sub.Name() == "list" || sub.Name() == "status") {
			return sub
		}
	}
	return nil
}

func verbs(c *cobra.Command) string {
	names := []string{}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return strings.Join(names, ", ")
}

func unknownCommand(c *cobra.Command, name string) error {
	next, names := "choose", verbs(c)
	if c.SuggestionsMinimumDistance == 0 {
		c.SuggestionsMinimumDistance = 2
	}
	if near := c.SuggestionsFor(name); len(near) > 0 {
		next, names = "mean", c.CommandPath()+" "+strings.Join(near, ", "+c.CommandPath()+" ")
	}
	return advise(usage("no-command", "command", c.CommandPath(), "name", name), usageCode, next, "names", names)
}

// flavourOf is the flavour that somebody gave to --demo with a blank where the “=” has to be; empty for none.
func (a *app) flavourOf(args []string) string {
	if a.demo.value != flavours[0] {
		return ""
	}
	for _, arg := range args {
		for _, f := range flavours {
			if strings.EqualFold(arg, f) {
				return f
			}
		}
	}
	return ""
}

var usageCode = []api.Code{api.CodeUsage}

// backend returns what the command works on: the person's own installation, or a fresh demo world.
func (a *app) backend(ctx context.Context) (*backend.Backend, error) {
	if a.world != nil {
		return a.world.Backend, nil
	}
	o, err := backend.Default(a.version)
	if err != nil && a.demo.value == "" {
		return nil, err
	}
	o.Version = a.version
	if a.demo.value == "" {
		b := backend.New(o)
		// A damaged file is reported once only, so it is asked for here, for every command. Another error is that of
		// whoever needs the file.
		if _, err := b.Profiles.Load(ctx); api.IsCode(err, api.CodeProfileDamaged) {
			a.err.text(a.err.warn(a.t("Warning: ")), a.told(err).Sentence)
		}
		return b, nil
	}
	a.world, err = backend.NewDemo(ctx, o, demo.Options{
		Flavour: api.Flavour(a.demo.value), Users: int(a.demoUsers),
	}, api.CredentialKind(a.demoAs.value))
	if err != nil {
		return nil, err
	}
	return a.world.Backend, nil
}

// session opens the server that --server names.
func (a *app) session(ctx context.Context) (*backend.Session, error) {
	b, err := a.backend(ctx)
	if err != nil {
		return nil, err
	}
	credential, err := a.credential(ctx)
	if err != nil {
		return nil, err
	}
	progress, stop := a.progress()
	defer stop()
	s, err := b.Open(ctx, backend.Target{Name: a.server, Credential: credential, Progress: progress})
	if err != nil {
		return nil, a.hintLogin(ctx, b, a.hintTrust(ctx, b, err))
	}
	a.words, a.opened = a.words.For(s.Kind), s
	return s, nil
}

// hintLogin completes the hint of a missing credential with the server that --server names.
func (a *app) hintLogin(ctx context.Context, b *backend.Backend, err error) error {
	if a.server == "" {
		return err
	}
	next := "login-there"
	if _, err := a.stored(ctx, b, a.server); err != nil {
		next = "add-there"
	}
	return advise(err, []api.Code{api.CodeCredentialMissing}, next, "server", shellWord(a.server))
}

// credential reads the credential for this run, if one was given. It is never an argument: those are in the process list.
func (a *app) credential(ctx context.Context) (secret.Value, error) {
	switch {
	case a.credentialStdin:
		return a.promptSecret(ctx, a.t("API key or access token: "), pasted)
	case a.credentialFD >= 0:
		f := os.NewFile(uintptr(a.credentialFD), "credential")
		if f == nil {
			return secret.Value{}, usage("no-descriptor", "number", strconv.Itoa(a.credentialFD))
		}
		defer func() { _ = f.Close() }()
		return readSecret(ctx, f, usage("no-secret-on-descriptor", "number", strconv.Itoa(a.credentialFD)), pasted)
	}
	return secret.Value{}, nil
}

// kind of a secret that is read.
type kind int

const (
	pasted   kind = iota // a key or token: blanks around it came with the pasting
	password             // every blank counts, and an account may have an empty one
)

// value makes a secret of a line.
func (k kind) value(line string) secret.Value {
	if k == password {
		return secret.New(strings.TrimSuffix(line, "\r"))
	}
	return secret.New(strings.TrimSpace(line))
}

// readSecret reads one line; none is the error for an empty one.
func readSecret(ctx context.Context, r io.Reader, none error, k kind) (secret.Value, error) {
	line, err := readLine(ctx, r)
	if ctx.Err() != nil {
		return secret.Value{}, cancelled(ctx.Err())
	}
	v := k.value(line)
	if v.IsZero() && (k == pasted || err != nil) {
		return v, none
	}
	return v, nil
}

// readLine reads up to a line feed, byte by byte, so that nothing behind it is lost for the next reader. At most 8 KiB.
// It returns when ctx ends, for a pipe whose other end stays silent keeps nobody from Ctrl-C.
func readLine(ctx context.Context, r io.Reader) (string, error) {
	return await(ctx, func() (string, error) {
		var b strings.Builder
		one := make([]byte, 1)
		for b.Len() < 8<<10 {
			n, err := r.Read(one)
			if n == 1 {
				if one[0] == '\n' {
					return b.String(), nil
				}
				b.WriteByte(one[0])
			}
			if err != nil {
				return b.String(), err
			}
		}
		return "", errors.New("line too long")
	})
}

// await returns what read returns, or when ctx ends. A read that nobody answers is left behind then; the process ends soon.
func await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// versionFacts is the answer of version.
type versionFacts struct {
	Version string `json:"version"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version",
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.document(versionFacts{a.version})
			}
			a.out.line("jellybind " + a.version)
			return nil
		},
	}
}
