package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// RemoveRequest asks to remove links.
type RemoveRequest struct {
	Links []api.Link
	// ViaUnregister allows the detour for links that this flavour and credential cannot remove one by one: Unregister
	// drops every link of the account and ends its sessions, then the other links are written again.
	ViaUnregister bool
}

// Remove removes links, each with its own entry in the journal, and reads back. It stops at the first failure; the changes
// made until then are returned with it.
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
	changes := make([]api.Change, 0, len(req.Links))
	for i, link := range req.Links {
		progress(api.Progress{Step: "removing", Text: "Removing links…", Done: i, Total: len(req.Links)})
		done, err := l.Journal.Alone(ctx, l.ServerID) // for one at a time: many take long
		if api.IsCode(err, api.CodeCancelled) {
			return changes, &api.Error{
				Code:     api.CodeCancelled,
				Why:      "stopped-between",
				Sentence: fmt.Sprintf("Cancelled: %d of %d links were removed.", i, len(req.Links)), Err: err,
				Params: map[string]string{"done": strconv.Itoa(i), "total": strconv.Itoa(len(req.Links))},
			}
		}
		if err != nil {
			return changes, err
		}
		change, err := l.remove(ctx, *roster.Account(before, link.UserID), link, req.ViaUnregister)
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
		Code:     api.CodeLinkNotFound,
		Sentence: fmt.Sprintf("That account has no link to %s of %s.", api.Printable(link.Name), api.Printable(link.Provider)),
		Hint:     "“jellybind links list” shows the links; names differ by upper and lower case.",
		Params:   map[string]string{"name": link.Name, "provider": link.Provider},
	}
}

func (l *Linker) remove(ctx context.Context, a api.Account, link api.Link, viaUnregister bool) (api.Change, error) {
	change := api.Change{
		Server: l.ServerID, Kind: api.ChangeUnlink, UserID: a.ID, UserName: a.Name, Identities: []api.Identity{link.Identity},
	}
	able := l.Removable(a, link)
	if !able.OK && (!viaUnregister || !l.canRebuild(a)) {
		hint := "Sign in as an administrator: jellybind auth login"
		switch {
		case l.canRebuild(a):
			hint = "With --via-unregister every link of the account is dropped and the others are written again; its " +
				"sessions end."
		case l.endsOwnSession(a.ID):
			hint = "Use an API key, or another administrator's account: for this one the plugin would end your own session."
		}
		return change, able.Refused(api.CodeUnsupported, hint)
	}
	return l.record(ctx, change, func(ctx context.Context) error { return l.drop(ctx, a, link) })
}

// Removable tells whether a link can be removed by itself.
func (l *Linker) Removable(a api.Account, link api.Link) api.Ability {
	c := l.Plugin.Capabilities()
	own := l.Self != nil && l.Self.ID == a.ID
	switch {
	case c.WriteConfig.OK:
		return api.Ability{OK: true}
	case !c.DeleteLink.OK && (!own || !c.DeleteLinkOwn.OK):
		return c.DeleteLink
	case !api.Addressable(link.Name):
		return api.Ability{
			Why: "name-in-path", Params: map[string]string{"name": link.Name},
			Reason: fmt.Sprintf("The plugin's address for removing a link cannot hold the name %q.", api.Printable(link.Name)),
		}
	}
	return api.Ability{OK: true}
}

// canRebuild tells whether the account's links can be dropped together and written again.
func (l *Linker) canRebuild(a api.Account) bool {
	c := l.Plugin.Capabilities()
	return a.Exists && c.Unregister.OK && c.UnregisterDrops && c.Preprovision.OK && !l.endsOwnSession(a.ID)
}

// endsOwnSession tells whether Unregister would end the session that the requests after it need.
func (l *Linker) endsOwnSession(userID string) bool {
	return l.Self != nil && l.Self.ID == userID && l.Plugin.Capabilities().UnregisterDrops
}

func ownSession() error {
	return &api.Error{
		Code: api.CodeUnsupported, Why: "own-session",
		Sentence: "The plugin ends all sessions of an account that is unregistered, and Jellybind is signed in with this one.",
		Hint:     "Use an API key, or another administrator's account.",
	}
}

