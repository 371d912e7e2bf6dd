package link_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/link"
)

// with changes the settings of every provider.
func with(flavour api.Flavour, settings map[string]any) demo.Options {
	return demo.Options{Flavour: flavour, Config: func(_ string, config map[string]any) {
		for name, value := range settings {
			config[name] = value
		}
	}}
}

func whys(remarks []api.Remark) []api.Why {
	var list []api.Why
	for _, r := range remarks {
		list = append(list, r.Why)
	}
	return list
}

// TestVerifyAsksBeforeItChangesTheAccount: on these flavours a sign-in sets rights, and so would a verification.
func TestVerifyAsksBeforeItChangesTheAccount(t *testing.T) {
	t.Parallel()
	takesRights := map[string]any{"EnableLiveTv": false, "EnableAuthorization": true}
	for name, c := range map[string]struct {
		flavour  api.Flavour
		protocol api.Protocol
		provider string
		settings map[string]any
		agrees   bool
		want     []api.Why
	}{
		"declined":           {api.Flavour9p4, api.OIDC, demo.Authelia, takesRights, false, []api.Why{"effect-admin-off", "effect-live-tv-off"}},
		"agreed":             {api.FlavourK0lin, api.OIDC, demo.Authelia, takesRights, true, []api.Why{"effect-admin-off", "effect-live-tv-off"}},
		"a role keeps it":    {api.Flavour9p4, api.OIDC, demo.Authelia, map[string]any{"EnableAuthorization": true, "AdminRoles": []string{"jonas"}, "RoleClaim": "preferred_username"}, false, nil},
		"K0lin preserves it": {api.FlavourK0lin, api.OIDC, demo.Authelia, map[string]any{"EnableAuthorization": true, "PreserveAdminPermissions": true}, false, nil},
		"nothing changes":    {api.Flavour9p4, api.OIDC, demo.Authelia, nil, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, with(c.flavour, c.settings), api.CredentialKey)
			var asked []api.Why
			v, err := w.Verify(t.Context(), link.VerifyRequest{Protocol: c.protocol, Provider: c.provider}, person{
				login: "jonas", confirm: func(q api.Confirmation) error {
					asked = whys(q.Effects)
					if !c.agrees {
						return &api.Error{Code: api.CodeCancelled}
					}
					return nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			signsIn := c.agrees || c.want == nil
			if diff := cmp.Diff(c.want, asked); diff != "" || v.SignedIn != signsIn || v.Account.Name != "admin" {
				t.Errorf("%+v\n%s", v, diff)
			}
			if sent := w.requests(http.MethodPost, "/OID/Auth/"); (sent > 0) != signsIn {
				t.Errorf("the server was asked to sign in %d times", sent)
			}
			if !signsIn && !slices.Equal(whys(v.Effects), c.want) {
				t.Errorf("%+v", v.Effects)
			}
			// What was announced happens.
			admin := !signsIn || !slices.Contains(c.want, "effect-admin-off")
			if a := w.account(t, "admin"); a.Administrator != admin {
				t.Errorf("the account is an administrator's: %t", a.Administrator)
			}
		})
	}
}

// TestVerifyBySAMLReadsTheRoles of the response.
func TestVerifyBySAMLReadsTheRoles(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, with(api.Flavour9p4, map[string]any{"EnableLiveTv": false}), api.CredentialAdmin)
	w.Server().AddLink(api.Link{Identity: w.identity(api.SAML, demo.ADFS), UserID: w.account(t, "guest").ID})
	v, err := w.Verify(t.Context(), link.VerifyRequest{Protocol: api.SAML, Provider: demo.ADFS}, person{
		login: demo.NewcomerLogin, confirm: func(api.Confirmation) error { return &api.Error{Code: api.CodeCancelled} },
	})
	if err != nil || v.SignedIn || !slices.Equal(whys(v.Effects), []api.Why{"effect-live-tv-off"}) {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestPlanTellsTheNextSignIn: the link is made, and the next sign-in takes the rights.
func TestPlanTellsTheNextSignIn(t *testing.T) {
	t.Parallel()
	const lead = "next-sign-in"
	for name, c := range map[string]struct {
		flavour  api.Flavour
		account  string
		settings map[string]any
		want     []api.Why
	}{
		"an administrator":        {api.Flavour9p4, "admin", map[string]any{"EnableAuthorization": true}, []api.Why{lead, "effect-admin-off"}},
		"Flowfin's":               {api.FlavourFlowfin, "admin", map[string]any{"EnableAuthorization": true}, []api.Why{lead, "effect-admin-off"}},
		"with a role":             {api.Flavour9p4, "admin", map[string]any{"EnableAuthorization": true, "AdminRoles": []string{"x"}, "RoleClaim": "groups"}, []api.Why{lead, "effect-admin-off-without"}},
		"preserved":               {api.FlavourK0lin, "admin", map[string]any{"EnableAuthorization": true, "PreserveAdminPermissions": true}, nil},
		"somebody else":           {api.Flavour9p4, "guest", map[string]any{"EnableAuthorization": true}, nil},
		"no rights":               {api.Flavour9p4, "admin", map[string]any{"EnableLiveTv": false}, nil},
		"another sign-in":         {api.Flavour9p4, "guest", map[string]any{"DefaultProvider": "X.Y"}, []api.Why{lead, "effect-auth-provider"}},
		"Flowfin renames":         {api.FlavourFlowfin, "guest", map[string]any{"SyncUsernameFromProvider": true}, []api.Why{lead, "effect-renames"}},
		"Flowfin disables":        {api.FlavourFlowfin, "guest", map[string]any{"DisableAccountOnRoleDenied": true, "Roles": []string{"x"}, "RoleClaim": "groups"}, []api.Why{lead, "effect-disables"}},
		"an expiry that is there": {api.FlavourFlowfin, "guest", map[string]any{"AccountExpiryClaim": "until"}, []api.Why{lead, "effect-expires"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, with(c.flavour, c.settings), api.CredentialKey)
			plan, err := w.Plan(t.Context(), api.LinkRequest{
				UserID: w.account(t, c.account).ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "x",
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, whys(plan.Remarks)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRolesThatAPersonHasNot: the server's refusal names the missing roles; our own sign-in warns before it writes.
func TestRolesThatAPersonHasNot(t *testing.T) {
	t.Parallel()
	demands := map[string]any{"Roles": []string{"family", "friends"}, "RoleClaim": "preferred_username"}
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, with(flavour, demands), api.CredentialAdmin)
			req := api.LinkRequest{UserID: w.account(t, "guest").ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategyRelay}
			_, err := w.Link(t.Context(), req, person{login: demo.NewcomerLogin})
			e, ok := errors.AsType[*api.Error](err)
			if !ok || e.Code != api.CodeSignInRefused || e.Why != "role-missing" || e.Params["roles"] != "family, friends" ||
				e.Params["claim"] != "preferred_username" {
				t.Fatalf("%v", err)
			}
			if flavour == api.FlavourFlowfin {
				return // its client's secret is not known
			}
			req.Strategy = api.StrategyPluginClient
			var remarks []api.Remark
			_, err = w.Link(t.Context(), req, person{login: demo.NewcomerLogin, confirm: func(c api.Confirmation) error {
				remarks = c.Remarks
				return nil
			}})
			if err != nil || !slices.Equal(whys(remarks), []api.Why{"warn-role"}) || remarks[0].Params["came"] != demo.NewcomerLogin {
				t.Errorf("%+v, %v", remarks, err)
			}
		})
	}
}

// TestSAMLRolesThatAPersonHasNot: POST Link takes the response, and a sign-in would not.
func TestSAMLRolesThatAPersonHasNot(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, with(api.Flavour9p4, map[string]any{"Roles": []string{"family"}}), api.CredentialAdmin)
	var remarks []api.Remark
	_, err := w.Link(t.Context(), api.LinkRequest{UserID: w.account(t, "guest").ID, Protocol: api.SAML, Provider: demo.ADFS},
		person{login: demo.NewcomerLogin, confirm: func(c api.Confirmation) error {
			remarks = c.Remarks
			return nil
		}})
	if err != nil || !slices.Contains(whys(remarks), "warn-role-none") {
		t.Errorf("%+v, %v", remarks, err)
	}
}

// TestSwitchedOff: the plan says that the provider is switched off. Only a typed name is written, where the plugin allows it.
func TestSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
		for provider, protocol := range map[string]api.Protocol{demo.Authelia: api.OIDC, demo.ADFS: api.SAML} {
			t.Run(string(flavour)+" "+provider, func(t *testing.T) {
				t.Parallel()
				w := newWorldOf(t, with(flavour, map[string]any{"Enabled": false}), api.CredentialAdmin)
				req := api.LinkRequest{UserID: w.account(t, "guest").ID, Protocol: protocol, Provider: provider}
				plan, err := w.Plan(t.Context(), req)
				if err == nil {
					t.Fatalf("planned by %s", plan.Strategy)
				}
				for _, o := range plan.Options {
					if want := o.Strategy == api.StrategySubject && flavour != api.FlavourFlowfin; o.OK != want {
						t.Errorf("%s: %t", o.Strategy, o.OK)
					}
				}
				req.Strategy, req.Name = api.StrategySubject, "somebody"
				change, err := w.Link(t.Context(), req, person{})
				if flavour == api.FlavourFlowfin {
					e, ok := errors.AsType[*api.Error](err)
					if !ok || e.Why != api.WhySwitchedOff || w.requests(http.MethodPost, "/Preprovision/") > 1 { // one is the detection's
						t.Errorf("%v", err)
					}
					return
				}
				plan, planErr := w.Plan(t.Context(), req)
				if err != nil || change.State != api.ChangeConfirmed || planErr != nil || !slices.Contains(whys(plan.Remarks), "warn-switched-off") {
					t.Errorf("%+v, %v; %+v, %v", change, err, plan.Remarks, planErr)
				}
			})
		}
	}
}

