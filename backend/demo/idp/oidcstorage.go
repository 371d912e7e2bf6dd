package idp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

var (
	errUnknownClient  = errors.New("the client is not known")
	errUnknownSignIn  = errors.New("the sign-in is over or was never begun")
	errUnknownCode    = errors.New("the code is over or was never given")
	errUnknownToken   = errors.New("the token is over or was never given")
	errUnknownPerson  = errors.New("nobody has that subject")
	errNotOffered     = errors.New("the demo provider does not offer this")
	errWrongSecret    = errors.New("the client's secret is wrong")
	errSubjectRepeats = errors.New("two people have the same login or subject")
)

// storage is what op keeps its state in: all of it in memory. It implements op.Storage; what op can do and the demo does
// not need (refresh tokens, JWT grants, revocation, introspection) is refused.
type storage struct {
	now     func() time.Time
	people  []Person
	clients map[string]*client
	key     signingKey

	requests *pending[*authRequest]
	codes    *pending[string] // code to request id
	tokens   *pending[token]
	devices  devices
}

// token is what an access token opens at the userinfo endpoint.
type token struct {
	subject string
	scopes  []string
}

func newStorage(people []Person, clients map[string]*client, now func() time.Time) (*storage, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	return &storage{
		now: now, people: people, clients: clients,
		key:      signingKey{id: rand.Text(), private: key},
		requests: newPending[*authRequest](now, pendingLife),
		codes:    newPending[string](now, pendingLife),
		tokens:   newPending[token](now, accessTokenLife),
	}, nil
}

func (s *storage) bySubject(subject string) (Person, bool) {
	for _, p := range s.people {
		if p.Subject == subject {
			return p, true
		}
	}
	return Person{}, false
}

// authRequest is a sign-in under way. It implements op.AuthRequest. subject and authTime are set before it is stored
// again as done, never while op reads it.
type authRequest struct {
	id       string
	asked    oidc.AuthRequest
	subject  string
	authTime time.Time
}

func (a *authRequest) GetID() string                      { return a.id }
func (a *authRequest) GetACR() string                     { return "" }
func (a *authRequest) GetAMR() []string                   { return nil }
func (a *authRequest) GetAudience() []string              { return []string{a.asked.ClientID} }
func (a *authRequest) GetAuthTime() time.Time             { return a.authTime }
func (a *authRequest) GetClientID() string                { return a.asked.ClientID }
func (a *authRequest) GetNonce() string                   { return a.asked.Nonce }
func (a *authRequest) GetRedirectURI() string             { return a.asked.RedirectURI }
func (a *authRequest) GetResponseType() oidc.ResponseType { return a.asked.ResponseType }
func (a *authRequest) GetResponseMode() oidc.ResponseMode { return a.asked.ResponseMode }
func (a *authRequest) GetScopes() []string                { return a.asked.Scopes }
func (a *authRequest) GetState() string                   { return a.asked.State }
func (a *authRequest) GetSubject() string                 { return a.subject }
func (a *authRequest) Done() bool                         { return a.subject != "" }

func (a *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: a.asked.CodeChallenge, Method: a.asked.CodeChallengeMethod}
}

// CreateAuthRequest begins a sign-in.
func (s *storage) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	request := &authRequest{id: rand.Text(), asked: *asked}
	s.requests.put(request.id, request)
	return request, nil
}

// finish records who signed in.
func (s *storage) finish(request *authRequest, p Person) {
	done := *request
	done.subject, done.authTime = p.Subject, s.now()
	s.requests.put(done.id, &done)
}

// AuthRequestByID returns a sign-in under way.
func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	request, ok := s.requests.get(id)
	if !ok {
		return nil, errUnknownSignIn
	}
	return request, nil
}

// AuthRequestByCode returns the sign-in of a code, once: RFC 6749 section 4.1.2 forbids a second use, so the first use
// burns the code, even when op then refuses it.
func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	id, ok := s.codes.take(code)
	if !ok {
		return nil, errUnknownCode
	}
	return s.AuthRequestByID(ctx, id)
}

// SaveAuthCode keeps a code until it is redeemed.
func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.codes.put(code, id)
	return nil
}

