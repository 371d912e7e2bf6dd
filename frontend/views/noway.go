package views

import (
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

// noWay says what was tried to sign somebody in, what each try gave, and what would help.
func noWay(l *catalogue, n *api.NoWay) []*dom.Node {
	if n == nil || len(n.Attempts) == 0 {
		return nil
	}
	var tried []*dom.Node
	for _, a := range n.Attempts {
		sentence, _ := l.Error(a.Error())
		tried = append(tried, dom.E("li", dom.Key(string(a.Strategy)), dom.Class("way off"),
			dom.E("div", dom.Class("way-text"), dom.E("h4", l.T("strategy."+string(a.Strategy))), dom.E("p", api.Printable(sentence)))))
	}
	return append([]*dom.Node{dom.E("ul", dom.Class("ways"), dom.A("aria-label", l.T("noway.tried")), tried)}, cures(l, n)...)
}

// cures are the things that would let a sign-in work.
func cures(l *catalogue, n *api.NoWay) []*dom.Node {
	if n == nil {
		return nil
	}
	return []*dom.Node{cureByClient(l, n), cureByLocalAddress(l, n), cureByProxy(l, n)}
}

// cureByClient names what lets Jellybind sign in with the plugin's client.
func cureByClient(l *catalogue, n *api.NoWay) *dom.Node {
	if n.Client == "" {
		return nil
	}
	words := l.T("noway.client.allow", "client", api.Printable(n.Client))
	var enter *dom.Node
	if n.Secret {
		words = l.T("noway.client.secret", "client", api.Printable(n.Client))
		enter = dom.E("div", dom.Class("actions"),
			components.Secondary(l.T("noway.client.enter"), state.Go{Screen: state.ScreenProviders}, dom.ID("enter-secret")))
	}
	var allow []*dom.Node
	for _, a := range n.Allow {
		allow = append(allow, components.Copyable(l, l.T("allow.oidc.one"), a, state.CopyText{Text: a}))
	}
	return dom.E("section", dom.Class("stack"), dom.E("h4", l.T("noway.client")), dom.E("p", words), allow, enter)
}

// cureByLocalAddress asks for the server's address in the local network.
func cureByLocalAddress(l *catalogue, n *api.NoWay) *dom.Node {
	if !n.Local {
		return nil
	}
	return dom.E("section", dom.Class("stack"), dom.E("h4", l.T("noway.local")), dom.E("p", l.T("noway.local.text")))
}

// cureByProxy shows a rule for each kind of reverse proxy, ready to copy.
func cureByProxy(l *catalogue, n *api.NoWay) *dom.Node {
	if len(n.Rules) == 0 {
		return nil
	}
	var rules []*dom.Node
	for _, r := range n.Rules {
		rules = append(rules, dom.E("details", dom.Key(r.Proxy), dom.Class("allow"), dom.E("summary", r.Proxy),
			dom.E("pre", dom.Class("code"), dom.A("dir", "ltr"), dom.A("tabindex", "0"), dom.A("aria-label", r.Proxy), codeLines(r.Text)),
			dom.E("div", dom.Class("actions"),
				components.Secondary(l.T("noway.proxy.copy"), state.CopyText{Text: r.Text}, components.Icon("copy")))))
	}
	return dom.E("section", dom.Class("stack"), dom.E("h4", l.T("noway.proxy")), dom.E("p", l.T("noway.proxy.text")), rules)
}

// codeLines shows a text of several lines, each in an element of its own.
func codeLines(words string) []*dom.Node {
	var lines []*dom.Node
	for line := range strings.Lines(words) {
		lines = append(lines, dom.E("span", dom.Class("code-line"), api.Printable(strings.TrimRight(line, "\n"))))
	}
	return lines
}
