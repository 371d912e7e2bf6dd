package ssoplugin

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// flavour is everything that differs between the plugin's lines. A nil function means that the flavour has no such
// route. Another backend for links joins as one more table in one more file.
type flavour struct {
	name api.Flavour
	// abilities is what the flavour can do with a kind of credential.
	abilities func(api.CredentialKind) api.Capabilities
	// rule is how claims become the canonical name of an OIDC identity.
	rule func(settings) api.NameRule
	// audience is what the plugin demands as the audience of a SAML assertion; nil where it checks none.
	audience func(settings) string
	// adopts is whether an unlinked identity with an account's name signs in to that account.
	adopts func(settings) bool
	// sparesAdministrators is whether that does not hold for an administrator's account.
	sparesAdministrators bool
	// liveTVAlways is whether a sign-in sets access to Live TV even where it sets no other rights.
	liveTVAlways bool
	// diagnoses is whether the plugin tests providers and reports on accounts.
	diagnoses bool
	// remarks say what the version lacks; see api.Capabilities.
	remarks []api.Remark
	// perAccount is whether everybody's links can be read only one account at a time.
	perAccount bool
	// roster reads everybody's links where they are not in the providers' configuration.
	roster func(context.Context, *jellyfin.Client) ([]api.Link, []api.Use, error)
	// export reads one account's links with an API key, in one request.
	export func(ctx context.Context, c *jellyfin.Client, user string) ([]api.Identity, error)
	// handsOver is whether a SAML sign-in that opens a session goes on by a handle inside the plugin's page, so that the
	// response itself is worth nothing afterwards.
	handsOver bool
	// verdict says what a refused request to the plugin means; inconclusive where the answer alone does not tell.
	verdict func(action, *jellyfin.Response) verdict
}

// fixedRule is the rule where no configuration can change it, and zero otherwise.
func (f flavour) fixedRule(proto api.Protocol) api.NameRule {
	if proto != api.OIDC {
		return api.NameRule{}
	}
	one, other := f.rule(settings{}), f.rule(settings{DefaultUsernameClaim: "?"})
	if one != other {
		return api.NameRule{}
	}
	return one
}

// shown is the claim of a rule that people are told.
func shown(r api.NameRule) string { return cmp.Or(r.Claim, r.Fallback) }

// subject is the rule of the flavours that name an identity by its subject.
func subject(settings) api.NameRule { return api.NameRule{Claim: "sub", Fallback: "sub"} }

// action is a request that the flavours refuse in different words.
type action int

const (
	starting action = iota
	linking
	unlinking
	provisioning
	unregistering
)

// verdict is the meaning of a refusal.
type verdict int

const (
	inconclusive        verdict = iota
	badProvider                 // unknown, or switched off
	badUser                     // no such account
	badName                     // no usable name
	stateExpired                // the pending sign-in is not known, or not finished, or used
	responseInvalid             // a SAML response that fails the server's checks
	notLinked                   // no such link
	ownedByAnother              // the identity is another account's
	providerUnavailable         // the identity provider does not answer the server
)

// genericText is Jellyfin's answer whenever something threw.
const genericText = "Error processing request."

// said returns the plugin's own words; the callers compare them, and show them only through jellyfin's Text.
func said(resp *jellyfin.Response) string {
	return strings.Trim(strings.TrimSpace(string(resp.Body)), `"`)
}

// whyNobody is why nothing can be done without a credential.
const whyNobody api.Why = "nobody"

func yes() api.Ability { return api.Ability{OK: true} }

func no(why api.Why) api.Ability { return api.Ability{Why: why} }

// lacks is a no of a version where later versions can.
func lacks(why api.Why, since string) api.Ability {
	return api.Ability{Why: why, Params: map[string]string{"since": since}}
}

func noAccount() api.Ability { return no("key-alone") }

// plainUser is what somebody who is no administrator may do, on every flavour: see, make and remove his own links.
func plainUser() api.Capabilities {
	return api.Capabilities{
		ReadRoster:      no("admin-roster"),
		ReadOwn:         yes(),
		ReadConfig:      no("admin-config"),
		NameBeforeWrite: no("admin-pending"),
		PostLink:        no("admin-link"),
		PostLinkOwn:     yes(),
		DeleteLink:      no("admin-unlink"),
		DeleteLinkOwn:   yes(),
		WriteConfig:     no("admin-settings"),
		Preprovision:    no("admin-write"),
		Unregister:      no("admin-unregister"),
	}
}

// nobody is what can be done without a credential: nothing.
func nobody() api.Capabilities {
	n := no(whyNobody)
	return api.Capabilities{
		ReadRoster: n, ReadOwn: n, ReadConfig: n, NameBeforeWrite: n, PostLink: n, PostLinkOwn: n, DeleteLink: n,
		DeleteLinkOwn: n, WriteConfig: n, Preprovision: n, Unregister: n,
	}
}

// badRequest reports whether the plugin answered 400 with these words.
func badRequest(resp *jellyfin.Response, words string) bool {
	return resp.Status == http.StatusBadRequest && said(resp) == words
}

// noProvider are the words of all flavours, where they have any, for a provider that is not there.
const noProvider = "No matching provider found"
