// Package samlmsg reads SAML 2.0 protocol messages without believing them: what an AuthnRequest asks for, which request a
// response answers, and whether it is a refusal. Package samlflow checks responses.
package samlmsg

import (
	"encoding/xml"
	"errors"
	"io"
)

// nsProtocol is the namespace of SAML 2.0 protocol messages (SAML 2.0 Core, section 1.1).
const nsProtocol = "urn:oasis:names:tc:SAML:2.0:protocol"

// The bounds of a message: bytes, decoded and inflated, and levels of elements. Real messages have some 10 levels.
const (
	maxBytes = 1 << 20
	maxDepth = 64
)

// unfit names what is wrong with a message.
func unfit(why string) error { return errors.New(why) }

func malformed() error { return unfit("not-saml") }

// open reads the root of a protocol message of that name. The decoder reads on from there. A document type is refused: SAML
// has none, and entities would come with it.
func open(r io.Reader, name string) (*xml.Decoder, xml.StartElement, error) {
	dec := xml.NewDecoder(io.LimitReader(r, maxBytes))
	for {
		tok, err := dec.Token()
		if err != nil {
			return nil, xml.StartElement{}, malformed()
		}
		switch t := tok.(type) {
		case xml.Directive:
			return nil, xml.StartElement{}, unfit("document-type")
		case xml.StartElement:
			if t.Name.Local != name || t.Name.Space != nsProtocol {
				return nil, xml.StartElement{}, unfit("other-message")
			}
			return dec, t, nil
		}
	}
}

// attribute returns an attribute without a namespace, or "".
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
