package samlflow_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/samlflow"
)

// attack turns a rightly signed response into one that says evilName.
type attack struct {
	name string
	// needs says which signature the attack steals: "assertion", "response" or "" for any.
	needs string
	make  func(t testing.TB, xml []byte) []byte
	// reason is the check that must stop it.
	reason string
}

// onTree is an attack on the tree.
func onTree(change func(root, assertion *etree.Element)) func(testing.TB, []byte) []byte {
	return func(t testing.TB, xml []byte) []byte {
		t.Helper()
		return edit(t, xml, func(root *etree.Element) { change(root, root.FindElement("./saml:Assertion")) })
	}
}

// inText is an attack on the text.
func inText(old, by string) func(testing.TB, []byte) []byte {
	return func(t testing.TB, xml []byte) []byte {
		t.Helper()
		return replace(t, xml, old, by)
	}
}

// evil copies an element, gives it another ID and another name, and leaves its signature out.
func evil(e *etree.Element, id string) *etree.Element {
	c := e.Copy()
	if id != "" {
		c.CreateAttr("ID", id)
	}
	for _, s := range c.FindElements("//ds:Signature") {
		s.Parent().RemoveChild(s)
	}
	for _, s := range c.FindElements("./ds:Signature") {
		c.RemoveChild(s)
	}
	for _, n := range c.FindElements("//saml:NameID") {
		n.SetText(evilName)
	}
	return c
}

// become replaces root by another element.
func become(root, other *etree.Element) {
	root.Attr, root.Child = nil, nil
	for _, a := range other.Attr {
		root.CreateAttr(a.FullKey(), a.Value)
	}
	for _, c := range append([]etree.Token(nil), other.Child...) {
		root.AddChild(c)
	}
}

