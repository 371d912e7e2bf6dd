package server

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// authRequest is the body of Link and Auth: what signed in, and on which device.
type authRequest struct {
	DeviceID, DeviceName, AppName, AppVersion string
	// Data is the state of an OIDC sign-in, or the SAML response in base64.
	Data string
}

func (r authRequest) client() client {
	return client{name: r.AppName, device: r.DeviceName, deviceID: r.DeviceID, version: r.AppVersion}
}

// kindFor finds the protocol that the path names, and answers those who may not see or change the account's links. The
// plugin looks for the caller's account, which an API key does not have. The caller holds the lock.
func (c *call) kindFor(userID, refusal string) (k kind, a answer, may bool) {
	switch {
	case c.who.user == nil:
		return kind{}, c.s.flavour.keyHasNoUser(refusal), false
	case c.who.user.id != userID && !c.who.user.policy.IsAdministrator:
		return kind{}, value(http.StatusForbidden, refusal), false
	}
	k, known := c.s.kindOf(cmp.Or(c.vars["mode"], c.route.segments[1]))
	return k, failed(http.StatusBadRequest), known
}

// linkTarget reads the account's id in a path.
func (c *call) linkTarget() (userID string, a answer, valid bool) {
	userID, valid = guid(c.vars["userId"])
	if !valid {
		return "", c.invalid("jellyfinUserId", "The value '"+c.vars["userId"]+"' is not valid."), false
	}
	return userID, answer{}, true
}

func readLinks(c *call) answer {
	userID, a, valid := c.linkTarget()
	if !valid {
		return a
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	k, a, may := c.kindFor(userID, "Non-admin is not allowed to query other user's mappings.")
	if !may {
		return a
	}
	out := ordered[[]string]{}
	for _, p := range *k.providers {
		out = append(out, member[[]string]{p.name, p.names(userID)})
	}
	return ok(out)
}

func postLink(c *call) answer {
	userID, a, valid := c.linkTarget()
	if !valid {
		return a
	}
	var in authRequest
	if a, valid := c.decode(&in, c.parameter("authResponse")); !valid {
		return a
	}
	s := c.s
	if strings.EqualFold(c.vars["mode"], "oid") {
		c.redeemLate(in.Data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, a, may := c.kindFor(userID, "User is not allowed to link SSO providers.")
	if !may {
		return a
	}
	p, exists := k.providers.get(c.vars["provider"])
	switch {
	case !exists:
		return value(http.StatusBadRequest, noMatchingProvider)
	case !p.enabled("Enabled"):
		return s.flavour.disabledProvider(c)
	case in.Data == "":
		return s.flavour.missingData(c)
	}
	var found identity
	if k.segment == "oid" {
		found, a, valid = c.finishedOIDC(p, in.Data, true)
	} else {
		found, a, valid = c.checkedSAML(p, in.Data, true)
	}
	if !valid {
		return a
	}
	if found.name == "" {
		return failed(http.StatusInternalServerError)
	}
	if !s.hostile.IgnoreWrites {
		p.link(found, userID)
	}
	return noContent()
}

// identity is who signed in at an identity provider.
type identity struct {
	name     string // the canonical name
	account  string // the name that a new account would get
	issuer   string // OIDC only
	provider string
	rights   rights
}

// link gives an identity to an account and takes it from any other.
func (p *provider) link(i identity, userID string) {
	p.links[i.name] = userID
	delete(p.issuers, i.name)
	if i.issuer != "" {
		p.issuers[i.name] = i.issuer
	}
}

// unlink removes an identity's link.
func (p *provider) unlink(name string) {
	delete(p.links, name)
	delete(p.issuers, name)
	delete(p.used, name)
}

func deleteLink(c *call) answer {
	userID, a, valid := c.linkTarget()
	if !valid {
		return a
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	k, a, may := c.kindFor(userID, "Current user is not allowed to unlink SSO providers for user ID.")
	if !may {
		return a
	}
	p, exists := k.providers.get(c.vars["provider"])
	if !exists {
		return s.flavour.unlinkNoProvider
	}
	name := c.vars["name"]
	owner, linked := p.links[name]
	switch {
	case !linked:
		return s.flavour.unlinkUnknown
	case owner != userID:
		return value(http.StatusConflict, "jellyfin UID does not match id registered to that canonical name.")
	}
	if s.hostile.IgnoreWrites {
		return bare(http.StatusOK)
	}
	p.unlink(name)
	if s.flavour.endsSessions && !s.hasLinks(userID) {
		s.endTokens(func(t *token) bool { return t.user.id == userID })
	}
	return bare(http.StatusOK)
}

// hasLinks reports whether an account has a link at any provider. The caller holds the lock.
func (s *Server) hasLinks(userID string) bool {
	return slices.ContainsFunc(s.kinds(), func(k kind) bool {
		return slices.ContainsFunc(*k.providers, func(p *provider) bool { return len(p.names(userID)) > 0 })
	})
}

// authenticate signs in with an identity: to the account that it is linked to, else, where the flavour adopts, to the
// account of the same name (no administrator's on Flowfin), which it is linked to from then on, else to a new account.
func (s *Server) authenticate(p *provider, found identity, c client) answer {
	id, linked := p.links[found.name]
	if owner, named := p.links[found.account]; !linked && named && s.flavour.renames {
		p.unlink(found.account)
		p.link(found, owner)
		id, linked = owner, true
	}
	u := s.users[id]
	if !linked || u == nil {
		u = s.userByName(found.account)
		if u != nil && !s.flavour.adopts && (!p.enabled("AllowExistingAccountLink") || u.policy.IsAdministrator) {
			return s.flavour.notPermitted
		}
		if u == nil {
			u = s.addUser(found.account, "")
			if s.flavour.setsPassword {
				u.password, u.hasPassword = s.randomHex(32), true
			}
			u.policy.AuthenticationProviderId = api.AuthProviderPlugin
		}
		p.link(found, u.id)
	}
	if u.policy.IsDisabled {
		return s.flavour.notPermitted
	}
	p.used[found.name] = s.now()
	p.give(u, found, s.flavour.liveTVAlways)
	if p.enabled("SyncUsernameFromProvider") && s.userByName(found.account) == nil {
		u.name = found.account
	}
	if other := p.text("DefaultProvider"); other != "" {
		u.policy.AuthenticationProviderId = other
	}
	return ok(s.signIn(u, c, remoteAddress))
}

func unregister(c *call) answer {
	var authProvider string
	if a, valid := c.decode(&authProvider, c.parameter("provider")); !valid {
		return a
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	u := c.s.userByName(c.vars["username"])
	if u == nil {
		return c.s.flavour.unregisterNoUser(c)
	}
	if !c.s.hostile.IgnoreWrites {
		c.s.flavour.unregister(c.s, u, authProvider)
	}
	return bare(http.StatusOK)
}
