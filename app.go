package main

import (
	"context"
	"log/slog"
	goruntime "runtime"
	"sync"

	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/runtime"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/desktop"
	"github.com/jellybind/jellybind/backend/process"
	"github.com/jellybind/jellybind/backend/window"
)

// App is what the page can call. Every bound method is one call into the window. None returns a secret, takes a path or runs
// a command. Rows that are loaded already come from window.Window.LoadedRows instead.
type App struct {
	window   *window.Window
	profiles desktop.Profiles
	// ctx is Wails' context, which its runtime functions need. It is set before the page loads.
	ctx context.Context
	// shown makes ready show the window once. The page may load again.
	shown sync.Once
	place api.WindowState
}

// NewApp returns the bindings.
func NewApp(b *backend.Backend) *App {
	a := &App{profiles: b.Profiles}
	a.window = window.New(b, func(event string, data any) { runtime.EventsEmit(a.ctx, event, data) })
	return a
}

func (a *App) startup(ctx context.Context) { a.ctx = ctx }

// ready shows the window at its last place, once the page has its style sheet.
func (a *App) ready(ctx context.Context) {
	a.shown.Do(func() {
		process.OnHangup(a.Quit)
		if desktop.InSight(a.place, screens(ctx)) {
			runtime.WindowSetPosition(ctx, a.place.X, a.place.Y)
		}
		runtime.WindowShow(ctx)
		if a.place.Maximised {
			runtime.WindowMaximise(ctx)
		}
	})
}

// screens returns the screens that the window's last place can be used on. On Linux with several screens it returns none:
// Wails reads a place relative to all screens and sets it relative to the current one, so the window could end up outside.
func screens(ctx context.Context) []desktop.Screen {
	all, err := runtime.ScreenGetAll(ctx)
	if err != nil || goruntime.GOOS == "linux" && len(all) > 1 {
		return nil
	}
	list := make([]desktop.Screen, len(all))
	for i, s := range all {
		list[i] = desktop.Screen{Width: s.Size.Width, Height: s.Size.Height}
	}
	return list
}

// beforeClose stores the window's place. It never prevents closing.
func (a *App) beforeClose(ctx context.Context) bool {
	if runtime.WindowIsMinimised(ctx) || runtime.WindowIsFullscreen(ctx) {
		return false
	}
	now := api.WindowState{Maximised: runtime.WindowIsMaximised(ctx)}
	now.Width, now.Height = runtime.WindowGetSize(ctx)
	now.X, now.Y = runtime.WindowGetPosition(ctx)
	if err := desktop.SavePlace(ctx, a.profiles, now); err != nil {
		slog.Warn("storing the window's place", "error", err)
	}
	return false
}

// shutdown ends running work and the demo world.
func (a *App) shutdown(context.Context) {
	if err := a.window.Close(); err != nil {
		slog.Warn("closing the window's backend", "error", err)
	}
}

// secondStart brings the window to the front when Jellybind is started again.
func (a *App) secondStart(options.SecondInstanceData) {
	runtime.WindowUnminimise(a.ctx)
	runtime.Show(a.ctx)
	runtime.WindowShow(a.ctx)
}

// Quit closes the window.
func (a *App) Quit() { runtime.Quit(a.ctx) }

// The methods below are documented at window.Window.

func (a *App) Bootstrap(language string) (api.Bootstrap, error) {
	return a.window.Bootstrap(a.ctx, language)
}

func (a *App) CheckKeyring() api.Keyring { return a.window.CheckKeyring(a.ctx) }

func (a *App) DiscoverServers() ([]api.DiscoveredServer, error) {
	return a.window.DiscoverServers(a.ctx)
}

func (a *App) ProbeServer(address string) (api.Probe, error) {
	return a.window.ProbeServer(a.ctx, address)
}

func (a *App) TrustCertificate(address, sha256 string) (api.Probe, error) {
	return a.window.TrustCertificate(a.ctx, address, sha256)
}

func (a *App) StartDemo(flavour api.Flavour, users int) (api.Session, error) {
	return a.window.StartDemo(a.ctx, flavour, users)
}

func (a *App) ConnectKey(address, name, key string) (api.Session, error) {
	return a.window.ConnectKey(a.ctx, address, name, key)
}

func (a *App) ConnectPassword(address, name, user, password string) (api.Session, error) {
	return a.window.ConnectPassword(a.ctx, address, name, user, password)
}

