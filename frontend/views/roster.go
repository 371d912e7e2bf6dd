package views

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

func roster(s *stateOf, l *catalogue) *dom.Node {
	r := &s.Roster
	return dom.E("div", dom.Key("roster"), dom.Class("roster"), dom.A("data-rooms", "36.25 45 48.5 56 76"),
		heading(l.T("nav.roster"),
			dom.E("p", dom.Class("sub"), dom.A("role", "status"), rosterSummary(s, l)),
			dom.E("div", dom.Class("heading-actions"),
				dom.If(s.Reading(), func() *dom.Node {
					return components.Quiet(l.T("cancel"), state.StopReading{}, dom.ID("stop"))
				}),
				components.Secondary(refreshLabel(l, r.Refreshing), state.Refresh{}, dom.Flag("disabled", s.Reading()),
					busyOr(s.Reading(), "refresh")))),
		limited(s, l),
		outdated(s, l),
		filters(s, l),
		dom.E("div", dom.Key("toolbar"), dom.Class("toolbar"), searchField(s, l), providerFilter(s, l)),
		selection(s, l),
		rosterError(s, l),
		grid(s, l))
}

func refreshLabel(l *catalogue, busy bool) string {
	if busy {
		return l.T("roster.refreshing")
	}
	return l.T("roster.refresh")
}

func rosterSummary(s *stateOf, l *catalogue) string {
	r := &s.Roster
	switch {
	case !r.Loaded && r.Error != nil:
		return ""
	case s.Reading() && s.Progress != nil:
		return progressWords(l, s.Progress)
	case !r.Loaded:
		return l.T("roster.reading")
	}
	c := r.Counts
	words := l.N("roster.accounts", c.All-c.Orphan) + " · " + l.N("roster.identities", c.Identities)
	if c.Orphan > 0 {
		words += " · " + l.N("roster.orphans", c.Orphan)
	}
	if !r.Taken.IsZero() {
		if s.Now.Sub(r.Taken) < time.Minute {
			return words + " · " + l.T("roster.taken.now")
		}
		words += " · " + l.T("roster.taken", "when", l.Ago(r.Taken, s.Now))
	}
	return words
}

// rosterError says why the accounts could not be read.
func rosterError(s *stateOf, l *catalogue) *dom.Node {
	switch {
	case s.Roster.Error == nil:
		return nil
	case s.Can().ReadRoster.OK:
		return components.Error(l, s.Roster.Error, components.Secondary(l.T("again"), state.Retry{}))
	case s.Session.Stored && !s.Plain(): // an API key that this version of the plugin shows no links
		return components.Error(l, s.Roster.Error,
			components.Secondary(l.T("roster.signin"), state.Reconnect{Name: s.Session.Profile.Name}, dom.ID("sign-in-again")))
	}
	return components.Error(l, s.Roster.Error)
}

// outdated says that the rows are older than the last try to read them.
func outdated(s *stateOf, l *catalogue) *dom.Node {
	r := &s.Roster
	if r.Outdated == nil {
		return nil
	}
	sentence, hint := l.Error(r.Outdated)
	return components.Banner("bad", "alert",
		dom.E("p", dom.Class("banner-title"), l.T("roster.outdated", "when", l.Clock(r.Taken, s.Now))),
		dom.E("p", api.Printable(strings.TrimSpace(sentence+" "+hint))),
		dom.E("div", dom.Class("actions"), components.Secondary(l.T("again"), state.Refresh{}, dom.ID("refresh-again"),
			dom.Flag("disabled", s.Reading()), busyOr(s.Reading(), "refresh"))))
}

// limited says what this credential does not allow, unless the error says it.
func limited(s *stateOf, l *catalogue) *dom.Node {
	if a := s.Can().ReadRoster; !a.OK && s.Roster.Error == nil {
		return components.Banner("warn", "lock", dom.E("p", ability(l, "readRoster", a)))
	}
	return nil
}

// ability says why something cannot be done.
func ability(l *catalogue, name string, a api.Ability) string {
	return cmp.Or(l.Why(a.Why, a.Params), l.T("ability."+name))
}

