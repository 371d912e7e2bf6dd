package views

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
	"github.com/jellybind/jellybind/frontend/text"
)

// link is the panel for making a link.
func link(s *stateOf, l *catalogue) []*dom.Node {
	k := &s.Link
	names, at := linkSteps(k)
	for i, n := range names {
		names[i] = l.T(n)
	}
	steps := components.Steps(l.T("link.steps"), names, at)
	var body []*dom.Node
	switch k.Step {
	case state.LinkHome:
		body = linkHome(s, l)
	case state.LinkSignIn:
		body = linkSignIn(s, l)
	case state.LinkConfirm:
		body = linkConfirm(s, l)
	case state.LinkWriting:
		body = []*dom.Node{stepTitle(l.T("link.writing")), components.Loading(writingWords(l, k.Progress))}
	case state.LinkDone:
		body = linkDone(s, l)
	case state.LinkFailed:
		body = linkFailed(s, l)
	default:
		body = linkChoose(s, l)
	}
	return []*dom.Node{
		steps,
		dom.E("div", dom.Key(string(k.Step)), dom.Class("link-body"), dom.A("aria-live", "polite"), clean(body)),
	}
}

// linkSteps returns the keys of the steps' names, and the current one. Nobody signs in where the name is typed.
func linkSteps(k *state.Link) (names []string, at int) {
	names = []string{"link.step.how", "link.step.signin", "link.step.confirm", "link.step.done"}
	at = map[state.LinkStep]int{
		state.LinkChoose: 0, state.LinkHome: 1, state.LinkSignIn: 1, state.LinkConfirm: 2, state.LinkWriting: 2, state.LinkDone: 3,
		state.LinkFailed: 1,
	}[k.Step]
	if k.Step == state.LinkFailed && k.Confirm != nil {
		at = 2
	}
	if k.Step == state.LinkHome {
		names = slices.Delete(names, 2, 3) // the page at home asks, and Jellybind only watches
	}
	if k.Subject {
		names = slices.Delete(names, 1, 2)
		at = max(at-1, 0)
	}
	return names, at
}

func stepTitle(words string) *dom.Node {
	return dom.E("h3", dom.ID("link-step"), dom.Class("step-title"), dom.A("tabindex", "-1"), words)
}

func writingWords(l *catalogue, p *api.Progress) string {
	if p != nil {
		return progressWords(l, p)
	}
	return l.T("link.writing.text")
}

func linkChoose(s *stateOf, l *catalogue) []*dom.Node {
	k := &s.Link
	body := []*dom.Node{stepTitle(l.T("link.choose"))}
	list := s.LinkProviders()
	switch {
	case !s.Providers.Loaded:
		return append(body, components.Loading(l.T("providers.loading")))
	case s.Providers.Error != nil:
		return append(body, components.Error(l, s.Providers.Error))
	case len(list) == 0:
		return append(body, components.Empty("providers", l.T("providers.empty"), l.T("providers.empty.text")))
	}
	choices := make([]*dom.Node, len(list))
	for i, p := range list {
		on := k.Request.Provider == p.Name && k.Request.Protocol == p.Protocol
		id := state.ProviderID(p.Protocol, p.Name)
		choices[i] = dom.E("label", dom.Key(id), dom.Class("radio"), dom.ClassIf("on", on),
			dom.E("input", dom.A("type", "radio"), dom.A("name", "provider"), dom.A("value", id), dom.Checked(on),
				dom.Make("change", func(dom.Event) any {
					return state.PickProvider{Protocol: p.Protocol, Name: p.Name}
				}),
				dom.Make("keydown", func(e dom.Event) any {
					if e.Key == "Enter" {
						return state.RunLink{}
					}
					return nil
				})),
			dom.E(
				"span",
				dom.Class("radio-text"),
				dom.E("span", dom.Class("radio-label"), components.Name(p.Name), components.Protocol(p.Protocol)),
				dom.If(
					p.Endpoint != "",
					func() *dom.Node { return dom.E("span", dom.Class("radio-hint"), host(p.Endpoint)) },
				),
			))
	}
	body = append(body, dom.E("fieldset", dom.Class("radios"), dom.E("legend", l.T("link.provider")), choices))
	if k.Request.Provider == "" {
		return append(body, muted(l.T("link.provider.hint")))
	}
	body = append(body, components.Tabs(l.T("link.tabs"), "link-panel",
		components.Tab{ID: "tab-signin", Label: l.T("link.tab.signin"), On: !k.Subject, Msg: state.LinkTab{}},
		components.Tab{ID: "tab-subject", Label: l.T("link.tab.subject"), On: k.Subject, Msg: state.LinkTab{Subject: true}}))
	tab := "tab-signin"
	panel := linkPlan(s, l)
	if k.Subject {
		tab, panel = "tab-subject", linkSubject(s, l)
	}
	return append(body, dom.E("div", dom.Key(tab), dom.ID("link-panel"), dom.Class("link-panel"), dom.A("role", "tabpanel"),
		dom.A("aria-labelledby", tab), clean(panel)))
}

