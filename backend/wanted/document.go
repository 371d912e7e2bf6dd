package wanted

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// The formats of files with links.
const (
	FormatDocument api.FileFormat = "links-document" // Document
	FormatExport   api.FileFormat = "account-links"  // the export of a plugin that has one
	FormatXML      api.FileFormat = "sso-auth-xml"   // the plugin's own file
	FormatTable    api.FileFormat = "csv"
)

// documentFormat and documentVersion open a Document. A reader refuses versions that it does not know.
const (
	documentFormat  = "jellybind-links"
	documentVersion = 1
)

// Document is a file with links as Jellybind writes it.
type Document struct {
	Format  string    `json:"format"`  // "jellybind-links"
	Version int       `json:"version"` // 1
	Server  string    `json:"server"`  // the server's address
	Taken   time.Time `json:"taken"`
	// Providers are the ones that the document speaks for, the ones without links too.
	Providers []api.ProviderRef `json:"providers"`
	Links     []DocumentLink    `json:"links"`
}

// DocumentLink is a link of a Document. UserName is empty for an account that was deleted.
type DocumentLink struct {
	Protocol api.Protocol `json:"protocol"`
	Provider string       `json:"provider"`
	Name     string       `json:"name"`
	UserName string       `json:"userName"`
	UserID   string       `json:"userId"`
}

// exportVersion is the FormatVersion of a plugin's export that is known.
const exportVersion = 1

type exportLink struct {
	Protocol, Provider, CanonicalName, Username string
}

// jsonFile is what a JSON file holds before its format is known.
type jsonFile struct {
	fields map[string]json.RawMessage // by the name in lower case
	links  []json.RawMessage
	at     []int // lines of the links
	listed bool
}

func readJSON(text []byte) (api.WantedSet, error) {
	f, err := scanJSON(text)
	if err != nil {
		return api.WantedSet{}, err
	}
	var format string
	var version, export int
	_ = json.Unmarshal(f.fields["format"], &format) // another type is another file
	_ = json.Unmarshal(f.fields["version"], &version)
	_ = json.Unmarshal(f.fields["formatversion"], &export)
	switch {
	case format == documentFormat && version != documentVersion:
		return api.WantedSet{}, wrong("file-newer", 0, map[string]string{"version": strconv.Itoa(version)})
	case format == documentFormat && f.listed:
		return f.document()
	case format == "" && export > exportVersion && f.listed:
		return api.WantedSet{}, wrong("file-newer", 0, map[string]string{"version": strconv.Itoa(export)})
	case format == "" && export == exportVersion && f.listed:
		return f.export()
	}
	return api.WantedSet{}, wrong("file-other", 0, nil)
}

// scanJSON takes a JSON object apart, with the line of each element of its list of links.
func scanJSON(text []byte) (f jsonFile, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	at := lines{text: text}
	broken := func(err error) error {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return wrong("file-cut", 0, nil)
		}
		return wrong("file-broken", at.of(max(at.at, int(d.InputOffset()))), nil)
	}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		if err != nil {
			return f, broken(err)
		}
		return f, wrong("file-other", 0, nil)
	}
	f.fields = map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return f, broken(err)
		}
		name, _ := key.(string)
		name = strings.ToLower(name)
		if _, double := f.fields[name]; double || name == "links" && f.listed {
			return f, wrong("file-doubled", at.of(max(at.at, int(d.InputOffset()))), map[string]string{"key": name})
		}
		var value json.RawMessage
		if name != "links" {
			if err := d.Decode(&value); err != nil {
				return f, broken(err)
			}
			f.fields[name] = value
			continue
		}
		if t, err := d.Token(); err != nil {
			return f, broken(err)
		} else if t != json.Delim('[') {
			return f, wrong("file-other", 0, nil)
		}
		f.listed = true
		for d.More() {
			if len(f.links) == MaxLinks {
				return f, wrong("file-long", 0, map[string]string{"most": strconv.Itoa(MaxLinks)})
			}
			var link json.RawMessage
			if err := d.Decode(&link); err != nil {
				return f, broken(err)
			}
			f.links, f.at = append(f.links, link), append(f.at, at.of(int(d.InputOffset())-len(link)))
		}
		if _, err := d.Token(); err != nil {
			return f, broken(err)
		}
	}
	if _, err := d.Token(); err != nil {
		return f, broken(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return f, wrong("file-broken", at.of(max(at.at, int(d.InputOffset()))), nil)
	}
	return f, nil
}

func (f jsonFile) document() (api.WantedSet, error) {
	set := api.WantedSet{Format: FormatDocument}
	if providers := f.fields["providers"]; providers != nil {
		if err := json.Unmarshal(providers, &set.Scope); err != nil {
			return set, wrong("file-field", 0, map[string]string{"field": "providers"})
		}
	}
	for i, raw := range f.links {
		var l DocumentLink
		if err := json.Unmarshal(raw, &l); err != nil {
			return set, fieldError(err, f.at[i])
		}
		protocol, err := protocolOf(string(l.Protocol), f.at[i])
		if err != nil {
			return set, err
		}
		if err := add(&set, api.WantedLink{
			Line: f.at[i], Identity: api.Identity{Protocol: protocol, Provider: l.Provider, Name: l.Name},
			UserID: plainID(l.UserID), UserName: l.UserName,
		}); err != nil {
			return set, err
		}
	}
	return set, nil
}

func (f jsonFile) export() (api.WantedSet, error) {
	set := api.WantedSet{Format: FormatExport}
	for i, raw := range f.links {
		var l exportLink
		if err := json.Unmarshal(raw, &l); err != nil {
			return set, fieldError(err, f.at[i])
		}
		protocol, err := protocolOf(l.Protocol, f.at[i])
		if err != nil {
			return set, err
		}
		if err := add(&set, api.WantedLink{
			Line: f.at[i], Identity: api.Identity{Protocol: protocol, Provider: l.Provider, Name: l.CanonicalName}, UserName: l.Username,
		}); err != nil {
			return set, err
		}
	}
	return set, nil
}

// fieldError names the field of another type.
func fieldError(err error, line int) error {
	if of, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && of.Field != "" {
		return wrong("file-field", line, map[string]string{"field": of.Field})
	}
	return wrong("file-link", line, nil)
}
