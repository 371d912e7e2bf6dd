// Package demo is a whole world to try Jellybind in: a simulated Jellyfin with the SSO plugin of any flavour, two real
// OpenID providers and a real SAML identity provider with sign-in pages, and accounts that are linked in every way that
// matters. It listens on the loopback only, keeps everything in memory and is gone when it ends.
package demo

import (
	"context"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/proxy"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/secret"
)

// How many accounts a world has: by default, and at most.
const (
	UsersDefault = 24
	UsersMost    = 100_000
)

// password is the password of every account that has one. It is no secret: a person types it in the tour.
const password = "demo"

// samlClient is the entity id of the simulated server as a SAML service provider.
const samlClient = "urn:jellyfin:demo"

// Options describes a world. The zero value is the default one, with the K0lin flavour.
type Options struct {
	// Flavour is the plugin's; empty means K0lin.
	Flavour api.Flavour
	// PluginVersion is one of server.PluginVersions; empty means the newest.
	PluginVersion string
	// Jellyfin is the server's version: empty means 10.11, server.Jellyfin12 is 12.
	Jellyfin string
	// Fork is a fork of K0lin's that was seen on a real server; it names OIDC identities by their subject.
	Fork bool
	// Users is how many accounts the server has; 0 means UsersDefault. Fewer leaves accounts out from the end, more adds
	// made-up ones.
	Users int
	// Latency is added to every answer of the server.
	Latency time.Duration
	// Seed makes other ids and other made-up accounts. The server's own id, keys, tokens and states are random always.
	Seed uint64
	// Now is the world's clock; nil means time.Now.
	Now func() time.Time
	// BasePath is the server's base URL, such as "/jf"; empty means none.
	BasePath string
	// Port is the port that people reach the server at; 0 takes any free one.
	Port int
	// Proxy is the reverse proxy in front of the server; the zero value means none.
	Proxy Proxy
	// Server, Provider and Config change, before the world starts, the server, an OIDC provider, and the plugin's
	// configuration of a provider; nil means not at all.
	Server   func(*server.Options)
	Provider func(name string, o *idp.OIDCOptions)
	Config   func(name string, config map[string]any)
	// TransientNameID makes the SAML provider give another NameID at each sign-in.
	TransientNameID bool
}

// Proxy describes a reverse proxy. Its site is localhost, by http or https.
type Proxy struct {
	Kind proxy.Kind
	// HTTPS makes the proxy speak TLS with a certificate of its own: see World.ProxyCertificate.
	HTTPS bool
	// Known puts the proxy among the server's KnownProxies, so that its X-Forwarded headers count.
	Known bool
	// Stranger answers requests for another Host; nil means what the kind answers.
	Stranger http.Handler
}

// proxyName is the host of the proxy's site. It is not the loopback's address, and everybody knows where it is.
const proxyName = "localhost"

// World is a running demo world.
type World struct {
	flavour  api.Flavour
	fork     bool
	url      string
	local    string // the server's own address, behind the proxy
	server   *server.Server
	people   []Person
	accounts []api.Account
	key      secret.Value

	authelia, keycloak *idp.OIDC
	adfs               *idp.SAML

	certificate *x509.Certificate // the proxy's

	servers []*http.Server
	plugin  *http.Transport // by which the plugin reaches the providers
	serving sync.WaitGroup  // listeners and connections
	forget  func() bool     // ends the watch on the context
	once    sync.Once
	failed  error // of end
}

// Start starts a world. It ends when ctx does, or by Close. It returns an error when the options make no sense or the
// loopback has no port left.
func Start(ctx context.Context, o Options) (*World, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("starting the demo world: %w", err)
	}
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("starting the demo world: %w", err)
	}
	w := &World{flavour: o.Flavour, fork: o.Fork, people: people(), plugin: &http.Transport{MaxIdleConnsPerHost: 4}}
	if err := w.start(ctx, o); err != nil {
		return nil, fmt.Errorf("starting the demo world: %w", errors.Join(err, w.Close()))
	}
	w.forget = context.AfterFunc(ctx, func() { _ = w.end() })
	return w, nil
}

