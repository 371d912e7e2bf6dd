package relayflow

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// The namespace and the status of SAML 2.0 protocol messages (SAML 2.0 Core, section 3.2.2).
const (
	protocolNamespace = "urn:oasis:names:tc:SAML:2.0:protocol"
	statusSuccess     = "urn:oasis:names:tc:SAML:2.0:status:Success"
	statusPrefix      = "urn:oasis:names:tc:SAML:2.0:status:"
)

// response is what a SAML response says of itself, unverified: enough to know whether it belongs to this sign-in, and
// what to tell the person when it is a refusal. Whether it is genuine is for the server and for samlflow to decide.
type response struct {
	inResponseTo string
	codes        []string // the status code and those inside it, outermost first
	message      string
}

func (r response) success() bool { return len(r.codes) > 0 && r.codes[0] == statusSuccess }

// reason is the refusal in words, such as "RequestDenied: not in the group".
func (r response) reason() string {
	code := "no status"
	if n := len(r.codes); n > 0 {
		code = strings.TrimPrefix(r.codes[n-1], statusPrefix)
	}
	if r.message != "" {
		return code + ": " + r.message
	}
	return code
}

// readResponse reads a base64 response, as far as its status. A document type is refused, since SAML has none and
// entities would come with it.
func readResponse(encoded string) (response, error) {
	// Some identity providers break the base64 into lines.
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return response{}, unreadable("it is not base64")
	}
	dec := xml.NewDecoder(strings.NewReader(string(raw)))
	var r response
	var path []string
	for {
		token, err := dec.Token()
		if err != nil {
			return response{}, unreadable("it is not the XML of a SAML response")
		}
		switch t := token.(type) {
		case xml.Directive:
			return response{}, unreadable("it has a document type")
		case xml.StartElement:
			if len(path) == 0 && (t.Name.Space != protocolNamespace || t.Name.Local != "Response") {
				return response{}, unreadable("it is another message")
			}
			if len(path) == 0 {
				r.inResponseTo = attribute(t, "InResponseTo")
			}
			name := t.Name.Local
			if t.Name.Space != protocolNamespace {
				name = "other"
			}
			path = append(path, name)
			if name == "StatusCode" && len(path) > 2 && path[1] == "Status" {
				r.codes = append(r.codes, attribute(t, "Value"))
			}
		case xml.CharData:
			if strings.Join(path, "/") == "Response/Status/StatusMessage" {
				r.message += string(t)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
			// Signature, Issuer and extensions come before the status, assertions after it.
			if len(path) == 0 || (len(path) == 1 && t.Name.Local == "Status" && t.Name.Space == protocolNamespace) {
				return r, nil
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func unreadable(why string) error {
	return &api.Error{
		Code:     api.CodeSignInInvalid,
		Sentence: "The identity provider's answer cannot be read: " + why + ".",
		Hint:     "Check the provider's settings at the identity provider.",
		Err:      errors.New("reading a SAML response: " + why),
	}
}
