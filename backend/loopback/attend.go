package loopback

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
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
			close(l.abandoned)
		}
		shown <- err
	}()
	err := l.Wait(ctx, expect, answer)
	hide()
	if failed := <-shown; failed != nil && ctx.Err() == nil && api.IsCode(err, api.CodeCancelled) {
		return failed
	}
	return err
}
