package link_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

const defaultProvider = "Jellyfin.Server.Implementations.Users.DefaultAuthenticationProvider"

// world is a demo world behind a proxy, where a test sees every request, can act in between, and can answer in the server's
// place or lose its answer.
type world struct {
	*demo.World
	*link.Linker

	mu     sync.Mutex
	before func(http.ResponseWriter, *http.Request) bool // true: it was answered
	lose   string                                        // the request, "METHOD part-of-path", whose answer is lost
	answer int                                           // the status that such a request is answered with; 0 cuts the connection
	seen   []string                                      // every request, "METHOD path"
}

func newWorld(t *testing.T, flavour api.Flavour, as api.CredentialKind) *world {
	t.Helper()
	w := &world{}
	var err error
	if w.World, err = demo.Start(t.Context(), demo.Options{Flavour: flavour}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	target, err := url.Parse(w.World.URL())
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host // the Host header stays
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.intercept(rw, r) {
			return
		}
		if w.loses(r) {
			forward.ServeHTTP(httptest.NewRecorder(), r)
			if w.answer == 0 {
				panic(http.ErrAbortHandler)
			}
			http.Error(rw, "Error processing request.", w.answer)
			return
		}
		forward.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)

	credential := w.APIKey()
	if as != api.CredentialKey {
		name, password := w.Admin()
		if as == api.CredentialUser {
			name, password = w.User()
		}
		in, err := w.connect(t, proxy.URL, secret.Value{}).SignIn(t.Context(), name, password)
		if err != nil {
			t.Fatal(err)
		}
		credential = in.Token
	}
	client := w.connect(t, proxy.URL, credential)
	kind, self, err := client.Identify(t.Context())
	if err != nil || kind != as {
		t.Fatalf("a credential of the kind %q: %v", kind, err)
	}
	plugin, err := ssoplugin.Detect(t.Context(), client, kind, self)
	if err != nil {
		t.Fatal(err)
	}
	w.Linker = &link.Linker{
		Client: client, Plugin: plugin, Roster: &roster.Reader{Users: client, Links: plugin, Now: time.Now}, Self: self,
		ServerID: "demo", Journal: journal.Open("", time.Now), Now: time.Now, Ports: []int{0}, Timeout: 20 * time.Second,
		Settings: func(p api.Protocol, name string) api.ProviderSettings {
			return api.ProviderSettings{Protocol: p, Provider: name}
		},
		ClientSecret: func(context.Context, api.Protocol, string) (secret.Value, error) { return secret.Value{}, nil },
	}
	return w
}

func (w *world) connect(t *testing.T, address string, credential secret.Value) *jellyfin.Client {
	t.Helper()
	client, err := jellyfin.New(jellyfin.Options{URL: address, DeviceID: "link-test", Version: "test", Credential: credential})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (w *world) intercept(rw http.ResponseWriter, r *http.Request) bool {
	w.mu.Lock()
	w.seen = append(w.seen, r.Method+" "+r.URL.Path)
	before := w.before
	w.mu.Unlock()
	return before != nil && before(rw, r)
}

func (w *world) loses(r *http.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	method, part, found := strings.Cut(w.lose, " ")
	return found && r.Method == method && strings.Contains(r.URL.Path, part)
}

// intercepting sets before and lose, while requests may be under way.
func (w *world) intercepting(before func(http.ResponseWriter, *http.Request) bool, lose string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.lose = before, lose
}

// requests counts those of a method to a path with that part.
func (w *world) requests(method, part string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.seen {
		m, path, _ := strings.Cut(s, " ")
		if m == method && strings.Contains(path, part) {
			n++
		}
	}
	return n
}

// everybody counts the readings of all accounts.
func (w *world) everybody() int {
	return w.requests("GET", "/Users") - w.requests("GET", "/Users/")
}

func (w *world) account(t *testing.T, name string) api.Account {
	t.Helper()
	for _, a := range w.roster(t).Accounts {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("no account %q", name)
	return api.Account{}
}

func (w *world) roster(t *testing.T) api.Roster {
	t.Helper()
	r, err := w.Linker.Roster.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) changes(t *testing.T) []api.Change {
	t.Helper()
	c, err := w.Journal.Changes(t.Context(), w.ServerID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// identity is who the newcomer, whom nobody has linked, is at a provider.
func (w *world) identity(protocol api.Protocol, provider string) api.Identity {
	person, _ := w.Person(demo.NewcomerLogin)
	return w.Identity(protocol, provider, person)
}

// person signs in without a browser.
type person struct {
	login   string
	confirm func(api.Confirmation) error
	shown   func(api.SignIn)
}

func (p person) SignIn(ctx context.Context, s api.SignIn) error {
	if p.shown != nil {
		p.shown(s)
	}
	_, err := visitor.New().SignIn(ctx, s.URL, p.login)
	return err
}

func (p person) Confirm(_ context.Context, c api.Confirmation) error {
	if p.confirm == nil {
		return nil
	}
	return p.confirm(c)
}

func (person) Progress(api.Progress) {}

func quiet(api.Progress) {}

// TestOwnerChangesWhileThePersonConfirms: POST Link moves an identity without a word, so what was confirmed must still hold.
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

// TestTwoLinksAtOnce: when the account gains two identities between two looks, nobody can tell which one signed in.
func TestTwoLinksAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	account := w.account(t, demo.TourName)
	w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/OID/Link/") {
			w.Server().AddLink(api.Link{
				Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "another"}, UserID: account.ID,
			})
		}
		return false
	}, "")
	change, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
		person{login: demo.NewcomerLogin})
	if !api.IsCode(err, api.CodeHalfDone) || len(change.Identities) != 2 || change.State != api.ChangeFailed {
		t.Errorf("%+v, %v", change, err)
	}
}

