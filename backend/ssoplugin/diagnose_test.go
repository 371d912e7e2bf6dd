package ssoplugin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
)

func TestProviderFromTheServersPlace(t *testing.T) {
	t.Parallel()
	r := newReplay(t, "Flowfin")
	p := r.plugin(api.CredentialAdmin)
	for _, c := range []struct {
		proto   api.Protocol
		name    string
		ok      bool
		message string
		details int
	}{
		{api.OIDC, "npm", true, "The OpenID discovery document was read successfully", 7},
		{api.SAML, "samlp", true, "The SAML signing certificate parsed successfully", 5},
	} {
		r.seek("flowfin admin", map[api.Protocol]string{api.OIDC: "oid test", api.SAML: "saml test"}[c.proto], "admin")
		got, err := p.TestProvider(t.Context(), c.proto, c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got.OK != c.ok || got.Message != c.message || len(got.Details) != c.details {
			t.Errorf("%+v", got)
		}
	}
}

func TestOnlyFlowfinTestsProviders(t *testing.T) {
	t.Parallel()
	everyParty(t, everybody, demo.Options{}, func(t *testing.T, p party) {
		got, err := p.TestProvider(t.Context(), api.OIDC, demo.Keycloak)
		if err != nil {
			t.Fatal(err)
		}
		caps := p.Capabilities()
		if want := caps.Flavour == api.FlavourFlowfin && caps.ReadConfig.OK; (got != nil) != want || want && !got.OK {
			t.Errorf("%+v", got)
		}
		if got == nil {
			return
		}
		if _, err := p.TestProvider(t.Context(), api.OIDC, "ghost"); !api.IsCode(err, api.CodeProviderNotFound) {
			t.Error(err)
		}
	})
}

func TestPasswordsOff(t *testing.T) {
	t.Parallel()
	admin := ""
	for _, c := range []struct {
		exempt string
		works  bool
	}{{"", false}, {"admin", true}, {"nobody-there", false}} {
		if c.exempt == "admin" {
			c.exempt = admin
		}
		w := newWorld(t, demo.Options{Flavour: api.FlavourFlowfin, Server: func(o *server.Options) { o.SSOOnly = c.exempt }})
		admin, _ = w.Admin()
		want := api.PasswordsOff{On: c.exempt != "", Exempt: c.exempt, ExemptWorks: c.works}
		if got := join(t, w, api.CredentialKey, w.URL()).Capabilities().PasswordsOff; got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// Flowfin's roster says when a link was used last.
func TestUses(t *testing.T) {
	t.Parallel()
	p := current(api.FlavourFlowfin).inFront(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case strings.HasSuffix(req.URL.Path, "/Roster"):
			_, _ = w.Write([]byte(`{"Accounts":[{"UserId":"290dae1fd8044a21bb6ad53500000001","AccountExists":true,"Links":[` +
				`{"Protocol":"OpenID","Provider":"idp","CanonicalName":"a","LastSsoLoginUtc":"2026-11-24T02:21:33.1234567Z"},` +
				`{"Protocol":"OpenID","Provider":"idp","CanonicalName":"b","LastSsoLoginUtc":null},` +
				`{"Protocol":"SAML","Provider":"idp","CanonicalName":"a"}]}]}`))
		default:
			_, _ = w.Write([]byte(`{}`))
		}
	}), "", api.CredentialAdmin)
	snap, err := p.Read(t.Context())
	want := []api.Use{{
		Identity: api.Identity{Protocol: api.OIDC, Provider: "idp", Name: "a"},
		At:       time.Date(2026, 11, 24, 2, 21, 33, 123456700, time.UTC),
	}}
	if diff := cmp.Diff(want, snap.Uses); diff != "" || err != nil || len(snap.Links) != 3 {
		t.Errorf("%v\n%s", err, diff)
	}
}
