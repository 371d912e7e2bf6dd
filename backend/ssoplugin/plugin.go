// Package ssoplugin talks to Jellyfin's SSO plugin. It tells the plugin's flavours apart, says what each can do with the
// credential at hand, reads who is linked to what, starts and relays sign-ins, and writes and removes links. What differs
// between the flavours stands in one file a flavour, behind the table of type flavour.
package ssoplugin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// GUID is the plugin's id, the same for all three flavours, undashed.
const GUID = "505ce9d1d91642fa86ca673ef241d7df"

// maxAnswer bounds the answers that grow with the number of links, in bytes after decompression.
const maxAnswer = 8 << 20

// Plugin is the SSO plugin of one server, as seen with one credential. It is safe for concurrent use.
type Plugin struct {
	client *jellyfin.Client
	kind   api.CredentialKind
	self   string // the credential's own account, undashed; empty for an API key
	flavour
	mayBe   []api.Flavour // the flavours that it may be, where that cannot be told
	version string
	// linkWrites has room for one: while a provider's configuration is read, modified and written, no other link is
	// written by this Plugin, or one of the two would be dropped. Other processes are their journal's to keep away.
	linkWrites chan struct{}
}

// Detect finds out which flavour of the plugin the server runs. An administrator's credential (access token or API key)
// reads it from the server's plugin list; any other credential tells by behaviour, see byBehaviour. self is the account
// of an access token, nil for an API key.
//
// Errors: CodePluginMissing, CodePluginRestart, CodePluginUnknown, and what the client reports.
func Detect(ctx context.Context, c *jellyfin.Client, kind api.CredentialKind, self *api.User) (*Plugin, error) {
	p := &Plugin{client: c, kind: kind, linkWrites: make(chan struct{}, 1)}
	if self != nil {
		p.self = normalID(self.ID)
	}
	var err error
	if kind == api.CredentialAdmin || kind == api.CredentialKey {
		p.flavour, p.version, err = byList(ctx, c)
	} else {
		p.flavour, err = byBehaviour(ctx, c)
		p.mayBe = alike(p.flavour)
	}
	if err != nil {
		return nil, fmt.Errorf("detecting the SSO plugin: %w", err)
	}
	return p, nil
}

// byList reads name and version from the list of plugins. Recorded are "SSO-Auth" 4.0.0.4 for 9p4, "SSO-Auth" 5.0.0.0
// for K0lin, and "Community SSO for Jellyfin" 4.3.0.0 for Flowfin. 9p4's repository is archived at 4.0.0.4, and K0lin's
// fork went on from 5, so the first number of the version tells these two apart.
func byList(ctx context.Context, c *jellyfin.Client) (flavour, string, error) {
	plugins, err := c.Plugins(ctx)
	if err != nil {
		return flavour{}, "", err
	}
	var found *jellyfin.Plugin
	for i := range plugins {
		if normalID(plugins[i].ID) != GUID {
			continue
		}
		// An update leaves the superseded version in the list next to the new one, which tells more.
		if found == nil || weight(plugins[i].Status) > weight(found.Status) {
			found = &plugins[i]
		}
	}
	switch {
	case found == nil:
		return flavour{}, "", missing("", "There is no SSO plugin on this server.")
	case restarts(found.Status):
		return flavour{}, "", &api.Error{
			Code:     api.CodePluginRestart,
			Sentence: "The SSO plugin was installed, updated or switched on or off, and the server has not been restarted since.",
			Hint:     "Restart the server, then try again.",
		}
	case found.Status != "" && found.Status != "Active":
		err := missing("plugin-inactive", fmt.Sprintf("The SSO plugin is installed on this server, but it is not active (%s).",
			api.Printable(found.Status)))
		err.Params = map[string]string{"status": found.Status}
		err.Hint = "Enable it in the Dashboard under Plugins, and restart the server."
		return flavour{}, "", err
	}
	major, _, _ := strings.Cut(found.Version, ".")
	number, numberErr := strconv.Atoi(major)
	switch {
	case found.Name == "Community SSO for Jellyfin":
		return flowfin(), found.Version, nil
	case found.Name == "SSO-Auth" && numberErr == nil && number < 5:
		return ninep4(), found.Version, nil
	case found.Name == "SSO-Auth" && numberErr == nil:
		return k0lin(), found.Version, nil
	}
	f, err := byBehaviour(ctx, c)
	return f, found.Version, err
}

