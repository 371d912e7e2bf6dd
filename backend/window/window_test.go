package window_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/seen"
	"github.com/jellybind/jellybind/backend/window"
)

// patience is how long a test waits for an event: the machine may be busy.
const patience = time.Minute

// password is an administrator's of the worlds here. (The world's own "demo" stands in every other text.)
const password = "correct horse battery staple"

// testWindow is a window with a profile file and a keyring of its own, and everything that it told the page.
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

// keyring is secret.Memory that can tell what it holds, and can be locked.
type keyring struct {
	secret.Memory
	mu       sync.Mutex
	accounts map[string]bool
	locked   bool
}

func (k *keyring) lock(locked bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.locked = locked
}

func (k *keyring) Get(ctx context.Context, account string) (secret.Value, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.locked {
		return secret.Value{}, &api.Error{Code: api.CodeSecretLocked, Sentence: "The keyring is locked."}
	}
	return k.Memory.Get(ctx, account)
}

func (k *keyring) Set(ctx context.Context, account string, v secret.Value) error {
	err := k.Memory.Set(ctx, account, v)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.accounts[account] = true
	}
	return err
}

func (k *keyring) Delete(ctx context.Context, account string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.accounts, account)
	return k.Memory.Delete(ctx, account)
}

func (k *keyring) held() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.accounts))
}

type told struct {
	event string
	data  any
}

func newWindow(t *testing.T) *testWindow {
	t.Helper()
	return windowIn(t, t.TempDir())
}

// windowIn is a window that keeps what it keeps in a folder.
func windowIn(t *testing.T, dir string) *testWindow {
	t.Helper()
	w := &testWindow{
		t: t, store: profile.Open(dir), keyring: &keyring{accounts: map[string]bool{}}, journal: journal.Open("", time.Now),
		more: make(chan struct{}), secrets: []string{password},
	}
	// No test may open a browser: this one ends at once.
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

// secret remembers what may never reach the page.
func (w *testWindow) secret(values ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, values...)
}

// answered remembers what a call answered the page.
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

// must is answered for calls that have to succeed.
func must[T any](w *testWindow, value T, err error) T {
	w.t.Helper()
	value, err = answered(w, value, err)
	if err != nil {
		w.t.Fatal(err)
	}
	return value
}

// refused expects an error with a code, a sentence, and nothing of the server's own words.
func (w *testWindow) refused(code api.Code, err error) {
	w.t.Helper()
	_, _ = answered(w, "", err)
	if !api.IsCode(err, code) {
		w.t.Errorf("got %q (%v), want %q", api.CodeOf(err), err, code)
		return
	}
	if len(err.Error()) > 500 || strings.ContainsAny(err.Error(), "<>{}") {
		w.t.Errorf("the person would be told %q", err.Error())
	}
}

// nothingLeaked searches everything that the page was told for secrets.
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

// flow waits until a flow tells one of the steps, and fails the test at another end.
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

// heard counts the events of a name.
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

// signIn lets a person sign in at the address of a flow.
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

// undo undoes changes, which has to succeed.
func (w *testWindow) undo(ids ...string) []api.Change {
	w.t.Helper()
	r := w.UndoChanges(w.t.Context(), ids)
	if _, _ = answered(w, r, nil); r.Error != nil {
		w.t.Fatal(r.Error)
	}
	return r.Changes
}

// row finds an account by its name.
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

