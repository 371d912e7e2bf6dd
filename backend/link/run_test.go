package link_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
)

// writers are the flavours and credentials that can write links of anybody.
var writers = map[string]struct {
	flavour api.Flavour
	as      api.CredentialKind
}{
	"9p4":         {api.Flavour9p4, api.CredentialAdmin},
	"9p4 key":     {api.Flavour9p4, api.CredentialKey},
	"K0lin":       {api.FlavourK0lin, api.CredentialAdmin},
	"Flowfin":     {api.FlavourFlowfin, api.CredentialAdmin},
	"Flowfin key": {api.FlavourFlowfin, api.CredentialKey},
}

// links returns who has which identity.
func (w *world) links(t *testing.T) map[api.Identity]string {
	t.Helper()
	links := map[api.Identity]string{}
	for _, a := range w.roster(t).Accounts {
		for _, id := range a.Identities {
			links[id] = a.Name
		}
	}
	return links
}

// anything is what a person may allow.
var anything = api.SetOptions{Move: true, LeaveOut: true, LastWay: true, ViaUnregister: true}

func (w *world) plan(t *testing.T, set api.WantedSet) api.SetPlan {
	t.Helper()
	return link.PlanSet(w.roster(t), set, anything, link.SetFacts{Capabilities: w.Plugin.Capabilities(), Self: w.Self})
}

func (w *world) run(t *testing.T, set api.WantedSet) api.Run {
	t.Helper()
	run, err := w.RunSet(t.Context(), w.plan(t, set), quiet)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func (w *world) undo(t *testing.T, run string, changes ...string) api.Run {
	t.Helper()
	set, err := w.UndoSet(t.Context(), run, changes)
	if err != nil {
		t.Fatal(err)
	}
	return w.run(t, set)
}

// wanted is n new links, a moved one and a removed one.
func (w *world) wanted(t *testing.T, n int) api.WantedSet {
	t.Helper()
	set := api.WantedSet{Source: api.SourceDocument, Label: "links.json"}
	for i := range n {
		set.Links = append(set.Links, api.WantedLink{
			Line: i + 1, Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: fmt.Sprintf("new %d", i)},
			UserName: []string{demo.TourName, "noah"}[i%2],
		})
	}
	priya, tomas := w.account(t, "priya"), w.account(t, "tomas")
	set.Links = append(set.Links,
		api.WantedLink{Line: n + 1, Identity: priya.Identities[0], UserName: "noah"},
		api.WantedLink{Line: n + 2, Identity: tomas.Identities[0], UserName: "tomas", Gone: true},
	)
	return set
}

// TestRunAndUndo: a run is one entry of the history, and is taken back and made again as a whole.
func TestRunAndUndo(t *testing.T) {
	t.Parallel()
	for name, c := range writers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.flavour, c.as)
			before := w.links(t)
			set := w.wanted(t, 6)
			run := w.run(t, set)
			if run.State != api.RunDone || run.Made != 8 || run.ID == "" || run.Snapshot == "" {
				t.Fatalf("%+v", run)
			}
			after := w.links(t)
			if after[set.Links[0].Identity] != demo.TourName || after[set.Links[6].Identity] != "noah" {
				t.Errorf("left %v", after)
			}
			if c.flavour != api.FlavourFlowfin && w.requests("POST", "/Add/") > 2 || w.requests("DELETE", "/") > 2 {
				t.Errorf("%v", w.seen)
			}
			undo := w.undo(t, run.ID)
			if d := cmp.Diff(before, w.links(t)); d != "" {
				t.Error(d)
			}
			again := w.undo(t, undo.ID)
			if d := cmp.Diff(after, w.links(t)); d != "" {
				t.Error(d)
			}
			page, err := w.HistoryPage(t.Context(), api.HistoryQuery{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range page.Entries {
				got = append(got, e.Run.ID+" "+string(e.Run.State))
			}
			want := []string{again.ID + " done", undo.ID + " undone", run.ID + " done"}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			some, err := w.Run(t.Context(), run.ID)
			if err != nil || some.Changes[0].State != api.ChangeConfirmed {
				t.Errorf("%+v, %v", some, err)
			}
		})
	}
}

