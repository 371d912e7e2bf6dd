package link_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// killsEnv is how often TestCrashLoop kills a run on each flavour; empty means a sample. "go run ./build soak" sets it.
const killsEnv = "JELLYBIND_TEST_KILLS"

const sampleOfKills = 8

// childEnv is set for the process that is killed.
const childEnv = "JELLYBIND_TEST_CRASH"

// crashJob is what the child does. It comes on standard input, as it holds a credential of the demo world.
type crashJob struct {
	URL, Credential, Journal string
	Plan                     api.SetPlan
}

// TestCrashChild is the process that TestCrashLoop kills. It says when its run begins.
func TestCrashChild(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("it runs only as a child of TestCrashLoop")
	}
	var job crashJob
	if err := json.NewDecoder(os.Stdin).Decode(&job); err != nil {
		t.Fatal(err)
	}
	client, err := jellyfin.New(jellyfin.Options{
		URL: job.URL, DeviceID: "link-test", Version: "test", Credential: secret.New(job.Credential),
	})
	if err != nil {
		t.Fatal(err)
	}
	kind, self, err := client.Identify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := ssoplugin.Detect(t.Context(), client, kind, self)
	if err != nil {
		t.Fatal(err)
	}
	l := link.Linker{
		Client: client, Plugin: plugin, Roster: &roster.Reader{Users: client, Links: plugin, Now: time.Now}, Self: self,
		ServerID: "demo", Journal: journal.Open(job.Journal, time.Now), Now: time.Now,
	}
	fmt.Println("begins")
	if _, err := l.RunSet(t.Context(), job.Plan, quiet); err != nil {
		t.Fatal(err)
	}
}

// TestCrashLoop kills a run at any instant. The next process finds it, and finishes it or takes it back; both end as if the run had
// not been cut short.
func TestCrashLoop(t *testing.T) {
	t.Parallel()
	kills := sampleOfKills
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		kills = (n + 2) / 3 // there are three flavours
	}
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, flavour, api.CredentialKey)
			dir := t.TempDir()
			w.Journal = journal.Open(dir, time.Now)
			before := w.links(t)
			set := w.wanted(t, 40)
			plan := w.plan(t, set)
			start := time.Now()
			run := w.run(t, set)
			took := time.Since(start)
			after := w.links(t)
			w.undo(t, run.ID)
			open := 0
			for i := range kills {
				job := crashJob{w.Linker.Client.URL().String(), w.APIKey().Reveal(), dir, plan}
				killed(t, job, rand.N(took))
				cut, err := w.OpenRuns(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				open += len(cut)
				mendCrash(t, w, cut, i%2 == 0, before, after)
			}
			t.Logf("%d of %d kills cut a run short", open, kills)
		})
	}
}

// mendCrash finishes or takes back what a killed process has left, and goes back to the links before.
func mendCrash(t *testing.T, w *world, cut []api.Run, finish bool, before, after map[api.Identity]string) {
	t.Helper()
	links := w.links(t)
	if len(cut) == 0 {
		if cmp.Equal(links, before) { // killed before it began
			return
		}
		if d := cmp.Diff(after, links); d != "" {
			t.Fatalf("no run is open:\n%s", d)
		}
		page, err := w.HistoryPage(t.Context(), api.HistoryQuery{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		w.undo(t, page.Entries[0].Run.ID)
	} else if finish {
		run, err := w.ResumeRun(t.Context(), cut[0].ID, quiet)
		if err != nil || run.State != api.RunDone {
			t.Fatalf("%+v, %v", run, err)
		}
		if d := cmp.Diff(after, w.links(t)); d != "" {
			t.Fatalf("finished (-want +got):\n%s", d)
		}
		w.undo(t, run.ID)
	} else {
		w.undo(t, cut[0].ID)
	}
	if d := cmp.Diff(before, w.links(t)); d != "" {
		t.Fatalf("taken back (-want +got):\n%s", d)
	}
	if open, err := w.OpenRuns(t.Context()); err != nil || len(open) > 0 {
		t.Fatalf("still open: %+v, %v", open, err)
	}
}

// killed starts a process that carries out a plan, and kills it some time after the run has begun.
func killed(t *testing.T, job crashJob, after time.Duration) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$")
	child.Env = append(os.Environ(), childEnv+"=1")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(in).Encode(job); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "begins\n" {
		rest, _ := io.ReadAll(lines)
		t.Fatalf("the child says %q %s, %v", line, rest, err)
	}
	time.Sleep(after)
	if err := child.Process.Kill(); err != nil {
		t.Log(err) // it has ended
	}
	_, _ = io.Copy(io.Discard, lines)
	_ = child.Wait()
}
