package loopback_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/html"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/secret"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

var errState = errors.New("another state")

func expectState(method, path, state string) loopback.Expect {
	return loopback.Expect{
		Method: method, Path: path, Target: "https://idp.example/auth?state=" + state,
		Match: func(v url.Values) error {
			if v.Get("state") != state {
				return errState
			}
			return nil
		},
	}
}

type running struct {
	l    *loopback.Listener
	done chan error
	got  chan loopback.Callback
}

func start(t *testing.T, opts loopback.Options, expect loopback.Expect, page loopback.Page, result error) *running {
	t.Helper()
	l, err := loopback.Listen(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l, expect, page, result)
}

func serve(t *testing.T, l *loopback.Listener, expect loopback.Expect, page loopback.Page, result error) *running {
	t.Helper()
	r := &running{l: l, done: make(chan error, 1), got: make(chan loopback.Callback, 8)}
	go func() {
		r.done <- l.Wait(t.Context(), expect, func(_ context.Context, c loopback.Callback) (loopback.Page, error) {
			r.got <- c
			return page, result
		})
	}()
	t.Cleanup(func() { _ = l.Close() })
	return r
}

func send(t *testing.T, method, address, body string, header map[string]string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		if k == "Host" {
			req.Host = v
		} else {
			req.Header.Set(k, v)
		}
	}
	client := http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true},
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, req.URL.Path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestHostilesAreRefusedAndTheWaitGoesOn(t *testing.T) {
	t.Parallel()
	const path = "/jf/sso/OID/redirect/my%20idp"
	r := start(t, loopback.Options{}, expectState("GET", path, "s1"), loopback.Page{OK: true}, nil)
	base, short := "http://"+r.l.HostPort(), r.l.URL()
	good := base + path + "?code=c&state=s1"
	for _, c := range []struct {
		name, method, url, body string
		header                  map[string]string
		want                    int
	}{
		{"rebound name", "GET", good, "", map[string]string{"Host": "evil.example"}, 421},
		{"other port in Host", "GET", good, "", map[string]string{"Host": "127.0.0.1:1"}, 421},
		{"localhost is not our name", "GET", good, "", map[string]string{"Host": "localhost:" + strconv.Itoa(r.l.Port())}, 421},
		{"short address of a foreign Host", "GET", short, "", map[string]string{"Host": "evil.example"}, 421},
		{"root", "GET", base + "/", "", nil, 404},
		{"short address guessed", "GET", base + "/go/ABCDEFGHIJKLMNOPQRSTUVWXYZ", "", nil, 404},
		{"short address cut off", "GET", base + "/go/", "", nil, 404},
		{"other path", "GET", base + "/other?state=s1", "", nil, 404},
		{"longer path", "GET", base + path + "/?state=s1", "", nil, 404},
		{"escaped slash", "GET", base + "/jf/sso/OID/redirect%2Fmy%20idp?state=s1", "", nil, 404},
		{"dot segments", "GET", base + "/jf/x/../sso/OID/redirect/my%20idp?state=s1", "", nil, 404},
		{"favicon", "GET", base + "/favicon.ico", "", nil, 404},
		{"HEAD", "HEAD", good, "", nil, 405},
		{"POST", "POST", good, "", nil, 405},
		{"preflight", "OPTIONS", good, "", map[string]string{"Origin": "https://evil.example"}, 405},
		{"img", "GET", good, "", map[string]string{"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403},
		{"fetch", "GET", good, "", map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 403},
		{"frame", "GET", good, "", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403},
		{"prefetch", "GET", good, "", map[string]string{"Sec-Purpose": "prefetch;prerender"}, 403},
		{"no state", "GET", base + path, "", nil, 400},
		{"wrong state", "GET", base + path + "?code=c&state=s2", "", nil, 400},
		{"bad query", "GET", base + path + "?state=s1&x=%zz", "", nil, 400},
		{"body in GET", "GET", good, "x", nil, 400},
		{"short address from another site", "GET", short, "", map[string]string{
			"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site",
		}, 403},
		{"short address by POST", "POST", short, "", nil, 405},
		{"short address", "GET", short, "", nil, 302},
		{"short address again", "GET", short, "", nil, 410},
		{"short address typed", "GET", r.l.URL(), "", map[string]string{
			"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none",
		}, 302},
	} {
		resp, body := send(t, c.method, c.url, c.body, c.header)
		if resp.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d", c.name, resp.StatusCode, c.want)
		}
		if c.want == 302 && resp.Header.Get("Location") != "https://idp.example/auth?state=s1" {
			t.Errorf("%s: Location %q", c.name, resp.Header.Get("Location"))
		}
		if strings.Contains(body, "s1") || strings.Contains(body, "evil") {
			t.Errorf("%s: the page repeats the request: %s", c.name, body)
		}
		if resp.Header.Get("Access-Control-Allow-Origin") != "" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", c.name, resp.Header)
		}
	}
	select {
	case err := <-r.done:
		t.Fatalf("the wait ended early: %v", err)
	default:
	}
	resp, body := send(t, "GET", good, "", map[string]string{
		"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site",
	})
	if resp.StatusCode != 200 || !strings.Contains(body, `id="done"`) {
		t.Fatalf("the right request: %d %s", resp.StatusCode, body)
	}
	if err := <-r.done; err != nil {
		t.Fatal(err)
	}
	c := <-r.got
	if c.Path != path || c.RawQuery != "code=c&state=s1" || c.Values.Get("code") != "c" || c.Method != http.MethodGet {
		t.Errorf("callback %+v", c)
	}
	if _, err := net.Dial("tcp", r.l.HostPort()); err == nil {
		t.Error("the port is still open after the wait")
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	const path = "/sso/SAML/post/samlp"
	r := start(t, loopback.Options{Language: "de-AT"}, expectState("POST", path, "s1"), loopback.Page{OK: true}, nil)
	address := "http://" + r.l.HostPort() + path
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
	for _, c := range []struct {
		name, method, url, body string
		header                  map[string]string
		want                    int
	}{
		{"GET", "GET", address + "?state=s1", "", nil, 405},
		{"state in the query only", "POST", address + "?state=s1", "x=1", form, 400},
		{"json", "POST", address, `{"state":"s1"}`, map[string]string{"Content-Type": "application/json"}, 415},
		{"no type", "POST", address, "state=s1", map[string]string{"Content-Type": ""}, 415},
		{"text/plain", "POST", address, "state=s1", map[string]string{"Content-Type": "text/plain"}, 415},
		{"broken form", "POST", address, "state=s1&x=%z", form, 400},
		{"too large", "POST", address, "state=s1&x=" + strings.Repeat("x", loopback.MaxBodyBytes), form, 413},
	} {
		if resp, _ := send(t, c.method, c.url, c.body, c.header); resp.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d", c.name, resp.StatusCode, c.want)
		}
	}
	resp, body := send(t, "POST", address+"?a=b", "state=s1&SAMLResponse=a%2Bb", form)
	if resp.StatusCode != 200 || !strings.Contains(body, `<html lang="de">`) || !strings.Contains(body, "angemeldet") {
		t.Errorf("status %d, page %s", resp.StatusCode, body)
	}
	if err := <-r.done; err != nil {
		t.Fatal(err)
	}
	if c := <-r.got; c.Values.Get("SAMLResponse") != "a+b" || c.RawQuery != "a=b" || c.Values.Has("a") {
		t.Errorf("callback %+v", c)
	}
}