// TestWhatSomebodyElseHasChangedIsLeftAlone by the undo, and listed; some lines alone can be undone.
func TestWhatSomebodyElseHasChangedIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	run := w.run(t, w.wanted(t, 4))
	priya := w.account(t, "priya")
	w.Server().AddLink(api.Link{Identity: run.Changes[0].Identities[0], UserID: priya.ID})
	w.undo(t, run.ID, run.Changes[1].ID)
	set, err := w.UndoSet(t.Context(), run.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if set.Links[0].Why != "undo-owned" || len(set.Links) != 6 { // one alone is undone, the move has two
		t.Errorf("%+v", set.Links)
	}
	w.run(t, set)
	if o := w.links(t)[run.Changes[0].Identities[0]]; o != "priya" {
		t.Errorf("it opens %q", o)
	}
	now, err := w.Run(t.Context(), run.ID)
	if err != nil || now.Changes[0].State != api.ChangeConfirmed || now.Changes[2].State != api.ChangeUndone {
		t.Errorf("%+v, %v", now.Changes, err)
	}
}

// TestRunCutShortIsResumed or taken back, wherever it was cut: both end as if nothing had happened.
func TestRunCutShortIsResumed(t *testing.T) {
	t.Parallel()
	for _, c := range writers {
		for _, back := range []bool{false, true} {
			t.Run(fmt.Sprint(c, back), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, c.flavour, c.as)
				w.Journal = journal.Open(t.TempDir(), time.Now)
				before := w.links(t)
				set := w.wanted(t, 10)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var writes atomic.Int32
				w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
					written := r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/sso/") || r.Method == http.MethodDelete
					if written && writes.Add(1) == 5 || strings.Contains(r.URL.Path, "/Add/") {
						cancel()
					}
					return false
				}, "")
				run, err := w.RunSet(ctx, w.plan(t, set), quiet)
				w.intercepting(nil, "")
				if c.flavour == api.FlavourFlowfin && (!api.IsCode(err, api.CodeCancelled) || run.State != api.RunStopped || run.Left == 0) {
					t.Fatalf("%+v, %v", run, err)
				}
				if back {
					w.undo(t, run.ID)
					if d := cmp.Diff(before, w.links(t)); d != "" {
						t.Error(d)
					}
					return
				}
				if run.State == api.RunStopped {
					if run, err = w.ResumeRun(t.Context(), run.ID, quiet); err != nil {
						t.Fatal(err)
					}
				}
				if run.State != api.RunDone || run.Made != 12 {
					t.Errorf("%+v", run)
				}
				w.undo(t, run.ID)
				if d := cmp.Diff(before, w.links(t)); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

// TestRunThroughTrouble: a server that restarts, asks for a pause, or cuts connections is waited for.
func TestRunThroughTrouble(t *testing.T) {
	t.Parallel()
	for _, c := range writers {
		for name, trouble := range map[string]func(http.ResponseWriter, *http.Request) bool{
			"429":     failing("/Preprovision/", http.StatusTooManyRequests),
			"restart": failing("/sso/", http.StatusServiceUnavailable, http.StatusServiceUnavailable),
			"cut":     cutting("/Preprovision/", 2),
			"cut add": cutting("/Add/", 1),
		} {
			t.Run(fmt.Sprint(c, name), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, c.flavour, c.as)
				set := w.wanted(t, 6)
				plan := w.plan(t, set)
				begun := atomic.Bool{}
				w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodGet {
						begun.Store(true)
					}
					return begun.Load() && !(name == "429" && r.Method == http.MethodGet) && trouble(rw, r)
				}, "")
				run, err := w.RunSet(t.Context(), plan, quiet)
				if err != nil || run.State != api.RunDone || run.Made != 8 {
					t.Errorf("%+v, %v", run, err)
				}
			})
		}
	}
}

