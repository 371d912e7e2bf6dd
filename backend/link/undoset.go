package link

import (
	"cmp"
	"context"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// UndoSet returns the links that take changes back, to be planned by PlanSet and carried out by RunSet: changes of a run, all of
// them where changeIDs is empty, or changes of any kind where runID is empty. It is worked out from the journal and from today's
// links. What somebody else has changed since is left alone, and its line says so (WantedLink.Why). A run that was cut short is
// taken back as far as the server has it. Taking an undo back makes the changes again.
//
// Errors: CodeChangeNotFound, CodeChangeNotUndoable for a change that is no set of links, such as an Unregister.
func (l *Linker) UndoSet(ctx context.Context, runID string, changeIDs []string) (api.WantedSet, error) {
	w := api.WantedSet{Source: api.SourceUndo, Links: []api.WantedLink{}}
	changes, err := l.toUndo(ctx, runID, changeIDs, &w)
	if err != nil {
		return w, err
	}
	r, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return w, err
	}
	owners := make(map[api.Identity]*api.Account, len(r.Accounts))
	for i := range r.Accounts {
		for _, id := range r.Accounts[i].Identities {
			owners[id] = &r.Accounts[i]
		}
	}
	for i, c := range changes {
		w.Links = append(w.Links, inverse(r, owners, c, i+1)...)
	}
	return w, nil
}

// toUndo reads the changes that are to be taken back.
func (l *Linker) toUndo(ctx context.Context, runID string, changeIDs []string, w *api.WantedSet) ([]api.Change, error) {
	if runID == "" {
		return l.someChanges(ctx, changeIDs)
	}
	run, err := l.Journal.Run(ctx, l.ServerID, runID)
	if err != nil {
		return nil, err
	}
	w.Undoes, w.Label = run.ID, run.Label
	if len(changeIDs) == 0 {
		return run.Changes, nil
	}
	chosen := make(map[string]bool, len(changeIDs))
	for _, id := range changeIDs {
		chosen[id] = true
	}
	var changes []api.Change
	for _, c := range run.Changes {
		if chosen[c.ID] {
			delete(chosen, c.ID)
			changes = append(changes, c)
		}
	}
	for id := range chosen {
		return nil, noSuchChange(id)
	}
	return changes, nil
}

// someChanges reads changes of any runs and changes of their own. Each run is read once.
func (l *Linker) someChanges(ctx context.Context, ids []string) ([]api.Change, error) {
	runs := map[string]map[string]api.Change{}
	changes := make([]api.Change, 0, len(ids))
	for _, id := range ids {
		runID, _, inRun := strings.Cut(id, "-")
		if inRun && runs[runID] == nil {
			run, err := l.Journal.Run(ctx, l.ServerID, runID)
			if err != nil {
				return nil, err
			}
			runs[runID] = make(map[string]api.Change, len(run.Changes))
			for _, c := range run.Changes {
				runs[runID][c.ID] = c
			}
		}
		c, found := runs[runID][id]
		if inRun && !found {
			return nil, noSuchChange(id)
		}
		if !inRun {
			var err error
			if c, err = l.Journal.Change(ctx, l.ServerID, id); err != nil {
				return nil, err
			}
		}
		if c.Kind == api.ChangeUnregister && c.Write == "" {
			return nil, notUndoable("undo-alone", nil)
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func noSuchChange(id string) error {
	return &api.Error{Code: api.CodeChangeNotFound, Params: map[string]string{"id": id}}
}

// inverse returns the links that take a change back; none where there is nothing to take back.
func inverse(r api.Roster, owners map[api.Identity]*api.Account, c api.Change, line int) []api.WantedLink {
	if c.State == api.ChangeFailed || c.State == api.ChangeUndone {
		return nil
	}
	if c.Kind == api.ChangeUnregister {
		return inverseDetour(owners, c, line)
	}
	id := c.Identities[0]
	back := api.WantedLink{Line: line, Identity: id, UserID: c.UserID, UserName: c.UserName, Undoes: c.ID}
	owner := owners[id]
	unknown := c.State == api.ChangeIntended
	switch {
	case c.Kind == api.ChangeMove:
		back.UserID, back.UserName = c.FromID, c.FromName
		if owner != nil && owner.ID == c.FromID || owner == nil && !unknown {
			return leftAlone(owner, back, unknown)
		}
		if owner == nil { // it was cut short
			return []api.WantedLink{back}
		}
		if owner.ID != c.UserID {
			return leftAlone(owner, back, unknown)
		}
		gone := api.WantedLink{Line: line, Identity: id, UserID: c.UserID, UserName: c.UserName, Gone: true}
		return []api.WantedLink{gone, back}
	case c.Kind == api.ChangeLink:
		back.Gone = true
		if owner == nil || owner.ID != c.UserID {
			return leftAlone(owner, back, unknown)
		}
	case owner != nil:
		return leftAlone(owner, back, unknown || owner.ID == c.UserID)
	}
	if a := roster.Account(r, back.UserID); !back.Gone && (a == nil || !a.Exists) {
		back.Why = "undo-no-owner"
	}
	return []api.WantedLink{back}
}

// leftAlone is a link that somebody else has changed since. Nothing is said of a change that may not have been made.
func leftAlone(owner *api.Account, back api.WantedLink, silent bool) []api.WantedLink {
	if silent {
		return nil
	}
	back.Why, back.Params = "undo-unlinked", map[string]string{"name": back.Name}
	if owner != nil {
		back.Why, back.Params = "undo-owned", map[string]string{"name": back.Name, "owner": cmp.Or(owner.Name, owner.ID)}
	}
	return []api.WantedLink{back}
}

// inverseDetour writes the links again that a detour by Unregister dropped before it was cut short.
func inverseDetour(owners map[api.Identity]*api.Account, c api.Change, line int) []api.WantedLink {
	var links []api.WantedLink
	if c.State != api.ChangeIntended {
		return nil
	}
	for _, id := range c.Identities {
		if owners[id] == nil {
			links = append(links, api.WantedLink{
				Line: line, Identity: id, UserID: c.UserID, UserName: c.UserName, Undoes: c.ID,
			})
		}
	}
	return links
}
