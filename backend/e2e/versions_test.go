package e2e_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/proxy"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/link"
)

// wary says no to what may take an identity from another account.
type wary struct {
	guest
	asked *api.Confirmation
}

func (w *wary) Confirm(_ context.Context, c api.Confirmation) error {
	w.asked = &c
	if c.MayMove {
		return &api.Error{Code: api.CodeLinkOwned, Why: "may-move"}
	}
	return nil
}

// TestEarlyVersions does the main job on versions of the plugin without Preprovision: an administrator lists, links by OIDC and
// SAML, and removes. A link that is removed cannot be written back, and that is said before.
func TestEarlyVersions(t *testing.T) {
	t.Parallel()
	for _, version := range []string{server.Flowfin421, server.Flowfin430b34} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := newSetUp(t, demo.Options{Flavour: api.FlavourFlowfin, PluginVersion: version})
			s := w.as(api.CredentialAdmin)
			r, err := s.Roster.Read(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			account, _ := w.World.Account(demo.TourName)
			linked, _ := w.World.Account("elif")
			i := slices.IndexFunc(r.Accounts, func(a api.Account) bool { return a.ID == linked.ID })
			if i < 0 || len(r.Accounts[i].Identities) != len(linked.Identities) || len(linked.Identities) == 0 {
				t.Fatalf("listed %+v, want %+v", r.Accounts[i], linked)
			}
			for protocol, provider := range map[api.Protocol]string{api.OIDC: demo.Authelia, api.SAML: demo.ADFS} {
				req := api.LinkRequest{UserID: account.ID, Protocol: protocol, Provider: provider}
				careful := &wary{guest: guest{login: demo.NewcomerLogin}}
				change, err := s.Linker.Link(t.Context(), req, careful)
				if unknown := protocol == api.OIDC; careful.asked == nil || careful.asked.MayMove != unknown ||
					careful.asked.NameKnown == unknown || unknown && !api.IsCode(err, api.CodeLinkOwned) {
					t.Fatalf("%s: %v, asked %+v", protocol, err, careful.asked)
				}
				if protocol == api.OIDC {
					req.Move = true
					change, err = s.Linker.Link(t.Context(), req, guest{login: demo.NewcomerLogin})
				}
				someone, _ := w.World.Person(demo.NewcomerLogin)
				want := w.World.Identity(protocol, provider, someone)
				if err != nil || change.Strategy != api.StrategyRelay || !slices.Equal(change.Identities, []api.Identity{want}) {
					t.Fatalf("%s: %v, %+v", protocol, err, change)
				}
				v, err := s.Linker.Verify(t.Context(), link.VerifyRequest{Protocol: protocol, Provider: provider}, guest{login: demo.NewcomerLogin})
				if err != nil || v.Account.ID != account.ID {
					t.Errorf("verifying %s: %v, %+v", protocol, err, v)
				}
				if _, err := s.Linker.Undo(t.Context(), change.ID); err != nil { // a link is undone by removing it
					t.Fatalf("undoing %s: %v", protocol, err)
				}
			}
			removed, err := s.Linker.Remove(t.Context(), link.RemoveRequest{Links: []api.Link{
				{Identity: linked.Identities[0], UserID: linked.ID},
			}}, nobody)
			if err != nil || removed[0].Undoable {
				t.Fatalf("removing: %v, %+v", err, removed)
			}
			_, err = s.Linker.Undo(t.Context(), removed[0].ID)
			if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeChangeNotUndoable || e.Params["next"] != "sign-in-again" {
				t.Errorf("undoing a removal: %v", err)
			}
		})
	}
}

// TestMoveOnEarlyVersions: an identity that another account has is moved only where that was said.
func TestMoveOnEarlyVersions(t *testing.T) {
	t.Parallel()
	w := newSetUp(t, demo.Options{Flavour: api.FlavourFlowfin, PluginVersion: server.Flowfin421})
	s := w.as(api.CredentialAdmin)
	account, _ := w.World.Account(demo.TourName)
	from, _ := w.World.Account("elif")
	change, err := s.Linker.Link(t.Context(), api.LinkRequest{
		UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Move: true,
	}, guest{login: "elif"})
	if err != nil || change.Kind != api.ChangeMove || change.FromID != from.ID {
		t.Errorf("%v, %+v", err, change)
	}
}

// samlSet changes the SAML provider's settings.
func samlSet(settings ...string) func(string, map[string]any) {
	return func(name string, config map[string]any) {
		for _, s := range settings {
			if name == demo.ADFS {
				config[s] = true
			}
		}
	}
}

// TestSAMLSettings: each setting has its way, and the plain user has one behind a proxy too.
func TestSAMLSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		as       api.CredentialKind
		settings []string
		kind     proxy.Kind
		want     api.Strategy // empty: none works
	}{
		"recipient":              {api.CredentialAdmin, []string{"ValidateRecipient"}, proxy.Caddy, api.StrategyAssertion},
		"in response to":         {api.CredentialAdmin, []string{"ValidateInResponseTo"}, proxy.Caddy, api.StrategyRelay},
		"signed":                 {api.CredentialAdmin, []string{"SignAuthnRequests"}, "", api.StrategyServerStart},
		"signed, and a key":      {api.CredentialKey, []string{"SignAuthnRequests"}, "", api.StrategyServerStart},
		"signed, and recipient":  {api.CredentialAdmin, []string{"SignAuthnRequests", "ValidateRecipient"}, "", api.StrategyServerStart},
		"signed, behind a proxy": {api.CredentialAdmin, []string{"SignAuthnRequests"}, proxy.Caddy, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSetUp(t, demo.Options{
				Flavour: api.FlavourFlowfin, Config: samlSet(c.settings...), Proxy: demo.Proxy{Kind: c.kind, HTTPS: c.kind != ""},
			})
			s := w.as(c.as)
			account, _ := w.World.Account(demo.TourName)
			change, err := s.Linker.Link(t.Context(), api.LinkRequest{
				UserID: account.ID, Protocol: api.SAML, Provider: demo.ADFS,
			}, guest{login: demo.NewcomerLogin})
			if c.want == "" {
				if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeLoopbackUnreachable || e.NoWay == nil {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || change.Strategy != c.want {
				t.Errorf("%v, %s, want %s", err, change.Strategy, c.want)
			}
		})
	}
}

// TestPlainUserBehindProxies: who may link only the own account does it by SAML behind every proxy, and by OIDC where the Host
// comes through.
func TestPlainUserBehindProxies(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		for _, kind := range []proxy.Kind{proxy.NginxOneBlock, proxy.NginxName, proxy.NginxHost} {
			t.Run(string(flavour)+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				w := newSetUp(t, demo.Options{Flavour: flavour, Proxy: demo.Proxy{Kind: kind, HTTPS: true}})
				s := w.asUser()
				for protocol, provider := range map[api.Protocol]string{api.OIDC: demo.Authelia, api.SAML: demo.ADFS} {
					change, err := s.Linker.Link(t.Context(), api.LinkRequest{
						UserID: s.User.ID, Protocol: protocol, Provider: provider, Move: true,
					}, guest{login: demo.NewcomerLogin})
					if protocol == api.OIDC && !kind.PassesHost() {
						if !api.IsCode(err, api.CodeLoopbackUnreachable) {
							t.Errorf("%s: %v", protocol, err)
						}
						continue
					}
					if err != nil || change.Strategy != api.StrategyRelay || change.State != api.ChangeConfirmed {
						t.Errorf("%s: %v, %+v", protocol, err, change)
					}
				}
			})
		}
	}
}
