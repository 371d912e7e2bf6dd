package oidcflow

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
)

func TestServerRefuses(t *testing.T) {
	t.Parallel()
	const own = `"token_endpoint":"https://idp.example/token","jwks_uri":"https://IDP.example:443/keys"`
	for name, c := range map[string]struct {
		metadata string
		provider api.Provider
		why      api.Why
		endpoint string
	}{
		"all at one host":        {own, api.Provider{}, "", ""},
		"token elsewhere":        {`"token_endpoint":"https://oauth2.example/token"`, api.Provider{}, "server-refuses-endpoint", "token_endpoint"},
		"keys elsewhere":         {`"jwks_uri":"https://keys.example/k"`, api.Provider{}, "server-refuses-endpoint", "jwks_uri"},
		"sign-out elsewhere":     {own + `,"end_session_endpoint":"https://bye.example/"`, api.Provider{}, "server-refuses-endpoint", "end_session_endpoint"},
		"another port":           {`"token_endpoint":"https://idp.example:8443/token"`, api.Provider{}, "server-refuses-endpoint", "token_endpoint"},
		"another scheme":         {`"token_endpoint":"http://idp.example/token"`, api.Provider{}, "server-refuses-endpoint", "token_endpoint"},
		"a page elsewhere":       {own + `,"op_policy_uri":"https://www.example/"`, api.Provider{}, "", ""},
		"elsewhere, let":         {`"token_endpoint":"https://oauth2.example/token"`, api.Provider{OIDC: api.OIDCSettings{AnyEndpoint: true}}, "", ""},
		"no TLS":                 {``, api.Provider{Endpoint: "http://idp.example"}, "server-refuses-http", ""},
		"no TLS, let":            {``, api.Provider{Endpoint: "http://idp.example", OIDC: api.OIDCSettings{PlainHTTP: true}}, "", ""},
		"no TLS on this machine": {``, api.Provider{Endpoint: "http://127.0.0.1:9000/x"}, "", ""},
		"PKCE not announced":     {own, api.Provider{OIDC: api.OIDCSettings{NeedsPKCE: true}}, "server-refuses-pkce", ""},
		"PKCE plain only":        {own + `,"code_challenge_methods_supported":["plain"]`, api.Provider{OIDC: api.OIDCSettings{NeedsPKCE: true}}, "server-refuses-pkce", ""},
		"PKCE announced":         {own + `,"code_challenge_methods_supported":["S256"]`, api.Provider{OIDC: api.OIDCSettings{NeedsPKCE: true}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m Metadata
			if err := json.Unmarshal([]byte("{"+c.metadata+"}"), &m); err != nil {
				t.Fatal(err)
			}
			if c.provider.Endpoint == "" {
				c.provider.Endpoint = "https://idp.example/.well-known/openid-configuration"
			}
			err := m.ServerRefuses(c.provider)
			if c.why == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := errors.AsType[*api.Error](err)
			if !ok || e.Why != c.why || e.Params["endpoint"] != c.endpoint || e.Params["setting"] == "" {
				t.Errorf("%v", err)
			}
		})
	}
}
