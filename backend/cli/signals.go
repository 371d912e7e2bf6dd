package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// Signals are those that end a command in good order: what it is writing is written to its end. A terminal that is closed
// sends SIGHUP, unless nohup has switched that off.
func Signals() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}
