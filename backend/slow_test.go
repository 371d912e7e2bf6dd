package backend_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// TestOpeningASlowServerEnds opens a server whose every answer comes within its own limit, and all of them together would take
// minutes.
func TestOpeningASlowServerEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const id = "290dae1fd8044a21bb6ad53500000001"
		dial := serveInMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/health":
				_, _ = io.WriteString(w, "Healthy")
				return
			case "/System/Info/Public":
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"Id":"`+id+`","ServerName":"slow","Version":"10.11.11","ProductName":"Jellyfin Server",`+
					`"StartupWizardCompleted":true}`)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.Copy(io.Discard, r.Body) // else nobody hears that the client is gone
			for range 2 {                      // before the header, and before the body
				select {
				case <-r.Context().Done():
					return
				case <-time.After(25 * time.Second):
				}
				w.(http.Flusher).Flush()
			}
			switch path := r.URL.Path; {
			case path == "/Users/Me":
				_, _ = io.WriteString(w, `{"Id":"`+id+`","Name":"admin","Policy":{"IsAdministrator":true}}`)
			case path == "/Plugins":
				_, _ = io.WriteString(w, `[{"Id":"505ce9d1d91642fa86ca673ef241d7df","Name":"SSO-Auth","Version":"4.0.0.4","Status":"Active"}]`)
			case strings.HasPrefix(path, "/sso/"):
				_, _ = io.WriteString(w, `{}`)
			}
		}))
		b := backend.New(backend.Options{
			Version: "0", Profiles: new(profile.Memory), Keyring: new(secret.Memory), Journal: journal.Open("", time.Now), Dial: dial,
		})
		err := b.Profiles.Update(t.Context(), func(d *profile.Data) error {
			d.Profiles = append(d.Profiles, backend.OneOff("slow", api.Server{URL: "http://slow", ID: id}, ""))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = b.Open(t.Context(), backend.Target{Name: "slow", Credential: secret.New("token")})
		if !api.IsCode(err, api.CodeTimeout) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took > 61*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// serveInMemory lets h answer on connections in memory, until the test ends.
func serveInMemory(t *testing.T, h http.Handler) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	l := &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		here, there := net.Pipe()
		select {
		case l.conns <- there:
			return here, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

type memoryListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *memoryListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }
