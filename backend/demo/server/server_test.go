package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beevik/etree"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/server"
)

var flavours = []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin}

// world is a server with an administrator, two users and both real identity providers.
type world struct {
	t         *testing.T
	server    *server.Server
	clock     *clock
	providers *providers
	key       string
	token     string // the administrator's
	ids       map[string]string
}

var people = []idp.Person{
	{Login: "ann", Subject: "ann-sub", Name: "Ann"},
	{Login: "ben", Subject: "ben-sub", Name: "Ben"},
	{Login: "root", Subject: "root-sub", Name: "Root"},
}

func newWorld(t *testing.T, flavour api.Flavour, change func(*server.Options)) *world {
	t.Helper()
	return newWorldAt(t, startProviders(t, people), flavour, change)
}

// newWorldAt makes a world at identity providers that it shares with others.
func newWorldAt(t *testing.T, p *providers, flavour api.Flavour, change func(*server.Options)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{}, ids: map[string]string{}, providers: p}
	o := server.Options{Flavour: flavour, Now: w.clock.now, HTTP: w.providers.client}
	if change != nil {
		change(&o)
	}
	w.server = server.New(o)
	w.key = w.server.AddAPIKey("test").Reveal()
	for _, name := range []string{"root", "ann", "bob"} {
		w.ids[name] = w.server.AddUser(server.UserSpec{Name: name, Password: "pw", Administrator: name == "root"})
	}
	w.addOIDC("npm", nil)
	w.addSAML("samlp", w.providers.saml.Certificate(), nil)
	status, _, body := w.do(http.MethodPost, "/Users/AuthenticateByName", `{"Username":"root","Pw":"pw"}`, nil)
	var in struct{ AccessToken string }
	if status != http.StatusOK || json.Unmarshal(body, &in) != nil {
		t.Fatalf("the administrator cannot sign in: %d %s", status, body)
	}
	w.token = in.AccessToken
	return w
}

func (w *world) addOIDC(name string, more map[string]any) {
	config := map[string]any{
		"OidEndpoint": "http://" + oidcAddress, "OidClientId": "jellyfin", "OidSecret": "secret", "Enabled": true, "NewPath": true,
	}
	maps.Copy(config, more)
	if err := w.server.AddOIDCProvider(name, config); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) addSAML(name, certificate string, more map[string]any) {
	config := map[string]any{
		"SamlEndpoint": "http://" + samlAddress + "/sso", "SamlClientId": "urn:jellyfin:contract", "SamlCertificate": certificate,
		"Enabled": true, "NewPath": true,
	}
	maps.Copy(config, more)
	if err := w.server.AddSAMLProvider(name, config); err != nil {
		w.t.Fatal(err)
	}
}

// do sends a request as the administrator, after the sign-in. Headers may replace the credential.
func (w *world) do(method, path, body string, headers map[string]string) (int, http.Header, []byte) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:18701"
	r.Header.Set("Authorization", `MediaBrowser Client="test", Device="test", DeviceId="test", Version="1", Token="`+w.token+`"`)
	r.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, r)
	return answer.Code, answer.Header(), answer.Body.Bytes()
}

// login is a sign-in that was started at the plugin.
type login struct{ location, state, cookie string }

func (w *world) start(path string) login {
	w.t.Helper()
	status, header, body := w.do(http.MethodGet, path, "", nil)
	if status != http.StatusFound {
		w.t.Fatalf("%s answered %d %s", path, status, body)
	}
	u, err := url.Parse(header.Get("Location"))
	if err != nil {
		w.t.Fatal(err)
	}
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	return login{header.Get("Location"), u.Query().Get("state"), cookie}
}

// code signs a person in and returns the query that the identity provider answers.
func (w *world) code(l login, person string) url.Values {
	w.t.Helper()
	back, _, err := w.providers.signIn(w.t.Context(), l.location, person)
	if err != nil {
		w.t.Fatal(err)
	}
	return back.Query()
}

func (w *world) callback(l login, query url.Values) (int, []byte) {
	w.t.Helper()
	status, _, body := w.do(http.MethodGet, "/sso/OID/redirect/npm?"+query.Encode(), "", map[string]string{"Cookie": l.cookie})
	return status, body
}

