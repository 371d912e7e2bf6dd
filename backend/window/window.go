// Package window is what the window's page calls: it keeps one server open, reads ahead what the page asks for next, and runs
// sign-ins and changes that report by events.
package window

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/german"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
	"github.com/jellybind/jellybind/backend/tlspin"
)

// Window is what the window calls: one server open at a time, its roster, and the sign-ins that are under way. Every
// method can be called at any time, from any goroutine; long ones report by events and can be cancelled.
type Window struct {
	stored *backend.Backend
	emit   func(event string, data any)

	running  sync.WaitGroup // what Close waits for: flows, changes, the opening ahead, and writing what was seen
	writing  sync.Mutex     // held while what was seen is written; taken before mu
	renewing sync.Mutex     // held while the server is opened anew; taken before mu

	mu      sync.Mutex
	closed  bool
	demo    *backend.Demo // the demo world that is open, if one is
	session *backend.Session
	index   *roster.Index
	looks   map[string]look         // what was seen before, by the profile's device id
	unsaved map[string]func() error // writes of looks that wait, by the profile's device id
	flows   map[string]*flow
	ahead   *opening // what was opened before the page asked for it
	first   firsts   // the same, once it is shown
	nextID  int
	asked   int                                    // how often a server was to be opened
	begun   int                                    // how many readings of a roster were begun
	shown   int                                    // which of them is shown
	pins    map[string]string                      // address as typed → the fingerprint that the person trusts there
	tasks   map[*task]bool                         // what is under way
	ended   chan struct{}                          // closed, and made anew, when a task ends
	reads   map[context.Context]context.CancelFunc // what is being read
	leaving map[string]int                         // how often the sign-in is being taken away, by the profile's device id
}

// New returns the window's backend. emit sends an event to the page.
func New(b *backend.Backend, emit func(event string, data any)) *Window {
	return &Window{
		stored: b, emit: emit, flows: make(map[string]*flow), pins: make(map[string]string),
		looks: make(map[string]look), unsaved: make(map[string]func() error),
		reads: make(map[context.Context]context.CancelFunc), tasks: make(map[*task]bool), ended: make(chan struct{}),
		leaving: make(map[string]int),
	}
}

// Close ends everything that is under way, and the demo world. Nothing can be opened afterwards.
func (w *Window) Close() error {
	w.mu.Lock()
	w.closed = true
	w.stopReading()
	w.stop(func(*task) bool { return true })
	d := w.leave()
	w.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		w.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(closing):
		slog.Warn("closing while a change is being written")
	}
	if d != nil {
		return d.Close()
	}
	return nil
}

// Bootstrap tells what the window needs for its first frame, and waits for nothing but files of its own. A profile file
// that was damaged is named in it. Language is the one that the page's engine prefers, BCP 47; empty says nothing new.
func (w *Window) Bootstrap(ctx context.Context, language string) (api.Bootstrap, error) {
	if language != "" {
		w.stored.SetPageLanguage(language)
	}
	data, err := w.stored.Profiles.Load(ctx)
	boot := api.Bootstrap{
		Version: w.stored.Version, OS: runtime.GOOS, Locale: w.stored.SystemLanguage(), Settings: data.Settings,
		Profiles: []api.Profile{}, DemoFlavours: demo.Flavours(), Reasons: german.Reasons,
	}
	if damaged, ok := errors.AsType[*api.Error](err); ok && damaged.Code == api.CodeProfileDamaged {
		boot.Damaged, err = damaged.Params["file"], nil
	}
	for _, e := range data.Profiles {
		boot.Profiles = append(boot.Profiles, e.Profile)
	}
	return boot, err
}

// CheckKeyring tells whether the system's keyring can be used. One that hangs takes its time limit.
func (w *Window) CheckKeyring(ctx context.Context) api.Keyring {
	if k, ok := w.stored.Keyring.(interface {
		Check(context.Context) api.Keyring
	}); ok {
		return k.Check(ctx)
	}
	return api.Keyring{OK: true}
}