// TestAnotherIdentityThanTheConfirmedOne: whoever knows the state could put himself in between; what he gained goes back.
func TestAnotherIdentityThanTheConfirmedOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ owned, meddled bool }{
		"nobody's": {}, "somebody's": {owned: true},
		"nobody's, with a warning": {meddled: true}, "somebody's, with a warning": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, owned := newWorld(t, api.FlavourK0lin, api.CredentialAdmin), c.owned
			if c.meddled {
				w.Plugin = meddled{w.Plugin}
			}
			account, owner := w.account(t, demo.TourName), w.account(t, "priya")
			other := api.Identity{Protocol: api.OIDC, Provider: demo.Authelia, Name: "other"}
			if owned {
				w.Server().AddLink(api.Link{Identity: other, UserID: owner.ID})
			}
			w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "/OID/Link/") {
					return false
				}
				w.Server().AddLink(api.Link{Identity: other, UserID: account.ID})
				rw.WriteHeader(http.StatusNoContent)
				return true
			}, "")
			change, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
				person{login: demo.NewcomerLogin})
			want := api.CodeSignInInvalid
			if owned {
				want = api.CodeLinkOwned
			}
			if !api.IsCode(err, want) || !strings.Contains(err.Error(), "other") || strings.Contains(err.Error(), "could not") ||
				change.State != api.ChangeFailed {
				t.Errorf("%+v, %v", change, err)
			}
			o := roster.Owner(w.roster(t), other)
			if owned != (o != nil) || owned && o.ID != owner.ID {
				t.Errorf("it opens %+v", o)
			}
		})
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
			if n := w.requests("GET", "/sso/OID/Get") - links; n < 3 {
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

// TestAnAccountThatIsNew: a link of an account that was made meanwhile is no orphan's.
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
	if !api.IsCode(err, api.CodeLinkOwned) || !strings.Contains(err.Error(), "belongs to new") {
		t.Errorf("got %v", err)
	}
	if n := w.everybody() - accounts; n != 2 {
		t.Errorf("read all accounts %d times", n)
	}
	if o := roster.Owner(w.roster(t), id); o == nil || o.Name != "new" {
		t.Errorf("the identity opens %+v", o)
	}
}

// TestPuttingBackIsReadBack: a server that says yes to it and stores nothing is found out.
func TestPuttingBackIsReadBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	w.intercepting(yesTo(http.MethodPost, "/Preprovision/"), "")
	account := w.account(t, demo.TourName)
	_, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
		person{login: "jonas"})
	if !api.IsCode(err, api.CodeHalfDone) || !strings.Contains(err.Error(), "could not be put back") {
		t.Errorf("got %v", err)
	}
}

