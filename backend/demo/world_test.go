package demo_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/proxy"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/demo/visitor"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

var flavours = []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin}

func start(t testing.TB, o demo.Options) *demo.World {
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

// ask sends a request to the server with a token (an API key or an access token) and decodes the answer.
func ask(t testing.TB, w *demo.World, token, method, path string, in, into any) int {
	t.Helper()
	status, body := send(t, w, request{token: token, method: method, path: path, json: in})
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			t.Fatalf("%s %s: %d %.200s: %v", method, path, status, body, err)
		}
	}
	return status
}

type request struct {
	token, method, path, host string
	json                      any
	form                      url.Values
	cookies                   []*http.Cookie
	response                  **http.Response
}

func send(t testing.TB, w *demo.World, r request) (int, []byte) {
	t.Helper()
	var body io.Reader
	kind := ""
	switch {
	case r.json != nil:
		data, err := json.Marshal(r.json)
		if err != nil {
			t.Fatal(err)
		}
		body, kind = strings.NewReader(string(data)), "application/json"
	case r.form != nil:
		body, kind = strings.NewReader(r.form.Encode()), "application/x-www-form-urlencoded"
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, w.URL()+r.path, body)
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Host = r.host
	login := `MediaBrowser Client="test", Device="test", DeviceId="test", Version="1"`
	if r.token != "" {
		login += `, Token="` + r.token + `"`
	}
	req.Header.Set("Authorization", login)
	for _, c := range r.cookies {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.response != nil {
		*r.response = response
	}
	return response.StatusCode, data
}

// signIn returns an access token.
func signIn(t testing.TB, w *demo.World, name, password string) string {
	t.Helper()
	var in struct{ AccessToken string }
	body := map[string]string{"Username": name, "Pw": password}
	if status := ask(t, w, "", http.MethodPost, "/Users/AuthenticateByName", body, &in); status != http.StatusOK {
		t.Fatalf("%s signs in: %d", name, status)
	}
	return in.AccessToken
}

// links reads who is linked to what from the server itself.
func links(t testing.TB, w *demo.World) map[api.Identity]string {
	t.Helper()
	got := map[api.Identity]string{}
	if w.Flavour() == api.FlavourFlowfin {
		token := w.APIKey().Reveal()
		var rows json.RawMessage
		if status := ask(t, w, token, http.MethodGet, "/sso/Links/Roster", nil, &rows); status != http.StatusOK {
			t.Fatalf("roster: %d", status)
		}
		readRoster(t, rows, got)
		return got
	}
	for protocol, path := range map[api.Protocol]string{api.OIDC: "/sso/OID/Get", api.SAML: "/sso/SAML/Get"} {
		var configs map[string]struct{ CanonicalLinks map[string]string }
		if status := ask(t, w, w.APIKey().Reveal(), http.MethodGet, path, nil, &configs); status != http.StatusOK {
			t.Fatalf("%s: %d", path, status)
		}
		for provider, c := range configs {
			for name, id := range c.CanonicalLinks {
				got[api.Identity{Protocol: protocol, Provider: provider, Name: name}] = strings.ReplaceAll(id, "-", "")
			}
		}
	}
	return got
}

func TestRosterIsAsDocumented(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := start(t, demo.Options{Flavour: flavour})
			var users []struct {
				ID               string `json:"Id"`
				Name             string
				HasPassword      bool
				LastActivityDate time.Time
				Policy           struct {
					IsAdministrator, IsDisabled bool
					AuthenticationProviderID    string `json:"AuthenticationProviderId"`
				}
			}
			if status := ask(t, w, w.APIKey().Reveal(), http.MethodGet, "/Users", nil, &users); status != http.StatusOK {
				t.Fatal(status)
			}
			if len(users) != demo.UsersDefault {
				t.Errorf("%d users", len(users))
			}
			want := map[api.Identity]string{}
			accounts := map[string]api.Account{}
			orphans := 0
			for _, a := range w.Accounts() {
				accounts[a.ID] = a
				if !a.Exists {
					orphans++
				}
				for _, i := range a.Identities {
					want[i] = a.ID
				}
			}
			if orphans != 1 || len(accounts) != demo.UsersDefault+1 {
				t.Errorf("%d accounts, %d of them orphans", len(accounts), orphans)
			}
			for _, u := range users {
				a, ok := accounts[u.ID]
				if a.HasPassword != u.HasPassword || !a.LastActivity.Equal(u.LastActivityDate) {
					t.Errorf("%s has a password: %v, was active: %s", u.Name, u.HasPassword, u.LastActivityDate)
				}
				if !ok || a.Name != u.Name || a.Administrator != u.Policy.IsAdministrator || a.Disabled != u.Policy.IsDisabled ||
					a.AuthProvider != u.Policy.AuthenticationProviderID {
					t.Errorf("%s is documented as %+v", u.Name, a)
				}
			}
			if got := links(t, w); !maps.Equal(got, want) {
				t.Errorf("links\n%v\nwant\n%v", got, want)
			}
		})
	}
}

