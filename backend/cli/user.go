package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/words"
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
		return a.document(accounts)
	}
	rows := [][]string{}
	for _, x := range accounts {
		seen := a.t("never")
		if !x.Exists {
			seen = ""
		}
		if !x.LastActivity.IsZero() {
			seen = x.LastActivity.Local().Format(time.DateOnly)
		}
		rows = append(rows, []string{nameOf(x), strconv.Itoa(len(x.Identities)), seen, a.traits(x)})
	}
	if len(rows) == 0 {
		a.err.line(a.t(noMatch))
	} else if err := a.out.table(a.headers("ACCOUNT", "LINKS", "LAST ACTIVE", "NOTES"), rows, a.t("NOTES")); err != nil {
		return err
	}
	a.noteOwn(r)
	return nil
}

func (a *app) userUnregister() *cobra.Command {
	var provider string
	var planOnly, noPassword bool
	c := &cobra.Command{
		Use:   "unregister ACCOUNT",
		Short: "Take an account out of single sign-on",
		Long: `Give an account another sign-in provider of the server, by default the server's own, by name and password. With 9p4's
plugin and K0lin's fork its links stay, and still open it; Flowfin's drops them and ends the account's sessions. --plan says
what would happen.`,
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
				return a.orphaned(account)
			}
			plan, err := s.Linker.PlanUnregister(ctx, account.ID)
			if err != nil {
				return err
			}
			to, err := signInProvider(plan.Providers, provider)
			if err != nil {
				return err
			}
			can := s.Plugin.Capabilities()
			drops := can.UnregisterDrops
			if planOnly {
				return a.showUnregister(plan, to, drops)
			}
			if !a.json || !a.yes {
				a.unregister(a.err, plan, to, drops)
			}
			if can.UnregisterKept && plan.MayOpenByName(to.ID) && !noPassword {
				if err := a.askNoPassword(ctx, account.Name); err != nil {
					return err
				}
			}
			if err := a.ask(ctx, a.t("Return {account} to password sign-in?", "account", account.Name)); err != nil {
				return err
			}
			change, err := s.Linker.Unregister(ctx, account.ID, to.ID)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(change)
			}
			a.out.text("", a.unregistered(account, to, drops))
			if drops || to.ID != account.AuthProvider {
				a.hintUndo(change)
			}
			return nil
		},
	}
	c.Flags().StringVar(&provider, "provider", "", "the `NAME` or id of the sign-in provider (default: the server's default one)")
	c.Flags().BoolVar(&noPassword, "without-password", false,
		"go on though the account may have no password, so that its name alone opens it; --yes does not say that")
	c.Flags().BoolVar(&planOnly, "plan", false, "only say what would happen, and list the sign-in providers")
	return c
}

// askNoPassword asks for the account's name, which nobody types by mistake. Where nobody can be asked, the flag says it.
func (a *app) askNoPassword(ctx context.Context, account string) error {
	refused := &api.Error{Code: api.CodeUsage, Why: "without-password", Params: map[string]string{"account": account}}
	if a.yes || a.json {
		return refused
	}
	typed, err := a.prompt(ctx, a.t("The account may open by its name alone. Type the name to go on:")+" ", "without-password")
	if err != nil {
		return err
	}
	if strings.TrimSpace(typed) != account {
		return cancelled(nil)
	}
	return nil
}

// signInProvider finds a sign-in provider by its name, its id or the end of that; the first one is the server's default.
func signInProvider(list []api.AuthProvider, typed string) (api.AuthProvider, error) {
	if typed == "" && len(list) > 0 {
		return list[0], nil
	}
	names := []string{}
	for _, p := range list {
		if slices.ContainsFunc([]string{p.ID, p.Name, lastName(p.ID)}, func(s string) bool { return strings.EqualFold(s, typed) }) {
			return p, nil
		}
		names = append(names, signInName(list, p.ID))
	}
	return api.AuthProvider{}, usage("no-sign-in-provider", "provider", typed, "next", "choose", "names", strings.Join(names, ", "))
}

