package ssoplugin_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// everyPair runs a test for each recording with each kind of credential.
func everyPair(t *testing.T, kinds []api.CredentialKind, test func(*testing.T, *replay, *ssoplugin.Plugin, api.CredentialKind)) {
	t.Helper()
	for _, recording := range recordings {
		for _, kind := range kinds {
			t.Run(fmt.Sprintf("%s/%s", recording, kind), func(t *testing.T) {
				t.Parallel()
				r := newReplay(t, recording)
				test(t, r, r.plugin(kind), kind)
			})
		}
	}
}

var (
	everybody = []api.CredentialKind{api.CredentialAdmin, api.CredentialKey, api.CredentialUser}
	admins    = []api.CredentialKind{api.CredentialAdmin}
	elevated  = []api.CredentialKind{api.CredentialAdmin, api.CredentialKey}
)

func TestDetect(t *testing.T) {
	t.Parallel()
	versions := map[string]string{
		"9p4": "4.0.0.4", "K0lin": "5.0.0.0", "Flowfin": "4.3.0.0", "Flowfin-4.2.1": "4.2.1.0", "Flowfin-4.3.0-beta.34": "4.3.0.0",
	}
	everyPair(t, everybody, func(t *testing.T, r *replay, p *ssoplugin.Plugin, kind api.CredentialKind) {
		want := api.Capabilities{Flavour: flavourOf(r.recording), Version: versions[r.recording], Credential: kind}
		if kind == api.CredentialUser {
			want.Version = ""
			if want.Flavour == api.FlavourK0lin {
				want.Flavour = api.Flavour9p4 // the same to a plain user
			}
		}
		caps := p.Capabilities()
		if got := (api.Capabilities{Flavour: caps.Flavour, Version: caps.Version, Credential: caps.Credential}); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// can lists the names of the available abilities.
func can(caps api.Capabilities) []string {
	var names []string
	v := reflect.ValueOf(caps)
	for i := range v.NumField() {
		if a, ok := v.Field(i).Interface().(api.Ability); ok && a.OK {
			names = append(names, v.Type().Field(i).Name)
		}
	}
	return names
}

// restores reports whether links can be written without a sign-in.
func restores(p *ssoplugin.Plugin) bool {
	_, able := p.Capabilities().DirectWrite()
	return able.OK
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	words := strings.Fields
	want := map[string][]string{
		"9p4/administrator": words("ReadRoster ReadOwn ReadConfig NameBeforeWrite PostLink PostLinkOwn DeleteLink " +
			"DeleteLinkOwn WriteConfig Unregister"),
		"9p4/api-key": words("ReadRoster ReadConfig NameBeforeWrite WriteConfig Unregister"),
		"9p4/user":    words("ReadOwn PostLinkOwn DeleteLinkOwn"),
		"Flowfin/administrator": words("ReadRoster ReadOwn ReadConfig PostLink PostLinkOwn DeleteLink DeleteLinkOwn " +
			"Preprovision Unregister"),
		"Flowfin/api-key":               words("ReadRoster ReadConfig Preprovision Unregister"),
		"Flowfin-4.3.0-beta.34/api-key": words("ReadRoster ReadConfig Unregister"),
		"Flowfin-4.2.1/api-key":         words("ReadConfig Unregister"),
		"Flowfin/user":                  words("ReadOwn PostLinkOwn DeleteLinkOwn"),
	}
	for _, kind := range everybody {
		want["K0lin/"+string(kind)] = want["9p4/"+string(kind)]
	}
	for _, earlier := range []string{"Flowfin-4.2.1", "Flowfin-4.3.0-beta.34"} {
		want[earlier+"/user"] = want["Flowfin/user"]
		want[earlier+"/administrator"] = words("ReadRoster ReadOwn ReadConfig PostLink PostLinkOwn DeleteLink DeleteLinkOwn Unregister")
	}
	everyPair(t, everybody, func(t *testing.T, r *replay, p *ssoplugin.Plugin, kind api.CredentialKind) {
		caps := p.Capabilities()
		pair := r.recording + "/" + string(kind)
		if diff := cmp.Diff(want[pair], can(caps)); diff != "" {
			t.Error(diff)
		}
		v := reflect.ValueOf(caps)
		for i := range v.NumField() {
			a, ok := v.Field(i).Interface().(api.Ability)
			if ok && a.OK != (a.Why == "") {
				t.Errorf("%s: %+v", v.Type().Field(i).Name, a)
			}
		}
		flowfin := strings.HasPrefix(pair, "Flowfin")
		if caps.UnregisterDrops != flowfin || caps.StateOnce != flowfin {
			t.Errorf("%+v", caps)
		}
		for what, got := range map[string]bool{
			"adopts": caps.Adopts, "links in the configuration": caps.LinksInConfig, "readable secrets": caps.SecretsReadable,
			"a page that signs in": caps.PageSignsIn, "sessions that last": !caps.RemovalEndsSessions,
			"the user name as claim": caps.DefaultClaim == "preferred_username", "the subject as none": caps.DefaultClaim != "sub",
		} {
			if got == flowfin {
				t.Errorf("%s: %v", what, got)
			}
		}
		if alike := pair == "9p4/user" || pair == "K0lin/user"; alike != (len(caps.MayBe) == 2) {
			t.Errorf("it may be %v", caps.MayBe)
		}
		if kept := !strings.HasPrefix(pair, "9p4") && pair != "K0lin/user"; caps.UnregisterKept != kept {
			t.Errorf("Unregister outlives a restart: %v", caps.UnregisterKept)
		}
		if seconds := map[bool]int{false: 60, true: 900}[flowfin]; caps.PendingSeconds != seconds {
			t.Errorf("a pending sign-in lives %d s", caps.PendingSeconds)
		}
	})
}

func TestWithoutCredential(t *testing.T) {
	t.Parallel()
	everyPair(t, []api.CredentialKind{api.CredentialNone}, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		before := len(r.requests())
		if names := can(p.Capabilities()); names != nil {
			t.Errorf("nobody can %v", names)
		}
		ctx, link := t.Context(), api.Link{
			Identity: api.Identity{Protocol: api.OIDC, Provider: "npm", Name: "x"}, UserID: user("bob"),
		}
		_, readErr := p.Read(ctx)
		_, linksErr := p.UserLinks(ctx, user("bob"))
		_, nameErr := p.PendingName(ctx, secret.New("x"))
		for what, err := range map[string]error{
			"read": readErr, "links": linksErr, "name": nameErr, "delete": p.DeleteLink(ctx, link),
			"post":         p.PostLink(ctx, api.OIDC, "npm", user("bob"), secret.New("x"), nil),
			"preprovision": p.Preprovision(ctx, link), "unregister": p.Unregister(ctx, "bob", "x"),
			"config": p.WriteConfig(ctx, api.OIDC, "npm", func(map[string]string) error { return nil }),
		} {
			if !api.IsCode(err, api.CodeCredentialMissing) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if len(r.requests()) != before {
			t.Errorf("sent %v", r.requests())
		}
	})
}

// The server refuses a credential that has fewer rights than expected.
func TestCredentialRefused(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		r := newReplay(t, string(flavour))
		for token, want := range map[string]api.Code{"user": api.CodeForbidden, "invalid": api.CodeCredentialRefused} {
			_, err := ssoplugin.Detect(t.Context(), newClient(t, r.URL, token), api.CredentialAdmin, self(api.CredentialAdmin))
			if !api.IsCode(err, want) {
				t.Errorf("%s, %s: %v", flavour, token, err)
			}
		}
	}
}

// The whole roster: two requests on 9p4 and K0lin, three on Flowfin; a plain user's own links in two.
func TestRead(t *testing.T) {
	t.Parallel()
	everyPair(t, everybody, func(t *testing.T, r *replay, p *ssoplugin.Plugin, kind api.CredentialKind) {
		flowfin := p.Capabilities().Flavour == api.FlavourFlowfin
		if flowfin {
			r.seek("user deleted", "roster (orphan stays?)", "")
		} else {
			r.seek("user deleted", "oid get (orphan stays?)", "")
		}
		if kind == api.CredentialUser {
			r.seek("links read", "oid links of alice", "user")
		}
		caps := p.Capabilities()
		if r.recording == "Flowfin-4.2.1" && kind == api.CredentialKey {
			if _, err := p.Read(t.Context()); !api.IsCode(err, api.CodeUnsupported) || len(r.requests()) > 0 {
				t.Errorf("nothing may be read: %v, sent %v", err, r.requests())
			}
			return
		}
		snap, err := p.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sent := r.requests()
		slices.Sort(sent)
		wantSent := []string{"GET /sso/OID/Get", "GET /sso/SAML/Get"}
		if flowfin {
			wantSent = []string{"GET /sso/Links/Roster", "GET /sso/OID/Get", "GET /sso/SAML/Get"}
		}
		if caps.RosterByAccount {
			wantSent = []string{
				"GET /Users", "GET /sso/OID/Get", "GET /sso/SAML/Get", "GET /sso/oid/links/" + user("bob"), "GET /sso/saml/links/" + user("bob"),
			}
		}
		if kind == api.CredentialUser {
			wantSent = []string{"GET /sso/oid/links/" + user("alice"), "GET /sso/saml/links/" + user("alice")}
		}
		if diff := cmp.Diff(wantSent, sent); diff != "" {
			t.Error("requests", diff)
		}
		var names []string
		for _, provider := range snap.Providers {
			names = append(names, string(provider.Protocol)+" "+provider.Name)
			if provider.Known != (kind != api.CredentialUser) {
				t.Errorf("%s: known %v", provider.Name, provider.Known)
			}
			if provider.Known && provider.Enabled != (provider.Name != "off") {
				t.Errorf("%s: enabled %v", provider.Name, provider.Enabled)
			}
			if provider.Known && !flowfin != provider.AutoAdopt && provider.Name != "off" {
				t.Errorf("%s: adopts %v", provider.Name, provider.AutoAdopt)
			}
		}
		wantNames := []string{"oidc npm", "oidc second", "oidc off", "oidc dead", "saml samlp", "saml samlold", "saml badcert"}
		if flowfin {
			wantNames = wantNames[:6] // Flowfin took no provider with a bad certificate
		}
		if diff := cmp.Diff(wantNames, names); diff != "" {
			t.Error(diff)
		}
		if kind == api.CredentialUser {
			return
		}
		orphan := api.Link{
			Identity: api.Identity{Protocol: api.OIDC, Provider: "second", Name: "erin-sub"}, UserID: user("erin@example.com"),
		}
		if flowfin {
			orphan.Provider = "npm"
		}
		if restores(p) && kind == api.CredentialKey && !slices.Contains(snap.Links, orphan) {
			t.Errorf("no orphan among %v", snap.Links)
		}
		counted := 0
		for _, provider := range snap.Providers {
			counted += provider.Links
		}
		if counted != len(snap.Links) || kind == api.CredentialKey && counted < 2 {
			t.Errorf("%d links counted, %d read", counted, len(snap.Links))
		}
	})
}

func TestProvider(t *testing.T) {
	t.Parallel()
	everyPair(t, everybody, func(t *testing.T, r *replay, p *ssoplugin.Plugin, kind api.CredentialKind) {
		r.seek("providers", "GET /sso/OID/Get", tokens[kind])
		claim := map[api.Flavour]string{
			api.Flavour9p4: "preferred_username", api.FlavourK0lin: "preferred_username", api.FlavourFlowfin: "sub",
		}[p.Capabilities().Flavour]
		want := api.Provider{
			Protocol: api.OIDC, Name: "npm", Known: true, Enabled: true, Endpoint: "http://127.0.0.1:9100", ClientID: "jellyfin",
			Scopes: []string{"openid", "profile"}, NameClaim: claim, NewPath: true, AutoAdopt: true,
			OIDC:      api.OIDCSettings{Rule: api.NameRule{Claim: claim, Fallback: "sub"}, NoPush: true, PlainHTTP: true},
			Admission: api.Admission{AllFolders: true, SetsLiveTV: true},
		}
		if p.Capabilities().Flavour == api.FlavourFlowfin {
			want.Endpoint, want.AutoAdopt, want.Admission.SetsLiveTV = "http://10.77.0.1:9100", false, false
		}
		if kind == api.CredentialUser {
			want = api.Provider{Protocol: api.OIDC, Name: "npm"}
			if p.Capabilities().Flavour == api.FlavourFlowfin {
				want.NameClaim, want.OIDC.Rule = "sub", api.NameRule{Claim: "sub", Fallback: "sub"} // nothing can change it there
			}
		}
		got, err := p.Provider(t.Context(), api.OIDC, "npm")
		if err != nil {
			t.Fatal(err)
		}
		got.Links = 0
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		saml, err := p.Provider(t.Context(), api.SAML, "samlp")
		if err != nil {
			t.Fatal(err)
		}
		if kind != api.CredentialUser && (saml.ClientID != "urn:jellyfin:contract" || saml.Certificate == "" || !saml.NewPath ||
			saml.Endpoint != "http://127.0.0.1:9700/sso" || saml.NameClaim != "") {
			t.Errorf("%+v", saml)
		}
		if _, err := p.Provider(t.Context(), api.OIDC, "NPM"); !api.IsCode(err, api.CodeProviderNotFound) {
			t.Errorf("NPM: %v", err)
		}
	})
}

// noLinks checks what an API key reads of an account without links on the versions without Preprovision.
func noLinks(t *testing.T, p *ssoplugin.Plugin) {
	t.Helper()
	got, err := p.UserLinks(t.Context(), user("bob"))
	switch {
	case p.Capabilities().ReadRoster.OK && (err != nil || len(got) > 0):
		t.Errorf("got %v, %v", got, err)
	case !p.Capabilities().ReadRoster.OK && !api.IsCode(err, api.CodeUnsupported):
		t.Errorf("got %v, %v without a way to read them", got, err)
	}
}

func TestUserLinks(t *testing.T) {
	t.Parallel()
	everyPair(t, everybody, func(t *testing.T, r *replay, p *ssoplugin.Plugin, kind api.CredentialKind) {
		flowfin := p.Capabilities().Flavour == api.FlavourFlowfin
		if kind == api.CredentialKey {
			// An account in the configuration, and on Flowfin an account whose export is not empty.
			who, want, requests := "carol", "carol-nolink", 2
			if flowfin {
				r.seek("removing names the DELETE route cannot address", "user links export", "apikey")
				who, want, requests = "bob", "http://idp.example/u/1", 1
				if !p.Capabilities().Preprovision.OK { // which wrote that link
					noLinks(t, p)
					return
				}
			} else {
				r.seek("write links through provider config", "get", "apikey")
			}
			got, err := p.UserLinks(t.Context(), dashed(user(who)))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(got, api.Identity{Protocol: api.OIDC, Provider: "npm", Name: want}) {
				t.Errorf("got %v", got)
			}
			if sent := r.requests(); len(sent) != requests {
				t.Errorf("sent %v", sent)
			}
			return
		}
		as, name := tokens[kind], "pn-alice-2"
		if flowfin {
			name = "alice-2"
		}
		if kind == api.CredentialUser {
			r.seek("oidc link variants", "read back as user", as)
		} else {
			r.seek("oidc link variants", "read alice", as)
		}
		got, err := p.UserLinks(t.Context(), user("alice"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(got, api.Identity{Protocol: api.OIDC, Provider: "npm", Name: name}) {
			t.Errorf("got %v", got)
		}
		if sent := r.requests(); len(sent) != 2 {
			t.Errorf("sent %v", sent)
		}
		if kind == api.CredentialUser {
			_, err := p.UserLinks(t.Context(), user("bob"))
			if !api.IsCode(err, api.CodeForbidden) {
				t.Errorf("another's links: %v", err)
			}
		}
	})
}

func TestAPIKeyAndPlainUserAreToldWhatTheyCannotDo(t *testing.T) {
	t.Parallel()
	kinds := []api.CredentialKind{api.CredentialKey, api.CredentialUser}
	everyPair(t, kinds, func(t *testing.T, r *replay, p *ssoplugin.Plugin, kind api.CredentialKind) {
		r.seek("oidc link by relay", "start", "")
		ctx, link := t.Context(), api.Link{
			Identity: api.Identity{Protocol: api.OIDC, Provider: "npm", Name: "x"}, UserID: user("bob"),
		}
		_, nameErr := p.PendingName(ctx, secret.New("state-12"))
		flowfin := p.Capabilities().Flavour == api.FlavourFlowfin
		tests := []struct {
			what    string
			err     error
			refused bool
		}{
			{"post link", p.PostLink(ctx, api.OIDC, "npm", user("bob"), secret.New("state-12"), nil), true},
			{"pending name", nameErr, flowfin || kind == api.CredentialUser},
		}
		if flowfin || kind == api.CredentialUser {
			tests = append(tests, struct {
				what    string
				err     error
				refused bool
			}{"delete", p.DeleteLink(ctx, link), true})
		}
		if !flowfin || kind == api.CredentialUser {
			tests = append(tests, struct {
				what    string
				err     error
				refused bool
			}{"preprovision", p.Preprovision(ctx, link), true})
		}
		if kind == api.CredentialUser {
			tests = append(tests, struct {
				what    string
				err     error
				refused bool
			}{"unregister", p.Unregister(ctx, "bob", "x"), true})
		}
		for _, tt := range tests {
			if tt.refused && !api.IsCode(tt.err, api.CodeUnsupported) {
				t.Errorf("%s: %v", tt.what, tt.err)
			}
		}
		if flowfin || kind == api.CredentialUser {
			if sent := r.requests(); len(sent) != 0 {
				t.Errorf("sent %v", sent)
			}
		}
	})
}

func TestPostLink(t *testing.T) {
	t.Parallel()
	const variants = "oidc link variants"
	binding := func(n string) []*http.Cookie {
		return []*http.Cookie{{Name: "__Host-sso_oid_state_binding", Value: "binding-" + n}}
	}
	tests := []struct {
		section, name, provider, user, state string
		cookie                               string
		classic, flowfin                     api.Code
	}{
		{"oidc link by relay", "link as admin", "npm", "alice", "state-12", "12", "", ""},
		{"oidc link by relay", "replay same state", "npm", "alice", "state-12", "12", "", api.CodeSignInExpired},
		{"oidc link by relay", "replay to another user", "npm", "bob", "state-12", "12", "", api.CodeSignInExpired},
		{variants, "link without cookie", "npm", "carol", "state-15", "", "", api.CodeSignInExpired},
		{variants, "identity already alice's, to carol", "npm", "carol", "state-16", "16", "", ""},
		{variants, "link before callback", "npm", "carol", "state-18", "18", api.CodeSignInExpired, api.CodeSignInExpired},
		{variants, "link bad state", "npm", "carol", "nope", "", api.CodeSignInExpired, api.CodeSignInExpired},
		{variants, "link empty data", "npm", "carol", "", "", api.CodeSignInExpired, api.CodeServerRefused},
		{variants, "link unknown provider", "ghost", "carol", "x", "", api.CodeProviderNotFound, api.CodeProviderNotFound},
		{variants, "link unknown user", "npm", "unknown", "x", "", api.CodeSignInExpired, api.CodeSignInExpired},
		{variants, "link disabled provider", "off", "carol", "x", "", api.CodeSignInExpired, api.CodeProviderDisabled},
	}
	everyPair(t, admins, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		for _, tt := range tests {
			r.seek(tt.section, tt.name, "admin")
			want, cookies := tt.classic, []*http.Cookie(nil)
			if p.Capabilities().Flavour == api.FlavourFlowfin {
				want = tt.flowfin
				if tt.cookie != "" {
					cookies = binding(tt.cookie)
				}
			}
			err := p.PostLink(t.Context(), api.OIDC, tt.provider, user(tt.user), secret.New(tt.state), cookies)
			if api.CodeOf(err) != want {
				t.Errorf("%s: %v, want %q", tt.name, err, want)
			}
			noGibberish(t, err)
		}
		saml := []struct {
			name, provider, user string
			classic, flowfin     api.Code
		}{
			{"link as admin", "samlp", "alice", "", ""},
			{"replay to bob", "samlp", "bob", "", api.CodeSignInInvalid},
			{"link (no relayState query)", "samlp", "carol", "", api.CodeSignInInvalid},
			{"tampered", "samlold", "carol", api.CodeSignInInvalid, api.CodeSignInInvalid},
			{"not xml", "samlp", "carol", api.CodeSignInInvalid, api.CodeSignInInvalid},
			{"not base64", "samlp", "carol", api.CodeSignInInvalid, api.CodeSignInInvalid},
			{"unsigned", "samlp", "carol", api.CodeSignInInvalid, api.CodeSignInInvalid},
		}
		for _, tt := range saml {
			r.seek("saml link by relay", tt.name, "admin")
			data := map[string]string{"not xml": "aGVsbG8=", "not base64": "@@@"}[tt.name]
			want := tt.classic
			if p.Capabilities().Flavour == api.FlavourFlowfin {
				want = tt.flowfin
			}
			err := p.PostLink(t.Context(), api.SAML, tt.provider, user(tt.user), secret.New(data), nil)
			if api.CodeOf(err) != want {
				t.Errorf("saml %s: %v, want %q", tt.name, err, want)
			}
			noGibberish(t, err)
		}
	})
	everyPair(t, []api.CredentialKind{api.CredentialUser}, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		r.seek(variants, "self link as user", "user")
		var cookies []*http.Cookie
		if p.Capabilities().Flavour == api.FlavourFlowfin {
			cookies = binding("13")
		}
		if err := p.PostLink(t.Context(), api.OIDC, "npm", user("alice"), secret.New("state-13"), cookies); err != nil {
			t.Error(err)
		}
	})
}

// noGibberish checks that a person can read an error.
func noGibberish(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, bad := range []string{"Error processing request", "rfc9110", "traceId", "state-", "Exception"} {
		if strings.Contains(err.Error(), bad) {
			t.Errorf("%q holds %q", err, bad)
		}
	}
}

func TestDeleteLink(t *testing.T) {
	t.Parallel()
	everyPair(t, admins, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		flowfin, pn := p.Capabilities().Flavour == api.FlavourFlowfin, "pn-"
		if flowfin {
			pn = ""
		}
		tests := []struct {
			name, provider, user, identity string
			want                           api.Code
		}{
			{"unlink no content-type", "npm", "alice", pn + "alice-4", ""},
			{"unlink wrong owner", "npm", "bob", pn + "alice-2", api.CodeLinkOwned},
			{"unlink again", "npm", "alice", pn + "alice-2", api.CodeLinkNotFound},
			{"unlink unknown name", "npm", "alice", "ghost", api.CodeLinkNotFound},
			{"unlink unknown provider", "ghost", "alice", "x", api.CodeProviderNotFound},
			{"unlink unknown user", "npm", "unknown", "x", api.CodeLinkNotFound},
			{"unlink case differs", "npm", "alice", strings.ToUpper(pn + "alice-4"), api.CodeLinkNotFound},
		}
		for _, tt := range tests {
			r.seek("unlink", tt.name, "admin")
			err := p.DeleteLink(t.Context(), api.Link{
				Identity: api.Identity{Protocol: api.OIDC, Provider: tt.provider, Name: tt.identity}, UserID: dashed(user(tt.user)),
			})
			if api.CodeOf(err) != tt.want {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
			noGibberish(t, err)
		}
		r.seek("unlink", "unlink saml", "admin")
		err := p.DeleteLink(t.Context(), api.Link{
			Identity: api.Identity{Protocol: api.SAML, Provider: "samlp", Name: "carol@saml"}, UserID: user("carol"),
		})
		if want := map[bool]api.Code{true: api.CodeLinkNotFound}[flowfin]; api.CodeOf(err) != want {
			t.Errorf("saml: %v", err)
		}
	})
	everyPair(t, []api.CredentialKind{api.CredentialUser}, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		r.seek("unlink", "unlink self as user", "user")
		link := api.Link{Identity: api.Identity{Protocol: api.OIDC, Provider: "npm", Name: "pn-alice-2"}, UserID: user("alice")}
		if p.Capabilities().Flavour == api.FlavourFlowfin {
			link.Name = "alice-2"
		}
		if err := p.DeleteLink(t.Context(), link); err != nil {
			t.Error(err)
		}
		link.Name = "a/b"
		if err := p.DeleteLink(t.Context(), link); !api.IsCode(err, api.CodeUnsupported) {
			t.Errorf("a name that DELETE cannot address: %v", err)
		}
	})
}

// Every awkward name of the recordings: what DELETE can address is sent as it was recorded to work; the others are refused.
func TestAwkwardNames(t *testing.T) {
	t.Parallel()
	everyPair(t, admins, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		seen := 0
		for _, e := range r.exchanges {
			name, ok := strings.CutPrefix(e.Name, "unlink ")
			if !ok || e.Section != "awkward names" {
				continue
			}
			seen++
			if strings.HasPrefix(name, "xxx") {
				name = strings.Repeat("x", strings.Count(e.Path, "x"))
			}
			worked := e.Answer.Status == http.StatusOK
			written := restores(p) // the recording's names were
			if !written && api.Addressable(name) {
				worked = true
			} else if api.Addressable(name) != worked {
				t.Errorf("%q: addressable %v, recorded status %d", name, api.Addressable(name), e.Answer.Status)
			}
			if !worked && p.Capabilities().Flavour != api.FlavourFlowfin {
				continue // by the configuration: see TestConfigWrites
			}
			r.seek(e.Section, e.Name, "admin")
			err := p.DeleteLink(t.Context(), api.Link{
				Identity: api.Identity{Protocol: api.OIDC, Provider: "npm", Name: name}, UserID: user("bob"),
			})
			if worked && !written {
				if !api.IsCode(err, api.CodeLinkNotFound) {
					t.Errorf("%q, which is not there: %v", name, err)
				}
				continue
			}
			if worked && err != nil || !worked && !api.IsCode(err, api.CodeUnsupported) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if seen < 15 {
			t.Errorf("only %d names", seen)
		}
	})
}

func TestUnregister(t *testing.T) {
	t.Parallel()
	const provider = "Jellyfin.Server.Implementations.Users.DefaultAuthenticationProvider"
	everyPair(t, admins, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		r.seek("unregister", "unregister spaced", "admin")
		if err := p.Unregister(t.Context(), "Zoë Q", provider); err != nil {
			t.Error(err)
		}
		if err := p.Unregister(t.Context(), "", provider); !api.IsCode(err, api.CodeUserNotFound) {
			t.Errorf("nobody: %v", err)
		}
		if err := p.Unregister(t.Context(), "bob", ""); !api.IsCode(err, api.CodeUsage) {
			t.Errorf("no provider: %v", err)
		}
		r.seek("unregister", "unregister unknown", "admin")
		err := p.Unregister(t.Context(), "ghost", "x")
		if !api.IsCode(err, api.CodeUserNotFound) {
			t.Errorf("unknown: %v", err)
		}
		noGibberish(t, err)
	})
	everyPair(t, []api.CredentialKind{api.CredentialKey}, func(t *testing.T, r *replay, p *ssoplugin.Plugin, _ api.CredentialKind) {
		r.seek("unregister", "unregister bob", "apikey")
		if err := p.Unregister(t.Context(), "bob", provider); err != nil {
			t.Error(err)
		}
	})
}