// shown says how many of all accounts are shown. It is in the search field, which each letter repaints anyway: the engine
// repaints one rectangle around all that changes, so what changes should be close together.
func shown(s *stateOf, l *catalogue) *dom.Node {
	r, words := &s.Roster, ""
	if r.Loaded && r.Narrowed() {
		words = l.T("roster.shown", "n", l.Number(r.Total), "of", l.Number(r.Counts.All))
	}
	return dom.E("p", dom.Class("search-found"), dom.A("role", "status"), words)
}

func searchField(s *stateOf, l *catalogue) *dom.Node {
	var after *dom.Node
	if s.Roster.Search != "" {
		after = components.IconButton("close", l.T("roster.clear"), state.ClearSearch{})
	} else if s.SingleKeys() {
		after = dom.E("span", dom.Class("search-key"), dom.A("aria-hidden", "true"), components.Key("/"))
	}
	return dom.E(
		"div",
		dom.Class("search"),
		dom.A("role", "search"),
		components.Icon("search"),
		dom.E(
			"input",
			dom.ID("search"),
			dom.A("type", "text"),
			dom.Class("search-input"),
			dom.A("aria-label", l.T("roster.search")),
			dom.A("placeholder", l.T("roster.search")),
			dom.A("autocomplete", "off"),
			dom.A("spellcheck", "false"),
			dom.A("data-select", ""),
			dom.A("aria-controls", "grid"),
			dom.Prop("value", s.Roster.Search),
			dom.OnValue(editMsg(state.FieldSearch)),
			dom.Make("keydown", func(e dom.Event) any {
				if e.Key == "ArrowDown" || e.Key == "Enter" {
					return state.Activate{To: s.Roster.Active}
				}
				return nil
			}),
		),
		shown(s, l),
		after,
	)
}

func providerFilter(s *stateOf, l *catalogue) *dom.Node {
	if len(s.Providers.List) == 0 {
		return nil
	}
	q := s.Roster.Query
	value := ""
	const without = "!"
	if q.Provider != "" {
		value = state.ProviderID(q.Protocol, q.Provider)
		if q.Without {
			value = without + value
		}
	}
	options := []*dom.Node{dom.E("option", dom.Key(""), dom.A("value", ""), l.T("roster.allProviders"))}
	list := s.Providers.List
	for _, sign := range []string{"", without} {
		key := "roster.linkedAt"
		if sign == without {
			key = "roster.notLinkedAt"
		}
		for _, p := range list {
			id := sign + state.ProviderID(p.Protocol, p.Name)
			options = append(options, dom.E("option", dom.Key(id), dom.A("value", id),
				l.T(key, "provider", api.Printable(p.Name)+" ("+strings.ToUpper(string(p.Protocol))+")")))
		}
	}
	return dom.E("select", dom.ID("by-provider"), dom.Class("input"), dom.A("aria-label", l.T("roster.byProvider")),
		dom.Prop("value", value),
		dom.Make("change", func(e dom.Event) any {
			for _, p := range list {
				if id, not := strings.CutPrefix(e.Value, without); id == state.ProviderID(p.Protocol, p.Name) {
					return state.FilterProvider{Protocol: p.Protocol, Name: p.Name, Without: not}
				}
			}
			return state.FilterProvider{}
		}), options)
}

func filters(s *stateOf, l *catalogue) *dom.Node {
	r := &s.Roster
	if !r.Loaded && r.Error != nil {
		return nil
	}
	c := r.Counts
	var list []*dom.Node
	for _, f := range []struct {
		filter api.RosterFilter
		key    string
		n      int
		always bool
	}{
		{api.FilterAll, "filter.all", c.All - c.Orphan, true},
		{api.FilterChanged, "filter.changed", c.Changed, false},
		{api.FilterLinked, "filter.linked", c.Linked, true},
		{api.FilterUnlinked, "filter.unlinked", c.Unlinked, true},
		{api.FilterSeveral, "filter.several", c.Several, false},
		{api.FilterAtRisk, "filter.atRisk", c.AtRisk, false},
		{api.FilterOrphan, "filter.orphan", c.Orphan, false},
		{api.FilterDisabled, "filter.disabled", c.Disabled, false},
		{api.FilterAdministrator, "filter.administrator", c.Administrator, false},
	} {
		on := slices.Contains(s.Roster.Query.Filters, f.filter) || f.filter == api.FilterAll && len(s.Roster.Query.Filters) == 0
		if f.n == 0 && !f.always && !on {
			continue
		}
		list = append(list, dom.E("button", dom.Key(string(f.filter)), dom.Class("filter"), dom.ClassIf("on", on),
			dom.A("type", "button"), dom.Bool("aria-pressed", on), dom.A("title", l.T(f.key+".hint")),
			dom.OnClick(state.Filter{Filter: f.filter}),
			l.T(f.key), dom.If(r.Loaded, func() *dom.Node { return dom.E("span", dom.Class("filter-count"), l.Number(f.n)) })))
	}
	return dom.E("div", dom.Class("filters"), dom.A("role", "group"), dom.A("aria-label", l.T("filter.label")), list)
}

