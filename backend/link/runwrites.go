package link

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// byConfig makes changes by the providers' configurations, with one write for each provider, and confirms them.
//
// Another computer that writes at the same time may overwrite what we wrote, or we what it wrote, because the plugin offers no
// condition. Both look again after the other one's write must have ended, and write again what is missing.
func (s *setRun) byConfig(ctx context.Context, todo []int) {
	const rounds = 4
	for round := range rounds {
		var longest time.Duration
		attempted := make([]int, 0, len(todo))
		for _, w := range s.inOrder(todo) {
			if ctx.Err() != nil || s.abort != nil {
				break
			}
			longest = max(longest, s.writeProvider(context.WithoutCancel(ctx), w))
			attempted = append(attempted, w.changes...)
			s.tell(len(s.outcomes))
		}
		if len(attempted) == 0 {
			return
		}
		pause(ctx, min(max(longest, shortestPause), longestPause))
		if todo = s.confirm(ctx, attempted); len(todo) == 0 || round == rounds-1 {
			return
		}
		for _, i := range todo {
			s.run.Changes[i].State = api.ChangeIntended
			delete(s.outcomes, i)
		}
		s.unsettled = slices.DeleteFunc(s.unsettled, func(i int) bool { _, ended := s.outcomes[i]; return !ended })
	}
}

// How long to wait before looking again whether another computer has overwritten what we wrote.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 5 * time.Second
)

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// providerWrite is one write of a provider's configuration, and the changes that it makes.
type providerWrite struct {
	provider api.ProviderRef
	changes  []int
}

// inOrder makes one write for each provider, in such an order that an account gains links at one before it loses links at
// another. Where no order does, what a provider gains is written first, in a write of its own.
func (s *setRun) inOrder(todo []int) []providerWrite {
	var left []*providerWrite
	at := map[api.ProviderRef]*providerWrite{}
	for _, i := range todo {
		ref := s.run.Changes[i].Identities[0].Ref()
		if at[ref] == nil {
			at[ref] = &providerWrite{provider: ref}
			left = append(left, at[ref])
		}
		at[ref].changes = append(at[ref].changes, i)
	}
	gainers := map[*providerWrite]map[string]bool{}
	for _, w := range left {
		gainers[w] = map[string]bool{}
		for _, i := range w.changes {
			if c := s.run.Changes[i]; c.Kind != api.ChangeUnlink {
				gainers[w][c.UserID] = true
			}
		}
	}
	var order []providerWrite
	for len(left) > 0 {
		free := slices.IndexFunc(left, func(w *providerWrite) bool {
			return !slices.ContainsFunc(left, func(o *providerWrite) bool { return o != w && s.takesFrom(w, gainers[o]) })
		})
		if free >= 0 {
			order = append(order, *left[free])
			left = slices.Delete(left, free, free+1)
			continue
		}
		w := left[0]
		first := providerWrite{provider: w.provider}
		w.changes = slices.DeleteFunc(w.changes, func(i int) bool {
			adds := s.run.Changes[i].Kind == api.ChangeLink
			if adds {
				first.changes = append(first.changes, i)
			}
			return adds
		})
		if len(first.changes) == 0 { // moves in a ring of accounts: some order must do
			first.changes, w.changes = w.changes, nil
		}
		order = append(order, first)
		gainers[w] = nil
		for _, i := range w.changes {
			if c := s.run.Changes[i]; c.Kind == api.ChangeMove {
				gainers[w] = map[string]bool{c.UserID: true}
			}
		}
		if len(w.changes) == 0 {
			left = left[1:]
		} else {
			left = append(left[1:], w)
		}
	}
	return order
}

// takesFrom reports whether a write takes links from one of these accounts.
func (s *setRun) takesFrom(w *providerWrite, accounts map[string]bool) bool {
	return slices.ContainsFunc(w.changes, func(i int) bool {
		c := s.run.Changes[i]
		return c.Kind == api.ChangeUnlink && accounts[c.UserID] || c.Kind == api.ChangeMove && accounts[c.FromID]
	})
}

// meetings is how often a write is tried again at once because somebody else wrote at the same moment.
const meetings = 20

