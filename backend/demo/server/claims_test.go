package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/server"
)

// named signs a person in with claims and returns the name that the link got; what refuses is named in angle brackets.
func (w *world) named(login string) string {
	w.t.Helper()
	l := w.start("/sso/OID/start/npm?isLinking=true")
	if status, body := w.callback(l, w.code(l, login)); status != http.StatusOK {
		return "<callback " + http.StatusText(status) + " " + string(body) + ">"
	}
	if status, _ := w.link("OID", "npm", "bob", l, l.state); status != http.StatusNoContent {
		return "<link " + http.StatusText(status) + ">"
	}
	links := w.links("oid", "npm", "bob")
	if len(links) != 1 {
		w.t.Fatalf("links %q", links)
	}
	return links[0]
}

// TestNames holds the names to what real servers made of the same settings and claims.
func TestNames(t *testing.T) {
	t.Parallel()
	claim := func(v any) map[string]any {
		return map[string]any{"preferred_username": v, "Nick": "nick", "nick": nil}
	}
	shared := startProviders(t, []idp.Person{
		{Login: "usual", Subject: "s", Email: "usual@home.example", Claims: map[string]any{"Nick": "nick"}},
		{Login: "true", Subject: "s-true", Claims: claim(true)},
		{Login: "number", Subject: "s-number", Claims: claim(json.RawMessage("1.50"))},
		{Login: "list", Subject: "s-list", Claims: claim([]any{"a", "b"})},
		{Login: "one", Subject: "s-one", Claims: claim([]any{"solo"})},
		{Login: "no one", Subject: "s-none", Claims: claim([]any{})},
		{Login: "object", Subject: "s-object", Claims: claim(map[string]any{"a": []any{1}})},
		{Login: "empty", Subject: "s-empty", Claims: claim("")},
		{Login: "absent", Subject: "s-absent", Claims: claim(nil)},
		{Login: "blanks", Subject: "s-blanks", Claims: claim(" a\t\u200bb ")},
	})
	classic := []api.Flavour{api.Flavour9p4, api.FlavourK0lin}
	for _, c := range []struct {
		login, want string
		config      map[string]any
		flavours    []api.Flavour
	}{
		{"usual", "usual", nil, classic},
		{"usual", "usual", map[string]any{"DefaultUsernameClaim": ""}, classic},
		{"usual", "s", map[string]any{"DefaultUsernameClaim": "  "}, classic[:1]},
		{"usual", "usual", map[string]any{"DefaultUsernameClaim": "  "}, classic[1:]},
		{"usual", "nick", map[string]any{"DefaultUsernameClaim": "Nick"}, classic},
		{"usual", "s", map[string]any{"DefaultUsernameClaim": "nick"}, classic},
		{"usual", "s", map[string]any{"DefaultUsernameClaim": "email"}, classic},
		{"usual", "usual@home.example", map[string]any{"DefaultUsernameClaim": "email", "OidScopes": []string{"email"}}, classic},
		{"usual", "s", map[string]any{"OverrideDefaultScopes": true, "OidScopes": []string{"openid"}}, classic[1:]},
		{"usual", "usual", map[string]any{"OverrideDefaultScopes": true, "OidScopes": []string{"openid"}}, classic[:1]},
		{"usual", "usual", map[string]any{"DoNotLoadProfile": true}, classic},
		{"true", "true", nil, classic},
		{"number", "1.50", nil, classic},
		{"list", "b", nil, classic},
		{"one", "solo", nil, classic},
		{"no one", "s-none", nil, classic},
		{"object", `{"a":[1]}`, nil, classic},
		{"empty", "<link Internal Server Error>", nil, classic},
		{"absent", "s-absent", nil, classic},
		{"blanks", " a\t\u200bb ", nil, classic},
		{"list", "s-list", nil, []api.Flavour{api.FlavourFlowfin}},
	} {
		for _, flavour := range c.flavours {
			w := newWorldAt(t, shared, flavour, nil)
			w.addOIDC("npm", c.config)
			if got := w.named(c.login); got != c.want {
				t.Errorf("%s, %s with %v: %q, want %q", flavour, c.login, c.config, got, c.want)
			}
		}
	}
}

