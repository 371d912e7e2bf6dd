package jellyfin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/tlspin"
)

const localID = "0123456789abcdef0123456789abcdef"

// requests are those that came to a server.
type requests struct {
	mu   sync.Mutex
	list []*http.Request
}

// info is a server that says who it is, names local as its address in the local network, and answers "ok" otherwise.
func info(id, local string, got *requests) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if got != nil {
			got.mu.Lock()
			got.list = append(got.list, r.Clone(context.Background()))
			got.mu.Unlock()
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/System/Info/Public") {
			_, _ = fmt.Fprintf(w, `{"LocalAddress":%q,"ServerName":"nas","Version":"10.11.11","ProductName":"Jellyfin Server",`+
				`"Id":%q,"StartupWizardCompleted":true}`, local, id)
			return
		}
		_, _ = io.WriteString(w, `"ok"`)
	}
}

func redirect(to string) http.HandlerFunc {
	return http.RedirectHandler(to, http.StatusFound).ServeHTTP
}

// TestLocalSendsNothingOfOurs: what reaches the address in the local network is the sign-in's, and no more.
func TestLocalSendsNothingOfOurs(t *testing.T) {
	t.Parallel()
	var got requests
	l, err := jellyfin.OpenLocal(t.Context(), jellyfin.LocalOptions{URL: serve(t, info(localID, "", &got)) + "/jf/", ServerID: localID})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := l.Do(t.Context(), jellyfin.Request{
		Path: "/sso/OID/redirect/kc", RawQuery: "state=s", Host: "127.0.0.1:18701", Cookies: []*http.Cookie{{Name: "sso", Value: "b"}},
	})
	if err != nil || resp.Status != http.StatusOK {
		t.Fatal(resp, err)
	}
	if len(got.list) != 2 {
		t.Fatalf("%d requests", len(got.list))
	}
	for i, r := range got.list {
		for _, name := range []string{"Authorization", "X-Emby-Authorization", "X-Emby-Token", "X-MediaBrowser-Token"} {
			if r.Header.Get(name) != "" {
				t.Errorf("request %d has %s: %s", i, name, r.Header.Get(name))
			}
		}
	}
	if c := got.list[0].Header.Get("Cookie"); c != "" {
		t.Errorf("the first request has the cookie %q", c)
	}
	last := got.list[1]
	if last.Header.Get("Cookie") != "sso=b" || last.Host != "127.0.0.1:18701" || last.URL.Path != "/jf/sso/OID/redirect/kc" {
		t.Errorf("%s %s with cookie %q", last.Host, last.URL, last.Header.Get("Cookie"))
	}
	for _, req := range []jellyfin.Request{
		{Path: "/x", Header: http.Header{"Authorization": {"MediaBrowser Token=secret"}}},
		{Path: "/x", Method: http.MethodPost, JSON: map[string]string{"Data": "state"}},
	} {
		if _, err := l.Do(t.Context(), req); err == nil {
			t.Errorf("%+v was sent", req)
		}
	}
	if len(got.list) != 2 {
		t.Errorf("%d requests in the end", len(got.list))
	}
}

func TestLocalRefused(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, info(localID, "", nil))
	for _, c := range []struct {
		name string
		url  string
		code api.Code
		why  api.Why
	}{
		{"another server", serve(t, info(strings.Repeat("f", 32), "", nil)), api.CodeLocalAddress, "local-another"},
		{"a server without an id", serve(t, info("", "", nil)), api.CodeLocalAddress, "local-another"},
		{"no Jellyfin", serve(t, http.NotFound), api.CodeLocalAddress, "local-another"},
		{"redirect to the right server", serve(t, redirect(elsewhere+"/System/Info/Public")), api.CodeLocalAddress, "local-redirects"},
		{"redirect on the same host", serve(t, redirect("/jf/System/Info/Public")), api.CodeLocalAddress, "local-redirects"},
		{"public", "http://203.0.113.5:8096", api.CodeLocalAddress, "local-public"},
		{"public IPv6", "http://[2001:db8::5]:8096", api.CodeLocalAddress, "local-public"},
		{"nothing there", "http://127.0.0.1:1", api.CodeLocalAddress, "local-away"},
		{"no address", "ftp://nas", api.CodeAddressInvalid, "no-base"},
		{"a password", "http://a:b@nas", api.CodeAddressInvalid, "no-base"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := jellyfin.OpenLocal(t.Context(), jellyfin.LocalOptions{URL: c.url, ServerID: localID})
			if e := wantCode(t, err, c.code); e.Why != c.why {
				t.Errorf("%s: %v", e.Why, err)
			}
		})
	}
}

