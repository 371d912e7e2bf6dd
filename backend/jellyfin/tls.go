package jellyfin

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"

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
			Sentence: fmt.Sprintf("%s shows another certificate than the one you trust: "+
				"its fingerprint is %s, the trusted one is %s.", host, cert.SHA256, bad.Pinned),
			Hint: "Trust the new one only if you, or whoever runs the server, have replaced the certificate. " +
				"Otherwise somebody may be listening in.",
			Params: certificateParams(host, cert, map[string]string{"pinned": bad.Pinned}),
			Err:    bad,
		}
	}
	why, reason := api.Why("untrusted"), "no authority that this computer knows has signed it"
	if wrongName, ok := errors.AsType[x509.HostnameError](err); ok && wrongName.Certificate != nil {
		why, reason = "untrusted-name", "it is for another name"
	} else if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		why, reason = "untrusted-date", "its dates do not include today"
	}
	return &api.Error{
		Code: api.CodeCertificateUntrusted, Why: why,
		Sentence: fmt.Sprintf("The certificate of %s is not trusted: %s. Fingerprint (SHA-256) %s, subject %s, valid until %s.",
			host, reason, cert.SHA256, cmp.Or(cert.Subject, "(none)"), cert.NotAfter.Format("2006-01-02")),
		Hint: "Compare the fingerprint with the one that the server itself shows; if they are the same, trust this certificate " +
			"for this server.",
		Params: certificateParams(host, cert, map[string]string{"reason": reason}),
		Err:    bad,
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