// TestPushed starts sign-ins at providers that take pushed requests.
func TestPushed(t *testing.T) {
	t.Parallel()
	shared := startProvidersWith(t, people, nil, func(o *idp.OIDCOptions) { o.Pushed = idp.PushedRequired })
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorldAt(t, shared, flavour, nil)
			l := w.start("/sso/OID/start/npm?isLinking=true")
			u, err := url.Parse(l.location)
			if err != nil {
				t.Fatal(err)
			}
			if q := u.Query(); len(q) != 2 || q.Get("client_id") != "jellyfin" || !strings.HasPrefix(q.Get("request_uri"), "urn:") {
				t.Errorf("led to %s", l.location)
			}
			query := w.code(l, "ann")
			l.state = query.Get("state")
			if status, body := w.callback(l, query); status != http.StatusOK {
				t.Errorf("the callback: %d %s", status, body)
			}
			if status, body := w.link("OID", "npm", "bob", l, l.state); status != http.StatusNoContent {
				t.Errorf("linking: %d %s", status, body)
			}
			w.addOIDC("npm", map[string]any{"DisablePushedAuthorization": true})
			if plain := w.start("/sso/OID/start/npm?isLinking=true"); plain.state == "" {
				t.Errorf("switched off, it leads to %s", plain.location)
			}
			w.addOIDC("npm", map[string]any{"OidSecret": "wrong"})
			if status, _, _ := w.do(http.MethodGet, "/sso/OID/start/npm?isLinking=true", "", nil); status < 400 {
				t.Errorf("with a wrong secret it starts: %d", status)
			}
		})
	}
}

func TestAuthorizationParameters(t *testing.T) {
	t.Parallel()
	shared := startProviders(t, people)
	for _, c := range []struct {
		flavour api.Flavour
		config  map[string]any
		want    url.Values // nil where the start fails
	}{
		{
			api.FlavourK0lin,
			map[string]any{"OidAuthorizationParameters": `{"prompt":"login","max_age":5,"claims":{"a": 1}}`},
			url.Values{"prompt": {"login"}, "max_age": {"5"}, "claims": {`{"a":1}`}},
		},
		{api.FlavourK0lin, map[string]any{"OidAuthorizationParameters": " "}, url.Values{}},
		{api.FlavourK0lin, map[string]any{"OidAuthorizationParameters": `prompt=login`}, nil},
		{api.FlavourK0lin, map[string]any{"OidAuthorizationParameters": `{"State":"mine"}`}, nil},
		{api.FlavourK0lin, map[string]any{"OidAuthorizationParameters": `{"a b":"c"}`}, nil},
		{api.FlavourK0lin, map[string]any{"OidAuthorizationParameters": `{"a":{"b":1}}`}, nil},
		{api.FlavourK0lin, map[string]any{"OidAuthorizationParameters": `{"claims":"x"}`}, nil},
		{api.Flavour9p4, map[string]any{"OidAuthorizationParameters": `{"prompt":"login"}`}, url.Values{}},
		{
			api.FlavourFlowfin,
			map[string]any{"AcrValues": "urn:mfa", "Prompt": "login", "MaxAge": 0},
			url.Values{"acr_values": {"urn:mfa"}, "prompt": {"login"}, "max_age": {"0"}},
		},
	} {
		w := newWorldAt(t, shared, c.flavour, nil)
		w.addOIDC("npm", c.config)
		_, header, _ := w.do(http.MethodGet, "/sso/OID/start/npm", "", nil)
		u, err := url.Parse(header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if (q.Get("state") == "") != (c.want == nil) {
			t.Errorf("%v leads to %s", c.config, u)
		}
		for _, name := range []string{"prompt", "max_age", "claims", "acr_values"} {
			if !slices.Equal(q[name], c.want[name]) {
				t.Errorf("%v asks with %s=%q", c.config, name, q[name])
			}
		}
	}
}

// elsewhere serves a discovery document whose keys stand on another host.
type elsewhere struct{ http.RoundTripper }

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := e.RoundTripper.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, "openid-configuration") {
		return answer, err
	}
	defer func() { _ = answer.Body.Close() }()
	var metadata map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&metadata); err != nil {
		return nil, err
	}
	metadata["jwks_uri"] = "http://keys.example/"
	changed := httptest.NewRecorder()
	changed.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(changed).Encode(metadata)
	return changed.Result(), nil
}

