package oidcflow_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/secret"
)

// signInByDevice signs in on another device at h, in a bubble where time passes at once.
func (h *hostile) signInByDevice(t *testing.T, client oidcflow.Client) (oidcflow.Identity, error) {
	t.Helper()
	client.Transport = h.inMemory(t)
	client.Issuer, client.ClientID = h.base, "app"
	if client.Rule == (api.NameRule{}) {
		client.Rule = bySubject
	}
	device, err := oidcflow.StartDevice(t.Context(), client, nil)
	if err != nil {
		return oidcflow.Identity{}, err
	}
	return device.Wait(t.Context())
}

// refusing answers the first polls with these codes, and then lets the sign-in succeed. The last code is repeated when it
// ends with "…".
func refusing(codes ...string) func(http.ResponseWriter, *http.Request) bool {
	var polls atomic.Int32
	return func(w http.ResponseWriter, _ *http.Request) bool {
		i := int(polls.Add(1)) - 1
		if last := len(codes) - 1; i > last && strings.HasSuffix(codes[last], "…") {
			i = last
		}
		if i >= len(codes) {
			return false
		}
		return answers(http.StatusBadRequest, `{"error":"`+strings.TrimSuffix(codes[i], "…")+`"}`)(w, nil)
	}
}

// device changes the device authorization response.
func device(h *hostile, changes map[string]any) *hostile {
	h.device = func(w http.ResponseWriter, _ *http.Request) bool {
		m := h.deviceAnswer()
		maps.Copy(m, changes)
		maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
		writeJSON(w, m)
		return true
	}
	return h
}

// TestDevice measures when the provider is asked (RFC 8628, section 3.5).
func TestDevice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		h     *hostile
		polls []time.Duration // since the start
	}{
		{"at once", &hostile{}, []time.Duration{5 * time.Second}},
		{
			"after a while", &hostile{redeem: refusing("authorization_pending", "authorization_pending")},
			[]time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second},
		},
		{
			"slower", &hostile{redeem: refusing("slow_down", "authorization_pending", "slow_down")},
			[]time.Duration{5 * time.Second, 15 * time.Second, 25 * time.Second, 40 * time.Second},
		},
		{"another interval", device(&hostile{}, map[string]any{"interval": 2}), []time.Duration{2 * time.Second}},
		{"an interval as text", device(&hostile{}, map[string]any{"interval": "2"}), []time.Duration{2 * time.Second}},
		{"no interval", device(&hostile{}, map[string]any{"interval": nil}), []time.Duration{5 * time.Second}},
		{"an interval below zero", device(&hostile{}, map[string]any{"interval": -1e18}), []time.Duration{5 * time.Second}},
		{"an interval beyond all", device(&hostile{}, map[string]any{"interval": 1e300}), []time.Duration{time.Minute}},
		{"no lifetime", device(&hostile{}, map[string]any{"expires_in": nil}), []time.Duration{5 * time.Second}},
		{"a lifetime beyond all", device(&hostile{}, map[string]any{"expires_in": 1e300}), []time.Duration{5 * time.Second}},
		{"Google's name of the address", device(&hostile{}, map[string]any{
			"verification_uri": nil, "verification_url": "https://idp.example/device",
		}), []time.Duration{5 * time.Second}},
		{"the provider has a fault for a while", &hostile{redeem: faults()}, []time.Duration{5 * time.Second, 15 * time.Second, 35 * time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				got, err := c.h.signInByDevice(t, oidcflow.Client{})
				if err != nil || got.Name != "subject-1" || got.Issuer != "https://idp.example" {
					t.Fatalf("%+v, %v", got, err)
				}
				var polls []time.Duration
				for _, at := range c.h.polled {
					polls = append(polls, at.Sub(began))
				}
				if diff := cmp.Diff(c.polls, polls); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// faults answers twice as a provider behind a proxy does while it restarts.
func faults() func(http.ResponseWriter, *http.Request) bool {
	var polls atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) bool {
		switch polls.Add(1) {
		case 1:
			return answers(http.StatusBadGateway, "<html>")(w, r)
		case 2:
			return answers(http.StatusTooManyRequests, "{}")(w, r)
		}
		return false
	}
}

// TestDeviceProviderAway loses the connection while the person signs in.
func TestDeviceProviderAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hostile{}
		inner := h.inMemory(t)
		var polls atomic.Int32
		client := oidcflow.Client{Issuer: h.base, ClientID: "app", Rule: bySubject}
		client.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/token" && polls.Add(1) < 3 {
				return nil, io.ErrUnexpectedEOF
			}
			return inner.RoundTrip(req)
		})
		device, err := oidcflow.StartDevice(t.Context(), client, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := device.Wait(t.Context()); err != nil || got.Subject != "subject-1" || polls.Load() != 3 {
			t.Errorf("%+v after %d polls, %v", got, polls.Load(), err)
		}
	})
}

