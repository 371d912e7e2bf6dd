package main

import (
	"context"
	goruntime "runtime"

	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/runtime"

	"github.com/jellybind/jellybind/backend/api"
)

// App is what the page can call. Every bound method is one call into the backend; none returns a secret, takes a path or
// runs a command.
type App struct {
	version string
	// ctx is Wails' own, which its runtime functions ask for; it is set before the page loads.
	ctx context.Context
}

// NewApp returns the bindings.
func NewApp(version string) *App { return &App{version: version} }

func (a *App) startup(ctx context.Context) { a.ctx = ctx }

// secondStart brings the window forward when Jellybind is started again.
func (a *App) secondStart(options.SecondInstanceData) {
	runtime.WindowUnminimise(a.ctx)
	runtime.Show(a.ctx)
	runtime.WindowShow(a.ctx)
}

// Bootstrap returns what the window needs to draw its first frame.
func (a *App) Bootstrap() (api.Bootstrap, error) {
	return api.Bootstrap{Version: a.version, OS: goruntime.GOOS}, nil
}