// link posts what signed in.
func (w *world) link(protocol, provider, user string, l login, data string) (int, []byte) {
	w.t.Helper()
	body, err := json.Marshal(map[string]string{
		"DeviceID": "d", "DeviceName": "d", "AppName": "a", "AppVersion": "1", "Data": data,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	status, _, answer := w.do(http.MethodPost, "/sso/"+protocol+"/Link/"+provider+"/"+w.ids[user], string(body),
		map[string]string{"Cookie": l.cookie})
	return status, answer
}

func (w *world) links(protocol, provider, user string) []string {
	w.t.Helper()
	status, _, body := w.do(http.MethodGet, "/sso/"+protocol+"/links/"+w.ids[user], "", nil)
	var all map[string][]string
	if status != http.StatusOK || json.Unmarshal(body, &all) != nil {
		w.t.Fatalf("reading links: %d %s", status, body)
	}
	return all[provider]
}

// TestVerifier makes sure that the plugin redeems a code with the verifier of the sign-in that the code belongs to, and that
// it does not take an identity whose token it cannot verify.
func TestVerifier(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, flavour, nil)
			first, second := w.start("/sso/OID/start/npm?isLinking=true"), w.start("/sso/OID/start/npm?isLinking=true")
			stolen := w.code(first, "ann")
			stolen.Set("state", second.state)
			if status, body := w.callback(second, stolen); status != http.StatusBadRequest {
				t.Errorf("the code of another sign-in: %d %s", status, body)
			}
			if status, _ := w.link("OID", "npm", "bob", second, second.state); status < 400 {
				t.Errorf("linking what was refused: %d", status)
			}
			if status, body := w.callback(second, w.code(second, "ann")); status != http.StatusOK {
				t.Errorf("its own code: %d %s", status, body)
			}
			if status, body := w.link("OID", "npm", "bob", second, second.state); status != http.StatusNoContent {
				t.Errorf("linking: %d %s", status, body)
			}
			want := "ann"
			if flavour == api.FlavourFlowfin {
				want = "ann-sub"
			}
			if got := w.links("oid", "npm", "bob"); !slices.Equal(got, []string{want}) {
				t.Errorf("links %q", got)
			}
			from := w.start("/sso/OID/start/npm")
			query := w.code(from, "ann")
			query.Set("iss", "http://127.0.0.1:1")
			if status, body := w.callback(from, query); status != http.StatusBadRequest {
				t.Errorf("an answer in another's name: %d %s", status, body)
			}
		})
	}
}

// otherKeys answers another provider's keys.
type otherKeys struct{ http.RoundTripper }

func (o otherKeys) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/keys" {
		return o.RoundTripper.RoundTrip(r)
	}
	recorder := httptest.NewRecorder()
	_, _ = recorder.WriteString(`{"keys":[]}`)
	return recorder.Result(), nil
}

func TestUnverifiedTokenRefused(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, flavour, func(o *server.Options) {
				client := *o.HTTP
				client.Transport = otherKeys{client.Transport}
				o.HTTP = &client
			})
			l := w.start("/sso/OID/start/npm?isLinking=true")
			if status, body := w.callback(l, w.code(l, "ann")); status != http.StatusBadRequest {
				t.Errorf("a token signed with an unknown key: %d %s", status, body)
			}
		})
	}
}

// saml signs a person in and returns the SAML response.
func (w *world) saml(provider, person string) string {
	w.t.Helper()
	l := w.start("/sso/SAML/start/" + provider + "?isLinking=true")
	_, form, err := w.providers.signIn(w.t.Context(), l.location, person)
	if err != nil {
		w.t.Fatal(err)
	}
	return form.Get("SAMLResponse")
}

func rewrite(t *testing.T, response string, change func(*etree.Document)) string {
	t.Helper()
	document, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		t.Fatal(err)
	}
	tree := etree.NewDocument()
	if err := tree.ReadFromBytes(document); err != nil {
		t.Fatal(err)
	}
	change(tree)
	out, err := tree.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(out)
}

func removeSignatures(e *etree.Element) {
	for _, s := range e.FindElements(".//Signature") {
		s.Parent().RemoveChild(s)
	}
}

