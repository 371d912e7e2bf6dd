package link

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// RemoveRequest asks to remove links.
type RemoveRequest struct {
	Links []api.Link
	// ViaUnregister allows the detour for links that this flavour and credential cannot remove one by one: Unregister drops
	// all links of the account and ends its sessions, then the other links are written again.
	ViaUnregister bool
}

// Remove removes links, each as a change of its own, and reads them back. It stops at the first failure, and returns the
// changes made until then with the error.
func (l *Linker) Remove(ctx context.Context, req RemoveRequest, progress func(api.Progress)) ([]api.Change, error) {
	before, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return nil, err
	}
	for _, link := range req.Links {
		if a := roster.Account(before, link.UserID); a == nil || !slices.Contains(a.Identities, link.Identity) {
			return nil, noSuchLink(link)
		}
	}
	for _, link := range req.Links { // before the first one is gone
		if err := l.CheckRemoval(*roster.Account(before, link.UserID), req); err != nil {
			return nil, err
		}
	}
	changes := make([]api.Change, 0, len(req.Links))
	for i, link := range req.Links {
		progress(api.Progress{Step: "removing", Done: i, Total: len(req.Links)})
		done, err := l.Journal.Alone(ctx, l.ServerID) // for one link at a time, because many take long
		if api.IsCode(err, api.CodeCancelled) {
			return changes, &api.Error{
				Code:   api.CodeCancelled,
				Why:    "stopped-between",
				Err:    err,
				Params: map[string]string{"done": strconv.Itoa(i), "total": strconv.Itoa(len(req.Links))},
			}
		}
		if err != nil {
			return changes, err
		}
		account := *roster.Account(before, link.UserID)
		account.Identities = slices.DeleteFunc(slices.Clone(account.Identities), func(id api.Identity) bool {
			return slices.Contains(req.Links[:i], api.Link{Identity: id, UserID: account.ID})
		})
		change, err := l.remove(ctx, account, link, req.ViaUnregister)
		done()
		if change.ID != "" {
			changes = append(changes, change)
		}
		if err != nil {
			return changes, err
		}
	}
	return changes, nil
}

func noSuchLink(link api.Link) error {
	return &api.Error{
		Code:   api.CodeLinkNotFound,
		Params: map[string]string{"name": link.Name, "provider": link.Provider},
	}
}

func (l *Linker) remove(ctx context.Context, a api.Account, link api.Link, viaUnregister bool) (api.Change, error) {
	change := api.Change{
		Server: l.ServerID, Kind: api.ChangeUnlink, UserID: a.ID, UserName: a.Name, Identities: []api.Identity{link.Identity},
	}
	err := l.CheckRemoval(a, RemoveRequest{Links: []api.Link{link}, ViaUnregister: viaUnregister})
	if err != nil {
		return change, err
	}
	o := l.record(ctx, &change, func(ctx context.Context) outcome { return l.drop(ctx, a, link) })
	return change, o.told()
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
