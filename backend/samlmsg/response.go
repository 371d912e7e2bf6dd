package samlmsg

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// The status of SAML 2.0 protocol messages (SAML 2.0 Core, section 3.2.2).
const (
	statusPrefix  = "urn:oasis:names:tc:SAML:2.0:status:"
	statusSuccess = statusPrefix + "Success"
)

// Response is what a SAML response says of itself, unverified: enough to know whether it belongs to a sign-in, and what to
// tell the person when it is a refusal.
type Response struct {
	InResponseTo string
	codes        []string // the status code and the codes inside it, outermost first
	message      string
}

// Success reports whether the identity provider says that the sign-in succeeded.
func (r Response) Success() bool { return len(r.codes) > 0 && r.codes[0] == statusSuccess }

// Reason is a refusal in the provider's words, such as "RequestDenied: not in the group".
func (r Response) Reason() string {
	code := "no status"
	if n := len(r.codes); n > 0 {
		code = strings.TrimPrefix(r.codes[n-1], statusPrefix)
	}
	if r.message != "" {
		return code + ": " + r.message
	}
	return code
}

// ReadResponse reads a response as the HTTP-POST binding sends it, base64, as far as its status. The error is an *api.Error.
func ReadResponse(encoded string) (Response, error) {
	if len(encoded) > 2*maxBytes {
		return Response{}, unreadable(unfit("over-1-mib"))
	}
	// Some identity providers break the base64 into lines.
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return Response{}, unreadable(unfit("not-base64"))
	}
	dec, root, err := open(bytes.NewReader(raw), "Response")
	if err != nil {
		return Response{}, unreadable(err)
	}
	r, path := Response{InResponseTo: attribute(root, "InResponseTo")}, []string{"Response"}
	var message strings.Builder
	for {
		token, err := dec.Token()
		if err != nil {
			return Response{}, unreadable(malformed())
		}
		switch t := token.(type) {
		case xml.StartElement:
			name := t.Name.Local
			if t.Name.Space != nsProtocol {
				name = "other"
			}
			if path = append(path, name); len(path) > maxDepth {
				return Response{}, unreadable(unfit("deep-xml"))
			}
			if name == "StatusCode" && len(path) > 2 && path[1] == "Status" {
				r.codes = append(r.codes, attribute(t, "Value"))
			}
		case xml.CharData:
			if strings.Join(path, "/") == "Response/Status/StatusMessage" {
				message.Write(t)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
			// Signature, Issuer and extensions come before the status, assertions after it.
			if len(path) == 0 || (len(path) == 1 && t.Name.Local == "Status" && t.Name.Space == nsProtocol) {
				r.message = message.String()
				return r, nil
			}
		}
	}
}

func unreadable(why error) error {
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "answer-unreadable", Params: map[string]string{"why": why.Error()},
		Err: fmt.Errorf("reading a SAML response: %w", why),
	}
}
