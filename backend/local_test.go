package backend_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/proxy"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/profile"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

// hidden is a demo server behind a proxy that hides its sign-in. Its address in the local network is a front that notes what
// comes there.
type hidden struct {
	*backend.Demo
	session *backend.Session
	front   *httptest.Server

	mu  sync.Mutex
	got []*http.Request
	// start answers a sign-in's start in the server's place; nil lets the server answer.
	start http.HandlerFunc
}

func newHidden(t *testing.T, flavour api.Flavour, as api.CredentialKind) *hidden {
	t.Helper()
	h := &hidden{}
	var err error
	h.Demo, err = backend.NewDemo(t.Context(), backend.Options{
		Version: "test", Discover: jellyfin.DiscoverOptions{
			Targets: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}, Wait: 50 * time.Millisecond,
		},
	}, demo.Options{Flavour: flavour, Proxy: demo.Proxy{Kind: proxy.NginxName}}, as)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	target, err := url.Parse(h.World.LocalURL())
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Transport: unpooled, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	h.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.got = append(h.got, r.Clone(context.Background()))
		start := h.start
		h.mu.Unlock()
		if start != nil && strings.Contains(r.URL.Path, "/start/") {
			start(w, r)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(h.front.Close)
	h.World.Server().SetLocalAddress(strings.TrimPrefix(h.front.URL, "http://"))
	if h.session, err = h.Open(t.Context(), backend.Target{}); err != nil {
		t.Fatal(err)
	}
	h.session.Linker.Ports = []int{0}
	return h
}

// link links the newcomer's identity.
func (h *hidden) link(t *testing.T, req api.LinkRequest, p *host) (api.Change, error) {
	t.Helper()
	account, ok := h.World.Account(demo.TourName)
	if !ok {
		t.Fatal("nobody is on tour")
	}
	req.UserID, req.Protocol, req.Provider = account.ID, api.OIDC, demo.Authelia
	return h.session.Linker.Link(t.Context(), req, p)
}

func (h *hidden) entry(t *testing.T) profile.Entry {
	t.Helper()
	e, err := h.Entry(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// requests are those that came to the address in the local network, as METHOD path.
func (h *hidden) requests() []*http.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

// host is a person who signs in without a browser and says what may run over the local network.
type host struct {
	answer api.Consent
	asked  []string
	opened []string
}

func (p *host) SignIn(ctx context.Context, s api.SignIn) error {
	p.opened = append(p.opened, s.URL)
	_, err := visitor.New().SignIn(ctx, s.URL, demo.NewcomerLogin)
	return err
}

func (*host) SignInElsewhere(context.Context, api.DeviceSignIn) error {
	return errors.New("nobody is elsewhere")
}

func (p *host) UseLocal(_ context.Context, address string) (api.Consent, error) {
	p.asked = append(p.asked, address)
	return p.answer, nil
}

func (*host) Confirm(context.Context, api.Confirmation) error { return nil }
func (*host) Progress(api.Progress)                           {}

// TestLocalAddressFound: the address that the server names is asked about once, and then a sign-in runs over it: two requests,
// and nothing of ours in them.
func TestLocalAddressFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flavour api.Flavour
		as      api.CredentialKind
	}{
		{api.Flavour9p4, api.CredentialAdmin},
		{api.FlavourK0lin, api.CredentialKey},
		{api.FlavourFlowfin, api.CredentialAdmin},
		{api.FlavourK0lin, api.CredentialUser},
	} {
		t.Run(string(c.flavour)+" "+string(c.as), func(t *testing.T) {
			t.Parallel()
			h := newHidden(t, c.flavour, c.as)
			p := &host{answer: api.ConsentYes}
			if c.as == api.CredentialUser {
				testOwn(t, h, p)
			} else if change, err := h.link(t, api.LinkRequest{}, p); err != nil || change.State != api.ChangeConfirmed || change.Strategy != api.StrategyRelayLocal {
				t.Fatalf("%+v, %v", change, err)
			}
			if !slices.Equal(p.asked, []string{h.front.URL}) {
				t.Errorf("asked about %q", p.asked)
			}
			if e := h.entry(t); e.LocalAddress != h.front.URL {
				t.Errorf("kept %q", e.LocalAddress)
			}
			for _, r := range h.requests() {
				if r.Header.Get("Authorization") != "" || r.Method == http.MethodPost ||
					!strings.HasSuffix(r.URL.Path, "/System/Info/Public") && !strings.HasPrefix(r.URL.Path, "/sso/OID/") {
					t.Errorf("%s %s with %q", r.Method, r.URL.Path, r.Header.Get("Authorization"))
				}
				for _, cookie := range r.Cookies() {
					if !strings.HasPrefix(cookie.Name, "__Host-sso_") {
						t.Errorf("%s with the cookie %s", r.URL.Path, cookie.Name)
					}
				}
			}
		})
	}
}

