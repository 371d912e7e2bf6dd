package samlflow

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// ParseCertificate reads a signing certificate as the servers read it from the provider's settings: base64 in one line or
// many, of the DER form or of a PEM file. In a PEM file, text around the certificates does not matter, and the first
// certificate counts. PEM text itself, which the servers cannot read, is refused.
// The error is an *api.Error.
func ParseCertificate(s string) (*x509.Certificate, error) {
	if strings.Contains(s, "-----BEGIN") {
		return nil, &api.Error{Code: api.CodeSignInInvalid, Why: "certificate-pem"}
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return nil, badCertificate(err)
	}
	for rest := der; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			der = block.Bytes
			break
		}
	}
	if len(der) == 0 {
		return nil, badCertificate(errors.New("no certificate"))
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, badCertificate(err)
	}
	switch c.PublicKey.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return c, nil
	}
	return nil, badCertificate(fmt.Errorf("a key of the kind %v", c.PublicKeyAlgorithm))
}

func badCertificate(cause error) error {
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "certificate-unreadable",
		Err: fmt.Errorf("reading the provider's certificate: %w", cause),
	}
}
