package jellyfin_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// responder answers each packet on a UDP port of the loopback.
func responder(t *testing.T, answer func(question string) []string) (netip.AddrPort, *atomic.Int32) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	asked := new(atomic.Int32)
	go func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			asked.Add(1)
			for _, a := range answer(string(buf[:n])) {
				_, _ = conn.WriteTo([]byte(a), from)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort(), asked
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	genuine := func(name string) func(string) []string {
		return func(question string) []string {
			if question != "who is JellyfinServer?" {
				return nil
			}
			a := strings.ReplaceAll(fill(recorded(t, "discovery (UDP 7359)", "who is JellyfinServer?", "").Body), "vm", name)
			return []string{a, a}
		}
	}
	vm, asked := responder(t, genuine("vm"))
	twin, _ := responder(t, genuine("a twin on another interface")) // the same id
	id := strings.Repeat("5", 32)
	hostile, _ := responder(t, func(string) []string {
		var all []string
		for _, address := range []string{
			"", "javascript:alert(1)", "file:///etc/passwd", "http://", "http://user:pw@a", "http://a?x", "http://a b", "ftp://a", "//a",
			"http://a\n", "http://[::1", "http://\u202ea",
		} {
			all = append(all, fmt.Sprintf(`{"Address":%q,"Id":%q,"Name":"bad"}`, address, id))
		}
		return append(all,
			"", "not JSON", "[]", "null", `{"Address":`, strings.Repeat("x", 5000),
			`{"Address":"http://a","Id":"`+id+`","Name":"`+strings.Repeat("x", 5000)+`"}`,
			`{"Address":"http://a","Id":"short","Name":"bad"}`,
			`{"Address":"http://a","Id":"`+strings.Repeat("z", 32)+`","Name":"bad"}`,
			`{"Address":"https://media.example.com/jf/","Id":"55555555-5555-5555-5555-555555555555","Name":"Zoë","EndpointAddress":null}`)
	})
	begun := time.Now()
	found, err := jellyfin.Discover(t.Context(), jellyfin.DiscoverOptions{
		Targets: []netip.AddrPort{vm, twin, hostile}, Wait: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 2 && found[0].Name == "a twin on another interface" { // whichever packet came first
		found[0].Name = "vm"
	}
	want := []api.DiscoveredServer{
		{ID: serverID, Name: "vm", URL: "http://127.0.0.1:8120"},
		{ID: id, Name: "Zoë", URL: "https://media.example.com/jf"},
	}
	if d := cmp.Diff(want, found); d != "" {
		t.Error(d)
	}
	if took := time.Since(begun); took > 20*time.Second || took < 900*time.Millisecond {
		t.Errorf("took %s", took)
	}
	if n := asked.Load(); n != 2 { // once more, for lost packets
		t.Errorf("asked %d times", n)
	}
}

func TestDiscoverNobody(t *testing.T) {
	t.Parallel()
	mute, _ := responder(t, func(string) []string { return nil })
	opts := jellyfin.DiscoverOptions{Targets: []netip.AddrPort{mute}, Wait: 50 * time.Millisecond}
	found, err := jellyfin.Discover(t.Context(), opts)
	if err != nil || found == nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
	opts.Wait = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = jellyfin.Discover(ctx, opts)
	wantCode(t, err, api.CodeCancelled)
}

func TestDiscoverFlood(t *testing.T) {
	t.Parallel()
	flood, _ := responder(t, func(string) []string {
		all := make([]string, 200)
		for i := range all {
			all[i] = fmt.Sprintf(`{"Address":"http://a","Id":"%032x","Name":"n"}`, i)
		}
		return all
	})
	found, err := jellyfin.Discover(t.Context(), jellyfin.DiscoverOptions{Targets: []netip.AddrPort{flood}, Wait: time.Second})
	if err != nil || len(found) > 64 {
		t.Errorf("%d servers, %v", len(found), err)
	}
}

func TestDirectedBroadcast(t *testing.T) {
	t.Parallel()
	for cidr, want := range map[string]string{
		"192.168.1.10/24": "192.168.1.255", "10.1.2.3/8": "10.255.255.255", "172.16.5.4/20": "172.16.15.255", "1.2.3.4/32": "1.2.3.4",
		"fe80::1/64": "",
	} {
		ip, n, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := jellyfin.DirectedBroadcast(&net.IPNet{IP: ip, Mask: n.Mask})
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %s, %v", cidr, got, ok)
		}
	}
	for _, a := range jellyfin.BroadcastAddresses() {
		if a.Port() != 7359 || !a.Addr().Is4() {
			t.Errorf("would ask %s", a)
		}
	}
}

func FuzzDiscoveryAnswer(f *testing.F) {
	f.Add([]byte(`{"Address":"http://127.0.0.1:8120","Id":"44444444444444444444444444444444","Name":"vm","EndpointAddress":null}`))
	f.Add([]byte(`{"Address":"https://a/jf/","Id":"44444444-4444-4444-4444-444444444444"}`))
	f.Add([]byte(`{"address":"http://[fe80::1%25a]:1","id":"` + strings.Repeat("A", 32) + `","name":"\u202e"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := jellyfin.ParseDiscovery(b)
		if !ok {
			if s != (api.DiscoveredServer{}) {
				t.Fatalf("%q: refused, yet %+v", b, s)
			}
			return
		}
		u, err := url.Parse(s.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(s.ID) != 32 ||
			s.Name == "" || len([]rune(s.Name)) > 200 {
			t.Fatalf("%q became %+v", b, s)
		}
		if _, err := jellyfin.New(jellyfin.Options{URL: s.URL}); err != nil {
			t.Fatalf("%q became %+v, which is no base URL", b, s)
		}
	})
}