// DeleteAuthRequest ends a sign-in.
func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.requests.take(id)
	return nil
}

// CreateAccessToken makes a token for the userinfo endpoint.
func (s *storage) CreateAccessToken(_ context.Context, request op.TokenRequest) (string, time.Time, error) {
	switch request.(type) {
	case *authRequest, *op.DeviceAuthorizationState:
		return s.tokens.add(token{request.GetSubject(), request.GetScopes()}), s.now().Add(accessTokenLife), nil
	}
	return "", time.Time{}, oidc.ErrUnsupportedGrantType()
}

// CreateAccessAndRefreshTokens is refused: there are no refresh tokens here.
func (s *storage) CreateAccessAndRefreshTokens(
	context.Context, op.TokenRequest, string,
) (string, string, time.Time, error) {
	return "", "", time.Time{}, oidc.ErrUnsupportedGrantType()
}

// TokenRequestByRefreshToken is refused: there are no refresh tokens here.
func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}

// GetRefreshTokenInfo says that nothing is a refresh token.
func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

// TerminateSession has nothing to end: nobody stays signed in.
func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

// RevokeToken is refused: there is no such endpoint here.
func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return oidc.ErrInvalidRequest().WithParent(errNotOffered)
}

// signingKey is the key of the ID tokens. It implements op.SigningKey.
type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
}

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Key() any                                    { return k.private }
func (k signingKey) ID() string                                  { return k.id }

// publicKey is its public half. It implements op.Key.
type publicKey struct{ signingKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k publicKey) Use() string                        { return oidc.KeyUseSignature }
func (k publicKey) Key() any                           { return &k.private.PublicKey }

// SigningKey returns the key of the ID tokens.
func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

// SignatureAlgorithms returns the ID tokens' algorithms.
func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

// KeySet returns the public keys.
func (s *storage) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{s.key}}, nil }

// GetClientByClientID returns a registered client.
func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	c, ok := s.clients[id]
	if !ok {
		return nil, errUnknownClient
	}
	return c, nil
}

// AuthorizeClientIDSecret checks a confidential client's secret.
func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, given string) error {
	c, ok := s.clients[id]
	if !ok {
		return errUnknownClient
	}
	if c.secret.IsZero() || subtle.ConstantTimeCompare([]byte(c.secret.Reveal()), []byte(given)) != 1 {
		return errWrongSecret
	}
	return nil
}

// SetUserinfoFromScopes does nothing: op calls SetUserinfoFromRequest after it.
func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromRequest fills the claims of an ID token.
func (s *storage) SetUserinfoFromRequest(
	_ context.Context, info *oidc.UserInfo, request op.IDTokenRequest, scopes []string,
) error {
	return s.claims(info, request.GetSubject(), scopes)
}

// SetUserinfoFromToken fills the userinfo answer.
func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, id, _, _ string) error {
	t, ok := s.tokens.get(id)
	if !ok {
		return errUnknownToken
	}
	return s.claims(info, t.subject, t.scopes)
}

// SetIntrospectionFromToken is refused: there is no such endpoint here.
func (s *storage) SetIntrospectionFromToken(
	context.Context, *oidc.IntrospectionResponse, string, string, string,
) error {
	return errNotOffered
}

// claims fills in what the scopes allow (OpenID Connect Core section 5.4).
func (s *storage) claims(info *oidc.UserInfo, subject string, scopes []string) error {
	p, ok := s.bySubject(subject)
	if !ok {
		return errUnknownPerson
	}
	for _, scope := range scopes {
		switch scope {
		case oidc.ScopeOpenID:
			info.Subject = p.Subject
		case oidc.ScopeProfile:
			info.PreferredUsername, info.Name = p.Login, p.Name
		case oidc.ScopeEmail:
			info.Email, info.EmailVerified = p.Email, p.Email != ""
		}
	}
	p.override(info, scopes)
	return nil
}

// GetPrivateClaimsFromScopes adds none.
func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return map[string]any{}, nil
}

// GetKeyByIDAndClientID is refused: no client signs anything here.
func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotOffered
}

// ValidateJWTProfileScopes is refused: there is no JWT grant here.
func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotOffered
}

// Health is always good.
func (s *storage) Health(context.Context) error { return nil }
