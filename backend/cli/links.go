package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
)

// filters are the words of --filter, as the window names them.
var filters = []api.RosterFilter{
	api.FilterLinked, api.FilterUnlinked, api.FilterSeveral, api.FilterOrphan, api.FilterAtRisk, api.FilterDisabled,
	api.FilterAdministrator,
}

// query is what narrows a list of accounts.
type query struct{ search, filter, provider string }

func (q *query) flags(c *cobra.Command) {
	words := []string{}
	for _, f := range filters {
		words = append(words, string(f))
	}
	c.Flags().StringVar(&q.search, "search", "", "only accounts whose name, or an identity's, contains this")
	c.Flags().StringVar(&q.filter, "filter", "", "only "+strings.Join(words, ", "))
	c.Flags().StringVar(&q.provider, "provider", "", "only accounts that are linked at this provider")
}

// accounts reads the roster, and returns the accounts that the query keeps, sorted by name.
func (a *app) accounts(ctx context.Context, q query) ([]api.Account, api.Roster, error) {
	if q.filter != "" && !slices.Contains(filters, api.RosterFilter(q.filter)) {
		return nil, api.Roster{}, usageError{fmt.Errorf("--filter takes one of %v, not %q", filters, q.filter)}
	}
	s, err := a.session(ctx)
	if err != nil {
		return nil, api.Roster{}, err
	}
	r, err := a.roster(ctx, s)
	if err != nil {
		return nil, r, err
	}
	index := roster.NewIndex(r, nil)
	accounts := []api.Account{}
	for {
		page := index.Page(api.RosterQuery{
			Search: q.search, Filter: api.RosterFilter(q.filter), Provider: q.provider, Offset: len(accounts),
		})
		for _, row := range page.Rows {
			accounts = append(accounts, row.Account)
		}
		if len(page.Rows) == 0 {
			return accounts, r, nil
		}
	}
}

func (a *app) roster(ctx context.Context, s *backend.Session) (api.Roster, error) {
	progress, stop := a.progress()
	defer stop()
	return s.Linker.Roster(ctx, progress)
}

func (a *app) usersCommand() *cobra.Command {
	var q query
	c := &cobra.Command{
		Use: "users", Short: "List the accounts and how many identities open each", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			accounts, _, err := a.accounts(c.Context(), q)
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
				rows = append(rows, []string{nameOf(x), fmt.Sprint(len(x.Identities)), seen, traits(x)})
			}
			return a.out.table([]string{"ACCOUNT", "LINKS", "LAST SEEN", "NOTES"}, rows)
		},
	}
	q.flags(c)
	return c
}

func nameOf(a api.Account) string {
	if !a.Exists {
		return a.ID
	}
	return a.Name
}

// traits says in words what is special about an account.
func traits(a api.Account) string {
	var t []string
	for _, x := range []struct {
		is   bool
		word string
	}{
		{!a.Exists, "account deleted"}, {a.Administrator, "administrator"}, {a.Disabled, "disabled"},
		{a.Exists && !a.HasPassword, "no password"}, {a.AtRisk, "name at risk"},
	} {
		if x.is {
			t = append(t, x.word)
		}
	}
	return strings.Join(t, ", ")
}

func (a *app) linksCommand() *cobra.Command {
	c := &cobra.Command{Use: "links", Short: "List, add, remove and verify links"}
	c.AddCommand(a.linksList(), a.linksAdd(), a.linksRemove(), a.linksVerify())
	return c
}

