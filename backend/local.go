package backend

import (
	"context"
	"errors"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
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
	return b.update(ctx, name, func(e *profile.Entry) { e.LocalAddress, e.LocalDeclined = address, "" })
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
