package link

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// decide says what becomes of a line, from today's links.
func (p *setPlanner) decide(i int) {
	switch l := &p.lines[i]; {
	case l.Action == api.SetRefuse:
	case l.leads != none:
		p.decideFollower(i)
	case l.Gone:
		p.decideRemoval(i)
	default:
		p.decideLink(i)
	}
}

// decideFollower is for a line about an identity of which another line says what becomes of it.
func (p *setPlanner) decideFollower(i int) {
	l := &p.lines[i]
	leader := &p.lines[l.leads]
	l.Action = api.SetSame
	at := map[string]string{"line": strconv.Itoa(leader.Line)}
	switch double := l.Gone == leader.Gone; {
	case double && leader.Line != 0:
		l.remark("set-same-line", at)
	case double:
		l.remark("set-same-other", nil)
	case leader.Line != 0 && leader.Line != l.Line:
		l.remark("set-merged-line", at)
	default:
		l.remark("set-merged-other", nil)
	}
}

// decideLink is for a line that wants a link.
func (p *setPlanner) decideLink(i int) {
	l := &p.lines[i]
	owner := p.owner(l.Identity)
	if owner == l.account {
		l.Action = api.SetSame
		p.remarkLink(l)
		return
	}
	_, write := p.can.DirectWrite()
	for _, able := range []api.Ability{p.atProvider(l.Identity), nameable(l.Name), write} {
		if able.OK {
			continue
		}
		p.refuse(i, able.Why, able.Params)
		if able.Why == whyNoProvider {
			l.Closest = p.closestProviders(l.Provider)
		}
		return
	}
	if l.Action = api.SetAdd; owner != none {
		p.decideMove(i, owner)
	}
	p.remarkLink(l)
}

// decideMove is for a line that wants a link of which another account has the identity.
func (p *setPlanner) decideMove(i, owner int) {
	l := &p.lines[i]
	a := &p.roster.Accounts[owner]
	l.Action, l.from, l.FromID, l.FromName = api.SetMove, owner, a.ID, a.Name
	if !l.freed && !p.options.Move {
		p.refuse(i, "link-owned", map[string]string{
			"name": l.Name, "provider": l.Provider, "owner": p.nameAt(owner), "account": l.UserName,
		})
		return
	}
	p.takeAway(i, p.can.MoveFrom(p.selfID, a.ID, l.Name))
}

// decideRemoval is for a line that wants a link gone.
func (p *setPlanner) decideRemoval(i int) {
	l := &p.lines[i]
	owner := p.owner(l.Identity)
	switch {
	case owner == none:
		l.Action = api.SetSame
		l.remark("set-gone-already", nil)
		return
	case l.account != owner:
		l.Action = api.SetSame
		l.remark("set-gone-elsewhere", map[string]string{"name": l.Name, "owner": p.nameAt(owner)})
		return
	}
	l.Action, l.from = api.SetRemove, owner
	p.takeAway(i, p.removable(l.Link))
	if l.Action == api.SetRemove && p.takesBack(l) {
		l.remark("set-takes-back", map[string]string{"name": l.Name, "account": l.UserName})
	}
}

// removable tells whether a link can be removed by itself.
func (p *setPlanner) removable(link api.Link) api.Ability {
	able := p.can.RemoveLink(p.selfID, link.UserID, link.Name)
	if !able.OK || p.can.WriteConfig.OK {
		return able
	}
	return p.atProvider(link.Identity)
}

// takeAway refuses a line that takes a link from an account, or lets it go by Unregister, if the link cannot be removed by
// itself. Unregister drops all links of the account, so that the other ones must be such as can be written again.
func (p *setPlanner) takeAway(i int, able api.Ability) {
	l := &p.lines[i]
	if able.OK {
		return
	}
	a := &p.roster.Accounts[l.from]
	named := map[string]string{"name": l.Name, "account": a.Name}
	switch {
	case !a.Exists || !p.can.RebuildLinks(p.selfID, a.ID):
		p.refuse(i, able.Why, able.Params)
	case slices.ContainsFunc(a.Identities, func(id api.Identity) bool { return id != l.Identity && !p.atProvider(id).OK }):
		p.refuse(i, "set-rebuild-off", named)
	case !p.options.ViaUnregister:
		p.refuse(i, "set-via-unregister", named)
	default:
		l.ViaUnregister = true
	}
}