// yesTo answers success to a request and stores nothing.
func yesTo(method, part string) func(http.ResponseWriter, *http.Request) bool {
	return func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.Contains(r.URL.Path, part) {
			return false
		}
		rw.WriteHeader(http.StatusNoContent)
		return true
	}
}

// TestPuttingBackWhatDELETECannotAddress goes by Unregister, also while the server restarts, and keeps the account's other
// links, or tells of them.
func TestPuttingBackWhatDELETECannotAddress(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"whole": false, "the others are lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
			account, owner := w.account(t, "tomas"), w.account(t, "priya")
			id := api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "https://idp.example/u/1"}
			w.Server().AddLink(api.Link{Identity: id, UserID: owner.ID})
			starting := failing("/Preprovision/oid/"+demo.Keycloak+"/"+owner.ID, http.StatusServiceUnavailable)
			w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
				if starting(rw, r) {
					return true
				}
				if lost && strings.Contains(r.URL.Path, "/Preprovision/") && strings.HasSuffix(r.URL.Path, account.ID) {
					rw.WriteHeader(http.StatusInternalServerError)
					return true
				}
				if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "/OID/Link/") {
					return false
				}
				w.Server().AddLink(api.Link{Identity: id, UserID: account.ID})
				rw.WriteHeader(http.StatusNoContent)
				return true
			}, "")
			change, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Keycloak},
				person{login: demo.NewcomerLogin})
			code, left := api.CodeLinkOwned, account.Identities
			if lost {
				code, left = api.CodeHalfDone, nil
			}
			if !api.IsCode(err, code) || !strings.Contains(err.Error(), "was put back") || strings.Contains(err.Error(), ". writing") ||
				change.State != api.ChangeFailed ||
				lost != strings.Contains(err.Error(), "could not be written again: "+account.Identities[0].Name) {
				t.Errorf("got %v, %+v", err, change)
			}
			if o := roster.Owner(w.roster(t), id); o == nil || o.ID != owner.ID {
				t.Errorf("it opens %+v", o)
			}
			if after := w.account(t, "tomas").Identities; len(after) != len(left) {
				t.Errorf("tomas has %v, want %v", after, left)
			}
		})
	}
}

// TestAnOrphansIdentityIsNotPutBack where its account is gone; the sentence says what is so then.
func TestAnOrphansIdentityIsNotPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	id := w.identity(api.OIDC, demo.Authelia)
	gone := strings.Repeat("ab", 16)
	w.Server().AddLink(api.Link{Identity: id, UserID: gone})
	account := w.account(t, demo.TourName)
	_, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
		person{login: demo.NewcomerLogin})
	if !api.IsCode(err, api.CodeLinkOwned) || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("got %v", err)
	}
	if o := roster.Owner(w.roster(t), id); o != nil {
		t.Errorf("it opens %+v", o)
	}
}

// TestReadingBackFails: a write that was answered, and that cannot be read back, stays intended, and can be undone once it is
// seen.
func TestReadingBackFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.Flavour9p4, api.CredentialAdmin)
	account := w.account(t, demo.TourName)
	w.intercepting(nil, "GET /oid/links/")
	change, err := w.Link(t.Context(), api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia},
		person{login: demo.NewcomerLogin})
	if !api.IsCode(err, api.CodeOutcomeUnknown) || !strings.Contains(err.Error(), "not known") {
		t.Fatalf("got %v (%s)", err, api.CodeOf(err))
	}
	if got := w.changes(t); change.State != api.ChangeIntended || got[0].State != api.ChangeIntended {
		t.Errorf("the journal says %+v", got)
	}
	w.intercepting(nil, "")
	if len(w.account(t, demo.TourName).Identities) != 1 {
		t.Fatal("the server has not stored it")
	}
	if _, err := w.Undo(t.Context(), change.ID); err != nil {
		t.Errorf("undo: %v", err)
	}
	if left := w.account(t, demo.TourName).Identities; len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestRemovingSeveralByUnregister: each removal writes the account's other links again, but not those that were just
