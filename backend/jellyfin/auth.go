package jellyfin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

// SignedIn is the outcome of a sign-in: whose account it opened, and the access token.
type SignedIn struct {
	User  api.User
	Token secret.Value
}

type wireSignIn struct {
	User        wireUser `json:"User"`
	AccessToken string   `json:"AccessToken"`
}

func (w *wireSignIn) signedIn() (SignedIn, bool) {
	if w.AccessToken == "" || !w.User.usable() {
		return SignedIn{}, false
	}
	return SignedIn{User: w.User.user(), Token: secret.New(w.AccessToken)}, true
}

// DecodeSignIn reads Jellyfin's authentication result, which the plugin's sign-in answers too.
func (c *Client) DecodeSignIn(res *Response) (SignedIn, error) {
	if err := res.Err(); err != nil {
		return SignedIn{}, err
	}
	var w wireSignIn
	if err := json.Unmarshal(res.Body, &w); err != nil {
		return SignedIn{}, c.notJSON(res, err)
	}
	in, ok := w.signedIn()
	if !ok {
		return SignedIn{}, c.answerError("no-sign-in", nil)
	}
	return in, nil
}

// SignIn signs in with name and password. A wrong one is CodeCredentialRefused, an account that may not sign in
// CodeAccountDisabled. The server ends the earlier token of this device id and user, so the new one must be kept.
func (c *Client) SignIn(ctx context.Context, name string, password secret.Value) (SignedIn, error) {
	res, err := c.Do(ctx, Request{
		Method: http.MethodPost, Path: "/Users/AuthenticateByName", Anonymous: true,
		JSON: map[string]string{"Username": name, "Pw": password.Reveal()},
	})
	if err != nil {
		return SignedIn{}, err
	}
	return c.signInAnswer(res, &api.Error{Code: api.CodeCredentialRefused, Why: "password"})
}

// signInAnswer reads the answer to a sign-in; refused is what 401 means there.
func (c *Client) signInAnswer(res *Response, refused *api.Error) (SignedIn, error) {
	switch res.Status {
	case http.StatusUnauthorized:
		refused.Err = &StatusError{Status: res.Status}
		return SignedIn{}, refused
	case http.StatusForbidden:
		return SignedIn{}, &api.Error{Code: api.CodeAccountDisabled, Err: &StatusError{Status: res.Status}}
	}
	return c.DecodeSignIn(res)
}

// QuickConnect is a sign-in that waits for somebody to type its code on a device that is signed in.
type QuickConnect struct {
	// Code is to be shown.
	Code   string
	Secret secret.Value
	// Pace is the time between two looks; 0 means 2 s.
	Pace time.Duration
}

// quickConnectLife is how long to wait for an approval. The server forgets a code after ten minutes.
const quickConnectLife = 10*time.Minute + 30*time.Second

// QuickConnectEnabled reports whether Quick Connect is switched on.
func (c *Client) QuickConnectEnabled(ctx context.Context) (bool, error) {
	var on bool
	err := c.JSON(ctx, Request{Path: "/QuickConnect/Enabled", Anonymous: true}, &on)
	return on, err
}

// StartQuickConnect asks for a code. It is CodeQuickConnectOff where Quick Connect is switched off.
func (c *Client) StartQuickConnect(ctx context.Context) (QuickConnect, error) {
	var w struct {
		Secret string `json:"Secret"`
		Code   string `json:"Code"`
	}
	err := c.JSON(ctx, Request{Method: http.MethodPost, Path: "/QuickConnect/Initiate", Anonymous: true}, &w)
	if StatusOf(err) == http.StatusUnauthorized {
		return QuickConnect{}, &api.Error{Code: api.CodeQuickConnectOff, Err: err}
	}
	if err != nil {
		return QuickConnect{}, err
	}
	if w.Secret == "" || w.Code == "" {
		return QuickConnect{}, c.answerError("no-code", nil)
	}
	return QuickConnect{Code: w.Code, Secret: secret.New(w.Secret)}, nil
}

