package backend

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// DemoName is the name of the demo world's profile.
const DemoName = "demo"

// Demo is a backend with its own demo world. It touches no disk, no keyring, and no network but the loopback. Close ends it.
type Demo struct {
	*Backend
	World *demo.World
}

// NewDemo starts a demo world and signs in to it with the given kind of credential.
func NewDemo(ctx context.Context, o Options, world demo.Options, as api.CredentialKind) (*Demo, error) {
	w, err := demo.Start(ctx, world)
	if err != nil {
		return nil, fmt.Errorf("starting the demo world: %w", err)
	}
	o.Profiles, o.Keyring, o.Seen = &profile.Memory{}, &secret.Memory{}, nil
	d := &Demo{Backend: New(o), World: w}
	d.Journal = journal.Open("", d.Now)
	if err := d.login(ctx, as); err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("signing in to the demo world: %w", err)
	}
	return d, nil
}

// Close ends the demo world.
func (d *Demo) Close() error { return d.World.Close() }

func (d *Demo) login(ctx context.Context, as api.CredentialKind) error {
	pinned := ""
	if c := d.World.ProxyCertificate(); c != nil {
		pinned = fmt.Sprintf("%x", sha256.Sum256(c.Raw))
	}
	e, err := d.Add(ctx, api.Server{URL: d.World.URL()}, DemoName, pinned)
	if err != nil {
		return err
	}
	in := jellyfin.SignedIn{Token: d.World.APIKey()}
	if as != api.CredentialKey {
		name, password := d.World.Admin()
		if as == api.CredentialUser {
			name, password = d.World.User()
		}
		client, err := d.Client(e, secret.Value{})
		if err != nil {
			return err
		}
		if in, err = client.SignIn(ctx, name, password); err != nil {
			return err
		}
	}
	_, err = d.Login(ctx, e, in)
	return err
}
