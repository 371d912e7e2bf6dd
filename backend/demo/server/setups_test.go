package server_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/server"
)

// ownResponse signs a person in by an AuthnRequest that the server has never seen (SAML Core section 3.4.1, redirect binding)
// and returns the response.
func (w *world) ownResponse(person string) string {
	w.t.Helper()
	request := fmt.Sprintf(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_own" Version="2.0"`+
		` IssueInstant="%s" AssertionConsumerServiceURL="http://127.0.0.1:18733/sso/SAML/post/samlp">`+
		`<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">urn:jellyfin:contract</saml:Issuer></samlp:AuthnRequest>`,
		time.Now().UTC().Format(time.RFC3339))
	var deflated bytes.Buffer
	d, _ := flate.NewWriter(&deflated, flate.DefaultCompression)
	_, _ = io.WriteString(d, request)
	_ = d.Close()
	query := url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString(deflated.Bytes())}}
	_, form, err := w.providers.signIn(w.t.Context(), "http://"+samlAddress+"/sso?"+query.Encode(), person)
	if err != nil {
		w.t.Fatal(err)
	}
	return form.Get("SAMLResponse")
}

// TestSAMLLinkNeedsNoStart posts responses to a client's own AuthnRequest, with what may follow the root element.
func TestSAMLLinkNeedsNoStart(t *testing.T) {
	t.Parallel()
	shared := startProviders(t, people)
	for _, c := range []struct {
		name, after string
		config      map[string]any
		refused     []api.Flavour
	}{
		{name: "as it came"},
		{name: "white space", after: " \r\n\t"},
		{name: "a comment", after: "<!-- signed -->"},
		{name: "a processing instruction", after: "<?php ?>\n"},
		{name: "text", after: "x", refused: flavours},
		{name: "another root", after: "<x/>", refused: flavours},
		{name: "an open tag", after: "<x>", refused: flavours},
		{name: "ValidateInResponseTo", config: map[string]any{"ValidateInResponseTo": true}},
		{
			name: "ValidateRecipient", config: map[string]any{"ValidateRecipient": true},
			refused: []api.Flavour{api.FlavourFlowfin},
		},
	} {
		for _, flavour := range flavours {
			t.Run(c.name+" "+string(flavour), func(t *testing.T) {
				t.Parallel()
				w := newWorldAt(t, shared, flavour, nil)
				w.addSAML("samlp", w.providers.saml.Certificate(), c.config)
				document, _ := base64.StdEncoding.DecodeString(w.ownResponse("ann"))
				response := base64.StdEncoding.EncodeToString(append(document, c.after...))
				status, body := w.link("SAML", "samlp", "bob", login{}, response)
				if slices.Contains(c.refused, flavour) {
					if status < 400 {
						t.Errorf("answered %d %s", status, body)
					}
					return
				}
				if links := w.links("saml", "samlp", "bob"); status != http.StatusNoContent || !slices.Equal(links, []string{"ann"}) {
					t.Errorf("answered %d %s, links %q", status, body, links)
				}
			})
		}
	}
}

