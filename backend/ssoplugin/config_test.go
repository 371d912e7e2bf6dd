package ssoplugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
)

const (
	alice  = "290dae1fd8044a21bb6ad53500000001"
	dashed = "290dae1f-d804-4a21-bb6a-d53500000002"
	bob    = "290dae1fd8044a21bb6ad53500000002"
	carol  = "290dae1fd8044a21bb6ad53500000003"
)

// parsed reads one provider's object as it is read from a document.
func parsed(raw []byte) (provider, error) {
	if !json.Valid(raw) {
		return provider{}, errors.New("no JSON")
	}
	return parseProvider("p", raw)
}

func TestWithLinksKeepsEveryOtherByte(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, raw, want string
		change          func(map[string]string)
	}{
		{
			name: "add, in the order of names, after what is there",
			raw:  `{"OidSecret":"s\u002Bx","N":1.50e1,"CanonicalLinks":{"z":"` + alice + `"},"Later" : [ ] }`,
			want: `{"OidSecret":"s\u002Bx","N":1.50e1,"CanonicalLinks":{"z":"` + alice + `","a+b":"` + carol + `","b":"` + carol +
				`"},"Later" : [ ] }`,
			change: func(m map[string]string) { m["b"], m["a+b"] = carol, carol },
		},
		{
			name:   "escapes and dashed ids of the links that stay",
			raw:    `{"CanonicalLinks":{ "a\u002Bb" : "` + dashed + `", "c":"` + alice + `"}}`,
			want:   `{"CanonicalLinks":{"a\u002Bb":"` + dashed + `"}}`,
			change: func(m map[string]string) { delete(m, "c") },
		},
		{
			name:   "move",
			raw:    `{"CanonicalLinks":{"a\u002Bb":"` + dashed + `","c":"` + alice + `"},"X":null}`,
			want:   `{"CanonicalLinks":{"a\u002Bb":"` + carol + `","c":"` + alice + `"},"X":null}`,
			change: func(m map[string]string) { m["a+b"] = carol },
		},
		{
			name:   "what is no id stays",
			raw:    `{"CanonicalLinks":{"odd":"not-an-ID","c":"` + alice + `"}}`,
			want:   `{"CanonicalLinks":{"odd":"not-an-ID"}}`,
			change: func(m map[string]string) { delete(m, "c") },
		},
		{
			name: "no such field", raw: `{"A":1}`, want: `{"A":1,"CanonicalLinks":{"n":"` + carol + `"}}`,
			change: func(m map[string]string) { m["n"] = carol },
		},
		{
			name: "no field at all", raw: `{ }`, want: `{ "CanonicalLinks":{"n":"` + carol + `"}}`,
			change: func(m map[string]string) { m["n"] = carol },
		},
		{
			name: "null", raw: `{"CanonicalLinks":null,"A":{"CanonicalLinks":{"x":1}}}`,
			want:   `{"CanonicalLinks":{"n":"` + carol + `"},"A":{"CanonicalLinks":{"x":1}}}`,
			change: func(m map[string]string) { m["n"] = carol },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := parsed([]byte(tt.raw))
			if err != nil {
				t.Fatal(err)
			}
			links := c.links()
			tt.change(links)
			if diff := cmp.Diff(tt.want, string(c.withLinks(links).raw)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStrangeConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		``, `null`, `[]`, `"x"`, `{`, `{"a":1`, `{"a":1}x`, `{"a":1}{}`, `{"a":}`, `{"a" 1}`,
		`{"CanonicalLinks":[]}`, `{"CanonicalLinks":"x"}`, `{"CanonicalLinks":{"a":1}}`, `{"CanonicalLinks":{"a":null}}`,
		`{"canonicalLinks":{}}`, `{"CanonicalLinks":{},"CANONICALLINKS":{}}`, `{"CanonicalLinks":{},"CanonicalLinks":{}}`,
		`{"CanonicalLinks":{"a":"x","\u0061":"y"}}`, `{"OidSecret":"a","OidSecret":"b"}`, `{"Enabled":true,"enabled":false}`,
	} {
		if c, err := parsed([]byte(raw)); err == nil {
			t.Errorf("%s: taken as %d links", raw, len(c.entries))
		}
	}
	for _, raw := range []string{`{"p":{},"p":{}}`, `{"p":[]}`, `[]`, `{"p":{"CanonicalLinks":[]}}`} {
		if _, err := (document{opaque{[]byte(raw)}}).providers(); !api.IsCode(err, api.CodeServerAnswer) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	// The error names the field of the wrong type, and no value.
	for raw, field := range map[string]string{
		`{"p":{"CanonicalLinks":{"maria":7}}}`: "p › CanonicalLinks › maria",
		`{"p":{"Enabled":"yes"}}`:              "p › Enabled",
		`{"p":{"OidEndpoint":5551234}}`:        "p › OidEndpoint",
	} {
		all, err := document{opaque{[]byte(raw)}}.providers()
		if err == nil {
			_, err = new(Plugin).describe(api.OIDC, all[0])
		}
		e, ok := errors.AsType[*api.Error](err)
		if !ok || e.Why != "plugin-field" || e.Params["field"] != field || strings.Contains(fmt.Sprint(e, e.Params, e.Err), "5551234") {
			t.Errorf("%s: %v", raw, err)
		}
	}
	// Names that differ by case are two providers, and two identities.
	all, err := document{opaque{[]byte(`{"p":{"CanonicalLinks":{"a":"x","A":"x"}},"P":{}}`)}}.providers()
	if err != nil || len(all) != 2 || len(all[0].entries) != 2 {
		t.Errorf("got %d providers, %v", len(all), err)
	}
}

func TestConfigurationsShowNothing(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	doc := document{opaque{[]byte(`{"p":{"OidSecret":"` + secret + `","CanonicalLinks":{"a":"` + alice + `"}}}`)}}
	all, err := doc.providers()
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "doc", doc, "provider", all[0], "all", all)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "doc", doc, "provider", all[0], "all", all)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&logged, verb+verb+verb, doc, all, &all[0])
	}
	shown := string(asJSON) + logged.String()
	if strings.Contains(shown, secret) || strings.Contains(shown, fmt.Sprintf("%x", secret)) {
		t.Error("a client secret is shown: " + shown)
	}
}

