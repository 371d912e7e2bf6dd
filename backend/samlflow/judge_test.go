package samlflow_test

import (
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/samlflow"
)

// audienced makes a response for another audience.
func audienced(to string) spec {
	return spec{change: func(_ *saml.Response, a *saml.Assertion) { a.Conditions.AudienceRestrictions[0].Audience.Value = to }}
}

// TestServersToo: only the audience is left to the server; everything else is checked as strictly.
func TestServersToo(t *testing.T) {
	t.Parallel()
	x := expect()
	x.Judge = samlflow.ServersToo
	a, err := check(audienced("other").build(t), x)
	if err != nil || len(a.Remarks) != 1 || a.Remarks[0].Why != "saml-audience" ||
		a.Remarks[0].Params["got"] != "other" || a.Remarks[0].Params["want"] != "jellyfin-saml" {
		t.Errorf("another audience: %+v, %v", a, err)
	}
	a, err = check(spec{elements: func(_, a *etree.Element) {
		c := a.FindElement("./saml:Conditions")
		c.RemoveChild(c.FindElement("./saml:AudienceRestriction"))
	}}.build(t), x)
	if err != nil || len(a.Remarks) != 0 {
		t.Errorf("no audience: %+v, %v", a, err)
	}
	x.Audience = ""
	if a, err = check(audienced("other").build(t), x); err != nil || len(a.Remarks) != 0 {
		t.Errorf("nothing to compare with: %+v, %v", a, err)
	}
	strict(t, x)
}

// TestServersAlone: without a certificate, the response must still answer our request at our address, in time, in a form
// that every parser reads in the same way.
func TestServersAlone(t *testing.T) {
	t.Parallel()
	other := stranger()
	x := expect()
	x.Judge, x.Certificate, x.Audience = samlflow.ServersAlone, "", ""
	for name, s := range map[string]spec{
		"any signature": {by: &other}, "any audience": audienced("other"), "none": {unsigned: true},
		"no statement": {change: func(_ *saml.Response, a *saml.Assertion) { a.AuthnStatements = nil }},
	} {
		if a, err := check(s.build(t), x); err != nil || a.NameID != signedAs || len(a.Remarks) != 0 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	misdirected(t, x)
}

// strict checks what only ServersAlone skips, and misdirected what no judge skips.
func strict(t *testing.T, x samlflow.Expect) {
	t.Helper()
	other := stranger()
	for name, s := range map[string]spec{
		"another key": {by: &other}, "unsigned": {unsigned: true},
		"nobody signed in": {change: func(_ *saml.Response, a *saml.Assertion) { a.AuthnStatements = nil }},
		"no conditions":    {elements: func(_, a *etree.Element) { a.RemoveChild(a.FindElement("./saml:Conditions")) }},
	} {
		a, err := check(s.build(t), x)
		refused(t, a, err, api.CodeSignInInvalid, "refused")
		if err == nil {
			t.Error(name)
		}
	}
	for _, c := range attacks {
		if c.needs == "response" {
			continue
		}
		a, err := check(c.make(t, spec{}.build(t)), x)
		refused(t, a, err, api.CodeSignInInvalid, c.reason)
	}
	misdirected(t, x)
}

func misdirected(t *testing.T, x samlflow.Expect) {
	t.Helper()
	data := func(a *saml.Assertion) *saml.SubjectConfirmationData {
		return a.Subject.SubjectConfirmations[0].SubjectConfirmationData
	}
	for name, c := range map[string]struct {
		spec   spec
		reason string
	}{
		"different request":             {spec{change: func(r *saml.Response, _ *saml.Assertion) { r.InResponseTo = "_o" }}, "different request"},
		"no request":                    {spec{change: func(r *saml.Response, _ *saml.Assertion) { r.InResponseTo = "" }}, "different request"},
		"assertion for another request": {spec{change: func(_ *saml.Response, a *saml.Assertion) { data(a).InResponseTo = "_o" }}, "different request"},
		"assertion for no request":      {spec{change: func(_ *saml.Response, a *saml.Assertion) { data(a).InResponseTo = "" }}, "different request"},
		"another destination":           {spec{change: func(r *saml.Response, _ *saml.Assertion) { r.Destination = acs + "x" }}, "Destination"},
		"no destination, though signed": {spec{response: true, change: func(r *saml.Response, _ *saml.Assertion) { r.Destination = "" }}, "Destination"},
		"another recipient":             {spec{change: func(_ *saml.Response, a *saml.Assertion) { data(a).Recipient = "https://jf.example/sso" }}, "Recipient"},
		"over": {spec{change: func(_ *saml.Response, a *saml.Assertion) {
			data(a).NotOnOrAfter = now.Add(-5 * time.Minute)
		}}, "no longer valid"},
		"no confirmation": {spec{change: func(_ *saml.Response, a *saml.Assertion) { a.Subject.SubjectConfirmations = nil }}, "no bearer"},
	} {
		a, err := check(c.spec.build(t), x)
		if err == nil {
			t.Errorf("%s is taken", name)
		}
		refused(t, a, err, api.CodeSignInInvalid, c.reason)
	}
	two := edit(t, spec{}.build(t), func(root *etree.Element) { root.AddChild(evil(root.FindElement("./saml:Assertion"), "_evil")) })
	a, err := check(two, x)
	refused(t, a, err, api.CodeSignInInvalid, "more than one assertion")

	seen, response := &samlflow.Replay{}, posted(spec{}.build(t))
	if _, err := samlflow.Check(response, x, seen); err != nil {
		t.Error(err)
	}
	a, err = samlflow.Check(response, x, seen)
	refused(t, a, err, api.CodeSignInInvalid, "used before")
	for name, change := range map[string]func(*samlflow.Expect){
		"recipient": func(x *samlflow.Expect) { x.Recipient = "" },
		"request":   func(x *samlflow.Expect) { x.RequestID = "" },
		"time":      func(x *samlflow.Expect) { x.Now = time.Time{} },
	} {
		x := x
		change(&x)
		if a, err := check(spec{}.build(t), x); err == nil || a.NameID != "" {
			t.Errorf("believed without the %s", name)
		}
	}
}

// TestBehindTheRoot: the servers ignore comments and the like after the root element, and refuse text there.
func TestBehindTheRoot(t *testing.T) {
	t.Parallel()
	for _, s := range []spec{{}, {response: true}} {
		xml := s.build(t)
		for _, tail := range []string{"\n", " \t\r\n", "<!-- made by idp -->", "<?target data?>", "\n<!-- a --><?b?>\n"} {
			if a, err := check(append(append([]byte(nil), xml...), tail...), expect()); err != nil || a.NameID != signedAs {
				t.Errorf("%q: %v", tail, err)
			}
		}
		for _, tail := range []string{
			"x", "\n&#32;", "<![CDATA[ ]]>", "<a/>", "<!-- open", "<!-- a -- b -->", "<?xml version='1.0'?>", "<!DOCTYPE a>", "</a>", "\x00",
		} {
			a, err := check(append(append([]byte(nil), xml...), tail...), expect())
			if err == nil {
				t.Errorf("%q behind the root is taken", tail)
				continue
			}
			refused(t, a, err, api.CodeSignInInvalid, "refused")
		}
	}
}
