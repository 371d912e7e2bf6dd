package ssoplugin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

// party is the plugin of a demo world as one kind of credential sees it.
type party struct {
	*ssoplugin.Plugin
	world  *demo.World
	client *jellyfin.Client
	kind   api.CredentialKind
	self   *api.User
}

func newWorld(t testing.TB, o demo.Options) *demo.World {
	t.Helper()
	w, err := demo.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// join signs in and detects the plugin; address is the world's, or that of something in front of it.
func join(t testing.TB, w *demo.World, kind api.CredentialKind, address string) party {
	t.Helper()
	c, err := jellyfin.New(jellyfin.Options{URL: address, DeviceID: "test-" + string(kind)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	pt := party{world: w, kind: kind}
	switch kind {
	case api.CredentialKey:
		pt.client = c.WithCredential(w.APIKey())
	case api.CredentialAdmin, api.CredentialUser:
		name, password := w.Admin()
		if kind == api.CredentialUser {
			name, password = w.User()
		}
		in, err := c.SignIn(t.Context(), name, password)
		if err != nil {
			t.Fatal(err)
		}
		pt.client, pt.self = c.WithCredential(in.Token), &in.User
	case api.CredentialNone:
		pt.client = c
	}
	pt.Plugin, err = ssoplugin.Detect(t.Context(), pt.client, kind, pt.self)
	if err != nil {
		t.Fatal(err)
	}
	return pt
}

// variants are the plugins that the demo world plays, earlier versions and a fork included.
var variants = []demo.Options{
	{Flavour: api.Flavour9p4},
	{Flavour: api.FlavourK0lin},
	{Flavour: api.FlavourFlowfin},
	{Flavour: api.FlavourFlowfin, PluginVersion: server.Flowfin421},
	{Flavour: api.FlavourFlowfin, PluginVersion: server.Flowfin430b34},
	{Flavour: api.FlavourK0lin, Fork: true},
	{Flavour: api.Flavour9p4, Jellyfin: server.Jellyfin12},
	{Flavour: api.FlavourK0lin, Jellyfin: server.Jellyfin12},
	{Flavour: api.FlavourFlowfin, Jellyfin: server.Jellyfin12},
}

func nameOf(o demo.Options) string {
	if o.Fork {
		return "fork"
	}
	return strings.Join(strings.Fields(string(o.Flavour)+" "+o.PluginVersion+" "+o.Jellyfin), " ")
}

// everyParty runs a test in a world of its own for each variant of the plugin with each kind of credential.
func everyParty(t *testing.T, kinds []api.CredentialKind, o demo.Options, test func(*testing.T, party)) {
	t.Helper()
	for _, v := range variants {
		for _, kind := range kinds {
			t.Run(fmt.Sprintf("%s/%s", nameOf(v), kind), func(t *testing.T) {
				t.Parallel()
				o := o
				o.Flavour, o.PluginVersion, o.Fork, o.Jellyfin = v.Flavour, v.PluginVersion, v.Fork, v.Jellyfin
				w := newWorld(t, o)
				test(t, join(t, w, kind, w.URL()))
			})
		}
	}
}

// account returns an account of the world by name.
func (pt party) account(t *testing.T, name string) api.Account {
	t.Helper()
	a, ok := pt.world.Account(name)
	if !ok {
		t.Fatal("no account", name)
	}
	return a
}

// identity is what a person is called at a provider.
func (pt party) identity(t *testing.T, proto api.Protocol, provider, login string) api.Identity {
	t.Helper()
	person, ok := pt.world.Person(login)
	if !ok {
		t.Fatal("no person", login)
	}
	return pt.world.Identity(proto, provider, person)
}

// signIn starts a sign-in and has a person sign in; it returns what came back to the loopback.
func (pt party) signIn(t *testing.T, req ssoplugin.StartRequest, login string) (ssoplugin.Started, ssoplugin.Callback) {
	t.Helper()
	req.Host = loopback
	s, err := pt.Start(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	back, err := visitor.New().Choose(t.Context(), s.Location.Reveal(), login)
	if err != nil {
		t.Fatal(err)
	}
	cb := ssoplugin.Callback{Method: back.Method, Path: back.URL.EscapedPath(), RawQuery: back.URL.RawQuery}
	if back.Body != nil {
		body, err := io.ReadAll(back.Body)
		if err != nil {
			t.Fatal(err)
		}
		if cb.Form, err = url.ParseQuery(string(body)); err != nil {
			t.Fatal(err)
		}
	}
	if back.URL.Host != loopback {
		t.Fatalf("came back to %s", back.URL.Host)
	}
	return s, cb
}

// data is what POST Link and POST Auth take.
func data(s ssoplugin.Started, cb ssoplugin.Callback) secret.Value {
	if s.Protocol == api.SAML {
		return secret.New(cb.Form.Get("SAMLResponse"))
	}
	return s.State
}

// providers are the providers that work, with their protocols and paths.
var providers = []struct {
	proto   api.Protocol
	name    string
	oldPath bool
}{
	{api.OIDC, demo.Authelia, false}, // /redirect/
	{api.OIDC, demo.Keycloak, true},  // /r/
	{api.SAML, demo.ADFS, false},     // /post/
	{api.SAML, demo.ADFS, true},      // started at /p/
}

func TestWorldIsReadWhole(t *testing.T) {
	t.Parallel()
	everyParty(t, everybody, demo.Options{BasePath: "/jf"}, func(t *testing.T, pt party) {
		caps := pt.Capabilities()
		snap, err := pt.Read(t.Context())
		if !caps.ReadRoster.OK && !caps.ReadOwn.OK {
			if !api.IsCode(err, api.CodeUnsupported) || snap.Links != nil {
				t.Errorf("%v, %v where links cannot be read", snap.Links, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		own := caps.Credential == api.CredentialUser // who sees nobody else
		want := map[api.Link]bool{}
		for _, a := range pt.world.Accounts() {
			for _, id := range a.Identities {
				if caps.RosterByAccount && !a.Exists { // nobody can ask for it
					continue
				}
				if !own || a.ID == pt.self.ID {
					want[api.Link{Identity: id, UserID: a.ID}] = true
				}
			}
		}
		got := map[api.Link]bool{}
		for _, l := range snap.Links {
			got[l] = true
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) != len(snap.Links) {
			t.Error(diff)
		}
		// The same, account by account.
		for _, a := range pt.world.Accounts() {
			if own && a.ID != pt.self.ID {
				continue
			}
			got, err := pt.UserLinks(t.Context(), a.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range got {
				if a.Exists && !want[api.Link{Identity: id, UserID: a.ID}] {
					t.Errorf("%s: %v", a.Name, id)
				}
			}
			if len(got) != len(a.Identities) {
				t.Errorf("%s has %d identities, %d were read", a.Name, len(a.Identities), len(got))
			}
		}
	})
}

// Linking with an access token, end to end: a person signs in, the answer is relayed, and the link is there.
func TestWorldLinkAndUnlink(t *testing.T) {
	t.Parallel()
	kinds := []api.CredentialKind{api.CredentialAdmin, api.CredentialUser}
	everyParty(t, kinds, demo.Options{BasePath: "/jf"}, func(t *testing.T, pt party) {
		target := pt.account(t, demo.TourName).ID
		if pt.kind == api.CredentialUser {
			target = pt.self.ID
		}
		for _, provider := range providers {
			s, cb := pt.signIn(t, ssoplugin.StartRequest{
				Protocol: provider.proto, Provider: provider.name, OldPath: provider.oldPath, Linking: true,
			}, demo.TourName)
			if err := pt.Relay(t.Context(), s, cb); err != nil {
				t.Errorf("%v: %v", provider, err)
				continue
			}
			id := pt.identity(t, provider.proto, provider.name, demo.TourName)
			if pt.Capabilities().NameBeforeWrite.OK && provider.proto == api.OIDC {
				if name, err := pt.PendingName(t.Context(), s.State); err != nil || name != id.Name {
					t.Errorf("%v: pending %q, %v, want %q", provider, name, err, id.Name)
				}
			}
			if err := pt.PostLink(t.Context(), provider.proto, provider.name, target, data(s, cb), s.Cookies); err != nil {
				t.Errorf("%v: %v", provider, err)
				continue
			}
			links, err := pt.UserLinks(t.Context(), target)
			if err != nil || !slices.Contains(links, id) {
				t.Errorf("%v: %v, %v, want %v", provider, links, err, id)
			}
			err = pt.PostLink(t.Context(), provider.proto, provider.name, target, data(s, cb), s.Cookies)
			if once := pt.Capabilities().StateOnce; once == (err == nil) {
				t.Errorf("%v: the same sign-in again: %v", provider, err)
			}
			link := api.Link{Identity: id, UserID: target}
			if err := pt.DeleteLink(t.Context(), link); err != nil {
				t.Errorf("%v: %v", provider, err)
			}
			if err := pt.DeleteLink(t.Context(), link); !api.IsCode(err, api.CodeLinkNotFound) {
				t.Errorf("%v: unlinked twice: %v", provider, err)
			}
		}
	})
}

// An API key links by the configuration on 9p4 and K0lin, and by Preprovision on Flowfin.
func TestWorldLinkWithAnAPIKey(t *testing.T) {
	t.Parallel()
	everyParty(t, []api.CredentialKind{api.CredentialKey}, demo.Options{}, func(t *testing.T, pt party) {
		account := pt.account(t, demo.TourName)
		for _, provider := range providers[:3] {
			link := api.Link{
				Identity: pt.identity(t, provider.proto, provider.name, demo.SlashLogin), UserID: account.ID,
			}
			caps := pt.Capabilities()
			if caps.Flavour == api.FlavourFlowfin {
				err := pt.Preprovision(t.Context(), link)
				if !caps.Preprovision.OK {
					if !api.IsCode(err, api.CodeUnsupported) || !strings.Contains(err.Error(), "since 4.3.0-beta.40") {
						t.Errorf("without such a route: %v", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				err = pt.WriteConfig(t.Context(), link.Protocol, link.Provider, func(map[string]string) error { return nil })
				if !api.IsCode(err, api.CodeUnsupported) {
					t.Errorf("by the configuration: %v", err)
				}
				if err := pt.DeleteLink(t.Context(), link); !api.IsCode(err, api.CodeUnsupported) ||
					!strings.Contains(err.Error(), "key-unregister") {
					t.Errorf("removing one link with a key: %v", err)
				}
				continue
			}
			if provider.proto == api.OIDC {
				s, cb := pt.signIn(t, ssoplugin.StartRequest{
					Protocol: provider.proto, Provider: provider.name, Linking: true,
				}, demo.SlashLogin)
				if err := pt.Relay(t.Context(), s, cb); err != nil {
					t.Fatal(err)
				}
				name, err := pt.PendingName(t.Context(), s.State)
				if !caps.NameBeforeWrite.OK && api.IsCode(err, api.CodeUnsupported) {
					name, err = link.Name, nil
				}
				if err != nil || name != link.Name {
					t.Fatalf("%q, %v, want %q", name, err, link.Name)
				}
			}
			err := pt.WriteConfig(t.Context(), link.Protocol, link.Provider, func(links map[string]string) error {
				links[link.Name] = dashed(account.ID)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			links, err := pt.UserLinks(t.Context(), account.ID)
			if err != nil || !slices.Contains(links, link.Identity) {
				t.Errorf("%v, %v", links, err)
			}
			other := link
			other.UserID = pt.account(t, demo.UserName).ID
			if err := pt.DeleteLink(t.Context(), other); !api.IsCode(err, api.CodeLinkOwned) {
				t.Errorf("another's link: %v", err)
			}
			if err := pt.DeleteLink(t.Context(), link); err != nil {
				t.Error(err)
			}
			if err := pt.DeleteLink(t.Context(), link); !api.IsCode(err, api.CodeLinkNotFound) {
				t.Errorf("unlinked twice: %v", err)
			}
		}
		providers, err := pt.client.AuthProviders(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if caps := pt.Capabilities(); caps.UnregisterDrops && !caps.Preprovision.OK {
			return // no link was written that could be dropped
		}
		before, err := pt.UserLinks(t.Context(), account.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := pt.Unregister(t.Context(), account.Name, providers[0].ID); err != nil {
			t.Fatal(err)
		}
		after, err := pt.UserLinks(t.Context(), account.ID)
		if err != nil || pt.Capabilities().UnregisterDrops && (len(before) == 0 || len(after) > 0) {
			t.Errorf("%v became %v, %v", before, after, err)
		}
		// Does the new sign-in provider survive a restart?
		const elsewhere = "Jellyfin.Plugin.LDAP_Auth.LdapAuthenticationProviderPlugin"
		if err := pt.Unregister(t.Context(), account.Name, elsewhere); err != nil {
			t.Fatal(err)
		}
		pt.world.Server().Restart()
		u, err := pt.client.User(t.Context(), account.ID)
		if err != nil || (u.AuthProvider == elsewhere) != pt.Capabilities().UnregisterKept {
			t.Errorf("after a restart: %+v, %v", u, err)
		}
		if err := pt.Unregister(t.Context(), "nobody at all", providers[0].ID); !api.IsCode(err, api.CodeUserNotFound) {
			t.Errorf("unknown: %v", err)
		}
	})
}

// Every awkward name of the demo world is unlinked, whichever way it takes; Flowfin says which it cannot.
func TestWorldAwkwardNames(t *testing.T) {
	t.Parallel()
	everyParty(t, elevated, demo.Options{}, func(t *testing.T, pt party) {
		flowfin := pt.Capabilities().Flavour == api.FlavourFlowfin
		for _, a := range pt.world.Accounts() {
			if pt.self != nil && a.ID == pt.self.ID {
				continue // Flowfin ends the sessions of an account without a link
			}
			for _, id := range a.Identities {
				err := pt.DeleteLink(t.Context(), api.Link{Identity: id, UserID: a.ID})
				can := !flowfin || pt.kind == api.CredentialAdmin && api.Addressable(id.Name)
				if can && err != nil || !can && !api.IsCode(err, api.CodeUnsupported) {
					t.Errorf("%q: %v", id.Name, err)
				}
			}
		}
		snap, err := pt.Read(t.Context())
		if err != nil && pt.Capabilities().ReadRoster.OK {
			t.Fatal(err)
		}
		for _, l := range snap.Links {
			if pt.self != nil && l.UserID == pt.self.ID {
				continue
			}
			if !flowfin {
				t.Errorf("left: %v", l)
			}
			if pt.kind == api.CredentialAdmin && api.Addressable(l.Name) {
				t.Errorf("left: %v", l)
			}
		}
	})
}

// Signing in with a linked identity tells whose account it opens, and does not end the session that asks.
func TestWorldAuthenticate(t *testing.T) {
	t.Parallel()
	everyParty(t, admins, demo.Options{BasePath: "/jf"}, func(t *testing.T, pt party) {
		s, cb := pt.signIn(t, ssoplugin.StartRequest{Protocol: api.OIDC, Provider: demo.Authelia}, "jonas")
		if err := pt.Relay(t.Context(), s, cb); err != nil {
			t.Fatal(err)
		}
		in, err := pt.Authenticate(t.Context(), api.OIDC, demo.Authelia, s.State, s.Cookies)
		if err != nil {
			t.Fatal(err)
		}
		if in.User.ID != pt.self.ID || in.Token.IsZero() || in.User.Name != demo.AdminName {
			t.Errorf("%+v", in.User)
		}
		if err := pt.client.WithCredential(in.Token).SignOut(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := pt.client.Me(t.Context()); err != nil {
			t.Errorf("the session that asked: %v", err)
		}
		_, err = pt.Authenticate(t.Context(), api.OIDC, demo.Authelia, s.State, s.Cookies)
		if !api.IsCode(err, api.CodeSignInExpired) {
			t.Errorf("twice: %v", err)
		}

		s, cb = pt.signIn(t, ssoplugin.StartRequest{Protocol: api.SAML, Provider: demo.ADFS}, "tomas")
		if err := pt.Relay(t.Context(), s, cb); err != nil {
			t.Fatal(err)
		}
		in, err = pt.Authenticate(t.Context(), api.SAML, demo.ADFS, data(s, cb), s.Cookies)
		if pt.Capabilities().Flavour == api.FlavourFlowfin {
			if !api.IsCode(err, api.CodeUnsupported) {
				t.Errorf("SAML: %v", err)
			}
		} else if err != nil || in.User.Name != "tomas" {
			t.Errorf("SAML: %+v, %v", in.User, err)
		}
	})
}

func TestWorldFailures(t *testing.T) {
	t.Parallel()
	everyParty(t, admins, demo.Options{}, func(t *testing.T, pt party) {
		start := ssoplugin.StartRequest{Protocol: api.OIDC, Provider: demo.Authelia, Linking: true}
		target := pt.account(t, demo.TourName).ID

		s, cb := pt.signIn(t, start, visitor.Cancel)
		if err := pt.Relay(t.Context(), s, cb); !api.IsCode(err, api.CodeSignInRefused) ||
			!strings.Contains(err.Error(), "access_denied") {
			t.Errorf("cancelled: %v", err)
		}
		saml := start
		saml.Protocol, saml.Provider = api.SAML, demo.ADFS
		s, cb = pt.signIn(t, saml, visitor.Cancel)
		err := pt.Relay(t.Context(), s, cb)
		if err == nil { // 9p4 and K0lin look at a response only when it links
			err = pt.PostLink(t.Context(), api.SAML, demo.ADFS, target, data(s, cb), s.Cookies)
		}
		if code := api.CodeOf(err); code != api.CodeSignInRefused && code != api.CodeSignInInvalid {
			t.Errorf("cancelled at the SAML provider: %v", err)
		}
		noGibberish(t, err)

		s, cb = pt.signIn(t, start, demo.TourName)
		pt.world.Server().Restart()
		if err := pt.Relay(t.Context(), s, cb); !api.IsCode(err, api.CodeSignInExpired) {
			t.Errorf("restarted in between: %v", err)
		}
		s, cb = pt.signIn(t, start, demo.TourName)
		if err := pt.Relay(t.Context(), s, cb); err != nil {
			t.Fatal(err)
		}
		pt.world.Server().Restart()
		err = pt.PostLink(t.Context(), api.OIDC, demo.Authelia, target, s.State, s.Cookies)
		if !api.IsCode(err, api.CodeSignInExpired) {
			t.Errorf("restarted before the link: %v", err)
		}
		if pt.Capabilities().NameBeforeWrite.OK {
			if _, err := pt.PendingName(t.Context(), s.State); !api.IsCode(err, api.CodeSignInExpired) {
				t.Errorf("restarted before the name: %v", err)
			}
		}

		for name, want := range map[string]api.Code{demo.Legacy: api.CodeProviderDisabled, "nothing": api.CodeProviderNotFound} {
			_, err := pt.Start(t.Context(), ssoplugin.StartRequest{Protocol: api.OIDC, Provider: name, Host: loopback})
			if !api.IsCode(err, want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		pt.world.Server().SetHostile(server.Hostile{StartLocation: "javascript:alert(1)"})
		start.Host = loopback
		if _, err := pt.Start(t.Context(), start); !api.IsCode(err, api.CodeAddressRefused) {
			t.Errorf("javascript: %v", err)
		}
	})
}

// A pending sign-in outlives its time only until the next start.
func TestWorldExpiry(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var late time.Duration
			w := newWorld(t, demo.Options{Flavour: flavour, Now: func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return time.Now().Add(late)
			}})
			pt := join(t, w, api.CredentialAdmin, w.URL())
			start := ssoplugin.StartRequest{Protocol: api.OIDC, Provider: demo.Authelia, Linking: true}
			target := pt.account(t, demo.TourName).ID
			s, cb := pt.signIn(t, start, demo.TourName)
			if err := pt.Relay(t.Context(), s, cb); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			late = time.Duration(pt.Capabilities().PendingSeconds+2) * time.Second
			mu.Unlock()
			pt.signIn(t, start, demo.TourName)
			err := pt.PostLink(t.Context(), api.OIDC, demo.Authelia, target, s.State, s.Cookies)
			if !api.IsCode(err, api.CodeSignInExpired) {
				t.Errorf("after %v: %v", late, err)
			}
		})
	}
}

// behind puts something between the plugin and the world that is called before each request, with its number.
func behind(t *testing.T, w *demo.World, hook func(n int, req *http.Request)) string {
	t.Helper()
	target, err := url.Parse(w.URL())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	n := 0
	proxy := &httputil.ReverseProxy{Transport: unpooled, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		mu.Lock()
		n++
		hook(n, req)
		mu.Unlock()
		proxy.ServeHTTP(rw, req)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

func TestConfigWrites(t *testing.T) {
	t.Parallel()
	add := func(name, id string) func(map[string]string) error {
		return func(links map[string]string) error { links[name] = id; return nil }
	}
	meanwhile := api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "meanwhile"}
	fresh := func(t *testing.T) (pt party, user, other string) {
		t.Helper()
		w := newWorld(t, demo.Options{Flavour: api.FlavourK0lin})
		return join(t, w, api.CredentialAdmin, w.URL()), w.Accounts()[2].ID, w.Accounts()[3].ID
	}

	t.Run("somebody links at the same moment", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		front, user, other := fresh(t)
		w, reads := front.world, 0
		var body []byte
		pt := join(t, w, api.CredentialKey, behind(t, w, func(_ int, req *http.Request) {
			if req.URL.Path == "/sso/OID/Get" {
				if reads++; reads == 3 { // the first is the detection's
					w.Server().AddLink(api.Link{Identity: meanwhile, UserID: other})
				}
			}
			if req.Method == http.MethodPost && strings.HasPrefix(req.URL.Path, "/sso/OID/Add/") {
				body, _ = io.ReadAll(req.Body)
				req.Body = io.NopCloser(bytes.NewReader(body))
			}
		}))
		err := pt.WriteConfig(ctx, api.OIDC, demo.Authelia, add("new", user))
		if !api.IsCode(err, api.CodeConfigChanged) || body != nil {
			t.Errorf("%v, written %d bytes", err, len(body))
		}
		if err := pt.WriteConfig(ctx, api.OIDC, demo.Authelia, add("new", user)); err != nil {
			t.Error(err)
		}
		if !bytes.Contains(body, []byte(`"meanwhile":"`+other+`"`)) || !bytes.Contains(body, []byte(`"OidSecret":"`)) {
			t.Error("a link, or the secret, is not in what was written")
		}
	})
	t.Run("unusable", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		pt, user, _ := fresh(t)
		for _, tt := range []struct {
			name, id string
			want     api.Code
		}{
			{"", user, api.CodeNameInvalid},
			{"\xff", user, api.CodeNameInvalid},
			{"x", "nobody", api.CodeUserNotFound},
			{"x", "", api.CodeUserNotFound},
		} {
			err := pt.WriteConfig(ctx, api.OIDC, demo.Authelia, add(tt.name, tt.id))
			if api.CodeOf(err) != tt.want {
				t.Errorf("%q, %q: %v", tt.name, tt.id, err)
			}
		}
		err := pt.WriteConfig(ctx, api.OIDC, "nothing", add("x", user))
		if !api.IsCode(err, api.CodeProviderNotFound) {
			t.Errorf("unknown provider: %v", err)
		}
	})
	t.Run("the server stores nothing", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		ignoring := newWorld(t, demo.Options{Flavour: api.Flavour9p4})
		pt := join(t, ignoring, api.CredentialKey, ignoring.URL())
		ignoring.Server().SetHostile(server.Hostile{IgnoreWrites: true})
		err := pt.WriteConfig(ctx, api.SAML, demo.ADFS, add("new", ignoring.Accounts()[2].ID))
		if !api.IsCode(err, api.CodeLinkNotStored) {
			t.Errorf("an added link: %v", err)
		}
		err = pt.WriteConfig(ctx, api.SAML, demo.ADFS, func(links map[string]string) error { clear(links); return nil })
		if !api.IsCode(err, api.CodeLinkNotStored) {
			t.Errorf("removed links: %v", err)
		}
	})
	t.Run("side by side", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		pt, user, _ := fresh(t)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if err := pt.WriteConfig(ctx, api.OIDC, demo.Keycloak, add(fmt.Sprintf("par/%d", i), user)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, err := pt.UserLinks(ctx, user)
		parallel := 0
		for _, id := range got {
			if strings.HasPrefix(id.Name, "par/") {
				parallel++
			}
		}
		if err != nil || parallel != 20 {
			t.Errorf("%d of 20, %v", parallel, err)
		}
	})
	t.Run("a link by its own route waits", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		front, user, _ := fresh(t)
		w := front.world
		old := api.Link{Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "old"}, UserID: user}
		w.Server().AddLink(old)
		var deleted atomic.Bool
		pt := join(t, w, api.CredentialAdmin, behind(t, w, func(_ int, req *http.Request) {
			if req.Method == http.MethodDelete {
				deleted.Store(true)
			}
		}))
		removed := make(chan error, 1)
		err := pt.WriteConfig(ctx, api.OIDC, demo.Keycloak, func(links map[string]string) error {
			go func() { removed <- pt.DeleteLink(ctx, old) }()
			time.Sleep(100 * time.Millisecond)
			if deleted.Load() {
				t.Error("the link was removed while the configuration was being written")
			}
			return add("new", user)(links)
		})
		if err = errors.Join(err, <-removed); err != nil {
			t.Fatal(err)
		}
		got, err := pt.UserLinks(ctx, user)
		if err != nil || slices.Contains(got, old.Identity) || !deleted.Load() {
			t.Errorf("the account has %v, %v", got, err)
		}
	})
	t.Run("ended while waiting", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		pt, user, _ := fresh(t)
		ended, cancel := context.WithCancel(ctx)
		err := pt.WriteConfig(ctx, api.OIDC, demo.Keycloak, func(map[string]string) error {
			cancel()
			return pt.WriteConfig(ended, api.OIDC, demo.Keycloak, add("x", user))
		})
		if !api.IsCode(err, api.CodeCancelled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("the other settings stay as they are", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		pt, user, _ := fresh(t)
		request := jellyfin.Request{Path: "/Plugins/" + ssoplugin.GUID + "/Configuration", Idempotent: true}
		before, err := pt.client.Do(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		if err := pt.WriteConfig(ctx, api.OIDC, demo.Authelia, add("t+<ö>\"\\/", user)); err != nil {
			t.Fatal(err)
		}
		err = pt.DeleteLink(ctx, api.Link{
			Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "t+<ö>\"\\/"}, UserID: user,
		})
		if err != nil {
			t.Fatal(err)
		}
		after, err := pt.client.Do(ctx, request)
		if err != nil || before.Status != http.StatusOK || !bytes.Equal(before.Body, after.Body) {
			t.Errorf("the plugin's configuration differs: %v", err)
		}
	})
}

func TestPluginMissing(t *testing.T) {
	t.Parallel()
	srv := server.New(server.Options{PluginMissing: true})
	srv.AddUser(server.UserSpec{Name: "u", Password: "p"})
	key := srv.AddAPIKey("x")
	front := httptest.NewServer(srv)
	t.Cleanup(front.Close)
	for kind, token := range map[api.CredentialKind]secret.Value{api.CredentialKey: key, api.CredentialUser: {}} {
		_, err := ssoplugin.Detect(t.Context(), newClient(t, front.URL, token.Reveal()), kind, nil)
		if !api.IsCode(err, api.CodePluginMissing) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestInstalled(t *testing.T) {
	t.Parallel()
	entry := func(version, status string) string {
		return fmt.Sprintf(`{"Id":%q,"Name":"SSO-Auth","Version":%q,"Status":%q}`, ssoplugin.GUID, version, status)
	}
	for name, c := range map[string]struct {
		plugins []string
		version string
		want    api.Code
	}{
		"superseded and active": {[]string{entry("4.0.0.4", "Superseded"), entry("5.1.0.0", "Active")}, "5.1.0.0", ""},
		"without a status":      {[]string{entry("3.5.2.4", "")}, "3.5.2.4", ""},
		"updated, before the restart": {
			[]string{entry("4.0.0.4", "Superceded"), entry("5.1.0.0", "Restart")}, "", api.CodePluginRestart,
		},
		"superseded alone": {[]string{entry("4.0.0.4", "Superseded")}, "", api.CodePluginRestart},
		"updated, and the new one does not run": {
			[]string{entry("5.1.0.0", "Malfunctioned"), entry("4.0.0.4", "Superseded")}, "", api.CodePluginMissing,
		},
		"updated, and switched off": {
			[]string{entry("4.0.0.4", "Superseded"), entry("5.1.0.0", "Disabled")}, "", api.CodePluginMissing,
		},
		"switched off, and installed again": {
			[]string{entry("4.0.0.4", "Disabled"), entry("5.1.0.0", "Restart")}, "", api.CodePluginRestart,
		},
		"switched off": {[]string{entry("4.0.0.4", "Disabled")}, "", api.CodePluginMissing},
		"not there":    {nil, "", api.CodePluginMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path == "/Plugins" {
					w.Header().Set("Content-Type", "application/json")
					fmt.Fprintf(w, "[%s]", strings.Join(c.plugins, ","))
					return
				}
				if c.want != "" { // a plugin that does not run has no routes
					w.WriteHeader(http.StatusNotFound)
					return
				}
				current(api.Flavour9p4).ServeHTTP(w, req)
			}))
			t.Cleanup(srv.Close)
			p, err := ssoplugin.Detect(t.Context(), newClient(t, srv.URL, "apikey"), api.CredentialKey, nil)
			if api.CodeOf(err) != c.want || err == nil && p.Capabilities().Version != c.version {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// The error names what answers in the plugin's place.
func TestDetectRefused(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]api.Code{
		http.StatusServiceUnavailable: api.CodeServerStarting, http.StatusNotFound: api.CodePluginMissing,
		http.StatusTooManyRequests: api.CodeRateLimited, http.StatusTeapot: api.CodeServerRefused,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(srv.Close)
		_, err := ssoplugin.Detect(t.Context(), newClient(t, srv.URL, "user"), api.CredentialUser, self(api.CredentialUser))
		if !api.IsCode(err, want) {
			t.Errorf("%d: %v, want %q", status, err, want)
		}
	}
}

// A roster of 10,000 accounts against plain downloads of the same answers.
func BenchmarkRead(b *testing.B) {
	for _, flavour := range flavours {
		w := newWorld(b, demo.Options{Flavour: flavour, Users: 10_000})
		pt := join(b, w, api.CredentialKey, w.URL())
		paths := []string{"/sso/OID/Get", "/sso/SAML/Get"}
		if flavour == api.FlavourFlowfin {
			paths = append(paths, "/sso/Links/Roster")
		}
		b.Run(string(flavour)+"/read", func(b *testing.B) {
			for b.Loop() {
				if _, err := pt.Read(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(flavour)+"/download", func(b *testing.B) {
			for b.Loop() {
				for _, path := range paths {
					if _, err := pt.client.Do(b.Context(), jellyfin.Request{Path: path, Idempotent: true}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// TestAdoptingFlowfinSparesAdministrators: Flowfin does not adopt an administrator's account; the other flavours do.
func TestAdoptingFlowfinSparesAdministrators(t *testing.T) {
	t.Parallel()
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
		w := newWorld(t, demo.Options{Flavour: flavour})
		if err := w.Server().AddOIDCProvider("open", map[string]any{"Enabled": true, "AllowExistingAccountLink": true}); err != nil {
			t.Fatal(err)
		}
		p, err := join(t, w, api.CredentialKey, w.URL()).Provider(t.Context(), api.OIDC, "open")
		if err != nil || !p.AutoAdopt || p.SparesAdministrators != (flavour == api.FlavourFlowfin) {
			t.Errorf("%s: %+v, %v", flavour, p, err)
		}
	}
}
