package roster_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

var (
	keycloak = api.Provider{Protocol: api.OIDC, Name: "keycloak", Enabled: true, AutoAdopt: true}
	adfs     = api.Provider{Protocol: api.SAML, Name: "adfs", Enabled: true}
)

func link(user string, p api.Provider, name string) api.Link {
	return api.Link{UserID: user, Identity: api.Identity{Protocol: p.Protocol, Provider: p.Name, Name: name}}
}

func sample() api.Roster {
	users := []api.User{
		{ID: "1", Name: "alice", Administrator: true, LastActivity: time.Unix(100, 0)},
		{ID: "2", Name: "Zoë 10"},
		{ID: "3", Name: "zoe 9", Disabled: true, LastActivity: time.Unix(200, 0)},
		{ID: "4", Name: "Öykü"},
	}
	links := []api.Link{
		link("1", keycloak, "ALICE"), link("1", adfs, "alice@example.com"), link("2", keycloak, "oyku"), link("9", adfs, "gone"),
	}
	return roster.Build(users, []api.Provider{keycloak, adfs}, links, time.Unix(1000, 0), false)
}

func TestBuild(t *testing.T) {
	t.Parallel()
	r := sample()
	got := map[string]string{}
	for _, a := range r.Accounts {
		got[a.ID] = fmt.Sprint(a.Exists, len(a.Identities), a.AtRisk)
	}
	want := map[string]string{
		"1": "true 2 false", // ALICE closes the door of alice
		"2": "true 1 true",  // linked, but "Zoë 10" itself is free at keycloak
		"3": "true 0 false", // disabled
		"4": "true 0 true",
		"9": "false 1 false",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if n := roster.Provider(r, api.OIDC, "keycloak").Links; n != 2 {
		t.Errorf("keycloak has %d links, want 2", n)
	}
	if o := roster.Owner(r, api.Identity{Protocol: api.SAML, Provider: "adfs", Name: "gone"}); o == nil || o.Exists {
		t.Errorf("owner of an orphaned identity = %+v", o)
	}
	if o := roster.Owner(r, api.Identity{Protocol: api.OIDC, Provider: "keycloak", Name: "alice"}); o != nil {
		t.Errorf("names differ by case, but alice has an owner: %+v", o)
	}
}

// TestAdministratorsAreSpared where the plugin lets no unlinked identity into their accounts.
func TestAdministratorsAreSpared(t *testing.T) {
	t.Parallel()
	for _, spared := range []bool{false, true} {
		p := keycloak
		p.SparesAdministrators = spared
		r := roster.Build([]api.User{{ID: "1", Name: "root", Administrator: true}, {ID: "2", Name: "ann"}},
			[]api.Provider{p}, nil, time.Unix(1000, 0), false)
		if r.Accounts[0].AtRisk == spared || !r.Accounts[1].AtRisk {
			t.Errorf("spared %v: %+v", spared, r.Accounts)
		}
	}
}

func TestBuildOwnMakesNoOrphans(t *testing.T) {
	t.Parallel()
	r := roster.Build([]api.User{{ID: "1", Name: "a"}}, nil, []api.Link{link("2", adfs, "x")}, time.Time{}, true)
	if len(r.Accounts) != 1 || !r.Own {
		t.Errorf("got %+v", r)
	}
}

func names(p api.RosterPage) []string {
	out := []string{}
	for _, r := range p.Rows {
		out = append(out, r.ID)
	}
	return out
}

func TestPage(t *testing.T) {
	t.Parallel()
	ix := roster.NewIndex(sample(), nil)
	for name, c := range map[string]struct {
		q    api.RosterQuery
		want []string
	}{
		"by name, numbers by value, orphans last": {api.RosterQuery{Language: "en"}, []string{"1", "4", "3", "2", "9"}},
		"reverse":                 {api.RosterQuery{Language: "en", Reverse: true}, []string{"9", "2", "3", "4", "1"}},
		"Swedish sorts Ö last":    {api.RosterQuery{Language: "sv", Filters: []api.RosterFilter{api.FilterUnlinked}}, []string{"3", "4"}},
		"by activity":             {api.RosterQuery{Sort: api.SortActivity, Limit: 2}, []string{"3", "1"}},
		"by links":                {api.RosterQuery{Sort: api.SortLinks, Limit: 2}, []string{"1", "2"}},
		"search without accents":  {api.RosterQuery{Search: "ZOE"}, []string{"3", "2"}},
		"search with accents":     {api.RosterQuery{Search: "öykü"}, []string{"4", "2"}},
		"search identities":       {api.RosterQuery{Search: "example.com"}, []string{"1"}},
		"all words":               {api.RosterQuery{Search: "zoe 10"}, []string{"2"}},
		"no match":                {api.RosterQuery{Search: "nobody"}, []string{}},
		"linked":                  {api.RosterQuery{Filters: []api.RosterFilter{api.FilterLinked}}, []string{"1", "2"}},
		"several":                 {api.RosterQuery{Filters: []api.RosterFilter{api.FilterSeveral}}, []string{"1"}},
		"orphans":                 {api.RosterQuery{Filters: []api.RosterFilter{api.FilterOrphan}}, []string{"9"}},
		"at risk":                 {api.RosterQuery{Filters: []api.RosterFilter{api.FilterAtRisk}}, []string{"4", "2"}},
		"disabled":                {api.RosterQuery{Filters: []api.RosterFilter{api.FilterDisabled}}, []string{"3"}},
		"administrators":          {api.RosterQuery{Filters: []api.RosterFilter{api.FilterAdministrator}}, []string{"1"}},
		"two filters":             {api.RosterQuery{Filters: []api.RosterFilter{api.FilterUnlinked, api.FilterDisabled}}, []string{"3"}},
		"filters that exclude":    {api.RosterQuery{Filters: []api.RosterFilter{api.FilterUnlinked, api.FilterLinked}}, []string{}},
		"not at a provider":       {api.RosterQuery{Protocol: api.SAML, Provider: "adfs", Without: true}, []string{"4", "3", "2"}},
		"not there, and at risk":  {api.RosterQuery{Provider: "adfs", Without: true, Filters: []api.RosterFilter{api.FilterAtRisk}}, []string{"4", "2"}},
		"by provider":             {api.RosterQuery{Protocol: api.SAML, Provider: "adfs"}, []string{"1", "9"}},
		"provider, wrong kind":    {api.RosterQuery{Protocol: api.OIDC, Provider: "adfs"}, []string{}},
		"window":                  {api.RosterQuery{Offset: 1, Limit: 2}, []string{"4", "3"}},
		"window past the end":     {api.RosterQuery{Offset: 99, Limit: 2}, []string{}},
		"negative offset":         {api.RosterQuery{Offset: -5, Limit: 1}, []string{"1"}},
		"bad language, any order": {api.RosterQuery{Language: "??", Search: "alice"}, []string{"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(c.want, names(ix.Page(c.q))); d != "" {
				t.Error(d)
			}
		})
	}
	want := api.RosterCounts{
		All: 5, Linked: 2, Unlinked: 2, Several: 1, Orphan: 1, AtRisk: 2, Disabled: 1, Administrator: 1, Identities: 4,
	}
	if d := cmp.Diff(want, ix.Counts()); d != "" {
		t.Error(d)
	}
}

