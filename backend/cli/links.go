package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/words"
)

// query is what narrows a list of accounts.
type query struct {
	search   string
	provider providerFlag
	filter   choices
}

func (q *query) flags(c *cobra.Command) {
	q.filter.what, q.filter.allowed = "FILTER", []string{
		string(api.FilterLinked), string(api.FilterUnlinked), string(api.FilterSeveral), string(api.FilterOrphan),
		string(api.FilterAtRisk), string(api.FilterDisabled), string(api.FilterAdministrator),
	}
	c.Flags().StringVar(&q.search, "search", "", "only accounts whose name, or an identity's, contains this `TEXT`")
	c.Flags().Var(&q.filter, "filter", "only accounts that are "+listed(q.filter.allowed)+
		"; several, with commas between, are combined")
	c.Flags().VarP(&q.provider, "provider", "p",
		"only accounts that are linked at this `PROVIDER`, or with --filter unlinked, that are not linked there")
}

// without reports whether the query asks for the accounts that are not linked at the provider.
func (q *query) without() bool {
	return q.provider.given && slices.Contains(q.filter.values, string(api.FilterUnlinked))
}

// filters are the filters of the query, as far as they are about the account alone.
func (q *query) filters() []api.RosterFilter {
	var list []api.RosterFilter
	for _, word := range q.filter.values {
		if f := api.RosterFilter(word); f != api.FilterUnlinked || !q.without() {
			list = append(list, f)
		}
	}
	return list
}

// accounts reads the roster, and returns the accounts that the query keeps, sorted by name.
func (a *app) accounts(ctx context.Context, q query) ([]api.Account, api.Roster, error) {
	_, r, err := a.read(ctx)
	if err != nil {
		return nil, r, err
	}
	if err := q.provider.wrong(providerNames(r)); err != nil {
		return nil, r, err
	}
	index := roster.NewIndex(r, nil)
	accounts := []api.Account{}
	for {
		page := index.Page(api.RosterQuery{
			Search: q.search, Filters: q.filters(), Provider: q.provider.name, Without: q.without(), Offset: len(accounts),
		})
		for _, row := range page.Rows {
			accounts = append(accounts, row.Account)
		}
		if len(page.Rows) == 0 {
			break
		}
	}
	if q.provider.given && q.provider.name == "" { // for the index that is every provider
		accounts = slices.DeleteFunc(accounts, func(x api.Account) bool {
			return slices.ContainsFunc(x.Identities, func(id api.Identity) bool { return id.Provider == "" }) == q.without()
		})
	}
	return accounts, r, nil
}

// providerNames are the providers that may be named: the plugin's, and where a provider is gone, those that links are left of.
func providerNames(r api.Roster) []string {
	names := []string{}
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, p := range r.Providers {
		add(p.Name)
	}
	for _, account := range r.Accounts {
		for _, id := range account.Identities {
			add(id.Provider)
		}
	}
	return names
}

// read opens the server and reads who is linked to what.
func (a *app) read(ctx context.Context) (*backend.Session, api.Roster, error) {
	s, err := a.session(ctx)
	if err != nil {
		return nil, api.Roster{}, err
	}
	r, err := a.roster(ctx, s)
	return s, r, err
}

func (a *app) roster(ctx context.Context, s *backend.Session) (api.Roster, error) {
	progress, stop := a.progress()
	defer stop()
	return s.Roster.Read(ctx, progress)
}

func nameOf(a api.Account) string {
	if !a.Exists {
		return a.ID
	}
	return a.Name
}

// traits says in words what is special about an account; the words are those of --filter.
func (a *app) traits(x api.Account) string {
	var t []string
	for _, trait := range []struct {
		is   bool
		word string
	}{
		{!x.Exists, string(api.FilterOrphan)},
		{x.Administrator, string(api.FilterAdministrator)},
		{x.Disabled, string(api.FilterDisabled)},
		{x.Exists && !x.HasPassword, a.t("no password")},
		{x.AtRisk, string(api.FilterAtRisk)},
		{x.Accepted, a.t("risk accepted")},
	} {
		if trait.is {
			t = append(t, trait.word)
		}
	}
	return strings.Join(t, ", ")
}

