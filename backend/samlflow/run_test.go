package samlflow_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crewjam/saml"
	gocmp "github.com/google/go-cmp/cmp"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/samlmsg"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

// world is crewjam's identity provider, served over HTTP.
type world struct {
	t    *testing.T
	idp  *saml.IdentityProvider
	http *httptest.Server
	// format of the NameID, and status that the identity provider answers instead of signing in.
	format string
	refuse bool
	// asked counts the requested sign-ins; acs is where the last one wants the response.
	asked atomic.Int32
	acs   atomic.Value
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"}
	w.http = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		request, err := samlmsg.ReadAuthnRequest(r.URL)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		w.asked.Add(1)
		w.acs.Store(request.ACS)
		if w.refuse {
			w.deny(rw, r)
			return
		}
		w.idp.ServeSSO(rw, r)
	}))
	t.Cleanup(w.http.Close)
	address, err := url.Parse(w.http.URL + "/sso")
	if err != nil {
		t.Fatal(err)
	}
	w.idp = &saml.IdentityProvider{
		Key: provider().key, Certificate: provider().cert, Logger: log.New(io.Discard, "", 0),
		MetadataURL: *address, SSOURL: *address, LoginURL: *address,
		ServiceProviderProvider: w, SessionProvider: w, SignatureMethod: dsig.RSASHA256SignatureMethod,
	}
	return w
}

func (w *world) GetServiceProvider(_ *http.Request, id string) (*saml.EntityDescriptor, error) {
	if id != audience {
		return nil, os.ErrNotExist
	}
	where, _ := w.acs.Load().(string)
	return &saml.EntityDescriptor{EntityID: audience, SPSSODescriptors: []saml.SPSSODescriptor{{
		AssertionConsumerServices: []saml.IndexedEndpoint{{Binding: saml.HTTPPostBinding, Location: where, Index: 1}},
	}}}, nil
}

func (w *world) GetSession(http.ResponseWriter, *http.Request, *saml.IdpAuthnRequest) *saml.Session {
	return &saml.Session{
		ID: "s", CreateTime: time.Now(), ExpireTime: time.Now().Add(time.Hour), Index: "1", NameID: signedAs, NameIDFormat: w.format,
		UserEmail: signedAs, UserCommonName: "Ada",
	}
}

// deny answers as an identity provider whose person pressed "cancel": a status, unsigned.
func (w *world) deny(rw http.ResponseWriter, r *http.Request) {
	req, err := saml.NewIdpAuthnRequest(w.idp, r)
	if err == nil {
		err = req.Validate()
	}
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	doc := `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r" Version="2.0" InResponseTo="` + req.Request.ID +
		`"><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder">` +
		`<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"/></samlp:StatusCode></samlp:Status></samlp:Response>`
	_, _ = fmt.Fprintf(rw, `<form action="%s"><input name="SAMLResponse" value="%s"/></form>`, req.ACSEndpoint.Location,
		base64.StdEncoding.EncodeToString([]byte(doc)))
}

var (
	formAction = regexp.MustCompile(`action="([^"]*)"`)
	formValue  = regexp.MustCompile(`name="SAMLResponse" value="([^"]*)"`)
)

// browse follows the address to the identity provider's form, as a browser would, and returns where it leads.
func browse(ctx context.Context, address string) (action string, form url.Values, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", nil, err
	}
	resp, err := (&http.Client{Transport: unpooled}).Do(req)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", nil, err
	}
	a, v := formAction.FindSubmatch(page), formValue.FindSubmatch(page)
	if a == nil || v == nil {
		return "", nil, fmt.Errorf("no form: %d %s", resp.StatusCode, page)
	}
	return html.UnescapeString(string(a[1])), url.Values{
		"SAMLResponse": {html.UnescapeString(string(v[1]))}, "RelayState": {""},
	}, nil
}

func post(ctx context.Context, action string, form url.Values) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, action, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := (&http.Client{Transport: unpooled}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(page), err
}

// request is what the plugin's settings say of the world's provider.
func (w *world) request() samlflow.Request {
	return samlflow.Request{
		Endpoint: w.http.URL + "/sso", ClientID: audience, Callback: "/jf/sso/SAML/post/my%20idp", Certificate: provider().base64(),
	}
}

// options use the real clock, and remember accepted responses in seen.
func options(seen *samlflow.Replay) samlflow.Options {
	return samlflow.Options{Listen: loopback.Options{Timeout: 20 * time.Second}, Now: time.Now, Seen: seen}
}