// world is a demo world with an administrator whose password is no common word.
func world(t *testing.T, o demo.Options) *demo.World {
	t.Helper()
	d, err := demo.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	d.Server().AddUser(server.UserSpec{Name: "root", Password: password, Administrator: true})
	return d
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

// credential is what the keyring holds for a profile.
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

// empty expects that nothing was added and no secret kept.
func (w *testWindow) empty() {
	w.t.Helper()
	if p := w.stored(); len(p) != 0 {
		w.t.Errorf("%q stayed in the profile file", p[0].Name)
	}
	if held := w.keyring.held(); len(held) != 0 {
		w.t.Errorf("%q stayed in the keyring", held)
	}
}

func TestWindowWithoutServer(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	ctx := t.Context()
	boot, err := w.Bootstrap(ctx, "")
	if b := must(w, boot, err); b.Version != "test" || b.Profiles == nil || len(b.Profiles) != 0 {
		t.Errorf("bootstrap %+v", b)
	}
	for name, call := range map[string]func() error{
		"RosterPage":    func() error { _, err := w.RosterPage(ctx, api.RosterQuery{}); return err },
		"RefreshRoster": func() error { _, err := w.RefreshRoster(ctx); return err },
		"Account":       func() error { _, err := w.Account(ctx, "x"); return err },
		"Changes":       func() error { _, err := w.Changes(ctx, ""); return err },
		"Providers":     func() error { _, err := w.Providers(ctx); return err },
		"TestProvider":  func() error { _, err := w.TestProvider(ctx, api.OIDC, "x"); return err },
		"PlanLink":      func() error { _, err := w.PlanLink(ctx, api.LinkRequest{}); return err },
		"StartLink":     func() error { _, err := w.StartLink(ctx, api.LinkRequest{}); return err },
		"StartVerify":   func() error { _, err := w.StartVerify(ctx, api.OIDC, "x"); return err },
		"RemoveLinks":   func() error { _, err := w.remove(ctx, nil, false); return err },
		"Unregister":    func() error { _, err := w.Unregister(ctx, "x", "y"); return err },
		"UndoChanges":   func() error { return w.UndoChanges(ctx, []string{"x"}).Error },
		"SelfService":   func() error { _, err := w.SelfService(ctx); return err },
		"OpenProfile":   func() error { _, err := w.OpenProfile(ctx, "x"); return err },
		"SignOut":       func() error { return w.SignOut(ctx, "x") },
		"ForgetProfile": func() error { return w.ForgetProfile(ctx, "x") },
		"RenameProfile": func() error { return w.RenameProfile(ctx, "x", "y") },
		"SaveSecret":    func() error { return w.SaveProviderSecret(ctx, api.OIDC, "x", "y") },
	} {
		if err := call(); !api.IsCode(err, api.CodeProfileNotFound) {
			t.Errorf("%s without a server: %v", name, err)
		}
	}
}

func TestWindowRoster(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	s := w.startDemo(api.FlavourK0lin)
	if !s.Profile.Demo || s.Stored || len(s.DemoPeople) == 0 || s.Capabilities.Credential != api.CredentialAdmin {
		t.Errorf("the demo's session: %+v", s)
	}
	if len(w.stored()) != 0 {
		t.Error("the demo world was stored")
	}
	ctx := t.Context()
	p, err := w.RosterPage(ctx, api.RosterQuery{Search: "MARI", Limit: 10})
	p = must(w, p, err)
	if len(p.Rows) != 1 || p.Rows[0].Name != demo.TourName || p.Total != 1 || p.Counts.All < 24 {
		t.Errorf("searching: %+v", p)
	}
	row, err := w.Account(ctx, p.Rows[0].ID)
	if must(w, row, err).Name != demo.TourName {
		t.Errorf("the account %+v", row)
	}
	_, err = w.Account(ctx, "0000")
	w.refused(api.CodeUserNotFound, err)
	counts, err := w.RefreshRoster(ctx)
	if c := must(w, counts, err); c != p.Counts {
		t.Errorf("refreshing counts %+v, before %+v", c, p.Counts)
	}
	providers, err := w.Providers(ctx)
	if list := must(w, providers, err); len(list) != 4 {
		t.Errorf("%d providers", len(list))
	}
	for _, p := range providers {
		tested, err := w.TestProvider(ctx, p.Protocol, p.Name)
		if tested = must(w, tested, err); !tested.OK {
			t.Errorf("testing %s: %+v", p.Name, tested)
		}
	}
	_, err = w.TestProvider(ctx, api.OIDC, "nobody")
	w.refused(api.CodeProviderNotFound, err)
	kit, err := w.SelfService(ctx)
	if k := must(w, kit, err); !strings.HasSuffix(k.PageURL, "/SSOViews/linking") || !json.Valid([]byte(k.MenuLink)) {
		t.Errorf("self-service %+v", k)
	}
	if w.heard(api.EventProgress) == 0 {
		t.Error("reading the roster told no progress")
	}
}

// TestWindowMarksWhatChangedSinceTheLastRun: from one run to the next, over a person's own changes, and until the server is
// forgotten.
func TestWindowMarksWhatChangedSinceTheLastRun(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), world(t, demo.Options{})
	ctx, key := t.Context(), d.APIKey().Reveal()
	start := func() *testWindow {
		t.Helper()
		w := windowIn(t, dir)
		w.secret(key)
		s, err := w.ConnectKey(ctx, d.URL(), "home", key)
		must(w, s, err)
		return w
	}
	changed := func(w *testWindow, want ...string) {
		t.Helper()
		p, err := w.RosterPage(ctx, api.RosterQuery{Filter: api.FilterChanged, Sort: api.SortName})
		got := []string{}
		for _, r := range must(w, p, err).Rows {
			got = append(got, r.Name)
		}
		if !slices.Equal(got, want) || p.Counts.Changed != len(want) {
			t.Errorf("marked are %q (%d), want %q", got, p.Counts.Changed, want)
		}
	}
	files := func() int {
		t.Helper()
		all, err := filepath.Glob(filepath.Join(dir, "seen", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}

	w := start()
	changed(w) // the first look has nothing to compare with
	d.Server().AddUser(server.UserSpec{Name: "aaron"})
	changed(w) // not read anew yet
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if files() != 1 {
		t.Fatalf("%d files of what was seen", files())
	}

	w = start()
	changed(w, "aaron")
	linked := slices.IndexFunc(rows(w), func(r api.RosterRow) bool { return len(r.Identities) > 0 && r.Exists })
	row := rows(w)[linked]
	changes, err := w.remove(ctx, []api.Link{{Identity: row.Identities[0], UserID: row.ID}}, false)
	must(w, changes, err)
	both := []string{"aaron", row.Name}
	slices.Sort(both)
	changed(w, both...) // a change of one's own does not hide the others'
	s, err := w.OpenProfile(ctx, "home")
	must(w, s, err)
	changed(w, both...) // nor does a look at another server
	counts, err := w.RefreshRoster(ctx)
	must(w, counts, err)
	changed(w) // all of that was seen
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	w = start()
	changed(w)
	if err := w.ForgetProfile(ctx, "home"); err != nil {
		t.Fatal(err)
	}
	if files() != 0 {
		t.Error("what was seen outlives the server")
	}
	d.Server().AddUser(server.UserSpec{Name: "abel"})
	w = start()
	changed(w)
}

// rows are all accounts by name.
func rows(w *testWindow) []api.RosterRow {
	w.t.Helper()
	p, err := w.RosterPage(w.t.Context(), api.RosterQuery{Limit: roster.MaxLimit})
	return must(w, p, err).Rows
}

// TestWindowDemoRemembersNothing: a demo world is new each time.
func TestWindowDemoRemembersNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := windowIn(t, dir)
	w.startDemo(api.FlavourK0lin)
	w.row(demo.TourName)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "seen")); !os.IsNotExist(err) {
		t.Errorf("something was kept: %v", err)
	}
}