// removed.
func TestRemovingSeveralByUnregister(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialKey)
	account := w.account(t, "tomas")
	if len(account.Identities) != 2 {
		t.Fatalf("tomas has %v", account.Identities)
	}
	extra := api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "stays"}
	w.Server().AddLink(api.Link{Identity: extra, UserID: account.ID})
	var req link.RemoveRequest
	req.ViaUnregister = true
	for _, id := range account.Identities {
		req.Links = append(req.Links, api.Link{Identity: id, UserID: account.ID})
	}
	changes, err := w.Remove(t.Context(), req, quiet)
	if err != nil || len(changes) != 2 {
		t.Fatalf("%v, %v", changes, err)
	}
	if left := w.account(t, "tomas").Identities; len(left) != 1 || left[0] != extra {
		t.Errorf("left: %v, want %v", left, extra)
	}
}

// TestRebuildingIsReadBack: links that were dropped and could not be written again are named.
func TestRebuildingIsReadBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialKey)
	w.intercepting(yesTo(http.MethodPost, "/Preprovision/"), "")
	account := w.account(t, "tomas")
	gone, lost := account.Identities[0], account.Identities[1]
	_, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: gone, UserID: account.ID}}, ViaUnregister: true,
	}, quiet)
	if !api.IsCode(err, api.CodeHalfDone) || !strings.Contains(err.Error(), lost.Name) {
		t.Errorf("got %v, want %s in it", err, lost.Name)
	}
}

// TestRebuildingWhileTheServerRestarts: a server that starts, wants a pause and loads its plugins for a moment costs no link.
func TestRebuildingWhileTheServerRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialKey)
	account := w.account(t, "tomas")
	w.intercepting(failing("/Preprovision/", http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusNotFound), "")
	_, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: account.Identities[0], UserID: account.ID}}, ViaUnregister: true,
	}, quiet)
	if err != nil {
		t.Error(err)
	}
	if left := w.account(t, "tomas").Identities; !slices.Equal(left, account.Identities[1:]) {
		t.Errorf("left: %v", left)
	}
}

// TestHalfDoneRebuildingIsUndone: the links that were lost on the way stand in the journal, and come back.
func TestHalfDoneRebuildingIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialKey)
	account := w.account(t, "tomas")
	w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
		refused := strings.Contains(r.URL.Path, "/Preprovision/")
		if refused {
			rw.WriteHeader(http.StatusInternalServerError)
		}
		return refused
	}, "")
	_, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: account.Identities[0], UserID: account.ID}}, ViaUnregister: true,
	}, quiet)
	if !api.IsCode(err, api.CodeHalfDone) {
		t.Errorf("got %v", err)
	}
	w.intercepting(nil, "")
	for _, c := range w.changes(t) { // newest first: the detour, then the removal itself
		if want := c.Kind == api.ChangeUnlink; want != (c.State == api.ChangeConfirmed) || c.Error != api.CodeHalfDone {
			t.Errorf("the journal says %+v", c)
		}
		if _, err := w.Undo(t.Context(), c.ID); err != nil {
			t.Errorf("undoing the %s: %v", c.Kind, err)
		}
	}
	if left := w.account(t, "tomas").Identities; len(left) != len(account.Identities) {
		t.Errorf("left: %v, want %v", left, account.Identities)
	}
}

// unregistered gives tomas, who signs in by Another.Provider, the default provider; it returns him as he was, with his links.
func (w *world) unregistered(t *testing.T) (before api.Account, change api.Change) {
	t.Helper()
	before = w.account(t, "tomas")
	if err := w.Plugin.Unregister(t.Context(), before.Name, "Another.Provider"); err != nil {
		t.Fatal(err)
	}
	for _, id := range before.Identities {
		w.Server().AddLink(api.Link{Identity: id, UserID: before.ID})
	}
	change, err := w.Unregister(t.Context(), before.ID, defaultProvider)
	if err != nil {
		t.Fatal(err)
	}
	return before, change
}

// TestUndoingUnregisterRestoresFirst: that the accounts cannot be read costs no link.
func TestUndoingUnregisterRestoresFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	before, change := w.unregistered(t)
	var sent atomic.Bool
	w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/Unregister/") {
			sent.Store(true)
		}
		fails := sent.Load() && r.URL.Path == "/Users"
		if fails {
			rw.WriteHeader(http.StatusInternalServerError)
		}
		return fails
	}, "")
	if _, err := w.Undo(t.Context(), change.ID); !api.IsCode(err, api.CodeOutcomeUnknown) {
		t.Errorf("got %v", err)
	}
	w.intercepting(nil, "")
	if left := w.account(t, "tomas").Identities; len(left) != len(before.Identities) {
		t.Errorf("left: %v, want %v", left, before.Identities)
	}
}

