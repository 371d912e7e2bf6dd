package oidcflow_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/oidcflow"
)

// The tests here speak with the demo world's provider, which is built on zitadel/oidc.

// TestDeviceAtProvider signs in on another device with each kind of client.
func TestDeviceAtProvider(t *testing.T) {
	t.Parallel()
	p := serve(t, "/realms/home", func(o *idp.OIDCOptions) { o.DeviceInterval = time.Second })
	for _, id := range []string{idp.ClientJellyfin, idp.ClientApp, idp.ClientAppSecret} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			client := oidcflow.Client{
				Issuer: p.Issuer(), ClientID: id, Secret: p.ClientSecret(id), Scopes: []string{"openid", "profile", "email"},
				Rule: api.NameRule{Claim: "preferred_username", Fallback: "sub"},
			}
			device, err := oidcflow.StartDevice(t.Context(), client, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(device.Show.CompleteURL, device.Show.Code) || device.Show.Host == "" {
				t.Errorf("%+v", device.Show)
			}
			approved := make(chan error, 1)
			go func() {
				approved <- visitor.New().Approve(t.Context(), device.Show.URL, device.Show.Code, "team/ops")
			}()
			got, err := device.Wait(t.Context())
			if err := errors.Join(err, <-approved); err != nil {
				t.Fatal(err)
			}
			want := oidcflow.Identity{
				Name: "team/ops", Claim: "preferred_username", Issuer: p.Issuer(), Subject: "http://idp.example/u/1",
				DisplayName: "Ops", Email: "ops@home.example",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDeviceRefusedAtProvider(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*idp.OIDCOptions)
		deny   bool
		want   api.Code
		why    api.Why
	}{
		{"denied", func(*idp.OIDCOptions) {}, true, api.CodeSignInRefused, "device-denied"},
		{"expired", func(o *idp.OIDCOptions) { o.DeviceLife = 2 * time.Second }, false, api.CodeTimeout, "device-expired"},
		{"switched off", func(o *idp.OIDCOptions) { o.NoDeviceFlow = true }, false, api.CodeUnsupported, "device-missing"},
		{
			"switched off for the client", func(o *idp.OIDCOptions) { o.NoDeviceClients = []string{idp.ClientApp} }, false,
			api.CodeUnsupported, "device-forbidden",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, "", func(o *idp.OIDCOptions) { o.DeviceInterval = time.Second }, c.change)
			client := oidcflow.Client{Issuer: p.Issuer(), ClientID: idp.ClientApp, Rule: bySubject}
			device, err := oidcflow.StartDevice(t.Context(), client, nil)
			if err == nil {
				if c.deny {
					err = visitor.New().Approve(t.Context(), device.Show.CompleteURL, "", visitor.Cancel)
				}
				if err != nil {
					t.Fatal(err)
				}
				_, err = device.Wait(t.Context())
			}
			checkError(t, err, c.want, "")
			if e, ok := errors.AsType[*api.Error](err); !ok || e.Why != c.why {
				t.Errorf("%s, want %s", e.Why, c.why)
			}
		})
	}
}

// TestPushAtProvider signs in as the plugin's client where the provider takes pushed requests only, which it says before
// anybody is asked to sign in.
func TestPushAtProvider(t *testing.T) {
	t.Parallel()
	p := serve(t, "", func(o *idp.OIDCOptions) { o.Pushed, o.NoResponseIssuer = idp.PushedRequired, true })
	client := oidcflow.Client{
		Issuer: p.Issuer(), ClientID: idp.ClientJellyfin, Secret: p.ClientSecret(idp.ClientJellyfin), Rule: bySubject,
		RedirectPath: "/sso/OID/redirect/authelia",
	}
	got, err := oidcflow.Run(t.Context(), client, oidcflow.Options{}, signIn(t, "maria"))
	if err != nil || got.Name != "6f1c2a9e-maria" {
		t.Errorf("%+v, %v", got, err)
	}
	client.RedirectPath = "/elsewhere"
	_, err = oidcflow.Run(t.Context(), client, oidcflow.Options{}, func(context.Context, api.SignIn) error {
		t.Error("a person was asked")
		return nil
	})
	checkError(t, err, api.CodeSignInRefused, "/elsewhere")
}

// TestOddClaims compares the names that claims of each kind become with what the servers were measured to make of them.
func TestOddClaims(t *testing.T) {
	t.Parallel()
	const subject = "6f1c2a9e-maria"
	for _, c := range []struct {
		name   string
		claim  string
		value  any
		scopes []string
		want   string
		device bool // in the device flow too, which takes a second
	}{
		{name: "true", value: true, want: "true"},
		{name: "list", value: []any{"a", "b"}, want: "b", device: true},
		{name: "list of one", value: []any{"solo"}, want: "solo"},
		{name: "empty list", value: []any{}, want: subject},
		{name: "object", value: map[string]any{"a": 1}, want: `{"a":1}`},
		{name: "number", value: 1234567890123, want: "1234567890123"},
		{name: "blanks", value: " maria\t", want: " maria\t"},
		{name: "no claim", value: nil, want: subject},
		{name: "empty text", value: "", want: "", device: true},
		{name: "another claim", claim: "uid", value: "u-1", want: "u-1"},
		{name: "e-mail without its scope", claim: "email", value: "m@x", want: subject},
		{name: "e-mail", claim: "email", value: "m@x", scopes: []string{"openid", "profile", "email"}, want: "m@x"},
		{name: "openid alone", value: "maria", scopes: []string{"openid"}, want: subject},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.claim == "" {
				c.claim = "preferred_username"
			}
			p := serve(t, "", func(o *idp.OIDCOptions) {
				maria := people[0]
				maria.Claims = map[string]any{c.claim: c.value}
				o.People, o.DeviceInterval = []idp.Person{maria}, time.Second
			})
			client := oidcflow.Client{
				Issuer: p.Issuer(), ClientID: idp.ClientApp, Scopes: c.scopes, Rule: api.NameRule{Claim: c.claim, Fallback: "sub"},
			}
			check := func(got oidcflow.Identity, err error) {
				t.Helper()
				if c.want == "" {
					checkError(t, err, api.CodeNameInvalid, "this person")
				} else if err != nil || got.Name != c.want || got.Subject != subject {
					t.Errorf("%+v, %v; want %q", got, err, c.want)
				}
			}
			check(oidcflow.Run(t.Context(), client, oidcflow.Options{}, func(_ context.Context, s api.SignIn) error {
				// The page says that it failed where the name cannot be linked.
				_, err := visitor.New().SignIn(t.Context(), s.ShortURL, "maria")
				if err != nil && c.want != "" {
					t.Error(err)
				}
				return nil
			}))
			if !c.device {
				return
			}
			device, err := oidcflow.StartDevice(t.Context(), client, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := visitor.New().Approve(t.Context(), device.Show.URL, device.Show.Code, "maria"); err != nil {
				t.Fatal(err)
			}
			check(device.Wait(t.Context()))
		})
	}
}
