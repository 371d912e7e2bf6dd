package backend_test

import (
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
)

// TestSessionOnEachJellyfin opens each flavour on each version of Jellyfin with each credential, reads its accounts and tests its
// providers.
func TestSessionOnEachJellyfin(t *testing.T) {
	t.Parallel()
	for version, reports := range map[string]string{"": "10.11.", server.Jellyfin12: "12."} {
		for _, flavour := range demo.Flavours() {
			for _, as := range []api.CredentialKind{api.CredentialAdmin, api.CredentialKey, api.CredentialUser} {
				t.Run(string(flavour)+" "+version+" "+string(as), func(t *testing.T) {
					t.Parallel()
					d, err := backend.NewDemo(t.Context(), backend.Options{Version: "test"}, demo.Options{Flavour: flavour, Jellyfin: version}, as)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = d.Close() })
					s, err := d.Open(t.Context(), backend.Target{})
					if err != nil {
						t.Fatal(err)
					}
					known := s.Linker.Plugin.Capabilities().Flavour
					if as == api.CredentialUser { // who is shown nothing that tells 9p4 from K0lin
						known = flavour
					}
					if s.Kind != as || !strings.HasPrefix(s.Server.Version, reports) || known != flavour {
						t.Errorf("%s, Jellyfin %s, %s", s.Kind, s.Server.Version, known)
					}
					r, err := s.Linker.Roster.Read(t.Context(), nil)
					if err != nil || len(r.Accounts) == 0 || r.Own != (as == api.CredentialUser) {
						t.Fatalf("%d accounts, own %t, %v", len(r.Accounts), r.Own, err)
					}
					for _, p := range r.Providers {
						if test := s.TestProvider(t.Context(), p); p.Known && p.Enabled && !test.OK {
							t.Errorf("%s: %+v", p.Name, test.Error)
						}
					}
				})
			}
		}
	}
}