// TestMoveCutShortIsUndone: an identity that was taken from one account, and never reached the other, goes back.
func TestMoveCutShortIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	from, to := w.account(t, "priya"), w.account(t, demo.TourName)
	id := from.Identities[0]
	cut, err := w.Journal.Intend(t.Context(), api.Change{
		Server: w.ServerID, Kind: api.ChangeMove, UserID: to.ID, UserName: to.Name, FromID: from.ID, FromName: from.Name,
		Identities: []api.Identity{id},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Plugin.DeleteLink(t.Context(), api.Link{Identity: id, UserID: from.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Undo(t.Context(), cut.ID); err != nil {
		t.Fatal(err)
	}
	if o := roster.Owner(w.roster(t), id); o == nil || o.ID != from.ID {
		t.Errorf("%v opens %+v, want %s", id, o, from.Name)
	}
}

// TestOwnAccountIsNotUnregistered where that ends the very session that would have to write the links again.
func TestOwnAccountIsNotUnregistered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	own := w.account(t, demo.AdminName)
	id := api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "a/b"}
	w.Server().AddLink(api.Link{Identity: id, UserID: own.ID})
	before := w.account(t, demo.AdminName).Identities
	_, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: id, UserID: own.ID}}, ViaUnregister: true,
	}, quiet)
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeUnsupported || !strings.Contains(e.Hint, "API key") {
		t.Errorf("removing: %v", err)
	}
	if _, err := w.Unregister(t.Context(), own.ID, defaultProvider); !api.IsCode(err, api.CodeUnsupported) {
		t.Errorf("unregistering: %v", err)
	}
	if after := w.account(t, demo.AdminName).Identities; !slices.Equal(after, before) {
		t.Errorf("it has %v, want %v", after, before)
	}
}

// TestUnregisterWithoutAnswer on the way to remove one link: the others are written again, and what is so then is told.
func TestUnregisterWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, arrives := range map[string]bool{"the answer is lost": true, "the request is lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, api.FlavourFlowfin, api.CredentialKey)
			account := w.account(t, "tomas")
			left := account.Identities
			if arrives {
				left = left[1:]
				w.intercepting(nil, "POST /Unregister/")
			} else {
				w.intercepting(cutting("/Unregister/", 1), "")
			}
			changes, err := w.Remove(t.Context(), link.RemoveRequest{
				Links: []api.Link{{Identity: account.Identities[0], UserID: account.ID}}, ViaUnregister: true,
			}, quiet)
			if arrives && err != nil || !arrives && (!api.IsCode(err, api.CodeOutcomeUnknown) ||
				strings.Count(err.Error(), "not known") != 1) {
				t.Errorf("got %v", err)
			}
			if now := w.account(t, "tomas").Identities; !slices.Equal(now, left) {
				t.Errorf("left: %v, want %v", now, left)
			}
			for _, c := range slices.Concat(changes, w.changes(t)) {
				if arrives != (c.State == api.ChangeConfirmed) || arrives == (c.State == api.ChangeIntended) {
					t.Errorf("the journal says %+v", c)
				}
			}
		})
	}
}

// cutting breaks the connection of the first n POSTs to a path with that part, before the server gets them.
func cutting(part string, n int32) func(http.ResponseWriter, *http.Request) bool {
	var sent atomic.Int32
	return func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, part) && sent.Add(1) <= n {
			panic(http.ErrAbortHandler)
		}
		return false
	}
}

// failing answers the first requests to a path with that part itself, with these statuses.
func failing(part string, statuses ...int) func(http.ResponseWriter, *http.Request) bool {
	var sent atomic.Int32
	return func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, part) {
			return false
		}
		n := int(sent.Add(1))
		if n > len(statuses) {
			return false
		}
		if statuses[n-1] == http.StatusTooManyRequests {
			rw.Header().Set("Retry-After", "1")
		}
		rw.WriteHeader(statuses[n-1])
		return true
	}
}

