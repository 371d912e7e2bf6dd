package state

import (
	"slices"

	"github.com/jellybind/jellybind/backend/api"
)

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
		*d = Drawer{UserID: m.ID}
		return s.openDrawer(), true
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
			return s.closeDrawer(), true // a deleted account is gone with its last link
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
		return append(cancel, CallStartVerify{
			Number: s.Verify.start, Protocol: m.Identity.Protocol, Name: m.Identity.Provider,
		}), true
	case VerifyStarted:
		v := &s.Verify
		if m.Number != v.start {
			return cancelLate(m.ID), true
		}
		v.Starting, v.FlowID, v.Error = false, m.ID, m.Err
		return s.replay(m.ID), true
	case CancelVerify:
		return s.cancelVerify(), true
	case Removed:
		stopped := s.Dialog.Stopping && m.Err != nil && m.Err.Code == api.CodeCancelled
		s.Dialog.Busy, s.Dialog.Stopping, s.Progress = false, false, nil
		cmds := s.afterChange()
		done := slices.DeleteFunc(slices.Clone(m.Changes), func(c api.Change) bool { return c.State != api.ChangeConfirmed })
		told := Toast{Key: "toast.removed", N: len(done), Undo: undoable(done...)}
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
			Key: "toast.unregistered", Pairs: []string{"name", m.Change.UserName}, Undo: undoable(m.Change),
		})...), true
	default:
		return nil, false
	}
	return nil, true
}

// notRemoved keeps in the dialog the links that are still there, and says why.
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
	// A link under way for this account is shown where it is.
	s.Drawer.Linking = s.Link.Running() && s.Link.Account.ID == s.Drawer.UserID
	return []Cmd{
		CallAccount{UserID: s.Drawer.UserID}, CallChanges{UserID: s.Drawer.UserID}, Focus{ID: "drawer-title"},
	}
}

func (s *State) closeDrawer() []Cmd {
	if s.Drawer.UserID == "" {
		return nil
	}
	s.Drawer = Drawer{}
	if !s.Link.Running() {
		s.Link = Link{}
	}
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
