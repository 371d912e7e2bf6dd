package state

import (
	"cmp"
	"context"
	"slices"

	"github.com/jellybind/jellybind/backend/api"
)

// CallAccount asks for one account.
type CallAccount struct{ UserID string }

// AccountLoaded answers CallAccount.
type AccountLoaded struct {
	UserID string
	Row    api.RosterRow
	Err    *api.Error
}

// Do calls Account.
func (c CallAccount) Do(ctx context.Context, b Backend) Msg {
	row, err := get[api.RosterRow](ctx, b, "Account", c.UserID)
	return AccountLoaded{UserID: c.UserID, Row: row, Err: err}
}

// CallStartVerify starts the proof of an identity. Events of the flow say how it goes on.
type CallStartVerify struct {
	Number   int
	Protocol api.Protocol
	Name     string
	Strategy api.Strategy // empty for the first that works
}

// VerifyStarted answers CallStartVerify.
type VerifyStarted struct {
	Number int
	ID     string
	Err    *api.Error
}

// Do calls StartVerify.
func (c CallStartVerify) Do(ctx context.Context, b Backend) Msg {
	id, err := get[string](ctx, b, "StartVerify", c.Protocol, c.Name, c.Strategy)
	return VerifyStarted{Number: c.Number, ID: id, Err: err}
}

// CallRemove removes links. Detour drops all links of their accounts and writes the others again.
type CallRemove struct {
	Links  []api.Link
	Detour bool
}

// Removed answers CallRemove.
type Removed struct {
	Changes []api.Change
	Err     *api.Error
}

// Do calls RemoveLinks or RemoveLinksViaUnregister.
func (c CallRemove) Do(ctx context.Context, b Backend) Msg {
	method := "RemoveLinks"
	if c.Detour {
		method = "RemoveLinksViaUnregister"
	}
	removal, err := get[api.Removal](ctx, b, method, c.Links)
	return Removed{Changes: removal.Changes, Err: cmp.Or(err, removal.Error)}
}

// CallStopChanges ends a removal of several links after the current one.
type CallStopChanges struct{}

// Do calls StopChanges. The removal itself answers.
func (CallStopChanges) Do(ctx context.Context, b Backend) Msg {
	_ = do(ctx, b, "StopChanges")
	return nil
}

// CallAcceptRisk notes whether the person accepts that an account's name is free at a provider.
type CallAcceptRisk struct {
	UserID string
	On     bool
}

// Do calls AcceptRisk. The roster's event shows what came of it.
func (c CallAcceptRisk) Do(ctx context.Context, b Backend) Msg {
	return RiskAccepted{UserID: c.UserID, Err: do(ctx, b, "AcceptRisk", c.UserID, c.On)}
}

// RiskAccepted answers CallAcceptRisk.
type RiskAccepted struct {
	UserID string
	Err    *api.Error
}

// CallPlanUnregister asks what it means to unregister an account.
type CallPlanUnregister struct{ UserID string }

// UnregisterPlanned answers CallPlanUnregister.
type UnregisterPlanned struct {
	UserID string
	Plan   api.UnregisterPlan
	Err    *api.Error
}

// Do calls PlanUnregister.
func (c CallPlanUnregister) Do(ctx context.Context, b Backend) Msg {
	plan, err := get[api.UnregisterPlan](ctx, b, "PlanUnregister", c.UserID)
	return UnregisterPlanned{UserID: c.UserID, Plan: plan, Err: err}
}

// CallUnregister gives an account another sign-in provider.
type CallUnregister struct{ UserID, AuthProvider string }

// Unregistered answers CallUnregister.
type Unregistered struct {
	Change api.Change
	Err    *api.Error
}

// Do calls Unregister.
func (c CallUnregister) Do(ctx context.Context, b Backend) Msg {
	change, err := get[api.Change](ctx, b, "Unregister", c.UserID, c.AuthProvider)
	return Unregistered{Change: change, Err: err}
}