func TestEndpointsElsewhere(t *testing.T) {
	t.Parallel()
	shared := startProviders(t, people)
	for _, flavour := range flavours {
		w := newWorldAt(t, shared, flavour, func(o *server.Options) {
			client := *o.HTTP
			client.Transport = elsewhere{client.Transport}
			o.HTTP = &client
		})
		for allowed, want := range map[bool]bool{false: false, true: true} {
			w.addOIDC("npm", map[string]any{"DoNotValidateEndpoints": allowed})
			if status, _, _ := w.do(http.MethodGet, "/sso/OID/start/npm", "", nil); (status == http.StatusFound) != want {
				t.Errorf("%s, allowed %t: the start answers %d", flavour, allowed, status)
			}
		}
	}
}

// TestRoles lets in who has a role, and gives what the roles bring.
func TestRoles(t *testing.T) {
	t.Parallel()
	shared := startProviders(t, []idp.Person{
		{Login: "boss", Subject: "s-boss", Claims: map[string]any{"groups": []string{"users", "admins", "tv"}}},
		{Login: "guest", Subject: "s-guest", Claims: map[string]any{"groups": []string{"guests"}}},
		{Login: "deep", Subject: "s-deep", Claims: map[string]any{"realm.x": map[string]any{"roles": []string{"users"}}}},
	})
	policy := func(w *world, id string) (p struct {
		IsAdministrator, EnableAllFolders, EnableLiveTvAccess, EnableLiveTvManagement bool
		EnabledFolders                                                                []string
	},
	) {
		_, _, body := w.do(http.MethodGet, "/Users/"+id, "", nil)
		var user struct{ Policy json.RawMessage }
		if json.Unmarshal(body, &user) != nil || json.Unmarshal(user.Policy, &p) != nil {
			t.Fatalf("the account is %s", body)
		}
		return p
	}
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin} {
		w := newWorldAt(t, shared, flavour, nil)
		config := map[string]any{
			"RoleClaim": "groups", "Roles": []string{"users"}, "AdminRoles": []string{"admins"}, "EnableAuthorization": true,
			"EnableLiveTvRoles": true, "LiveTvManagementRoles": []string{"tv"}, "EnableFolderRoles": true,
			"FolderRoleMapping": []map[string]any{{"Role": "users", "Folders": []string{"films"}}},
		}
		w.addOIDC("npm", config)
		if got := w.named("guest"); got != "<callback Unauthorized Error. Check permissions.>" {
			t.Errorf("%s: a guest is %s", flavour, got)
		}
		if got := w.named("boss"); got != "boss" {
			t.Errorf("%s: the boss is %s", flavour, got)
		}
		auth := func() {
			l := w.start("/sso/OID/start/npm")
			if status, body := w.callback(l, w.code(l, "boss")); status != http.StatusOK {
				t.Fatalf("the callback: %d %s", status, body)
			}
			body := `{"DeviceID":"d","DeviceName":"d","AppName":"a","AppVersion":"1","Data":"` + l.state + `"}`
			if status, _, body := w.do(http.MethodPost, "/sso/OID/Auth/npm", body, nil); status != http.StatusOK {
				t.Fatalf("signing in: %d %s", status, body)
			}
		}
		auth()
		if p := policy(w, w.ids["bob"]); !p.IsAdministrator || p.EnableAllFolders || p.EnableLiveTvAccess ||
			!p.EnableLiveTvManagement || !slices.Equal(p.EnabledFolders, []string{"films"}) {
			t.Errorf("%s: the boss may %+v", flavour, p)
		}
		config["AdminRoles"], config["PreserveAdminPermissions"] = []string{}, true
		w.addOIDC("npm", config)
		w.server.AddLink(api.Link{Identity: api.Identity{Protocol: api.OIDC, Provider: "npm", Name: "boss"}, UserID: w.ids["bob"]})
		auth()
		if p := policy(w, w.ids["bob"]); p.IsAdministrator != (flavour == api.FlavourK0lin) {
			t.Errorf("%s: without the role the boss may %+v", flavour, p)
		}
		w.addOIDC("npm", map[string]any{"RoleClaim": `realm\.x.roles`, "Roles": []string{"users"}})
		if got := w.named("deep"); got != "deep" {
			t.Errorf("%s: a role in an object: %s", flavour, got)
		}
	}
}
