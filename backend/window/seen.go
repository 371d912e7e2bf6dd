package window

import (
	"log/slog"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// look is what was seen of a server's accounts: digests by account id, nil when nothing was.
type look struct {
	user     string // see onlySelf
	accounts map[string]uint64
}

// lastLook reads what was seen of a server's accounts in an earlier run. One that is opened again in this run keeps its
// marks until they are refreshed away. That nothing can be read is no reason not to open the server: nothing is marked then.
func (w *Window) lastLook(s *backend.Session) {
	key, user := s.Entry().DeviceID, onlySelf(s)
	w.mu.Lock()
	l, known := w.looks[key]
	w.mu.Unlock()
	if known && l.user == user {
		return
	}
	accounts, err := w.stored.Seen.Load(key, user)
	if err != nil {
		slog.Warn("what was seen of the accounts cannot be read", "error", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks[key] = look{user, accounts}
}

// onlySelf returns the id of a user who sees no account but his own, and "" for everybody else.
func onlySelf(s *backend.Session) string {
	if s.Kind == api.CredentialUser {
		return s.User.ID
	}
	return ""
}

// keepLook writes what was seen, for the next run, while the page goes on. Of several looks in a row the last one is
// written, whichever writer comes first. The caller holds mu.
func (w *Window) keepLook(s *backend.Session, ix *roster.Index) {
	if w.demo != nil || w.closed {
		return
	}
	key := s.Entry().DeviceID
	w.unsaved[key] = func() error { return w.stored.Seen.Save(key, onlySelf(s), ix.Seen()) }
	w.running.Go(func() {
		w.writing.Lock()
		defer w.writing.Unlock()
		w.mu.Lock()
		save := w.unsaved[key]
		delete(w.unsaved, key)
		w.mu.Unlock()
		if save == nil {
			return
		}
		if err := save(); err != nil {
			slog.Warn("what was seen of the accounts cannot be kept", "error", err)
		}
	})
}

// forgetLook removes what was seen of a server that was left, also what was just about to be written.
func (w *Window) forgetLook(deviceID string) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	delete(w.unsaved, deviceID)
	delete(w.looks, deviceID)
	w.mu.Unlock()
	return w.stored.Seen.Forget(deviceID)
}