func selection(s *stateOf, l *catalogue) *dom.Node {
	n := len(s.Roster.Selected)
	if n == 0 {
		return nil
	}
	links := s.Roster.SelectedCount()
	return dom.E(
		"div",
		dom.Key("selection"),
		dom.Class("selection"),
		dom.A("role", "region"),
		dom.A("aria-label", l.T("selection.label")),
		selectShown(s, l), // in the place where the table's head has it
		dom.E("p", dom.A("role", "status"), l.N("selection.count", n)),
		dom.If(n < s.Roster.Total, func() *dom.Node {
			return components.Quiet(l.T("selection.all", "n", l.Number(s.Roster.Total)), state.SelectAll{}, dom.ID("select-all"))
		}),
		components.Danger(
			l.N("selection.remove", links),
			state.AskRemoveSelected{},
			dom.Flag("disabled", links == 0 || !s.CanRemove(api.Account{Exists: true}).OK),
			components.Icon("unlink"),
		),
		components.Quiet(l.T("selection.none"), state.SelectNone{}),
	)
}

// selectShown is the checkbox for all accounts that are shown.
func selectShown(s *stateOf, l *catalogue) *dom.Node {
	n, all := len(s.Roster.Selected), s.Roster.Total
	return dom.E("input", dom.ID("select-shown"), dom.A("type", "checkbox"), dom.Checked(n > 0 && n >= all),
		dom.Prop("indeterminate", strconv.FormatBool(n > 0 && n < all)), dom.A("aria-label", l.T("selection.shown")),
		dom.A("title", l.T("selection.shown")), dom.Instead("click", func(dom.Event) any { return state.SelectShown{} }))
}

// rowMenu is what can be done with one row.
func rowMenu(s *stateOf, l *catalogue) *dom.Node {
	if s.Menu != "row" {
		return nil
	}
	m := &s.RowMenu
	a := m.Row
	item := func(on bool, key, icon string, msg state.Msg) *dom.Node {
		if !on {
			return nil
		}
		return menuItem(key, icon, state.RunInMenu{Msg: msg}, dom.Text(l.T(key)))
	}
	_, selected := s.Roster.Selected[a.ID]
	var links []api.Link
	for _, i := range a.Identities {
		links = append(links, api.Link{Identity: i, UserID: a.ID})
	}
	menu := menu("row", l.T("row.menu", "name", accountName(l, a.Account)), clean([]*dom.Node{
		item(true, "row.open", "person", state.OpenAccount{Index: m.Index}),
		item(a.Exists && !a.Unread && s.CanLink(a.ID).OK, "link.do", "link", state.StartLinking{Account: a.User}),
		item(a.Exists, "row.copyName", "copy", state.CopyText{Text: a.Name}),
		item(true, "row.copyId", "copy", state.CopyText{Text: a.ID}),
		item(!a.Unread && !selected, "keys.select", "check", state.Select{Index: m.Index}),
		item(len(links) > 0 && s.CanRemove(a.Account).OK, "row.remove", "unlink",
			state.AskRemove{Links: links, Accounts: map[string]api.Account{a.ID: a.Account}}),
	}))
	list := menu.Kids[1]
	list.Set(dom.Class("row-menu"))
	list.Set(dom.Prop("style.left", "min("+rem(m.X)+", calc(100vw - 16rem))"))
	list.Set(dom.Prop("style.top", "min("+rem(m.Y)+", calc(100vh - 16rem))"))
	return menu
}

