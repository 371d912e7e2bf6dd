package link

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// A set of changes is carried out as one run: the journal has all of it before the first write, each change is compared with the
// server right before, and one reading afterwards says how each ended.

// RunSet carries out the lines of a plan, but for the skipped ones. A line whose links are not as planned any more is not
// carried out, and fails by itself; so does a line that the server refuses. How each line ended is in the run's changes. A plan
// of one line makes a change of its own in the journal instead of a run: then Run.ID is empty.
//
// Cancelling ctx stops the run between two writes. A server that restarts, or asks for a pause, is waited for; if it stays away,
// the run stays open, and ResumeRun finishes it.
//
// Errors: CodeUsage for a plan that cannot be run, CodeServerBusy, CodeCancelled, CodeCredentialRefused with WhySignedOut after
// the last link of the own account is gone, and what keeps the run from going on, such as CodeServerUnreachable.
func (l *Linker) RunSet(ctx context.Context, plan api.SetPlan, progress func(api.Progress)) (api.Run, error) {
	if !plan.Able.OK {
		return api.Run{}, plan.Able.Refused(api.CodeUsage, "")
	}
	done, err := l.Journal.Alone(ctx, l.ServerID)
	if err != nil {
		return api.Run{}, err
	}
	defer done()
	s, err := l.runPlan(ctx, plan, progress)
	if s == nil {
		return api.Run{}, err
	}
	return s.run, err
}

// runPlan is RunSet for a caller that has the journal's turn.
func (l *Linker) runPlan(ctx context.Context, plan api.SetPlan, progress func(api.Progress)) (*setRun, error) {
	if err := l.closeUndone(ctx, plan.Undoes); err != nil {
		return nil, err
	}
	s := &setRun{l: l, progress: progress}
	s.run = api.Run{
		Time: l.Now().UTC(), Server: l.ServerID, Source: plan.Source, Label: plan.Label, Planned: plan.Counts, Undoes: plan.Undoes,
		State: api.RunDone,
	}
	for i := range plan.Lines {
		if c, ok := l.changeOf(plan.Lines[i]); ok {
			s.run.Changes = append(s.run.Changes, c)
		}
	}
	if len(s.run.Changes) == 0 {
		return s, nil
	}
	before, err := s.readBefore(ctx)
	if err != nil {
		return nil, err
	}
	s.compare(false)
	if len(s.run.Changes) == 1 {
		return s, s.single(ctx)
	}
	if err := l.saveSnapshot(ctx, before, &s.run); err != nil {
		return nil, err
	}
	if s.run, err = l.Journal.Begin(ctx, s.run); err != nil {
		return nil, err
	}
	return s, s.carryOut(ctx)
}

// changeOf is the journal's entry for a line of a plan; ok is false for a line that changes nothing.
func (l *Linker) changeOf(line api.SetLine) (c api.Change, ok bool) {
	c = api.Change{
		Server: l.ServerID, UserID: line.UserID, UserName: line.UserName, Identities: []api.Identity{line.Identity}, Line: line.Line,
		Undoes: line.Undoes, State: api.ChangeIntended,
	}
	method, _ := l.Plugin.Capabilities().DirectWrite()
	switch line.Action {
	case api.SetAdd:
		c.Kind, c.Strategy, c.Write = api.ChangeLink, api.StrategySubject, method
	case api.SetMove:
		c.Kind, c.Strategy, c.Write = api.ChangeMove, api.StrategySubject, method
		c.FromID, c.FromName = line.FromID, line.FromName
	case api.SetRemove:
		c.Kind = api.ChangeUnlink
	case api.SetSame, api.SetRefuse:
		return c, false
	}
	return c, !line.Skipped
}

// setRun is a run under way.
type setRun struct {
	l        *Linker
	run      api.Run
	progress func(api.Progress)
	accounts map[string]api.Account  // by id, as they were before; nil where they were not read
	owners   map[api.Identity]string // at the last reading
	outcomes map[int]outcome         // by the place of the change: how it ended, as far as the write tells
	pace     pace

	mu        sync.Mutex
	unsettled []int // changes that have ended, and are not in the journal yet
	abort     error // why the run cannot go on
}

// linkOf is the link that a change is about.
func linkOf(c api.Change) api.Link { return api.Link{Identity: c.Identities[0], UserID: c.UserID} }

