package link_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/secret"
)

// devices is a world whose providers may be polled every second. change changes the provider.
func devices(t *testing.T, flavour api.Flavour, as api.CredentialKind, change func(*idp.OIDCOptions)) *world {
	t.Helper()
	var typed secret.Value
	w := newWorldOf(t, demo.Options{
		Flavour: flavour,
		Provider: func(_ string, o *idp.OIDCOptions) {
			o.DeviceInterval = time.Second
			if change != nil {
				change(o)
			}
		},
		Config: func(name string, config map[string]any) {
			if s, ok := config["OidSecret"].(string); ok && name == demo.Authelia {
				typed = secret.New(s)
			}
		},
	}, as)
	if flavour == api.FlavourFlowfin { // the plugin does not show its secret, so a person has entered it
		w.Settings = func(p api.Protocol, name string) api.ProviderSettings {
			return api.ProviderSettings{Protocol: p, Provider: name, HasSecret: true}
		}
		w.ClientSecret = func(context.Context, api.Protocol, string) (secret.Value, error) { return typed, nil }
	}
	return w
}

// withApp gives Jellybind a client of its own.
func (w *world) withApp() {
	id, _ := w.World.Client(demo.Authelia, false)
	w.Settings = func(p api.Protocol, name string) api.ProviderSettings {
		return api.ProviderSettings{Protocol: p, Provider: name, ClientID: id}
	}
	w.ClientSecret = func(context.Context, api.Protocol, string) (secret.Value, error) { return secret.Value{}, nil }
}

func onDevice(user api.User) api.LinkRequest {
	return api.LinkRequest{UserID: user.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategyDevice}
}

func TestLinkOnAnotherDevice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flavour api.Flavour
		as      api.CredentialKind
		own     bool
		denied  []string // clients that may not use the device flow
	}{
		"9p4 key":            {flavour: api.Flavour9p4, as: api.CredentialKey},
		"9p4 administrator":  {flavour: api.Flavour9p4, as: api.CredentialAdmin},
		"K0lin key":          {flavour: api.FlavourK0lin, as: api.CredentialKey},
		"Flowfin key":        {flavour: api.FlavourFlowfin, as: api.CredentialKey},
		"Flowfin own client": {flavour: api.FlavourFlowfin, as: api.CredentialAdmin, own: true},
		"the plugin's client may not": {
			flavour: api.Flavour9p4, as: api.CredentialKey, own: true, denied: []string{idp.ClientJellyfin},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := devices(t, c.flavour, c.as, func(o *idp.OIDCOptions) { o.NoDeviceClients = c.denied })
			if c.own {
				w.withApp()
			}
			account, id := w.account(t, demo.TourName), w.identity(api.OIDC, demo.Authelia)
			var asked api.Confirmation
			var shown api.DeviceSignIn
			change, err := w.Link(t.Context(), onDevice(account.User), person{
				login: demo.NewcomerLogin, device: func(d api.DeviceSignIn) { shown = d },
				confirm: func(c api.Confirmation) error { asked = c; return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			if shown.Code == "" || shown.URL == "" || !shown.Deadline.After(time.Now()) {
				t.Errorf("shows %+v", shown)
			}
			if asked.Identity != id || !asked.NameKnown || asked.DisplayName == "" || asked.Owner != nil {
				t.Errorf("asks %+v", asked)
			}
			if change.State != api.ChangeConfirmed || !slices.Contains(w.account(t, demo.TourName).Identities, id) {
				t.Errorf("the change is %+v", change)
			}
			if n := w.requests("GET", "/sso/OID/start"); n > 0 {
				t.Errorf("the server was asked %d times to start", n)
			}
			v, err := w.Verify(t.Context(), link.VerifyRequest{
				Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategyDevice,
			}, person{login: demo.NewcomerLogin})
			if err != nil || v.Account.ID != account.ID || v.SignedIn || v.Strategy != api.StrategyDevice {
				t.Errorf("verified %+v, %v", v, err)
			}
		})
	}
}

func TestDevicePlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flavour api.Flavour
		asked   bool
		change  func(*idp.OIDCOptions)
		code    api.Code // of the plan's error
		why     api.Why  // of the option
	}{
		"offered":            {flavour: api.Flavour9p4, why: api.WhyDevice},
		"asked for":          {flavour: api.Flavour9p4, asked: true, why: api.WhyDevice},
		"missing":            {flavour: api.Flavour9p4, change: noDevices, why: "device-missing"},
		"missing, asked for": {flavour: api.Flavour9p4, asked: true, change: noDevices, code: api.CodeUnsupported, why: "device-missing"},
		"forbidden, asked for": {
			flavour: api.Flavour9p4, asked: true, code: api.CodeUnsupported, why: "device-forbidden",
			change: func(o *idp.OIDCOptions) { o.NoDeviceClients = []string{idp.ClientJellyfin} },
		},
		"no secret": {flavour: api.FlavourFlowfin, code: api.CodeClientSecretMissing, why: api.WhySecretMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := devices(t, c.flavour, api.CredentialKey, c.change)
			if c.why == api.WhySecretMissing {
				w.Settings = func(p api.Protocol, name string) api.ProviderSettings {
					return api.ProviderSettings{Protocol: p, Provider: name}
				}
			}
			req := onDevice(w.account(t, demo.TourName).User)
			if !c.asked {
				req.Strategy = ""
			}
			plan, err := w.Plan(t.Context(), req)
			if e, ok := errors.AsType[*api.Error](err); ok && e.Code != c.code || err == nil && c.code != "" {
				t.Errorf("the plan's error is %v", err)
			}
			i := slices.IndexFunc(plan.Options, func(o api.Option) bool { return o.Strategy == api.StrategyDevice })
			if i < 0 || plan.Options[i].Why != c.why || plan.Options[i].OK != (c.why == api.WhyDevice) {
				t.Errorf("the options are %+v", plan.Options)
			}
			if chosen := plan.Strategy == api.StrategyDevice; chosen != c.asked {
				t.Errorf("the plan takes %q", plan.Strategy)
			}
		})
	}
}

