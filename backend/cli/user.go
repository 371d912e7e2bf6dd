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
	var q linksQuery
	c := &cobra.Command{
		Use: "users", Aliases: []string{"user"}, Short: "List the accounts; take some out of single sign-on",
		RunE: func(c *cobra.Command, _ []string) error { return a.listUsers(c.Context(), q) },
	}
	q.flags(c)
	list := &cobra.Command{
		Use: "list [ACCOUNT]...", Aliases: []string{"ls"}, Short: "List the accounts and how many identities open each",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			q.who = args
			return a.listUsers(c.Context(), q)
		},
	}
	q.flags(list)
	c.AddCommand(list, a.userUnregister(), a.userAcceptRisk())
	return c
}

func (a *app) listUsers(ctx context.Context, q linksQuery) error {
	accounts, r, err := a.accounts(ctx, q.query)
	if err != nil {
		return err
	}
	if accounts, err = a.onlyThese(ctx, accounts, r, slices.Concat(q.who, q.user), q.from); err != nil {
		return err
	}
	if a.json {
		return a.document(accounts)
	}
	s := sheet{columns: []column{
		{key: "account", header: a.t("ACCOUNT")},
		{key: "links", header: a.t("LINKS"), spare: 1},
		{key: "last-active", header: a.t("LAST ACTIVE"), spare: 2},
		{key: "notes", header: a.t("NOTES"), short: true, paint: true},
		{key: "free-at", header: a.t("FREE AT"), spare: 3},
	}}
	for _, x := range accounts {
		seen := a.t("never")
		if !x.Exists {
			seen = ""
		}
		if !x.LastActivity.IsZero() {
			seen = x.LastActivity.Local().Format(time.DateOnly)
		}
		s.rows = append(s.rows, []string{nameOf(x), strconv.Itoa(len(x.Identities)), seen, a.traits(x), freeAt(x)})
	}
	if a.plain(q.listing) {
		s.keep([]int{0, 1, 2, 3})
	}
	if len(s.rows) == 0 {
		a.err.line(a.t(noMatch))
	} else if err := a.list(q.listing, s); err != nil {
		return err
	}
	a.explainRisk(accounts)
	a.noteOwn(r)
	return nil
}

// unregisterFlags are the flags of users unregister.
type unregisterFlags struct {
	provider             string
	planOnly, noPassword bool
	from                 string
}

func (a *app) userUnregister() *cobra.Command {
	var f unregisterFlags
	c := &cobra.Command{
		Use:   "unregister ACCOUNT...",
		Short: "Take accounts out of single sign-on",
		Long: `Give an account another sign-in provider of the server, by default the server's own, by name and password. With 9p4's
plugin and K0lin's fork its links stay, and still open it; Flowfin's drops them and ends the account's sessions. --plan says
what would happen.`,
		Example: "  jellybind user unregister maria --plan\n" +
			"  jellybind user unregister maria",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 && f.from == "" {
				return seeHelp(usage("takes", "command", c.CommandPath(), "takes", "ACCOUNT..."), c)
			}
			return a.unregisterAll(c.Context(), f, args)
		},
	}
	c.Flags().StringVar(&f.provider, "provider", "", "the `NAME` or id of the sign-in provider (default: the server's default one)")
	c.Flags().BoolVar(&f.noPassword, "without-password", false,
		"go on though the account may have no password, so that its name alone opens it; --yes does not say that")
	c.Flags().BoolVar(&f.planOnly, "plan", false, "only say what would happen, and list the sign-in providers")
	fromFlag(c, &f.from)
	return c
}

