package idp

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
)

// checkLoopback returns an error unless address is a plain http address on a loopback host. Any port and path are fine:
// RFC 8252 section 7.3 asks a provider to leave the port to the application.
func checkLoopback(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the address cannot be read")
	}
	switch {
	case u.Scheme != "http":
		return nil, fmt.Errorf("the address begins with %q, not with http", u.Scheme)
	case u.Opaque != "" || u.User != nil || u.Fragment != "" || u.RawFragment != "":
		return nil, errors.New("the address has a part that does not belong there")
	}
	if host := u.Hostname(); host != "localhost" {
		ip, err := netip.ParseAddr(host)
		if err != nil || (ip != netip.AddrFrom4([4]byte{127, 0, 0, 1}) && ip != netip.IPv6Loopback()) {
			return nil, fmt.Errorf("the host %q is not this computer", host)
		}
	}
	return u, nil
}
