package ssoplugin_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/ssoplugin"
	"github.com/jellybind/jellybind/backend/words"
)

// front is a proxy that knows the server by one name. The test decides what it does with a request for the loopback.
type front struct {
	*httptest.Server
	world *demo.World
	// asked counts the requests that name the loopback.
	asked atomic.Int32
	// info answers /System/Info/Public instead of the server, if it is set.
	info http.HandlerFunc
}

// inFrontOf puts a front before a demo world. pass forwards a request to the server, with another Host if it is not empty.
func inFrontOf(t *testing.T, w *demo.World, strange func(passer) http.HandlerFunc) *front {
	t.Helper()
	to, err := url.Parse(w.URL())
	if err != nil {
		t.Fatal(err)
	}
	f := &front{world: w}
	pass := func(w http.ResponseWriter, r *http.Request, host string) {
		(&httputil.ReverseProxy{Transport: unpooled, Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(to)
			p.Out.Host = host
		}}).ServeHTTP(w, r)
	}
	handle := strange(pass)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host == loopback:
			f.asked.Add(1)
			handle(w, r)
		case f.info != nil && r.URL.Path == "/System/Info/Public":
			f.info(w, r)
		default:
			pass(w, r, to.Host)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// plugin is the server's plugin as an administrator's key or a plain user sees it through the front.
func (f *front) plugin(t *testing.T, kind api.CredentialKind) *ssoplugin.Plugin {
	t.Helper()
	c, err := jellyfin.New(jellyfin.Options{
		URL: f.URL, DeviceID: "proxy-test", Timeouts: jellyfin.Timeouts{Header: 500 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	var self *api.User
	if kind == api.CredentialUser {
		name, password := f.world.User()
		in, err := c.SignIn(t.Context(), name, password)
		if err != nil {
			t.Fatal(err)
		}
		c, self = c.WithCredential(in.Token), &in.User
	} else {
		c = c.WithCredential(f.world.APIKey())
	}
	p, err := ssoplugin.Detect(t.Context(), c, kind, self)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type passer = func(http.ResponseWriter, *http.Request, string)

// answering answers with a status, a content type and a body.
func answering(status int, kind, body string, header ...string) func(passer) http.HandlerFunc {
	return func(passer) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
}

// hijacked writes to the connection itself and closes it.
func hijacked(t *testing.T, raw string) func(passer) http.HandlerFunc {
	t.Helper()
	return func(passer) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			h, ok := w.(http.Hijacker)
			if !ok {
				t.Error("no connection to take")
				return
			}
			conn, _, err := h.Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, raw)
			_ = conn.Close()
		}
	}
}

// leading forwards the start with another Host, and then changes where the answer is sent.
func leading(host func(own string) string, old, by string) func(passer) http.HandlerFunc {
	return func(pass passer) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			pass(rec, r, host(listening(r)))
			for _, c := range rec.Header()["Set-Cookie"] {
				w.Header().Add("Set-Cookie", c)
			}
			w.Header().Set("Location", strings.ReplaceAll(rec.Header().Get("Location"), old, by))
			w.WriteHeader(rec.Code)
		}
	}
}

