package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/natefinch/atomic"
	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/wanted"
)

// Many links at once: a source says which links are wanted, a plan compares them with the server's, and a run carries it out.

// errDifferences ends a command that was asked for differences, and found some.
var errDifferences = errors.New("there are differences")

// typedAbove is how many changes are confirmed by y; above it the number is typed.
const typedAbove = 20

// source is where wanted links come from, as flags and an argument name it.
type source struct {
	file     string
	provider providerFlag
	protocol choice
	columns  map[string]string
	rule     string
	filter   choices
	rename   string
	mapped   string
	keep     bool
	other    string
	people   people
}

func (s *source) flags(c *cobra.Command) {
	f := c.Flags()
	f.VarP(&s.provider, "provider", "p", "the `PROVIDER` of the links, where the file or rule does not say it")
	protocolFlag(c, &s.protocol)
	f.StringToStringVar(&s.columns, "column", nil,
		"which column of a table holds what, as `WHAT=TITLE`: protocol, provider, name, account or id")
	f.StringVar(&s.rule, "rule", "", "instead of a file: names made from the accounts' by this `TEMPLATE`, "+
		"such as '{{.Account | lower}}@example.org'")
	s.filter.what, s.filter.allowed = "FILTER", []string{
		string(api.FilterLinked), string(api.FilterUnlinked), string(api.FilterAtRisk), string(api.FilterAdministrator),
		string(api.FilterDisabled),
	}
	f.Var(&s.filter, "filter", "with --rule: only for accounts that are "+listed(s.filter.allowed))
	f.StringVar(&s.rename, "rename", "",
		"instead of a file with links: a table `FILE` with the columns old and new, names at --provider")
	f.StringVar(&s.mapped, "from-provider", "", "instead of a file: the links of this `PROVIDER`, wanted at --provider")
	f.BoolVar(&s.keep, "keep", false, "with --rename, --rekey and --from-provider: leave the old links where they are")
	f.StringVar(&s.other, "from-server", "",
		"instead of a file: the links of another server, by its `NAME`, for accounts of the same names")
	s.people.flags(c)
	c.MarkFlagsMutuallyExclusive("rule", "rename", "from-provider", "from-server", "people", "rekey")
}

// check says that nothing says where the links come from, or that a file and a flag both do.
func (s *source) check(c *cobra.Command, args []string) error {
	flag := s.rule != "" || s.rename != "" || s.mapped != "" || s.other != "" || s.people.file() != ""
	switch {
	case flag != (len(args) > 0):
		s.file = strings.Join(args, "")
		return nil
	case s.provider.given && s.provider.name == "":
		return seeHelp(flagEmpty("provider"), c)
	}
	return seeHelp(usage("one-source"), c)
}

// ref is the provider that a flag names; the protocol counts where two have the name.
func (s *source) ref(r api.Roster, p providerFlag) (api.ProviderRef, error) {
	if !p.given {
		return api.ProviderRef{}, errNoProvider
	}
	var found []api.ProviderRef
	for _, x := range r.Providers {
		if x.Name == p.name && (s.protocol.value == "" || s.protocol.value == string(x.Protocol)) {
			found = append(found, x.Ref())
		}
	}
	switch len(found) {
	case 0:
		return api.ProviderRef{}, noProvider(p.name, providerNames(r))
	case 1:
		return found[0], nil
	}
	return api.ProviderRef{}, usage("two-providers", "provider", p.name)
}

// wanted reads what the source asks for.
func (a *app) wanted(ctx context.Context, s *source, r api.Roster) (api.WantedSet, error) {
	if s.other != "" {
		return a.fromOther(ctx, s)
	}
	if s.file != "" {
		return a.fromFile(ctx, s, r)
	}
	at, err := s.ref(r, s.provider)
	if err != nil {
		return api.WantedSet{}, err
	}
	switch {
	case s.rule != "":
		accounts, _, err := a.accounts(ctx, query{filter: s.filter})
		if err != nil {
			return api.WantedSet{}, err
		}
		return wanted.Rule(s.rule, at, accounts)
	case s.mapped != "":
		from, err := s.ref(r, providerFlag{s.mapped, true})
		if err != nil {
			return api.WantedSet{}, err
		}
		return wanted.Map(r, from, at, s.keep), nil
	case s.people.file() != "":
		return a.fromPeople(ctx, s, r, at)
	}
	var set api.WantedSet
	err = a.reading(ctx, s.rename, func(in io.Reader, label string) (err error) {
		set, err = wanted.Rename(in, label, r, at, s.keep)
		return err
	})
	return set, err
}

func (a *app) fromFile(ctx context.Context, s *source, r api.Roster) (set api.WantedSet, err error) {
	o := wanted.Options{Columns: map[wanted.Column]string{}}
	for what, title := range s.columns {
		o.Columns[wanted.Column(strings.ToLower(what))] = title
	}
	for _, p := range r.Providers {
		o.Providers = append(o.Providers, p.Ref())
	}
	if s.provider.given {
		if o.Provider, err = s.ref(r, s.provider); err != nil {
			return set, err
		}
	}
	err = a.reading(ctx, s.file, func(in io.Reader, label string) (err error) {
		set, err = wanted.Read(in, label, o)
		return err
	})
	return set, err
}

// reading opens a file, or standard input for -.
func (a *app) reading(ctx context.Context, file string, read func(in io.Reader, label string) error) error {
	if file == "-" {
		if a.credentialStdin {
			return usage("stdin-taken")
		}
		_, err := await(ctx, func() (struct{}, error) { return struct{}{}, read(a.in, a.t("standard input")) })
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return unreadable(file, err)
	}
	defer func() { _ = f.Close() }()
	return read(f, filepath.Base(file))
}

// fromOther reads the links of another server.
func (a *app) fromOther(ctx context.Context, s *source) (api.WantedSet, error) {
	b, err := a.backend(ctx)
	if err != nil {
		return api.WantedSet{}, err
	}
	other, err := b.Open(ctx, backend.Target{Name: s.other})
	if err != nil {
		return api.WantedSet{}, err
	}
	r, err := a.roster(ctx, other)
	if err != nil {
		return api.WantedSet{}, err
	}
	var of []api.ProviderRef
	if s.provider.given {
		at, err := s.ref(r, s.provider)
		if err != nil {
			return api.WantedSet{}, err
		}
		of = append(of, at)
	}
	return wanted.FromServer(r, s.other, of), nil
}

// setOptions adds the flags of api.SetOptions.
func setOptions(c *cobra.Command, o *api.SetOptions) {
	f := c.Flags()
	f.BoolVar(&o.Prune, "prune", false, "remove the links that the source does not name, at the providers that it names")
	f.BoolVar(&o.Move, "move", false, "take identities from other accounts")
	f.BoolVar(&o.LeaveOut, "leave-out", false,
		"leave out the lines that cannot be carried out; without it they keep everything from being written")
	f.BoolVar(&o.LastWay, "last-way", false, "also remove the last way into an account")
	viaUnregister(c, &o.ViaUnregister)
}

func viaUnregister(c *cobra.Command, via *bool) {
	c.Flags().BoolVar(via, "via-unregister", false,
		"where the plugin cannot remove a link by itself: drop all links of the account, end its sessions, and write the others again")
}

func (a *app) linksDiff() *cobra.Command {
	var s source
	var o api.SetOptions
	c := &cobra.Command{
		Use: "diff [FILE]", Short: "Compare the links with a file, and say what “apply” would do", Args: cobra.MaximumNArgs(1),
		Long: `Compare the server's links with a file, and list what “jellybind links apply” would do. Nothing is changed. It ends
with 0 if there is nothing to do, and with 5 if there is.

The file may be one that “jellybind links export” wrote, the plugin's SSO-Auth.xml out of a backup, the plugin's export of
account links, or a CSV table. - is standard input.`,
		Example: "  jellybind links diff links.json --prune",
		RunE: func(c *cobra.Command, args []string) error {
			if err := s.check(c, args); err != nil {
				return err
			}
			_, plan, err := a.planSet(c.Context(), &s, o)
			if err != nil {
				return err
			}
			if err := a.showSet(plan, 0); err != nil {
				return err
			}
			if plan.Counts.Changes()+plan.Counts.Refused > 0 {
				return errDifferences
			}
			return nil
		},
	}
	s.flags(c)
	setOptions(c, &o)
	return c
}

