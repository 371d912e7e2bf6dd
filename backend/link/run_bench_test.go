package link_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// BenchmarkRun imports 10,000 links, confirms and journals them, and sends the same requests without any of that, in turn.
// "ratio" is the first by the second; 1.5 is the most that is allowed. "run-ms" must be below 2,000 on 9p4 and K0lin.
// "remove-ms" is how long the removal of all of them takes.
func BenchmarkRun(b *testing.B) {
	const links = 10_000
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
		b.Run(string(flavour), func(b *testing.B) {
			var ran, bare, removed []time.Duration
			for b.Loop() {
				l := benchLinker(b, flavour)
				r, err := l.Roster.Read(b.Context(), nil)
				if err != nil {
					b.Fatal(err)
				}
				set := manyLinks(r, links, "bare")
				start := time.Now()
				if _, err := l.Roster.Read(b.Context(), nil); err != nil {
					b.Fatal(err)
				}
				bareWrites(b, l, set)
				bare = append(bare, time.Since(start))

				l = benchLinker(b, flavour)
				facts := link.SetFacts{Capabilities: l.Plugin.Capabilities(), Self: l.Self}
				if r, err = l.Roster.Read(b.Context(), nil); err != nil {
					b.Fatal(err)
				}
				plan := link.PlanSet(r, manyLinks(r, links, "run"), anything, facts)
				start = time.Now()
				run, err := l.RunSet(b.Context(), plan, quiet)
				if err != nil || run.Made != links {
					b.Fatal(run.Made, err)
				}
				ran = append(ran, time.Since(start))

				var req link.RemoveRequest
				for _, c := range run.Changes {
					req.Links = append(req.Links, api.Link{Identity: c.Identities[0], UserID: c.UserID})
				}
				start = time.Now()
				if _, err := l.Remove(b.Context(), req, quiet); err != nil {
					b.Fatal(err)
				}
				removed = append(removed, time.Since(start))
			}
			for name, d := range map[string][]time.Duration{"bare-ms": bare, "run-ms": ran, "remove-ms": removed} {
				slices.Sort(d)
				b.ReportMetric(float64(d[len(d)/2].Milliseconds()), name)
			}
			b.ReportMetric(float64(ran[len(ran)/2])/float64(bare[len(bare)/2]), "ratio")
		})
	}
}

func manyLinks(r api.Roster, n int, prefix string) api.WantedSet {
	set := api.WantedSet{Source: api.SourceDocument}
	for i := range n {
		set.Links = append(set.Links, api.WantedLink{
			Line: i + 1, UserID: r.Accounts[i%1000].ID,
			Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: fmt.Sprint(prefix, i, "@example.com")},
		})
	}
	return set
}

// bareWrites writes links and reads the roster, and does nothing else.
func bareWrites(b *testing.B, l *link.Linker, set api.WantedSet) {
	b.Helper()
	if l.Plugin.Capabilities().WriteConfig.OK {
		err := l.Plugin.WriteConfig(b.Context(), api.OIDC, demo.Authelia, func(links map[string]string) error {
			for _, w := range set.Links {
				links[w.Name] = w.UserID
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	} else {
		var group errgroup.Group
		group.SetLimit(2)
		for _, w := range set.Links {
			group.Go(func() error {
				return l.Plugin.Preprovision(b.Context(), api.Link{Identity: w.Identity, UserID: w.UserID})
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := l.Roster.Read(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
}

func benchLinker(b *testing.B, flavour api.Flavour) *link.Linker {
	b.Helper()
	w, err := demo.Start(b.Context(), demo.Options{Flavour: flavour, Users: 1000})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = w.Close() })
	options := jellyfin.Options{URL: w.URL(), DeviceID: "bench", Version: "test"}
	client, err := jellyfin.New(options)
	if err != nil {
		b.Fatal(err)
	}
	name, password := w.Admin()
	in, err := client.SignIn(b.Context(), name, password)
	if err != nil {
		b.Fatal(err)
	}
	options.Credential = in.Token
	if client, err = jellyfin.New(options); err != nil {
		b.Fatal(err)
	}
	kind, self, err := client.Identify(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	plugin, err := ssoplugin.Detect(b.Context(), client, kind, self)
	if err != nil {
		b.Fatal(err)
	}
	return &link.Linker{
		Client: client, Plugin: plugin, Roster: &roster.Reader{Users: client, Links: plugin, Now: time.Now}, Self: self,
		ServerID: "demo", Journal: journal.Open(b.TempDir(), time.Now), Now: time.Now,
	}
}