// host returns the host of an address, by which people know it.
func host(address string) string {
	rest := address
	for _, scheme := range []string{"https://", "http://"} {
		if len(rest) > len(scheme) && rest[:len(scheme)] == scheme {
			rest = rest[len(scheme):]
		}
	}
	for i, c := range rest {
		if c == '/' || c == '?' || c == '#' {
			return api.Printable(rest[:i])
		}
	}
	return api.Printable(rest)
}

// linkPlan says how the link will be made, why, and what the identity provider must allow.
func linkPlan(s *stateOf, l *catalogue) []*dom.Node {
	k := &s.Link
	switch {
	case k.Plan == nil && k.Error != nil:
		return []*dom.Node{components.Error(l, k.Error, components.Secondary(l.T("again"), state.LinkAgain{}))}
	case k.Plan == nil:
		return []*dom.Node{components.Loading(l.T("link.planning"))}
	}
	p := k.Plan
	if p.NoWay != nil || p.Strategy == api.StrategySubject {
		return noSignIn(s, l, p)
	}
	body := []*dom.Node{
		dom.E("div", dom.Class("plan"),
			dom.E("h4", l.T("strategy."+string(p.Strategy))),
			dom.E("p", l.T("strategy."+string(p.Strategy)+".how")),
			reason(l, p.Option)),
	}
	if !p.OK {
		body = append(body, components.Banner("bad", "alert", dom.E("p", l.T("link.planBad"))))
	}
	body = append(body, warnings(l, p)...)
	if len(p.Allow) > 0 && !s.Demo() {
		body = append(body, allowBox(l, p))
	}
	body = append(body, components.Error(l, k.Error), moveBox(s, l))
	body = append(body, otherWays(s, l, p)...)
	body = append(body, atHome(s, l, p))
	run := components.Primary(l.T("link.open"), state.RunLink{}, dom.ID("run-link"), components.Icon("external"),
		dom.Flag("disabled", !p.OK || k.Planning))
	if p.Strategy == api.StrategyDevice {
		run = nil
	}
	// The buttons come last and stay visible, so what belongs to them must be above them.
	return append(body, dom.E("div", dom.Class("actions"), run, elsewhere(l, p, run == nil, k.Planning),
		dom.If(s.Demo(), func() *dom.Node { return muted(l.T("link.demoHint")) })))
}

// atHome is the button for somebody who is not in front of this computer, where nothing else reaches them.
func atHome(s *stateOf, l *catalogue, p *api.Plan) *dom.Node {
	if !s.CanLinkAtHome() || elsewhere(l, p, false, false) != nil {
		return nil
	}
	return dom.E("div", dom.Class("stack"), dom.E("div", dom.Class("actions"),
		components.Secondary(l.T("home.do"), state.LinkAtHome{}, dom.ID("link-at-home"), components.Icon("person"))))
}

