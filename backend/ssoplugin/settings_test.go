package ssoplugin_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// configured answers as a server whose only provider "idp" of a protocol has these settings.
func configured(t *testing.T, flavour api.Flavour, proto api.Protocol, settings string) *ssoplugin.Plugin {
	t.Helper()
	return current(flavour).inFront(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		route := map[api.Protocol]string{api.OIDC: "/sso/OID/Get", api.SAML: "/sso/SAML/Get"}[proto]
		switch {
		case req.URL.Path == route:
			fmt.Fprintf(w, `{"idp":{%s}}`, settings)
		case strings.HasSuffix(req.URL.Path, "/Get"):
			fmt.Fprint(w, `{}`)
		case strings.HasSuffix(req.URL.Path, "/Roster"):
			fmt.Fprint(w, `{"Accounts":[]}`)
		default:
			t.Errorf("not expected: %s", req.URL.Path)
		}
	}), "", api.CredentialAdmin)
}

func TestNameRule(t *testing.T) {
	t.Parallel()
	const blanks = `"DefaultUsernameClaim":"  "`
	rule := func(claim string) api.NameRule { return api.NameRule{Claim: claim, Fallback: "sub"} }
	for name, c := range map[string]struct {
		flavour  api.Flavour
		settings string
		want     api.NameRule
		shown    string
		scopes   string
	}{
		"9p4 unset":         {api.Flavour9p4, `"Enabled":true`, rule("preferred_username"), "preferred_username", "openid profile"},
		"9p4 empty":         {api.Flavour9p4, `"DefaultUsernameClaim":""`, rule("preferred_username"), "preferred_username", "openid profile"},
		"9p4 blanks":        {api.Flavour9p4, blanks, rule(""), "sub", "openid profile"},
		"9p4 other":         {api.Flavour9p4, `"DefaultUsernameClaim":" email "`, rule("email"), "email", "openid profile"},
		"9p4 case":          {api.Flavour9p4, `"DefaultUsernameClaim":"Email"`, rule("Email"), "Email", "openid profile"},
		"9p4 scopes":        {api.Flavour9p4, `"OidScopes":["groups","email groups"]`, rule("preferred_username"), "preferred_username", "openid profile groups email"},
		"K0lin blanks":      {api.FlavourK0lin, blanks, rule("preferred_username"), "preferred_username", "openid profile"},
		"K0lin override":    {api.FlavourK0lin, `"OidScopes":["openid"],"OverrideDefaultScopes":true`, rule("preferred_username"), "preferred_username", "openid"},
		"K0lin override, 3": {api.FlavourK0lin, `"OidScopes":["email"],"OverrideDefaultScopes":true`, rule("preferred_username"), "preferred_username", "openid email"},
		"K0lin override, 2": {api.FlavourK0lin, `"OidScopes":["openid email"],"OverrideDefaultScopes":true`, rule("preferred_username"), "preferred_username", "openid email"},
		"Flowfin":           {api.FlavourFlowfin, `"DefaultUsernameClaim":"email","OidScopes":["groups"]`, rule("sub"), "sub", "openid profile groups"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := configured(t, c.flavour, api.OIDC, c.settings).Provider(t.Context(), api.OIDC, "idp")
			if err != nil {
				t.Fatal(err)
			}
			if got.OIDC.Rule != c.want || got.NameClaim != c.shown || strings.Join(got.Scopes, " ") != c.scopes {
				t.Errorf("got %+v, claim %q, scopes %q", got.OIDC.Rule, got.NameClaim, got.Scopes)
			}
		})
	}
}

