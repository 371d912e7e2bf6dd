package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/idp"
)

// The providers of every demo world, as the plugin names them.
const (
	Authelia = "authelia" // OIDC, new paths
	Keycloak = "keycloak" // OIDC, old paths: the plugin answers at /r/ and not at /redirect/
	Legacy   = "legacy"   // OIDC, disabled
	ADFS     = "adfs"     // SAML, new paths
)

// Accounts that the tour, the tests and the window know by name.
const (
	// AdminName is the administrator that the world's credentials belong to.
	AdminName = "admin"
	// UserName is a person who is not an administrator and is linked once.
	UserName = "noah"
	// TourName is an account that nobody is linked to, and the login of the person who is meant to be.
	TourName = "maria"
	// RiskName is an account that nobody is linked to while a person with the same login exists: on 9p4 and K0lin this one would
	// get in.
	RiskName = "bastian"
	// NewcomerLogin is a person who has no account at all.
	NewcomerLogin = "claire"
	// SlashLogin is a person, linked to nothing, whose login the plugin's DELETE cannot address.
	SlashLogin = "team/ops"
	// GoneName is the account that was deleted; its link stayed.
	GoneName = "sven"
)

// Person is somebody who can sign in at the world's providers.
type Person = idp.Person

// subject is the OIDC subject of a login: opaque, as most providers' are, and always the same.
func subject(login string) string {
	sum := sha256.Sum256([]byte("jellybind demo " + login))
	h := hex.EncodeToString(sum[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// people returns those who can sign in, at each of the providers.
func people() []Person {
	list := []Person{
		{Login: TourName, Name: "Maria Lindqvist"},
		{Login: UserName, Name: "Noah Fischer"},
		{Login: "jonas", Name: "Jonas Weber"},
		{Login: RiskName, Name: "Bastian König"},
		{Login: NewcomerLogin, Name: "Claire Dubois"},
		{Login: "elif", Name: "Elif Yılmaz"},
		{Login: "tomas", Name: "Tomáš Novák"},
		{Login: "priya", Name: "Priya Raman"},
		{Login: "yuki", Name: "佐藤 雪"},
		{Login: "maryam", Name: "مریم کریمی"},
		{Login: "o'hara", Name: "Niamh O'Hara"},
		{Login: GoneName, Name: "Sven Holm"},
		{Login: SlashLogin, Name: "Operations Team", Email: "ops@home.example"},
		{Login: "betty", Name: `<b>Betty</b> "B&B" O'Neil`},
		{Login: "mallory", Name: "Mallory \u202egnp.exe"},
	}
	for i := range list {
		p := &list[i]
		p.Subject = subject(p.Login)
		if p.Email == "" {
			p.Email = strings.ReplaceAll(p.Login, "'", "") + "@home.example"
		}
	}
	return list
}

// accountSpec is an account to put into the server.
type accountSpec struct {
	name          string
	administrator bool
	disabled      bool
	noPassword    bool
	madeByPlugin  bool          // at a first sign-in; others were there before
	deleted       bool          // after its links were made
	idle          time.Duration // since its last activity; never means that there was none
	identities    []identitySpec
}

const never time.Duration = -1

// identitySpec is an identity to link. login is the name at the provider; where subject is empty it is that too, as for
// the awkward names.
type identitySpec struct {
	protocol       api.Protocol
	provider       string
	login, subject string
}

// canonical is the name of the link: the flavours differ in the OIDC claim, and SAML has the NameID only.
func (i identitySpec) canonical(bySubject bool) string {
	if bySubject && i.protocol == api.OIDC && i.subject != "" {
		return i.subject
	}
	return i.login
}

func oidcIdentity(provider, login string) identitySpec {
	return identitySpec{api.OIDC, provider, login, subject(login)}
}

func samlIdentity(login string) identitySpec { return identitySpec{api.SAML, ADFS, login, ""} }

// named are identities whose subject is the name itself.
func named(provider string, names ...string) []identitySpec {
	list := make([]identitySpec, len(names))
	for i, name := range names {
		list[i] = identitySpec{api.OIDC, provider, name, ""}
	}
	return list
}

// ownName is the identity that has an account's name: it keeps strangers from opening the account by that name, as on a server
// whose administrator has looked at those at risk.
func ownName(account string) identitySpec { return oidcIdentity(Keycloak, account) }

const day = 24 * time.Hour

// household is the accounts of every world, those that the tour needs first. The names of identities include every
// awkward one that real servers were asked to link and unlink, and some that are meant to deceive.
func household() []accountSpec {
	return []accountSpec{
		{name: AdminName, administrator: true, idle: 4 * time.Minute, identities: []identitySpec{
			oidcIdentity(Authelia, "jonas"), ownName(AdminName),
		}},
		{name: UserName, idle: 2 * time.Hour, identities: []identitySpec{oidcIdentity(Authelia, UserName)}},
		{name: TourName, idle: 26 * time.Hour},
		{name: RiskName, idle: 3 * day},
		{name: "elif", idle: 40 * time.Minute, identities: []identitySpec{
			oidcIdentity(Authelia, "elif"), oidcIdentity(Keycloak, "elif"),
		}},
		{name: "tomas", idle: 5 * day, identities: []identitySpec{oidcIdentity(Authelia, "tomas"), samlIdentity("tomas")}},
		{name: "priya", madeByPlugin: true, idle: 9 * time.Hour, identities: []identitySpec{samlIdentity("priya")}},
		{name: "livingroom", noPassword: true, idle: 55 * time.Minute, identities: []identitySpec{
			samlIdentity("tv@home.example"), ownName("livingroom"),
		}},
		{name: "kids", noPassword: true, idle: 20 * time.Hour},
		{name: "lukas", disabled: true, idle: 400 * day, identities: []identitySpec{
			oidcIdentity(Authelia, "lukas"), oidcIdentity(Legacy, "lukas@old.example"),
		}},
		{name: "yuki", idle: 12 * day, identities: []identitySpec{oidcIdentity(Keycloak, "yuki")}},
		{name: "مریم", idle: 6 * day, identities: []identitySpec{oidcIdentity(Authelia, "maryam"), ownName("مریم")}},
		{name: "niamh.o'hara", idle: 30 * day, identities: []identitySpec{
			oidcIdentity(Keycloak, "o'hara"), ownName("niamh.o'hara"),
		}},
		{name: "grace", administrator: true, idle: 70 * day},
		{name: "helga", disabled: true, idle: 900 * day},
		{name: "dave.jones", idle: never, identities: []identitySpec{ownName("dave.jones")}},
		{name: "guest", noPassword: true, idle: never, identities: []identitySpec{ownName("guest")}},
		{name: "erin@example.com", idle: 15 * day, identities: append(
			named(Authelia, "user+tag@example.com", "a b+c%20d"), ownName("erin@example.com"))},
		{name: "Zoë Q", idle: 2 * day, identities: append(named(Authelia, "Zoë 漢字 😀"), ownName("Zoë Q"))},
		{name: "import", idle: never, identities: append(
			named(Keycloak, "auth0|abc123", `DOMAIN\user`, "100%", "a?b#c;d"), ownName("import"))},
		{name: "archive", idle: never, identities: append(named(Authelia,
			"a/b/c", "../../etc/passwd", ".", "..", "a%2Fb", "http://idp.example/u/1"), ownName("archive"))},
		{name: "blanks", idle: 100 * day, identities: append(named(Authelia, " lead", "tail "), ownName("blanks"))},
		{name: "long", idle: 200 * day, identities: append(named(Authelia, strings.Repeat("x", 300)), ownName("long"))},
		{name: "strangers", idle: never, identities: append(named(Authelia,
			`<b>&amp;"'`, "<script>alert(1)</script>", "\x1b[31mred\x1b[0m\x07", "user\u202egnp.exe",
			"مستخدم", "line\nbreak"), ownName("strangers"))},
	}
}

// gone is an account that was deleted without its link.
func gone() accountSpec {
	return accountSpec{
		name: GoneName, deleted: true, idle: 300 * day, identities: []identitySpec{oidcIdentity(Authelia, GoneName)},
	}
}
