package link

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/roster"
)

// SetFacts is what the plan of a set is made from, apart from the roster.
type SetFacts struct {
	Capabilities api.Capabilities
	// Self is the account that the access token belongs to; nil for an API key.
	Self *api.User
}

// PlanSet compares the wanted links with the roster and says what becomes of each. It asks nobody and changes nothing.
//
// What counts is the set as a whole: an identity that one line takes away and another one wants moves, in a ring of accounts
// too, and needs no SetOptions.Move, because the set itself says that it goes. First each line is looked at by itself, then
// against the others, then against today's links. At last, accounts that would be shut out keep their links. A line that is
// refused takes others with it: its other half (WantedLink.Line), and a removal whose identity it wanted.
//
// Lines of SetOptions.Without are shown as if each were alone in the set, and count for nothing. An identity that any line
// names, refused and left out ones included, is not pruned.
func PlanSet(r api.Roster, w api.WantedSet, o api.SetOptions, f SetFacts) api.SetPlan {
	p := newSetPlanner(r, w, o, f)
	p.readLines()
	p.join()
	for i := range p.lines {
		p.decide(i)
	}
	if o.Prune {
		p.prune()
	}
	p.settle()
	return p.plan()
}

// setPlanner holds the roster's indexes and the lines of a plan in the making.
type setPlanner struct {
	roster   api.Roster
	wanted   api.WantedSet
	options  api.SetOptions
	can      api.Capabilities
	self     *api.User
	selfID   string
	accounts setAccounts
	// owners are the accounts that have an identity, by their place in the roster.
	owners    map[api.Identity]int
	providers map[api.ProviderRef]*api.Provider
	lines     []setLine
	byLine    map[int][]int // places of the lines that share a WantedLink.Line
	followers map[int][]int // places of the lines that follow another one
	tally     []setTally    // of each account
}

// setLine is a line of the plan and what it depends on.
type setLine struct {
	api.SetLine
	wanted *api.WantedLink // nil for what Prune removes
	// account and from are places in the roster of the accounts that gain and lose the link, none if there is none.
	account, from int
	left          bool // the person leaves it out
	// leads is the place of the line that says what becomes of the identity, none if this one does.
	leads int
	freed bool // another line takes the identity from its owner
}

// setTally counts the links that an account will have.
type setTally struct {
	links, usable int   // usable: at a provider that is there and switched on
	before        int   // usable ones today
	kept          int   // links of today that stay
	losers        []int // places of the lines that take links
}

const none = -1

func newSetPlanner(r api.Roster, w api.WantedSet, o api.SetOptions, f SetFacts) *setPlanner {
	p := &setPlanner{
		roster: r, wanted: w, options: o, can: f.Capabilities, self: f.Self, accounts: indexAccounts(r),
		owners: make(map[api.Identity]int), providers: make(map[api.ProviderRef]*api.Provider, len(r.Providers)),
		lines: make([]setLine, 0, len(w.Links)), byLine: make(map[int][]int), followers: make(map[int][]int),
	}
	if f.Self != nil {
		p.selfID = f.Self.ID
	}
	for i := range r.Accounts {
		for _, id := range r.Accounts[i].Identities {
			p.owners[id] = i
		}
	}
	for i := range r.Providers {
		p.providers[r.Providers[i].Ref()] = &r.Providers[i]
	}
	return p
}

// usable reports whether a link of this identity opens an account, as far as the provider goes.
func (p *setPlanner) usable(id api.Identity) bool {
	provider := p.providers[id.Ref()]
	return provider != nil && !provider.SwitchedOff()
}

func (p *setPlanner) owner(id api.Identity) int {
	if i, ok := p.owners[id]; ok {
		return i
	}
	return none
}

// nameAt is what an account is called: an orphan has only an id.
func (p *setPlanner) nameAt(account int) string {
	a := &p.roster.Accounts[account]
	return cmp.Or(a.Name, a.ID)
}

// refuse says that a line cannot be carried out. The first reason stays.
func (p *setPlanner) refuse(i int, why api.Why, params map[string]string) {
	l := &p.lines[i]
	if l.Action == api.SetRefuse {
		return
	}
	l.Action, l.Why, l.Params, l.ViaUnregister, l.Remarks = api.SetRefuse, why, params, false, nil
	if l.wanted != nil {
		l.Remarks = slices.Clone(l.wanted.Remarks)
	}
}

func (l *setLine) remark(why api.Why, params map[string]string) {
	l.Remarks = append(l.Remarks, api.Remark{Why: why, Params: params})
}

// readLines looks at each line by itself: whose account it means.
func (p *setPlanner) readLines() {
	without := make(map[int]bool, len(p.options.Without))
	for _, n := range p.options.Without {
		without[n] = n != 0
	}
	for i := range p.wanted.Links {
		w := &p.wanted.Links[i]
		l := setLine{wanted: w, account: none, from: none, leads: none, left: without[w.Line]}
		l.Line, l.Gone, l.Link = w.Line, w.Gone, api.Link{Identity: w.Identity}
		l.UserName, l.Remarks, l.Undoes = w.UserName, slices.Clone(w.Remarks), w.Undoes
		p.lines = append(p.lines, l)
		if w.Line != 0 {
			p.byLine[w.Line] = append(p.byLine[w.Line], i)
		}
		if w.Why != "" {
			p.refuse(i, w.Why, w.Params)
			continue
		}
		p.findAccount(i)
	}
}

