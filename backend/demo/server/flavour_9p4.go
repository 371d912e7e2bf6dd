package server

import (
	"net/http"

	"github.com/jellybind/jellybind/backend/api"
)

// flavour9p4 is 9p4/jellyfin-plugin-sso 4.0.0.4, archived, the one that most servers run.
func flavour9p4() flavour {
	f := classic()
	f.name, f.pluginVersion = api.Flavour9p4, "4.0.0.4"
	access := []field{
		{"Enabled", flag},
		{"EnableAuthorization", flag},
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
	}
	f.oidcFields = fields(
		[]field{{"OidEndpoint", word}, {"OidClientId", word}, {"OidSecret", word}}, access,
		[]field{
			{"RoleClaim", word},
			{"OidScopes", words},
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
	// The plugin changes a copy of the account that nobody saves: it answers success and nothing happens.
	f.unregister = func(*Server, *user, string) {}
	f.unregisterNoUser = func(*call) answer { return failed(http.StatusInternalServerError) }
	return f
}
