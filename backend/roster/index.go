package roster

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/jellybind/jellybind/backend/api"
)

// MaxLimit is the largest window of rows that Page gives.
const MaxLimit = 500

// Index answers queries on one roster. It works out once what a query needs of each account (the folded text, the place in
// each order), so that a keystroke costs one pass over the folded texts. It is safe for concurrent use.
type Index struct {
	roster  api.Roster
	text    []string // folded: account name and identities' names, a line each
	digests []uint64
	changed []bool
	counts  api.RosterCounts

	mu     sync.Mutex
	orders map[order]ordered
}

// ordered is one way to sort: the accounts' places, and their folded texts one after the other. A search reads all of them,
// and memory that is read in order is several times as fast.
type ordered struct {
	places []int
	text   string
	ends   []int // of each one's text
}

// order names one way to sort.
type order struct {
	sort     api.RosterSort
	language string
}

// NewIndex indexes a roster. It marks the accounts that differ from what was seen before as changed. seen has the digests of
// what was seen by account id; it is nil if nothing was.
func NewIndex(r api.Roster, seen map[string]uint64) *Index {
	ix := &Index{
		roster:  r,
		text:    make([]string, len(r.Accounts)),
		digests: make([]uint64, len(r.Accounts)),
		changed: make([]bool, len(r.Accounts)),
		orders:  make(map[order]ordered),
	}
	fold := newFolder()
	for i := range r.Accounts {
		a := &r.Accounts[i]
		var b strings.Builder
		b.WriteString(fold(a.Name))
		for _, id := range a.Identities {
			b.WriteByte('\n')
			b.WriteString(fold(id.Name))
		}
		ix.text[i] = b.String()
		ix.digests[i] = digest(a)
		ix.changed[i] = seen != nil && seen[a.ID] != ix.digests[i]
		ix.count(a, ix.changed[i])
	}
	return ix
}

// Roster returns the roster behind the index. It must not be changed.
func (ix *Index) Roster() api.Roster { return ix.roster }

// Seen returns the accounts' digests by id, for the NewIndex of a later roster.
func (ix *Index) Seen() map[string]uint64 {
	seen := make(map[string]uint64, len(ix.digests))
	for i, d := range ix.digests {
		seen[ix.roster.Accounts[i].ID] = d
	}
	return seen
}

// Counts counts the accounts of each filter.
func (ix *Index) Counts() api.RosterCounts { return ix.counts }

// Row returns the row of one account, and whether there is one.
func (ix *Index) Row(userID string) (api.RosterRow, bool) {
	i := slices.IndexFunc(ix.roster.Accounts, func(a api.Account) bool { return a.ID == userID })
	if i < 0 {
		return api.RosterRow{}, false
	}
	return api.RosterRow{Account: ix.roster.Accounts[i], Changed: ix.changed[i]}, true
}

// Page returns the window of rows that a query asks for. It brings Offset and Limit into range, and ignores an unknown filter
// or order.
func (ix *Index) Page(q api.RosterQuery) api.RosterPage {
	words := strings.Fields(newFolder()(q.Search))
	o := ix.order(q.Sort, q.Language)
	match := make([]int, 0, len(o.places))
	start := 0
	for at, i := range o.places {
		text := o.text[start:o.ends[at]]
		start = o.ends[at]
		if containsAll(text, words) && ix.passes(i, &q) {
			match = append(match, i)
		}
	}
	if q.Reverse {
		slices.Reverse(match)
	}
	if slices.Contains(q.Filters, api.FilterAtRisk) { // the worst first
		slices.SortStableFunc(match, func(i, j int) int {
			a, b := ix.roster.Accounts[i].Administrator, ix.roster.Accounts[j].Administrator
			switch {
			case a == b:
				return 0
			case a:
				return -1
			}
			return 1
		})
	}
	limit := q.Limit
	if limit <= 0 || limit > MaxLimit {
		limit = MaxLimit
	}
	offset := min(max(q.Offset, 0), len(match))
	page := api.RosterPage{
		Rows: []api.RosterRow{}, Offset: offset, Total: len(match), Counts: ix.counts, Taken: ix.roster.Taken,
	}
	for _, i := range match[offset:min(offset+limit, len(match))] {
		page.Rows = append(page.Rows, api.RosterRow{Account: ix.roster.Accounts[i], Changed: ix.changed[i]})
	}
	return page
}

// passes reports whether an account passes all filters of a query.
func (ix *Index) passes(i int, q *api.RosterQuery) bool {
	a := &ix.roster.Accounts[i]
	for _, f := range q.Filters {
		if f == api.FilterChanged && !ix.changed[i] || !Matches(a, f) {
			return false
		}
	}
	if q.Without && q.Provider != "" {
		return a.Exists && !a.Unread && !linkedAt(a, q.Protocol, q.Provider)
	}
	return linkedAt(a, q.Protocol, q.Provider)
}