// freeAt names the providers where an account's name is free, so that it is at risk there.
func freeAt(x api.Account) string {
	names := []string{}
	for _, id := range x.Gaps {
		if x.AtRisk && !slices.Contains(names, id.Provider) {
			names = append(names, id.Provider)
		}
	}
	return strings.Join(names, ", ")
}

// errNoProvider is a sign-in without the place to sign in at.
var errNoProvider = usage("provider-unnamed")

func (a *app) linksCommand() *cobra.Command {
	c := &cobra.Command{Use: "links", Aliases: []string{"link"}, Short: "List, add, remove and verify links"}
	c.AddCommand(a.linksList(), a.linksAdd(), a.linksRemove(), a.linksVerify(), a.linksExport(), a.linksDiff(),
		a.linksApply(), a.linksInvite(), a.linksNote(), a.linksNames())
	return c
}

// linksQuery is what links list shows, and how.
type linksQuery struct {
	query
	listing
	who  []string
	user []string
	from string
}

func (q *linksQuery) flags(c *cobra.Command) {
	q.query.flags(c)
	q.listing.flags(c)
	c.Flags().StringSliceVar(&q.user, "user", nil, "only this `ACCOUNT`, by name or id")
	fromFlag(c, &q.from)
}

func (a *app) linksList() *cobra.Command {
	var q linksQuery
	c := &cobra.Command{
		Use: "list [ACCOUNT]...", Aliases: []string{"ls"}, Short: "List which identities open which account", Args: cobra.ArbitraryArgs,
		Long: `List which identities open which account. Notes: an orphan's account was deleted while its links stayed; an account
at risk is opened by any identity of its name that nobody has linked, since the plugin adopts it at sign-in. The filter
“several” keeps accounts with more than one link.`,
		Example: "  jellybind links list --filter unlinked\n  jellybind links list --provider keycloak --search maria\n" +
			"  jellybind links list --provider keycloak --filter unlinked",
		RunE: func(c *cobra.Command, args []string) error {
			q.who = args
			return a.listLinks(c.Context(), q)
		},
	}
	q.flags(c)
	return c
}

func (a *app) listLinks(ctx context.Context, q linksQuery) error {
	accounts, r, err := a.accounts(ctx, q.query)
	if err != nil {
		return err
	}
	if accounts, err = a.onlyThese(ctx, accounts, r, slices.Concat(q.who, q.user), q.from); err != nil {
		return err
	}
	if a.json {
		r.Accounts = accounts
		return a.document(r)
	}
	return a.showLinks(accounts, r, q)
}

// onlyThese keeps the accounts that are named, if any are.
func (a *app) onlyThese(
	ctx context.Context, accounts []api.Account, r api.Roster, who []string, from string,
) ([]api.Account, error) {
	if len(who) == 0 && from == "" {
		return accounts, nil
	}
	who, err := a.whoLines(ctx, who, from)
	if err != nil {
		return nil, err
	}
	wanted, err := theAccounts(r, who)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(accounts, func(x api.Account) bool {
		return !slices.ContainsFunc(wanted, func(y api.Account) bool { return y.ID == x.ID })
	}), nil
}

