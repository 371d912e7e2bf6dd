package link

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// patience is how long a change that is half made is retried. A Jellyfin restarts within a minute, and the plugin's rate
// limit counts requests per minute.
const patience = 2 * time.Minute

// patiently repeats do while it fails in a way that passes by itself. It waits up to 5 s between tries, or as long as the
// server says (Retry-After). It returns the last error once that error does not pass, patience has run out, or ctx has ended.
func patiently(ctx context.Context, now func() time.Time, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pace := backoff.NewExponentialBackOff()
	pace.MaxInterval = 5 * time.Second
	var last error
	_, _ = backoff.Retry(ctx, func() (struct{}, error) { // its error is last, or that ctx has ended
		last = do(ctx)
		if last != nil && !passes(last) {
			return struct{}{}, backoff.Permanent(last)
		}
		if wait := jellyfin.RetryAfterOf(last, now()); wait > 0 {
			return struct{}{}, &backoff.RetryAfterError{Duration: wait}
		}
		return struct{}{}, last
	}, backoff.WithBackOff(pace), backoff.WithMaxElapsedTime(patience))
	return last
}

// insist is patiently for a step of a change.
func (l *Linker) insist(ctx context.Context, step func(context.Context) outcome) (o outcome) {
	_ = patiently(ctx, l.Now, func(ctx context.Context) error { // o has the error
		o = step(ctx)
		return o.err
	})
	return o
}

// passes reports whether a failure may pass by itself. A server that restarts gives no answer at first, then 503, and then
// 404 until the plugin is loaded; one that is busy asks for a pause.
func passes(err error) bool {
	switch api.CodeOf(err) { //nolint:exhaustive // the others do not pass by waiting
	case api.CodeServerStarting, api.CodePluginMissing, api.CodeRateLimited:
		return true
	}
	return answerLost(err)
}

// answerLost reports whether a request got no answer from Jellyfin, so that it may still be carried out.
func answerLost(err error) bool {
	return api.IsCode(err, api.CodeServerUnreachable) || api.IsCode(err, api.CodeTimeout)
}

// uncertain reports whether a write with this error may have been stored all the same: no answer, a broken one, or any 5xx.
func uncertain(err error) bool {
	return answerLost(err) || api.IsCode(err, api.CodeServerAnswer) || errors.Is(err, ssoplugin.ErrUnread) ||
		jellyfin.StatusOf(err) >= http.StatusInternalServerError
}
