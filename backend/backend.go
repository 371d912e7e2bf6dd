// Package backend is the composition root: it wires the other packages together. The window, the command line and the tests
// use it.
package backend

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/seen"
)

// Keyring stores secrets: secret.Keyring, or secret.Memory for the demo world.
type Keyring interface {
	Get(ctx context.Context, account string) (secret.Value, error)
	Set(ctx context.Context, account string, v secret.Value) error
	Delete(ctx context.Context, account string) error
}

// Profiles stores servers and settings: profile.Store, or profile.Memory.
type Profiles interface {
	Load(ctx context.Context) (profile.Data, error)
	Update(ctx context.Context, change func(*profile.Data) error) error
}

// Options are what a Backend uses.
type Options struct {
	// Version is Jellybind's version, shown to servers and people.
	Version  string
	Profiles Profiles
	Keyring  Keyring
	Journal  *journal.Journal
	// Seen stores what the person has seen of each server's accounts; nil stores nothing.
	Seen *seen.Store
	// Discover says where to ask for servers in the local network.
	Discover jellyfin.DiscoverOptions
	// Language returns the language, BCP 47, of the page that ends a sign-in in the browser. The default is the person's
	// choice, or else the system's.
	Language func() string
	Now      func() time.Time
	// Dial opens the connections to servers; nil is the network. Tests put connections in memory here.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Default returns the options of an installation: the person's configuration folder and the system's keyring.
func Default(version string) (Options, error) {
	dir, err := profile.Dir()
	if err != nil {
		return Options{}, err
	}
	return Options{
		Version: version, Profiles: profile.Open(dir), Keyring: secret.Open(),
		Journal: journal.Open(filepath.Join(dir, "journal"), time.Now), Seen: seen.Open(filepath.Join(dir, "seen")),
		Now: time.Now,
	}, nil
}

// Backend is Jellybind without window and command line. It is safe for concurrent use.
type Backend struct {
	Options
	// page is the language that SetPageLanguage reported; nil before.
	page atomic.Pointer[string]
}

// New returns a backend. Nothing is read yet.
func New(o Options) *Backend {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Seen == nil {
		o.Seen = seen.Open("")
	}
	b := &Backend{Options: o}
	if b.Language == nil {
		b.Language = b.language
	}
	return b
}

// Client returns a client for a profile. The credential may be zero.
func (b *Backend) Client(e profile.Entry, credential secret.Value) (*jellyfin.Client, error) {
	return jellyfin.New(jellyfin.Options{
		URL: e.URL, DeviceID: e.DeviceID, Version: b.Version, Credential: credential, PinnedSHA256: e.PinnedSHA256,
		Dial: b.Dial,
	})
}

// OneOff returns an entry for a server without a profile. Its device id is the same at each call.
func OneOff(name string, server api.Server, pinned string) profile.Entry {
	sum := sha256.Sum256([]byte("jellybind one-off " + server.URL))
	return profile.Entry{
		Profile:  api.Profile{Name: name, URL: server.URL, ServerID: server.ID, PinnedSHA256: pinned},
		DeviceID: strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])),
	}
}

// update changes a profile. The error is CodeProfileNotFound if there is none of that name.
func (b *Backend) update(ctx context.Context, name string, change func(*profile.Entry)) error {
	return b.Profiles.Update(ctx, func(d *profile.Data) error {
		e, err := d.Find(name)
		if err != nil {
			return err
		}
		change(e)
		return nil
	})
}

func ignoreNotFound(err error) error {
	if errors.Is(err, secret.ErrNotFound) {
		return nil
	}
	return err
}
