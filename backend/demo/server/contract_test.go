package server_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/server"
)

// leftOut names every recorded exchange that is not replayed, and why.
var leftOut = map[string]string{
	"misc-K0lin.jsonl 1":  "the server's port is closed: nothing that a handler could do",
	"misc-K0lin.jsonl 2":  "as 1",
	"misc-K0lin.jsonl 3":  "as 1",
	"misc-K0lin.jsonl 4":  "as 1",
	"misc-K0lin.jsonl 57": "as 1, after the server was stopped",
}

// TestContract replays every recorded exchange, in order, and compares what the simulated server answers with what the real
// one did, value for value but for the placeholders.
func TestContract(t *testing.T) {
	t.Parallel()
	for name, flavour := range map[string]api.Flavour{
		"9p4": api.Flavour9p4, "K0lin": api.FlavourK0lin, "Flowfin": api.FlavourFlowfin,
		"Flowfin-4.2.1": api.FlavourFlowfin, "Flowfin-4.3.0-beta.34": api.FlavourFlowfin,
	} {
		_, version, old := strings.Cut(name, "-")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplay(t, name+".jsonl", flavour)
			r.start(server.Options{PluginVersion: version, WizardIncomplete: true, LocalAddress: r.recordedAddress()})
			for i, e := range r.exchanges {
				switch {
				case e.Section == "after restart" && r.exchanges[i-1].Section != "after restart":
					r.server.Restart()
				case e.Name == "start prunes":
					r.clock.advance(62 * time.Second)
				}
				r.replay(i, e)
			}
		})
		if old {
			continue // recorded without these
		}
		t.Run("signin-"+name, func(t *testing.T) {
			t.Parallel()
			r := newReplay(t, "signin-"+name+".jsonl", flavour)
			r.start(server.Options{})
			r.signedInAdministrator()
			for _, user := range []string{"alice", "bob", "carol"} {
				r.bound["user."+user] = r.server.AddUser(server.UserSpec{Name: user, Password: "pw"})
			}
			r.addProviders()
			for i, e := range r.exchanges {
				if e.Section == "parallel writes" && r.exchanges[i-1].Section != e.Section {
					r.parallelWrites(i)
				}
				r.replay(i, e)
			}
		})
	}
	t.Run("misc-K0lin", func(t *testing.T) {
		t.Parallel()
		r := newReplay(t, "misc-K0lin.jsonl", api.FlavourK0lin)
		section := ""
		for i, e := range r.exchanges {
			if e.Section != section {
				section = e.Section
				r.miscSection(section)
			}
			r.replay(i, e)
		}
	})
}

// miscSection prepares the server as it was for a section of the file of odds and ends: the same server in one state after
// the other, so that its random source starts again and gives the same ids.
func (r *replay) miscSection(section string) {
	o := server.Options{LocalAddress: "127.0.0.1:8120", Rand: &counter{}}
	switch section {
	case "while the server starts", "before the first-run wizard":
		o.WizardIncomplete = true
		r.start(o)
		return
	case "plugin not installed":
		o.PluginMissing = true
	case "base URL /jf":
		o.BasePath = "/jf"
	case "api key life":
	default:
		return
	}
	r.start(o)
	r.signedInAdministrator()
}

// counter is a source of bytes that never repeats and is the same every time.
type counter struct{ n byte }

func (c *counter) Read(b []byte) (int, error) {
	for i := range b {
		c.n = c.n*5 + 3
		b[i] = c.n ^ byte(i*37)
	}
	return len(b), nil
}

// clock is the server's clock: the system's, advanced by the test.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// replay is one file of recordings against one simulated server.
type replay struct {
	t         *testing.T
	file      string
	flavour   api.Flavour
	exchanges []exchange
	people    []idp.Person
	providers *providers
	clock     *clock
	server    *server.Server
	http      *httptest.Server
	client    *http.Client
	address   string // the recorded server's own, which its clients asked for

	bound    map[string]string // the values of the placeholders
	location string            // the last start's
	code     string            // of the last sign-in by OIDC
	response string            // the last SAML response
	states   int               // sign-ins by OIDC that were started
	sent     map[int]int       // parallel writes by the answers' status
	passed   int
}

