package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/secret"
)

// The addresses of the identity providers in the recordings. They are not listened on: the tests' clients reach the real
// listeners under these names.
const (
	oidcAddress = "127.0.0.1:9100"
	samlAddress = "127.0.0.1:9700"
)

// providers are a real OIDC provider and a real SAML identity provider.
type providers struct {
	oidc   *idp.OIDC
	saml   *idp.SAML
	client *http.Client // reaches them under the recordings' addresses, and follows no redirect
}

// startProviders starts both for these people.
func startProviders(t *testing.T, people []idp.Person) *providers {
	t.Helper()
	return startProvidersWith(t, people, nil, nil)
}

// startProvidersAt starts them with another clock.
func startProvidersAt(t *testing.T, people []idp.Person, now func() time.Time) *providers {
	t.Helper()
	return startProvidersWith(t, people, now, nil)
}

// startProvidersWith starts them with more options.
func startProvidersWith(
	t *testing.T, people []idp.Person, now func() time.Time, change func(*idp.OIDCOptions),
) *providers {
	t.Helper()
	options := idp.OIDCOptions{
		Issuer: "http://" + oidcAddress, Name: "npm", People: people, Secrets: idp.Secrets{Jellyfin: secret.New("secret")},
		Now: now,
	}
	if change != nil {
		change(&options)
	}
	o, err := idp.NewOIDC(options)
	if err != nil {
		t.Fatal(err)
	}
	s, err := idp.NewSAML(idp.SAMLOptions{
		BaseURL: "http://" + samlAddress, Name: "samlp", People: people,
		ServiceProviders: []string{"urn:jellyfin:contract"}, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]string{}
	for address, h := range map[string]http.Handler{oidcAddress: inRecordedWords(o), samlAddress: s} {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		at[address] = server.Listener.Addr().String()
	}
	var dialer net.Dialer
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if listener, mapped := at[address]; mapped {
			address = listener
		}
		return dialer.DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &providers{o, s, &http.Client{
		Transport: transport, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// inRecordedWords lets our OIDC provider say what the recordings' provider said where the plugin passes it on: the address
// of its userinfo endpoint and how it describes a bad code.
func inRecordedWords(o *idp.OIDC) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/me" {
			r = r.Clone(r.Context())
			r.URL.Path = "/userinfo"
		}
		if r.URL.Path != "/token" && !strings.HasPrefix(r.URL.Path, "/.well-known/") {
			o.ServeHTTP(w, r)
			return
		}
		inner := httptest.NewRecorder()
		o.ServeHTTP(inner, r)
		body := strings.Replace(inner.Body.String(), oidcAddress+"/userinfo", oidcAddress+"/me", 1)
		if inner.Code == http.StatusBadRequest && strings.Contains(body, `"invalid_grant"`) {
			body = `{"error":"invalid_grant","error_description":"grant request is invalid"}`
		}
		w.Header().Set("Content-Type", inner.Header().Get("Content-Type"))
		w.WriteHeader(inner.Code)
		_, _ = io.WriteString(w, body)
	})
}

// signIn opens an address as a browser would and picks a person. It returns the request that the identity provider sends
// the browser back with: its address, and its form when it is posted.
func (p *providers) signIn(ctx context.Context, address, login string) (back *url.URL, form url.Values, err error) {
	method, body := http.MethodGet, url.Values(nil)
	for range 10 {
		u, err := url.Parse(address)
		if err != nil {
			return nil, nil, err
		}
		if u.Host != oidcAddress && u.Host != samlAddress {
			return u, body, nil
		}
		r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body.Encode()))
		if err != nil {
			return nil, nil, err
		}
		if body != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", u.Scheme+"://"+u.Host)
		}
		answer, err := p.client.Do(r)
		if err != nil {
			return nil, nil, err
		}
		page, err := html.Parse(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			return nil, nil, err
		}
		if location := answer.Header.Get("Location"); location != "" {
			next, err := u.Parse(location)
			if err != nil {
				return nil, nil, err
			}
			address, method, body = next.String(), http.MethodGet, nil
			continue
		}
		action, fields := pick(page, "person-"+login)
		if action == "" {
			return nil, nil, fmt.Errorf("the page at %s (%d) offers no %q", u.Host+u.Path, answer.StatusCode, login)
		}
		next, err := u.Parse(action)
		if err != nil {
			return nil, nil, err
		}
		address, method, body = next.String(), http.MethodPost, fields
	}
	return nil, nil, errors.New("too many pages")
}

// pick finds the form to submit: the one with the button of that id, or the one with a SAML response.
func pick(page *html.Node, button string) (action string, fields url.Values) {
	for form := range page.Descendants() {
		if form.Type != html.ElementNode || form.Data != "form" {
			continue
		}
		fields, found := url.Values{}, false
		for n := range form.Descendants() {
			if n.Type != html.ElementNode || (n.Data != "input" && n.Data != "button") {
				continue
			}
			chosen := attribute(n, "id") == button
			if n.Data == "button" && !chosen {
				continue
			}
			found = found || chosen || attribute(n, "name") == "SAMLResponse"
			if name := attribute(n, "name"); name != "" {
				fields.Set(name, attribute(n, "value"))
			}
		}
		if found {
			return attribute(form, "action"), fields
		}
	}
	return "", nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
