package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

// KeyApp is the name of the API keys that Jellybind makes.
const KeyApp = "Jellybind"

// TryCredential returns an error if the stored credential of a profile does not work.
func (b *Backend) TryCredential(ctx context.Context, e profile.Entry) error {
	credential, err := b.Credential(ctx, e)
	if err != nil {
		return err
	}
	client, err := b.client(ctx, e, credential)
	if err != nil {
		return err
	}
	_, _, err = client.Identify(ctx)
	return err
}

// Credential returns the credential that the keyring holds for a profile. The error is CodeCredentialMissing if there is
// none.
func (b *Backend) Credential(ctx context.Context, e profile.Entry) (secret.Value, error) {
	missing := &api.Error{Code: api.CodeCredentialMissing, Params: map[string]string{"name": e.Name}}
	if e.Profile.Credential == "" || e.Profile.Credential == api.CredentialNone {
		return secret.Value{}, missing
	}
	v, err := b.Keyring.Get(ctx, credentialAccount(e))
	if errors.Is(err, secret.ErrNotFound) {
		missing.Err = err
		return v, missing
	}
	return v, err
}

// credentialAccount returns the keyring's account of a profile's credential. It is made from the device id, which never
// changes.
func credentialAccount(e profile.Entry) string { return "credential:" + e.DeviceID }

// Login opens a server with a credential, and stores it in the keyring and its kind in the profile. in has a user if its
// token is new: then the token is ended if it cannot be stored. A stored token that the credential replaces is ended, too.
func (b *Backend) Login(ctx context.Context, e profile.Entry, in jellyfin.SignedIn) (*Session, error) {
	return b.replace(ctx, e, in, false)
}

// Connect is Login for a server that may not have a profile yet: it adds one, and names it after the server if e has no
// name.
func (b *Backend) Connect(ctx context.Context, e profile.Entry, in jellyfin.SignedIn) (*Session, error) {
	return b.replace(ctx, e, in, true)
}

// replace logs in, and ends the token that was stored before, because nobody could do that later.
func (b *Backend) replace(ctx context.Context, e profile.Entry, in jellyfin.SignedIn, add bool) (*Session, error) {
	s, earlier, err := b.login(ctx, e, in, add)
	if err != nil {
		return nil, err
	}
	same := e.ServerID == "" || e.ServerID == s.Server.ID // the earlier token must not go to another server
	if same && e.Profile.Credential != api.CredentialKey && !earlier.IsZero() && earlier != in.Token && !again(e, in) {
		if err := b.drop(ctx, e, earlier); err != nil {
			s.Warning = stillOpen("token-replaced", err)
		}
	}
	return s, nil
}

// again reports whether the same user signed in again. The server has ended the earlier token then, because the device is
// the same.
func again(e profile.Entry, in jellyfin.SignedIn) bool {
	return in.User.ID != "" && in.User.ID == e.UserID
}

// login opens a server and stores the credential. It returns the earlier one, and does not end it.
func (b *Backend) login(
	ctx context.Context, e profile.Entry, in jellyfin.SignedIn, add bool,
) (s *Session, earlier secret.Value, err error) {
	s, err = b.open(ctx, e, in.Token, "", nil)
	kept := false
	if err == nil {
		earlier, kept, err = b.keep(ctx, s, in.Token, again(e, in), add)
	}
	if err == nil {
		return s, earlier, nil
	}
	err = refusedAtOnce(err)
	if in.User.ID != "" && !kept {
		if dropErr := b.drop(ctx, e, in.Token); dropErr != nil {
			err = leftBehind(err, dropErr)
		}
	}
	return nil, secret.Value{}, err
}

// leftBehind adds to err that a new token is neither stored nor ended.
func leftBehind(err, dropErr error) error {
	told, ok := errors.AsType[*api.Error](err)
	if !ok {
		return fmt.Errorf("%w; ending the new session “Jellybind” at the server: %w", err, dropErr)
	}
	both := *told
	both.Params = maps.Clone(told.Params)
	both.Because(&api.Error{Code: api.CodeTokenLeft, Why: "token-left-too", Err: dropErr})
	return &both
}

// drop ends a token that is not stored.
func (b *Backend) drop(ctx context.Context, e profile.Entry, token secret.Value) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropping)
	defer cancel()
	client, err := b.Client(e, token)
	if err != nil {
		return err
	}
	return client.SignOut(ctx)
}

// dropping is how long drop waits for the server. The person waits for the result meanwhile.
const dropping = 5 * time.Second

