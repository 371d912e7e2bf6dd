package loopback_test

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/loopback"
)

// warnings collects the calls of Options.Warn.
type warnings struct {
	mu   sync.Mutex
	told []api.Why
}

func (w *warnings) hear(why api.Why) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, why)
}

func (w *warnings) all() []api.Why {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.told)
}

// TestShortAddressWorksOnce: other users can read the address on the browser's command line. A second request is reported,
// whatever user came first.
func TestShortAddressWorksOnce(t *testing.T) {
	t.Parallel()
	var heard warnings
	r := start(t, loopback.Options{Warn: heard.hear}, expectState("GET", "/cb", "s"), loopback.Page{OK: true}, nil)
	first, second := r.l.URL(), r.l.URL()
	if first == second {
		t.Fatal("one address for two")
	}
	// A request that is refused for another reason does not use it up.
	send(t, "POST", first, "", nil)
	send(t, "GET", first, "", map[string]string{"Sec-Purpose": "prefetch"})
	if resp, _ := send(t, "GET", first, "", nil); resp.StatusCode != 302 || len(heard.all()) != 0 {
		t.Errorf("first use: %d, told %v", resp.StatusCode, heard.all())
	}
	resp, body := send(t, "GET", first, "", nil)
	if resp.StatusCode != 410 || resp.Header.Get("Location") != "" || !strings.Contains(body, "works once") {
		t.Errorf("second use: %d %s", resp.StatusCode, body)
	}
	if told := heard.all(); !slices.Equal(told, []api.Why{loopback.WhyAgain}) {
		t.Errorf("told %v", told)
	}
	if resp, _ := send(t, "GET", second, "", nil); resp.StatusCode != 302 {
		t.Errorf("another address: %d", resp.StatusCode)
	}
}

// TestShortAddressIsForItsUser: another user of the computer is refused, and does not use it up.
func TestShortAddressIsForItsUser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		uid   int
		known bool
		want  int
	}{
		"another user":            {os.Getuid() + 1, true, 403},
		"the same user":           {os.Getuid(), true, 302},
		"root":                    {0, true, 302},
		"the system does not say": {os.Getuid() + 1, false, 302},
	} {
		var heard warnings
		l, err := loopback.Listen(t.Context(), loopback.Options{Warn: heard.hear})
		if err != nil {
			t.Fatal(err)
		}
		var uid atomic.Int64
		uid.Store(int64(c.uid))
		l.SetPeer(func(local, remote netip.AddrPort) (int, bool) {
			if int(local.Port()) != l.Port() || !remote.Addr().IsLoopback() {
				t.Errorf("asked for %s and %s", local, remote)
			}
			return int(uid.Load()), c.known
		})
		r := serve(t, l, expectState("GET", "/cb", "s"), loopback.Page{OK: true}, nil)
		short := r.l.URL()
		resp, _ := send(t, "GET", short, "", nil)
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, c.want)
		}
		if c.want != 403 {
			continue
		}
		if told := heard.all(); !slices.Equal(told, []api.Why{loopback.WhyOtherUser}) {
			t.Errorf("%s: told %v", name, told)
		}
		uid.Store(int64(os.Getuid()))
		if resp, _ := send(t, "GET", short, "", nil); resp.StatusCode != 302 {
			t.Errorf("%s: afterwards its own user gets %d", name, resp.StatusCode)
		}
	}
}
