package views

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

func history(s *stateOf, l *catalogue) *dom.Node {
	h := &s.History
	head := heading(l.T("nav.history"), dom.E("p", dom.Class("sub"), l.T("history.lead")))
	var body *dom.Node
	switch {
	case h.Error != nil:
		body = components.Error(l, h.Error, components.Secondary(l.T("again"), state.Retry{}))
	case !h.Loaded:
		body = components.Loading(l.T("history.loading"))
	case len(h.List) == 0:
		body = components.Empty("history", l.T("history.empty"), l.T("history.empty.text"))
	default:
		const most = 200 // more are only in the file
		var list []*dom.Node
		for i, c := range h.List {
			if i == most {
				break
			}
			list = append(list, historyRow(s, l, c))
		}
		body = dom.E("ul", dom.Class("card changes history"), list)
		if len(h.List) > most {
			body = dom.E("div", body, dom.E("p", dom.Class("muted"), l.N("history.more", len(h.List)-most)))
		}
	}
	return dom.E("div", dom.Key("history"), dom.Class("screen"), head, damagedJournal(l, h.Damaged), body)
}

// damagedJournal tells of changes that cannot be shown.
func damagedJournal(l *catalogue, damaged *api.Error) *dom.Node {
	if damaged == nil {
		return nil
	}
	sentence, hint := l.Error(damaged)
	return components.Banner("warn", "alert", dom.E("p", dom.Class("banner-title"), sentence), dom.E("p", hint))
}

func historyRow(s *stateOf, l *catalogue, c api.Change) *dom.Node {
	var undo *dom.Node
	if c.Undoable {
		undo = components.Quiet(
			l.T("undo"),
			state.Undo{Changes: []string{c.ID}},
			dom.Flag("disabled", s.History.Undoing != ""),
			busyOr(
				s.History.Undoing == c.ID,
				"undo",
			),
			dom.A("aria-label", l.T("undo.of", "name", api.Printable(c.UserName))),
		)
	}
	var why *dom.Node
	if c.Error != "" {
		sentence, _ := l.Error(&api.Error{Code: c.Error})
		why = dom.E("p", dom.Class("muted"), sentence)
	}
	return dom.E("li", dom.Key(c.ID), dom.Class("change"), changeIcon(c),
		dom.E("div", dom.Class("change-text"), dom.E("p", changeWords(l, c)), why,
			dom.E("p", dom.Class("muted"), dom.E("time", dom.A("title", l.Moment(c.Time)), l.Moment(c.Time)), how(l, c))),
		changeTag(l, c), undo)
}

// changeTag shows the state of a change that is not simply confirmed.
func changeTag(l *catalogue, c api.Change) *dom.Node {
	switch c.State {
	case api.ChangeUndone:
		return components.Badge(l.T("change.undone"), "")
	case api.ChangeFailed:
		return components.Badge(l.T("change.failed"), "bad")
	case api.ChangeIntended:
		tag := components.Badge(l.T("change.intended"), "warn")
		hint := "change.intended.hint"
		if c.Error != "" { // the error is shown too
			hint = "change.intended.failed"
		}
		tag.Set(dom.A("title", l.T(hint)))
		return tag
	case api.ChangeConfirmed, api.ChangeUnchanged:
	}
	return nil
}

func how(l *catalogue, c api.Change) string {
	if c.Strategy == "" || c.Undoes != "" { // an undo types no name
		return ""
	}
	return " · " + l.T("strategy."+string(c.Strategy))
}

func changeIcon(c api.Change) *dom.Node {
	icon, tone := "link", "good"
	switch c.Kind {
	case api.ChangeUnlink:
		icon, tone = "unlink", ""
	case api.ChangeMove:
		icon, tone = "move", "good"
	case api.ChangeUnregister:
		icon, tone = "signout", ""
	case api.ChangeLink:
	}
	if c.State == api.ChangeFailed {
		tone = "bad"
	}
	return dom.E("span", dom.Class("change-icon "+tone), components.Icon(icon))
}

// changeWords describes a change in a sentence. Each name keeps its own text direction.
func changeWords(l *catalogue, c api.Change) []*dom.Node {
	key := "change." + string(c.Kind)
	if c.Undoes != "" {
		key = "change.undo." + string(c.Kind)
	}
	if c.Kind == api.ChangeUnregister && c.Write != "" {
		key = "change.rewrite"
	}
	identity, provider := dom.Text("–"), dom.Text("–")
	if len(c.Identities) > 0 {
		identity, provider = dom.E(
			"strong",
			components.Name(c.Identities[0].Name),
		), components.Name(
			c.Identities[0].Provider,
		)
		if n := len(c.Identities) - 1; n > 0 {
			identity = dom.E("strong", components.Name(c.Identities[0].Name), " "+l.T("change.more", "n", l.Number(n)))
		}
	}
	name := c.UserName
	if name == "" {
		name = l.T("row.deleted")
	}
	return components.Sentence(l, key, map[string]*dom.Node{
		"account": dom.E("strong", components.Name(name)), "identity": identity, "provider": provider,
		"from": dom.E("strong", components.Name(c.FromName)), "n": dom.Text(l.Number(len(c.Identities))),
	})
}
