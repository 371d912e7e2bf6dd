package demo

import (
	"crypto/x509"
	"slices"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/secret"
)

// URL returns the server's base URL as people reach it, with the base path and without a trailing slash.
func (w *World) URL() string { return w.url }

// LocalURL returns the server's base URL in its own network: behind the proxy, if there is one.
func (w *World) LocalURL() string { return w.local }

// ProxyCertificate returns the certificate that the proxy shows, nil without HTTPS.
func (w *World) ProxyCertificate() *x509.Certificate { return w.certificate }

// Flavour returns which flavour of the plugin the server runs.
func (w *World) Flavour() api.Flavour { return w.flavour }

// bySubject reports whether the plugin names OIDC identities by their subject.
func (w *World) bySubject() bool { return w.fork || w.flavour == api.FlavourFlowfin }

// APIKey returns an API key of the server.
func (w *World) APIKey() secret.Value { return w.key }

// Admin returns the name and password of an administrator.
func (w *World) Admin() (string, secret.Value) { return AdminName, secret.New(password) }

// User returns the name and password of a person who is no administrator.
func (w *World) User() (string, secret.Value) { return UserName, secret.New(password) }

// OIDCURL returns the issuer of Authelia, the provider that the tour uses.
func (w *World) OIDCURL() string { return w.authelia.Issuer() }

// SAMLURL returns the SAML provider's single sign-on address.
func (w *World) SAMLURL() string { return w.adfs.SSOURL() }

// Issuer returns an OIDC provider's issuer; Legacy, which is disabled, points to Authelia's. It is empty for other names.
func (w *World) Issuer(provider string) string {
	switch provider {
	case Authelia, Legacy:
		return w.authelia.Issuer()
	case Keycloak:
		return w.keycloak.Issuer()
	}
	return ""
}

// Client returns Jellybind's own client at an OIDC provider: the public one, or the one with a secret.
func (w *World) Client(provider string, confidential bool) (id string, key secret.Value) {
	if !confidential {
		return idp.ClientApp, secret.Value{}
	}
	return idp.ClientAppSecret, w.oidc(provider).ClientSecret(idp.ClientAppSecret)
}

// PluginSecret returns the secret of the plugin's client at an OIDC provider.
func (w *World) PluginSecret(provider string) secret.Value {
	return w.oidc(provider).ClientSecret(idp.ClientJellyfin)
}

func (w *World) oidc(provider string) *idp.OIDC {
	if provider == Keycloak {
		return w.keycloak
	}
	return w.authelia
}

// Certificate returns the SAML provider's certificate, base64 of its DER form.
func (w *World) Certificate() string { return w.adfs.Certificate() }

// People returns those who can sign in at the providers. The one whose login is TourName is the tour's.
func (w *World) People() []Person { return slices.Clone(w.people) }

// Person returns the person with that login.
func (w *World) Person(login string) (Person, bool) {
	i := slices.IndexFunc(w.people, func(p Person) bool { return p.Login == login })
	if i < 0 {
		return Person{}, false
	}
	return w.people[i], true
}

// Identity returns who a person is at a provider, under the canonical name that this flavour gives.
func (w *World) Identity(protocol api.Protocol, provider string, p Person) api.Identity {
	spec := identitySpec{protocol: protocol, provider: provider, login: p.Login, subject: p.Subject}
	return api.Identity{Protocol: protocol, Provider: provider, Name: spec.canonical(w.bySubject())}
}

// Accounts returns the accounts and their identities as they were when the world began, the deleted account last. AtRisk and
// AuthProvider are not filled in.
func (w *World) Accounts() []api.Account {
	list := slices.Clone(w.accounts)
	for i := range list {
		list[i].Identities = slices.Clone(list[i].Identities)
	}
	return list
}

// Account returns the account with that name, as it was when the world began.
func (w *World) Account(name string) (api.Account, bool) {
	for _, a := range w.accounts {
		if a.Exists && a.Name == name {
			a.Identities = slices.Clone(a.Identities)
			return a, true
		}
	}
	return api.Account{}, false
}

// Server returns the simulated server, which tests restart or make misbehave.
func (w *World) Server() *server.Server { return w.server }