// TestLinesThatAreNotAsPlanned fail by themselves.
func TestLinesThatAreNotAsPlanned(t *testing.T) {
	t.Parallel()
	for _, c := range writers {
		w := newWorld(t, c.flavour, c.as)
		set := w.wanted(t, 4)
		plan := w.plan(t, set)
		w.Server().AddLink(api.Link{Identity: set.Links[0].Identity, UserID: w.account(t, "priya").ID})
		w.Server().AddLink(api.Link{Identity: set.Links[1].Identity, UserID: w.account(t, "noah").ID})
		run, err := w.RunSet(t.Context(), plan, quiet)
		if err != nil || run.State != api.RunPartly || run.Made != 4 || run.Failed != 2 {
			t.Fatalf("%+v, %v", run, err)
		}
		if run.Changes[0].Error != api.CodeLinkOwned || run.Changes[1].Error != api.CodeLinkExists {
			t.Errorf("%+v", run.Changes[:2])
		}
	}
}

// TestOtherComputerAtTheSameTime: another computer reads before our write and writes after it. What it overwrites is found and
// written again.
func TestOtherComputerAtTheSameTime(t *testing.T) {
	t.Parallel()
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
		w := newWorld(t, flavour, api.CredentialAdmin)
		other := newLinker(t, w)
		one, two := w.wanted(t, 50), api.WantedSet{Source: api.SourceDocument}
		for i := range 50 {
			two.Links = append(two.Links, api.WantedLink{
				Line: i + 1, Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: fmt.Sprint("other ", i)}, UserName: "priya",
			})
		}
		plans := []api.SetPlan{w.plan(t, one), w.plan(t, two)}
		runs := make([]api.Run, 2)
		done := make(chan error, 2)
		for i, l := range []*link.Linker{w.Linker, other} {
			go func() {
				var err error
				runs[i], err = l.RunSet(t.Context(), plans[i], quiet)
				done <- err
			}()
		}
		for range runs {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		links := w.links(t)
		for _, run := range runs {
			if run.State != api.RunDone {
				t.Errorf("%s: %+v", flavour, run)
			}
			for _, c := range run.Changes {
				if c.Kind != api.ChangeUnlink && links[c.Identities[0]] != c.UserName {
					t.Fatalf("%s: %v opens %q", flavour, c.Identities[0], links[c.Identities[0]])
				}
			}
		}
	}
}

// newLinker is another computer's at the same server.
func newLinker(t *testing.T, w *world) *link.Linker {
	t.Helper()
	other := &link.Linker{
		Client: w.Linker.Client, Plugin: w.Plugin, Roster: w.Linker.Roster, Self: w.Self, ServerID: w.ServerID, Now: time.Now,
		Journal: journal.Open("", time.Now), Settings: w.Settings, ClientSecret: w.Linker.ClientSecret,
	}
	other.Plugin = newPlugin(t, w)
	return other
}

// TestAnySequenceEndsAsTheModelSays: runs, single changes, undos and redos.
func TestAnySequenceEndsAsTheModelSays(t *testing.T) {
	t.Parallel()
	for name, c := range writers {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, c.flavour, c.as)
				w.Journal = journal.Open(t.TempDir(), time.Now)
				playModel(t, w, rand.New(rand.NewPCG(seed, 17)))
			})
		}
	}
}

// step is a run, or a single change, and the links before and after it.
type step struct {
	id            string
	single        bool
	before, after map[api.Identity]string
}

