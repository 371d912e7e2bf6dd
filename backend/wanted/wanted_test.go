package wanted_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/unicode"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/wanted"
)

const marias = "9fd099570bd847c7827e9de2bc1844d0"

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRecordedFiles reads what real plugins have written.
func TestRecordedFiles(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]struct {
		format api.FileFormat
		links  int
		first  api.WantedLink
	}{
		"SSO-Auth-9p4.xml": {wanted.FormatXML, 18, api.WantedLink{
			Line: 27, Identity: api.Identity{Protocol: api.SAML, Provider: "sidp", Name: "maria"}, UserID: marias,
		}},
		"SSO-Auth-K0lin.xml":   {wanted.FormatXML, 18, api.WantedLink{}},
		"SSO-Auth-Flowfin.xml": {wanted.FormatXML, 18, api.WantedLink{}},
		"links-export.json": {wanted.FormatExport, 17, api.WantedLink{
			Line: 1, Identity: api.Identity{Protocol: api.OIDC, Provider: "idp", Name: "maria"}, UserName: "maria",
		}},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			set, err := wanted.Read(bytes.NewReader(read(t, file)), file, wanted.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if set.Format != want.format || len(set.Links) != want.links || set.Source != api.SourceDocument || set.Label != file {
				t.Errorf("format %s, %d links, %+v", set.Format, len(set.Links), set.Scope)
			}
			if d := cmp.Diff(want.first, set.Links[0]); want.first.Line > 0 && d != "" {
				t.Error(d)
			}
			lines := map[int]bool{}
			found := false
			for _, l := range set.Links {
				found = found || l.Name == "Zoë 漢字 😀" && l.Protocol == api.SAML
				if lines[l.Line] {
					t.Errorf("two links have the line %d", l.Line)
				}
				lines[l.Line] = true
				if l.UserID == "" && l.UserName == "" || l.Name == "" || l.Provider == "" {
					t.Errorf("%+v", l)
				}
			}
			if !found {
				t.Error("Zoë's link is missing")
			}
		})
	}
}

// TestOneProvider: of a file that names several providers, one can be chosen. The others are not spoken for then.
func TestOneProvider(t *testing.T) {
	t.Parallel()
	one := api.ProviderRef{Protocol: api.SAML, Provider: "sidp"}
	for _, file := range []string{"SSO-Auth-9p4.xml", "links-export.json"} {
		set, err := wanted.Read(bytes.NewReader(read(t, file)), file, wanted.Options{Provider: one})
		if err != nil || len(set.Links) == 0 || !slices.Equal(set.Scope, []api.ProviderRef{one}) {
			t.Fatalf("%s: %d links of %v, %v", file, len(set.Links), set.Scope, err)
		}
		for _, l := range set.Links {
			if l.Protocol != one.Protocol || l.Provider != one.Provider {
				t.Errorf("%s: %+v", file, l)
			}
		}
	}
}

func table(protocol api.Protocol, provider, name, id, account string, line int) []api.WantedLink {
	return []api.WantedLink{{
		Line: line, Identity: api.Identity{Protocol: protocol, Provider: provider, Name: name}, UserID: id, UserName: account,
	}}
}

func utf16(s string, e unicode.Endianness) string {
	out, err := unicode.UTF16(e, unicode.UseBOM).NewEncoder().String(s)
	if err != nil {
		panic(err)
	}
	return out
}

