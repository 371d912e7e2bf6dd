// Package cli is the command line: it parses, calls the backend, and shows what came of it.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/secret"
)

// The exit codes.
const (
	exitDone      = 0
	exitFailed    = 1
	exitUsage     = 2
	exitRefused   = 3
	exitCancelled = 4
)

// app is one run of the command line.
type app struct {
	version string
	in      io.Reader
	out     *printer // answers
	err     *printer // questions, progress, errors

	server          string
	json            bool
	yes             bool
	credentialStdin bool
	credentialFD    int
	demo            string
	demoAs          string
	demoUsers       int

	world *backend.Demo
	open  func() (*backend.Backend, error)
}

// Run runs one command and returns the exit code: 0 done, 1 failed, 2 wrong use, 3 refused by the server, 4 cancelled.
// When ctx ends, the command does.
func Run(ctx context.Context, version string, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{version: version, in: in, out: newPrinter(out), err: newPrinter(errOut)}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if a.world != nil {
		err = errors.Join(err, a.world.Close())
	}
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil && api.CodeOf(err) == api.CodeInternal {
		err = &api.Error{Code: api.CodeCancelled, Sentence: "Cancelled.", Err: err}
	}
	a.fail(err)
	return exitCode(err)
}

// usageError marks an error of cobra's about the words on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	switch api.CodeOf(err) {
	case api.CodeUsage, api.CodeAddressInvalid, api.CodeNameInvalid:
		return exitUsage
	case api.CodeServerRefused, api.CodeCredentialRefused, api.CodeForbidden, api.CodeAccountDisabled,
		api.CodeRateLimited, api.CodeUnsupported, api.CodeSignInRefused:
		return exitRefused
	case api.CodeCancelled:
		return exitCancelled
	default:
		return exitFailed
	}
}

// fail shows an error: for people its sentence and hint, with --json an object with the stable code.
func (a *app) fail(err error) {
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		e = &api.Error{Code: api.CodeInternal, Sentence: err.Error(), Hint: "If this goes on, please report it."}
		if u, ok := errors.AsType[usageError](err); ok {
			sentence := u.Error()
			e = &api.Error{Code: api.CodeUsage, Sentence: strings.ToUpper(sentence[:1]) + sentence[1:] + ".",
				Hint: "“jellybind --help” shows the commands, “jellybind COMMAND --help” what they take."}
		}
	}
	if a.json {
		_ = json.NewEncoder(a.err.w).Encode(map[string]*api.Error{"error": e})
		return
	}
	a.err.line(a.err.bold("Error: ") + e.Sentence)
	if e.Hint != "" {
		a.err.line("       " + e.Hint)
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "jellybind",
		Short: "See and change which identity-provider accounts open which Jellyfin account",
		Long: `Jellybind shows which accounts of your identity providers (OIDC and SAML) open which Jellyfin account, and links and
unlinks them through Jellyfin's SSO plugin.

Without a command it opens its window. Try it without a server: jellybind --demo links list`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       a.version,
		Args:          cobra.NoArgs,
	}
	root.SetVersionTemplate("jellybind {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	f := root.PersistentFlags()
	f.StringVarP(&a.server, "server", "s", "", "the `NAME` of an added server, or a server's address (default: the default server)")
	f.BoolVar(&a.json, "json", false, "print JSON for programs")
	f.BoolVarP(&a.yes, "yes", "y", false, "ask nothing: answer every question with yes")
	f.BoolVar(&a.credentialStdin, "credential-stdin", false,
		"take an API key or access token from the first line of standard input, for this run only")
	f.IntVar(&a.credentialFD, "credential-fd", -1, "the same from a file descriptor, by its `NUMBER`")
	f.StringVar(&a.demo, "demo", "", "run the command in a fresh demo world; `FLAVOUR` is 9p4, K0lin or Flowfin")
	f.Lookup("demo").NoOptDefVal = string(api.Flavour9p4)
	f.StringVar(&a.demoAs, "demo-as", "administrator", "who one is in the demo world: administrator, api-key or user")
	f.IntVar(&a.demoUsers, "demo-users", 0, "how many accounts the demo world has (default 24)")
	root.MarkFlagsMutuallyExclusive("credential-stdin", "credential-fd")
	root.MarkFlagsMutuallyExclusive("demo", "server")
	for _, c := range []*cobra.Command{
		a.serverCommand(), a.authCommand(), a.providersCommand(), a.usersCommand(), a.linksCommand(), a.userCommand(),
		a.historyCommand(), a.selfServiceCommand(), a.demoCommand(), a.versionCommand(),
	} {
		root.AddCommand(c)
	}
	wrapArgs(root)
	return root
}

