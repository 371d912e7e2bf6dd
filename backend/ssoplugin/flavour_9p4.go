package ssoplugin

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// ninep4 is 9p4's plugin, up to 4.0.0.4. Its links stand in the providers' configuration, which an administrator's
// credential reads and writes; its routes look for the account of whoever asks, which an API key has not; and it
// answers almost every fault with status 500.
func ninep4() flavour {
	return flavour{
		name: api.Flavour9p4,
		abilities: func(kind api.CredentialKind) api.Capabilities {
			caps := configured(kind)
			caps.UnregisterKept = false // the account's sign-in provider is back after a restart of the server
			return caps
		},
		rule: func(s settings) api.NameRule {
			// A setting of blanks alone is trimmed after it was looked at: no claim has that name.
			claim := strings.TrimSpace(cmp.Or(s.DefaultUsernameClaim, userNameClaim))
			return api.NameRule{Claim: claim, Fallback: "sub"}
		},
		adopts:       func(settings) bool { return true },
		liveTVAlways: true,
		verdict:      ninep4Verdict,
	}
}

// userNameClaim names an identity where the settings name no other claim.
const userNameClaim = "preferred_username"

// configured is what can be done on the flavours that keep links in the providers' configuration.
func configured(kind api.CredentialKind) api.Capabilities {
	var caps api.Capabilities
	switch kind {
	case api.CredentialAdmin:
		caps = api.Capabilities{
			ReadRoster: yes(), ReadOwn: yes(), ReadConfig: yes(), NameBeforeWrite: yes(), PostLink: yes(),
			PostLinkOwn: yes(), DeleteLink: yes(), DeleteLinkOwn: yes(), WriteConfig: yes(), Unregister: yes(),
		}
	case api.CredentialKey:
		caps = api.Capabilities{
			ReadRoster: yes(), ReadConfig: yes(), NameBeforeWrite: yes(), WriteConfig: yes(), Unregister: yes(),
			ReadOwn:       noAccount(),
			PostLink:      no("key-link"),
			PostLinkOwn:   noAccount(),
			DeleteLink:    no("key-unlink"),
			DeleteLinkOwn: noAccount(),
		}
	case api.CredentialUser:
		caps = plainUser()
	case api.CredentialNone:
		caps = nobody()
	}
	if caps.Preprovision.Why == "" {
		caps.Preprovision = no("config-only")
	}
	caps.Adopts, caps.LinksInConfig, caps.SecretsReadable, caps.PageSignsIn = true, true, true, true
	caps.PendingSeconds = 60
	return caps
}

// ninep4Fields are the settings of a provider in 9p4's versions from 3.5 on.
var ninep4Fields = []string{
	"AdminRoles", "AvatarUrlFormat", linksKey, "DefaultProvider", "DefaultUsernameClaim", "DisableHttps",
	"DisablePushedAuthorization", "DoNotLoadProfile", "DoNotValidateEndpoints", "DoNotValidateIssuerName", "EnableAllFolders",
	"EnableAuthorization", "EnableFolderRoles", "EnableLiveTv", "EnableLiveTvManagement", "EnableLiveTvRoles", "Enabled",
	"EnabledFolders", "FolderRoleMapping", "LiveTvManagementRoles", "LiveTvRoles", "NewPath", "OidClientId", "OidEndpoint",
	"OidScopes", "OidSecret", "PortOverride", "RoleClaim", "Roles", "SamlCertificate", "SamlClientId", "SamlEndpoint",
	"SchemeOverride",
}

// ninep4Verdict reads the recorded answers. Status 500 with the problem JSON "Something went wrong!" is what POST Link
// and POST Auth say to a state that is not there, not finished or too old; with "Invalid SAML signature", or as plain
// text, it is a SAML response that the plugin could not read. Status 500 of DELETE Link is a name, a provider or an
// account that is not there, and does not say which. Status 400 of a start is a provider that is unknown or disabled,
// and 500 one that cannot be reached.
func ninep4Verdict(what action, resp *jellyfin.Response) verdict {
	if badRequest(resp, noProvider) {
		return badProvider
	}
	switch what {
	case starting:
		switch {
		case badRequest(resp, genericText):
			return badProvider
		case resp.Status == http.StatusInternalServerError:
			return providerUnavailable
		}
	case linking:
		switch {
		case resp.Status != http.StatusInternalServerError:
		case strings.Contains(string(resp.Body), "Something went wrong"):
			return stateExpired
		default:
			return responseInvalid
		}
	case unlinking:
		if resp.Status == http.StatusConflict {
			return ownedByAnother
		}
	case unregistering:
		if resp.Status == http.StatusNotFound {
			return badUser
		}
	case provisioning:
	}
	return inconclusive
}