// testOwn links the plain user's own account; the settings cannot be read.
func testOwn(t *testing.T, h *hidden, p *host) {
	t.Helper()
	change, err := h.session.Linker.Link(t.Context(), api.LinkRequest{
		UserID: h.session.User.ID, Protocol: api.OIDC, Provider: demo.Authelia, Move: true,
	}, p)
	if err != nil || change.Strategy != api.StrategyRelayLocal {
		t.Fatalf("%+v, %v", change, err)
	}
}

// TestLocalAddressDecided: no is kept and not asked again, an open question is, and neither lets a sign-in run over the address.
func TestLocalAddressDecided(t *testing.T) {
	t.Parallel()
	for answer, asked := range map[api.Consent]int{api.ConsentNo: 1, api.ConsentOpen: 2} {
		h := newHidden(t, api.FlavourK0lin, api.CredentialAdmin)
		p := &host{answer: answer}
		change, err := h.link(t, api.LinkRequest{}, p)
		if err != nil || change.Strategy != api.StrategyPluginClient {
			t.Fatalf("%s: %+v, %v", answer, change, err)
		}
		if _, err := h.session.Linker.Undo(t.Context(), change.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := h.link(t, api.LinkRequest{Retry: true}, p); err != nil {
			t.Fatal(err)
		}
		if len(p.asked) != asked {
			t.Errorf("%s: asked %d times, want %d", answer, len(p.asked), asked)
		}
		if e := h.entry(t); e.LocalAddress != "" || (e.LocalDeclined == h.front.URL) != (answer == api.ConsentNo) {
			t.Errorf("%s: kept %q and %q", answer, e.LocalAddress, e.LocalDeclined)
		}
		for _, r := range h.requests() {
			if !strings.HasSuffix(r.URL.Path, "/System/Info/Public") {
				t.Errorf("%s: %s", answer, r.URL.Path)
			}
		}
	}
}

// TestLocalAddressPlan: a plan asks nobody, says that the address was found, and leaves the question to the link.
func TestLocalAddressPlan(t *testing.T) {
	t.Parallel()
	h := newHidden(t, api.FlavourK0lin, api.CredentialAdmin)
	account, _ := h.World.Account(demo.TourName)
	plan, err := h.session.Linker.Plan(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia})
	if err != nil || plan.Strategy != api.StrategyPluginClient {
		t.Fatalf("%s, %v", plan.Strategy, err)
	}
	i := slices.IndexFunc(plan.Options, func(o api.Option) bool { return o.Strategy == api.StrategyRelayLocal })
	if o := plan.Options[i]; o.OK || o.Why != "local-ask" || o.Params["address"] != h.front.URL {
		t.Errorf("%+v", o)
	}
	p := &host{answer: api.ConsentYes}
	if change, err := h.link(t, api.LinkRequest{}, p); err != nil || change.Strategy != api.StrategyRelayLocal || len(p.asked) != 1 {
		t.Errorf("%s, %v, asked %q", change.Strategy, err, p.asked)
	}
}

