package window_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/idp"
	"github.com/jellybind/jellybind/backend/demo/visitor"
)

// TestLinkOnOtherDevices links two accounts at the same time, denies a third, and cancels a fourth.
func TestLinkOnOtherDevices(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	ctx := t.Context()
	d := world(t, demo.Options{
		Flavour:  api.FlavourK0lin,
		Provider: func(_ string, o *idp.OIDCOptions) { o.DeviceInterval = time.Second },
	})
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)

	start := func(account string) string {
		id, err := w.StartLink(ctx, api.LinkRequest{
			UserID: w.row(account).ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: api.StrategyDevice,
		})
		return must(w, id, err)
	}
	approve := func(id, login string) {
		e := w.flow(id, "device")
		if n := len(e.QR); n < 21 || len(e.QR[0]) != n || !e.QR[0][0] || e.Device.Code == "" || !e.Device.Deadline.After(time.Now()) {
			t.Errorf("shows %+v, %d rows", e.Device, n)
		}
		if err := visitor.New().Approve(ctx, e.Device.URL, e.Device.Code, login); err != nil {
			t.Errorf("approving for %s: %v", login, err)
		}
	}
	maria, root := start(demo.TourName), start("root")
	approve(root, demo.NewcomerLogin)
	approve(maria, demo.TourName)
	for id, account := range map[string]string{maria: demo.TourName, root: "root"} {
		asked := w.flow(id, "confirm").Confirmation
		if asked.Account.Name != account || !asked.NameKnown || asked.Owner != nil {
			t.Errorf("asked %+v", asked)
		}
		if err := w.ConfirmFlow(id, true); err != nil {
			t.Fatal(err)
		}
		w.flow(id, "done")
		if got := w.row(account).Identities; !slices.Equal(got, []api.Identity{asked.Identity}) {
			t.Errorf("%s has %v", account, got)
		}
	}

	denied := start("noah")
	approve(denied, visitor.Cancel)
	if e := w.flow(denied, "failed").Error; e.Code != api.CodeSignInRefused || e.Why != "device-denied" {
		t.Errorf("a denial ends with %v", e)
	}
	cancelled := start("noah")
	w.flow(cancelled, "device")
	if err := w.CancelFlow(cancelled); err != nil {
		t.Fatal(err)
	}
	if e := w.flow(cancelled, "failed").Error; e.Code != api.CodeCancelled {
		t.Errorf("a cancelled flow ends with %v", e)
	}
}
