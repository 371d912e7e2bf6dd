package api_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
)

// TestRules tells what can be removed and moved with each flavour and credential.
func TestRules(t *testing.T) {
	t.Parallel()
	yes, no := api.Ability{OK: true}, api.Ability{Why: "no", Reason: "No."}
	type can struct{ links, link, slash, rebuild, move bool }
	for name, c := range map[string]struct {
		caps   api.Capabilities
		self   string // "me" asks about the account "u", "u" about its own
		want   can
		direct api.WriteMethod
	}{
		"config by key":     {api.Capabilities{WriteConfig: yes, LinksInConfig: true}, "", can{true, true, true, false, true}, api.WriteConfig},
		"config, a user":    {api.Capabilities{WriteConfig: no, DeleteLink: no, DeleteLinkOwn: yes, LinksInConfig: true}, "u", can{true, true, false, false, false}, ""},
		"config, a foreign": {api.Capabilities{WriteConfig: no, DeleteLink: no, DeleteLinkOwn: yes, LinksInConfig: true}, "me", can{}, ""},
		"roster, an administrator": {
			api.Capabilities{Preprovision: yes, DeleteLink: yes, DeleteLinkOwn: yes, Unregister: yes, UnregisterDrops: true},
			"me",
			can{true, true, false, true, true},
			api.WritePreprovision,
		},
		"roster, about itself": {
			api.Capabilities{Preprovision: yes, DeleteLink: yes, DeleteLinkOwn: yes, Unregister: yes, UnregisterDrops: true},
			"u",
			can{true, true, false, false, true},
			api.WritePreprovision,
		},
		"roster by key": {
			api.Capabilities{Preprovision: yes, DeleteLink: no, Unregister: yes, UnregisterDrops: true},
			"",
			can{false, false, false, true, false},
			api.WritePreprovision,
		},
		"nothing": {api.Capabilities{}, "", can{}, ""},
	} {
		got := can{
			c.caps.RemoveLinks(c.self, "u").OK, c.caps.RemoveLink(c.self, "u", "n").OK, c.caps.RemoveLink(c.self, "u", "a/b").OK,
			c.caps.RebuildLinks(c.self, "u"), c.caps.MoveFrom(c.self, "u", "n").OK,
		}
		if method, able := c.caps.DirectWrite(); got != c.want || method != c.direct || able.OK != (c.direct != "") {
			t.Errorf("%s: %+v, want %+v; written by %q, want %q", name, got, c.want, method, c.direct)
		}
	}
	if able := (api.Capabilities{DeleteLink: yes}).RemoveLink("", "u", "a/b"); able.Why != "name-in-path" || able.Reason == "" {
		t.Errorf("a name with a slash: %+v", able)
	}
}
