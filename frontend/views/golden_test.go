package views_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/words"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
	"github.com/jellybind/jellybind/frontend/views"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

var now = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)

const hostile = "<img src=x onerror=alert(1)>\u202Egnp.exe\n"

func fresh(settings api.Settings) *state.State {
	s := state.New(now)
	language := words.Choose(settings.Language)
	s.Update(state.Booted{Boot: api.Bootstrap{
		Language: language, Words: words.Lines(language), Version: "0.1.0", OS: "linux", Locale: "en-GB", Settings: settings,
		DemoFlavours: []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin},
	}})
	s.Update(state.KeyringChecked{Keyring: api.Keyring{OK: true}})
	s.Update(state.Found{})
	return s
}

func accounts() api.RosterPage {
	return api.RosterPage{
		Rows: []api.RosterRow{
			{Account: api.Account{
				User: api.User{
					ID:            "01",
					Name:          "Ada Lovelace",
					Administrator: true,
					HasPassword:   true,
					LastActivity:  now.Add(-3 * time.Hour),
					AuthProvider:  "Jellyfin.Plugin.SSO_Auth.Api.SSOController",
				},
				Exists: true,
				Identities: []api.Identity{
					{
						Protocol: api.OIDC,
						Provider: "authelia",
						Name:     "ada",
					},
					{Protocol: api.SAML, Provider: "keycloak", Name: "ada@example.org"},
					{Protocol: api.OIDC, Provider: "google", Name: "10841"},
				},
			}},
			{Account: api.Account{User: api.User{ID: "02", Name: "bob"}, Exists: true, AtRisk: true}, Changed: true},
			{Account: api.Account{
				User: api.User{ID: "03", Name: hostile, Disabled: true}, Exists: true,
				Identities: []api.Identity{{Protocol: api.OIDC, Provider: hostile, Name: hostile}},
			}},
			{
				Account: api.Account{
					User:       api.User{ID: "04"},
					Identities: []api.Identity{{Protocol: api.OIDC, Provider: "authelia", Name: "left"}},
				},
			},
		},
		Total: 4,
		Taken: now.Add(-2 * time.Minute),
		Counts: api.RosterCounts{
			All:           4,
			Linked:        3,
			Unlinked:      1,
			Several:       1,
			Orphan:        1,
			AtRisk:        1,
			Disabled:      1,
			Administrator: 1,
			Identities:    5,
		},
	}
}

var can = api.Capabilities{
	Flavour:         api.Flavour9p4,
	Adopts:          true,
	DefaultClaim:    "preferred_username",
	PageSignsIn:     true,
	Credential:      api.CredentialAdmin,
	ReadRoster:      api.Ability{OK: true},
	PostLink:        api.Ability{OK: true},
	DeleteLink:      api.Ability{OK: true},
	WriteConfig:     api.Ability{OK: true},
	Unregister:      api.Ability{OK: true},
	UnregisterDrops: true,
	UnregisterKept:  true,
}

func opened(settings api.Settings, demo bool) *state.State {
	s := fresh(settings)
	session := api.Session{Profile: api.Profile{Name: "Home", URL: "https://jf.example", Demo: demo}, Capabilities: can}
	if demo {
		session.DemoPeople = []string{"ada", "bob"}
	}
	for _, c := range s.Update(state.Connected{Session: session}) {
		if page, ok := c.(state.CallPage); ok {
			s.Update(state.PageLoaded{Generation: page.Generation, Rows: accounts()})
		}
	}
	s.Update(state.ProvidersLoaded{List: []api.ProviderDetail{
		{
			Provider: api.Provider{
				Protocol:  api.OIDC,
				Name:      "authelia",
				Known:     true,
				Enabled:   true,
				Endpoint:  "https://auth.example/x",
				ClientID:  "jf",
				Scopes:    []string{"openid"},
				NameClaim: "preferred_username",
				Links:     2,
			},
			AppRedirects: []string{
				"http://127.0.0.1:8787/sso/OID/redirect/authelia",
			},
			ServerRedirects: []string{"https://jf.example/sso/OID/redirect/authelia"},
			Relay:           api.Ability{OK: true},
		},
		{
			Provider: api.Provider{Protocol: api.SAML, Name: "keycloak", Known: true, Enabled: true, AutoAdopt: true, Links: 1},
			Relay:    api.Ability{Why: api.WhyOverrideHTTPS},
		},
	}})
	return s
}

