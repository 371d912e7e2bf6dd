package link_test

import (
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
)

// able is a plugin that has capabilities and nothing else.
type able struct {
	link.Plugin
	caps api.Capabilities
}

func (a able) Capabilities() api.Capabilities { return a.caps }

// undoableOf writes changes, oldest first, into a journal, and returns which of them can be undone, newest first.
func undoableOf(t *testing.T, caps api.Capabilities, self *api.User, oldestFirst ...api.Change) []bool {
	t.Helper()
	l := link.Linker{Plugin: able{caps: caps}, Journal: journal.Open("", time.Now), ServerID: "s", Self: self}
	for _, c := range oldestFirst {
		c.Server = "s"
		if err := l.Journal.Finish(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	changes, err := l.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var undoable []bool
	for _, c := range changes {
		undoable = append(undoable, c.Undoable)
	}
	return undoable
}

// TestWhatCanBeUndone with each flavour and credential.
func TestWhatCanBeUndone(t *testing.T) {
	t.Parallel()
	config := api.Capabilities{WriteConfig: yes, Unregister: yes}
	flowfin := api.Capabilities{Preprovision: yes, DeleteLink: yes, Unregister: yes, UnregisterDrops: true}
	flowfinKey := api.Capabilities{Preprovision: yes, Unregister: yes, UnregisterDrops: true}
	plain := api.Capabilities{Credential: api.CredentialUser, DeleteLinkOwn: yes}
	change := func(kind api.ChangeKind, more ...func(*api.Change)) api.Change {
		c := api.Change{
			ID: "1", Kind: kind, State: api.ChangeConfirmed, UserID: "u", UserName: "name",
			Identities: []api.Identity{{Protocol: api.OIDC, Provider: "p", Name: "n"}},
		}
		switch kind {
		case api.ChangeMove:
			c.FromID, c.FromName = "f", "from"
		case api.ChangeUnregister:
			c.AuthProviderBefore, c.AuthProviderAfter = "a", "b"
		case api.ChangeLink, api.ChangeUnlink:
		}
		for _, m := range more {
			m(&c)
		}
		return c
	}
	rewritten := func(c *api.Change) { c.Write, c.AuthProviderBefore = api.WritePreprovision, c.AuthProviderAfter }
	for name, c := range map[string]struct {
		change api.Change
		want   [4]bool // config, flowfin, flowfinKey, plain
	}{
		"a link":                 {change(api.ChangeLink), [4]bool{true, true, false, true}},
		"a removal":              {change(api.ChangeUnlink), [4]bool{true, true, true, false}},
		"a move":                 {change(api.ChangeMove), [4]bool{true, true, false, false}},
		"a move from an orphan":  {change(api.ChangeMove, func(c *api.Change) { c.FromName = "" }), [4]bool{}},
		"unregistering":          {change(api.ChangeUnregister), [4]bool{true, false, true, false}},
		"what was written again": {change(api.ChangeUnregister, rewritten), [4]bool{}},
		"the same, cut short": {
			change(api.ChangeUnregister, rewritten, func(c *api.Change) { c.State = api.ChangeIntended }),
			[4]bool{true, true, true, false},
		},
		"a failed one": {change(api.ChangeLink, func(c *api.Change) { c.State = api.ChangeFailed }), [4]bool{}},
		"an unclear one": {
			change(api.ChangeLink, func(c *api.Change) { c.State = api.ChangeIntended }), [4]bool{true, true, false, true},
		},
		"an orphan's removal":  {change(api.ChangeUnlink, func(c *api.Change) { c.UserName = "" }), [4]bool{}},
		"a link without names": {change(api.ChangeLink, func(c *api.Change) { c.Identities = nil }), [4]bool{}},
		"a name with a slash": {
			change(api.ChangeLink, func(c *api.Change) { c.Identities[0].Name = "a/b" }), [4]bool{true, false, false, false},
		},
	} {
		for i, caps := range []api.Capabilities{config, flowfin, flowfinKey, plain} {
			var self *api.User
			if i == 1 || i == 3 {
				self = &api.User{ID: "u"} // whose session unregistering would end
			}
			if got := undoableOf(t, caps, self, c.change); got[0] != c.want[i] {
				t.Errorf("%s, %d: %t", name, i, got[0])
			}
		}
	}
}

// TestOnlyWhatStandsCanBeUndone: a link that was removed since cannot, one that was removed and brought back can.
func TestOnlyWhatStandsCanBeUndone(t *testing.T) {
	t.Parallel()
	id := []api.Identity{{Protocol: api.OIDC, Provider: "p", Name: "n"}}
	linked := api.Change{ID: "1", Kind: api.ChangeLink, State: api.ChangeConfirmed, UserID: "u", UserName: "ada", Identities: id}
	removed := linked
	removed.ID, removed.Kind = "2", api.ChangeUnlink
	back := linked
	back.ID, back.Undoes = "3", "2"
	dropped := linked
	dropped.ID, dropped.Kind = "4", api.ChangeUnregister
	moved := linked
	moved.ID, moved.Kind, moved.UserID, moved.FromID, moved.FromName = "5", api.ChangeMove, "w", "u", "ada"
	failed := api.Change{ID: "6", Kind: api.ChangeUnlink, State: api.ChangeFailed, UserID: "u", UserName: "ada", Identities: id}
	for name, c := range map[string]struct {
		oldestFirst []api.Change
		want        []bool // newest first
	}{
		"the link alone":      {[]api.Change{linked}, []bool{true}},
		"removed since":       {[]api.Change{linked, removed}, []bool{true, false}},
		"brought back":        {[]api.Change{linked, removed, back}, []bool{true, false, true}},
		"unregistered since":  {[]api.Change{linked, dropped}, []bool{true, false}},
		"moved since":         {[]api.Change{linked, moved}, []bool{true, false}},
		"a failed one on top": {[]api.Change{linked, failed}, []bool{false, true}},
	} {
		got := undoableOf(t, api.Capabilities{WriteConfig: yes, Unregister: yes}, nil, c.oldestFirst...)
		for i, want := range c.want {
			if got[i] != want {
				t.Errorf("%s: %v, want %v", name, got, c.want)
				break
			}
		}
	}
}
