package wanted

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// The ways to match people with accounts. Another MatchOptions.By is a field that holds the account's name.
const (
	MatchName  = "name"  // by the user name
	MatchEmail = "email" // by the e-mail address up to its @
)

// MatchOptions say who gets which link.
type MatchOptions struct {
	By   string // MatchName, MatchEmail or a field; empty means MatchName
	Name string // the field that becomes the name; empty leaves it to the provider's rule
}

// Match wants a link at a provider for each person whose account can be told. Upper and lower case do not count. A person who
// matches nobody or two accounts gets a reason instead of a link.
//
// Errors: CodeUsage for a field that the list does not have.
func Match(p People, r api.Roster, provider api.Provider, o MatchOptions) (api.WantedSet, error) {
	at := provider.Ref()
	set := api.WantedSet{Source: api.SourcePeople, Label: p.Label, Format: p.Format, Scope: []api.ProviderRef{at}}
	claim := cmp.Or(provider.OIDC.Rule.Claim, provider.OIDC.Rule.Fallback)
	ruled := p.claimed(claim)
	field := cmp.Or(o.Name, ruled)
	by := map[string]string{"": p.Account, MatchName: p.Account, MatchEmail: p.Email}
	key, known := by[o.By]
	if !known {
		key = o.By
	}
	for _, f := range []struct{ field, called string }{{field, cmp.Or(o.Name, claim)}, {key, o.By}} {
		if f.field == "" || !p.has(f.field) {
			return api.WantedSet{}, p.without(cmp.Or(f.field, f.called))
		}
	}
	if field != ruled && claim != "" {
		set.Remarks = append(set.Remarks, api.Remark{
			Why: "people-other-claim", Params: map[string]string{"field": field, "claim": claim, "provider": provider.Name},
		})
	}
	set.Remarks = append(set.Remarks, p.doubts(field)...)
	accounts := map[string][]api.Account{}
	for _, a := range r.Accounts {
		if name := strings.ToLower(a.Name); a.Exists {
			accounts[name] = append(accounts[name], a)
		}
	}
	for _, x := range p.People {
		name := x.Fields[key]
		if o.By == MatchEmail {
			name, _, _ = strings.Cut(name, "@")
		}
		l := api.WantedLink{Line: x.Line, Identity: api.Identity{Protocol: at.Protocol, Provider: at.Provider, Name: x.Fields[field]}}
		params := map[string]string{"name": cmp.Or(name, x.Fields[p.Account]), "field": field}
		switch found := accounts[strings.ToLower(name)]; {
		case l.Name == "":
			l.Why, l.Params = "people-empty", params
		case len(found) == 0:
			l.Why, l.Params = "people-nobody", params
		case len(found) > 1:
			l.Why, l.Params = "people-two", params
		default:
			l.UserID, l.UserName = found[0].ID, found[0].Name
		}
		set.Links = append(set.Links, l)
	}
	number(set.Links)
	return set, nil
}

// claimed is the field that holds what a provider sends as a claim.
func (p *People) claimed(claim string) string {
	switch claim {
	case "":
		return ""
	case "sub":
		return p.Subject
	case "preferred_username":
		return p.Account
	case "email":
		return p.Email
	}
	return p.first(claim)
}

func (p *People) without(field string) error {
	return wrong("people-no-field", 0, map[string]string{"file": p.Label, "field": field, "fields": p.fields()})
}

// doubts is what the list cannot say of a field.
func (p *People) doubts(field string) []api.Remark {
	if p.Format != FormatAuthentik || field != p.Subject {
		return nil
	}
	return []api.Remark{{Why: "people-authentik", Params: map[string]string{"field": field}}}
}

// Rekey wants the links at a provider under new names: where a link's name is a person's field from, its account gets the field
// to. Empty means the user name and the subject. keep leaves the old names, as before a change of the plugin. With from and to
// exchanged it goes back. A link that is nobody's gets a reason. SAML names do not change with the plugin, and stay.
//
// Errors: CodeUsage for a field that the list does not have.
func Rekey(r api.Roster, at api.ProviderRef, p People, from, to string, keep bool) (api.WantedSet, error) {
	set := api.WantedSet{Source: api.SourcePeople, Label: p.Label, Format: p.Format, Scope: []api.ProviderRef{at}}
	if at.Protocol == api.SAML {
		set.Remarks = []api.Remark{{Why: "rekey-saml", Params: map[string]string{"provider": at.Provider}}}
		return set, nil
	}
	from, to = cmp.Or(from, p.Account), cmp.Or(to, p.Subject, "sub")
	for _, field := range []string{from, to} {
		if !p.has(field) {
			return api.WantedSet{}, p.without(field)
		}
	}
	set.Remarks = p.doubts(to)
	after := map[string][]string{}
	var done []string
	for _, x := range p.People {
		if before := x.Fields[from]; before != "" {
			after[before] = append(after[before], x.Fields[to])
			done = append(done, x.Fields[to])
		}
	}
	slices.Sort(done)
	line := 0
	each(r, at, func(a api.Account, id api.Identity) {
		line++
		next := id
		l := api.WantedLink{Line: line, Identity: next, UserID: a.ID, UserName: a.Name}
		names := after[id.Name]
		_, changed := slices.BinarySearch(done, id.Name)
		params := map[string]string{"name": id.Name, "field": to, "count": strconv.Itoa(len(names))}
		switch {
		case len(names) == 0 && changed: // it has its new name already
		case len(names) == 0:
			l.Why, l.Params = "rekey-nobody", params
		case len(names) > 1:
			l.Why, l.Params = "rekey-two", params
		case names[0] == "":
			l.Why, l.Params = "people-empty", params
		default:
			l.Name = names[0]
			if !keep && l.Name != id.Name {
				set.Links = append(set.Links, api.WantedLink{Line: line, Identity: id, UserID: a.ID, UserName: a.Name, Gone: true})
			}
		}
		set.Links = append(set.Links, l)
	})
	return set, nil
}
