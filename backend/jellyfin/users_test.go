package jellyfin_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	// The recorded list is cut; the recorded accounts are whole.
	one := func(name, as string) string { return fill(recorded(t, "capability probe", name, as).Body) }
	list := "[" + one("GET /Users/Me", "admin") + "," + one("GET /Users/bob", "admin") + "]"
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, list)
	})
	users, err := client(t, base, keyValue).Users(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const provider = "Jellyfin.Server.Implementations.Users.DefaultAuthenticationProvider"
	want := []api.User{
		{
			ID: users[0].ID, Name: "root", Administrator: true, HasPassword: true, AuthProvider: provider,
			LastActivity: time.Date(2026, 11, 24, 6, 15, 16, 123456700, time.UTC),
		},
		{ID: bobID, Name: "bob", HasPassword: true, AuthProvider: provider},
	}
	if d := cmp.Diff(want, users); d != "" {
		t.Error(d)
	}
}

func TestUsersRefused(t *testing.T) {
	t.Parallel()
	_, err := client(t, probeServer(t), "invalid").Users(t.Context(), nil)
	wantCode(t, err, api.CodeCredentialRefused)
}

func TestUsersThatAreNone(t *testing.T) {
	t.Parallel()
	user := `{"Id":"` + bobID + `","Name":"bob"}`
	for _, body := range []string{
		``, `{}`, `null`, `[`, `[{}]`, `[1]`, `[` + user, `[` + user + `,`, `[` + user + `]]`, `[` + user + `] x`, `"x"`,
		`[{"Id":"` + bobID + `","Name":""}]`, `[{"Id":"short","Name":"bob"}]`, `<!DOCTYPE html>`,
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		users, err := client(t, base, keyValue).Users(t.Context(), nil)
		wantCode(t, err, api.CodeServerAnswer)
		if users != nil {
			t.Errorf("%s: %d users besides the error", body, len(users))
		}
	}
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, " [] \n") })
	users, err := client(t, base, keyValue).Users(t.Context(), nil)
	if err != nil || len(users) != 0 || users == nil {
		t.Errorf("an empty list: %v, %v", users, err)
	}
}

// writeUsers writes n accounts of a real one's size.
func writeUsers(w io.Writer, template string, n int) {
	_, _ = io.WriteString(w, "[")
	for i := range n {
		if i > 0 {
			_, _ = io.WriteString(w, ",")
		}
		id := fmt.Sprintf("%032x", i)
		_, _ = io.WriteString(w, strings.NewReplacer(bobID, id, `"Name":"bob"`, fmt.Sprintf(`"Name":"user-%d"`, i)).Replace(template))
	}
	_, _ = io.WriteString(w, "]")
}

func TestTenThousandUsersInLittleMemory(t *testing.T) {
	const n = 10_000
	template := fill(recorded(t, "capability probe", "GET /Users/bob", "admin").Body)
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		writeUsers(w, template, n)
	})
	c := client(t, base, keyValue)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	users, err := c.Users(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	kept := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	if len(users) != n || users[n-1].Name != "user-9999" {
		t.Fatalf("%d users, the last is %q", len(users), users[len(users)-1].Name)
	}
	// 19 MB of JSON; what stays is about 200 bytes an account.
	if kept > 5<<20 {
		t.Errorf("%d bytes stay in memory", kept)
	}
	runtime.KeepAlive(users)
}

func TestUsersMayBeLargerThanOtherAnswers(t *testing.T) {
	t.Parallel()
	template := fill(recorded(t, "capability probe", "GET /Users/bob", "admin").Body)
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		defer z.Close()
		writeUsers(z, template, 6_000) // 12 MB
	})
	c := client(t, base, keyValue)
	var counts []int
	if users, err := c.Users(t.Context(), func(n int) { counts = append(counts, n) }); err != nil || len(users) != 6_000 {
		t.Errorf("%d users: %v", len(users), err)
	}
	if len(counts) != 24 || counts[0] != 250 || counts[23] != 6_000 {
		t.Errorf("while the accounts came it was said: %v", counts)
	}
	var all []map[string]any
	wantCode(t, c.JSON(t.Context(), jellyfin.Request{Path: "/Users"}, &all), api.CodeServerAnswer)
}

func TestUser(t *testing.T) {
	t.Parallel()
	base := probeServer(t)
	u, err := client(t, base, "token-admin").User(t.Context(), bobID)
	if err != nil || u.Name != "bob" || u.ID != bobID || u.Administrator {
		t.Errorf("%+v, %v", u, err)
	}
	gone := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		recorded(t, "user deleted", "delete erin again", "").write(w)
	})
	_, err = client(t, gone, "token-admin").User(t.Context(), "a/../b")
	wantCode(t, err, api.CodeUserNotFound)
}

func TestPluginsAndProviders(t *testing.T) {
	t.Parallel()
	base := probeServer(t)
	c := client(t, base, keyValue)
	plugins, err := c.Plugins(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := jellyfin.Plugin{ID: "505ce9d1d91642fa86ca673ef241d7df", Name: "SSO-Auth", Version: "4.0.0.4", Status: "Active"}
	if len(plugins) != 4 || plugins[2] != want {
		t.Errorf("%+v", plugins)
	}
	providers, err := c.AuthProviders(t.Context())
	if err != nil || len(providers) != 1 || providers[0].Name != "Default" {
		t.Errorf("%+v, %v", providers, err)
	}
	_, err = client(t, base, "token-user").Plugins(t.Context())
	wantCode(t, err, api.CodeForbidden)
	several := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"Name":"LDAP","Id":"L"},{"Name":"Default",`+
			`"Id":"Jellyfin.Server.Implementations.Users.DefaultAuthenticationProvider"},{"Name":"B","Id":"B"}]`)
	})
	providers, err = client(t, several, keyValue).AuthProviders(t.Context())
	if err != nil || len(providers) != 3 || providers[0].Name != "Default" || providers[1].Name != "LDAP" {
		t.Errorf("the default one is not the first: %+v, %v", providers, err)
	}
}
