// Package ssoplugin talks to Jellyfin's SSO plugin. It tells the plugin's flavours apart, says what each can do with the
// credential at hand, reads who is linked to what, starts and relays sign-ins, and writes and removes links. What differs
// between the flavours stands in one file a flavour, behind the table of type flavour.
package ssoplugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// GUID is the plugin's id, the same for all three flavours, undashed.
const GUID = "505ce9d1d91642fa86ca673ef241d7df"

// The plugin's routes that are asked for in more than one place.
const (
	statesPath       = "/sso/OID/States"
	rosterPath       = "/sso/Links/Roster"
	statusPath       = "/sso/SSO-Only/Status"
	preprovisionPath = "/sso/Links/Preprovision/" // protocol, provider, user
)

// maxAnswer bounds the answers that grow with the number of links, in bytes after decompression.
const maxAnswer = 8 << 20

// Plugin is the SSO plugin of one server, as seen with one credential. It is safe for concurrent use.
type Plugin struct {
	client *jellyfin.Client
	kind   api.CredentialKind
	self   string // the credential's own account, undashed; empty for an API key
	flavour
	mayBe     []api.Flavour // the flavours that it may be, where that cannot be told
	version   string
	passwords api.PasswordsOff
	// linkWrites has room for one: while a provider's configuration is read, modified and written, no other link is
	// written by this Plugin, or one of the two would be dropped. Other processes are their journal's to keep away.
	linkWrites chan struct{}
}

// Capabilities says what this flavour can do with this credential, with a sentence as the reason for each no.
func (p *Plugin) Capabilities() api.Capabilities {
	caps := p.abilities(p.kind)
	caps.Flavour, caps.MayBe, caps.Version, caps.Credential = p.name, p.mayBe, p.version, p.kind
	caps.PasswordsOff = p.passwords
	caps.DefaultClaim, caps.Remarks = shown(p.rule(settings{})), p.remarks
	return caps
}

// allowed returns nil when the ability is there, and its reason as an error otherwise.
func allowed(a api.Ability, next string) error {
	if a.OK {
		return nil
	}
	if a.Why == whyNobody {
		return a.Refused(api.CodeCredentialMissing, "")
	}
	return a.Refused(api.CodeUnsupported, next)
}

// Snapshot is what one reading of the plugin found.
type Snapshot struct {
	Providers []api.Provider
	Links     []api.Link
	// Uses says when links were used last, where the plugin tells.
	Uses []api.Use
}

// Read reads the providers and links of the whole server: in two requests on 9p4 and K0lin, three on Flowfin. A plain
// user sees the names of the providers and his own links, in two requests. Where links can be read only account by account
// (Capabilities.RosterByAccount), Read asks the server for its accounts first: ReadEach is for callers that know them.
func (p *Plugin) Read(ctx context.Context) (Snapshot, error) {
	return p.ReadEach(ctx, nil, nil)
}

// ReadEach is Read for callers that show links as they come. Where links are read account by account, it reads those of the
// accounts in users, by their ids, or of all accounts if users is nil. found, unless it is nil, gets each account's links
// once, in any order, and never two at a time. Links of accounts that were deleted are not seen that way. On other plugins
// users is not looked at, and found is not called.
func (p *Plugin) ReadEach(ctx context.Context, users []string, found func(userID string, links []api.Link)) (Snapshot, error) {
	snap, err := p.read(ctx, users, found)
	if err != nil {
		return Snapshot{}, fmt.Errorf("reading providers and links: %w", err)
	}
	return snap, nil
}

func (p *Plugin) read(ctx context.Context, users []string, found func(string, []api.Link)) (Snapshot, error) {
	caps := p.Capabilities()
	switch {
	case !caps.ReadRoster.OK && !caps.ReadOwn.OK:
		return Snapshot{}, allowed(caps.ReadRoster, "administrator")
	case !caps.ReadRoster.OK:
		return p.readOwn(ctx)
	}
	var snap Snapshot
	var roster []api.Link
	var uses []api.Use
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		snap, err = p.readConfig(gctx)
		return err
	})
	if p.roster != nil {
		group.Go(func() (err error) {
			roster, uses, err = p.roster(gctx, p.client)
			return err
		})
	}
	err := group.Wait()
	switch {
	case err != nil:
		return Snapshot{}, err
	case p.roster != nil:
		snap.Links, snap.Uses = roster, uses
	case p.perAccount:
		if snap.Links, err = p.readAccounts(ctx, inUse(snap.Providers), users, found); err != nil {
			return Snapshot{}, err
		}
	}
	index := map[api.Identity]int{}
	for i, c := range snap.Providers {
		index[api.Identity{Protocol: c.Protocol, Provider: c.Name}] = i
	}
	for _, l := range snap.Links {
		if i, ok := index[api.Identity{Protocol: l.Protocol, Provider: l.Provider}]; ok {
			snap.Providers[i].Links++
		}
	}
	return snap, nil
}

