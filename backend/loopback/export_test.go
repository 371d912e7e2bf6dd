package loopback

import (
	"net"
	"net/netip"
)

// ListenOn serves on the test's listener, so that time can be simulated.
func ListenOn(opts Options, ln net.Listener) *Listener {
	return newListener(opts, hostIPv4, []net.Listener{ln})
}

// SetPeer sets the user whose connections these are.
func (l *Listener) SetPeer(peer func(local, remote netip.AddrPort) (uid int, known bool)) {
	l.peer = peer
}

// MaxBodyBytes is the bound of a form.
const MaxBodyBytes = maxBodyBytes