func TestTables(t *testing.T) {
	t.Parallel()
	known := []api.ProviderRef{{Protocol: api.OIDC, Provider: "kc"}, {Protocol: api.SAML, Provider: "adfs"}}
	marias := table(api.OIDC, "kc", "m-1", "", "maria", 2)
	for name, c := range map[string]struct {
		text    string
		options wanted.Options
		want    []api.WantedLink
	}{
		"commas":     {"protocol,provider,name,account\noidc,kc,m-1,maria\n", wanted.Options{}, marias},
		"semicolons": {"Provider;Account;Name;Protocol\nkc;maria;m-1;OpenID\n", wanted.Options{}, marias},
		"tabs":       {"name\taccount\tprovider\r\nm-1\tmaria\tkc\r\n", wanted.Options{Providers: known}, marias},
		"German":     {"Protokoll;Anbieter;Name beim Anbieter;Konto\noidc;kc;m-1;maria\n", wanted.Options{}, marias},
		"mark":       {"\ufeffprotocol,provider,name,account\noidc,kc,m-1,maria\n", wanted.Options{}, marias},
		"UTF-16 LE":  {utf16("protocol;provider;name;account\noidc;kc;m-1;maria\n", unicode.LittleEndian), wanted.Options{}, marias},
		"UTF-16 BE":  {utf16("protocol;provider;name;account\noidc;kc;m-1;maria\n", unicode.BigEndian), wanted.Options{}, marias},
		"chosen columns": {
			"wer,sub,name\nmaria,m-1,Maria L.\n",
			wanted.Options{
				Provider: known[0], Columns: map[wanted.Column]string{wanted.ColumnName: "SUB", wanted.ColumnAccount: "wer"},
			},
			marias,
		},
		"quotes, line numbers": {
			"name,account,provider\n\n\"a \"\"b\"\"\nc, d\",maria,adfs\n,,\n",
			wanted.Options{Providers: known},
			table(api.SAML, "adfs", "a \"b\"\nc, d", "", "maria", 3),
		},
		"ids": {
			"provider,name,account id\nkc, x ,9FD09957-0bd8-47c7-827e-9de2bc1844d0\n",
			wanted.Options{Providers: known},
			table(api.OIDC, "kc", " x ", "9fd099570bd847c7827e9de2bc1844d0", "", 2),
		},
		"formulas": {
			"protocol,provider,name,account\noidc,kc,'=1+1,'-maria\n", wanted.Options{}, table(api.OIDC, "kc", "=1+1", "", "-maria", 2),
		},
		"a line that names the separator": {
			"sep=;\r\nprovider;name;account\r\nkc;m-1;maria\r\n",
			wanted.Options{Providers: known},
			table(api.OIDC, "kc", "m-1", "", "maria", 3),
		},
		"an empty line first": {
			"\nprovider;name;account\nkc;m-1;maria\n", wanted.Options{Providers: known}, table(api.OIDC, "kc", "m-1", "", "maria", 3),
		},
		"a cell without a provider": {
			"provider,name,account\n,m-1,maria\n", wanted.Options{Providers: known, Provider: known[0]}, marias,
		},
		"an apostrophe that stays": {
			"protocol,provider,name,account\noidc,kc,'n Roll,maria\n", wanted.Options{}, table(api.OIDC, "kc", "'n Roll", "", "maria", 2),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := wanted.Read(strings.NewReader(c.text), "links.csv", c.options)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, set.Links); d != "" || set.Format != wanted.FormatTable {
				t.Errorf("format %s: %s", set.Format, d)
			}
		})
	}
}

