package samlflow

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
	validator "github.com/mattermost/xml-roundtrip-validator"

	"github.com/jellybind/jellybind/backend/secret"
)

// The namespaces of SAML 2.0 (Core, section 1.1) and of XML signatures.
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
	nsExcC14N   = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// The inclusive canonicalizations, versions 1.0 and 1.1.
const (
	c14N10 = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	c14N11 = "http://www.w3.org/2006/12/xml-c14n11"
)

// The bounds of a response. One with a thousand groups is some 200 kB and 10 levels deep.
const (
	maxBytes    = 1 << 20
	maxElements = 20_000
	maxAttrs    = 64
	maxDepth    = 64
)

// decode undoes the base64 of the POST binding (SAML 2.0 Bindings, section 3.5.4).
func decode(response secret.Value) ([]byte, error) {
	s := response.Reveal()
	if len(s) > base64.StdEncoding.EncodedLen(maxBytes)+maxBytes/16 {
		return nil, refuse("over-1-mib")
	}
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, s)
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil, refuse("not-base64")
	}
	if len(b) > maxBytes {
		return nil, refuse("over-1-mib")
	}
	return b, nil
}

// parse reads XML that strangers sent. It refuses what a SAML message never needs and attacks live on: document types and
// with them entities, comments, processing instructions, attributes that come twice, encodings other than UTF-8, and
// whatever would not survive being written and read again, so that everybody who reads it reads the same. What the server
// also takes behind the root element, white space, comments and processing instructions, is cut off. Errors never quote the
// content.
func parse(b []byte) (*etree.Element, error) {
	if !utf8.Valid(b) {
		return nil, refuse("not-utf-8")
	}
	end, err := scan(b)
	if err != nil {
		return nil, err
	}
	b = b[:end]
	if err := validator.Validate(bytes.NewReader(b)); err != nil {
		return nil, refuse("ambiguous-xml")
	}
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{MaxDepth: maxDepth}
	if err := doc.ReadFromBytes(b); err != nil || doc.Root() == nil {
		return nil, errMalformed()
	}
	return doc.Root(), nil
}

func errMalformed() error { return refuse("malformed-xml") }

// scan looks at every token once before a tree is built. It returns where the root element ends.
func scan(b []byte) (end int64, err error) {
	dec := xml.NewDecoder(bytes.NewReader(b))
	depth, elements := 0, 0
	for {
		at := dec.InputOffset()
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			if depth != 0 || end == 0 {
				return 0, errMalformed()
			}
			return end, nil
		}
		if err != nil {
			return 0, errMalformed()
		}
		switch tok := tok.(type) {
		case xml.Directive:
			return 0, refuse("dtd")
		case xml.Comment:
			if end == 0 {
				return 0, refuse("comment")
			}
		case xml.ProcInst:
			first := at == 0 && tok.Target == "xml"
			if !first && (end == 0 || strings.EqualFold(tok.Target, "xml")) {
				return 0, refuse("processing-instruction")
			}
		case xml.CharData:
			// As it is written: outside of the root, references and CDATA sections are no white space.
			if depth == 0 && len(bytes.TrimSpace(b[at:dec.InputOffset()])) != 0 {
				return 0, errMalformed()
			}
		case xml.EndElement:
			if depth--; depth == 0 {
				end = dec.InputOffset()
			}
		case xml.StartElement:
			depth++
			elements++
			if end != 0 { // a second root
				return 0, errMalformed()
			}
			if depth > maxDepth || elements > maxElements || len(tok.Attr) > maxAttrs {
				return 0, refuse("large-xml")
			}
			if twice(tok.Attr) {
				return 0, refuse("attribute-twice")
			}
		}
	}
}

func twice(attrs []xml.Attr) bool {
	seen := make(map[xml.Name]bool, len(attrs))
	for _, a := range attrs {
		if seen[a.Name] {
			return true
		}
		seen[a.Name] = true
	}
	return false
}

// message is a response's tree with the elements that matter, each in its one place.
type message struct {
	root      *etree.Element
	assertion *etree.Element // nil when there is none
	// encrypted is true where there is an EncryptedAssertion or an encrypted NameID.
	encrypted bool
	// The signatures, direct children of root and of assertion; nil when there is none.
	rootSignature, assertionSignature *etree.Element
}

// locate finds the elements that matter. It fails when any of them stands where the schema has none, whatever its
// namespace, or twice: an assertion that is moved elsewhere, with its signature, while another one takes its place, is how
// signature wrapping works (XSW 1 to 8 in Somorovsky et al., "On Breaking SAML", USENIX Security 2012). So nothing is ever
// looked up by its ID, and there is nothing that could be confused.
func locate(root *etree.Element) (message, error) {
	m := message{root: root}
	if !is(root, nsProtocol, "Response") {
		return m, refuse("no-response")
	}
	ids := map[string]bool{}
	var walk func(e *etree.Element) error
	walk = func(e *etree.Element) error {
		for _, a := range e.Attr {
			if !strings.EqualFold(a.Key, "ID") || a.Space == "xmlns" {
				continue
			}
			if ids[a.Value] {
				return refuse("same-id")
			}
			ids[a.Value] = true
		}
		for _, c := range e.ChildElements() {
			switch c.Tag {
			case "Response":
				return refuse("nested-response")
			case "Assertion":
				if e != root || !is(c, nsAssertion, "Assertion") {
					return refuse("misplaced-assertion")
				}
				if m.assertion != nil {
					return refuse("several-assertions")
				}
				m.assertion = c
			case "EncryptedAssertion", "EncryptedID":
				m.encrypted = true
			case "Signature":
				if err := m.place(e, c); err != nil {
					return err
				}
			}
			if err := walk(c); err != nil {
				return err
			}
		}
		return nil
	}
	return m, walk(root)
}

func (m *message) place(parent, signature *etree.Element) error {
	slot := &m.rootSignature
	switch {
	case !is(signature, nsSignature, "Signature"), parent != m.root && parent != m.assertion:
		return refuse("misplaced-signature")
	case parent == m.assertion:
		slot = &m.assertionSignature
	}
	if *slot != nil {
		return refuse("signature-twice")
	}
	*slot = signature
	return nil
}

// is reports whether an element has that namespace and local name.
func is(e *etree.Element, namespace, tag string) bool {
	return e.Tag == tag && e.NamespaceURI() == namespace
}

// attr returns an attribute without a namespace; etree's own look-up would take one of any namespace.
func attr(e *etree.Element, key string) string {
	for _, a := range e.Attr {
		if a.Space == "" && a.Key == key {
			return a.Value
		}
	}
	return ""
}

// children returns the direct children of that name.
func children(e *etree.Element, namespace, tag string) []*etree.Element {
	var out []*etree.Element
	for _, c := range e.ChildElements() {
		if is(c, namespace, tag) {
			out = append(out, c)
		}
	}
	return out
}

// child returns the only direct child of that name; false when there is none or another one.
func child(e *etree.Element, namespace, tag string) (*etree.Element, bool) {
	all := children(e, namespace, tag)
	if len(all) != 1 {
		return nil, false
	}
	return all[0], true
}

// text returns all the text of an element that has nothing but text.
func text(e *etree.Element) (string, bool) {
	var b strings.Builder
	for _, c := range e.Child {
		t, ok := c.(*etree.CharData)
		if !ok {
			return "", false
		}
		b.WriteString(t.Data)
	}
	return b.String(), true
}