// Flavours lists the plugin's flavours that a world can run, the one to offer first.
func Flavours() []api.Flavour {
	return []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin}
}

func (o *Options) complete() error {
	if o.Flavour == "" || o.Fork {
		o.Flavour = api.FlavourK0lin
	}
	if !slices.Contains(Flavours(), o.Flavour) {
		return fmt.Errorf("there is no flavour %q", o.Flavour)
	}
	if o.PluginVersion != "" && !slices.Contains(server.PluginVersions(o.Flavour), o.PluginVersion) {
		return fmt.Errorf("the demo has no version %q of %s", o.PluginVersion, o.Flavour)
	}
	if o.Jellyfin != "" && o.Jellyfin != server.Jellyfin12 {
		return fmt.Errorf("the demo has no version %q of Jellyfin", o.Jellyfin)
	}
	if o.Users == 0 {
		o.Users = UsersDefault
	}
	if o.Users < 4 || o.Users > UsersMost {
		return fmt.Errorf("%d accounts are too few or too many: 4 to %d", o.Users, UsersMost)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.BasePath = strings.TrimRight(o.BasePath, "/")
	if o.BasePath != "" && !strings.HasPrefix(o.BasePath, "/") {
		o.BasePath = "/" + o.BasePath
	}
	return nil
}

// start makes the providers first, since the SAML provider begins to make its key then, and fills the server while that
// goes on.
func (w *World) start(ctx context.Context, o Options) error {
	if err := w.startProviders(ctx, o); err != nil {
		return err
	}
	source := newSource(o.Seed)
	port := o.Port
	if o.Proxy.Kind != "" {
		port = 0 // the proxy has it
	}
	listener, err := listen(ctx, port)
	if err != nil {
		return err
	}
	w.local = "http://" + listener.Addr().String() + o.BasePath
	w.url = w.local
	w.server = w.newServer(o, listener, source)
	if err := w.addProviders(o.Config); err != nil {
		return errors.Join(err, listener.Close())
	}
	w.addAccounts(o)
	source.random()
	w.server.NewID() // the journal of another world is not this one's
	w.key = w.server.AddAPIKey("Jellybind demo")
	// A sign-in comes under the host of the listener that waits for its answer, which may have any port.
	w.serve(listener, onlyHosts(func(host string) bool {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			name = strings.Trim(host, "[]")
		}
		ip := net.ParseIP(name)
		return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
	}, w.server))
	if o.Proxy.Kind != "" {
		return w.startProxy(ctx, o)
	}
	return nil
}

func (w *World) newServer(o Options, listener net.Listener, random io.Reader) *server.Server {
	options := server.Options{
		Jellyfin: o.Jellyfin, Flavour: o.Flavour, PluginVersion: o.PluginVersion, Fork: o.Fork, BasePath: o.BasePath,
		Now: o.Now, Rand: random, Latency: o.Latency, ServerName: "Demo", LocalAddress: listener.Addr().String(),
		HTTP: &http.Client{Transport: w.plugin, Timeout: 10 * time.Second},
	}
	if o.Proxy.Known {
		options.KnownProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	if o.Server != nil {
		o.Server(&options)
	}
	return server.New(options)
}

// startProxy puts the proxy in front of the server.
func (w *World) startProxy(ctx context.Context, o Options) error {
	listener, err := listen(ctx, o.Port)
	if err != nil {
		return err
	}
	upstream, err := url.Parse(w.local)
	if err != nil {
		return errors.Join(fmt.Errorf("reading the server's address: %w", err), listener.Close())
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	site := &url.URL{Scheme: "http", Host: net.JoinHostPort(proxyName, port)}
	if o.Proxy.HTTPS {
		site.Scheme = "https"
		certificate, err := proxy.Certificate(proxyName)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		w.certificate = certificate.Leaf
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
		})
	}
	handler, err := proxy.New(proxy.Options{Kind: o.Proxy.Kind, Site: site, Upstream: upstream, Stranger: o.Proxy.Stranger})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	w.url = site.String() + o.BasePath
	w.serve(listener, handler)
	return nil
}

