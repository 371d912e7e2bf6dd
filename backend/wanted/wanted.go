// Package wanted turns files, rules and other servers' links into wanted links. It reads what it is given, and never writes and
// never asks a server.
package wanted

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"github.com/jellybind/jellybind/backend/api"
)

// Bounds of a file. A link takes about 150 bytes, so that files of 200,000 links fit. A server has a few providers.
const (
	MaxBytes     = 64 << 20
	MaxLinks     = 200_000
	maxProviders = 1000
)

// Options say what a file does not.
type Options struct {
	// Provider is where a table without a column for providers links to. Of a file that names providers, only its links are read.
	Provider api.ProviderRef
	// Providers are the server's. A table without a column for protocols takes a provider's protocol from here.
	Providers []api.ProviderRef
	// Columns names the columns of a table, by Column; the others are recognised by their titles.
	Columns map[Column]string
}

// Read recognises a file with links and reads it whole. label is its name for people.
//
// Errors: CodeUsage with the line, and nothing is read then.
func Read(r io.Reader, label string, o Options) (api.WantedSet, error) {
	set, err := read(r, label, o)
	if err != nil {
		return api.WantedSet{}, named(label, err)
	}
	number(set.Links)
	if o.Provider.Protocol != "" {
		set.Links = slices.DeleteFunc(set.Links, func(l api.WantedLink) bool { return l.Ref() != o.Provider })
		set.Scope = slices.DeleteFunc(set.Scope, func(at api.ProviderRef) bool { return at != o.Provider })
	}
	set.Source, set.Label = api.SourceDocument, label
	return set, nil
}

// number numbers the links through where several stand in one line of the file: a line names one link.
func number(links []api.WantedLink) {
	seen := make(map[int]bool, len(links))
	for _, l := range links {
		if seen[l.Line] {
			for i := range links {
				links[i].Line = i + 1
			}
			return
		}
		seen[l.Line] = true
	}
}

func read(r io.Reader, label string, o Options) (api.WantedSet, error) {
	text, err := readText(r, label)
	if err != nil {
		return api.WantedSet{}, err
	}
	switch start := bytes.TrimLeft(text, " \t\r\n"); {
	case len(start) == 0:
		return api.WantedSet{}, wrong("file-empty", 0, nil)
	case start[0] == '{', start[0] == '[':
		return readJSON(text)
	case start[0] == '<':
		return readXML(text)
	}
	return readTable(text, o)
}

// readText reads a file as UTF-8, whatever its byte order mark says it is in.
func readText(r io.Reader, label string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	switch {
	case err != nil:
		return nil, &api.Error{Code: api.CodeUsage, Why: "file-unreadable", Params: map[string]string{"file": label}, Err: err}
	case len(data) > MaxBytes:
		return nil, wrong("file-large", 0, map[string]string{"most": strconv.Itoa(MaxBytes >> 20)})
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil, wrong("file-zip", 0, nil)
	}
	if bytes.HasPrefix(data, []byte("\xfe\xff")) || bytes.HasPrefix(data, []byte("\xff\xfe")) {
		decoder := unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder()
		if data, err = decoder.Bytes(data); err != nil {
			return nil, wrong("file-encoding", 0, nil)
		}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case bytes.IndexByte(data, 0) >= 0:
		return nil, wrong("file-binary", 0, nil)
	case !utf8.Valid(data):
		return nil, wrong("file-encoding", 0, nil)
	}
	return data, nil
}

// named puts a file's name into the error of reading it.
func named(label string, err error) error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		e.Params["file"] = label
	}
	return err
}

// wrong is the error of a file that cannot be read. line is 0 where it is about the whole file.
func wrong(why api.Why, line int, facts map[string]string) *api.Error {
	e := &api.Error{Code: api.CodeUsage, Why: why, Params: map[string]string{}}
	maps.Copy(e.Params, facts)
	if line > 0 {
		e.Params["line"] = strconv.Itoa(line)
	}
	return e
}

// add adds a link to a set, which speaks for its provider then.
func add(set *api.WantedSet, l api.WantedLink) error {
	if len(set.Links) == MaxLinks {
		return wrong("file-long", l.Line, map[string]string{"most": strconv.Itoa(MaxLinks)})
	}
	set.Links = append(set.Links, l)
	return speakFor(set, l.Ref(), l.Line)
}

func speakFor(set *api.WantedSet, ref api.ProviderRef, line int) error {
	switch {
	case slices.Contains(set.Scope, ref):
	case len(set.Scope) == maxProviders:
		return wrong("file-providers", line, map[string]string{"most": strconv.Itoa(maxProviders)})
	default:
		set.Scope = append(set.Scope, ref)
	}
	return nil
}

// protocols are what files call a protocol, in lower case.
var protocols = map[string]api.Protocol{
	"oidc": api.OIDC, "openid": api.OIDC, "oid": api.OIDC, "openid connect": api.OIDC, "saml": api.SAML,
}

func protocolOf(text string, line int) (api.Protocol, error) {
	p, ok := protocols[strings.ToLower(strings.TrimSpace(text))]
	if !ok {
		return "", wrong("file-protocol", line, map[string]string{"protocol": text})
	}
	return p, nil
}

// plainID is an account's id as the server's answers have it: without dashes, in lower case.
func plainID(id string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(id), "-", ""))
}

// lines finds the line of an offset. Offsets must not go back.
type lines struct {
	text []byte
	at   int
	line int
}

func (l *lines) of(offset int) int {
	l.line += bytes.Count(l.text[l.at:offset], []byte("\n"))
	l.at = offset
	return l.line + 1
}

func byProvider(a, b api.ProviderRef) int {
	return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Provider, b.Provider))
}