func TestDeviceShows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hostile{}
		var form url.Values
		h.device = func(_ http.ResponseWriter, r *http.Request) bool { form = r.PostForm; return false }
		client := oidcflow.Client{ClientID: "app", Rule: bySubject, Scopes: []string{"openid", "profile", "groups"}}
		client.Transport = h.inMemory(t)
		client.Issuer = h.base
		device, err := oidcflow.StartDevice(t.Context(), client, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(api.DeviceSignIn{
			Code: "WDJB-MJHT", URL: "https://idp.example/device", CompleteURL: "https://idp.example/device?user_code=WDJB-MJHT",
			Host: "idp.example", Deadline: time.Now().Add(10 * time.Minute),
		}, device.Show); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(url.Values{"client_id": {"app"}, "scope": {"openid profile groups"}}, form); diff != "" {
			t.Error(diff)
		}
	})
}

// TestDeviceCompleteURL leaves out an address that would lead the person to another host than the one shown.
func TestDeviceCompleteURL(t *testing.T) {
	t.Parallel()
	for _, address := range []any{
		"https://evil.example/device?user_code=WDJB-MJHT", "javascript:alert(1)", "https://idp.example:8443/", "", nil,
	} {
		h := device(&hostile{}, map[string]any{"verification_uri_complete": address})
		client := oidcflow.Client{ClientID: "app", Rule: bySubject}
		client.Transport = h.inMemory(t)
		client.Issuer = h.base
		d, err := oidcflow.StartDevice(t.Context(), client, nil)
		if err != nil || d.Show.CompleteURL != "" {
			t.Errorf("%v: %+v, %v", address, d, err)
		}
	}
}

