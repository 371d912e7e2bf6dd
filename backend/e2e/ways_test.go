package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/proxy"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/secret"
)

// guest signs in without a browser, and agrees to everything.
type guest struct{ login string }

func (g guest) SignIn(ctx context.Context, s api.SignIn) error {
	_, err := visitor.New().SignIn(ctx, s.URL, g.login)
	return err
}

func (g guest) SignInElsewhere(ctx context.Context, d api.DeviceSignIn) error {
	return visitor.New().Approve(ctx, d.URL, d.Code, g.login)
}

func (guest) UseLocal(context.Context, string) (api.Consent, error) { return api.ConsentOpen, nil }

func (guest) Confirm(context.Context, api.Confirmation) error { return nil }

func (guest) Progress(api.Progress) {}

// setUp is a world with a proxy, opened with several credentials.
type setUp struct {
	*backend.Demo
	t  *testing.T
	at string // the profile's name
}

func newSetUp(t *testing.T, o demo.Options) setUp {
	t.Helper()
	d, err := backend.NewDemo(t.Context(), backend.Options{Version: "test"}, o, api.CredentialAdmin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	s := setUp{Demo: d, t: t, at: backend.DemoName}
	s.typeSecret(o.Flavour)
	return s
}

// typeSecret enters the secret of the plugin's client, which Flowfin keeps to itself.
func (s setUp) typeSecret(flavour api.Flavour) {
	s.t.Helper()
	if flavour != api.FlavourFlowfin {
		return
	}
	key := s.World.PluginSecret(demo.Authelia)
	if _, err := s.SetProvider(s.t.Context(), s.at, api.OIDC, demo.Authelia, func(*api.ProviderSettings) {}, &key); err != nil {
		s.t.Fatal(err)
	}
}

func (s setUp) as(kind api.CredentialKind) *backend.Session {
	s.t.Helper()
	target := backend.Target{Name: s.at}
	if kind == api.CredentialKey {
		target.Credential = s.World.APIKey()
	}
	session, err := s.Open(s.t.Context(), target)
	if err != nil {
		s.t.Fatal(err)
	}
	session.Linker.Ports, session.Linker.Timeout = []int{0}, 30*time.Second
	return session
}

// nobody hears how it goes.
func nobody(api.Progress) {}

// asUser opens the world as the plain user.
func (s setUp) asUser() *backend.Session {
	s.t.Helper()
	e, err := s.Entry(s.t.Context(), s.at)
	if err != nil {
		s.t.Fatal(err)
	}
	client, err := s.Client(e, secret.Value{})
	if err != nil {
		s.t.Fatal(err)
	}
	name, password := s.World.User()
	in, err := client.SignIn(s.t.Context(), name, password)
	if err != nil {
		s.t.Fatal(err)
	}
	session, err := s.Open(s.t.Context(), backend.Target{Name: s.at, Credential: in.Token})
	if err != nil {
		s.t.Fatal(err)
	}
	session.Linker.Ports, session.Linker.Timeout = []int{0}, 30*time.Second
	return session
}

// mainJob links the newcomer's identity to the tour's account and verifies it, without any choice; the administrator removes it.
// It returns the strategies that were taken.
func mainJob(t *testing.T, w *demo.World, admin, s *backend.Session, protocol api.Protocol, provider string) (added, verified api.Strategy) {
	t.Helper()
	r, err := s.Roster.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(r.Accounts, func(a api.Account) bool { return a.Name == demo.TourName })
	account := r.Accounts[i]
	someone, _ := w.Person(demo.NewcomerLogin)
	want := w.Identity(protocol, provider, someone)
	change, err := s.Linker.Link(t.Context(), api.LinkRequest{
		UserID: account.ID, Protocol: protocol, Provider: provider,
	}, guest{login: demo.NewcomerLogin})
	if err != nil || change.State != api.ChangeConfirmed || !slices.Equal(change.Identities, []api.Identity{want}) {
		t.Fatalf("linking at %s: %v, %+v", provider, err, change)
	}
	v, err := s.Linker.Verify(t.Context(), link.VerifyRequest{Protocol: protocol, Provider: provider}, guest{login: demo.NewcomerLogin})
	if err != nil || v.Account.ID != account.ID || v.Identity != want {
		t.Fatalf("verifying at %s: %v, %+v", provider, err, v)
	}
	_, err = admin.Linker.Remove(t.Context(), link.RemoveRequest{Links: []api.Link{{Identity: want, UserID: account.ID}}}, nobody)
	if err != nil {
		t.Fatalf("removing at %s: %v", provider, err)
	}
	return change.Strategy, v.Strategy
}

// TestMainJobBehindProxies: behind every proxy, with each credential, on each flavour, a link is made and verified without any
// flag.
func TestMainJobBehindProxies(t *testing.T) {
	t.Parallel()
	for _, kind := range proxy.Kinds() {
		for _, known := range []bool{false, true} {
			for _, flavour := range flavours {
				t.Run(fmt.Sprintf("%s, known %t, %s", kind, known, flavour), func(t *testing.T) {
					t.Parallel()
					s := newSetUp(t, demo.Options{Flavour: flavour, Proxy: demo.Proxy{Kind: kind, HTTPS: true, Known: known}})
					admin := s.as(api.CredentialAdmin)
					for _, as := range []api.CredentialKind{api.CredentialAdmin, api.CredentialKey} {
						session := s.as(as)
						added, verified := mainJob(t, s.World, admin, session, api.OIDC, demo.Authelia)
						wantAdded, wantVerified := oidcStrategies(kind.PassesHost() && !known, flavour, as)
						if added != wantAdded || verified != wantVerified {
							t.Errorf("%s, OIDC: %s, %s, want %s, %s", as, added, verified, wantAdded, wantVerified)
						}
						added, verified = mainJob(t, s.World, admin, session, api.SAML, demo.ADFS)
						wantAdded, wantVerified = samlStrategies(flavour, as)
						if added != wantAdded || verified != wantVerified {
							t.Errorf("%s, SAML: %s, %s, want %s, %s", as, added, verified, wantAdded, wantVerified)
						}
					}
				})
			}
		}
	}
}

func oidcStrategies(relays bool, flavour api.Flavour, as api.CredentialKind) (added, verified api.Strategy) {
	added, verified = api.StrategyPluginClient, api.StrategyPluginClient
	if relays && (flavour != api.FlavourFlowfin || as == api.CredentialAdmin) {
		added = api.StrategyRelay
	}
	if relays && flavour != api.FlavourFlowfin {
		verified = api.StrategyRelay
	}
	return added, verified
}

func samlStrategies(flavour api.Flavour, as api.CredentialKind) (added, verified api.Strategy) {
	added, verified = api.StrategyRelay, api.StrategyRelay
	if as == api.CredentialKey {
		added = api.StrategyAssertion
	}
	if flavour == api.FlavourFlowfin {
		verified = api.StrategyAssertion
	}
	return added, verified
}