func (a *app) showLinks(accounts []api.Account, r api.Roster, q linksQuery) error {
	links, linked, orphans, hidden := 0, 0, 0, 0
	s := sheet{columns: []column{
		{key: "account", header: a.t("ACCOUNT")},
		{key: "provider", header: a.t("PROVIDER"), spare: 2},
		{key: "protocol", header: a.t("PROTOCOL"), short: true, spare: 4},
		{key: "identity", header: a.t("IDENTITY")},
		{key: "person", header: a.t("PERSON"), spare: 1},
		{key: "last-sign-in", header: a.t("LAST SIGN-IN"), spare: 3},
		{key: "notes", header: a.t("NOTES"), short: true, once: true, paint: true},
		{key: "free-at", header: a.t("FREE AT"), once: true, spare: 5},
	}}
	used := slices.ContainsFunc(accounts, func(x api.Account) bool { return len(x.Uses) > 0 })
	people, known := a.people(), false
	row := func(x api.Account, id api.Identity, notes string) {
		last := ""
		if at := x.LastUse(id); !at.IsZero() {
			last = a.out.when(at)
		}
		person := people[id]
		known = known || person != ""
		s.rows = append(s.rows, []string{nameOf(x), id.Provider, string(id.Protocol), id.Name, person, last, notes, freeAt(x)})
	}
	for _, x := range accounts {
		switch {
		case !x.Exists:
			orphans++
		case len(x.Identities) > 0:
			linked++
		}
		if len(x.Identities) == 0 {
			row(x, api.Identity{}, a.traits(x))
			continue
		}
		for _, id := range x.Identities {
			if !q.without() && q.provider.leavesOut(id.Provider) {
				hidden++
				continue
			}
			links++
			row(x, id, a.traits(x))
		}
	}
	plain := a.plain(q.listing)
	s.keep(slices.DeleteFunc([]int{0, 1, 2, 3, 4, 5, 6, 7}, func(i int) bool {
		return i == 4 && !known || i == 5 && !used || i == 7 && plain
	}))
	if len(s.rows) > 0 {
		if err := a.list(q.listing, s); err != nil {
			return err
		}
	}
	summary := a.t("{accounts}, {n} of them linked, {links}",
		"accounts", a.count(len(accounts)-orphans, "1 account", "{n} accounts"), "n", strconv.Itoa(linked),
		"links", a.count(links, "1 link", "{n} links"))
	if orphans > 0 {
		summary += ", " + a.count(orphans, "1 orphan", "{n} orphans")
	}
	if len(accounts) == 0 {
		summary = a.t(noMatch)
	}
	a.err.line(summary)
	if hidden > 0 {
		a.err.text("", a.count(hidden, "One more link of these accounts, at another provider, is not shown.",
			"{n} more links of these accounts, at other providers, are not shown."))
	}
	a.explainRisk(accounts)
	a.noteOwn(r)
	return nil
}

// explainRisk says what at-risk means.
func (a *app) explainRisk(accounts []api.Account) {
	if slices.ContainsFunc(accounts, func(x api.Account) bool { return x.AtRisk }) {
		a.err.text("", a.t("at-risk: an identity of the account's name that nobody has linked would open it. Link the name there, or "+
			"accept it: jellybind users accept-risk ACCOUNT"))
	}
}

const noMatch = "No account matches."

// noteOwn says that a list is not everybody's.
func (a *app) noteOwn(r api.Roster) {
	if r.Own {
		a.err.line(a.t("With this credential you see your own account only."))
	}
}

func (a *app) linksAdd() *cobra.Command {
	var (
		req                api.LinkRequest
		at                 port
		provider           providerFlag
		protocol, strategy choice
		planOnly, device   bool
	)
	p := &person{app: a}
	c := &cobra.Command{
		Use:   "add ACCOUNT --provider PROVIDER",
		Short: "Link an identity to an account, by a sign-in at its provider",
		Long: `Link an identity to an account. Jellybind chooses how (see --plan), opens the identity provider in your browser,
shows who signed in and whose that identity is now, and asks before it writes. Then it reads the link back.`,
		Example: "  jellybind links add maria --provider keycloak\n" +
			"  jellybind links add maria --provider keycloak --device\n" +
			"  jellybind links add maria --provider keycloak --name maria",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			if !provider.given {
				return errNoProvider
			}
			req.Strategy, req.Port = api.Strategy(strategy.value), int(at)
			switch {
			case device:
				req.Strategy = api.StrategyDevice
			case req.Name != "" && req.Strategy == "":
				req.Strategy = api.StrategySubject
			}
			if (req.Name != "") != (req.Strategy == api.StrategySubject) && !planOnly {
				return usage("name-alone")
			}
			s, r, account, err := a.account(ctx, args[0])
			if err != nil {
				return err
			}
			if !account.Exists {
				return a.orphaned(account)
			}
			to, err := oneProvider(s.Details(r), provider.name, protocol.value)
			if err != nil {
				return err
			}
			req.UserID, req.Protocol, req.Provider = account.ID, to.Protocol, to.Name
			if planOnly {
				return a.showPlan(ctx, s, req)
			}
			progress, stop := a.progress()
			defer stop()
			p.report, p.named = progress, req.Name != ""
			change, err := s.Linker.Link(ctx, req, p)
			if api.IsCode(err, api.CodeLinkExists) {
				return a.unchanged(err, api.Change{
					Kind: api.ChangeLink, UserID: account.ID, UserName: account.Name, Identities: []api.Identity{linkThere(err, to)},
				})
			}
			if err != nil {
				return p.reassure(err)
			}
			p.remember(ctx, s)
			return a.showUndoable(change)
		},
	}
	strategy.what, strategy.allowed = "STRATEGY", []string{
		string(api.StrategyRelay), string(api.StrategyRelayLocal), string(api.StrategyPluginClient), string(api.StrategyOwnClient),
		string(api.StrategyDevice), string(api.StrategyAssertion), string(api.StrategyServerStart), string(api.StrategySubject),
	}
	f := c.Flags()
	f.VarP(&provider, "provider", "p", "the identity `PROVIDER`, as the plugin names it (required)")
	protocolFlag(c, &protocol)
	f.Var(&strategy, "strategy", "how: "+listed(strategy.allowed)+" (default: what fits, see --plan)")
	f.StringVar(&req.Name, "name", "", "link by subject: the `NAME` that the identity provider will send")
	f.BoolVar(&req.Move, "move", false, "take the identity from the account that has it now")
	f.BoolVar(&planOnly, "plan", false, "only say how it would be done, and what the identity provider must allow")
	f.BoolVar(&req.Retry, "retry", false, retryHelp)
	f.BoolVar(&p.otherName, "other-name", false,
		"go on though another account has the name of the person who signs in; --yes does not say that")
	f.BoolVar(&p.keep, "remember", false, "remember the name and e-mail address that the sign-in tells, on this computer only")
	deviceFlag(c, &device)
	c.MarkFlagsMutuallyExclusive("device", "strategy")
	c.MarkFlagsMutuallyExclusive("device", "name")
	browserFlags(c, p, &at)
	return c
}

