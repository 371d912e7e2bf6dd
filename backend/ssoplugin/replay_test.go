package ssoplugin_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// flavours are the recorded ones, in the names of their files.
var flavours = []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin}

// recordings are the names of all recordings, earlier versions included. The flavour is the part before the hyphen.
var recordings = []string{"9p4", "K0lin", "Flowfin", "Flowfin-4.2.1", "Flowfin-4.3.0-beta.34"}

func flavourOf(recording string) api.Flavour {
	name, _, _ := strings.Cut(recording, "-")
	return api.Flavour(name)
}

// exchange is one line of a recording; its README says what the fields mean.
type exchange struct {
	Section, Name, As, Method, Path, Host, Type, Body string
	Headers                                           map[string]string
	Answer                                            struct {
		Status               int
		Type, Location, Body string
		SetCookie            []string
		HTML                 *json.RawMessage
	}
}

// replay answers requests as a real server did when it was recorded. A request is answered by the next exchange of the
// recording with the same credential, method and address, or, where none follows, by the last one before.
type replay struct {
	*httptest.Server
	t         *testing.T
	recording string
	exchanges []exchange

	mu     sync.Mutex
	cursor int
	sent   []string
}

func newReplay(t *testing.T, file string) *replay {
	t.Helper()
	f, err := os.Open("testdata/" + file + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := &replay{t: t, recording: file}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e exchange
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		e.Path = expand(e.Path)
		r.exchanges = append(r.exchanges, e)
	}
	if lines.Err() != nil || len(r.exchanges) == 0 {
		t.Fatal("no exchanges in", file, lines.Err())
	}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// user is the id of a recorded account.
func user(name string) string { return fmt.Sprintf("%032x", name)[:32] }

func dashed(id string) string {
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}

var placeholder = regexp.MustCompile(`\{\{([^}]*)\}\}`)

// expand gives every placeholder a value of the right form.
func expand(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(p string) string {
		switch kind, name, _ := strings.Cut(p[2:len(p)-2], "."); kind {
		case "user":
			if undashed, ok := strings.CutSuffix(name, ".dashed"); ok {
				return dashed(user(undashed))
			}
			return user(name)
		case "plugin":
			return ssoplugin.GUID
		case "time":
			return "2026-11-24T02:24:37.0000000Z"
		case "authnRequest":
			return p
		default:
			return kind + "-" + name
		}
	})
}

// seek makes the exchange with this name and credential the next one.
func (r *replay) seek(section, name, as string) {
	r.t.Helper()
	i := slices.IndexFunc(r.exchanges, func(e exchange) bool {
		return e.Section == section && e.Name == name && (as == "" || e.As == as)
	})
	if i < 0 {
		r.t.Fatalf("no exchange %s|%s as %s", section, name, as)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cursor, r.sent = i, nil
}

// section returns where a section begins.
func (r *replay) section(name string) int {
	r.t.Helper()
	i := slices.IndexFunc(r.exchanges, func(e exchange) bool { return e.Section == name })
	if i < 0 {
		r.t.Fatal("no section", name)
	}
	return i
}

// requests returns what was sent since the last seek.
func (r *replay) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sent)
}

// asked answers a question whether a route exists: a recording says so by its answer to somebody else.
func (r *replay) asked(w http.ResponseWriter, req *http.Request) bool {
	prefix := req.URL.Path
	switch {
	case strings.HasPrefix(prefix, "/sso/Links/Preprovision/"):
		prefix = "/sso/Links/Preprovision/"
	case prefix != "/sso/Links/Roster" && prefix != "/sso/SSO-Only/Status":
		return false
	}
	there := slices.ContainsFunc(r.exchanges, func(e exchange) bool {
		return e.Method == req.Method && strings.HasPrefix(e.Path, prefix) && e.Answer.Status != http.StatusNotFound
	})
	if m := tokenValue.FindStringSubmatch(req.Header.Get("Authorization")); there && m != nil && m[1] != "invalid" {
		return false
	}
	w.WriteHeader(map[bool]int{true: http.StatusUnauthorized, false: http.StatusNotFound}[there])
	return true
}

var tokenValue = regexp.MustCompile(`Token="([^"]*)"`)

