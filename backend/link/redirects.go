package link

import (
	"net"
	"net/url"
	"strconv"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// DefaultPorts are the loopback ports to try, in order, if neither the person nor the provider's settings name one. They are
// few and fixed, because many identity providers allow only registered redirect URIs.
var DefaultPorts = []int{18701, 18702, 18703}

// ports are the loopback ports to try. The server's PortOverride changes the redirect URI that the plugin makes, but not the
// redirect URI of a sign-in of our own.
func (f Facts) ports(s api.Strategy) []int {
	p := f.Provider
	if !relays(s) && s != api.StrategyServerStart {
		p.PortOverride = 0
	}
	return Ports(f.Request.Port, f.Settings, p, f.Ports)
}

// RelayAbility reports whether a sign-in that the plugin starts for the loopback comes back to it. The plugin makes the
// redirect URI from the request's host, unless the provider's settings override it.
func RelayAbility(p api.Provider) api.Ability {
	switch {
	case p.BaseURLOverride != "":
		host := hostOf(p.BaseURLOverride)
		return api.Ability{Why: api.WhyOverrideHost, Params: map[string]string{"host": host}}
	case p.SchemeOverride == "https":
		return api.Ability{Why: api.WhyOverrideHTTPS}
	}
	return api.Ability{OK: true}
}

func hostOf(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host
	}
	return api.Printable(raw)
}

// Ports returns the loopback ports to try for a provider: the request's, the one of the provider's settings, the one that
// the server's PortOverride forces, the person's list, or DefaultPorts.
func Ports(req int, settings api.ProviderSettings, p api.Provider, list []int) []int {
	switch {
	case req != 0:
		return []int{req}
	case p.PortOverride > 0:
		return []int{p.PortOverride}
	case settings.Port != 0:
		return []int{settings.Port}
	case len(list) > 0:
		return list
	}
	return DefaultPorts
}

// AppRedirects returns the redirect URIs (or assertion consumer service addresses) of a sign-in from this app, one for each
// port. The identity provider must allow them.
func AppRedirects(base *url.URL, p api.Provider, s api.ProviderSettings, ports []int) []string {
	return loopbackURLs(s, ports, base.EscapedPath()+ssoplugin.CallbackPath(p))
}

// ServerRedirects returns the redirect URIs of a sign-in on the server's own page.
func ServerRedirects(base *url.URL, p api.Provider) []string {
	u := *base
	if p.SchemeOverride != "" {
		u.Scheme = p.SchemeOverride
	}
	if p.PortOverride > 0 {
		u.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(p.PortOverride))
	}
	root := u.Scheme + "://" + u.Host + u.EscapedPath()
	if p.BaseURLOverride != "" {
		root = p.BaseURLOverride
	}
	return []string{root + ssoplugin.CallbackPath(p)}
}

func loopbackURLs(s api.ProviderSettings, ports []int, path string) []string {
	host := s.ListenHost
	if host == "" {
		host = "127.0.0.1"
	}
	urls := make([]string, 0, len(ports))
	for _, port := range ports {
		if port == 0 { // any free port: only tests and identity providers that ignore the port
			urls = append(urls, "http://"+host+":*"+path)
			continue
		}
		urls = append(urls, "http://"+net.JoinHostPort(host, strconv.Itoa(port))+path)
	}
	return urls
}
