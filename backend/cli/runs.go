package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/link"
)

// openRuns tells of runs that were cut short, before anything else is done on the server.
func (a *app) openRuns(ctx context.Context, s *backend.Session) error {
	runs, err := s.Linker.OpenRuns(ctx)
	if err != nil {
		return err
	}
	for _, run := range runs {
		a.err.text("", a.err.warn(a.t("A run of {n} changes was cut short ({time}). Finish it: jellybind history resume {id}. Take it "+
			"back: jellybind history undo {id}",
			"n", strconv.Itoa(run.Planned.Changes()), "time", run.Time.Local().Format(time.DateTime), "id", run.ID)+a.again()))
	}
	return nil
}

// undoRun takes back what is still as a run left it.
func (a *app) undoRun(ctx context.Context, s *backend.Session, run api.Run, via bool) error {
	set, err := s.Linker.UndoSet(ctx, run.ID, nil)
	if err != nil {
		return err
	}
	a.err.text("", a.t("Undo a run of {n} changes from {time}:", "n", strconv.Itoa(len(run.Changes)), "time",
		run.Time.Local().Format(time.DateTime)))
	// What was there before the run may be the last way into an account again.
	return a.applyWanted(ctx, s, set, api.SetOptions{LeaveOut: true, LastWay: true, ViaUnregister: via})
}

// applyWanted plans a set that is at hand, and carries it out.
func (a *app) applyWanted(ctx context.Context, s *backend.Session, set api.WantedSet, o api.SetOptions) error {
	r, err := a.roster(ctx, s)
	if err != nil {
		return err
	}
	return a.applySet(ctx, s, link.PlanSet(r, set, o, setFactsOf(s.Linker)))
}

func (a *app) historyShow() *cobra.Command {
	var l listing
	c := &cobra.Command{
		Use: "show ID", Short: "Show the changes of a run", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			b, e, err := a.entry(c.Context())
			if err != nil {
				return err
			}
			run, err := b.Journal.Run(c.Context(), e.ServerID, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.document(run)
			}
			return a.listChanges(l, run.Changes, noteTexts(e.Notes))
		},
	}
	l.flags(c)
	return c
}

func (a *app) historyResume() *cobra.Command {
	return &cobra.Command{
		Use: "resume ID", Short: "Finish a run that was cut short or stopped", Args: cobra.ExactArgs(1),
		Long: "Compare what is left of a run with the server, and make the changes that are missing.",
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			s, err := a.session(ctx)
			if err != nil {
				return err
			}
			run, err := s.Linker.Run(ctx, args[0])
			if err != nil {
				return err
			}
			question := a.t("Finish the run of {n} changes from {time}?", "n", strconv.Itoa(len(run.Changes)), "time",
				run.Time.Local().Format(time.DateTime))
			if err := a.ask(ctx, question); err != nil {
				return err
			}
			progress, stop := a.progress()
			run, err = s.Linker.ResumeRun(ctx, run.ID, progress)
			stop()
			return a.showRun(run, err)
		},
	}
}

func (a *app) historySnapshots() *cobra.Command {
	var l listing
	c := &cobra.Command{
		Use: "snapshots", Short: "List the links as they were before runs", Args: cobra.NoArgs,
		Long: "Before each run of several changes the links of the server are kept. The last 50 are there.",
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.session(c.Context())
			if err != nil {
				return err
			}
			list, err := s.Linker.Snapshots(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.document(append([]api.Snapshot{}, list...))
			}
			if len(list) == 0 {
				a.err.line(a.t("No snapshot was taken yet."))
				return nil
			}
			sh := sheet{columns: []column{
				{key: "id", header: a.t("ID"), short: true},
				{key: "time", header: a.t("TIME"), short: true},
				{key: "links", header: a.t("LINKS"), short: true},
				{key: "before", header: a.t("LINKS BEFORE")},
			}}
			for _, x := range list {
				sh.rows = append(sh.rows, []string{
					x.ID, x.Time.Local().Format(time.DateTime), strconv.Itoa(x.Links), cmp.Or(x.Label, string(x.Source)),
				})
			}
			return a.list(l, sh)
		},
	}
	l.flags(c)
	return c
}

func (a *app) historyRestore() *cobra.Command {
	var o api.SetOptions
	c := &cobra.Command{
		Use: "restore SNAPSHOT", Short: "Make the links as they were at a snapshot", Args: cobra.ExactArgs(1),
		Example: "  jellybind history snapshots\n  jellybind history restore 5f0c --prune --move",
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			s, err := a.session(ctx)
			if err != nil {
				return err
			}
			set, err := s.Linker.Snapshot(ctx, args[0])
			if err != nil {
				return err
			}
			return a.applyWanted(ctx, s, set, o)
		},
	}
	setOptions(c, &o)
	return c
}

// runRow is a run as a line of the history.
func (a *app) runRow(run api.Run, table bool) []string {
	id, at, state, undoes := run.ID, run.Time.Local().Format(time.DateTime), string(run.State), run.Undoes
	if table {
		id, at, undoes = start(id), a.out.when(run.Time), start(undoes)
		if run.State == api.RunDone {
			state = ""
		}
	}
	account, how := "", cmp.Or(run.Label, string(run.Source))
	if run.Source == api.SourceSelection { // its label names accounts
		account, how = run.Label, string(run.Source)
	}
	if undoes != "" {
		how = a.t("undo of {id}", "id", undoes)
	}
	changes := a.t("{made} of {n} changes", "made", strconv.Itoa(run.Made), "n", strconv.Itoa(run.Planned.Changes()))
	return []string{id, at, a.t("run"), state, account, "", "", changes, how}
}

// historyRows reads the whole history, a run in one line.
func (a *app) historyRows(ctx context.Context, b *backend.Backend, server string, table bool, people map[api.Identity]string,
) (rows [][]string, err error) {
	for q := (api.HistoryQuery{}); ; {
		page, err := b.Journal.Page(ctx, server, q)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			if e.Run != nil {
				rows = append(rows, a.runRow(*e.Run, table))
			} else {
				rows = append(rows, a.change(*e.Change, people, table))
			}
		}
		if q.Before = page.Next; page.Next == "" {
			return slices.Clip(rows), nil
		}
	}
}