func TestEveryKindOfAccountIsThere(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{Flavour: api.Flavour9p4})
	var none, one, several, both, disabled, noPassword, administrators int
	names := map[string]bool{}
	for _, a := range w.Accounts() {
		if !a.Exists {
			continue
		}
		protocols := map[api.Protocol]bool{}
		for _, i := range a.Identities {
			protocols[i.Protocol] = true
			names[i.Name] = true
		}
		switch {
		case len(protocols) == 2:
			both++
		case len(a.Identities) == 0:
			none++
		case len(a.Identities) == 1:
			one++
		default:
			several++
		}
		disabled += count(a.Disabled)
		noPassword += count(!a.HasPassword)
		administrators += count(a.Administrator)
	}
	for kind, n := range map[string]int{
		"linked to nothing": none, "linked once": one, "linked several times": several, "linked by both protocols": both,
		"disabled": disabled, "without password": noPassword, "administrator": administrators,
	} {
		if n == 0 {
			t.Errorf("no account is %s", kind)
		}
	}
	// The names that real servers were asked to link and unlink.
	for _, name := range []string{
		"auth0|abc123", "a/b/c", "a b+c%20d", "100%", "user+tag@example.com", "Zoë 漢字 😀", `DOMAIN\user`, `<b>&amp;"'`,
		"../../etc/passwd", ".", "..", "a?b#c;d", strings.Repeat("x", 300), " lead", "tail ", "a%2Fb", "http://idp.example/u/1",
	} {
		if !names[name] {
			t.Errorf("nobody is linked to %q", name)
		}
	}
	for _, login := range []string{demo.TourName, demo.RiskName} {
		if _, ok := w.Person(login); !ok {
			t.Errorf("%s cannot sign in at the providers", login)
		}
		if a, ok := w.Account(login); !ok || len(a.Identities) != 0 {
			t.Errorf("the account %s is %+v", login, a)
		}
	}
	if _, ok := w.Account(demo.NewcomerLogin); ok {
		t.Error("the newcomer has an account")
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{BasePath: "jf/"})
	if !strings.HasSuffix(w.URL(), "/jf") {
		t.Errorf("address %s", w.URL())
	}
	for _, c := range []struct {
		who           func() (string, string)
		administrator bool
	}{
		{func() (string, string) { n, p := w.Admin(); return n, p.Reveal() }, true},
		{func() (string, string) { n, p := w.User(); return n, p.Reveal() }, false},
	} {
		name, password := c.who()
		var me struct {
			Name   string
			Policy struct{ IsAdministrator bool }
		}
		ask(t, w, signIn(t, w, name, password), http.MethodGet, "/Users/Me", nil, &me)
		if me.Name != name || me.Policy.IsAdministrator != c.administrator {
			t.Errorf("%s is %+v", name, me)
		}
	}
	if status := ask(t, w, "0123456789abcdef0123456789abcdef", http.MethodGet, "/Users", nil, nil); status != http.StatusUnauthorized {
		t.Errorf("a wrong key is answered %d", status)
	}
}

