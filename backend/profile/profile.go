// Package profile stores the servers that a person has added, and the person's settings, in one readable file without
// secrets.
package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jellybind/jellybind/backend/api"
)

// Version is the version of the file's format. A file with a later version is refused.
const Version = 1

// Data is the content of the file.
type Data struct {
	Version  int          `json:"version"`
	Profiles []Entry      `json:"profiles"`
	Settings api.Settings `json:"settings"`
	// Last is the device id of the server that was open in the window last; empty for none.
	Last string `json:"last,omitempty"`
	// Window is the window's last place; nil if it was never open.
	Window *api.WindowState `json:"window,omitempty"`

	// unknown are fields that this version does not know. They are written back unchanged.
	unknown map[string]json.RawMessage
}

// Entry is one server.
type Entry struct {
	api.Profile
	// DeviceID identifies this installation to the server. It never changes, because Jellyfin ends the earlier session when the
	// same device signs in again. Update fills it in.
	DeviceID string `json:"deviceId"`
	// Providers are the app's own settings for the server's identity providers.
	Providers []api.ProviderSettings `json:"providers,omitempty"`
	// Notes are what the person wrote down about identities.
	Notes []api.IdentityNote `json:"notes,omitempty"`
	// AcceptedRisks are the ids of accounts whose name is free at a provider, and stays so by the person's choice.
	AcceptedRisks []string `json:"acceptedRisks,omitempty"`
	// KeepNames is true if the name that a sign-in tells becomes a note without asking each time.
	KeepNames bool `json:"keepNames,omitempty"`
	// Ways are what was found by trying at the server's identity providers.
	Ways []api.FoundWays `json:"ways,omitempty"`

	unknown map[string]json.RawMessage
}

// Find returns the profile with that name or address, or the default one if name is empty. The pointer is into d. The error
// is CodeProfileNotFound, or CodeUsage if several profiles have the address.
func (d *Data) Find(name string) (*Entry, error) {
	for i := range d.Profiles {
		p := &d.Profiles[i]
		if p.Name == name || name == "" && p.Default {
			return p, nil
		}
	}
	if alike := d.alike(name); len(alike) == 1 {
		return alike[0], nil
	}
	if name == "" {
		return nil, &api.Error{Code: api.CodeProfileNotFound, Why: "no-server"}
	}
	switch at := d.at(name); len(at) {
	case 0:
		return nil, &api.Error{Code: api.CodeProfileNotFound, Params: map[string]string{"name": name}}
	case 1:
		return at[0], nil
	default:
		names := []string{}
		for _, p := range at {
			names = append(names, p.Name)
		}
		return nil, &api.Error{
			Code: api.CodeUsage, Why: "several-servers",
			Params: map[string]string{"address": name, "names": strings.Join(names, ", ")},
		}
	}
}

// LastUsed returns the profile that was open in the window last or, if it is gone, the default one. The error is
// CodeProfileNotFound.
func (d *Data) LastUsed() (*Entry, error) {
	for i := range d.Profiles {
		if d.Last != "" && d.Profiles[i].DeviceID == d.Last {
			return &d.Profiles[i], nil
		}
	}
	return d.Find("")
}

// ByURL returns the first profile with exactly this base URL.
func (d *Data) ByURL(baseURL string) (Entry, bool) {
	i := slices.IndexFunc(d.Profiles, func(e Entry) bool { return e.URL == baseURL })
	if i < 0 {
		return Entry{}, false
	}
	return d.Profiles[i], true
}

// alike returns the profiles of that name, without regard to case.
func (d *Data) alike(name string) []*Entry {
	var found []*Entry
	for i := range d.Profiles {
		if p := &d.Profiles[i]; name != "" && strings.EqualFold(p.Name, name) {
			found = append(found, p)
		}
	}
	return found
}

// At returns the profiles with an address. The address may lack the scheme or end with a slash.
func (d *Data) At(address string) []Entry {
	var list []Entry
	for _, e := range d.at(address) {
		list = append(list, *e)
	}
	return list
}