// TestProxies has a case for each row of the table, with the answers of real proxies.
func TestProxies(t *testing.T) {
	t.Parallel()
	const nginxPage = "<html><head><title>Welcome to nginx!</title></head><body>It works</body></html>"
	own := func(own string) string { return own }
	same := func(string) string { return loopback }
	for name, c := range map[string]struct {
		strange func(passer) http.HandlerFunc
		why     api.Why
		says    string // part of the sentence
		oidc    bool   // for OIDC only
	}{
		"nginx return 444":            {strange: hijacked(t, ""), why: "proxied-closed"},
		"a proxy that speaks no HTTP": {strange: hijacked(t, "SSH-2.0-OpenSSH_9.2\r\n\r\n"), why: "proxied-garbled"},
		"cut in the header":           {strange: hijacked(t, "HTTP/1.1 200 OK\r\nContent-Le"), why: "proxied-garbled"},
		"a proxy that drops it": {strange: func(passer) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		}, why: "proxied-silent"},
		"Caddy":                            {strange: answering(200, "", ""), why: "proxied-empty", says: "200 OK"},
		"nginx's default site":             {strange: answering(200, "text/html", nginxPage), why: "proxied-page", says: "200 OK, “Welcome to nginx!”"},
		"another site in JSON":             {strange: answering(200, "application/json", `{"a":1}`), why: "proxied-page", says: "200 OK"},
		"no content":                       {strange: answering(204, "", ""), why: "proxied-empty", says: "204 No Content"},
		"301 to the name":                  {strange: redirecting(301, ""), why: "proxied-name"},
		"302 to the name":                  {strange: redirecting(302, ""), why: "proxied-name"},
		"307 to the name":                  {strange: redirecting(307, ""), why: "proxied-name"},
		"308 to the name":                  {strange: redirecting(308, ""), why: "proxied-name"},
		"301 within":                       {strange: redirecting(301, "/web/"), why: "proxied-name", says: "/web/"},
		"a gate on another host":           {strange: redirecting(302, "https://auth.test/?rd=https%3A%2F%2Fx"), why: "proxied-redirect", says: "https://auth.test,"},
		"oauth2-proxy":                     {strange: redirecting(302, "https://auth.test/a?client_id=g&state=s&redirect_uri=https%3A%2F%2Fmedia.test%2Foauth2%2Fcallback"), why: "proxied-gate", says: "https://media.test", oidc: true},
		"a gate with a form":               {strange: answering(200, "text/html", `<title>Sign in</title><form><input name="p" type="password"></form>`), why: "proxied-sign-in", says: "“Sign in”"},
		"a gate by Basic authentication":   {strange: answering(401, "text/html", nginxPage, "WWW-Authenticate", "Basic"), why: "proxied-sign-in", says: "401"},
		"400":                              {strange: answering(400, "text/html", "<title>400 Bad Request</title>"), why: "proxied-refused", says: "(400 Bad Request)"},
		"400 in words":                     {strange: answering(400, "text/plain", "Bad Request: unknown site"), why: "proxied-refused", says: "“Bad Request: unknown site”"},
		"401 without a way":                {strange: answering(401, "", ""), why: "proxied-refused", says: "401 Unauthorized"},
		"a tunnel's 403":                   {strange: answering(403, "text/html", "<title>Forbidden</title>"), why: "proxied-refused", says: "403 Forbidden"},
		"Traefik's 404":                    {strange: answering(404, "text/plain; charset=utf-8", "404 page not found\n"), why: "proxied-refused", says: "404 Not Found, “404 page not found”"},
		"an empty 404":                     {strange: answering(404, "", ""), why: "proxied-refused", says: "404 Not Found"},
		"Apache's 421":                     {strange: answering(421, "text/html", "<title>421 Misdirected Request</title>"), why: "proxied-refused", says: "421"},
		"418":                              {strange: answering(418, "", ""), why: "proxied-refused", says: "418"},
		"500 with a page of its own":       {strange: answering(500, "text/html", "<title>Oops</title>"), why: "proxied-failed", says: "“Oops”"},
		"502":                              {strange: answering(502, "text/html", "<title>502 Bad Gateway</title>"), why: "proxied-failed", says: "502 Bad Gateway"},
		"HAProxy's 503":                    {strange: answering(503, "text/html", "<html><body><h1>503 Service Unavailable</h1>\nNo server is available</body></html>\n"), why: "proxied-failed", says: "503 Service Unavailable"},
		"503 that asks to come back":       {strange: answering(503, "text/html", "", "Retry-After", "30"), why: "proxied-failed", says: "503 Service Unavailable"},
		"504":                              {strange: answering(504, "", ""), why: "proxied-failed", says: "504 Gateway Timeout"},
		"a hostile title":                  {strange: answering(404, "text/html", "<title>\x1b[2J\u202e"+strings.Repeat("x", 900)+"</title>"), why: "proxied-refused", says: "…"},
		"proxy_set_header Host name":       {strange: leading(own, "", ""), why: "led-name"},
		"bare proxy_pass":                  {strange: leading(func(string) string { return "localhost:8096" }, "", ""), why: "led-host", says: "http://localhost:8096"},
		"KnownProxies and forwarded HTTPS": {strange: leading(same, "http%3A%2F%2F127.0.0.1%3A18701", "https%3A%2F%2F127.0.0.1%3A18701"), why: "led-https", says: "https://127.0.0.1:18701", oidc: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, demo.Options{Users: 4})
			f := inFrontOf(t, w, c.strange)
			p := f.plugin(t, api.CredentialKey)
			id := serverID(t, f.URL)
			for _, req := range []ssoplugin.StartRequest{
				{Protocol: api.OIDC, Provider: demo.Authelia, Host: loopback, Linking: true, ServerID: id},
				{Protocol: api.SAML, Provider: demo.ADFS, Host: loopback, Linking: true, ServerID: id},
			} {
				if c.oidc && req.Protocol != api.OIDC {
					continue
				}
				f.info = nil
				f.asked.Store(0)
				_, err := p.Start(t.Context(), req)
				e, ok := errors.AsType[*api.Error](err)
				e = inWords(e)
				if !ok || e.Code != api.CodeLoopbackUnreachable || e.Why != c.why || !strings.Contains(e.Sentence, c.says) || e.Hint == "" {
					t.Fatalf("%s: %+v", req.Protocol, err)
				}
				if f.asked.Load() != 1 {
					t.Errorf("%s: the start was sent %d times", req.Protocol, f.asked.Load())
				}
				if strings.Contains(e.Sentence, "{") || strings.ContainsAny(e.Sentence, "\x1b\u202e") || len(e.Sentence) > 600 ||
					strings.Contains(e.Sentence, "state=") {
					t.Errorf("%s: %q", req.Protocol, e.Sentence)
				}
				if strings.HasPrefix(string(c.why), "led-") || c.why == "proxied-gate" {
					continue
				}
				// The same answer, but the server itself is starting, or another one is there: no proxy is blamed by the table.
				f.info = func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Retry-After", "005")
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				if _, err := p.Start(t.Context(), req); blamed(err, c.why) {
					t.Errorf("%s, while the server starts: %v", req.Protocol, err)
				}
				f.info = func(w http.ResponseWriter, _ *http.Request) {
					_, _ = io.WriteString(w, `{"Version":"10.11.11","ProductName":"Jellyfin Server","ServerName":"x","Id":"0123456789abcdef0123456789abcdef"}`)
				}
				if _, err := p.Start(t.Context(), req); blamed(err, c.why) {
					t.Errorf("%s, before another server: %v", req.Protocol, err)
				}
			}
		})
	}
}