// restarts reports whether a plugin waits for the server's restart. An update marks the version that goes on running as
// superseded, and the new one with Restart, which is in memory only; so is what was just installed, switched on or off
// (Jellyfin's PluginManager). Earlier servers write Superceded.
func restarts(status string) bool { return status == "Restart" || superseded(status) }

func superseded(status string) bool { return status == "Superseded" || status == "Superceded" }

// weight is how much a version's status tells of the plugin.
func weight(status string) int {
	switch {
	case status == "Active":
		return 3
	case status == "Restart":
		return 2
	case superseded(status):
		return 0
	}
	return 1
}

// probeName is a provider that nobody has.
const probeName = "jellybind-no-such-provider"

// byBehaviour tells the flavours apart with one request that anybody may send and that changes nothing: the start of a
// sign-in at a provider that does not exist. Recorded ("start|oid start unknown"):
//
//	9p4, K0lin  400 text/plain  Error processing request.      (the exception handler of Jellyfin: the plugin threw)
//	Flowfin     400 text/plain  No matching provider found
//	no plugin   404
//
// Where the text is another, the roster's route decides: Flowfin answers it with 401 to anybody but an administrator
// ("flowfin admin|roster"), and the other two have no such route, which is 404.
//
// 9p4 and K0lin give the same answers to everything that a plain user may send; they differ in Unregister alone, which
// is an administrator's. A plain user's plugin of either kind is therefore reported as 9p4, with no version.
func byBehaviour(ctx context.Context, c *jellyfin.Client) (flavour, error) {
	resp, err := c.Do(ctx, jellyfin.Request{
		Method: http.MethodGet, Path: "/sso/OID/start/" + probeName, Anonymous: true, Idempotent: true,
	})
	if err != nil {
		return flavour{}, err
	}
	switch text := strings.TrimSpace(string(resp.Body)); {
	case resp.Status == http.StatusNotFound:
		return flavour{}, missing("", "There is no SSO plugin on this server.")
	case resp.Status == http.StatusBadRequest && text == "No matching provider found":
		return flowfin(), nil
	case resp.Status == http.StatusBadRequest && text == genericText:
		return ninep4(), nil
	case resp.Status != http.StatusBadRequest && resp.Status != http.StatusInternalServerError:
		return flavour{}, refusal(resp, "asking for the SSO plugin")
	}
	resp, err = c.Do(ctx, jellyfin.Request{Method: http.MethodGet, Path: "/sso/Links/Roster", Idempotent: true})
	if err != nil {
		return flavour{}, err
	}
	switch resp.Status {
	case http.StatusOK, http.StatusUnauthorized, http.StatusForbidden:
		return flowfin(), nil
	case http.StatusNotFound:
		return ninep4(), nil
	}
	return flavour{}, &api.Error{
		Code:     api.CodePluginUnknown,
		Sentence: "The server's SSO plugin behaves like none that Jellybind knows.",
		Hint:     "Jellybind knows 9p4's plugin, K0lin's fork and Flowfin's Community SSO. Update the plugin, or Jellybind.",
	}
}

// Route is a path that each flavour answers to everybody. A server without the plugin answers 404.
const Route = "/sso/OID/GetNames"

// Installed reports whether a server has the plugin. It needs no credential.
func Installed(ctx context.Context, c *jellyfin.Client) (bool, error) {
	res, err := c.Do(ctx, jellyfin.Request{Path: Route, Anonymous: true, Idempotent: true})
	return err == nil && res.Status < 300, err
}

