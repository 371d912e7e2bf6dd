package jellyfin_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// freezer is a connection that can go dead without a word, as one does whose computer slept, or whose router forgot it.
type freezer struct {
	net.Conn
	frozen, closed chan struct{}
	once           sync.Once
}

func (f *freezer) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	select {
	case <-f.frozen:
		<-f.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (f *freezer) Write(p []byte) (int, error) {
	select {
	case <-f.frozen:
		return len(p), nil // into the void
	default:
		return f.Conn.Write(p)
	}
}

func (f *freezer) Close() error {
	f.once.Do(func() { close(f.closed) })
	return f.Conn.Close()
}

// TestDeadHTTP2Connection: it is noticed long before the limit of an answer, and what may be sent twice goes over a new one.
// A server that takes its time is not taken for dead.
func TestDeadHTTP2Connection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		freeze      bool
		method      string
		code        api.Code
		least, most time.Duration
		connections int
	}{
		"read":         {true, http.MethodGet, "", 10 * time.Second, 20 * time.Second, 2},
		"write":        {true, http.MethodPost, api.CodeServerUnreachable, 10 * time.Second, 20 * time.Second, 1},
		"slow to read": {false, http.MethodGet, "", 25 * time.Second, 26 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cert := certificate(t, "jf", time.Now().Add(time.Hour))
				conns := make(chan net.Conn)
				l := &pipeListener{conns: conns, closed: make(chan struct{})}
				s := &http.Server{
					ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
					Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.ProtoMajor != 2 {
							t.Errorf("%s", r.Proto)
						}
						if r.URL.Path == "/slow" {
							time.Sleep(25 * time.Second)
						}
						_, _ = io.WriteString(w, `{}`)
					}),
				}
				go func() { _ = s.ServeTLS(l, "", "") }()
				frozen, dialled := make(chan struct{}), 0
				client := client(t, "https://jf", "", func(o *jellyfin.Options) {
					o.PinnedSHA256 = fingerprint(cert.Leaf)
					o.Dial = func(context.Context, string, string) (net.Conn, error) {
						here, there := net.Pipe()
						conns <- there
						dialled++
						if dialled > 1 {
							return here, nil
						}
						return &freezer{Conn: here, frozen: frozen, closed: make(chan struct{})}, nil
					}
				})
				if err := client.JSON(t.Context(), jellyfin.Request{Path: "/first"}, nil); err != nil {
					t.Fatal(err)
				}
				path := "/slow"
				if c.freeze {
					close(frozen)
					path = "/second"
				}
				begun := time.Now()
				err := client.JSON(t.Context(), jellyfin.Request{Method: c.method, Path: path}, nil)
				took := time.Since(begun)
				if api.CodeOf(err) != c.code || took < c.least || took > c.most || dialled != c.connections {
					t.Errorf("%v after %s, by %d connections", err, took, dialled)
				}
				client.CloseIdle()
				_ = s.Close()
			})
		})
	}
}