func (r *replay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	as := "none"
	if m := tokenValue.FindStringSubmatch(req.Header.Get("Authorization")); m != nil {
		as = m[1]
	}
	address := req.URL.RequestURI()
	r.sent = append(r.sent, req.Method+" "+address)
	if (as == "none" || req.URL.Path == "/sso/SSO-Only/Status") && r.asked(w, req) {
		return
	}
	if address == "/Users" { // too long to be in the recordings whole
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprintf(w, `[{"Id":%q,"Name":"bob"}]`, user("bob"))
		return
	}
	same := func(e exchange) bool { return e.As == as && e.Method == req.Method && e.Path == address }
	i := slices.IndexFunc(r.exchanges[r.cursor:], same)
	if i >= 0 {
		i += r.cursor
		if r.exchanges[i].Section == r.exchanges[r.cursor].Section { // requests that run side by side come in any order
			r.cursor = i + 1
		}
	} else {
		for i = r.cursor - 1; i >= 0 && !same(r.exchanges[i]); i-- {
		}
	}
	if i < 0 {
		r.t.Errorf("not recorded: as %s %s %s", as, req.Method, address)
		w.WriteHeader(599)
		return
	}
	e := r.exchanges[i]
	r.compare(e, req)
	for _, c := range e.Answer.SetCookie {
		w.Header().Add("Set-Cookie", expand(c))
	}
	if e.Answer.Type != "" {
		w.Header().Set("Content-Type", e.Answer.Type)
	}
	if e.Answer.Location != "" {
		w.Header().Set("Location", strings.ReplaceAll(expand(e.Answer.Location), "{{authnRequest}}", authnRequest(req)))
	}
	w.WriteHeader(e.Answer.Status)
	_, _ = io.WriteString(w, expand(e.Answer.Body))
	if e.Answer.HTML != nil {
		_, _ = io.WriteString(w, "<html>a page</html>")
	}
}

// compare checks what a matching request must have in common with the recorded one.
func (r *replay) compare(e exchange, req *http.Request) {
	if e.Host != "" && req.Host != e.Host {
		r.t.Errorf("%s: host %s, recorded %s", e.Name, req.Host, e.Host)
	}
	if got, want := req.Header.Get("Cookie"), expand(e.Headers["Cookie"]); got != want {
		r.t.Errorf("%s: cookies %q, recorded %q", e.Name, got, want)
	}
	if req.Method == http.MethodDelete && req.Header.Get("Content-Type") != e.Headers["Content-Type"] {
		r.t.Errorf("%s: content type %q", e.Name, req.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(req.Body)
	if err != nil || req.Method != http.MethodPost || strings.Contains(e.Body, "{{samlResponse") {
		return
	}
	var got, want any
	if json.Unmarshal(body, &got) != nil || json.Unmarshal([]byte(expand(e.Body)), &want) != nil {
		r.t.Errorf("%s: body %q, recorded %q", e.Name, body, e.Body)
		return
	}
	if g, ok := got.(map[string]any); ok {
		// Devices have names of their own.
		w, _ := want.(map[string]any)
		if g["Data"] != w["Data"] {
			r.t.Errorf("%s: data %v, recorded %v", e.Name, g["Data"], w["Data"])
		}
		return
	}
	if got != want {
		r.t.Errorf("%s: body %v, recorded %v", e.Name, got, want)
	}
}

const requestID = "_request-1"

// authnRequest is what the plugin sends: an AuthnRequest whose ACS is on the requested host.
func authnRequest(req *http.Request) string {
	name := req.URL.Path[strings.LastIndexByte(req.URL.Path, '/')+1:]
	path := "/sso/SAML/post/" + name
	if name == "samlold" {
		path = "/sso/SAML/p/" + name
	}
	return url.QueryEscape(deflated(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="` + requestID +
		`" AssertionConsumerServiceURL="http://` + req.Host + path + `"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">urn:jellyfin:contract</saml:Issuer>` +
		`<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"/></samlp:AuthnRequest>`))
}

func deflated(s string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		panic(err)
	}
	if _, err := io.WriteString(w, s); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// tokens are the recordings' names of the credentials.
var tokens = map[api.CredentialKind]string{
	api.CredentialAdmin: "admin", api.CredentialKey: "apikey", api.CredentialUser: "user", api.CredentialNone: "",
}

// self is the account of the access token.
func self(kind api.CredentialKind) *api.User {
	switch kind {
	case api.CredentialAdmin:
		return &api.User{ID: user("root"), Name: "root", Administrator: true}
	case api.CredentialUser:
		return &api.User{ID: user("alice"), Name: "alice"}
	case api.CredentialKey, api.CredentialNone:
	}
	return nil
}

func newClient(t *testing.T, address, token string) *jellyfin.Client {
	t.Helper()
	c, err := jellyfin.New(jellyfin.Options{URL: address, DeviceID: "test", Credential: secret.New(token), Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// plugin detects the plugin of a replayed server.
func (r *replay) plugin(kind api.CredentialKind) *ssoplugin.Plugin {
	r.t.Helper()
	r.seek("links read", r.exchanges[r.section("links read")].Name, "") // there are providers by then
	p, err := ssoplugin.Detect(r.t.Context(), newClient(r.t, r.URL, tokens[kind]), kind, self(kind))
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cursor = 0
	return p
}