// signInName is what a sign-in provider is called.
func signInName(list []api.AuthProvider, id string) string {
	for _, p := range list {
		if p.ID == id && p.Name != "" {
			return p.Name
		}
	}
	return lastName(id)
}

// lastName is the telling part of a sign-in provider's id, which is the name of a class with its namespaces.
func lastName(id string) string { return id[strings.LastIndex(id, ".")+1:] }

// signInWay says what an account signs in with, for “signs in with”.
func (a *app) signInWay(id, name string) string {
	switch id {
	case api.AuthProviderDefault:
		return a.t("Jellyfin's own password")
	case api.AuthProviderPlugin:
		return a.t("single sign-on")
	}
	return cmp.Or(name, lastName(id))
}

// unregistered says what Unregister has done.
func (a *app) unregistered(x api.Account, to api.AuthProvider, drops bool) string {
	named := []string{"account", x.Name, "way", a.signInWay(to.ID, to.Name)}
	said := a.t("{account} signs in with {way} now.", named...)
	if to.ID == x.AuthProvider {
		said = a.t("{account} signs in with {way} as before.", named...)
	}
	var names []string
	for _, id := range x.Identities {
		names = append(names, a.t("{name} at {provider}", "name", id.Name, "provider", id.Provider))
	}
	n := len(names)
	switch {
	case drops && n == 0:
		return said + " " + a.t("It had no link. Its sessions have ended.")
	case drops && n == 1:
		return said + " " + a.t("Its only link was removed: {name}. Its sessions have ended.", "name", names[0])
	case drops:
		return said + " " + a.t("Its {n} links were removed: {names}. Its sessions have ended.",
			"n", strconv.Itoa(n), "names", strings.Join(names, ", "))
	case n == 0:
		return said + " " + a.t("It has no link.")
	case n == 1:
		return said + " " + a.t("Its only link stays, and still opens it.")
	}
	return said + " " + a.t("Its {n} links stay, and still open it.", "n", strconv.Itoa(n))
}

// unregister says what Unregister would do. Drops is whether it drops the account's links.
func (a *app) unregister(p *printer, plan api.UnregisterPlan, to api.AuthProvider, drops bool) {
	from := plan.Account.AuthProvider
	p.facts(a.t("Account"), plan.Account.Name, a.t("Signs in with"), a.signInWay(from, signInName(plan.Providers, from)),
		a.t("From now on"), a.signInWay(to.ID, to.Name))
	a.words.Fill(&plan, words.Terminal)
	effects := plan.Effects
	if from == to.ID && !drops {
		already := a.t("The account signs in with {way} already, and this flavour changes nothing else.",
			"way", a.signInWay(to.ID, to.Name)) + " "
		if plan.Links == 0 {
			effects = []string{already + a.t("It has no link either.")}
		} else {
			effects = []string{already + a.t("Its links still open it. To take it out of single sign-on, remove them: "+
				"jellybind links remove {command}", "command", shellWord(plan.Account.Name)+" --all"+a.again())}
		}
	}
	for _, e := range effects {
		p.text("• ", e)
	}
	if plan.MayOpenByName(to.ID) && plan.PasswordUnknown {
		p.text("• ", p.warn(a.t("Only its present sign-in provider knows whether the account has a password. If it has none in "+
			"Jellyfin, anybody who knows its name gets in from then on. Set one in the dashboard at once.")))
	}
	if plan.NoPassword {
		p.text("• ", p.warn(a.t("The account has no password: with Jellyfin's own sign-in, anybody who knows its name gets in. "+
			"Set one in the dashboard first.")))
	}
}

