package jellyfin_test

import (
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
)

// simulated starts the demo world's Jellyfin, which gives the recorded answers, with an administrator, a plain user and a
// disabled one.
func simulated(t testing.TB, opts server.Options) (*server.Server, string) {
	t.Helper()
	s := server.New(opts)
	s.AddUser(server.UserSpec{Name: "root", Password: "rootpw", Administrator: true, LastActivity: time.Now()})
	s.AddUser(server.UserSpec{Name: "Zoë Q", Password: "pw"})
	s.AddUser(server.UserSpec{Name: "dave", Password: "pw", Disabled: true})
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.SetLocalAddress(hostOf(h.URL))
	return s, h.URL + opts.BasePath
}

func TestAgainstTheSimulatedServer(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", server.Jellyfin12} {
		for _, basePath := range []string{"", "/jf"} {
			for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
				t.Run(version+string(flavour)+basePath, func(t *testing.T) {
					t.Parallel()
					_, base := simulated(t, server.Options{Jellyfin: version, Flavour: flavour, BasePath: basePath})
					wholeLife(t, base)
				})
			}
		}
	}
}

// wholeLife finds the server, signs in by password and by Quick Connect, makes and revokes a key, reads, and signs out.
func wholeLife(t *testing.T, base string) {
	ctx := t.Context()
	found, err := jellyfin.Find(ctx, strings.TrimSuffix(base, "/jf"), jellyfin.FindOptions{}) // without the base path
	if err != nil || found.Server.URL != base || found.Server.Version == "" {
		t.Fatalf("%+v, %v", found, err)
	}
	anonymous := client(t, base, "")
	if err := anonymous.WaitReady(ctx, nil, "/sso/OID/GetNames"); err != nil {
		t.Fatal(err)
	}
	for name, code := range map[string]api.Code{"ghost": api.CodeCredentialRefused, "dave": api.CodeAccountDisabled} {
		_, err := anonymous.SignIn(ctx, name, secret.New("pw"))
		wantCode(t, err, code)
	}
	in, err := anonymous.SignIn(ctx, "root", secret.New("rootpw"))
	if err != nil {
		t.Fatal(err)
	}
	admin := anonymous.WithCredential(in.Token)
	plain, err := client(t, base, "", func(o *jellyfin.Options) { o.DeviceID = "device-2" }).SignIn(ctx, "Zoë Q", secret.New("pw"))
	if err != nil || plain.User.Name != "Zoë Q" || plain.User.Administrator {
		t.Fatalf("%+v, %v", plain.User, err)
	}
	key, err := admin.CreateKey(ctx, "Jellybind")
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[api.CredentialKind]*jellyfin.Client{
		api.CredentialAdmin: admin, api.CredentialUser: admin.WithCredential(plain.Token), api.CredentialKey: admin.WithCredential(key),
		api.CredentialNone: anonymous,
	} {
		if kind, _, err := c.Identify(ctx); err != nil || kind != want {
			t.Errorf("identified as %s, want %s: %v", kind, want, err)
		}
	}
	users, err := admin.WithCredential(key).Users(ctx, nil)
	if err != nil || len(users) != 3 {
		t.Errorf("%+v, %v", users, err)
	}
	one, err := admin.User(ctx, plain.User.ID)
	if err != nil || one.Name != "Zoë Q" {
		t.Errorf("%+v, %v", one, err)
	}
	_, err = admin.User(ctx, strings.Repeat("0", 32))
	wantCode(t, err, api.CodeUserNotFound)
	plugins, err := admin.Plugins(ctx)
	if err != nil || len(plugins) == 0 {
		t.Errorf("%+v, %v", plugins, err)
	}
	providers, err := admin.AuthProviders(ctx)
	if err != nil || len(providers) == 0 || providers[0].Name != "Default" {
		t.Errorf("%+v, %v", providers, err)
	}
	keys, err := admin.WithCredential(key).Keys(ctx)
	if err != nil || len(keys) != 1 || !keys[0].Own || keys[0].App != "Jellybind" || time.Since(keys[0].Created) > time.Minute {
		t.Errorf("%+v, %v", keys, err)
	}
	if err := admin.RevokeKeyByTail(ctx, "Jellybind", keys[0].Tail); err != nil {
		t.Error(err)
	}
	_, _, err = admin.WithCredential(key).Identify(ctx)
	wantCode(t, err, api.CodeCredentialRefused)
	byQuickConnect(t, base, admin)
	if err := admin.SignOut(ctx); err != nil {
		t.Error(err)
	}
	_, err = admin.Me(ctx)
	wantCode(t, err, api.CodeCredentialRefused)
}

