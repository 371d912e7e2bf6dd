package link_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
)

// The roster of most tests: ids are the first letters.
//
//	maria   kc:maria
//	björn   kc:bj, adfs:bj@corp       an administrator
//	zoe     kc:zoe                    takes no password
//	root    kc:root, off:root         an administrator without a password; the provider off is switched off
//	dora    off:d/1                   disabled
//	        kc:lost                   an orphan, with the id of 32 nines
var (
	setUsers = []api.User{
		{ID: "m", Name: "maria", AuthProvider: api.AuthProviderDefault, HasPassword: true},
		{ID: "b", Name: "Björn", AuthProvider: api.AuthProviderDefault, HasPassword: true, Administrator: true},
		{ID: "z", Name: "zoe", AuthProvider: api.AuthProviderPlugin},
		{ID: "r", Name: "root", AuthProvider: api.AuthProviderPlugin, Administrator: true},
		{ID: "d", Name: "dora", AuthProvider: api.AuthProviderPlugin, Disabled: true},
		{ID: "a", Name: "ann"},
	}
	setProviders = []api.Provider{
		{Protocol: api.OIDC, Name: "kc", Known: true, Enabled: true},
		{Protocol: api.SAML, Name: "adfs", Known: true, Enabled: true},
		{Protocol: api.OIDC, Name: "off", Known: true},
	}
	setLinks = []api.Link{
		at("m", "kc:maria"), at("b", "kc:bj"), at("b", "adfs:bj@corp"), at("z", "kc:zoe"), at("r", "kc:root"), at("r", "off:root"),
		at("d", "off:d/1"), at(strings.Repeat("9", 32), "kc:lost"),
	}
)

func setRoster() api.Roster {
	return roster.Build(setUsers, setProviders, setLinks, time.Time{}, false)
}

func identity(s string) api.Identity {
	provider, name, _ := strings.Cut(s, ":")
	id := api.Identity{Protocol: api.OIDC, Provider: provider, Name: name}
	if provider == "adfs" {
		id.Protocol = api.SAML
	}
	return id
}

func at(user, id string) api.Link { return api.Link{UserID: user, Identity: identity(id)} }

// want is a line “provider:name account” or “- provider:name account”; an account with a # in front is an id, "id#name" both.
func want(line int, s string) api.WantedLink {
	w := api.WantedLink{Line: line}
	s, w.Gone = strings.CutPrefix(s, "- ")
	id, account, _ := strings.Cut(s, " ")
	w.Identity = identity(id)
	w.UserID, w.UserName, _ = strings.Cut(account, "#")
	if !strings.Contains(account, "#") {
		w.UserID, w.UserName = "", account
	}
	return w
}

func wantAll(lines ...string) api.WantedSet {
	w := api.WantedSet{Source: api.SourceDocument, Label: "links.json"}
	for i, s := range lines {
		w.Links = append(w.Links, want(i+1, s))
	}
	return w
}

// facts are the capabilities by hand, so that a change on either side is noticed.
func (f setFacts) facts() link.SetFacts {
	c := api.Capabilities{Flavour: f.flavour, Credential: api.CredentialAdmin, DeleteLink: yes, DeleteLinkOwn: yes, Unregister: yes}
	if f.flavour == api.FlavourFlowfin {
		c.Preprovision, c.UnregisterDrops, c.EnabledOnly, c.RemovalEndsSessions = yes, true, true, true
		c.WriteConfig = api.Ability{Why: "config-ignored"}
	} else {
		c.WriteConfig, c.LinksInConfig, c.Adopts = yes, true, true
		c.Preprovision = no
	}
	if f.change != nil {
		f.change(&c)
	}
	return link.SetFacts{Capabilities: c, Self: f.self}
}

type setFacts struct {
	flavour api.Flavour
	change  func(*api.Capabilities)
	self    *api.User
}

var (
	byConfig       = setFacts{flavour: api.Flavour9p4}
	byPreprovision = setFacts{flavour: api.FlavourFlowfin}
)

