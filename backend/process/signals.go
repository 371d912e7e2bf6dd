// Package process handles what the operating system sends and gives a process: signals and the console.
package process

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Ending returns a context that ends with the first signal, so that a command can finish what it is writing. A second SIGINT
// or SIGTERM ends the process at once. A second SIGHUP does not: when a terminal is closed, the system and the shell each
// send one.
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

// OnHangup calls quit when the terminal that the window was started from is closed. Otherwise the process would end at once.
// Wails handles the other signals.
func OnHangup(quit func()) {
	outlivePipes()
	hangup := make(chan os.Signal, 1)
	notifyHangup(hangup)
	go func() {
		<-hangup
		quit()
	}()
}

// notifyHangup catches SIGHUP, unless it is ignored, as with nohup.
func notifyHangup(c chan<- os.Signal) {
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(c, syscall.SIGHUP)
	}
}

// outlivePipes turns writing to a closed pipe into an ordinary error. Otherwise Go ends a process that writes to a closed
// standard output or error, even in the middle of a change. The signal is caught and not ignored, because child processes
// would inherit that.
func outlivePipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
