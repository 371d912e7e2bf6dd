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
}

// Read reads all accounts and links, or, for a plain user, only the user's own. It asks Jellyfin and the plugin at the same
// time. progress may be nil.
//
// Errors: CodeForbidden when the credential may read no links, and those of Users and Links.
func (r *Reader) Read(ctx context.Context, progress func(api.Progress)) (api.Roster, error) {
	return r.Stream(ctx, api.Roster{}, progress, nil)
}

// Stream is Read for a caller that shows accounts as they come. Where the plugin tells links only account by account, which
// takes some 20 ms each, show gets the accounts read so far a few times meanwhile, and those of known that are not read yet as
// they were. Nothing is said of an account before its links are there, so accounts of deleted users and AtRisk are right in
// the returned roster alone. Elsewhere show is not called. progress and show may be nil, and are not called at the same time.
func (r *Reader) Stream(
	ctx context.Context, known api.Roster, progress func(api.Progress), show func(api.Roster),
) (api.Roster, error) {
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
		return r.readByAccount(ctx, known, counted, progress, show)
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
	ctx context.Context, known api.Roster, counted func(int), progress func(api.Progress), show func(api.Roster),
) (api.Roster, error) {
	users, err := r.Users.Users(ctx, counted)
	if err != nil {
		return api.Roster{}, fmt.Errorf("reading the roster: %w", err)
	}
	p := &partial{users: users, known: known, links: make(map[string][]api.Link, len(users))}
	for _, a := range known.Accounts {
		if a.Exists {
			p.links[a.ID] = linksOf(a)
		}
	}
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	done, next := 0, firstShown
	snap, err := r.Links.ReadEach(ctx, ids, func(user string, links []api.Link) {
		p.links[user] = links
		if done++; progress != nil {
			progress(api.Progress{Step: "reading-links", Done: done, Total: len(users)})
		}
		if show != nil && done == next && done < len(users) {
			next *= 2
			show(p.roster(r.Now().UTC()))
		}
	})
	if err != nil {
		return api.Roster{}, fmt.Errorf("reading the roster: %w", err)
	}
	return r.build(users, snap, false), nil
}

// firstShown is how many accounts are read before they are shown for the first time: about a screen. Later times double.
const firstShown = 40

// partial is a roster that is being read.
type partial struct {
	users []api.User
	known api.Roster
	links map[string][]api.Link // by account; what is not there was not read
}

func (p *partial) roster(taken time.Time) api.Roster {
	var users []api.User
	var links []api.Link
	for _, u := range p.users {
		if own, read := p.links[u.ID]; read {
			users, links = append(users, u), append(links, own...)
		}
	}
	so := Build(users, nil, links, taken, false)
	so.Providers = p.known.Providers
	return so
}

func linksOf(a api.Account) []api.Link {
	links := make([]api.Link, len(a.Identities))
	for i, id := range a.Identities {
		links[i] = api.Link{Identity: id, UserID: a.ID}
	}
	return links
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

func (r *Reader) build(users []api.User, snap ssoplugin.Snapshot, own bool) api.Roster {
	built := Build(users, snap.Providers, snap.Links, r.Now().UTC(), own)
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
