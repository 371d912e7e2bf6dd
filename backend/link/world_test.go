package link_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

const defaultProvider = "Jellyfin.Server.Implementations.Users.DefaultAuthenticationProvider"

// world is a demo world behind a proxy. A test sees every request, can act in between, can answer for the server, and can lose
// or replace the server's answer.
type world struct {
	*demo.World
	*link.Linker

	mu     sync.Mutex
	before func(http.ResponseWriter, *http.Request) bool // true: it was answered
	lose   string                                        // the request, "METHOD part-of-path", whose answer is lost
	answer int                                           // the status that such a request is answered with; 0 cuts the connection
	seen   []string                                      // every request, "METHOD path"
}

func newWorld(t *testing.T, flavour api.Flavour, as api.CredentialKind) *world {
	t.Helper()
	return newWorldOf(t, demo.Options{Flavour: flavour}, as)
}

func newWorldOf(t *testing.T, o demo.Options, as api.CredentialKind) *world {
	t.Helper()
	w := &world{}
	var err error
	if w.World, err = demo.Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	target, err := url.Parse(w.World.URL())
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Transport: unpooled, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host // the Host header stays
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.intercept(rw, r) {
			return
		}
		if w.loses(r) {
			forward.ServeHTTP(httptest.NewRecorder(), r)
			if w.answer == 0 {
				panic(http.ErrAbortHandler)
			}
			http.Error(rw, "Error processing request.", w.answer)
			return
		}
		forward.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)

	credential := w.APIKey()
	if as != api.CredentialKey {
		name, password := w.Admin()
		if as == api.CredentialUser {
			name, password = w.User()
		}
		in, err := w.connect(t, proxy.URL, secret.Value{}).SignIn(t.Context(), name, password)
		if err != nil {
			t.Fatal(err)
		}
		credential = in.Token
	}
	client := w.connect(t, proxy.URL, credential)
	kind, self, err := client.Identify(t.Context())
	if err != nil || kind != as {
		t.Fatalf("a credential of the kind %q: %v", kind, err)
	}
	plugin, err := ssoplugin.Detect(t.Context(), client, kind, self)
	if err != nil {
		t.Fatal(err)
	}
	w.Linker = &link.Linker{
		Client: client, Plugin: plugin, Roster: &roster.Reader{Users: client, Links: plugin, Now: time.Now}, Self: self,
		ServerID: "demo", Journal: journal.Open("", time.Now), Now: time.Now, Ports: []int{0}, Timeout: 20 * time.Second,
		Settings: func(p api.Protocol, name string) api.ProviderSettings {
			return api.ProviderSettings{Protocol: p, Provider: name}
		},
		ClientSecret: func(context.Context, api.Protocol, string) (secret.Value, error) { return secret.Value{}, nil },
	}
	return w
}