// TestRefusedFiles: a file that is something else, or is damaged, gives a reason and nothing else.
func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	links := `{"format":"jellybind-links","version":1,"links":[` + "\n" + `{"protocol":"oidc","provider":"p","name":"n","userName":"u"}`
	for name, c := range map[string]struct {
		text string
		why  api.Why
		line string
	}{
		"empty":                 {" \n", "file-empty", ""},
		"a spreadsheet":         {"PK\x03\x04xl/", "file-zip", ""},
		"a program":             {"\x7fELF\x02\x00\x00", "file-binary", ""},
		"UTF-16 without a mark": {"a\x00,\x00b\x00", "file-binary", ""},
		"Latin-1":               {"name,account,provider\nZo\xeb,zoe,kc\n", "file-encoding", ""},
		"cut JSON":              {links, "file-cut", ""},
		"cut inside a link":     {links[:len(links)-3], "file-cut", ""},
		"broken JSON":           {links + "\n}", "file-broken", "3"},
		"more after JSON":       {links + "]}\n{}", "file-broken", "3"},
		"other JSON":            {`{"users":[{"id":"1"}]}`, "file-other", ""},
		"a JSON list":           {`[{"id":"1"}]`, "file-other", ""},
		"links of another kind": {`{"links":[]}`, "file-other", ""},
		"a later document":      {`{"format":"jellybind-links","version":2,"links":[]}`, "file-newer", ""},
		"a later export":        {`{"FormatVersion":2,"Links":[]}`, "file-newer", ""},
		"two lists":             {links + "]" + `,"Links":[]}`, "file-doubled", "2"},
		"a wrong type":          {strings.ReplaceAll(links, `"n"`, `5`) + "]}", "file-field", "2"},
		"no link":               {links + ",\n7]}", "file-link", "3"},
		"another protocol":      {strings.ReplaceAll(links, "oidc", "ldap") + "]}", "file-protocol", "2"},
		"a web page":            {"<!DOCTYPE html>\n<html></html>", "file-doctype", "1"},
		"other XML":             {"<feed><OidConfigs/></feed>", "file-other", ""},
		"XML without providers": {"<PluginConfiguration></PluginConfiguration>", "file-other", ""},
		"entities": {
			"<!DOCTYPE x [<!ENTITY a \"b\">]><PluginConfiguration><OidConfigs/></PluginConfiguration>", "file-doctype", "1",
		},
		"cut XML":          {"<PluginConfiguration>\n<OidConfigs>", "file-cut", ""},
		"broken XML":       {"<PluginConfiguration>\n<OidConfigs></b>\n</PluginConfiguration>", "file-broken", "2"},
		"another table":    {"date,amount\n2026-11-30,5\n", "file-columns", ""},
		"a sentence":       {"hello", "file-columns", ""},
		"no account":       {"provider,name\nkc,x\n", "file-columns", ""},
		"open quotes":      {"protocol,provider,name,account\noidc,kc,\"x,maria\n", "file-quotes", "2"},
		"two columns":      {"name,subject,account,provider\n", "file-two-columns", ""},
		"unknown provider": {"name,account,provider\nx,maria,nope\n", "file-no-protocol", "2"},
		"two protocols":    {"name,account,provider\nx,maria,both\n", "file-two-protocols", "2"},
		"too many links":   {"name,account,protocol,provider\n" + strings.Repeat("x,y,oidc,z\n", wanted.MaxLinks+1), "file-long", strconv.Itoa(wanted.MaxLinks + 2)},
		"too many providers": {
			"name,account,protocol,provider\n" + func() string {
				var b strings.Builder
				for i := range 1001 {
					fmt.Fprintf(&b, "x,y,oidc,%d\n", i)
				}
				return b.String()
			}(), "file-providers", "1002",
		},
		"no id":              {string(bytes.ReplaceAll(read(t, "SSO-Auth-9p4.xml"), []byte("9fd09957"), []byte("nobody"))), "file-id", "32"},
		"a column not there": {"a,b\n", "file-no-column", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := wanted.Options{Providers: []api.ProviderRef{{Protocol: api.OIDC, Provider: "both"}, {Protocol: api.SAML, Provider: "both"}}}
			if c.why == "file-no-column" {
				o.Columns = map[wanted.Column]string{wanted.ColumnName: "sub"}
			}
			set, err := wanted.Read(strings.NewReader(c.text), "links.file", o)
			e, ok := errors.AsType[*api.Error](err)
			if !ok || e.Code != api.CodeUsage || e.Why != c.why || e.Params["line"] != c.line || e.Params["file"] != "links.file" {
				t.Errorf("%v, want %s in line %q", err, c.why, c.line)
			}
			if len(set.Links) > 0 {
				t.Errorf("%d links were read", len(set.Links))
			}
		})
	}
}

