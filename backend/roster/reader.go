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
	// ReadEach reads links account by account where that is the only way (Capabilities.RosterByAccount).
	ReadEach(ctx context.Context, users []string, found func(userID string, links []api.Link)) (ssoplugin.Snapshot, error)
}

// Reader reads who is linked to what on one server, with one credential. It is safe for concurrent use.
type Reader struct {
	Users Users
	Links Links
	Now   func() time.Time
	// Accepted returns the ids of the accounts whose risk the person accepts. It may be nil.
	Accepted func() []string
}

// Read reads all accounts and links, or, for a plain user, only the user's own. It asks Jellyfin and the plugin at the same
// time. progress may be nil.
//
// Errors: CodeForbidden when the credential may read no links, and those of Users and Links.
func (r *Reader) Read(ctx context.Context, progress func(api.Progress)) (api.Roster, error) {
	return r.Stream(ctx, progress, nil)
}

// Stream is Read for a caller that shows accounts before all links are read. Where the plugin tells links only account by
// account, which takes some 20 ms each, show gets all accounts at once and then a few times with more of their links. An
// account whose links are not there yet is Unread. Only the returned roster has links of deleted accounts, and AtRisk. On
// other plugins show is not called. progress and show may be nil, and are not called at the same time.
func (r *Reader) Stream(ctx context.Context, progress func(api.Progress), show func(api.Roster)) (api.Roster, error) {
	caps := r.Links.Capabilities()
	own := !caps.ReadRoster.OK
	if own && !caps.ReadOwn.OK {
		return api.Roster{}, caps.ReadRoster.Refused(api.CodeForbidden, "administrator")
	}
	counted := func(n int) {
		if progress != nil {
			progress(api.Progress{Step: "reading-roster", Done: n})
		}
	}
	counted(0)
	if caps.RosterByAccount {
		return r.readByAccount(ctx, counted, progress, show)
	}
	users, snap, err := r.read(ctx, nil, func(ctx context.Context) ([]api.User, error) {
		if own {
			me, err := r.Users.Me(ctx)
			return []api.User{me}, err
		}
		return r.Users.Users(ctx, counted)
	})
	if err != nil {
		return api.Roster{}, fmt.Errorf("reading the roster: %w", err)
	}
	return r.build(users, snap, own), nil
}

// Reread returns known with the links as they are now, and with the account userID as it is now. The other accounts are
// taken from known, because reading all of them is slow on a large server. If a link opens an account that known does not
// have, all accounts are read.
func (r *Reader) Reread(ctx context.Context, known api.Roster, userID string) (api.Roster, error) {
	if known.Own {
		return r.Read(ctx, nil)
	}
	users, snap, err := r.read(ctx, known.Accounts, func(ctx context.Context) ([]api.User, error) {
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
	return r.build(users, snap, false), nil
}

// readByAccount reads the accounts, and then the links of each.
func (r *Reader) readByAccount(
	ctx context.Context, counted func(int), progress func(api.Progress), show func(api.Roster),
) (api.Roster, error) {
	users, err := r.Users.Users(ctx, counted)
	if err != nil {
		return api.Roster{}, fmt.Errorf("reading the roster: %w", err)
	}
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	read := make(map[string]bool, len(users))
	var found []api.Link
	if show != nil {
		show(r.partial(users, found, read))
	}
	next := firstShown
	snap, err := r.Links.ReadEach(ctx, ids, func(user string, links []api.Link) {
		found, read[user] = append(found, links...), true
		if progress != nil {
			progress(api.Progress{Step: "reading-links", Done: len(read), Total: len(users)})
		}
		if show != nil && len(read) == next && next < len(users) {
			next *= 2
			show(r.partial(users, found, read))
		}
	})
	if err != nil {
		return api.Roster{}, fmt.Errorf("reading the roster: %w", err)
	}
	return r.build(users, snap, false), nil
}

// firstShown is how many accounts are read before their links are shown for the first time: about a screen. Later times
// double.
const firstShown = 40

// partial builds a roster of which only the links of some accounts were read.
func (r *Reader) partial(users []api.User, links []api.Link, read map[string]bool) api.Roster {
	built := Build(users, nil, links, r.Now().UTC(), false)
	for i := range built.Accounts {
		a := &built.Accounts[i]
		a.Unread = !read[a.ID]
	}
	return built
}

// read reads accounts and links at the same time. The links are those of known where they are read account by account.
func (r *Reader) read(
	ctx context.Context, known []api.Account, readUsers func(context.Context) ([]api.User, error),
) (users []api.User, snap ssoplugin.Snapshot, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		users, err = readUsers(ctx)
		return err
	})
	g.Go(func() (err error) {
		if !r.Links.Capabilities().RosterByAccount {
			snap, err = r.Links.Read(ctx)
			return err
		}
		ids := []string{}
		for _, a := range known {
			if a.Exists {
				ids = append(ids, a.ID)
			}
		}
		snap, err = r.Links.ReadEach(ctx, ids, nil)
		return err
	})
	err = g.Wait()
	return users, snap, err
}

// accept takes accounts out of those at risk.
func accept(r *api.Roster, ids []string) {
	if len(ids) == 0 {
		return
	}
	for i := range r.Accounts {
		if a := &r.Accounts[i]; a.AtRisk && slices.Contains(ids, a.ID) {
			a.AtRisk, a.Accepted = false, true
		}
	}
}

func (r *Reader) build(users []api.User, snap ssoplugin.Snapshot, own bool) api.Roster {
	built := Build(users, snap.Providers, snap.Links, r.Now().UTC(), own)
	if r.Accepted != nil {
		accept(&built, r.Accepted())
	}
	if len(snap.Uses) == 0 {
		return built
	}
	uses := make(map[api.Identity]api.Use, len(snap.Uses))
	for _, u := range snap.Uses {
		uses[u.Identity] = u
	}
	for i := range built.Accounts {
		a := &built.Accounts[i]
		for _, id := range a.Identities {
			if u, ok := uses[id]; ok {
				a.Uses = append(a.Uses, u)
			}
		}
	}
	return built
}
