package jellyfin_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
)

// pipeNet is a network in memory, for tests in a testing/synctest bubble, where time passes at once.
type pipeNet struct {
	mu    sync.Mutex
	conns chan net.Conn // nil: nobody listens
	dials int
}

func (p *pipeNet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.mu.Lock()
	conns := p.conns
	p.dials++
	p.mu.Unlock()
	if conns == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	here, there := net.Pipe()
	select {
	case conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve lets h answer from now on, until the test ends.
func (p *pipeNet) serve(t *testing.T, h http.Handler) {
	p.mu.Lock()
	p.conns = make(chan net.Conn)
	l := &pipeListener{conns: p.conns, closed: make(chan struct{})}
	p.mu.Unlock()
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
}

type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
