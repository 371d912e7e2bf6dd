package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/clipperhouse/displaywidth"
	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/roster"
)

// listing is how a list is printed.
type listing struct {
	format   choice
	columns  []string
	sort     string
	noHeader bool
}

// The formats of a list. Without one, a terminal gets a table, and a pipe gets tabs without a header.
const (
	formatTable = "table"
	formatCSV   = "csv"
	formatTSV   = "tsv"
	formatJSON  = "json"
)

func (l *listing) flags(c *cobra.Command) {
	l.format.what, l.format.allowed = "FORMAT", []string{formatTable, formatCSV, formatTSV, formatJSON}
	f := c.Flags()
	f.Var(&l.format, "format", "how to print the list: "+listed(l.format.allowed))
	f.StringSliceVar(&l.columns, "columns", nil, "only these `COLUMNS`, in this order, with commas between")
	f.StringVar(&l.sort, "sort", "", "sort by this `COLUMN`; -COLUMN sorts downwards")
	f.BoolVar(&l.noHeader, "no-header", false, "leave the header out")
}

// column is a column of a list.
type column struct {
	key    string // its name in --columns and --sort, the same in every language
	header string
	short  bool // it holds words of Jellybind's own, and is cut last
	spare  int  // where the columns do not fit, the one with the highest number goes first; 0 never goes
	once   bool // people read it once for each row's first column
	paint  bool // its cells may be coloured
}

// sheet is a list as rows and columns.
type sheet struct {
	columns []column
	rows    [][]string
}

// list prints a sheet as the flags say.
func (a *app) list(l listing, s sheet) error {
	if err := s.sortBy(l.sort); err != nil {
		return err
	}
	p := *a.out
	p.headless = l.noHeader
	switch l.format.value {
	case formatTable:
		p.aligned = true
	case formatTSV:
		p.aligned = false
	}
	aligned := p.aligned && l.format.value != formatCSV
	if aligned {
		s.sayOnce()
	}
	if len(l.columns) > 0 {
		if err := s.choose(l.columns); err != nil {
			return err
		}
	} else if aligned {
		s.narrow(p.width)
	}
	if l.format.value == formatCSV {
		return s.csv(a.out.w, l.noHeader)
	}
	if l.format.value == formatTSV && !l.noHeader {
		s.rows = append([][]string{s.headers()}, s.rows...)
	}
	var short []string
	for _, c := range s.columns {
		if c.short {
			short = append(short, c.header)
		}
	}
	p.paint = func(i int, cell string) string {
		if !s.columns[i].paint {
			return cell
		}
		return a.out.alarm(cell)
	}
	return p.table(s.headers(), s.rows, short...)
}

// plain reports whether a list goes to a program that did not say how: it gets the columns that it knows.
func (a *app) plain(l listing) bool {
	return !a.out.aligned && l.format.value == "" && len(l.columns) == 0
}

// alarm colours what a person should look at: accounts at risk, and orphans.
func (p *printer) alarm(notes string) string {
	switch {
	case strings.Contains(notes, string(api.FilterOrphan)):
		return p.style("31", notes)
	case strings.Contains(notes, string(api.FilterAtRisk)):
		return p.warn(notes)
	}
	return notes
}

func (s *sheet) headers() []string {
	headers := make([]string, len(s.columns))
	for i, c := range s.columns {
		headers[i] = c.header
	}
	return headers
}

// find returns the place of a column that was named, by its key or its header.
func (s *sheet) find(flag, name string) (int, error) {
	keys := []string{}
	for i, c := range s.columns {
		if strings.EqualFold(c.key, name) || strings.EqualFold(c.header, name) {
			return i, nil
		}
		keys = append(keys, c.key)
	}
	return 0, usage("flag-choice", "flag", flag, "allowed", strings.Join(keys, ", "), "value", name)
}

// choose keeps these columns, in this order.
func (s *sheet) choose(names []string) error {
	kept := []int{}
	for _, name := range names {
		i, err := s.find("--columns", strings.TrimSpace(name))
		if err != nil {
			return err
		}
		kept = append(kept, i)
	}
	s.keep(kept)
	return nil
}

func (s *sheet) keep(places []int) {
	columns := make([]column, len(places))
	for to, from := range places {
		columns[to] = s.columns[from]
	}
	for r, row := range s.rows {
		cells := make([]string, len(places))
		for to, from := range places {
			cells[to] = row[from]
		}
		s.rows[r] = cells
	}
	s.columns = columns
}

// sortBy sorts the rows by a column: numbers by value, the rest without regard to case. Equal rows keep their order.
func (s *sheet) sortBy(name string) error {
	if name == "" {
		return nil
	}
	name, down := strings.CutPrefix(name, "-")
	at, err := s.find("--sort", name)
	if err != nil {
		return err
	}
	slices.SortStableFunc(s.rows, func(x, y []string) int {
		order := compareCells(x[at], y[at])
		if down {
			return -order
		}
		return order
	})
	return nil
}

func compareCells(x, y string) int {
	n, err := strconv.Atoi(x)
	m, also := strconv.Atoi(y)
	if err == nil && also == nil {
		return cmp.Compare(n, m)
	}
	return cmp.Or(cmp.Compare(strings.ToLower(x), strings.ToLower(y)), cmp.Compare(x, y))
}

// sayOnce empties the cells that would repeat what the row above says of the same first cell.
func (s *sheet) sayOnce() {
	for r := len(s.rows) - 1; r > 0; r-- {
		if s.rows[r][0] != s.rows[r-1][0] {
			continue
		}
		row := slices.Clone(s.rows[r])
		for i, c := range s.columns {
			if c.once && row[i] == s.rows[r-1][i] {
				row[i] = ""
			}
		}
		s.rows[r] = row
	}
}