// rebuild drops every link of an account and writes all but one again, with an entry of its own in the journal, from which
// the others can be written again should it be cut short. A lost answer keeps nothing from being written again. The
// account's sign-in provider stays as it was. Which links there are is read anew: an earlier removal of the same account may
// have dropped some.
func (l *Linker) rebuild(ctx context.Context, a api.Account, without api.Identity) error {
	ids, err := l.Plugin.UserLinks(ctx, a.ID)
	if err != nil {
		return err
	}
	i := slices.Index(ids, without)
	if i < 0 {
		return noSuchLink(api.Link{Identity: without, UserID: a.ID})
	}
	ids = slices.Delete(ids, i, i+1)
	_, err = l.record(ctx, api.Change{
		Server: l.ServerID, Kind: api.ChangeUnregister, UserID: a.ID, UserName: a.Name, Identities: ids,
		AuthProviderBefore: a.AuthProvider, AuthProviderAfter: a.AuthProvider, Write: api.WritePreprovision,
	}, func(ctx context.Context) error {
		sent := l.Plugin.Unregister(ctx, a.Name, a.AuthProvider)
		if sent != nil && !answerLost(sent) {
			return sent
		}
		// Writing a link again that was not dropped does no harm.
		restored := l.restore(ctx, a, ids)
		if errors.Is(restored, errReadBack) {
			return restored // the server is away, and was waited for
		}
		if err := l.answered(ctx, sent, api.Link{Identity: without, UserID: a.ID}, false); err != nil {
			return errors.Join(err, restored)
		}
		return restored
	})
	return err
}

// restore writes identities to an account that lost them, and reads back. Every one is tried, and again while the server
// restarts or wants a pause; the error names those that are missing.
func (l *Linker) restore(ctx context.Context, a api.Account, ids []api.Identity) error {
	if len(ids) == 0 {
		return nil
	}
	var last error // that of an identity which waiting does not help
	left := ids
	late := patiently(ctx, l.Now, func(ctx context.Context) (wait error) {
		again := []api.Identity{}
		for i, id := range left {
			err := settled(l.write(ctx, api.Link{Identity: id, UserID: a.ID}, ""))
			switch {
			case err == nil:
				continue
			case !passes(err):
				last = err
				continue
			}
			again, wait = append(again, id), err
			if api.IsCode(err, api.CodeRateLimited) {
				again = append(again, left[i+1:]...)
				break
			}
		}
		left = again
		return wait
	})
	if late != nil {
		last = late
	}
	stored, err := l.Plugin.UserLinks(ctx, a.ID)
	if err != nil {
		return fmt.Errorf("%w: %w", errReadBack, err)
	}
	var missing []string
	for _, id := range ids {
		if !slices.Contains(stored, id) {
			missing = append(missing, api.Printable(id.Name))
		}
	}
	if missing == nil {
		return nil
	}
	e := &api.Error{
		Code: api.CodeHalfDone, Why: "links-lost", Err: last, Hint: "“jellybind history undo” writes them again.",
		Sentence: fmt.Sprintf("These links of %s could not be written again: %s.", api.Printable(a.Name),
			strings.Join(missing, ", ")),
		Params: map[string]string{"account": a.Name, "names": strings.Join(missing, ", ")},
	}
	if last != nil {
		e.Because(last)
	}
	return e
}

// PlanUnregister says what Unregister would do to an account.
func (l *Linker) PlanUnregister(ctx context.Context, userID string) (api.UnregisterPlan, error) {
	a, err := l.account(ctx, userID)
	if err != nil {
		return api.UnregisterPlan{}, err
	}
	return l.planUnregister(ctx, a)
}