// shown is a plan's lines in one word each, with what matters.
func shown(p api.SetPlan) []string {
	list := []string{}
	for _, l := range p.Lines {
		s := string(l.Action)
		if l.Action != api.SetRefuse {
			s += " " + l.UserID
		}
		if l.FromID != "" && l.Action == api.SetMove {
			s += " from " + l.FromID[:1]
		}
		if l.Line == 0 {
			s += " " + l.Provider + ":" + l.Name
		}
		if l.Why != "" {
			s += " " + string(l.Why)
		}
		if n := l.Params["line"]; n != "" {
			s += " " + n
		}
		if l.Closest != nil {
			s += fmt.Sprint(" ", l.Closest)
		}
		if l.ViaUnregister {
			s += " via"
		}
		var why strings.Builder
		for _, r := range l.Remarks {
			why.WriteString(" +" + string(r.Why))
		}
		s += why.String()
		if l.Skipped {
			s += " skipped"
		}
		list = append(list, s)
	}
	return list
}

func TestPlanSet(t *testing.T) {
	t.Parallel()
	nines := strings.Repeat("9", 32)
	move, leave := api.SetOptions{Move: true}, api.SetOptions{LeaveOut: true}
	for name, c := range map[string]struct {
		set     []string
		options api.SetOptions
		facts   setFacts
		want    []string
		writes  int
	}{
		"added, by name of any case, by id, by a dashed id": {
			set: []string{"kc:x1 MARIA", "kc:x2 björn", "kc:x3 a#"}, want: []string{"add m", "add b", "add a"}, writes: 1,
		},
		"one write a provider":       {set: []string{"kc:x ann", "adfs:x ann"}, want: []string{"add a", "add a"}, writes: 2},
		"one write a link":           {set: []string{"kc:x ann", "adfs:x ann"}, facts: byPreprovision, want: []string{"add a", "add a"}, writes: 2},
		"already there":              {set: []string{"kc:maria maria"}, want: []string{"same m"}},
		"names differ by case":       {set: []string{"kc:Maria maria"}, want: []string{"add m"}, writes: 1},
		"id unknown, name known":     {set: []string{"kc:x 77#ann"}, want: []string{"add a"}, writes: 1},
		"id known, name not":         {set: []string{"kc:x a#annabelle"}, want: []string{"add a"}, writes: 1},
		"made again since":           {set: []string{"kc:lost " + nines + "#ann"}, options: move, want: []string{"move a from 9"}, writes: 1},
		"id and name differ":         {set: []string{"kc:x a#maria"}, want: []string{"refuse set-two-accounts"}},
		"unknown account":            {set: []string{"kc:x marya"}, want: []string{"refuse no-account [maria]"}},
		"unknown id":                 {set: []string{"kc:x 77#"}, want: []string{"refuse no-account"}},
		"no account":                 {set: []string{"kc:x"}, want: []string{"refuse set-nobody"}},
		"a deleted account":          {set: []string{"kc:x " + nines + "#"}, want: []string{"refuse set-orphan"}},
		"unknown provider":           {set: []string{"KC:x ann", ":x ann"}, want: []string{"refuse provider-not-found [kc]", "refuse set-no-provider"}},
		"switched off":               {set: []string{"off:x ann"}, want: []string{"add a +warn-switched-off"}, writes: 1},
		"switched off, no way":       {set: []string{"off:x ann"}, facts: byPreprovision, want: []string{"refuse provider-disabled"}},
		"disabled account":           {set: []string{"kc:x dora"}, want: []string{"add d +warn-disabled"}, writes: 1},
		"impossible names":           {set: []string{"kc: ann", "kc:a\x00b ann", "kc:" + strings.Repeat("x", 2001) + " ann", "kc:\xff ann"}, want: []string{"refuse name-empty", "refuse set-name-control", "refuse set-name-long", "refuse name-empty"}},
		"odd names":                  {set: []string{"kc:a\tb ann", "kc:" + strings.Repeat("x", 300) + " ann"}, want: []string{"add a +set-name-lines", "add a"}, writes: 1},
		"not to be removed later":    {set: []string{"kc:a/b ann"}, facts: byPreprovision, want: []string{"add a +set-unaddressable"}, writes: 1},
		"double for one account":     {set: []string{"kc:x ann", "kc:x ANN"}, want: []string{"add a", "same a +set-same-line"}, writes: 1},
		"double for two accounts":    {set: []string{"kc:x ann", "kc:y ann", "kc:x maria", "kc:x ann"}, want: []string{"refuse set-double 3", "add a", "refuse set-double 1", "refuse set-double 3"}, writes: 1},
		"double of a refused line":   {set: []string{"KC:x ann", "KC:x ann"}, want: []string{"refuse provider-not-found [kc]", "refuse set-half-line 1"}},
		"another account's":          {set: []string{"kc:maria ann"}, want: []string{"refuse link-owned"}},
		"moved":                      {set: []string{"kc:maria ann"}, options: move, want: []string{"move a from m"}, writes: 1},
		"moved in two steps":         {set: []string{"kc:maria ann"}, options: move, facts: byPreprovision, want: []string{"move a from m"}, writes: 2},
		"moved from a last way":      {set: []string{"kc:zoe ann"}, options: move, want: []string{"refuse set-shut-out"}},
		"moved, and another instead": {set: []string{"kc:zoe ann", "kc:new zoe"}, options: move, want: []string{"move a from z", "add z"}, writes: 1},
		"another that is of no use":  {set: []string{"kc:zoe ann", "off:new zoe"}, options: move, want: []string{"refuse set-shut-out", "add z +warn-switched-off"}, writes: 1},
		"removed":                    {set: []string{"- kc:bj björn", "- adfs:bj@corp"}, want: []string{"remove b", "remove b"}, writes: 2},
		"own name removed":           {set: []string{"- kc:maria maria"}, want: []string{"remove m +set-takes-back"}, writes: 1},
		"gone already":               {set: []string{"- kc:x ann", "- kc:y nobody"}, want: []string{"same a +set-gone-already", "same  +set-gone-already"}},
		"gone to another account":    {set: []string{"- kc:maria ann"}, want: []string{"same a +set-gone-elsewhere"}},
		"removed from whom":          {set: []string{"- kc:maria marya"}, want: []string{"refuse no-account [maria]"}},
		"an orphan's":                {set: []string{"- kc:lost " + nines + "#"}, want: []string{"remove " + nines}, writes: 1},
		"an orphan's of a name":      {set: []string{"- kc:lost " + nines + "#ann"}, facts: byPreprovision, want: []string{"remove " + nines}, writes: 1},
		"a last way": {
			set: []string{"- kc:zoe zoe", "- kc:root root"}, want: []string{"refuse set-shut-out", "refuse set-last-way"},
		},
		"a last way, with the word": {
			set: []string{"- kc:zoe zoe", "- kc:root root"}, options: api.SetOptions{LastWay: true},
			want: []string{"remove z +set-takes-back", "remove r +set-takes-back"}, writes: 1,
		},
		"what opens nothing is no way":       {set: []string{"- off:root root"}, want: []string{"remove r"}, writes: 1},
		"nobody is shut out of a closed one": {set: []string{"- off:d/1 dora"}, want: []string{"remove d"}, writes: 1},
		"a password is another way":          {set: []string{"- kc:bj", "- adfs:bj@corp"}, facts: byPreprovision, want: []string{"remove b", "remove b"}, writes: 2},
		"passwords are off": {
			set: []string{"- kc:bj", "- adfs:bj@corp", "- kc:maria"},
			facts: setFacts{api.FlavourFlowfin, func(c *api.Capabilities) {
				c.PasswordsOff = api.PasswordsOff{On: true, Exempt: "maria", ExemptWorks: true}
			}, nil},
			want: []string{"refuse set-last-way", "refuse set-last-way", "remove m"}, writes: 1,
		},
		"one renamed":        {set: []string{"- kc:zoe zoe", "kc:z2 zoe"}, want: []string{"remove z +set-takes-back", "add z"}, writes: 1},
		"a swap":             {set: []string{"- kc:maria maria", "kc:bj maria", "- kc:bj björn", "kc:maria björn"}, want: []string{"same m +set-merged-line", "move m from b", "same b +set-merged-line", "move b from m"}, writes: 1},
		"a swap of last":     {set: []string{"- kc:zoe zoe", "kc:root zoe", "- kc:root root", "kc:zoe root"}, want: []string{"same z +set-merged-line", "move z from r", "same r +set-merged-line", "move r from z"}, writes: 1},
		"half a swap":        {set: []string{"- kc:zoe zoe", "kc:bj zoe", "kc:zoe nobody"}, options: move, want: []string{"refuse set-half-line 3", "move z from b", "refuse no-account"}, writes: 1},
		"renamed in a ring":  {set: []string{"- kc:bj björn", "adfs:bj@corp björn", "- adfs:bj@corp björn", "kc:bj björn"}, want: []string{"same b +set-merged-line", "same b", "same b +set-merged-line", "same b"}},
		"a chain falls":      {set: []string{"kc:zoe ann", "kc:root zoe", "off:new root"}, options: move, facts: byPreprovision, want: []string{"refuse set-shut-out", "refuse set-last-way", "refuse provider-disabled"}},
		"removed twice":      {set: []string{"- kc:bj", "- kc:bj björn"}, want: []string{"remove b", "same b +set-same-line"}, writes: 1},
		"left out, and more": {set: []string{"kc:x nobody", "kc:x ann"}, options: leave, want: []string{"refuse no-account skipped", "add a"}, writes: 1},
		"without lines": {
			set: []string{"kc:x ann", "kc:x maria", "kc:y nobody"}, options: api.SetOptions{Without: []int{1, 3}},
			want: []string{"add a skipped", "add m", "refuse no-account skipped"}, writes: 1,
		},
		"an address that cannot be": {set: []string{"- off:d/1"}, facts: byPreprovision, want: []string{"refuse set-via-unregister"}},
		"an API key removes nothing alone": {
			set: []string{"- kc:bj"}, facts: setFacts{api.FlavourFlowfin, func(c *api.Capabilities) { c.DeleteLink = api.Ability{Why: "key-unregister"} }, nil},
			options: api.SetOptions{ViaUnregister: true}, want: []string{"remove b via"}, writes: 2,
		},
		"the others cannot be written": {
			set: []string{"- kc:root"}, facts: setFacts{api.FlavourFlowfin, func(c *api.Capabilities) { c.DeleteLink = api.Ability{Why: "key-unregister"} }, nil},
			options: api.SetOptions{ViaUnregister: true, LastWay: true}, want: []string{"refuse set-rebuild-off"},
		},
		"one's own, where the detour would end the session that it needs": {
			set: []string{"- kc:b/j"}, facts: setFacts{api.FlavourFlowfin, nil, &setUsers[1]},
			options: api.SetOptions{ViaUnregister: true}, want: []string{"refuse name-in-path"},
		},
		"a plain user": {
			set: []string{"kc:x maria", "- kc:maria", "- kc:bj"},
			facts: setFacts{api.FlavourFlowfin, func(c *api.Capabilities) {
				c.DeleteLink, c.Preprovision, c.Unregister = api.Ability{Why: "admin-unlink"}, api.Ability{Why: "admin-write"}, no
			}, &setUsers[0]},
			want: []string{"refuse admin-write", "remove m", "refuse admin-unlink"}, writes: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.facts.flavour == "" {
				c.facts = byConfig
			}
			r := setRoster()
			if c.facts.self == &setUsers[1] {
				r.Accounts[1].Identities[1] = identity("kc:b/j")
			}
			p := link.PlanSet(r, wantAll(c.set...), c.options, c.facts.facts())
			if d := cmp.Diff(c.want, shown(p)); d != "" {
				t.Errorf("lines (-want +got):\n%s", d)
			}
			if p.Writes != c.writes {
				t.Errorf("%d writes, want %d", p.Writes, c.writes)
			}
			if p.Able.OK != (p.Counts.Refused == 0) {
				t.Errorf("able %v of %+v", p.Able, p.Counts)
			}
		})
	}
}

