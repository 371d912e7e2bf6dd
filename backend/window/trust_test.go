package window_test

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/window"
)

// encrypted puts TLS with a self-signed certificate in front of a world.
func encrypted(t *testing.T, d *demo.World) *httptest.Server {
	t.Helper()
	target, err := url.Parse(d.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Transport: unpooled, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}})
	proxy.Config.ErrorLog = log.New(io.Discard, "", 0)
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	return proxy
}

func TestTrustsOneCertificate(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx, site := t.Context(), encrypted(t, d)
	w.secret(d.APIKey().Reveal())

	p, err := w.ProbeServer(ctx, site.URL)
	if p = must(w, p, err); p.Certificate == nil || p.Certificate.SHA256 == "" || p.Server.ID != "" || p.Plugin {
		t.Fatalf("the probe %+v", p)
	}
	_, err = w.ConnectKey(ctx, site.URL, "home", d.APIKey().Reveal())
	w.refused(api.CodeCertificateUntrusted, err)
	_, err = w.TrustCertificate(ctx, site.URL, "no fingerprint")
	w.refused(api.CodeUsage, err)
	other := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	wrong, err := w.TrustCertificate(ctx, site.URL, other)
	if must(w, wrong, err); wrong.Certificate == nil || *wrong.Certificate != *p.Certificate || wrong.Pinned != other {
		t.Errorf("the probe with trust in another one: %+v", wrong)
	}
	_, err = w.ConnectKey(ctx, site.URL, "home", d.APIKey().Reveal())
	w.refused(api.CodeCertificateChanged, err)
	w.empty()

	trusted, err := w.TrustCertificate(ctx, site.URL, strings.ToLower(p.Certificate.SHA256))
	if trusted = must(w, trusted, err); trusted.Certificate != nil || !trusted.Plugin || trusted.Server.ID == "" {
		t.Fatalf("the probe with trust %+v", trusted)
	}
	s, err := w.ConnectKey(ctx, site.URL, "home", d.APIKey().Reveal())
	if must(w, s, err).Profile.PinnedSHA256 != p.Certificate.SHA256 {
		t.Errorf("the profile %+v", s.Profile)
	}
	// A new window knows it from the profile.
	again := window.New(backend.New(backend.Options{
		Version: "test", Profiles: w.store, Keyring: w.keyring, Journal: w.journal,
	}), w.hear)
	opened, err := again.OpenProfile(ctx, "home")
	must(w, opened, err)
}

// TestChangedCertificate: a certificate that is not the trusted one is refused until the person has compared it. Then the
// stored credential is used again.
func TestChangedCertificate(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx, site := t.Context(), encrypted(t, d)
	w.secret(d.APIKey().Reveal())
	p, err := w.ProbeServer(ctx, site.URL)
	p, err = w.TrustCertificate(ctx, site.URL, must(w, p, err).Certificate.SHA256)
	must(w, p, err)
	s, err := w.ConnectKey(ctx, site.URL, "home", d.APIKey().Reveal())
	shown := must(w, s, err).Profile.PinnedSHA256
	// The server's certificate is not the one that the profile names.
	old := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	if err := w.store.Update(ctx, func(data *profile.Data) error {
		data.Profiles[0].PinnedSHA256 = old
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	again := window.New(backend.New(backend.Options{
		Version: "test", Profiles: w.store, Keyring: w.keyring, Journal: w.journal,
	}), w.hear)
	_, err = again.OpenProfile(ctx, "home")
	w.refused(api.CodeCertificateChanged, err)
	changed, err := again.ProbeServer(ctx, site.URL)
	if must(w, changed, err); changed.Certificate == nil || changed.Certificate.SHA256 != shown || changed.Pinned != old {
		t.Fatalf("the probe %+v", changed)
	}
	trusted, err := again.TrustCertificate(ctx, site.URL, shown)
	if must(w, trusted, err); trusted.Certificate != nil {
		t.Fatalf("the probe with trust %+v", trusted)
	}
	opened, err := again.OpenProfile(ctx, "home")
	must(w, opened, err)
}

// TestTrustsAProvidersCertificate: a provider whose certificate nobody knows is tested, trusted and tested again.
func TestTrustsAProvidersCertificate(t *testing.T) {
	t.Parallel()
	var site *httptest.Server
	w := newWindow(t)
	d := world(t, demo.Options{Config: func(name string, config map[string]any) {
		if issuer, ok := config["OidEndpoint"].(string); ok && name == demo.Authelia {
			site = secureIssuer(t, issuer)
			config["OidEndpoint"] = site.URL
		}
	}})
	ctx := t.Context()
	_, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	must(w, api.Session{}, err)
	refused, err := w.TestProvider(ctx, api.OIDC, demo.Authelia)
	if must(w, refused, err); refused.OK || refused.Certificate == nil || refused.Error.Params["provider"] != demo.Authelia {
		t.Fatalf("%+v", refused)
	}
	_, err = w.TrustProvider(ctx, api.OIDC, demo.Authelia, strings.Repeat("AB", 32))
	w.refused(api.CodeCertificateChanged, err)
	_, err = w.TrustProvider(ctx, api.SAML, demo.ADFS, refused.Certificate.SHA256)
	w.refused(api.CodeUsage, err)
	trusted, err := w.TrustProvider(ctx, api.OIDC, demo.Authelia, refused.Certificate.SHA256)
	if must(w, trusted, err); !trusted.OK || trusted.Certificate != nil {
		t.Errorf("%+v", trusted.Error)
	}
	list, err := w.Providers(ctx)
	for _, p := range must(w, list, err) {
		want := ""
		if p.Name == demo.Authelia {
			want = refused.Certificate.SHA256
		}
		if p.Settings.PinnedSHA256 != want {
			t.Errorf("%s: trusts %q", p.Name, p.Settings.PinnedSHA256)
		}
	}
}

// secureIssuer puts TLS with a self-signed certificate in front of an OIDC provider.
func secureIssuer(t *testing.T, issuer string) *httptest.Server {
	t.Helper()
	target, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	var s *httptest.Server
	s = httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Transport: unpooled,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Header.Del("Accept-Encoding") },
		ModifyResponse: func(r *http.Response) error {
			b, err := io.ReadAll(r.Body)
			b = bytes.ReplaceAll(b, []byte(issuer), []byte(s.URL))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
			r.Header.Set("Content-Length", strconv.Itoa(len(b)))
			return err
		},
	})
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}
