package wanted

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// Column is what a column of a table holds.
type Column string

// The columns of a table of links.
const (
	ColumnProtocol Column = "protocol"
	ColumnProvider Column = "provider"
	ColumnName     Column = "name"    // the name at the provider
	ColumnAccount  Column = "account" // the account's name
	ColumnID       Column = "id"      // the account's id
)

// titles are what tables call their columns, without case, blanks and signs.
var titles = map[string]Column{
	"protocol": ColumnProtocol, "protokoll": ColumnProtocol,
	"provider": ColumnProvider, "anbieter": ColumnProvider, "identityprovider": ColumnProvider,
	"name": ColumnName, "canonicalname": ColumnName, "identity": ColumnName, "identität": ColumnName, "subject": ColumnName,
	"nameattheprovider": ColumnName, "namebeimanbieter": ColumnName,
	"account": ColumnAccount, "konto": ColumnAccount, "user": ColumnAccount, "username": ColumnAccount,
	"benutzer": ColumnAccount, "benutzername": ColumnAccount,
	"id": ColumnID, "accountid": ColumnID, "userid": ColumnID, "kontoid": ColumnID, "benutzerid": ColumnID,
}

// plainTitle is a title without case, blanks and signs.
func plainTitle(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t-_.", r) {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// comma finds what separates the columns of a table by its first line with something in it.
func comma(text []byte) rune {
	line, _, _ := bytes.Cut(bytes.TrimLeft(text, "\r\n"), []byte("\n"))
	best := ','
	for _, r := range ";\t" {
		if bytes.Count(line, []byte(string(r))) > bytes.Count(line, []byte(string(best))) {
			best = r
		}
	}
	return best
}

// table reads rows of a table one after the other.
type table struct {
	csv     *csv.Reader
	titles  []string
	columns map[Column]int
	row     []string
	line    int
}

// separatorLine is how some spreadsheets say in a line before the titles what separates the columns.
var separatorLine = regexp.MustCompile(`^"?sep=([,;\t|])"?\r?\n`)

func openTable(text []byte) (*table, error) {
	t := &table{csv: csv.NewReader(bytes.NewReader(text))}
	t.csv.Comma, t.csv.FieldsPerRecord = comma(text), -1
	if separator := separatorLine.FindSubmatch(text); separator != nil {
		t.csv.Comma = rune(separator[1][0])
		if _, err := t.csv.Read(); err != nil {
			return nil, wrong("file-broken", 1, nil)
		}
	}
	if err := t.next(); errors.Is(err, io.EOF) {
		return nil, wrong("file-empty", 0, nil)
	} else if err != nil {
		return nil, err
	}
	t.titles = slices.Clone(t.row)
	return t, nil
}

// next reads a row that has something in it; io.EOF after the last one.
func (t *table) next() error {
	for {
		row, err := t.csv.Read()
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		if e, ok := errors.AsType[*csv.ParseError](err); ok {
			return wrong("file-quotes", e.StartLine, nil)
		}
		if err != nil {
			return err
		}
		if slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
			t.row = row
			t.line, _ = t.csv.FieldPos(0)
			return nil
		}
	}
}

// find finds the columns, the person's choice first.
func (t *table) find(chosen map[Column]string) error {
	t.columns = map[Column]int{}
	for column, title := range chosen {
		i := slices.IndexFunc(t.titles, func(s string) bool { return plainTitle(s) == plainTitle(title) })
		if i < 0 {
			return wrong("file-no-column", 0, map[string]string{"column": title, "columns": strings.Join(t.titles, ", ")})
		}
		t.columns[column] = i
	}
	for i, title := range t.titles {
		column, known := titles[plainTitle(title)]
		if _, there := t.columns[column]; !known || there && chosen[column] != "" {
			continue
		} else if there {
			return wrong("file-two-columns", 0, map[string]string{"column": title, "columns": strings.Join(t.titles, ", ")})
		}
		t.columns[column] = i
	}
	return nil
}

// cell returns the text of a column; empty where the row or the table does not have it.
func (t *table) cell(c Column) string {
	i, ok := t.columns[c]
	if !ok || i >= len(t.row) {
		return ""
	}
	return t.row[i]
}

func (t *table) has(c Column) bool { _, ok := t.columns[c]; return ok }

func readTable(text []byte, o Options) (api.WantedSet, error) {
	set := api.WantedSet{Format: FormatTable}
	t, err := openTable(text)
	if err == nil {
		err = t.find(o.Columns)
	}
	if err != nil {
		return set, err
	}
	if !t.has(ColumnName) || !t.has(ColumnAccount) && !t.has(ColumnID) || !t.has(ColumnProvider) && o.Provider.Protocol == "" {
		return set, wrong("file-columns", 0, map[string]string{"columns": strings.Join(t.titles, ", ")})
	}
	for {
		if err := t.next(); errors.Is(err, io.EOF) {
			return set, nil
		} else if err != nil {
			return set, err
		}
		at, err := t.provider(o)
		if err != nil {
			return set, err
		}
		if err := add(&set, api.WantedLink{
			Line:     t.line,
			Identity: api.Identity{Protocol: at.Protocol, Provider: at.Provider, Name: unguarded(t.cell(ColumnName))},
			UserID:   plainID(t.cell(ColumnID)), UserName: unguarded(t.cell(ColumnAccount)),
		}); err != nil {
			return set, err
		}
	}
}

// provider is where the row links to.
func (t *table) provider(o Options) (api.ProviderRef, error) {
	if o.Provider.Protocol != "" && strings.TrimSpace(t.cell(ColumnProvider)) == "" {
		return o.Provider, nil
	}
	at := api.ProviderRef{Provider: unguarded(t.cell(ColumnProvider))}
	if t.has(ColumnProtocol) {
		protocol, err := protocolOf(t.cell(ColumnProtocol), t.line)
		at.Protocol = protocol
		return at, err
	}
	for _, p := range o.Providers {
		if p.Provider != at.Provider {
			continue
		}
		if at.Protocol != "" {
			return at, wrong("file-two-protocols", t.line, map[string]string{"provider": at.Provider})
		}
		at.Protocol = p.Protocol
	}
	if at.Protocol == "" {
		return at, wrong("file-no-protocol", t.line, map[string]string{"provider": at.Provider})
	}
	return at, nil
}

// Spreadsheets run a cell that begins with one of these signs as a formula, and write numbers in a way of their own: without
// zeros in front, and rounded after 15 digits. Export puts an apostrophe before such a name, which spreadsheets take for the
// sign of a text, and reading takes it away again.
const formulas = "=+-@\t\r'"

// numeric is a name that a spreadsheet would take for a number, also as 1e5.
var numeric = regexp.MustCompile(`^[0-9]+([.,][0-9]*)?([eE][+-]?[0-9]+)?$`)

func altered(s string) bool {
	return s != "" && (strings.IndexByte(formulas, s[0]) >= 0 || numeric.MatchString(s))
}

func guarded(s string) string {
	if altered(s) {
		return "'" + s
	}
	return s
}

func unguarded(s string) string {
	if plain, ok := strings.CutPrefix(s, "'"); ok && altered(plain) {
		return plain
	}
	return s
}
