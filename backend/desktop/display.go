package desktop

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// CheckDisplay tells why no window can be opened on this system, or nil. The toolkit below the window ends the process
// where there is no display, so this is asked first. Where displays are found by their environment, that is looked at, and
// a local X display is asked whether it is there.
func CheckDisplay(ctx context.Context, goos string, getenv func(string) string) error {
	if goos == "windows" || goos == "darwin" || getenv("WAYLAND_DISPLAY") != "" {
		return nil
	}
	none := &api.Error{
		Code: api.CodeUnsupported, Sentence: "There is no display to open the window on.",
		Hint: "“jellybind --help” shows the commands for the terminal; “jellybind demo --tour” shows what they do.",
	}
	display := getenv("DISPLAY")
	if display == "" {
		return none
	}
	if number, local := strings.CutPrefix(display, ":"); local {
		number, _, _ = strings.Cut(number, ".")
		dialer := net.Dialer{Timeout: time.Second}
		// Abstract sockets are Linux' own; a server has at least one of the two.
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
