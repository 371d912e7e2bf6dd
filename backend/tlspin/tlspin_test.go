package tlspin_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/tlspin"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "AB", strings.Repeat("A", 63), strings.Repeat("G", 64), strings.Repeat("AB", 33), "AB:CD"} {
		if _, err := tlspin.Parse(bad); !api.IsCode(err, api.CodeUsage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	want := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	for _, good := range []string{strings.Repeat("ab", 32), strings.Repeat("AB ", 32), want} {
		if got, err := tlspin.Parse(good); err != nil || got != want {
			t.Errorf("%q: %s, %v", good, got, err)
		}
	}
}

// TestConfig walks the way of a person: the certificate is refused, its fingerprint is taken from the error, and with it
// as the pin the server is reached, while another pin is refused.
func TestConfig(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	get := func(pin string) error {
		config, err := tlspin.Config("127.0.0.1", pin)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{TLSClientConfig: config}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	untrusted := tlspin.Find(get(""))
	if untrusted == nil || untrusted.Err == nil || untrusted.Pinned != "" || untrusted.Certificate.NotAfter.IsZero() {
		t.Fatalf("%+v", untrusted)
	}
	if err := get(untrusted.Certificate.SHA256); err != nil {
		t.Error(err)
	}
	other := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	changed := tlspin.Find(get(other))
	if changed == nil || changed.Pinned != other || changed.Certificate != untrusted.Certificate {
		t.Errorf("%+v", changed)
	}
	if tlspin.Find(errors.New("refused")) != nil {
		t.Error("an error about no certificate")
	}
	if _, err := tlspin.Config("a", "nonsense"); !api.IsCode(err, api.CodeUsage) {
		t.Error(err)
	}
}
