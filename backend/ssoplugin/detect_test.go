package ssoplugin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// installation is a plugin as it answers the questions of a detection.
type installation struct {
	name, version, status string
	states                string // the answer of OID/States; empty where there is no such route
	oidc                  string // the settings of its OIDC provider; empty where there is no provider
	// Routes that only Flowfin has.
	ssoOnly, roster, preprovision bool
}

const (
	ninep4Settings = `"OidEndpoint":"","OidClientId":"","OidSecret":"","Enabled":true,"RoleClaim":"","CanonicalLinks":{},"NewPath":true`
	k0linSettings  = ninep4Settings + `,"PreserveAdminPermissions":false,"OverrideDefaultScopes":false`
	flowfinConfig  = `"OidEndpoint":"","OidSecret":null,"Enabled":true,"AllowExistingAccountLink":false,"RequirePkce":false`
)

var installations = map[string]installation{
	"9p4 3.5.2.4":   {name: "SSO-Auth", version: "3.5.2.4", states: `{}`, oidc: strings.Replace(ninep4Settings, `"RoleClaim"`, `"DefaultProvider"`, 1)},
	"9p4 4.0.0.4":   {name: "SSO-Auth", version: "4.0.0.4", states: `{}`, oidc: ninep4Settings},
	"K0lin 5.0.0.0": {name: "SSO-Auth", version: "5.0.0.0", states: `{"s":{"Valid":false}}`, oidc: k0linSettings},
	"K0lin, later":  {name: "SSO-Auth", version: "5.3.0.0", states: `{}`, oidc: k0linSettings + `,"SomethingNew":1`},
	"Flowfin 4.1.0": {name: "SSO-Auth", version: "4.1.0.0", states: `[]`, oidc: flowfinConfig, ssoOnly: true},
	"Flowfin 4.3.0-beta.34": {
		name: "Community SSO for Jellyfin", version: "4.3.0.0", states: `[]`, oidc: flowfinConfig, ssoOnly: true, roster: true,
	},
	"Flowfin 4.3.0": {
		name: "Community SSO for Jellyfin", version: "4.3.0.0", states: `[{"Valid":false}]`, oidc: flowfinConfig, ssoOnly: true,
		roster: true, preprovision: true,
	},
	"fork by subject": {
		name: "SSO-Auth", version: "5.0.0.0", oidc: ninep4Settings + `,"EnableUnverifiedLinking":false,"AllowAvatarLocalNetwork":false`,
	},
	"fork by subject, with states": {
		name: "SSO-Auth", version: "5.1.0.0", states: `{}`, oidc: ninep4Settings + `,"EnableUnverifiedLinking":false`,
	},
	"unknown, links in its settings": {name: "SSO-Auth", version: "6.0.0.0", states: `{}`, oidc: ninep4Settings + `,"Strange":1`},
	"unknown, with a roster":         {name: "SSO 2", version: "1", oidc: `"Strange":1`, roster: true, preprovision: true},
	"unknown, with nothing":          {name: "SSO 2", version: "1", oidc: `"Strange":1`},
	"unknown, states of no form":     {name: "SSO 2", version: "1", states: `"x"`, oidc: ninep4Settings + `,"Strange":1`},
	"no provider yet, object":        {name: "SSO-Auth", version: "5.0.0.0", states: `{}`},
	"no provider yet, array":         {name: "SSO-Auth", version: "4.2.1.0", states: `[]`, ssoOnly: true},
	"no provider yet, no states":     {name: "SSO-Auth", version: "5.0.0.0"},
}

