package views

import (
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

func navigation(s *stateOf, l *catalogue) *dom.Node {
	item := func(screen state.Screen, icon, key string, count int) *dom.Node {
		on := s.Screen == screen
		parts := []any{
			dom.Class("nav-item"), dom.ClassIf("on", on), dom.A("type", "button"), dom.OnClick(state.Go{Screen: screen}),
			dom.ID("nav-" + string(screen)),
		}
		if on {
			parts = append(parts, dom.A("aria-current", "page"))
		}
		parts = append(parts, components.Icon(icon), dom.E("span", dom.Class("nav-label"), l.T(key)))
		if count > 0 {
			parts = append(parts, dom.E("span", dom.Class("nav-count"), l.Number(count)))
		}
		return dom.E("button", parts...)
	}
	first, own := item(state.ScreenOwn, "person", "nav.own", 0), (*dom.Node)(nil)
	if !s.Plain() {
		first = item(state.ScreenRoster, "users", "nav.roster", s.Roster.Counts.All-s.Roster.Counts.Orphan)
		own = item(state.ScreenOwn, "kit", "nav.self", 0)
	}
	return dom.E("nav", dom.Class("nav"), dom.A("aria-label", l.T("nav.label")),
		server(s, l),
		dom.E("div", dom.Class("nav-items"),
			first,
			item(state.ScreenProviders, "providers", "nav.providers", len(s.Providers.List)),
			own,
			item(state.ScreenHistory, "history", "nav.history", 0),
			item(state.ScreenSettings, "settings", "nav.settings", 0)),
		dom.E("div", dom.Class("nav-foot"),
			dom.E("div", dom.A("role", "status"), running(s, l)),
			dom.E(
				"button",
				dom.Class("nav-item subtle"),
				dom.A("type", "button"),
				dom.OnClick(state.ShowDialog{Kind: state.DialogPalette}),
				components.Icon("command"),
				dom.E("span", dom.Class("nav-label"), l.T("command.palette")),
				dom.E(
					"span",
					dom.Class("nav-keys"),
					dom.A("aria-hidden", "true"),
					components.Key(ctrl(s, l)),
					components.Key("K"),
				),
			),
			dom.E("button", dom.Class("nav-item subtle"), dom.A("type", "button"),
				dom.OnClick(state.ShowDialog{Kind: state.DialogShortcuts}),
				components.Icon("keyboard"), dom.E("span", dom.Class("nav-label"), l.T("command.shortcuts")),
				dom.If(s.SingleKeys(), func() *dom.Node {
					return dom.E("span", dom.Class("nav-keys"), dom.A("aria-hidden", "true"), components.Key("?"))
				}))))
}

// ctrl is the key for shortcuts: Command on a Mac.
func ctrl(s *stateOf, l *catalogue) string {
	if s.Boot.OS == "darwin" {
		return "⌘"
	}
	return l.T("key.ctrl")
}

// running lists the links that go on while the person looks at something else. A narrow navigation shows their short form,
// and the words next to it on hover and focus.
func running(s *stateOf, l *catalogue) []*dom.Node {
	var list []*dom.Node
	for _, k := range s.Links() {
		key, short, class := "link.running", "…", "running-short"
		deadline := k.Deadline()
		switch {
		case k.Step == state.LinkFailed:
			key, short = "link.runningFailed", "!"
		case k.Step == state.LinkHome:
			key = "link.runningHome"
		case k.Step == state.LinkConfirm:
			key, short = "link.runningConfirm", l.T("link.runningShort")
		case k.Step == state.LinkWriting:
			key = "link.runningWriting"
		case !deadline.IsZero():
			short, class = l.Left(deadline.Sub(s.Now)), "running-left"
		}
		asks := k.Step == state.LinkConfirm || k.Step == state.LinkFailed
		list = append(list, dom.E("button", dom.Key("running-"+k.Account.ID), dom.Class("running"), dom.A("type", "button"),
			dom.OnClick(state.ReturnToLink{UserID: k.Account.ID}),
			busyOr(!asks, "alert"),
			dom.E("span", dom.Class("running-text"), dom.E("span", l.T(key)+" "), components.Name(k.Account.Name)),
			dom.E("span", dom.Class(class), dom.A("aria-hidden", "true"), short)))
	}
	return list
}

// flavour names the plugin, or the ones it may be.
func flavour(l *catalogue, can api.Capabilities) string {
	if len(can.MayBe) > 0 {
		return oneOf(l, can.MayBe)
	}
	return string(can.Flavour)
}

// pluginText names the plugin and its version.
func pluginText(l *catalogue, can api.Capabilities) string {
	return l.T("connect.flavour", "flavour", strings.TrimSpace(flavour(l, can)+" "+can.Version))
}

// server is the menu of servers at the top of the navigation.
func server(s *stateOf, l *catalogue) *dom.Node {
	p, can := s.Session.Profile, s.Can()
	open := s.Menu == "servers"
	name := p.Name
	if p.Demo {
		name = l.T("demo.server")
	}
	button := dom.E("button", dom.ID("servers"), dom.Class("server"), dom.A("type", "button"),
		dom.A("aria-haspopup", "menu"), dom.Bool("aria-expanded", open), dom.OnClick(state.OpenMenu{ID: "servers"}),
		components.Avatar(name),
		dom.E("span", dom.Class("server-text"),
			dom.E("span", dom.Class("server-name"), components.Name(name)),
			dom.E("span", dom.Class("server-detail"), dom.A("title", pluginText(l, can)),
				flavour(l, can)+" · "+credentialWord(l, can.Credential))),
		components.Icon("chevrons"))
	return dom.E("div", dom.Class("server-switch"), button, dom.If(open, func() *dom.Node {
		var items []*dom.Node
		for _, other := range s.Boot.Profiles {
			if other.Name == p.Name && !p.Demo {
				continue
			}
			items = append(items, menuItem("server-"+other.Name, "server", state.Open{Name: other.Name},
				components.Name(other.Name)))
		}
		if len(items) > 0 {
			items = append(items, dom.E("hr", dom.Key("line")))
		}
		items = append(items, menuItem("add", "plus", state.AddServer{}, dom.Text(l.T("command.add"))))
		if p.Demo {
			items = append(items, menuItem("leave", "signout", state.Leave{}, dom.Text(l.T("demo.leave"))))
		} else {
			items = append(
				items,
				menuItem("signout", "signout", state.SignOut{Name: p.Name}, dom.Text(l.T("server.signout"))),
			)
		}
		return menu("servers", l.T("server.menu"), items)
	}))
}

func credentialWord(l *catalogue, k api.CredentialKind) string {
	if k == "" {
		k = api.CredentialNone
	}
	return l.T("credential." + string(k))
}

// menu is an open menu. Tab and the arrow keys reach its items. Escape and a click elsewhere close it.
func menu(id, label string, items []*dom.Node) *dom.Node {
	return dom.E("div", dom.Key("menu"),
		dom.E("div", dom.Class("menu-back"), dom.OnClick(state.CloseMenu{})),
		dom.E("div", dom.ID(id+"-menu"), dom.Class("menu"), dom.A("role", "menu"), dom.A("aria-label", label),
			dom.A("tabindex", "-1"), dom.A("data-arrows", "vertical"), items))
}

func menuItem(key, icon string, msg any, label *dom.Node) *dom.Node {
	return dom.E("button", dom.Key(key), dom.Class("menu-item"), dom.A("type", "button"), dom.A("role", "menuitem"),
		dom.OnClick(msg), components.Icon(icon), dom.E("span", label))
}