func byQuickConnect(t *testing.T, base string, admin *jellyfin.Client) {
	ctx := t.Context()
	c := client(t, base, "", func(o *jellyfin.Options) { o.DeviceID = "device-3" })
	if on, err := c.QuickConnectEnabled(ctx); err != nil || !on {
		t.Fatalf("%v, %v", on, err)
	}
	q, err := c.StartQuickConnect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	q.Pace = 10 * time.Millisecond
	approved := make(chan error, 1)
	time.AfterFunc(30*time.Millisecond, func() {
		approved <- admin.JSON(ctx, jellyfin.Request{Method: "POST", Path: "/QuickConnect/Authorize", RawQuery: "code=" + q.Code}, nil)
	})
	in, err := c.AwaitQuickConnect(ctx, q)
	if err := <-approved; err != nil {
		t.Error(err)
	}
	if err != nil || in.User.Name != "root" {
		t.Fatalf("%+v, %v", in.User, err)
	}
	if me, err := c.WithCredential(in.Token).Me(ctx); err != nil || me.ID != in.User.ID {
		t.Errorf("%+v, %v", me, err)
	}
	if _, err := admin.Me(ctx); err != nil {
		t.Errorf("the sign-in on another device ended the first one: %v", err)
	}
}

// TestSameDeviceSignsInAgain: the new token must be kept, for the server ends the earlier one.
func TestSameDeviceSignsInAgain(t *testing.T) {
	t.Parallel()
	_, base := simulated(t, server.Options{})
	c := client(t, base, "")
	first, err := c.SignIn(t.Context(), "root", secret.New("rootpw"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.SignIn(t.Context(), "root", secret.New("rootpw"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.WithCredential(first.Token).Me(t.Context())
	wantCode(t, err, api.CodeCredentialRefused)
	if _, err := c.WithCredential(second.Token).Me(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSimulatedPhases(t *testing.T) {
	t.Parallel()
	s, base := simulated(t, server.Options{})
	c := client(t, base, "")
	for phase, starting := range map[server.Phase]bool{
		server.PhaseEarly: true, server.PhaseLoading: true, server.PhaseNoPlugin: false, server.PhaseReady: false,
	} {
		s.SetPhase(phase)
		_, err := c.PublicInfo(t.Context())
		if api.IsCode(err, api.CodeServerStarting) != starting || (err == nil) == starting {
			t.Errorf("phase %d: %v", phase, err)
		}
		found, err := jellyfin.Find(t.Context(), base, jellyfin.FindOptions{})
		if phase == server.PhaseLoading {
			wantCode(t, err, api.CodeServerStarting)
		} else if err != nil || found.Starting != (phase == server.PhaseEarly) {
			t.Errorf("phase %d: %+v, %v", phase, found, err)
		}
	}
	s.SetPhase(server.PhaseLoading)
	time.AfterFunc(300*time.Millisecond, func() { s.SetPhase(server.PhaseNoPlugin) })
	time.AfterFunc(900*time.Millisecond, func() { s.SetPhase(server.PhaseReady) })
	begun := time.Now()
	if err := c.WaitReady(t.Context(), nil, "/sso/OID/GetNames"); err != nil || time.Since(begun) < 800*time.Millisecond {
		t.Errorf("ready after %s: %v", time.Since(begun), err)
	}
}

func TestSimulatedDiscovery(t *testing.T) {
	t.Parallel()
	s, base := simulated(t, server.Options{BasePath: "/jf"})
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() { _ = s.ServeDiscovery(t.Context(), conn) }()
	found, err := jellyfin.Discover(t.Context(), jellyfin.DiscoverOptions{
		Targets: []netip.AddrPort{conn.LocalAddr().(*net.UDPAddr).AddrPort()}, Wait: time.Second,
	})
	if err != nil || len(found) != 1 || found[0].ID != s.ID() || found[0].URL != base {
		t.Errorf("%+v, %v", found, err)
	}
}

func BenchmarkUsers(b *testing.B) {
	s, base := simulated(b, server.Options{})
	for i := range 10_000 {
		s.AddUser(server.UserSpec{Name: fmt.Sprintf("user-%d", i), Password: ""})
	}
	key := s.AddAPIKey("bench")
	c := client(b, base, key.Reveal())
	b.Run("decoded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if users, err := c.Users(b.Context(), nil); err != nil || len(users) != 10_003 {
				b.Fatal(len(users), err)
			}
		}
	})
	b.Run("plain download", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Do(b.Context(), jellyfin.Request{Path: "/Users", MaxBytes: jellyfin.MaxUsersBody}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
