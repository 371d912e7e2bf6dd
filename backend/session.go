package backend

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/tlspin"
)

// KeyApp is the name of the API keys that Jellybind makes.
const KeyApp = "Jellybind"

// Providers reads the plugin's providers, with what their identity providers must allow.
func (s *Session) Providers(ctx context.Context) ([]api.ProviderDetail, error) {
	snap, err := s.Plugin.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the providers: %w", err)
	}
	return s.Details(api.Roster{Providers: snap.Providers}), nil
}

// Details adds to a roster's providers what their identity providers must allow.
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

// TestProvider asks an identity provider itself, from this computer: an OIDC one for its discovery document, a SAML one's
// certificate is read from the plugin's configuration. What is wrong stands in the result.
func (s *Session) TestProvider(ctx context.Context, p api.Provider) api.ProviderTest {
	test := api.ProviderTest{Facts: []api.Fact{}}
	var err error
	switch {
	case !p.Known:
		err = &api.Error{
			Code: api.CodeForbidden, Why: "provider-hidden", Sentence: "Your account may not read where this provider is.",
			Hint: "Sign in as an administrator: jellybind auth login",
		}
	case p.Protocol == api.OIDC:
		var told oidcflow.Metadata
		if told, err = oidcflow.Discover(ctx, p.Endpoint); err == nil {
			test.Facts = told.Facts()
		}
	default:
		test.Facts, err = certificateFacts(p, s.Linker.Now())
	}
	if err != nil {
		told, ok := errors.AsType[*api.Error](err)
		if !ok {
			told = &api.Error{Code: api.CodeInternal, Sentence: err.Error()}
		}
		test.Error = told
	}
	test.OK = test.Error == nil
	return test
}

// certificateFacts reads a SAML provider's signing certificate and says what is wrong with it.
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
			Name: "Key", Value: "RSA, " + bits + " bits", Why: "rsa-bits", Params: map[string]string{"bits": bits},
		})
	}
	if now.After(cert.NotAfter) {
		return facts, &api.Error{
			Code:     api.CodeCertificateExpired,
			Sentence: "The provider's certificate expired on " + cert.NotAfter.UTC().Format(time.DateOnly) + ".",
			Hint:     "Put the identity provider's current signing certificate into the plugin's settings.",
			Params:   map[string]string{"date": cert.NotAfter.UTC().Format(time.DateOnly)},
		}
	}
	return facts, nil
}

// Certificate returns the certificate that a server shows and that nobody known vouches for, or nil when the system's
// authorities do.
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

// CreateKey makes an API key named Jellybind. With use, it takes the token's place: it is stored in the keyring, and the
// token is ended.
func (b *Backend) CreateKey(ctx context.Context, s *Session, use bool) error {
	key, err := s.Client.CreateKey(ctx, KeyApp)
	if err != nil || !use {
		return err
	}
	if _, _, err := b.login(ctx, s.entry(), jellyfin.SignedIn{Token: key}, false); err != nil {
		return errors.Join(err, s.Client.RevokeKey(context.WithoutCancel(ctx), key))
	}
	if s.User == nil {
		return nil
	}
	if err := s.Client.SignOut(context.WithoutCancel(ctx)); err != nil {
		return stillOpen("token-key", "The API key is in the keyring and used from now on instead of the token", err)
	}
	return nil
}