// attacks are the eight ways of signature wrapping (Somorovsky et al., numbered as in SAML Raider), with and without
// another ID, and the tricks on parsers, comments, entities and references that broke other service providers.
var attacks = []attack{
	{"XSW1: the signed response inside the signature of an evil one", "response", onTree(func(root, _ *etree.Element) {
		original, e := root.Copy(), evil(root, "_evil")
		signature := original.FindElement("./ds:Signature").Copy()
		original.RemoveChild(original.FindElement("./ds:Signature"))
		signature.AddChild(original)
		e.InsertChildAt(1, signature)
		become(root, e)
	}), "response within the response"},
	{"XSW2: the signed response next to the detached signature", "response", onTree(func(root, _ *etree.Element) {
		original, e := root.Copy(), evil(root, "_evil")
		signature := original.FindElement("./ds:Signature").Copy()
		original.RemoveChild(original.FindElement("./ds:Signature"))
		e.InsertChildAt(1, original)
		e.InsertChildAt(2, signature)
		become(root, e)
	}), "response within the response"},
	{"XSW3: an evil assertion before the signed one", "assertion", onTree(func(root, a *etree.Element) {
		root.InsertChildAt(a.Index(), evil(a, "_evil"))
	}), "more than one assertion"},
	{"XSW3b: an evil assertion behind the signed one", "assertion", onTree(func(root, a *etree.Element) {
		root.AddChild(evil(a, "_evil"))
	}), "more than one assertion"},
	{"XSW4: the signed assertion inside an evil one", "assertion", onTree(func(root, a *etree.Element) {
		e := evil(a, "_evil")
		root.RemoveChild(a)
		e.AddChild(a)
		root.AddChild(e)
	}), "assertion in the wrong place"},
	{"XSW5: the evil assertion has the signature, the original stands behind", "assertion", onTree(func(root, a *etree.Element) {
		e, signature := evil(a, "_evil"), a.FindElement("./ds:Signature")
		a.RemoveChild(signature)
		e.InsertChildAt(1, signature)
		root.InsertChildAt(a.Index(), e)
	}), "more than one assertion"},
	{"XSW6: the original inside the signature of the evil assertion", "assertion", onTree(func(root, a *etree.Element) {
		e, signature := evil(a, "_evil"), a.FindElement("./ds:Signature")
		root.RemoveChild(a)
		a.RemoveChild(signature)
		signature.AddChild(a)
		e.InsertChildAt(1, signature)
		root.AddChild(e)
	}), "assertion in the wrong place"},
	{"XSW7: an evil assertion in Extensions", "assertion", onTree(func(root, a *etree.Element) {
		x := etree.NewElement("samlp:Extensions")
		x.AddChild(evil(a, ""))
		root.InsertChildAt(1, x)
	}), "assertion in the wrong place"},
	{"XSW8: the original in an Object of the evil assertion's signature", "assertion", onTree(func(root, a *etree.Element) {
		e, signature := evil(a, ""), a.FindElement("./ds:Signature")
		root.RemoveChild(a)
		a.RemoveChild(signature)
		signature.CreateElement("ds:Object").AddChild(a)
		e.InsertChildAt(1, signature)
		root.AddChild(e)
	}), "assertion in the wrong place"},
	{"an element with the signed ID before the assertion", "assertion", onTree(func(root, a *etree.Element) {
		x := etree.NewElement("samlp:Extensions")
		x.CreateAttr("Id", a.SelectAttrValue("ID", ""))
		root.InsertChildAt(1, x)
	}), "same ID twice"},
	{"XSW8b: as XSW8, with another ID", "assertion", onTree(func(root, a *etree.Element) {
		e, signature := evil(a, "_evil"), a.FindElement("./ds:Signature")
		root.RemoveChild(a)
		a.RemoveChild(signature)
		signature.CreateElement("ds:Object").AddChild(a)
		e.InsertChildAt(1, signature)
		root.AddChild(e)
	}), "assertion in the wrong place"},
	{"the original hidden under another name in the signature's Object", "assertion", onTree(func(root, a *etree.Element) {
		e, signature := evil(a, "_evil"), a.FindElement("./ds:Signature")
		root.RemoveChild(a)
		a.RemoveChild(signature)
		a.Tag = "Hidden"
		signature.CreateElement("ds:Object").AddChild(a)
		e.InsertChildAt(1, signature)
		root.AddChild(e)
	}), "parts other than SignedInfo"},
	{"the signature in an evil assertion of another ID", "assertion", onTree(func(root, a *etree.Element) {
		e, signature := evil(a, "_evil"), a.FindElement("./ds:Signature")
		a.RemoveChild(signature)
		e.InsertChildAt(1, signature)
		root.RemoveChild(a)
		root.AddChild(e)
	}), "covers another element"},
	{"an evil subject before the signed one", "", onTree(func(_, a *etree.Element) {
		s := a.FindElement("./saml:Subject")
		a.InsertChildAt(s.Index(), evil(s, ""))
	}), "changed on the way"},
	{"the name in an assertion of no namespace", "assertion", onTree(func(root, a *etree.Element) {
		e := evil(a, "_evil")
		e.Space = ""
		root.InsertChildAt(0, e)
	}), "assertion in the wrong place"},
	{"the evil assertion in another namespace of the same prefix", "assertion", onTree(func(root, a *etree.Element) {
		e := evil(a, "_evil")
		e.CreateAttr("xmlns:saml", "urn:oasis:names:tc:SAML:1.0:assertion")
		root.InsertChildAt(0, e)
	}), "assertion in the wrong place"},
	{"the signature moved to the status", "assertion", onTree(func(root, a *etree.Element) {
		root.FindElement("./samlp:Status").AddChild(a.FindElement("./ds:Signature"))
	}), "signature in the wrong place"},
	{"the signature moved into the subject", "assertion", onTree(func(_, a *etree.Element) {
		a.FindElement("./saml:Subject").AddChild(a.FindElement("./ds:Signature"))
	}), "signature in the wrong place"},
	{"the assertion's signature moved to the response", "assertion", onTree(func(root, a *etree.Element) {
		root.InsertChildAt(1, a.FindElement("./ds:Signature"))
		a.FindElement("//saml:NameID").SetText(evilName)
	}), "covers another element"},
	{"the signature twice", "", onTree(func(root, _ *etree.Element) {
		s := root.FindElement("//ds:Signature")
		s.Parent().AddChild(s.Copy())
	}), "signature twice"},
	{"no signature any more", "", onTree(func(root, _ *etree.Element) {
		become(root, evil(root, ""))
	}), "not signed"},
	{"a signature of no namespace", "", inText(`xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`, `xmlns:ds="urn:none"`), "signature in the wrong place"},
	{"an empty reference", "", onTree(func(root, _ *etree.Element) {
		root.FindElement("//ds:Reference").CreateAttr("URI", "")
	}), "changed on the way"},
	{"a second reference", "", onTree(func(root, _ *etree.Element) {
		info := root.FindElement("//ds:SignedInfo")
		info.AddChild(info.FindElement("./ds:Reference").Copy())
	}), "more than one reference"},
	{"a second SignedInfo", "", onTree(func(root, _ *etree.Element) {
		s := root.FindElement("//ds:Signature")
		s.InsertChildAt(0, s.FindElement("./ds:SignedInfo").Copy())
	}), "parts other than SignedInfo"},
	{"a second digest value, as in CVE-2025-29775", "", onTree(func(root, _ *etree.Element) {
		v := root.FindElement("//ds:DigestValue")
		v.InsertChildAt(0, etree.NewText("AAAA"))
	}), "changed on the way"},
	{"a transform more", "", onTree(func(root, _ *etree.Element) {
		root.FindElement("//ds:Transforms").CreateElement("ds:Transform").CreateAttr("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")
	}), "changed on the way"},
	{"a comment in the name", "", inText(">"+signedAs, ">ada@example.org<!-- -->"), "a comment"},
	{"a comment that cuts the name", "", inText(">"+signedAs, ">ada<!---->@example.org"), "a comment"},
	{"a comment in the signed digest, as in CVE-2025-29775", "", inText("<ds:DigestValue>", "<ds:DigestValue><!--AAAA-->"), "a comment"},
	{"a comment outside", "", inText("<samlp:Response", "<!-- --><samlp:Response"), "a comment"},
	{"a processing instruction in the name", "", inText(">"+signedAs, ">ada@<?x y?>example.org"), "processing instruction"},
	{"a style sheet", "", inText("<samlp:Response", `<?xml-stylesheet href="x"?><samlp:Response`), "processing instruction"},
	{"a DTD", "", inText("<samlp:Response", `<!DOCTYPE r [<!ENTITY n "root@example.org">]><samlp:Response`), "DTD"},
	{"an external entity", "", func(t testing.TB, xml []byte) []byte {
		t.Helper()
		xml = replace(t, xml, "<samlp:Response", `<!DOCTYPE r SYSTEM "file:///etc/passwd"><samlp:Response`)
		return replace(t, xml, ">"+signedAs, ">&n;")
	}, "DTD"},
	{"an entity that nobody declared", "", inText(">"+signedAs, ">&n;"), "well-formed"},
	{"a billion laughs", "", inText("<samlp:Response",
		`<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]><samlp:Response`), "DTD"},
	{"an ID twice in one tag", "", inText(`ID="_`, `ID="_evil" ID="_`), "attribute twice"},
	{"two roots", "", func(_ testing.TB, xml []byte) []byte { return bytes.Repeat(xml, 2) }, "well-formed"},
	{"text behind", "", func(_ testing.TB, xml []byte) []byte { return append(bytes.Clone(xml), 'x') }, "well-formed"},
	{"an open end", "", func(_ testing.TB, xml []byte) []byte { return xml[:len(xml)-3] }, "well-formed"},
	{"UTF-7", "", inText("<samlp:Response", `<?xml version="1.0" encoding="UTF-7"?><samlp:Response`), "well-formed"},
	{"invalid UTF-8", "", inText(">"+signedAs, ">ad\xffa"), "UTF-8"},
	{"a name with two colons", "", inText("<saml:NameID ", "<saml:x:NameID "), "refused"},
	{"a prefix that changes in reading", "", inText("<saml:NameID ", `<saml:NameID :a="x" `), "refused"},
	{"a thousand levels", "", inText(">"+signedAs, ">"+strings.Repeat("<a>", 1000)+strings.Repeat("</a>", 1000)+signedAs), "too deep"},
	{"a million elements", "", inText(">"+signedAs, ">"+strings.Repeat("<a/>", 100_000)+signedAs), "too deep"},
	{"a thousand attributes", "", func(t testing.TB, xml []byte) []byte {
		t.Helper()
		var b strings.Builder
		for i := range 1000 {
			b.WriteString(" a" + strings.Repeat("x", i%50) + string(rune('a'+i/50)) + `="1"`)
		}
		return replace(t, xml, "<saml:NameID", "<saml:NameID"+b.String())
	}, "too deep"},
	{"another root", "", inText("<samlp:Response", "<samlp:LogoutResponse"), "well-formed"},
	{"a bare assertion", "", func(t testing.TB, xml []byte) []byte {
		t.Helper()
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(xml); err != nil {
			t.Fatal(err)
		}
		doc.SetRoot(doc.FindElement("//saml:Assertion").Copy())
		b, err := doc.WriteToBytes()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}, "not a SAML 2.0 response"},
}