func (a *app) linksList() *cobra.Command {
	var q query
	var user string
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List which identities open which account", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			accounts, r, err := a.accounts(c.Context(), q)
			if err != nil {
				return err
			}
			if user != "" {
				one, err := oneAccount(r, user)
				if err != nil {
					return err
				}
				accounts = []api.Account{one}
			}
			if a.json {
				r.Accounts = accounts
				return a.out.json(r)
			}
			rows, links, linked := [][]string{}, 0, 0
			for _, x := range accounts {
				if len(x.Identities) == 0 {
					rows = append(rows, []string{nameOf(x), "", "", "", traits(x)})
					continue
				}
				linked++
				for i, id := range x.Identities {
					if q.provider != "" && id.Provider != q.provider {
						continue
					}
					name, notes := nameOf(x), traits(x)
					if i > 0 {
						notes = ""
					}
					links++
					rows = append(rows, []string{name, id.Provider, string(id.Protocol), id.Name, notes})
				}
			}
			if err := a.out.table([]string{"ACCOUNT", "PROVIDER", "PROTOCOL", "IDENTITY", "NOTES"}, rows); err != nil {
				return err
			}
			a.err.line(fmt.Sprintf("%d accounts, %d of them linked, %d links", len(accounts), linked, links))
			return nil
		},
	}
	q.flags(c)
	c.Flags().StringVar(&user, "user", "", "only this account, by name or id")
	return c
}

// oneAccount finds an account by its name, which Jellyfin compares without regard to case, or by its id.
func oneAccount(r api.Roster, who string) (api.Account, error) {
	id := strings.ToLower(strings.ReplaceAll(who, "-", ""))
	for _, x := range r.Accounts {
		if x.ID == id || x.Exists && strings.EqualFold(x.Name, who) {
			return x, nil
		}
	}
	e := &api.Error{
		Code: api.CodeUserNotFound, Sentence: fmt.Sprintf("The server has no account %q.", api.Printable(who)),
		Hint: "“jellybind users” lists the accounts.", Params: map[string]string{"user": who},
	}
	if r.Own {
		e.Sentence = fmt.Sprintf("With this credential you see your own account only, not %q.", api.Printable(who))
		e.Hint = "Sign in as an administrator: jellybind auth login"
	}
	return api.Account{}, e
}

func (a *app) linksAdd() *cobra.Command {
	var (
		req                         api.LinkRequest
		provider, protocol, command string
		strategy                    string
		noBrowser, planOnly         bool
	)
	c := &cobra.Command{
		Use:   "add ACCOUNT",
		Short: "Link an identity to an account: sign in at the provider, confirm, done",
		Long: `Link an identity to an account. Jellybind chooses how (see --plan), opens the identity provider in your browser, shows who
signed in and whose that identity is now, and asks before it writes. Then it reads the link back.`,
		Example: "  jellybind links add maria --provider keycloak\n" +
			"  jellybind links add maria --provider keycloak --name 8f14e45f-ceea-467f-a9d4-2d3c5a1b7e90",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			s, err := a.session(ctx)
			if err != nil {
				return err
			}
			r, err := a.roster(ctx, s)
			if err != nil {
				return err
			}
			account, err := oneAccount(r, args[0])
			if err != nil {
				return err
			}
			p, err := oneProvider(s.Details(r), provider, protocol)
			if err != nil {
				return err
			}
			req.UserID, req.Protocol, req.Provider, req.Strategy = account.ID, p.Protocol, p.Name, api.Strategy(strategy)
			if req.Name != "" && req.Strategy == "" {
				req.Strategy = api.StrategySubject
			}
			if planOnly {
				return a.showPlan(ctx, s, req)
			}
			progress, stop := a.progress()
			defer stop()
			change, err := s.Linker.Link(ctx, req, &person{app: a, report: progress, noBrowser: noBrowser, command: command})
			if err != nil {
				return err
			}
			return a.showChange(change)
		},
	}
	f := c.Flags()
	f.StringVarP(&provider, "provider", "p", "", "the identity provider, as the plugin names it")
	protocolFlag(c, &protocol)
	f.StringVar(&strategy, "strategy", "", "relay, own-client, assertion or subject (default: what fits, see --plan)")
	f.StringVar(&req.Name, "name", "", "link by subject: the name that the identity provider will send")
	f.BoolVar(&req.Move, "move", false, "take the identity from the account that has it now")
	f.IntVar(&req.Port, "port", 0, "the loopback port for this sign-in")
	f.BoolVar(&noBrowser, "no-browser", false, "print the address instead of opening it")
	f.StringVar(&command, "browser", "", "open the address with this `COMMAND`")
	f.BoolVar(&planOnly, "plan", false, "only say how it would be done, and what the identity provider must allow")
	_ = c.MarkFlagRequired("provider")
	return c
}

