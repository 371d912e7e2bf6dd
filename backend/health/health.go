// Package health finds what is wrong with a server's links: who can get in that should not, who cannot get in any more, and
// what is worth tidying. It works on a roster alone, and says of each finding what mends it.
package health

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// Check returns what it finds, the worst first. It finds nothing in a roster that shows only the credential's own account.
func Check(r api.Roster, c api.Capabilities) []api.Finding {
	if r.Own {
		return nil
	}
	k := newChecker(r, c)
	var found []api.Finding
	for _, look := range []func() []api.Finding{
		k.atRisk, k.lockedOut, k.foreignKeys, k.oneWay, k.twice, k.providers, k.disabled, k.orphans, k.unaddressable, k.unused,
	} {
		found = append(found, look()...)
	}
	slices.SortStableFunc(found, func(a, b api.Finding) int {
		return cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity))
	})
	return found
}

var severities = []api.Severity{api.SeverityDanger, api.SeverityLocked, api.SeverityWarning, api.SeverityNotice}

// checker holds the roster's indexes.
type checker struct {
	roster api.Roster
	can    api.Capabilities
	known  map[api.ProviderRef]*api.Provider
	names  map[string]bool // of accounts, as roster.Form has them
	told   bool            // the server tells when identities signed in
}

func newChecker(r api.Roster, c api.Capabilities) *checker {
	k := &checker{roster: r, can: c, known: make(map[api.ProviderRef]*api.Provider), names: make(map[string]bool, len(r.Accounts))}
	for i := range r.Providers {
		k.known[r.Providers[i].Ref()] = &r.Providers[i]
	}
	for _, a := range r.Accounts {
		if a.Exists {
			k.names[roster.Form(a.Name)] = true
		}
		k.told = k.told || len(a.Uses) > 0
	}
	return k
}

// works reports whether somebody can sign in with an identity, as far as its provider goes.
func (k *checker) works(id api.Identity) bool {
	p := k.known[id.Ref()]
	return p != nil && !p.SwitchedOff()
}

// ways counts the ways into an account.
func (k *checker) ways(a api.Account) int {
	n := 0
	for _, id := range a.Identities {
		if k.works(id) {
			n++
		}
	}
	if k.can.PasswordOpens(a.User) {
		n++
	}
	return n
}

// finding collects the links and accounts of one finding.
type finding struct {
	api.Finding
	names []string
}

func newFinding(why api.Why, kind api.FindingKind, severity api.Severity, action api.FindingAction) *finding {
	return &finding{Finding: api.Finding{Kind: kind, Severity: severity, Action: action, Why: why}}
}

// account adds an account, with the links that the finding is about. The calls for one account follow each other.
func (f *finding) account(a api.Account, ids ...api.Identity) {
	if n := len(f.Accounts); n == 0 || f.Accounts[n-1] != a.ID {
		f.Accounts = append(f.Accounts, a.ID)
		f.names = append(f.names, cmp.Or(a.Name, a.ID))
	}
	for _, id := range ids {
		f.Links = append(f.Links, api.Link{Identity: id, UserID: a.ID})
	}
}

// all returns the finding with the facts of its sentence, or nothing where it has no account.
func (f *finding) all() []api.Finding {
	if len(f.Accounts) == 0 {
		return nil
	}
	f.Params = map[string]string{
		"n": strconv.Itoa(len(f.Accounts)), "links": strconv.Itoa(len(f.Links)), "accounts": api.SomeNames(f.names), "provider": "",
	}
	if f.Provider != nil {
		f.Params["provider"] = f.Provider.Provider
	}
	return []api.Finding{f.Finding}
}

// each returns a finding for each provider that collect names, in the order of the roster.
func (k *checker) each(
	begin func(api.ProviderRef) *finding, collect func(api.Account, func(api.ProviderRef) *finding),
) (found []api.Finding) {
	by := map[api.ProviderRef]*finding{}
	var order []api.ProviderRef
	for _, a := range k.roster.Accounts {
		collect(a, func(at api.ProviderRef) *finding {
			if by[at] == nil {
				by[at] = begin(at)
				by[at].Provider = &at
				order = append(order, at)
			}
			return by[at]
		})
	}
	for _, at := range order {
		found = append(found, by[at].all()...)
	}
	return found
}

