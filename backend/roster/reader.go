package roster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// Users reads Jellyfin's accounts; jellyfin.Client implements it.
type Users interface {
	// Users reads all accounts. It calls counted, unless that is nil, with the number read so far.
	Users(ctx context.Context, counted func(int)) ([]api.User, error)
	// User reads one account, or fails with CodeUserNotFound.
	User(ctx context.Context, id string) (api.User, error)
	// Me reads the account of the access token.
	Me(ctx context.Context) (api.User, error)
}

// Links reads the plugin's providers and links; ssoplugin.Plugin implements it.
type Links interface {
	Capabilities() api.Capabilities
	Read(ctx context.Context) (ssoplugin.Snapshot, error)
}

// Reader reads who is linked to what on one server, with one credential. It is safe for concurrent use.
type Reader struct {
	Users Users
	Links Links
	Now   func() time.Time
}

// Read reads all accounts and links, or, for a plain user, only the user's own. It asks Jellyfin and the plugin at the same
// time. progress may be nil.
//
// Errors: CodeForbidden when the credential may read no links, and those of Users and Links.
func (r *Reader) Read(ctx context.Context, progress func(api.Progress)) (api.Roster, error) {
	caps := r.Links.Capabilities()
	own := !caps.ReadRoster.OK
	if own && !caps.ReadOwn.OK {
		return api.Roster{}, caps.ReadRoster.Refused(api.CodeForbidden, "administrator")
	}
	counted := func(n int) {
		if progress != nil {
			progress(api.Progress{Step: "reading-roster", Text: "Reading accounts and links…", Done: n})
		}
	}
	counted(0)
	users, snap, err := r.read(ctx, func(ctx context.Context) ([]api.User, error) {
		if own {
			me, err := r.Users.Me(ctx)
			return []api.User{me}, err
		}
		return r.Users.Users(ctx, counted)
	})
	if err != nil {
		return api.Roster{}, fmt.Errorf("reading the roster: %w", err)
	}
	return Build(users, snap.Providers, snap.Links, r.Now().UTC(), own), nil
}

// Reread returns known with the links as they are now, and with the account userID as it is now. The other accounts are
// taken from known, because reading all of them is slow on a large server. If a link opens an account that known does not
// have, all accounts are read.
func (r *Reader) Reread(ctx context.Context, known api.Roster, userID string) (api.Roster, error) {
	if known.Own {
		return r.Read(ctx, nil)
	}
	users, snap, err := r.read(ctx, func(ctx context.Context) ([]api.User, error) {
		user, err := r.Users.User(ctx, userID)
		if api.IsCode(err, api.CodeUserNotFound) {
			return nil, nil
		}
		return []api.User{user}, err
	})
	if err != nil {
		return api.Roster{}, fmt.Errorf("reading the links again: %w", err)
	}
	seen := make(map[string]bool, len(known.Accounts))
	for _, a := range known.Accounts {
		seen[a.ID] = true
		if a.Exists && a.ID != userID {
			users = append(users, a.User)
		}
	}
	if slices.ContainsFunc(snap.Links, func(l api.Link) bool { return !seen[l.UserID] }) {
		return r.Read(ctx, nil)
	}
	return Build(users, snap.Providers, snap.Links, r.Now().UTC(), false), nil
}

// read reads accounts and links at the same time.
func (r *Reader) read(
	ctx context.Context, readUsers func(context.Context) ([]api.User, error),
) (users []api.User, snap ssoplugin.Snapshot, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		users, err = readUsers(ctx)
		return err
	})
	g.Go(func() (err error) {
		snap, err = r.Links.Read(ctx)
		return err
	})
	err = g.Wait()
	return users, snap, err
}
