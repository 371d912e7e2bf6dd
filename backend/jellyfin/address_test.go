package jellyfin_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

func TestCandidates(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"jf":                                  "https://jf https://jf:8920 http://jf:8096 http://jf",
		" media.example.com/ ":                "https://media.example.com https://media.example.com:8920 http://media.example.com:8096 http://media.example.com", //nolint:gocritic // pasted with blanks
		"192.168.1.10:8096":                   "http://192.168.1.10:8096 https://192.168.1.10:8096",
		"nas:8920":                            "https://nas:8920 http://nas:8920",
		"nas:443":                             "https://nas",
		"nas:80":                              "http://nas",
		"nas:":                                "https://nas https://nas:8920 http://nas:8096 http://nas",
		"http://nas":                          "http://nas http://nas:8096",
		"https://nas":                         "https://nas https://nas:8920",
		"HTTPS://NAS.Example:443/":            "https://nas.example",
		"http://nas:8097":                     "http://nas:8097",
		"http://nas:08096":                    "http://nas:8096",
		"//nas:8097/":                         "https://nas:8097 http://nas:8097",
		"https://a.b:1/jf":                    "https://a.b:1/jf https://a.b:1",
		"https://a.b:1/jf/":                   "https://a.b:1/jf https://a.b:1",
		"https://a.b:1/x/y/":                  "https://a.b:1/x/y https://a.b:1/x https://a.b:1",
		"https://a.b:1/web/#/home":            "https://a.b:1",
		"https://a.b:1/jf/web/#/home?a=b":     "https://a.b:1/jf https://a.b:1",
		"https://a.b:1/web/index.html#!/home": "https://a.b:1",
		"https://a.b:1/web":                   "https://a.b:1",
		"https://a.b:1/web/jf/web/index.html": "https://a.b:1/web/jf https://a.b:1/web https://a.b:1",
		"https://a.b:1/?x=/jf":                "https://a.b:1",
		"https://a.b:1/j%20f/./c/../":         "https://a.b:1/j%20f https://a.b:1",
		"https://a.b:1/../../jf":              "https://a.b:1/jf https://a.b:1",
		`https:\\a.b:1\jf`:                    "https://a.b:1/jf https://a.b:1",
		"<https://a.b:1>":                     "https://a.b:1",
		`"a.b:1"`:                             "https://a.b:1 http://a.b:1",
		"::1":                                 "https://[::1] https://[::1]:8920 http://[::1]:8096 http://[::1]",
		"[::1]:8096":                          "http://[::1]:8096 https://[::1]:8096",
		"[2001:db8::1]":                       "https://[2001:db8::1] https://[2001:db8::1]:8920 http://[2001:db8::1]:8096 http://[2001:db8::1]",
		"http://[2001:DB8:0::1]:8096/web/":    "http://[2001:db8::1]:8096",
		"http://2001:db8::1/jf":               "http://[2001:db8::1]/jf http://[2001:db8::1] http://[2001:db8::1]:8096/jf http://[2001:db8::1]:8096",
		"http://[fe80::1%eth0]:8096":          "http://[fe80::1%25eth0]:8096",
		"http://[fe80::1%25eth0]:8096":        "http://[fe80::1%25eth0]:8096",
		"http://müller.example:1":             "http://xn--mller-kva.example:1",
		"http://日本.example:1":                 "http://xn--wgv71a.example:1",
		"my_nas.local.:8096":                  "http://my_nas.local:8096 https://my_nas.local:8096",
		"http://a.b:1/jf/System/Info/Public":  "http://a.b:1/jf/System/Info/Public http://a.b:1/jf/System/Info http://a.b:1/jf/System http://a.b:1/jf http://a.b:1",
	} {
		got, err := jellyfin.Candidates(typed)
		if err != nil {
			t.Errorf("%q: %v", typed, err)
			continue
		}
		if d := cmp.Diff(strings.Fields(want), got); d != "" {
			t.Errorf("%q: %s", typed, d)
		}
	}
}

// TestCandidatesAsTyped reads the address https://a.b:1/jf with the slips that people make.
func TestCandidatesAsTyped(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{
		"https:/", "https:", "https:///", "https//", "https//:", "https;//", "https;/", "https;", "https::/", "https:://", "https.//",
		"https,//", "HTTPS;//", "Https//", "https: //", "https:// ", "https ://", "https：//", `https;\\`, `https:\`,
		"https://https://", "http://https://", "https://https//", "https:/http;//https://",
	} {
		for _, address := range []string{"a.b:1/jf", "a.b;1/jf", "a.b：1/jf"} {
			got, err := jellyfin.Candidates(scheme + address)
			if err != nil {
				t.Errorf("%q: %v", scheme+address, err)
				continue
			}
			if d := cmp.Diff([]string{"https://a.b:1/jf", "https://a.b:1"}, got); d != "" {
				t.Errorf("%q: %s", scheme+address, d)
			}
		}
	}
	for typed, want := range map[string]string{
		"http:/192.168.1.10:8096": "http://192.168.1.10:8096",
		"http:192.168.1.10:8096":  "http://192.168.1.10:8096",
		"http//[::1]:8096":        "http://[::1]:8096",
		"http://::1":              "http://[::1]",
		"http:/::1":               "http://[::1]",
		// Hosts that look like a scheme.
		"http:8096":        "http://http:8096",
		"https:8920/jf":    "https://https:8920/jf",
		"http/jellyfin":    "https://http/jellyfin",
		"https.example":    "https://https.example",
		"http-server:8096": "http://http-server:8096",
		"http://https":     "http://https",
		"https://http:1":   "https://http:1",
		"httpd;8096":       "http://httpd:8096",
	} {
		if got, err := jellyfin.Candidates(typed); err != nil || got[0] != want {
			t.Errorf("%q: %q, %v; want %q", typed, got, err, want)
		}
	}
}

func TestCandidatesRefuses(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{
		"", " ", "/", "http://", "https:", "http:://", ":8096", "8096", "ftp://a", "file:///etc/passwd", "javascript://a", "a b", "a\tb",
		"http://user:pw@a", "user@a", "a:0", "a:65536", "a:x", "a:-1", "a:1:2", "[::1", "[::1]x", "[::1]:", "[1.2.3.4]", "[a]",
		"a..b", ".", "-a/%zz", "a\x00b", "a\u202eb", "http://\xff", strings.Repeat("a", 64), strings.Repeat("a.", 200), strings.Repeat("a", 3000),
		"a!b", "http://ex ample", "xn--\u00e4",
	} {
		got, err := jellyfin.Candidates(typed)
		if err == nil {
			t.Errorf("%q became %v", typed, got)
			continue
		}
		wantCode(t, err, api.CodeAddressInvalid)
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{
		"jf", "192.168.1.10:8096", "https://a.b/jf/web/#/home", "::1", "[::1]:8096", "http://[fe80::1%25eth0]/", `\\a\b`, "a@b",
		"http://müller.example", "a/%2e%2e/b", "http://a//b?c#d", "https://a:443/x/../..", "\u200d", "HTTP://A", "//a",
		"https:/a", "http//a", "https;//a", "https://http://a", "http:8096", "http:80:1", "https： //a;1", "http//:a",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		bases, err := jellyfin.Candidates(typed)
		if err != nil {
			wantCode(t, err, api.CodeAddressInvalid)
			return
		}
		if len(bases) == 0 || len(bases) > 4*7 {
			t.Fatalf("%d candidates", len(bases))
		}
		for _, base := range bases {
			u, err := url.Parse(base)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" ||
				u.Fragment != "" || strings.HasSuffix(base, "/") || strings.Contains(u.Path, "/../") {
				t.Fatalf("%q became %q", typed, base)
			}
			if _, err := jellyfin.New(jellyfin.Options{URL: base}); err != nil {
				t.Fatalf("%q became %q, which is no base URL", typed, base)
			}
			again, err := jellyfin.Candidates(base)
			if err != nil || again[0] != base {
				t.Fatalf("%q became %q, and that %v: %v", typed, base, again, err)
			}
		}
	})
}

// jellyfinAt answers as recorded under a base path, and elsewhere redirects to its page as a real one does.
func jellyfinAt(t *testing.T, basePath string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case tokenOf(r) != "":
			t.Error("a credential was sent while looking")
		case r.URL.Path == basePath+"/System/Info/Public":
			recorded(t, "capability probe", "GET /System/Info/Public", "none").write(w)
		case basePath == "/jf" && r.URL.Path == "/System/Info/Public":
			recorded(t, "base URL /jf", "GET /System/Info/Public", "").write(w)
		case basePath != "" && !strings.HasPrefix(r.URL.Path, basePath+"/"):
			w.Header().Set("Location", basePath+"/web/") // what a server with the web client answers
			w.WriteHeader(http.StatusFound)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, typed, want string }{
		{"", "", ""},
		{"", "/", ""},
		{"", "/web/index.html#!/home", ""},
		{"", "/some/page", ""},
		{"/jf", "", "/jf"}, // by the recorded redirect
		{"/jf", "/jf", "/jf"},
		{"/jf", "/jf/web/#/home", "/jf"},
		{"/jf", "/web/", "/jf"},
		{"/a/media", "", "/a/media"}, // by the redirect to the web client
		{"/a/media", "/a/media/web/", "/a/media"},
		{"/a/media", "/a/media/Users/1", "/a/media"},
		{"/a/media", "/a", "/a/media"},
	} {
		base := serve(t, jellyfinAt(t, tt.base))
		found, err := jellyfin.Find(t.Context(), base+tt.typed, jellyfin.FindOptions{})
		if err != nil {
			t.Errorf("%s at %q: %v", tt.typed, tt.base, err)
			continue
		}
		want := api.Server{ID: serverID, Name: "vm", Version: "10.11.11", URL: base + tt.want, WizardCompleted: true}
		if d := cmp.Diff(want, found.Server); d != "" || found.Starting || len(found.Tried) == 0 {
			t.Errorf("%s at %q (tried %v): %s", tt.typed, tt.base, found.Tried, d)
		}
	}
}

func TestFindWithoutScheme(t *testing.T) {
	t.Parallel()
	base := serve(t, jellyfinAt(t, ""))
	typed := strings.TrimPrefix(base, "http://")
	found, err := jellyfin.Find(t.Context(), typed, jellyfin.FindOptions{})
	if err != nil || found.Server.URL != base {
		t.Errorf("%+v, %v", found, err)
	}
	want := []string{"https://" + typed, base}
	if d := cmp.Diff(want, found.Tried); d != "" {
		t.Error(d)
	}
}

func TestFindStarting(t *testing.T) {
	t.Parallel()
	camel := `{"localAddress":"http://127.0.0.1:8120","serverName":"vm","version":"10.11.11","productName":"Jellyfin Server",` +
		`"operatingSystem":"","id":"` + serverID + `","startupWizardCompleted":false}`
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		recordedAnswer{Status: 200, Type: "application/json; charset=utf-8", Body: camel}.write(w)
	})
	found, err := jellyfin.Find(t.Context(), base, jellyfin.FindOptions{})
	if err != nil || !found.Starting || found.Server.Name != "vm" || !found.Server.WizardCompleted {
		t.Errorf("%+v, %v", found, err)
	}
	for _, a := range []recordedAnswer{
		{Status: 503, Type: "text/html", RetryAfter: "005", Body: "starting"},
		{Status: 503, Type: "text/html", Body: "Jellyfin Server is loading. Please try again shortly."},
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) { a.write(w) })
		_, err := jellyfin.Find(t.Context(), base+"/jf", jellyfin.FindOptions{})
		if e := wantCode(t, err, api.CodeServerStarting); e.Params["url"] != base+"/jf" {
			t.Errorf("params %v", e.Params)
		}
	}
}

// TestFindIsDeterministic: the better candidate wins although the worse one is faster.
func TestFindIsDeterministic(t *testing.T) {
	t.Parallel()
	slow := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(300 * time.Millisecond)
		jellyfinAt(t, "")(w, r)
	}))
	t.Cleanup(slow.Close)
	fast := serve(t, jellyfinAt(t, ""))
	dial := dialMap(map[string]string{"jf:443": hostOf(slow.URL), "jf:8096": hostOf(fast)})
	opts := jellyfin.FindOptions{
		Dial: dial, Stagger: time.Millisecond, Grace: time.Minute,
		Timeouts: jellyfin.Timeouts{TLS: time.Minute, Header: time.Minute}, // a busy machine is no slow server
	}
	// Without trust in its certificate the better one cannot win.
	found, err := jellyfin.Find(t.Context(), "jf", opts)
	if err != nil || found.Server.URL != "http://jf:8096" {
		t.Errorf("%+v, %v", found, err)
	}
	opts.PinnedSHA256 = fingerprint(slow.Certificate())
	for range 3 {
		found, err = jellyfin.Find(t.Context(), "jf", opts)
		if err != nil || found.Server.URL != "https://jf" {
			t.Errorf("%+v, %v", found, err)
		}
	}
	// Only plain HTTP: the faster https on 8920 loses to nothing better, the slow port 80 is not waited for.
	hang := dialMap(map[string]string{"jf:8096": hostOf(fast), "jf:443": "", "jf:8920": ""})
	begun := time.Now()
	found, err = jellyfin.Find(t.Context(), "jf", jellyfin.FindOptions{
		Dial: hang, Stagger: time.Millisecond, Grace: 50 * time.Millisecond, Timeouts: jellyfin.Timeouts{Connect: time.Hour},
	})
	if err != nil || found.Server.URL != "http://jf:8096" || time.Since(begun) > 12*time.Second {
		t.Errorf("%+v, %v after %s", found, err, time.Since(begun))
	}
}

// dialMap leads addresses elsewhere: "" hangs, others are refused.
func dialMap(to map[string]string) func(context.Context, string, string) (conn net.Conn, err error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		target, ok := to[address]
		if !ok {
			target = "127.0.0.1:1"
		}
		if target == "" {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return (&net.Dialer{}).DialContext(ctx, network, target)
	}
}

func hostOf(base string) string {
	_, host, _ := strings.Cut(base, "://")
	return host
}

func TestFindHTTPSByRedirect(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(jellyfinAt(t, ""))
	t.Cleanup(secure.Close)
	plain := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://jf"+r.URL.Path, http.StatusMovedPermanently)
	})
	opts := jellyfin.FindOptions{Dial: dialMap(map[string]string{"jf:443": hostOf(secure.URL), "jf:80": hostOf(plain)})}
	_, err := jellyfin.Find(t.Context(), "http://jf", opts)
	if e := wantCode(t, err, api.CodeCertificateUntrusted); e.Params["url"] != "https://jf" {
		t.Errorf("params %v", e.Params)
	}
}

func TestFindUntrusted(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(jellyfinAt(t, ""))
	t.Cleanup(secure.Close)
	_, err := jellyfin.Find(t.Context(), secure.URL, jellyfin.FindOptions{})
	e := wantCode(t, err, api.CodeCertificateUntrusted)
	if e.Params["sha256"] != fingerprint(secure.Certificate()) || e.Params["url"] != secure.URL {
		t.Errorf("params %v", e.Params)
	}
	found, err := jellyfin.Find(t.Context(), hostOf(secure.URL), jellyfin.FindOptions{PinnedSHA256: e.Params["sha256"]})
	if err != nil || found.Server.URL != secure.URL {
		t.Errorf("%+v, %v", found, err)
	}
	_, err = jellyfin.Find(t.Context(), secure.URL, jellyfin.FindOptions{PinnedSHA256: strings.Repeat("ab", 32)})
	wantCode(t, err, api.CodeCertificateChanged)
}

// TestFindWhatIsNoJellyfin gives each wrong thing at an address its own clear error, soon.
func TestFindWhatIsNoJellyfin(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		code    api.Code
		says    string
	}{
		"10 MB of HTML": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(make([]byte, 10<<20))
		}, api.CodeServerNotFound, "a web page"},
		"gzip bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "application/json")
			z := gzip.NewWriter(w)
			_, _ = z.Write(make([]byte, 4<<20))
			_ = z.Close()
		}, api.CodeServerNotFound, "sends more"},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, api.CodeServerUnreachable, "no answer in time"},
		"trickles": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}, api.CodeServerUnreachable, "no answer in time"},
		"redirects elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere+"/web/", http.StatusFound)
		}, api.CodeRedirectRefused, elsewhere},
		"redirects to a program": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "javascript:alert(1)")
			w.WriteHeader(http.StatusFound)
		}, api.CodeServerNotFound, "something that is not an address"},
		"redirects in a circle": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/a"+r.URL.Path, http.StatusFound)
		}, api.CodeServerNotFound, "redirects to another page"},
		"other JSON": {func(w http.ResponseWriter, _ *http.Request) {
			recordedAnswer{Status: 200, Type: "application/json", Body: `{"version":"1","name":"grafana"}`}.write(w)
		}, api.CodeServerNotFound, "something other"},
		"no JSON": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }, api.CodeServerNotFound, "something other"},
		"Emby": {func(w http.ResponseWriter, _ *http.Request) {
			recordedAnswer{Status: 200, Type: "application/json", Body: `{"LocalAddress":"http://x","ServerName":"e","Version":"4.8.0.80","Id":"1"}`}.write(w)
		}, api.CodeServerNotFound, "not Jellyfin"},
		"404":               {http.NotFound, api.CodeServerNotFound, "status 404"},
		"503 of another":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, api.CodeServerNotFound, "status 503"},
		"proxy without one": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, api.CodeServerUnreachable, "proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := serve(t, tt.handler)
			begun := time.Now()
			limit := 10 * time.Second
			if tt.says == "no answer in time" {
				limit = 200 * time.Millisecond
			}
			_, err := jellyfin.Find(t.Context(), base, jellyfin.FindOptions{
				Timeouts: jellyfin.Timeouts{Header: limit, BodyIdle: limit, Body: limit},
			})
			e := wantCode(t, err, tt.code)
			if !strings.Contains(e.Sentence, tt.says) || e.Hint == "" || !strings.Contains(e.Params["tried"], base) {
				t.Errorf("%q does not say %q; hint %q, params %v", e.Sentence, tt.says, e.Hint, e.Params)
			}
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("took %s", took)
			}
			t.Log(e.Sentence)
		})
	}
	t.Cleanup(func() {
		if n := asked.Load(); n != 0 {
			t.Errorf("another origin was asked %d times", n)
		}
	})
}

func TestFindNobody(t *testing.T) {
	t.Parallel()
	_, err := jellyfin.Find(t.Context(), "nobody.invalid", jellyfin.FindOptions{})
	e := wantCode(t, err, api.CodeServerUnreachable)
	if e.Sentence != "There is no host named nobody.invalid." {
		t.Error(e.Sentence)
	}
	_, err = jellyfin.Find(t.Context(), "127.0.0.1:1/jf", jellyfin.FindOptions{})
	e = wantCode(t, err, api.CodeServerUnreachable)
	want := "No Jellyfin answers at 127.0.0.1:1/jf. Tried: https://127.0.0.1:1/jf (connection refused), http://127.0.0.1:1/jf (connection refused)."
	if e.Sentence != want {
		t.Errorf("%s", e.Sentence)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = jellyfin.Find(ctx, "127.0.0.1:1", jellyfin.FindOptions{})
	wantCode(t, err, api.CodeCancelled)
	_, err = jellyfin.Find(t.Context(), "a b", jellyfin.FindOptions{})
	wantCode(t, err, api.CodeAddressInvalid)
}

func ExampleCandidates() {
	bases, _ := jellyfin.Candidates("nas.local/jf/web/#/home")
	for _, base := range bases[:3] {
		fmt.Println(base)
	}
	// Output:
	// https://nas.local/jf
	// https://nas.local
	// https://nas.local:8920/jf
}
