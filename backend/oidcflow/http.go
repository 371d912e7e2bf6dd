package oidcflow

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/tlspin"
)

// The limits of a request to the provider: the whole of it, and its body after decompression.
const (
	requestTimeout = 15 * time.Second
	maxBody        = 1 << 20
	maxHeader      = 64 << 10
	maxRedirects   = 3
)

var (
	errTooLarge = errors.New("the body is too large")
	// errRedirect refuses a redirect; http.Client wraps it.
	errRedirect = errors.New("a redirect that is not followed")
)

// httpClient makes the HTTP client, with limits: time, size, and redirects, which are followed only for a GET on the same
// host, and never from https to http. The redirects of a POST are not followed: a code and a client secret must not travel on.
func (c Client) httpClient() (*http.Client, error) {
	inner := c.Transport
	if inner == nil {
		var err error
		if inner, err = c.pinned(); err != nil {
			return nil, err
		}
	}
	return &http.Client{Transport: bounded{inner}, Timeout: requestTimeout, CheckRedirect: checkRedirect}, nil
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case first.Method != http.MethodGet || len(via) > maxRedirects,
		req.URL.Hostname() != first.URL.Hostname(),
		req.URL.Scheme != "https" && req.URL.Scheme != first.URL.Scheme,
		req.URL.Scheme == first.URL.Scheme && req.URL.Host != first.URL.Host:
		return errRedirect
	}
	return nil
}

// pinned is the transport for a client without one of its own.
func (c Client) pinned() (http.RoundTripper, error) {
	if c.PinnedSHA256 == "" {
		return transport, nil
	}
	issuer, err := c.issuer()
	if err != nil {
		return nil, err
	}
	own := transport.Clone()
	if own.TLSClientConfig, err = tlspin.Config(issuer.Hostname(), c.PinnedSHA256); err != nil {
		return nil, err
	}
	return byHost{host: issuer.Host, own: own}, nil
}

// byHost uses a transport of its own for one host.
type byHost struct {
	host string
	own  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b byHost) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == b.host {
		return b.own.RoundTrip(req)
	}
	return transport.RoundTrip(req)
}

var transport = &http.Transport{
	Proxy:                  http.ProxyFromEnvironment,
	DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	TLSHandshakeTimeout:    10 * time.Second,
	TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
	ResponseHeaderTimeout:  requestTimeout,
	MaxResponseHeaderBytes: maxHeader,
	ForceAttemptHTTP2:      true,
	MaxIdleConns:           4,
	IdleConnTimeout:        30 * time.Second,
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

// get asks for a document and returns its body and media type. A token is sent as a bearer token (RFC 6750, section 2.1).
func get(ctx context.Context, client *http.Client, address string, token secret.Value) (body []byte, kind string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", misconfigured("malformed-endpoint")
	}
	req.Header.Set("Accept", "application/json")
	if !token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", unreachable(ctx, err, req.URL.Host)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, "", answered(resp, req.URL)
	}
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		return nil, "", unreachable(ctx, err, req.URL.Host)
	}
	kind, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type")) // empty where it is malformed
	return body, kind, nil
}

// getJSON reads a public JSON document.
func getJSON(ctx context.Context, client *http.Client, address string, into any) error {
	body, _, err := get(ctx, client, address, secret.Value{})
	if err != nil {
		return err
	}
	err = json.Unmarshal(body, into)
	at := map[string]string{"address": parsed(address).Redacted()}
	wrong, isJSON := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case err == nil:
		return nil
	case !isJSON:
		return unusable("unusable-json", at)
	case wrong.Field == "":
		return unusable("unusable-form", at)
	}
	at["field"] = wrong.Field
	return unusable("unusable-field", at)
}

