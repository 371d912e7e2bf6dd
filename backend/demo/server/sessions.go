package server

import (
	"crypto/md5" //nolint:gosec // the server makes its session ids with it
	"encoding/hex"
	"net/http"
	"slices"
	"time"
	"unicode/utf16"

	"github.com/jellybind/jellybind/backend/api"
)

// token is an access token: one for each user on each device.
type token struct {
	value  string
	user   *user
	client client
	used   time.Time
}

// session is what the server knows about a program on a device that a user signed in with.
type session struct {
	id     string
	user   *user
	client client
	remote string // the client's address; empty until it has sent a request of its own
	used   time.Time
}

// remoteAddress is what the server shows as every client's address.
const remoteAddress = "127.0.0.1"

func (s *Server) findToken(value string) *token {
	for _, t := range s.tokens {
		if t.value == value {
			return t
		}
	}
	return nil
}

// endTokens ends the tokens that match, and the sessions of the devices that lose theirs.
func (s *Server) endTokens(match func(*token) bool) {
	s.tokens = slices.DeleteFunc(s.tokens, func(t *token) bool {
		if !match(t) {
			return false
		}
		s.sessions = slices.DeleteFunc(s.sessions, func(e *session) bool {
			return e.user == t.user && e.client.deviceID == t.client.deviceID
		})
		return true
	})
}

// touch notes that a token was used.
func (s *Server) touch(t *token) {
	t.used = s.now()
	s.session(t, remoteAddress)
}

// session finds or opens the session of a token's device and program.
func (s *Server) session(t *token, remote string) *session {
	id := sessionID(t.client.name + t.client.deviceID)
	i := slices.IndexFunc(s.sessions, func(e *session) bool { return e.id == id })
	if i < 0 {
		s.sessions = append(s.sessions, &session{id: id})
		i = len(s.sessions) - 1
	}
	e := s.sessions[i]
	e.user, e.client, e.remote, e.used = t.user, t.client, remote, s.now()
	return e
}

// sessionID is the MD5 of a program's name and device id in UTF-16, read as a .NET GUID.
func sessionID(key string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(key)) {
		b = append(b, byte(u), byte(u>>8))
	}
	h := md5.Sum(b) //nolint:gosec // see the import
	slices.Reverse(h[0:4])
	slices.Reverse(h[4:6])
	slices.Reverse(h[6:8])
	return hex.EncodeToString(h[:])
}

// authentication is the answer to every way of signing in.
type authentication struct {
	User        userDTO
	SessionInfo sessionDTO
	AccessToken string
	ServerId    string
}

// signIn opens a session for a user on a device and ends the user's earlier token there. remote is the device's address, empty
// when it is not the device that signs it in.
func (s *Server) signIn(u *user, c client, remote string) authentication {
	s.endTokens(func(t *token) bool { return t.user == u && t.client.deviceID == c.deviceID })
	c.token = ""
	t := &token{value: s.randomHex(16), user: u, client: c, used: s.now()}
	s.tokens = append(s.tokens, t)
	u.signedIn(s.now(), s.version.showsLogin)
	e := s.session(t, remote)
	return authentication{User: s.describe(u), SessionInfo: s.describeSession(e), AccessToken: t.value, ServerId: s.id}
}

func (s *Server) describeSession(e *session) sessionDTO {
	none := []string{}
	var queue []string
	if s.version.fullQueue {
		queue = none
	}
	return sessionDTO{
		PlayState:       playState{RepeatMode: "RepeatNone", PlaybackOrder: "Default"},
		AdditionalUsers: none, Capabilities: newCapabilities(), RemoteEndPoint: e.remote, PlayableMediaTypes: none,
		Id: e.id, UserId: e.user.id, UserName: e.user.name, Client: e.client.name, LastActivityDate: stamp(e.used),
		LastPlaybackCheckIn: zeroTime, DeviceName: e.client.device, DeviceId: e.client.deviceID,
		ApplicationVersion: e.client.version, IsActive: true, NowPlayingQueue: none, NowPlayingQueueItems: queue,
		ServerId: s.id, SupportedCommands: none,
	}
}

func authenticateByName(c *call) answer {
	var in struct{ Username, Pw string }
	if a, valid := c.decode(&in, ""); !valid {
		return a
	}
	if c.who.client.name == "" || c.who.client.deviceID == "" {
		return failed(http.StatusBadRequest)
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByName(in.Username)
	if u == nil {
		return failed(http.StatusUnauthorized)
	}
	// An account whose sign-in provider is not Jellyfin's own has no password to sign in with.
	if u.policy.AuthenticationProviderId != api.AuthProviderDefault || u.password != in.Pw {
		u.policy.InvalidLoginAttemptCount++
		u.save()
		return failed(http.StatusUnauthorized)
	}
	if u.policy.IsDisabled {
		return failed(http.StatusForbidden)
	}
	return ok(s.signIn(u, c.who.client, remoteAddress))
}

func logout(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.endTokens(func(t *token) bool { return t.value == c.who.client.token })
	return noContent()
}

func listSessions(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	out := []sessionDTO{}
	for _, e := range c.s.sessions {
		out = append(out, c.s.describeSession(e))
	}
	return ok(out)
}

// deviceDTO is a device in the server's JSON, in its order.
type deviceDTO struct {
	Name             string
	Id               string
	LastUserName     string
	AppName          string
	AppVersion       string
	LastUserId       string
	DateLastActivity string
	Capabilities     capabilities
}

func listDevices(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	out := []deviceDTO{}
	for _, t := range c.s.tokens {
		out = append(out, deviceDTO{
			t.client.device, t.client.deviceID, t.user.name, t.client.name, t.client.version, t.user.id, stamp(t.used),
			newCapabilities(),
		})
	}
	return ok(list(out))
}

// queryResult is a list in the server's JSON.
type queryResult[T any] struct {
	Items            []T
	TotalRecordCount int
	StartIndex       int
}

func list[T any](items []T) queryResult[T] {
	return queryResult[T]{Items: items, TotalRecordCount: len(items)}
}