func (s *State) updateAccount(msg Msg) ([]Cmd, bool) {
	d := &s.Drawer
	switch m := msg.(type) {
	case OpenAccount:
		row, ok := s.Roster.Row(m.Index)
		if !ok {
			return nil, true
		}
		s.Roster.Active = m.Index
		*d = Drawer{UserID: row.ID, Row: &row}
		return s.openDrawer(), true
	case OpenUser:
		var cmds []Cmd
		if s.Screen == ScreenAdd || s.Screen == ScreenConnect {
			cmds = s.show(s.first())
		}
		*d = Drawer{UserID: m.ID}
		return append(cmds, s.openDrawer()...), true
	case AcceptRisk:
		return []Cmd{CallAcceptRisk(m)}, true
	case RiskAccepted:
		if m.Err != nil {
			return s.tell(m.Err), true
		}
		cmds := append(s.load(), CallAccount{UserID: m.UserID})
		if s.Drawer.UserID == m.UserID {
			cmds = append(cmds, Focus{ID: "drawer-title"})
		}
		return cmds, true
	case CloseDrawer:
		return s.closeDrawer(), true
	case AccountLoaded:
		if s.Session != nil && s.Session.User != nil && s.Session.User.ID == m.UserID {
			s.Self.Error = m.Err
			if m.Err == nil {
				s.Self.Own = &m.Row
			}
		}
		if m.UserID != d.UserID {
			return nil, true
		}
		if m.Err != nil && m.Err.Code == api.CodeUserNotFound && d.Row != nil && !d.Row.Exists {
			return s.closeDrawer(), true // a deleted account disappears with its last link
		}
		d.Error = m.Err
		if m.Err == nil {
			d.Row = &m.Row
		}
	case VerifyLink:
		cancel := s.cancelVerify()
		s.Verify = Verify{
			Protocol: m.Identity.Protocol, Provider: m.Identity.Provider, Name: m.Identity.Name, UserID: m.UserID,
			Starting: true, start: s.call(),
		}
		call := CallStartVerify{Number: s.Verify.start, Protocol: m.Identity.Protocol, Name: m.Identity.Provider}
		if m.Device {
			call.Strategy = api.StrategyDevice
		}
		return append(cancel, call), true
	case VerifyStarted:
		v := &s.Verify
		if m.Number != v.start {
			return cancelLate(m.ID), true
		}
		v.Starting, v.FlowID, v.Error = false, m.ID, m.Err
		return s.replay(m.ID), true
	case AnswerVerify:
		if s.Verify.Asks == nil && s.Verify.Local == "" {
			return nil, true
		}
		s.Verify.Asks, s.Verify.Local = nil, ""
		return []Cmd{CallConfirm{ID: s.Verify.FlowID, Yes: m.Yes}}, true
	case CancelVerify:
		return s.cancelVerify(), true
	case Removed:
		stopped := s.Dialog.Stopping && m.Err != nil && m.Err.Code == api.CodeCancelled
		s.Dialog.Busy, s.Dialog.Stopping, s.Progress = false, false, nil
		cmds := s.afterChange()
		done := slices.DeleteFunc(slices.Clone(m.Changes), func(c api.Change) bool { return c.State != api.ChangeConfirmed })
		told := Toast{Key: "toast.removed", N: len(done)}
		if len(done) > 0 {
			told.Undo = s.record(done...)
		}
		if m.Err != nil && !stopped {
			s.notRemoved(m)
			cmds = append(cmds, Focus{ID: "dialog-cancel"})
			if len(done) == 0 {
				return cmds, true
			}
		} else {
			told.Error = m.Err // says how many of how many
			s.closeDialog()
			cmds = append(cmds, s.home())
		}
		s.Roster.selectNone()
		return append(cmds, s.toast(&told)...), true
	case Unregistered:
		s.Dialog.Busy = false
		cmds := s.afterChange()
		if m.Err != nil {
			s.Dialog.Error = m.Err
			return cmds, true
		}
		s.closeDialog()
		return append(cmds, s.toast(&Toast{
			Key: "toast.unregistered", Pairs: []string{"name", m.Change.UserName}, Undo: s.record(m.Change),
		})...), true
	default:
		return nil, false
	}
	return nil, true
}

// notRemoved shows why a removal failed and leaves the remaining links in the dialog.
func (s *State) notRemoved(m Removed) {
	d := &s.Dialog
	d.Error = m.Err
	if d.Kind != DialogRemove {
		return
	}
	d.Links = slices.DeleteFunc(slices.Clone(d.Links), func(k api.Link) bool {
		return slices.ContainsFunc(m.Changes, func(c api.Change) bool {
			return c.State == api.ChangeConfirmed && c.UserID == k.UserID && slices.Contains(c.Identities, k.Identity)
		})
	})
}

func (s *State) openDrawer() []Cmd {
	// If this account is being linked, show that.
	s.Drawer.Linking = s.bringBack(s.Drawer.UserID) && s.Link.Kept()
	if s.Drawer.Linking {
		s.Link.Unseen = false
	}
	return []Cmd{
		CallAccount{UserID: s.Drawer.UserID}, CallChanges{UserID: s.Drawer.UserID}, Focus{ID: "drawer-title"},
	}
}

func (s *State) closeDrawer() []Cmd {
	if s.Drawer.UserID == "" {
		return nil
	}
	s.Drawer = Drawer{}
	s.dropLink()
	if !s.Verify.Running() {
		s.Verify = Verify{}
	}
	return []Cmd{s.home()}
}

func (s *State) cancelVerify() []Cmd {
	v := s.Verify
	s.Verify = Verify{}
	if v.Running() && v.FlowID != "" {
		return []Cmd{CallCancelFlow{ID: v.FlowID}}
	}
	return nil
}