// takesBack reports whether the identity opens the account again after its link is removed.
func (p *setPlanner) takesBack(l *setLine) bool {
	a, provider := &p.roster.Accounts[l.from], p.providers[l.Identity.Ref()]
	adopts := p.can.Adopts
	if provider != nil && provider.Known {
		adopts = provider.Enabled && (adopts || provider.AutoAdopt) && !(provider.SparesAdministrators && a.Administrator)
	}
	return a.TakesBack(adopts, []api.Identity{l.Identity})
}

// remarkLink adds what a person should know of a link that is there or will be.
func (p *setPlanner) remarkLink(l *setLine) {
	if p.roster.Accounts[l.account].Disabled {
		l.remark("warn-disabled", nil)
	}
	if provider := p.providers[l.Identity.Ref()]; provider != nil && provider.SwitchedOff() {
		l.remark("warn-switched-off", nil)
	}
	if l.Action == api.SetSame {
		return
	}
	switch {
	case strings.TrimSpace(l.Name) != l.Name:
		l.remark(api.WhyBlank, nil)
	case strings.ContainsAny(l.Name, "\t\r\n"):
		l.remark("set-name-lines", nil)
	}
	if able := p.can.RemoveLink(p.selfID, l.UserID, l.Name); able.Why == "name-in-path" {
		l.remark("set-unaddressable", map[string]string{"name": l.Name})
	}
}

const whyNoProvider api.Why = "provider-not-found"

// atProvider tells whether links can be written and removed at the provider of an identity.
func (p *setPlanner) atProvider(id api.Identity) api.Ability {
	provider := p.providers[id.Ref()]
	named := map[string]string{"provider": id.Provider}
	switch {
	case provider == nil && id.Provider == "":
		return api.Ability{Why: "set-no-provider"}
	case provider == nil:
		return api.Ability{Why: whyNoProvider, Params: named}
	case p.can.EnabledOnly && provider.SwitchedOff():
		return api.Ability{Why: "provider-disabled", Params: named}
	case !p.can.WriteConfig.OK && !api.Addressable(id.Provider):
		return api.Ability{Why: "provider-in-path", Params: named}
	}
	return api.Ability{OK: true}
}

func (p *setPlanner) closestProviders(name string) []string {
	var names []string
	for i := range p.roster.Providers {
		names = append(names, p.roster.Providers[i].Name)
	}
	return slices.Compact(roster.NewNames(names).Closest(name))
}

// mostName is how long a canonical name can be, in bytes. DELETE holds it in its address, percent-encoded to three times that,
// and a server reads addresses of at most 8 KiB.
const mostName = 2000

// nameable tells whether a server can hold a canonical name. The plugin stores names in XML, which has no control characters
// but tab and line breaks (XML 1.0, section 2.2).
func nameable(name string) api.Ability {
	control := func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	}
	switch {
	case name == "" || !utf8.ValidString(name):
		return api.Ability{Why: "name-empty"}
	case len(name) > mostName:
		return api.Ability{Why: "set-name-long", Params: map[string]string{
			"n": strconv.Itoa(len(name)), "most": strconv.Itoa(mostName),
		}}
	case strings.ContainsFunc(name, control):
		return api.Ability{Why: "set-name-control", Params: map[string]string{"name": name}}
	}
	return api.Ability{OK: true}
}

// settle refuses what must not be done alone: lines of which another part is refused, and losses that would shut an account
// out. Each refusal may bring others with it, until there is none.
func (p *setPlanner) settle() {
	p.tally = make([]setTally, len(p.roster.Accounts))
	for at := range p.roster.Accounts {
		t := &p.tally[at]
		for _, id := range p.roster.Accounts[at].Identities {
			t.add(1, p.usable(id))
		}
		t.before, t.kept = t.usable, t.links
	}
	var refused, losing []int
	for i := range p.lines {
		l := &p.lines[i]
		switch {
		case l.changes():
			p.count(i, 1)
			if l.from != none {
				p.tally[l.from].losers = append(p.tally[l.from].losers, i)
				losing = append(losing, l.from)
			}
		case l.Action == api.SetRefuse && !l.left:
			refused = append(refused, i)
		}
	}
	for _, i := range refused {
		losing = append(losing, p.spread(i)...)
	}
	for len(losing) > 0 {
		at := losing[len(losing)-1]
		losing = losing[:len(losing)-1]
		if p.options.LastWay || !p.shutOut(at) {
			continue
		}
		why := api.Why("set-shut-out")
		if p.roster.Accounts[at].Administrator {
			why = "set-last-way"
		}
		for _, i := range p.tally[at].losers {
			losing = append(losing, p.withdraw(i, why, map[string]string{"account": p.nameAt(at)})...)
		}
	}
}

