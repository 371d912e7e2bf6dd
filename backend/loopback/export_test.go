package loopback

import "net"

// ListenOn serves on a listener of the test's, so that time can be simulated.
func ListenOn(opts Options, ln net.Listener) *Listener {
	return newListener(opts, hostIPv4, []net.Listener{ln})
}

// MaxBodyBytes is the bound of a form.
const MaxBodyBytes = maxBodyBytes
