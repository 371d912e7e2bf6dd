// Package process ends the process in good order when a signal asks for it, and attaches it to a console.
package process

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Ending returns a context that ends with the first signal that ends a command in good order: what it is writing is written to
// its end. A second Ctrl-C, or SIGTERM, ends the process at once. SIGHUP never does: when a terminal is closed, it comes from
// the system and once more from the shell.
func Ending(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	outlivePipes()
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	notifyHangup(end)
	go func() {
		select {
		case <-end:
			signal.Reset(os.Interrupt, syscall.SIGTERM)
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// OnHangup calls quit when the window's terminal is closed, instead of ending the process. Wails has handlers of its own for
// the other signals.
func OnHangup(quit func()) {
	outlivePipes()
	hangup := make(chan os.Signal, 1)
	notifyHangup(hangup)
	go func() {
		<-hangup
		quit()
	}()
}

// notifyHangup catches SIGHUP, unless nohup has switched it off.
func notifyHangup(c chan<- os.Signal) {
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(c, syscall.SIGHUP)
	}
}

// outlivePipes makes writing to a pipe that nobody reads any more an error like any other. Go ends a process that does so to
// its standard output or error, which may be in the middle of a change. The signal is caught and not ignored, for the programs
// that we start would inherit that.
func outlivePipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