func (a *app) showUnregister(plan api.UnregisterPlan, to api.AuthProvider, drops bool) error {
	if a.json {
		return a.document(plan)
	}
	a.unregister(a.out, plan, to, drops)
	a.out.line("")
	rows := [][]string{}
	for _, p := range plan.Providers {
		id := p.ID
		if a.out.aligned && a.out.width < 100 {
			id = "…" + lastName(id)
		}
		rows = append(rows, []string{p.Name, id})
	}
	return a.out.table(a.headers("SIGN-IN PROVIDER", "ID"), rows)
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
			if damaged := b.Journal.Damaged(e.ServerID); damaged != nil {
				a.warn(damaged)
			}
			if a.json {
				if changes == nil {
					changes = []api.Change{}
				}
				return a.document(changes)
			}
			rows := [][]string{}
			for _, x := range changes {
				rows = append(rows, a.change(x))
			}
			if len(rows) == 0 {
				a.err.line(a.t("Nothing was changed from this computer yet."))
				return nil
			}
			short := a.headers("ID", "TIME", "CHANGE", "STATE", "HOW")
			return a.out.table(a.headers("ID", "TIME", "CHANGE", "STATE", "ACCOUNT", "FROM", "IDENTITIES", "HOW"), rows, short...)
		},
	}
	undo := &cobra.Command{
		Use: "undo ID", Short: "Take a change back", Args: cobra.ExactArgs(1),
		Long: `Take a change back, by its id or the beginning of it, as “jellybind history list” shows it. What somebody has changed
since is left alone. The undoing is a change of its own.`,
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
			if damaged := b.Journal.Damaged(s.Server.ID); damaged != nil {
				a.warn(damaged)
			}
			if err != nil {
				return err
			}
			question := a.t("Undo the {change} of {account} from {time}?", "change", string(done.Kind), "account", done.UserName,
				"time", done.Time.Local().Format(time.DateTime))
			if err := a.ask(ctx, question); err != nil {
				return err
			}
			change, err := s.Linker.Undo(ctx, args[0])
			if err != nil {
				return err
			}
			return a.showUndoable(change)
		},
	}
	c.AddCommand(list, undo)
	return c
}

// change is a change's row in the history. For people times and ids are shortened, the ids as far as “history undo” takes
// them; more so where lines are short.
func (a *app) change(c api.Change) []string {
	p := a.out
	id, undoes, at := c.ID, c.Undoes, c.Time.Local().Format(time.DateTime)
	account, from := c.UserName, c.FromName
	if account == "" {
		account = c.UserID
	}
	if from == "" {
		from = c.FromID
	}
	if p.aligned {
		id, undoes, at = start(id), start(undoes), p.when(c.Time)
		if from != "" && c.FromName == "" {
			from = shortID(from)
		}
	}
	names := []string{}
	for _, id := range c.Identities {
		names = append(names, a.t("{name} at {provider}", "name", id.Name, "provider", id.Provider))
	}
	how := string(c.Strategy)
	switch {
	case undoes != "" && p.aligned && p.width < 100:
		how = a.t("undo")
	case undoes != "":
		how = a.t("undo of {id}", "id", undoes)
	}
	return []string{id, at, string(c.Kind), string(c.State), account, from, strings.Join(names, ", "), how}
}

// when is a time to the minute. Where lines are short it has no year, or, of another year, no hours.
func (p *printer) when(t time.Time) string {
	t = t.Local()
	switch {
	case p.width >= 100:
		return t.Format("2006-01-02 15:04")
	case t.Year() == time.Now().Year():
		return t.Format("01-02 15:04")
	}
	return t.Format(time.DateOnly)
}

// start is the beginning of a change's id, which names it.
func start(id string) string { return id[:min(len(id), 8)] }

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
			config, err := a.pipedInput(c.Context())
			if err != nil {
				return err
			}
			kit, err := backend.SelfService(e.URL, config)
			if err != nil {
				return err
			}
			if len(config) > 0 {
				_, err = io.WriteString(a.out.w, kit.MenuLink)
				return err
			}
			if a.json {
				return a.document(kit)
			}
			a.out.line(a.t("Linking page:") + "  " + kit.PageURL)
			a.out.text("", a.t("Signed-in users can link their own OpenID identities there. SAML is not supported. On 9p4 and K0lin the "+
				"page often signs in with the new identity instead of linking it, which opens or makes another account. It is better "+
				"to link with Jellybind and one's own password."))
			a.out.line(a.t("Entry for config.json of the web client:"))
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
	progress(api.Progress{Step: "reading-config"})
	b, err := await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.in, maxConfig+1)) })
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	if len(b) > maxConfig {
		return nil, usage("config-too-large")
	}
	return b, nil
}
