// Package loopback receives the answer of a sign-in from the browser: a small HTTP server on the loopback that takes
// exactly one request, at one path, for one Host, and shows the person what happened.
//
// Every request is hostile until proven otherwise: each web page that is open in the browser, each name that is rebound to
// 127.0.0.1, and each other program on the computer can send requests to a port of the loopback. So a request is checked in
// this order, and one that fails does not end the wait: the Host is ours (421), the path is the expected one (404), the
// method too (405), the browser went there as a whole page instead of fetching it for another page (403), it is small and
// well-formed (400, 413, 415), and it belongs to the sign-in that waits (Expect.Match, 400). The first request that passes
// is answered; later ones are refused (410).
package loopback

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// DefaultTimeout is how long Wait waits when Options.Timeout is zero.
const DefaultTimeout = 5 * time.Minute

// The hosts that a browser may be sent to.
const (
	hostIPv4 = "127.0.0.1"
	hostName = "localhost"
)

// anyPortTries bounds the search for a port that is free for IPv4 and IPv6 alike.
const anyPortTries = 16

// Options say where to listen, for how long, and in which language to speak.
type Options struct {
	// Host is how the browser names the loopback: "127.0.0.1" (also when empty, RFC 8252 section 8.3) or "localhost",
	// for identity providers that allow nothing else.
	Host string
	// Ports are tried in this order; 0 takes any free one. Empty means any free one.
	Ports []int
	// Timeout bounds Wait; 0 means DefaultTimeout.
	Timeout time.Duration
	// Language is a BCP 47 tag. German and English are spoken, English where it is anything else.
	Language string
	// Warn is told of a request that may be somebody else's attempt to use the sign-in: WhyAgain or WhyOtherUser. It may be
	// called from several goroutines at once, and must not block; nil tells nobody.
	Warn func(api.Why)
}

// The reasons of Options.Warn.
const (
	// WhyAgain is a second request for an address of Listener.URL.
	WhyAgain api.Why = "address-again"
	// WhyOtherUser is a request for one by another user of this computer.
	WhyOtherUser api.Why = "address-other-user"
)

// Listener holds a port of the loopback until Close, or until Wait returns.
type Listener struct {
	listeners []net.Listener
	host      string
	timeout   time.Duration
	language  string
	warn      func(api.Why)
	peer      func(local, remote netip.AddrPort) (uid int, known bool)

	abandoned chan struct{} // receives when the address could not be shown: nobody will answer
	closing   chan struct{}
	closeOnce sync.Once
	closeErr  error

	mu     sync.Mutex
	waited bool
	short  map[string]bool // the paths of URL, and whether they were used
}

// Listen binds the first free port of the list on 127.0.0.1 and no other interface, exclusively: no other program can
// bind it too, and a port that another program holds counts as taken. For the host "localhost" it binds [::1] on the
// same port as well where the machine has IPv6, because browsers may resolve the name to either; a port that is free on
// one of them only counts as taken, so that nobody else can catch the answer.
//
// The error is api.CodePortTaken when every port is in use, and api.CodeUsage for a malformed host or port.
func Listen(ctx context.Context, opts Options) (*Listener, error) {
	host := opts.Host
	if host == "" {
		host = hostIPv4
	}
	if host != hostIPv4 && host != hostName {
		return nil, &api.Error{Code: api.CodeUsage, Why: "no-loopback", Params: map[string]string{"host": host}}
	}
	ports := opts.Ports
	if len(ports) == 0 {
		ports = []int{0}
	}
	for _, port := range ports {
		if port < 0 || port > 65535 {
			return nil, &api.Error{
				Code: api.CodeUsage, Why: "no-port",
				Params: map[string]string{"port": strconv.Itoa(port)},
			}
		}
	}
	var failures []error
	for _, port := range ports {
		listeners, err := bind(ctx, host, port)
		if err != nil {
			if ctx.Err() != nil {
				return nil, cancelled(ctx.Err())
			}
			failures = append(failures, err)
			continue
		}
		return newListener(opts, host, listeners), nil
	}
	return nil, portTaken(ports, errors.Join(failures...))
}

func newListener(opts Options, host string, listeners []net.Listener) *Listener {
	timeout := opts.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return &Listener{
		listeners: listeners,
		host:      host,
		timeout:   timeout,
		language:  Language(opts.Language),
		warn:      opts.Warn,
		peer:      peerUID,
		short:     map[string]bool{},
		abandoned: make(chan struct{}, 1),
		closing:   make(chan struct{}),
	}
}

