package link

import (
	"context"
	"errors"

	"github.com/jellybind/jellybind/backend/api"
)

// ending is how a change, or one step of it, ended.
type ending int

const (
	failed  ending = iota // nothing was changed, or it was taken back
	made                  // the server has what was wanted
	half                  // only a part was made; undoing the change brings back the rest
	unclear               // the answer was lost, and the change was not there when it was read; it may still arrive
	unread                // the links could not be read after the write
)

// outcome is what became of a change, or of one step of it.
type outcome struct {
	how ending
	// err says why the change was not made. With made it is only a warning.
	err error
	// lost says what else was lost on the way, such as another link that could not be written again.
	lost error
	// reading says, with unread, why the links could not be read.
	reading error
	// notice says what else the change did, though all went well.
	notice error
}

func failure(err error) outcome { return outcome{how: failed, err: err} }

// and joins the outcomes of two steps of one change. The first one that was not made decides.
func (o outcome) and(next outcome) outcome {
	if o.how == made {
		return next
	}
	o.lost = next.told()
	return o
}

// state is how the journal remembers the outcome.
func (o outcome) state() api.ChangeState {
	switch o.how {
	case made:
		return api.ChangeConfirmed
	case half, unclear, unread:
		return api.ChangeIntended
	case failed:
	}
	return api.ChangeFailed
}

// code is the error code in the journal: why the change was not made, or why its outcome is not known.
func (o outcome) code() api.Code {
	if o.how == unclear || o.how == unread {
		return api.CodeOf(o.err)
	}
	o.notice = nil
	return api.CodeOf(o.told())
}

// told is the error that the person sees. It is nil when all is well.
func (o outcome) told() error {
	err := o.err
	if o.how == unclear || o.how == unread {
		err = unknownOutcome(err)
	}
	e, ok := errors.AsType[*api.Error](err)
	switch {
	case o.lost == nil && err == nil:
		return o.notice
	case o.lost == nil:
		return err
	case !ok:
		return o.lost
	}
	both := *e
	both.Because(o.lost)
	if o.how == failed { // the change was taken back, but at a cost
		both.Code, both.Err = api.CodeHalfDone, errors.Join(e.Err, o.lost)
	}
	return &both
}

// unknownOutcome tells that it is not known whether a change was made.
func unknownOutcome(err error) error {
	e := &api.Error{Code: api.CodeOutcomeUnknown, Why: "outcome-unknown", Err: err}
	e.Because(err)
	return e
}

// record writes a change to the journal before do makes it, and again with its outcome. do may complete the change while it
// makes it. A write that has begun is not interrupted: do runs to its end even when ctx is cancelled, because otherwise the
// journal could not say how it ended. It takes no longer than the client's timeouts and patience allow.
func (l *Linker) record(ctx context.Context, c *api.Change, do func(context.Context) outcome) outcome {
	ctx = context.WithoutCancel(ctx)
	intended, err := l.Journal.Intend(ctx, *c)
	if err != nil {
		return failure(err)
	}
	c.ID, c.Time = intended.ID, intended.Time
	o := do(ctx)
	c.State, c.Error = o.state(), o.code()
	if err := l.Journal.Finish(ctx, *c); err != nil && o.err == nil && o.lost == nil {
		o.lost = notJournalled(err)
	}
	c.Undoable = l.undoable(*c) == nil
	return o
}

// notJournalled tells that a change was made but its outcome could not be written to the journal.
func notJournalled(err error) error {
	return &api.Error{Code: api.CodeHalfDone, Why: "change-unwritten", Err: err}
}