// readConfig reads the providers, and the links that stand in their configuration.
func (p *Plugin) readConfig(ctx context.Context) (Snapshot, error) {
	var docs [2]document
	group, gctx := errgroup.WithContext(ctx)
	for i, proto := range protocols {
		group.Go(func() (err error) {
			docs[i], err = p.config(gctx, proto)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Snapshot{}, err
	}
	snap := Snapshot{Providers: []api.Provider{}}
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
			snap.Providers = append(snap.Providers, provider)
			for _, e := range c.entries {
				snap.Links = append(snap.Links, api.Link{
					Identity: api.Identity{Protocol: proto, Provider: c.name, Name: e.name}, UserID: e.user,
				})
			}
		}
	}
	return snap, nil
}

// Providers reads the providers, in two or three requests. Their links are counted where that is cheap; see
// api.Provider.LinksUnknown. Without the right to read the configuration, only the providers' names are known.
func (p *Plugin) Providers(ctx context.Context) ([]api.Provider, error) {
	caps := p.Capabilities()
	if caps.ReadConfig.OK && (caps.RosterByAccount || !caps.ReadRoster.OK) {
		snap, err := p.readConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the providers: %w", err)
		}
		for i := range snap.Providers {
			snap.Providers[i].LinksUnknown = true
		}
		return snap.Providers, nil
	}
	snap, err := p.read(ctx, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the providers: %w", err)
	}
	return snap.Providers, nil
}

// atOnce is how many accounts are read at the same time: more make the server no faster.
const atOnce = 4

// readAccounts reads the links of accounts one by one.
func (p *Plugin) readAccounts(
	ctx context.Context, of []api.Protocol, users []string, found func(string, []api.Link),
) ([]api.Link, error) {
	if users == nil {
		all, err := p.client.Users(ctx, nil)
		if err != nil {
			return nil, err
		}
		for _, u := range all {
			users = append(users, u.ID)
		}
	}
	var mu sync.Mutex
	var links []api.Link
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, user := range users {
		group.Go(func() error {
			identities, err := p.accountLinks(ctx, of, user)
			if err != nil {
				return err
			}
			own := make([]api.Link, len(identities))
			for i, id := range identities {
				own[i] = api.Link{Identity: id, UserID: user}
			}
			mu.Lock()
			defer mu.Unlock()
			links = append(links, own...)
			if found != nil {
				found(user, own)
			}
			return nil
		})
	}
	return links, group.Wait()
}

// inUse returns the protocols of these providers.
func inUse(providers []api.Provider) []api.Protocol {
	return slices.DeleteFunc(slices.Clone(protocols[:]), func(proto api.Protocol) bool {
		return !slices.ContainsFunc(providers, func(p api.Provider) bool { return p.Protocol == proto })
	})
}

// accountLinks reads one account's links of some protocols with an access token, in one small request each.
func (p *Plugin) accountLinks(ctx context.Context, of []api.Protocol, user string) ([]api.Identity, error) {
	identities := []api.Identity{}
	byProtocol, err := p.linksOf(ctx, of, user)
	if err != nil {
		return nil, err
	}
	for i, proto := range of {
		for _, provider := range byProtocol[i] {
			for _, name := range provider.links {
				identities = append(identities, api.Identity{Protocol: proto, Provider: provider.name, Name: name})
			}
		}
	}
	return identities, nil
}

// readOwn reads a plain user's own links. The answer names every provider, also those without a link.
func (p *Plugin) readOwn(ctx context.Context) (Snapshot, error) {
	if p.self == "" {
		return Snapshot{}, errors.New("an access token without an account")
	}
	snap := Snapshot{Providers: []api.Provider{}}
	byProtocol, err := p.linksOf(ctx, protocols[:], p.self)
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
		snap, err := p.read(ctx, nil, nil)
		for _, l := range snap.Links {
			if l.UserID == user {
				identities = append(identities, l.Identity)
			}
		}
		return identities, err
	case !caps.ReadRoster.OK && user != p.self:
		return nil, &api.Error{Code: api.CodeForbidden, Why: "admin-others"}
	}
	return p.accountLinks(ctx, protocols[:], user)
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
	all, err := p.Providers(ctx)
	if err != nil {
		return api.Provider{}, err
	}
	for _, provider := range all {
		if provider.Protocol == proto && provider.Name == name {
			return provider, nil
		}
	}
	return api.Provider{}, providerNotFound(name)
}