// linkThere is the identity of a link that exists already.
func linkThere(err error, p api.ProviderDetail) api.Identity {
	id := api.Identity{Protocol: p.Protocol, Provider: p.Name}
	if e, ok := errors.AsType[*api.Error](err); ok {
		id.Name = e.Params["name"]
	}
	return id
}

// unchanged says why there was nothing to do. With --json it prints the change that was not made.
func (a *app) unchanged(why error, c api.Change) error {
	if a.json {
		c.State = api.ChangeUnchanged
		return a.document(c)
	}
	a.out.text("", a.told(why).Sentence)
	return nil
}

// foundText says what a try gave.
func (a *app) foundText(t api.Attempt) string {
	if t.OK {
		return a.t("works")
	}
	sentence, _ := a.words.Error(t.Error(), words.Terminal)
	return sentence
}

// retryHelp is the help of --retry.
const retryHelp = "try every way again instead of using the one that was found earlier"

// account opens the server and finds an account there.
func (a *app) account(ctx context.Context, who string) (*backend.Session, api.Roster, api.Account, error) {
	s, r, err := a.read(ctx)
	if err != nil {
		return nil, r, api.Account{}, err
	}
	account, err := oneAccount(r, who)
	return s, r, account, err
}

func (a *app) orphaned(x api.Account) error {
	return &api.Error{Code: api.CodeUserNotFound, Why: "account-deleted", Params: map[string]string{
		"user": x.ID, "next": "remove-links", "command": "links remove " + x.ID + " --all" + a.again(),
	}}
}

func (a *app) showPlan(ctx context.Context, s *backend.Session, req api.LinkRequest) error {
	began := s.Linker.Now()
	plan, err := s.Linker.Plan(ctx, req)
	if len(plan.Options) == 0 {
		return err
	}
	if a.json {
		return joinJSON(a.document(plan), err)
	}
	a.words.Fill(&plan, words.Terminal)
	if err == nil {
		a.out.facts(a.t("Account"), plan.Account.Name,
			a.t("Provider"), fmt.Sprintf("%s (%s)", plan.Provider.Name, plan.Provider.Protocol),
			a.t("Strategy"), string(plan.Strategy), a.t("Written by"), a.writeText(plan.Write))
		switch len(plan.Allow) {
		case 0:
		case 1:
			a.out.line(a.t("The identity provider must allow:"))
		default:
			a.out.line(a.t("The identity provider must allow all of these, or the first and a fixed port:"))
		}
		for _, u := range plan.Allow {
			a.out.line("  " + u)
		}
		for _, w := range plan.Warnings {
			a.out.text(a.t("Note: "), w)
		}
		a.out.line("")
	}
	a.options(plan.Options)
	if len(plan.Attempts) > 0 && plan.Attempts[0].At.Before(began) {
		a.out.line("")
		a.out.line(a.t("This was found by trying, at {time}. To try again: --retry", "time", localTime(plan.Attempts[0].At)))
	}
	return err
}