func (w *World) startProviders(ctx context.Context, o Options) error {
	format := idp.NameIDPersistent
	if o.TransientNameID {
		format = idp.NameIDTransient
	}
	base, listener, err := address(ctx, "/adfs")
	if err != nil {
		return err
	}
	w.adfs, err = idp.NewSAML(idp.SAMLOptions{
		BaseURL: base, Name: ADFS, People: w.people, ServiceProviders: []string{samlClient}, Application: "Jellyfin",
		NameIDFormat: format, Now: o.Now,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	w.serve(listener, onlyHosts(same(listener), w.adfs))
	for _, p := range []struct {
		name, path string
		into       **idp.OIDC
	}{{Authelia, "", &w.authelia}, {Keycloak, "/realms/home", &w.keycloak}} {
		issuer, listener, err := address(ctx, p.path)
		if err != nil {
			return err
		}
		options := idp.OIDCOptions{Issuer: issuer, Name: p.name, People: w.people, Now: o.Now}
		if o.Provider != nil {
			o.Provider(p.name, &options)
		}
		*p.into, err = idp.NewOIDC(options)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		w.serve(listener, onlyHosts(same(listener), *p.into))
	}
	return nil
}

// addProviders configures the plugin as an administrator would, with the plugin's own field names.
func (w *World) addProviders(change func(name string, config map[string]any)) error {
	if change == nil {
		change = func(string, map[string]any) {}
	}
	oidc := func(p *idp.OIDC, enabled, newPath bool) map[string]any {
		return map[string]any{
			"OidEndpoint": p.Issuer(), "OidClientId": idp.ClientJellyfin,
			"OidSecret": p.ClientSecret(idp.ClientJellyfin).Reveal(),
			"Enabled":   enabled, "EnableAllFolders": true, "EnableLiveTv": true, "NewPath": newPath, "OidScopes": []string{"email"},
			"DisableHttps": true, "DisablePushedAuthorization": true, "AllowPrivateNetworkAddresses": true,
		}
	}
	for _, p := range []struct {
		name   string
		config map[string]any
	}{
		{Authelia, oidc(w.authelia, true, true)},
		{Keycloak, oidc(w.keycloak, true, false)},
		{Legacy, oidc(w.authelia, false, true)},
	} {
		change(p.name, p.config)
		if err := w.server.AddOIDCProvider(p.name, p.config); err != nil {
			return fmt.Errorf("configuring %s: %w", p.name, err)
		}
	}
	certificate := w.adfs.Certificate()
	if certificate == "" {
		return errors.New("the SAML provider has no certificate")
	}
	config := map[string]any{
		"SamlEndpoint": w.adfs.SSOURL(), "SamlClientId": samlClient, "SamlCertificate": certificate,
		"Enabled": true, "EnableAllFolders": true, "EnableLiveTv": true, "NewPath": true,
	}
	change(ADFS, config)
	if err := w.server.AddSAMLProvider(ADFS, config); err != nil {
		return fmt.Errorf("configuring %s: %w", ADFS, err)
	}
	return nil
}

// addAccounts fills the server and notes who is linked to what.
func (w *World) addAccounts(o Options) {
	specs := household()
	if o.Users <= len(specs) {
		specs = specs[:o.Users]
	} else {
		taken := make(map[string]bool, o.Users)
		for _, a := range specs {
			taken[strings.ToLower(a.name)] = true
		}
		specs = append(specs, grow(o.Users-len(specs), o.Seed, taken)...)
	}
	now := o.Now().UTC().Truncate(time.Second)
	w.accounts = make([]api.Account, 0, len(specs)+1)
	for _, a := range append(specs, gone()) {
		w.accounts = append(w.accounts, w.addAccount(a, now))
	}
}

func (w *World) addAccount(a accountSpec, now time.Time) api.Account {
	spec := server.UserSpec{
		Name: a.name, Password: password, Administrator: a.administrator, Disabled: a.disabled,
		AuthProvider: api.AuthProviderDefault,
	}
	if a.noPassword {
		spec.Password = ""
	}
	if a.madeByPlugin {
		spec.AuthProvider = api.AuthProviderPlugin
	}
	if a.idle != never {
		spec.LastActivity = now.Add(-a.idle)
	}
	user := api.User{
		ID: w.server.AddUser(spec), Name: a.name, Administrator: a.administrator, Disabled: a.disabled,
		HasPassword: !a.noPassword, AuthProvider: spec.AuthProvider, LastActivity: spec.LastActivity,
	}
	account := api.Account{User: user, Exists: !a.deleted}
	for _, i := range a.identities {
		identity := api.Identity{Protocol: i.protocol, Provider: i.provider, Name: i.canonical(w.bySubject())}
		w.server.AddLink(api.Link{Identity: identity, UserID: user.ID})
		account.Identities = append(account.Identities, identity)
	}
	if a.deleted {
		w.server.DeleteUser(user.ID)
		account.User = api.User{ID: user.ID}
	}
	return account
}

// address opens a port and returns the address of path on it.
func address(ctx context.Context, path string) (string, net.Listener, error) {
	listener, err := listen(ctx, 0)
	if err != nil {
		return "", nil, err
	}
	return "http://" + listener.Addr().String() + path, listener, nil
}

// listen opens a port on 127.0.0.1, a free one for 0, never on another interface.
func listen(ctx context.Context, port int) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("opening a port on the loopback: %w", err)
	}
	return listener, nil
}

