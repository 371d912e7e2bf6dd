// Package tlspin trusts a TLS server by the SHA-256 fingerprint of its certificate, for servers whose certificate is
// self-signed or comes from a private authority. It also says which certificate was refused, so that a person can compare
// the fingerprint and trust it.
package tlspin

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// CertificateError says which certificate a server showed and why it was refused.
type CertificateError struct {
	Certificate api.Certificate
	// Pinned is the fingerprint that was expected; empty when there was none.
	Pinned string
	// Err is the error of the verification; nil when Pinned is set.
	Err error
}

// Error names the fingerprints.
func (e *CertificateError) Error() string {
	if e.Pinned != "" {
		return "certificate " + e.Certificate.SHA256 + " instead of the pinned " + e.Pinned
	}
	return fmt.Sprintf("certificate %s not trusted: %v", e.Certificate.SHA256, e.Err)
}

// Unwrap returns the verification's error.
func (e *CertificateError) Unwrap() error { return e.Err }

// Config makes the TLS settings for a host. Without a pin the system's roots decide. With a pin, only the pinned leaf
// certificate is accepted, whatever its issuer, name and dates, and no other certificate, however well signed: the
// handshake proves that the server holds its key. The check runs in VerifyConnection, which, unlike
// VerifyPeerCertificate, also runs when a TLS session is resumed.
//
// A pin that is not a fingerprint is the error of Parse.
func Config(host, pin string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if pin == "" {
		return config, nil
	}
	want, err := Parse(pin)
	if err != nil {
		return nil, err
	}
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("no certificate")
		}
		got := describe(state.PeerCertificates[0])
		if got.SHA256 != want {
			return &CertificateError{Certificate: got, Pinned: want}
		}
		return nil
	}
	return config, nil
}

// Find returns the certificate that made a TLS connection fail with err; nil when err is about something else.
func Find(err error) *CertificateError {
	if changed, ok := errors.AsType[*CertificateError](err); ok && changed.Pinned != "" {
		return changed
	}
	failed, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(failed.UnverifiedCertificates) == 0 {
		return nil
	}
	return &CertificateError{Certificate: describe(failed.UnverifiedCertificates[0]), Err: failed.Err}
}

// Parse brings a SHA-256 fingerprint into the form of api.Certificate: upper-case hexadecimal with colons.
// Colons, blanks and case do not matter. Anything else is an *api.Error with CodeUsage.
func Parse(s string) (string, error) {
	b, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(strings.TrimSpace(s)))
	if err != nil || len(b) != sha256.Size {
		return "", &api.Error{Code: api.CodeUsage, Why: "no-fingerprint"}
	}
	return format(b), nil
}

func format(sum []byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

func describe(cert *x509.Certificate) api.Certificate {
	sum := sha256.Sum256(cert.Raw)
	return api.Certificate{
		SHA256:    format(sum[:]),
		Subject:   api.Printable(cert.Subject.String()),
		Issuer:    api.Printable(cert.Issuer.String()),
		NotBefore: cert.NotBefore.UTC(),
		NotAfter:  cert.NotAfter.UTC(),
	}
}