func (w *world) connect(t *testing.T, address string, credential secret.Value) *jellyfin.Client {
	t.Helper()
	client, err := jellyfin.New(jellyfin.Options{URL: address, DeviceID: "link-test", Version: "test", Credential: credential})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (w *world) intercept(rw http.ResponseWriter, r *http.Request) bool {
	w.mu.Lock()
	w.seen = append(w.seen, r.Method+" "+r.URL.Path)
	before := w.before
	w.mu.Unlock()
	return before != nil && before(rw, r)
}

func (w *world) loses(r *http.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	method, part, found := strings.Cut(w.lose, " ")
	return found && r.Method == method && strings.Contains(r.URL.Path, part)
}

// intercepting sets before and lose; requests may be running.
func (w *world) intercepting(before func(http.ResponseWriter, *http.Request) bool, lose string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.lose = before, lose
}

// requests counts the requests of a method whose path contains part.
func (w *world) requests(method, part string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.seen {
		m, path, _ := strings.Cut(s, " ")
		if m == method && strings.Contains(path, part) {
			n++
		}
	}
	return n
}

// everybody counts how often all accounts were read.
func (w *world) everybody() int {
	return w.requests("GET", "/Users") - w.requests("GET", "/Users/")
}

func (w *world) account(t *testing.T, name string) api.Account {
	t.Helper()
	for _, a := range w.roster(t).Accounts {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("no account %q", name)
	return api.Account{}
}

func (w *world) roster(t *testing.T) api.Roster {
	t.Helper()
	r, err := w.Linker.Roster.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) changes(t *testing.T) []api.Change {
	t.Helper()
	c, err := w.Journal.Changes(t.Context(), w.ServerID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// identity is the newcomer's identity at a provider; it is not linked.
func (w *world) identity(protocol api.Protocol, provider string) api.Identity {
	person, _ := w.Person(demo.NewcomerLogin)
	return w.Identity(protocol, provider, person)
}

// person signs in without a browser.
type person struct {
	login   string
	confirm func(api.Confirmation) error
	shown   func(api.SignIn)
	device  func(api.DeviceSignIn)
	away    bool                                      // nobody signs in on another device
	local   func(address string) (api.Consent, error) // nil leaves the question open
	told    func(api.Progress)
}

func (p person) SignIn(ctx context.Context, s api.SignIn) error {
	if p.shown != nil {
		p.shown(s)
	}
	_, err := visitor.New().SignIn(ctx, s.URL, p.login)
	return err
}

func (p person) SignInElsewhere(ctx context.Context, d api.DeviceSignIn) error {
	if p.device != nil {
		p.device(d)
	}
	if p.away {
		return nil
	}
	return visitor.New().Approve(ctx, d.URL, d.Code, p.login)
}

func (p person) Confirm(_ context.Context, c api.Confirmation) error {
	if p.confirm == nil {
		return nil
	}
	return p.confirm(c)
}

func (p person) UseLocal(_ context.Context, address string) (api.Consent, error) {
	if p.local == nil {
		return api.ConsentOpen, nil
	}
	return p.local(address)
}

func (p person) Progress(r api.Progress) {
	if p.told != nil {
		p.told(r)
	}
}

func quiet(api.Progress) {}

// yesTo answers a request with success and stores nothing.
func yesTo(method, part string) func(http.ResponseWriter, *http.Request) bool {
	return func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.Contains(r.URL.Path, part) {
			return false
		}
		rw.WriteHeader(http.StatusNoContent)
		return true
	}
}

// unregistered gives the account tomas the sign-in provider Another.Provider, and then the default one by Unregister. It
// returns the account as it was, with its links.
func (w *world) unregistered(t *testing.T) (before api.Account, change api.Change) {
	t.Helper()
	before = w.account(t, "tomas")
	if err := w.Plugin.Unregister(t.Context(), before.Name, "Another.Provider"); err != nil {
		t.Fatal(err)
	}
	for _, id := range before.Identities {
		w.Server().AddLink(api.Link{Identity: id, UserID: before.ID})
	}
	change, err := w.Unregister(t.Context(), before.ID, defaultProvider)
	if err != nil {
		t.Fatal(err)
	}
	return before, change
}

// cutting breaks the connection of the first n POSTs whose path contains part, before the server gets them.
func cutting(part string, n int32) func(http.ResponseWriter, *http.Request) bool {
	var sent atomic.Int32
	return func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, part) && sent.Add(1) <= n {
			panic(http.ErrAbortHandler)
		}
		return false
	}
}

// failing answers the first requests whose path contains part with these statuses.
func failing(part string, statuses ...int) func(http.ResponseWriter, *http.Request) bool {
	var sent atomic.Int32
	return func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, part) {
			return false
		}
		n := int(sent.Add(1))
		if n > len(statuses) {
			return false
		}
		if statuses[n-1] == http.StatusTooManyRequests {
			rw.Header().Set("Retry-After", "1")
		}
		rw.WriteHeader(statuses[n-1])
		return true
	}
}

// meddled is a plugin whose other settings change while links are written.
type meddled struct{ link.Plugin }

func (m meddled) WriteConfig(ctx context.Context, proto api.Protocol, provider string,
	change func(map[string]string) error,
) error {
	if err := m.Plugin.WriteConfig(ctx, proto, provider, change); err != nil {
		return err
	}
	return storedAllTheSame()
}

func (m meddled) DeleteLink(ctx context.Context, link api.Link) error {
	if err := m.Plugin.DeleteLink(ctx, link); err != nil {
		return err
	}
	return storedAllTheSame()
}

func storedAllTheSame() error {
	return &api.Error{Code: api.CodeConfigChanged, Err: ssoplugin.ErrStored}
}

// whyOf returns an error's reason.
func whyOf(err error) api.Why {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e.Why
	}
	return ""
}

// newPlugin is the world's plugin as another computer knows it.
func newPlugin(t *testing.T, w *world) *ssoplugin.Plugin {
	t.Helper()
	kind, self, err := w.Linker.Client.Identify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := ssoplugin.Detect(t.Context(), w.Linker.Client, kind, self)
	if err != nil {
		t.Fatal(err)
	}
	return plugin
}
