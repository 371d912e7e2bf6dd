package oidcflow

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/jellybind/jellybind/backend/api"
)

// wellKnown is where an issuer's metadata is (OpenID Connect Discovery 1.0, section 4).
const wellKnown = "/.well-known/openid-configuration"

// Metadata is what a provider publishes about itself (OpenID Connect Discovery 1.0, section 3), and the number of its keys.
type Metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	UserInfoEndpoint      string `json:"userinfo_endpoint"`
	JWKSURI               string `json:"jwks_uri"`
	// PushEndpoint takes pushed authorization requests (RFC 9126, section 5); empty where the provider has none.
	// PushRequired is whether it takes no others.
	PushEndpoint string `json:"pushed_authorization_request_endpoint"`
	PushRequired bool   `json:"require_pushed_authorization_requests"`
	// DeviceEndpoint begins sign-ins on other devices (RFC 8628, section 4); empty where the provider offers none.
	DeviceEndpoint string `json:"device_authorization_endpoint"`
	// IssuerInResponse is whether authorization responses name their issuer (RFC 9207, section 3).
	IssuerInResponse bool     `json:"authorization_response_iss_parameter_supported"`
	Scopes           []string `json:"scopes_supported"`
	Claims           []string `json:"claims_supported"`
	ResponseTypes    []string `json:"response_types_supported"`
	Algorithms       []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	// ChallengeMethods are the PKCE methods (RFC 8414, section 2). Many providers know S256 and do not say so.
	ChallengeMethods []string `json:"code_challenge_methods_supported"`
	// SubjectTypes are "public", "pairwise" or both (OpenID Connect Core 1.0, section 8).
	SubjectTypes []string `json:"subject_types_supported"`
	// Keys is the number of signing keys; only Inspect counts them.
	Keys int `json:"-"`
	// addresses are those that the server's plugin checks, by their names in the document.
	addresses map[string]string
}

// Inspect asks the provider for its metadata and its keys, for a test of the provider.
// The errors are the ones of Run up to the listener.
func (c Client) Inspect(ctx context.Context) (Metadata, error) {
	client, err := c.httpClient()
	if err != nil {
		return Metadata{}, err
	}
	meta, err := c.discover(ctx, client)
	if err != nil {
		return Metadata{}, err
	}
	var set struct {
		Keys []struct {
			Use string `json:"use"`
		} `json:"keys"`
	}
	if err := getJSON(ctx, client, meta.JWKSURI, &set); err != nil {
		return Metadata{}, err
	}
	for _, k := range set.Keys {
		if k.Use == "" || k.Use == "sig" {
			meta.Keys++
		}
	}
	if meta.Keys == 0 {
		return Metadata{}, misconfigured("no-signing-key")
	}
	return meta, nil
}

// PairwiseOnly reports whether the provider gives every client another subject for the same person.
func (m Metadata) PairwiseOnly() bool { return slices.Equal(m.SubjectTypes, []string{"pairwise"}) }

// Facts are the metadata as lines of name and value, in a fixed order.
func (m Metadata) Facts() []api.Fact {
	pkce, why := "not announced", api.Why("not-announced")
	if slices.Contains(m.ChallengeMethods, "S256") {
		pkce, why = "S256", ""
	} else if len(m.ChallengeMethods) > 0 {
		pkce, why = strings.Join(m.ChallengeMethods, ", "), ""
	}
	announced := api.Why("false")
	if m.IssuerInResponse {
		announced = api.Why("true")
	}
	pushed := api.Fact{Name: "pushed requests"}
	if m.PushRequired {
		pushed.Value, pushed.Why = "required", "push-required"
	}
	facts := []api.Fact{
		{Name: "issuer", Value: m.Issuer},
		{Name: "authorization endpoint", Value: m.AuthorizationEndpoint},
		{Name: "token endpoint", Value: m.TokenEndpoint},
		{Name: "userinfo endpoint", Value: m.UserInfoEndpoint},
		offered(api.Fact{Name: "device endpoint", Value: m.DeviceEndpoint}),
		offered(api.Fact{Name: "pushed request endpoint", Value: m.PushEndpoint}),
		pushed,
		{Name: "keys", Value: strconv.Itoa(m.Keys)},
		{Name: "signatures", Value: strings.Join(m.Algorithms, ", ")},
		{Name: "PKCE", Value: pkce, Why: why},
		{Name: "issuer in the answer", Value: string(announced), Why: announced},
		{Name: "client authentication", Value: strings.Join(m.TokenAuthMethods, ", ")},
		{Name: "scopes", Value: strings.Join(m.Scopes, ", ")},
		{Name: "claims", Value: strings.Join(m.Claims, ", ")},
	}
	for i := range facts {
		facts[i].Value = api.Printable(facts[i].Value)
	}
	return slices.DeleteFunc(facts, func(f api.Fact) bool { return f.Value == "" })
}

