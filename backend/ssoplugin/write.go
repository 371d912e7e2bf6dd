package ssoplugin

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
)

// signedIn is the body of POST Link and POST Auth.
type signedIn struct {
	DeviceID   string
	DeviceName string
	AppName    string
	AppVersion string
	Data       string
}

func (p *Plugin) signedIn(device string, data secret.Value) signedIn {
	return signedIn{
		DeviceID: device, DeviceName: p.client.Device(), AppName: "Jellybind", AppVersion: p.client.Version(),
		Data: data.Reveal(),
	}
}

// PostLink asks the plugin to link whoever signed in to an account. data is what identifies the sign-in: the OIDC state,
// or the base64 SAML response as it came in the form. cookies are those of the start. An identity that another account
// has is moved without a word on every flavour, so ask first whose it is; and read back afterwards.
//
// Errors: CodeUnsupported, CodeForbidden, CodeSignInExpired, CodeSignInInvalid, CodeProviderNotFound,
// CodeProviderDisabled.
func (p *Plugin) PostLink(ctx context.Context, proto api.Protocol, provider, userID string, data secret.Value,
	cookies []*http.Cookie,
) error {
	caps := p.Capabilities()
	user, err := userSegment(userID)
	if err != nil {
		return err
	}
	can := caps.PostLink
	if user == p.self {
		can = caps.PostLinkOwn
	}
	if err := allowed(can, "by-name"); err != nil {
		return err
	}
	path, err := linkPath(proto, provider, user)
	if err != nil {
		return err
	}
	resp, err := p.alone(ctx, jellyfin.Request{
		Method: http.MethodPost, Path: path, JSON: p.signedIn(p.client.DeviceID(), data), Cookies: cookies,
	})
	if err != nil {
		return fmt.Errorf("linking: %w", err)
	}
	if resp.Status == http.StatusNoContent || resp.Status == http.StatusOK {
		return nil
	}
	link := api.Link{Identity: api.Identity{Protocol: proto, Provider: provider}, UserID: user}
	return p.conclude(ctx, linking, resp, link, "linking")
}

func linkPath(proto api.Protocol, provider, user string) (string, error) {
	r, err := route(proto)
	if err != nil {
		return "", err
	}
	segment, err := providerSegment(provider)
	if err != nil {
		return "", err
	}
	return "/sso/" + r + "/Link/" + segment + "/" + user, nil
}

// Authenticate signs in with an identity, as the plugin's own page would, and returns the session that the server opened:
// end it. The session has a device id of its own, since signing in with the profile's would end the profile's token.
// An identity that is not linked makes the server create an account, or adopt one: call this only for a linked one.
//
// Errors: CodeUnsupported for SAML on Flowfin, CodeSignInRefused, CodeSignInExpired, CodeSignInInvalid,
// CodeProviderNotFound, CodeProviderDisabled.
func (p *Plugin) Authenticate(ctx context.Context, proto api.Protocol, provider string, data secret.Value,
	cookies []*http.Cookie,
) (jellyfin.SignedIn, error) {
	r, err := route(proto)
	if err != nil {
		return jellyfin.SignedIn{}, err
	}
	segment, err := providerSegment(provider)
	if err != nil {
		return jellyfin.SignedIn{}, err
	}
	if proto == api.SAML && p.handsOver {
		return jellyfin.SignedIn{}, &api.Error{Code: api.CodeUnsupported, Why: "saml-own-page"}
	}
	resp, err := p.client.Do(ctx, jellyfin.Request{
		Method: http.MethodPost, Path: "/sso/" + r + "/Auth/" + segment, Anonymous: true, Cookies: cookies,
		JSON: p.signedIn("jellybind-verify-"+rand.Text(), data),
	})
	if err != nil {
		return jellyfin.SignedIn{}, fmt.Errorf("signing in with an identity: %w", err)
	}
	switch resp.Status {
	case http.StatusOK:
		return p.client.DecodeSignIn(resp)
	case http.StatusUnauthorized, http.StatusForbidden:
		// Nothing was sent that could be refused but the identity itself.
		return jellyfin.SignedIn{}, signInRefused(resp.Text())
	}
	link := api.Link{Identity: api.Identity{Protocol: proto, Provider: provider}}
	return jellyfin.SignedIn{}, p.conclude(ctx, linking, resp, link, "signing-in")
}

