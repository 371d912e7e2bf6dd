package cli

import (
	"cmp"
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/wanted"
)

// people is an identity provider's list of people as the source of links, as flags name it.
type people struct {
	link    string // a file: new links for its people
	rekey   string // a file: new names for the links that are there
	match   string
	account string
	name    string
}

func (p *people) file() string { return cmp.Or(p.link, p.rekey) }

func (p *people) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&p.link, "people", "",
		"instead of a file with links: the users of an identity provider out of this `FILE`, JSON or a table, at --provider")
	f.StringVar(&p.rekey, "rekey", "", "instead of a file with links: for links at --provider whose name is a user name in "+
		"this `FILE` with users, the person's stable id as the new name")
	f.StringVar(&p.match, "match", wanted.MatchName,
		"with --people: how to find the account, by name, email or this `FIELD` of the file")
	f.StringVar(&p.account, "account-field", "", "with --people and --rekey: the `FIELD` of the file with the user name")
	f.StringVar(&p.name, "name-field", "",
		"with --people and --rekey: the `FIELD` of the file that becomes the name at the provider")
}

// fromPeople reads what a list of people asks for.
func (a *app) fromPeople(ctx context.Context, s *source, r api.Roster, at api.ProviderRef) (set api.WantedSet, err error) {
	p := s.people
	err = a.reading(ctx, p.file(), func(in io.Reader, label string) error {
		list, err := wanted.ReadPeople(in, label, wanted.PeopleOptions{Account: p.account})
		if err != nil {
			return err
		}
		if p.rekey != "" {
			set, err = wanted.Rekey(r, at, list, "", p.name, s.keep)
			return err
		}
		for _, x := range r.Providers {
			if x.Protocol == at.Protocol && x.Name == at.Provider {
				set, err = wanted.Match(list, r, x, wanted.MatchOptions{By: p.match, Name: p.name})
			}
		}
		return err
	})
	return set, err
}
