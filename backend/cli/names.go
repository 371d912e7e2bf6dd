package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
)

// remember writes down the name that the sign-in told, where that is wanted: for this link, or always. An earlier note stays.
func (p *person) remember(ctx context.Context, s *backend.Session) {
	e, name := s.Entry(), p.seen.Person()
	if !p.keep && !e.KeepNames || name == "" || e.Note(p.seen.Identity) != "" {
		return
	}
	b, err := p.backend(ctx)
	if err == nil {
		err = b.SetNote(ctx, s, api.IdentityNote{Identity: p.seen.Identity, Text: name})
	}
	if err != nil {
		p.warn(err) // the link is made
	}
}

func (a *app) linksNote() *cobra.Command {
	var provider providerFlag
	var protocol choice
	var forget bool
	c := &cobra.Command{
		Use: "note ACCOUNT NAME [TEXT]", Short: "Write down who is behind an identity, on this computer only",
		Long: `Write down who is behind an identity, such as a subject that says nothing. The note is kept on this computer, with the
server, and shown by “links list” and “history list”. It is not for secrets. --delete forgets it, and the name that a sign-in
told.`,
		Example: "  jellybind links note maria 3f0c1a62-7f0e-4f0b-8a51-0d6a0c9a3b11 'Maria, at home'",
		Args:    cobra.RangeArgs(2, 3),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			b, _, err := a.named(ctx, nil) // it is kept with the server
			if err != nil {
				return err
			}
			s, r, account, err := a.account(ctx, args[0])
			if err != nil {
				return err
			}
			if err := provider.wrong(providerNames(r)); err != nil {
				return err
			}
			if forget == (len(args) == 3) {
				return seeHelp(usage("note-or-delete"), c)
			}
			req, _, err := a.linksToRemove([]api.Account{account}, removeFlags{provider: provider, protocol: protocol}, args[1:2])
			if err != nil {
				return err
			}
			note := api.IdentityNote{Identity: req.Links[0].Identity}
			done := a.t("Forgotten: who is behind {name}.", "name", note.Name)
			if !forget {
				note.Text = args[2]
				done = a.t("Noted for {name}: {text}", "name", note.Name, "text", note.Text)
			}
			if err := b.SetNote(ctx, s, note); err != nil {
				return err
			}
			return a.done(done, note)
		},
	}
	c.Flags().VarP(&provider, "provider", "p", "only links at this `PROVIDER`")
	protocolFlag(c, &protocol)
	c.Flags().BoolVar(&forget, "delete", false, "forget the note, and the name that a sign-in told")
	return c
}

// keptNames is the answer of links names.
type keptNames struct {
	// Keep is true if the names that sign-ins tell are remembered.
	Keep  bool               `json:"keep"`
	Notes []api.IdentityNote `json:"notes"`
}

func (a *app) linksNames() *cobra.Command {
	var keep choice
	var forget bool
	var l listing
	keep.what, keep.allowed = "WHEN", []string{"on", "off"}
	c := &cobra.Command{
		Use: "names", Short: "List the people that are remembered; keep or forget their names", Args: cobra.NoArgs,
		Long: `List who is behind the identities, as far as this computer remembers: the name and e-mail address that a sign-in told,
and your notes. Nothing is remembered until you say so: --keep on remembers the names of all sign-ins from now on, “links add
--remember” of one, and “links note” writes a note.`,
		Example: "  jellybind links names --keep on\n  jellybind links names --forget",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			b, e, err := a.named(ctx, nil)
			if err != nil {
				return err
			}
			if keep.value != "" {
				if err := b.KeepNames(ctx, e.Name, keep.value == "on"); err != nil {
					return err
				}
			}
			if forget {
				if err := a.ask(ctx, a.t("Forget all names and notes of {server}?", "server", e.Name)); err != nil {
					return err
				}
				if err := b.ForgetNotes(ctx, e.Name); err != nil {
					return err
				}
			}
			if _, e, err = a.named(ctx, nil); err != nil {
				return err
			}
			if a.json {
				return a.document(keptNames{e.KeepNames, append([]api.IdentityNote{}, e.Notes...)})
			}
			return a.showNames(l, e.KeepNames, e.Notes)
		},
	}
	c.Flags().Var(&keep, "keep", "on remembers the names that sign-ins tell from now on, off no longer does")
	c.Flags().BoolVar(&forget, "forget", false, "forget all names and notes of the server")
	l.flags(c)
	return c
}

func (a *app) showNames(l listing, keep bool, notes []api.IdentityNote) error {
	s := sheet{columns: []column{
		{key: "provider", header: a.t("PROVIDER"), spare: 1},
		{key: "identity", header: a.t("IDENTITY")},
		{key: "note", header: a.t("NOTE"), spare: 2},
	}}
	for _, n := range notes {
		s.rows = append(s.rows, []string{n.Provider, n.Name, n.Text})
	}
	if len(s.rows) > 0 {
		if err := a.list(l, s); err != nil {
			return err
		}
	} else {
		a.err.line(a.t("Nobody is remembered."))
	}
	if keep {
		a.err.line(a.t("The names that sign-ins tell are remembered."))
	} else {
		a.err.line(a.t("The names that sign-ins tell are not remembered."))
	}
	return nil
}

// people are the persons behind identities, as far as they are remembered for the server that is open.
func (a *app) people() map[api.Identity]string {
	if a.opened == nil {
		return nil
	}
	return noteTexts(a.opened.Entry().Notes)
}

func noteTexts(list []api.IdentityNote) map[api.Identity]string {
	texts := make(map[api.Identity]string, len(list))
	for _, n := range list {
		texts[n.Identity] = n.Text
	}
	return texts
}
