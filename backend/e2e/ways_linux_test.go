package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/secret"
)

// proxied is the name of the profile whose address is the real proxy's.
const proxied = "proxied"

// throughProxy is a demo world that is reached through a real proxy. known makes the server trust the proxy.
func throughProxy(t *testing.T, p reverseProxy, flavour api.Flavour, known bool) setUp {
	t.Helper()
	o := demo.Options{Flavour: flavour}
	if known {
		o.Server = func(o *server.Options) { o.KnownProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
	}
	s := newSetUp(t, o)
	address, certificate := p.start(t, strings.TrimPrefix(s.World.URL(), "http://"))
	e, err := s.Add(t.Context(), api.Server{URL: address}, proxied, fmt.Sprintf("%x", sha256.Sum256(certificate)))
	if err != nil {
		t.Fatal(err)
	}
	client, err := s.Client(e, secret.Value{})
	if err != nil {
		t.Fatal(err)
	}
	name, password := s.World.Admin()
	in, err := client.SignIn(t.Context(), name, password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Login(t.Context(), e, jellyfin.SignedIn{User: in.User, Token: in.Token}); err != nil {
		t.Fatal(err)
	}
	s.at = proxied
	s.typeSecret(flavour)
	return s
}

// TestMainJobThroughRealProxies: what the stand-ins promise holds for the real proxies.
func TestMainJobThroughRealProxies(t *testing.T) {
	t.Parallel()
	for i, p := range reverseProxies {
		flavour := flavours[i%len(flavours)]
		t.Run(p.name+", "+string(flavour), func(t *testing.T) {
			t.Parallel()
			s := throughProxy(t, p, flavour, i%2 == 0)
			admin := s.as(api.CredentialAdmin)
			for _, as := range []api.CredentialKind{api.CredentialAdmin, api.CredentialKey} {
				session := s.as(as)
				added, _ := mainJob(t, s.World, admin, session, api.OIDC, demo.Authelia)
				if want, _ := oidcStrategies(p.passesHost && i%2 != 0, flavour, as); added != want {
					t.Errorf("%s, OIDC: %s, want %s", as, added, want)
				}
				added, _ = mainJob(t, s.World, admin, session, api.SAML, demo.ADFS)
				if want, _ := samlStrategies(flavour, as); added != want {
					t.Errorf("%s, SAML: %s, want %s", as, added, want)
				}
			}
		})
	}
}

// ruled is a proxy with the rule that Jellybind gives for it.
func ruled(t *testing.T, p reverseProxy) reverseProxy {
	t.Helper()
	program := map[string]string{"nginx": "nginx", "caddy": "Caddy", "haproxy": "HAProxy", "apache2": "Apache"}[p.program]
	rules := link.ProxyRules(&url.URL{Scheme: "https", Host: proxyName + ":65000"})
	i := slices.IndexFunc(rules, func(r api.ProxyRule) bool { return r.Proxy == program })
	if i < 0 {
		t.Fatalf("no rule for %s", p.program)
	}
	// What a person fills in.
	rule := strings.NewReplacer(
		"JELLYFIN:8096", "{{.Upstream}}", "/path/to/"+proxyName+".crt", "{{.Cert}}", "/path/to/"+proxyName+".key", "{{.Key}}",
		"listen 65000", "listen 127.0.0.1:{{.Port}}", "https://:65000 {", "https://:{{.Port}} {\n\tbind 127.0.0.1", "65000", "{{.Port}}",
	).Replace(rules[i].Text)
	switch p.program {
	case "nginx":
		last := strings.LastIndex(p.config, "}")
		p.config = p.config[:last] + rule + "}\n"
	case "haproxy":
		front, back, _ := strings.Cut(rule, "backend jellybind\n")
		p.config = strings.Replace(p.config, "  acl jellyfin", front+"  acl jellyfin", 1) + "\nbackend jellybind\n" + back
	default:
		p.config += rule
	}
	return p
}

// TestRulesForRealProxies: with the rule that Jellybind gives, the relay works, whether the server trusts the proxy or not.
func TestRulesForRealProxies(t *testing.T) {
	t.Parallel()
	for i, p := range reverseProxies {
		if p.passesHost {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			flavour := flavours[i%len(flavours)]
			for _, known := range []bool{false, true} {
				s := throughProxy(t, ruled(t, p), flavour, known)
				admin := s.as(api.CredentialAdmin)
				if added, _ := mainJob(t, s.World, admin, admin, api.OIDC, demo.Authelia); added != api.StrategyRelay {
					t.Errorf("known %t: %s", known, added)
				}
			}
		})
	}
}

// TestNamesThroughRealProxies: a name that needs escaping is listed, added and removed through each proxy, or refused with the
// reason.
func TestNamesThroughRealProxies(t *testing.T) {
	t.Parallel()
	names := []string{"a/b", "100%", "c%2Fd", "a+b", "a?b", "a#b", "a;b"}
	for _, p := range reverseProxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourFlowfin} {
				s := throughProxy(t, p, flavour, false)
				session := s.as(api.CredentialAdmin)
				account, _ := s.World.Account(demo.TourName)
				for _, name := range names {
					change, err := session.Linker.Link(t.Context(), api.LinkRequest{
						UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: name,
					}, guest{})
					if err != nil {
						t.Errorf("%s: adding %q: %v", flavour, name, err)
						continue
					}
					l := api.Link{Identity: change.Identities[0], UserID: account.ID}
					if listed, err := session.Plugin.UserLinks(t.Context(), account.ID); err != nil || !slices.Contains(listed, l.Identity) {
						t.Errorf("%s: listing %q: %v, %v", flavour, name, listed, err)
					}
					_, err = session.Linker.Remove(t.Context(), link.RemoveRequest{Links: []api.Link{l}}, nobody)
					if flavour == api.FlavourFlowfin && strings.Contains(name, "/") {
						if !api.IsCode(err, api.CodeUnsupported) {
							t.Errorf("%s: removing %q: %v", flavour, name, err)
						}
						continue
					}
					if err != nil {
						t.Errorf("%s: removing %q: %v", flavour, name, err)
					}
				}
			}
		})
	}
}
