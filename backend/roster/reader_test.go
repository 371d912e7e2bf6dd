package roster_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// counting counts the readings of all accounts.
type counting struct {
	*jellyfin.Client
	all int
}

func (c *counting) Users(ctx context.Context, counted func(int)) ([]api.User, error) {
	c.all++
	return c.Client.Users(ctx, counted)
}

// reader reads a demo world with one credential.
func reader(t *testing.T, flavour api.Flavour, as api.CredentialKind) (*demo.World, *roster.Reader, *counting) {
	t.Helper()
	return readerOf(t, demo.Options{Flavour: flavour}, as)
}

func readerOf(t *testing.T, o demo.Options, as api.CredentialKind) (*demo.World, *roster.Reader, *counting) {
	t.Helper()
	w, err := demo.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	connect := func(credential secret.Value) *jellyfin.Client {
		c, err := jellyfin.New(jellyfin.Options{URL: w.URL(), DeviceID: "roster-test", Version: "test", Credential: credential})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	credential := w.APIKey()
	if as != api.CredentialKey {
		name, password := w.User()
		if as == api.CredentialAdmin {
			name, password = w.Admin()
		}
		in, err := connect(secret.Value{}).SignIn(t.Context(), name, password)
		if err != nil {
			t.Fatal(err)
		}
		credential = in.Token
	}
	client := connect(credential)
	kind, self, err := client.Identify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := ssoplugin.Detect(t.Context(), client, kind, self)
	if err != nil {
		t.Fatal(err)
	}
	users := &counting{Client: client}
	return w, &roster.Reader{Users: users, Links: plugin, Now: time.Now}, users
}

func TestReaderReadsEverybody(t *testing.T) {
	t.Parallel()
	for _, o := range []demo.Options{
		{Flavour: api.Flavour9p4},
		{Flavour: api.FlavourK0lin},
		{Flavour: api.FlavourFlowfin},
		{Flavour: api.Flavour9p4, Jellyfin: server.Jellyfin12},
		{Flavour: api.FlavourK0lin, Jellyfin: server.Jellyfin12},
		{Flavour: api.FlavourFlowfin, Jellyfin: server.Jellyfin12},
	} {
		_, reader, _ := readerOf(t, o, api.CredentialKey)
		var last api.Progress
		r, err := reader.Read(t.Context(), func(p api.Progress) { last = p })
		if err != nil {
			t.Fatal(err)
		}
		exist := 0
		for _, a := range r.Accounts {
			if a.Exists {
				exist++
			}
		}
		if r.Own || len(r.Providers) == 0 || last.Step != "reading-roster" || exist == 0 || exist == len(r.Accounts) {
			t.Errorf("%s %s: own %t, %d providers, %d accounts and %d orphans, told %+v", o.Flavour, o.Jellyfin, r.Own, len(r.Providers), exist,
				len(r.Accounts)-exist, last)
		}
	}
}

func TestReaderReadsAPlainUserAlone(t *testing.T) {
	t.Parallel()
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
		_, reader, users := reader(t, flavour, api.CredentialUser)
		r, err := reader.Read(t.Context(), nil)
		if err != nil || !r.Own || len(r.Accounts) != 1 || r.Accounts[0].Name != demo.UserName || users.all != 0 {
			t.Errorf("%s: %+v, %v; all accounts were read %d times", flavour, r.Accounts, err, users.all)
		}
		if again, err := reader.Reread(t.Context(), r, r.Accounts[0].ID); err != nil || !again.Own || len(again.Accounts) != 1 {
			t.Errorf("%s: again %+v, %v", flavour, again.Accounts, err)
		}
	}
}

// nobody is a plugin that shows no links.
type nobody struct{ roster.Links }

func (nobody) Capabilities() api.Capabilities {
	return api.Capabilities{ReadRoster: api.Ability{Why: "nobody"}}
}