func TestChangedSinceLastLook(t *testing.T) {
	t.Parallel()
	before := roster.NewIndex(sample(), nil).Seen()
	users := []api.User{{ID: "1", Name: "alice", Administrator: true, LastActivity: time.Unix(900, 0)}, {ID: "5", Name: "new"}}
	links := []api.Link{link("1", keycloak, "ALICE"), link("1", adfs, "alice@example.com")}
	same := roster.NewIndex(roster.Build(users, []api.Provider{keycloak, adfs}, links, time.Time{}, false), before)
	if row, _ := same.Row("1"); row.Changed {
		t.Error("activity alone counts as a change")
	}
	if row, ok := same.Row("5"); !ok || !row.Changed {
		t.Error("a new account is not marked")
	}
	after := roster.NewIndex(roster.Build(users, []api.Provider{keycloak, adfs}, links[:1], time.Time{}, false), before)
	if row, _ := after.Row("1"); !row.Changed {
		t.Error("a removed link is not marked")
	}
	if p := after.Page(api.RosterQuery{Filters: []api.RosterFilter{api.FilterChanged}}); p.Total != 2 || p.Counts.Changed != 2 {
		t.Errorf("%d rows of %d changed accounts", p.Total, p.Counts.Changed)
	}
	if c := roster.NewIndex(sample(), map[string]uint64{}).Counts(); c.Changed != c.All {
		t.Errorf("%d of %d accounts are new to a person who saw none", c.Changed, c.All)
	}
}

// TestDigestsOutliveTheProcess: they are kept on disk, where a changed way to sum up would mark everything once.
func TestDigestsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	a := api.Account{User: api.User{ID: "1", Name: "alice"}, Exists: true, Identities: []api.Identity{{Protocol: api.OIDC, Provider: "p", Name: "n"}}}
	const want uint64 = 8270325919299743473
	if got := roster.NewIndex(api.Roster{Accounts: []api.Account{a}}, nil).Seen()["1"]; got != want {
		t.Errorf("%d, before %d", got, want)
	}
}

func large(n int) api.Roster {
	users := make([]api.User, n)
	links := make([]api.Link, n)
	for i := range users {
		users[i] = api.User{ID: fmt.Sprintf("%032x", i), Name: fmt.Sprintf("Person %d Müller", i*7919%n)}
		links[i] = link(users[i].ID, keycloak, fmt.Sprintf("pn-%d", i))
	}
	return roster.Build(users, []api.Provider{keycloak, adfs}, links, time.Time{}, false)
}

func BenchmarkIndex(b *testing.B) {
	r := large(10_000)
	for b.Loop() {
		roster.NewIndex(r, nil)
	}
}

func BenchmarkKeystroke(b *testing.B) {
	ix := roster.NewIndex(large(10_000), nil)
	ix.Page(api.RosterQuery{Limit: 50})
	for b.Loop() {
		ix.Page(api.RosterQuery{Search: "müller 77", Limit: 50})
	}
}

func TestNamesake(t *testing.T) {
	t.Parallel()
	account := func(id, name string) api.Account {
		return api.Account{User: api.User{ID: id, Name: name}, Exists: true}
	}
	r := api.Roster{Accounts: []api.Account{account("1", "noah"), account("2", "Maria"), {User: api.User{ID: "3"}}}}
	for _, c := range []struct {
		user  string
		names []string
		want  string
	}{
		{"1", []string{"maria"}, "2"},
		{"1", []string{"5f0c", "", "maria@example.org"}, "2"},
		{"2", []string{"maria"}, ""},
		{"1", []string{"noah", "maria"}, ""}, // its own name as well
		{"1", []string{"", "@"}, ""},
		{"1", []string{"Maria Lindqvist"}, ""},
	} {
		got := ""
		if a := roster.Namesake(r, c.user, c.names...); a != nil {
			got = a.ID
		}
		if got != c.want {
			t.Errorf("%s with %q: %q", c.user, c.names, got)
		}
	}
}