// linkHome says what to send to somebody who links at home, and that Jellybind watches.
func linkHome(s *stateOf, l *catalogue) []*dom.Node {
	k := &s.Link
	address := components.Loading(l.T("self.loading"))
	if s.Self.Kit != nil {
		address = components.Copyable(l, l.T("self.page"), s.Self.Kit.PageURL, state.CopyText{Text: s.Self.Kit.PageURL})
	}
	nodes := map[string]*dom.Node{
		"account": dom.E("strong", components.Name(k.Account.Name)), "provider": dom.E("strong", components.Name(k.Request.Provider)),
	}
	return []*dom.Node{
		stepTitle(l.T("home.title")),
		dom.E("ol", dom.Class("home-steps"),
			dom.E("li", dom.E("p", l.T("home.send")), address),
			dom.E("li", components.Sentence(l, "home.account", nodes)),
			dom.E("li", components.Sentence(l, "home.provider", nodes))),
		dom.If(!k.Account.HasPassword, func() *dom.Node {
			return components.Banner("warn", "alert", dom.E("p", l.T("home.noPassword")))
		}),
		components.Error(l, cmp.Or(k.Error, s.Self.Error)),
		components.Loading(l.T("home.waiting")),
		dom.E("div", dom.Class("actions"), components.Secondary(l.T("home.stop"), state.CancelLink{})),
	}
}

// elsewhere is the button for a sign-in on another device, where the provider offers that.
func elsewhere(l *catalogue, p *api.Plan, primary, planning bool) *dom.Node {
	if !slices.ContainsFunc(p.Options, func(o api.Option) bool { return o.Strategy == api.StrategyDevice && o.OK }) {
		return nil
	}
	button := components.Secondary
	if primary {
		button = components.Primary
	}
	return button(l.T("link.device"), state.RunLink{Device: true}, dom.ID("run-device"), dom.Flag("disabled", planning))
}

// noSignIn says why this link cannot be made by signing in, and what to do instead.
func noSignIn(s *stateOf, l *catalogue, p *api.Plan) []*dom.Node {
	var list []*dom.Node
	client := false
	for _, o := range p.Options {
		if o.Strategy != api.StrategySubject {
			list = append(list, way(l, o, nil))
			client = client || o.Code == api.CodeClientMissing
		}
	}
	device := elsewhere(l, p, true, s.Link.Planning)
	byName := components.Primary
	if device != nil {
		byName = components.Secondary
	}
	body := []*dom.Node{
		components.Banner("warn", "alert", dom.E("p", l.T("link.noSignIn"))),
		dom.E("ul", dom.Class("ways"), list),
	}
	if again := lookAgain(s, l, p, client); again != nil {
		body = append(body, again)
	}
	body = append(body, cures(l, p.NoWay)...)
	body = append(body, atHome(s, l, p))
	// Only what goes on with this link stays in sight at the foot: several rows of buttons would hide what they are about.
	return append(body,
		components.Error(l, s.Link.Error),
		dom.E("div", dom.Class("actions"), device,
			byName(l.T("link.byName"), state.LinkTab{Subject: true}, dom.ID("by-name"))))
}

// lookAgain is what can make a sign-in work that did not: a client of one's own, where none is entered, and another try.
func lookAgain(s *stateOf, l *catalogue, p *api.Plan, client bool) *dom.Node {
	var buttons []*dom.Node
	if client {
		enter := components.Secondary(l.T("link.enterClient"), state.Go{Screen: state.ScreenProviders}, dom.ID("enter-client"))
		buttons = append(buttons, enter)
	}
	if p.NoWay != nil && len(p.NoWay.Attempts) > 0 {
		buttons = append(buttons, components.Secondary(l.T("again"), state.FindWay{}, dom.ID("find-way"), components.Icon("refresh"),
			dom.Flag("disabled", s.Link.Planning)))
	}
	if len(buttons) == 0 {
		return nil
	}
	return dom.E("div", dom.Class("stack"), dom.E("div", dom.Class("actions"), buttons))
}

func reason(l *catalogue, o api.Option) *dom.Node {
	words := l.Why(o.Why, o.Params)
	if words == "" {
		return nil
	}
	return dom.E("p", dom.Class("why"), dom.E("strong", l.T("link.why")+" "), dom.E("span", words))
}

// warnings returns a plan's warnings, without one about a name that may have been corrected since.
func warnings(l *catalogue, p *api.Plan) []*dom.Node {
	var list []*dom.Node
	for _, w := range p.Remarks {
		tone, icon := "warn", "alert"
		switch w.Why { //nolint:exhaustive // the others are treated alike
		case api.WhyBlank:
			continue
		case api.WhyUnknown:
			tone, icon = "info", "info"
		}
		list = append(list, components.Banner(tone, icon, dom.E("p", l.Why(w.Why, w.Params))))
	}
	return list
}

