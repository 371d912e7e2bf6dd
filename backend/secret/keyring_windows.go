package secret

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
)

const (
	lockedWhy      api.Why = "windows-locked"
	unavailableWhy api.Why = "windows-away"
)

// preflight has nothing to ask: Windows' credentials are open whenever the person is signed in.
func preflight(context.Context, bool) error { return nil }