// TestWindowLink goes the whole way by both protocols: link, confirm, verify, undo.
func TestWindowLink(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protocol api.Protocol
		provider string
	}{{api.OIDC, demo.Authelia}, {api.SAML, demo.ADFS}} {
		t.Run(string(c.protocol), func(t *testing.T) {
			t.Parallel()
			w := newWindow(t)
			w.startDemo(api.FlavourK0lin)
			ctx, maria := t.Context(), w.row(demo.TourName)
			req := api.LinkRequest{UserID: maria.ID, Protocol: c.protocol, Provider: c.provider}
			plan, err := w.PlanLink(ctx, req)
			if !must(w, plan, err).OK {
				t.Fatalf("the plan: %+v", plan)
			}
			started, err := w.StartLink(ctx, req)
			id := must(w, started, err)
			if err := w.ConfirmFlow(id, true); err == nil {
				t.Error("an answer was taken before the question")
			}
			if in := w.flow(id, "sign-in").SignIn; in.Host == "" || in.ShortURL == "" || !in.Deadline.After(time.Now()) {
				t.Errorf("the sign-in: %+v", in)
			}
			w.signIn(id, demo.TourName)
			asked := w.flow(id, "confirm").Confirmation
			if asked.Account.ID != maria.ID || !asked.NameKnown || asked.Identity.Provider != c.provider || asked.Owner != nil {
				t.Errorf("asked %+v", asked)
			}
			if got := w.row(demo.TourName); len(got.Identities) != 0 {
				t.Errorf("written before it was confirmed: %v", got.Identities)
			}
			if err := w.ConfirmFlow(id, true); err != nil {
				t.Fatal(err)
			}
			done := w.flow(id, "done").Change
			if w.heard(api.EventRoster) != 1 {
				t.Errorf("%d roster events", w.heard(api.EventRoster))
			}
			if got := w.row(demo.TourName); !slices.Equal(got.Identities, []api.Identity{asked.Identity}) || !got.Changed {
				t.Errorf("after linking %+v", got)
			}
			changes, err := w.Changes(ctx, maria.ID)
			if list := must(w, changes, err); len(list) != 1 || list[0].ID != done.ID || list[0].State != api.ChangeConfirmed {
				t.Errorf("the journal: %+v", list)
			}
			if other, err := w.Changes(ctx, "somebody else"); err != nil || len(other) != 0 {
				t.Errorf("somebody else's journal: %+v, %v", other, err)
			}

			verifying, err := w.StartVerify(ctx, c.protocol, c.provider)
			id = must(w, verifying, err)
			w.signIn(id, demo.TourName)
			if v := w.flow(id, "verified").Verified; v.Account.ID != maria.ID || v.Identity != asked.Identity {
				t.Errorf("verified %+v", v)
			}

			if undone := w.undo(done.ID); undone[0].Undoes != done.ID {
				t.Errorf("undone %+v", undone)
			}
			if got := w.row(demo.TourName); len(got.Identities) != 0 {
				t.Errorf("after undoing %+v", got)
			}
			w.refused(api.CodeChangeNotUndoable, w.UndoChanges(ctx, []string{done.ID}).Error)
			w.refused(api.CodeChangeNotFound, w.UndoChanges(ctx, []string{"no such change"}).Error)
		})
	}
}

func TestWindowDeclineAndCancel(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	ctx := t.Context()
	req := api.LinkRequest{UserID: w.row(demo.TourName).ID, Protocol: api.OIDC, Provider: demo.Authelia}
	start := func() string {
		t.Helper()
		id, err := w.StartLink(ctx, req)
		return must(w, id, err)
	}
	ended := func(id string, code api.Code) {
		t.Helper()
		if e := w.flow(id, "failed").Error; e.Code != code || e.Sentence == "" {
			t.Errorf("%s ended with %+v, want %s", id, e, code)
		}
		if got := w.row(demo.TourName); len(got.Identities) != 0 {
			t.Fatalf("it was linked: %+v", got)
		}
	}

	declined := start()
	w.signIn(declined, demo.TourName)
	w.flow(declined, "confirm")
	if err := w.ConfirmFlow(declined, false); err != nil {
		t.Fatal(err)
	}
	ended(declined, api.CodeCancelled)

	waiting := start()
	w.flow(waiting, "sign-in")
	if err := w.OpenSignIn(ctx, waiting); err != nil {
		t.Errorf("opening the browser again: %v", err)
	}
	if err := w.CancelFlow(waiting); err != nil {
		t.Fatal(err)
	}
	ended(waiting, api.CodeCancelled)

	asked := start()
	w.signIn(asked, demo.TourName)
	w.flow(asked, "confirm")
	if err := w.CancelFlow(asked); err != nil {
		t.Fatal(err)
	}
	ended(asked, api.CodeCancelled)

	refused := start()
	w.signIn(refused, visitor.Cancel)
	ended(refused, api.CodeSignInRefused)

	owned := start()
	w.signIn(owned, demo.UserName)
	ended(owned, api.CodeLinkOwned)

	// A flow ends a moment after it told that it does.
	for deadline := time.Now().Add(patience); w.ConfirmFlow(owned, true) == nil || !api.IsCode(w.ConfirmFlow(owned, true), api.CodeCancelled); {
		if time.Now().After(deadline) {
			t.Fatal("a flow that has ended takes answers")
		}
	}
	w.refused(api.CodeCancelled, w.OpenSignIn(ctx, owned))
	if err := w.CancelFlow(owned); err != nil {
		t.Errorf("cancelling a flow that has ended: %v", err)
	}
	if changes, err := w.Changes(ctx, ""); err != nil || len(changes) != 0 {
		t.Errorf("the journal: %+v, %v", changes, err)
	}
}

func TestWindowFlowsInParallel(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	flows := map[string]string{}
	for account, login := range map[string]string{demo.TourName: demo.TourName, "kids": demo.NewcomerLogin} {
		id, err := w.StartLink(t.Context(), api.LinkRequest{UserID: w.row(account).ID, Protocol: api.OIDC, Provider: demo.Authelia})
		flows[must(w, id, err)] = login
	}
	for id, login := range flows {
		w.signIn(id, login)
	}
	for id := range flows {
		w.flow(id, "confirm")
		if err := w.ConfirmFlow(id, true); err != nil {
			t.Fatal(err)
		}
	}
	for id := range flows {
		w.flow(id, "done")
	}
	for _, account := range []string{demo.TourName, "kids"} {
		if got := w.row(account); len(got.Identities) != 1 {
			t.Errorf("%s has %v", account, got.Identities)
		}
	}
}

// TestWindowLeavesOneWorldForAnother: what belonged to the first world ends with it.
func TestWindowLeavesOneWorldForAnother(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	first := w.startDemo(api.Flavour9p4)
	id, err := w.StartLink(t.Context(), api.LinkRequest{UserID: w.row(demo.TourName).ID, Protocol: api.OIDC, Provider: demo.Authelia})
	w.flow(must(w, id, err), "sign-in")
	second := w.startDemo(api.FlavourFlowfin)
	if second.Capabilities.Flavour != api.FlavourFlowfin {
		t.Errorf("the second world: %+v", second.Capabilities)
	}
	if e := w.flow(id, "failed").Error; e.Code != api.CodeCancelled {
		t.Errorf("the first world's flow ended with %+v", e)
	}
	_, err = w.ProbeServer(t.Context(), first.Server.URL)
	w.refused(api.CodeServerUnreachable, err)
}

