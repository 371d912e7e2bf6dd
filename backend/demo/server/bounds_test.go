package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestMemoryIsBounded makes sure that a world that runs for days does not grow with what anybody may ask of it.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	s := New(Options{Now: func() time.Time { return now }})
	s.AddUser(UserSpec{Name: "ann", Password: "pw"})
	if err := s.AddSAMLProvider("idp", map[string]any{"SamlEndpoint": "http://127.0.0.1:1/", "Enabled": true}); err != nil {
		t.Fatal(err)
	}
	ask := func(method, path string, want int) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		r.Header.Set("Authorization", `MediaBrowser Client="test", Device="test", DeviceId="test", Version="1"`)
		answer := httptest.NewRecorder()
		if s.ServeHTTP(answer, r); answer.Code != want {
			t.Fatalf("%s %s: %d", method, path, answer.Code)
		}
	}
	for range 100 {
		now = now.Add(time.Minute)
		ask(http.MethodGet, "/sso/SAML/start/idp", http.StatusFound)
		ask(http.MethodPost, "/QuickConnect/Initiate", http.StatusOK)
	}
	p := newPolicy()
	for range 3 * policiesMost {
		p.InvalidLoginAttemptCount++
		s.encodedPolicy(p)
	}
	if len(s.requests) > 20 || len(s.quick) > 20 || len(s.policies) > policiesMost {
		t.Errorf("%d SAML requests, %d Quick Connect requests, %d policies", len(s.requests), len(s.quick), len(s.policies))
	}
}
