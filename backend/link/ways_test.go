package link_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/secret"
)

// hide puts a proxy before the world that answers any other Host than the server's with an empty page, as Caddy does.
func (w *world) hide() {
	w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Host == w.Linker.Client.URL().Host {
			return false
		}
		rw.WriteHeader(http.StatusOK)
		return true
	}, "")
}

// remembering lets the linker remember the ways that it found. It returns that memory.
func (w *world) remembering(t *testing.T) map[string][]api.Attempt {
	t.Helper()
	info, err := w.Linker.Client.PublicInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.ServerID = info.ID
	memory := map[string][]api.Attempt{}
	w.Remembered = func(_ api.Protocol, name string) []api.Attempt { return memory[name] }
	w.Remember = func(_ context.Context, f api.FoundWays) { memory[f.Provider] = f.Attempts }
	return memory
}

// newcomer asks to link the newcomer's identity at Authelia to the tour's account.
func (w *world) newcomer(t *testing.T) api.LinkRequest {
	t.Helper()
	return api.LinkRequest{UserID: w.account(t, demo.TourName).ID, Protocol: api.OIDC, Provider: demo.Authelia}
}

// linkAndUndo links the newcomer's identity and takes that back. It returns the way that was taken.
func (w *world) linkAndUndo(t *testing.T, req api.LinkRequest, p link.Person) api.Strategy {
	t.Helper()
	change, err := w.Link(t.Context(), req, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Undo(t.Context(), change.ID); err != nil {
		t.Fatal(err)
	}
	return change.Strategy
}

func TestWayIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	memory := w.remembering(t)
	w.hide()
	req := w.newcomer(t)
	starts := func() int { return w.requests("GET", "/sso/OID/start/") }
	for i, retry := range []bool{false, false, true} {
		req.Retry = retry
		if s := w.linkAndUndo(t, req, person{login: demo.NewcomerLogin}); s != api.StrategyPluginClient {
			t.Errorf("linked by %s", s)
		}
		if want := []int{1, 1, 2}[i]; starts() != want {
			t.Errorf("link %d: %d starts, want %d", i, starts(), want)
		}
	}
	found := memory[demo.Authelia]
	if len(found) != 2 || found[0].OK || found[0].Why != "proxied-empty" || !found[1].OK || found[0].At.IsZero() {
		t.Errorf("remembered %+v", found)
	}
}

// TestRememberedWayThatFails: the next way is taken, and the person is asked once.
func TestRememberedWayThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.Flavour9p4, api.CredentialAdmin)
	memory := w.remembering(t)
	req := w.newcomer(t)
	if s := w.linkAndUndo(t, req, person{login: demo.NewcomerLogin}); s != api.StrategyRelay {
		t.Fatalf("linked by %s", s)
	}
	w.hide()
	asked := 0
	p := person{login: demo.NewcomerLogin, shown: func(api.SignIn) { asked++ }}
	if s := w.linkAndUndo(t, req, p); s != api.StrategyPluginClient || asked != 1 {
		t.Errorf("linked by %s, asked %d times", s, asked)
	}
	if found := memory[demo.Authelia]; len(found) != 2 || found[0].OK {
		t.Errorf("remembered %+v", found)
	}
}

// TestNoWay names what was tried and what would help.
func TestNoWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	w.remembering(t)
	w.hide()
	asked := false
	_, err := w.Link(t.Context(), w.newcomer(t), person{shown: func(api.SignIn) { asked = true }})
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Code != api.CodeLoopbackUnreachable || e.Why != "no-way" || e.NoWay == nil || asked {
		t.Fatalf("%v, asked %t", err, asked)
	}
	n := e.NoWay
	if len(n.Attempts) != 1 || n.Attempts[0].Why != "proxied-empty" || n.Client != idp.ClientJellyfin || !n.Secret || !n.Local ||
		len(n.Rules) != 5 || len(n.Allow) == 0 {
		t.Errorf("%+v", n)
	}
	plan, err := w.Plan(t.Context(), w.newcomer(t))
	if err == nil || plan.NoWay == nil || plan.OK {
		t.Errorf("%v, %+v", err, plan)
	}
}

// TestPlanHasTried: a plan never offers a way that cannot work.
func TestPlanHasTried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	w.remembering(t)
	w.hide()
	w.Settings = func(p api.Protocol, name string) api.ProviderSettings {
		return api.ProviderSettings{Protocol: p, Provider: name, ClientID: "unknown there"}
	}
	plan, err := w.Plan(t.Context(), w.newcomer(t))
	if err != nil || plan.Strategy != api.StrategyPluginClient || plan.Why != api.WhyHiddenPluginClient {
		t.Fatalf("%v, %+v", err, plan.Option)
	}
	for _, o := range plan.Options {
		works := []api.Strategy{api.StrategyPluginClient, api.StrategyDevice, api.StrategySubject}
		if o.OK != slices.Contains(works, o.Strategy) {
			t.Errorf("%s: %t (%s)", o.Strategy, o.OK, o.Why)
		}
	}
}