// TestSAMLRefusals makes sure that the plugin takes nobody's word: it checks the signature, and reads only what it covers.
func TestSAMLRefusals(t *testing.T) {
	t.Parallel()
	shared := startProviders(t, people)
	same := func(*testing.T, *etree.Document) {}
	for _, c := range []struct {
		name     string
		provider string
		change   func(*testing.T, *etree.Document)
		later    time.Duration
		taken    []api.Flavour
	}{
		{"as it came", "samlp", same, 0, flavours},
		{"the response's signature alone gone", "samlp", func(_ *testing.T, d *etree.Document) {
			d.Root().RemoveChild(d.Root().SelectElement("Signature"))
		}, 0, flavours},
		{"all signatures gone", "samlp", func(_ *testing.T, d *etree.Document) { removeSignatures(d.Root()) }, 0, nil},
		{"another name", "samlp", func(_ *testing.T, d *etree.Document) {
			d.FindElement("//NameID").SetText("root")
		}, 0, nil},
		{"another name behind a comment", "samlp", func(_ *testing.T, d *etree.Document) {
			n := d.FindElement("//NameID")
			n.CreateComment("x")
			n.CreateText(".evil")
		}, 0, nil},
		{"an unsigned assertion before the signed one", "samlp", func(_ *testing.T, d *etree.Document) {
			root := d.Root()
			root.RemoveChild(root.SelectElement("Signature"))
			evil := root.SelectElement("Assertion").Copy()
			removeSignatures(evil)
			evil.FindElement("./Subject/NameID").SetText("root")
			root.InsertChildAt(0, evil)
		}, 0, nil},
		{"the signed assertion inside an unsigned one", "samlp", func(_ *testing.T, d *etree.Document) {
			root := d.Root()
			root.RemoveChild(root.SelectElement("Signature"))
			good := root.SelectElement("Assertion")
			evil := good.Copy()
			removeSignatures(evil)
			evil.FindElement("./Subject/NameID").SetText("root")
			evil.CreateAttr("ID", "id-evil")
			root.RemoveChild(good)
			evil.AddChild(good)
			root.AddChild(evil)
		}, 0, nil},
		{"signed by somebody else", "stranger", same, 0, nil},
		{"too late", "samlp", same, time.Hour, nil},
		{"for another audience", "other audience", same, 0, []api.Flavour{api.Flavour9p4, api.FlavourK0lin}},
	} {
		for _, flavour := range flavours {
			t.Run(c.name+" "+string(flavour), func(t *testing.T) {
				t.Parallel()
				w := newWorldAt(t, shared, flavour, nil)
				w.addSAML("stranger", strangersCertificate, nil)
				w.addSAML("other audience", w.providers.saml.Certificate(), map[string]any{"SamlClientId": "urn:other"})
				response := rewrite(t, w.saml("samlp", "ann"), func(d *etree.Document) { c.change(t, d) })
				w.clock.advance(c.later)
				status, body := w.link("SAML", url.PathEscape(c.provider), "bob", login{}, response)
				links := w.links("saml", c.provider, "bob")
				if slices.Contains(c.taken, flavour) {
					if status != http.StatusNoContent || !slices.Equal(links, []string{"ann"}) {
						t.Errorf("refused: %d %s, links %q", status, body, links)
					}
					return
				}
				if status < 400 || len(links) > 0 {
					t.Errorf("taken: %d %s, links %q", status, body, links)
				}
				form := url.Values{"SAMLResponse": {response}}
				status, _, body = w.do(http.MethodPost, "/sso/SAML/post/"+url.PathEscape(c.provider), form.Encode(),
					map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
				if status < 400 {
					t.Errorf("the callback took it: %d %s", status, body)
				}
			})
		}
	}
}

// TestExpiredCertificate makes sure that a certificate's dates do not matter, as they do not to .NET's
// CheckSignature(certificate, verifySignatureOnly: true), by which every flavour checks.
func TestExpiredCertificate(t *testing.T) {
	t.Parallel()
	later := func() time.Time { return time.Now().AddDate(2, 0, 0) }
	shared := startProvidersAt(t, people, later)
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorldAt(t, shared, flavour, func(o *server.Options) { o.Now = later })
			status, body := w.link("SAML", "samlp", "bob", login{}, w.saml("samlp", "ann"))
			if links := w.links("saml", "samlp", "bob"); status != http.StatusNoContent || !slices.Equal(links, []string{"ann"}) {
				t.Errorf("refused: %d %s, links %q", status, body, links)
			}
		})
	}
}

