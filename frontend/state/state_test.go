package state_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var now = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)

// full is what an administrator's token can do.
var full = api.Capabilities{
	Flavour:     api.Flavour9p4,
	Credential:  api.CredentialAdmin,
	ReadRoster:  api.Ability{OK: true},
	PostLink:    api.Ability{OK: true},
	DeleteLink:  api.Ability{OK: true},
	WriteConfig: api.Ability{OK: true},
	Unregister:  api.Ability{OK: true},
}

func opened(t *testing.T) *state.State {
	t.Helper()
	s := state.New(now)
	s.Update(state.Booted{})
	s.Update(state.KeyringChecked{Keyring: api.Keyring{OK: true}})
	cmds := s.Update(state.Connected{Session: api.Session{Profile: api.Profile{Name: "home"}, Capabilities: full}})
	page := want[state.CallPage](t, cmds)
	s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows(0, state.PageSize, 250)})
	s.Update(
		state.ProvidersLoaded{
			List: []api.ProviderDetail{
				{Provider: api.Provider{Protocol: api.OIDC, Name: "idp", Known: true, Enabled: true}},
			},
		},
	)
	return s
}

func rows(offset, n, total int) api.RosterPage {
	p := api.RosterPage{Offset: offset, Total: total, Counts: api.RosterCounts{All: total}}
	for i := range n {
		id := string(rune('A'+(offset+i)/26%26)) + string(rune('a'+(offset+i)%26))
		p.Rows = append(p.Rows, api.RosterRow{Account: api.Account{
			User: api.User{ID: id, Name: "user " + id}, Exists: true,
			Identities: []api.Identity{{Protocol: api.OIDC, Provider: "idp", Name: id}},
		}})
	}
	return p
}

// want returns the one command of a type.
func want[T any](t *testing.T, cmds []state.Cmd) T {
	t.Helper()
	var found []T
	for _, c := range cmds {
		if c, ok := c.(T); ok {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d commands of type %T among %#v", len(found), *new(T), cmds)
	}
	return found[0]
}

func none[T any](t *testing.T, cmds []state.Cmd) {
	t.Helper()
	for _, c := range cmds {
		if c, ok := c.(T); ok {
			t.Fatalf("unwanted command %#v", c)
		}
	}
}

func toasted(s *state.State, key string) bool {
	return slices.ContainsFunc(s.Toasts, func(t state.Toast) bool { return t.Key == key })
}

func TestLanguageOfTheSystem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ chosen, locale, page, want string }{
		{"", "", "de-AT", "de"}, {"system", "", "fr", "en"}, {"", "en-GB", "de", "en"}, {"de", "en", "en", "de"}, {"en", "", "de", "en"},
	} {
		s := state.New(now)
		s.PageLanguage, s.Boot.Locale, s.Boot.Settings.Language = c.page, c.locale, c.chosen
		if got := s.Text().Tag; got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