func allowBox(l *catalogue, p *api.Plan) *dom.Node {
	key := "allow.oidc"
	if p.Provider.Protocol == api.SAML {
		key = "allow.saml"
	}
	var list []*dom.Node
	for _, a := range p.Allow {
		list = append(list, components.Copyable(l, l.T(key+".one"), a, state.CopyText{Text: a}))
	}
	return dom.E("details", dom.Class("allow"), dom.Flag("open", true),
		dom.E("summary", l.T(key)), muted(l.T("allow.text")), list)
}

func moveBox(s *stateOf, l *catalogue) *dom.Node {
	if !s.Can().CanMove() {
		return nil
	}
	return components.Checkbox(
		"move",
		l.T("link.move"),
		s.Link.Request.Move,
		func(on bool) any { return state.AllowMove{On: on} },
	)
}

func otherWays(s *stateOf, l *catalogue, p *api.Plan) []*dom.Node {
	if len(p.Options) < 2 {
		return nil
	}
	label := l.T("link.more")
	if s.Link.More {
		label = l.T("link.less")
	}
	toggle := components.Quiet(
		label,
		state.ToggleMore{},
		dom.Bool("aria-expanded", s.Link.More),
		dom.A("aria-controls", "ways"),
	)
	if !s.Link.More {
		return []*dom.Node{toggle}
	}
	var list []*dom.Node
	for _, o := range p.Options {
		if o.Strategy == p.Strategy {
			continue
		}
		var use *dom.Node
		if o.OK {
			use = components.Secondary(l.T("link.use"), state.PickStrategy{Strategy: o.Strategy}, dom.Class("small"),
				dom.A("aria-label", l.T("link.use.of", "way", l.T("strategy."+string(o.Strategy)))))
		}
		list = append(list, way(l, o, use))
	}
	return []*dom.Node{toggle, dom.E("ul", dom.ID("ways"), dom.Class("ways"), list)}
}

func way(l *catalogue, o api.Option, use *dom.Node) *dom.Node {
	return dom.E("li", dom.Key(string(o.Strategy)), dom.Class("way"), dom.ClassIf("off", !o.OK),
		dom.E("div", dom.Class("way-text"), dom.E("h4", l.T("strategy."+string(o.Strategy))), reason(l, o)), use)
}

// linkSubject is the second tab, for typing or pasting the canonical name.
func linkSubject(s *stateOf, l *catalogue) []*dom.Node {
	k := &s.Link
	hint := l.T("link.subject.saml")
	if k.Request.Protocol == api.OIDC {
		claim := s.Can().DefaultClaim
		if k.Plan != nil && k.Plan.Provider.NameClaim != "" {
			claim = k.Plan.Provider.NameClaim
		}
		hint = l.T("link.subject.oidc", "claim", claim)
	}
	var warn []*dom.Node
	if k.Plan != nil && k.Plan.Strategy == api.StrategySubject {
		if !k.Plan.OK {
			warn = append(warn, components.Banner("bad", "alert", dom.E("p", l.Why(k.Plan.Why, k.Plan.Params))))
		}
		warn = append(warn, warnings(l, k.Plan)...)
	}
	return []*dom.Node{dom.E("form", dom.Class("stack"), dom.OnSubmit(state.RunLink{}),
		components.Field(components.Input{
			ID: "subject", Label: l.T("identity.name"), Hint: hint, Value: s.Form[state.FieldSubject], Mono: true,
			Msg: editMsg(state.FieldSubject),
		}),
		dom.If(strings.TrimSpace(s.Form[state.FieldSubject]) != s.Form[state.FieldSubject], func() *dom.Node {
			return components.Banner("warn", "alert", dom.E("p", l.Why(api.WhyBlank, nil)))
		}),
		muted(l.T("link.subject.unproved")),
		warn,
		components.Error(l, k.Error),
		moveBox(s, l),
		dom.E("div", dom.Class("actions"), components.Submit(l.T("link.subject.go"), k.Planning)))}
}

