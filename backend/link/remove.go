package link

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// RemoveRequest asks to remove links.
type RemoveRequest struct {
	Links []api.Link
	// ViaUnregister allows the detour for links that this flavour and credential cannot remove one by one: Unregister drops
	// all links of the account and ends its sessions, then the other links are written again.
	ViaUnregister bool
}

// Remove removes links as one run, or a single link as a change of its own, and reads them back. It returns the changes with the
// first error of one that was not made.
func (l *Linker) Remove(ctx context.Context, req RemoveRequest, progress func(api.Progress)) ([]api.Change, error) {
	done, err := l.Journal.Alone(ctx, l.ServerID)
	if err != nil {
		return nil, err
	}
	defer done()
	before, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return nil, err
	}
	plan, err := l.planRemoval(before, req)
	if err != nil {
		return nil, err
	}
	s, err := l.runPlan(ctx, plan, progress)
	if s == nil {
		return nil, err
	}
	changes := []api.Change{}
	for i, c := range s.run.Changes {
		if _, begun := s.outcomes[i]; begun && c.Kind != api.ChangeUnregister && c.ID != "" {
			c.Undoable = c.State == api.ChangeConfirmed && l.undoable(c) == nil
			changes = append(changes, c)
		}
	}
	if e, ok := asError(err); ok && e.Why == "run-stopped" {
		e.Why = "stopped-between"
	}
	return changes, cmp.Or(s.firstError(), err)
}

// planRemoval makes the plan of a removal, or says what cannot be removed.
func (l *Linker) planRemoval(before api.Roster, req RemoveRequest) (api.SetPlan, error) {
	w := api.WantedSet{Source: api.SourceSelection}
	accounts := make(map[string]*api.Account, len(before.Accounts))
	for i := range before.Accounts {
		accounts[before.Accounts[i].ID] = &before.Accounts[i]
	}
	of := map[string][]api.Link{}
	var names []string
	for _, link := range req.Links {
		a := accounts[link.UserID]
		if a == nil || !slices.Contains(a.Identities, link.Identity) {
			return api.SetPlan{}, noSuchLink(link)
		}
		w.Links = append(w.Links, api.WantedLink{Identity: link.Identity, UserID: a.ID, UserName: a.Name, Gone: true})
		if of[a.ID] == nil {
			names = append(names, cmp.Or(a.Name, a.ID))
		}
		of[a.ID] = append(of[a.ID], link)
	}
	w.Label = api.SomeNames(names)
	for _, link := range w.Links {
		err := l.CheckRemoval(*accounts[link.UserID], RemoveRequest{Links: of[link.UserID], ViaUnregister: req.ViaUnregister})
		if err != nil {
			return api.SetPlan{}, err
		}
		delete(of, link.UserID)
	}
	plan := PlanSet(
		before, w, api.SetOptions{LastWay: true, ViaUnregister: req.ViaUnregister},
		SetFacts{Capabilities: l.Plugin.Capabilities(), Self: l.Self},
	)
	for _, line := range plan.Lines {
		if line.Action == api.SetRefuse {
			return plan, &api.Error{Code: api.CodeUnsupported, Why: line.Why, Params: line.Params}
		}
	}
	return plan, nil
}

func noSuchLink(link api.Link) error {
	return &api.Error{
		Code:   api.CodeLinkNotFound,
		Params: map[string]string{"name": link.Name, "provider": link.Provider},
	}
}

// CheckRemoval returns why links of an account cannot be removed, with the names of all that cannot, or nil. Remove checks it
// before it removes anything; asking a person comes after it.
func (l *Linker) CheckRemoval(a api.Account, req RemoveRequest) error {
	if req.ViaUnregister && l.canRebuild(a) {
		return nil
	}
	var refused api.Ability
	var names []string
	for _, link := range req.Links {
		if link.UserID != a.ID {
			continue
		}
		if able := l.Removable(a, link); !able.OK {
			refused = able
			names = append(names, link.Name)
		}
	}
	if names == nil {
		return nil
	}
	next := "administrator"
	switch {
	case l.canRebuild(a):
		next = "via-unregister"
	case l.endsOwnSession(a.ID):
		next = "other-administrator"
	}
	e := refused.Refused(api.CodeUnsupported, next)
	if refused.Params["name"] != "" {
		e.Params = maps.Clone(e.Params)
		e.Params["name"] = strings.Join(names, ", ")
	}
	return e
}

// Removable tells whether a link can be removed by itself, and why not.
func (l *Linker) Removable(a api.Account, link api.Link) api.Ability {
	return l.Plugin.Capabilities().RemoveLink(l.self(), a.ID, link.Name)
}

// canRebuild tells whether the account's links can be dropped together and written again.
func (l *Linker) canRebuild(a api.Account) bool {
	return a.Exists && l.Plugin.Capabilities().RebuildLinks(l.self(), a.ID)
}

// endsOwnSession tells whether Unregister would end the session that the requests after it need.
func (l *Linker) endsOwnSession(userID string) bool {
	return l.Self != nil && l.Self.ID == userID && l.Plugin.Capabilities().UnregisterDrops
}

// self is the id of the account that the access token belongs to; empty for an API key.
func (l *Linker) self() string {
	if l.Self == nil {
		return ""
	}
	return l.Self.ID
}
