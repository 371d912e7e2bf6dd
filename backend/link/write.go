package link

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// The steps of every change: a write is sent (store, Plugin.PostLink, Plugin.DeleteLink, …), then settled, which reads it
// back and says what became of it. add, move and drop are whole steps.

// settle resolves a write by reading the account's links back. sent is the write's error; want is whether the account should
// have the identity now.
func (l *Linker) settle(ctx context.Context, sent error, link api.Link, want bool) outcome {
	if errors.Is(sent, ssoplugin.ErrStored) {
		return outcome{how: made, err: sent}
	}
	if sent != nil && !uncertain(sent) {
		return failure(sent)
	}
	var ids []api.Identity
	err := l.reading(ctx, sent, func(ctx context.Context) (err error) {
		ids, err = l.Plugin.UserLinks(ctx, link.UserID)
		return err
	})
	switch {
	case sent == nil && !want && l.endedOwnSession(err, link):
		return outcome{how: made, notice: signedOut(link)}
	case err != nil:
		return outcome{how: unread, err: cmp.Or(sent, err), reading: err}
	case slices.Contains(ids, link.Identity) == want:
		return outcome{how: made}
	case answerLost(sent):
		return outcome{how: unclear, err: sent}
	case sent != nil:
		return failure(sent)
	case want:
		return failure(notStored(link.Name))
	}
	return failure(stillThere(link.Name))
}

// endedOwnSession reports whether reading back failed because the removal ended our own session: some plugins end an account's
// sessions with its last link.
func (l *Linker) endedOwnSession(err error, removed api.Link) bool {
	return api.IsCode(err, api.CodeCredentialRefused) && removed.UserID == l.self() &&
		l.Plugin.Capabilities().RemovalEndsSessions
}

func signedOut(removed api.Link) error {
	return &api.Error{
		Code: api.CodeCredentialRefused, Why: api.WhySignedOut,
		Params: map[string]string{"name": removed.Name, "provider": removed.Provider},
	}
}

// reading reads something back after a write with the error sent. If the write's answer was lost, it waits for a server that
// restarts.
func (l *Linker) reading(ctx context.Context, sent error, read func(context.Context) error) error {
	if sent == nil {
		return read(ctx)
	}
	return patiently(ctx, l.Now, read)
}

func notStored(account string) error {
	return &api.Error{Code: api.CodeLinkNotStored, Params: map[string]string{"account": account}}
}

func stillThere(name string) error {
	return &api.Error{Code: api.CodeLinkNotStored, Why: "removal-not-stored", Params: map[string]string{"name": name}}
}

func changedMeanwhile(name string) error {
	return &api.Error{Code: api.CodeConfigChanged, Params: map[string]string{"name": name}}
}

// postLink writes a link whose name is known by POST Link, and reads it back.
func (l *Linker) postLink(ctx context.Context, before api.Roster, plan api.Plan, p proof, link api.Link) outcome {
	sent := l.Plugin.PostLink(ctx, link.Protocol, link.Provider, link.UserID, p.data, p.cookies)
	sent = becauseOf(p.remarks, sent)
	o := l.settle(ctx, sent, link, true)
	if o.how == made || o.how == unread || sent != nil && !uncertain(sent) {
		return o
	}
	return l.takeBack(ctx, before, plan, link.Identity, o)
}

// becauseOf adds what our own check noticed of a response that the server refused without a reason, such as another audience.
func becauseOf(remarks []api.Remark, sent error) error {
	e, ok := asError(sent)
	if !ok || e.Why != "response-refused" || len(remarks) == 0 {
		return sent
	}
	told := *e
	told.Because(&api.Error{Code: e.Code, Why: remarks[0].Why, Params: remarks[0].Params})
	return &told
}

// add writes a link without a sign-in. from is the account that may lose the identity; if it is empty, an identity that
// belongs to any account is refused.
func (l *Linker) add(ctx context.Context, link api.Link, from string) outcome {
	if method, _ := l.Plugin.Capabilities().DirectWrite(); method == api.WritePreprovision && from != "" {
		return l.move(ctx, link, api.Link{Identity: link.Identity, UserID: from})
	}
	return l.settle(ctx, l.store(ctx, link, from), link, true)
}

// store sends the write of a link without a sign-in. Only a write by configuration can take the identity from an account.
func (l *Linker) store(ctx context.Context, link api.Link, from string) error {
	method, able := l.Plugin.Capabilities().DirectWrite()
	switch method {
	case api.WriteConfig:
		return l.Plugin.WriteConfig(ctx, link.Protocol, link.Provider, func(links map[string]string) error {
			if owner, ok := links[link.Name]; ok && owner != link.UserID && owner != from {
				return changedMeanwhile(link.Name)
			}
			links[link.Name] = link.UserID
			return nil
		})
	case api.WritePreprovision:
		return l.Plugin.Preprovision(ctx, link)
	case api.WritePostLink:
	}
	return able.Refused(api.CodeUnsupported, "link-by-sign-in")
}

// move moves an identity by Preprovision, which refuses one that belongs to an account: the identity is removed there first.
// If it cannot be linked to the new account, it goes back, because otherwise it would open nobody's account.
func (l *Linker) move(ctx context.Context, link, from api.Link) outcome {
	if sent := l.Plugin.DeleteLink(ctx, from); sent != nil {
		if o := l.settle(ctx, sent, from, false); o.how != made {
			return o
		}
	}
	o := l.settle(ctx, l.Plugin.Preprovision(ctx, link), link, true)
	if o.how == made || o.how == unread {
		return o
	}
	return l.putBackMoved(ctx, link, from, o)
}

