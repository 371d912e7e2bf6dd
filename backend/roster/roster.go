// Package roster works out who is linked to what: users, providers and links joined into accounts, with orphans, doubles
// and names at risk, and windows of it filtered, searched and sorted.
package roster

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// Build joins what a server said at one moment. Accounts come in the order of users, then orphans by id; an account's
// identities are sorted by protocol, provider and name. A link of an account that is not in users makes an orphan, unless own
// is set: then users holds only the credential's own account, and nothing is known about others.
//
// An account is at risk if a provider signs unlinked identities in to the account of the same name (AutoAdopt), and that name
// is not linked there: anybody who gets the name at the identity provider opens the account. An account that an identity of
// its own name opens already, at any provider, is left out: there both names are known to belong to the same person, and
// marking nearly every account would hide the ones that matter. In Jellyfin account names are case-insensitive; in the plugin
// canonical names are case-sensitive. Some plugins let nobody into an administrator's account that way (SparesAdministrators).
func Build(users []api.User, providers []api.Provider, links []api.Link, taken time.Time, own bool) api.Roster {
	byUser := make(map[string][]api.Identity, len(users))
	perProvider := make(map[api.ProviderRef]int, len(providers))
	named := make(map[api.ProviderRef]map[string]bool, len(providers))
	for _, l := range links {
		byUser[l.UserID] = append(byUser[l.UserID], l.Identity)
		p := l.Ref()
		perProvider[p]++
		if named[p] == nil {
			named[p] = make(map[string]bool)
		}
		named[p][strings.ToLower(l.Name)] = true
	}

	r := api.Roster{Taken: taken, Own: own, Accounts: make([]api.Account, 0, len(users)), Providers: slices.Clone(providers)}
	for i := range r.Providers {
		p := &r.Providers[i]
		p.Links = perProvider[p.Ref()]
	}
	for _, u := range users {
		a := api.Account{User: u, Exists: true, Identities: sorted(byUser[u.ID])}
		delete(byUser, u.ID)
		ownName := func(id api.Identity) bool { return strings.EqualFold(id.Name, u.Name) }
		if !u.Disabled && !slices.ContainsFunc(a.Identities, ownName) {
			for _, p := range providers {
				if p.Adopts(u) && !named[p.Ref()][strings.ToLower(u.Name)] {
					a.Gaps = append(a.Gaps, api.Identity{Protocol: p.Protocol, Provider: p.Name, Name: u.Name})
				}
			}
			a.AtRisk = len(a.Gaps) > 0
		}
		r.Accounts = append(r.Accounts, a)
	}
	if own {
		return r
	}
	orphans := make([]api.Account, 0, len(byUser))
	for id, identities := range byUser {
		orphans = append(orphans, api.Account{User: api.User{ID: id}, Identities: sorted(identities)})
	}
	slices.SortFunc(orphans, func(a, b api.Account) int { return cmp.Compare(a.ID, b.ID) })
	r.Accounts = append(r.Accounts, orphans...)
	return r
}

// Owner returns the account that an identity opens, or nil.
func Owner(r api.Roster, id api.Identity) *api.Account {
	for i := range r.Accounts {
		if slices.Contains(r.Accounts[i].Identities, id) {
			return &r.Accounts[i]
		}
	}
	return nil
}

// Namesake returns another account that is called like one of the names, without regard to case; nil if there is none, or if
// the account itself is. An e-mail address counts with its part before the @ as well.
func Namesake(r api.Roster, userID string, names ...string) *api.Account {
	called := func(a *api.Account) bool {
		return a.Exists && slices.ContainsFunc(names, func(name string) bool {
			local, _, mail := strings.Cut(name, "@")
			return name != "" && strings.EqualFold(a.Name, name) || mail && local != "" && strings.EqualFold(a.Name, local)
		})
	}
	var other *api.Account
	for i := range r.Accounts {
		switch a := &r.Accounts[i]; {
		case !called(a):
		case a.ID == userID:
			return nil
		case other == nil:
			other = a
		}
	}
	return other
}

// Account returns the account with this id, or nil.
func Account(r api.Roster, userID string) *api.Account {
	i := slices.IndexFunc(r.Accounts, func(a api.Account) bool { return a.ID == userID })
	if i < 0 {
		return nil
	}
	return &r.Accounts[i]
}

// Provider returns the provider of that protocol and name, or nil.
func Provider(r api.Roster, protocol api.Protocol, name string) *api.Provider {
	i := slices.IndexFunc(r.Providers, func(p api.Provider) bool { return p.Protocol == protocol && p.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Providers[i]
}

// sorted orders identities in place, and never returns nil, so that JSON shows a list.
func sorted(ids []api.Identity) []api.Identity {
	if ids == nil {
		return []api.Identity{}
	}
	slices.SortFunc(ids, func(a, b api.Identity) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Name, b.Name))
	})
	return ids
}
