package api_test

import (
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
)

// TestRules tells what can be removed and moved with each flavour and credential.
func TestRules(t *testing.T) {
	t.Parallel()
	yes, no := api.Ability{OK: true}, api.Ability{Why: "no"}
	type can struct{ links, link, slash, rebuild, move bool }
	for name, c := range map[string]struct {
		caps   api.Capabilities
		self   string // "me" asks about the account "u", "u" about its own
		want   can
		direct api.WriteMethod
	}{
		"config by key":     {api.Capabilities{WriteConfig: yes, LinksInConfig: true}, "", can{true, true, true, false, true}, api.WriteConfig},
		"config, a user":    {api.Capabilities{WriteConfig: no, DeleteLink: no, DeleteLinkOwn: yes, LinksInConfig: true}, "u", can{true, true, false, false, false}, ""},
		"config, a foreign": {api.Capabilities{WriteConfig: no, DeleteLink: no, DeleteLinkOwn: yes, LinksInConfig: true}, "me", can{}, ""},
		"roster, an administrator": {
			api.Capabilities{Preprovision: yes, DeleteLink: yes, DeleteLinkOwn: yes, Unregister: yes, UnregisterDrops: true},
			"me",
			can{true, true, false, true, true},
			api.WritePreprovision,
		},
		"roster, about itself": {
			api.Capabilities{Preprovision: yes, DeleteLink: yes, DeleteLinkOwn: yes, Unregister: yes, UnregisterDrops: true},
			"u",
			can{true, true, false, false, true},
			api.WritePreprovision,
		},
		"roster by key": {
			api.Capabilities{Preprovision: yes, DeleteLink: no, Unregister: yes, UnregisterDrops: true},
			"",
			can{false, false, false, true, false},
			api.WritePreprovision,
		},
		"nothing": {api.Capabilities{}, "", can{}, ""},
	} {
		got := can{
			c.caps.RemoveLinks(c.self, "u").OK, c.caps.RemoveLink(c.self, "u", "n").OK, c.caps.RemoveLink(c.self, "u", "a/b").OK,
			c.caps.RebuildLinks(c.self, "u"), c.caps.MoveFrom(c.self, "u", "n").OK,
		}
		if method, able := c.caps.DirectWrite(); got != c.want || method != c.direct || able.OK != (c.direct != "") {
			t.Errorf("%s: %+v, want %+v; written by %q, want %q", name, got, c.want, method, c.direct)
		}
	}
	if able := (api.Capabilities{DeleteLink: yes}).RemoveLink("", "u", "a/b"); able.Why != "name-in-path" || able.Params["name"] != "a/b" {
		t.Errorf("a name with a slash: %+v", able)
	}
}

