package server

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
)

// client is what a request says about the program that sent it.
type client struct{ name, device, deviceID, version, token string }

// principal is who a request comes from: nobody, an API key, or a user with an access token.
type principal struct {
	key    bool
	user   *user
	client client
}

// authorize finds out who sent the request, and returns 401 or 403 where that one may not use the route. An API key has no user.
func (c *call) authorize(a access) int {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	c.who.client = clientOf(c.Request, s.version.oldCredentials)
	if token := c.who.client.token; token != "" {
		c.who.key = s.hasKey(token)
		if t := s.findToken(token); t != nil && !c.who.key {
			c.who.user = t.user
			s.touch(t)
		}
	}
	known := c.who.key || c.who.user != nil
	switch {
	case a == anyone, a == setup && !s.wizard:
		return 0
	case !known:
		return http.StatusUnauthorized
	case a == setup:
		return http.StatusForbidden
	case a == elevated && !c.who.elevated():
		return http.StatusForbidden
	}
	return 0
}

func (p principal) elevated() bool {
	return p.key || (p.user != nil && p.user.policy.IsAdministrator)
}

// clientOf reads the credential where Jellyfin looks for it: the Authorization header with the MediaBrowser scheme, ApiKey in
// the query, and, where they still count, the older headers and api_key. There is no Bearer.
func clientOf(r *http.Request, old bool) client {
	header := r.Header.Get("Authorization")
	if header == "" && old {
		header = r.Header.Get("X-Emby-Authorization")
	}
	var c client
	scheme, rest, _ := strings.Cut(header, " ")
	if strings.EqualFold(scheme, "MediaBrowser") || strings.EqualFold(scheme, "Emby") {
		c = clientFields(rest)
	}
	query := r.URL.Query()
	if old {
		c.token = cmp.Or(c.token, r.Header.Get("X-Emby-Token"), r.Header.Get("X-MediaBrowser-Token"))
	}
	c.token = cmp.Or(c.token, query.Get("ApiKey"))
	if old {
		c.token = cmp.Or(c.token, query.Get("api_key"))
	}
	return c
}

// clientFields reads Client="…", Device="…", … Values are percent-encoded where they need to be.
func clientFields(s string) client {
	var c client
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		var v string
		rest = strings.TrimLeft(rest, " ")
		if strings.HasPrefix(rest, `"`) {
			v, s, _ = strings.Cut(rest[1:], `"`)
			_, s, _ = strings.Cut(s, ",")
		} else {
			v, s, _ = strings.Cut(rest, ",")
		}
		if decoded, err := url.PathUnescape(v); err == nil {
			v = decoded
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "client":
			c.name = v
		case "device":
			c.device = v
		case "deviceid":
			c.deviceID = v
		case "version":
			c.version = v
		case "token":
			c.token = v
		}
	}
	return c
}