func grid(s *stateOf, l *catalogue) *dom.Node {
	r := &s.Roster
	switch {
	case r.Error != nil && !r.Loaded:
		return nil
	case r.Loaded && r.Total == 0 && !r.Stale():
		return dom.E("div", dom.Key("empty"), dom.Class("grid-message"), nothing(s, l))
	}
	return dom.E(
		"div",
		dom.Key("grid"),
		dom.ID("grid"),
		dom.Class("grid"),
		dom.A("role", "grid"),
		dom.A("aria-label", l.T("nav.roster")),
		dom.A(
			"aria-multiselectable",
			"true",
		),
		dom.A("aria-rowcount", strconv.Itoa(r.Total+1)),
		dom.Bool("aria-busy", r.Stale()),
		gridHead(s, l),
		gridRows(s, l),
	)
}

func nothing(s *stateOf, l *catalogue) *dom.Node {
	r := &s.Roster
	if !r.Narrowed() {
		return components.Empty("users", l.T("roster.empty"), l.T("roster.empty.text"),
			components.Secondary(l.T("roster.refresh"), state.Refresh{}, components.Icon("refresh")))
	}
	words := l.T("roster.nothing.text")
	if r.Search != "" {
		words = l.T("roster.nothing.search", "search", r.Search)
	}
	return components.Empty("search", l.T("roster.nothing"), words,
		components.Secondary(l.T("roster.clear"), state.ClearSearch{}))
}

func gridHead(s *stateOf, l *catalogue) *dom.Node {
	q := s.Roster.Query
	column := func(class, key string, by api.RosterSort) *dom.Node {
		on := q.Sort == by || q.Sort == "" && by == api.SortName
		sorted, icon := "none", "sort"
		if on {
			sorted, icon = "ascending", "up"
			// Activity starts with the latest, identities with the most: people look for those.
			if q.Reverse == (by == api.SortName) {
				sorted, icon = "descending", "down"
			}
		}
		return dom.E(
			"div",
			dom.Class("cell "+class),
			dom.A("role", "columnheader"),
			dom.A("aria-sort", sorted),
			dom.E(
				"button",
				dom.Class("sort"),
				dom.ClassIf("on", on),
				dom.A("type", "button"),
				dom.OnClick(state.Sort{By: by}),
				dom.E("span", l.T(key)),
				components.Icon(icon),
			),
		)
	}
	return dom.E("div", dom.Class("row row-head"), dom.A("role", "row"), dom.A("aria-rowindex", "1"),
		dom.E("div", dom.Class("cell c-check"), dom.A("role", "columnheader"), dom.A("aria-label", l.T("column.select")),
			dom.If(s.Roster.Loaded && len(s.Roster.Selected) == 0, func() *dom.Node { return selectShown(s, l) })),
		column("c-name", "column.account", api.SortName),
		column("c-links", "column.identities", api.SortLinks),
		column("c-activity", "column.activity", api.SortActivity),
		dom.E("div", dom.Class("cell c-action"), dom.A("role", "columnheader"), dom.A("aria-label", l.T("column.action"))))
}

// rem writes a height in rem. Heights are multiples of half a rem, so one decimal is enough.
func rem(n float64) string {
	tenths := int(n*10 + .5)
	return strconv.Itoa(tenths/10) + "." + strconv.Itoa(tenths%10) + "rem"
}

// gridRows draws the rows in and around the viewport. Two empty blocks stand for the rows above and below.
func gridRows(s *stateOf, l *catalogue) *dom.Node {
	r := &s.Roster
	var rows []*dom.Node
	from, to := r.Window()
	if !r.Loaded {
		for i := range 8 {
			rows = append(rows, skeleton(i))
		}
		return dom.E(
			"div",
			dom.ID("rows"),
			dom.Class("rows"),
			dom.A("role", "rowgroup"),
			dom.A("data-measure", ""),
			rows,
			dom.E("p", dom.Class("hidden-words"), dom.A("role", "status"), l.T("roster.reading")),
		)
	}
	tab := r.Tabbed()
	rows = append(rows, dom.E("div", dom.Key("above"), dom.A("role", "presentation"),
		dom.Prop("style.height", rem(float64(from)*state.RowHeight))))
	for i := from; i < to; i++ {
		if account, ok := r.Row(i); ok {
			rows = append(rows, gridRow(s, l, i, account, i == tab))
		} else {
			rows = append(rows, skeleton(i))
		}
	}
	rows = append(rows, dom.E("div", dom.Key("below"), dom.A("role", "presentation"),
		dom.Prop("style.height", rem(float64(r.Total-to)*state.RowHeight))))
	return dom.E("div", dom.ID("rows"), dom.Class("rows"), dom.A("role", "rowgroup"), dom.A("data-measure", ""), rows,
		dom.Make("scroll", func(e dom.Event) any { return state.Scrolled{Top: e.ScrollTop, Height: e.Height} }),
		dom.Make("resize", func(e dom.Event) any { return state.Resized{Height: e.Height} }))
}

