package views

import (
	"slices"
	"strconv"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

func dialog(s *stateOf, l *catalogue) *dom.Node {
	switch s.Dialog.Kind {
	case state.DialogRemove:
		return removeDialog(s, l)
	case state.DialogUnregister:
		return unregisterDialog(s, l)
	case state.DialogForget:
		return deleteDialog(s, l, "forget", s.Dialog.Profile)
	case state.DialogSecret:
		return deleteDialog(s, l, "secret", s.Dialog.Provider)
	case state.DialogRename:
		return components.Dialog(l, "ask", l.T("rename.title"), state.CloseDialog{},
			dom.E("form", dom.Class("stack"), dom.OnSubmit(state.DialogYes{}),
				components.Field(components.Input{
					ID:    "rename",
					Label: l.T("connect.name"),
					Value: s.Form[state.FieldRename],
					Msg:   editMsg(state.FieldRename),
					Parts: []any{dom.Flag("autofocus", true)},
				}),
				components.Error(l, s.Dialog.Error),
				buttons(s, l, components.Submit(l.T("rename.yes"), s.Dialog.Busy))))
	case state.DialogNote:
		return noteDialog(s, l)
	case state.DialogLocal:
		return components.Dialog(l, "ask", l.T("local.set.title", "name", api.Printable(s.Dialog.Profile)), state.CloseDialog{},
			dom.E("form", dom.Class("stack"), dom.OnSubmit(state.DialogYes{}),
				components.Field(components.Input{
					ID:          "local",
					Label:       l.T("local.set.label"),
					Hint:        l.T("local.set.hint"),
					Value:       s.Form[state.FieldLocal],
					Placeholder: "http://192.168.1.20:8096",
					Mono:        true,
					Msg:         editMsg(state.FieldLocal),
					Parts:       []any{dom.Flag("autofocus", true)},
				}),
				components.Error(l, s.Dialog.Error),
				buttons(s, l, components.Submit(l.T("local.set.yes"), s.Dialog.Busy))))
	case state.DialogLeave:
		return leaveDialog(s, l)
	case state.DialogShortcuts:
		return shortcuts(s, l)
	case state.DialogPalette:
		return palette(s, l)
	case state.DialogNone:
	}
	return nil
}

// noteDialog asks for what is known about an identity.
func noteDialog(s *stateOf, l *catalogue) *dom.Node {
	i := s.Dialog.Identity
	return components.Dialog(l, "ask", l.T("note.title", "name", api.Printable(i.Name), "provider", api.Printable(i.Provider)),
		state.CloseDialog{},
		dom.E("form", dom.Class("stack"), dom.OnSubmit(state.DialogYes{}),
			components.Field(components.Input{
				ID: "note", Label: l.T("note.label"), Hint: l.T("note.hint"), Value: s.Form[state.FieldNote], Msg: editMsg(state.FieldNote),
				Parts: []any{dom.Flag("autofocus", true)},
			}),
			components.Error(l, s.Dialog.Error),
			buttons(s, l, components.Submit(l.T("save"), s.Dialog.Busy))))
}

// deleteDialog asks before something is deleted from this computer. key selects its texts.
func deleteDialog(s *stateOf, l *catalogue, key, name string) *dom.Node {
	return components.Dialog(l, "ask", l.T(key+".title", "name", api.Printable(name)), state.CloseDialog{},
		dom.E("p", l.T(key+".text")),
		components.Error(l, s.Dialog.Error),
		buttons(s, l, components.Danger(l.T(key+".yes"), state.DialogYes{}, dom.Flag("disabled", s.Dialog.Busy),
			busyOr(s.Dialog.Busy, "trash"))))
}

// leaveDialog asks before the open server is left and something is lost.
func leaveDialog(s *stateOf, l *catalogue) *dom.Node {
	name := s.Session.Profile.Name
	if s.Demo() {
		name = l.T("demo.server")
	}
	var lost []*dom.Node
	for _, k := range s.Pending() {
		lost = append(lost, dom.E("li", l.T("leave.link", "name", api.Printable(k.Account.Name))))
	}
	if s.DemoChanged {
		lost = append(lost, dom.E("li", l.T("leave.demo")))
	}
	return components.Dialog(l, "ask", l.T("leave.title", "name", api.Printable(name)), state.CloseDialog{},
		dom.E("ul", dom.Class("effects"), lost),
		buttons(s, l, components.Danger(l.T("leave.yes"), state.DialogYes{}, dom.ID("leave-yes"))))
}

// buttons are the buttons of a dialog. The harmless one has the focus, so that Enter alone deletes nothing.
func buttons(s *stateOf, l *catalogue, yes *dom.Node) *dom.Node {
	forms := []state.DialogKind{state.DialogRename, state.DialogLocal, state.DialogNote} // their field has the focus
	return dom.E("div", dom.Class("actions end"),
		components.Secondary(l.T("cancel"), state.CloseDialog{}, dom.ID("dialog-cancel"), dom.Flag("disabled", s.Dialog.Busy),
			dom.Flag("autofocus", !slices.Contains(forms, s.Dialog.Kind))), yes)
}

// removeButtons are buttons that can also stop a running removal.
func removeButtons(s *stateOf, l *catalogue, yes *dom.Node) *dom.Node {
	if d := &s.Dialog; d.Busy && len(d.Links) > 1 {
		return dom.E("div", dom.Class("actions end"), components.Secondary(l.T("remove.stop"), state.StopRemoval{},
			dom.ID("remove-stop"), dom.Flag("autofocus", true), dom.Flag("disabled", d.Stopping)), yes)
	}
	return buttons(s, l, yes)
}

func removeDialog(s *stateOf, l *catalogue) *dom.Node {
	d := &s.Dialog
	const most = 6
	var list []*dom.Node
	for i, k := range d.Links {
		if i == most {
			list = append(list, dom.E("li", dom.Class("muted"), l.T("row.more", "n", l.Number(len(d.Links)-most))))
			break
		}
		list = append(list, dom.E("li", dom.Key(strconv.Itoa(i)), dom.Class("remove-line"),
			components.Chip(k.Identity, s.Note(k.Identity)), components.Icon("forward"),
			dom.E("span", components.Name(accountName(l, d.Accounts[k.UserID])))))
	}
	words, yes, undo := dom.E("p", l.N("remove.text", len(d.Links))), l.N("remove.yes", len(d.Links)), "remove.undo"
	if d.Detour {
		words, yes, undo = components.Banner("warn", "alert", dom.E("p", dom.Class("banner-title"), l.T("remove.detour")),
			dom.E("p", l.T("remove.detour.text"))), l.T("remove.detour.yes"), "remove.undo.sessions"
	}
	switch deleted := func(k api.Link) bool { return !d.Accounts[k.UserID].Exists }; {
	case !s.CanWrite():
		undo = "remove.undo.signin"
	case slices.ContainsFunc(d.Links, deleted):
		undo = "remove.undo.orphan"
	}
	shutOut, adopted := s.ShutOut(), s.Adopted()
	remarks := s.RemovalRemarks()
	if s.Can().PasswordsOff.On {
		shutOut = nil // the remarks say it
	}
	return components.Dialog(
		l,
		"ask",
		l.N("remove.title", len(d.Links)),
		state.CloseDialog{},
		dom.E("ul", dom.Class("remove-list"), list),
		words,
		dom.If(len(remarks) > 0, func() *dom.Node { return components.Banner("warn", "alert", remarkLines(l, remarks)) }),
		concerned(l, "remove.adopts", adopted),
		concerned(l, "remove.shutOut", shutOut),
		muted(l.T(undo)),
		components.Error(l, d.Error),
		progress(s, d.Busy),
		removeButtons(
			s,
			l,
			components.Danger(
				yes,
				state.DialogYes{},
				dom.ID("remove-yes"),
				dom.Flag("disabled", d.Busy),
				busyOr(d.Busy, "unlink"),
			),
		),
	)
}

// concerned warns of what a removal means for some accounts, and lists them if there are several.
func concerned(l *catalogue, key string, accounts []api.Account) *dom.Node {
	if len(accounts) == 0 {
		return nil
	}
	const most = 100
	var list []*dom.Node
	for i, a := range accounts {
		if i == most {
			list = append(list, dom.E("li", dom.Class("muted"), l.T("row.more", "n", l.Number(len(accounts)-most))))
			break
		}
		list = append(list, dom.E("li", dom.Key(a.ID), components.Name(a.Name)))
	}
	return components.Banner("warn", "alert",
		dom.E("p", l.N(key, len(accounts), "name", api.Printable(accounts[0].Name))),
		dom.If(len(accounts) > 1, func() *dom.Node {
			return dom.E("details", dom.Class("concerned"), dom.E("summary", l.T("remove.which")), dom.E("ul", dom.Class("effects"), list))
		}))
}

func unregisterDialog(s *stateOf, l *catalogue) *dom.Node {
	d := &s.Dialog
	if d.Plan == nil {
		body := components.Loading(l.T("unregister.planning"))
		if d.Error != nil {
			body = components.Error(l, d.Error)
		}
		return components.Dialog(l, "ask", l.T("unregister.title"), state.CloseDialog{}, body)
	}
	p := d.Plan
	choices := make([]components.Choice, len(p.Providers))
	for i, a := range p.Providers {
		choices[i] = components.Choice{Value: a.ID, Label: api.Printable(a.Name)}
	}
	can := s.Can().UnregisterTo(p.Account, p.Links, s.Form[state.FieldAuth])
	undo := "remove.undo"
	if s.Can().UnregisterDrops {
		undo = "remove.undo.sessions"
	}
	return components.Dialog(
		l,
		"ask",
		l.T("unregister.ask", "name", api.Printable(p.Account.Name)),
		state.CloseDialog{},
		dom.If(s.Can().UnregisterKept, func() *dom.Node { return dom.E("p", l.T("unregister.what")) }),
		components.Select("auth", l.T("fact.provider"), s.Form[state.FieldAuth], choices, editMsg(state.FieldAuth)),
		dom.E("ul", dom.Class("effects"), remarkItems(l, p.Remarks)),
		muted(l.T(undo)),
		dom.If(p.NoPassword, func() *dom.Node {
			return components.Banner("warn", "alert", dom.E("p", l.T("unregister.noPassword")))
		}),
		dom.If(s.MayOpenByName() && p.PasswordUnknown, func() *dom.Node {
			return components.Banner("warn", "alert", dom.E("p", l.T("unregister.passwordUnknown")))
		}),
		dom.If(s.MayOpenByName(), func() *dom.Node {
			return components.Checkbox("no-password", l.T("unregister.accept", "name", api.Printable(p.Account.Name)), d.NoPassword,
				func(on bool) any { return state.AcceptNoPassword{On: on} })
		}),
		dom.If(!can.OK, func() *dom.Node { return components.Banner("info", "info", dom.E("p", ability(l, "unregister", can))) }),
		components.Error(l, d.Error),
		buttons(
			s,
			l,
			components.Danger(
				l.T("unregister.yes"),
				state.DialogYes{},
				dom.Flag("disabled", d.Busy || !can.OK || s.MayOpenByName() && !d.NoPassword),
				busyOr(d.Busy, "signout"),
			),
		),
	)
}

// remarkLines are remarks as paragraphs.
func remarkLines(l *catalogue, remarks []api.Remark) []*dom.Node {
	lines := make([]*dom.Node, len(remarks))
	for i, r := range remarks {
		lines[i] = dom.E("p", l.Why(r.Why, r.Params))
	}
	return lines
}

// remarkItems are remarks as items of a list.
func remarkItems(l *catalogue, remarks []api.Remark) []*dom.Node {
	list := make([]*dom.Node, len(remarks))
	for i, r := range remarks {
		list[i] = dom.E("li", l.Why(r.Why, r.Params))
	}
	return list
}

// shortcuts lists the keyboard shortcuts. It leaves out single keys while they are turned off.
func shortcuts(s *stateOf, l *catalogue) *dom.Node {
	ctrl := ctrl(s, l)
	single := func(key, name string) []string {
		if !s.SingleKeys() {
			return nil
		}
		return []string{key, name}
	}
	group := func(title string, lines ...[]string) *dom.Node {
		var list []*dom.Node
		for _, line := range lines {
			if line == nil {
				continue
			}
			var keys []*dom.Node
			for _, k := range line[1:] {
				keys = append(keys, components.Key(k))
			}
			list = append(list, dom.E("div", dom.Class("shortcut"), dom.E("dt", l.T(line[0])), dom.E("dd", keys)))
		}
		return dom.E("section", dom.E("h3", l.T(title)), dom.E("dl", list))
	}
	note := "keys.single.on"
	if !s.SingleKeys() {
		note = "keys.single.off"
	}
	return components.Dialog(l, "shortcuts", l.T("command.shortcuts"), state.CloseDialog{},
		dom.E("div", dom.Class("two"),
			group("keys.anywhere",
				[]string{"command.palette", ctrl, "K"}, []string{"command.search", ctrl, "F"}, single("command.search", "/"),
				[]string{"keys.refresh", "F5"}, []string{"keys.undo", ctrl, "Z"}, single("command.shortcuts", "?"),
				[]string{"keys.close", "Esc"}),
			group("nav.roster",
				[]string{"keys.move", "↑", "↓"}, []string{"keys.page", l.T("key.pageUp"), l.T("key.pageDown")},
				[]string{"keys.ends", l.T("key.home"), l.T("key.end")},
				[]string{"keys.open", "Enter"}, single("link.do", "L"), []string{"keys.select", l.T("key.space")},
				[]string{"keys.range", "⇧", l.T("key.space")}, []string{"keys.all", ctrl, "A"},
				[]string{"keys.menu", "⇧", "F10"})),
		muted(l.T(note)))
}

// palette is the list of commands that match the typed text.
func palette(s *stateOf, l *catalogue) *dom.Node {
	commands := s.Commands()
	var list []*dom.Node
	for i, c := range commands {
		on := i == s.Dialog.Choice
		list = append(
			list,
			dom.E(
				"button",
				dom.Key(c.Key+c.Name+c.ID),
				dom.ID("command-"+strconv.Itoa(i)),
				dom.Class("command"),
				dom.ClassIf("on", on),
				dom.A("type", "button"),
				dom.A("role", "option"),
				dom.Bool("aria-selected", on),
				dom.A("tabindex", "-1"),
				dom.OnClick(state.PaletteRun{Index: i}),
				components.Icon(c.Icon),
				dom.E("span", l.T(c.Key, "name", api.Printable(c.Name))),
			),
		)
	}
	var active *dom.Attr
	if len(commands) > 0 {
		active = dom.A("aria-activedescendant", "command-"+strconv.Itoa(s.Dialog.Choice))
	}
	var none *dom.Node
	if len(list) == 0 {
		none = muted(l.T("palette.none"))
	}
	return components.Dialog(
		l,
		"palette",
		l.T("command.palette"),
		state.CloseDialog{},
		dom.E(
			"div",
			dom.Class("search"),
			components.Icon("search"),
			dom.E(
				"input",
				dom.ID("command"),
				dom.Class("search-input"),
				dom.A("type", "text"),
				dom.Flag("autofocus", true),
				dom.A("role", "combobox"),
				dom.A(
					"aria-expanded",
					"true",
				),
				dom.A("aria-controls", "commands"),
				dom.A("aria-label", l.T("palette.label")),
				active,
				dom.A(
					"placeholder",
					l.T("palette.label"),
				),
				dom.A("autocomplete", "off"),
				dom.Prop("value", s.Form[state.FieldCommand]),
				dom.OnValue(editMsg(state.FieldCommand)),
				dom.Make("keydown", func(e dom.Event) any {
					switch e.Key {
					case "ArrowDown":
						return state.PaletteMove{By: 1}
					case "ArrowUp":
						return state.PaletteMove{By: -1}
					case "Enter":
						return state.PaletteRun{Index: -1}
					}
					return nil
				}),
			),
		),
		dom.E(
			"div",
			dom.ID("commands"),
			dom.Class("commands"),
			dom.A("role", "listbox"),
			dom.A("aria-label", l.T("command.palette")),
			list,
		),
		none,
	)
}
