package link_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
)

// TestPatience: only errors that pass by themselves are retried, at a pace, and not for ever.
func TestPatience(t *testing.T) {
	t.Parallel()
	starting := &api.Error{Code: api.CodeServerStarting}
	paused := &api.Error{Code: api.CodeRateLimited, Err: &jellyfin.StatusError{Status: 429, RetryAfter: "45"}}
	for name, c := range map[string]struct {
		faults   []error // later requests succeed
		last     error   // the fault that is returned
		tries    int
		from, to time.Duration
	}{
		"at once": {tries: 1},
		"a restart": {
			faults: []error{&api.Error{Code: api.CodeServerUnreachable}, starting, starting, &api.Error{Code: api.CodePluginMissing}},
			tries:  5, from: 2 * time.Second, to: 8 * time.Second,
		},
		"as long as the server says": {faults: []error{paused, paused}, tries: 3, from: 90 * time.Second, to: 90 * time.Second},
		"no longer than that":        {faults: []error{paused, paused, paused, paused}, last: paused, tries: 3, from: 90 * time.Second, to: link.Patience},
		"what waiting does not mend": {faults: []error{starting, errors.ErrUnsupported}, last: errors.ErrUnsupported, tries: 2, to: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun, tries := time.Now(), 0
				err := link.Patiently(t.Context(), time.Now, func(context.Context) error {
					tries++
					if tries > len(c.faults) {
						return nil
					}
					return c.faults[tries-1]
				})
				if took := time.Since(begun); !errors.Is(err, c.last) || tries != c.tries || took < c.from || took > c.to {
					t.Errorf("%v after %d tries and %s", err, tries, took)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun, tries := time.Now(), 0
		err := link.Patiently(ctx, time.Now, func(context.Context) error { tries++; return starting })
		if !errors.Is(err, starting) || time.Since(begun) != 10*time.Second || tries > 12 {
			t.Errorf("cancelled: %v after %d tries and %s", err, tries, time.Since(begun))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		if err := link.Patiently(t.Context(), time.Now, func(ctx context.Context) error {
			<-ctx.Done()
			return starting
		}); !errors.Is(err, starting) || time.Since(begun) != link.Patience {
			t.Errorf("a request that hangs: %v after %s", err, time.Since(begun))
		}
	})
}

// leaving is a server that answers with an account's links once and fails after that.
type leaving struct {
	link.Plugin
	told bool
}

func (*leaving) Capabilities() api.Capabilities { return api.Capabilities{Preprovision: yes} }

func (l *leaving) UserLinks(context.Context, string) ([]api.Identity, error) {
	if l.told {
		return nil, gone()
	}
	l.told = true
	return []api.Identity{{Name: "a"}, {Name: "b"}}, nil
}

func (*leaving) Unregister(context.Context, string, string) error { return gone() }

func (*leaving) Preprovision(context.Context, api.Link) error { return gone() }

func gone() error { return &api.Error{Code: api.CodeServerUnreachable} }

// TestServerThatStaysAway: it is waited for once.
func TestServerThatStaysAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := link.Linker{Plugin: &leaving{}, ServerID: "s", Journal: journal.Open("", time.Now), Now: time.Now}
		begun := time.Now()
		err := link.Rebuild(t.Context(), &l, api.Account{}, api.Identity{Name: "a"})
		if took := time.Since(begun); !api.IsCode(err, api.CodeOutcomeUnknown) || took > link.Patience {
			t.Errorf("%v after %s", err, took)
		}
	})
}