// ServeHTTP answers as the recordings do: a route that is there is 401 for nobody and 403 for a plain user.
func (i installation) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	provider := `{}`
	if i.oidc != "" {
		provider = `{"idp":{` + i.oidc + `}}`
	}
	token := tokenValue.FindStringSubmatch(req.Header.Get("Authorization"))
	refused := func() bool {
		if token == nil {
			w.WriteHeader(http.StatusUnauthorized)
		} else if token[1] == "user" {
			w.WriteHeader(http.StatusForbidden)
		}
		return token == nil || token[1] == "user"
	}
	path := req.URL.Path
	switch {
	case path == "/sso/OID/GetNames":
		fmt.Fprint(w, `["idp"]`)
		return
	case path == "/sso/OID/States" && i.states == "", path == "/sso/SSO-Only/Status" && !i.ssoOnly,
		path == "/sso/Links/Roster" && !i.roster, strings.HasPrefix(path, "/sso/Links/Preprovision/") && !i.preprovision:
		w.WriteHeader(http.StatusNotFound)
		return
	case refused():
		return
	}
	switch path {
	case "/sso/SSO-Only/Status":
		fmt.Fprint(w, `{"DisablePasswordLogin":false,"GuardSatisfied":false}`)
	case "/Plugins":
		status := i.status
		if status == "" {
			status = "Active"
		}
		fmt.Fprintf(w, `[{"Id":%q,"Name":%q,"Version":%q,"Status":%q}]`, ssoplugin.GUID, i.name, i.version, status)
	case "/sso/OID/Get":
		fmt.Fprint(w, provider)
	case "/sso/SAML/Get":
		fmt.Fprint(w, `{}`)
	case "/sso/OID/States":
		fmt.Fprint(w, i.states)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// inFront detects the plugin of a server: an installation answers until its flavour is known, and next from then on.
func (i installation) inFront(t *testing.T, next http.Handler, base string, kind api.CredentialKind) *ssoplugin.Plugin {
	t.Helper()
	var known atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if known.Load() {
			next.ServeHTTP(w, req)
			return
		}
		http.StripPrefix(base, i).ServeHTTP(w, req)
	}))
	t.Cleanup(srv.Close)
	p, err := ssoplugin.Detect(t.Context(), newClient(t, srv.URL+base, tokens[kind]), kind, self(kind))
	if err != nil {
		t.Fatal(err)
	}
	known.Store(true)
	return p
}