// TestCertificateSpelling tries the spellings of a certificate that real servers were given.
func TestCertificateSpelling(t *testing.T) {
	t.Parallel()
	shared := startProviders(t, people)
	text := shared.saml.Certificate()
	der, _ := base64.StdEncoding.DecodeString(text)
	file := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	stranger, _ := base64.StdEncoding.DecodeString(strangersCertificate)
	chain := slices.Concat([]byte("Bag Attributes\n    friendlyName: idp\n"), file,
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: stranger}))
	for name, c := range map[string]struct {
		text string
		read bool
	}{
		"one line":           {text, true},
		"many lines":         {text[:64] + "\r\n" + text[64:], true},
		"base64 of PEM":      {base64.StdEncoding.EncodeToString(file), true},
		"base64 of a chain":  {base64.StdEncoding.EncodeToString(chain), true},
		"PEM":                {string(file), false},
		"without padding":    {strings.TrimRight(text, "="), !strings.HasSuffix(text, "=")},
		"not a certificate":  {base64.StdEncoding.EncodeToString([]byte("nothing")), false},
		"not base64 at all!": {"?", false},
	} {
		for _, flavour := range flavours {
			w := newWorldAt(t, shared, flavour, nil)
			config, err := json.Marshal(map[string]any{
				"SamlEndpoint": "http://" + samlAddress + "/sso", "SamlClientId": "urn:jellyfin:contract", "SamlCertificate": c.text,
				"Enabled": true, "NewPath": true,
			})
			if err != nil {
				t.Fatal(err)
			}
			stored, linked := http.StatusOK, http.StatusNoContent
			if !c.read {
				linked = http.StatusInternalServerError
				if flavour == api.FlavourFlowfin {
					stored, linked = http.StatusBadRequest, http.StatusNoContent // by the certificate that was there
				}
			}
			if status, _, body := w.do(http.MethodPost, "/sso/SAML/Add/samlp", string(config), nil); status != stored {
				t.Errorf("%s, %s: storing it answers %d %s", flavour, name, status, body)
			}
			if status, body := w.link("SAML", "samlp", "bob", login{}, w.ownResponse("ann")); status != linked {
				t.Errorf("%s, %s: linking answers %d %s", flavour, name, status, body)
			}
		}
	}
}

// TestLastLinkRemoved signs an account out where the flavour does, the caller's own too.
func TestLastLinkRemoved(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, flavour, nil)
			for _, name := range []string{"one", "two"} {
				w.server.AddLink(api.Link{
					Identity: api.Identity{Protocol: api.OIDC, Provider: "npm", Name: name}, UserID: w.ids["root"],
				})
			}
			after := http.StatusOK
			if flavour == api.FlavourFlowfin {
				after = http.StatusUnauthorized
			}
			w.unlink(t, "one", http.StatusOK)
			w.unlink(t, "two", after)
		})
	}
}

// unlink removes a link of root's and asks who root is afterwards.
func (w *world) unlink(t *testing.T, name string, after int) {
	t.Helper()
	status, _, body := w.do(http.MethodDelete, "/sso/OID/Link/npm/"+w.ids["root"]+"/"+name, "", nil)
	if status != http.StatusOK {
		t.Errorf("removing %s answers %d %s", name, status, body)
	}
	if status, _, _ := w.do(http.MethodGet, "/Users/Me", "", nil); status != after {
		t.Errorf("after %s was removed, the session answers %d, want %d", name, status, after)
	}
}

// TestStoredAndFailed stores a write and does not say so.
func TestStoredAndFailed(t *testing.T) {
	t.Parallel()
	shared := startProviders(t, people)
	for _, fault := range []server.WriteFault{server.FaultAnswer500, server.FaultCut} {
		for _, flavour := range flavours {
			w := newWorldAt(t, shared, flavour, nil)
			w.server.SetHostile(server.Hostile{FailWrites: fault})
			site := httptest.NewServer(w.server)
			t.Cleanup(site.Close)
			body := `{"DeviceID":"d","DeviceName":"d","AppName":"a","AppVersion":"1","Data":"` + w.ownResponse("ann") + `"}`
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
				site.URL+"/sso/SAML/Link/samlp/"+w.ids["bob"], strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", `MediaBrowser Token="`+w.token+`"`)
			r.Header.Set("Content-Type", "application/json")
			answer, err := site.Client().Do(r)
			if err == nil {
				_ = answer.Body.Close()
			}
			if cut := fault == server.FaultCut; (err != nil) != cut || !cut && answer.StatusCode != http.StatusInternalServerError {
				t.Errorf("%s, fault %d: answered %+v, %v", flavour, fault, answer, err)
			}
			if links := w.links("saml", "samlp", "bob"); !slices.Equal(links, []string{"ann"}) {
				t.Errorf("%s, fault %d: links %q", flavour, fault, links)
			}
		}
	}
}

