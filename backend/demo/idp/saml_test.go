package idp_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/visitor"
)

const spEntity = "urn:jellyfin:demo"

func serveSAML(t *testing.T, path string, change func(*idp.SAMLOptions)) *idp.SAML {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := idp.SAMLOptions{
		BaseURL: "http://" + listener.Addr().String() + path, Name: "authelia", People: people,
		ServiceProviders: []string{spEntity},
	}
	if change != nil {
		change(&o)
	}
	p, err := idp.NewSAML(o)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(server.Close)
	return p
}

// newSP returns a service provider by crewjam that trusts the provider's own metadata.
func newSP(t *testing.T, p *idp.SAML, acs string) *saml.ServiceProvider {
	t.Helper()
	_, body := get(t, p.EntityID())
	var metadata saml.EntityDescriptor
	if err := xml.Unmarshal([]byte(body), &metadata); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(acs)
	if err != nil {
		t.Fatal(err)
	}
	return &saml.ServiceProvider{
		EntityID: spEntity, AcsURL: *u, MetadataURL: *u, IDPMetadata: &metadata,
		AuthnNameIDFormat: saml.UnspecifiedNameIDFormat,
	}
}

// ask returns an AuthnRequest's address and id.
func ask(t *testing.T, sp *saml.ServiceProvider, p *idp.SAML, change func(*saml.AuthnRequest)) (address, id string) {
	t.Helper()
	request, err := sp.MakeAuthenticationRequest(p.SSOURL(), saml.HTTPRedirectBinding, saml.HTTPPostBinding)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(request)
	}
	u, err := request.Redirect("linking", sp)
	if err != nil {
		t.Fatal(err)
	}
	return u.String(), request.ID
}

// posted returns what the request brings to the ACS, and lets crewjam read it too.
func posted(t *testing.T, r *http.Request) url.Values {
	t.Helper()
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	return r.PostForm
}

func decode(t *testing.T, response string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSAMLSignIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, acs string
		format    idp.NameIDFormat
	}{
		{"", "http://127.0.0.1:18701/sso/SAML/post/adfs", ""},
		{"/adfs", "http://localhost:1/jf/sso/SAML/p/adfs", idp.NameIDUnspecified},
		{"", "http://[::1]:18701/sso/SAML/post/adfs", idp.NameIDPersistent},
	} {
		t.Run(c.acs, func(t *testing.T) {
			t.Parallel()
			p := serveSAML(t, c.path, func(o *idp.SAMLOptions) { o.NameIDFormat = c.format })
			sp := newSP(t, p, c.acs)
			address, id := ask(t, sp, p, nil)
			back, err := visitor.New().Choose(t.Context(), address, "team/ops")
			if err != nil {
				t.Fatal(err)
			}
			form := posted(t, back)
			if back.URL.String() != c.acs || form.Get("RelayState") != "linking" {
				t.Errorf("sent to %s with RelayState %q", back.URL, form.Get("RelayState"))
			}
			assertion, err := sp.ParseResponse(back, []string{id})
			if err != nil {
				if bad, ok := errors.AsType[*saml.InvalidResponseError](err); ok {
					err = bad.PrivateErr
				}
				t.Fatal(err)
			}
			nameID := assertion.Subject.NameID
			if nameID.Value != "team/ops" {
				t.Errorf("NameID %q", nameID.Value)
			}
			if want := c.format; want != "" && nameID.Format != string(want) {
				t.Errorf("NameID format %s", nameID.Format)
			}
			told := map[string]string{}
			for _, a := range assertion.AttributeStatements[0].Attributes {
				told[a.FriendlyName] = a.Values[0].Value
			}
			if told["displayName"] != people[1].Name || told["mail"] != people[1].Email || told["uid"] != "team/ops" {
				t.Errorf("attributes %v", told)
			}
			checkSigned(t, p, decode(t, form.Get("SAMLResponse")), "Response", "Assertion")
		})
	}
}

