// Command jellybind links Jellyfin accounts to single sign-on identities, in a window or on the command line.
package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/cli"
	"github.com/jellybind/jellybind/backend/desktop"
	"github.com/jellybind/jellybind/backend/process"
	"github.com/jellybind/jellybind/backend/window"
)

// version is set by the linker.
var version = "0.1.0-dev"

//go:embed all:frontend/dist
var frontend embed.FS

//go:embed build/appicon.png
var icon []byte

func main() {
	if opensWindow(os.Args[1:]) {
		if err := openWindow(); err != nil {
			cli.Fail(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	process.AttachConsole()
	ctx, stop := process.Ending(context.Background())
	code := cli.Run(ctx, version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// opensWindow reports whether the arguments hold no command. Development builds pass -devserver and similar flags to Wails.
func opensWindow(args []string) bool {
	return len(args) == 0 || strings.HasPrefix(args[0], "-devserver")
}

// openWindow opens the window and returns when it is closed.
func openWindow() error {
	if err := desktop.CheckDisplay(context.Background(), runtime.GOOS, os.Getenv); err != nil {
		return err
	}
	o, err := backend.Default(version)
	if err != nil {
		return fmt.Errorf("finding the configuration: %w", err)
	}
	app := NewApp(backend.New(o))
	app.window.OpenAhead(context.Background()) // a second start does this, too, before Wails ends it; it only reads
	place, theme := desktop.Place(context.Background(), o.Profiles)
	app.place = place
	if c := ground(theme); theme == "light" || theme == "dark" { // otherwise GTK uses the system's theme as well
		desktop.Paint(c.R, c.G, c.B)
	}
	err = wails.Run(&options.App{
		Title:     "Jellybind",
		Width:     place.Width,
		Height:    place.Height,
		MinWidth:  desktop.MinWidth,
		MinHeight: desktop.MinHeight,
		// The window is hidden until the page has its style sheet, and has the page's colour, so that nothing flashes.
		StartHidden:      true,
		BackgroundColour: ground(theme),
		OnStartup:        app.startup,
		OnDomReady:       app.ready,
		OnBeforeClose:    app.beforeClose,
		OnShutdown:       app.shutdown,
		AssetServer:      &assetserver.Options{Assets: frontend, Handler: app.window.LoadedRows()},
		Bind:             []any{app},
		ErrorFormatter:   window.FormatError,
		SingleInstanceLock: &options.SingleInstanceLock{
			UniqueId:               "io.github.jellybind.jellybind",
			OnSecondInstanceLaunch: app.secondStart,
		},
		Linux: &linux.Options{
			Icon:             icon,
			ProgramName:      "jellybind",
			WebviewGpuPolicy: linux.WebviewGpuPolicyNever,
		},
	})
	if err != nil {
		return fmt.Errorf("opening the window: %w", err)
	}
	return nil
}

// ground returns the page's background colour in a theme, --ground in the style sheet. If the system decides, it is the dark
// one: a dark frame before a light page is less visible than a white frame before a dark page.
func ground(theme string) *options.RGBA {
	if theme == "light" {
		return options.NewRGB(0xf6, 0xf7, 0xf8)
	}
	return options.NewRGB(0x14, 0x18, 0x1b)
}
