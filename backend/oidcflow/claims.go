package oidcflow

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/jellybind/jellybind/backend/api"
)

// subjectClaim identifies the account at the provider.
const subjectClaim = "sub"

// claims are a token's claims, undecoded.
type claims map[string]json.RawMessage

// canonicalName returns the canonical name that the server would gain from these claims, to the letter, and the claim that
// it came from. The sources are the ID token's claims, then userinfo's.
//
// The plugin reads all claims in that order, an array as one claim for each of its elements, and keeps the last one of the
// rule's name. A claim of userinfo that says the same as one of the ID token is not counted twice. So a later value wins
// over an earlier one, and an array with nothing in it is the same as no claim. The text of a claim is a string's value, and
// of everything else the JSON as it was sent: true, 12.50, {"a": 1}. Nothing is trimmed or normalised.
//
// The error is api.CodeNameInvalid where the server would refuse to link: the text is empty. A null is refused as well,
// since the plugin reads it in two ways; so is text that is not Unicode, which the server cannot hold.
func canonicalName(rule api.NameRule, sources ...claims) (name, claim string, err error) {
	for _, claim := range []string{rule.Claim, rule.Fallback} {
		if claim == "" || slices.Contains(unnamed, claim) {
			continue
		}
		values, err := valuesOf(claim, sources)
		if err != nil {
			return "", "", err
		}
		if len(values) == 0 {
			continue
		}
		name := values[len(values)-1]
		if name == "" {
			return "", "", unlinkable("claim-empty", claim)
		}
		return name, claim, nil
	}
	return "", "", unlinkable("claim-missing", rule.Claim)
}

// unnamed are claims about the token. The plugin's OpenID library leaves them out before it looks for the name.
var unnamed = []string{"iss", "exp", "nbf", "aud", "nonce", "iat", "auth_time", "c_hash", "at_hash"}

// valuesOf returns the texts of a claim, in order, each once.
func valuesOf(claim string, sources []claims) ([]string, error) {
	var values []string
	for _, source := range sources {
		raw, ok := source[claim]
		if !ok {
			continue
		}
		elements := []json.RawMessage{raw}
		if jsontext.Value(raw).Kind() == '[' {
			if err := json.Unmarshal(raw, &elements); err != nil {
				return nil, unlinkable("claim-unreadable", claim)
			}
		}
		for _, element := range elements {
			value, ok := text(element)
			if !ok {
				return nil, unlinkable("claim-unreadable", claim)
			}
			if !slices.Contains(values, value) {
				values = append(values, value)
			}
		}
	}
	return values, nil
}

// text returns what the server makes of a JSON value that is not an array; false for null and for what is not Unicode.
func text(raw json.RawMessage) (string, bool) {
	switch jsontext.Value(raw).Kind() {
	case '"':
		// Unlike encoding/json, this refuses half of a surrogate pair instead of replacing it.
		value, err := jsontext.AppendUnquote(nil, raw)
		return string(value), err == nil
	case 'n', 0: // 0 is no JSON
		return "", false
	}
	return string(raw), utf8.Valid(raw)
}

// shown returns the first text of a claim that is only shown; "" where there is none.
func shown(claim string, sources ...claims) string {
	for _, source := range sources {
		var value string
		if json.Unmarshal(source[claim], &value) == nil && value != "" {
			return value
		}
	}
	return ""
}

func unlinkable(why api.Why, claim string) *api.Error {
	return &api.Error{Code: api.CodeNameInvalid, Why: why, Params: map[string]string{"claim": claim}}
}
