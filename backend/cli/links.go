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
	filter   choice
}

func (q *query) flags(c *cobra.Command) {
	q.filter.what, q.filter.allowed = "FILTER", []string{
		string(api.FilterLinked), string(api.FilterUnlinked), string(api.FilterSeveral), string(api.FilterOrphan),
		string(api.FilterAtRisk), string(api.FilterDisabled), string(api.FilterAdministrator),
	}
	c.Flags().StringVar(&q.search, "search", "", "only accounts whose name, or an identity's, contains this `TEXT`")
	c.Flags().Var(&q.filter, "filter", "only accounts that are "+listed(q.filter.allowed))
	c.Flags().VarP(&q.provider, "provider", "p", "only accounts that are linked at this `PROVIDER`")
}

// accounts reads the roster, and returns the accounts that the query keeps, sorted by name.
func (a *app) accounts(ctx context.Context, q query) ([]api.Account, api.Roster, error) {
	s, err := a.session(ctx)
	if err != nil {
		return nil, api.Roster{}, err
	}
	r, err := a.roster(ctx, s)
	if err != nil {
		return nil, r, err
	}
	if err := q.provider.wrong(providerNames(r)); err != nil {
		return nil, r, err
	}
	index := roster.NewIndex(r, nil)
	var filters []api.RosterFilter
	if q.filter.value != "" {
		filters = append(filters, api.RosterFilter(q.filter.value))
	}
	accounts := []api.Account{}
	for {
		page := index.Page(api.RosterQuery{
			Search: q.search, Filters: filters, Provider: q.provider.name, Offset: len(accounts),
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
			return !slices.ContainsFunc(x.Identities, func(id api.Identity) bool { return id.Provider == "" })
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
	} {
		if trait.is {
			t = append(t, trait.word)
		}
	}
	return strings.Join(t, ", ")
}

// errNoProvider is a sign-in without the place to sign in at.
var errNoProvider = usage("provider-unnamed")

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
		Long: `List which identities open which account. Notes: an orphan's account was deleted while its links stayed; an account
at risk is opened by any identity of its name that nobody has linked, since the plugin adopts it at sign-in. The filter
“several” keeps accounts with more than one link.`,
		Example: "  jellybind links list --filter unlinked\n  jellybind links list --provider keycloak --search maria",
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
				accounts = slices.DeleteFunc(accounts, func(x api.Account) bool { return x.ID != one.ID })
			}
			if a.json {
				r.Accounts = accounts
				return a.document(r)
			}
			return a.listLinks(accounts, r, q.provider)
		},
	}
	q.flags(c)
	c.Flags().StringVar(&user, "user", "", "only this `ACCOUNT`, by name or id")
	return c
}