func TestReaderWithoutAnythingToRead(t *testing.T) {
	t.Parallel()
	reader := roster.Reader{Links: nobody{}, Now: time.Now}
	if _, err := reader.Read(t.Context(), nil); !api.IsCode(err, api.CodeForbidden) || !strings.Contains(err.Error(), "(nobody)") {
		t.Errorf("got %v", err)
	}
}

// TestRereadSeesWhatDecidesAboutALink without reading all accounts, unless a link opens an account that is new.
func TestRereadSeesWhatDecidesAboutALink(t *testing.T) {
	t.Parallel()
	id := api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "another"}
	for name, c := range map[string]struct {
		change func(t *testing.T, w *demo.World, noah, priya api.Account)
		exists bool // noah's account, afterwards
		owner  string
		all    int // readings of all accounts
	}{
		"nothing": {exists: true},
		"a link": {
			change: func(_ *testing.T, w *demo.World, noah, _ api.Account) {
				w.Server().AddLink(api.Link{Identity: id, UserID: noah.ID})
			},
			exists: true, owner: "noah",
		},
		"somebody else's link": {
			change: func(_ *testing.T, w *demo.World, _, priya api.Account) {
				w.Server().AddLink(api.Link{Identity: id, UserID: priya.ID})
			},
			exists: true, owner: "priya",
		},
		"a deleted account": {change: func(_ *testing.T, w *demo.World, noah, _ api.Account) { w.Server().DeleteUser(noah.ID) }},
		"a new account's link": {
			change: func(_ *testing.T, w *demo.World, _, _ api.Account) {
				w.Server().AddLink(api.Link{Identity: id, UserID: w.Server().AddUser(server.UserSpec{Name: "new"})})
			},
			exists: true, owner: "new", all: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, reader, users := reader(t, api.FlavourK0lin, api.CredentialKey)
			before, err := reader.Read(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			named := func(name string) api.Account {
				i := slices.IndexFunc(before.Accounts, func(a api.Account) bool { return a.Name == name })
				return before.Accounts[i]
			}
			noah := named("noah")
			if c.change != nil {
				c.change(t, w, noah, named("priya"))
			}
			users.all = 0
			after, err := reader.Reread(t.Context(), before, noah.ID)
			if err != nil {
				t.Fatal(err)
			}
			if a := roster.Account(after, noah.ID); (a != nil && a.Exists) != c.exists {
				t.Errorf("the account: %+v", a)
			}
			owner := ""
			if a := roster.Owner(after, id); a != nil {
				owner = a.Name
			}
			if owner != c.owner || users.all != c.all {
				t.Errorf("the identity opens %q, want %q; all accounts were read %d times, want %d", owner, c.owner, users.all, c.all)
			}
			fresh, err := reader.Read(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			byID := func(r api.Roster) map[string]api.Account {
				m := map[string]api.Account{}
				for _, a := range r.Accounts {
					a.LastActivity = time.Time{}
					m[a.ID] = a
				}
				return m
			}
			if diff := cmp.Diff(byID(fresh), byID(after)); diff != "" {
				t.Errorf("differs from a whole reading (-whole +again):\n%s", diff)
			}
		})
	}
}

// A version of the plugin without a list of all links.
func earlier(users int) demo.Options {
	return demo.Options{Flavour: api.FlavourFlowfin, PluginVersion: server.Flowfin421, Users: users}
}

