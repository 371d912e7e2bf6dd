package window

import (
	"context"
	"strings"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

// Providers returns the open server's providers. The first call returns those that were read ahead with the roster.
func (w *Window) Providers(ctx context.Context) ([]api.ProviderDetail, error) {
	if o := w.server.prefetchedProviders(); o != nil {
		ix, err := o.wait(ctx)
		if s, _, _ := w.current(); err == nil && s == o.session {
			return s.Details(ix.Roster()), nil
		}
	}
	return read(ctx, w, func(s *backend.Session) ([]api.ProviderDetail, error) { return s.Providers(ctx) })
}

// TestProvider asks an identity provider itself.
func (w *Window) TestProvider(ctx context.Context, protocol api.Protocol, name string) (api.ProviderTest, error) {
	return read(ctx, w, func(s *backend.Session) (api.ProviderTest, error) {
		p, err := s.Plugin.Provider(ctx, protocol, name)
		if err != nil {
			return api.ProviderTest{}, err
		}
		return s.TestProvider(ctx, p), nil
	})
}

// TrustProvider trusts exactly one TLS certificate for an identity provider, which the person has compared, and tests the
// provider with it.
func (w *Window) TrustProvider(ctx context.Context, protocol api.Protocol, name, sha256 string) (api.ProviderTest, error) {
	s, b, err := w.current()
	if err != nil {
		return api.ProviderTest{}, err
	}
	if err := b.Refresh(ctx, s); err != nil { // the command line may have renamed the profile
		return api.ProviderTest{}, err
	}
	p, err := s.Plugin.Provider(ctx, protocol, name)
	if err != nil {
		return api.ProviderTest{}, err
	}
	if _, err := b.TrustProvider(ctx, s, p, sha256); err != nil {
		return api.ProviderTest{}, err
	}
	return s.TestProvider(ctx, p), nil
}

// SaveProviderSettings stores what the app needs to know of a provider.
func (w *Window) SaveProviderSettings(ctx context.Context, settings api.ProviderSettings) error {
	return w.setProvider(ctx, settings.Protocol, settings.Provider, func(s *api.ProviderSettings) { *s = settings }, nil)
}

// SaveProviderSecret puts a client secret into the keyring; an empty one removes it.
func (w *Window) SaveProviderSecret(ctx context.Context, protocol api.Protocol, name, clientSecret string) error {
	v := secret.New(strings.TrimSpace(clientSecret))
	return w.setProvider(ctx, protocol, name, func(*api.ProviderSettings) {}, &v)
}

func (w *Window) setProvider(
	ctx context.Context, protocol api.Protocol, name string, change func(*api.ProviderSettings), clientSecret *secret.Value,
) error {
	s, b, err := w.current()
	if err != nil {
		return err
	}
	// The command line may have renamed the profile.
	if err := b.Refresh(ctx, s); err != nil {
		return err
	}
	if _, err := b.SetProvider(ctx, s.Entry().Name, protocol, name, change, clientSecret); err != nil {
		return err
	}
	return b.Refresh(ctx, s)
}

// SelfService returns what an administrator gives to people who link their own accounts.
func (w *Window) SelfService(context.Context) (api.SelfService, error) {
	s, _, err := w.current()
	if err != nil {
		return api.SelfService{}, err
	}
	return backend.SelfService(s.Entry().URL, nil)
}