// readBefore reads today's links and accounts. The roster is empty where links are read only account by account.
func (s *setRun) readBefore(ctx context.Context) (api.Roster, error) {
	if s.l.Plugin.Capabilities().RosterByAccount {
		return api.Roster{}, s.readLinks(ctx)
	}
	r, err := s.l.Roster.Read(ctx, nil)
	if err != nil {
		return r, err
	}
	s.accounts, s.owners = make(map[string]api.Account, len(r.Accounts)), map[api.Identity]string{}
	for _, a := range r.Accounts {
		s.accounts[a.ID] = a
		for _, id := range a.Identities {
			s.owners[id] = a.ID
		}
	}
	return r, nil
}

// readLinks reads who has which identity now.
func (s *setRun) readLinks(ctx context.Context) error {
	var snap ssoplugin.Snapshot
	var err error
	if s.l.Plugin.Capabilities().RosterByAccount {
		seen := map[string]bool{}
		var users []string
		for _, c := range s.run.Changes {
			for _, id := range []string{c.UserID, c.FromID} {
				if id != "" && !seen[id] {
					seen[id] = true
					users = append(users, id)
				}
			}
		}
		snap, err = s.l.Roster.Links.ReadEach(ctx, users, nil)
	} else {
		snap, err = s.l.Roster.Links.Read(ctx)
	}
	if err != nil {
		return err
	}
	s.owners = make(map[api.Identity]string, len(snap.Links))
	for _, link := range snap.Links {
		s.owners[link.Identity] = link.UserID
	}
	return nil
}

// standing is how a change's identity stands on the server.
type standing int

const (
	asBeforeIt standing = iota // the change can be made
	asAfterIt                  // it is made
	elsewhere                  // somebody else has changed it
)

// stands compares a change with the links of the last reading. A move that was cut short may have left the identity with nobody.
func (s *setRun) stands(c api.Change, begun bool) standing {
	owner, owned := s.owners[c.Identities[0]]
	switch {
	case c.Kind == api.ChangeUnlink && !owned, c.Kind != api.ChangeUnlink && owned && owner == c.UserID:
		return asAfterIt
	case c.Kind == api.ChangeUnlink && owner == c.UserID,
		c.Kind == api.ChangeLink && !owned,
		c.Kind == api.ChangeMove && (owned && owner == c.FromID || !owned && begun):
		return asBeforeIt
	}
	return elsewhere
}

// compare ends the changes that are not as planned any more. resumed is whether the run has begun earlier: then a change that is
// made already was made by it.
func (s *setRun) compare(resumed bool) {
	s.outcomes = map[int]outcome{}
	for i := range s.run.Changes {
		c := &s.run.Changes[i]
		if c.State != api.ChangeIntended || c.Kind == api.ChangeUnregister {
			continue
		}
		switch s.stands(*c, resumed) {
		case asAfterIt:
			if resumed {
				s.set(i, outcome{how: made})
				continue
			}
			s.set(i, failure(alreadySo(*c)))
		case elsewhere:
			s.set(i, failure(s.ownedBy(*c)))
		case asBeforeIt:
			if a, known := s.accounts[c.UserID]; c.Kind != api.ChangeUnlink && s.accounts != nil && !(known && a.Exists) {
				s.set(i, failure(noSuchAccount(c.UserID)))
			}
		}
	}
}

func alreadySo(c api.Change) error {
	if c.Kind == api.ChangeUnlink {
		return noSuchLink(linkOf(c))
	}
	return &api.Error{Code: api.CodeLinkExists, Params: map[string]string{
		"name": c.Identities[0].Name, "provider": c.Identities[0].Provider, "account": c.UserName,
	}}
}

// ownedBy tells that an identity is not where the plan saw it.
func (s *setRun) ownedBy(c api.Change) error {
	owner, owned := s.owners[c.Identities[0]]
	if !owned {
		return changedMeanwhile(c.Identities[0].Name)
	}
	name := owner
	if a := s.accounts[owner]; a.Name != "" {
		name = a.Name
	}
	return &api.Error{Code: api.CodeLinkOwned, Params: map[string]string{
		"name": c.Identities[0].Name, "provider": c.Identities[0].Provider, "owner": name, "ownerId": owner, "account": c.UserName,
	}}
}

