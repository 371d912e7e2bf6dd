package state

import (
	"context"
	"slices"
	"strconv"

	"github.com/jellybind/jellybind/backend/api"
)

// CallPage asks for rows of the roster. With AtHand the page waits for rows that the backend has in memory, and draws them
// at once.
type CallPage struct {
	Generation, Page int
	Query            api.RosterQuery
	AtHand           bool
}

// PageLoaded answers CallPage.
type PageLoaded struct {
	Generation int
	Page       int
	Rows       api.RosterPage
	Err        *api.Error
}

// Do calls RosterPage.
func (c CallPage) Do(ctx context.Context, b Backend) Msg {
	loaded := PageLoaded{Generation: c.Generation, Page: c.Page}
	if !c.AtHand || !b.AtHand("rows.json", c.Query, &loaded.Rows) {
		loaded.Rows, loaded.Err = get[api.RosterPage](ctx, b, "RosterPage", c.Query)
	}
	return loaded
}

// CallRefresh reads the server again.
type CallRefresh struct{}

// Refreshed answers CallRefresh.
type Refreshed struct {
	Counts api.RosterCounts
	Err    *api.Error
}

// RosterChanged is the event of the same name.
type RosterChanged struct{ Counts api.RosterCounts }

// Do calls RefreshRoster.
func (CallRefresh) Do(ctx context.Context, b Backend) Msg {
	counts, err := get[api.RosterCounts](ctx, b, "RefreshRoster")
	return Refreshed{Counts: counts, Err: err}
}

// CallStopReading stops probing addresses, opening servers and reading accounts.
type CallStopReading struct{}

// Do calls StopReading. The call that it stops answers.
func (CallStopReading) Do(ctx context.Context, b Backend) Msg {
	_ = do(ctx, b, "StopReading")
	return nil
}

func (s *State) updateRoster(msg Msg) ([]Cmd, bool) {
	r := &s.Roster
	switch m := msg.(type) {
	case Edit:
		if m.Field != FieldSearch {
			return nil, false
		}
		r.Search = m.Value
		r.Query.Search = m.Value
		return s.query(), true
	case Filter:
		r.Query.Filters = toggled(r.Query.Filters, m)
		if s.Screen != ScreenRoster {
			return append(s.query(), s.show(ScreenRoster)...), true
		}
		return s.query(), true
	case FilterProvider:
		r.Query.Protocol, r.Query.Provider, r.Query.Without = m.Protocol, m.Name, m.Without
		s.Menu = ""
		if s.Screen != ScreenRoster {
			return append(s.query(), s.show(ScreenRoster)...), true
		}
		return s.query(), true
	case Sort:
		again := r.Query.Sort == m.By || r.Query.Sort == "" && m.By == api.SortName
		r.Query.Reverse = again && !r.Query.Reverse
		r.Query.Sort = m.By
		return s.query(), true
	case ClearSearch:
		r.Search = ""
		r.Query = api.RosterQuery{Sort: r.Query.Sort, Reverse: r.Query.Reverse}
		return append(s.query(), Focus{ID: "search"}), true
	case Scrolled:
		r.Scroll, r.Height = m.Top, m.Height
		return s.missing(), true
	case Resized:
		if m.Height > 0 {
			r.Height = m.Height
		}
		return s.missing(), true
	case Refresh:
		if r.Refreshing {
			return nil, true
		}
		r.Refreshing = true
		return []Cmd{CallRefresh{}}, true
	case StopReading:
		return []Cmd{CallStopReading{}}, true
	case Refreshed:
		r.Refreshing, s.Progress = false, nil
		if m.Err != nil && m.Err.Code == api.CodeCancelled {
			return s.notRead(), true
		}
		if r.Outdated = m.Err; m.Err != nil {
			return nil, true
		}
		cmds := append(s.load(), CallProviders{})
		if m.Counts.Changed > 0 {
			return append(cmds, s.toast(&Toast{Key: ToastChanged, N: m.Counts.Changed})...), true
		}
		return append(cmds, s.toast(&Toast{Key: "toast.fresh"})...), true
	case RosterChanged:
		if s.Session != nil {
			r.Counts = m.Counts
		}
		if !r.Loaded && !r.Partial && len(r.pending) > 0 {
			r.Partial, r.reading = true, r.generation
			return s.ask(), true
		}
		return s.load(), true
	case PageLoaded:
		return s.pageLoaded(m), true
	case Activate:
		return s.activate(m), true
	case Select:
		return s.selectRow(m), true
	case SelectAll:
		return append(s.selectRange(0, r.Total), Focus{ID: RowID(r.Tabbed()), From: "select-all"}), true // its button goes
	case SelectShown:
		if len(r.Selected) > 0 {
			r.selectNone()
			return []Cmd{Focus{ID: "select-shown"}}, true
		}
		return append(s.selectRange(0, r.Total), Focus{ID: "select-shown"}), true
	case SelectNone:
		r.selectNone()
		return []Cmd{Focus{ID: RowID(r.Tabbed())}}, true
	case OpenRowMenu:
		row, ok := r.Row(m.Index)
		if !ok {
			return nil, true
		}
		r.Active = m.Index
		s.Menu, s.RowMenu = "row", RowMenu{Index: m.Index, Row: row, X: m.X, Y: m.Y}
		return []Cmd{Focus{ID: "row-menu"}}, true
	case FocusSearch:
		if s.Screen != ScreenRoster {
			return append(s.show(ScreenRoster), Focus{ID: "search"}), true
		}
		return []Cmd{Focus{ID: "search"}}, true
	}
	return nil, false
}

