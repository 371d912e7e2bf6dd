package views

import (
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

// own shows a person's own account or, to an administrator, the self-service kit.
func own(s *stateOf, l *catalogue) *dom.Node {
	if s.Plain() {
		return ownAccount(s, l)
	}
	head := heading(l.T("nav.self"), dom.E("p", dom.Class("sub"), l.T("self.lead")))
	var body *dom.Node
	switch {
	case s.Self.Error != nil:
		body = components.Error(l, s.Self.Error, components.Secondary(l.T("again"), state.Retry{}))
	case s.Self.Kit == nil:
		body = components.Loading(l.T("self.loading"))
	default:
		k := s.Self.Kit
		entry := strings.Replace(k.MenuLink, k.MenuName, l.T("self.menu.name"), 1)
		body = dom.E("div", dom.Class("cards"),
			dom.E("section", dom.Class("card stack"), dom.E("h2", l.T("self.page")), dom.E("p", l.T("self.page.text")),
				dom.If(s.Can().PageSignsIn, func() *dom.Node {
					return components.Banner("warn", "alert", dom.E("p", l.T("self.page.beware")))
				}),
				components.Copyable(l, l.T("self.page"), k.PageURL, state.CopyText{Text: k.PageURL})),
			dom.E(
				"section",
				dom.Class("card stack"),
				dom.E("h2", l.T("self.menu")),
				dom.E("p", l.T("self.menu.text")),
				dom.E(
					"pre",
					dom.Class("code"),
					dom.A("dir", "ltr"),
					dom.A("tabindex", "0"),
					dom.A("aria-label", l.T("self.menu")),
					entry,
				),
				dom.E("div", dom.Class("actions"),
					components.Secondary(l.T("self.copy"), state.CopyText{Text: entry}, components.Icon("copy"))),
				muted(l.T("self.menu.where")),
			))
	}
	return dom.E("div", dom.Key("self"), dom.Class("screen"), head, body)
}

func ownAccount(s *stateOf, l *catalogue) *dom.Node {
	u := s.Session.User
	head := heading(l.T("nav.own"), dom.E("p", dom.Class("sub"), l.T("own.lead")))
	if u == nil {
		return dom.E("div", dom.Key("own"), dom.Class("screen"), head)
	}
	return dom.E("div", dom.Key("own"), dom.Class("screen"), head,
		dom.E("section", dom.Class("card own-card"), components.Avatar(u.Name),
			dom.E("div", dom.Class("found-text"), dom.E("span", dom.Class("found-name"), components.Name(u.Name)),
				dom.E("span", dom.Class("found-url"), api.Printable(s.Session.Server.Name))),
			dom.E("div", dom.Class("actions"),
				components.Secondary(l.T("own.show"), state.OpenUser{ID: u.ID}),
				components.Primary(l.T("link.do"), state.StartLinking{Account: *u}, components.Icon("link"),
					dom.Flag("disabled", !s.CanLink(u.ID).OK)))),
		ownIdentities(s, l),
		components.Banner("info", "info", dom.E("p", l.T("own.limits"))))
}

func ownIdentities(s *stateOf, l *catalogue) *dom.Node {
	switch {
	case s.Self.Error != nil:
		return components.Error(l, s.Self.Error, components.Secondary(l.T("again"), state.Retry{}))
	case s.Self.Own == nil:
		return components.Loading(l.T("drawer.loading"))
	}
	return dom.E("div", dom.Class("card"), identities(s, l, s.Self.Own, "own-"))
}