// serve answers on a listener until the end.
func (w *World) serve(listener net.Listener, handler http.Handler) {
	s := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		// A connection counts from before its goroutine starts until that has ended, so that end can wait for it.
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				w.serving.Add(1)
			case http.StateClosed, http.StateHijacked:
				w.serving.Done()
			case http.StateActive, http.StateIdle:
			}
		},
	}
	w.servers = append(w.servers, s)
	w.serving.Go(func() { _ = s.Serve(listener) })
}

// same tells the listener's own host.
func same(listener net.Listener) func(string) bool {
	own := listener.Addr().String()
	return func(host string) bool { return host == own }
}

// onlyHosts refuses requests for other hosts. A page on the network can lead its own name to the loopback and would then
// read what is here (DNS rebinding).
func onlyHosts(allowed func(string) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(r.Host) {
			http.Error(w, "This address is not served here.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Close ends the world at once: its ports are free and its goroutines gone when it returns. It may be called again.
func (w *World) Close() error {
	if w.forget != nil {
		w.forget()
	}
	return w.end()
}

func (w *World) end() error {
	w.once.Do(func() {
		errs := make([]error, 0, len(w.servers))
		for _, s := range w.servers {
			errs = append(errs, s.Close())
		}
		w.plugin.CloseIdleConnections()
		w.serving.Wait()
		if err := errors.Join(errs...); err != nil {
			w.failed = fmt.Errorf("ending the demo world: %w", err)
		}
	})
	return w.failed
}

// source is the server's randomness: drawn from the seed while the world is made, so that ids are the same every time, and
// the system's afterwards.
type source struct {
	mu sync.Mutex
	r  io.Reader
}

func newSource(seed uint64) *source {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return &source{r: rand.NewChaCha8(key)}
}

func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Read(p)
}

// random makes everything from here on unpredictable.
func (s *source) random() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.r = crand.Reader
}
