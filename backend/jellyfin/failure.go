package jellyfin

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/jellybind/jellybind/backend/api"
)

// StatusError is the cause of an error that stands for an answer outside 2xx.
type StatusError struct {
	Status int
	// RetryAfter is the header's value; empty when there was none.
	RetryAfter string
	// Said is the server's own short text, fit to be shown; empty when it gave none that helps.
	Said string
}

// Error names the status.
func (e *StatusError) Error() string {
	if e.Said != "" {
		return fmt.Sprintf("status %d: %s", e.Status, e.Said)
	}
	return fmt.Sprintf("status %d", e.Status)
}

// StatusOf returns the HTTP status that err stands for, 0 when it stands for none.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e.Status
	}
	return 0
}

// RetryAfterOf returns how long the answer that err stands for asks to wait, 0 when it does not say.
func RetryAfterOf(err error, now time.Time) time.Duration {
	e, ok := errors.AsType[*StatusError](err)
	if !ok {
		return 0
	}
	d, _ := retryAfter(e.RetryAfter, now)
	return d
}

// permanentlyAway reports whether a server that cannot be reached will not be reached in a minute either.
func permanentlyAway(err error) bool {
	name, ok := errors.AsType[*net.DNSError](err)
	return isPlainHTTP(err) || ok && name.IsNotFound
}

// Err is nil for 2xx. Any other status is an *api.Error whose cause is a *StatusError: 401 CodeCredentialRefused, 403
// CodeForbidden, 429 CodeRateLimited, 503 CodeServerStarting, 502 and 504 CodeServerUnreachable, 3xx CodeRedirectRefused,
// all else CodeServerRefused.
func (r *Response) Err() error {
	if r.Status >= 200 && r.Status <= 299 {
		return nil
	}
	said := r.Text()
	e := &api.Error{
		Code:   api.CodeServerRefused,
		Params: map[string]string{"host": r.host, "status": strconv.Itoa(r.Status)},
		Err:    &StatusError{Status: r.Status, RetryAfter: r.Header.Get("Retry-After"), Said: said},
	}
	if said != "" {
		e.Params["said"] = said
	}
	switch {
	case r.Status == http.StatusUnauthorized:
		e.Code = api.CodeCredentialRefused
		e.Why = "status-401"
	case r.Status == http.StatusForbidden:
		e.Code = api.CodeForbidden
		e.Why = "status-403"
	case r.Status == http.StatusTooManyRequests:
		e.Code = api.CodeRateLimited
		e.Why = "status-429"
		if s := strings.TrimSpace(r.Header.Get("Retry-After")); s != "" && len(s) < 64 {
			e.Params["retryAfter"] = api.Printable(s)
		}
	case r.Status == http.StatusServiceUnavailable:
		e.Code = api.CodeServerStarting
		e.Why = "starting"
	case r.Status == http.StatusBadGateway || r.Status == http.StatusGatewayTimeout:
		e.Code = api.CodeServerUnreachable
		e.Why = "proxy"
	case r.Status >= 300 && r.Status <= 399:
		e.Code = api.CodeRedirectRefused
		e.Why = "status-3xx"
	case r.Status == http.StatusNotFound:
		e.Why = "status-404"
	case r.Status >= 500:
		e.Why = "status-5xx"
	default:
		e.Why = "status"
	}
	if said != "" {
		e.Params["because"] = string(whySaid)
	}
	return e
}

// whySaid is why an error came about in the server's own words.
const whySaid api.Why = "said"

// Text returns the server's text where it is one for people: the first line of a plain text or of a JSON string, shortened as
// api.Short does. It is empty for Jellyfin's "Error processing request.", for problem JSON, pages, stack traces and other texts
// that help nobody. It never holds the credential.
func (r *Response) Text() string {
	mediaType := strings.TrimSpace(strings.SplitN(r.Header.Get("Content-Type"), ";", 2)[0])
	s := string(r.Body)
	switch mediaType {
	case "text/plain":
	case "application/json":
		if json.Unmarshal(r.Body, &s) != nil {
			return ""
		}
	default:
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if strings.HasPrefix(first, "<") || strings.HasPrefix(first, "{") || strings.HasPrefix(first, "Error processing request") ||
		strings.Contains(s, "Exception") {
		return ""
	}
	if token := r.credential.Reveal(); token != "" {
		first = strings.ReplaceAll(first, token, r.credential.String())
	}
	return api.Short(first)
}

// retryable marks the errors that a second try cannot mend as permanent.
func (c *Client) retryable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return backoff.Permanent(cause)
	}
	name, isName := errors.AsType[*net.DNSError](err)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case certificateFailure(c.base.Host, err) != nil, isPlainHTTP(err), isMalformed(err), errors.Is(err, errConnectTimeout),
		isName && name.IsNotFound, isNet && timeout.Timeout():
		return backoff.Permanent(err)
	}
	return err
}

