package api

import "strings"

// Admission is what a provider's settings say about a sign-in through it: whom it lets in, and what it changes in the account.
// Roles are compared to the letter.
type Admission struct {
	// Roles lets in only people with one of these roles; empty lets everybody in.
	Roles []string `json:"roles,omitempty"`
	// RoleClaim brings a person's roles: a claim or, with dots, a path into its object (OIDC), or an attribute (SAML). It is
	// empty where the settings name none, and then nobody has a role.
	RoleClaim string `json:"roleClaim,omitempty"`
	// RoleKeys is true where the roles are the names in the claim's object.
	RoleKeys bool `json:"roleKeys,omitempty"`

	// Rights is true where each sign-in sets whether the account is an administrator, and its libraries.
	Rights bool `json:"rights,omitempty"`
	// AdminRoles make an administrator. Without one of them the account stops being one, unless KeepsAdministrator.
	AdminRoles         []string `json:"adminRoles,omitempty"`
	KeepsAdministrator bool     `json:"keepsAdministrator,omitempty"`
	// AllFolders gives all libraries; otherwise the account sees Folders, or the libraries of its roles in FolderRoles. Folders
	// are ids.
	AllFolders  bool                `json:"allFolders,omitempty"`
	Folders     []string            `json:"folders,omitempty"`
	FolderRoles map[string][]string `json:"folderRoles,omitempty"`

	// SetsLiveTV is true where each sign-in sets access to Live TV and its management: as LiveTV and LiveTVManagement say, or
	// on for people with one of the roles.
	SetsLiveTV            bool     `json:"setsLiveTv,omitempty"`
	LiveTV                bool     `json:"liveTv,omitempty"`
	LiveTVManagement      bool     `json:"liveTvManagement,omitempty"`
	LiveTVRoles           []string `json:"liveTvRoles,omitempty"`
	LiveTVManagementRoles []string `json:"liveTvManagementRoles,omitempty"`

	// Downloads is what each sign-in sets the right to download to; nil leaves it.
	Downloads *bool `json:"downloads,omitempty"`
	// OtherRights is true where roles set further rights, such as parental ratings.
	OtherRights bool `json:"otherRights,omitempty"`
	// AuthProvider is the sign-in provider that each sign-in gives to the account, by its id; empty leaves it.
	AuthProvider string `json:"authProvider,omitempty"`
	// Renames is true where the account takes the name that the identity provider sends.
	Renames bool `json:"renames,omitempty"`
	// DisablesRefused is true where the account of somebody without one of Roles is disabled, unless it is an administrator's.
	DisablesRefused bool `json:"disablesRefused,omitempty"`
	// ExpiryClaim brings the time after which the account is disabled; empty where there is none.
	ExpiryClaim string `json:"expiryClaim,omitempty"`
}

// Rights is what an account may do now, as far as a sign-in can change that.
type Rights struct {
	Name             string
	Administrator    bool
	AllFolders       bool
	Folders          []string // ids
	LiveTV           bool
	LiveTVManagement bool
	Downloads        bool
	AuthProvider     string
}

// Granted is what a person's roles give to the account.
type Granted struct {
	Administrator    bool
	Folders          []string // ids
	LiveTV           bool
	LiveTVManagement bool
}

// PasswordsOff is a server's mode without passwords (Flowfin), as it was when the server was opened.
type PasswordsOff struct {
	On bool `json:"on"`
	// Exempt is the name of the one administrator who may still sign in by password. ExemptWorks is whether that account still
	// can: it exists, is enabled, an administrator, and has a password.
	Exempt      string `json:"exempt,omitempty"`
	ExemptWorks bool   `json:"exemptWorks,omitempty"`
}

// ShutsOut reports whether the mode keeps an account from signing in by password.
func (s PasswordsOff) ShutsOut(u User) bool { return s.On && !strings.EqualFold(u.Name, s.Exempt) }

// ServerTest is what the server finds out about a provider from its own place in the network, in the plugin's words.
type ServerTest struct {
	OK      bool     `json:"ok"`
	Message string   `json:"message"`
	Details []string `json:"details"`
}
