package ssoplugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

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
// object, or its menuLinks is not a list.
func SelfService(serverURL string, config []byte) (api.SelfService, error) {
	if len(config) == 0 {
		config = []byte("{}")
	}
	page := strings.TrimRight(serverURL, "/") + "/SSOViews/linking"
	merged, err := mergeMenuLink(config, menuLink{Name: menuName, Icon: "link", URL: page})
	return api.SelfService{PageURL: page, MenuLink: string(merged), MenuName: menuName}, err
}

// mergeMenuLink returns config with the entry added or replaced, indented by two spaces.
func mergeMenuLink(config []byte, entry menuLink) ([]byte, error) {
	config = bytes.TrimPrefix(config, []byte("\uFEFF"))
	links := gjson.GetBytes(config, "menuLinks")
	if !gjson.ValidBytes(config) || !gjson.ParseBytes(config).IsObject() || links.Exists() && !links.IsArray() {
		return nil, &api.Error{Code: api.CodeUsage, Why: "no-web-config"}
	}
	place := "menuLinks.-1" // appends
	for i, l := range links.Array() {
		if l.Get("url").String() == entry.URL {
			place = fmt.Sprintf("menuLinks.%d", i)
		}
	}
	merged, err := sjson.SetBytes(config, place, entry)
	if err != nil {
		return nil, fmt.Errorf("adding the menu entry: %w", err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, bytes.TrimSpace(merged), "", "  "); err != nil {
		return nil, fmt.Errorf("indenting config.json: %w", err)
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}