// TestKnownProxies lets a proxy's headers decide where the answer is sent, if the server knows the proxy.
func TestKnownProxies(t *testing.T) {
	t.Parallel()
	shared := startProviders(t, people)
	for _, c := range []struct {
		name    string
		known   string
		headers map[string]string
		want    string
	}{
		{"unknown", "", map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "media.test"}, "http://127.0.0.1:18701"},
		{"another", "10.0.0.0/8", map[string]string{"X-Forwarded-Proto": "https"}, "http://127.0.0.1:18701"},
		{"proto", "192.0.2.0/24", map[string]string{"X-Forwarded-Proto": "https"}, "https://127.0.0.1:18701"},
		{"host", "192.0.2.1/32", map[string]string{"X-Forwarded-Host": "evil, media.test"}, "http://media.test"},
		{"silent", "192.0.2.1/32", nil, "http://127.0.0.1:18701"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorldAt(t, shared, api.FlavourK0lin, func(o *server.Options) {
				if c.known != "" {
					o.KnownProxies = []netip.Prefix{netip.MustParsePrefix(c.known)}
				}
			})
			// httptest's requests come from 192.0.2.1.
			_, header, _ := w.do(http.MethodGet, "/sso/OID/start/npm?isLinking=true", "", c.headers)
			u, err := url.Parse(header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			if got := u.Query().Get("redirect_uri"); got != c.want+"/sso/OID/redirect/npm" {
				t.Errorf("the answer is led to %s", got)
			}
		})
	}
}

// TestFork holds the fork to what was seen of it.
func TestFork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, func(o *server.Options) { o.Fork = true })
	if status, _, _ := w.do(http.MethodGet, "/sso/OID/States", "", nil); status != http.StatusNotFound {
		t.Errorf("OID/States answers %d", status)
	}
	_, _, body := w.do(http.MethodGet, "/sso/OID/Get", "", nil)
	if !bytes.Contains(body, []byte(`"EnableUnverifiedLinking":false`)) || !bytes.Contains(body, []byte(`"OidSecret":"secret"`)) {
		t.Errorf("the configuration is %s", body)
	}
	if _, _, body := w.do(http.MethodGet, "/sso/SAML/Get", "", nil); !bytes.Contains(body, []byte(`"ValidateAudience":false`)) {
		t.Errorf("the configuration is %s", body)
	}
	bad := w.start("/sso/OID/start/npm?isLinking=true")
	if status, body := w.callback(bad, url.Values{"code": {"bad"}, "state": {bad.state}}); status != http.StatusOK {
		t.Errorf("a callback with a bad code: %d %s", status, body)
	}
	if status, _ := w.link("OID", "npm", "bob", bad, bad.state); status < 400 {
		t.Errorf("linking with a bad code answers %d", status)
	}
	good := w.start("/sso/OID/start/npm?isLinking=true")
	if status, body := w.callback(good, w.code(good, "ann")); status != http.StatusOK {
		t.Fatalf("the callback: %d %s", status, body)
	}
	if status, body := w.link("OID", "npm", "bob", good, good.state); status != http.StatusNoContent {
		t.Errorf("linking: %d %s", status, body)
	}
	if links := w.links("oid", "npm", "bob"); !slices.Equal(links, []string{"ann-sub"}) {
		t.Errorf("links %q", links)
	}

	// A link by user name becomes one by subject at the first sign-in.
	w.server.AddLink(api.Link{Identity: api.Identity{Protocol: api.OIDC, Provider: "npm", Name: "ben"}, UserID: w.ids["ann"]})
	first := w.start("/sso/OID/start/npm")
	if status, body := w.callback(first, w.code(first, "ben")); status != http.StatusOK {
		t.Fatalf("the callback: %d %s", status, body)
	}
	auth := `{"DeviceID":"d","DeviceName":"d","AppName":"a","AppVersion":"1","Data":"` + first.state + `"}`
	status, _, body := w.do(http.MethodPost, "/sso/OID/Auth/npm", auth, nil)
	if status != http.StatusOK || !bytes.Contains(body, []byte(w.ids["ann"])) {
		t.Errorf("signing in: %d %s", status, body)
	}
	if links := w.links("oid", "npm", "ann"); !slices.Equal(links, []string{"ben-sub"}) {
		t.Errorf("links %q", links)
	}
}
