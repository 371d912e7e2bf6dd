// Package window is what the window's page calls: it keeps one server open, reads ahead what the page asks for next, and
// runs sign-ins and changes that report by events.
package window

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/words"
)

// Window has one server open at a time, and runs sign-ins and changes. Its methods are safe for concurrent use. Long ones
// report by events and can be cancelled.
type Window struct {
	backend *backend.Backend
	emit    func(event string, data any)

	server *openServer
	seen   *lastSeen
	tasks  *tasks
	flows  flows
	last   atomic.Pointer[string] // the device id of the server that was shown last
	pins   sync.Map               // address as typed → SHA-256 fingerprint that the person trusts there

	renewing sync.Mutex // held while the open server gets a new session
}

// New returns the window's backend. emit sends an event to the page.
func New(b *backend.Backend, emit func(event string, data any)) *Window {
	t := newTasks()
	seen := newLastSeen(b.Seen, t.background)
	return &Window{backend: b, emit: emit, tasks: t, seen: seen, server: &openServer{seen: seen}}
}

// Close ends everything that is under way, and the demo world. A change that is being written is waited for, for 30 s.
// Nothing can be opened afterwards.
func (w *Window) Close() error {
	w.tasks.close()
	world := w.server.close()
	if !w.tasks.wait() {
		slog.Warn("closing while a change is being written")
	}
	if world != nil {
		return world.Close()
	}
	return nil
}

// Bootstrap returns what the page needs for its first frame. It reads local files only. language is the one that the page's
// engine prefers, BCP 47, or empty. A profile file that could not be read is reported in Damaged.
func (w *Window) Bootstrap(ctx context.Context, language string) (api.Bootstrap, error) {
	if language != "" {
		w.backend.SetPageLanguage(language)
	}
	data, err := w.backend.Profiles.Load(ctx)
	spoken := words.Choose(data.Settings.Language, w.backend.SystemLanguage())
	boot := api.Bootstrap{
		Version: w.backend.Version, OS: runtime.GOOS, Locale: w.backend.SystemLanguage(), Settings: data.Settings,
		Profiles: []api.Profile{}, DemoFlavours: demo.Flavours(), Language: spoken, Words: words.Lines(spoken),
		Browsers: browser.Installed(),
	}
	if last, err := data.LastUsed(); err == nil {
		boot.Last = last.Name
	}
	if damaged, ok := errors.AsType[*api.Error](err); ok && damaged.Code == api.CodeProfileDamaged {
		boot.Damaged, err = damaged.Params["file"], nil
	}
	for _, e := range data.Profiles {
		boot.Profiles = append(boot.Profiles, e.Profile)
	}
	return boot, inWords(spoken, err)
}

// CheckKeyring reports whether the system's keyring can be used. A keyring that hangs takes its whole time limit.
func (w *Window) CheckKeyring(ctx context.Context) api.Keyring {
	if k, ok := w.backend.Keyring.(interface {
		Check(context.Context) api.Keyring
	}); ok {
		return k.Check(ctx)
	}
	return api.Keyring{OK: true}
}

// current returns the open session and the backend that it belongs to. The error is CodeProfileNotFound if no server is
// open.
func (w *Window) current() (*backend.Session, *backend.Backend, error) {
	s, world := w.server.current()
	switch {
	case s == nil:
		return nil, nil, &api.Error{Code: api.CodeProfileNotFound, Why: "none-open"}
	case world != nil:
		return s, world.Backend, nil
	}
	return s, w.backend, nil
}

// read runs a function that only reads the open server. If another Jellybind, such as the command line, has signed in since,
// the server has ended the window's token: then the function runs once more with the credential that is in the keyring now.
// A change is never repeated that way, because nobody has agreed to it twice.
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

// renew opens the open server again with the credential that is in the keyring now, and tells the page. It returns nil if
// the keyring has no other credential than the session's, or if that one does not work either.
func (w *Window) renew(ctx context.Context, s *backend.Session) *backend.Session {
	w.renewing.Lock()
	defer w.renewing.Unlock()
	now, b, err := w.current()
	switch {
	case err != nil || b != w.backend || now.Entry().DeviceID != s.Entry().DeviceID:
		return nil
	case now != s:
		return now // another call has renewed it
	}
	renewed, err := b.Renew(ctx, s)
	if err != nil {
		slog.Warn("opening the server again with the stored credential", "error", err)
		return nil
	}
	if renewed == nil {
		return nil
	}
	w.seen.load(renewed)
	if !w.server.replace(s, renewed) {
		return nil
	}
	info := renewed.Info()
	info.Stored = true
	w.emit(api.EventSession, info)
	return renewed
}
