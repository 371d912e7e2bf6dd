package samlflow_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/samlflow"
)

func inPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// TestParseCertificate holds what real servers took and refused (server-facts, "Certificates of a SAML provider").
func TestParseCertificate(t *testing.T) {
	t.Parallel()
	der, other, encode := provider().cert.Raw, stranger().cert.Raw, base64.StdEncoding.EncodeToString
	one := encode(der)
	var lines strings.Builder
	for i := 0; i < len(one); i += 64 {
		lines.WriteString(one[i:min(i+64, len(one))] + "\r\n")
	}
	bag := []byte("Bag Attributes\n    friendlyName: idp\n    localKeyID: 54 69 6D\nsubject=CN = idp\nissuer=CN = idp\n")
	for name, s := range map[string]string{
		"one line":       one,
		"many lines":     lines.String(),
		"blanks":         " " + one[:10] + " \n\t" + one[10:],
		"base64 of PEM":  encode(inPEM("CERTIFICATE", der)),
		"bag attributes": encode(append(bag, inPEM("CERTIFICATE", der)...)),
		"a chain":        encode(append(inPEM("CERTIFICATE", der), inPEM("CERTIFICATE", other)...)),
		"a key before":   encode(append(inPEM("PRIVATE KEY", []byte{1, 2, 3}), inPEM("CERTIFICATE", der)...)),
	} {
		c, err := samlflow.ParseCertificate(s)
		if err != nil {
			t.Errorf("%s: %v (%v)", name, err, errors.Unwrap(err))
			continue
		}
		if !bytes.Equal(c.Raw, der) {
			t.Errorf("%s: another certificate", name)
		}
		x := expect()
		x.Certificate = s
		if _, err := check(spec{}.build(t), x); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Only the first certificate of a chain counts.
	x := expect()
	x.Certificate = encode(append(inPEM("CERTIFICATE", other), inPEM("CERTIFICATE", der)...))
	a, err := check(spec{}.build(t), x)
	refused(t, a, err, api.CodeSignInInvalid, "does not fit")

	const onlyBase64 = "The server cannot read this certificate: enter base64 only."
	for name, c := range map[string]struct{ certificate, sentence string }{
		"PEM text":            {string(inPEM("CERTIFICATE", der)), onlyBase64},
		"PEM text, with bags": {string(bag) + string(inPEM("CERTIFICATE", der)), onlyBase64},
		"no padding":          {strings.TrimRight(encode(der[:len(der)/3*3-2]), "="), "cannot be read"},
		"URL alphabet":        {base64.URLEncoding.EncodeToString(der), "cannot be read"},
		"a key in PEM":        {encode(inPEM("PRIVATE KEY", []byte{1, 2, 3})), "cannot be read"},
		"cut off":             {one[:len(one)/8*4], "cannot be read"},
		"base64 of nothing":   {"", "cannot be read"},
	} {
		_, err := samlflow.ParseCertificate(c.certificate)
		e, ok := errors.AsType[*api.Error](err)
		if e = inWords(e); !ok || e.Code != api.CodeSignInInvalid || !strings.Contains(e.Sentence, c.sentence) || e.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNegativeSerialNumber: some tools make such certificates, and the servers take them.
func TestNegativeSerialNumber(t *testing.T) {
	t.Parallel()
	der := bytes.Clone(provider().cert.Raw)
	// The serial number 1 is the first integer after the version: 02 01 01.
	at := bytes.Index(der, []byte{0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01})
	if at < 0 {
		t.Fatal("no serial number 1")
	}
	der[at+7] = 0xff
	c, err := samlflow.ParseCertificate(base64.StdEncoding.EncodeToString(der))
	if err != nil {
		t.Fatal(errors.Unwrap(err))
	}
	if c.SerialNumber.Cmp(big.NewInt(-1)) != 0 {
		t.Errorf("serial number %v", c.SerialNumber)
	}
	x := expect()
	x.Certificate = base64.StdEncoding.EncodeToString(der)
	if _, err := check(spec{}.build(t), x); err != nil {
		t.Error(err)
	}
}
