package samlmsg

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

const envelope = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="r" InResponseTo="_1">`

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestReadResponse(t *testing.T) {
	t.Parallel()
	const success = `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`
	const denied = `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder">` +
		`<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:RequestDenied"/></samlp:StatusCode>` +
		`<samlp:StatusMessage>not in the <!-- x -->group</samlp:StatusMessage></samlp:Status>`
	const end = `</samlp:Response>`
	for _, c := range []struct {
		name, in string
		success  bool
		request  string
		reason   string
	}{
		{"success", encode(envelope + success + `<Assertion/>` + end), true, "_1", "Success"},
		{"in lines", strings.ReplaceAll(encode(envelope+success+end), "U", "\r\nU"), true, "_1", "Success"},
		{"denied", encode(envelope + `<Issuer>x</Issuer>` + denied + end), false, "_1", "RequestDenied: not in the group"},
		{"no status", encode(envelope + end), false, "_1", "no status"},
		{"no request", encode(strings.Replace(envelope, "InResponseTo", "Other", 1) + success + end), true, "", "Success"},
		{
			"foreign attribute", encode(strings.Replace(envelope, "InResponseTo", `xmlns:x="y" x:InResponseTo`, 1) + success + end),
			true, "", "Success",
		},
		{
			"a status inside something else",
			encode(envelope + `<samlp:Extensions>` + success + `</samlp:Extensions>` + denied + end),
			false, "_1", "RequestDenied: not in the group",
		},
		{
			"a status of another namespace",
			encode(envelope + strings.ReplaceAll(success, "samlp:", "") + end),
			false, "_1", "no status",
		},
		{
			"only inside counts for nothing", encode(envelope + `<samlp:Status><samlp:StatusCode Value="x">` +
				`<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:StatusCode></samlp:Status>` + end),
			false, "_1", "Success",
		},
	} {
		r, err := ReadResponse(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if r.Success() != c.success || r.InResponseTo != c.request || r.Reason() != c.reason {
			t.Errorf("%s: success %t, to %q, %q", c.name, r.Success(), r.InResponseTo, r.Reason())
		}
	}
	for name, in := range map[string]string{
		"empty": "", "no base64": "<x>", "no XML": encode("x"), "cut off": encode(envelope), "url-safe base64": "_-8=",
		"document type": encode(`<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + envelope + success + end),
		"entity":        encode(strings.Replace(envelope, "_1", "&e;", 1) + success + end),
		"request":       encode(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>`),
		"other root":    encode(`<Response InResponseTo="_1"/>`),
		"too deep":      encode(envelope + strings.Repeat("<a>", 70) + strings.Repeat("</a>", 70) + success + end),
	} {
		if r, err := ReadResponse(in); !api.IsCode(err, api.CodeSignInInvalid) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// TestReadResponseTakesLinearTime reads a form's worth of elements inside one another. A page in
// the browser can post it.
func TestReadResponseTakesLinearTime(t *testing.T) {
	t.Parallel()
	in := encode(envelope + strings.Repeat("<a>x", 190_000))
	began := time.Now()
	if _, err := ReadResponse(in); err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func FuzzReadResponse(f *testing.F) {
	f.Add(envelope)
	f.Add(envelope + `<samlp:Status><samlp:StatusCode Value="x"/></samlp:Status></samlp:Response>`)
	f.Add(`<!DOCTYPE x><x/>`)
	f.Fuzz(func(t *testing.T, message string) {
		r, err := ReadResponse(encode(message))
		if err == nil && strings.HasPrefix(strings.TrimSpace(message), "<!DOCTYPE") {
			t.Fatalf("a document type: %+v", r)
		}
		if err != nil && (r.InResponseTo != "" || r.Success()) {
			t.Fatalf("a result with an error: %+v", r)
		}
	})
}
