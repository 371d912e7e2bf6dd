package window

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"unicode"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
	"github.com/jellybind/jellybind/backend/tlspin"
)

// DiscoverServers finds servers in the local network.
func (w *Window) DiscoverServers(ctx context.Context) ([]api.DiscoveredServer, error) {
	return jellyfin.Discover(ctx, jellyfin.DiscoverOptions{})
}

// ProbeServer finds out what is at an address without a sign-in.
func (w *Window) ProbeServer(ctx context.Context, address string) (api.Probe, error) {
	ctx, done := w.tasks.reading(ctx)
	defer done()
	pinned := w.pinned(ctx, address)
	found, err := jellyfin.Find(ctx, address, jellyfin.FindOptions{Version: w.backend.Version, PinnedSHA256: pinned})
	bad, ok := errors.AsType[*tlspin.CertificateError](err)
	if ok && (api.IsCode(err, api.CodeCertificateUntrusted) || api.IsCode(err, api.CodeCertificateChanged)) {
		return api.Probe{Certificate: &bad.Certificate, Pinned: bad.Pinned}, nil
	}
	if err != nil {
		return api.Probe{}, err
	}
	p := api.Probe{Server: found.Server, Starting: found.Starting, Tried: found.Tried}
	if p.Starting {
		return p, nil
	}
	client, err := w.backend.Client(backend.OneOff(found.Server.URL, found.Server, pinned), secret.Value{})
	if err != nil {
		return p, err
	}
	if p.QuickConnect, err = client.QuickConnectEnabled(ctx); err != nil {
		return p, err
	}
	if p.Plugin, err = ssoplugin.Installed(ctx, client); err != nil {
		return p, err
	}
	if p.Plugin {
		if p.Flavours, err = ssoplugin.Flavours(ctx, client); err != nil {
			slog.Info("the plugin's flavour is not known before the sign-in", "error", err)
		}
	}
	return p, ctx.Err()
}

// TrustCertificate is ProbeServer for a server whose certificate the person has compared. From now on exactly that
// certificate is trusted. It is stored when the server is added, or at once if the server was added before.
func (w *Window) TrustCertificate(ctx context.Context, address, sha256 string) (api.Probe, error) {
	pinned, err := tlspin.Parse(sha256)
	if err != nil {
		return api.Probe{}, err
	}
	w.pins.Store(address, pinned)
	p, err := w.ProbeServer(ctx, address)
	if err != nil || p.Certificate != nil {
		return p, err
	}
	if e, ok := w.added(ctx, p.Server.URL); ok && e.PinnedSHA256 != pinned {
		err = w.backend.Pin(ctx, e.Name, pinned)
	}
	return p, err
}

// pinned returns the fingerprint that the person trusts at an address, or "".
func (w *Window) pinned(ctx context.Context, address string) string {
	if pin, ok := w.pins.Load(address); ok {
		if pin, ok := pin.(string); ok && pin != "" {
			return pin
		}
	}
	e, _ := w.added(ctx, address)
	return e.PinnedSHA256
}

// added returns the stored server at a base URL. It trusts nothing in a profile file that cannot be read.
func (w *Window) added(ctx context.Context, baseURL string) (profile.Entry, bool) {
	data, _ := w.backend.Profiles.Load(ctx)
	return data.ByURL(baseURL)
}

// find finds the server at an address, and returns its profile or a new one that is not stored.
func (w *Window) find(ctx context.Context, address, name string) (profile.Entry, error) {
	pinned := w.pinned(ctx, address)
	found, err := jellyfin.Find(ctx, address, jellyfin.FindOptions{Version: w.backend.Version, PinnedSHA256: pinned})
	if err != nil {
		return profile.Entry{}, err
	}
	data, err := w.backend.Profiles.Load(ctx)
	if err != nil && !api.IsCode(err, api.CodeProfileDamaged) {
		return profile.Entry{}, err
	}
	if e, ok := data.ByURL(found.Server.URL); ok {
		if pinned == "" || pinned == e.PinnedSHA256 {
			return e, nil
		}
		e.PinnedSHA256 = pinned // it was trusted, but the server did not answer to the end
		return e, w.backend.Pin(ctx, e.Name, pinned)
	}
	return profile.Entry{
		Profile: api.Profile{
			Name: strings.TrimSpace(name), URL: found.Server.URL, ServerID: found.Server.ID, Credential: api.CredentialNone,
			PinnedSHA256: pinned,
		},
		DeviceID: strings.ToLower(rand.Text()),
	}, nil
}