func newReplay(t *testing.T, file string, flavour api.Flavour) *replay {
	t.Helper()
	r := &replay{
		t: t, file: file, flavour: flavour, clock: &clock{},
		bound: map[string]string{
			"user.unknown": "0123456789abcdef0123456789abcdef", "token.invalid": strings.Repeat("0", 32), "samlResponse.2": "eA==",
		},
		sent: map[int]int{},
		client: &http.Client{
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 10 * time.Second,
		},
	}
	r.load()
	t.Cleanup(func() {
		out := 0
		for where := range leftOut {
			if strings.HasPrefix(where, file+" ") {
				out++
			}
		}
		t.Logf("%s: %d of %d exchanges answered as recorded, %d left out", file, r.passed, len(r.exchanges)-1, out)
		if r.passed+out != len(r.exchanges)-1 && !t.Failed() {
			t.Errorf("%d exchanges were neither compared nor left out by name", len(r.exchanges)-1-out-r.passed)
		}
	})
	for name := range r.logins() {
		person := idp.Person{Subject: name, Login: name, Name: name}
		if strings.HasPrefix(name, "alice-") {
			person.Login = "pn-" + name
		}
		r.people = append(r.people, person)
	}
	r.providers = startProviders(t, r.people)
	r.bound["certificate"] = strings.ReplaceAll(r.providers.saml.Certificate(), "+", `\u002B`)
	return r
}

// loginAt says who signed in at the identity provider before a recorded callback: the name in the exchanges after it.
func loginAt(e exchange) string {
	switch name := strings.TrimPrefix(e.Section, "saml ") + "|" + e.Name; name {
	case "oidc link by relay|relay callback", "oidc link variants|relay callback identity owned by another":
		return "alice-at-idp"
	case "oidc link variants|relay callback self":
		return "alice-2"
	case "oidc link variants|relay callback second provider":
		return "alice-3"
	case "oidc link variants|relay callback without cookie":
		return "carol-nolink"
	case "oidc link variants|relay callback localhost":
		return "alice-4"
	case "link by relay|relay callback":
		return "alice@saml"
	case "link by relay|relay callback no relayState query":
		return "carol@saml"
	case "link by relay|relay callback old path":
		return "old@saml"
	case "after restart|relay callback for expiry", "after restart|relay callback prunes":
		return "carol-nolink"
	case "seeing who signed in before linking|relay callback", "signing in with a linked identity|callback":
		return "alice-idp"
	case "signing in with an identity that is not linked|callback stranger":
		return "stranger"
	case "signing in with an identity that is not linked|callback same name as a Jellyfin user":
		return "bob"
	}
	return ""
}

// loginLinked says who signed in for a link whose start and callback are not in the recordings: the awkward names.
func (r *replay) loginLinked(i int) string {
	e := r.exchanges[i]
	if e.Section != "awkward names" || !strings.HasPrefix(e.Name, "link ") {
		return ""
	}
	_, escaped, _ := strings.Cut(r.exchanges[i+2].Path, "{{user.bob}}/")
	name, err := url.PathUnescape(escaped)
	if err != nil {
		r.t.Fatal(err)
	}
	return name
}

func (r *replay) logins() map[string]bool {
	all := map[string]bool{}
	for i, e := range r.exchanges {
		for _, name := range []string{loginAt(e), r.loginLinked(i)} {
			if name != "" {
				all[name] = true
			}
		}
	}
	for i := range 60 {
		all[fmt.Sprintf("par-%d", i)] = true
	}
	return all
}

func (r *replay) start(o server.Options) {
	if r.http != nil {
		r.http.Close()
	}
	r.address = o.LocalAddress
	o.Flavour, o.Now, o.HTTP, o.ServerName = r.flavour, r.clock.now, r.providers.client, "vm"
	r.server = server.New(o)
	r.http = httptest.NewServer(r.server)
	r.t.Cleanup(r.http.Close)
}

// recordedAddress is the address that the recorded server had.
func (r *replay) recordedAddress() string {
	for _, e := range r.exchanges {
		if name, found := strings.CutPrefix(e.Name, "oid start host 127.0.0.1:8"); found {
			return "127.0.0.1:8" + name
		}
	}
	r.t.Fatal("the recordings do not say which address the server had")
	return ""
}

// signedInAdministrator makes what a file's exchanges begin with when they do not make it themselves.
func (r *replay) signedInAdministrator() {
	r.bound["user.root"] = r.server.AddUser(server.UserSpec{Name: "root", Password: "rootpw", Administrator: true})
	r.bound["token.apikey"] = r.server.AddAPIKey("contract").Reveal()
	body := `{"Username":"root","Pw":"rootpw"}`
	e := exchange{As: "none", Method: "POST", Path: "/Users/AuthenticateByName", Body: &body, Type: "application/json"}
	for _, path := range []string{e.Path, "/jf" + e.Path} {
		e.Path = path
		status, _, answer := r.send(e)
		var in struct{ AccessToken string }
		if status == http.StatusOK && json.Unmarshal(answer, &in) == nil {
			r.bound["token.admin"] = in.AccessToken
			return
		}
	}
	r.t.Fatal("the administrator cannot sign in")
}

