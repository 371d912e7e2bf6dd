package server

import (
	"net/http"

	"github.com/jellybind/jellybind/backend/api"
)

// flavourK0lin is K0lin/jellyfin-plugin-sso 5.0.0.0, the fork whose wiki describes linking.
func flavourK0lin() flavour {
	f := classic()
	f.name, f.pluginVersion, f.setsPassword = api.FlavourK0lin, "5.0.0.0", true
	access := []field{
		{"Enabled", flag},
		{"EnableAuthorization", flag},
		{"EnableAllFolders", flag},
		{"ApplyContentDownloadPermissionOnEveryLogin", flag},
		{"EnabledFolders", words},
		{"AdminRoles", words},
		{"PreserveAdminPermissions", flag},
		{"Roles", words},
		{"EnableFolderRoles", flag},
		{"EnableLiveTvRoles", flag},
		{"EnableLiveTv", flag},
		{"EnableLiveTvManagement", flag},
		{"LiveTvRoles", words},
		{"LiveTvManagementRoles", words},
		{"FolderRoleMapping", words},
	}
	f.oidcFields = fields(
		[]field{{"OidEndpoint", word}, {"OidClientId", word}, {"OidSecret", word}}, access,
		[]field{
			{"RoleClaim", word},
			{"OidScopes", words},
			{"OverrideDefaultScopes", flag},
			{"DefaultProvider", word},
			{"SchemeOverride", word},
			{"PortOverride", number},
			{"NewPath", flag},
			{"CanonicalLinks", canonicalLinks},
			{"DefaultUsernameClaim", word},
			{"AvatarUrlFormat", word},
			{"DisableHttps", flag},
			{"DisablePushedAuthorization", flag},
			{"DoNotValidateEndpoints", flag},
			{"DoNotValidateIssuerName", flag},
			{"DoNotLoadProfile", flag},
		},
	)
	f.samlFields = fields(
		[]field{{"SamlEndpoint", word}, {"SamlClientId", word}, {"SamlCertificate", word}}, access,
		[]field{
			{"DefaultProvider", word},
			{"SchemeOverride", word},
			{"PortOverride", number},
			{"NewPath", flag},
			{"CanonicalLinks", canonicalLinks},
		},
	)
	f.unregister = func(_ *Server, u *user, authProvider string) {
		u.policy.AuthenticationProviderId = authProvider
		u.save()
	}
	f.unregisterNoUser = func(*call) answer { return value(http.StatusNotFound, "User not found") }
	return f
}
