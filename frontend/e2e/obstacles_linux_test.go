package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/godbus/dbus/v5"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

// site serves a handler until the test ends.
func site(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// before is a server in front of another one. change may rewrite its answers.
func before(t *testing.T, address string, change func(*http.Response) error) http.Handler {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Transport: unpooled, ModifyResponse: change, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
}

// host is an address without its scheme, as errors name it.
func host(address string) string {
	_, h, _ := strings.Cut(address, "://")
	return h
}

// field reads the error next to the address field, which takes the focus.
func (p *tab) field() string {
	p.t.Helper()
	p.do("the error next to the field", until(`document.getElementById('address-error')`), focused("address"))
	p.nameless("the error next to the field")
	return ask[string](p, `document.getElementById('address-error').innerText`)
}

// obstacle waits for the screen about an obstacle: what happened, why, what to do next, and a button that goes on.
func (p *tab) obstacle(e *api.Error) {
	p.t.Helper()
	code := e.Code
	sentence, hint := english.Error(e)
	p.do("the screen for "+string(code), sees(english.T("obstacle."+string(code))),
		until(`document.querySelector('.obstacle .next') && document.getElementById('go-on')`))
	if said := ask[string](p, `document.querySelector('.obstacle > p').innerText`); said != sentence {
		p.t.Errorf("%s: the person is told %q, want %q", code, said, sentence)
	}
	if said := ask[string](p, `document.querySelector('.obstacle .next p').innerText`); said != hint {
		p.t.Errorf("%s: what to do next is %q, want %q", code, said, hint)
	}
	p.nameless(string(code))
}

// refused waits for an error above the form's fields.
func (p *tab) refused(sentence, hint string) {
	p.t.Helper()
	p.do("the refusal", sees(sentence), sees(hint), until(`document.querySelector('form .banner.bad') && !document.getElementById('sign-in').disabled`))
	p.told()
}

// back leaves the screen for the first one.
func (p *tab) back() {
	p.t.Helper()
	p.do("back", clickOn(".outside-head .button"), sees(english.T("welcome.lead")))
}

// nothingStored fails when a server was added.
func (a *app) nothingStored(t *testing.T, address string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(a.config, "servers.json"))
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	if strings.Contains(string(b), host(address)) {
		t.Error("the server was added all the same")
	}
}

// TestAddressesThatAreNone says next to the field what is no address, and on a screen of its own, where it can be mended, which
// one leads to no Jellyfin.
func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	a := start(t)
	p := a.open(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	huge := site(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for range 10 << 10 {
			if _, err := w.Write([]byte(strings.Repeat("<p>lorem ipsum</p>", 57))); err != nil {
				return
			}
		}
	}))
	hanging := make(chan struct{})
	hang := site(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hanging }))
	t.Cleanup(func() { close(hanging) })

	none := func(why string) string {
		sentence, hint := english.Error(&api.Error{
			Code: api.CodeAddressInvalid, Why: "no-address", Params: map[string]string{"why": why},
		})
		return sentence + " " + hint
	}
	for _, c := range []struct{ address, want string }{
		{"", "Enter the address of your Jellyfin server first."},
		{"not an address", none("unprintable")},
		{"ftp://media.example.com", none("other-scheme")},
	} {
		p.try(c.address)
		if said := p.field(); said != c.want {
			t.Errorf("%q: the person is told %q, want %q", c.address, said, c.want)
		}
		p.do("clearing", fill("address", "x"), gone(c.want))
	}
	p.try(closed.URL)
	refused := &api.Error{
		Code: api.CodeServerUnreachable, Why: "connection-refused", Params: map[string]string{"host": host(closed.URL)},
	}
	p.obstacle(refused)
	p.do("another address, on the screen of the wrong one", fill("address", huge), key(kb.Enter), gone("connection refused"))
	p.obstacle(&api.Error{
		Code: api.CodeServerNotFound, Why: "no-jellyfin", Params: map[string]string{"typed": huge, "list": huge + " web-page"},
	})
	p.do("another one, by the button", fill("address", hang), clickOn("#go-on"), gone("a web page"))
	p.obstacle(&api.Error{
		Code: api.CodeServerUnreachable, Why: "nothing-there", Params: map[string]string{"typed": hang, "list": hang + " silent"},
	})
	p.back()
	p.try(hang)
	p.do("cancel", clickOn("#stop"), until(`!document.getElementById('stop')`))
	p.do("another address at once", fill("address", closed.URL), key(kb.Enter))
	p.obstacle(refused)
}

