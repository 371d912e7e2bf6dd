package oidcflow

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
)

func decoded(t *testing.T, document string) claims {
	t.Helper()
	var c claims
	if document != "" {
		if err := json.Unmarshal([]byte(document), &c); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestCanonicalName holds what the servers were measured to do with each setting and claim that shapes the name.
func TestCanonicalName(t *testing.T) {
	t.Parallel()
	const sub = `{"sub":"s-1"}`
	username := api.NameRule{Claim: "preferred_username", Fallback: "sub"}
	for _, c := range []struct {
		name     string
		rule     api.NameRule
		id, info string
		want     string
		claim    string
	}{
		{"Flowfin", api.NameRule{Claim: "sub", Fallback: "sub"}, `{"sub":"s-1","preferred_username":"m"}`, sub, "s-1", "sub"},
		{"e-mail that no scope brings", api.NameRule{Claim: "email", Fallback: "sub"}, sub, sub, "s-1", "sub"},
		{"openid alone", username, sub, sub, "s-1", "sub"},
		{"no claim, since the setting is blank", api.NameRule{Fallback: "sub"}, `{"sub":"s-1","":"x","preferred_username":"m"}`, sub, "s-1", "sub"},
		{"case matters", api.NameRule{Claim: "Email", Fallback: "sub"}, `{"sub":"s-1","email":"m@x"}`, sub, "s-1", "sub"},
		{"ID token", username, `{"sub":"s-1","preferred_username":"m"}`, sub, "m", "preferred_username"},
		{"userinfo", username, sub, `{"sub":"s-1","preferred_username":"m"}`, "m", "preferred_username"},
		{"userinfo is not asked", username, sub, "", "s-1", "sub"},
		{"both, userinfo is last", username, `{"sub":"s-1","preferred_username":"m"}`, `{"preferred_username":"n"}`, "n", "preferred_username"},
		{"true", username, `{"sub":"s-1","preferred_username":true}`, sub, "true", "preferred_username"},
		{"false", username, `{"sub":"s-1","preferred_username":false}`, sub, "false", "preferred_username"},
		{"list", username, `{"sub":"s-1","preferred_username":["a","b"]}`, sub, "b", "preferred_username"},
		{"list of one", username, `{"sub":"s-1","preferred_username":["solo"]}`, sub, "solo", "preferred_username"},
		{"empty list", username, `{"sub":"s-1","preferred_username":[]}`, sub, "s-1", "sub"},
		{"empty list and userinfo", username, `{"sub":"s-1","preferred_username":[]}`, `{"preferred_username":"m"}`, "m", "preferred_username"},
		{"list of many kinds", username, `{"sub":"s-1","preferred_username":["a",[1, "x"]]}`, sub, `[1, "x"]`, "preferred_username"},
		{"list, its first again in userinfo", username, `{"sub":"s-1","preferred_username":["a","b"]}`, `{"preferred_username":"a"}`, "b", "preferred_username"},
		{"object", username, `{"sub":"s-1","preferred_username":{ "b": 1.0, "a":"\u00e9"}}`, sub, `{ "b": 1.0, "a":"\u00e9"}`, "preferred_username"},
		{"whole number", username, `{"sub":"s-1","preferred_username":12345678901234567890}`, sub, "12345678901234567890", "preferred_username"},
		{"number as sent", username, `{"sub":"s-1","preferred_username":12.50}`, sub, "12.50", "preferred_username"},
		{"number with an exponent", username, `{"sub":"s-1","preferred_username":-1E+2}`, sub, "-1E+2", "preferred_username"},
		{"blanks", username, `{"sub":"s-1","preferred_username":"  m \t\n "}`, sub, "  m \t\n ", "preferred_username"},
		{"blanks alone", username, `{"sub":"s-1","preferred_username":"  "}`, sub, "  ", "preferred_username"},
		{"zero width", username, `{"sub":"s-1","preferred_username":"m\u200b\ufeff"}`, sub, "m\u200b\ufeff", "preferred_username"},
		{"composed", username, `{"sub":"s-1","preferred_username":"\u00e9"}`, sub, "\u00e9", "preferred_username"},
		{"decomposed", username, `{"sub":"s-1","preferred_username":"e\u0301"}`, sub, "e\u0301", "preferred_username"},
		{"beyond the BMP", username, `{"sub":"s-1","preferred_username":"\ud83d\ude00/%2F"}`, sub, "😀/%2F", "preferred_username"},
		{"300 letters", username, `{"sub":"s-1","preferred_username":"` + strings.Repeat("x", 300) + `"}`, sub, strings.Repeat("x", 300), "preferred_username"},
		{"text like JSON", username, `{"sub":"s-1","preferred_username":"[\"a\"]"}`, sub, `["a"]`, "preferred_username"},
		{"claim of the token itself", api.NameRule{Claim: "aud", Fallback: "sub"}, `{"sub":"s-1","aud":"app"}`, sub, "s-1", "sub"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, claim, err := canonicalName(c.rule, decoded(t, c.id), decoded(t, c.info))
			if err != nil || got != c.want || claim != c.claim {
				t.Errorf("%q of %s, %v; want %q of %s", got, claim, err, c.want, c.claim)
			}
		})
	}
}

// TestNoCanonicalName holds the claims that no server links, or that nobody can foresee.
func TestNoCanonicalName(t *testing.T) {
	t.Parallel()
	rule := api.NameRule{Claim: "preferred_username", Fallback: "sub"}
	for _, c := range []struct {
		name, id, info string
		why            api.Why
	}{
		{"empty text", `{"sub":"s-1","preferred_username":""}`, "", "claim-empty"},
		{"empty text last", `{"sub":"s-1","preferred_username":["a",""]}`, "", "claim-empty"},
		{"empty text of userinfo", `{"sub":"s-1","preferred_username":"m"}`, `{"preferred_username":""}`, "claim-empty"},
		{"null", `{"sub":"s-1","preferred_username":null}`, "", "claim-unreadable"},
		{"null in a list", `{"sub":"s-1","preferred_username":["m",null]}`, "", "claim-unreadable"},
		{"half a pair", `{"sub":"s-1","preferred_username":"\ud83d"}`, "", "claim-unreadable"},
		{"no UTF-8", "{\"sub\":\"s-1\",\"preferred_username\":\"\xff\"}", "", "claim-unreadable"},
		{"no UTF-8 in an object", "{\"sub\":\"s-1\",\"preferred_username\":{\"a\":\"\xff\"}}", "", "claim-unreadable"},
		{"nothing at all", `{}`, "", "claim-missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name, _, err := canonicalName(rule, decoded(t, c.id), decoded(t, c.info))
			e, ok := errors.AsType[*api.Error](err)
			if !ok || e.Code != api.CodeNameInvalid || e.Why != c.why || name != "" {
				t.Errorf("%q, %v", name, err)
			}
		})
	}
}

// FuzzCanonicalName makes sure that no claim panics, and that a text stays as it is.
func FuzzCanonicalName(f *testing.F) {
	for _, s := range []string{`"m"`, `" m "`, `[]`, `["a","b"]`, `[[[]]]`, `{"a":1}`, `1e400`, `null`, `"\ud800"`, `""`, `true`} {
		f.Add([]byte(s), s)
	}
	rule := api.NameRule{Claim: "n", Fallback: "sub"}
	f.Fuzz(func(t *testing.T, raw []byte, typed string) {
		id := claims{"sub": json.RawMessage(`"s"`), "n": raw}
		if name, claim, err := canonicalName(rule, id, nil); err == nil && (name == "" || claim == "") {
			t.Errorf("%q: an empty name of %q", raw, claim)
		}
		quoted, err := json.Marshal(typed)
		if err != nil {
			t.Fatal(err)
		}
		var whole string
		if json.Unmarshal(quoted, &whole) != nil || whole != typed || typed == "" {
			return // not Unicode
		}
		id["n"] = quoted
		if name, _, err := canonicalName(rule, id, nil); err != nil || name != typed {
			t.Errorf("%q became %q, %v", typed, name, err)
		}
	})
}