func skeleton(i int) *dom.Node {
	return dom.E(
		"div",
		dom.Key("s"+strconv.Itoa(i)),
		dom.Class("row skeleton"),
		dom.A("role", "presentation"),
		dom.E("div", dom.Class("cell c-check")),
		dom.E(
			"div",
			dom.Class("cell c-name"),
			dom.E("span", dom.Class("bone round")),
			dom.E("span", dom.Class("bone wide")),
		),
		dom.E("div", dom.Class("cell c-links"), dom.E("span", dom.Class("bone chip-bone"))),
		dom.E("div", dom.Class("cell c-activity"), dom.E("span", dom.Class("bone"))),
		dom.E("div", dom.Class("cell c-action")),
	)
}

func gridRow(s *stateOf, l *catalogue, i int, a api.RosterRow, tab bool) *dom.Node {
	_, selected := s.Roster.Selected[a.ID]
	id := state.RowID(i)
	index := "-1"
	if tab {
		index = "0"
	}
	name := accountName(l, a.Account)
	return dom.E(
		"div",
		dom.Key(id), // not the account's: rewriting rows is cheaper than making new ones
		dom.ID(id),
		dom.Class("row"),
		dom.ClassIf("selected", selected),
		dom.ClassIf("open", s.Drawer.UserID == a.ID),
		dom.ClassIf("changed", a.Changed),
		dom.A(
			"role",
			"row",
		),
		dom.A("aria-rowindex", strconv.Itoa(i+2)),
		dom.Bool("aria-selected", selected),
		dom.A("tabindex", index),
		dom.OnClick(state.OpenAccount{Index: i}),
		dom.Make("keydown", func(e dom.Event) any { return rowKey(s, i, a, e, id) }),
		dom.Instead("contextmenu", func(e dom.Event) any { return state.OpenRowMenu{Index: i, X: e.X, Y: e.Y} }),
		dom.E("div", dom.Class("cell c-check"), dom.A("role", "gridcell"),
			dom.If(a.Changed, func() *dom.Node {
				return dom.E("span", dom.Class("row-bar"), dom.A("role", "img"), dom.A("aria-label", l.T("badge.changed")),
					dom.A("title", l.T("badge.changed.hint")))
			}),
			dom.E("input", dom.A("type", "checkbox"), dom.A("tabindex", index), dom.Checked(selected),
				dom.Flag("disabled", a.Unread),
				dom.A("aria-label", l.T("row.select", "name", name)),
				dom.Instead("click", func(e dom.Event) any { return state.Select{Index: i, Range: e.Shift} }))),
		dom.E("div", dom.Class("cell c-name"), dom.A("role", "rowheader"), components.Avatar(name),
			dom.E("span", dom.Class("account"),
				dom.E("bdi", dom.Class("account-name"), dom.A("data-whole", ""), name), marks(l, a))),
		dom.E("div", dom.Class("cell c-links"), dom.A("role", "gridcell"), chips(s, l, a)),
		dom.E("div", dom.Class("cell c-activity"), dom.A("role", "gridcell"), activity(s, l, a)),
		dom.E("div", dom.Class("cell c-action"), dom.A("role", "gridcell"),
			dom.If(a.Exists && !a.Unread && len(a.Identities) == 0 && s.CanLink(a.ID).OK, func() *dom.Node {
				return components.Secondary(l.T("row.link"), state.StartLinking{Account: a.User}, dom.A("tabindex", index),
					dom.Class("small"), dom.A("aria-label", l.T("row.link.of", "name", name)))
			}),
			components.Icon("forward")),
	)
}

func activity(s *stateOf, l *catalogue, a api.RosterRow) *dom.Node {
	if !a.Exists {
		return dom.E("span", dom.Class("muted"), "–")
	}
	if a.LastActivity.IsZero() {
		return dom.E("span", dom.Class("muted"), l.T("time.never"))
	}
	return dom.E("time", dom.A("title", l.Moment(a.LastActivity)), l.Ago(a.LastActivity, s.Now))
}