func TestWindowRemoveUnregister(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	ctx, elif := t.Context(), w.row("elif")
	links := make([]api.Link, len(elif.Identities))
	for i, id := range elif.Identities {
		links[i] = api.Link{Identity: id, UserID: elif.ID}
	}
	changes, err := w.remove(ctx, links, false)
	if changes = must(w, changes, err); len(changes) != len(links) {
		t.Fatalf("removed %+v", changes)
	}
	if got := w.row("elif"); len(got.Identities) != 0 || !got.Changed {
		t.Errorf("after removing %+v", got)
	}
	_, err = w.remove(ctx, links, false)
	w.refused(api.CodeLinkNotFound, err)
	w.undo(ids(changes)...)
	if got := w.row("elif"); len(got.Identities) != len(links) {
		t.Errorf("after undoing %+v", got)
	}

	plan, err := w.PlanUnregister(ctx, elif.ID)
	plan = must(w, plan, err)
	if len(plan.Effects) == 0 || len(plan.Providers) == 0 || plan.Account.ID != elif.ID {
		t.Fatalf("the plan %+v", plan)
	}
	_, err = w.Unregister(ctx, elif.ID, "no such provider")
	w.refused(api.CodeUsage, err)
	change, err := w.Unregister(ctx, elif.ID, plan.Providers[0].ID)
	if must(w, change, err).State != api.ChangeConfirmed {
		t.Errorf("unregistered %+v", change)
	}
}

// ids returns the ids of changes.
func ids(changes []api.Change) []string {
	var list []string
	for _, c := range changes {
		list = append(list, c.ID)
	}
	return list
}

// TestUndoChanges says which changes were undone when one of them fails, and reads the roster once for all of them.
func TestUndoChanges(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	elif := w.row("elif")
	if len(elif.Identities) != 2 {
		t.Fatalf("elif has %d identities", len(elif.Identities))
	}
	var links []api.Link
	for _, i := range elif.Identities {
		links = append(links, api.Link{Identity: i, UserID: elif.ID})
	}
	changes, err := w.remove(t.Context(), links, false)
	removed := ids(must(w, changes, err))

	before := w.heard(api.EventRoster)
	r := w.UndoChanges(t.Context(), []string{removed[1], "no such change", removed[0]})
	w.refused(api.CodeChangeNotFound, r.Error)
	if len(r.Changes) != 1 || r.Changes[0].Undoes != removed[1] || r.Failed != "no such change" {
		t.Errorf("undone: %+v", r)
	}
	if got := w.row("elif").Identities; !slices.Equal(got, elif.Identities[1:]) {
		t.Errorf("after the failure: %+v", got)
	}

	stopped, stop := context.WithCancel(t.Context())
	stop()
	if r := w.UndoChanges(stopped, removed); !api.IsCode(r.Error, api.CodeCancelled) || r.Failed != removed[0] || r.Changes == nil {
		t.Errorf("stopped: %+v", r)
	}

	if undone := w.undo(removed[0]); len(undone) != 1 || undone[0].Undoes != removed[0] {
		t.Errorf("undone: %+v", undone)
	}
	if got := w.row("elif").Identities; !slices.Equal(got, elif.Identities) {
		t.Errorf("after all: %+v", got)
	}
	if n := w.heard(api.EventRoster) - before; n != 2 {
		t.Errorf("the page heard of %d rosters, want one for each call that changed something", n)
	}
}

func TestWindowConnectKey(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx, key := t.Context(), d.APIKey().Reveal()
	w.secret(key)

	for _, wrong := range []string{"", " \n\t", "\u200b"} {
		_, err := w.ConnectKey(ctx, d.URL(), "home", wrong)
		w.refused(api.CodeUsage, err)
	}
	_, err := w.ConnectKey(ctx, d.URL(), "home", strings.Repeat("0", 32))
	w.refused(api.CodeCredentialRefused, err)
	_, err = w.ConnectKey(ctx, d.URL(), "home", `a"b,Client="x`)
	w.refused(api.CodeCredentialRefused, err)
	w.empty()

	// As it comes out of a mail: wrapped, indented, with a byte order mark.
	pasted := "\ufeff  " + key[:10] + " \r\n\t" + key[10:] + "\n"
	s, err := w.ConnectKey(ctx, "  "+d.URL()+"/web/#/home.html ", " home ", pasted)
	s = must(w, s, err)
	if s.Profile.Name != "home" || s.Profile.Credential != api.CredentialKey || !s.Stored || s.User != nil {
		t.Errorf("the session %+v", s)
	}
	if got := w.credential("home"); got != key {
		t.Error("the keyring holds another key")
	}
	if w.row(demo.TourName).Name == "" {
		t.Error("no roster")
	}

	// A second time it is the same profile, whatever name is given.
	s, err = w.ConnectKey(ctx, d.URL(), "other", key)
	if must(w, s, err).Profile.Name != "home" || len(w.stored()) != 1 {
		t.Errorf("the second session %+v; %d profiles", s, len(w.stored()))
	}
	// A key that is refused leaves the one that works.
	_, err = w.ConnectKey(ctx, d.URL(), "", strings.Repeat("0", 32))
	w.refused(api.CodeCredentialRefused, err)
	s, err = w.OpenProfile(ctx, "home")
	must(w, s, err)

	// Its name belongs to it.
	other := world(t, demo.Options{})
	w.secret(other.APIKey().Reveal())
	_, err = w.ConnectKey(ctx, other.URL(), "home", other.APIKey().Reveal())
	w.refused(api.CodeProfileExists, err)
	if len(w.stored()) != 1 || w.credential("home") != key {
		t.Error("the refused name left something")
	}
	s, err = w.ConnectKey(ctx, other.URL(), "", other.APIKey().Reveal())
	if must(w, s, err).Profile.Name == "" || len(w.stored()) != 2 {
		t.Errorf("without a name: %+v", s.Profile)
	}
}

