package link_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

// TestSecondOpeningIsTold: the address on the browser's command line works once. A second opening is refused, and the person is
// warned.
func TestSecondOpeningIsTold(t *testing.T) {
	t.Parallel()
	for _, strategy := range []api.Strategy{api.StrategyRelay, api.StrategyPluginClient} {
		w := newWorld(t, api.Flavour9p4, api.CredentialAdmin)
		var mu sync.Mutex
		var told []api.Why
		status := func(address string) int {
			req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
			if err != nil {
				t.Error(err)
				return 0
			}
			resp, err := unpooled.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return 0
			}
			_ = resp.Body.Close()
			return resp.StatusCode
		}
		account := w.account(t, demo.TourName)
		_, err := w.Link(t.Context(), api.LinkRequest{
			UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia, Strategy: strategy,
		}, person{
			login: demo.TourName,
			shown: func(s api.SignIn) {
				launched := s.Launch()
				if launched == s.ShortURL || launched == s.Launch() {
					t.Error("an address is given twice")
				}
				if first, second := status(launched), status(launched); first != http.StatusFound || second != http.StatusGone {
					t.Errorf("%s: opened with %d, again with %d", strategy, first, second)
				}
			},
			told: func(p api.Progress) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, p.Why)
			},
		})
		if err != nil {
			t.Errorf("%s: %v", strategy, err)
		}
		mu.Lock()
		if !slices.Contains(told, "address-again") {
			t.Errorf("%s: told %v", strategy, told)
		}
		mu.Unlock()
	}
}
