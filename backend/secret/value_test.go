package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/secret"
)

const plain = "s3cr3t-Value-0123456789"

// forms are the secret as every verb would write it.
var forms = []string{
	plain, fmt.Sprintf("%x", plain), fmt.Sprintf("%X", plain), fmt.Sprintf("%d", []byte(plain)),
	strings.Trim(fmt.Sprintf("%d", []byte(plain)), "[]"), fmt.Sprintf("%o", []byte(plain)), "0x73, 0x33, 0x63",
}

func leaks(t *testing.T, how, out string) {
	t.Helper()
	for _, f := range forms {
		if strings.Contains(out, f) {
			t.Errorf("%s leaks the secret: %s", how, out)
		}
	}
}

type nested struct {
	Name  string
	Token secret.Value
	Inner *struct{ Key secret.Value }
	List  []secret.Value
	Map   map[string]secret.Value
	Any   any
}

func TestValueRedactsItself(t *testing.T) {
	t.Parallel()
	v := secret.New(plain)
	n := nested{
		Name: "n", Token: v, Inner: &struct{ Key secret.Value }{v}, List: []secret.Value{v},
		Map: map[string]secret.Value{"k": v}, Any: v,
	}
	for _, verb := range []string{
		"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%t", "%e", "%p", "% x", "%#x", "%20s", "%.3s", "%T",
	} {
		for what, arg := range map[string]any{
			"value": v, "pointer": &v, "struct": n, "struct pointer": &n, "slice": n.List, "map": n.Map, "inner": n.Inner,
			"inner pointer": &n.Inner, "error": fmt.Errorf("doing x with %v: %w", v, errors.New("cause")),
		} {
			out := fmt.Sprintf(verb, arg)
			leaks(t, verb+" of "+what, out)
			if what == "value" && verb != "%T" && verb != "%p" && out != "[redacted]" {
				t.Errorf("%s of the value is %q, want [redacted]", verb, out)
			}
		}
	}
	leaks(t, "Sprint", fmt.Sprint(v, &v, n))
	leaks(t, "concatenation", "x"+v.String())
}

func TestValueRedactsItselfInEncodings(t *testing.T) {
	t.Parallel()
	v := secret.New(plain)
	n := nested{Token: v, Inner: &struct{ Key secret.Value }{v}, List: []secret.Value{v}, Map: map[string]secret.Value{"k": v}, Any: &v}
	b, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	leaks(t, "JSON", string(b))
	if got := strings.Count(string(b), `"[redacted]"`); got != 5 {
		t.Errorf("JSON has %d placeholders, want 5: %s", got, b)
	}
	if b, err = json.Marshal(map[secret.Value]int{v: 1}); err != nil || string(b) != `{"[redacted]":1}` {
		t.Errorf("JSON of a key is %s, %v", b, err)
	}
	if b, err = v.MarshalText(); err != nil || string(b) != "[redacted]" {
		t.Errorf("MarshalText = %s, %v", b, err)
	}
	var buf bytes.Buffer
	for name, h := range map[string]slog.Handler{
		"text": slog.NewTextHandler(&buf, nil), "json": slog.NewJSONHandler(&buf, nil),
	} {
		buf.Reset()
		l := slog.New(h).With("with", v)
		l.Info("said "+v.String(), "value", v, "pointer", &v, slog.Any("any", v), slog.Group("g", "in", v), "struct", n, "ptr", &n, "list", n.List)
		leaks(t, "slog "+name, buf.String())
		if strings.Count(buf.String(), "redacted") < 6 {
			t.Errorf("slog %s wrote %s", name, buf.String())
		}
	}
}

func TestValueGivesItselfUp(t *testing.T) {
	t.Parallel()
	if got := secret.New(plain).Reveal(); got != plain {
		t.Errorf("Reveal = %q", got)
	}
	if !(secret.Value{}).IsZero() || secret.New(plain).IsZero() {
		t.Error("IsZero is wrong")
	}
	if secret.New("") != (secret.Value{}) || (secret.Value{}).Reveal() != "" {
		t.Error("the empty secret is not the zero value")
	}
	if a, b := secret.New(plain), secret.New(strings.Clone(plain)); a != b || a == secret.New("other") {
		t.Error("values do not compare")
	}
}
