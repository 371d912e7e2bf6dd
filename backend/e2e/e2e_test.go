// Package e2e_test drives the whole backend as a person does: a demo world, a headless Chromium that signs in at its
// identity providers, and the server's answers to tell what came of it.
package e2e_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

var flavours = []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin}

// clock is a world's clock that tests put forward.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// world is a demo world, opened with one credential.
type world struct {
	*backend.Demo
	*backend.Session
	clock *clock
}

func open(t *testing.T, flavour api.Flavour, as api.CredentialKind, basePath string) world {
	t.Helper()
	w := world{clock: &clock{}}
	var err error
	w.Demo, err = backend.NewDemo(t.Context(), backend.Options{Version: "test"},
		demo.Options{Flavour: flavour, Now: w.clock.now, BasePath: basePath}, as)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.Session, err = w.Demo.Open(t.Context(), backend.Target{}); err != nil {
		t.Fatal(err)
	}
	w.Linker.Ports = []int{0}
	w.Linker.Timeout = 30 * time.Second
	return w
}

// ownClient registers Jellybind's own client for a provider.
func (w world) ownClient(t *testing.T, provider string, confidential bool) {
	t.Helper()
	id, clientSecret := w.World.Client(provider, confidential)
	given := &clientSecret
	if !confidential {
		given = nil
	}
	_, err := w.SetProvider(t.Context(), backend.DemoName, api.OIDC, provider,
		func(s *api.ProviderSettings) { s.ClientID = id }, given)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Refresh(t.Context(), w.Session); err != nil {
		t.Fatal(err)
	}
}