// TestAnIssuerThatDiffers: the error names the issuer and does not say that the provider cannot be reached.
func TestAnIssuerThatDiffers(t *testing.T) {
	t.Parallel()
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := "http://" + r.Host
		fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%[2]q,"jwks_uri":%[2]q}`,
			own+"/application/o/jellyfin/", own+"/x")
	}))
	t.Cleanup(idp.Close)
	o := with(api.Flavour9p4, nil)
	o.Config = func(name string, config map[string]any) {
		if name == demo.Keycloak {
			config["OidEndpoint"] = idp.URL
		}
	}
	w := newWorldOf(t, o, api.CredentialAdmin)
	_, err := w.Link(t.Context(), api.LinkRequest{
		UserID: w.account(t, "guest").ID, Protocol: api.OIDC, Provider: demo.Keycloak, Strategy: api.StrategyRelay,
	}, person{login: demo.NewcomerLogin})
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Why != "unusable-issuer" {
		t.Errorf("%v", err)
	}
}

// TestAResponseRefusedWithoutAReason: our own check of the same response gives the reason.
func TestAResponseRefusedWithoutAReason(t *testing.T) {
	t.Parallel()
	other := anotherCertificate(t)
	for name, c := range map[string]struct {
		flavour  api.Flavour
		settings map[string]any
		why      api.Why
		because  string // or the part
	}{
		"9p4, a certificate":        {api.Flavour9p4, map[string]any{"SamlCertificate": other}, "answer", ""},
		"Flowfin, a certificate":    {api.FlavourFlowfin, map[string]any{"SamlCertificate": other}, "answer", ""},
		"Flowfin, by its own start": {api.FlavourFlowfin, map[string]any{"SamlCertificate": other, "SignAuthnRequests": true}, "refused-on-server", "answer"},
		"Flowfin, an audience":      {api.FlavourFlowfin, map[string]any{"SamlAudience": "urn:other"}, "response-refused", "saml-audience"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := with(c.flavour, nil)
			o.Config = func(name string, config map[string]any) {
				if name == demo.ADFS {
					maps.Copy(config, c.settings)
				}
			}
			w := newWorldOf(t, o, api.CredentialAdmin)
			_, err := w.Link(t.Context(), api.LinkRequest{UserID: w.account(t, "guest").ID, Protocol: api.SAML, Provider: demo.ADFS},
				person{login: demo.NewcomerLogin})
			e, ok := errors.AsType[*api.Error](err)
			if !ok || e.Code != api.CodeSignInInvalid && e.Code != api.CodeSignInRefused || e.Why != c.why || e.Params["because"] != c.because {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestTheSecondCertificate: while the provider changes its key, the plugin's second certificate counts as well, for the server
// and for our own check.
func TestTheSecondCertificate(t *testing.T) {
	t.Parallel()
	other := anotherCertificate(t)
	for _, strategy := range []api.Strategy{api.StrategyRelay, api.StrategyAssertion} {
		t.Run(string(strategy), func(t *testing.T) {
			t.Parallel()
			o := with(api.FlavourFlowfin, nil)
			o.Config = func(name string, config map[string]any) {
				if name == demo.ADFS {
					config["SamlCertificate"], config["SamlSecondaryCertificate"] = other, config["SamlCertificate"]
				}
			}
			w := newWorldOf(t, o, api.CredentialAdmin)
			c, err := w.Link(t.Context(), api.LinkRequest{
				UserID: w.account(t, "guest").ID, Protocol: api.SAML, Provider: demo.ADFS, Strategy: strategy,
			}, person{login: demo.NewcomerLogin})
			if err != nil || c.State != api.ChangeConfirmed {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
}

// anotherCertificate returns a certificate in the plugin's format that no provider of the demo world uses.
func anotherCertificate(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}