func TestProtocolSettings(t *testing.T) {
	t.Parallel()
	parameters := func(text string) string { return `"OidAuthorizationParameters":` + strconv.Quote(text) }
	for name, c := range map[string]struct {
		flavour  api.Flavour
		proto    api.Protocol
		settings string
		want     api.Provider // its OIDC and SAML alone
	}{
		"OIDC defaults": {api.Flavour9p4, api.OIDC, `"DisablePushedAuthorization":false`, api.Provider{}},
		"OIDC": {
			api.Flavour9p4, api.OIDC, `"DisablePushedAuthorization":true,"DoNotValidateIssuerName":true,` +
				`"DoNotValidateEndpoints":true,"DoNotLoadProfile":true,"DisableHttps":true`,
			api.Provider{OIDC: api.OIDCSettings{NoPush: true, AnyIssuer: true, AnyEndpoint: true, NoUserinfo: true, PlainHTTP: true}},
		},
		"K0lin's parameters": {
			api.FlavourK0lin, api.OIDC, parameters(`{"acr_values":"urn:a","max_age":60,"force":true,"claims":{"id_token": {"email":null}}}`),
			api.Provider{OIDC: api.OIDCSettings{Parameters: map[string]string{
				"acr_values": "urn:a", "max_age": "60", "force": "true", "claims": `{"id_token":{"email":null}}`,
			}}},
		},
		// The plugin starts no sign-in with these.
		"K0lin's parameters, no JSON":        {api.FlavourK0lin, api.OIDC, parameters(`acr_values=gold`), api.Provider{}},
		"K0lin's parameters, no object":      {api.FlavourK0lin, api.OIDC, parameters(`["login"]`), api.Provider{}},
		"K0lin's parameters, reserved":       {api.FlavourK0lin, api.OIDC, parameters(`{"prompt":"login","Scope":"openid"}`), api.Provider{}},
		"K0lin's parameters, twice":          {api.FlavourK0lin, api.OIDC, parameters(`{"prompt":"login","prompt":"none"}`), api.Provider{}},
		"K0lin's parameters, a list":         {api.FlavourK0lin, api.OIDC, parameters(`{"prompt":["login"]}`), api.Provider{}},
		"K0lin's parameters, claims as text": {api.FlavourK0lin, api.OIDC, parameters(`{"claims":"{}"}`), api.Provider{}},
		"K0lin's parameters, none":           {api.FlavourK0lin, api.OIDC, `"OidAuthorizationParameters":" "`, api.Provider{}},
		"Flowfin's parameters": {
			api.FlavourFlowfin, api.OIDC, `"AcrValues":" gold ","Prompt":"","MaxAge":0`,
			api.Provider{OIDC: api.OIDCSettings{Parameters: map[string]string{"acr_values": "gold", "max_age": "0"}}},
		},
		"Flowfin's parameters, none": {api.FlavourFlowfin, api.OIDC, `"AcrValues":null,"MaxAge":-1`, api.Provider{}},
		"9p4 checks no audience":     {api.Flavour9p4, api.SAML, `"SamlClientId":"jf"`, api.Provider{}},
		"Flowfin's audience": {
			api.FlavourFlowfin, api.SAML, `"SamlClientId":"jf"`, api.Provider{SAML: api.SAMLSettings{Audience: "jf"}},
		},
		"Flowfin's other audience": {
			api.FlavourFlowfin, api.SAML, `"SamlClientId":"jf","SamlAudience":"urn:x","ValidateRecipient":true,` +
				`"ValidateInResponseTo":true,"SignAuthnRequests":true`,
			api.Provider{SAML: api.SAMLSettings{
				Audience: "urn:x", ValidateRecipient: true, ValidateInResponseTo: true, SignRequests: true,
			}},
		},
		"Flowfin without an audience": {
			api.FlavourFlowfin, api.SAML, `"SamlClientId":"jf","SamlAudience":"urn:x","DoNotValidateAudience":true`, api.Provider{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := configured(t, c.flavour, c.proto, c.settings).Provider(t.Context(), c.proto, "idp")
			if err != nil {
				t.Fatal(err)
			}
			got.OIDC.Rule = api.NameRule{}
			if diff := cmp.Diff(c.want, api.Provider{OIDC: got.OIDC, SAML: got.SAML}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClientSecret(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flavour  api.Flavour
		settings string
		want     string
		code     api.Code
	}{
		"9p4":          {api.Flavour9p4, `"OidSecret":" s3cret ","CanonicalLinks":{}`, "s3cret", ""},
		"K0lin":        {api.FlavourK0lin, `"OidSecret":"s3cret"`, "s3cret", ""},
		"public":       {api.FlavourK0lin, `"OidSecret":""`, "", api.CodeClientSecretMissing},
		"of no client": {api.FlavourK0lin, `"OidSecret":null`, "", api.CodeClientSecretMissing},
		"another type": {api.FlavourK0lin, `"OidSecret":["s3cret"]`, "", api.CodeServerAnswer},
		"Flowfin":      {api.FlavourFlowfin, `"OidSecret":null`, "", api.CodeUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := configured(t, c.flavour, api.OIDC, c.settings).ClientSecret(t.Context(), "idp")
			if api.CodeOf(err) != c.code || got.Reveal() != c.want {
				t.Errorf("got %q, %v", got.Reveal(), err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, got, err), "s3cret") {
				t.Error("the secret shows")
			}
		})
	}
	t.Run("a plain user", func(t *testing.T) {
		t.Parallel()
		r := newReplay(t, "9p4")
		if _, err := r.plugin(api.CredentialUser).ClientSecret(t.Context(), "npm"); !api.IsCode(err, api.CodeUnsupported) {
			t.Error(err)
		}
	})
}

func TestStartTrueName(t *testing.T) {
	t.Parallel()
	everyParty(t, everybody, demo.Options{}, func(t *testing.T, p party) {
		got, err := p.StartTrueName(t.Context(), demo.ADFS)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got.Endpoint, p.world.SAMLURL()) || strings.Contains(got.Endpoint, "SAMLRequest") {
			t.Errorf("endpoint %s", got.Endpoint)
		}
		if !strings.HasPrefix(got.ACS, p.world.URL()+"/sso/SAML/") || got.Issuer == "" || got.Signed {
			t.Errorf("%+v", got)
		}
		if p.Capabilities().ReadConfig.OK {
			known, err := p.Provider(t.Context(), api.SAML, demo.ADFS)
			if err != nil || known.Endpoint != got.Endpoint || known.ClientID != got.Issuer {
				t.Errorf("%+v, the settings say %+v, %v", got, known, err)
			}
		}
		if _, err := p.StartTrueName(t.Context(), "ghost"); !api.IsCode(err, api.CodeProviderNotFound) {
			t.Error(err)
		}
	})
}