// TestLocalCertificate: a certificate of a private authority must be the one that the person trusts for the server.
func TestLocalCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(info(localID, "", nil))
	t.Cleanup(s.Close)
	s.Config.ErrorLog = nil
	own := fingerprint(s.Certificate())
	for pin, why := range map[string]api.Why{"": "local-certificate", strings.Repeat("AB", 32): "local-certificate", own: ""} {
		_, err := jellyfin.OpenLocal(t.Context(), jellyfin.LocalOptions{URL: s.URL, ServerID: localID, PinnedSHA256: pin})
		if why == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		e := wantCode(t, err, api.CodeLocalAddress)
		if _, shown := errors.AsType[*tlspin.CertificateError](err); e.Why != why || !shown {
			t.Errorf("pin %q: %s", pin, e.Why)
		}
	}
}

// TestLocalSlow: an address that takes connections and says nothing is given up soon.
func TestLocalSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := jellyfin.OpenLocal(t.Context(), jellyfin.LocalOptions{
			URL: "http://192.168.1.20:8096", ServerID: localID,
			Dial: func(context.Context, string, string) (net.Conn, error) {
				here, there := net.Pipe()
				go func() { _, _ = io.Copy(io.Discard, there) }()
				return here, nil
			},
		})
		if e := wantCode(t, err, api.CodeLocalAddress); e.Why != "local-slow" {
			t.Error(e.Why)
		}
		if waited := time.Since(start); waited > 10*time.Second {
			t.Errorf("waited %s", waited)
		}
	})
}

// discovery answers Jellyfin's question on the loopback.
func discovery(t *testing.T, answers ...string) jellyfin.DiscoverOptions {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			_, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, a := range answers {
				_, _ = conn.WriteTo([]byte(a), from)
			}
		}
	}()
	at, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return jellyfin.DiscoverOptions{Targets: []netip.AddrPort{at}, Wait: 300 * time.Millisecond}
}

func discovered(id, address string) string {
	return fmt.Sprintf(`{"Address":%q,"Id":%q,"Name":"nas"}`, address, id)
}

func TestFindLocal(t *testing.T) {
	t.Parallel()
	right, wrong := serve(t, info(localID, "", nil)), serve(t, info(strings.Repeat("f", 32), "", nil))
	const public = "http://203.0.113.5:8096"
	for _, c := range []struct {
		name    string
		named   string
		answers []string
		want    string
		why     api.Why
	}{
		{"named by the server", right, nil, right, ""},
		{"named, but another server's", wrong, []string{discovered(localID, right)}, right, ""},
		{"discovered", "", []string{discovered(strings.Repeat("f", 32), wrong), discovered(localID, right)}, right, ""},
		{"discovered at an address of another server", "", []string{discovered(localID, wrong)}, "", "local-another"},
		{"only other servers", "", []string{discovered(strings.Repeat("f", 32), right)}, "", "local-none"},
		{"a public address", "", []string{discovered(localID, public)}, "", "local-public"},
		{"a public address over https", "https://203.0.113.5", nil, "", "local-public"},
		{"nobody", "", nil, "", "local-none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			byName := serve(t, info(localID, c.named, nil))
			l, err := client(t, byName, "token").FindLocal(t.Context(), jellyfin.LocalSearch{ServerID: localID, Discover: discovery(t, c.answers...)})
			if c.why != "" {
				if e := wantCode(t, err, api.CodeLocalAddress); e.Why != c.why {
					t.Errorf("%s: %v", e.Why, err)
				}
				return
			}
			if err != nil || l.URL().String() != c.want {
				t.Errorf("%v, %v", l, err)
			}
		})
	}
	itself := httptest.NewUnstartedServer(nil)
	itself.Config.Handler = info(localID, "http://"+itself.Listener.Addr().String(), nil)
	itself.Start()
	t.Cleanup(itself.Close)
	_, err := client(t, itself.URL, "token").FindLocal(t.Context(), jellyfin.LocalSearch{ServerID: localID, Discover: discovery(t)})
	if e := wantCode(t, err, api.CodeLocalAddress); e.Why != "local-none" {
		t.Errorf("its own address: %s", e.Why)
	}
}
