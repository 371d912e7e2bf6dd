package cli_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/proxy"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/loopback/loopbacktest"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

var update = flag.Bool("update", false, "write what the scripts' cmp commands get into the scripts")

// TestScripts runs the commands as a person's shell would: each is a process of its own, with an own configuration folder,
// no keyring (unless a script asks for one), and the loopback only.
func TestScripts(t *testing.T) {
	t.Parallel()
	hearHangups(t)
	var session *secrettest.Session
	if runtime.GOOS == "linux" {
		session = secrettest.Start(t, secrettest.Unlocked)
	}
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Condition: func(name string) (bool, error) {
			if name == "keyring" {
				return session != nil, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("JELLYBIND_CONFIG_DIR", filepath.Join(env.WorkDir, "config"))
			env.Setenv("EXIT_CODES", env.WorkDir)
			env.Setenv("COLUMNS", "100")
			env.Setenv("TZ", "UTC")
			st := &state{}
			if session != nil {
				st.keyring = session.Env
			}
			env.Values[stateKey{}] = st
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": code, "world": world, "mask": mask, "fields": fields, "runid": runID, "keyring": keyring, "tls": secure, "until": until,
			"nosecret": noSecret, "lastchange": lastChange, "fingerprint": fingerprint, "asides": asides, "line": line, "approve": approve,
			"device": onDevice,
		},
	})
}

// state is what a script's own commands keep between them.
type state struct {
	keyring     []string // the environment of a session with a keyring
	certificate *atomic.Pointer[tls.Certificate]
}

type stateKey struct{}

func stateOf(ts *testscript.TestScript) *state {
	s, ok := ts.Value(stateKey{}).(*state)
	if !ok {
		ts.Fatalf("the script has no state")
	}
	return s
}

// code checks the exit code of the last jellybind: code 3.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: code NUMBER")
	}
	if got := ts.ReadFile("code"); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// world starts a demo world for the script: world FLAVOUR[@VERSION][+PROXY] [PROVIDER], or world fork. That provider has a TLS
// certificate that nobody knows; the command tls then gives it another one. $SERVER is the server's address, $ALIAS another
// one, $TAKEN its port, $PORT a free loopback port for its sign-ins. The files key, token, password and secret hold an API key, an
// administrator's access token, the password of admin and noah, and the secret of the plugin's client.
func world(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithCancel(context.Background())
	plugin, kind, _ := strings.Cut(args[0], "+")
	flavour, version, _ := strings.Cut(plugin, "@")
	o := demo.Options{Flavour: api.Flavour(flavour), PluginVersion: version, Proxy: demo.Proxy{Kind: proxy.Kind(kind)}}
	if flavour == "fork" {
		o = demo.Options{Fork: true}
	}
	o.Provider = func(_ string, o *idp.OIDCOptions) { o.DeviceInterval = time.Second }
	if len(args) > 1 {
		o.Config = func(name string, config map[string]any) {
			if name == args[1] {
				secureProvider(ts, config)
			}
		}
	}
	w, err := demo.Start(ctx, o)
	if err != nil {
		cancel()
		ts.Fatalf("starting the world: %v", err)
	}
	ts.Defer(func() { cancel(); _ = w.Close() })
	admin, password := w.Admin()
	client, err := jellyfin.New(jellyfin.Options{URL: w.URL(), DeviceID: "script"})
	ts.Check(err)
	in, err := client.SignIn(ctx, admin, password)
	ts.Check(err)
	for name, value := range map[string]string{
		"key": w.APIKey().Reveal(), "token": in.Token.Reveal(), "password": password.Reveal(),
		"secret": w.PluginSecret(demo.Authelia).Reveal(),
	} {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(value+"\n"), 0o600))
	}
	ts.Setenv("SERVER", w.URL())
	if at, err := url.Parse(w.URL()); err == nil {
		ts.Setenv("TAKEN", at.Port())
	}
	ts.Setenv("ALIAS", strings.Replace(w.URL(), "127.0.0.1", "localhost", 1))
	ts.Setenv("PORT", strconv.Itoa(loopbacktest.FreePort(ts)))
	identity := w.Identity(api.OIDC, demo.Authelia, person(ts, w, demo.TourName))
	ts.Setenv("MARIA", identity.Name)
}

func person(ts *testscript.TestScript, w *demo.World, login string) demo.Person {
	p, ok := w.Person(login)
	if !ok {
		ts.Fatalf("nobody is called %s", login)
	}
	return p
}