// atRisk finds accounts whose name is free at a provider that lets unlinked identities in: administrators come first.
func (k *checker) atRisk() []api.Finding {
	ranked := *k
	ranked.roster.Accounts = slices.Clone(k.roster.Accounts)
	slices.SortStableFunc(ranked.roster.Accounts, func(a, b api.Account) int { return rank(a) - rank(b) })
	return ranked.each(func(at api.ProviderRef) *finding {
		action := api.ActionLink
		if p := k.known[at]; p.Protocol == api.OIDC && p.OIDC.Rule.Claim == "sub" {
			action = "" // the account's name is no subject
		}
		return newFinding("finding-at-risk", api.FindingAtRisk, api.SeverityDanger, action)
	}, func(a api.Account, at func(api.ProviderRef) *finding) {
		for _, id := range a.Gaps {
			if a.AtRisk {
				at(id.Ref()).account(a, id)
			}
		}
	})
}

func rank(a api.Account) int {
	if a.Administrator {
		return 0
	}
	return 1
}

// lockedOut finds accounts that nobody can sign in to.
func (k *checker) lockedOut() []api.Finding {
	f := newFinding("finding-locked-out", api.FindingLockedOut, api.SeverityLocked, api.ActionUnregister)
	for _, a := range k.roster.Accounts {
		if a.Exists && !a.Disabled && k.ways(a) == 0 && !k.adopted(a) {
			f.account(a)
		}
	}
	return f.all()
}

// adopted reports whether an identity of the account's name would be let in without a link.
func (k *checker) adopted(a api.Account) bool {
	return slices.ContainsFunc(k.roster.Providers, func(p api.Provider) bool { return p.Adopts(a.User) })
}

// oneWay finds the only administrator who can get in, if there is one way only.
func (k *checker) oneWay() []api.Finding {
	f := newFinding("finding-one-way", api.FindingOneWay, api.SeverityWarning, "")
	var can []api.Account
	for _, a := range k.roster.Accounts {
		if a.Exists && a.Administrator && !a.Disabled && k.ways(a) > 0 {
			can = append(can, a)
		}
	}
	if len(can) == 1 && k.ways(can[0]) == 1 {
		f.account(can[0], can[0].Identities...)
	}
	return f.all()
}

// foreignKeys finds names that look like the ones of another plugin or claim, where identities are known by their subject:
// the name is an account's or an e-mail address, and nobody has signed in with it. SAML names are the same everywhere.
func (k *checker) foreignKeys() []api.Finding {
	if k.can.Rekeys {
		return nil
	}
	return k.each(func(api.ProviderRef) *finding {
		f := newFinding("finding-foreign-key", api.FindingForeignKey, api.SeverityLocked, api.ActionRekey)
		f.Guess = true
		return f
	}, func(a api.Account, at func(api.ProviderRef) *finding) {
		for _, id := range a.Identities {
			if k.foreign(a, id) {
				at(id.Ref()).account(a, id)
			}
		}
	})
}

func (k *checker) foreign(a api.Account, id api.Identity) bool {
	p := k.known[id.Ref()]
	if p == nil || !p.Known || p.AutoAdopt {
		return false
	}
	return id.Protocol == api.OIDC && cmp.Or(p.OIDC.Rule.Claim, p.OIDC.Rule.Fallback) == "sub" &&
		(k.names[roster.Form(id.Name)] || strings.Contains(id.Name, "@")) && a.LastUse(id).IsZero()
}

// twice finds accounts that are probably the same person's: their names differ by case, blanks or a domain, and one of them
// was never used.
func (k *checker) twice() (found []api.Finding) {
	by := map[string][]api.Account{}
	var order []string
	for _, a := range k.roster.Accounts {
		form := roster.Form(a.Name)
		if !a.Exists || form == "" {
			continue
		}
		if by[form] == nil {
			order = append(order, form)
		}
		by[form] = append(by[form], a)
	}
	for _, form := range order {
		same := by[form]
		fresh := func(a api.Account) bool { return a.LastActivity.IsZero() }
		if len(same) < 2 || len(same) > 3 || !slices.ContainsFunc(same, fresh) {
			continue
		}
		slices.SortStableFunc(same, func(a, b api.Account) int { return b.LastActivity.Compare(a.LastActivity) })
		f := newFinding("finding-twice", api.FindingTwice, api.SeverityWarning, api.ActionMerge)
		f.Guess = true
		for i, a := range same {
			if i == 0 {
				f.account(a)
			} else {
				f.account(a, a.Identities...)
			}
		}
		if len(f.Links) == 0 {
			f.Action = "" // there is nothing to move
		}
		found = append(found, f.all()...)
	}
	return found
}