// TestServersThatAreNotReady has a screen for each, whose button goes on once the server is mended.
func TestServersThatAreNotReady(t *testing.T) {
	t.Parallel()
	keyring := secrettest.Start(t, secrettest.Unlocked)
	a := start(t, "DBUS_SESSION_BUS_ADDRESS="+keyring.Address)
	p := a.open(t)
	d := world(t)
	mended := func(broken *server.Server) (address string, mend func()) {
		var ready atomic.Bool
		whole := before(t, d.URL(), nil)
		return site(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ready.Load() {
				whole.ServeHTTP(w, r)
				return
			}
			broken.ServeHTTP(w, r)
		})), func() { ready.Store(true) }
	}
	for _, broken := range []struct {
		options server.Options
		code    api.Code
	}{
		{server.Options{PluginMissing: true}, api.CodePluginMissing},
		{server.Options{WizardIncomplete: true}, api.CodeWizardIncomplete},
	} {
		address, mend := mended(server.New(broken.options))
		p.try(address)
		p.obstacle(&api.Error{Code: broken.code, Params: map[string]string{"url": address}})
		p.do("in vain", clickOn("#go-on"), sees(english.T("obstacle.next")))
		mend()
		// A retry that is still running may succeed after this; then the button is gone.
		p.do("trying again", until(`(() => { document.getElementById('go-on')?.click(); return document.body.innerText.includes(`+
			strconv.Quote(english.T("connect.how"))+`); })()`))
		p.back()
		a.nothingStored(t, address)
	}

	starting := server.New(server.Options{})
	starting.SetPhase(server.PhaseEarly)
	address, mend := mended(starting)
	p.try(address)
	p.obstacle(&api.Error{Code: api.CodeServerStarting, Params: map[string]string{"host": strings.TrimPrefix(address, "http://")}})
	p.do("it waits", sees(english.T("connect.waiting")))
	starting.SetPhase(server.PhaseNoPlugin)
	p.do("the plugin comes last", until(`new Promise(done => setTimeout(() => done(true), 4000))`), sees(english.T("obstacle.server-starting")))
	mend()
	p.do("it goes on by itself", sees(english.T("connect.how")))
	p.back()
	a.holds(t, d.APIKey().Reveal())
}

// TestRefusedSignIns says of each credential why it is refused, and takes the right one afterwards.
func TestRefusedSignIns(t *testing.T) {
	t.Parallel()
	keyring := secrettest.Start(t, secrettest.Unlocked)
	a := start(t, "DBUS_SESSION_BUS_ADDRESS="+keyring.Address)
	p := a.open(t)
	d := world(t)
	d.Server().AddUser(server.UserSpec{Name: "gone", Password: password, Disabled: true})
	d.Server().AddUser(server.UserSpec{Name: "plain", Password: password})
	apiKey := d.APIKey().Reveal()

	p.try(d.URL())
	p.do("a refused key", sees(english.T("connect.how")), byKey, fill("key", strings.Repeat("0", 32)), key(kb.Enter))
	p.refused(english.Error(&api.Error{
		Code: api.CodeCredentialRefused, Why: "credential-new", Params: map[string]string{"host": host(d.URL())},
	}))
	p.do("the field has the focus", focused("key"))
	p.do("a password", clickOn(`input[value=password]`))
	// Each refusal has other words than the one before, which stays until the next frame.
	wrong := &api.Error{Code: api.CodeCredentialRefused, Why: "password"}
	for _, c := range []struct {
		user, password string
		want           *api.Error
	}{{"root", "wrong", wrong}, {"gone", password, &api.Error{Code: api.CodeAccountDisabled}}, {"nobody", password, wrong}} {
		p.do("signing in as "+c.user, fill("user", c.user), fill("password", c.password), key(kb.Enter))
		p.refused(english.Error(c.want))
	}
	a.nothingStored(t, d.URL())

	// A user who is no administrator sees only their own links, and reads so.
	p.do("a plain user", fill("user", "plain"), fill("password", password), key(kb.Enter), sees(english.T("own.limits")),
		until(`!document.querySelector(".rows")`))
	p.nameless("the own account")
	p.do("signing out", clickOn("#servers"), click(english.T("server.signout")), sees(english.T("welcome.lead")))

	p.try(d.URL())
	p.do("a key with blanks and line ends", sees(english.T("connect.how")), byKey, clickOn("#key"),
		paste(" \t"+apiKey[:9]+" "+apiKey[9:20]+"\r\n "+apiKey[20:]+"\n\n"), clickOn("#sign-in"), until(loaded))
	a.holds(t, apiKey, password)
}

