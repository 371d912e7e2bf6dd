package state_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

func TestEscapeClosesOneThingAtATime(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.Select{Index: 1})
	s.Update(state.OpenAccount{Index: 3})
	s.Update(state.ShowDialog{Kind: state.DialogShortcuts})
	s.Update(state.Escape{})
	if s.Dialog.Kind != state.DialogNone || s.Drawer.UserID == "" {
		t.Fatal("first")
	}
	if f := want[state.Focus](t, s.Update(state.Escape{})); f.ID != state.RowID(3) || s.Drawer.UserID != "" {
		t.Fatalf("second: focus on %q", f.ID)
	}
	if len(s.Roster.Selected) != 1 {
		t.Fatal("too much")
	}
	s.Update(state.Escape{})
	if len(s.Roster.Selected) != 0 {
		t.Fatal("third")
	}
}

func TestPaletteRuns(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.ShowDialog{Kind: state.DialogPalette})
	s.Update(state.Edit{Field: state.FieldCommand, Value: "SETT"})
	if n := len(s.Commands()); n != 1 {
		t.Fatalf("%d commands", n)
	}
	s.Update(state.PaletteMove{By: -3})
	s.Update(state.PaletteRun{Index: -1})
	if s.Screen != state.ScreenSettings || s.Dialog.Kind != state.DialogNone {
		t.Errorf("screen %q", s.Screen)
	}
}

func TestUnregisterBeginsAtTheHarmlessButton(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.AskUnregister{UserID: "Aa"})
	if f := want[state.Focus](t, s.Update(state.UnregisterPlanned{UserID: "Aa"})); f.ID != "dialog-cancel" {
		t.Errorf("focus on %q", f.ID)
	}
}

// TestDetourIsAskedAtOnce where nothing else removes a link, and never for an account that was deleted.
func TestDetourIsAskedAtOnce(t *testing.T) {
	t.Parallel()
	s := opened(t)
	yes := api.Ability{OK: true}
	singly := api.Capabilities{DeleteLink: yes, Preprovision: yes, Unregister: yes, UnregisterDrops: true}
	never, config := singly, singly
	never.DeleteLink, config.WriteConfig = api.Ability{Why: "key-unlink"}, yes
	link := func(user, name string) api.Link {
		return api.Link{UserID: user, Identity: api.Identity{Protocol: api.OIDC, Provider: "p", Name: name}}
	}
	plain, slash, gone, goneSlash, own := link("u", "a"), link("u", "a/b"), link("deleted", "a"), link("deleted", "a/b"), link("me", "a/b")
	s.Session.User = &api.User{ID: "me"}
	for _, c := range []struct {
		can   api.Capabilities
		links []api.Link
		want  bool
	}{
		{never, []api.Link{plain}, true},
		{never, []api.Link{plain, gone}, false},
		{never, []api.Link{gone}, false},
		{singly, []api.Link{plain}, false},
		{singly, []api.Link{slash}, true},
		{singly, []api.Link{plain, gone, slash}, true},
		{singly, []api.Link{slash, goneSlash}, false},
		{singly, []api.Link{own}, false},
		{config, []api.Link{slash}, false},
	} {
		s.Session.Capabilities = c.can
		s.Update(state.AskRemove{Links: c.links, Accounts: map[string]api.Account{"u": {Exists: true}, "me": {Exists: true}}})
		call := want[state.CallRemove](t, s.Update(state.DialogYes{}))
		if s.Dialog.Detour != c.want || call.Detour != c.want {
			t.Errorf("%v, config %t: %t, calls %t", c.links, c.can.WriteConfig.OK, s.Dialog.Detour, call.Detour)
		}
		s.Update(state.Removed{})
	}
	s.Session.Capabilities = never
	if can := s.CanRemove(api.Account{User: api.User{ID: "deleted"}}); can.OK || can.Why == "" {
		t.Errorf("a deleted account's links: %+v", can)
	}
}

func TestShutOut(t *testing.T) {
	t.Parallel()
	a, b := api.Identity{Provider: "p", Name: "a"}, api.Identity{Provider: "p", Name: "b"}
	account := func(provider string, exists bool) api.Account {
		return api.Account{User: api.User{AuthProvider: provider}, Exists: exists, Identities: []api.Identity{a, b}}
	}
	for _, c := range []struct {
		name    string
		account api.Account
		removed []api.Identity
		want    int
	}{
		{"both links", account(api.AuthProviderPlugin, true), []api.Identity{b, a}, 1},
		{"one of two", account(api.AuthProviderPlugin, true), []api.Identity{a}, 0},
		{"with a password", account(api.AuthProviderDefault, true), []api.Identity{a, b}, 0},
		{"an orphan", account(api.AuthProviderPlugin, false), []api.Identity{a, b}, 0},
	} {
		s := opened(t)
		d := state.Dialog{Accounts: map[string]api.Account{"u": c.account}}
		for _, i := range c.removed {
			d.Links = append(d.Links, api.Link{Identity: i, UserID: "u"})
		}
		s.Dialog = d
		if got := s.ShutOut(); len(got) != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestBothWarnings: an account that its own name opens again takes no warning from the others.
func TestBothWarnings(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Session.Capabilities.Adopts = true
	accounts, links := map[string]api.Account{}, []api.Link{}
	for _, name := range []string{"maria", "noah", "tomas"} {
		id := api.Identity{Provider: "p", Name: name + "-at-work"}
		if name == "maria" {
			id.Name = "Maria"
		}
		accounts[name] = api.Account{
			User: api.User{ID: name, Name: name, AuthProvider: api.AuthProviderPlugin}, Exists: true, Identities: []api.Identity{id},
		}
		links = append(links, api.Link{Identity: id, UserID: name})
	}
	s.Update(state.AskRemove{Links: links, Accounts: accounts})
	adopted, shutOut := s.Adopted(), s.ShutOut()
	if len(adopted) != 1 || adopted[0].Name != "maria" || len(shutOut) != 2 || shutOut[0].Name != "noah" {
		t.Errorf("opened again %v, shut out %v", adopted, shutOut)
	}
}

// TestPaletteFinds accounts, providers and servers.
func TestPaletteFinds(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Boot.Profiles = []api.Profile{{Name: "home"}, {Name: "Grandma"}}
	s.Update(state.ShowDialog{Kind: state.DialogPalette})
	find := want[state.CallFind](t, s.Update(state.Edit{Field: state.FieldCommand, Value: "m"}))
	s.Update(state.AccountsFound{Typed: "ma", Rows: find1("late")})
	s.Update(state.AccountsFound{Typed: find.Typed, Rows: find1("maria")})
	names := map[string]state.Msg{}
	for _, c := range s.Commands() {
		names[c.Name] = c.Msg
	}
	if names["maria"] != (state.OpenUser{ID: "maria"}) || names["late"] != nil || names["Grandma"] != (state.Open{Name: "Grandma"}) {
		t.Errorf("finds %v", names)
	}
	s.Update(state.Edit{Field: state.FieldCommand, Value: "provider idp"})
	s.Update(state.PaletteRun{Index: -1})
	if s.Screen != state.ScreenProviders {
		t.Errorf("on %q", s.Screen)
	}
	s.Update(state.ShowDialog{Kind: state.DialogPalette})
	none[state.CallFind](t, s.Update(state.Edit{Field: state.FieldCommand, Value: " "}))
}

func find1(name string) []api.RosterRow {
	return []api.RosterRow{{Account: api.Account{User: api.User{ID: name, Name: name}, Exists: true}}}
}
