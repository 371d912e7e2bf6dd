package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// flowfinRoutes are the administration routes that only Flowfin has.
func flowfinRoutes() []route {
	return []route{
		{method: "GET", pattern: "/sso/Links/Roster", access: elevated, handle: linksRoster},
		{method: "GET", pattern: "/sso/Links/Export/{userId}", access: elevated, handle: exportUserLinks},
		{
			method: "POST", pattern: "/sso/Links/Preprovision/{mode}/{provider}/{userId}", access: elevated, writes: true,
			handle: preprovision,
		},
		{method: "GET", pattern: "/sso/SSO-Managed/Status/{userId}", access: elevated, handle: managedStatus},
		{method: "GET", pattern: "/sso/SSO-Only/Status", access: elevated, handle: ssoOnlyStatus},
		{method: "GET", pattern: "/sso/Config/Links/Export", access: elevated, handle: exportLinks},
		{method: "POST", pattern: "/sso/Config/Links/Import", access: elevated, handle: importLinks},
		{method: "GET", pattern: "/sso/Config/Export", access: elevated, handle: exportConfiguration},
		{method: "GET", pattern: "/sso/OID/RedirectUri/{provider}", access: elevated, handle: showRedirectURI},
		{method: "GET", pattern: "/sso/OID/Test/{provider}", access: elevated, handle: testOIDC},
		{method: "GET", pattern: "/sso/SAML/Test/{provider}", access: elevated, handle: testSAML},
		{method: "GET", pattern: "/sso/SAML/metadata/{provider}", handle: samlMetadata},
	}
}

// flowfinLink is a link in Flowfin's JSON, in its order.
type flowfinLink struct {
	Protocol, Provider, CanonicalName string
	Username                          string `json:",omitempty"`
	Issuer                            string `json:",omitempty"`
	LastSsoLoginUtc                   string `json:",omitempty"`
	userID, lastLogin                 string
}

// flowfinLinks are all links, OIDC before SAML, in the order of the providers and of their links.
func (s *Server) flowfinLinks() []flowfinLink {
	all := []flowfinLink{}
	for _, k := range s.kinds() {
		protocol := "OpenID"
		if k.segment == "saml" {
			protocol = "SAML"
		}
		for _, p := range *k.providers {
			for _, name := range p.names("") {
				l := flowfinLink{protocol, p.name, name, "", p.issuers[name], "", p.links[name], p.lastLogin(name)}
				if u := s.users[l.userID]; u != nil {
					l.Username = u.name
				}
				all = append(all, l)
			}
		}
	}
	return all
}

// rosterAccount is an account with its links in Flowfin's JSON.
type rosterAccount struct {
	UserId        string
	Username      string `json:",omitempty"`
	AccountExists bool
	Links         []flowfinLink
}

// linksRoster lists the accounts that have links, in the order of their first ones.
func linksRoster(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	accounts := []rosterAccount{}
	at := map[string]int{}
	for _, l := range c.s.flowfinLinks() {
		i, seen := at[l.userID]
		if !seen {
			i = len(accounts)
			at[l.userID] = i
			accounts = append(accounts, rosterAccount{
				UserId: l.userID, Username: l.Username, AccountExists: c.s.users[l.userID] != nil,
			})
		}
		l.Username, l.Issuer, l.LastSsoLoginUtc = "", "", l.lastLogin
		accounts[i].Links = append(accounts[i].Links, l)
	}
	return ok(struct{ Accounts []rosterAccount }{accounts})
}

type linksExport struct {
	FormatVersion int
	Links         []flowfinLink
}

func exportLinks(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return ok(linksExport{1, c.s.flowfinLinks()})
}