// pushed is a world whose providers take only pushed requests.
func pushed(f api.Flavour) demo.Options {
	return demo.Options{
		Flavour:  f,
		Provider: func(_ string, o *idp.OIDCOptions) { o.Pushed = idp.PushedRequired },
		Config:   func(_ string, config map[string]any) { config["DisablePushedAuthorization"] = false },
	}
}

// TestPushedRequests: a way is found even if the provider takes only pushed requests.
func TestPushedRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flavour api.Flavour
		as      api.CredentialKind
		hidden  bool
		want    api.Strategy
	}{
		"9p4":             {api.Flavour9p4, api.CredentialAdmin, false, api.StrategyRelay},
		"9p4, key":        {api.Flavour9p4, api.CredentialKey, false, api.StrategyRelay},
		"9p4, hidden":     {api.Flavour9p4, api.CredentialAdmin, true, api.StrategyPluginClient},
		"K0lin, key":      {api.FlavourK0lin, api.CredentialKey, true, api.StrategyPluginClient},
		"Flowfin":         {api.FlavourFlowfin, api.CredentialAdmin, false, api.StrategyRelay},
		"Flowfin, key":    {api.FlavourFlowfin, api.CredentialKey, false, api.StrategyPluginClient},
		"Flowfin, hidden": {api.FlavourFlowfin, api.CredentialAdmin, true, api.StrategyPluginClient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, pushed(c.flavour), c.as)
			w.typed(c.flavour)
			if c.hidden {
				w.hide()
			}
			req := w.newcomer(t)
			change, err := w.Link(t.Context(), req, person{login: demo.NewcomerLogin})
			want := []api.Identity{w.identity(api.OIDC, demo.Authelia)}
			if err != nil || change.Strategy != c.want || !slices.Equal(change.Identities, want) {
				t.Errorf("%v, %s %v", err, change.Strategy, change.Identities)
			}
		})
	}
}

// typed enters the secret of the plugin's client on Flowfin, which does not show it.
func (w *world) typed(f api.Flavour) {
	if f != api.FlavourFlowfin {
		return
	}
	w.Settings = func(p api.Protocol, name string) api.ProviderSettings {
		return api.ProviderSettings{Protocol: p, Provider: name, HasSecret: true}
	}
	w.ClientSecret = func(_ context.Context, _ api.Protocol, name string) (secret.Value, error) {
		return w.PluginSecret(name), nil
	}
}

// TestPushedPlainUser: on Flowfin the cookie ties the state to the start; elsewhere nothing does.
func TestPushedPlainUser(t *testing.T) {
	t.Parallel()
	for flavour, want := range map[api.Flavour]api.Code{
		api.FlavourFlowfin: "", api.Flavour9p4: api.CodeUnsupported, api.FlavourK0lin: api.CodeUnsupported,
	} {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, pushed(flavour), api.CredentialUser)
			_, err := w.Link(t.Context(), api.LinkRequest{
				UserID: w.Self.ID, Protocol: api.OIDC, Provider: demo.Authelia, Move: true,
			}, person{login: demo.NewcomerLogin})
			if api.CodeOf(err) != want {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

// TestPushedBehindAnotherHost: another provider shows whether the proxy passes the Host on.
func TestPushedBehindAnotherHost(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, pushed(api.FlavourFlowfin), api.CredentialAdmin)
	w.typed(api.FlavourFlowfin)
	w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
		r.Host = w.Linker.Client.URL().Host
		return false
	}, "")
	if s := w.linkAndUndo(t, w.newcomer(t), person{login: demo.NewcomerLogin}); s != api.StrategyPluginClient {
		t.Errorf("linked by %s", s)
	}
}

