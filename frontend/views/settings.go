package views

import (
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

func settings(s *stateOf, l *catalogue) *dom.Node {
	theme, language := s.Boot.Settings.Theme, s.Boot.Settings.Language
	if theme == "" {
		theme = "system"
	}
	if language == "" {
		language = "system"
	}
	browser, ports := "", ""
	if s.Settings.Error != nil {
		sentence, hint := l.Error(s.Settings.Error)
		if sentence = strings.TrimSpace(sentence + " " + hint); s.Settings.Error.Params["field"] == "browser" {
			browser = sentence
		} else {
			ports = sentence
		}
	}
	return dom.E("div", dom.Key("settings"), dom.Class("screen"), heading(l.T("nav.settings")),
		dom.E(
			"div",
			dom.Class("cards"),
			dom.E(
				"section",
				dom.Class("card stack"),
				dom.A("aria-labelledby", "set-look"),
				dom.E("h2", dom.ID("set-look"), l.T("settings.look")),
				dom.E("div", dom.Class("two"),
					components.Select("theme", l.T("settings.theme"), theme, []components.Choice{
						{Value: "system", Label: l.T("settings.system")},
						{Value: "light", Label: l.T("settings.light")},
						{Value: "dark", Label: l.T("settings.dark")},
					}, func(v string) any { return state.SetTheme{Theme: v} }),
					components.Select("language", l.T("settings.language"), language, []components.Choice{
						{
							Value: "system",
							Label: l.T("settings.system"),
						},
						{Value: "en", Label: "English"},
						{Value: "de", Label: "Deutsch"},
					}, func(v string) any { return state.SetLanguage{Language: v} })),
			),
			servers(s, l),
			dom.E("form", dom.Class("card stack"), dom.OnSubmit(state.SaveSettings{}), dom.E("h2", l.T("settings.signin")),
				browsers(s, l, browser),
				components.Field(components.Input{
					ID:          "ports",
					Label:       l.T("settings.ports"),
					Hint:        l.T("settings.ports.hint"),
					Error:       ports,
					Value:       s.Form[state.FieldPorts],
					Mono:        true,
					Placeholder: l.T("settings.ports.any"),
					Msg:         editMsg(state.FieldPorts),
				}),
				dom.E("div", dom.Class("actions"), components.Submit(l.T("save"), s.Settings.Saving))),
			dom.E("section", dom.Class("card stack"), dom.A("aria-labelledby", "set-keys"),
				dom.E("h2", dom.ID("set-keys"), l.T("settings.keys")),
				components.Checkbox("single-keys", l.T("settings.keys.single"), s.SingleKeys(),
					func(on bool) any { return state.SetSingleKeys{On: on} }),
				muted(l.T("settings.keys.hint"))),
			keyring(s, l),
			dom.E("section", dom.Class("card stack"), dom.A("aria-labelledby", "set-about"),
				dom.E("h2", dom.ID("set-about"), l.T("settings.about")),
				dom.E("dl", dom.Class("facts"),
					components.Fact("Jellybind", s.Boot.Version), components.Fact(l.T("settings.os"), s.Boot.OS)),
				muted(l.T("settings.about.text"))),
		))
}

func servers(s *stateOf, l *catalogue) *dom.Node {
	var list []*dom.Node
	for _, p := range s.Boot.Profiles {
		var open *dom.Node
		name := api.Printable(p.Name)
		if s.Session != nil && s.Session.Profile.Name == p.Name && !s.Demo() {
			open = components.Badge(l.T("settings.open"), "good")
		}
		var standard *dom.Node
		switch {
		case p.Default:
			standard = components.Badge(l.T("server.default"), "")
			standard.Set(dom.A("title", l.T("server.default.hint")))
		case len(s.Boot.Profiles) > 1:
			standard = components.Quiet(l.T("server.default.do"), state.MakeDefault{Name: p.Name}, dom.Class("small"),
				dom.A("title", l.T("server.default.hint")), dom.A("aria-label", l.T("server.default.of", "name", name)))
		}
		list = append(list, dom.E("li", dom.Key(p.Name), dom.Class("server-row"), components.Avatar(p.Name),
			dom.E("div", dom.Class("found-text"), dom.E("span", dom.Class("found-name"), components.Name(p.Name)),
				dom.E("span", dom.Class("found-url"), api.Printable(p.URL)+" · "+credentialWord(l, p.Credential)),
				dom.If(p.LocalAddress != "", func() *dom.Node {
					return dom.E("span", dom.Class("found-url"), l.T("local.shown", "address", api.Printable(p.LocalAddress)))
				})),
			open, standard,
			components.IconButton("server", l.T("server.local.of", "name", name), state.AskLocal{Name: p.Name}),
			components.IconButton("edit", l.T("server.rename.of", "name", name), state.AskRename{Name: p.Name}),
			components.IconButton("trash", l.T("server.forget.of", "name", name), state.AskForget{Name: p.Name})))
	}
	var body *dom.Node
	if len(list) == 0 {
		body = muted(l.T("settings.noServers"))
	} else {
		body = dom.E("ul", dom.Class("server-list"), list)
	}
	return dom.E("section", dom.Class("card stack"), dom.A("aria-labelledby", "set-servers"),
		dom.E("h2", dom.ID("set-servers"), l.T("settings.servers")), body, plugin(s, l),
		dom.E("div", dom.Class("actions"), components.Secondary(l.T("command.add"), state.AddServer{}, components.Icon("plus"))))
}

// plugin says which plugin the open server has, and what this version of it lacks.
func plugin(s *stateOf, l *catalogue) []*dom.Node {
	if s.Session == nil {
		return nil
	}
	list := []*dom.Node{muted(pluginText(l, s.Can()))}
	for _, r := range s.Can().Remarks {
		list = append(list, components.Banner("info", "info", dom.E("p", l.Why(r.Why, r.Params))))
	}
	return list
}

func keyring(s *stateOf, l *catalogue) *dom.Node {
	body := components.Banner("good", "lock", dom.E("p", l.T("keyring.on")))
	if s.Keyring == nil {
		body = components.Loading(l.T("keyring.looking"))
	} else if fault := s.KeyringFault(); fault != nil {
		sentence, hint := l.Error(fault)
		body = components.Banner("warn", "lock", dom.E("p", dom.Class("banner-title"), sentence), dom.E("p", hint))
	}
	return dom.E("section", dom.Class("card stack"), dom.A("aria-labelledby", "set-keyring"),
		dom.E("h2", dom.ID("set-keyring"), l.T("keyring.title")), body,
		dom.E("div", dom.Class("actions"),
			components.Secondary(l.T("keyring.check"), state.CheckKeyring{}, dom.Flag("disabled", s.Settings.Checking),
				busyOr(s.Settings.Checking, "refresh"))))
}

// browsers lists the installed browsers, and the one that is chosen if it is another.
func browsers(s *stateOf, l *catalogue, wrong string) *dom.Node {
	names, chosen := s.Boot.Browsers, s.Form[state.FieldBrowser]
	if chosen != "" && !slices.Contains(names, chosen) {
		names = append([]string{chosen}, names...)
	}
	choices := []components.Choice{{Value: "", Label: l.T("settings.browser.default")}}
	for _, n := range names {
		choices = append(choices, components.Choice{Value: n, Label: api.Printable(n)})
	}
	field := components.Select("browser", l.T("settings.browser"), chosen, choices, editMsg(state.FieldBrowser))
	if wrong != "" {
		field.Kids = append(field.Kids, dom.E("p", dom.Class("field-error"), dom.ID("browser-error"), dom.A("role", "alert"), wrong))
	}
	return field
}