func TestPreprovision(t *testing.T) {
	t.Parallel()
	r := newReplay(t, string(api.FlavourFlowfin))
	p := r.plugin(api.CredentialKey)
	const section = "flowfin admin"
	tests := []struct {
		name, provider, user, identity string
		proto                          api.Protocol
		want                           api.Code
	}{
		{"preprovision", "npm", "dave.jones", "sub-dave", api.OIDC, ""},
		{"preprovision again", "npm", "dave.jones", "sub-dave", api.OIDC, ""},
		{"preprovision taken", "npm", "carol", "sub-dave", api.OIDC, api.CodeLinkOwned},
		{"preprovision unknown user", "npm", "unknown", "z", api.OIDC, api.CodeUserNotFound},
		{"preprovision unknown provider", "ghost", "carol", "z", api.OIDC, api.CodeProviderNotFound},
		{"preprovision empty", "npm", "carol", "", api.OIDC, api.CodeNameInvalid},
		{"preprovision saml", "samlp", "carol", "carol2@saml", api.SAML, ""},
	}
	for _, tt := range tests {
		r.seek(section, tt.name, "apikey")
		err := p.Preprovision(t.Context(), api.Link{
			Identity: api.Identity{Protocol: tt.proto, Provider: tt.provider, Name: tt.identity}, UserID: user(tt.user),
		})
		if api.CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