// offered is an endpoint that a provider need not have.
func offered(endpoint api.Fact) api.Fact {
	if endpoint.Value == "" {
		endpoint.Value, endpoint.Why = "not offered", "not-offered"
	}
	return endpoint
}

// Discover asks the provider for its metadata and makes sure that it is this issuer's, that it can do what Run needs, and
// that its endpoints are no less protected than the issuer itself.
//
// The plugin's settings hold the issuer as it was typed: with or without the well-known path, with or without a slash at its
// end. Discovery leaves out that slash (section 4.1), so both forms lead to the same document. The issuer's exact form is the
// one in the document, and everything later is compared with that.
func (c Client) Discover(ctx context.Context) (Metadata, error) {
	client, err := c.httpClient()
	if err != nil {
		return Metadata{}, err
	}
	return c.discover(ctx, client)
}

func (c Client) discover(ctx context.Context, client *http.Client) (Metadata, error) {
	u, err := c.issuer()
	if err != nil {
		return Metadata{}, err
	}
	base := u.String()
	var m Metadata
	if err := getJSON(ctx, client, base+wellKnown, &m); err != nil {
		return Metadata{}, err
	}
	if err := c.checkIssuer(m.Issuer, base); err != nil {
		return Metadata{}, err
	}
	if err := m.checkEndpoints(u.Scheme); err != nil {
		return Metadata{}, err
	}
	if len(m.ResponseTypes) > 0 && !slices.Contains(m.ResponseTypes, "code") {
		return Metadata{}, misconfigured("no-code-flow")
	}
	if len(m.Algorithms) > 0 && len(m.algorithms()) == 0 {
		return Metadata{}, misconfigured("no-public-key")
	}
	return m, nil
}

// issuer is Client.Issuer without the well-known path and without a slash at its end.
func (c Client) issuer() (*url.URL, error) {
	base := strings.TrimSuffix(strings.TrimSpace(c.Issuer), "/")
	base = strings.TrimSuffix(strings.TrimSuffix(base, wellKnown), "/")
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Fragment != "" {
		return nil, &api.Error{Code: api.CodeAddressInvalid, Why: "no-issuer"}
	}
	return u, nil
}

// checkIssuer compares the issuer in the discovery document with the address that was asked.
func (c Client) checkIssuer(published, asked string) error {
	if c.AcceptPublishedIssuer && published != "" || strings.TrimSuffix(published, "/") == asked {
		return nil
	}
	return unusable("unusable-issuer", map[string]string{"issuer": cmp.Or(published, "-"), "asked": asked})
}

// checkEndpoints makes sure that the endpoints are addresses, and no less protected than the issuer's scheme.
func (m Metadata) checkEndpoints(scheme string) error {
	for _, endpoint := range []struct {
		field, address string
		needed         bool
	}{
		{"authorization_endpoint", m.AuthorizationEndpoint, true},
		{"token_endpoint", m.TokenEndpoint, true},
		{"jwks_uri", m.JWKSURI, true},
		{"userinfo_endpoint", m.UserInfoEndpoint, false},
		{"pushed_authorization_request_endpoint", m.PushEndpoint, m.PushRequired},
		{"device_authorization_endpoint", m.DeviceEndpoint, false},
	} {
		if endpoint.address == "" && !endpoint.needed {
			continue
		}
		at, err := url.Parse(endpoint.address)
		if err != nil || at.Host == "" || at.User != nil || at.Fragment != "" ||
			(at.Scheme != "https" && (at.Scheme != "http" || scheme != "http")) {
			return unusable("unusable-endpoint", map[string]string{"endpoint": endpoint.field})
		}
	}
	return nil
}

// signatures are the algorithms that a public key can check (RFC 7518, section 3.1, and RFC 8037), without "none" and
// without the ones with a shared secret.
var signatures = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

func (m Metadata) algorithms() []string {
	if len(m.Algorithms) == 0 {
		return []string{oidc.RS256} // the default of OpenID Connect Core 1.0, section 2
	}
	return slices.DeleteFunc(slices.Clone(m.Algorithms), func(a string) bool { return !slices.Contains(signatures, a) })
}
