package jellyfin

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// CertificateError says which certificate a server showed and why it was refused. It is the cause of an *api.Error with
// CodeCertificateUntrusted, or CodeCertificateChanged when Pinned is set.
type CertificateError struct {
	Certificate api.Certificate
	// Pinned is the fingerprint that was expected; empty when none was.
	Pinned string
	// Err is the verification's error; nil when Pinned is set.
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

// tlsConfigFor makes the TLS settings for a host. Without a pin the system's roots decide. With one, exactly the pinned
// leaf certificate is accepted, whoever signed it, whatever its name and dates, and no other one, however well signed:
// the handshake proves that the server holds its key. The check runs in VerifyConnection, which, unlike
// VerifyPeerCertificate, also runs when a TLS session is resumed.
func tlsConfigFor(host, pin string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if pin == "" {
		return config, nil
	}
	want, err := ParseFingerprint(pin)
	if err != nil {
		return nil, err
	}
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("no certificate")
		}
		got := describeCertificate(state.PeerCertificates[0])
		if got.SHA256 != want {
			return &CertificateError{Certificate: got, Pinned: want}
		}
		return nil
	}
	return config, nil
}

// ParseFingerprint brings a SHA-256 fingerprint into the form of api.Certificate: upper-case hexadecimal with colons.
// Colons, blanks and case do not matter. Anything else is an *api.Error with CodeUsage.
func ParseFingerprint(s string) (string, error) {
	b, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(strings.TrimSpace(s)))
	if err != nil || len(b) != sha256.Size {
		return "", &api.Error{
			Code:     api.CodeUsage,
			Why:      "no-fingerprint",
			Sentence: "That is not a SHA-256 fingerprint.",
			Hint:     "A fingerprint is 64 hexadecimal digits, with or without colons.",
		}
	}
	return formatFingerprint(b), nil
}

func formatFingerprint(sum []byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

func describeCertificate(cert *x509.Certificate) api.Certificate {
	sum := sha256.Sum256(cert.Raw)
	return api.Certificate{
		SHA256:    formatFingerprint(sum[:]),
		Subject:   api.Printable(cert.Subject.String()),
		Issuer:    api.Printable(cert.Issuer.String()),
		NotBefore: cert.NotBefore.UTC(),
		NotAfter:  cert.NotAfter.UTC(),
	}
}

// certificateFailure turns a TLS error into what a person is told; nil when it is not about a certificate.
func certificateFailure(host string, err error) *api.Error {
	if changed, ok := errors.AsType[*CertificateError](err); ok && changed.Pinned != "" {
		return &api.Error{
			Code: api.CodeCertificateChanged, Why: "certificate-other",
			Sentence: fmt.Sprintf("%s shows another certificate than the one you trust: "+
				"its fingerprint is %s, the trusted one is %s.", host, changed.Certificate.SHA256, changed.Pinned),
			Hint: "Trust the new one only if you, or whoever runs the server, have replaced the certificate. " +
				"Otherwise somebody may be listening in.",
			Params: certificateParams(host, changed.Certificate, map[string]string{"pinned": changed.Pinned}),
			Err:    changed,
		}
	}
	verification, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(verification.UnverifiedCertificates) == 0 {
		return nil
	}
	cert := describeCertificate(verification.UnverifiedCertificates[0])
	why, reason := api.Why("untrusted"), "no authority that this computer knows has signed it"
	if wrongName, ok := errors.AsType[x509.HostnameError](err); ok && wrongName.Certificate != nil {
		why, reason = "untrusted-name", "it is for another name"
	} else if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		why, reason = "untrusted-date", "its dates do not include today"
	}
	return &api.Error{
		Code: api.CodeCertificateUntrusted, Why: why,
		Sentence: fmt.Sprintf("The certificate of %s is not trusted: %s. Fingerprint (SHA-256) %s, subject %s, valid until %s.",
			host, reason, cert.SHA256, orNone(cert.Subject), cert.NotAfter.Format("2006-01-02")),
		Hint: "Compare the fingerprint with the one that the server itself shows; if they are the same, trust this certificate " +
			"for this server.",
		Params: certificateParams(host, cert, map[string]string{"reason": reason}),
		Err:    &CertificateError{Certificate: cert, Err: verification.Err},
	}
}

func certificateParams(host string, cert api.Certificate, more map[string]string) map[string]string {
	params := map[string]string{
		"host": host, "sha256": cert.SHA256, "subject": cert.Subject, "issuer": cert.Issuer,
		"notAfter": cert.NotAfter.Format("2006-01-02"),
	}
	maps.Copy(params, more)
	return params
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
