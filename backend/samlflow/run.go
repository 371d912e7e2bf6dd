package samlflow

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// Starter starts a sign-in at the plugin, for its AuthnRequest.
type Starter interface {
	Start(ctx context.Context, req ssoplugin.StartRequest) (ssoplugin.Started, error)
}

// Request says which provider to sign in at, and what its response must fit.
type Request struct {
	Provider string
	// OldPath starts at the plugin's /p/ instead of /start/.
	OldPath bool
	// Certificate, Audience and AllowSHA1 are those of Expect.
	Certificate string
	Audience    string
	AllowSHA1   bool
}

// Options say where to listen, what the time is, and what was accepted before. Now and Seen must be given.
type Options struct {
	Listen loopback.Options
	Now    func() time.Time
	Seen   *Replay
}

// Run lets the plugin start a sign-in, shows the address to the person, catches the response on the loopback and checks it.
// Nothing is passed on to the server: the sign-in that waits there is forgotten by it.
//
// The wait goes on after posts that answer another request. The first one that answers this request decides.
// Errors: those of Check, of the plugin's start, CodeAddressRefused for an address that is no web page's, those of the
// loopback (CodePortTaken, CodeTimeout, CodeCancelled), and of show.
func Run(
	ctx context.Context, server Starter, req Request, opts Options, show func(context.Context, api.SignIn) error,
) (Assertion, error) {
	if _, err := ParseCertificate(req.Certificate); err != nil {
		return Assertion{}, err
	}
	l, err := loopback.Listen(ctx, opts.Listen)
	if err != nil {
		return Assertion{}, err
	}
	defer func() { _ = l.Close() }()
	started, err := server.Start(ctx, ssoplugin.StartRequest{
		Protocol: api.SAML, Provider: req.Provider, Host: l.HostPort(), Linking: true, OldPath: req.OldPath,
	})
	if err != nil {
		return Assertion{}, err
	}
	address := started.Location.Reveal()
	host, err := browser.Check(address)
	if err != nil {
		return Assertion{}, err
	}
	signIn := api.SignIn{URL: address, Host: host, ShortURL: l.URL(), Deadline: opts.Now().Add(l.Timeout())}
	var a Assertion
	err = l.Attend(ctx, loopback.Expect{
		Method: http.MethodPost, Path: started.Callback, Target: address, Host: host, RedirectURI: started.RedirectURI,
		Match: func(form url.Values) error { return answers(form, started.RequestID) },
	}, func(ctx context.Context) error {
		return show(ctx, signIn)
	}, func(_ context.Context, c loopback.Callback) (loopback.Page, error) {
		var err error
		a, err = Check(secret.New(c.Values.Get("SAMLResponse")), Expect{
			Certificate: req.Certificate, Audience: req.Audience, Recipient: started.RedirectURI, RequestID: started.RequestID,
			AllowSHA1: req.AllowSHA1, Now: opts.Now(),
		}, opts.Seen)
		return loopback.Page{OK: err == nil}, err
	})
	if err != nil {
		return Assertion{}, err
	}
	return a, nil
}

// answers tells whether a posted form answers the request of that ID.
func answers(form url.Values, requestID string) error {
	if len(form["SAMLResponse"]) != 1 {
		return errors.New("the form has no SAMLResponse, or several")
	}
	id, err := InResponseTo(secret.New(form.Get("SAMLResponse")))
	if err != nil {
		return err
	}
	if requestID == "" || id != requestID {
		return errors.New("the response answers another request")
	}
	return nil
}