func (a *app) linksApply() *cobra.Command {
	var s source
	var o api.SetOptions
	c := &cobra.Command{
		Use: "apply [FILE]", Short: "Make the links as a file says", Args: cobra.MaximumNArgs(1),
		Long: `Make the server's links as a file says: add, with --move take from other accounts, with --prune remove. What would
be done is listed first, as “jellybind links diff” lists it. Nothing is written while one line cannot be carried out, unless
--leave-out leaves such lines out. The run can be taken back as a whole: jellybind history undo ID. Running it again changes
nothing.`,
		Example: "  jellybind links apply links.json\n  jellybind links apply people.csv --provider keycloak\n" +
			"  jellybind links apply --from-provider authelia --provider keycloak",
		RunE: func(c *cobra.Command, args []string) error {
			if err := s.check(c, args); err != nil {
				return err
			}
			session, plan, err := a.planSet(c.Context(), &s, o)
			if err != nil {
				return err
			}
			return a.applySet(c.Context(), session, plan)
		},
	}
	s.flags(c)
	setOptions(c, &o)
	return c
}

// planSet compares what a source wants with the server.
func (a *app) planSet(ctx context.Context, s *source, o api.SetOptions) (*backend.Session, api.SetPlan, error) {
	session, r, err := a.read(ctx)
	if err != nil {
		return nil, api.SetPlan{}, err
	}
	set, err := a.wanted(ctx, s, r)
	if err == nil {
		err = a.openRuns(ctx, session)
	}
	if err != nil {
		return nil, api.SetPlan{}, err
	}
	return session, link.PlanSet(r, set, o, setFactsOf(session.Linker)), nil
}

func setFactsOf(l *link.Linker) link.SetFacts {
	return link.SetFacts{Capabilities: l.Plugin.Capabilities(), Self: l.Self}
}

// shownLines is how many lines of a plan are listed before the question.
const shownLines = 40

// applySet shows a plan, asks, carries it out, and says what came of it.
func (a *app) applySet(ctx context.Context, s *backend.Session, plan api.SetPlan) error {
	if !a.json {
		if err := a.showSet(plan, shownLines); err != nil {
			return err
		}
	}
	if !plan.Able.OK {
		return plan.Able.Refused(api.CodeUsage, "")
	}
	if plan.Counts.Changes() == 0 {
		if a.json {
			return a.document(api.Run{Source: plan.Source, Label: plan.Label, State: api.RunDone, Planned: plan.Counts})
		}
		return nil
	}
	if err := a.askSet(ctx, plan.Counts.Changes()); err != nil {
		return err
	}
	progress, stop := a.progress()
	run, err := s.Linker.RunSet(ctx, plan, progress)
	stop()
	return a.showRun(run, err)
}

// askSet asks before many changes: above typedAbove a person types the number.
func (a *app) askSet(ctx context.Context, changes int) error {
	if changes <= typedAbove || a.yes {
		return a.ask(ctx, a.count(changes, "Make this change?", "Make these {n} changes?"))
	}
	answer, err := a.prompt(ctx, a.t("To make these changes, type their number, {n}: ", "n", strconv.Itoa(changes)), "yes")
	if err != nil {
		return err
	}
	if strings.TrimSpace(answer) != strconv.Itoa(changes) {
		return cancelled(nil)
	}
	return nil
}

