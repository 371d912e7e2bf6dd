package ssoplugin

import (
	"strings"
	"unicode/utf8"

	"github.com/jellybind/jellybind/backend/api"
)

// protocols lists the protocols in the order in which they are read and shown.
var protocols = [2]api.Protocol{api.OIDC, api.SAML}

// route is the protocol's segment in the plugin's routes.
func route(proto api.Protocol) (string, error) {
	switch proto {
	case api.OIDC:
		return "OID", nil
	case api.SAML:
		return "SAML", nil
	}
	return "", &api.Error{Code: api.CodeUsage, Why: "no-protocol"}
}

// escapeSegment percent-encodes a path segment once: everything but RFC 3986's unreserved characters. That is the form
// in which the recordings found every name that can be addressed at all.
func escapeSegment(s string) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(upper[c>>4])
			b.WriteByte(upper[c&15])
		}
	}
	return b.String()
}

// providerSegment returns a provider's name as a path segment.
func providerSegment(name string) (string, error) {
	if !api.Addressable(name) || !utf8.ValidString(name) {
		return "", &api.Error{
			Code:   api.CodeProviderNotFound,
			Why:    "provider-in-path",
			Params: map[string]string{"provider": name},
		}
	}
	return escapeSegment(name), nil
}

// userSegment checks and normalises a user id.
func userSegment(id string) (string, error) {
	if n := normalID(id); isID(n) {
		return n, nil
	}
	return "", &api.Error{Code: api.CodeUserNotFound, Why: "no-id", Params: map[string]string{"user": id}}
}

// checkName refuses canonical names that no flavour can hold.
func checkName(name string) error {
	if name != "" && utf8.ValidString(name) {
		return nil
	}
	return &api.Error{Code: api.CodeNameInvalid, Why: "name-empty"}
}

// normalID returns a user id undashed and in lower case. What is no id is returned as it is.
func normalID(id string) string {
	if isID(id) {
		return id
	}
	if n := strings.ToLower(strings.ReplaceAll(id, "-", "")); isID(n) {
		return n
	}
	return id
}

func isID(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 32
}
