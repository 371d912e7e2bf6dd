package state

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
)

// CallSelf asks for the self-service kit.
type CallSelf struct{}

// SelfLoaded answers CallSelf.
type SelfLoaded struct {
	Kit api.SelfService
	Err *api.Error
}

// Do calls SelfService.
func (CallSelf) Do(ctx context.Context, b Backend) Msg {
	kit, err := get[api.SelfService](ctx, b, "SelfService")
	return SelfLoaded{Kit: kit, Err: err}
}
