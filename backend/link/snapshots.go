package link

import (
	"context"
	"slices"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// saveSnapshot saves today's links before a run. A credential that sees only its own links, and a plugin that tells them only
// account by account, give no whole picture.
func (l *Linker) saveSnapshot(ctx context.Context, r api.Roster, run *api.Run) error {
	if r.Own || r.Accounts == nil {
		return nil
	}
	s, err := l.Journal.SaveSnapshot(ctx, api.Snapshot{Server: l.ServerID, Source: run.Source, Label: run.Label}, r)
	run.Snapshot = s.ID
	return err
}

// Snapshots lists the links of earlier moments, newest first: each run of more than one change saves one before it begins. The
// last 50 of each server are kept.
func (l *Linker) Snapshots(ctx context.Context) ([]api.Snapshot, error) {
	return l.Journal.Snapshots(ctx, l.ServerID)
}

// Snapshot returns the links of a snapshot, by its id or an unambiguous beginning of it. Planned with Prune and Move, they
// restore it.
//
// Errors: CodeChangeNotFound, CodeJournalDamaged.
func (l *Linker) Snapshot(ctx context.Context, id string) (api.WantedSet, error) {
	_, w, err := l.Journal.Snapshot(ctx, l.ServerID, id)
	return w, err
}

// CompareSnapshots says what changed from one snapshot to a later one, as a plan that leads from the first to the second. It is
// for showing only.
func (l *Linker) CompareSnapshots(ctx context.Context, first, second string) (api.SetPlan, error) {
	before, err := l.Snapshot(ctx, first)
	if err != nil {
		return api.SetPlan{}, err
	}
	after, err := l.Snapshot(ctx, second)
	if err != nil {
		return api.SetPlan{}, err
	}
	anything := api.Capabilities{LinksInConfig: true, WriteConfig: api.Ability{OK: true}}
	after.Scope = slices.Concat(before.Scope, after.Scope)
	return PlanSet(
		rosterOf(before, after), after, api.SetOptions{Prune: true, Move: true, LastWay: true}, SetFacts{Capabilities: anything},
	), nil
}

// rosterOf is the roster that a snapshot is of, with the accounts and providers of a later one as well.
func rosterOf(s, later api.WantedSet) api.Roster {
	var users []api.User
	var links []api.Link
	seen := map[string]bool{}
	for _, w := range slices.Concat(s.Links, later.Links) {
		if !seen[w.UserID] {
			seen[w.UserID] = true
			users = append(users, api.User{ID: w.UserID, Name: w.UserName})
		}
	}
	for _, w := range s.Links {
		links = append(links, api.Link{Identity: w.Identity, UserID: w.UserID})
	}
	var providers []api.Provider
	for _, ref := range slices.Concat(s.Scope, later.Scope) {
		p := api.Provider{Protocol: ref.Protocol, Name: ref.Provider}
		if roster.Provider(api.Roster{Providers: providers}, p.Protocol, p.Name) == nil {
			providers = append(providers, p)
		}
	}
	return roster.Build(users, providers, links, time.Time{}, false)
}