// DiscoverServers asks the local network for servers.
func (w *Window) DiscoverServers(ctx context.Context) ([]api.DiscoveredServer, error) {
	return jellyfin.Discover(ctx, jellyfin.DiscoverOptions{})
}

// ProbeServer finds out what is behind an address, as far as nobody has to sign in for it.
func (w *Window) ProbeServer(ctx context.Context, address string) (api.Probe, error) {
	ctx, done := w.reading(ctx)
	defer done()
	pinned := w.pinned(ctx, address)
	found, err := jellyfin.Find(ctx, address, jellyfin.FindOptions{Version: w.stored.Version, PinnedSHA256: pinned})
	bad, ok := errors.AsType[*tlspin.CertificateError](err)
	if ok && (api.IsCode(err, api.CodeCertificateUntrusted) || api.IsCode(err, api.CodeCertificateChanged)) {
		return api.Probe{Certificate: &bad.Certificate, Pinned: bad.Pinned}, nil
	}
	if err != nil {
		return api.Probe{}, err
	}
	p := api.Probe{Server: found.Server, Starting: found.Starting, Tried: found.Tried}
	if p.Starting {
		return p, nil
	}
	client, err := w.stored.Client(profile.Entry{
		Profile: api.Profile{URL: found.Server.URL, PinnedSHA256: pinned}, DeviceID: backend.DeviceID(found.Server.URL),
	}, secret.Value{})
	if err != nil {
		return p, err
	}
	if p.QuickConnect, err = client.QuickConnectEnabled(ctx); err != nil {
		return p, err
	}
	names, err := client.Do(ctx, jellyfin.Request{Path: "/sso/OID/GetNames", Anonymous: true, Idempotent: true})
	if err != nil {
		return p, err
	}
	if p.Plugin = names.Status < 300; p.Plugin {
		if p.Flavours, err = ssoplugin.Flavours(ctx, client); err != nil {
			slog.Info("the plugin's flavour is not known before the sign-in", "error", err)
		}
	}
	return p, ctx.Err()
}

// TrustCertificate is ProbeServer for a server whose certificate the person has compared: exactly that one is trusted
// from now on, and kept when the server is added. A server that was added before keeps it at once.
func (w *Window) TrustCertificate(ctx context.Context, address, sha256 string) (api.Probe, error) {
	pinned, err := tlspin.Parse(sha256)
	if err != nil {
		return api.Probe{}, err
	}
	w.mu.Lock()
	w.pins[address] = pinned
	w.mu.Unlock()
	p, err := w.ProbeServer(ctx, address)
	if err != nil || p.Certificate != nil {
		return p, err
	}
	if e, ok := w.added(ctx, p.Server.URL); ok && e.PinnedSHA256 != pinned {
		err = w.stored.Pin(ctx, e.Name, pinned)
	}
	return p, err
}

// pinned returns the fingerprint that the person trusts at an address.
func (w *Window) pinned(ctx context.Context, address string) string {
	w.mu.Lock()
	pin := w.pins[address]
	w.mu.Unlock()
	if pin == "" {
		e, _ := w.added(ctx, address)
		pin = e.PinnedSHA256
	}
	return pin
}

// added returns the stored server at a base URL. From a profile file that cannot be read nothing is trusted.
func (w *Window) added(ctx context.Context, baseURL string) (profile.Entry, bool) {
	data, _ := w.stored.Profiles.Load(ctx)
	return data.ByURL(baseURL)
}