// masks replace what differs from run to run, by something of the same width where tables hold it.
var masks = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`\b[0-9A-F]{64}\b`), "THUMBPRINT"},
	{regexp.MustCompile(`127\.0\.0\.1:[3-6]\d{4}`), "127.0.0.1:PORT."},
	{regexp.MustCompile(`(localhost:|listen |//:|\*:)[3-6]\d{4}`), "${1}PORT."},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`), "YYYY-MM-DD hh:mm:ss"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d \d\d:\d\d\b`), "YYYY-MM-DD hh:mm"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d\b`), "YYYY-MM-DD"},
	{regexp.MustCompile(`  \d\d-\d\d \d\d:\d\d  `), "  MM-DD hh:mm  "},
	{regexp.MustCompile(`\b[0-9A-F]{2}(:[0-9A-F]{2}){31}\b`), "FINGERPRINT"},
	{regexp.MustCompile(`\b[0-9a-f]{16}\b`), "ID.............."}, // of changes
	{regexp.MustCompile(`(?m)(^|undo of )[0-9a-f]{8}\b`), "${1}ID......"},
	{regexp.MustCompile(`damaged-\d{8}T\d{6}Z`), "damaged-TIME"},
	{regexp.MustCompile(`(127\.0\.0\.1:PORT\.|localhost)/go/[0-9A-Z]+`), "$1/go/TOKEN"},
}

// progressLine is what a command says when a step takes more than a second, as it does on a busy machine.
var progressLine = regexp.MustCompile(`(?m)^[A-Z].*…( \d+ (of|von) \d+)?\n`)

// runID puts the id of the newest run in the history on standard output into $RUN.
func runID(ts *testscript.TestScript, _ bool, args []string) {
	var changes []api.Change
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &changes))
	i := slices.IndexFunc(changes, func(c api.Change) bool { return c.Run != "" })
	if i < 0 {
		ts.Fatalf("no run in the history")
	}
	ts.Setenv("RUN", changes[i].Run)
}

// mask writes a file (or stdout, stderr) without what differs from run to run to the file out: mask stdout.
func mask(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.ReadFile(args[0])
	if args[0] == "stderr" {
		s = progressLine.ReplaceAllString(s, "")
	}
	for _, m := range masks {
		s = m.what.ReplaceAllString(s, m.by)
	}
	ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(s), 0o644))
}

// fields checks that a file (or stdout, stderr) is one JSON document, and writes the paths of its fields to the file out.
func fields(ts *testscript.TestScript, _ bool, args []string) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var v any
	ts.Check(dec.Decode(&v))
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		ts.Fatalf("there is more than one document")
	}
	paths := map[string]bool{}
	walk(v, "", paths)
	list := slices.Sorted(maps.Keys(paths))
	ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(strings.Join(list, "\n")+"\n"), 0o644))
}

func walk(v any, at string, paths map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			walk(x, at+"[]", paths)
		}
		if len(v) == 0 {
			paths[at+"[]"] = true
		}
	case map[string]any:
		for k, x := range v {
			walk(x, at+"."+k, paths)
		}
	default:
		paths[at] = true
	}
}

// keyring gives the script's programs the real keyring of a private session.
func keyring(ts *testscript.TestScript, _ bool, _ []string) {
	for _, e := range stateOf(ts).keyring {
		name, value, _ := strings.Cut(e, "=")
		ts.Setenv(name, value)
	}
}

// secure puts a server that speaks TLS before the world, with a certificate that nobody knows: tls. It sets $TLS to its
// address. Called again, the server has another certificate.
func secure(ts *testscript.TestScript, _ bool, _ []string) {
	st := stateOf(ts)
	if st.certificate != nil {
		st.certificate.Store(certificate(ts))
		return
	}
	target, err := url.Parse(ts.Getenv("SERVER"))
	ts.Check(err)
	ts.Setenv("TLS", speakTLS(ts, &httputil.ReverseProxy{Transport: unpooled, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}))
}

// speakTLS serves a handler with a certificate that nobody knows, and returns its address.
func speakTLS(ts *testscript.TestScript, h http.Handler) string {
	st := stateOf(ts)
	st.certificate = &atomic.Pointer[tls.Certificate]{}
	st.certificate.Store(certificate(ts))
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*st.certificate.Load()}}, nil
	}}
	s.StartTLS()
	ts.Defer(s.Close)
	return s.URL
}

// secureProvider puts a server that speaks TLS before an OIDC provider of the world that is about to start.
func secureProvider(ts *testscript.TestScript, config map[string]any) {
	issuer, ok := config["OidEndpoint"].(string)
	if !ok {
		return
	}
	target, err := url.Parse(issuer)
	ts.Check(err)
	var own string
	own = speakTLS(ts, &httputil.ReverseProxy{
		Transport: unpooled,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Header.Del("Accept-Encoding") },
		ModifyResponse: func(r *http.Response) error {
			b, err := io.ReadAll(r.Body)
			b = bytes.ReplaceAll(b, []byte(issuer), []byte(own))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
			r.Header.Set("Content-Length", strconv.Itoa(len(b)))
			return err
		},
	})
	config["OidEndpoint"] = own
}

func certificate(ts *testscript.TestScript) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "media.home.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// until waits for a file that a program in the background writes: until FILE.
func until(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
	}
	ts.Fatalf("%s did not appear", args[0])
}

// noSecret fails when a line of one of the files is found in any file of the configuration folder, or in the output of the
// last command: nosecret FILE...
func noSecret(ts *testscript.TestScript, _ bool, args []string) {
	places := map[string]string{"stdout": ts.ReadFile("stdout"), "stderr": ts.ReadFile("stderr")}
	dir := ts.Getenv("JELLYBIND_CONFIG_DIR")
	ts.Check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var b []byte
			b, err = os.ReadFile(path)
			places[path] = string(b)
		}
		return err
	}))
	if len(places) < 3 {
		ts.Fatalf("there is no file in %s", dir)
	}
	for _, name := range args {
		for value := range strings.FieldsSeq(ts.ReadFile(name)) {
			for place, content := range places {
				if strings.Contains(content, value) {
					ts.Fatalf("%s holds the secret of the file %s", place, name)
				}
			}
		}
	}
}

// lastChange sets $CHANGE to the id of the newest change of a history: lastchange FILE.
func lastChange(ts *testscript.TestScript, _ bool, args []string) {
	id, _, _ := strings.Cut(ts.ReadFile(args[0]), "\t")
	ts.Setenv("CHANGE", id)
	ts.Setenv("BEGIN", id[:min(2, len(id))])
}

// fingerprint sets $FINGERPRINT to the one that a command's output holds, and $FINGERPRINT_OF_ANOTHER to one that no
// certificate has: fingerprint stderr.
func fingerprint(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(`\b[0-9A-F]{2}(:[0-9A-F]{2}){31}\b`).FindString(ts.ReadFile(args[0]))
	if found == "" {
		ts.Fatalf("there is no fingerprint in %s", args[0])
	}
	ts.Setenv("FINGERPRINT", found)
	ts.Setenv("FINGERPRINT_OF_ANOTHER", strings.TrimSuffix(strings.Repeat("00:", 32), ":"))
}

// asides checks that one file matches a pattern, and has the content of another: asides PATTERN FILE.
func asides(ts *testscript.TestScript, _ bool, args []string) {
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) != 1 || ts.ReadFile(found[0]) != ts.ReadFile(args[1]) {
		ts.Fatalf("%v is not one file with the content of %s", found, args[1])
	}
}

// line waits until a file that a program in the background writes has a text: line FILE TEXT.
func line(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if b, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(b), args[1]) {
			return
		}
	}
	ts.Fatalf("%s did not get to %q", args[0], args[1])
}

// approve enters the Quick Connect code that a program printed to a file, as a person does on another device: approve FILE.
func approve(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(`Quick Connect code: (\d+)`).FindStringSubmatch(ts.ReadFile(args[0]))
	if found == nil {
		ts.Fatalf("there is no code in %s", args[0])
	}
	ctx := context.Background()
	c, err := jellyfin.New(jellyfin.Options{URL: ts.Getenv("SERVER"), DeviceID: "another", Device: "Television", Version: "1"})
	ts.Check(err)
	in, err := c.SignIn(ctx, demo.AdminName, secret.New(strings.TrimSpace(ts.ReadFile("password"))))
	ts.Check(err)
	r, err := c.WithCredential(in.Token).Do(ctx, jellyfin.Request{
		Method: "POST", Path: "/QuickConnect/Authorize", Query: url.Values{"code": {found[1]}},
	})
	ts.Check(err)
	if r.Status != 200 {
		ts.Fatalf("the server answered the code with %d", r.Status)
	}
}

// onDevice waits until a file shows a code for another device, and signs in with it: device LOGIN FILE. The login cancel denies.
func onDevice(ts *testscript.TestScript, _ bool, args []string) {
	shown := regexp.MustCompile(`(https?://[^\s"?]+/device)\b[^A-Z]*([A-Z]{4}-[A-Z]{4})|"code":"([^"]+)","url":"([^"]+)"`)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		b, _ := os.ReadFile(ts.MkAbs(args[1]))
		found := shown.FindStringSubmatch(string(b))
		if found == nil {
			continue
		}
		login := args[0]
		if login == "cancel" {
			login = visitor.Cancel
		}
		ts.Check(visitor.New().Approve(context.Background(), found[1]+found[4], found[2]+found[3], login))
		return
	}
	ts.Fatalf("there is no code in %s", args[1])
}
