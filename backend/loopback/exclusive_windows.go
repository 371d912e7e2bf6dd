package loopback

import "syscall"

// probeFirst is false: SO_EXCLUSIVEADDRUSE refuses what another program holds, on whichever address.
const probeFirst = false

// soExclusiveAddrUse is SO_EXCLUSIVEADDRUSE of winsock2.h, ~SO_REUSEADDR. Without it another program could bind the same
// port with SO_REUSEADDR and catch the answer.
const soExclusiveAddrUse = ^syscall.SO_REUSEADDR

func exclusive(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(syscall.Handle(fd), syscall.SOL_SOCKET, soExclusiveAddrUse, 1)
	})
	if err != nil {
		return err
	}
	return failed
}

// noIPv6Errors are what binding [::1] answers on a machine without it: WSAEPROTONOSUPPORT, WSAEAFNOSUPPORT,
// WSAEADDRNOTAVAIL and WSAENETUNREACH of winsock2.h.
var noIPv6Errors = []syscall.Errno{10043, 10047, 10049, 10051}