// set says how a change ended.
func (s *setRun) set(i int, o outcome) {
	c := &s.run.Changes[i]
	c.State, c.Error, c.Why, c.Params = o.state(), o.code(), "", nil
	if e, ok := asError(o.told()); ok && c.Error != "" {
		c.Why, c.Params = e.Why, e.Params
	}
	s.outcomes[i] = o
}

// single carries out a set of one, which stands in the journal by itself.
func (s *setRun) single(ctx context.Context) error {
	c := &s.run.Changes[0]
	defer s.count()
	if c.State != api.ChangeIntended {
		return s.outcomes[0].told()
	}
	s.tell(0)
	o := s.l.record(ctx, c, func(ctx context.Context) outcome { return s.one(ctx, *c) })
	s.outcomes[0] = o
	return o.told()
}

// one makes one change and reads it back.
func (s *setRun) one(ctx context.Context, c api.Change) outcome {
	link := linkOf(c)
	switch {
	case c.Kind == api.ChangeUnlink:
		return s.l.drop(ctx, s.account(c.UserID), link)
	case c.Kind == api.ChangeMove && s.byUnregister(c):
		return s.moveByUnregister(ctx, c)
	}
	return s.l.add(ctx, link, c.FromID)
}

func (s *setRun) account(id string) api.Account {
	if a, ok := s.accounts[id]; ok {
		return a
	}
	return api.Account{User: api.User{ID: id}, Exists: true}
}

// count counts the run's changes by how they ended, and sets its state.
func (s *setRun) count() {
	r := &s.run
	r.Made, r.Failed, r.Unknown, r.Left = 0, 0, 0, 0
	for i, c := range r.Changes {
		_, begun := s.outcomes[i]
		switch {
		case c.Kind == api.ChangeUnregister:
		case c.State == api.ChangeConfirmed, c.State == api.ChangeUndone:
			r.Made++
		case c.State == api.ChangeFailed:
			r.Failed++
		case begun || c.Error != "":
			r.Unknown++
		default:
			r.Left++
		}
	}
	switch {
	case r.Left > 0:
		r.State = api.RunStopped
	case r.Failed > 0 || r.Unknown > 0:
		r.State = api.RunPartly
	default:
		r.State = api.RunDone
	}
}

// pending reports whether a change is still to be made.
func (s *setRun) pending(i int) bool {
	c := s.run.Changes[i]
	_, ended := s.outcomes[i]
	return !ended && c.State == api.ChangeIntended && c.Kind != api.ChangeUnregister
}

// carryOut makes the changes of a run that the journal has, and writes down how it ended.
func (s *setRun) carryOut(ctx context.Context) error {
	last := s.heldBack()
	var todo []int
	for i := range s.run.Changes {
		if i != last && s.pending(i) {
			todo = append(todo, i)
		}
	}
	s.pace.begin(len(todo), s.l.Now())
	s.tell(0)
	if s.l.Plugin.Capabilities().WriteConfig.OK {
		s.byConfig(ctx, todo)
	} else {
		s.byRequests(ctx, todo)
	}
	var notice error
	if last >= 0 && s.abort == nil && ctx.Err() == nil {
		notice = s.ownLast(ctx, last)
	}
	return s.end(ctx, notice)
}

// end writes down how the run ended. A run that cannot go on stays open.
func (s *setRun) end(ctx context.Context, notice error) error {
	stopped := ctx.Err()
	ctx = context.WithoutCancel(ctx)
	s.count()
	if err := s.settleAll(ctx); err != nil {
		return notJournalled(err)
	}
	if s.abort != nil && s.run.Left+s.run.Unknown > 0 {
		s.run.State = api.RunOpen
		return s.abort
	}
	run, err := s.l.Journal.End(ctx, s.run)
	if err != nil {
		return notJournalled(err)
	}
	s.run = run
	if s.run.Left > 0 {
		total := len(s.run.Changes)
		return &api.Error{Code: api.CodeCancelled, Why: "run-stopped", Err: stopped, Params: map[string]string{
			"done": strconv.Itoa(total - s.run.Left), "total": strconv.Itoa(total),
		}}
	}
	return notice
}

// settleAll writes down how changes ended that the journal does not know yet.
func (s *setRun) settleAll(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settle(ctx)
}

