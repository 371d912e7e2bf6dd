// Package jellyfin talks to Jellyfin's HTTP API: it finds a server, signs in, reads users and keeps API keys.
//
// Every request goes through one path (Client.exchange), which holds the promises that the callers rely on: the
// credential goes to the profile's origin only, bodies are bounded after decompression, each phase has its own time
// limit, and only what may safely happen twice is retried.
package jellyfin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/tlspin"
)

// The limits of an answer's body in bytes, counted after decompression.
const (
	MaxBody      int64 = 8 << 20 // any answer
	MaxUsersBody int64 = 1 << 30 // GET /Users: 2 kB a user; what stays of each in memory is bounded by decodeUsers
)

// leastRate is how many bytes of a body a second are enough, so that a list of 100,000 accounts may take its time, and an
// answer of a few bytes that come now and then may not.
const leastRate = 16 << 10

const (
	maxHeader    = 1 << 20 // bytes of an answer's header
	maxRedirects = 5       // redirects within the origin
)

// Timeouts limit each phase of one attempt. A zero field takes its default.
type Timeouts struct {
	Connect  time.Duration // name lookup and TCP connect; default 10 s
	TLS      time.Duration // TLS handshake; default 10 s
	Header   time.Duration // from the request's end to the answer's header; default 30 s
	BodyIdle time.Duration // between two pieces of the body; default 30 s
	Body     time.Duration // the whole body, besides the time that its size takes at leastRate; default 30 s
	// RetryWait is the longest that Retry-After is waited for; a longer one is not retried. Default 20 s.
	RetryWait time.Duration
}

func (t Timeouts) withDefaults() Timeouts {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Connect, 10 * time.Second},
		{&t.TLS, 10 * time.Second},
		{&t.Header, 30 * time.Second},
		{&t.BodyIdle, 30 * time.Second},
		{&t.Body, 30 * time.Second},
		{&t.RetryWait, 20 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return t
}

// Options says which server, as whom, and within which limits.
type Options struct {
	// URL is the base URL, with the base path: https://media.example.com/jf.
	URL string
	// DeviceID identifies this profile at the server, one and the same for ever: signing in again with the same id ends
	// the earlier token.
	DeviceID string
	// Device is the device's name as the server's dashboard shows it. Default "Jellybind".
	Device string
	// Version is Jellybind's version. Default "0".
	Version string
	// Credential is an API key or an access token; it may be empty.
	Credential secret.Value
	// PinnedSHA256 is the fingerprint of the one certificate to accept; see tlspin.Config.
	PinnedSHA256 string
	// UserAgent defaults to "Jellybind/VERSION".
	UserAgent string
	Timeouts  Timeouts
	// Tries is how often an idempotent request is sent at most. Default 3; 1 never retries.
	Tries int
	// Now is the clock for Retry-After dates. Default time.Now.
	Now func() time.Time
	// Dial opens the connections; nil is the network. Tests put in-memory connections here.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client talks to one server with one credential. It is safe for concurrent use.
type Client struct {
	opts  Options
	base  *url.URL
	tries int
	now   func() time.Time
	// reuse keeps connections; once never takes a kept one. net/http silently repeats a GET when a kept connection turns
	// out to be dead, which must not happen to a GET that has effects, such as a sign-in's start or callback.
	reuse, once *http.Transport
	making      *sync.Mutex // held while an API key is made
	nameless    bool        // sends no Authorization header at all
}

// New makes a client. The error is an *api.Error: CodeAddressInvalid for a URL that is no http or https base URL,
// CodeUsage for a fingerprint that is none.
func New(opts Options) (*Client, error) {
	base, err := baseURL(opts.URL)
	if err != nil {
		return nil, err
	}
	opts.Timeouts = opts.Timeouts.withDefaults()
	if opts.Device == "" {
		opts.Device = "Jellybind"
	}
	if opts.Version == "" {
		opts.Version = "0"
	}
	if opts.UserAgent == "" {
		opts.UserAgent = "Jellybind/" + opts.Version
	}
	c := &Client{opts: opts, base: base, tries: opts.Tries, now: opts.Now, making: new(sync.Mutex)}
	if c.tries <= 0 {
		c.tries = 3
	}
	if c.now == nil {
		c.now = time.Now
	}
	tlsConfig, err := tlspin.Config(base.Hostname(), opts.PinnedSHA256)
	if err != nil {
		return nil, err
	}
	dial := opts.Dial
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	c.reuse = &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeoutCause(ctx, opts.Timeouts.Connect, errConnectTimeout)
			defer cancel()
			conn, err := dial(ctx, network, address)
			if err != nil && errors.Is(context.Cause(ctx), errConnectTimeout) {
				return nil, errConnectTimeout
			}
			return conn, err
		},
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    opts.Timeouts.TLS,
		ResponseHeaderTimeout:  opts.Timeouts.Header,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		ReadBufferSize:         64 << 10,
		ForceAttemptHTTP2:      true,
		// A connection that died without a word, as while the computer slept, is noticed after 15 s, half of what an answer may
		// take; then what may be sent twice goes over a new one. A server that is only slow answers the ping.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}
	c.once = c.reuse.Clone()
	c.once.DisableKeepAlives = true
	return c, nil
}