// AwaitQuickConnect waits until the code is approved, and signs in. A code that the server has forgotten, or that nobody
// approved in ten minutes, is CodeQuickConnectExpired; the end of ctx is CodeCancelled. A server that is away for a
// moment does not end the wait.
func (c *Client) AwaitQuickConnect(ctx context.Context, q QuickConnect) (SignedIn, error) {
	const mostFailures = 5
	pace := q.Pace
	if pace <= 0 {
		pace = 2 * time.Second
	}
	deadline := time.NewTimer(quickConnectLife)
	defer deadline.Stop()
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for failures := 0; ; {
		var w struct {
			Authenticated bool `json:"Authenticated"`
		}
		err := c.JSON(ctx, Request{
			Path: "/QuickConnect/Connect", Query: url.Values{"secret": {q.Secret.Reveal()}}, Anonymous: true,
		}, &w)
		switch {
		case StatusOf(err) == http.StatusNotFound:
			return SignedIn{}, quickConnectExpired(err)
		case err == nil && w.Authenticated:
			return c.exchangeQuickConnect(ctx, q)
		case err == nil:
			failures = 0
		default:
			if failures++; failures >= mostFailures || !passing(err) {
				return SignedIn{}, err
			}
		}
		select {
		case <-ctx.Done():
			return SignedIn{}, contextError(c.base.Host, ctx.Err())
		case <-deadline.C:
			return SignedIn{}, quickConnectExpired(nil)
		case <-ticker.C:
		}
	}
}

// passing reports whether a failure may be over in a moment.
func passing(err error) bool {
	switch api.CodeOf(err) { //nolint:exhaustive // all others stay
	case api.CodeServerUnreachable, api.CodeServerStarting, api.CodeTimeout, api.CodeRateLimited:
		return true
	}
	return false
}

func (c *Client) exchangeQuickConnect(ctx context.Context, q QuickConnect) (SignedIn, error) {
	res, err := c.Do(ctx, Request{
		Method: http.MethodPost, Path: "/Users/AuthenticateWithQuickConnect", Anonymous: true,
		JSON: map[string]string{"Secret": q.Secret.Reveal()},
	})
	if err != nil {
		return SignedIn{}, err
	}
	if res.Status == http.StatusNotFound {
		return SignedIn{}, quickConnectExpired(&StatusError{Status: res.Status})
	}
	return c.signInAnswer(res, &api.Error{Code: api.CodeCredentialRefused, Why: "quick-connect"})
}

func quickConnectExpired(cause error) error {
	return &api.Error{Code: api.CodeQuickConnectExpired, Err: cause}
}

// SignOut ends the access token at the server. A token that the server no longer knows is no error.
func (c *Client) SignOut(ctx context.Context) error {
	err := c.JSON(ctx, Request{Method: http.MethodPost, Path: "/Sessions/Logout"}, nil)
	if StatusOf(err) == http.StatusUnauthorized {
		return nil
	}
	return err
}

// Identify tells what kind of credential the client has, and whose account an access token belongs to. One that the
// server does not accept is CodeCredentialRefused.
func (c *Client) Identify(ctx context.Context) (api.CredentialKind, *api.User, error) {
	if c.opts.Credential.IsZero() {
		return api.CredentialNone, nil, nil
	}
	me, err := c.Me(ctx)
	switch {
	case err == nil && me.Administrator:
		return api.CredentialAdmin, &me, nil
	case err == nil:
		return api.CredentialUser, &me, nil
	case StatusOf(err) != http.StatusBadRequest:
		return api.CredentialNone, nil, err
	}
	// 400 is what an API key gets, for it has no account. A route that takes administrators and keys only confirms it.
	if _, err := c.keys(ctx); err != nil {
		return api.CredentialNone, nil, err
	}
	return api.CredentialKey, nil, nil
}

type wireKey struct {
	AccessToken string `json:"AccessToken"`
	AppName     string `json:"AppName"`
	DateCreated stamp  `json:"DateCreated"`
}

func (k wireKey) tail() string { return k.AccessToken[max(0, len(k.AccessToken)-4):] }

func (c *Client) keys(ctx context.Context) ([]wireKey, error) {
	var w struct {
		Items []wireKey `json:"Items"`
	}
	err := c.JSON(ctx, Request{Path: "/Auth/Keys"}, &w)
	return w.Items, err
}

// Keys lists the server's API keys, without their values. It needs an administrator's credential.
func (c *Client) Keys(ctx context.Context) ([]api.APIKey, error) {
	wire, err := c.keys(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]api.APIKey, len(wire))
	for i, w := range wire {
		keys[i] = api.APIKey{
			App: w.AppName, Created: w.DateCreated.Time, Tail: w.tail(), Own: w.AccessToken == c.opts.Credential.Reveal(),
		}
	}
	return keys, nil
}