// settle is settleAll for a caller that holds s.mu.
func (s *setRun) settle(ctx context.Context) error {
	changes := make([]api.Change, len(s.unsettled))
	for k, i := range s.unsettled {
		changes[k] = s.run.Changes[i]
	}
	s.unsettled = nil
	return s.l.Journal.Settle(ctx, s.l.ServerID, s.run.ID, changes)
}

// tell reports how many changes have ended.
func (s *setRun) tell(done int) {
	p := api.Progress{Step: "writing", Done: done, Total: len(s.run.Changes), SecondsLeft: s.pace.left(s.l.Now())}
	if !slices.ContainsFunc(s.run.Changes, func(c api.Change) bool { return c.Kind != api.ChangeUnlink }) {
		p = api.Progress{Step: "removing", Done: p.Done, Total: p.Total, SecondsLeft: p.SecondsLeft}
	}
	s.progress(p)
}

// stopsAll reports whether an error keeps every later write from being made as well.
func stopsAll(err error) bool {
	return err != nil && (passes(err) || api.IsCode(err, api.CodeCredentialRefused) || api.IsCode(err, api.CodeCancelled))
}

// confirm reads the links, and says of the attempted changes how they ended. It returns the ones that the server confirmed and
// does not have.
func (s *setRun) confirm(ctx context.Context, attempted []int) (missing []int) {
	ctx = context.WithoutCancel(ctx)
	s.progress(api.Progress{Step: "reading-roster"})
	err := patiently(ctx, s.l.Now, s.readLinks)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range attempted {
		o, ok := s.outcomes[i]
		if !ok {
			continue
		}
		c := s.run.Changes[i]
		switch {
		case o.how == half && (err != nil || s.stands(c, false) != asAfterIt):
			s.set(i, o)
		case err != nil && o.how == made:
			s.set(i, outcome{how: unread, err: err, lost: o.lost})
		case err != nil:
			s.set(i, o)
		case s.stands(c, false) == asAfterIt:
			if o.how != made {
				o = outcome{how: made, lost: o.lost}
			}
			s.set(i, o)
		case s.stands(c, true) == asBeforeIt && (o.how == made || overwritten(o.err)):
			missing = append(missing, i)
			if o.how == made {
				o.err = notThere(c)
			}
			s.set(i, failure(o.err))
		case o.how == made:
			s.set(i, failure(s.ownedBy(c)))
		case answerLost(o.err):
			s.set(i, outcome{how: unclear, err: o.err, lost: o.lost})
		default:
			o.how = failed
			s.set(i, o)
		}
		if now := s.run.Changes[i]; now.State != c.State || now.Error != c.Error || c.State == api.ChangeIntended {
			s.unsettled = append(s.unsettled, i)
		}
	}
	if err != nil && s.abort == nil {
		s.abort = err
	}
	return missing
}

// overwritten reports whether a write failed because somebody else wrote the same configuration at the same time.
func overwritten(err error) bool {
	return api.IsCode(err, api.CodeConfigChanged) || api.IsCode(err, api.CodeLinkNotStored) || errors.Is(err, ssoplugin.ErrUnread)
}

func notThere(c api.Change) error {
	if c.Kind == api.ChangeUnlink {
		return stillThere(c.Identities[0].Name)
	}
	return notStored(c.UserName)
}

// Run returns a run with its changes, by its id or an unambiguous beginning of it.
//
// Errors: CodeChangeNotFound.
func (l *Linker) Run(ctx context.Context, id string) (api.Run, error) {
	run, err := l.Journal.Run(ctx, l.ServerID, id)
	if err != nil {
		return run, err
	}
	for i := range run.Changes {
		run.Changes[i].Undoable = l.undoable(run.Changes[i]) == nil
	}
	run.Undoable = slices.ContainsFunc(run.Changes, func(c api.Change) bool { return c.Undoable })
	return run, nil
}

// HistoryPage returns a part of the history, newest first, and marks what can be undone.
func (l *Linker) HistoryPage(ctx context.Context, q api.HistoryQuery) (api.HistoryPage, error) {
	page, err := l.Journal.Page(ctx, l.ServerID, q)
	if err != nil {
		return page, err
	}
	for _, e := range page.Entries {
		if e.Change != nil {
			e.Change.Undoable = e.Change.Undoable && l.undoable(*e.Change) == nil
			continue
		}
		e.Run.Undoable = l.runUndoable(*e.Run)
	}
	page.Damaged = l.Journal.Damaged(l.ServerID)
	return page, nil
}

