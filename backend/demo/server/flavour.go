package server

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// pluginID is the id that all flavours of the plugin share.
const pluginID = "505ce9d1d91642fa86ca673ef241d7df"

// flavour is what one line of the SSO plugin does differently from the others: its facts as values, its answers as
// functions. What all lines share is in the files named after the routes.
type flavour struct {
	name                      api.Flavour
	pluginName, pluginVersion string
	// oidcFields and samlFields are the configuration's fields in the order of the plugin's classes.
	oidcFields, samlFields []field
	// pluginFields are the members of the plugin's configuration after the providers.
	pluginFields string

	// pendingLife is how long a sign-in waits. With prunes, expired ones are only dropped at the next start, and serve
	// until then.
	pendingLife time.Duration
	prunes      bool
	// once is true where a state or a SAML assertion serves one write only.
	once bool
	// binds is true where the browser that started a sign-in must finish it, by a cookie.
	binds bool
	// bySubject is true where an OIDC identity is named by its sub claim, not by the configured one.
	bySubject bool
	// redeemsLate is true where a code is redeemed when the sign-in is used, not at the callback. renames is true where
	// signing in turns a link by user name into one by subject.
	redeemsLate, renames bool
	// adopts is true where an unlinked identity with an account's name signs in to that account.
	adopts bool
	// guards is true where links and secrets cannot be read or written through the configuration, disabled providers are
	// not named, and certificates are checked when they are stored.
	guards bool
	// endsSessions is true where the removal of an account's last link signs the account out everywhere.
	endsSessions bool
	// checksConditions is true where a SAML assertion's times and audience are checked, not its confirmation's end only.
	checksConditions bool
	// setsPassword is true where a new account gets a password that nobody knows; liveTVAlways where signing in sets
	// access to Live TV whatever the settings.
	setsPassword, liveTVAlways bool
	// blankMeansDefault is true where a claim of blanks stands for preferred_username, as an empty one does everywhere.
	blankMeansDefault bool
	// pageNamesRoutes is true where the page after the callback names the routes that it calls.
	pageNamesRoutes bool
	// namesParameter is true where the answer to a body that is not JSON says that the parameter is missing as well.
	namesParameter bool

	// keyHasNoUser answers an API key where the plugin looks for the key's user; refusal is what a user gets there.
	keyHasNoUser func(refusal string) answer
	// noProvider answers a start at a provider that does not exist or is disabled; samlPostNoProvider a SAML response.
	noProvider, samlPostNoProvider answer
	// startFailed answers a start when the identity provider cannot be reached.
	startFailed answer
	// callbackFailed answers a callback that did not lead to an identity.
	callbackFailed func(code, description string) answer
	// missingState answers a callback without a state.
	missingState func(*call) answer
	// badState answers a link or a sign-in whose state is unknown, expired or not valid; badSAML one whose SAML response
	// fails a check, unreadableSAML one that is no SAML response at all.
	badState, badSAML, unreadableSAML func(c *call, linking bool) answer
	// missingData answers a link without data; disabledProvider one for a disabled provider.
	missingData, disabledProvider func(*call) answer
	// notPermitted answers a sign-in that the flavour does not allow.
	notPermitted answer
	// unlinkUnknown answers the removal of a link that nobody has, unlinkNoProvider of one of an unknown provider.
	unlinkUnknown, unlinkNoProvider answer
	// states lists the pending sign-ins; nil where there is no such route.
	states func(*Server) answer
	// unregister sets an account's sign-in provider; noUser answers when there is no such account.
	unregister       func(s *Server, u *user, authProvider string)
	unregisterNoUser func(*call) answer
	// discoveryFailed is what the test of an OIDC provider says of one that cannot be reached.
	discoveryFailed string
	// routes are the routes that only this line has.
	routes []route
}

// PluginVersions returns the versions of a flavour that can be simulated besides the newest one, which is "". Without a
// flavour it returns those of all.
func PluginVersions(f api.Flavour) []string {
	if f == api.FlavourFlowfin || f == "" {
		return []string{Flowfin421, Flowfin430b34}
	}
	return nil
}

// flavourOf returns the flavour to simulate; a version that is not known is an error of the caller and means the newest.
func flavourOf(o Options) flavour {
	switch {
	case o.Fork:
		return flavourFork()
	case o.Flavour == api.Flavour9p4:
		return flavour9p4()
	case o.Flavour != api.FlavourFlowfin:
		return flavourK0lin()
	case o.PluginVersion == Flowfin421:
		return flavourFlowfin421()
	case o.PluginVersion == Flowfin430b34:
		return flavourFlowfin430b34()
	}
	return flavourFlowfin()
}