// TestOnce makes sure of what serves one write only on Flowfin and many on the others.
func TestOnce(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, flavour, nil)
			again := http.StatusNoContent
			if flavour == api.FlavourFlowfin {
				again = http.StatusBadRequest
			}
			l := w.start("/sso/OID/start/npm?isLinking=true")
			if status, body := w.callback(l, w.code(l, "ann")); status != http.StatusOK {
				t.Fatalf("the callback: %d %s", status, body)
			}
			response := w.saml("samlp", "ann")
			for i, want := range []int{http.StatusNoContent, again} {
				if status, body := w.link("OID", "npm", "bob", l, l.state); status != want {
					t.Errorf("the state, time %d: %d %s", i+1, status, body)
				}
				if status, body := w.link("SAML", "samlp", "bob", l, response); status != want {
					t.Errorf("the response, time %d: %d %s", i+1, status, body)
				}
			}
		})
	}
}

// TestPending makes sure of how long a sign-in waits, and for whom.
func TestPending(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, flavour, nil)
			pending := func() login {
				l := w.start("/sso/OID/start/npm?isLinking=true")
				if status, body := w.callback(l, w.code(l, "ann")); status != http.StatusOK {
					t.Fatalf("the callback: %d %s", status, body)
				}
				return l
			}
			flowfin := flavour == api.FlavourFlowfin
			l := pending()
			if status, _ := w.link("OID", "npm", "bob", login{}, l.state); (status == http.StatusNoContent) == flowfin {
				t.Errorf("without the cookie: %d", status)
			}
			w.clock.advance(2 * time.Minute)
			if status, _ := w.link("OID", "npm", "bob", l, l.state); status != http.StatusNoContent {
				t.Errorf("after two minutes without another start: %d", status)
			}
			l = pending()
			w.clock.advance(2 * time.Minute)
			w.start("/sso/OID/start/npm?isLinking=true")
			if status, _ := w.link("OID", "npm", "bob", l, l.state); (status == http.StatusNoContent) != flowfin {
				t.Errorf("after two minutes and another start: %d", status)
			}
			l = pending()
			w.clock.advance(16 * time.Minute)
			if status, _ := w.link("OID", "npm", "bob", l, l.state); (status == http.StatusNoContent) == flowfin {
				t.Errorf("after 16 minutes: %d", status)
			}
			l = pending()
			w.server.Restart()
			if status, _ := w.link("OID", "npm", "bob", l, l.state); status < 400 {
				t.Errorf("after a restart: %d", status)
			}
			if status, _, _ := w.do(http.MethodGet, "/Users/Me", "", nil); status != http.StatusOK {
				t.Errorf("the token after a restart: %d", status)
			}
		})
	}
}

func TestHostile(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, flavour, nil)
			w.server.AddLink(api.Link{Identity: api.Identity{Protocol: api.OIDC, Provider: "npm", Name: "kept"}, UserID: w.ids["bob"]})
			l := w.start("/sso/OID/start/npm?isLinking=true")
			if status, body := w.callback(l, w.code(l, "ann")); status != http.StatusOK {
				t.Fatalf("the callback: %d %s", status, body)
			}
			w.server.SetHostile(server.Hostile{IgnoreWrites: true, StartLocation: "file:///etc/passwd"})
			if status, body := w.link("OID", "npm", "bob", l, l.state); status != http.StatusNoContent {
				t.Errorf("linking: %d %s", status, body)
			}
			if status, _, body := w.do(http.MethodDelete, "/sso/OID/Link/npm/"+w.ids["bob"]+"/kept", "", nil); status != http.StatusOK {
				t.Errorf("unlinking: %d %s", status, body)
			}
			if flavour == api.FlavourFlowfin {
				path := "/sso/Links/Preprovision/oid/npm/" + w.ids["bob"]
				if status, _, body := w.do(http.MethodPost, path, `"new"`, nil); status != http.StatusNoContent {
					t.Errorf("preprovisioning: %d %s", status, body)
				}
			}
			if got := w.links("oid", "npm", "bob"); !slices.Equal(got, []string{"kept"}) {
				t.Errorf("links %q", got)
			}
			for _, path := range []string{"/sso/OID/start/npm", "/sso/SAML/start/samlp"} {
				if got := w.start(path).location; got != "file:///etc/passwd" {
					t.Errorf("%s leads to %q", path, got)
				}
			}
			w.server.SetHostile(server.Hostile{})
			if got := w.start("/sso/OID/start/npm").location; !strings.HasPrefix(got, "http://"+oidcAddress) {
				t.Errorf("afterwards start leads to %q", got)
			}
		})
	}
}

// TestUnregister makes sure of what a restart leaves of it.
func TestUnregister(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flavour   api.Flavour
		password  int // signing in with the password afterwards
		linksLeft int
	}{
		{api.Flavour9p4, http.StatusOK, 1},
		{api.FlavourK0lin, http.StatusUnauthorized, 1},
		{api.FlavourFlowfin, http.StatusUnauthorized, 0},
	} {
		t.Run(string(c.flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.flavour, nil)
			w.server.AddLink(api.Link{Identity: api.Identity{Protocol: api.SAML, Provider: "samlp", Name: "b"}, UserID: w.ids["bob"]})
			body := `"Jellyfin.Plugin.SSO_Auth.Api.SSOController"`
			if status, _, answer := w.do(http.MethodPost, "/sso/Unregister/bob", body, nil); status != http.StatusOK {
				t.Fatalf("unregistering: %d %s", status, answer)
			}
			for range 2 {
				status, _, _ := w.do(http.MethodPost, "/Users/AuthenticateByName", `{"Username":"bob","Pw":"pw"}`, nil)
				if status != c.password {
					t.Errorf("the password: %d", status)
				}
				if got := len(w.links("saml", "samlp", "bob")); got != c.linksLeft {
					t.Errorf("%d links", got)
				}
				w.server.Restart()
			}
		})
	}
}

// TestAdoption makes sure of what signing in with an unlinked identity does.
func TestAdoption(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, flavour, nil)
			signIn := func(person string) (int, string) {
				l := w.start("/sso/OID/start/npm")
				if status, body := w.callback(l, w.code(l, person)); status != http.StatusOK {
					t.Fatalf("the callback: %d %s", status, body)
				}
				status, _, body := w.do(http.MethodPost, "/sso/OID/Auth/npm",
					`{"DeviceID":"d","DeviceName":"d","AppName":"a","AppVersion":"1","Data":"`+l.state+`"}`,
					map[string]string{"Cookie": l.cookie, "Authorization": "none"})
				var in struct{ User struct{ Id string } }
				_ = json.Unmarshal(body, &in)
				return status, in.User.Id
			}
			status, id := signIn("ann") // as an account is named
			if flavour == api.FlavourFlowfin {
				if status != http.StatusForbidden || len(w.links("oid", "npm", "ann")) > 0 {
					t.Errorf("an account was adopted: %d", status)
				}
			} else if status != http.StatusOK || id != w.ids["ann"] || len(w.links("oid", "npm", "ann")) != 1 {
				t.Errorf("the account was not adopted: %d %s", status, id)
			}
			status, made := signIn("ben") // as nobody is named
			if status != http.StatusOK || made == "" || slices.Contains([]string{w.ids["root"], w.ids["ann"], w.ids["bob"]}, made) {
				t.Errorf("no account was made: %d %s", status, made)
			}
			if status, again := signIn("ben"); status != http.StatusOK || again != made {
				t.Errorf("signing in again leads to %s after %s: %d", again, made, status)
			}
			w.addOIDC("npm", map[string]any{"AllowExistingAccountLink": true})
			if status, id := signIn("ann"); status != http.StatusOK || id != w.ids["ann"] {
				t.Errorf("the account was not adopted where that is allowed: %d %s", status, id)
			}
			if status, _ := signIn("root"); (status == http.StatusForbidden) != (flavour == api.FlavourFlowfin) {
				t.Errorf("the administrator's account: %d", status)
			}
		})
	}
}

