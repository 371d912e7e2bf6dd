package e2e_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
)

const defaultProvider = "Jellyfin.Server.Implementations.Users.DefaultAuthenticationProvider"

// TestUnregister plans, unregisters and undoes it on each flavour.
func TestUnregister(t *testing.T) {
	t.Parallel()
	for _, f := range flavours {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			w := open(t, f, api.CredentialKey, "")
			before := w.account(t, "tomas")
			plan, err := w.Linker.PlanUnregister(t.Context(), before.ID)
			if err != nil {
				t.Fatal(err)
			}
			if plan.Providers[0].ID != defaultProvider || plan.Links != 2 || len(plan.Remarks) == 0 {
				t.Errorf("the plan: %+v", plan)
			}
			want := map[bool]api.Why{false: "keeps-several", true: "drops-several"}[f == api.FlavourFlowfin]
			if effect := plan.Remarks[0].Why; effect != want {
				t.Errorf("the plan says %s, want %s", effect, want)
			}
			change, err := w.Linker.Unregister(t.Context(), before.ID, defaultProvider)
			if err != nil {
				t.Fatal(err)
			}
			after := w.account(t, "tomas")
			if dropped := len(after.Identities) == 0; dropped != (f == api.FlavourFlowfin) {
				t.Errorf("after it: %v", after.Identities)
			}
			_, err = w.Linker.Undo(t.Context(), change.ID)
			if f != api.FlavourFlowfin { // nothing changed: the account signed in by that provider before, and kept its links
				if !api.IsCode(err, api.CodeChangeNotUndoable) {
					t.Errorf("undo: %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if after := w.account(t, "tomas"); !sameIdentities(before.Identities, after.Identities) {
				t.Errorf("after undo %v, before %v", after.Identities, before.Identities)
			}
			if _, err := w.Linker.Unregister(t.Context(), before.ID, "No.Such.Provider"); !api.IsCode(err, api.CodeUsage) {
				t.Errorf("an unknown sign-in provider: %v", err)
			}
			if plan, err := w.Linker.PlanUnregister(t.Context(), w.account(t, "guest").ID); err != nil || !plan.NoPassword {
				t.Errorf("an account without a password: %+v, %v", plan, err)
			}
		})
	}
}

// TestPlainUserIsRefused: a plain user gets the reason why an administrator is needed.
func TestPlainUserIsRefused(t *testing.T) {
	t.Parallel()
	for _, f := range flavours {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			w := open(t, f, api.CredentialUser, "")
			own := w.account(t, demo.UserName)
			_, err := w.Linker.PlanUnregister(t.Context(), own.ID)
			if !api.IsCode(err, api.CodeForbidden) {
				t.Errorf("unregistering: %v", err)
			}
			told(t, err)
			_, err = w.Linker.Link(t.Context(), api.LinkRequest{
				UserID: own.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "x",
			}, &human{t: t})
			if !api.IsCode(err, api.CodeUnsupported) {
				t.Errorf("linking by subject: %v", err)
			}
			told(t, err)
		})
	}
}

// TestServerThatStoresNothing: the server says yes to every write; reading back finds out.
func TestServerThatStoresNothing(t *testing.T) {
	t.Parallel()
	for _, f := range flavours {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			w := open(t, f, api.CredentialAdmin, "")
			w.World.Server().SetHostile(server.Hostile{IgnoreWrites: true})
			account := w.account(t, demo.TourName)
			for _, req := range []api.LinkRequest{
				{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
				{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "x"},
			} {
				_, err := w.Linker.Link(t.Context(), req, &human{t: t, login: demo.NewcomerLogin})
				if !api.IsCode(err, api.CodeLinkNotStored) {
					t.Errorf("%s: %v", req.Strategy, err)
				}
			}
			if c := w.changes(t); len(c) != 2 || c[0].State != api.ChangeFailed || c[0].Error != api.CodeLinkNotStored {
				t.Errorf("the journal says %+v", c)
			}
		})
	}
}

// TestAddressesThatAreNoWebPages: they are never opened, whatever the server says.
func TestAddressesThatAreNoWebPages(t *testing.T) {
	t.Parallel()
	w := open(t, api.Flavour9p4, api.CredentialAdmin, "")
	account := w.account(t, demo.TourName)
	for _, address := range []string{
		"file:///etc/passwd", "javascript:alert(1)", "steam://run/1", "//evil.example/x", "mailto:x@example.com", "ms-settings:",
	} {
		w.World.Server().SetHostile(server.Hostile{StartLocation: address})
		_, err := w.Linker.Link(t.Context(),
			api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategyRelay},
			&human{t: t, before: func(s api.SignIn) bool { t.Errorf("%s was shown", s.URL); return false }})
		if err == nil {
			t.Errorf("%s was taken", address)
		}
		told(t, err)
	}
}
