package window_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/profile"
)

// TestSecretsOfProviders: a client secret is only in the keyring, stays there when the profile is renamed, and is removed
// with the profile.
func TestSecretsOfProviders(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	ctx := t.Context()
	id, client := d.Client(demo.Authelia, true)
	w.secret(d.APIKey().Reveal(), client.Reveal())
	s, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	device := w.stored()[0].DeviceID
	if err := w.RenameProfile(ctx, "home", "  Wohnzimmer "); err != nil {
		t.Fatal(err)
	}
	err = w.SaveProviderSettings(ctx, api.ProviderSettings{Protocol: api.OIDC, Provider: demo.Authelia, ClientID: id, Port: 4711})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SaveProviderSecret(ctx, api.OIDC, demo.Authelia, " "+client.Reveal()+"\n"); err != nil {
		t.Fatal(err)
	}
	account := "client:" + device + ":oidc:" + demo.Authelia
	if v, err := w.keyring.Get(ctx, account); err != nil || v.Reveal() != client.Reveal() {
		t.Errorf("the keyring: %v", err)
	}
	settings := func() api.ProviderSettings {
		t.Helper()
		list, err := w.Providers(ctx)
		for _, p := range must(w, list, err) {
			if p.Name == demo.Authelia {
				return p.Settings
			}
		}
		t.Fatal("no authelia")
		return api.ProviderSettings{}
	}
	if got := settings(); !got.HasSecret || got.ClientID != id || got.Port != 4711 {
		t.Errorf("the settings %+v", got)
	}
	// The page sends back the settings that it got. That does not lose the secret.
	if err := w.SaveProviderSettings(ctx, api.ProviderSettings{Protocol: api.OIDC, Provider: demo.Authelia, ClientID: id}); err != nil {
		t.Fatal(err)
	}
	if !settings().HasSecret {
		t.Error("saving the settings lost the secret")
	}
	if err := w.SaveProviderSecret(ctx, api.OIDC, demo.Authelia, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.keyring.Get(ctx, account); err == nil || settings().HasSecret {
		t.Error("the secret was not removed")
	}
	if err := w.SaveProviderSecret(ctx, api.OIDC, demo.Authelia, client.Reveal()); err != nil {
		t.Fatal(err)
	}

	// A setting that the command line has stored since stays.
	err = w.store.Update(ctx, func(d *profile.Data) error {
		d.Profiles[0].SetProvider(api.ProviderSettings{Protocol: api.OIDC, Provider: demo.Authelia, ClientID: id, Port: 4712})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SaveProviderSecret(ctx, api.OIDC, demo.Authelia, client.Reveal()); err != nil {
		t.Fatal(err)
	}
	if got := settings(); !got.HasSecret || got.Port != 4712 {
		t.Errorf("the settings %+v", got)
	}

	w.refused(api.CodeUsage, w.RenameProfile(ctx, "Wohnzimmer", " \t"))
	w.refused(api.CodeUsage, w.RenameProfile(ctx, "Wohnzimmer", "a\u202eb"))
	w.refused(api.CodeProfileNotFound, w.RenameProfile(ctx, "home", "x"))
	if err := w.ForgetProfile(ctx, "Wohnzimmer"); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{account, "credential:" + device} {
		if _, err := w.keyring.Get(ctx, a); err == nil {
			t.Errorf("%s stayed in the keyring", a)
		}
	}
}

// TestProviderPort: the window and the command line refuse the same ports for a provider, and then store nothing.
func TestProviderPort(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	settings := api.ProviderSettings{Protocol: api.OIDC, Provider: demo.Authelia, ClientID: "jellybind"}
	for port, ok := range map[int]bool{-1: false, 0: true, 80: false, 1023: false, 1024: true, 65535: true, 65536: false} {
		settings.Port = port
		err := w.SaveProviderSettings(t.Context(), settings)
		if !ok {
			w.refused(api.CodeUsage, err)
		} else if err != nil {
			t.Errorf("port %d: %v", port, err)
		}
		details, err := w.Providers(t.Context())
		for _, d := range must(w, details, err) {
			if d.Name == demo.Authelia && (d.Settings.Port == port) != ok {
				t.Errorf("port %d was asked for and %d is stored", port, d.Settings.Port)
			}
		}
	}
}
