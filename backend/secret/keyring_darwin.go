package secret

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
)

const (
	lockedWhy      api.Why = "keychain-locked"
	unavailableWhy api.Why = "keychain-away"

	lockedHint      = "Unlock the login keychain in Keychain Access, then try again."
	unavailableHint = "Check the login keychain in Keychain Access. For one run without it, use --credential-stdin."
)

// preflight has nothing to ask: macOS does not tell the keychain's state without asking the person.
func preflight(context.Context, bool) error { return nil }