// find looks for the server at an address and returns the profile that there is for it, or a new one that is not stored.
func (w *Window) find(ctx context.Context, address, name string) (profile.Entry, error) {
	pinned := w.pinned(ctx, address)
	found, err := jellyfin.Find(ctx, address, jellyfin.FindOptions{Version: w.stored.Version, PinnedSHA256: pinned})
	if err != nil {
		return profile.Entry{}, err
	}
	data, err := w.stored.Profiles.Load(ctx)
	if err != nil && !api.IsCode(err, api.CodeProfileDamaged) {
		return profile.Entry{}, err
	}
	if e, ok := data.ByURL(found.Server.URL); ok {
		if pinned == "" || pinned == e.PinnedSHA256 {
			return e, nil
		}
		e.PinnedSHA256 = pinned // trusted when the server did not answer to the end
		return e, w.stored.Pin(ctx, e.Name, pinned)
	}
	return profile.Entry{
		Profile: api.Profile{
			Name: strings.TrimSpace(name), URL: found.Server.URL, ServerID: found.Server.ID, Credential: api.CredentialNone,
			PinnedSHA256: pinned,
		},
		DeviceID: strings.ToLower(rand.Text()),
	}, nil
}

// ask takes the number of a wish to open a server. Of several wishes, the last one counts, however long each takes.
func (w *Window) ask() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	return w.asked
}

// StartDemo starts a demo world inside the app and opens it as an administrator.
func (w *Window) StartDemo(ctx context.Context, flavour api.Flavour, users int) (api.Session, error) {
	number := w.ask()
	o := w.stored.Options
	// The demo world outlives this call; Close ends it.
	d, err := backend.NewDemo(context.WithoutCancel(ctx), o, demo.Options{Flavour: flavour, Users: users}, api.CredentialAdmin)
	if err != nil {
		return api.Session{}, err
	}
	s, err := d.Open(ctx, backend.Target{})
	if err != nil {
		return api.Session{}, errors.Join(err, d.Close())
	}
	s.Linker.Ports = []int{0} // the demo's providers take every port
	return w.show(number, s, d)
}

// show makes a session the open one, and ends what belonged to the one before. When another server was asked for since
// the number was taken, that one's session stays, and the error is CodeCancelled.
func (w *Window) show(number int, s *backend.Session, d *backend.Demo) (api.Session, error) {
	if d == nil {
		w.lastLook(s)
	}
	w.mu.Lock()
	late := w.closed || number != w.asked
	ended := d
	if !late {
		ended = w.leave()
		w.session, w.demo = s, d
	}
	w.mu.Unlock()
	if ended != nil {
		if err := ended.Close(); err != nil {
			slog.Warn("ending the demo world", "error", err)
		}
	}
	if late {
		return api.Session{}, &api.Error{
			Code: api.CodeCancelled, Why: "opened-another",
			Sentence: "Another server was opened meanwhile.",
		}
	}
	info := s.Info()
	info.Stored = d == nil
	if d != nil {
		info.Profile.Demo = true
		for _, p := range d.World.People() {
			info.DemoPeople = append(info.DemoPeople, p.Name)
		}
	}
	return info, nil
}

// leave closes the open session and returns the demo world that it was in, which the caller has to end. The caller holds
// mu.
func (w *Window) leave() *backend.Demo {
	for _, f := range w.flows {
		f.cancel()
	}
	for _, o := range []*opening{w.ahead, w.first.roster} {
		if o != nil {
			o.cancel()
		}
	}
	d := w.demo
	if d != nil && w.session != nil {
		delete(w.looks, w.session.Entry().DeviceID)
	}
	w.session, w.demo, w.index, w.ahead, w.first = nil, nil, nil, nil, firsts{}
	return d
}

// leaveStored closes the session of a stored server when it is the open one, and what was opened ahead of it.
func (w *Window) leaveStored(e profile.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.demo == nil && w.session != nil && w.session.Entry().DeviceID == e.DeviceID {
		w.leave()
	}
	if w.ahead != nil && w.ahead.device == e.DeviceID {
		w.ahead.cancel()
		w.ahead = nil
	}
}

