package server

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// The versions of Flowfin that were recorded, besides the newest one.
const (
	Flowfin421    = "4.2.1"         // no roster, no Preprovision
	Flowfin430b34 = "4.3.0-beta.34" // a roster, no Preprovision
)

// flavourFlowfin is Flowfin's Community SSO for Jellyfin, the most active fork, in its newest version. Its administration
// routes are in flowfin_admin.go. The real plugin refuses identity providers on loopback addresses; the demo's stand there.
func flavourFlowfin() flavour {
	refused := func(status int, sentence string) func(*call, bool) answer {
		return func(*call, bool) answer { return text(status, sentence) }
	}
	access := []field{
		{"BaseUrlOverride", blankWord},
		{"Enabled", flag},
		{"EnableBackChannelLogout", flag},
		{"DisableAccountOnRoleDenied", flag},
		{"GuestAccessDurationRoleMappings", mappings},
		{"HideLoginButton", flag},
		{"EnableAuthorization", flag},
		{"AllowExistingAccountLink", flag},
		{"ProvisionNewUsersDisabled", flag},
		{"SyncUsernameFromProvider", flag},
		{"EnableAllFolders", flag},
		{"EnabledFolders", words},
		{"AdminRoles", words},
		{"Roles", words},
		{"EnableFolderRoles", flag},
		{"EnableLiveTvRoles", flag},
		{"EnableLiveTv", flag},
		{"EnableLiveTvManagement", flag},
		{"LiveTvRoles", words},
		{"LiveTvManagementRoles", words},
		{"FolderRoleMapping", words},
		{"EnablePermissionRoles", flag},
		{"PermissionRoleMappings", mappings},
		{"EnableParentalRatingRoles", flag},
		{"ParentalRatingRoleMappings", mappings},
		{"AccountExpiryClaim", word},
		{"DefaultProvider", word},
		{"SchemeOverride", blankWord},
		{"PortOverride", number},
		{"NewPath", flag},
	}
	return flavour{
		name: api.FlavourFlowfin, pluginName: "Community SSO for Jellyfin", pluginVersion: "4.3.0.0",
		oidcFields: slices.Concat(
			[]field{
				{"OidEndpoint", word},
				{"OidClientId", word},
				{"OidSecret", secretWord},
				{"RequireVerifiedEmailForAdoption", flag},
				{"RequireVerifiedEmailForLogin", flag},
				{"RequireAcr", flag},
				{"RoleClaim", word},
				{"RoleClaimIsObjectMap", flag},
				{"OidScopes", words},
				{"AcrValues", word},
				{"Prompt", word},
				{"MaxAge", number},
				{"DefaultUsernameClaim", word},
				{"AvatarUrlFormat", word},
				{"DisableAvatarFromPictureClaim", flag},
				{"DisableHttps", flag},
				{"DisablePushedAuthorization", flag},
				{"DoNotValidateEndpoints", flag},
				{"AllowPrivateNetworkAddresses", flag},
				{"DoNotValidateIssuerName", flag},
				{"DoNotValidateResponseIssuer", flag},
				{"DoNotLoadProfile", flag},
				{"RequirePkce", flag},
			}, access,
		),
		samlFields: slices.Concat(
			[]field{
				{"SamlEndpoint", word},
				{"SamlSloEndpoint", blankWord},
				{"SamlClientId", word},
				{"SamlCertificate", word},
				{"SamlSecondaryCertificate", word},
				{"SamlAudience", word},
				{"DoNotValidateAudience", flag},
				{"ValidateRecipient", flag},
				{"ValidateInResponseTo", flag},
				{"SignAuthnRequests", flag},
			}, access,
		),
		pluginFields: `,"EnableRateLimit":false,"RateLimitMaxAttempts":30,"RateLimitWindowSeconds":60,` +
			`"ManageLoginPageButtons":false,"EnableSingleLogout":false,"DisablePasswordLogin":false`,

		pendingLife: 15 * time.Minute, once: true, binds: true, bySubject: true, guards: true, checksConditions: true,
		endsSessions: true, namesParameter: true,

		keyHasNoUser:       func(refusal string) answer { return value(http.StatusForbidden, refusal) },
		noProvider:         text(http.StatusBadRequest, noMatchingProvider),
		samlPostNoProvider: text(http.StatusBadRequest, noMatchingProvider),
		startFailed: text(http.StatusBadRequest,
			"Error preparing login: the authorization server's discovery document could not be read."),
		callbackFailed: func(string, string) answer { return text(http.StatusBadRequest, "Error logging in.") },
		missingState:   func(c *call) answer { return c.invalid("state", "The state field is required.") },
		badState:       refused(http.StatusBadRequest, "Invalid or expired state"),
		badSAML:        refused(http.StatusBadRequest, "SAML response validation failed"),
		unreadableSAML: refused(http.StatusBadRequest, "SAML response validation failed"),
		missingData:    func(*call) answer { return value(http.StatusBadRequest, "Missing data") },
		disabledProvider: func(*call) answer {
			return value(http.StatusBadRequest, noMatchingProvider)
		},
		notPermitted:     text(http.StatusForbidden, "SSO login is not permitted for this account."),
		unlinkUnknown:    value(http.StatusNotFound, "No SSO link is registered for that canonical name."),
		unlinkNoProvider: value(http.StatusBadRequest, noMatchingProvider),
		discoveryFailed: "Could not read the OpenID discovery document. Check that the endpoint is reachable, serves " +
			"/.well-known/openid-configuration, and - unless HTTPS discovery is disabled - is served over HTTPS.",
		states:           statesWithoutNames,
		unregister:       unregisterFlowfin,
		unregisterNoUser: func(c *call) answer { return c.problem(http.StatusNotFound, "", nil) },
		routes:           flowfinRoutes(),
	}
}