// at returns the profiles with an address. The address may lack the scheme or end with a slash.
func (d *Data) at(address string) []*Entry {
	address = strings.TrimRight(address, "/")
	var found []*Entry
	for i := range d.Profiles {
		p := &d.Profiles[i]
		whole := strings.TrimRight(p.URL, "/")
		_, bare, _ := strings.Cut(whole, "://")
		if strings.EqualFold(address, whole) || strings.EqualFold(address, bare) {
			found = append(found, p)
		}
	}
	return found
}

// Add appends a profile. It becomes the default if it is the first, or if it says so. The error is CodeProfileExists if the
// name is taken.
func (d *Data) Add(e Entry) error {
	if slices.ContainsFunc(d.Profiles, func(p Entry) bool { return p.Name == e.Name }) {
		return exists(e.Name)
	}
	if e.Default {
		for i := range d.Profiles {
			d.Profiles[i].Default = false
		}
	}
	d.Profiles = append(d.Profiles, e)
	d.settleDefault()
	return nil
}

// Remove removes a profile. If it was the default, the first of the rest becomes the default. The error is
// CodeProfileNotFound.
func (d *Data) Remove(name string) error {
	i := slices.IndexFunc(d.Profiles, func(p Entry) bool { return p.Name == name })
	if i < 0 {
		_, err := d.Find(name)
		return err
	}
	d.Profiles = slices.Delete(d.Profiles, i, i+1)
	d.settleDefault()
	return nil
}

// SetDefault makes a profile the default. The error is CodeProfileNotFound.
func (d *Data) SetDefault(name string) error {
	e, err := d.Find(name)
	if err != nil {
		return err
	}
	name = e.Name
	for i := range d.Profiles {
		d.Profiles[i].Default = d.Profiles[i].Name == name
	}
	return nil
}

// Provider returns the settings for one of the server's providers, or the defaults if there are none.
func (e *Entry) Provider(protocol api.Protocol, name string) api.ProviderSettings {
	for _, p := range e.Providers {
		if p.Protocol == protocol && p.Provider == name {
			return p
		}
	}
	return api.ProviderSettings{Protocol: protocol, Provider: name}
}

// SetProvider replaces the settings for one of the server's providers.
func (e *Entry) SetProvider(s api.ProviderSettings) {
	for i, p := range e.Providers {
		if p.Protocol == s.Protocol && p.Provider == s.Provider {
			e.Providers[i] = s
			return
		}
	}
	e.Providers = append(e.Providers, s)
}

// SetNote replaces what is written down about an identity. An empty text drops it.
func (e *Entry) SetNote(n api.IdentityNote) {
	e.Notes = slices.DeleteFunc(slices.Clone(e.Notes), func(x api.IdentityNote) bool { return x.Identity == n.Identity })
	if n.Text != "" {
		e.Notes = append(e.Notes, n)
	}
}

// Note returns what is written down about an identity; empty for nothing.
func (e *Entry) Note(id api.Identity) string {
	for _, n := range e.Notes {
		if n.Identity == id {
			return n.Text
		}
	}
	return ""
}

// Way returns what was found by trying at a provider; nil for nothing.
func (e *Entry) Way(protocol api.Protocol, name string) []api.Attempt {
	for _, w := range e.Ways {
		if w.Protocol == protocol && w.Provider == name {
			return w.Attempts
		}
	}
	return nil
}

// SetWay replaces what was found at a provider. Nothing found drops it.
func (e *Entry) SetWay(w api.FoundWays) {
	e.Ways = slices.DeleteFunc(e.Ways, func(x api.FoundWays) bool {
		return x.Protocol == w.Protocol && x.Provider == w.Provider
	})
	if len(w.Attempts) > 0 {
		e.Ways = append(e.Ways, w)
	}
}

// settleDefault makes exactly one profile the default: the first that says so, or else the first.
func (d *Data) settleDefault() {
	found := false
	for i := range d.Profiles {
		d.Profiles[i].Default = d.Profiles[i].Default && !found
		found = found || d.Profiles[i].Default
	}
	if !found && len(d.Profiles) > 0 {
		d.Profiles[0].Default = true
	}
}

