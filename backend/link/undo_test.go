package link_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
)

// able is a plugin that can only report its capabilities.
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

// TestWhatCanBeUndone with the capabilities of each flavour and credential.
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
				self = &api.User{ID: "u"} // unregistering would end this account's session
			}
			if got := undoableOf(t, caps, self, c.change); got[0] != c.want[i] {
				t.Errorf("%s, %d: %t", name, i, got[0])
			}
		}
	}
}

// TestOnlyWhatStandsCanBeUndone: not a link that was removed since, but a link that was removed and brought back.
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

// TestHalfDoneRebuildingIsUndone: links that were lost on the way are in the journal and are restored.
func TestHalfDoneRebuildingIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialKey)
	account := w.account(t, "tomas")
	w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
		refused := strings.Contains(r.URL.Path, "/Preprovision/")
		if refused {
			rw.WriteHeader(http.StatusInternalServerError)
		}
		return refused
	}, "")
	_, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: account.Identities[0], UserID: account.ID}}, ViaUnregister: true,
	}, quiet)
	if !api.IsCode(err, api.CodeHalfDone) {
		t.Errorf("got %v", err)
	}
	w.intercepting(nil, "")
	for _, c := range w.changes(t) { // newest first: the detour, then the removal itself
		if want := c.Kind == api.ChangeUnlink; want != (c.State == api.ChangeConfirmed) || c.Error != api.CodeHalfDone {
			t.Errorf("the journal says %+v", c)
		}
		if _, err := w.Undo(t.Context(), c.ID); err != nil {
			t.Errorf("undoing the %s: %v", c.Kind, err)
		}
	}
	if left := w.account(t, "tomas").Identities; len(left) != len(account.Identities) {
		t.Errorf("left: %v, want %v", left, account.Identities)
	}
}

// TestUndoingUnregisterRestoresFirst: no link is lost if the accounts cannot be read.
func TestUndoingUnregisterRestoresFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	before, change := w.unregistered(t)
	var sent atomic.Bool
	w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/Unregister/") {
			sent.Store(true)
		}
		fails := sent.Load() && r.URL.Path == "/Users"
		if fails {
			rw.WriteHeader(http.StatusInternalServerError)
		}
		return fails
	}, "")
	if _, err := w.Undo(t.Context(), change.ID); !api.IsCode(err, api.CodeOutcomeUnknown) {
		t.Errorf("got %v", err)
	}
	w.intercepting(nil, "")
	if left := w.account(t, "tomas").Identities; len(left) != len(before.Identities) {
		t.Errorf("left: %v, want %v", left, before.Identities)
	}
}

// TestMoveCutShortIsUndone: an identity that left one account and never reached the other is given back.
func TestMoveCutShortIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	from, to := w.account(t, "priya"), w.account(t, demo.TourName)
	id := from.Identities[0]
	cut, err := w.Journal.Intend(t.Context(), api.Change{
		Server: w.ServerID, Kind: api.ChangeMove, UserID: to.ID, UserName: to.Name, FromID: from.ID, FromName: from.Name,
		Identities: []api.Identity{id},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Plugin.DeleteLink(t.Context(), api.Link{Identity: id, UserID: from.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Undo(t.Context(), cut.ID); err != nil {
		t.Fatal(err)
	}
	if o := roster.Owner(w.roster(t), id); o == nil || o.ID != from.ID {
		t.Errorf("%v opens %+v, want %s", id, o, from.Name)
	}
}

// TestUndoingUnregisterWithoutAnswer: the links are written again even if the answer is lost.
func TestUndoingUnregisterWithoutAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	before, change := w.unregistered(t)
	w.intercepting(nil, "POST /Unregister/")
	if _, err := w.Undo(t.Context(), change.ID); err != nil {
		t.Errorf("got %v", err)
	}
	after := w.account(t, "tomas")
	if !slices.Equal(after.Identities, before.Identities) || after.AuthProvider != "Another.Provider" {
		t.Errorf("left: %+v", after)
	}
}

// TestUndoingUnregisterKeepsLaterWork: Flowfin's Unregister drops all links, those that came since too.
func TestUndoingUnregisterKeepsLaterWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	before := w.account(t, "tomas")
	before.AuthProvider = "Another.Provider"
	if err := w.Plugin.Unregister(t.Context(), before.Name, before.AuthProvider); err != nil {
		t.Fatal(err)
	}
	for _, id := range before.Identities {
		w.Server().AddLink(api.Link{Identity: id, UserID: before.ID})
	}
	change, err := w.Unregister(t.Context(), before.ID, defaultProvider)
	if err != nil {
		t.Fatal(err)
	}
	later := api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "later"}
	w.Server().AddLink(api.Link{Identity: later, UserID: before.ID})
	taken, other := before.Identities[0], w.account(t, "priya")
	w.Server().AddLink(api.Link{Identity: taken, UserID: other.ID})
	undone, err := w.Undo(t.Context(), change.ID)
	if err != nil {
		t.Fatal(err)
	}
	after := w.account(t, "tomas")
	if !slices.Contains(after.Identities, later) {
		t.Errorf("the later link is lost: %v", after.Identities)
	}
	if !slices.Contains(after.Identities, before.Identities[1]) || slices.Contains(after.Identities, taken) {
		t.Errorf("after undo %v", after.Identities)
	}
	if slices.Contains(undone.Identities, taken) || !slices.Contains(undone.Identities, later) {
		t.Errorf("the journal claims %v", undone.Identities)
	}
	if o := roster.Owner(w.roster(t), taken); o == nil || o.ID != other.ID {
		t.Errorf("%v opens %+v, want %s", taken, o, other.Name)
	}
	if after.AuthProvider != before.AuthProvider {
		t.Errorf("sign-in provider %q", after.AuthProvider)
	}
}

