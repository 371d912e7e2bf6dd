package window

import (
	"context"
	"log/slog"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
)

// read runs what only reads the open server. Another Jellybind, the command line for one, may have signed in meanwhile, and
// the server ends the window's token then: what it refuses is read once more with the credential that the keyring has now. A
// change is never repeated by itself, for nobody has agreed to it twice.
func read[T any](ctx context.Context, w *Window, run func(*backend.Session) (T, error)) (T, error) {
	s, _, err := w.current()
	if err != nil {
		var none T
		return none, err
	}
	got, err := run(s)
	if api.IsCode(err, api.CodeCredentialRefused) {
		if renewed := w.renew(ctx, s); renewed != nil {
			return run(renewed)
		}
	}
	return got, err
}

// renew opens the open server anew with the credential that the keyring has now, and tells the page. It returns nil when
// there is no other one than the session's, or when that cannot be used either.
func (w *Window) renew(ctx context.Context, s *backend.Session) *backend.Session {
	w.renewing.Lock()
	defer w.renewing.Unlock()
	now, b, err := w.current()
	switch {
	case err != nil || b != w.stored || now.Entry().DeviceID != s.Entry().DeviceID:
		return nil
	case now != s:
		return now // another reading was quicker
	}
	renewed, err := b.Renew(ctx, s)
	if err != nil {
		slog.Warn("opening the server anew with the credential that is stored now", "error", err)
		return nil
	}
	if renewed == nil {
		return nil
	}
	w.lastLook(renewed)
	w.mu.Lock()
	if w.session != s {
		w.mu.Unlock()
		return nil
	}
	w.session, w.index, w.first = renewed, nil, firsts{} // the account may be another one, which sees other things
	w.mu.Unlock()
	info := renewed.Info()
	info.Stored = true
	w.emit(api.EventSession, info)
	return renewed
}
