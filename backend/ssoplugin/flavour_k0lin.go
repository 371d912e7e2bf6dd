package ssoplugin

import (
	"cmp"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// k0linFields are settings that K0lin's fork added.
var k0linFields = []string{
	"ApplyContentDownloadPermissionOnEveryLogin", "OidAuthorizationParameters", "OverrideDefaultScopes", "PreserveAdminPermissions",
}

// k0lin is K0lin's fork, from 5.0.0.0. All recorded answers are 9p4's but two: Unregister outlives a restart of the
// server, and answers 404 "User not found" where 9p4's fails with 500. Its configuration has more fields, of which
// OverrideDefaultScopes matters to a client of our own.
func k0lin() flavour {
	f := ninep4()
	f.name = api.FlavourK0lin
	f.rule = func(s settings) api.NameRule {
		return api.NameRule{Claim: cmp.Or(strings.TrimSpace(s.DefaultUsernameClaim), userNameClaim), Fallback: "sub"}
	}
	f.abilities = func(kind api.CredentialKind) api.Capabilities {
		caps := configured(kind)
		caps.UnregisterKept = true
		return caps
	}
	return f
}