func TestProvidersAnswer(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{})
	for _, provider := range []string{demo.Authelia, demo.Keycloak} {
		response := fetch(t, w.Issuer(provider)+"/.well-known/openid-configuration", "")
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", provider, response.Status)
		}
	}
	if w.OIDCURL() != w.Issuer(demo.Authelia) || w.Issuer("nobody") != "" {
		t.Error("issuers are mixed up")
	}
	der, err := base64.StdEncoding.DecodeString(w.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificate(der); err != nil {
		t.Error(err)
	}
	if response := fetch(t, w.SAMLURL(), ""); response.StatusCode != http.StatusBadRequest {
		t.Errorf("the SAML provider answers %s", response.Status)
	}
	for _, at := range []string{w.OIDCURL(), w.Issuer(demo.Keycloak), w.SAMLURL()} {
		if response := fetch(t, at, "rebound.example.com"); response.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s answers %s to a foreign host", at, response.Status)
		}
	}
}

// TestHosts makes sure that no page on the network can read the simulated Jellyfin by leading its own name to the loopback.
func TestHosts(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{})
	for host, want := range map[string]int{
		"": http.StatusOK, loopback: http.StatusOK, "localhost:1": http.StatusOK, "LOCALHOST": http.StatusOK,
		"[::1]:18701": http.StatusOK, "[::1]": http.StatusOK,
		"rebound.example.com": http.StatusMisdirectedRequest, "127.0.0.1.example.com:80": http.StatusMisdirectedRequest,
		"192.168.1.2": http.StatusMisdirectedRequest,
	} {
		if response := fetch(t, w.URL()+"/System/Info/Public", host); response.StatusCode != want {
			t.Errorf("%q is answered %s", host, response.Status)
		}
	}
}

func fetch(t *testing.T, address, host string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response
}

// loopback is the port that a sign-in comes back to. Nobody listens there: the test carries the answer itself.
const loopback = "127.0.0.1:18701"

// TestLinkThroughTheServer links the tour's account at each provider by plain HTTP, as the app does with an access token.
func TestLinkThroughTheServer(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		for _, c := range []struct {
			protocol                 api.Protocol
			provider, part, callback string
		}{
			{api.OIDC, demo.Authelia, "OID", "/sso/OID/redirect/authelia"},
			{api.OIDC, demo.Keycloak, "OID", "/sso/OID/r/keycloak"},
			{api.SAML, demo.ADFS, "SAML", "/sso/SAML/post/adfs"},
		} {
			for _, base := range []string{"", "/jf"} {
				t.Run(fmt.Sprintf("%s %s %q", flavour, c.provider, base), func(t *testing.T) {
					t.Parallel()
					w := start(t, demo.Options{Flavour: flavour, BasePath: base})
					name, password := w.Admin()
					token := signIn(t, w, name, password.Reveal())
					var begun *http.Response
					send(t, w, request{
						method: http.MethodGet, path: "/sso/" + c.part + "/start/" + c.provider + "?isLinking=true", host: loopback,
						response: &begun,
					})
					page := begun.Header.Get("Location")
					back, err := visitor.New().Choose(t.Context(), page, demo.TourName)
					if err != nil {
						t.Fatalf("at %s: %v", page, err)
					}
					if back.URL.Host != loopback || back.URL.Path != base+c.callback {
						t.Fatalf("led back to %s", back.URL)
					}
					relay := request{method: back.Method, path: c.callback, host: loopback, cookies: begun.Cookies()}
					data := back.URL.Query().Get("state")
					if c.protocol == api.SAML {
						if err := back.ParseForm(); err != nil {
							t.Fatal(err)
						}
						relay.path += "?relayState=linking"
						relay.form = back.PostForm
						data = back.PostForm.Get("SAMLResponse")
					} else {
						relay.path += "?" + back.URL.RawQuery
					}
					if status, body := send(t, w, relay); status != http.StatusOK {
						t.Fatalf("relay: %d %s", status, body)
					}
					account, _ := w.Account(demo.TourName)
					status, body := send(t, w, request{
						token: token, method: http.MethodPost, path: "/sso/" + c.part + "/Link/" + c.provider + "/" + account.ID,
						json: map[string]string{
							"DeviceID": "test", "DeviceName": "test", "AppName": "test", "AppVersion": "1", "Data": data,
						},
						cookies: begun.Cookies(),
					})
					if status != http.StatusNoContent {
						t.Fatalf("link: %d %s", status, body)
					}
					person, _ := w.Person(demo.TourName)
					if owner := links(t, w)[w.Identity(c.protocol, c.provider, person)]; owner != account.ID {
						t.Errorf("the identity opens %q, want %q; links %v", owner, account.ID, links(t, w))
					}
				})
			}
		}
	}
}