// TestConfigKeepsOthers makes sure of whose fields survive a write of a provider.
func TestConfigKeepsOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, nil)
	status, _, _ := w.do(http.MethodPost, "/sso/OID/Add/npm", `{"OidEndpoint":"x","Unknown":1,"enabled":true,"CanonicalLinks":{"n":"`+
		w.ids["bob"][:8]+"-"+w.ids["bob"][8:12]+"-"+w.ids["bob"][12:16]+"-"+w.ids["bob"][16:20]+"-"+w.ids["bob"][20:]+`"}}`, nil)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	_, _, body := w.do(http.MethodGet, "/sso/OID/Get", "", nil)
	if bytes.Contains(body, []byte("Unknown")) || bytes.Contains(body, []byte("OidSecret")) ||
		!bytes.Contains(body, []byte(`"CanonicalLinks":{"n":"`+w.ids["bob"]+`"}`)) || !bytes.Contains(body, []byte(`"Enabled":true`)) {
		t.Errorf("the provider became %s", body)
	}
	for _, wrong := range []string{
		`{"Enabled":"yes"}`, `{"CanonicalLinks":{"n":"x"}}`, `{"CanonicalLinks":[]}`, `{"PortOverride":"1"}`, `[]`, ``,
	} {
		if status, _, _ := w.do(http.MethodPost, "/sso/OID/Add/npm", wrong, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, status)
		}
	}
}

