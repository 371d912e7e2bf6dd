package backend

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
	"github.com/jellybind/jellybind/backend/tlspin"
)

// Add stores a new profile for a server, without a credential. If name is empty, the profile is named after the server, and
// a second profile for the same address is refused with CodeProfileExists.
func (b *Backend) Add(ctx context.Context, server api.Server, name, pinned string) (profile.Entry, error) {
	var added profile.Entry
	err := b.Profiles.Update(ctx, func(d *profile.Data) error {
		if name == "" {
			if e, ok := d.ByURL(server.URL); ok {
				return addedBefore(e)
			}
			name = freeName(d, server)
		}
		err := d.Add(profile.Entry{Profile: api.Profile{
			Name: name, URL: server.URL, ServerID: server.ID, Credential: api.CredentialNone, PinnedSHA256: pinned,
		}})
		return err
	})
	if err != nil {
		return added, err
	}
	data, err := b.Profiles.Load(ctx)
	if err != nil {
		return added, err
	}
	e, err := data.Find(name)
	if err != nil {
		return added, err
	}
	return *e, nil
}

func addedBefore(e profile.Entry) error {
	why := api.Why("added-before")
	switch {
	case e.UserName != "":
		why = "added-signed-in"
	case e.Profile.Credential == api.CredentialKey:
		why = "added-key"
	}
	return &api.Error{
		Code:   api.CodeProfileExists,
		Why:    why,
		Params: map[string]string{"name": e.Name, "user": e.UserName},
	}
}

// freeName returns a name for a server's profile that no other one has.
func freeName(d *profile.Data, server api.Server) string {
	return api.FreeName(server.ShortName(), func(name string) bool {
		return slices.ContainsFunc(d.Profiles, func(p profile.Entry) bool { return p.Name == name })
	})
}

// Forget removes a profile with all its secrets, and what was seen of its accounts. A token is ended at the server first.
// The error is CodeTokenLeft if the profile was removed but the server could not be told.
func (b *Backend) Forget(ctx context.Context, name string) error {
	data, err := b.Profiles.Load(ctx)
	if err != nil {
		return err
	}
	found, err := data.Find(name)
	if err != nil {
		return err
	}
	e := *found
	for _, p := range e.Providers {
		if err := ignoreNotFound(b.Keyring.Delete(ctx, clientAccount(e, p.Protocol, p.Provider))); p.HasSecret && err != nil {
			return err
		}
	}
	var left error
	if e.Profile.Credential != api.CredentialNone && e.Profile.Credential != "" {
		// The profile is kept if a secret cannot be removed from the keyring, but not if only the server could not be told.
		err := b.Logout(ctx, e)
		if err := ignoreNotFound(b.Keyring.Delete(ctx, credentialAccount(e))); err != nil {
			return err
		}
		if api.IsCode(err, api.CodeTokenLeft) {
			err = errors.Unwrap(err)
		}
		if err != nil && e.Profile.Credential != api.CredentialKey {
			left = stillOpen("token-forgotten", err)
		}
	}
	if err := b.Profiles.Update(ctx, func(d *profile.Data) error { return d.Remove(e.Name) }); err != nil {
		return err
	}
	if err := b.Seen.Forget(e.DeviceID); err != nil {
		return err
	}
	return left
}

// Rename gives a profile another name.
func (b *Backend) Rename(ctx context.Context, from, to string) error {
	return b.Profiles.Update(ctx, func(d *profile.Data) error {
		e, err := d.Find(from)
		if err != nil {
			return err
		}
		e.Name = to
		return nil
	})
}

// Pin makes a profile trust exactly one certificate, by its SHA-256 fingerprint. An empty fingerprint trusts the system's
// authorities again.
func (b *Backend) Pin(ctx context.Context, name, sha256 string) error {
	return b.update(ctx, name, func(e *profile.Entry) { e.PinnedSHA256 = sha256 })
}

// Certificate returns a server's certificate if the system's authorities do not trust it, and nil if they do.
func (b *Backend) Certificate(ctx context.Context, e profile.Entry) (*api.Certificate, error) {
	e.PinnedSHA256 = ""
	client, err := b.Client(e, secret.Value{})
	if err != nil {
		return nil, err
	}
	_, err = client.PublicInfo(ctx)
	if bad, ok := errors.AsType[*tlspin.CertificateError](err); ok {
		return &bad.Certificate, nil
	}
	return nil, err
}