func exportUserLinks(c *call) answer {
	id, a, valid := c.linkTarget()
	if !valid {
		return a
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	links := slices.DeleteFunc(c.s.flowfinLinks(), func(l flowfinLink) bool { return l.userID != id })
	return ok(linksExport{1, links})
}

// importLinks checks the version of what it is given and then, as the real plugin does, writes nothing.
func importLinks(c *call) answer {
	var in struct{ FormatVersion int }
	if a, valid := c.decode(&in, c.parameter("export")); !valid {
		return a
	}
	if in.FormatVersion != 1 {
		return value(http.StatusBadRequest, fmt.Sprintf(
			"Unsupported link export format version %d; this plugin imports version 1.", in.FormatVersion,
		))
	}
	return noContent()
}

// preprovision writes a link without a sign-in, unless another account has that identity.
func preprovision(c *call) answer {
	id, a, valid := c.linkTarget()
	if !valid {
		return a
	}
	var name string
	if a, valid := c.decode(&name, c.parameter("canonicalName")); !valid {
		return a
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	k, known := s.kindOf(c.vars["mode"])
	if !known {
		return failed(http.StatusBadRequest)
	}
	p, exists := k.providers.get(c.vars["provider"])
	exists = exists && p.enabled("Enabled")
	owner, linked := "", false
	if exists {
		owner, linked = p.links[name]
	}
	switch {
	case !exists:
		return value(http.StatusBadRequest, noMatchingProvider)
	case name == "":
		return value(http.StatusBadRequest, "The SSO login did not resolve an identity.")
	case s.users[id] == nil:
		return value(http.StatusNotFound, "No Jellyfin account exists with that user id.")
	case linked && owner != id:
		return value(http.StatusConflict,
			"That identity is already linked to a different Jellyfin account. Remove the existing link first.")
	case !linked && !s.hostile.IgnoreWrites:
		p.link(identity{name: name}, id)
	}
	return noContent()
}

func managedStatus(c *call) answer {
	id, a, valid := c.linkTarget()
	if !valid {
		return a
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	u := c.s.users[id]
	if u == nil {
		return value(http.StatusNotFound, "No Jellyfin account exists with that user id.")
	}
	return ok(struct{ PasswordLoginDisabled, HasCanonicalLink bool }{
		u.policy.AuthenticationProviderId != api.AuthProviderDefault, c.s.hasLinks(id),
	})
}

func ssoOnlyStatus(c *call) answer {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByName(s.opts.SSOOnly)
	return ok(struct {
		DisablePasswordLogin    bool
		BreakGlassAdminUsername string `json:",omitempty"`
		GuardSatisfied          bool
	}{
		s.opts.SSOOnly != "", s.opts.SSOOnly,
		u != nil && u.policy.IsAdministrator && !u.policy.IsDisabled && u.hasPassword,
	})
}

func exportConfiguration(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return ok(struct {
		FormatVersion int
		Configuration json.RawMessage
	}{1, c.s.pluginConfiguration()})
}

func (c *call) configured(providers *providers) *provider {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	p, _ := providers.get(c.vars["provider"])
	return p
}

func showRedirectURI(c *call) answer {
	p := c.configured(&c.s.oidc)
	if p == nil {
		return value(http.StatusBadRequest, noMatchingProvider)
	}
	return ok(c.redirectURI(p))
}

// testResult is the outcome of a provider's test in Flowfin's JSON.
type testResult struct {
	Ok      bool
	Message string
	Details []string
}

func testOIDC(c *call) answer {
	p := c.configured(&c.s.oidc)
	if p == nil {
		return value(http.StatusBadRequest, noMatchingProvider)
	}
	found, ctx, err := c.s.discover(c.Context(), p)
	var facts struct {
		Issuer        string   `json:"issuer"`
		Authorization string   `json:"authorization_endpoint"`
		Token         string   `json:"token_endpoint"`
		UserInfo      string   `json:"userinfo_endpoint"`
		Keys          string   `json:"jwks_uri"`
		Challenges    []string `json:"code_challenge_methods_supported"`
		ResponseIss   bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err == nil {
		err = found.Claims(&facts)
	}
	if err != nil {
		return ok(testResult{false, c.s.flavour.discoveryFailed, []string{}})
	}
	yes := map[bool]string{true: "yes", false: "no"}
	return ok(testResult{true, "The OpenID discovery document was read successfully.", []string{
		"Issuer: " + facts.Issuer, "Authorization endpoint: " + facts.Authorization, "Token endpoint: " + facts.Token,
		"UserInfo endpoint: " + facts.UserInfo, "JWKS: " + c.s.keySet(ctx, facts.Keys),
		"PKCE (S256) advertised: " + yes[slices.Contains(facts.Challenges, "S256")],
		"RFC 9207 response-iss advertised: " + yes[facts.ResponseIss],
	}})
}

// keySet says whether a provider's keys can be read, and how many there are.
func (s *Server) keySet(ctx context.Context, address string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "unreachable"
	}
	answer, err := s.opts.HTTP.Do(r)
	if err != nil {
		return "unreachable"
	}
	defer func() { _ = answer.Body.Close() }()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.NewDecoder(http.MaxBytesReader(nil, answer.Body, 1<<20)).Decode(&set) != nil {
		return "unreachable"
	}
	return fmt.Sprintf("reachable (%d key(s))", len(set.Keys))
}

func testSAML(c *call) answer {
	p := c.configured(&c.s.saml)
	if p == nil {
		return value(http.StatusBadRequest, noMatchingProvider)
	}
	certificate, err := parseCertificate(p.text("SamlCertificate"))
	if err != nil {
		return ok(testResult{false, "The SAML signing certificate could not be parsed.", []string{}})
	}
	const when = "2006-01-02 15:04:05Z"
	return ok(testResult{true, "The SAML signing certificate parsed successfully.", []string{
		"Subject: " + certificate.Subject.String(), "Issuer: " + certificate.Issuer.String(),
		"Valid from (UTC): " + certificate.NotBefore.UTC().Format(when),
		"Valid to (UTC): " + certificate.NotAfter.UTC().Format(when),
		"SHA-256 thumbprint: " + strings.ToUpper(fmt.Sprintf("%x", sha256.Sum256(certificate.Raw))),
	}})
}

// samlMetadata needs the provider's base URL, since anybody may ask with any Host header.
func samlMetadata(c *call) answer {
	p := c.configured(&c.s.saml)
	if p == nil {
		return text(http.StatusBadRequest, noMatchingProvider)
	}
	if p.text("BaseUrlOverride") == "" {
		return text(http.StatusConflict, "SAML metadata is unavailable: configure this provider's canonical Base URL first, "+
			"so the published assertion-consumer URL cannot be derived from a spoofable request host.")
	}
	return answer{status: http.StatusOK, kind: "application/samlmetadata+xml", body: [][]byte{fmt.Appendf(nil,
		`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s">`+
			`<md:SPSSODescriptor protocolSupportEnumeration="%s"><md:AssertionConsumerService index="0" isDefault="true" `+
			`Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%s"/></md:SPSSODescriptor></md:EntityDescriptor>`,
		escapeXML(p.text("SamlClientId")), protocolNamespace, escapeXML(c.consumerService(p)))}}
}
