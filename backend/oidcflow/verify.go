package oidcflow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

// skew is how far this computer's clock and the provider's may be apart.
const skew = 2 * time.Minute

// farthest is a number of seconds beyond every date, and well within an int64: what a larger one becomes is undefined.
const farthest = 1 << 40

// verify checks an ID token (OpenID Connect Core 1.0, section 3.1.3.7): go-oidc the signature by one of the provider's keys
// and an asymmetric algorithm, the issuer and the audience; here the authorized party, the nonce, and the times with skew,
// which go-oidc does not allow for. Without a nonce of ours, a token that has one belongs to another sign-in.
func (p *provider) verify(ctx context.Context, raw string, nonce secret.Value) (*oidc.IDToken, error) {
	keys := p.keys(ctx)
	id, err := oidc.NewVerifier(p.meta.Issuer, keys, &oidc.Config{
		ClientID: p.client.ClientID, SkipExpiryCheck: true, Now: p.now, SupportedSigningAlgs: p.meta.algorithms(),
	}).Verify(ctx, raw)
	var c idClaims
	if keys.payload != nil { // first, because go-oidc does not say which claim it could not read
		if err := c.read(keys.payload); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, p.askError(ctx, errors.Join(err, keys.err), "id-token-wrong")
	}
	switch {
	case id.Subject == "":
		return nil, invalid("id-token-nameless")
	case len(id.Audience) > 1 && c.AuthorizedParty == nil,
		c.AuthorizedParty != nil && *c.AuthorizedParty != p.client.ClientID:
		return nil, invalid("other-client")
	case id.Nonce != nonce.Reveal():
		return nil, invalid("other-nonce")
	}
	if err := c.check(p.now()); err != nil {
		return nil, err
	}
	return id, nil
}

// idClaims are the claims of an ID token that are checked, with their types (OpenID Connect Core 1.0, section 2).
type idClaims struct {
	Issuer          string   `json:"iss"`
	Subject         string   `json:"sub"`
	Audience        audience `json:"aud"`
	Nonce           string   `json:"nonce"`
	AuthorizedParty *string  `json:"azp"`
	AccessTokenHash string   `json:"at_hash"`
	times
}

func (c *idClaims) read(payload []byte) error {
	err := json.Unmarshal(payload, c)
	wrong, isType := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errDate):
		return invalid("times-unreadable")
	case isType && wrong.Field != "":
		return wrongClaim(wrong.Field)
	}
	return invalid("claims-unreadable")
}

// wrongClaim tells of a claim of another type than OpenID Connect gives it.
func wrongClaim(name string) error {
	return &api.Error{Code: api.CodeSignInInvalid, Why: "answer-field", Params: map[string]string{"field": name}}
}

// audience is one text or a list of them.
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	if json.Unmarshal(b, (*[]string)(a)) != nil {
		return &json.UnmarshalTypeError{Type: reflect.TypeFor[audience]()}
	}
	return nil
}

// times are an ID token's.
type times struct {
	Expiry    *numericDate `json:"exp"`
	NotBefore *numericDate `json:"nbf"`
	IssuedAt  *numericDate `json:"iat"`
}

// check allows for skew against our clock, but not between the token's own times: one clock has written them all.
func (t times) check(now time.Time) error {
	var expiry time.Time
	if t.Expiry != nil {
		expiry = t.Expiry.Time
	}
	if expiry.IsZero() || now.After(expiry.Add(skew)) {
		return clocks(expiry, now)
	}
	if t.IssuedAt == nil {
		return invalid("undated")
	}
	latest := t.IssuedAt.Time
	if t.NotBefore != nil && t.NotBefore.After(latest) {
		latest = t.NotBefore.Time
	}
	switch {
	case latest.After(now.Add(skew)):
		return clocks(latest, now)
	case !expiry.After(latest):
		return invalid("ends-before-begin")
	}
	return nil
}

// numericDate is a time in a token, a JSON number of seconds (RFC 7519, section 2). encoding/json would take one in quotes too.
type numericDate struct{ time.Time }

var errDate = errors.New("not a numeric date")

// UnmarshalJSON implements json.Unmarshaler.
func (n *numericDate) UnmarshalJSON(b []byte) error {
	seconds, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.Abs(seconds) > farthest {
		return errDate
	}
	n.Time = time.Unix(int64(seconds), 0)
	return nil
}

// watchedKeys verifies JWTs by the provider's keys. It keeps the error of the key set, which go-oidc does not wrap: a key set
// that cannot be reached is not a wrong signature.
type watchedKeys struct {
	oidc.KeySet
	payload []byte // of the JWT that was verified
	err     error
}

// VerifySignature implements oidc.KeySet.
func (k *watchedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	if err := plainJWT(jwt); err != nil {
		return nil, err
	}
	k.payload, k.err = k.KeySet.VerifySignature(ctx, jwt)
	return k.payload, k.err
}

// keys are the provider's keys.
func (p *provider) keys(ctx context.Context) *watchedKeys {
	return &watchedKeys{KeySet: oidc.NewRemoteKeySet(oidc.ClientContext(ctx, p.http), p.meta.JWKSURI)}
}

// plainJWT refuses what go-jose takes and no JWT is: another form than the compact one (RFC 7519, section 1), and a
// payload that is not encoded (RFC 7797, section 7).
func plainJWT(jwt string) error {
	encoded, _, _ := strings.Cut(jwt, ".")
	header, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return errors.New("not a JWT in its compact form")
	}
	var h map[string]json.RawMessage
	if err := json.Unmarshal(header, &h); err != nil {
		return errors.New("a JWT without a header")
	}
	if _, ok := h["b64"]; ok {
		return errors.New("a JWT with the header b64")
	}
	return nil
}

func invalid(why string) *api.Error {
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "answer",
		Params: map[string]string{"why": why},
		Err:    errors.New("checking the sign-in: " + why),
	}
}

func clocks(theirs, ours time.Time) error {
	const form = time.RFC3339
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "answer-time",
		Params: map[string]string{
			"provider": theirs.UTC().Format(form), "here": ours.UTC().Format(form),
		},
	}
}
