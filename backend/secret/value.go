// Package secret keeps keys, tokens and client secrets in the operating system's keyring and nowhere else.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// redacted is what a Value shows of itself.
const redacted = "[redacted]"

// Value is a secret in memory. It redacts itself in every fmt verb, in JSON, in text encodings and in slog; only Reveal
// gives it up. Values can be compared with ==.
//
// The secret stands behind a pointer, not in a string: fmt prints what a wrong verb is given (%s of a pointer inside a
// struct, %p of anything) field by field, without asking its methods, and of a pointer that is the address.
type Value struct{ h unique.Handle[string] }

// New wraps a secret. An empty one is the zero Value.
func New(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{h: unique.Make(s)}
}

// Reveal returns the secret itself. Call it only where the secret leaves for its destination: a request header, a form,
// the keyring.
func (v Value) Reveal() string {
	if v.IsZero() {
		return ""
	}
	return v.h.Value()
}

// IsZero reports whether there is no secret.
func (v Value) IsZero() bool { return v == Value{} }

// Format implements fmt.Formatter for every verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String returns a placeholder.
func (v Value) String() string { return redacted }

// MarshalText returns a placeholder, which encoding/json uses too.
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns a placeholder.
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }
