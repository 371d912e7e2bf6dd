package journal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/journal"
)

const server = "0123456789abcdef"

func at(sec int64) func() time.Time { return func() time.Time { return time.Unix(sec, 0) } }

func intend(t *testing.T, j *journal.Journal, user string) api.Change {
	t.Helper()
	c, err := j.Intend(t.Context(), api.Change{
		Server: server, Kind: api.ChangeLink, UserID: user, UserName: user,
		Identities: []api.Identity{{Protocol: api.OIDC, Provider: "p", Name: "n\n{\"id\""}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func changes(t *testing.T, j *journal.Journal) []api.Change {
	t.Helper()
	got, err := j.Changes(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestLastStateOfAChangeCounts(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"memory": "", "folder": filepath.Join(t.TempDir(), "made", "late")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := journal.Open(dir, at(1))
			first, second := intend(t, j, "alice"), intend(t, j, "bob")
			first.State = api.ChangeConfirmed
			if err := j.Finish(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]api.Change{second, first}, changes(t, j)); d != "" {
				t.Error(d)
			}
			if c, err := j.Change(t.Context(), server, first.ID[:6]); err != nil || c.State != api.ChangeConfirmed {
				t.Errorf("by the beginning of the id: %+v, %v", c, err)
			}
			if _, err := j.Change(t.Context(), server, "ffff"+first.ID); !api.IsCode(err, api.CodeChangeNotFound) {
				t.Errorf("unknown id: %v", err)
			}
		})
	}
}

// TestStateFollowsTheLastChange: what was undone is undone until its undo is undone, and so on.
func TestStateFollowsTheLastChange(t *testing.T) {
	t.Parallel()
	const linked, undone, redone = "a", "b", "c"
	for name, c := range map[string]struct {
		changes []api.Change // oldest first
		want    map[string]api.ChangeState
	}{
		"undone": {
			[]api.Change{{ID: linked}, {ID: undone, Undoes: linked}},
			map[string]api.ChangeState{linked: api.ChangeUndone, undone: api.ChangeConfirmed},
		},
		"redone": {
			[]api.Change{{ID: linked}, {ID: undone, Undoes: linked}, {ID: redone, Undoes: undone}},
			map[string]api.ChangeState{linked: api.ChangeConfirmed, undone: api.ChangeUndone, redone: api.ChangeConfirmed},
		},
		"undone again": {
			[]api.Change{{ID: linked}, {ID: undone, Undoes: linked}, {ID: redone, Undoes: undone}, {ID: "d", Undoes: linked}},
			map[string]api.ChangeState{
				linked: api.ChangeUndone, undone: api.ChangeUndone, redone: api.ChangeConfirmed, "d": api.ChangeConfirmed,
			},
		},
		"the redo undone": {
			[]api.Change{{ID: linked}, {ID: undone, Undoes: linked}, {ID: redone, Undoes: undone}, {ID: "d", Undoes: redone}},
			map[string]api.ChangeState{
				linked: api.ChangeUndone, undone: api.ChangeConfirmed, redone: api.ChangeUndone, "d": api.ChangeConfirmed,
			},
		},
		"not known whether it was undone": {
			[]api.Change{{ID: linked}, {ID: undone, Undoes: linked, State: api.ChangeIntended}},
			map[string]api.ChangeState{linked: api.ChangeConfirmed, undone: api.ChangeIntended},
		},
		"an unclear change, undone": {
			[]api.Change{{ID: linked, State: api.ChangeIntended}, {ID: undone, Undoes: linked}},
			map[string]api.ChangeState{linked: api.ChangeUndone, undone: api.ChangeConfirmed},
		},
		"a failed undo": {
			[]api.Change{{ID: linked}, {ID: undone, Undoes: linked, State: api.ChangeFailed}},
			map[string]api.ChangeState{linked: api.ChangeConfirmed, undone: api.ChangeFailed},
		},
		"a journal of an earlier version": {
			[]api.Change{{ID: linked, State: api.ChangeUndone}, {ID: undone, Undoes: linked, State: api.ChangeUndone}, {ID: redone, Undoes: undone}},
			map[string]api.ChangeState{linked: api.ChangeConfirmed, undone: api.ChangeUndone, redone: api.ChangeConfirmed},
		},
	} {
		j := journal.Open("", time.Now)
		for _, change := range c.changes {
			change.Server = server
			if change.State == "" {
				change.State = api.ChangeConfirmed
			}
			if err := j.Finish(t.Context(), change); err != nil {
				t.Fatal(err)
			}
		}
		changes, err := j.Changes(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]api.ChangeState{}
		for _, change := range changes {
			got[change.ID] = change.State
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTornLineIsSkippedAndSwallowsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := journal.Open(dir, at(1))
	first := intend(t, j, "alice")
	path := filepath.Join(dir, server+".jsonl")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"torn","kind":"li`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	second := intend(t, j, "bob")
	if d := cmp.Diff([]api.Change{second, first}, changes(t, j)); d != "" {
		t.Error(d)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("journal's mode: %v, %v", info.Mode(), err)
	}
}

func TestConcurrentWritersLoseNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			j := journal.Open(dir, time.Now) // one each, as if they were processes
			for range 10 {
				if _, err := j.Intend(t.Context(), api.Change{Server: server}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(changes(t, journal.Open(dir, time.Now))); n != 40 {
		t.Errorf("%d changes, want 40", n)
	}
}

func TestUnwritableJournalAndHostileServerID(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := journal.Open(file, time.Now).Intend(t.Context(), api.Change{Server: server})
	if err == nil || strings.Contains(err.Error(), file) {
		t.Errorf("a folder that is a file: %v", err)
	}
	if _, err := journal.Open(file, time.Now).Alone(t.Context(), server); err == nil || strings.Contains(err.Error(), file) {
		t.Errorf("a change of its own in a folder that is a file: %v", err)
	}
	for _, id := range []string{"", "../x", `a\b`, "a/b"} {
		if _, err := journal.Open(t.TempDir(), time.Now).Intend(t.Context(), api.Change{Server: id}); err == nil {
			t.Errorf("server id %q was taken", id)
		}
	}
}

// TestOneChangesAServerAtATime: one at a time in all processes; the others get an error.
func TestOneChangesAServerAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	memory := journal.Open("", time.Now)
	for name, two := range map[string][2]*journal.Journal{
		"folder": {journal.Open(dir, time.Now), journal.Open(dir, time.Now)}, // one each, as if they were processes
		"memory": {memory, memory},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done, err := two[0].Alone(t.Context(), server)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := two[1].Alone(ctx, server); !api.IsCode(err, api.CodeCancelled) {
				t.Errorf("a second one: %v", err)
			}
			gone, end := context.WithCancel(t.Context())
			end()
			if _, err := two[1].Alone(gone, "another"); !api.IsCode(err, api.CodeCancelled) {
				t.Errorf("by somebody who is gone: %v", err)
			}
			other, err := two[1].Alone(t.Context(), "another")
			if err != nil {
				t.Fatal(err)
			}
			other()
			time.AfterFunc(50*time.Millisecond, done)
			done, err = two[1].Alone(t.Context(), server)
			if err != nil {
				t.Fatal(err)
			}
			done()
		})
	}
}

// TestWhoWaitsIsNext, though the other one has much to change, and asks for its next turn at once.
func TestWhoWaitsIsNext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	much, little := journal.Open(dir, time.Now), journal.Open(dir, time.Now)
	var turns atomic.Int32
	stop := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() {
		for {
			done, err := much.Alone(t.Context(), server)
			if err != nil {
				t.Error(err)
				return
			}
			turns.Add(1)
			time.Sleep(10 * time.Millisecond)
			done()
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 5 {
		before := turns.Load()
		for turns.Load() == before {
			time.Sleep(time.Millisecond)
		}
		done, err := little.Alone(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		if n := turns.Load() - before; n > 10 {
			t.Errorf("it got in after %d turns of the other one", n)
		}
		done()
	}
	close(stop)
	loop.Wait()
}

func TestWaitingForAnotherChangeEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := journal.Open("", time.Now)
		done, err := j.Alone(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		if _, err := j.Alone(t.Context(), server); !api.IsCode(err, api.CodeServerBusy) {
			t.Errorf("got %v", err)
		}
	})
}

// TestDamagedLinesAreSetAside: what is no change is counted and kept, in a file of its own, and the journal goes on.
func TestDamagedLinesAreSetAside(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage  string // written after the first change
		lines   string // the count
		instead bool   // of the whole file
	}{
		"a line in the middle":       {"garbage\n", "1", false},
		"half a change":              {`{"id":"half","kind":"li` + "\n", "1", false},
		"a change without an id":     {`{"kind":"link"}` + "\n", "1", false},
		"a change of another type":   {`{"id":5}` + "\n", "1", false},
		"zeros, after a power cut":   {"\x00\x00\x00\x00", "1", false},
		"a binary file in its place": {"\x7fELF\x02\x01\x01\nxyz\n\xff\xfe", "3", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			j := journal.Open(dir, at(1))
			first := intend(t, j, "alice")
			want := []api.Change{first}
			path := filepath.Join(dir, server+".jsonl")
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if c.instead {
				content, want = nil, nil
			}
			if err := os.WriteFile(path, append(content, c.damage...), 0o600); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, changes(t, j)); d != "" {
				t.Error(d)
			}
			want = append([]api.Change{intend(t, j, "bob")}, want...)
			for _, j := range []*journal.Journal{j, journal.Open(dir, at(1))} { // it is told until the file is deleted
				if d := cmp.Diff(want, changes(t, j)); d != "" {
					t.Error(d)
				}
				damaged := j.Damaged(server)
				if damaged == nil || damaged.Code != api.CodeJournalDamaged || damaged.Params["n"] != c.lines {
					t.Fatalf("told: %+v", damaged)
				}
				kept, err := os.ReadFile(damaged.Params["file"])
				if err != nil || !strings.HasPrefix(c.damage, strings.TrimSuffix(string(kept), "\n")) {
					t.Errorf("kept %q, %v", kept, err)
				}
			}
			if err := os.Remove(j.Damaged(server).Params["file"]); err != nil {
				t.Fatal(err)
			}
			if changes(t, j); j.Damaged(server) != nil {
				t.Errorf("still told: %+v", j.Damaged(server))
			}
		})
	}
}

// TestTornLineIsNotDamage: a crash leaves the beginning of a change at the end, and nothing is told of it.
func TestTornLineIsNotDamage(t *testing.T) {
	t.Parallel()
	for _, torn := range []string{`{`, `{"id":"torn","kind":"li`, `{"id":"torn","userName":"` + "\xc3"} {
		dir := t.TempDir()
		j := journal.Open(dir, at(1))
		first := intend(t, j, "alice")
		f, err := os.OpenFile(filepath.Join(dir, server+".jsonl"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString(torn)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]api.Change{first}, changes(t, j)); d != "" || j.Damaged(server) != nil {
			t.Errorf("%q: %v, %s", torn, j.Damaged(server), d)
		}
		second := intend(t, j, "bob")
		if d := cmp.Diff([]api.Change{second, first}, changes(t, j)); d != "" || j.Damaged(server) != nil {
			t.Errorf("%q: %v, %s", torn, j.Damaged(server), d)
		}
	}
}
