package server

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// quickConnectLife is how long a Quick Connect request waits for approval.
const quickConnectLife = 10 * time.Minute

// quickConnect is a request to sign in that a signed-in user approves by its code. The approval signs the device in; the
// device then fetches the outcome, as often as it likes.
type quickConnect struct {
	secret, code string
	client       client
	added        time.Time
	outcome      *authentication // once it is approved
}

// quickConnectDTO is a request in the server's JSON, in its order.
type quickConnectDTO struct {
	Authenticated                 bool
	Secret, Code                  string
	DeviceId, DeviceName, AppName string
	AppVersion, DateAdded         string
}

func (q *quickConnect) describe() quickConnectDTO {
	return quickConnectDTO{
		q.outcome != nil, q.secret, q.code, q.client.deviceID, q.client.device, q.client.name, q.client.version, stamp(q.added),
	}
}

// expireQuick drops the requests that have waited too long, approved or not.
func (s *Server) expireQuick() {
	s.quick = slices.DeleteFunc(s.quick, func(q *quickConnect) bool { return s.now().Sub(q.added) > quickConnectLife })
}

// findQuick finds a request that has not expired.
func (s *Server) findQuick(match func(*quickConnect) bool) *quickConnect {
	s.expireQuick()
	if i := slices.IndexFunc(s.quick, match); i >= 0 {
		return s.quick[i]
	}
	return nil
}

func quickConnectEnabled(*call) answer { return ok(true) }

func initiateQuickConnect(c *call) answer {
	if c.who.client.deviceID == "" {
		return failed(http.StatusBadRequest)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	q := &quickConnect{
		secret: c.s.randomHex(32), client: c.who.client, added: c.s.now(),
		code: fmt.Sprintf("%06d", 100_000+binary.BigEndian.Uint32(c.s.randomBytes(4))%900_000),
	}
	c.s.expireQuick()
	c.s.quick = append(c.s.quick, q)
	return ok(q.describe())
}

func pollQuickConnect(c *call) answer {
	secret := c.URL.Query().Get("secret")
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	q := c.s.findQuick(func(q *quickConnect) bool { return q.secret == secret })
	if q == nil {
		return value(http.StatusNotFound, "Unknown secret")
	}
	return ok(q.describe())
}

func authorizeQuickConnect(c *call) answer {
	if c.who.user == nil {
		return failed(http.StatusBadRequest)
	}
	code := c.URL.Query().Get("code")
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	q := c.s.findQuick(func(q *quickConnect) bool { return q.code == code })
	if q == nil {
		return failed(http.StatusNotFound)
	}
	if c.who.user.policy.IsDisabled {
		return failed(http.StatusForbidden)
	}
	outcome := c.s.signIn(c.who.user, q.client, "")
	q.outcome = &outcome
	return ok(true)
}

func authenticateWithQuickConnect(c *call) answer {
	var in struct{ Secret string }
	if a, valid := c.decode(&in, ""); !valid {
		return a
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	q := c.s.findQuick(func(q *quickConnect) bool { return q.secret == in.Secret && q.outcome != nil })
	if q == nil {
		return failed(http.StatusNotFound)
	}
	return ok(*q.outcome)
}