func TestAnswerRunsOnce(t *testing.T) {
	t.Parallel()
	l, err := loopback.Listen(t.Context(), loopback.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inside, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var runs atomic.Int32
	go func() {
		done <- l.Wait(t.Context(), expectState("GET", "/cb", "s"),
			func(context.Context, loopback.Callback) (loopback.Page, error) {
				if runs.Add(1) == 1 {
					close(inside)
				}
				<-release
				return loopback.Page{OK: true}, nil
			})
	}()
	address := "http://" + l.HostPort() + "/cb?state=s"
	var group sync.WaitGroup
	group.Go(func() {
		if resp, _ := send(t, "GET", address, "", nil); resp.StatusCode != 200 {
			t.Errorf("first: %d", resp.StatusCode)
		}
	})
	<-inside
	for range 4 {
		group.Go(func() {
			if resp, body := send(t, "GET", address, "", nil); resp.StatusCode != 410 || !strings.Contains(body, "already") {
				t.Errorf("later: %d %s", resp.StatusCode, body)
			}
		})
	}
	group.Go(func() {
		if resp, _ := send(t, "GET", l.URL(), "", nil); resp.StatusCode != 410 {
			t.Errorf("short address: %d", resp.StatusCode)
		}
	})
	time.AfterFunc(200*time.Millisecond, func() { close(release) })
	group.Wait()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := runs.Load(); n != 1 {
		t.Errorf("answered %d times", n)
	}
	if err := l.Wait(t.Context(), expectState("GET", "/cb", "s"), nil); err == nil {
		t.Error("a listener waited twice")
	}
}

func TestErrorReachesPageAndCaller(t *testing.T) {
	t.Parallel()
	refused := &api.Error{Code: api.CodeSignInRefused, Sentence: "No."}
	r := start(t, loopback.Options{}, expectState("GET", "/cb", "s"), loopback.Page{}, refused)
	resp, body := send(t, "GET", "http://"+r.l.HostPort()+"/cb?state=s", "", nil)
	if resp.StatusCode != 400 || !strings.Contains(body, `id="failed"`) || !strings.Contains(body, "refused the sign-in") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if err := <-r.done; !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
}

func TestMatchState(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]bool{
		"state=s&code=c": true, "state=s&error=access_denied&error_description=no": true, "state=s&code=c&iss=i": true,
		"code=c": false, "state=&code=c": false, "state=S&code=c": false, "state=s": false, "state=s&code=": false,
		"state=s&code=c&error=e": false, "state=s&state=s&code=c": false, "state=s&code=c&code=d": false, "state=s&code=c&iss=i&iss=j": false,
	} {
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if err := loopback.MatchState(secret.New("s"))(v); (err == nil) != want {
			t.Errorf("%s: %v", query, err)
		}
		if err := loopback.MatchState(secret.Value{})(v); err == nil {
			t.Errorf("%s fits no state", query)
		}
	}
}