// DeleteLink removes one link. It takes the way that this flavour, this credential and this name allow: DELETE Link, or,
// for an API key and for names that DELETE cannot address, the provider's configuration. Flowfin has no second way; the
// error says so and what to do.
//
// Errors: CodeUnsupported, CodeForbidden, CodeLinkNotFound, CodeLinkOwned, CodeProviderNotFound, CodeConfigChanged,
// CodeLinkNotStored.
func (p *Plugin) DeleteLink(ctx context.Context, l api.Link) error {
	if err := checkName(l.Name); err != nil {
		return err
	}
	user, err := userSegment(l.UserID)
	if err != nil {
		return err
	}
	l.UserID = user
	caps := p.Capabilities()
	can := caps.DeleteLink
	if user == p.self {
		can = caps.DeleteLinkOwn
	}
	switch {
	case can.OK && api.Addressable(l.Name):
		return p.deleteByRoute(ctx, l)
	case caps.WriteConfig.OK:
		return p.deleteByConfig(ctx, l)
	case !can.OK && p.kind == api.CredentialKey:
		return allowed(can, "administrator")
	case !can.OK:
		return allowed(can, "administrator")
	case p.kind == api.CredentialUser && caps.LinksInConfig:
		return awkward(l, "ask-administrator")
	case p.kind == api.CredentialUser:
		return awkward(l, "ask-to-unregister")
	}
	return awkward(l, "")
}

// awkward tells of a name that the plugin's route cannot address where there is no other way.
func awkward(l api.Link, next string) error {
	return &api.Error{
		Code: api.CodeUnsupported, Why: "name-in-path",
		Params: map[string]string{"name": l.Name, "provider": l.Provider, "next": next},
	}
}

// deleteByRoute sends DELETE Link. The request has no body and no Content-Type: with application/json the plugin fails.
func (p *Plugin) deleteByRoute(ctx context.Context, l api.Link) error {
	path, err := linkPath(l.Protocol, l.Provider, l.UserID)
	if err != nil {
		return err
	}
	resp, err := p.alone(ctx, jellyfin.Request{Method: http.MethodDelete, Path: path + "/" + escapeSegment(l.Name)})
	if err != nil {
		return fmt.Errorf("removing a link: %w", err)
	}
	if resp.Status == http.StatusOK || resp.Status == http.StatusNoContent {
		return nil
	}
	if resp.Status == http.StatusInternalServerError && p.verdict(unlinking, resp) == inconclusive {
		if e := p.whyNotRemoved(ctx, l); e != nil {
			e.Err = resp.Err()
			return e
		}
	}
	return p.conclude(ctx, unlinking, resp, l, "removing")
}

// whyNotRemoved looks for what a bare failure of DELETE Link meant: no such provider, or no link (any more). It returns nil if
// the link is still there, and if that cannot be read.
func (p *Plugin) whyNotRemoved(ctx context.Context, l api.Link) *api.Error {
	links, err := p.linksAt(ctx, l.Protocol, l.UserID)
	if err != nil {
		return nil //nolint:nilerr // then the failure itself is all that is known
	}
	i := slices.IndexFunc(links, func(at providerLinks) bool { return at.name == l.Provider })
	switch {
	case i < 0:
		return providerNotFound(l.Provider)
	case slices.Contains(links[i].links, l.Name):
		return nil
	}
	return linkNotFound(l)
}

func (p *Plugin) deleteByConfig(ctx context.Context, l api.Link) error {
	return p.WriteConfig(ctx, l.Protocol, l.Provider, func(links map[string]string) error {
		switch owner, ok := links[l.Name]; {
		case !ok:
			return linkNotFound(l)
		case owner != l.UserID:
			return linkOwned(l)
		}
		delete(links, l.Name)
		return nil
	})
}