// flavourFlowfin430b34 is Flowfin 4.3.0-beta.34: links can be listed, but not written without a sign-in.
func flavourFlowfin430b34() flavour {
	f := flavourFlowfin()
	f.without("GuestAccessDurationRoleMappings", "SyncUsernameFromProvider")
	f.withoutRoutes("/sso/Links/Preprovision/", "/sso/OID/RedirectUri/", "/sso/Config/Links/Import")
	return f
}

// flavourFlowfin421 is Flowfin 4.2.1, which calls itself SSO-Auth: links can be read one account at a time only, and its
// refusals still say more.
func flavourFlowfin421() flavour {
	f := flavourFlowfin430b34()
	f.pluginName, f.pluginVersion, f.namesParameter = "SSO-Auth", "4.2.1.0", false
	f.without("RequireAcr", "RoleClaimIsObjectMap", "DisableAvatarFromPictureClaim", "AllowPrivateNetworkAddresses",
		"BaseUrlOverride", "EnableBackChannelLogout", "DisableAccountOnRoleDenied", "HideLoginButton",
		"ProvisionNewUsersDisabled", "EnableParentalRatingRoles", "ParentalRatingRoleMappings", "SamlSloEndpoint")
	for _, fields := range [][]field{f.oidcFields, f.samlFields} {
		fields[at(fields, "SchemeOverride")].kind = word
	}
	f.withoutRoutes("/sso/Links/", "/sso/SSO-Managed/", "/sso/Config/Links/")
	f.pluginFields = `,"EnableRateLimit":false,"RateLimitMaxAttempts":30,"RateLimitWindowSeconds":60,"DisablePasswordLogin":false`
	f.missingState = func(*call) answer { return value(http.StatusBadRequest, "Missing state") }
	f.callbackFailed = func(code, description string) answer {
		return text(http.StatusBadRequest, "Error logging in: "+code+" - "+description)
	}
	f.discoveryFailed = strings.ReplaceAll(f.discoveryFailed, " - ", " \u2014 ")
	return f
}

// without takes fields out of the configuration of both protocols.
func (f *flavour) without(names ...string) {
	named := func(x field) bool { return slices.Contains(names, x.name) }
	f.oidcFields, f.samlFields = slices.DeleteFunc(f.oidcFields, named), slices.DeleteFunc(f.samlFields, named)
}

// withoutRoutes takes out the routes whose patterns begin so.
func (f *flavour) withoutRoutes(prefixes ...string) {
	f.routes = slices.DeleteFunc(f.routes, func(r route) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(r.pattern, p) })
	})
}

// unregisterFlowfin also removes every link of the account and ends its sessions.
func unregisterFlowfin(s *Server, u *user, authProvider string) {
	u.policy.AuthenticationProviderId = authProvider
	u.save()
	for _, k := range s.kinds() {
		for _, p := range *k.providers {
			for _, name := range p.names(u.id) {
				p.unlink(name)
			}
		}
	}
	s.endTokens(func(t *token) bool { return t.user == u })
}

// statesWithoutNames lists the pending sign-ins without their states and without who signed in.
func statesWithoutNames(s *Server) answer {
	type state struct {
		Provider, Created string
		Valid, IsLinking  bool
	}
	out := []state{}
	for _, p := range s.pending {
		if s.now().Sub(p.created) <= s.flavour.pendingLife {
			out = append(out, state{p.provider, stamp(p.created), p.valid, p.linking})
		}
	}
	return ok(out)
}