func localTime(t time.Time) string { return t.Local().Format(time.DateTime) }

// cures says what would help where no sign-in works at a provider, with the rules for the proxy ready to copy.
func (a *app) cures(n *api.NoWay, provider string) {
	if len(n.Attempts) > 0 {
		a.err.line("\n" + a.t("What was tried:"))
	}
	for _, t := range n.Attempts {
		a.err.text("  "+a.err.bold(string(t.Strategy))+gap, a.foundText(t))
	}
	if n.Device {
		a.err.text("\n", a.t("Let the person sign in on another device: add --device."))
	}
	if n.Client != "" && len(n.Allow) > 0 {
		allow := a.t("Allow one of these redirect URIs for the client {client} at the identity provider:", "client", n.Client)
		if n.Secret {
			a.err.text("\n", a.t("Enter the secret of the client {client}: jellybind providers set {provider} --client-secret",
				"client", n.Client, "provider", cmp.Or(provider, "PROVIDER")))
			allow = a.t("The identity provider must allow one of these redirect URIs for it:")
		} else {
			a.err.line("")
		}
		a.err.text("", allow)
		for _, u := range n.Allow {
			a.err.line("  " + u)
		}
	}
	if n.Local {
		a.err.text("\n", a.t("Give the server's address in your network: jellybind server set NAME --local-address ADDRESS"))
	}
	if len(n.Rules) > 0 {
		a.err.text("\n", a.t("Let the proxy pass the plugin's sign-in on. JELLYFIN stands for Jellyfin's own address:"))
	}
	for _, r := range n.Rules {
		a.err.line("")
		a.err.line(a.err.bold(r.Proxy))
		for line := range strings.Lines(r.Text) {
			a.err.line("  " + strings.TrimRight(line, "\n"))
		}
	}
}

// options lists every strategy with its reason.
func (a *app) options(options []api.Option) {
	width := 0
	for _, o := range options {
		width = max(width, len(o.Strategy))
	}
	for _, o := range options {
		a.out.text(a.mark(o.OK)+a.out.bold(string(o.Strategy))+strings.Repeat(" ", width-len(o.Strategy))+gap, o.Reason)
	}
}

// mark begins the line of something that can be done, or not.
func (a *app) mark(can bool) string {
	if can {
		return a.t("yes  ")
	}
	return a.t("no   ")
}

// writeText says how a link reaches the plugin.
func (a *app) writeText(w api.WriteMethod) string {
	switch w {
	case api.WritePostLink:
		return a.t("the plugin's link endpoint")
	case api.WriteConfig:
		return a.t("the provider's settings")
	case api.WritePreprovision:
		return a.t("the plugin's Preprovision")
	}
	return string(w)
}

// hintUndo says how to take a change back. A demo world ends with its command, and its journal with it.
func (a *app) hintUndo(c api.Change) {
	orphan := c.UserName == "" // nothing can be given back to an account that is gone
	if a.world == nil && !a.json && !orphan {
		a.err.line(a.t("To undo it: jellybind history undo {id}", "id", c.ID) + a.again())
	}
}

// again are the flags with which another command works on the same server, with a blank before each. A file descriptor's
// content is gone when a person copies the command; his terminal then asks for the credential.
func (a *app) again() string {
	flags := ""
	if a.demo.value != "" {
		flags += " --demo=" + a.demo.value
		if a.demoAs.value != string(api.CredentialAdmin) {
			flags += " --demo-as " + a.demoAs.value
		}
		if a.demoUsers != 0 {
			flags += " --demo-users " + a.demoUsers.String()
		}
	}
	if a.server != "" {
		flags += " --server " + shellWord(a.server)
	}
	if a.credentialStdin || a.credentialFD >= 0 {
		flags += " --credential-stdin"
	}
	return flags
}