func browserFailed(l *catalogue) *dom.Node {
	sentence, hint := l.Error(&api.Error{Code: api.CodeBrowserFailed})
	return components.Banner("warn", "alert", dom.E("p", sentence), dom.E("p", hint))
}

// signInBox shows where the browser went, the time left, and the address to open elsewhere.
func signInBox(s *stateOf, l *catalogue, in *api.SignIn, flow string, noBrowser bool, warning *api.Progress) *dom.Node {
	address := in.ShortURL
	if address == "" {
		address = in.URL
	}
	words := muted(l.T("signin.text"))
	if noBrowser {
		words = browserFailed(l)
	}
	return dom.E("div", dom.Class("signin"),
		signInHead(s, l, in.Host, in.Deadline),
		dom.If(warning != nil, func() *dom.Node {
			return components.Banner("warn", "alert", dom.E("p", l.Why(warning.Why, warning.Params)))
		}),
		words,
		dom.If(in.KeptSeconds > 0, func() *dom.Node {
			return muted(l.T("signin.kept", "time", l.Left(time.Duration(in.KeptSeconds)*time.Second)))
		}),
		components.Copyable(l, l.T("signin.address"), address, state.CopyText{Text: address}),
		components.Quiet(l.T("signin.again"), state.OpenBrowser{ID: flow}, components.Icon("external")))
}

// signInHead says where the sign-in is, and how long it waits.
func signInHead(s *stateOf, l *catalogue, host string, deadline time.Time) *dom.Node {
	at := components.Sentence(l, "signin.at", map[string]*dom.Node{"host": dom.E("strong", api.Printable(host))})
	return dom.E("div", dom.Class("signin-head"),
		dom.E("div", dom.Class("signin-host"), components.Icon("external"), dom.E("span", at)),
		dom.E("span", dom.Class("left"), dom.A("role", "timer"), dom.A("aria-label", l.T("signin.left")),
			l.Left(deadline.Sub(s.Now))))
}

// localAddress says that Jellybind found the server at an address in the local network, and what a sign-in over it means.
func localAddress(l *catalogue, address string) []*dom.Node {
	var open *dom.Node
	if strings.HasPrefix(address, "http:") {
		open = muted(l.T("local.open"))
	}
	return []*dom.Node{dom.E("p", l.T("local.text")), dom.E("p", dom.E("code", api.Printable(address))), open}
}

// linkLocal asks whether the sign-in may run over an address of the server in the local network.
func linkLocal(l *catalogue, address string) []*dom.Node {
	return slices.Concat([]*dom.Node{stepTitle(l.T("local.title"))}, localAddress(l, address), []*dom.Node{
		dom.E("div", dom.Class("actions"),
			components.Primary(l.T("local.yes"), state.Answer{Yes: true}, dom.ID("local-yes")),
			components.Secondary(l.T("local.no"), state.Answer{}),
			components.Quiet(l.T("cancel"), state.CancelLink{})),
	})
}

func linkSignIn(s *stateOf, l *catalogue) []*dom.Node {
	k := &s.Link
	cancel := dom.E("div", dom.Class("actions"), components.Secondary(l.T("cancel"), state.CancelLink{}))
	if k.Device != nil {
		return []*dom.Node{
			stepTitle(l.T("link.device")), deviceBox(s, l, k.Device, k.QR, k.FlowID, k.NoBrowser),
			components.Loading(l.T("link.device.waiting")), cancel,
		}
	}
	if k.Local != "" {
		return linkLocal(l, k.Local)
	}
	if k.SignIn == nil {
		return []*dom.Node{stepTitle(l.T("link.starting")), components.Loading(writingWords(l, k.Progress)), cancel}
	}
	var who *dom.Node
	if s.Demo() && len(s.Session.DemoPeople) > 0 {
		who = components.Banner("info", "info", dom.E("p", l.T("link.demoHint")))
	}
	return []*dom.Node{
		stepTitle(l.T("link.signin")), who, signInBox(s, l, k.SignIn, k.FlowID, k.NoBrowser, k.Warning),
		components.Loading(l.T("link.waiting")), cancel,
	}
}

