package state_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

// edited is a session with the settings of its one provider open.
func edited(t *testing.T) *state.State {
	t.Helper()
	s := opened(t)
	s.Update(state.ProvidersLoaded{List: secretive(true)})
	s.Update(state.EditProvider{ID: "oidc/idp"})
	return s
}

func secretive(has bool) []api.ProviderDetail {
	return []api.ProviderDetail{{
		Provider: api.Provider{Protocol: api.OIDC, Name: "idp", Known: true, Enabled: true},
		Settings: api.ProviderSettings{Protocol: api.OIDC, Provider: "idp", HasSecret: has},
	}}
}

func TestStoredSecretIsDeletedOnceAsked(t *testing.T) {
	t.Parallel()
	s := edited(t)
	none[state.CallDeleteSecret](t, s.Update(state.AskDeleteSecret{}))
	if s.Dialog.Kind != state.DialogSecret {
		t.Fatalf("dialog %q", s.Dialog.Kind)
	}
	if c := want[state.CallDeleteSecret](t, s.Update(state.DialogYes{})); c.Protocol != api.OIDC || c.Name != "idp" {
		t.Errorf("deletes %+v", c)
	}
	none[state.CallDeleteSecret](t, s.Update(state.DialogYes{})) // a second click
	s.Update(state.SecretDeleted{Err: &api.Error{Code: api.CodeSecretLocked}})
	if s.Dialog.Error == nil || s.Dialog.Busy {
		t.Fatal("the failure is not told")
	}
	want[state.CallDeleteSecret](t, s.Update(state.DialogYes{}))
	cmds := s.Update(state.SecretDeleted{})
	want[state.CallProviders](t, cmds)
	if want[state.Focus](t, cmds).ID != "secret" || s.Dialog.Kind != state.DialogNone || !toasted(s, "toast.secretDeleted") {
		t.Errorf("afterwards %+v, told %+v", s.Dialog, s.Toasts)
	}
}

// TestReloadKeepsWhatIsBeingEdited: providers are read again after every change of a link, too.
func TestReloadKeepsWhatIsBeingEdited(t *testing.T) {
	t.Parallel()
	s := edited(t)
	s.Update(state.PickHost{Host: "localhost"})
	s.Update(state.AllowSHA1{On: true})
	s.Update(state.ProvidersLoaded{List: secretive(false)})
	set := want[state.CallSaveProvider](t, s.Update(state.SaveProvider{})).Settings
	if set.ListenHost != "localhost" || !set.AllowSHA1 || set.HasSecret {
		t.Errorf("saves %+v", set)
	}
	s.Update(state.EditProvider{ID: "oidc/idp"})
	if s.Providers.Edit == "" {
		t.Error("closed while they are saved")
	}
	s.Update(state.ProviderSaved{Err: &api.Error{Code: api.CodeProfileBusy}})
	// What is not saved is gone once the settings are closed.
	s.Update(state.Edit{Field: state.FieldSecret, Value: "s3cret"})
	s.Update(state.EditProvider{ID: "oidc/idp"})
	if s.Form[state.FieldSecret] != "" {
		t.Error("the secret stays in the form")
	}
	s.Update(state.EditProvider{ID: "oidc/idp"})
	if d := s.Providers.Draft; d.ListenHost != "" || d.AllowSHA1 {
		t.Errorf("cancelled, and still %+v", d)
	}
	// A provider that is gone closes its settings.
	s = edited(t)
	s.Update(state.ProvidersLoaded{})
	none[state.CallSaveProvider](t, s.Update(state.SaveProvider{}))
}

// TestTrustProvider: the certificate that was shown is trusted, once, and the provider is tested with it.
func TestTrustProvider(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Update(state.ProvidersLoaded{List: secretive(false)})
	trust := state.TrustProvider{Protocol: api.OIDC, Name: "idp"}
	none[state.CallTrustProvider](t, s.Update(trust)) // nothing was shown
	s.Update(state.ProviderTested{ID: "oidc/idp", Result: api.ProviderTest{Certificate: &api.Certificate{SHA256: "AB:CD"}}})
	if c := want[state.CallTrustProvider](t, s.Update(trust)); c.Protocol != api.OIDC || c.Name != "idp" || c.SHA256 != "AB:CD" {
		t.Errorf("trusts %+v", c)
	}
	none[state.CallTrustProvider](t, s.Update(trust)) // a second click
	s.Update(state.ProviderTested{ID: "oidc/idp", Result: api.ProviderTest{OK: true}})
	if now := s.Providers.Tests["oidc/idp"]; now.Running || !now.Result.OK {
		t.Errorf("afterwards %+v", now)
	}
}
