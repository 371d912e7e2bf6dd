package oidcflow

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
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

// Metadata is what a provider says of itself (OpenID Connect Discovery 1.0, section 3), and the number of its keys.
type Metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	UserInfoEndpoint      string `json:"userinfo_endpoint"`
	JWKSURI               string `json:"jwks_uri"`
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
	// Keys is the number of signing keys; Discover alone counts them.
	Keys int `json:"-"`
}

// Discover asks a provider for its metadata and its keys, for a test of the provider.
// The errors are those of Run up to the listener.
func Discover(ctx context.Context, issuer string) (Metadata, error) {
	client := Client{Issuer: issuer}
	meta, err := client.Discover(ctx)
	if err != nil {
		return Metadata{}, err
	}
	var set struct {
		Keys []struct {
			Use string `json:"use"`
		} `json:"keys"`
	}
	if err := client.get(ctx, meta.JWKSURI, &set); err != nil {
		return Metadata{}, err
	}
	for _, k := range set.Keys {
		if k.Use == "" || k.Use == "sig" {
			meta.Keys++
		}
	}
	if meta.Keys == 0 {
		return Metadata{}, misconfigured("it publishes no signing key")
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
	facts := []api.Fact{
		{Name: "issuer", Value: m.Issuer},
		{Name: "authorization endpoint", Value: m.AuthorizationEndpoint},
		{Name: "token endpoint", Value: m.TokenEndpoint},
		{Name: "userinfo endpoint", Value: m.UserInfoEndpoint},
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

// Discover asks the provider for its metadata and makes sure that it is this issuer's, that it can do what Run needs, and
// that its endpoints are no less protected than the issuer itself.
//
// The plugin's settings hold the issuer as people copied it: with or without the well-known path, with or without a slash
// at its end. Discovery leaves out that slash (section 4.1), so both forms lead to the same document; the form in it is the
// issuer's, and everything after is compared with that, letter by letter.
func (c Client) Discover(ctx context.Context) (Metadata, error) {
	base := strings.TrimSuffix(strings.TrimSpace(c.Issuer), "/")
	base = strings.TrimSuffix(strings.TrimSuffix(base, wellKnown), "/")
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Fragment != "" {
		return Metadata{}, &api.Error{
			Code:     api.CodeAddressInvalid,
			Why:      "no-issuer",
			Sentence: "The provider's endpoint in the plugin's settings is not an OpenID issuer's address.",
			Hint:     "It looks like https://auth.example.com or https://auth.example.com/realms/home.",
		}
	}
	var m Metadata
	if err := c.get(ctx, base+wellKnown, &m); err != nil {
		return Metadata{}, err
	}
	if strings.TrimSuffix(m.Issuer, "/") != base {
		e := misconfigured(fmt.Sprintf("it calls itself %s, and was asked as %s", api.Printable(m.Issuer), api.Printable(base)))
		e.Why, e.Params = "unusable-issuer", map[string]string{"issuer": cmp.Or(m.Issuer, "-"), "asked": base}
		e.Hint = "Enter the issuer in the plugin's settings exactly as the provider calls itself."
		return Metadata{}, e
	}
	for _, endpoint := range []struct {
		name, field, address string
		needed               bool
	}{
		{"authorization endpoint", "authorization_endpoint", m.AuthorizationEndpoint, true},
		{"token endpoint", "token_endpoint", m.TokenEndpoint, true},
		{"key set", "jwks_uri", m.JWKSURI, true},
		{"userinfo endpoint", "userinfo_endpoint", m.UserInfoEndpoint, false},
	} {
		if endpoint.address == "" && !endpoint.needed {
			continue
		}
		at, err := url.Parse(endpoint.address)
		if err != nil || at.Host == "" || at.User != nil || at.Fragment != "" ||
			(at.Scheme != "https" && (at.Scheme != "http" || u.Scheme != "http")) {
			e := misconfigured("its " + endpoint.name + " is missing, or less protected than the issuer")
			e.Why, e.Params = "unusable-endpoint", map[string]string{"endpoint": endpoint.field}
			return Metadata{}, e
		}
	}
	if len(m.ResponseTypes) > 0 && !slices.Contains(m.ResponseTypes, "code") {
		return Metadata{}, misconfigured("it has no authorization code flow")
	}
	if len(m.Algorithms) > 0 && len(m.algorithms()) == 0 {
		return Metadata{}, misconfigured("it signs ID tokens by no public key")
	}
	return m, nil
}

// signatures are the algorithms that a public key can check (RFC 7518, section 3.1, and RFC 8037), which leaves out "none"
// and those by a shared secret.
var signatures = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

func (m Metadata) algorithms() []string {
	if len(m.Algorithms) == 0 {
		return []string{oidc.RS256} // the default of OpenID Connect Core 1.0, section 2
	}
	return slices.DeleteFunc(slices.Clone(m.Algorithms), func(a string) bool { return !slices.Contains(signatures, a) })
}

// provider is go-oidc's provider with this metadata. ctx carries the HTTP client.
func (m Metadata) provider(ctx context.Context) *oidc.Provider {
	return (&oidc.ProviderConfig{
		IssuerURL: m.Issuer, AuthURL: m.AuthorizationEndpoint, TokenURL: m.TokenEndpoint, UserInfoURL: m.UserInfoEndpoint,
		JWKSURL: m.JWKSURI, Algorithms: m.algorithms(),
	}).NewProvider(ctx)
}

// get reads a JSON document.
func (c Client) get(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return misconfigured("an address of it is malformed")
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.httpClient().Do(req)
	if err != nil {
		return unreachable(ctx, err, req.URL.Host)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return answered(resp, req.URL)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return unreachable(ctx, err, req.URL.Host)
	}
	if err := json.Unmarshal(body, into); err != nil {
		e := misconfigured("what it says at " + api.Printable(req.URL.Redacted()) + " is not JSON")
		e.Why, e.Params = "unusable-json", map[string]string{"address": req.URL.Redacted()}
		e.Hint = "Check the endpoint in the plugin's settings: it may be the address of a web page."
		return e
	}
	return nil
}