func playModel(t *testing.T, w *world, r *rand.Rand) {
	t.Helper()
	names := []string{demo.TourName, "noah", "priya", "tomas"}
	pool := []api.Identity{}
	for i := range 8 {
		provider := []string{demo.Authelia, demo.Keycloak}[i%2]
		pool = append(pool, api.Identity{Protocol: api.OIDC, Provider: provider, Name: fmt.Sprint("p", i)})
	}
	model := w.links(t)
	var done []step // what can be undone at once: only the last one, as nothing has happened since
	for range 10 {
		before := maps.Clone(model)
		var set api.WantedSet
		if len(done) > 0 && r.IntN(3) == 0 {
			last := done[len(done)-1]
			var err error
			if last.single {
				set, err = w.UndoSet(t.Context(), "", []string{last.id})
			} else {
				set, err = w.UndoSet(t.Context(), last.id, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			model = maps.Clone(last.before)
		} else {
			set.Source = api.SourceDocument
			for i, k := range r.Perm(len(pool))[:1+r.IntN(5)] {
				link := api.WantedLink{Line: i + 1, Identity: pool[k], UserName: names[r.IntN(len(names))]}
				if owner, linked := model[pool[k]]; linked && r.IntN(2) == 0 {
					link.Gone, link.UserName = true, owner
					delete(model, pool[k])
				} else {
					model[pool[k]] = link.UserName
				}
				set.Links = append(set.Links, link)
			}
		}
		run := w.run(t, set)
		if d := cmp.Diff(model, w.links(t)); d != "" {
			t.Fatalf("after %+v (-model +server):\n%s", set, d)
		}
		if len(run.Changes) == 0 {
			continue
		}
		s := step{id: run.ID, before: before, after: maps.Clone(model)}
		if run.ID == "" {
			s.id, s.single = run.Changes[0].ID, true
		}
		done = append(done, s)
	}
	checkHistory(t, w)
}

// checkHistory compares the pages of the history with all of its changes.
func checkHistory(t *testing.T, w *world) {
	t.Helper()
	states := map[string]api.ChangeState{}
	for _, c := range w.changes(t) {
		states[c.ID] = c.State
	}
	seen := map[string]bool{}
	q := api.HistoryQuery{Limit: 3}
	for {
		page, err := w.HistoryPage(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			list := []api.Change{}
			if e.Change != nil {
				list = append(list, *e.Change)
			} else {
				run, err := w.Run(t.Context(), e.Run.ID)
				if err != nil {
					t.Fatal(err)
				}
				list = run.Changes
				undone := !slices.ContainsFunc(list, func(c api.Change) bool { return c.State == api.ChangeConfirmed && c.Kind != api.ChangeUnregister })
				if undone != (e.Run.State == api.RunUndone) {
					t.Errorf("run %s is %s: %+v", e.Run.ID, e.Run.State, list)
				}
			}
			for _, c := range list {
				if seen[c.ID] || states[c.ID] != c.State {
					t.Errorf("%s is %s on the page, %s among all", c.ID, c.State, states[c.ID])
				}
				seen[c.ID] = true
			}
		}
		if q.Before = page.Next; page.Next == "" {
			break
		}
	}
	if len(seen) != len(states) {
		t.Errorf("%d changes on pages, %d in all", len(seen), len(states))
	}
}

// TestManyRemovalsElsewhere: where links are read account by account, and by plain users of their own links.
func TestManyRemovalsElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options demo.Options
		as      api.CredentialKind
	}{
		"Flowfin 4.2.1": {demo.Options{Flavour: api.FlavourFlowfin, PluginVersion: "4.2.1"}, api.CredentialAdmin},
		"9p4 user":      {demo.Options{Flavour: api.Flavour9p4}, api.CredentialUser},
		"Flowfin user":  {demo.Options{Flavour: api.FlavourFlowfin}, api.CredentialUser},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, c.options, c.as)
			account := w.Self.ID
			for i := range 5 {
				w.Server().AddLink(api.Link{
					Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: fmt.Sprint("more ", i)}, UserID: account,
				})
			}
			var set api.WantedSet
			for id, owner := range w.links(t) {
				if strings.HasPrefix(id.Name, "more ") {
					set.Links = append(set.Links, api.WantedLink{Identity: id, UserName: owner, Gone: true})
				}
			}
			run := w.run(t, set)
			if run.Made != 5 || run.State != api.RunDone {
				t.Errorf("%+v", run)
			}
			for id := range w.links(t) {
				if strings.HasPrefix(id.Name, "more ") {
					t.Errorf("%v is still there", id)
				}
			}
		})
	}
}

