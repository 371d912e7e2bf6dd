package cli

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/words"
)

func testSheet() sheet {
	return sheet{
		columns: []column{
			{key: "account", header: "ACCOUNT"},
			{key: "provider", header: "PROVIDER", spare: 2},
			{key: "from", header: "FROM", spare: 1},
			{key: "n", header: "N", spare: 3},
			{key: "notes", header: "NOTES", short: true, once: true, paint: true},
		},
		rows: [][]string{
			{"maria", "keycloak", "", "10", "at-risk"}, {"maria", "authelia", "", "9", "at-risk"}, {"noah", "keycloak", "", "2", ""},
		},
	}
}

// TestNarrow: empty spare columns go first, then the most dispensable ones until the rest can be read.
func TestNarrow(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{0: "account provider n notes", 80: "account provider n notes", 26: "account provider notes", 10: "account notes"} {
		s := testSheet()
		s.narrow(width)
		keys := []string{}
		for _, c := range s.columns {
			keys = append(keys, c.key)
		}
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("%d columns: %s, want %s", width, got, want)
		}
		if len(s.rows[0]) != len(keys) {
			t.Errorf("%d columns: the row is %q", width, s.rows[0])
		}
	}
}

func TestSortBy(t *testing.T) {
	t.Parallel()
	for by, want := range map[string][]string{
		"n": {"2", "9", "10"}, "-N": {"10", "9", "2"}, "provider": {"9", "10", "2"}, "": {"10", "9", "2"},
	} {
		s, got := testSheet(), []string{}
		if err := s.sortBy(by); err != nil {
			t.Fatal(err)
		}
		for _, row := range s.rows {
			got = append(got, row[3])
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %q: %q, want %q", by, got, want)
		}
	}
	s := testSheet()
	if err := s.sortBy("colour"); !api.IsCode(err, api.CodeUsage) {
		t.Errorf("by an unknown column: %v", err)
	}
}

// TestFormats prints one sheet in each format; what a terminal must not show stays out of all of them.
func TestFormats(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		l    listing
		want string
	}{
		"piped": {listing{}, "maria\tkeycloak\t\t10\tat-risk\nmaria\tauthelia\t\t9\tat-risk\nno\\x1bah\tkeycloak\t\t2\t\n"},
		"csv":   {listing{format: choice{value: formatCSV}, columns: []string{"account", "n"}}, "ACCOUNT,N\nmaria,10\nmaria,9\nno\\x1bah,2\n"},
		"tsv": {
			listing{format: choice{value: formatTSV}, columns: []string{"N", "notes"}, sort: "n"},
			"N\tNOTES\n2\t\n9\tat-risk\n10\tat-risk\n",
		},
		"table": {
			listing{format: choice{value: formatTable}, noHeader: true, columns: []string{"account", "notes"}},
			"maria     at-risk\nmaria\nno\\x1bah\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			a := &app{words: words.For("en"), out: &printer{w: &b}, err: newPrinter(io.Discard)}
			s := testSheet()
			s.rows[2][0] = "no\x1bah"
			if err := a.list(c.l, s); err != nil {
				t.Fatal(err)
			}
			if b.String() != c.want {
				t.Errorf("got %q, want %q", b.String(), c.want)
			}
		})
	}
}

// TestAlarm: accounts at risk and orphans are coloured on a terminal, and nothing else.
func TestAlarm(t *testing.T) {
	t.Parallel()
	p := &printer{colour: true}
	for notes, want := range map[string]string{
		"administrator, at-risk": "\x1b[33madministrator, at-risk\x1b[0m", "orphan": "\x1b[31morphan\x1b[0m", "disabled": "disabled",
	} {
		if got := p.alarm(notes); got != want {
			t.Errorf("%s: %q, want %q", notes, got, want)
		}
	}
	if got := (&printer{}).alarm("orphan"); got != "orphan" {
		t.Errorf("without colour: %q", got)
	}
}
