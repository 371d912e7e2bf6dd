package ssoplugin

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// The versions that brought the routes which take the place of links in the configuration. Servers have earlier ones, too.
const (
	sinceRoster       = "4.3.0-beta.34"
	sincePreprovision = "4.3.0-beta.40"
)

// flowfin is Flowfin's Community SSO, 4.1 to 5. It keeps links to itself: configurations are read without links and
// without secrets, and links in a configuration that is written are ignored. In later versions Links/Roster and
// Links/Preprovision take their place. A sign-in's state serves once, and only together with the cookie of its start.
func flowfin(e evidence) flavour {
	f := flavour{
		name:      api.FlavourFlowfin,
		abilities: func(kind api.CredentialKind) api.Capabilities { return e.withRoutes(kind, flowfinAbilities(kind)) },
		rule:      subject,
		audience: func(s settings) string {
			if s.DoNotValidateAudience {
				return ""
			}
			return cmp.Or(strings.TrimSpace(s.SamlAudience), s.SamlClientID)
		},
		adopts: func(s settings) bool { return s.AllowExistingAccountLink },
		// Its AdoptionEligibilityResolver refuses them whatever the settings: they must be linked.
		sparesAdministrators: true,
		perAccount:           !e.roster,
		handsOver:            true,
		diagnoses:            true,
		verdict:              flowfinVerdict,
	}
	if e.roster {
		f.roster, f.export = flowfinRoster, flowfinExport
	} else {
		f.remarks = append(f.remarks, lacksRemark("version-roster", sinceRoster))
	}
	if !e.preprovision {
		f.remarks = append(f.remarks, lacksRemark("version-preprovision", sincePreprovision))
	}
	return f
}

func lacksRemark(why api.Why, since string) api.Remark {
	a := lacks(why, since)
	return api.Remark{Why: a.Why, Params: a.Params}
}

// withRoutes limits an administrator's abilities to what the routes of this version allow.
func (e evidence) withRoutes(kind api.CredentialKind, caps api.Capabilities) api.Capabilities {
	if kind != api.CredentialAdmin && kind != api.CredentialKey {
		return caps
	}
	if !e.roster {
		caps.RosterByAccount = kind == api.CredentialAdmin
		if kind == api.CredentialKey {
			caps.ReadRoster = no("key-roster")
		}
	}
	if !e.preprovision {
		caps.Preprovision = lacks("version-preprovision", sincePreprovision)
	}
	return caps
}

func flowfinAbilities(kind api.CredentialKind) api.Capabilities {
	var caps api.Capabilities
	switch kind {
	case api.CredentialAdmin:
		caps = api.Capabilities{
			ReadRoster: yes(), ReadOwn: yes(), ReadConfig: yes(), PostLink: yes(), PostLinkOwn: yes(), DeleteLink: yes(),
			DeleteLinkOwn: yes(), Preprovision: yes(), Unregister: yes(),
		}
	case api.CredentialKey:
		caps = api.Capabilities{
			ReadRoster: yes(), ReadConfig: yes(), Preprovision: yes(), Unregister: yes(),
			ReadOwn:       noAccount(),
			PostLink:      no("key-sign-in"),
			PostLinkOwn:   noAccount(),
			DeleteLink:    no("key-unregister"),
			DeleteLinkOwn: noAccount(),
		}
	case api.CredentialUser:
		caps = plainUser()
	case api.CredentialNone:
		caps = nobody()
	}
	if !caps.NameBeforeWrite.OK && caps.NameBeforeWrite.Why == "" {
		caps.NameBeforeWrite = no("pending-nameless")
	}
	if !caps.WriteConfig.OK && caps.WriteConfig.Why == "" {
		caps.WriteConfig = no("config-ignored")
	}
	caps.RemovalEndsSessions, caps.EnabledOnly = true, true
	caps.UnregisterDrops = true
	caps.UnregisterKept = true
	caps.StateOnce = true
	caps.PendingSeconds = 15 * 60
	return caps
}

