package window_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
)

func TestConnectKey(t *testing.T) {
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

	// As copied from a mail: wrapped, indented, with a byte order mark.
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

	// Adding it again gives the same profile, with any name.
	s, err = w.ConnectKey(ctx, d.URL(), "other", key)
	if must(w, s, err).Profile.Name != "home" || len(w.stored()) != 1 {
		t.Errorf("the second session %+v; %d profiles", s, len(w.stored()))
	}
	// A key that is refused does not replace the one that works.
	_, err = w.ConnectKey(ctx, d.URL(), "", strings.Repeat("0", 32))
	w.refused(api.CodeCredentialRefused, err)
	s, err = w.OpenProfile(ctx, "home")
	must(w, s, err)

	// Another server cannot have its name.
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

func TestConnectPassword(t *testing.T) {
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

// unknown reports whether a server no longer accepts a token.
func unknown(t *testing.T, d *demo.World, token string) bool {
	t.Helper()
	c, err := jellyfin.New(jellyfin.Options{URL: d.URL(), DeviceID: "test", Version: "test", Credential: secret.New(token)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Me(t.Context())
	return api.IsCode(err, api.CodeCredentialRefused)
}

// TestPlainUser: a user who is not an administrator sees only the own account.
func TestPlainUser(t *testing.T) {
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

// TestDropsTokens: if the server lacks the plugin, the new token is not stored, and is ended.
func TestDropsTokens(t *testing.T) {
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

func TestQuickConnect(t *testing.T) {
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

func TestProbe(t *testing.T) {
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
