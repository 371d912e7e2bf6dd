package link

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/roster"
)

const whyUndoUnlinked api.Why = "undo-unlinked" // {name} belongs to nobody any more

// History returns the server's changes, newest first, and marks the ones that can be undone (Change.Undoable).
func (l *Linker) History(ctx context.Context) ([]api.Change, error) {
	changes, err := l.Journal.Changes(ctx, l.ServerID)
	if err != nil {
		return nil, err
	}
	var standing journal.Standing
	for i := range changes {
		changes[i].Undoable = standing.Next(changes[i]) && l.undoable(changes[i]) == nil
	}
	return changes, nil
}

// undoable returns why a change cannot be undone with this credential, as far as the change and the capabilities tell, or
// nil. What else may stand in the way, such as somebody's later change, Undo finds out.
func (l *Linker) undoable(c api.Change) error {
	caps := l.Plugin.Capabilities()
	able := api.Ability{OK: true}
	switch {
	case c.State == api.ChangeUndone:
		return notUndoable("undo-undone", nil)
	case c.State == api.ChangeFailed, len(c.Identities) == 0 && c.Kind != api.ChangeUnregister:
		return notUndoable("undo-nothing", nil)
	case c.Kind == api.ChangeUnlink && c.UserName == "", c.Kind == api.ChangeMove && c.FromName == "":
		return noOwner()
	case c.Kind == api.ChangeLink:
		able = caps.RemoveLink(l.self(), c.UserID, c.Identities[0].Name)
	case c.Kind == api.ChangeUnlink:
		if _, able = caps.DirectWrite(); !able.OK {
			return able.Refused(api.CodeChangeNotUndoable, "sign-in-again")
		}
	case c.Kind == api.ChangeMove:
		able = caps.MoveFrom(l.self(), c.UserID, c.Identities[0].Name)
	case !caps.Unregister.OK:
		able = caps.Unregister
	case c.Write != "" && c.State == api.ChangeConfirmed: // the detour of a removal: the other links are back already
		return asBefore(c.UserName)
	case c.AuthProviderBefore == c.AuthProviderAfter && len(c.Identities) == 0:
		return asBefore(c.UserName)
	case c.AuthProviderBefore != c.AuthProviderAfter && l.endsOwnSession(c.UserID):
		return ownSession()
	}
	if !able.OK {
		return able.Refused(api.CodeChangeNotUndoable, "unchanged")
	}
	return nil
}

func notUndoable(why api.Why, params map[string]string) error {
	return &api.Error{Code: api.CodeChangeNotUndoable, Why: why, Params: params}
}

func noOwner() error {
	return notUndoable("undo-no-owner", nil)
}

func asBefore(account string) error {
	return notUndoable("undo-as-before", map[string]string{"account": account})
}

// Undo takes a change back. It works from the journal and from today's roster: it takes back only what is still as the change
// left it, so that nobody's later work is lost. The undo is a change of its own in the journal, and can be undone as well.
//
// Errors: CodeChangeNotFound, CodeChangeNotUndoable with nothing changed, and those of a write.
func (l *Linker) Undo(ctx context.Context, id string) (api.Change, error) {
	release, err := l.Journal.Alone(ctx, l.ServerID)
	if err != nil {
		return api.Change{}, err
	}
	defer release()
	done, err := l.Journal.Change(ctx, l.ServerID, id)
	if err != nil {
		return api.Change{}, err
	}
	if err := l.undoable(done); err != nil {
		return api.Change{}, err
	}
	r, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return api.Change{}, err
	}
	change, do, err := l.undoing(r, done)
	if err != nil {
		return api.Change{}, l.rekeyed(ctx, r, done, err)
	}
	change.Server, change.Undoes = l.ServerID, done.ID
	o := l.record(ctx, &change, do)
	return change, o.told()
}

// undoing returns the change that takes done back, and the step that makes it.
func (l *Linker) undoing(r api.Roster, done api.Change) (api.Change, func(context.Context) outcome, error) {
	if done.Kind == api.ChangeUnregister {
		return l.undoingUnregister(r, done)
	}
	if err := ownedAsLeft(r, done); err != nil {
		return api.Change{}, nil, err
	}
	change := api.Change{UserID: done.UserID, UserName: done.UserName, Identities: done.Identities}
	link, from := api.Link{Identity: done.Identities[0], UserID: done.UserID}, ""
	switch done.Kind {
	case api.ChangeLink:
		change.Kind = api.ChangeUnlink
		return change, func(ctx context.Context) outcome {
			return l.settle(ctx, l.Plugin.DeleteLink(ctx, link), link, false)
		}, nil
	case api.ChangeMove:
		change.Kind, change.UserID, change.UserName = api.ChangeMove, done.FromID, done.FromName
		change.FromID, change.FromName = done.UserID, done.UserName
		link.UserID, from = done.FromID, done.UserID
		if roster.Owner(r, link.Identity) == nil {
			from = "" // the identity was lost on the way
		}
	case api.ChangeUnlink, api.ChangeUnregister:
		change.Kind = api.ChangeLink
	}
	if a := roster.Account(r, link.UserID); a == nil || !a.Exists {
		return change, nil, noOwner()
	}
	change.Strategy = api.StrategySubject
	change.Write, _ = l.Plugin.Capabilities().DirectWrite()
	return change, func(ctx context.Context) outcome { return l.add(ctx, link, from) }, nil
}

