package desktop

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// CheckDisplay returns an error if there is no display to open a window on. The window's toolkit would end the process then.
// On Windows and macOS there always is one. Elsewhere the environment names it, and CheckDisplay connects to a local X
// display.
func CheckDisplay(ctx context.Context, goos string, getenv func(string) string) error {
	if goos == "windows" || goos == "darwin" || getenv("WAYLAND_DISPLAY") != "" {
		return nil
	}
	none := &api.Error{Code: api.CodeUnsupported, Why: "no-display"}
	display := getenv("DISPLAY")
	if display == "" {
		return none
	}
	if number, local := strings.CutPrefix(display, ":"); local {
		number, _, _ = strings.Cut(number, ".")
		dialer := net.Dialer{Timeout: time.Second}
		// A server listens on at least one of the two; abstract sockets (@) exist on Linux only.
		for _, socket := range []string{"/tmp/.X11-unix/X" + number, "@/tmp/.X11-unix/X" + number} {
			if conn, err := dialer.DialContext(ctx, "unix", socket); err == nil {
				_ = conn.Close()
				return nil
			}
		}
		return none
	}
	return nil
}
