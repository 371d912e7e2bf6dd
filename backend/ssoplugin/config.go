package ssoplugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
)

// How links are written into a configuration.
//
// OID/Add and SAML/Add replace a provider as a whole, so whatever we leave out of it is lost: client secrets, and fields
// that only some flavours have. The provider's object is therefore never decoded and encoded again. We keep the server's
// own bytes, note where the value of CanonicalLinks begins and ends, and put another value there. Within that value, too,
// the entries that stay are the server's bytes: their escapes and their form of user id. The only thing that is ever
// decoded is the handful of harmless fields of type settings.
//
// JSON leaves the meaning of repeated keys to the reader, and the server's reader takes "canonicallinks" for
// "CanonicalLinks". An object with such keys could mean one thing here and another there, so it is refused.

// linksKey is the field of a provider's configuration that holds {canonical name: user id}.
const linksKey = "CanonicalLinks"

// opaque is JSON that may hold client secrets. It shows nothing of itself.
type opaque struct{ raw json.RawMessage }

const redacted = "[redacted]"

// Format implements fmt.Formatter for every verb.
func (opaque) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String returns a placeholder.
func (opaque) String() string { return redacted }

// MarshalText returns a placeholder, which encoding/json uses too.
func (opaque) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns a placeholder.
func (opaque) LogValue() slog.Value { return slog.StringValue(redacted) }

// document is the answer of OID/Get or SAML/Get: an object of providers.
type document struct{ opaque }

// provider is one provider's configuration.
type provider struct {
	opaque
	name string
	// at is where the value of CanonicalLinks stands in raw; nowhere when there is none.
	at span
	// entries are the links, in the server's order.
	entries []entry
}

// entry is one link inside CanonicalLinks.
type entry struct {
	name string
	user string // normalised when it is a user id, as it stands otherwise
	key  span   // in raw
	val  span   // in raw
}

type span struct{ start, end int }

var nowhere = span{-1, -1}

// config reads the providers of a protocol.
func (p *Plugin) config(ctx context.Context, proto api.Protocol) (document, error) {
	r, err := route(proto)
	if err != nil {
		return document{}, err
	}
	resp, err := p.client.Do(ctx, jellyfin.Request{
		Method: http.MethodGet, Path: "/sso/" + r + "/Get", MaxBytes: maxAnswer, Idempotent: true,
	})
	if err != nil {
		return document{}, err
	}
	if resp.Status != http.StatusOK {
		return document{}, refusal(resp, "reading-providers")
	}
	return document{opaque{resp.Body}}, nil
}

// provider reads one provider's configuration.
func (p *Plugin) provider(ctx context.Context, proto api.Protocol, name string) (provider, error) {
	doc, err := p.config(ctx, proto)
	if err != nil {
		return provider{}, err
	}
	all, err := doc.providers()
	if err != nil {
		return provider{}, err
	}
	for _, c := range all {
		if c.name == name {
			return c, nil
		}
	}
	return provider{}, providerNotFound(name)
}

// providers takes the document apart.
func (d document) providers() ([]provider, error) {
	var all []provider
	err := members(d.raw, strictCase(false), func(name string, _, val span) error {
		c, err := parseProvider(name, d.raw[val.start:val.end])
		all = append(all, c)
		return err
	})
	if wrong, ok := errors.AsType[*api.Error](err); ok {
		return nil, wrong
	}
	if err != nil {
		return nil, badConfig(err)
	}
	return all, nil
}

func badConfig(err error) error {
	return &api.Error{Code: api.CodeServerAnswer, Why: "providers-form", Err: err}
}

// wrongField tells of a value of another type in the plugin's JSON. at is the path of its keys, without any value: the decoder's
// own text may quote one.
func wrongField(at ...string) error {
	return &api.Error{
		Code: api.CodeServerAnswer, Why: "plugin-field", Params: map[string]string{"field": strings.Join(at, " › ")},
	}
}

// fieldOf is the field that a decoder of JSON stumbled over, or empty.
func fieldOf(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return wrong.Field
	}
	return ""
}

// parseProvider finds the links in a provider's object, which is valid JSON. Its errors hold no values.
func parseProvider(name string, raw []byte) (provider, error) {
	c := provider{opaque: opaque{raw}, name: name, at: nowhere}
	err := walk(raw, strictCase(true), func(key string, _, val span) error {
		if !strings.EqualFold(key, linksKey) {
			return nil
		}
		if key != linksKey {
			return errors.New("the links' key is in another case")
		}
		c.at = val
		value := raw[val.start:val.end]
		if string(value) == "null" {
			return nil
		}
		return walk(value, strictCase(false), func(link string, k, v span) error {
			e := entry{
				name: link,
				key:  span{val.start + k.start, val.start + k.end},
				val:  span{val.start + v.start, val.start + v.end},
			}
			if value[v.start] != '"' {
				return wrongField(name, linksKey, link)
			}
			user, err := unquote(value[v.start:v.end])
			if err != nil {
				return err
			}
			e.user = normalID(user)
			c.entries = append(c.entries, e)
			return nil
		})
	})
	if err != nil {
		return provider{}, err
	}
	return c, nil
}

// strictCase says whether keys that differ only by case count as the same key.
type strictCase bool

