package server

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// claims are what an ID token and the userinfo endpoint say, each claim as the texts that .NET makes of it: an array is one
// claim for each element.
type claims map[string][]string

// add takes the claims of a token or of userinfo. What comes later counts more.
func (c claims) add(from interface{ Claims(any) error }) error {
	var raw map[string]json.RawMessage
	if err := from.Claims(&raw); err != nil {
		return err //nolint:wrapcheck // its caller answers for it
	}
	for name, value := range raw {
		var elements []json.RawMessage
		if json.Unmarshal(value, &elements) != nil || string(value) == "null" {
			elements = []json.RawMessage{value}
		}
		for _, e := range elements {
			if text, is := claimText(e); is {
				c[name] = append(c[name], text)
			}
		}
	}
	return nil
}

// claimText is a value as text: a string as it is, a number as it was sent, true or false as the word, an object as its JSON.
func claimText(raw json.RawMessage) (string, bool) {
	var s string
	if string(raw) == "null" {
		return "", false
	}
	if json.Unmarshal(raw, &s) == nil {
		return s, true
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return "", false
	}
	return compact.String(), true
}

// last is a claim's last text.
func (c claims) last(name string) (string, bool) {
	texts := c[name]
	if len(texts) == 0 {
		return "", false
	}
	return texts[len(texts)-1], true
}

// identify names an identity by the flavour's rule: by the subject, or by the claim that the configuration names, where it
// came. An empty claim is a name that cannot be linked.
func (s *Server) identify(p *provider, token *oidc.IDToken, c claims) identity {
	var claim string
	p.read("DefaultUsernameClaim", &claim)
	if claim == "" || s.flavour.blankMeansDefault && strings.TrimSpace(claim) == "" {
		claim = "preferred_username"
	}
	i := identity{issuer: token.Issuer, provider: p.name, name: token.Subject, account: token.Subject}
	if text, came := c.last(claim); came {
		i.account = text
		if !s.flavour.bySubject {
			i.name = text
		}
	}
	return i
}

// roleSteps are the steps of a path of claims: a dot parts them, unless a backslash stands before it.
var roleSteps = regexp.MustCompile(`(?:\\\.|[^.])+`)

// roles are the roles that the configured claim brings. A path leads into objects, to a list.
func (c claims) roles(path string) []string {
	steps := roleSteps.FindAllString(path, -1)
	for i := range steps {
		steps[i] = strings.ReplaceAll(steps[i], `\.`, ".")
	}
	if len(steps) < 2 {
		return c[path]
	}
	var roles []string
	for _, text := range c[steps[0]] {
		raw := json.RawMessage(text)
		for _, step := range steps[1:] {
			var object map[string]json.RawMessage
			if json.Unmarshal(raw, &object) != nil {
				return nil
			}
			raw = object[step]
		}
		var list []string
		if json.Unmarshal(raw, &list) == nil {
			roles = append(roles, list...)
		}
	}
	return roles
}

// rights are what a sign-in gives to the account, on 9p4 and K0lin.
type rights struct {
	admin, liveTV, liveTVManagement bool
	folders                         []string
}

// rights works out what roles bring, and whether they let somebody in at all. Roles are case-sensitive.
func (p *provider) rights(roles []string) (r rights, may bool) {
	list := func(name string) (names []string) { p.read(name, &names); return names }
	has := func(name string) bool {
		return slices.ContainsFunc(list(name), func(role string) bool { return slices.Contains(roles, role) })
	}
	r.admin = has("AdminRoles")
	r.liveTV, r.liveTVManagement = p.enabled("EnableLiveTv"), p.enabled("EnableLiveTvManagement")
	if p.enabled("EnableLiveTvRoles") {
		r.liveTV, r.liveTVManagement = r.liveTV || has("LiveTvRoles"), r.liveTVManagement || has("LiveTvManagementRoles")
	}
	r.folders = list("EnabledFolders")
	if p.enabled("EnableFolderRoles") {
		var maps []struct {
			Role    string
			Folders []string
		}
		p.read("FolderRoleMapping", &maps)
		r.folders = nil
		for _, m := range maps {
			if slices.Contains(roles, strings.TrimSpace(m.Role)) {
				r.folders = append(r.folders, m.Folders...)
			}
		}
	}
	return r, len(list("Roles")) == 0 || has("Roles")
}

// give changes the account as a sign-in does: with EnableAuthorization administrator, libraries and Live TV, on 9p4 and K0lin
// Live TV always. K0lin's PreserveAdminPermissions keeps an administrator one, and its downloads are set on request.
func (p *provider) give(u *user, found identity, liveTVAlways bool) {
	r := found.rights
	all := p.enabled("EnableAuthorization")
	if all {
		u.policy.IsAdministrator = r.admin || u.policy.IsAdministrator && p.enabled("PreserveAdminPermissions")
		u.policy.EnableAllFolders = p.enabled("EnableAllFolders")
		if !u.policy.EnableAllFolders {
			u.policy.EnabledFolders = names(marshal(append([]string{}, r.folders...)))
		}
	}
	if all || liveTVAlways {
		u.policy.EnableLiveTvAccess, u.policy.EnableLiveTvManagement = r.liveTV, r.liveTVManagement
	}
	var downloads *bool
	if p.read("EnableContentDownloading", &downloads); downloads != nil && p.enabled("ApplyContentDownloadPermissionOnEveryLogin") {
		u.policy.EnableContentDownloading = *downloads
	}
}

// deny disables the account of somebody who has none of the roles, where Flowfin is set so, and no administrator's. The caller
// holds the lock.
func (s *Server) deny(p *provider, name string) {
	u := s.users[p.links[name]]
	if u != nil && p.enabled("DisableAccountOnRoleDenied") && !u.policy.IsAdministrator {
		u.policy.IsDisabled = true
	}
}