// current is the newest version of each flavour that was recorded.
func current(flavour api.Flavour) installation {
	return installations[map[api.Flavour]string{
		api.Flavour9p4: "9p4 4.0.0.4", api.FlavourK0lin: "K0lin 5.0.0.0", api.FlavourFlowfin: "Flowfin 4.3.0",
	}[flavour]]
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	words := strings.Fields
	const (
		all9p4     = "ReadRoster ReadOwn ReadConfig NameBeforeWrite PostLink PostLinkOwn DeleteLink DeleteLinkOwn WriteConfig Unregister"
		key9p4     = "ReadRoster ReadConfig NameBeforeWrite WriteConfig Unregister"
		allFlowfin = "ReadRoster ReadOwn ReadConfig PostLink PostLinkOwn DeleteLink DeleteLinkOwn Preprovision Unregister"
		keyFlowfin = "ReadRoster ReadConfig Preprovision Unregister"
		ownLinks   = "ReadOwn PostLinkOwn DeleteLinkOwn"
	)
	without := func(list string, names ...string) []string {
		return slices.DeleteFunc(words(list), func(s string) bool { return slices.Contains(names, s) })
	}
	classic := []api.Flavour{api.Flavour9p4, api.FlavourK0lin}
	// Each row: what an administrator, an API key and a plain user can do, and what remarks there are.
	type row struct {
		flavour    api.Flavour
		admin, key []string
		mayBe      []api.Flavour
		remarks    string
		plain      api.Flavour
		plainMayBe []api.Flavour
		byAccount  bool
	}
	classicRow := func(f api.Flavour) row {
		return row{flavour: f, admin: words(all9p4), key: words(key9p4), plain: api.Flavour9p4, plainMayBe: classic}
	}
	unsure := classicRow(api.Flavour9p4)
	unsure.mayBe = classic
	fork := row{
		flavour: api.FlavourBySubject, admin: without(all9p4, "NameBeforeWrite"), key: without(key9p4, "NameBeforeWrite"),
		plain: api.FlavourBySubject,
	}
	forkWithStates := fork
	forkWithStates.plain, forkWithStates.plainMayBe = api.Flavour9p4, classic
	beta33 := row{
		flavour: api.FlavourFlowfin, admin: without(allFlowfin, "Preprovision"), key: words("ReadConfig Unregister"),
		remarks: "version-roster 4.3.0-beta.34, version-preprovision 4.3.0-beta.40", plain: api.FlavourFlowfin, byAccount: true,
	}
	strange := row{
		flavour: api.FlavourUnknown, admin: words("ReadRoster ReadOwn ReadConfig DeleteLink DeleteLinkOwn WriteConfig"),
		key: words("ReadRoster ReadConfig WriteConfig"), remarks: "plugin-fork", plain: api.Flavour9p4, plainMayBe: classic,
	}
	strangeRoster := strange
	strangeRoster.admin = words("ReadRoster ReadOwn ReadConfig DeleteLink DeleteLinkOwn Preprovision")
	strangeRoster.key = words("ReadRoster ReadConfig Preprovision")
	strangeRoster.plain, strangeRoster.plainMayBe = api.FlavourUnknown, nil
	bare := strange
	bare.admin, bare.key = words("ReadRoster ReadOwn ReadConfig DeleteLink DeleteLinkOwn"), words("ReadConfig")
	bare.plain, bare.plainMayBe, bare.byAccount = api.FlavourBySubject, nil, true
	for name, want := range map[string]row{
		"9p4 3.5.2.4": classicRow(api.Flavour9p4), "9p4 4.0.0.4": classicRow(api.Flavour9p4),
		"K0lin 5.0.0.0": classicRow(api.FlavourK0lin), "K0lin, later": classicRow(api.FlavourK0lin),
		"Flowfin 4.1.0": beta33,
		"Flowfin 4.3.0-beta.34": {
			flavour: api.FlavourFlowfin, admin: without(allFlowfin, "Preprovision"), key: words("ReadRoster ReadConfig Unregister"),
			remarks: "version-preprovision 4.3.0-beta.40", plain: api.FlavourFlowfin,
		},
		"Flowfin 4.3.0":   {flavour: api.FlavourFlowfin, admin: words(allFlowfin), key: words(keyFlowfin), plain: api.FlavourFlowfin},
		"fork by subject": fork, "fork by subject, with states": forkWithStates,
		"unknown, links in its settings": strange, "unknown, with a roster": strangeRoster, "unknown, with nothing": bare,
		"unknown, states of no form": strange,
		"no provider yet, object":    unsure, "no provider yet, array": beta33, "no provider yet, no states": fork,
	} {
		for _, kind := range everybody {
			t.Run(fmt.Sprintf("%s/%s", name, kind), func(t *testing.T) {
				t.Parallel()
				caps := installations[name].inFront(t, http.NotFoundHandler(), "", kind).Capabilities()
				flavour, abilities, mayBe := want.flavour, want.admin, want.mayBe
				switch kind {
				case api.CredentialKey:
					abilities = want.key
				case api.CredentialUser:
					flavour, abilities, mayBe = want.plain, words(ownLinks), want.plainMayBe
				case api.CredentialAdmin, api.CredentialNone:
				}
				if diff := cmp.Diff(abilities, can(caps)); diff != "" || caps.Flavour != flavour || !slices.Equal(caps.MayBe, mayBe) {
					t.Errorf("%s %v\n%s", caps.Flavour, caps.MayBe, diff)
				}
				if version := installations[name].version; kind != api.CredentialUser && caps.Version != version {
					t.Errorf("version %q", caps.Version)
				}
				if byAccount := want.byAccount && kind == api.CredentialAdmin; caps.RosterByAccount != byAccount {
					t.Errorf("by account: %v", caps.RosterByAccount)
				}
				if got := remarks(caps); kind != api.CredentialUser && got != want.remarks {
					t.Errorf("remarks %q, want %q", got, want.remarks)
				}
			})
		}
	}
}

