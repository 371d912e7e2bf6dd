package loopback

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// peerUID returns the user who owns the other end of a connection on this computer. known is false if the system does not tell.
func peerUID(local, remote netip.AddrPort) (uid int, known bool) {
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		uid, known = ownerIn(f, remote, local)
		_ = f.Close()
		if known {
			return uid, true
		}
	}
	return 0, false
}

// ownerIn finds a socket in a table of /proc/net/tcp or tcp6 by its own and its peer's address (proc_net(5)), and returns its
// owner.
func ownerIn(table io.Reader, own, peer netip.AddrPort) (uid int, found bool) {
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		// sl, local_address, rem_address, st, two queues, tr and tm->when, retrnsmt, uid, …
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || socketAddress(fields[1]) != unmapped(own) || socketAddress(fields[2]) != unmapped(peer) {
			continue
		}
		uid, err := strconv.Atoi(fields[7])
		return uid, err == nil
	}
	return 0, false
}

// socketAddress reads an address of the tables: words of 32 bits in the byte order of the machine, and the port.
func socketAddress(s string) netip.AddrPort {
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, _ := netip.AddrFromSlice(raw)
	return unmapped(netip.AddrPortFrom(addr, uint16(n)))
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
