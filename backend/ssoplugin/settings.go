package ssoplugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// settings are the settings of a provider that Jellybind reads. Secrets are not among them, and settings that a flavour does
// not have are zero there. settings.md lists every setting of every flavour, and what follows from each.
type settings struct {
	Enabled         bool
	NewPath         bool
	SchemeOverride  string
	PortOverride    looseInt
	BaseURLOverride string `json:"BaseUrlOverride"`

	OidEndpoint                string
	OidClientID                string `json:"OidClientId"`
	OidScopes                  []string
	OverrideDefaultScopes      bool
	OidAuthorizationParameters string
	AcrValues                  string
	Prompt                     string
	MaxAge                     *int
	DefaultUsernameClaim       string
	DisablePushedAuthorization bool
	DoNotValidateEndpoints     bool
	DoNotValidateIssuerName    bool
	DoNotLoadProfile           bool
	DisableHTTPS               bool `json:"DisableHttps"`
	RequirePKCE                bool `json:"RequirePkce"`

	SamlEndpoint             string
	SamlClientID             string `json:"SamlClientId"`
	SamlCertificate          string
	SamlSecondaryCertificate string
	SamlAudience             string
	DoNotValidateAudience    bool
	ValidateAudience         bool
	ValidateRecipient        bool
	ValidateInResponseTo     bool
	SignAuthnRequests        bool

	AllowExistingAccountLink bool
	EnableUnverifiedLinking  bool

	Roles                                      []string
	RoleClaim                                  string
	RoleClaimIsObjectMap                       bool
	EnableAuthorization                        bool
	AdminRoles                                 []string
	PreserveAdminPermissions                   bool
	EnableAllFolders                           bool
	EnabledFolders                             []string
	EnableFolderRoles                          bool
	FolderRoleMapping                          []folderRole
	EnableLiveTV                               bool     `json:"EnableLiveTv"`
	EnableLiveTVManagement                     bool     `json:"EnableLiveTvManagement"`
	EnableLiveTVRoles                          bool     `json:"EnableLiveTvRoles"`
	LiveTVRoles                                []string `json:"LiveTvRoles"`
	LiveTVManagementRoles                      []string `json:"LiveTvManagementRoles"`
	EnableContentDownloading                   *bool
	ApplyContentDownloadPermissionOnEveryLogin bool
	EnablePermissionRoles                      bool
	EnableParentalRatingRoles                  bool
	EnableSyncPlayAccessRoles                  bool
	DefaultProvider                            string
	SyncUsernameFromProvider                   bool
	DisableAccountOnRoleDenied                 bool
	AccountExpiryClaim                         string
}

// folderRole gives libraries to people with a role.
type folderRole struct {
	Role    string
	Folders []string
}

// looseInt is a number that may also be null, absent or a string of digits.
type looseInt int

// UnmarshalJSON implements json.Unmarshaler.
func (n *looseInt) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "" || s == "null" {
		return nil
	}
	var i int
	if err := json.Unmarshal([]byte(s), &i); err != nil {
		return errors.New("a port that is no number")
	}
	*n = looseInt(i)
	return nil
}

// describe turns a configuration into the facts that the app shows.
func (p *Plugin) describe(proto api.Protocol, c provider) (api.Provider, error) {
	// There can be ten thousand links, and they are known already.
	rest := c.raw
	if before, after := c.outside(); c.at != nowhere {
		rest = slices.Concat(before, []byte("null"), after)
	}
	var s settings
	if err := json.Unmarshal(rest, &s); err != nil {
		if field := fieldOf(err); field != "" {
			return api.Provider{}, wrongField(c.name, field)
		}
		// The decoder's error can quote a value; it stays here.
		return api.Provider{}, badConfig(errors.New("a provider of another form"))
	}
	out := api.Provider{
		Protocol: proto, Name: c.name, Known: true, Enabled: s.Enabled, NewPath: s.NewPath,
		SchemeOverride: s.SchemeOverride, PortOverride: int(s.PortOverride), BaseURLOverride: s.BaseURLOverride,
		AutoAdopt: s.Enabled && p.adopts(s),
	}
	out.SparesAdministrators = out.AutoAdopt && p.sparesAdministrators
	out.Admission = p.admission(proto, s)
	if proto == api.SAML {
		out.Endpoint, out.ClientID, out.Certificate = s.SamlEndpoint, s.SamlClientID, s.SamlCertificate
		out.SAML = api.SAMLSettings{
			ValidateRecipient: s.ValidateRecipient, ValidateInResponseTo: s.ValidateInResponseTo,
			SignRequests: s.SignAuthnRequests, SecondCertificate: s.SamlSecondaryCertificate,
		}
		if p.audience != nil {
			out.SAML.Audience = p.audience(s)
		}
		return out, nil
	}
	out.Endpoint, out.ClientID, out.Scopes = s.OidEndpoint, s.OidClientID, s.scopes()
	out.OIDC = api.OIDCSettings{
		Rule: p.rule(s), Parameters: s.parameters(), NoPush: s.DisablePushedAuthorization,
		AnyIssuer: s.DoNotValidateIssuerName, AnyEndpoint: s.DoNotValidateEndpoints, NoUserinfo: s.DoNotLoadProfile,
		PlainHTTP: s.DisableHTTPS, NeedsPKCE: s.RequirePKCE,
	}
	out.NameClaim = shown(out.OIDC.Rule)
	return out, nil
}

