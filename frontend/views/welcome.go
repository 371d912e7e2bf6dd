package views

import (
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

func editMsg(f state.Field) func(string) any {
	return func(v string) any { return state.Edit{Field: f, Value: v} }
}

func brand(l *catalogue) *dom.Node {
	return dom.E("div", dom.Class("brand"), components.Icon("logo"),
		dom.E("div", dom.E("h1", dom.ID("title"), dom.A("tabindex", "-1"), "Jellybind"),
			dom.E("p", dom.Class("lead"), l.T("welcome.lead"))))
}

func welcome(s *stateOf, l *catalogue) *dom.Node {
	return dom.E("main", dom.Key("welcome"), dom.Class("page welcome"),
		brand(l),
		damaged(s, l),
		stored(s, l),
		dom.E("div", dom.Class("welcome-cards"), demoCard(s, l), addressCard(s, l)),
		keyringWarning(s, l), // below the cards, which must not move when the keyring answers
		dom.E("div", dom.Class("welcome-foot"),
			components.Quiet(l.T("nav.settings"), state.Go{Screen: state.ScreenSettings}, components.Icon("settings")),
			dom.E("span", dom.Class("muted"), "Jellybind "+s.Boot.Version)))
}

// addServer asks for the address of another server, while one is open or was.
func addServer(s *stateOf, l *catalogue) *dom.Node {
	return dom.E("main", dom.Key("add"), dom.Class("page narrow"),
		outsideHead(s, l, state.Back{}),
		dom.E("h1", dom.ID("title"), dom.A("tabindex", "-1"), l.T("command.add")),
		addressCard(s, l),
		demoCard(s, l),
		keyringWarning(s, l))
}

// addressCard asks for a server's address, and lists the servers of the local network.
func addressCard(s *stateOf, l *catalogue) *dom.Node {
	w := &s.Welcome
	errorText := ""
	if w.Error != nil {
		sentence, hint := l.Error(w.Error)
		errorText = sentence
		if hint != "" {
			errorText += " " + hint
		}
	}
	button := components.Submit(l.T("welcome.go"), w.Probing, dom.Flag("disabled", w.Probing || w.Demo))
	return dom.E("form", dom.Class("card stack"), dom.OnSubmit(state.Try{}),
		dom.E("h2", l.T("welcome.connect")),
		addressField(s, l, api.Printable(errorText), button),
		dom.If(w.Probing, func() *dom.Node {
			return dom.E("div", dom.Class("row-between"), components.Loading(l.T("connect.probing")),
				components.Quiet(l.T("cancel"), state.Back{}, dom.ID("stop")))
		}),
		found(s, l))
}

// demoCard starts the demo world.
func demoCard(s *stateOf, l *catalogue) *dom.Node {
	w := &s.Welcome
	return dom.E("section", dom.Class("card stack demo-card"), dom.A("aria-labelledby", "demo-title"),
		dom.E("div", dom.Class("demo-text"),
			dom.E("h2", dom.ID("demo-title"), l.T("demo.title")),
			dom.E("p", l.T("demo.text"))),
		components.Error(l, w.DemoError),
		dom.E("div", dom.Class("actions"),
			components.Primary(demoLabel(l, w.Demo), state.StartDemo{}, dom.ID("demo"), dom.Flag("disabled", w.Probing || w.Demo),
				busyOr(w.Demo, "play"))),
		dom.E("details",
			dom.E("summary", l.T("demo.options")),
			dom.E("div", dom.Class("two"),
				components.Select("flavour", l.T("demo.flavour"), s.Form[state.FieldFlavour], demoFlavours(s), editMsg(state.FieldFlavour)),
				components.Select("users", l.T("demo.users"), s.Form[state.FieldUsers], []components.Choice{
					{Value: "24", Label: l.Number(24)},
					{Value: "1000", Label: l.Number(1000)},
					{Value: "10000", Label: l.Number(10000)},
				}, editMsg(state.FieldUsers)))))
}

func demoFlavours(s *stateOf) []components.Choice {
	var choices []components.Choice
	for _, f := range s.Boot.DemoFlavours {
		choices = append(choices, components.Choice{Value: string(f), Label: string(f)})
	}
	return choices
}

func demoLabel(l *catalogue, busy bool) string {
	if busy {
		return l.T("demo.starting")
	}
	return l.T("demo.start")
}

func progress(s *stateOf, on bool) *dom.Node {
	if !on || s.Progress == nil {
		return nil
	}
	return components.Loading(progressWords(s.Text(), s.Progress))
}

// progressWords describes the progress of a call.
func progressWords(l *catalogue, p *api.Progress) string {
	words := l.Step(*p)
	switch {
	case p.Total > 0:
		words += " " + l.T("progress.count", "done", l.Number(p.Done), "total", l.Number(p.Total))
	case p.Done > 0:
		words += " " + l.T("soFar", "done", l.Number(p.Done))
	}
	return words
}

// found lists the servers of the local network.
func found(s *stateOf, l *catalogue) *dom.Node {
	w := &s.Welcome
	var list []*dom.Node
	for _, f := range w.Found {
		list = append(list, dom.E("li", dom.Key(f.ID+f.URL),
			dom.E("button", dom.Class("found"), dom.A("type", "button"), dom.OnClick(state.Try{Address: f.URL}),
				components.Icon("server"),
				dom.E("span", dom.Class("found-text"), dom.E("span", dom.Class("found-name"), components.Name(f.Name)),
					dom.E("span", dom.Class("found-url"), api.Printable(f.URL))),
				components.Icon("forward"))))
	}
	var content *dom.Node
	switch {
	case len(list) > 0:
		content = dom.E("ul", dom.Class("found-list"), list)
	case w.Looking:
		content = components.Loading(l.T("welcome.looking"))
	case w.Looked:
		content = muted(l.T("welcome.none"))
	}
	return dom.E("div", dom.Class("found-box"),
		dom.E("div", dom.Class("row-between"),
			dom.E("h3", l.T("welcome.network")),
			components.IconButton("refresh", l.T("welcome.again"), state.Look{}, dom.Flag("disabled", w.Looking))),
		dom.E("div", dom.A("aria-live", "polite"), content))
}

// stored lists the stored servers.
func stored(s *stateOf, l *catalogue) *dom.Node {
	if len(s.Boot.Profiles) == 0 {
		return nil
	}
	var list []*dom.Node
	for _, p := range s.Boot.Profiles {
		list = append(list, dom.E("li", dom.Key(p.Name),
			dom.E("button", dom.Class("found"), dom.A("type", "button"), dom.OnClick(state.Open{Name: p.Name}),
				components.Avatar(p.Name),
				dom.E("span", dom.Class("found-text"), dom.E("span", dom.Class("found-name"), components.Name(p.Name)),
					dom.E("span", dom.Class("found-url"), api.Printable(p.URL))),
				components.Icon("forward"))))
	}
	return dom.E("section", dom.Class("card"), dom.A("aria-labelledby", "stored-title"),
		dom.E("h2", dom.ID("stored-title"), l.T("welcome.stored")), dom.E("ul", dom.Class("found-list"), list))
}

func damaged(s *stateOf, l *catalogue) *dom.Node {
	if s.Boot.Damaged == "" {
		return nil
	}
	return components.Banner("warn", "alert", dom.E("p", dom.Class("banner-title"), l.T("damaged.title")),
		dom.E("p", components.Sentence(l, "damaged.text", map[string]*dom.Node{"file": dom.E("code", s.Boot.Damaged)})))
}

func keyringWarning(s *stateOf, l *catalogue) *dom.Node {
	fault := s.KeyringFault()
	if fault == nil {
		return nil
	}
	sentence, hint := l.Error(fault)
	return components.Banner("warn", "lock",
		dom.E("p", dom.Class("banner-title"), l.T("keyring.off")),
		dom.E("p", sentence+" "+hint),
		dom.E("div", dom.Class("actions"),
			components.Secondary(l.T("keyring.check"), state.CheckKeyring{}, dom.Flag("disabled", s.Settings.Checking))))
}