// TestServerStoresNothing: what the server said yes to and does not have fails by line.
func TestServerStoresNothing(t *testing.T) {
	t.Parallel()
	for _, c := range writers {
		w := newWorld(t, c.flavour, c.as)
		set := w.wanted(t, 3)
		set.Links = set.Links[:3]
		plan := w.plan(t, set)
		part := "/Add/"
		if c.flavour == api.FlavourFlowfin {
			part = "/Preprovision/"
		}
		w.intercepting(yesTo(http.MethodPost, part), "")
		run, err := w.RunSet(t.Context(), plan, quiet)
		if err != nil || run.State != api.RunPartly || run.Failed != 3 {
			t.Fatalf("%+v, %v", run, err)
		}
		for _, change := range run.Changes {
			if change.State != api.ChangeFailed || change.Error != api.CodeLinkNotStored {
				t.Errorf("%+v", change)
			}
		}
	}
}

// TestSnapshotIsRestored: it is saved before a run, compared with a later one, and leads back.
func TestSnapshotIsRestored(t *testing.T) {
	t.Parallel()
	for _, c := range writers {
		w := newWorld(t, c.flavour, c.as)
		for _, id := range w.roster(t).Accounts { // an orphan cannot be linked again
			if !id.Exists {
				for _, link := range id.Identities {
					w.Server().AddLink(api.Link{Identity: link, UserID: w.account(t, "noah").ID})
				}
			}
		}
		before := w.links(t)
		first := w.run(t, w.wanted(t, 3))
		second := w.run(t, api.WantedSet{Source: api.SourceDocument, Links: []api.WantedLink{
			{Line: 1, Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "later 1"}, UserName: "noah"},
			{Line: 2, Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "later 2"}, UserName: "noah"},
		}})
		list, err := w.Snapshots(t.Context())
		if err != nil || len(list) != 2 || list[1].ID != first.Snapshot && list[0].ID != first.Snapshot {
			t.Fatalf("%+v, %v", list, err)
		}
		diff, err := w.CompareSnapshots(t.Context(), first.Snapshot, second.Snapshot)
		if err != nil || diff.Counts.Add != 3 || diff.Counts.Move != 1 || diff.Counts.Remove != 1 || diff.Counts.Refused != 0 {
			t.Errorf("%+v, %v", diff.Counts, err)
		}
		set, err := w.Snapshot(t.Context(), first.Snapshot)
		if err != nil {
			t.Fatal(err)
		}
		o := anything
		o.Prune = true
		plan := link.PlanSet(w.roster(t), set, o, link.SetFacts{Capabilities: w.Plugin.Capabilities(), Self: w.Self})
		if _, err := w.RunSet(t.Context(), plan, quiet); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, w.links(t)); d != "" {
			t.Errorf("%v:\n%s", c, d)
		}
	}
}

// TestProgressOfARun counts up to all changes, and says how long the rest takes.
func TestProgressOfARun(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, demo.Options{Flavour: api.FlavourFlowfin, Latency: 20 * time.Millisecond}, api.CredentialAdmin)
	last, estimated := 0, false
	run, err := w.RunSet(t.Context(), w.plan(t, w.wanted(t, 20)), func(p api.Progress) {
		if p.Step != "writing" {
			return
		}
		if p.Total != 22 || p.Done < last {
			t.Errorf("%+v after %d", p, last)
		}
		last = p.Done
		estimated = estimated || p.SecondsLeft > 0
	})
	if err != nil || run.Made != 22 || last != 22 || !estimated {
		t.Errorf("%d made, %d counted, estimated %t, %v", run.Made, last, estimated, err)
	}
}
