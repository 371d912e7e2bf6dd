package e2e_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// startWhys are the reasons that Start gives for the proxies that do not pass the Host on.
var startWhys = map[string]api.Why{
	"nginx by server_name, the default server closes": "proxied-closed",
	"nginx replaces the Host":                         "led-name",
	"nginx redirects to the name":                     "proxied-name",
	"nginx with a bare proxy_pass":                    "led-host",
	"Caddy by name":                                   "proxied-empty",
	"HAProxy with an ACL":                             "proxied-failed",
	"Apache by name, another default site":            "proxied-refused",
}

// behindProxy is the plugin of a demo world as its administrator sees it through a real proxy.
func behindProxy(t *testing.T, p reverseProxy) (*ssoplugin.Plugin, *demo.World, jellyfin.SignedIn, string) {
	t.Helper()
	w, err := demo.Start(t.Context(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	address, certificate := p.start(t, strings.TrimPrefix(w.URL(), "http://"))
	sum := sha256.Sum256(certificate)
	client, err := jellyfin.New(jellyfin.Options{URL: address, DeviceID: "e2e", PinnedSHA256: hex.EncodeToString(sum[:])})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	info, err := client.PublicInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name, password := w.Admin()
	in, err := client.SignIn(t.Context(), name, password)
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := ssoplugin.Detect(t.Context(), client.WithCredential(in.Token), api.CredentialAdmin, &in.User)
	if err != nil {
		t.Fatal(err)
	}
	return plugin, w, in, info.ID
}

// TestStartThroughProxies: each real proxy is recognised by what it makes of a start that names the loopback, at once and
// for both protocols.
func TestStartThroughProxies(t *testing.T) {
	t.Parallel()
	for _, p := range reverseProxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			plugin, _, _, id := behindProxy(t, p)
			for protocol, provider := range map[api.Protocol]string{api.OIDC: demo.Authelia, api.SAML: demo.ADFS} {
				began := time.Now()
				_, err := plugin.Start(t.Context(), ssoplugin.StartRequest{
					Protocol: protocol, Provider: provider, Host: "127.0.0.1:18701", Linking: true, ServerID: id,
				})
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("%s: took %s", protocol, took)
				}
				if p.passesHost {
					if err != nil {
						t.Errorf("%s: %v", protocol, err)
					}
					continue
				}
				e, ok := errors.AsType[*api.Error](err)
				if !ok || e.Code != api.CodeLoopbackUnreachable || e.Why != startWhys[p.name] {
					t.Errorf("%s: %v (%s)", protocol, err, api.CodeOf(err))
				}
			}
		})
	}
}

// TestSAMLLinkThroughProxies: with a request of our own, SAML links through every proxy.
func TestSAMLLinkThroughProxies(t *testing.T) {
	t.Parallel()
	for _, p := range reverseProxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			plugin, w, in, _ := behindProxy(t, p)
			provider, err := plugin.Provider(t.Context(), api.SAML, demo.ADFS)
			if err != nil {
				t.Fatal(err)
			}
			result, err := samlflow.Run(t.Context(), samlflow.Request{
				Endpoint: provider.Endpoint, ClientID: provider.ClientID, Audience: provider.SAML.Audience,
				Certificate: provider.Certificate, Callback: ssoplugin.CallbackPath(provider), Judge: samlflow.ServersToo,
			}, samlflow.Options{Now: time.Now, Seen: &samlflow.Replay{}}, func(ctx context.Context, s api.SignIn) error {
				_, err := visitor.New().SignIn(ctx, s.URL, demo.TourName)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := plugin.PostLink(t.Context(), api.SAML, demo.ADFS, in.User.ID, result.Response, nil); err != nil {
				t.Fatal(err)
			}
			person, _ := w.Person(demo.TourName)
			link := api.Link{Identity: w.Identity(api.SAML, demo.ADFS, person), UserID: in.User.ID}
			if err := plugin.DeleteLink(t.Context(), link); err != nil || result.NameID != link.Name {
				t.Errorf("linked %q, want %q: %v", result.NameID, link.Name, err)
			}
		})
	}
}