// failure turns what ended an exchange into an *api.Error. Causes never hold a URL: net/http's *url.Error, which quotes
// the query, does not occur below the transport.
func (c *Client) failure(ctx context.Context, err error) error {
	host := c.base.Host
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	if ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return contextError(host, err)
	}
	if e := certificateFailure(host, err); e != nil {
		return e
	}
	unreachable := func(why api.Why) *api.Error {
		return &api.Error{
			Code: api.CodeServerUnreachable, Why: why, Params: map[string]string{"host": host, "hostname": c.base.Hostname()}, Err: err,
		}
	}
	name, isName := errors.AsType[*net.DNSError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, errTooLarge):
		return c.answerError("too-much", err)
	case errors.Is(err, errBodyTimeout):
		return timeoutError("stopped", host, err)
	case errors.Is(err, errConnectTimeout):
		return timeoutError("unconnected", host, err)
	case isPlainHTTP(err):
		return unreachable("no-tls")
	case isMalformed(err):
		return c.answerError("no-http", err)
	case isName && name.IsNotFound:
		return unreachable("no-host")
	case isName:
		return unreachable("no-lookup")
	case isNet && timeout.Timeout():
		return timeoutError("silent", host, err)
	case isOp && op.Op == "dial":
		reason := dialReason(err)
		e := unreachable("no-connection")
		switch e.Params["why"] = reason; reason {
		case "connection refused":
			e.Why = "connection-refused"
		case "no route to host", "network is unreachable":
			e.Why = "no-route"
		}
		return e
	}
	return unreachable("broken")
}

func contextError(host string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return timeoutError("silent", host, err)
	}
	return &api.Error{Code: api.CodeCancelled, Err: err}
}

func timeoutError(why api.Why, host string, err error) error {
	return &api.Error{Code: api.CodeTimeout, Why: why, Params: map[string]string{"host": host}, Err: err}
}

// answerError tells of an answer that no Jellyfin gives.
func (c *Client) answerError(why string, cause error) *api.Error {
	return &api.Error{
		Code: api.CodeServerAnswer, Why: "odd-answer",
		Params: map[string]string{"host": c.base.Host, "why": why},
		Err:    cause,
	}
}

// notJSON tells of an answer that is not the JSON asked for. The decoder's error may quote the body, and is dropped.
func (c *Client) notJSON(res *Response, err error) error {
	if errors.Is(err, errTooLarge) {
		return c.answerError("too-much", err)
	}
	why := "not-api"
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return &api.Error{
			Code: api.CodeServerAnswer, Why: "odd-field", Params: map[string]string{"host": c.base.Host, "field": wrong.Field},
		}
	}
	switch {
	case strings.HasPrefix(res.Header.Get("Content-Type"), "text/html"):
		why = "web-page"
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		why = "cut-short"
	}
	return c.answerError(why, nil)
}

func (c *Client) redirectError(to *url.URL) error {
	origin := api.Printable(to.Scheme + "://" + to.Host)
	why := api.Why("redirects")
	if to.Scheme == "http" && c.base.Scheme == "https" {
		why = "redirects-open"
	}
	return &api.Error{
		Code:   api.CodeRedirectRefused,
		Why:    why,
		Params: map[string]string{"host": c.base.Host, "to": origin},
	}
}

func isPlainHTTP(err error) bool {
	if err == nil {
		return false
	}
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	return notTLS || errors.Is(err, http.ErrSchemeMismatch)
}

// isMalformed recognises net/http's errors about an answer that is not HTTP; they have no type of their own.
func isMalformed(err error) bool {
	s := err.Error()
	return strings.Contains(s, "malformed HTTP") || strings.Contains(s, "malformed MIME") ||
		strings.Contains(s, "server response headers exceeded") || strings.Contains(s, "bad Content-Length")
}

// dialReason says why no connection came about, without the system's jargon around it.
func dialReason(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