// writeProvider sends one write, and says how its changes ended as far as its answer tells. It returns for how long another
// computer that had read just before our write may still be about to write: as long as this one took.
func (s *setRun) writeProvider(ctx context.Context, w providerWrite) time.Duration {
	var refused map[int]error
	var began, read time.Time // WriteConfig reads, calls back, reads, writes, and reads
	met := 0
	sent := patiently(ctx, s.l.Now, func(ctx context.Context) error {
		for {
			began = s.l.Now()
			err := s.l.Plugin.WriteConfig(ctx, w.provider.Protocol, w.provider.Provider, func(links map[string]string) error {
				read, refused = s.l.Now(), map[int]error{}
				s.apply(w.changes, links, refused)
				return nil
			})
			if met++; !api.IsCode(err, api.CodeConfigChanged) || errors.Is(err, ssoplugin.ErrStored) || met > meetings {
				return err
			}
			// So that two computers do not meet again and again.
			pause(ctx, rand.N(3*s.l.Now().Sub(read)+time.Millisecond)) //nolint:gosec // nothing depends on who guesses it
		}
	})
	for _, i := range w.changes {
		switch err := refused[i]; {
		case err != nil:
			s.outcomes[i] = failure(err)
		case sent == nil || errors.Is(sent, ssoplugin.ErrStored):
			s.outcomes[i] = outcome{how: made, err: sent}
		default:
			s.outcomes[i] = failure(sent)
		}
	}
	if stopsAll(sent) {
		s.abort = sent
	}
	if read.IsZero() {
		return 0
	}
	return s.l.Now().Sub(began)
}

// apply makes changes in a provider's links. What is not as it should be is refused by itself.
func (s *setRun) apply(changes []int, links map[string]string, refused map[int]error) {
	for _, i := range changes {
		c := s.run.Changes[i]
		name := c.Identities[0].Name
		owner, owned := links[name]
		switch {
		case c.Kind == api.ChangeUnlink && owned && owner == c.UserID:
			delete(links, name)
		case c.Kind == api.ChangeUnlink && !owned, c.Kind != api.ChangeUnlink && owned && owner == c.UserID:
		case c.Kind != api.ChangeUnlink && !owned, c.Kind == api.ChangeMove && owner == c.FromID:
			links[name] = c.UserID
		default:
			refused[i] = changedMeanwhile(name)
		}
	}
}

// inFlight is how many requests are under way at once where each link needs its own. The server makes them one after the other;
// the second one is there when the first is done.
const inFlight = 2

// byRequests makes changes by a request or two for each, and confirms them: what accounts gain first, then what they lose.
func (s *setRun) byRequests(ctx context.Context, todo []int) {
	var adds, moves, removals, rebuilt []int
	for _, i := range todo {
		switch c := s.run.Changes[i]; {
		case s.byUnregister(c):
			rebuilt = append(rebuilt, i)
		case c.Kind == api.ChangeLink:
			adds = append(adds, i)
		case c.Kind == api.ChangeMove:
			moves = append(moves, i)
		default:
			removals = append(removals, i)
		}
	}
	for _, phase := range [][]int{adds, moves, removals} {
		s.atOnce(ctx, phase)
	}
	for _, group := range s.byAccount(rebuilt) {
		if ctx.Err() != nil || s.abort != nil {
			break
		}
		s.rebuildWithout(context.WithoutCancel(ctx), group)
	}
	if attempted := slices.DeleteFunc(todo, func(i int) bool { _, ended := s.outcomes[i]; return !ended }); len(attempted) > 0 {
		s.confirm(ctx, attempted)
	}
}

// atOnce makes changes, a few at the same time.
func (s *setRun) atOnce(ctx context.Context, changes []int) {
	var group errgroup.Group
	group.SetLimit(inFlight)
	for _, i := range changes {
		group.Go(func() error {
			if s.halted(ctx) {
				return nil
			}
			s.ended(ctx, i, s.request(context.WithoutCancel(ctx), s.run.Changes[i]))
			return nil
		})
		if s.halted(ctx) {
			break
		}
	}
	_ = group.Wait()
}

