package wire_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/wire"
)

var samples = []any{
	api.Bootstrap{
		Version: "1", Locale: "de_AT", Settings: api.Settings{Theme: "dark", Ports: []int{1, 2}},
		Profiles: []api.Profile{{Name: "Zoë \"漢字\" 😀\n\u2028", URL: "https://x/\\y", Default: true}},
	},
	api.RosterPage{
		Rows: []api.RosterRow{{
			Account: api.Account{
				User: api.User{
					ID:           "1",
					Name:         "<b>&amp;",
					LastActivity: time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 3600)),
				},
				Exists:     true,
				Identities: []api.Identity{{Protocol: api.OIDC, Provider: "p", Name: "n"}},
			},
			Changed: true,
		}, {}},
		Total: -7, Counts: api.RosterCounts{All: 3},
	},
	api.FlowEvent{ID: "x", Step: "failed", Error: &api.Error{Code: "c", Params: map[string]string{"host": "h", "": "é"}}},
	api.FlowEvent{Confirmation: &api.Confirmation{Owner: &api.User{Name: "o"}, Moves: true}},
	api.Plan{Option: api.Option{Strategy: api.StrategyRelay, OK: true}, Options: []api.Option{{}}, Warnings: []string{""}, Remarks: []api.Remark{{}}},
	api.ProviderTest{Facts: []api.Fact{{Name: "a", Value: "b"}}},
	api.LinkRequest{UserID: "u", Port: 5},
	[]api.Link{{Identity: api.Identity{Name: "n"}, UserID: "u"}},
	[]api.Change{{Time: time.Unix(0, 0).UTC()}},
	api.Session{},
	api.Probe{Certificate: &api.Certificate{}},
	api.ProviderDetail{Relay: api.Ability{OK: true}},
	"text", 5, true, []string(nil),
	[]string{},
}

// TestAgainstStandardLibrary writes every sample with one package and reads it with the other.
func TestAgainstStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		theirs, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got, want := reflect.New(reflect.TypeOf(s)), reflect.New(reflect.TypeOf(s))
		if err := wire.Decode(theirs, got.Interface()); err != nil {
			t.Errorf("reading %s: %v", theirs, err)
			continue
		}
		if err := json.Unmarshal(theirs, want.Interface()); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Interface(), want.Interface()) {
			t.Errorf("read\n%+v\nwant\n%+v", got.Elem(), want.Elem())
		}
		if onlyRead(s) {
			if written, err := wire.Encode(s); err == nil {
				t.Errorf("wrote %s", written)
			}
			continue
		}
		ours, err := wire.Encode(s)
		if err != nil {
			t.Errorf("writing %+v: %v", s, err)
			continue
		}
		back := reflect.New(reflect.TypeOf(s))
		if err := json.Unmarshal(ours, back.Interface()); err != nil {
			t.Errorf("%s cannot be read: %v", ours, err)
			continue
		}
		again, err := json.Marshal(back.Elem().Interface())
		if err != nil || !bytes.Equal(again, theirs) {
			t.Errorf("wrote\n%s\nwant\n%s", again, theirs)
		}
	}
}

// onlyRead tells whether a map or a time is in the sample, which the window never sends.
func onlyRead(s any) bool {
	switch s := s.(type) {
	case api.FlowEvent:
		return s.Error != nil
	case api.RosterPage:
		return true
	case []api.Change:
		return true
	case api.Probe:
		return s.Certificate != nil
	default:
		return false
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "{", `{"id"}`, `{"id":}`, `{"id":"a",}`, `{"id":"a"} x`, `{"id":5}`, `{"id":"\q"}`, `{"id":"\u12"}`, "{\"id\":\"a\nb\"}",
		`[1]`, `nul`, `{"id":truth}`, `{"x":[1,]}`, `{"x":01}`, `{"x":1.}`, `{"x":.5}`, `{"x":1e}`, `{"x":--1}`, `{"error":"no object"}`,
	} {
		if err := wire.Decode([]byte(s), &api.FlowEvent{}); err == nil {
			t.Errorf("%q was read", s)
		}
	}
	deep := bytes.Repeat([]byte("["), 100000)
	if err := wire.Decode(append([]byte(`{"x":`), deep...), &api.FlowEvent{}); err == nil {
		t.Error("endless nesting was read")
	}
	if err := wire.Decode([]byte("{}"), api.FlowEvent{}); err == nil {
		t.Error("a value that is no pointer was filled")
	}
}