func (l *Linker) planUnregister(ctx context.Context, a api.Account) (api.UnregisterPlan, error) {
	c := l.Plugin.Capabilities()
	if !c.Unregister.OK {
		return api.UnregisterPlan{}, c.Unregister.Refused(api.CodeForbidden, "Sign in as an administrator: jellybind auth login")
	}
	if l.endsOwnSession(a.ID) {
		return api.UnregisterPlan{}, ownSession()
	}
	providers, err := l.Client.AuthProviders(ctx)
	if err != nil {
		return api.UnregisterPlan{}, fmt.Errorf("reading the server's sign-in providers: %w", err)
	}
	plan := api.UnregisterPlan{
		Account: a.User, Providers: providers, Links: len(a.Identities), NoPassword: !a.HasPassword,
	}
	plan.Remarks = append(plan.Remarks, effect(c.UnregisterDrops, len(a.Identities)))
	if !c.UnregisterKept {
		plan.Remarks = append(plan.Remarks, api.Remark{
			Why: "unregister-lost", Sentence: "On this flavour and Jellyfin 10.11 nothing else happens: the server says yes, and the " +
				"account keeps its sign-in provider.",
		})
	}
	plan.Effects = sentences(plan.Remarks)
	return plan, nil
}

// effect is what Unregister does to an account's links and sessions.
func effect(drops bool, links int) api.Remark {
	remark := func(why api.Why, does, count, then string) api.Remark {
		return api.Remark{
			Why: why, Sentence: "The account " + does + " " + count + ", and its sessions " + then + ".",
			Params: map[string]string{"n": strconv.Itoa(links)},
		}
	}
	const none, one = "no link, since it has none", "its one link"
	several := fmt.Sprintf("its %d links", links)
	const end, goOn = "end on every device", "go on: a linked identity still opens it"
	switch {
	case drops && links == 0:
		return remark("drops-none", "loses", none, end)
	case drops && links == 1:
		return remark("drops-one", "loses", one, end)
	case drops:
		return remark("drops-several", "loses", several, end)
	case links == 0:
		return remark("keeps-none", "keeps", none, "go on")
	case links == 1:
		return remark("keeps-one", "keeps", one, goOn)
	}
	return remark("keeps-several", "keeps", several, goOn)
}

func (l *Linker) account(ctx context.Context, userID string) (api.Account, error) {
	r, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return api.Account{}, err
	}
	a := roster.Account(r, userID)
	if a == nil || !a.Exists {
		return api.Account{}, noSuchAccount(userID)
	}
	return *a, nil
}

// Unregister gives an account another sign-in provider of the server, by its id, and reads back. Where that drops the links
// (Capabilities.UnregisterDrops), they stand in the change, and Undo writes them again.
func (l *Linker) Unregister(ctx context.Context, userID, authProvider string) (api.Change, error) {
	done, err := l.Journal.Alone(ctx, l.ServerID)
	if err != nil {
		return api.Change{}, err
	}
	defer done()
	a, err := l.account(ctx, userID)
	if err != nil {
		return api.Change{}, err
	}
	plan, err := l.planUnregister(ctx, a)
	if err != nil {
		return api.Change{}, err
	}
	if !slices.ContainsFunc(plan.Providers, func(p api.AuthProvider) bool { return p.ID == authProvider }) {
		return api.Change{}, &api.Error{
			Code: api.CodeUsage, Why: "no-sign-in-provider", Params: map[string]string{"provider": authProvider},
			Sentence: fmt.Sprintf("The server has no sign-in provider %q.", api.Printable(authProvider)),
			Hint:     "Take one of the list that “jellybind user unregister --plan” shows.",
		}
	}
	change := api.Change{
		Server: l.ServerID, Kind: api.ChangeUnregister, UserID: a.ID, UserName: a.Name,
		AuthProviderBefore: a.AuthProvider, AuthProviderAfter: authProvider, Identities: []api.Identity{},
	}
	if l.Plugin.Capabilities().UnregisterDrops {
		change.Identities = a.Identities
	}
	return l.record(ctx, change, func(ctx context.Context) error { return l.unregister(ctx, a, authProvider) })
}

func (l *Linker) unregister(ctx context.Context, a api.Account, authProvider string) error {
	if err := l.Plugin.Unregister(ctx, a.Name, authProvider); err != nil {
		return err
	}
	return l.unregistered(ctx, a, authProvider, true)
}