func (a *app) showPlan(ctx context.Context, s *backend.Session, req api.LinkRequest) error {
	plan, err := s.Linker.Plan(ctx, req)
	if len(plan.Options) == 0 {
		return err
	}
	if a.json {
		if err := a.out.json(plan); err != nil {
			return err
		}
		return err
	}
	if err == nil {
		a.out.facts("Account", plan.Account.Name, "Provider", fmt.Sprintf("%s (%s)", plan.Provider.Name, plan.Provider.Protocol),
			"Strategy", string(plan.Strategy), "Written by", string(plan.Write))
		if len(plan.Allow) > 0 {
			a.out.line("The identity provider must allow one of:")
			for _, u := range plan.Allow {
				a.out.line("  " + u)
			}
		}
		for _, w := range plan.Warnings {
			a.out.line("Note: " + w)
		}
		a.out.line("")
	}
	for _, o := range plan.Options {
		mark := "no  "
		if o.OK {
			mark = "yes "
		}
		a.out.line(mark + a.out.bold(string(o.Strategy)) + ": " + o.Reason)
	}
	return err
}

// hintUndo says how to take a change back. A demo world ends with its command, and its journal with it.
func (a *app) hintUndo(c api.Change) {
	if a.world == nil && !a.json {
		a.err.line("To take it back: jellybind history undo " + c.ID)
	}
}

// showChange says what was done.
func (a *app) showChange(c api.Change) error {
	if a.json {
		return a.out.json(c)
	}
	for _, id := range c.Identities {
		name := fmt.Sprintf("%s of %s", api.Printable(id.Name), api.Printable(id.Provider))
		account := api.Printable(c.UserName)
		if account == "" {
			account = c.UserID
		}
		switch c.Kind {
		case api.ChangeLink:
			a.out.line(fmt.Sprintf("Linked: %s opens %s now.", name, account))
		case api.ChangeMove:
			a.out.line(fmt.Sprintf("Moved: %s opens %s now, no longer %s.", name, account, ownerName(&api.User{ID: c.FromID, Name: c.FromName})))
		case api.ChangeUnlink:
			a.out.line(fmt.Sprintf("Removed: %s no longer opens %s.", name, account))
		case api.ChangeUnregister:
		}
	}
	a.hintUndo(c)
	return nil
}

