package jellyfin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/tlspin"
)

func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return strings.TrimSuffix(strings.ToUpper(fmt.Sprintf(strings.Repeat("%02x:", 32), anys(sum[:])...)), ":")
}

func anys(b []byte) []any {
	all := make([]any, len(b))
	for i, v := range b {
		all[i] = v
	}
	return all
}

// certificate makes a self-signed certificate for a name.
func certificate(t *testing.T, name string, notAfter time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: notAfter.Add(-365 * 24 * time.Hour), NotAfter: notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// tlsServer shows whatever certificate current holds, and counts the requests that carried a token.
func tlsServer(t *testing.T, current *atomic.Pointer[tls.Certificate], tokens *atomic.Int32) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tokenOf(r) != "" {
			tokens.Add(1)
		}
		_, _ = io.WriteString(w, `{}`)
	}))
	s.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil }}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	s.TLS.Certificates = nil
	t.Cleanup(s.Close)
	return s
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(100 * 24 * time.Hour).Truncate(time.Second)
	cert := certificate(t, "nas.local", until)
	var current atomic.Pointer[tls.Certificate]
	current.Store(&cert)
	var tokens atomic.Int32
	s := tlsServer(t, &current, &tokens)
	err := client(t, s.URL, "the-token").JSON(t.Context(), jellyfin.Request{Path: "/x"}, nil)
	e := wantCode(t, err, api.CodeCertificateUntrusted)
	ce, ok := errors.AsType[*tlspin.CertificateError](err)
	if !ok {
		t.Fatalf("the cause is %T", e.Err)
	}
	want := fingerprint(cert.Leaf)
	if ce.Certificate.SHA256 != want || ce.Certificate.Subject != "CN=nas.local" || !ce.Certificate.NotAfter.Equal(until) ||
		ce.Pinned != "" || ce.Err == nil {
		t.Errorf("%+v", ce)
	}
	for _, part := range []string{want, until.UTC().Format("2006-01-02")} {
		if !strings.Contains(e.Sentence, part) {
			t.Errorf("%q does not tell %s", e.Sentence, part)
		}
	}
	if tokens.Load() != 0 {
		t.Error("the token went to a server that is not trusted")
	}
}

func TestPinnedCertificate(t *testing.T) {
	t.Parallel()
	// Neither name nor dates fit: the pin alone counts.
	pinned := certificate(t, "other.example", time.Now().Add(-24*time.Hour))
	changed := certificate(t, "other.example", time.Now().Add(24*time.Hour))
	disguised := changed // another key's certificate with the pinned one further up the chain
	disguised.Certificate = [][]byte{changed.Certificate[0], pinned.Certificate[0]}
	want := fingerprint(pinned.Leaf)
	var current atomic.Pointer[tls.Certificate]
	current.Store(&pinned)
	var tokens atomic.Int32
	s := tlsServer(t, &current, &tokens)
	for _, form := range []string{want, strings.ToLower(want), strings.ReplaceAll(want, ":", ""), " " + want + " "} {
		c := client(t, s.URL, "the-token", func(o *jellyfin.Options) { o.PinnedSHA256 = form })
		if err := c.JSON(t.Context(), jellyfin.Request{Path: "/x"}, nil); err != nil {
			t.Fatalf("%q: %v", form, err)
		}
	}
	c := client(t, s.URL, "the-token", func(o *jellyfin.Options) { o.PinnedSHA256 = want })
	if err := c.JSON(t.Context(), jellyfin.Request{Path: "/x"}, nil); err != nil {
		t.Fatal(err)
	}
	tokens.Store(0)
	for name, other := range map[string]*tls.Certificate{"changed": &changed, "pinned one in the chain": &disguised} {
		current.Store(other)
		c.CloseIdle() // a new handshake; a resumed session would be checked as well
		err := c.JSON(t.Context(), jellyfin.Request{Path: "/x"}, nil)
		e := wantCode(t, err, api.CodeCertificateChanged)
		ce, ok := errors.AsType[*tlspin.CertificateError](err)
		got := fingerprint(changed.Leaf)
		if !ok || ce.Pinned != want || ce.Certificate.SHA256 != got {
			t.Errorf("%s: %+v", name, ce)
		}
		if !strings.Contains(e.Sentence, want) || !strings.Contains(e.Sentence, got) {
			t.Errorf("%s: %q does not tell both fingerprints", name, e.Sentence)
		}
	}
	// A client of the same server without the pin, or with another one, never takes over a connection that was accepted
	// under the pin.
	current.Store(&pinned)
	if err := c.JSON(t.Context(), jellyfin.Request{Path: "/x"}, nil); err != nil {
		t.Fatal(err)
	}
	tokens.Store(0)
	wantCode(t, client(t, s.URL, "t").JSON(t.Context(), jellyfin.Request{Path: "/x"}, nil), api.CodeCertificateUntrusted)
	other := client(t, s.URL, "t", func(o *jellyfin.Options) { o.PinnedSHA256 = fingerprint(changed.Leaf) })
	wantCode(t, other.JSON(t.Context(), jellyfin.Request{Path: "/x"}, nil), api.CodeCertificateChanged)
	if n := tokens.Load(); n != 0 {
		t.Errorf("the token went to a refused server %d times", n)
	}
}

// TestPinOnBothTransports: requests that may be sent twice and those that may not use different connections.
func TestPinOnBothTransports(t *testing.T) {
	t.Parallel()
	cert := certificate(t, "nas.local", time.Now().Add(time.Hour))
	var current atomic.Pointer[tls.Certificate]
	current.Store(&cert)
	var tokens atomic.Int32
	s := tlsServer(t, &current, &tokens)
	c := client(t, s.URL, "t", func(o *jellyfin.Options) { o.PinnedSHA256 = strings.Repeat("AB", 32) })
	for _, idempotent := range []bool{true, false} {
		_, err := c.Do(t.Context(), jellyfin.Request{Path: "/x", Idempotent: idempotent})
		wantCode(t, err, api.CodeCertificateChanged)
	}
	if tokens.Load() != 0 {
		t.Error("the token was sent")
	}
}

func TestMalformedPin(t *testing.T) {
	t.Parallel()
	_, err := jellyfin.New(jellyfin.Options{URL: "https://a", PinnedSHA256: "nonsense"})
	wantCode(t, err, api.CodeUsage)
}