// flowfinLink is a link in Links/Roster and Links/Export.
type flowfinLink struct {
	Protocol      string
	Provider      string
	CanonicalName string
	// LastSSOLogin is null where there was none, or the version does not tell.
	LastSSOLogin *time.Time `json:"LastSsoLoginUtc"`
}

func (l flowfinLink) identity() (api.Identity, error) {
	id := api.Identity{Provider: l.Provider, Name: l.CanonicalName}
	switch l.Protocol {
	case "OpenID":
		id.Protocol = api.OIDC
	case "SAML":
		id.Protocol = api.SAML
	default:
		return id, &api.Error{
			Code:   api.CodeServerAnswer,
			Why:    "links-protocol",
			Params: map[string]string{"protocol": api.Printable(l.Protocol)},
		}
	}
	return id, nil
}

// flowfinRoster reads the links of all accounts, deleted ones included.
func flowfinRoster(ctx context.Context, c *jellyfin.Client) (links []api.Link, uses []api.Use, err error) {
	var answer struct {
		Accounts []struct {
			UserID string `json:"UserId"`
			Links  []flowfinLink
		}
	}
	err = c.JSON(ctx, jellyfin.Request{Method: http.MethodGet, Path: rosterPath, MaxBytes: maxAnswer}, &answer)
	if err != nil {
		return nil, nil, err
	}
	for _, account := range answer.Accounts {
		for _, l := range account.Links {
			id, err := l.identity()
			if err != nil {
				return nil, nil, err
			}
			links = append(links, api.Link{Identity: id, UserID: normalID(account.UserID)})
			if l.LastSSOLogin != nil {
				uses = append(uses, api.Use{Identity: id, At: l.LastSSOLogin.UTC()})
			}
		}
	}
	return links, uses, nil
}

// flowfinExport reads one account's links. The export goes by user name, so that it is empty, or missing, for an account
// that was deleted; whenever it holds nothing, the roster has the last word.
func flowfinExport(ctx context.Context, c *jellyfin.Client, user string) ([]api.Identity, error) {
	var answer struct{ Links []flowfinLink }
	err := c.JSON(ctx, jellyfin.Request{Method: http.MethodGet, Path: "/sso/Links/Export/" + user}, &answer)
	if err != nil && jellyfin.StatusOf(err) != http.StatusNotFound {
		return nil, err
	}
	identities := []api.Identity{}
	for _, l := range answer.Links {
		id, err := l.identity()
		if err != nil {
			return nil, err
		}
		identities = append(identities, id)
	}
	if len(identities) > 0 {
		return identities, nil
	}
	all, _, err := flowfinRoster(ctx, c)
	for _, l := range all {
		if l.UserID == user {
			identities = append(identities, l.Identity)
		}
	}
	return identities, err
}

// flowfinVerdict reads the recorded answers, which are sentences. "No matching provider found" is said of an unknown
// provider and of a disabled one alike.
func flowfinVerdict(what action, resp *jellyfin.Response) verdict {
	switch {
	case badRequest(resp, noProvider):
		return badProvider
	case resp.Status == http.StatusNotFound && len(resp.Body) == 0:
		return inconclusive // the server's own, for a route that it has not, or not yet: the plugin's words are sentences
	}
	switch what {
	case starting:
		// "Error preparing login: the authorization server's discovery document could not be read."
		if resp.Status == http.StatusBadRequest || resp.Status == http.StatusInternalServerError {
			return providerUnavailable
		}
	case linking:
		switch {
		case badRequest(resp, "Invalid or expired state"):
			return stateExpired
		case badRequest(resp, "SAML response validation failed"), badRequest(resp, "Missing data"):
			return responseInvalid
		}
	case unlinking:
		switch resp.Status {
		case http.StatusNotFound:
			return notLinked
		case http.StatusConflict:
			return ownedByAnother
		}
	case provisioning:
		switch resp.Status {
		case http.StatusNotFound:
			return badUser
		case http.StatusConflict:
			return ownedByAnother
		case http.StatusBadRequest:
			return badName
		}
	case unregistering:
		if resp.Status == http.StatusNotFound {
			return badUser
		}
	}
	return inconclusive
}