// ConnectKey adds a server and stores an API key for it.
func (w *Window) ConnectKey(ctx context.Context, address, name, key string) (api.Session, error) {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf) {
			return -1 // blanks, line ends, and what cannot be seen come along with a pasted key
		}
		return r
	}, key)
	if clean == "" {
		return api.Session{}, &api.Error{
			Code: api.CodeUsage, Why: "key-empty",
			Sentence: "The key is empty.", Hint: "Paste the whole API key.",
		}
	}
	return w.connect(ctx, address, name, func(*jellyfin.Client) (jellyfin.SignedIn, error) {
		return jellyfin.SignedIn{Token: secret.New(clean)}, nil
	})
}

// ConnectPassword adds a server, signs in to it, and stores the access token.
func (w *Window) ConnectPassword(
	ctx context.Context, address, name, user, password string,
) (api.Session, error) {
	return w.connect(ctx, address, name, func(c *jellyfin.Client) (jellyfin.SignedIn, error) {
		return c.SignIn(ctx, user, secret.New(password))
	})
}

// connect opens a server with the credential that obtain gets, and stores both when the server takes it.
func (w *Window) connect(
	ctx context.Context, address, name string, obtain func(*jellyfin.Client) (jellyfin.SignedIn, error),
) (api.Session, error) {
	number := w.ask()
	e, err := w.find(ctx, address, name)
	if err != nil {
		return api.Session{}, err
	}
	s, err := w.login(ctx, e, obtain)
	if err != nil {
		return api.Session{}, err
	}
	return w.show(number, s, nil)
}

func (w *Window) login(
	ctx context.Context, e profile.Entry, obtain func(*jellyfin.Client) (jellyfin.SignedIn, error),
) (*backend.Session, error) {
	client, err := w.stored.Client(e, secret.Value{})
	if err != nil {
		return nil, err
	}
	in, err := obtain(client)
	if err != nil {
		return nil, err
	}
	return w.stored.Connect(ctx, e, in)
}

// StartQuickConnect shows a code, and reports by flow events when it was approved.
func (w *Window) StartQuickConnect(ctx context.Context, address, name string) (api.QuickConnect, error) {
	e, err := w.find(ctx, address, name)
	if err != nil {
		return api.QuickConnect{}, err
	}
	client, err := w.stored.Client(e, secret.Value{})
	if err != nil {
		return api.QuickConnect{}, err
	}
	q, err := client.StartQuickConnect(ctx)
	if err != nil {
		return api.QuickConnect{}, err
	}
	id := w.run(ctx, e, func(ctx context.Context, f *flow) error {
		number := 0
		s, err := w.login(ctx, e, func(c *jellyfin.Client) (jellyfin.SignedIn, error) {
			in, err := c.AwaitQuickConnect(ctx, q)
			if err == nil { // or nothing is to be opened, and the server that is being opened counts
				number = w.ask()
			}
			return in, err
		})
		if err != nil {
			return err
		}
		info, err := w.show(number, s, nil)
		if err != nil {
			return err
		}
		f.send(api.FlowEvent{Step: "connected", Session: &info})
		return nil
	})
	return api.QuickConnect{ID: id, Code: q.Code}, nil
}

// OpenProfile opens a server that was added, with its stored credential.
func (w *Window) OpenProfile(ctx context.Context, name string) (api.Session, error) {
	ctx, done := w.reading(ctx)
	defer done()
	number := w.ask()
	if o := w.opening(name); o != nil {
		return w.showOpening(ctx, number, o)
	}
	s, err := w.stored.Open(ctx, backend.Target{Name: name, Progress: func(p api.Progress) { w.emit(api.EventProgress, p) }})
	if err != nil {
		return api.Session{}, err
	}
	return w.show(number, s, nil)
}