// TestRedirectURI makes sure of where a provider's overrides lead the answer.
func TestRedirectURI(t *testing.T) {
	t.Parallel()
	shared := startProviders(t, people)
	for _, c := range []struct {
		flavour    api.Flavour
		base, host string
		config     map[string]any
		want       string
	}{
		{api.Flavour9p4, "", "127.0.0.1:1234", nil, "http://127.0.0.1:1234/sso/OID/redirect/x"},
		{api.Flavour9p4, "/jf/", "localhost:1234", map[string]any{"NewPath": false}, "http://localhost:1234/jf/sso/OID/r/x"},
		{api.FlavourK0lin, "", "media.example", map[string]any{"SchemeOverride": "https"}, "https://media.example/sso/OID/redirect/x"},
		{api.FlavourK0lin, "", "[::1]:1234", map[string]any{"PortOverride": 8443}, "http://[::1]:8443/sso/OID/redirect/x"},
		{
			api.FlavourK0lin, "", "127.0.0.1:1234",
			map[string]any{"BaseUrlOverride": "https://media.example"},
			"http://127.0.0.1:1234/sso/OID/redirect/x",
		},
		{
			api.FlavourFlowfin, "/jf", "127.0.0.1:1234",
			map[string]any{"BaseUrlOverride": "https://media.example/jf/", "PortOverride": 1},
			"https://media.example/jf/sso/OID/redirect/x",
		},
	} {
		t.Run(c.want+" "+string(c.flavour), func(t *testing.T) {
			t.Parallel()
			s := server.New(server.Options{Flavour: c.flavour, BasePath: c.base, HTTP: shared.client})
			config := map[string]any{
				"OidEndpoint": "http://" + oidcAddress, "OidClientId": "jellyfin", "Enabled": true, "NewPath": true,
			}
			maps.Copy(config, c.config)
			if err := s.AddOIDCProvider("x", config); err != nil {
				t.Fatal(err)
			}
			path := strings.TrimSuffix(c.base, "/") + "/sso/OID/start/x"
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.Host = c.host
			answer := httptest.NewRecorder()
			s.ServeHTTP(answer, r)
			u, err := url.Parse(answer.Header().Get("Location"))
			if err != nil || u.Query().Get("redirect_uri") != c.want {
				t.Errorf("%d, redirect URI %q, %v", answer.Code, u.Query().Get("redirect_uri"), err)
			}
		})
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := server.New(server.Options{Latency: 3 * time.Second})
		began := time.Now()
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health", nil))
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestManyUsers makes sure that a large server answers in good time and in full.
func TestManyUsers(t *testing.T) {
	t.Parallel()
	const many = 10_000
	s := server.New(server.Options{})
	key := s.AddAPIKey("test").Reveal()
	for i := range many {
		s.AddUser(server.UserSpec{Name: fmt.Sprintf("Zoë %d <b>", i), LastActivity: time.Unix(1e9, 0)})
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/Users?ApiKey="+key, nil)
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, r)
	if !bytes.Contains(answer.Body.Bytes(), []byte(`"Name":"Zo\u00EB 17 \u003Cb\u003E"`)) {
		t.Error("names are not written as .NET writes them")
	}
	var users []struct{ Name, Id, LastActivityDate string }
	if err := json.Unmarshal(answer.Body.Bytes(), &users); err != nil || len(users) != many {
		t.Fatalf("%d users, %v", len(users), err)
	}
	if u := users[0]; u.Name != "Zoë 0 <b>" || len(u.Id) != 32 || u.LastActivityDate != "2001-09-09T01:46:40.0000000Z" {
		t.Errorf("the first is %+v", u)
	}
}

func BenchmarkUsers(b *testing.B) {
	s := server.New(server.Options{})
	key := s.AddAPIKey("bench").Reveal()
	for i := range 10_000 {
		s.AddUser(server.UserSpec{Name: fmt.Sprintf("user %d", i)})
	}
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/Users?ApiKey="+key, nil)
	for b.Loop() {
		s.ServeHTTP(&discard{header: http.Header{}}, r)
	}
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(b []byte) (int, error) { return io.Discard.Write(b) }

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		s := server.New(server.Options{})
		for i := range 24 {
			s.AddUser(server.UserSpec{Name: fmt.Sprintf("user %d", i), Password: "pw"})
		}
	}
}

// FuzzRequest makes sure that nothing that others send makes the server fail, and that what it answers as JSON is JSON.
func FuzzRequest(f *testing.F) {
	for _, seed := range [][4]string{
		{"GET", "/Users", `MediaBrowser Token="k"`, ""},
		{"DELETE", "/sso/OID/Link/npm/0123456789abcdef0123456789abcdef/a%2Fb", `MediaBrowser Token="k`, ""},
		{"POST", "/sso/OID/Add/x", `MediaBrowser Client="a", Token=k`, `{"OidEndpoint":"x","CanonicalLinks":{"é<\"":"0123456789abcdef0123456789abcdef"}}`},
		{"POST", "/sso/SAML/post/x", "", "SAMLResponse=PHg%2BPC94Pg%3D%3D"},
		{"GET", "/sso/OID/redirect/x?state=s&code=c", "", ""},
		{"POST", "/Users/AuthenticateByName", `MediaBrowser Client="a", DeviceId="%zz"`, `{"Username":"root","Pw":"x"}`},
		{"POST", "/Plugins/505ce9d1d91642fa86ca673ef241d7df/Configuration", `MediaBrowser Token="k"`, `{"OidConfigs":{"a":{}}}`},
		{"POST", "/sso/Unregister/root", `MediaBrowser Token="k"`, "\"\\ud800\""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	methods := regexp.MustCompile(`^(GET|POST|DELETE)$`)
	f.Fuzz(func(t *testing.T, method, path, authorization, body string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") || !methods.MatchString(method) {
			return
		}
		for _, flavour := range flavours {
			s := server.New(server.Options{Flavour: flavour, HTTP: &http.Client{Transport: nowhere{}}})
			s.AddUser(server.UserSpec{Name: "root", Password: "pw", Administrator: true})
			key := s.AddAPIKey("fuzz").Reveal()
			for _, p := range []string{"x", "npm"} {
				_ = s.AddOIDCProvider(p, map[string]any{"OidEndpoint": "http://127.0.0.1", "Enabled": true})
				_ = s.AddSAMLProvider(p, map[string]any{"SamlCertificate": strangersCertificate, "Enabled": true})
			}
			r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
			r.URL = u
			r.Header.Set("Authorization", strings.Replace(authorization, `Token="k"`, `Token="`+key+`"`, 1))
			r.Header.Set("Content-Type", "application/json")
			answer := httptest.NewRecorder()
			s.ServeHTTP(answer, r)
			if strings.Contains(answer.Header().Get("Content-Type"), "json") && !json.Valid(answer.Body.Bytes()) {
				t.Errorf("%s %s answered %q", method, path, answer.Body)
			}
		}
	})
}

// nowhere is a network on which nobody answers.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }
