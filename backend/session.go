package backend

import (
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// Session is a server that was opened with a credential. It is safe for concurrent use.
type Session struct {
	Server api.Server
	Client *jellyfin.Client
	Plugin *ssoplugin.Plugin
	Kind   api.CredentialKind
	// User is the owner of the access token; nil for an API key.
	User   *api.User
	Roster *roster.Reader
	Linker *link.Linker
	// Warning says that the sign-in worked, but the token that it replaced could not be ended; nil if all went well.
	Warning *api.Error

	mu    sync.Mutex
	entry profile.Entry
}

// Info returns the session as the window and --json show it.
func (s *Session) Info() api.Session {
	e := s.Entry()
	info := api.Session{
		Profile: e.Profile, Ways: e.Ways, Notes: e.Notes, Server: s.Server, Capabilities: s.Plugin.Capabilities(), User: s.User,
		Warning: s.Warning,
	}
	info.Profile.Credential = s.Kind
	return info
}

// Entry returns the profile as it was read last.
func (s *Session) Entry() profile.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entry
}

// settings returns the app's settings for a provider.
func (s *Session) settings(p api.Protocol, name string) api.ProviderSettings {
	e := s.Entry()
	return e.Provider(p, name)
}

// Refresh reads a session's profile again after its settings or its name were changed. The error is CodeProfileNotFound if
// the server was forgotten.
func (b *Backend) Refresh(ctx context.Context, s *Session) error {
	data, err := b.Profiles.Load(ctx)
	if err != nil {
		return err
	}
	before := s.Entry()
	i := slices.IndexFunc(data.Profiles, func(e profile.Entry) bool { return e.DeviceID == before.DeviceID })
	if i < 0 {
		_, err := data.Find(before.Name)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entry = data.Profiles[i]
	return nil
}

// AcceptRisk notes that the person accepts, or does not, that the name of an account is free at a provider.
func (b *Backend) AcceptRisk(ctx context.Context, s *Session, userID string, on bool) error {
	err := b.update(ctx, s.Entry().Name, func(e *profile.Entry) {
		e.AcceptedRisks = slices.DeleteFunc(slices.Clone(e.AcceptedRisks), func(id string) bool { return id == userID })
		if on {
			e.AcceptedRisks = append(e.AcceptedRisks, userID)
		}
	})
	if err != nil {
		return err
	}
	return b.Refresh(ctx, s)
}

// noteMost is how long a note may be, in bytes.
const noteMost = 500

// SetNote writes down what the person knows about an identity, on one line; an empty text drops it. The error is CodeUsage if
// it is too long.
func (b *Backend) SetNote(ctx context.Context, s *Session, n api.IdentityNote) error {
	n.Text = strings.Join(strings.Fields(n.Text), " ")
	if len(n.Text) > noteMost {
		return &api.Error{Code: api.CodeUsage, Why: "note-long", Params: map[string]string{"most": strconv.Itoa(noteMost)}}
	}
	if err := b.update(ctx, s.Entry().Name, func(e *profile.Entry) { e.SetNote(n) }); err != nil {
		return err
	}
	return b.Refresh(ctx, s)
}

// KeepNames says whether the names that sign-ins tell become notes for a server without asking each time.
func (b *Backend) KeepNames(ctx context.Context, name string, on bool) error {
	return b.update(ctx, name, func(e *profile.Entry) { e.KeepNames = on })
}

// ForgetNotes drops all notes on identities of a server.
func (b *Backend) ForgetNotes(ctx context.Context, name string) error {
	return b.update(ctx, name, func(e *profile.Entry) { e.Notes = nil })
}

// Target names a server and the credential to use on it.
type Target struct {
	// Name is a profile's name or address, another server's address, or empty for the default profile.
	Name string
	// Credential replaces the stored one for this run. It is not stored.
	Credential secret.Value
	// Progress is called while the server starts; it may be nil.
	Progress func(api.Progress)
}

// Entry returns the profile with that name or address. For the address of another server it returns a OneOff entry.
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
	return OneOff(name, found.Server, ""), nil
}

// Open waits until a server has started, finds out whose credential it is, and detects the plugin.
func (b *Backend) Open(ctx context.Context, t Target) (*Session, error) {
	if !t.Credential.IsZero() {
		return b.openWith(ctx, t)
	}
	e, err := b.Entry(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	credential, err := b.Credential(ctx, e)
	if err != nil {
		return nil, err
	}
	return b.open(ctx, e, credential, e.ServerID, t.Progress)
}

// Peek returns what a server tells without a credential.
func (b *Backend) Peek(ctx context.Context, e profile.Entry) (api.Session, error) {
	client, err := b.Client(e, secret.Value{})
	if err != nil {
		return api.Session{}, err
	}
	server, err := client.PublicInfo(ctx)
	if err != nil {
		return api.Session{}, err
	}
	info := api.Session{Profile: e.Profile, Server: server}
	info.Profile.Credential = api.CredentialNone
	plugin, err := ssoplugin.Detect(ctx, client, api.CredentialNone, nil)
	if err == nil {
		info.Capabilities = plugin.Capabilities()
	}
	return info, ctx.Err()
}

// openWith opens a server with a credential that was just given. If several profiles have its address, the one with that
// credential's account is opened, or else the first.
func (b *Backend) openWith(ctx context.Context, t Target) (*Session, error) {
	e, err := b.Entry(ctx, t.Name)
	if err == nil {
		s, err := b.open(ctx, e, t.Credential, "", t.Progress)
		return s, refusedAtOnce(err)
	}
	data, loadErr := b.Profiles.Load(ctx)
	there := data.At(t.Name)
	if loadErr != nil || len(there) < 2 {
		return nil, err
	}
	s, err := b.open(ctx, there[0], t.Credential, "", t.Progress)
	if err != nil {
		return nil, refusedAtOnce(err)
	}
	for _, e := range there {
		own := e.Credential == s.Kind && (s.User == nil || strings.EqualFold(e.UserName, s.User.Name))
		if own && e.DeviceID != there[0].DeviceID {
			return b.open(ctx, e, t.Credential, "", t.Progress)
		}
		if own {
			break
		}
	}
	return s, nil
}

// refusedAtOnce changes the hint of a refusal: a credential that was just given has not been replaced by another one.
func refusedAtOnce(err error) error {
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Code != api.CodeCredentialRefused {
		return err
	}
	told := *e
	told.Why = "credential-new"
	return &told
}

// open opens a server with a credential. If want is not empty, the credential goes only to the server with that id, because
// another server may answer at the same address later.
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
	s, err := meet(ctx, client, e, want, progress)
	if err != nil {
		return nil, err
	}
	data, err := b.Profiles.Load(ctx)
	if err != nil && !api.IsCode(err, api.CodeProfileDamaged) {
		return nil, err
	}
	s.Roster = &roster.Reader{
		Users: client, Links: s.Plugin, Now: b.Now, Accepted: func() []string { return s.Entry().AcceptedRisks },
	}
	s.Linker = &link.Linker{
		Client: client, Plugin: s.Plugin, Roster: s.Roster, Journal: b.Journal, ServerID: s.Server.ID, Self: s.User,
		Ports:    data.Settings.Ports,
		Language: b.Language, Now: b.Now,
		Settings: s.settings,
		ClientSecret: func(ctx context.Context, p api.Protocol, name string) (secret.Value, error) {
			return b.clientSecret(ctx, s, p, name)
		},
		Remembered: func(p api.Protocol, name string) []api.Attempt {
			e := s.Entry()
			return e.Way(p, name)
		},
		Remember: func(ctx context.Context, w api.FoundWays) { b.remember(ctx, s, w) },
		Local:    local{b, s},
	}
	return s, nil
}

// meetLimit is how long a server that has started may take for all the answers that say what it is and can. Each answer has
// a limit of its own, but there are about ten.
const meetLimit = time.Minute

// meet waits until a server has started, and learns what it is, whose the credential is, and what the plugin can do.
func meet(
	ctx context.Context, client *jellyfin.Client, e profile.Entry, want string, progress func(api.Progress),
) (*Session, error) {
	if err := client.WaitReady(ctx, progress, ssoplugin.Route); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, meetLimit)
	defer cancel()
	server, err := client.PublicInfo(ctx)
	if err != nil {
		return nil, err
	}
	if !server.WizardCompleted {
		return nil, &api.Error{Code: api.CodeWizardIncomplete, Params: map[string]string{"url": e.URL}}
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
	return &Session{entry: e, Server: server, Client: client, Plugin: plugin, Kind: kind, User: user}, nil
}

// serverChanged returns CodeServerChanged if both ids are known and differ.
func serverChanged(e profile.Entry, want, got string) error {
	if want == "" || got == "" || want == got {
		return nil
	}
	return &api.Error{Code: api.CodeServerChanged, Params: map[string]string{"url": e.URL}}
}

// client returns a client with a profile's stored credential after it has checked that the profile's server answers.
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

// Providers reads the plugin's providers and what their identity providers must allow.
func (s *Session) Providers(ctx context.Context) ([]api.ProviderDetail, error) {
	providers, err := s.Plugin.Providers(ctx)
	if err != nil {
		return nil, err
	}
	return s.Details(api.Roster{Providers: providers}), nil
}

// Details returns a roster's providers with what their identity providers must allow.
func (s *Session) Details(r api.Roster) []api.ProviderDetail {
	details := make([]api.ProviderDetail, 0, len(r.Providers))
	base := s.Client.URL()
	for _, p := range r.Providers {
		settings := s.Linker.Settings(p.Protocol, p.Name)
		details = append(details, api.ProviderDetail{
			Provider: p, Settings: settings, Relay: link.RelayAbility(p),
			AppRedirects:    link.AppRedirects(base, p, settings, link.Ports(0, settings, p, s.Linker.ListenPorts())),
			ServerRedirects: link.ServerRedirects(base, p),
		})
	}
	return details
}

// TestProvider reads an OIDC provider's discovery document from this computer, or checks a SAML provider's certificate in
// the plugin's configuration, and says what the server would refuse of it. Where the plugin tests providers itself, its result
// is there too. An error is part of the result.
func (s *Session) TestProvider(ctx context.Context, p api.Provider) api.ProviderTest {
	test := api.ProviderTest{Facts: []api.Fact{}}
	err := s.testHere(ctx, p, &test)
	there, serverErr := s.Plugin.TestProvider(ctx, p.Protocol, p.Name)
	test.Server = there
	if err == nil && serverErr == nil && there != nil && !there.OK {
		err = &api.Error{
			Code: api.CodeProviderUnreachable, Why: "server-test-failed",
			Params: map[string]string{"provider": p.Name, "said": cmp.Or(there.Message, "–")},
		}
	}
	if err = cmp.Or(err, serverErr); err != nil {
		told, ok := errors.AsType[*api.Error](err)
		if !ok {
			told = &api.Error{Code: api.CodeInternal}
		}
		test.Error = told
	}
	test.OK = test.Error == nil
	return test
}

// testHere is the part of TestProvider that this computer does.
func (s *Session) testHere(ctx context.Context, p api.Provider, test *api.ProviderTest) (err error) {
	switch {
	case !p.Known:
		err = &api.Error{Code: api.CodeForbidden, Why: "provider-hidden"}
	case p.Protocol == api.OIDC:
		client := s.oidcClient(p)
		var told oidcflow.Metadata
		if told, err = client.Inspect(ctx); err == nil {
			test.Facts = told.Facts()
			err = told.ServerRefuses(p)
		}
		if bad, ok := errors.AsType[*oidcflow.CertificateError](err); ok {
			test.Certificate, test.Pinned = &bad.Certificate, bad.Pinned
			err = ofProvider(err, p)
		}
	default:
		test.Facts, err = certificateFacts(p, s.Linker.Now())
	}
	return err
}

// certificateFacts reads a SAML provider's signing certificate. The error says what is wrong with it.
func certificateFacts(p api.Provider, now time.Time) ([]api.Fact, error) {
	facts := []api.Fact{{Name: "Sign-in address", Value: p.Endpoint}, {Name: "Entity id", Value: p.ClientID}}
	cert, err := samlflow.ParseCertificate(p.Certificate)
	if err != nil {
		return facts, err
	}
	facts = append(facts,
		api.Fact{Name: "Certificate of", Value: cert.Subject.String()},
		api.Fact{Name: "Valid until", Value: cert.NotAfter.UTC().Format(time.DateOnly)},
	)
	if key, ok := cert.PublicKey.(*rsa.PublicKey); ok {
		bits := strconv.Itoa(key.Size() * 8)
		facts = append(facts, api.Fact{
			Name: "Key", Why: "rsa-bits", Params: map[string]string{"bits": bits},
		})
	}
	if p.SAML.SecondCertificate != "" {
		second, err := samlflow.ParseCertificate(p.SAML.SecondCertificate)
		if err != nil {
			return facts, err
		}
		facts = append(facts, api.Fact{Name: "Second certificate until", Value: second.NotAfter.UTC().Format(time.DateOnly)})
	}
	if now.After(cert.NotAfter) {
		return facts, &api.Error{
			Code:   api.CodeCertificateExpired,
			Params: map[string]string{"date": cert.NotAfter.UTC().Format(time.DateOnly)},
		}
	}
	return facts, nil
}

// Renew opens a session's server with the credential that is stored now. It returns nil if that is the session's own
// credential, or if it is for another server that answers at the address now.
func (b *Backend) Renew(ctx context.Context, s *Session) (*Session, error) {
	if err := b.Refresh(ctx, s); err != nil {
		return nil, err
	}
	e := s.Entry()
	credential, err := b.Credential(ctx, e)
	if err != nil || credential == s.Client.Credential() || e.ServerID != s.Server.ID {
		return nil, err
	}
	return b.open(ctx, e, credential, s.Server.ID, nil)
}
