// Package backend wires everything together. The window, the command line and the tests use this one composition root;
// nothing below it knows of them.
package backend

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/seen"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// Keyring is where secrets are kept: secret.Keyring, or secret.Memory for the demo world.
type Keyring interface {
	Get(ctx context.Context, account string) (secret.Value, error)
	Set(ctx context.Context, account string, v secret.Value) error
	Delete(ctx context.Context, account string) error
}

// Profiles is where the servers and choices are kept: profile.Store, or a ProfilesInMemory.
type Profiles interface {
	Load(ctx context.Context) (profile.Data, error)
	Update(ctx context.Context, change func(*profile.Data) error) error
}

// Options says where a Backend keeps what it keeps.
type Options struct {
	// Version is Jellybind's version, shown to servers and people.
	Version  string
	Profiles Profiles
	Keyring  Keyring
	Journal  *journal.Journal
	// Seen is what the person has seen of each server's accounts; nil remembers nothing.
	Seen *seen.Store
	// Language returns that of the page that the browser shows at the end of a sign-in, BCP 47; nil is the person's choice,
	// or else the system's.
	Language func() string
	Now      func() time.Time
}

// Default returns the options of a person's own installation: his configuration folder and the system's keyring.
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

// Backend is Jellybind without a face. It is safe for concurrent use.
type Backend struct {
	Options
	// page is the system's language as the window's page knows it; empty until it has said so.
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

// language is the person's choice, or else the system's.
func (b *Backend) language() string {
	data, _ := b.Profiles.Load(context.Background()) // without it, there is no choice
	if l := data.Settings.Language; l != "" && l != "system" {
		return l
	}
	return b.systemLanguage()
}

// systemLanguage is that of the environment, or else, as in programs that Windows and macOS start, the page's.
func (b *Backend) systemLanguage() string {
	if tag := systemLanguage(os.Getenv); tag != "" {
		return tag
	}
	if tag := b.page.Load(); tag != nil {
		return *tag
	}
	return ""
}

// Session is a server that was opened with a credential.
type Session struct {
	mu      sync.Mutex
	Profile profile.Entry
	Server  api.Server
	Client  *jellyfin.Client
	Plugin  *ssoplugin.Plugin
	Kind    api.CredentialKind
	// User is whose access token it is; nil for an API key.
	User   *api.User
	Roster *roster.Reader
	Linker *link.Linker
	// Warning is what went wrong beside the sign-in that opened it; nil for nothing.
	Warning *api.Error
}

// Info is the session as the window and --json show it.
func (s *Session) Info() api.Session {
	info := api.Session{
		Profile: s.entry().Profile, Server: s.Server, Capabilities: s.Plugin.Capabilities(), User: s.User,
		Warning: s.Warning,
	}
	info.Profile.Credential = s.Kind
	return info
}

// entry returns the profile as it was read last.
func (s *Session) entry() profile.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Profile
}

// settings returns what the person told the app of a provider.
func (s *Session) settings(p api.Protocol, name string) api.ProviderSettings {
	e := s.entry()
	return e.Provider(p, name)
}

