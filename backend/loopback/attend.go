package loopback

import (
	"context"
	"errors"
)

// Attend runs show and Wait at the same time: the listener serves while the address is shown, and show may take as long as
// a browser needs to start. show's context ends with the wait, and Attend returns when both have ended.
//
// An error of show ends the wait, unless the answer has come already. All other errors are Wait's.
func (l *Listener) Attend(
	ctx context.Context, expect Expect, show func(context.Context) error,
	answer func(context.Context, Callback) (Page, error),
) error {
	showing, hide := context.WithCancel(ctx)
	defer hide()
	shown := make(chan error, 1)
	go func() {
		err := show(showing)
		if err != nil {
			select {
			case l.abandoned <- struct{}{}:
			default: // a second Attend, which Wait refuses
			}
		}
		shown <- err
	}()
	err := l.Wait(ctx, expect, answer)
	hide()
	// An error of show after the wait does not count: its context has ended.
	if failed := <-shown; errors.Is(err, errAbandoned) {
		return failed
	}
	return err
}

// errAbandoned ends a wait when the address could not be shown.
var errAbandoned = errors.New("waiting on the loopback: the address could not be shown")