func TestPlanSetPrunesItsScope(t *testing.T) {
	t.Parallel()
	w := wantAll("kc:maria maria", "kc:bj nobody")
	w.Scope = []api.ProviderRef{{Protocol: api.OIDC, Provider: "kc"}}
	p := link.PlanSet(setRoster(), w, api.SetOptions{Prune: true, LeaveOut: true}, byPreprovision.facts())
	want := []string{
		"same m", "refuse no-account skipped", // what a refused line names stays
		"remove " + strings.Repeat("9", 32) + " kc:lost",
		"refuse kc:root set-last-way skipped", "refuse kc:zoe set-shut-out skipped",
	}
	if d := cmp.Diff(want, shown(p)); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	if d := cmp.Diff(api.SetCounts{Same: 1, Remove: 1, Skipped: 3}, p.Counts); d != "" {
		t.Errorf("counts (-want +got):\n%s", d)
	}
	if p := link.PlanSet(setRoster(), w, api.SetOptions{}, byConfig.facts()); len(p.Lines) != 2 || p.Able.OK || p.Able.Why != "set-refused" {
		t.Errorf("without prune: %v, %v", shown(p), p.Able)
	}
}

// TestPlanSetKeepsHalvesTogether: the links of one line of a source are made together or not at all.
func TestPlanSetKeepsHalvesTogether(t *testing.T) {
	t.Parallel()
	w := api.WantedSet{Links: []api.WantedLink{
		want(1, "- kc:maria maria"), want(1, "kc:bj maria"), // bj belongs to another account
		want(2, "- adfs:bj@corp björn"), want(2, "adfs:other björn"),
	}}
	p := link.PlanSet(setRoster(), w, api.SetOptions{LeaveOut: true}, byConfig.facts())
	want := []string{"refuse set-half skipped", "refuse link-owned skipped", "remove b", "add b"}
	if d := cmp.Diff(want, shown(p)); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

func TestPlanSetRemarks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		facts   setFacts
		options api.SetOptions
		set     []string
		want    []string
	}{
		"shut out": {byConfig, api.SetOptions{LastWay: true}, []string{"- kc:zoe"}, []string{"set-shuts-out zoe", "set-take-back zoe"}},
		"sessions end": {
			setFacts{api.FlavourFlowfin, nil, &setUsers[0]},
			api.SetOptions{},
			[]string{"- kc:maria"},
			[]string{"removal-sessions maria", "removal-own-session "},
		},
		"none end where another follows": {byPreprovision, api.SetOptions{}, []string{"- kc:maria", "kc:m2 maria"}, nil},
		"unregister": {
			setFacts{api.FlavourFlowfin, func(c *api.Capabilities) { c.DeleteLink = no }, nil},
			api.SetOptions{ViaUnregister: true},
			[]string{"- kc:bj"},
			[]string{"set-unregisters Björn"},
		},
	} {
		p := link.PlanSet(setRoster(), wantAll(c.set...), c.options, c.facts.facts())
		var got []string
		for _, r := range p.Remarks {
			got = append(got, string(r.Why)+" "+r.Params["accounts"])
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestPlanSetNeedsAllLinks(t *testing.T) {
	t.Parallel()
	r := setRoster()
	r.Accounts[5].Unread = true
	if p := link.PlanSet(r, wantAll("kc:x ann"), api.SetOptions{}, byConfig.facts()); p.Able.OK {
		t.Error("a plan from a part of the links can be run")
	}
}

// carriedOut is the roster after a plan.
func carriedOut(r api.Roster, p api.SetPlan) api.Roster {
	owner := map[api.Identity]string{}
	for _, a := range r.Accounts {
		for _, id := range a.Identities {
			owner[id] = a.ID
		}
	}
	for _, l := range p.Lines {
		if !l.Skipped && l.Action == api.SetRemove {
			delete(owner, l.Identity)
		}
	}
	for _, l := range p.Lines {
		if !l.Skipped && (l.Action == api.SetAdd || l.Action == api.SetMove) {
			owner[l.Identity] = l.UserID
		}
	}
	var users []api.User
	for _, a := range r.Accounts {
		if a.Exists {
			users = append(users, a.User)
		}
	}
	var links []api.Link
	for id, user := range owner {
		links = append(links, api.Link{Identity: id, UserID: user})
	}
	return roster.Build(users, r.Providers, links, r.Taken, r.Own)
}

// TestPlanSetAgain: planning the result again changes nothing; and the result holds what the set asks for, keeps everything
// else, and shuts nobody out.
func TestPlanSetAgain(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5000) {
		random := rand.New(rand.NewPCG(seed, 1))
		names := []string{"kc:maria", "kc:bj", "adfs:bj@corp", "kc:zoe", "kc:root", "off:root", "off:d/1", "kc:lost", "kc:new", "kc:new2", "no:x"}
		accounts := []string{"maria", "björn", "zoe", "root", "dora", "ann", "nobody", ""}
		w := api.WantedSet{Scope: []api.ProviderRef{{Protocol: api.OIDC, Provider: "kc"}}}
		for i := range random.IntN(8) {
			s := names[random.IntN(len(names))] + " " + accounts[random.IntN(len(accounts))]
			if random.IntN(3) == 0 {
				s = "- " + s
			}
			w.Links = append(w.Links, want(i/(1+random.IntN(2)), s))
		}
		coin := func() bool { return random.IntN(2) == 0 }
		o := api.SetOptions{Prune: coin(), Move: coin(), LeaveOut: true, LastWay: coin(), ViaUnregister: coin()}
		facts := []setFacts{byConfig, byPreprovision}[random.IntN(2)].facts()
		before := setRoster()
		p := link.PlanSet(before, w, o, facts)
		after := carriedOut(before, p)
		if again := link.PlanSet(after, w, o, facts); again.Counts.Changes() != 0 || again.Counts.Refused != 0 {
			t.Fatalf("seed %d, %+v: %v\nagain: %v", seed, w.Links, shown(p), shown(again))
		}
		named := map[api.Identity]bool{}
		for _, l := range p.Lines {
			named[l.Identity] = true
			owner := roster.Owner(after, l.Identity)
			if l.Action != api.SetRefuse && !l.Gone && (owner == nil || owner.ID != l.UserID) {
				t.Fatalf("seed %d: %+v has %+v", seed, l, owner)
			}
		}
		for _, a := range before.Accounts {
			for _, id := range a.Identities {
				if owner := roster.Owner(after, id); !named[id] && (owner == nil || owner.ID != a.ID) {
					t.Fatalf("seed %d: %v left %s", seed, id, a.ID)
				}
			}
			if now := roster.Account(after, a.ID); !o.LastWay && (a.ID == "z" || a.ID == "r") && !slices.ContainsFunc(now.Identities, func(id api.Identity) bool { return id.Provider != "off" }) {
				t.Fatalf("seed %d: %s is shut out: %v", seed, a.ID, shown(p))
			}
		}
	}
}

func BenchmarkPlanSet(b *testing.B) {
	const n = 10_000
	users, links := make([]api.User, n), make([]api.Link, n)
	w := api.WantedSet{}
	for i := range users {
		users[i] = api.User{ID: fmt.Sprintf("%032x", i), Name: fmt.Sprintf("person-%d", i), AuthProvider: api.AuthProviderPlugin}
		links[i] = at(users[i].ID, fmt.Sprintf("kc:p%d", i))
		name := users[i].Name
		if i%10 == 0 {
			name += "x" // an unknown name, for which the closest ones are searched
		}
		w.Links = append(w.Links, want(i+1, "- kc:p"+strconv.Itoa(i)+" "+name), want(i+1, "adfs:q"+strconv.Itoa(i)+" "+name))
	}
	r := roster.Build(users, setProviders, links, time.Time{}, false)
	for b.Loop() {
		link.PlanSet(r, w, api.SetOptions{Prune: true}, byConfig.facts())
	}
}