func TestRemovalRemarks(t *testing.T) {
	t.Parallel()
	a, b := api.Identity{Provider: "p", Name: "a"}, api.Identity{Provider: "p", Name: "b"}
	account := func(name string, ids ...api.Identity) api.Account {
		return api.Account{User: api.User{ID: "id-" + name, Name: name}, Exists: true, Identities: ids}
	}
	ends := api.Capabilities{RemovalEndsSessions: true}
	only := api.PasswordsOff{On: true, Exempt: "Root", ExemptWorks: true}
	for name, c := range map[string]struct {
		caps     api.Capabilities
		accounts []api.Account
		removed  map[string][]api.Identity
		self     *api.User
		want     []api.Why
		names    string
	}{
		"the last link":      {ends, []api.Account{account("maria", a)}, map[string][]api.Identity{"id-maria": {a}}, nil, []api.Why{"removal-sessions"}, "maria"},
		"one of two":         {ends, []api.Account{account("maria", a, b)}, map[string][]api.Identity{"id-maria": {a}}, nil, nil, ""},
		"both, one's own":    {ends, []api.Account{account("maria", a, b)}, map[string][]api.Identity{"id-maria": {b, a}}, &api.User{ID: "id-maria"}, []api.Why{"removal-sessions", "removal-own-session"}, "maria"},
		"another plugin":     {api.Capabilities{}, []api.Account{account("maria", a)}, map[string][]api.Identity{"id-maria": {a}}, nil, nil, ""},
		"a deleted account":  {ends, []api.Account{{User: api.User{ID: "id-maria"}, Identities: []api.Identity{a}}}, map[string][]api.Identity{"id-maria": {a}}, nil, nil, ""},
		"no passwords":       {api.Capabilities{PasswordsOff: only}, []api.Account{account("maria", a), account("bob", b)}, map[string][]api.Identity{"id-maria": {a}, "id-bob": {b}}, nil, []api.Why{"sso-only-shut-out", "sso-only-exempt"}, "maria, bob"},
		"the one who may":    {api.Capabilities{PasswordsOff: only}, []api.Account{account("root", a)}, map[string][]api.Identity{"id-root": {a}}, nil, nil, ""},
		"who may and cannot": {api.Capabilities{PasswordsOff: api.PasswordsOff{On: true, Exempt: "root"}}, []api.Account{account("maria", a)}, map[string][]api.Identity{"id-maria": {a}}, nil, []api.Why{"sso-only-shut-out", "sso-only-exempt-lost"}, "maria"},
		"nobody may":         {api.Capabilities{PasswordsOff: api.PasswordsOff{On: true}}, []api.Account{account("maria", a)}, map[string][]api.Identity{"id-maria": {a}}, nil, []api.Why{"sso-only-shut-out", "sso-only-nobody"}, "maria"},
	} {
		got := c.caps.RemovalRemarks(c.accounts, c.removed, c.self)
		var whys []api.Why
		for _, r := range got {
			whys = append(whys, r.Why)
		}
		if !slices.Equal(whys, c.want) || len(got) > 0 && got[0].Params["accounts"] != c.names {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestUnregisterTo(t *testing.T) {
	t.Parallel()
	const ldap = "Ldap"
	own, sso := api.User{AuthProvider: api.AuthProviderDefault}, api.User{AuthProvider: api.AuthProviderPlugin}
	for _, c := range []struct {
		name        string
		drops, kept bool
		user        api.User
		links       int
		to          string
		want        api.Why
	}{
		{"the links go", true, true, own, 1, api.AuthProviderDefault, ""},
		{"the provider changes", true, true, sso, 0, api.AuthProviderDefault, ""},
		{"another provider", true, true, own, 0, ldap, ""},
		{"neither", true, true, own, 0, api.AuthProviderDefault, "unregister-same"},
		{"links that stay", false, true, own, 2, api.AuthProviderDefault, "unregister-same"},
		{"a yes without a deed", false, false, sso, 2, api.AuthProviderDefault, "unregister-none"},
		{"only the links go", true, false, sso, 2, api.AuthProviderDefault, ""},
	} {
		can := api.Capabilities{Unregister: api.Ability{OK: true}, UnregisterDrops: c.drops, UnregisterKept: c.kept}
		if got := can.UnregisterTo(c.user, c.links, c.to); got.OK != (c.want == "") || got.Why != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if got := (api.Capabilities{Unregister: api.Ability{Why: "x"}}).UnregisterTo(own, 1, ldap); got.Why != "x" {
		t.Errorf("without the right: %+v", got)
	}
}

func TestAfterRemoval(t *testing.T) {
	t.Parallel()
	id := func(name string) api.Identity {
		return api.Identity{Protocol: api.OIDC, Provider: "keycloak", Name: name}
	}
	account := func(name, provider string, ids ...api.Identity) api.Account {
		return api.Account{User: api.User{ID: name, Name: name, AuthProvider: provider}, Exists: true, Identities: ids}
	}
	accounts := []api.Account{
		account("maria", api.AuthProviderPlugin, id("Maria")), account("noah", api.AuthProviderPlugin, id("n")),
		account("elif", api.AuthProviderDefault, id("e")), account("tomas", api.AuthProviderPlugin, id("t"), id("other")),
	}
	removed := map[string][]api.Identity{"maria": {id("Maria")}, "noah": {id("n")}, "elif": {id("e")}, "tomas": {id("t")}}
	back, shut := api.Capabilities{Adopts: true}.AfterRemoval(accounts, removed)
	if !slices.Equal(back, []string{"maria"}) || !slices.Equal(shut, []string{"noah"}) {
		t.Errorf("adopting: %v, %v", back, shut)
	}
	back, shut = api.Capabilities{}.AfterRemoval(accounts, removed)
	if len(back) > 0 || !slices.Equal(shut, []string{"maria", "noah"}) {
		t.Errorf("not adopting: %v, %v", back, shut)
	}
}
