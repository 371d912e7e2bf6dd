package samlflow

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // Accepted only where the person allowed it for the provider.
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/jellybind/jellybind/backend/api"
)

// method is a signature algorithm of XML Signature and RFC 6931.
type method struct {
	hash  crypto.Hash
	ecdsa bool
}

// signatureMethod and digestMethod know what is accepted; SHA-1 only where the caller allows it. There is no HMAC: a
// certificate's public key is no shared secret.
func signatureMethod(id string) (m method, ok bool) {
	const more = "http://www.w3.org/2001/04/xmldsig-more#"
	switch id {
	case nsSignature + "rsa-sha1":
		return method{crypto.SHA1, false}, true
	case more + "rsa-sha256":
		return method{crypto.SHA256, false}, true
	case more + "rsa-sha384":
		return method{crypto.SHA384, false}, true
	case more + "rsa-sha512":
		return method{crypto.SHA512, false}, true
	case more + "ecdsa-sha1":
		return method{crypto.SHA1, true}, true
	case more + "ecdsa-sha256":
		return method{crypto.SHA256, true}, true
	case more + "ecdsa-sha384":
		return method{crypto.SHA384, true}, true
	case more + "ecdsa-sha512":
		return method{crypto.SHA512, true}, true
	}
	return method{}, false
}

func digestMethod(id string) (crypto.Hash, bool) {
	switch id {
	case nsSignature + "sha1":
		return crypto.SHA1, true
	case "http://www.w3.org/2001/04/xmlenc#sha256":
		return crypto.SHA256, true
	case "http://www.w3.org/2001/04/xmldsig-more#sha384":
		return crypto.SHA384, true
	case "http://www.w3.org/2001/04/xmlenc#sha512":
		return crypto.SHA512, true
	}
	return 0, false
}

// verifier checks the signatures of one response with one certificate. While the provider changes its key, second is another
// one that may have signed instead; nil where there is none. The first signature decides which of the two it is.
type verifier struct {
	certificate *x509.Certificate
	second      *x509.Certificate
	allowSHA1   bool
	sha1Used    bool
}

// verify checks the enveloped signature of an element and returns the element that was signed, parsed from the very bytes
// that were hashed. Nothing else may be believed. So the canonicalization does not matter for safety: if it
// works differently here than at the provider, the hashes differ, and the response is refused.
//
// It follows XML Signature 1.1, section 3.2, narrowed by SAML 2.0 Core, section 5.4: one Reference, to the ID of the
// signature's parent; the transform enveloped-signature, then at most one canonicalization; no Object, no parameters.
// KeyInfo is never looked at: the key is the provider's, whatever the message says. The certificate's dates do not matter
// either: the administrator chose this key by giving it to the plugin, as SAML metadata does.
func (v *verifier) verify(parent, signature *etree.Element) (*etree.Element, error) {
	signedInfo, value, err := v.parts(signature)
	if err != nil {
		return nil, err
	}
	info, err := v.signedInfo(signedInfo, value)
	if err != nil {
		return nil, err
	}
	id := attr(parent, "ID")
	hash, canonicalizer, digest, err := v.reference(info, id)
	if err != nil {
		return nil, err
	}
	stripped := detach(parent)
	stripped.RemoveChildAt(signature.Index())
	canonical, err := canonicalizer.Canonicalize(stripped)
	if err != nil {
		return nil, badSignature()
	}
	h := hash.New()
	_, _ = h.Write(canonical)
	if subtle.ConstantTimeCompare(h.Sum(nil), digest) != 1 {
		return nil, badSignature()
	}
	return parse(canonical)
}

func badSignature() error {
	return refuse("bad-signature")
}

func badShape(why string) error {
	return &api.Error{Code: api.CodeSignInInvalid, Why: "signature-shape", Params: map[string]string{"why": why}}
}

// parts takes the signature apart: SignedInfo, SignatureValue and at most one KeyInfo, in this order.
func (v *verifier) parts(signature *etree.Element) (signedInfo *etree.Element, value []byte, err error) {
	all := signature.ChildElements()
	if len(all) < 2 || len(all) > 3 || !is(all[0], nsSignature, "SignedInfo") || !is(all[1], nsSignature, "SignatureValue") ||
		len(all) == 3 && !is(all[2], nsSignature, "KeyInfo") {
		return nil, nil, badShape("signed-info")
	}
	value, ok := base64Text(all[1])
	if !ok {
		return nil, nil, badSignature()
	}
	return all[0], value, nil
}

// signedInfo checks the signature over SignedInfo and returns it as it was signed.
func (v *verifier) signedInfo(signedInfo *etree.Element, value []byte) (*etree.Element, error) {
	method, ok := child(signedInfo, nsSignature, "CanonicalizationMethod")
	if !ok {
		return nil, badShape("no-canonicalization")
	}
	canonicalizer, err := canonicalization(method)
	if err != nil {
		return nil, err
	}
	canonical, err := canonicalizer.Canonicalize(detach(signedInfo))
	if err != nil {
		return nil, badSignature()
	}
	info, err := parse(canonical)
	if err != nil {
		return nil, err
	}
	all := info.ChildElements()
	if len(all) != 3 || !is(all[0], nsSignature, "CanonicalizationMethod") || !is(all[1], nsSignature, "SignatureMethod") ||
		!is(all[2], nsSignature, "Reference") {
		return nil, badShape("references")
	}
	if len(all[1].ChildElements()) != 0 {
		return nil, badShape("algorithm-parameters")
	}
	m, ok := signatureMethod(attr(all[1], "Algorithm"))
	if !ok {
		return nil, refuseAlgorithm()
	}
	if err := v.permit(m.hash); err != nil {
		return nil, err
	}
	h := m.hash.New()
	_, _ = h.Write(canonical)
	if !v.signed(m, h.Sum(nil), value) {
		return nil, badSignature()
	}
	return info, nil
}