// TestLocalAddressHostile: what answers at the local address knows the server's id and starts sign-ins of its own.
func TestLocalAddressHostile(t *testing.T) {
	t.Parallel()
	to := func(change func(location *url.URL, q url.Values)) func(h *hidden) http.HandlerFunc {
		return func(h *hidden) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				u, _ := url.Parse(h.World.Issuer(demo.Authelia) + "/auth")
				q := url.Values{
					"client_id": {"jellyfin"}, "state": {"s"}, "response_type": {"code"},
					"redirect_uri": {"http://" + r.Host + "/sso/OID/redirect/" + demo.Authelia},
				}
				change(u, q)
				u.RawQuery = q.Encode()
				http.Redirect(w, r, u.String(), http.StatusFound)
			}
		}
	}
	for name, c := range map[string]struct {
		start func(h *hidden) http.HandlerFunc
		why   api.Why
	}{
		"another provider": {func(h *hidden) http.HandlerFunc {
			return to(func(u *url.URL, _ url.Values) { u.Host = "idp.evil.example" })(h)
		}, "address-foreign"},
		"another page of the provider": {to(func(u *url.URL, _ url.Values) { u.Path = "/logout" }), "address-foreign"},
		"another client":               {to(func(_ *url.URL, q url.Values) { q.Set("client_id", "evil") }), "client-foreign"},
		"two clients":                  {to(func(_ *url.URL, q url.Values) { q.Add("client_id", "evil") }), "client-foreign"},
		"the answer elsewhere": {to(func(_ *url.URL, q url.Values) {
			q.Set("redirect_uri", "https://evil.example/sso/OID/redirect/"+demo.Authelia)
		}), "led-host"},
		"a redirect to another server": {func(*hidden) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }
		}, "proxied-name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHidden(t, api.FlavourK0lin, api.CredentialAdmin)
			h.start = c.start(h)
			p := &host{answer: api.ConsentYes}
			_, err := h.link(t, api.LinkRequest{Strategy: api.StrategyRelayLocal}, p)
			if e := told(t, err); e.Why != c.why {
				t.Errorf("%s: %v", e.Why, e.Params)
			}
			if len(p.opened) != 0 {
				t.Errorf("opened %q", p.opened)
			}
			if change, err := h.link(t, api.LinkRequest{}, p); err != nil || change.Strategy != api.StrategyPluginClient {
				t.Errorf("then %+v, %v", change, err)
			}
		})
	}
}

// TestLocalAddressOfAnother: once agreed to, the address must still be this server's.
func TestLocalAddressOfAnother(t *testing.T) {
	t.Parallel()
	h := newHidden(t, api.FlavourK0lin, api.CredentialAdmin)
	other := newHidden(t, api.FlavourK0lin, api.CredentialAdmin)
	if err := h.SetLocalAddress(t.Context(), h.entry(t).Name, other.front.URL); told(t, err).Why != "local-another" {
		t.Error(err)
	}
	err := h.Profiles.Update(t.Context(), func(d *profile.Data) error { d.Profiles[0].LocalAddress = other.front.URL; return nil })
	if err == nil {
		err = h.Refresh(t.Context(), h.session)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &host{answer: api.ConsentYes}
	if change, err := h.link(t, api.LinkRequest{}, p); err != nil || change.Strategy != api.StrategyPluginClient || len(p.asked) != 0 {
		t.Errorf("%+v, %v, asked %q", change, err, p.asked)
	}
	for _, r := range other.requests() {
		if !strings.HasSuffix(r.URL.Path, "/System/Info/Public") {
			t.Errorf("the other server was asked for %s", r.URL.Path)
		}
	}
}

func told(t *testing.T, err error) *api.Error {
	t.Helper()
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		t.Fatalf("%v is not an api.Error", err)
	}
	return e
}