// endless is a file without end.
type endless struct{ given int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.given += len(p)
	return len(p), nil
}

func TestEndlessFile(t *testing.T) {
	t.Parallel()
	var e endless
	_, err := wanted.Read(&e, "big.csv", wanted.Options{})
	if told, ok := errors.AsType[*api.Error](err); !ok || told.Why != "file-large" || e.given > 2*wanted.MaxBytes {
		t.Errorf("%v after %d bytes", err, e.given)
	}
}

// rosterOf makes a roster with one account for each name, which is linked by that name.
func rosterOf(names ...string) api.Roster {
	r := api.Roster{Taken: time.Unix(1, 0), Providers: []api.Provider{{Protocol: api.OIDC, Name: "kc"}, {Protocol: api.SAML, Name: "=adfs"}}}
	for i, n := range names {
		r.Accounts = append(r.Accounts, api.Account{
			User: api.User{ID: fmt.Sprintf("%032x", i), Name: "@" + n}, Exists: true,
			Identities: []api.Identity{{Protocol: api.OIDC, Provider: "kc", Name: n}, {Protocol: api.SAML, Provider: "=adfs", Name: n}},
		})
	}
	return r
}

// TestExportIsReadToTheLetter: what is exported and read again is the same set, to the letter.
func TestExportIsReadToTheLetter(t *testing.T) {
	t.Parallel()
	r := rosterOf("maria", "=1+1", "'=1", "''", "-x", "@y", "\tz", " blank ", "a\"b", "a;b,c", "line\nline", "00123", "312345678901234567", "1e5", "'7", "Zoë 漢字 😀", "<&>", `DOMAIN\user`)
	d := wanted.NewDocument(r, "https://media.example.com", nil)
	for name, write := range map[string]func(io.Writer) error{"JSON": d.WriteJSON, "CSV": d.WriteCSV} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			if name == "CSV" && (strings.Contains(b.String(), ",=") || strings.Contains(b.String(), ",00123")) {
				t.Errorf("a spreadsheet would run or change a name:\n%s", b.String())
			}
			set, err := wanted.Read(&b, "x", wanted.Options{})
			if err != nil {
				t.Fatal(err)
			}
			again := []wanted.DocumentLink{}
			for _, l := range set.Links {
				again = append(again, wanted.DocumentLink{
					Protocol: l.Protocol, Provider: l.Provider, Name: l.Name, UserName: l.UserName, UserID: l.UserID,
				})
			}
			if diff := cmp.Diff(d.Links, again); diff != "" {
				t.Error(diff)
			}
		})
	}
	if err := wanted.NewDocument(rosterOf("a\r\nb"), "", nil).WriteCSV(io.Discard); !api.IsCode(err, api.CodeUsage) {
		t.Error(err)
	}
	if some := wanted.NewDocument(r, "", d.Providers[:1]); len(some.Links) != len(d.Links)/2 || len(some.Providers) != 1 {
		t.Errorf("of one provider: %+v", some)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	kc := api.ProviderRef{Protocol: api.OIDC, Provider: "kc"}
	r := rosterOf("Maria", "bob")
	for text, want := range map[string]string{
		`{{.Account | lower}}@example.org`: "@maria@example.org @bob@example.org",
		`{{replace "@" "" .Account}}`:      "Maria bob",
		`{{.Name}}`:                        "rule-unreadable",
		`{{.Account`:                       "rule-unreadable",
		`{{range $i, $e := .ID}}{{range $.ID}}xxxxxxxxxxxxx{{end}}{{end}}`: "rule-unreadable",
		`{{printf "%2000s" .ID}}`: "rule-long",
	} {
		set, err := wanted.Rule(text, kc, r.Accounts)
		var got []string
		for _, l := range set.Links {
			got = append(got, l.Name)
		}
		if e, ok := errors.AsType[*api.Error](err); ok {
			got = []string{string(e.Why)}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q (%v), want %q", text, got, err, want)
		}
	}
}