// post sends a form as the client, which proves itself as it does at the token endpoint (RFC 6749, section 2.3.1), and reads
// the JSON answer. A refusal is an *oauth2.RetrieveError, as from the token endpoint (section 5.2).
func (p *provider) post(ctx context.Context, address string, form url.Values, into any) error {
	id, password := p.client.ClientID, p.client.Secret
	if !password.IsZero() && p.style == oauth2.AuthStyleInParams {
		form.Set("client_secret", password.Reveal())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return misconfigured("malformed-endpoint")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if !password.IsZero() && p.style == oauth2.AuthStyleInHeader {
		req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(password.Reveal()))
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return &url.Error{Op: "Post", URL: address, Err: err}
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		var refused struct {
			Code        string `json:"error"`
			Description string `json:"error_description"`
		}
		_ = json.Unmarshal(body, &refused) // an answer that is no JSON has no code
		return &oauth2.RetrieveError{Response: resp, ErrorCode: refused.Code, ErrorDescription: refused.Description}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errors.New("the answer is not JSON of the right form")
	}
	return nil
}

// seconds reads a number of seconds that a provider names, 0 where it is none, and never more than an hour.
func seconds(n json.Number) time.Duration {
	f, err := n.Float64()
	if err != nil || !(f > 0) {
		return 0
	}
	return time.Duration(min(f, time.Hour.Seconds())) * time.Second
}

// exchangeError explains why the code was not redeemed (RFC 6749, section 5.2).
func (a *authorization) exchangeError(ctx context.Context, err error) error {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return a.askError(ctx, err, "not-redeemed")
	}
	reason := api.Short(answer.ErrorCode)
	refused := &api.Error{
		Code: api.CodeSignInRefused, Why: "code-unredeemed",
		Params: map[string]string{"reason": reason},
		Err:    fmt.Errorf("redeeming the code: %s", reason),
	}
	switch answer.ErrorCode {
	case "invalid_client", "unauthorized_client":
		return a.clientRefused(answer)
	case "invalid_grant":
		refused.Why = "code-refused"
		refused.Params["redirectUri"] = a.redirectURI
	case "":
		return answered(answer.Response, parsed(a.meta.TokenEndpoint))
	}
	return refused
}

// pushError explains why the provider did not take a pushed request (RFC 9126, section 2.3).
func (a *authorization) pushError(ctx context.Context, err error) error {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return a.askError(ctx, err, "no-pushed-request")
	}
	switch answer.ErrorCode {
	case "invalid_client", "unauthorized_client":
		return a.clientRefused(answer)
	case "":
		return answered(answer.Response, parsed(a.meta.PushEndpoint))
	}
	reason := a.described(answer, a.state, a.nonce)
	return &api.Error{
		Code: api.CodeSignInRefused, Why: "push-refused",
		Params: map[string]string{
			"reason": reason, "redirectUri": a.redirectURI, "scopes": a.client.scope(),
		},
		Err: fmt.Errorf("pushing the request: %s", api.Short(answer.ErrorCode)),
	}
}

// clientRefused is for a client id or secret that the provider does not accept.
func (p *provider) clientRefused(answer *oauth2.RetrieveError) error {
	e := &api.Error{
		Code: api.CodeSignInRefused, Why: "client-refused",
		Params: map[string]string{"client": p.client.ClientID, "reason": api.Short(answer.ErrorCode)},
		Err:    fmt.Errorf("authenticating the client: %s", api.Short(answer.ErrorCode)),
	}
	if p.client.Secret.IsZero() {
		e.Why = "client-secretless"
	}
	return e
}

// described is a refusal's code with its description, which is left out where it repeats a secret that was sent.
func (p *provider) described(answer *oauth2.RetrieveError, sent ...secret.Value) string {
	reason := api.Short(answer.ErrorCode)
	for _, s := range append(sent, p.client.Secret) {
		if !s.IsZero() && strings.Contains(answer.ErrorDescription, s.Reveal()) {
			return reason
		}
	}
	if answer.ErrorDescription != "" {
		reason += " (" + api.Short(answer.ErrorDescription) + ")"
	}
	return reason
}