func (w world) account(t *testing.T, name string) api.Account {
	t.Helper()
	r, err := w.Roster.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range r.Accounts {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("no account %q", name)
	return api.Account{}
}

func (w world) changes(t *testing.T) []api.Change {
	t.Helper()
	c, err := w.Journal.Changes(t.Context(), w.Session.Server.ID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// human signs in with the browser, and answers the questions.
type human struct {
	t     *testing.T
	login string // whose button to press; empty means Cancel
	// before is called when the address is shown, instead of signing in when it returns false.
	before func(api.SignIn) bool
	// confirm is called before the confirmation.
	confirm func(api.Confirmation) error

	mu    sync.Mutex
	seen  string // the page at the end
	asked *api.Confirmation
	done  sync.WaitGroup
}

func (h *human) SignIn(_ context.Context, s api.SignIn) error {
	if h.before != nil && !h.before(s) {
		return nil
	}
	ctx := tab(h.t)
	h.done.Go(func() {
		id := "cancel"
		if h.login != "" {
			id = "person-" + h.login
		}
		seen, err := press(ctx, s.URL, id)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.seen = seen
		if err != nil {
			h.seen = "browser: " + err.Error()
		}
	})
	return nil
}

func (h *human) SignInElsewhere(ctx context.Context, d api.DeviceSignIn) error {
	h.done.Go(func() { _ = visitor.New().Approve(ctx, d.URL, d.Code, h.login) })
	return nil
}

func (h *human) Confirm(_ context.Context, c api.Confirmation) error {
	h.asked = &c
	if h.confirm != nil {
		return h.confirm(c)
	}
	return nil
}

func (h *human) UseLocal(context.Context, string) (api.Consent, error) { return api.ConsentOpen, nil }

func (h *human) Progress(api.Progress) {}

// page returns what the person saw in the browser at the end.
func (h *human) page() string {
	h.done.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seen
}

// TestEveryStrategy links by every flavour, credential, protocol and strategy that the plan offers, reads back, verifies
// and takes back. The chosen strategy is pinned, so that a missing case is noticed.
func TestEveryStrategy(t *testing.T) {
	t.Parallel()
	type cell struct {
		flavour  api.Flavour
		as       api.CredentialKind
		protocol api.Protocol
	}
	type how struct {
		strategy api.Strategy
		write    api.WriteMethod
	}
	want := map[cell]how{}
	for _, f := range flavours {
		for _, p := range []api.Protocol{api.OIDC, api.SAML} {
			want[cell{f, api.CredentialAdmin, p}] = how{api.StrategyRelay, api.WritePostLink}
			want[cell{f, api.CredentialUser, p}] = how{api.StrategyRelay, api.WritePostLink}
		}
	}
	for _, f := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin} {
		want[cell{f, api.CredentialKey, api.OIDC}] = how{api.StrategyRelay, api.WriteConfig}
		want[cell{f, api.CredentialKey, api.SAML}] = how{api.StrategyAssertion, api.WriteConfig}
	}
	want[cell{api.FlavourFlowfin, api.CredentialKey, api.OIDC}] = how{api.StrategyOwnClient, api.WritePreprovision}
	want[cell{api.FlavourFlowfin, api.CredentialKey, api.SAML}] = how{api.StrategyAssertion, api.WritePreprovision}

	for c, how := range want {
		t.Run(fmt.Sprintf("%s/%s/%s", c.flavour, c.as, c.protocol), func(t *testing.T) {
			t.Parallel()
			basePath := ""
			if c.protocol == api.SAML {
				basePath = "/jf"
			}
			w := open(t, c.flavour, c.as, basePath)
			provider, account := demo.Keycloak, demo.TourName
			if c.protocol == api.SAML {
				provider = demo.ADFS
			}
			if c.as == api.CredentialUser {
				account = demo.UserName
			}
			if how.strategy == api.StrategyOwnClient {
				w.ownClient(t, provider, false)
			}
			person, _ := w.World.Person(demo.NewcomerLogin)
			id := w.World.Identity(c.protocol, provider, person)
			before := w.account(t, account)
			h := &human{t: t, login: person.Login}
			req := api.LinkRequest{UserID: before.ID, Protocol: c.protocol, Provider: provider}

			change, err := w.Linker.Link(t.Context(), req, h)
			if err != nil {
				t.Fatalf("%v (page: %s)", err, h.page())
			}
			if got := (struct {
				strategy api.Strategy
				write    api.WriteMethod
			}{change.Strategy, change.Write}); got != how {
				t.Errorf("linked by %v, want %v", got, how)
			}
			if want := append(slices.Clone(before.Identities), id); !sameIdentities(want, w.account(t, account).Identities) {
				t.Errorf("%s has %v, want %v", account, w.account(t, account).Identities, want)
			}
			if change.State != api.ChangeConfirmed || len(change.Identities) != 1 || change.Identities[0] != id {
				t.Errorf("the journal says %+v", change)
			}
			if h.asked == nil || h.asked.NameKnown && (h.asked.Identity != id || h.asked.Owner != nil) {
				t.Errorf("asked %+v", h.asked)
			}
			if page := h.page(); !strings.Contains(page, "Jellybind") || strings.Contains(page, "browser:") {
				t.Errorf("the browser shows %q", page)
			}
			again := &human{t: t, login: person.Login}
			if _, err := w.Linker.Link(t.Context(), req, again); !api.IsCode(err, api.CodeLinkExists) {
				t.Errorf("linking again: %v", err)
			}
			verify(t, w, id, before.User)
			undo(t, w, change, before)
		})
	}
}

// verify signs in with a linked identity and expects the account. On Flowfin the server cannot be asked, and an OIDC
// identity is proved by the own client where there is one, a SAML one where the certificate can be read.
func verify(t *testing.T, w world, id api.Identity, account api.User) {
	t.Helper()
	v, err := w.Linker.Verify(t.Context(), link.VerifyRequest{Protocol: id.Protocol, Provider: id.Provider},
		&human{t: t, login: demo.NewcomerLogin})
	asked, flowfin := true, w.Plugin.Capabilities().Flavour == api.FlavourFlowfin
	switch {
	case flowfin && w.Kind == api.CredentialKey, flowfin && w.Kind == api.CredentialAdmin && id.Protocol == api.SAML:
		asked = false
	case flowfin, w.Kind == api.CredentialUser && id.Protocol == api.OIDC:
		want := api.CodeClientMissing
		if w.Kind == api.CredentialUser {
			want = api.CodeUnsupported
		}
		if !api.IsCode(err, want) {
			t.Errorf("verify where the name is not known: %v", err)
		}
		return
	}
	if err != nil {
		t.Errorf("verify: %v", err)
		return
	}
	if v.Account.ID != account.ID || v.Identity != id || v.SignedIn != asked {
		t.Errorf("verified %+v, want %s", v, account.Name)
	}
	// One that is not linked stops before the server would open or create an account.
	_, err = w.Linker.Verify(t.Context(), link.VerifyRequest{Protocol: id.Protocol, Provider: id.Provider},
		&human{t: t, login: demo.RiskName})
	if !api.IsCode(err, api.CodeLinkNotFound) {
		t.Errorf("verify with an identity that is not linked: %v", err)
	}
}

// undo takes a link back, where this flavour and credential can.
func undo(t *testing.T, w world, change api.Change, before api.Account) {
	t.Helper()
	_, err := w.Linker.Undo(t.Context(), change.ID)
	if w.Kind == api.CredentialKey && w.Plugin.Capabilities().Flavour == api.FlavourFlowfin {
		if !api.IsCode(err, api.CodeChangeNotUndoable) {
			t.Errorf("undo with an API key on Flowfin: %v", err)
		}
		return
	}
	if err != nil {
		t.Errorf("undo: %v", err)
	}
	if after := w.account(t, before.Name); !sameIdentities(before.Identities, after.Identities) {
		t.Errorf("after undo %v, before %v", after.Identities, before.Identities)
	}
	if c := w.changes(t); len(c) < 2 || c[0].Undoes != change.ID || !slices.ContainsFunc(c, func(c api.Change) bool {
		return c.ID == change.ID && c.State == api.ChangeUndone
	}) {
		t.Errorf("the journal after undo: %+v", c)
	}
}

func sameIdentities(a, b []api.Identity) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(id api.Identity) bool { return !slices.Contains(b, id) })
}

