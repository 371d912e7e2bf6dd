package backend

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
// "customLinks"; the web client knows no such key and ignores it.)
type menuLink struct {
	Name string `json:"name"`
	Icon string `json:"icon"`
	URL  string `json:"url"`
}

const menuName = "Linked accounts"

// SelfService returns the address of the plugin's own linking page on a server, and the menu entry that leads to it.
func SelfService(serverURL string) (api.SelfService, error) {
	page := strings.TrimRight(serverURL, "/") + "/SSOViews/linking"
	config, err := MergeMenuLink([]byte("{}"), serverURL)
	return api.SelfService{PageURL: page, MenuLink: string(config), MenuName: menuName}, err
}

// MergeMenuLink adds the menu entry for the plugin's linking page to a config.json of the web client, and returns the
// file's new content. An entry with the same address is replaced; everything else keeps its value and its order. The error
// is CodeUsage when config is no JSON object, or its menuLinks no list.
func MergeMenuLink(config []byte, serverURL string) ([]byte, error) {
	entry := menuLink{Name: menuName, Icon: "link", URL: strings.TrimRight(serverURL, "/") + "/SSOViews/linking"}
	config = bytes.TrimPrefix(config, []byte("\uFEFF"))
	links := gjson.GetBytes(config, "menuLinks")
	if !gjson.ValidBytes(config) || !gjson.ParseBytes(config).IsObject() || links.Exists() && !links.IsArray() {
		return nil, &api.Error{
			Code: api.CodeUsage, Why: "no-web-config",
			Sentence: "What was given as config.json is not the configuration of Jellyfin's web client.",
			Hint:     "Give the content of the web client's config.json on standard input.",
		}
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
