package jellyfin

import (
	"cmp"
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jellybind/jellybind/backend/api"
)

// Jellyfin's discovery: it answers this question, sent to this UDP port, with its address, id and name.
const (
	discoveryPort     = 7359
	discoveryQuestion = "who is JellyfinServer?"
	maxDiscovery      = 4096 // bytes of an answer
	maxDiscovered     = 64   // servers; a flood of made-up ones ends there
	maxServerName     = 200  // characters
)

// DiscoverOptions are where and how long to ask.
type DiscoverOptions struct {
	// Targets are the addresses to ask. Empty means the broadcast address of every IPv4 interface.
	Targets []netip.AddrPort
	// Wait is how long answers are collected. Default 2 s.
	Wait time.Duration
}

// Discover asks the local network for Jellyfin servers and returns those that answer, sorted by name. Nobody answering
// is an empty list. Anything on the network can answer anything: what is no answer of Jellyfin's form is ignored, and
// the addresses are claims, to be checked with Find. The question is asked twice, since UDP loses packets.
func Discover(ctx context.Context, opts DiscoverOptions) ([]api.DiscoveredServer, error) {
	targets := opts.Targets
	if len(targets) == 0 {
		targets = broadcastAddresses()
	}
	if opts.Wait <= 0 {
		opts.Wait = 2 * time.Second
	}
	local := ""
	if !slices.ContainsFunc(targets, func(t netip.AddrPort) bool { return !t.Addr().IsLoopback() }) && len(targets) > 0 {
		local = targets[0].Addr().String()
	}
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(ctx, "udp4", net.JoinHostPort(local, "0"))
	if err != nil {
		return nil, noDiscovery(err)
	}
	defer conn.Close()
	end := time.Now().Add(opts.Wait)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := conn.SetReadDeadline(end); err != nil {
		return nil, noDiscovery(err)
	}
	if err := ask(conn, targets); err != nil {
		return nil, noDiscovery(err)
	}
	again := time.AfterFunc(opts.Wait/3, func() { _ = ask(conn, targets) })
	defer again.Stop()
	found := collect(conn)
	if ctx.Err() != nil && len(found) == 0 {
		return nil, contextError("the local network", ctx.Err())
	}
	return found, nil
}

// ask sends the question to all targets. It fails when it could be sent to none.
func ask(conn net.PacketConn, targets []netip.AddrPort) error {
	var failed error
	sent := false
	for _, t := range targets {
		if _, err := conn.WriteTo([]byte(discoveryQuestion), net.UDPAddrFromAddrPort(t)); err != nil {
			failed = err
			continue
		}
		sent = true
	}
	if sent {
		return nil
	}
	return failed
}

// collect reads answers until the deadline, or until there are more than any network has.
func collect(conn net.PacketConn) []api.DiscoveredServer {
	found := []api.DiscoveredServer{}
	buf := make([]byte, maxDiscovery+1)
	for packets := 0; len(found) < maxDiscovered && packets < 100*maxDiscovered; packets++ {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() { //nolint:errorlint // not wrapped
				break
			}
			continue // Windows reports an ICMP answer to an earlier packet here
		}
		server, ok := parseDiscovery(buf[:n])
		if ok && !slices.ContainsFunc(found, func(s api.DiscoveredServer) bool { return s.ID == server.ID }) {
			found = append(found, server)
		}
	}
	slices.SortFunc(found, func(a, b api.DiscoveredServer) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return found
}

// parseDiscovery reads one answer.
func parseDiscovery(b []byte) (api.DiscoveredServer, bool) {
	var wire struct {
		Address string `json:"Address"`
		ID      string `json:"Id"`
		Name    string `json:"Name"`
	}
	if len(b) > maxDiscovery || json.Unmarshal(b, &wire) != nil {
		return api.DiscoveredServer{}, false
	}
	id := UserID(wire.ID)
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return api.DiscoveredServer{}, false
	}
	u, err := baseURL(wire.Address)
	if err != nil {
		return api.DiscoveredServer{}, false
	}
	if _, _, err := splitHost(u.Host); err != nil {
		return api.DiscoveredServer{}, false
	}
	name := wire.Name
	if name == "" {
		name = u.Hostname()
	}
	if utf8.RuneCountInString(name) > maxServerName {
		name = string([]rune(name)[:maxServerName])
	}
	return api.DiscoveredServer{ID: id, Name: name, URL: u.String()}, true
}

// broadcastAddresses returns each IPv4 interface's directed broadcast address and the limited one: some systems send the
// limited one to the first interface only.
func broadcastAddresses() []netip.AddrPort {
	addrs := []netip.Addr{netip.AddrFrom4([4]byte{255, 255, 255, 255}), netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	interfaces, _ := net.Interfaces() // without them the limited one is all there is
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagBroadcast == 0 {
			continue
		}
		nets, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, n := range nets {
			if n, ok := n.(*net.IPNet); ok {
				if b, ok := directedBroadcast(n); ok && !slices.Contains(addrs, b) {
					addrs = append(addrs, b)
				}
			}
		}
	}
	targets := make([]netip.AddrPort, len(addrs))
	for i, a := range addrs {
		targets[i] = netip.AddrPortFrom(a, discoveryPort)
	}
	return targets
}

// directedBroadcast sets a network's host bits.
func directedBroadcast(n *net.IPNet) (netip.Addr, bool) {
	ip, mask := n.IP.To4(), n.Mask
	if len(mask) == net.IPv6len {
		mask = mask[12:]
	}
	if ip == nil || len(mask) != net.IPv4len {
		return netip.Addr{}, false
	}
	var b [4]byte
	for i := range b {
		b[i] = ip[i] | ^mask[i]
	}
	return netip.AddrFrom4(b), true
}

func noDiscovery(err error) error {
	return &api.Error{Code: api.CodeServerUnreachable, Why: "no-discovery", Err: err}
}
