package loopback

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

// The limits of a request, and how long the listener lives after the answer. A SAML response with a few hundred groups is
// about 100 kB. Browsers send the cookies of every program on the loopback, since cookies are not bound to a port.
const (
	maxHeaderBytes = 64 << 10
	maxBodyBytes   = 1 << 20
	readTimeout    = 10 * time.Second
	headerTimeout  = 5 * time.Second
	writeTimeout   = 2 * time.Minute
	answerTimeout  = time.Minute
	grace          = 500 * time.Millisecond
)

// Expect describes the one request that Wait waits for.
type Expect struct {
	// Method is GET or POST. The values of a POST come from its form, application/x-www-form-urlencoded.
	Method string
	// Path is the exact path in escaped form, such as "/jf/sso/OID/redirect/my%20idp".
	Path string
	// Match returns an error when the request does not belong to this sign-in: its state is not the one that was sent, or it
	// does not answer the AuthnRequest that was sent. The request is then refused and the wait goes on; the error's text is
	// not shown. Match may be called from several goroutines at once.
	Match func(url.Values) error
	// Target is where Listener.URL redirects to until the answer comes: the identity provider's address, http or https.
	// Empty means no redirect.
	Target string
	// Renew returns a target that has not expired, for requests that come long after the wait began. It may be called from
	// several goroutines at once. Nil means that Target does not expire.
	Renew func(context.Context) (string, error)
	// Host and RedirectURI are for the hint when nobody answers: the identity provider, and the address that it must
	// allow. Most providers show an error page for a redirect URI that they do not know, and send nothing to the loopback.
	// Both may be empty.
	Host, RedirectURI string
}

// MatchState returns an Expect.Match for an OAuth 2.0 authorization response (RFC 6749, sections 4.1.2 and 4.1.2.1) with
// this state: one code or one error, and no parameter twice.
func MatchState(state secret.Value) func(url.Values) error {
	return func(v url.Values) error {
		for name, values := range v {
			if len(values) != 1 {
				return fmt.Errorf("the parameter %q comes %d times", name, len(values))
			}
		}
		if state.IsZero() || subtle.ConstantTimeCompare([]byte(v.Get("state")), []byte(state.Reveal())) != 1 {
			return errors.New("another state")
		}
		if (v.Get("code") == "") == (v.Get("error") == "") {
			return errors.New("neither a code nor an error, or both")
		}
		return nil
	}
}

// Callback is the request that matched.
type Callback struct {
	Method string
	// Path is Expect.Path; RawQuery is the query as the browser sent it.
	Path, RawQuery string
	// Values are the query's values of a GET, the form's values of a POST.
	Values url.Values
}

// Page is what the person reads in the browser.
type Page struct {
	// OK is whether the sign-in succeeded.
	OK bool
	// Title and Text are plain text. Where they are empty, the listener fills them in, in its language.
	Title, Text string
}

// Wait serves until a request matches, runs answer once for it, shows the person the page that answer returns, and
// frees the port. It returns the error of answer. answer's context ends with ctx, but does not end when the person
// closes the tab; Wait never returns while answer runs.
//
// Without an answer, the error is api.CodeTimeout after Options.Timeout, and api.CodeCancelled as soon as ctx ends or
// Close is called. A listener can wait only once.
func (l *Listener) Wait(ctx context.Context, expect Expect, answer func(context.Context, Callback) (Page, error)) error {
	l.mu.Lock()
	again := l.waited
	l.waited = true
	l.mu.Unlock()
	if again {
		return errors.New("waiting on the loopback: this listener has waited already")
	}
	w, err := newWait(ctx, l, expect, answer)
	if err != nil {
		_ = l.Close()
		return err
	}
	defer w.cancel()

	server := &http.Server{
		Handler:                      http.HandlerFunc(w.serve),
		ReadTimeout:                  readTimeout,
		ReadHeaderTimeout:            headerTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  readTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(io.Discard, "", 0), // it would print parts of foreign requests
	}
	var serving sync.WaitGroup
	for _, ln := range l.listeners {
		serving.Go(func() {
			// Serve ends with an error when the listener is closed; the wait then ends by l.closing.
			_ = server.Serve(ln)
		})
	}
	err = w.result(ctx, l)

	// Let the page, and answers to requests that came at the same time, reach the browser. Idle connections that a
	// browser keeps open in advance do not count.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if ctx.Err() != nil || server.Shutdown(stop) != nil {
		_ = server.Close()
	}
	serving.Wait()
	if closed := l.Close(); err == nil {
		err = closed
	}
	return err
}