// Reading reports whether the backend reads the accounts from the server.
func (s *State) Reading() bool {
	r := &s.Roster
	return r.Refreshing || r.Partial || !r.Loaded && r.Error == nil && len(r.pending) > 0
}

// notRead moves the focus after reading failed, because the Stop button is gone.
func (s *State) notRead() []Cmd {
	if s.Screen != ScreenRoster {
		return nil
	}
	return []Cmd{Focus{ID: "title"}}
}

// query loads the rows of a changed query and scrolls to the top.
func (s *State) query() []Cmd {
	r := &s.Roster
	r.Active, r.anchor = 0, 0
	if r.Scroll == 0 {
		return s.load() // scrolling forces a layout
	}
	r.Scroll = 0
	return append(s.load(), ScrollTo{})
}

// opposites are filters that no account passes together with the key.
var opposites = map[api.RosterFilter][]api.RosterFilter{
	api.FilterUnlinked: {api.FilterLinked, api.FilterSeveral, api.FilterOrphan},
	api.FilterLinked:   {api.FilterUnlinked, api.FilterOrphan},
	api.FilterSeveral:  {api.FilterUnlinked, api.FilterOrphan},
	api.FilterOrphan: {
		api.FilterUnlinked, api.FilterLinked, api.FilterSeveral, api.FilterAtRisk, api.FilterDisabled, api.FilterAdministrator,
	},
}

// toggled returns the filters after a choice. What would leave no account goes.
func toggled(filters []api.RosterFilter, m Filter) []api.RosterFilter {
	switch {
	case m.Filter == api.FilterAll:
		return nil
	case m.Only:
		return []api.RosterFilter{m.Filter}
	}
	kept := slices.DeleteFunc(slices.Clone(filters), func(f api.RosterFilter) bool {
		return f == m.Filter || slices.Contains(opposites[m.Filter], f) || slices.Contains(opposites[f], m.Filter)
	})
	if slices.Contains(filters, m.Filter) {
		return kept
	}
	return append(kept, m.Filter)
}

// Narrowed reports whether a search or a filter hides accounts.
func (r *Roster) Narrowed() bool {
	return r.Search != "" || len(r.Query.Filters) > 0 || r.Query.Provider != ""
}

// load loads the rows of the query. The old ones stay on the screen until then. While a call is running, it waits for that
// and then loads the latest query, so that fast typing costs two calls and not one a letter.
func (s *State) load() []Cmd {
	r := &s.Roster
	if s.Session == nil {
		return nil
	}
	if s.Plain() && s.Screen != ScreenRoster && !r.Loaded {
		return nil // a person's own links are on their own screen
	}
	if !r.stale {
		r.stale, r.since = true, s.Now
	}
	if len(r.pending) > 0 {
		r.asked = true
		return nil
	}
	return s.ask()
}