func TestWindowConnectPassword(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx := t.Context()
	_, err := w.ConnectPassword(ctx, d.URL(), "home", "root", "wrong")
	w.refused(api.CodeCredentialRefused, err)
	_, err = w.ConnectPassword(ctx, d.URL(), "home", "nobody", password)
	w.refused(api.CodeCredentialRefused, err)
	w.empty()

	s, err := w.ConnectPassword(ctx, d.URL(), "home", "root", password)
	s = must(w, s, err)
	token := w.credential("home")
	if s.Profile.UserName != "root" || s.User == nil || s.User.Name != "root" || token == "" || token == password {
		t.Errorf("the session %+v", s)
	}
	if err := w.SignOut(ctx, "home"); err != nil {
		t.Fatal(err)
	}
	if w.credential("home") != "" || !unknown(t, d, token) {
		t.Error("signing out left the token")
	}
	_, err = w.RosterPage(ctx, api.RosterQuery{})
	w.refused(api.CodeProfileNotFound, err)
	_, err = w.OpenProfile(ctx, "home")
	w.refused(api.CodeCredentialMissing, err)
	if err := w.SignOut(ctx, "home"); err != nil {
		t.Errorf("signing out twice: %v", err)
	}
	s, err = w.ConnectPassword(ctx, d.URL(), "", "root", password)
	must(w, s, err)
	if err := w.ForgetProfile(ctx, "home"); err != nil {
		t.Fatal(err)
	}
	if len(w.stored()) != 0 {
		t.Error("the profile stayed")
	}
	_, err = w.RosterPage(ctx, api.RosterQuery{})
	w.refused(api.CodeProfileNotFound, err)
}

// unknown reports whether a server knows a token no more.
func unknown(t *testing.T, d *demo.World, token string) bool {
	t.Helper()
	c, err := jellyfin.New(jellyfin.Options{URL: d.URL(), DeviceID: "test", Version: "test", Credential: secret.New(token)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Me(t.Context())
	return api.IsCode(err, api.CodeCredentialRefused)
}

// TestWindowPlainUser: somebody who is no administrator sees himself.
func TestWindowPlainUser(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	name, pass := d.User()
	s, err := w.ConnectPassword(t.Context(), d.URL(), "home", name, pass.Reveal())
	if s = must(w, s, err); s.Profile.Credential != api.CredentialUser || s.Capabilities.ReadRoster.OK {
		t.Errorf("the session %+v", s)
	}
	p, err := w.RosterPage(t.Context(), api.RosterQuery{Limit: 10})
	if p = must(w, p, err); len(p.Rows) != 1 || p.Rows[0].Name != name || len(p.Rows[0].Identities) != 1 {
		t.Errorf("he sees %+v", p)
	}
}

// TestWindowDropsTokens: a token that is not kept, for the server lacks the plugin, is ended.
func TestWindowDropsTokens(t *testing.T) {
	t.Parallel()
	w, h := newWindow(t), server.New(server.Options{PluginMissing: true})
	h.AddUser(server.UserSpec{Name: "root", Password: password, Administrator: true})
	var mu sync.Mutex
	ended := 0
	site := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Sessions/Logout") {
			mu.Lock()
			ended++
			mu.Unlock()
		}
		h.ServeHTTP(rw, r)
	}))
	defer site.Close()
	_, err := w.ConnectPassword(t.Context(), site.URL, "", "root", password)
	w.refused(api.CodePluginMissing, err)
	w.empty()
	mu.Lock()
	defer mu.Unlock()
	if ended != 1 {
		t.Errorf("%d tokens were ended", ended)
	}
}

// approve types a Quick Connect code on another device.
func approve(t *testing.T, d *demo.World, code string) {
	t.Helper()
	c, err := jellyfin.New(jellyfin.Options{URL: d.URL(), DeviceID: "phone", Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.SignIn(t.Context(), "root", secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.WithCredential(in.Token).Do(t.Context(), jellyfin.Request{
		Method: http.MethodPost, Path: "/QuickConnect/Authorize", Query: url.Values{"code": {code}},
	})
	if err != nil || res.Status != http.StatusOK {
		t.Fatalf("approving: %v", err)
	}
}

func TestWindowQuickConnect(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	start := func() api.QuickConnect {
		t.Helper()
		q, err := w.StartQuickConnect(t.Context(), d.URL(), "home")
		if q = must(w, q, err); len(q.Code) != 6 {
			t.Errorf("the code %q", q.Code)
		}
		return q
	}
	cancelled := start()
	w.empty()
	again := start() // impatient: a new code before the old one is given up
	if err := w.CancelFlow(cancelled.ID); err != nil {
		t.Fatal(err)
	}
	if e := w.flow(cancelled.ID, "failed").Error; e.Code != api.CodeCancelled {
		t.Errorf("cancelled: %+v", e)
	}
	w.empty()
	approve(t, d, again.Code)
	s := w.flow(again.ID, "connected").Session
	if s.Profile.Name != "home" || s.User == nil || s.User.Name != "root" || !s.Stored {
		t.Errorf("the session %+v", s)
	}
	if w.credential("home") == "" || w.row(demo.TourName).Name == "" {
		t.Error("nothing was kept")
	}
}

// TestWindowLastWishCounts: a server that opens slowly does not push away the one that was asked for later.
func TestWindowLastWishCounts(t *testing.T) {
	t.Parallel()
	w, quick := newWindow(t), world(t, demo.Options{})
	slow := world(t, demo.Options{})
	ctx := t.Context()
	for name, d := range map[string]*demo.World{"quick": quick, "slow": slow} {
		w.secret(d.APIKey().Reveal())
		s, err := w.ConnectKey(ctx, d.URL(), name, d.APIKey().Reveal())
		must(w, s, err)
	}
	slow.Server().SetPhase(server.PhaseEarly)
	result := make(chan error, 1)
	go func() {
		_, err := w.OpenProfile(ctx, "slow")
		result <- err
	}()
	for deadline := time.Now().Add(patience); w.heard(api.EventProgress) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not say that it waits")
		}
	}
	s, err := w.OpenProfile(ctx, "quick")
	must(w, s, err)
	slow.Server().SetPhase(server.PhaseReady)
	w.refused(api.CodeCancelled, <-result)
	if kit, err := w.SelfService(ctx); err != nil || !strings.HasPrefix(kit.PageURL, quick.URL()) {
		t.Errorf("the open server is at %s, %v; want %s", kit.PageURL, err, quick.URL())
	}
}

// TestWindowGivenUpCodeIsNoWish: a Quick Connect that ends without a sign-in does not push away the server that is being
// opened.
func TestWindowGivenUpCodeIsNoWish(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx := t.Context()
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	q, err := w.StartQuickConnect(ctx, d.URL(), "other")
	must(w, q, err)
	d.Server().SetPhase(server.PhaseEarly)
	result := make(chan error, 1)
	go func() {
		_, err := w.OpenProfile(ctx, "home")
		result <- err
	}()
	for deadline := time.Now().Add(patience); w.heard(api.EventProgress) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not say that it waits")
		}
	}
	if err := w.CancelFlow(q.ID); err != nil {
		t.Fatal(err)
	}
	w.flow(q.ID, "failed")
	d.Server().SetPhase(server.PhaseReady)
	if err := <-result; err != nil {
		t.Errorf("opening the server: %v", err)
	}
}