// FuzzWithLinks checks the replacement against a decoder: whatever the configuration, the new one means the same but for
// its links, its bytes around them are the same, and its links are those that were asked for.
func FuzzWithLinks(f *testing.F) {
	f.Add([]byte(`{"OidSecret":"s\u002Bx","CanonicalLinks":{"z":"`+alice+`"},"Later" : [ ] }`), "z", "neu/ö\"")
	f.Add([]byte("{ \"A\" :1e400 ,\n\"CanonicalLinks\": { \"a\\u002Bb\" : \""+dashed+"\" , \"c\":\"x\" } }"), "a+b", "c")
	f.Add([]byte(`{}`), "", "x")
	f.Add([]byte(` {"CanonicalLinks":null , "\ud800":"\ud83d\ude00"} `), "x", "y")
	f.Add([]byte(`{"a":{"CanonicalLinks":{}},"b":"}"}`), "x", "y")
	f.Fuzz(func(t *testing.T, raw []byte, gone, added string) {
		c, err := parsed(raw)
		if err != nil || !utf8.ValidString(added) {
			return
		}
		links := c.links()
		delete(links, gone)
		links[added] = carol
		out := c.withLinks(links).raw

		back, err := parsed(out)
		if err != nil {
			t.Fatalf("%q became %q: %v", raw, out, err)
		}
		if got := back.links(); !maps.Equal(got, links) {
			t.Errorf("links %q, want %q", got, links)
		}
		if c.at != nowhere {
			b1, b2 := c.outside()
			a1, a2 := back.outside()
			if !bytes.Equal(b1, a1) || !bytes.Equal(b2, a2) {
				t.Errorf("%q became %q", raw, out)
			}
		}
		before, after := map[string]json.RawMessage{}, map[string]json.RawMessage{}
		if json.Unmarshal(raw, &before) != nil || json.Unmarshal(out, &after) != nil {
			t.Fatalf("%q became %q", raw, out)
		}
		delete(before, linksKey)
		delete(after, linksKey)
		if diff := cmp.Diff(before, after); diff != "" {
			t.Error(diff)
		}
		// The links that stay are the server's own bytes.
		for _, e := range c.entries {
			if links[e.name] == e.user && e.name != gone {
				kept := string(c.raw[e.key.start:e.key.end]) + ":" + string(c.raw[e.val.start:e.val.end])
				if !strings.Contains(string(out), kept) {
					t.Errorf("%s is gone from %s", kept, out)
				}
			}
		}
	})
}

// FuzzEscapeSegment checks that a segment decodes to the name, and addresses nothing but itself.
func FuzzEscapeSegment(f *testing.F) {
	for _, s := range []string{"a b+c%20d", "100%", "Zoë 漢字 😀", `DOMAIN\user`, "a?b#c;d", "..;x", "\x00\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		escaped := escapeSegment(name)
		got, err := url.PathUnescape(escaped)
		if err != nil || got != name {
			t.Errorf("%q became %q: %q, %v", name, escaped, got, err)
		}
		if strings.ContainsAny(escaped, "/?#; +\\") {
			t.Errorf("%q became %q", name, escaped)
		}
	})
}

func BenchmarkProviders(b *testing.B) {
	var doc strings.Builder
	doc.WriteString(`{"npm":{"OidSecret":"x","CanonicalLinks":{`)
	for i := range 10000 {
		if i > 0 {
			doc.WriteByte(',')
		}
		fmt.Fprintf(&doc, `"person-%05d@example.com":"%032x"`, i, i)
	}
	doc.WriteString(`},"NewPath":true}}`)
	d := document{opaque{[]byte(doc.String())}}
	for b.Loop() {
		if _, err := d.providers(); err != nil {
			b.Fatal(err)
		}
	}
}