// scopes lists what the plugin asks for, in its order. "openid" is always among them, also where OidScopes replace the
// plugin's own: K0lin's OidcScopeBuilder keeps it.
func (s settings) scopes() []string {
	scopes := []string{"openid", "profile"}
	if s.OverrideDefaultScopes {
		scopes = scopes[:1]
	}
	for _, list := range s.OidScopes {
		for _, scope := range strings.Fields(list) {
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
	}
	return scopes
}

// parameters lists what the plugin adds to the authorization request; nil where that is nothing.
func (s settings) parameters() map[string]string {
	all := jsonParameters(s.OidAuthorizationParameters)
	for name, value := range map[string]string{"acr_values": s.AcrValues, "prompt": s.Prompt} {
		if value = strings.TrimSpace(value); value != "" {
			all[name] = value
		}
	}
	if s.MaxAge != nil && *s.MaxAge >= 0 {
		all["max_age"] = strconv.Itoa(*s.MaxAge)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

var (
	// parameterName is a parameter that the plugin takes, unless it is one that the plugin sets itself.
	parameterName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)
	reserved      = []string{
		"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
		"resource", "request", "request_uri",
	}
)

// jsonParameters reads parameters from a JSON object: texts, numbers and booleans, and an object for "claims" (OpenID Connect
// Core 1.0, section 5.5). The plugin refuses to start a sign-in with anything else in it, and so there are none then.
func jsonParameters(text string) map[string]string {
	all := map[string]string{}
	if strings.TrimSpace(text) == "" {
		return all
	}
	err := members([]byte(text), false, func(name string, _, at span) error {
		ours := func(r string) bool { return strings.EqualFold(r, name) }
		if !parameterName.MatchString(name) || slices.ContainsFunc(reserved, ours) {
			return errors.New("a parameter that cannot be set")
		}
		value, err := parameterText(strings.EqualFold(name, "claims"), []byte(text[at.start:at.end]))
		all[name] = value
		return err
	})
	if err != nil {
		return map[string]string{}
	}
	return all
}

func parameterText(object bool, value []byte) (string, error) {
	switch {
	case object && value[0] == '{':
		var b bytes.Buffer
		err := json.Compact(&b, value)
		return b.String(), err //nolint:wrapcheck // the caller drops it
	case object, value[0] == '{', value[0] == '[', string(value) == "null":
		return "", errors.New("a parameter of another type")
	case value[0] == '"':
		return unquote(value)
	}
	return string(value), nil
}

// admission says whom the settings let in and what a sign-in changes in the account.
func (p *Plugin) admission(proto api.Protocol, s settings) api.Admission {
	a := api.Admission{
		Roles: some(s.Roles), RoleClaim: strings.TrimSpace(s.RoleClaim), RoleKeys: s.RoleClaimIsObjectMap,
		Rights: s.EnableAuthorization, AdminRoles: some(s.AdminRoles), KeepsAdministrator: s.PreserveAdminPermissions,
		AllFolders: s.EnableAllFolders, Folders: some(s.EnabledFolders),
		SetsLiveTV: p.liveTVAlways || s.EnableAuthorization, LiveTV: s.EnableLiveTV, LiveTVManagement: s.EnableLiveTVManagement,
		OtherRights:  s.EnableAuthorization && (s.EnablePermissionRoles || s.EnableParentalRatingRoles || s.EnableSyncPlayAccessRoles),
		AuthProvider: strings.TrimSpace(s.DefaultProvider), Renames: s.SyncUsernameFromProvider,
		DisablesRefused: s.DisableAccountOnRoleDenied && len(s.Roles) > 0, ExpiryClaim: strings.TrimSpace(s.AccountExpiryClaim),
	}
	if proto == api.SAML {
		a.RoleClaim = samlRoles
	}
	if s.EnableFolderRoles {
		a.Folders, a.FolderRoles = nil, map[string][]string{}
		for _, m := range s.FolderRoleMapping {
			role := strings.TrimSpace(m.Role)
			a.FolderRoles[role] = append(a.FolderRoles[role], m.Folders...)
		}
	}
	if s.EnableLiveTVRoles {
		a.LiveTVRoles, a.LiveTVManagementRoles = some(s.LiveTVRoles), some(s.LiveTVManagementRoles)
	}
	if s.ApplyContentDownloadPermissionOnEveryLogin {
		a.Downloads = s.EnableContentDownloading
	}
	return a
}

// samlRoles is the attribute of an assertion that brings roles, on every flavour.
const samlRoles = "Role"

// some is a list, nil where it is empty.
func some(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}
