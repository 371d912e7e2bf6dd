package link_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/link"
)

// TestCancelledWhileVerifying: the session that the verification opened is still ended.
func TestCancelledWhileVerifying(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	ctx, cancel := context.WithCancel(t.Context())
	w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/OID/Auth/") {
			cancel()
		}
		return false
	}, "")
	_, err := w.Verify(ctx, link.VerifyRequest{Protocol: api.OIDC, Provider: demo.Authelia}, person{login: "jonas"})
	if err != nil && !api.IsCode(err, api.CodeCancelled) {
		t.Errorf("verify: %v", err)
	}
	if w.requests(http.MethodPost, "/OID/Auth/") != 1 || w.requests(http.MethodPost, "/Sessions/Logout") != 1 {
		t.Error("the session was not ended")
	}
}

// TestVerifyReadsTheAccountsOnce, after the sign-in.
func TestVerifyReadsTheAccountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	v, err := w.Verify(t.Context(), link.VerifyRequest{Protocol: api.OIDC, Provider: demo.Authelia}, person{login: "jonas"})
	if err != nil || v.Account.Name != "admin" {
		t.Errorf("%+v, %v", v, err)
	}
	if n := w.everybody(); n != 1 {
		t.Errorf("the accounts were read %d times", n)
	}
}

// TestVerifiedSessionThatStays: the error says which account the identity opens, and that a session is left.
func TestVerifiedSessionThatStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/Sessions/Logout") {
			return false
		}
		http.Error(rw, "", http.StatusInternalServerError)
		return true
	}, "")
	_, err := w.Verify(t.Context(), link.VerifyRequest{Protocol: api.OIDC, Provider: demo.Authelia}, person{login: "jonas"})
	if whyOf(err) != "session-left" {
		t.Errorf("got %v", err)
	}
}
