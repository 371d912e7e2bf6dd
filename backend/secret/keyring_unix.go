//go:build !darwin && !windows

package secret

import (
	"context"
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/jellybind/jellybind/backend/api"
)

const (
	lockedWhy      api.Why = "" // the code's own texts are for these systems
	unavailableWhy api.Why = ""
)

// The names of the Secret Service API, version 0.2.
const (
	busName       = "org.freedesktop.secrets"
	busPath       = dbus.ObjectPath("/org/freedesktop/secrets")
	serviceIface  = "org.freedesktop.Secret.Service"
	collectionIfc = "org.freedesktop.Secret.Collection"
	loginPath     = dbus.ObjectPath("/org/freedesktop/secrets/collection/login")
)

// preflight asks the session bus for the state of the Secret Service, over a connection of its own and within ctx.
// It returns ErrUnavailable when there is no bus, no service or no collection, and, with locked, ErrLocked when the
// collection is locked. It never starts a bus: go-keyring would, by dbus-launch, and leave it running, so nothing of
// go-keyring's is called before this has succeeded once.
func preflight(ctx context.Context, locked bool) error {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("%w: connecting to the session bus: %w", ErrUnavailable, err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Auth(nil); err != nil {
		return fmt.Errorf("%w: signing in to the session bus: %w", ErrUnavailable, err)
	}
	if err := conn.Hello(); err != nil {
		return fmt.Errorf("%w: greeting the session bus: %w", ErrUnavailable, err)
	}
	path, err := collection(ctx, conn)
	if err != nil || !locked {
		return err
	}
	var isLocked bool
	v, err := property(ctx, conn.Object(busName, path), collectionIfc, "Locked")
	if err == nil {
		err = v.Store(&isLocked)
	}
	if err != nil {
		return fmt.Errorf("%w: reading the collection's state: %w", ErrUnavailable, err)
	}
	if isLocked {
		return ErrLocked
	}
	return nil
}

// collection returns the collection that go-keyring will use: the one named login, else the default one.
func collection(ctx context.Context, conn *dbus.Conn) (dbus.ObjectPath, error) {
	service := conn.Object(busName, busPath)
	v, err := property(ctx, service, serviceIface, "Collections")
	if err != nil {
		return "", fmt.Errorf("%w: asking the Secret Service: %w", ErrUnavailable, err)
	}
	var paths []dbus.ObjectPath
	if err := v.Store(&paths); err != nil {
		return "", fmt.Errorf("%w: reading the collections: %w", ErrUnavailable, err)
	}
	for _, p := range paths {
		if p == loginPath {
			return p, nil
		}
	}
	var path dbus.ObjectPath
	if err := service.CallWithContext(ctx, serviceIface+".ReadAlias", 0, "default").Store(&path); err != nil {
		return "", fmt.Errorf("%w: reading the default collection: %w", ErrUnavailable, err)
	}
	if path == "/" || path == "" {
		return "", errNoCollection
	}
	return path, nil
}

func property(ctx context.Context, o dbus.BusObject, iface, name string) (dbus.Variant, error) {
	var v dbus.Variant
	err := o.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, iface, name).Store(&v)
	return v, err
}