// runUndoable reports whether anything of a run could be taken back, as far as its counts tell.
func (l *Linker) runUndoable(r api.Run) bool {
	if r.State == api.RunUndone || r.State != api.RunOpen && r.Made+r.Unknown == 0 {
		return false
	}
	caps := l.Plugin.Capabilities()
	_, write := caps.DirectWrite()
	return r.Planned.Add > 0 && caps.RemoveLinks(l.self(), "").OK || (r.Planned.Remove > 0 || r.Planned.Move > 0) && write.OK
}

// OpenRuns returns the runs that were cut short, newest first. While some Jellybind on this computer changes links, there are
// none, because a run may be under way.
func (l *Linker) OpenRuns(ctx context.Context) ([]api.Run, error) {
	open, err := l.Journal.OpenRuns(ctx, l.ServerID)
	if err != nil || len(open) == 0 || !l.Journal.Idle(l.ServerID) {
		return nil, err
	}
	return open, nil
}

// ResumeRun finishes a run that was cut short or stopped: it compares each change that has not ended with the server, and makes
// what is missing. The run ends as if it had run once.
//
// Errors: CodeChangeNotFound, CodeUsage for a run that has ended, and RunSet's.
func (l *Linker) ResumeRun(ctx context.Context, id string, progress func(api.Progress)) (api.Run, error) {
	done, err := l.Journal.Alone(ctx, l.ServerID)
	if err != nil {
		return api.Run{}, err
	}
	defer done()
	run, err := l.Journal.Run(ctx, l.ServerID, id)
	if err != nil {
		return run, err
	}
	if run.State != api.RunOpen && run.State != api.RunStopped {
		return run, &api.Error{Code: api.CodeUsage, Why: "run-ended"}
	}
	s := &setRun{l: l, run: run, progress: progress}
	if _, err := s.readBefore(ctx); err != nil {
		return run, err
	}
	s.compare(true)
	s.settleCompared()
	if err := s.mendDetours(ctx); err != nil {
		return s.run, err
	}
	err = s.carryOut(ctx)
	return s.run, err
}

// settleCompared takes what compare found into the journal with the next batch.
func (s *setRun) settleCompared() {
	for i := range s.outcomes {
		s.unsettled = append(s.unsettled, i)
	}
}

// mendDetours writes links again that an Unregister dropped before the run was cut short.
func (s *setRun) mendDetours(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	for i := range s.run.Changes {
		c := &s.run.Changes[i]
		if c.Kind != api.ChangeUnregister || c.State != api.ChangeIntended {
			continue
		}
		lost := slices.DeleteFunc(slices.Clone(c.Identities), func(id api.Identity) bool { _, owned := s.owners[id]; return owned })
		o := s.l.restore(ctx, s.account(c.UserID), lost)
		if o.how == unread {
			return o.told()
		}
		c.State, c.Error = o.state(), o.code()
		if err := s.l.Journal.Finish(ctx, *c); err != nil {
			return err
		}
	}
	return nil
}

// closeUndone ends a run that was cut short, and is about to be taken back: what of it the server has was made, the rest was not.
func (l *Linker) closeUndone(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	run, err := l.Journal.Run(ctx, l.ServerID, id)
	if err != nil || run.State != api.RunOpen && run.State != api.RunStopped {
		return err
	}
	s := &setRun{l: l, run: run, progress: func(api.Progress) {}}
	if _, err := s.readBefore(ctx); err != nil {
		return err
	}
	s.compare(true)
	for i := range s.run.Changes {
		if s.pending(i) {
			s.set(i, failure(&api.Error{Code: api.CodeCancelled}))
		}
	}
	s.settleCompared()
	if err := s.mendDetours(ctx); err != nil {
		return err
	}
	return s.end(ctx, nil)
}

// firstError returns the first error of a change that was not made.
func (s *setRun) firstError() error {
	for i, c := range s.run.Changes {
		if o, ok := s.outcomes[i]; ok && c.Kind != api.ChangeUnregister {
			if err := o.told(); err != nil {
				return err
			}
		}
	}
	return nil
}
