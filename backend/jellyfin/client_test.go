package jellyfin_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
)

func TestNewRefusesWhatIsNoBaseURL(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "media.example.com", "ftp://a", "http://", "http:///path", "https://user:pw@a", "http://a?x=1", "http://a#x",
		"javascript:alert(1)", "http://[::1", "http:a", "file:///etc/passwd",
	} {
		_, err := jellyfin.New(jellyfin.Options{URL: bad})
		wantCode(t, err, api.CodeAddressInvalid)
	}
	c := client(t, "https://media.example.com/jf/", "")
	if got := c.URL().String(); got != "https://media.example.com/jf" {
		t.Error(got)
	}
	c.URL().Host = "changed" // a copy
	if got := c.URL().Host; got != "media.example.com" {
		t.Error(got)
	}
}

func TestAuthorizationHeader(t *testing.T) {
	t.Parallel()
	headers := make(chan http.Header, 1)
	base := serve(t, func(_ http.ResponseWriter, r *http.Request) { headers <- r.Header })
	for _, device := range []string{
		"plain", `Zoë's "big" PC, blue`, "a=b, Token=\"x\"", `back\slash`, "100%25 a+b", "日本", "tab\tnew\r\nline", "",
	} {
		c := client(t, base, "t0k\"en,=", func(o *jellyfin.Options) { o.Device, o.DeviceID = device, device })
		for _, anonymous := range []bool{false, true} {
			if _, err := c.Do(t.Context(), jellyfin.Request{Path: "/x", Anonymous: anonymous}); err != nil {
				t.Fatal(err)
			}
			h := <-headers
			p := parts(h.Get("Authorization"))
			want := map[string]string{"Client": "Jellybind", "Device": device, "DeviceId": device, "Version": "1.2.3", "Token": "t0k\"en,="}
			if device == "" {
				want["Device"] = "Jellybind"
			}
			if anonymous {
				want["Token"] = ""
			}
			for k, v := range want {
				if p[k] != v {
					t.Errorf("%s is %q, want %q, of %s", k, p[k], v, h.Get("Authorization"))
				}
			}
			for _, other := range []string{"X-Emby-Token", "X-Mediabrowser-Token", "X-Emby-Authorization"} {
				if h.Get(other) != "" {
					t.Errorf("%s is sent", other)
				}
			}
			if h.Get("User-Agent") != "Jellybind/1.2.3" {
				t.Errorf("User-Agent %q", h.Get("User-Agent"))
			}
		}
	}
}

func TestRequestParts(t *testing.T) {
	t.Parallel()
	type seen struct{ method, uri, host, cookie, kind, body string }
	got := make(chan seen, 1)
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.RequestURI, r.Host, r.Header.Get("Cookie"), r.Header.Get("Content-Type"), string(b)}
		http.SetCookie(w, &http.Cookie{Name: "__Host-sso", Value: "v", Secure: true, Path: "/", HttpOnly: true})
		w.WriteHeader(http.StatusTeapot)
	})
	host := strings.TrimPrefix(base, "http://")
	c := client(t, base+"/jf", "")
	for _, tt := range []struct {
		req  jellyfin.Request
		want seen
	}{
		{jellyfin.Request{Path: "/x"}, seen{"GET", "/jf/x", host, "", "", ""}},
		{
			jellyfin.Request{Path: "/a%2Fb/%25%20%3F", Query: url.Values{"q": {"a b&c"}}, Host: "127.0.0.1:18701"},
			seen{"GET", "/jf/a%2Fb/%25%20%3F?q=a+b%26c", "127.0.0.1:18701", "", "", ""},
		},
		{
			jellyfin.Request{
				Path: "/x", RawQuery: "code=a%2Fb&state=c+d", Query: url.Values{"no": {"1"}},
				Cookies: []*http.Cookie{{Name: "__Host-a", Value: "b=c", Secure: true}, {Name: "d", Value: "e"}},
			},
			seen{"GET", "/jf/x?code=a%2Fb&state=c+d", host, "__Host-a=b=c; d=e", "", ""},
		},
		{
			jellyfin.Request{Method: "POST", Path: "/x", JSON: map[string]int{"a": 1}},
			seen{"POST", "/jf/x", host, "", "application/json", `{"a":1}`},
		},
		{
			jellyfin.Request{Method: "POST", Path: "/x", JSON: json.RawMessage("{ \"a\" : \"<&\u2028>\" }")},
			seen{"POST", "/jf/x", host, "", "application/json", "{ \"a\" : \"<&\u2028>\" }"},
		},
		{
			jellyfin.Request{Method: "POST", Path: "/x", Form: "SAMLResponse=a%2B&RelayState=linking"},
			seen{"POST", "/jf/x", host, "", "application/x-www-form-urlencoded", "SAMLResponse=a%2B&RelayState=linking"},
		},
		{jellyfin.Request{Path: "//evil.example/x"}, seen{"GET", "/jf//evil.example/x", host, "", "", ""}},
	} {
		res, err := c.Do(t.Context(), tt.req)
		if err != nil {
			t.Fatal(err)
		}
		if g := <-got; g != tt.want {
			t.Errorf("got  %+v\nwant %+v", g, tt.want)
		}
		if res.Status != http.StatusTeapot || len(res.Cookies) != 1 || res.Cookies[0].Name != "__Host-sso" {
			t.Errorf("status %d, cookies %v", res.Status, res.Cookies)
		}
	}
	for _, bad := range []string{"", "x", "@evil.example/", "/x?y", "/x#y", "/%zz"} {
		_, err := c.Do(t.Context(), jellyfin.Request{Path: bad})
		wantCode(t, err, api.CodeInternal)
	}
}