// wrapArgs makes cobra's complaints about arguments usage errors, and names the sub-commands where one is missing.
func wrapArgs(c *cobra.Command) {
	args := c.Args
	if args == nil {
		args = cobra.NoArgs
	}
	c.Args = func(c *cobra.Command, given []string) error {
		if err := args(c, given); err != nil {
			return usageError{err}
		}
		return nil
	}
	if c.HasSubCommands() && c.RunE == nil && c.HasParent() {
		c.RunE = func(c *cobra.Command, _ []string) error {
			names := []string{}
			for _, sub := range c.Commands() {
				names = append(names, sub.Name())
			}
			return usageError{fmt.Errorf("%q needs one of: %s", c.CommandPath(), strings.Join(names, ", "))}
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// backend returns what the command works on: the person's own installation, or a fresh demo world.
func (a *app) backend(ctx context.Context) (*backend.Backend, error) {
	o, err := backend.Default(a.version)
	if err != nil && a.demo == "" {
		return nil, err
	}
	o.Version = a.version
	if a.demo == "" {
		return backend.New(o), nil
	}
	if a.world != nil {
		return a.world.Backend, nil
	}
	as := api.CredentialKind(a.demoAs)
	switch as {
	case api.CredentialAdmin, api.CredentialKey, api.CredentialUser:
	case api.CredentialNone:
		fallthrough
	default:
		return nil, usageError{fmt.Errorf("--demo-as takes administrator, api-key or user, not %q", a.demoAs)}
	}
	flavour, err := flavourOf(a.demo)
	if err != nil {
		return nil, err
	}
	a.world, err = backend.NewDemo(ctx, o, demo.Options{Flavour: flavour, Users: a.demoUsers}, as)
	if err != nil {
		return nil, err
	}
	return a.world.Backend, nil
}

func flavourOf(name string) (api.Flavour, error) {
	for _, f := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
		if strings.EqualFold(name, string(f)) {
			return f, nil
		}
	}
	return "", usageError{fmt.Errorf("the flavours are 9p4, K0lin and Flowfin, not %q", name)}
}

// session opens the server that --server names.
func (a *app) session(ctx context.Context) (*backend.Session, error) {
	b, err := a.backend(ctx)
	if err != nil {
		return nil, err
	}
	credential, err := a.credential()
	if err != nil {
		return nil, err
	}
	progress, stop := a.progress()
	defer stop()
	s, err := b.Open(ctx, backend.Target{Name: a.server, Credential: credential, Progress: progress})
	return s, a.warnDamaged(err, s != nil)
}

// warnDamaged turns the report of a file that was kept aside into a warning when the command can go on all the same.
func (a *app) warnDamaged(err error, goOn bool) error {
	if goOn && api.IsCode(err, api.CodeProfileDamaged) {
		a.err.line("Warning: " + err.Error())
		return nil
	}
	return err
}

// credential reads the credential for this run, if one was given. It is never an argument: those are in the process list.
func (a *app) credential() (secret.Value, error) {
	switch {
	case a.credentialStdin:
		return readSecret(a.in, "standard input")
	case a.credentialFD >= 0:
		f := os.NewFile(uintptr(a.credentialFD), "credential")
		if f == nil {
			return secret.Value{}, usageError{fmt.Errorf("there is no file descriptor %d", a.credentialFD)}
		}
		defer func() { _ = f.Close() }()
		return readSecret(f, fmt.Sprintf("file descriptor %d", a.credentialFD))
	}
	return secret.Value{}, nil
}

// readSecret reads one line, without the blanks around it that pasting brings along.
func readSecret(r io.Reader, from string) (secret.Value, error) {
	line, err := readLine(r)
	v := secret.New(strings.TrimSpace(line))
	if v.IsZero() {
		return v, &api.Error{
			Code: api.CodeUsage, Sentence: fmt.Sprintf("There is no credential on %s.", from),
			Hint: "Give an API key or access token there, on one line.", Err: err,
		}
	}
	return v, nil
}

// readLine reads up to a line feed, byte by byte, so that nothing behind it is lost for the next reader. At most 8 KiB.
func readLine(r io.Reader) (string, error) {
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
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version",
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.out.json(map[string]string{"version": a.version})
			}
			a.out.line("jellybind " + a.version)
			return nil
		},
	}
}