// putBackMoved returns an identity to the account that a move took it from; o says why the other account did not get it.
func (l *Linker) putBackMoved(ctx context.Context, link, from api.Link, o outcome) outcome {
	back := l.insist(ctx, func(ctx context.Context) outcome {
		return l.settle(ctx, l.Plugin.Preprovision(ctx, from), from, true)
	})
	switch {
	case back.how == unread:
		return back
	case back.how != made:
		e := &api.Error{
			Code: api.CodeHalfDone, Why: "move-lost",
			Params: map[string]string{"name": link.Name}, Err: errors.Join(o.err, back.err),
		}
		e.Because(o.err)
		return outcome{how: half, err: e}
	case o.how == unclear:
		e := &api.Error{
			Code: api.CodeLinkNotStored, Why: "move-refused",
			Params: map[string]string{"name": link.Name},
		}
		e.Because(o.err)
		return failure(e)
	}
	return o
}

// drop removes a link. If only Unregister can remove it, the account is rebuilt without it, which ends the account's
// sessions: ask before, unless the link would let a stranger in.
func (l *Linker) drop(ctx context.Context, a api.Account, link api.Link) outcome {
	if l.Removable(a, link).OK || !l.canRebuild(a) {
		o := l.settle(ctx, l.Plugin.DeleteLink(ctx, link), link, false)
		// Our session worked until the removal was sent, and only the removal of the last link ends it.
		last := len(a.Identities) == 1 && a.Identities[0] == link.Identity
		if o.how == unread && last && l.endedOwnSession(o.reading, link) {
			return outcome{how: made, notice: signedOut(link)}
		}
		return o
	}
	rebuilt := l.rebuild(ctx, a, "", link.Identity)
	if rebuilt.how == failed {
		return rebuilt
	}
	gone := l.settle(ctx, nil, link, false)
	if gone.how != made && rebuilt.how != made {
		return rebuilt
	}
	gone.lost = rebuilt.told()
	return gone
}

// rebuild drops all links of an account by Unregister and writes all but some again. This is a change of its own in the
// journal, or in a run, so that the other links can be written again if it is cut short. The account's sign-in provider stays.
// Which links there are is read first, because an earlier removal from the same account may have dropped some.
func (l *Linker) rebuild(ctx context.Context, a api.Account, run string, without ...api.Identity) outcome {
	ids, err := l.Plugin.UserLinks(ctx, a.ID)
	if err != nil {
		return failure(err)
	}
	for _, id := range without {
		i := slices.Index(ids, id)
		if i < 0 {
			return failure(noSuchLink(api.Link{Identity: id, UserID: a.ID}))
		}
		ids = slices.Delete(ids, i, i+1)
	}
	gone := api.Link{Identity: without[0], UserID: a.ID}
	return l.record(ctx, &api.Change{
		Server: l.ServerID, Kind: api.ChangeUnregister, UserID: a.ID, UserName: a.Name, Identities: ids,
		AuthProviderBefore: a.AuthProvider, AuthProviderAfter: a.AuthProvider, Write: api.WritePreprovision, Run: run,
	}, func(ctx context.Context) outcome {
		sent := l.Plugin.Unregister(ctx, a.Name, a.AuthProvider)
		if sent != nil && !uncertain(sent) {
			return failure(sent)
		}
		// Writing a link that was not dropped does no harm.
		restored := l.restore(ctx, a, ids)
		if sent == nil || restored.how == unread { // unread: the server is away, and was waited for
			return restored
		}
		return restored.and(l.settle(ctx, sent, gone, false))
	})
}

// restore writes identities again to an account that lost them. It tries every one, and again while the server restarts or
// asks for a pause; the error names the ones that are missing in the end.
func (l *Linker) restore(ctx context.Context, a api.Account, ids []api.Identity) outcome {
	if len(ids) == 0 {
		return outcome{how: made}
	}
	last := l.storeAll(ctx, a.ID, ids)
	stored, err := l.Plugin.UserLinks(ctx, a.ID)
	if err != nil {
		return outcome{how: unread, err: err}
	}
	var missing []string
	for _, id := range ids {
		if !slices.Contains(stored, id) {
			missing = append(missing, api.Printable(id.Name))
		}
	}
	if missing == nil {
		return outcome{how: made}
	}
	e := &api.Error{
		Code: api.CodeHalfDone, Why: "links-lost", Err: last,
		Params: map[string]string{"account": a.Name, "names": strings.Join(missing, ", ")},
	}
	if last != nil {
		e.Because(last)
	}
	return outcome{how: half, err: e}
}

// storeAll sends the writes of several links of one account, without reading them back. It returns the last error.
func (l *Linker) storeAll(ctx context.Context, userID string, ids []api.Identity) error {
	var last error // of a link that waiting does not help
	left := ids
	late := patiently(ctx, l.Now, func(ctx context.Context) (wait error) {
		again := []api.Identity{}
		for i, id := range left {
			err := l.store(ctx, api.Link{Identity: id, UserID: userID}, "")
			switch {
			case err == nil, errors.Is(err, ssoplugin.ErrStored):
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
		return late
	}
	return last
}
