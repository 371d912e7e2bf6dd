package link_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// TestOwnerChangesWhileThePersonConfirms: POST Link moves an identity silently, so the owner must be the one that was confirmed.
func TestOwnerChangesWhileThePersonConfirms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flavour  api.Flavour
		as       api.CredentialKind
		protocol api.Protocol
		provider string
		strategy api.Strategy
		want     api.Code
	}{
		"9p4 OIDC":            {api.Flavour9p4, api.CredentialAdmin, api.OIDC, demo.Authelia, "", api.CodeConfigChanged},
		"K0lin SAML":          {api.FlavourK0lin, api.CredentialAdmin, api.SAML, demo.ADFS, "", api.CodeConfigChanged},
		"K0lin key":           {api.FlavourK0lin, api.CredentialKey, api.OIDC, demo.Authelia, "", api.CodeConfigChanged},
		"Flowfin SAML":        {api.FlavourFlowfin, api.CredentialAdmin, api.SAML, demo.ADFS, "", api.CodeConfigChanged},
		"Flowfin key SAML":    {api.FlavourFlowfin, api.CredentialKey, api.SAML, demo.ADFS, "", api.CodeConfigChanged},
		"Flowfin OIDC unseen": {api.FlavourFlowfin, api.CredentialAdmin, api.OIDC, demo.Authelia, "", api.CodeLinkOwned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.flavour, c.as)
			account, other := w.account(t, demo.TourName), w.account(t, "priya")
			id := w.identity(c.protocol, c.provider)
			_, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: c.protocol, Provider: c.provider}, person{
				login: demo.NewcomerLogin, confirm: func(api.Confirmation) error {
					w.Server().AddLink(api.Link{Identity: id, UserID: other.ID})
					return nil
				},
			})
			if !api.IsCode(err, c.want) {
				t.Errorf("got %v (%s), want %s", err, api.CodeOf(err), c.want)
			}
			if o := roster.Owner(w.roster(t), id); o == nil || o.ID != other.ID {
				t.Errorf("the identity opens %+v, want %s", o, other.Name)
			}
		})
	}
}

// TestSomebodyElseLinksWhileThePersonConfirms: where the roster tells who signed in, another link that the account got
// meanwhile is not taken for it.
func TestSomebodyElseLinksWhileThePersonConfirms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	account := w.account(t, demo.TourName)
	id := w.identity(api.OIDC, demo.Authelia)
	change, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia}, person{
		login: demo.NewcomerLogin, confirm: func(api.Confirmation) error {
			w.Server().AddLink(api.Link{
				Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "another"}, UserID: account.ID,
			})
			return nil
		},
	})
	if err != nil || len(change.Identities) != 1 || change.Identities[0] != id {
		t.Errorf("%+v, %v", change, err)
	}
}

// TestAccountIsDeletedWhileThePersonConfirms: an orphan must not be made.
func TestAccountIsDeletedWhileThePersonConfirms(t *testing.T) {
	t.Parallel()
	for _, as := range []api.CredentialKind{api.CredentialAdmin, api.CredentialKey} {
		w := newWorld(t, api.FlavourK0lin, as)
		account := w.account(t, demo.TourName)
		_, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia}, person{
			login: demo.NewcomerLogin, confirm: func(api.Confirmation) error {
				w.Server().DeleteUser(account.ID)
				return nil
			},
		})
		if !api.IsCode(err, api.CodeUserNotFound) {
			t.Errorf("%s: %v", as, err)
		}
		if o := roster.Owner(w.roster(t), w.identity(api.OIDC, demo.Authelia)); o != nil {
			t.Errorf("%s: linked to %+v", as, o)
		}
	}
}

// TestLinkReadsTheAccountsOnce: all accounts of a large server take a second, and the links next to nothing.
func TestLinkReadsTheAccountsOnce(t *testing.T) {
	t.Parallel()
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
		for _, req := range []api.LinkRequest{
			{Protocol: api.OIDC, Provider: demo.Authelia},
			{Protocol: api.SAML, Provider: demo.ADFS},
			{Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "somebody"},
		} {
			w := newWorld(t, flavour, api.CredentialAdmin)
			req.UserID = w.account(t, demo.TourName).ID
			accounts, links := w.everybody(), w.requests("GET", "/sso/OID/Get")
			if _, err := w.Link(t.Context(), req, person{login: demo.NewcomerLogin}); err != nil {
				t.Fatalf("%s, %+v: %v", flavour, req, err)
			}
			if n := w.everybody() - accounts; n != 1 {
				t.Errorf("%s, %+v: read all accounts %d times", flavour, req, n)
			}
			want := 3 // at the start, before the question and before the write
			if flavour == api.FlavourFlowfin && req.Protocol == api.OIDC && req.Name == "" {
				want = 2 // there is nothing to ask yet: only the write tells who signed in
			}
			if n := w.requests("GET", "/sso/OID/Get") - links; n < want {
				t.Errorf("%s, %+v: read the links %d times", flavour, req, n)
			}
		}
	}
}

// TestMoveThatCannotBeWritten: an API key cannot take an identity from anybody on Flowfin, and nobody is asked whether it may.
func TestMoveThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialKey)
	taken := w.account(t, "noah").Identities[0]
	_, err := w.Link(t.Context(), api.LinkRequest{
		UserID: w.account(t, demo.TourName).ID, Protocol: taken.Protocol, Provider: taken.Provider, Name: taken.Name,
		Strategy: api.StrategySubject, Move: true,
	}, person{confirm: func(api.Confirmation) error {
		t.Error("the person was asked")
		return nil
	}})
	if !api.IsCode(err, api.CodeUnsupported) || len(w.changes(t)) != 0 {
		t.Errorf("%v, %+v", err, w.changes(t))
	}
}

