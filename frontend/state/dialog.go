package state

import (
	"context"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

func (s *State) updateDialog(msg Msg) ([]Cmd, bool) {
	d := &s.Dialog
	switch m := msg.(type) {
	case AskRemove:
		s.askRemove(m.Links, m.Accounts)
	case AskRemoveSelected:
		links, accounts := s.Roster.SelectedLinks()
		if len(links) == 0 {
			return s.toast(&Toast{Key: "toast.nothingToRemove"}), true
		}
		s.askRemove(links, accounts)
	case StopRemoval:
		if d.Kind == DialogRemove && d.Busy && !d.Stopping {
			d.Stopping = true
			return []Cmd{CallStopChanges{}}, true
		}
	case AskUnregister:
		s.openDialog(Dialog{Kind: DialogUnregister, UserID: m.UserID})
		s.Form[FieldAuth] = ""
		return []Cmd{CallPlanUnregister(m)}, true
	case UnregisterPlanned:
		if d.Kind != DialogUnregister || d.UserID != m.UserID {
			return nil, true
		}
		d.Error = m.Err
		if m.Err == nil {
			d.Plan = &m.Plan
			if len(m.Plan.Providers) > 0 {
				s.Form[FieldAuth] = m.Plan.Providers[0].ID
			}
			return []Cmd{Focus{ID: "dialog-cancel"}}, true // the harmless button
		}
	case AcceptNoPassword:
		d.NoPassword = m.On
	case AskForget:
		s.openDialog(Dialog{Kind: DialogForget, Profile: m.Name})
	case AskDeleteSecret:
		if p := s.edited(); p != nil {
			s.openDialog(Dialog{Kind: DialogSecret, Protocol: p.Protocol, Provider: p.Name})
		}
	case AskNote:
		s.openDialog(Dialog{Kind: DialogNote, Identity: m.Identity})
		s.Form[FieldNote] = s.Note(m.Identity)
	case NoteSaved:
		d.Busy = false
		if m.Err != nil {
			if d.Kind == DialogNote {
				d.Error = m.Err
				return []Cmd{Focus{ID: "note"}}, true
			}
			return s.tell(m.Err), true
		}
		if s.Session != nil {
			s.Session.Notes = m.Notes
		}
		if d.Kind == DialogNote {
			s.closeDialog()
		}
	case AskRename:
		s.openDialog(Dialog{Kind: DialogRename, Profile: m.Name})
		s.Form[FieldRename] = m.Name
	case AskLocal:
		s.openDialog(Dialog{Kind: DialogLocal, Profile: m.Name})
		s.Form[FieldLocal] = ""
		for _, p := range s.Boot.Profiles {
			if p.Name == m.Name {
				s.Form[FieldLocal] = p.LocalAddress
			}
		}
	case ShowDialog:
		if d.Busy {
			return nil, true
		}
		if d.Kind == m.Kind {
			s.closeDialog()
			return nil, true
		}
		s.openDialog(Dialog{Kind: m.Kind})
		s.Form[FieldCommand] = ""
	case DialogYes:
		return s.dialogYes(), true
	case CloseDialog:
		if !d.Busy {
			s.closeDialog()
		}
	case AccountsFound:
		if d.Kind == DialogPalette && m.Typed == s.Form[FieldCommand] {
			d.Found = m.Rows
		}
	case PaletteMove:
		if n := len(s.Commands()); n > 0 {
			d.Choice = ((d.Choice+m.By)%n + n) % n
		}
	case PaletteRun:
		at := m.Index
		if at < 0 {
			at = d.Choice
		}
		list := s.Commands()
		if at >= len(list) {
			return nil, true
		}
		s.closeDialog()
		return s.Update(list[at].Msg), true
	case Escape:
		return s.escape(), true
	default:
		return nil, false
	}
	return nil, true
}

// askRemove asks before links are removed. It asks for the detour if some links cannot be removed otherwise. Links of a
// deleted account cannot take the detour.
func (s *State) askRemove(links []api.Link, accounts map[string]api.Account) {
	var singly, detour int
	for _, k := range links {
		switch {
		case s.Can().RemoveLink(s.self(), k.UserID, k.Name).OK:
			singly++
		case accounts[k.UserID].Exists && s.Can().RebuildLinks(s.self(), k.UserID):
			detour++
		}
	}
	s.openDialog(Dialog{
		Kind: DialogRemove, Links: links, Accounts: accounts, Detour: detour > 0 && singly+detour == len(links),
	})
}

// Adopted lists the accounts that one of the dialog's identities would open again at its next sign-in, in the order of the
// links.
func (s *State) Adopted() []api.Account {
	return s.Dialog.accounts(func(a api.Account, gone []api.Identity) bool { return a.TakesBack(s.Can().Adopts, gone) })
}

// ShutOut lists the accounts that nobody could sign in to without the dialog's links, in the order of the links. An account
// that its identity opens again is none of them.
func (s *State) ShutOut() []api.Account {
	return s.Dialog.accounts(func(a api.Account, gone []api.Identity) bool {
		return a.ShutOutWithout(gone) && !a.TakesBack(s.Can().Adopts, gone)
	})
}

// accounts lists the accounts for which a condition on the identities that they lose is true.
func (d *Dialog) accounts(is func(a api.Account, gone []api.Identity) bool) []api.Account {
	gone := map[string][]api.Identity{}
	for _, k := range d.Links {
		gone[k.UserID] = append(gone[k.UserID], k.Identity)
	}
	var list []api.Account
	for _, k := range d.Links {
		if ids, first := gone[k.UserID]; first && is(d.Accounts[k.UserID], ids) {
			list = append(list, d.Accounts[k.UserID])
		}
		delete(gone, k.UserID)
	}
	return list
}

// MayOpenByName reports whether the dialog would let the account's name alone open it.
func (s *State) MayOpenByName() bool {
	p := s.Dialog.Plan
	return p != nil && s.Can().UnregisterKept && p.MayOpenByName(s.Form[FieldAuth])
}

// RemovalRemarks says whom removing the dialog's links signs out or shuts out.
func (s *State) RemovalRemarks() []api.Remark {
	gone := map[string][]api.Identity{}
	var accounts []api.Account
	for _, k := range s.Dialog.Links {
		if _, seen := gone[k.UserID]; !seen {
			accounts = append(accounts, s.Dialog.Accounts[k.UserID])
		}
		gone[k.UserID] = append(gone[k.UserID], k.Identity)
	}
	can := s.Can()
	if s.Dialog.Detour { // says itself that sessions end
		can.RemovalEndsSessions = false
	}
	return can.RemovalRemarks(accounts, gone, s.Session.User)
}

func (s *State) openDialog(d Dialog) { s.Dialog, s.Menu = d, "" }

// closeDialog closes the dialog. The browser restores the focus.
func (s *State) closeDialog() { s.Dialog = Dialog{} }

func (s *State) dialogYes() []Cmd {
	d := &s.Dialog
	if d.Busy {
		return nil
	}
	d.Error = nil
	switch d.Kind {
	case DialogRemove:
		d.Busy, s.Progress = true, nil
		// The Stop button may be out of view.
		return []Cmd{CallRemove{Links: d.Links, Detour: d.Detour}, Focus{ID: "remove-stop"}}
	case DialogUnregister:
		if d.Plan == nil || s.Form[FieldAuth] == "" || s.MayOpenByName() && !d.NoPassword ||
			!s.Can().UnregisterTo(d.Plan.Account, d.Plan.Links, s.Form[FieldAuth]).OK {
			return nil
		}
		d.Busy = true
		return []Cmd{CallUnregister{UserID: d.UserID, AuthProvider: s.Form[FieldAuth]}}
	case DialogForget:
		d.Busy = true
		cmds := []Cmd{}
		if s.Session != nil && s.Session.Profile.Name == d.Profile {
			cmds = s.cancelFlows()
		}
		return append(cmds, CallForget{Name: d.Profile})
	case DialogSecret:
		d.Busy = true
		return []Cmd{CallDeleteSecret{Protocol: d.Protocol, Name: d.Provider}}
	case DialogRename:
		name := strings.TrimSpace(s.Form[FieldRename])
		if name == d.Profile {
			s.closeDialog()
			return nil
		}
		if name == "" {
			d.Error = s.says(api.CodeUsage, "rename.empty")
			return []Cmd{Focus{ID: "rename"}}
		}
		d.Busy = true
		return []Cmd{CallRename{Old: d.Profile, New: name}}
	case DialogNote:
		d.Busy = true
		return []Cmd{CallSaveNote{Note: api.IdentityNote{Identity: d.Identity, Text: s.Form[FieldNote]}}}
	case DialogLeave:
		then := d.Then
		s.closeDialog()
		s.sure = true
		defer func() { s.sure = false }()
		return s.Update(then)
	case DialogLocal:
		d.Busy = true
		return []Cmd{CallSetLocal{Name: d.Profile, Address: strings.TrimSpace(s.Form[FieldLocal])}}
	case DialogNone, DialogShortcuts, DialogPalette:
	}
	return nil
}

// escape closes the topmost thing only.
func (s *State) escape() []Cmd {
	switch {
	case s.Dialog.Kind != DialogNone:
		return s.Update(CloseDialog{})
	case s.Menu != "":
		return s.closeMenu()
	case s.Screen == ScreenAdd || s.Screen == ScreenConnect:
		return s.back()
	case s.Drawer.UserID != "" && s.Drawer.Linking && !s.Link.Running():
		return s.Update(LeaveLink{})
	case s.Drawer.UserID != "":
		return s.closeDrawer()
	case s.Screen == ScreenRoster && len(s.Roster.Selected) > 0:
		s.Roster.selectNone()
	case s.Screen == ScreenRoster && s.Roster.Search != "":
		s.Roster.Search, s.Roster.Query.Search = "", ""
		return s.query()
	default:
		s.Toasts = nil
	}
	return nil
}

// Command is a line of the palette.
type Command struct {
	Key  string // of the text
	Name string // fills {name}
	ID   string // tells apart what has the same name
	Icon string
	Msg  Msg
}

// Commands returns the palette's lines that match the typed text. There are none if the window could not start.
func (s *State) Commands() []Command {
	var all []Command
	switch {
	case s.Fatal != nil:
		all = append(all, Command{Key: "again", Icon: "refresh", Msg: Retry{}})
	case s.Session == nil:
		all = append(all, Command{Key: "nav.settings", Icon: "settings", Msg: Go{Screen: ScreenSettings}})
	default:
		all = s.sessionCommands()
	}
	if s.Fatal == nil {
		for _, p := range s.Boot.Profiles {
			if s.Session == nil || p.Name != s.Session.Profile.Name {
				all = append(all, Command{Key: "command.open", Name: p.Name, Icon: "server", Msg: Open{Name: p.Name}})
			}
		}
		all = append(all,
			Command{Key: "command.add", Icon: "plus", Msg: AddServer{}},
			Command{Key: "command.light", Icon: "sun", Msg: SetTheme{Theme: "light"}},
			Command{Key: "command.dark", Icon: "moon", Msg: SetTheme{Theme: "dark"}})
	}
	all = append(all,
		Command{Key: "command.shortcuts", Icon: "keyboard", Msg: ShowDialog{Kind: DialogShortcuts}},
		Command{Key: "command.quit", Icon: "close", Msg: Quit{}})
	typed := strings.ToLower(strings.TrimSpace(s.Form[FieldCommand]))
	if typed == "" {
		return all
	}
	l := s.Text()
	var match []Command
	for _, c := range append(all, s.providerCommands()...) {
		if strings.Contains(strings.ToLower(l.T(c.Key, "name", c.Name)), typed) {
			match = append(match, c)
		}
	}
	for _, a := range s.Dialog.Found {
		if a.Exists {
			match = append(match, Command{Key: "command.account", Name: a.Name, ID: a.ID, Icon: "person", Msg: OpenUser{ID: a.ID}})
		}
	}
	return match
}

// providerCommands are the lines that lead to a provider.
func (s *State) providerCommands() []Command {
	var list []Command
	for _, p := range s.Providers.List {
		list = append(list, Command{
			Key: "command.provider", Name: p.Name, ID: ProviderID(p.Protocol, p.Name), Icon: "providers",
			Msg: ShowProvider{Protocol: p.Protocol, Name: p.Name},
		})
	}
	return list
}

// CallSaveNote writes down what is known about an identity.
type CallSaveNote struct{ Note api.IdentityNote }

// NoteSaved answers CallSaveNote with all notes of the server.
type NoteSaved struct {
	Notes []api.IdentityNote
	Err   *api.Error
}

// Do calls SaveNote.
func (c CallSaveNote) Do(ctx context.Context, b Backend) Msg {
	notes, err := get[[]api.IdentityNote](ctx, b, "SaveNote", c.Note)
	return NoteSaved{Notes: notes, Err: err}
}

// CallFind looks for accounts that match what was typed into the palette.
type CallFind struct {
	Typed string
	Query api.RosterQuery
}

// AccountsFound answers CallFind.
type AccountsFound struct {
	Typed string
	Rows  []api.RosterRow
}

// Do calls RosterPage. A failure finds nothing.
func (c CallFind) Do(ctx context.Context, b Backend) Msg {
	page, _ := get[api.RosterPage](ctx, b, "RosterPage", c.Query)
	return AccountsFound{Typed: c.Typed, Rows: page.Rows}
}

// find looks for the accounts that the palette shows.
func (s *State) find() []Cmd {
	const most = 8
	typed := s.Form[FieldCommand]
	s.Dialog.Found = nil
	if s.Session == nil || s.Plain() || !s.Roster.Loaded || strings.TrimSpace(typed) == "" {
		return nil
	}
	q := api.RosterQuery{Search: typed, Sort: api.SortName, Limit: most, Language: s.Text().Tag}
	return []Cmd{CallFind{Typed: typed, Query: q}}
}

// sessionCommands are the lines for the open server.
func (s *State) sessionCommands() []Command {
	var all []Command
	if !s.Plain() {
		all = append(all, Command{Key: "nav.roster", Icon: "users", Msg: Go{Screen: ScreenRoster}})
	}
	own := Command{Key: "nav.self", Icon: "kit", Msg: Go{Screen: ScreenOwn}}
	if s.Plain() {
		own = Command{Key: "nav.own", Icon: "person", Msg: Go{Screen: ScreenOwn}}
	}
	all = append(all,
		Command{Key: "nav.providers", Icon: "providers", Msg: Go{Screen: ScreenProviders}}, own,
		Command{Key: "nav.history", Icon: "history", Msg: Go{Screen: ScreenHistory}},
		Command{Key: "nav.settings", Icon: "settings", Msg: Go{Screen: ScreenSettings}})
	if !s.Plain() {
		all = append(all,
			Command{Key: "command.search", Icon: "search", Msg: FocusSearch{}},
			Command{Key: "command.refresh", Icon: "refresh", Msg: Refresh{}},
			Command{Key: "command.unlinked", Icon: "filter", Msg: Filter{Filter: api.FilterUnlinked, Only: true}},
			Command{Key: "command.atRisk", Icon: "filter", Msg: Filter{Filter: api.FilterAtRisk, Only: true}})
	}
	if d := s.Drawer; d.Row != nil && d.Row.Exists && s.CanLink(d.UserID).OK {
		all = append(
			[]Command{{Key: "command.link", Name: d.Row.Name, Icon: "link", Msg: StartLinking{Account: d.Row.User}}},
			all...)
	}
	for _, k := range s.Links() {
		back := Command{Key: "command.return", Name: k.Account.Name, Icon: "link", Msg: ReturnToLink{UserID: k.Account.ID}}
		all = append([]Command{back}, all...)
	}
	return all
}