// encrypted puts TLS with a certificate that nobody vouches for in front of a world.
func encrypted(t *testing.T, d *demo.World) *httptest.Server {
	t.Helper()
	target, err := url.Parse(d.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}})
	proxy.Config.ErrorLog = log.New(io.Discard, "", 0)
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	return proxy
}

func TestWindowTrustsOneCertificate(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx, site := t.Context(), encrypted(t, d)
	w.secret(d.APIKey().Reveal())

	p, err := w.ProbeServer(ctx, site.URL)
	if p = must(w, p, err); p.Certificate == nil || p.Certificate.SHA256 == "" || p.Server.ID != "" || p.Plugin {
		t.Fatalf("the probe %+v", p)
	}
	_, err = w.ConnectKey(ctx, site.URL, "home", d.APIKey().Reveal())
	w.refused(api.CodeCertificateUntrusted, err)
	_, err = w.TrustCertificate(ctx, site.URL, "no fingerprint")
	w.refused(api.CodeUsage, err)
	other := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	wrong, err := w.TrustCertificate(ctx, site.URL, other)
	if must(w, wrong, err); wrong.Certificate == nil || *wrong.Certificate != *p.Certificate || wrong.Pinned != other {
		t.Errorf("the probe with trust in another one: %+v", wrong)
	}
	_, err = w.ConnectKey(ctx, site.URL, "home", d.APIKey().Reveal())
	w.refused(api.CodeCertificateChanged, err)
	w.empty()

	trusted, err := w.TrustCertificate(ctx, site.URL, strings.ToLower(p.Certificate.SHA256))
	if trusted = must(w, trusted, err); trusted.Certificate != nil || !trusted.Plugin || trusted.Server.ID == "" {
		t.Fatalf("the probe with trust %+v", trusted)
	}
	s, err := w.ConnectKey(ctx, site.URL, "home", d.APIKey().Reveal())
	if must(w, s, err).Profile.PinnedSHA256 != p.Certificate.SHA256 {
		t.Errorf("the profile %+v", s.Profile)
	}
	// A new window knows it from the profile.
	again := window.New(backend.New(backend.Options{
		Version: "test", Profiles: w.store, Keyring: w.keyring, Journal: w.journal,
	}), w.hear)
	opened, err := again.OpenProfile(ctx, "home")
	must(w, opened, err)
}

func TestWindowProbe(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{BasePath: "/jf"})
	site := func(h http.Handler) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	hanging := make(chan struct{})
	hang := site(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hanging }))
	t.Cleanup(func() { close(hanging) }) // before the server, which waits for its requests
	huge := site(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		for range 10 << 10 {
			if _, err := rw.Write([]byte(strings.Repeat("<p>lorem ipsum</p>", 57))); err != nil {
				return
			}
		}
	}))
	page := site(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = rw.Write([]byte("<!doctype html><h1>It works!</h1>"))
	}))
	closed := httptest.NewServer(nil)
	closed.Close()
	for address, code := range map[string]api.Code{
		"":                             api.CodeAddressInvalid,
		"not an address":               api.CodeAddressInvalid,
		"ftp://media.example.com":      api.CodeAddressInvalid,
		"https://me:pw@example.com":    api.CodeAddressInvalid,
		"javascript:alert(1)":          api.CodeAddressInvalid,
		strings.Repeat("a", 5000):      api.CodeAddressInvalid,
		"http://no-such-host.invalid/": api.CodeServerUnreachable,
		closed.URL:                     api.CodeServerUnreachable,
		hang:                           api.CodeServerUnreachable,
		huge:                           api.CodeServerNotFound,
		page:                           api.CodeServerNotFound,
	} {
		t.Run("wrong", func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			_, err := w.ProbeServer(t.Context(), address)
			if !api.IsCode(err, code) {
				t.Errorf("%.60q: got %q (%v), want %q", address, api.CodeOf(err), err, code)
			}
			w.refused(api.CodeOf(err), err)
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("%.60q took %s", address, took)
			}
		})
	}

	probe := func(address string) api.Probe {
		t.Helper()
		p, err := w.ProbeServer(t.Context(), address)
		return must(w, p, err)
	}
	if p := probe(d.URL() + "/web/index.html#!/home"); !p.Plugin || !p.QuickConnect || p.Starting || p.Server.URL != d.URL() {
		t.Errorf("a good server: %+v", p)
	}
	if p := probe(site(server.New(server.Options{PluginMissing: true}))); p.Plugin || p.Server.ID == "" {
		t.Errorf("without the plugin: %+v", p)
	}
	if p := probe(site(server.New(server.Options{WizardIncomplete: true}))); p.Server.WizardCompleted || p.Server.ID == "" {
		t.Errorf("with the wizard not done: %+v", p)
	}
	starting := server.New(server.Options{})
	starting.SetPhase(server.PhaseEarly)
	if p := probe(site(starting)); !p.Starting {
		t.Errorf("starting: %+v", p)
	}
}