func (s *State) ask() []Cmd {
	s.Roster.supersede()
	return []Cmd{s.callPage(int(s.Roster.Scroll/RowHeight) / PageSize)}
}

// supersede invalidates the calls that are running.
func (r *Roster) supersede() {
	r.generation++
	r.asked = false
	clear(r.pending)
}

func (s *State) callPage(page int) Cmd {
	r := &s.Roster
	r.pending[page] = true
	q := s.rosterQuery(page*PageSize, PageSize)
	// The engines of the other systems were never seen to wait for the app's own files.
	return CallPage{Generation: r.generation, Page: page, Query: q, AtHand: r.Loaded && s.Boot.OS == "linux"}
}

func (s *State) rosterQuery(offset, limit int) api.RosterQuery {
	q := s.Roster.Query
	q.Offset, q.Limit, q.Language = offset, limit, s.Text().Tag
	if q.Sort == "" {
		q.Sort = api.SortName
	}
	return q
}

func (s *State) pageLoaded(m PageLoaded) []Cmd {
	r := &s.Roster
	if r.Partial && m.Generation == r.reading {
		return s.wholeRead(m.Err)
	}
	if m.Generation != r.generation {
		return nil
	}
	if m.Page == rangePage {
		return s.rangeLoaded(m)
	}
	delete(r.pending, m.Page)
	if r.asked {
		if len(r.pending) > 0 {
			return nil
		}
		return s.ask()
	}
	if r.Error = m.Err; m.Err != nil {
		if s.Progress = nil; !r.Loaded {
			return s.notRead()
		}
		return nil
	}
	if !r.Partial {
		s.Progress = nil
	}
	var cmds []Cmd
	if r.stale {
		r.pages, r.stale = map[int][]api.RosterRow{}, false
	}
	if !m.Rows.Taken.Equal(r.Taken) {
		r.Outdated = nil
	}
	r.Loaded = true
	r.pages[m.Page] = m.Rows.Rows
	r.Total, r.Counts, r.Taken = m.Rows.Total, m.Rows.Counts, m.Rows.Taken
	for _, row := range m.Rows.Rows {
		if _, ok := r.Selected[row.ID]; ok {
			r.Selected[row.ID] = row
		}
		if row.ID == s.Drawer.UserID {
			s.Drawer.Row = &row
		}
	}
	r.Active = min(r.Active, max(r.Total-1, 0))
	if !r.Partial && !r.announced {
		r.announced = true
		if n := r.Counts.Changed; n > 0 { // since the last run
			cmds = append(cmds, s.toast(&Toast{Key: ToastChanged, N: n})...)
		}
	}
	return append(cmds, s.missing()...)
}

// wholeRead ends the first reading. If it failed, the rows that came go, because some say nothing of their links.
func (s *State) wholeRead(err *api.Error) []Cmd {
	r := &s.Roster
	r.Partial, s.Progress = false, nil
	if err == nil {
		cmds := s.load()
		if row := s.Drawer.Row; row != nil && row.Unread {
			cmds = append(cmds, CallAccount{UserID: row.ID})
		}
		return cmds
	}
	r.supersede()
	r.Loaded, r.Error = false, err
	return s.notRead()
}

// missing loads the pages that the viewport needs.
func (s *State) missing() []Cmd {
	r := &s.Roster
	if !r.Loaded || r.stale {
		return nil
	}
	var cmds []Cmd
	from, to := r.Window()
	for page := from / PageSize; page*PageSize < to; page++ {
		if _, ok := r.pages[page]; !ok && !r.pending[page] {
			cmds = append(cmds, s.callPage(page))
		}
	}
	return cmds
}

// activate moves the active row and scrolls it into view.
func (s *State) activate(m Activate) []Cmd {
	r := &s.Roster
	to := m.To
	if m.By != 0 {
		to = r.Active + m.By
	}
	if r.Total == 0 {
		return nil
	}
	r.Active = min(max(to, 0), r.Total-1)
	top := float64(r.Active) * RowHeight
	var cmds []Cmd
	if top < r.Scroll {
		r.Scroll = top
		cmds = append(cmds, ScrollTo{Top: top})
	} else if bottom := top + RowHeight; bottom > r.Scroll+r.Height {
		r.Scroll = bottom - r.Height
		cmds = append(cmds, ScrollTo{Top: r.Scroll})
	}
	return append(append(cmds, s.missing()...), Focus{ID: RowID(r.Active)})
}

