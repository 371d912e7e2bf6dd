package jellyfin

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// A proxy may hide the server's own sign-in. The server's address in the local network goes around the proxy. Nothing vouches
// for what answers there but the server's id, which is no secret. So the requests that go there are anonymous, and Local has no
// place for a credential.

// localLimit is how long a server in the local network may take to say who it is.
const localLimit = 5 * time.Second

// LocalOptions say where a server is in the local network.
type LocalOptions struct {
	// URL is the base URL there.
	URL string
	// ServerID is the id that the server must have.
	ServerID string
	// PinnedSHA256 is the certificate that the person trusts for the server. With it, no other one is accepted here either.
	PinnedSHA256 string
	// Found is true if the person did not give the address. Then it must be in a local network whatever its scheme; an http
	// address always must be.
	Found bool
	// Version is Jellybind's version. Default "0".
	Version string
	// Dial opens the connections; nil is the network. Only nil checks that the address is in a local network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Local is a server at its address in the local network. It sends neither a credential nor the name of this device, and no
// proxy of this computer is asked. It is safe for concurrent use.
type Local struct{ client *Client }

// OpenLocal returns the server at an address in the local network, after it has named its id there.
//
// Errors: CodeAddressInvalid for a URL that is no base URL; CodeLocalAddress if the address is not in a local network, nothing
// or something else than this server answers there, or its certificate is not trusted; CodeCancelled.
func OpenLocal(ctx context.Context, o LocalOptions) (*Local, error) {
	base, err := baseURL(o.URL)
	if err != nil {
		return nil, err
	}
	dial := o.Dial
	if dial == nil {
		d := net.Dialer{KeepAlive: 30 * time.Second}
		if o.Found || base.Scheme == "http" {
			d.Control = localOnly
		}
		dial = d.DialContext
	}
	client, err := New(Options{
		URL: o.URL, PinnedSHA256: o.PinnedSHA256, Version: o.Version, Dial: dial, Tries: 1,
		Timeouts: Timeouts{Connect: localLimit, TLS: localLimit},
	})
	if err != nil {
		return nil, err
	}
	client.nameless, client.reuse.Proxy, client.once.Proxy = true, nil, nil
	l := &Local{client}
	limited, cancel := context.WithTimeout(ctx, localLimit)
	defer cancel()
	server, err := l.PublicInfoNow(limited)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, contextError(base.Host, ctx.Err())
	case err != nil:
		return nil, localFailure(base, err)
	case o.ServerID == "" || server.ID != UserID(o.ServerID):
		return nil, localError(base, "local-another", nil)
	}
	return l, nil
}

// URL returns the base URL, without a trailing slash. The caller may change it.
func (l *Local) URL() *url.URL { return l.client.URL() }

// Do sends a request of a sign-in, and reads the answer; see Client.Do. Redirects are not followed. The request's cookies must
// be the sign-in's own, and it has neither headers nor JSON.
func (l *Local) Do(ctx context.Context, req Request) (*Response, error) {
	if req.Header != nil || req.JSON != nil {
		return nil, errors.New("a request for the local network that is not a sign-in's")
	}
	req.Anonymous, req.Idempotent = true, false
	return l.client.Do(ctx, req)
}

// PublicInfoNow is Client.PublicInfoNow, without following redirects.
func (l *Local) PublicInfoNow(ctx context.Context) (api.Server, error) {
	return l.client.publicInfo(ctx, Request{})
}

var errNotLocal = errors.New("the address is not in a local network")

// localOnly is a net.Dialer's Control. It sees addresses after their names were looked up.
func localOnly(_, address string, _ syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err != nil || !isLocal(at.Addr()) {
		return errNotLocal
	}
	return nil
}

// shared are the addresses of carriers and of overlay networks (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// isLocal reports whether packets to an address stay in the local network, on this computer or in an overlay network.
func isLocal(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// localFailure says why a server could not be asked in the local network.
func localFailure(base *url.URL, err error) error {
	if errors.Is(err, errNotLocal) {
		return localError(base, "local-public", err)
	}
	switch api.CodeOf(err) { //nolint:exhaustive // the others mean that nothing answers
	case api.CodeCertificateUntrusted, api.CodeCertificateChanged:
		return localError(base, "local-certificate", err)
	case api.CodeRedirectRefused:
		return localError(base, "local-redirects", err)
	case api.CodeTimeout:
		return localError(base, "local-slow", err)
	case api.CodeServerNotFound, api.CodeServerAnswer, api.CodeServerRefused:
		return localError(base, "local-another", err)
	}
	return localError(base, "local-away", err)
}

func localError(base *url.URL, why api.Why, err error) error {
	return &api.Error{
		Code: api.CodeLocalAddress, Why: why, Params: map[string]string{"address": api.Printable(base.String())}, Err: err,
	}
}

// LocalSearch says how to look for a server's address in the local network.
type LocalSearch struct {
	// ServerID is the server's id.
	ServerID string
	// Discover says where to ask for servers if the server itself names no address that works.
	Discover DiscoverOptions
}

// FindLocal looks for the server's address in the local network: the one that the server names, then those that answer to
// Discover with the same id. It returns the first where the server answers.
//
// The error is CodeLocalAddress: why the first address cannot be used, or that there is none.
func (c *Client) FindLocal(ctx context.Context, o LocalSearch) (*Local, error) {
	var refused error
	tried := map[string]bool{}
	open := func(address string) *Local {
		u, err := baseURL(address)
		if err != nil || sameOrigin(u, c.base) || tried[u.String()] {
			return nil
		}
		tried[u.String()] = true
		l, err := OpenLocal(ctx, LocalOptions{
			URL: address, ServerID: o.ServerID, PinnedSHA256: c.opts.PinnedSHA256, Found: true, Version: c.opts.Version,
		})
		if refused == nil {
			refused = err
		}
		return l
	}
	named, err := c.localAddress(ctx)
	if err != nil {
		return nil, err
	}
	if l := open(named); l != nil {
		return l, nil
	}
	found, err := Discover(ctx, o.Discover)
	if ctx.Err() != nil {
		return nil, err
	}
	for _, s := range found { // without an answer there is none
		if s.ID != UserID(o.ServerID) {
			continue
		}
		if l := open(s.URL); l != nil {
			return l, nil
		}
	}
	if refused != nil {
		return nil, refused
	}
	return nil, &api.Error{Code: api.CodeLocalAddress, Why: "local-none", Err: err}
}

// localAddress returns the address in the local network that the server names, or empty. The server's web page may be asked by
// anybody for it.
func (c *Client) localAddress(ctx context.Context) (string, error) {
	var wire struct {
		LocalAddress string `json:"LocalAddress"`
	}
	err := c.JSON(ctx, Request{Path: infoPath, Anonymous: true, MaxBytes: maxInfo}, &wire)
	return strings.TrimSpace(wire.LocalAddress), err
}