// keep stores the credential of a session that was just opened with it, in the keyring and the profile: both or neither,
// unless the earlier credential is dead. It returns what was in the keyring before, and whether the new one is there now.
func (b *Backend) keep(
	ctx context.Context, s *Session, credential secret.Value, earlierIsDead, add bool,
) (earlier secret.Value, stored bool, err error) {
	e := s.Entry()
	account := credentialAccount(e)
	earlier, err = b.Keyring.Get(ctx, account)
	if err := ignoreNotFound(err); err != nil {
		return earlier, false, err
	}
	if err := b.Keyring.Set(ctx, account, credential); err != nil {
		return earlier, false, err
	}
	e, err = b.keepProfile(ctx, e, s, add)
	if err != nil && earlierIsDead {
		return earlier, true, err
	}
	if err != nil {
		ctx = context.WithoutCancel(ctx)
		if earlier.IsZero() {
			return earlier, false, errors.Join(err, ignoreNotFound(b.Keyring.Delete(ctx, account)))
		}
		return earlier, false, errors.Join(err, b.Keyring.Set(ctx, account, earlier))
	}
	s.mu.Lock()
	s.entry = e
	s.mu.Unlock()
	return earlier, true, nil
}

// keepProfile stores the kind and the owner of a session's credential in its profile e, and returns the profile. With add, a
// server without a profile gets one, named after the server if e has no name.
func (b *Backend) keepProfile(ctx context.Context, e profile.Entry, s *Session, add bool) (profile.Entry, error) {
	err := b.Profiles.Update(ctx, func(d *profile.Data) error {
		i := slices.IndexFunc(d.Profiles, func(p profile.Entry) bool { return p.DeviceID == e.DeviceID })
		if i < 0 && !add {
			_, err := d.Find(e.Name)
			return err
		}
		if i < 0 {
			if e.Name == "" {
				e.Name = freeName(d, s.Server)
			}
			if err := d.Add(e); err != nil {
				return err
			}
			i = len(d.Profiles) - 1
		}
		p := &d.Profiles[i]
		p.ServerID, p.Profile.Credential, p.UserID, p.UserName = s.Server.ID, s.Kind, "", ""
		if s.User != nil {
			p.UserID, p.UserName = s.User.ID, s.User.Name
		}
		e = *p
		return nil
	})
	return e, err
}

// CreateKey makes an API key named Jellybind. With use, the key is stored in the keyring in place of the token, which is
// ended.
func (b *Backend) CreateKey(ctx context.Context, s *Session, use bool) error {
	key, err := s.Client.CreateKey(ctx, KeyApp)
	if err != nil || !use {
		return err
	}
	if _, _, err := b.login(ctx, s.Entry(), jellyfin.SignedIn{Token: key}, false); err != nil {
		return errors.Join(err, s.Client.RevokeKey(context.WithoutCancel(ctx), key))
	}
	if s.User == nil {
		return nil
	}
	if err := s.Client.SignOut(context.WithoutCancel(ctx)); err != nil {
		return stillOpen("token-key", err)
	}
	return nil
}

// Logout removes the credential from the keyring, and ends it at the server if it is a token. The error is CodeTokenLeft if
// it was removed but the server could not be told. An API key stays valid, because other programs may use it.
func (b *Backend) Logout(ctx context.Context, e profile.Entry) error {
	credential, err := b.Credential(ctx, e)
	if api.IsCode(err, api.CodeCredentialMissing) {
		return b.forgetCredential(ctx, e)
	}
	if err != nil {
		return err
	}
	var atServer error
	if e.Profile.Credential == api.CredentialAdmin || e.Profile.Credential == api.CredentialUser {
		atServer = b.endToken(ctx, e, credential)
	}
	if err := b.forgetCredential(ctx, e); err != nil {
		return err
	}
	if atServer != nil {
		return stillOpen("token-removed", atServer)
	}
	return nil
}

// telling is how long a person waits for the server to end a token.
const telling = 15 * time.Second

// endToken ends a profile's stored token at its server.
func (b *Backend) endToken(ctx context.Context, e profile.Entry, token secret.Value) error {
	ctx, cancel := context.WithTimeout(ctx, telling)
	defer cancel()
	client, err := b.client(ctx, e, token)
	if err != nil {
		return err
	}
	return client.SignOut(ctx)
}

// stillOpen reports that a token is not used any more, but is still valid at the server.
func stillOpen(why api.Why, err error) *api.Error {
	e := &api.Error{Code: api.CodeTokenLeft, Why: why, Err: err}
	e.Because(err)
	return e
}

func (b *Backend) forgetCredential(ctx context.Context, e profile.Entry) error {
	if err := ignoreNotFound(b.Keyring.Delete(ctx, credentialAccount(e))); err != nil {
		return err
	}
	return b.update(ctx, e.Name, func(e *profile.Entry) {
		e.Profile.Credential, e.UserID, e.UserName = api.CredentialNone, "", ""
	})
}
