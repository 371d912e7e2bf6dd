package wanted

import (
	"bytes"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// The plugin's own file has a list of providers for each protocol, and each provider a list of links; both are .NET
// dictionaries: an item with a key and a value.
const (
	xmlRoot     = "PluginConfiguration"
	xmlProvider = "item/key/string"
	xmlName     = "item/value/PluginConfiguration/CanonicalLinks/item/key/string"
	xmlAccount  = "item/value/PluginConfiguration/CanonicalLinks/item/value/guid"
	xmlLink     = "item/value/PluginConfiguration/CanonicalLinks/item"
)

var xmlLists = map[string]api.Protocol{"OidConfigs": api.OIDC, "SamlConfigs": api.SAML}

// xmlReader reads the plugin's own file.
type xmlReader struct {
	set      api.WantedSet
	path     []string
	text     strings.Builder
	protocol api.Protocol
	provider string
	link     api.WantedLink
	lists    int
}

func readXML(text []byte) (api.WantedSet, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	x := xmlReader{set: api.WantedSet{Format: FormatXML}}
	for {
		t, err := d.Token()
		line, _ := d.InputPos()
		switch {
		case errors.Is(err, io.EOF) && x.lists == 0:
			return x.set, wrong("file-other", 0, nil)
		case errors.Is(err, io.EOF):
			return x.set, nil
		case err != nil && d.InputOffset() == int64(len(text)):
			return x.set, wrong("file-cut", 0, nil)
		case err != nil:
			return x.set, wrong("file-broken", line, nil)
		}
		switch t := t.(type) {
		case xml.Directive:
			return x.set, wrong("file-doctype", line, nil)
		case xml.StartElement:
			err = x.start(t.Name.Local, line)
		case xml.CharData:
			x.text.Write(t)
		case xml.EndElement:
			err = x.end(line)
		}
		if err != nil {
			return x.set, err
		}
	}
}

// at is the path below a list of providers; ok is false elsewhere.
func (x *xmlReader) at() (path string, ok bool) {
	if len(x.path) < 3 || xmlLists[x.path[1]] == "" {
		return "", false
	}
	return strings.Join(x.path[2:], "/"), true
}

func (x *xmlReader) start(name string, line int) error {
	x.path = append(x.path, name)
	x.text.Reset()
	if len(x.path) == 1 && name != xmlRoot {
		return wrong("file-other", 0, nil)
	}
	if len(x.path) == 2 && xmlLists[name] != "" {
		x.protocol = xmlLists[name]
		x.lists++
	}
	if at, ok := x.at(); ok && at == xmlLink {
		x.link = api.WantedLink{Line: line, Identity: api.Identity{Protocol: x.protocol, Provider: x.provider}}
	}
	return nil
}

func (x *xmlReader) end(line int) (err error) {
	switch at, _ := x.at(); at {
	case xmlProvider:
		x.provider = x.text.String()
		err = speakFor(&x.set, api.ProviderRef{Protocol: x.protocol, Provider: x.provider}, line)
	case xmlName:
		x.link.Name = x.text.String()
	case xmlAccount:
		x.link.UserID = plainID(x.text.String())
		if _, err := hex.DecodeString(x.link.UserID); err != nil || len(x.link.UserID) != 32 {
			return wrong("file-id", line, map[string]string{"id": x.text.String()})
		}
	case xmlLink:
		err = add(&x.set, x.link)
	}
	x.path = x.path[:len(x.path)-1]
	x.text.Reset()
	return err
}