// linkConfirm shows who signed in and which account the identity opens now, before anything is written.
func linkConfirm(s *stateOf, l *catalogue) []*dom.Node {
	c := s.Link.Confirm
	if c == nil {
		return nil
	}
	name := dom.E("span", dom.Class("muted"), l.T("confirm.unknown"))
	if c.NameKnown {
		name = dom.E("code", api.Printable(c.Identity.Name))
	}
	person := api.Printable(c.DisplayName)
	if c.Email != "" {
		if person != "" {
			person += " · "
		}
		person += api.Printable(c.Email)
	}
	owner, owned := l.T("confirm.nobody"), "confirm.owner"
	if c.Written {
		owned = "confirm.owned"
	}
	if c.Owner != nil {
		owner = api.Printable(c.Owner.Name)
	} else if !c.NameKnown {
		owner = l.T("confirm.later")
	}
	yes, no := l.T("confirm.yes"), l.T("confirm.no")
	var warn *dom.Node
	if c.Written {
		yes, no = l.T("confirm.keep"), l.T("confirm.takeBack")
		warn = components.Banner("info", "info", dom.E("p", l.T("confirm.written")))
	} else if c.Moves && c.Owner != nil {
		yes = l.T("confirm.move")
		warn = components.Banner("warn", "alert", dom.E("p", components.Sentence(l, "confirm.moves", map[string]*dom.Node{
			"owner": dom.E(
				"strong",
				components.Name(c.Owner.Name),
			),
			"account": dom.E("strong", components.Name(c.Account.Name)),
		})))
	} else if !c.NameKnown && !c.MayMove && !s.Link.Request.Move {
		warn = components.Banner("info", "info", dom.E("p", l.T("confirm.unseen")))
	} else if c.MayMove {
		warn = components.Banner("warn", "alert", dom.E("p", l.T("confirm.mayMove")))
	} else if !c.NameKnown && s.Link.Request.Move {
		warn = components.Banner("warn", "alert", dom.E("p", l.T("confirm.moveAllowed")))
	}
	title := "confirm.title"
	switch {
	case c.Written:
		title = "confirm.title.written"
	case !c.NameKnown:
		title, yes = "confirm.title.unseen", l.T("confirm.yes.unseen")
	}
	return []*dom.Node{
		stepTitle(l.T(title)),
		dom.E("div", dom.Class("pairing"),
			dom.E(
				"div",
				dom.Class("pair"),
				components.Protocol(c.Identity.Protocol),
				dom.E(
					"span",
					dom.Class("pair-name"),
					name,
				),
				dom.E("span", dom.Class("muted"), components.Name(c.Identity.Provider)),
			),
			dom.E("div", dom.Class("pair-arrow"), components.Icon("link")),
			dom.E(
				"div",
				dom.Class("pair"),
				components.Avatar(c.Account.Name),
				dom.E(
					"span",
					dom.Class("pair-name"),
					components.Name(c.Account.Name),
				),
				dom.E("span", dom.Class("muted"), "Jellyfin"),
			)),
		dom.If(s.Link.Subject, func() *dom.Node {
			return components.Banner("warn", "alert", dom.E("p", l.T("confirm.unproved")))
		}),
		dom.If(c.Namesake != nil, func() *dom.Node {
			return components.Banner("warn", "alert", dom.E("p", components.Sentence(l, "confirm.namesake", map[string]*dom.Node{
				"other":   dom.E("strong", components.Name(c.Namesake.Name)),
				"account": dom.E("strong", components.Name(c.Account.Name)),
			})))
		}),
		warn,
		// Whose it is stays next to the buttons, also where large text leaves little room.
		dom.E("dl", dom.Class("facts"),
			dom.If(person != "", func() *dom.Node { return components.Fact(l.T("confirm.person"), dom.E("bdi", person)) }),
			components.Fact(l.T(owned), dom.E("bdi", owner))),
		dom.If(c.Person() != "" && s.Note(c.Identity) == "", func() *dom.Node {
			return components.Checkbox("remember", l.T("note.remember", "person", api.Printable(c.Person())), s.Link.Remember,
				func(on bool) any { return state.RememberPerson{On: on} })
		}),
		dom.E("div", dom.Class("actions"), confirmButtons(c, yes, no)),
	}
}

