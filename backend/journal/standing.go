package journal

import "github.com/jellybind/jellybind/backend/api"

// Standing finds out which changes still stand: whose identities are where they left them, as far as the journal knows.
type Standing struct {
	owner map[api.Identity]string // by the newest confirmed change; "" is nobody
}

// Next reports whether a change stands. Call it with each change, from the newest to the oldest.
func (s *Standing) Next(c api.Change) bool {
	if c.State == api.ChangeFailed {
		return false
	}
	if s.owner == nil {
		s.owner = map[api.Identity]string{}
	}
	after := c.UserID
	if c.Kind == api.ChangeUnlink || c.Kind == api.ChangeUnregister && c.Undoes == "" && c.Write == "" {
		after = ""
	}
	stands := true
	for _, id := range c.Identities {
		if now, known := s.owner[id]; known && now != after && c.Kind != api.ChangeUnregister {
			stands = false
		} else if !known && c.State == api.ChangeConfirmed {
			s.owner[id] = after
		}
	}
	return stands
}

// mostOpened bounds how many changes of runs a walk reads only to know which older changes stand. Past it, older changes count as
// standing; undoing one finds out.
const mostOpened = 5000

// stands is Standing for an entry of a walk. Runs are read once an older change of its own asks for them.
func (w *walk) stands(e entry) bool {
	if e.run != nil {
		w.passed = append(w.passed, e.run)
		return true
	}
	for _, r := range w.passed {
		if w.read += r.Planned.Changes(); w.read > mostOpened {
			break
		}
		changes, err := w.changes(r)
		if err != nil {
			break // opening the run tells of it
		}
		for i := range changes {
			w.standing.Next(changes[len(changes)-1-i])
		}
	}
	w.passed = nil
	return w.standing.Next(e.change)
}