// wait is the state of one Wait. Its handler runs in many goroutines at once: claim makes sure that one of them answers.
type wait struct {
	expect   Expect
	segments []string
	hostPort string
	listener *Listener
	words    *words
	answer   func(context.Context, Callback) (Page, error)

	// ctx is answer's context. It outlives the request that brought the answer: the tab may be closed meanwhile.
	ctx    context.Context //nolint:containedctx // net/http's handlers take no context but the request's
	cancel context.CancelFunc

	mu      sync.Mutex
	taken   bool          // a request was claimed, or the wait is over
	claimed chan struct{} // closed when a request was claimed
	done    chan error    // receives what answer returned
}

func newWait(
	ctx context.Context, l *Listener, expect Expect, answer func(context.Context, Callback) (Page, error),
) (*wait, error) {
	segments, err := segments(expect.Path)
	if err != nil {
		return nil, fmt.Errorf("waiting on the loopback: %w", err)
	}
	if expect.Method != http.MethodGet && expect.Method != http.MethodPost {
		return nil, fmt.Errorf("waiting on the loopback: the method %q is neither GET nor POST", expect.Method)
	}
	if expect.Target != "" {
		u, err := url.Parse(expect.Target)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return nil, errors.New("waiting on the loopback: the target is not an http or https address")
		}
	}
	w := &wait{
		expect: expect, segments: segments, hostPort: l.HostPort(), listener: l,
		words: catalogue[l.language], answer: answer, claimed: make(chan struct{}), done: make(chan error, 1),
	}
	w.ctx, w.cancel = context.WithCancel(ctx)
	return w, nil
}

// result waits for the first event that ends the wait. Once a request is claimed, only answer's result counts.
func (w *wait) result(ctx context.Context, l *Listener) error {
	timer := time.NewTimer(l.timeout)
	defer timer.Stop()
	var ended error
	select {
	case <-w.claimed:
	case <-timer.C:
		ended = w.unanswered(l.timeout)
	case <-ctx.Done():
		ended = cancelled(context.Cause(ctx))
	case <-l.closing:
		ended = cancelled(nil)
	case <-l.abandoned:
		ended = errAbandoned
		if ctx.Err() != nil { // why show failed, too
			ended = cancelled(context.Cause(ctx))
		}
	}
	if ended != nil && w.claim() {
		return ended
	}
	select {
	case err := <-w.done:
		return w.interpret(ctx, err)
	case <-l.closing:
	case <-ctx.Done():
	}
	w.cancel()
	return w.interpret(ctx, <-w.done)
}

// unanswered is the error when no answer came in time. Its hint says what may have kept the answer away.
func (w *wait) unanswered(timeout time.Duration) error {
	e := &api.Error{
		Code: api.CodeTimeout, Why: "nobody-came",
		Params: map[string]string{"timeout": timeout.String(), "minutes": strconv.FormatFloat(timeout.Minutes(), 'g', 2, 64)},
	}
	if w.expect.RedirectURI != "" {
		e.Why = "nobody-came-there"
		e.Params["host"], e.Params["redirectUri"] = w.expect.Host, w.expect.RedirectURI
	}
	return e
}

// interpret turns an answer that ended because ctx did into a cancellation.
func (w *wait) interpret(ctx context.Context, err error) error {
	if err != nil && (ctx.Err() != nil || w.ctx.Err() != nil) && !api.IsCode(err, api.CodeCancelled) {
		return cancelled(err)
	}
	return err
}

// claim reports whether the caller is the first.
func (w *wait) claim() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken {
		return false
	}
	w.taken = true
	return true
}

func (w *wait) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken
}

// serve puts one request through the checks that the package comment lists.
func (w *wait) serve(rw http.ResponseWriter, r *http.Request) {
	secure(rw.Header())
	if !sameHost(r.Host, w.hostPort) {
		w.refuse(rw, http.StatusMisdirectedRequest, w.words.foreign)
		return
	}
	escaped := r.URL.EscapedPath()
	if w.expect.Target != "" && w.listener.isShort(escaped) {
		w.redirect(rw, r, escaped)
		return
	}
	got, err := segments(escaped)
	if err != nil || !slices.Equal(got, w.segments) {
		w.refuse(rw, http.StatusNotFound, w.words.foreign)
		return
	}
	if r.Method != w.expect.Method {
		rw.Header().Set("Allow", w.expect.Method)
		w.refuse(rw, http.StatusMethodNotAllowed, w.words.foreign)
		return
	}
	if !navigation(r.Header) {
		w.refuse(rw, http.StatusForbidden, w.words.foreign)
		return
	}
	values, status := w.values(rw, r)
	if status != 0 {
		w.refuse(rw, status, w.words.foreign)
		return
	}
	if err := w.expect.Match(values); err != nil {
		w.refuse(rw, http.StatusBadRequest, w.words.foreign)
		return
	}
	if !w.claim() {
		w.refuse(rw, http.StatusGone, w.words.late)
		return
	}
	close(w.claimed)
	w.respond(rw, Callback{Method: r.Method, Path: w.expect.Path, RawQuery: r.URL.RawQuery, Values: values})
}