// signed checks a signature value, and settles which certificate the other signatures must fit.
func (v *verifier) signed(m method, digest, value []byte) bool {
	first, second := v.certificate, v.second
	v.second = nil
	if m.fits(first.PublicKey, digest, value) {
		return true
	}
	if second == nil || !m.fits(second.PublicKey, digest, value) {
		return false
	}
	v.certificate = second
	return true
}

// fits checks a signature value: PKCS #1 v1.5 for RSA, the two halves r and s for ECDSA (XML Signature 1.1, sections
// 6.4.2 and 6.4.3).
func (m method) fits(public any, digest, value []byte) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return !m.ecdsa && rsa.VerifyPKCS1v15(key, m.hash, digest, value) == nil
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		if !m.ecdsa || len(value) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(value[:size]), new(big.Int).SetBytes(value[size:])
		return ecdsa.Verify(key, digest, r, s)
	}
	return false
}

// reference reads the one Reference, which must be to the element with that ID.
func (v *verifier) reference(info *etree.Element, id string) (
	hash crypto.Hash, canonicalizer dsig.Canonicalizer, digest []byte, err error,
) {
	ref, _ := child(info, nsSignature, "Reference")
	if id == "" || attr(ref, "URI") != "#"+id {
		return 0, nil, nil, refuse("signature-elsewhere")
	}
	all := ref.ChildElements()
	if len(all) != 3 || !is(all[0], nsSignature, "Transforms") || !is(all[1], nsSignature, "DigestMethod") ||
		!is(all[2], nsSignature, "DigestValue") {
		return 0, nil, nil, badShape("reference-form")
	}
	if canonicalizer, err = transforms(all[0]); err != nil {
		return 0, nil, nil, err
	}
	hash, ok := digestMethod(attr(all[1], "Algorithm"))
	if !ok || len(all[1].ChildElements()) != 0 {
		return 0, nil, nil, refuseAlgorithm()
	}
	if err := v.permit(hash); err != nil {
		return 0, nil, nil, err
	}
	if digest, ok = base64Text(all[2]); !ok {
		return 0, nil, nil, badSignature()
	}
	return hash, canonicalizer, digest, nil
}

// transforms reads the transforms of a Reference: enveloped-signature, and a canonicalization. Without one, it is Canonical
// XML 1.0 (XML Signature 1.1, section 4.4.3.2).
func transforms(e *etree.Element) (dsig.Canonicalizer, error) {
	all := e.ChildElements()
	if len(all) < 1 || len(all) > 2 || attr(all[0], "Algorithm") != nsSignature+"enveloped-signature" ||
		len(all[0].ChildElements()) != 0 {
		return nil, badShape("transforms")
	}
	for _, t := range all {
		if !is(t, nsSignature, "Transform") {
			return nil, badShape("transforms")
		}
	}
	if len(all) == 1 {
		return dsig.MakeC14N10RecCanonicalizer(), nil
	}
	return canonicalization(all[1])
}

// canonicalization returns the canonicalization that an element names. SAML recommends the exclusive one; some providers
// use an inclusive one (Core, sections 5.4.3 and 5.4.4). With or without comments is the same here: there are none.
func canonicalization(e *etree.Element) (dsig.Canonicalizer, error) {
	prefixes := ""
	algorithm := attr(e, "Algorithm")
	exclusive := algorithm == nsExcC14N || algorithm == nsExcC14N+"WithComments"
	for i, c := range e.ChildElements() {
		if !exclusive || i > 0 || !is(c, nsExcC14N, "InclusiveNamespaces") || len(c.ChildElements()) != 0 {
			return nil, badShape("canonicalization-parameters")
		}
		prefixes = attr(c, "PrefixList")
	}
	switch algorithm {
	case nsExcC14N, nsExcC14N + "WithComments":
		return dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(prefixes), nil
	case c14N10, c14N10 + "#WithComments":
		return dsig.MakeC14N10RecCanonicalizer(), nil
	case c14N11, c14N11 + "#WithComments":
		return dsig.MakeC14N11Canonicalizer(), nil
	}
	return nil, badShape("canonicalization")
}

// permit refuses SHA-1 unless it was allowed.
func (v *verifier) permit(h crypto.Hash) error {
	if h != crypto.SHA1 {
		return nil
	}
	if !v.allowSHA1 {
		return refuse("sha-1")
	}
	v.sha1Used = true
	return nil
}

func refuseAlgorithm() error {
	return refuse("unsafe-algorithm")
}

// base64Text reads base64 that may be broken into lines.
func base64Text(e *etree.Element) ([]byte, bool) {
	s, ok := text(e)
	if !ok {
		return nil, false
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	return b, err == nil && len(b) > 0
}

// detach copies an element out of its tree, with the namespace declarations that it inherits there.
func detach(e *etree.Element) *etree.Element {
	out := e.Copy()
	declared := map[string]bool{}
	for _, a := range e.Attr {
		if name, ok := declaration(a); ok {
			declared[name] = true
		}
	}
	for p := e.Parent(); p != nil; p = p.Parent() {
		for _, a := range p.Attr {
			if name, ok := declaration(a); ok && !declared[name] {
				declared[name] = true
				out.Attr = append(out.Attr, etree.Attr{Space: a.Space, Key: a.Key, Value: a.Value})
			}
		}
	}
	return out
}

// declaration returns the prefix that an attribute declares, "" for the default namespace.
func declaration(a etree.Attr) (prefix string, ok bool) {
	switch {
	case a.Space == "xmlns":
		return a.Key, true
	case a.Space == "" && a.Key == "xmlns":
		return "", true
	}
	return "", false
}
