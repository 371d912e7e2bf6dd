//go:build !windows

package loopback

import "syscall"

// noIPv6Errors are what binding [::1] answers on a machine without it.
var noIPv6Errors = []syscall.Errno{syscall.EPROTONOSUPPORT, syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL, syscall.ENETUNREACH}