// TestUndoingUnregisterKeepsALaterSignInProvider: undo does not replace a provider that somebody has chosen since.
func TestUndoingUnregisterKeepsALaterSignInProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	choose := func(provider string) {
		if err := w.Plugin.Unregister(t.Context(), "tomas", provider); err != nil {
			t.Fatal(err)
		}
	}
	choose("Another.Provider")
	change, err := w.Unregister(t.Context(), w.account(t, "tomas").ID, defaultProvider)
	if err != nil {
		t.Fatal(err)
	}
	choose("A.Third")
	if _, err := w.Undo(t.Context(), change.ID); !api.IsCode(err, api.CodeChangeNotUndoable) {
		t.Errorf("undo: %v", err)
	}
	if after := w.account(t, "tomas"); after.AuthProvider != "A.Third" {
		t.Errorf("sign-in provider %q", after.AuthProvider)
	}
}

// TestUnregisterThatChangesNothing: 9p4 answers success and changes nothing, on each Jellyfin. The error says so, and there is
// nothing to undo.
func TestUnregisterThatChangesNothing(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", server.Jellyfin12} {
		w := newWorldOf(t, demo.Options{Flavour: api.Flavour9p4, Jellyfin: version}, api.CredentialAdmin)
		account := w.account(t, "priya")
		if account.AuthProvider == defaultProvider {
			t.Fatal("priya has Jellyfin's own sign-in provider already")
		}
		change, err := w.Unregister(t.Context(), account.ID, defaultProvider)
		if !api.IsCode(err, api.CodeLinkNotStored) || whyOf(err) != "unregister-nothing" {
			t.Errorf("told %v", err)
		}
		if change.State != api.ChangeFailed || change.Undoable {
			t.Errorf("change %+v", change)
		}
		// Unregistering to the present sign-in provider leaves nothing to undo either.
		change, err = w.Unregister(t.Context(), w.account(t, "tomas").ID, defaultProvider)
		if err != nil || change.State != api.ChangeConfirmed || change.Undoable {
			t.Errorf("change %+v, %v", change, err)
		}
		if _, err := w.Undo(t.Context(), change.ID); !api.IsCode(err, api.CodeChangeNotUndoable) {
			t.Errorf("undo: %v", err)
		}
	}
}

// TestCancelledWhileUndoing: a write that has begun runs to its end, and the journal knows it.
func TestCancelledWhileUndoing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	account := w.account(t, demo.TourName)
	change, err := w.Link(t.Context(), api.LinkRequest{
		UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "n",
	}, person{})
	if err != nil {
		t.Fatal(err)
	}
	w.Journal = journal.Open(t.TempDir(), time.Now)
	intended, err := w.Journal.Intend(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodDelete {
			cancel()
		}
		return false
	}, "")
	if _, err := w.Undo(ctx, intended.ID); err != nil {
		t.Errorf("undo: %v", err)
	}
	c, err := w.Journal.Change(t.Context(), w.ServerID, intended.ID)
	if err != nil || c.State != api.ChangeUndone {
		t.Errorf("the journal says %+v, %v", c, err)
	}
}

// TestUndoThatIsStoredAllTheSame: an undo that was stored with a warning counts.
func TestUndoThatIsStoredAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialKey)
	noah := w.account(t, "noah")
	removed, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: noah.Identities[0], UserID: noah.ID}},
	}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	w.Plugin = meddled{w.Plugin}
	if change, err := w.Undo(t.Context(), removed[0].ID); !api.IsCode(err, api.CodeConfigChanged) || change.State != api.ChangeConfirmed {
		t.Errorf("%v, %+v", err, change)
	}
	for _, c := range w.changes(t) {
		if c.ID == removed[0].ID && c.State != api.ChangeUndone {
			t.Errorf("what was undone is %s", c.State)
		}
	}
}