// FuzzTime holds the reader of times against the standard library's.
func FuzzTime(f *testing.F) {
	for _, s := range []string{
		"2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z", "2024-02-29T23:59:59.123456789+14:00", "2026-02-30T00:00:00Z",
		"2026-12-31T00:00:00.5-00:30", "2026-1-2T03:04:05Z", "2026-01-02 03:04:05Z", "2026-01-02T24:00:00Z", "2026-01-02T03:04:05.Z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted, err := json.Marshal(s)
		if err != nil {
			t.Skip()
		}
		var got, want time.Time
		failed, refused := wire.Decode(quoted, &got), json.Unmarshal(quoted, &want)
		if refused == nil && failed != nil && !bytes.Contains([]byte(s), []byte(",")) {
			t.Fatalf("%q is a time and was refused", s)
		}
		if refused == nil && failed == nil && !got.Equal(want) {
			t.Fatalf("%q: got %v, want %v", s, got, want)
		}
		if refused != nil && failed == nil {
			t.Fatalf("%q is no time and was read as %v", s, got)
		}
	})
}

// FuzzDecode holds the reader against encoding/json: what that refuses is refused, and what both read is the same.
func FuzzDecode(f *testing.F) {
	for _, s := range samples {
		if b, err := json.Marshal(s); err == nil {
			f.Add(b)
		}
	}
	f.Add([]byte(`{"id":"\ud83d\ude00 \ud800 \u0000","x":[{},null,-1.5e+3],"account":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got api.Plan
		err := wire.Decode(data, &got)
		if err == nil && !json.Valid(data) {
			t.Fatalf("%q is no JSON and was read", data)
		}
		var want api.Plan
		if err != nil || json.Unmarshal(data, &want) != nil {
			return
		}
		if !reflect.DeepEqual(got, want) && !foldedNames(data) {
			t.Fatalf("%q\nread %+v\nwant %+v", data, got, want)
		}
	})
}

// foldedNames reports whether a name could match a field by case folding, or appears twice, which encoding/json treats in
// ways of its own.
func foldedNames(data []byte) bool {
	var generic any
	if json.Unmarshal(data, &generic) != nil {
		return true
	}
	plain, err := json.Marshal(generic)
	if err != nil {
		return true
	}
	var got, want api.Plan
	return wire.Decode(plain, &got) != nil || json.Unmarshal(plain, &want) != nil || !reflect.DeepEqual(got, want) &&
		bytes.ContainsFunc(
			plain,
			func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 0x80 },
		) || !bytes.Equal(bytes.TrimSpace(data), plain)
}

func BenchmarkDecodePage(b *testing.B) {
	page := api.RosterPage{Total: 10000}
	for range 100 {
		page.Rows = append(page.Rows, api.RosterRow{Account: api.Account{
			User: api.User{
				ID:           "0123456789abcdef0123456789abcdef",
				Name:         "Ada Lovelace",
				LastActivity: time.Unix(1e9, 0).UTC(),
			},
			Exists:     true,
			Identities: []api.Identity{{Protocol: api.OIDC, Provider: "authelia", Name: "ada"}},
		}})
	}
	data, err := json.Marshal(page)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var got api.RosterPage
		if err := wire.Decode(data, &got); err != nil {
			b.Fatal(err)
		}
	}
}
