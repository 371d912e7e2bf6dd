package link

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// patience is for how long a change that is half made is tried to be completed. A Jellyfin restarts within a minute, and
// Flowfin's plugin counts requests by the minute.
const patience = 2 * time.Minute

// patiently repeats what a change needs to be whole, as long as it fails in a way that passes by itself: at a pace that
// slows down to 5 s, or when the server says (Retry-After). It returns the last failure once that is of another kind,
// patience has run out, or ctx has ended.
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

// passes reports whether a failure may pass by itself: of a server that restarts, first without an answer, then with 503,
// then without the plugin's routes, and of one that wants a pause.
func passes(err error) bool {
	switch api.CodeOf(err) { //nolint:exhaustive // the others do not pass by waiting
	case api.CodeServerStarting, api.CodePluginMissing, api.CodeRateLimited:
		return true
	}
	return answerLost(err)
}

// answerLost reports whether nobody knows what the server did with a request.
func answerLost(err error) bool {
	return api.IsCode(err, api.CodeServerUnreachable) || api.IsCode(err, api.CodeTimeout)
}
