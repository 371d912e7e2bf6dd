package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
)

func (a *app) usersCommand() *cobra.Command {
	var q query
	c := &cobra.Command{
		Use: "users", Aliases: []string{"user"}, Short: "List the accounts; take one out of single sign-on",
		RunE: func(c *cobra.Command, _ []string) error { return a.listUsers(c.Context(), q) },
	}
	q.flags(c)
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the accounts and how many identities open each", Args: cobra.NoArgs,
		RunE: c.RunE,
	}
	q.flags(list)
	c.AddCommand(list, a.userUnregister())
	return c
}

func (a *app) listUsers(ctx context.Context, q query) error {
	accounts, r, err := a.accounts(ctx, q)
	if err != nil {
		return err
	}
	if a.json {
		return a.out.json(accounts)
	}
	rows := [][]string{}
	for _, x := range accounts {
		seen := ""
		if !x.LastActivity.IsZero() {
			seen = x.LastActivity.Local().Format(time.DateOnly)
		}
		rows = append(rows, []string{nameOf(x), strconv.Itoa(len(x.Identities)), seen, traits(x)})
	}
	if len(rows) == 0 {
		a.err.line(noMatch)
	} else if err := a.out.table([]string{"ACCOUNT", "LINKS", "LAST SEEN", "NOTES"}, rows); err != nil {
		return err
	}
	a.noteOwn(r)
	return nil
}

func (a *app) userUnregister() *cobra.Command {
	var provider string
	var planOnly bool
	c := &cobra.Command{
		Use:   "unregister ACCOUNT",
		Short: "Give an account another sign-in provider of the server, so that it leaves single sign-on",
		Example: "  jellybind user unregister maria --plan\n" +
			"  jellybind user unregister maria",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			s, _, account, err := a.account(ctx, args[0])
			if err != nil {
				return err
			}
			if !account.Exists {
				return orphaned(account)
			}
			plan, err := s.Linker.PlanUnregister(ctx, account.ID)
			if err != nil {
				return err
			}
			if provider == "" && len(plan.Providers) > 0 {
				provider = plan.Providers[0].ID
			}
			if planOnly {
				return a.showUnregister(plan, provider)
			}
			if !a.json || !a.yes {
				a.err.unregister(plan, provider)
			}
			if err := a.ask(ctx, fmt.Sprintf("Unregister %s?", api.Printable(account.Name))); err != nil {
				return err
			}
			change, err := s.Linker.Unregister(ctx, account.ID, provider)
			if err != nil {
				return err
			}
			if a.json {
				return a.out.json(change)
			}
			a.out.text("", fmt.Sprintf("%s signs in by %s now.", api.Printable(account.Name), api.Printable(provider)))
			a.hintUndo(change)
			return nil
		},
	}
	c.Flags().StringVar(&provider, "provider", "", "the `ID` of the sign-in provider (default: the server's default one)")
	c.Flags().BoolVar(&planOnly, "plan", false, "only say what would happen, and list the sign-in providers")
	return c
}

// unregister says what Unregister would do.
func (p *printer) unregister(plan api.UnregisterPlan, provider string) {
	p.facts("Account", plan.Account.Name, "Signs in by", plan.Account.AuthProvider, "From now on", provider)
	for _, e := range plan.Effects {
		p.text("• ", e)
	}
	if plan.NoPassword {
		p.text("• ", p.warn("The account has no password: nobody can sign in to it by name afterwards. Set one in the "+
			"dashboard first."))
	}
}

func (a *app) showUnregister(plan api.UnregisterPlan, provider string) error {
	if a.json {
		return a.out.json(plan)
	}
	a.out.unregister(plan, provider)
	a.out.line("")
	rows := [][]string{}
	for _, p := range plan.Providers {
		rows = append(rows, []string{p.Name, p.ID})
	}
	return a.out.table([]string{"SIGN-IN PROVIDER", "ID"}, rows)
}

