package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/loopback/loopbacktest"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

// wiretap is a proxy before a demo world that notes every secret that passes, by its kind.
type wiretap struct {
	mu      sync.Mutex
	secrets map[string]string // value to kind
}

func (w *wiretap) note(kind, value string) {
	if len(value) < 8 {
		return // chance would find it everywhere
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets[value] = kind
}

func (w *wiretap) kinds() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	kinds := map[string]int{}
	for _, kind := range w.secrets {
		kinds[kind]++
	}
	return kinds
}

var tokenInHeader = regexp.MustCompile(`Token="([^"]+)"`)

// start starts the proxy and returns its address.
func (w *wiretap) start(t *testing.T, world string) string {
	t.Helper()
	target, err := url.Parse(world)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewUnstartedServer(nil)
	own := proxy.Listener.Addr().String()
	proxy.Config.Handler = &httputil.ReverseProxy{
		Transport: unpooled,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("Accept-Encoding", "identity")
			if r.In.Host != own {
				r.Out.Host = r.In.Host // a sign-in is started for the loopback's host
			}
			if m := tokenInHeader.FindStringSubmatch(r.In.Header.Get("Authorization")); m != nil {
				w.note("credential", m[1])
			}
			w.values(r.In.URL.Query())
			body, err := io.ReadAll(r.In.Body)
			if err != nil {
				t.Errorf("reading a request: %v", err)
			}
			r.Out.Body = io.NopCloser(bytes.NewReader(body))
			if form, err := url.ParseQuery(string(body)); err == nil {
				w.values(form)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			for _, c := range r.Cookies() {
				w.note("cookie", c.Value)
			}
			if location, err := url.Parse(r.Header.Get("Location")); err == nil {
				w.values(location.Query())
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			var document struct{ AccessToken string }
			if json.Unmarshal(body, &document) == nil {
				w.note("credential", document.AccessToken)
			}
			return nil
		},
	}
	proxy.Start()
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// secretFields are the fields of sign-ins that whoever knows them could misuse.
var secretFields = []string{"state", "code", "nonce", "SAMLResponse", "RelayState"}

func (w *wiretap) values(v url.Values) {
	for _, name := range secretFields {
		w.note(name, v.Get(name))
	}
}

// TestSecretsStayInside runs commands that succeed and that fail, and looks for every secret that the server, the plugin
// and the identity providers were sent or sent, in what the commands print, in what they leave on the disk, and in the
// arguments of the browser that they start.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	for _, flavour := range []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin} {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			session := secrettest.Start(t, secrettest.Unlocked)
			world, err := demo.Start(t.Context(), demo.Options{Flavour: flavour})
			if err != nil {
				t.Fatal(err)
			}
			_, password := world.Admin()
			tap := &wiretap{secrets: map[string]string{}}
			server := tap.start(t, world.URL())
			tap.note("credential", world.APIKey().Reveal())
			tap.note("credential", password.Reveal())
			tap.note("credential", "a-wrong-key-0123456789")
			tap.note("client secret", "the-secret-of-the-client")

			dir := t.TempDir()
			bin := filepath.Join(t.TempDir(), "jellybind")
			self, err := os.Executable()
			if err == nil {
				err = os.Symlink(self, bin)
			}
			if err == nil {
				err = os.Symlink(self, filepath.Join(filepath.Dir(bin), "visit"))
			}
			if err != nil {
				t.Fatal(err)
			}
			places := map[string]string{}
			run := func(want int, stdin string, args ...string) {
				t.Helper()
				cmd := exec.CommandContext(t.Context(), bin, args...)
				cmd.Env = append(append(os.Environ(), session.Env...), "JELLYBIND_CONFIG_DIR="+dir, "EXIT_CODES="+dir,
					"PATH="+filepath.Dir(bin)+string(filepath.ListSeparator)+os.Getenv("PATH"))
				cmd.Stdin = strings.NewReader(stdin)
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &out
				_ = cmd.Run()
				name := strings.Join(args, " ")
				if code := cmd.ProcessState.ExitCode(); code != want {
					t.Errorf("%s: exit code %d, want %d\n%s", name, code, want, out.String())
				}
				places[fmt.Sprintf("%d. %s", len(places), name)] = out.String() + "\n" + strings.Join(args, "\n")
			}
			key, pass := world.APIKey().Reveal()+"\n", password.Reveal()+"\n"
			visit := func(who string) string { return "visit " + who }
			freePort := func() string { return strconv.Itoa(loopbacktest.FreePort(t)) }
			relay := 0
			if flavour == api.FlavourFlowfin {
				relay = 3 // its links are not verified by OIDC without a client of our own
			}
			run(0, "", "server", "add", server, "--name", "home")
			run(3, "a wrong password\n", "auth", "login", "--user", "admin")
			run(3, "a-wrong-key-0123456789\n", "auth", "login", "--api-key")
			run(3, "a-wrong-key-0123456789\n", "--credential-stdin", "links", "list")
			run(3, "a-wrong-key-0123456789\n", "--credential-stdin", "links", "list", "--json")
			run(0, pass, "auth", "login", "--user", "admin", "--json")
			run(0, "", "auth", "status", "--json")
			run(0, "", "links", "add", "maria", "-p", "authelia", "--port", freePort(), "--browser", visit("maria"), "--yes")
			run(3, "", "links", "add", "maria", "-p", "keycloak", "--port", freePort(), "--browser", visit("cancel"), "--yes")
			run(1, "", "links", "add", "bastian", "-p", "authelia", "--port", freePort(), "--browser", visit("maria"), "--yes")
			run(0, "", "links", "add", "maria", "-p", "adfs", "--port", freePort(), "--browser", visit("maria"), "--yes", "--json")
			run(3, "", "links", "add", "maria", "-p", "adfs", "--port", freePort(), "--browser", visit("cancel"), "--yes", "--json")
			run(relay, "", "links", "verify", "-p", "authelia", "--port", freePort(), "--browser", visit("maria"))
			run(0, "", "links", "verify", "-p", "adfs", "--port", freePort(), "--browser", visit("maria"), "--json")
			run(0, "the-secret-of-the-client\n", "providers", "set", "keycloak", "--client-id", "jellybind", "--client-secret")
			run(0, "", "providers", "show", "keycloak", "--json")
			run(0, "", "providers", "test", "authelia", "--json")
			run(0, "", "server", "show", "--json")
			run(0, "", "history", "list", "--json")
			run(0, key, "--credential-stdin", "links", "list")
			run(0, "", "auth", "key", "create", "--json")
			run(0, "", "auth", "key", "list", "--json")
			run(0, "", "auth", "logout")
			run(0, "", "server", "remove", "home", "--yes")

			err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() && filepath.Base(path) != "sent" {
					var b []byte
					b, err = os.ReadFile(path)
					places[path] = string(b)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			sent, err := os.ReadFile(filepath.Join(dir, "sent"))
			if err != nil {
				t.Fatalf("the visitor saw nothing: %v", err)
			}
			for line := range strings.Lines(string(sent)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
				if slices.Contains(secretFields, name) {
					tap.note(name, value)
				}
			}
			expected := []string{"credential", "state", "code", "SAMLResponse", "client secret"}
			if flavour == api.FlavourFlowfin {
				expected = append(expected, "cookie")
			}
			kinds := tap.kinds()
			for _, kind := range expected {
				if kinds[kind] == 0 {
					t.Errorf("no secret of the kind %q passed: the test looks for nothing (%v)", kind, kinds)
				}
			}
			if _, ok := places[filepath.Join(dir, "arguments")]; !ok {
				t.Error("the browser's arguments are not among the places")
			}
			for value, kind := range tap.secrets {
				for place, content := range places {
					if strings.Contains(content, value) || strings.Contains(content, url.QueryEscape(value)) {
						t.Errorf("a %s is in: %s", kind, place)
					}
				}
			}
		})
	}
}
