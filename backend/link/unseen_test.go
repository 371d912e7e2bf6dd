package link_test

import (
	"errors"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
)

// TestNameConfirmedAfterTheWrite: where the name is known only after the write, the person confirms it then. A no takes the link
// back, and gives the identity back to the account that had it.
func TestNameConfirmedAfterTheWrite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ answer, owned bool }{
		"yes": {true, false}, "no": {false, false}, "moved, yes": {true, true}, "moved, no": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
			account, owner := w.account(t, "bastian"), w.account(t, demo.TourName)
			maria, ok := w.Person(demo.TourName)
			if !ok {
				t.Fatal("nobody is called " + demo.TourName)
			}
			identity := w.Identity(api.OIDC, demo.Authelia, maria)
			if c.owned {
				w.Server().AddLink(api.Link{Identity: identity, UserID: owner.ID})
			}
			var asked []api.Confirmation
			change, err := w.Link(t.Context(), api.LinkRequest{
				UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategyRelay, Move: c.owned,
			}, person{login: demo.TourName, confirm: func(x api.Confirmation) error {
				asked = append(asked, x)
				if x.Written && !c.answer {
					return &api.Error{Code: api.CodeCancelled}
				}
				return nil
			}})
			if len(asked) != 2 || asked[0].NameKnown || asked[0].Written || !asked[1].Written || asked[1].Identity != identity ||
				asked[1].Moves != c.owned {
				t.Errorf("asked %+v", asked)
			}
			holder := w.holder(t, identity)
			if c.answer {
				if err != nil || change.State != api.ChangeConfirmed || holder != account.ID {
					t.Errorf("%+v, %v; %q has it", change, err, holder)
				}
				return
			}
			e, ok := errors.AsType[*api.Error](err)
			if !ok || e.Code != api.CodeCancelled || e.Why != "unconfirmed" || change.State != api.ChangeUndone {
				t.Errorf("%+v, %v", change, err)
			}
			want := ""
			if c.owned {
				want = owner.ID
			}
			if holder != want {
				t.Errorf("%q has it, want %q", holder, want)
			}
			history, err := w.History(t.Context())
			if err != nil || len(history) != 2 || history[1].State != api.ChangeUndone {
				t.Errorf("journal %+v, %v", history, err)
			}
		})
	}
}

// holder is the account that an identity opens, or empty.
func (w *world) holder(t *testing.T, identity api.Identity) string {
	t.Helper()
	r, err := w.Roster.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range r.Accounts {
		for _, id := range a.Identities {
			if id == identity {
				return a.ID
			}
		}
	}
	return ""
}

// TestNamesakeIsAskedAbout: somebody else's sign-in is noticed by the account that has its name.
func TestNamesakeIsAskedAbout(t *testing.T) {
	t.Parallel()
	for account, want := range map[string]string{"bastian": demo.TourName, demo.TourName: ""} {
		w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
		var asked api.Confirmation
		_, err := w.Link(t.Context(), api.LinkRequest{
			UserID: w.account(t, account).ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategyRelay,
		}, person{login: demo.TourName, confirm: func(c api.Confirmation) error { asked = c; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if asked.Namesake != nil {
			got = asked.Namesake.Name
		}
		if got != want {
			t.Errorf("%s: the namesake is %q, want %q", account, got, want)
		}
	}
}

// TestAccountsAreReadTwice: where each account's links are read by themselves, all are read at the start and once more before the
// write, which moves an identity without asking. After it, only the account that was linked is read.
func TestAccountsAreReadTwice(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, demo.Options{Flavour: api.FlavourFlowfin, PluginVersion: server.Flowfin421, Users: 50}, api.CredentialAdmin)
	guest := w.account(t, "guest")
	read := func(user string) int { return w.requests("GET", "/sso/oid/links/"+user) }
	others, one := read(""), read(guest.ID)
	change, err := w.Link(t.Context(), api.LinkRequest{
		UserID: guest.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategyRelay, Move: true,
	}, person{login: demo.NewcomerLogin})
	if err != nil || change.State != api.ChangeConfirmed {
		t.Fatalf("%+v, %v", change, err)
	}
	one = read(guest.ID) - one
	others = read("") - others - one
	if want := 2 * (len(w.Accounts()) - 2); others != want { // not the linked account and not the deleted one
		t.Errorf("the other accounts' links were read %d times, want %d", others, want)
	}
	if one != 3 {
		t.Errorf("the account's links were read %d times, want 3", one)
	}
}
