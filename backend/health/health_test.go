package health_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/health"
	"github.com/jellybind/jellybind/backend/roster"
)

func oidc(provider, name string) api.Identity {
	return api.Identity{Protocol: api.OIDC, Provider: provider, Name: name}
}

func user(id, name string) api.User {
	return api.User{
		ID: id, Name: name, AuthProvider: api.AuthProviderDefault, HasPassword: true, LastActivity: time.Unix(1000, 0),
	}
}

// TestCheck makes one thing wrong at a time.
func TestCheck(t *testing.T) {
	t.Parallel()
	now := time.Unix(2000, 0)
	kc := api.Provider{Protocol: api.OIDC, Name: "kc", Known: true, Enabled: true}
	adopting, off, bySubject := kc, kc, kc
	adopting.AutoAdopt = true
	off.Enabled = false
	bySubject.OIDC.Rule.Claim = "sub"
	admin, maria := user("a", "admin"), user("m", "maria")
	admin.Administrator = true
	bound := maria
	bound.AuthProvider = api.AuthProviderPlugin
	disabled := maria
	disabled.Disabled = true
	boundAdmin := admin
	boundAdmin.AuthProvider = api.AuthProviderPlugin
	fresh := user("m2", "Maria@example.org")
	fresh.LastActivity = time.Time{}
	writes := api.Capabilities{WriteConfig: api.Ability{OK: true}}
	linked := []api.Link{{Identity: oidc("kc", "m-1"), UserID: "m"}, {Identity: oidc("kc", "a-1"), UserID: "a"}}
	for name, c := range map[string]struct {
		users []api.User
		at    api.Provider
		links []api.Link
		can   api.Capabilities
		uses  []api.Use
		want  string
	}{
		"nothing":     {[]api.User{admin, maria}, kc, linked, writes, nil, ""},
		"at risk":     {[]api.User{maria, admin}, adopting, linked, writes, nil, "at-risk danger kc [a m] link"},
		"locked out":  {[]api.User{admin, bound}, kc, linked[1:], writes, nil, "locked-out locked [m] unregister"},
		"adopted":     {[]api.User{admin, bound}, adopting, []api.Link{{Identity: oidc("kc", "admin"), UserID: "a"}, {Identity: oidc("kc", "maria"), UserID: "a"}}, writes, nil, ""},
		"opened":      {[]api.User{admin, bound}, kc, linked, writes, nil, ""},
		"one way":     {[]api.User{boundAdmin, maria}, kc, linked[1:], writes, nil, "one-way warning [a]"},
		"disabled":    {[]api.User{admin, disabled}, kc, linked, writes, nil, "disabled notice [m] remove"},
		"orphan":      {[]api.User{admin}, kc, linked, writes, nil, "orphan notice [m] remove"},
		"off":         {[]api.User{admin, maria}, off, linked[:1], writes, nil, "provider-off notice kc [m] remove"},
		"gone":        {[]api.User{admin, maria}, kc, []api.Link{{Identity: oidc("old", "m"), UserID: "m"}}, writes, nil, "provider-gone notice old [m] remove"},
		"foreign key": {[]api.User{admin, maria}, bySubject, []api.Link{{Identity: oidc("kc", "Maria"), UserID: "m"}}, writes, nil, "foreign-key locked kc [m] rekey guess"},
		"foreign key, an address": {
			[]api.User{admin, maria},
			bySubject,
			[]api.Link{{Identity: oidc("kc", "m.k@example.org"), UserID: "m"}},
			writes, nil,
			"foreign-key locked kc [m] rekey guess",
		},
		"twice without a link": {[]api.User{admin, fresh, maria}, kc, nil, writes, nil, "twice warning [m m2] guess"},
		"a subject that is a name": {
			[]api.User{admin, maria},
			bySubject,
			[]api.Link{{Identity: oidc("kc", "maria"), UserID: "m"}},
			writes,
			[]api.Use{{Identity: oidc("kc", "maria"), At: now}},
			"",
		},
		"twice":         {[]api.User{admin, fresh, maria}, kc, []api.Link{{Identity: oidc("kc", "m-1"), UserID: "m2"}}, writes, nil, "twice warning [m m2] merge guess"},
		"unaddressable": {[]api.User{admin, maria}, kc, []api.Link{{Identity: oidc("kc", "a/b"), UserID: "m"}}, api.Capabilities{}, nil, "unaddressable notice [m]"},
		"unused": {
			[]api.User{admin, maria},
			kc, append([]api.Link{{Identity: oidc("kc", "m-2"), UserID: "m"}}, linked[:1]...), writes,
			[]api.Use{{Identity: oidc("kc", "m-1"), At: now}},
			"unused notice [m]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !slices.Contains([]string{"one way", "at risk", "adopted"}, name) { // a second administrator has a way in
				boss := user("b", "boss")
				boss.Administrator = true
				c.users = append(slices.Clone(c.users), boss)
			}
			r := roster.Build(c.users, []api.Provider{c.at}, c.links, now, false)
			for i := range r.Accounts {
				if r.Accounts[i].ID == "m" {
					r.Accounts[i].Uses = c.uses
				}
			}
			var got []string
			for _, f := range health.Check(r, c.can) {
				words := []string{string(f.Kind), string(f.Severity)}
				if f.Provider != nil {
					words = append(words, f.Provider.Provider)
				}
				words = append(words, fmt.Sprint(f.Accounts))
				if f.Action != "" {
					words = append(words, string(f.Action))
				}
				if f.Guess {
					words = append(words, "guess")
				}
				got = append(got, strings.Join(words, " "))
				set, err := health.Mend(f, r)
				if able := f.Action == api.ActionRemove || f.Action == api.ActionLink || f.Action == api.ActionMerge; able != (err == nil) || able && len(set.Links) == 0 {
					t.Errorf("mending: %+v, %v", set, err)
				}
			}
			if strings.Join(got, "\n") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			r.Own = true
			if own := health.Check(r, c.can); own != nil {
				t.Errorf("of one's own account alone: %+v", own)
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	var users []api.User
	var links []api.Link
	for i := range 10_000 {
		id := strconv.Itoa(i)
		users = append(users, user(id, "person-"+id))
		links = append(links, api.Link{Identity: oidc("kc", "p-"+id), UserID: id})
	}
	r := roster.Build(users, []api.Provider{{Protocol: api.OIDC, Name: "kc", Known: true, Enabled: true, AutoAdopt: true}}, links, time.Unix(2000, 0), false)
	for b.Loop() {
		health.Check(r, api.Capabilities{})
	}
}