// findAccount sets the account that a line means, or refuses the line.
func (p *setPlanner) findAccount(i int) {
	l := &p.lines[i]
	owner := p.owner(l.Identity)
	switch id, name := l.wanted.UserID, l.wanted.UserName; {
	case l.Gone && id == "" && name == "", l.Gone && owner != none && jellyfin.UserID(id) == p.roster.Accounts[owner].ID:
		l.account = owner
	default:
		account, found := p.accounts.find(id, name)
		switch {
		case found.OK:
			l.account = account
		case l.Gone && owner == none: // an account that is not there has no link to lose
		default:
			p.refuse(i, found.Why, found.Params)
			if found.Why == whyNoAccount {
				l.Closest = p.accounts.closest(name)
			}
		}
	}
	if l.account == none {
		return
	}
	a := &p.roster.Accounts[l.account]
	l.UserID, l.UserName = a.ID, a.Name
	if !a.Exists && !l.Gone && owner != l.account {
		p.refuse(i, "set-orphan", map[string]string{"account": cmp.Or(l.wanted.UserName, a.ID)})
	}
}

// join finds the lines about the same identity, and which one of them says what becomes of it.
func (p *setPlanner) join() {
	wanted, gone := map[api.Identity][]int{}, map[api.Identity]int{}
	for i := range p.lines {
		l := &p.lines[i]
		if !l.left && !l.Gone {
			wanted[l.Identity] = append(wanted[l.Identity], i)
		}
	}
	for i := range p.lines {
		l := &p.lines[i]
		if l.left {
			continue
		}
		if !l.Gone {
			if same := wanted[l.Identity]; same[0] == i && len(same) > 1 {
				p.joinDoubles(same)
			}
			continue
		}
		owner := p.owner(l.Identity)
		if owner == none || l.account != owner {
			continue // it is gone already
		}
		if same := wanted[l.Identity]; len(same) > 0 {
			p.follow(i, same[0])
			for _, k := range same {
				p.lines[k].freed = true
			}
		} else if first, twice := gone[l.Identity]; twice {
			p.follow(i, first)
		} else {
			gone[l.Identity] = i
		}
	}
}

// joinDoubles refuses lines that want one identity for several accounts, and lets the first one of those for the same account
// lead the others.
func (p *setPlanner) joinDoubles(same []int) {
	known := slices.DeleteFunc(slices.Clone(same), func(i int) bool { return p.lines[i].account == none })
	if len(known) < 2 {
		return
	}
	first := known[0]
	if !slices.ContainsFunc(known, func(i int) bool { return p.lines[i].account != p.lines[first].account }) {
		for _, i := range known[1:] {
			p.follow(i, first)
		}
		return
	}
	for _, i := range known {
		other := first
		if p.lines[first].account == p.lines[i].account {
			other = known[slices.IndexFunc(known, func(k int) bool { return p.lines[k].account != p.lines[i].account })]
		}
		params := map[string]string{"name": p.lines[i].Name, "other": p.nameAt(p.lines[other].account)}
		if line := p.lines[other].Line; line != 0 {
			params["line"] = strconv.Itoa(line)
			p.refuse(i, "set-double", params)
		} else {
			p.refuse(i, "set-double-other", params)
		}
	}
}

// follow lets a line lead another one.
func (p *setPlanner) follow(i, leader int) {
	p.lines[i].leads = leader
	p.followers[leader] = append(p.followers[leader], i)
}

// prune removes what no line names, at the providers of the set's scope.
func (p *setPlanner) prune() {
	scope := make(map[api.ProviderRef]bool, len(p.wanted.Scope))
	for _, ref := range p.wanted.Scope {
		scope[ref] = true
	}
	named := make(map[api.Identity]bool, len(p.wanted.Links))
	for i := range p.wanted.Links {
		named[p.wanted.Links[i].Identity] = true
	}
	var pruned []setLine
	for at := range p.roster.Accounts {
		a := &p.roster.Accounts[at]
		for _, id := range a.Identities {
			if scope[id.Ref()] && !named[id] {
				l := setLine{account: at, from: none, leads: none}
				l.Gone, l.Link, l.UserName = true, api.Link{Identity: id, UserID: a.ID}, a.Name
				pruned = append(pruned, l)
			}
		}
	}
	slices.SortFunc(pruned, func(a, b setLine) int {
		return cmp.Or(
			cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Provider, b.Provider),
			cmp.Compare(strings.ToLower(a.UserName), strings.ToLower(b.UserName)), cmp.Compare(a.UserID, b.UserID),
			cmp.Compare(a.Name, b.Name),
		)
	})
	first := len(p.lines)
	p.lines = append(p.lines, pruned...)
	for i := first; i < len(p.lines); i++ {
		p.decide(i)
	}
}