// Matches reports whether an account passes a filter, as far as the account alone tells. Every account passes an unknown
// filter.
func Matches(a *api.Account, f api.RosterFilter) bool {
	switch f {
	case api.FilterAll, api.FilterChanged:
		return true
	case api.FilterLinked:
		return len(a.Identities) > 0 && a.Exists
	case api.FilterUnlinked:
		return len(a.Identities) == 0 && !a.Unread
	case api.FilterSeveral:
		return len(a.Identities) > 1 && a.Exists
	case api.FilterOrphan:
		return !a.Exists
	case api.FilterAtRisk:
		return a.AtRisk
	case api.FilterDisabled:
		return a.Disabled
	case api.FilterAdministrator:
		return a.Administrator
	}
	return true
}

func (ix *Index) count(a *api.Account, changed bool) {
	c := &ix.counts
	for f, n := range map[api.RosterFilter]*int{
		api.FilterAll: &c.All, api.FilterLinked: &c.Linked, api.FilterUnlinked: &c.Unlinked, api.FilterSeveral: &c.Several,
		api.FilterOrphan: &c.Orphan, api.FilterAtRisk: &c.AtRisk, api.FilterDisabled: &c.Disabled,
		api.FilterAdministrator: &c.Administrator,
	} {
		if Matches(a, f) {
			*n++
		}
	}
	c.Identities += len(a.Identities)
	if changed {
		c.Changed++
	}
}

// order returns the accounts' places in the wanted order. Names are compared by the language's collation, with numbers by
// value; orphans, which have no name, come last. Accounts with equal keys are sorted by name.
func (ix *Index) order(by api.RosterSort, lang string) ordered {
	key := order{by, lang}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if o, ok := ix.orders[key]; ok {
		return o
	}
	tag, err := language.Parse(lang)
	if err != nil {
		tag = language.Und
	}
	accounts := ix.roster.Accounts
	collator, buf := collate.New(tag, collate.IgnoreCase, collate.Numeric), &collate.Buffer{}
	keys := make([]string, len(accounts))
	o := ordered{places: make([]int, len(accounts)), ends: make([]int, len(accounts))}
	for i := range accounts {
		o.places[i] = i
		keys[i] = string(collator.KeyFromString(buf, accounts[i].Name))
		buf.Reset()
	}
	slices.SortStableFunc(o.places, func(i, j int) int {
		a, b := &accounts[i], &accounts[j]
		first := 0
		switch by {
		case api.SortName:
		case api.SortActivity:
			first = b.LastActivity.Compare(a.LastActivity)
		case api.SortLinks:
			first = cmp.Compare(len(b.Identities), len(a.Identities))
		}
		if a.Exists != b.Exists {
			if a.Exists {
				return -1
			}
			return 1
		}
		return cmp.Or(first, cmp.Compare(keys[i], keys[j]), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	var text strings.Builder
	for at, i := range o.places {
		text.WriteString(ix.text[i])
		o.ends[at] = text.Len()
	}
	o.text = text.String()
	ix.orders[key] = o
	return o
}

func linkedAt(a *api.Account, protocol api.Protocol, name string) bool {
	if name == "" {
		return true
	}
	return slices.ContainsFunc(a.Identities, func(id api.Identity) bool {
		return id.Provider == name && (protocol == "" || id.Protocol == protocol)
	})
}

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// newFolder returns a function that folds case and drops accents, so that "zoe" finds "Zoë".
func newFolder() func(string) string {
	var caser cases.Caser
	var t transform.Transformer
	return func(s string) string {
		if ascii(s) {
			return strings.ToLower(s)
		}
		if t == nil { // most searches need none
			caser, t = cases.Fold(), transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
		}
		folded, _, err := transform.String(t, caser.String(s))
		if err != nil {
			return strings.ToLower(s)
		}
		return folded
	}
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// digest sums up what counts as a change of an account. Digests are kept on disk, so a different algorithm marks every account
// as changed once. The hash is cryptographic so that nobody can choose a name that hides a change.
func digest(a *api.Account) uint64 {
	var b []byte
	for _, on := range [...]bool{a.Exists, a.Disabled, a.Administrator, a.AtRisk} {
		b = append(b, 0)
		if on {
			b[len(b)-1] = 1
		}
	}
	add := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	add(a.ID)
	add(a.Name)
	add(a.AuthProvider)
	for _, id := range a.Identities {
		add(string(id.Protocol))
		add(id.Provider)
		add(id.Name)
	}
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}
