package wire_test

import (
	"encoding/json"
	"reflect"
	"strings"
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
	[]api.Change{{Time: time.Unix(0, 0).UTC()}},
	api.Session{},
	api.Probe{Certificate: &api.Certificate{}},
	api.ProviderDetail{Relay: api.Ability{OK: true}},
	"text", 5, true, []string(nil),
	[]string{},
}

// TestAgainstStandardLibrary reads each sample as encoding/json does.
func TestAgainstStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got, want := reflect.New(reflect.TypeOf(s)), reflect.New(reflect.TypeOf(s))
		if err := wire.Decode(text, got.Interface()); err != nil {
			t.Errorf("reading %s: %v", text, err)
			continue
		}
		if err := json.Unmarshal(text, want.Interface()); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Interface(), want.Interface()) {
			t.Errorf("read\n%+v\nwant\n%+v", got.Elem(), want.Elem())
		}
	}
}

// TestValue turns what the window sends into values that mean the same.
func TestValue(t *testing.T) {
	t.Parallel()
	for _, s := range []any{
		api.RosterQuery{Search: "é", Reverse: true, Offset: -1},
		api.LinkRequest{UserID: "u", Port: 5},
		[]api.Link{{Identity: api.Identity{Name: "n"}, UserID: "u"}},
		api.Settings{Theme: "dark", Ports: []int{1, 2}},
		api.ProviderSettings{Protocol: api.OIDC, Scopes: []string{}},
		api.FlavourFlowfin, "text", 5, true, []string(nil),
		[]any{"a", nil, true},
	} {
		value, err := wire.Value(s)
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		back := reflect.New(reflect.TypeOf(s))
		crossed, err := json.Marshal(value)
		if err != nil || json.Unmarshal(crossed, back.Interface()) != nil || !reflect.DeepEqual(back.Elem().Interface(), s) {
			t.Errorf("%+v crossed as %s (%v)", s, crossed, err)
		}
	}
	for _, s := range []any{time.Now(), map[string]string{}, 1.5, []any{struct{ F float64 }{}}} {
		if v, err := wire.Value(s); err == nil {
			t.Errorf("%v became %v", s, v)
		}
	}
}

func TestDecodeSkipsAndMends(t *testing.T) {
	t.Parallel()
	var e api.FlowEvent
	text := "{\"x\": [{}, null, -1.5e+3], \"id\": \"\\ud83d\\ude00 \\ud800 \xff\", \"account\": null}"
	if err := wire.Decode([]byte(text), &e); err != nil || e.ID != "😀 \uFFFD \uFFFD" {
		t.Errorf("%q, %v", e.ID, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "{", `{"id"}`, `{"id":"a",}`, `{"id":"a"} x`, `{"id":5}`, "{\"id\":\"a\nb\"}", `[1]`, `nul`, `{"error":"no object"}`,
		`{"signIn":{"deadline":"2026-02-30T00:00:00Z"}}`,
		`{"signIn":{"deadline":"2026-02-03T00:00:00+01:70"}}`, `{"signIn":{"deadline":"2026-02-03T00:00:00+01:60"}}`,
		`{"signIn":{"deadline":"2026-02-03T00:00:00+24:00"}}`, `{"signIn":{"deadline":"2026-02-03T00:00:00+25:00"}}`, `{"x":` + strings.Repeat("[", 100_000),
	} {
		if err := wire.Decode([]byte(s), &api.FlowEvent{}); err == nil {
			t.Errorf("%.40q was read", s)
		}
	}
	if err := wire.Decode([]byte("{}"), api.FlowEvent{}); err == nil {
		t.Error("a value that is not a pointer was filled")
	}
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
