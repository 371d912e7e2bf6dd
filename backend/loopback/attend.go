package loopback

import (
	"context"
	"errors"
)

// Attend runs show beside Wait: the listener serves already while the address is shown, and show may take its time, as a
// browser that has to start does. show's context ends with the wait, and Attend returns when both have ended.
//
// An error of show ends the wait, unless the answer has come already; then, as otherwise, the errors are Wait's.
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
			default: // somebody attends a second time, which Wait refuses
			}
		}
		shown <- err
	}()
	err := l.Wait(ctx, expect, answer)
	hide()
	// What show says once it was hidden counts for nothing: its context has ended.
	if failed := <-shown; errors.Is(err, errAbandoned) {
		return failed
	}
	return err
}

// errAbandoned ends a wait for which the address could not be shown.
var errAbandoned = errors.New("waiting on the loopback: the address could not be shown")
