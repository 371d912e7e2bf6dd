package samlflow

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/secret"
)

// Options say where to listen, what the time is, and what was accepted before. Now and Seen must be given.
type Options struct {
	Listen loopback.Options
	Now    func() time.Time
	Seen   *Replay
	// Refused is called for each posted response that answers another request than ours. The wait goes on. Several calls may
	// come at once, and any page that is open in the browser can cause them. It may be nil.
	Refused func(error)
}

// Result is a sign-in whose response was accepted.
type Result struct {
	Assertion
	// Response is the response in base64, as the plugin's Link and Auth take it.
	Response secret.Value
}

// Run asks the identity provider for a sign-in, shows its address to the person, catches the response on the loopback and
// checks it. Nothing is sent to the server.
//
// The wait goes on after posts that answer another request. The first response to ours decides.
//
// Errors: what Check and show return, CodeAddressRefused for an Endpoint that is not a web page's, and the loopback's
// CodePortTaken, CodeTimeout and CodeCancelled.
func Run(
	ctx context.Context, req Request, opts Options, show func(context.Context, api.SignIn) error,
) (Result, error) {
	req.Audience = cmp.Or(req.Audience, req.ClientID)
	expect := Expect{
		Judge: req.Judge, Certificate: req.Certificate, Second: req.Second, Audience: req.Audience, AllowSHA1: req.AllowSHA1,
		RequestID: "_" + rand.Text(),
	}
	if _, err := newVerifier(expect); err != nil {
		return Result{}, err
	}
	l, err := loopback.Listen(ctx, opts.Listen)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = l.Close() }()
	expect.Recipient = "http://" + l.HostPort() + req.Callback
	address, err := req.address(expect.RequestID, expect.Recipient, opts.Now())
	if err != nil {
		return Result{}, err
	}
	host, err := browser.Check(address)
	if err != nil {
		return Result{}, err
	}
	signIn := api.SignIn{URL: address, Host: host, ShortURL: l.URL(), Launch: l.URL, Deadline: opts.Now().Add(l.Timeout())}
	var result Result
	err = l.Attend(ctx, loopback.Expect{
		Method: http.MethodPost, Path: req.Callback, Target: address, Host: host, RedirectURI: expect.Recipient,
		Match: func(form url.Values) error { return opts.match(form, expect.RequestID) },
	}, func(ctx context.Context) error {
		return show(ctx, signIn)
	}, func(_ context.Context, c loopback.Callback) (loopback.Page, error) {
		var err error
		// The plugin decodes the response itself, and not every decoder skips the line breaks that some providers send.
		response := secret.New(strings.Join(strings.Fields(c.Values.Get("SAMLResponse")), ""))
		expect.Now = opts.Now()
		result.Assertion, err = Check(response, expect, opts.Seen)
		if err == nil {
			result.Response = response
		}
		return loopback.Page{OK: err == nil}, err
	})
	if err != nil {
		return Result{}, err
	}
	return result, nil
}

// match accepts a form with a response to the request of that ID.
func (o Options) match(form url.Values, requestID string) error {
	if len(form["SAMLResponse"]) != 1 || len(form["RelayState"]) > 1 {
		return errors.New("not one SAML response")
	}
	id, err := InResponseTo(secret.New(form.Get("SAMLResponse")))
	if err == nil && id != requestID {
		err = refuse("other-request")
	}
	if err != nil && o.Refused != nil {
		o.Refused(err)
	}
	return err
}