// ErrStored is inside the error of a WriteConfig that has stored the links all the same.
var ErrStored = errors.New("the links are stored")

// ErrUnread is inside the error of a WriteConfig that was sent, and whose effect could not be read.
var ErrUnread = errors.New("reading back")

// WriteConfig changes the links of a provider by its configuration. change gets them as {canonical name: user id} and
// alters the map; it may return an error, which ends the write. Everything else in the configuration, and every link that
// stays, is written back byte for byte as it was read. The configuration is read again just before writing, and again
// after: what changed in between is refused or reported. Between the second reading and the write a moment remains in which a
// change by somebody else is lost; the plugin offers no condition.
//
// Errors: CodeUnsupported, CodeProviderNotFound, CodeConfigChanged (with ErrStored when the links were stored),
// CodeLinkNotStored, CodeNameInvalid, change's own.
func (p *Plugin) WriteConfig(ctx context.Context, proto api.Protocol, provider string,
	change func(links map[string]string) error,
) error {
	if err := allowed(p.Capabilities().WriteConfig, "by-sign-in"); err != nil {
		return err
	}
	done, err := p.writing(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := p.writeConfig(ctx, proto, provider, change); err != nil {
		return fmt.Errorf("writing links by the provider's configuration: %w", err)
	}
	return nil
}

// writing waits until no other link is being written by this Plugin.
func (p *Plugin) writing(ctx context.Context) (done func(), err error) {
	select {
	case p.linkWrites <- struct{}{}:
		return func() { <-p.linkWrites }, nil
	case <-ctx.Done():
		return nil, &api.Error{Code: api.CodeCancelled, Err: ctx.Err()}
	}
}

// alone sends a request that writes a link by a route of its own: not while a configuration is being written.
func (p *Plugin) alone(ctx context.Context, req jellyfin.Request) (*jellyfin.Response, error) {
	done, err := p.writing(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return p.client.Do(ctx, req)
}

func (p *Plugin) writeConfig(
	ctx context.Context, proto api.Protocol, name string, change func(map[string]string) error,
) error {
	before, err := p.provider(ctx, proto, name)
	if err != nil {
		return err
	}
	old := before.links()
	links := maps.Clone(old)
	if err := change(links); err != nil {
		return err
	}
	if err := checkChange(old, links); err != nil {
		return err
	}
	if maps.Equal(old, links) {
		return nil
	}
	now, err := p.provider(ctx, proto, name)
	if err != nil {
		return err
	}
	if !bytes.Equal(now.raw, before.raw) {
		return configChanged(name)
	}
	if err := p.add(ctx, proto, name, now.withLinks(links)); err != nil {
		return err
	}
	after, err := p.provider(ctx, proto, name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnread, err)
	}
	return compare(before, after, old, links)
}

// add writes a provider's whole configuration.
func (p *Plugin) add(ctx context.Context, proto api.Protocol, name string, config opaque) error {
	r, err := route(proto)
	if err != nil {
		return err
	}
	segment, err := providerSegment(name)
	if err != nil {
		return err
	}
	resp, err := p.client.Do(ctx, jellyfin.Request{
		Method: http.MethodPost, Path: "/sso/" + r + "/Add/" + segment, JSON: config.raw,
	})
	if err != nil {
		return err
	}
	if resp.Status != http.StatusOK && resp.Status != http.StatusNoContent {
		return refusal(resp, "writing-config")
	}
	return nil
}

// checkChange normalises and checks the links that are new.
func checkChange(old, links map[string]string) error {
	for name, user := range links {
		if was, ok := old[name]; ok && was == user {
			continue
		}
		if err := checkName(name); err != nil {
			return err
		}
		id, err := userSegment(user)
		if err != nil {
			return err
		}
		links[name] = id
	}
	return nil
}

// compare says whether the server stored what was written, and left the rest alone.
func compare(before, after provider, old, links map[string]string) error {
	stored := after.links()
	for _, all := range []map[string]string{old, links} {
		for name := range all {
			was, had := old[name]
			want, wanted := links[name]
			if was == want && had == wanted {
				continue
			}
			if got, has := stored[name]; got != want || has != wanted {
				return &api.Error{
					Code:   api.CodeLinkNotStored,
					Why:    "links-not-stored",
					Params: map[string]string{"provider": before.name, "name": name},
				}
			}
		}
	}
	if before.at == nowhere {
		return nil
	}
	b1, b2 := before.outside()
	a1, a2 := after.outside()
	if bytes.Equal(b1, a1) && bytes.Equal(b2, a2) {
		return nil
	}
	return &api.Error{
		Code:   api.CodeConfigChanged,
		Why:    "config-elsewhere",
		Params: map[string]string{"provider": before.name}, Err: ErrStored,
	}
}

func configChanged(provider string) error {
	return &api.Error{Code: api.CodeConfigChanged, Why: "config-now", Params: map[string]string{"provider": provider}}
}

// Preprovision writes a link without a sign-in, on Flowfin. Writing the same link again is no error.
//
// Errors: CodeUnsupported, CodeLinkOwned, CodeUserNotFound, CodeProviderNotFound, CodeProviderDisabled, CodeNameInvalid.
func (p *Plugin) Preprovision(ctx context.Context, l api.Link) error {
	next := "config"
	if p.kind == api.CredentialUser || p.kind == api.CredentialNone {
		next = "administrator"
	}
	if err := allowed(p.Capabilities().Preprovision, next); err != nil {
		return err
	}
	if err := checkName(l.Name); err != nil {
		return err
	}
	user, err := userSegment(l.UserID)
	if err != nil {
		return err
	}
	l.UserID = user
	r, err := route(l.Protocol)
	if err != nil {
		return err
	}
	segment, err := providerSegment(l.Provider)
	if err != nil {
		return err
	}
	r = strings.ToLower(r)
	resp, err := p.client.Do(ctx, jellyfin.Request{
		Method: http.MethodPost, Path: preprovisionPath + r + "/" + segment + "/" + user, JSON: l.Name,
	})
	if err != nil {
		return fmt.Errorf("writing a link: %w", err)
	}
	if resp.Status == http.StatusNoContent || resp.Status == http.StatusOK {
		return nil
	}
	return p.conclude(ctx, provisioning, resp, l, "writing-link")
}

// Unregister puts an account back to one of the server's sign-in providers. What else happens differs: see
// Capabilities.UnregisterDrops and UnregisterKept.
//
// Errors: CodeUnsupported, CodeUserNotFound, CodeUsage for an empty provider id.
func (p *Plugin) Unregister(ctx context.Context, userName, authProviderID string) error {
	if err := allowed(p.Capabilities().Unregister, "administrator"); err != nil {
		return err
	}
	if authProviderID == "" {
		return &api.Error{Code: api.CodeUsage, Why: "unregister-whereto"}
	}
	if !api.Addressable(userName) {
		return userNotFound(userName)
	}
	resp, err := p.client.Do(ctx, jellyfin.Request{
		Method: http.MethodPost, Path: "/sso/Unregister/" + escapeSegment(userName), JSON: authProviderID,
	})
	if err != nil {
		return fmt.Errorf("unregistering an account: %w", err)
	}
	switch {
	case resp.Status == http.StatusOK || resp.Status == http.StatusNoContent:
		return nil
	case p.verdict(unregistering, resp) == badUser:
		return userNotFound(userName)
	case resp.Status == http.StatusInternalServerError:
		// 9p4 fails the same way for an unknown account and for anything else.
		users, err := p.client.Users(ctx, nil)
		if err != nil {
			return errors.Join(refusal(resp, "unregistering"), err)
		}
		for _, u := range users {
			if strings.EqualFold(u.Name, userName) {
				return refusal(resp, "unregistering")
			}
		}
		return userNotFound(userName)
	}
	return refusal(resp, "unregistering")
}