// StartDemo starts a demo world in this process and opens it as an administrator.
func (w *Window) StartDemo(ctx context.Context, flavour api.Flavour, users int) (api.Session, error) {
	request := w.server.nextRequest()
	// The demo world outlives this call; Close ends it.
	world, err := backend.NewDemo(
		context.WithoutCancel(ctx), w.backend.Options, demo.Options{Flavour: flavour, Users: users}, api.CredentialAdmin,
	)
	if err != nil {
		return api.Session{}, err
	}
	s, err := world.Open(ctx, backend.Target{})
	if err != nil {
		return api.Session{}, errors.Join(err, world.Close())
	}
	s.Linker.Ports = []int{0} // the demo's providers allow every port
	return w.show(request, s, world)
}

// ConnectKey adds a server and stores an API key for it.
func (w *Window) ConnectKey(ctx context.Context, address, name, key string) (api.Session, error) {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf) {
			return -1 // a pasted key may bring blanks, line ends and invisible characters
		}
		return r
	}, key)
	if clean == "" {
		return api.Session{}, &api.Error{Code: api.CodeUsage, Why: "key-empty"}
	}
	return w.connect(ctx, address, name, func(*jellyfin.Client) (jellyfin.SignedIn, error) {
		return jellyfin.SignedIn{Token: secret.New(clean)}, nil
	})
}

// ConnectPassword adds a server, signs in to it, and stores the access token.
func (w *Window) ConnectPassword(ctx context.Context, address, name, user, password string) (api.Session, error) {
	return w.connect(ctx, address, name, func(c *jellyfin.Client) (jellyfin.SignedIn, error) {
		return c.SignIn(ctx, user, secret.New(password))
	})
}

// connect opens a server with the credential that obtain returns, and stores both if the server accepts it.
func (w *Window) connect(
	ctx context.Context, address, name string, obtain func(*jellyfin.Client) (jellyfin.SignedIn, error),
) (api.Session, error) {
	request := w.server.nextRequest()
	e, err := w.find(ctx, address, name)
	if err != nil {
		return api.Session{}, err
	}
	client, err := w.backend.Client(e, secret.Value{})
	if err != nil {
		return api.Session{}, err
	}
	in, err := obtain(client)
	if err != nil {
		return api.Session{}, err
	}
	s, err := w.backend.Connect(ctx, e, in)
	if err != nil {
		return api.Session{}, err
	}
	return w.show(request, s, nil)
}

// StartQuickConnect returns a code to approve, and reports by flow events when it was approved.
func (w *Window) StartQuickConnect(ctx context.Context, address, name string) (api.QuickConnect, error) {
	e, err := w.find(ctx, address, name)
	if err != nil {
		return api.QuickConnect{}, err
	}
	client, err := w.backend.Client(e, secret.Value{})
	if err != nil {
		return api.QuickConnect{}, err
	}
	q, err := client.StartQuickConnect(ctx)
	if err != nil {
		return api.QuickConnect{}, err
	}
	id := w.run(ctx, e, func(ctx context.Context, f *flow) error {
		in, err := client.AwaitQuickConnect(ctx, q)
		if err != nil {
			return err
		}
		// The request is made only now: a code that nobody approves must not keep another server from being opened.
		request := w.server.nextRequest()
		s, err := w.backend.Connect(ctx, e, in)
		if err != nil {
			return err
		}
		info, err := w.show(request, s, nil)
		if err != nil {
			return err
		}
		f.send(api.FlowEvent{Step: "connected", Session: &info})
		return nil
	})
	return api.QuickConnect{ID: id, Code: q.Code}, nil
}