// TestOtherStrategies runs the strategies that the plan does not choose by itself.
func TestOtherStrategies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flavour  api.Flavour
		as       api.CredentialKind
		protocol api.Protocol
		strategy api.Strategy
		secret   bool
	}{
		{api.Flavour9p4, api.CredentialAdmin, api.OIDC, api.StrategyOwnClient, true},
		{api.FlavourK0lin, api.CredentialKey, api.OIDC, api.StrategyOwnClient, false},
		{api.FlavourFlowfin, api.CredentialAdmin, api.OIDC, api.StrategyOwnClient, true},
		{api.FlavourFlowfin, api.CredentialAdmin, api.SAML, api.StrategyAssertion, false},
		{api.Flavour9p4, api.CredentialAdmin, api.SAML, api.StrategyAssertion, false},
	} {
		t.Run(fmt.Sprintf("%s/%s/%s", c.flavour, c.as, c.strategy), func(t *testing.T) {
			t.Parallel()
			w := open(t, c.flavour, c.as, "")
			provider := demo.ADFS
			if c.protocol == api.OIDC {
				provider = demo.Authelia
				w.ownClient(t, provider, c.secret)
			}
			person, _ := w.World.Person(demo.NewcomerLogin)
			account := w.account(t, demo.TourName)
			change, err := w.Linker.Link(t.Context(), api.LinkRequest{
				UserID: account.ID, Protocol: c.protocol, Provider: provider, Strategy: c.strategy,
			}, &human{t: t, login: person.Login})
			if err != nil {
				t.Fatal(err)
			}
			if id := w.World.Identity(c.protocol, provider, person); change.Strategy != c.strategy || change.Identities[0] != id {
				t.Errorf("got %+v, want %v", change, id)
			}
		})
	}
}

