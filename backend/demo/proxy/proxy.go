// Package proxy plays the reverse proxies that stand in front of Jellyfin servers, each configured as its manual shows. They
// differ in what they do with a request whose Host is not the server's name, such as a sign-in that comes back through the
// loopback, and in the Host that they pass on.
package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Kind is a reverse proxy with a configuration.
type Kind string

// The kinds. “By name” means that the proxy has a site for the server's name and another answer for any other Host.
const (
	NginxName     Kind = "nginx-name"     // by name; the default server closes the connection (return 444)
	NginxRedirect Kind = "nginx-redirect" // by name; the default server redirects to the name
	NginxOneBlock Kind = "nginx-one"      // one site for every Host, which is passed on
	NginxHost     Kind = "nginx-host"     // one site for every Host; the server's name is passed on
	NginxBare     Kind = "nginx-bare"     // one site for every Host; the upstream's address is passed on
	Caddy         Kind = "caddy"          // by name; another Host gets an empty 200
	HAProxy       Kind = "haproxy"        // by name; another Host gets a 503
	Apache        Kind = "apache"         // by name; another Host gets the files of another site, so mostly its 404
	OtherSite     Kind = "other-site"     // by name; another Host gets a page of another site for every path
	Traefik       Kind = "traefik"        // by name; another Host gets a 404
	Tunnel        Kind = "tunnel"         // by name; another Host gets a 403
	Misdirected   Kind = "misdirected"    // by name; another Host gets a 421
	Gate          Kind = "gate"           // another Host is sent to a sign-in page on another host, as forward-auth does
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{
		NginxName, NginxRedirect, NginxOneBlock, NginxHost, NginxBare, Caddy, HAProxy, Apache, OtherSite, Traefik, Tunnel,
		Misdirected, Gate,
	}
}

// PassesHost reports whether a request with another Host reaches the server, with that Host.
func (k Kind) PassesHost() bool { return k == NginxOneBlock }

// Options describes a proxy.
type Options struct {
	Kind Kind
	// Site is the address that people use, such as "https://media.test". Its host is the name that the proxy chooses by.
	Site *url.URL
	// Upstream is the server's own address.
	Upstream *url.URL
	// Stranger answers requests for another Host; nil means what the kind answers. Kinds with one site for every Host have
	// no strangers.
	Stranger http.Handler
}

// transport is not http.DefaultTransport: each httptest.Server.Close closes the idle connections of that one, and a request that
// has just taken one fails with it.
var transport = &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}

// New returns the proxy. It returns an error for an unknown kind or an address without a host. It passes WebSockets and
// streams on, and answers 502 where the server does not answer.
func New(o Options) (http.Handler, error) {
	if !slices.Contains(Kinds(), o.Kind) {
		return nil, fmt.Errorf("making a proxy: there is no kind %q", o.Kind)
	}
	if o.Site == nil || o.Site.Host == "" || o.Upstream == nil || o.Upstream.Host == "" {
		return nil, errors.New("making a proxy: an address has no host")
	}
	stranger := o.Stranger
	if stranger == nil {
		stranger = strangers(o.Site)[o.Kind]
	}
	forward := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { o.rewrite(r) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.byName() && !strings.EqualFold(hostname(r.Host), o.Site.Hostname()) {
			stranger.ServeHTTP(w, r)
			return
		}
		forward.ServeHTTP(w, r)
	}), nil
}

func (o Options) byName() bool {
	return !slices.Contains([]Kind{NginxOneBlock, NginxHost, NginxBare}, o.Kind)
}

// rewrite sends the request to the server with the headers that the kind's configuration sets.
func (o Options) rewrite(r *httputil.ProxyRequest) {
	r.SetURL(&url.URL{Scheme: o.Upstream.Scheme, Host: o.Upstream.Host}) // the Host becomes the upstream's
	if o.Kind == NginxBare {
		return
	}
	r.SetXForwarded()
	r.Out.Host = r.In.Host
	if o.Kind == NginxHost {
		r.Out.Host = o.Site.Host
		r.Out.Header.Del("X-Forwarded-Host")
	}
}

// hostname is a Host header without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// strangers are the answers to requests for another Host.
func strangers(site *url.URL) map[Kind]http.Handler {
	name := site.Hostname()
	return map[Kind]http.Handler{
		NginxName: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		NginxRedirect: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", site.Scheme+"://"+site.Host+r.URL.RequestURI())
			says(http.StatusMovedPermanently, "nginx/1.22.1", "text/html",
				"<html>\r\n<head><title>301 Moved Permanently</title></head>\r\n<body>\r\n"+
					"<center><h1>301 Moved Permanently</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n")(w, r)
		}),
		Caddy: says(http.StatusOK, "Caddy", "", ""),
		HAProxy: says(http.StatusServiceUnavailable, "", "text/html",
			"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n"),
		Apache: says(http.StatusNotFound, "Apache/2.4.66 (Debian)", "text/html; charset=iso-8859-1",
			"<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>404 Not Found</title>\n</head><body>\n"+
				"<h1>Not Found</h1>\n<p>The requested URL was not found on this server.</p>\n</body></html>\n"),
		OtherSite: says(http.StatusOK, "Apache/2.4.66 (Debian)", "text/html",
			"<!DOCTYPE html>\n<html lang=\"en\"><head><title>Another site</title></head><body><h1>It works!</h1></body></html>\n"),
		Traefik: says(http.StatusNotFound, "", "text/plain; charset=utf-8", "404 page not found\n"),
		Tunnel: says(http.StatusForbidden, "cloudflare", "text/html",
			"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n"+
				"<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"),
		Misdirected: says(http.StatusMisdirectedRequest, "Apache/2.4.66 (Debian)", "text/html; charset=iso-8859-1",
			"<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>421 Misdirected Request</title>\n</head><body>\n"+
				"<h1>Misdirected Request</h1>\n</body></html>\n"),
		Gate: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			back := url.Values{"rd": {site.Scheme + "://" + r.Host + r.URL.RequestURI()}, "rm": {r.Method}}
			http.Redirect(w, r, "https://auth."+name+"/?"+back.Encode(), http.StatusFound)
		}),
	}
}

// says answers the same to everything.
func says(status int, server, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if server != "" {
			w.Header().Set("Server", server)
		}
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}