func (s *setRun) halted(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ctx.Err() != nil || s.abort != nil
}

// settlePace is how often ended changes are written to the journal while a run sends requests. What a crash loses of them is
// found out by reading the server.
const settlePace = time.Second

// ended takes note of how a change ended, as far as its requests tell.
func (s *setRun) ended(ctx context.Context, i int, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes[i] = o
	if o.how != made && stopsAll(o.err) && s.abort == nil {
		s.abort = o.err
	}
	if o.how == made {
		s.set(i, o)
		s.unsettled = append(s.unsettled, i)
	}
	now := s.l.Now()
	if s.pace.due(now, settlePace) {
		if err := s.settle(context.WithoutCancel(ctx)); err != nil && s.abort == nil {
			s.abort = notJournalled(err)
		}
	}
	s.pace.step(now)
	s.tell(len(s.outcomes))
}

// request makes one change, and waits for a server that restarts or asks for a pause. A write that the server confirms is not
// read back: that is done once for the whole run.
func (s *setRun) request(ctx context.Context, c api.Change) outcome {
	link, again := linkOf(c), false
	return s.l.insist(ctx, func(ctx context.Context) outcome {
		defer func() { again = true }()
		var sent error
		switch c.Kind {
		case api.ChangeMove:
			_, owned := s.owners[link.Identity]
			if !owned { // it was cut short
				return s.l.settle(ctx, s.l.Plugin.Preprovision(ctx, link), link, true)
			}
			return s.l.move(ctx, link, api.Link{Identity: link.Identity, UserID: c.FromID})
		case api.ChangeLink:
			sent = s.l.Plugin.Preprovision(ctx, link)
		case api.ChangeUnlink, api.ChangeUnregister:
			sent = s.l.Plugin.DeleteLink(ctx, link)
			if again && api.IsCode(sent, api.CodeLinkNotFound) {
				sent = nil // the answer to the first request was lost
			}
		}
		if sent == nil {
			return outcome{how: made}
		}
		return s.l.settle(ctx, sent, link, c.Kind != api.ChangeUnlink)
	})
}

// loser is the account that a move or a removal takes a link from.
func loser(c api.Change) string {
	if c.Kind == api.ChangeMove {
		return c.FromID
	}
	return c.UserID
}

// byUnregister reports whether only the detour by Unregister takes the link away.
func (s *setRun) byUnregister(c api.Change) bool {
	if c.Kind != api.ChangeMove && c.Kind != api.ChangeUnlink {
		return false
	}
	from := loser(c)
	a := s.account(from)
	return !s.l.Removable(a, api.Link{Identity: c.Identities[0], UserID: from}).OK && s.l.canRebuild(a)
}

// byAccount groups changes by the account that loses links.
func (s *setRun) byAccount(changes []int) [][]int {
	var groups [][]int
	at := map[string]int{}
	for _, i := range changes {
		from := loser(s.run.Changes[i])
		k, known := at[from]
		if !known {
			k = len(groups)
			at[from] = k
			groups = append(groups, nil)
		}
		groups[k] = append(groups[k], i)
	}
	return groups
}

// rebuildWithout takes links from one account by Unregister, and gives the moved ones to their new accounts.
func (s *setRun) rebuildWithout(ctx context.Context, group []int) {
	from := loser(s.run.Changes[group[0]])
	var without []api.Identity
	for _, i := range group {
		id := s.run.Changes[i].Identities[0]
		if s.owners[id] == from {
			without = append(without, id)
		}
	}
	rebuilt := outcome{how: made}
	if len(without) > 0 {
		rebuilt = s.l.rebuild(ctx, s.account(from), s.run.ID, without...)
	}
	for _, i := range group {
		c := s.run.Changes[i]
		o := rebuilt
		if o.how != failed {
			if o = s.l.settle(ctx, nil, api.Link{Identity: c.Identities[0], UserID: from}, false); o.how == made {
				o.lost = rebuilt.told()
			}
		}
		if o.how == made && c.Kind == api.ChangeMove {
			lost := o.lost
			o = s.give(ctx, c)
			o.lost = errors.Join(o.lost, lost)
		}
		s.ended(ctx, i, o)
	}
}

