package ssoplugin

import "github.com/jellybind/jellybind/backend/api"

// unverifiedField is a setting that only one fork has, which calls itself SSO-Auth 5.0.0.0.
const unverifiedField = "EnableUnverifiedLinking"

// fork is a fork of 9p4's plugin that links OIDC identities by subject. It lets an unlinked identity into the account of its
// name only where EnableUnverifiedLinking is set, and turns a link by user name into one by subject at the first sign-in. It
// redeems the code only at POST Link or Auth, so that who signed in is not known before the write.
func fork() flavour {
	f := ninep4()
	f.name = api.FlavourBySubject
	f.abilities = func(kind api.CredentialKind) api.Capabilities {
		caps := configured(kind)
		if caps.NameBeforeWrite.OK {
			caps.NameBeforeWrite = no("pending-late")
		}
		caps.Adopts, caps.Rekeys, caps.UnregisterKept = false, true, true
		caps.PendingSeconds = 10 * 60
		return caps
	}
	f.rule = subject
	f.adopts = func(s settings) bool { return s.EnableUnverifiedLinking }
	f.audience = func(s settings) string {
		if s.ValidateAudience {
			return s.SamlClientID
		}
		return ""
	}
	return f
}

// unknown is a plugin that Jellybind does not know. What is safe on any of them is left: reading links, and writing one by
// name where the change can be read back. What a sign-in or Unregister would do there, nobody here knows.
func unknown(e evidence) flavour {
	f := ninep4()
	f.name = api.FlavourUnknown
	f.rule = func(settings) api.NameRule { return api.NameRule{} }
	f.abilities = e.cautious
	if !e.fields[linksKey] {
		f.perAccount = !e.roster
		if e.roster {
			f.roster, f.export = flowfinRoster, flowfinExport
		}
	}
	f.remarks = []api.Remark{{Why: "plugin-fork", Params: map[string]string{"url": reportPage}}}
	return f
}

// reportPage is where people report a plugin that Jellybind does not know.
const reportPage = "https://github.com/jellybind/jellybind/issues"

// cautious is what can be done with a plugin that is not known.
func (e evidence) cautious(kind api.CredentialKind) api.Capabilities {
	caps := configured(kind)
	if kind != api.CredentialAdmin && kind != api.CredentialKey {
		return caps
	}
	relay := no("fork-relay")
	caps.NameBeforeWrite, caps.PostLink = relay, relay
	if kind == api.CredentialAdmin {
		caps.PostLinkOwn = relay
	}
	caps.Unregister = no("fork-unregister")
	caps.LinksInConfig, caps.PageSignsIn = e.fields[linksKey], false
	caps.SecretsReadable = false
	if caps.LinksInConfig {
		return caps
	}
	caps.WriteConfig = no("config-ignored")
	caps.Preprovision = yes()
	return e.withRoutes(kind, caps)
}
