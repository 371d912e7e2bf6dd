package proxy_test

import (
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/demo/proxy"
)

const loopback = "127.0.0.1:18711"

// front puts a proxy in front of a server that answers what reached it.
func front(t *testing.T, kind proxy.Kind, stranger http.Handler) (site *httptest.Server, upstream string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.EscapedPath()+"?"+r.URL.RawQuery)
		_, _ = io.WriteString(w, r.Host+" "+r.Header.Get("X-Forwarded-Proto")+" "+r.Header.Get("X-Forwarded-Host"))
	}))
	t.Cleanup(server.Close)
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	h, err := proxy.New(proxy.Options{
		Kind: kind, Site: &url.URL{Scheme: "https", Host: "media.test"}, Upstream: to, Stranger: stranger,
	})
	if err != nil {
		t.Fatal(err)
	}
	site = httptest.NewTLSServer(h)
	t.Cleanup(site.Close)
	return site, to.Host
}

// ask sends a request with a Host and follows nothing.
func ask(t *testing.T, site *httptest.Server, host string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site.URL+"/sso/OID/start/a%2Fb%20c?isLinking=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	client := *site.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body), nil
}

// TestByItsName reaches the server through each proxy, with the path as it was sent.
func TestByItsName(t *testing.T) {
	t.Parallel()
	for _, kind := range proxy.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			site, upstream := front(t, kind, nil)
			for _, host := range []string{"media.test", "MEDIA.test:443"} {
				want := host + " https " + host
				switch kind {
				case proxy.NginxBare:
					want = upstream + "  "
				case proxy.NginxHost:
					want = "media.test https "
				default:
				}
				answer, body, err := ask(t, site, host)
				if err != nil {
					t.Fatal(err)
				}
				if path := answer.Header.Get("X-Path"); body != want || path != "/sso/OID/start/a%2Fb%20c?isLinking=true" {
					t.Errorf("the server saw %q at %q, want %q", body, path, want)
				}
			}
		})
	}
}

// TestAnotherHost asks each proxy as a sign-in through the loopback does.
func TestAnotherHost(t *testing.T) {
	t.Parallel()
	for kind, want := range map[proxy.Kind]struct {
		status   int // 0 where the connection is closed
		body     string
		location string
	}{
		proxy.NginxName:     {},
		proxy.NginxRedirect: {301, "301 Moved Permanently", "https://media.test/sso/OID/start/a%2Fb%20c?isLinking=true"},
		proxy.NginxOneBlock: {200, loopback + " https " + loopback, ""},
		proxy.NginxHost:     {200, "media.test https ", ""},
		proxy.NginxBare:     {200, "127.0.0.1:", ""},
		proxy.Caddy:         {200, "", ""},
		proxy.HAProxy:       {503, "No server is available", ""},
		proxy.Apache:        {404, "Not Found", ""},
		proxy.OtherSite:     {200, "Another site", ""},
		proxy.Traefik:       {404, "404 page not found", ""},
		proxy.Tunnel:        {403, "403 Forbidden", ""},
		proxy.Misdirected:   {421, "Misdirected Request", ""},
		proxy.Gate:          {302, "", "https://auth.media.test/?rd=https%3A%2F%2F127.0.0.1%3A18711%2Fsso%2FOID%2Fstart%2Fa%252Fb%2520c%3FisLinking%3Dtrue&rm=GET"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			site, _ := front(t, kind, nil)
			answer, body, err := ask(t, site, loopback)
			if want.status == 0 {
				if err == nil {
					t.Errorf("answered %s", answer.Status)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != want.status || !strings.Contains(body, want.body) {
				t.Errorf("answered %s %q", answer.Status, body)
			}
			if location := answer.Header.Get("Location"); location != want.location {
				t.Errorf("leads to %s", location)
			}
			if kind == proxy.Caddy && body != "" {
				t.Errorf("answered %q", body)
			}
		})
	}
	if n := len(proxy.Kinds()); n != 13 {
		t.Errorf("%d kinds, of which 13 are tested", n)
	}
}

func TestStranger(t *testing.T) {
	t.Parallel()
	site, _ := front(t, proxy.Caddy, http.NotFoundHandler())
	if answer, _, err := ask(t, site, loopback); err != nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("answered %v, %v", answer, err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	there := &url.URL{Scheme: "http", Host: "media.test"}
	for name, o := range map[string]proxy.Options{
		"kind":     {Kind: "squid", Site: there, Upstream: there},
		"site":     {Kind: proxy.Caddy, Site: &url.URL{Path: "media.test"}, Upstream: there},
		"upstream": {Kind: proxy.Caddy, Site: there},
	} {
		if _, err := proxy.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestServerGone answers for a server that does not.
func TestServerGone(t *testing.T) {
	t.Parallel()
	h, err := proxy.New(proxy.Options{
		Kind: proxy.Caddy, Site: &url.URL{Scheme: "http", Host: "media.test"}, Upstream: &url.URL{Scheme: "http", Host: "127.0.0.1:1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://media.test/", nil))
	if answer.Code != http.StatusBadGateway {
		t.Errorf("answered %d", answer.Code)
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	c, err := proxy.Certificate("media.test")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if _, err := c.Leaf.Verify(x509.VerifyOptions{DNSName: "media.test", Roots: roots}); err == nil {
		t.Error("somebody knows who signed it")
	}
	roots.AddCert(c.Leaf)
	if _, err := c.Leaf.Verify(x509.VerifyOptions{DNSName: "media.test", Roots: roots}); err != nil {
		t.Error(err)
	}
}