// showChange says what was done.
func (a *app) showChange(c api.Change) error {
	if a.json {
		return a.document(c)
	}
	for _, id := range c.Identities {
		named := []string{"name", id.Name, "provider", id.Provider, "account", cmp.Or(c.UserName, c.UserID)}
		switch c.Kind {
		case api.ChangeLink:
			a.out.text("", a.t("Linked: {name} at {provider} opens {account} now.", named...))
		case api.ChangeMove:
			named = append(named, "from", a.ownerName(&api.User{ID: c.FromID, Name: c.FromName}))
			a.out.text("", a.t("Moved: {name} at {provider} opens {account} now, no longer {from}.", named...))
		case api.ChangeUnlink:
			a.out.text("", a.t("Removed: {name} at {provider} no longer opens {account}.", named...))
		case api.ChangeUnregister:
			a.out.text("", a.t("Linked again: {name} at {provider} opens {account}.", named...))
		}
	}
	if c.Kind == api.ChangeUnregister {
		a.out.text("", a.t("{account} signs in with {way} now.", "account", c.UserName, "way", a.signInWay(c.AuthProviderAfter, "")))
	}
	return nil
}

// showUndoable says what was done, and how to take it back.
func (a *app) showUndoable(c api.Change) error {
	err := a.showChange(c)
	a.hintUndo(c)
	return err
}

// removeFlags are the flags of links remove.
type removeFlags struct {
	provider providerFlag
	protocol choice
	all, via bool
	from     string
}

func (a *app) linksRemove() *cobra.Command {
	var f removeFlags
	c := &cobra.Command{
		Use: "remove ACCOUNT [NAME]", Aliases: []string{"rm"}, Short: "Remove a link, or with --all every link of accounts",
		Long: "Remove a link by its name, or with --all every link of one account or of several.",
		Example: "  jellybind links remove maria maria@example.com --provider keycloak\n  jellybind links remove maria --all\n" +
			"  jellybind links remove --all --provider legacy maria noah",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && f.from == "", !f.all && len(args) > 2:
				return seeHelp(usage("takes", "command", c.CommandPath(), "takes", "ACCOUNT [NAME]"), c)
			case !f.all && (len(args) != 2 || f.from != ""):
				return seeHelp(usage("name-or-all"), c)
			}
			return a.removeLinks(c.Context(), f, args)
		},
	}
	c.Flags().VarP(&f.provider, "provider", "p", "only links at this `PROVIDER`")
	protocolFlag(c, &f.protocol)
	c.Flags().BoolVar(&f.all, "all", false, "every link of the accounts (at --provider)")
	c.Flags().BoolVar(&f.via, "via-unregister", false,
		"for Flowfin, where it cannot remove a link by itself (a name with a slash; any, with an API key): drop all links of "+
			"the account, end its sessions, and write the others again")
	fromFlag(c, &f.from)
	return c
}

func (a *app) removeLinks(ctx context.Context, f removeFlags, args []string) error {
	who, name := args, []string(nil)
	if !f.all {
		who, name = args[:1], args[1:]
	}
	s, r, accounts, err := a.chosen(ctx, who, f.from)
	if err != nil {
		return err
	}
	if err := f.provider.wrong(providerNames(r)); err != nil {
		return err
	}
	req, accounts, err := a.linksToRemove(accounts, f, name)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if err := s.Linker.CheckRemoval(account, req); err != nil {
			return err
		}
	}
	if err := a.confirmRemoval(ctx, s.Linker, accounts, req); err != nil {
		return err
	}
	return a.runRemoval(ctx, s.Linker, req)
}

// linksToRemove returns the links that are meant, and the accounts that have any.
func (a *app) linksToRemove(accounts []api.Account, f removeFlags, name []string) (link.RemoveRequest, []api.Account, error) {
	req := link.RemoveRequest{ViaUnregister: f.via}
	having := []api.Account{}
	for _, account := range accounts {
		before := len(req.Links)
		for _, id := range account.Identities {
			if f.provider.leavesOut(id.Provider) || f.protocol.value != "" && string(id.Protocol) != f.protocol.value {
				continue
			}
			if f.all || id.Name == name[0] {
				req.Links = append(req.Links, api.Link{Identity: id, UserID: account.ID})
			}
		}
		if len(req.Links) > before {
			having = append(having, account)
		}
	}
	switch {
	case len(req.Links) == 0 && len(accounts) == 1:
		return req, nil, a.noSuchLink(accounts[0], name)
	case len(req.Links) == 0:
		return req, nil, &api.Error{Code: api.CodeLinkNotFound, Why: "none-has-links"}
	case len(req.Links) > 1 && !f.all:
		where := []string{}
		for _, l := range req.Links {
			where = append(where, fmt.Sprintf("%s (%s)", l.Provider, l.Protocol))
		}
		return req, nil, usage("several-links", "providers", strings.Join(where, ", "))
	}
	return req, having, nil
}