// bind binds one port, on both families for "localhost". Port 0 is chosen by the system for IPv4; when another program
// has that port on IPv6, the next one is tried.
func bind(ctx context.Context, host string, port int) ([]net.Listener, error) {
	tries := 1
	if port == 0 && host == hostName {
		tries = anyPortTries
	}
	var last error
	for range tries {
		four, err := bindOne(ctx, "tcp4", hostIPv4, port)
		if err != nil {
			return nil, err
		}
		if host != hostName {
			return []net.Listener{four}, nil
		}
		six, err := bindOne(ctx, "tcp6", "::1", portOf(four))
		switch {
		case err == nil:
			return []net.Listener{four, six}, nil
		case noIPv6(err):
			return []net.Listener{four}, nil
		}
		last = errors.Join(err, four.Close())
	}
	return nil, last
}

func bindOne(ctx context.Context, network, address string, port int) (net.Listener, error) {
	hostPort := net.JoinHostPort(address, strconv.Itoa(port))
	if port != 0 && probeFirst && answers(ctx, network, hostPort) {
		return nil, fmt.Errorf("binding %s: %w", hostPort, syscall.EADDRINUSE)
	}
	config := net.ListenConfig{Control: exclusive, KeepAlive: -1}
	l, err := config.Listen(ctx, network, hostPort)
	if err != nil {
		return nil, fmt.Errorf("binding %s: %w", hostPort, err)
	}
	return l, nil
}

// answers reports whether a program listens at the address.
func answers(ctx context.Context, network, hostPort string) bool {
	d := net.Dialer{Timeout: 250 * time.Millisecond}
	c, err := d.DialContext(ctx, network, hostPort)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// noIPv6 reports whether binding failed because the machine has no IPv6 loopback.
func noIPv6(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains(noIPv6Errors, errno)
}

// HostPort is how the browser names the listener: "127.0.0.1:PORT" or "localhost:PORT".
func (l *Listener) HostPort() string {
	return net.JoinHostPort(l.host, strconv.Itoa(l.Port()))
}

// Port is the port that is bound.
func (l *Listener) Port() int { return portOf(l.listeners[0]) }

// portOf returns a listener's port; a listener in memory has none, and gets the default of http.
func portOf(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 80
}

// URL returns a new address on the loopback that leads to Expect.Target while Wait waits. It cannot be guessed: somebody else
// on this computer who learned the target's state could pass their own sign-in off as this one. An address may stand on a
// browser's command line, which others can read. So it works once, and only for the user who runs Jellybind, or root, where
// the system tells whose a connection is.
func (l *Listener) URL() string {
	path := "/go/" + rand.Text()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.short[path] = false
	return "http://" + l.HostPort() + path
}

// use reports whether this is the first use of a path of URL's.
func (l *Listener) use(path string) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = !l.short[path]
	l.short[path] = true
	return first
}

// isShort reports whether a path is one of URL's.
func (l *Listener) isShort(path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := 0
	for known := range l.short {
		found |= subtle.ConstantTimeCompare([]byte(known), []byte(path))
	}
	return found == 1
}

// Timeout is how long Wait will wait.
func (l *Listener) Timeout() time.Duration { return l.timeout }

// Close frees the port. A running Wait ends with api.CodeCancelled. Closing twice is harmless.
func (l *Listener) Close() error {
	l.closeOnce.Do(func() {
		close(l.closing)
		var errs []error
		for _, ln := range l.listeners {
			if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
		if err := errors.Join(errs...); err != nil {
			l.closeErr = fmt.Errorf("closing the loopback listener: %w", err)
		}
	})
	return l.closeErr
}

func portTaken(ports []int, cause error) error {
	list := make([]string, len(ports))
	for i, p := range ports {
		list[i] = strconv.Itoa(p)
	}
	text := strings.Join(list, ", ")
	e := &api.Error{Code: api.CodePortTaken, Why: "ports-taken", Params: map[string]string{"ports": text}, Err: cause}
	switch {
	case len(ports) == 1 && ports[0] == 0:
		e.Why = "no-free-port"
	case len(ports) == 1:
		e.Why = "port-taken"
	default:
	}
	return e
}

func cancelled(cause error) error {
	return &api.Error{Code: api.CodeCancelled, Err: cause}
}
