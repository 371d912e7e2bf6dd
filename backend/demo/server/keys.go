package server

import (
	"slices"
	"time"
)

// apiKey is a key of the server. It has no user.
type apiKey struct {
	value, app string
	created    time.Time
}

func (s *Server) hasKey(value string) bool {
	return slices.ContainsFunc(s.keys, func(k apiKey) bool { return k.value == value })
}

func (s *Server) addKey(app string) string {
	k := apiKey{value: s.randomHex(16), app: app, created: s.now()}
	s.keys = append(s.keys, k)
	return k.value
}

func createKey(c *call) answer {
	app := c.URL.Query().Get("app")
	if app == "" {
		return c.invalid("app", "The app field is required.")
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.addKey(app)
	return noContent()
}

// keyDTO is a key in the server's JSON, in its order.
type keyDTO struct {
	Id                                                     int
	AccessToken, DeviceId, AppName, AppVersion, DeviceName string
	UserId                                                 string
	IsActive                                               bool
	DateCreated, DateLastActivity                          string
}

func listKeys(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	out := []keyDTO{}
	for _, k := range c.s.keys {
		out = append(out, keyDTO{
			AccessToken: k.value, AppName: k.app, UserId: zeroID, DateCreated: stamp(k.created), DateLastActivity: zeroTime,
		})
	}
	return ok(list(out))
}

// revokeKey answers the same whether there was such a key or not.
func revokeKey(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.keys = slices.DeleteFunc(c.s.keys, func(k apiKey) bool { return k.value == c.vars["key"] })
	return noContent()
}
