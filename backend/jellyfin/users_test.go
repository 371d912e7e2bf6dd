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

func TestAHundredThousandUsersInLittleMemory(t *testing.T) {
	const n = 100_000
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
	if len(users) != n || users[n-1].Name != "user-99999" {
		t.Fatalf("%d users, the last is %q", len(users), users[len(users)-1].Name)
	}
	// 190 MB of JSON; what stays is about 200 bytes an account.
	if kept > 50<<20 {
		t.Errorf("%d bytes stay in memory", kept)
	}
	runtime.KeepAlive(users)
}

// TestUsersWithoutEnd: neither one account without end nor accounts without end are kept in memory.
func TestUsersWithoutEnd(t *testing.T) {
	t.Parallel()
	const user = `{"Id":"` + bobID + `","Name":"bob","Policy":{}}`
	for name, write := range map[string]func(w io.Writer, n int) error{
		"an account": func(w io.Writer, n int) error {
			part := strings.Repeat("x", 64<<10)
			if n == 0 {
				part = `[` + user + `,{"Name":"`
			}
			_, err := io.WriteString(w, part)
			return err
		},
		"a policy": func(w io.Writer, n int) error {
			part := strings.Repeat(`{"a":1},`, 8<<10)
			if n == 0 {
				part = `[` + user + `,{"Policy":{"b":[`
			}
			_, err := io.WriteString(w, part)
			return err
		},
		"accounts": func(w io.Writer, n int) error {
			part := strings.Repeat(","+user, 1000)
			if n == 0 {
				part = `[` + user
			}
			_, err := io.WriteString(w, part)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent int
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for write(w, sent) == nil && sent < 10_000 {
					sent++
				}
			})
			_, err := client(t, base, keyValue).Users(t.Context(), nil)
			if e := wantCode(t, err, api.CodeServerAnswer); e.Params["why"] != "too-much" {
				t.Errorf("error %+v", e)
			}
		})
	}
}

// TestUsersWithAFieldOfAnotherType names the field.
func TestUsersWithAFieldOfAnotherType(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		`[{"Id":5,"Name":"bob"}]`:                                                               "Id",
		`[{"Id":"` + bobID + `","Name":["bob"]}]`:                                               "Name",
		`[{"Id":"` + bobID + `","Name":"bob","HasPassword":"yes"}]`:                             "HasPassword",
		`[{"Id":"` + bobID + `","Name":"bob","Policy":{"IsAdministrator":"true"}}]`:             "Policy.IsAdministrator",
		`[{"Id":"` + bobID + `","Name":"bob","Policy":{"AuthenticationProviderId":{"a":"b"}}}]`: "Policy.AuthenticationProviderId",
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		_, err := client(t, base, keyValue).Users(t.Context(), nil)
		if e := wantCode(t, err, api.CodeServerAnswer); e.Why != "odd-field" || e.Params["field"] != field {
			t.Errorf("%s: %s %v", body, e.Why, e.Params)
		}
	}
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[{"Id":"x","Version":2}]`) })
	_, err := client(t, base, keyValue).Plugins(t.Context())
	if e := wantCode(t, err, api.CodeServerAnswer); e.Why != "odd-field" || e.Params["field"] != "Version" {
		t.Errorf("plugins: %s %v", e.Why, e.Params)
	}
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
