package relayflow

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// The status of SAML 2.0 protocol messages (SAML 2.0 Core, section 3.2.2).
const (
	statusPrefix  = "urn:oasis:names:tc:SAML:2.0:status:"
	statusSuccess = statusPrefix + "Success"
)

// maxDepth bounds how deep elements may stand inside one another, as samlflow does. Real responses have some 10 levels.
const maxDepth = 64

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

// readResponse reads a base64 response, as far as its status.
func readResponse(encoded string) (response, error) {
	// Some identity providers break the base64 into lines.
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return response{}, unreadable("it is not base64")
	}
	dec, root, err := ssoplugin.SAMLMessage(bytes.NewReader(raw), "Response")
	if err != nil {
		return response{}, unreadable(err.Error())
	}
	r, path := response{inResponseTo: ssoplugin.SAMLAttribute(root, "InResponseTo")}, []string{"Response"}
	var message strings.Builder
	for {
		token, err := dec.Token()
		if err != nil {
			return response{}, unreadable("it is not the XML of a SAML message")
		}
		switch t := token.(type) {
		case xml.StartElement:
			name := t.Name.Local
			if t.Name.Space != ssoplugin.SAMLProtocol {
				name = "other"
			}
			if path = append(path, name); len(path) > maxDepth {
				return response{}, unreadable("its XML is too deep")
			}
			if name == "StatusCode" && len(path) > 2 && path[1] == "Status" {
				r.codes = append(r.codes, ssoplugin.SAMLAttribute(t, "Value"))
			}
		case xml.CharData:
			if strings.Join(path, "/") == "Response/Status/StatusMessage" {
				message.Write(t)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
			// Signature, Issuer and extensions come before the status, assertions after it.
			if len(path) == 0 || (len(path) == 1 && t.Name.Local == "Status" && t.Name.Space == ssoplugin.SAMLProtocol) {
				r.message = message.String()
				return r, nil
			}
		}
	}
}

func unreadable(why string) error {
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "answer-unreadable", Params: map[string]string{"why": why},
		Sentence: "The identity provider's answer cannot be read: " + why + ".",
		Hint:     "Check the provider's settings at the identity provider.",
		Err:      errors.New("reading a SAML response: " + why),
	}
}