// baseURL checks a profile's URL. It carries neither credentials nor a query: both would end up in places where nobody
// expects them.
func baseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Opaque != "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, &api.Error{Code: api.CodeAddressInvalid, Why: "no-base"}
	}
	return u, nil
}

// URL returns the base URL, without a trailing slash. The caller may change it.
func (c *Client) URL() *url.URL { u := *c.base; return &u }

// DeviceID returns the device id that the client shows to the server.
func (c *Client) DeviceID() string { return c.opts.DeviceID }

// Device returns the device name that the client shows to the server.
func (c *Client) Device() string { return c.opts.Device }

// Version returns Jellybind's version as the client shows it to the server.
func (c *Client) Version() string { return c.opts.Version }

// Credential returns the credential that the client sends.
func (c *Client) Credential() secret.Value { return c.opts.Credential }

// WithCredential returns a client for the same server, sharing connections, with another credential. An empty one sends
// none.
func (c *Client) WithCredential(v secret.Value) *Client {
	d := *c
	d.opts.Credential = v
	return &d
}

// CloseIdle closes connections that are kept for later.
func (c *Client) CloseIdle() {
	c.reuse.CloseIdleConnections()
	c.once.CloseIdleConnections()
}

// Request is one request to the server.
type Request struct {
	// Method defaults to GET.
	Method string
	// Path is escaped, relative to the base URL, and starts with a slash. It holds no query.
	Path  string
	Query url.Values
	// RawQuery is sent as it is, instead of Query.
	RawQuery string
	Header   http.Header
	// Host replaces the Host header. The request still goes to the profile's server.
	Host string
	// Cookies are sent as they are. There is no cookie jar: it would drop Secure cookies over plain HTTP.
	Cookies []*http.Cookie
	// JSON is the body; a json.RawMessage is sent byte for byte.
	JSON any
	// Form is the body, application/x-www-form-urlencoded already.
	Form string
	// Anonymous leaves the token out; the client's name is sent all the same.
	Anonymous bool
	// MaxBytes bounds the answer's body after decompression; 0 means MaxBody.
	MaxBytes int64
	// Idempotent says that the request may be sent twice: it is retried after a broken connection and after 429, 502, 503
	// and 504, and a GET follows redirects within the origin. JSON sets it for every GET.
	Idempotent bool
	// Once sends the request a single time even where it is idempotent.
	Once bool
}

// Response is an answer that has been read to its end.
type Response struct {
	Status  int
	Header  http.Header
	Body    []byte
	Cookies []*http.Cookie

	host       string
	credential secret.Value
}