func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var said api.SignIn
	var page string
	a, err := samlflow.Run(t.Context(), w.request(), options(&samlflow.Replay{}), func(ctx context.Context, s api.SignIn) error {
		said = s
		action, form, err := browse(ctx, s.ShortURL)
		if err != nil {
			return err
		}
		// A foreign post first: refused, and the wait goes on.
		foreign := url.Values{"SAMLResponse": {posted(spec{}.build(t)).Reveal()}}
		if status, _, err := post(t.Context(), action, foreign); err != nil || status != http.StatusBadRequest {
			return fmt.Errorf("a response to another request: %d, %w", status, err)
		}
		if status, _, err := post(t.Context(), action, url.Values{"x": {"y"}}); err != nil || status != http.StatusBadRequest {
			return fmt.Errorf("no response: %d, %w", status, err)
		}
		// The posted response decides, not the page around it.
		var status int
		status, page, err = post(t.Context(), action, form)
		page = fmt.Sprint(status, " ", page, err)
		return nil
	})
	if !strings.HasPrefix(page, "200 <!doctype html>") {
		t.Errorf("the person saw %.200s", page)
	}
	if err != nil {
		t.Fatalf("Run: %v (%v)", err, errors.Unwrap(err))
	}
	if a.NameID != signedAs || a.Format != w.format || a.Issuer != w.http.URL+"/sso" || len(a.Remarks) != 0 {
		t.Errorf("assertion: %+v", a)
	}
	host := strings.TrimPrefix(w.http.URL, "http://")
	if said.Host != host || !strings.HasPrefix(said.URL, w.http.URL+"/sso?") || time.Until(said.Deadline) < 10*time.Second {
		t.Errorf("shown: %+v", said)
	}
	if w.asked.Load() != 1 {
		t.Errorf("%d sign-ins were asked for", w.asked.Load())
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	other := stranger()
	for name, c := range map[string]struct {
		world   func(*world)
		request func(*samlflow.Request)
		code    api.Code
	}{
		"refused at the identity provider": {world: func(w *world) { w.refuse = true }, code: api.CodeSignInRefused},
		"another certificate":              {request: func(r *samlflow.Request) { r.Certificate = other.base64() }, code: api.CodeSignInInvalid},
		"another audience":                 {request: func(r *samlflow.Request) { r.Audience = "other" }, code: api.CodeSignInInvalid},
		"SHA-1":                            {world: func(w *world) { w.idp.SignatureMethod = dsig.RSASHA1SignatureMethod }, code: api.CodeSignInInvalid},
		"transient": {
			world: func(w *world) { w.format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" }, code: api.CodeNameIDTransient,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := w.request()
			if c.world != nil {
				c.world(w)
			}
			if c.request != nil {
				c.request(&r)
			}
			a, err := samlflow.Run(t.Context(), r, options(&samlflow.Replay{}), func(ctx context.Context, s api.SignIn) error {
				action, form, err := browse(ctx, s.URL)
				if err != nil {
					return err
				}
				status, page, err := post(t.Context(), action, form)
				if err != nil || status != http.StatusBadRequest || strings.Contains(page, form.Get("SAMLResponse")) {
					return fmt.Errorf("the page: %d %s, %w", status, page, err)
				}
				return nil
			})
			if !api.IsCode(err, c.code) || a.NameID != "" {
				t.Errorf("Run = %+v, %v (%s), want %s", a, err, api.CodeOf(err), c.code)
			}
		})
	}
}

func TestRunEndsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad := w.request()
	bad.Certificate = ""
	if _, err := samlflow.Run(t.Context(), bad, options(&samlflow.Replay{}), nil); !api.IsCode(err, api.CodeSignInInvalid) || w.asked.Load() != 0 {
		t.Errorf("without a certificate: %v, %d asked for", err, w.asked.Load())
	}

	show := func(context.Context, api.SignIn) error { return nil }
	opts := options(&samlflow.Replay{})
	opts.Listen.Timeout = 50 * time.Millisecond
	_, err := samlflow.Run(t.Context(), w.request(), opts, show)
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeTimeout || !strings.HasSuffix(e.Params["redirectUri"], "/jf/sso/SAML/post/my%20idp") {
		t.Errorf("nobody came: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := samlflow.Run(ctx, w.request(), options(&samlflow.Replay{}), func(context.Context, api.SignIn) error {
		cancel()
		return nil
	}); !api.IsCode(err, api.CodeCancelled) {
		t.Errorf("cancelled: %v", err)
	}
	broken := &api.Error{Code: api.CodeBrowserFailed}
	if _, err := samlflow.Run(t.Context(), w.request(), options(&samlflow.Replay{}), func(context.Context, api.SignIn) error {
		return broken
	}); !api.IsCode(err, api.CodeBrowserFailed) {
		t.Errorf("no browser: %v", err)
	}
}