// TestLocalRelay goes around the proxy, and only to the right server and the right provider.
func TestLocalRelay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		// meddle answers for the server in the local network.
		meddle func(http.ResponseWriter, *http.Request) bool
		why    api.Why // of the attempt; empty where it works
	}{
		"the server": {meddle: func(http.ResponseWriter, *http.Request) bool { return false }},
		"another server": {func(rw http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/System/Info/Public" {
				return false
			}
			_, _ = rw.Write([]byte(`{"Id":"0123456789abcdef0123456789abcdef","ServerName":"x","Version":"10.11.11","ProductName":"Jellyfin Server","StartupWizardCompleted":true}`))
			return true
		}, "local-another"},
		"another provider": {func(rw http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/sso/OID/start/") {
				return false
			}
			q := url.Values{"state": {"s"}, "redirect_uri": {"http://" + r.Host + "/sso/OID/redirect/authelia"}}
			http.Redirect(rw, r, "https://idp.evil.test/auth?"+q.Encode(), http.StatusFound)
			return true
		}, "address-foreign"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
			w.remembering(t)
			w.hide()
			target, _ := url.Parse(w.World.URL())
			forward := &httputil.ReverseProxy{Transport: unpooled, Rewrite: func(r *httputil.ProxyRequest) {
				if r.In.Header.Get("Authorization") != "" && strings.Contains(r.In.Header.Get("Authorization"), "Token") {
					t.Error("a credential went to the local network")
				}
				r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			}}
			local := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if !c.meddle(rw, r) {
					forward.ServeHTTP(rw, r)
				}
			}))
			t.Cleanup(local.Close)
			at, err := url.Parse(local.URL)
			if err != nil {
				t.Fatal(err)
			}
			w.Local = given{at, w.ServerID}
			if c.why == "" {
				if s := w.linkAndUndo(t, w.newcomer(t), person{login: demo.NewcomerLogin}); s != api.StrategyRelayLocal {
					t.Errorf("linked by %s", s)
				}
				return
			}
			_, err = w.Link(t.Context(), w.newcomer(t), person{})
			e, ok := errors.AsType[*api.Error](err)
			if !ok || e.NoWay == nil || len(e.NoWay.Attempts) != 2 || e.NoWay.Attempts[1].Why != c.why {
				t.Errorf("%v, %+v", err, e.NoWay)
			}
		})
	}
}

// given is a local network in which the person has entered the server's address.
type given struct {
	address  *url.URL
	serverID string
}

func (g given) Address() (use *url.URL, declined string) { return g.address, "" }

func (g given) Open(ctx context.Context) (*jellyfin.Local, error) {
	return jellyfin.OpenLocal(ctx, jellyfin.LocalOptions{URL: g.address.String(), ServerID: g.serverID})
}

func (given) Find(context.Context) (*jellyfin.Local, error) {
	return nil, errors.New("not to be looked for")
}

func (given) Decide(context.Context, string, bool) error { return errors.New("nothing to decide") }

// TestPluginClientTrustsNoAnswer: anybody may have sent what the browser delivers.
func TestPluginClientTrustsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		// request changes the authorization request, answer its answer.
		request, answer func(url.Values)
		code            api.Code
	}{
		"a code of another client": {request: func(v url.Values) { v.Set("client_id", idp.ClientApp) }, code: api.CodeSignInRefused},
		"another issuer":           {answer: func(v url.Values) { v.Set("iss", "https://idp.evil.test") }, code: api.CodeSignInInvalid},
		"no issuer":                {answer: func(v url.Values) { v.Del("iss") }, code: api.CodeSignInInvalid},
		"an earlier state":         {answer: func(v url.Values) { v.Set("state", "EARLIER") }, code: api.CodeCancelled},
		"a nonce of another":       {request: func(v url.Values) { v.Set("nonce", "other") }, code: api.CodeSignInInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
			w.hide()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p := tampering{t: t, request: c.request, answer: c.answer, done: cancel}
			_, err := w.Link(ctx, w.newcomer(t), p)
			if !api.IsCode(err, c.code) {
				t.Errorf("%v, want %s", err, c.code)
			}
			if changes := w.changes(t); len(changes) != 0 {
				t.Errorf("changed %+v", changes)
			}
		})
	}
}

// tampering is a person whose browser an attacker controls.
type tampering struct {
	person
	t               *testing.T
	request, answer func(url.Values)
	done            func() // the answer was refused, and no other follows
}

func (p tampering) SignIn(ctx context.Context, s api.SignIn) error {
	change := func(u *url.URL, by func(url.Values)) {
		if by != nil {
			q := u.Query()
			by(q)
			u.RawQuery = q.Encode()
		}
	}
	address, err := url.Parse(s.URL)
	if err != nil {
		return err
	}
	change(address, p.request)
	back, err := visitor.New().Choose(ctx, address.String(), demo.NewcomerLogin)
	if err != nil {
		return err
	}
	change(back.URL, p.answer)
	resp, err := (&http.Client{Transport: unpooled}).Do(back)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		p.t.Error("the answer was taken")
	}
	if back.URL.Query().Get("state") == "EARLIER" {
		p.done()
	}
	return nil
}