// readable is how wide a column of names has to be to tell something.
const readable = 12

// narrow drops the spare columns that are empty, and then the most dispensable ones until the rest can be read in the width;
// 0 is any width.
func (s *sheet) narrow(width int) {
	least := make([]int, len(s.columns))
	kept := []int{}
	for i, c := range s.columns {
		empty := true
		least[i] = displaywidth.String(c.header)
		for _, row := range s.rows {
			w := displaywidth.String(printable(row[i]))
			if !c.short {
				w = min(w, readable)
			}
			least[i], empty = max(least[i], w), empty && row[i] == ""
		}
		if !empty || c.spare == 0 || len(s.rows) == 0 {
			kept = append(kept, i)
		}
	}
	for width > 0 {
		need, drop := -len(gap), -1
		for at, i := range kept {
			need += least[i] + len(gap)
			if s.columns[i].spare > 0 && (drop < 0 || s.columns[i].spare > s.columns[kept[drop]].spare) {
				drop = at
			}
		}
		if need <= width || drop < 0 {
			break
		}
		kept = slices.Delete(kept, drop, drop+1)
	}
	s.keep(kept)
}

// csv writes a sheet as RFC 4180 has it. Cells are made printable, as in every other list.
func (s *sheet) csv(to io.Writer, noHeader bool) error {
	b := bufio.NewWriter(to)
	w := csv.NewWriter(b)
	var err error
	if !noHeader {
		err = w.Write(s.headers())
	}
	for _, row := range s.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = printable(cell)
		}
		err = errors.Join(err, w.Write(cells))
	}
	w.Flush()
	if err := errors.Join(err, w.Error(), b.Flush()); err != nil {
		return fmt.Errorf("writing a table: %w", err)
	}
	return nil
}

// fromFlag adds the flag that reads accounts from a file.
func fromFlag(c *cobra.Command, from *string) {
	c.Flags().StringVar(from, "from", "", "also the accounts in this `FILE`, a name or id on each line; - is standard input")
}

// maxNames bounds a file of names, in bytes.
const maxNames = 8 << 20

// whoLines returns the words that name accounts: the arguments, and the lines of a file. Empty lines and those that begin with #
// are left out.
func (a *app) whoLines(ctx context.Context, args []string, from string) ([]string, error) {
	if from == "" {
		return args, nil
	}
	r := a.in
	if from == "-" && a.credentialStdin {
		return nil, usage("stdin-taken")
	}
	if from != "-" {
		f, err := os.Open(from)
		if err != nil {
			return nil, unreadable(from, err)
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	b, err := await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(r, maxNames)) })
	if err != nil {
		return nil, unreadable(from, err)
	}
	who := slices.Clone(args)
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			who = append(who, line)
		}
	}
	if len(who) == 0 {
		return nil, usage("no-accounts-in-file", "file", from)
	}
	return who, nil
}

// unreadable is the error of a file that cannot be read.
func unreadable(file string, err error) error {
	e := usage("file-unreadable", "file", file)
	e.Err = err
	return e
}

// chosen opens the server and finds the accounts that the arguments and the lines of a file name.
func (a *app) chosen(ctx context.Context, args []string, from string) (*backend.Session, api.Roster, []api.Account, error) {
	who, err := a.whoLines(ctx, args, from)
	if err != nil {
		return nil, api.Roster{}, nil, err
	}
	s, r, err := a.read(ctx)
	if err != nil {
		return nil, r, nil, err
	}
	accounts, err := theAccounts(r, who)
	return s, r, accounts, err
}

// theAccounts finds all accounts that are named, each once, in their order.
func theAccounts(r api.Roster, who []string) ([]api.Account, error) {
	found := []api.Account{}
	for _, name := range who {
		x, err := oneAccount(r, name)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(found, func(y api.Account) bool { return y.ID == x.ID }) {
			found = append(found, x)
		}
	}
	return found, nil
}

// leastID is how much of an id names an account.
const leastID = 6

// oneAccount finds an account by its name, which Jellyfin compares without regard to case, by its id, or by the beginning of
// that, as a narrow table shows it.
func oneAccount(r api.Roster, who string) (api.Account, error) {
	id := jellyfin.UserID(who)
	for _, x := range r.Accounts { // a name may look like another account's id
		if x.Exists && strings.EqualFold(x.Name, who) {
			return x, nil
		}
	}
	var begin []api.Account
	for _, x := range r.Accounts {
		if x.ID == id {
			return x, nil
		}
		if start := strings.TrimSuffix(id, "…"); len(start) >= leastID && strings.HasPrefix(x.ID, start) {
			begin = append(begin, x)
		}
	}
	if len(begin) == 1 {
		return begin[0], nil
	}
	if len(begin) > 1 {
		return api.Account{}, usage("several-accounts", "user", who, "names", idsOf(begin))
	}
	e := &api.Error{Code: api.CodeUserNotFound, Why: "no-account", Params: map[string]string{"user": who}}
	if near := nearNames(r, who); near != "" {
		e.Params["next"], e.Params["names"] = "mean", near
	}
	if r.Own {
		e.Why, e.Params["next"] = "own-only", "administrator"
	}
	return api.Account{}, e
}

// idsOf lists accounts with their ids.
func idsOf(accounts []api.Account) string {
	list := []string{}
	for _, x := range accounts {
		list = append(list, strings.TrimSpace(x.Name+" "+x.ID))
	}
	return api.SomeNames(list)
}

// nearNames are the accounts' names that somebody may have meant.
func nearNames(r api.Roster, who string) string {
	names := []string{}
	for _, x := range r.Accounts {
		if x.Exists {
			names = append(names, x.Name)
		}
	}
	return strings.Join(roster.NewNames(names).Closest(who), ", ")
}
