package link

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
)

// For tests of the package from outside.
var (
	Patiently = patiently
	Patience  = patience
)

func Rebuild(ctx context.Context, l *Linker, a api.Account, without api.Identity) error {
	return l.rebuild(ctx, a, "", without).told()
}