// SetProvider changes the app's settings for a provider, and returns the new ones. change may be called twice. A client
// secret goes to the keyring; nil keeps the present one, an empty one removes it. The error is CodeUsage if the port is out
// of range.
func (b *Backend) SetProvider(
	ctx context.Context, name string, p api.Protocol, provider string, change func(*api.ProviderSettings),
	clientSecret *secret.Value,
) (api.ProviderSettings, error) {
	data, err := b.Profiles.Load(ctx)
	if err != nil {
		return api.ProviderSettings{}, err
	}
	found, err := data.Find(name)
	if err != nil {
		return api.ProviderSettings{}, err
	}
	before := found.Provider(p, provider)
	wanted := before
	if change(&wanted); wanted.Port != before.Port && wanted.Port != 0 { // checked first, so that no secret is stored then
		if err := profile.CheckPort(wanted.Port); err != nil {
			return api.ProviderSettings{}, err
		}
	}
	if clientSecret != nil {
		account := clientAccount(*found, p, provider)
		if clientSecret.IsZero() {
			err = ignoreNotFound(b.Keyring.Delete(ctx, account))
		} else {
			err = b.Keyring.Set(ctx, account, *clientSecret)
		}
		if err != nil {
			return api.ProviderSettings{}, err
		}
	}
	var now api.ProviderSettings
	err = b.update(ctx, found.Name, func(e *profile.Entry) {
		now = e.Provider(p, provider)
		hasSecret := now.HasSecret
		change(&now)
		now.Protocol, now.Provider, now.HasSecret = p, provider, hasSecret
		if clientSecret != nil {
			now.HasSecret = !clientSecret.IsZero()
		}
		e.SetProvider(now)
		e.SetWay(api.FoundWays{Protocol: p, Provider: provider}) // the client or the port may be another
	})
	return now, err
}

// clientAccount returns the keyring's account of the client secret for a provider. A name that is too long when escaped,
// such as one of 36 Cyrillic letters, is replaced by its digest after a slash, because no escaped name has a slash.
func clientAccount(e profile.Entry, p api.Protocol, name string) string {
	account := "client:" + e.DeviceID + ":" + string(p) + ":"
	if escaped := url.PathEscape(name); len(account)+len(escaped) <= secret.MaxAccount {
		return account + escaped
	}
	return account + fmt.Sprintf("sha256/%x", sha256.Sum256([]byte(name)))
}

// clientSecret returns the client secret for a provider; zero if the person gave none.
func (b *Backend) clientSecret(ctx context.Context, s *Session, p api.Protocol, name string) (secret.Value, error) {
	if !s.settings(p, name).HasSecret {
		return secret.Value{}, nil
	}
	v, err := b.Keyring.Get(ctx, clientAccount(s.Entry(), p, name))
	if errors.Is(err, secret.ErrNotFound) {
		err = &api.Error{Code: api.CodeClientSecretMissing, Params: map[string]string{"provider": name}, Err: err}
	}
	return v, err
}

// remember stores what was found by trying at a provider. It is no loss if that fails: it is then tried again. A server that
// was not added is remembered only as long as the session lasts.
func (b *Backend) remember(ctx context.Context, s *Session, w api.FoundWays) {
	s.mu.Lock()
	s.entry.Ways = slices.Clone(s.entry.Ways)
	s.entry.SetWay(w)
	id := s.entry.DeviceID
	s.mu.Unlock()
	at := func(d profile.Data) int {
		return slices.IndexFunc(d.Profiles, func(e profile.Entry) bool { return e.DeviceID == id })
	}
	if data, err := b.Profiles.Load(ctx); err != nil || at(data) < 0 {
		return
	}
	_ = b.Profiles.Update(ctx, func(d *profile.Data) error {
		if i := at(*d); i >= 0 {
			d.Profiles[i].SetWay(w)
		}
		return nil
	})
}

// SelfService returns what an administrator gives to people who link their own accounts. See ssoplugin.SelfService.
func SelfService(serverURL string, config []byte) (api.SelfService, error) {
	return ssoplugin.SelfService(serverURL, config)
}