// check refuses what must not be in the file: two profiles with the same name, empty names, the demo world, and addresses
// with a password.
func (d *Data) check() error {
	seen := map[string]bool{}
	for _, p := range d.Profiles {
		switch {
		case p.Name == "" || len(p.Name) > 200 || !utf8.ValidString(p.Name) || api.Printable(p.Name) != p.Name:
			return &api.Error{Code: api.CodeUsage, Why: "profile-name", Params: map[string]string{"name": p.Name}}
		case seen[p.Name]:
			return exists(p.Name)
		case p.Demo:
			return &api.Error{Code: api.CodeUsage, Why: "profile-demo"}
		}
		seen[p.Name] = true
		if err := checkAddress(p.Name, p.URL); err != nil {
			return err
		}
		if p.LocalAddress == "" {
			continue
		}
		if err := checkAddress(p.Name, p.LocalAddress); err != nil {
			return err
		}
	}
	return nil
}

// checkAddress refuses what is not a server's base address.
func checkAddress(name, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return &api.Error{Code: api.CodeAddressInvalid, Why: "profile-scheme", Params: map[string]string{"name": name}}
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return &api.Error{Code: api.CodeAddressInvalid, Why: "profile-bare", Params: map[string]string{"name": name}}
	}
	return nil
}

func exists(name string) error {
	return &api.Error{Code: api.CodeProfileExists, Params: map[string]string{"name": name}}
}

// Errors of the file's content, inside the *api.Error of Load and Update.
var (
	// ErrDamaged: the file is not JSON, or breaks the rules of Data.
	ErrDamaged = errors.New("damaged profile file")
	// ErrNewer: a later Jellybind wrote the file.
	ErrNewer = errors.New("profile file of a later version")
)

// decode reads the file's content. It accepts a byte order mark, which editors on Windows add.
func decode(b []byte) (Data, error) {
	b = bytes.TrimPrefix(b, []byte("\uFEFF"))
	if !utf8.Valid(b) {
		return Data{}, fmt.Errorf("%w: not UTF-8", ErrDamaged)
	}
	var head struct {
		Version *int `json:"version"`
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&head); err != nil {
		return Data{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Data{}, fmt.Errorf("%w: something follows the object", ErrDamaged)
	}
	if head.Version == nil || *head.Version < 1 {
		return Data{}, fmt.Errorf("%w: no version", ErrDamaged)
	}
	if *head.Version > Version {
		return Data{}, fmt.Errorf("%w: %d", ErrNewer, *head.Version)
	}
	var d Data
	if err := json.Unmarshal(b, &d); err != nil {
		return Data{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := d.check(); err != nil {
		return Data{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	d.settleDefault()
	return d, nil
}

// encode returns the file's content, indented for people and version control.
func encode(d Data) ([]byte, error) {
	d.Version = Version
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

type (
	plainData  Data
	plainEntry Entry
)

// UnmarshalJSON keeps the fields that this version does not know.
func (d *Data) UnmarshalJSON(b []byte) error {
	unknown, err := split(b, (*plainData)(d), plainData{})
	d.unknown = unknown
	if d.Profiles == nil {
		d.Profiles = []Entry{}
	}
	return err
}

// MarshalJSON writes them back.
func (d Data) MarshalJSON() ([]byte, error) { return join(plainData(d), d.unknown) }

// UnmarshalJSON keeps the fields that this version does not know.
func (e *Entry) UnmarshalJSON(b []byte) error {
	unknown, err := split(b, (*plainEntry)(e), plainEntry{})
	e.unknown = unknown
	return err
}

// MarshalJSON writes them back.
func (e Entry) MarshalJSON() ([]byte, error) { return join(plainEntry(e), e.unknown) }

// split decodes an object into a struct, and returns the fields that the struct does not have.
func split(b []byte, into, zero any) (map[string]json.RawMessage, error) {
	if err := json.Unmarshal(b, into); err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	known := names(zero)
	for k := range all {
		if slices.ContainsFunc(known, func(n string) bool { return strings.EqualFold(n, k) }) {
			delete(all, k)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

// join encodes a struct, and appends the unknown fields in alphabetical order.
func join(known any, unknown map[string]json.RawMessage) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(known); err != nil {
		return nil, err
	}
	out := bytes.TrimRight(b.Bytes(), "\n")
	if len(unknown) == 0 {
		return out, nil
	}
	rest, err := json.Marshal(unknown)
	if err != nil {
		return nil, err
	}
	out = append(out[:len(out)-1], ',')
	return append(out, rest[1:]...), nil
}