// plan counts the lines and sums up.
func (p *setPlanner) plan() api.SetPlan {
	plan := api.SetPlan{
		Source: p.wanted.Source, Label: p.wanted.Label, Format: p.wanted.Format, Undoes: p.wanted.Undoes,
		Lines: make([]api.SetLine, 0, len(p.lines)), Able: api.Ability{OK: true}, Remarks: slices.Clone(p.wanted.Remarks),
	}
	if method, able := p.can.DirectWrite(); able.OK {
		plan.Write = method
	}
	for i := range p.lines {
		l := &p.lines[i]
		l.Skipped = l.left || l.Action == api.SetRefuse && p.options.LeaveOut
		plan.Counts.Count(l.SetLine)
		plan.Lines = append(plan.Lines, l.SetLine)
	}
	switch {
	case slices.ContainsFunc(p.roster.Accounts, func(a api.Account) bool { return a.Unread }):
		plan.Able = api.Ability{Why: "set-unread"}
	case plan.Counts.Refused > 0:
		plan.Able = api.Ability{Why: "set-refused", Params: map[string]string{"n": strconv.Itoa(plan.Counts.Refused)}}
	}
	plan.Writes = p.writes()
	plan.Remarks = append(plan.Remarks, p.remarks()...)
	return plan
}

// writes is how many requests the plan needs at least.
func (p *setPlanner) writes() int {
	n := 0
	written, rebuilt := map[api.ProviderRef]bool{}, map[int]bool{}
	for i := range p.lines {
		l := &p.lines[i]
		switch {
		case !l.changes():
		case p.can.WriteConfig.OK:
			written[l.Identity.Ref()] = true
		case l.ViaUnregister:
			if !rebuilt[l.from] { // one Unregister, then its other links again
				rebuilt[l.from] = true
				n += 1 + p.tally[l.from].kept
			}
			if l.Action == api.SetMove {
				n++
			}
		case l.Action == api.SetMove:
			n += 2
		default:
			n++
		}
	}
	return n + len(written)
}

// changes reports whether a line changes a link.
func (l *setLine) changes() bool {
	return !l.left && (l.Action == api.SetAdd || l.Action == api.SetMove || l.Action == api.SetRemove)
}

// setAccounts finds accounts by id and name.
type setAccounts struct {
	roster api.Roster
	byID   map[string]int
	byName map[string]int // exactly
	byFold map[string][]int
	names  *roster.Names // made when the first name is not found
	asked  map[string][]string
}

func indexAccounts(r api.Roster) setAccounts {
	x := setAccounts{
		roster: r, byID: make(map[string]int, len(r.Accounts)), byName: make(map[string]int, len(r.Accounts)),
		byFold: make(map[string][]int, len(r.Accounts)), asked: map[string][]string{},
	}
	for i := range r.Accounts {
		a := &r.Accounts[i]
		x.byID[a.ID] = i
		if a.Exists {
			x.byName[a.Name] = i
			fold := strings.ToLower(a.Name)
			x.byFold[fold] = append(x.byFold[fold], i)
		}
	}
	return x
}

// whyNoAccount is a reason that closest names help with.
const whyNoAccount api.Why = "no-account"

// find returns the place of the account with this id and name, or why there is none.
func (x *setAccounts) find(id, name string) (int, api.Ability) {
	byID, byName := none, none
	if id != "" {
		if i, ok := x.byID[jellyfin.UserID(id)]; ok {
			byID = i
		}
	}
	if name != "" {
		if i, ok := x.byName[name]; ok {
			byName = i
		} else if same := x.byFold[strings.ToLower(name)]; len(same) == 1 {
			byName = same[0]
		}
	}
	var at int
	switch {
	case id == "" && name == "":
		return none, api.Ability{Why: "set-nobody"}
	case byID == none && byName == none:
		return none, api.Ability{Why: whyNoAccount, Params: map[string]string{"user": cmp.Or(name, id)}}
	case byID == none:
		at = byName
	case byName == none || byName == byID:
		at = byID
	case !x.roster.Accounts[byID].Exists: // the account was deleted and made again
		at = byName
	default:
		params := map[string]string{"account": x.roster.Accounts[byID].Name, "other": x.roster.Accounts[byName].Name}
		return none, api.Ability{Why: "set-two-accounts", Params: params}
	}
	return at, api.Ability{OK: true}
}

// mostAsked bounds for how many names the closest ones are looked for: a file of another server has none that fit.
const mostAsked = 100

func (x *setAccounts) closest(name string) []string {
	if found, ok := x.asked[name]; ok || name == "" || len(x.asked) >= mostAsked {
		return found
	}
	if x.names == nil {
		var names []string
		for i := range x.roster.Accounts {
			if x.roster.Accounts[i].Exists {
				names = append(names, x.roster.Accounts[i].Name)
			}
		}
		x.names = roster.NewNames(names)
	}
	x.asked[name] = x.names.Closest(name)
	return x.asked[name]
}