// TestCredentialStaysAtItsOrigin follows every kind of redirect with every kind of request; the other origin must never
// be asked, let alone with the token.
func TestCredentialStaysAtItsOrigin(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); _, _ = io.WriteString(w, `{}`) })
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://"+r.Host+"/x")
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(secure.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{other + "/x?secret=1", "//" + strings.TrimPrefix(other, "http://") + "/x", "https://127.0.0.1/"} {
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			})
			c := client(t, base, "the-token")
			_, err := c.Do(t.Context(), jellyfin.Request{Path: "/x", Idempotent: true})
			e := wantCode(t, err, api.CodeRedirectRefused)
			if strings.Contains(e.Sentence, "secret") {
				t.Errorf("the sentence holds the query: %s", e.Sentence)
			}
			for _, method := range []string{"GET", "POST", "DELETE"} {
				res, err := c.Do(t.Context(), jellyfin.Request{Method: method, Path: "/x"})
				if err != nil || res.Status != status || res.Header.Get("Location") != location {
					t.Errorf("%s is not answered by the redirect itself: %v", method, err)
				}
			}
			wantCode(t, c.JSON(t.Context(), jellyfin.Request{Method: "POST", Path: "/x"}, nil), api.CodeRedirectRefused)
		}
	}
	pin := fingerprint(secure.Certificate())
	c := client(t, secure.URL, "the-token", func(o *jellyfin.Options) { o.PinnedSHA256 = pin })
	_, err := c.Do(t.Context(), jellyfin.Request{Path: "/x", Idempotent: true})
	wantCode(t, err, api.CodeRedirectRefused)
	if n := asked.Load(); n != 0 {
		t.Errorf("the other origin was asked %d times", n)
	}
}

func TestRedirectsWithinTheOrigin(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a":
			http.Redirect(w, r, "../b?x=1", http.StatusMovedPermanently)
		case "/b":
			_, _ = fmt.Fprintf(w, `{"query":%q,"token":%q}`, r.URL.RawQuery, tokenOf(r))
		default:
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	})
	c := client(t, base, "the-token")
	var got struct{ Query, Token string }
	if err := c.JSON(t.Context(), jellyfin.Request{Path: "/a"}, &got); err != nil || got.Query != "x=1" || got.Token != "the-token" {
		t.Errorf("%+v, %v", got, err)
	}
	wantCode(t, c.JSON(t.Context(), jellyfin.Request{Path: "/loop"}, nil), api.CodeServerAnswer)
}

