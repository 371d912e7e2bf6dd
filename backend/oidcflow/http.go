package oidcflow

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/jellybind/jellybind/backend/api"
)

// The limits of a request to the provider: the whole of it, and its body after decompression.
const (
	requestTimeout = 15 * time.Second
	maxBody        = 1 << 20
	maxRedirects   = 3
)

var (
	errTooLarge = errors.New("the body is too large")
	// errRedirect refuses a redirect; http.Client wraps it.
	errRedirect = errors.New("a redirect that is not followed")
)

// httpClient is the client's own, with limits: time, size, and redirects, which are followed only for a GET on the same
// host, and never from https to http. The token endpoint's are not: the code and the client's secret must not travel on.
func (c Client) httpClient() *http.Client {
	inner := http.RoundTripper(transport)
	if c.HTTPClient != nil && c.HTTPClient.Transport != nil {
		inner = c.HTTPClient.Transport
	}
	return &http.Client{
		Transport: bounded{inner},
		Timeout:   requestTimeout,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			first := via[0]
			switch {
			case first.Method != http.MethodGet || len(via) > maxRedirects,
				req.URL.Hostname() != first.URL.Hostname(),
				req.URL.Scheme != "https" && req.URL.Scheme != first.URL.Scheme,
				req.URL.Scheme == first.URL.Scheme && req.URL.Host != first.URL.Host:
				return errRedirect
			}
			return nil
		},
	}
}

var transport = &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	TLSHandshakeTimeout:   10 * time.Second,
	TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	ResponseHeaderTimeout: requestTimeout,
	ForceAttemptHTTP2:     true,
	MaxIdleConns:          4,
	IdleConnTimeout:       30 * time.Second,
}

// bounded bounds every answer's body.
type bounded struct{ inner http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.inner.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, left: maxBody}
	return resp, nil
}

type body struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader; it fails as soon as the body is longer than the bound.
func (b *body) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if n > b.left {
		return b.left, errTooLarge
	}
	b.left -= n
	return n, err
}

// exchangeError explains why the code was not redeemed (RFC 6749, section 5.2).
func (e *exchange) exchangeError(ctx context.Context, err error) error {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return e.askError(ctx, err, "the code could not be redeemed")
	}
	refused := &api.Error{
		Code: api.CodeSignInRefused, Why: "client-refused", Params: map[string]string{"reason": short(answer.ErrorCode)},
	}
	switch answer.ErrorCode {
	case "invalid_client", "unauthorized_client":
		refused.Sentence = "The identity provider does not accept Jellybind's client id or secret."
		refused.Hint = "Compare the client id and secret with those at the identity provider, and check whether that " +
			"client is a public one (without a secret) there."
		if e.client.Secret.IsZero() {
			refused.Why = "client-secretless"
			refused.Hint = "The client has no secret here. Enter one, or make it a public client at the identity provider."
		}
	case "invalid_grant":
		refused.Why = "code-refused"
		refused.Sentence = "The identity provider no longer accepts its own code."
		refused.Hint = "Start again. If it happens again, allow exactly this redirect URI at the identity provider: " +
			e.config.RedirectURL
		refused.Params["redirectUri"] = e.config.RedirectURL
	case "":
		return answered(answer.Response, parsed(e.config.Endpoint.TokenURL))
	default:
		refused.Why = "code-unredeemed"
		refused.Sentence = "The identity provider refused to redeem its code: " + short(answer.ErrorCode) + "."
		refused.Hint = "Check the settings of Jellybind's client at the identity provider."
	}
	refused.Err = fmt.Errorf("redeeming the code: %s", short(answer.ErrorCode))
	return refused
}

// askError tells a provider that could not be asked from an answer that fails a check. err may hold tokens: only its kind
// is kept.
func (e *exchange) askError(ctx context.Context, err error, why string) error {
	if failed := new(url.Error); errors.As(err, &failed) {
		host := e.meta.Issuer
		if u, perr := url.Parse(failed.URL); perr == nil {
			host = u.Host
		}
		return unreachable(ctx, err, host)
	}
	if ctx.Err() != nil {
		return unreachable(ctx, ctx.Err(), e.meta.Issuer)
	}
	return invalid(why)
}

