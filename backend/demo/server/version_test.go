package server_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/server"
)

// TestJellyfin12 holds the two versions of Jellyfin to what differs between them.
func TestJellyfin12(t *testing.T) {
	t.Parallel()
	shared := startProviders(t, people)
	for version, is12 := range map[string]bool{"": false, server.Jellyfin12: true} {
		w := newWorldAt(t, shared, api.FlavourK0lin, func(o *server.Options) { o.Jellyfin = version })
		number := map[bool]string{false: "10.11.11", true: "12.0.0"}[is12]
		holds := func(what string, body []byte, part string, want bool) {
			t.Helper()
			if bytes.Contains(body, []byte(part)) != want {
				t.Errorf("%s: %s holds %s: want %t, in %s", number, what, part, want, body)
			}
		}
		_, _, body := w.do(http.MethodGet, "/System/Info/Public", "", nil)
		holds("public information", body, `"Version":"`+number+`"`, true)
		_, _, body = w.do(http.MethodGet, "/Plugins", "", nil)
		holds("the list of plugins", body, `"Version":"`+number+`.0"`, true)
		holds("the list of plugins", body, "ListenBrainz", is12)
		_, _, body = w.do(http.MethodGet, "/Users/Me", "", nil)
		holds("the signed-in account", body, "LastLoginDate", is12)
		_, _, body = w.do(http.MethodGet, "/Sessions", "", nil)
		holds("a session", body, "NowPlayingQueueFullItems", !is12)
		holds("a session", body, `"NowPlayingQueue":[]`, true)
		_, _, body = w.do(http.MethodPost, "/Users/New", `{"Name":"new","Password":"pw"}`, nil)
		holds("a new account", body, `"HasPassword":true`, is12)

		old := map[bool]int{false: http.StatusOK, true: http.StatusUnauthorized}[is12]
		for _, c := range []struct {
			path    string
			headers map[string]string
			want    int
		}{
			{"/System/Info", map[string]string{"Authorization": "", "X-Emby-Token": w.key}, old},
			{"/System/Info", map[string]string{"Authorization": "", "X-MediaBrowser-Token": w.key}, old},
			{"/System/Info", map[string]string{"Authorization": "", "X-Emby-Authorization": `MediaBrowser Token="` + w.key + `"`}, old},
			{"/System/Info?api_key=" + w.key, map[string]string{"Authorization": ""}, old},
			{"/System/Info?ApiKey=" + w.key, map[string]string{"Authorization": ""}, http.StatusOK},
			{"/System/Info", map[string]string{"Authorization": `MediaBrowser Token="` + w.key + `"`}, http.StatusOK},
		} {
			if status, _, _ := w.do(http.MethodGet, c.path, "", c.headers); status != c.want {
				t.Errorf("%s: %s with %v answers %d, want %d", number, c.path, c.headers, status, c.want)
			}
		}

		w.server.SetPhase(server.PhaseEarly)
		status, header, body := w.do(http.MethodGet, "/System/Info/Public", "", nil)
		if is12 && (status != http.StatusServiceUnavailable || len(body) > 0 || header.Get("Content-Type") != "") {
			t.Errorf("%s: while it starts: %d %q %s", number, status, header.Get("Content-Type"), body)
		}
		var info struct {
			ID string `json:"id"`
		}
		if !is12 && (json.Unmarshal(body, &info) != nil || info.ID != w.server.ID()) {
			t.Errorf("%s: while it starts: %d %s", number, status, body)
		}
	}
}