func TestMapAndRename(t *testing.T) {
	t.Parallel()
	kc, adfs := api.ProviderRef{Protocol: api.OIDC, Provider: "kc"}, api.ProviderRef{Protocol: api.SAML, Provider: "=adfs"}
	r := rosterOf("maria", "bob")
	told := func(set api.WantedSet, err error) string {
		if err != nil {
			return err.Error()
		}
		var b strings.Builder
		for _, l := range set.Links {
			fmt.Fprintf(&b, "%d %s %s %s gone=%v %s\n", l.Line, l.Provider, l.Name, l.UserName, l.Gone, l.Why)
		}
		return b.String()
	}
	for name, c := range map[string]struct{ got, want string }{
		"map": {told(wanted.Map(r, kc, adfs, false), nil), `1 =adfs maria @maria gone=false 
1 kc maria @maria gone=true 
2 =adfs bob @bob gone=false 
2 kc bob @bob gone=true 
`},
		"map, keeping": {told(wanted.Map(r, kc, adfs, true), nil), "1 =adfs maria @maria gone=false \n2 =adfs bob @bob gone=false \n"},
		"rename": {
			told(wanted.Rename(strings.NewReader("new;old\nm1;maria\nx;nobody\n"), "names.csv", r, kc, false)),
			"2 kc m1 @maria gone=false \n2 kc maria @maria gone=true \n3 kc x  gone=false rename-unknown\n",
		},
		"rename to itself": {
			told(wanted.Rename(strings.NewReader("old,new\nmaria,maria\n"), "names.csv", r, kc, false)), "2 kc maria @maria gone=false \n",
		},
		"map to itself": {told(wanted.Map(r, kc, kc, false), nil), "1 kc maria @maria gone=false \n2 kc bob @bob gone=false \n"},
		"rename with two titles": {
			told(wanted.Rename(strings.NewReader("old,new,alt\n"), "names.csv", r, kc, false)),
			"usage (file-two-columns): column alt, columns old, new, alt, file names.csv",
		},
		"rename without titles": {
			told(wanted.Rename(strings.NewReader("maria;m1\n"), "names.csv", r, kc, false)),
			"usage (file-pair): columns maria, m1, file names.csv",
		},
		"another server": {
			told(wanted.FromServer(rosterOf("maria"), "old", []api.ProviderRef{kc}), nil), "1 kc maria @maria gone=false \n",
		},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"SSO-Auth-9p4.xml", "SSO-Auth-Flowfin.xml", "links-export.json"} {
		f.Add(read(f, name))
	}
	f.Add([]byte("name;account;provider\nx;\"y\";z\n"))
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte(`{"format":"jellybind-links","version":1,"links":[{"protocol":"saml"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := wanted.Options{Providers: []api.ProviderRef{{Protocol: api.OIDC, Provider: "z"}}}
		set, err := wanted.Read(bytes.NewReader(data), "x", o)
		if e, ok := errors.AsType[*api.Error](err); err != nil && (!ok || e.Why == "" || len(set.Links) > 0) {
			t.Fatalf("%v with %d links", err, len(set.Links))
		}
		last := 0
		for _, l := range set.Links {
			if l.Line <= last {
				t.Fatalf("line %d after %d", l.Line, last)
			}
			last = l.Line
		}
	})
}

func BenchmarkRead(b *testing.B) {
	names := make([]string, 50_000)
	for i := range names {
		names[i] = fmt.Sprint("person-", i)
	}
	var file bytes.Buffer
	if err := wanted.NewDocument(rosterOf(names...), "", nil).WriteJSON(&file); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if set, err := wanted.Read(bytes.NewReader(file.Bytes()), "x", wanted.Options{}); err != nil || len(set.Links) != 100_000 {
			b.Fatal(err)
		}
	}
}