// TestUndoingUnregisterWithoutAnswer: the links are written again all the same.
func TestUndoingUnregisterWithoutAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	before, change := w.unregistered(t)
	w.intercepting(nil, "POST /Unregister/")
	if _, err := w.Undo(t.Context(), change.ID); err != nil {
		t.Errorf("got %v", err)
	}
	after := w.account(t, "tomas")
	if !slices.Equal(after.Identities, before.Identities) || after.AuthProvider != "Another.Provider" {
		t.Errorf("left: %+v", after)
	}
}

// TestMoveWithoutAnswer on Flowfin, where it takes two steps: whichever has no answer, what is so then is told. A server that
// starts gets the identity back for the account that had it.
func TestMoveWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(http.ResponseWriter, *http.Request) bool
		lose   string
		code   api.Code
	}{
		"removed":      {lose: "DELETE /Link/"},
		"stored":       {lose: "POST /Preprovision/"},
		"never stored": {before: cutting("/Preprovision/", 1), code: api.CodeLinkNotStored},
		"a restart": {
			before: failing("/Preprovision/", http.StatusServiceUnavailable, http.StatusServiceUnavailable),
			code:   api.CodeServerStarting,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
			taken := w.account(t, "noah").Identities[0]
			w.intercepting(c.before, c.lose)
			change, err := w.Link(t.Context(), api.LinkRequest{
				UserID: w.account(t, demo.TourName).ID, Protocol: taken.Protocol, Provider: taken.Provider, Name: taken.Name,
				Strategy: api.StrategySubject, Move: true,
			}, person{})
			owner, state := "noah", api.ChangeFailed
			if c.code == "" {
				owner, state = demo.TourName, api.ChangeConfirmed
			}
			if api.CodeOf(err) != c.code || change.State != state {
				t.Errorf("got %v, %+v", err, change)
			}
			if o := roster.Owner(w.roster(t), taken); o == nil || o.Name != owner {
				t.Errorf("it opens %+v, want %s", o, owner)
			}
		})
	}
}

// TestUndoingUnregisterKeepsLaterWork: Flowfin's Unregister drops all links, those that came since too.
func TestUndoingUnregisterKeepsLaterWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	before := w.account(t, "tomas")
	before.AuthProvider = "Another.Provider"
	if err := w.Plugin.Unregister(t.Context(), before.Name, before.AuthProvider); err != nil {
		t.Fatal(err)
	}
	for _, id := range before.Identities {
		w.Server().AddLink(api.Link{Identity: id, UserID: before.ID})
	}
	change, err := w.Unregister(t.Context(), before.ID, defaultProvider)
	if err != nil {
		t.Fatal(err)
	}
	later := api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: "later"}
	w.Server().AddLink(api.Link{Identity: later, UserID: before.ID})
	taken, other := before.Identities[0], w.account(t, "priya")
	w.Server().AddLink(api.Link{Identity: taken, UserID: other.ID})
	undone, err := w.Undo(t.Context(), change.ID)
	if err != nil {
		t.Fatal(err)
	}
	after := w.account(t, "tomas")
	if !slices.Contains(after.Identities, later) {
		t.Errorf("the later link is lost: %v", after.Identities)
	}
	if !slices.Contains(after.Identities, before.Identities[1]) || slices.Contains(after.Identities, taken) {
		t.Errorf("after undo %v", after.Identities)
	}
	if slices.Contains(undone.Identities, taken) || !slices.Contains(undone.Identities, later) {
		t.Errorf("the journal claims %v", undone.Identities)
	}
	if o := roster.Owner(w.roster(t), taken); o == nil || o.ID != other.ID {
		t.Errorf("%v opens %+v, want %s", taken, o, other.Name)
	}
	if after.AuthProvider != before.AuthProvider {
		t.Errorf("sign-in provider %q", after.AuthProvider)
	}
}