// remarks lists the reasons of the remarks, and the versions that can do better.
func remarks(caps api.Capabilities) string {
	var all []string
	for _, r := range caps.Remarks {
		all = append(all, strings.TrimSpace(string(r.Why)+" "+r.Params["since"]))
	}
	return strings.Join(all, ", ")
}

// A detection changes nothing, leaves no stack trace in the server's log, and takes no credential to where it is not needed.
func TestDetectionIsQuiet(t *testing.T) {
	t.Parallel()
	for _, kind := range everybody {
		var mu sync.Mutex
		var sent []string
		plugin := installations["Flowfin 4.3.0"]
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			token := tokenValue.MatchString(req.Header.Get("Authorization"))
			sent = append(sent, fmt.Sprintf("%s %s %v", req.Method, req.URL.Path, token))
			plugin.ServeHTTP(w, req)
		}))
		t.Cleanup(srv.Close)
		if _, err := ssoplugin.Detect(t.Context(), newClient(t, srv.URL, tokens[kind]), kind, self(kind)); err != nil {
			t.Fatal(err)
		}
		const preprovision = "POST /sso/Links/Preprovision/oid/-/00000000000000000000000000000000 false"
		want := []string{
			"GET /Plugins true", "GET /sso/Links/Roster false", "GET /sso/OID/Get true", "GET /sso/OID/States true",
			"GET /sso/SAML/Get true", "GET /sso/SSO-Only/Status true", preprovision,
		}
		if kind == api.CredentialUser {
			want = []string{
				"GET /sso/Links/Roster false", "GET /sso/OID/GetNames false", "GET /sso/OID/States false",
				"GET /sso/SSO-Only/Status false", preprovision,
			}
		}
		slices.Sort(sent)
		if diff := cmp.Diff(want, sent); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

// Without a list of all links, each account's links are reported as they arrive, and reading stops when it is cancelled.
func TestReadEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, demo.Options{Flavour: api.FlavourFlowfin, PluginVersion: server.Flowfin421})
	pt := join(t, w, api.CredentialAdmin, w.URL())
	ids := []string{w.Accounts()[0].ID, w.Accounts()[1].ID, w.Accounts()[2].ID}
	told := map[string][]api.Link{}
	snap, err := pt.ReadEach(t.Context(), ids, func(user string, links []api.Link) {
		if _, twice := told[user]; twice {
			t.Errorf("%s was told twice", user)
		}
		told[user] = links
	})
	if err != nil || len(told) != len(ids) {
		t.Fatalf("%d accounts told, %v", len(told), err)
	}
	want := map[api.Link]bool{}
	for _, a := range w.Accounts()[:3] {
		if len(told[a.ID]) != len(a.Identities) {
			t.Errorf("%s: told %v, has %v", a.Name, told[a.ID], a.Identities)
		}
		for _, id := range a.Identities {
			want[api.Link{Identity: id, UserID: a.ID}] = true
		}
	}
	for _, l := range snap.Links {
		if !want[l] {
			t.Errorf("nobody has %v", l)
		}
	}
	if len(snap.Links) != len(want) || len(want) == 0 {
		t.Errorf("%d links, want %d", len(snap.Links), len(want))
	}
	// Reading only the providers needs no request per account.
	providers, err := pt.Providers(t.Context())
	if err != nil || len(providers) == 0 {
		t.Fatalf("%d providers, %v", len(providers), err)
	}
	for _, p := range providers {
		if !p.LinksUnknown || !p.Known {
			t.Errorf("%+v", p)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := 0
	_, err = pt.ReadEach(ctx, nil, func(string, []api.Link) {
		seen++
		cancel()
	})
	if !api.IsCode(err, api.CodeCancelled) || seen > 8 {
		t.Errorf("cancelled after the first, %d accounts were told: %v", seen, err)
	}
}
