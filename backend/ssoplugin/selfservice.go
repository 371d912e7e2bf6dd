package ssoplugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/jellybind/jellybind/backend/api"
)

// menuLink is one entry of "menuLinks" in the web client's config.json. (The wiki of K0lin's fork calls the key
// "customLinks", which the web client ignores.)
type menuLink struct {
	Name string `json:"name"`
	Icon string `json:"icon"`
	URL  string `json:"url"`
}

const menuName = "Linked accounts"

// SelfService returns the address of the plugin's own linking page on a server, and a config.json of the web client with a
// menu entry for it. config is the present config.json; empty stands for a server without one. An entry with the same
// address is replaced, and everything else keeps its value and its order. The error is CodeUsage if config is not a JSON
// object, has a key twice, or its menuLinks is not a list.
func SelfService(serverURL string, config []byte) (api.SelfService, error) {
	if len(config) == 0 {
		config = []byte("{}")
	}
	page := strings.TrimRight(serverURL, "/") + "/SSOViews/linking"
	merged, err := mergeMenuLink(config, menuLink{Name: menuName, Icon: "link", URL: page})
	return api.SelfService{PageURL: page, MenuLink: string(merged), MenuName: menuName}, err
}

// mergeMenuLink returns config with the entry added or replaced, indented by two spaces. Of several entries with the same
// address, one stays.
func mergeMenuLink(config []byte, entry menuLink) ([]byte, error) {
	config = bytes.TrimPrefix(config, []byte("\uFEFF"))
	links, err := menuLinks(config)
	if err != nil {
		return nil, err
	}
	merged, place := config, "menuLinks.-1" // appends
	if !links.IsArray() {
		place = "menuLinks.0"
		if merged, err = sjson.SetRawBytes(merged, "menuLinks", []byte("[]")); err != nil {
			return nil, fmt.Errorf("adding the menu: %w", err)
		}
	}
	for i, l := range slices.Backward(links.Array()) {
		if !sameAddress(l.Get("url").String(), entry.URL) {
			continue
		}
		if place != "menuLinks.-1" {
			if merged, err = sjson.DeleteBytes(merged, place); err != nil {
				return nil, fmt.Errorf("removing a second menu entry: %w", err)
			}
		}
		place = fmt.Sprintf("menuLinks.%d", i)
	}
	if merged, err = sjson.SetBytes(merged, place, entry); err != nil {
		return nil, fmt.Errorf("adding the menu entry: %w", err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, bytes.TrimSpace(merged), "", "  "); err != nil {
		return nil, fmt.Errorf("indenting config.json: %w", err)
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

// menuLinks returns the menu of a config.json; it is not a list where there is none. A key that comes twice is refused: which
// of the two the web client takes is not for us to choose.
func menuLinks(config []byte) (gjson.Result, error) {
	d := jsontext.NewDecoder(bytes.NewReader(config))
	_, err := d.ReadValue()
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok && errors.Is(err, jsontext.ErrDuplicateName) {
		return gjson.Result{}, &api.Error{
			Code: api.CodeUsage, Why: "web-config-doubled", Params: map[string]string{"key": syntax.JSONPointer.LastToken()},
		}
	}
	links := gjson.GetBytes(config, "menuLinks")
	if err != nil || !gjson.ValidBytes(config) || !gjson.ParseBytes(config).IsObject() ||
		links.Exists() && links.Type != gjson.Null && !links.IsArray() {
		return gjson.Result{}, &api.Error{Code: api.CodeUsage, Why: "no-web-config"}
	}
	return links, nil
}

// sameAddress reports whether an entry of the menu leads to page. The web client resolves it against its own address, and the
// server does not tell paths apart by case or by a slash at their end.
func sameAddress(entry, page string) bool {
	to, err := url.Parse(page)
	if err != nil {
		return false
	}
	from, err := to.JoinPath("../../web/index.html").Parse(strings.TrimSpace(entry))
	return err == nil && entry != "" && comparableAddress(from) == comparableAddress(to)
}

func comparableAddress(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port) + path.Clean("/"+u.Path))
}
