package views_test

import (
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

var providersCases = map[string]func() *state.State{
	"providers-unfolded": func() *state.State {
		return after(opened(german, false), state.Go{Screen: state.ScreenProviders}, state.UnfoldProvider{ID: "oidc/authelia"})
	},
	"providers": func() *state.State {
		return after(
			opened(api.Settings{}, false),
			state.Go{Screen: state.ScreenProviders},
			state.EditProvider{ID: "oidc/authelia"},
			state.ProviderTested{
				ID:     "oidc/authelia",
				Result: api.ProviderTest{OK: true, Facts: []api.Fact{{Name: "Issuer", Value: hostile}}},
			},
		)
	},
	"providers-certificate": func() *state.State {
		return after(
			opened(api.Settings{}, false),
			state.Go{Screen: state.ScreenProviders},
			state.ProviderTested{ID: "oidc/authelia", Result: refused("")},
		)
	},
	"providers-certificate-changed": func() *state.State {
		return after(
			opened(api.Settings{}, false),
			state.Go{Screen: state.ScreenProviders},
			state.ProviderTested{ID: "oidc/authelia", Result: refused(strings.TrimSuffix(strings.Repeat("AB:", 32), ":"))},
		)
	},
	"providers-failed": func() *state.State {
		return after(opened(api.Settings{}, false), state.Go{Screen: state.ScreenProviders},
			state.ProvidersLoaded{Err: &api.Error{Code: api.CodeForbidden}})
	},
}

// refused is a test of a provider whose TLS certificate this computer does not trust.
func refused(pinned string) api.ProviderTest {
	sum := strings.TrimSuffix(strings.Repeat("CD:", 32), ":")
	e := &api.Error{
		Code: api.CodeCertificateUntrusted, Why: "idp-certificate",
		Params: map[string]string{"host": "idp.example", "sha256": sum, "provider": "authelia"},
	}
	if pinned != "" {
		e.Code, e.Why, e.Params["pinned"] = api.CodeCertificateChanged, "idp-certificate-other", pinned
	}
	return api.ProviderTest{
		Error: e, Pinned: pinned,
		Certificate: &api.Certificate{
			SHA256: sum, Subject: "CN=" + hostile, Issuer: "CN=home",
			NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		},
	}
}