// unregistered reads back; bare is whether the account shall have no link now, where Unregister drops them.
func (l *Linker) unregistered(ctx context.Context, a api.Account, authProvider string, bare bool) error {
	c := l.Plugin.Capabilities()
	if !c.UnregisterKept {
		return nil // 9p4 shows nothing of the change, not even before a restart
	}
	now, err := l.account(ctx, a.ID)
	if err != nil {
		return fmt.Errorf("%w: %w", errReadBack, err)
	}
	if now.AuthProvider != authProvider || bare && c.UnregisterDrops && len(now.Identities) > 0 {
		return &api.Error{
			Code: api.CodeLinkNotStored, Why: "unregister-not-stored",
			Sentence: fmt.Sprintf("The server said that it unregistered %s, but the account is as before.", api.Printable(a.Name)),
			Hint:     "Look at the server's log.", Params: map[string]string{"account": a.Name},
		}
	}
	return nil
}

// Undo takes a change back. What it does is worked out from the journal and from today's roster: only what is still as the
// change left it is taken back, so that nobody's later work is lost. The undoing is a change of its own in the journal.
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
	if done.State != api.ChangeConfirmed && done.State != api.ChangeIntended || len(done.Identities) == 0 &&
		done.Kind != api.ChangeUnregister {
		why := api.Why("undo-nothing")
		if done.State == api.ChangeUndone {
			why = "undo-undone"
		}
		return api.Change{}, notUndoable(why, fmt.Sprintf("The change is %s; there is nothing to take back.", done.State), nil)
	}
	r, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return api.Change{}, err
	}
	change, do, err := l.undoing(r, done)
	if err != nil {
		return api.Change{}, err
	}
	change.Server, change.Undoes = l.ServerID, done.ID
	change, err = l.record(ctx, change, do)
	if change.State != api.ChangeConfirmed {
		return change, err
	}
	// An error now is a warning: it is stored.
	done.State = api.ChangeUndone
	if jerr := l.Journal.Finish(context.WithoutCancel(ctx), done); jerr != nil {
		err = errors.Join(err, notJournalled("undo-unwritten", "The change was taken back, but the journal could not be told.", jerr))
	}
	return change, err
}

const unchanged = "Nothing was changed."

func notUndoable(why api.Why, sentence string, params map[string]string) error {
	return &api.Error{Code: api.CodeChangeNotUndoable, Why: why, Sentence: sentence, Hint: unchanged, Params: params}
}

// undoing returns the change that takes done back, and how to make it.
func (l *Linker) undoing(r api.Roster, done api.Change) (api.Change, func(context.Context) error, error) {
	account := roster.Account(r, done.UserID)
	change := api.Change{UserID: done.UserID, UserName: done.UserName, Identities: done.Identities}
	if done.Kind != api.ChangeUnregister {
		if err := ownedAsLeft(r, done); err != nil {
			return change, nil, err
		}
	}
	switch done.Kind {
	case api.ChangeLink:
		link := api.Link{Identity: done.Identities[0], UserID: done.UserID}
		if able := l.Removable(*account, link); !able.OK {
			return change, nil, able.Refused(api.CodeChangeNotUndoable, unchanged)
		}
		change.Kind = api.ChangeUnlink
		return change, func(ctx context.Context) error {
			if err := l.Plugin.DeleteLink(ctx, link); err != nil {
				return err
			}
			return l.readBack(ctx, link, false)
		}, nil
	case api.ChangeUnlink, api.ChangeMove:
		link, from := api.Link{Identity: done.Identities[0], UserID: done.UserID}, ""
		change.Kind = api.ChangeLink
		if done.Kind == api.ChangeMove {
			link.UserID, from = done.FromID, done.UserID
			change.Kind, change.UserID, change.UserName = api.ChangeMove, done.FromID, done.FromName
			change.FromID, change.FromName = done.UserID, done.UserName
		}
		if a := roster.Account(r, link.UserID); a == nil || !a.Exists {
			return change, nil, notUndoable("undo-no-owner", "The account that had the identity does not exist any more.", nil)
		}
		method, able := directWrite(l.Plugin.Capabilities())
		if method == "" {
			return change, nil, able.Refused(api.CodeChangeNotUndoable, unchanged)
		}
		change.Strategy, change.Write = api.StrategySubject, method
		if roster.Owner(r, link.Identity) == nil {
			from = "" // it was lost on the way
		}
		return change, func(ctx context.Context) error {
			if err := l.write(ctx, link, from); err != nil {
				return err
			}
			return l.readBack(ctx, link, true)
		}, nil
	case api.ChangeUnregister:
		return l.undoingUnregister(r, done)
	}
	return change, nil, notUndoable("", fmt.Sprintf("Changes of the kind %q cannot be undone.", done.Kind), nil)
}

