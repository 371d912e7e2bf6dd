package views

import (
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

func providers(s *stateOf, l *catalogue) *dom.Node {
	p := &s.Providers
	head := heading(l.T("nav.providers"), dom.E("p", dom.Class("sub"), l.T("providers.lead")))
	var body []*dom.Node
	switch {
	case p.Error != nil:
		body = []*dom.Node{components.Error(l, p.Error, components.Secondary(l.T("again"), state.Retry{}))}
	case !p.Loaded:
		body = []*dom.Node{components.Loading(l.T("providers.loading"))}
	case len(p.List) == 0:
		body = []*dom.Node{components.Empty("providers", l.T("providers.empty"), l.T("providers.empty.text"))}
	default:
		for i := range p.List {
			body = append(body, provider(s, l, &p.List[i]))
		}
	}
	return dom.E("div", dom.Key("providers"), dom.Class("screen"), head, dom.E("div", dom.Class("cards"), body))
}

func provider(s *stateOf, l *catalogue, p *api.ProviderDetail) *dom.Node {
	id := state.ProviderID(p.Protocol, p.Name)
	title := "provider-" + id
	status := components.Badge(l.T("providers.unknown"), "")
	if p.Known && p.Enabled {
		status = components.Badge(l.T("providers.on"), "good")
	} else if p.Known {
		status = components.Badge(l.T("providers.off"), "warn")
	}
	facts := []*dom.Node{}
	fact := func(key, value string) {
		if value != "" {
			facts = append(facts, components.Fact(l.T(key), dom.E("code", api.Printable(value))))
		}
	}
	if p.Protocol == api.OIDC {
		fact("providers.issuer", p.Endpoint)
		fact("providers.clientId", p.ClientID)
		fact("providers.scopes", strings.Join(p.Scopes, " "))
		fact("providers.claim", p.NameClaim)
	} else {
		fact("providers.sso", p.Endpoint)
		fact("providers.entity", p.ClientID)
	}
	var warn []*dom.Node
	if p.AutoAdopt {
		warn = append(warn, components.Banner("warn", "shield", dom.E("p", l.T("providers.adopt"))))
	}
	if !p.Relay.OK {
		warn = append(warn, components.Banner("info", "info", dom.E("p", ability(l, "relay", p.Relay))))
	}
	var more *dom.Node
	if addresses := redirects(l, p); len(facts) > 0 || addresses != nil {
		list := dom.If(len(facts) > 0, func() *dom.Node { return dom.E("dl", dom.Class("facts"), facts) })
		more = dom.E("div", dom.Class("stack"), list, addresses)
	}
	open, unfolded := s.Providers.Edit == id, s.Providers.Unfolded[id]
	test := s.Providers.Tests[id]
	return dom.E("section", dom.Key(id), dom.Class("card provider"), dom.A("aria-labelledby", title),
		dom.E("div", dom.Class("provider-head"), components.Protocol(p.Protocol),
			dom.E("h2", dom.ID(title), dom.A("tabindex", "-1"), components.Name(p.Name)), status,
			dom.If(!p.LinksUnknown, func() *dom.Node {
				return dom.E("button", dom.Class("button quiet small"), dom.A("type", "button"),
					dom.OnClick(state.FilterProvider{Protocol: p.Protocol, Name: p.Name}), dom.Flag("disabled", s.Plain()),
					dom.E("span", l.N("providers.links", p.Links)))
			})),
		warn,
		dom.If(!p.Known, func() *dom.Node { return muted(l.T("providers.unknown.text")) }),
		testResult(l, p, test),
		dom.E(
			"div",
			dom.Class("actions"),
			components.Secondary(
				l.T("providers.test."+string(p.Protocol)),
				state.TestProvider{Protocol: p.Protocol, Name: p.Name},
				dom.Flag("disabled", test.Running),
				busyOr(test.Running, "pulse"),
				dom.A("aria-label", of(l, "providers.test."+string(p.Protocol), p.Name)),
			),
			dom.If(more != nil, func() *dom.Node {
				return components.Quiet(l.T("providers.facts"), state.UnfoldProvider{ID: id}, dom.Bool("aria-expanded", unfolded),
					components.Icon("info"), dom.A("aria-label", of(l, "providers.facts", p.Name)))
			}),
			components.Quiet(
				l.T("providers.settings"),
				state.EditProvider{ID: id},
				dom.Bool("aria-expanded", open),
				components.Icon("settings"),
				dom.A("aria-label", of(l, "providers.settings", p.Name)),
			),
		),
		dom.If(unfolded, func() *dom.Node { return more }),
		dom.If(open, func() *dom.Node { return providerSettings(s, l, p) }))
}

// of labels a button with its text and what it belongs to, for buttons that share a text.
func of(l *catalogue, key, name string) string { return l.T(key) + ": " + api.Printable(name) }

func busyOr(busy bool, icon string) *dom.Node {
	if busy {
		return components.Spinner()
	}
	return components.Icon(icon)
}

func redirects(l *catalogue, p *api.ProviderDetail) *dom.Node {
	key := "allow.oidc"
	if p.Protocol == api.SAML {
		key = "allow.saml"
	}
	group := func(title string, list []string) *dom.Node {
		if len(list) == 0 {
			return nil
		}
		items := make([]*dom.Node, len(list))
		for i, a := range list {
			items[i] = components.Copyable(l, l.T(key+".one"), a, state.CopyText{Text: a})
		}
		return dom.E("div", dom.E("h3", title), items)
	}
	app, server := group(l.T("providers.forApp"), p.AppRedirects), group(l.T("providers.forServer"), p.ServerRedirects)
	if app == nil && server == nil {
		return nil
	}
	return dom.E("details", dom.Class("allow"), dom.Flag("open", true), dom.E("summary", l.T(key)),
		muted(l.T("providers.allow")), dom.E("div", dom.Class("stack"), app, server))
}

func testResult(l *catalogue, p *api.ProviderDetail, t state.ProviderTest) *dom.Node {
	var body *dom.Node
	switch {
	case t.Error != nil:
		body = components.Error(l, t.Error)
	case t.Result == nil:
		return nil
	default:
		var facts []*dom.Node
		for _, f := range t.Result.Facts {
			tag := "code"
			if f.Why != "" {
				tag = "span"
			}
			facts = append(facts, components.Fact(l.FactName(f.Name), dom.E(tag, api.Printable(l.Fact(f)))))
		}
		list := dom.E("dl", dom.Class("facts"), facts)
		switch {
		case t.Result.Certificate != nil:
			body = refusedCertificate(l, p, t)
		case t.Result.OK:
			key := "providers.testGood"
			if p.Protocol == api.SAML {
				key = "providers.testGoodSaml"
			}
			body = components.Banner("good", "check", dom.E("p", dom.Class("banner-title"), l.T(key)), list)
		default:
			body = dom.E("div", components.Error(l, t.Result.Error), list)
		}
	}
	return dom.E("div", dom.A("aria-live", "polite"), body, serverTest(l, t.Result))
}

// serverTest shows what the server itself finds out about a provider, in the plugin's words.
func serverTest(l *catalogue, r *api.ProviderTest) *dom.Node {
	if r == nil || r.Server == nil {
		return nil
	}
	details := make([]*dom.Node, len(r.Server.Details))
	for i, d := range r.Server.Details {
		details[i] = dom.E("li", dom.A("lang", "en"), api.Printable(d))
	}
	tone, icon := "good", "check"
	if !r.Server.OK {
		tone, icon = "warn", "alert"
	}
	return components.Banner(tone, icon, dom.E("p", dom.Class("banner-title"), l.T("providers.server")),
		dom.E("p", dom.A("lang", "en"), api.Printable(r.Server.Message)), dom.E("ul", details))
}

// refusedCertificate shows a provider's TLS certificate that this computer does not trust, and lets the person trust it.
func refusedCertificate(l *catalogue, p *api.ProviderDetail, t state.ProviderTest) *dom.Node {
	return dom.E("div", components.Error(l, t.Result.Error),
		certificateFacts(l, t.Result.Certificate, t.Result.Pinned, "fingerprint-"+state.ProviderID(p.Protocol, p.Name)),
		muted(l.T("certificate.how.provider")),
		dom.E("div", dom.Class("actions"),
			trustButton(l, t.Result.Pinned, state.TrustProvider{Protocol: p.Protocol, Name: p.Name},
				dom.Flag("disabled", t.Running), dom.A("aria-label", of(l, "certificate.trust", p.Name)))))
}

func providerSettings(s *stateOf, l *catalogue, p *api.ProviderDetail) *dom.Node {
	listen := s.Providers.Draft.ListenHost
	if listen == "" {
		listen = "127.0.0.1"
	}
	parts := []*dom.Node{
		dom.E("h3", l.T("providers.settings")),
		dom.E("div", dom.Class("two"),
			components.Field(components.Input{
				ID: "port", Label: l.T("providers.port"), Hint: l.T("providers.port.hint"), Value: s.Form[state.FieldPort],
				Msg: editMsg(state.FieldPort), Parts: []any{dom.A("inputmode", "numeric")},
			}),
			components.Select("listen-host", l.T("providers.host"), listen, []components.Choice{
				{Value: "127.0.0.1", Label: "127.0.0.1"}, {Value: "localhost", Label: "localhost"},
			}, func(v string) any { return state.PickHost{Host: v} })),
	}
	if p.Protocol == api.OIDC {
		secret := l.T("providers.secret.none")
		if p.Settings.HasSecret {
			secret = l.T("providers.secret.stored")
		}
		parts = append(parts,
			dom.E("h4", l.T("providers.own")), muted(l.T("providers.own.text")),
			components.Field(components.Input{
				ID:    "client-id",
				Label: l.T("providers.clientId"),
				Value: s.Form[state.FieldClientID],
				Mono:  true,
				Msg:   editMsg(state.FieldClientID),
			}),
			components.Field(components.Input{
				ID:    "secret",
				Label: l.T("providers.secret"),
				Hint:  secret,
				Type:  "password",
				Value: s.Form[state.FieldSecret],
				Msg:   editMsg(state.FieldSecret),
			}),
			dom.If(p.Settings.HasSecret, func() *dom.Node {
				return dom.E("div", dom.Class("actions"), components.Danger(l.T("secret.delete"), state.AskDeleteSecret{},
					dom.Class("small"), components.Icon("trash")))
			}),
			components.Field(components.Input{
				ID:    "scopes",
				Label: l.T("providers.scopes"),
				Hint:  l.T("providers.scopes.hint"),
				Value: s.Form[state.FieldScopes],
				Mono:  true,
				Msg:   editMsg(state.FieldScopes),
			}))
	} else {
		parts = append(
			parts,
			components.Checkbox(
				"sha1",
				l.T("providers.sha1"),
				s.Providers.Draft.AllowSHA1,
				func(on bool) any { return state.AllowSHA1{On: on} },
			),
		)
	}
	return dom.E("form", dom.Class("inset stack"), dom.OnSubmit(state.SaveProvider{}), parts,
		components.Error(l, s.Providers.Problem),
		dom.E("div", dom.Class("actions"), components.Submit(l.T("save"), s.Providers.Saving),
			components.Secondary(l.T("cancel"), state.EditProvider{ID: state.ProviderID(p.Protocol, p.Name)})))
}