// checkSigned checks that each of the elements has a signature of its own, by RSA-SHA256 and the provider's certificate.
func checkSigned(t *testing.T, p *idp.SAML, response []byte, elements ...string) {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(p.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	validation := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(response); err != nil {
		t.Fatal(err)
	}
	for _, name := range elements {
		element := doc.FindElement("//" + name)
		if element == nil {
			t.Fatalf("no %s", name)
		}
		method := element.FindElement("./Signature/SignedInfo/SignatureMethod")
		if method == nil || method.SelectAttrValue("Algorithm", "") != dsig.RSASHA256SignatureMethod {
			t.Errorf("%s is not signed by RSA-SHA256", name)
		}
		if _, err := validation.Validate(element); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSAMLTransient(t *testing.T) {
	t.Parallel()
	p := serveSAML(t, "", func(o *idp.SAMLOptions) { o.NameIDFormat = idp.NameIDTransient })
	sp := newSP(t, p, "http://127.0.0.1:1/sso")
	seen := map[string]bool{}
	for range 2 {
		address, id := ask(t, sp, p, nil)
		back, err := visitor.New().Choose(t.Context(), address, "maria")
		if err != nil {
			t.Fatal(err)
		}
		posted(t, back)
		assertion, err := sp.ParseResponse(back, []string{id})
		if err != nil {
			t.Fatal(err)
		}
		nameID := assertion.Subject.NameID
		if nameID.Format != string(idp.NameIDTransient) || strings.Contains(nameID.Value, "maria") {
			t.Errorf("NameID %+v", nameID)
		}
		seen[nameID.Value] = true
	}
	if len(seen) != 2 {
		t.Error("the same transient NameID twice")
	}
}

func TestSAMLCancel(t *testing.T) {
	t.Parallel()
	p := serveSAML(t, "", nil)
	sp := newSP(t, p, "http://127.0.0.1:1/sso")
	address, id := ask(t, sp, p, nil)
	back, err := visitor.New().Choose(t.Context(), address, visitor.Cancel)
	if err != nil {
		t.Fatal(err)
	}
	form := posted(t, back)
	_, err = sp.ParseResponse(back, []string{id})
	bad, ok := errors.AsType[*saml.InvalidResponseError](err)
	if !ok {
		t.Fatalf("the refusal was taken for a sign-in: %v", err)
	}
	if status, ok := errors.AsType[saml.ErrBadStatus](bad.PrivateErr); !ok || status.Status != saml.StatusResponder {
		t.Errorf("refused for another reason: %v", bad.PrivateErr)
	}
	data := decode(t, form.Get("SAMLResponse"))
	if !bytes.Contains(data, []byte(saml.StatusRequestDenied)) || !bytes.Contains(data, []byte(id)) ||
		bytes.Contains(data, []byte("Assertion ")) {
		t.Errorf("refusal %s", data)
	}
	checkSigned(t, p, data, "Response")
}

func TestSAMLPostBinding(t *testing.T) {
	t.Parallel()
	p := serveSAML(t, "", nil)
	sp := newSP(t, p, "http://127.0.0.1:1/sso")
	request, err := sp.MakeAuthenticationRequest(p.SSOURL(), saml.HTTPPostBinding, saml.HTTPPostBinding)
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	doc.SetRoot(request.Element())
	data, err := doc.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString(data)}}
	client := http.Client{Transport: unpooled, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.SSOURL(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(post)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
	back, err := visitor.New().Choose(t.Context(), page.String(), "maria")
	if err != nil {
		t.Fatal(err)
	}
	posted(t, back)
	if _, err := sp.ParseResponse(back, []string{request.ID}); err != nil {
		t.Fatal(err)
	}
}

func TestSAMLRequestsRefused(t *testing.T) {
	t.Parallel()
	p := serveSAML(t, "", nil)
	sp := newSP(t, p, "http://127.0.0.1:1/sso")
	for name, change := range map[string]func(*saml.AuthnRequest){
		"unknown issuer":  func(r *saml.AuthnRequest) { r.Issuer.Value = "urn:somebody" },
		"no issuer":       func(r *saml.AuthnRequest) { r.Issuer = nil },
		"foreign ACS":     func(r *saml.AuthnRequest) { r.AssertionConsumerServiceURL = "http://jellyfin.example.com/sso" },
		"https ACS":       func(r *saml.AuthnRequest) { r.AssertionConsumerServiceURL = "https://127.0.0.1/sso" },
		"script ACS":      func(r *saml.AuthnRequest) { r.AssertionConsumerServiceURL = "javascript:alert(1)" },
		"no ACS":          func(r *saml.AuthnRequest) { r.AssertionConsumerServiceURL = "" },
		"no ID":           func(r *saml.AuthnRequest) { r.ID = "" },
		"old":             func(r *saml.AuthnRequest) { r.IssueInstant = r.IssueInstant.Add(-11 * time.Minute) },
		"from the future": func(r *saml.AuthnRequest) { r.IssueInstant = r.IssueInstant.Add(5 * time.Minute) },
		"for another IdP": func(r *saml.AuthnRequest) { r.Destination = "http://127.0.0.1:1/sso" },
		"SAML 1.1":        func(r *saml.AuthnRequest) { r.Version = "1.1" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := ask(t, sp, p, change)
			// Where the request is meant for another address it is still brought to this one.
			if u, err := url.Parse(address); err == nil {
				address = p.SSOURL() + "?" + u.RawQuery
			}
			response, body := get(t, address)
			if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, "This sign-in cannot begin") {
				t.Errorf("answered %s: %s", response.Status, body)
			}
		})
	}
	for _, query := range []string{
		"", "?SAMLRequest=", "?SAMLRequest=AAAA", "?SAMLRequest=%25%25", "?SAMLRequest=80jNyckHAA%3D%3D",
	} {
		if response, _ := get(t, p.SSOURL()+query); response.StatusCode != http.StatusBadRequest {
			t.Errorf("%q answered %s", query, response.Status)
		}
	}
}

func TestSAMLSlowPerson(t *testing.T) {
	t.Parallel()
	clock := newClock()
	p := serveSAML(t, "", func(o *idp.SAMLOptions) { o.Now = clock.Now })
	sp := newSP(t, p, "http://127.0.0.1:1/sso")
	address, _ := ask(t, sp, p, nil)
	clock.add(4 * time.Minute) // the address was copied to another browser
	back, err := visitor.New().Choose(t.Context(), address, "maria")
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(decode(t, posted(t, back).Get("SAMLResponse"))); err != nil {
		t.Fatal(err)
	}
	issued := doc.FindElement("//Assertion").SelectAttrValue("IssueInstant", "")
	at, err := time.Parse(time.RFC3339Nano, issued)
	if err != nil || at.Sub(clock.Now()).Abs() > time.Second {
		t.Errorf("issued at %s, now is %s: %v", issued, clock.Now(), err)
	}
}

func TestSAMLPages(t *testing.T) {
	t.Parallel()
	p := serveSAML(t, "", nil)
	sp := newSP(t, p, "http://127.0.0.1:1/sso")
	address, _ := ask(t, sp, p, nil)
	first, _ := get(t, address)
	page, err := first.Location()
	if err != nil {
		t.Fatal(err)
	}
	response, body := get(t, page.String())
	checkPage(t, response, body)

	// The page that posts the answer has our one script, its hash in the policy, and a button for those without scripts.
	form := url.Values{"id": {page.Query().Get("id")}, "person": {"maria"}}
	answer, err := (&http.Client{Transport: unpooled}).PostForm(page.String(), form)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), `id="continue"`) || strings.Count(text.String(), "<script>") != 1 ||
		!strings.Contains(answer.Header.Get("Content-Security-Policy"), "script-src 'sha256-") {
		t.Errorf("page %s", text.String())
	}
	// Once: going back and choosing again is too late.
	again, err := (&http.Client{Transport: unpooled}).PostForm(page.String(), form)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Body.Close()
	if again.StatusCode != http.StatusGone {
		t.Errorf("second choice: %s", again.Status)
	}
}

func TestSAMLOptionsRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]idp.SAMLOptions{
		"public address":  {BaseURL: "http://idp.example.com"},
		"not XML":         {BaseURL: "http://127.0.0.1:1", People: []idp.Person{{Login: "a\x1bb", Subject: "x"}}},
		"unknown format":  {BaseURL: "http://127.0.0.1:1", NameIDFormat: "kerberos"},
		"the same person": {BaseURL: "http://127.0.0.1:1", People: []idp.Person{people[0], people[0]}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := idp.NewSAML(o); err == nil {
				t.Error("no error")
			}
		})
	}
}
