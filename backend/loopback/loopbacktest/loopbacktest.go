// Package loopbacktest chooses ports for tests that must name one before it is used.
package loopbacktest

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
)

// fatal is a test, or the part of one that testscript gives to its scripts.
type fatal interface {
	Fatalf(format string, args ...any)
}

// FreePort is a port of 127.0.0.1 that nothing listens on. It is none of those that the kernel gives to outgoing connections
// (on Linux those from 32,768 on), for it could give the port away before it is used; its five digits begin with 3, as the
// command line's golden files expect.
func FreePort(t fatal) int {
	const first, end = 30_000, 32_700
	for range 100 {
		port := first + rand.IntN(end-first)
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = l.Close()
		return port
	}
	t.Fatalf("no port is free")
	return 0
}