func TestBodyLimits(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer // more than any answer may hold, in a few kB
	z := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(z, `"`+strings.Repeat("a", int(jellyfin.MaxBody))+`"`)
	_ = z.Close()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/exact":
			_, _ = w.Write(make([]byte, 1000))
		case "/over":
			_, _ = w.Write(make([]byte, 1001))
		case "/html":
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(make([]byte, 10<<20))
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(bomb.Bytes())
		case "/error":
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(make([]byte, 9<<20))
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("a", 2<<20))
		}
	})
	c := client(t, base, "")
	res, err := c.Do(t.Context(), jellyfin.Request{Path: "/exact", MaxBytes: 1000})
	if err != nil || len(res.Body) != 1000 {
		t.Errorf("a body of exactly the limit: %v", err)
	}
	var s string
	for _, req := range []jellyfin.Request{
		{Path: "/over", MaxBytes: 1000}, {Path: "/html"}, {Path: "/bomb"}, {Path: "/error"}, {Path: "/header"},
	} {
		_, err = c.Do(t.Context(), req)
		wantCode(t, err, api.CodeServerAnswer)
		wantCode(t, c.JSON(t.Context(), req, &s), api.CodeServerAnswer)
	}
	if s != "" {
		t.Error("a refused answer left something behind")
	}
}

func TestJSONAnswers(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"/ok": ` {"A":1} `, "/more": `{"A":1}{"A":2}`, "/cut": `{"A":`, "/empty": "", "/wrong": `{"A":"x"}`, "/page": "<html>",
	}
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, answers[r.URL.Path]) })
	c := client(t, base, "")
	for path := range answers {
		got := struct{ A, B int }{7, 7}
		err := c.JSON(t.Context(), jellyfin.Request{Path: path}, &got)
		if path == "/ok" {
			if err != nil || got.A != 1 || got.B != 0 {
				t.Errorf("%+v, %v", got, err)
			}
			continue
		}
		wantCode(t, err, api.CodeServerAnswer)
		if got.A != 7 {
			t.Errorf("%s changed the value", path)
		}
	}
}

// TestRefusals checks what a person reads for each status, and what a person never sees.
func TestRefusals(t *testing.T) {
	t.Parallel()
	// Flowfin's refusal to remove the last way into an account has 201 bytes.
	const lastWayIn = "This is the last sign-in method of the account. Removing it would lock the user out for good, because the " +
		"account has no password of its own. Set a password for the account first, or link another identity."
	problem := `{"type":"https://tools.ietf.org/html/rfc9110#section-15.6.1","title":"An error occurred","status":500,"traceId":"00-ab"}`
	for _, tt := range []struct {
		status           int
		kind, body, said string
		code             api.Code
	}{
		{401, "", "", "", api.CodeCredentialRefused},
		{403, "", "", "", api.CodeForbidden},
		{404, "text/plain", "Error processing request.", "", api.CodeServerRefused},
		{404, "application/json; charset=utf-8", `"Unknown secret"`, "Unknown secret", api.CodeServerRefused},
		{400, "text/plain", "Invalid or expired state", "Invalid or expired state", api.CodeServerRefused},
		{400, "text/plain; charset=utf-8", "bad \x1b[2J\u202ename", `bad \x1b[2J\u202ename`, api.CodeServerRefused},
		{400, "text/plain", "your token is the-token here", "your token is [redacted] here", api.CodeServerRefused},
		{400, "text/plain", "two\nlines", "two", api.CodeServerRefused},
		{400, "text/plain", "it is < 5 {characters}", "it is < 5 {characters}", api.CodeServerRefused},
		{409, "text/plain", lastWayIn, lastWayIn[:len(lastWayIn)-1], api.CodeServerRefused},
		{400, "text/plain", strings.Repeat("lőng ", 90), strings.Repeat("lőng ", 60) + "…", api.CodeServerRefused},
		{400, "application/json", `"` + strings.Repeat("x", 5000) + `"`, strings.Repeat("x", 300) + "…", api.CodeServerRefused},
		{500, "application/json", problem, "", api.CodeServerRefused},
		{500, "application/problem+json", problem, "", api.CodeServerRefused},
		{500, "text/plain", "System.NullReferenceException: at X", "", api.CodeServerRefused},
		{500, "text/html", "<h1>boom</h1>", "", api.CodeServerRefused},
		{429, "", "", "", api.CodeRateLimited},
		{502, "text/html", "<h1>Bad Gateway</h1>", "", api.CodeServerUnreachable},
		{503, "text/html", "Jellyfin Server is loading. Please try again shortly.", "", api.CodeServerStarting},
		{504, "", "", "", api.CodeServerUnreachable},
		{302, "", "", "", api.CodeRedirectRefused},
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			recordedAnswer{Status: tt.status, Type: tt.kind, Body: tt.body}.write(w)
		})
		c := client(t, base, "the-token")
		err := c.JSON(t.Context(), jellyfin.Request{Method: http.MethodPost, Path: "/x"}, nil)
		e := wantCode(t, err, tt.code)
		status, ok := errors.AsType[*jellyfin.StatusError](err)
		if !ok || status.Status != tt.status || status.Said != tt.said || jellyfin.StatusOf(err) != tt.status {
			t.Errorf("%d %q: said %+v", tt.status, tt.body, status)
		}
		if tt.said != "" && !strings.Contains(e.Sentence, tt.said) {
			t.Errorf("%q does not say %q", e.Sentence, tt.said)
		}
		all := fmt.Sprint(e.Sentence, e.Hint, e.Params, e.Err)
		for _, never := range []string{"the-token", "rfc9110", "traceId", "Exception", "<h1>", "Error processing"} {
			if strings.Contains(all, never) {
				t.Errorf("%s is shown: %s", never, all)
			}
		}
	}
}