// signings are the ways in which identity providers sign.
var signings = map[string]spec{
	"assertion": {}, "response": {response: true}, "both": {response: true, assertion: true},
}

func TestHostileCorpus(t *testing.T) {
	t.Parallel()
	for how, s := range signings {
		valid := s.build(t)
		if a, err := check(valid, expect()); err != nil || a.NameID != signedAs {
			t.Fatalf("%s: the corpus' start is refused: %v", how, err)
		}
		for _, c := range attacks {
			if c.needs != "" && c.needs != how && how != "both" {
				continue
			}
			t.Run(c.name+"/"+how, func(t *testing.T) {
				t.Parallel()
				xml := c.make(t, valid)
				if bytes.Equal(xml, valid) {
					t.Fatal("the attack changed nothing")
				}
				a, err := check(xml, expect())
				reason := c.reason
				// Where both are signed, the other signature may be the one that is broken first.
				if how == "both" || c.needs == "" && how == "response" {
					reason = "refused"
				}
				refused(t, a, err, api.CodeSignInInvalid, reason)
			})
		}
	}
}

// fixed are responses that were signed once by a key that is gone, so that fuzzing finds the same files at every start.
func fixed(t testing.TB) (certificate string, responses map[string][]byte) {
	t.Helper()
	responses = map[string][]byte{}
	if os.Getenv("JELLYBIND_UPDATE") != "" {
		for how, s := range signings {
			if err := os.WriteFile(filepath.Join("testdata", how+".xml"), s.build(t), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join("testdata", "certificate.txt"), []byte(provider().base64()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for how := range signings {
		b, err := os.ReadFile(filepath.Join("testdata", how+".xml"))
		if err != nil {
			t.Fatal(err)
		}
		responses[how] = b
	}
	b, err := os.ReadFile(filepath.Join("testdata", "certificate.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b), responses
}

// FuzzCheck: whatever is done to a signed response, either it is refused, or it says exactly what was signed.
func FuzzCheck(f *testing.F) {
	certificate, responses := fixed(f)
	x := expect()
	x.Certificate = certificate
	var want samlflow.Assertion
	for how, xml := range responses {
		a, err := check(xml, x)
		if err != nil {
			f.Fatalf("%s: %v", how, err)
		}
		want = a
		f.Add(xml)
		for _, c := range attacks {
			if c.needs == "" || c.needs == how || how == "both" {
				if b := c.make(f, xml); len(b) < 20_000 {
					f.Add(b)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, xml []byte) {
		got, err := check(xml, x)
		if err == nil {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("believed what nobody signed: %s", diff)
			}
		} else if got.NameID != "" {
			t.Errorf("a name came out of what was refused: %v", err)
		}
		// These accept anything that is well-formed; they must not crash.
		_, _ = samlflow.NameID(posted(xml))
		_, _ = samlflow.InResponseTo(posted(xml))
	})
}

func BenchmarkCheck(b *testing.B) {
	certificate, responses := fixed(b)
	x := expect()
	x.Certificate = certificate
	for how, xml := range responses {
		b.Run(how, func(b *testing.B) {
			for b.Loop() {
				if _, err := check(xml, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzRearrange moves, copies, removes and renames the elements of a signed response, and puts evilName into them: the space in
// which signature wrapping lives. Each operation takes three bytes: what, from, to.
func FuzzRearrange(f *testing.F) {
	certificate, responses := fixed(f)
	x := expect()
	x.Certificate = certificate
	f.Add(uint8(0), []byte{1, 9, 0, 3, 40, 0})
	f.Add(uint8(1), []byte{0, 6, 2, 1, 0, 0, 4, 1, 0})
	f.Add(uint8(2), []byte{2, 3, 0, 5, 0, 3, 1, 1, 1, 3, 30, 0, 6, 2, 2})
	order := []string{"assertion", "response", "both"}
	f.Fuzz(func(t *testing.T, which uint8, ops []byte) {
		if len(ops) > 60 {
			return
		}
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(responses[order[int(which)%len(order)]]); err != nil {
			t.Fatal(err)
		}
		for ; len(ops) >= 3; ops = ops[3:] {
			all := append([]*etree.Element{doc.Root()}, doc.Root().FindElements("//*")...)
			from, to := all[int(ops[1])%len(all)], all[int(ops[2])%len(all)]
			switch ops[0] % 8 {
			case 0: // move
				if from != doc.Root() && !within(to, from) {
					from.Parent().RemoveChild(from)
					to.InsertChildAt(int(ops[0]/8)%(len(to.Child)+1), from)
				}
			case 1: // copy
				to.InsertChildAt(int(ops[0]/8)%(len(to.Child)+1), from.Copy())
			case 2: // remove
				if from != doc.Root() {
					from.Parent().RemoveChild(from)
				}
			case 3: // other text
				from.SetText(evilName)
			case 4: // an ID of another element, or a new one
				from.CreateAttr("ID", to.SelectAttrValue("ID", "_evil"))
			case 5: // a copy that names another person, under another ID
				to.InsertChildAt(int(ops[0]/8)%(len(to.Child)+1), evil(from, "_evil"))
			case 6: // other name
				from.Space, from.Tag = to.Space, to.Tag
			case 7: // refer to another element
				from.CreateAttr("URI", "#"+to.SelectAttrValue("ID", ""))
			}
		}
		xml, err := doc.WriteToBytes()
		if err != nil || len(xml) > 1<<20 {
			return
		}
		got, err := check(xml, x)
		if err == nil && (got.NameID != signedAs || got.ID != "_assertion-1" || got.Issuer != issuer || len(got.Attributes) != 1) {
			t.Errorf("believed what nobody signed: %+v\n%s", got, xml)
		}
		if err != nil && got.NameID != "" {
			t.Errorf("a name came out of what was refused: %v", err)
		}
	})
}

// within tells whether e is inside of, or is, outer.
func within(e, outer *etree.Element) bool {
	for ; e != nil; e = e.Parent() {
		if e == outer {
			return true
		}
	}
	return false
}
