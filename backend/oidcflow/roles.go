package oidcflow

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// steps are the parts of a path of claims: a dot parts them, unless a backslash is in front of it.
var steps = regexp.MustCompile(`(?:\\\.|[^.])+`)

// roles returns the roles that a claim brings, as the plugin reads them: the texts of the claim itself or, where path leads into
// its object, those of the list there. With keys, they are the names in the object there.
func roles(path string, keys bool, sources ...claims) []string {
	parts := steps.FindAllString(strings.TrimSpace(path), -1)
	if len(parts) == 0 {
		return nil
	}
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], `\.`, ".")
	}
	var found []string
	for _, source := range sources {
		raw, ok := source[parts[0]]
		if !ok {
			continue
		}
		for _, step := range parts[1:] {
			var object map[string]json.RawMessage
			if json.Unmarshal(raw, &object) != nil {
				return nil
			}
			raw = object[step]
		}
		found = append(found, rolesIn(raw, keys, len(parts) > 1)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// rolesIn returns the roles in a value. Deep in an object, only a list counts.
func rolesIn(raw json.RawMessage, keys, deep bool) []string {
	var found []string
	switch kind := jsontext.Value(raw).Kind(); {
	case keys && kind == '{':
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil {
			return nil
		}
		for name := range object {
			found = append(found, name)
		}
	case kind == '[':
		var elements []json.RawMessage
		if json.Unmarshal(raw, &elements) != nil {
			return nil
		}
		for _, e := range elements {
			if value, ok := text(e); ok {
				found = append(found, value)
			}
		}
	case !keys && !deep:
		if value, ok := text(raw); ok {
			found = append(found, value)
		}
	}
	return found
}