// TestErrorsHoldNoSecrets breaks a request with secrets in path, query, body, cookie and header in every way.
func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	ruin := func(raw string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, raw)
				_ = conn.Close()
			}
		}()
		return "http://" + l.Addr().String()
	}
	closed := ruin("")
	for name, tt := range map[string]struct {
		base string
		code api.Code
	}{
		"closed":    {closed, api.CodeServerUnreachable},
		"not HTTP":  {ruin("SSH-2.0-OpenSSH_9.6\r\n"), api.CodeServerAnswer},
		"cut body":  {ruin("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"), api.CodeServerUnreachable},
		"bad chunk": {ruin("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n"), api.CodeServerUnreachable},
		"no TLS":    {strings.Replace(serve(t, http.NotFound), "http:", "https:", 1), api.CodeServerUnreachable},
		"no name":   {"http://nobody.invalid", api.CodeServerUnreachable},
		"refused":   {"http://127.0.0.1:1", api.CodeServerUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, tt.base, "SECRET", func(o *jellyfin.Options) { o.Tries = 2 })
			for _, idempotent := range []bool{false, true} {
				_, err := c.Do(t.Context(), jellyfin.Request{
					Path: "/Auth/Keys/SECRET", RawQuery: "secret=SECRET", Cookies: []*http.Cookie{{Name: "a", Value: "SECRET"}},
					Header: http.Header{"X-A": {"SECRET"}}, Idempotent: idempotent,
				})
				e := wantCode(t, err, tt.code)
				for cause := err; cause != nil; cause = errors.Unwrap(cause) {
					if s := fmt.Sprintf("%v %+v", cause, cause); strings.Contains(s, "SECRET") {
						t.Errorf("an error holds a secret: %s", s)
					}
				}
				if s := fmt.Sprint(e.Hint, e.Params); strings.Contains(s, "SECRET") || e.Hint == "" {
					t.Errorf("hint or params: %s", s)
				}
			}
		})
	}
}