// showSet lists what a plan does. most bounds the lines that would be carried out, 0 does not; refused ones are all listed.
func (a *app) showSet(plan api.SetPlan, most int) error {
	if a.json {
		return a.document(plan)
	}
	s := sheet{columns: []column{
		{key: "line", header: a.t("LINE"), short: true, spare: 2},
		{key: "change", header: a.t("CHANGE"), short: true},
		{key: "account", header: a.t("ACCOUNT")},
		{key: "from", header: a.t("FROM"), spare: 1},
		{key: "provider", header: a.t("PROVIDER"), spare: 3},
		{key: "identity", header: a.t("IDENTITY")},
	}}
	left := 0
	for _, l := range plan.Lines {
		if l.Action == api.SetSame || l.Action == api.SetRefuse || l.Skipped {
			continue
		}
		if most > 0 && len(s.rows) == most {
			left++
			continue
		}
		s.rows = append(s.rows, []string{
			lineNumber(l.Line), a.actionText(l.Action), cmp.Or(l.UserName, l.UserID), cmp.Or(l.FromName, l.FromID), l.Provider, l.Name,
		})
	}
	if len(s.rows) > 0 {
		s.dropEmpty()
		if err := a.list(listing{}, s); err != nil {
			return err
		}
	}
	if left > 0 {
		a.err.text("", a.count(left, "One more line is not shown: “jellybind links diff” lists all.",
			"{n} more lines are not shown: “jellybind links diff” lists all."))
	}
	a.showRefused(plan)
	for _, r := range plan.Remarks {
		a.err.text("", a.err.warn(a.words.Why(r.Why, r.Params)))
	}
	a.err.text("", a.countsText(plan.Counts))
	return nil
}

// dropEmpty leaves out columns without any text.
func (s *sheet) dropEmpty() {
	var kept []int
	for i := range s.columns {
		if slices.ContainsFunc(s.rows, func(row []string) bool { return row[i] != "" }) {
			kept = append(kept, i)
		}
	}
	s.keep(kept)
}