// TestBySubject links names that nobody signs in with, the awkward ones included, and removes them again.
func TestBySubject(t *testing.T) {
	t.Parallel()
	names := []string{
		"auth0|abc123", "a/b/c", "a b+c%20d", "100%", "user+tag@example.com", "Zoë 漢字 😀", `DOMAIN\user`, `<b>&amp;"'`,
		"../../etc/passwd", ".", "..", "a?b#c;d", strings.Repeat("x", 300), " lead", "tail ", "a%2Fb", "http://idp.example/u/1",
	}
	for _, f := range flavours {
		for _, as := range []api.CredentialKind{api.CredentialAdmin, api.CredentialKey} {
			t.Run(fmt.Sprintf("%s/%s", f, as), func(t *testing.T) {
				t.Parallel()
				w := open(t, f, as, "")
				account := w.account(t, demo.TourName)
				for _, name := range names {
					req := api.LinkRequest{
						UserID: account.ID, Protocol: api.OIDC, Provider: demo.Keycloak, Strategy: api.StrategySubject, Name: name,
					}
					if _, err := w.Linker.Link(t.Context(), req, &human{t: t}); api.IsCode(err, api.CodeLinkOwned) {
						req.Move = true // the demo's accounts have some of these names
						_, err = w.Linker.Link(t.Context(), req, &human{t: t})
						if f == api.FlavourFlowfin && err != nil {
							continue // cannot be taken from its account there
						}
						if err != nil {
							t.Fatalf("moving %q: %v", name, err)
						}
					} else if err != nil {
						t.Fatalf("%q: %v", name, err)
					}
					l := api.Link{UserID: account.ID, Identity: api.Identity{Protocol: api.OIDC, Provider: demo.Keycloak, Name: name}}
					_, err := w.Linker.Remove(t.Context(), link.RemoveRequest{Links: []api.Link{l}}, func(api.Progress) {})
					alone := f != api.FlavourFlowfin || as == api.CredentialAdmin && api.Addressable(name)
					if alone != (err == nil) {
						t.Errorf("removing %q: %v", name, err)
					}
					if err == nil {
						continue
					}
					if !api.IsCode(err, api.CodeUnsupported) {
						t.Errorf("removing %q: code %s, want unsupported", name, api.CodeOf(err))
					}
					_, err = w.Linker.Remove(t.Context(), link.RemoveRequest{Links: []api.Link{l}, ViaUnregister: true},
						func(api.Progress) {})
					if err != nil {
						t.Errorf("removing %q by unregistering: %v", name, err)
					}
				}
				if left := w.account(t, demo.TourName).Identities; len(left) > 0 {
					t.Errorf("left: %v", left)
				}
			})
		}
	}
}