// undoingUnregister gives an account its earlier sign-in provider back, unless somebody has chosen a third one since, and
// the identities that Unregister dropped, as far as nobody has linked them since. Going back is an Unregister as well:
// where that drops links, those that the account has gained since are written again too.
func (l *Linker) undoingUnregister(r api.Roster, done api.Change) (api.Change, func(context.Context) error, error) {
	lost := slices.DeleteFunc(slices.Clone(done.Identities), func(id api.Identity) bool { return roster.Owner(r, id) != nil })
	change := api.Change{Kind: api.ChangeUnregister, UserID: done.UserID, UserName: done.UserName, Identities: lost}
	account := roster.Account(r, done.UserID)
	if account == nil || !account.Exists {
		return change, nil, notUndoable("undo-no-account", "The account does not exist any more.", nil)
	}
	c := l.Plugin.Capabilities()
	if !c.Unregister.OK {
		return change, nil, c.Unregister.Refused(api.CodeChangeNotUndoable, unchanged)
	}
	back := account.AuthProvider == done.AuthProviderAfter && done.AuthProviderBefore != done.AuthProviderAfter
	if !c.UnregisterKept {
		back = true // what the server says of the account is no sign of what it does
	}
	named := map[string]string{"account": account.Name}
	switch {
	case back || len(lost) > 0:
	case account.AuthProvider == done.AuthProviderBefore:
		return change, nil, notUndoable("undo-as-before", api.Printable(account.Name)+" is as it was before the change.", named)
	default:
		return change, nil, notUndoable("undo-third",
			api.Printable(account.Name)+" has been given another sign-in provider since.", named)
	}
	if back && l.endsOwnSession(account.ID) {
		return change, nil, ownSession()
	}
	change.AuthProviderBefore, change.AuthProviderAfter = account.AuthProvider, account.AuthProvider
	if back {
		change.AuthProviderAfter = done.AuthProviderBefore
	}
	if back && c.UnregisterDrops { // should it be cut short, the journal has them all
		change.Identities = slices.Concat(account.Identities, lost)
	}
	return change, func(ctx context.Context) error {
		ids := lost
		if back && c.UnregisterDrops {
			since, err := l.Plugin.UserLinks(ctx, account.ID)
			if err != nil {
				return err
			}
			ids = slices.Concat(since, lost)
		}
		if !back {
			return l.restore(ctx, *account, ids)
		}
		sent := l.Plugin.Unregister(ctx, account.Name, done.AuthProviderBefore)
		if sent != nil && !answerLost(sent) {
			return sent
		}
		// First what was dropped, whatever the reading says.
		restored := l.restore(ctx, *account, ids)
		read := l.unregistered(ctx, *account, done.AuthProviderBefore, len(ids) == 0)
		if sent != nil && (read != nil || !c.UnregisterKept) {
			return errors.Join(sent, restored)
		}
		return errors.Join(restored, read)
	}, nil
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
			return notUndoable("undo-unlinked", api.Printable(id.Name)+" is not linked any more.", map[string]string{"name": id.Name})
		default:
			return notUndoable("undo-owned", fmt.Sprintf("%s opens %s now.", api.Printable(id.Name), accountName(owner)),
				map[string]string{"name": id.Name, "owner": cmp.Or(owner.Name, owner.ID)})
		}
	}
	return nil
}