// count adds what a line does to the accounts' tallies, or takes it off again.
func (p *setPlanner) count(i, sign int) {
	l := &p.lines[i]
	usable := p.usable(l.Identity)
	if l.from != none {
		p.tally[l.from].add(-sign, usable)
		p.tally[l.from].kept -= sign
	}
	if l.Action != api.SetRemove {
		p.tally[l.account].add(sign, usable)
	}
}

func (t *setTally) add(n int, usable bool) {
	t.links += n
	if usable {
		t.usable += n
	}
}

// withdraw refuses a line that was to be carried out, and what must not be done without it. It returns the accounts that do not
// gain what they would have.
func (p *setPlanner) withdraw(i int, why api.Why, params map[string]string) []int {
	l := &p.lines[i]
	if l.Action == api.SetRefuse || l.left {
		return nil
	}
	var missing []int
	if l.changes() {
		p.count(i, -1)
		missing = append(missing, l.account)
	}
	p.refuse(i, why, params)
	return append(missing, p.spread(i)...)
}

// spread withdraws what must not be done without a line that is refused.
func (p *setPlanner) spread(i int) []int {
	var missing []int
	half := func(k int) {
		if k == i {
			return
		}
		if line := p.lines[i].Line; line != 0 && line != p.lines[k].Line {
			missing = append(missing, p.withdraw(k, "set-half-line", map[string]string{"line": strconv.Itoa(line)})...)
		} else {
			missing = append(missing, p.withdraw(k, "set-half", nil)...)
		}
	}
	for _, k := range p.byLine[p.lines[i].Line] {
		half(k)
	}
	for _, k := range p.followers[i] {
		half(k)
	}
	// A move that needs the removal which was withdrawn.
	if leader := p.lines[i].leads; leader != none && p.lines[i].Gone && p.lines[leader].Action == api.SetMove {
		half(leader)
	}
	return missing
}

// shutOut reports whether a plan takes the last way into an account: it loses links, no other one at a provider that is
// switched on is left, and it takes no password. A disabled account has no way in that could be taken.
func (p *setPlanner) shutOut(at int) bool {
	a, t := &p.roster.Accounts[at], &p.tally[at]
	loses := slices.ContainsFunc(t.losers, func(i int) bool { return p.lines[i].changes() })
	if !loses || !a.Exists || a.Disabled || p.can.PasswordOpens(a.User) {
		return false
	}
	return t.usable == 0 && (t.before > 0 || t.links == 0)
}

// remarks are what the whole plan does to accounts, apart from the links.
func (p *setPlanner) remarks() []api.Remark {
	var bare []api.Account
	var shutOut, rebuilt, back []string
	removed := map[string][]api.Identity{}
	seen := map[int]bool{}
	for i := range p.lines {
		l := &p.lines[i]
		if !l.changes() || l.from == none {
			continue
		}
		if l.Action == api.SetRemove && p.takesBack(l) {
			back = append(back, l.UserName)
		}
		if l.ViaUnregister {
			rebuilt = append(rebuilt, p.nameAt(l.from))
		}
		if seen[l.from] {
			continue
		}
		seen[l.from] = true
		a := p.roster.Accounts[l.from]
		if p.tally[l.from].links == 0 {
			bare, removed[a.ID] = append(bare, a), a.Identities
		}
		if p.shutOut(l.from) && !(p.can.PasswordsOff.On && p.tally[l.from].links == 0) {
			shutOut = append(shutOut, cmp.Or(a.Name, a.ID))
		}
	}
	list := p.can.RemovalRemarks(bare, removed, p.self)
	for _, r := range []struct {
		why      api.Why
		accounts []string
	}{{"set-shuts-out", shutOut}, {"set-unregisters", rebuilt}, {"set-take-back", back}} {
		if accounts := slices.Compact(r.accounts); len(accounts) > 0 {
			list = append(list, api.Remark{Why: r.why, Params: map[string]string{"accounts": api.SomeNames(accounts)}})
		}
	}
	return list
}
