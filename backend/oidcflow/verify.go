package oidcflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
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
	ctx = oidc.ClientContext(ctx, p.http)
	keys := &watchedKeys{KeySet: oidc.NewRemoteKeySet(ctx, p.meta.JWKSURI)}
	id, err := oidc.NewVerifier(p.meta.Issuer, keys, &oidc.Config{
		ClientID: p.client.ClientID, SkipExpiryCheck: true, Now: p.now, SupportedSigningAlgs: p.meta.algorithms(),
	}).Verify(ctx, raw)
	if err != nil {
		return nil, p.askError(ctx, errors.Join(err, keys.err), "the ID token's signature, issuer or audience is wrong")
	}
	var c struct {
		AuthorizedParty *string      `json:"azp"`
		NotBefore       *json.Number `json:"nbf"`
		IssuedAt        *json.Number `json:"iat"`
	}
	if err := id.Claims(&c); err != nil {
		return nil, invalid("the ID token's claims cannot be read")
	}
	switch {
	case id.Subject == "":
		return nil, invalid("the ID token names no subject")
	case len(id.Audience) > 1 && c.AuthorizedParty == nil,
		c.AuthorizedParty != nil && *c.AuthorizedParty != p.client.ClientID:
		return nil, invalid("the ID token was made for another client")
	case id.Nonce != nonce.Reveal():
		return nil, invalid("the ID token belongs to another sign-in: its nonce differs")
	}
	now := p.now()
	if id.Expiry.IsZero() || now.After(id.Expiry.Add(skew)) {
		return nil, clocks("the ID token ran out at %s, and here it is %s", id.Expiry, now)
	}
	begins := []time.Time{}
	for _, n := range []*json.Number{c.IssuedAt, c.NotBefore} {
		if n == nil {
			continue
		}
		seconds, err := n.Float64()
		if err != nil || math.Abs(seconds) > farthest {
			return nil, invalid("the ID token's times cannot be read")
		}
		begins = append(begins, time.Unix(int64(seconds), 0))
	}
	if c.IssuedAt == nil {
		return nil, invalid("the ID token does not say when it was made")
	}
	if latest := slices.MaxFunc(begins, time.Time.Compare); latest.After(now.Add(skew)) {
		return nil, clocks("the ID token begins at %s, and here it is %s", latest, now)
	}
	return id, nil
}

// watchedKeys keeps the error of the key set, which go-oidc does not wrap: a key set that cannot be reached is not a wrong
// signature.
type watchedKeys struct {
	oidc.KeySet
	err error
}

// VerifySignature implements oidc.KeySet.
func (k *watchedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	k.err = err
	return payload, err
}

func invalid(why string) *api.Error {
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "answer",
		Sentence: "The identity provider's answer was refused: " + why + ".",
		Hint:     "Start again. If it happens again, the provider's settings are wrong, or somebody interferes.",
		Params:   map[string]string{"why": why},
		Err:      errors.New("checking the sign-in: " + why),
	}
}

func clocks(format string, theirs, ours time.Time) error {
	const form = time.RFC3339
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "answer-time",
		Sentence: "The identity provider's answer was refused: " +
			fmt.Sprintf(format, theirs.UTC().Format(form), ours.UTC().Format(form)) + ".",
		Hint: "The clocks of this computer and of the identity provider differ. Set both by the network.",
		Params: map[string]string{
			"provider": theirs.UTC().Format(form), "here": ours.UTC().Format(form),
		},
	}
}
