package window_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/secret"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

// world starts a demo world with one more administrator, root.
func world(t *testing.T, o demo.Options) *demo.World {
	t.Helper()
	d, err := demo.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	d.Server().AddUser(server.UserSpec{Name: "root", Password: password, Administrator: true})
	return d
}

// heldBack connects to a world with its API key. The first request that matches closes reached, and waits until the test
// closes released.
func (w *testWindow) heldBack(d *demo.World, match func(*http.Request) bool) (reached, released chan struct{}) {
	w.t.Helper()
	reached, released = make(chan struct{}), make(chan struct{})
	var once sync.Once
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if match(r) {
			once.Do(func() { close(reached); <-released })
		}
		d.Server().ServeHTTP(rw, r)
	}))
	w.t.Cleanup(front.Close)
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(w.t.Context(), front.URL, "home", d.APIKey().Reveal())
	must(w, s, err)
	return reached, released
}

// gate is a proxy in front of a world. It counts the readings of the accounts and of the plugin's providers, and can refuse
// all requests.
type gate struct {
	*httptest.Server
	readings, configurations atomic.Int32

	refuses atomic.Bool
	// hold keeps the next answer with all accounts, as it is, until it is closed.
	hold atomic.Pointer[chan struct{}]
}

func newGate(t *testing.T, d *demo.World) *gate {
	t.Helper()
	to, err := url.Parse(d.URL())
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	proxy := &httputil.ReverseProxy{Transport: unpooled, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	proxy.ModifyResponse = func(r *http.Response) error {
		switch r.Request.URL.Path {
		case "/sso/OID/Get":
			g.configurations.Add(1)
		case "/Users":
			g.readings.Add(1)
			if hold := g.hold.Swap(nil); hold != nil {
				<-*hold
			}
		}
		return nil
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.refuses.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

// read waits until the accounts were read n times.
func (g *gate) read(t *testing.T, n int32) {
	t.Helper()
	for deadline := time.Now().Add(patience); g.readings.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the accounts were read %d times, not %d", g.readings.Load(), n)
		}
	}
}

// keyring is a secret.Memory that can list its accounts and can be locked.
type keyring struct {
	secret.Memory
	mu       sync.Mutex
	accounts map[string]bool
	locked   bool
}

func (k *keyring) lock(locked bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.locked = locked
}

func (k *keyring) Get(ctx context.Context, account string) (secret.Value, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.locked {
		return secret.Value{}, &api.Error{Code: api.CodeSecretLocked}
	}
	return k.Memory.Get(ctx, account)
}

func (k *keyring) Set(ctx context.Context, account string, v secret.Value) error {
	err := k.Memory.Set(ctx, account, v)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.accounts[account] = true
	}
	return err
}

func (k *keyring) Delete(ctx context.Context, account string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.accounts, account)
	return k.Memory.Delete(ctx, account)
}

func (k *keyring) held() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.accounts))
}
