package link_test

import (
	"maps"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

// TestPlanReadsTheCertificate: with a certificate that the server cannot read, no sign-in works, and the plan says so before
// anybody signs in.
func TestPlanReadsTheCertificate(t *testing.T) {
	t.Parallel()
	good := anotherCertificate(t)
	for name, c := range map[string]struct {
		certificate string
		why         api.Why
	}{
		"PEM text":   {"-----BEGIN CERTIFICATE-----\n" + good + "\n-----END CERTIFICATE-----\n", "certificate-pem"},
		"no padding": {good[:101], "certificate-unreadable"},
		"readable":   {good, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := with(api.Flavour9p4, nil)
			o.Config = func(name string, config map[string]any) {
				if name == demo.ADFS {
					maps.Copy(config, map[string]any{"SamlCertificate": c.certificate})
				}
			}
			w := newWorldOf(t, o, api.CredentialAdmin)
			plan, _ := w.Plan(t.Context(), api.LinkRequest{UserID: w.account(t, "guest").ID, Protocol: api.SAML, Provider: demo.ADFS})
			found := false
			for _, option := range plan.Options {
				found = found || option.Why == c.why
				if c.why == "certificate-pem" && option.OK && option.Strategy != api.StrategySubject {
					t.Errorf("%s would work", option.Strategy)
				}
			}
			if c.why != "" && !found || c.why == "" && !plan.OK {
				t.Errorf("plan %+v", plan)
			}
		})
	}
}