// TestUndoingUnregisterKeepsALaterSignInProvider that somebody has chosen since.
func TestUndoingUnregisterKeepsALaterSignInProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	choose := func(provider string) {
		if err := w.Plugin.Unregister(t.Context(), "tomas", provider); err != nil {
			t.Fatal(err)
		}
	}
	choose("Another.Provider")
	change, err := w.Unregister(t.Context(), w.account(t, "tomas").ID, defaultProvider)
	if err != nil {
		t.Fatal(err)
	}
	choose("A.Third")
	if _, err := w.Undo(t.Context(), change.ID); !api.IsCode(err, api.CodeChangeNotUndoable) {
		t.Errorf("undo: %v", err)
	}
	if after := w.account(t, "tomas"); after.AuthProvider != "A.Third" {
		t.Errorf("sign-in provider %q", after.AuthProvider)
	}
}

// TestUndoingUnregisterWhereNothingShows: 9p4 hides the change, so undoing must send it without looking.
func TestUndoingUnregisterWhereNothingShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.Flavour9p4, api.CredentialAdmin)
	change, err := w.Unregister(t.Context(), w.account(t, "tomas").ID, defaultProvider)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Undo(t.Context(), change.ID); err != nil {
		t.Fatal(err)
	}
	if n := w.requests(http.MethodPost, "/Unregister/"); n != 2 {
		t.Errorf("%d requests to unregister, want 2", n)
	}
}

// TestCancelledWhileUndoing: a write that has begun runs to its end, and the journal knows it.
func TestCancelledWhileUndoing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	account := w.account(t, demo.TourName)
	change, err := w.Link(t.Context(), api.LinkRequest{
		UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "n",
	}, person{})
	if err != nil {
		t.Fatal(err)
	}
	w.Journal = journal.Open(t.TempDir(), time.Now)
	intended, err := w.Journal.Intend(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodDelete {
			cancel()
		}
		return false
	}, "")
	if _, err := w.Undo(ctx, intended.ID); err != nil {
		t.Errorf("undo: %v", err)
	}
	c, err := w.Journal.Change(t.Context(), w.ServerID, intended.ID)
	if err != nil || c.State != api.ChangeUndone {
		t.Errorf("the journal says %+v, %v", c, err)
	}
}

// TestCancelledWhileVerifying: the session that the verification opened is ended all the same.
func TestCancelledWhileVerifying(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	ctx, cancel := context.WithCancel(t.Context())
	w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/OID/Auth/") {
			cancel()
		}
		return false
	}, "")
	_, err := w.Verify(ctx, link.VerifyRequest{Protocol: api.OIDC, Provider: demo.Authelia}, person{login: "jonas"})
	if err != nil && !api.IsCode(err, api.CodeCancelled) {
		t.Errorf("verify: %v", err)
	}
	if w.requests(http.MethodPost, "/OID/Auth/") != 1 || w.requests(http.MethodPost, "/Sessions/Logout") != 1 {
		t.Error("the session was not ended")
	}
}

// TestMoveThatStopsHalfway: Flowfin moves an identity in two steps. When the second one fails, and the way back too, the
// person is told that nobody has it, and can give it back.
func TestMoveThatStopsHalfway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourFlowfin, api.CredentialAdmin)
	taken := w.account(t, "noah").Identities[0]
	w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/Preprovision/") {
			return false
		}
		http.Error(rw, "", http.StatusInternalServerError)
		return true
	}, "")
	change, err := w.Link(t.Context(), api.LinkRequest{
		UserID: w.account(t, demo.TourName).ID, Protocol: taken.Protocol, Provider: taken.Provider, Name: taken.Name,
		Strategy: api.StrategySubject, Move: true,
	}, person{})
	if !api.IsCode(err, api.CodeHalfDone) || !strings.Contains(err.Error(), taken.Name+" was removed") {
		t.Errorf("got %v (%s)", err, api.CodeOf(err))
	}
	if o := roster.Owner(w.roster(t), taken); o != nil || change.State != api.ChangeIntended {
		t.Errorf("it opens %+v, %+v", o, change)
	}
	w.intercepting(nil, "")
	if _, err := w.Undo(t.Context(), change.ID); err != nil {
		t.Error(err)
	}
	if o := roster.Owner(w.roster(t), taken); o == nil || o.Name != "noah" {
		t.Errorf("afterwards it opens %+v", o)
	}
}

// meddled is a plugin whose other settings somebody changes while links are written.
type meddled struct{ link.Plugin }

