package views

import (
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

// drawer shows one account, or the link panel for it.
func drawer(s *stateOf, l *catalogue) *dom.Node {
	d := &s.Drawer
	if d.UserID == "" {
		return nil
	}
	var body []*dom.Node
	name := l.T("drawer.loading")
	switch {
	case d.Linking:
		name = l.T("link.title", "name", api.Printable(s.Link.Account.Name))
		body = link(s, l)
	case d.Row == nil && d.Error != nil:
		body = []*dom.Node{components.Error(l, d.Error, components.Secondary(l.T("again"), state.OpenUser{ID: d.UserID}))}
	case d.Row == nil:
		body = []*dom.Node{components.Loading(l.T("drawer.loading"))}
	default:
		name = accountName(l, d.Row.Account)
		body = account(s, l, d.Row)
	}
	var lead *dom.Node
	if d.Linking {
		lead = components.IconButton("back", l.T("link.back"), state.LeaveLink{})
	} else {
		lead = components.Avatar(name)
	}
	return dom.E("aside", dom.Key("drawer"), dom.Class("drawer"), dom.A("aria-labelledby", "drawer-title"),
		dom.E("header", dom.Class("drawer-head"), lead,
			dom.E("h2", dom.ID("drawer-title"), dom.A("tabindex", "-1"), dom.A("title", name), dom.E("bdi", name)),
			components.IconButton("close", l.T("close"), state.CloseDrawer{}, dom.ID("drawer-close"))),
		dom.E("div", dom.Key(drawerKey(d)), dom.Class("drawer-body"), body))
}

func drawerKey(d *state.Drawer) string {
	if d.Linking {
		return "link-" + d.UserID
	}
	return "account-" + d.UserID
}

// account shows an account and what can be done with it.
func account(s *stateOf, l *catalogue, a *api.RosterRow) []*dom.Node {
	body := []*dom.Node{dom.If(s.Drawer.Error != nil, func() *dom.Node { return components.Error(l, s.Drawer.Error) })}
	if tags := badges(l, *a, false); len(tags) > 0 {
		body = append(body, dom.E("div", dom.Class("badges"), tags))
	}
	if !a.Exists {
		body = append(body, components.Banner("warn", "alert", dom.E("p", l.T("drawer.orphan"))))
	} else if len(a.Gaps) > 0 || a.AtRisk {
		body = append(body, risk(s, l, a))
	}
	body = append(body, identities(s, l, a, ""))
	if a.Exists {
		can := s.CanLink(a.ID)
		body = append(body, dom.E(
			"div",
			dom.Class("actions"),
			components.Primary(
				l.T("link.do"),
				state.StartLinking{Account: a.User},
				dom.ID("link-identity"),
				dom.Flag("disabled", !can.OK),
				components.Icon("link"),
			),
		))
		if !can.OK {
			body = append(body, dom.E("p", dom.Class("muted"), ability(l, "postLink", can)))
		}
		body = append(body, accountFacts(s, l, a))
	}
	body = append(body, accountHistory(s, l))
	if a.Exists && !s.Plain() {
		body = append(body, unregisterSection(s, l, a))
	}
	return clean(body)
}

// risk says where the account's name is free, and offers to close the gap or to accept it.
func risk(s *stateOf, l *catalogue, a *api.RosterRow) *dom.Node {
	where := gapNames(a.Account)
	if a.Accepted {
		return components.Banner("info", "shield", dom.E("p", l.T("risk.accepted", "providers", where)),
			dom.E("div", dom.Class("actions"),
				components.Secondary(l.T("risk.again"), state.AcceptRisk{UserID: a.ID}, dom.ID("risk-again"))))
	}
	parts := []any{dom.E("p", l.T("drawer.atRisk"))}
	if where != "" {
		title := l.T("risk.free", "name", accountName(l, a.Account), "providers", where)
		parts = []any{dom.E("p", dom.Class("banner-title"), title), parts[0]}
	}
	var buttons []*dom.Node
	for i, g := range a.Gaps {
		if !s.CanLink(a.ID).OK {
			break
		}
		buttons = append(buttons, components.Secondary(l.T("risk.close", "provider", api.Printable(g.Provider)),
			state.CloseGap{Account: a.User, Gap: g}, dom.ID("close-gap-"+strconv.Itoa(i)), components.Icon("link")))
	}
	if !s.Plain() {
		buttons = append(buttons, components.Quiet(l.T("risk.accept"), state.AcceptRisk{UserID: a.ID, On: true}, dom.ID("accept-risk")))
	}
	return components.Banner("warn", "shield", append(parts, dom.E("div", dom.Class("actions"), buttons))...)
}

// gapNames lists the providers at which an account's name is free.
func gapNames(a api.Account) string {
	names := make([]string, len(a.Gaps))
	for i, g := range a.Gaps {
		names[i] = api.ShowEnds(api.Printable(g.Provider))
	}
	return strings.Join(names, ", ")
}

func clean(list []*dom.Node) []*dom.Node {
	kept := list[:0]
	for _, n := range list {
		if n != nil {
			kept = append(kept, n)
		}
	}
	return kept
}

// identities lists an account's identities. The prefix keeps element ids on the own screen and in the drawer apart.
func identities(s *stateOf, l *catalogue, a *api.RosterRow, prefix string) *dom.Node {
	var list []*dom.Node
	for n, i := range a.Identities {
		list = append(list, identity(s, l, a, i, prefix, strconv.Itoa(n)))
	}
	content := dom.E("ul", dom.Class("identities"), list)
	var why *dom.Node
	if a.Unread {
		content = dom.E("p", dom.Class("none"), l.T("row.unread"))
	} else if len(list) == 0 {
		content = dom.E("p", dom.Class("none"), l.T("drawer.unlinked"))
	} else if remove := s.CanRemove(a.Account); !remove.OK {
		why = muted(ability(l, "deleteLink", remove))
	}
	return dom.E("section", dom.Class("section"), dom.A("aria-labelledby", prefix+"identities-title"),
		dom.E("h3", dom.ID(prefix+"identities-title"), l.T("column.identities")), content, why)
}

func identity(s *stateOf, l *catalogue, a *api.RosterRow, i api.Identity, prefix, number string) *dom.Node {
	remove := s.CanRemove(a.Account)
	key := string(i.Protocol) + "/" + i.Provider + "/" + i.Name
	return dom.E("li", dom.Key(key), dom.Class("identity"),
		dom.E("div", dom.Class("identity-head"), components.Protocol(i.Protocol),
			dom.E("span", dom.Class("identity-provider"), components.Name(i.Provider))),
		components.Copyable(l, l.T("identity.name"), i.Name, state.CopyText{Text: i.Name}),
		dom.If(s.Note(i) != "", func() *dom.Node { return dom.E("p", dom.Class("note"), components.Name(s.Note(i))) }),
		dom.If(!a.LastUse(i).IsZero(), func() *dom.Node {
			return muted(l.T("identity.used", "when", l.Ago(a.LastUse(i), s.Now)))
		}),
		dom.E("div", dom.Class("actions"),
			dom.If(a.Exists, func() *dom.Node {
				return components.Quiet(
					l.T("verify.do"),
					state.VerifyLink{UserID: a.ID, Identity: i},
					dom.ID(prefix+"verify-"+number),
					components.Icon("shield"),
					dom.Flag("disabled", s.Verify.Running()),
					dom.A(
						"aria-label",
						l.T("verify.do.of", "provider", api.Printable(i.Provider), "name", api.Printable(i.Name)),
					),
				)
			}),
			components.Quiet(l.T("note.do"), state.AskNote{Identity: i}, dom.ID(prefix+"note-"+number), components.Icon("edit"),
				dom.A("aria-label", l.T("note.title", "provider", api.Printable(i.Provider), "name", api.Printable(i.Name)))),
			components.Quiet(
				l.T("remove.do"),
				state.AskRemove{
					Links: []api.Link{{Identity: i, UserID: a.ID}}, Accounts: map[string]api.Account{a.ID: a.Account},
				},
				dom.ID(prefix+"remove-"+number),
				components.Icon("unlink"),
				dom.Class("danger-text"),
				dom.Flag("disabled", !remove.OK),
				dom.A("title", removeTitle(l, remove)),
				dom.A(
					"aria-label",
					l.T("remove.do.of", "provider", api.Printable(i.Provider), "name", api.Printable(i.Name)),
				),
			)),
		verification(s, l, a, i))
}

func removeTitle(l *catalogue, a api.Ability) string {
	if a.OK {
		return "" // the button says it
	}
	return ability(l, "deleteLink", a)
}

// verification is a running or finished verification, below its identity.
func verification(s *stateOf, l *catalogue, a *api.RosterRow, i api.Identity) *dom.Node {
	v := &s.Verify
	if v.Provider != i.Provider || v.Protocol != i.Protocol || v.UserID != a.ID || v.Name != i.Name {
		return nil
	}
	var device *dom.Node
	if i.Protocol == api.OIDC && v.Device == nil {
		device = components.Secondary(l.T("link.device"), state.VerifyLink{UserID: a.ID, Identity: i, Device: true})
	}
	var content []*dom.Node
	switch {
	case v.Error != nil:
		content = []*dom.Node{components.Error(l, v.Error, components.Secondary(l.T("close"), state.CancelVerify{}), device)}
	case v.Result != nil:
		content = []*dom.Node{verified(l, a, i, v.Result)}
	case v.Asks != nil:
		content = []*dom.Node{
			components.Banner("warn", "alert",
				dom.E("p", dom.Class("banner-title"), l.T("verify.asks", "account", api.Printable(v.Asks.Account.Name))),
				dom.E("ul", dom.Class("effects"), remarkItems(l, v.Asks.Effects))),
			dom.E("div", dom.Class("actions end"),
				components.Secondary(l.T("verify.no"), state.AnswerVerify{}, dom.ID("verify-no")),
				components.Secondary(l.T("verify.yes"), state.AnswerVerify{Yes: true})),
		}
	case v.Local != "":
		content = append([]*dom.Node{dom.E("h4", l.T("local.title"))}, localAddress(l, v.Local)...)
		content = append(content, dom.E("div", dom.Class("actions end"),
			components.Secondary(l.T("local.no"), state.AnswerVerify{}, dom.ID("verify-no")),
			components.Secondary(l.T("local.yes"), state.AnswerVerify{Yes: true}),
			components.Quiet(l.T("cancel"), state.CancelVerify{})))
	case v.Device != nil:
		content = []*dom.Node{
			deviceBox(s, l, v.Device, v.QR, v.FlowID, v.NoBrowser), components.Loading(l.T("link.device.waiting")),
			components.Quiet(l.T("cancel"), state.CancelVerify{}),
		}
	case v.SignIn != nil:
		content = []*dom.Node{
			dom.E("p", l.T("verify.signin")), signInBox(s, l, v.SignIn, v.FlowID, v.NoBrowser, v.Warning),
			dom.E("div", dom.Class("actions"), device, components.Quiet(l.T("cancel"), state.CancelVerify{})),
		}
	default:
		content = []*dom.Node{
			components.Loading(l.T("verify.starting")), components.Quiet(l.T("cancel"), state.CancelVerify{}),
		}
	}
	return dom.E("div", dom.Class("verification"), dom.A("aria-live", "polite"), content)
}

// verified says which account an identity opens. It depends on the identity that signed in, the account that it opens, and
// whether the server was asked or only its list of links was read.
func verified(l *catalogue, a *api.RosterRow, want api.Identity, v *api.Verified) *dom.Node {
	nodes := map[string]*dom.Node{
		"identity": components.Name(
			v.Identity.Name,
		),
		"account": components.Name(v.Account.Name),
		"wanted":  components.Name(want.Name),
	}
	tone, icon, key := "good", "check", "verify.good"
	switch {
	case v.Account.ID != a.ID:
		tone, icon, key = "bad", "alert", "verify.other"
	case v.Identity.Name != want.Name:
		tone, icon, key = "warn", "alert", "verify.otherIdentity"
	}
	how := l.T("verify.read")
	switch {
	case v.SignedIn:
		how = l.T("verify.signedIn")
	case len(v.Effects) > 0:
		how = l.T("verify.stopped")
	}
	return components.Banner(
		tone,
		icon,
		dom.E("p", dom.Class("banner-title"), components.Sentence(l, key, nodes)),
		dom.E("p", how),
		remarkLines(l, v.Remarks),
	)
}

func accountFacts(s *stateOf, l *catalogue, a *api.RosterRow) *dom.Node {
	password := l.T("fact.password.no")
	switch {
	case a.AuthProvider == api.AuthProviderPlugin:
		password = l.T("fact.password.plugin")
	case a.HasPassword:
		password = l.T("fact.password.yes")
	}
	last := l.T("time.never")
	if !a.LastActivity.IsZero() {
		last = l.Ago(a.LastActivity, s.Now) + " (" + l.Moment(a.LastActivity) + ")"
	}
	return dom.E("section", dom.Class("section"), dom.A("aria-labelledby", "facts-title"),
		dom.E("h3", dom.ID("facts-title"), l.T("drawer.facts")),
		dom.E("dl", dom.Class("facts"),
			components.Fact(l.T("fact.provider"), signInProvider(l, a.AuthProvider)),
			components.Fact(l.T("fact.password"), password),
			components.Fact(l.T("fact.activity"), last),
			components.Fact(l.T("fact.id"), components.Copyable(l, l.T("fact.id"), a.ID, state.CopyText{Text: a.ID}))))
}

// signInProvider names the account's sign-in provider. The two common type names get words.
func signInProvider(l *catalogue, typeName string) *dom.Node {
	var words string
	switch typeName {
	case api.AuthProviderDefault:
		words = l.T("auth.default")
	case api.AuthProviderPlugin:
		words = l.T("auth.sso")
	case "":
		return dom.E("span", "–")
	default:
		return dom.E("code", api.Printable(typeName))
	}
	return dom.E("span", dom.A("title", typeName), words)
}

func accountHistory(s *stateOf, l *catalogue) *dom.Node {
	if len(s.Drawer.Changes) == 0 {
		return nil
	}
	const most = 5
	var list []*dom.Node
	for i, c := range s.Drawer.Changes {
		if i == most {
			break
		}
		list = append(list, dom.E("li", dom.Key(c.ID), dom.Class("change"), changeIcon(c),
			dom.E("div", dom.Class("change-text"), dom.E("p", changeWords(l, c)),
				dom.E("time", dom.Class("muted"), dom.A("title", l.Moment(c.Time)), l.Ago(c.Time, s.Now))),
			changeTag(l, c)))
	}
	return dom.E("section", dom.Class("section"), dom.A("aria-labelledby", "changes-title"),
		dom.E("h3", dom.ID("changes-title"), l.T("nav.history")), dom.E("ul", dom.Class("changes"), list))
}

func unregisterSection(s *stateOf, l *catalogue, a *api.RosterRow) *dom.Node {
	can := s.Can().Unregister
	if !can.OK {
		return dom.E("section", dom.Class("section"), dom.E("h3", l.T("unregister.title")),
			dom.E("p", dom.Class("muted"), ability(l, "unregister", can)))
	}
	// Where the links stay, another provider than Jellyfin's own may be meant.
	stays := len(a.Identities) > 0 && s.Can().UnregisterKept
	if can = s.Can().UnregisterTo(a.User, len(a.Identities), api.AuthProviderDefault); !can.OK && !a.Unread && !stays {
		return dom.E("section", dom.Class("section"), dom.E("h3", l.T("unregister.title")), muted(ability(l, "unregister", can)),
			dom.E("div", dom.Class("actions"),
				components.Danger(l.T("unregister.do"), state.AskUnregister{UserID: a.ID}, dom.Flag("disabled", true))))
	}
	return dom.E("section", dom.Class("section"), dom.E("h3", l.T("unregister.title")),
		muted(l.T("unregister.text")),
		dom.E("div", dom.Class("actions"), components.Danger(l.T("unregister.do"), state.AskUnregister{UserID: a.ID})))
}