func noDevices(o *idp.OIDCOptions) { o.NoDeviceFlow = true }

// TestDeviceRefused: nothing is written if nobody signs in, or another person than expected.
func TestDeviceRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		life time.Duration
		p    person
		code api.Code
		why  api.Why
	}{
		"denied":             {p: person{login: visitor.Cancel}, code: api.CodeSignInRefused, why: "device-denied"},
		"expired":            {life: 2 * time.Second, p: person{away: true}, code: api.CodeTimeout, why: "device-expired"},
		"of another account": {p: person{login: "noah"}, code: api.CodeLinkOwned},
		"not this one": {
			p:    person{login: demo.NewcomerLogin, confirm: func(api.Confirmation) error { return &api.Error{Code: api.CodeCancelled} }},
			code: api.CodeCancelled,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := devices(t, api.Flavour9p4, api.CredentialKey, func(o *idp.OIDCOptions) { o.DeviceLife = c.life })
			account := w.account(t, demo.TourName)
			_, err := w.Link(t.Context(), onDevice(account.User), c.p)
			e, ok := errors.AsType[*api.Error](err)
			if !ok || e.Code != c.code || e.Why != c.why {
				t.Errorf("ends with %v", err)
			}
			if got := w.account(t, demo.TourName); len(got.Identities) != 0 {
				t.Errorf("linked %v", got.Identities)
			}
		})
	}
}

// TestDevicesAtOnce: several people sign in at the same time, and each account gets its own link.
func TestDevicesAtOnce(t *testing.T) {
	t.Parallel()
	w := devices(t, api.FlavourK0lin, api.CredentialKey, nil)
	var free []demo.Person
	linked := map[string]bool{}
	var accounts []api.Account
	for _, a := range w.roster(t).Accounts {
		for _, id := range a.Identities {
			linked[id.Name] = true
		}
		if a.Exists && len(a.Identities) == 0 {
			accounts = append(accounts, a)
		}
	}
	for _, p := range w.People() {
		if !linked[w.Identity(api.OIDC, demo.Authelia, p).Name] {
			free = append(free, p)
		}
	}
	n := min(3, len(free), len(accounts))
	if n < 2 {
		t.Fatalf("%d people and %d accounts without a link", len(free), len(accounts))
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			change, err := w.Link(t.Context(), onDevice(accounts[i].User), person{login: free[i].Login})
			want := []api.Identity{w.Identity(api.OIDC, demo.Authelia, free[i])}
			if err != nil || change.UserID != accounts[i].ID || !slices.Equal(change.Identities, want) {
				t.Errorf("%s: %+v, %v", free[i].Login, change, err)
			}
		})
	}
	all.Wait()
	for i := range n {
		if got := w.account(t, accounts[i].Name).Identities; len(got) != 1 {
			t.Errorf("%s has %v", accounts[i].Name, got)
		}
	}
}