// RowID is the id attribute of the row at a position.
func RowID(i int) string { return "row-" + strconv.Itoa(i) }

func (s *State) selectRow(m Select) []Cmd {
	r := &s.Roster
	row, ok := r.Row(m.Index)
	switch _, on := r.Selected[row.ID]; {
	case !ok:
	case m.Range:
		return s.selectRange(min(r.anchor, m.Index), max(r.anchor, m.Index)+1)
	case on:
		r.anchor = m.Index
		delete(r.Selected, row.ID)
		r.order = slices.DeleteFunc(r.order, func(id string) bool { return id == row.ID })
	default:
		r.anchor = m.Index
		r.mark(row)
	}
	return nil
}

// rangePage marks rows that are loaded for a selection only, at most rangeLimit in a call.
const (
	rangePage  = -1
	rangeLimit = 500
)

// picking is a selection whose rows are still being loaded.
type picking struct {
	from, to int // the first position, and the one after the last
	rows     []api.RosterRow
}

// selectRange selects the rows from position from up to to, exclusive. It loads missing rows first, so that either all are
// selected or none.
func (s *State) selectRange(from, to int) []Cmd {
	r := &s.Roster
	p := &picking{from: from, to: to}
	for i := from; i < to; i++ {
		row, ok := r.Row(i)
		if !ok || r.stale {
			r.picking = &picking{from: from, to: to}
			return []Cmd{s.callRange()}
		}
		p.rows = append(p.rows, row)
	}
	r.pick(p)
	return nil
}

func (s *State) callRange() Cmd {
	p := s.Roster.picking
	at := p.from + len(p.rows)
	return CallPage{
		Generation: s.Roster.generation, Page: rangePage, Query: s.rosterQuery(at, min(p.to-at, rangeLimit)),
	}
}

// rangeLoaded takes rows for a selection. It gives up if they come from another reading of the server than the rows on the
// screen, because positions may differ.
func (s *State) rangeLoaded(m PageLoaded) []Cmd {
	r := &s.Roster
	p := r.picking
	switch {
	case p == nil || m.Err == nil && m.Rows.Offset != p.from+len(p.rows):
		return nil // another selection has begun
	case m.Err != nil || r.stale || !m.Rows.Taken.Equal(r.Taken):
		r.picking = nil
		return s.tell(m.Err)
	}
	p.rows = append(p.rows, m.Rows.Rows...)
	if len(m.Rows.Rows) > 0 && p.from+len(p.rows) < p.to {
		return []Cmd{s.callRange()}
	}
	p.rows = p.rows[:min(len(p.rows), p.to-p.from)]
	r.pick(p)
	return nil
}

func (r *Roster) pick(p *picking) {
	r.picking = nil
	for _, row := range p.rows {
		r.mark(row)
	}
}

// mark selects a row and remembers the order, because links are removed in it. A row whose links are not read yet cannot be
// selected.
func (r *Roster) mark(row api.RosterRow) {
	if row.Unread {
		return
	}
	if len(r.Selected) == 0 {
		r.order = r.order[:0]
	}
	if _, on := r.Selected[row.ID]; !on {
		r.order = append(r.order, row.ID)
	}
	r.Selected[row.ID] = row
}

func (r *Roster) selectNone() {
	clear(r.Selected)
	r.picking = nil
}

// SelectedCount returns how many links the selected accounts have.
func (r *Roster) SelectedCount() (links int) {
	for _, row := range r.Selected {
		links += len(row.Identities)
	}
	return links
}

// SelectedLinks returns the links of the selected accounts, and the accounts by id.
func (r *Roster) SelectedLinks() (links []api.Link, accounts map[string]api.Account) {
	accounts = map[string]api.Account{}
	for _, id := range r.order {
		row, ok := r.Selected[id]
		if !ok {
			continue
		}
		for _, i := range row.Identities {
			links = append(links, api.Link{Identity: i, UserID: id})
		}
		accounts[id] = row.Account
	}
	return links, accounts
}