func (a *app) historyCommand() *cobra.Command {
	c := &cobra.Command{Use: "history", Short: "List and undo the changes made from this computer"}
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the changes, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, e, err := a.entry(c.Context())
			if err != nil {
				return err
			}
			changes, err := b.Journal.Changes(c.Context(), e.ServerID)
			if err != nil {
				return err
			}
			if a.json {
				if changes == nil {
					changes = []api.Change{}
				}
				return a.out.json(changes)
			}
			rows := [][]string{}
			for _, x := range changes {
				names := []string{}
				for _, id := range x.Identities {
					names = append(names, id.Name+" of "+id.Provider)
				}
				rows = append(rows, []string{
					x.ID, x.Time.Local().Format(time.DateTime), string(x.Kind), string(x.State), x.UserName, strings.Join(names, ", "),
				})
			}
			if len(rows) == 0 {
				a.err.line("Nothing was changed from this computer yet.")
				return nil
			}
			return a.out.table([]string{"ID", "TIME", "CHANGE", "STATE", "ACCOUNT", "IDENTITIES"}, rows)
		},
	}
	undo := &cobra.Command{
		Use: "undo ID", Short: "Take a change back", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			s, err := a.session(ctx)
			if err != nil {
				return err
			}
			b, err := a.backend(ctx)
			if err != nil {
				return err
			}
			done, err := b.Journal.Change(ctx, s.Server.ID, args[0])
			if err != nil {
				return err
			}
			question := fmt.Sprintf("Take back the %s of %s from %s?", done.Kind, api.Printable(done.UserName),
				done.Time.Local().Format(time.DateTime))
			if err := a.ask(ctx, question); err != nil {
				return err
			}
			change, err := s.Linker.Undo(ctx, args[0])
			if err != nil {
				return err
			}
			return a.showChange(change)
		},
	}
	c.AddCommand(list, undo)
	return c
}

func (a *app) selfServiceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "selfservice",
		Short: "Print the plugin's linking page, and a menu entry for it",
		Long: `Print the address of the plugin's own linking page, and the menuLinks entry for config.json of Jellyfin's web client.
A config.json on standard input is printed with the entry merged in: jellybind selfservice < config.json > new.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, e, err := a.entry(c.Context())
			if err != nil {
				return err
			}
			if config, err := a.pipedInput(c.Context()); err != nil || len(config) > 0 {
				if err != nil {
					return err
				}
				merged, err := backend.MergeMenuLink(config, e.URL)
				if err != nil {
					return err
				}
				_, err = a.out.w.Write(merged)
				return err
			}
			kit, err := backend.SelfService(e.URL)
			if err != nil {
				return err
			}
			if a.json {
				return a.out.json(kit)
			}
			a.out.line("Linking page:  " + kit.PageURL)
			a.out.line("Entry for config.json of the web client:")
			a.out.line(strings.TrimRight(kit.MenuLink, "\n"))
			return nil
		},
	}
}

// maxConfig bounds a config.json from standard input, in bytes.
const maxConfig = 1 << 20

// pipedInput returns what was piped in, or nothing where standard input is a terminal or no file at all.
func (a *app) pipedInput(ctx context.Context) ([]byte, error) {
	if f, ok := a.in.(*os.File); ok {
		info, err := f.Stat()
		if err != nil || term.IsTerminal(int(f.Fd())) || info.Mode()&os.ModeCharDevice != 0 {
			return nil, nil
		}
	}
	progress, stop := a.progress()
	defer stop()
	progress(api.Progress{Step: "reading-config", Text: "Reading config.json from standard input…"})
	b, err := await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.in, maxConfig+1)) })
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	if len(b) > maxConfig {
		return nil, &api.Error{
			Code: api.CodeUsage, Sentence: "What was given on standard input is too large for a config.json.",
			Hint: "Give the content of the web client's config.json.",
		}
	}
	return b, nil
}