// SignOut ends the session at the server and removes the credential from the keyring. What is being written there is
// written first; CodeChangeRunning when that takes too long, and nothing was ended then. CodeTokenLeft: the credential is
// removed, but the server could not be told.
func (w *Window) SignOut(ctx context.Context, name string) error {
	e, err := w.stored.Entry(ctx, name)
	if err != nil {
		return err
	}
	release, err := w.withdraw(ctx, e)
	if err != nil {
		return err
	}
	defer release()
	ended := w.stored.Logout(ctx, e)
	if ended == nil || api.IsCode(ended, api.CodeTokenLeft) {
		w.leaveStored(e)
	}
	return ended
}

// ForgetProfile removes a server and its secrets. It waits as SignOut does, and the errors are the same.
func (w *Window) ForgetProfile(ctx context.Context, name string) error {
	e, err := w.stored.Entry(ctx, name)
	if err != nil {
		return err
	}
	release, err := w.withdraw(ctx, e)
	if err != nil {
		return err
	}
	defer release()
	forgotten := w.stored.Forget(ctx, e.Name)
	if forgotten != nil && !api.IsCode(forgotten, api.CodeTokenLeft) {
		return forgotten
	}
	w.leaveStored(e)
	if err := w.forgetLook(e.DeviceID); err != nil {
		return err
	}
	return forgotten
}

// RenameProfile gives a server another name.
func (w *Window) RenameProfile(ctx context.Context, from, to string) error {
	if err := w.stored.Rename(ctx, from, strings.TrimSpace(to)); err != nil {
		return err
	}
	if s, b, err := w.current(); err == nil && b == w.stored {
		return b.Refresh(ctx, s)
	}
	return nil
}

// SaveSettings stores the person's choices.
func (w *Window) SaveSettings(ctx context.Context, s api.Settings) error {
	s.Browser = strings.TrimSpace(s.Browser)
	if err := checkSettings(s); err != nil {
		return err
	}
	err := w.stored.Profiles.Update(ctx, func(d *profile.Data) error {
		if s.Browser != d.Settings.Browser && !slices.Contains(browsers, s.Browser) {
			return &api.Error{
				Code: api.CodeUsage, Why: "browser-name", Sentence: "The window takes a browser by its name only.",
				Params: map[string]string{"field": "browser", "browsers": strings.Join(browsers[1:], ", ")},
				Hint:   "Take one of " + strings.Join(browsers[1:], ", ") + ". A command of your own goes into servers.json.",
			}
		}
		d.Settings = s
		return nil
	})
	if err != nil {
		return err
	}
	if open, b, err := w.current(); err == nil && b == w.stored {
		open.Linker.SetPorts(s.Ports)
	}
	return nil
}

// browsers are what the window may choose; "" is the system's. It may not choose a command: what runs on this computer is
// never up to a page, and browsers' own options can name programs, too.
var browsers = []string{
	"", "firefox", "firefox-esr", "librewolf", "chromium", "chromium-browser", "google-chrome", "brave-browser",
	"microsoft-edge", "vivaldi", "opera", "epiphany",
}

func checkSettings(s api.Settings) error {
	bad := func(why api.Why, value, hint, format string) error {
		return &api.Error{
			Code: api.CodeUsage, Why: why, Sentence: fmt.Sprintf(format, value), Hint: hint, Params: map[string]string{"value": value},
		}
	}
	const portsMost = 20
	for i, p := range s.Ports {
		switch {
		case p < 1024 || p > 65535:
			return bad("ports-range", strconv.Itoa(p), "Take ports between 1024 and 65535.", "%s is no port that Jellybind can listen on.")
		case slices.Contains(s.Ports[:i], p):
			return bad("ports-twice", strconv.Itoa(p), "Name each port once.", "The port %s is there twice.")
		case i == portsMost:
			return bad("ports-many", strconv.Itoa(portsMost),
				"The first free one is taken, so a few are enough.", "Those are more than %s ports.")
		}
	}
	if !slices.Contains([]string{"", "system", "light", "dark"}, s.Theme) {
		return bad("no-theme", api.Printable(s.Theme), "Take system, light or dark.", "There is no theme %q.")
	}
	if !slices.Contains([]string{"", "system", "en", "de"}, s.Language) {
		return bad("no-language", api.Printable(s.Language), "Take system, en or de.", "There is no language %q.")
	}
	return nil
}

