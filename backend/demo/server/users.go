package server

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// UserSpec describes an account to add.
type UserSpec struct {
	// Name is the account's name; Password may be empty for an account without one.
	Name, Password          string
	Administrator, Disabled bool
	AuthProvider            string // empty for Jellyfin's own
	// LastActivity is left out of the server's answers when it is zero.
	LastActivity time.Time
}

// defaultResetProvider is the id of Jellyfin's own provider of new passwords, a .NET type name.
const defaultResetProvider = "Jellyfin.Server.Implementations.Users.DefaultPasswordResetProvider"

// user is an account. The server answers from the account in memory; saved is what of it has reached the database and
// shows after a restart.
type user struct {
	id, name, password      string
	hasPassword             bool
	lastLogin, lastActivity time.Time
	policy                  policy
	saved                   struct {
		lastLogin      time.Time
		failedAttempts int
	}
}

// reload takes the account from the database.
func (u *user) reload() {
	u.lastLogin, u.policy.InvalidLoginAttemptCount = u.saved.lastLogin, u.saved.failedAttempts
}

// signedIn notes a sign-in. Unless it is shown at once, the account in memory shows the activity only; the time of the sign-in
// and the reset of the failed attempts reach the database.
func (u *user) signedIn(now time.Time, shown bool) {
	u.lastActivity = now
	u.saved.lastLogin, u.saved.failedAttempts = now, 0
	if shown {
		u.lastLogin = now
	}
}

// save writes the account in memory to the database, over what a sign-in wrote there.
func (u *user) save() {
	u.saved.lastLogin, u.saved.failedAttempts = u.lastLogin, u.policy.InvalidLoginAttemptCount
}

// AddUser adds an account and returns its id, undashed.
func (s *Server) AddUser(spec UserSpec) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.addUser(spec.Name, spec.Password)
	u.policy.IsAdministrator = spec.Administrator
	u.policy.EnableRemoteControlOfOtherUsers, u.policy.EnableContentDeletion = spec.Administrator, spec.Administrator
	u.policy.IsDisabled = spec.Disabled
	if spec.AuthProvider != "" {
		u.policy.AuthenticationProviderId = spec.AuthProvider
	}
	u.lastActivity = spec.LastActivity
	return u.id
}

// DeleteUser deletes an account and its tokens. What the plugin knows about it stays.
func (s *Server) DeleteUser(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleteUser(undashed(id))
}

// saysPassword is whether the account has a password, by what its sign-in provider says: one of another plugin says yes.
func (u *user) saysPassword() bool {
	ofAnother := u.policy.AuthenticationProviderId != api.AuthProviderDefault &&
		u.policy.AuthenticationProviderId != api.AuthProviderPlugin
	return u.hasPassword || ofAnother
}

func (s *Server) addUser(name, password string) *user {
	u := &user{id: s.randomHex(16), name: name, password: password, hasPassword: password != "", policy: newPolicy()}
	s.users[u.id] = u
	return u
}

func (s *Server) deleteUser(id string) {
	s.endTokens(func(t *token) bool { return t.user.id == id })
	delete(s.users, id)
}

func (s *Server) userByName(name string) *user {
	for _, u := range s.users {
		if strings.EqualFold(u.name, name) {
			return u
		}
	}
	return nil
}

// userNames is what Jellyfin accepts as the name of an account.
var userNames = regexp.MustCompile(`^[\pL\pN_\-'._@+]([\pL\pN_ \-'._@+]*[\pL\pN_\-'._@+])?$`)

func createUser(c *call) answer {
	var in struct{ Name, Password string }
	if a, valid := c.decode(&in, ""); !valid {
		return a
	}
	if in.Name == "" {
		return c.invalid("Name", "The Name field is required.")
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if !userNames.MatchString(in.Name) || c.s.userByName(in.Name) != nil {
		return failed(http.StatusBadRequest)
	}
	u := c.s.addUser(in.Name, "")
	out := c.s.describe(u)
	u.password, u.hasPassword = in.Password, in.Password != ""
	if c.s.version.describesPassword {
		out = c.s.describe(u)
	}
	return ok(out)
}

func listUsers(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.userList(func(*user) bool { return true })
}

// listPublicUsers lists the accounts that the sign-in page offers.
func listPublicUsers(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.userList(func(u *user) bool { return !u.policy.IsHidden && !u.policy.IsDisabled })
}

func (s *Server) userList(include func(*user) bool) answer {
	all := make([]*user, 0, len(s.users))
	for _, u := range s.users {
		if include(u) {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *user) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)), cmp.Compare(a.name, b.name))
	})
	parts := make([][]byte, 1, 7*len(all)+2)
	parts[0] = []byte("[")
	for i, u := range all {
		if i > 0 {
			parts = append(parts, []byte(","))
		}
		parts = append(parts, s.encodedUser(u)...)
	}
	return answer{status: http.StatusOK, kind: typeJSON, body: append(parts, []byte("]"))}
}

func getUser(c *call) answer {
	id, valid := guid(c.vars["userId"])
	if !valid {
		return c.invalid("userId", "The value '"+c.vars["userId"]+"' is not valid.")
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	u := c.s.users[id]
	if u == nil {
		return c.problem(http.StatusNotFound, "", nil)
	}
	return c.s.userAnswer(u)
}

func getMe(c *call) answer {
	if c.who.user == nil {
		return c.problem(http.StatusBadRequest, "", nil)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.userAnswer(c.who.user)
}

func removeUser(c *call) answer {
	id, _ := guid(c.vars["userId"])
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.users[id] == nil {
		return c.problem(http.StatusNotFound, "", nil)
	}
	c.s.deleteUser(id)
	return noContent()
}

func setPolicy(c *call) answer {
	id, _ := guid(c.vars["userId"])
	in := newPolicy()
	if a, valid := c.decode(&in, ""); !valid {
		return a
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	u := c.s.users[id]
	if u == nil {
		return c.problem(http.StatusNotFound, "", nil)
	}
	u.policy = in
	u.save()
	if in.IsDisabled {
		c.s.endTokens(func(t *token) bool { return t.user == u })
	}
	return noContent()
}

func userImage(c *call) answer { return c.problem(http.StatusNotFound, "", nil) }

func authProviders(*call) answer {
	return ok([]struct{ Name, Id string }{{"Default", api.AuthProviderDefault}})
}

func (s *Server) userAnswer(u *user) answer {
	return answer{status: http.StatusOK, kind: typeJSON, body: s.encodedUser(u)}
}

// guid reads an id in either spelling and returns it undashed and in lower case.
func guid(s string) (string, bool) {
	id := undashed(s)
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return "", false
	}
	return id, true
}

func undashed(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }
