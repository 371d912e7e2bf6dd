//go:build darwin || windows

package browser

import (
	"io"
	"sync"

	clibrowser "github.com/cli/browser"
)

var quiet = sync.OnceFunc(func() {
	// The browser's output would end up in the middle of ours.
	clibrowser.Stdout, clibrowser.Stderr = io.Discard, io.Discard
})

// openDefault asks the system, which starts the browser as a separate program.
func openDefault(address string) (<-chan error, error) {
	quiet()
	ended := make(chan error, 1)
	go func() { ended <- clibrowser.OpenURL(address) }()
	return ended, nil
}