// runRemoval removes links, and says what was done.
func (a *app) runRemoval(ctx context.Context, l *link.Linker, req link.RemoveRequest) error {
	show := a.showUndoable
	if !restores(l) {
		show = a.showChange
	}
	progress, stop := a.progress()
	defer stop()
	changes, err := l.Remove(ctx, req, progress)
	if a.json && (err == nil || len(changes) > 0) {
		return joinJSON(a.document(changes), err)
	}
	for _, change := range changes {
		if change.State == api.ChangeConfirmed {
			err = errors.Join(err, show(change))
		}
	}
	if e, ok := errors.AsType[*api.Error](err); ok && e.Why == api.WhySignedOut {
		a.warn(e) // all links are removed: this was the last one
		return nil
	}
	return err
}

func (a *app) noSuchLink(account api.Account, name []string) error {
	e := &api.Error{Code: api.CodeLinkNotFound, Why: "no-links", Params: map[string]string{
		"account": nameOf(account), "next": "see-links",
		"command": "links list --user " + shellWord(nameOf(account)) + a.again(),
	}}
	if len(name) == 1 {
		e.Why, e.Params["name"] = "no-such-link", name[0]
		for _, id := range account.Identities {
			if strings.EqualFold(id.Name, name[0]) {
				e.Params["next"], e.Params["has"], e.Params["provider"] = "by-case", id.Name, id.Provider
			}
		}
	}
	return e
}

// restores reports whether a link that was removed can be written again without a sign-in.
func restores(l *link.Linker) bool {
	_, able := l.Plugin.Capabilities().DirectWrite()
	return able.OK
}

// confirmRemoval says what a removal does to each account, and asks.
func (a *app) confirmRemoval(ctx context.Context, l *link.Linker, accounts []api.Account, req link.RemoveRequest) error {
	removed := map[string][]api.Identity{}
	for _, x := range req.Links {
		removed[x.UserID] = append(removed[x.UserID], x.Identity)
	}
	for _, account := range accounts {
		for _, id := range removed[account.ID] {
			a.err.text("", a.t("{name} at {provider} will no longer open {account}.",
				"name", id.Name, "provider", id.Provider, "account", nameOf(account)))
		}
	}
	can := l.Plugin.Capabilities()
	for _, r := range can.RemovalRemarks(accounts, removed, l.Self) {
		a.err.text("", a.err.warn(a.words.Why(r.Why, r.Params)))
	}
	a.warnRemoval(can, accounts, removed)
	if !restores(l) {
		a.err.text("", a.err.warn(a.t("Nothing here can write the link again. Only a new sign-in at the identity provider can: "+
			"jellybind links add {command}",
			"command", shellWord(nameOf(accounts[0]))+" --provider "+shellWord(req.Links[0].Provider)+a.again())))
	}
	if req.ViaUnregister {
		bound := slices.ContainsFunc(accounts, func(account api.Account) bool {
			return slices.ContainsFunc(req.Links, func(x api.Link) bool {
				return x.UserID == account.ID && !l.Removable(account, x).OK
			})
		})
		if bound {
			a.err.text("", a.err.warn(a.t("All links of the account are removed, and the ones to keep are written again. The account's "+
				"sessions end on every device.")))
		} else {
			a.err.text(a.t("Note: "), a.t("--via-unregister is not needed here: the link is removed by itself."))
		}
	}
	return a.ask(ctx, a.count(len(req.Links), "Remove this link?", "Remove these {n} links?"))
}