// TestRemovingByUnregisterKeepsTheOthers: the detour must write the account's other links again.
func TestRemovingByUnregisterKeepsTheOthers(t *testing.T) {
	t.Parallel()
	w := open(t, api.FlavourFlowfin, api.CredentialKey, "")
	before := w.account(t, "tomas")
	if len(before.Identities) < 2 {
		t.Fatalf("tomas has %v", before.Identities)
	}
	gone := api.Link{Identity: before.Identities[0], UserID: before.ID}
	_, err := w.Linker.Remove(t.Context(), link.RemoveRequest{Links: []api.Link{gone}, ViaUnregister: true}, func(api.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	after := w.account(t, "tomas")
	if d := cmp.Diff(before.Identities[1:], after.Identities); d != "" {
		t.Error(d)
	}
	if after.AuthProvider != before.AuthProvider {
		t.Errorf("sign-in provider became %q", after.AuthProvider)
	}
}

// TestIdentityOwnedByAnother is refused without --move, moved with it, and put back where it was moved unasked.
func TestIdentityOwnedByAnother(t *testing.T) {
	t.Parallel()
	for _, f := range flavours {
		for _, as := range []api.CredentialKind{api.CredentialAdmin, api.CredentialKey} {
			t.Run(fmt.Sprintf("%s/%s", f, as), func(t *testing.T) {
				t.Parallel()
				w := open(t, f, as, "")
				w.ownClient(t, demo.Authelia, false)
				person, _ := w.World.Person("jonas")
				id := w.World.Identity(api.OIDC, demo.Authelia, person)
				r, err := w.Roster.Read(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				owner, account := roster.Owner(r, id), w.account(t, demo.TourName)
				if owner == nil {
					t.Fatal("jonas is not linked")
				}
				req := api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia}
				if _, err := w.Linker.Link(t.Context(), req, &human{t: t, login: "jonas"}); !api.IsCode(err, api.CodeLinkOwned) {
					t.Fatalf("without move: %v", err)
				}
				after, err := w.Roster.Read(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				if o := roster.Owner(after, id); o == nil || o.ID != owner.ID {
					t.Fatalf("jonas opens %+v after the refusal, want %s", o, owner.Name)
				}
				req.Move = true
				h := &human{t: t, login: "jonas"}
				change, err := w.Linker.Link(t.Context(), req, h)
				if f == api.FlavourFlowfin && as == api.CredentialKey {
					// Nothing but Unregister takes a link away there.
					if !api.IsCode(err, api.CodeUnsupported) {
						t.Errorf("move with an API key on Flowfin: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if change.Kind != api.ChangeMove || change.FromID != owner.ID {
					t.Errorf("the journal says %+v", change)
				}
				if h.asked.NameKnown && (!h.asked.Moves || h.asked.Owner.ID != owner.ID) {
					t.Errorf("asked %+v", h.asked)
				}
				if _, err := w.Linker.Undo(t.Context(), change.ID); err != nil {
					t.Fatal(err)
				}
				if a := w.account(t, owner.Name); !slices.Contains(a.Identities, id) {
					t.Errorf("undo did not give %v back to %s: %v", id, owner.Name, a.Identities)
				}
			})
		}
	}
}

// TestFailures: each leaves nothing changed, and says what to do.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, f := range flavours {
		for name, c := range map[string]struct {
			login   string
			before  func(world, context.CancelFunc) func(api.SignIn) bool
			confirm func(world) func(api.Confirmation) error
			prepare func(*testing.T, world)
			want    []api.Code
		}{
			"refused at the identity provider": {want: []api.Code{api.CodeSignInRefused}},
			"closed tab": {
				before:  func(world, context.CancelFunc) func(api.SignIn) bool { return func(api.SignIn) bool { return false } },
				prepare: func(_ *testing.T, w world) { w.Linker.Timeout = 200 * time.Millisecond },
				want:    []api.Code{api.CodeTimeout},
			},
			"cancelled": {
				before: func(_ world, cancel context.CancelFunc) func(api.SignIn) bool {
					return func(api.SignIn) bool { cancel(); return false }
				},
				want: []api.Code{api.CodeCancelled},
			},
			"wrong port": {
				prepare: func(t *testing.T, w world) {
					t.Helper()
					l, err := net.Listen("tcp4", "127.0.0.1:0")
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = l.Close() })
					w.Linker.Ports = []int{l.Addr().(*net.TCPAddr).Port}
				},
				want: []api.Code{api.CodePortTaken},
			},
			"expired state": {
				login: demo.NewcomerLogin,
				confirm: func(w world) func(api.Confirmation) error {
					return func(api.Confirmation) error {
						w.clock.forward(16 * time.Minute)
						// 9p4 and K0lin forget at the next start.
						_, err := w.Plugin.Start(context.Background(), ssoplugin.StartRequest{
							Protocol: api.OIDC, Provider: demo.Authelia, Host: "127.0.0.1:1", Linking: true,
						})
						return err
					}
				},
				want: []api.Code{api.CodeSignInExpired},
			},
			"server restarted in between": {
				login: demo.NewcomerLogin,
				before: func(w world, _ context.CancelFunc) func(api.SignIn) bool {
					return func(api.SignIn) bool { w.World.Server().Restart(); return true }
				},
				want: []api.Code{api.CodeSignInExpired, api.CodeSignInRefused},
			},
			"person says no": {
				login: demo.NewcomerLogin,
				confirm: func(world) func(api.Confirmation) error {
					return func(api.Confirmation) error { return &api.Error{Code: api.CodeCancelled} }
				},
				want: []api.Code{api.CodeCancelled},
			},
		} {
			t.Run(fmt.Sprintf("%s/%s", f, name), func(t *testing.T) {
				t.Parallel()
				w := open(t, f, api.CredentialAdmin, "")
				if c.prepare != nil {
					c.prepare(t, w)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				h := &human{t: t, login: c.login}
				if c.before != nil {
					h.before = c.before(w, cancel)
				}
				if c.confirm != nil {
					h.confirm = c.confirm(w)
				}
				before := w.account(t, demo.TourName)
				_, err := w.Linker.Link(ctx, api.LinkRequest{UserID: before.ID, Protocol: api.OIDC, Provider: demo.Authelia}, h)
				if !slices.Contains(c.want, api.CodeOf(err)) {
					t.Errorf("got %s (%v), want %v", api.CodeOf(err), err, c.want)
				}
				told(t, err)
				if after := w.account(t, demo.TourName); !sameIdentities(before.Identities, after.Identities) {
					t.Errorf("the account has %v now", after.Identities)
				}
				if page := h.page(); strings.HasPrefix(page, "browser:") {
					t.Errorf("%s", page)
				}
			})
		}
	}
}

// told fails unless an error can be shown to a person.
func told(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if api.CodeOf(err) == api.CodeInternal {
		t.Errorf("no code: %v", err)
	}
	for _, bad := range []string{"Error processing request", "goroutine", "traceId", "rfc9110", "code=", "state="} {
		if strings.Contains(err.Error(), bad) {
			t.Errorf("the error shows %q: %v", bad, err)
		}
	}
}
