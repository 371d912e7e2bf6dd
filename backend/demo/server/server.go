// Package server simulates a Jellyfin 10.11 or 12 with the SSO plugin in each of its flavours, as an http.Handler that
// lives in memory. It answers as the real servers did when they were recorded, and its plugin is a real OpenID Connect
// client and a real SAML service provider: it redeems codes and checks signatures.
package server

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

// Options describes the server to simulate. The zero value is a K0lin server with the wizard done and nobody in it.
type Options struct {
	// Jellyfin is the server's version: "" is 10.11, Jellyfin12 is 12.
	Jellyfin string
	// Flavour is the plugin's line; empty means K0lin.
	Flavour api.Flavour
	// PluginVersion is one of PluginVersions; empty means the newest.
	PluginVersion string
	// Fork is the fork of K0lin's that was seen on a real server; Flavour and PluginVersion do not matter then.
	Fork bool
	// BasePath is the server's base URL, such as "/jf", or empty.
	BasePath string
	// Now and Rand are the clock, and the source of ids, tokens and states; nil means time.Now and crypto/rand.
	Now  func() time.Time
	Rand io.Reader
	// SSOOnly is the administrator who alone signs in by password (Flowfin); empty lets everybody.
	SSOOnly string
	// Latency is added to every answer.
	Latency time.Duration
	// KnownProxies are the peers whose X-Forwarded-Proto and X-Forwarded-Host the server believes, as in Jellyfin's network
	// settings.
	KnownProxies []netip.Prefix
	// HTTP is the client that the plugin reaches identity providers with; nil means one with a timeout.
	HTTP *http.Client
	// PluginMissing leaves the SSO plugin out. WizardIncomplete is a server whose first-run wizard nobody has finished.
	PluginMissing, WizardIncomplete bool
	// ServerName is the name that the server shows; empty means "demo".
	ServerName string
	// LocalAddress is the host:port that the server believes to listen on; empty means 127.0.0.1:8096. SetLocalAddress
	// changes it once the port is known.
	LocalAddress string
}

// Phase is how far a server has come up.
type Phase int

// The phases. A starting server goes through early, loading and without plugins before it is ready.
const (
	PhaseReady    Phase = iota // everything answers
	PhaseEarly                 // 503 with Retry-After, but for System/Info/Public in camelCase and health, "Degraded"
	PhaseLoading               // 503 without Retry-After; routes that need a credential say 401 already
	PhaseNoPlugin              // Jellyfin answers and the plugin's routes are not there yet: 404
)

// Hostile makes the server misbehave, for tests of the defences against one that does.
type Hostile struct {
	// IgnoreWrites makes every write of links answer success and store nothing.
	IgnoreWrites bool
	// FailWrites makes every write of links and sign-in providers be stored and then fail.
	FailWrites WriteFault
	// StartLocation is the Location that a provider's start answers, instead of the identity provider's address.
	StartLocation string
}

// WriteFault is how a write that was stored fails.
type WriteFault int

// The faults.
const (
	FaultNone      WriteFault = iota
	FaultAnswer500            // answered with 500
	FaultCut                  // the connection ends without an answer
)

// Server is the simulated server. Its methods may be called while it serves.
type Server struct {
	opts    Options
	version version
	flavour flavour
	routes  []route
	random  sync.Mutex // guards opts.Rand, which need not be safe for concurrent use

	mu       sync.Mutex // guards all below
	id       string
	address  string
	wizard   bool // the first-run wizard is done
	phase    Phase
	hostile  Hostile
	users    map[string]*user
	policies map[policy][]byte // encoded
	tokens   []*token
	keys     []apiKey
	sessions []*session
	quick    []*quickConnect

	oidc, saml providers
	pending    map[string]*pendingLogin // OIDC sign-ins by state
	handles    map[string]samlLogin     // Flowfin: SAML sign-ins by the handle that its page holds
	consumed   map[string]bool          // Flowfin: ids of SAML assertions that were used
	requests   map[string]time.Time     // AuthnRequests by their ids: when they were made
}