// Refresh reads a session's profile anew, after its settings or its name were changed. The error is CodeProfileNotFound when
// it was forgotten.
func (b *Backend) Refresh(ctx context.Context, s *Session) error {
	data, err := b.Profiles.Load(ctx)
	if err != nil {
		return err
	}
	before := s.entry()
	i := slices.IndexFunc(data.Profiles, func(e profile.Entry) bool { return e.DeviceID == before.DeviceID })
	if i < 0 {
		_, err := data.Find(before.Name)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Profile = data.Profiles[i]
	return nil
}

// Target names a server and the credential to use on it.
type Target struct {
	// Name is a profile's name or address, another server's address, or empty for the default profile.
	Name string
	// Credential replaces the stored one for this run; it is never stored.
	Credential secret.Value
	// Progress hears of a server that has to be waited for; it may be nil.
	Progress func(api.Progress)
}

// Entry returns the profile that a target names. An address needs no profile: the entry is then made up for this run.
func (b *Backend) Entry(ctx context.Context, name string) (profile.Entry, error) {
	data, err := b.Profiles.Load(ctx)
	if err != nil && !api.IsCode(err, api.CodeProfileDamaged) {
		return profile.Entry{}, err
	}
	e, findErr := data.Find(name)
	if findErr == nil {
		return *e, err
	}
	if !api.IsCode(findErr, api.CodeProfileNotFound) || !strings.ContainsAny(name, ":/.") {
		return profile.Entry{}, errors.Join(findErr, err)
	}
	found, err := jellyfin.Find(ctx, name, jellyfin.FindOptions{Version: b.Version})
	if err != nil {
		return profile.Entry{}, err
	}
	return profile.Entry{
		Profile:  api.Profile{Name: name, URL: found.Server.URL, ServerID: found.Server.ID},
		DeviceID: deviceID(found.Server.URL),
	}, nil
}

// deviceID is a stable device id for a server without a profile.
func deviceID(serverURL string) string {
	sum := sha256.Sum256([]byte("jellybind one-off " + serverURL))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// Client returns a client for a profile, with a credential or without.
func (b *Backend) Client(e profile.Entry, credential secret.Value) (*jellyfin.Client, error) {
	return jellyfin.New(jellyfin.Options{
		URL: e.URL, DeviceID: e.DeviceID, Version: b.Version, Credential: credential, PinnedSHA256: e.PinnedSHA256,
	})
}

// Open opens a server: it waits while the server starts, learns whose credential it is, and detects the plugin.
func (b *Backend) Open(ctx context.Context, t Target) (*Session, error) {
	e, err := b.Entry(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	if !t.Credential.IsZero() {
		s, err := b.open(ctx, e, t.Credential, "", t.Progress)
		return s, refusedAtOnce(err)
	}
	credential, err := b.Credential(ctx, e)
	if err != nil {
		return nil, err
	}
	return b.open(ctx, e, credential, e.ServerID, t.Progress)
}

// refusedAtOnce gives the refusal of a credential that was just given the hint that fits: nothing has replaced it yet.
func refusedAtOnce(err error) error {
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Code != api.CodeCredentialRefused {
		return err
	}
	told := *e
	told.Hint = "Check that it was copied whole, and that it is an API key or an access token of this server."
	return &told
}

// open opens a server with a credential. One that is stored goes to the server with the id want only, where that is known: at
// the address of a home server another one may answer tomorrow.
func (b *Backend) open(
	ctx context.Context, e profile.Entry, credential secret.Value, want string, progress func(api.Progress),
) (*Session, error) {
	if progress == nil {
		progress = func(api.Progress) {}
	}
	client, err := b.Client(e, credential)
	if err != nil {
		return nil, err
	}
	if err := client.WaitReady(ctx, progress, "/sso/OID/GetNames"); err != nil {
		return nil, err
	}
	server, err := client.PublicInfo(ctx)
	if err != nil {
		return nil, err
	}
	if !server.WizardCompleted {
		return nil, &api.Error{
			Code: api.CodeWizardIncomplete, Sentence: "Nobody has finished the first-run wizard of this server yet.",
			Hint: "Open " + e.URL + " in a browser and finish it.", Params: map[string]string{"url": e.URL},
		}
	}
	if err := serverChanged(e, want, server.ID); err != nil {
		return nil, err
	}
	kind, user, err := client.Identify(ctx)
	if err != nil {
		return nil, err
	}
	plugin, err := ssoplugin.Detect(ctx, client, kind, user)
	if err != nil {
		return nil, err
	}
	s := &Session{Profile: e, Server: server, Client: client, Plugin: plugin, Kind: kind, User: user}
	data, err := b.Profiles.Load(ctx)
	if err != nil && !api.IsCode(err, api.CodeProfileDamaged) {
		return nil, err
	}
	s.Roster = &roster.Reader{Users: client, Links: plugin, Now: b.Now}
	s.Linker = &link.Linker{
		Client: client, Plugin: plugin, Roster: s.Roster, Journal: b.Journal, ServerID: server.ID, Self: user, Ports: data.Settings.Ports,
		Language: b.Language, Now: b.Now,
		Settings: s.settings,
		ClientSecret: func(ctx context.Context, p api.Protocol, name string) (secret.Value, error) {
			return b.clientSecret(ctx, s, p, name)
		},
	}
	return s, nil
}

// serverChanged refuses another server than the one with the id want, where both are known.
func serverChanged(e profile.Entry, want, got string) error {
	if want == "" || got == "" || want == got {
		return nil
	}
	return &api.Error{
		Code:     api.CodeServerChanged,
		Sentence: "Another Jellyfin server answers at " + e.URL + " now than the one that you signed in to.",
		Hint: "If the server was set up anew, sign in again: jellybind auth login. If the address belongs to another machine now, " +
			"add the server by its new address.",
		Params: map[string]string{"url": e.URL},
	}
}

// client returns a client with a profile's stored credential, once the server that answers is known to be the profile's.
func (b *Backend) client(ctx context.Context, e profile.Entry, credential secret.Value) (*jellyfin.Client, error) {
	client, err := b.Client(e, credential)
	if err != nil {
		return nil, err
	}
	server, err := client.PublicInfo(ctx)
	if err != nil {
		return nil, err
	}
	return client, serverChanged(e, e.ServerID, server.ID)
}

// TryCredential tells whether the stored credential of a profile works.
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

// Credential returns the credential that the keyring holds for a profile.
func (b *Backend) Credential(ctx context.Context, e profile.Entry) (secret.Value, error) {
	missing := &api.Error{
		Code:     api.CodeCredentialMissing,
		Sentence: fmt.Sprintf("No credential is stored for %s.", api.Printable(e.Name)),
		Hint:     "Run “jellybind auth login”, or give one for this run with --credential-stdin.",
		Params:   map[string]string{"name": e.Name},
	}
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

// credentialAccount is the keyring's account of a profile's credential. The device id is the profile's one name that
// never changes.
func credentialAccount(e profile.Entry) string { return "credential:" + e.DeviceID }

// clientAccount is the keyring's account of the client secret for a provider. A name that is too long for it, as one of 36
// Cyrillic letters is when escaped, is named by its digest, after a slash, which is in no escaped name.
func clientAccount(e profile.Entry, p api.Protocol, name string) string {
	account := "client:" + e.DeviceID + ":" + string(p) + ":"
	if escaped := url.PathEscape(name); len(account)+len(escaped) <= secret.MaxAccount {
		return account + escaped
	}
	return account + fmt.Sprintf("sha256/%x", sha256.Sum256([]byte(name)))
}

// clientSecret returns the client secret that the person gave for a provider, and none where he gave none.
func (b *Backend) clientSecret(ctx context.Context, s *Session, p api.Protocol, name string) (secret.Value, error) {
	if !s.settings(p, name).HasSecret {
		return secret.Value{}, nil
	}
	v, err := b.Keyring.Get(ctx, clientAccount(s.entry(), p, name))
	if errors.Is(err, secret.ErrNotFound) {
		err = &api.Error{
			Code:     api.CodeClientSecretMissing,
			Sentence: "The client secret for " + api.Printable(name) + " is not in the keyring any more.",
			Hint:     "Give it again, with “jellybind providers set --client-secret”.",
			Params:   map[string]string{"provider": name},
			Err:      err,
		}
	}
	return v, err
}

// Add stores a new profile for a server that was found, without a credential. An empty name is made from the server's, and
// means that there is to be no second profile for its address: the error is then CodeProfileExists.
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
	why, signedIn := api.Why("added-before"), "nobody is signed in"
	switch {
	case e.UserName != "":
		why, signedIn = "added-signed-in", "signed in as "+api.Printable(e.UserName)
	case e.Profile.Credential == api.CredentialKey:
		why, signedIn = "added-key", "with an API key"
	}
	return &api.Error{
		Code:     api.CodeProfileExists,
		Why:      why,
		Sentence: fmt.Sprintf("This server was added before, as %s (%s).", api.Printable(e.Name), signedIn),
		Hint:     "Go on with that one, or give the second one a name of its own.",
		Params:   map[string]string{"name": e.Name, "user": e.UserName},
	}
}

// freeName makes a profile's name from what the server is called.
func freeName(d *profile.Data, server api.Server) string {
	base := strings.Join(strings.Fields(api.Printable(server.Name)), "-")
	if base == "" {
		if u, err := url.Parse(server.URL); err == nil {
			base = u.Hostname()
		}
	}
	name := base
	for i := 2; ; i++ {
		if !slices.ContainsFunc(d.Profiles, func(p profile.Entry) bool { return p.Name == name }) {
			return name
		}
		name = fmt.Sprintf("%s-%d", base, i)
	}
}

// Login tries a credential, and stores it in the keyring when the server takes it. The profile then says what kind it is. A
// credential that somebody gave comes without a user; a token that the server has just made is ended again when it is not
// kept, and so is one whose place the new credential takes.
func (b *Backend) Login(ctx context.Context, e profile.Entry, in jellyfin.SignedIn) (*Session, error) {
	return b.replace(ctx, e, in, false)
}

// replace logs in, and ends the token that was stored before: nobody could do that later.
func (b *Backend) replace(ctx context.Context, e profile.Entry, in jellyfin.SignedIn, add bool) (*Session, error) {
	s, earlier, err := b.login(ctx, e, in, add)
	if err != nil {
		return nil, err
	}
	same := e.ServerID == "" || e.ServerID == s.Server.ID // another server has no business with it
	if same && e.Profile.Credential != api.CredentialKey && !earlier.IsZero() && earlier != in.Token && !again(e, in) {
		if err := b.drop(ctx, e, earlier); err != nil {
			s.Warning = stillOpen("token-replaced", "You are signed in, and the earlier token is not used any more", err)
		}
	}
	return s, nil
}

// again reports whether the same person signed in again, on the same device: the server has ended the earlier token then.
func again(e profile.Entry, in jellyfin.SignedIn) bool {
	return in.User.ID != "" && in.User.ID == e.UserID
}

// login is Login, but that it leaves the earlier credential to the caller.
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

// leftBehind adds to the reason why a new token is not kept that the server could not be told to end it.
func leftBehind(err, dropErr error) error {
	told, ok := errors.AsType[*api.Error](err)
	if !ok {
		return fmt.Errorf("%w; ending the new session “Jellybind” at the server: %w", err, dropErr)
	}
	both := *told
	both.Hint = strings.TrimLeft(told.Hint+" ", " ") + "The server could not be told to end the new sign-in either: " +
		"end the session “Jellybind” in its dashboard, under Devices."
	return &both
}

// drop ends a token that nobody keeps.
func (b *Backend) drop(ctx context.Context, e profile.Entry, token secret.Value) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropping)
	defer cancel()
	client, err := b.Client(e, token)
	if err != nil {
		return err
	}
	return client.SignOut(ctx)
}

// dropping is how long drop may keep a person waiting for what he is about to see.
const dropping = 5 * time.Second

// keep stores the credential of a session that was just opened with it. With add, a server that is no profile yet becomes
// one, with a name made from the server's when it has none. When one part cannot be stored, the other is not either, unless
// the earlier credential is dead; earlier is what was in the keyring, and stored whether it has the new one.
func (b *Backend) keep(
	ctx context.Context, s *Session, credential secret.Value, earlierIsDead, add bool,
) (earlier secret.Value, stored bool, err error) {
	e := s.entry()
	account := credentialAccount(e)
	earlier, err = b.Keyring.Get(ctx, account)
	if err := ignoreNotFound(err); err != nil {
		return earlier, false, err
	}
	if err := b.Keyring.Set(ctx, account, credential); err != nil {
		return earlier, false, err
	}
	err = b.Profiles.Update(ctx, func(d *profile.Data) error {
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
	s.Profile = e
	s.mu.Unlock()
	return earlier, true, nil
}

// Logout ends the token at the server, when it is one, and removes the credential from the keyring, also when the server could
// not be told: CodeTokenLeft. An API key stays valid at the server: other programs may use it too.
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
		return stillOpen("token-removed", "The token was removed from the keyring", atServer)
	}
	return nil
}

// telling is how long a person waits for the server to end his token.
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

// stillOpen tells of a token that is not used any more, and that the server could not be told to end.
func stillOpen(why api.Why, done string, err error) *api.Error {
	e := &api.Error{
		Code: api.CodeTokenLeft, Why: why, Sentence: done + ", but the server could not be told to end it.",
		Hint: "End the session “Jellybind” in the server's dashboard, under Devices.", Err: err,
	}
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

// Forget removes a profile with all its secrets, and what was seen of its accounts. A token is ended at the server first, as
// far as the server answers; where it does not, the error is CodeTokenLeft, and the profile is removed all the same.
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
		// That the server could not be told is no reason to keep the profile; a secret that stays in the keyring is.
		err := b.Logout(ctx, e)
		if err := ignoreNotFound(b.Keyring.Delete(ctx, credentialAccount(e))); err != nil {
			return err
		}
		if api.IsCode(err, api.CodeTokenLeft) {
			err = errors.Unwrap(err)
		}
		if err != nil && e.Profile.Credential != api.CredentialKey {
			left = stillOpen("token-forgotten", "The server is forgotten, and its token is not used any more", err)
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

// Pin makes a profile trust exactly one certificate, by its SHA-256 fingerprint; an empty one trusts the system's
// authorities again.
func (b *Backend) Pin(ctx context.Context, name, sha256 string) error {
	return b.update(ctx, name, func(e *profile.Entry) { e.PinnedSHA256 = sha256 })
}

// SetProvider changes what the app needs to know of a provider, and returns it as it is then. A client secret goes to the
// keyring; nil leaves the one that is there, an empty one removes it.
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
	})
	return now, err
}

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