// current returns the open session and the backend that it belongs to.
func (w *Window) current() (*backend.Session, *backend.Backend, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open()
}

// open is current for a caller who holds mu.
func (w *Window) open() (*backend.Session, *backend.Backend, error) {
	if w.session == nil {
		return nil, nil, &api.Error{
			Code: api.CodeProfileNotFound, Why: "none-open", Sentence: "No server is open.", Hint: "Choose a server, or add one.",
		}
	}
	if w.demo != nil {
		return w.session, w.demo.Backend, nil
	}
	return w.session, w.stored, nil
}

// RefreshRoster reads the roster anew and marks what has changed since the last look, which is the roster that is shown.
func (w *Window) RefreshRoster(ctx context.Context) (api.RosterCounts, error) {
	w.mu.Lock()
	if w.index != nil {
		w.looks[w.session.Entry().DeviceID] = look{onlySelf(w.session), w.index.Seen()}
	}
	w.mu.Unlock()
	ix, err := w.refresh(ctx)
	if err != nil {
		return api.RosterCounts{}, err
	}
	return ix.Counts(), nil
}

// refresh reads the roster. What is marked stays what has changed since the look before, the person's own changes
// included.
func (w *Window) refresh(ctx context.Context) (*roster.Index, error) {
	ctx, done := w.reading(ctx)
	defer done()
	return read(ctx, w, func(s *backend.Session) (*roster.Index, error) {
		w.mu.Lock()
		w.first = firsts{} // it tells of before
		w.begun++
		number := w.begun
		w.mu.Unlock()
		r, err := s.Roster.Read(ctx, func(p api.Progress) { w.emit(api.EventProgress, p) })
		if err != nil {
			return nil, err
		}
		return w.take(s, number, w.newIndex(s, r)), nil
	})
}

// newIndex indexes a roster of a session, with marks at what has changed since the last look.
func (w *Window) newIndex(s *backend.Session, r api.Roster) *roster.Index {
	w.mu.Lock()
	seen := w.looks[s.Entry().DeviceID].accounts
	w.mu.Unlock()
	return roster.NewIndex(r, seen)
}

// take makes what a session's reading gave the roster that is shown, unless a reading that began later is shown already.
func (w *Window) take(s *backend.Session, number int, ix *roster.Index) *roster.Index {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.session != s {
		return ix
	}
	if number < w.shown && w.index != nil {
		return w.index
	}
	w.shown, w.index = number, ix
	if key := s.Entry().DeviceID; w.looks[key].accounts == nil {
		w.looks[key] = look{onlySelf(s), ix.Seen()}
	}
	w.keepLook(s, ix)
	return ix
}

// looked returns the roster's index; the first look reads it, or takes what was read ahead.
func (w *Window) looked(ctx context.Context) (*roster.Index, error) {
	w.mu.Lock()
	ix, o := w.index, w.first.roster
	w.first.roster = nil
	number := w.begun
	w.mu.Unlock()
	switch {
	case ix != nil:
		return ix, nil
	case o == nil:
		return w.refresh(ctx)
	}
	ctx, done := w.reading(ctx)
	defer done()
	ix, err := o.wait(ctx)
	switch {
	case ctx.Err() != nil:
		o.cancel()
		return nil, ctx.Err()
	case api.IsCode(err, api.CodeCredentialRefused):
		return w.refresh(ctx)
	case err != nil:
		return nil, err
	}
	return w.take(o.session, number, ix), nil
}

// RosterPage returns a window of rows.
func (w *Window) RosterPage(ctx context.Context, q api.RosterQuery) (api.RosterPage, error) {
	ix, err := w.looked(ctx)
	if err != nil {
		return api.RosterPage{}, err
	}
	return ix.Page(q), nil
}