// New makes a server. It holds nobody yet: see AddUser.
func New(o Options) *Server {
	if o.Flavour == "" {
		o.Flavour = api.FlavourK0lin
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	}
	if o.ServerName == "" {
		o.ServerName = "demo"
	}
	if o.LocalAddress == "" {
		o.LocalAddress = "127.0.0.1:8096"
	}
	o.BasePath = strings.TrimRight(o.BasePath, "/")
	s := &Server{
		opts:     o,
		version:  versionOf(o),
		flavour:  flavourOf(o),
		address:  o.LocalAddress,
		wizard:   !o.WizardIncomplete,
		users:    map[string]*user{},
		policies: map[policy][]byte{},
		pending:  map[string]*pendingLogin{},
		handles:  map[string]samlLogin{},
		consumed: map[string]bool{},
		requests: map[string]time.Time{},
	}
	s.id = s.randomHex(16)
	s.routes = s.jellyfinRoutes()
	if !o.PluginMissing {
		s.routes = append(s.routes, s.pluginRoutes()...)
	}
	return s
}

// SetLocalAddress tells the server the host:port that it listens on.
func (s *Server) SetLocalAddress(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = address
}

// NewID gives the server another id, as if it were another server.
func (s *Server) NewID() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id = s.randomHex(16)
}

// SetPhase moves the server to a phase of its start.
func (s *Server) SetPhase(p Phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = p
}

// SetHostile makes the server misbehave, or behave again with the zero value.
func (s *Server) SetHostile(h Hostile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hostile = h
}

// Restart does what a restart of the real server does: pending sign-ins and sessions are gone, tokens and keys live on, and
// what was only in memory is lost.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = map[string]*pendingLogin{}
	s.handles, s.consumed, s.requests = map[string]samlLogin{}, map[string]bool{}, map[string]time.Time{}
	s.sessions, s.quick = nil, nil
	for _, k := range s.kinds() {
		for i, p := range *k.providers {
			(*k.providers)[i] = p.reloaded(k.fields)
		}
	}
	for _, u := range s.users {
		u.reload()
	}
}

// AddOIDCProvider adds or replaces an OIDC provider. The configuration has the plugin's own field names; fields that the
// flavour does not know are dropped, as the plugin drops them.
func (s *Server) AddOIDCProvider(name string, config map[string]any) error {
	return s.addProvider(&s.oidc, s.flavour.oidcFields, name, config)
}

// AddSAMLProvider adds or replaces a SAML provider, like AddOIDCProvider.
func (s *Server) AddSAMLProvider(name string, config map[string]any) error {
	return s.addProvider(&s.saml, s.flavour.samlFields, name, config)
}

// AddLink stores a link without any check, as if it had been made long ago. A provider that does not exist is an error
// of the caller and is ignored.
func (s *Server) AddLink(l api.Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	providers := &s.oidc
	if l.Protocol == api.SAML {
		providers = &s.saml
	}
	if p, ok := providers.get(l.Provider); ok {
		p.links[l.Name] = undashed(l.UserID)
	}
}

// AddAPIKey makes an API key and returns it.
func (s *Server) AddAPIKey(app string) secret.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	return secret.New(s.addKey(app))
}

// ID is the server's id.
func (s *Server) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

func (s *Server) now() time.Time { return s.opts.Now() }

// randomBytes returns n bytes of the server's source. A source that fails leaves nothing to go on with.
func (s *Server) randomBytes(n int) []byte {
	s.random.Lock()
	defer s.random.Unlock()
	b := make([]byte, n)
	if _, err := io.ReadFull(s.opts.Rand, b); err != nil {
		panic("server: no randomness: " + err.Error())
	}
	return b
}

func (s *Server) randomHex(n int) string { return hex.EncodeToString(s.randomBytes(n)) }

func (s *Server) randomText(n int) string {
	return base64.RawURLEncoding.EncodeToString(s.randomBytes(n))
}

// port is the port of the server's own address.
func port(address string) int {
	_, p, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(p)
	return n
}