// Do sends a request and reads the answer. Any status is an answer, not an error. The errors are *api.Error, and tell of
// what kept the server from answering: CodeServerUnreachable, CodeTimeout, CodeCancelled, CodeCertificateUntrusted,
// CodeCertificateChanged, CodeServerAnswer for a body over the limit, and CodeRedirectRefused when an idempotent GET is
// led to another origin. Other requests get the 3xx answer itself.
func (c *Client) Do(ctx context.Context, req Request) (*Response, error) {
	var answer *Response
	err := c.exchange(ctx, req, func(res *Response, body io.Reader) error {
		b, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		res.Body, answer = b, res
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// JSON sends a request and decodes the answer while it arrives. into is a pointer, or nil when the answer's body does not
// matter; it is changed only when all went well. A GET counts as idempotent. Besides the errors of Do, a status outside
// 2xx is an error (see Response.Err), and an answer that is not JSON is CodeServerAnswer.
func (c *Client) JSON(ctx context.Context, req Request, into any) error {
	if req.Method == "" || req.Method == http.MethodGet {
		req.Idempotent = true
	}
	return c.exchange(ctx, req, func(res *Response, body io.Reader) error {
		if err := c.check(res, body); err != nil {
			return err
		}
		if into == nil {
			_, err := io.Copy(io.Discard, body)
			return err
		}
		// A fresh value for each attempt: a body that broke off must leave nothing behind for the next one.
		fresh := reflect.New(reflect.TypeOf(into).Elem())
		dec := json.NewDecoder(body)
		if err := dec.Decode(fresh.Interface()); err != nil {
			return c.notJSON(res, err)
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return c.notJSON(res, errors.New("more after the JSON value"))
		}
		reflect.ValueOf(into).Elem().Set(fresh.Elem())
		return nil
	})
}

// check turns a status outside 2xx into an error, and refuses a web page where JSON was asked for.
func (c *Client) check(res *Response, body io.Reader) error {
	if res.Status >= 200 && res.Status <= 299 {
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			return c.notJSON(res, errors.New("an HTML page"))
		}
		return nil
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	res.Body = b
	return res.Err()
}

var (
	errConnectTimeout = errors.New("no connection in time")
	errBodyTimeout    = errors.New("the answer's body took too long")
	errTooLarge       = errors.New("the answer's body is over the limit")
	errTryAgain       = errors.New("the server asks to try again")
)

// exchange sends a request until an attempt ends it, and hands the last answer to consume. The body that consume reads
// is bounded in size and time; an error of reading it counts as a broken connection.
func (c *Client) exchange(ctx context.Context, req Request, consume func(*Response, io.Reader) error) error {
	body, contentType, err := req.body()
	if err != nil {
		return err
	}
	target, err := c.target(req)
	if err != nil {
		return err
	}
	if req.Method == "" {
		req.Method = http.MethodGet
	}
	tries := 1
	if req.Idempotent && !req.Once {
		tries = c.tries
	}
	pace := backoff.NewExponentialBackOff()
	pace.InitialInterval, pace.MaxInterval = 300*time.Millisecond, 5*time.Second
	try := 0
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		try++
		return struct{}{}, c.attempt(ctx, req, target, body, contentType, try == tries, consume)
	}, backoff.WithBackOff(pace), backoff.WithMaxTries(uint(tries)), backoff.WithMaxElapsedTime(0))
	if permanent, ok := errors.AsType[*backoff.PermanentError](err); ok { // the last try returns its wrapping too
		err = permanent.Err
	}
	if err == nil {
		return nil
	}
	return c.failure(ctx, err)
}

// attempt sends the request once, following redirects within the origin where that is allowed. Errors that a second try
// cannot mend are backoff's permanent ones.
func (c *Client) attempt(ctx context.Context, req Request, target *url.URL, body []byte, contentType string, last bool,
	consume func(*Response, io.Reader) error,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	follow := req.Idempotent && (req.Method == http.MethodGet || req.Method == http.MethodHead)
	for hops := 0; ; hops++ {
		res, err := c.send(ctx, req, target, body, contentType)
		if err != nil {
			return c.retryable(ctx, err)
		}
		next, err := c.redirect(res, target, follow, hops)
		if err != nil {
			_ = res.Body.Close()
			return backoff.Permanent(err)
		}
		if next != nil {
			_ = res.Body.Close()
			target = next
			continue
		}
		if later := c.tryAgain(ctx, res); later != nil && !last {
			_ = res.Body.Close()
			return later
		}
		return c.read(ctx, cancel, req, res, consume)
	}
}

// read hands the body to consume, bounded.
func (c *Client) read(ctx context.Context, cancel context.CancelCauseFunc, req Request, res *http.Response,
	consume func(*Response, io.Reader) error,
) error {
	timer := func(d time.Duration) *time.Timer { return time.AfterFunc(d, func() { cancel(errBodyTimeout) }) }
	whole, idle := timer(c.opts.Timeouts.Body), timer(c.opts.Timeouts.BodyIdle)
	defer whole.Stop()
	defer idle.Stop()
	ends := time.Now().Add(c.opts.Timeouts.Body)
	progress := func(n int) {
		ends = ends.Add(time.Duration(n) * time.Second / leastRate)
		whole.Reset(time.Until(ends))
		idle.Reset(c.opts.Timeouts.BodyIdle)
	}
	limit := req.MaxBytes
	if limit <= 0 {
		limit = MaxBody
	}
	r := &boundedReader{r: res.Body, left: limit, progress: progress}
	answer := &Response{
		Status: res.StatusCode, Header: res.Header, Cookies: res.Cookies(),
		host: c.base.Host, credential: c.opts.Credential,
	}
	err := consume(answer, r)
	// Closed only here, and not drained: what is left of a body that nobody wants is not worth waiting for.
	_ = res.Body.Close()
	switch {
	case r.err != nil && errors.Is(r.err, errTooLarge):
		return backoff.Permanent(errTooLarge)
	case r.err != nil:
		return c.retryable(ctx, r.err)
	case err != nil:
		return backoff.Permanent(err)
	}
	return nil
}

// boundedReader ends with errTooLarge beyond its limit, and keeps the error that ended it, so that the decoder's error
// can be told from the connection's.
type boundedReader struct {
	r        io.Reader
	left     int64
	progress func(n int)
	err      error
}

// Read implements io.Reader.
func (b *boundedReader) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if n > 0 {
		b.progress(n)
	}
	if int64(n) > b.left {
		b.err = errTooLarge
		return int(b.left), b.err
	}
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// body encodes the request's body, once for all attempts.
func (r Request) body() (body []byte, contentType string, err error) {
	switch {
	case r.JSON != nil:
		if raw, ok := r.JSON.(json.RawMessage); ok { // json.Marshal would reformat it
			return raw, "application/json", nil
		}
		body, err = json.Marshal(r.JSON)
		if err != nil {
			return nil, "", &api.Error{Code: api.CodeInternal, Err: fmt.Errorf("writing a request as JSON: %w", err)}
		}
		return body, "application/json", nil
	case r.Form != "":
		return []byte(r.Form), "application/x-www-form-urlencoded", nil
	}
	return nil, "", nil
}

// target joins the base URL and the request's path without touching the path's escapes.
func (c *Client) target(req Request) (*url.URL, error) {
	if !strings.HasPrefix(req.Path, "/") || strings.ContainsAny(req.Path, "?#") {
		return nil, &api.Error{Code: api.CodeInternal, Err: errors.New("a request's path is malformed")}
	}
	u, err := url.Parse(c.base.String() + req.Path)
	if err != nil || !sameOrigin(u, c.base) {
		// err would quote the path, which may hold a key.
		return nil, &api.Error{Code: api.CodeInternal, Err: errors.New("a request's path is malformed")}
	}
	u.RawQuery = req.RawQuery
	if u.RawQuery == "" && len(req.Query) > 0 {
		u.RawQuery = req.Query.Encode()
	}
	return u, nil
}

func (c *Client) send(ctx context.Context, req Request, target *url.URL, body []byte, contentType string,
) (*http.Response, error) {
	if !sameOrigin(target, c.base) { // the last line of defence; redirect has refused it before
		return nil, errors.New("another origin")
	}
	var r io.Reader
	if body != nil {
		r = bytes.NewReader(body)
	}
	hr, err := http.NewRequestWithContext(ctx, req.Method, target.String(), r)
	if err != nil {
		return nil, errors.New("the request cannot be made")
	}
	for k, v := range req.Header {
		hr.Header[http.CanonicalHeaderKey(k)] = v
	}
	if contentType != "" {
		hr.Header.Set("Content-Type", contentType)
	}
	if hr.Header.Get("Accept") == "" {
		hr.Header.Set("Accept", "application/json, text/plain;q=0.9, */*;q=0.8")
	}
	hr.Header.Set("User-Agent", c.opts.UserAgent)
	if !c.nameless {
		hr.Header.Set("Authorization", c.authorization(req.Anonymous))
	}
	if len(req.Cookies) > 0 {
		pairs := make([]string, len(req.Cookies))
		for i, k := range req.Cookies {
			pairs[i] = k.Name + "=" + k.Value
		}
		hr.Header.Set("Cookie", strings.Join(pairs, "; "))
	}
	hr.Host = req.Host
	transport := c.reuse
	if hr.Method == http.MethodGet && !req.Idempotent {
		transport = c.once
	}
	return transport.RoundTrip(hr)
}

// authorization makes the one header that all versions of Jellyfin take. The server splits it at commas outside quotes
// and decodes percent escapes (and + as a blank) in the values, so that everything which could end a value or change
// under decoding is percent-encoded.
func (c *Client) authorization(anonymous bool) string {
	var b strings.Builder
	b.WriteString("MediaBrowser ")
	part := func(key, value string) {
		if value == "" {
			return
		}
		if b.Len() > len("MediaBrowser ") {
			b.WriteString(", ")
		}
		b.WriteString(key + `="` + quoteValue(value) + `"`)
	}
	part("Client", "Jellybind")
	part("Device", c.opts.Device)
	part("DeviceId", c.opts.DeviceID)
	part("Version", c.opts.Version)
	if !anonymous {
		part("Token", c.opts.Credential.Reveal())
	}
	return b.String()
}

func quoteValue(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if ch := s[i]; ch < ' ' || ch >= 0x7f || strings.IndexByte("\"\\,%+=", ch) >= 0 {
			fmt.Fprintf(&b, "%%%02X", ch)
		} else {
			b.WriteByte(ch)
		}
	}
	return b.String()
}