// providers finds links at providers that are switched off or gone.
func (k *checker) providers() []api.Finding {
	return k.each(func(at api.ProviderRef) *finding {
		if k.known[at] == nil {
			return newFinding("finding-provider-gone", api.FindingProviderGone, api.SeverityNotice, api.ActionRemove)
		}
		return newFinding("finding-provider-off", api.FindingProviderOff, api.SeverityNotice, api.ActionRemove)
	}, func(a api.Account, at func(api.ProviderRef) *finding) {
		for _, id := range a.Identities {
			if a.Exists && !k.works(id) {
				at(id.Ref()).account(a, id)
			}
		}
	})
}

// disabled finds links of disabled accounts.
func (k *checker) disabled() []api.Finding {
	f := newFinding("finding-disabled", api.FindingDisabled, api.SeverityNotice, api.ActionRemove)
	for _, a := range k.roster.Accounts {
		if a.Exists && a.Disabled && len(a.Identities) > 0 {
			f.account(a, a.Identities...)
		}
	}
	return f.all()
}

// orphans finds links of accounts that were deleted.
func (k *checker) orphans() []api.Finding {
	f := newFinding("finding-orphan", api.FindingOrphan, api.SeverityNotice, api.ActionRemove)
	for _, a := range k.roster.Accounts {
		if !a.Exists {
			f.account(a, a.Identities...)
		}
	}
	return f.all()
}

// unaddressable finds links that the plugin's route cannot remove one by one, where there is no other way.
func (k *checker) unaddressable() []api.Finding {
	f := newFinding("finding-unaddressable", api.FindingUnaddressed, api.SeverityNotice, "")
	for _, a := range k.roster.Accounts {
		for _, id := range a.Identities {
			if !k.can.WriteConfig.OK && !api.Addressable(id.Name) {
				f.account(a, id)
			}
		}
	}
	return f.all()
}

// unusedAfter is how long an account must have been in use for a link that never signed in to count.
const unusedAfter = 30 * 24 * time.Hour

// unused finds links that nobody has signed in with, where the server tells: of accounts that are used otherwise.
func (k *checker) unused() []api.Finding {
	f := newFinding("finding-unused", api.FindingUnused, api.SeverityNotice, "")
	for _, a := range k.roster.Accounts {
		if !k.told || !a.Exists || a.Disabled || k.roster.Taken.Sub(a.LastActivity) > unusedAfter {
			continue
		}
		for _, id := range a.Identities {
			if a.LastUse(id).IsZero() && k.works(id) && !k.foreign(a, id) {
				f.account(a, id)
			}
		}
	}
	return f.all()
}

// Mend returns the links that mend a finding, to be planned and carried out.
//
// Errors: CodeUnsupported for what only a person can do.
func Mend(f api.Finding, r api.Roster) (api.WantedSet, error) {
	set := api.WantedSet{Source: api.SourceFinding, Label: string(f.Kind)}
	if f.Action != api.ActionRemove && f.Action != api.ActionLink && f.Action != api.ActionMerge {
		return set, &api.Error{Code: api.CodeUnsupported, Why: "finding-by-hand"}
	}
	names := make(map[string]string, len(r.Accounts))
	for _, a := range r.Accounts {
		names[a.ID] = a.Name
	}
	for i, l := range f.Links {
		w := api.WantedLink{Line: i + 1, Identity: l.Identity, UserID: l.UserID, UserName: names[l.UserID]}
		w.Gone = f.Action == api.ActionRemove
		if f.Action == api.ActionMerge { // the first account is the one in use
			w.UserID, w.UserName = f.Accounts[0], names[f.Accounts[0]]
		}
		set.Links = append(set.Links, w)
	}
	return set, nil
}