// TestRunShowsNoHostileAddress: the endpoint comes from the server's settings, and is checked as every address is.
func TestRunShowsNoHostileAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"javascript:alert(1)", "file:///etc/passwd", "https://bank.example@evil.example/", "https://idp.example/a b?c d", "", "/sso", "::",
	} {
		r := newWorld(t).request()
		r.Endpoint = address
		_, err := samlflow.Run(t.Context(), r, options(&samlflow.Replay{}), func(context.Context, api.SignIn) error {
			t.Errorf("%q was shown", address)
			return nil
		})
		if !api.IsCode(err, api.CodeAddressRefused) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestRequest: the request is what the plugin would have made, except for its ID and ACS.
func TestRequest(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range []struct {
		endpoint, format, want string
	}{
		{"https://idp.example/sso", "", "https://idp.example/sso"},
		{"https://idp.example/sso?realm=a%20b&x=%2f", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "https://idp.example/sso?realm=a%20b&x=%2f"},
		{"https://idp.example/sso?", "", "https://idp.example/sso"},
		{"https://idp.example/sso?wa=1#part", "", "https://idp.example/sso?wa=1#part"},
	} {
		var shown, allow string
		stop := errors.New("stop")
		r := samlflow.Request{
			Endpoint: c.endpoint, ClientID: "urn:a&b", NameIDFormat: c.format, Callback: "/jf/sso/SAML/post/my%20idp",
			Certificate: provider().base64(),
		}
		_, err := samlflow.Run(t.Context(), r, options(&samlflow.Replay{}), func(_ context.Context, s api.SignIn) error {
			shown, allow = s.URL, s.ShortURL
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		u, err := url.Parse(shown)
		if err != nil {
			t.Fatal(err)
		}
		got, err := samlmsg.ReadAuthnRequest(u)
		if err != nil {
			t.Fatalf("%s: %v", shown, err)
		}
		listener, err := url.Parse(allow)
		if err != nil {
			t.Fatal(err)
		}
		want := samlmsg.AuthnRequest{
			Endpoint: c.want, ID: got.ID, Issuer: "urn:a&b", ACS: "http://" + listener.Host + "/jf/sso/SAML/post/my%20idp",
			NameIDFormat: cmp.Or(c.format, "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"),
		}
		if diff := gocmp.Diff(want, got); diff != "" || seen[got.ID] || len(got.ID) < 25 || got.ID[0] != '_' {
			t.Errorf("%s: ID %q\n%s", c.endpoint, got.ID, diff)
		}
		if u.Query().Has("RelayState") {
			t.Errorf("a RelayState that means nothing: %s", shown)
		}
		seen[got.ID] = true
	}
}

// TestRunTellsWhatItRefuses: a response to another request does not end the wait, but the person is informed.
func TestRunTellsWhatItRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := make(chan error, 10)
	opts := options(&samlflow.Replay{})
	opts.Refused = func(err error) { refused <- err }
	result, err := samlflow.Run(t.Context(), w.request(), opts, func(ctx context.Context, s api.SignIn) error {
		action, form, err := browse(ctx, s.URL)
		if err != nil {
			return err
		}
		unsolicited := spec{change: func(r *saml.Response, a *saml.Assertion) {
			r.InResponseTo = ""
			a.Subject.SubjectConfirmations[0].SubjectConfirmationData.InResponseTo = ""
		}}
		for _, response := range []string{posted(spec{}.build(t)).Reveal(), posted(unsolicited.build(t)).Reveal(), "***"} {
			if status, _, err := post(t.Context(), action, url.Values{"SAMLResponse": {response}}); err != nil || status != http.StatusBadRequest {
				return fmt.Errorf("a foreign response: %d, %w", status, err)
			}
		}
		// Firefox and some providers break lines.
		form.Set("SAMLResponse", form.Get("SAMLResponse")[:76]+"\r\n"+form.Get("SAMLResponse")[76:])
		if status, page, err := post(t.Context(), action, form); err != nil || status != http.StatusOK {
			return fmt.Errorf("the response: %d %s, %w", status, page, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := base64.StdEncoding.DecodeString(result.Response.Reveal()); err != nil || strings.ContainsAny(result.Response.Reveal(), "\r\n") {
		t.Errorf("the response is not what a server decodes: %v", err)
	}
	if s := fmt.Sprintf("%v %+v %#v", result, result, result); strings.Contains(s, result.Response.Reveal()[:20]) {
		t.Error("the response is printed")
	}
	for _, reason := range []string{"other-request", "other-request", "not-base64"} {
		select {
		case err := <-refused:
			if !api.IsCode(err, api.CodeSignInInvalid) || !strings.Contains(err.Error(), reason) {
				t.Errorf("refused: %v, want %s", err, reason)
			}
		default:
			t.Fatal("a refused response is not told")
		}
	}
}
