package backend

import (
	"context"
	"errors"
	"maps"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/tlspin"
)

// oidcClient returns a client that reads what a provider publishes, with the certificate that the person trusts.
func (s *Session) oidcClient(p api.Provider) oidcflow.Client {
	return oidcflow.Client{
		Issuer: p.Endpoint, AcceptPublishedIssuer: p.OIDC.AnyIssuer, PinnedSHA256: s.settings(p.Protocol, p.Name).PinnedSHA256,
	}
}

// ProviderCertificate returns an OIDC provider's TLS certificate if the system's authorities do not trust it, and nil if they
// do.
func (s *Session) ProviderCertificate(ctx context.Context, p api.Provider) (*api.Certificate, error) {
	if err := hasTLS(p); err != nil {
		return nil, err
	}
	client := s.oidcClient(p)
	client.PinnedSHA256 = ""
	_, err := client.Discover(ctx)
	if bad, ok := errors.AsType[*oidcflow.CertificateError](err); ok {
		return &bad.Certificate, nil
	}
	return nil, err
}

// TrustProvider trusts exactly one TLS certificate for an OIDC provider, by its SHA-256 fingerprint, after the provider has
// shown it. An empty fingerprint trusts the system's authorities again.
//
// Errors: CodeUsage for a fingerprint that is none and a provider without TLS; CodeCertificateChanged if the provider shows
// another certificate; CodeProviderUnreachable.
func (b *Backend) TrustProvider(ctx context.Context, s *Session, p api.Provider, sha256 string) (api.ProviderSettings, error) {
	if sha256 != "" {
		var err error
		if sha256, err = tlspin.Parse(sha256); err != nil {
			return api.ProviderSettings{}, err
		}
		if err := hasTLS(p); err != nil {
			return api.ProviderSettings{}, err
		}
		client := s.oidcClient(p)
		client.PinnedSHA256 = sha256
		if _, err := client.Discover(ctx); err != nil {
			return api.ProviderSettings{}, ofProvider(err, p)
		}
	}
	pin := func(o *api.ProviderSettings) { o.PinnedSHA256 = sha256 }
	now, err := b.SetProvider(ctx, s.Entry().Name, p.Protocol, p.Name, pin, nil)
	if err != nil {
		return now, err
	}
	return now, b.Refresh(ctx, s)
}

// hasTLS refuses a provider to which Jellybind makes no TLS connection: nothing is asked of a SAML provider.
func hasTLS(p api.Provider) error {
	switch {
	case !p.Known:
		return &api.Error{Code: api.CodeForbidden, Why: "provider-hidden"}
	case p.Protocol != api.OIDC:
		return &api.Error{Code: api.CodeUsage, Why: "trust-protocol", Params: map[string]string{"provider": p.Name}}
	}
	return nil
}

// ofProvider names the provider in an error about its certificate.
func ofProvider(err error, p api.Provider) error {
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Code != api.CodeCertificateUntrusted && e.Code != api.CodeCertificateChanged {
		return err
	}
	named := *e
	named.Params = maps.Clone(e.Params)
	named.Params["provider"] = p.Name
	return &named
}