func (a *app) linksRemove() *cobra.Command {
	var provider, protocol string
	var all, via bool
	c := &cobra.Command{
		Use: "remove ACCOUNT [NAME]", Aliases: []string{"rm"}, Short: "Remove a link, or with --all every link of an account",
		Example: "  jellybind links remove maria --provider keycloak maria@example.com\n  jellybind links remove maria --all",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			if all == (len(args) == 2) {
				return usageError{fmt.Errorf("give the identity's name, or --all")}
			}
			s, err := a.session(ctx)
			if err != nil {
				return err
			}
			r, err := a.roster(ctx, s)
			if err != nil {
				return err
			}
			account, err := oneAccount(r, args[0])
			if err != nil {
				return err
			}
			req := link.RemoveRequest{ViaUnregister: via}
			for _, id := range account.Identities {
				if provider != "" && id.Provider != provider || protocol != "" && !strings.EqualFold(string(id.Protocol), protocol) {
					continue
				}
				if all || id.Name == args[1] {
					req.Links = append(req.Links, api.Link{Identity: id, UserID: account.ID})
				}
			}
			switch {
			case len(req.Links) == 0:
				what := "that"
				if !all {
					what = fmt.Sprintf("%q", api.Printable(args[1]))
				}
				return &api.Error{
					Code: api.CodeLinkNotFound, Sentence: fmt.Sprintf("%s has no such link: %s.", api.Printable(nameOf(account)), what),
					Hint: "“jellybind links list --user …” shows its links; names differ by upper and lower case.",
				}
			case len(req.Links) > 1 && !all:
				return usageError{fmt.Errorf("several providers have a link of that name: say which with --provider")}
			}
			for _, l := range req.Links {
				a.err.line(fmt.Sprintf("%s of %s will no longer open %s.", api.Printable(l.Name), api.Printable(l.Provider),
					api.Printable(nameOf(account))))
			}
			if len(req.Links) == len(account.Identities) && account.Exists && !account.HasPassword {
				a.err.line(a.err.warn("The account has no password: nobody can sign in to it afterwards."))
			}
			if err := a.ask(ctx, fmt.Sprintf("Remove %s?", plural(len(req.Links), "link"))); err != nil {
				return err
			}
			progress, stop := a.progress()
			defer stop()
			changes, err := s.Linker.Remove(ctx, req, progress)
			if a.json {
				return joinJSON(a.out.json(changes), err)
			}
			for _, change := range changes {
				if change.State == api.ChangeConfirmed {
					_ = a.showChange(change)
				}
			}
			return err
		},
	}
	c.Flags().StringVarP(&provider, "provider", "p", "", "only links at this provider")
	protocolFlag(c, &protocol)
	c.Flags().BoolVar(&all, "all", false, "every link of the account (at --provider)")
	c.Flags().BoolVar(&via, "via-unregister", false,
		"where a link cannot be removed by itself: drop all links of the account, end its sessions, and write the others again")
	return c
}

// joinJSON returns the more telling of two errors.
func joinJSON(writing, err error) error {
	if err != nil {
		return err
	}
	return writing
}

func plural(n int, word string) string {
	if n == 1 {
		return "this " + word
	}
	return fmt.Sprintf("these %d %ss", n, word)
}

func (a *app) linksVerify() *cobra.Command {
	var provider, protocol, command string
	var noBrowser bool
	var port int
	c := &cobra.Command{
		Use: "verify", Short: "Sign in once with an identity, and tell which account it opens", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			s, err := a.session(ctx)
			if err != nil {
				return err
			}
			list, err := s.Providers(ctx)
			if err != nil {
				return err
			}
			p, err := oneProvider(list, provider, protocol)
			if err != nil {
				return err
			}
			progress, stop := a.progress()
			defer stop()
			v, err := s.Linker.Verify(ctx, link.VerifyRequest{Protocol: p.Protocol, Provider: p.Name, Port: port},
				&person{app: a, report: progress, noBrowser: noBrowser, command: command})
			if err != nil {
				return err
			}
			if a.json {
				return a.out.json(v)
			}
			how := "The session that proved it has ended again."
			if !v.SignedIn {
				how = "This is read from the links: with this flavour Jellybind does not sign in to try."
			}
			a.out.line(fmt.Sprintf("%s of %s opens %s. %s", api.Printable(v.Identity.Name), api.Printable(p.Name),
				api.Printable(v.Account.Name), how))
			return nil
		},
	}
	c.Flags().StringVarP(&provider, "provider", "p", "", "the identity provider, as the plugin names it")
	protocolFlag(c, &protocol)
	c.Flags().BoolVar(&noBrowser, "no-browser", false, "print the address instead of opening it")
	c.Flags().StringVar(&command, "browser", "", "open the address with this `COMMAND`")
	c.Flags().IntVar(&port, "port", 0, "the loopback port for this sign-in")
	_ = c.MarkFlagRequired("provider")
	return c
}