// TestDeviceClient looks at how the client proves itself, at the device endpoint as at the token endpoint.
func TestDeviceClient(t *testing.T) {
	t.Parallel()
	methods := func(list ...string) func(map[string]any) { return set("token_endpoint_auth_methods_supported", list) }
	for _, c := range []struct {
		name     string
		metadata func(map[string]any)
		secret   secret.Value
		want     string
	}{
		{"public", nil, secret.Value{}, "none"},
		{"by default", nil, secret.New("s/1 +"), "basic app s%2F1+%2B"},
		{"both", methods("client_secret_post", "client_secret_basic"), secret.New("s1"), "basic app s1"},
		{"in the form", methods("client_secret_post"), secret.New("s/1 +"), "post app s/1 +"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &hostile{metadata: c.metadata}
				if _, err := h.signInByDevice(t, oidcflow.Client{Secret: c.secret}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{c.want, c.want}, h.client); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestHostileDevice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		h     *hostile
		want  api.Code
		why   api.Why
		hint  string
		after time.Duration // how long it took
	}{
		// What the provider refuses.
		{"no endpoint", &hostile{metadata: set("device_authorization_endpoint", nil)}, api.CodeUnsupported, "device-missing", "device authorization grant", 0},
		{"not found", &hostile{device: answers(404, `<html>`)}, api.CodeUnsupported, "device-missing", "device authorization grant", 0},
		{"client may not", &hostile{device: answers(400, `{"error":"unauthorized_client"}`)}, api.CodeUnsupported, "device-forbidden", "Switch on", 0},
		{"client may not, said late", &hostile{redeem: refusing("unauthorized_client")}, api.CodeUnsupported, "device-forbidden", "Switch on", 5 * time.Second},
		{"grant unknown", &hostile{redeem: refusing("unsupported_grant_type")}, api.CodeUnsupported, "device-forbidden", "Switch on", 5 * time.Second},
		{"client unknown", &hostile{device: answers(401, `{"error":"invalid_client"}`)}, api.CodeSignInRefused, "client-secretless", "no secret here", 0},
		{"scope", &hostile{device: answers(400, `{"error":"invalid_scope","error_description":"no\u001b[1m"}`)}, api.CodeSignInRefused, "device-refused", "openid profile", 0},
		{"fault", &hostile{device: answers(503, ``)}, api.CodeProviderUnreachable, "unusable-status", "log", 0},
		{"denied", &hostile{redeem: refusing("authorization_pending", "access_denied")}, api.CodeSignInRefused, "device-denied", "Try again", 10 * time.Second},
		{"expired", &hostile{redeem: refusing("expired_token")}, api.CodeTimeout, "device-expired", "another code", 5 * time.Second},
		{"code of another client", &hostile{redeem: refusing("invalid_grant")}, api.CodeSignInRefused, "device-code-refused", "another code", 5 * time.Second},
		{"other error", &hostile{redeem: answers(400, `{"error":"x\u001b","error_description":"device-1 and more"}`)}, api.CodeSignInRefused, "device-refused", "app", 5 * time.Second},

		// It ends, whatever the provider says.
		{"pending for ever", &hostile{redeem: refusing("authorization_pending…")}, api.CodeTimeout, "device-expired", "another code", 10 * time.Minute},
		{"slower for ever", &hostile{redeem: refusing("slow_down…")}, api.CodeTimeout, "device-expired", "another code", 10 * time.Minute},
		{"faults for ever", &hostile{redeem: answers(500, ``)}, api.CodeTimeout, "device-expired", "another code", 10 * time.Minute},
		{"pending without a lifetime", device(&hostile{redeem: refusing("authorization_pending…")}, map[string]any{"expires_in": nil}), api.CodeTimeout, "device-expired", "another code", 5 * time.Minute},
		{"pending until the end of time", device(&hostile{redeem: refusing("authorization_pending…")}, map[string]any{"expires_in": 9e18}), api.CodeTimeout, "device-expired", "another code", time.Hour},

		// What it wants to show.
		{"address with a scheme", device(&hostile{}, map[string]any{"verification_uri": "javascript:alert(1)"}), api.CodeAddressRefused, "address-scheme", "settings", 0},
		{"address with a user", device(&hostile{}, map[string]any{"verification_uri": "https://idp.example@evil.example/"}), api.CodeAddressRefused, "address", "settings", 0},
		{"no address", device(&hostile{}, map[string]any{"verification_uri": nil}), api.CodeAddressRefused, "address", "settings", 0},
		{"no code", device(&hostile{}, map[string]any{"user_code": nil}), api.CodeSignInInvalid, "answer", "Sign in again", 0},
		{"no device code", device(&hostile{}, map[string]any{"device_code": nil}), api.CodeSignInInvalid, "answer", "Sign in again", 0},
		{"code with escapes", device(&hostile{}, map[string]any{"user_code": "A\x1b[2J"}), api.CodeSignInInvalid, "answer", "Sign in again", 0},
		{"code that is a book", device(&hostile{}, map[string]any{"user_code": strings.Repeat("A", 65)}), api.CodeSignInInvalid, "answer", "Sign in again", 0},
		{"no JSON", &hostile{device: answers(200, `<html>`)}, api.CodeSignInInvalid, "answer", "Sign in again", 0},
		{"too much", &hostile{device: answers(200, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`)}, api.CodeProviderUnreachable, "idp-too-much", "endpoint", 0},
		{"redirect", &hostile{device: redirectTo(http.StatusTemporaryRedirect, "same host")}, api.CodeRedirectRefused, "idp-redirects", "issuer", 0},

		// The tokens.
		{"tokens lead elsewhere", &hostile{redeem: redirectTo(http.StatusTemporaryRedirect, "same host")}, api.CodeRedirectRefused, "idp-redirects", "issuer", 5 * time.Second},
		{"tokens are too much", &hostile{redeem: answers(200, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`)}, api.CodeSignInInvalid, "answer", "", 5 * time.Second},
		{"token for another client", &hostile{claims: set("aud", "other")}, api.CodeSignInInvalid, "answer", "", 5 * time.Second},
		{"token of another issuer", &hostile{claims: set("iss", "https://other.example")}, api.CodeSignInInvalid, "answer", "", 5 * time.Second},
		{"token of another sign-in", &hostile{claims: set("nonce", "n")}, api.CodeSignInInvalid, "answer", "", 5 * time.Second},
		{"token authorized for another", &hostile{claims: set("azp", "other")}, api.CodeSignInInvalid, "answer", "", 5 * time.Second},
		{"token without signature", &hostile{sign: unsigned}, api.CodeSignInInvalid, "answer", "", 5 * time.Second},
		{"token from long ago", &hostile{claims: set("exp", time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC).Unix())}, api.CodeSignInInvalid, "answer-time", "clocks", 5 * time.Second},
		{"no ID token", &hostile{token: set("id_token", nil)}, api.CodeSignInInvalid, "answer", "", 5 * time.Second},
		{"access token of another type", &hostile{token: set("token_type", "DPoP")}, api.CodeSignInInvalid, "answer", "", 5 * time.Second},
		{"access token of another ID token", &hostile{claims: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")}, api.CodeSignInInvalid, "answer", "", 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := c.h.signInByDevice(t, oidcflow.Client{})
				took := time.Since(began)
				checkError(t, err, c.want, c.hint)
				e, ok := errors.AsType[*api.Error](err)
				if !ok || e.Why != c.why || took != c.after {
					t.Errorf("%s after %s, want %s after %s", e.Why, took, c.why, c.after)
				}
				e = inWords(e)
				if strings.Contains(e.Sentence+e.Hint, "device-1") || strings.ContainsAny(e.Sentence+e.Hint, "\x1b") {
					t.Errorf("%q, %q", e.Sentence, e.Hint)
				}
				if c.h.leaked.Load() {
					t.Error("a secret was sent elsewhere")
				}
			})
		})
	}
}

func TestDeviceIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hostile{redeem: refusing("authorization_pending…")}
		client := oidcflow.Client{ClientID: "app", Rule: bySubject}
		client.Transport = h.inMemory(t)
		client.Issuer = h.base
		device, err := oidcflow.StartDevice(t.Context(), client, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(12*time.Second, cancel)
		began := time.Now()
		_, err = device.Wait(ctx)
		checkError(t, err, api.CodeCancelled, "")
		if took := time.Since(began); took != 12*time.Second {
			t.Errorf("cancelled after %s", took)
		}
		_, err = oidcflow.StartDevice(ctx, client, nil)
		checkError(t, err, api.CodeCancelled, "")
	})
}

// TestDevicesAtOnce lets several people sign in at the same time, each with a code of their own.
func TestDevicesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const people = 5
		h := &hostile{redeem: refusing(slices.Repeat([]string{"authorization_pending"}, 2*people)...)}
		client := oidcflow.Client{ClientID: "app", Rule: bySubject}
		client.Transport = h.inMemory(t)
		client.Issuer = h.base
		errs := make(chan error)
		for range people {
			device, err := oidcflow.StartDevice(t.Context(), client, nil)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				_, err := device.Wait(t.Context())
				errs <- err
			}()
		}
		for range people {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}