func accountName(l *catalogue, a api.Account) string {
	if !a.Exists {
		return l.T("row.deleted")
	}
	return api.ShowEnds(api.Printable(a.Name))
}

// badges say what is special about an account, the most important first: a row drops those at the end that find no room.
// short leaves out what a row shows otherwise.
func badges(l *catalogue, a api.RosterRow, short bool) []*dom.Node {
	var list []*dom.Node
	add := func(on bool, key, tone string) {
		if on {
			b := components.Badge(l.T(key), tone)
			b.Key = key
			b.Set(dom.A("title", l.T(key+".hint")))
			list = append(list, b)
		}
	}
	add(!short && a.Changed, "badge.changed", "accent") // a row has a bar for it
	add(a.Administrator, "badge.administrator", "")
	if a.AtRisk {
		list = append(list, riskBadge(l, a))
	}
	add(!a.Exists, "badge.orphan", "warn")
	add(a.Disabled, "badge.disabled", "")
	add(a.Exists && !a.HasPassword, "badge.noPassword", "")
	return list
}

// riskBadge names the providers at which the account's name is free.
func riskBadge(l *catalogue, a api.RosterRow) *dom.Node {
	b := components.Badge(l.T("badge.atRisk"), "warn")
	b.Key = "badge.atRisk"
	title := l.T("badge.atRisk.hint")
	if where := gapNames(a.Account); where != "" {
		title = l.T("risk.free", "name", accountName(l, a.Account), "providers", where)
	}
	b.Set(dom.A("title", title))
	return b
}

// marks are the badges below an account's name, the most important first.
func marks(l *catalogue, a api.RosterRow) *dom.Node {
	list := badges(l, a, true)
	if len(list) == 0 {
		return nil
	}
	return dom.E("span", dom.Class("account-marks"), list)
}

func chips(s *stateOf, l *catalogue, a api.RosterRow) []*dom.Node {
	const most = 3
	if a.Unread {
		return []*dom.Node{dom.E("span", dom.Class("muted"), dom.A("aria-label", l.T("row.unread")), dom.A("role", "img"), "…")}
	}
	if len(a.Identities) == 0 {
		return []*dom.Node{dom.E("span", dom.Class("muted"), l.T("row.unlinked"))}
	}
	var list []*dom.Node
	n := len(a.Identities)
	for _, id := range a.Identities[:min(n, most)] {
		list = append(list, components.Chip(id, s.Note(id)))
	}
	// The style sheet shows as many chips as there is room for, and the remark for that number.
	for shown := 1; shown <= most && shown < n; shown++ {
		list = append(list, dom.E("span", dom.Class("chip-more past-"+strconv.Itoa(shown)),
			l.T("row.more", "n", l.Number(n-shown))))
	}
	return list
}

// rowKey handles the keys of a row. Enter and Space belong to a control in the row if it has the focus.
func rowKey(s *stateOf, i int, a api.RosterRow, e dom.Event, id string) any {
	if e.Ctrl || e.Alt {
		return nil
	}
	page := max(int(s.Roster.Height/state.RowHeight)-1, 1)
	switch e.Key {
	case "ArrowDown":
		return state.Activate{By: 1}
	case "ArrowUp":
		if i == 0 {
			return state.FocusSearch{}
		}
		return state.Activate{By: -1}
	case "PageDown":
		return state.Activate{By: page}
	case "PageUp":
		return state.Activate{By: -page}
	case "Home":
		return state.Activate{To: 0}
	case "End":
		return state.Activate{To: s.Roster.Total - 1}
	case "ContextMenu":
		return state.OpenRowMenu{Index: i, X: e.X, Y: e.Y}
	case "F10":
		if e.Shift {
			return state.OpenRowMenu{Index: i, X: e.X, Y: e.Y}
		}
	}
	if e.Target != id {
		return nil
	}
	switch e.Key {
	case "Enter":
		return state.OpenAccount{Index: i}
	case " ":
		return state.Select{Index: i, Range: e.Shift}
	case "l":
		if a.Exists && s.SingleKeys() && s.CanLink(a.ID).OK {
			return state.StartLinking{Account: a.User}
		}
	}
	return nil
}
