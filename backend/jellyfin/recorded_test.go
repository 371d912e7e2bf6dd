package jellyfin_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
)

// recordedAnswer is what a real Jellyfin 10.11.11 answered.
type recordedAnswer struct {
	Status     int    `json:"status"`
	Type       string `json:"type"`
	Location   string `json:"location"`
	RetryAfter string `json:"retry-after"`
	Body       string `json:"body"`
}

type exchange struct {
	Section string          `json:"section"`
	Name    string          `json:"name"`
	As      string          `json:"as"`
	Method  string          `json:"method"`
	Path    string          `json:"path"`
	Auth    string          `json:"auth"`
	At      int             `json:"at_ms"`
	Raw     json.RawMessage `json:"answer"`
}

func (e exchange) answer(t testing.TB) recordedAnswer {
	t.Helper()
	var a recordedAnswer
	if err := json.Unmarshal(e.Raw, &a); err != nil {
		t.Fatalf("%s | %s: %v", e.Section, e.Name, err)
	}
	return a
}

var recordings = sync.OnceValues(func() ([]exchange, error) {
	f, err := os.Open("testdata/recorded.jsonl")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []exchange
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e exchange
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, lines.Err()
})

// recorded returns the one exchange of that section and name (and, where several credentials were used, as).
func recorded(t testing.TB, section, name, as string) recordedAnswer {
	t.Helper()
	all, err := recordings()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Section == section && e.Name == name && (as == "" || e.As == as) {
			return e.answer(t)
		}
	}
	t.Fatalf("no recording of %q | %q as %q", section, name, as)
	return recordedAnswer{}
}

const (
	rootID   = "11111111111111111111111111111111"
	aliceID  = "22222222222222222222222222222222"
	bobID    = "33333333333333333333333333333333"
	serverID = "44444444444444444444444444444444"
	keyValue = "aaaabbbbccccdddd0000111122223333"
)

var placeholder = regexp.MustCompile(`\{\{([^}]*)\}\}`)

// fill replaces the placeholders of a recorded body.
func fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(p string) string {
		switch name := strings.Trim(p, "{}"); name {
		case "user.root":
			return rootID
		case "user.alice":
			return aliceID
		case "user.bob":
			return bobID
		case "serverId":
			return serverID
		case "time":
			return "2026-11-24T06:15:16.1234567Z"
		case "token.apikey":
			return keyValue
		case "plugin.sso":
			return "505ce9d1d91642fa86ca673ef241d7df"
		case "qc.secret":
			return qcSecret
		default:
			if strings.HasPrefix(name, "token.") {
				return "token-" + strings.TrimPrefix(name, "token.")
			}
			return "x"
		}
	})
}

func (a recordedAnswer) write(w http.ResponseWriter) {
	if a.Type != "" {
		w.Header().Set("Content-Type", a.Type)
	}
	if a.Location != "" {
		w.Header().Set("Location", a.Location)
	}
	if a.RetryAfter != "" {
		w.Header().Set("Retry-After", a.RetryAfter)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write([]byte(fill(a.Body)))
}

// parts reads an Authorization header as Jellyfin's AuthorizationContext does: split at commas outside quotes, values
// unquoted and URL-decoded, + meaning a blank.
func parts(header string) map[string]string {
	rest, ok := strings.CutPrefix(header, "MediaBrowser ")
	if !ok {
		return nil
	}
	result := map[string]string{}
	key, start, escaped := "", 0, false
	put := func(value string) {
		decoded, err := url.QueryUnescape(strings.Trim(value, `"`))
		if err != nil {
			decoded = value
		}
		result[key] = decoded
		key = ""
	}
	for i := range len(rest) {
		switch ch := rest[i]; {
		case ch == '"' || ch == ',':
			escaped = !escaped == (ch == '"')
			if ch == ',' && !escaped {
				if start < i {
					put(rest[start:i])
				}
				start = i + 1
			}
		case !escaped && ch == '=':
			key = strings.TrimSpace(rest[start:i])
			start = i + 1
		}
	}
	if start < len(rest) {
		put(rest[start:])
	}
	return result
}

func tokenOf(r *http.Request) string { return parts(r.Header.Get("Authorization"))["Token"] }

// serve starts a server and returns its base URL.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func client(t testing.TB, base, token string, change ...func(*jellyfin.Options)) *jellyfin.Client {
	t.Helper()
	opts := jellyfin.Options{URL: base, DeviceID: "device-1", Version: "1.2.3", Credential: secret.New(token)}
	for _, f := range change {
		f(&opts)
	}
	c, err := jellyfin.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}
