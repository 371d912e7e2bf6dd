package idp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"runtime"
	"sync"
	"time"
)

// keyPair is a SAML identity provider's key and its self-signed certificate.
type keyPair struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
	err         error
}

// samlKey makes the process's SAML key at its first call and returns the same one ever after. SAML software in the field
// takes RSA, and making an RSA key takes a tenth of a second and more on a slow core; so NewSAML begins it in the
// background, and only what needs the key waits for it.
var samlKey = sync.OnceValue(func() keyPair {
	key, err := firstKey(min(runtime.GOMAXPROCS(0), 2))
	if err != nil {
		return keyPair{err: fmt.Errorf("making a SAML key: %w", err)}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return keyPair{err: fmt.Errorf("making a SAML certificate's number: %w", err)}
	}
	// The system's clock, since those who check the certificate go by theirs.
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Jellybind demo identity provider"},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return keyPair{err: fmt.Errorf("making a SAML certificate: %w", err)}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return keyPair{err: fmt.Errorf("reading the new SAML certificate: %w", err)}
	}
	return keyPair{key: key, certificate: certificate}
})

// firstKey makes that many keys at once and returns the one that is ready first. The search for primes is a matter of luck,
// now and then it takes four times as long as usual; with two at it on two cores that is rare.
func firstKey(racers int) (*rsa.PrivateKey, error) {
	type made struct {
		key *rsa.PrivateKey
		err error
	}
	ready := make(chan made, racers) // the slower ones end without anybody waiting
	for range racers {
		go func() {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			ready <- made{key, err}
		}()
	}
	first := <-ready
	return first.key, first.err
}
