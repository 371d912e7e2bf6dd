package backend

import (
	"context"
	"errors"
	"net/url"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// SetLocalAddress sets the server's address in the local network, over which sign-ins may run. It is taken as people type
// addresses, and only if the profile's server answers there. An empty one forgets it; then Jellybind may find one, and asks.
//
// Errors: CodeProfileNotFound, CodeAddressInvalid, CodeLocalAddress.
func (b *Backend) SetLocalAddress(ctx context.Context, name, typed string) error {
	address := ""
	if typed != "" {
		data, err := b.Profiles.Load(ctx)
		if err != nil {
			return err
		}
		e, err := data.Find(name)
		if err != nil {
			return err
		}
		l, err := b.findLocal(ctx, *e, typed)
		if err != nil {
			return err
		}
		address = l.URL().String()
	}
	return b.update(ctx, name, func(e *profile.Entry) { decided(e, address, "") })
}

// decided sets an entry's addresses in the local network. What was found by trying without them does not count any more.
func decided(e *profile.Entry, use, declined string) {
	e.LocalAddress, e.LocalDeclined, e.Ways = use, declined, nil
}

// local is where a session's server is in the local network.
type local struct {
	backend *Backend
	session *Session
}

var _ link.LocalNetwork = local{}

// Address implements link.LocalNetwork.
func (l local) Address() (use *url.URL, declined string) {
	e := l.session.Entry()
	if u, err := url.Parse(e.LocalAddress); err == nil && e.LocalAddress != "" {
		use = u
	}
	return use, e.LocalDeclined
}

// Open implements link.LocalNetwork.
func (l local) Open(ctx context.Context) (*jellyfin.Local, error) {
	e := l.session.Entry()
	return jellyfin.OpenLocal(ctx, jellyfin.LocalOptions{
		URL: e.LocalAddress, ServerID: l.session.Server.ID, PinnedSHA256: e.PinnedSHA256, Version: l.backend.Version,
	})
}

// Find implements link.LocalNetwork.
func (l local) Find(ctx context.Context) (*jellyfin.Local, error) {
	return l.session.Client.FindLocal(ctx, jellyfin.LocalSearch{ServerID: l.session.Server.ID, Discover: l.backend.Discover})
}

// Decide implements link.LocalNetwork. A server that is not stored keeps the decision as long as the session.
func (l local) Decide(ctx context.Context, address string, use bool) error {
	agreed, declined := address, ""
	if !use {
		agreed, declined = "", address
	}
	l.session.mu.Lock()
	decided(&l.session.entry, agreed, declined)
	name := l.session.entry.Name
	l.session.mu.Unlock()
	err := l.backend.update(ctx, name, func(e *profile.Entry) { decided(e, agreed, declined) })
	if api.IsCode(err, api.CodeProfileNotFound) {
		return nil
	}
	return err
}

// findLocal returns the server at the first of the addresses that a typed one may mean.
func (b *Backend) findLocal(ctx context.Context, e profile.Entry, typed string) (*jellyfin.Local, error) {
	bases, err := jellyfin.Candidates(typed)
	if err != nil {
		return nil, err
	}
	id := e.ServerID
	if id == "" {
		client, err := b.Client(e, secret.Value{})
		if err != nil {
			return nil, err
		}
		server, err := client.PublicInfo(ctx)
		if err != nil {
			return nil, err
		}
		id = server.ID
	}
	var failed error
	for _, base := range bases {
		l, err := jellyfin.OpenLocal(ctx, jellyfin.LocalOptions{
			URL: base, ServerID: id, PinnedSHA256: e.PinnedSHA256, Version: b.Version,
		})
		if err == nil {
			return l, nil
		}
		// That something answers says more than that nothing does.
		if told, ok := errors.AsType[*api.Error](err); failed == nil || ok && told.Why != "local-away" && told.Why != "local-slow" {
			failed = err
		}
	}
	return nil, failed
}