// CreateKey makes an API key and returns it. The server answers the creation without the key, so that it is found by
// comparing the list before and after. When somebody else makes a key of the same name between the two lists, nothing
// tells which one is whose; then neither is taken, and another one is made. The one left over stays in the list: it
// cannot be told from the other's, which must not be revoked.
//
// When ctx ends, the request that makes the key is not torn, for nobody would know whether there is one. The key is looked
// for all the same, and revoked.
func (c *Client) CreateKey(ctx context.Context, app string) (secret.Value, error) {
	c.making.Lock()
	defer c.making.Unlock()
	late, done := outlive(ctx)
	defer done()
	const tries = 3
	for range tries {
		before, err := c.keys(ctx)
		if err != nil {
			return secret.Value{}, err
		}
		fresh, err := c.makeKey(late, app, before)
		if ctx.Err() != nil {
			return secret.Value{}, c.unmakeKey(late, fresh, contextError(c.base.Host, ctx.Err()), err)
		}
		if err != nil {
			return secret.Value{}, err
		}
		switch len(fresh) {
		case 0:
			return secret.Value{}, c.answerError("no-key", nil)
		case 1:
			return secret.New(fresh[0].AccessToken), nil
		}
	}
	return secret.Value{}, &api.Error{
		Code: api.CodeServerRefused, Why: "keys-alike",
		Params: map[string]string{"host": c.base.Host},
	}
}

// outlive returns a context that ends a few seconds after ctx does, for what must not be left half done.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	const grace = 10 * time.Second
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return late, func() { stop(); cancel() }
}

// makeKey makes an API key, and returns the keys of that name that were not there before.
func (c *Client) makeKey(ctx context.Context, app string, before []wireKey) ([]wireKey, error) {
	err := c.JSON(ctx, Request{Method: http.MethodPost, Path: "/Auth/Keys", Query: url.Values{"app": {app}}}, nil)
	if err != nil {
		return nil, err
	}
	after, err := c.keys(ctx)
	if err != nil {
		return nil, &api.Error{Code: api.CodeOf(err), Why: "key-unlisted", Err: err}
	}
	return slices.DeleteFunc(after, func(k wireKey) bool {
		return k.AppName != app || k.AccessToken == "" ||
			slices.ContainsFunc(before, func(b wireKey) bool { return b.AccessToken == k.AccessToken })
	}), nil
}

// unmakeKey revokes the key that was made for somebody who has cancelled, and returns cancelled, or what to look after.
func (c *Client) unmakeKey(ctx context.Context, fresh []wireKey, cancelled, err error) error {
	if err == nil && len(fresh) == 1 {
		err = c.RevokeKey(ctx, secret.New(fresh[0].AccessToken))
	}
	if err == nil && len(fresh) <= 1 {
		return cancelled
	}
	return &api.Error{Code: api.CodeOf(cancelled), Why: "key-left", Err: errors.Join(cancelled, err)}
}

// RevokeKey revokes an API key. One that the server no longer has is no error.
func (c *Client) RevokeKey(ctx context.Context, key secret.Value) error {
	if key.IsZero() {
		return &api.Error{Code: api.CodeInternal, Err: errors.New("no key to revoke")}
	}
	return c.JSON(ctx, Request{
		Method: http.MethodDelete, Path: "/Auth/Keys/" + url.PathEscape(key.Reveal()), Idempotent: true,
	}, nil)
}

// RevokeKeyByTail revokes the one API key with that name whose value ends in tail, as Keys lists it. No such key, or
// more than one, is CodeUsage.
func (c *Client) RevokeKeyByTail(ctx context.Context, app, tail string) error {
	keys, err := c.keys(ctx)
	if err != nil {
		return err
	}
	keys = slices.DeleteFunc(keys, func(k wireKey) bool { return k.AppName != app || !strings.EqualFold(k.tail(), tail) })
	if len(keys) == 1 {
		return c.RevokeKey(ctx, secret.New(keys[0].AccessToken))
	}
	return &api.Error{Code: api.CodeUsage, Why: "no-such-key", Params: map[string]string{"app": app, "tail": tail}}
}