func TestTransientNameID(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{TransientNameID: true})
	var begun *http.Response
	send(t, w, request{method: http.MethodGet, path: "/sso/SAML/start/adfs?isLinking=true", host: loopback, response: &begun})
	back, err := visitor.New().Choose(t.Context(), begun.Header.Get("Location"), demo.TourName)
	if err != nil {
		t.Fatal(err)
	}
	if err := back.ParseForm(); err != nil {
		t.Fatal(err)
	}
	response, err := base64.StdEncoding.DecodeString(back.PostForm.Get("SAMLResponse"))
	if err != nil || !strings.Contains(string(response), "nameid-format:transient") {
		t.Errorf("response %s: %v", response, err)
	}
}

func TestManyAccounts(t *testing.T) {
	t.Parallel()
	const n = 10_000
	w := start(t, demo.Options{Users: n, Seed: 7})
	accounts := w.Accounts()
	if len(accounts) != n+1 {
		t.Fatalf("%d accounts", len(accounts))
	}
	linked := 0
	names := map[string]bool{}
	for _, a := range accounts {
		linked += count(len(a.Identities) > 0)
		names[strings.ToLower(a.Name)] = true
	}
	if share := float64(linked) / n; share < 0.88 || share > 0.97 {
		t.Errorf("%.0f %% are linked", 100*share)
	}
	if len(names) != n+1 { // the deleted account has no name
		t.Errorf("%d names", len(names))
	}
	again := start(t, demo.Options{Users: n, Seed: 7})
	if !slices.EqualFunc(accounts, again.Accounts(), sameAccount) {
		t.Error("the same seed made other accounts")
	}
	if again.APIKey().Reveal() == w.APIKey().Reveal() {
		t.Error("the same seed made the same key")
	}
	if w.Server().ID() == again.Server().ID() {
		t.Error("two worlds are one and the same server")
	}
	other := start(t, demo.Options{Users: n, Seed: 8})
	if slices.EqualFunc(accounts, other.Accounts(), sameAccount) {
		t.Error("another seed made the same accounts")
	}
}

func TestFewAccounts(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{Users: 4})
	for _, name := range []string{demo.AdminName, demo.UserName, demo.TourName, demo.RiskName} {
		if _, ok := w.Account(name); !ok {
			t.Errorf("%s is missing", name)
		}
	}
	if n := len(w.Accounts()); n != 5 {
		t.Errorf("%d accounts with the deleted one", n)
	}
}

// sameAccount compares all but the activity, which the clock decides.
func sameAccount(a, b api.Account) bool {
	a.LastActivity, b.LastActivity = time.Time{}, time.Time{}
	return a.User == b.User && a.Exists == b.Exists && slices.Equal(a.Identities, b.Identities)
}

func TestLatency(t *testing.T) {
	t.Parallel()
	const latency = 60 * time.Millisecond
	w := start(t, demo.Options{Latency: latency})
	begun := time.Now()
	ask(t, w, "", http.MethodGet, "/System/Info/Public", nil, nil)
	if took := time.Since(begun); took < latency {
		t.Errorf("answered after %s", took)
	}
}

// TestCloseDuringAnAnswer ends a world that is busy: who waits for an answer is cut off, and Close waits for nobody.
func TestCloseDuringAnAnswer(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{Latency: time.Hour})
	cut := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL()+"/System/Info/Public", nil)
		if err == nil {
			_, err = unpooled.RoundTrip(req)
		}
		cut <- err
	}()
	time.Sleep(50 * time.Millisecond) // let it be under way; when it is not yet, the test holds as well
	begun := time.Now()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("ended after %s", took)
	}
	if err := <-cut; err == nil {
		t.Error("answered")
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]demo.Options{
		"flavour": {Flavour: "vanilla"}, "too few": {Users: -1}, "too many": {Users: demo.UsersMost + 1},
		"version": {Flavour: api.FlavourFlowfin, PluginVersion: "4.9"}, "version of another": {PluginVersion: server.Flowfin421},
		"jellyfin": {Jellyfin: "9"},
		"proxy":    {Proxy: demo.Proxy{Kind: "squid"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if w, err := demo.Start(t.Context(), o); err == nil {
				t.Error("no error", w.Close())
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w, err := demo.Start(ctx, demo.Options{}); err == nil {
		t.Error("started after its context had ended", w.Close())
	}
}

// TestEarlierVersions reads the links as each version of Flowfin lets an administrator read them.
func TestEarlierVersions(t *testing.T) {
	t.Parallel()
	for version, roster := range map[string]int{"": http.StatusOK, server.Flowfin430b34: http.StatusOK, server.Flowfin421: http.StatusNotFound} {
		w := start(t, demo.Options{Flavour: api.FlavourFlowfin, PluginVersion: version})
		if status := ask(t, w, w.APIKey().Reveal(), http.MethodGet, "/sso/Links/Roster", nil, nil); status != roster {
			t.Errorf("%q: the roster answers %d, want %d", version, status, roster)
		}
	}
}

// TestFork reads a link of the fork's: by subject.
func TestFork(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{Fork: true})
	var providers map[string]struct{ CanonicalLinks map[string]string }
	ask(t, w, w.APIKey().Reveal(), http.MethodGet, "/sso/OID/Get", nil, &providers)
	noah, _ := w.Account(demo.UserName)
	person, _ := w.Person(demo.UserName)
	if owner := providers[demo.Authelia].CanonicalLinks[person.Subject]; owner != noah.ID {
		t.Errorf("%s belongs to %q", person.Subject, owner)
	}
}

// TestBehindAProxy reaches the world by its name, and by its own address behind the proxy.
func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		proxy demo.Proxy
		lead  string // where a sign-in through the loopback leads; empty where it does not get through
	}{
		{proxy: demo.Proxy{Kind: proxy.NginxName}},
		{proxy: demo.Proxy{Kind: proxy.NginxName, HTTPS: true}},
		{proxy: demo.Proxy{Kind: proxy.NginxRedirect}},
		{proxy: demo.Proxy{Kind: proxy.HAProxy, Stranger: http.NotFoundHandler()}},
		{demo.Proxy{Kind: proxy.NginxOneBlock, HTTPS: true}, "http://127.0.0.1:18701/"},
		{demo.Proxy{Kind: proxy.NginxOneBlock, HTTPS: true, Known: true}, "https://127.0.0.1:18701/"},
	} {
		w := start(t, demo.Options{Proxy: c.proxy, BasePath: "/jf"})
		if name, _ := url.Parse(w.URL()); name.Hostname() != "localhost" || (name.Scheme == "https") != c.proxy.HTTPS {
			t.Errorf("the site is %s", w.URL())
		}
		transport := &http.Transport{DisableKeepAlives: true}
		if c.proxy.HTTPS {
			roots := x509.NewCertPool()
			roots.AddCert(w.ProxyCertificate())
			transport.TLSClientConfig = &tls.Config{RootCAs: roots}
		}
		client := &http.Client{
			Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		for _, base := range []string{w.URL(), w.LocalURL()} {
			var info struct{ Id, LocalAddress string }
			get(t, client, base+"/System/Info/Public", "", &info)
			if info.Id != w.Server().ID() || info.LocalAddress != w.LocalURL() {
				t.Errorf("%s is %+v", base, info)
			}
		}
		location := get(t, client, w.URL()+"/sso/OID/start/authelia?isLinking=true", loopback, nil)
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		if led := u.Query().Get("redirect_uri"); c.lead == "" && led != "" || !strings.HasPrefix(led, c.lead) {
			t.Errorf("%+v leads to %s", c.proxy, led)
		}
	}
}

// get fetches an address with a Host and decodes the answer into v. It returns where the answer leads; a connection that is
// closed leads nowhere.
func get(t *testing.T, client *http.Client, address, host string, v any) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	answer, err := client.Do(r)
	if err != nil {
		if v != nil {
			t.Fatal(err)
		}
		return ""
	}
	defer answer.Body.Close()
	if v != nil {
		if err := json.NewDecoder(answer.Body).Decode(v); err != nil {
			t.Fatal(err)
		}
	}
	return answer.Header.Get("Location")
}