// unregisterAll takes accounts out of single sign-on, one after the other. With --json it prints a document for each.
func (a *app) unregisterAll(ctx context.Context, f unregisterFlags, args []string) error {
	s, _, accounts, err := a.chosen(ctx, args, f.from)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if !account.Exists {
			return a.orphaned(account)
		}
	}
	for _, account := range accounts {
		if err := a.unregisterOne(ctx, s, account, f); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) unregisterOne(ctx context.Context, s *backend.Session, account api.Account, f unregisterFlags) error {
	plan, err := s.Linker.PlanUnregister(ctx, account.ID)
	if err != nil {
		return err
	}
	to, err := signInProvider(plan.Providers, f.provider)
	if err != nil {
		return err
	}
	can := s.Plugin.Capabilities()
	drops := can.UnregisterDrops
	if f.planOnly {
		return a.showUnregister(plan, to, drops)
	}
	if able := can.UnregisterTo(account.User, len(account.Identities), to.ID); !able.OK {
		return a.unchanged(&api.Error{Code: api.CodeUsage, Why: able.Why, Params: able.Params}, api.Change{
			Kind: api.ChangeUnregister, UserID: account.ID, UserName: account.Name, Identities: []api.Identity{},
			AuthProviderBefore: account.AuthProvider, AuthProviderAfter: account.AuthProvider,
		})
	}
	if !a.json || !a.yes {
		a.unregister(a.err, plan, to, drops)
	}
	if can.UnregisterKept && plan.MayOpenByName(to.ID) && !f.noPassword {
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
	var l listing
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the changes, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, e, err := a.entry(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.historyDocument(c.Context(), b, e.ServerID)
			}
			rows, err := a.historyRows(c.Context(), b, e.ServerID, a.asTable(l), noteTexts(e.Notes))
			if err != nil {
				return err
			}
			a.warnDamaged(b, e.ServerID)
			if len(rows) == 0 {
				a.err.line(a.t("Nothing was changed from this computer yet."))
				return nil
			}
			return a.listHistory(l, rows)
		},
	}
	l.flags(list)
	var via bool
	undo := &cobra.Command{
		Use: "undo ID", Short: "Take a change or a run back", Args: cobra.ExactArgs(1),
		Long: `Take a change or a whole run back, by its id or the beginning of it, as “jellybind history list” shows it. What
somebody has changed since is left alone. The undoing is a change or a run of its own, and can be taken back as well.`,
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
			run, err := s.Linker.Run(ctx, args[0])
			switch {
			case err == nil:
				return a.undoRun(ctx, s, run, via)
			case !api.IsCode(err, api.CodeChangeNotFound):
				return err
			}
			if err := a.checkID(ctx, b, s.Server.ID, args[0]); err != nil {
				return err
			}
			done, err := b.Journal.Change(ctx, s.Server.ID, args[0])
			a.warnDamaged(b, s.Server.ID)
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
	viaUnregister(undo, &via)
	c.AddCommand(list, a.historyShow(), undo, a.historyResume(), a.historySnapshots(), a.historyRestore())
	return c
}

// historyDocument prints the changes, the ones of runs too.
func (a *app) historyDocument(ctx context.Context, b *backend.Backend, server string) error {
	changes, err := b.Journal.Changes(ctx, server)
	if err != nil {
		return err
	}
	a.warnDamaged(b, server)
	return a.document(append([]api.Change{}, changes...))
}

// warnDamaged tells of lines of the journal that could not be read. Call it after reading.
func (a *app) warnDamaged(b *backend.Backend, server string) {
	if damaged := b.Journal.Damaged(server); damaged != nil {
		a.warn(damaged)
	}
}

// leastChange is how much of a change's id names it.
const leastChange = 4

// checkID says what is wrong with the beginning of a change's id: too short, or shared by several changes.
func (a *app) checkID(ctx context.Context, b *backend.Backend, server, id string) error {
	changes, err := b.Journal.Changes(ctx, server)
	if err != nil {
		return err
	}
	var found []string
	for _, c := range changes {
		if c.ID == id {
			return nil
		}
		if strings.HasPrefix(c.ID, id) {
			found = append(found, start(c.ID)+" ("+a.changeText(c)+")")
		}
	}
	switch {
	case len(found) == 1 && len(id) < leastChange:
		return usage("change-short", "id", id, "least", strconv.Itoa(leastChange), "change", found[0])
	case len(found) > 1:
		return usage("change-several", "id", id, "changes", api.SomeNames(found))
	}
	return nil
}

// changeText says in a few words what a change was.
func (a *app) changeText(c api.Change) string {
	account := cmp.Or(c.UserName, c.UserID)
	if len(c.Identities) == 0 {
		return string(c.Kind) + " " + account
	}
	return string(c.Kind) + " " + account + ": " + a.t("{name} at {provider}",
		"name", c.Identities[0].Name, "provider", c.Identities[0].Provider)
}