func TestWindowSettings(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	ctx := t.Context()
	many := make([]int, 30)
	for i := range many {
		many[i] = 2000 + i
	}
	for name, bad := range map[string]api.Settings{
		"a port that only root may have": {Ports: []int{80}},
		"no port":                        {Ports: []int{0}},
		"a port that is none":            {Ports: []int{4000, 70000}},
		"a port twice":                   {Ports: []int{4000, 4000}},
		"too many ports":                 {Ports: many},
		"a theme":                        {Theme: "pink"},
		"a language":                     {Language: "tlh"},
		"a command":                      {Browser: "sh -c id"},
		"a browser's option":             {Browser: "chromium --gpu-launcher=id"},
	} {
		if err := w.SaveSettings(ctx, bad); !api.IsCode(err, api.CodeUsage) {
			t.Errorf("%s was taken: %v", name, err)
		}
	}
	good := api.Settings{Theme: "dark", Language: "de", Browser: "firefox", Ports: []int{4000, 4001}}
	if err := w.SaveSettings(ctx, good); err != nil {
		t.Fatal(err)
	}
	boot, err := w.Bootstrap(ctx, "")
	if got := must(w, boot, err).Settings; got.Theme != "dark" || got.Language != "de" || !slices.Equal(got.Ports, good.Ports) {
		t.Errorf("kept %+v", got)
	}
}

// TestWindowLanguageOfTheLastPage: the page that ends a sign-in in the browser speaks the language chosen last, in the demo too.
func TestWindowLanguageOfTheLastPage(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	for language, want := range map[string]string{"de": `lang="de"`, "en": `lang="en"`} {
		if err := w.SaveSettings(t.Context(), api.Settings{Language: language}); err != nil {
			t.Fatal(err)
		}
		started, err := w.StartVerify(t.Context(), api.OIDC, demo.Authelia)
		id := must(w, started, err)
		page, err := visitor.New().SignIn(t.Context(), w.flow(id, "sign-in").SignIn.URL, demo.UserName)
		if err != nil || !strings.Contains(page.Body, want) {
			t.Errorf("%s: %v\n%s", language, err, page.Body)
		}
		w.flow(id, "verified")
	}
}