func (a *app) listLinks(accounts []api.Account, r api.Roster, provider providerFlag) error {
	rows, links, linked, orphans := [][]string{}, 0, 0, 0
	headers := a.headers("ACCOUNT", "PROVIDER", "PROTOCOL", "IDENTITY", "NOTES")
	used := slices.ContainsFunc(accounts, func(x api.Account) bool { return len(x.Uses) > 0 })
	if used {
		headers = a.headers("ACCOUNT", "PROVIDER", "PROTOCOL", "IDENTITY", "LAST SIGN-IN", "NOTES")
	}
	row := func(x api.Account, id api.Identity, notes string) {
		cells := []string{nameOf(x), id.Provider, string(id.Protocol), id.Name}
		if used {
			last := ""
			if at := x.LastUse(id); !at.IsZero() {
				last = a.out.when(at)
			}
			cells = append(cells, last)
		}
		rows = append(rows, append(cells, notes))
	}
	for _, x := range accounts {
		switch {
		case !x.Exists:
			orphans++
		case len(x.Identities) > 0:
			linked++
		}
		notes := a.traits(x)
		if len(x.Identities) == 0 {
			row(x, api.Identity{}, notes)
			continue
		}
		for _, id := range x.Identities {
			if provider.leavesOut(id.Provider) {
				continue
			}
			links++
			row(x, id, notes)
			if a.out.aligned {
				notes = "" // once is enough for people; programs get it on each line
			}
		}
	}
	if len(rows) > 0 {
		if err := a.out.table(headers, rows, a.t("NOTES")); err != nil {
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
	if slices.ContainsFunc(accounts, func(x api.Account) bool { return x.AtRisk }) {
		a.err.text("", a.t("at-risk: an identity of the account's name that nobody has linked would open it."))
	}
	a.noteOwn(r)
	return nil
}

const noMatch = "No account matches."

// noteOwn says that a list is not everybody's.
func (a *app) noteOwn(r api.Roster) {
	if r.Own {
		a.err.line(a.t("With this credential you see your own account only."))
	}
}

// oneAccount finds an account by its name, which Jellyfin compares without regard to case, or by its id. An orphan has no
// name, so that the beginning of its id is enough, as a narrow table shows it.
func oneAccount(r api.Roster, who string) (api.Account, error) {
	id := strings.ToLower(strings.ReplaceAll(who, "-", ""))
	for _, x := range r.Accounts { // a name may look like another account's id
		if x.Exists && strings.EqualFold(x.Name, who) {
			return x, nil
		}
	}
	var begin []api.Account
	for _, x := range r.Accounts {
		if x.ID == id {
			return x, nil
		}
		if start := strings.TrimSuffix(id, "…"); !x.Exists && len(start) >= 6 && strings.HasPrefix(x.ID, start) {
			begin = append(begin, x)
		}
	}
	if len(begin) == 1 {
		return begin[0], nil
	}
	e := &api.Error{Code: api.CodeUserNotFound, Why: "no-account", Params: map[string]string{"user": who}}
	if r.Own {
		e.Why, e.Params["next"] = "own-only", "administrator"
	}
	return api.Account{}, e
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
			if err != nil {
				return p.reassure(err)
			}
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
	deviceFlag(c, &device)
	c.MarkFlagsMutuallyExclusive("device", "strategy")
	c.MarkFlagsMutuallyExclusive("device", "name")
	browserFlags(c, p, &at)
	return c
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
	s, err := a.session(ctx)
	if err != nil {
		return nil, api.Roster{}, api.Account{}, err
	}
	r, err := a.roster(ctx, s)
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

func (a *app) linksRemove() *cobra.Command {
	var provider providerFlag
	var protocol choice
	var all, via bool
	c := &cobra.Command{
		Use: "remove ACCOUNT [NAME]", Aliases: []string{"rm"}, Short: "Remove a link, or with --all every link of an account",
		Example: "  jellybind links remove maria maria@example.com --provider keycloak\n  jellybind links remove maria --all",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			if all == (len(args) == 2) {
				return seeHelp(usage("name-or-all"), c)
			}
			s, r, account, err := a.account(ctx, args[0])
			if err != nil {
				return err
			}
			if err := provider.wrong(providerNames(r)); err != nil {
				return err
			}
			req := link.RemoveRequest{ViaUnregister: via}
			for _, id := range account.Identities {
				if provider.leavesOut(id.Provider) ||
					protocol.value != "" && string(id.Protocol) != protocol.value {
					continue
				}
				if all || id.Name == args[1] {
					req.Links = append(req.Links, api.Link{Identity: id, UserID: account.ID})
				}
			}
			switch {
			case len(req.Links) == 0:
				return a.noSuchLink(account, args[1:])
			case len(req.Links) > 1 && !all:
				return usage("several-links")
			}
			if err := s.Linker.CheckRemoval(account, req); err != nil {
				return err
			}
			if err := a.confirmRemoval(ctx, s.Linker, account, req); err != nil {
				return err
			}
			show := a.showUndoable
			if !restores(s.Linker) {
				show = a.showChange
			}
			progress, stop := a.progress()
			defer stop()
			changes, err := s.Linker.Remove(ctx, req, progress)
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
		},
	}
	c.Flags().VarP(&provider, "provider", "p", "only links at this `PROVIDER`")
	protocolFlag(c, &protocol)
	c.Flags().BoolVar(&all, "all", false, "every link of the account (at --provider)")
	c.Flags().BoolVar(&via, "via-unregister", false,
		"for Flowfin, where it cannot remove a link by itself (a name with a slash; any, with an API key): drop all links of "+
			"the account, end its sessions, and write the others again")
	return c
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

// confirmRemoval says what a removal does, and asks.
func (a *app) confirmRemoval(ctx context.Context, l *link.Linker, account api.Account, req link.RemoveRequest) error {
	for _, l := range req.Links {
		a.err.text("", a.t("{name} at {provider} will no longer open {account}.",
			"name", l.Name, "provider", l.Provider, "account", nameOf(account)))
	}
	var removed []api.Identity
	for _, l := range req.Links {
		removed = append(removed, l.Identity)
	}
	can := l.Plugin.Capabilities()
	for _, r := range can.RemovalRemarks([]api.Account{account}, map[string][]api.Identity{account.ID: removed}, l.Self) {
		a.err.text("", a.err.warn(a.words.Why(r.Why, r.Params)))
	}
	switch {
	case account.TakesBack(can.Adopts, removed):
		a.err.text("", a.err.warn(a.t("On this flavour that is not enough: signing in with an identity of the account's own "+
			"name opens the account again and restores the link. To keep a person out, block them at the identity provider.")))
	case !can.PasswordsOff.On && account.ShutOutWithout(removed):
		a.err.text("", a.err.warn(a.t("Nobody can sign in to this account afterwards: it takes no password. To return it to "+
			"password sign-in, and then set a password there: jellybind users unregister {command}",
			"command", shellWord(account.Name)+a.again())))
	}
	if !restores(l) {
		a.err.text("", a.err.warn(a.t("Nothing here can write the link again. Only a new sign-in at the identity provider can: "+
			"jellybind links add {command}",
			"command", shellWord(nameOf(account))+" --provider "+shellWord(req.Links[0].Provider)+a.again())))
	}
	if req.ViaUnregister {
		bound := slices.ContainsFunc(req.Links, func(x api.Link) bool { return !l.Removable(account, x).OK })
		if bound {
			a.err.text("", a.err.warn(a.t("All links of the account are removed, and the ones to keep are written again. The account's "+
				"sessions end on every device.")))
		} else {
			a.err.text(a.t("Note: "), a.t("--via-unregister is not needed here: the link is removed by itself."))
		}
	}
	return a.ask(ctx, a.count(len(req.Links), "Remove this link?", "Remove these {n} links?"))
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