// Account returns one account.
func (w *Window) Account(ctx context.Context, userID string) (api.RosterRow, error) {
	ix, err := w.looked(ctx)
	if err != nil {
		return api.RosterRow{}, err
	}
	row, ok := ix.Row(userID)
	if !ok {
		return row, &api.Error{
			Code:     api.CodeUserNotFound,
			Sentence: "The account is not there any more.", Hint: "Refresh the roster.", Params: map[string]string{"user": userID},
		}
	}
	return row, nil
}

// Changes returns the journal of the open server, newest first, of one account or of all.
func (w *Window) Changes(ctx context.Context, userID string) ([]api.Change, error) {
	s, _, err := w.current()
	if err != nil {
		return nil, err
	}
	changes, err := s.Linker.History(ctx)
	kept := []api.Change{}
	for _, c := range changes {
		if userID == "" || c.UserID == userID || c.FromID == userID {
			kept = append(kept, c)
		}
	}
	return kept, err
}

// Providers returns the providers of the open server; the first call gives those that were read ahead, with the accounts.
func (w *Window) Providers(ctx context.Context) ([]api.ProviderDetail, error) {
	w.mu.Lock()
	o := w.first.providers
	w.first.providers = nil
	w.mu.Unlock()
	if o != nil {
		ix, err := o.wait(ctx)
		if s, _, _ := w.current(); err == nil && s == o.session {
			return s.Details(ix.Roster()), nil
		}
	}
	return read(ctx, w, func(s *backend.Session) ([]api.ProviderDetail, error) { return s.Providers(ctx) })
}

// TestProvider asks an identity provider itself.
func (w *Window) TestProvider(ctx context.Context, protocol api.Protocol, name string) (api.ProviderTest, error) {
	return read(ctx, w, func(s *backend.Session) (api.ProviderTest, error) {
		p, err := s.Plugin.Provider(ctx, protocol, name)
		if err != nil {
			return api.ProviderTest{}, err
		}
		return s.TestProvider(ctx, p), nil
	})
}

// SaveProviderSettings stores what the app needs to know of a provider.
func (w *Window) SaveProviderSettings(ctx context.Context, settings api.ProviderSettings) error {
	return w.setProvider(ctx, settings.Protocol, settings.Provider, func(s *api.ProviderSettings) { *s = settings }, nil)
}

// SaveProviderSecret puts a client secret into the keyring; an empty one removes it.
func (w *Window) SaveProviderSecret(ctx context.Context, protocol api.Protocol, name, clientSecret string) error {
	v := secret.New(strings.TrimSpace(clientSecret))
	return w.setProvider(ctx, protocol, name, func(*api.ProviderSettings) {}, &v)
}

func (w *Window) setProvider(
	ctx context.Context, protocol api.Protocol, name string, change func(*api.ProviderSettings), clientSecret *secret.Value,
) error {
	s, b, err := w.current()
	if err != nil {
		return err
	}
	// Its name may have been changed since, on the command line too.
	if err := b.Refresh(ctx, s); err != nil {
		return err
	}
	if _, err := b.SetProvider(ctx, s.Entry().Name, protocol, name, change, clientSecret); err != nil {
		return err
	}
	return b.Refresh(ctx, s)
}

// PlanLink says how a link would be made.
func (w *Window) PlanLink(ctx context.Context, req api.LinkRequest) (api.Plan, error) {
	return read(ctx, w, func(s *backend.Session) (api.Plan, error) { return s.Linker.Plan(ctx, req) })
}

// SelfService returns what an administrator gives to the users.
func (w *Window) SelfService(context.Context) (api.SelfService, error) {
	s, _, err := w.current()
	if err != nil {
		return api.SelfService{}, err
	}
	return backend.SelfService(s.Entry().URL, nil)
}