// redirect returns where an answer leads, nil when it is to be taken as it is, and an error when it must not be followed.
func (c *Client) redirect(res *http.Response, from *url.URL, follow bool, hops int) (*url.URL, error) {
	location := res.Header.Get("Location")
	if !follow || res.StatusCode < 300 || res.StatusCode > 399 || location == "" {
		return nil, nil
	}
	to, err := from.Parse(location)
	if err != nil || to.Host == "" {
		return nil, c.answerError("redirect-nowhere", nil)
	}
	if !sameOrigin(to, c.base) {
		return nil, c.redirectError(to)
	}
	if hops >= maxRedirects {
		return nil, c.answerError("redirect-circle", nil)
	}
	to.User, to.Fragment = nil, ""
	return to, nil
}

// sameOrigin compares scheme, host and port (RFC 6454).
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// tryAgain returns nil, or for an answer that asks to come back the error that makes backoff wait: as long as Retry-After
// says and a little longer, so that several clients do not come back at once. A wait over the limit, or past the caller's
// deadline, is no use.
func (c *Client) tryAgain(ctx context.Context, res *http.Response) error {
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return nil
	}
	wait, ok := retryAfter(res.Header.Get("Retry-After"), c.now())
	if !ok {
		return errTryAgain
	}
	deadline, limited := ctx.Deadline()
	if wait > c.opts.Timeouts.RetryWait || limited && time.Until(deadline) < wait {
		return nil
	}
	return &backoff.RetryAfterError{Duration: wait + rand.N(250*time.Millisecond)}
}

// retryAfter reads Retry-After: seconds, with leading zeros as Jellyfin writes them ("005"), or a date (RFC 9110,
// section 10.2.3).
func retryAfter(s string, now time.Time) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		const most = 24 * 60 * 60 // longer waits are all the same: too long
		return time.Duration(min(n, most)) * time.Second, true
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}