// Flavours returns the flavours that a server's plugin may be, as far as somebody without a credential can tell. The errors
// are those of Detect.
func Flavours(ctx context.Context, c *jellyfin.Client) ([]api.Flavour, error) {
	f, err := byBehaviour(ctx, c)
	switch {
	case err != nil:
		return nil, err
	case f.name == api.Flavour9p4:
		return alike(f), nil
	}
	return []api.Flavour{f.name}, nil
}

// alike lists the flavours that byBehaviour cannot tell from f, f included; nothing where it is the only one.
func alike(f flavour) []api.Flavour {
	if f.name == api.Flavour9p4 {
		return []api.Flavour{api.Flavour9p4, api.FlavourK0lin}
	}
	return nil
}

func missing(why api.Why, sentence string) *api.Error {
	return &api.Error{
		Code:     api.CodePluginMissing,
		Why:      why,
		Sentence: sentence,
		Hint:     "In the Dashboard under Plugins, add the repository of an SSO plugin, install it, and restart the server.",
	}
}

// Capabilities says what this flavour can do with this credential, with a sentence as the reason for each no.
func (p *Plugin) Capabilities() api.Capabilities {
	caps := p.abilities(p.kind)
	caps.Flavour, caps.MayBe, caps.Version, caps.Credential = p.name, p.mayBe, p.version, p.kind
	caps.DefaultClaim = shown(p.rule(settings{}))
	return caps
}

// allowed returns nil when the ability is there, and its reason as an error otherwise.
func allowed(a api.Ability, hint string) error {
	if a.OK {
		return nil
	}
	if a.Why == whyNobody {
		return a.Refused(api.CodeCredentialMissing, "Sign in, or give an API key.")
	}
	return a.Refused(api.CodeUnsupported, hint)
}

// Snapshot is what one reading of the plugin found.
type Snapshot struct {
	Providers []api.Provider
	Links     []api.Link
}

// Read reads the providers and links of the whole server: in two requests on 9p4 and K0lin, three on Flowfin. A plain
// user sees the names of the providers and his own links, in two requests.
func (p *Plugin) Read(ctx context.Context) (Snapshot, error) {
	snap, err := p.read(ctx)
	if err != nil {
		return Snapshot{}, fmt.Errorf("reading providers and links: %w", err)
	}
	return snap, nil
}

