package views_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
	"github.com/jellybind/jellybind/frontend/views"
)

var rosterCases = map[string]func() *state.State{
	"row-menu": func() *state.State {
		return after(opened(api.Settings{}, false), state.OpenRowMenu{Index: 0, X: 20.25, Y: 9})
	},
	"roster-filters": func() *state.State {
		return after(opened(german, false), state.Filter{Filter: api.FilterUnlinked}, state.Filter{Filter: api.FilterAdministrator},
			state.FilterProvider{Protocol: api.SAML, Name: "keycloak", Without: true})
	},
	"row-menu-de": func() *state.State { return after(opened(german, false), state.OpenRowMenu{Index: 3}) },
	"roster-outdated": func() *state.State {
		return after(opened(api.Settings{}, false), state.Refresh{}, state.Refreshed{Err: &api.Error{
			Code: api.CodeServerUnreachable, Why: "refused", Params: map[string]string{"host": "jf.example"},
		}})
	},
	"roster":      func() *state.State { return opened(api.Settings{}, false) },
	"roster-demo": func() *state.State { return opened(api.Settings{}, true) },
	"roster-de":   func() *state.State { return opened(german, false) },
	"roster-nothing": func() *state.State {
		s := opened(api.Settings{}, false)
		for _, c := range s.Update(state.Edit{Field: state.FieldSearch, Value: hostile}) {
			if page, ok := c.(state.CallPage); ok {
				s.Update(state.PageLoaded{Generation: page.Generation, Rows: api.RosterPage{Counts: accounts().Counts}})
			}
		}
		return s
	},
	"roster-selected": func() *state.State {
		return after(opened(api.Settings{}, false), state.Select{Index: 0}, state.Select{Index: 2, Range: true})
	},
	"roster-changed": func() *state.State {
		s := fresh(api.Settings{})
		for _, c := range s.Update(state.Connected{Session: api.Session{Profile: api.Profile{Name: "Home"}, Capabilities: can}}) {
			if page, ok := c.(state.CallPage); ok {
				rows := accounts()
				rows.Counts.Changed = 1
				s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows})
			}
		}
		return s
	},
	"roster-reading": func() *state.State {
		s := fresh(api.Settings{})
		return after(s, state.Connected{Session: api.Session{Profile: api.Profile{Name: "Home"}, Capabilities: can}},
			state.Working{Progress: api.Progress{Step: "reading-roster", Done: 1250}})
	},
	"roster-partial": func() *state.State {
		s := fresh(api.Settings{})
		s.Update(state.Connected{Session: api.Session{Profile: api.Profile{Name: "Home"}, Capabilities: can}})
		for _, c := range s.Update(state.RosterChanged{}) {
			if page, ok := c.(state.CallPage); ok {
				rows := accounts()
				rows.Rows[1].Account = api.Account{User: rows.Rows[1].User, Exists: true, Unread: true}
				s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows})
			}
		}
		return after(s, state.Working{Progress: api.Progress{Step: "reading-links", Done: 120, Total: 300}})
	},
	"roster-key": func() *state.State {
		s, key := fresh(api.Settings{}), can
		key.Credential, key.ReadRoster = api.CredentialKey, api.Ability{Why: "key-roster"}
		for _, c := range s.Update(state.Connected{Session: api.Session{
			Profile: api.Profile{Name: "Home"}, Stored: true, Capabilities: key,
		}}) {
			if page, ok := c.(state.CallPage); ok {
				s.Update(state.PageLoaded{
					Generation: page.Generation, Err: &api.Error{Code: api.CodeForbidden, Why: "key-roster"},
				})
			}
		}
		return s
	},
	"roster-failed": func() *state.State {
		s := fresh(api.Settings{})
		for _, c := range s.Update(state.Connected{Session: api.Session{Profile: api.Profile{Name: "Home"}, Capabilities: can}}) {
			if page, ok := c.(state.CallPage); ok {
				s.Update(state.PageLoaded{Generation: page.Generation, Err: &api.Error{Code: api.CodeTimeout}})
			}
		}
		return s
	},
	"servers-menu": func() *state.State {
		return after(stored(opened(api.Settings{}, false)), state.OpenMenu{ID: "servers"})
	},
}

// TestRowsAreFew keeps the roster drawn by windows: ten thousand accounts must not make more nodes than a screen needs.
func TestRowsAreFew(t *testing.T) {
	t.Parallel()
	s := opened(api.Settings{}, false)
	page := accounts()
	page.Total = 10000
	for len(page.Rows) < state.PageSize {
		row := page.Rows[0]
		row.ID += string(rune('a' + len(page.Rows)%26))
		page.Rows = append(page.Rows, row)
	}
	for _, c := range s.Update(state.Edit{Field: state.FieldSearch, Value: "a"}) {
		if call, ok := c.(state.CallPage); ok {
			s.Update(state.PageLoaded{Generation: call.Generation, Rows: page})
		}
	}
	rows := 0
	var walk func(*dom.Node)
	walk = func(n *dom.Node) {
		for _, a := range n.Attrs {
			if a.Name == "role" && a.Value == "row" {
				rows++
			}
		}
		for _, k := range n.Kids {
			walk(k)
		}
	}
	walk(views.Window(s))
	if rows < 10 || rows > 40 {
		t.Errorf("%d rows are drawn", rows)
	}
}

// TestSearchFieldStays: a person who types while the accounts arrive keeps the same field.
func TestSearchFieldStays(t *testing.T) {
	t.Parallel()
	s, tree := fresh(api.Settings{}), dom.NewTree()
	show := func() {
		for _, o := range tree.Replace(views.Window(s)) {
			if s.Roster.Loaded && o.Kind == dom.OpElement && o.Name == "input" {
				t.Error("a field is made again")
			}
		}
	}
	answer := func(cmds []state.Cmd, rows api.RosterPage, err *api.Error) {
		for _, c := range cmds {
			if page, ok := c.(state.CallPage); ok {
				s.Update(state.PageLoaded{Generation: page.Generation, Rows: rows, Err: err})
			}
		}
		show()
	}
	session := api.Session{Profile: api.Profile{Name: "Home", URL: "https://jf.example"}, Capabilities: can}
	answer(s.Update(state.Connected{Session: session}), api.RosterPage{}, &api.Error{Code: api.CodeServerUnreachable})
	answer(s.Update(state.Edit{Field: state.FieldSearch, Value: "a"}), api.RosterPage{Rows: []api.RosterRow{}}, nil)
	if !s.Roster.Loaded {
		t.Error("no accounts have come")
	}
}
