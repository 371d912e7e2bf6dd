package window_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/seen"
	"github.com/jellybind/jellybind/backend/window"
	"github.com/jellybind/jellybind/backend/words"
)

// patience is how long a test waits for an event. The machine may be busy.
const patience = time.Minute

// password is the password of the administrator that world adds. (The demo world's own, "demo", is part of many other
// texts.)
const password = "correct horse battery staple"

// testWindow is a window with its own profile file and keyring. It records everything that the page gets.
type testWindow struct {
	*window.Window
	t       *testing.T
	store   *profile.Store
	keyring *keyring
	journal *journal.Journal

	mu      sync.Mutex
	told    []told
	more    chan struct{} // closed at the next event
	listen  func(told)    // hears each event at once; nil for nobody
	answers []string      // results and errors as JSON
	secrets []string
}

type told struct {
	event string
	data  any
}

func newWindow(t *testing.T) *testWindow {
	t.Helper()
	return windowIn(t, t.TempDir())
}

// windowIn returns a window that stores its files in a folder.
func windowIn(t *testing.T, dir string) *testWindow {
	t.Helper()
	w := &testWindow{
		t: t, store: profile.Open(dir), keyring: &keyring{accounts: map[string]bool{}}, journal: journal.Open("", time.Now),
		more: make(chan struct{}), secrets: []string{password},
	}
	// No test may open a browser. This program exits at once.
	err := w.store.Update(t.Context(), func(d *profile.Data) error {
		d.Settings.Browser = `"` + os.Args[0] + `" -test.run=^$`
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Window = window.New(backend.New(backend.Options{
		Version: "test", Profiles: w.store, Keyring: w.keyring, Journal: w.journal,
		Seen: seen.Open(filepath.Join(dir, "seen")),
	}), w.hear)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		w.nothingLeaked()
	})
	return w
}

func (w *testWindow) hear(event string, data any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, told{event, data})
	if w.listen != nil {
		w.listen(told{event, data})
	}
	close(w.more)
	w.more = make(chan struct{})
}

// secret adds values that must never reach the page.
func (w *testWindow) secret(values ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, values...)
}

