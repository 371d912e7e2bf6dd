package views

import (
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

func connect(s *stateOf, l *catalogue) *dom.Node {
	c, fault := &s.Connect, s.KeyringFault()
	var body, after *dom.Node
	switch {
	case c.Probe == nil && c.Error != nil && c.Reconnect == "":
		body = dom.E("form", dom.OnSubmit(state.Try{}), obstacle(l, c.Error, l.T("again"), state.Try{}, addressField(s, l, "", nil)))
	case c.Probe == nil && c.Error != nil:
		body = obstacle(l, c.Error, l.T("again"), state.Try{Address: c.Address})
	case c.Probe == nil:
		body = dom.E("div", dom.Class("card"), components.Loading(l.T("connect.probing")), progress(s, true))
	case c.Probe.Certificate != nil:
		body = certificate(s, l)
	case c.Probe.Starting:
		body = obstacle(l, withFact(api.CodeServerStarting, "host", host(c.Address)), l.T("again"), state.Try{Address: c.Address},
			components.Loading(l.T("connect.waiting")))
	case !c.Probe.Server.WizardCompleted:
		body = obstacle(l, withFact(api.CodeWizardIncomplete, "url", c.Probe.Server.URL), l.T("again"), state.Try{Address: c.Address})
	case !c.Probe.Plugin:
		body = obstacle(l, &api.Error{Code: api.CodePluginMissing}, l.T("again"), state.Try{Address: c.Address})
	case c.Error != nil && c.Error.Code != api.CodeSecretUnavailable && state.Obstacle(c.Error):
		body = obstacle(l, c.Error, l.T("again"), state.Try{Address: c.Address})
	case fault != nil && fault.Code == api.CodeSecretUnavailable:
		// No sign-in could be stored.
		body = obstacle(l, fault, l.T("keyring.check"), state.CheckKeyring{})
	default:
		body = credentials(s, l)
		after = keyringWarning(s, l) // below the form, which must not move when the keyring answers
	}
	return dom.E("main", dom.Key("connect"), dom.Class("page narrow"),
		outsideHead(s, l, state.Back{}),
		dom.E("h1", dom.ID("title"), dom.A("tabindex", "-1"), l.T("connect.title")),
		serverFacts(s, l), body, after)
}

// addressField is the field for a server's address, with its error and its button.
func addressField(s *stateOf, l *catalogue, wrong string, button *dom.Node) *dom.Node {
	return components.Field(components.Input{
		ID: "address", Label: l.T("welcome.address"), Hint: l.T("welcome.address.hint"), Error: wrong,
		Value: s.Form[state.FieldAddress], Placeholder: "https://jellyfin.example.com", Msg: editMsg(state.FieldAddress),
		After: button, Parts: []any{dom.A("inputmode", "url"), dom.A("dir", "ltr")},
	})
}

func serverFacts(s *stateOf, l *catalogue) *dom.Node {
	c := &s.Connect
	name, detail := c.Address, ""
	if c.Probe != nil && c.Probe.Server.ID != "" {
		srv := c.Probe.Server
		name, detail = srv.Name, srv.URL+" · Jellyfin "+srv.Version
	}
	var badge *dom.Node
	if c.Probe != nil && c.Probe.Plugin {
		words := l.T("connect.plugin")
		if f := c.Probe.Flavours; len(f) > 0 {
			words = l.T("connect.flavour", "flavour", oneOf(l, f))
		}
		badge = components.Badge(words, "good")
	}
	return dom.E("div", dom.Class("server-facts"), components.Icon("server"),
		dom.E("div", dom.Class("found-text"), dom.E("span", dom.Class("found-name"), components.Name(name)),
			dom.If(detail != "", func() *dom.Node { return dom.E("span", dom.Class("found-url"), api.Printable(detail)) })),
		badge)
}

// oneOf names the flavours that the plugin may be.
func oneOf(l *catalogue, flavours []api.Flavour) string {
	names := make([]string, len(flavours))
	for i, f := range flavours {
		names[i] = string(f)
	}
	return strings.Join(names, " "+l.T("or")+" ")
}

// withFact is an error with the one fact that its sentence needs. Without the fact it has the code's general sentence.
func withFact(code api.Code, name, value string) *api.Error {
	return &api.Error{Code: code, Params: map[string]string{name: value}}
}

// obstacle is the screen for an error between an address and a session. label and message make the button for the next step.
func obstacle(l *catalogue, e *api.Error, label string, on any, parts ...*dom.Node) *dom.Node {
	key, icon := "obstacle."+string(e.Code), "alert"
	title := l.T("obstacle.other")
	if l.Has(key) {
		title = l.T(key)
	}
	switch e.Code {
	case api.CodeServerStarting:
		icon = "clock"
	case api.CodePluginMissing, api.CodePluginRestart:
		icon = "puzzle"
	case api.CodeSecretLocked, api.CodeSecretUnavailable, api.CodeSecretNotFound:
		icon = "lock"
	case api.CodeCertificateChanged, api.CodeCertificateUntrusted:
		icon = "shield"
	default:
	}
	sentence, hint := l.Error(e)
	return dom.E("div", dom.Class("card obstacle"), dom.A("role", "alert"),
		dom.E("div", dom.Class("empty-icon"), components.Icon(icon)),
		dom.E("h2", title),
		dom.E("p", api.Printable(sentence)),
		dom.If(hint != "", func() *dom.Node {
			return dom.E("div", dom.Class("next"), dom.E("h3", l.T("obstacle.next")), dom.E("p", api.Printable(hint)))
		}),
		parts,
		dom.E("div", dom.Class("actions"),
			components.Primary(label, on, dom.ID("go-on"), components.Icon("refresh")),
			components.Secondary(l.T("connect.other"), state.Back{}, dom.ID("other-address"))))
}

func certificate(s *stateOf, l *catalogue) *dom.Node {
	c, pinned := s.Connect.Probe.Certificate, s.Connect.Probe.Pinned
	trust := trustButton(l, pinned, state.Trust{}, dom.ID("trust"), dom.Flag("disabled", s.Connect.Busy))
	title, words, how := "certificate.title", "certificate.text", "certificate.how"
	actions := []*dom.Node{trust, components.Secondary(l.T("certificate.no"), state.Back{})}
	if pinned != "" { // somebody may be listening in
		title, words, how = "obstacle.certificate-changed", "certificate.changed", "certificate.how.changed"
		actions = []*dom.Node{components.Primary(l.T("certificate.no"), state.Back{}), trust}
	}
	return dom.E("div", dom.Class("card"),
		dom.E("h2", l.T(title)),
		dom.E("p", l.T(words)),
		certificateFacts(l, c, pinned, "fingerprint"),
		muted(l.T(how)),
		components.Error(l, s.Connect.Error),
		dom.E("div", dom.Class("actions"), actions))
}

// certificateFacts shows a certificate to compare, and the fingerprint of the one that was trusted before.
func certificateFacts(l *catalogue, c *api.Certificate, pinned, id string) []*dom.Node {
	shown := "certificate.fingerprint"
	nodes := []*dom.Node{dom.E("dl", dom.Class("facts"),
		components.Fact(l.T("certificate.subject"), components.Name(c.Subject)),
		components.Fact(l.T("certificate.issuer"), components.Name(c.Issuer)),
		components.Fact(l.T("certificate.valid"), l.Date(c.NotBefore)+" – "+l.Date(c.NotAfter)))}
	if pinned != "" {
		shown = "certificate.new"
		nodes = append(nodes, dom.E("h3", l.T("certificate.old")),
			dom.E("code", dom.Class("fingerprint"), dom.ID(id+"-before"), dom.A("dir", "ltr"), fingerprint(pinned)))
	}
	return append(nodes, dom.E("h3", l.T(shown)),
		dom.E("code", dom.Class("fingerprint"), dom.ID(id), dom.A("dir", "ltr"), fingerprint(c.SHA256)))
}

// trustButton trusts a certificate. It is not the main button if another one was trusted before.
func trustButton(l *catalogue, pinned string, on any, parts ...any) *dom.Node {
	button := components.Primary
	if pinned != "" {
		button = components.Secondary
	}
	return button(l.T("certificate.trust"), on, append(parts, components.Icon("shield"))...)
}

// fingerprint splits a SHA-256 fingerprint into groups of eight bytes, which are easier to compare and do not wrap.
func fingerprint(sha256 string) []*dom.Node {
	const piece = len("00:") * 8
	var list []*dom.Node
	for len(sha256) > piece {
		list = append(list, dom.E("span", sha256[:piece]))
		sha256 = sha256[piece:]
	}
	return append(list, dom.E("span", sha256))
}

// credentials offers the ways to sign in and says what each allows.
func credentials(s *stateOf, l *catalogue) *dom.Node {
	c := &s.Connect
	// A sign-in comes first: it can do more than a key.
	choices := []components.Choice{
		{Value: string(state.MethodPassword), Label: l.T("method.password"), Hint: l.T("method.password.hint")},
	}
	if c.Probe.QuickConnect {
		choices = append(choices, components.Choice{
			Value: string(state.MethodQuick), Label: l.T("method.quick"), Hint: l.T("method.quick.hint"),
		})
	}
	choices = append(choices, components.Choice{
		Value: string(state.MethodKey), Label: l.T("method.key"), Hint: l.T("method.key.hint"),
	})
	var fields []*dom.Node
	button := l.T("connect.go")
	switch c.Method {
	case state.MethodPassword:
		fields = []*dom.Node{
			components.Field(components.Input{
				ID: "user", Label: l.T("connect.user"), Value: s.Form[state.FieldUser], Msg: editMsg(state.FieldUser),
			}),
			components.Field(components.Input{
				ID: "password", Label: l.T("connect.password"), Type: "password", Value: s.Form[state.FieldPassword],
				Msg: editMsg(state.FieldPassword),
			}),
		}
	case state.MethodQuick:
		button = l.T("quick.start")
		if q := c.Quick; q != nil {
			fields = []*dom.Node{quickCode(l, q)}
			button = ""
		}
	default:
		fields = []*dom.Node{components.Field(components.Input{
			ID: "key", Label: l.T("connect.key"), Hint: l.T("connect.key.where"), Type: "password", Mono: true,
			Value: s.Form[state.FieldKey], Msg: editMsg(state.FieldKey),
		})}
	}
	return dom.E("form", dom.Class("card stack"), dom.OnSubmit(state.SignIn{}),
		components.Radios("method", l.T("connect.how"), string(c.Method), choices,
			func(v string) any { return state.PickMethod{Method: state.Method(v)} }),
		components.Error(l, c.Error), // above the fields, which get the focus again
		fields,
		dom.If(c.Reconnect == "", func() *dom.Node {
			return components.Field(components.Input{
				ID: "profile", Label: l.T("connect.name"), Hint: l.T("connect.name.hint"), Value: s.Form[state.FieldProfile],
				Msg: editMsg(state.FieldProfile),
			})
		}),
		components.Banner("info", "lock", dom.E("p", l.T("connect.keyring"))),
		dom.If(button != "", func() *dom.Node {
			return dom.E("div", dom.Class("actions foot"), dom.E("button", dom.ID("sign-in"), dom.Class("button primary"),
				dom.A("type", "submit"), dom.Flag("disabled", c.Busy), dom.If(c.Busy, components.Spinner), dom.E("span", button)))
		}))
}

func quickCode(l *catalogue, q *api.QuickConnect) *dom.Node {
	return dom.E("div", dom.Class("quick"), dom.ID("quick-code"), dom.A("tabindex", "-1"),
		dom.E("p", l.T("quick.text")),
		dom.E("div", dom.Class("quick-code"),
			dom.E("output", dom.A("aria-label", l.T("quick.code")), api.Printable(q.Code)),
			components.IconButton("copy", l.T("copy.button", "what", l.T("quick.code")), state.CopyText{Text: q.Code})),
		components.Loading(l.T("quick.waiting")),
		components.Quiet(l.T("cancel"), state.PickMethod{Method: state.MethodQuick}))
}

func opening(s *stateOf, l *catalogue) *dom.Node {
	o := &s.Opening
	if o.Error == nil {
		words := l.T("opening", "name", api.Printable(o.Name))
		return dom.E("main", dom.Key("opening"), dom.Class("page centre"),
			components.Loading(words), progress(s, true),
			components.Quiet(l.T("cancel"), state.Leave{}))
	}
	var extra *dom.Node
	switch o.Error.Code {
	case api.CodeCredentialMissing, api.CodeCredentialRefused, api.CodeAccountDisabled, api.CodeSecretNotFound,
		api.CodeServerChanged:
		extra = components.Banner("info", "key", dom.E("p", l.T("opening.again")),
			dom.E("div", dom.Class("actions"),
				components.Secondary(l.T("opening.signin"), state.Reconnect{Name: o.Name}, dom.ID("sign-in-again"))))
	default:
	}
	return dom.E("main", dom.Key("opening-failed"), dom.Class("page narrow"),
		outsideHead(s, l, state.Leave{}),
		dom.E("h1", dom.ID("title"), dom.A("tabindex", "-1"), components.Name(o.Name)),
		obstacle(l, o.Error, l.T("again"), state.Open{Name: o.Name}), extra,
		dom.E("div", dom.Class("outside-head"),
			components.Quiet(l.T("server.forget"), state.AskForget{Name: o.Name}, components.Icon("trash"))))
}
