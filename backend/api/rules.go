package api

import "strings"

// What a credential can change follows from Capabilities by the rules in this file. The backend and the page both ask them, so
// that the page offers what the backend does. self is the id of the account that the access token belongs to, empty for an
// API key.

// DirectWrite returns how a link is written without a sign-in, and whether it can be.
func (c Capabilities) DirectWrite() (WriteMethod, Ability) {
	switch {
	case c.Preprovision.OK:
		return WritePreprovision, c.Preprovision
	case c.WriteConfig.OK:
		return WriteConfig, c.WriteConfig
	case !c.LinksInConfig:
		return "", c.Preprovision
	default:
		return "", c.WriteConfig
	}
}

// RemoveLinks reports whether links of an account can be removed one by one. A single link may still have a name that cannot
// be addressed: see RemoveLink.
func (c Capabilities) RemoveLinks(self, userID string) Ability {
	switch {
	case c.WriteConfig.OK:
		return c.WriteConfig
	case c.DeleteLink.OK || self == "" || self != userID:
		return c.DeleteLink
	}
	return c.DeleteLinkOwn
}

// RemoveLink reports whether the link of an account with this name can be removed by itself.
func (c Capabilities) RemoveLink(self, userID, name string) Ability {
	able := c.RemoveLinks(self, userID)
	if !able.OK || c.WriteConfig.OK || Addressable(name) {
		return able
	}
	return Ability{
		Why: "name-in-path", Params: map[string]string{"name": name},
	}
}

// UnregisterTo reports whether Unregister changes anything about an account: its sign-in provider, or its links, of which it
// has that many.
func (c Capabilities) UnregisterTo(u User, links int, authProvider string) Ability {
	drops := c.UnregisterDrops && links > 0
	switch {
	case !c.Unregister.OK || drops:
		return c.Unregister
	case !c.UnregisterKept:
		return Ability{Why: "unregister-none", Params: map[string]string{"account": u.Name}}
	case u.AuthProvider == authProvider:
		return Ability{Why: "unregister-same", Params: map[string]string{"account": u.Name}}
	}
	return c.Unregister
}

// RebuildLinks reports whether a link of an account that exists can be removed by the detour: Unregister drops all links of
// the account and ends its sessions, then the other links are written again. It is no way for the account that asks, whose
// session ends with it.
func (c Capabilities) RebuildLinks(self, userID string) bool {
	return c.Unregister.OK && c.UnregisterDrops && c.Preprovision.OK && (self == "" || self != userID)
}

// MoveFrom reports whether the identity with this name can be taken from the account userID without a sign-in.
func (c Capabilities) MoveFrom(self, userID, name string) Ability {
	if method, able := c.DirectWrite(); !able.OK || method == WriteConfig {
		return able
	}
	return c.RemoveLink(self, userID, name) // Preprovision takes nothing from anybody
}

// CanMove reports whether an identity can be taken from another account in some way, by signing in or without.
func (c Capabilities) CanMove() bool {
	return c.PostLink.OK || c.PostLinkOwn.OK || c.WriteConfig.OK || c.Preprovision.OK && c.DeleteLink.OK
}

// RemovalRemarks says what removing links does to accounts, apart from the links: whose sessions end, and whom it shuts out
// while the server lets nobody in by password. removed are the links of each account by its id, self is the account of the
// access token or nil.
func (c Capabilities) RemovalRemarks(accounts []Account, removed map[string][]Identity, self *User) []Remark {
	var ended, shutOut []string
	own := false
	for _, a := range accounts {
		if !a.lastWithout(removed[a.ID]) {
			continue
		}
		ended = append(ended, a.Name)
		own = own || self != nil && self.ID == a.ID
		if c.PasswordsOff.ShutsOut(a.User) {
			shutOut = append(shutOut, a.Name)
		}
	}
	var list []Remark
	if c.RemovalEndsSessions && len(ended) > 0 {
		list = append(list, Remark{Why: "removal-sessions", Params: map[string]string{"accounts": SomeNames(ended)}})
		if own {
			list = append(list, Remark{Why: "removal-own-session"})
		}
	}
	if len(shutOut) > 0 {
		remark := Remark{Why: "sso-only-shut-out", Params: map[string]string{"accounts": SomeNames(shutOut)}}
		list = append(list, remark, c.PasswordsOff.Remark())
	}
	return list
}

// AfterRemoval returns the names of the accounts that removing links does not close, since an identity of the account's own name
// opens them all the same, and of those that nobody can open afterwards. removed is as in RemovalRemarks.
func (c Capabilities) AfterRemoval(accounts []Account, removed map[string][]Identity) (back, shut []string) {
	for _, a := range accounts {
		switch gone := removed[a.ID]; {
		case a.TakesBack(c.Adopts, gone):
			back = append(back, a.Name)
		case !c.PasswordsOff.On && a.ShutOutWithout(gone):
			shut = append(shut, a.Name)
		}
	}
	return back, shut
}

// SomeNames joins the first six names of a list, for a sentence.
func SomeNames(names []string) string {
	const most = 6
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// PasswordOpens reports whether an account may take a password. Without one of its own, its name alone opens it.
func (c Capabilities) PasswordOpens(u User) bool {
	off := c.PasswordsOff
	if off.On && strings.EqualFold(u.Name, off.Exempt) && !off.ExemptWorks {
		return false
	}
	return u.AuthProvider != AuthProviderPlugin && !off.ShutsOut(u)
}

// Remark says who may still sign in by password.
func (s PasswordsOff) Remark() Remark {
	exempt := map[string]string{"account": s.Exempt}
	switch {
	case s.Exempt == "":
		return Remark{Why: "sso-only-nobody"}
	case !s.ExemptWorks:
		return Remark{Why: "sso-only-exempt-lost", Params: exempt}
	}
	return Remark{Why: "sso-only-exempt", Params: exempt}
}
