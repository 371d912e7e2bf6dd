package jellyfin

import (
	"crypto/x509"
	"errors"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/tlspin"
)

// certificateFailure turns a TLS error into an error for a person; nil when it is not about a certificate.
func certificateFailure(host string, err error) *api.Error {
	bad := tlspin.Find(err)
	if bad == nil {
		return nil
	}
	cert := bad.Certificate
	if bad.Pinned != "" {
		return &api.Error{
			Code: api.CodeCertificateChanged, Why: "certificate-other",
			Params: certificateParams(host, cert, bad.Pinned), Err: bad,
		}
	}
	why := api.Why("untrusted")
	if wrongName, ok := errors.AsType[x509.HostnameError](err); ok && wrongName.Certificate != nil {
		why = "untrusted-name"
	} else if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		why = "untrusted-date"
	}
	return &api.Error{
		Code: api.CodeCertificateUntrusted, Why: why, Params: certificateParams(host, cert, ""), Err: bad,
	}
}

func certificateParams(host string, cert api.Certificate, pinned string) map[string]string {
	params := map[string]string{
		"host": host, "sha256": cert.SHA256, "subject": cert.Subject, "issuer": cert.Issuer,
		"notAfter": cert.NotAfter.Format("2006-01-02"),
	}
	if pinned != "" {
		params["pinned"] = pinned
	}
	return params
}
