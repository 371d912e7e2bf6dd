package oidcflow

import (
	"encoding/json"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// UnmarshalJSON implements json.Unmarshaler. It also notes every other address in the document that the plugin checks.
func (m *Metadata) UnmarshalJSON(document []byte) error {
	type fields Metadata
	if err := json.Unmarshal(document, (*fields)(m)); err != nil {
		return err //nolint:wrapcheck // of this package's reader
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(document, &all); err != nil {
		return err //nolint:wrapcheck // of this package's reader
	}
	m.addresses = map[string]string{}
	for name, value := range all {
		var address string
		if checkedByServer(name) && json.Unmarshal(value, &address) == nil && address != "" {
			m.addresses[name] = address
		}
	}
	return nil
}

// checkedByServer reports whether the plugin's OpenID library looks at the host of this address.
func checkedByServer(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "endpoint") || name == "jwks_uri" || name == "check_session_iframe"
}

// ServerRefuses says why the server would refuse a provider that Discover accepts: the plugin's settings are stricter than
// Jellybind, which only reads. It returns nil where the server takes the provider, as far as its metadata tell.
//
// The error names the setting to change.
func (m Metadata) ServerRefuses(p api.Provider) error {
	issuer, err := Client{Issuer: p.Endpoint}.issuer()
	if err != nil {
		return err
	}
	if issuer.Scheme == "http" && !p.OIDC.PlainHTTP && !loopbackHost(issuer) {
		return unusable("server-refuses-http", map[string]string{"provider": p.Name, "setting": "DisableHttps", "host": issuer.Host})
	}
	if !p.OIDC.AnyEndpoint {
		for _, name := range slices.Sorted(maps.Keys(m.addresses)) {
			if u, err := url.Parse(m.addresses[name]); err != nil || !sameOrigin(u, issuer) {
				return unusable("server-refuses-endpoint", map[string]string{
					"provider": p.Name, "setting": "DoNotValidateEndpoints", "endpoint": name, "address": m.addresses[name],
					"host": issuer.Host,
				})
			}
		}
	}
	if p.OIDC.NeedsPKCE && !slices.Contains(m.ChallengeMethods, "S256") {
		return unusable("server-refuses-pkce", map[string]string{"provider": p.Name, "setting": "RequirePkce"})
	}
	return nil
}

// sameOrigin compares scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
}

func loopbackHost(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || ip != nil && ip.IsLoopback()
}