// confirmButtons answer the question. Where the names speak against the link, the harmless answer is the main one.
func confirmButtons(c *api.Confirmation, yes, no string) []*dom.Node {
	doubtful := c.Namesake != nil && c.Owner == nil
	accept, refuse := components.Primary, components.Secondary
	if doubtful {
		accept, refuse = components.Secondary, components.Primary
	}
	list := []*dom.Node{
		accept(yes, state.Answer{Yes: true}, dom.ID("confirm-yes"), components.Icon("check")),
		refuse(no, state.Answer{}, dom.ID("confirm-no")),
	}
	if doubtful {
		slices.Reverse(list)
	}
	return list
}

func linkDone(s *stateOf, l *catalogue) []*dom.Node {
	k := &s.Link
	body := []*dom.Node{stepTitle(l.T("done.title"))}
	if k.Change == nil {
		return append(body, components.Primary(l.T("done.close"), state.LeaveLink{}))
	}
	c := k.Change
	var id api.Identity
	if len(c.Identities) > 0 {
		id = c.Identities[0]
	}
	nodes := map[string]*dom.Node{
		"account": dom.E("strong", components.Name(c.UserName)), "identity": dom.E("strong", components.Name(id.Name)),
		"provider": components.Name(id.Provider),
	}
	body = append(body, components.Banner("good", "check",
		dom.E("p", dom.Class("banner-title"), components.Sentence(l, "done.text", nodes)),
		dom.If(c.FromName != "", func() *dom.Node {
			from := dom.E("strong", components.Name(c.FromName))
			return dom.E("p", components.Sentence(l, "done.moved", map[string]*dom.Node{"from": from}))
		}),
		dom.E("p", l.T("done.read"))))
	user := api.RosterRow{Account: api.Account{User: k.Account, Exists: true, Identities: c.Identities}}
	return append(body, verification(s, l, &user, id),
		dom.E(
			"div",
			dom.Class("actions"),
			components.Primary(l.T("done.close"), state.LeaveLink{}, dom.ID("link-close")),
			components.Secondary(
				l.T("verify.do"),
				state.VerifyLink{UserID: k.Account.ID, Identity: id},
				components.Icon("shield"),
				dom.Flag("disabled", s.Verify.Running()),
			),
			components.Quiet(l.T("done.another"), state.StartLinking{Account: k.Account}),
		))
}

func linkFailed(s *stateOf, l *catalogue) []*dom.Node {
	k := &s.Link
	title, what := l.T("failed.title"), components.Error(l, k.Error)
	again := components.Primary(l.T("again"), state.LinkAgain{}, dom.ID("link-again"), components.Icon("refresh"))
	after := muted(l.T("failed.nothing"))
	if k.Confirm == nil {
		after = muted(l.T("failed.unwritten"))
	}
	switch {
	case k.Error == nil:
	case k.Error.Code == api.CodeCancelled: // cancelling is not an error
		sentence, _ := l.Error(k.Error)
		title, what, after = l.T("failed.cancelled"), components.Banner("info", "info", dom.E("p", sentence)), nil
	case k.Error.Code == api.CodeLinkOwned && !s.Can().CanMove():
		sentence, _ := l.Error(k.Error) // its hint is to move it
		what = components.Error(l, &api.Error{Why: text.WhyWindow, Sentence: sentence, Hint: l.T("failed.stuck")})
		again = components.Primary(l.T("failed.other"), state.LinkAgain{}, dom.ID("link-again"))
	case k.Error.Code == api.CodeLinkOwned:
		after = dom.E("p", l.T("failed.owned"))
		again = dom.E("div", dom.Class("actions"),
			components.Primary(l.T("failed.move"), state.MoveHere{}, dom.ID("move-here"), components.Icon("move")),
			components.Secondary(l.T("failed.other"), state.LinkAgain{}))
	}
	body := []*dom.Node{stepTitle(title), what, after}
	if k.Error != nil {
		body = append(body, noWay(l, k.Error.NoWay)...)
	}
	return append(body,
		dom.E("div", dom.Class("actions"), again, components.Secondary(l.T("link.back"), state.LeaveLink{})))
}