func blamed(err error, why api.Why) bool {
	e, ok := errors.AsType[*api.Error](err)
	return !ok || e.Why == why
}

// redirecting redirects, to the proxy's own name where to is empty.
func redirecting(status int, to string) func(passer) http.HandlerFunc {
	return func(passer) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			location := to
			if location == "" {
				location = "https://" + listening(r) + r.RequestURI
			}
			w.Header().Set("Location", location)
			w.WriteHeader(status)
		}
	}
}

// listening is the address that a request came to, whatever its Host says.
func listening(r *http.Request) string {
	at, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return at.String()
}

func serverID(t *testing.T, address string) string {
	t.Helper()
	c, err := jellyfin.New(jellyfin.Options{URL: address, DeviceID: "proxy-test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	info, err := c.PublicInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.ID
}

// TestPluginsOwnWords: an answer of the plugin about a provider is never blamed on a proxy.
func TestPluginsOwnWords(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		f := inFrontOf(t, newWorld(t, demo.Options{Flavour: flavour, Users: 4}), func(pass passer) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { pass(w, r, loopback) }
		})
		p := f.plugin(t, api.CredentialKey)
		f.info = func(http.ResponseWriter, *http.Request) { t.Errorf("%s: asked whether the server is there", flavour) }
		for _, proto := range []api.Protocol{api.OIDC, api.SAML} {
			_, err := p.Start(t.Context(), ssoplugin.StartRequest{Protocol: proto, Provider: "ghost", Host: loopback, Linking: true})
			if !api.IsCode(err, api.CodeProviderNotFound) {
				t.Errorf("%s: %v", flavour, err)
			}
		}
		s, err := p.Start(t.Context(), ssoplugin.StartRequest{Protocol: api.SAML, Provider: demo.ADFS, Host: loopback, Linking: true})
		if err != nil || s.RequestID == "" {
			t.Errorf("%s: through a proxy that passes the Host on: %v", flavour, err)
		}
	}
}

// TestLedAwayUnread: a plain user cannot read whether the provider's settings lead the answer away.
func TestLedAwayUnread(t *testing.T) {
	t.Parallel()
	f := inFrontOf(t, newWorld(t, demo.Options{Users: 4}), leading(func(own string) string { return own }, "", ""))
	p := f.plugin(t, api.CredentialUser)
	_, err := p.Start(t.Context(), ssoplugin.StartRequest{Protocol: api.OIDC, Provider: demo.Authelia, Host: loopback, Linking: true})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeLoopbackUnreachable || e.Why != "led-away" {
		t.Errorf("%v", err)
	}
}

// inWords returns the error with the sentence and the hint that a person reads.
func inWords(e *api.Error) *api.Error {
	told := &api.Error{}
	if e != nil {
		*told = *e
		told.Sentence, told.Hint = words.For("en").Error(e, words.Terminal)
		told.Sentence, told.Hint = strings.ReplaceAll(told.Sentence, "’", "'"), strings.ReplaceAll(told.Hint, "’", "'")
	}
	return told
}