func TestStreamShowsAccountsAsTheyCome(t *testing.T) {
	t.Parallel()
	w, reader, _ := readerOf(t, earlier(200), api.CredentialAdmin)
	linked := map[string]int{}
	for _, a := range w.Accounts() {
		linked[a.ID] = len(a.Identities)
	}
	// readOf checks what is said of each account, and counts those whose links were read.
	readOf := func(r api.Roster) (read int) {
		for _, a := range r.Accounts {
			want := 0
			if !a.Unread {
				want = linked[a.ID]
				read++
			}
			if !a.Exists || len(a.Identities) != want || a.Unread && (a.AtRisk || roster.Matches(&a, api.FilterUnlinked)) {
				t.Errorf("%s, unread %t, is shown with %d identities of %d", a.Name, a.Unread, len(a.Identities), want)
			}
		}
		return read
	}
	var shown, accounts []int
	last := 0
	r, err := reader.Stream(t.Context(), func(p api.Progress) {
		if p.Step == "reading-links" {
			if p.Done != last+1 || p.Total != 200 {
				t.Errorf("progress %d of %d after %d", p.Done, p.Total, last)
			}
			last = p.Done
		}
	}, func(r api.Roster) {
		shown, accounts = append(shown, readOf(r)), append(accounts, len(r.Accounts))
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := readOf(r); n != 200 || last != 200 {
		t.Errorf("%d accounts were read, progress to %d", n, last)
	}
	if diff := cmp.Diff([]int{0, 40, 80, 160}, shown); diff != "" {
		t.Errorf("accounts read when shown (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{200, 200, 200, 200}, accounts); diff != "" {
		t.Errorf("accounts shown (-want +got):\n%s", diff)
	}
}

func TestRereadByAccount(t *testing.T) {
	t.Parallel()
	w, reader, users := readerOf(t, earlier(0), api.CredentialAdmin)
	before, err := reader.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var from, to api.Account
	for _, a := range before.Accounts {
		switch {
		case len(a.Identities) > 0 && from.ID == "":
			from = a
		case len(a.Identities) == 0:
			to = a
		}
	}
	moved := from.Identities[0]
	w.Server().AddLink(api.Link{Identity: moved, UserID: to.ID})
	read := users.all
	after, err := reader.Reread(t.Context(), before, to.ID)
	if err != nil {
		t.Fatal(err)
	}
	if owner := roster.Owner(after, moved); owner == nil || owner.ID != to.ID || users.all != read {
		t.Errorf("%v is owned by %+v, accounts read %d times", moved, owner, users.all-read)
	}
	if len(after.Accounts) != len(before.Accounts) {
		t.Errorf("%d accounts, before %d", len(after.Accounts), len(before.Accounts))
	}
}

func TestNothingIsShownWhereLinksCannotBeRead(t *testing.T) {
	t.Parallel()
	_, reader, _ := readerOf(t, earlier(0), api.CredentialKey)
	r, err := reader.Stream(t.Context(), nil, func(r api.Roster) { t.Errorf("shown: %d accounts", len(r.Accounts)) })
	if !api.IsCode(err, api.CodeForbidden) || r.Accounts != nil {
		t.Errorf("%d accounts, %v", len(r.Accounts), err)
	}
}

// using is the plugin with one link that was used.
type using struct {
	roster.Links
	at api.Use
}

func (u using) Read(ctx context.Context) (ssoplugin.Snapshot, error) {
	snap, err := u.Links.Read(ctx)
	snap.Uses = []api.Use{u.at, {Identity: api.Identity{Name: "nobody's"}, At: u.at.At}}
	return snap, err
}

func TestUsesAreOfTheirAccounts(t *testing.T) {
	t.Parallel()
	w, reader, _ := readerOf(t, demo.Options{Flavour: api.FlavourFlowfin}, api.CredentialKey)
	var owner api.Account
	for _, a := range w.Accounts() {
		if a.Exists && len(a.Identities) > 1 {
			owner = a
		}
	}
	want := api.Use{Identity: owner.Identities[1], At: time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)}
	reader.Links = using{reader.Links, want}
	r, err := reader.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range r.Accounts {
		for _, id := range a.Identities {
			if got := a.LastUse(id); got.IsZero() == (a.ID == owner.ID && id == want.Identity) {
				t.Errorf("%s of %s: %v", id.Name, a.Name, got)
			}
		}
	}
}