// TestChanged changes what a world begins with.
func TestChanged(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{
		Jellyfin: server.Jellyfin12,
		Server:   func(o *server.Options) { o.ServerName = "Attic" },
		Provider: func(name string, o *idp.OIDCOptions) { o.NoDeviceFlow = name == demo.Keycloak },
		Config: func(name string, config map[string]any) {
			if name == demo.ADFS {
				config["SamlClientId"] = "urn:attic"
			}
		},
	})
	var info struct{ ServerName, Version string }
	ask(t, w, "", http.MethodGet, "/System/Info/Public", nil, &info)
	if info.ServerName != "Attic" || info.Version != "12.0.0" {
		t.Errorf("the server is %+v", info)
	}
	var providers map[string]struct{ SamlClientId string }
	ask(t, w, w.APIKey().Reveal(), http.MethodGet, "/sso/SAML/Get", nil, &providers)
	if id := providers[demo.ADFS].SamlClientId; id != "urn:attic" {
		t.Errorf("the client id is %q", id)
	}
	for name, offered := range map[string]bool{demo.Authelia: true, demo.Keycloak: false} {
		var metadata struct {
			Device string `json:"device_authorization_endpoint"`
		}
		get(t, &http.Client{Transport: unpooled}, w.Issuer(name)+"/.well-known/openid-configuration", "", &metadata)
		if (metadata.Device != "") != offered {
			t.Errorf("%s offers %q", name, metadata.Device)
		}
	}
}

// TestEnds runs alone, since it counts goroutines: a world leaves none behind and frees its ports, by Close and by its
// context.
func TestEnds(t *testing.T) { //nolint:paralleltest // counts goroutines
	for name, end := range map[string]func(*testing.T, *demo.World, context.CancelFunc){
		"Close": func(t *testing.T, w *demo.World, _ context.CancelFunc) {
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					if err := w.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
		},
		"context": func(_ *testing.T, _ *demo.World, cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			before := runtime.NumGoroutine()
			w, err := demo.Start(ctx, demo.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var ports []string
			for _, at := range []string{w.URL(), w.OIDCURL(), w.Issuer(demo.Keycloak), w.SAMLURL()} {
				u, err := url.Parse(at)
				if err != nil {
					t.Fatal(err)
				}
				if u.Hostname() != "127.0.0.1" {
					t.Errorf("listens at %s", at)
				}
				ports = append(ports, u.Host)
			}
			// A connection that is left open, and the plugin's own to the provider.
			idle, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ports[0])
			if err != nil {
				t.Fatal(err)
			}
			defer idle.Close()
			send(t, w, request{method: http.MethodGet, path: "/sso/OID/start/authelia?isLinking=true", host: loopback})

			end(t, w, cancel)

			deadline := time.Now().Add(5 * time.Second)
			for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
				time.Sleep(5 * time.Millisecond)
			}
			if now := runtime.NumGoroutine(); now > before {
				stacks := make([]byte, 1<<20)
				t.Errorf("%d goroutines before, %d after:\n%s", before, now, stacks[:runtime.Stack(stacks, true)])
			}
			for _, port := range ports {
				if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", port); err == nil {
					c.Close()
					t.Errorf("%s is still open", port)
				}
			}
		})
	}
}

func BenchmarkStart(b *testing.B) {
	for _, users := range []int{demo.UsersDefault, 10_000} {
		b.Run(strconv.Itoa(users), func(b *testing.B) {
			for b.Loop() {
				w, err := demo.Start(b.Context(), demo.Options{Users: users})
				if err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// readRoster reads Flowfin's roster.
func readRoster(t testing.TB, data []byte, into map[api.Identity]string) {
	t.Helper()
	var roster struct {
		Accounts []struct {
			UserID string `json:"UserId"`
			Links  []struct{ Protocol, Provider, CanonicalName string }
		}
	}
	if err := json.Unmarshal(data, &roster); err != nil {
		t.Fatal(err)
	}
	protocols := map[string]api.Protocol{"OpenID": api.OIDC, "SAML": api.SAML}
	for _, a := range roster.Accounts {
		for _, l := range a.Links {
			identity := api.Identity{Protocol: protocols[l.Protocol], Provider: l.Provider, Name: l.CanonicalName}
			into[identity] = strings.ReplaceAll(a.UserID, "-", "")
		}
	}
}
