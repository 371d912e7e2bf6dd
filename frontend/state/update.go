package state

import (
	"slices"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// Update changes the state for a message and returns the commands to run.
func (s *State) Update(msg Msg) []Cmd {
	parts := [...]func(*State, Msg) ([]Cmd, bool){
		(*State).updateConnect, (*State).updateRoster, (*State).updateAccount, (*State).updateLink, (*State).updateDialog,
		(*State).updateProviders, (*State).updateHistory, (*State).updateSettings, (*State).updateRest,
	}
	for _, part := range parts {
		if cmds, taken := part(s, msg); taken {
			return cmds
		}
	}
	return nil
}

// Answer is Update for the answer to a command from the given epoch. An epoch ends when a server is left. An answer from an
// earlier epoch belongs to another server: only its failure is shown. Sign-ins and links compare numbers instead.
func (s *State) Answer(epoch int, msg Msg) []Cmd {
	if epoch == s.Epoch {
		return s.Update(msg)
	}
	switch m := msg.(type) {
	case NoteSaved:
		return s.tell(m.Err)
	case Refreshed, AccountLoaded, ChangesLoaded, ProvidersLoaded, ProviderTested, SelfLoaded, UnregisterPlanned:
		return nil
	case ProviderSaved:
		return s.tell(m.Err)
	case SecretDeleted:
		return s.tell(m.Err)
	case Removed:
		return s.tell(m.Err)
	case Unregistered:
		return s.tell(m.Err)
	case Undone:
		return s.tell(m.Err)
	}
	return s.Update(msg)
}

// Start returns the first commands.
func (s *State) Start() []Cmd { return []Cmd{CallBootstrap{Language: s.PageLanguage}, CallKeyring{}} }

// toast shows a short message. With Undo or an error it stays longer.
func (s *State) toast(t *Toast) []Cmd {
	s.toastID++
	t.ID = s.toastID
	s.Toasts = append(s.Toasts, *t)
	if len(s.Toasts) > 3 {
		s.Toasts = s.Toasts[len(s.Toasts)-3:]
	}
	delay := 6 * time.Second
	if len(t.Undo) > 0 || t.Error != nil {
		delay = 20 * time.Second
	}
	return []Cmd{After{Delay: delay, Msg: CloseToast{ID: t.ID}}}
}

// tell shows an error, unless it is nil or the person cancelled.
func (s *State) tell(err *api.Error) []Cmd {
	if err == nil || err.Code == api.CodeCancelled {
		return nil
	}
	return s.toast(&Toast{Error: err})
}

// call numbers a call, so that a late answer to an earlier one is recognised.
func (s *State) call() int {
	s.calls++
	return s.calls
}

// home returns where the focus goes if its element is gone.
func (s *State) home() Focus {
	switch {
	case s.Drawer.UserID != "":
		return Focus{ID: "drawer-title"}
	case s.Screen == ScreenRoster && s.Roster.Total > 0:
		return Focus{ID: RowID(s.Roster.Tabbed())}
	}
	return Focus{ID: "title"}
}

func (s *State) closeToast(id int) {
	s.Toasts = slices.DeleteFunc(s.Toasts, func(t Toast) bool { return t.ID == id })
}

// show switches to a screen and loads what it needs.
func (s *State) show(screen Screen) []Cmd {
	var cmds []Cmd
	if s.Screen == ScreenAdd || s.Screen == ScreenConnect {
		cmds = s.stopConnecting()
	}
	s.Screen, s.Menu = screen, ""
	return append(cmds, s.loadScreen()...)
}

// loadScreen loads what the screen needs.
func (s *State) loadScreen() []Cmd {
	focus := Focus{ID: "title"}
	switch s.Screen {
	case ScreenRoster:
		if !s.Roster.Loaded || s.Roster.Error != nil {
			return append(s.load(), Focus{ID: "search"})
		}
		return []Cmd{ScrollTo{Top: s.Roster.Scroll}, focus}
	case ScreenProviders:
		s.Providers.Loading = true
		return []Cmd{CallProviders{}, focus}
	case ScreenHistory:
		return []Cmd{CallChanges{}, focus}
	case ScreenOwn:
		if s.Plain() && s.Session.User != nil {
			return []Cmd{CallAccount{UserID: s.Session.User.ID}, focus}
		}
		return []Cmd{CallSelf{}, focus}
	case ScreenSettings:
		s.Form[FieldBrowser] = s.Boot.Settings.Browser
		s.Form[FieldPorts] = joinPorts(s.Boot.Settings.Ports)
		s.Settings = Settings{}
		return []Cmd{focus}
	case ScreenWelcome, ScreenAdd:
		s.Welcome.Error = nil
		s.Welcome.Looking = true
		if s.Screen == ScreenWelcome && len(s.Boot.Profiles) == 0 && s.Form[FieldAddress] == "" {
			return []Cmd{CallDiscover{}, Focus{ID: "demo"}} // a first start: Enter is enough to look around
		}
		return []Cmd{CallDiscover{}, Focus{ID: "address"}}
	case ScreenStarting, ScreenConnect, ScreenOpening:
	}
	return []Cmd{focus}
}

func (s *State) updateRest(msg Msg) ([]Cmd, bool) {
	switch m := msg.(type) {
	case Edit:
		return s.edit(m), true
	case Go:
		s.Drawer = Drawer{} // it belongs to the previous screen; a running link goes on
		if s.Session == nil && (s.Screen == ScreenConnect || s.Screen == ScreenOpening || s.Welcome.Probing) {
			return append(s.away(), s.show(m.Screen)...), true
		}
		s.dropLink()
		return s.show(m.Screen), true
	case Retry:
		if s.Fatal != nil {
			s.Fatal, s.Booted = nil, false
			return s.Start(), true
		}
		cmds := s.show(s.Screen) // it loads what failed
		s.History.Error, s.Self.Error, s.Providers.Error, s.Roster.Error = nil, nil, nil, nil
		return cmds, true
	case SelfLoaded:
		s.Self.Error = m.Err
		if m.Err == nil {
			s.Self.Kit = &m.Kit
		}
	case CopyText:
		return []Cmd{Copy(m)}, true
	case Copied:
		if m.Err == nil {
			return s.toast(&Toast{Key: "toast.copied"}), true
		}
		return s.tell(m.Err), true
	case Called:
		return s.tell(m.Err), true
	case Working:
		s.Progress = &m.Progress
	case Tick:
		s.Now = m.Now
	case CloseToast:
		s.closeToast(m.ID)
	case RunInMenu:
		cmds := s.closeMenu()
		return append(cmds, s.Update(m.Msg)...), true
	case ShowProvider:
		return append(s.show(ScreenProviders), Focus{ID: "provider-" + ProviderID(m.Protocol, m.Name)}), true
	case Nothing:
	case OpenMenu:
		if s.Menu == m.ID {
			return s.closeMenu(), true
		}
		s.Menu = m.ID
		return []Cmd{Focus{ID: m.ID + "-menu"}}, true
	case CloseMenu:
		return s.closeMenu(), true
	case Quit:
		return []Cmd{CallQuit{}}, true
	default:
		return nil, false
	}
	return nil, true
}

// closeMenu closes the menu and returns the focus to its button.
func (s *State) closeMenu() []Cmd {
	id := s.Menu
	s.Menu = ""
	if id == "row" {
		id = RowID(s.RowMenu.Index)
	}
	return []Cmd{Focus{ID: id}}
}

// dropUndo removes the messages that offer Undo.
func (s *State) dropUndo() {
	s.Toasts = slices.DeleteFunc(s.Toasts, func(t Toast) bool { return len(t.Undo) > 0 })
}

// afterChange reloads what a change of links affects. Earlier changes may no longer be undoable, so their messages go. The
// history still offers what can be undone.
func (s *State) afterChange() []Cmd {
	s.dropUndo()
	s.DemoChanged = s.Demo()
	cmds := s.load()
	if s.Drawer.UserID != "" {
		cmds = append(cmds, CallAccount{UserID: s.Drawer.UserID}, CallChanges{UserID: s.Drawer.UserID})
	}
	switch s.Screen {
	case ScreenHistory:
		cmds = append(cmds, CallChanges{})
	case ScreenOwn:
		if s.Plain() {
			cmds = append(cmds, CallAccount{UserID: s.Session.User.ID})
		}
	default:
	}
	return append(cmds, CallProviders{})
}

func (s *State) edit(m Edit) []Cmd {
	s.Form[m.Field] = m.Value
	switch m.Field {
	case FieldSubject:
		s.Link.Request.Name = m.Value
	case FieldCommand:
		s.Dialog.Choice = 0
		return s.find()
	case FieldPorts:
		s.Settings.Error = nil
	case FieldAddress:
		s.Welcome.Error = nil
	default:
	}
	return nil
}

// GlobalKey turns a key press without a handler into a message.
func (s *State) GlobalKey(key string, ctrl, alt, editable bool) (Msg, bool) {
	if key == "Escape" {
		return Escape{}, true
	}
	if !s.Booted || alt {
		return nil, false
	}
	if ctrl || key == "F5" {
		return s.ctrlKey(key, editable)
	}
	if editable || s.Dialog.Kind != DialogNone || !s.SingleKeys() {
		return nil, false
	}
	switch key {
	case "/":
		return FocusSearch{}, s.Session != nil && !s.Plain()
	case "?":
		return ShowDialog{Kind: DialogShortcuts}, true
	}
	return nil, false
}

// ctrlKey is GlobalKey for keys with Control, or Command on a Mac, and for F5. The browser would reload the page, select its
// whole text, or search in what happens to be drawn.
func (s *State) ctrlKey(key string, editable bool) (Msg, bool) {
	in := s.Session != nil && s.Screen != ScreenAdd && s.Screen != ScreenConnect && s.Dialog.Kind == DialogNone
	switch key {
	case "k", "K":
		return ShowDialog{Kind: DialogPalette}, true
	case "f", "F":
		if in && !s.Plain() {
			return FocusSearch{}, true
		}
		return Nothing{}, true
	case "F5", "r", "R":
		switch {
		case in && s.Screen == ScreenRoster:
			return Refresh{}, true
		case in && s.Screen != ScreenSettings:
			return Retry{}, true
		}
		return Nothing{}, true
	}
	if editable {
		return nil, false
	}
	switch key {
	case "a", "A":
		if in && s.Screen == ScreenRoster {
			return SelectAll{}, true
		}
		return Nothing{}, true
	case "z":
		if in {
			return UndoLast{}, true
		}
	}
	return nil, false
}
