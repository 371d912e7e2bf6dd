package loopback

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A table as Linux on a little-endian machine writes it; the last line is an IPv6 socket with an IPv4 address.
const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:490D 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 21 1 0000000000000000 100 0 0 10 0
   1: 0100007F:490D 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 22 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:C350 0100007F:490D 01 00000000:00000000 00:00000000 00000000  1001        0 23 1 0000000000000000 20 4 30 10 -1
   3: 00000000000000000000000001000000:C351 00000000000000000000000001000000:490D 01 0:0 00:0 0  1002 0 24 1 0 20 4 30 10 -1
   4: 0000000000000000FFFF00000100007F:C352 0000000000000000FFFF00000100007F:490D 01 0:0 00:0 0  1003 0 25 1 0 20 4 30 10 -1
`

func TestOwnerIn(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]int{
		"127.0.0.1:50000": 1001, "[::1]:50001": 1002, "127.0.0.1:50002": 1003, "127.0.0.1:50003": -1, "[::1]:50000": -1,
	} {
		own := netip.MustParseAddrPort(address)
		peer := netip.MustParseAddrPort("127.0.0.1:18701")
		if own.Addr().Is6() {
			peer = netip.MustParseAddrPort("[::1]:18701")
		}
		uid, found := ownerIn(strings.NewReader(table), own, peer)
		if found != (want >= 0) || found && uid != want {
			t.Errorf("%s: %d, %v, want %d", address, uid, found, want)
		}
	}
}

// TestPeerUID connects as another user, where the test may.
func TestPeerUID(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	owner := func() (int, bool) {
		t.Helper()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		return peerUID(c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort())
	}
	own, err := net.DialTimeout("tcp4", l.Addr().String(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	if uid, known := owner(); !known || uid != os.Getuid() {
		t.Errorf("our own connection: %d, %v", uid, known)
	}
	bash, err := exec.LookPath("bash")
	if os.Getuid() != 0 || err != nil {
		return // nobody else can be played
	}
	const nobody = 65534
	port := l.Addr().(*net.TCPAddr).Port
	other := exec.CommandContext(t.Context(), bash, "-c", fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%d; read -u 3 -t 10", port))
	other.Dir = "/"
	other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if err := other.Start(); err != nil {
		t.Skipf("starting a program as another user: %v", err)
	}
	if uid, known := owner(); !known || uid != nobody {
		t.Errorf("another user's connection: %d, %v", uid, known)
	}
	_ = other.Wait() // it ends with the connection, and says that nothing came
}
