//go:build !darwin && !windows

package browser

import (
	"os/exec"
	"strings"
)

// openers are the programs that open the default browser, the same as in cli/browser. That package starts them in our process
// group, so that Ctrl-C would end a browser that was not running before, and with its output piped to us, which breaks when
// we end.
var openers = []string{"xdg-open", "x-www-browser", "www-browser", "wslview"}

// openDefault starts the first opener that is installed.
func openDefault(address string) (<-chan error, error) {
	for _, name := range openers {
		if program, err := lookUp(name); err == nil {
			return start(program, address)
		}
	}
	return nil, &exec.Error{Name: strings.Join(openers, ", "), Err: exec.ErrNotFound}
}