// TestRetries runs in a bubble: no time passes really.
func TestRetries(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		req         jellyfin.Request
		status      int
		retryAfter  string
		asked       int
		least, most time.Duration
		code        api.Code
	}{
		"GET by JSON":        {jellyfin.Request{}, 503, "", 3, 100 * time.Millisecond, 3 * time.Second, api.CodeServerStarting},
		"zeros as Jellyfin":  {jellyfin.Request{}, 503, "005", 3, 10 * time.Second, 11 * time.Second, api.CodeServerStarting},
		"date":               {jellyfin.Request{}, 503, "Tue, 24 Nov 2026 12:00:04 GMT", 3, 4 * time.Second, 9 * time.Second, api.CodeServerStarting},
		"past date":          {jellyfin.Request{}, 503, "Tue, 24 Nov 2020 12:00:04 GMT", 3, 0, time.Second, api.CodeServerStarting},
		"nonsense":           {jellyfin.Request{}, 503, "soon", 3, 100 * time.Millisecond, 3 * time.Second, api.CodeServerStarting},
		"too long":           {jellyfin.Request{}, 429, "60", 1, 0, 0, api.CodeRateLimited},
		"absurd":             {jellyfin.Request{}, 429, "99999999999999999999", 1, 0, 0, api.CodeRateLimited},
		"rate limit":         {jellyfin.Request{}, 429, "2", 3, 4 * time.Second, 5 * time.Second, api.CodeRateLimited},
		"bad gateway":        {jellyfin.Request{}, 502, "", 3, 100 * time.Millisecond, 3 * time.Second, api.CodeServerUnreachable},
		"server error":       {jellyfin.Request{}, 500, "", 1, 0, 0, api.CodeServerRefused},
		"POST":               {jellyfin.Request{Method: "POST"}, 503, "1", 1, 0, 0, api.CodeServerStarting},
		"POST may be twice":  {jellyfin.Request{Method: "POST", Idempotent: true}, 503, "1", 3, 2 * time.Second, 3 * time.Second, api.CodeServerStarting},
		"once":               {jellyfin.Request{Once: true}, 503, "1", 1, 0, 0, api.CodeServerStarting},
		"DELETE is no GET":   {jellyfin.Request{Method: "DELETE"}, 429, "1", 1, 0, 0, api.CodeRateLimited},
		"nothing is retried": {jellyfin.Request{}, 401, "1", 1, 0, 0, api.CodeCredentialRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
				begun := time.Now()
				now := func() time.Time { return noon.Add(time.Since(begun)) }
				var n pipeNet
				var asked atomic.Int32
				n.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					asked.Add(1)
					recordedAnswer{Status: tt.status, RetryAfter: tt.retryAfter}.write(w)
				}))
				c := client(t, "http://jf", "", func(o *jellyfin.Options) { o.Dial, o.Now = n.dial, now })
				tt.req.Path = "/x"
				wantCode(t, c.JSON(t.Context(), tt.req, nil), tt.code)
				took := time.Since(begun)
				if int(asked.Load()) != tt.asked || took < tt.least || took > tt.most {
					t.Errorf("asked %d times in %s, want %d in %s to %s", asked.Load(), took, tt.asked, tt.least, tt.most)
				}
			})
		})
	}
}

func TestRetrySucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n pipeNet
		var asked atomic.Int32
		n.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			switch asked.Add(1) {
			case 1: // a body that breaks off after it filled something in
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, `{"a":"old","b":`)
			case 2:
				w.WriteHeader(http.StatusBadGateway)
			default:
				_, _ = io.WriteString(w, `{"b":"new"}`)
			}
		}))
		c := client(t, "http://jf", "", func(o *jellyfin.Options) { o.Dial = n.dial })
		var got map[string]string
		if err := c.JSON(t.Context(), jellyfin.Request{Path: "/x"}, &got); err != nil || len(got) != 1 || got["b"] != "new" {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// TestRetryWaitEndsWithTheCaller: a wait that the caller's deadline would cut short is not begun, and cancelling ends one.
func TestRetryWaitEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n pipeNet
		n.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			recordedAnswer{Status: 503, RetryAfter: "10"}.write(w)
		}))
		c := client(t, "http://jf", "", func(o *jellyfin.Options) { o.Dial = n.dial })
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		begun := time.Now()
		wantCode(t, c.JSON(ctx, jellyfin.Request{Path: "/x"}, nil), api.CodeServerStarting)
		if took := time.Since(begun); took != 0 {
			t.Errorf("waited %s in vain", took)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		begun = time.Now()
		wantCode(t, c.JSON(ctx, jellyfin.Request{Path: "/x"}, nil), api.CodeCancelled)
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("cancelling took effect after %s", took)
		}
	})
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	limits := jellyfin.Timeouts{
		Connect: 3 * time.Second, TLS: 4 * time.Second, Header: 5 * time.Second, BodyIdle: 6 * time.Second, Body: 20 * time.Second,
	}
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	mute := func(context.Context, string, string) (net.Conn, error) { // accepts and never says a word
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, there) }()
		return here, nil
	}
	for name, tt := range map[string]struct {
		base    string
		dial    func(context.Context, string, string) (net.Conn, error)
		handler http.HandlerFunc
		want    time.Duration
	}{
		"connect": {"http://jf", hang, nil, limits.Connect},
		"TLS":     {"https://jf", mute, nil, limits.TLS},
		"header":  {"http://jf", mute, nil, limits.Header},
		"silent body": {"http://jf", nil, func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, limits.BodyIdle},
		"trickling body": {"http://jf", nil, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(time.Second):
				}
			}
		}, limits.Body},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var n pipeNet
				dial := tt.dial
				if dial == nil {
					n.serve(t, tt.handler)
					dial = n.dial
				}
				c := client(t, tt.base, "", func(o *jellyfin.Options) { o.Dial, o.Timeouts = dial, limits })
				begun := time.Now()
				wantCode(t, c.JSON(t.Context(), jellyfin.Request{Path: "/x"}, nil), api.CodeTimeout)
				// The bytes that came had their time as well.
				if took := time.Since(begun); took < tt.want || took > tt.want+10*time.Millisecond {
					t.Errorf("ended after %s, want %s", took, tt.want)
				}
				c.CloseIdle()
			})
		})
	}
}