// askError tells a provider that could not be asked from an answer that fails a check. err may hold tokens: only its kind
// is kept.
func (p *provider) askError(ctx context.Context, err error, why string) error {
	if failed := new(url.Error); errors.As(err, &failed) {
		host := p.meta.Issuer
		if u, perr := url.Parse(failed.URL); perr == nil {
			host = cmp.Or(u.Host, host) // an address of a redirect may name none
		}
		return unreachable(ctx, err, host)
	}
	if ctx.Err() != nil {
		return unreachable(ctx, ctx.Err(), p.meta.Issuer)
	}
	return invalid(why)
}

// refusal is an authorization error response (RFC 6749, section 4.1.2.1).
func refusal(v url.Values) error {
	code, reason := v.Get("error"), api.Short(v.Get("error"))
	if description := v.Get("error_description"); description != "" {
		reason += " (" + api.Short(description) + ")"
	}
	e := &api.Error{Code: api.CodeSignInRefused, Why: "refused", Params: map[string]string{"reason": reason}}
	switch code {
	case "access_denied":
		e.Why = "refused-denied"
	case "unauthorized_client", "invalid_request", "invalid_scope", "unsupported_response_type":
		e.Why = "refused-client"
	case "temporarily_unavailable", "server_error":
		e.Why = "refused-later"
	}
	return e
}

// unreachable explains a request that got no answer.
func unreachable(ctx context.Context, err error, host string) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return &api.Error{Code: api.CodeCancelled, Err: context.Canceled}
	}
	host = api.Printable(host)
	e := &api.Error{
		Code: api.CodeProviderUnreachable, Why: "idp-away",
		Params: map[string]string{"host": host},
		Err:    stripped(err),
	}
	if bad := certificateOf(err); bad != nil {
		return bad.explain(host)
	}
	var (
		timeout net.Error
		name    *net.DNSError
	)
	switch {
	case errors.Is(err, errRedirect):
		e.Code, e.Why = api.CodeRedirectRefused, "idp-redirects"
	case errors.Is(err, errTooLarge):
		e.Why = "idp-too-much"
	case errors.As(err, &name):
		e.Why = "idp-unknown"
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Why = "idp-silent"
	}
	return e
}

// CertificateError says which TLS certificate an identity provider showed and why it was refused. It is the cause of an
// *api.Error with CodeCertificateUntrusted, or with CodeCertificateChanged when Pinned is set. A person may compare the
// fingerprint and trust it by Client.PinnedSHA256.
type CertificateError struct {
	// Host is the provider's host, with its port where it has one.
	Host string
	tlspin.CertificateError
}

func certificateOf(err error) *CertificateError {
	if bad := tlspin.Find(err); bad != nil {
		return &CertificateError{CertificateError: *bad}
	}
	return nil
}

// explain makes the error for a person.
func (e *CertificateError) explain(host string) *api.Error {
	e.Host = host
	cert := e.Certificate
	told := &api.Error{
		Code: api.CodeCertificateUntrusted, Why: "idp-certificate",
		Params: map[string]string{
			"host": host, "sha256": cert.SHA256, "subject": cert.Subject, "issuer": cert.Issuer,
			"notAfter": cert.NotAfter.Format(time.DateOnly),
		},
		Err: e,
	}
	if e.Pinned != "" {
		told.Code, told.Why = api.CodeCertificateChanged, "idp-certificate-other"
		told.Params["pinned"] = e.Pinned
	}
	return told
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
	status := "-"
	if resp != nil {
		status = fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	address := at.Scheme + "://" + at.Host + at.EscapedPath()
	return unusable("unusable-status", map[string]string{"status": status, "address": address})
}

func misconfigured(why string) error {
	return unusable("unusable", map[string]string{"why": why})
}

func unusable(why api.Why, params map[string]string) error {
	return &api.Error{Code: api.CodeProviderUnreachable, Why: why, Params: params}
}

// parsed parses an address that Discover has checked.
func parsed(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		return new(url.URL)
	}
	return u
}