// listChanges prints the history. For people times and ids are shortened, the ids as far as “history undo” takes them, and the
// usual state is left out.
func (a *app) listChanges(l listing, changes []api.Change, people map[api.Identity]string) error {
	rows := make([][]string, len(changes))
	for i, c := range changes {
		rows[i] = a.change(c, people, a.asTable(l))
	}
	return a.listHistory(l, rows)
}

// asTable reports whether a list is printed as a table for people.
func (a *app) asTable(l listing) bool {
	return l.format.value == formatTable || l.format.value == "" && a.out.aligned
}

func (a *app) listHistory(l listing, rows [][]string) error {
	s := sheet{columns: []column{
		{key: "id", header: a.t("ID"), short: true},
		{key: "time", header: a.t("TIME"), short: true, spare: 2},
		{key: "change", header: a.t("CHANGE"), short: true},
		{key: "state", header: a.t("STATE"), short: true, spare: 3},
		{key: "account", header: a.t("ACCOUNT")},
		{key: "from", header: a.t("FROM"), spare: 1},
		{key: "provider", header: a.t("PROVIDER"), short: true},
		{key: "identities", header: a.t("IDENTITIES")},
		{key: "how", header: a.t("HOW"), short: true, spare: 4},
	}}
	s.rows = rows
	if a.plain(l) {
		s.keep([]int{0, 1, 2, 3, 4, 5, 7, 8})
	}
	return a.list(l, s)
}

func (a *app) change(c api.Change, people map[api.Identity]string, table bool) []string {
	id, undoes, at := c.ID, c.Undoes, c.Time.Local().Format(time.DateTime)
	account, from, state := cmp.Or(c.UserName, c.UserID), cmp.Or(c.FromName, c.FromID), string(c.State)
	if table {
		id, undoes, at = start(id), start(undoes), a.out.when(c.Time)
		if from != "" && c.FromName == "" {
			from = shortID(from)
		}
		if c.State == api.ChangeConfirmed {
			state = ""
		}
	}
	names, providers := []string{}, []string{}
	for _, id := range c.Identities {
		name := id.Name
		if person := people[id]; person != "" {
			name = person + " (" + name + ")"
		}
		if !table {
			name = a.t("{name} at {provider}", "name", name, "provider", id.Provider)
		}
		names = append(names, name)
		if !slices.Contains(providers, id.Provider) {
			providers = append(providers, id.Provider)
		}
	}
	how := string(c.Strategy)
	switch {
	case undoes != "" && table && a.out.width < 100:
		how = a.t("undo")
	case undoes != "":
		how = a.t("undo of {id}", "id", undoes)
	}
	return []string{id, at, string(c.Kind), state, account, from, strings.Join(providers, "+"), strings.Join(names, ", "), how}
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

func (a *app) userAcceptRisk() *cobra.Command {
	var from string
	var undo bool
	c := &cobra.Command{
		Use: "accept-risk ACCOUNT...", Short: "Take an account out of those at risk, since you accept it",
		Long: `Note, on this computer, that you accept that an account's name is free at a provider. It no longer counts as at risk
then, in the terminal and in the window. --undo takes that back.`,
		Example: "  jellybind users accept-risk guest\n  jellybind users accept-risk guest --undo",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			if len(args) == 0 && from == "" {
				return seeHelp(usage("takes", "command", c.CommandPath(), "takes", "ACCOUNT..."), c)
			}
			b, _, err := a.named(ctx, nil) // it is kept with the server
			if err != nil {
				return err
			}
			s, _, accounts, err := a.chosen(ctx, args, from)
			if err != nil {
				return err
			}
			for i, x := range accounts {
				if !undo && !x.AtRisk && !x.Accepted {
					return &api.Error{Code: api.CodeUsage, Why: "not-at-risk", Params: map[string]string{"account": nameOf(x)}}
				}
				accounts[i].AtRisk, accounts[i].Accepted = undo && len(x.Gaps) > 0, !undo
			}
			for _, x := range accounts {
				if err := b.AcceptRisk(ctx, s, x.ID, !undo); err != nil {
					return err
				}
				if a.json {
					continue
				}
				if undo {
					a.out.text("", a.t("{account}: the risk is no longer accepted.", "account", nameOf(x)))
				} else {
					a.out.text("", a.t("{account}: the risk is accepted.", "account", nameOf(x)))
				}
			}
			if a.json {
				return a.document(accounts)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&undo, "undo", false, "accept it no longer")
	fromFlag(c, &from)
	return c
}