// TestWindowPortsWhileLinking: saving settings and planning may happen at once.
func TestWindowPortsWhileLinking(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(t.Context(), d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	req := api.LinkRequest{UserID: w.row(demo.TourName).ID, Protocol: api.OIDC, Provider: demo.Authelia}
	var group sync.WaitGroup
	group.Go(func() {
		for port := range 5 {
			if err := w.SaveSettings(t.Context(), api.Settings{Ports: []int{4000 + port}}); err != nil {
				t.Error(err)
			}
		}
	})
	group.Go(func() {
		for range 5 {
			if _, err := w.PlanLink(t.Context(), req); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	plan, err := w.PlanLink(t.Context(), req)
	if plan = must(w, plan, err); len(plan.Allow) == 0 || !strings.Contains(plan.Allow[0], ":4004/") {
		t.Errorf("the plan does not know the port: %v", plan.Allow)
	}
}

// TestWindowSecretsOfProviders: a client secret goes to the keyring and nowhere else, through a renaming too, and goes
// with the profile.
func TestWindowSecretsOfProviders(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx := t.Context()
	id, client := d.Client(demo.Authelia, true)
	w.secret(d.APIKey().Reveal(), client.Reveal())
	s, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	device := w.stored()[0].DeviceID
	if err := w.RenameProfile(ctx, "home", "  Wohnzimmer "); err != nil {
		t.Fatal(err)
	}
	err = w.SaveProviderSettings(ctx, api.ProviderSettings{Protocol: api.OIDC, Provider: demo.Authelia, ClientID: id, Port: 4711})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SaveProviderSecret(ctx, api.OIDC, demo.Authelia, " "+client.Reveal()+"\n"); err != nil {
		t.Fatal(err)
	}
	account := "client:" + device + ":oidc:" + demo.Authelia
	if v, err := w.keyring.Get(ctx, account); err != nil || v.Reveal() != client.Reveal() {
		t.Errorf("the keyring: %v", err)
	}
	settings := func() api.ProviderSettings {
		t.Helper()
		list, err := w.Providers(ctx)
		for _, p := range must(w, list, err) {
			if p.Name == demo.Authelia {
				return p.Settings
			}
		}
		t.Fatal("no authelia")
		return api.ProviderSettings{}
	}
	if got := settings(); !got.HasSecret || got.ClientID != id || got.Port != 4711 {
		t.Errorf("the settings %+v", got)
	}
	// The page sends what it was told; that does not lose the secret.
	if err := w.SaveProviderSettings(ctx, api.ProviderSettings{Protocol: api.OIDC, Provider: demo.Authelia, ClientID: id}); err != nil {
		t.Fatal(err)
	}
	if !settings().HasSecret {
		t.Error("saving the settings lost the secret")
	}
	if err := w.SaveProviderSecret(ctx, api.OIDC, demo.Authelia, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.keyring.Get(ctx, account); err == nil || settings().HasSecret {
		t.Error("the secret was not removed")
	}
	if err := w.SaveProviderSecret(ctx, api.OIDC, demo.Authelia, client.Reveal()); err != nil {
		t.Fatal(err)
	}

	// A setting that the command line has stored meanwhile stays.
	err = w.store.Update(ctx, func(d *profile.Data) error {
		d.Profiles[0].SetProvider(api.ProviderSettings{Protocol: api.OIDC, Provider: demo.Authelia, ClientID: id, Port: 4712})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SaveProviderSecret(ctx, api.OIDC, demo.Authelia, client.Reveal()); err != nil {
		t.Fatal(err)
	}
	if got := settings(); !got.HasSecret || got.Port != 4712 {
		t.Errorf("the settings %+v", got)
	}

	w.refused(api.CodeUsage, w.RenameProfile(ctx, "Wohnzimmer", " \t"))
	w.refused(api.CodeUsage, w.RenameProfile(ctx, "Wohnzimmer", "a\u202eb"))
	w.refused(api.CodeProfileNotFound, w.RenameProfile(ctx, "home", "x"))
	if err := w.ForgetProfile(ctx, "Wohnzimmer"); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{account, "credential:" + device} {
		if _, err := w.keyring.Get(ctx, a); err == nil {
			t.Errorf("%s stayed in the keyring", a)
		}
	}
}

// brokenKeyring is a keyring that was locked.
type brokenKeyring struct{ secret.Memory }

func (*brokenKeyring) Set(context.Context, string, secret.Value) error {
	return &api.Error{Code: api.CodeSecretLocked, Sentence: "The keyring is locked.", Err: secret.ErrLocked}
}

func (*brokenKeyring) Check(context.Context) api.Keyring {
	return api.Keyring{Code: api.CodeSecretLocked, Sentence: "The keyring is locked."}
}

// TestWindowLockedKeyring: what cannot be kept is not half kept.
func TestWindowLockedKeyring(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	locked := window.New(backend.New(backend.Options{
		Version: "test", Profiles: w.store, Keyring: &brokenKeyring{}, Journal: w.journal,
	}), w.hear)
	if k := locked.CheckKeyring(t.Context()); k.OK || k.Code != api.CodeSecretLocked {
		t.Errorf("the check says %+v", k)
	}
	_, err := locked.ConnectPassword(t.Context(), d.URL(), "home", "root", password)
	w.refused(api.CodeSecretLocked, err)
	w.empty()
}

// TestBootstrapWaitsForNoKeyring: one that hangs must not keep the first frame back.
func TestBootstrapWaitsForNoKeyring(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	asked := window.New(backend.New(backend.Options{
		Version: "test", Profiles: w.store, Keyring: &hangingKeyring{}, Journal: w.journal,
	}), w.hear)
	boot, err := asked.Bootstrap(t.Context(), "")
	must(w, boot, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if k := asked.CheckKeyring(ctx); k.OK || k.Code != api.CodeTimeout {
		t.Errorf("the check says %+v", k)
	}
}

// hangingKeyring is a keyring that answers nothing.
type hangingKeyring struct{ secret.Memory }

func (*hangingKeyring) Check(ctx context.Context) api.Keyring {
	<-ctx.Done()
	return api.Keyring{Code: api.CodeTimeout, Sentence: "The keyring did not answer in time."}
}

// TestWindowChangedCertificate: another certificate than the trusted one is refused until the person has compared it, and
// the stored credential serves again then.
func TestWindowChangedCertificate(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx, site := t.Context(), encrypted(t, d)
	w.secret(d.APIKey().Reveal())
	p, err := w.ProbeServer(ctx, site.URL)
	p, err = w.TrustCertificate(ctx, site.URL, must(w, p, err).Certificate.SHA256)
	must(w, p, err)
	s, err := w.ConnectKey(ctx, site.URL, "home", d.APIKey().Reveal())
	shown := must(w, s, err).Profile.PinnedSHA256
	// To the window, the server's certificate is another one than it was.
	old := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	if err := w.store.Update(ctx, func(data *profile.Data) error {
		data.Profiles[0].PinnedSHA256 = old
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	again := window.New(backend.New(backend.Options{
		Version: "test", Profiles: w.store, Keyring: w.keyring, Journal: w.journal,
	}), w.hear)
	_, err = again.OpenProfile(ctx, "home")
	w.refused(api.CodeCertificateChanged, err)
	changed, err := again.ProbeServer(ctx, site.URL)
	if must(w, changed, err); changed.Certificate == nil || changed.Certificate.SHA256 != shown || changed.Pinned != old {
		t.Fatalf("the probe %+v", changed)
	}
	trusted, err := again.TrustCertificate(ctx, site.URL, shown)
	if must(w, trusted, err); trusted.Certificate != nil {
		t.Fatalf("the probe with trust %+v", trusted)
	}
	opened, err := again.OpenProfile(ctx, "home")
	must(w, opened, err)
}

// heldBack connects to a world by its key. The first request that matches closes reached, and is held back until the test
// closes released.
func (w *testWindow) heldBack(d *demo.World, match func(*http.Request) bool) (reached, released chan struct{}) {
	w.t.Helper()
	reached, released = make(chan struct{}), make(chan struct{})
	var once sync.Once
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if match(r) {
			once.Do(func() { close(reached); <-released })
		}
		d.Server().ServeHTTP(rw, r)
	}))
	w.t.Cleanup(front.Close)
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(w.t.Context(), front.URL, "home", d.APIKey().Reveal())
	must(w, s, err)
	return reached, released
}

// TestWindowClosesAfterAWrite: an account whose links were dropped, to be written again, does not lose them because the window
// is closed meanwhile.
func TestWindowClosesAfterAWrite(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{Flavour: api.FlavourFlowfin})
	reached, released := w.heldBack(d, func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/Preprovision/") })
	tomas := w.row("tomas")
	var group sync.WaitGroup
	group.Go(func() {
		links := []api.Link{{Identity: tomas.Identities[0], UserID: tomas.ID}, {Identity: tomas.Identities[1], UserID: tomas.ID}}
		if changes, err := w.remove(t.Context(), links, true); !api.IsCode(err, api.CodeCancelled) || len(changes) != 1 {
			t.Errorf("removed %d links: %v", len(changes), err)
		}
	})
	<-reached
	closed := make(chan struct{})
	group.Go(func() {
		defer close(closed)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-closed:
		t.Error("closed while a change was being written")
	case <-time.After(100 * time.Millisecond):
	}
	close(released)
	group.Wait()
	w.refused(api.CodeProfileNotFound, w.UndoChanges(t.Context(), []string{"x"}).Error)
	after := newWindow(t)
	after.secret(d.APIKey().Reveal())
	s, err := after.ConnectKey(t.Context(), d.URL(), "home", d.APIKey().Reveal())
	must(after, s, err)
	if left := after.row("tomas").Identities; !slices.Equal(left, tomas.Identities[1:]) {
		t.Errorf("left: %v, want %v", left, tomas.Identities[1:])
	}
}

// TestWindowStopsARemoval between two links; what comes later is not stopped.
func TestWindowStopsARemoval(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	reached, released := w.heldBack(d, func(r *http.Request) bool {
		return r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/OID/Add/")
	})
	elif := w.row("elif")
	var links []api.Link
	for _, i := range elif.Identities {
		links = append(links, api.Link{Identity: i, UserID: elif.ID})
	}
	var group sync.WaitGroup
	group.Go(func() {
		if changes, err := w.remove(t.Context(), links, false); !api.IsCode(err, api.CodeCancelled) || len(changes) != 1 {
			t.Errorf("removed %d links: %v", len(changes), err)
		}
	})
	<-reached
	w.StopChanges()
	close(released)
	group.Wait()
	if left := w.row("elif").Identities; !slices.Equal(left, elif.Identities[1:]) {
		t.Errorf("left: %v", left)
	}
	if _, err := w.remove(t.Context(), links[1:], false); err != nil {
		t.Error(err)
	}
}