// refusal is an authorization error response (RFC 6749, section 4.1.2.1).
func refusal(v url.Values) error {
	code, reason := v.Get("error"), short(v.Get("error"))
	if description := v.Get("error_description"); description != "" {
		reason += " (" + short(description) + ")"
	}
	e := &api.Error{
		Code: api.CodeSignInRefused, Why: "refused",
		Sentence: "The identity provider refused the sign-in: " + reason + ".",
		Hint:     "Ask whoever runs the identity provider; its log says more.",
		Params:   map[string]string{"reason": reason},
	}
	switch code {
	case "access_denied":
		e.Why = "refused-denied"
		e.Hint = "The sign-in was cancelled there, or that person may not use this client. Try again."
	case "unauthorized_client", "invalid_request", "invalid_scope", "unsupported_response_type":
		e.Why = "refused-client"
		e.Hint = "Check the settings of Jellybind's client at the identity provider: it needs the authorization code flow " +
			"with PKCE and the scopes that are asked for."
	case "temporarily_unavailable", "server_error":
		e.Why = "refused-later"
		e.Hint = "Try again later."
	}
	return e
}

// short makes a stranger's text fit for a sentence.
func short(s string) string {
	const longest = 200
	text := []rune(strings.TrimRight(strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " "), ". "))
	if len(text) > longest {
		text = append(text[:longest], '…')
	}
	return api.Printable(string(text))
}

// unreachable explains a request that got no answer.
func unreachable(ctx context.Context, err error, host string) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return &api.Error{Code: api.CodeCancelled, Sentence: "The sign-in was cancelled.", Err: context.Canceled}
	}
	host = api.Printable(host)
	e := &api.Error{
		Code: api.CodeProviderUnreachable, Why: "idp-away",
		Sentence: fmt.Sprintf("The identity provider at %s cannot be reached.", host),
		Hint:     "Check that it runs and that this computer can reach it.",
		Params:   map[string]string{"host": host},
		Err:      stripped(err),
	}
	var (
		verify  *tls.CertificateVerificationError
		timeout net.Error
		name    *net.DNSError
	)
	switch {
	case errors.Is(err, errRedirect):
		e.Code, e.Why = api.CodeRedirectRefused, "idp-redirects"
		e.Sentence = fmt.Sprintf("The identity provider at %s redirects a request that must not travel on.", host)
		e.Hint = "Enter the issuer in the plugin's settings exactly as the provider calls itself."
	case errors.Is(err, errTooLarge):
		e.Why = "idp-too-much"
		e.Sentence = fmt.Sprintf("The identity provider at %s sent far more than it should.", host)
		e.Hint = "Check the endpoint in the plugin's settings."
	case errors.As(err, &verify):
		e.Code, e.Why = api.CodeCertificateUntrusted, "idp-certificate"
		e.Sentence = fmt.Sprintf("The TLS certificate of the identity provider at %s is not trusted by this computer.", host)
		e.Hint = "Add its certificate authority to this computer's trusted ones, as the browser needs it as well."
	case errors.As(err, &name):
		e.Why = "idp-unknown"
		e.Sentence = fmt.Sprintf("The identity provider's name %s is unknown to this computer.", host)
		e.Hint = "The name may be known on the server only. Check the endpoint in the plugin's settings."
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Why = "idp-silent"
		e.Sentence = fmt.Sprintf("The identity provider at %s did not answer in time.", host)
	}
	return e
}

// stripped is err without the address and its query.
func stripped(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// answered explains an answer of another status than 200.
func answered(resp *http.Response, at *url.URL) error {
	status := "no status"
	if resp != nil {
		status = fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	address := at.Scheme + "://" + at.Host + at.EscapedPath()
	e := misconfigured("it answers " + status + " at " + api.Printable(address))
	e.Why, e.Params = "unusable-status", map[string]string{"status": status, "address": address}
	if resp != nil && resp.StatusCode >= http.StatusInternalServerError {
		e.Hint = "The provider has a fault. Look at its log, or try again later."
	}
	return e
}

func misconfigured(why string) *api.Error {
	return &api.Error{
		Code: api.CodeProviderUnreachable, Why: "unusable", Params: map[string]string{"why": why},
		Sentence: "The identity provider cannot be used: " + why + ".",
		Hint:     "Check the provider's endpoint in the plugin's settings.",
	}
}

// parsed parses an address that Discover has checked.
func parsed(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		return new(url.URL)
	}
	return u
}