// warnRemoval says which accounts a removal does not close, and which nobody can open afterwards.
func (a *app) warnRemoval(can api.Capabilities, accounts []api.Account, removed map[string][]api.Identity) {
	back, shut := can.AfterRemoval(accounts, removed)
	if len(back) > 0 {
		a.err.text("", a.err.warn(a.t("On this flavour that is not enough: signing in with an identity of the account's own "+
			"name opens the account again and restores the link. To keep a person out, block them at the identity provider.")+
			a.thoseOf(back, len(accounts))))
	}
	switch {
	case len(shut) == 1:
		a.err.text("", a.err.warn(a.t("Nobody can sign in to this account afterwards: it takes no password. To return it to "+
			"password sign-in, and then set a password there: jellybind users unregister {command}",
			"command", shellWord(shut[0])+a.again())))
	case len(shut) > 1:
		words := make([]string, len(shut))
		for i, name := range shut {
			words[i] = shellWord(name)
		}
		a.err.text("", a.err.warn(a.t("Nobody can sign in to {n} accounts afterwards: they take no password. To return them to "+
			"password sign-in, and then set passwords there: jellybind users unregister {command}",
			"n", strconv.Itoa(len(shut)), "command", strings.Join(words, " ")+a.again())))
	}
}

// thoseOf says which accounts a warning is about, with a blank before it; nothing where there is only one account.
func (a *app) thoseOf(names []string, all int) string {
	if all < 2 {
		return ""
	}
	return " " + a.t("This is so for {n} of {all} accounts: {names}", "n", strconv.Itoa(len(names)), "all", strconv.Itoa(all),
		"names", strings.Join(names, ", "))
}

// joinJSON returns the more telling of two errors.
func joinJSON(writing, err error) error {
	if err != nil {
		return err
	}
	return writing
}

// verifiedNotes prints what signing in would have changed, and what the sign-in that proved the identity was like.
func (a *app) verifiedNotes(v api.Verified) {
	if len(v.Effects) > 0 {
		a.out.text("", a.t("Signing in to Jellyfin would change that account:"))
	}
	for _, r := range v.Effects {
		a.out.text("• ", a.words.Why(r.Why, r.Params))
	}
	for _, r := range v.Remarks {
		a.out.text(a.t("Note: "), a.words.Why(r.Why, r.Params))
	}
}

func (a *app) linksVerify() *cobra.Command {
	var provider providerFlag
	var protocol choice
	var at port
	var retry, device bool
	p := &person{app: a}
	c := &cobra.Command{
		Use: "verify --provider PROVIDER", Short: "Sign in once with an identity, and tell which account it opens", Args: cobra.NoArgs,
		Long: `Sign in once with an identity, and tell which account it opens. The session that this makes is ended again. Where
nothing but the last step would tell who signed in, Jellybind does not take it: for an identity that is not linked, the
server would create an account.`,
		Example: "  jellybind links verify --provider keycloak",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			if !provider.given {
				return errNoProvider
			}
			s, idp, err := a.provider(ctx, provider.name, protocol)
			if err != nil {
				return err
			}
			progress, stop := a.progress()
			defer stop()
			p.report = progress
			req := link.VerifyRequest{Protocol: idp.Protocol, Provider: idp.Name, Port: int(at), Retry: retry}
			if device {
				req.Strategy = api.StrategyDevice
			}
			v, err := s.Linker.Verify(ctx, req, p)
			if err != nil {
				return p.reassure(err)
			}
			if a.json {
				return a.document(v)
			}
			how := a.t("The session that proved it has ended again.")
			switch {
			case len(v.Effects) > 0:
				how = a.t("The links say so; Jellybind did not sign in to that account, since that changes it.")
			case !v.SignedIn:
				how = a.t("Jellybind's own sign-in at the provider proves the name, and the links say which account it opens.")
			}
			a.out.text("", a.t("{name} at {provider} opens {account}.",
				"name", v.Identity.Name, "provider", idp.Name, "account", v.Account.Name)+" "+how)
			a.verifiedNotes(v)
			return nil
		},
	}
	c.Flags().VarP(&provider, "provider", "p", "the identity `PROVIDER`, as the plugin names it (required)")
	protocolFlag(c, &protocol)
	c.Flags().BoolVar(&retry, "retry", false, retryHelp)
	deviceFlag(c, &device)
	browserFlags(c, p, &at)
	return c
}