// answered records what a call returned to the page.
func answered[T any](w *testWindow, value T, err error) (T, error) {
	b, marshalErr := json.Marshal(value)
	if marshalErr != nil {
		w.t.Error(marshalErr)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = append(w.answers, string(b))
	if err != nil {
		w.answers = append(w.answers, err.Error())
	}
	return value, err
}

// must is answered for calls that must succeed.
func must[T any](w *testWindow, value T, err error) T {
	w.t.Helper()
	value, err = answered(w, value, err)
	if err != nil {
		w.t.Fatal(err)
	}
	return value
}

// refused expects an error with this code and a sentence that quotes nothing from the server.
func (w *testWindow) refused(code api.Code, err error) {
	w.t.Helper()
	_, _ = answered(w, "", err)
	if !api.IsCode(err, code) {
		w.t.Errorf("got %q (%v), want %q", api.CodeOf(err), err, code)
		return
	}
	e, _ := errors.AsType[*api.Error](err)
	if sentence, hint := words.For("en").Error(e, words.Window); sentence == "" || len(sentence+hint) > 600 || strings.ContainsAny(sentence+hint, "<>{}") {
		w.t.Errorf("the person would be told %q, %q", sentence, hint)
	}
}

// nothingLeaked searches everything that the page got for secrets.
func (w *testWindow) nothingLeaked() {
	w.mu.Lock()
	defer w.mu.Unlock()
	texts := slices.Clone(w.answers)
	for _, e := range w.told {
		b, err := json.Marshal(e.data)
		if err != nil {
			w.t.Error(err)
		}
		texts = append(texts, string(b))
	}
	for _, s := range w.secrets {
		for _, text := range texts {
			if s != "" && strings.Contains(text, s) {
				w.t.Errorf("a secret reached the page in %s", strings.ReplaceAll(text, s, "<<<secret>>>"))
			}
		}
	}
}

// flow waits until a flow reports one of the steps. It fails the test if the flow fails first.
func (w *testWindow) flow(id string, steps ...string) api.FlowEvent {
	w.t.Helper()
	timeout := time.After(patience)
	for from := 0; ; {
		w.mu.Lock()
		news, more := w.told[from:], w.more
		from = len(w.told)
		w.mu.Unlock()
		for _, e := range news {
			f, ok := e.data.(api.FlowEvent)
			if !ok || f.ID != id {
				continue
			}
			if slices.Contains(steps, f.Step) {
				return f
			}
			if f.Step == "failed" {
				w.t.Fatalf("%s failed: %s %v", id, f.Error.Code, f.Error)
			}
		}
		select {
		case <-more:
		case <-timeout:
			w.t.Fatalf("%s did not get to %v", id, steps)
		}
	}
}

// heard counts the events with this name.
func (w *testWindow) heard(event string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, e := range w.told {
		if e.event == event {
			n++
		}
	}
	return n
}

// signIn signs in at a flow's address.
func (w *testWindow) signIn(id, login string) {
	w.t.Helper()
	address := w.flow(id, "sign-in").SignIn.URL
	go func() {
		if _, err := visitor.New().SignIn(w.t.Context(), address, login); err != nil && w.t.Context().Err() == nil {
			w.t.Errorf("%s signs in: %v", login, err)
		}
	}()
}

func (w *testWindow) startDemo(flavour api.Flavour) api.Session {
	w.t.Helper()
	s, err := w.StartDemo(w.t.Context(), flavour, 0)
	return must(w, s, err)
}

// remove removes links and returns the result's error as an error.
func (w *testWindow) remove(ctx context.Context, links []api.Link, viaUnregister bool) ([]api.Change, error) {
	r := w.RemoveLinks(ctx, links, viaUnregister)
	if r.Error == nil {
		return r.Changes, nil
	}
	return r.Changes, r.Error
}

// undo undoes changes, which must succeed.
func (w *testWindow) undo(ids ...string) []api.Change {
	w.t.Helper()
	r := w.UndoChanges(w.t.Context(), ids)
	if _, _ = answered(w, r, nil); r.Error != nil {
		w.t.Fatal(r.Error)
	}
	return r.Changes
}

// ids returns the ids of changes.
func ids(changes []api.Change) []string {
	var list []string
	for _, c := range changes {
		list = append(list, c.ID)
	}
	return list
}

// row returns the account with this name.
func (w *testWindow) row(name string) api.RosterRow {
	w.t.Helper()
	for _, r := range rows(w) {
		if r.Name == name {
			return r
		}
	}
	w.t.Fatalf("no account %q", name)
	return api.RosterRow{}
}

// rows returns all accounts by name.
func rows(w *testWindow) []api.RosterRow {
	w.t.Helper()
	p, err := w.RosterPage(w.t.Context(), api.RosterQuery{Limit: roster.MaxLimit})
	return must(w, p, err).Rows
}

// stored returns the stored profiles.
func (w *testWindow) stored() []profile.Entry {
	w.t.Helper()
	d, err := w.store.Load(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Profiles
}

// credential returns what the keyring holds for a profile.
func (w *testWindow) credential(name string) string {
	w.t.Helper()
	for _, e := range w.stored() {
		if e.Name == name {
			v, err := w.keyring.Get(w.t.Context(), "credential:"+e.DeviceID)
			if err != nil {
				return ""
			}
			w.secret(v.Reveal())
			return v.Reveal()
		}
	}
	return ""
}

// empty expects that no profile and no secret is stored.
func (w *testWindow) empty() {
	w.t.Helper()
	if p := w.stored(); len(p) != 0 {
		w.t.Errorf("%q stayed in the profile file", p[0].Name)
	}
	if held := w.keyring.held(); len(held) != 0 {
		w.t.Errorf("%q stayed in the keyring", held)
	}
}