// TestAnAccountThatIsNew: an account that was created in the meantime is not taken for an orphan.
func TestAnAccountThatIsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	account := w.account(t, demo.TourName)
	accounts := w.everybody()
	id := w.identity(api.OIDC, demo.Authelia)
	_, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia}, person{
		login: demo.NewcomerLogin, confirm: func(api.Confirmation) error {
			w.Server().AddLink(api.Link{Identity: id, UserID: w.Server().AddUser(server.UserSpec{Name: "new"})})
			return nil
		},
	})
	if !api.IsCode(err, api.CodeLinkOwned) || whyOf(err) != "put-back" || !strings.Contains(err.Error(), "owner new") {
		t.Errorf("got %v", err)
	}
	if n := w.everybody() - accounts; n != 2 {
		t.Errorf("read all accounts %d times", n)
	}
	if o := roster.Owner(w.roster(t), id); o == nil || o.Name != "new" {
		t.Errorf("the identity opens %+v", o)
	}
}

// TestHowLongTheServerKeepsASignIn: the person sees it if it is shorter than Jellybind waits.
func TestHowLongTheServerKeepsASignIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flavour  api.Flavour
		protocol api.Protocol
		provider string
		wait     time.Duration
		want     int
	}{
		"K0lin":            {api.FlavourK0lin, api.OIDC, demo.Authelia, 5 * time.Minute, 60},
		"a shorter wait":   {api.FlavourK0lin, api.OIDC, demo.Authelia, 30 * time.Second, 0},
		"K0lin SAML":       {api.FlavourK0lin, api.SAML, demo.ADFS, 5 * time.Minute, 0},
		"Flowfin's 15 min": {api.FlavourFlowfin, api.OIDC, demo.Authelia, 5 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.flavour, api.CredentialAdmin)
			w.Timeout = c.wait
			var shown api.SignIn
			_, err := w.Link(t.Context(), api.LinkRequest{
				UserID: w.account(t, demo.TourName).ID, Protocol: c.protocol, Provider: c.provider,
			}, person{login: demo.NewcomerLogin, shown: func(s api.SignIn) { shown = s }})
			if err != nil || shown.KeptSeconds != c.want {
				t.Errorf("%d s, want %d s; %v", shown.KeptSeconds, c.want, err)
			}
		})
	}
}

// TestTwoJellybindsLoseNoLink: the window and a command write the same provider's links at once, each with a lock of its own
// process.
func TestTwoJellybindsLoseNoLink(t *testing.T) {
	t.Parallel()
	const each = 10
	w := newWorld(t, api.FlavourK0lin, api.CredentialKey)
	account := w.account(t, demo.TourName)
	w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			time.Sleep(5 * time.Millisecond) // a distant server
		}
		return false
	}, "")
	dir := t.TempDir()
	w.Journal = journal.Open(dir, time.Now)
	plugin, err := ssoplugin.Detect(t.Context(), w.Linker.Client, api.CredentialKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	command := &link.Linker{
		Client: w.Linker.Client, Plugin: plugin, Roster: w.Linker.Roster, ServerID: w.ServerID,
		Journal: journal.Open(dir, time.Now), Now: time.Now, Settings: w.Settings,
	}
	var both sync.WaitGroup
	for name, l := range map[string]*link.Linker{"window": w.Linker, "command": command} {
		both.Go(func() {
			for i := range each {
				if _, err := l.Link(t.Context(), api.LinkRequest{
					UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject,
					Name: name + strconv.Itoa(i),
				}, person{}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	both.Wait()
	if n := len(w.account(t, demo.TourName).Identities); n != 2*each {
		t.Errorf("%d links, want %d", n, 2*each)
	}
}

// TestWaitingForAnotherJellybindIsCancelled: nothing is changed or journalled.
func TestWaitingForAnotherJellybindIsCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	noah, one := w.account(t, "noah"), api.LinkRequest{
		UserID: w.account(t, demo.TourName).ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "n",
	}
	linked, err := w.Link(t.Context(), one, person{})
	if err != nil {
		t.Fatal(err)
	}
	one.Name = "another"
	done, err := w.Journal.Alone(t.Context(), w.ServerID)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	for name, change := range map[string]func(context.Context) (api.Change, error){
		"link": func(ctx context.Context) (api.Change, error) { return w.Link(ctx, one, person{}) },
		"remove": func(ctx context.Context) (api.Change, error) {
			changes, err := w.Remove(ctx, link.RemoveRequest{
				Links: []api.Link{{Identity: noah.Identities[0], UserID: noah.ID}},
			}, quiet)
			return append(changes, api.Change{})[0], err
		},
		"unregister": func(ctx context.Context) (api.Change, error) {
			return w.Unregister(ctx, noah.ID, defaultProvider)
		},
		"undo": func(ctx context.Context) (api.Change, error) { return w.Undo(ctx, linked.ID) },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		change, err := change(ctx)
		cancel()
		if !api.IsCode(err, api.CodeCancelled) || change.ID != "" {
			t.Errorf("%s: %+v, %v", name, change, err)
		}
	}
	if got := w.changes(t); len(got) != 1 {
		t.Errorf("the journal says %+v", got)
	}
}
