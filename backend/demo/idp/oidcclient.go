package idp

import (
	"errors"
	"path"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/jellybind/jellybind/backend/secret"
)

// The clients that every demo provider knows.
const (
	// ClientJellyfin is the SSO plugin's confidential client. Its redirect URIs lie under /sso/, behind a base path or not.
	ClientJellyfin = "jellyfin"
	// ClientApp is Jellybind's own public client, for the desktop.
	ClientApp = "jellybind"
	// ClientAppSecret is Jellybind's own confidential client.
	ClientAppSecret = "jellybind-secret"
)

const (
	idTokenLife     = time.Hour
	accessTokenLife = 5 * time.Minute
)

// client is a registered OIDC client. It implements op.Client.
type client struct {
	id string
	// secret is zero for a public client.
	secret secret.Value
	title  string // for the sign-in page
	// under is what the redirect URI's path must contain, or empty.
	under   string
	devices bool // may use the device grant
	login   func(id string) string
}

// clients returns the registered clients by id. A public client is ClientApp alone.
func clients(secrets Secrets, login func(string) string) map[string]*client {
	list := []*client{
		{id: ClientJellyfin, secret: secrets.Jellyfin, title: "Jellyfin", under: "/sso/"},
		{id: ClientApp, title: "Jellybind"},
		{id: ClientAppSecret, secret: secrets.App, title: "Jellybind"},
	}
	byID := make(map[string]*client, len(list))
	for _, c := range list {
		c.login = login
		byID[c.id] = c
	}
	return byID
}

// checkRedirect returns an error that a person understands unless the redirect URI is one that this client may use.
func (c *client) checkRedirect(uri string) error {
	if uri == "" {
		return errors.New("the redirect URI is missing")
	}
	u, err := checkLoopback(uri)
	if err != nil {
		return err
	}
	// Browsers resolve dot segments, percent-encoded ones too, before they go there.
	if c.under != "" && (!strings.Contains(u.EscapedPath(), c.under) || !strings.Contains(path.Clean(u.Path)+"/", c.under)) {
		return errors.New("the path of the redirect URI does not contain " + c.under)
	}
	return nil
}

// The methods below implement op.Client.

func (c *client) GetID() string                    { return c.id }
func (c *client) RedirectURIs() []string           { return nil } // decided by checkRedirect
func (c *client) PostLogoutRedirectURIs() []string { return nil }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (c *client) GrantTypes() []oidc.GrantType {
	if c.devices {
		return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeDeviceCode}
	}
	return []oidc.GrantType{oidc.GrantTypeCode}
}
func (c *client) LoginURL(id string) string { return c.login(id) }
func (c *client) AccessTokenType() op.AccessTokenType {
	return op.AccessTokenTypeBearer
}
func (c *client) IDTokenLifetime() time.Duration { return idTokenLife }
func (c *client) DevMode() bool                  { return false }
func (c *client) IsScopeAllowed(string) bool     { return false }
func (c *client) ClockSkew() time.Duration       { return 0 }

// IDTokenUserinfoClaimsAssertion is true: the SSO plugin reads the name from the ID token and need not ask userinfo.
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return true }

func (c *client) ApplicationType() op.ApplicationType {
	if c.secret.IsZero() {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeWeb
}

// AuthMethod allows the secret in the form; op takes it in the Authorization header as well.
func (c *client) AuthMethod() oidc.AuthMethod {
	if c.secret.IsZero() {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodPost
}

func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