func (a *App) StartQuickConnect(address, name string) (api.QuickConnect, error) {
	return a.window.StartQuickConnect(a.ctx, address, name)
}

func (a *App) StopReading() { a.window.StopReading() }

func (a *App) OpenProfile(name string) (api.Session, error) { return a.window.OpenProfile(a.ctx, name) }

func (a *App) SignOut(name string) error { return a.window.SignOut(a.ctx, name) }

func (a *App) ForgetProfile(name string) error { return a.window.ForgetProfile(a.ctx, name) }

func (a *App) SetLocalAddress(name, address string) error {
	return a.window.SetLocalAddress(a.ctx, name, address)
}

func (a *App) RenameProfile(from, to string) error { return a.window.RenameProfile(a.ctx, from, to) }

func (a *App) MakeDefault(name string) error { return a.window.MakeDefault(a.ctx, name) }

func (a *App) SaveSettings(s api.Settings) error { return a.window.SaveSettings(a.ctx, s) }

func (a *App) RosterPage(q api.RosterQuery) (api.RosterPage, error) {
	return a.window.RosterPage(a.ctx, q)
}

func (a *App) RefreshRoster() (api.RosterCounts, error) { return a.window.RefreshRoster(a.ctx) }

func (a *App) Account(userID string) (api.RosterRow, error) { return a.window.Account(a.ctx, userID) }

func (a *App) WatchAccount(userID string) (api.Account, error) {
	return a.window.WatchAccount(a.ctx, userID)
}

func (a *App) Changes(userID string) (api.History, error) { return a.window.Changes(a.ctx, userID) }

func (a *App) Providers() ([]api.ProviderDetail, error) { return a.window.Providers(a.ctx) }

func (a *App) TestProvider(protocol api.Protocol, name string) (api.ProviderTest, error) {
	return a.window.TestProvider(a.ctx, protocol, name)
}

func (a *App) TrustProvider(protocol api.Protocol, name, sha256 string) (api.ProviderTest, error) {
	return a.window.TrustProvider(a.ctx, protocol, name, sha256)
}

func (a *App) SaveProviderSettings(s api.ProviderSettings) error {
	return a.window.SaveProviderSettings(a.ctx, s)
}

func (a *App) SaveProviderSecret(protocol api.Protocol, name, clientSecret string) error {
	return a.window.SaveProviderSecret(a.ctx, protocol, name, clientSecret)
}

func (a *App) PlanLink(req api.LinkRequest) (api.Plan, error) { return a.window.PlanLink(a.ctx, req) }

func (a *App) StartLink(req api.LinkRequest) (string, error) { return a.window.StartLink(a.ctx, req) }

func (a *App) StartVerify(protocol api.Protocol, provider string, strategy api.Strategy) (string, error) {
	return a.window.StartVerify(a.ctx, protocol, provider, strategy)
}

func (a *App) ConfirmFlow(id string, yes bool) error { return a.window.ConfirmFlow(id, yes) }

func (a *App) CancelFlow(id string) error { return a.window.CancelFlow(id) }

func (a *App) OpenSignIn(id string) error { return a.window.OpenSignIn(a.ctx, id) }

func (a *App) RemoveLinks(links []api.Link) api.Removal {
	return a.window.RemoveLinks(a.ctx, links, false)
}

func (a *App) RemoveLinksViaUnregister(links []api.Link) api.Removal {
	return a.window.RemoveLinks(a.ctx, links, true)
}

func (a *App) StopChanges() { a.window.StopChanges() }

func (a *App) AcceptRisk(userID string, on bool) error { return a.window.AcceptRisk(a.ctx, userID, on) }

func (a *App) SaveNote(n api.IdentityNote) ([]api.IdentityNote, error) {
	return a.window.SaveNote(a.ctx, n)
}

func (a *App) PlanUnregister(userID string) (api.UnregisterPlan, error) {
	return a.window.PlanUnregister(a.ctx, userID)
}

func (a *App) Unregister(userID, authProvider string) (api.Change, error) {
	return a.window.Unregister(a.ctx, userID, authProvider)
}

func (a *App) UndoChanges(ids []string) api.UndoResult { return a.window.UndoChanges(a.ctx, ids) }

func (a *App) SelfService() (api.SelfService, error) { return a.window.SelfService(a.ctx) }
