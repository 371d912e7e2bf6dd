package oidcflow_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/oidcflow"
)

// TestTry asks a real provider, which allows the plugin's client only the plugin's paths.
func TestTry(t *testing.T) {
	t.Parallel()
	p := serve(t, "/realms/home")
	client := oidcflow.Client{
		Issuer: p.Issuer(), ClientID: idp.ClientJellyfin, Secret: p.ClientSecret(idp.ClientJellyfin), Rule: bySubject,
		Parameters: map[string]string{"prompt": "login"},
	}
	if sure, err := client.Try(t.Context(), "http://127.0.0.1:18711/jf/sso/OID/redirect/my%20idp"); err != nil || !sure {
		t.Errorf("%t, %v", sure, err)
	}
	_, err := client.Try(t.Context(), "http://127.0.0.1:18711/callback")
	checkError(t, err, api.CodeSignInRefused, "exactly this redirect URI")
	client.ClientID = "nobody"
	_, err = client.Try(t.Context(), "http://127.0.0.1:18711/sso/OID/redirect/idp")
	checkError(t, err, api.CodeSignInRefused, "for this client")
	client.Scopes, client.ClientID = []string{"profile"}, idp.ClientJellyfin
	_, err = client.Try(t.Context(), "http://127.0.0.1:18711/sso/OID/redirect/idp")
	checkError(t, err, api.CodeSignInRefused, "scopes")
}

func TestTryHostile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		h    *hostile
		sure bool
		want api.Code
	}{
		{"a code without a person", &hostile{}, true, ""},
		{"login required", &hostile{answer: func(v url.Values) { v.Del("code"); v.Set("error", "login_required") }}, true, ""},
		{
			"no scope", &hostile{answer: func(v url.Values) { v.Del("code"); v.Set("error", "invalid_scope") }},
			false, api.CodeSignInRefused,
		},
		{"another state", &hostile{answer: func(v url.Values) { v.Set("state", "x") }}, false, ""},
		{"a page", &hostile{begin: answers(200, "<html>")}, false, ""},
		{"an error page", &hostile{begin: answers(400, "<html>")}, false, api.CodeSignInRefused},
		{"a gate", &hostile{begin: answers(403, "<html>")}, false, ""},
		{"another address", &hostile{begin: redirectTo(http.StatusFound, "https://other.example/login")}, false, ""},
		{"a circle", &hostile{begin: redirectTo(http.StatusFound, "itself")}, false, ""},
		{
			"pushed, and refused", &hostile{
				metadata: set("require_pushed_authorization_requests", true), push: answers(400, `{"error":"invalid_request"}`),
			}, false, api.CodeSignInRefused,
		},
		{"pushed", &hostile{metadata: set("require_pushed_authorization_requests", true)}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.h.start(t)
			client := oidcflow.Client{Issuer: c.h.base, ClientID: "app", Rule: bySubject}
			sure, err := client.Try(t.Context(), "http://127.0.0.1:18711/callback")
			if sure != c.sure || err != nil != (c.want != "") {
				t.Errorf("%t, %v", sure, err)
			}
			if _, ok := errors.AsType[*api.Error](err); c.want != "" && (!ok || api.CodeOf(err) != c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if c.h.leaked.Load() || len(c.h.polled) > 0 {
				t.Error("the answer was used")
			}
		})
	}
}