// TestBodyMayTakeAsLongAsItsSize: a long list may come slowly. A few bytes that come now and then may not, or each answer could
// take minutes.
func TestBodyMayTakeAsLongAsItsSize(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pieces, bytes int
		every         time.Duration
		ends          bool
		within        time.Duration
	}{
		"7 MB at 20 kB a second":     {350, 20_000, time.Second, true, 6 * time.Minute},
		"a byte now and then":        {350, 1, 25 * time.Second, false, 31 * time.Second},
		"in pieces with long pauses": {30, 200_000, 10 * time.Second, true, 6 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var n pipeNet
				n.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					piece := strings.Repeat(" ", tt.bytes)
					for range tt.pieces {
						_, _ = io.WriteString(w, piece)
						w.(http.Flusher).Flush()
						select {
						case <-r.Context().Done():
							return
						case <-time.After(tt.every):
						}
					}
					_, _ = io.WriteString(w, "[]")
				}))
				c := client(t, "http://jf", "", func(o *jellyfin.Options) { o.Dial = n.dial })
				begun := time.Now()
				var into []int
				err := c.JSON(t.Context(), jellyfin.Request{Path: "/x"}, &into)
				if tt.ends != (err == nil) || !tt.ends && !api.IsCode(err, api.CodeTimeout) {
					t.Errorf("error %v", err)
				}
				if took := time.Since(begun); took > tt.within {
					t.Errorf("took %s", took)
				}
				c.CloseIdle()
			})
		})
	}
}

// TestNoHiddenRepetition: net/http repeats a GET by itself when a kept connection turns out to be dead. A GET with effects
// must reach the server once at most.
func TestNoHiddenRepetition(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	counts := map[string]int{}
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		counts[r.URL.Path]++
		n := counts[r.URL.Path]
		mu.Unlock()
		if r.URL.Path != "/warm" && n == 1 {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		}
	})
	c := client(t, base, "")
	for path, idempotent := range map[string]bool{"/effect": false, "/reading": true} {
		if err := c.JSON(t.Context(), jellyfin.Request{Path: "/warm"}, nil); err != nil {
			t.Fatal(err)
		}
		_, err := c.Do(t.Context(), jellyfin.Request{Path: path, Idempotent: idempotent})
		if (err == nil) != idempotent {
			t.Errorf("%s: %v", path, err)
		}
	}
	// A handler that answered may not have left its lock yet as far as this goroutine knows.
	mu.Lock()
	defer mu.Unlock()
	if counts["/effect"] != 1 || counts["/reading"] != 2 {
		t.Errorf("the server was asked %v", counts)
	}
}

func TestWithCredential(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "%q", tokenOf(r)) })
	a := client(t, base, "a")
	b := a.WithCredential(secret.New("b"))
	for c, want := range map[*jellyfin.Client]string{a: "a", b: "b", a.WithCredential(secret.Value{}): ""} {
		var got string
		if err := c.JSON(t.Context(), jellyfin.Request{Path: "/x"}, &got); err != nil || got != want {
			t.Errorf("token %q, want %q: %v", got, want, err)
		}
	}
	if s := fmt.Sprintf("%v %+v", b.Credential(), b.Credential()); strings.Contains(s, "b ") {
		t.Error(s)
	}
}