// give links an identity that a move has taken from its account, or puts it back.
func (s *setRun) give(ctx context.Context, c api.Change) outcome {
	link := linkOf(c)
	o := s.l.insist(ctx, func(ctx context.Context) outcome {
		return s.l.settle(ctx, s.l.Plugin.Preprovision(ctx, link), link, true)
	})
	if o.how == made || o.how == unread {
		return o
	}
	return s.l.putBackMoved(ctx, link, api.Link{Identity: link.Identity, UserID: c.FromID}, o)
}

// moveByUnregister is a set of one that only the detour takes from its account.
func (s *setRun) moveByUnregister(ctx context.Context, c api.Change) outcome {
	gone := s.l.drop(ctx, s.account(c.FromID), api.Link{Identity: c.Identities[0], UserID: c.FromID})
	if gone.how != made {
		return gone
	}
	o := s.give(ctx, c)
	if gone.lost != nil {
		o.lost = errors.Join(o.lost, gone.lost)
	}
	return o
}

// heldBack returns the place of the change that takes the last link of our own account, where that ends our session; -1 if there
// is none. It is made at the very end. An own last link that moves away cannot be moved: the session ends in between.
func (s *setRun) heldBack() int {
	caps := s.l.Plugin.Capabilities()
	self := s.l.self()
	if !caps.RemovalEndsSessions || self == "" {
		return none
	}
	own := map[api.Identity]bool{}
	for id, owner := range s.owners {
		own[id] = owner == self
	}
	last, moved := none, none
	for i, c := range s.run.Changes {
		if _, ended := s.outcomes[i]; ended || c.State != api.ChangeIntended || len(c.Identities) != 1 {
			continue
		}
		switch {
		case c.Kind == api.ChangeUnlink && c.UserID == self:
			last = i
		case c.Kind == api.ChangeMove && c.FromID == self:
			moved = i
		case c.Kind != api.ChangeUnlink && c.UserID == self:
			own[c.Identities[0]] = true
			continue
		default:
			continue
		}
		own[c.Identities[0]] = false
	}
	if slices.Contains(slices.Collect(maps.Values(own)), true) {
		return none
	}
	if last == none && moved != none {
		s.set(moved, failure(&api.Error{
			Code: api.CodeUnsupported, Why: "own-last-link", Params: map[string]string{"name": s.run.Changes[moved].Identities[0].Name},
		}))
		s.unsettled = append(s.unsettled, moved)
	}
	return last
}

// ownLast removes the last link of our own account. What it ended is a notice.
func (s *setRun) ownLast(ctx context.Context, i int) error {
	c := s.run.Changes[i]
	ctx = context.WithoutCancel(ctx)
	account := s.account(c.UserID)
	account.Identities = c.Identities
	o := s.l.insist(ctx, func(ctx context.Context) outcome { return s.l.drop(ctx, account, linkOf(c)) })
	s.set(i, o)
	s.unsettled = append(s.unsettled, i)
	return o.notice
}

// pace is how fast a run goes.
type pace struct {
	todo    int
	steps   []time.Time
	settled time.Time
}

// lastSteps is how many writes the time left is judged by.
const lastSteps = 50

func (p *pace) begin(todo int, now time.Time) {
	p.todo, p.settled = todo, now
	p.steps = append(p.steps, now)
}

func (p *pace) step(now time.Time) {
	p.steps = append(p.steps, now)
	if len(p.steps) > lastSteps {
		p.steps = p.steps[1:]
	}
	p.todo--
}

// due reports whether an interval has passed since it was last due.
func (p *pace) due(now time.Time, every time.Duration) bool {
	if now.Sub(p.settled) < every {
		return false
	}
	p.settled = now
	return true
}

// left returns about how many seconds the rest takes, 0 where that is not known.
func (p *pace) left(now time.Time) int {
	n := len(p.steps) - 1
	if n < 1 || p.todo <= 0 {
		return 0
	}
	each := now.Sub(p.steps[0]) / time.Duration(n)
	return int((each*time.Duration(p.todo) + time.Second - 1) / time.Second)
}
