package ssoplugin

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/samlmsg"
	"github.com/jellybind/jellybind/backend/secret"
)

// Callback is the identity provider's answer as the browser brought it to the loopback.
type Callback struct {
	Method string
	// Path is the escaped path of the request.
	Path     string
	RawQuery string
	// Form is the body of a POST.
	Form url.Values
}

// maxPage bounds the page that the plugin answers a callback with, in bytes. It is not looked at: run in a browser it
// would overwrite the web client's credentials and sign in.
const maxPage = 1 << 20

// Relay passes the identity provider's answer on to the plugin, once. It must be the answer to this very sign-in: same
// path, and the same state (OIDC) or an InResponseTo that names the AuthnRequest (SAML). An answer that fails this is
// refused without using the sign-in up. After one answer has passed, the next is refused.
//
// Errors: CodeSignInInvalid, CodeSignInExpired, CodeSignInRefused, CodeLoopbackUnreachable.
func (p *Plugin) Relay(ctx context.Context, s Started, cb Callback) error {
	if s.relayed == nil {
		return errors.New("relaying a sign-in that was not started here")
	}
	req, err := p.relayRequest(s, cb)
	if err != nil {
		return err
	}
	if !s.relayed.CompareAndSwap(false, true) {
		return invalid("answer-again")
	}
	resp, err := p.over(s.via).Do(ctx, req)
	if err != nil {
		return fmt.Errorf("passing a sign-in's answer on: %w", err)
	}
	return p.relayed(ctx, s, cb, resp)
}

func (p *Plugin) relayRequest(s Started, cb Callback) (jellyfin.Request, error) {
	path, ok := relative(p.over(s.via).URL(), s.Callback)
	if !ok || !samePath(cb.Path, s.Callback) {
		return jellyfin.Request{}, invalid("answer-path")
	}
	req := jellyfin.Request{
		Path: path, Host: s.Host, Cookies: s.Cookies, Anonymous: true, MaxBytes: maxPage,
	}
	if s.Protocol == api.SAML {
		if err := s.checkResponse(cb); err != nil {
			return jellyfin.Request{}, err
		}
		req.Method = http.MethodPost
		if s.Linking {
			req.RawQuery = "relayState=linking" // read from the query only, not from the form
		}
		req.Form = url.Values{
			"SAMLResponse": cb.Form["SAMLResponse"], "RelayState": cb.Form["RelayState"],
		}.Encode()
		return req, nil
	}
	if cb.Method != http.MethodGet {
		return jellyfin.Request{}, invalid("answer-method")
	}
	q, err := url.ParseQuery(cb.RawQuery)
	if err != nil || len(q["state"]) != 1 || !s.owns(q["state"][0]) {
		return jellyfin.Request{}, invalid("answer-state")
	}
	req.Method, req.RawQuery = http.MethodGet, cb.RawQuery
	return req, nil
}

// owns reports whether a state is this sign-in's, or may be: where the state was pushed, the server tells by the cookie.
func (s Started) owns(state string) bool {
	if s.State.IsZero() {
		return state != "" && s.bound()
	}
	return subtle.ConstantTimeCompare([]byte(state), []byte(s.State.Reveal())) == 1
}

// checkResponse makes sure that a form holds the response to this sign-in's AuthnRequest (SAML 2.0 Core, section 3.2.2).
// Its signature is checked by the server, and by the app where the app relies on it.
func (s Started) checkResponse(cb Callback) error {
	if cb.Method != http.MethodPost || len(cb.Form["SAMLResponse"]) != 1 || len(cb.Form["RelayState"]) > 1 {
		return invalid("answer-form")
	}
	response, err := samlmsg.ReadResponse(cb.Form.Get("SAMLResponse"))
	if err != nil {
		return invalid("answer-form")
	}
	if s.RequestID == "" || response.InResponseTo != s.RequestID {
		return invalid("answer-request")
	}
	return nil
}

// samePath compares paths as they mean, whatever their escapes.
func samePath(a, b string) bool {
	if a == b {
		return true
	}
	x, err1 := url.PathUnescape(a)
	y, err2 := url.PathUnescape(b)
	return err1 == nil && err2 == nil && x == y && strings.Count(a, "/") == strings.Count(b, "/")
}

func invalid(why api.Why) error {
	return &api.Error{Code: api.CodeSignInInvalid, Why: why}
}

// signInRefused says that a sign-in was turned down. reason comes from strangers, and may be empty.
func signInRefused(reason string) error {
	e := &api.Error{Code: api.CodeSignInRefused}
	if reason = api.Short(reason); reason != "" {
		e.Why = "refused-on-server"
		e.Params = map[string]string{"reason": reason}
	}
	return e
}

