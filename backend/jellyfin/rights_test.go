package jellyfin_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/secret"
)

func TestRights(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", server.Jellyfin12} {
		s, base := simulated(t, server.Options{Jellyfin: version, Flavour: api.Flavour9p4})
		in, err := client(t, base, "").SignIn(t.Context(), "root", secret.New("rootpw"))
		if err != nil {
			t.Fatal(err)
		}
		c := client(t, base, "").WithCredential(in.Token)
		plain := s.AddUser(server.UserSpec{Name: "maria", Password: "pw"})
		for id, want := range map[string]api.Rights{
			in.User.ID: {
				Name: "root", Administrator: true, AllFolders: true, Folders: []string{}, LiveTV: true, Downloads: true,
				AuthProvider: api.AuthProviderDefault,
			},
			plain: {
				Name: "maria", AllFolders: true, Folders: []string{}, LiveTV: true, Downloads: true,
				AuthProvider: api.AuthProviderDefault,
			},
		} {
			got, err := c.Rights(t.Context(), id)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		}
		_, err = c.Rights(t.Context(), "0123456789abcdef0123456789abcdef")
		wantCode(t, err, api.CodeUserNotFound)
	}
}