func TestPanicInAnswerEndsTheWait(t *testing.T) {
	t.Parallel()
	l, err := loopback.Listen(t.Context(), loopback.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- l.Wait(t.Context(), expectState("GET", "/cb", "s"),
			func(context.Context, loopback.Callback) (loopback.Page, error) { panic("boom") })
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.HostPort()+"/cb?state=s", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := (&http.Client{Transport: unpooled}).Do(req); err == nil {
		_ = resp.Body.Close()
		t.Error("the browser got an answer from a panic")
	}
	if err := <-done; err == nil {
		t.Error("no error from a panic")
	}
}

// TestPage checks that the page follows its own policy and that foreign text stays text.
func TestPage(t *testing.T) {
	t.Parallel()
	page := loopback.Page{OK: true, Title: `<script>alert(1)</script>`, Text: "name \u202etxt & \x1b[31m"}
	r := start(t, loopback.Options{}, expectState("GET", "/cb", "s"), page, nil)
	resp, body := send(t, "GET", "http://"+r.l.HostPort()+"/cb?state=s", "", nil)
	if err := <-r.done; err != nil {
		t.Fatal(err)
	}
	policy := resp.Header.Get("Content-Security-Policy")
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	_, rest, _ := strings.Cut(body, "<style>")
	style, _, ok := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if !ok || !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("the policy %q does not allow the page's style", policy)
	}
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	if strings.ContainsAny(body, "\u202e\x1b") {
		t.Errorf("raw control characters: %q", body)
	}
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "script" {
			t.Error("a title became a script")
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("inline %s on %s", a.Key, n.Data)
			}
		}
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	// A program that listens on all interfaces holds the port too.
	all, err := lc.Listen(t.Context(), "tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = all.Close() }()
	first, err := loopback.Listen(t.Context(), loopback.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	taken := []int{all.Addr().(*net.TCPAddr).Port, first.Port()}

	_, err = loopback.Listen(t.Context(), loopback.Options{Ports: taken})
	if !api.IsCode(err, api.CodePortTaken) {
		t.Fatalf("every port taken: %v", err)
	}
	for _, p := range taken {
		if !strings.Contains(err.Error(), strconv.Itoa(p)) {
			t.Errorf("%q does not name port %d", err, p)
		}
	}
	free, err := loopback.Listen(t.Context(), loopback.Options{Ports: append(taken, 0)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = free.Close() }()
	if host, _, _ := net.SplitHostPort(free.HostPort()); host != "127.0.0.1" {
		t.Errorf("bound %s", free.HostPort())
	}

	// The same port can be taken again at once, also after it served a request. Between the two anybody on this computer may
	// take it, so that one try of several must work.
	for try := 1; ; try++ {
		l, err := loopback.Listen(t.Context(), loopback.Options{})
		if err != nil {
			t.Fatal(err)
		}
		port := l.Port()
		_ = l.Close()
		again, err := loopback.Listen(t.Context(), loopback.Options{Ports: []int{port}})
		if err == nil {
			_ = again.Close()
			r := start(t, loopback.Options{Ports: []int{0}}, expectState("GET", "/cb", "s"), loopback.Page{OK: true}, nil)
			served := r.l.Port()
			send(t, "GET", "http://"+r.l.HostPort()+"/cb?state=s", "", nil)
			if err := <-r.done; err != nil {
				t.Fatal(err)
			}
			again, err = loopback.Listen(t.Context(), loopback.Options{Ports: []int{served}})
		}
		if err == nil {
			_ = again.Close()
			return
		}
		if try == 5 {
			t.Fatal(err)
		}
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []loopback.Options{
		{Host: "0.0.0.0"}, {Host: "::1"}, {Host: "example.com"}, {Ports: []int{-1}}, {Ports: []int{1, 65536}},
	} {
		if _, err := loopback.Listen(t.Context(), o); !api.IsCode(err, api.CodeUsage) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, e := range []loopback.Expect{
		{Method: "GET", Path: "cb"},
		{Method: "GET", Path: "/%zz"},
		{Method: "PUT", Path: "/cb"},
		{Method: "GET", Path: "/cb", Target: "javascript:alert(1)"},
		{Method: "GET", Path: "/cb", Target: "https:///x"},
	} {
		l, err := loopback.Listen(t.Context(), loopback.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Wait(t.Context(), e, nil); err == nil {
			t.Errorf("%+v: no error", e)
		}
	}
}

// TestLocalhost reaches the listener by name on both families.
func TestLocalhost(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	six, err := lc.Listen(t.Context(), "tcp6", "[::1]:0")
	haveIPv6 := err == nil
	if haveIPv6 {
		// A port that is held on IPv6 only counts as taken.
		port := six.Addr().(*net.TCPAddr).Port
		_, err := loopback.Listen(t.Context(), loopback.Options{Host: "localhost", Ports: []int{port}})
		if !api.IsCode(err, api.CodePortTaken) {
			t.Errorf("port held on [::1]: %v", err)
		}
		_ = six.Close()
	}
	r := start(t, loopback.Options{Host: "localhost"}, expectState("GET", "/cb", "s"), loopback.Page{OK: true}, nil)
	port := strconv.Itoa(r.l.Port())
	if r.l.HostPort() != "localhost:"+port {
		t.Fatalf("HostPort %s", r.l.HostPort())
	}
	if resp, _ := send(t, "GET", "http://127.0.0.1:"+port+"/cb?state=s", "", nil); resp.StatusCode != 421 {
		t.Errorf("by number: %d", resp.StatusCode)
	}
	hosts := []string{"127.0.0.1"}
	if haveIPv6 {
		hosts = append(hosts, "[::1]")
	}
	for _, h := range hosts {
		resp, _ := send(t, "GET", strings.Replace(r.l.URL(), "localhost", h, 1), "", map[string]string{"Host": r.l.HostPort()})
		if resp.StatusCode != 302 {
			t.Errorf("by %s: %d", h, resp.StatusCode)
		}
	}
	send(t, "GET", "http://"+hosts[len(hosts)-1]+":"+port+"/cb?state=s", "", map[string]string{"Host": r.l.HostPort()})
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ set, want time.Duration }{{0, 5 * time.Minute}, {time.Second, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			pipes := newPipes()
			l := loopback.ListenOn(loopback.Options{Timeout: c.set}, pipes)
			began := time.Now()
			// A connection that says nothing does not keep the listener alive.
			idle := pipes.dial()
			defer func() { _ = idle.Close() }()
			err := l.Wait(t.Context(), expectState("GET", "/cb", "s"), nil)
			if !api.IsCode(err, api.CodeTimeout) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(began); took < c.want || took > c.want+500*time.Millisecond {
				t.Errorf("took %s, want %s", took, c.want)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(*loopback.Listener, context.CancelFunc)
	}{
		{"context", func(_ *loopback.Listener, cancel context.CancelFunc) { cancel() }},
		{"close", func(l *loopback.Listener, _ context.CancelFunc) { _ = l.Close() }},
	} {
		for _, during := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/answering=%t", c.name, during), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					pipes := newPipes()
					l := loopback.ListenOn(loopback.Options{}, pipes)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					var answered bool // Wait must not return before answer has: the race detector watches this
					began := time.Now()
					done := make(chan error, 1)
					go func() {
						err := l.Wait(ctx, expectState("GET", "/cb", "s"),
							func(ctx context.Context, _ loopback.Callback) (loopback.Page, error) {
								<-ctx.Done()
								answered = true
								return loopback.Page{}, fmt.Errorf("relaying: %w", ctx.Err())
							})
						done <- err
					}()
					if during {
						conn := pipes.dial()
						defer func() { _ = conn.Close() }()
						go func() {
							_, _ = io.WriteString(conn, "GET /cb?state=s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
							_, _ = io.Copy(io.Discard, conn)
						}()
					}
					synctest.Wait()
					c.end(l, cancel)
					err := <-done
					if !api.IsCode(err, api.CodeCancelled) {
						t.Errorf("error %v", err)
					}
					if answered != during {
						t.Errorf("answered %t, want %t", answered, during)
					}
					if took := time.Since(began); took > 500*time.Millisecond {
						t.Errorf("took %s", took)
					}
				})
			})
		}
	}
}

func TestAttend(t *testing.T) {
	t.Parallel()
	errShow := errors.New("no browser")
	ask := func(l *loopback.Listener) {
		resp, _ := send(t, "GET", "http://"+l.HostPort()+"/cb?state=s", "", nil)
		if resp.StatusCode != 200 {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	for _, c := range []struct {
		name string
		show func(context.Context, *loopback.Listener, func(func())) error // the last one runs along with the test
		want error
	}{
		{"returns at once", func(_ context.Context, l *loopback.Listener, along func(func())) error {
			along(func() { ask(l) })
			return nil
		}, nil},
		{"stays until the answer", func(ctx context.Context, l *loopback.Listener, along func(func())) error {
			along(func() { ask(l) })
			<-ctx.Done()
			return ctx.Err()
		}, nil},
		{"fails", func(context.Context, *loopback.Listener, func(func())) error { return errShow }, errShow},
		{"fails behind the answer", func(_ context.Context, l *loopback.Listener, _ func(func())) error {
			ask(l)
			return errShow
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, err := loopback.Listen(t.Context(), loopback.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var asked sync.WaitGroup
			defer asked.Wait()
			err = l.Attend(t.Context(), expectState("GET", "/cb", "s"),
				func(ctx context.Context) error { return c.show(ctx, l, asked.Go) },
				func(context.Context, loopback.Callback) (loopback.Page, error) { return loopback.Page{OK: true}, nil })
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	l, err := loopback.Listen(ctx, loopback.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = l.Attend(ctx, expectState("GET", "/cb", "s"), func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}, nil)
	if !api.IsCode(err, api.CodeCancelled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestAttendEndsByClose: an error that show returns because its context ended is not a failure.
func TestAttendEndsByClose(t *testing.T) {
	t.Parallel()
	l, err := loopback.Listen(t.Context(), loopback.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = l.Attend(t.Context(), expectState("GET", "/cb", "s"), func(ctx context.Context) error {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		return ctx.Err()
	}, nil)
	if !api.IsCode(err, api.CodeCancelled) {
		t.Errorf("closed: %v", err)
	}
}

func TestAttendTwice(t *testing.T) {
	t.Parallel()
	l, err := loopback.Listen(t.Context(), loopback.Options{})
	if err != nil {
		t.Fatal(err)
	}
	errShow := errors.New("no browser")
	show := func(context.Context) error { return errShow }
	if err := l.Attend(t.Context(), expectState("GET", "/cb", "s"), show, nil); !errors.Is(err, errShow) {
		t.Errorf("the first time: %v", err)
	}
	if err := l.Attend(t.Context(), expectState("GET", "/cb", "s"), show, nil); err == nil || errors.Is(err, errShow) {
		t.Errorf("the second time: %v", err)
	}
}

// TestSlowBrowser sends a request so slowly that it is cut off, while the wait goes on.
func TestSlowBrowser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pipes := newPipes()
		l := loopback.ListenOn(loopback.Options{}, pipes)
		go func() {
			conn := pipes.dial()
			began := time.Now()
			_, _ = io.WriteString(conn, "GET /cb?state=s HTTP/1.1\r\nHost: 127.0.0.1\r\n")
			_, _ = io.Copy(io.Discard, conn)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("cut off after %s", took)
			}
			_ = conn.Close()
			conn = pipes.dial()
			_, _ = io.WriteString(conn, "GET /cb?state=s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
			_, _ = io.Copy(io.Discard, conn)
		}()
		err := l.Wait(t.Context(), expectState("GET", "/cb", "s"),
			func(context.Context, loopback.Callback) (loopback.Page, error) { return loopback.Page{OK: true}, nil })
		if err != nil {
			t.Error(err)
		}
	})
}

// pipes is a listener whose connections are in memory, so that a synctest bubble can see them block.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	go func() {
		select {
		case p.conns <- there:
		case <-p.closed:
			_ = there.Close()
		}
	}()
	return here
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// FuzzRequests throws raw bytes at the listener. Whatever they are, only a request with the right state at the right path
// may be taken, and the right one must still be taken afterwards.
func FuzzRequests(f *testing.F) {
	for _, s := range []string{
		"GET /cb?state=s HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
		"GET /cb?state=x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"GET http://127.0.0.1/cb?state=x HTTP/1.1\r\nHost: evil\r\n\r\n",
		"POST /cb HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"GET // HTTP/1.0\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"GET /cb?state=%73&state=x;y HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Mode: cors\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		// 80 bits that the fuzzer cannot know, so that none of its requests may match.
		const state = "fvq7x2k9m4w1zp8t"
		if strings.Contains(string(raw), state) {
			t.Skip()
		}
		p := newPipes()
		l := loopback.ListenOn(loopback.Options{Timeout: 10 * time.Second}, p)
		done := make(chan error, 1)
		var answers atomic.Int32
		go func() {
			done <- l.Wait(t.Context(), expectState("GET", "/cb", state),
				func(context.Context, loopback.Callback) (loopback.Page, error) {
					answers.Add(1)
					return loopback.Page{OK: true}, nil
				})
		}()
		conn := p.dial()
		go func() { _, _ = conn.Write(raw) }()
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		got, _ := io.ReadAll(io.LimitReader(conn, 1<<20))
		_ = conn.Close()
		if strings.HasPrefix(string(got), "HTTP/1.1 200") {
			t.Fatalf("200 for %q", raw)
		}
		if n := answers.Load(); n != 0 {
			t.Fatalf("answered %q", raw)
		}
		right := p.dial()
		go func() {
			_, _ = io.WriteString(right, "GET /cb?state="+state+" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
		}()
		got, _ = io.ReadAll(right)
		_ = right.Close()
		if !strings.HasPrefix(string(got), "HTTP/1.1 200") {
			t.Fatalf("the right request after %q: %.80q", raw, got)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// TestRenew opens the short address when the target has expired. A target that cannot be renewed is used as it is.
func TestRenew(t *testing.T) {
	t.Parallel()
	var renew atomic.Pointer[func() (string, error)]
	expect := expectState("GET", "/cb", "s")
	expect.Renew = func(context.Context) (string, error) { return (*renew.Load())() }
	r := start(t, loopback.Options{}, expect, loopback.Page{OK: true}, nil)
	for _, c := range []struct {
		renewed string
		err     error
		want    string
	}{
		{"https://idp.example/2", nil, "https://idp.example/2"},
		{"", errors.New("the provider is away"), expect.Target},
	} {
		f := func() (string, error) { return c.renewed, c.err }
		renew.Store(&f)
		if resp, _ := send(t, "GET", r.l.URL(), "", nil); resp.StatusCode != 302 || resp.Header.Get("Location") != c.want {
			t.Errorf("%d to %s, want %s", resp.StatusCode, resp.Header.Get("Location"), c.want)
		}
	}
}
