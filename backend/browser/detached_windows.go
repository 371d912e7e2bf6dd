package browser

import "syscall"

// detached keeps the browser out of our process group, so that Ctrl-C ends the wait and not the browser.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
