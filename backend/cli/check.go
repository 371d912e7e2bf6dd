package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/health"
	"github.com/jellybind/jellybind/backend/words"
)

// findingKinds are the words of check's flags.
var findingKinds = []string{
	string(api.FindingAtRisk), string(api.FindingLockedOut), string(api.FindingForeignKey), string(api.FindingOneWay),
	string(api.FindingTwice), string(api.FindingProviderOff), string(api.FindingProviderGone), string(api.FindingDisabled),
	string(api.FindingOrphan), string(api.FindingUnaddressed), string(api.FindingUnused),
}

func (a *app) checkCommand() *cobra.Command {
	only := choices{what: "KIND", allowed: findingKinds}
	ignore := choices{what: "KIND", allowed: findingKinds}
	mend := choice{what: "KIND", allowed: findingKinds}
	var o api.SetOptions
	c := &cobra.Command{
		Use: "check", Short: "Check what is wrong with the links", Args: cobra.NoArgs,
		Long: `Check the links: accounts that a free name opens, accounts that nobody can open, links that open nothing, and what is
worth tidying. Nothing is changed without --mend. For cron: it ends with 0 if nothing is found, and with 5 if something is.`,
		Example: "  jellybind check\n  jellybind check --ignore disabled,unused --json\n  jellybind check --mend orphan",
		RunE: func(c *cobra.Command, _ []string) error {
			if mend.value != "" {
				return a.mend(c.Context(), api.FindingKind(mend.value), o)
			}
			return a.check(c.Context(), only.values, ignore.values)
		},
	}
	f := c.Flags()
	f.Var(&only, "only", "look only for this `KIND`, or several with commas between: "+listed(findingKinds))
	f.Var(&ignore, "ignore", "leave out this `KIND`, or several with commas between")
	f.Var(&mend, "mend", "mend what was found of this `KIND`, after a preview and a question, as one run")
	f.BoolVar(&o.LastWay, "last-way", false, "with --mend: also remove the last way into an account")
	viaUnregister(c, &o.ViaUnregister)
	return c
}

// findings checks the server's links.
func (a *app) findings(ctx context.Context) (*backend.Session, []api.Finding, api.Roster, error) {
	s, r, err := a.read(ctx)
	if err != nil {
		return nil, nil, r, err
	}
	return s, health.Check(r, s.Plugin.Capabilities()), r, nil
}

func (a *app) check(ctx context.Context, only, ignore []string) error {
	_, found, r, err := a.findings(ctx)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(f api.Finding) bool {
		return len(only) > 0 && !slices.Contains(only, string(f.Kind)) || slices.Contains(ignore, string(f.Kind))
	})
	if a.json {
		err = a.document(append([]api.Finding{}, found...))
	} else {
		a.showFindings(found)
		a.noteOwn(r)
	}
	if err == nil && len(found) > 0 {
		return errDifferences
	}
	return err
}

// showFindings says of each finding what it means and what to do, the worst first.
func (a *app) showFindings(found []api.Finding) {
	a.words.Fill(&found, words.Terminal)
	severity := api.Severity("")
	for _, f := range found {
		if f.Severity != severity {
			severity = f.Severity
			a.out.line(a.out.bold(a.severityText(severity)))
		}
		lead := "  " + string(f.Kind) + ": "
		if f.Guess {
			lead = "  " + string(f.Kind) + a.t(" (a guess): ")
		}
		a.out.text(lead, f.Sentence)
		if f.Next != "" {
			a.out.text("    ", f.Next)
		}
	}
	if len(found) == 0 {
		a.out.line(a.t("Nothing was found."))
	}
}

func (a *app) severityText(s api.Severity) string {
	switch s {
	case api.SeverityDanger:
		return a.t("Somebody else may get in")
	case api.SeverityLocked:
		return a.t("Somebody cannot get in")
	case api.SeverityWarning:
		return a.t("It may go wrong some day")
	case api.SeverityNotice:
		return a.t("Worth tidying")
	}
	return string(s)
}

// mend carries out what mends the findings of a kind.
func (a *app) mend(ctx context.Context, kind api.FindingKind, o api.SetOptions) error {
	s, found, r, err := a.findings(ctx)
	if err != nil {
		return err
	}
	set := api.WantedSet{Source: api.SourceFinding, Label: string(kind)}
	var byHand error
	for _, f := range found {
		if f.Kind != kind {
			continue
		}
		part, err := health.Mend(f, r)
		if err != nil { // for a person, who reads it in the check
			byHand = err
		}
		for _, l := range part.Links {
			l.Line = len(set.Links) + 1
			set.Links = append(set.Links, l)
		}
	}
	if len(set.Links) == 0 && byHand != nil {
		return byHand
	}
	o.Move = kind == api.FindingTwice
	return a.applyWanted(ctx, s, set, o)
}
