// Package idp is the demo world's two identity providers, an OpenID Connect provider and a SAML identity provider, both
// real ones as far as the protocols go, with sign-in pages on which people pick who they are. Both keep everything in
// memory, answer nobody but loopback addresses and ask for no password: they are for demonstrations and tests only.
package idp

import (
	"hash/fnv"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Person is somebody who can sign in at a demo provider.
type Person struct {
	// Login is the OIDC claim preferred_username and the SAML NameID.
	Login string
	// Subject is the OIDC claim sub.
	Subject string
	// Name and Email are shown on the sign-in page, and are the claims and attributes of the same meaning.
	Name  string
	Email string
	// Claims are OIDC claims in the place of the usual ones or besides them, of any type. One that is nil is left out. The
	// scope profile brings them, and scope email brings the e-mail claims.
	Claims map[string]any
}

// override puts the person's own claims in the place of the usual ones.
func (p Person) override(info *oidc.UserInfo, scopes []string) {
	for name, value := range p.Claims {
		scope := oidc.ScopeProfile
		if strings.HasPrefix(name, "email") {
			scope = oidc.ScopeEmail
		}
		if !slices.Contains(scopes, scope) {
			continue
		}
		switch name {
		case "preferred_username":
			info.PreferredUsername = ""
		case "name":
			info.Name = ""
		case "email":
			info.Email = ""
		case "email_verified":
			info.EmailVerified = false
		}
		if value != nil {
			info.AppendClaims(name, value)
		}
	}
}

// initials returns up to two letters for the avatar: of the first and the last word of the name that begin with a letter.
func (p Person) initials() string {
	var first, last rune
	for word := range strings.FieldsSeq(p.Name) {
		r, _ := utf8.DecodeRuneInString(word)
		switch {
		case !unicode.IsLetter(r):
		case first == 0:
			first = r
		default:
			last = r
		}
	}
	switch {
	case first == 0:
		return "?"
	case last == 0:
		return strings.ToUpper(string(first))
	}
	return strings.ToUpper(string([]rune{first, last}))
}

// tint returns which of the style sheet's avatar colours the person has; the same login always has the same one.
func (p Person) tint() int {
	const colours = 8
	h := fnv.New32a()
	_, _ = h.Write([]byte(p.Login))
	return int(h.Sum32() % colours)
}

// find returns the person with that login.
func find(people []Person, login string) (Person, bool) {
	for _, p := range people {
		if p.Login == login {
			return p, true
		}
	}
	return Person{}, false
}