func (r *replay) addProviders() {
	for _, name := range []string{"npm", "second", "off", "dead"} {
		err := r.server.AddOIDCProvider(name, map[string]any{
			"OidEndpoint": "http://" + oidcAddress, "OidClientId": "jellyfin", "OidSecret": "secret", "Enabled": name != "off",
			"DisableHttps": true, "NewPath": name != "second", "AllowPrivateNetworkAddresses": true,
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// send sends a recorded request.
func (r *replay) send(e exchange) (int, http.Header, []byte) {
	r.t.Helper()
	path := r.fill(e, e.Path, url.QueryEscape)
	var body io.Reader = http.NoBody
	if e.Body != nil {
		escape := func(s string) string { return s }
		if strings.Contains(e.Type, "form") {
			escape = url.QueryEscape
		}
		body = strings.NewReader(r.fill(e, *e.Body, escape))
	}
	q, err := http.NewRequestWithContext(r.t.Context(), e.Method, r.http.URL+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if q.Host = e.Host; e.Host == "" {
		q.Host = r.address
	}
	if e.Type != "" {
		q.Header.Set("Content-Type", e.Type)
	}
	token := map[string]string{
		"user": r.bound["token.user"], "admin": r.bound["token.admin"], "old admin": r.bound["token.admin.old"],
		"apikey": r.bound["token.apikey"], "carol": r.bound["token.carol"], "second": r.bound["token.second"],
		"invalid": r.bound["token.invalid"],
	}[e.As]
	if e.As == "admin" && token == "" {
		token = r.bound["token.admin.old"]
	}
	client := `MediaBrowser Client="contract", Device="contract", DeviceId="contract", Version="1.0.0"`
	if token != "" {
		client += `, Token="` + token + `"`
	}
	switch e.Auth {
	case "":
		q.Header.Set("Authorization", client)
	case "x-emby-token":
		q.Header.Set("X-Emby-Token", token)
	case "x-mediabrowser-token":
		q.Header.Set("X-MediaBrowser-Token", token)
	case "x-emby-authorization":
		q.Header.Set("X-Emby-Authorization", client)
	case "bearer":
		q.Header.Set("Authorization", "Bearer "+token)
	case "none", "api_key", "ApiKey":
	default:
		r.t.Fatalf("%s: unknown way of signing in %q", r.file, e.Auth)
	}
	for name, v := range e.Headers {
		q.Header.Set(name, r.fill(e, v, url.QueryEscape))
	}
	answer, err := r.client.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, got
}

// replay sends a recorded request and compares the answers.
func (r *replay) replay(i int, e exchange) {
	r.t.Helper()
	if e.Section == "" {
		return // the line that names the server
	}
	where := fmt.Sprintf("%s %d", r.file, i)
	if _, out := leftOut[where]; out {
		return
	}
	err := r.exchange(i, e)
	if err == nil {
		r.passed++
	} else {
		r.t.Errorf("%s [%s | %s] as %s %s %s: %v", where, e.Section, e.Name, e.As, e.Method, e.Path, err)
	}
}

func (r *replay) exchange(i int, e exchange) error {
	if e.Method == "" {
		return r.observation(e)
	}
	if e.Section == "while the server starts" {
		r.server.SetPhase(map[bool]server.Phase{
			e.AtMS < 5000: server.PhaseEarly, e.AtMS > 5000 && e.AtMS < 5400: server.PhaseLoading, e.AtMS > 5400: server.PhaseNoPlugin,
		}[true])
		if e.Answer.Body != nil {
			cut := *e.Answer.Body + "…" // these were cut without a mark
			e.Answer.Body = &cut
		}
	}
	// A person signs in between a start and its callback.
	if login := loginAt(e); login != "" {
		if err := r.signIn(r.location, login); err != nil {
			return err
		}
	} else if login := r.loginLinked(i); login != "" {
		if err := r.startAndCallBack(e, login); err != nil {
			return err
		}
	}
	status, header, body := r.send(e)
	r.remember(e, status, header, body)
	if want, _ := e.Answer.Status.(float64); int(want) != status {
		return fmt.Errorf("recorded %v, answered %d %.200s", e.Answer.Status, status, body)
	}
	if strings.HasPrefix(e.Name, "one entry of OID/States") {
		return r.matchOneState(*e.Answer.Body, body)
	}
	if got := header.Get("Content-Type"); got != e.Answer.Type {
		return fmt.Errorf("recorded type %q, answered %q", e.Answer.Type, got)
	}
	if got := header.Get("Retry-After"); got != e.Answer.RetryAfter {
		return fmt.Errorf("recorded Retry-After %q, answered %q", e.Answer.RetryAfter, got)
	}
	if err := r.match(e.Answer.Location, header.Get("Location")); err != nil {
		return fmt.Errorf("location: %w", err)
	}
	if err := r.match(strings.Join(e.Answer.SetCookie, "\n"), strings.Join(header.Values("Set-Cookie"), "\n")); err != nil {
		return fmt.Errorf("cookies: %w", err)
	}
	switch {
	case e.Answer.HTML != nil:
		return r.matchPage(e, string(body))
	case e.Answer.Body == nil && len(body) > 0:
		return fmt.Errorf("recorded no body, answered %.200s", body)
	case e.Answer.Body == nil:
		return nil
	case e.Name == "states while pending":
		return r.matchStates(*e.Answer.Body, body)
	case e.Section == "parallel writes":
		return r.matchParallel(*e.Answer.Body, body)
	}
	return r.match(sortedLinks(*e.Answer.Body), sortedLinks(string(body)))
}

// Links in the answers, as they are written: an account's names, a provider's links, and Flowfin's links and accounts.
const (
	jsonText  = `"(?:[^"\\]|\\.)*"`
	flatLink  = `\{"Protocol":` + jsonText + `(?:,` + jsonText + `:` + jsonText + `)*\}`
	rosterRow = `\{"UserId":` + jsonText + `(?:,` + jsonText + `:(?:` + jsonText + `|true|false))*,"Links":\[(?:` + flatLink + `,?)*\]\}`
)

var (
	linkLists = []struct{ list, item *regexp.Regexp }{
		{regexp.MustCompile(`:\[` + jsonText + `(?:,` + jsonText + `)+\]`), regexp.MustCompile(jsonText)},
		{
			regexp.MustCompile(`"CanonicalLinks":\{(?:` + jsonText + `:` + jsonText + `,?)+\}`),
			regexp.MustCompile(jsonText + `:` + jsonText),
		},
		{regexp.MustCompile(`\[(?:` + flatLink + `,?)+\]`), regexp.MustCompile(flatLink)},
		{regexp.MustCompile(`\[(?:` + rosterRow + `,?)+\]`), regexp.MustCompile(rosterRow)},
	}
	anyID = regexp.MustCompile(`[0-9a-f]{32}|\{\{[^}]*\}\}`)
)

// sortedLinks sorts the links in an answer, and what else lists names. The plugin lists them in the order of .NET's
// dictionaries, which says nothing.
func sortedLinks(body string) string {
	for _, l := range linkLists {
		body = l.list.ReplaceAllStringFunc(body, func(list string) string {
			open := strings.IndexAny(list, "[{") + 1
			items := l.item.FindAllString(list[open:len(list)-1], -1)
			slices.SortFunc(items, func(a, b string) int {
				return strings.Compare(anyID.ReplaceAllString(a, ""), anyID.ReplaceAllString(b, ""))
			})
			return list[:open] + strings.Join(items, ",") + list[len(list)-1:]
		})
	}
	return body
}

// remember keeps what later requests need and what the recordings cut off.
func (r *replay) remember(e exchange, status int, header http.Header, body []byte) {
	if location := header.Get("Location"); location != "" && strings.Contains(e.Path, "/start/") || strings.Contains(e.Path, "/p/") {
		r.location = location
		if status == http.StatusFound && strings.Contains(e.Path, "/OID/") {
			r.states++
		}
	}
	if e.Name == "extra sign-in" {
		var in struct{ AccessToken string }
		_ = json.Unmarshal(body, &in)
		r.bound["token.carol"] = in.AccessToken
	}
}

// signIn lets a person sign in at the identity provider and keeps what comes back.
func (r *replay) signIn(location, login string) error {
	if strings.HasPrefix(login, "alice-") {
		login = "pn-" + login
	}
	back, form, err := r.providers.signIn(r.t.Context(), location, login)
	if err != nil {
		return fmt.Errorf("signing in as %q: %w", login, err)
	}
	if form != nil {
		r.response = form.Get("SAMLResponse")
		return nil
	}
	r.code = back.Query().Get("code")
	return nil
}

// startAndCallBack signs a person in through the plugin, for a state that the recordings only use, and binds it.
func (r *replay) startAndCallBack(e exchange, login string) error {
	state, err := r.finishSignIn(login)
	if err != nil {
		return err
	}
	m := regexp.MustCompile(`\{\{(state\.\d+)\}\}`).FindStringSubmatch(*e.Body)
	if m != nil {
		r.bound[m[1]] = state
	}
	return nil
}

func (r *replay) finishSignIn(login string) (state string, err error) {
	start := exchange{As: "none", Auth: "none", Method: "GET", Path: "/sso/OID/start/npm?isLinking=true", Host: "127.0.0.1:18701"}
	status, header, body := r.send(start)
	if status != http.StatusFound {
		return "", fmt.Errorf("start answered %d %s", status, body)
	}
	if err := r.signIn(header.Get("Location"), login); err != nil {
		return "", err
	}
	u, err := url.Parse(header.Get("Location"))
	if err != nil {
		return "", err
	}
	state = u.Query().Get("state")
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	r.bound["cookie."+state] = cookie
	start.Path = "/sso/OID/redirect/npm?code=" + url.QueryEscape(r.code) + "&state=" + state + "&iss=http%3A%2F%2F" + oidcAddress
	start.Headers = map[string]string{"Cookie": cookie}
	if status, _, body := r.send(start); status != http.StatusOK {
		return "", fmt.Errorf("the callback answered %d %.300s", status, body)
	}
	return state, nil
}

// parallelWrites does what the recordings tell the outcome of: so many links for carol at once.
func (r *replay) parallelWrites(i int) {
	var want struct{ Sent int }
	_ = json.Unmarshal([]byte(*r.exchanges[i+1].Answer.Body), &want)
	var wait sync.WaitGroup
	var mu sync.Mutex
	for n := range want.Sent {
		state, err := r.finishSignIn(fmt.Sprintf("par-%d", n))
		if err != nil {
			r.t.Fatal(err)
		}
		body := `{"DeviceID":"contract","DeviceName":"contract","AppName":"contract","AppVersion":"1.0.0","Data":"` + state + `"}`
		e := exchange{
			As: "admin", Method: "POST", Path: "/sso/OID/Link/npm/{{user.carol}}", Body: &body, Type: "application/json",
			Headers: map[string]string{"Cookie": r.bound["cookie."+state]},
		}
		wait.Go(func() {
			status, _, _ := r.send(e)
			mu.Lock()
			defer mu.Unlock()
			r.sent[status]++
		})
	}
	wait.Wait()
}

// matchParallel compares the links as a set: their order is the order in which the writes came.
func (r *replay) matchParallel(recorded string, actual []byte) error {
	var want, got map[string][]string
	if err := json.Unmarshal([]byte(recorded), &want); err != nil {
		return err
	}
	if err := json.Unmarshal(actual, &got); err != nil {
		return err
	}
	for _, m := range []map[string][]string{want, got} {
		for _, names := range m {
			slices.Sort(names)
		}
	}
	r.sent[-1] = len(got["npm"])
	if d := cmp.Diff(want, got); d != "" {
		return fmt.Errorf("links: %s", d)
	}
	return nil
}

var stateEntry = regexp.MustCompile(`,?"\{\{(state\.\d+)\}\}":\{"State":`)

// matchStates compares pending sign-ins without their order: K0lin and Flowfin keep them in a ConcurrentDictionary, whose
// order is random.
func (r *replay) matchStates(recorded string, actual []byte) error {
	if r.flavour == api.FlavourFlowfin {
		var want, got []map[string]any
		if err := json.Unmarshal([]byte(recorded), &want); err != nil {
			return err
		}
		if err := json.Unmarshal(actual, &got); err != nil {
			return err
		}
		key := func(m map[string]any) string { return fmt.Sprint(m["Provider"], m["Valid"], m["IsLinking"], len(m)) }
		for _, m := range [][]map[string]any{want, got} {
			slices.SortFunc(m, func(a, b map[string]any) int { return strings.Compare(key(a), key(b)) })
		}
		w, _ := json.Marshal(want)
		g, _ := json.Marshal(got)
		return r.match(string(w), string(g))
	}
	var got map[string]json.RawMessage
	if err := json.Unmarshal(actual, &got); err != nil {
		return err
	}
	if len(got) != r.states {
		return fmt.Errorf("%d pending sign-ins, of %d that were started", len(got), r.states)
	}
	body, _ := strings.CutSuffix(strings.TrimPrefix(recorded, "{"), "…")
	at := stateEntry.FindAllStringSubmatchIndex(body, -1)
	for n, m := range at {
		entry := body[m[0]:]
		cut := "…"
		if n+1 < len(at) {
			entry, cut = body[m[0]:at[n+1][0]], ""
		}
		_, entry, _ = strings.Cut(entry, `}}":`)
		if err := r.match(entry+cut, string(got[r.bound[body[m[2]:m[3]]]])); err != nil {
			return fmt.Errorf("%s: %w", body[m[2]:m[3]], err)
		}
	}
	return nil
}

// matchOneState compares the one entry that was recorded, with its State left out.
func (r *replay) matchOneState(recorded string, actual []byte) error {
	var got map[string]map[string]any
	if err := json.Unmarshal(actual, &got); err != nil {
		return err
	}
	entry := got[r.bound["state.1"]]
	if entry == nil || len(entry["State"].(map[string]any)) == 0 {
		return fmt.Errorf("no such entry in %s", actual)
	}
	entry["State"], entry["Created"] = map[string]any{}, "{{created}}"
	var want map[string]map[string]any
	if err := json.Unmarshal([]byte(recorded), &want); err != nil {
		return err
	}
	if d := cmp.Diff(want["{{state.1}}"], entry); d != "" {
		return fmt.Errorf("entry: %s", d)
	}
	return nil
}

var pageData = regexp.MustCompile(`var data = "([^"]*)"`)

// matchPage checks what the recordings tell of a page: the data in it, and which of the strings that were looked for it has.
func (r *replay) matchPage(e exchange, body string) error {
	want := e.Answer.HTML
	if want.Title != "" && !strings.Contains(body, "<title>"+want.Title+"</title>") {
		return fmt.Errorf("the page is not titled %q: %.200s", want.Title, body)
	}
	if want.Title == "" {
		m := pageData.FindStringSubmatch(body)
		if m == nil {
			return fmt.Errorf("no data in the page %.300s", body)
		}
		var data string
		if err := json.Unmarshal([]byte(`"`+m[1]+`"`), &data); err != nil {
			return fmt.Errorf("data %q: %w", m[1], err)
		}
		if want.Data == "{{samlResponse}}" && data != r.response {
			return fmt.Errorf("the page's data is not the SAML response: %.100s", data)
		}
		if err := r.match(want.Data, data); err != nil {
			return fmt.Errorf("data: %w", err)
		}
	}
	for _, s := range []string{
		"/sso/OID/Link", "/sso/OID/Auth", "/sso/SAML/Link", "/sso/SAML/Auth", "jellyfin_credentials", "localStorage.removeItem",
	} {
		if strings.Contains(body, s) != slices.Contains(want.Mentions, s) {
			return fmt.Errorf("mentions %q: recorded %t", s, slices.Contains(want.Mentions, s))
		}
	}
	return nil
}

// observation compares what was recorded of something that is no HTTP exchange.
func (r *replay) observation(e exchange) error {
	switch {
	case strings.HasPrefix(e.Section, "discovery"):
		answer, err := r.discover(e.Name)
		if err != nil {
			return err
		}
		return r.match(*e.Answer.Body, answer)
	case e.Name == "decoded AuthnRequest":
		u, err := url.Parse(r.location)
		if err != nil {
			return err
		}
		deflated, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
		if err != nil {
			return err
		}
		document, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
		if err != nil {
			return err
		}
		return r.match(*e.Answer.Body, string(document))
	case e.Section == "parallel writes":
		got := fmt.Sprintf(`{"sent": %d, "answers": {"204": %[1]d}, "stored": %d}`, r.sent[http.StatusNoContent], r.sent[-1])
		return r.match(*e.Answer.Body, got)
	}
	return errors.New("nothing that is known")
}

func (r *replay) discover(question string) (string, error) {
	ctx, stop := context.WithCancel(r.t.Context())
	var config net.ListenConfig
	listener, err := config.ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		stop()
		return "", err
	}
	done := make(chan error, 1)
	go func() { done <- r.server.ServeDiscovery(ctx, listener) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	}()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp4", listener.LocalAddr().String())
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte(question)); err != nil {
		return "", err
	}
	_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	buffer := make([]byte, 1024)
	n, err := conn.Read(buffer)
	if err != nil {
		return "(no answer)", nil
	}
	return string(buffer[:n]), nil
}