// TestCertificates trusts a certificate by its fingerprint, and refuses another one until it was compared, too.
func TestCertificates(t *testing.T) {
	t.Parallel()
	keyring := secrettest.Start(t, secrettest.Unlocked)
	bus, dir := "DBUS_SESSION_BUS_ADDRESS="+keyring.Address, t.TempDir()
	a := launch(t, dir, bus)
	p := a.open(t)
	d := world(t)
	apiKey := d.APIKey().Reveal()
	var shown atomic.Pointer[tls.Certificate]
	shown.Store(certificate(t, "first"))
	encrypted := httptest.NewUnstartedServer(before(t, d.URL(), nil))
	encrypted.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that the window breaks off
	encrypted.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*shown.Load()}}, nil
	}}
	encrypted.StartTLS()
	t.Cleanup(encrypted.Close)
	swap := func(name string) {
		shown.Store(certificate(t, name))
		encrypted.CloseClientConnections()
	}
	read := func(id string) string {
		return ask[string](p, fmt.Sprintf(`document.getElementById(%q).textContent`, id))
	}
	first := fingerprint(shown.Load())

	p.try(encrypted.URL)
	p.do("the certificate", sees(english.T("certificate.title")), sees(english.T("certificate.how")), sees("CN=first"))
	if got := read("fingerprint"); got != first {
		t.Errorf("the window shows the fingerprint %s, want %s", got, first)
	}
	p.nameless("the certificate")
	p.do("no trust", click(english.T("certificate.no")), sees(english.T("welcome.lead")))
	p.try(encrypted.URL)
	p.do("trust", clickOn("#trust"), sees(english.T("connect.how")))

	// It changes before the key is sent, which is not sent then.
	swap("second")
	second := fingerprint(shown.Load())
	p.do("another certificate", byKey, fill("key", apiKey), key(kb.Enter), sees(english.T("obstacle.certificate-changed")))
	compare := func(old, now string) {
		t.Helper()
		p.do("both fingerprints", sees(english.T("certificate.changed")), sees(english.T("certificate.how.changed")),
			until(`document.getElementById('fingerprint-before')`))
		if before, after := read("fingerprint-before"), read("fingerprint"); before != old || after != now {
			t.Errorf("the window shows %s and %s, want %s and %s", before, after, old, now)
		}
		p.nameless("the changed certificate")
	}
	compare(first, second)
	a.nothingStored(t, encrypted.URL)
	p.do("trust", clickOn("#trust"), sees(english.T("connect.how")), byKey, fill("key", apiKey), key(kb.Enter), until(loaded))

	// And while the window is closed.
	p.complain()
	p.closed = true
	p.do("closing", chromedp.Evaluate[chromedp.Void](`void go.main.App.Quit()`))
	a.wait(t)
	swap("third")
	third := fingerprint(shown.Load())
	a = launch(t, dir, bus)
	p = a.open(t)
	compare(second, third)
	p.comes("trust", clickOn("#trust")) // the key is stored still
	p.do("another start", chromedp.Reload(), until(loaded))
	a.holds(t, apiKey)
}