// members calls visit for every member of a JSON object, with the spans of key and value in raw. Repeated keys, and
// anything but one object, are errors.
func members(raw []byte, fold strictCase, visit func(key string, keyAt, valueAt span) error) error {
	if !json.Valid(raw) {
		return errors.New("no JSON")
	}
	return walk(raw, fold, visit)
}

// walk is members for JSON that is known to be valid: it only has to find where things begin and end.
func walk(raw []byte, fold strictCase, visit func(key string, keyAt, valueAt span) error) error {
	i := skipSpace(raw, 0)
	if raw[i] != '{' {
		return errors.New("no JSON object")
	}
	seen := map[string]struct{}{}
	for i = skipSpace(raw, i+1); raw[i] != '}'; i = skipSpace(raw, i) {
		if raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
		keyAt := span{i, stringEnd(raw, i)}
		key, err := unquote(raw[keyAt.start:keyAt.end])
		if err != nil {
			return err
		}
		once := key
		if fold {
			once = strings.ToLower(key)
		}
		if _, repeated := seen[once]; repeated {
			return errors.New("a key is repeated")
		}
		seen[once] = struct{}{}
		i = skipSpace(raw, keyAt.end) // the colon
		i = skipSpace(raw, i+1)       // the value
		valueAt := span{i, valueEnd(raw, i)}
		if err := visit(key, keyAt, valueAt); err != nil {
			return err
		}
		i = valueAt.end
	}
	return nil
}

func skipSpace(raw []byte, i int) int {
	for raw[i] == ' ' || raw[i] == '\t' || raw[i] == '\n' || raw[i] == '\r' {
		i++
	}
	return i
}

// stringEnd returns the index after the string that begins at i.
func stringEnd(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd returns the index after the value that begins at i.
func valueEnd(raw []byte, i int) int {
	depth := 0
	for ; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i // of what is around the value
			}
			depth--
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue // inside a number or a word, or at a colon
		}
		if depth == 0 {
			return i + 1
		}
	}
	return i
}

// unquote decodes a JSON string.
func unquote(quoted []byte) (string, error) {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner), nil
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return "", errors.New("no JSON string")
	}
	return s, nil
}

// links returns the links as a map.
func (c provider) links() map[string]string {
	m := make(map[string]string, len(c.entries))
	for _, e := range c.entries {
		m[e.name] = e.user
	}
	return m
}

// withLinks returns the provider's object with the given links: every byte outside the value of CanonicalLinks, and
// within it every entry that stays, as in the original. New links come last, in the order of their names.
func (c provider) withLinks(links map[string]string) opaque {
	left := maps.Clone(links)
	var parts [][]byte
	for _, e := range c.entries {
		user, keep := left[e.name]
		if !keep {
			continue
		}
		delete(left, e.name)
		value := c.raw[e.val.start:e.val.end]
		if normalID(user) != e.user {
			value = quote(user)
		}
		parts = append(parts, slices.Concat(c.raw[e.key.start:e.key.end], []byte(":"), value))
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		parts = append(parts, slices.Concat(quote(name), []byte(":"), quote(left[name])))
	}
	value := slices.Concat([]byte("{"), bytes.Join(parts, []byte(",")), []byte("}"))
	if c.at != nowhere {
		return opaque{slices.Concat(c.raw[:c.at.start], value, c.raw[c.at.end:])}
	}
	// There is no such field: it becomes the last one.
	end := bytes.LastIndexByte(c.raw, '}')
	comma := ","
	if len(bytes.TrimSpace(c.raw[bytes.IndexByte(c.raw, '{')+1:end])) == 0 {
		comma = ""
	}
	return opaque{slices.Concat(c.raw[:end], []byte(comma+`"`+linksKey+`":`), value, c.raw[end:])}
}

// quote returns a JSON string.
func quote(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`) // strings always encode
	}
	return b
}

// outside returns what surrounds the links, to tell whether anything else changed.
func (c provider) outside() (before, after []byte) {
	if c.at == nowhere {
		return c.raw, nil
	}
	return c.raw[:c.at.start], c.raw[c.at.end:]
}

// ClientSecret returns the client secret that the plugin's own sign-in uses at an OIDC provider. It is for the memory only.
//
// Errors: CodeUnsupported where the plugin keeps it to itself or the credential may not read it, CodeProviderNotFound,
// CodeClientSecretMissing where the provider has none.
func (p *Plugin) ClientSecret(ctx context.Context, provider string) (secret.Value, error) {
	caps := p.Capabilities()
	if err := allowed(caps.ReadConfig, "administrator"); err != nil {
		return secret.Value{}, err
	}
	if !caps.SecretsReadable {
		return secret.Value{}, &api.Error{
			Code: api.CodeUnsupported, Why: "secret-kept",
			Params: map[string]string{"provider": provider},
		}
	}
	c, err := p.provider(ctx, api.OIDC, provider)
	if err != nil {
		return secret.Value{}, fmt.Errorf("reading a client secret: %w", err)
	}
	defer clear(c.raw)
	var s struct{ OidSecret string }
	if err := json.Unmarshal(c.raw, &s); err != nil {
		return secret.Value{}, wrongField(c.name, "OidSecret")
	}
	value := strings.TrimSpace(s.OidSecret) // as the plugin does
	if value == "" {
		return secret.Value{}, &api.Error{
			Code: api.CodeClientSecretMissing, Why: "secret-none",
			Params: map[string]string{"provider": provider},
		}
	}
	return secret.New(value), nil
}
