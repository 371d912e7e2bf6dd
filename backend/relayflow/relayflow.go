// Package relayflow lets a person sign in by the SSO plugin's own sign-in. The identity provider's answer is caught on the
// loopback and passed on to the plugin.
//
// The request that starts the sign-in names the loopback as its Host, so the plugin makes a redirect URI (or an ACS) there.
// The browser goes to the identity provider and comes back to the loopback. The answer is accepted only if it belongs to
// the request that was started, and it is passed on once. What comes back is what POST Link needs. The plugin's page stays
// unseen: run in a browser, it would wipe the web client's credentials.
//
// For SAML this is only needed where the server must sign its requests; otherwise see samlflow.
package relayflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/samlmsg"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// Server starts a sign-in at the plugin and takes its answer.
type Server interface {
	Start(ctx context.Context, req ssoplugin.StartRequest) (ssoplugin.Started, error)
	Relay(ctx context.Context, started ssoplugin.Started, callback ssoplugin.Callback) error
}

// Request says at which provider somebody signs in.
type Request struct {
	Protocol api.Protocol
	Provider string
	// Linking starts a sign-in that links instead of opening a session.
	Linking bool
	// OldPath starts at /p/ instead of /start/.
	OldPath bool
	// ServerID is the server's id, so that a proxy is blamed for a start that fails only while this server answers.
	ServerID string
	// Via takes the start and the answer over another address of the server; nil means the server's own name.
	Via *jellyfin.Local
	// Page is where people sign in at the identity provider. If it is set, a start that leads elsewhere is refused with
	// api.CodeAddressRefused.
	Page ssoplugin.SignInPage
}

// Options say where to listen and what the time is.
type Options struct {
	Listen loopback.Options
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Result is a sign-in that the server has accepted. It prints as a placeholder.
type Result struct {
	// Data is what POST Link and Auth take: the state (OIDC), or the base64 response (SAML).
	Data secret.Value
	// Cookies belong to the sign-in and go with every further request of it.
	Cookies []*http.Cookie
	// State is the OIDC state; empty for SAML.
	State secret.Value
	// Response is the base64 SAML response; empty for OIDC. RequestID is the AuthnRequest's ID that it answers, and ACS the
	// address that it was sent to.
	Response       secret.Value
	RequestID, ACS string
}

// Format implements fmt.Formatter for every verb: cookies would print themselves.
func (r Result) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// String returns a placeholder.
func (r Result) String() string { return "[sign-in]" }

// MarshalText returns the same as String, which encoding/json uses too.
func (r Result) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue returns the same as String.
func (r Result) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Run listens, starts the sign-in, shows its address and waits for the answer, which it passes on once. show runs during the
// wait; its context ends with it.
//
// With an error the result is empty, except for a SAML response that was passed on and refused: its caller may find out why.
//
// The errors are what Server and show return, and: api.CodePortTaken, api.CodeAddressRefused for an address that is no web
// page's, api.CodeSignInRefused when the identity provider or the server said no, api.CodeTimeout, api.CodeCancelled.
func Run(
	ctx context.Context, server Server, req Request, opts Options, show func(context.Context, api.SignIn) error,
) (Result, error) {
	now := opts.Now
	if now == nil {
		now = time.Now
	}
	listener, err := loopback.Listen(ctx, opts.Listen)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = listener.Close() }() // a port that cannot be closed is gone with the process
	started, err := server.Start(ctx, ssoplugin.StartRequest{
		Protocol: req.Protocol, Provider: req.Provider, Host: listener.HostPort(), Linking: req.Linking, OldPath: req.OldPath,
		ServerID: req.ServerID, Via: req.Via,
	})
	if err != nil {
		return Result{}, err
	}
	address := started.Location.Reveal()
	if req.Page != (ssoplugin.SignInPage{}) {
		if err := req.Page.Check(address); err != nil {
			return Result{}, err
		}
	}
	host, err := browser.Check(address)
	if err != nil {
		return Result{}, err
	}
	signIn := api.SignIn{
		URL: address, Host: host, ShortURL: listener.URL(), Launch: listener.URL, Deadline: now().Add(listener.Timeout()),
	}

	expect := loopback.Expect{
		Method: http.MethodGet, Path: started.Callback, Target: address, Host: host, RedirectURI: started.RedirectURI,
	}
	switch req.Protocol {
	case api.OIDC:
		switch {
		case !started.State.IsZero():
			expect.Match = loopback.MatchState(started.State)
		case len(started.Cookies) > 0: // it was pushed; the server takes a state only with the cookie of its own start
			expect.Match = func(v url.Values) error { return loopback.MatchState(secret.New(v.Get("state")))(v) }
		default:
			return Result{}, errors.New("relaying a sign-in: the server named no state and set no cookie")
		}
	case api.SAML:
		if started.RequestID == "" {
			return Result{}, errors.New("relaying a sign-in: the server's AuthnRequest has no ID")
		}
		expect.Method = http.MethodPost
		expect.Match = func(v url.Values) error { return matchResponse(v, started.RequestID) }
	default:
		return Result{}, fmt.Errorf("relaying a sign-in: unknown protocol %q", req.Protocol)
	}
	var result Result
	err = listener.Attend(ctx, expect,
		func(ctx context.Context) error { return show(ctx, signIn) },
		func(ctx context.Context, callback loopback.Callback) (loopback.Page, error) {
			var err error
			result, err = relay(ctx, server, started, callback)
			return loopback.Page{OK: err == nil}, err
		})
	if err != nil {
		return Result{Response: result.Response, RequestID: result.RequestID, ACS: result.ACS}, err
	}
	return result, nil
}

// relay passes the answer on. So is an error that the identity provider sent instead of a code: the server then forgets the
// sign-in and its log says why. It never counts as a sign-in, whatever the server makes of it. A SAML refusal is not passed
// on: the server keeps nothing of a SAML sign-in, and could only answer that the validation failed.
func relay(
	ctx context.Context, server Server, started ssoplugin.Started, callback loopback.Callback,
) (Result, error) {
	forward := ssoplugin.Callback{Method: callback.Method, Path: callback.Path, RawQuery: callback.RawQuery}
	result := Result{Cookies: started.Cookies, ACS: started.RedirectURI, RequestID: started.RequestID}
	if callback.Method == http.MethodPost {
		forward.Form = callback.Values
		response := callback.Values.Get("SAMLResponse")
		status, err := samlmsg.ReadResponse(response)
		if err != nil {
			return Result{}, err
		}
		if !status.Success() {
			return Result{}, refused(status.Reason())
		}
		// The plugin decodes the data itself, and not every decoder skips the line breaks that some providers send.
		result.Response = secret.New(strings.Join(strings.Fields(response), ""))
		result.Data = result.Response
		return result, server.Relay(ctx, started, forward)
	}
	result.State = secret.New(callback.Values.Get("state")) // it has matched
	result.Data = result.State
	err := server.Relay(ctx, started, forward)
	if reason := callback.Values.Get("error"); reason != "" && !api.IsCode(err, api.CodeSignInRefused) {
		if description := callback.Values.Get("error_description"); description != "" {
			reason += " (" + description + ")"
		}
		return Result{}, refused(reason)
	}
	if err != nil {
		return Result{}, err
	}
	return result, nil
}

// matchResponse accepts a form with one response to this sign-in's AuthnRequest (SAML 2.0 Core, section 3.2.2).
func matchResponse(v url.Values, requestID string) error {
	if len(v["SAMLResponse"]) != 1 || len(v["RelayState"]) > 1 {
		return errors.New("not one SAML response")
	}
	status, err := samlmsg.ReadResponse(v.Get("SAMLResponse"))
	if err != nil {
		return err
	}
	if status.InResponseTo != requestID {
		return errors.New("a response to another request")
	}
	return nil
}

// refused says that the identity provider turned the sign-in down. reason is the provider's own word.
func refused(reason string) error {
	return &api.Error{Code: api.CodeSignInRefused, Why: "refused", Params: map[string]string{"reason": api.Short(reason)}}
}