// relayed reads the plugin's answer to a callback.
func (p *Plugin) relayed(ctx context.Context, s Started, cb Callback, resp *jellyfin.Response) error {
	switch {
	case resp.Status == http.StatusOK:
		return nil
	case badRequest(resp, "Invalid or expired state"), badRequest(resp, "Missing state"):
		return signInExpired(resp.Err())
	case badRequest(resp, noProvider):
		return p.absent(ctx, s.Protocol, s.Provider)
	case resp.Status == http.StatusNotFound, resp.Status == http.StatusMisdirectedRequest:
		return proxied(s.Host, resp.Err())
	case !refusedElsewhere(cb) && (resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden):
		if err := p.roleRefused(ctx, s, resp); err != nil {
			return err
		}
		return signInRefused(reason(cb, resp))
	case resp.Status == http.StatusBadRequest, resp.Status == http.StatusUnauthorized, resp.Status == http.StatusForbidden,
		resp.Status == http.StatusInternalServerError:
		return signInRefused(reason(cb, resp))
	}
	return refusal(resp, "passing-on")
}

// refusedElsewhere reports whether the identity provider itself refused the sign-in (RFC 6749, section 4.1.2.1).
func refusedElsewhere(cb Callback) bool {
	q, err := url.ParseQuery(cb.RawQuery)
	return err == nil && q.Get("error") != ""
}

// reason is why a sign-in failed: what the identity provider itself said where it did (RFC 6749, section 4.1.2.1), since
// Flowfin keeps that to itself, and the plugin's sentence otherwise. Codes and states do not stay in it.
func reason(cb Callback, resp *jellyfin.Response) string {
	q, err := url.ParseQuery(cb.RawQuery)
	if err != nil {
		return resp.Text()
	}
	text := resp.Text()
	if q.Get("error") != "" {
		text = q.Get("error")
		if description := q.Get("error_description"); description != "" {
			text += " (" + description + ")"
		}
	}
	for _, name := range []string{"code", "state"} {
		if v := q.Get(name); v != "" {
			text = strings.ReplaceAll(text, v, redacted)
		}
	}
	return text
}

// pendingEntry is one pending sign-in in OID/States of 9p4 and K0lin. The entry also holds the PKCE verifier, which is
// not decoded.
type pendingEntry struct {
	State struct {
		StartURL    string `json:"StartUrl"`
		RedirectURI string `json:"RedirectUri"`
	}
	Valid    bool
	Username string
	// What the sign-in gives to the account.
	Admin                  bool
	Folders                []string
	EnableLiveTV           bool `json:"EnableLiveTv"`
	EnableLiveTVManagement bool `json:"EnableLiveTvManagement"`
}

// pending reads the pending sign-ins one by one until visit returns true.
func (p *Plugin) pending(ctx context.Context, visit func(state string, e pendingEntry) bool) error {
	resp, err := p.client.Do(ctx, jellyfin.Request{
		Method: http.MethodGet, Path: statesPath, MaxBytes: maxAnswer, Idempotent: true,
	})
	if err != nil {
		return fmt.Errorf("reading the pending sign-ins: %w", err)
	}
	defer clear(resp.Body)
	if resp.Status != http.StatusOK {
		return refusal(resp, "reading-pending")
	}
	errDone := errors.New("done")
	err = members(resp.Body, false, func(state string, _, val span) error {
		var e pendingEntry
		if err := json.Unmarshal(resp.Body[val.start:val.end], &e); err != nil {
			if field := fieldOf(err); field != "" {
				return wrongField(field) // not the state
			}
			return errors.New("an entry of another form")
		}
		if visit(state, e) {
			return errDone
		}
		return nil
	})
	if wrong, ok := errors.AsType[*api.Error](err); ok {
		return wrong
	}
	if err != nil && !errors.Is(err, errDone) {
		return &api.Error{Code: api.CodeServerAnswer, Why: "pending-form", Err: err}
	}
	return nil
}

// PendingName says who signed in, after Relay and before PostLink: the canonical name that the plugin is about to link.
// 9p4 and K0lin only, with an administrator's credential.
//
// Errors: CodeUnsupported, CodeSignInExpired.
func (p *Plugin) PendingName(ctx context.Context, state secret.Value) (string, error) {
	err := allowed(p.Capabilities().NameBeforeWrite, "")
	if err != nil {
		return "", err
	}
	var entry pendingEntry
	found := false
	err = p.pending(ctx, func(key string, e pendingEntry) bool {
		found = subtle.ConstantTimeCompare([]byte(key), []byte(state.Reveal())) == 1
		if found {
			entry = e
		}
		return found
	})
	switch {
	case err != nil:
		return "", err
	case !found || !entry.Valid:
		return "", signInExpired(nil)
	case entry.Username == "":
		return "", &api.Error{Code: api.CodeSignInInvalid, Why: "nobody-named"}
	}
	return entry.Username, nil
}