// undoingUnregister gives an account its earlier sign-in provider back, unless somebody has chosen a third one since, and the
// identities that Unregister dropped, unless somebody has linked them since. Going back is an Unregister as well: if that
// drops links, the links that the account has gained since are written again too.
func (l *Linker) undoingUnregister(r api.Roster, done api.Change) (api.Change, func(context.Context) outcome, error) {
	lost := slices.DeleteFunc(slices.Clone(done.Identities), func(id api.Identity) bool { return roster.Owner(r, id) != nil })
	change := api.Change{Kind: api.ChangeUnregister, UserID: done.UserID, UserName: done.UserName, Identities: lost}
	account := roster.Account(r, done.UserID)
	if account == nil || !account.Exists {
		return change, nil, notUndoable("undo-no-account", nil)
	}
	c := l.Plugin.Capabilities()
	back := account.AuthProvider == done.AuthProviderAfter && done.AuthProviderBefore != done.AuthProviderAfter
	switch {
	case back || len(lost) > 0:
	case account.AuthProvider == done.AuthProviderBefore:
		return change, nil, asBefore(account.Name)
	default:
		return change, nil, notUndoable("undo-third", map[string]string{"account": account.Name})
	}
	change.AuthProviderBefore, change.AuthProviderAfter = account.AuthProvider, account.AuthProvider
	if !back {
		return change, func(ctx context.Context) outcome { return l.restore(ctx, *account, lost) }, nil
	}
	change.AuthProviderAfter = done.AuthProviderBefore
	if c.UnregisterDrops { // the journal needs all of them, in case the undo is cut short
		change.Identities = slices.Concat(account.Identities, lost)
	}
	return change, func(ctx context.Context) outcome {
		return l.unregisterBack(ctx, *account, done.AuthProviderBefore, lost)
	}, nil
}

// unregisterBack gives an account its earlier sign-in provider back, and writes the lost identities again.
func (l *Linker) unregisterBack(ctx context.Context, a api.Account, authProvider string, lost []api.Identity) outcome {
	if l.Plugin.Capabilities().UnregisterDrops {
		since, err := l.Plugin.UserLinks(ctx, a.ID)
		if err != nil {
			return failure(err)
		}
		lost = slices.Concat(since, lost)
	}
	sent := l.Plugin.Unregister(ctx, a.Name, authProvider)
	if sent != nil && !uncertain(sent) {
		return failure(sent)
	}
	// What was dropped comes first, whatever reading the account says.
	return l.restore(ctx, a, lost).and(l.settleUnregister(ctx, sent, a, authProvider, len(lost) == 0))
}

// rekeyed replaces the error of an undo whose link is gone. Where the plugin turns a link by user name into one by subject at the
// first sign-in, the same link may have another name now. The error then names what the account has at the provider that no
// other change of the journal put there. It is only told: which of them it is, nothing proves.
func (l *Linker) rekeyed(ctx context.Context, r api.Roster, done api.Change, err error) error {
	e, ok := asError(err)
	if !ok || e.Why != whyUndoUnlinked || !l.Plugin.Capabilities().Rekeys || done.Kind == api.ChangeUnregister ||
		done.Identities[0].Protocol != api.OIDC {
		return err
	}
	account := roster.Account(r, done.UserID)
	if account == nil || !account.Exists {
		return err
	}
	changes, readErr := l.Journal.Changes(ctx, l.ServerID)
	if readErr != nil {
		return err
	}
	old := done.Identities[0]
	known := func(id api.Identity) bool {
		return slices.ContainsFunc(changes, func(c api.Change) bool {
			return c.State != api.ChangeFailed && c.UserID == done.UserID && slices.Contains(c.Identities, id)
		})
	}
	var now []string
	for _, id := range account.Identities {
		if id.Protocol == old.Protocol && id.Provider == old.Provider && !known(id) {
			now = append(now, id.Name)
		}
	}
	if len(now) == 0 {
		return err
	}
	return notUndoable("undo-rekeyed", map[string]string{
		"name": old.Name, "provider": old.Provider, "account": account.Name, "now": strings.Join(now, ", "),
	})
}

// ownedAsLeft fails unless the identities are where the change left them.
func ownedAsLeft(r api.Roster, done api.Change) error {
	for _, id := range done.Identities {
		owner := roster.Owner(r, id)
		switch {
		case done.Kind == api.ChangeUnlink && owner == nil,
			done.Kind == api.ChangeMove && done.State == api.ChangeIntended && owner == nil,
			done.Kind != api.ChangeUnlink && owner != nil && owner.ID == done.UserID:
		case owner == nil:
			return notUndoable(whyUndoUnlinked, map[string]string{"name": id.Name})
		default:
			return notUndoable("undo-owned", map[string]string{"name": id.Name, "owner": cmp.Or(owner.Name, owner.ID)})
		}
	}
	return nil
}