func (p *Plugin) read(ctx context.Context) (Snapshot, error) {
	caps := p.Capabilities()
	if !caps.ReadRoster.OK {
		if !caps.ReadOwn.OK {
			return Snapshot{}, allowed(caps.ReadRoster, "Sign in, or give an API key.")
		}
		return p.readOwn(ctx)
	}
	var docs [2]document
	var roster []api.Link
	group, gctx := errgroup.WithContext(ctx)
	for i, proto := range protocols {
		group.Go(func() (err error) {
			docs[i], err = p.config(gctx, proto)
			return err
		})
	}
	if p.roster != nil {
		group.Go(func() (err error) {
			roster, err = p.roster(gctx, p.client)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Snapshot{}, err
	}
	snap := Snapshot{Providers: []api.Provider{}, Links: roster}
	index := map[api.Identity]int{}
	for i, proto := range protocols {
		providers, err := docs[i].providers()
		if err != nil {
			return Snapshot{}, err
		}
		for _, c := range providers {
			provider, err := p.describe(proto, c)
			if err != nil {
				return Snapshot{}, err
			}
			index[api.Identity{Protocol: proto, Provider: c.name}] = len(snap.Providers)
			snap.Providers = append(snap.Providers, provider)
			if p.roster == nil {
				for _, e := range c.entries {
					snap.Links = append(snap.Links, api.Link{
						Identity: api.Identity{Protocol: proto, Provider: c.name, Name: e.name}, UserID: e.user,
					})
				}
			}
		}
	}
	for _, l := range snap.Links {
		if i, ok := index[api.Identity{Protocol: l.Protocol, Provider: l.Provider}]; ok {
			snap.Providers[i].Links++
		}
	}
	return snap, nil
}

// readOwn reads a plain user's own links. The answer names every provider, also those without a link.
func (p *Plugin) readOwn(ctx context.Context) (Snapshot, error) {
	if p.self == "" {
		return Snapshot{}, errors.New("an access token without an account")
	}
	snap := Snapshot{Providers: []api.Provider{}}
	byProtocol, err := p.linksOf(ctx, p.self)
	if err != nil {
		return Snapshot{}, err
	}
	for i, proto := range protocols {
		for _, provider := range byProtocol[i] {
			rule := p.fixedRule(proto)
			snap.Providers = append(snap.Providers, api.Provider{
				Protocol: proto, Name: provider.name, NameClaim: shown(rule), OIDC: api.OIDCSettings{Rule: rule},
				Links: len(provider.links),
			})
			for _, name := range provider.links {
				snap.Links = append(snap.Links, api.Link{
					Identity: api.Identity{Protocol: proto, Provider: provider.name, Name: name}, UserID: p.self,
				})
			}
		}
	}
	return snap, nil
}

// UserLinks reads the links of one account by the cheapest way this credential allows: two small requests with an access
// token; the providers' configurations with an API key on 9p4 and K0lin; Links/Export with an API key on Flowfin. It
// works for accounts that were deleted, too. An account without links, and one that never was, have no identities.
func (p *Plugin) UserLinks(ctx context.Context, userID string) ([]api.Identity, error) {
	user, err := userSegment(userID)
	if err != nil {
		return nil, err
	}
	identities, err := p.userLinks(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("reading the links of an account: %w", err)
	}
	return identities, nil
}

func (p *Plugin) userLinks(ctx context.Context, user string) ([]api.Identity, error) {
	identities := []api.Identity{}
	caps := p.Capabilities()
	switch {
	case p.kind == api.CredentialNone:
		return nil, allowed(caps.ReadOwn, "")
	case p.kind == api.CredentialKey && p.export != nil:
		return p.export(ctx, p.client, user)
	case p.kind == api.CredentialKey:
		snap, err := p.read(ctx)
		for _, l := range snap.Links {
			if l.UserID == user {
				identities = append(identities, l.Identity)
			}
		}
		return identities, err
	case !caps.ReadRoster.OK && user != p.self:
		return nil, &api.Error{
			Code:     api.CodeForbidden,
			Why:      "admin-others",
			Sentence: "Only an administrator may see the links of another account.",
			Hint:     "Sign in as an administrator.",
		}
	}
	byProtocol, err := p.linksOf(ctx, user)
	if err != nil {
		return nil, err
	}
	for i, proto := range protocols {
		for _, provider := range byProtocol[i] {
			for _, name := range provider.links {
				identities = append(identities, api.Identity{Protocol: proto, Provider: provider.name, Name: name})
			}
		}
	}
	return identities, nil
}

// Provider reads one provider's facts. Where the configuration may not be read, only the name is known.
//
// Errors: CodeProviderNotFound.
func (p *Plugin) Provider(ctx context.Context, proto api.Protocol, name string) (api.Provider, error) {
	if p.Capabilities().ReadConfig.OK {
		c, err := p.provider(ctx, proto, name)
		if err != nil {
			return api.Provider{}, fmt.Errorf("reading a provider: %w", err)
		}
		provider, err := p.describe(proto, c)
		provider.Links = len(c.entries)
		return provider, err
	}
	snap, err := p.Read(ctx)
	if err != nil {
		return api.Provider{}, err
	}
	for _, provider := range snap.Providers {
		if provider.Protocol == proto && provider.Name == name {
			return provider, nil
		}
	}
	return api.Provider{}, providerNotFound(name)
}