// addedByK0lin are the fields that 9p4's plugin has not.
var addedByK0lin = []string{
	"EnableContentDownloading", "ApplyContentDownloadPermissionOnEveryLogin", "PreserveAdminPermissions", "OverrideDefaultScopes",
	"OidAuthorizationParameters",
}

// classic is what 9p4 and its fork K0lin have in common, and the fork's fields.
func classic() flavour {
	access := []field{
		{"Enabled", flag},
		{"EnableAuthorization", flag},
		{"EnableAllFolders", flag},
		{"EnableContentDownloading", maybe},
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
	place := []field{
		{"DefaultProvider", word},
		{"SchemeOverride", word},
		{"PortOverride", number},
		{"NewPath", flag},
		{"CanonicalLinks", canonicalLinks},
	}
	somethingWrong := func(c *call, linking bool) answer {
		detail := "Something went wrong"
		if linking {
			detail += "!"
		}
		return c.problem(http.StatusInternalServerError, detail, nil)
	}
	return flavour{
		oidcFields: slices.Concat(
			[]field{{"OidEndpoint", word}, {"OidClientId", word}, {"OidSecret", word}}, access,
			[]field{
				{"RoleClaim", word},
				{"OidScopes", words},
				{"OverrideDefaultScopes", flag},
				{"OidAuthorizationParameters", word},
			}, place,
			[]field{
				{"DefaultUsernameClaim", word},
				{"AvatarUrlFormat", word},
				{"DisableHttps", flag},
				{"DisablePushedAuthorization", flag},
				{"DoNotValidateEndpoints", flag},
				{"DoNotValidateIssuerName", flag},
				{"DoNotLoadProfile", flag},
			},
		),
		samlFields: slices.Concat(
			[]field{{"SamlEndpoint", word}, {"SamlClientId", word}, {"SamlCertificate", word}}, access, place,
		),
		pluginName:  "SSO-Auth",
		pendingLife: time.Minute, prunes: true, adopts: true, liveTVAlways: true, pageNamesRoutes: true,
		keyHasNoUser:       func(string) answer { return failed(http.StatusInternalServerError) },
		noProvider:         failed(http.StatusBadRequest),
		samlPostNoProvider: value(http.StatusBadRequest, noMatchingProvider),
		startFailed:        failed(http.StatusInternalServerError),
		callbackFailed: func(code, description string) answer {
			return text(http.StatusBadRequest, "Error logging in: "+code+" - "+description)
		},
		missingState: func(*call) answer { return value(http.StatusBadRequest, "Missing state") },
		badState:     somethingWrong,
		badSAML: func(c *call, _ bool) answer {
			return c.problem(http.StatusInternalServerError, "Invalid SAML signature", nil)
		},
		unreadableSAML:   func(*call, bool) answer { return failed(http.StatusInternalServerError) },
		missingData:      func(c *call) answer { return somethingWrong(c, true) },
		disabledProvider: func(c *call) answer { return somethingWrong(c, true) },
		notPermitted:     failed(http.StatusForbidden),
		unlinkUnknown:    failed(http.StatusInternalServerError),
		unlinkNoProvider: failed(http.StatusInternalServerError),
		states:           statesByKey,
	}
}

// stateDTO is a pending sign-in as 9p4 and K0lin show it, with everything that is in it.
type stateDTO struct {
	State struct {
		StartUrl, State, CodeVerifier, RedirectUri string
		IsError                                    bool
	}
	Created                              string
	Valid                                bool
	Username                             string `json:",omitempty"`
	Admin                                bool
	IsLinking                            bool
	Folders                              []string `json:",omitzero"`
	EnableLiveTv, EnableLiveTvManagement bool
}

func statesByKey(s *Server) answer {
	out := ordered[stateDTO]{}
	for _, key := range slices.Sorted(maps.Keys(s.pending)) {
		p := s.pending[key]
		var d stateDTO
		d.State.StartUrl, d.State.State, d.State.CodeVerifier, d.State.RedirectUri = p.startURL, key, p.verifier, p.redirectURI
		d.Created = p.created.UTC().Format("2006-01-02T15:04:05.9999999-07:00")
		d.Valid, d.IsLinking, d.Username = p.valid, p.linking, p.name
		if p.valid {
			d.Admin, d.EnableLiveTv, d.EnableLiveTvManagement = p.rights.admin, p.rights.liveTV, p.rights.liveTVManagement
			d.Folders = append([]string{}, p.rights.folders...)
		}
		out = append(out, member[stateDTO]{key, d})
	}
	a := ok(out)
	// .NET writes its times as they are, while in strings a plus becomes an escape.
	a.body[0] = bytes.ReplaceAll(a.body[0], []byte(`\u002B00:00","Valid"`), []byte(`+00:00","Valid"`))
	return a
}