func lineNumber(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// lineLead begins a sentence about a line of the source; it is empty where the source has no lines.
func (a *app) lineLead(n int) string {
	if n == 0 {
		return ""
	}
	return a.t("Line {n}: ", "n", strconv.Itoa(n))
}

func (a *app) actionText(action api.SetAction) string {
	switch action {
	case api.SetAdd:
		return a.t("add")
	case api.SetMove:
		return a.t("move")
	case api.SetRemove:
		return a.t("remove")
	case api.SetSame, api.SetRefuse:
	}
	return string(action)
}

// showRefused says of each line that cannot be carried out why, and of the others what is to be known.
func (a *app) showRefused(plan api.SetPlan) {
	for _, l := range plan.Lines {
		lead := a.lineLead(l.Line)
		if l.Action == api.SetRefuse {
			text := a.words.Why(l.Why, l.Params)
			if len(l.Closest) > 0 {
				text += " " + a.t("Did you mean {names}?", "names", strings.Join(l.Closest, ", "))
			}
			a.err.text(a.err.warn(lead), text)
			continue
		}
		if l.Action != api.SetAdd && l.Action != api.SetMove { // the plan's own remarks tell of removals
			continue
		}
		for _, r := range l.Remarks {
			a.err.text(lead, a.words.Why(r.Why, r.Params))
		}
	}
}

// countsText counts a plan's lines in words.
func (a *app) countsText(c api.SetCounts) string {
	var parts []string
	count := func(n int, text string) {
		if n > 0 {
			parts = append(parts, text)
		}
	}
	count(c.Add, a.t("{n} to add", "n", strconv.Itoa(c.Add)))
	count(c.Move, a.t("{n} to move", "n", strconv.Itoa(c.Move)))
	count(c.Remove, a.t("{n} to remove", "n", strconv.Itoa(c.Remove)))
	count(c.Same, a.t("{n} there already", "n", strconv.Itoa(c.Same)))
	count(c.Refused, a.t("{n} refused", "n", strconv.Itoa(c.Refused)))
	count(c.Skipped, a.t("{n} left out", "n", strconv.Itoa(c.Skipped)))
	if c.Changes()+c.Refused == 0 {
		parts = append([]string{a.t("Nothing to do")}, parts...)
	}
	return strings.Join(parts, ", ") + "."
}

// showRun says what came of a run.
func (a *app) showRun(run api.Run, err error) error {
	if e, ok := errors.AsType[*api.Error](err); ok && e.Why == api.WhySignedOut {
		a.warn(e)
		err = nil
	}
	if a.json && len(run.Changes) > 0 {
		return errors.Join(a.document(run), err, runError(run, err == nil))
	}
	for _, c := range run.Changes {
		if c.State == api.ChangeConfirmed || c.Error == "" {
			continue
		}
		told := a.told(&api.Error{Code: c.Error, Why: c.Why, Params: c.Params})
		a.err.text(a.err.warn(a.lineLead(c.Line)), told.Sentence)
	}
	if len(run.Changes) > 0 {
		a.out.text("", a.t("{made} of {n} changes made.", "made", strconv.Itoa(run.Made), "n", strconv.Itoa(len(run.Changes))))
	}
	if id := cmp.Or(run.ID, soleID(run)); id != "" && run.Made > 0 && a.world == nil {
		a.err.line(a.t("To undo it: jellybind history undo {id}", "id", id) + a.again())
	}
	return errors.Join(err, runError(run, err == nil))
}

// soleID is the id of the change of a run of one.
func soleID(run api.Run) string {
	if len(run.Changes) == 1 {
		return run.Changes[0].ID
	}
	return ""
}

// runError is the error of a run that ended, and did not make all its changes.
func runError(run api.Run, ended bool) error {
	if !ended || run.Failed+run.Unknown == 0 {
		return nil
	}
	return &api.Error{Code: api.CodeHalfDone, Why: "run-partly", Params: map[string]string{
		"n": strconv.Itoa(run.Failed + run.Unknown), "total": strconv.Itoa(len(run.Changes)),
	}}
}

func (a *app) linksExport() *cobra.Command {
	var provider providerFlag
	var protocol, format choice
	var force bool
	format.what, format.allowed = "FORMAT", []string{formatJSON, formatCSV}
	c := &cobra.Command{
		Use: "export [FILE]", Short: "Write the links to a file, for “diff” and “apply”", Args: cobra.MaximumNArgs(1),
		Long: `Write the server's links to a file, or to standard output. JSON keeps a link a line, so that changes show in a
repository. In a CSV table a name that a spreadsheet would run or change gets an apostrophe before it, which is taken away
again when the table is read.`,
		Example: "  jellybind links export links.json\n  jellybind links export links.csv --provider keycloak",
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			s, r, err := a.read(ctx)
			if err != nil {
				return err
			}
			var of []api.ProviderRef
			if provider.given {
				at, err := (&source{protocol: protocol}).ref(r, provider)
				if err != nil {
					return err
				}
				of = append(of, at)
			}
			file := strings.Join(args, "")
			return a.export(wanted.NewDocument(r, s.Server.Name, of), file, format.value, force)
		},
	}
	f := c.Flags()
	f.VarP(&provider, "provider", "p", "only links at this `PROVIDER`")
	protocolFlag(c, &protocol)
	f.Var(&format, "format", "how to write them: "+listed(format.allowed)+" (default: as the file's name ends, or json)")
	f.BoolVar(&force, "force", false, "write over a file that is there")
	return c
}

// export writes a document to a file that is there whole or not at all, or to standard output.
func (a *app) export(d wanted.Document, file, format string, force bool) error {
	if format == "" && strings.EqualFold(filepath.Ext(file), ".csv") {
		format = formatCSV
	}
	write := d.WriteJSON
	if format == formatCSV {
		write = d.WriteCSV
	}
	if file == "" || file == "-" {
		return write(a.out.w)
	}
	if _, err := os.Stat(file); err == nil && !force {
		return usage("file-there", "file", file)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if err := atomic.WriteFile(file, &b); err != nil {
		e := usage("file-unwritable", "file", file)
		e.Err = err
		return e
	}
	a.err.line(a.t("{links} written to {file}", "links", a.count(len(d.Links), "1 link", "{n} links"), "file", file))
	return nil
}
