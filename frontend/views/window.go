// Package views draws the state. Each screen is a file with a pure function from state to nodes.
package views

import (
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
	"github.com/jellybind/jellybind/frontend/text"
)

type (
	stateOf   = state.State
	catalogue = text.Catalogue
)

// Title returns the window's title.
func Title(s *stateOf) string {
	if s.Session == nil {
		return "Jellybind"
	}
	return api.Printable(s.Session.Profile.Name) + " – Jellybind"
}

// Window draws the whole window.
func Window(s *stateOf) *dom.Node {
	l := s.Text()
	var body *dom.Node
	switch {
	case s.Fatal != nil:
		body = page("fatal", components.Empty("alert", l.T("fatal.title"), ""), components.Error(l, s.Fatal),
			dom.E("div", dom.Class("actions"), components.Primary(l.T("again"), state.Retry{}, components.Icon("refresh")),
				components.Secondary(l.T("command.quit"), state.Quit{})))
	case !s.Booted:
		body = dom.E("main", dom.Key("starting"), dom.Class("page centre"), components.Loading(l.T("starting")))
	case s.Session == nil || s.Screen == state.ScreenAdd || s.Screen == state.ScreenConnect:
		body = outside(s, l)
	default:
		body = inside(s, l)
	}
	return dom.E("div", dom.Class("window"),
		body,
		rowMenu(s, l),
		dialog(s, l),
		toasts(s, l),
	)
}

func page(key string, parts ...any) *dom.Node {
	return dom.E("main", append([]any{dom.Key(key), dom.Class("page centre")}, parts...)...)
}

// outside draws the screens that need no session.
func outside(s *stateOf, l *catalogue) *dom.Node {
	switch s.Screen {
	case state.ScreenAdd:
		return addServer(s, l)
	case state.ScreenConnect:
		return connect(s, l)
	case state.ScreenOpening:
		return opening(s, l)
	case state.ScreenSettings:
		return dom.E("main", dom.Key("settings"), dom.Class("page"),
			outsideHead(s, l, state.Go{Screen: state.ScreenWelcome}),
			settings(s, l))
	default:
		return welcome(s, l)
	}
}

// outsideHead leads back, and shows the links that go on at the open server.
func outsideHead(s *stateOf, l *catalogue, back state.Msg) *dom.Node {
	return dom.E("div", dom.Class("outside-head"), components.Quiet(l.T("back"), back, dom.ID("back"), components.Icon("back")),
		dom.If(s.Session != nil, func() *dom.Node {
			return dom.E("div", dom.Class("outside-running"), dom.A("role", "status"), running(s, l))
		}))
}

// inside draws the navigation, the screen and the drawer.
func inside(s *stateOf, l *catalogue) *dom.Node {
	var content *dom.Node
	switch s.Screen {
	case state.ScreenProviders:
		content = providers(s, l)
	case state.ScreenOwn:
		content = own(s, l)
	case state.ScreenHistory:
		content = history(s, l)
	case state.ScreenSettings:
		content = settings(s, l)
	default:
		content = roster(s, l)
	}
	return dom.E("div", dom.Key("inside"), dom.Class("shell"), dom.ClassIf("with-drawer", s.Drawer.UserID != ""),
		dom.E("a", dom.Class("skip"), dom.A("href", "#content"), l.T("skip")),
		navigation(s, l),
		dom.E("div", dom.Class("middle"),
			demoBanner(s, l),
			dom.E("main", dom.ID("content"), dom.Class("content"), dom.Class("content-"+string(s.Screen)),
				dom.A("tabindex", "-1"), content)),
		drawer(s, l),
	)
}

// muted is a minor remark.
func muted(words string) *dom.Node { return dom.E("p", dom.Class("muted"), words) }

func heading(title string, parts ...any) *dom.Node {
	return dom.E("div", append([]any{
		dom.Class("heading"), dom.E("h1", dom.ID("title"), dom.A("tabindex", "-1"), title),
	}, parts...)...)
}

// The demo's tour links this identity to this account.
const (
	tourAccount = "maria"
	tourPerson  = "Maria "
)

// demoBanner says what to try in the demo, and who can sign in.
func demoBanner(s *stateOf, l *catalogue) *dom.Node {
	if !s.Demo() {
		return nil
	}
	words := dom.E("p", l.T("demo.banner"))
	people := s.Session.DemoPeople
	for _, p := range people {
		if !strings.HasPrefix(p, tourPerson) {
			continue
		}
		account := dom.E("strong", tourAccount)
		if s.Screen == state.ScreenRoster {
			account = dom.E("button", dom.Class("inline"), dom.A("type", "button"), tourAccount,
				dom.OnClick(state.Edit{Field: state.FieldSearch, Value: tourAccount}))
		}
		words = dom.E("p", components.Sentence(l, "demo.tour", map[string]*dom.Node{
			"account": account, "person": dom.E("strong", components.Name(p)),
		}))
		break
	}
	return dom.E("div", dom.Class("demo-banner"), dom.A("role", "note"), components.Badge(l.T("demo.badge"), "accent"), words,
		dom.If(len(people) > 0, func() *dom.Node { return demoPeople(s, l, people) }),
		components.Quiet(l.T("demo.leave"), state.Leave{}))
}

// demoPeople opens the list of people who can sign in at the demo's providers.
func demoPeople(s *stateOf, l *catalogue, people []string) *dom.Node {
	open := s.Menu == "people"
	return dom.E("div", dom.Class("demo-people"),
		components.Quiet(l.T("demo.people"), state.OpenMenu{ID: "people"}, dom.ID("people"), dom.Bool("aria-expanded", open)),
		dom.If(open, func() *dom.Node {
			list := make([]*dom.Node, len(people))
			for i, p := range people {
				list[i] = dom.E("li", components.Name(p))
			}
			return dom.E("div",
				dom.E("div", dom.Class("menu-back"), dom.OnClick(state.CloseMenu{})),
				dom.E("div", dom.ID("people-menu"), dom.Class("menu"), dom.A("role", "group"), dom.A("tabindex", "-1"),
					dom.A("aria-label", l.T("demo.people")), dom.E("ul", list)))
		}))
}

func toasts(s *stateOf, l *catalogue) *dom.Node {
	var list []*dom.Node
	for _, t := range s.Toasts {
		class, icon := "toast", "check"
		var words string
		switch {
		case t.Error != nil:
			if t.Error.Code != api.CodeCancelled { // cancelling is not a failure
				class, icon = "toast bad", "alert"
			}
			sentence, hint := l.Error(t.Error)
			words = sentence
			if hint != "" {
				words += " " + hint
			}
		case l.Has(t.Key + ".other"):
			words = l.N(t.Key, t.N, t.Pairs...)
		default:
			words = l.T(t.Key, t.Pairs...)
		}
		var act *dom.Node
		if len(t.Undo) > 0 {
			act = components.Quiet(l.T("undo"), state.Undo{Changes: t.Undo})
		}
		if t.Key == state.ToastChanged {
			act = components.Quiet(l.T("toast.show"), state.Filter{Filter: api.FilterChanged, Only: true})
		}
		list = append(list, dom.E("div", dom.Key("toast-"+l.Number(t.ID)), dom.Class(class),
			components.Icon(icon), dom.E("p", api.Printable(words)), act,
			components.IconButton("close", l.T("close"), state.CloseToast{ID: t.ID})))
	}
	return dom.E("div", dom.Class("toasts"), dom.A("role", "status"), dom.A("aria-live", "polite"), list)
}