// respond runs answer and shows its page. The result is delivered even if answer panics or the browser is gone.
func (w *wait) respond(rw http.ResponseWriter, callback Callback) {
	err := errors.New("answering on the loopback: the answer's handler panicked")
	defer func() { w.done <- err }()
	ctx, cancel := context.WithTimeout(w.ctx, answerTimeout)
	defer cancel()
	page, failed := w.answer(ctx, callback)
	err = failed
	status := http.StatusOK
	if !page.OK || failed != nil {
		page.OK = false
		status = http.StatusBadRequest
	}
	w.words.complete(&page, failed)
	w.write(rw, status, page)
}

// redirect sends a person who opened one of the listener's short addresses on to the identity provider, once. Neither a page
// that is open in the browser nor another user of this computer must be able to trigger that.
func (w *wait) redirect(rw http.ResponseWriter, r *http.Request, path string) {
	if r.Method != http.MethodGet {
		rw.Header().Set("Allow", http.MethodGet)
		w.refuse(rw, http.StatusMethodNotAllowed, w.words.foreign)
		return
	}
	site := r.Header.Get("Sec-Fetch-Site")
	if !navigation(r.Header) || (site != "" && site != "none" && site != "same-origin") {
		w.refuse(rw, http.StatusForbidden, w.words.foreign)
		return
	}
	if w.otherUser(r) {
		w.warn(WhyOtherUser)
		w.refuse(rw, http.StatusForbidden, w.words.foreign)
		return
	}
	if w.over() {
		w.refuse(rw, http.StatusGone, w.words.late)
		return
	}
	if !w.listener.use(path) {
		w.warn(WhyAgain)
		w.refuse(rw, http.StatusGone, w.words.again)
		return
	}
	target := w.expect.Target
	if w.expect.Renew != nil {
		// Where it cannot be renewed, the identity provider itself says what is wrong with the old one.
		if renewed, err := w.expect.Renew(r.Context()); err == nil {
			target = renewed
		}
	}
	rw.Header().Set("Location", target)
	rw.WriteHeader(http.StatusFound)
}

func (w *wait) warn(why api.Why) {
	if w.listener.warn != nil {
		w.listener.warn(why)
	}
}

// otherUser reports whether the system knows that a request comes from another user of this computer. Root is none: it can
// read Jellybind's memory, and programs of root pass on the connections of WSL and of containers.
func (w *wait) otherUser(r *http.Request) bool {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if err != nil || !ok {
		return false
	}
	uid, known := w.listener.peer(local.AddrPort(), remote)
	return known && uid != 0 && uid != os.Getuid()
}

// values reads what the request carries: the query of a GET, the form of a POST. A status other than 0 refuses it.
func (w *wait) values(rw http.ResponseWriter, r *http.Request) (url.Values, int) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, http.StatusBadRequest
	}
	if r.Method == http.MethodGet {
		if r.ContentLength != 0 {
			return nil, http.StatusBadRequest
		}
		return query, 0
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, http.StatusUnsupportedMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBodyBytes))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, http.StatusRequestEntityTooLarge
		}
		return nil, http.StatusBadRequest
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, http.StatusBadRequest
	}
	return form, 0
}

func (w *wait) refuse(rw http.ResponseWriter, status int, t text) {
	w.write(rw, status, Page{Title: t.title, Text: t.text})
}

func (w *wait) write(rw http.ResponseWriter, status int, page Page) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	// An error here means that the tab is closed; nobody would see a message.
	_ = pageTemplate.Execute(rw, struct {
		Page
		Lang, Close string
	}{page, w.words.lang, w.words.close})
}

// secure sets the headers of every answer: nothing is loaded, framed, sniffed or stored, and no referrer is sent.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// sameHost compares a Host header with ours; http's default port may be left out.
func sameHost(got, ours string) bool {
	return strings.EqualFold(got, ours) || strings.EqualFold(got+":80", ours)
}

// navigation reports whether a browser went to the address as a whole page, by the Fetch Metadata request headers
// (W3C): not as an image, a script, a frame or a fetch inside another page, nor ahead of time. Browsers that are too old
// to send the headers, and programs that are not browsers, pass this check and must pass Expect.Match.
func navigation(h http.Header) bool {
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	if dest := h.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
		return false
	}
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if strings.Contains(strings.ToLower(h.Get(name)), "prefetch") {
			return false
		}
	}
	return true
}

// segments splits an escaped path and decodes each part, so that paths are equal no matter which letters are escaped, while
// an escaped slash stays different from a slash.
func segments(escaped string) ([]string, error) {
	if !strings.HasPrefix(escaped, "/") {
		return nil, errors.New("the path does not begin with a slash")
	}
	parts := strings.Split(escaped[1:], "/")
	for i, part := range parts {
		decoded, err := url.PathUnescape(part)
		if err != nil {
			return nil, errors.New("the path is not well escaped")
		}
		parts[i] = decoded
	}
	return parts, nil
}