func after(s *state.State, msgs ...state.Msg) *state.State {
	for _, m := range msgs {
		s.Update(m)
	}
	return s
}

// stored adds two servers, of which the first is open.
func stored(s *state.State) *state.State {
	s.Boot.Profiles = []api.Profile{
		{Name: "Home", URL: "https://jf.example", Credential: api.CredentialAdmin},
		{Name: hostile, URL: "https://other.example", Credential: api.CredentialKey},
	}
	return s
}

var german = api.Settings{Language: "de"}

// cases are the states that are compared, by the names of their files.
func cases() map[string]func() *state.State {
	all := map[string]func() *state.State{}
	for _, screen := range []map[string]func() *state.State{
		connectCases, rosterCases, accountCases, linkCases, deviceCases, noWayCases, providersCases, historyCases, ownCases, settingsCases, dialogsCases,
	} {
		maps.Copy(all, screen)
	}
	return all
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, build := range cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := views.Window(build())
			inspect(t, tree)
			got := dom.HTML(tree)
			path := filepath.Join("testdata", "golden", name+".html")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf(
					"differs from %s (go test ./frontend/views -update writes it again): %s",
					path,
					firstDifference(got, string(want)),
				)
			}
		})
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "\n got " + a[i] + "\nwant " + b[i]
		}
	}
	return "one is longer"
}

// inspect checks what holds for every tree: no text without a translation, nothing that the page's policy forbids, no
// hidden character of a stranger's name, no double id, and a name for every button.
func inspect(t *testing.T, tree *dom.Node) {
	t.Helper()
	ids := map[string]bool{}
	var walk func(n *dom.Node, hidden bool)
	walk = func(n *dom.Node, hidden bool) {
		bad := func(s string) {
			if strings.ContainsAny(s, "\u202e\n‹›") && n.Tag != "pre" {
				t.Errorf("%q is shown", s)
			}
		}
		if n.Tag == "" {
			bad(n.Text)
			return
		}
		named := false
		for _, a := range n.Attrs {
			if a.Prop {
				continue
			}
			if strings.HasPrefix(a.Name, "on") || a.Name == "style" || a.Name == "href" && !strings.HasPrefix(a.Value, "#") {
				t.Errorf("<%s> has %s=%q", n.Tag, a.Name, a.Value)
			}
			if a.Name == "title" || strings.HasPrefix(a.Name, "aria-") {
				bad(a.Value)
			}
			if a.Name == "aria-label" && a.Value != "" {
				named = true
			}
			if a.Name == "id" {
				if ids[a.Value] {
					t.Errorf("id %q appears twice", a.Value)
				}
				ids[a.Value] = true
			}
		}
		if n.Tag == "button" && !named && strings.TrimSpace(textOf(n)) == "" {
			t.Errorf("a button has no name: %s", dom.HTML(n))
		}
		for _, k := range n.Kids {
			walk(k, hidden)
		}
	}
	walk(tree, false)
}

func textOf(n *dom.Node) string {
	all := []string{n.Text}
	for _, k := range n.Kids {
		all = append(all, textOf(k))
	}
	return strings.Join(all, "")
}

func BenchmarkWindow(b *testing.B) {
	s := opened(api.Settings{}, false)
	tree := dom.NewTree()
	for b.Loop() {
		tree.Replace(views.Window(s))
	}
}

// TestOnlyWhatIsUndoableIsOfferedToUndo: the backend says which changes are.
func TestOnlyWhatIsUndoableIsOfferedToUndo(t *testing.T) {
	t.Parallel()
	for _, undoable := range []bool{false, true} {
		s := after(opened(api.Settings{}, false), state.Go{Screen: state.ScreenHistory}, state.ChangesLoaded{List: []api.Change{{
			ID: "1", Kind: api.ChangeLink, State: api.ChangeConfirmed, UserID: "u", UserName: "ada", Undoable: undoable,
		}}})
		if got := strings.Contains(dom.HTML(views.Window(s)), `"#i-undo"`); got != undoable {
			t.Errorf("undoable %t: offered %t", undoable, got)
		}
	}
}