// certificate makes a certificate that no authority has signed.
func certificate(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// fingerprint is what openssl x509 -fingerprint -sha256 prints.
func fingerprint(c *tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

// TestNoKeyring: without a keyring nothing is stored, and the window says so before anything is typed.
func TestNoKeyring(t *testing.T) {
	t.Parallel()
	d := world(t)
	dir := t.TempDir()
	for _, state := range []secrettest.State{secrettest.NoBus, secrettest.NoService} {
		keyring := secrettest.Start(t, state)
		env := []string{}
		if keyring.Address != "" {
			env = append(env, "DBUS_SESSION_BUS_ADDRESS="+keyring.Address)
		}
		a := launch(t, filepath.Join(dir, string(state)), env...)
		p := a.open(t)
		sentence, hint := english.Error(&api.Error{Code: api.CodeSecretUnavailable})
		p.do("at the first start", sees(english.T("keyring.off")), sees(sentence), sees(hint))
		p.try(d.URL())
		p.obstacle(&api.Error{Code: api.CodeSecretUnavailable})
		p.do("checking again", click(english.T("keyring.check")), sees(sentence))
		p.back()
		p.do("settings", click(english.T("nav.settings")), sees(sentence), sees(hint))
		a.nothingStored(t, d.URL())
	}
}

// TestLockedKeyring: a locked keyring is reported at the first start and when something is to be stored. Unlocked, it works.
func TestLockedKeyring(t *testing.T) {
	t.Parallel()
	keyring := secrettest.Start(t, secrettest.Locked)
	a := start(t, "DBUS_SESSION_BUS_ADDRESS="+keyring.Address)
	p := a.open(t)
	d := world(t)
	apiKey := d.APIKey().Reveal()
	const sentence, hint = "The keyring is locked.", "Unlock it, then try again."
	p.do("at the first start", sees(english.T("keyring.off")), sees(sentence), sees(hint))
	p.try(d.URL())
	p.do("while connecting", sees(english.T("connect.how")), sees(sentence), byKey, fill("key", apiKey), key(kb.Enter))
	p.refused(sentence, hint)
	a.nothingStored(t, d.URL())
	p.do("the password", clickOn(`input[value=password]`), fill("user", "root"), fill("password", password), key(kb.Enter))
	p.refused(sentence, hint)
	a.nothingStored(t, d.URL())
	a.holds(t, apiKey, password)
	keyring.Unlock()
	p.do("checking again", click(english.T("keyring.check")), gone(sentence+" "+hint), sees(english.T("connect.keyring")),
		fill("password", password), key(kb.Enter), until(loaded))
	// Locked when a stored server is opened.
	keyring.Lock()
	p.do("another start", chromedp.Reload())
	p.obstacle(&api.Error{Code: api.CodeSecretLocked})
	keyring.Unlock()
	p.do("unlocked", clickOn("#go-on"), until(loaded))
	a.holds(t, apiKey, password)
}

// hangingService is a Secret Service that never answers.
type hangingService struct{}

func (hangingService) Get(_, _ string) (dbus.Variant, *dbus.Error) { select {} }

// TestHangingKeyring: the first frame does not wait for the keyring, which is reported after its time limit.
func TestHangingKeyring(t *testing.T) {
	t.Parallel()
	keyring := secrettest.Start(t, secrettest.NoService)
	conn := keyring.Connect()
	if err := conn.Export(hangingService{}, "/org/freedesktop/secrets", "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName("org.freedesktop.secrets", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	a := start(t, "DBUS_SESSION_BUS_ADDRESS="+keyring.Address)
	p := a.open(t)
	p.do("the first frame", sees(english.T("welcome.lead")))
	if ask[bool](p, fmt.Sprintf(`document.body.innerText.includes(%q)`, english.T("keyring.off"))) {
		t.Error("the first frame came only when the keyring's time was over")
	}
	p.do("settings meanwhile", click(english.T("nav.settings")), sees(english.T("keyring.looking")), gone(english.T("keyring.on")))
	p.do("told in the end", gone(english.T("keyring.looking")), sees("keyring cannot be used"))
}

// TestHostileNames: hostile names are shown as text, inside their elements.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	keyring := secrettest.Start(t, secrettest.Unlocked)
	a := start(t, "DBUS_SESSION_BUS_ADDRESS="+keyring.Address)
	p := a.open(t)
	d := world(t)
	names := map[string]string{
		strings.Repeat("w", 300):                                  "",
		"שלום עולם \u202egnp.exe":                                 `שלום עולם \u202egnp.exe`,
		`<img src=x onerror="document.title='owned'"><b>bold</b>`: "",
	}
	for name := range names {
		id := d.Server().AddUser(server.UserSpec{Name: name, Password: password})
		d.Server().AddLink(api.Link{Identity: api.Identity{Protocol: api.OIDC, Provider: "authelia", Name: name}, UserID: id})
	}
	p.try(d.URL())
	p.do("connecting", sees(english.T("connect.how")), fill("profile", strings.Repeat("<i>long</i> ", 12)), byKey, fill("key", d.APIKey().Reveal()),
		key(kb.Enter), until(loaded))
	for name, shown := range names {
		if shown == "" {
			shown = name
		}
		p.do("searching", fill("search", string([]rune(name)[:5])), until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length === 1`), sees(shown))
		p.fits("the roster")
		p.do("the drawer", clickOn(".rows > .row .account-name"), until(`document.getElementById('remove-0')`),
			until(fmt.Sprintf(`document.getElementById('drawer-title').textContent === %q`, shown)))
		p.fits("the drawer")
		p.do("removing", clickOn("#remove-0"), until(`document.querySelector('dialog')`))
		p.fits("the dialog that removes")
		p.do("no", click(english.T("cancel")), until(`!document.querySelector('dialog')`))
		p.do("linking", clickOn("#link-identity"), until(`document.querySelector('.link-panel, .link-body')`))
		p.fits("the link panel")
		p.do("closing", clickOn("#drawer-close"), until(`!document.querySelector('.drawer')`))
	}
	if title := ask[string](p, `document.title`); title == "owned" || ask[bool](p, `!!document.querySelector('main img, main b, aside b')`) {
		t.Errorf("a name was taken as HTML; the title is %q", title)
	}
	p.screen(english, "settings")
	p.fits("the settings")
	p.do("forgetting", clickOn(`.server-row .icon-button:last-child`), until(`document.querySelector('dialog')`))
	p.fits("the dialog that forgets")
}

// fits fails if something reaches out of its container.
func (p *tab) fits(where string) {
	p.t.Helper()
	wide := ask[[]string](p, `[document.documentElement, ...document.querySelectorAll('main, .rows, .row, .drawer, .drawer *:not(.link-body, .link-panel), dialog, dialog *:not(.dialog-head), .card, .server-row')]
		.filter(e => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1 && !(e !== document.documentElement && ['hidden', 'clip', 'auto'].includes(getComputedStyle(e).overflowX) &&
			e.tagName !== 'DIALOG' && !e.classList.contains('drawer') && !e.classList.contains('drawer-body') && !e.classList.contains('rows')))
		.map(e => e.tagName + '.' + e.className + ' ' + e.scrollWidth + ' > ' + e.clientWidth)`)
	for _, w := range wide {
		p.t.Errorf("%s: too wide is %s", where, w)
	}
}

// TestReadingIsCalledOff waits for a server that does not send its accounts, cancels the reading, and reads again.
func TestReadingIsCalledOff(t *testing.T) {
	t.Parallel()
	keyring := secrettest.Start(t, secrettest.Unlocked)
	a := start(t, "DBUS_SESSION_BUS_ADDRESS="+keyring.Address)
	p := a.open(t)
	d := world(t)
	var held atomic.Bool
	ended := make(chan struct{})
	front := before(t, d.URL(), nil)
	address := site(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if held.Load() && r.URL.Path == "/Users" {
			select {
			case <-r.Context().Done():
			case <-ended:
			}
			return
		}
		front.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { close(ended) })
	rows := until(`document.querySelectorAll('.rows > .row:not(.skeleton)').length > 5`)
	held.Store(true)
	p.try(address)
	p.do("signing in", sees(english.T("connect.how")), byKey, fill("key", d.APIKey().Reveal()), key(kb.Enter), sees(english.Step(api.Progress{Step: "reading-roster"})))
	p.nameless("reading")
	p.do("calling it off", clickOn("#stop"), until(`document.querySelector('.banner.bad')`), focused("title"))
	held.Store(false)
	p.do("again", click(english.T("again")), rows, until(`!document.querySelector('.banner.bad')`))
	held.Store(true)
	p.do("refreshing", click(english.T("roster.refresh")), clickOn("#stop"), focused("title"), rows, sees(english.T("roster.refresh")))
	held.Store(false)
	p.do("refreshing again", click(english.T("roster.refresh")), sees(english.T("toast.fresh")))
}
