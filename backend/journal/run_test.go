package journal_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/journal"
)

// begin writes a run of n links down, and how its changes ended.
func begin(t testing.TB, j *journal.Journal, n int, undoes string) api.Run {
	t.Helper()
	run := api.Run{Server: server, Source: api.SourceDocument, Planned: api.SetCounts{Add: n}, Undoes: undoes}
	for i := range n {
		run.Changes = append(run.Changes, api.Change{
			Kind: api.ChangeLink, UserID: fmt.Sprint("u", i), UserName: fmt.Sprint("user", i), Line: i + 1,
			Identities: []api.Identity{{Protocol: api.OIDC, Provider: "p", Name: fmt.Sprint(`"planned":\n`, i)}},
		})
		if undoes != "" {
			run.Changes[i].Undoes = fmt.Sprint(undoes, "-", i+1)
		}
	}
	run, err := j.Begin(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func end(t testing.TB, j *journal.Journal, run api.Run) api.Run {
	t.Helper()
	for i := range run.Changes {
		run.Changes[i].State = api.ChangeConfirmed
	}
	run.Made, run.State = len(run.Changes), api.RunDone
	if err := j.Settle(t.Context(), server, run.ID, run.Changes); err != nil {
		t.Fatal(err)
	}
	run, err := j.End(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// pages reads the whole history by pages.
func pages(t testing.TB, j *journal.Journal, q api.HistoryQuery) (ids []string) {
	t.Helper()
	for {
		page, err := j.Page(t.Context(), server, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			if e.Run != nil {
				ids = append(ids, e.Run.ID+" "+string(e.Run.State))
			} else {
				ids = append(ids, e.Change.ID+" "+string(e.Change.State))
			}
		}
		if q.Before = page.Next; page.Next == "" {
			return ids
		}
	}
}

func TestRunIsOpenUntilItEnds(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"memory": "", "folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := journal.Open(dir, at(1))
			first := end(t, j, begin(t, j, 3, ""))
			cut := begin(t, j, 2, "")
			open, err := j.OpenRuns(t.Context(), server)
			if err != nil || len(open) != 1 || open[0].ID != cut.ID {
				t.Errorf("open: %+v, %v", open, err)
			}
			end(t, j, cut)
			if open, err := j.OpenRuns(t.Context(), server); err != nil || len(open) != 0 {
				t.Errorf("open: %+v, %v", open, err)
			}
			got, err := j.Run(t.Context(), server, first.ID[:6])
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(first, got); d != "" {
				t.Error(d)
			}
			if _, err := j.Run(t.Context(), server, "ffffffff"); !api.IsCode(err, api.CodeChangeNotFound) {
				t.Errorf("an unknown run: %v", err)
			}
			c, err := j.Change(t.Context(), server, first.ID+"-2")
			if err != nil || c.UserID != "u1" || c.Run != first.ID {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
}

// TestRunsFollowLaterOnes: a run is undone while all of its changes are, by a run or one by one.
func TestRunsFollowLaterOnes(t *testing.T) {
	t.Parallel()
	j := journal.Open(t.TempDir(), at(1))
	run := end(t, j, begin(t, j, 2, ""))
	undo := end(t, j, begin(t, j, 2, run.ID))
	want := func(states ...string) {
		t.Helper()
		if d := cmp.Diff(states, pages(t, j, api.HistoryQuery{Limit: 1})); d != "" {
			t.Error(d)
		}
	}
	want(undo.ID+" done", run.ID+" undone")
	redo := end(t, j, begin(t, j, 2, undo.ID))
	want(redo.ID+" done", undo.ID+" undone", run.ID+" done")
	// One change of the run by itself, and later the other one.
	var singles []string
	for i, state := range []string{" done", " undone"} {
		c := intend(t, j, "u")
		c.State, c.Undoes = api.ChangeConfirmed, fmt.Sprint(run.ID, "-", i+1)
		if err := j.Finish(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		singles = append([]string{c.ID + " confirmed"}, singles...)
		want(append(singles, redo.ID+" done", undo.ID+" undone", run.ID+state)...)
	}
}

func TestPagesWithFilters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := journal.Open(dir, at(1))
	for i := range 50 {
		c := intend(t, j, fmt.Sprint("u", i%5))
		if i%2 == 0 {
			c.State = api.ChangeConfirmed
			if err := j.Finish(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := end(t, j, begin(t, j, 3, ""))
	for want, q := range map[int]api.HistoryQuery{
		51: {Limit: 7}, 11: {Limit: 3, UserID: "u1"}, 26: {Limit: 5, State: api.ChangeConfirmed}, 25: {State: api.ChangeIntended},
		0: {Kind: api.ChangeUnlink},
	} {
		for range 2 { // with and without the walk of the page before
			if got := pages(t, j, q); len(got) != want {
				t.Errorf("%+v: %d entries, want %d", q, len(got), want)
			}
		}
		fresh, q2 := []string{}, q
		for {
			page, err := journal.Open(dir, at(1)).Page(t.Context(), server, q2)
			if err != nil {
				t.Fatal(err)
			}
			for range page.Entries {
				fresh = append(fresh, "")
			}
			if q2.Before = page.Next; page.Next == "" {
				break
			}
		}
		if len(fresh) != want {
			t.Errorf("%+v, by other processes: %d entries, want %d", q, len(fresh), want)
		}
	}
	page, err := j.Page(t.Context(), server, api.HistoryQuery{UserID: "u1", Limit: 1})
	if err != nil || page.Entries[0].Run.ID != run.ID || len(page.Entries[0].Run.Changes) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestDamagedRun: a damaged line of a run's file is set aside like any other, and a torn one is dropped.
func TestDamagedRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := journal.Open(dir, at(1))
	run := begin(t, j, 2, "")
	path := filepath.Join(dir, server+".runs", run.ID+".jsonl")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(append([]byte("garbage\n"), data...), `{"id":"to`...), 0o600); err != nil {
		t.Fatal(err)
	}
	run = end(t, j, run)
	got, err := j.Run(t.Context(), server, run.ID)
	if err != nil || len(got.Changes) != 2 || got.Changes[1].State != api.ChangeConfirmed {
		t.Errorf("%+v, %v", got, err)
	}
	if damaged := j.Damaged(server); damaged == nil || damaged.Params["n"] != "1" {
		t.Errorf("%+v", damaged)
	}
	main := filepath.Join(dir, server+".jsonl")
	if data, err = os.ReadFile(main); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(main, append([]byte("garbage\n"), data...), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := pages(t, j, api.HistoryQuery{}); len(got) != 1 || j.Damaged(server).Params["n"] != "2" {
		t.Errorf("%v, %+v", got, j.Damaged(server))
	}
}

func TestSnapshotsAreBounded(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"memory": "", "folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sec := int64(0)
			j := journal.Open(dir, func() time.Time { sec++; return time.Unix(sec, 0) })
			r := api.Roster{
				Providers: []api.Provider{{Protocol: api.OIDC, Name: "p"}, {Protocol: api.SAML, Name: "empty"}},
				Accounts: []api.Account{{User: api.User{ID: "u1", Name: "ada"}, Identities: []api.Identity{
					{Protocol: api.OIDC, Provider: "p", Name: "a\nb"}, {Protocol: api.OIDC, Provider: "p", Name: "<&>"},
				}}},
			}
			var last api.Snapshot
			for range journal.MostSnapshots + 3 {
				var err error
				if last, err = j.SaveSnapshot(t.Context(), api.Snapshot{Server: server}, r); err != nil {
					t.Fatal(err)
				}
			}
			list, err := j.Snapshots(t.Context(), server)
			if err != nil || len(list) != journal.MostSnapshots || list[0] != last {
				t.Errorf("%d: %+v, %v", len(list), list[:1], err)
			}
			_, set, err := j.Snapshot(t.Context(), server, last.ID)
			if err != nil || len(set.Links) != 2 || len(set.Scope) != 2 || set.Links[1].Name != "<&>" || set.Links[0].UserName != "ada" {
				t.Errorf("%+v, %v", set, err)
			}
			if _, _, err := j.Snapshot(t.Context(), server, "1999"); !api.IsCode(err, api.CodeChangeNotFound) {
				t.Errorf("an unknown one: %v", err)
			}
		})
	}
}

// FuzzPages: whatever lies in the file, the pages end, and show what all changes show.
func FuzzPages(f *testing.F) {
	f.Add([]byte(`{"id":"a","kind":"link","state":"intended"}` + "\n" + `{"id":"a","kind":"link","state":"confirmed"}` + "\n"))
	f.Add([]byte(`{"id":"a","source":"x","state":"open","planned":{}}` + "\n" + `{"id":"b","kind":"link","state":"confirmed","undoes":"a-1"}`))
	f.Add([]byte(`{"id":"a","state":"done","made":1,"planned":{},"of":{"a":1,"":2}}` + "\n\x00\n" + `{"id":"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, server+".jsonl"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		j := journal.Open(dir, time.Now)
		seen := map[string]bool{}
		for _, id := range pages(t, j, api.HistoryQuery{Limit: 2}) {
			id, _, _ = strings.Cut(id, " ")
			seen[id] = true
		}
		all, err := j.Changes(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if !seen[c.ID] && !strings.Contains(c.ID, " ") {
				t.Errorf("%q is on no page", c.ID)
			}
		}
	})
}

// BenchmarkHistory opens the first page of a history of 100,000 changes. "page-ms" must be below 100.
func BenchmarkHistory(b *testing.B) {
	for name, runs := range map[string]int{"single changes": 0, "10 runs": 10, "1000 runs": 1000} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			j := journal.Open(dir, time.Now)
			for range runs {
				end(b, j, begin(b, j, 100_000/runs, ""))
			}
			if runs == 0 {
				writeSingles(b, dir, 100_000)
			}
			for b.Loop() {
				page, err := journal.Open(dir, time.Now).Page(b.Context(), server, api.HistoryQuery{})
				if err != nil || len(page.Entries) != min(100, max(runs, 100)) && len(page.Entries) != runs {
					b.Fatal(len(page.Entries), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "page-ms")
		})
	}
}

// writeSingles writes a journal of single changes, as the journal itself would in 100,000 times two synced writes.
func writeSingles(b *testing.B, dir string, n int) {
	b.Helper()
	var file bytes.Buffer
	for i := range n {
		for _, state := range []string{"intended", "confirmed"} {
			_, _ = fmt.Fprintf(&file, `{"id":"%016x","time":"2026-01-01T00:00:00Z","server":"%s","kind":"link","state":"%s","userId":"%032x",`+
				`"userName":"user%d","identities":[{"protocol":"oidc","provider":"keycloak","name":"user%d@example.com"}],`+
				`"strategy":"by-subject","write":"config"}`+"\n", i, server, state, i, i, i)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, server+".jsonl"), file.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
}

// TestStoppedRun: what a stopped run has not begun is no change.
func TestStoppedRun(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"memory": "", "folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := journal.Open(dir, at(1))
			run := begin(t, j, 3, "")
			run.Changes[0].State = api.ChangeConfirmed
			run.Changes[1].Error = api.CodeServerUnreachable // it may have been made
			if err := j.Settle(t.Context(), server, run.ID, run.Changes[:2]); err != nil {
				t.Fatal(err)
			}
			if got := changes(t, j); len(got) != 3 {
				t.Errorf("of an open run: %+v", got)
			}
			run.State, run.Made, run.Unknown, run.Left = api.RunStopped, 1, 1, 1
			if _, err := j.End(t.Context(), run); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]api.Change{run.Changes[1], run.Changes[0]}, changes(t, j)); d != "" {
				t.Error(d)
			}
		})
	}
}