func (m meddled) WriteConfig(ctx context.Context, proto api.Protocol, provider string,
	change func(map[string]string) error,
) error {
	if err := m.Plugin.WriteConfig(ctx, proto, provider, change); err != nil {
		return err
	}
	return storedAllTheSame()
}

func (m meddled) DeleteLink(ctx context.Context, link api.Link) error {
	if err := m.Plugin.DeleteLink(ctx, link); err != nil {
		return err
	}
	return storedAllTheSame()
}

func storedAllTheSame() error {
	return &api.Error{Code: api.CodeConfigChanged, Sentence: "The links are stored.", Err: ssoplugin.ErrStored}
}

// TestLinkThatIsStoredAllTheSame can be undone, though there was something to tell of.
func TestLinkThatIsStoredAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialKey)
	plugin := w.Plugin
	w.Plugin = meddled{plugin}
	account := w.account(t, demo.TourName)
	change, err := w.Link(t.Context(), api.LinkRequest{
		UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategySubject, Name: "n",
	}, person{})
	if !api.IsCode(err, api.CodeConfigChanged) || change.State != api.ChangeConfirmed {
		t.Errorf("%v, %+v", err, change)
	}
	w.Plugin = plugin
	if _, err := w.Undo(t.Context(), change.ID); err != nil {
		t.Errorf("undo: %v", err)
	}
}

// TestUndoThatIsStoredAllTheSame marks what it has taken back, though there was something to tell of.
func TestUndoThatIsStoredAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialKey)
	noah := w.account(t, "noah")
	removed, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: noah.Identities[0], UserID: noah.ID}},
	}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	w.Plugin = meddled{w.Plugin}
	if change, err := w.Undo(t.Context(), removed[0].ID); !api.IsCode(err, api.CodeConfigChanged) || change.State != api.ChangeConfirmed {
		t.Errorf("%v, %+v", err, change)
	}
	for _, c := range w.changes(t) {
		if c.ID == removed[0].ID && c.State != api.ChangeUndone {
			t.Errorf("what was undone is %s", c.State)
		}
	}
}

// forgetful is a disk that gets full once a change was written down as intended.
func forgetful(t *testing.T, w *world) {
	t.Helper()
	dir := t.TempDir()
	w.Journal = journal.Open(dir, time.Now)
	w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost || r.Method == http.MethodDelete {
			file := filepath.Join(dir, w.ServerID+".jsonl")
			if err := os.RemoveAll(file); err != nil {
				t.Error(err)
			}
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Error(err)
			}
		}
		return false
	}, "")
}

// TestChangeThatTheJournalDoesNotTake: the person is told that it was made.
func TestChangeThatTheJournalDoesNotTake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	account := w.account(t, "noah")
	forgetful(t, w)
	_, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: account.Identities[0], UserID: account.ID}},
	}, quiet)
	if !api.IsCode(err, api.CodeHalfDone) || !strings.Contains(err.Error(), "was made") {
		t.Errorf("got %v (%s)", err, api.CodeOf(err))
	}
}

// TestVerifyReadsTheAccountsOnce, after the sign-in.
func TestVerifyReadsTheAccountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	v, err := w.Verify(t.Context(), link.VerifyRequest{Protocol: api.OIDC, Provider: demo.Authelia}, person{login: "jonas"})
	if err != nil || v.Account.Name != "admin" {
		t.Errorf("%+v, %v", v, err)
	}
	if n := w.everybody(); n != 1 {
		t.Errorf("the accounts were read %d times", n)
	}
}

// TestVerifiedSessionThatStays: the person is told whose account it opens, and that a session is left.
func TestVerifiedSessionThatStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/Sessions/Logout") {
			return false
		}
		http.Error(rw, "", http.StatusInternalServerError)
		return true
	}, "")
	_, err := w.Verify(t.Context(), link.VerifyRequest{Protocol: api.OIDC, Provider: demo.Authelia}, person{login: "jonas"})
	if err == nil || !strings.Contains(err.Error(), "opens admin, but the session") {
		t.Errorf("got %v", err)
	}
}

// TestHowLongTheServerKeepsASignIn is told where it is shorter than Jellybind waits.
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
			time.Sleep(5 * time.Millisecond) // of a server that is far away
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

// TestWaitingForAnotherJellybindIsCancelled before anything is changed or written down.
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
